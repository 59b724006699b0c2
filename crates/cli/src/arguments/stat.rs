//! `crossdock stat`.

use clap::Args;

use crate::image::{IMAGES, ImageOptions};
use crate::out::FormatOption;

/// Show everything that is known of files of an image, and what each layer did to them
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  crossdock stat debian:12 /etc/passwd
  crossdock stat debian:12:/bin/sh
  crossdock stat -L debian:12 /bin/sh                 what the link leads to
  crossdock stat app /tmp/deleted                     which layer had it, and which removed it
  crossdock stat --digest debian:12 /bin/ls           with the SHA-256 of the content
  crossdock stat --platform windows/amd64 registry.example.com/app C:\\app\\app.exe

What Linux and what Windows know of an entry stand side by side. One of both is original, by the
system that the entry comes from; the other is what crossdock would make of it there.

{IMAGES}"))]
pub(crate) struct Stat {
    /// Image, or IMAGE:PATH
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,

    /// Paths in the image
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<String>,

    /// Follow the last link
    #[arg(short = 'L', long)]
    pub(crate) dereference: bool,

    /// Read files and show the SHA-256 digests of their contents
    #[arg(long)]
    pub(crate) digest: bool,

    #[command(flatten)]
    pub(crate) format: FormatOption,

    #[command(flatten)]
    pub(crate) options: ImageOptions,
}
