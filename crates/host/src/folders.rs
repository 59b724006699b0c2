//! Where a user's files belong.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The environment does not say where a user's data belongs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no folder for data: set {variable} to an absolute path")]
pub struct DataDirectoryError {
    /// The variable to set.
    pub variable: &'static str,
}

/// The folder for this program's data: `$XDG_DATA_HOME/crossdock` or
/// `~/.local/share/crossdock`, on Windows `%LOCALAPPDATA%\crossdock`. It is not created.
pub fn data_directory() -> Result<PathBuf, DataDirectoryError> {
    from_environment(cfg!(windows), |name| std::env::var_os(name))
}

/// The user's own folder: `$HOME`, on Windows `%USERPROFILE%`, or else what the system's list of
/// users says. `None` if there is none, or its path is relative.
pub fn home_directory() -> Option<PathBuf> {
    std::env::home_dir().filter(|path| path.is_absolute())
}

/// The environment variables that are text. On Windows their names are in upper case: there `Path`
/// and `PATH` are one variable.
pub fn environment_variables() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .map(|(name, value)| match cfg!(windows) {
            true => (name.to_uppercase(), value),
            false => (name, value),
        })
        .collect()
}

/// Relative values count as unset (XDG Base Directory Specification, "Environment variables").
fn from_environment(
    windows: bool,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<PathBuf, DataDirectoryError> {
    let folder = |name: &str| {
        variable(name)
            .map(PathBuf::from)
            .filter(|path| is_absolute(path, windows))
    };
    if windows {
        return folder("LOCALAPPDATA")
            .map(|folder| folder.join("crossdock"))
            .ok_or(DataDirectoryError {
                variable: "LOCALAPPDATA",
            });
    }
    folder("XDG_DATA_HOME")
        .or_else(|| Some(folder("HOME")?.join(".local/share")))
        .map(|folder| folder.join("crossdock"))
        .ok_or(DataDirectoryError {
            variable: "XDG_DATA_HOME or HOME",
        })
}

/// `Path::is_absolute` of the named system, so that both rules are tested on both.
fn is_absolute(path: &Path, windows: bool) -> bool {
    let bytes = path.as_os_str().as_encoded_bytes();
    if windows {
        bytes.starts_with(b"\\\\") || matches!(bytes, [_, b':', b'\\' | b'/', ..])
    } else {
        bytes.starts_with(b"/")
    }
}

#[cfg(test)]
mod tests;
