//! `crossdock ls`.

use clap::{ArgAction, Args};

use crate::image::{IMAGES, ImageOptions};
use crate::out::FormatOption;

/// List files of an image
#[derive(Debug, Args)]
#[command(disable_help_flag = true, args_override_self = true, after_help = format!("\
Examples:
  crossdock ls debian:12
  crossdock ls -l debian:12 /etc /usr/bin/sh
  crossdock ls -lR --layer debian:12:/etc/apt
  crossdock ls -lhS --platform windows/amd64 registry.example.com/app C:\\Windows\\System32
  crossdock ls -R --format json debian:12

All names are listed, also those that begin with a dot. Links that are named lead to their
directory, but not with -l or -d. Times are UTC.

-l of a Windows image shows the attributes: d directory, a archive, r read-only, h hidden,
s system, l link; then the owner, the size and the time.

Exit codes: 1 if one of the paths leads nowhere; the others are listed. See crossdock --help.

{IMAGES}"))]
pub(crate) struct Ls {
    /// Image, or IMAGE:PATH
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,

    /// Files and directories in the image [default: its root]
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<String>,

    /// Mode or attributes, owner, size and time of each name
    #[arg(short, long)]
    pub(crate) long: bool,

    /// Directories with all below them
    #[arg(short = 'R', long)]
    pub(crate) recursive: bool,

    /// Directories themselves, not what is in them
    #[arg(short, long)]
    pub(crate) directory: bool,

    /// Sizes as 1.5K, 20M; powers of 1,024
    #[arg(short, long)]
    pub(crate) human_readable: bool,

    /// Numbers of users and groups instead of their names; SIDs in a Windows image. Implies -l
    #[arg(short, long)]
    pub(crate) numeric_uid_gid: bool,

    /// The largest first
    #[arg(short = 'S', overrides_with = "by_time")]
    pub(crate) by_size: bool,

    /// The newest first
    #[arg(short = 't', overrides_with = "by_size")]
    pub(crate) by_time: bool,

    /// The other way round
    #[arg(short, long)]
    pub(crate) reverse: bool,

    /// One name on each line
    #[arg(short = '1')]
    pub(crate) one: bool,

    /// Times with seconds, nanoseconds and zone. Implies -l
    #[arg(long)]
    pub(crate) full_time: bool,

    /// The number of the layer that each name comes from; the lowest is 1. Implies -l
    #[arg(long)]
    pub(crate) layer: bool,

    /// Nothing: all names are listed anyway
    #[arg(short, long, visible_short_alias = 'A')]
    pub(crate) all: bool,

    #[command(flatten)]
    pub(crate) format: FormatOption,

    #[command(flatten)]
    pub(crate) options: ImageOptions,

    /// Print help
    #[arg(long, action = ArgAction::Help)]
    help: Option<bool>,
}
