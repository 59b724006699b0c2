//! Where on the host a copy lies: the rules of `docker cp`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crossdock_host::{NameError, os_to_bytes};
use crossdock_layer::NodeKind;

use super::Found;

/// Where on the host a copy lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placing {
    folder: PathBuf,
    name: Option<Vec<u8>>,
}

/// Why a place on the host does not fit what is copied.
#[derive(Debug, thiserror::Error)]
pub enum DestinationProblem {
    /// The system does not let us see what is there.
    #[error("{0}")]
    Unreadable(io::Error),
    /// Something that is no folder, where one is needed.
    #[error("is not a folder; several sources, or a separator behind the name, need one")]
    NotAFolder,
    /// A file, where a directory is copied.
    #[error("is a file, and a directory cannot be copied onto it; name a folder, or another name")]
    DirectoryOntoFile,
    /// A device or a pipe.
    #[error("is neither a file nor a folder; - as destination writes a tar to standard output")]
    Special,
    /// A link to something that is not there.
    #[error("is a link that leads nowhere; remove it, or name the place that it should lead to")]
    DanglingLink,
    /// Nothing, where a folder is needed.
    #[error(
        "there is no such folder; several sources, or a separator behind the name, need one: make \
         it first"
    )]
    NoFolder,
    /// Nothing, and no folder that it could be in.
    #[error("{} is no folder that it could be in; make it first", .0.display())]
    NoParent(PathBuf),
    /// A name that has no bytes.
    #[error("{0}")]
    Name(#[from] NameError),
}

impl Placing {
    /// The folder that is written to. It is there, unless the root of an image becomes it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The name in it that the only source gets, if it is not its own.
    pub fn name(&self) -> Option<&[u8]> {
        self.name.as_deref()
    }

    /// Looks at what is at `destination`, which is the user's own: links to it are followed.
    pub(super) fn find(destination: &Path, sources: &[Found]) -> Result<Self, DestinationProblem> {
        let only = match sources {
            [only] => Some(only),
            _ => None,
        };
        // Without the separator at its end: Windows calls the name of a file with one invalid.
        let bare: PathBuf = destination.components().collect();
        let found = match fs::metadata(bare) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Self::absent(destination, only);
            }
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Err(DestinationProblem::NotAFolder);
            }
            Err(error) => return Err(DestinationProblem::Unreadable(error)),
        };
        if found.is_dir() {
            return Ok(Self {
                folder: destination.to_owned(),
                name: None,
            });
        }
        let source = only.ok_or(DestinationProblem::NotAFolder)?;
        if needs_folder(destination) {
            return Err(DestinationProblem::NotAFolder);
        }
        if source.contents || source.is_directory() {
            return Err(DestinationProblem::DirectoryOntoFile);
        }
        if !found.is_file() {
            return Err(DestinationProblem::Special);
        }
        if source.is_link() {
            // A link takes the place of a link.
            return Self::named(destination);
        }
        let real = fs::canonicalize(destination).map_err(DestinationProblem::Unreadable)?;
        Self::named(&real)
    }

    fn absent(destination: &Path, only: Option<&Found>) -> Result<Self, DestinationProblem> {
        let source = only.ok_or(DestinationProblem::NoFolder)?;
        if fs::symlink_metadata(destination).is_ok() && !source.is_link() {
            return Err(DestinationProblem::DanglingLink);
        }
        let is_directory = source.contents || source.is_directory();
        if needs_folder(destination) && !is_directory {
            return Err(DestinationProblem::NoFolder);
        }
        let placing = Self::named(destination)?;
        match source.is_root() {
            // It has no entry that could get the name.
            true => Ok(Self {
                folder: destination.to_owned(),
                name: None,
            }),
            false => Ok(placing),
        }
    }

    /// The place of that path in a folder that is there.
    fn named(path: &Path) -> Result<Self, DestinationProblem> {
        let name = path.file_name().ok_or(DestinationProblem::NoFolder)?;
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        if !folder.is_dir() {
            return Err(DestinationProblem::NoParent(folder.to_owned()));
        }
        Ok(Self {
            folder: folder.to_owned(),
            name: Some(os_to_bytes(name)?),
        })
    }
}

impl Found {
    fn is_link(&self) -> bool {
        matches!(self.tree.kind(self.selected.node), NodeKind::Symlink(_))
    }

    fn is_root(&self) -> bool {
        self.selected.named == self.tree.root()
    }
}

/// Whether the path is written as that of a folder.
fn needs_folder(path: &Path) -> bool {
    let bytes = path.as_os_str().as_encoded_bytes();
    let bare = bytes.strip_suffix(b".").unwrap_or(bytes);
    bare.last()
        .is_some_and(|&byte| std::path::is_separator(char::from(byte)))
}
