//! The entry of a file that was found on NTFS.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::form::{
    NtfsTimes, PERMISSIONS, SHOWN_ATTRIBUTES, TOLD_ATTRIBUTES, TYPE, native_text, told_attributes,
    type_bits,
};
use super::reparse::ReparseTarget;
use super::{LX_NAME, LX_VALUE, MARK};
use crate::Timestamp;
use crate::codec::{decode_record, number};
use crate::descriptor::SecurityDescriptor;
use crate::entry::{Entry, Kind, LayerFormat, Origin, PosixMetadata, Stream, Times, Win32Metadata};
use crate::names::{encode_component, is_rename_of, link_to_linux, link_to_windows};
use crate::record_keys as key;
use crate::tar::{Records, TarKind};
use crate::translate::Name;

/// What NTFS says of a file, in NTFS' own bytes.
#[derive(Debug, Clone)]
pub struct NtfsFile<'f> {
    /// What it is. A link that has a reparse point is what that says.
    pub kind: Kind,
    /// The permission bits of what says nothing of its own.
    pub mode: u32,
    /// FILE_ATTRIBUTE_ bits.
    pub attributes: u32,
    /// Its times.
    pub times: NtfsTimes,
    /// Extended attributes, names and values.
    pub extended: &'f [(Vec<u8>, Vec<u8>)],
    /// The reparse point: tag, length, data.
    pub reparse: Option<&'f [u8]>,
    /// The security descriptor, self-relative.
    pub descriptor: Option<&'f [u8]>,
    /// Alternate streams. Those of a file that this program did not write are not taken.
    pub streams: Vec<Stream>,
}

/// A file of NTFS as an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NtfsFound {
    /// The entry as a Linux layer has it.
    pub entry: Entry,
    /// This program wrote it.
    pub is_marked: bool,
    /// It says itself what its permission bits are.
    pub has_mode: bool,
    /// Original names, of which each counts for the name that it explains.
    originals: Vec<Vec<u8>>,
}

impl NtfsFound {
    /// The name on Linux of a file that NTFS calls `stored`.
    pub fn name(&self, stored: &[u8]) -> Name {
        // All names of a file share its attributes.
        let rank = |original: &&Vec<u8>| {
            let is_encoded = encode_component(original) == stored;
            (!is_encoded, !is_rename_of(stored, original))
        };
        let name = Name {
            stored: stored.to_vec(),
            original: self.originals.iter().min_by_key(rank).cloned(),
        };
        name.translate(self.entry.origin, LayerFormat::Windows, LayerFormat::Linux)
    }
}

impl NtfsFile<'_> {
    /// The entry. `None` for a socket, and for a reparse point that no layer can hold.
    pub fn read(mut self) -> Option<NtfsFound> {
        let rest = self.attribute(MARK).and_then(Records::parse);
        let origin = rest.as_ref().and_then(|rest| match rest.get(key::ORIGIN) {
            Some(b"posix") => Some(Origin::Posix),
            Some(b"win32") => Some(Origin::Win32),
            _ => None,
        });
        let is_marked = origin.is_some();
        let rest = rest.filter(|_| is_marked).unwrap_or_default();
        let origin = origin.unwrap_or(Origin::Posix);
        let mut entry = self.windows_entry(origin, &rest)?;
        if is_marked {
            entry.streams = std::mem::take(&mut self.streams);
        }
        // Neither the order of a listing nor that of attributes is a fact of a file.
        entry
            .streams
            .sort_by(|one, other| one.name.cmp(&other.name));
        entry.win32.extended.sort();
        let unset = rest.get(key::UNSET).and(rest.get(key::ATTRIBUTES));
        let unset = unset.and_then(number).unwrap_or_default();
        let shown = (self.attributes | unset) & SHOWN_ATTRIBUTES;
        let mut entry = entry.translate(LayerFormat::Windows, LayerFormat::Linux);
        if origin == Origin::Posix && shown != 0 && !entry.kind.is_symlink() {
            entry.win32.attributes = Some(shown);
        }
        let originals = rest.get(key::NAME).filter(|_| origin == Origin::Posix);
        let originals = originals.map(|names| names.split(|byte| *byte == b'/'));
        let has_mode = origin == Origin::Win32 || self.mode_of(&entry.kind).is_some();
        Some(NtfsFound {
            entry,
            is_marked,
            has_mode,
            originals: originals
                .into_iter()
                .flatten()
                .map(<[u8]>::to_vec)
                .collect(),
        })
    }

    /// The entry as a Windows layer has it.
    fn windows_entry(&self, origin: Origin, rest: &Records) -> Option<Entry> {
        let mut entry = Entry {
            kind: self.kind.clone(),
            posix: PosixMetadata::default(),
            win32: Win32Metadata::default(),
            times: Times::default(),
            origin,
            streams: Vec::new(),
            original_link: None,
            original_mode: None,
        };
        self.set_kind(&mut entry, rest)?;
        self.set_times(&mut entry, rest);
        self.set_owner_and_mode(&mut entry, rest);
        for (name, value) in self.extended {
            if let Some(name) = name.strip_prefix(LX_NAME)
                && let Some(value) = value.strip_prefix(LX_VALUE)
                && is_in_keys(name)
            {
                let xattrs = &mut entry.posix.xattrs;
                xattrs.insert(name.to_ascii_lowercase(), value.to_vec());
            }
        }
        for (record, value) in rest.iter() {
            let is_whole = record.starts_with(key::XATTR) || record.starts_with(key::EXTENDED);
            if is_whole || matches!(record, key::MODIFIED | key::ACCESSED | key::CHANGED) {
                decode_record(&mut entry, record, value);
            }
        }
        if origin == Origin::Win32 {
            self.set_win32(&mut entry, rest);
        }
        Some(entry)
    }

    fn set_kind(&self, entry: &mut Entry, rest: &Records) -> Option<()> {
        let is_link = self.kind.is_symlink();
        let target = match self.reparse.filter(|_| is_link) {
            Some(point) => ReparseTarget::parse(point)?,
            None => match &self.kind {
                Kind::Symlink(text) => ReparseTarget::LxSymlink(text.clone()),
                _ => return Some(()),
            },
        };
        entry.kind = match target {
            ReparseTarget::Symlink(text) => Kind::Symlink(text.into_bytes()),
            ReparseTarget::Junction(text) => {
                entry.win32.junction = true;
                Kind::Symlink(text.into_bytes())
            }
            ReparseTarget::LxSymlink(text) => {
                self.set_lx_link(entry, text, rest);
                return Some(());
            }
            ReparseTarget::Fifo => Kind::Fifo,
            ReparseTarget::CharDevice => {
                let (major, minor) = self.device();
                Kind::CharDevice(major, minor)
            }
            ReparseTarget::BlockDevice => {
                let (major, minor) = self.device();
                Kind::BlockDevice(major, minor)
            }
            ReparseTarget::Socket => return None,
        };
        let Kind::Symlink(text) = &mut entry.kind else {
            return Some(());
        };
        let original = rest.get(key::LINK);
        match entry.origin {
            Origin::Posix => entry.original_link = original.map(<[u8]>::to_vec),
            Origin::Win32 => {
                // What the layer had, with separators that a reparse point has not.
                if let Some(original) = original.filter(|link| native_text(link) == *text) {
                    *text = original.to_vec();
                }
            }
        }
        Some(())
    }

    /// A link whose Linux text is known.
    fn set_lx_link(&self, entry: &mut Entry, text: Vec<u8>, rest: &Records) {
        let original = rest.get(key::LINK).filter(|original| {
            entry.origin == Origin::Win32
                && *link_to_linux(original).as_deref().unwrap_or(original) == *text
        });
        let windows = original.map_or_else(|| link_to_windows(&text), <[u8]>::to_vec);
        entry.kind = Kind::Symlink(windows);
        match entry.origin {
            Origin::Posix => entry.original_link = Some(text),
            Origin::Win32 => entry.win32.junction = rest.get(key::JUNCTION).is_some(),
        }
    }

    fn set_times(&self, entry: &mut Entry, rest: &Records) {
        // What a file's time was cut from.
        let exact = |record, ticks: u64| {
            let time = rest.get(record).and_then(Timestamp::parse_pax);
            let time = time.filter(|time| time.to_filetime() == Some(ticks));
            time.unwrap_or_else(|| Timestamp::from_filetime(ticks))
        };
        let times = &mut entry.times;
        times.modified = exact(key::PAX_MODIFIED, self.times.modified);
        if entry.origin == Origin::Win32 {
            times.created = Some(exact(key::CREATED, self.times.created));
            times.accessed = Some(times.modified);
            times.changed = Some(times.modified);
        }
    }

    fn set_owner_and_mode(&self, entry: &mut Entry, rest: &Records) {
        let id = |attribute: &[u8], record: &[u8]| {
            let text = rest
                .get(record)
                .and_then(|text| std::str::from_utf8(text).ok());
            let number = text.and_then(|text| text.parse().ok());
            let number = self.number(attribute).map(u64::from).or(number);
            number.unwrap_or_default()
        };
        let name = |record: &[u8]| rest.get(record).unwrap_or_default().to_vec();
        let posix = &mut entry.posix;
        posix.uid = id(b"$LXUID", b"uid");
        posix.gid = id(b"$LXGID", b"gid");
        posix.user = name(b"uname");
        posix.group = name(b"gname");
        let mode = self.mode_of(&entry.kind);
        let unsaid = match (entry.origin, &entry.kind) {
            (Origin::Win32, _) => 0,
            (Origin::Posix, Kind::Symlink(_)) => 0o777,
            (Origin::Posix, _) => self.mode,
        };
        posix.mode = mode.unwrap_or(unsaid) & PERMISSIONS;
    }

    /// The mode that WSL's attribute has for it. Whatever says that it is something else is not
    /// about this file.
    fn mode_of(&self, kind: &Kind) -> Option<u32> {
        let mode = self.number(b"$LXMOD")?;
        (mode & TYPE == type_bits(tar_kind(kind))).then_some(mode)
    }

    fn set_win32(&self, entry: &mut Entry, rest: &Records) {
        for (name, value) in self.extended {
            let is_ours = name == MARK || name.starts_with(LX_NAME) || name.starts_with(b"$LX");
            if !is_ours && is_in_keys(name) {
                let text = BASE64.encode(value);
                let own = (name.clone(), text.into_bytes());
                entry.win32.extended.push(own);
            }
        }
        let kind = tar_kind(&entry.kind);
        let stated = rest.get(key::ATTRIBUTES).and_then(number);
        let is_unset = rest.get(key::UNSET).is_some();
        let stated =
            stated.filter(|stated| is_unset || (stated ^ self.attributes) & TOLD_ATTRIBUTES == 0);
        let told = told_attributes(kind, self.attributes);
        entry.win32.attributes = Some(stated.unwrap_or(told));
        match rest.get(key::DESCRIPTOR) {
            Some(text) => decode_record(entry, key::DESCRIPTOR, text),
            None => {
                let valid = |bytes: &&[u8]| SecurityDescriptor::parse(bytes).is_ok();
                entry.win32.descriptor = self.descriptor.filter(valid).map(Into::into);
            }
        }
    }

    fn device(&self) -> (u32, u32) {
        let numbers = self.attribute(b"$LXDEV").and_then(|value| {
            let value: [u8; 8] = value.try_into().ok()?;
            let [a, b, c, d, e, f, g, h] = value;
            Some((
                u32::from_le_bytes([a, b, c, d]),
                u32::from_le_bytes([e, f, g, h]),
            ))
        });
        numbers.unwrap_or_default()
    }

    /// One of WSL's numbers.
    fn number(&self, name: &[u8]) -> Option<u32> {
        let value = self.attribute(name)?;
        Some(u32::from_le_bytes(value.try_into().ok()?))
    }

    fn attribute(&self, name: &[u8]) -> Option<&[u8]> {
        let mut all = self.extended.iter();
        all.find(|(other, _)| other == name)
            .map(|(_, value)| value.as_slice())
    }
}

/// Whether the name of an attribute can stand in the key of a record. Neither Windows nor Linux has
/// others.
fn is_in_keys(name: &[u8]) -> bool {
    !name.is_empty() && !name.iter().any(|byte| matches!(byte, 0 | b'='))
}

fn tar_kind(kind: &Kind) -> TarKind {
    match kind {
        Kind::File(_) => TarKind::File,
        Kind::Directory => TarKind::Directory,
        Kind::Symlink(_) => TarKind::Symlink,
        Kind::CharDevice(..) => TarKind::CharDevice,
        Kind::BlockDevice(..) => TarKind::BlockDevice,
        Kind::Fifo => TarKind::Fifo,
    }
}
