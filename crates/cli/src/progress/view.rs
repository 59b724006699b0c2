//! What a terminal shows, as a value. Times count from the beginning of the command.

use std::collections::BTreeMap;
use std::time::Duration;

use crossdock_build::{Event, Work};

use super::text::visible;
use super::transfer::Transfer;

/// Most characters of a name that are kept: no terminal is as wide.
const NAME: usize = 1000;

/// All that is known of the work.
#[derive(Debug)]
pub(super) struct View {
    pub(super) title: &'static str,
    /// In the order in which they began.
    pub(super) vertices: Vec<Vertex>,
    /// Their places, by number.
    places: BTreeMap<usize, usize>,
    /// The stages in the order in which they were first seen, which gives each its colour.
    stages: Vec<String>,
    pub(super) ended: Option<Ended>,
}

/// A piece of work.
#[derive(Debug)]
pub(super) struct Vertex {
    pub(super) name: String,
    pub(super) stage: Option<Stage>,
    pub(super) system: Option<String>,
    pub(super) started: Duration,
    pub(super) state: State,
    pub(super) details: Vec<String>,
    pub(super) transfer: Option<Transfer>,
}

/// The stage of a piece of work.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) name: String,
    pub(super) number: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Running,
    Done {
        at: Duration,
    },
    Cached,
    Failed,
    /// Something else failed.
    Stopped,
}

/// The end of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) at: Duration,
    pub(super) how: Ending,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Done,
    Failed,
    Interrupted,
}

impl View {
    pub(super) fn new(title: &'static str) -> Self {
        Self {
            title,
            vertices: Vec::new(),
            places: BTreeMap::new(),
            stages: Vec::new(),
            ended: None,
        }
    }

    /// Takes what happened at `now`.
    pub(super) fn apply(&mut self, event: &Event, now: Duration) {
        match event {
            Event::Started { vertex, work } => self.start(*vertex, work, now),
            Event::Progress {
                vertex,
                bytes,
                total,
            } => {
                if let Some(vertex) = self.vertex(*vertex) {
                    let began = vertex.started;
                    let transfer = vertex.transfer.get_or_insert_with(|| Transfer::new(began));
                    transfer.told(*bytes, *total, now);
                }
            }
            Event::Finished { vertex, cached } => {
                if let Some(vertex) = self.vertex(*vertex) {
                    vertex.state = match cached {
                        true => State::Cached,
                        false => State::Done { at: now },
                    };
                }
            }
            Event::Failed { vertex, .. } => {
                if let Some(vertex) = self.vertex(*vertex) {
                    vertex.state = State::Failed;
                }
            }
            Event::Stopped { vertex } => {
                if let Some(vertex) = self.vertex(*vertex) {
                    vertex.state = State::Stopped;
                }
            }
            Event::Detail { vertex, text } => {
                if let Some(vertex) = self.vertex(*vertex) {
                    vertex.details.push(short(text));
                }
            }
            Event::Warning { .. } | Event::Note { .. } | Event::Losses { .. } => {}
        }
    }

    fn start(&mut self, number: usize, work: &Work, now: Duration) {
        let stage = work.stage.as_deref().map(visible).map(|name| {
            let known = self.stages.iter().position(|stage| *stage == name);
            let number = known.unwrap_or_else(|| {
                self.stages.push(name.clone());
                self.stages.len() - 1
            });
            Stage { name, number }
        });
        self.places.insert(number, self.vertices.len());
        self.vertices.push(Vertex {
            name: short(&work.name),
            stage,
            system: work.system.as_deref().map(visible),
            started: now,
            state: State::Running,
            details: Vec::new(),
            transfer: None,
        });
    }

    fn vertex(&mut self, number: usize) -> Option<&mut Vertex> {
        let place = *self.places.get(&number)?;
        self.vertices.get_mut(place)
    }
}

fn short(text: &str) -> String {
    let end = text.char_indices().nth(NAME);
    visible(&text[..end.map_or(text.len(), |(at, _)| at)])
}
