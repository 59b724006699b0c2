//! Blobs in the `blobs/` folder of a layout.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crossdock_host::{Existing, TemporaryFile, open_file};
use crossdock_image::{
    BlobDigest, Config, ConfigError, Descriptor, Document, DocumentError, MAX_CONFIG_SIZE,
    MAX_DOCUMENT_SIZE, VerifiedReader, VerifyError,
};

/// Why a blob cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// It is not there.
    #[error("{}: blob {digest} is missing; copy or download the image again", .path.display())]
    Missing {
        /// Its digest.
        digest: BlobDigest,
        /// Where it should be.
        path: PathBuf,
    },
    /// Size or content are not those of the descriptor.
    #[error("{}: {source}; copy or download the image again", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong; it names the digest.
        source: VerifyError,
    },
    /// The caller wants the whole blob in memory, and it is too large for that.
    #[error(
        "{}: blob {digest} has {size} bytes, more than the {limit} expected here",
        .path.display()
    )]
    TooLarge {
        /// Its digest.
        digest: BlobDigest,
        /// The file.
        path: PathBuf,
        /// Its size in bytes, as the descriptor gives it.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The system failed to read it.
    #[error("{}: blob {digest} cannot be read: {source}", .path.display())]
    Read {
        /// Its digest.
        digest: BlobDigest,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl From<BlobError> for io::Error {
    fn from(error: BlobError) -> Self {
        let kind = match &error {
            BlobError::Missing { .. } => io::ErrorKind::NotFound,
            BlobError::Damaged { .. } | BlobError::TooLarge { .. } => io::ErrorKind::InvalidData,
            BlobError::Read { source, .. } => source.kind(),
        };
        Self::new(kind, error)
    }
}

/// Why a document cannot be read from a blob.
#[derive(Debug, thiserror::Error)]
pub enum DocumentReadError {
    /// The blob cannot be read.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// It is no manifest and no index.
    #[error("{}: {digest}: {source}", .path.display())]
    Document {
        /// The file.
        path: PathBuf,
        /// Its digest.
        digest: BlobDigest,
        /// What is wrong.
        source: DocumentError,
    },
    /// It is no image config.
    #[error("{}: {digest}: {source}", .path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Its digest.
        digest: BlobDigest,
        /// What is wrong.
        source: ConfigError,
    },
}

/// The folder of blobs in a layout.
pub(crate) fn folder(root: &Path) -> PathBuf {
    root.join("blobs").join("sha256")
}

/// The file of a blob. A digest is hexadecimal digits, so the path stays in its folder.
pub(crate) fn path(root: &Path, digest: &BlobDigest) -> PathBuf {
    folder(root).join(digest.hex())
}

/// Whether a file of this size is there under the blob's name.
pub(crate) fn is_there(root: &Path, digest: &BlobDigest, size: u64) -> bool {
    path(root, digest)
        .metadata()
        .is_ok_and(|found| found.is_file() && found.len() == size)
}

/// When a blob is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Before it has its name.
    Synced,
    /// When the system gets round to it.
    Later,
}

/// Gives a blob that was written and verified its name. On Windows another process that has the
/// same blob open may be in the way; then that one is as good.
pub(crate) fn persist(
    file: TemporaryFile,
    root: &Path,
    digest: &BlobDigest,
    size: u64,
    durability: Durability,
) -> io::Result<()> {
    let path = path(root, digest);
    let named = match durability {
        Durability::Synced => file.persist(&path, Existing::Replace),
        Durability::Later => file.rename(&path, Existing::Replace),
    };
    match named {
        Err(_) if is_there(root, digest, size) => Ok(()),
        result => result,
    }
}

/// Opens the file of a blob and gives its size.
pub(crate) fn open(root: &Path, digest: &BlobDigest) -> Result<(File, u64), BlobError> {
    let path = path(root, digest);
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => BlobError::Missing {
            digest: *digest,
            path: path.clone(),
        },
        _ => BlobError::Read {
            digest: *digest,
            path: path.clone(),
            source,
        },
    };
    // Asked before opening: a pipe would block.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(failed(io::Error::other("it is not a regular file")));
    }
    let file = open_file(&path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    Ok((file, size))
}

/// Opens a blob of which size and digest are known.
pub(crate) fn open_verified(
    root: &Path,
    descriptor: &Descriptor,
) -> Result<VerifiedReader<File>, BlobError> {
    let (digest, expected) = (descriptor.digest, descriptor.size);
    let (file, found) = open(root, &digest)?;
    if found != expected {
        let source = if found < expected {
            VerifyError::TooShort {
                digest,
                expected,
                found,
            }
        } else {
            VerifyError::TooLong { digest, expected }
        };
        return Err(BlobError::Damaged {
            path: path(root, &digest),
            source,
        });
    }
    Ok(VerifiedReader::new(file, digest, expected))
}

/// Reads a whole blob of at most `limit` bytes with `open`, which verifies. `path` is the file
/// that it is in.
pub(crate) fn read<R: Read>(
    path: PathBuf,
    descriptor: &Descriptor,
    limit: u64,
    open: impl FnOnce() -> Result<R, BlobError>,
) -> Result<Vec<u8>, BlobError> {
    if descriptor.size > limit {
        return Err(BlobError::TooLarge {
            digest: descriptor.digest,
            path,
            size: descriptor.size,
            limit,
        });
    }
    let mut bytes = Vec::new();
    match open()?.read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(match VerifyError::of(&error) {
            Some(source) => BlobError::Damaged {
                path,
                source: source.clone(),
            },
            None => BlobError::Read {
                digest: descriptor.digest,
                path,
                source: error,
            },
        }),
    }
}

/// Reads a manifest or an index with `read`, which takes a limit.
pub(crate) fn document(
    path: PathBuf,
    descriptor: &Descriptor,
    read: impl FnOnce(u64) -> Result<Vec<u8>, BlobError>,
) -> Result<Document, DocumentReadError> {
    let bytes = read(MAX_DOCUMENT_SIZE)?;
    Document::parse(&bytes, Some(&descriptor.media_type)).map_err(|source| {
        DocumentReadError::Document {
            path,
            digest: descriptor.digest,
            source,
        }
    })
}

/// Reads an image config with `read`, which takes a limit.
pub(crate) fn config(
    path: PathBuf,
    descriptor: &Descriptor,
    read: impl FnOnce(u64) -> Result<Vec<u8>, BlobError>,
) -> Result<Config, DocumentReadError> {
    let bytes = read(MAX_CONFIG_SIZE)?;
    Config::parse(&bytes).map_err(|source| DocumentReadError::Config {
        path,
        digest: descriptor.digest,
        source,
    })
}
