//! What a dynamically linked ELF file asks its loader for (System V ABI, chapter 5).

use super::Fields;

/// What the dynamic section of a program or library says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ElfDynamic {
    /// Libraries that must be there (`DT_NEEDED`), by name or path.
    pub needed: Vec<Vec<u8>>,
    /// The name that others know it by (`DT_SONAME`).
    pub soname: Option<Vec<u8>>,
    /// Folders that are searched first, separated by colons (`DT_RPATH`).
    pub rpath: Option<Vec<u8>>,
    /// The newer form of them (`DT_RUNPATH`): they count for this file's own needs alone.
    pub runpath: Option<Vec<u8>>,
}

const PT_LOAD: u64 = 1;
const PT_DYNAMIC: u64 = 2;
const DT_NULL: u64 = 0;
const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
const DT_SONAME: u64 = 14;
const DT_RPATH: u64 = 15;
const DT_RUNPATH: u64 = 29;

/// Most program headers, and most records of a dynamic section, that are looked at.
const MAX_RECORDS: u64 = 4096;
/// Most bytes of a name or of a list of folders.
const MAX_TEXT: usize = 16 << 10;
/// Most bytes of all names.
const MAX_TEXTS: usize = 1 << 20;

/// A part of the file that is mapped: its offset, address and length.
struct Mapped {
    offset: u64,
    address: u64,
    length: u64,
}

impl ElfDynamic {
    /// Reads the dynamic section of the file that begins with `bytes`. `None` if this is no ELF
    /// file, if it has none, or if it stands behind these bytes.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        if !bytes.starts_with(b"\x7fELF") {
            return None;
        }
        let wide = match bytes.get(4)? {
            1 => false,
            2 => true,
            _ => return None,
        };
        let big_endian = match bytes.get(5)? {
            1 => false,
            2 => true,
            _ => return None,
        };
        let fields = Fields { bytes, big_endian };
        let (loads, dynamic) = segments(&fields, wide)?;
        let (start, length) = dynamic?;
        let word = if wide { 8 } else { 4 };
        let mut texts = Vec::new();
        let mut table = None;
        for place in 0..(length / (2 * word)).min(MAX_RECORDS) {
            let at = start.checked_add(place * 2 * word)?;
            let tag = fields.number(at, word)?;
            let value = fields.number(at.checked_add(word)?, word)?;
            match tag {
                DT_NULL => break,
                DT_STRTAB => table = Some(value),
                DT_NEEDED | DT_SONAME | DT_RPATH | DT_RUNPATH => texts.push((tag, value)),
                _ => {}
            }
        }
        let table = table?;
        let load = loads
            .iter()
            .find(|load| table >= load.address && table - load.address < load.length)?;
        let table = load.offset.checked_add(table - load.address)?;
        let mut found = Self::default();
        let mut total = 0;
        for (tag, offset) in texts {
            let text = text_at(bytes, table.checked_add(offset)?)?;
            total += text.len();
            if total > MAX_TEXTS {
                return None;
            }
            match tag {
                DT_NEEDED => found.needed.push(text),
                DT_SONAME => found.soname = Some(text),
                DT_RPATH => found.rpath = Some(text),
                _ => found.runpath = Some(text),
            }
        }
        Some(found)
    }
}

/// What is mapped, and where the dynamic section lies.
type Segments = (Vec<Mapped>, Option<(u64, u64)>);

fn segments(fields: &Fields<'_>, wide: bool) -> Option<Segments> {
    let (table, size, count) = match wide {
        true => (fields.number(32, 8)?, 54, 56),
        false => (fields.number(28, 4)?, 42, 44),
    };
    let (size, count) = (fields.number(size, 2)?, fields.number(count, 2)?);
    let (mut loads, mut dynamic) = (Vec::new(), None);
    for place in 0..count.min(MAX_RECORDS) {
        let header = table.checked_add(place.checked_mul(size)?)?;
        let kind = fields.number(header, 4)?;
        if kind != PT_LOAD && kind != PT_DYNAMIC {
            continue;
        }
        let field = |wide_at: u64, narrow_at: u64| match wide {
            true => fields.number(header.checked_add(wide_at)?, 8),
            false => fields.number(header.checked_add(narrow_at)?, 4),
        };
        let (offset, address, length) = (field(8, 4)?, field(16, 8)?, field(32, 16)?);
        match kind {
            PT_LOAD => loads.push(Mapped {
                offset,
                address,
                length,
            }),
            _ => dynamic = Some((offset, length)),
        }
    }
    Some((loads, dynamic))
}

/// The text at an offset, up to its NUL.
fn text_at(bytes: &[u8], offset: u64) -> Option<Vec<u8>> {
    let rest = bytes.get(usize::try_from(offset).ok()?..)?;
    let rest = &rest[..rest.len().min(MAX_TEXT)];
    let end = rest.iter().position(|byte| *byte == 0)?;
    Some(rest[..end].to_vec())
}
