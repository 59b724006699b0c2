//! Whether the digests of an image hold.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use crossdock_image::{Descriptor, LayerCompression, LayerMediaType, MediaType, VerifyError};
use crossdock_layer::{Compression, LayerIndex, Scan, ScanError, scan_layer};

use super::rule::AuditRule as Rule;
use super::{AuditOptions, Findings};
use crate::browse::{BrowseError, OpenedImage};
use crate::error::{BuildError, ErrorClass};
use crate::event::Meter;
use crate::layers::{Counted, Keeping, Layer, short};
use crate::place::BlobPlace;
use crate::together::together;

/// What a blob is for an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobKind {
    /// An index that led to the manifest.
    Index,
    /// The manifest.
    Manifest,
    /// The config.
    Config,
    /// A layer, from 0, lowest first.
    Layer(usize),
}

/// A blob that was read to see whether it is what it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedBlob {
    /// What it is.
    pub kind: BlobKind,
    /// Its descriptor.
    pub descriptor: Descriptor,
    /// Where it was read.
    pub place: String,
    /// Its digest, its size and, of a layer, its diff id hold.
    pub holds: bool,
}

/// Why a layer is not what it is called.
struct Wrong {
    rule: Rule,
    message: String,
}

/// What reading a layer gave.
struct Read {
    place: String,
    result: Result<Arc<LayerIndex>, Wrong>,
    /// Smaller things.
    more: Vec<Wrong>,
}

type Checked = (Vec<CheckedBlob>, Option<Vec<Arc<LayerIndex>>>);

/// Reads all blobs. The indexes of all layers are returned if all could be read.
pub(super) fn check(
    image: &OpenedImage<'_>,
    options: &AuditOptions,
    findings: &mut Findings<'_>,
) -> Result<Checked, BrowseError> {
    media_types(image, findings);
    if options.skip_blobs {
        return Ok((Vec::new(), known(image, findings)?));
    }
    let mut blobs = documents(image);
    let read: Mutex<HashMap<usize, Read>> = Mutex::default();
    let images = image.images;
    let mut jobs: Vec<usize> = (0..image.layers.len()).collect();
    // A layer that occurs twice is read once.
    jobs.retain(|&place| first_of(image, place) == place);
    jobs.sort_by_key(|&place| std::cmp::Reverse(image.layers[place].descriptor.size));
    together(&jobs, images.threads, |&place, stop| {
        let result = read_layer(image, &image.layers[place], stop)?;
        let mut read = read.lock().unwrap_or_else(PoisonError::into_inner);
        read.insert(place, result);
        Ok(())
    })?;
    let read = read.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut indexes = Vec::with_capacity(image.layers.len());
    for (place, layer) in image.layers.iter().enumerate() {
        let first = first_of(image, place);
        let Some(Read {
            place: from,
            result,
            more,
        }) = read.get(&first)
        else {
            continue;
        };
        if let Err(wrong) = result {
            findings.about_layer(wrong.rule, place, wrong.message.clone());
        }
        for wrong in more.iter().filter(|_| first == place) {
            findings.about_layer(wrong.rule, place, wrong.message.clone());
        }
        blobs.push(CheckedBlob {
            kind: BlobKind::Layer(place),
            descriptor: layer.descriptor.clone(),
            place: from.clone(),
            holds: result.is_ok(),
        });
        indexes.extend(result.as_ref().ok().cloned());
    }
    let complete = indexes.len() == image.layers.len();
    Ok((blobs, complete.then_some(indexes)))
}

/// The first layer that is the same blob with the same content.
fn first_of(image: &OpenedImage<'_>, place: usize) -> usize {
    let key = |layer: &Layer| (layer.descriptor.digest, layer.diff_id);
    let wanted = key(&image.layers[place]);
    let same = image.layers.iter().position(|layer| key(layer) == wanted);
    same.unwrap_or(place)
}

/// The manifest and what led to it, which were verified when the image was opened.
fn documents(image: &OpenedImage<'_>) -> Vec<CheckedBlob> {
    let place = |descriptor: &Descriptor| place_of(&image.named.found.place, descriptor, false);
    let blob = |kind, descriptor: &Descriptor| CheckedBlob {
        kind,
        descriptor: descriptor.clone(),
        place: place(descriptor),
        holds: true,
    };
    let mut blobs = Vec::new();
    if image.named.descriptor.digest != image.descriptor.digest {
        blobs.push(blob(BlobKind::Index, &image.named.descriptor));
    }
    blobs.push(blob(BlobKind::Manifest, &image.descriptor));
    blobs.push(blob(BlobKind::Config, image.manifest.config()));
    blobs
}

/// The indexes without reading what was read before.
fn known(
    image: &OpenedImage<'_>,
    findings: &mut Findings<'_>,
) -> Result<Option<Vec<Arc<LayerIndex>>>, BrowseError> {
    match image.indexes() {
        Ok(indexes) => Ok(Some(indexes)),
        Err(BrowseError::Image(error)) if error.class() == ErrorClass::Integrity => {
            let wrong = wrong_of(&error);
            findings.about_image(wrong.rule, wrong.message);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// A failure of the image, as a finding.
fn wrong_of(error: &BuildError) -> Wrong {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut rule = match error {
        BuildError::DiffId { .. } => Rule::DiffIdMismatch,
        BuildError::Layer { .. } => Rule::DamagedLayer,
        BuildError::Download { source, .. }
            if matches!(**source, crossdock_remote::BlobError::Size { .. }) =>
        {
            Rule::SizeMismatch
        }
        _ => Rule::MissingBlob,
    };
    while let Some(error) = source {
        if let Some(found) = error.downcast_ref::<VerifyError>() {
            rule = rule_of(found);
        }
        if let Some(found) = error.downcast_ref::<io::Error>().and_then(VerifyError::of) {
            rule = rule_of(found);
        }
        source = error.source();
    }
    Wrong {
        rule,
        message: error.to_string(),
    }
}

fn rule_of(error: &VerifyError) -> Rule {
    match error {
        VerifyError::Digest { .. } => Rule::DigestMismatch,
        VerifyError::TooShort { .. } | VerifyError::TooLong { .. } => Rule::SizeMismatch,
    }
}

/// Where a blob is read.
fn place_of(place: &BlobPlace, descriptor: &Descriptor, ask: bool) -> String {
    match place {
        BlobPlace::Registry(remote) if ask || !remote.has(descriptor) => {
            remote.repository.to_string()
        }
        BlobPlace::Registry(_) | BlobPlace::Store(_) => "the store".to_owned(),
        BlobPlace::Layout(_) => "the layout".to_owned(),
        _ => "the archive".to_owned(),
    }
}

/// Reads a layer to its end: from the registry if it is asked for or the store has it not.
fn read_layer(
    image: &OpenedImage<'_>,
    layer: &Layer,
    stop: &AtomicBool,
) -> Result<Read, BuildError> {
    let images = image.images;
    let descriptor = &layer.descriptor;
    let mut read = Read {
        place: place_of(&layer.place, descriptor, images.pull),
        result: Err(Wrong {
            rule: Rule::MissingBlob,
            message: String::new(),
        }),
        more: Vec::new(),
    };
    let indexer = images.indexer();
    let scanned = indexer.follow("verify", layer, stop, |vertex| {
        let absent = layer.place.absent(descriptor).is_some();
        let opened = match open(layer, images.pull) {
            Ok(opened) => opened,
            Err(error) if error.class() == ErrorClass::System => return Err(error),
            Err(error) => return Ok(Err(wrong_of(&error))),
        };
        let meter = Meter::new(images.events, vertex, descriptor.size);
        let counted = Counted::new(opened, meter, stop);
        if !absent {
            return match scan_layer(counted, &images.limits) {
                Ok(scan) => Ok(Ok(scan)),
                Err(error) => wrong_scan(layer, error).map(Err),
            };
        }
        // It is kept, as the programs in it are looked into later.
        let mut ingest = images.store.ingest()?;
        let scan = scan_layer(
            Keeping {
                inner: counted,
                ingest: &mut ingest,
            },
            &images.limits,
        );
        match scan {
            Ok(scan) => {
                let expected = Some((descriptor.digest, descriptor.size));
                match ingest.commit(expected) {
                    Ok(_) => Ok(Ok(scan)),
                    Err(error) => Err(BuildError::Downloaded {
                        image: layer.image.clone(),
                        source: Box::new(error),
                    }),
                }
            }
            Err(error) => wrong_scan(layer, error).map(Err),
        }
    })?;
    let scan = match scanned {
        Ok(scan) => scan,
        Err(wrong) => {
            read.result = Err(told(layer, images.pull, wrong, stop)?);
            return Ok(read);
        }
    };
    let found = scan.index.diff_id();
    if found != layer.diff_id {
        read.result = Err(Wrong {
            rule: Rule::DiffIdMismatch,
            message: format!(
                "decompresses to {found}, but the config says {}",
                layer.diff_id
            ),
        });
        return Ok(read);
    }
    compression(layer, &scan, &mut read.more);
    // An index of another version says nothing.
    let stored = images.store.layer_index(&layer.diff_id)?.found();
    let stored = stored.and_then(|bytes| LayerIndex::open(bytes).ok());
    if stored.is_some_and(|stored| stored.as_bytes() != scan.index.as_bytes()) {
        read.more.push(Wrong {
            rule: Rule::IndexMismatch,
            message: "the index in the store says something else than the layer".to_owned(),
        });
    }
    let index = scan.index.clone();
    indexer.keep(layer, scan)?;
    read.result = Ok(Arc::new(index));
    Ok(read)
}

fn open(layer: &Layer, ask: bool) -> Result<Box<dyn io::Read + Send>, BuildError> {
    match &layer.place {
        BlobPlace::Registry(remote) if ask => {
            let blob = remote.registry.blob(&remote.repository, &layer.descriptor);
            Ok(Box::new(blob.map_err(|source| {
                BuildError::download(&layer.image, source)
            })?))
        }
        place => place.open(&layer.image, &layer.descriptor),
    }
}

/// A layer that cannot be read: its bytes, or else what they hold. It is a failure if it was the
/// disk or the network.
fn wrong_scan(layer: &Layer, error: ScanError) -> Result<Wrong, BuildError> {
    let error = BuildError::Layer {
        image: layer.image.clone(),
        digest: layer.descriptor.digest,
        source: Box::new(error),
    };
    match error.class() {
        ErrorClass::System => Err(error),
        _ => Ok(wrong_of(&error)),
    }
}

/// What cannot be unpacked may be another's bytes; then that is what is told.
fn told(layer: &Layer, ask: bool, wrong: Wrong, stop: &AtomicBool) -> Result<Wrong, BuildError> {
    if wrong.rule != Rule::DamagedLayer || stop.load(std::sync::atomic::Ordering::Relaxed) {
        return Ok(wrong);
    }
    let mut blob = match open(layer, ask) {
        Ok(blob) => blob,
        Err(error) => return Ok(wrong_of(&error)),
    };
    match io::copy(&mut blob, &mut io::sink()) {
        Ok(_) => Ok(wrong),
        Err(error) => match VerifyError::of(&error) {
            Some(found) => Ok(Wrong {
                rule: rule_of(found),
                message: found.to_string(),
            }),
            None => Err(BuildError::Part {
                digest: layer.descriptor.digest,
                source: error,
            }),
        },
    }
}

/// Readers unpack by the first bytes; others believe the media type.
fn compression(layer: &Layer, scan: &Scan, more: &mut Vec<Wrong>) {
    let Some(stated) = LayerMediaType::parse(&layer.descriptor.media_type) else {
        return;
    };
    let found = match scan.compression {
        Compression::None => LayerCompression::None,
        Compression::Gzip => LayerCompression::Gzip,
        Compression::Zstd => LayerCompression::Zstd,
    };
    if stated.compression != found {
        more.push(Wrong {
            rule: Rule::MediaType,
            message: format!(
                "{} is {found:?}, but its media type is {}",
                short(&layer.descriptor.digest),
                layer.descriptor.media_type
            ),
        });
    }
}

/// Media types that do not belong together.
fn media_types(image: &OpenedImage<'_>, findings: &mut Findings<'_>) {
    let manifest = &image.manifest;
    let docker = MediaType::parse(manifest.media_type()) == Some(MediaType::DockerManifest);
    let stated = MediaType::parse(&manifest.config().media_type);
    if !stated.is_some_and(MediaType::is_config) {
        let media_type = &manifest.config().media_type;
        let message =
            format!("the config has the media type {media_type:?}, which is none of a config");
        findings.about_image(Rule::MediaType, message);
    }
    if !image.descriptor.media_type.is_empty()
        && MediaType::parse(&image.descriptor.media_type) != MediaType::parse(manifest.media_type())
    {
        let message = format!(
            "the manifest calls itself {}, and what leads to it says {}",
            manifest.media_type(),
            image.descriptor.media_type
        );
        findings.about_image(Rule::MediaType, message);
    }
    for (place, layer) in manifest.layers().iter().enumerate() {
        match MediaType::parse(&layer.media_type) {
            Some(MediaType::OciLayer(_)) if docker => {
                let message = "a layer of OCI's media type in a manifest of docker's schema 2";
                findings.about_layer(Rule::MediaType, place, message);
            }
            Some(MediaType::OciLayer(kind) | MediaType::DockerLayer(kind))
                if !kind.distributable && layer.urls.is_empty() =>
            {
                let message = "a layer that registries do not hold, without an address where it is";
                findings.about_layer(Rule::MediaType, place, message);
            }
            _ => {}
        }
    }
}
