//! One line on a terminal while something takes longer than a moment; it goes again.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossdock_build::Event;
use crossdock_host::TerminalStream;

use super::print;
use super::text::{size, visible, visible_lines};
use crate::colours::can_draw;
use crate::table::cut;

/// What takes no longer is not told.
const MOMENT: Duration = Duration::from_millis(300);

/// Shows what a command does before it answers.
pub(crate) struct BriefProgress {
    draws: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: BTreeMap<usize, Running>,
    /// A line stands on the terminal.
    is_drawn: bool,
}

struct Running {
    name: String,
    began: Instant,
    bytes: u64,
    total: u64,
}

impl BriefProgress {
    /// Draws if standard error is a terminal; else only warnings are told.
    pub(crate) fn new() -> Self {
        Self {
            draws: can_draw(TerminalStream::Error),
            state: Mutex::default(),
        }
    }

    /// Shows what happened.
    pub(crate) fn show(&self, event: &Event) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started { vertex, work } => {
                let running = Running {
                    name: work.name.clone(),
                    began: Instant::now(),
                    bytes: 0,
                    total: 0,
                };
                state.running.insert(*vertex, running);
            }
            Event::Progress {
                vertex,
                bytes,
                total,
            } => {
                if let Some(running) = state.running.get_mut(vertex) {
                    (running.bytes, running.total) = (*bytes, *total);
                }
            }
            Event::Finished { vertex, .. }
            | Event::Failed { vertex, .. }
            | Event::Stopped { vertex } => {
                state.running.remove(vertex);
            }
            Event::Warning { text } => {
                state.erase();
                print(&format!("warning: {}\n", visible_lines(text)));
            }
            Event::Detail { .. } | Event::Note { .. } | Event::Losses { .. } => {}
        }
        if self.draws {
            state.draw();
        }
    }
}

impl State {
    fn draw(&mut self) {
        let running = self.running.values();
        let Some(oldest) = running.min_by_key(|running| running.began) else {
            self.erase();
            return;
        };
        if oldest.began.elapsed() < MOMENT {
            return;
        }
        let bytes: u64 = self.running.values().map(|running| running.bytes).sum();
        let total: u64 = self.running.values().map(|running| running.total).sum();
        let mut line = visible(&oldest.name);
        if self.running.len() > 1 {
            line += &format!(" and {} more", self.running.len() - 1);
        }
        match (bytes, total) {
            (0, 0) => {}
            (bytes, 0) => line += &format!("  {}", size(bytes)),
            (bytes, total) => line += &format!("  {} / {}", size(bytes), size(total)),
        }
        let width = terminal_size::terminal_size_of(std::io::stderr())
            .map_or(80, |(width, _)| usize::from(width.0));
        print(&format!("\r{}\x1b[K", cut(&line, width.saturating_sub(1))));
        self.is_drawn = true;
    }

    fn erase(&mut self) {
        if std::mem::take(&mut self.is_drawn) {
            print("\r\x1b[K");
        }
    }
}

impl Drop for BriefProgress {
    fn drop(&mut self) {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .erase();
    }
}
