//! OCI and Docker documents, and nothing else: pure, no input or output.
//!
//! This is the only crate that knows what a manifest, an index or a config looks like. It defines
//! references, digests, platforms, descriptors, and the traits through which blobs are read.

mod config;
mod descriptor;
mod digest;
mod document;
mod git_commit;
mod git_url;
mod index;
mod manifest;
mod media_type;
mod platform;
mod reference;
mod remote_source;
mod select;
mod source;
mod timestamp;
mod url;
mod verify;

pub use config::{
    Config, ConfigError, ContainerConfig, Health, History, MAX_CONFIG_SIZE, MAX_HISTORY, RootFs,
    Timestamp,
};
pub use descriptor::{ANNOTATION_IMAGE_NAME, ANNOTATION_REF_NAME, Descriptor};
pub use digest::{BlobDigest, DiffId, Digest, DigestError};
pub use document::{
    Document, DocumentError, MAX_BLOB_SIZE, MAX_DOCUMENT_SIZE, MAX_LAYERS, MAX_MANIFESTS,
};
pub use git_commit::{CommitError, CommitId, CommitPrefix};
pub use git_url::{GitTimes, GitUrl};
pub use index::Index;
pub use manifest::Manifest;
pub use media_type::{
    LayerCompression, LayerMediaType, MediaType, docker_layer_media_type, oci_layer_media_type,
};
pub use platform::{OsVersion, Platform, PlatformError};
pub use reference::{Reference, ReferenceError, Repository};
pub use remote_source::{RemoteSource, RemoteSourceError};
pub use select::{SelectError, fits, select};
pub use source::{
    ArchiveForm, ArchiveReference, ImageSource, LayoutReference, SourceError, split_image_path,
};
pub use timestamp::{format_rfc3339, parse_rfc3339};
pub use url::{HttpUrl, is_file_name};
pub use verify::{BlobSource, VerifiedReader, VerifyError};
