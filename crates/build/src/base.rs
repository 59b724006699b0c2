//! Images that others made: found, chosen by platform, checked.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossdock_image::{
    ArchiveForm, ArchiveReference, Config, Descriptor, Document, ImageSource, Index,
    LayerMediaType, LayoutReference, Manifest, Platform, Reference, fits, select,
};
use crossdock_layer::Limits;
use crossdock_remote::Registry;
use crossdock_store::{Layout, Store};

use crate::archive_file::ArchiveOpener;
use crate::error::BuildError;
use crate::event::{Event, Events, Vertices, Work};
use crate::layers::Layer;
use crate::place::{BlobPlace, RemotePlace};

/// Most levels of indexes in indexes that are followed.
pub(crate) const MAX_NESTING: usize = 4;

/// An image that a stage begins with or copies from.
#[derive(Debug, Clone)]
pub(crate) struct BaseImage {
    pub(crate) config: Config,
    pub(crate) platform: Platform,
    pub(crate) layers: Vec<Arc<Layer>>,
}

/// What a name means: a manifest or an index, and where its blobs are.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) descriptor: Descriptor,
    pub(crate) place: BlobPlace,
    /// What messages call it.
    pub(crate) image: String,
}

/// Finds images.
pub(crate) struct ImageFinder<'a> {
    pub(crate) store: &'a Store,
    pub(crate) registry: &'a Registry,
    /// What relative folders of layouts are relative to.
    pub(crate) directory: &'a Path,
    /// Registries are asked even for names that the store has.
    pub(crate) pull: bool,
    /// For archives that are compressed as a whole.
    pub(crate) limits: Limits,
    pub(crate) events: Events<'a>,
    pub(crate) vertices: &'a Vertices,
}

impl ImageFinder<'_> {
    /// Finds `source` for each of the platforms and reads what describes it. A registry is asked
    /// once.
    pub(crate) fn find(
        &self,
        source: &ImageSource,
        platforms: &[&Platform],
    ) -> Result<Vec<BaseImage>, BuildError> {
        let mut there = None;
        let platforms = platforms.iter();
        let found = platforms.map(|platform| self.find_for(source, platform, &mut there));
        found.collect()
    }

    /// Finds `source` for `platform`. `there` is what the registry has, once it was asked.
    fn find_for(
        &self,
        source: &ImageSource,
        platform: &Platform,
        there: &mut Option<Found>,
    ) -> Result<BaseImage, BuildError> {
        match source.reference() {
            None => {
                let found = self.in_file(source, platform)?;
                let (manifest, _) = found.manifest(platform)?;
                found.image(&manifest)
            }
            Some(reference) => {
                let reference = reference.map_err(BuildError::Reference)?;
                if let Some(image) = self.in_store(&reference, platform)? {
                    return Ok(image);
                }
                let found = match there {
                    Some(found) => found,
                    None => there.insert(self.in_registry(&reference)?),
                };
                let (manifest, _) = found.manifest(platform)?;
                found.image(&manifest)
            }
        }
    }

    /// What a source that is no reference means. `platform` chooses where a layout without an
    /// index has several images.
    pub(crate) fn in_file(
        &self,
        source: &ImageSource,
        platform: &Platform,
    ) -> Result<Found, BuildError> {
        match source {
            ImageSource::Layout(reference) => self.in_layout(source, reference, platform),
            ImageSource::Archive(reference) => {
                let path = self.directory.join(&reference.file);
                if reference.form != ArchiveForm::Path || !path.is_dir() {
                    return self.in_archive(source, reference, &path, platform);
                }
                let layout = LayoutReference {
                    directory: reference.file.clone(),
                    tag: reference.name.clone(),
                    digest: reference.digest,
                };
                self.in_layout(source, &layout, platform)
            }
            ImageSource::Registry(_) => unreachable!("it has a reference"),
        }
    }

    fn in_layout(
        &self,
        source: &ImageSource,
        reference: &LayoutReference,
        platform: &Platform,
    ) -> Result<Found, BuildError> {
        let folder: PathBuf = self.directory.join(&reference.directory);
        let layout = Layout::open(&folder).map_err(|error| BuildError::OpenLayout {
            image: source.clone(),
            source: Box::new(error),
        })?;
        let descriptor =
            layout
                .resolve(reference, Some(platform))
                .map_err(|error| BuildError::Resolve {
                    image: source.clone(),
                    source: Box::new(error),
                })?;
        Ok(Found {
            descriptor,
            place: BlobPlace::Layout(Arc::new(layout)),
            image: source.to_string(),
        })
    }

    fn in_archive(
        &self,
        source: &ImageSource,
        reference: &ArchiveReference,
        path: &Path,
        platform: &Platform,
    ) -> Result<Found, BuildError> {
        let opener = ArchiveOpener {
            store: self.store,
            limits: self.limits,
            events: self.events,
            vertices: self.vertices,
        };
        let archive = opener.open(path)?;
        let (name, digest) = (reference.name.as_deref(), reference.digest.as_ref());
        let descriptor = archive
            .resolve(name, digest, Some(platform))
            .map_err(|error| BuildError::ResolveArchive {
                source: Box::new(error),
            })?;
        Ok(Found {
            descriptor,
            place: BlobPlace::Archive(Arc::new(archive)),
            image: source.to_string(),
        })
    }

    /// The image that the store has under this name, if it is there for the platform.
    fn in_store(
        &self,
        reference: &Reference,
        platform: &Platform,
    ) -> Result<Option<BaseImage>, BuildError> {
        if self.pull || reference.digest().is_some() {
            return Ok(None);
        }
        let Some(descriptor) = self.store.resolve(&store_name(reference))? else {
            return Ok(None);
        };
        let found = self.stored(reference, descriptor);
        // Of an index, `pull` may have brought one platform only, and the registry has the others.
        match found.manifest(platform) {
            Ok((manifest, chosen)) if chosen.fits => {
                let work = resolution(&found.image);
                self.vertices.follow(self.events, work, None, |vertex| {
                    let text = found.descriptor.digest.to_string();
                    (self.events)(Event::Detail { vertex, text });
                    Ok((Some(found.image(&manifest)?), true))
                })
            }
            _ => Ok(None),
        }
    }

    /// An image that the store has under a name.
    pub(crate) fn stored(&self, reference: &Reference, descriptor: Descriptor) -> Found {
        Found {
            descriptor,
            // A layer that is missing, of a pulled image that was damaged since, is downloaded.
            place: self.remote(reference),
            image: reference.familiar(),
        }
    }

    /// What the registry has under this reference.
    pub(crate) fn in_registry(&self, reference: &Reference) -> Result<Found, BuildError> {
        let image = reference.familiar();
        let place = self.remote(reference);
        // What has a digest need not be asked for, if it is there.
        let known = reference.digest().and_then(|digest| {
            let size = self.store.blob_size(digest)?;
            Some(Descriptor::new("", *digest, size))
        });
        let work = resolution(&image);
        let descriptor = self.vertices.follow(self.events, work, None, |vertex| {
            let (descriptor, cached) = match known {
                Some(descriptor) => (descriptor, true),
                None => {
                    let resolved = self.registry.resolve(reference);
                    let resolved = resolved.map_err(|error| BuildError::manifest(&image, error))?;
                    (resolved, false)
                }
            };
            let text = descriptor.digest.to_string();
            (self.events)(Event::Detail { vertex, text });
            Ok((descriptor, cached))
        })?;
        Ok(Found {
            descriptor,
            place,
            image,
        })
    }

    fn remote(&self, reference: &Reference) -> BlobPlace {
        BlobPlace::Registry(Arc::new(RemotePlace {
            registry: self.registry.clone(),
            repository: reference.repository().clone(),
            store: self.store.clone(),
        }))
    }
}

fn resolution(image: &str) -> Work {
    Work::named(format!("resolve {image}"))
}

/// How a manifest was chosen.
pub(crate) struct Chosen {
    pub(crate) descriptor: Descriptor,
    /// Whether the image is for the platform: the only one of an index is chosen even if not.
    pub(crate) fits: bool,
}

impl Found {
    /// The manifest for `platform`.
    pub(crate) fn manifest(&self, platform: &Platform) -> Result<(Manifest, Chosen), BuildError> {
        let mut descriptor = self.descriptor.clone();
        for _ in 0..MAX_NESTING {
            let document = self.place.document(&self.image, &descriptor)?;
            match document {
                Document::Manifest(manifest) => {
                    // Of a manifest without an index only the config says what it is for.
                    let stated = match &descriptor.platform {
                        Some(stated) => stated.clone(),
                        None => self
                            .place
                            .config(&self.image, manifest.config())?
                            .platform(),
                    };
                    let fits = fits(&stated, platform);
                    return Ok((manifest, Chosen { descriptor, fits }));
                }
                Document::Index(index) => descriptor = self.choose(&index, platform)?,
            }
        }
        Err(BuildError::NestedIndex {
            image: self.image.clone(),
            limit: MAX_NESTING,
        })
    }

    /// The entry of an index for `platform`.
    pub(crate) fn choose(
        &self,
        index: &Index,
        platform: &Platform,
    ) -> Result<Descriptor, BuildError> {
        let mut images = index
            .manifests()
            .iter()
            .filter(|entry| !entry.is_attestation());
        // An index with one image leaves no choice: it is taken whatever it is for.
        if let (Some(only), None) = (images.next(), images.next()) {
            return Ok(only.clone());
        }
        let chosen = select(index, platform).map_err(|error| BuildError::Platform {
            image: self.image.clone(),
            source: error,
        })?;
        Ok(chosen.clone())
    }

    /// The image of `manifest`.
    pub(crate) fn image(&self, manifest: &Manifest) -> Result<BaseImage, BuildError> {
        let config = self.place.config(&self.image, manifest.config())?;
        let layers = self.layers(manifest, &config)?;
        Ok(BaseImage {
            platform: config.platform(),
            config,
            layers,
        })
    }

    fn layers(&self, manifest: &Manifest, config: &Config) -> Result<Vec<Arc<Layer>>, BuildError> {
        let diff_ids = &config.rootfs.diff_ids;
        if manifest.layers().len() != diff_ids.len() {
            return Err(BuildError::LayerCount {
                image: self.image.clone(),
                layers: manifest.layers().len(),
                diff_ids: diff_ids.len(),
            });
        }
        let layers = manifest.layers().iter().zip(diff_ids);
        let layers = layers.map(|(descriptor, diff_id)| {
            if LayerMediaType::parse(&descriptor.media_type).is_none() {
                return Err(BuildError::LayerMediaType {
                    image: self.image.clone(),
                    digest: descriptor.digest,
                    media_type: descriptor.media_type.clone(),
                });
            }
            Ok(Arc::new(Layer::new(
                descriptor.clone(),
                *diff_id,
                self.place.clone(),
                self.image.clone(),
            )))
        });
        layers.collect()
    }
}

/// What the store calls the image of a reference: its full form, with a tag, or with a digest only
/// if it has one. What has a digest is not what the tag stands for.
pub(crate) fn store_name(reference: &Reference) -> String {
    match reference.digest() {
        Some(digest) => format!("{}@{digest}", reference.repository()),
        None => format!("{}:{}", reference.repository(), reference.tag_or_latest()),
    }
}

/// The name with its tag, as docker shows it.
pub(crate) fn tagged(name: &Reference) -> String {
    let tagged = name.repository().with_tag(name.tag_or_latest());
    tagged.map_or_else(|_| name.familiar(), |name| name.familiar())
}
