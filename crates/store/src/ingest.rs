//! Putting a blob into the store.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use crossdock_host::TemporaryFile;
use crossdock_image::{BlobDigest, Digest};
use sha2::{Digest as _, Sha256};

use crate::blob::{self, Durability};
use crate::store::Inner;

/// A blob that is being written.
///
/// # Life cycle
/// Bytes are written and hashed as they come; [`commit`](Self::commit) checks them and gives the
/// blob its name. Until then nobody sees it. Dropping an ingest, or
/// killing the process, leaves nothing in the store.
#[derive(Debug)]
pub struct Ingest {
    // Before the store: the last user of a store removes the folder that the file is in.
    file: BufWriter<TemporaryFile>,
    store: Arc<Inner>,
    hash: Sha256,
    size: u64,
}

/// Why a blob is not in the store.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// What was written is not the blob that was expected.
    #[error(
        "expected the blob {expected} of {expected_size} bytes, got {found} of {found_size} bytes"
    )]
    Other {
        /// The expected digest.
        expected: BlobDigest,
        /// The expected size in bytes.
        expected_size: u64,
        /// The digest of what was written.
        found: BlobDigest,
        /// Its size in bytes.
        found_size: u64,
    },
    /// The system failed to write.
    #[error("{}: cannot be written: {source}", .path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl Ingest {
    pub(crate) fn start(store: Arc<Inner>) -> Result<Self, IngestError> {
        let folder = store.process_folder();
        let file = TemporaryFile::create_in(folder).map_err(|source| IngestError::Write {
            path: folder.to_owned(),
            source,
        })?;
        Ok(Self {
            file: BufWriter::with_capacity(256 << 10, file),
            store,
            hash: Sha256::new(),
            size: 0,
        })
    }

    /// How many bytes were written so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Puts the blob into the store and gives its digest and size. With `expected` it must be
    /// that blob.
    ///
    /// The blob is not synced ([`Store::sync_blobs`](crate::Store::sync_blobs)).
    ///
    /// A blob that is there with the right size stays as it is: whoever finds one damaged reports
    /// it ([`Store::report_damaged_blob`](crate::Store::report_damaged_blob)), which moves it
    /// aside.
    pub fn commit(
        self,
        expected: Option<(BlobDigest, u64)>,
    ) -> Result<(BlobDigest, u64), IngestError> {
        let digest = BlobDigest::new(Digest::from_bytes(self.hash.finalize().into()));
        let size = self.size;
        if let Some((expected, expected_size)) = expected
            && (expected, expected_size) != (digest, size)
        {
            return Err(IngestError::Other {
                expected,
                expected_size,
                found: digest,
                found_size: size,
            });
        }
        self.store.hold_blob(&digest);
        let root = self.store.root();
        if blob::is_there(root, &digest, size) {
            return Ok((digest, size));
        }
        let file = self.file.into_inner().map_err(|error| error.into_error());
        match file.and_then(|file| blob::persist(file, root, &digest, size, Durability::Later)) {
            Ok(()) => Ok((digest, size)),
            Err(source) => Err(IngestError::Write {
                path: blob::path(root, &digest),
                source,
            }),
        }
    }
}

impl Write for Ingest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
