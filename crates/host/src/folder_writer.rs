//! Writing a tree of files into a folder of the host, without leaving it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::{HostNames, NtfsEntry, NtfsTimes, ReparsePoint, Xattr};

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix::Root;
#[cfg(windows)]
use windows::Root;

/// Writes a tree into a folder, which may hold files already.
///
/// # Life cycle
/// [`create`](Self::create) makes the folder if it is not there. Then come the entries, a directory
/// before what it holds and a file before its hard links, each path once. [`finish`](Self::finish)
/// gives the directories their modes and times, which the entries in them would have changed, and
/// tells what the host could not keep. Dropped before, the writer leaves the part that it wrote.
///
/// # What is there already
/// Directories are merged: what is in them stays. Everything else that has the path of an entry is
/// removed first, so that neither the other names of a file nor what a link points to change. No
/// symbolic link inside the folder is ever followed; a writer that is
/// [`refusing_other_kinds`](Self::refusing_other_kinds) stops at one where a directory should be. (Making
/// links of Windows is the exception: that call takes a whole path, and someone who swaps a directory for
/// a link at the right moment has it made elsewhere.)
#[derive(Debug)]
pub struct FolderWriter {
    root: Root,
    path: PathBuf,
    directories: Vec<PendingDirectory>,
    not_kept: Vec<NotKept>,
    /// Entries that could not be made, which no hard link can name.
    absent: BTreeMap<Vec<u8>, NotKeptKind>,
}

/// A directory whose metadata waits for the end.
#[derive(Debug)]
struct PendingDirectory {
    path: Vec<u8>,
    mode: u32,
    mtime: (i64, u32),
    /// All times, on NTFS.
    ntfs: Option<NtfsTimes>,
}

/// What an entry is given besides its content.
#[derive(Debug, Clone, Copy)]
pub struct FileMetadata<'a> {
    /// Permission bits with setuid, setgid and sticky (at most 0o7777), whatever the umask is. On
    /// Windows a file without write bits becomes read-only.
    pub mode: u32,
    /// User and group id; `None` leaves the entry to whoever writes it.
    pub owner: Option<(u32, u32)>,
    /// Modification time: seconds since 1970, rounded down, and nanoseconds.
    pub mtime: (i64, u32),
    /// Extended attributes. `user.*` and `security.capability` are written where that is allowed.
    pub xattrs: &'a [Xattr],
    /// What the entry is given where the folder is on NTFS ([`folder_names`]); the other fields count
    /// where it is not.
    pub ntfs: Option<NtfsEntry<'a>>,
}

/// Which names files in `path`, or in the nearest folder above it that is there, can have: those of
/// Windows on its hosts, and on Linux if it is on a volume of NTFS that keeps what NTFS knows of
/// files (ntfs-3g).
pub fn folder_names(path: &Path) -> HostNames {
    Root::names(path)
}

/// A file that is neither regular nor a directory nor a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpecialFile {
    /// A named pipe.
    Fifo,
    /// A character device, major and minor number.
    CharDevice(u32, u32),
    /// A block device, major and minor number.
    BlockDevice(u32, u32),
}

/// Something that the host, or the user's rights, could not keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotKept {
    /// The entry.
    pub path: Vec<u8>,
    /// What of it.
    pub what: NotKeptKind,
}

/// What could not be kept of an entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotKeptKind {
    /// User and group: the entry belongs to whoever wrote it.
    Owner,
    /// setuid or setgid, which would mean another owner than they should.
    SetId,
    /// The permission bits.
    Mode,
    /// The extended attribute of this name.
    Xattr(Vec<u8>),
    /// A device, which is not there.
    Device,
    /// A named pipe, which is not there.
    Fifo,
    /// A symbolic link, which is not there.
    Symlink,
    /// The second name of a file, which is a copy now.
    HardLink,
    /// The modification time.
    Time,
    /// The security descriptor of Windows, which is not in the extended attributes either.
    Descriptor,
    /// Extended attributes of NTFS, with all that they carry.
    Extended,
    /// An alternate stream of this name.
    Stream(Vec<u8>),
}

impl NotKeptKind {
    /// Whether there is no entry at all.
    pub fn is_absence(&self) -> bool {
        matches!(self, Self::Device | Self::Fifo | Self::Symlink)
    }
}

/// Why a tree cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The folder itself.
    #[error("{}: cannot be made or opened as a folder: {source}", .path.display())]
    Open {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something in it.
    #[error("{}: {}: {operation}: {source}", .root.display(), String::from_utf8_lossy(.path))]
    Write {
        /// The folder.
        root: PathBuf,
        /// The entry, relative.
        path: Vec<u8>,
        /// What was tried.
        operation: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// A path that is not a plain relative one.
    #[error("{}: {:?} is no path inside it", .root.display(), String::from_utf8_lossy(.path))]
    Path {
        /// The folder.
        root: PathBuf,
        /// The path as it was given.
        path: Vec<u8>,
    },
    /// A name that this host cannot have.
    #[error(
        "{}: {:?}: this system has no such names: {reason}; write a tar instead",
        .root.display(), String::from_utf8_lossy(.path)
    )]
    Name {
        /// The folder.
        root: PathBuf,
        /// The path.
        path: Vec<u8>,
        /// What is wrong with it.
        reason: String,
    },
}

/// A regular file of a [`FolderWriter`] that is being written.
#[derive(Debug)]
pub struct FolderFile<'w> {
    writer: &'w mut FolderWriter,
    path: Vec<u8>,
    file: File,
}

impl FolderWriter {
    /// Makes the folder, and those above it, where they are missing. It may be reached through
    /// links.
    pub fn create(root: &Path) -> Result<Self, FolderError> {
        let opened = std::fs::create_dir_all(root).and_then(|()| Root::open(root));
        match opened {
            Ok(opened) => Ok(Self {
                root: opened,
                path: root.to_owned(),
                directories: Vec::new(),
                not_kept: Vec::new(),
                absent: BTreeMap::new(),
            }),
            Err(source) => Err(FolderError::Open {
                path: root.to_owned(),
                source,
            }),
        }
    }

    /// From now on a directory that is there is not replaced by something else, nor something else
    /// by a directory: whoever asks for a file does not mean that a tree of theirs goes.
    pub fn refusing_other_kinds(mut self) -> Self {
        self.root.refuse_other_kinds();
        self
    }

    /// The folder as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a directory, or takes the one that is there.
    pub fn directory(
        &mut self,
        path: &[u8],
        metadata: &FileMetadata<'_>,
    ) -> Result<(), FolderError> {
        self.check(path)?;
        let made = self.root.directory(path, metadata);
        let lost = made.map_err(|source| self.error(path, "the directory cannot be made", source));
        let mode = self.note(path, metadata.mode, lost?);
        self.directories.push(PendingDirectory {
            path: path.to_vec(),
            mode,
            mtime: metadata.mtime,
            ntfs: metadata.ntfs.map(|ntfs| ntfs.times),
        });
        Ok(())
    }

    /// Begins a regular file. It is complete after [`FolderFile::finish`].
    pub fn file(&mut self, path: &[u8]) -> Result<FolderFile<'_>, FolderError> {
        self.check(path)?;
        let file = self
            .root
            .file(path)
            .map_err(|source| self.error(path, "the file cannot be made", source))?;
        Ok(FolderFile {
            writer: self,
            path: path.to_vec(),
            file,
        })
    }

    /// Makes a symbolic link. On Windows `target` has `\`, and `to_directory` tells which of the
    /// two kinds of links it is.
    pub fn symlink(
        &mut self,
        path: &[u8],
        target: &[u8],
        to_directory: bool,
        metadata: &FileMetadata<'_>,
    ) -> Result<(), FolderError> {
        self.check(path)?;
        let made = self.root.symlink(path, target, to_directory, metadata);
        let lost = made.map_err(|source| self.error(path, "the link cannot be made", source))?;
        self.note(path, 0, lost);
        Ok(())
    }

    /// Makes a reparse point of NTFS: a link, a junction or one of WSL's special files.
    pub fn reparse_point(
        &mut self,
        path: &[u8],
        point: &ReparsePoint<'_>,
        metadata: &FileMetadata<'_>,
    ) -> Result<(), FolderError> {
        self.check(path)?;
        let made = self.root.reparse_point(path, point, metadata);
        let lost = made.map_err(|source| self.error(path, "the link cannot be made", source))?;
        self.note(path, 0, lost);
        Ok(())
    }

    /// Writes an alternate stream of a directory that was made before. Those of files come before they
    /// are finished ([`FolderFile::stream`]).
    pub fn stream(
        &mut self,
        path: &[u8],
        name: &[u8],
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), FolderError> {
        self.check(path)?;
        let written = self.root.stream(path, name, size, content);
        let lost = written.map_err(|source| self.error(path, "its stream", source))?;
        self.note(path, 0, lost);
        Ok(())
    }

    /// Makes `path` another name of the file `target` that was written before. If that could not be
    /// kept, nor can this.
    pub fn hard_link(&mut self, path: &[u8], target: &[u8]) -> Result<(), FolderError> {
        self.check(path)?;
        self.check(target)?;
        if let Some(kind) = self.absent.get(target) {
            let lost = vec![kind.clone()];
            self.note(path, 0, lost);
            return Ok(());
        }
        let made = self.root.hard_link(path, target);
        let lost = made.map_err(|source| self.error(path, "the link cannot be made", source))?;
        self.note(path, 0, lost);
        Ok(())
    }

    /// Makes a pipe or a device node.
    pub fn special(
        &mut self,
        path: &[u8],
        kind: SpecialFile,
        metadata: &FileMetadata<'_>,
    ) -> Result<(), FolderError> {
        self.check(path)?;
        let made = self.root.special(path, kind, metadata);
        let lost = made.map_err(|source| self.error(path, "it cannot be made", source))?;
        self.note(path, metadata.mode, lost);
        Ok(())
    }

    /// Gives the directories their metadata, the deepest first, and tells what was not kept, in the
    /// order of the entries but for that.
    pub fn finish(mut self) -> Result<Vec<NotKept>, FolderError> {
        while let Some(directory) = self.directories.pop() {
            let path = &directory.path;
            let (mode, mtime) = (directory.mode, directory.mtime);
            let set = self
                .root
                .finish_directory(path, mode, mtime, directory.ntfs);
            let lost = set.map_err(|source| self.error(path, "its metadata", source))?;
            self.note(path, 0, lost);
        }
        Ok(self.not_kept)
    }

    /// Notes what was not kept; the mode that is left.
    fn note(&mut self, path: &[u8], mode: u32, lost: Vec<NotKeptKind>) -> u32 {
        let left = match lost.contains(&NotKeptKind::SetId) {
            true => mode & !SET_ID,
            false => mode,
        };
        for what in lost {
            if what.is_absence() {
                self.absent.insert(path.to_vec(), what.clone());
            }
            let path = path.to_vec();
            self.not_kept.push(NotKept { path, what });
        }
        left
    }

    fn check(&self, path: &[u8]) -> Result<(), FolderError> {
        let plain = |part: &[u8]| !part.is_empty() && part != b"." && part != b"..";
        if !path.split(|byte| *byte == b'/').all(plain) || path.contains(&0) {
            return Err(FolderError::Path {
                root: self.path.clone(),
                path: path.to_vec(),
            });
        }
        Root::check_names(path).map_err(|reason| FolderError::Name {
            root: self.path.clone(),
            path: path.to_vec(),
            reason,
        })
    }

    fn error(&self, path: &[u8], operation: &'static str, source: io::Error) -> FolderError {
        FolderError::Write {
            root: self.path.clone(),
            path: path.to_vec(),
            operation,
            source,
        }
    }
}

impl FolderFile<'_> {
    /// Gives the file its metadata.
    pub fn finish(self, metadata: &FileMetadata<'_>) -> Result<(), FolderError> {
        let Self { writer, path, file } = self;
        let set = writer.root.finish_file(&path, file, metadata);
        let lost = set.map_err(|source| writer.error(&path, "its metadata", source))?;
        writer.note(&path, metadata.mode, lost);
        Ok(())
    }

    /// Writes an alternate stream of the file.
    pub fn stream(
        &mut self,
        name: &[u8],
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), FolderError> {
        self.writer.stream(&self.path, name, size, content)
    }

    /// The error of a write, with the file's path.
    pub fn error(&self, source: io::Error) -> FolderError {
        self.writer
            .error(&self.path, "it cannot be written", source)
    }
}

impl Write for FolderFile<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// What would be replaced by something of another kind, and must not be.
fn other_kind(is_directory: bool) -> io::Error {
    io::Error::new(
        io::ErrorKind::AlreadyExists,
        match is_directory {
            true => "a folder is there, and would have to go; remove it, or copy to another place",
            false => {
                "something that is no folder is there, and would have to go; remove it, or copy \
                 to another place"
            }
        },
    )
}

/// setuid and setgid.
const SET_ID: u32 = 0o6000;

#[cfg(test)]
mod tests;
