//! What the first bytes of a file say about who can run it: ELF, PE, `#!` scripts.

mod dynamic;
mod imports;

pub use dynamic::ElfDynamic;
pub use imports::PeImports;

/// What starts a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Executable {
    /// Linux and other Unix systems (System V ABI, chapter 4).
    Elf(Elf),
    /// Windows (Microsoft's PE format).
    Pe(Pe),
    /// A script for a program that its first line names.
    Script {
        /// The program, as it stands there.
        interpreter: Vec<u8>,
    },
    /// macOS.
    MachO,
    /// A file that Linux and Windows both run (Cosmopolitan's APE).
    Portable,
    /// Anything else, or too little of it to know.
    Unknown,
}

/// An ELF file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elf {
    /// `e_machine`.
    pub machine: u16,
    /// The architecture as Go and platforms name it; `None` if they have no name for it.
    pub architecture: Option<&'static str>,
    /// The loader that it asks for; `None` for a static one, or if it stands behind these bytes.
    pub interpreter: Option<Vec<u8>>,
}

/// A PE file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pe {
    /// `Machine`, zero if it stands behind these bytes.
    pub machine: u16,
    /// The architecture as Go and platforms name it; `None` if they have no name for it.
    pub architecture: Option<&'static str>,
    /// It holds code for .NET, which may run on other machines than the header names.
    pub managed: bool,
}

/// Most bytes of a `#!` line that Linux reads (`BINPRM_BUF_SIZE`).
const SCRIPT_LINE: usize = 256;
/// Most bytes of the path of a loader (`PATH_MAX`).
const MAX_PATH: u64 = 4096;
const PT_INTERP: u64 = 3;

impl Executable {
    /// Reads the beginning of a file. More of it can say more, but nothing else.
    pub fn read(head: &[u8]) -> Self {
        if head.starts_with(b"\x7fELF") {
            return elf(head).map_or(Self::Unknown, Self::Elf);
        }
        if head.starts_with(b"MZqFpD") {
            return Self::Portable;
        }
        if head.starts_with(b"MZ") {
            return Self::Pe(pe(head));
        }
        if let Some(rest) = head.strip_prefix(b"#!") {
            return script(rest).map_or(Self::Unknown, |interpreter| Self::Script { interpreter });
        }
        let mach: [&[u8]; 4] = [
            b"\xcf\xfa\xed\xfe",
            b"\xce\xfa\xed\xfe",
            b"\xfe\xed\xfa\xcf",
            b"\xfe\xed\xfa\xce",
        ];
        match mach.iter().any(|magic| head.starts_with(magic)) {
            true => Self::MachO,
            false => Self::Unknown,
        }
    }
}

/// Numbers of a header in either byte order.
struct Fields<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl Fields<'_> {
    fn number(&self, offset: u64, length: u64) -> Option<u64> {
        let start = usize::try_from(offset).ok()?;
        let bytes = self.bytes.get(start..start.checked_add(length as usize)?)?;
        let append = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(match self.big_endian {
            true => bytes.iter().fold(0, append),
            false => bytes.iter().rev().fold(0, append),
        })
    }
}

fn elf(head: &[u8]) -> Option<Elf> {
    let wide = match head.get(4)? {
        1 => false,
        2 => true,
        _ => return None,
    };
    let big_endian = match head.get(5)? {
        1 => false,
        2 => true,
        _ => return None,
    };
    let fields = Fields {
        bytes: head,
        big_endian,
    };
    let machine = fields.number(18, 2)? as u16;
    Some(Elf {
        machine,
        architecture: elf_architecture(machine, wide, big_endian),
        interpreter: elf_interpreter(&fields, wide),
    })
}

fn elf_interpreter(fields: &Fields<'_>, wide: bool) -> Option<Vec<u8>> {
    let (table, size, count) = match wide {
        true => (fields.number(32, 8)?, 54, 56),
        false => (fields.number(28, 4)?, 42, 44),
    };
    let (size, count) = (fields.number(size, 2)?, fields.number(count, 2)?);
    for place in 0..count {
        let header = table.checked_add(place.checked_mul(size)?)?;
        if fields.number(header, 4)? != PT_INTERP {
            continue;
        }
        let (offset, length) = match wide {
            true => (
                fields.number(header.checked_add(8)?, 8)?,
                fields.number(header.checked_add(32)?, 8)?,
            ),
            false => (
                fields.number(header.checked_add(4)?, 4)?,
                fields.number(header.checked_add(16)?, 4)?,
            ),
        };
        if length > MAX_PATH {
            return None;
        }
        let start = usize::try_from(offset).ok()?;
        let end = start.checked_add(length as usize)?;
        let path = fields.bytes.get(start..end)?;
        let path = path.split(|byte| *byte == 0).next().unwrap_or_default();
        return Some(path.to_vec());
    }
    None
}

fn elf_architecture(machine: u16, wide: bool, big_endian: bool) -> Option<&'static str> {
    Some(match (machine, wide, big_endian) {
        (3, ..) => "386",
        (62, ..) => "amd64",
        (40, _, false) => "arm",
        (183, _, false) => "arm64",
        (243, true, _) => "riscv64",
        (258, true, _) => "loong64",
        (21, _, true) => "ppc64",
        (21, _, false) => "ppc64le",
        (22, true, _) => "s390x",
        (8, false, true) => "mips",
        (8, false, false) => "mipsle",
        (8, true, true) => "mips64",
        (8, true, false) => "mips64le",
        _ => return None,
    })
}

fn pe(head: &[u8]) -> Pe {
    let fields = Fields {
        bytes: head,
        big_endian: false,
    };
    let header = || {
        let start = fields.number(0x3c, 4)?;
        let signature = fields.number(start, 4)? as u32;
        (signature.to_le_bytes() == *b"PE\0\0").then_some(start)
    };
    let read = || {
        let start = header()?;
        let machine = fields.number(start + 4, 2)? as u16;
        // The directory of the .NET header, the fifteenth, behind the optional header's fields.
        let optional = start + 24;
        let directories = match fields.number(optional, 2) {
            Some(0x20b) => 112,
            _ => 96,
        };
        let managed = fields.number(optional + directories + 14 * 8, 4);
        Some((machine, managed.is_some_and(|address| address != 0)))
    };
    let (machine, managed) = read().unwrap_or_default();
    Pe {
        machine,
        architecture: match machine {
            0x14c => Some("386"),
            0x8664 => Some("amd64"),
            0x1c0 | 0x1c2 | 0x1c4 => Some("arm"),
            0xaa64 => Some("arm64"),
            _ => None,
        },
        managed,
    }
}

/// The interpreter of a script, as Linux reads it: blanks are skipped, and it ends with a blank or
/// the line. `None` if neither is in these bytes.
fn script(rest: &[u8]) -> Option<Vec<u8>> {
    let rest = &rest[..rest.len().min(SCRIPT_LINE - 2)];
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = rest.iter().position(|byte| !blank(byte))?;
    let path = &rest[start..];
    let end = |byte: &u8| blank(byte) || matches!(byte, b'\n' | 0);
    let path = &path[..path.iter().position(end)?];
    (!path.is_empty()).then(|| path.to_vec())
}

#[cfg(test)]
mod tests;
