//! Upper case for comparing names as NTFS does.
//!
//! NTFS compares names by a table, `$UpCase`, that maps each UTF-16 unit on its own: no character
//! becomes two, and none outside the BMP has a case. The table here is the simple upper-case
//! mapping of UnicodeData, Unicode 14.0, within the BMP, but for the 27 characters whose upper case
//! is not mapped back to them (`ſ`, `ı`, `ς`, `µ`, `ǅ`, …): Windows keeps `ſ` and `S` apart, and
//! taking two files of a Windows layer for one would lose a file.
//!
//! Compared with the `$UpCase` that mkfs.ntfs 2022.10.3 writes (SHA-256 `41c26bc7…0742`), whose MD5
//! is the one that ntfs-3g notes for a volume of Windows 8: each of its 973 mappings is here, none
//! of the 27 is there (Windows XP and Vista still had `ς`; Windows 7 took it out), and the other 190
//! of ours are not in its Unicode yet. Those stay in: to call two names equal that a volume keeps
//! apart asks the user to rename one, the reverse makes the import fail.
//!
//! The language's own `to_uppercase` is not used: its tables change with the compiler.

use super::upcase_table::RANGES;
use super::{Unit, push_char, units};

/// The key by which a Windows tree looks up the component `name`: two names with equal keys cannot
/// stand in one folder.
///
/// Bytes that are not part of valid UTF-8 stay as they are.
pub fn upcase(name: &[u8]) -> Vec<u8> {
    if name.is_ascii() {
        return name.to_ascii_uppercase();
    }
    let mut key = Vec::with_capacity(name.len());
    for (_, unit) in units(name) {
        match unit {
            Unit::Char(character) => push_char(&mut key, upcase_char(character)),
            Unit::Byte(byte) => key.push(byte),
        }
    }
    key
}

/// Whether two components are one name on Windows.
pub fn eq_ignore_case(left: &[u8], right: &[u8]) -> bool {
    if left.is_ascii() && right.is_ascii() {
        return left.eq_ignore_ascii_case(right);
    }
    upcase(left) == upcase(right)
}

fn upcase_char(character: char) -> char {
    let Ok(code) = u16::try_from(u32::from(character)) else {
        return character;
    };
    char::from_u32(u32::from(upcase_unit(code))).unwrap_or(character)
}

fn upcase_unit(code: u16) -> u16 {
    let index = RANGES.partition_point(|&(_, last, _, _)| last < code);
    match RANGES.get(index) {
        Some(&(first, _, step, distance))
            if code >= first && (code - first).is_multiple_of(u16::from(step)) =>
        {
            code.wrapping_add(distance)
        }
        _ => code,
    }
}

#[cfg(test)]
mod tests;
