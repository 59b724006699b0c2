//! From a plan to a layer in the store.

use std::io::{self, Read, Write};

use crossdock_graph::Location;
use crossdock_image::{Descriptor, LayerCompression, oci_layer_media_type};
use crossdock_layer::{
    Codec, Compression, Content, Indexer, LayerIndex, LayerPlan, LayerWriter, Limits,
};
use crossdock_store::{Ingest, Store, Uncompressed};

use crate::error::BuildError;
use crate::event::Meter;

/// The codec of new layers in the store; outputs that want another one have them written again.
pub(crate) const STORED: Codec = Codec::GZIP;

/// Takes the tar of a layer: to the digests and the index, and compressed into the store.
pub(crate) struct LayerSink<'s> {
    store: &'s Store,
    codec: Codec,
    indexer: Indexer,
    writer: LayerWriter<Ingest>,
}

impl<'s> LayerSink<'s> {
    /// Begins a layer in the store. `failed` says what it means that it cannot be written.
    pub(crate) fn new(
        store: &'s Store,
        codec: Codec,
        threads: usize,
        failed: impl Fn(io::Error) -> BuildError,
    ) -> Result<Self, BuildError> {
        // What is ours, or was read before, is not held against the limits for other people's
        // layers.
        let limits = Limits {
            uncompressed: u64::MAX,
            ratio: None,
            entries: u64::MAX,
        };
        Ok(Self {
            store,
            codec,
            indexer: Indexer::new(limits),
            writer: LayerWriter::new(store.ingest()?, codec, threads).map_err(failed)?,
        })
    }

    /// Puts the layer into the store, with everything that was found out about it.
    pub(crate) fn finish(
        self,
        failed: impl Fn(io::Error) -> BuildError,
    ) -> Result<(Descriptor, LayerIndex), BuildError> {
        let index = self.indexer.finish().map_err(io::Error::other);
        let index = index.map_err(&failed)?;
        let (ingest, checkpoints) = self.writer.finish().map_err(&failed)?;
        let (digest, size) = ingest.commit(None)?;
        let store = self.store;
        store.put_layer_index(&index.diff_id(), index.as_bytes())?;
        let content = Uncompressed {
            diff_id: index.diff_id(),
            size: index.tar_size(),
        };
        store.put_diff_id(&digest, &content)?;
        store.put_checkpoints(&digest, checkpoints.as_bytes())?;
        let media_type = oci_layer_media_type(compression_of(self.codec));
        Ok((Descriptor::new(media_type, digest, size), index))
    }
}

impl Write for LayerSink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.indexer.push(bytes).map_err(io::Error::other)?;
        self.writer.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How media types name a codec's compression.
pub(crate) fn compression_of(codec: Codec) -> LayerCompression {
    match codec.compression() {
        Compression::None => LayerCompression::None,
        Compression::Gzip => LayerCompression::Gzip,
        Compression::Zstd => LayerCompression::Zstd,
    }
}

/// Tells how much is written.
struct Metered<'a, W> {
    inner: W,
    meter: Meter<'a>,
}

impl<W: Write> Write for Metered<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write_all(bytes)?;
        self.meter.add(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Writes a layer into the store, with its index.
pub(crate) fn write_layer(
    plan: &LayerPlan,
    (store, threads): (&Store, usize),
    location: &Location,
    meter: Meter<'_>,
    open: &mut dyn FnMut(&Content) -> io::Result<Box<dyn Read>>,
) -> Result<(Descriptor, LayerIndex), BuildError> {
    let failed = |source: io::Error| BuildError::Content {
        location: Box::new(location.clone()),
        what: "the new layer".to_owned(),
        source,
    };
    let inner = LayerSink::new(store, STORED, threads, failed)?;
    // Headers are small writes; together they are large ones.
    let sink = io::BufWriter::with_capacity(256 << 10, Metered { inner, meter });
    let written = plan.write(sink, open).map_err(|source| BuildError::Write {
        location: Box::new(location.clone()),
        source: Box::new(source),
    })?;
    let sink = written
        .into_inner()
        .map_err(|error| failed(error.into_error()))?;
    sink.inner.finish(failed)
}
