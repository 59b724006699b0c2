//! File names as bytes and as the host's strings.

use std::ffi::{OsStr, OsString};

/// Which names files of a host can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostNames {
    /// Any bytes but `/` and NUL.
    Posix,
    /// Unicode without `< > : " / \ | ? *` and control characters; letter case does not count.
    Windows,
}

/// The names that this host has.
pub const HOST_NAMES: HostNames = match cfg!(windows) {
    true => HostNames::Windows,
    false => HostNames::Posix,
};

/// A name that the host cannot express, or that has no bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the name {name:?} is not valid Unicode; rename the file")]
pub struct NameError {
    /// The name, with replacement characters where it is not valid.
    pub name: String,
}

/// The host's string for `bytes`. On Unix any bytes will do; on Windows they must be UTF-8.
pub fn bytes_to_os(bytes: &[u8]) -> Result<OsString, NameError> {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        Ok(OsStr::from_bytes(bytes).to_owned())
    }
    #[cfg(not(unix))]
    {
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(OsString::from(text)),
            Err(_) => Err(NameError {
                name: String::from_utf8_lossy(bytes).into_owned(),
            }),
        }
    }
}

/// The bytes of a host's string. On Windows they are UTF-8, and a lone surrogate has none.
pub fn os_to_bytes(name: &OsStr) -> Result<Vec<u8>, NameError> {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        Ok(name.as_bytes().to_vec())
    }
    #[cfg(not(unix))]
    {
        match name.to_str() {
            Some(text) => Ok(text.as_bytes().to_vec()),
            None => Err(NameError {
                name: name.to_string_lossy().into_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests;
