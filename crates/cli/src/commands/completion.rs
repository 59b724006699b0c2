//! `crossdock completion`.

use crate::arguments::Completion;
use crate::completion::script;
use crate::failure::Failure;
use crate::out::Out;

pub(crate) fn run(arguments: &Completion) -> Result<(), Failure> {
    let script = script(arguments.shell).map_err(Failure::system)?;
    let mut out = Out::new();
    out.bytes(&script)?;
    out.finish()
}
