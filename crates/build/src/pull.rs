//! Images come from registries into the store.

use std::path::Path;
use std::sync::Arc;

use crossdock_image::{Descriptor, Document, Platform, Reference};
use crossdock_layer::Limits;
use crossdock_remote::Registry;
use crossdock_store::Store;

use crate::base::{Found, ImageFinder, MAX_NESTING, store_name};
use crate::error::BuildError;
use crate::event::{Events, Vertices};
use crate::layers::{Layer, LayerIndexer};
use crate::place::BlobPlace;
use crate::push::collect;

/// What to pull.
#[derive(Debug)]
pub struct PullRequest<'a> {
    /// The image.
    pub reference: &'a Reference,
    /// Which one of an index; `None` for all.
    pub platform: Option<Platform>,
    /// Limits for layers.
    pub limits: Limits,
}

/// What was pulled.
#[derive(Debug, Clone)]
pub struct Pulled {
    /// The manifest or index that the name now stands for in the store.
    pub descriptor: Descriptor,
    /// The name in the store.
    pub name: String,
    /// Whether the store had it under this name already, whole.
    pub is_old: bool,
}

/// Brings an image with all its blobs into the store and gives it its name there. On the way its
/// layers are indexed.
pub fn pull(
    store: &Store,
    registry: &Registry,
    threads: usize,
    events: Events<'_>,
    request: &PullRequest<'_>,
) -> Result<Pulled, BuildError> {
    let vertices = Vertices::default();
    let finder = ImageFinder {
        store,
        registry,
        directory: Path::new(""),
        pull: true,
        limits: request.limits,
        events,
        vertices: &vertices,
    };
    let found = finder.in_registry(request.reference)?;
    let mut layers = Vec::new();
    let descriptor = match &request.platform {
        Some(platform) => {
            let (manifest, chosen) = found.manifest(platform)?;
            layers = found.image(&manifest)?.layers;
            chosen.descriptor
        }
        None => {
            all_layers(&found, &found.descriptor, &mut layers, 0)?;
            found.descriptor.clone()
        }
    };
    let indexer = LayerIndexer {
        store,
        limits: request.limits,
        threads,
        events,
        vertices: &vertices,
    };
    let was_whole = layers
        .iter()
        .all(|layer| layer.place.absent(&layer.descriptor).is_none());
    indexer.ensure_stored(&layers)?;
    let name = store_name(request.reference);
    let named = store.resolve(&name)?;
    let is_same = named.is_some_and(|named| named.digest == descriptor.digest);
    let place = BlobPlace::Store(store.clone());
    let (blobs, documents) = collect(&place, &found.image, &descriptor)?;
    let documents = documents.iter().map(|(descriptor, _)| descriptor);
    store.sync_blobs(blobs.iter().chain(documents).map(|blob| &blob.digest))?;
    store.tag(&name, &descriptor)?;
    Ok(Pulled {
        descriptor,
        name,
        is_old: was_whole && is_same,
    })
}

/// The layers of all images of an index, whose documents are brought into the store. What is no
/// image (an attestation, say) has blobs that are brought too.
fn all_layers(
    found: &Found,
    descriptor: &Descriptor,
    layers: &mut Vec<Arc<Layer>>,
    depth: usize,
) -> Result<(), BuildError> {
    if depth > MAX_NESTING {
        return Err(BuildError::NestedIndex {
            image: found.image.clone(),
            limit: MAX_NESTING,
        });
    }
    match found.place.document(&found.image, descriptor)? {
        Document::Index(index) => {
            for entry in index.manifests() {
                all_layers(found, entry, layers, depth + 1)?;
            }
        }
        Document::Manifest(manifest) if descriptor.is_attestation() => {
            for blob in std::iter::once(manifest.config()).chain(manifest.layers()) {
                found.place.keep(&found.image, blob)?;
            }
        }
        Document::Manifest(manifest) => layers.extend(found.image(&manifest)?.layers),
    }
    Ok(())
}
