//! Entries from one system to the other, without loss (`docs/format/pax.md`).
//!
//! A record of the layer counts only while it explains the entry: when translating what it says
//! gives what the entry has now. Otherwise another tool has changed the entry since.

use crate::entry::{
    ATTRIBUTE_ARCHIVE, ATTRIBUTE_DIRECTORY, ATTRIBUTE_HIDDEN, ATTRIBUTE_READONLY,
    ATTRIBUTE_REPARSE_POINT, ATTRIBUTE_SYSTEM, Entry, Kind, LayerFormat, Origin, Win32Metadata,
};
use crate::names::{
    MAX_LINUX_BYTES, check_windows_component, decode_component, encode_component, eq_ignore_case,
    is_rename_of, link_to_linux, link_to_windows, mark_for_linux, shorten_for_linux,
};

/// A name with what is needed to translate it back.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Name {
    /// The name in the layer.
    pub stored: Vec<u8>,
    /// `CROSSDOCK.name`: the name in the system of origin, where translating the stored one would
    /// not give it.
    pub original: Option<Vec<u8>>,
}

impl Name {
    /// A name that needs no record.
    pub fn plain(stored: impl Into<Vec<u8>>) -> Self {
        Self {
            stored: stored.into(),
            original: None,
        }
    }

    /// The name of an entry of `origin` in a layer of `from` for one of `to`.
    pub fn translate(&self, origin: Origin, from: LayerFormat, to: LayerFormat) -> Self {
        let explained = self
            .original
            .as_deref()
            .filter(|original| explains_name(&self.stored, original, from) && is_name(original));
        match (from, to) {
            (LayerFormat::Linux, LayerFormat::Windows) => match (origin, explained) {
                (Origin::Win32, Some(original)) => Self::plain(original),
                (Origin::Win32, None) => Self::plain(encode_component(&self.stored)),
                (Origin::Posix, _) => {
                    let stored = encode_component(&self.stored);
                    let kept = decode_component(&stored) == self.stored;
                    Self {
                        original: (!kept).then(|| self.stored.clone()),
                        stored,
                    }
                }
            },
            (LayerFormat::Windows, LayerFormat::Linux) => match (origin, explained) {
                (Origin::Posix, Some(original)) => Self::plain(original),
                (Origin::Posix, None) => Self::plain(linux_name(&self.stored)),
                (Origin::Win32, _) => {
                    let stored = linux_name(&self.stored);
                    let kept = encode_component(&stored) == self.stored;
                    Self {
                        original: (!kept).then(|| self.stored.clone()),
                        stored,
                    }
                }
            },
            _ => self.clone(),
        }
    }
}

/// Whether `original`, a name of the other system, explains `stored` in a layer of `format`.
fn explains_name(stored: &[u8], original: &[u8], format: LayerFormat) -> bool {
    match format {
        LayerFormat::Windows => {
            // An overwritten entry keeps the spelling that the layer beneath has.
            eq_ignore_case(&encode_component(original), stored) || is_rename_of(stored, original)
        }
        LayerFormat::Linux => {
            check_windows_component(original).is_ok()
                && (linux_name(original) == stored
                    || mark_for_linux(&decode_component(original)) == stored)
        }
    }
}

fn is_name(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && !name.contains(&b'/') && !name.contains(&0)
}

/// The Linux name of a stored Windows name.
fn linux_name(stored: &[u8]) -> Vec<u8> {
    let decoded = decode_component(stored);
    if decoded.len() <= MAX_LINUX_BYTES {
        return decoded;
    }
    shorten_for_linux(&decoded).unwrap_or(decoded)
}

impl Entry {
    /// The entry in a layer of `from` as one for a layer of `to`.
    ///
    /// Whether a link leads to a directory, and the descriptor of an entry that has none, depend
    /// on where it goes; the caller adds them.
    pub fn translate(&self, from: LayerFormat, to: LayerFormat) -> Self {
        match (from, to) {
            (LayerFormat::Linux, LayerFormat::Windows) => self.to_windows(),
            (LayerFormat::Windows, LayerFormat::Linux) => self.to_linux(),
            _ => self.clone(),
        }
    }

    fn to_windows(&self) -> Self {
        let mut entry = self.clone();
        match self.origin {
            Origin::Posix => {
                entry.win32 = Win32Metadata {
                    attributes: derived_attributes(&self.kind)
                        .map(|derived| derived | self.shown_attributes()),
                    ..Win32Metadata::default()
                };
                if let Kind::Symlink(text) = &self.kind {
                    let stored = link_to_windows(text);
                    let kept = link_to_linux(&stored).as_ref() == Some(text);
                    entry.original_link = (!kept).then(|| text.clone());
                    entry.kind = Kind::Symlink(stored);
                }
                let modified = self.times.modified.clamp_windows();
                entry.times.original_modified =
                    (modified != self.times.modified).then_some(self.times.modified);
                entry.times.modified = modified;
                entry.times.created = Some(modified);
                entry.times.accessed = Some(self.times.accessed.unwrap_or(modified));
                entry.times.changed = Some(self.times.changed.unwrap_or(modified));
            }
            Origin::Win32 => {
                if let Kind::Symlink(text) = &self.kind {
                    let original = self.original_link.as_ref().filter(|original| {
                        link_to_linux(original).as_ref().unwrap_or(original) == text
                    });
                    let stored = original.cloned().unwrap_or_else(|| link_to_windows(text));
                    entry.kind = Kind::Symlink(stored);
                }
                entry.original_link = None;
                if self.posix.mode == self.derived_mode() {
                    entry.posix.mode = self.original_mode.unwrap_or(0);
                }
                entry.original_mode = None;
            }
        }
        entry
    }

    fn to_linux(&self) -> Self {
        let mut entry = self.clone();
        match self.origin {
            Origin::Posix => {
                if let Kind::Symlink(text) = &self.kind {
                    let original = self
                        .original_link
                        .as_ref()
                        .filter(|original| link_to_windows(original) == *text);
                    let plain = || link_to_linux(text).unwrap_or_else(|| text.clone());
                    entry.kind = Kind::Symlink(original.cloned().unwrap_or_else(plain));
                }
                entry.original_link = None;
                entry.win32 = Win32Metadata::default();
                let modified = self.times.modified;
                entry.times.created = None;
                entry.times.accessed = self.times.accessed.filter(|time| *time != modified);
                entry.times.changed = self.times.changed.filter(|time| *time != modified);
                let original = self
                    .times
                    .original_modified
                    .filter(|time| time.clamp_windows() == modified);
                entry.times.modified = original.unwrap_or(modified);
                entry.times.original_modified = None;
            }
            Origin::Win32 => {
                if let Kind::Symlink(text) = &self.kind {
                    let target = link_to_linux(text).unwrap_or_else(|| text.clone());
                    let kept = link_to_windows(&target) == *text;
                    entry.original_link = (!kept).then(|| text.clone());
                    entry.kind = Kind::Symlink(target);
                }
                let derived = self.derived_mode();
                entry.original_mode = None;
                if self.posix.mode == 0 {
                    entry.posix.mode = derived;
                } else if self.posix.mode == derived {
                    entry.original_mode = Some(derived);
                }
            }
        }
        entry
    }

    /// What a folder of Windows says of an entry of POSIX origin and a Windows layer keeps: whether
    /// it is hidden, and belongs to the system. A Linux layer has no place for it.
    fn shown_attributes(&self) -> u32 {
        let attributes = self.win32.attributes.unwrap_or_default();
        attributes & (ATTRIBUTE_HIDDEN | ATTRIBUTE_SYSTEM)
    }

    /// What Linux shows as the mode of a Windows entry without permission bits (rule: files and
    /// directories 0755, 0555 if READONLY, links 0777).
    pub(crate) fn derived_mode(&self) -> u32 {
        match self.kind {
            Kind::Symlink(_) => 0o777,
            _ if self.attributes() & ATTRIBUTE_READONLY != 0 => 0o555,
            _ => 0o755,
        }
    }
}

/// Attributes of an entry of POSIX origin; of a link, only its place decides.
fn derived_attributes(kind: &Kind) -> Option<u32> {
    match kind {
        Kind::Directory => Some(ATTRIBUTE_DIRECTORY),
        Kind::Symlink(_) => None,
        _ => Some(ATTRIBUTE_ARCHIVE),
    }
}

/// Attributes of a symbolic link of POSIX origin.
pub(crate) fn link_attributes(to_directory: bool) -> u32 {
    let kind = if to_directory {
        ATTRIBUTE_DIRECTORY
    } else {
        ATTRIBUTE_ARCHIVE
    };
    ATTRIBUTE_REPARSE_POINT | kind
}

#[cfg(test)]
mod tests;
