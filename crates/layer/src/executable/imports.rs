//! Which libraries a PE file imports (Microsoft's PE format, ".idata" and "Delay-Load Import
//! Tables").

use super::Fields;

/// What a program, library or driver of Windows imports.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PeImports {
    /// `Machine` of its header.
    pub machine: u16,
    /// It is code for the kernel or for the time before there is a Win32 (subsystem 1).
    pub native: bool,
    /// It is a library.
    pub library: bool,
    /// Libraries that must be there when it is loaded, in the order of the table.
    pub imports: Vec<Vec<u8>>,
    /// Libraries that are loaded when they are first needed.
    pub delayed: Vec<Vec<u8>>,
}

const SUBSYSTEM_NATIVE: u64 = 1;
/// IMAGE_FILE_DLL
const IS_LIBRARY: u64 = 0x2000;
/// Most sections (the loader's own limit), and most libraries of a table that are looked at.
const MAX_SECTIONS: u64 = 96;
const MAX_LIBRARIES: u64 = 4096;
/// Most bytes of a library's name.
const MAX_NAME: usize = 512;

/// A part of the file that is mapped: its offset, address and length.
struct Section {
    offset: u64,
    address: u64,
    length: u64,
}

/// Where things lie in the file.
struct Image<'a> {
    fields: Fields<'a>,
    sections: Vec<Section>,
    headers: u64,
    base: u64,
}

impl PeImports {
    /// Reads the import tables of the file that begins with `bytes`. `None` if this is no PE file,
    /// or if they stand behind these bytes.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        if !bytes.starts_with(b"MZ") {
            return None;
        }
        let fields = Fields {
            bytes,
            big_endian: false,
        };
        let start = fields.number(0x3c, 4)?;
        if fields.number(start, 4)? as u32 != u32::from_le_bytes(*b"PE\0\0") {
            return None;
        }
        let machine = fields.number(start + 4, 2)? as u16;
        let count = fields.number(start + 6, 2)?.min(MAX_SECTIONS);
        let optional = start + 24;
        let table = optional + fields.number(start + 20, 2)?;
        let library = fields.number(start + 22, 2)? & IS_LIBRARY != 0;
        let wide = match fields.number(optional, 2)? {
            0x10b => false,
            0x20b => true,
            _ => return None,
        };
        let (base, directories) = match wide {
            true => (fields.number(optional + 24, 8)?, optional + 112),
            false => (fields.number(optional + 28, 4)?, optional + 96),
        };
        let stated = fields.number(directories - 4, 4)?;
        let mut sections = Vec::new();
        for place in 0..count {
            let header = table + place * 40;
            sections.push(Section {
                address: fields.number(header + 12, 4)?,
                length: fields.number(header + 16, 4)?,
                offset: fields.number(header + 20, 4)?,
            });
        }
        let native = fields.number(optional + 68, 2)? == SUBSYSTEM_NATIVE;
        let image = Image {
            headers: fields.number(optional + 60, 4)?,
            fields,
            sections,
            base,
        };
        let directory = |number: u64| match number < stated {
            true => image.fields.number(directories + number * 8, 4),
            false => Some(0),
        };
        Some(Self {
            machine,
            native,
            library,
            imports: image.imports(directory(1)?)?,
            delayed: image.delayed(directory(13)?)?,
        })
    }
}

impl Image<'_> {
    fn imports(&self, address: u64) -> Option<Vec<Vec<u8>>> {
        let mut names = Vec::new();
        if address == 0 {
            return Some(names);
        }
        let start = self.offset(address)?;
        for place in 0..MAX_LIBRARIES {
            let record = start + place * 20;
            let name = self.fields.number(record + 12, 4)?;
            let first_thunk = self.fields.number(record + 16, 4)?;
            // The loader ends at either.
            if name == 0 || first_thunk == 0 {
                break;
            }
            names.push(self.name(name)?);
        }
        Some(names)
    }

    fn delayed(&self, address: u64) -> Option<Vec<Vec<u8>>> {
        let mut names = Vec::new();
        if address == 0 {
            return Some(names);
        }
        let start = self.offset(address)?;
        for place in 0..MAX_LIBRARIES {
            let record = start + place * 32;
            let relative = self.fields.number(record, 4)? & 1 != 0;
            let name = self.fields.number(record + 4, 4)?;
            if name == 0 {
                break;
            }
            // Old compilers wrote addresses as the program sees them.
            let name = match relative {
                true => name,
                false => name.checked_sub(self.base)?,
            };
            names.push(self.name(name)?);
        }
        Some(names)
    }

    /// Where the file holds what is mapped at an address.
    fn offset(&self, address: u64) -> Option<u64> {
        let inside = |section: &&Section| {
            address >= section.address && address - section.address < section.length
        };
        match self.sections.iter().find(inside) {
            Some(section) => section.offset.checked_add(address - section.address),
            None => (address < self.headers).then_some(address),
        }
    }

    fn name(&self, address: u64) -> Option<Vec<u8>> {
        let start = usize::try_from(self.offset(address)?).ok()?;
        let rest = self.fields.bytes.get(start..)?;
        let rest = &rest[..rest.len().min(MAX_NAME)];
        let end = rest.iter().position(|byte| *byte == 0)?;
        Some(rest[..end].to_vec())
    }
}
