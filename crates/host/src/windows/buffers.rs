//! What Windows' calls give and take as bytes: lists of files, streams and extended attributes,
//! reparse points, descriptors.
//!
//! The bytes come from file systems that strangers may have made, or from network servers: offsets are
//! checked, and what points outside is an error.

use std::io;

use crate::ntfs::{self, extended};
use crate::{NtfsStream, Xattr};

/// An entry of a directory's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedFile {
    /// Its name in UTF-16.
    pub(crate) name: Vec<u16>,
    /// `FILE_ATTRIBUTE_*` bits.
    pub(crate) attributes: u32,
    /// When it was made, read, written and changed, in units of 100 ns since 1601.
    pub(crate) times: [i64; 4],
    /// Its size in bytes. It may be old, as may the rest be, where the file has several names.
    pub(crate) size: u64,
    /// The reparse tag of a reparse point; of others the size of the extended attributes.
    pub(crate) tag_or_extended: u32,
    /// Its number on the volume, 0 if it has none.
    pub(crate) id: u64,
}

/// Reads a part of a directory's list, with the files' numbers (`FILE_ID_BOTH_DIR_INFO`) or without
/// (`FILE_FULL_DIR_INFO`). `.` and `..` are left out.
pub(crate) fn listed_files(bytes: &[u8], with_numbers: bool) -> io::Result<Vec<ListedFile>> {
    let start_of_name = if with_numbers { 104 } else { 68 };
    let mut files = Vec::new();
    each(bytes, &mut |entry| {
        let name = wide(entry, start_of_name, number32(entry, 60)?)?;
        if name != [0x2e] && name != [0x2e, 0x2e] {
            files.push(ListedFile {
                name,
                attributes: number32(entry, 56)?,
                times: [
                    number64(entry, 8)?.cast_signed(),
                    number64(entry, 16)?.cast_signed(),
                    number64(entry, 24)?.cast_signed(),
                    number64(entry, 32)?.cast_signed(),
                ],
                size: number64(entry, 40)?,
                tag_or_extended: number32(entry, 64)?,
                id: match with_numbers {
                    true => number64(entry, 96)?,
                    false => 0,
                },
            });
        }
        Ok(())
    })?;
    Ok(files)
}

/// Reads a list of streams (`FILE_STREAM_INFO`): those that are alternate streams, sorted by name.
/// An error holds the name that is no Unicode.
pub(crate) fn alternate_streams(bytes: &[u8]) -> io::Result<Vec<NtfsStream>> {
    let mut streams = Vec::new();
    each(bytes, &mut |entry| {
        // `:name:$DATA`; the content of a file has no name, and other types hold what is not content.
        let name = wide(entry, 24, number32(entry, 4)?)?;
        let Some(name) = name.strip_prefix(&[COLON]) else {
            return Ok(());
        };
        let Some(end) = name.iter().rposition(|&unit| unit == COLON) else {
            return Ok(());
        };
        let is_data = name[end..].iter().copied().eq(":$DATA".encode_utf16());
        if end == 0 || !is_data {
            return Ok(());
        }
        let name = String::from_utf16(&name[..end]).map_err(|_| {
            let lossy = String::from_utf16_lossy(&name[..end]);
            invalid(&format!("the stream's name {lossy:?} is not valid Unicode"))
        })?;
        streams.push(NtfsStream {
            name: name.into_bytes(),
            size: number64(entry, 8)?,
        });
        Ok(())
    })?;
    streams.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(streams)
}

/// Writes extended attributes for `NtSetEaFile`, which wants the last entry to have no size in front.
/// `None` if they have no room in NTFS.
pub(crate) fn extended_list(attributes: &[Xattr]) -> Option<Vec<u8>> {
    let mut bytes = extended::encode(attributes)?;
    let mut last = 0;
    while let Ok(size) = number32(&bytes, last)
        && last + (size as usize) < bytes.len()
    {
        last += size as usize;
    }
    if let Some(size) = bytes.get_mut(last..last + 4) {
        size.fill(0);
    }
    Some(bytes)
}

/// Of a file's extended attributes those that this program and WSL write, without values: set so, NTFS
/// removes them.
pub(crate) fn removal_of_ours(attributes: &[Xattr]) -> Vec<Xattr> {
    let names = attributes.iter().map(|(name, _)| name);
    names
        .filter(|name| *name == ntfs::MARK || name.starts_with(b"$LX") || name.starts_with(b"LX."))
        .map(|name| (name.clone(), Vec::new()))
        .collect()
}

/// Whether a reparse point stands for something else, so that opening the file would open that.
/// Others only say where the content is, and who opens the file gets it.
pub(crate) fn stands_for_another(tag: u32) -> bool {
    ntfs::is_stand_in(&tag.to_le_bytes())
}

/// Whether the tag is one of WSL's: of links (`LX_SYMLINK`), sockets, pipes, devices. Their files are
/// no directories.
pub(crate) fn is_wsl(tag: u32) -> bool {
    const LX_SYMLINK: u32 = 0xa000_001d;
    tag == LX_SYMLINK || ntfs::WSL_SPECIAL_FILES.contains(&tag)
}

/// Tag of a symbolic link of Windows.
pub(crate) const SYMLINK: u32 = 0xa000_000c;
/// Tag of a pipe of WSL.
pub(crate) const LX_FIFO: u32 = 0x8000_0024;
/// Tag of a character device of WSL.
pub(crate) const LX_CHR: u32 = 0x8000_0025;
/// Tag of a block device of WSL.
pub(crate) const LX_BLK: u32 = 0x8000_0026;

/// The tag of a reparse point.
pub(crate) fn tag_of(reparse: &[u8]) -> Option<u32> {
    number32(reparse, 0).ok()
}

/// The text that a symbolic link of Windows shows (its print name).
pub(crate) fn shown_target(reparse: &[u8]) -> Option<String> {
    // Tag, length and reserved; offsets and lengths of two names; flags; the names.
    let field = |at: usize| {
        let bytes = part(reparse, at, 2).ok()?;
        Some(usize::from(u16::from_le_bytes([bytes[0], bytes[1]])))
    };
    let (offset, length) = (field(12)?, field(14)?);
    let units = wide(reparse, 20 + offset, u32::try_from(length).ok()?).ok()?;
    String::from_utf16(&units)
        .ok()
        .filter(|text| !text.is_empty() && !text.contains('\0'))
}

/// Whether the bytes are a self-relative descriptor whose parts all lie inside it: the system's calls
/// are not told where it ends.
pub(crate) fn is_descriptor(bytes: &[u8]) -> bool {
    const SELF_RELATIVE: u8 = 0x80;
    let sid = |offset: u32| {
        let start = offset as usize;
        offset == 0
            || part(bytes, start, 8).is_ok_and(|head| {
                // Revision, number of authorities (at most 15), authority; four bytes each.
                let count = usize::from(head[1]);
                head[0] == 1 && count <= 15 && part(bytes, start, 8 + count * 4).is_ok()
            })
    };
    let acl = |offset: u32| {
        let start = offset as usize;
        offset == 0
            || part(bytes, start, 8).is_ok_and(|head| {
                // Revision, padding, size with the entries, their number.
                let size = usize::from(u16::from_le_bytes([head[2], head[3]]));
                let count = u16::from_le_bytes([head[4], head[5]]);
                part(bytes, start, size).is_ok_and(|acl| has_entries(acl, count))
            })
    };
    let offsets = [4, 8, 12, 16].map(|at| number32(bytes, at));
    let [Ok(owner), Ok(group), Ok(sacl), Ok(dacl)] = offsets else {
        return false;
    };
    bytes[0] == 1
        && bytes[3] & SELF_RELATIVE != 0
        && sid(owner)
        && sid(group)
        && acl(sacl)
        && acl(dacl)
}

/// The descriptor as the system wants it to keep the mark of an inherited DACL (`SE_DACL_AUTO_INHERITED`):
/// it keeps it only if it is asked to compute inheritance (`SE_DACL_AUTO_INHERIT_REQ`), which it does not
/// do here.
pub(crate) fn requesting_inheritance(descriptor: &[u8]) -> Vec<u8> {
    const AUTO_INHERITED: u8 = 0x04;
    const AUTO_INHERIT_REQ: u8 = 0x01;
    let mut bytes = descriptor.to_vec();
    // The upper half of the control bits.
    if let Some(control) = bytes.get_mut(3)
        && *control & AUTO_INHERITED != 0
    {
        *control |= AUTO_INHERIT_REQ;
    }
    bytes
}

/// Whether an ACL has this many entries, each whole.
fn has_entries(acl: &[u8], count: u16) -> bool {
    let mut rest = acl.get(8..).unwrap_or_default();
    for _ in 0..count {
        let Ok(size) = part(rest, 2, 2) else {
            return false;
        };
        let size = usize::from(u16::from_le_bytes([size[0], size[1]]));
        match rest.get(size..) {
            Some(after) if size >= 4 => rest = after,
            _ => return false,
        }
    }
    true
}

const COLON: u16 = 0x3a;

/// Calls `visit` with each entry of a list in which an entry begins with the distance to the next, 0
/// in the last.
fn each(bytes: &[u8], visit: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let next = number32(rest, 0)? as usize;
        if next == 0 {
            return visit(rest);
        }
        let (entry, after) = rest.split_at_checked(next).ok_or_else(cut)?;
        visit(entry)?;
        rest = after;
    }
    Ok(())
}

fn part(bytes: &[u8], start: usize, length: usize) -> io::Result<&[u8]> {
    let end = start.checked_add(length).ok_or_else(cut)?;
    bytes.get(start..end).ok_or_else(cut)
}

fn number32(bytes: &[u8], at: usize) -> io::Result<u32> {
    let field = part(bytes, at, 4)?.first_chunk().ok_or_else(cut)?;
    Ok(u32::from_le_bytes(*field))
}

fn number64(bytes: &[u8], at: usize) -> io::Result<u64> {
    let field = part(bytes, at, 8)?.first_chunk().ok_or_else(cut)?;
    Ok(u64::from_le_bytes(*field))
}

/// A name of `length` bytes.
fn wide(bytes: &[u8], start: usize, length: u32) -> io::Result<Vec<u16>> {
    let units = part(bytes, start, length as usize)?.chunks_exact(2);
    Ok(units
        .map(|unit| u16::from_le_bytes([unit[0], unit[1]]))
        .collect())
}

fn cut() -> io::Error {
    invalid("the file system gave a list that is cut short")
}

fn invalid(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests;
