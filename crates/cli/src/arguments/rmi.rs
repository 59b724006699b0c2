//! `crossdock rmi`.

use clap::Args;

/// Remove images from the store
///
/// Names go at once. The space that only they needed is freed by crossdock prune, which knows
/// what running builds use and what results of earlier builds are worth.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crossdock rmi app:1.0 app:1.1
  crossdock rmi app:1.0 && crossdock prune
  By digest, with all names that it has:
    crossdock rmi -f 8f3ab2c41d07

What can be removed is, also if something else cannot.

Exit codes:
  0 done   1 one of the images is none, or has several names   2 the command line
  4 the machine failed")]
pub(crate) struct Rmi {
    /// Images: names, or digests or their first digits
    #[arg(value_name = "IMAGE", required = true)]
    pub(crate) images: Vec<String>,

    /// Remove all names of an image that is given by its digest
    #[arg(short, long)]
    pub(crate) force: bool,
}
