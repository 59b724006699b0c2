//! Locks between processes.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use crate::patience::patiently;

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

/// A file to lock again and again: opening it is the dear part.
#[derive(Debug)]
pub struct LockFile {
    file: File,
}

impl LockFile {
    /// Opens the file, which is created if it is missing.
    pub fn open(path: &Path) -> io::Result<Self> {
        open(path).map(|file| Self { file })
    }

    /// Waits until no one holds the lock alone, then holds it together with other sharers.
    pub fn shared(&mut self) -> io::Result<Held<'_>> {
        uninterrupted(|| self.file.lock_shared())?;
        Ok(Held { file: &self.file })
    }

    /// Waits until no one else holds the lock, then holds it alone.
    pub fn exclusive(&mut self) -> io::Result<Held<'_>> {
        uninterrupted(|| self.file.lock())?;
        Ok(Held { file: &self.file })
    }
}

/// The lock of a [`LockFile`], held until this is dropped or the process ends.
#[derive(Debug)]
pub struct Held<'a> {
    file: &'a File,
}

impl Held<'_> {
    /// Goes on holding the lock until the [`LockFile`] is dropped.
    pub fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // A lock that cannot be given back ends with the file.
        let _ = self.file.unlock();
    }
}

/// Waits on when a signal has interrupted the waiting.
fn uninterrupted(mut lock: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    loop {
        match lock() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    patiently(path, || options.open(path))
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
