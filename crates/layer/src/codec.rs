//! Entries to tar headers and back: the two encodings.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::Timestamp;
use crate::descriptor::SecurityDescriptor;
use crate::entry::{
    Content, Entry, Kind, LayerContent, LayerFormat, Origin, PosixMetadata, Stream, Times,
    Win32Metadata,
};
use crate::index::RawEntry;
use crate::record_keys as key;
use crate::tar::{Header, Records, TarKind};

/// Permission bits with setuid, setgid and sticky.
const PERMISSIONS: u32 = 0o7777;

/// Decodes an entry of a layer. A hard link is decoded as the file that it names would be, without
/// content; its target is resolved when a tree is stacked.
pub(crate) fn decode(raw: &RawEntry<'_>, format: LayerFormat) -> Entry {
    let mut entry = Entry {
        kind: decode_kind(raw),
        posix: PosixMetadata {
            mode: raw.mode() & PERMISSIONS,
            uid: raw.uid(),
            gid: raw.gid(),
            user: raw.user().to_vec(),
            group: raw.group().to_vec(),
            xattrs: Default::default(),
        },
        win32: Win32Metadata::default(),
        times: Times::at(raw.modified()),
        origin: format.native(),
        streams: Vec::new(),
        original_link: None,
        original_mode: None,
    };
    for (name, value) in raw.records() {
        decode_record(&mut entry, name, value);
    }
    if entry.origin == Origin::Posix && format == LayerFormat::Linux {
        // Derived records have no meaning beside POSIX metadata of a Linux layer.
        entry.win32 = Win32Metadata::default();
        entry.times.created = None;
    }
    entry
}

fn decode_kind(raw: &RawEntry<'_>) -> Kind {
    let (major, minor) = raw.device();
    match raw.kind() {
        TarKind::Directory => Kind::Directory,
        TarKind::Symlink => Kind::Symlink(raw.link().to_vec()),
        TarKind::CharDevice => Kind::CharDevice(major, minor),
        TarKind::BlockDevice => Kind::BlockDevice(major, minor),
        TarKind::Fifo => Kind::Fifo,
        TarKind::File | TarKind::HardLink => Kind::File(Content::empty()),
    }
}

/// Adds what a record says.
pub(crate) fn decode_record(entry: &mut Entry, name: &[u8], value: &[u8]) {
    let time = || Timestamp::parse_pax(value);
    match name {
        key::ATTRIBUTES => entry.win32.attributes = number(value),
        key::DESCRIPTOR => {
            let bytes = BASE64.decode(value).ok();
            let bytes = bytes.filter(|bytes| SecurityDescriptor::parse(bytes).is_ok());
            entry.win32.descriptor = bytes.map(Arc::from);
        }
        // Legacy text, read when there is no binary form (which sorts before and so came first).
        key::DESCRIPTOR_TEXT if entry.win32.descriptor.is_none() => {
            let text = std::str::from_utf8(value).ok();
            let descriptor = text.and_then(|text| SecurityDescriptor::from_sddl(text).ok());
            entry.win32.descriptor = descriptor.map(|descriptor| Arc::from(descriptor.as_bytes()));
        }
        key::JUNCTION => entry.win32.junction = entry.kind.is_symlink(),
        key::CREATED => entry.times.created = time(),
        key::ACCESSED => entry.times.accessed = time(),
        key::CHANGED => entry.times.changed = time(),
        key::ORIGIN => match value {
            b"posix" => entry.origin = Origin::Posix,
            b"win32" => entry.origin = Origin::Win32,
            _ => {}
        },
        key::LINK => entry.original_link = Some(value.to_vec()),
        key::MODIFIED => entry.times.original_modified = time(),
        key::MODE => {
            let text = std::str::from_utf8(value).unwrap_or_default();
            let mode = u32::from_str_radix(text, 8).ok();
            entry.original_mode = mode.filter(|mode| *mode <= PERMISSIONS);
        }
        _ => {
            if let Some(attribute) = name.strip_prefix(key::XATTR) {
                entry
                    .posix
                    .xattrs
                    .insert(attribute.to_vec(), value.to_vec());
            } else if let Some(attribute) = name.strip_prefix(key::EXTENDED) {
                entry
                    .win32
                    .extended
                    .push((attribute.to_vec(), value.to_vec()));
            } else if let Some(stream) = name.strip_prefix(key::STREAM)
                && let (Some(name), Ok(bytes)) = (unescape(stream), BASE64.decode(value))
            {
                let content = Content::Inline(Arc::from(bytes));
                entry.streams.push(Stream { name, content });
            }
        }
    }
}

/// The content of a file entry of the layer `layer`.
pub(crate) fn content_of(raw: &RawEntry<'_>, layer: crossdock_image::DiffId) -> Content {
    if raw.size() == 0 {
        return Content::empty();
    }
    Content::Layer(LayerContent {
        layer,
        extent: raw.extent(),
        size: raw.size(),
        sparse: raw.sparse().map(Arc::from),
        hash: raw.hash(),
    })
}

/// A decimal number.
pub(crate) fn number(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Where and under which name an entry is written.
pub(crate) struct Placement<'a> {
    /// Full name in the tar, without a trailing slash.
    pub(crate) path: &'a [u8],
    /// `CROSSDOCK.name`.
    pub(crate) original_name: Option<&'a [u8]>,
    /// The full name of the file that this is another name of.
    pub(crate) hard_link: Option<&'a [u8]>,
    /// Whether metadata that the target cannot express is written.
    pub(crate) carry: bool,
}

/// Encodes an entry. Alternate streams of a Linux layer must be inline; those of a Windows layer
/// are entries of their own, which the caller writes.
pub(crate) fn encode(entry: &Entry, format: LayerFormat, place: &Placement<'_>) -> Header {
    let kind = match (&entry.kind, place.hard_link) {
        (_, Some(_)) => TarKind::HardLink,
        (Kind::File(_), None) => TarKind::File,
        (Kind::Directory, None) => TarKind::Directory,
        (Kind::Symlink(_), None) => TarKind::Symlink,
        (Kind::CharDevice(..), None) => TarKind::CharDevice,
        (Kind::BlockDevice(..), None) => TarKind::BlockDevice,
        (Kind::Fifo, None) => TarKind::Fifo,
    };
    let mut header = Header::new(kind, place.path);
    match (&entry.kind, place.hard_link) {
        (_, Some(target)) => header.link = target.to_vec(),
        (Kind::File(content), None) => header.size = content.size(),
        (Kind::Symlink(text), None) => header.link.clone_from(text),
        (Kind::CharDevice(major, minor) | Kind::BlockDevice(major, minor), None) => {
            header.device = (*major, *minor);
        }
        (Kind::Directory | Kind::Fifo, None) => {}
    }
    let foreign = entry.origin != format.native();
    if format == LayerFormat::Linux || !foreign || place.carry {
        header.mode = entry.posix.mode;
        header.uid = entry.posix.uid;
        header.gid = entry.posix.gid;
        header.user.clone_from(&entry.posix.user);
        header.group.clone_from(&entry.posix.group);
    }
    header.modified = entry.times.modified;
    let mut records = Records::default();
    if format == LayerFormat::Linux || place.carry {
        for (name, value) in &entry.posix.xattrs {
            records.set([key::XATTR, name].concat(), value.as_slice());
        }
    }
    match format {
        LayerFormat::Linux => {
            if header.kind == TarKind::Directory {
                header.path.push(b'/');
            }
            let times = [
                (key::ACCESSED, entry.times.accessed),
                (key::CHANGED, entry.times.changed),
            ];
            for (name, time) in times.into_iter().filter(|_| place.carry || !foreign) {
                if let Some(time) = time {
                    records.set(name, time.to_pax());
                }
            }
            if foreign && place.carry {
                win32_records(&mut records, entry);
                if let Some(time) = entry.times.created {
                    records.set(key::CREATED, time.to_pax());
                }
            }
            if place.hard_link.is_none() && place.carry {
                stream_records(&mut records, &entry.streams);
            }
        }
        LayerFormat::Windows => {
            if !foreign || !place.carry {
                header.mode |= type_bits(&entry.kind);
            }
            win32_records(&mut records, entry);
            header.modified = entry.times.modified.clamp_windows();
            let or_modified = |time: Option<Timestamp>| {
                time.unwrap_or(entry.times.modified)
                    .clamp_windows()
                    .to_pax()
            };
            records.set(key::CREATED, or_modified(entry.times.created));
            records.set(key::ACCESSED, or_modified(entry.times.accessed));
            records.set(key::CHANGED, or_modified(entry.times.changed));
            records.set(key::ATTRIBUTES, entry.attributes().to_string());
        }
    }
    if place.carry {
        carrier_records(&mut records, entry, foreign, place);
    }
    header.records = records;
    header
}

/// Records of Windows' own metadata, in either kind of layer.
fn win32_records(records: &mut Records, entry: &Entry) {
    if let Some(attributes) = entry.win32.attributes {
        records.set(key::ATTRIBUTES, attributes.to_string());
    }
    if let Some(descriptor) = &entry.win32.descriptor {
        records.set(key::DESCRIPTOR, BASE64.encode(descriptor));
    }
    if entry.win32.junction {
        records.set(key::JUNCTION, "1");
    }
    for (name, value) in &entry.win32.extended {
        records.set([key::EXTENDED, name].concat(), value.as_slice());
    }
}

/// Our own records.
fn carrier_records(records: &mut Records, entry: &Entry, foreign: bool, place: &Placement<'_>) {
    if foreign {
        let origin: &[u8] = match entry.origin {
            Origin::Posix => b"posix",
            Origin::Win32 => b"win32",
        };
        records.set(key::ORIGIN, origin);
        if let Some(mode) = entry.original_mode {
            records.set(key::MODE, format!("{mode:04o}"));
        }
        if let Some(link) = &entry.original_link {
            records.set(key::LINK, link.as_slice());
        }
        if let Some(name) = place.original_name {
            records.set(key::NAME, name);
        }
        if let Some(time) = entry.times.original_modified {
            records.set(key::MODIFIED, time.to_pax());
        }
    }
}

fn stream_records(records: &mut Records, streams: &[Stream]) {
    for stream in streams {
        if let Content::Inline(bytes) = &stream.content {
            records.set(
                [key::STREAM, &escape(&stream.name)].concat(),
                BASE64.encode(bytes),
            );
        }
    }
}

/// The type bits that Windows' own exporter puts into the mode field.
pub(crate) fn type_bits(kind: &Kind) -> u32 {
    match kind {
        Kind::File(_) => 0o100_000,
        Kind::Directory => 0o040_000,
        Kind::Symlink(_) => 0o120_000,
        Kind::CharDevice(..) => 0o020_000,
        Kind::BlockDevice(..) => 0o060_000,
        Kind::Fifo => 0o010_000,
    }
}

/// Escapes what cannot stand in a record's key: `=`, NUL, and `%` itself.
pub(crate) fn escape(name: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(name.len());
    for &byte in name {
        match byte {
            b'=' | b'%' | 0 => escaped.extend_from_slice(format!("%{byte:02X}").as_bytes()),
            byte => escaped.push(byte),
        }
    }
    escaped
}

fn unescape(name: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = name.iter();
    let mut plain = Vec::with_capacity(name.len());
    while let Some(&byte) = bytes.next() {
        if byte != b'%' {
            plain.push(byte);
            continue;
        }
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        let (high, low) = (digit(bytes.next()?)?, digit(bytes.next()?)?);
        plain.push((high << 4 | low) as u8);
    }
    Some(plain)
}

#[cfg(test)]
mod tests;
