//! The forms in which NTFS itself stores what a layer carries in records: extended attributes, WSL's
//! attributes for POSIX metadata, reparse data.
//!
//! For trees that are written to an NTFS volume and read from one; layers hold none of these. What of
//! an entry goes where is `docs/format/ntfs.md`. Sources: \[MS-FSCC\]
//! 2.1.2 and 2.4.15, and the attributes that WSL and Linux' SMB client
//! agree upon.

mod form;
mod found;
mod reparse;

pub use self::form::{NtfsAttributes, NtfsForm, NtfsReparse, NtfsTimes, NtfsUnset};
pub use self::found::{NtfsFile, NtfsFound};
pub use self::reparse::{ReparseTarget, junction_reparse, lx_symlink_reparse, symlink_reparse};

/// The extended attribute that says what the file itself does not (`docs/format/ntfs.md`).
pub(crate) const MARK: &[u8] = b"CROSSDOCK";
/// What stands before the value of an extended attribute of Linux.
const LX_VALUE: &[u8] = b"lxea";
/// What stands before the name of an extended attribute of Linux.
const LX_NAME: &[u8] = b"LX.";

/// WSL's attributes for owner, mode (with its type bits) and the device numbers of a device.
pub fn lx_metadata(
    uid: u32,
    gid: u32,
    mode: u32,
    device: Option<(u32, u32)>,
) -> Vec<(&'static [u8], Vec<u8>)> {
    let number = |value: u32| value.to_le_bytes().to_vec();
    let mut attributes: Vec<(&'static [u8], Vec<u8>)> = vec![
        (b"$LXUID", number(uid)),
        (b"$LXGID", number(gid)),
        (b"$LXMOD", number(mode)),
    ];
    if let Some((major, minor)) = device {
        attributes.push((
            b"$LXDEV",
            [major.to_le_bytes(), minor.to_le_bytes()].concat(),
        ));
    }
    attributes
}

/// WSL's attribute for an extended attribute of Linux. NTFS upper-cases names, so two that differ
/// only in case are one.
pub fn lx_attribute(name: &[u8], value: &[u8]) -> (Vec<u8>, Vec<u8>) {
    (
        [LX_NAME, name.to_ascii_uppercase().as_slice()].concat(),
        [LX_VALUE, value].concat(),
    )
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[cfg(test)]
mod tests;
