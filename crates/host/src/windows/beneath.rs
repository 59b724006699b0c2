//! An open folder, and what is beneath it, without following links.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::ffi::{OsStrExt, OsStringExt};
use std::os::windows::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use windows_sys::Wdk::Storage::FileSystem as nt;
use windows_sys::Win32::Foundation::ERROR_DIRECTORY;
use windows_sys::Win32::Storage::FileSystem as fs;

use super::buffers::{self, ListedFile};
use super::calls::{self, Opening};
use crate::bytes_to_os;
use crate::patience::while_in_use;

/// The open folder.
///
/// Everything in it is opened by its name in an open directory, and is opened itself if it is a link:
/// so no component of a path is followed, whoever swaps what meanwhile.
#[derive(Debug)]
pub(crate) struct Beneath {
    root: Arc<File>,
    /// The directories on the way to the one that was asked for last: what is asked for comes in the
    /// order of paths, mostly.
    way: Mutex<Vec<(Vec<u8>, Arc<File>)>>,
    listing: Mutex<()>,
}

/// A link, or a special file, where a directory or a file should be.
#[derive(Debug, thiserror::Error)]
#[error("a link or a special file stands in the path")]
struct InTheWay;

/// Whether the error is that a link or a special file stands in the path.
pub(crate) fn stands_in_the_way(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|error| error.is::<InTheWay>())
}

/// The rights with which directories are opened. Whether files may be made in them is asked when they
/// are.
const DIRECTORY_RIGHTS: u32 = fs::FILE_LIST_DIRECTORY | fs::FILE_READ_ATTRIBUTES;

/// How something is opened itself, be it a link or not.
pub(crate) const ITSELF: u32 = nt::FILE_OPEN_REPARSE_POINT;

impl Beneath {
    /// Opens the folder, which may be reached through links.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let root = OpenOptions::new()
            .access_mode(DIRECTORY_RIGHTS | fs::SYNCHRONIZE)
            .custom_flags(fs::FILE_FLAG_BACKUP_SEMANTICS)
            .open(path)?;
        if calls::basic(&root)?.FileAttributes & fs::FILE_ATTRIBUTE_DIRECTORY == 0 {
            return Err(io::Error::from_raw_os_error(ERROR_DIRECTORY.cast_signed()));
        }
        Ok(Self::of(root))
    }

    /// The folder that is open already.
    pub(crate) fn of(root: File) -> Self {
        Self {
            root: Arc::new(root),
            way: Mutex::default(),
            listing: Mutex::default(),
        }
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &File {
        &self.root
    }

    /// The open directory `path`.
    pub(crate) fn directory(&self, path: &[u8]) -> io::Result<Arc<File>> {
        let parts = path
            .split(|byte| *byte == b'/')
            .filter(|part| !part.is_empty());
        let mut way = self.way.lock().unwrap_or_else(PoisonError::into_inner);
        let mut depth = 0;
        for part in parts {
            if way.get(depth).is_none_or(|(name, _)| name != part) {
                way.truncate(depth);
                let parent = way.last().map_or(&self.root, |(_, file)| file);
                let opened = enter(parent, part)?;
                way.push((part.to_vec(), Arc::new(opened)));
            }
            depth += 1;
        }
        way.truncate(depth);
        Ok(Arc::clone(way.last().map_or(&self.root, |(_, file)| file)))
    }

    /// The open directory that holds `path`, and its name there.
    pub(crate) fn parent(&self, path: &[u8]) -> io::Result<(Arc<File>, Vec<u16>)> {
        let (directory, name) = match path.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => (&b""[..], path),
        };
        Ok((self.directory(directory)?, to_wide(name)?))
    }

    /// What is in the directory `path`, in no order.
    pub(crate) fn list(&self, path: &[u8]) -> io::Result<(Arc<File>, Vec<ListedFile>)> {
        let directory = self.directory(path)?;
        // An open directory has one place up to which it was listed.
        let _alone = self.listing.lock().unwrap_or_else(PoisonError::into_inner);
        let files = list(&directory)?;
        Ok((directory, files))
    }
}

/// Opens a directory to look into it. A link is none.
fn enter(parent: &File, name: &[u8]) -> io::Result<File> {
    let name = to_wide(name)?;
    let opening = Opening {
        access: DIRECTORY_RIGHTS,
        creates: false,
        options: nt::FILE_DIRECTORY_FILE,
    };
    open_content(parent, &name, opening)
}

/// Opens what has the name for its content; a link or a special file is an error, one whose reparse
/// point says where its content is gives that.
pub(crate) fn open_content(parent: &File, name: &[u16], opening: Opening) -> io::Result<File> {
    let itself = Opening {
        options: opening.options | ITSELF,
        ..opening
    };
    let open = |opening| while_in_use(&named(name), || calls::open_at(parent, name, opening));
    let opened = open(itself)?;
    match calls::reparse_tag(&opened, calls::basic(&opened)?.FileAttributes)? {
        0 => Ok(opened),
        tag if buffers::stands_for_another(tag) => Err(io::Error::other(InTheWay)),
        _ => {
            let content = open(opening)?;
            // A link may have taken its place between the two.
            if calls::identity(&content)? != calls::identity(&opened)? {
                return Err(io::Error::other("another file took its place"));
            }
            Ok(content)
        }
    }
}

fn list(directory: &File) -> io::Result<Vec<ListedFile>> {
    match list_with(directory, true) {
        Err(error) if calls::is_missing_feature(&error) => list_with(directory, false),
        listed => listed,
    }
}

fn list_with(directory: &File, numbers: bool) -> io::Result<Vec<ListedFile>> {
    let mut buffer = vec![0u64; (64 << 10) / 8];
    let mut files = Vec::new();
    let mut from_start = true;
    while calls::list(directory, &mut buffer, from_start, numbers)? {
        from_start = false;
        let bytes: Vec<u8> = buffer.iter().flat_map(|word| word.to_le_bytes()).collect();
        files.extend(buffers::listed_files(&bytes, numbers)?);
    }
    Ok(files)
}

/// Removes what has the name in a directory: a file, a link, or a directory with all that is in it.
/// Directories are opened one at a time by their path, so that the depth of a tree costs no stack.
pub(crate) fn remove_at(parent: &File, name: &[u16]) -> io::Result<()> {
    let open = |access| {
        let opening = Opening {
            access,
            creates: false,
            options: ITSELF,
        };
        while_in_use(&named(name), || calls::open_at(parent, name, opening))
    };
    let remove = || {
        let least = fs::DELETE | fs::FILE_READ_ATTRIBUTES;
        // What is not read-only is removed without the right to change that. Wine has the right only of
        // files that may be written.
        let opened = match open(least | fs::FILE_WRITE_ATTRIBUTES) {
            Err(error) if calls::is_denial(&error) => open(least)?,
            opened => opened?,
        };
        calls::remove(&opened)
    };
    let found = open(fs::FILE_READ_ATTRIBUTES)?;
    let attributes = calls::basic(&found)?.FileAttributes;
    let is_tree = attributes & fs::FILE_ATTRIBUTE_DIRECTORY != 0
        && !is_link(attributes, calls::reparse_tag(&found, attributes)?);
    // Where names outlive what is removed as long as it is open, nothing of ours is.
    drop(found);
    if is_tree {
        remove_content(Beneath::of(open(DIRECTORY_RIGHTS)?))?;
    }
    crate::patience::patiently(&named(name), remove)
}

/// Removes a directory with all that is in it.
pub(crate) fn remove_tree(path: &Path) -> io::Result<()> {
    let whole = verbatim(path)?;
    let (Some(parent), Some(name)) = (whole.parent(), whole.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let name: Vec<u16> = name.encode_wide().collect();
    let parent = Beneath::open(parent)?;
    let itself = Opening {
        access: fs::FILE_READ_ATTRIBUTES,
        creates: false,
        options: ITSELF,
    };
    let found = calls::open_at(parent.root(), &name, itself)?;
    if calls::basic(&found)?.FileAttributes & fs::FILE_ATTRIBUTE_DIRECTORY == 0 {
        return Err(io::Error::from_raw_os_error(ERROR_DIRECTORY.cast_signed()));
    }
    drop(found);
    remove_at(parent.root(), &name)
}

/// Whether a reparse point, by its file's attributes and its tag, is opened itself.
pub(crate) fn is_link(attributes: u32, tag: u32) -> bool {
    attributes & fs::FILE_ATTRIBUTE_REPARSE_POINT != 0 && buffers::stands_for_another(tag)
}

/// Removes all that is in a directory.
fn remove_content(root: Beneath) -> io::Result<()> {
    let mut found: Vec<Vec<u8>> = vec![Vec::new()];
    let mut visited = 0;
    while visited < found.len() {
        let path = found[visited].clone();
        visited += 1;
        let (directory, files) = root.list(&path)?;
        for file in files {
            let is_directory = file.attributes & fs::FILE_ATTRIBUTE_DIRECTORY != 0;
            if !is_directory || is_link(file.attributes, file.tag_or_extended) {
                gone(remove_at(&directory, &file.name))?;
                continue;
            }
            let name = from_wide(&file.name).into_string().map_err(|name| {
                let text = format!("the name {name:?} is not valid Unicode; remove the file");
                io::Error::new(io::ErrorKind::InvalidFilename, text)
            })?;
            let slash: &[u8] = if path.is_empty() { b"" } else { b"/" };
            found.push([&path[..], slash, name.as_bytes()].concat());
        }
    }
    for path in found.iter().skip(1).rev() {
        let (parent, name) = root.parent(path)?;
        gone(remove_at(&parent, &name))?;
    }
    Ok(())
}

/// What somebody else removed is gone as well.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// A name in UTF-16.
pub(crate) fn to_wide(name: &[u8]) -> io::Result<Vec<u16>> {
    let name =
        bytes_to_os(name).map_err(|error| io::Error::new(io::ErrorKind::InvalidFilename, error))?;
    Ok(name.encode_wide().collect())
}

/// The string of a name in UTF-16.
pub(crate) fn from_wide(name: &[u16]) -> OsString {
    OsString::from_wide(name)
}

/// A name as a path, for messages.
pub(crate) fn named(name: &[u16]) -> PathBuf {
    PathBuf::from(from_wide(name))
}

/// The path in the form that has no limit of length and no reserved names. Nothing needs to be there.
pub(crate) fn verbatim(path: &Path) -> io::Result<PathBuf> {
    use std::path::{Component, Prefix};
    let whole = std::path::absolute(path)?;
    let Some(Component::Prefix(prefix)) = whole.components().next() else {
        return Ok(whole);
    };
    let (start, rest) = match prefix.kind() {
        Prefix::Disk(_) => (r"\\?\", 0),
        // `\\server\share`.
        Prefix::UNC(..) => (r"\\?\UNC\", 2),
        _ => return Ok(whole),
    };
    let mut long: Vec<u16> = start.encode_utf16().collect();
    long.extend(whole.as_os_str().encode_wide().skip(rest));
    Ok(PathBuf::from(from_wide(&long)))
}

#[cfg(test)]
mod tests;
