//! Progress as BuildKit's solve status: one JSON object on a line for each change, with the fields
//! and encodings of `client.SolveStatus` (BuildKit, client/graph.go), for programs.

mod status;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crossdock_build::{Digest, Event};
use crossdock_dockerfile::{Diagnostic, Source};

use super::losses::{kept, kinds_of, lost};
use status::{Log, SolveStatus, Status, Time, Vertex};
pub(crate) use status::{Warning, warning_of};

/// The error of a vertex that was given up: readers know it by its end.
const CANCELED: &str = "context canceled";
/// What a transfer of bytes is called among the things that a vertex does.
const TRANSFER: &str = "transferring";
/// The stream of a log that is standard error.
const STDERR: u32 = 2;

/// What was told so far.
#[derive(Debug)]
pub(super) struct RawJson {
    began: SystemTime,
    running: BTreeMap<usize, Running>,
    /// How often a name was given: digests are of names, so that they are the same in each build
    /// whatever the threads do.
    names: BTreeMap<String, usize>,
    /// The digests of vertices, by number.
    digests: BTreeMap<usize, String>,
    /// The vertex that began last: what belongs to none is told of it.
    last: Option<String>,
    /// The vertex that stands for reading the Dockerfile, once something was said about that.
    definition: Option<String>,
}

#[derive(Debug)]
struct Running {
    vertex: Vertex,
    transfer: Option<(u64, u64, Duration)>,
}

impl RawJson {
    /// Times of events count from `began`.
    pub(super) fn new(began: SystemTime) -> Self {
        Self {
            began,
            running: BTreeMap::new(),
            names: BTreeMap::new(),
            digests: BTreeMap::new(),
            last: None,
            definition: None,
        }
    }

    /// The lines for what happened at `now`.
    pub(super) fn lines(&mut self, event: &Event, now: Duration) -> String {
        let status = match event {
            Event::Started { vertex, work } => {
                let begun = self.begin(&work.name, &work.inputs, now);
                self.digests.insert(*vertex, begun.digest.clone());
                let running = Running {
                    vertex: begun.clone(),
                    transfer: None,
                };
                self.running.insert(*vertex, running);
                SolveStatus::of_vertex(begun)
            }
            Event::Progress {
                vertex,
                bytes,
                total,
            } => self.progress(*vertex, *bytes, *total, now),
            Event::Finished { vertex, cached } => self.end_of(*vertex, *cached, "", now),
            Event::Failed { vertex, error } => self.end_of(*vertex, false, error, now),
            Event::Stopped { vertex } => self.end_of(*vertex, false, CANCELED, now),
            Event::Detail { vertex, text } => {
                let at = self.time(now);
                self.running
                    .get(vertex)
                    .map_or_else(SolveStatus::default, |running| SolveStatus {
                        statuses: vec![Status {
                            id: text.clone(),
                            vertex: running.vertex.digest.clone(),
                            current: 0,
                            total: 0,
                            timestamp: at,
                            started: Some(at),
                            completed: Some(at),
                        }],
                        ..SolveStatus::default()
                    })
            }
            Event::Warning { text } => {
                let mut lines = text.lines().map(str::to_owned);
                let short = lines.next().unwrap_or_default();
                let warning = Warning::new(self.last.clone(), &short, lines.collect());
                SolveStatus::of_warnings(vec![warning])
            }
            Event::Note { text } => SolveStatus {
                logs: self.log(&format!("{text}\n"), now),
                ..SolveStatus::default()
            },
            Event::Losses { losses, hidden } => {
                let warnings = kinds_of(losses).into_iter().map(|(kind, losses)| {
                    let paths = losses.iter().map(|loss| lost(loss)).collect();
                    let short = format!("lost: {} {kind}", losses.len());
                    Warning::new(self.last.clone(), &short, paths)
                });
                SolveStatus {
                    warnings: warnings.collect(),
                    logs: self.log(&kept(*hidden), now),
                    ..SolveStatus::default()
                }
            }
        };
        status.line()
    }

    /// The lines for something that was found in the Dockerfile.
    pub(super) fn diagnose(
        &mut self,
        diagnostic: &Diagnostic,
        source: &Source,
        now: Duration,
    ) -> String {
        let (mut begun, mut lines) = (None, String::new());
        if self.definition.is_none() {
            // Readers show a warning with its vertex only.
            let name = format!("[internal] load build definition from {}", source.name());
            let mut vertex = self.begin(&name, &[], now);
            self.definition = Some(vertex.digest.clone());
            lines = SolveStatus::of_vertex(vertex.clone()).line();
            vertex.completed = Some(vertex.started);
            begun = Some(vertex);
        }
        let warning = warning_of(self.definition.clone(), diagnostic, source);
        lines
            + &SolveStatus {
                vertexes: begun.into_iter().collect(),
                warnings: vec![warning],
                ..SolveStatus::default()
            }
            .line()
    }

    /// The lines for the end of the command: nothing runs any longer.
    pub(super) fn end(&mut self, now: Duration) -> String {
        let numbers: Vec<usize> = self.running.keys().copied().collect();
        let ends = numbers
            .into_iter()
            .map(|vertex| self.end_of(vertex, false, CANCELED, now));
        ends.map(|status| status.line()).collect()
    }

    fn begin(&mut self, name: &str, inputs: &[usize], now: Duration) -> Vertex {
        let count = self.names.entry(name.to_owned()).or_default();
        let digest = Digest::of(format!("{name}\0{count}").as_bytes()).to_string();
        *count += 1;
        self.last = Some(digest.clone());
        let inputs = inputs.iter().filter_map(|input| self.digests.get(input));
        Vertex {
            digest,
            inputs: inputs.cloned().collect(),
            name: name.to_owned(),
            started: self.time(now),
            completed: None,
            cached: false,
            error: String::new(),
        }
    }

    fn progress(&mut self, number: usize, bytes: u64, total: u64, now: Duration) -> SolveStatus {
        let at = self.time(now);
        let began = self.began;
        let Some(running) = self.running.get_mut(&number) else {
            return SolveStatus::default();
        };
        let (.., started) = *running.transfer.get_or_insert((0, 0, now));
        running.transfer = Some((bytes, total, started));
        SolveStatus {
            statuses: vec![Status {
                id: TRANSFER.to_owned(),
                vertex: running.vertex.digest.clone(),
                current: bytes,
                total,
                timestamp: at,
                started: Some(Time(began + started)),
                completed: None,
            }],
            ..SolveStatus::default()
        }
    }

    fn end_of(&mut self, number: usize, cached: bool, error: &str, now: Duration) -> SolveStatus {
        let at = self.time(now);
        let Some(running) = self.running.remove(&number) else {
            return SolveStatus::default();
        };
        let digest = running.vertex.digest.clone();
        let complete = |(_, total, started): (u64, u64, Duration)| Status {
            id: TRANSFER.to_owned(),
            vertex: digest,
            current: total,
            total,
            timestamp: at,
            started: Some(Time(self.began + started)),
            completed: Some(at),
        };
        let transfer = running.transfer.filter(|_| error.is_empty());
        SolveStatus {
            vertexes: vec![Vertex {
                completed: Some(at),
                cached,
                error: error.to_owned(),
                ..running.vertex
            }],
            statuses: transfer.map(complete).into_iter().collect(),
            ..SolveStatus::default()
        }
    }

    /// A log of the last vertex; none without a text.
    fn log(&self, text: &str, now: Duration) -> Vec<Log> {
        let log = Log {
            vertex: self.last.clone(),
            stream: STDERR,
            data: status::Bytes(text.as_bytes().to_vec()),
            timestamp: self.time(now),
        };
        Some(log).filter(|_| !text.is_empty()).into_iter().collect()
    }

    fn time(&self, now: Duration) -> Time {
        Time(self.began + now)
    }
}

#[cfg(test)]
mod tests;
