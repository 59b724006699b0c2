//! `crossdock prune`.

use clap::Args;

/// Remove what is not needed from the store
///
/// Kept is what images with a name consist of, the results of earlier builds with what is needed to
/// find them again, and everything that a crossdock which is at work uses: builds may go on
/// meanwhile. Removed are images whose name another has taken, downloaded layers of bases without
/// a name, results that are of no use any more, and what was found damaged.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  See what would be removed:
    crossdock prune --dry-run

  Keep only images with a name; the next builds do everything again:
    crossdock prune --all

Names are never removed. A base that a later build needs is downloaded again.

Exit codes:
  0 done   1 an older crossdock is using the store   2 the command line   4 the machine failed")]
pub(crate) struct Prune {
    /// Remove the results of all earlier builds too, and what is remembered of build contexts
    #[arg(short, long)]
    pub(crate) all: bool,

    /// Only tell what would be removed
    #[arg(long)]
    pub(crate) dry_run: bool,
}
