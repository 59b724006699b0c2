//! The arguments of `completion`.

use clap::Args;
use clap_complete::Shell;

/// Print a script with which a shell completes commands, images and paths in them
///
/// Names of the store, files of this machine, and paths in images whose layers were indexed before
/// are completed. No registry is asked, and nothing is downloaded or indexed for it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crossdock completion bash > ~/.local/share/bash-completion/completions/crossdock
  crossdock completion zsh > \"${fpath[1]}/_crossdock\"
  crossdock completion fish > ~/.config/fish/completions/crossdock.fish
  crossdock completion powershell >> $PROFILE

The script calls the crossdock that is found on the PATH, so that it need not be written again.")]
pub(crate) struct Completion {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: Shell,
}
