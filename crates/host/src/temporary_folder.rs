//! Folders that are there only while their owner lives.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::files::{remove_dir_all, remove_file, rename};
use crate::interruption::Announced;
use crate::lock::FileLock;

/// The file in the folder that is locked as long as its owner lives.
const ALIVE: &str = "alive";
/// Its name before it is locked.
const UNLOCKED: &str = "unlocked";

/// A folder for what is not complete yet. Dropping it, or an interruption, removes it and all
/// that is in it; what a killed process left, the next one removes that makes such a folder at
/// the same place.
#[derive(Debug)]
pub struct TemporaryFolder {
    /// Declared first: Windows cannot remove a folder with an open file in it.
    alive: Option<FileLock>,
    announced: Announced,
}

impl TemporaryFolder {
    /// Removes the folders in `parent` that begin with `prefix` and whose owners are gone, then
    /// makes one there. The prefix is one that nobody else uses.
    pub fn create_in(parent: &Path, prefix: &str) -> io::Result<Self> {
        remove_abandoned(parent, prefix);
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        loop {
            let count = COUNTER.fetch_add(1, Ordering::Relaxed);
            let path = parent.join(format!("{prefix}{}-{count}", std::process::id()));
            let announced = match Announced::make_folder(path) {
                Ok(announced) => announced,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            };
            let mut folder = Self {
                alive: None,
                announced,
            };
            match lock(folder.path()) {
                Ok(lock) => folder.alive = Some(lock),
                // Another process took it for abandoned.
                Err(_) if !folder.path().is_dir() => continue,
                Err(error) => return Err(error),
            }
            return Ok(folder);
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.announced.path()
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        self.alive = None;
        // What stays is removed by whoever makes the next one here.
        let _ = remove_dir_all(self.path());
    }
}

/// Locks the folder's file before it has its name: nobody sees it unlocked while the owner lives.
fn lock(folder: &Path) -> io::Result<FileLock> {
    let unlocked = folder.join(UNLOCKED);
    let lock = FileLock::exclusive(&unlocked)?;
    rename(&unlocked, &folder.join(ALIVE))?;
    Ok(lock)
}

/// Removes what killed processes left. What cannot be removed, another user's perhaps, harms
/// nobody.
fn remove_abandoned(parent: &Path, prefix: &str) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(prefix);
        if !ours || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let folder = entry.path();
        if is_unlocked(&folder.join(ALIVE)) {
            let _ = remove_dir_all(&folder);
        } else {
            // Its owner was killed while making it, or is making it now and will notice. The
            // folder goes only if nothing else is in it.
            let unlocked = folder.join(UNLOCKED);
            if is_unlocked(&unlocked) {
                let _ = remove_file(&unlocked);
            }
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Whether the file is there and nobody holds it.
fn is_unlocked(path: &Path) -> bool {
    // Asked before locking, which would make the file.
    path.symlink_metadata().is_ok_and(|found| found.is_file())
        && matches!(FileLock::try_exclusive(path), Ok(Some(_)))
}

#[cfg(test)]
mod tests;
