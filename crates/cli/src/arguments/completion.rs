//! The arguments of `completion`.

use clap::Args;
use clap_complete::Shell;

/// Print a script with which a shell completes commands and options
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crossdock completion bash > ~/.local/share/bash-completion/completions/crossdock
  crossdock completion fish > ~/.config/fish/completions/crossdock.fish
  crossdock completion powershell >> $PROFILE")]
pub(crate) struct Completion {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: Shell,
}
