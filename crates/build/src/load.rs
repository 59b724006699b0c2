//! Images in files come into the store as they are: archives, layouts, and file systems in tars and
//! folders.

mod error;
mod root;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossdock_host::open_file;
use crossdock_image::{
    ANNOTATION_IMAGE_NAME, ANNOTATION_REF_NAME, Config, Descriptor, Document, Index,
    LayerMediaType, Manifest, Platform, Reference,
};
use crossdock_layer::{CollisionPolicy, Limits, Timestamp};
use crossdock_store::{Layout, Store};

pub use self::error::LoadError;
use crate::archive_file::ArchiveOpener;
use crate::base::{Found, MAX_NESTING, store_name, tagged};
use crate::error::BuildError;
use crate::event::{Event, Events, Vertices};
use crate::layers::{Layer, LayerIndexer};
use crate::place::BlobPlace;

/// What is loaded.
#[derive(Debug)]
pub struct LoadRequest<'a> {
    /// A file or a folder; `None` for standard input.
    pub file: Option<&'a Path>,
    /// Names for what has none.
    pub names: &'a [Reference],
    /// It is a root file system, a tar or a folder, and no archive of images.
    pub root: Option<RootFileSystem>,
    /// Limits for layers, and for archives that are compressed as a whole.
    pub limits: Limits,
}

/// What a root file system does not say of an image that is made of it.
#[derive(Debug, Clone)]
pub struct RootFileSystem {
    /// What the image is for.
    pub platform: Platform,
    /// SOURCE_DATE_EPOCH: when the image was made, and the latest time in a layer that is made.
    pub epoch: Option<Timestamp>,
    /// What becomes of names that Windows cannot hold side by side.
    pub collision: CollisionPolicy,
}

/// An image that is in the store now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The manifest or index.
    pub descriptor: Descriptor,
    /// Its names, in their short form.
    pub names: Vec<String>,
    /// What it is for: one platform, or those of an index that have come.
    pub platforms: Vec<Platform>,
}

/// Puts images into the store, bit for bit, and gives them their names there. On the way their
/// layers are indexed. No name is given before all images of the file are there.
pub fn load(
    store: &Store,
    threads: usize,
    events: Events<'_>,
    request: &LoadRequest<'_>,
) -> Result<Vec<Loaded>, LoadError> {
    let vertices = Vertices::default();
    let loader = Loader {
        store,
        threads,
        events,
        vertices: &vertices,
        request,
        shown: request.file.map_or_else(stdin_name, Path::to_owned),
    };
    match &request.root {
        Some(root) => Ok(vec![loader.root_file_system(root)?]),
        None => loader.images(),
    }
}

/// What messages call standard input.
fn stdin_name() -> PathBuf {
    PathBuf::from("standard input")
}

struct Loader<'a> {
    store: &'a Store,
    threads: usize,
    events: Events<'a>,
    vertices: &'a Vertices,
    request: &'a LoadRequest<'a>,
    /// What messages call the file.
    shown: PathBuf,
}

/// The images of a file.
struct Source {
    place: BlobPlace,
    entries: Vec<Descriptor>,
}

/// An image of a file under all its names.
struct Named {
    descriptor: Descriptor,
    names: Vec<Reference>,
}

/// What an image consists of.
#[derive(Default)]
struct Parts {
    layers: Vec<Arc<Layer>>,
    /// Blobs that are no layers of files.
    others: Vec<Descriptor>,
    /// Documents behind those that they name.
    documents: Vec<(Descriptor, Vec<u8>)>,
    platforms: Vec<Platform>,
    /// Images of indexes that are not in the file.
    missing: Vec<Descriptor>,
}

impl Loader<'_> {
    fn images(&self) -> Result<Vec<Loaded>, LoadError> {
        let source = self.open()?;
        let mut all = Vec::new();
        // What is wrong with a name is told before anything is read.
        let images = self.named(&source)?;
        for image in images {
            let mut parts = Parts::default();
            let found = Found {
                descriptor: image.descriptor.clone(),
                place: source.place.clone(),
                image: self.shown.display().to_string(),
            };
            self.gather(&found, &image.descriptor, &mut parts, 0)?;
            self.tell_missing(&found, &parts)?;
            all.push((image, parts));
        }
        let layers: Vec<Arc<Layer>> = all.iter().flat_map(|(_, p)| p.layers.clone()).collect();
        self.indexer().take_in(&layers)?;
        for (_, parts) in &all {
            self.keep(&source.place, parts)?;
        }
        let mut loaded = Vec::new();
        for (image, parts) in all {
            loaded.push(self.tag(image, parts.platforms)?);
        }
        Ok(loaded)
    }

    fn open(&self) -> Result<Source, LoadError> {
        let opener = ArchiveOpener {
            store: self.store,
            limits: self.request.limits,
            events: self.events,
            vertices: self.vertices,
        };
        let archive = match self.request.file {
            Some(folder) if folder.is_dir() => {
                let layout = Layout::open(folder).map_err(LoadError::no_layout)?;
                return Ok(Source {
                    entries: layout.index().manifests().to_vec(),
                    place: BlobPlace::Layout(Arc::new(layout)),
                });
            }
            Some(file) => opener.open(file),
            None => opener.read_once(&self.shown, io::stdin().lock(), 0),
        };
        let archive = archive.map_err(LoadError::no_archive)?;
        Ok(Source {
            entries: archive.index().manifests().to_vec(),
            place: BlobPlace::Archive(Arc::new(archive)),
        })
    }

    /// The images with their names: those in the file, or else those of the request.
    fn named(&self, source: &Source) -> Result<Vec<Named>, LoadError> {
        let file = || self.shown.clone();
        let mut images: Vec<Named> = Vec::new();
        for entry in source
            .entries
            .iter()
            .filter(|entry| !entry.is_attestation())
        {
            let name = name_in(entry);
            match images
                .iter_mut()
                .find(|image| image.descriptor.digest == entry.digest)
            {
                Some(image) => {
                    image
                        .names
                        .extend(name.filter(|name| !image.names.contains(name)));
                }
                None => images.push(Named {
                    descriptor: plain(entry),
                    names: name.into_iter().collect(),
                }),
            }
        }
        if images.is_empty() {
            return Err(LoadError::Empty { file: file() });
        }
        let mut nameless = images.iter_mut().filter(|image| image.names.is_empty());
        match (nameless.next(), nameless.next(), self.request.names) {
            (Some(only), None, [_, ..]) => only.names = self.request.names.to_vec(),
            (Some(_), None, []) => return Err(LoadError::NoName { file: file() }),
            (Some(_), Some(_), _) => {
                return Err(LoadError::SeveralWithoutName {
                    file: file(),
                    digests: images
                        .iter()
                        .filter(|image| image.names.is_empty())
                        .map(|image| image.descriptor.digest)
                        .collect(),
                });
            }
            (None, _, []) => {}
            (None, _, more) => match &mut images[..] {
                [only] => {
                    let new = more.iter().filter(|name| !only.names.contains(name));
                    let new: Vec<Reference> = new.cloned().collect();
                    only.names.extend(new);
                }
                _ => return Err(LoadError::AllNamed { file: file() }),
            },
        }
        self.joined(images)
    }

    /// Images of equal name are those of several platforms: an index is made of them, as the store
    /// has one image for each name.
    fn joined(&self, images: Vec<Named>) -> Result<Vec<Named>, LoadError> {
        let mut by_name: BTreeMap<String, Vec<Descriptor>> = BTreeMap::new();
        for image in &images {
            for name in &image.names {
                let all = by_name.entry(store_name(name)).or_default();
                all.push(image.descriptor.clone());
            }
        }
        let Some((name, entries)) = by_name.into_iter().find(|(_, all)| all.len() > 1) else {
            return Ok(images);
        };
        if images.len() != entries.len() || entries.iter().any(|entry| entry.platform.is_none()) {
            return Err(LoadError::SameName {
                file: self.shown.clone(),
                name,
            });
        }
        let index = Index::new(entries, BTreeMap::new());
        self.store
            .put_bytes(index.raw())
            .map_err(BuildError::from)?;
        Ok(vec![Named {
            descriptor: index.descriptor(),
            names: images
                .into_iter()
                .next()
                .map_or(Vec::new(), |first| first.names),
        }])
    }

    /// Gathers what `descriptor` needs. Archives may hold only some images of an index.
    fn gather(
        &self,
        found: &Found,
        descriptor: &Descriptor,
        parts: &mut Parts,
        depth: usize,
    ) -> Result<(), LoadError> {
        if depth > MAX_NESTING {
            return Err(LoadError::Image(Box::new(BuildError::NestedIndex {
                image: found.image.clone(),
                limit: MAX_NESTING,
            })));
        }
        let known = |(other, _): &(Descriptor, _)| other.digest == descriptor.digest;
        if parts.documents.iter().any(known) {
            return Ok(());
        }
        let document = match found.place.may_have(descriptor) {
            true => found.place.document(&found.image, descriptor)?,
            // An index that was made of what is in the file is not in it.
            false => match self.store.read_document(descriptor) {
                Ok(document) => document,
                Err(_) => found.place.document(&found.image, descriptor)?,
            },
        };
        match &document {
            Document::Index(index) => {
                for entry in index.manifests() {
                    if !found.place.may_have(entry) {
                        parts.missing.push(entry.clone());
                        continue;
                    }
                    self.gather(found, entry, parts, depth + 1)?;
                }
            }
            Document::Manifest(manifest) => gather_image(found, descriptor, manifest, parts)?,
        }
        let raw = document.raw().to_vec();
        parts.documents.push((descriptor.clone(), raw));
        Ok(())
    }

    /// Says what of an index is not in the file; that is an error if nothing is.
    fn tell_missing(&self, found: &Found, parts: &Parts) -> Result<(), LoadError> {
        let images = parts.missing.iter().filter(|entry| !entry.is_attestation());
        let of: Vec<String> = images
            .map(|entry| match &entry.platform {
                Some(platform) => platform.to_string(),
                None => entry.digest.to_string(),
            })
            .collect();
        if of.is_empty() {
            return Ok(());
        }
        if parts.platforms.is_empty() && parts.others.is_empty() {
            // The first that is missing says so itself.
            found.place.document(&found.image, &parts.missing[0])?;
        }
        (self.events)(Event::Warning {
            text: format!(
                "{}: its index lists images that are not in it, and are not loaded: {}",
                found.image,
                of.join(", ")
            ),
        });
        Ok(())
    }

    /// Puts into the store what is no layer.
    fn keep(&self, place: &BlobPlace, parts: &Parts) -> Result<(), LoadError> {
        let image = self.shown.display().to_string();
        for blob in &parts.others {
            if self.store.blob_size(&blob.digest) == Some(blob.size) {
                continue;
            }
            let mut from = place.open(&image, blob)?;
            let mut ingest = self.store.ingest().map_err(BuildError::from)?;
            io::copy(&mut from, &mut ingest).map_err(|source| BuildError::Part {
                digest: blob.digest,
                source,
            })?;
            ingest
                .commit(Some((blob.digest, blob.size)))
                .map_err(BuildError::from)?;
        }
        for (_, bytes) in &parts.documents {
            self.store.put_bytes(bytes).map_err(BuildError::from)?;
        }
        let layers = parts.layers.iter().map(|layer| &layer.descriptor);
        let documents = parts.documents.iter().map(|(document, _)| document);
        let all = layers.chain(&parts.others).chain(documents);
        self.store
            .sync_blobs(all.map(|blob| &blob.digest))
            .map_err(BuildError::from)?;
        Ok(())
    }

    fn tag(&self, image: Named, platforms: Vec<Platform>) -> Result<Loaded, LoadError> {
        for name in &image.names {
            let full = store_name(name);
            let entry = image
                .descriptor
                .clone()
                .with_annotation(ANNOTATION_IMAGE_NAME, &full);
            self.store.tag(&full, &entry).map_err(BuildError::from)?;
        }
        Ok(Loaded {
            descriptor: image.descriptor,
            names: image.names.iter().map(tagged).collect(),
            platforms,
        })
    }

    fn indexer(&self) -> LayerIndexer<'_> {
        LayerIndexer {
            store: self.store,
            limits: self.request.limits,
            threads: self.threads,
            events: self.events,
            vertices: self.vertices,
        }
    }

    /// What is read, from its start.
    fn stream(&self) -> Result<Box<dyn Read>, LoadError> {
        match self.request.file {
            None => Ok(Box::new(io::stdin().lock())),
            Some(path) => match open_file(path) {
                Ok(file) => Ok(Box::new(file)),
                Err(source) => Err(LoadError::Read {
                    file: path.to_owned(),
                    source,
                }),
            },
        }
    }
}

/// Gathers the parts of one image, or of what is none (an attestation, an artifact).
fn gather_image(
    found: &Found,
    descriptor: &Descriptor,
    manifest: &Manifest,
    parts: &mut Parts,
) -> Result<(), LoadError> {
    let is_image = manifest.artifact_type().is_none_or(str::is_empty)
        && !descriptor.is_attestation()
        && manifest
            .layers()
            .iter()
            .all(|layer| LayerMediaType::parse(&layer.media_type).is_some());
    parts.others.push(manifest.config().clone());
    if !is_image {
        parts.others.extend(manifest.layers().iter().cloned());
        return Ok(());
    }
    let image = found.image(manifest)?;
    parts.layers.extend(image.layers);
    parts.platforms.push(image.platform);
    Ok(())
}

/// What names a list of images gives an entry: a whole name. A tag alone is none.
fn name_in(entry: &Descriptor) -> Option<Reference> {
    let full = entry.annotations.get(ANNOTATION_IMAGE_NAME);
    let name = entry.annotations.get(ANNOTATION_REF_NAME);
    let is_whole = |name: &&String| name.contains([':', '/']);
    let read = |name: &String| {
        let reference: Reference = name.parse().ok()?;
        reference.digest().is_none().then_some(reference)
    };
    full.and_then(read)
        .or_else(|| name.filter(is_whole).and_then(read))
}

/// An entry without its names: those of the store are its own.
fn plain(entry: &Descriptor) -> Descriptor {
    let mut entry = entry.clone();
    entry.annotations.remove(ANNOTATION_IMAGE_NAME);
    entry.annotations.remove(ANNOTATION_REF_NAME);
    entry
}

/// A config of which only the platform is known.
fn config_for(platform: &Platform) -> Config {
    Config {
        architecture: platform.architecture.clone(),
        variant: platform.variant.clone(),
        os: platform.os.clone(),
        os_version: platform.os_version.clone(),
        os_features: platform.os_features.clone(),
        ..Config::default()
    }
}
