//! What `crossdock inspect --format json` prints of an image.

use crossdock_build::{Descriptor, Document, InspectedLayer, Inspection, Platform};
use serde::Serialize;
use serde_json::Value;

/// Everything of what a name means. Documents are in it with the fields that they have.
#[derive(Serialize)]
pub(super) struct ImageRow<'i> {
    name: &'i str,
    descriptor: &'i Descriptor,
    /// If the name means an index.
    index: Option<Value>,
    /// The image, or the one that was chosen.
    image: Option<&'i Descriptor>,
    platform: Option<Platform>,
    manifest: Option<Value>,
    /// Null if it is no JSON either.
    config: Option<Value>,
    layers: Vec<LayerRow<'i>>,
}

#[derive(Serialize)]
struct LayerRow<'i> {
    digest: String,
    media_type: &'i str,
    diff_id: Option<String>,
    size: Option<u64>,
    compressed_size: u64,
}

impl<'i> ImageRow<'i> {
    pub(super) fn of(inspection: &'i Inspection) -> Self {
        let image = inspection.image.as_ref();
        let value = |bytes: &[u8]| serde_json::from_slice(bytes).ok();
        Self {
            name: &inspection.name,
            descriptor: &inspection.descriptor,
            index: match &inspection.document {
                Document::Index(index) => value(index.raw()),
                Document::Manifest(_) => None,
            },
            image: image.map(|image| &image.descriptor),
            platform: image.and_then(|image| image.platform()),
            manifest: image.and_then(|image| value(image.manifest.raw())),
            config: image.and_then(|image| value(&image.config_bytes)),
            layers: image.map_or_else(Vec::new, |image| {
                image.layers.iter().map(LayerRow::of).collect()
            }),
        }
    }
}

impl<'i> LayerRow<'i> {
    fn of(layer: &'i InspectedLayer) -> Self {
        Self {
            digest: layer.descriptor.digest.to_string(),
            media_type: &layer.descriptor.media_type,
            diff_id: layer.diff_id.map(|diff_id| diff_id.to_string()),
            size: layer.uncompressed,
            compressed_size: layer.descriptor.size,
        }
    }
}
