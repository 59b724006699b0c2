//! Other programs that are in the way, for tests of the crates above.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

/// Opens a file so that on Windows nobody else can open, replace or remove it until it is closed.
/// Elsewhere open files are in nobody's way. For tests.
pub fn open_alone(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(windows)]
    std::os::windows::fs::OpenOptionsExt::share_mode(&mut options, 0);
    options.open(path)
}

/// Opens every new file below a folder alone and holds it for 50 to 300 milliseconds, as virus
/// scanners, indexers and backups do. For tests.
#[derive(Debug)]
pub struct Scanner {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    opened: Arc<AtomicU64>,
}

/// How many files are held at once.
const THREADS: usize = 4;
/// The files that were looked at, with the time of their content: each is held once.
type Seen = Mutex<HashSet<(PathBuf, Option<SystemTime>)>>;

impl Scanner {
    /// Begins with what is below `root`, which may be missing yet.
    pub fn start(root: &Path) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let opened = Arc::new(AtomicU64::new(0));
        let seen = Arc::new(Seen::default());
        let threads = (0..THREADS).map(|_| {
            let (root, stop) = (root.to_owned(), Arc::clone(&stop));
            let (opened, seen) = (Arc::clone(&opened), Arc::clone(&seen));
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    scan(&root, &seen, &opened);
                    std::thread::sleep(Duration::from_millis(1));
                }
            })
        });
        Self {
            threads: threads.collect(),
            stop,
            opened,
        }
    }

    /// How many files it has held so far.
    pub fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }
}

impl Drop for Scanner {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A thread that failed has held nothing any more.
            let _ = thread.join();
        }
    }
}

/// Holds each file below `folder` that is new.
fn scan(folder: &Path, seen: &Seen, opened: &AtomicU64) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(found) = entry.metadata() else {
            continue;
        };
        if found.is_dir() {
            scan(&path, seen, opened);
            continue;
        }
        let file = (path, found.modified().ok());
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.contains(&file) {
            continue;
        }
        // Not what somebody has open, or who is at work would wait for himself.
        let Ok(alone) = open_alone(&file.0) else {
            continue;
        };
        seen.insert(file);
        drop(seen);
        let count = opened.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(50 + count * 97 % 251));
        drop(alone);
    }
}
