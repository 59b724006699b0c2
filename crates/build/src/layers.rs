//! Layers and their indexes: read once, then known.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crossdock_image::{BlobDigest, Descriptor, DiffId};
use crossdock_layer::{LayerIndex, Limits, Scan, ScanError, scan_layer};
use crossdock_remote::BlobError as RemoteBlobError;
use crossdock_store::{BlobInFile, Ingest, Lookup, Store, Uncompressed};

use crate::error::BuildError;
use crate::event::{Event, Events, Meter, Vertices, Work};
use crate::place::{BlobPlace, RemotePlace};
use crate::together::together;

/// Blobs that are downloaded at once, at least; docker's `max-concurrent-downloads`.
const DOWNLOADS: usize = 3;

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
        self.place.open(&self.image, &self.descriptor)
    }

    /// Opens the blob in a file for reading anywhere, unverified, if it is there and has the right
    /// size.
    pub(crate) fn open_file(&self) -> Option<BlobInFile> {
        self.place.open_file(&self.descriptor)
    }

    /// Opens the blob from an offset on, unverified.
    pub(crate) fn open_from(&self, offset: u64) -> Result<Box<dyn Read + Send>, BuildError> {
        self.place.open_from(&self.image, &self.descriptor, offset)
    }
}

/// Makes indexes of layers, several at a time.
pub(crate) struct LayerIndexer<'a> {
    pub(crate) store: &'a Store,
    pub(crate) limits: Limits,
    pub(crate) threads: usize,
    pub(crate) events: Events<'a>,
    pub(crate) vertices: &'a Vertices,
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
        self.read_all(unknown)?;
        for (first, twin) in twins {
            if let Some(index) = first.index() {
                twin.index.get_or_init(|| Arc::clone(index));
            }
        }
        Ok(())
    }

    /// Makes sure that the store has the indexes of all `layers`, or will have a look at what it
    /// has when they are needed: a build that finds its results needs none.
    pub(crate) fn ensure_known(&self, layers: &[Arc<Layer>]) -> Result<(), BuildError> {
        let mut unknown = Vec::new();
        for layer in layers {
            if !self.is_known(layer)? {
                unknown.push(Arc::clone(layer));
            }
        }
        self.ensure(&unknown)
    }

    /// Whether the store has the indexes of all `layers`, and nothing need be read for them.
    pub(crate) fn are_known(&self, layers: &[Arc<Layer>]) -> Result<bool, BuildError> {
        for layer in layers {
            if !self.is_known(layer)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether the store has an index of the layer and knows that the blob is the layer.
    fn is_known(&self, layer: &Layer) -> Result<bool, BuildError> {
        if layer.index().is_some() {
            return Ok(true);
        }
        let known = self.store.diff_id_of(&layer.descriptor.digest)?;
        Ok(match whole(known, self.events) {
            Some(known) if known.diff_id != layer.diff_id => {
                return Err(wrong_diff_id(layer, known.diff_id));
            }
            Some(_) => self.store.has_layer_index(&layer.diff_id),
            None => false,
        })
    }

    /// Makes sure that the store has the blobs of all `layers` that come from registries.
    pub(crate) fn ensure_stored(&self, layers: &[Arc<Layer>]) -> Result<(), BuildError> {
        let mut absent: Vec<Arc<Layer>> = Vec::new();
        for layer in layers {
            let known = |other: &Arc<Layer>| other.descriptor.digest == layer.descriptor.digest;
            if layer.place.absent(&layer.descriptor).is_some() && !absent.iter().any(known) {
                absent.push(Arc::clone(layer));
            }
        }
        self.read_all(absent)
    }

    /// Takes the indexes of all `layers` from the store; false as soon as there is none of one.
    pub(crate) fn recall_all(&self, layers: &[Arc<Layer>]) -> Result<bool, BuildError> {
        for layer in layers {
            if layer.index().is_none() && !self.recall(layer)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Puts the blobs of all `layers` into the store, wherever they are, with their indexes.
    pub(crate) fn take_in(&self, layers: &[Arc<Layer>]) -> Result<(), BuildError> {
        let mut new: Vec<Arc<Layer>> = Vec::new();
        let mut seen = HashSet::new();
        for layer in layers {
            let blob = &layer.descriptor;
            let is_there = self.store.blob_size(&blob.digest) == Some(blob.size);
            if is_there && self.is_known(layer)? {
                continue;
            }
            if seen.insert((blob.digest, layer.diff_id)) {
                new.push(Arc::clone(layer));
            }
        }
        new.sort_by_key(|layer| std::cmp::Reverse(layer.descriptor.size));
        together(&new, self.threads, |layer, stop| {
            let _lock = self.store.lock_blob(&layer.descriptor.digest)?;
            self.store_blob("load", layer, layer.open()?, stop)
        })
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

    /// Reads layers, several at a time. The largest come first, so that the threads end together.
    fn read_all(&self, mut layers: Vec<Arc<Layer>>) -> Result<(), BuildError> {
        layers.sort_by_key(|layer| std::cmp::Reverse(layer.descriptor.size));
        let is_remote = |layer: &Arc<Layer>| layer.place.absent(&layer.descriptor).is_some();
        // Networks make wait: with downloads there are more threads than cores.
        let threads = match layers.iter().any(is_remote) {
            true => self.threads.max(DOWNLOADS),
            false => self.threads,
        };
        together(&layers, threads, |layer, stop| self.read(layer, stop))
    }

    fn read(&self, layer: &Layer, stop: &AtomicBool) -> Result<(), BuildError> {
        let Some(remote) = layer.place.absent(&layer.descriptor) else {
            return self.index(layer, "read", layer.open()?, stop);
        };
        // Whoever else wants the blob now waits until it is here.
        let _lock = self.store.lock_blob(&layer.descriptor.digest)?;
        if remote.has(&layer.descriptor) {
            if layer.index().is_some() || self.recall(layer)? {
                return Ok(());
            }
            return self.index(layer, "read", layer.open()?, stop);
        }
        self.download(layer, remote, stop)
    }

    /// Downloads a blob into the store, and makes its index on the way if there is none.
    fn download(
        &self,
        layer: &Layer,
        remote: &RemotePlace,
        stop: &AtomicBool,
    ) -> Result<(), BuildError> {
        let blob = remote
            .registry
            .blob_from(&remote.repository, &layer.descriptor, 0)
            .map_err(|source| BuildError::download(&layer.image, source))?;
        self.store_blob("download", layer, blob, stop)
    }

    /// Puts a blob into the store, and makes its index on the way if there is none.
    fn store_blob(
        &self,
        verb: &str,
        layer: &Layer,
        blob: impl Read,
        stop: &AtomicBool,
    ) -> Result<(), BuildError> {
        let descriptor = &layer.descriptor;
        let mut ingest = self.store.ingest()?;
        let is_indexed = layer.index().is_some() || self.recall(layer)?;
        let commit = |ingest: Ingest| {
            ingest
                .commit(Some((descriptor.digest, descriptor.size)))
                .map_err(|source| BuildError::Downloaded {
                    image: layer.image.clone(),
                    source: Box::new(source),
                })
        };
        self.follow(verb, layer, stop, |vertex| {
            let mut keeping = Keeping {
                inner: blob,
                ingest: &mut ingest,
            };
            let mut counted = self.counted(&mut keeping, layer, vertex, stop);
            if is_indexed {
                io::copy(&mut counted, &mut io::sink())
                    .map_err(|source| read_error(layer, ScanError::Read(source)))?;
                return commit(ingest).map(|_| ());
            }
            let scan = match scan_layer(counted, &self.limits) {
                Ok(scan) => scan,
                Err(source) => {
                    // What cannot be read may be another's bytes; then that is what went wrong.
                    let goes_on = !stop.load(Ordering::Relaxed) && !is_transport(&source);
                    if goes_on && io::copy(&mut keeping, &mut io::sink()).is_ok() {
                        commit(ingest)?;
                    }
                    return Err(read_error(layer, source));
                }
            };
            // Only now it is known that the bytes are the blob's.
            commit(ingest)?;
            self.keep(layer, scan)
        })
    }

    /// Makes the index of a layer whose blob is here.
    fn index(
        &self,
        layer: &Layer,
        verb: &str,
        blob: impl Read,
        stop: &AtomicBool,
    ) -> Result<(), BuildError> {
        self.follow(verb, layer, stop, |vertex| {
            let scan = scan_layer(self.counted(blob, layer, vertex, stop), &self.limits)
                .map_err(|source| read_error(layer, source))?;
            self.keep(layer, scan)
        })
    }

    /// Keeps what the pass over a layer found out.
    pub(crate) fn keep(&self, layer: &Layer, scan: Scan) -> Result<(), BuildError> {
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
        let blob = &layer.descriptor.digest;
        self.store.put_diff_id(blob, &content)?;
        self.store
            .put_checkpoints(blob, scan.checkpoints.as_bytes())?;
        layer.index.get_or_init(|| Arc::new(index));
        Ok(())
    }

    /// Tells what happens to a layer while `act` does it.
    pub(crate) fn follow<T>(
        &self,
        verb: &str,
        layer: &Layer,
        stop: &AtomicBool,
        act: impl FnOnce(usize) -> Result<T, BuildError>,
    ) -> Result<T, BuildError> {
        let digest = short(&layer.descriptor.digest);
        let work = Work::named(format!("{}: {verb} layer {digest}", layer.image));
        let act = |vertex| act(vertex).map(|result| (result, false));
        self.vertices.follow(self.events, work, Some(stop), act)
    }

    fn counted<'r, R: Read>(
        &'r self,
        inner: R,
        layer: &Layer,
        vertex: usize,
        stop: &'r AtomicBool,
    ) -> Counted<'r, R> {
        Counted::new(
            inner,
            Meter::new(self.events, vertex, layer.descriptor.size),
            stop,
        )
    }
}

/// Puts what is read into the store on the way.
pub(crate) struct Keeping<'i, R> {
    pub(crate) inner: R,
    pub(crate) ingest: &'i mut Ingest,
}

impl<R: Read> Read for Keeping<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.ingest.write_all(&buffer[..length])?;
        Ok(length)
    }
}

/// Tells how much of something was read, and ends it when others failed.
pub(crate) struct Counted<'a, R> {
    inner: R,
    meter: Meter<'a>,
    stop: &'a AtomicBool,
}

impl<'a, R> Counted<'a, R> {
    pub(crate) fn new(inner: R, meter: Meter<'a>, stop: &'a AtomicBool) -> Self {
        Self { inner, meter, stop }
    }
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("stopped, as something else failed"));
        }
        let length = self.inner.read(buffer)?;
        self.meter.add(length as u64);
        Ok(length)
    }
}

/// A layer that cannot be read: a download's own error, if it is one.
fn read_error(layer: &Layer, source: ScanError) -> BuildError {
    BuildError::Layer {
        image: layer.image.clone(),
        digest: layer.descriptor.digest,
        source: Box::new(source),
    }
}

/// Whether it is the network that failed, and not what came.
fn is_transport(error: &ScanError) -> bool {
    match error {
        ScanError::Read(error) => error
            .get_ref()
            .is_some_and(|inner| inner.is::<RemoteBlobError>()),
        _ => false,
    }
}

/// A digest as far as people look at it.
pub(crate) fn short(digest: &BlobDigest) -> String {
    let text = digest.to_string();
    text.chars().take("sha256:".len() + 12).collect()
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
