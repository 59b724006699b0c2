//! What two texts differ in, line by line.

use std::fmt::Write as _;
use std::ops::Range;

use imara_diff::sources::byte_lines;
use imara_diff::{Algorithm, Diff, Hunk, InternedInput};

/// How texts are compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextOptions {
    /// Lines around each difference.
    pub(super) context: u32,
    /// Larger files are not compared, in bytes.
    pub(super) limit: u64,
}

/// What the contents of a file differ in. Sizes are the old one and the new one, of files that
/// are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FileDiff {
    /// The lines of a unified diff, without its first two, and without line ends.
    Text(Vec<String>),
    /// It is no text.
    Binary([Option<u64>; 2]),
    /// It is too large to look at.
    TooLarge([Option<u64>; 2]),
}

/// Bytes in which git looks for a zero to tell texts from others.
const PROBE: usize = 8000;

impl FileDiff {
    /// Compares two contents, or looks at one that was added or removed.
    pub(super) fn of(old: Option<&[u8]>, new: Option<&[u8]>, options: &TextOptions) -> Self {
        let texts = [old, new].map(|bytes| bytes.map_or(Some(Vec::new()), text));
        let [Some(before), Some(after)] = texts else {
            return Self::Binary([old, new].map(|bytes| bytes.map(|bytes| bytes.len() as u64)));
        };
        Self::Text(unified(&before, &after, options.context))
    }
}

/// A text in UTF-8 or another superset of ASCII; `None` if the bytes are no text. Windows' texts
/// in UTF-16 begin with a mark.
fn text(bytes: &[u8]) -> Option<Vec<u8>> {
    let wide = |order: fn([u8; 2]) -> u16| {
        let (units, rest) = bytes[2..].as_chunks();
        let units = units.iter().map(|&unit| order(unit));
        let text: Result<String, _> = char::decode_utf16(units).collect();
        let text = text
            .ok()
            .filter(|text| rest.is_empty() && !text.contains('\0'));
        text.map(String::into_bytes)
    };
    match bytes {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        bytes => {
            let is_text = !bytes[..bytes.len().min(PROBE)].contains(&0);
            is_text.then(|| bytes.to_vec())
        }
    }
}

/// A unified diff of two texts, as of diff(1) and POSIX.
fn unified(before: &[u8], after: &[u8], context: u32) -> Vec<String> {
    let input = InternedInput::new(byte_lines(before), byte_lines(after));
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let ends = |text: &[u8]| {
        text.is_empty()
            || text
                .split_inclusive(|&b| b == b'\n')
                .all(|line| line.ends_with(b"\r\n"))
    };
    let writer = HunkWriter {
        input: &input,
        // Where every line ends so, its end says nothing.
        hides_returns: ends(before) && ends(after),
    };
    let mut lines = Vec::new();
    let mut group: Vec<Hunk> = Vec::new();
    for hunk in diff.hunks() {
        let is_near = group
            .last()
            .is_none_or(|last| hunk.before.start - last.before.end <= context.saturating_mul(2));
        if !is_near {
            writer.write(&group, context, &mut lines);
            group.clear();
        }
        group.push(hunk);
    }
    writer.write(&group, context, &mut lines);
    lines
}

struct HunkWriter<'i> {
    input: &'i InternedInput<&'i [u8]>,
    hides_returns: bool,
}

impl HunkWriter<'_> {
    /// Writes differences that are near each other, with the lines around them.
    fn write(&self, hunks: &[Hunk], context: u32, lines: &mut Vec<String>) {
        let (Some(first), Some(last)) = (hunks.first(), hunks.last()) else {
            return;
        };
        let (before, after) = (&self.input.before, &self.input.after);
        let lead = context.min(first.before.start);
        let trail = context.min(before.len() as u32 - last.before.end);
        let old = first.before.start - lead..last.before.end + trail;
        let new = first.after.start - lead..last.after.end + trail;
        let mut header = String::from("@@ -");
        range(&mut header, &old);
        header.push_str(" +");
        range(&mut header, &new);
        header.push_str(" @@");
        lines.push(header);
        let mut place = old.start;
        for hunk in hunks {
            self.lines(' ', before, place..hunk.before.start, lines);
            self.lines('-', before, hunk.before.clone(), lines);
            self.lines('+', after, hunk.after.clone(), lines);
            place = hunk.before.end;
        }
        self.lines(' ', before, place..old.end, lines);
    }

    fn lines(
        &self,
        sign: char,
        tokens: &[imara_diff::Token],
        range: Range<u32>,
        lines: &mut Vec<String>,
    ) {
        for &token in &tokens[range.start as usize..range.end as usize] {
            let bytes = self.input.interner[token];
            let line = bytes.strip_suffix(b"\n");
            let shown = line.unwrap_or(bytes);
            let shown = match self.hides_returns {
                true => shown.strip_suffix(b"\r").unwrap_or(shown),
                false => shown,
            };
            lines.push(format!("{sign}{}", String::from_utf8_lossy(shown)));
            if line.is_none() {
                lines.push("\\ No newline at end of file".to_owned());
            }
        }
    }
}

/// `3,2`, or `3` for one line; of no lines, the number of the line before.
fn range(text: &mut String, range: &Range<u32>) {
    // Writing to a string does not fail.
    let _ = match range.len() {
        0 => write!(text, "{},0", range.start),
        1 => write!(text, "{}", range.start + 1),
        length => write!(text, "{},{length}", range.start + 1),
    };
}

#[cfg(test)]
mod tests;
