//! `type=local`: the files of images in a folder of the host.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use crossdock_host::{FileMetadata, FolderWriter, NotKept, NotKeptKind, SpecialFile, Xattr};
use crossdock_layer::{
    ATTRIBUTE_DIRECTORY, ATTRIBUTE_READONLY, Header, LayerFormat, PlannedEntry, TarKind,
};

use super::OutputError;
use super::export::Exporter;
use super::files::{Files, Opener};
use crate::error::BuildError;
use crate::event::Meter;

/// Bytes that are moved at once.
const BUFFER: usize = 256 << 10;
/// The record that holds an extended attribute.
const XATTR: &[u8] = b"SCHILY.xattr.";
/// The record that holds Windows' attributes.
const ATTRIBUTES: &[u8] = b"MSWINDOWS.fileattr";

impl Exporter<'_> {
    /// Writes the files. What is there already is merged with, as docker does; a build that is
    /// interrupted leaves a part of them.
    pub(super) fn write_folder(
        &self,
        mut folder: FolderWriter,
        files: &Files,
        vertex: usize,
    ) -> Result<(), BuildError> {
        let place = folder.path().display().to_string();
        let mut opener = files.opener(self.store, self.threads);
        let mut meter = Meter::new(self.events, vertex, files.size());
        let mut streams = Vec::new();
        for entry in &files.plan.entries {
            // NTFS names a stream behind a colon, which no encoded name has.
            if files.format == LayerFormat::Windows && entry.header.path.contains(&b':') {
                if let Some(content) = &entry.content {
                    // It is passed over in its turn.
                    drop(opener.open(content));
                }
                streams.push(shown(&entry.header.path));
                continue;
            }
            write_entry(&mut folder, entry, files.format, &mut opener, &mut meter)?;
        }
        let not_kept = folder.finish().map_err(OutputError::from)?;
        let mut lines = group(&not_kept);
        if !streams.is_empty() {
            lines.push((false, list("alternate streams are left out", &streams)));
        }
        let lost = lines.iter().filter(|(usual, _)| !usual).count();
        for (_, line) in lines {
            self.warn(format!("{place}: {line}"));
        }
        match self.request.strict && lost > 0 {
            true => Err(BuildError::Strict { count: lost }),
            false => Ok(()),
        }
    }
}

fn write_entry(
    folder: &mut FolderWriter,
    entry: &PlannedEntry,
    format: LayerFormat,
    opener: &mut Opener<'_>,
    meter: &mut Meter<'_>,
) -> Result<(), BuildError> {
    let header = &entry.header;
    let path = header.path.strip_suffix(b"/").unwrap_or(&header.path);
    let xattrs = xattrs(header);
    let metadata = metadata(header, format, &xattrs);
    let written = match header.kind {
        TarKind::File => return write_file(folder, path, entry, &metadata, opener, meter),
        TarKind::Directory => folder.directory(path, &metadata),
        TarKind::HardLink => folder.hard_link(path, &header.link),
        TarKind::Symlink => {
            let to_directory = attributes(header) & ATTRIBUTE_DIRECTORY != 0;
            folder.symlink(path, &header.link, to_directory, &metadata)
        }
        TarKind::Fifo => folder.special(path, SpecialFile::Fifo, &metadata),
        TarKind::CharDevice | TarKind::BlockDevice => {
            let (major, minor) = header.device;
            let kind = match header.kind {
                TarKind::CharDevice => SpecialFile::CharDevice(major, minor),
                _ => SpecialFile::BlockDevice(major, minor),
            };
            folder.special(path, kind, &metadata)
        }
    };
    Ok(written.map_err(OutputError::from)?)
}

fn write_file(
    folder: &mut FolderWriter,
    path: &[u8],
    entry: &PlannedEntry,
    metadata: &FileMetadata<'_>,
    opener: &mut Opener<'_>,
    meter: &mut Meter<'_>,
) -> Result<(), BuildError> {
    let unread = |source: io::Error| OutputError::Content {
        path: shown(path),
        source,
    };
    let mut file = folder.file(path).map_err(OutputError::from)?;
    if let Some(content) = &entry.content {
        let mut reader = opener.open(content).map_err(unread)?;
        let mut buffer = vec![0; BUFFER.min(content.size() as usize + 1)];
        let mut size = 0;
        loop {
            let length = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(unread(error).into()),
            };
            size += length as u64;
            meter.add(length as u64);
            if let Err(error) = file.write_all(&buffer[..length]) {
                return Err(OutputError::from(file.error(error)).into());
            }
        }
        if size != content.size() {
            return Err(unread(io::ErrorKind::UnexpectedEof.into()).into());
        }
    }
    Ok(file.finish(metadata).map_err(OutputError::from)?)
}

fn metadata<'x>(header: &Header, format: LayerFormat, xattrs: &'x [Xattr]) -> FileMetadata<'x> {
    let id = |id: u64| u32::try_from(id).unwrap_or(u32::MAX);
    let mode = match format {
        LayerFormat::Linux => header.mode & 0o7777,
        LayerFormat::Windows if attributes(header) & ATTRIBUTE_READONLY != 0 => 0o555,
        LayerFormat::Windows => 0o755,
    };
    FileMetadata {
        mode,
        owner: (format == LayerFormat::Linux).then(|| (id(header.uid), id(header.gid))),
        mtime: (header.modified.seconds, header.modified.nanoseconds),
        xattrs,
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

/// One line for each kind, and whether it is nothing to speak of under `--strict`: docker keeps no
/// owners either.
fn group(not_kept: &[NotKept]) -> Vec<(bool, String)> {
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
        };
        (*kind == NotKeptKind::Owner, list(&line, &paths))
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
