//! Files that are there whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::interruption::{self, Announced};

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
            let opened = OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .open(&path);
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
                Existing::Replace => patiently(|| fs::rename(path, target)),
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
            let _ = fs::remove_file(announced.path());
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
    patiently(|| {
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
    OpenOptions::new().write(true).open(path)?.sync_all()
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

/// Tries again for about a second what fails only because another process has the file open:
/// before Windows 10 1607 and on file systems other than NTFS an open file cannot be replaced, and
/// scanners open every new file.
#[cfg(windows)]
fn patiently<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    const ERROR_ACCESS_DENIED: i32 = 5;
    const ERROR_SHARING_VIOLATION: i32 = 32;
    const ERROR_LOCK_VIOLATION: i32 = 33;
    for milliseconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] {
        match attempt() {
            Err(error)
                if matches!(
                    error.raw_os_error(),
                    Some(ERROR_ACCESS_DENIED | ERROR_SHARING_VIOLATION | ERROR_LOCK_VIOLATION)
                ) =>
            {
                std::thread::sleep(std::time::Duration::from_millis(milliseconds));
            }
            result => return result,
        }
    }
    attempt()
}

/// Elsewhere open files are in nobody's way.
#[cfg(not(windows))]
fn patiently<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    attempt()
}

/// Renames a file unless the target is there. A link is made first, which fails if it is, then
/// the old name goes: at no moment is there no name.
fn rename_no_replace(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to)?;
    fs::remove_file(from)
}

#[cfg(test)]
mod tests;
