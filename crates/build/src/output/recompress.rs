//! Layers in another compression than the one that they have.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crossdock_image::{BlobDigest, Descriptor, LayerMediaType, oci_layer_media_type};
use crossdock_layer::{Codec, Decompressor};

use super::export::{Exporter, content_error};
use super::{OutputError, OutputOptions};
use crate::assemble::AssembledImage;
use crate::cache::{CacheEntry, CacheRecord, CachedLayer, CachedResult, KeyHasher};
use crate::error::BuildError;
use crate::event::{Meter, Work};
use crate::layers::{Counted, Layer, short, whole};
use crate::place::BlobPlace;
use crate::write::{LayerSink, STORED, compression_of};

/// Bytes that are moved at once.
const BUFFER: usize = 256 << 10;

impl Exporter<'_> {
    /// The layers of the images that `options` want in another compression, by the blobs that they
    /// stand for.
    pub(super) fn recompressed(
        &self,
        options: &OutputOptions,
        images: &[AssembledImage],
    ) -> Result<HashMap<BlobDigest, Arc<Layer>>, BuildError> {
        let mut instead = HashMap::new();
        let Some(codec) = options.codec() else {
            return Ok(instead);
        };
        let layers = images.iter().flat_map(|image| &image.state.layers);
        let others = layers.filter(|layer| match (self.is_own)(&layer.diff_id) {
            true => codec != STORED,
            false => options.force_compression && !has_compression(layer, codec),
        });
        for layer in others {
            if let Entry::Vacant(place) = instead.entry(layer.descriptor.digest) {
                place.insert(self.with_codec(layer, codec)?);
            }
        }
        Ok(instead)
    }

    /// The layer as `codec` writes it: known from before, or made now.
    fn with_codec(&self, layer: &Arc<Layer>, codec: Codec) -> Result<Arc<Layer>, BuildError> {
        let mut key = KeyHasher::new("compress");
        key.field(layer.diff_id.digest().as_bytes());
        key.field(codec.identity().as_bytes());
        let key = key.finish();
        if let Some(known) = self.known(&key, layer, codec)? {
            return Ok(known);
        }
        self.indexer().ensure_stored(std::slice::from_ref(layer))?;
        let digest = short(&layer.descriptor.digest);
        let codec_name = codec.compression();
        let work = Work::named(format!("writing layer {digest} as {codec_name}"));
        let made = self.vertices.follow(self.events, work, None, |vertex| {
            Ok((self.make(layer, codec, vertex)?, false))
        })?;
        let record = CacheRecord {
            layer: Some(CachedLayer {
                diff_id: layer.diff_id,
                blob: made.digest,
                size: made.size,
            }),
            losses: Vec::new(),
            hidden: 0,
            warnings: Vec::new(),
            newest: None,
            origin: None,
        };
        let entry = CacheEntry::default().with(CachedResult::of_key(record));
        self.store.cache_put(&key, &entry.to_bytes())?;
        self.stored.borrow_mut().push(made.digest);
        Ok(self.in_store(layer, made))
    }

    /// The layer that an earlier output, or an earlier build, has made.
    fn known(
        &self,
        key: &[u8; 32],
        layer: &Layer,
        codec: Codec,
    ) -> Result<Option<Arc<Layer>>, BuildError> {
        let entry = whole(self.store.cache_get(key)?, self.events);
        let entry = CacheEntry::parse(&entry.unwrap_or_default());
        let cached = entry.results().first();
        let Some(cached) = cached.and_then(|result| result.record.layer.as_ref()) else {
            return Ok(None);
        };
        let made_now = self.stored.borrow().contains(&cached.blob);
        let is_whole = self.store.blob_size(&cached.blob) == Some(cached.size);
        if cached.diff_id != layer.diff_id || !is_whole || self.request.no_cache && !made_now {
            return Ok(None);
        }
        let media_type = oci_layer_media_type(compression_of(codec));
        let descriptor = Descriptor::new(media_type, cached.blob, cached.size);
        // Found damaged, it is made again.
        self.stored.borrow_mut().push(cached.blob);
        Ok(Some(self.in_store(layer, descriptor)))
    }

    fn in_store(&self, layer: &Layer, descriptor: Descriptor) -> Arc<Layer> {
        let place = BlobPlace::Store(self.store.clone());
        let image = layer.image.clone();
        Arc::new(Layer::new(descriptor, layer.diff_id, place, image))
    }

    /// Reads the layer and writes it anew.
    fn make(&self, layer: &Layer, codec: Codec, vertex: usize) -> Result<Descriptor, BuildError> {
        let blob = &layer.descriptor;
        let failed = |source| {
            let layer = blob.digest;
            BuildError::from(OutputError::Recompressed { layer, source })
        };
        let stop = AtomicBool::new(false);
        let meter = Meter::new(self.events, vertex, blob.size);
        let counted = Counted::new(layer.open()?, meter, &stop);
        let mut content = Decompressor::new(counted).map_err(|e| content_error(blob, e))?;
        let mut sink = LayerSink::new(self.store, codec, self.threads, failed)?;
        let mut buffer = vec![0; BUFFER];
        loop {
            match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => sink.write_all(&buffer[..length]).map_err(failed)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    // Whether the blob is what its digest says shows at its end alone; then that
                    // is what is wrong.
                    content.drain().map_err(|e| content_error(blob, e))?;
                    return Err(content_error(blob, error));
                }
            }
        }
        content.drain().map_err(|e| content_error(blob, e))?;
        let (descriptor, index) = sink.finish(failed)?;
        if index.diff_id() != layer.diff_id {
            return Err(BuildError::DiffId {
                image: layer.image.clone(),
                digest: blob.digest,
                expected: layer.diff_id,
                found: index.diff_id(),
            });
        }
        Ok(descriptor)
    }
}

/// Whether the layer is compressed in the codec's way; at which level is not known.
fn has_compression(layer: &Layer, codec: Codec) -> bool {
    let media_type = LayerMediaType::parse(&layer.descriptor.media_type);
    media_type.is_some_and(|media_type| media_type.compression == compression_of(codec))
}
