//! Layers and their indexes: read once, then known.

use std::collections::HashMap;
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use crossdock_image::{BlobDigest, Descriptor, DiffId};
use crossdock_layer::{LayerIndex, Limits, scan_layer};
use crossdock_store::{BlobError, Layout, Lookup, Store, Uncompressed};

use crate::error::BuildError;
use crate::event::{Event, Events, Work};

/// Where a layer's blob is.
#[derive(Debug, Clone)]
pub(crate) enum BlobPlace {
    /// In somebody's layout, read in place.
    Layout(Arc<Layout>),
    /// In our store.
    Store(Store),
}

impl BlobPlace {
    /// Opens a blob; its end is only reached if digest and size are right.
    pub(crate) fn open(&self, descriptor: &Descriptor) -> Result<Box<dyn Read + Send>, BlobError> {
        Ok(match self {
            Self::Layout(layout) => Box::new(layout.open_blob(descriptor)?),
            Self::Store(store) => Box::new(store.open_blob(descriptor)?),
        })
    }
}

/// A layer of an image or a stage.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) descriptor: Descriptor,
    pub(crate) diff_id: DiffId,
    pub(crate) place: BlobPlace,
    /// Whose it is, for messages.
    pub(crate) image: String,
    index: OnceLock<Arc<LayerIndex>>,
}

impl Layer {
    pub(crate) fn new(
        descriptor: Descriptor,
        diff_id: DiffId,
        place: BlobPlace,
        image: String,
    ) -> Self {
        Self {
            descriptor,
            diff_id,
            place,
            image,
            index: OnceLock::new(),
        }
    }

    pub(crate) fn with_index(self, index: LayerIndex) -> Self {
        let layer = self;
        layer.index.get_or_init(|| Arc::new(index));
        layer
    }

    /// The layer's index, which [`LayerIndexer::ensure`] has made sure of.
    pub(crate) fn index(&self) -> Option<&Arc<LayerIndex>> {
        self.index.get()
    }

    pub(crate) fn open(&self) -> Result<Box<dyn Read + Send>, BuildError> {
        self.place
            .open(&self.descriptor)
            .map_err(|source| BuildError::Blob {
                image: self.image.clone(),
                source: Box::new(source),
            })
    }
}

/// Makes indexes of layers, several at a time.
pub(crate) struct LayerIndexer<'a> {
    pub(crate) store: &'a Store,
    pub(crate) limits: Limits,
    pub(crate) threads: usize,
    pub(crate) events: Events<'a>,
    pub(crate) next_vertex: &'a AtomicUsize,
}

impl LayerIndexer<'_> {
    /// Makes sure that all `layers` have their index, reading whole the blobs of those that are
    /// not known. The largest come first, so that the threads end together.
    pub(crate) fn ensure(&self, layers: &[Arc<Layer>]) -> Result<(), BuildError> {
        let mut unknown: Vec<Arc<Layer>> = Vec::new();
        let mut seen: HashMap<(BlobDigest, DiffId), Arc<Layer>> = HashMap::new();
        let mut twins = Vec::new();
        for layer in layers {
            if layer.index().is_some() || self.recall(layer)? {
                continue;
            }
            match seen.get(&(layer.descriptor.digest, layer.diff_id)) {
                Some(first) if Arc::ptr_eq(first, layer) => {}
                Some(first) => twins.push((Arc::clone(first), Arc::clone(layer))),
                None => {
                    seen.insert((layer.descriptor.digest, layer.diff_id), Arc::clone(layer));
                    unknown.push(Arc::clone(layer));
                }
            }
        }
        unknown.sort_by_key(|layer| std::cmp::Reverse(layer.descriptor.size));
        self.read_all(&unknown)?;
        for (first, twin) in twins {
            if let Some(index) = first.index() {
                twin.index.get_or_init(|| Arc::clone(index));
            }
        }
        Ok(())
    }

    /// Takes the index from the store, if it is proven that the blob is the layer.
    fn recall(&self, layer: &Layer) -> Result<bool, BuildError> {
        let known = self.store.diff_id_of(&layer.descriptor.digest)?;
        let known = whole(known, self.events);
        let Some(known) = known else { return Ok(false) };
        if known.diff_id != layer.diff_id {
            return Err(wrong_diff_id(layer, known.diff_id));
        }
        let Some(bytes) = whole(self.store.layer_index(&layer.diff_id)?, self.events) else {
            return Ok(false);
        };
        match LayerIndex::open(bytes) {
            Ok(index) if index.diff_id() == layer.diff_id => {
                layer.index.get_or_init(|| Arc::new(index));
                Ok(true)
            }
            // Of an older version, or damaged in a way that the store's checksum cannot see.
            _ => Ok(false),
        }
    }

    fn read_all(&self, layers: &[Arc<Layer>]) -> Result<(), BuildError> {
        let next = AtomicUsize::new(0);
        let failure: Mutex<Option<BuildError>> = Mutex::new(None);
        let failed = || failure.lock().unwrap_or_else(|error| error.into_inner());
        std::thread::scope(|scope| {
            for _ in 0..self.threads.min(layers.len()) {
                scope.spawn(|| {
                    while failed().is_none() {
                        let place = next.fetch_add(1, Ordering::Relaxed);
                        let Some(layer) = layers.get(place) else {
                            break;
                        };
                        if let Err(error) = self.read(layer) {
                            failed().get_or_insert(error);
                        }
                    }
                });
            }
        });
        match failure
            .into_inner()
            .unwrap_or_else(|error| error.into_inner())
        {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn read(&self, layer: &Layer) -> Result<(), BuildError> {
        let vertex = self.next_vertex.fetch_add(1, Ordering::Relaxed);
        let descriptor = &layer.descriptor;
        (self.events)(Event::Started {
            vertex,
            work: Work::named(format!(
                "{}: read layer {} ({} bytes)",
                layer.image, descriptor.digest, descriptor.size
            )),
        });
        let scan = scan_layer(layer.open()?, &self.limits).map_err(|source| BuildError::Layer {
            image: layer.image.clone(),
            digest: descriptor.digest,
            source: Box::new(source),
        })?;
        let index = scan.index;
        if index.diff_id() != layer.diff_id {
            return Err(wrong_diff_id(layer, index.diff_id()));
        }
        self.store
            .put_layer_index(&layer.diff_id, index.as_bytes())?;
        let content = Uncompressed {
            diff_id: layer.diff_id,
            size: index.tar_size(),
        };
        self.store.put_diff_id(&descriptor.digest, &content)?;
        layer.index.get_or_init(|| Arc::new(index));
        (self.events)(Event::Finished {
            vertex,
            cached: false,
        });
        Ok(())
    }
}

/// What is found, if it is whole; damage is told.
pub(crate) fn whole<T>(found: Lookup<T>, events: Events<'_>) -> Option<T> {
    if let Lookup::Damaged { moved_to, reason } = &found {
        events(Event::Warning {
            text: format!(
                "store: a record was damaged ({reason}) and is made again; the damaged file is \
                 kept as {}",
                moved_to.display()
            ),
        });
    }
    found.found()
}

fn wrong_diff_id(layer: &Layer, found: DiffId) -> BuildError {
    BuildError::DiffId {
        image: layer.image.clone(),
        digest: layer.descriptor.digest,
        expected: layer.diff_id,
        found,
    }
}
