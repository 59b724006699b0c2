//! File names on either side: what Windows stores for a Linux name, and back.
//!
//! A *Linux name* is any bytes but NUL and `/`. A *stored name* is what a Windows layer holds:
//! UTF-8 that NTFS accepts. The format is `docs/format/names.md`.

mod link;
mod rename;
mod upcase;
mod upcase_table;

pub use link::{link_to_linux, link_to_windows};
pub(crate) use rename::mark_for_linux;
pub use rename::{is_rename_of, is_shortening_of, rename_collision, shorten_for_linux};
pub use upcase::{eq_ignore_case, upcase};

/// The most UTF-16 units that NTFS stores for a name.
pub const MAX_WINDOWS_UNITS: usize = 255;

/// The most bytes that Linux's file systems store for a name.
pub const MAX_LINUX_BYTES: usize = 255;

/// Where the characters that stand for bytes begin: U+F000 + byte.
const PRIVATE: u32 = 0xF000;

/// A name that NTFS does not store, so that importing the layer would fail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WindowsNameError {
    /// The name is empty, `.` or `..`.
    #[error("{:?} is not a file name", String::from_utf8_lossy(name))]
    NotAName {
        /// The name.
        name: Vec<u8>,
    },
    /// The name holds a byte that stands for something else in a path: NUL, `/` or `\`.
    #[error(
        "file name {:?} holds a separator or NUL",
        String::from_utf8_lossy(name)
    )]
    Separator {
        /// The name.
        name: Vec<u8>,
    },
    /// The name holds a character that NTFS refuses: 0x01–0x1f or one of `" * : < > ? |`.
    #[error(
        "file name {:?} holds {character:?}, which Windows refuses",
        String::from_utf8_lossy(name)
    )]
    Character {
        /// The name.
        name: Vec<u8>,
        /// The first such character.
        character: char,
    },
    /// The name is not UTF-8. Importers would replace the bytes by U+FFFD.
    #[error("file name {:?} is not UTF-8", String::from_utf8_lossy(name))]
    Encoding {
        /// The name.
        name: Vec<u8>,
    },
    /// The name is longer than 255 UTF-16 units.
    #[error(
        "file name {:?} has {units} UTF-16 units; Windows stores at most 255",
        String::from_utf8_lossy(name)
    )]
    TooLong {
        /// The name.
        name: Vec<u8>,
        /// Its length in UTF-16 units.
        units: usize,
    },
}

/// What a Windows layer stores for the Linux name `name`.
///
/// - 0x01–0x1f and `" * : < > ? | \` become U+F000 + code, as in Services for UNIX, Cygwin and
///   Linux' cifs.
/// - A `.` or space at the end becomes U+F02E or U+F020. Win32 strips the whole run of dots and
///   spaces from a name's end, and stops at the first other character: encoding the last one
///   protects the run, and leaves one stored name for each Linux name.
/// - Each byte that is not part of valid UTF-8 becomes U+F000 + byte (Cygwin's rule).
/// - A character that already is one of U+F001–U+F0FF becomes its three bytes, each encoded so:
///   U+F03A becomes U+F0EF U+F080 U+F0BA. No two Linux names share a stored name.
///
/// `.` and `..` stay as they are: they are no names, but they occur in paths and link texts. NUL
/// and `/` occur in no name and are passed on.
pub fn encode_component(name: &[u8]) -> Vec<u8> {
    if is_plain(name) || name == b"." || name == b".." {
        return name.to_vec();
    }
    let last = name.len() - 1;
    let mut encoded = Vec::with_capacity(name.len() + 16);
    for (offset, unit) in units(name) {
        match unit {
            Unit::Char('.' | ' ') if offset == last => push_private(&mut encoded, name[last]),
            Unit::Char(character) if is_refused(character) || character == '\\' => {
                push_private(&mut encoded, name[offset]);
            }
            Unit::Char(character) if private_byte(character).is_some() => {
                for &byte in &name[offset..offset + character.len_utf8()] {
                    push_private(&mut encoded, byte);
                }
            }
            Unit::Char(character) => push_char(&mut encoded, character),
            Unit::Byte(byte) => push_private(&mut encoded, byte),
        }
    }
    encoded
}

/// The Linux name of the stored name `name`.
///
/// A name that [`encode_component`] does not write stays as it is, so that it can be found and
/// written again: only a name that encodes to `name` is returned, and never one that is empty,
/// `.` or `..` or that holds NUL or `/`.
pub fn decode_component(name: &[u8]) -> Vec<u8> {
    if !name.contains(&0xEF) {
        return name.to_vec();
    }
    let mut decoded = Vec::with_capacity(name.len());
    for (offset, unit) in units(name) {
        match unit {
            Unit::Char(character) => match private_byte(character) {
                Some(byte) => decoded.push(byte),
                None => decoded.extend_from_slice(&name[offset..offset + character.len_utf8()]),
            },
            Unit::Byte(byte) => decoded.push(byte),
        }
    }
    // `.`, `..` and the empty name encode to themselves, so only the separators need a look.
    let is_name = !decoded.iter().any(|byte| matches!(byte, 0 | b'/'));
    if is_name && encode_component(&decoded) == name {
        decoded
    } else {
        name.to_vec()
    }
}

/// [`encode_component`] for each component of a path that `/` separates.
///
/// Empty components, `.` and `..` stay as they are.
pub fn encode_path(path: &[u8]) -> Vec<u8> {
    map_path(path, encode_component)
}

/// [`decode_component`] for each component of a path that `/` separates.
pub fn decode_path(path: &[u8]) -> Vec<u8> {
    map_path(path, decode_component)
}

/// Whether NTFS would store `name`, a stored name, as it is.
///
/// Names that Win32 programs cannot open (`CON`, a dot at the end) pass: NTFS stores them, and
/// layers are imported beneath Win32. [`is_reserved_device`] finds the former.
///
/// # Errors
///
/// The first of [`WindowsNameError`]'s reasons that holds.
pub fn check_windows_component(name: &[u8]) -> Result<(), WindowsNameError> {
    let owned = || name.to_vec();
    if matches!(name, b"" | b"." | b"..") {
        return Err(WindowsNameError::NotAName { name: owned() });
    }
    if name.iter().any(|byte| matches!(byte, 0 | b'/' | b'\\')) {
        return Err(WindowsNameError::Separator { name: owned() });
    }
    let Ok(text) = std::str::from_utf8(name) else {
        return Err(WindowsNameError::Encoding { name: owned() });
    };
    if let Some(character) = text.chars().find(|&character| is_refused(character)) {
        let name = owned();
        return Err(WindowsNameError::Character { name, character });
    }
    let units = utf16_len(name);
    if units > MAX_WINDOWS_UNITS {
        let name = owned();
        return Err(WindowsNameError::TooLong { name, units });
    }
    Ok(())
}

/// The length of `name` in UTF-16 units, each byte of invalid UTF-8 counted as one.
pub fn utf16_len(name: &[u8]) -> usize {
    units(name).map(|(_, unit)| unit.len_utf16()).sum()
}

/// Whether Win32 takes `name` for a device whatever folder it stands in.
///
/// `CON`, `PRN`, `AUX`, `NUL`, `COM1`–`COM9` and `LPT1`–`LPT9` (also with a superscript `¹`, `²` or
/// `³`), and the older `CLOCK$`, `CONIN$` and `CONOUT$`; in any case, with any extension, and with
/// spaces before it. Source: "Naming Files, Paths, and Namespaces" of Microsoft's documentation.
pub fn is_reserved_device(name: &[u8]) -> bool {
    let base = name.split(|&byte| byte == b'.').next().unwrap_or_default();
    let base = base.trim_ascii_end().to_ascii_uppercase();
    match &base[..] {
        b"CON" | b"PRN" | b"AUX" | b"NUL" | b"CLOCK$" | b"CONIN$" | b"CONOUT$" => true,
        [b'C', b'O', b'M', number @ ..] | [b'L', b'P', b'T', number @ ..] => {
            matches!(number, [b'1'..=b'9'] | [0xC2, 0xB9 | 0xB2 | 0xB3])
        }
        _ => false,
    }
}

/// A character of a name, or a byte that is not part of one.
#[derive(Clone, Copy)]
enum Unit {
    Char(char),
    Byte(u8),
}

impl Unit {
    fn len_utf16(self) -> usize {
        match self {
            Self::Char(character) => character.len_utf16(),
            Self::Byte(_) => 1,
        }
    }
}

/// The units of `name` and where they begin.
fn units(name: &[u8]) -> impl Iterator<Item = (usize, Unit)> {
    let mut offset = 0;
    name.utf8_chunks().flat_map(move |chunk| {
        let valid = offset;
        let invalid = valid + chunk.valid().len();
        offset = invalid + chunk.invalid().len();
        let characters = chunk.valid().char_indices();
        let bytes = chunk.invalid().iter().enumerate();
        characters
            .map(move |(index, character)| (valid + index, Unit::Char(character)))
            .chain(bytes.map(move |(index, &byte)| (invalid + index, Unit::Byte(byte))))
    })
}

/// Whether a name is its own encoding for certain: printable ASCII without anything special.
fn is_plain(name: &[u8]) -> bool {
    let plain = |&byte: &u8| {
        matches!(byte, b' '..=0x7E)
            && !matches!(byte, b'"' | b'*' | b':' | b'<' | b'>' | b'?')
            && !matches!(byte, b'|' | b'\\')
    };
    name.iter().all(plain) && !matches!(name.last(), Some(b'.' | b' '))
}

/// Whether NTFS refuses a name for this character. The separators are not counted.
fn is_refused(character: char) -> bool {
    matches!(
        character,
        '\x01'..='\x1f' | '"' | '*' | ':' | '<' | '>' | '?' | '|'
    )
}

/// The byte for which one of U+F001–U+F0FF stands.
fn private_byte(character: char) -> Option<u8> {
    u32::from(character)
        .checked_sub(PRIVATE)
        .and_then(|offset| u8::try_from(offset).ok())
        .filter(|&byte| byte != 0)
}

fn push_private(encoded: &mut Vec<u8>, byte: u8) {
    // U+F000 + byte in UTF-8: 1110_1111 10_0000xx 10_xxxxxx.
    encoded.extend_from_slice(&[0xEF, 0x80 | byte >> 6, 0x80 | byte & 0x3F]);
}

fn push_char(bytes: &mut Vec<u8>, character: char) {
    bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

fn map_path(path: &[u8], map: fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let components: Vec<_> = path.split(|&byte| byte == b'/').map(map).collect();
    components.join(&b'/')
}

/// The longest start of `name` of at most `limit`, measured per unit, that splits no character.
fn cut(name: &[u8], limit: usize, measure: fn(Unit) -> usize) -> &[u8] {
    let mut length = 0;
    for (offset, unit) in units(name) {
        length += measure(unit);
        if length > limit {
            return &name[..offset];
        }
    }
    name
}

#[cfg(test)]
mod tests;
