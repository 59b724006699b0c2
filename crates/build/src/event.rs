//! What goes on, for whoever shows it.

use crossdock_layer::Loss;

/// Something that happened during a build.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A piece of work begins.
    Started {
        /// Its number; it comes back when the work ends.
        vertex: usize,
        /// What is done, as one line.
        name: String,
    },
    /// It ended well.
    Finished {
        /// Its number.
        vertex: usize,
        /// The result was there already.
        cached: bool,
    },
    /// More about it.
    Detail {
        /// Its number.
        vertex: usize,
        /// One line.
        text: String,
    },
    /// Something that the user should look at; the build goes on.
    Warning {
        /// One or more lines.
        text: String,
    },
    /// What the build could not keep, once, at its end.
    Losses {
        /// Sorted by kind and path.
        losses: Vec<Loss>,
        /// Number of entries with metadata that is kept but cannot be seen on the target.
        hidden: u64,
    },
}

/// Who receives the events. They may come from several threads.
pub type Events<'a> = &'a (dyn Fn(Event) + Sync);
