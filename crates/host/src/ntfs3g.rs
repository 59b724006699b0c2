//! What NTFS knows of files, on Linux: the extended attributes of ntfs-3g.
//!
//! `system.ntfs_attrib`, `ntfs_times`, `ntfs_acl`, `ntfs_reparse_data` and `ntfs_ea` hold the bytes
//! of NTFS. The kernel's own driver has the first of them alone: its volumes stay plain folders
//! here. Alternate streams are attributes `user.NAME` or files `FILE:NAME`, by the mount option
//! `streams_interface`.
//!
//! What ntfs-3g (2022.10.3) cannot do:
//! - The time of the last change of anything cannot be set.
//! - WSL's pipes and devices cannot be made by their reparse data, which gives `EINVAL`. `mknod`
//!   makes them on volumes that are mounted with `special_files=wsl`, on others it makes those of
//!   Interix.
//! - As attributes, streams have at most 64 KiB, and names of 250 bytes: limits of Linux.
//! - Only READONLY, HIDDEN, SYSTEM, ARCHIVE, TEMPORARY, OFFLINE and NOT_CONTENT_INDEXED can be set.
//! - A file whose reparse point only tells where the content is, is a dangling link, if there is no
//!   plug-in for it.
//! - Once a file has become a reparse point, `stat` fails with `EIO` until the kernel asks again,
//!   after one second.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{self, AtFlags, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::ntfs::{extended, is_stand_in};
use crate::{MARK, NtfsMetadata, NtfsStream, NtfsTimes, Xattr};

/// A volume that ntfs-3g mounts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Volume {
    streams: Streams,
    gives_away: bool,
}

/// How streams are shown.
#[derive(Debug, Clone, Copy)]
enum Streams {
    /// As attributes `user.NAME`.
    Attributes,
    /// As files `FILE:NAME`.
    Files,
}

const ATTRIBUTES: &str = "system.ntfs_attrib";
const TIMES: &str = "system.ntfs_times";
const DESCRIPTOR: &str = "system.ntfs_acl";
const REPARSE: &str = "system.ntfs_reparse_data";
const EXTENDED: &str = "system.ntfs_ea";
/// Names of streams, separated by NUL, where they are shown as files.
const STREAM_NAMES: &str = "ntfs.streams.list";

/// What Linux allows. ntfs-3g answers `EIO` to a buffer that is too small, so no less is tried.
const MAX_VALUE: usize = 0x1_0000;

const FILE_ATTRIBUTE_READONLY: u32 = 0x1;
const FILE_ATTRIBUTE_HIDDEN: u32 = 0x2;
const FILE_ATTRIBUTE_SYSTEM: u32 = 0x4;
const FILE_ATTRIBUTE_DIRECTORY: u32 = 0x10;
const FILE_ATTRIBUTE_REPARSE_POINT: u32 = 0x400;
/// ntfs-3g knows pipes and devices in Interix' form from files by SYSTEM without HIDDEN: that is no
/// fact of them.
pub(crate) const INTERIX_HAS: u32 = FILE_ATTRIBUTE_SYSTEM;
pub(crate) const INTERIX_HAS_NOT: u32 = FILE_ATTRIBUTE_HIDDEN;
/// Attributes that only the system sets: DIRECTORY, NORMAL (there is no other), SPARSE_FILE,
/// REPARSE_POINT, COMPRESSED, OFFLINE, ENCRYPTED, and RECALL_ON_OPEN, which WSL's special files
/// have.
const OF_SYSTEM: u32 = 0x10 | 0x80 | 0x200 | 0x400 | 0x800 | 0x1000 | 0x4000 | 0x4_0000;

/// The name of an entry in an open directory, for calls that know only paths. The directory is
/// reached by its handle, and no link in the last place is followed. (Only links and files that may
/// be opened could be reached by handles of their own.)
#[derive(Debug)]
pub(crate) struct NtfsPath<'d> {
    directory: BorrowedFd<'d>,
    name: Vec<u8>,
    path: Vec<u8>,
}

impl<'d> NtfsPath<'d> {
    pub(crate) fn new(directory: BorrowedFd<'d>, name: &[u8]) -> Self {
        let path = format!("/proc/self/fd/{}/", directory.as_raw_fd());
        Self {
            directory,
            name: name.to_vec(),
            path: [path.as_bytes(), name].concat(),
        }
    }

    /// The value of an attribute; `None` if there is none, or no such attribute.
    fn get(&self, attribute: &[u8]) -> Result<Option<Vec<u8>>, Errno> {
        let mut value = vec![0; MAX_VALUE];
        match get(&self.path, attribute, &mut value) {
            Ok(size) => {
                value.truncate(size);
                Ok(Some(value))
            }
            Err(Errno::NODATA | Errno::NOTSUP) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    fn set(&self, attribute: &[u8], value: &[u8]) -> Result<(), Errno> {
        set(&self.path, attribute, value)
    }

    /// `FILE_ATTRIBUTE_*` bits; `None` where this is not on NTFS, or closed to us.
    fn attributes(&self) -> Result<Option<u32>, Errno> {
        match self.get(ATTRIBUTES.as_bytes()) {
            Ok(value) => {
                Ok(value.and_then(|value| Some(u32::from_le_bytes(*value.first_chunk()?))))
            }
            Err(Errno::ACCESS | Errno::PERM) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    fn times(&self) -> Result<NtfsTimes, Errno> {
        let value = self.get(TIMES.as_bytes())?.unwrap_or_default();
        let time = |at: usize| {
            let bytes = value.get(at * 8..).and_then(|rest| rest.first_chunk());
            bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
        };
        Ok(NtfsTimes {
            created: time(0),
            modified: time(1),
            accessed: time(2),
            changed: time(3),
        })
    }

    /// The reparse point, if it has one.
    pub(crate) fn reparse(&self) -> Result<Option<Vec<u8>>, Errno> {
        self.get(REPARSE.as_bytes())
    }

    fn extended(&self) -> io::Result<Vec<Xattr>> {
        let list = self.get(EXTENDED.as_bytes())?.unwrap_or_default();
        let broken = || io::Error::new(io::ErrorKind::InvalidData, "broken extended attributes");
        extended::decode(&list).ok_or_else(broken)
    }

    /// What the kernel says of it.
    pub(crate) fn stat(&self) -> Result<Stat, Errno> {
        settled_stat(self.directory, &self.name)
    }
}

/// Sets parts; each may be refused.
impl NtfsPath<'_> {
    /// All attributes but those of the system, and whether they are there now.
    pub(crate) fn set_attributes(&self, asked: u32) -> Result<bool, Errno> {
        let Some(present) = self.attributes()? else {
            return Ok(false);
        };
        let wanted = present & OF_SYSTEM | asked & !OF_SYSTEM;
        if wanted == present {
            return Ok(true);
        }
        self.set(ATTRIBUTES.as_bytes(), &wanted.to_le_bytes())?;
        let now = self.attributes()?.unwrap_or_default();
        Ok(now & !OF_SYSTEM == wanted & !OF_SYSTEM)
    }

    /// The same without READONLY, which comes last: it may forbid what follows.
    pub(crate) fn set_attributes_but_readonly(&self, asked: u32) -> Result<bool, Errno> {
        self.set_attributes(asked & !FILE_ATTRIBUTE_READONLY)
    }

    /// Times but that of the last change of anything; those that are zero stay.
    pub(crate) fn set_times(&self, times: NtfsTimes) -> Result<(), Errno> {
        let asked = [times.created, times.modified, times.accessed];
        let mut present = None;
        let mut value = Vec::with_capacity(asked.len() * 8);
        for (at, time) in asked.into_iter().enumerate() {
            let time = match time {
                0 => {
                    let now: NtfsTimes = match present {
                        Some(now) => now,
                        None => *present.insert(self.times()?),
                    };
                    [now.created, now.modified, now.accessed][at]
                }
                time => time,
            };
            value.extend(time.to_le_bytes());
        }
        self.set(TIMES.as_bytes(), &value)
    }

    /// The descriptor, and whether reading it back gives the same.
    pub(crate) fn set_descriptor(&self, descriptor: &[u8]) -> Result<bool, Errno> {
        self.set(DESCRIPTOR.as_bytes(), descriptor)?;
        Ok(self.get(DESCRIPTOR.as_bytes())?.as_deref() == Some(descriptor))
    }

    pub(crate) fn set_reparse(&self, reparse: &[u8]) -> Result<(), Errno> {
        self.set(REPARSE.as_bytes(), reparse)
    }

    /// Replaces all extended attributes; whether there is room for them.
    pub(crate) fn set_extended(&self, attributes: &[Xattr]) -> Result<bool, Errno> {
        let Some(list) = extended::encode(attributes) else {
            return Ok(false);
        };
        if list.is_empty() {
            return match remove(&self.path, EXTENDED.as_bytes()) {
                Ok(()) | Err(Errno::NODATA) => Ok(true),
                Err(errno) => Err(errno),
            };
        }
        self.set(EXTENDED.as_bytes(), &list)?;
        Ok(true)
    }
}

impl Volume {
    /// The volume of an open folder, if it is one of ntfs-3g.
    pub(crate) fn of(folder: BorrowedFd<'_>) -> Option<Self> {
        let place = NtfsPath::new(folder, b".");
        let known = |name: &str| matches!(place.get(name.as_bytes()), Ok(Some(_)));
        (known(ATTRIBUTES) && known(TIMES)).then(|| Self {
            streams: match known(STREAM_NAMES) {
                true => Streams::Files,
                false => Streams::Attributes,
            },
            gives_away: is_root() || !checks_access(folder),
        })
    }

    /// Whether who gives a file to others keeps access to it. Where ntfs-3g checks that (`-o
    /// permissions`), nobody but root does: a directory would be closed before anything is in it.
    pub(crate) fn gives_away(self) -> bool {
        self.gives_away
    }

    /// Whether `path`, or the nearest folder above it that is there, is on such a volume.
    pub(crate) fn holds(path: &Path) -> bool {
        for path in path.ancestors() {
            let path = match path.as_os_str().is_empty() {
                true => Path::new("."),
                false => path,
            };
            let known = |name: &str| follow(path, name.as_bytes());
            match known(ATTRIBUTES) {
                Ok(()) => return known(TIMES).is_ok(),
                // EIO: it became a reparse point a moment ago.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::IO) => {}
                Err(_) => return false,
            }
        }
        false
    }

    /// What NTFS holds of an entry; `None` if another file system is mounted there.
    pub(crate) fn metadata(self, place: &NtfsPath<'_>) -> io::Result<Option<NtfsMetadata>> {
        let Some(attributes) = place.attributes()? else {
            return Ok(None);
        };
        let mut metadata = NtfsMetadata {
            attributes,
            times: place.times()?,
            extended: place.extended()?,
            ..NtfsMetadata::default()
        };
        if attributes & FILE_ATTRIBUTE_REPARSE_POINT != 0 {
            metadata.reparse = place.reparse()?;
        }
        if metadata.extended.iter().any(|(name, _)| name == MARK) {
            metadata.descriptor = match place.get(DESCRIPTOR.as_bytes()) {
                Err(Errno::ACCESS | Errno::PERM) => None,
                descriptor => descriptor?,
            };
        }
        // What stands for something else has no content, and no streams.
        if metadata.reparse.is_none() {
            metadata.streams = self.streams(place)?;
        }
        Ok(Some(metadata))
    }

    fn streams(self, place: &NtfsPath<'_>) -> Result<Vec<NtfsStream>, Errno> {
        let mut streams = Vec::new();
        match self.streams {
            Streams::Attributes => {
                let mut names = vec![0; MAX_VALUE];
                let listed = match list(&place.path, &mut names) {
                    Err(Errno::NOTSUP | Errno::ACCESS | Errno::PERM) => 0,
                    size => size?,
                };
                let names = names[..listed].split(|byte| *byte == 0);
                for name in names.filter_map(|name| name.strip_prefix(USER)) {
                    // Of a larger one than Linux allows, this is the limit.
                    let size = size(&place.path, &[USER, name].concat())?;
                    streams.push((name.to_vec(), u64::try_from(size).unwrap_or(0)));
                }
            }
            Streams::Files => {
                let names = place.get(STREAM_NAMES.as_bytes())?.unwrap_or_default();
                let names = names.split(|byte| *byte == 0);
                for name in names.filter(|name| !name.is_empty()) {
                    let file = stream_file(&place.name, name);
                    let stat = fs::statat(place.directory, &file, AtFlags::SYMLINK_NOFOLLOW)?;
                    streams.push((name.to_vec(), u64::try_from(stat.st_size).unwrap_or(0)));
                }
            }
        }
        streams.sort();
        let streams = streams.into_iter();
        Ok(streams
            .map(|(name, size)| NtfsStream { name, size })
            .collect())
    }

    /// Opens a stream for reading.
    pub(crate) fn open_stream(
        self,
        place: &NtfsPath<'_>,
        stream: &[u8],
    ) -> io::Result<Box<dyn io::Read + Send>> {
        match self.streams {
            Streams::Attributes => match place.get(&[USER, stream].concat()) {
                Ok(Some(content)) => Ok(Box::new(io::Cursor::new(content))),
                Ok(None) => Err(io::ErrorKind::NotFound.into()),
                Err(Errno::TOOBIG | Errno::RANGE) => Err(io::Error::new(
                    io::ErrorKind::FileTooLarge,
                    "it has more than 64 KiB; mount the volume with -o streams_interface=windows",
                )),
                Err(errno) => Err(errno.into()),
            },
            Streams::Files => {
                let file = stream_file(&place.name, stream);
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let opened = fs::openat(place.directory, file, flags, Mode::empty())?;
                Ok(Box::new(std::fs::File::from(opened)))
            }
        }
    }

    /// Writes a stream; false if it is too large. ntfs-3g refuses streams to SYSTEM files, and
    /// makes a directory ARCHIVE that gets one: so attributes go, and come back.
    pub(crate) fn write_stream(
        self,
        place: &NtfsPath<'_>,
        stream: &[u8],
        size: u64,
        content: &mut dyn io::Read,
    ) -> io::Result<bool> {
        let attributes = place.attributes()?.unwrap_or_default();
        place.set_attributes(attributes & !FILE_ATTRIBUTE_SYSTEM)?;
        let written = self.write_stream_alone(place, stream, size, content)?;
        place.set_attributes(attributes)?;
        Ok(written)
    }

    fn write_stream_alone(
        self,
        place: &NtfsPath<'_>,
        stream: &[u8],
        size: u64,
        content: &mut dyn io::Read,
    ) -> io::Result<bool> {
        match self.streams {
            Streams::Attributes if size > MAX_VALUE as u64 => Ok(false),
            Streams::Attributes => {
                let mut value = Vec::new();
                content.read_to_end(&mut value)?;
                match place.set(&[USER, stream].concat(), &value) {
                    Ok(()) => Ok(true),
                    // RANGE: the name is too long.
                    Err(Errno::RANGE | Errno::TOOBIG) => Ok(false),
                    Err(errno) => Err(errno.into()),
                }
            }
            Streams::Files => {
                let file = stream_file(&place.name, stream);
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC;
                let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let opened = fs::openat(place.directory, file, flags, Mode::from_raw_mode(0o666))?;
                io::copy(content, &mut std::fs::File::from(opened))?;
                Ok(true)
            }
        }
    }
}

const USER: &[u8] = b"user.";

fn stream_file(name: &[u8], stream: &[u8]) -> Vec<u8> {
    [name, b":", stream].concat()
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Whether the kernel checks access by what the volume says of owners and modes.
fn checks_access(folder: BorrowedFd<'_>) -> bool {
    let Ok(stat) = fs::fstat(folder) else {
        return true;
    };
    let device = format!("{}:{}", fs::major(stat.st_dev), fs::minor(stat.st_dev));
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mut mounts = mounts.lines();
    // The third field, and an option of the file system in the last.
    mounts.any(|mount| {
        let options = mount.rsplit(' ').next().unwrap_or_default();
        mount.split(' ').nth(2) == Some(&device)
            && options
                .split(',')
                .any(|option| option == "default_permissions")
    })
}

/// Whether metadata is of something that stands for something else, and cannot be read itself.
pub(crate) fn stands_for_another(metadata: &NtfsMetadata) -> bool {
    let reparse = metadata.reparse.as_deref();
    reparse.is_some_and(is_stand_in)
}

/// Whether it is a directory by its attributes.
pub(crate) fn is_directory(metadata: &NtfsMetadata) -> bool {
    metadata.attributes & FILE_ATTRIBUTE_DIRECTORY != 0
}

/// `fstatat` without following a link. If it fails with `EIO`, the entry may have become a reparse
/// point a moment ago: the kernel takes a second to see that.
pub(crate) fn settled_stat<N: rustix::path::Arg + Copy>(
    directory: BorrowedFd<'_>,
    name: N,
) -> Result<Stat, Errno> {
    let stat = || fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW);
    match stat() {
        Err(Errno::IO) => {
            std::thread::sleep(Duration::from_millis(1100));
            stat()
        }
        result => result,
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod calls {
    use super::*;

    pub(super) fn get(path: &[u8], name: &[u8], value: &mut [u8]) -> Result<usize, Errno> {
        fs::lgetxattr(path, name, value)
    }

    pub(super) fn size(path: &[u8], name: &[u8]) -> Result<usize, Errno> {
        fs::lgetxattr_query(path, name)
    }

    pub(super) fn set(path: &[u8], name: &[u8], value: &[u8]) -> Result<(), Errno> {
        fs::lsetxattr(path, name, value, fs::XattrFlags::empty())
    }

    pub(super) fn remove(path: &[u8], name: &[u8]) -> Result<(), Errno> {
        fs::lremovexattr(path, name)
    }

    pub(super) fn list(path: &[u8], names: &mut [u8]) -> Result<usize, Errno> {
        fs::llistxattr(path, names)
    }

    /// Whether the file, which may be reached through links, has the attribute.
    pub(super) fn follow(path: &Path, name: &[u8]) -> Result<(), Errno> {
        let mut value = vec![0; MAX_VALUE];
        fs::getxattr(path, name, &mut value[..]).map(|_| ())
    }
}

/// Elsewhere there are no such volumes.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod calls {
    use super::*;

    pub(super) fn get(_: &[u8], _: &[u8], _: &mut [u8]) -> Result<usize, Errno> {
        Err(Errno::NOTSUP)
    }

    pub(super) fn size(_: &[u8], _: &[u8]) -> Result<usize, Errno> {
        Err(Errno::NOTSUP)
    }

    pub(super) fn set(_: &[u8], _: &[u8], _: &[u8]) -> Result<(), Errno> {
        Err(Errno::NOTSUP)
    }

    pub(super) fn remove(_: &[u8], _: &[u8]) -> Result<(), Errno> {
        Err(Errno::NOTSUP)
    }

    pub(super) fn list(_: &[u8], _: &mut [u8]) -> Result<usize, Errno> {
        Err(Errno::NOTSUP)
    }

    pub(super) fn follow(_: &Path, _: &[u8]) -> Result<(), Errno> {
        Err(Errno::NOTSUP)
    }
}

use calls::{follow, get, list, remove, set, size};

#[cfg(test)]
mod tests;
