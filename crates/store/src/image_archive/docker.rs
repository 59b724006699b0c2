//! Docker archives: `manifest.json` names configs and layers (moby, "Docker Image Specification
//! v1.2", "Combined Image JSON + Filesystem Changeset Format").

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};
use std::sync::Arc;

use crossdock_image::{
    ANNOTATION_IMAGE_NAME, ANNOTATION_REF_NAME, BlobDigest, Config, Descriptor, DiffId, Digest,
    Index, LayerCompression, MAX_CONFIG_SIZE, MAX_DOCUMENT_SIZE, MAX_LAYERS, MAX_MANIFESTS,
    Manifest, MediaType, Reference, oci_layer_media_type,
};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::members::{Extent, read_exact_at};
use super::{ArchiveKind, ImageArchive, OpenArchiveError, Opening, digest_of_hex};
use crate::archive::DOCKER_MANIFEST_FILE;

/// An image as `manifest.json` lists it. Other fields do not tell anything new.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

/// What was found out about members.
#[derive(Default)]
struct Found {
    blobs: HashMap<BlobDigest, Extent>,
    made: HashMap<BlobDigest, Arc<[u8]>>,
    /// Digests of compressed members by their offsets, so that none is read twice.
    hashed: HashMap<u64, BlobDigest>,
}

impl Opening {
    pub(super) fn docker(self) -> Result<ImageArchive, OpenArchiveError> {
        let bytes = self.member(DOCKER_MANIFEST_FILE, MAX_DOCUMENT_SIZE)?;
        let items: Vec<Item> = serde_json::from_slice(&bytes)
            .map_err(|error| self.damaged(format!("{DOCKER_MANIFEST_FILE}: {error}")))?;
        let mut found = Found::default();
        let mut entries = Vec::new();
        for item in &items {
            let image = self.image(item, &mut found)?;
            let names = item.repo_tags.iter().flatten();
            let before = entries.len();
            entries.extend(names.map(|name| named(&image, name)));
            if entries.len() == before {
                entries.push(image);
            }
            if entries.len() > MAX_MANIFESTS {
                return Err(self.damaged(format!(
                    "{DOCKER_MANIFEST_FILE}: it lists more than {MAX_MANIFESTS} images"
                )));
            }
        }
        Ok(ImageArchive {
            kind: ArchiveKind::Docker,
            index: Index::new(entries, BTreeMap::new()),
            blobs: found.blobs,
            made: found.made,
            path: self.path,
            file: self.file,
        })
    }

    /// Makes the manifest of an image.
    fn image(&self, item: &Item, found: &mut Found) -> Result<Descriptor, OpenArchiveError> {
        let layers = item.layers.as_deref().unwrap_or_default();
        if layers.len() > MAX_LAYERS {
            return Err(self.damaged(format!(
                "{DOCKER_MANIFEST_FILE}: an image has more than {MAX_LAYERS} layers"
            )));
        }
        let (config, described) = self.config(&item.config, found)?;
        let diff_ids = &config.rootfs.diff_ids;
        if diff_ids.len() != layers.len() {
            return Err(self.damaged(format!(
                "{:?} has {} layers, and {DOCKER_MANIFEST_FILE} lists {}",
                item.config,
                diff_ids.len(),
                layers.len()
            )));
        }
        let layers = layers.iter().zip(diff_ids);
        let layers = layers.map(|(member, diff_id)| self.layer(member, diff_id, found));
        let layers = layers.collect::<Result<Vec<_>, _>>()?;
        let manifest = Manifest::new(described, layers, BTreeMap::new());
        let descriptor = manifest.descriptor().with_platform(config.platform());
        found
            .made
            .insert(descriptor.digest, Arc::from(manifest.raw()));
        Ok(descriptor)
    }

    /// Reads a config. Where its name is a digest, it must be that.
    fn config(
        &self,
        member: &str,
        found: &mut Found,
    ) -> Result<(Config, Descriptor), OpenArchiveError> {
        let bytes = self.member(member, MAX_CONFIG_SIZE)?;
        let descriptor = Descriptor::of(MediaType::OciConfig.as_str(), &bytes);
        let stem = member.rsplit('/').next().unwrap_or(member);
        let stem = stem.strip_suffix(".json").unwrap_or(stem);
        let stated = digest_of_hex(stem.strip_prefix("sha256:").unwrap_or(stem));
        if stated.is_some_and(|stated| stated != descriptor.digest) {
            let digest = descriptor.digest;
            return Err(self.damaged(format!("{member:?} has the digest {digest}")));
        }
        let config = Config::parse(&bytes)
            .map_err(|error| self.damaged(format!("{member:?} is no config: {error}")))?;
        found.blobs.insert(descriptor.digest, self.find(member)?);
        Ok((config, descriptor))
    }

    /// Describes a layer. One that is not compressed has the config's digest; whoever reads it
    /// finds out whether that is so.
    fn layer(
        &self,
        member: &str,
        diff_id: &DiffId,
        found: &mut Found,
    ) -> Result<Descriptor, OpenArchiveError> {
        let extent = self.find(member)?;
        let mut start = [0; 4];
        let start = &mut start[..extent.size.min(4) as usize];
        read_exact_at(&self.file, start, extent.offset).map_err(|e| self.unread(e))?;
        let compression = match start {
            [0x1f, 0x8b, ..] => LayerCompression::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd] => LayerCompression::Zstd,
            _ => LayerCompression::None,
        };
        let digest = match compression {
            LayerCompression::None => BlobDigest::new(*diff_id.digest()),
            _ => match found.hashed.get(&extent.offset) {
                Some(digest) => *digest,
                None => {
                    let digest = self.hash(extent).map_err(|e| self.unread(e))?;
                    found.hashed.insert(extent.offset, digest);
                    digest
                }
            },
        };
        match compression {
            // The digest is a claim, and takes no place from what was read.
            LayerCompression::None => drop(found.blobs.entry(digest).or_insert(extent)),
            _ => drop(found.blobs.insert(digest, extent)),
        }
        let media_type = oci_layer_media_type(compression);
        Ok(Descriptor::new(media_type, digest, extent.size))
    }

    fn hash(&self, extent: Extent) -> io::Result<BlobDigest> {
        let mut reader = self.blob(extent).reader();
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 256 << 10];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => hash.update(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(BlobDigest::new(Digest::from_bytes(hash.finalize().into())))
    }
}

/// `image` under one of its names, as an index of a layout has it.
fn named(image: &Descriptor, name: &str) -> Descriptor {
    let Ok(reference) = name.parse::<Reference>() else {
        return image.clone().with_annotation(ANNOTATION_REF_NAME, name);
    };
    let tag = reference.tag_or_latest();
    let full = format!("{}:{tag}", reference.repository());
    image
        .clone()
        .with_annotation(ANNOTATION_IMAGE_NAME, &full)
        .with_annotation(ANNOTATION_REF_NAME, tag)
}
