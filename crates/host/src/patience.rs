//! Waiting a moment for other processes that have a file open.
//!
//! On Windows whoever has a file open may keep others from opening, replacing and removing it.
//! Scanners, indexers and backups do that with every new file, for some milliseconds. Elsewhere open
//! files are in nobody's way, and nothing is tried twice.

use std::io;
use std::path::Path;
use std::time::Duration;

/// The pauses between attempts in milliseconds: about a second together.
pub(crate) const PAUSES: [u64; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/// Another process has a file open, and goes on having it.
#[derive(Debug, thiserror::Error)]
#[error("{path}: another program has it open; close it there, or try again later ({source})")]
pub(crate) struct InUse {
    path: String,
    source: io::Error,
}

/// Tries again for about a second what fails only because another process has the file open.
///
/// On Windows a right that is missing looks the same as a file that is being removed: that costs the
/// second too, but its error stays as it is.
pub(crate) fn patiently<T>(path: &Path, attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    wait(
        path,
        &|error| in_use(error) || may_be_in_use(error),
        attempt,
    )
}

/// The same where a missing right is no surprise, and tells itself apart.
#[cfg(windows)]
pub(crate) fn while_in_use<T>(
    path: &Path,
    attempt: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    wait(path, &in_use, attempt)
}

fn wait<T>(
    path: &Path,
    passes: &dyn Fn(&io::Error) -> bool,
    mut attempt: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    for milliseconds in PAUSES {
        match attempt() {
            Err(error) if passes(&error) => {
                std::thread::sleep(Duration::from_millis(milliseconds));
            }
            result => return result,
        }
    }
    attempt().map_err(|source| match in_use(&source) {
        false => source,
        true => {
            let path = path.display().to_string();
            io::Error::new(source.kind(), InUse { path, source })
        }
    })
}

/// Whether the system says that others have the file open.
#[cfg(windows)]
pub(crate) fn in_use(error: &io::Error) -> bool {
    use windows_sys::Win32::Foundation::{
        ERROR_DELETE_PENDING, ERROR_LOCK_VIOLATION, ERROR_SHARING_VIOLATION, ERROR_USER_MAPPED_FILE,
    };
    let code = error.raw_os_error().map(i32::cast_unsigned);
    matches!(
        code,
        Some(
            ERROR_SHARING_VIOLATION
                | ERROR_LOCK_VIOLATION
                | ERROR_DELETE_PENDING
                | ERROR_USER_MAPPED_FILE
        )
    )
}

/// Elsewhere the system has no such errors.
#[cfg(not(windows))]
fn in_use(_error: &io::Error) -> bool {
    false
}

/// Whether the cause may be a file that is being removed, or was in a directory a moment ago.
fn may_be_in_use(error: &io::Error) -> bool {
    use io::ErrorKind::{DirectoryNotEmpty, PermissionDenied};
    cfg!(windows) && matches!(error.kind(), PermissionDenied | DirectoryNotEmpty)
}

#[cfg(test)]
mod tests;
