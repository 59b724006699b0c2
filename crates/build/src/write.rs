//! From a plan to a layer in the store.

use std::io::{self, Read, Write};

use crossdock_graph::Location;
use crossdock_image::{Descriptor, LayerCompression, oci_layer_media_type};
use crossdock_layer::{
    Content, DEFAULT_GZIP_LEVEL, GzipWriter, Indexer, LayerIndex, LayerPlan, Limits,
};
use crossdock_store::{Ingest, Store, Uncompressed};

use crate::error::BuildError;
use crate::event::Meter;

/// Where the tar goes: to the digests and index, and compressed into the store.
struct Sink<'a> {
    indexer: Indexer,
    gzip: GzipWriter<Ingest>,
    meter: Meter<'a>,
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.indexer.push(bytes).map_err(io::Error::other)?;
        self.gzip.write_all(bytes)?;
        self.meter.add(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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
    let failed = |what: &str, source: io::Error| BuildError::Content {
        location: Box::new(location.clone()),
        what: what.to_owned(),
        source,
    };
    let gzip = GzipWriter::new(store.ingest()?, DEFAULT_GZIP_LEVEL, threads);
    let gzip = gzip.map_err(|error| failed("the new layer", error))?;
    // What we write ourselves is not held against the limits for other people's layers.
    let limits = Limits {
        uncompressed: u64::MAX,
        ratio: None,
        entries: u64::MAX,
    };
    // Headers are small writes; together they are large ones.
    let sink = io::BufWriter::with_capacity(
        256 << 10,
        Sink {
            indexer: Indexer::new(limits),
            gzip,
            meter,
        },
    );
    let written = plan.write(sink, open).map_err(|source| BuildError::Write {
        location: Box::new(location.clone()),
        source: Box::new(source),
    })?;
    let sink = written
        .into_inner()
        .map_err(|error| failed("the new layer", error.into_error()))?;
    let index = sink
        .indexer
        .finish()
        .map_err(|error| failed("the new layer", io::Error::other(error)))?;
    let (ingest, checkpoints) = sink
        .gzip
        .finish()
        .map_err(|error| failed("the new layer", error))?;
    let (digest, size) = ingest.commit(None)?;
    store.put_layer_index(&index.diff_id(), index.as_bytes())?;
    let content = Uncompressed {
        diff_id: index.diff_id(),
        size: index.tar_size(),
    };
    store.put_diff_id(&digest, &content)?;
    store.put_checkpoints(&digest, checkpoints.as_bytes())?;
    let media_type = oci_layer_media_type(LayerCompression::Gzip);
    Ok((Descriptor::new(media_type, digest, size), index))
}
