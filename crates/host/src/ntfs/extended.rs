//! Lists of extended attributes as NTFS has them on disk: `FILE_FULL_EA_INFORMATION`.
//!
//! Each entry: its size in 4 bytes, flags, length of the name, length of the value in 2 bytes, the
//! name, NUL, the value; filled up to a multiple of 4 bytes.

use crate::Xattr;

/// How long a list may be: NTFS has 16 bits for its length.
const MAX_LIST: usize = 0xffff;
const HEADER: usize = 8;

/// The list. Every entry has its size in front, the last one too, as on disk; Windows' calls want 0
/// there. `None` if it is too long for NTFS, or a name is.
pub(crate) fn encode(attributes: &[Xattr]) -> Option<Vec<u8>> {
    let mut list = Vec::new();
    for (name, value) in attributes {
        if name.is_empty() || name.contains(&0) {
            return None;
        }
        let name_size = u8::try_from(name.len()).ok()?;
        let value_size = u16::try_from(value.len()).ok()?;
        let size = (HEADER + name.len() + 1 + value.len()).next_multiple_of(4);
        let end = list.len() + size;
        list.extend(u32::try_from(size).ok()?.to_le_bytes());
        list.extend([0, name_size]);
        list.extend(value_size.to_le_bytes());
        list.extend(name);
        list.push(0);
        list.extend(value);
        list.resize(end, 0);
    }
    (list.len() <= MAX_LIST).then_some(list)
}

/// The attributes of a list, names in upper case, as NTFS compares them. `None` if it is no such
/// list.
pub(crate) fn decode(mut list: &[u8]) -> Option<Vec<Xattr>> {
    let mut attributes = Vec::new();
    while !list.is_empty() {
        let (header, rest) = list.split_at_checked(HEADER)?;
        let size = u32::from_le_bytes(header[..4].try_into().ok()?);
        let (name, rest) = rest.split_at_checked(header[5].into())?;
        let value_size = u16::from_le_bytes(header[6..].try_into().ok()?);
        let value = rest.strip_prefix(b"\0")?.get(..value_size.into())?;
        attributes.push((name.to_ascii_uppercase(), value.to_vec()));
        list = match usize::try_from(size).ok()? {
            // The last one may lack its padding, or the size.
            0 => &[],
            size if size >= list.len() => &[],
            size if size > HEADER + name.len() + value.len() => &list[size..],
            _ => return None,
        };
    }
    Some(attributes)
}

#[cfg(test)]
mod tests;
