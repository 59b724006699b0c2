//! Files that are there whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::interruption::{self, Announced};
use crate::patience::patiently;

/// What happens to a file that is already where a new one is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// The new file takes its place; whoever has the old one open goes on reading it.
    Replace,
    /// It stays, and the attempt fails with `AlreadyExists`.
    Keep,
}

/// A file under a temporary name, removed when dropped unless it was persisted, and when the
/// process is interrupted.
#[derive(Debug)]
pub struct TemporaryFile {
    file: File,
    /// `None` once the file has its final name.
    path: Option<Announced>,
}

impl TemporaryFile {
    /// Creates an empty file in `directory`. Others may read it as far as the umask lets them.
    pub fn create_in(directory: &Path) -> io::Result<Self> {
        // Names only have to differ: `create_new` decides, and a killed process's leftover of
        // the same process id is stepped over.
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        loop {
            let count = COUNTER.fetch_add(1, Ordering::Relaxed);
            let path = directory.join(format!("tmp-{}-{count}", std::process::id()));
            let _pass = interruption::pass();
            let mut options = OpenOptions::new();
            options.read(true).write(true).create_new(true);
            let opened = patiently(&path, || options.open(&path));
            match opened {
                Ok(file) => {
                    return Ok(Self {
                        file,
                        path: Some(Announced::new(path)),
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The open file.
    pub fn as_file(&self) -> &File {
        &self.file
    }

    /// Where the file is now.
    pub fn path(&self) -> &Path {
        // The path leaves only in `persist`, which consumes the value.
        self.path.as_ref().map_or(Path::new(""), Announced::path)
    }

    /// Writes the content to the disk, gives the file its final name in one step, and writes the
    /// name to the disk. `target` must be on the same file system.
    pub fn persist(self, target: &Path, existing: Existing) -> io::Result<()> {
        self.file.sync_all()?;
        self.rename(target, existing)?;
        match target.parent() {
            Some(parent) => sync_directory(parent),
            None => Ok(()),
        }
    }

    /// Gives the file its final name in one step, and leaves it to the system when content and
    /// name are written to the disk: after a power failure the file may be there with other
    /// content. `target` must be on the same file system.
    pub fn rename(mut self, target: &Path, existing: Existing) -> io::Result<()> {
        if let Some(announced) = &self.path {
            let path = announced.path();
            interruption::undivided(|| match existing {
                Existing::Replace => rename(path, target),
                Existing::Keep => rename_no_replace(path, target),
            })?;
            self.path = None;
        }
        Ok(())
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        if let Some(announced) = &self.path {
            // A leftover only costs space, and whoever owns the folder cleans it.
            let _ = remove_file(announced.path());
        }
    }
}

impl Write for TemporaryFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Read for TemporaryFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

impl Seek for TemporaryFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.file.seek(position)
    }
}

/// Writes a small file so that, after a crash at any moment, either the old or the new content
/// is there. An existing file is replaced.
pub fn atomic_write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = TemporaryFile::create_in(directory)?;
    file.write_all(bytes)?;
    file.persist(path, Existing::Replace)
}

/// Reads at most `limit` bytes of a regular file. Anything else (a pipe would block, a device
/// might never end) is an error.
///
/// On Windows, where a lock keeps readers out and a file cannot be opened while it is replaced,
/// this waits a moment for other processes.
pub fn read_file(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    patiently(path, || {
        let metadata = path.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        // One more, so that the end is seen without growing.
        let expected = metadata.len().min(limit).saturating_add(1);
        let mut bytes = Vec::new();
        bytes
            .try_reserve_exact(usize::try_from(expected).unwrap_or(usize::MAX))
            .map_err(|error| io::Error::new(io::ErrorKind::OutOfMemory, error))?;
        File::open(path)?.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    })
}

/// Opens a file without a name in `directory` for reading and writing: nothing is left of it
/// when it is closed, even if the process is killed.
pub fn spool_in(directory: &Path) -> io::Result<File> {
    tempfile::tempfile_in(directory)
}

/// Writes the content of a file to the disk.
pub fn sync_file(path: &Path) -> io::Result<()> {
    // Windows wants to be allowed to write.
    patiently(path, || OpenOptions::new().write(true).open(path))?.sync_all()
}

/// Reads from an offset of a file that other threads use as well; 0 at its end. On Windows this
/// moves the file's own position, on which nobody may rely then.
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_at(file, buffer, offset);
    #[cfg(windows)]
    return std::os::windows::fs::FileExt::seek_read(file, buffer, offset);
}

/// Writes all of `bytes` at an offset of a file that other threads use as well. On Windows this
/// moves the file's own position, on which nobody may rely then.
pub fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        #[cfg(unix)]
        let written = std::os::unix::fs::FileExt::write_at(file, bytes, offset);
        #[cfg(windows)]
        let written = std::os::windows::fs::FileExt::seek_write(file, bytes, offset);
        match written {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(length) => {
                bytes = &bytes[length..];
                offset += length as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes the names in a folder to the disk, so that a rename survives a power failure. Windows
/// has no such call and journals names itself.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let directory = if directory.as_os_str().is_empty() {
            Path::new(".")
        } else {
            directory
        };
        match File::open(directory)?.sync_all() {
            // Some network and FUSE file systems have nothing to sync here.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            result => result,
        }
    }
    #[cfg(not(unix))]
    {
        let _ = directory;
        Ok(())
    }
}

/// Opens a file for reading.
pub fn open_file(path: &Path) -> io::Result<File> {
    patiently(path, || File::open(path))
}

/// Removes a file, on Windows one that is read-only too, as that is no protection elsewhere.
pub fn remove_file(path: &Path) -> io::Result<()> {
    patiently(path, || unprotected(path, || fs::remove_file(path)))
}

/// Removes an empty directory.
pub fn remove_dir(path: &Path) -> io::Result<()> {
    patiently(path, || fs::remove_dir(path))
}

/// Removes a directory and all that is in it. Links in it are removed, not followed.
pub fn remove_dir_all(path: &Path) -> io::Result<()> {
    #[cfg(not(windows))]
    return fs::remove_dir_all(path);
    // The standard library's gives up at read-only files on file systems other than NTFS, and at files
    // that others have open.
    #[cfg(windows)]
    crate::windows::remove_tree(path)
}

/// Makes a directory.
pub fn create_dir(path: &Path) -> io::Result<()> {
    patiently(path, || fs::create_dir(path))
}

/// Makes a directory, and those above it that are missing.
pub fn create_dir_all(path: &Path) -> io::Result<()> {
    patiently(path, || fs::create_dir_all(path))
}

/// Gives a file or a directory another name; a file that has it is replaced. On Windows a directory
/// with open files in it cannot be renamed.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    patiently(to, || fs::rename(from, to))
}

/// Makes a second name for a file.
pub fn hard_link(from: &Path, to: &Path) -> io::Result<()> {
    patiently(from, || fs::hard_link(from, to))
}

/// Removes a file that is read-only, which Windows refuses.
#[cfg(windows)]
fn unprotected(path: &Path, remove: impl Fn() -> io::Result<()>) -> io::Result<()> {
    remove().or_else(|error| {
        let metadata = fs::symlink_metadata(path)?;
        if error.kind() != io::ErrorKind::PermissionDenied || !metadata.permissions().readonly() {
            return Err(error);
        }
        let mut permissions = metadata.permissions();
        #[allow(clippy::permissions_set_readonly_false)]
        permissions.set_readonly(false);
        fs::set_permissions(path, permissions)?;
        remove()
    })
}

/// Elsewhere that is the directory's affair.
#[cfg(not(windows))]
fn unprotected(_path: &Path, remove: impl Fn() -> io::Result<()>) -> io::Result<()> {
    remove()
}

/// Renames a file unless the target is there. A link is made first, which fails if it is, then
/// the old name goes: at no moment is there no name.
#[cfg(not(windows))]
fn rename_no_replace(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to)?;
    fs::remove_file(from)
}

/// Renames a file unless the target is there: the system has a call for that, which works on file
/// systems without links too.
#[cfg(windows)]
fn rename_no_replace(from: &Path, to: &Path) -> io::Result<()> {
    patiently(from, || crate::windows::move_file(from, to))
}

#[cfg(test)]
mod tests;
