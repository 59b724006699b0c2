//! The history of an image beside its layers.

use crossdock_image::{Descriptor, DiffId, History, LayerCompression, LayerMediaType};
use crossdock_store::{Lookup, Store};

use super::{BrowseError, OpenedImage};
use crate::error::BuildError;

/// What an image's config tells of how it was made, and the layers that came of it.
#[derive(Debug)]
pub struct ImageHistory<'i> {
    /// The oldest step, or the lowest layer, first.
    pub steps: Vec<HistoryStep<'i>>,
    /// Whether the history has a step for each layer, or is absent. If not, it is not known which
    /// step made which layer: all steps come first, without layers, then the layers.
    pub fits: bool,
}

/// A step that led to an image, or a layer of which no step is known.
#[derive(Debug, Clone, Copy)]
pub struct HistoryStep<'i> {
    /// What the config tells of it.
    pub history: Option<&'i History>,
    /// What it made.
    pub layer: Option<HistoryLayer<'i>>,
}

/// A layer and its sizes.
#[derive(Debug, Clone, Copy)]
pub struct HistoryLayer<'i> {
    /// Its blob.
    pub descriptor: &'i Descriptor,
    /// The digest of its content.
    pub diff_id: &'i DiffId,
    /// Bytes of its tar, if the layer was read before or is not compressed.
    pub uncompressed: Option<u64>,
}

impl OpenedImage<'_> {
    /// The history beside the layers. Nothing is read for it.
    pub fn history(&self) -> Result<ImageHistory<'_>, BrowseError> {
        let mut layers = Vec::new();
        for layer in self.layers() {
            layers.push(HistoryLayer {
                descriptor: layer.descriptor,
                diff_id: layer.diff_id,
                uncompressed: uncompressed(self.images.store, layer.descriptor, layer.diff_id)?,
            });
        }
        Ok(beside(&self.config.history, &layers))
    }
}

pub(super) fn beside<'i>(history: &'i [History], layers: &[HistoryLayer<'i>]) -> ImageHistory<'i> {
    let count = history.iter().filter(|step| !step.empty_layer).count();
    let fits = history.is_empty() || count == layers.len();
    let mut rest = layers.iter().copied();
    let mut steps: Vec<HistoryStep<'_>> = history
        .iter()
        .map(|step| HistoryStep {
            history: Some(step),
            layer: match fits && !step.empty_layer {
                true => rest.next(),
                false => None,
            },
        })
        .collect();
    steps.extend(rest.map(|layer| HistoryStep {
        history: None,
        layer: Some(layer),
    }));
    ImageHistory { steps, fits }
}

/// The size of a layer's tar, as far as it is known without reading it.
pub(super) fn uncompressed(
    store: &Store,
    descriptor: &Descriptor,
    diff_id: &DiffId,
) -> Result<Option<u64>, BrowseError> {
    let media_type = LayerMediaType::parse(&descriptor.media_type);
    if media_type.is_some_and(|layer| layer.compression == LayerCompression::None) {
        return Ok(Some(descriptor.size));
    }
    let known = store.diff_id_of(&descriptor.digest);
    Ok(match known.map_err(BuildError::from)? {
        Lookup::Found(content) if content.diff_id == *diff_id => Some(content.size),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
