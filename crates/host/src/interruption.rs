//! Being interrupted: the process ends at once and leaves nothing half-written.
//!
//! Whatever exists only until something is complete is known here: temporary files and folders
//! are announced when they are made. An interruption closes the gate, through which every making
//! of such a thing and every rename into place goes; it never opens again. Then what is announced
//! is removed, and the process exits. So a rename happens wholly before the interruption or not
//! at all, and never takes a folder along that is being removed.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, mpsc};
use std::time::Duration;

use crate::files::create_dir;
use crate::patience::PAUSES;

/// What ended the process before it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    /// SIGINT, as Ctrl-C sends it; on Windows Ctrl-C, Ctrl-Break, or a console that is closed.
    Keyboard,
    /// SIGTERM; on Windows the end of the user's session or of the system.
    Terminate,
}

impl Interruption {
    /// The exit code of the process, as shells give it: 128 and the number of the signal.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Keyboard => 130,
            Self::Terminate => 143,
        }
    }
}

/// How long the last words may take: standard error may be a pipe that nobody reads.
const LAST_WORDS: Duration = Duration::from_secs(1);

static GATE: RwLock<()> = RwLock::new(());
static ANNOUNCED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// From now on, an interruption removes what is temporary, calls `last_words` with what could not
/// be removed, and ends the process. A second one kills it whatever it is doing.
///
/// May be called once in a process.
pub fn on_interruption(
    last_words: impl FnOnce(Interruption, &[PathBuf]) + Send + 'static,
) -> io::Result<()> {
    listen(move |interruption| {
        let left = close_and_remove();
        let (said, wait) = mpsc::channel();
        let words = move || {
            last_words(interruption, &left);
            let _ = said.send(());
        };
        if std::thread::Builder::new().spawn(words).is_ok() {
            let _ = wait.recv_timeout(LAST_WORDS);
        }
        std::process::exit(i32::from(interruption.exit_code()));
    })
}

/// The right to make something temporary or to give something its name. Whoever asks for it after
/// an interruption waits for the end of the process. It is not asked for by who has it.
pub(crate) fn pass() -> RwLockReadGuard<'static, ()> {
    GATE.read().unwrap_or_else(PoisonError::into_inner)
}

/// Does `step`, which makes something visible (renames a folder into place, say), unless the
/// process is being interrupted: then this does not return. What is done inside is short, makes
/// no temporary files and calls nothing of this crate that does.
pub fn undivided<T>(step: impl FnOnce() -> T) -> T {
    let _pass = pass();
    step()
}

/// A file or folder that an interruption removes, as long as this value exists. Dropping it
/// removes nothing.
#[derive(Debug)]
pub struct Announced {
    path: PathBuf,
}

impl Announced {
    /// Makes a folder and announces it.
    pub fn make_folder(path: PathBuf) -> io::Result<Self> {
        let _pass = pass();
        create_dir(&path)?;
        Ok(Self::new(path))
    }

    /// Announces what was made under the same [`pass`].
    pub(crate) fn new(path: PathBuf) -> Self {
        announced().insert(path.clone());
        Self { path }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        announced().remove(&self.path);
    }
}

fn announced() -> std::sync::MutexGuard<'static, BTreeSet<PathBuf>> {
    ANNOUNCED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Closes the gate for ever and removes all that is announced. Gives what stays.
fn close_and_remove() -> Vec<PathBuf> {
    std::mem::forget(GATE.write().unwrap_or_else(PoisonError::into_inner));
    // Other threads go on, and must not wait for what they announce no more.
    let paths: Vec<PathBuf> = announced().iter().cloned().collect();
    paths.into_iter().filter(|path| !removed(path)).collect()
}

/// Removes a file or a folder; whether it is gone.
fn removed(path: &Path) -> bool {
    // Another thread may be removing in the same folder, or writing into it, for a moment, and another
    // process may have a file open.
    for pause in PAUSES {
        let result = match path.symlink_metadata() {
            Ok(found) if found.is_dir() => fs::remove_dir_all(path),
            Ok(_) => fs::remove_file(path),
            Err(error) => Err(error),
        };
        match result {
            Ok(()) => return true,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !is_there(path) => {
                return true;
            }
            Err(_) => std::thread::sleep(Duration::from_millis(pause)),
        }
    }
    !is_there(path)
}

fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Calls `handle` in a thread of its own at the first interruption.
#[cfg(unix)]
fn listen(handle: impl FnOnce(Interruption) + Send + 'static) -> io::Result<()> {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::{flag, iterator::Signals};

    let before = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds the flag down and raises it, the second finds it
        // raised and does what it would do to a program that handles none.
        flag::register_conditional_default(signal, Arc::clone(&before))?;
        flag::register(signal, Arc::clone(&before))?;
    }
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new()
        .name("interruption".to_owned())
        .spawn(move || {
            if let Some(signal) = signals.forever().next() {
                handle(match signal {
                    SIGTERM => Interruption::Terminate,
                    _ => Interruption::Keyboard,
                });
            }
        })?;
    Ok(())
}

/// Calls `handle` in a thread of its own at the first interruption.
#[cfg(windows)]
fn listen(handle: impl FnOnce(Interruption) + Send + 'static) -> io::Result<()> {
    crate::windows::on_console_event(move |is_keyboard| {
        handle(match is_keyboard {
            true => Interruption::Keyboard,
            false => Interruption::Terminate,
        });
    })
}

#[cfg(test)]
mod tests;
