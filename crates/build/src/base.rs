//! Images that others made: found, chosen by platform, checked.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossdock_image::{
    Config, Descriptor, Document, ImageSource, LayerMediaType, LayoutReference, Manifest, Platform,
    select,
};
use crossdock_store::Layout;

use crate::error::BuildError;
use crate::layers::{BlobPlace, Layer};

/// Most levels of indexes in indexes that are followed.
const MAX_NESTING: usize = 4;

/// An image that a stage begins with or copies from.
#[derive(Debug, Clone)]
pub(crate) struct BaseImage {
    pub(crate) config: Config,
    pub(crate) platform: Platform,
    pub(crate) layers: Vec<Arc<Layer>>,
}

/// Finds `source` for `platform`. Relative folders are meant relative to `directory`.
pub(crate) fn resolve(
    source: &ImageSource,
    platform: &Platform,
    directory: &Path,
) -> Result<BaseImage, BuildError> {
    let reference = match source {
        ImageSource::Registry(image) => {
            return Err(BuildError::Registry {
                image: image.clone(),
            });
        }
        ImageSource::Layout(reference) => reference,
    };
    let layout = open(source, reference, directory)?;
    let manifest = find_manifest(source, reference, platform, &layout)?;
    let config = layout
        .read_config(manifest.config())
        .map_err(|error| BuildError::Document {
            image: source.clone(),
            source: Box::new(error),
        })?;
    let diff_ids = &config.rootfs.diff_ids;
    if manifest.layers().len() != diff_ids.len() {
        return Err(BuildError::LayerCount {
            image: source.clone(),
            layers: manifest.layers().len(),
            diff_ids: diff_ids.len(),
        });
    }
    for layer in manifest.layers() {
        if LayerMediaType::parse(&layer.media_type).is_none() {
            return Err(BuildError::LayerMediaType {
                image: source.to_string(),
                digest: layer.digest,
                media_type: layer.media_type.clone(),
            });
        }
    }
    let place = BlobPlace::Layout(Arc::clone(&layout));
    let layers = manifest
        .layers()
        .iter()
        .zip(diff_ids)
        .map(|(descriptor, diff_id)| {
            let image = source.to_string();
            Arc::new(Layer::new(
                descriptor.clone(),
                *diff_id,
                place.clone(),
                image,
            ))
        });
    let layers = layers.collect();
    Ok(BaseImage {
        platform: config.platform(),
        config,
        layers,
    })
}

fn open(
    source: &ImageSource,
    reference: &LayoutReference,
    directory: &Path,
) -> Result<Arc<Layout>, BuildError> {
    let folder: PathBuf = directory.join(&reference.directory);
    let layout = Layout::open(&folder).map_err(|error| BuildError::OpenLayout {
        image: source.clone(),
        source: Box::new(error),
    })?;
    Ok(Arc::new(layout))
}

fn find_manifest(
    source: &ImageSource,
    reference: &LayoutReference,
    platform: &Platform,
    layout: &Layout,
) -> Result<Manifest, BuildError> {
    let mut descriptor: Descriptor =
        layout
            .resolve(reference, Some(platform))
            .map_err(|error| BuildError::Resolve {
                image: source.clone(),
                source: Box::new(error),
            })?;
    for _ in 0..MAX_NESTING {
        let document = layout
            .read_document(&descriptor)
            .map_err(|error| BuildError::Document {
                image: source.clone(),
                source: Box::new(error),
            })?;
        let index = match document {
            Document::Manifest(manifest) => return Ok(manifest),
            Document::Index(index) => index,
        };
        let mut images = index
            .manifests()
            .iter()
            .filter(|entry| !entry.is_attestation());
        // An index with one image leaves no choice: it is taken whatever it is for.
        descriptor = match (images.next(), images.next()) {
            (Some(only), None) => only.clone(),
            _ => select(&index, platform)
                .map_err(|error| BuildError::Platform {
                    image: source.clone(),
                    source: error,
                })?
                .clone(),
        };
    }
    Err(BuildError::NestedIndex {
        image: source.clone(),
        limit: MAX_NESTING,
    })
}
