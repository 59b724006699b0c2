//! Contexts on Windows, with what the standard library offers.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::{ContextEntry, ContextError, ContextKind, ContextReader, join};
use crate::{NameError, bytes_to_os, os_to_bytes};

/// The folder, canonical: on Windows a verbatim path, which has no length limit and no reserved
/// names.
#[derive(Debug)]
pub(super) struct Root(PathBuf);

impl Root {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let path = fs::canonicalize(path)?;
        fs::read_dir(&path)?;
        Ok(Self(path))
    }

    /// `\` would separate components here, and `:` would name a stream or a drive.
    pub(super) fn accepts(&self, path: &[u8]) -> bool {
        !path.iter().any(|byte| matches!(byte, b'\\' | b':'))
    }

    pub(super) fn open_file(&self, path: &[u8]) -> io::Result<File> {
        let host_path = self.resolve(path)?;
        let mut options = OpenOptions::new();
        options.read(true);
        #[cfg(windows)]
        {
            use std::os::windows::fs::OpenOptionsExt;
            // A link that took the file's place is opened itself, and then is no regular file.
            const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;
            options.custom_flags(FILE_FLAG_OPEN_REPARSE_POINT);
        }
        options.open(host_path)
    }

    pub(super) fn open_stream(
        &self,
        _path: &[u8],
        _stream: &[u8],
    ) -> io::Result<Box<dyn io::Read>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Reads one directory: names sorted by bytes, each offered to `wanted`.
    pub(super) fn read_directory(
        &self,
        reader: &ContextReader,
        directory: &[u8],
        wanted: &mut dyn FnMut(&[u8], bool) -> bool,
    ) -> Result<Vec<ContextEntry>, ContextError> {
        let error = |operation| move |source| reader.error(directory, operation, source);
        let name_error = |source: NameError| ContextError::Name {
            root: reader.path.clone(),
            directory: directory.to_vec(),
            source,
        };
        let host_path = match self.resolve(directory) {
            Ok(host_path) => host_path,
            // It vanished, or became a link, after it was listed.
            Err(_) if !directory.is_empty() => return Ok(Vec::new()),
            Err(source) => return Err(error("the directory cannot be opened")(source)),
        };
        let mut names = Vec::new();
        let listing = fs::read_dir(&host_path).map_err(error("the directory cannot be read"))?;
        for item in listing {
            let item = item.map_err(error("the directory cannot be read"))?;
            let name = os_to_bytes(&item.file_name()).map_err(name_error)?;
            names.push((name, item.path()));
        }
        names.sort();
        let mut entries = Vec::new();
        for (name, host_path) in names {
            let path = join(directory, &name);
            let metadata = match fs::symlink_metadata(&host_path) {
                Ok(metadata) => metadata,
                Err(source) if source.kind() == io::ErrorKind::NotFound => continue,
                Err(source) => {
                    return Err(reader.error(&path, "its metadata cannot be read", source));
                }
            };
            // `is_dir` is false for links and junctions.
            if !wanted(&name, metadata.is_dir()) {
                continue;
            }
            let kind = match kind(&host_path, &metadata) {
                Ok(kind) => kind,
                Err(source) if source.kind() == io::ErrorKind::NotFound => continue,
                Err(source) => return Err(reader.error(&path, "the link cannot be read", source)),
            };
            entries.push(entry(path, kind, &metadata));
        }
        Ok(entries)
    }

    /// The host's path, after a look that no component is a link.
    fn resolve(&self, path: &[u8]) -> io::Result<PathBuf> {
        let mut host_path = self.0.clone();
        for part in path
            .split(|byte| *byte == b'/')
            .filter(|part| !part.is_empty())
        {
            let name = bytes_to_os(part)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidFilename, error))?;
            host_path.push(name);
            if fs::symlink_metadata(&host_path)?.file_type().is_symlink() {
                return Err(io::Error::other("a link stands in the path"));
            }
        }
        Ok(host_path)
    }
}

fn kind(host_path: &Path, metadata: &Metadata) -> io::Result<ContextKind> {
    if metadata.file_type().is_symlink() {
        let target = fs::read_link(host_path)?;
        let target = os_to_bytes(target.as_os_str())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidFilename, error))?;
        let slash = |byte| if byte == b'\\' { b'/' } else { byte };
        return Ok(ContextKind::Symlink {
            target: target.into_iter().map(slash).collect(),
        });
    }
    if metadata.is_dir() {
        return Ok(ContextKind::Directory);
    }
    Ok(ContextKind::File {
        size: metadata.len(),
    })
}

fn entry(path: Vec<u8>, kind: ContextKind, metadata: &Metadata) -> ContextEntry {
    let mode = match kind {
        ContextKind::Symlink { .. } => 0o777,
        ContextKind::File { .. } if metadata.permissions().readonly() => 0o555,
        _ => 0o755,
    };
    let since = metadata
        .modified()
        .ok()
        .map(|time| match time.duration_since(UNIX_EPOCH) {
            Ok(after) => (after.as_secs() as i64, after.subsec_nanos()),
            Err(before) => {
                let before = before.duration();
                match before.subsec_nanos() {
                    0 => (-(before.as_secs() as i64), 0),
                    nanos => (-(before.as_secs() as i64) - 1, 1_000_000_000 - nanos),
                }
            }
        });
    ContextEntry {
        path,
        kind,
        mode,
        owner: None,
        mtime: since.unwrap_or((0, 0)),
        xattrs: Vec::new(),
        hard_link: None,
        identity: None,
        ntfs: None,
    }
}
