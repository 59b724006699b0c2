//! Reading a build context: a folder of the host as entries, without leaving it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::{NameError, NtfsMetadata};

#[cfg(unix)]
pub(crate) mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix::Root;
#[cfg(windows)]
use windows::Root;

/// An extended attribute: name and value.
pub type Xattr = (Vec<u8>, Vec<u8>);

/// Reads the files of a folder.
///
/// # Life cycle
/// [`open`](Self::open) holds the folder; [`walk`](Self::walk) lists it; then
/// [`open_file`](Self::open_file) reads single files. The folder may change meanwhile: callers
/// hash what they read and compare sizes. No symbolic link is ever followed, in no component of
/// a path, so nothing outside the folder can be read through one, whoever swaps what meanwhile.
#[derive(Debug)]
pub struct ContextReader {
    root: Root,
    path: PathBuf,
}

/// One entry of a context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextEntry {
    /// Relative to the root, `/`-separated, without leading or trailing slash.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: ContextKind,
    /// Permission bits with setuid, setgid and sticky (at most 0o7777). On Windows what docker's
    /// client reports: 0755, 0555 for read-only files, 0777 for links.
    pub mode: u32,
    /// User and group id; `None` where the host has none.
    pub owner: Option<(u32, u32)>,
    /// Modification time: seconds since 1970, rounded down, and nanoseconds.
    pub mtime: (i64, u32),
    /// `security.capability` and `user.*`, by name. Others are facts of the host.
    pub xattrs: Vec<Xattr>,
    /// Device and inode of a file with several names; the same pair is the same file.
    pub hard_link: Option<(u64, u64)>,
    /// What changes when the file does; `None` where the host has no such thing.
    pub identity: Option<FileIdentity>,
    /// What NTFS holds of it; `None` where the folder is not on NTFS.
    pub ntfs: Option<Box<NtfsMetadata>>,
}

/// The kind of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContextKind {
    /// A regular file.
    File {
        /// Its size in bytes.
        size: u64,
    },
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink {
        /// The link's text.
        target: Vec<u8>,
    },
    /// A reparse point of NTFS that stands for something else: a link, a junction, one of WSL's
    /// special files. What it is, its data says ([`NtfsMetadata::reparse`]). Files whose reparse point
    /// only tells where the content is (in a cloud, compressed) are files.
    ReparsePoint,
    /// A named pipe.
    Fifo,
    /// A character device.
    CharDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A socket, which no image can hold.
    Socket,
}

/// Tells whether a file may have changed since it was read, together with size and mtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileIdentity {
    /// Device.
    pub device: u64,
    /// Inode.
    pub inode: u64,
    /// Time of the last change of the inode: seconds since 1970 and nanoseconds.
    pub changed: (i64, u32),
}

/// What a filter says about an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visit {
    /// Deliver it; a directory's entries are visited.
    Include,
    /// Pass over it and, if it is a directory, over all beneath.
    Skip,
    /// Do not deliver the directory, but visit its entries. For anything else the same as
    /// [`Skip`](Self::Skip).
    SkipButDescend,
}

/// Why a context cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// The folder itself.
    #[error("build context {}: cannot be opened as a folder: {source}", .path.display())]
    Open {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something in it.
    #[error(
        "build context {}: {}: {operation}: {source}",
        .root.display(), String::from_utf8_lossy(.path)
    )]
    Read {
        /// The folder.
        root: PathBuf,
        /// The entry, relative.
        path: Vec<u8>,
        /// What was tried.
        operation: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// A name that has no bytes.
    #[error(
        "build context {}: in {:?}: {source}",
        .root.display(), String::from_utf8_lossy(.directory)
    )]
    Name {
        /// The folder.
        root: PathBuf,
        /// The directory that holds the name, relative, empty for the root.
        directory: Vec<u8>,
        /// The name.
        source: NameError,
    },
    /// A path that is not a plain relative one.
    #[error(
        "build context {}: {:?} is no path inside it",
        .root.display(), String::from_utf8_lossy(.path)
    )]
    Path {
        /// The folder.
        root: PathBuf,
        /// The path as it was given.
        path: Vec<u8>,
    },
    /// Content was asked of something that is not a regular file.
    #[error(
        "build context {}: {}: is not a regular file",
        .root.display(), String::from_utf8_lossy(.path)
    )]
    NotAFile {
        /// The folder.
        root: PathBuf,
        /// The path.
        path: Vec<u8>,
    },
}

impl ContextReader {
    /// Whether files of this host have permission bits.
    pub const HAS_MODES: bool = cfg!(unix);

    /// Opens the folder. It may itself be reached through links.
    pub fn open(root: &Path) -> Result<Self, ContextError> {
        match Root::open(root) {
            Ok(opened) => Ok(Self {
                root: opened,
                path: root.to_owned(),
            }),
            Err(source) => Err(ContextError::Open {
                path: root.to_owned(),
                source,
            }),
        }
    }

    /// The folder as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Lists the entries that `filter` includes, in the byte order of their paths. The root
    /// itself is not among them.
    ///
    /// `filter` gets each path and whether it is a directory, directories before what they hold.
    /// An entry that vanishes while the folder is read is left out.
    pub fn walk(
        &self,
        filter: &mut dyn FnMut(&[u8], bool) -> Visit,
    ) -> Result<Vec<ContextEntry>, ContextError> {
        let mut entries = Vec::new();
        // Directories are opened by their whole path, one at a time: a deep tree needs no more
        // open files than a flat one.
        let mut pending = vec![Vec::new()];
        while let Some(directory) = pending.pop() {
            let mut children = Vec::new();
            let mut wanted = |name: &[u8], is_directory: bool| {
                let path = join(&directory, name);
                let visit = filter(&path, is_directory);
                if is_directory && visit != Visit::Skip {
                    children.push(path);
                }
                visit == Visit::Include
            };
            let found = self.root.read_directory(self, &directory, &mut wanted)?;
            entries.extend(found);
            pending.extend(children.into_iter().rev());
        }
        entries.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(entries)
    }

    /// Opens a regular file for reading.
    pub fn open_file(&self, path: &[u8]) -> Result<File, ContextError> {
        let plain = |part: &[u8]| !part.is_empty() && part != b"." && part != b"..";
        let valid = path.split(|byte| *byte == b'/').all(plain)
            && !path.contains(&0)
            && self.root.accepts(path);
        if !valid {
            return Err(ContextError::Path {
                root: self.path.clone(),
                path: path.to_vec(),
            });
        }
        let file = self
            .root
            .open_file(path)
            .map_err(|source| self.error(path, "cannot be opened", source))?;
        let metadata = file
            .metadata()
            .map_err(|source| self.error(path, "its metadata cannot be read", source))?;
        if !metadata.is_file() {
            return Err(ContextError::NotAFile {
                root: self.path.clone(),
                path: path.to_vec(),
            });
        }
        Ok(file)
    }

    /// Opens an alternate stream of a file or directory on NTFS.
    pub fn open_stream(
        &self,
        path: &[u8],
        stream: &[u8],
    ) -> Result<Box<dyn io::Read + Send>, ContextError> {
        self.root
            .open_stream(path, stream)
            .map_err(|source| self.error(path, "its stream cannot be opened", source))
    }

    fn error(&self, path: &[u8], operation: &'static str, source: io::Error) -> ContextError {
        ContextError::Read {
            root: self.path.clone(),
            path: path.to_vec(),
            operation,
            source,
        }
    }
}

fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.is_empty() {
        return name.to_vec();
    }
    [directory, b"/", name].concat()
}

#[cfg(test)]
mod tests;
