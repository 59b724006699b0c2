//! Files of images in a folder of the host.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use crossdock_host::{
    FileMetadata, FolderWriter, NotKept, NotKeptKind, NtfsEntry, NtfsPart, ReparsePoint,
    SpecialFile, Xattr,
};
use crossdock_layer::{
    ATTRIBUTE_READONLY, Content, Header, LayerFormat, NtfsForm, PlannedEntry, TarKind,
};

use super::ntfs::{Ntfs, Said, host_times};
use super::{Files, FolderForm, Opener, stream_at};
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
    form: FolderForm,
    owners: bool,
    opener: Opener<'f>,
    meter: &'w mut Meter<'e>,
    /// What is left out before the folder is asked for it.
    not_kept: Vec<NotKept>,
    ntfs: Ntfs<'f>,
}

impl Files {
    /// Writes the files, which `opener` opens. What is there already is merged with, as docker
    /// does; if this is interrupted a part of them is left. With `owners` they are given to whom
    /// they belonged, as far as that is allowed; else they are the user's, and no setuid or setgid
    /// bit is kept, which would mean the user. On NTFS all is the user's, and owners are kept beside.
    pub(crate) fn write_folder(
        &self,
        folder: FolderWriter,
        owners: bool,
        opener: Opener<'_>,
        meter: &mut Meter<'_>,
    ) -> Result<Vec<LeftOut>, OutputError> {
        let entries = &self.plan.entries;
        let mut writer = Writer {
            folder,
            form: self.form,
            owners,
            opener,
            meter,
            not_kept: Vec::new(),
            ntfs: Ntfs::of(entries, self.form),
        };
        let mut entries = entries.iter().peekable();
        while let Some(entry) = entries.next() {
            let path = &entry.header.path;
            let mut streams = Vec::new();
            while let Some(stream) = entries.next_if(|next| {
                let path_of_stream = &next.header.path;
                stream_at(path_of_stream, self.form.format) == Some(path.len())
                    && path_of_stream.starts_with(path)
            }) {
                streams.push(stream);
            }
            writer.write(entry, &streams)?;
        }
        let mut not_kept = writer.folder.finish()?;
        not_kept.append(&mut writer.not_kept);
        let mut lines = group(&not_kept);
        lines.extend(writer.ntfs.left_out());
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
    /// Writes an entry with its alternate streams.
    fn write(
        &mut self,
        entry: &PlannedEntry,
        streams: &[&PlannedEntry],
    ) -> Result<(), OutputError> {
        let header = &entry.header;
        let path = header.path.strip_suffix(b"/").unwrap_or(&header.path);
        if header.kind == TarKind::HardLink {
            return Ok(self.folder.hard_link(path, &header.link)?);
        }
        let xattrs = xattrs(header);
        let is_windows = self.form.format == LayerFormat::Windows;
        let form = is_windows.then(|| self.ntfs.form(header));
        let said = Said::default();
        let extended = |unset: &[NtfsPart]| match &form {
            Some(form) => said.extended(form, unset),
            None => Vec::new(),
        };
        let mut metadata = self.metadata(path, header, &xattrs);
        metadata.ntfs = form.as_ref().map(|form| NtfsEntry {
            attributes: form.attributes,
            times: host_times(form.times),
            descriptor: form.descriptor.as_deref(),
            extended: &extended,
        });
        match (header.kind, &form) {
            (TarKind::File, _) => self.write_file(path, entry, streams, &metadata)?,
            (TarKind::Directory, _) => self.folder.directory(path, &metadata)?,
            (_, Some(form)) => self.write_reparse_point(path, header, form, &metadata)?,
            (_, None) => self.write_special(path, header, &metadata)?,
        }
        if header.kind != TarKind::File {
            self.write_streams(path, streams)?;
        }
        self.ntfs.take(path, header.kind, said);
        Ok(())
    }

    /// A link, pipe or device of a folder of Linux.
    fn write_special(
        &mut self,
        path: &[u8],
        header: &Header,
        metadata: &FileMetadata<'_>,
    ) -> Result<(), OutputError> {
        let (major, minor) = header.device;
        let kind = match header.kind {
            TarKind::Symlink => {
                let made = self.folder.symlink(path, &header.link, false, metadata);
                return Ok(made?);
            }
            TarKind::CharDevice => SpecialFile::CharDevice(major, minor),
            TarKind::BlockDevice => SpecialFile::BlockDevice(major, minor),
            _ => SpecialFile::Fifo,
        };
        Ok(self.folder.special(path, kind, metadata)?)
    }

    /// A link, pipe or device of NTFS.
    fn write_reparse_point(
        &mut self,
        path: &[u8],
        header: &Header,
        form: &NtfsForm<'_>,
        metadata: &FileMetadata<'_>,
    ) -> Result<(), OutputError> {
        let Some(point) = &form.reparse else {
            debug_assert_eq!(header.kind, TarKind::Symlink);
            self.not_kept.push(NotKept {
                path: path.to_vec(),
                what: NotKeptKind::Symlink,
            });
            return Ok(());
        };
        let point = ReparsePoint {
            data: &point.data,
            fallback: point.fallback.as_deref(),
            is_directory: point.is_directory,
        };
        Ok(self.folder.reparse_point(path, &point, metadata)?)
    }

    fn write_file(
        &mut self,
        path: &[u8],
        entry: &PlannedEntry,
        streams: &[&PlannedEntry],
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
        for (name, content) in streams_of(path, streams) {
            let mut reader = self.opener.open(content).map_err(unread)?;
            file.stream(name, content.size(), &mut reader)?;
            self.meter.add(content.size());
        }
        Ok(file.finish(metadata)?)
    }

    /// The streams of what is no file.
    fn write_streams(&mut self, path: &[u8], streams: &[&PlannedEntry]) -> Result<(), OutputError> {
        for (name, content) in streams_of(path, streams) {
            let opened = self.opener.open(content);
            let mut reader = opened.map_err(|source| OutputError::Content {
                path: shown(path),
                source,
            })?;
            let size = content.size();
            self.folder.stream(path, name, size, &mut reader)?;
            self.meter.add(size);
        }
        Ok(())
    }

    fn metadata<'x>(
        &mut self,
        path: &[u8],
        header: &Header,
        xattrs: &'x [Xattr],
    ) -> FileMetadata<'x> {
        let id = |id: u64| u32::try_from(id).unwrap_or(u32::MAX);
        let format = self.form.format;
        let mut mode = match format {
            LayerFormat::Linux => header.mode & 0o7777,
            LayerFormat::Windows if attributes(header) & ATTRIBUTE_READONLY != 0 => 0o555,
            LayerFormat::Windows => 0o755,
        };
        let has_bits = header.kind != TarKind::Symlink;
        if !self.owners && has_bits && mode & SET_ID != 0 {
            mode &= !SET_ID;
            self.not_kept.push(NotKept {
                path: path.to_vec(),
                what: NotKeptKind::SetId,
            });
        }
        let owners = self.owners && format == LayerFormat::Linux;
        FileMetadata {
            mode,
            owner: owners.then(|| (id(header.uid), id(header.gid))),
            mtime: (header.modified.seconds, header.modified.nanoseconds),
            xattrs,
            ntfs: None,
        }
    }
}

/// Names and contents of streams.
fn streams_of<'e>(
    path: &[u8],
    streams: &[&'e PlannedEntry],
) -> impl Iterator<Item = (&'e [u8], &'e Content)> {
    let start = path.len() + 1;
    streams.iter().filter_map(move |stream| {
        let name = &stream.header.path[start..];
        Some((name, stream.content.as_ref()?))
    })
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
pub(super) fn list(what: &str, paths: &[String]) -> String {
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
pub(super) fn shown(path: &[u8]) -> String {
    let text = String::from_utf8_lossy(path);
    let escaped = text.chars().map(|c| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    });
    escaped.collect()
}
