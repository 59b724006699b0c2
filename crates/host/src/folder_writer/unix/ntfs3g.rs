//! Entries of folders on NTFS, by ntfs-3g.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::fs::{self, AtFlags, Mode};
use rustix::io::Errno;

use super::{Made, NEW_FILE, identity, is_refusal, make_node, not_made};
use crate::folder_writer::{NotKeptKind, SpecialFile};
use crate::ntfs::WSL_SPECIAL_FILES;
use crate::ntfs3g::{INTERIX_HAS, INTERIX_HAS_NOT, NtfsPath, Volume};
use crate::{NtfsEntry, NtfsPart, NtfsTimes, ReparsePoint, Xattr};

/// Device and inode.
type Identity = (u64, u64);

/// Gives an entry its metadata, with or without `times`; `failed` are parts that it lacks already.
///
/// The order counts: what is set later must not change what was set before, READONLY may forbid all
/// that follows, and the extended attributes take along what failed.
pub(super) fn set(
    volume: Volume,
    place: &NtfsPath<'_>,
    ntfs: &NtfsEntry<'_>,
    mut failed: Vec<NtfsPart>,
    form: Form,
    times: bool,
) -> Made {
    let attributes = match form {
        Form::Windows => ntfs.attributes,
        Form::Interix => ntfs.attributes & !INTERIX_HAS_NOT | INTERIX_HAS,
    };
    if let Some(descriptor) = ntfs.descriptor {
        let set = match volume.gives_away() {
            true => place.set_descriptor(descriptor),
            false => Ok(false),
        };
        match set {
            Ok(true) => {}
            Ok(false) => failed.push(NtfsPart::Descriptor),
            // EIO: it is one that ntfs-3g does not understand.
            Err(errno) if is_refusal(errno) || errno == Errno::IO => {
                failed.push(NtfsPart::Descriptor);
            }
            Err(errno) => return Err(errno.into()),
        }
    }
    let all_set = allowed(place.set_attributes_but_readonly(attributes))?;
    if !all_set || ntfs.attributes & !attributes != 0 {
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
    allowed(place.set_attributes(attributes))?;
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

/// Whose form of a file it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// That of Windows, and of WSL.
    Windows,
    /// That of Interix, by which ntfs-3g makes pipes and devices.
    Interix,
}

/// What was made for a reparse point.
#[derive(Debug)]
pub(super) enum MadePoint {
    /// The entry, and what failed of it.
    There {
        made: Identity,
        failed: Vec<NtfsPart>,
        form: Form,
    },
    /// Nothing is there.
    Absent(NotKeptKind),
}

/// Makes a reparse point where nothing is. `device` has the numbers of a device.
pub(super) fn make_reparse_point(
    parent: BorrowedFd<'_>,
    name: &[u8],
    point: &ReparsePoint<'_>,
    device: (u32, u32),
) -> io::Result<MadePoint> {
    if let Some(kind) = special_file(point.data, device) {
        return make_special(parent, name, point.data, kind);
    }
    let place = NtfsPath::new(parent, name);
    let set = |data: &[u8]| allowed(place.set_reparse(data).map(|()| true));
    let made = make_plain(parent, name, point.is_directory)?;
    let there = |failed| MadePoint::There {
        made,
        failed,
        form: Form::Windows,
    };
    if set(point.data)? {
        return Ok(there(Vec::new()));
    }
    if let Some(fallback) = point.fallback
        && set(fallback)?
    {
        return Ok(there(vec![NtfsPart::Reparse]));
    }
    let flags = match point.is_directory {
        true => AtFlags::REMOVEDIR,
        false => AtFlags::empty(),
    };
    fs::unlinkat(parent, name, flags)?;
    Ok(MadePoint::Absent(NotKeptKind::Symlink))
}

/// The volume makes either what was asked for, or Interix' form, which Linux alone knows.
fn make_special(
    parent: BorrowedFd<'_>,
    name: &[u8],
    data: &[u8],
    kind: SpecialFile,
) -> io::Result<MadePoint> {
    if !allowed(make_node(parent, name, kind).map(|()| true))? {
        return Ok(MadePoint::Absent(match kind {
            SpecialFile::Fifo => NotKeptKind::Fifo,
            _ => NotKeptKind::Device,
        }));
    }
    let place = NtfsPath::new(parent, name);
    let made = identity(&place.stat()?);
    Ok(match place.reparse()?.as_deref() == Some(data) {
        true => MadePoint::There {
            made,
            failed: Vec::new(),
            form: Form::Windows,
        },
        false => MadePoint::There {
            made,
            failed: vec![NtfsPart::Reparse],
            form: Form::Interix,
        },
    })
}

fn make_plain(parent: BorrowedFd<'_>, name: &[u8], directory: bool) -> io::Result<Identity> {
    let mode = Mode::from_raw_mode(0o666);
    let made = match directory {
        true => fs::mkdirat(parent, name, mode | Mode::from_raw_mode(0o111)),
        false => fs::openat(parent, name, NEW_FILE, mode).map(drop),
    };
    made.map_err(|errno| not_made(true, errno))?;
    let stat = fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(identity(&stat))
}

/// Which of WSL's special files it is. Sockets, which no image holds, are not among them.
fn special_file(reparse: &[u8], (major, minor): (u32, u32)) -> Option<SpecialFile> {
    let tag = u32::from_le_bytes(*reparse.first_chunk()?);
    // A socket, a pipe, a character device, a block device.
    match tag.checked_sub(*WSL_SPECIAL_FILES.start())? {
        1 => Some(SpecialFile::Fifo),
        2 => Some(SpecialFile::CharDevice(major, minor)),
        3 => Some(SpecialFile::BlockDevice(major, minor)),
        _ => None,
    }
}

/// The numbers of a device by its extended attributes, as WSL has them; zeros if it is none.
pub(super) fn device(extended: &[Xattr]) -> (u32, u32) {
    let numbers = extended.iter().find(|(name, _)| name == b"$LXDEV");
    let numbers = numbers.and_then(|(_, value)| {
        let (major, rest) = value.split_first_chunk()?;
        Some((
            u32::from_le_bytes(*major),
            u32::from_le_bytes(*rest.first_chunk()?),
        ))
    });
    numbers.unwrap_or_default()
}
