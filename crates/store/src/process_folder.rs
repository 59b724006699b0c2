//! A folder for the temporary files of one process, removed by others if it dies.

use std::fs;
use std::io;
use std::path::Path;

use crossdock_host::{Announced, FileLock};

/// The file in the folder that is locked as long as its owner lives.
const ALIVE: &str = "alive";

/// A folder of its own. Dropping it, or an interruption, removes it and all that is in it.
#[derive(Debug)]
pub(crate) struct ProcessFolder {
    folder: Announced,
    alive: Option<FileLock>,
}

impl ProcessFolder {
    /// Removes the folders of processes that are gone from `parent`, then makes one there.
    ///
    /// `mutex` is a lock file under which both happen: without it, a folder whose lock its owner
    /// is about to take would look abandoned.
    pub(crate) fn create(parent: &Path, mutex: &Path) -> io::Result<Self> {
        let _held = FileLock::exclusive(mutex)?;
        remove_abandoned(parent)?;
        let mut count = 0_u64;
        let folder = loop {
            let path = parent.join(format!("{}-{count}", std::process::id()));
            match Announced::make_folder(path) {
                Ok(folder) => break folder,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => count += 1,
                Err(error) => return Err(error),
            }
        };
        let alive = FileLock::try_exclusive(&folder.path().join(ALIVE))?;
        Ok(Self { folder, alive })
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
        let _ = fs::remove_dir_all(self.path());
    }
}

fn remove_abandoned(parent: &Path) -> io::Result<()> {
    for entry in fs::read_dir(parent)? {
        let path = entry?.path();
        // The lock is given back before the folder goes, for Windows; the mutex is held. What
        // cannot be removed (another user's, say) harms nobody.
        if let Ok(Some(lock)) = FileLock::try_exclusive(&path.join(ALIVE)) {
            drop(lock);
            let _ = fs::remove_dir_all(&path);
        }
    }
    Ok(())
}
