//! Folders on Windows, with what the standard library offers.

use std::fs::{self, File, FileTimes, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{FileMetadata, NotKeptKind, SpecialFile, other_kind};
use crate::{HostNames, NtfsTimes, ReparsePoint, bytes_to_os};

/// The folder, canonical: on Windows a verbatim path, which has no length limit and no reserved
/// names.
#[derive(Debug)]
pub(super) struct Root {
    path: PathBuf,
    /// Directories stay directories, and all else stays what it is.
    keeps_kinds: bool,
}

/// What was not kept, or why nothing was made.
type Made = io::Result<Vec<NotKeptKind>>;

/// Units of UTF-16 that a name may have.
const MAX_UNITS: usize = 255;
/// The error of Windows when links need a privilege that the user has not.
const ERROR_PRIVILEGE_NOT_HELD: i32 = 1314;

impl Root {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let path = fs::canonicalize(path)?;
        fs::read_dir(&path)?;
        Ok(Self {
            path,
            keeps_kinds: false,
        })
    }

    pub(super) fn names(_path: &Path) -> HostNames {
        HostNames::Windows
    }

    pub(super) fn reparse_point(
        &mut self,
        _path: &[u8],
        _point: &ReparsePoint<'_>,
        _metadata: &FileMetadata<'_>,
    ) -> Made {
        Ok(vec![NotKeptKind::Symlink])
    }

    pub(super) fn stream(
        &mut self,
        _path: &[u8],
        name: &[u8],
        _size: u64,
        _content: &mut dyn io::Read,
    ) -> Made {
        Ok(vec![NotKeptKind::Stream(name.to_vec())])
    }

    pub(super) fn refuse_other_kinds(&mut self) {
        self.keeps_kinds = true;
    }

    pub(super) fn check_names(path: &[u8]) -> Result<(), String> {
        let text = std::str::from_utf8(path).map_err(|_| "it is not valid Unicode".to_owned())?;
        let refused = |character: char| {
            character < ' ' || matches!(character, '"' | '*' | ':' | '<' | '>' | '?' | '|' | '\\')
        };
        if let Some(character) = text.chars().find(|&character| refused(character)) {
            return Err(format!("they have no {character:?}"));
        }
        let longest = text
            .split('/')
            .map(|name| name.encode_utf16().count())
            .max();
        match longest {
            Some(units) if units > MAX_UNITS => Err(format!("{units} characters are too many")),
            _ => Ok(()),
        }
    }

    pub(super) fn directory(&mut self, path: &[u8], metadata: &FileMetadata<'_>) -> Made {
        let host_path = self.place(path)?;
        if !self.make_room(&host_path, true)? {
            fs::create_dir(&host_path)?;
        }
        Ok(attributes(metadata))
    }

    pub(super) fn finish_directory(
        &mut self,
        path: &[u8],
        _mode: u32,
        mtime: (i64, u32),
        _ntfs: Option<NtfsTimes>,
    ) -> Made {
        set_time(&self.place(path)?, mtime)?;
        Ok(Vec::new())
    }

    pub(super) fn file(&mut self, path: &[u8]) -> io::Result<File> {
        let host_path = self.place(path)?;
        self.make_room(&host_path, false)?;
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(host_path)
    }

    pub(super) fn finish_file(
        &mut self,
        path: &[u8],
        file: File,
        metadata: &FileMetadata<'_>,
    ) -> Made {
        let lost = attributes(metadata);
        file.set_times(times(metadata.mtime)?)?;
        if metadata.mode & 0o222 == 0 {
            let mut permissions = file.metadata()?.permissions();
            permissions.set_readonly(true);
            // By its path: the standard library sets it by a handle where that has the right to.
            drop(file);
            fs::set_permissions(self.place(path)?, permissions)?;
        }
        Ok(lost)
    }

    pub(super) fn symlink(
        &mut self,
        path: &[u8],
        target: &[u8],
        to_directory: bool,
        metadata: &FileMetadata<'_>,
    ) -> Made {
        let host_path = self.place(path)?;
        self.make_room(&host_path, false)?;
        let Ok(target) = bytes_to_os(target) else {
            return Ok(vec![NotKeptKind::Symlink]);
        };
        match make_link(Path::new(&target), &host_path, to_directory) {
            Ok(()) => {}
            Err(error)
                if error.raw_os_error() == Some(ERROR_PRIVILEGE_NOT_HELD)
                    || error.kind() == io::ErrorKind::Unsupported =>
            {
                return Ok(vec![NotKeptKind::Symlink]);
            }
            Err(error) => return Err(error),
        }
        set_time(&host_path, metadata.mtime)?;
        Ok(attributes(metadata))
    }

    pub(super) fn hard_link(&mut self, path: &[u8], target: &[u8]) -> Made {
        let target = self.place(target)?;
        let host_path = self.place(path)?;
        self.make_room(&host_path, false)?;
        if fs::hard_link(&target, &host_path).is_ok() {
            return Ok(Vec::new());
        }
        // A file system without links, or with too many already. Anything else that is wrong stops
        // the copy too.
        fs::copy(&target, &host_path)?;
        Ok(vec![NotKeptKind::HardLink])
    }

    pub(super) fn special(
        &mut self,
        path: &[u8],
        kind: SpecialFile,
        _metadata: &FileMetadata<'_>,
    ) -> Made {
        let host_path = self.place(path)?;
        self.make_room(&host_path, false)?;
        Ok(vec![match kind {
            SpecialFile::Fifo => NotKeptKind::Fifo,
            SpecialFile::CharDevice(..) | SpecialFile::BlockDevice(..) => NotKeptKind::Device,
        }])
    }

    /// The host's path, after a look that no directory on the way is a link.
    fn place(&self, path: &[u8]) -> io::Result<PathBuf> {
        let mut host_path = self.path.clone();
        let mut parts = path.split(|byte| *byte == b'/').peekable();
        while let Some(part) = parts.next() {
            let name = bytes_to_os(part)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidFilename, error))?;
            host_path.push(name);
            if parts.peek().is_some() && !fs::symlink_metadata(&host_path)?.is_dir() {
                return Err(io::Error::other("a link or file stands in the path"));
            }
        }
        Ok(host_path)
    }

    /// Removes what has the path, unless it is a directory and that is wanted: then true.
    fn make_room(&self, path: &Path, directory: bool) -> io::Result<bool> {
        let metadata = match fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        if self.keeps_kinds && metadata.is_dir() != directory {
            return Err(other_kind(metadata.is_dir()));
        }
        if metadata.is_dir() {
            if directory {
                return Ok(true);
            }
            fs::remove_dir_all(path)?;
        } else if is_directory_link(&metadata) {
            fs::remove_dir(path)?;
        } else {
            let mut permissions = metadata.permissions();
            if permissions.readonly() && metadata.is_file() {
                // A read-only file cannot be removed.
                #[allow(clippy::permissions_set_readonly_false)]
                permissions.set_readonly(false);
                fs::set_permissions(path, permissions)?;
            }
            fs::remove_file(path)?;
        }
        Ok(false)
    }
}

/// Attributes that are not kept. Owners have no meaning here and are not spoken of.
fn attributes(metadata: &FileMetadata<'_>) -> Vec<NotKeptKind> {
    let names = metadata.xattrs.iter().map(|(name, _)| name.clone());
    names.map(NotKeptKind::Xattr).collect()
}

#[cfg(windows)]
fn is_directory_link(metadata: &fs::Metadata) -> bool {
    use std::os::windows::fs::FileTypeExt;
    metadata.file_type().is_symlink_dir()
}

#[cfg(not(windows))]
fn is_directory_link(_metadata: &fs::Metadata) -> bool {
    false
}

#[cfg(windows)]
fn make_link(target: &Path, path: &Path, to_directory: bool) -> io::Result<()> {
    use std::os::windows::fs::{symlink_dir, symlink_file};
    match to_directory {
        true => symlink_dir(target, path),
        false => symlink_file(target, path),
    }
}

#[cfg(not(windows))]
fn make_link(_target: &Path, _path: &Path, _to_directory: bool) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Sets the time of a directory or a link.
fn set_time(path: &Path, mtime: (i64, u32)) -> io::Result<()> {
    let mut options = OpenOptions::new();
    #[cfg(windows)]
    {
        use std::os::windows::fs::OpenOptionsExt;
        const FILE_WRITE_ATTRIBUTES: u32 = 0x100;
        const FILE_FLAG_BACKUP_SEMANTICS: u32 = 0x0200_0000;
        const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;
        options
            .access_mode(FILE_WRITE_ATTRIBUTES)
            .custom_flags(FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT);
    }
    #[cfg(not(windows))]
    options.read(true);
    options.open(path)?.set_times(times(mtime)?)
}

/// Times as this system has them; from 1601 on, as there are no earlier ones.
fn times(mtime: (i64, u32)) -> io::Result<FileTimes> {
    const FIRST: i64 = -11_644_473_600;
    let (seconds, nanoseconds) = match mtime.0 < FIRST {
        true => (FIRST, 0),
        false => mtime,
    };
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let time: Option<SystemTime> = match seconds < 0 {
        true => UNIX_EPOCH.checked_sub(whole),
        false => UNIX_EPOCH.checked_add(whole),
    };
    let time = time
        .and_then(|time| time.checked_add(Duration::from_nanos(nanoseconds.into())))
        .ok_or(io::ErrorKind::InvalidInput)?;
    Ok(FileTimes::new().set_modified(time).set_accessed(time))
}
