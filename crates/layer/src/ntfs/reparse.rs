//! Reparse points: links of Windows and WSL, and WSL's special files.
//!
//! Sources: \[MS-FSCC\] 2.1.2.1 and 2.1.2.4 to 2.1.2.6, and what WSL and ntfs3 agree upon.

use super::utf16;

/// Tag of a symbolic link.
const SYMLINK: u32 = 0xA000_000C;
/// Tag of a junction, or of a volume that is mounted there.
const JUNCTION: u32 = 0xA000_0003;
/// Tag of WSL's symbolic link.
const LX_SYMLINK: u32 = 0xA000_001D;
/// Tag of WSL's socket.
const SOCKET: u32 = 0x8000_0023;
/// Tag of WSL's named pipe.
const FIFO: u32 = 0x8000_0024;
/// Tag of WSL's character device, whose numbers are in `$LXDEV`.
const CHAR_DEVICE: u32 = 0x8000_0025;
/// Tag of WSL's block device.
const BLOCK_DEVICE: u32 = 0x8000_0026;
/// SYMLINK_FLAG_RELATIVE.
const RELATIVE: u32 = 1;
/// What stands before the text of WSL's symbolic link.
const LX_VERSION: u32 = 2;
/// MAXIMUM_REPARSE_DATA_BUFFER_SIZE: most bytes of a reparse point, its header included.
const MAX_REPARSE: usize = 16 << 10;

/// What a reparse point stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReparseTarget {
    /// Windows' symbolic link, with the text that Windows shows.
    Symlink(String),
    /// A junction, with the text that Windows shows.
    Junction(String),
    /// WSL's symbolic link, with Linux' text.
    LxSymlink(Vec<u8>),
    /// WSL's named pipe.
    Fifo,
    /// WSL's character device.
    CharDevice,
    /// WSL's block device.
    BlockDevice,
    /// WSL's socket.
    Socket,
}

impl ReparseTarget {
    /// Reads a reparse point: tag, length, data. `None` if it is none of these, or damaged.
    pub fn parse(point: &[u8]) -> Option<Self> {
        let tag = u32_at(point, 0)?;
        let length = usize::from(u16_at(point, 4)?);
        let data = point.get(8..8 + length)?;
        Some(match tag {
            SYMLINK => Self::Symlink(shown_name(data, 12)?),
            JUNCTION => Self::Junction(shown_name(data, 8)?),
            LX_SYMLINK if u32_at(data, 0)? == LX_VERSION => Self::LxSymlink(data[4..].to_vec()),
            SOCKET => Self::Socket,
            FIFO => Self::Fifo,
            CHAR_DEVICE => Self::CharDevice,
            BLOCK_DEVICE => Self::BlockDevice,
            _ => return None,
        })
    }

    /// The reparse point. `None` if the text is too long for one.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let bytes = match self {
            Self::Symlink(text) => symlink_reparse(text)?,
            Self::Junction(text) => junction_reparse(text)?,
            Self::LxSymlink(text) => lx_symlink_reparse(text)?,
            Self::Fifo => reparse(FIFO, &[])?,
            Self::CharDevice => reparse(CHAR_DEVICE, &[])?,
            Self::BlockDevice => reparse(BLOCK_DEVICE, &[])?,
            Self::Socket => reparse(SOCKET, &[])?,
        };
        (bytes.len() <= MAX_REPARSE).then_some(bytes)
    }
}

/// The text of a link of Windows whose names begin at `names`: the print name, or where that is
/// empty the substitute name as programs of Windows write it.
fn shown_name(data: &[u8], names: usize) -> Option<String> {
    let name = |at: usize| {
        let start = names + usize::from(u16_at(data, at)?);
        let length = usize::from(u16_at(data, at + 2)?);
        let units = data.get(start..start + length)?.chunks_exact(2);
        let units: Vec<u16> = units
            .map(|unit| u16::from_le_bytes([unit[0], unit[1]]))
            .collect();
        String::from_utf16(&units).ok()
    };
    let print = name(4)?;
    if !print.is_empty() {
        return Some(print);
    }
    let target = name(0)?;
    let Some(rest) = target.strip_prefix(r"\??\") else {
        return Some(target);
    };
    let bytes = rest.as_bytes();
    let is_drive = bytes.len() > 1 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':';
    Some(match rest.strip_prefix(r"UNC\") {
        Some(server) => format!(r"\\{server}"),
        None if is_drive => rest.to_owned(),
        None => format!(r"\\?\{rest}"),
    })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let field = bytes.get(at..at + 2)?;
    Some(u16::from_le_bytes(field.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes(field.try_into().ok()?))
}

/// Reparse data of a symbolic link whose print name is `text`, as the importer of Windows makes it:
/// what begins with a drive, a server or `\\?\` is absolute, all else relative.
pub fn symlink_reparse(text: &str) -> Option<Vec<u8>> {
    let native = text.replace('/', "\\");
    let (target, flags) = match absolute_target(&native) {
        Some(target) => (target, 0),
        None => (native.clone(), RELATIVE),
    };
    named_reparse(SYMLINK, &target, &native, Some(flags))
}

/// Reparse data of a junction whose print name is `text`.
pub fn junction_reparse(text: &str) -> Option<Vec<u8>> {
    let native = text.replace('/', "\\");
    let target = absolute_target(&native).unwrap_or_else(|| native.clone());
    named_reparse(JUNCTION, &target, &native, None)
}

/// Reparse data of WSL's symbolic link.
pub fn lx_symlink_reparse(target: &[u8]) -> Option<Vec<u8>> {
    reparse(LX_SYMLINK, &[&LX_VERSION.to_le_bytes(), target].concat())
}

/// The NT name of an absolute Win32 path; `None` if the path is relative.
pub(super) fn absolute_target(text: &str) -> Option<String> {
    if let Some(rest) = text.strip_prefix(r"\\?\") {
        return Some(format!(r"\??\{rest}"));
    }
    if let Some(rest) = text.strip_prefix(r"\\") {
        return Some(format!(r"\??\UNC\{rest}"));
    }
    let bytes = text.as_bytes();
    let drive = bytes.len() > 1 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':';
    drive.then(|| format!(r"\??\{text}"))
}

/// Reparse data with a substitute name and a print name; `flags` only of symbolic links.
fn named_reparse(tag: u32, target: &str, print: &str, flags: Option<u32>) -> Option<Vec<u8>> {
    let (target, print) = (utf16(target), utf16(print));
    let mut data = Vec::new();
    // Both names end with a NUL that their lengths do not count.
    for value in [0, target.len(), target.len() + 2, print.len()] {
        data.extend_from_slice(&u16::try_from(value).ok()?.to_le_bytes());
    }
    data.extend(flags.iter().flat_map(|flags| flags.to_le_bytes()));
    for name in [target, print] {
        data.extend_from_slice(&name);
        data.extend_from_slice(&[0, 0]);
    }
    reparse(tag, &data)
}

fn reparse(tag: u32, data: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = tag.to_le_bytes().to_vec();
    bytes.extend_from_slice(&u16::try_from(data.len()).ok()?.to_le_bytes());
    bytes.extend_from_slice(&[0, 0]);
    bytes.extend_from_slice(data);
    Some(bytes)
}
