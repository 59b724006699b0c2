//! Locks between processes.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

/// A lock on a file, held until it is dropped or the process ends, however it ends.
///
/// The file is created if it is missing and never removed by this type. Locks are advisory on
/// Unix, mandatory for the locked file's content on Windows: lock files hold nothing.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

impl FileLock {
    /// Waits until no one else holds the lock, then holds it alone.
    pub fn exclusive(path: &Path) -> io::Result<Self> {
        let file = open(path)?;
        file.lock()?;
        Ok(Self { _file: file })
    }

    /// Waits until no one holds the lock alone, then holds it together with other sharers.
    pub fn shared(path: &Path) -> io::Result<Self> {
        let file = open(path)?;
        file.lock_shared()?;
        Ok(Self { _file: file })
    }

    /// Holds the lock alone if that is possible at once; `None` if someone else holds it.
    pub fn try_exclusive(path: &Path) -> io::Result<Option<Self>> {
        let file = open(path)?;
        let result = file.try_lock();
        held(file, result)
    }

    /// Shares the lock if that is possible at once; `None` if someone holds it alone.
    pub fn try_shared(path: &Path) -> io::Result<Option<Self>> {
        let file = open(path)?;
        let result = file.try_lock_shared();
        held(file, result)
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
}

fn held(file: File, result: Result<(), TryLockError>) -> io::Result<Option<FileLock>> {
    match result {
        Ok(()) => Ok(Some(FileLock { _file: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests;
