//! The `crossdock` command: arguments, progress, exit codes.

mod age;
mod arguments;
mod colours;
mod commands;
mod completion;
mod failure;
mod image;
mod listing;
mod manual;
mod out;
mod progress;
mod registry;
mod store;
mod table;

use std::process::ExitCode;

use crate::arguments::Command;

fn main() -> ExitCode {
    if completion::answer() {
        return ExitCode::SUCCESS;
    }
    let arguments = arguments::read(arguments::with_options_first(std::env::args_os()));
    // Without it an interruption only leaves more behind.
    let _ = crossdock_host::on_interruption(progress::interrupted);
    let result = match &arguments.command {
        Command::Build(build) => commands::build::run(arguments.root.as_deref(), build),
        Command::Check(check) => commands::check::run(arguments.root.as_deref(), check),
        Command::Cat(cat) => commands::cat::run(arguments.root.as_deref(), cat),
        Command::Cp(cp) => commands::cp::run(arguments.root.as_deref(), cp),
        Command::Diff(diff) => commands::diff::run(arguments.root.as_deref(), diff),
        Command::Completion(completion) => commands::completion::run(completion),
        Command::History(history) => commands::history::run(arguments.root.as_deref(), history),
        Command::Images(images) => commands::images::run(arguments.root.as_deref(), images),
        Command::Inspect(inspect) => commands::inspect::run(arguments.root.as_deref(), inspect),
        Command::Stat(stat) => commands::stat::run(arguments.root.as_deref(), stat),
        Command::Du(du) => commands::du::run(arguments.root.as_deref(), du),
        Command::Find(find) => commands::find::run(arguments.root.as_deref(), find),
        Command::Ls(ls) => commands::ls::run(arguments.root.as_deref(), ls),
        Command::Tree(tree) => commands::tree::run(arguments.root.as_deref(), tree),
        Command::Load(load) => commands::load::run(arguments.root.as_deref(), load),
        Command::Man(man) => commands::man::run(man),
        Command::Login(login) => commands::login::run(login),
        Command::Logout(logout) => commands::logout::run(logout),
        Command::Prune(prune) => commands::prune::run(arguments.root.as_deref(), prune),
        Command::Pull(pull) => commands::pull::run(arguments.root.as_deref(), pull),
        Command::Rmi(rmi) => commands::rmi::run(arguments.root.as_deref(), rmi),
        Command::Save(save) => commands::save::run(arguments.root.as_deref(), save),
        Command::Tag(tag) => commands::tag::run(arguments.root.as_deref(), tag),
        Command::Push(push) => commands::push::run(arguments.root.as_deref(), push),
    };
    // While it is being interrupted the process ends as such, whatever has failed meanwhile.
    crossdock_host::undivided(|| ());
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
