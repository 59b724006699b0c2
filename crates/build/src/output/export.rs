//! Writing images to all outputs of a build.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

use crossdock_host::FolderWriter;
use crossdock_image::{
    ANNOTATION_IMAGE_NAME, ANNOTATION_REF_NAME, BlobDigest, BlobSource, Descriptor, DiffId,
    Document, Manifest, Reference,
};
use crossdock_layer::Loss;
use crossdock_remote::Registry;
use crossdock_store::{
    Archive, ArchiveError, DockerImage, LayoutWriter, Store, write_archive, write_archive_file,
};

use super::{Output, OutputError, OutputKind, OutputOptions, Target};
use crate::assemble::AssembledImage;
use crate::base::{store_name, tagged};
use crate::builder::BuildRequest;
use crate::compose::{Composition, Form, Parts, compose};
use crate::error::BuildError;
use crate::event::{Event, Events, Vertices, Work};
use crate::files::Files;
use crate::layers::{Layer, LayerIndexer};
use crate::push::{Pusher, Shipment};

/// Writes images out.
pub(crate) struct Exporter<'a> {
    pub(crate) request: &'a BuildRequest<'a>,
    pub(crate) store: &'a Store,
    pub(crate) registry: &'a Registry,
    pub(crate) threads: usize,
    pub(crate) events: Events<'a>,
    pub(crate) vertices: &'a Vertices,
    /// Whether a layer was made by this build, or an earlier one of the same.
    pub(crate) is_own: &'a dyn Fn(&DiffId) -> bool,
    /// What files lost on their way into another system.
    pub(crate) losses: RefCell<Vec<Loss>>,
    /// Blobs of layers that were written anew, which lie in the store.
    pub(crate) stored: RefCell<Vec<BlobDigest>>,
}

/// What an output writes.
enum Content {
    Image(Box<Composition>),
    Files(Files),
}

impl Exporter<'_> {
    /// Writes the images to all outputs of the request; what is returned is what the first of them
    /// got that takes images. A place that is refused keeps all others from being written.
    pub(crate) fn export(&self, images: &[AssembledImage]) -> Result<Composition, BuildError> {
        let request = self.request;
        let outputs = &request.outputs;
        let prepared = outputs.iter().map(|output| self.prepare(output));
        let prepared = prepared.collect::<Result<Vec<_>, BuildError>>()?;
        let contents = outputs.iter().map(|output| self.contents(output, images));
        let contents = contents.collect::<Result<Vec<_>, BuildError>>()?;
        let losses = self.losses.borrow().len();
        if request.strict && losses > 0 {
            return Err(BuildError::Strict { count: losses });
        }
        for (content, output) in contents.iter().zip(outputs) {
            if output.kind != OutputKind::Registry {
                self.bring_layers(content)?;
            }
        }
        for ((output, prepared), content) in outputs.iter().zip(prepared).zip(&contents) {
            let work = Work::named(title(&output.kind));
            self.vertices.follow(self.events, work, None, |vertex| {
                match content {
                    Content::Image(image) => {
                        for text in described(image) {
                            (self.events)(Event::Detail { vertex, text });
                        }
                        self.write(prepared, self.names(output), image)?;
                    }
                    Content::Files(files) => self.write_files(prepared, files, vertex)?,
                }
                Ok(((), false))
            })?;
        }
        let composed = contents.into_iter().find_map(|content| match content {
            Content::Image(image) => Some(*image),
            Content::Files(_) => None,
        });
        Ok(composed.unwrap_or_else(|| compose(images, &request.annotations, &Form::default())))
    }

    fn contents(&self, output: &Output, images: &[AssembledImage]) -> Result<Content, BuildError> {
        let options = &output.options;
        if !output.kind.is_image() {
            let files = self.files(&output.kind, options, images)?;
            return Ok(Content::Files(files));
        }
        let form = Form {
            docker: options.docker_media_types,
            instead: self.recompressed(options, images)?,
        };
        let annotations = [&self.request.annotations[..], &options.annotations].concat();
        Ok(Content::Image(Box::new(compose(
            images,
            &annotations,
            &form,
        ))))
    }

    fn names<'o>(&'o self, output: &'o Output) -> &'o [Reference] {
        match &output.options {
            OutputOptions { names, .. } if names.is_empty() => &self.request.names,
            OutputOptions { names, .. } => names,
        }
    }

    /// Downloads the layers that an output needs and the store does not have.
    fn bring_layers(&self, content: &Content) -> Result<(), BuildError> {
        let layers: Vec<Arc<Layer>> = match content {
            Content::Image(image) => image.parts.layers.values().cloned().collect(),
            Content::Files(files) => files.wanted_layers(),
        };
        self.indexer().ensure_stored(&layers)
    }

    pub(super) fn indexer(&self) -> LayerIndexer<'_> {
        LayerIndexer {
            store: self.store,
            limits: self.request.limits,
            threads: self.threads,
            events: self.events,
            vertices: self.vertices,
        }
    }

    pub(super) fn warn(&self, text: String) {
        (self.events)(Event::Warning { text });
    }

    fn write(
        &self,
        output: Prepared<'_>,
        names: &[Reference],
        image: &Composition,
    ) -> Result<(), BuildError> {
        let parts = &image.parts;
        let entries = named_entries(&image.top, names);
        match output {
            Prepared::Layout(writer) => write_layout(writer, parts, &entries)?,
            Prepared::OciArchive(target) => write_archive_to(target, parts, &entries, &[])?,
            Prepared::DockerArchive(target) => {
                let manifest = only_manifest(image)?;
                let names: Vec<String> = names.iter().map(tagged).collect();
                let docker = DockerImage {
                    manifest: &manifest,
                    names: &names,
                };
                write_archive_to(target, parts, &entries, &[docker])?;
            }
            Prepared::Image { push } => {
                self.store_image(parts, &entries[0], names)?;
                if push {
                    self.push(names, image)?;
                }
            }
            Prepared::Registry => self.push(names, image)?,
            Prepared::Local(_) | Prepared::Tar(_) => {
                unreachable!("what takes files is not given an image")
            }
        }
        Ok(())
    }

    fn write_files(
        &self,
        output: Prepared<'_>,
        files: &Files,
        vertex: usize,
    ) -> Result<(), BuildError> {
        match output {
            Prepared::Local(path) => {
                let folder = FolderWriter::create(path).map_err(OutputError::from)?;
                self.write_folder(folder, files, vertex)
            }
            Prepared::Tar(target) => self.write_tar(target, files, vertex),
            _ => unreachable!("what takes images is not given files"),
        }
    }

    /// Puts the image into the store, under its names.
    fn store_image(
        &self,
        parts: &Parts,
        entry: &Descriptor,
        names: &[Reference],
    ) -> Result<(), BuildError> {
        let store = self.store;
        for blob in &parts.blobs {
            if store.blob_size(&blob.digest) == Some(blob.size) {
                // A name in the store promises a whole image. The layers of bases are as
                // their layouts have them; ours are looked through, as no one else has them.
                if parts.is_ours(blob) {
                    io::copy(&mut *open_part(parts, blob)?, &mut io::sink())
                        .map_err(|source| content_error(blob, source))?;
                }
                continue;
            }
            let mut ingest = store.ingest()?;
            io::copy(&mut *open_part(parts, blob)?, &mut ingest)
                .map_err(|source| content_error(blob, source))?;
            ingest.commit(Some((blob.digest, blob.size)))?;
        }
        store.sync_blobs(parts.blobs.iter().map(|blob| &blob.digest))?;
        for name in names {
            store.tag(&store_name(name), entry)?;
        }
        Ok(())
    }

    fn push(&self, names: &[Reference], image: &Composition) -> Result<(), BuildError> {
        let parts = &image.parts;
        let documents = &image.documents;
        let is_document =
            |blob: &&Descriptor| documents.iter().any(|other| other.digest == blob.digest);
        let blobs = parts.blobs.iter().filter(|blob| !is_document(blob));
        let with_bytes = |document: &Descriptor| {
            let bytes = parts.documents[&document.digest].clone();
            (document.clone(), bytes)
        };
        let open = |blob: &Descriptor, offset: u64| match parts.layers.get(&blob.digest) {
            Some(layer) => layer.open_from(offset),
            None => {
                let mut bytes = open_part(parts, blob)?;
                let passed = io::copy(&mut bytes.by_ref().take(offset), &mut io::sink());
                passed.map_err(|source| content_error(blob, source))?;
                Ok(bytes)
            }
        };
        let origin = |blob: &Descriptor| {
            let layer = parts.layers.get(&blob.digest)?;
            layer.place.repository().cloned()
        };
        let pusher = Pusher {
            registry: self.registry,
            threads: self.threads,
            events: self.events,
            vertices: self.vertices,
        };
        let shipment = Shipment {
            blobs: blobs.cloned().collect(),
            documents: documents.iter().map(with_bytes).collect(),
            open: &open,
            origin: &origin,
        };
        pusher.push(names, &shipment)
    }

    fn prepare<'o>(&self, output: &'o Output) -> Result<Prepared<'o>, BuildError> {
        let archive = |target: &Target| match target {
            Target::File(path) if path.is_dir() => {
                let source = io::ErrorKind::IsADirectory.into();
                let path = path.clone();
                Err(BuildError::from(ArchiveError::File { path, source }))
            }
            _ => Ok(()),
        };
        Ok(match &output.kind {
            OutputKind::Layout(path) => Prepared::Layout(LayoutWriter::create(path)?),
            OutputKind::OciArchive(target) => {
                archive(target)?;
                Prepared::OciArchive(target)
            }
            OutputKind::DockerArchive(target) => {
                archive(target)?;
                Prepared::DockerArchive(target)
            }
            OutputKind::Image { push } => Prepared::Image { push: *push },
            OutputKind::Registry => Prepared::Registry,
            OutputKind::Local(path) => {
                if path.exists() && !path.is_dir() {
                    let what = "is there and no folder; files of an image need one";
                    let path = path.clone();
                    return Err(OutputError::Place { path, what }.into());
                }
                Prepared::Local(path)
            }
            OutputKind::Tar(target) => {
                archive(target)?;
                Prepared::Tar(target)
            }
        })
    }
}

/// An output that can be written to.
enum Prepared<'a> {
    Layout(LayoutWriter),
    OciArchive(&'a Target),
    DockerArchive(&'a Target),
    Image { push: bool },
    Registry,
    Local(&'a Path),
    Tar(&'a Target),
}

fn write_layout(
    writer: LayoutWriter,
    parts: &Parts,
    entries: &[Descriptor],
) -> Result<(), BuildError> {
    for blob in &parts.blobs {
        if !writer.contains(blob) {
            let mut reader = open_part(parts, blob)?;
            writer.add_blob(blob, &mut *reader)?;
        }
    }
    writer.commit(entries)?;
    Ok(())
}

fn write_archive_to(
    target: &Target,
    parts: &Parts,
    entries: &[Descriptor],
    docker: &[DockerImage<'_>],
) -> Result<(), BuildError> {
    let archive = Archive {
        entries,
        blobs: &parts.blobs,
        docker,
    };
    match target {
        Target::File(path) => write_archive_file(path, &archive, parts)?,
        Target::Stdout => {
            let mut out = io::BufWriter::with_capacity(256 << 10, io::stdout().lock());
            write_archive(&mut out, &archive, parts)?;
            out.flush()
                .map_err(|source| ArchiveError::Output { source })?;
        }
    }
    Ok(())
}

/// The manifest of the only image.
fn only_manifest(image: &Composition) -> Result<Manifest, BuildError> {
    let bytes = &image.parts.documents[&image.images[0].manifest.digest];
    match Document::parse(bytes, Some(&image.images[0].manifest.media_type)) {
        Ok(Document::Manifest(manifest)) => Ok(manifest),
        _ => {
            let platforms = image.images.len();
            Err(OutputError::SeveralForDocker { platforms }.into())
        }
    }
}

fn title(kind: &OutputKind) -> String {
    let to = |what: &str, target: &Target| match target {
        Target::File(path) => format!("exporting to {what} {}", path.display()),
        Target::Stdout => format!("exporting to {what} on standard output"),
    };
    match kind {
        OutputKind::Layout(path) => format!("exporting to OCI layout {}", path.display()),
        OutputKind::OciArchive(target) => to("OCI archive", target),
        OutputKind::DockerArchive(target) => to("docker archive", target),
        OutputKind::Image { push: false } => "storing the image".to_owned(),
        OutputKind::Image { push: true } => "storing and pushing the image".to_owned(),
        OutputKind::Registry => "pushing the image".to_owned(),
        OutputKind::Local(path) => format!("exporting files to {}", path.display()),
        OutputKind::Tar(target) => to("tar", target),
    }
}

fn open_part(parts: &Parts, blob: &Descriptor) -> Result<Box<dyn Read + Send>, BuildError> {
    parts
        .open(blob)
        .map_err(|source| content_error(blob, source))
}

pub(super) fn content_error(blob: &Descriptor, source: io::Error) -> BuildError {
    let digest = blob.digest;
    BuildError::Part { digest, source }
}

/// What an output says of the images that it gets.
fn described(image: &Composition) -> Vec<String> {
    if let [only] = &image.images[..] {
        return vec![
            format!("manifest {}", only.manifest.digest),
            format!("config {}", only.config.digest),
        ];
    }
    let images = image.images.iter();
    let manifests = images.map(|i| format!("manifest {} {}", i.manifest.digest, i.platform));
    let index = format!("index {}", image.top.digest);
    std::iter::once(index).chain(manifests).collect()
}

/// One entry of the index for each name; a nameless one if there is none.
fn named_entries(manifest: &Descriptor, names: &[Reference]) -> Vec<Descriptor> {
    if names.is_empty() {
        return vec![manifest.clone()];
    }
    let named = names.iter().map(|name| {
        manifest
            .clone()
            .with_annotation(ANNOTATION_IMAGE_NAME, &store_name(name))
            .with_annotation(ANNOTATION_REF_NAME, name.tag_or_latest())
    });
    named.collect()
}
