//! What the store has under names.

use std::collections::HashSet;

use crossdock_dockerfile::{BadPattern, GoPattern};
use crossdock_image::{
    BlobDigest, Descriptor, Document, Manifest, Platform, Timestamp, parse_rfc3339,
};
use crossdock_store::{DocumentReadError, Store, TagError};

use super::names::own_reference;
use crate::base::MAX_NESTING;

/// What the store has under one name.
#[derive(Debug)]
pub struct StoredImage {
    /// The name as the store has it.
    pub name: String,
    /// The repository in its short form; the whole name if that is no name of crossdock's.
    pub repository: String,
    /// The tag, unless the name has a digest instead.
    pub tag: Option<String>,
    /// What the name stands for.
    pub descriptor: Descriptor,
    /// Whether that is an index.
    pub is_index: bool,
    /// The images of the index, in its order; else the one image.
    pub images: Vec<StoredManifest>,
    /// Bytes of all blobs that it needs, compressed as they are, each counted once. Of images of
    /// an index that are not here nothing is counted, as it is not known.
    pub size: u64,
    /// How many of these bytes are not in the store.
    pub absent: u64,
    /// What is wrong with an index. What is wrong with an image is told there.
    pub problem: Option<ImageProblem>,
}

/// An image that has a name, or is one of an index that has.
#[derive(Debug)]
pub struct StoredManifest {
    /// The manifest.
    pub descriptor: Descriptor,
    /// What it is for: as the index says, else the config.
    pub platform: Option<Platform>,
    /// Whether it is no image, but says something of another one.
    pub is_attestation: bool,
    /// When it was made, as the config says.
    pub created: Option<Timestamp>,
    /// As of [`StoredImage`].
    pub size: u64,
    /// As of [`StoredImage`].
    pub absent: u64,
    /// Why the rest is not known.
    pub problem: Option<ImageProblem>,
}

/// What is wrong with a manifest, an index or a config in the store.
#[derive(Debug, thiserror::Error)]
pub enum ImageProblem {
    /// It is not here. `pull` for one platform leaves the others where they are.
    #[error("not here")]
    Absent,
    /// It is damaged.
    #[error("{0}")]
    Unreadable(#[source] Box<DocumentReadError>),
    /// Indexes in indexes, deeper than anyone needs.
    #[error("an index in more than {limit} others")]
    Nested {
        /// How deep they may be.
        limit: usize,
    },
}

impl StoredImage {
    /// The images, without what only says something of them.
    pub fn real_images(&self) -> impl Iterator<Item = &StoredManifest> {
        self.images.iter().filter(|image| !image.is_attestation)
    }

    /// When the latest of its images was made, as the config says.
    pub fn created(&self) -> Option<&str> {
        let created = self.real_images().filter_map(|image| {
            let text = image.created.as_deref()?;
            Some((parse_rfc3339(text)?, text))
        });
        created.max_by_key(|(time, _)| *time).map(|(_, text)| text)
    }
}

/// A pattern of names, with the wildcards of Go's `path.Match` as docker's `reference` filter has
/// them: `*` and `?` match no `/`.
#[derive(Debug, Clone)]
pub struct NamePattern {
    pattern: GoPattern,
    /// It begins with the registry that short names leave out.
    is_whole: bool,
}

impl NamePattern {
    /// Reads a pattern such as `debian`, `debian:1*` or `*/app`.
    pub fn parse(text: &str) -> Result<Self, BadPattern> {
        Ok(Self {
            pattern: GoPattern::parse(text)?,
            is_whole: text.starts_with("docker.io/"),
        })
    }

    /// Whether it matches a name of the store, with its tag or digest or without. Names are
    /// matched in their short form, unless the pattern begins with `docker.io/`.
    pub fn matches(&self, name: &str) -> bool {
        let matches = |text: &str| self.pattern.matches(text.as_bytes());
        match own_reference(name) {
            None => matches(name),
            Some(reference) => {
                let form = match self.is_whole {
                    true => name.to_owned(),
                    false => reference.familiar(),
                };
                matches(&form) || matches(repository_of(&form))
            }
        }
    }
}

/// The repository of a name.
fn repository_of(name: &str) -> &str {
    let end = name.find('@').unwrap_or(name.len());
    let name = &name[..end];
    // A colon before a slash is a port's.
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}

/// All names of the store with what they stand for, sorted by name. What is damaged or missing is
/// told of the name that needs it.
pub fn stored_images(
    store: &Store,
    pattern: Option<&NamePattern>,
) -> Result<Vec<StoredImage>, TagError> {
    let tags = store.tags()?.into_iter();
    let tags = tags.filter(|(name, _)| pattern.is_none_or(|pattern| pattern.matches(name)));
    Ok(tags
        .map(|(name, entry)| stored(store, name, entry))
        .collect())
}

fn stored(store: &Store, name: String, descriptor: Descriptor) -> StoredImage {
    let reference = own_reference(&name);
    let mut reading = Reading {
        store,
        all: Counted::default(),
        seen: HashSet::new(),
        images: Vec::new(),
    };
    let (is_index, problem) = reading.read(&descriptor);
    StoredImage {
        repository: match &reference {
            Some(reference) => repository_of(&reference.familiar()).to_owned(),
            None => name.clone(),
        },
        tag: reference.and_then(|reference| reference.tag().map(str::to_owned)),
        name,
        descriptor,
        is_index,
        images: reading.images,
        size: reading.all.size,
        absent: reading.all.absent,
        problem,
    }
}

/// Blobs, each once.
#[derive(Default)]
struct Counted {
    seen: HashSet<BlobDigest>,
    size: u64,
    absent: u64,
}

impl Counted {
    fn add(&mut self, blob: &Descriptor, is_here: bool) {
        if self.seen.insert(blob.digest) {
            self.size = self.size.saturating_add(blob.size);
            if !is_here {
                self.absent = self.absent.saturating_add(blob.size);
            }
        }
    }
}

/// Reads the documents of one name.
struct Reading<'s> {
    store: &'s Store,
    all: Counted,
    /// Documents that were looked at.
    seen: HashSet<BlobDigest>,
    images: Vec<StoredManifest>,
}

impl Reading<'_> {
    /// Reads what a name stands for; whether it is an index, and what is wrong with that.
    fn read(&mut self, top: &Descriptor) -> (bool, Option<ImageProblem>) {
        let mut is_index = false;
        let mut problem = None;
        let mut open = vec![(top.clone(), 0)];
        while let Some((descriptor, depth)) = open.pop() {
            // An index may list an image twice.
            if !self.seen.insert(descriptor.digest) {
                continue;
            }
            match self.document(&descriptor) {
                Ok(Document::Index(index)) => {
                    is_index |= depth == 0;
                    self.all.add(&descriptor, true);
                    if depth + 1 >= MAX_NESTING {
                        problem = Some(ImageProblem::Nested { limit: MAX_NESTING });
                        continue;
                    }
                    let entries = index.manifests().iter().rev();
                    open.extend(entries.map(|entry| (entry.clone(), depth + 1)));
                }
                Ok(Document::Manifest(manifest)) => self.image(descriptor, &manifest),
                Err(error) => self.images.push(StoredManifest {
                    platform: descriptor.platform.clone(),
                    is_attestation: descriptor.is_attestation(),
                    descriptor,
                    created: None,
                    size: 0,
                    absent: 0,
                    problem: Some(error),
                }),
            }
        }
        (is_index, problem)
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Document, ImageProblem> {
        if !self.store.contains(&descriptor.digest) {
            return Err(ImageProblem::Absent);
        }
        let document = self.store.read_document(descriptor);
        document.map_err(|error| ImageProblem::Unreadable(Box::new(error)))
    }

    fn image(&mut self, descriptor: Descriptor, manifest: &Manifest) {
        let mut own = Counted::default();
        let blobs = [&descriptor, manifest.config()];
        for blob in blobs.into_iter().chain(manifest.layers()) {
            let is_here = self.store.blob_size(&blob.digest) == Some(blob.size);
            own.add(blob, is_here);
            self.all.add(blob, is_here);
        }
        let is_attestation = descriptor.is_attestation();
        let (mut platform, mut created, mut problem) = (descriptor.platform.clone(), None, None);
        // The config of an attestation is none.
        if !self.store.contains(&manifest.config().digest) {
            problem = Some(ImageProblem::Absent);
        } else if !is_attestation {
            match self.store.read_config(manifest.config()) {
                Ok(config) => {
                    platform = platform.or_else(|| Some(config.platform()));
                    created = config.created;
                }
                Err(error) => problem = Some(ImageProblem::Unreadable(Box::new(error))),
            }
        }
        self.images.push(StoredManifest {
            descriptor,
            platform,
            is_attestation,
            created,
            size: own.size,
            absent: own.absent,
            problem,
        });
    }
}

#[cfg(test)]
mod tests;
