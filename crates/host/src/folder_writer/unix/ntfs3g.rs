//! Entries of folders on NTFS, by ntfs-3g.

use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;

use rustix::fs::{self, AtFlags, Mode};
use rustix::io::Errno;

use super::{Made, NEW_FILE, identity, is_refusal, make_node};
use crate::folder_writer::{NotKeptKind, SpecialFile};
use crate::ntfs::WSL_SPECIAL_FILES;
use crate::ntfs3g::NtfsPath;
use crate::{NtfsEntry, NtfsPart, NtfsTimes, ReparsePoint};

/// Device and inode.
type Identity = (u64, u64);

/// Gives an entry its metadata, with or without `times`; `failed` are parts that it lacks already.
///
/// The order counts: what is set later must not change what was set before, READONLY may forbid all
/// that follows, and the extended attributes take along what failed.
pub(super) fn set(
    place: &NtfsPath<'_>,
    ntfs: &NtfsEntry<'_>,
    mut failed: Vec<NtfsPart>,
    times: bool,
) -> Made {
    if let Some(descriptor) = ntfs.descriptor {
        match place.set_descriptor(descriptor) {
            Ok(true) => {}
            Ok(false) => failed.push(NtfsPart::Descriptor),
            // EIO: it is one that ntfs-3g does not understand.
            Err(errno) if is_refusal(errno) || errno == Errno::IO => {
                failed.push(NtfsPart::Descriptor);
            }
            Err(errno) => return Err(errno.into()),
        }
    }
    if !allowed(place.set_attributes_but_readonly(ntfs.attributes))? {
        failed.push(NtfsPart::Attributes);
    }
    failed.sort();
    let mut lost = Vec::new();
    if !allowed(place.set_extended(&(ntfs.extended)(&failed)))? {
        if failed.contains(&NtfsPart::Descriptor) {
            lost.push(NotKeptKind::Descriptor);
        }
        lost.push(NotKeptKind::Extended);
    }
    if times {
        lost.extend(set_times(place, ntfs.times)?);
    }
    allowed(place.set_attributes(ntfs.attributes))?;
    Ok(lost)
}

/// Gives an entry its times.
pub(super) fn set_times(place: &NtfsPath<'_>, times: NtfsTimes) -> Made {
    match allowed(place.set_times(times).map(|()| true))? {
        true => Ok(Vec::new()),
        false => Ok(vec![NotKeptKind::Time]),
    }
}

/// Whether it was done; a refusal means no.
fn allowed(done: Result<bool, Errno>) -> io::Result<bool> {
    match done {
        Ok(done) => Ok(done),
        Err(errno) if is_refusal(errno) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// Makes a reparse point where nothing is; what failed of it, or nothing if there is none now.
pub(super) fn make_reparse_point(
    parent: BorrowedFd<'_>,
    name: &[u8],
    point: &ReparsePoint<'_>,
) -> io::Result<Option<(Identity, Vec<NtfsPart>)>> {
    let place = NtfsPath::new(parent, name);
    let set = |data: &[u8]| allowed(place.set_reparse(data).map(|()| true));
    let made = make_plain(parent, name, point.is_directory)?;
    if set(point.data)? {
        return Ok(Some((made, Vec::new())));
    }
    let failed = vec![NtfsPart::Reparse];
    if let Some(fallback) = point.fallback
        && set(fallback)?
    {
        return Ok(Some((made, failed)));
    }
    remove_plain(parent, name, point.is_directory)?;
    let Some(kind) = special_file(point.data) else {
        return Ok(None);
    };
    // The volume makes either what was asked for, or something of its own.
    if allowed(make_node(parent, name, kind).map(|()| true))? {
        if place.reparse()?.as_deref() == Some(point.data) {
            return Ok(Some((identity(&place.stat()?), Vec::new())));
        }
        remove_plain(parent, name, false)?;
    }
    // The extended attributes say what it is.
    let made = make_plain(parent, name, false)?;
    Ok(Some((made, failed)))
}

fn make_plain(parent: BorrowedFd<'_>, name: &[u8], directory: bool) -> io::Result<Identity> {
    if directory {
        fs::mkdirat(parent, name, Mode::from_raw_mode(0o777))?;
        return Ok(identity(&fs::statat(
            parent,
            name,
            AtFlags::SYMLINK_NOFOLLOW,
        )?));
    }
    let file = File::from(fs::openat(
        parent,
        name,
        NEW_FILE,
        Mode::from_raw_mode(0o666),
    )?);
    Ok(identity(&fs::fstat(&file)?))
}

fn remove_plain(parent: BorrowedFd<'_>, name: &[u8], directory: bool) -> io::Result<()> {
    let flags = match directory {
        true => AtFlags::REMOVEDIR,
        false => AtFlags::empty(),
    };
    Ok(fs::unlinkat(parent, name, flags)?)
}

/// Which of WSL's special files it is. A device gets its number by its extended attributes.
fn special_file(reparse: &[u8]) -> Option<SpecialFile> {
    let tag = u32::from_le_bytes(*reparse.first_chunk()?);
    // A socket, a pipe, a character device, a block device.
    match tag.checked_sub(*WSL_SPECIAL_FILES.start())? {
        1 => Some(SpecialFile::Fifo),
        2 => Some(SpecialFile::CharDevice(0, 0)),
        3 => Some(SpecialFile::BlockDevice(0, 0)),
        _ => None,
    }
}
