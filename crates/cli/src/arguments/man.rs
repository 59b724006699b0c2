//! The arguments of `man`.

use std::path::PathBuf;

use clap::Args;

/// Print a manual page, or write all of them to a folder
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crossdock man build | man -l -
  crossdock man --out /usr/local/share/man/man1

The pages say what --help does. Each is named as man looks for it: crossdock.1, crossdock-build.1.")]
pub(crate) struct ShowManual {
    /// Command whose page is printed [default: the program's]
    #[arg(value_name = "COMMAND", conflicts_with = "out")]
    pub(crate) command: Option<String>,

    /// Folder for the pages of all commands; it is made if it does not exist
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}
