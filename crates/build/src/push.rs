//! Images go to registries.

use std::collections::HashSet;
use std::io::{self, Read};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use crossdock_image::{
    BlobDigest, Descriptor, Document, LayerMediaType, Manifest, Reference, Repository,
};
use crossdock_remote::{ManifestError, Mount, Registry};
use crossdock_store::Store;

use crate::base::store_name;
use crate::error::BuildError;
use crate::event::{Event, Events, Meter, Vertices, Work};
use crate::layers::{Counted, short};
use crate::place::BlobPlace;
use crate::together::together;

/// Blobs that are sent at once, at least. docker sends five.
const UPLOADS: usize = 4;

/// An image, or an index of images, as it is to stand in a registry.
pub(crate) struct Shipment<'a> {
    /// Configs and layers.
    pub(crate) blobs: Vec<Descriptor>,
    /// Manifests and indexes with their bytes, each behind those that it names. The last one is
    /// what the names stand for.
    pub(crate) documents: Vec<(Descriptor, Vec<u8>)>,
    /// Opens a blob from an offset on.
    pub(crate) open: &'a OpenFrom<'a>,
    /// The repository that a blob came from.
    pub(crate) origin: &'a (dyn Fn(&Descriptor) -> Option<Repository> + Sync),
}

/// Opens a blob from an offset on.
pub(crate) type OpenFrom<'a> =
    dyn Fn(&Descriptor, u64) -> Result<Box<dyn Read + Send>, BuildError> + Sync + 'a;

/// Sends images.
pub(crate) struct Pusher<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) threads: usize,
    pub(crate) events: Events<'a>,
    pub(crate) vertices: &'a Vertices,
}

impl Pusher<'_> {
    /// Sends `shipment` under all `names`. What a repository has is not sent again; manifests
    /// come last, so that nobody finds one whose blobs are missing.
    pub(crate) fn push(
        &self,
        names: &[Reference],
        shipment: &Shipment<'_>,
    ) -> Result<(), BuildError> {
        let Some(((top, top_bytes), below)) = shipment.documents.split_last() else {
            return Ok(());
        };
        let mut filled: Vec<&Repository> = Vec::new();
        for name in names {
            let repository = name.repository();
            let work = Work::named(format!("push {}", name.familiar()));
            self.vertices.follow(self.events, work, None, |vertex| {
                let text = format!("manifest {}", top.digest);
                (self.events)(Event::Detail { vertex, text });
                if self.means(name)?.is_some_and(|found| found == top.digest) {
                    return Ok(((), true));
                }
                let by_digest = repository.with_digest(top.digest);
                let is_filled = filled.contains(&repository);
                if !is_filled && self.means(&by_digest)?.is_none() {
                    self.send_blobs(repository, &filled, shipment)?;
                    for (descriptor, bytes) in below {
                        let reference = repository.with_digest(descriptor.digest);
                        self.put(&reference, &descriptor.media_type, bytes)?;
                    }
                }
                if !is_filled {
                    filled.push(repository);
                }
                self.put(name, &top.media_type, top_bytes)?;
                Ok(((), false))
            })?;
        }
        Ok(())
    }

    /// The digest of what a reference names in its registry, if anything.
    fn means(&self, reference: &Reference) -> Result<Option<BlobDigest>, BuildError> {
        match self.registry.resolve(reference) {
            Ok(descriptor) => Ok(Some(descriptor.digest)),
            Err(ManifestError::NotFound { .. } | ManifestError::Digest { .. }) => Ok(None),
            Err(ManifestError::Request { source, .. }) if source.is_refusal() => {
                // Who may push need not be allowed to look. If pushing is not allowed either,
                // its own error says so.
                Ok(None)
            }
            Err(error) => Err(BuildError::manifest(&reference.familiar(), error)),
        }
    }

    fn put(&self, reference: &Reference, media_type: &str, bytes: &[u8]) -> Result<(), BuildError> {
        let pushed = self.registry.push_manifest(reference, media_type, bytes);
        pushed.map_err(|source| BuildError::Push {
            source: Box::new(source),
        })?;
        Ok(())
    }

    /// Sends all blobs that the repository does not have, several at a time, the largest first.
    fn send_blobs(
        &self,
        repository: &Repository,
        filled: &[&Repository],
        shipment: &Shipment<'_>,
    ) -> Result<(), BuildError> {
        let mut seen = HashSet::new();
        let mut blobs: Vec<&Descriptor> = shipment
            .blobs
            .iter()
            .filter(|blob| seen.insert(blob.digest))
            .collect();
        blobs.sort_by_key(|blob| std::cmp::Reverse(blob.size));
        let threads = self.threads.max(UPLOADS);
        together(&blobs, threads, |blob, stop| {
            let work = Work::named(format!("push blob {}", short(&blob.digest)));
            self.vertices
                .follow(self.events, work, Some(stop), |vertex| {
                    let was_there =
                        self.send_blob(repository, filled, blob, shipment, (vertex, stop))?;
                    Ok(((), was_there))
                })
        })
    }

    /// Sends a blob unless the repository has it; then the result is true.
    fn send_blob(
        &self,
        repository: &Repository,
        filled: &[&Repository],
        blob: &Descriptor,
        shipment: &Shipment<'_>,
        (vertex, stop): (usize, &AtomicBool),
    ) -> Result<bool, BuildError> {
        let pushed = |source| BuildError::Push {
            source: Box::new(source),
        };
        if self.registry.has_blob(repository, blob).map_err(pushed)? {
            return Ok(true);
        }
        let mut upload = None;
        let origin = (shipment.origin)(blob);
        let mut candidates = filled.iter().copied().chain(origin.as_ref());
        let elsewhere = |other: &&Repository| {
            other.host() == repository.host() && other.path() != repository.path()
        };
        if let Some(other) = candidates.rfind(elsewhere) {
            match self.registry.mount_blob(repository, other, blob) {
                Ok(Mount::Mounted) => {
                    let text = format!("mounted from {other}");
                    (self.events)(Event::Detail { vertex, text });
                    return Ok(false);
                }
                Ok(Mount::Upload(begun)) => upload = Some(begun),
                Err(error) => return Err(pushed(error)),
            }
        }
        // What the source of the bytes says is kept from being flattened to text.
        let unreadable: Mutex<Option<BuildError>> = Mutex::new(None);
        let open = |offset: u64| -> io::Result<Box<dyn Read + Send + '_>> {
            match (shipment.open)(blob, offset) {
                Ok(bytes) => {
                    let mut meter = Meter::new(self.events, vertex, blob.size);
                    meter.add(offset);
                    Ok(Box::new(Telling {
                        inner: Counted::new(bytes, meter, stop),
                        blob,
                        unreadable: &unreadable,
                    }))
                }
                Err(error) => {
                    let text = error.to_string();
                    *unreadable.lock().unwrap_or_else(|error| error.into_inner()) = Some(error);
                    Err(io::Error::other(text))
                }
            }
        };
        let sent = self.registry.push_blob(repository, blob, upload, &open);
        let unreadable = unreadable
            .into_inner()
            .unwrap_or_else(|error| error.into_inner());
        sent.map_err(|source| unreadable.unwrap_or(pushed(source)))?;
        Ok(false)
    }
}

/// Tells why the bytes of a blob cannot be read, which the registry's client has only text for.
struct Telling<'a, R> {
    inner: R,
    blob: &'a Descriptor,
    unreadable: &'a Mutex<Option<BuildError>>,
}

impl<R: Read> Read for Telling<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).map_err(|source| {
            if source.kind() == io::ErrorKind::Interrupted {
                return source;
            }
            let text = source.to_string();
            let digest = self.blob.digest;
            let error = BuildError::Part { digest, source };
            *self
                .unreadable
                .lock()
                .unwrap_or_else(|error| error.into_inner()) = Some(error);
            io::Error::other(text)
        })
    }
}

/// Sends the image that the store has under `name` to the registry that the name says, and gives
/// the descriptor of its manifest or index.
pub fn push(
    store: &Store,
    registry: &Registry,
    threads: usize,
    events: Events<'_>,
    name: &Reference,
) -> Result<Descriptor, BuildError> {
    let image = name.familiar();
    let top = store
        .resolve(&store_name(name))?
        .ok_or_else(|| BuildError::NotStored {
            image: image.clone(),
        })?;
    let place = BlobPlace::Store(store.clone());
    let (blobs, documents) = collect(&place, &image, &top)?;
    let open = |blob: &Descriptor, offset: u64| place.open_from(&image, blob, offset);
    let vertices = Vertices::default();
    let pusher = Pusher {
        registry,
        threads,
        events,
        vertices: &vertices,
    };
    let shipment = Shipment {
        blobs,
        documents,
        open: &open,
        origin: &|_| None,
    };
    pusher.push(std::slice::from_ref(name), &shipment)?;
    Ok(top)
}

/// What an image is made of: blobs, and documents with their bytes.
type Collected = (Vec<Descriptor>, Vec<(Descriptor, Vec<u8>)>);

/// Gathers everything that `descriptor` needs and that registries may hold; documents stand behind
/// those that they name.
pub(crate) fn collect(
    place: &BlobPlace,
    image: &str,
    descriptor: &Descriptor,
) -> Result<Collected, BuildError> {
    let (mut blobs, mut documents) = (Vec::new(), Vec::new());
    collect_below(place, image, descriptor, &mut blobs, &mut documents, 0)?;
    Ok((blobs, documents))
}

fn collect_below(
    place: &BlobPlace,
    image: &str,
    descriptor: &Descriptor,
    blobs: &mut Vec<Descriptor>,
    documents: &mut Vec<(Descriptor, Vec<u8>)>,
    depth: usize,
) -> Result<(), BuildError> {
    if depth > crate::base::MAX_NESTING {
        return Err(BuildError::NestedIndex {
            image: image.to_owned(),
            limit: crate::base::MAX_NESTING,
        });
    }
    if documents
        .iter()
        .any(|(known, _)| known.digest == descriptor.digest)
    {
        return Ok(());
    }
    let document = place.document(image, descriptor)?;
    match &document {
        Document::Manifest(manifest) => blobs.extend(parts(manifest)),
        Document::Index(index) => {
            for entry in index.manifests() {
                collect_below(place, image, entry, blobs, documents, depth + 1)?;
            }
        }
    }
    documents.push((descriptor.clone(), document.raw().to_vec()));
    Ok(())
}

/// The blobs of a manifest that may be sent: a layer that is not to be distributed stays where its
/// `urls` say, as docker has it.
fn parts(manifest: &Manifest) -> impl Iterator<Item = Descriptor> + '_ {
    let distributable = |layer: &&Descriptor| {
        LayerMediaType::parse(&layer.media_type).is_none_or(|kind| kind.distributable)
            || layer.urls.is_empty()
    };
    let layers = manifest.layers().iter().filter(distributable);
    std::iter::once(manifest.config()).chain(layers).cloned()
}
