//! `crossdock history`.

use clap::{ArgAction, Args};

use crate::image::{IMAGES, ImageOptions};
use crate::out::FormatOption;

/// Show how an image was made
///
/// The newest step is the first. SIZE is that of the layer's tar, if the layer was read before;
/// nothing is read for it. COMPRESSED is the size of the blob.
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  crossdock history debian:12
  crossdock history --no-trunc --platform windows/amd64 registry.example.com/app
  The largest layers:
    crossdock history --format json app | jq -s 'sort_by(-.compressed_size)[:3]'

{IMAGES}"))]
pub(crate) struct ShowHistory {
    /// Image
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,

    /// Print only the diff ids of the layers
    #[arg(short, long, conflicts_with = "format")]
    pub(crate) quiet: bool,

    /// Cut nothing
    #[arg(long)]
    pub(crate) no_trunc: bool,

    /// Sizes and dates for people; false: bytes and RFC 3339
    #[arg(
        short = 'H',
        long,
        value_name = "BOOL",
        action = ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true"
    )]
    pub(crate) human: bool,

    #[command(flatten)]
    pub(crate) format: FormatOption,

    #[command(flatten)]
    pub(crate) options: ImageOptions,
}
