//! Progress as plain lines on standard error, in the style of BuildKit's `--progress plain`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Mutex;
use std::time::Instant;

use crossdock_build::{Event, Loss};

/// Most paths that are listed of one kind of loss.
const LISTED: usize = 10;

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ProgressMode {
    /// As suits the output; today the same as plain.
    Auto,
    /// Lines, one for each step that begins and ends.
    Plain,
    /// Only warnings and errors.
    Quiet,
}

/// Prints events as they come.
pub(crate) struct Progress {
    quiet: bool,
    started: Mutex<BTreeMap<usize, Instant>>,
}

impl Progress {
    pub(crate) fn new(mode: ProgressMode) -> Self {
        Self {
            quiet: mode == ProgressMode::Quiet,
            started: Mutex::default(),
        }
    }

    pub(crate) fn show(&self, event: &Event) {
        let mut started = self
            .started
            .lock()
            .unwrap_or_else(|error| error.into_inner());
        let mut text = String::new();
        match event {
            Event::Started { vertex, work } => {
                started.insert(*vertex, Instant::now());
                text = format!("#{vertex} {}\n", work.name);
            }
            Event::Detail {
                vertex,
                text: detail,
            } => text = format!("#{vertex} {detail}\n"),
            Event::Finished { vertex, cached } => {
                let since = started.remove(vertex).map(|time| time.elapsed());
                text = match cached {
                    true => format!("#{vertex} CACHED\n"),
                    false => {
                        let seconds = since.unwrap_or_default().as_secs_f64();
                        format!("#{vertex} DONE {seconds:.1}s\n")
                    }
                };
            }
            Event::Progress { .. } | Event::Warning { .. } | Event::Losses { .. } => {}
        }
        if self.quiet {
            text.clear();
        }
        match event {
            Event::Warning { text: warning } => text.push_str(&format!("warning: {warning}\n")),
            Event::Losses { losses, hidden } => text.push_str(&list_losses(losses, *hidden)),
            _ => {}
        }
        print(&text);
    }
}

/// Writes to standard error; a reader that went away is no reason to fail.
pub(crate) fn print(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// The losses by kind, and a line about what is kept unseen.
fn list_losses(losses: &[Loss], hidden: u64) -> String {
    let mut text = String::new();
    let mut kinds: BTreeMap<_, Vec<&Loss>> = BTreeMap::new();
    for loss in losses {
        kinds.entry(loss.kind).or_default().push(loss);
    }
    for (kind, losses) in kinds {
        text.push_str(&format!("lost: {} {kind}\n", losses.len()));
        for loss in losses.iter().take(LISTED) {
            let detail = if loss.detail.is_empty() { "" } else { ": " };
            text.push_str(&format!("  {}{detail}{}\n", loss.path, loss.detail));
        }
        if losses.len() > LISTED {
            text.push_str(&format!("  and {} more\n", losses.len() - LISTED));
        }
    }
    if hidden > 0 {
        let entries = if hidden == 1 {
            "entry keeps"
        } else {
            "entries keep"
        };
        text.push_str(&format!(
            "kept: {hidden} {entries} metadata of the other system, which cannot be seen on the \
             target and comes back when copied back\n"
        ));
    }
    text
}
