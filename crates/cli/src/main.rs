//! The `crossdock` command: arguments, progress, exit codes.

mod arguments;
mod commands;
mod failure;
mod image;
mod out;
mod progress;
mod registry;
mod store;
mod table;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Without it an interruption only leaves more behind.
    let _ = crossdock_host::on_interruption(progress::interrupted);
    let result = match &arguments.command {
        Command::Build(build) => commands::build::run(arguments.root.as_deref(), build),
        Command::Cat(cat) => commands::cat::run(arguments.root.as_deref(), cat),
        Command::Completion(completion) => commands::completion::run(completion),
        Command::Login(login) => commands::login::run(login),
        Command::Logout(logout) => commands::logout::run(logout),
        Command::Prune(prune) => commands::prune::run(arguments.root.as_deref(), prune),
        Command::Pull(pull) => commands::pull::run(arguments.root.as_deref(), pull),
        Command::Push(push) => commands::push::run(arguments.root.as_deref(), push),
    };
    // While it is being interrupted the process ends as such, whatever has failed meanwhile.
    crossdock_host::undivided(|| ());
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
