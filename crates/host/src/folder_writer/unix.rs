//! Folders on Unix: every path is resolved by the kernel without following links.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{self, AtFlags, Dir, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid};
use rustix::io::Errno;

use super::{FileMetadata, NotKeptKind, SET_ID, SpecialFile, other_kind};
use crate::context::unix::{DIRECTORY, Root as Beneath, split};
use crate::ntfs3g::{NtfsPath, Volume, settled_stat};
use crate::{HostNames, NtfsTimes, ReparsePoint, Xattr};

mod ntfs3g;

use ntfs3g::{Form, MadePoint};

/// The open folder.
#[derive(Debug)]
pub(super) struct Root {
    folder: Beneath,
    /// The directory that was written to last: entries come one after the other.
    last: Option<(Vec<u8>, OwnedFd)>,
    kept: Kept,
}

/// What entries must not replace.
#[derive(Debug, Default)]
struct Kept {
    /// Device and inode of everything that was made. Where letter case or forms of Unicode do not
    /// count, another path may lead there.
    made: HashSet<(u64, u64)>,
    /// Directories stay directories, and all else stays what it is.
    kinds: bool,
}

/// What was not kept, or why nothing was made.
type Made = io::Result<Vec<NotKeptKind>>;

/// What directories and files have until they are finished: nobody else looks in.
const OWN_DIRECTORY: Mode = Mode::RWXU;
const OWN_FILE: Mode = Mode::RUSR.union(Mode::WUSR);

/// How new files are opened.
const NEW_FILE: OFlags = OFlags::WRONLY
    .union(OFlags::CREATE)
    .union(OFlags::EXCL)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// The same; but on NTFS the mode is what the descriptor is made of, so files have there what
/// others have.
fn until_finished(volume: Option<Volume>, own: Mode) -> Mode {
    match volume {
        Some(_) => own | Mode::from_raw_mode(own.bits() >> 3 | own.bits() >> 6),
        None => own,
    }
}

impl Root {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            folder: Beneath::open(path)?,
            last: None,
            kept: Kept::default(),
        })
    }

    pub(super) fn names(path: &Path) -> HostNames {
        match Volume::holds(path) {
            true => HostNames::Windows,
            false => HostNames::Posix,
        }
    }

    pub(super) fn reparse_point(
        &mut self,
        path: &[u8],
        point: &ReparsePoint<'_>,
        metadata: &FileMetadata<'_>,
    ) -> Made {
        let (Some(volume), Some(ntfs)) = (self.folder.volume(), &metadata.ntfs) else {
            return Ok(vec![NotKeptKind::Symlink]);
        };
        let (parent, name, kept) = self.parent(path)?;
        make_room(parent, name, kept, false)?;
        let device = ntfs3g::device(&(ntfs.extended)(&[]));
        match ntfs3g::make_reparse_point(parent, name, point, device)? {
            MadePoint::Absent(lost) => Ok(vec![lost]),
            MadePoint::There { made, failed, form } => {
                kept.made.insert(made);
                ntfs3g::set(
                    volume,
                    &NtfsPath::new(parent, name),
                    ntfs,
                    failed,
                    form,
                    true,
                )
            }
        }
    }

    pub(super) fn stream(
        &mut self,
        path: &[u8],
        name: &[u8],
        size: u64,
        content: &mut dyn io::Read,
    ) -> Made {
        let lost = || Ok(vec![NotKeptKind::Stream(name.to_vec())]);
        let Some(volume) = self.folder.volume() else {
            return lost();
        };
        let (parent, file, _) = self.parent(path)?;
        let place = NtfsPath::new(parent, file);
        match volume.write_stream(&place, name, size, content) {
            Ok(true) => Ok(Vec::new()),
            Ok(false) => lost(),
            Err(error) if Errno::from_io_error(&error).is_some_and(is_refusal) => lost(),
            Err(error) => Err(error),
        }
    }

    pub(super) fn refuse_other_kinds(&mut self) {
        self.kept.kinds = true;
    }

    /// Any bytes are a name here.
    pub(super) fn check_names(_path: &[u8]) -> Result<(), String> {
        Ok(())
    }

    pub(super) fn directory(&mut self, path: &[u8], metadata: &FileMetadata<'_>) -> Made {
        let volume = self.folder.volume();
        let (parent, name, kept) = self.parent(path)?;
        let exists = make_room(parent, name, kept, true)?;
        if !exists {
            let made = fs::mkdirat(parent, name, until_finished(volume, OWN_DIRECTORY));
            made.map_err(|errno| not_made(volume.is_some(), errno))?;
        }
        let flags = DIRECTORY | OFlags::NOFOLLOW;
        let opened = match fs::openat(parent, name, flags, Mode::empty()) {
            Err(Errno::ACCESS) if exists => {
                // Ours, but closed even to us.
                fs::chmodat(parent, name, OWN_DIRECTORY, AtFlags::empty())?;
                fs::openat(parent, name, flags, Mode::empty())?
            }
            opened => opened?,
        };
        let stat = fs::fstat(&opened)?;
        kept.made.insert(identity(&stat));
        if let (Some(volume), Some(ntfs)) = (volume, &metadata.ntfs) {
            return ntfs3g::set(
                volume,
                &NtfsPath::new(parent, name),
                ntfs,
                Vec::new(),
                Form::Windows,
                false,
            );
        }
        let mode = Mode::from_raw_mode(stat.st_mode);
        if exists && !mode.contains(OWN_DIRECTORY) {
            // If that is refused, making something in it may still be allowed.
            let _ = fs::fchmod(&opened, mode | OWN_DIRECTORY);
        }
        let mut lost = own(opened.as_fd(), metadata)?;
        set_xattrs(opened.as_fd(), metadata.xattrs, &mut lost)?;
        Ok(lost)
    }

    pub(super) fn finish_directory(
        &mut self,
        path: &[u8],
        mode: u32,
        mtime: (i64, u32),
        ntfs: Option<NtfsTimes>,
    ) -> Made {
        if let (Some(_), Some(times)) = (self.folder.volume(), ntfs) {
            let (parent, name) = self.folder.open_parent(path)?;
            return ntfs3g::set_times(&NtfsPath::new(parent.as_fd(), name), times);
        }
        let opened = self
            .folder
            .open_beneath(path, DIRECTORY | OFlags::NOFOLLOW)?;
        let mut lost = Vec::new();
        set_mode(opened.as_fd(), mode, &mut lost)?;
        set_time(opened.as_fd(), mtime, &mut lost)?;
        Ok(lost)
    }

    pub(super) fn file(&mut self, path: &[u8]) -> io::Result<File> {
        let volume = self.folder.volume();
        let mode = until_finished(volume, OWN_FILE);
        let (parent, name, kept) = self.parent(path)?;
        make_room(parent, name, kept, false)?;
        let opened = fs::openat(parent, name, NEW_FILE, mode);
        let opened = opened.map_err(|errno| not_made(volume.is_some(), errno))?;
        kept.made.insert(identity(&fs::fstat(&opened)?));
        Ok(File::from(opened))
    }

    pub(super) fn finish_file(
        &mut self,
        path: &[u8],
        file: File,
        metadata: &FileMetadata<'_>,
    ) -> Made {
        if let (Some(volume), Some(ntfs)) = (self.folder.volume(), &metadata.ntfs) {
            // Closed before it has its times.
            drop(file);
            let (parent, name, _) = self.parent(path)?;
            return ntfs3g::set(
                volume,
                &NtfsPath::new(parent, name),
                ntfs,
                Vec::new(),
                Form::Windows,
                true,
            );
        }
        // A new owner takes the setuid bit and capabilities away, and a mode may forbid attributes:
        // the order counts.
        let mut lost = own(file.as_fd(), metadata)?;
        set_xattrs(file.as_fd(), metadata.xattrs, &mut lost)?;
        set_mode(file.as_fd(), kept_mode(metadata.mode, &lost), &mut lost)?;
        set_time(file.as_fd(), metadata.mtime, &mut lost)?;
        Ok(lost)
    }

    pub(super) fn symlink(
        &mut self,
        path: &[u8],
        target: &[u8],
        _to_directory: bool,
        metadata: &FileMetadata<'_>,
    ) -> Made {
        let (parent, name, kept) = self.parent(path)?;
        make_room(parent, name, kept, false)?;
        fs::symlinkat(target, parent, name)?;
        remember(parent, name, kept)?;
        let mut lost = own_at(parent, name, metadata)?;
        // A link has no setuid bit to lose.
        lost.retain(|what| *what != NotKeptKind::SetId);
        lost.extend(names_of(metadata.xattrs));
        set_time_at(parent, name, metadata.mtime, &mut lost)?;
        Ok(lost)
    }

    pub(super) fn hard_link(&mut self, path: &[u8], target: &[u8]) -> Made {
        let volume = self.folder.volume();
        let (target_parent, target_name) = self.folder.open_parent(target)?;
        let (parent, name, kept) = self.parent(path)?;
        make_room(parent, name, kept, false)?;
        if volume.is_some() {
            // Before the kernel sees that it became a reparse point, a link is made, and `EIO` the
            // answer.
            settled_stat(target_parent.as_fd(), target_name)?;
        }
        match fs::linkat(&target_parent, target_name, parent, name, AtFlags::empty()) {
            Ok(()) => Ok(Vec::new()),
            // A file system without links, or with too many already.
            Err(Errno::PERM | Errno::NOTSUP | Errno::MLINK) => {
                copy(target_parent.as_fd(), target_name, parent, name)?;
                remember(parent, name, kept)?;
                Ok(vec![NotKeptKind::HardLink])
            }
            Err(errno) => Err(errno.into()),
        }
    }

    pub(super) fn special(
        &mut self,
        path: &[u8],
        kind: SpecialFile,
        metadata: &FileMetadata<'_>,
    ) -> Made {
        let (parent, name, kept) = self.parent(path)?;
        make_room(parent, name, kept, false)?;
        let refused = match kind {
            SpecialFile::Fifo => NotKeptKind::Fifo,
            _ => NotKeptKind::Device,
        };
        match make_node(parent, name, kind) {
            Ok(()) => {}
            Err(Errno::PERM | Errno::NOTSUP | Errno::NOSYS) => return Ok(vec![refused]),
            Err(errno) => return Err(errno.into()),
        }
        remember(parent, name, kept)?;
        let mut lost = own_at(parent, name, metadata)?;
        lost.extend(names_of(metadata.xattrs));
        // It was made a moment ago in a directory that is held: no link stands there.
        let mode = Mode::from_raw_mode(raw_mode(kept_mode(metadata.mode, &lost)));
        match fs::chmodat(parent, name, mode, AtFlags::empty()) {
            Ok(()) => {}
            Err(errno) if is_refusal(errno) => lost.push(NotKeptKind::Mode),
            Err(errno) => return Err(errno.into()),
        }
        set_time_at(parent, name, metadata.mtime, &mut lost)?;
        Ok(lost)
    }

    /// The open directory that holds `path`, the last component, and what was made.
    fn parent<'p>(&mut self, path: &'p [u8]) -> io::Result<Place<'_, 'p>> {
        let (directory, name) = split(path);
        let known = self.last.take().filter(|(last, _)| last == directory);
        let known = match known {
            Some(known) => known,
            None => {
                let flags = DIRECTORY | OFlags::NOFOLLOW;
                let opened = self.folder.open_beneath(directory, flags)?;
                (directory.to_vec(), opened)
            }
        };
        let opened: &OwnedFd = &self.last.insert(known).1;
        Ok((opened.as_fd(), name, &mut self.kept))
    }
}

/// Why a new entry could not be made. A volume that does not take its name says no more than
/// `EINVAL`.
fn not_made(on_ntfs: bool, errno: Errno) -> io::Error {
    match (on_ntfs, errno) {
        (true, Errno::INVAL) => io::Error::new(
            io::ErrorKind::InvalidFilename,
            "the volume does not take this name; mount it without -o windows_names",
        ),
        (_, errno) => errno.into(),
    }
}

/// Where an entry goes: the open directory, its name, and what it must not replace.
type Place<'r, 'p> = (BorrowedFd<'r>, &'p [u8], &'r mut Kept);

impl Beneath {
    fn open_parent<'p>(&self, path: &'p [u8]) -> io::Result<(OwnedFd, &'p [u8])> {
        let (directory, name) = split(path);
        let opened = self.open_beneath(directory, DIRECTORY | OFlags::NOFOLLOW)?;
        Ok((opened, name))
    }
}

/// Device and inode.
// The fields' types differ between systems.
#[allow(clippy::unnecessary_cast)]
fn identity(stat: &fs::Stat) -> (u64, u64) {
    (stat.st_dev as u64, stat.st_ino as u64)
}

/// Takes down that the entry was made.
fn remember(parent: BorrowedFd<'_>, name: &[u8], kept: &mut Kept) -> io::Result<()> {
    let stat = fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
    kept.made.insert(identity(&stat));
    Ok(())
}

/// Removes what has the name, unless it is a directory and that is wanted: then true. What was
/// made before is another entry, which must not be lost.
fn make_room(
    parent: BorrowedFd<'_>,
    name: &[u8],
    kept: &Kept,
    directory: bool,
) -> io::Result<bool> {
    let stat = match settled_stat(parent, name) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return Ok(false),
        Err(errno) => return Err(errno.into()),
    };
    if kept.made.contains(&identity(&stat)) {
        let text = "another entry has this name already, as the file system does not tell them \
                    apart; write a tar, or to another file system";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
    }
    let is_directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
    if kept.kinds && is_directory != directory {
        return Err(other_kind(is_directory));
    }
    if !is_directory {
        fs::unlinkat(parent, name, AtFlags::empty())?;
    } else if directory {
        return Ok(true);
    } else {
        remove_tree(parent, name)?;
    }
    Ok(false)
}

/// Removes a directory with all that is in it. Directories are opened one at a time by their path,
/// so that the depth of a tree costs no open files.
fn remove_tree(parent: BorrowedFd<'_>, name: &[u8]) -> io::Result<()> {
    let flags = DIRECTORY | OFlags::NOFOLLOW;
    let root = Beneath::of(fs::openat(parent, name, flags, Mode::empty())?);
    let mut found = vec![Vec::new()];
    let mut visited = 0;
    while visited < found.len() {
        let path: Vec<u8> = found[visited].clone();
        visited += 1;
        let directory = root.open_beneath(&path, flags)?;
        let mut names = Vec::new();
        for entry in Dir::read_from(&directory)? {
            let entry = entry?;
            let name = entry.file_name();
            if name != c"." && name != c".." {
                names.push(name.to_owned());
            }
        }
        for name in names {
            let stat = settled_stat(directory.as_fd(), &*name)?;
            if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
                fs::unlinkat(&directory, &name, AtFlags::empty())?;
                continue;
            }
            let slash: &[u8] = if path.is_empty() { b"" } else { b"/" };
            found.push([&path[..], slash, name.to_bytes()].concat());
        }
    }
    for path in found.iter().skip(1).rev() {
        let (directory, name) = root.open_parent(path)?;
        fs::unlinkat(&directory, name, AtFlags::REMOVEDIR)?;
    }
    Ok(fs::unlinkat(parent, name, AtFlags::REMOVEDIR)?)
}

/// Whether it is the user's rights, or the file system, that do not allow it.
fn is_refusal(errno: Errno) -> bool {
    // EINVAL: ids that the user namespace does not have.
    matches!(
        errno,
        Errno::PERM | Errno::ACCESS | Errno::NOTSUP | Errno::INVAL | Errno::NOSYS
    )
}

/// Gives an open file its owner; what was not kept.
fn own(file: BorrowedFd<'_>, metadata: &FileMetadata<'_>) -> Made {
    let stat = fs::fstat(file)?;
    change_owner(metadata, (stat.st_uid, stat.st_gid), &mut |uid, gid| {
        fs::fchown(file, uid, gid)
    })
}

/// The same for what cannot be opened.
fn own_at(parent: BorrowedFd<'_>, name: &[u8], metadata: &FileMetadata<'_>) -> Made {
    let stat = fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
    change_owner(metadata, (stat.st_uid, stat.st_gid), &mut |uid, gid| {
        fs::chownat(parent, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)
    })
}

fn change_owner(
    metadata: &FileMetadata<'_>,
    present: (u32, u32),
    change: &mut dyn FnMut(Option<Uid>, Option<Gid>) -> Result<(), Errno>,
) -> Made {
    let Some(owner) = metadata.owner.filter(|owner| *owner != present) else {
        return Ok(Vec::new());
    };
    // The highest id means "no change".
    let (uid, gid) = (owner.0, owner.1);
    let result = match uid == u32::MAX || gid == u32::MAX {
        true => Err(Errno::INVAL),
        false => change(Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))),
    };
    match result {
        Ok(()) => Ok(Vec::new()),
        Err(errno) if is_refusal(errno) && metadata.mode & SET_ID != 0 => {
            Ok(vec![NotKeptKind::Owner, NotKeptKind::SetId])
        }
        Err(errno) if is_refusal(errno) => Ok(vec![NotKeptKind::Owner]),
        Err(errno) => Err(errno.into()),
    }
}

/// The mode without what must not be given to another owner.
fn kept_mode(mode: u32, lost: &[NotKeptKind]) -> u32 {
    match lost.contains(&NotKeptKind::SetId) {
        true => mode & !SET_ID,
        false => mode,
    }
}

// The type differs between systems.
#[allow(clippy::unnecessary_cast)]
fn raw_mode(mode: u32) -> fs::RawMode {
    (mode & 0o7777) as fs::RawMode
}

fn set_mode(file: BorrowedFd<'_>, mode: u32, lost: &mut Vec<NotKeptKind>) -> io::Result<()> {
    match fs::fchmod(file, Mode::from_raw_mode(raw_mode(mode))) {
        Ok(()) => Ok(()),
        Err(errno) if is_refusal(errno) => {
            lost.push(NotKeptKind::Mode);
            Ok(())
        }
        Err(errno) => Err(errno.into()),
    }
}

fn times(mtime: (i64, u32)) -> Timestamps {
    let time = Timespec {
        tv_sec: mtime.0,
        tv_nsec: mtime.1.into(),
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}

fn set_time(
    file: BorrowedFd<'_>,
    mtime: (i64, u32),
    lost: &mut Vec<NotKeptKind>,
) -> io::Result<()> {
    timed(fs::futimens(file, &times(mtime)), lost)
}

fn set_time_at(
    parent: BorrowedFd<'_>,
    name: &[u8],
    mtime: (i64, u32),
    lost: &mut Vec<NotKeptKind>,
) -> io::Result<()> {
    let set = fs::utimensat(parent, name, &times(mtime), AtFlags::SYMLINK_NOFOLLOW);
    timed(set, lost)
}

fn timed(set: Result<(), Errno>, lost: &mut Vec<NotKeptKind>) -> io::Result<()> {
    match set {
        Ok(()) => Ok(()),
        Err(errno) if is_refusal(errno) || errno == Errno::RANGE => {
            lost.push(NotKeptKind::Time);
            Ok(())
        }
        Err(errno) => Err(errno.into()),
    }
}

/// The attributes of what cannot have any.
fn names_of(xattrs: &[Xattr]) -> impl Iterator<Item = NotKeptKind> {
    let names = xattrs.iter().map(|(name, _)| name.clone());
    names.map(NotKeptKind::Xattr)
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn set_xattrs(
    file: BorrowedFd<'_>,
    xattrs: &[Xattr],
    lost: &mut Vec<NotKeptKind>,
) -> io::Result<()> {
    for (name, value) in xattrs {
        let known = name.starts_with(b"user.") || name == b"security.capability";
        let set = match known && !name.contains(&0) {
            true => fs::fsetxattr(file, &name[..], value, fs::XattrFlags::empty()),
            false => Err(Errno::NOTSUP),
        };
        match set {
            Ok(()) => {}
            // Some file systems have room for little, others for none.
            Err(errno)
                if is_refusal(errno)
                    || matches!(errno, Errno::RANGE | Errno::TOOBIG | Errno::NOSPC) =>
            {
                lost.push(NotKeptKind::Xattr(name.clone()));
            }
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn set_xattrs(
    _file: BorrowedFd<'_>,
    xattrs: &[Xattr],
    lost: &mut Vec<NotKeptKind>,
) -> io::Result<()> {
    lost.extend(names_of(xattrs));
    Ok(())
}

#[cfg(not(target_vendor = "apple"))]
fn make_node(parent: BorrowedFd<'_>, name: &[u8], kind: SpecialFile) -> Result<(), Errno> {
    let (file_type, device) = match kind {
        SpecialFile::Fifo => (FileType::Fifo, 0),
        SpecialFile::CharDevice(major, minor) => {
            (FileType::CharacterDevice, fs::makedev(major, minor))
        }
        SpecialFile::BlockDevice(major, minor) => {
            (FileType::BlockDevice, fs::makedev(major, minor))
        }
    };
    fs::mknodat(parent, name, file_type, OWN_FILE, device)
}

/// macOS has no such call for a name in an open directory.
#[cfg(target_vendor = "apple")]
fn make_node(_: BorrowedFd<'_>, _: &[u8], _: SpecialFile) -> Result<(), Errno> {
    Err(Errno::NOTSUP)
}

/// Copies a file that was written before, with mode and time.
fn copy(
    from_parent: BorrowedFd<'_>,
    from_name: &[u8],
    parent: BorrowedFd<'_>,
    name: &[u8],
) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut from = File::from(fs::openat(from_parent, from_name, flags, Mode::empty())?);
    let mut to = File::from(fs::openat(parent, name, NEW_FILE, OWN_FILE)?);
    io::copy(&mut from, &mut to)?;
    let stat = fs::fstat(&from)?;
    fs::fchmod(&to, Mode::from_raw_mode(stat.st_mode))?;
    // The fields' types differ between systems.
    #[allow(clippy::unnecessary_cast)]
    let mtime = (stat.st_mtime as i64, stat.st_mtime_nsec as u32);
    fs::futimens(&to, &times(mtime))?;
    Ok(())
}
