//! From the last tree to an image: config, manifest, and where they go.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossdock_graph::{OperationId, Target};
use crossdock_image::{
    ANNOTATION_IMAGE_NAME, ANNOTATION_REF_NAME, BlobDigest, BlobSource, Config, Descriptor,
    History, LayerMediaType, Manifest, RootFs, format_rfc3339, oci_layer_media_type, parse_rfc3339,
};
use crossdock_layer::{EPOCH_1980, LayerFormat, Timestamp};
use crossdock_store::{ArchiveError, LayoutWriter, Store, write_archive, write_archive_file};

use crate::builder::BuildRequest;
use crate::error::BuildError;
use crate::event::{Event, Events, Work};
use crate::layers::{BlobPlace, Layer};
use crate::perform::Outcome;
use crate::state::{Layered, State};

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
}

/// What a build made.
#[derive(Debug, Clone)]
pub struct Built {
    /// The image's manifest.
    pub manifest: Descriptor,
    /// Its config.
    pub config: BlobDigest,
}

/// The parts of an image and where their bytes are.
struct Parts {
    layers: HashMap<BlobDigest, Arc<Layer>>,
    documents: HashMap<BlobDigest, Vec<u8>>,
    blobs: Vec<Descriptor>,
}

impl Parts {
    /// Whether the blob is a layer that lies in our store.
    fn is_ours(&self, blob: &Descriptor) -> bool {
        let layer = self.layers.get(&blob.digest);
        layer.is_some_and(|layer| matches!(layer.place, BlobPlace::Store(_)))
    }
}

impl BlobSource for Parts {
    fn open(&self, descriptor: &Descriptor) -> io::Result<Box<dyn Read + Send>> {
        if let Some(bytes) = self.documents.get(&descriptor.digest) {
            return Ok(Box::new(io::Cursor::new(bytes.clone())));
        }
        match self.layers.get(&descriptor.digest) {
            Some(layer) => layer.open().map_err(io::Error::other),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

pub(crate) fn assemble(
    request: &BuildRequest<'_>,
    target: &Target,
    base_created: Option<&str>,
    states: &BTreeMap<OperationId, State>,
    outcome: &Outcome,
    store: &Store,
    (events, next_vertex): (Events<'_>, &AtomicUsize),
) -> Result<Built, BuildError> {
    let State::Layers(state) = &states[&target.tree] else {
        unreachable!("the frontend makes no image of a context");
    };
    let created = created(request, base_created, state, outcome);
    let created = format_rfc3339(created.seconds, created.nanoseconds);
    let config = config(target, created, states, state, outcome);
    let config_bytes = config.to_bytes();
    let config_descriptor =
        Descriptor::of("application/vnd.oci.image.config.v1+json", &config_bytes);
    let descriptors = state
        .layers
        .iter()
        .map(|layer| oci_descriptor(&layer.descriptor))
        .collect();
    let manifest = Manifest::new(config_descriptor.clone(), descriptors, BTreeMap::new());
    let manifest_descriptor = manifest.descriptor().with_platform(config.platform());
    let mut parts = Parts {
        layers: HashMap::new(),
        documents: HashMap::new(),
        blobs: Vec::new(),
    };
    for layer in &state.layers {
        parts
            .layers
            .insert(layer.descriptor.digest, Arc::clone(layer));
        parts.blobs.push(layer.descriptor.clone());
    }
    for (descriptor, bytes) in [
        (&config_descriptor, config_bytes.clone()),
        (&manifest_descriptor, manifest.raw().to_vec()),
    ] {
        parts.documents.insert(descriptor.digest, bytes);
        parts.blobs.push(descriptor.clone());
    }
    let entries = named_entries(&manifest_descriptor, &request.names);
    // A place that is refused keeps all others from being written.
    let prepared = request.outputs.iter().map(prepare);
    let prepared = prepared.collect::<Result<Vec<_>, BuildError>>()?;
    for (output, prepared) in request.outputs.iter().zip(prepared) {
        let vertex = next_vertex.fetch_add(1, Ordering::Relaxed);
        let name = match output {
            Output::Layout(path) => format!("exporting to OCI layout {}", path.display()),
            Output::Archive(path) => format!("exporting to OCI archive {}", path.display()),
            Output::ArchiveToStdout => "exporting to OCI archive on standard output".to_owned(),
            Output::Store => "storing the image".to_owned(),
        };
        let work = Work::named(name);
        events(Event::Started { vertex, work });
        events(Event::Detail {
            vertex,
            text: format!("manifest {}", manifest_descriptor.digest),
        });
        events(Event::Detail {
            vertex,
            text: format!("config {}", config_descriptor.digest),
        });
        write_output(prepared, &entries, &parts, request, store)?;
        events(Event::Finished {
            vertex,
            cached: false,
        });
    }
    Ok(Built {
        manifest: manifest_descriptor,
        config: config_descriptor.digest,
    })
}

/// An output that can be written to.
enum Prepared<'a> {
    Layout(LayoutWriter),
    Archive(&'a Path),
    ArchiveToStdout,
    Store,
}

fn prepare(output: &Output) -> Result<Prepared<'_>, BuildError> {
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
    })
}

fn write_output(
    output: Prepared<'_>,
    entries: &[Descriptor],
    parts: &Parts,
    request: &BuildRequest<'_>,
    store: &Store,
) -> Result<(), BuildError> {
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
        Prepared::Archive(path) => write_archive_file(path, entries, &parts.blobs, parts)?,
        Prepared::ArchiveToStdout => {
            let mut out = io::BufWriter::with_capacity(256 << 10, io::stdout().lock());
            write_archive(&mut out, entries, &parts.blobs, parts)?;
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
            for name in &request.names {
                store.tag(&full_name(name), &entries[0])?;
            }
        }
    }
    Ok(())
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

/// The layer as an OCI document lists it; the bytes are the same whatever the type is called.
/// Layers that were once not to be distributed may be today.
fn oci_descriptor(layer: &Descriptor) -> Descriptor {
    let Some(media_type) = LayerMediaType::parse(&layer.media_type) else {
        return layer.clone();
    };
    Descriptor::new(
        oci_layer_media_type(media_type.compression),
        layer.digest,
        layer.size,
    )
}

/// One entry of the index for each name; a nameless one if there is none.
fn named_entries(manifest: &Descriptor, names: &[String]) -> Vec<Descriptor> {
    if names.is_empty() {
        return vec![manifest.clone()];
    }
    let named = names.iter().map(|name| {
        let full = full_name(name);
        let tag = full
            .rsplit_once(':')
            .map_or("latest", |(_, tag)| tag)
            .to_owned();
        manifest
            .clone()
            .with_annotation(ANNOTATION_IMAGE_NAME, &full)
            .with_annotation(ANNOTATION_REF_NAME, &tag)
    });
    named.collect()
}

/// A name as docker completes it: `app` is `docker.io/library/app:latest`.
fn full_name(name: &str) -> String {
    let (repository, tag) = match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (name, "latest"),
    };
    let repository = match repository.split_once('/') {
        None => format!("docker.io/library/{repository}"),
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => {
            repository.to_owned()
        }
        Some(_) => format!("docker.io/{repository}"),
    };
    format!("{repository}:{tag}")
}

fn config(
    target: &Target,
    created: String,
    states: &BTreeMap<OperationId, State>,
    state: &Layered,
    outcome: &Outcome,
) -> Config {
    let mut config = target.config.clone();
    let base_layers = state
        .layers
        .iter()
        .filter(|layer| !outcome.newest.contains_key(&layer.diff_id))
        .count();
    let created = Some(created);
    config.rootfs = RootFs {
        diff_ids: state.layers.iter().map(|layer| layer.diff_id).collect(),
        ..RootFs::default()
    };
    config.history = target.base_history.clone();
    complete_history(&mut config.history, base_layers);
    let stated: Vec<OperationId> = target
        .history
        .iter()
        .filter_map(|step| step.operation)
        .collect();
    for (id, step_state) in states {
        // A Windows image from scratch begins with a layer that no instruction names.
        let State::Layers(scratch) = step_state else {
            continue;
        };
        let lowest = state.layers.first().map(|layer| layer.diff_id);
        let is_base = scratch.added
            && scratch.layers.len() == 1
            && !stated.contains(id)
            && scratch.format == LayerFormat::Windows
            && scratch.layers.first().map(|layer| layer.diff_id) == lowest;
        if is_base {
            config.history.push(History {
                created: created.clone(),
                created_by: "FROM scratch".to_owned(),
                comment: "crossdock: registry hives of an empty Windows image".to_owned(),
                ..History::default()
            });
            break;
        }
    }
    for step in &target.history {
        let made = step.operation.is_some_and(|id| match &states[&id] {
            State::Layers(state) => state.added,
            State::Context(_) => false,
        });
        config.history.push(History {
            created: created.clone(),
            created_by: step.created_by.clone(),
            comment: step.comment.clone(),
            empty_layer: !made,
            ..History::default()
        });
    }
    config.created = created;
    config
}

/// Makes the history of a base speak of as many layers as the base has: other builders leave it
/// out, and readers refuse a mismatch.
fn complete_history(history: &mut Vec<History>, layers: usize) {
    let mut stated = history.iter().filter(|record| !record.empty_layer).count();
    while stated < layers {
        let comment = "crossdock: the base image states nothing of this layer".to_owned();
        history.push(History {
            comment,
            ..History::default()
        });
        stated += 1;
    }
    for record in history.iter_mut().rev() {
        if stated == layers {
            break;
        }
        if !record.empty_layer {
            record.empty_layer = true;
            stated -= 1;
        }
    }
}

/// When the image was made: SOURCE_DATE_EPOCH, else the newest time of the base and of what is
/// new. The clock is not asked, so that equal inputs give equal images.
fn created(
    request: &BuildRequest<'_>,
    base: Option<&str>,
    state: &Layered,
    outcome: &Outcome,
) -> Timestamp {
    if let Some(epoch) = request.epoch {
        return epoch;
    }
    let base = base.and_then(parse_rfc3339);
    let base = base.map(|(seconds, nanoseconds)| Timestamp {
        seconds,
        nanoseconds,
    });
    let new = state
        .layers
        .iter()
        .filter_map(|layer| outcome.newest.get(&layer.diff_id))
        .copied();
    base.into_iter()
        .chain(new)
        .max()
        .unwrap_or(Timestamp::from_seconds(EPOCH_1980))
}
