//! `crossdock cat`.

use clap::Args;

use crate::image::{IMAGES, ImageOptions};

/// Print files of an image
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  crossdock cat debian:12 /etc/os-release
  crossdock cat debian:12:/etc/os-release
  crossdock cat --platform windows/amd64 registry.example.com/app C:\\app\\app.config

Links are followed. Several files come one after the other.

{IMAGES}"))]
pub(crate) struct Cat {
    /// Image, or IMAGE:PATH
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,

    /// Files in the image
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<String>,

    #[command(flatten)]
    pub(crate) options: ImageOptions,
}
