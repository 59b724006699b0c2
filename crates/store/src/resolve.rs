//! Finding an image in a layout.

use std::path::PathBuf;

use crossdock_image::{
    ANNOTATION_IMAGE_NAME, BlobDigest, Descriptor, Document, Index, LayoutReference,
    MAX_DOCUMENT_SIZE, Platform, SelectError, select,
};

use crate::blob::BlobError;
use crate::{DocumentReadError, Layout};

/// Why an image is not found in a layout.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// No image has the tag.
    #[error("{}: no image has the tag {tag:?}; {}", .layout.display(), list(.tags))]
    NoSuchTag {
        /// The layout.
        layout: PathBuf,
        /// The tag.
        tag: String,
        /// The tags that there are.
        tags: Vec<String>,
    },
    /// Several images fit, and nothing says which one is meant.
    #[error(
        "{}: {count} images fit; name one by tag (oci-layout://DIR:TAG) or by digest \
         (oci-layout://DIR@sha256:…); {}",
        .layout.display(), list(.tags)
    )]
    Several {
        /// The layout.
        layout: PathBuf,
        /// How many.
        count: usize,
        /// The tags that there are.
        tags: Vec<String>,
    },
    /// The layout lists nothing.
    #[error("{}: the layout holds no image", .layout.display())]
    Empty {
        /// The layout.
        layout: PathBuf,
    },
    /// Several images have the name, none has the platform.
    #[error("{}: {source}", .layout.display())]
    Platform {
        /// The layout.
        layout: PathBuf,
        /// What there is.
        source: SelectError,
    },
    /// The digest is not listed, and the blob is not there or is no document.
    #[error(transparent)]
    Read(#[from] DocumentReadError),
}

fn list(tags: &[String]) -> String {
    if tags.is_empty() {
        return "none of its images has a tag".to_owned();
    }
    format!("its tags are {}", tags.join(", "))
}

pub(crate) fn resolve(
    layout: &Layout,
    reference: &LayoutReference,
    platform: Option<&Platform>,
) -> Result<Descriptor, ResolveError> {
    if let Some(digest) = &reference.digest {
        return by_digest(layout, digest);
    }
    let entries = layout.index().manifests();
    let mut candidates = match &reference.tag {
        Some(tag) => tagged(entries, tag),
        None => match distinct(entries.iter()) {
            all if all.len() <= 1 => all,
            all => match tagged(entries, "latest") {
                latest if latest.is_empty() => all,
                latest => latest,
            },
        },
    };
    if candidates.len() > 1 {
        candidates.retain(|entry| !entry.is_attestation());
    }
    let folder = || layout.root().to_owned();
    match (candidates.as_slice(), &reference.tag) {
        ([], Some(tag)) => Err(ResolveError::NoSuchTag {
            layout: folder(),
            tag: tag.clone(),
            tags: tags(entries),
        }),
        ([], None) => Err(ResolveError::Empty { layout: folder() }),
        ([only], _) => Ok((*only).clone()),
        (several, _) => among(several, platform, layout),
    }
}

/// Chooses by platform among images of equal name. Differently named ones are different images,
/// of which a platform does not choose.
fn among(
    several: &[&Descriptor],
    platform: Option<&Platform>,
    layout: &Layout,
) -> Result<Descriptor, ResolveError> {
    let name = several[0].ref_name();
    let same_name = several.iter().all(|entry| entry.ref_name() == name);
    let platforms = several.iter().all(|entry| entry.platform.is_some());
    match platform {
        Some(platform) if same_name && platforms => {
            let entries = several.iter().map(|entry| (*entry).clone()).collect();
            let index = Index::new(entries, Default::default());
            match select(&index, platform) {
                Ok(found) => Ok(found.clone()),
                Err(source) => Err(ResolveError::Platform {
                    layout: layout.root().to_owned(),
                    source,
                }),
            }
        }
        _ => Err(ResolveError::Several {
            layout: layout.root().to_owned(),
            count: several.len(),
            tags: tags(layout.index().manifests()),
        }),
    }
}

/// A digest that is not listed may be that of a manifest within an index.
fn by_digest(layout: &Layout, digest: &BlobDigest) -> Result<Descriptor, ResolveError> {
    let listed = layout.index().manifests();
    if let Some(entry) = listed.iter().find(|entry| entry.digest == *digest) {
        return Ok(entry.clone());
    }
    let read = || -> Result<Descriptor, DocumentReadError> {
        let (_, size) = layout.open_blob_unverified(digest)?;
        if size > MAX_DOCUMENT_SIZE {
            return Err(DocumentReadError::Blob(BlobError::TooLarge {
                digest: *digest,
                path: crate::blob::path(layout.root(), digest),
                size,
                limit: MAX_DOCUMENT_SIZE,
            }));
        }
        Ok(
            match layout.read_document(&Descriptor::new("", *digest, size))? {
                Document::Manifest(manifest) => manifest.descriptor(),
                Document::Index(index) => index.descriptor(),
            },
        )
    };
    Ok(read()?)
}

/// The entries with this tag: by the annotation itself if any has it, else by full names.
fn tagged<'a>(entries: &'a [Descriptor], tag: &str) -> Vec<&'a Descriptor> {
    let exact = distinct(entries.iter().filter(|entry| entry.ref_name() == Some(tag)));
    if !exact.is_empty() {
        return exact;
    }
    let names = |entry: &&Descriptor| {
        let full = entry.annotations.get(ANNOTATION_IMAGE_NAME);
        [entry.ref_name(), full.map(String::as_str)]
            .into_iter()
            .flatten()
            .any(|name| name == tag || tag_of(name) == Some(tag))
    };
    distinct(entries.iter().filter(names))
}

/// The tag of a full name such as `docker.io/library/alpine:3`. A port is no tag.
fn tag_of(name: &str) -> Option<&str> {
    let (_, tag) = name.rsplit_once(':')?;
    (!tag.contains('/')).then_some(tag)
}

/// The same document listed twice is one image.
fn distinct<'a>(entries: impl Iterator<Item = &'a Descriptor>) -> Vec<&'a Descriptor> {
    let mut found: Vec<&Descriptor> = Vec::new();
    for entry in entries {
        if found.iter().all(|other| other.digest != entry.digest) {
            found.push(entry);
        }
    }
    found
}

/// The names to choose from, as they are written.
fn tags(entries: &[Descriptor]) -> Vec<String> {
    let name = |entry: &Descriptor| {
        let full = entry.annotations.get(ANNOTATION_IMAGE_NAME);
        entry
            .ref_name()
            .or(full.map(String::as_str))
            .map(str::to_owned)
    };
    let mut tags: Vec<_> = entries.iter().filter_map(name).collect();
    tags.sort();
    tags.dedup();
    tags
}
