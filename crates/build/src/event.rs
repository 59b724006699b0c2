//! What goes on, for whoever shows it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossdock_layer::Loss;

use crate::error::BuildError;

/// Something that happened during a build.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A piece of work begins.
    Started {
        /// Its number; it comes back when the work ends.
        vertex: usize,
        /// What is done.
        work: Work,
    },
    /// Bytes of it came or went. Told at most some ten times a second.
    Progress {
        /// Its number.
        vertex: usize,
        /// How many, in all.
        bytes: u64,
        /// How many there will be; 0 if that is not known.
        total: u64,
    },
    /// It ended well.
    Finished {
        /// Its number.
        vertex: usize,
        /// The result was there already.
        cached: bool,
    },
    /// It ended without a result, and the build fails.
    Failed {
        /// Its number.
        vertex: usize,
        /// Why, as one or more lines.
        error: String,
    },
    /// It was given up, as something else failed.
    Stopped {
        /// Its number.
        vertex: usize,
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
    /// Something that the user may want to know, though nothing is wrong.
    Note {
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

/// A piece of work, for whoever shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// What is done, as one line.
    pub name: String,
    /// The stage that it belongs to, if it is a step of one.
    pub stage: Option<String>,
    /// The operating system of the image that it works on, as the platform names it.
    pub system: Option<String>,
    /// Numbers of the steps whose results it needs.
    pub inputs: Vec<usize>,
}

impl Work {
    /// Work that belongs to no stage.
    pub(crate) fn named(name: String) -> Self {
        Self {
            name,
            stage: None,
            system: None,
            inputs: Vec::new(),
        }
    }
}

/// Numbers pieces of work.
#[derive(Debug)]
pub(crate) struct Vertices {
    next: AtomicUsize,
}

impl Default for Vertices {
    fn default() -> Self {
        Self {
            next: AtomicUsize::new(1),
        }
    }
}

impl Vertices {
    /// Tells that a piece of work begins, and gives its number.
    pub(crate) fn begin(&self, events: Events<'_>, work: Work) -> usize {
        let vertex = self.next.fetch_add(1, Ordering::Relaxed);
        events(Event::Started { vertex, work });
        vertex
    }

    /// Does a piece of work and tells how it begins and ends. `act` gets its number and returns
    /// with the result whether that was there already. What fails when `stop` is set was stopped.
    pub(crate) fn follow<T>(
        &self,
        events: Events<'_>,
        work: Work,
        stop: Option<&AtomicBool>,
        act: impl FnOnce(usize) -> Result<(T, bool), BuildError>,
    ) -> Result<T, BuildError> {
        let vertex = self.begin(events, work);
        match act(vertex) {
            Ok((result, cached)) => {
                events(Event::Finished { vertex, cached });
                Ok(result)
            }
            Err(error) => {
                let is_stopped = stop.is_some_and(|stop| stop.load(Ordering::Relaxed));
                events(match is_stopped {
                    true => Event::Stopped { vertex },
                    false => Event::Failed {
                        vertex,
                        error: error.to_string(),
                    },
                });
                Err(error)
            }
        }
    }
}

/// The shortest time between two messages about the bytes of one piece of work.
const PAUSE: Duration = Duration::from_millis(100);

/// Tells how far a piece of work is.
pub(crate) struct Meter<'a> {
    events: Events<'a>,
    vertex: usize,
    bytes: u64,
    total: u64,
    told: Instant,
}

impl<'a> Meter<'a> {
    /// The work `vertex` begins; it will be over after `total` bytes, if that is known and not 0.
    pub(crate) fn new(events: Events<'a>, vertex: usize, total: u64) -> Self {
        Self {
            events,
            vertex,
            bytes: 0,
            total,
            told: Instant::now(),
        }
    }

    /// So many more bytes are done.
    pub(crate) fn add(&mut self, bytes: u64) {
        self.bytes += bytes;
        if self.told.elapsed() >= PAUSE {
            self.told = Instant::now();
            (self.events)(Event::Progress {
                vertex: self.vertex,
                bytes: match self.total {
                    0 => self.bytes,
                    total => self.bytes.min(total),
                },
                total: self.total,
            });
        }
    }
}

/// Who receives the events. They may come from several threads.
pub type Events<'a> = &'a (dyn Fn(Event) + Sync);
