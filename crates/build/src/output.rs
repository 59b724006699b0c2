//! Where a finished image goes.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossdock_image::{
    ANNOTATION_IMAGE_NAME, ANNOTATION_REF_NAME, BlobSource, Descriptor, Reference,
};
use crossdock_remote::Registry;
use crossdock_store::{
    Archive, ArchiveError, LayoutWriter, Store, write_archive, write_archive_file,
};

use crate::base::store_name;
use crate::builder::BuildRequest;
use crate::compose::{Composition, Parts};
use crate::error::BuildError;
use crate::event::{Event, Events, Vertices, Work};
use crate::layers::{Layer, LayerIndexer};
use crate::push::{Pusher, Shipment};

/// Where an image goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// An OCI image layout in a folder; an existing one is added to.
    Layout(PathBuf),
    /// An OCI archive in a file.
    Archive(PathBuf),
    /// An OCI archive on standard output.
    ArchiveToStdout,
    /// The store, under the image's names.
    Store,
    /// The registries that these names, or else the image's, say.
    Registry(Vec<Reference>),
}

/// Writes images out.
pub(crate) struct Exporter<'a> {
    pub(crate) request: &'a BuildRequest<'a>,
    pub(crate) store: &'a Store,
    pub(crate) registry: &'a Registry,
    pub(crate) threads: usize,
    pub(crate) events: Events<'a>,
    pub(crate) vertices: &'a Vertices,
}

impl Exporter<'_> {
    /// Writes the images to all outputs of the request. A place that is refused keeps all others
    /// from being written.
    pub(crate) fn export(&self, image: &Composition) -> Result<(), BuildError> {
        let entries = named_entries(&image.top, &self.request.names);
        let outputs = &self.request.outputs;
        let prepared = outputs.iter().map(|output| prepare(output, self.request));
        let prepared = prepared.collect::<Result<Vec<_>, BuildError>>()?;
        if !outputs
            .iter()
            .all(|output| matches!(output, Output::Registry(_)))
        {
            self.bring_layers(image)?;
        }
        for (output, prepared) in outputs.iter().zip(prepared) {
            let name = match output {
                Output::Layout(path) => format!("exporting to OCI layout {}", path.display()),
                Output::Archive(path) => format!("exporting to OCI archive {}", path.display()),
                Output::ArchiveToStdout => "exporting to OCI archive on standard output".to_owned(),
                Output::Store => "storing the image".to_owned(),
                Output::Registry(_) => "pushing the image".to_owned(),
            };
            let work = Work::named(name);
            let vertex = self.vertices.begin(self.events, work);
            for text in described(image) {
                (self.events)(Event::Detail { vertex, text });
            }
            self.write(prepared, &entries, image)?;
            let cached = false;
            (self.events)(Event::Finished { vertex, cached });
        }
        Ok(())
    }

    /// Downloads the layers that an output needs and the store does not have.
    fn bring_layers(&self, image: &Composition) -> Result<(), BuildError> {
        let layers: Vec<Arc<Layer>> = image.parts.layers.values().cloned().collect();
        let indexer = LayerIndexer {
            store: self.store,
            limits: self.request.limits,
            threads: self.threads,
            events: self.events,
            vertices: self.vertices,
        };
        indexer.ensure_stored(&layers)
    }

    fn write(
        &self,
        output: Prepared<'_>,
        entries: &[Descriptor],
        image: &Composition,
    ) -> Result<(), BuildError> {
        let (parts, store) = (&image.parts, self.store);
        let archive = Archive {
            entries,
            blobs: &parts.blobs,
            docker: None,
        };
        match output {
            Prepared::Layout(writer) => {
                for blob in &parts.blobs {
                    if !writer.contains(blob) {
                        let mut reader = open_part(parts, blob)?;
                        writer.add_blob(blob, &mut *reader)?;
                    }
                }
                writer.commit(entries)?;
            }
            Prepared::Archive(path) => write_archive_file(path, &archive, parts)?,
            Prepared::ArchiveToStdout => {
                let mut out = io::BufWriter::with_capacity(256 << 10, io::stdout().lock());
                write_archive(&mut out, &archive, parts)?;
                out.flush()
                    .map_err(|source| ArchiveError::Output { source })?;
            }
            Prepared::Store => {
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
                for name in &self.request.names {
                    store.tag(&store_name(name), &entries[0])?;
                }
            }
            Prepared::Registry(names) => self.push(names, image)?,
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
}

/// An output that can be written to.
enum Prepared<'a> {
    Layout(LayoutWriter),
    Archive(&'a Path),
    ArchiveToStdout,
    Store,
    Registry(&'a [Reference]),
}

fn prepare<'a>(
    output: &'a Output,
    request: &'a BuildRequest<'_>,
) -> Result<Prepared<'a>, BuildError> {
    Ok(match output {
        Output::Layout(path) => Prepared::Layout(LayoutWriter::create(path)?),
        Output::Archive(path) if path.is_dir() => {
            let source = io::ErrorKind::IsADirectory.into();
            let path = path.clone();
            return Err(ArchiveError::File { path, source }.into());
        }
        Output::Archive(path) => Prepared::Archive(path),
        Output::ArchiveToStdout => Prepared::ArchiveToStdout,
        Output::Store => Prepared::Store,
        Output::Registry(names) if names.is_empty() => Prepared::Registry(&request.names),
        Output::Registry(names) => Prepared::Registry(names),
    })
}

fn open_part(parts: &Parts, blob: &Descriptor) -> Result<Box<dyn Read + Send>, BuildError> {
    parts
        .open(blob)
        .map_err(|source| content_error(blob, source))
}

fn content_error(blob: &Descriptor, source: io::Error) -> BuildError {
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
