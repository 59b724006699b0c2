//! Folders on Windows: every path is opened relative to the folder, without following links.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use windows_sys::Wdk::Storage::FileSystem as nt;
use windows_sys::Win32::Foundation as codes;
use windows_sys::Win32::Storage::FileSystem as fs;

use super::{FileMetadata, NotKeptKind, SpecialFile, other_kind};
use crate::ntfs::extended;
use crate::patience::{patiently, while_in_use};
use crate::windows::beneath::{self, Beneath, ITSELF, is_link, named, to_wide};
use crate::windows::buffers;
use crate::windows::calls::{self, Opening, is_denial, is_missing_feature};
use crate::{HostNames, NtfsEntry, NtfsPart, NtfsTimes, ReparsePoint, Xattr, bytes_to_os};

/// The open folder.
#[derive(Debug)]
pub(super) struct Root {
    folder: Beneath,
    /// Where it is, in the form that has no limit of length.
    path: PathBuf,
    /// Whether files can have alternate streams.
    has_streams: bool,
    kept: Kept,
    /// What directories are given when all is in them.
    pending: HashMap<Vec<u8>, Pending>,
}

/// What entries must not replace.
#[derive(Debug, Default)]
struct Kept {
    /// Volume and number of everything that was made. Letter case does not count here, so another path
    /// may lead there.
    made: HashSet<(u64, u64)>,
    /// Directories stay directories, and all else stays what it is.
    kinds: bool,
}

impl Kept {
    fn remember(&mut self, file: &File) -> io::Result<()> {
        self.made.insert(calls::identity(file)?);
        Ok(())
    }

    /// Whether the file was made here. One without a number is not known again.
    fn has(&self, file: &File) -> io::Result<bool> {
        let (volume, number) = calls::identity(file)?;
        Ok(number != 0 && self.made.contains(&(volume, number)))
    }
}

/// What a directory is given when all is in it, as it may forbid that.
#[derive(Debug)]
struct Pending {
    attributes: u32,
    descriptor: Option<PendingDescriptor>,
}

/// A descriptor, and the extended attributes that go with it when it was set and when it was not.
#[derive(Debug)]
struct PendingDescriptor {
    descriptor: Vec<u8>,
    with: Vec<Xattr>,
    without: Vec<Xattr>,
}

/// What was not kept, or why nothing was made.
type Made = io::Result<Vec<NotKeptKind>>;

/// Units of UTF-16 that a name may have.
const MAX_UNITS: usize = 255;

/// Rights to set all of a file's metadata but its descriptor.
const METADATA_RIGHTS: u32 =
    fs::FILE_READ_ATTRIBUTES | fs::FILE_WRITE_ATTRIBUTES | fs::FILE_READ_EA | fs::FILE_WRITE_EA;

/// Attributes that can be set.
const SETTABLE: u32 = fs::FILE_ATTRIBUTE_READONLY
    | fs::FILE_ATTRIBUTE_HIDDEN
    | fs::FILE_ATTRIBUTE_SYSTEM
    | fs::FILE_ATTRIBUTE_ARCHIVE
    | fs::FILE_ATTRIBUTE_TEMPORARY
    | fs::FILE_ATTRIBUTE_NOT_CONTENT_INDEXED;

impl Root {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let folder = Beneath::open(path)?;
        Ok(Self {
            path: beneath::verbatim(path)?,
            has_streams: calls::has_streams(folder.root()),
            folder,
            kept: Kept::default(),
            pending: HashMap::new(),
        })
    }

    pub(super) fn names(_path: &Path) -> HostNames {
        HostNames::Windows
    }

    pub(super) fn refuse_other_kinds(&mut self) {
        self.kept.kinds = true;
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
        let (parent, name) = self.folder.parent(path)?;
        let exists = make_room(&parent, &name, &self.kept, true)?;
        let opening = Opening {
            access: METADATA_RIGHTS,
            creates: !exists,
            options: nt::FILE_DIRECTORY_FILE | ITSELF,
        };
        let opened = match while_in_use(&named(&name), || calls::open_at(&parent, &name, opening)) {
            // Somebody else's, in which files may be made nevertheless.
            Err(error) if exists && is_denial(&error) => {
                let found = self.reopen(path, fs::FILE_READ_ATTRIBUTES)?;
                self.kept.remember(&found)?;
                return Ok(match metadata.ntfs {
                    Some(_) => vec![NotKeptKind::Extended],
                    None => plain_losses(metadata),
                });
            }
            opened => opened?,
        };
        self.kept.remember(&opened)?;
        let Some(ntfs) = &metadata.ntfs else {
            return Ok(plain_losses(metadata));
        };
        if exists {
            clear_extended(&opened)?;
        }
        let mut failed = Vec::new();
        set_attributes(&opened, ntfs.attributes, &mut failed)?;
        let mut lost = Vec::new();
        let with = (ntfs.extended)(&failed);
        let descriptor = match ntfs.descriptor {
            None => {
                set_extended(&opened, &with, &mut lost)?;
                None
            }
            Some(descriptor) => {
                failed.push(NtfsPart::Descriptor);
                Some(PendingDescriptor {
                    descriptor: descriptor.to_vec(),
                    with,
                    without: (ntfs.extended)(&failed),
                })
            }
        };
        let attributes = settable(ntfs.attributes);
        let pending = Pending {
            attributes,
            descriptor,
        };
        self.pending.insert(path.to_vec(), pending);
        Ok(lost)
    }

    pub(super) fn finish_directory(
        &mut self,
        path: &[u8],
        _mode: u32,
        mtime: (i64, u32),
        ntfs: Option<NtfsTimes>,
    ) -> Made {
        let mut lost = Vec::new();
        let opened = match self.reopen(path, METADATA_RIGHTS) {
            Err(error) if is_denial(&error) => return Ok(vec![NotKeptKind::Time]),
            opened => opened?,
        };
        let pending = self.pending.remove(path);
        let attributes = pending.as_ref().map_or(0, |pending| pending.attributes);
        if let Some(pending) = pending.and_then(|pending| pending.descriptor) {
            let is_set = self.set_descriptor(path, &pending.descriptor)?;
            let extended = if is_set {
                pending.with
            } else {
                pending.without
            };
            set_extended(&opened, &extended, &mut lost)?;
        }
        let times = ntfs.unwrap_or_else(|| both_times(mtime));
        set_basic(&opened, attributes, times)?;
        Ok(lost)
    }

    pub(super) fn file(&mut self, path: &[u8]) -> io::Result<File> {
        let opening = Opening {
            access: fs::FILE_GENERIC_READ | fs::FILE_GENERIC_WRITE,
            creates: true,
            options: nt::FILE_NON_DIRECTORY_FILE,
        };
        let file = self.create(path, opening)?;
        self.kept.remember(&file)?;
        Ok(file)
    }

    pub(super) fn finish_file(
        &mut self,
        path: &[u8],
        file: File,
        metadata: &FileMetadata<'_>,
    ) -> Made {
        let Some(ntfs) = &metadata.ntfs else {
            let read_only = match metadata.mode & 0o222 {
                0 => fs::FILE_ATTRIBUTE_READONLY | fs::FILE_ATTRIBUTE_ARCHIVE,
                _ => 0,
            };
            set_basic(&file, read_only, both_times(metadata.mtime))?;
            return Ok(plain_losses(metadata));
        };
        self.set_all(path, &file, ntfs, Vec::new())
    }

    /// Gives an entry all that NTFS holds of it. `failed` is what could not be set already.
    fn set_all(
        &self,
        path: &[u8],
        file: &File,
        ntfs: &NtfsEntry<'_>,
        mut failed: Vec<NtfsPart>,
    ) -> Made {
        let mut lost = Vec::new();
        if let Some(descriptor) = ntfs.descriptor
            && !self.set_descriptor(path, descriptor)?
        {
            failed.push(NtfsPart::Descriptor);
        }
        set_attributes(file, ntfs.attributes, &mut failed)?;
        failed.sort_unstable();
        set_extended(file, &(ntfs.extended)(&failed), &mut lost)?;
        // Last, as everything before changes the times.
        set_basic(file, settable(ntfs.attributes), ntfs.times)?;
        Ok(lost)
    }

    /// Sets a descriptor, all of it or nothing; whether it is there now, byte by byte.
    fn set_descriptor(&self, path: &[u8], descriptor: &[u8]) -> io::Result<bool> {
        let rights = fs::READ_CONTROL | fs::WRITE_DAC | fs::WRITE_OWNER;
        let is_refusal = |error: &io::Error| is_denial(error) || is_missing_feature(error);
        let opened = match self.reopen(path, rights) {
            Ok(opened) => opened,
            Err(error) if is_refusal(&error) => return Ok(false),
            Err(error) => return Err(error),
        };
        let requested = buffers::requesting_inheritance(descriptor);
        match calls::set_descriptor(&opened, &requested) {
            Ok(()) => {}
            // Bytes that are no descriptor are refused too.
            Err(error) if is_refusal(&error) || error.kind() == io::ErrorKind::InvalidInput => {
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
        Ok(calls::descriptor(&opened).is_ok_and(|found| found == descriptor))
    }

    pub(super) fn symlink(
        &mut self,
        path: &[u8],
        target: &[u8],
        to_directory: bool,
        metadata: &FileMetadata<'_>,
    ) -> Made {
        self.make_room_for(path)?;
        let target = bytes_to_os(target).map_err(io::Error::other);
        let made = target.and_then(|target| self.make_link(path, Path::new(&target), to_directory));
        let Some(opened) = made? else {
            return Ok(vec![NotKeptKind::Symlink]);
        };
        self.kept.remember(&opened)?;
        set_basic(&opened, 0, both_times(metadata.mtime))?;
        Ok(plain_losses(metadata))
    }

    pub(super) fn reparse_point(
        &mut self,
        path: &[u8],
        point: &ReparsePoint<'_>,
        metadata: &FileMetadata<'_>,
    ) -> Made {
        self.make_room_for(path)?;
        let mut failed = Vec::new();
        let mut made = self.make_reparse_point(path, point.data, point.is_directory)?;
        if made.is_none()
            && let Some(fallback) = point.fallback
        {
            failed.push(NtfsPart::Reparse);
            made = self.make_reparse_point(path, fallback, point.is_directory)?;
        }
        let Some(opened) = made else {
            return Ok(vec![absence_of(point.data)]);
        };
        self.kept.remember(&opened)?;
        match &metadata.ntfs {
            Some(ntfs) => self.set_all(path, &opened, ntfs, failed),
            None => {
                set_basic(&opened, 0, both_times(metadata.mtime))?;
                Ok(plain_losses(metadata))
            }
        }
    }

    /// Makes a reparse point of exactly these bytes; `None`, and nothing there, if that is not allowed.
    fn make_reparse_point(
        &self,
        path: &[u8],
        data: &[u8],
        is_directory: bool,
    ) -> io::Result<Option<File>> {
        let Some(tag) = buffers::tag_of(data) else {
            return Ok(None);
        };
        let opening = Opening {
            access: METADATA_RIGHTS | fs::FILE_WRITE_DATA | fs::DELETE,
            creates: true,
            // WSL's are files, whatever they lead to.
            options: ITSELF
                | match is_directory && !buffers::is_wsl(tag) {
                    true => nt::FILE_DIRECTORY_FILE,
                    false => nt::FILE_NON_DIRECTORY_FILE,
                },
        };
        let opened = self.create(path, opening)?;
        let refusal = match calls::set_reparse_point(&opened, data) {
            Ok(()) if has_reparse_point(&opened, data)? => return Ok(Some(opened)),
            Ok(()) => None,
            Err(error) => Some(error),
        };
        calls::remove(&opened)?;
        drop(opened);
        match refusal {
            // Developer mode allows the call that makes links, though not this one.
            Some(error)
                if calls::is(&error, codes::ERROR_PRIVILEGE_NOT_HELD)
                    && tag == buffers::SYMLINK =>
            {
                self.make_equal_link(path, data, is_directory)
            }
            Some(error)
                if !is_denial(&error)
                    && !is_missing_feature(&error)
                    && !calls::is(&error, codes::ERROR_INVALID_REPARSE_DATA) =>
            {
                Err(error)
            }
            _ => Ok(None),
        }
    }

    /// Makes a link of Windows by its text; `None`, and nothing there, if that gives other bytes.
    fn make_equal_link(
        &self,
        path: &[u8],
        data: &[u8],
        to_directory: bool,
    ) -> io::Result<Option<File>> {
        let Some(target) = buffers::shown_target(data) else {
            return Ok(None);
        };
        let Some(opened) = self.make_link(path, Path::new(&target), to_directory)? else {
            return Ok(None);
        };
        if has_reparse_point(&opened, data)? {
            return Ok(Some(opened));
        }
        drop(opened);
        let (parent, name) = self.folder.parent(path)?;
        beneath::remove_at(&parent, &name)?;
        Ok(None)
    }

    /// Makes a link of Windows; `None`, and nothing there, if the user may not, or the file system has
    /// none.
    fn make_link(
        &self,
        path: &[u8],
        target: &Path,
        to_directory: bool,
    ) -> io::Result<Option<File>> {
        use std::os::windows::fs::{symlink_dir, symlink_file};
        // The call takes a path alone. A look before it finds a link on the way.
        self.folder.parent(path)?;
        let mut host_path = self.path.clone();
        for part in path.split(|byte| *byte == b'/') {
            host_path.push(bytes_to_os(part).map_err(io::Error::other)?);
        }
        let made = match to_directory {
            true => symlink_dir(target, &host_path),
            false => symlink_file(target, &host_path),
        };
        match made {
            Ok(()) => {}
            Err(error) if is_denial(&error) || is_missing_feature(&error) => return Ok(None),
            Err(error) => return Err(error),
        }
        // Wine says so, and makes nothing.
        match self.reopen(path, METADATA_RIGHTS) {
            Ok(opened) => Ok(Some(opened)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn stream(
        &mut self,
        path: &[u8],
        name: &[u8],
        size: u64,
        content: &mut dyn io::Read,
    ) -> Made {
        let not_kept = || Ok(vec![NotKeptKind::Stream(name.to_vec())]);
        // Other file systems may take the colon for a part of the name.
        if !self.has_streams {
            return not_kept();
        }
        let stream = to_wide(name)?;
        let opening = Opening {
            access: fs::FILE_GENERIC_WRITE,
            creates: true,
            options: ITSELF,
        };
        let (parent, file) = self.folder.parent(path)?;
        let whole = [&file[..], &[u16::from(b':')], &stream].concat();
        let open =
            |opening| while_in_use(&named(&file), || calls::open_at(&parent, &whole, opening));
        let opened = open(opening).or_else(|error| match error.kind() {
            // A directory that was there may have it already.
            io::ErrorKind::AlreadyExists => {
                let creates = false;
                let opened = open(Opening { creates, ..opening })?;
                opened.set_len(0)?;
                Ok(opened)
            }
            _ => Err(error),
        });
        let mut opened = match opened {
            Ok(opened) => opened,
            Err(error) if is_denial(&error) || is_missing_feature(&error) => return not_kept(),
            Err(error) => return Err(error),
        };
        let written = io::copy(content, &mut opened)?;
        match written == size {
            true => Ok(Vec::new()),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    pub(super) fn hard_link(&mut self, path: &[u8], target: &[u8]) -> Made {
        let least = fs::FILE_READ_ATTRIBUTES;
        // As for removing: file systems differ in what they want.
        let file = match self.reopen(target, least | fs::FILE_WRITE_ATTRIBUTES) {
            Err(error) if is_denial(&error) => self.reopen(target, least)?,
            file => file?,
        };
        self.make_room_for(path)?;
        let (parent, name) = self.folder.parent(path)?;
        if while_in_use(&named(&name), || calls::link(&file, &parent, &name)).is_ok() {
            return Ok(Vec::new());
        }
        // A file system without links, or with too many already. Anything else that is wrong stops
        // the copy too.
        let mut from = self.reopen(target, fs::FILE_GENERIC_READ)?;
        let mut to = self.file(path)?;
        io::copy(&mut from, &mut to)?;
        let mut basic = calls::basic(&from)?;
        basic.ChangeTime = 0;
        basic.FileAttributes = settable(basic.FileAttributes);
        calls::set_basic(&to, &basic)?;
        Ok(vec![NotKeptKind::HardLink])
    }

    pub(super) fn special(
        &mut self,
        path: &[u8],
        kind: SpecialFile,
        _metadata: &FileMetadata<'_>,
    ) -> Made {
        self.make_room_for(path)?;
        Ok(vec![match kind {
            SpecialFile::Fifo => NotKeptKind::Fifo,
            SpecialFile::CharDevice(..) | SpecialFile::BlockDevice(..) => NotKeptKind::Device,
        }])
    }

    /// Opens an entry itself, be it a link or not.
    fn reopen(&self, path: &[u8], access: u32) -> io::Result<File> {
        let opening = Opening {
            access,
            creates: false,
            options: ITSELF,
        };
        let (parent, name) = self.folder.parent(path)?;
        while_in_use(&named(&name), || calls::open_at(&parent, &name, opening))
    }

    /// Makes an entry, after whatever has its name.
    fn create(&self, path: &[u8], opening: Opening) -> io::Result<File> {
        let (parent, name) = self.folder.parent(path)?;
        make_room(&parent, &name, &self.kept, false)?;
        patiently(&named(&name), || calls::open_at(&parent, &name, opening))
    }

    /// Removes what has the path of an entry that is no directory.
    fn make_room_for(&self, path: &[u8]) -> io::Result<()> {
        let (parent, name) = self.folder.parent(path)?;
        make_room(&parent, &name, &self.kept, false)?;
        Ok(())
    }
}

/// Removes what has the name, unless it is a directory and that is wanted: then true. What was
/// made before is another entry, which must not be lost.
fn make_room(parent: &File, name: &[u16], kept: &Kept, directory: bool) -> io::Result<bool> {
    let opening = Opening {
        access: fs::FILE_READ_ATTRIBUTES,
        creates: false,
        options: ITSELF,
    };
    let opened = match while_in_use(&named(name), || calls::open_at(parent, name, opening)) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    if kept.has(&opened)? {
        let text = "another entry has this name already, as the file system does not tell them \
                    apart; write a tar, or to another file system";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
    }
    let attributes = calls::basic(&opened)?.FileAttributes;
    let is_directory = attributes & fs::FILE_ATTRIBUTE_DIRECTORY != 0
        && !is_link(attributes, calls::reparse_tag(&opened, attributes)?);
    drop(opened);
    if kept.kinds && is_directory != directory {
        return Err(other_kind(is_directory));
    }
    if is_directory && directory {
        return Ok(true);
    }
    beneath::remove_at(parent, name)?;
    Ok(false)
}

/// What an entry without NTFS' metadata loses. Owners have no meaning here and are not spoken of.
fn plain_losses(metadata: &FileMetadata<'_>) -> Vec<NotKeptKind> {
    let names = metadata.xattrs.iter().map(|(name, _)| name.clone());
    names.map(NotKeptKind::Xattr).collect()
}

/// What is missing where a reparse point could not be made.
fn absence_of(data: &[u8]) -> NotKeptKind {
    match buffers::tag_of(data) {
        Some(buffers::LX_FIFO) => NotKeptKind::Fifo,
        Some(buffers::LX_CHR | buffers::LX_BLK) => NotKeptKind::Device,
        _ => NotKeptKind::Symlink,
    }
}

fn has_reparse_point(file: &File, data: &[u8]) -> io::Result<bool> {
    Ok(calls::reparse_point(file)?.as_deref() == Some(data))
}

/// The attributes of those asked for that can be set, in the form that the system wants: zero would
/// leave them as they are.
fn settable(attributes: u32) -> u32 {
    match attributes & SETTABLE {
        0 => fs::FILE_ATTRIBUTE_NORMAL,
        some => some,
    }
}

/// Sets attributes and notes whether they are as they were asked for. Read-only comes last of all.
fn set_attributes(file: &File, attributes: u32, failed: &mut Vec<NtfsPart>) -> io::Result<()> {
    let now = settable(attributes & !fs::FILE_ATTRIBUTE_READONLY);
    set_basic(file, now, NtfsTimes::default())?;
    let compared = SETTABLE & !fs::FILE_ATTRIBUTE_READONLY;
    let found = calls::basic(file)?.FileAttributes;
    if (found ^ attributes) & compared != 0 {
        failed.push(NtfsPart::Attributes);
    }
    Ok(())
}

/// Sets attributes and times; those that are zero stay.
fn set_basic(file: &File, attributes: u32, times: NtfsTimes) -> io::Result<()> {
    // Later ones the system does not have either.
    let time = |time: u64| i64::try_from(time).unwrap_or(i64::MAX);
    calls::set_basic(
        file,
        &fs::FILE_BASIC_INFO {
            CreationTime: time(times.created),
            LastAccessTime: time(times.accessed),
            LastWriteTime: time(times.modified),
            ChangeTime: time(times.changed),
            FileAttributes: attributes,
        },
    )
}

fn set_extended(file: &File, attributes: &[Xattr], lost: &mut Vec<NotKeptKind>) -> io::Result<()> {
    if attributes.is_empty() {
        return Ok(());
    }
    let set = match buffers::extended_list(attributes) {
        Some(list) => calls::set_extended(file, &list),
        None => {
            lost.push(NotKeptKind::Extended);
            return Ok(());
        }
    };
    match set {
        Ok(()) => Ok(()),
        Err(error) if is_denial(&error) || is_missing_feature(&error) || has_no_room(&error) => {
            lost.push(NotKeptKind::Extended);
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Removes what an earlier tree said in a directory's extended attributes. One that cannot go is
/// overwritten, or stays.
fn clear_extended(file: &File) -> io::Result<()> {
    let Some(bytes) = calls::extended(file)? else {
        return Ok(());
    };
    let found = extended::decode(&bytes).unwrap_or_default();
    let removal = buffers::removal_of_ours(&found);
    set_extended(file, &removal, &mut Vec::new())
}

/// Whether extended attributes are too many, or have names that the file system refuses.
fn has_no_room(error: &io::Error) -> bool {
    const REFUSED: [u32; 4] = [
        codes::ERROR_INVALID_EA_NAME,
        codes::ERROR_EA_LIST_INCONSISTENT,
        codes::ERROR_EA_TABLE_FULL,
        codes::ERROR_EA_FILE_CORRUPT,
    ];
    REFUSED.iter().any(|&code| calls::is(error, code))
}

/// The time of change for access as well.
fn both_times(mtime: (i64, u32)) -> NtfsTimes {
    let time = since_1601(mtime);
    NtfsTimes {
        accessed: time,
        modified: time,
        ..NtfsTimes::default()
    }
}

/// A time as this system has it; from 1601 on, as there are no earlier ones. Zero would leave it as it
/// is.
pub(super) fn since_1601((seconds, nanoseconds): (i64, u32)) -> u64 {
    const PER_SECOND: i64 = 10_000_000;
    const SECONDS_TO_1970: i64 = 11_644_473_600;
    let time = seconds
        .checked_add(SECONDS_TO_1970)
        .and_then(|seconds| seconds.checked_mul(PER_SECOND))
        .and_then(|time| time.checked_add(i64::from(nanoseconds / 100)));
    match time {
        Some(time) => u64::try_from(time).unwrap_or(0).max(1),
        None if seconds < 0 => 1,
        None => i64::MAX.cast_unsigned(),
    }
}
