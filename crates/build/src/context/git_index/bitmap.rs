//! Bitmaps as git compresses them (EWAH, `gitformat-index`'s split index).

use super::GitIndexError;

/// Markers, each followed by words that are as they are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Bitmap(pub(super) Vec<u64>);

impl Bitmap {
    /// The bits that are one, in order. One at `end` or behind it is an error, and the last answer.
    pub(super) fn ones(&self, end: usize) -> impl Iterator<Item = Result<usize, GitIndexError>> {
        let mut words = self.0.iter();
        let mut ones = Vec::new();
        let mut at: u64 = 0;
        let end = end as u64;
        let mut failed = false;
        'markers: while let Some(marker) = words.next() {
            // From the lowest bit: which bit the run repeats, its words (32), words as they are (31).
            let run = (marker >> 1) & 0xffff_ffff;
            let literals = marker >> 33;
            // A run has at most 2^38 bits, and a bitmap of a file fewer than 2^26 runs.
            let after = at.saturating_add(run * 64);
            if marker & 1 != 0 && run != 0 {
                ones.extend((at..after.min(end)).map(|bit| bit as usize));
                failed |= after > end;
            }
            at = after;
            for _ in 0..literals {
                let Some(word) = words.next() else {
                    failed = true;
                    break 'markers;
                };
                let bits = (0..64).filter(|bit| word >> bit & 1 != 0);
                let bits = bits.map(|bit| at.saturating_add(bit));
                for bit in bits {
                    match bit < end {
                        true => ones.push(bit as usize),
                        false => failed = true,
                    }
                }
                at = at.saturating_add(64);
            }
            if failed {
                break;
            }
        }
        let error = failed.then_some(Err(GitIndexError::Shared));
        ones.into_iter().map(Ok).chain(error)
    }
}
