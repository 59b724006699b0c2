//! `crossdock inspect`.

use clap::Args;

use crate::image::{IMAGES, ImageOptions};
use crate::out::FormatOption;

/// Show what the documents of an image say
///
/// Of an index, the list of its images, and then the one that --platform chooses or that is for
/// linux on this machine's architecture. No layer is read.
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  crossdock inspect debian:12
  crossdock inspect --raw registry.example.com/app | sha256sum
  crossdock inspect --raw --platform windows/amd64 registry.example.com/app
  crossdock inspect --config app | jq .config.Env
  crossdock inspect --format json app | jq -r '.layers[].digest'

{IMAGES}"))]
pub(crate) struct Inspect {
    /// Images
    #[arg(value_name = "IMAGE", required = true)]
    pub(crate) images: Vec<String>,

    /// Print the bytes of the manifest or index as they are; with --platform those of the
    /// chosen image's manifest
    #[arg(long, conflicts_with_all = ["config", "format"])]
    pub(crate) raw: bool,

    /// Print the bytes of the config as they are
    #[arg(long, conflicts_with = "format")]
    pub(crate) config: bool,

    #[command(flatten)]
    pub(crate) format: FormatOption,

    #[command(flatten)]
    pub(crate) options: ImageOptions,
}
