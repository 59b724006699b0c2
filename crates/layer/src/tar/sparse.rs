//! GNU's sparse files: where the data segments of a file lie (GNU tar manual, "Sparse Formats").

use crate::tar::header::{HEADER_SIZE, octal};
use crate::tar::pax::Records;

/// Most segments of one file that are read.
const MAX_SEGMENTS: usize = 1 << 20;

/// A growing map of data segments.
#[derive(Debug, Default)]
pub(crate) struct SparseMap(Vec<(u64, u64)>);

impl SparseMap {
    /// The map, checked: segments in order, apart, inside `size`, and `stored` bytes in all.
    pub(crate) fn finish(self, size: u64, stored: u64) -> Option<Vec<(u64, u64)>> {
        let mut end = 0u64;
        let mut total = 0u64;
        for &(offset, length) in &self.0 {
            if offset < end {
                return None;
            }
            end = offset.checked_add(length)?;
            total = total.checked_add(length)?;
        }
        let segments = self
            .0
            .into_iter()
            .filter(|&(_, length)| length > 0)
            .collect();
        (end <= size && total == stored).then_some(segments)
    }

    fn push(&mut self, offset: u64, length: u64) -> Option<()> {
        (self.0.len() < MAX_SEGMENTS).then(|| self.0.push((offset, length)))
    }

    /// Reads `count` pairs of 12-byte octal fields from a header or an extension block; an empty
    /// pair ends the list.
    fn read_pairs(&mut self, fields: &[u8], count: usize) -> Option<()> {
        for pair in fields.chunks_exact(24).take(count) {
            if pair[0] == 0 {
                break;
            }
            self.push(number(&pair[..12])?, number(&pair[12..])?)?;
        }
        Some(())
    }

    /// Reads the map in an old GNU header. Returns whether extension blocks follow, and the size.
    pub(crate) fn read_header(&mut self, block: &[u8; HEADER_SIZE]) -> Option<(bool, u64)> {
        self.read_pairs(&block[386..482], 4)?;
        Some((block[482] != 0, number(&block[483..495])?))
    }

    /// Reads an extension block. Returns whether another follows.
    pub(crate) fn read_extension(&mut self, block: &[u8; HEADER_SIZE]) -> Option<bool> {
        self.read_pairs(&block[..504], 21)?;
        Some(block[504] != 0)
    }

    /// Reads the map of format 0.1, a list of numbers in a record.
    pub(crate) fn read_list(&mut self, list: &[u8]) -> Option<()> {
        let mut numbers = list.split(|&byte| byte == b',').map(decimal);
        while let Some(offset) = numbers.next() {
            self.push(offset?, numbers.next()??)?;
        }
        Some(())
    }

    /// Reads the map of format 1.0 from the start of the data: `newlines` lines of numbers, first
    /// their count of pairs. `Some(false)` if it is not complete yet.
    pub(crate) fn read_lines(&mut self, data: &[u8], newlines: u64) -> Option<bool> {
        let mut lines = data.split_inclusive(|&byte| byte == b'\n').map(|line| {
            line.strip_suffix(b"\n")
                .map(|digits| decimal(digits).ok_or(()))
        });
        let Some(Some(count)) = lines.next() else {
            return Some(false);
        };
        let count = count.ok()?;
        if count > MAX_SEGMENTS as u64 {
            return None;
        }
        // Looking at the lines once only: a map comes in many blocks.
        if newlines < 1 + 2 * count {
            return Some(false);
        }
        for _ in 0..count {
            let (Some(Some(offset)), Some(Some(length))) = (lines.next(), lines.next()) else {
                return Some(false);
            };
            self.push(offset.ok()?, length.ok()?)?;
        }
        Some(true)
    }
}

/// Which of the PAX sparse formats the records announce.
pub(crate) enum PaxSparse {
    /// Not a sparse file.
    None,
    /// Format 0.1: the map stands in the records.
    List,
    /// Format 1.0: the map stands before the data.
    Lines,
    /// Format 0.0 or one that is not known.
    Unsupported,
}

/// Tells the format by GNU's records.
pub(crate) fn pax_format(records: &Records) -> PaxSparse {
    let version = (
        records.get(b"GNU.sparse.major"),
        records.get(b"GNU.sparse.minor"),
    );
    match version {
        (Some(b"1"), Some(b"0")) => PaxSparse::Lines,
        (Some(b"0"), Some(b"1")) | (None, None) if records.get(b"GNU.sparse.map").is_some() => {
            PaxSparse::List
        }
        (None, None)
            if !records
                .iter()
                .any(|(key, _)| key.starts_with(b"GNU.sparse.")) =>
        {
            PaxSparse::None
        }
        _ => PaxSparse::Unsupported,
    }
}

fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 == 0 {
        return octal(field);
    }
    let (high, low) = field.split_at(4);
    let low = low.try_into().map(u64::from_be_bytes).ok();
    low.filter(|_| high == [0x80, 0, 0, 0])
}

/// A decimal number without sign.
pub(crate) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}
