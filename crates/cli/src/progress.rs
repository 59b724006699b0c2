//! Progress on standard error: lines, a picture that changes, or JSON.

mod brief;
mod losses;
mod plain;
mod rawjson;
mod render;
mod terminal;
mod text;
mod transfer;
mod view;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::time::{Duration, Instant, SystemTime};

use crossdock_build::Event;
use crossdock_dockerfile::{Diagnostic, Source};
use crossdock_host::{Interruption, TerminalStream};

use crate::colours::{can_draw, has_colours};
use crate::failure::Failure;
pub(crate) use brief::BriefProgress;
pub(crate) use losses::list_losses;
use plain::Plain;
use rawjson::RawJson;
pub(crate) use rawjson::{Warning, warning_of};
use render::{Screen, render};
use terminal::Drawn;
pub(crate) use text::{size, visible, visible_lines};
use view::{Ended, Ending, View};

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ProgressMode {
    /// tty if standard error is a terminal, else plain
    Auto,
    /// Lines, one for each step that begins and ends
    Plain,
    /// A picture of what runs, drawn again and again
    Tty,
    /// Only warnings and errors
    #[value(alias = "none")]
    Quiet,
    /// BuildKit's solve status, a JSON object on each line
    Rawjson,
}

/// How often the picture is drawn.
const FRAME: Duration = Duration::from_millis(100);
/// How long an interruption waits for a thread that is just printing.
const PATIENCE: Duration = Duration::from_millis(300);

/// What is being shown, for an interruption.
static CURRENT: Mutex<Weak<Shared>> = Mutex::new(Weak::new());

/// Shows events as they come. If it is dropped before [`done`](Self::done), the command failed.
pub(crate) struct Progress {
    shared: Arc<Shared>,
}

struct Shared {
    began: Instant,
    display: Mutex<Display>,
    /// Wakes the thread that draws, at the end.
    end: Condvar,
}

/// What is shown, and how.
enum Display {
    Quiet,
    Plain(Plain),
    RawJson(RawJson),
    Terminal(Terminal),
    /// Nothing more is shown.
    Ended,
}

struct Terminal {
    view: View,
    drawn: Drawn,
    colours: bool,
}

impl Progress {
    /// Shows the progress of what `title` says in one word, such as `Building`.
    pub(crate) fn new(mode: ProgressMode, title: &'static str) -> Result<Self, Failure> {
        let terminal = || {
            Display::Terminal(Terminal {
                view: View::new(title),
                drawn: Drawn::default(),
                colours: has_colours(TerminalStream::Error),
            })
        };
        let display = match mode {
            ProgressMode::Quiet => Display::Quiet,
            ProgressMode::Rawjson => Display::RawJson(RawJson::new(SystemTime::now())),
            ProgressMode::Plain => Display::Plain(Plain::default()),
            ProgressMode::Auto | ProgressMode::Tty if can_draw(TerminalStream::Error) => terminal(),
            ProgressMode::Auto => Display::Plain(Plain::default()),
            ProgressMode::Tty => {
                return Err(Failure::input(
                    "--progress tty: standard error is not a terminal that can be drawn on; use \
                     --progress plain, or auto, which chooses",
                ));
            }
        };
        let draws = matches!(display, Display::Terminal(_));
        let shared = Arc::new(Shared {
            began: Instant::now(),
            display: Mutex::new(display),
            end: Condvar::new(),
        });
        if draws {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name("progress".to_owned())
                .spawn(move || shared.draw_until_ended())
                .map_err(|error| Failure::system(format!("a thread cannot be started: {error}")))?;
        }
        *current() = Arc::downgrade(&shared);
        Ok(Self { shared })
    }

    /// Shows what happened.
    pub(crate) fn show(&self, event: &Event) {
        let message = match event {
            Event::Warning { text } => format!("warning: {}\n", visible_lines(text)),
            Event::Note { text } => format!("note: {}\n", visible_lines(text)),
            Event::Losses { losses, hidden } => list_losses(losses, *hidden),
            _ => String::new(),
        };
        let now = self.shared.began.elapsed();
        match &mut *self.shared.display() {
            Display::Quiet if matches!(event, Event::Note { .. }) => {}
            Display::Quiet => print(&message),
            Display::Plain(plain) => print(&(plain.line(event, now) + &message)),
            Display::RawJson(lines) => print(&lines.lines(event, now)),
            Display::Terminal(terminal) => {
                terminal.view.apply(event, now);
                if !message.is_empty() {
                    terminal.draw(&message, now);
                }
            }
            Display::Ended => {}
        }
    }

    /// Shows something that was found in a Dockerfile.
    pub(crate) fn diagnose(&self, diagnostic: &Diagnostic, source: &Source) {
        let text = visible_lines(&diagnostic.render(source));
        let now = self.shared.began.elapsed();
        match &mut *self.shared.display() {
            Display::Terminal(terminal) => terminal.draw(&text, now),
            Display::Quiet | Display::Plain(_) => print(&text),
            Display::RawJson(lines) => print(&lines.diagnose(diagnostic, source, now)),
            Display::Ended => {}
        }
    }

    /// The command did what it should.
    pub(crate) fn done(&self) {
        // Whoever is being interrupted stays here: what failed because of that is not told.
        crossdock_host::undivided(|| ());
        self.shared.end(&mut self.shared.display(), Ending::Done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        crossdock_host::undivided(|| ());
        self.shared.end(&mut self.shared.display(), Ending::Failed);
    }
}

impl Shared {
    fn display(&self) -> MutexGuard<'_, Display> {
        self.display.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw_until_ended(&self) {
        let mut display = self.display();
        while let Display::Terminal(terminal) = &mut *display {
            terminal.draw("", self.began.elapsed());
            let (woken, _) = self
                .end
                .wait_timeout(display, FRAME)
                .unwrap_or_else(PoisonError::into_inner);
            display = woken;
        }
    }

    /// Leaves the last picture, and shows nothing more. A second call does nothing.
    fn end(&self, display: &mut Display, how: Ending) {
        let before = std::mem::replace(display, Display::Ended);
        let at = self.began.elapsed();
        match before {
            Display::Terminal(mut terminal) => {
                terminal.view.ended = Some(Ended { at, how });
                terminal.draw("", at);
            }
            Display::RawJson(mut lines) => print(&lines.end(at)),
            Display::Quiet | Display::Plain(_) | Display::Ended => {}
        }
        self.end.notify_all();
    }
}

impl Terminal {
    fn draw(&mut self, above: &str, now: Duration) {
        let (width, height) = terminal_size::terminal_size_of(std::io::stderr())
            .map(|(width, height)| (usize::from(width.0), usize::from(height.0)))
            .filter(|(width, height)| *width > 0 && *height > 0)
            .unwrap_or((80, 24));
        let screen = Screen {
            width,
            height,
            colours: self.colours,
        };
        let rows = render(&self.view, now, screen);
        print(&self.drawn.draw(above, &rows, width));
    }
}

/// The last words of a process that is interrupted; `left` are temporary files and folders that
/// could not be removed.
pub(crate) fn interrupted(_: Interruption, left: &[PathBuf]) {
    if let Some(shared) = current().upgrade() {
        // Another thread may wait for a reader of standard error, and for ever.
        let until = Instant::now() + PATIENCE;
        loop {
            match shared.display.try_lock() {
                Ok(mut display) => shared.end(&mut display, Ending::Interrupted),
                Err(TryLockError::Poisoned(error)) => {
                    shared.end(&mut error.into_inner(), Ending::Interrupted);
                }
                Err(TryLockError::WouldBlock) if Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(5));
                    continue;
                }
                Err(TryLockError::WouldBlock) => {}
            }
            break;
        }
    }
    let mut text = String::from("interrupted\n");
    for path in left {
        let path = text::visible(&path.display().to_string());
        let _ = writeln!(text, "{path}: cannot be removed; remove it yourself");
    }
    print(&text);
}

fn current() -> MutexGuard<'static, Weak<Shared>> {
    CURRENT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes to standard error; a reader that went away is no reason to fail.
pub(crate) fn print(text: &str) {
    if !text.is_empty() {
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }
}
