//! `crossdock du`.

use clap::Args;

use crate::image::{IMAGES, ImageOptions};
use crate::out::FormatOption;

/// Show what the files of an image take, by directory or by layer, and what is wasted
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  crossdock du debian:12                    directories of the root, the largest first
  crossdock du debian:12 /usr -d 2 -a       two levels, with files
  crossdock du debian:12 --layers           what each layer holds, and what of it is lost
  crossdock du debian:12 --wasted           the files that are lost, and which layer lost them
  crossdock du --platform windows/amd64 registry.example.com/app C:\\Windows

A file with several names counts once, where it comes first. Sizes are those of the content:
what a layer takes compressed is shown by --layers. Bytes are wasted that a layer holds and a
higher one overwrote, removed or hid: they are shipped, and nobody sees them.

{IMAGES}"))]
pub(crate) struct Du {
    /// Image, or IMAGE:PATH
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,

    /// Directory or file in the image [default: its root]
    #[arg(value_name = "PATH", conflicts_with_all = ["layers", "wasted"])]
    pub(crate) path: Option<String>,

    /// Levels below the path that are listed
    #[arg(short = 'd', long, value_name = "N", default_value_t = 1)]
    pub(crate) max_depth: usize,

    /// List files too, and not only directories
    #[arg(short, long)]
    pub(crate) all: bool,

    /// Only the total
    #[arg(short, long, conflicts_with_all = ["max_depth", "all"])]
    pub(crate) summarize: bool,

    /// Sizes in bytes
    #[arg(short, long)]
    pub(crate) bytes: bool,

    /// What each layer holds, and what of it is wasted
    #[arg(long, conflicts_with_all = ["max_depth", "all", "summarize", "wasted"])]
    pub(crate) layers: bool,

    /// The files of layers of which the image shows nothing, the largest first
    #[arg(long, conflicts_with_all = ["max_depth", "all", "summarize"])]
    pub(crate) wasted: bool,

    /// With --wasted: so many files at most; 0 for all
    #[arg(long, value_name = "N", default_value_t = 30, requires = "wasted")]
    pub(crate) top: usize,

    #[command(flatten)]
    pub(crate) format: FormatOption,

    #[command(flatten)]
    pub(crate) options: ImageOptions,
}
