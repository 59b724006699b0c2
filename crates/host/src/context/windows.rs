//! Contexts on Windows: every path is opened relative to the folder, without following links.

use std::fs::File;
use std::io;
use std::path::Path;

use windows_sys::Win32::Storage::FileSystem as fs;

use super::{ContextEntry, ContextError, ContextKind, ContextReader, FileIdentity, join};
use crate::ntfs::extended;
use crate::patience::while_in_use;
use crate::windows::beneath::{self, Beneath, ITSELF, is_link, named, stands_in_the_way, to_wide};
use crate::windows::buffers::{self, ListedFile};
use crate::windows::calls::{self, Opening, is_denial};
use crate::{MARK, NameError, NtfsMetadata, NtfsStream, NtfsTimes, Xattr};

/// The open folder.
#[derive(Debug)]
pub(super) struct Root {
    folder: Beneath,
    /// The serial number of its volume, on which all is that is beneath; `None` where it has none.
    volume: Option<u64>,
    /// Whether files can have alternate streams.
    has_streams: bool,
}

/// How a file is opened for its content. A directory is opened as well, so that its error is not that of
/// a missing right.
const READ: Opening = Opening {
    access: fs::FILE_GENERIC_READ,
    creates: false,
    options: 0,
};

impl Root {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let folder = Beneath::open(path)?;
        Ok(Self {
            volume: calls::identity(folder.root())
                .ok()
                .map(|(volume, _)| volume),
            has_streams: calls::has_streams(folder.root()),
            folder,
        })
    }

    /// `\` would separate components here, and `:` would name a stream or a drive.
    pub(super) fn accepts(&self, path: &[u8]) -> bool {
        !path.iter().any(|byte| matches!(byte, b'\\' | b':'))
    }

    pub(super) fn open_file(&self, path: &[u8]) -> io::Result<File> {
        let (parent, name) = self.folder.parent(path)?;
        beneath::open_content(&parent, &name, READ)
    }

    pub(super) fn open_stream(
        &self,
        path: &[u8],
        stream: &[u8],
    ) -> io::Result<Box<dyn io::Read + Send>> {
        let stream = to_wide(stream)?;
        let (parent, name) = self.folder.parent(path)?;
        let whole = [&name[..], &[u16::from(b':')], &stream].concat();
        let opening = Opening {
            options: ITSELF,
            ..READ
        };
        let opened = while_in_use(&named(&name), || calls::open_at(&parent, &whole, opening))?;
        Ok(Box::new(opened))
    }

    /// Reads one directory: names sorted by bytes, each offered to `wanted`.
    pub(super) fn read_directory(
        &self,
        reader: &ContextReader,
        directory: &[u8],
        wanted: &mut dyn FnMut(&[u8], bool) -> bool,
    ) -> Result<Vec<ContextEntry>, ContextError> {
        let (opened, listed) = match self.folder.list(directory) {
            Ok(listed) => listed,
            // It vanished, or became something else, after it was listed.
            Err(error) if !directory.is_empty() && has_gone(&error) => return Ok(Vec::new()),
            Err(source) => {
                return Err(reader.error(directory, "the directory cannot be read", source));
            }
        };
        let mut files = Vec::new();
        for file in listed {
            let name = String::from_utf16(&file.name).map_err(|_| ContextError::Name {
                root: reader.path.clone(),
                directory: directory.to_vec(),
                source: NameError {
                    name: String::from_utf16_lossy(&file.name),
                },
            })?;
            files.push((name.into_bytes(), file));
        }
        files.sort_by(|left, right| left.0.cmp(&right.0));
        let mut entries = Vec::new();
        for (name, file) in files {
            let is_directory = file.attributes & fs::FILE_ATTRIBUTE_DIRECTORY != 0
                && !is_link(file.attributes, file.tag_or_extended);
            if !wanted(&name, is_directory) {
                continue;
            }
            let path = join(directory, &name);
            match self.entry(&opened, &path, &file) {
                Ok(entry) => entries.push(entry),
                Err(error) if has_gone(&error) => {}
                Err(source) => {
                    return Err(reader.error(&path, "its metadata cannot be read", source));
                }
            }
        }
        Ok(entries)
    }

    /// What an entry of a directory is. The list tells most of it, but of a file with several names,
    /// or one that is being written, what was true once: so the file is asked.
    fn entry(
        &self,
        directory: &File,
        path: &[u8],
        listed: &ListedFile,
    ) -> io::Result<ContextEntry> {
        let mut found = Found::listed(listed);
        let opened = open_for_metadata(directory, &listed.name)?;
        if let Some(opened) = &opened {
            found.ask(opened, listed, self.has_streams)?;
        }
        Ok(found.into_entry(path, self.volume))
    }
}

/// What is known of a file.
struct Found {
    ntfs: NtfsMetadata,
    is_link: bool,
    size: u64,
    id: u64,
    has_several_names: bool,
}

impl Found {
    fn listed(file: &ListedFile) -> Self {
        let [created, accessed, modified, changed] = file.times.map(i64::cast_unsigned);
        Self {
            ntfs: NtfsMetadata {
                attributes: file.attributes,
                times: NtfsTimes {
                    created,
                    accessed,
                    modified,
                    changed,
                },
                ..NtfsMetadata::default()
            },
            is_link: is_link(file.attributes, file.tag_or_extended),
            size: file.size,
            id: file.id,
            has_several_names: false,
        }
    }

    /// Asks the file itself.
    fn ask(&mut self, file: &File, listed: &ListedFile, has_streams: bool) -> io::Result<()> {
        let basic = calls::basic(file)?;
        let standard = calls::standard(file)?;
        self.ntfs.attributes = basic.FileAttributes;
        self.ntfs.times = NtfsTimes {
            created: basic.CreationTime.cast_unsigned(),
            accessed: basic.LastAccessTime.cast_unsigned(),
            modified: basic.LastWriteTime.cast_unsigned(),
            changed: basic.ChangeTime.cast_unsigned(),
        };
        self.size = u64::try_from(standard.EndOfFile).unwrap_or(0);
        self.has_several_names = standard.NumberOfLinks > 1;
        self.is_link = is_link(
            basic.FileAttributes,
            calls::reparse_tag(file, basic.FileAttributes)?,
        );
        if self.is_link {
            self.ntfs.reparse = calls::reparse_point(file)?;
        }
        // The list has their size, unless it has the tag in its place, or is old.
        if listed.tag_or_extended != 0 || self.has_several_names {
            self.ntfs.extended = attributes(file)?;
        }
        if self.ntfs.extended.iter().any(|(name, _)| name == MARK) {
            self.ntfs.descriptor = match calls::descriptor(file) {
                Ok(bytes) => Some(bytes),
                Err(error) if is_denial(&error) || calls::is_missing_feature(&error) => None,
                Err(error) => return Err(error),
            };
        }
        if has_streams {
            self.ntfs.streams = streams(file)?;
        }
        Ok(())
    }

    fn into_entry(self, path: &[u8], volume: Option<u64>) -> ContextEntry {
        let is_directory = self.ntfs.attributes & fs::FILE_ATTRIBUTE_DIRECTORY != 0;
        let kind = match (self.is_link, is_directory) {
            (true, _) => ContextKind::ReparsePoint,
            (false, true) => ContextKind::Directory,
            (false, false) => ContextKind::File { size: self.size },
        };
        let is_read_only = self.ntfs.attributes & fs::FILE_ATTRIBUTE_READONLY != 0;
        let mode = match kind {
            ContextKind::ReparsePoint => 0o777,
            ContextKind::File { .. } if is_read_only => 0o555,
            _ => 0o755,
        };
        // Number 0 is that of file systems that have none.
        let id = volume
            .filter(|_| self.id != 0)
            .map(|volume| (volume, self.id));
        let is_file = matches!(kind, ContextKind::File { .. });
        ContextEntry {
            path: path.to_vec(),
            kind,
            mode,
            mtime: since_1970(self.ntfs.times.modified),
            owner: None,
            xattrs: Vec::new(),
            hard_link: id.filter(|_| is_file && self.has_several_names),
            identity: id.map(|(device, inode)| FileIdentity {
                device,
                inode,
                changed: since_1970(self.ntfs.times.changed),
            }),
            ntfs: Some(Box::new(self.ntfs)),
        }
    }
}

/// Opens a file to ask for its metadata, with fewer rights where more are denied. What may not be
/// opened at all has no more metadata than the list tells: whoever copies it gets the error, whoever
/// does not is not bothered.
fn open_for_metadata(directory: &File, name: &[u16]) -> io::Result<Option<File>> {
    const LEAST: u32 = fs::FILE_READ_ATTRIBUTES;
    for access in [
        LEAST | fs::FILE_READ_EA | fs::READ_CONTROL,
        LEAST | fs::FILE_READ_EA,
        LEAST,
    ] {
        let opening = Opening {
            access,
            creates: false,
            options: ITSELF,
        };
        match while_in_use(&named(name), || calls::open_at(directory, name, opening)) {
            Ok(file) => return Ok(Some(file)),
            Err(error) if is_denial(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

fn attributes(file: &File) -> io::Result<Vec<Xattr>> {
    match calls::extended(file) {
        Ok(Some(bytes)) => {
            extended::decode(&bytes).ok_or_else(|| io::ErrorKind::InvalidData.into())
        }
        Ok(None) => Ok(Vec::new()),
        Err(error) if is_denial(&error) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn streams(file: &File) -> io::Result<Vec<NtfsStream>> {
    match calls::streams(file)? {
        Some(bytes) => buffers::alternate_streams(&bytes),
        None => Ok(Vec::new()),
    }
}

/// Whether the file, or a directory on the way, is not there any more, or is something else now.
fn has_gone(error: &io::Error) -> bool {
    use windows_sys::Win32::Foundation as codes;
    const GONE: [u32; 4] = [
        codes::ERROR_FILE_NOT_FOUND,
        codes::ERROR_PATH_NOT_FOUND,
        codes::ERROR_DELETE_PENDING,
        codes::ERROR_DIRECTORY,
    ];
    stands_in_the_way(error) || GONE.iter().any(|&code| calls::is(error, code))
}

/// Seconds since 1970, rounded down, and nanoseconds.
fn since_1970(time: u64) -> (i64, u32) {
    const PER_SECOND: i64 = 10_000_000;
    const SECONDS_TO_1970: i64 = 11_644_473_600;
    let time = i64::try_from(time).unwrap_or(i64::MAX);
    let rest = time.rem_euclid(PER_SECOND) as u32;
    (time.div_euclid(PER_SECOND) - SECONDS_TO_1970, rest * 100)
}
