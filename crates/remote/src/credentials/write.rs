//! Replacing a file that holds secrets.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// How many symbolic links are followed, one to the next.
const MAX_LINKS: u32 = 40;

/// Puts `content` in the place of the file, in one step: whoever reads it meanwhile sees the old
/// one or the new one. A symbolic link stays one, and the file that it leads to is replaced.
/// Only its owner may read the new file, where the system knows such a thing.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let path = target(path)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)?;
    // Such files are made for their owner alone, before anything is in them.
    let mut file = tempfile::Builder::new()
        .prefix(".config.json-")
        .tempfile_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    Ok(())
}

/// Where `path` leads, also if nothing is there yet.
fn target(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(next) => path = path.parent().unwrap_or(Path::new("")).join(next),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}
