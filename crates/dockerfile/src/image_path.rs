//! Paths as users write them, made absolute by the rules of the system they belong to.
//!
//! Source of the Windows rules: BuildKit's util/system/path.go. A drive other than `C:` and a UNC
//! path are errors there, and `C:name` is relative to the working directory.

use std::borrow::Cow;

/// Which system's rules a path follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PathRules {
    /// `/` separates, everything else is part of a name.
    Linux,
    /// `/` and `\` separate, and there may be a drive.
    Windows,
}

/// A path that a stage's system does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// `C:` alone.
    #[error("{path:?} names a drive but no path on it")]
    DriveAlone {
        /// The path.
        path: String,
    },
    /// `D:\x`, or a colon elsewhere.
    #[error("{path:?} is not on the system drive (C:)")]
    OtherDrive {
        /// The path.
        path: String,
    },
    /// `\\server\share`, `\\.\device`.
    #[error("{path:?}: UNC paths are not supported")]
    Unc {
        /// The path.
        path: String,
    },
}

/// An absolute path and what its spelling said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedPath {
    /// Absolute, `/`-separated, without `.` and `..`.
    pub path: String,
    /// Written so that it can only be a directory: `x/`, `x/.`, `.` or nothing.
    pub directory: bool,
}

impl PathRules {
    /// The rules of `os`, a GOOS name.
    pub fn of(os: &str) -> Self {
        match os {
            "windows" => Self::Windows,
            _ => Self::Linux,
        }
    }

    /// Makes `written` absolute; a relative path is relative to `directory`.
    pub fn resolve(self, directory: &str, written: &str) -> Result<ResolvedPath, PathError> {
        let base = self.without_drive(directory)?;
        let path = self.without_drive(written)?;
        let is_directory =
            path.is_empty() || path == "." || path.ends_with('/') || path.ends_with("/.");
        let path = match path.starts_with('/') {
            true => clean(&path),
            false => clean(&format!("/{base}/{path}")),
        };
        Ok(ResolvedPath {
            path,
            directory: is_directory,
        })
    }

    /// Whether `written` is absolute.
    pub fn is_absolute(self, written: &str) -> bool {
        self.without_drive(written)
            .is_ok_and(|path| path.starts_with('/'))
    }

    /// What `WORKDIR written` in `directory` is called, with `/`: on Linux an absolute path stays
    /// as it is written, as in BuildKit; everything else is made absolute and cleaned.
    pub(crate) fn working_directory(
        self,
        directory: &str,
        written: &str,
    ) -> Result<String, PathError> {
        let stays = |path: &str| self == Self::Linux && path.starts_with('/');
        Ok(match written {
            "" if stays(directory) => directory.to_owned(),
            written if stays(written) => written.to_owned(),
            written => self.resolve(directory, written)?.path,
        })
    }

    /// How an image config writes the working directory of `path`: `/a/b`, on Windows `\a\b`.
    pub fn config_text(self, path: &str) -> String {
        match self {
            Self::Linux => path.to_owned(),
            Self::Windows => path.replace('/', "\\"),
        }
    }

    fn without_drive(self, written: &str) -> Result<Cow<'_, str>, PathError> {
        if self == Self::Linux {
            return Ok(Cow::Borrowed(written));
        }
        let path = || written.to_owned();
        let slashed = written.replace('\\', "/");
        if slashed.starts_with("//") {
            return Err(PathError::Unc { path: path() });
        }
        let Some((drive, rest)) = slashed.split_once(':') else {
            return Ok(Cow::Owned(slashed));
        };
        if rest.is_empty() && drive.chars().count() == 1 {
            return Err(PathError::DriveAlone { path: path() });
        }
        if !drive.eq_ignore_ascii_case("c") {
            return Err(PathError::OtherDrive { path: path() });
        }
        Ok(Cow::Owned(rest.to_owned()))
    }
}

/// `path` without empty components, `.` and `..`; `..` does not climb above the root. The result
/// is absolute.
pub(crate) fn clean(path: &str) -> String {
    let mut components: Vec<&str> = Vec::new();
    for component in path.split('/') {
        match component {
            "" | "." => {}
            ".." => {
                components.pop();
            }
            component => components.push(component),
        }
    }
    format!("/{}", components.join("/"))
}
