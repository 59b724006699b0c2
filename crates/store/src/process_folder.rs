//! A folder for the temporary files of one process, removed by others if it dies.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crossdock_host::{Announced, FileLock, remove_dir_all};

use crate::lease::LEASES;
use crate::prune::Removed;

/// The file in the folder that is locked as long as its owner lives.
const ALIVE: &str = "alive";

/// A folder of its own. Dropping it, or an interruption, removes it and all that is in it.
#[derive(Debug)]
pub(crate) struct ProcessFolder {
    folder: Announced,
    alive: Option<FileLock>,
}

/// The folders of all processes.
#[derive(Debug, Default)]
pub(crate) struct Processes {
    /// Folders whose owner lives.
    pub(crate) living: Vec<PathBuf>,
    /// Files in those of the dead.
    pub(crate) dead: Removed,
}

/// A folder that was made.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) process_folder: ProcessFolder,
    /// Its file of leases, to append to. It is not opened a second time: on Windows a scanner may
    /// keep others from opening a new file.
    pub(crate) leases: File,
    /// What the dead had left, and was removed.
    pub(crate) left_behind: Removed,
}

impl ProcessFolder {
    /// Removes the folders of processes that are gone from `parent`, then makes one there.
    ///
    /// `mutex` is a lock file under which both happen: without it, a folder whose lock its owner
    /// is about to take would look abandoned.
    pub(crate) fn create(parent: &Path, mutex: &Path) -> io::Result<Made> {
        let _held = FileLock::exclusive(mutex)?;
        let left_behind = look(parent, true)?.dead;
        let mut count = 0_u64;
        let folder = loop {
            let path = parent.join(format!("{}-{count}", std::process::id()));
            match Announced::make_folder(path) {
                Ok(folder) => break folder,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => count += 1,
                Err(error) => return Err(error),
            }
        };
        // Before the lock: the folder of a living process without leases is an older program's.
        let leases = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(folder.path().join(LEASES))?;
        let alive = FileLock::try_exclusive(&folder.path().join(ALIVE))?;
        Ok(Made {
            process_folder: Self { folder, alive },
            leases,
            left_behind,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for ProcessFolder {
    fn drop(&mut self) {
        // Windows cannot remove a folder with an open file in it.
        self.alive = None;
        // What stays is removed by whoever opens the store next.
        let _ = remove_dir_all(self.path());
    }
}

/// The folders in `parent`; with `remove`, those of the dead are removed. `mutex` is as for
/// [`ProcessFolder::create`], and is held until the lock is dropped: no folder is made meanwhile.
pub(crate) fn processes(
    parent: &Path,
    mutex: &Path,
    remove: bool,
) -> io::Result<(Processes, FileLock)> {
    let held = FileLock::exclusive(mutex)?;
    Ok((look(parent, remove)?, held))
}

/// Whether the owner of a folder lives, under the mutex.
pub(crate) fn is_living(folder: &Path) -> bool {
    match FileLock::try_exclusive(&folder.join(ALIVE)) {
        Ok(lock) => lock.is_none(),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

fn look(parent: &Path, remove: bool) -> io::Result<Processes> {
    let mut found = Processes::default();
    for entry in fs::read_dir(parent)? {
        let path = entry?.path();
        match FileLock::try_exclusive(&path.join(ALIVE)) {
            // The lock is given back before the folder goes, for Windows; the mutex is held.
            Ok(Some(lock)) => drop(lock),
            Err(_) if !path.is_dir() => continue,
            // What cannot be asked (another user's, say) may live.
            Ok(None) | Err(_) => {
                found.living.push(path);
                continue;
            }
        }
        let files = files(&path);
        // What cannot be removed harms nobody.
        if !remove || remove_dir_all(&path).is_ok() {
            found.dead += files;
        }
    }
    Ok(found)
}

/// The files in a folder, but for the two that every process has. An unreadable folder counts
/// as empty: this is only told, not relied on.
fn files(folder: &Path) -> Removed {
    let mut files = Removed::default();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let own = [ALIVE, LEASES]
            .iter()
            .any(|name| entry.file_name() == *name);
        if let (false, Ok(found)) = (own, entry.metadata()) {
            files.add(found.len());
        }
    }
    files
}
