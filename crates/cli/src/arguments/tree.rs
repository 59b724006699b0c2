//! `crossdock tree`.

use clap::{ArgAction, Args};

use crate::image::{IMAGES, ImageOptions};
use crate::out::FormatOption;

/// Show directories of an image as a tree
#[derive(Debug, Args)]
#[command(disable_help_flag = true, args_override_self = true, after_help = format!("\
Examples:
  crossdock tree -L 2 debian:12
  crossdock tree -h debian:12 /etc/apt
  crossdock tree -d app C:\\inetpub

{IMAGES}"))]
pub(crate) struct ShowTree {
    /// Image, or IMAGE:PATH
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,

    /// Directory in the image [default: its root]
    #[arg(value_name = "PATH")]
    pub(crate) path: Option<String>,

    /// Nothing deeper than so many levels
    #[arg(short = 'L', long, value_name = "DEPTH")]
    pub(crate) level: Option<usize>,

    /// Directories alone
    #[arg(short, long)]
    pub(crate) directories: bool,

    /// With sizes in bytes
    #[arg(short, long)]
    pub(crate) size: bool,

    /// With sizes as 1.5K, 20M; powers of 1,024
    #[arg(short, long)]
    pub(crate) human_readable: bool,

    /// Nothing: all names are shown anyway
    #[arg(short, long)]
    pub(crate) all: bool,

    #[command(flatten)]
    pub(crate) format: FormatOption,

    #[command(flatten)]
    pub(crate) options: ImageOptions,

    /// Print help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
}
