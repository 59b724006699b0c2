//! `crossdock images`.

use clap::Args;

use crate::out::FormatOption;

/// List the images of the store
///
/// Every name is a row. CREATED is what the image says, SIZE the bytes of all blobs that it needs,
/// compressed as they are. NOTE is there if something is missing or damaged.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crossdock images
  crossdock images debian
  crossdock images 'registry.example.com/team/*:1.*'
  Each image of an index in a row of its own:
    crossdock images -a app
  Names that have a Windows image:
    crossdock images --format json | jq -r 'select(.images[].platform.os == \"windows\") | .name'

A pattern is matched against names with their tags and without; * and ? match no slash.
A digest, or its first digits, names an image in all commands.

Exit codes:
  0 done   1 the pattern is none   2 the command line   4 the machine failed")]
pub(crate) struct ListImages {
    /// Only names that match, such as debian, debian:12* or */app
    #[arg(value_name = "PATTERN")]
    pub(crate) pattern: Option<String>,

    /// The images of indexes in rows below them
    #[arg(short, long)]
    pub(crate) all: bool,

    /// Print only digests
    #[arg(short, long, conflicts_with = "format")]
    pub(crate) quiet: bool,

    /// Cut nothing: whole digests, all platforms
    #[arg(long)]
    pub(crate) no_trunc: bool,

    #[command(flatten)]
    pub(crate) format: FormatOption,
}
