//! Names that had to change: collisions on Windows, and names too long for Linux.
//!
//! Both are a start of the name, `~` and digits of its SHA-256, so that a name and its record of
//! the original can be checked against each other.

use sha2::{Digest, Sha256};

use super::{MAX_LINUX_BYTES, MAX_WINDOWS_UNITS, Unit, cut, encode_component};

/// The fewest hexadecimal digits that [`rename_collision`] appends.
const COLLISION_DIGITS: usize = 4;

/// The hexadecimal digits that [`shorten_for_linux`] appends: 64 bits, so that no two names of a
/// folder meet by chance.
const SHORTENING_DIGITS: usize = 16;

/// Hexadecimal digits in a SHA-256.
const ALL_DIGITS: usize = 64;

/// The stored name of the Linux name `name`, whose own encoding is taken by another entry.
///
/// The encoded name, cut so that all fits 255 UTF-16 units, then `~` and the first 4 lower-case
/// hexadecimal digits of SHA-256(`name`); or as many more as it takes until `taken` is false. The
/// caller's `taken` compares without regard to case. If even all 64 digits are taken, the name
/// with them is returned.
pub fn rename_collision(name: &[u8], taken: &dyn Fn(&[u8]) -> bool) -> Vec<u8> {
    let renames = Renames::of(name);
    (COLLISION_DIGITS..ALL_DIGITS)
        .map(|digits| renames.with_digits(digits))
        .find(|stored| !taken(stored))
        .unwrap_or_else(|| renames.with_digits(ALL_DIGITS))
}

/// Whether [`rename_collision`] could have made the stored name `stored` of the Linux name
/// `original`.
pub fn is_rename_of(stored: &[u8], original: &[u8]) -> bool {
    let Some(tilde) = stored.iter().rposition(|&byte| byte == b'~') else {
        return false;
    };
    let digits = stored.len() - tilde - 1;
    (COLLISION_DIGITS..=ALL_DIGITS).contains(&digits)
        && Renames::of(original).with_digits(digits) == stored
}

/// The Linux name that stands for `name` when that has more than 255 bytes; else `None`.
///
/// The start of `name`, cut between characters, then `~` and the first 16 lower-case hexadecimal
/// digits of SHA-256(`name`): at most 255 bytes together.
pub fn shorten_for_linux(name: &[u8]) -> Option<Vec<u8>> {
    (name.len() > MAX_LINUX_BYTES).then(|| mark_for_linux(name))
}

/// The name that stands for `name` on Linux where it cannot be taken: made as
/// [`shorten_for_linux`] does, of a name of any length.
pub(crate) fn mark_for_linux(name: &[u8]) -> Vec<u8> {
    let start = cut(
        name,
        MAX_LINUX_BYTES - 1 - SHORTENING_DIGITS,
        |unit| match unit {
            Unit::Char(character) => character.len_utf8(),
            Unit::Byte(_) => 1,
        },
    );
    with_hash(start, &hash(name), SHORTENING_DIGITS)
}

/// Whether `short` is what [`shorten_for_linux`] makes of `original`.
pub fn is_shortening_of(short: &[u8], original: &[u8]) -> bool {
    shorten_for_linux(original).as_deref() == Some(short)
}

/// What the renamings of one name have in common.
struct Renames {
    encoded: Vec<u8>,
    hash: String,
}

impl Renames {
    fn of(name: &[u8]) -> Self {
        Self {
            encoded: encode_component(name),
            hash: hash(name),
        }
    }

    fn with_digits(&self, digits: usize) -> Vec<u8> {
        let start = cut(
            &self.encoded,
            MAX_WINDOWS_UNITS - 1 - digits,
            Unit::len_utf16,
        );
        with_hash(start, &self.hash, digits)
    }
}

fn hash(name: &[u8]) -> String {
    Sha256::digest(name)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn with_hash(start: &[u8], hash: &str, digits: usize) -> Vec<u8> {
    [start, b"~", &hash.as_bytes()[..digits]].concat()
}
