//! From finished images to documents: a manifest for each, and an index if there are several.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read};
use std::sync::Arc;

use crossdock_image::{
    BlobDigest, BlobSource, Descriptor, Index, LayerMediaType, Manifest, MediaType, Platform,
    docker_layer_media_type, oci_layer_media_type,
};

use crate::annotations::{Annotation, AnnotationLevel, annotations_of};
use crate::assemble::AssembledImage;
use crate::layers::Layer;
use crate::place::BlobPlace;

/// The parts of what is written out, and where their bytes are.
pub(crate) struct Parts {
    pub(crate) layers: HashMap<BlobDigest, Arc<Layer>>,
    pub(crate) documents: HashMap<BlobDigest, Vec<u8>>,
    /// Each blob once: of every image layers, config and manifest, then the index.
    pub(crate) blobs: Vec<Descriptor>,
}

impl Parts {
    /// Whether the blob is a layer that lies in our store.
    pub(crate) fn is_ours(&self, blob: &Descriptor) -> bool {
        let layer = self.layers.get(&blob.digest);
        layer.is_some_and(|layer| matches!(layer.place, BlobPlace::Store(_)))
    }

    fn add(&mut self, descriptor: &Descriptor, seen: &mut HashSet<BlobDigest>) {
        if seen.insert(descriptor.digest) {
            self.blobs.push(descriptor.clone());
        }
    }
}

impl BlobSource for Parts {
    fn open(&self, descriptor: &Descriptor) -> io::Result<Box<dyn Read + Send>> {
        if let Some(bytes) = self.documents.get(&descriptor.digest) {
            return Ok(Box::new(io::Cursor::new(bytes.clone())));
        }
        match self.layers.get(&descriptor.digest) {
            Some(layer) => layer.open().map_err(io::Error::other),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// One image of a composition.
#[derive(Debug, Clone, PartialEq)]
pub struct ComposedImage {
    /// What it is for, with version and features.
    pub platform: Platform,
    /// Its manifest.
    pub manifest: Descriptor,
    /// Its config.
    pub config: Descriptor,
}

/// Everything that an output writes.
pub(crate) struct Composition {
    /// What names stand for: the manifest of the only image, or the index of all.
    pub(crate) top: Descriptor,
    pub(crate) images: Vec<ComposedImage>,
    /// Manifests, and the index behind them.
    pub(crate) documents: Vec<Descriptor>,
    pub(crate) parts: Parts,
}

/// How documents are written.
#[derive(Default)]
pub(crate) struct Form {
    /// Whether they are docker's schema 2 instead of OCI's.
    pub(crate) docker: bool,
    /// Layers in another compression, by the blob that they stand for.
    pub(crate) instead: HashMap<BlobDigest, Arc<Layer>>,
}

/// Writes the documents of `images`, which are not empty. Annotations of an index are left out if
/// there is none.
pub(crate) fn compose(
    images: &[AssembledImage],
    annotations: &[Annotation],
    form: &Form,
) -> Composition {
    let mut parts = Parts {
        layers: HashMap::new(),
        documents: HashMap::new(),
        blobs: Vec::new(),
    };
    let mut seen = HashSet::new();
    let mut composed = Vec::with_capacity(images.len());
    let mut entries: Vec<Descriptor> = Vec::with_capacity(images.len());
    for image in images {
        let layers: Vec<&Arc<Layer>> = image.state.layers.iter().map(|l| form.layer(l)).collect();
        let listed = layers.iter().map(|l| form.descriptor(&l.descriptor));
        let listed = listed.collect::<Vec<_>>();
        let of_level = |level| annotations_of(annotations, level, Some(&image.platform));
        let of_manifest = of_level(AnnotationLevel::Manifest);
        let config_of = |media_type: MediaType| Descriptor::of(media_type.as_str(), &image.config);
        let manifest = match form.docker {
            true => Manifest::docker(config_of(MediaType::DockerConfig), listed, of_manifest),
            false => Manifest::new(config_of(MediaType::OciConfig), listed, of_manifest),
        };
        let config = manifest.config().clone();
        let mut entry = manifest.descriptor().with_platform(image.platform.clone());
        entry.annotations = of_level(AnnotationLevel::ManifestDescriptor);
        for layer in layers {
            parts.add(&layer.descriptor, &mut seen);
            let layers = parts.layers.entry(layer.descriptor.digest);
            layers.or_insert_with(|| Arc::clone(layer));
        }
        parts.add(&config, &mut seen);
        parts.add(&manifest.descriptor(), &mut seen);
        parts.documents.insert(config.digest, image.config.clone());
        parts
            .documents
            .insert(manifest.digest(), manifest.raw().to_vec());
        entries.push(entry.clone());
        composed.push(ComposedImage {
            platform: image.platform.clone(),
            manifest: entry,
            config,
        });
    }
    let mut documents = entries.clone();
    let top = match &entries[..] {
        [only] => only.clone(),
        _ => {
            let of_level = |level| annotations_of(annotations, level, None);
            let index = match form.docker {
                true => Index::docker(entries),
                false => Index::new(entries, of_level(AnnotationLevel::Index)),
            };
            let mut top = index.descriptor();
            parts.add(&top, &mut seen);
            parts.documents.insert(top.digest, index.raw().to_vec());
            top.annotations = of_level(AnnotationLevel::IndexDescriptor);
            documents.push(top.clone());
            top
        }
    };
    Composition {
        top,
        images: composed,
        documents,
        parts,
    }
}

impl Form {
    fn layer<'l>(&'l self, layer: &'l Arc<Layer>) -> &'l Arc<Layer> {
        self.instead.get(&layer.descriptor.digest).unwrap_or(layer)
    }

    /// The layer as a document lists it; the bytes are the same whatever the type is called. Layers
    /// that were once not to be distributed may be today.
    fn descriptor(&self, layer: &Descriptor) -> Descriptor {
        let Some(media_type) = LayerMediaType::parse(&layer.media_type) else {
            return layer.clone();
        };
        let media_type = match self.docker {
            true => docker_layer_media_type(media_type.compression),
            false => oci_layer_media_type(media_type.compression),
        };
        Descriptor::new(media_type, layer.digest, layer.size)
    }
}
