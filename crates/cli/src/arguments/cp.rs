//! `crossdock cp`.

use std::path::PathBuf;

use clap::Args;

use super::build::{Foreign, OnCollision};
use crate::image::{IMAGES, ImageOptions};

/// Copy files out of an image to this machine
///
/// DEST that is a folder gets the source below it, under its name; a new name becomes the file or
/// the folder. IMAGE:DIR/. is what is in DIR. As with docker cp, a link is copied as one, unless
/// -L is given or a slash stands behind it.
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  crossdock cp debian:12:/etc/passwd .
  crossdock cp -L debian:12:/etc/os-release ./release
  crossdock cp debian:12:/etc ./etc-of-debian
  crossdock cp debian:12:/etc/. ./folder-that-is-there
  crossdock cp registry.example.com/app:1.0:C:\\app ./app
  crossdock cp debian:12:/usr/share/doc - | tar tf -

Names and links of the other system are written as this one can hold them. What cannot be kept is
listed at the end, and is an error with --strict. Images are never changed by cp.

{IMAGES}

Exit codes:
  0 done   1 what was asked for cannot be   2 the command line   3 an image is damaged
  4 the machine or the network failed   5 something was lost, and --strict was given"))]
pub(crate) struct Cp {
    /// What is copied; several need a DEST that is a folder
    #[arg(value_name = "IMAGE:PATH", required = true)]
    pub(crate) sources: Vec<String>,

    /// A file or folder of this machine, or - for a tar on standard output
    #[arg(value_name = "DEST", required = true)]
    pub(crate) destination: PathBuf,

    /// Copy what a link leads to, if IMAGE:PATH is one
    #[arg(short = 'L', long)]
    pub(crate) follow_link: bool,

    /// Keep owners, with setuid and setgid bits, as far as this user may
    #[arg(short, long)]
    pub(crate) archive: bool,

    /// Tell only what is wrong, or not kept
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// Fail if something cannot be kept, but for owners
    #[arg(long)]
    pub(crate) strict: bool,

    /// What to do on NTFS with names that differ only in case
    #[arg(long, value_enum, default_value_t = OnCollision::Error, value_name = "POLICY")]
    pub(crate) on_collision: OnCollision,

    /// What becomes of what only the other system knows of a file: in a tar what Windows does, and on
    /// NTFS what Linux does. Other folders have no room for it
    #[arg(long, value_enum, default_value_t = Foreign::Keep, value_name = "POLICY")]
    pub(crate) foreign_metadata: Foreign,

    #[command(flatten)]
    pub(crate) options: ImageOptions,
}
