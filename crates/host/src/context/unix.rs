//! Contexts on Unix: every path is resolved by the kernel without following links.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{self, CWD, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::{ContextEntry, ContextError, ContextKind, ContextReader, FileIdentity, Xattr, join};
use crate::NtfsMetadata;
use crate::ntfs3g::{self, NtfsPath, Volume, settled_stat};

/// The open folder.
#[derive(Debug)]
pub(crate) struct Root {
    folder: OwnedFd,
    /// If it is on NTFS, and shows what NTFS knows of files.
    volume: Option<Volume>,
}

pub(crate) const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

impl Root {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let folder = fs::openat(CWD, path, DIRECTORY, Mode::empty())?;
        let volume = Volume::of(folder.as_fd());
        Ok(Self { folder, volume })
    }

    /// The folder that is open already, for opening what is in it.
    pub(crate) fn of(folder: OwnedFd) -> Self {
        Self {
            folder,
            volume: None,
        }
    }

    /// The volume of NTFS that it is on.
    pub(crate) fn volume(&self) -> Option<Volume> {
        self.volume
    }

    pub(super) fn accepts(&self, _path: &[u8]) -> bool {
        true
    }

    pub(super) fn open_file(&self, path: &[u8]) -> io::Result<File> {
        // Without NONBLOCK a pipe that took the file's place would block the build.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(File::from(self.open_beneath(path, flags)?))
    }

    pub(super) fn open_stream(
        &self,
        path: &[u8],
        stream: &[u8],
    ) -> io::Result<Box<dyn io::Read + Send>> {
        let Some(volume) = self.volume else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let (directory, name) = split(path);
        let opened = self.open_beneath(directory, DIRECTORY)?;
        volume.open_stream(&NtfsPath::new(opened.as_fd(), name), stream)
    }

    /// Reads one directory: names sorted by bytes, each offered to `wanted`.
    pub(super) fn read_directory(
        &self,
        reader: &ContextReader,
        directory: &[u8],
        wanted: &mut dyn FnMut(&[u8], bool) -> bool,
    ) -> Result<Vec<ContextEntry>, ContextError> {
        let error = |operation| {
            move |errno: Errno| reader.error(directory, operation, io::Error::from(errno))
        };
        let opened = match self.open_beneath(directory, DIRECTORY) {
            Ok(opened) => opened,
            // It vanished, or became something else, after it was listed.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) if !directory.is_empty() => {
                return Ok(Vec::new());
            }
            Err(errno) => return Err(error("the directory cannot be opened")(errno)),
        };
        let mut names = Vec::new();
        let listing = Dir::read_from(&opened).map_err(error("the directory cannot be read"))?;
        for entry in listing {
            let entry = entry.map_err(error("the directory cannot be read"))?;
            let name = entry.file_name();
            if name != c"." && name != c".." {
                names.push(name.to_owned());
            }
        }
        names.sort();
        let mut entries = Vec::new();
        for name in names {
            let path = join(directory, name.to_bytes());
            let error =
                |source: io::Error| reader.error(&path, "its metadata cannot be read", source);
            let stat = match settled_stat(opened.as_fd(), &*name) {
                Ok(stat) => stat,
                Err(Errno::NOENT) => continue,
                Err(errno) => return Err(error(errno.into())),
            };
            let is_directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
            if !wanted(name.to_bytes(), is_directory) {
                continue;
            }
            match self.look_at(opened.as_fd(), &name, &path, &stat) {
                Ok(entry) => entries.push(entry),
                Err(source) if source.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(error(source)),
            }
        }
        Ok(entries)
    }

    fn look_at(
        &self,
        directory: BorrowedFd<'_>,
        name: &CStr,
        path: &[u8],
        stat: &Stat,
    ) -> io::Result<ContextEntry> {
        let ntfs = match self.volume {
            Some(volume) => volume.metadata(&NtfsPath::new(directory, name.to_bytes()))?,
            None => None,
        };
        let Some(mut ntfs) = ntfs else {
            let (kind, xattrs) = describe(directory, name, stat)?;
            return Ok(entry(path.to_vec(), kind, xattrs, stat));
        };
        let kind = kind_on_ntfs(directory, name, stat, &ntfs)?;
        let is_interix = ntfs.reparse.is_none()
            && !matches!(kind, ContextKind::File { .. } | ContextKind::Directory);
        if is_interix {
            ntfs.attributes &= !ntfs3g::INTERIX_HAS;
        }
        Ok(ContextEntry {
            ntfs: Some(Box::new(ntfs)),
            ..entry(path.to_vec(), kind, Vec::new(), stat)
        })
    }

    /// Opens `path` beneath the root; a link in any place is an error (`ELOOP`, `ENOTDIR`).
    pub(crate) fn open_beneath(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlags::NOFOLLOW;
        if path.is_empty() {
            return fs::openat(&self.folder, ".", flags, Mode::empty());
        }
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::ResolveFlags;
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
            match fs::openat2(&self.folder, path, flags, Mode::empty(), resolve) {
                // Too old a kernel, a sandbox that does not know the call, or a path beyond
                // PATH_MAX: walk.
                Err(Errno::NOSYS | Errno::PERM | Errno::NAMETOOLONG | Errno::AGAIN) => {}
                result => return result,
            }
        }
        self.open_by_components(path, flags)
    }

    /// The same one component at a time: slower, and possible everywhere.
    pub(super) fn open_by_components(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        let mut parts = path.split(|byte| *byte == b'/').peekable();
        let mut current: Option<OwnedFd> = None;
        while let Some(part) = parts.next() {
            let base = current
                .as_ref()
                .map_or(self.folder.as_fd(), |fd| fd.as_fd());
            let step = if parts.peek().is_some() {
                DIRECTORY | OFlags::NOFOLLOW
            } else {
                flags
            };
            current = Some(fs::openat(base, part, step, Mode::empty())?);
        }
        current.ok_or(Errno::NOENT)
    }
}

/// The directory, empty for the root, and the last component.
pub(crate) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

/// Whether two descriptions are of the same file.
fn same(left: &Stat, right: &Stat) -> bool {
    left.st_dev == right.st_dev && left.st_ino == right.st_ino
}

fn describe(
    directory: BorrowedFd<'_>,
    name: &CStr,
    stat: &Stat,
) -> Result<(ContextKind, Vec<Xattr>), Errno> {
    let kind = kind(directory, name, stat)?;
    let xattrs = match kind {
        ContextKind::File { .. } | ContextKind::Directory => open_xattrs(directory, name, stat)?,
        _ => Vec::new(),
    };
    Ok((kind, xattrs))
}

fn kind(directory: BorrowedFd<'_>, name: &CStr, stat: &Stat) -> Result<ContextKind, Errno> {
    let (major, minor) = (fs::major(stat.st_rdev), fs::minor(stat.st_rdev));
    Ok(match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => ContextKind::File {
            size: u64::try_from(stat.st_size).unwrap_or(0),
        },
        FileType::Directory => ContextKind::Directory,
        FileType::Symlink => ContextKind::Symlink {
            target: fs::readlinkat(directory, name, Vec::new())?.into_bytes(),
        },
        FileType::Fifo => ContextKind::Fifo,
        FileType::CharacterDevice => ContextKind::CharDevice { major, minor },
        FileType::BlockDevice => ContextKind::BlockDevice { major, minor },
        FileType::Socket | FileType::Unknown => ContextKind::Socket,
    })
}

fn kind_on_ntfs(
    directory: BorrowedFd<'_>,
    name: &CStr,
    stat: &Stat,
    ntfs: &NtfsMetadata,
) -> Result<ContextKind, Errno> {
    let is_link = FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
    match ntfs.reparse {
        Some(_) if ntfs3g::stands_for_another(ntfs) => Ok(ContextKind::ReparsePoint),
        // The content is elsewhere, and ntfs-3g knows no way there. Who reads the file gets an
        // error; of a directory, nobody must believe that it is empty.
        Some(_) if is_link && ntfs3g::is_directory(ntfs) => Ok(ContextKind::ReparsePoint),
        Some(_) if is_link => Ok(ContextKind::File { size: 0 }),
        _ => kind(directory, name, stat),
    }
}

// The fields' types differ between systems: what is a cast here is none there.
#[allow(clippy::unnecessary_cast)]
fn entry(path: Vec<u8>, kind: ContextKind, xattrs: Vec<Xattr>, stat: &Stat) -> ContextEntry {
    let (device, inode) = (stat.st_dev as u64, stat.st_ino as u64);
    let several = stat.st_nlink as u64 > 1 && matches!(kind, ContextKind::File { .. });
    ContextEntry {
        path,
        kind,
        mode: stat.st_mode as u32 & 0o7777,
        owner: Some((stat.st_uid, stat.st_gid)),
        mtime: (stat.st_mtime as i64, stat.st_mtime_nsec as u32),
        xattrs,
        hard_link: several.then_some((device, inode)),
        identity: Some(FileIdentity {
            device,
            inode,
            changed: (stat.st_ctime as i64, stat.st_ctime_nsec as u32),
        }),
        ntfs: None,
    }
}

/// The attributes of a file or directory. What may not be opened has none here: whoever copies
/// it gets the error, whoever does not is not bothered.
fn open_xattrs(directory: BorrowedFd<'_>, name: &CStr, stat: &Stat) -> Result<Vec<Xattr>, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = match fs::openat(directory, name, flags, Mode::empty()) {
        Ok(opened) => opened,
        Err(Errno::ACCESS | Errno::PERM | Errno::LOOP) => return Ok(Vec::new()),
        Err(errno) => return Err(errno),
    };
    if !same(&fs::fstat(&opened)?, stat) {
        return Ok(Vec::new());
    }
    xattrs(opened.as_fd())
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn xattrs(file: BorrowedFd<'_>) -> Result<Vec<Xattr>, Errno> {
    let list = match read_growing(&mut |buffer| fs::flistxattr(file, buffer)) {
        Ok(list) => list,
        Err(Errno::NOTSUP) => return Ok(Vec::new()),
        Err(errno) => return Err(errno),
    };
    let carried = |name: &[u8]| name == b"security.capability" || name.starts_with(b"user.");
    let mut xattrs = Vec::new();
    for name in list.split(|byte| *byte == 0).filter(|name| carried(name)) {
        match read_growing(&mut |buffer| fs::fgetxattr(file, name, buffer)) {
            Ok(value) => xattrs.push((name.to_vec(), value)),
            Err(Errno::NODATA) => {}
            Err(errno) => return Err(errno),
        }
    }
    xattrs.sort();
    Ok(xattrs)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn xattrs(_file: BorrowedFd<'_>) -> Result<Vec<Xattr>, Errno> {
    Ok(Vec::new())
}

/// Calls `read` with a buffer that grows until the answer fits. 64 KiB is what Linux allows.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn read_growing(read: &mut dyn FnMut(&mut [u8]) -> Result<usize, Errno>) -> Result<Vec<u8>, Errno> {
    let mut buffer = vec![0; 256];
    loop {
        match read(&mut buffer) {
            Ok(count) => {
                buffer.truncate(count);
                return Ok(buffer);
            }
            Err(Errno::RANGE) if buffer.len() < 1 << 24 => buffer = vec![0; buffer.len() * 4],
            Err(errno) => return Err(errno),
        }
    }
}
