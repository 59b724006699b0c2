//! Small files of the store with a header and a checksum, so that damage is noticed.
//!
//! `docs/format/store.md`, "Records", draws the bytes.

use std::io;
use std::path::{Path, PathBuf};

use crossdock_host::{read_file, rename};

/// What a record holds, and the folder that it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// The index of a layer, by diff id.
    LayerIndex,
    /// What a blob decompresses to, by blob digest.
    Uncompressed,
    /// A build-cache record, by cache key.
    Cache,
    /// Points in a compressed blob from which it can be read, by blob digest.
    Checkpoints,
    /// What is remembered of the files of a build context, by a key of its path.
    ContextMemory,
}

impl RecordKind {
    /// The folder beneath `crossdock/`.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::LayerIndex => "indexes",
            Self::Uncompressed => "pairs",
            Self::Cache => "cache",
            Self::Checkpoints => "checkpoints",
            Self::ContextMemory => "contexts",
        }
    }

    /// All kinds. Those that lead to others come first.
    pub(crate) const ALL: [Self; 5] = [
        Self::Cache,
        Self::ContextMemory,
        Self::Checkpoints,
        Self::LayerIndex,
        Self::Uncompressed,
    ];

    pub(crate) fn of_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    pub(crate) fn code(self) -> u8 {
        match self {
            Self::LayerIndex => 1,
            Self::Uncompressed => 2,
            Self::Cache => 3,
            Self::Checkpoints => 4,
            Self::ContextMemory => 5,
        }
    }
}

/// What a look at a record gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup<T> {
    /// It is there and whole.
    Found(T),
    /// It is not there, or is of another version of the format.
    Missing,
    /// It was damaged and has been moved aside: it counts as missing, and the caller may want to
    /// say so.
    Damaged {
        /// Where the damaged file is now.
        moved_to: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl<T> Lookup<T> {
    /// The content, if there is any.
    pub fn found(self) -> Option<T> {
        match self {
            Self::Found(content) => Some(content),
            Self::Missing | Self::Damaged { .. } => None,
        }
    }
}

/// Why a record cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The system failed to read it.
    #[error("{}: cannot be read: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The system failed to write it.
    #[error("{}: cannot be written: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is damaged, and cannot be moved aside.
    #[error("{}: is damaged and cannot be moved aside ({source}); remove it", .path.display())]
    Move {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// The header's length in bytes.
pub(crate) const HEADER: usize = 88;
const MAGIC: &[u8; 8] = b"xdockrec";
const VERSION: u16 = 1;
/// The checksum covers the header up to itself and the payload.
const CHECKSUM: std::ops::Range<usize> = 56..HEADER;

/// The bytes of a record.
pub(crate) fn encode(kind: RecordKind, key: &[u8; 32], payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + payload.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.push(kind.code());
    bytes.extend_from_slice(&[0; 5]);
    bytes.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    bytes.extend_from_slice(key);
    let checksum = checksum(&bytes, payload);
    bytes.extend_from_slice(&checksum);
    bytes.extend_from_slice(payload);
    bytes
}

fn checksum(header: &[u8], payload: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(header).update(payload);
    hasher.finalize().into()
}

/// What the bytes of a file are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decoded {
    Payload(Vec<u8>),
    OtherVersion,
    Damaged(&'static str),
}

pub(crate) fn decode(kind: RecordKind, key: &[u8; 32], mut bytes: Vec<u8>) -> Decoded {
    if bytes.len() < HEADER {
        return Decoded::Damaged("it is shorter than a header");
    }
    if !bytes.starts_with(MAGIC) {
        return Decoded::Damaged("it does not begin as a record");
    }
    if bytes[8..10] != VERSION.to_le_bytes() {
        return Decoded::OtherVersion;
    }
    if checksum(&bytes[..CHECKSUM.start], &bytes[HEADER..]) != bytes[CHECKSUM] {
        return Decoded::Damaged("its checksum is wrong");
    }
    if bytes[10] != kind.code() || bytes[11..16] != [0; 5] || bytes[24..56] != *key {
        return Decoded::Damaged("it is another record");
    }
    if bytes[16..24] != ((bytes.len() - HEADER) as u64).to_le_bytes() {
        return Decoded::Damaged("its length is wrong");
    }
    // In place: fresh memory costs more than moving megabytes by some bytes.
    bytes.drain(..HEADER);
    Decoded::Payload(bytes)
}

/// Reads the record in `path`; what is damaged goes to the folder `damaged`.
pub(crate) fn read(
    path: &Path,
    kind: RecordKind,
    key: &[u8; 32],
    damaged: &Path,
) -> Result<Lookup<Vec<u8>>, RecordError> {
    let bytes = match read_file(path, u64::MAX) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Lookup::Missing),
        Err(source) => {
            return Err(RecordError::Read {
                path: path.to_owned(),
                source,
            });
        }
    };
    match decode(kind, key, bytes) {
        Decoded::Payload(payload) => Ok(Lookup::Found(payload)),
        Decoded::OtherVersion => Ok(Lookup::Missing),
        Decoded::Damaged(reason) => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let moved = move_aside(path, damaged, &format!("{}-{name}", kind.folder()));
            match moved {
                Ok(moved_to) => Ok(Lookup::Damaged { moved_to, reason }),
                Err(source) => Err(RecordError::Move {
                    path: path.to_owned(),
                    source,
                }),
            }
        }
    }
}

/// Moves a damaged file into `folder`. A file that another process has already moved is no
/// failure. The last damaged file of a name is the one that is kept.
pub(crate) fn move_aside(path: &Path, folder: &Path, name: &str) -> io::Result<PathBuf> {
    let target = folder.join(name);
    match rename(path, &target) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(target),
    }
}

#[cfg(test)]
mod tests;
