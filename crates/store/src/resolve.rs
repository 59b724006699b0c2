//! Finding an image in a layout.

use std::path::PathBuf;

use crossdock_image::{
    ANNOTATION_IMAGE_NAME, BlobDigest, Descriptor, Document, Index, LayoutReference,
    MAX_DOCUMENT_SIZE, Platform, Reference, SelectError, select,
};

use crate::blob::BlobError;
use crate::{DocumentReadError, ImageArchive, Layout};

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

/// Why an image is not found in an archive.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveResolveError {
    /// No image has the name.
    #[error("{}: no image is called {name:?}; {}", .archive.display(), list_names(.names))]
    NoSuchName {
        /// The archive.
        archive: PathBuf,
        /// The name.
        name: String,
        /// The names that there are.
        names: Vec<String>,
    },
    /// Several images fit, and nothing says which one is meant.
    #[error(
        "{}: {count} images fit; name one, as in FILE:NAME or FILE@sha256:…; {}",
        .archive.display(), list_names(.names)
    )]
    Several {
        /// The archive.
        archive: PathBuf,
        /// How many.
        count: usize,
        /// The names that there are.
        names: Vec<String>,
    },
    /// The archive lists nothing.
    #[error("{}: the archive holds no image", .archive.display())]
    Empty {
        /// The archive.
        archive: PathBuf,
    },
    /// Several images have the name, none has the platform.
    #[error("{}: {source}", .archive.display())]
    Platform {
        /// The archive.
        archive: PathBuf,
        /// What there is.
        source: SelectError,
    },
    /// The digest is not listed, and the blob is not there or is no document.
    #[error(transparent)]
    Read(#[from] DocumentReadError),
}

fn list_names(names: &[String]) -> String {
    if names.is_empty() {
        return "none of its images has a name".to_owned();
    }
    format!("its images are {}", names.join(", "))
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
    match by_platform(several, platform) {
        Some(Ok(found)) => Ok(found),
        Some(Err(source)) => Err(ResolveError::Platform {
            layout: layout.root().to_owned(),
            source,
        }),
        None => Err(ResolveError::Several {
            layout: layout.root().to_owned(),
            count: several.len(),
            tags: tags(layout.index().manifests()),
        }),
    }
}

/// The image for a platform, if that can decide.
fn by_platform(
    several: &[&Descriptor],
    platform: Option<&Platform>,
) -> Option<Result<Descriptor, SelectError>> {
    let name = several[0].ref_name();
    let same_name = several
        .iter()
        .all(|entry| entry.ref_name() == name && full_name(entry) == full_name(several[0]));
    let platforms = several.iter().all(|entry| entry.platform.is_some());
    let platform = platform.filter(|_| same_name && platforms)?;
    let entries = several.iter().map(|entry| (*entry).clone()).collect();
    let index = Index::new(entries, Default::default());
    Some(select(&index, platform).cloned())
}

/// A digest that is not listed may be that of a manifest within an index.
fn by_digest(layout: &Layout, digest: &BlobDigest) -> Result<Descriptor, ResolveError> {
    if let Some(entry) = listed(layout.index(), digest) {
        return Ok(entry);
    }
    let read = || -> Result<Descriptor, DocumentReadError> {
        let (_, size) = layout.open_blob_unverified(digest)?;
        let path = || crate::blob::path(layout.root(), digest);
        describe(digest, size, path, |blob| layout.read_document(blob))
    };
    Ok(read()?)
}

fn listed(index: &Index, digest: &BlobDigest) -> Option<Descriptor> {
    let mut entries = index.manifests().iter();
    entries.find(|entry| entry.digest == *digest).cloned()
}

/// Describes a document of which digest and size are known.
fn describe(
    digest: &BlobDigest,
    size: u64,
    path: impl Fn() -> PathBuf,
    read: impl Fn(&Descriptor) -> Result<Document, DocumentReadError>,
) -> Result<Descriptor, DocumentReadError> {
    if size > MAX_DOCUMENT_SIZE {
        return Err(DocumentReadError::Blob(BlobError::TooLarge {
            digest: *digest,
            path: path(),
            size,
            limit: MAX_DOCUMENT_SIZE,
        }));
    }
    Ok(match read(&Descriptor::new("", *digest, size))? {
        Document::Manifest(manifest) => manifest.descriptor(),
        Document::Index(index) => index.descriptor(),
    })
}

pub(crate) fn resolve_in_archive(
    archive: &ImageArchive,
    name: Option<&str>,
    digest: Option<&BlobDigest>,
    platform: Option<&Platform>,
) -> Result<Descriptor, ArchiveResolveError> {
    let path = || archive.path().to_owned();
    if let Some(digest) = digest {
        if let Some(entry) = listed(archive.index(), digest) {
            return Ok(entry);
        }
        let size = archive.size_of(digest).ok_or_else(|| {
            DocumentReadError::Blob(BlobError::Missing {
                digest: *digest,
                path: path(),
            })
        })?;
        return Ok(describe(digest, size, path, |blob| {
            archive.read_document(blob)
        })?);
    }
    let entries = archive.index().manifests();
    let mut candidates = match name {
        Some(name) => called(entries, name),
        None => distinct(entries.iter()),
    };
    if candidates.len() > 1 {
        candidates.retain(|entry| !entry.is_attestation());
    }
    match (&candidates[..], name) {
        ([], Some(name)) => Err(ArchiveResolveError::NoSuchName {
            archive: path(),
            name: name.to_owned(),
            names: names(entries),
        }),
        ([], None) => Err(ArchiveResolveError::Empty { archive: path() }),
        ([only], _) => Ok((*only).clone()),
        (several, _) => match by_platform(several, platform) {
            Some(Ok(found)) => Ok(found),
            Some(Err(source)) => Err(ArchiveResolveError::Platform {
                archive: path(),
                source,
            }),
            None => Err(ArchiveResolveError::Several {
                archive: path(),
                count: several.len(),
                names: names(entries),
            }),
        },
    }
}

/// The entries with this name: as a whole if any has it, else by their tags.
fn called<'a>(entries: &'a [Descriptor], name: &str) -> Vec<&'a Descriptor> {
    let wanted = whole_name(name);
    let is_called = |entry: &&Descriptor| {
        let mut names = [full_name(entry), entry.ref_name()].into_iter().flatten();
        names.any(|other| other == name || wanted.is_some() && whole_name(other) == wanted)
    };
    let exact = distinct(entries.iter().filter(is_called));
    if exact.is_empty() {
        tagged(entries, name)
    } else {
        exact
    }
}

/// A name with everything that docker leaves out, and a tag.
fn whole_name(name: &str) -> Option<String> {
    let reference: Reference = name.parse().ok()?;
    if reference.digest().is_some() {
        return None;
    }
    Some(format!(
        "{}:{}",
        reference.repository(),
        reference.tag_or_latest()
    ))
}

fn full_name(entry: &Descriptor) -> Option<&str> {
    let name = entry.annotations.get(ANNOTATION_IMAGE_NAME);
    name.map(String::as_str)
}

/// The names to choose from, as people write them.
fn names(entries: &[Descriptor]) -> Vec<String> {
    let name = |entry: &Descriptor| {
        let full = full_name(entry);
        let short = full.and_then(|name| Some(name.parse::<Reference>().ok()?.familiar()));
        short.or_else(|| full.or(entry.ref_name()).map(str::to_owned))
    };
    let mut names: Vec<_> = entries.iter().filter_map(name).collect();
    names.sort();
    names.dedup();
    names
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
