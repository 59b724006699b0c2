//! What is remembered of the files of a context: the hash of each, as long as nothing about it
//! has changed.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossdock_host::{ContextEntry, ContextKind, FileIdentity};

/// A file that changed this short a time ago is not remembered: it may change again within the
/// same tick of its file system's clock. FAT's ticks are two seconds.
const SETTLED: Duration = Duration::from_secs(2);
/// The first bytes: a format of its own, which changes with this text.
const MAGIC: &[u8; 16] = b"xdock contexts 1";

/// All that tells whether a file has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileState {
    identity: FileIdentity,
    size: u64,
    modified: (i64, u32),
}

impl FileState {
    /// The state of an entry, if the host says enough of it.
    pub(crate) fn of(entry: &ContextEntry) -> Option<Self> {
        let ContextKind::File { size } = entry.kind else {
            return None;
        };
        Some(Self {
            identity: entry.identity?,
            size,
            modified: entry.mtime,
        })
    }

    /// Whether the file has been as it is for a while.
    fn is_settled(&self, now: SystemTime) -> bool {
        let since = |(seconds, nanoseconds): (i64, u32)| {
            let time = Duration::new(u64::try_from(seconds).ok()?, nanoseconds);
            now.duration_since(UNIX_EPOCH.checked_add(time)?).ok()
        };
        [self.modified, self.identity.changed]
            .into_iter()
            .all(|time| match time.0 {
                ..0 => true,
                _ => since(time).is_some_and(|age| age >= SETTLED),
            })
    }
}

/// The hashes of a context's files by their paths.
#[derive(Debug, Default)]
pub(crate) struct ContextMemory {
    files: HashMap<Vec<u8>, (FileState, [u8; 32])>,
    changed: bool,
}

impl ContextMemory {
    /// Reads what [`to_bytes`](Self::to_bytes) wrote; anything else is an empty memory.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let mut memory = Self::default();
        let Some(mut rest) = bytes.strip_prefix(MAGIC) else {
            return memory;
        };
        while !rest.is_empty() {
            let Some((path, state, hash)) = parse_file(&mut rest) else {
                return Self::default();
            };
            memory.files.insert(path, (state, hash));
        }
        memory
    }

    /// The memory as bytes, numbers little-endian: the magic; of each file in byte order of
    /// the paths the length of its path (4), the path, device (8), inode (8), time of the inode's
    /// change (seconds 8, nanoseconds 4), size (8), modification time (8, 4), BLAKE3 (32).
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut files: Vec<_> = self.files.iter().collect();
        files.sort_by_key(|(path, _)| *path);
        let mut bytes = MAGIC.to_vec();
        for (path, (state, hash)) in files {
            let FileState {
                identity,
                size,
                modified,
            } = state;
            bytes.extend_from_slice(&(path.len() as u32).to_le_bytes());
            bytes.extend_from_slice(path);
            bytes.extend_from_slice(&identity.device.to_le_bytes());
            bytes.extend_from_slice(&identity.inode.to_le_bytes());
            bytes.extend_from_slice(&identity.changed.0.to_le_bytes());
            bytes.extend_from_slice(&identity.changed.1.to_le_bytes());
            bytes.extend_from_slice(&size.to_le_bytes());
            bytes.extend_from_slice(&modified.0.to_le_bytes());
            bytes.extend_from_slice(&modified.1.to_le_bytes());
            bytes.extend_from_slice(hash);
        }
        bytes
    }

    /// The hash of the file at `path`, if it is as it was.
    pub(crate) fn recall(&self, path: &[u8], state: &FileState) -> Option<[u8; 32]> {
        let (known, hash) = self.files.get(path)?;
        (known == state).then_some(*hash)
    }

    /// Remembers a hash. `now` is when the file was read, or before.
    pub(crate) fn learn(&mut self, path: &[u8], state: FileState, hash: [u8; 32], now: SystemTime) {
        if state.is_settled(now) {
            self.files.insert(path.to_vec(), (state, hash));
            self.changed = true;
        }
    }

    /// Forgets files that are not in the context any more.
    pub(crate) fn keep(&mut self, mut is_there: impl FnMut(&[u8]) -> bool) {
        self.files.retain(|path, _| is_there(path));
    }

    /// Whether something was learnt.
    pub(crate) fn has_changed(&self) -> bool {
        self.changed
    }
}

fn parse_file(rest: &mut &[u8]) -> Option<(Vec<u8>, FileState, [u8; 32])> {
    let length = u32::from_le_bytes(take(rest)?) as usize;
    let (path, after) = rest.split_at_checked(length)?;
    *rest = after;
    let identity = FileIdentity {
        device: u64::from_le_bytes(take(rest)?),
        inode: u64::from_le_bytes(take(rest)?),
        changed: (
            i64::from_le_bytes(take(rest)?),
            u32::from_le_bytes(take(rest)?),
        ),
    };
    let state = FileState {
        identity,
        size: u64::from_le_bytes(take(rest)?),
        modified: (
            i64::from_le_bytes(take(rest)?),
            u32::from_le_bytes(take(rest)?),
        ),
    };
    Some((path.to_vec(), state, take(rest)?))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (field, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*field)
}

#[cfg(test)]
mod tests;
