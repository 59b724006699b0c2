//! The forms in which NTFS itself stores what a layer carries in records: extended attributes, WSL's
//! attributes for POSIX metadata, reparse data, backup streams.
//!
//! For trees that are written to an NTFS volume; layers hold none of these. Sources: \[MS-FSCC\]
//! 2.1.2 and 2.4.15, BackupRead's WIN32_STREAM_ID, and the attributes that WSL and Linux' SMB client
//! agree upon.

/// Tag of a symbolic link.
const SYMLINK: u32 = 0xA000_000C;
/// Tag of a junction.
const JUNCTION: u32 = 0xA000_0003;
/// Tag of WSL's symbolic link.
const LX_SYMLINK: u32 = 0xA000_001D;
/// SYMLINK_FLAG_RELATIVE.
const RELATIVE: u32 = 1;

/// A FILE_FULL_EA_INFORMATION list of names and values. `None` if a name has more than 255 bytes or
/// a value more than 65,535.
pub fn extended_attributes(attributes: &[(&[u8], &[u8])]) -> Option<Vec<u8>> {
    let mut list = Vec::new();
    for (place, (name, value)) in attributes.iter().enumerate() {
        let (name_length, value_length) = (
            u8::try_from(name.len()).ok()?,
            u16::try_from(value.len()).ok()?,
        );
        let size = (8 + name.len() + 1 + value.len()).next_multiple_of(4);
        let last = place + 1 == attributes.len();
        let start = list.len();
        list.extend_from_slice(&(if last { 0 } else { size as u32 }).to_le_bytes());
        list.extend_from_slice(&[0, name_length]);
        list.extend_from_slice(&value_length.to_le_bytes());
        list.extend_from_slice(name);
        list.push(0);
        list.extend_from_slice(value);
        list.resize(start + size, 0);
    }
    Some(list)
}

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
        [b"LX.", name.to_ascii_uppercase().as_slice()].concat(),
        [b"lxea", value].concat(),
    )
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
    reparse(LX_SYMLINK, &[&2u32.to_le_bytes(), target].concat())
}

/// A stream of a backup: its id, its name (empty for those that have none) and its data.
pub fn backup_stream(id: u32, name: &str, data: &[u8]) -> Vec<u8> {
    let name = utf16(name);
    let mut stream = id.to_le_bytes().to_vec();
    stream.extend_from_slice(&0u32.to_le_bytes());
    stream.extend_from_slice(&(data.len() as u64).to_le_bytes());
    stream.extend_from_slice(&(name.len() as u32).to_le_bytes());
    stream.extend_from_slice(&name);
    stream.extend_from_slice(data);
    stream
}

/// The NT name of an absolute Win32 path; `None` if the path is relative.
fn absolute_target(text: &str) -> Option<String> {
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

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[cfg(test)]
mod tests;
