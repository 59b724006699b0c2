//! One 512-byte header block, and the facts of an entry.

use crate::Timestamp;
use crate::tar::pax::Records;

/// Size of a tar block in bytes.
pub const HEADER_SIZE: usize = 512;

/// What an entry is, by its type flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TarKind {
    /// `0`, NUL, `7`, and GNU's sparse `S`.
    File,
    /// `1`: another name of an entry.
    HardLink,
    /// `2`
    Symlink,
    /// `3`
    CharDevice,
    /// `4`
    BlockDevice,
    /// `5`
    Directory,
    /// `6`
    Fifo,
}

impl TarKind {
    /// The type flag that is written for the kind.
    pub(crate) fn flag(self) -> u8 {
        match self {
            Self::File => b'0',
            Self::HardLink => b'1',
            Self::Symlink => b'2',
            Self::CharDevice => b'3',
            Self::BlockDevice => b'4',
            Self::Directory => b'5',
            Self::Fifo => b'6',
        }
    }

    /// The kind of a flag, `None` for extensions and unknown flags.
    pub(crate) fn from_flag(flag: u8) -> Option<Self> {
        Some(match flag {
            b'0' | 0 | b'7' | b'S' => Self::File,
            b'1' => Self::HardLink,
            b'2' => Self::Symlink,
            b'3' => Self::CharDevice,
            b'4' => Self::BlockDevice,
            b'5' => Self::Directory,
            b'6' => Self::Fifo,
            _ => return None,
        })
    }
}

/// The facts that a tar states of one entry, headers and extended headers merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Name as written, with whatever slashes it has.
    pub path: Vec<u8>,
    /// Target of a link; empty for other kinds.
    pub link: Vec<u8>,
    /// What the entry is.
    pub kind: TarKind,
    /// Mode field: permissions, and type bits where the writer put them.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Owner's name; mostly empty.
    pub user: Vec<u8>,
    /// Group's name; mostly empty.
    pub group: Vec<u8>,
    /// Size of the content in bytes, holes of a sparse file included.
    pub size: u64,
    /// Modification time.
    pub modified: Timestamp,
    /// Device numbers, major and minor; zero for other kinds.
    pub device: (u32, u32),
    /// PAX records that are not expressed in the fields above.
    pub records: Records,
    /// Data segments of a sparse file: offset in the file and length; their bytes follow one
    /// another in the archive. `None` if the file is stored whole.
    pub sparse: Option<Vec<(u64, u64)>>,
}

impl Header {
    /// A header of `kind` for `path`, everything else zero or empty.
    pub fn new(kind: TarKind, path: impl Into<Vec<u8>>) -> Self {
        Self {
            path: path.into(),
            link: Vec::new(),
            kind,
            mode: 0,
            uid: 0,
            gid: 0,
            user: Vec::new(),
            group: Vec::new(),
            size: 0,
            modified: Timestamp::default(),
            device: (0, 0),
            records: Records::default(),
            sparse: None,
        }
    }
}

/// The fields of one block, before extended headers are applied.
#[derive(Debug, Clone)]
pub(crate) struct RawHeader {
    pub(crate) name: Vec<u8>,
    pub(crate) link: Vec<u8>,
    pub(crate) flag: u8,
    pub(crate) mode: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    pub(crate) user: Vec<u8>,
    pub(crate) group: Vec<u8>,
    pub(crate) size: u64,
    pub(crate) modified: i64,
    pub(crate) device: (u32, u32),
    /// Whether the block has GNU's magic.
    pub(crate) gnu: bool,
}

/// Why a block is not a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadBlock {
    Checksum,
    Field(&'static str),
}

/// Reads a NUL-terminated field.
fn text(field: &[u8]) -> &[u8] {
    let end = field
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(field.len());
    &field[..end]
}

/// Reads a number: octal digits with padding, or base-256 when the first bit is set.
fn number(field: &[u8], name: &'static str) -> Result<i128, BadBlock> {
    if field[0] & 0x80 != 0 {
        // Two's complement over all bits but the marker. No field is longer than 12 bytes.
        let negative = field[0] & 0x40 != 0;
        let mut value: i128 = if negative { -1 } else { 0 };
        for (place, &byte) in field.iter().enumerate() {
            let byte = match (place, negative) {
                (0, false) => byte & 0x7f,
                _ => byte,
            };
            value = value << 8 | i128::from(byte);
        }
        return Ok(value);
    }
    octal(field).map(i128::from).ok_or(BadBlock::Field(name))
}

/// Reads octal digits. Go and GNU tar pass over spaces and NULs before them, so a reader that
/// stopped at the first NUL would see another size.
pub(crate) fn octal(field: &[u8]) -> Option<u64> {
    let padding = |byte: &u8| matches!(byte, b' ' | 0);
    let start = field.iter().take_while(|byte| padding(byte)).count();
    let field = &field[start..];
    let digits = field.iter().take_while(|byte| !padding(byte)).count();
    let after = &field[digits..];
    // What stands behind a NUL is read by nobody; behind a space, by some.
    if after.first() != Some(&0) && !after.iter().all(padding) {
        return None;
    }
    field[..digits]
        .iter()
        .try_fold(0u64, |value, &byte| match byte {
            b'0'..=b'7' => value
                .checked_mul(8)
                .map(|value| value | u64::from(byte - b'0')),
            _ => None,
        })
}

fn unsigned<T: TryFrom<i128>>(field: &[u8], name: &'static str) -> Result<T, BadBlock> {
    T::try_from(number(field, name)?).map_err(|_| BadBlock::Field(name))
}

impl RawHeader {
    /// Reads a block whose checksum holds.
    pub(crate) fn parse(block: &[u8; HEADER_SIZE]) -> Result<Self, BadBlock> {
        let stated = number(&block[148..156], "checksum").map_err(|_| BadBlock::Checksum)?;
        let outside = || block[..148].iter().chain(&block[156..]);
        let unsigned_sum = outside().map(|&byte| i128::from(byte)).sum::<i128>() + 8 * 32;
        let signed_sum = outside().map(|&byte| i128::from(byte as i8)).sum::<i128>() + 8 * 32;
        if stated != unsigned_sum && stated != signed_sum {
            return Err(BadBlock::Checksum);
        }
        let magic = &block[257..263];
        // POSIX archives may split the name (no reader looks at the version after the magic); GNU
        // uses those bytes for other things, and star some of them.
        let prefix = match (magic, &block[508..]) {
            (b"ustar\0", b"tar\0") => text(&block[345..476]),
            (b"ustar\0", _) => text(&block[345..500]),
            _ => &[],
        };
        let mut name = prefix.to_vec();
        if !name.is_empty() {
            name.push(b'/');
        }
        name.extend_from_slice(text(&block[..100]));
        let gnu = block[257..265] == *b"ustar  \0";
        let known = magic == b"ustar\0" || gnu;
        let device = |range: std::ops::Range<usize>, name| {
            if known {
                unsigned(&block[range], name)
            } else {
                Ok(0)
            }
        };
        Ok(Self {
            name,
            link: text(&block[157..257]).to_vec(),
            flag: block[156],
            mode: unsigned::<u64>(&block[100..108], "mode")? as u32 & 0o177_777,
            uid: unsigned(&block[108..116], "uid")?,
            gid: unsigned(&block[116..124], "gid")?,
            user: if known {
                text(&block[265..297]).to_vec()
            } else {
                Vec::new()
            },
            group: if known {
                text(&block[297..329]).to_vec()
            } else {
                Vec::new()
            },
            size: unsigned(&block[124..136], "size")?,
            modified: unsigned(&block[136..148], "mtime")?,
            device: (device(329..337, "devmajor")?, device(337..345, "devminor")?),
            gnu,
        })
    }
}

/// A header block under construction.
pub(crate) struct Block([u8; HEADER_SIZE]);

impl Block {
    /// A POSIX block with all numbers zero.
    pub(crate) fn new(flag: u8) -> Self {
        let mut block = [0; HEADER_SIZE];
        block[156] = flag;
        block[257..265].copy_from_slice(b"ustar\x0000");
        Self(block)
    }

    /// Writes text, cut to the field.
    pub(crate) fn text(&mut self, at: usize, length: usize, value: &[u8]) {
        let length = length.min(value.len());
        self.0[at..at + length].copy_from_slice(&value[..length]);
    }

    /// Writes an octal number with a closing NUL; the caller has made sure that it fits.
    pub(crate) fn octal(&mut self, at: usize, length: usize, value: u64) {
        let digits = format!("{value:0width$o}", width = length - 1);
        debug_assert!(digits.len() < length);
        self.text(at, length - 1, digits.as_bytes());
    }

    /// The block with its checksum.
    pub(crate) fn finish(mut self) -> [u8; HEADER_SIZE] {
        self.0[148..156].fill(b' ');
        let sum: u64 = self.0.iter().map(|&byte| u64::from(byte)).sum();
        let digits = format!("{sum:06o}");
        self.text(148, 6, digits.as_bytes());
        self.0[154] = 0;
        self.0
    }
}
