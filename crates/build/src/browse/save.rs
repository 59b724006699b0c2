//! Images of any place are written into one archive that others load.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use crossdock_image::{
    ANNOTATION_IMAGE_NAME, ANNOTATION_REF_NAME, BlobDigest, BlobSource, Descriptor, Document,
    ImageSource, LayerMediaType, Manifest, Reference,
};
use crossdock_store::{Archive, ArchiveError, DockerImage, write_archive, write_archive_file};

use super::{BrowseError, Images, NamedImage, PlatformChoice};
use crate::base::{MAX_NESTING, store_name};
use crate::error::BuildError;
use crate::output::Target;
use crate::place::BlobPlace;

/// Who reads an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ArchiveReaders {
    /// Whoever reads OCI archives, and `docker load` of any age as far as that is possible: of
    /// an index it gets the image that is chosen, if there is one for it.
    #[default]
    All,
    /// OCI archives alone.
    Oci,
    /// `docker load` of any age: of an index only the image that is chosen is written.
    Docker,
}

/// What to save.
#[derive(Debug)]
pub struct SaveRequest<'a> {
    /// The images.
    pub images: &'a [ImageSource],
    /// Which image of an index; if none is asked for, all, and docker gets the default.
    pub choice: &'a PlatformChoice,
    /// Who reads the archive.
    pub readers: ArchiveReaders,
    /// Where it goes.
    pub target: &'a Target,
}

/// An image that is in an archive now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// What was asked for.
    pub image: String,
    /// The manifest or index.
    pub descriptor: Descriptor,
    /// Its name in the archive, in its short form.
    pub name: Option<String>,
}

/// Writes images into an archive. A file appears whole or not at all.
pub fn save(images: &Images<'_>, request: &SaveRequest<'_>) -> Result<Vec<Saved>, BrowseError> {
    check_target(request.target)?;
    let mut contents = Contents::default();
    let mut entries: Vec<Descriptor> = Vec::new();
    let mut for_docker: Vec<(Manifest, Vec<String>)> = Vec::new();
    let mut saved = Vec::new();
    for source in request.images {
        let image = Image::find(images, source, request)?;
        contents.add(images, &image.named, &image.descriptor)?;
        if let Some(manifest) = image.manifest.clone() {
            let names = image.name.iter().map(Reference::familiar);
            let digest = manifest.digest();
            match for_docker
                .iter_mut()
                .find(|(other, _)| other.digest() == digest)
            {
                Some((_, others)) => others.extend(names),
                None => for_docker.push((manifest, names.collect())),
            }
        }
        saved.push(Saved {
            image: source.to_string(),
            descriptor: image.descriptor.clone(),
            name: image.name.as_ref().map(Reference::familiar),
        });
        let entry = image.entry();
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    for (_, names) in &mut for_docker {
        names.sort();
        names.dedup();
    }
    let docker: Vec<DockerImage<'_>> = for_docker
        .iter()
        .map(|(manifest, names)| DockerImage { manifest, names })
        .collect();
    let archive = Archive {
        entries: &entries,
        blobs: &contents.blobs,
        docker: &docker,
    };
    write(request.target, &archive, &contents)?;
    Ok(saved)
}

fn write(target: &Target, archive: &Archive<'_>, contents: &Contents) -> Result<(), BuildError> {
    match target {
        Target::File(path) => write_archive_file(path, archive, contents)?,
        Target::Stdout => {
            let mut out = io::BufWriter::with_capacity(256 << 10, io::stdout().lock());
            write_archive(&mut out, archive, contents)?;
            out.flush()
                .map_err(|source| ArchiveError::Output { source })?;
        }
    }
    Ok(())
}

/// Checks that an archive can be written to a place, before anything is read.
fn check_target(target: &Target) -> Result<(), BuildError> {
    match target {
        Target::File(path) if path.is_dir() => {
            let source = io::ErrorKind::IsADirectory.into();
            let path: PathBuf = path.clone();
            Err(ArchiveError::File { path, source }.into())
        }
        _ => Ok(()),
    }
}

/// An image that is written.
struct Image {
    named: NamedImage,
    /// The manifest or index.
    descriptor: Descriptor,
    name: Option<Reference>,
    /// The manifest that docker gets.
    manifest: Option<Manifest>,
}

impl Image {
    fn find(
        images: &Images<'_>,
        source: &ImageSource,
        request: &SaveRequest<'_>,
    ) -> Result<Self, BrowseError> {
        let choice = request.choice;
        let named = images.find(source, choice)?;
        let name = name_of(source, &named);
        let must_choose = choice.wanted.is_some() || request.readers == ArchiveReaders::Docker;
        if must_choose {
            let opened = images.choose(named, choice)?;
            let descriptor = opened.descriptor.clone();
            let manifest = opened.manifest.clone();
            return Ok(Self {
                named: opened.named,
                descriptor,
                name,
                manifest: Some(manifest).filter(|_| request.readers != ArchiveReaders::Oci),
            });
        }
        let manifest = match request.readers {
            ArchiveReaders::Oci => None,
            _ => for_docker(&named, choice)?,
        };
        Ok(Self {
            descriptor: named.descriptor.clone(),
            named,
            name,
            manifest,
        })
    }

    /// How `index.json` lists the image. What an archive or a layout calls it stays, as a name of
    /// the store need not be one for others.
    fn entry(&self) -> Descriptor {
        let mut entry = self.descriptor.clone();
        let old = &self.named.descriptor.annotations;
        for key in [ANNOTATION_IMAGE_NAME, ANNOTATION_REF_NAME] {
            entry.annotations.remove(key);
            if let Some(name) = old.get(key).filter(|_| self.name.is_none()) {
                entry = entry.with_annotation(key, name);
            }
        }
        match &self.name {
            None => entry,
            Some(name) => entry
                .with_annotation(ANNOTATION_IMAGE_NAME, &store_name(name))
                .with_annotation(ANNOTATION_REF_NAME, name.tag_or_latest()),
        }
    }
}

/// The manifest that docker gets of an image: itself, or that of an index for the platform.
fn for_docker(
    named: &NamedImage,
    choice: &PlatformChoice,
) -> Result<Option<Manifest>, BrowseError> {
    match named.document()? {
        Document::Manifest(manifest) => Ok(Some(manifest)),
        // An index without an image for the platform is for others than this docker.
        Document::Index(_) => match named.found.manifest(choice.platform()) {
            Ok((manifest, chosen)) => Ok(Some(manifest).filter(|_| chosen.fits)),
            Err(BuildError::Platform { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        },
    }
}

/// The name that an image has in the archive: the one by which it was asked for, or which the file
/// gives it that it is in.
fn name_of(source: &ImageSource, named: &NamedImage) -> Option<Reference> {
    let read = |text: &str| {
        let reference: Reference = text.parse().ok()?;
        let has_digest = reference.digest().is_some();
        let tag = reference.tag_or_latest();
        (!has_digest).then(|| reference.repository().with_tag(tag).ok())?
    };
    match source {
        // Digits of a digest are no name.
        ImageSource::Registry(text) => {
            read(text).filter(|_| matches!(named.found.place, BlobPlace::Registry(_)))
        }
        _ => {
            let annotations = &named.descriptor.annotations;
            let full = annotations.get(ANNOTATION_IMAGE_NAME);
            let short = annotations.get(ANNOTATION_REF_NAME);
            let short = short.filter(|name| name.contains([':', '/']));
            full.or(short).and_then(|name| read(name))
        }
    }
}

/// The blobs of an archive, and where they are.
#[derive(Default)]
struct Contents {
    blobs: Vec<Descriptor>,
    documents: HashMap<BlobDigest, Vec<u8>>,
    places: HashMap<BlobDigest, (BlobPlace, String)>,
}

impl Contents {
    /// Adds everything that an image consists of. What a registry has is brought into the store.
    fn add(
        &mut self,
        images: &Images<'_>,
        named: &NamedImage,
        descriptor: &Descriptor,
    ) -> Result<(), BrowseError> {
        let mut layers = Vec::new();
        let mut open = vec![(descriptor.clone(), 0)];
        while let Some((descriptor, depth)) = open.pop() {
            if depth > MAX_NESTING {
                return Err(BrowseError::from(BuildError::NestedIndex {
                    image: named.name.clone(),
                    limit: MAX_NESTING,
                }));
            }
            if self.documents.contains_key(&descriptor.digest) {
                continue;
            }
            let document = named.document_of(&descriptor)?;
            match &document {
                Document::Index(index) => {
                    let entries = index.manifests().iter();
                    open.extend(entries.map(|entry| (entry.clone(), depth + 1)));
                }
                Document::Manifest(manifest) => {
                    let is_image = !descriptor.is_attestation()
                        && manifest
                            .layers()
                            .iter()
                            .all(|layer| LayerMediaType::parse(&layer.media_type).is_some());
                    if is_image {
                        layers.extend(named.found.image(manifest)?.layers);
                    } else {
                        for blob in manifest.layers() {
                            named.found.place.keep(&named.name, blob)?;
                        }
                    }
                    named.found.place.keep(&named.name, manifest.config())?;
                    for blob in std::iter::once(manifest.config()).chain(manifest.layers()) {
                        self.add_blob(named, blob);
                    }
                }
            }
            let raw = document.raw().to_vec();
            // A descriptor may have the right digest and state another size.
            let size = raw.len() as u64;
            let exact = Descriptor::new(&descriptor.media_type, descriptor.digest, size);
            self.documents.insert(descriptor.digest, raw);
            self.blobs.push(exact);
        }
        Ok(images.indexer().ensure_stored(&layers)?)
    }

    fn add_blob(&mut self, named: &NamedImage, blob: &Descriptor) {
        self.places.entry(blob.digest).or_insert_with(|| {
            self.blobs.push(blob.clone());
            (named.found.place.clone(), named.name.clone())
        });
    }
}

impl BlobSource for Contents {
    fn open(&self, descriptor: &Descriptor) -> io::Result<Box<dyn Read + Send>> {
        if let Some(bytes) = self.documents.get(&descriptor.digest) {
            return Ok(Box::new(io::Cursor::new(bytes.clone())));
        }
        match self.places.get(&descriptor.digest) {
            Some((place, image)) => place.open(image, descriptor).map_err(io::Error::other),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}
