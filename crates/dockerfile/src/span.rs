//! Places in a source file.

use std::ops::Range;

/// A range of bytes of a source file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte.
    pub end: usize,
}

impl Span {
    /// The bytes from `start` up to `end`.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The smallest span that holds both.
    pub fn to(self, other: Self) -> Self {
        Self::new(self.start.min(other.start), self.end.max(other.end))
    }

    /// The same as a range.
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

/// A source file: its name and its bytes, which need not be UTF-8 everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    name: String,
    bytes: Vec<u8>,
}

/// A line and a column, both from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl Source {
    /// A source file as the user named it.
    pub fn new(name: &str, bytes: &[u8]) -> Self {
        Self {
            name: name.to_owned(),
            bytes: bytes.to_vec(),
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where `offset` is; an offset beyond the end means the end.
    pub fn position(&self, offset: usize) -> Position {
        let before = &self.bytes[..offset.min(self.bytes.len())];
        let line_start = memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = String::from_utf8_lossy(&before[line_start..])
            .trim_start_matches('\u{feff}')
            .chars()
            .count()
            + 1;
        Position {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
        }
    }

    /// The whole line that `offset` is in, without its line ending, and its own offset.
    pub(crate) fn line_at(&self, offset: usize) -> (usize, &[u8]) {
        let offset = offset.min(self.bytes.len());
        let start = memrchr(b'\n', &self.bytes[..offset]).map_or(0, |newline| newline + 1);
        let rest = &self.bytes[start..];
        let line = rest.split(|byte| *byte == b'\n').next().unwrap_or(rest);
        (start, line.strip_suffix(b"\r").unwrap_or(line))
    }
}

fn memrchr(needle: u8, bytes: &[u8]) -> Option<usize> {
    bytes.iter().rposition(|byte| *byte == needle)
}
