//! Where a finished image goes, and in which form.

mod export;
mod files;
mod folder;
mod recompress;
mod tarball;

use std::io;
use std::path::{Path, PathBuf};

use crossdock_host::FolderError;
use crossdock_image::{BlobDigest, Reference};
use crossdock_layer::{Codec, Compression, EditError, WriteError};

use crate::annotations::Annotation;
use crate::builder::BuildRequest;
use crate::error::BuildError;
use crate::event::{Event, Events};

pub(crate) use export::Exporter;

/// Where an image goes, and in which form.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// Where it goes.
    pub kind: OutputKind,
    /// In which form.
    pub options: OutputOptions,
}

/// Where an image goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputKind {
    /// The store, under the image's names, and if `push` is set the registries that they say.
    Image {
        /// Whether it is pushed too.
        push: bool,
    },
    /// The registries that its names say.
    Registry,
    /// An OCI image layout in a folder; an existing one is added to.
    Layout(PathBuf),
    /// An OCI archive.
    OciArchive(Target),
    /// An archive that `docker load` reads. It holds one image.
    DockerArchive(Target),
    /// The files of the image in a folder, merged into what is there.
    Local(PathBuf),
    /// The files of the image in a tar.
    Tar(Target),
}

/// Where a stream of bytes goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A file, which appears whole or not at all and replaces an earlier one.
    File(PathBuf),
    /// Standard output.
    Stdout,
}

/// In which form an image is written. The default is what the build made.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OutputOptions {
    /// Names of the image here; if there are none, those of the request.
    pub names: Vec<Reference>,
    /// How layers are compressed that this build made. `None` leaves them as they are, which is
    /// gzip.
    pub compression: Option<Codec>,
    /// Layers of bases in another compression are written anew too; at which level theirs are is
    /// not looked at. Without `compression` it is gzip that they get.
    pub force_compression: bool,
    /// Documents of docker's schema 2 instead of OCI's.
    pub docker_media_types: bool,
    /// Annotations beside those of the request.
    pub annotations: Vec<Annotation>,
    /// The user counts on times in layers being at most SOURCE_DATE_EPOCH. They are, in layers that
    /// this build made, whenever there is one: layers of bases stay what they are.
    pub rewrite_timestamp: bool,
    /// Whether files of several platforms lie in a folder for each; `None` is yes.
    pub platform_split: Option<bool>,
}

/// Why an output cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// Several images for an archive of docker.
    #[error(
        "type=docker holds one image, and {platforms} platforms are built; build one platform, or \
         use type=oci, which containerd and docker's containerd store load"
    )]
    SeveralForDocker {
        /// How many.
        platforms: usize,
    },
    /// A compression that docker's schema 2 does not know.
    #[error(
        "compression=zstd cannot be written with oci-mediatypes=false: docker's media types have \
         gzip and uncompressed layers; leave one of the two out"
    )]
    DockerZstd,
    /// Annotations that docker's schema 2 does not know.
    #[error(
        "annotation {level}:{key} cannot be written with oci-mediatypes=false: docker's manifest \
         lists have none; leave one of the two out"
    )]
    DockerAnnotation {
        /// Its level.
        level: &'static str,
        /// Its name.
        key: String,
    },
    /// A place for files that is something else.
    #[error("{}: {what}", .path.display())]
    Place {
        /// The place.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The folder of files.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Files that the receiving system cannot hold.
    #[error("files of {platform}: {source}")]
    Files {
        /// The platform of the image.
        platform: String,
        /// Why.
        source: Box<EditError>,
    },
    /// Two platforms have other files at one path.
    #[error(
        "{path} is in the images for {first} and {second}: with platform-split=false only one of \
         them could be there; leave that out"
    )]
    Overlap {
        /// The path.
        path: String,
        /// The platform that came first.
        first: String,
        /// The other one.
        second: String,
    },
    /// Content of the files that cannot be read.
    #[error("{path}: {source}")]
    Content {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A tar that cannot be written.
    #[error("the tar cannot be written: {source}")]
    Tar {
        /// Why.
        source: Box<WriteError>,
    },
    /// The file of a tar.
    #[error("{}: cannot be written: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A layer in another compression that cannot be kept.
    #[error("layer {layer} in another compression: {source}")]
    Recompressed {
        /// The blob that is there.
        layer: BlobDigest,
        /// Why.
        source: io::Error,
    },
}

impl From<OutputKind> for Output {
    /// In the form that the build made.
    fn from(kind: OutputKind) -> Self {
        Self {
            kind,
            options: OutputOptions::default(),
        }
    }
}

impl OutputKind {
    /// Whether images are written, and not their files.
    pub fn is_image(&self) -> bool {
        !matches!(self, Self::Local(_) | Self::Tar(_))
    }

    /// The name of `-o type=`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Image { .. } => "image",
            Self::Registry => "registry",
            Self::Layout(_) => "oci-layout",
            Self::OciArchive(_) => "oci",
            Self::DockerArchive(_) => "docker",
            Self::Local(_) => "local",
            Self::Tar(_) => "tar",
        }
    }

    /// The file or folder of this machine that it writes, if it does.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Layout(path) | Self::Local(path) => Some(path),
            Self::OciArchive(target) | Self::DockerArchive(target) | Self::Tar(target) => {
                match target {
                    Target::File(path) => Some(path),
                    Target::Stdout => None,
                }
            }
            Self::Image { .. } | Self::Registry => None,
        }
    }

    /// Whether it writes to standard output.
    pub fn is_stdout(&self) -> bool {
        matches!(
            self,
            Self::OciArchive(Target::Stdout)
                | Self::DockerArchive(Target::Stdout)
                | Self::Tar(Target::Stdout)
        )
    }
}

impl OutputOptions {
    /// The codec that layers are to have, if it is not simply left to them.
    fn codec(&self) -> Option<Codec> {
        let forced = self.force_compression.then_some(Codec::GZIP);
        self.compression.or(forced)
    }
}

/// Refuses outputs that cannot be made, before any work.
pub(crate) fn check_outputs(
    request: &BuildRequest<'_>,
    events: Events<'_>,
) -> Result<(), BuildError> {
    let platforms = request.platforms.len();
    for Output { kind, options } in &request.outputs {
        if matches!(kind, OutputKind::DockerArchive(_)) && platforms > 1 {
            return Err(OutputError::SeveralForDocker { platforms }.into());
        }
        let mut annotations = request.annotations.iter().chain(&options.annotations);
        if let Some(annotation) = options.annotations.iter().find(|a| a.level.is_of_index())
            && platforms < 2
        {
            return Err(BuildError::IndexAnnotation {
                level: annotation.level,
                key: annotation.key.clone(),
            });
        }
        if options.docker_media_types {
            if options.codec().map(Codec::compression) == Some(Compression::Zstd) {
                return Err(OutputError::DockerZstd.into());
            }
            let unknown = |a: &&Annotation| a.level != crate::AnnotationLevel::Manifest;
            if let Some(annotation) = annotations.find(unknown) {
                return Err(OutputError::DockerAnnotation {
                    level: annotation.level.name(),
                    key: annotation.key.clone(),
                }
                .into());
            }
        }
        if options.rewrite_timestamp && request.epoch.is_none() {
            let text = "rewrite-timestamp changes nothing without SOURCE_DATE_EPOCH; set it, or \
                        leave rewrite-timestamp out";
            let text = text.to_owned();
            events(Event::Warning { text });
        }
    }
    Ok(())
}
