//! `crossdock completion`.

use std::io::Write as _;

use clap::CommandFactory as _;

use crate::arguments::{Arguments, Completion};
use crate::failure::Failure;

pub(crate) fn run(arguments: &Completion) -> Result<(), Failure> {
    let mut script = Vec::new();
    let mut command = Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "crossdock", &mut script);
    let mut out = std::io::stdout().lock();
    let written = out.write_all(&script).and_then(|()| out.flush());
    written.map_err(|error| Failure::system(format!("standard output: {error}")))
}
