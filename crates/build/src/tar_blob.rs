//! What comes from outside as a tar: it goes into the store as it comes, with its index.

use std::io::{self, Read};
use std::sync::Arc;

use crossdock_image::{Descriptor, LayerCompression, oci_layer_media_type};
use crossdock_layer::{
    ArchiveCompression, ArchiveReader, Compression, HEADER_SIZE, Limits, Parser, ScanError,
    scan_layer,
};
use crossdock_store::{IngestError, RecordError, Store, Uncompressed};

use crate::layers::{Keeping, Layer};
use crate::place::BlobPlace;

/// Bytes of a stream's beginning that tell what it is.
const START: usize = HEADER_SIZE;

/// A stream of which it has been looked what it is.
pub(crate) struct Incoming<R: Read> {
    stream: io::Chain<io::Cursor<Vec<u8>>, R>,
    compression: ArchiveCompression,
    is_archive: bool,
}

impl<R: Read> Incoming<R> {
    /// Reads the beginning of `stream`.
    pub(crate) fn new(mut stream: R) -> io::Result<Self> {
        let mut start = Vec::new();
        stream.by_ref().take(START as u64).read_to_end(&mut start)?;
        Ok(Self {
            compression: ArchiveCompression::detect(&start),
            is_archive: is_archive(&start),
            stream: io::Cursor::new(start).chain(stream),
        })
    }

    /// Whether it is compressed or a tar: docker takes anything else for a Dockerfile.
    pub(crate) fn is_archive(&self) -> bool {
        self.is_archive
    }

    /// The whole stream.
    pub(crate) fn into_inner(self) -> impl Read {
        self.stream
    }
}

fn is_archive(start: &[u8]) -> bool {
    if ArchiveCompression::detect(start) != ArchiveCompression::Layer(Compression::None) {
        return true;
    }
    // A header's checksum holds by chance for no text.
    let Some(block) = start.get(..HEADER_SIZE) else {
        return false;
    };
    Parser::new().push(block, &mut |_| Ok(())).is_ok()
}

/// Why a tar cannot be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeepError {
    /// It cannot be read, or is none.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// The store.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The store.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// Puts a tar into the store, and gives it as a layer with its index. `name` says whose it is.
pub(crate) fn keep_tar(
    store: &Store,
    limits: &Limits,
    name: &str,
    incoming: Incoming<impl Read>,
) -> Result<Arc<Layer>, KeepError> {
    let compression = incoming.compression;
    let stream = incoming.into_inner();
    match compression {
        ArchiveCompression::Layer(_) => keep_layer(store, limits, name, stream),
        // No layer is compressed like this, and no such blob can be read from its middle.
        ArchiveCompression::Bzip2 | ArchiveCompression::Xz => {
            let stream = ArchiveReader::new(stream, limits).map_err(ScanError::from)?;
            keep_layer(store, limits, name, stream)
        }
    }
}

fn keep_layer(
    store: &Store,
    limits: &Limits,
    name: &str,
    stream: impl Read,
) -> Result<Arc<Layer>, KeepError> {
    let mut ingest = store.ingest()?;
    let keeping = Keeping {
        inner: stream,
        ingest: &mut ingest,
    };
    let scan = scan_layer(keeping, limits)?;
    let (digest, size) = ingest.commit(None)?;
    let index = scan.index;
    let diff_id = index.diff_id();
    let content = Uncompressed {
        diff_id,
        size: index.tar_size(),
    };
    store.put_layer_index(&diff_id, index.as_bytes())?;
    store.put_diff_id(&digest, &content)?;
    store.put_checkpoints(&digest, scan.checkpoints.as_bytes())?;
    let compression = match scan.compression {
        Compression::None => LayerCompression::None,
        Compression::Gzip => LayerCompression::Gzip,
        Compression::Zstd => LayerCompression::Zstd,
    };
    let descriptor = Descriptor::new(oci_layer_media_type(compression), digest, size);
    let place = BlobPlace::Store(store.clone());
    let layer = Layer::new(descriptor, diff_id, place, name.to_owned());
    Ok(Arc::new(layer.with_index(index)))
}
