//! The bytes of an index: numbers, entries, bitmaps.

use super::bitmap::Bitmap;
use super::{GitHash, GitIndexEntry, GitIndexError, GitKind, GitObjectId};

/// The most bytes of paths: forty times those of the largest repositories, and memory that a
/// machine has.
pub(super) const MAX_PATHS: usize = 512 << 20;
/// What an entry knows of the file's state on the disk comes before its mode.
const BEFORE_MODE: usize = 24;
/// Owner and size come between the mode and the id.
const BEFORE_ID: usize = 12;
/// A length in the flags that means this many bytes or more.
const LONG: u16 = 0x0fff;
/// The flag for more flags.
const EXTENDED: u16 = 0x4000;

/// What is still to be read.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    /// Where `bytes` begin in the file.
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn damaged(&self, what: &'static str) -> GitIndexError {
        GitIndexError::Damaged { at: self.at, what }
    }

    /// The last `length` bytes are not to be read.
    pub(super) fn leave(&mut self, length: usize) {
        self.bytes = &self.bytes[..self.bytes.len().saturating_sub(length)];
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], GitIndexError> {
        match self.bytes.split_at_checked(length) {
            Some((taken, rest)) => {
                self.bytes = rest;
                self.at += length;
                Ok(taken)
            }
            None => Err(self.damaged("it ends too early")),
        }
    }

    /// The next bytes, to be read by themselves.
    pub(super) fn part(&mut self, length: usize) -> Result<Self, GitIndexError> {
        let at = self.at;
        Ok(Self {
            bytes: self.take(length)?,
            at,
        })
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], GitIndexError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(super) fn number(&mut self) -> Result<u32, GitIndexError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// The next entry; `last` is the path of the one before.
    pub(super) fn entry(
        &mut self,
        version: u32,
        hash: GitHash,
        last: &[u8],
    ) -> Result<GitIndexEntry, GitIndexError> {
        let begin = self.at;
        self.take(BEFORE_MODE)?;
        let mode = self.number()?;
        let kind = kind_of(mode).ok_or_else(|| self.damaged("an entry has an unknown mode"))?;
        self.take(BEFORE_ID)?;
        let id = GitObjectId::of(self.take(hash.length())?);
        let flags = u16::from_be_bytes(self.array()?);
        if flags & EXTENDED != 0 {
            // What it says, intent to add and absence from the disk, changes no mode.
            self.take(2)?;
        }
        let kept = match version {
            4 => {
                let dropped = self.variable_number()?;
                last.len().checked_sub(dropped)
            }
            _ => Some(0),
        };
        let kept = kept.ok_or_else(|| self.damaged("a path is shorter than nothing"))?;
        let end = self.bytes.iter().position(|&byte| byte == 0);
        let end = end.ok_or_else(|| self.damaged("a path does not end"))?;
        let path = [&last[..kept], self.take(end)?].concat();
        let length = flags & LONG;
        let is_right = match length {
            LONG => path.len() >= usize::from(LONG),
            length => path.len() == usize::from(length),
        };
        if !is_right {
            return Err(self.damaged("a path has another length than the entry says"));
        }
        match version {
            4 => self.take(1)?,
            // Zeros until the entry's length divides by 8, one at least.
            _ => self.take(8 - (self.at - begin) % 8)?,
        };
        Ok(GitIndexEntry {
            path,
            kind,
            id,
            stage: ((flags >> 12) & 3) as u8,
        })
    }

    /// A number as packs have it for offsets: seven bits in each byte, and what is behind a byte that
    /// goes on is one more.
    fn variable_number(&mut self) -> Result<usize, GitIndexError> {
        let [mut byte] = self.array()?;
        let mut number = usize::from(byte & 0x7f);
        while byte & 0x80 != 0 {
            [byte] = self.array()?;
            number = number
                .checked_add(1)
                .and_then(|high| high.checked_mul(128))
                .and_then(|high| high.checked_add(usize::from(byte & 0x7f)))
                .ok_or_else(|| self.damaged("a number is too large"))?;
        }
        Ok(number)
    }

    /// A bitmap as EWAH compresses it: its length in bits, words of 64 bits, and where the last
    /// marker is, which nobody needs who does not append.
    pub(super) fn bitmap(&mut self) -> Result<Bitmap, GitIndexError> {
        self.number()?;
        let words = self.number()? as usize;
        let length = words.checked_mul(8);
        let words = self.take(length.ok_or_else(|| self.damaged("a bitmap is too large"))?)?;
        self.number()?;
        let words = words.as_chunks::<8>().0.iter();
        Ok(Bitmap(
            words.map(|word| u64::from_be_bytes(*word)).collect(),
        ))
    }
}

/// Git keeps of permissions whether the owner may execute the file.
fn kind_of(mode: u32) -> Option<GitKind> {
    match mode & 0o170_000 {
        0o100_000 if mode & 0o100 != 0 => Some(GitKind::Executable),
        0o100_000 => Some(GitKind::File),
        0o120_000 => Some(GitKind::Link),
        0o160_000 => Some(GitKind::Submodule),
        0o040_000 => Some(GitKind::SparseDirectory),
        _ => None,
    }
}
