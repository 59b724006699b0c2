//! The index of a git checkout: what git tracks, and with which mode.
//!
//! The format is git's (`Documentation/gitformat-index.txt`), versions 2, 3 and 4. gix-index reads it
//! too, and needs 43 crates that nothing else here needs.

mod bitmap;
mod reader;

use std::fmt;

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use self::bitmap::Bitmap;
use self::reader::{MAX_PATHS, Reader};

/// The first bytes of an index.
const SIGNATURE: &[u8; 4] = b"DIRC";
/// The extension that says which shared index this one changes.
const SPLIT: &[u8; 4] = b"link";
/// The extension that says that directories may stand for all that is in them.
const SPARSE: &[u8; 4] = b"sdir";

/// With what a repository names objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum GitHash {
    /// SHA-1.
    #[default]
    Sha1,
    /// SHA-256: `extensions.objectFormat = sha256`.
    Sha256,
}

impl GitHash {
    /// Bytes of a hash.
    fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    fn of(self, parts: [&[u8]; 2]) -> GitObjectId {
        let [first, second] = parts;
        match self {
            Self::Sha1 => {
                let hash = Sha1::new().chain_update(first).chain_update(second);
                GitObjectId::of(&hash.finalize())
            }
            Self::Sha256 => {
                let hash = Sha256::new().chain_update(first).chain_update(second);
                GitObjectId::of(&hash.finalize())
            }
        }
    }

    /// The id of a file's content as git keeps it.
    pub fn of_blob(self, content: &[u8]) -> GitObjectId {
        let header = format!("blob {}\0", content.len());
        self.of([header.as_bytes(), content])
    }
}

/// The id of an object of git; it prints as hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct GitObjectId {
    length: usize,
    bytes: [u8; 32],
}

impl GitObjectId {
    /// From at most 32 bytes.
    fn of(hash: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes[..hash.len()].copy_from_slice(hash);
        Self {
            length: hash.len(),
            bytes,
        }
    }

    fn is_null(&self) -> bool {
        self.bytes == [0; 32]
    }
}

impl fmt::Display for GitObjectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = self.bytes[..self.length].iter();
        digits.try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for GitObjectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// What git takes a path for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GitKind {
    /// A file, 0644.
    File,
    /// A file that may be executed, 0755.
    Executable,
    /// A symbolic link.
    Link,
    /// A submodule: a checkout of its own.
    Submodule,
    /// A directory of a sparse checkout, whose files are not listed. Its path ends with a slash.
    SparseDirectory,
}

/// An entry of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitIndexEntry {
    /// From the root of the checkout, with `/`. Nobody has checked what is in it.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: GitKind,
    /// Its content.
    pub id: GitObjectId,
    /// 0, or of an unfinished merge: 1 the common ancestor's, 2 ours, 3 theirs.
    pub stage: u8,
}

/// The changes of a split index to its shared one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Split {
    shared: GitObjectId,
    deleted: Bitmap,
    replaced: Bitmap,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitIndex {
    entries: Vec<GitIndexEntry>,
    /// Bytes of all paths, which compression makes more than there are in the file.
    path_bytes: usize,
    split: Option<Split>,
}

/// Why an index cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GitIndexError {
    /// Something else.
    #[error("does not begin as an index of git")]
    Signature,
    /// A version that is not known.
    #[error("has version {0}, and versions 2 to 4 are known")]
    Version(u32),
    /// Bytes that cannot be there.
    #[error("is damaged near byte {at}: {what}")]
    Damaged {
        /// Where.
        at: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// Other bytes than were written.
    #[error("is damaged: its checksum is another")]
    Checksum,
    /// An extension without which the index means something else.
    #[error("needs the extension {0:?}, which is not known")]
    Extension(String),
    /// More paths than are kept in memory.
    #[error("has paths of more than {} MiB", MAX_PATHS >> 20)]
    TooLarge,
    /// A shared index that does not fit to the one that names it.
    #[error("does not fit to its shared index")]
    Shared,
}

impl GitIndex {
    /// Reads an index of a repository that names objects by `hash`.
    ///
    /// Extensions that are known to be of no matter, and all that git calls optional, are passed over.
    pub fn parse(bytes: &[u8], hash: GitHash) -> Result<Self, GitIndexError> {
        Self::parse_within(bytes, hash, MAX_PATHS)
    }

    fn parse_within(bytes: &[u8], hash: GitHash, max_paths: usize) -> Result<Self, GitIndexError> {
        let mut reader = Reader::new(bytes);
        if reader.take(4).ok() != Some(SIGNATURE) {
            return Err(GitIndexError::Signature);
        }
        let version = reader.number()?;
        if !(2..=4).contains(&version) {
            return Err(GitIndexError::Version(version));
        }
        check_sum(bytes, hash)?;
        reader.leave(hash.length());
        let count = reader.number()?;
        let mut index = Self {
            entries: Vec::new(),
            path_bytes: 0,
            split: None,
        };
        let mut last = Vec::new();
        for _ in 0..count {
            let entry = reader.entry(version, hash, &last)?;
            index.path_bytes += entry.path.len();
            if index.path_bytes > max_paths {
                return Err(GitIndexError::TooLarge);
            }
            last.clone_from(&entry.path);
            index.entries.push(entry);
        }
        while !reader.is_empty() {
            index.extension(&mut reader, hash)?;
        }
        // Only what a shared index has already may stand there without a path.
        match index.split {
            None if index.entries.iter().any(|entry| entry.path.is_empty()) => {
                Err(reader.damaged("an entry has no path"))
            }
            _ => Ok(index),
        }
    }

    fn extension(&mut self, reader: &mut Reader<'_>, hash: GitHash) -> Result<(), GitIndexError> {
        let signature = reader.take(4)?;
        let length = reader.number()?;
        let mut content = reader.part(length as usize)?;
        if signature == SPLIT {
            let shared = GitObjectId::of(content.take(hash.length())?);
            let (deleted, replaced) = match content.is_empty() {
                true => Default::default(),
                false => (content.bitmap()?, content.bitmap()?),
            };
            self.split = (!shared.is_null()).then_some(Split {
                shared,
                deleted,
                replaced,
            });
            return Ok(());
        }
        match signature[0].is_ascii_uppercase() || signature == SPARSE {
            true => Ok(()),
            false => {
                let name = String::from_utf8_lossy(signature).into_owned();
                Err(GitIndexError::Extension(name))
            }
        }
    }

    /// The shared index that this one changes, whose file is `sharedindex.ID` beside it.
    pub fn shared(&self) -> Option<GitObjectId> {
        self.split.as_ref().map(|split| split.shared)
    }

    /// Puts the changes upon the shared index.
    pub fn with_shared(self, shared: Self) -> Result<Self, GitIndexError> {
        let Some(split) = self.split else {
            return Ok(self);
        };
        if shared.split.is_some() {
            return Err(GitIndexError::Shared);
        }
        let path_bytes = self.path_bytes + shared.path_bytes;
        let mut changes = self.entries.into_iter().peekable();
        let mut base: Vec<Option<GitIndexEntry>> = shared.entries.into_iter().map(Some).collect();
        for at in split.replaced.ones(base.len()) {
            let known = base.get_mut(at?).and_then(Option::as_mut);
            let change = changes.next_if(|change| change.path.is_empty());
            let (Some(known), Some(change)) = (known, change) else {
                return Err(GitIndexError::Shared);
            };
            known.kind = change.kind;
            known.id = change.id;
        }
        for at in split.deleted.ones(base.len()) {
            *base.get_mut(at?).ok_or(GitIndexError::Shared)? = None;
        }
        let mut entries: Vec<GitIndexEntry> = base.into_iter().flatten().collect();
        for added in changes {
            if added.path.is_empty() {
                return Err(GitIndexError::Shared);
            }
            entries.push(added);
        }
        Ok(Self {
            entries,
            path_bytes,
            split: None,
        })
    }

    /// All entries; those of a split index that replace shared ones have no path.
    pub fn entries(&self) -> &[GitIndexEntry] {
        &self.entries
    }

    /// Each path once, sorted: of an unfinished merge ours, else theirs, else the ancestor's.
    pub(crate) fn into_paths(self) -> Vec<GitIndexEntry> {
        let mut entries = self.entries;
        let rank = |stage| match stage {
            0 => 0,
            2 => 1,
            3 => 2,
            _ => 3,
        };
        entries.sort_by(|left, right| {
            let paths = left.path.cmp(&right.path);
            paths.then_with(|| rank(left.stage).cmp(&rank(right.stage)))
        });
        entries.dedup_by(|next, first| next.path == first.path);
        entries
    }
}

/// The last bytes are the hash of all before them, or zeros (`index.skipHash`).
fn check_sum(bytes: &[u8], hash: GitHash) -> Result<(), GitIndexError> {
    let end = bytes.len().checked_sub(hash.length());
    let (content, expected) = bytes.split_at(end.ok_or(GitIndexError::Checksum)?);
    let expected = GitObjectId::of(expected);
    match expected.is_null() || hash.of([content, b""]) == expected {
        true => Ok(()),
        false => Err(GitIndexError::Checksum),
    }
}

#[cfg(test)]
mod tests;
