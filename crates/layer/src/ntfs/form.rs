//! What a file of NTFS gets of a planned entry.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::reparse::ReparseTarget;
use super::{LX_NAME, MARK, lx_attribute, lx_metadata};
use crate::Timestamp;
use crate::codec::number;
use crate::entry::{
    ATTRIBUTE_ARCHIVE, ATTRIBUTE_DIRECTORY, ATTRIBUTE_HIDDEN, ATTRIBUTE_READONLY,
    ATTRIBUTE_REPARSE_POINT, ATTRIBUTE_SYSTEM, Origin,
};
use crate::names::{link_to_linux, link_to_windows};
use crate::record_keys as key;
use crate::tar::{Header, Records, TarKind};

/// FILE_ATTRIBUTE_TEMPORARY.
const ATTRIBUTE_TEMPORARY: u32 = 0x100;
/// FILE_ATTRIBUTE_NOT_CONTENT_INDEXED.
const ATTRIBUTE_NOT_INDEXED: u32 = 0x2000;
/// The attributes that a file itself tells. ARCHIVE is not among them: every write sets it.
pub(super) const TOLD_ATTRIBUTES: u32 = ATTRIBUTE_READONLY
    | ATTRIBUTE_HIDDEN
    | ATTRIBUTE_SYSTEM
    | ATTRIBUTE_TEMPORARY
    | ATTRIBUTE_NOT_INDEXED;
/// Those that an entry of POSIX origin has too.
pub(super) const SHOWN_ATTRIBUTES: u32 = ATTRIBUTE_HIDDEN | ATTRIBUTE_SYSTEM;
/// Most bytes of all extended attributes of a file, as a FILE_FULL_EA_INFORMATION list.
const MAX_EXTENDED: usize = 65_535;
/// Most bytes of an extended attribute's name.
const MAX_NAME: usize = 254;
/// Permission bits with setuid, setgid and sticky.
pub(super) const PERMISSIONS: u32 = 0o7777;
/// The bits of a mode that say what it is.
pub(super) const TYPE: u32 = 0o170_000;

/// The times of a file in units of 100 ns since 1601 (FILETIME).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NtfsTimes {
    /// When it was made.
    pub created: u64,
    /// The last access.
    pub accessed: u64,
    /// The last change of the content.
    pub modified: u64,
    /// The last change of anything.
    pub changed: u64,
}

/// A reparse point that a file gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NtfsReparse {
    /// The reparse point: tag, length, data.
    pub data: Vec<u8>,
    /// WSL's form of a link, for users who may not make those of Windows.
    pub fallback: Option<Vec<u8>>,
    /// Whether a directory carries it.
    pub is_directory: bool,
}

/// Which parts of a file could not be set as its form has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NtfsUnset {
    /// Attributes.
    pub attributes: bool,
    /// The security descriptor.
    pub descriptor: bool,
    /// The reparse point: the file has the fallback.
    pub reparse: bool,
}

/// The extended attributes of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NtfsAttributes {
    /// Names and values.
    pub list: Vec<(Vec<u8>, Vec<u8>)>,
    /// What did not fit, by the keys of the layer's records, the largest first.
    pub left_out: Vec<Vec<u8>>,
}

/// An entry as NTFS stores it.
///
/// # Life cycle
/// [`of`](Self::of) a planned header; then the file gets the parts that are fields here; and last,
/// when it is known which of them could not be set, the [`extended`](Self::extended) attributes,
/// which take along what the file does not say. [`NtfsFile`](super::NtfsFile) reads all of it.
#[derive(Debug, Clone)]
pub struct NtfsForm<'h> {
    /// FILE_ATTRIBUTE_ bits, with those that only the system sets.
    pub attributes: u32,
    /// Its times.
    pub times: NtfsTimes,
    /// The security descriptor, self-relative. Entries of POSIX origin have none: they inherit from
    /// the folder.
    pub descriptor: Option<Vec<u8>>,
    /// The reparse point of a link, a pipe or a device; `None` for what has none, and for a link
    /// whose text is too long for one.
    pub reparse: Option<NtfsReparse>,
    header: &'h Header,
    origin: Origin,
    /// The link text on Linux.
    linux_link: Vec<u8>,
    /// There is only WSL's form of the link.
    is_lx: bool,
    names: Vec<Vec<u8>>,
    keep: bool,
}

impl<'h> NtfsForm<'h> {
    /// The form of an entry in the Windows encoding that is no hard link. With `keep` its
    /// extended attributes carry what NTFS has no place for.
    pub fn of(header: &'h Header, keep: bool) -> Self {
        let records = &header.records;
        let origin = match records.get(key::ORIGIN) {
            Some(b"posix") => Origin::Posix,
            _ => Origin::Win32,
        };
        let descriptor = records
            .get(key::DESCRIPTOR)
            .filter(|_| origin == Origin::Win32);
        let filetime = |name| {
            let time = records.get(name).and_then(Timestamp::parse_pax);
            saturated(time.unwrap_or(header.modified))
        };
        let attributes = records.get(key::ATTRIBUTES).and_then(number);
        let mut form = Self {
            attributes: attributes.unwrap_or(told_attributes(header.kind, 0)),
            times: NtfsTimes {
                created: filetime(key::CREATED),
                accessed: filetime(key::ACCESSED),
                modified: saturated(header.modified),
                changed: filetime(key::CHANGED),
            },
            descriptor: descriptor.and_then(|text| BASE64.decode(text).ok()),
            reparse: None,
            header,
            origin,
            linux_link: linux_link(header, origin),
            is_lx: false,
            names: records
                .get(key::NAME)
                .map(<[u8]>::to_vec)
                .into_iter()
                .collect(),
            keep,
        };
        form.set_reparse();
        form
    }

    /// The same for a file with several names, which share its extended attributes: `names` are
    /// the originals of those that have one, and of the others if there is one.
    pub fn with_names(mut self, names: Vec<Vec<u8>>) -> Self {
        self.names = names;
        self
    }

    fn set_reparse(&mut self) {
        let target = match self.header.kind {
            TarKind::Fifo => ReparseTarget::Fifo,
            TarKind::CharDevice => ReparseTarget::CharDevice,
            TarKind::BlockDevice => ReparseTarget::BlockDevice,
            TarKind::Symlink => return self.set_link(),
            TarKind::File | TarKind::HardLink | TarKind::Directory => return,
        };
        self.reparse = target.to_bytes().map(|data| NtfsReparse {
            data,
            fallback: None,
            is_directory: false,
        });
    }

    fn set_link(&mut self) {
        let text = String::from_utf8(self.header.link.clone()).ok();
        let native = text.map(|text| match self.is_junction() {
            true => ReparseTarget::Junction(text),
            false => ReparseTarget::Symlink(text),
        });
        let native = native.and_then(|target| target.to_bytes());
        let lx = ReparseTarget::LxSymlink(self.linux_link.clone()).to_bytes();
        self.is_lx = native.is_none();
        let (data, fallback) = match (native, lx) {
            (Some(native), lx) => (native, lx),
            (None, Some(lx)) => (lx, None),
            (None, None) => return,
        };
        self.reparse = Some(NtfsReparse {
            data,
            fallback,
            is_directory: !self.is_lx && self.attributes & ATTRIBUTE_DIRECTORY != 0,
        });
    }

    fn is_junction(&self) -> bool {
        self.header.records.get(key::JUNCTION).is_some()
    }

    /// The extended attributes, when `unset` could not be set.
    pub fn extended(&self, unset: NtfsUnset) -> NtfsAttributes {
        let mut extended = Extended::default();
        if self.origin == Origin::Win32 {
            self.add_own(&mut extended);
        }
        if self.keep {
            self.add_lx(&mut extended);
            self.add_xattrs(&mut extended);
            self.add_rest(&mut extended.rest, unset);
            let origin: &[u8] = match self.origin {
                Origin::Posix => b"posix",
                Origin::Win32 => b"win32",
            };
            extended.rest.set(key::ORIGIN, origin);
        } else {
            extended.rest = Records::default();
        }
        extended.fitting()
    }

    /// Windows' own attributes.
    fn add_own(&self, extended: &mut Extended) {
        for (record, text) in self.header.records.iter() {
            let Some(name) = record.strip_prefix(key::EXTENDED) else {
                continue;
            };
            let value = BASE64.decode(text).ok();
            let value = value.filter(|value| BASE64.encode(value).as_bytes() == text);
            let is_ours = name == MARK || name.starts_with(LX_NAME) || name.starts_with(b"$LX");
            match value {
                // NTFS takes an empty value for none.
                Some(value) if !is_ours && is_name(name) && !value.is_empty() => {
                    extended.add(name, value, record);
                }
                _ => extended.rest.set(record, text),
            }
        }
    }

    /// WSL's attributes. Windows' own entries have them only where their header says more.
    fn add_lx(&self, extended: &mut Extended) {
        let header = self.header;
        let id = |id: u64| u32::try_from(id).ok();
        for (name, value) in [(b"uid", header.uid), (b"gid", header.gid)] {
            if id(value).is_none() {
                extended.rest.set(name, value.to_string());
            }
        }
        for (name, value) in [(b"uname", &header.user), (b"gname", &header.group)] {
            if !value.is_empty() {
                extended.rest.set(name, value.as_slice());
            }
        }
        let (uid, gid) = (id(header.uid), id(header.gid));
        let permissions = header.mode & PERMISSIONS;
        let is_device = matches!(header.kind, TarKind::CharDevice | TarKind::BlockDevice);
        let device = is_device.then_some(header.device);
        let all = lx_metadata(
            uid.unwrap_or_default(),
            gid.unwrap_or_default(),
            type_bits(header.kind) | permissions,
            device,
        );
        let posix = self.origin == Origin::Posix;
        let wanted = |name: &[u8]| match name {
            b"$LXUID" => uid.is_some_and(|uid| posix || uid != 0),
            b"$LXGID" => gid.is_some_and(|gid| posix || gid != 0),
            b"$LXMOD" => posix || permissions != 0,
            _ => true,
        };
        let all = all.into_iter().filter(|(name, _)| wanted(name));
        extended
            .fixed
            .extend(all.map(|(name, value)| (name.to_vec(), value)));
    }

    /// Extended attributes of Linux, in WSL's form where that can be read back.
    fn add_xattrs(&self, extended: &mut Extended) {
        for (record, value) in self.header.records.iter() {
            let Some(name) = record.strip_prefix(key::XATTR) else {
                continue;
            };
            let (lx, lx_value) = lx_attribute(name, value);
            // Names of one upper case: all but the lower one are records.
            match name.to_ascii_lowercase() == name && is_name(&lx) {
                true => extended.add(&lx, lx_value, record),
                false => extended.rest.set(record, value),
            }
        }
    }

    /// What the file does not say.
    fn add_rest(&self, rest: &mut Records, unset: NtfsUnset) {
        let (header, records) = (self.header, &self.header.records);
        let mut copy = |record: &[u8]| {
            if let Some(value) = records.get(record) {
                rest.set(record, value);
            }
        };
        copy(key::MODIFIED);
        for record in [key::ACCESSED, key::CHANGED] {
            let time = records.get(record).and_then(Timestamp::parse_pax);
            if time.is_some_and(|time| time != header.modified) {
                copy(record);
            }
        }
        let is_exact = |time: Timestamp| Timestamp::from_filetime(saturated(time)) == time;
        let win32 = self.origin == Origin::Win32;
        let created = records.get(key::CREATED).and_then(Timestamp::parse_pax);
        if win32 && created.is_some_and(|time| !is_exact(time)) {
            copy(key::CREATED);
        }
        let is_lx = self.is_lx || unset.reparse;
        if win32 && is_lx {
            copy(key::JUNCTION);
        }
        if !win32 && !is_lx {
            copy(key::LINK);
        }
        if !is_exact(header.modified) {
            rest.set(key::PAX_MODIFIED, header.modified.to_pax());
        }
        if !self.names.is_empty() {
            rest.set(key::NAME, self.names.join(&b'/'));
        }
        let is_shown = self.attributes & SHOWN_ATTRIBUTES != 0;
        if unset.attributes && (win32 || is_shown) {
            rest.set(key::ATTRIBUTES, self.attributes.to_string());
            rest.set(key::UNSET, "attributes");
        }
        if !win32 {
            return;
        }
        let text = match is_lx {
            true => link_to_windows(&self.linux_link),
            false => native_text(&header.link),
        };
        if header.kind == TarKind::Symlink && text != header.link {
            rest.set(key::LINK, header.link.as_slice());
        }
        let told = told_attributes(header.kind, self.attributes);
        let is_lx_link = header.kind == TarKind::Symlink && is_lx;
        if self.attributes != told || is_lx_link {
            rest.set(key::ATTRIBUTES, self.attributes.to_string());
        }
        // An empty one says that the file's own is not the entry's.
        let descriptor = records.get(key::DESCRIPTOR);
        if self.descriptor.is_none() || unset.descriptor {
            rest.set(key::DESCRIPTOR, descriptor.unwrap_or_default());
        }
    }
}

/// The attributes that a file of NTFS tells of itself, which has the bits `found`.
pub(super) fn told_attributes(kind: TarKind, found: u32) -> u32 {
    let bits = found & TOLD_ATTRIBUTES;
    match kind {
        TarKind::Directory => bits | ATTRIBUTE_DIRECTORY,
        TarKind::Symlink if found & ATTRIBUTE_DIRECTORY != 0 => {
            bits | ATTRIBUTE_REPARSE_POINT | ATTRIBUTE_DIRECTORY
        }
        TarKind::Symlink => bits | ATTRIBUTE_REPARSE_POINT | ATTRIBUTE_ARCHIVE,
        _ => bits | ATTRIBUTE_ARCHIVE,
    }
}

/// The text of a link of Windows as its reparse point has it.
pub(super) fn native_text(text: &[u8]) -> Vec<u8> {
    let native = text.iter().map(|byte| match byte {
        b'/' => b'\\',
        byte => *byte,
    });
    native.collect()
}

/// The text that Linux has of a link of the Windows encoding.
fn linux_link(header: &Header, origin: Origin) -> Vec<u8> {
    let text = &header.link;
    let original = header.records.get(key::LINK);
    let original =
        original.filter(|original| origin == Origin::Posix && link_to_windows(original) == *text);
    let translated = || link_to_linux(text).unwrap_or_else(|| text.clone());
    original.map_or_else(translated, <[u8]>::to_vec)
}

/// The type bits of a mode.
pub(super) fn type_bits(kind: TarKind) -> u32 {
    match kind {
        TarKind::File | TarKind::HardLink => 0o100_000,
        TarKind::Directory => 0o040_000,
        TarKind::Symlink => 0o120_000,
        TarKind::CharDevice => 0o020_000,
        TarKind::BlockDevice => 0o060_000,
        TarKind::Fifo => 0o010_000,
    }
}

/// The time as FILETIME, or the nearest that is one. Zero would leave the file's own.
fn saturated(time: Timestamp) -> u64 {
    match time.to_filetime() {
        Some(ticks) => ticks.max(1),
        None if time.seconds < 0 => 1,
        None => i64::MAX as u64,
    }
}

/// Whether NTFS stores an extended attribute of this name, and as it is: in upper case, without
/// what the names of FAT refuse.
fn is_name(name: &[u8]) -> bool {
    let is_stored = |byte: &u8| {
        matches!(byte, b'!'..=b'~')
            && !byte.is_ascii_lowercase()
            && !b"\"*+,/:;<=>?[\\]|".contains(byte)
    };
    !name.is_empty() && name.len() <= MAX_NAME && name.iter().all(is_stored)
}

/// Extended attributes that are being gathered.
#[derive(Default)]
struct Extended {
    /// What never has to go.
    fixed: Vec<(Vec<u8>, Vec<u8>)>,
    /// Name, value, and the key of the layer's record.
    more: Vec<(Vec<u8>, Vec<u8>, Vec<u8>)>,
    rest: Records,
}

impl Extended {
    fn add(&mut self, name: &[u8], value: Vec<u8>, record: &[u8]) {
        self.more.push((name.to_vec(), value, record.to_vec()));
    }

    /// What fits beside each other: the largest go first.
    fn fitting(mut self) -> NtfsAttributes {
        let fixed: usize = self
            .fixed
            .iter()
            .map(|(name, value)| size(name, value.len()))
            .sum();
        let mut more: usize = self
            .more
            .iter()
            .map(|(name, value, _)| size(name, value.len()))
            .sum();
        let mut rest = self.rest.encoded_len() as usize;
        let attributes = self.more.iter();
        let attributes =
            attributes.map(|(name, value, record)| (size(name, value.len()), record.clone()));
        let records = self
            .rest
            .iter()
            .filter(|(record, _)| *record != key::ORIGIN);
        let records = records.map(|(record, value)| (record.len() + value.len(), record.to_vec()));
        let mut by_size: Vec<(usize, Vec<u8>)> = attributes.chain(records).collect();
        by_size.sort();
        let mut left_out = Vec::new();
        while fixed + more + size(MARK, rest) > MAX_EXTENDED {
            let Some((_, record)) = by_size.pop() else {
                break;
            };
            match self.rest.take(&record) {
                Some(value) => rest -= Records::encoded_len_of(&record, &value) as usize,
                None => {
                    let place = self.more.iter().position(|(.., key)| *key == record);
                    let (name, value, _) = self.more.remove(place.unwrap_or_default());
                    more -= size(&name, value.len());
                }
            }
            left_out.push(record);
        }
        let mut list = self.fixed;
        list.extend(self.more.into_iter().map(|(name, value, _)| (name, value)));
        if !self.rest.is_empty() {
            list.push((MARK.to_vec(), self.rest.encode()));
        }
        NtfsAttributes { list, left_out }
    }
}

/// The bytes of an attribute in a FILE_FULL_EA_INFORMATION list.
fn size(name: &[u8], value: usize) -> usize {
    (8 + name.len() + 1 + value).next_multiple_of(4)
}

#[cfg(test)]
mod tests;
