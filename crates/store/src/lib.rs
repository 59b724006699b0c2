//! Bytes on disk: OCI image layouts that others wrote or will read, and the store of blobs,
//! layer indexes and build-cache records.
//!
//! The only crate that keeps bytes. It knows documents as far as a layout needs them, and knows
//! neither what a layer nor what an index of a layer contains. `docs/format/store.md` gives the
//! store's folder and records byte by byte.

mod archive;
mod blob;
mod image_archive;
mod ingest;
mod layout;
mod lease;
mod process_folder;
mod prune;
mod reach;
mod record;
mod resolve;
mod store;
mod tags;
mod writer;

pub use archive::{Archive, ArchiveError, DockerImage, write_archive, write_archive_file};
pub use blob::{BlobError, DocumentReadError};
pub use image_archive::{ArchiveKind, BlobInFile, ImageArchive, OpenArchiveError};
pub use ingest::{Ingest, IngestError};
pub use layout::{Layout, OpenLayoutError};
pub use prune::{Prunable, PruneError, PruneRequest, Pruned, Removed, ResultNeeds, Skipped};
pub use record::{Lookup, RecordError, RecordKind};
pub use resolve::{ArchiveResolveError, ResolveError};
pub use store::{BlobReader, OpenStoreError, Store, Uncompressed};
pub use tags::TagError;
pub use writer::{LayoutWriteError, LayoutWriter};
