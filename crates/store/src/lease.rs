//! What an open store holds, so that `prune` leaves it alone.
//!
//! A lease is a name that is written to a file in the process's own folder before anyone looks
//! whether that name is there. `docs/format/store.md`, "Leases", draws the bytes and tells why
//! this is enough.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use crossdock_host::{LockFile, read_file};
use crossdock_image::{BlobDigest, Digest};

use crate::record::RecordKind;

/// The file of leases in a process's folder.
pub(crate) const LEASES: &str = "leases";
/// The length of one lease in bytes.
const LEASE: usize = 33;

/// What a lease holds: a blob or a record, whether it is there or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Name {
    Blob(BlobDigest),
    Record(RecordKind, [u8; 32]),
}

impl Name {
    fn to_bytes(self) -> [u8; LEASE] {
        let (code, key) = match self {
            Self::Blob(digest) => (0, *digest.digest().as_bytes()),
            Self::Record(kind, key) => (kind.code(), key),
        };
        let mut bytes = [code; LEASE];
        bytes[1..].copy_from_slice(&key);
        bytes
    }

    /// `None` for what only a newer program knows: this one does not remove it.
    fn parse(bytes: &[u8; LEASE]) -> Option<Self> {
        let [code, key @ ..] = *bytes;
        if code == 0 {
            return Some(Self::Blob(BlobDigest::new(Digest::from_bytes(key))));
        }
        RecordKind::of_code(code).map(|kind| Self::Record(kind, key))
    }
}

/// The leases of one open store.
#[derive(Debug)]
pub(crate) struct Leases(Mutex<State>);

#[derive(Debug)]
struct State {
    held: HashSet<Name>,
    /// Appended to, one lease at a time.
    file: File,
    lock: LockFile,
    /// Set once the file does not take a lease. From then on `lock` is held, so that nothing is
    /// removed until the store is closed.
    holds_all: bool,
}

impl Leases {
    /// Leases are appended to `file`, in the process's own folder. `lock` is locked by whoever writes a
    /// lease, and by whoever removes what is not leased.
    pub(crate) fn open(file: File, lock: &Path) -> io::Result<Self> {
        Ok(Self(Mutex::new(State {
            held: HashSet::new(),
            file,
            lock: LockFile::open(lock)?,
            holds_all: false,
        })))
    }

    /// Holds `name` until the store is closed, and tells whether that is new. To be called before
    /// looking whether it is there.
    pub(crate) fn hold(&self, name: Name) -> bool {
        let State {
            held,
            file,
            lock,
            holds_all,
        } = &mut *self.state();
        let new = held.insert(name);
        if !new || *holds_all {
            return new;
        }
        // Who cannot lock this file can remove nothing either.
        if let Ok(lock) = lock.shared()
            && file.write_all(&name.to_bytes()).is_err()
        {
            lock.keep();
            *holds_all = true;
        }
        new
    }

    /// Runs `work`, while no other process writes a lease, with the leases of this one. If `alone`,
    /// no other process runs work like this either. `work` must not use the store.
    pub(crate) fn stop<T>(
        &self,
        alone: bool,
        work: impl FnOnce(&HashSet<Name>) -> T,
    ) -> io::Result<T> {
        let State {
            held,
            lock,
            holds_all,
            ..
        } = &mut *self.state();
        if *holds_all {
            // The lock cannot be given up without giving up what it holds.
            return Err(io::Error::other(
                "this process could not write down what it uses",
            ));
        }
        let _held = if alone {
            lock.exclusive()?
        } else {
            lock.shared()?
        };
        Ok(work(held))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|error| error.into_inner())
    }
}

/// The leases in the folder of another process. The end of a lease that a full disk cut off is
/// passed over: its process holds the lock instead.
pub(crate) fn read(folder: &Path) -> io::Result<Vec<Name>> {
    let bytes = read_file(&folder.join(LEASES), u64::MAX)?;
    let (leases, _) = bytes.as_chunks::<LEASE>();
    Ok(leases.iter().filter_map(Name::parse).collect())
}

#[cfg(test)]
mod tests;
