//! The documents of an image, without its layers.

use std::io::Read;

use crossdock_image::{
    Config, Descriptor, DiffId, Document, ImageSource, MAX_CONFIG_SIZE, Manifest, MediaType,
    Platform, SelectError, fits,
};

use super::history::uncompressed;
use super::{BrowseError, Images, NamedImage, PlatformChoice};
use crate::base::MAX_NESTING;
use crate::error::BuildError;

/// Everything that documents say of what a name means.
#[derive(Debug)]
pub struct Inspection {
    /// The name as messages show it.
    pub name: String,
    /// The manifest or index.
    pub descriptor: Descriptor,
    /// Its content.
    pub document: Document,
    /// The image itself, or the one that was chosen of the index; none if there are several, none
    /// was asked for, and none is for this machine.
    pub image: Option<InspectedImage>,
}

/// What the documents of one image say.
#[derive(Debug)]
pub struct InspectedImage {
    /// The manifest; in an index its descriptor says the platform.
    pub descriptor: Descriptor,
    /// Its content.
    pub manifest: Manifest,
    /// The bytes of the config.
    pub config_bytes: Vec<u8>,
    /// What they say, if they are an image's config. Those of other artifacts are not.
    pub config: Option<Config>,
    /// The layers, lowest first.
    pub layers: Vec<InspectedLayer>,
}

/// What is known of a layer without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InspectedLayer {
    /// Its blob.
    pub descriptor: Descriptor,
    /// The digest of its content, if the config lists as many as there are layers.
    pub diff_id: Option<DiffId>,
    /// Bytes of its tar, if the layer was read before or is not compressed.
    pub uncompressed: Option<u64>,
}

impl InspectedImage {
    /// What the image is for: as its index says, else its config.
    pub fn platform(&self) -> Option<Platform> {
        let stated = self.descriptor.platform.clone();
        stated.or_else(|| Some(self.config.as_ref()?.platform()))
    }
}

impl Images<'_> {
    /// Reads the documents of what `source` means. No layer is read, and what is not an image can
    /// be looked at too.
    pub fn inspect(
        &self,
        source: &ImageSource,
        choice: &PlatformChoice,
    ) -> Result<Inspection, BrowseError> {
        let named = self.find(source, choice)?;
        let document = named.document()?;
        let chosen = self.chosen(&named, &document, choice)?;
        let image = match chosen {
            Some((descriptor, manifest)) => {
                let image = self.inspected(&named, descriptor, manifest)?;
                check_platform(&named.name, &image, choice)?;
                Some(image)
            }
            None => None,
        };
        Ok(Inspection {
            name: named.name,
            descriptor: named.descriptor,
            document,
            image,
        })
    }

    /// The manifest that is meant.
    fn chosen(
        &self,
        named: &NamedImage,
        document: &Document,
        choice: &PlatformChoice,
    ) -> Result<Option<(Descriptor, Manifest)>, BrowseError> {
        let mut descriptor = named.descriptor.clone();
        let mut document = document.clone();
        for _ in 0..MAX_NESTING {
            let index = match document {
                Document::Manifest(manifest) => return Ok(Some((descriptor, manifest))),
                Document::Index(index) => index,
            };
            descriptor = match named.found.choose(&index, choice.platform()) {
                Ok(entry) => entry,
                Err(BuildError::Platform { .. }) if choice.wanted.is_none() => return Ok(None),
                Err(error) => return Err(BrowseError::from_choice(error)),
            };
            document = named.document_of(&descriptor)?;
        }
        Err(BuildError::NestedIndex {
            image: named.name.clone(),
            limit: MAX_NESTING,
        }
        .into())
    }

    fn inspected(
        &self,
        named: &NamedImage,
        descriptor: Descriptor,
        manifest: Manifest,
    ) -> Result<InspectedImage, BrowseError> {
        let (config_bytes, config) = named.config_bytes(&manifest)?;
        let diff_ids = config.as_ref().map(|config| &config.rootfs.diff_ids[..]);
        let diff_ids = diff_ids.filter(|diff_ids| diff_ids.len() == manifest.layers().len());
        let mut layers = Vec::new();
        for (place, layer) in manifest.layers().iter().enumerate() {
            let diff_id = diff_ids.map(|diff_ids| diff_ids[place]);
            layers.push(InspectedLayer {
                descriptor: layer.clone(),
                diff_id,
                uncompressed: match diff_id {
                    Some(diff_id) => uncompressed(self.store, layer, &diff_id)?,
                    None => None,
                },
            });
        }
        Ok(InspectedImage {
            descriptor,
            manifest,
            config_bytes,
            config,
            layers,
        })
    }
}

impl NamedImage {
    /// The bytes of the config that a manifest names, and what they say if it is an image's.
    fn config_bytes(&self, manifest: &Manifest) -> Result<(Vec<u8>, Option<Config>), BrowseError> {
        let descriptor = manifest.config();
        // It brings the config of a registry into the store, also if the one there is damaged.
        let config = self.config_of(manifest);
        let is_config = descriptor.media_type.is_empty()
            || MediaType::parse(&descriptor.media_type).is_some_and(MediaType::is_config);
        let config = match config {
            Ok(config) => is_config.then_some(config),
            // The config of another artifact need not be JSON, but it has to be small.
            Err(_) if !is_config && descriptor.size <= MAX_CONFIG_SIZE => None,
            Err(error) => return Err(error),
        };
        let blob = self.found.place.open(&self.name, descriptor)?;
        let mut bytes = Vec::new();
        let read = blob.take(MAX_CONFIG_SIZE + 1).read_to_end(&mut bytes);
        read.map_err(|source| BuildError::Part {
            digest: descriptor.digest,
            source,
        })?;
        Ok((bytes, config))
    }
}

/// The only image of an index, or one without an index, was not chosen by its platform.
fn check_platform(
    name: &str,
    image: &InspectedImage,
    choice: &PlatformChoice,
) -> Result<(), BrowseError> {
    let platform = image.platform();
    let is_it = |wanted| platform.as_ref().is_some_and(|found| fits(found, wanted));
    match &choice.wanted {
        Some(wanted) if !is_it(wanted) => Err(BrowseError::Platform {
            image: name.to_owned(),
            source: Box::new(SelectError {
                wanted: Box::new(wanted.clone()),
                available: platform.into_iter().collect(),
            }),
        }),
        _ => Ok(()),
    }
}
