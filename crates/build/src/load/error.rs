//! Why an image in a file does not get into the store.

use std::io;
use std::path::PathBuf;

use crossdock_image::BlobDigest;
use crossdock_layer::{EditError, ScanError};
use crossdock_store::{OpenArchiveError, OpenLayoutError};

use crate::error::{BuildError, ErrorClass, class_of_content};
use crate::tar_blob::KeepError;

/// Why an image in a file does not get into the store.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The image cannot be read, or the store cannot be written.
    #[error(transparent)]
    Image(Box<BuildError>),
    /// The folder is no layout.
    #[error(transparent)]
    Layout(#[from] Box<OpenLayoutError>),
    /// The folder holds something else.
    #[error(
        "{source}. If it is a root file system, say for which system: --os linux -t NAME, or \
         --os windows -t NAME"
    )]
    NoLayout {
        /// What is missing.
        source: Box<OpenLayoutError>,
    },
    /// The file holds something else.
    #[error(
        "{source}. If it holds a root file system, say for which system: \
         --os linux -t NAME, or --os windows -t NAME"
    )]
    NoArchive {
        /// What is there.
        source: Box<BuildError>,
    },
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}", .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no image in it.
    #[error("{}: holds no image", .file.display())]
    Empty {
        /// The file.
        file: PathBuf,
    },
    /// The image has no name.
    #[error("{}: its image has no name; give it one with -t NAME", .file.display())]
    NoName {
        /// The file.
        file: PathBuf,
    },
    /// Several images have no name.
    #[error(
        "{}: {} of its images have no name ({}), and one name is for one image; copy what you \
         want to a file of its own, with skopeo for example",
        .file.display(), .digests.len(), list(.digests)
    )]
    SeveralWithoutName {
        /// The file.
        file: PathBuf,
        /// The images.
        digests: Vec<BlobDigest>,
    },
    /// A name was given, and all images have names.
    #[error("{}: its images have names already, and it is unclear which one -t is for", .file.display())]
    AllNamed {
        /// The file.
        file: PathBuf,
    },
    /// Several images have the same name.
    #[error("{}: several of its images are called {name}, and nothing tells their platforms apart", .file.display())]
    SameName {
        /// The file.
        file: PathBuf,
        /// The name.
        name: String,
    },
    /// A system whose images nobody can make.
    #[error("--os {os}: only images for linux and windows can be made of a root file system")]
    Os {
        /// The system.
        os: String,
    },
    /// A file system without a name for its image.
    #[error("{}: an image that is made of a root file system needs a name: -t NAME", .file.display())]
    RootWithoutName {
        /// The file.
        file: PathBuf,
    },
    /// What was called a root file system is an archive of images.
    #[error("{}: holds images, which say themselves what they are for; leave out --os", .file.display())]
    HoldsImages {
        /// The file.
        file: PathBuf,
    },
    /// The tar of a root file system cannot be read.
    #[error("{}: {source}", .file.display())]
    Tar {
        /// The file.
        file: PathBuf,
        /// Why.
        source: Box<ScanError>,
    },
    /// Files of another system that the image cannot hold.
    #[error("{}: {source}", .file.display())]
    Edit {
        /// The file.
        file: PathBuf,
        /// Why.
        source: EditError,
    },
}

fn list(digests: &[BlobDigest]) -> String {
    let texts = digests.iter().map(BlobDigest::to_string);
    texts.collect::<Vec<_>>().join(", ")
}

impl LoadError {
    /// An archive that cannot be opened. What is none may be a root file system.
    pub(super) fn no_archive(error: BuildError) -> Self {
        let is_none = matches!(
            &error,
            BuildError::OpenArchive(error) if matches!(**error, OpenArchiveError::NotAnArchive { .. })
        );
        let source = Box::new(error);
        match is_none {
            true => Self::NoArchive { source },
            false => Self::Image(source),
        }
    }

    /// A folder that is no layout may be a root file system.
    pub(super) fn no_layout(error: OpenLayoutError) -> Self {
        let source = Box::new(error);
        match *source {
            OpenLayoutError::NotALayout { .. } => Self::NoLayout { source },
            _ => Self::Layout(source),
        }
    }

    pub(super) fn tar(file: PathBuf, error: KeepError) -> Self {
        match error {
            KeepError::Scan(source) => Self::Tar {
                file,
                source: Box::new(source),
            },
            KeepError::Ingest(source) => BuildError::from(source).into(),
            KeepError::Record(source) => BuildError::from(source).into(),
        }
    }

    /// The kind of failure.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Image(error) => error.class(),
            Self::Tar { source, .. } => match &**source {
                ScanError::Read(error) => class_of_content(error),
                _ => ErrorClass::Integrity,
            },
            Self::Read { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => ErrorClass::Input,
                _ => ErrorClass::System,
            },
            _ => ErrorClass::Input,
        }
    }
}

impl From<BuildError> for LoadError {
    fn from(error: BuildError) -> Self {
        Self::Image(Box::new(error))
    }
}
