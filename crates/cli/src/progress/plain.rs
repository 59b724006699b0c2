//! Progress as lines, in the style of BuildKit's `--progress plain`.

use std::collections::BTreeMap;
use std::time::Duration;

use crossdock_build::Event;

use super::text::{seconds, visible};
use super::transfer::Transfer;

/// How often one piece of work tells how far it is.
const OFTEN: Duration = Duration::from_secs(5);

/// What runs.
#[derive(Debug, Default)]
pub(super) struct Plain {
    running: BTreeMap<usize, Running>,
}

#[derive(Debug)]
struct Running {
    started: Duration,
    transfer: Transfer,
    /// When it was last told how far it is.
    told: Duration,
}

impl Plain {
    /// The line for what happened at `now`; empty if there is nothing to tell.
    pub(super) fn line(&mut self, event: &Event, now: Duration) -> String {
        match event {
            Event::Started { vertex, work } => {
                let running = Running {
                    started: now,
                    transfer: Transfer::new(now),
                    told: now,
                };
                self.running.insert(*vertex, running);
                format!("#{vertex} {}\n", visible(&work.name))
            }
            Event::Detail { vertex, text } => format!("#{vertex} {}\n", visible(text)),
            Event::Progress {
                vertex,
                bytes,
                total,
            } => {
                let Some(running) = self.running.get_mut(vertex) else {
                    return String::new();
                };
                running.transfer.told(*bytes, *total, now);
                if now.saturating_sub(running.told) < OFTEN {
                    return String::new();
                }
                running.told = now;
                let amount = running.transfer.amount();
                match running.transfer.rate(now) {
                    Some(rate) => format!("#{vertex} {amount} {rate}\n"),
                    None => format!("#{vertex} {amount}\n"),
                }
            }
            Event::Finished { vertex, cached } => {
                let running = self.running.remove(vertex);
                let time = running.map_or(Duration::ZERO, |running| {
                    now.saturating_sub(running.started)
                });
                match cached {
                    true => format!("#{vertex} CACHED\n"),
                    false => format!("#{vertex} DONE {}\n", seconds(time)),
                }
            }
            Event::Failed { vertex, error } => {
                self.running.remove(vertex);
                format!("#{vertex} ERROR: {}\n", visible(error))
            }
            Event::Stopped { vertex } => {
                self.running.remove(vertex);
                format!("#{vertex} CANCELED\n")
            }
            Event::Warning { .. } | Event::Note { .. } | Event::Losses { .. } => String::new(),
        }
    }
}

#[cfg(test)]
mod tests;
