//! OCI and Docker documents, and nothing else: pure, no input or output.
//!
//! This is the only crate that knows what a manifest, an index or a config looks like. It defines
//! references, digests, platforms, descriptors, and the traits through which blobs are read.

mod config;
mod digest;
mod platform;
mod source;

pub use config::{Config, ContainerConfig, Health, History, RootFs, Timestamp};
pub use digest::{BlobDigest, DiffId, Digest, DigestError};
pub use platform::{OsVersion, Platform, PlatformError};
pub use source::{ImageSource, LayoutReference, SourceError};
