//! How entries of images are shown: lines as of `ls -l`, objects of JSON.

mod json;
mod long;

use std::fmt::Write as _;

use crossdock_build::{EntryAccess, EntryKind, ListedEntry, Timestamp, format_rfc3339};

pub(crate) use self::json::EntryJson;
pub(crate) use self::long::{LongLines, LongOptions};
use crate::progress::visible;
use crate::table::Style;

/// Appends a name or path so that nothing in it acts upon a terminal. Bytes that are not UTF-8
/// are `\xNN`.
pub(crate) fn push_shown(text: &mut String, bytes: &[u8]) {
    // Nearly all names are plain.
    if bytes.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
        }
        return;
    }
    for chunk in bytes.utf8_chunks() {
        text.push_str(&visible(chunk.valid()));
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
}

/// As [`push_shown`].
pub(crate) fn shown(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    push_shown(&mut text, bytes);
    text
}

/// `1.5K`: powers of 1,024, rounded up, as ls -h has it.
pub(crate) fn human_size(bytes: u64) -> String {
    if bytes < 1024 {
        return bytes.to_string();
    }
    let mut shift = 10;
    for unit in ["K", "M", "G", "T", "P", "E"] {
        let one = 1u128 << shift;
        let bytes = u128::from(bytes);
        let tenths = (bytes * 10).div_ceil(one);
        if tenths < 100 {
            return format!("{}.{}{unit}", tenths / 10, tenths % 10);
        }
        let whole = bytes.div_ceil(one);
        if whole < 1024 || unit == "E" {
            return format!("{whole}{unit}");
        }
        shift += 10;
    }
    bytes.to_string()
}

/// `drwxr-xr-x`, with the letters of setuid, setgid and sticky.
pub(crate) fn mode_letters(kind: EntryKind, mode: u32) -> String {
    let mut letters = String::with_capacity(10);
    letters.push(match kind {
        EntryKind::File => '-',
        EntryKind::Directory => 'd',
        EntryKind::Symlink | EntryKind::Junction => 'l',
        EntryKind::CharDevice => 'c',
        EntryKind::BlockDevice => 'b',
        EntryKind::Fifo => 'p',
    });
    for (shift, special, set) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift;
        letters.push(if bits & 4 != 0 { 'r' } else { '-' });
        letters.push(if bits & 2 != 0 { 'w' } else { '-' });
        letters.push(match (bits & 1 != 0, mode & special != 0) {
            (true, false) => 'x',
            (false, false) => '-',
            (true, true) => set,
            (false, true) => set.to_ascii_uppercase(),
        });
    }
    letters
}

/// `da-hs-`: directory, archive, read-only, hidden, system, link, as PowerShell orders them.
pub(crate) fn attribute_letters(attributes: u32) -> String {
    let letters = [
        (0x10, 'd'),
        (0x20, 'a'),
        (0x1, 'r'),
        (0x2, 'h'),
        (0x4, 's'),
        (0x400, 'l'),
    ];
    let letter = |(bit, letter)| if attributes & bit != 0 { letter } else { '-' };
    letters.into_iter().map(letter).collect()
}

/// `2026-11-24 18:40`, or with all digits and the zone. UTC.
pub(crate) fn time_text(time: Option<Timestamp>, is_full: bool) -> String {
    let Some(time) = time else {
        return "-".to_owned();
    };
    let text = format_rfc3339(time.seconds, 0);
    let (day, rest) = text.split_at(text.len().min(10));
    match is_full {
        true => {
            let clock = rest.trim_matches(['T', 'Z']);
            format!("{day} {clock}.{:09} +0000", time.nanoseconds)
        }
        false => format!("{day} {}", rest.get(1..6).unwrap_or_default()),
    }
}

/// The colour of an entry's name.
pub(crate) fn name_style(entry: &ListedEntry) -> Style {
    let mode = match entry.access {
        EntryAccess::Posix { mode, .. } => mode,
        EntryAccess::Win32 { .. } => 0,
    };
    match entry.kind {
        EntryKind::Directory => Style::Directory,
        EntryKind::Symlink | EntryKind::Junction => Style::Link,
        EntryKind::File if mode & 0o111 != 0 => Style::Executable,
        EntryKind::File => Style::Plain,
        EntryKind::CharDevice | EntryKind::BlockDevice | EntryKind::Fifo => Style::Special,
    }
}

#[cfg(test)]
mod tests;
