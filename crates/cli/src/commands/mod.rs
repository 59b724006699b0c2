//! One file for each command.

pub(crate) mod build;
pub(crate) mod cat;
pub(crate) mod completion;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod prune;
pub(crate) mod pull;
pub(crate) mod push;

/// Threads that work at once: one for each core.
pub(crate) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
