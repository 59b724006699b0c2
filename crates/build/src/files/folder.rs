//! Files of images in a folder of the host.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use crossdock_host::{FileMetadata, FolderWriter, NotKept, NotKeptKind, SpecialFile, Xattr};
use crossdock_layer::{
    ATTRIBUTE_DIRECTORY, ATTRIBUTE_READONLY, Header, LayerFormat, PlannedEntry, TarKind,
};

use super::{Files, Opener};
use crate::event::Meter;
use crate::output::OutputError;

/// Bytes that are moved at once.
const BUFFER: usize = 256 << 10;
/// setuid and setgid.
const SET_ID: u32 = 0o6000;
/// The record that holds an extended attribute.
const XATTR: &[u8] = b"SCHILY.xattr.";
/// The record that holds Windows' attributes.
const ATTRIBUTES: &[u8] = b"MSWINDOWS.fileattr";

/// What a folder could not keep of files, of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// What, and of which files, as one line.
    pub text: String,
    /// Nothing to speak of under `--strict`: docker keeps no owners either.
    pub is_usual: bool,
}

/// Writes entries into a folder.
struct Writer<'w, 'f, 'e> {
    folder: FolderWriter,
    format: LayerFormat,
    owners: bool,
    opener: Opener<'f>,
    meter: &'w mut Meter<'e>,
    /// What is left out before the folder is asked for it.
    not_kept: Vec<NotKept>,
}

impl Files {
    /// Writes the files, which `opener` opens. What is there already is merged with, as docker
    /// does; if this is interrupted a part of them is left. With `owners` they are given to whom
    /// they belonged, as far as that is allowed; else they are the user's, and no setuid or setgid
    /// bit is kept, which would mean the user.
    pub(crate) fn write_folder(
        &self,
        folder: FolderWriter,
        owners: bool,
        opener: Opener<'_>,
        meter: &mut Meter<'_>,
    ) -> Result<Vec<LeftOut>, OutputError> {
        let mut writer = Writer {
            folder,
            format: self.format,
            owners,
            opener,
            meter,
            not_kept: Vec::new(),
        };
        let mut streams = Vec::new();
        for entry in &self.plan.entries {
            // NTFS names a stream behind a colon, which no encoded name has.
            if self.format == LayerFormat::Windows && entry.header.path.contains(&b':') {
                if let Some(content) = &entry.content {
                    // It is passed over in its turn.
                    drop(writer.opener.open(content));
                }
                streams.push(shown(&entry.header.path));
                continue;
            }
            writer.write(entry)?;
        }
        let mut not_kept = writer.folder.finish()?;
        not_kept.append(&mut writer.not_kept);
        let mut lines = group(&not_kept);
        lines.extend(LeftOut::streams(&streams));
        Ok(lines)
    }
}

impl LeftOut {
    /// Alternate streams, by their full names; none if there are none.
    pub(crate) fn streams(names: &[String]) -> Option<Self> {
        (!names.is_empty()).then(|| Self {
            text: list("alternate streams are left out", names),
            is_usual: false,
        })
    }
}

impl Writer<'_, '_, '_> {
    fn write(&mut self, entry: &PlannedEntry) -> Result<(), OutputError> {
        let header = &entry.header;
        let path = header.path.strip_suffix(b"/").unwrap_or(&header.path);
        let xattrs = xattrs(header);
        let metadata = self.metadata(path, header, &xattrs);
        let written = match header.kind {
            TarKind::File => return self.write_file(path, entry, &metadata),
            TarKind::Directory => self.folder.directory(path, &metadata),
            TarKind::HardLink => self.folder.hard_link(path, &header.link),
            TarKind::Symlink => {
                let to_directory = attributes(header) & ATTRIBUTE_DIRECTORY != 0;
                self.folder
                    .symlink(path, &header.link, to_directory, &metadata)
            }
            TarKind::Fifo => self.folder.special(path, SpecialFile::Fifo, &metadata),
            TarKind::CharDevice | TarKind::BlockDevice => {
                let (major, minor) = header.device;
                let kind = match header.kind {
                    TarKind::CharDevice => SpecialFile::CharDevice(major, minor),
                    _ => SpecialFile::BlockDevice(major, minor),
                };
                self.folder.special(path, kind, &metadata)
            }
        };
        Ok(written?)
    }

    fn write_file(
        &mut self,
        path: &[u8],
        entry: &PlannedEntry,
        metadata: &FileMetadata<'_>,
    ) -> Result<(), OutputError> {
        let unread = |source: io::Error| OutputError::Content {
            path: shown(path),
            source,
        };
        let mut file = self.folder.file(path)?;
        if let Some(content) = &entry.content {
            let mut reader = self.opener.open(content).map_err(unread)?;
            let mut buffer = vec![0; BUFFER.min(content.size() as usize + 1)];
            let mut size = 0;
            loop {
                let length = match reader.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(length) => length,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(unread(error)),
                };
                size += length as u64;
                self.meter.add(length as u64);
                if let Err(error) = file.write_all(&buffer[..length]) {
                    return Err(file.error(error).into());
                }
            }
            if size != content.size() {
                return Err(unread(io::ErrorKind::UnexpectedEof.into()));
            }
        }
        Ok(file.finish(metadata)?)
    }

    fn metadata<'x>(
        &mut self,
        path: &[u8],
        header: &Header,
        xattrs: &'x [Xattr],
    ) -> FileMetadata<'x> {
        let id = |id: u64| u32::try_from(id).unwrap_or(u32::MAX);
        let mut mode = match self.format {
            LayerFormat::Linux => header.mode & 0o7777,
            LayerFormat::Windows if attributes(header) & ATTRIBUTE_READONLY != 0 => 0o555,
            LayerFormat::Windows => 0o755,
        };
        let has_bits = !matches!(header.kind, TarKind::Symlink | TarKind::HardLink);
        if !self.owners && has_bits && mode & SET_ID != 0 {
            mode &= !SET_ID;
            self.not_kept.push(NotKept {
                path: path.to_vec(),
                what: NotKeptKind::SetId,
            });
        }
        let owners = self.owners && self.format == LayerFormat::Linux;
        FileMetadata {
            mode,
            owner: owners.then(|| (id(header.uid), id(header.gid))),
            mtime: (header.modified.seconds, header.modified.nanoseconds),
            xattrs,
            ntfs: None,
        }
    }
}

/// Windows' attributes, if the entry states them.
fn attributes(header: &Header) -> u32 {
    let record = header.records.get(ATTRIBUTES);
    let text = record.and_then(|text| std::str::from_utf8(text).ok());
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn xattrs(header: &Header) -> Vec<Xattr> {
    let records = header.records.iter();
    let xattrs = records.filter_map(|(key, value)| {
        let name = key.strip_prefix(XATTR)?;
        Some((name.to_vec(), value.to_vec()))
    });
    xattrs.collect()
}

/// One line for each kind.
fn group(not_kept: &[NotKept]) -> Vec<LeftOut> {
    let mut by_kind: BTreeMap<&NotKeptKind, Vec<String>> = BTreeMap::new();
    for NotKept { path, what } in not_kept {
        by_kind.entry(what).or_default().push(shown(path));
    }
    let lines = by_kind.into_iter().map(|(kind, paths)| {
        let line = match kind {
            NotKeptKind::Owner => "owners are not kept, as only root gives files away".to_owned(),
            NotKeptKind::SetId => {
                "setuid and setgid are left out, as the owner is not kept".to_owned()
            }
            NotKeptKind::Mode => "permissions cannot be set".to_owned(),
            NotKeptKind::Xattr(name) => {
                let name = shown(name);
                format!("the extended attribute {name} cannot be set")
            }
            NotKeptKind::Device => "devices cannot be made".to_owned(),
            NotKeptKind::Fifo => "named pipes cannot be made".to_owned(),
            NotKeptKind::Symlink => "symbolic links cannot be made".to_owned(),
            NotKeptKind::HardLink => "hard links became separate files".to_owned(),
            NotKeptKind::Time => "times cannot be set".to_owned(),
            NotKeptKind::Descriptor => "security descriptors cannot be set".to_owned(),
            NotKeptKind::Extended => {
                "owners, modes and what else Windows has no place for are not kept, as the file \
                 system has no extended attributes"
                    .to_owned()
            }
            NotKeptKind::Stream(name) => {
                format!("the alternate stream {} cannot be written", shown(name))
            }
        };
        LeftOut {
            text: list(&line, &paths),
            is_usual: *kind == NotKeptKind::Owner,
        }
    });
    lines.collect()
}

/// What happened, and to which paths.
fn list(what: &str, paths: &[String]) -> String {
    const NAMED: usize = 3;
    match paths.len() {
        count if count <= NAMED => format!("{what}: {}", paths.join(", ")),
        count => format!(
            "{what}: {} and {} more",
            paths[..NAMED].join(", "),
            count - NAMED
        ),
    }
}

/// A path for messages, without control characters.
fn shown(path: &[u8]) -> String {
    let text = String::from_utf8_lossy(path);
    let escaped = text.chars().map(|c| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    });
    escaped.collect()
}
