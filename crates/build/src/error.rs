//! Why a build failed.

use std::io;
use std::path::PathBuf;

use crossdock_dockerfile::LowerError;
use crossdock_graph::Location;
use crossdock_host::{ContextError, FolderError};
use crossdock_image::{
    BlobDigest, DiffId, Digest, ImageSource, ReferenceError, RemoteSourceError, SelectError,
    VerifyError,
};
use crossdock_layer::{EditError, ScanError, SelectError as SourceError, StackError, WriteError};
use crossdock_remote::{
    BlobError as RemoteBlobError, FetchError, GitError, ManifestError, PushError, RequestError,
};
use crossdock_store::{
    ArchiveError, ArchiveResolveError, BlobError, DocumentReadError, IngestError, LayoutWriteError,
    OpenArchiveError, OpenLayoutError, RecordError, ResolveError, TagError,
};

use crate::annotations::AnnotationLevel;
use crate::context::ContextModesError;
use crate::output::OutputError;

/// Why a build failed.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The Dockerfile cannot be lowered; it has a place in the file.
    #[error(transparent)]
    Lower(#[from] LowerError),
    /// A name that no image of a registry can have.
    #[error(transparent)]
    Reference(ReferenceError),
    /// An image that its registry does not give.
    #[error("{source}{}", asked_as(.image, .source))]
    Manifest {
        /// The image.
        image: String,
        /// Why.
        source: Box<ManifestError>,
    },
    /// A blob that its registry does not give.
    #[error("{image}: {source}")]
    Download {
        /// The image.
        image: String,
        /// Why.
        source: Box<RemoteBlobError>,
    },
    /// A blob that is not what it should be, or cannot be kept.
    #[error("{image}: download: {source}")]
    Downloaded {
        /// The image.
        image: String,
        /// Why.
        source: Box<IngestError>,
    },
    /// Something that does not get into a registry.
    #[error("push: {source}")]
    Push {
        /// Why.
        source: Box<PushError>,
    },
    /// An image that the store does not have.
    #[error("{image}: the store has no image of this name; build one with -t {image}, or pull it")]
    NotStored {
        /// The image.
        image: String,
    },
    /// A layout that cannot be opened.
    #[error("{image}: {source}")]
    OpenLayout {
        /// The image as it was written.
        image: ImageSource,
        /// Why.
        source: Box<OpenLayoutError>,
    },
    /// An image that is not in its layout.
    #[error("{image}: {source}")]
    Resolve {
        /// The image as it was written.
        image: ImageSource,
        /// Why.
        source: Box<ResolveError>,
    },
    /// A file that is no archive of images, or a damaged one.
    #[error(transparent)]
    OpenArchive(#[from] Box<OpenArchiveError>),
    /// A compressed archive of images that cannot be decompressed.
    #[error("{}: cannot be decompressed: {source}", .path.display())]
    Decompress {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A compressed archive that cannot be kept for the time being.
    #[error("the store has no room for the content of {}: {source}", .path.display())]
    SpoolArchive {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// An image that is not in its archive.
    #[error(transparent)]
    ResolveArchive {
        /// Why.
        source: Box<ArchiveResolveError>,
    },
    /// An index without the platform.
    #[error(
        "{image}: {source}; for an image of another platform begin a stage with \
         FROM --platform=OS/ARCH {image} AS NAME and copy --from=NAME"
    )]
    Platform {
        /// The image as it was written.
        image: String,
        /// Why.
        source: SelectError,
    },
    /// A document that cannot be read.
    #[error("{image}: {source}")]
    Document {
        /// The image as it was written.
        image: String,
        /// Why.
        source: Box<DocumentReadError>,
    },
    /// Indexes that refer to indexes without end.
    #[error("{image}: its index refers to further indexes, more than {limit} deep")]
    NestedIndex {
        /// The image as it was written.
        image: String,
        /// The limit.
        limit: usize,
    },
    /// A manifest and a config that do not belong together.
    #[error(
        "{image}: the manifest has {layers} layers, the config lists {diff_ids} diff ids; the \
         image is damaged or was put together wrongly"
    )]
    LayerCount {
        /// The image as it was written.
        image: String,
        /// Layers of the manifest.
        layers: usize,
        /// Diff ids of the config.
        diff_ids: usize,
    },
    /// A layer that is no tar.
    #[error(
        "{image}: layer {digest} has the media type {media_type:?}, which is no layer of files"
    )]
    LayerMediaType {
        /// The image as it was written.
        image: String,
        /// The blob.
        digest: BlobDigest,
        /// Its media type.
        media_type: String,
    },
    /// An image of a system that is neither Linux nor Windows.
    #[error("{image}: it is an image for {os:?}; only linux and windows are supported")]
    UnknownOs {
        /// The image as it was written, or the platform.
        image: String,
        /// Its operating system.
        os: String,
    },
    /// A layer's blob cannot be read.
    #[error("{image}: layer {digest}: {source}")]
    Layer {
        /// The image.
        image: String,
        /// The blob.
        digest: BlobDigest,
        /// Why.
        source: Box<ScanError>,
    },
    /// A blob cannot be opened.
    #[error("{image}: {source}")]
    Blob {
        /// The image.
        image: String,
        /// Why.
        source: Box<BlobError>,
    },
    /// A layer is not what the config says.
    #[error(
        "{image}: layer {digest} decompresses to {found}, but the config says {expected}; the \
         image is damaged or was put together wrongly"
    )]
    DiffId {
        /// The image.
        image: String,
        /// The blob.
        digest: BlobDigest,
        /// What the config says.
        expected: DiffId,
        /// What it is.
        found: DiffId,
    },
    /// Layers that do not make a file system.
    #[error("{image}: {source}")]
    Stack {
        /// The image or stage.
        image: String,
        /// Why.
        source: Box<StackError>,
    },
    /// The build context.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// A folder whose files get no modes.
    #[error("build context {}: {source}", .context.display())]
    ContextModes {
        /// The folder.
        context: PathBuf,
        /// Why.
        source: Box<ContextModesError>,
    },
    /// Names of a folder on NTFS that are one on Linux.
    #[error(
        "build context {}: {:?} and {:?} have the same name on Linux, {decoded:?}; rename one",
        .context.display(), names[0], names[1]
    )]
    ContextNames {
        /// The folder.
        context: PathBuf,
        /// The paths there.
        names: [String; 2],
        /// The path on Linux.
        decoded: String,
    },
    /// There is no such context.
    #[error("{location}: there is no build context named {name:?}", location = at(.location))]
    NoContext {
        /// Who asked.
        location: Box<Location>,
        /// Its name.
        name: String,
    },
    /// A context's ignore file.
    #[error("{}: {reason}", .path.display())]
    Ignore {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A context that came as a tar and cannot be read as one.
    #[error("build context {context}: {source}")]
    ContextTar {
        /// The context.
        context: String,
        /// Why.
        source: Box<ScanError>,
    },
    /// A context that came as a tar, with entries that make no tree.
    #[error("build context {context}: {source}")]
    ContextTree {
        /// The context.
        context: String,
        /// Why.
        source: Box<StackError>,
    },
    /// An address that cannot be read.
    #[error("{asked}: {source}")]
    Address {
        /// Who asked.
        asked: String,
        /// Why.
        source: RemoteSourceError,
    },
    /// A file that cannot be fetched.
    #[error("{asked}: {source}")]
    Fetch {
        /// Who asked.
        asked: String,
        /// Why.
        source: Box<FetchError>,
    },
    /// A file that came and cannot be kept.
    #[error("{asked}: {url}: {source}")]
    KeepFetched {
        /// Who asked.
        asked: String,
        /// The file's address.
        url: String,
        /// Why.
        source: io::Error,
    },
    /// A file that is too large.
    #[error(
        "{asked}: {url}: the file is larger than the limit of {limit} bytes; if that is right, \
         raise the limit with --max-layer-size"
    )]
    FetchedTooLarge {
        /// Who asked.
        asked: String,
        /// The file's address.
        url: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// A file that is not the one that was expected.
    #[error(
        "{asked}: {url}: the file's digest is {found}, and --checksum says {expected}; the file \
         has changed, or another one is meant"
    )]
    Checksum {
        /// Who asked.
        asked: String,
        /// The file's address.
        url: String,
        /// What it should be.
        expected: Digest,
        /// What it is.
        found: String,
    },
    /// A tree of a git repository that cannot be had.
    #[error("{asked}: {source}")]
    Git {
        /// Who asked.
        asked: String,
        /// Why.
        source: Box<GitError>,
    },
    /// There is no Dockerfile where it was looked for.
    #[error("{}", no_dockerfile(.context.as_deref(), .paths))]
    NoDockerfile {
        /// The context that it was looked for in; `None` for files of this machine.
        context: Option<String>,
        /// Where it could have been, in the order in which it was looked for.
        paths: Vec<PathBuf>,
    },
    /// A Dockerfile that cannot be read.
    #[error("Dockerfile {}: cannot be read: {source}", .path.display())]
    ReadDockerfile {
        /// Where it is.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A path of a Dockerfile that is not one in its context.
    #[error(
        "-f {}: is no path in the build context; for a Dockerfile of this machine write an \
         absolute path",
        .path.display()
    )]
    DockerfileOutside {
        /// The path.
        path: PathBuf,
    },
    /// The context is a Dockerfile, and another is named.
    #[error(
        "-f {}: the build context {context} is no tar but a Dockerfile itself; leave one of them \
         out",
        .path.display()
    )]
    TwoDockerfiles {
        /// The context.
        context: String,
        /// The other Dockerfile.
        path: PathBuf,
    },
    /// A source path of a copy.
    #[error("{location}: {source}{hint}", location = at(.location))]
    Source {
        /// Who asked.
        location: Box<Location>,
        /// Why.
        source: SourceError,
        /// More for the user; may be empty.
        hint: String,
    },
    /// A copy that cannot be made.
    #[error("{location}: {source}", location = at(.location))]
    Edit {
        /// Who asked.
        location: Box<Location>,
        /// Why.
        source: Box<EditError>,
    },
    /// An owner that cannot be resolved.
    #[error("{location}: {reason}", location = at(.location))]
    Owner {
        /// Who asked.
        location: Box<Location>,
        /// Why.
        reason: String,
    },
    /// Something that is not supported yet.
    #[error("{location}: {what} is not supported yet", location = at(.location))]
    Unsupported {
        /// Who asked.
        location: Box<Location>,
        /// What.
        what: String,
    },
    /// Patterns of `--exclude` that are not well formed.
    #[error("{location}: {reason}", location = at(.location))]
    Exclude {
        /// Who asked.
        location: Box<Location>,
        /// Which pattern, and why.
        reason: String,
    },
    /// An archive of `ADD` that cannot be read.
    #[error("{location}: {path}: {source}", location = at(.location))]
    Archive {
        /// Who asked.
        location: Box<Location>,
        /// The file in the context.
        path: String,
        /// Why.
        source: Box<ScanError>,
    },
    /// Content that is needed for a layer.
    #[error("{location}: {what}: {source}", location = at(.location))]
    Content {
        /// Who asked.
        location: Box<Location>,
        /// Which content.
        what: String,
        /// Why.
        source: io::Error,
    },
    /// A part of the finished image that cannot be read for an output.
    #[error("blob {digest}: {source}")]
    Part {
        /// The blob.
        digest: BlobDigest,
        /// Why.
        source: io::Error,
    },
    /// A layer that cannot be written.
    #[error("{location}: {source}", location = at(.location))]
    Write {
        /// Who asked.
        location: Box<Location>,
        /// Why.
        source: Box<WriteError>,
    },
    /// The store.
    #[error("store: {0}")]
    Ingest(#[from] IngestError),
    /// The store.
    #[error("store: {0}")]
    Record(#[from] RecordError),
    /// The store.
    #[error("store: {0}")]
    Tag(#[from] TagError),
    /// The output folder.
    #[error("output: {0}")]
    WriteLayout(#[from] LayoutWriteError),
    /// The output archive.
    #[error("output: {0}")]
    WriteArchive(#[from] ArchiveError),
    /// Another output.
    #[error("output: {0}")]
    Output(#[from] OutputError),
    /// An annotation of an index, and there is one image.
    #[error(
        "annotation {}:{key}: one platform gives an image without an index; name several \
         platforms, or leave the level out",
        level.name()
    )]
    IndexAnnotation {
        /// Its level.
        level: AnnotationLevel,
        /// Its name.
        key: String,
    },
    /// Losses under `--strict`.
    #[error("{count} {} be kept, and --strict was given; they are listed above", if *.count == 1 { "thing cannot" } else { "things cannot" })]
    Strict {
        /// Number of losses.
        count: usize,
    },
}

/// Where a Dockerfile was looked for.
fn no_dockerfile(context: Option<&str>, paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let (first, others) = paths
        .split_first()
        .map_or(("", &[][..]), |(first, others)| (first.as_str(), others));
    let context = context.map_or_else(String::new, |name| format!(" in the build context {name}"));
    let others: String = others.iter().map(|path| format!(", nor {path}")).collect();
    format!("Dockerfile {first}: is not there{others}{context}; name another with -f")
}

/// A reference that resolution of an index led to is not the one that was written.
fn asked_as(image: &str, source: &ManifestError) -> String {
    let text = source.to_string();
    match text.starts_with(image) {
        true => String::new(),
        false => format!(" (asked for by {image})"),
    }
}

fn class_of_request(error: &RequestError) -> ErrorClass {
    match error.is_failure() {
        true => ErrorClass::System,
        false => ErrorClass::Input,
    }
}

fn class_of_download(error: &RemoteBlobError) -> ErrorClass {
    match error {
        RemoteBlobError::NotFound { .. } | RemoteBlobError::Size { .. } => ErrorClass::Integrity,
        RemoteBlobError::Broken { .. } => ErrorClass::System,
        RemoteBlobError::Request { source, .. } => class_of_request(source),
    }
}

/// What kind of failure it is, for the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// The Dockerfile, the context or the options ask for something that cannot be.
    Input,
    /// An image or blob is damaged, hostile, or not what its digest says.
    Integrity,
    /// The machine failed: disk, permissions.
    System,
    /// `--strict` refused a loss.
    Strict,
}

impl BuildError {
    pub(crate) fn manifest(image: &str, source: ManifestError) -> Self {
        Self::Manifest {
            image: image.to_owned(),
            source: Box::new(source),
        }
    }

    pub(crate) fn download(image: &str, source: RemoteBlobError) -> Self {
        Self::Download {
            image: image.to_owned(),
            source: Box::new(source),
        }
    }

    /// The kind of failure.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Layer { source, .. } => match &**source {
                ScanError::Read(error) => class_of_content(error),
                _ => ErrorClass::Integrity,
            },
            Self::Manifest { source, .. } => match &**source {
                ManifestError::NotFound { .. } => ErrorClass::Input,
                ManifestError::Digest { .. } => ErrorClass::Integrity,
                ManifestError::Request { source, .. } => class_of_request(source),
            },
            Self::Download { source, .. } => class_of_download(source),
            Self::Downloaded { source, .. } => match &**source {
                IngestError::Other { .. } => ErrorClass::Integrity,
                IngestError::Write { .. } => ErrorClass::System,
            },
            Self::Push { source } => match &**source {
                PushError::Request { source, .. } => class_of_request(source),
                PushError::Manifest { .. } => ErrorClass::Input,
                PushError::Digest { .. } => ErrorClass::Integrity,
                PushError::Lost { .. } => ErrorClass::System,
            },
            Self::DiffId { .. }
            | Self::Stack { .. }
            | Self::LayerCount { .. }
            | Self::LayerMediaType { .. }
            | Self::Document { .. }
            | Self::NestedIndex { .. }
            | Self::Blob { .. } => ErrorClass::Integrity,
            Self::OpenArchive(error) => match &**error {
                OpenArchiveError::Damaged { .. } | OpenArchiveError::Document { .. } => {
                    ErrorClass::Integrity
                }
                OpenArchiveError::Read { source, .. } => match source.kind() {
                    io::ErrorKind::NotFound => ErrorClass::Input,
                    _ => class_of_content(source),
                },
                _ => ErrorClass::Input,
            },
            Self::Content { source, .. } | Self::Decompress { source, .. } => {
                class_of_content(source)
            }
            Self::Fetch { source, .. } => match source.is_failure() {
                true => ErrorClass::System,
                false => ErrorClass::Input,
            },
            Self::KeepFetched { source, .. } => class_of_content(source),
            Self::Checksum { .. } => ErrorClass::Integrity,
            Self::Git { source, .. } => class_of_git(source),
            Self::ContextTar { source, .. } => match &**source {
                ScanError::Read(error) => class_of_stream(error),
                _ => ErrorClass::Input,
            },
            Self::WriteLayout(error) => match error {
                LayoutWriteError::Occupied { .. } | LayoutWriteError::Existing(_) => {
                    ErrorClass::Input
                }
                LayoutWriteError::Other { .. } => ErrorClass::Integrity,
                LayoutWriteError::Source { source, .. } => class_of_content(source),
                LayoutWriteError::Write { .. } => ErrorClass::System,
            },
            Self::WriteArchive(ArchiveError::Blob { source, .. }) => class_of_content(source),
            Self::Write { source, .. } => class_of_content(&source.source),
            Self::Part { source, .. } => class_of_content(source),
            Self::Ingest(_)
            | Self::Record(_)
            | Self::Tag(_)
            | Self::WriteArchive(_)
            | Self::SpoolArchive { .. } => ErrorClass::System,
            Self::Output(error) => match error {
                OutputError::Content { source, .. } => class_of_content(source),
                OutputError::Tar { source } => class_of_content(&source.source),
                OutputError::Folder(FolderError::Open { .. } | FolderError::Write { .. })
                | OutputError::File { .. }
                | OutputError::Recompressed { .. } => ErrorClass::System,
                _ => ErrorClass::Input,
            },
            Self::Strict { .. } => ErrorClass::Strict,
            _ => ErrorClass::Input,
        }
    }
}

/// What a failure to read content is: bytes that are not what they should be, or the machine's.
pub(crate) fn class_of_content(error: &io::Error) -> ErrorClass {
    let inner = error.get_ref();
    if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<BuildError>()) {
        return error.class();
    }
    if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<RemoteBlobError>()) {
        return class_of_download(error);
    }
    if inner.is_some_and(|inner| inner.is::<ContextError>()) {
        return ErrorClass::Input;
    }
    match error.kind() {
        // The last is what flate2 says of a corrupt stream.
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput => {
            ErrorClass::Integrity
        }
        _ if VerifyError::of(error).is_some() => ErrorClass::Integrity,
        _ => ErrorClass::System,
    }
}

fn class_of_git(error: &GitError) -> ErrorClass {
    match error {
        GitError::Checksum { .. } => ErrorClass::Integrity,
        GitError::Run { .. } | GitError::Folder { .. } | GitError::Write { .. } => {
            ErrorClass::System
        }
        GitError::Submodule { source, .. } => class_of_git(source),
        error if error.is_failure() => ErrorClass::System,
        _ => ErrorClass::Input,
    }
}

/// What a failure to read what the user gave is: the wrong bytes, or the machine's.
fn class_of_stream(error: &io::Error) -> ErrorClass {
    match class_of_content(error) {
        ErrorClass::Integrity => ErrorClass::Input,
        class => class,
    }
}

/// `Dockerfile:7: COPY a b`, and the stage if it has a name.
pub(crate) fn at(location: &Location) -> String {
    let Location {
        file,
        line,
        stage,
        text,
        ..
    } = location;
    let is_named = !stage.is_empty() && stage.parse::<u32>().is_err();
    let stage = match is_named {
        true => format!(" (stage {stage})"),
        false => String::new(),
    };
    format!("{file}:{line}: {text}{stage}")
}
