//! One file for each command.

pub(crate) mod build;
pub(crate) mod cat;
pub(crate) mod check;
pub(crate) mod completion;
pub(crate) mod cp;
pub(crate) mod diff;
pub(crate) mod du;
pub(crate) mod find;
pub(crate) mod history;
pub(crate) mod images;
pub(crate) mod inspect;
pub(crate) mod load;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod ls;
pub(crate) mod man;
pub(crate) mod prune;
pub(crate) mod pull;
pub(crate) mod push;
pub(crate) mod rmi;
pub(crate) mod save;
pub(crate) mod stat;
pub(crate) mod tag;
pub(crate) mod tree;

use std::path::Path;

use crate::failure::Failure;

/// Refuses to write to what is a device on this host, such as `nul` or `con.txt` on Windows: it
/// would be lost, or stand in a terminal. `option` says who named it.
pub(crate) fn refuse_device(option: &str, path: &Path) -> Result<(), Failure> {
    match crossdock_host::device_name(path) {
        None => Ok(()),
        Some(device) => Err(Failure::input(format!(
            "{option}{}: is a device of Windows ({}) and no file; choose another name",
            path.display(),
            device.to_ascii_uppercase()
        ))),
    }
}

/// Threads that work at once: one for each core.
pub(crate) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
