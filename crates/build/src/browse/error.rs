//! Why an image cannot be looked into.

use std::io;

use crossdock_image::{Platform, SelectError};
use crossdock_layer::ResolveErrorKind;
use crossdock_store::ArchiveError;

use crate::error::{BuildError, ErrorClass, class_of_content};

/// Why an image cannot be looked into.
#[derive(Debug, thiserror::Error)]
pub enum BrowseError {
    /// The image cannot be found or read.
    #[error(transparent)]
    Image(Box<BuildError>),
    /// There is no image for the platform.
    #[error("{image}: {source}{}", advice(.source))]
    Platform {
        /// The image.
        image: String,
        /// Why.
        source: Box<SelectError>,
    },
    /// An image that the store does not have, nor its registry.
    #[error("{source}{}", in_store(.image, .stored.as_deref()))]
    Absent {
        /// The image.
        image: String,
        /// What it is for in the store, if the name is there and for something else.
        stored: Option<Vec<Platform>>,
        /// Why the registry does not give it.
        source: Box<BuildError>,
    },
    /// The digits of a digest are those of several images.
    #[error("{text}: is the beginning of several digests; write more of it, or one of {}", .names.join(", "))]
    Ambiguous {
        /// The digits.
        text: String,
        /// Names of the images.
        names: Vec<String>,
    },
    /// Nothing is known of the layers of this operating system.
    #[error(
        "{image}: is an image for {os:?}, and only the layers of linux and windows can be read"
    )]
    System {
        /// The image.
        image: String,
        /// What its config says.
        os: String,
    },
    /// A layer that the image does not have.
    #[error("{image}: has {layers} layers, so there is no layer {}; they are counted from 1", .wanted + 1)]
    Layer {
        /// The image.
        image: String,
        /// The place of the layer, counted from 0.
        wanted: usize,
        /// How many there are.
        layers: usize,
    },
    /// A path that leads nowhere.
    #[error("{image}: {source}")]
    Path {
        /// The image.
        image: String,
        /// Why.
        source: PathError,
    },
    /// The content of a file.
    #[error("{image}: {path}: {source}")]
    Content {
        /// The image.
        image: String,
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
}

/// A path inside an image that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path:?}: {problem}")]
pub struct PathError {
    /// The path as it was written.
    pub path: String,
    /// Why.
    pub problem: PathProblem,
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathProblem {
    /// It cannot be followed.
    #[error(transparent)]
    Resolve(#[from] ResolveErrorKind),
    /// Something other than a directory, with a separator behind it.
    #[error("is not a directory")]
    NotADirectory,
    /// Something other than a file.
    #[error("is a {0}, not a file")]
    NotAFile(&'static str),
    /// A drive that no image has.
    #[error("an image has no drive {0}:, only C:")]
    Drive(char),
    /// A path of a server or a device.
    #[error("begins like the path of a server; an image has only C:\\")]
    Server,
}

impl BrowseError {
    /// An image of an index could not be chosen.
    pub(crate) fn from_choice(error: BuildError) -> Self {
        match error {
            BuildError::Platform { image, source } => Self::Platform {
                image,
                source: Box::new(source),
            },
            error => Self::Image(Box::new(error)),
        }
    }

    /// Whether it is only that whoever read standard output went away.
    pub fn nobody_reads(&self) -> bool {
        matches!(
            self,
            Self::Image(error) if matches!(
                &**error,
                BuildError::WriteArchive(ArchiveError::Output { source })
                    if source.kind() == io::ErrorKind::BrokenPipe
            )
        )
    }

    /// The kind of failure.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Image(error) | Self::Absent { source: error, .. } => error.class(),
            Self::Content { source, .. } => class_of_content(source),
            Self::Platform { .. }
            | Self::Ambiguous { .. }
            | Self::System { .. }
            | Self::Layer { .. }
            | Self::Path { .. } => ErrorClass::Input,
        }
    }
}

impl From<BuildError> for BrowseError {
    fn from(error: BuildError) -> Self {
        Self::from_choice(error)
    }
}

/// What the store has of a name that was then looked for in a registry.
fn in_store(image: &str, stored: Option<&[Platform]>) -> String {
    match stored {
        None => format!("\nthe store has no {image}; crossdock images lists what it has"),
        Some([]) => format!("\nthe store has {image} for another platform"),
        Some(platforms) => {
            let platforms: Vec<String> = platforms.iter().map(ToString::to_string).collect();
            let platforms = platforms.join(", ");
            format!("\nthe store has {image} for {platforms}; choose one with --platform")
        }
    }
}

fn advice(error: &SelectError) -> &'static str {
    match error.available.is_empty() {
        true => "",
        false => "; choose one with --platform",
    }
}
