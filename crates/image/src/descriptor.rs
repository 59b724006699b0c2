//! Descriptors: how one document refers to another blob.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::null_default;
use crate::{BlobDigest, Digest, Platform};

/// The annotation that holds an image's tag in the `index.json` of an OCI layout.
pub const ANNOTATION_REF_NAME: &str = "org.opencontainers.image.ref.name";

/// The annotation in which containerd and docker write an image's full name.
pub const ANNOTATION_IMAGE_NAME: &str = "io.containerd.image.name";

/// A reference to a blob: what it is, its digest and its size (image-spec descriptor.md).
///
/// Fields are written in the order of the image-spec's own types, then unknown ones by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the blob is. Kept as text: an index may list what this program does not know.
    #[serde(default)]
    pub media_type: String,
    /// The digest of the blob.
    pub digest: BlobDigest,
    /// Its size in bytes.
    pub size: u64,
    /// Where else the blob may be downloaded.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "null_default"
    )]
    pub urls: Vec<String>,
    /// Annotations.
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_default"
    )]
    pub annotations: BTreeMap<String, String>,
    /// In an index: the platform of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// The type of an artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Fields that this program does not know, kept as they came.
    #[serde(flatten)]
    pub other: BTreeMap<String, serde_json::Value>,
}

impl Descriptor {
    /// A descriptor with nothing but the three required fields.
    pub fn new(media_type: &str, digest: BlobDigest, size: u64) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest,
            size,
            urls: Vec::new(),
            annotations: BTreeMap::new(),
            platform: None,
            artifact_type: None,
            other: BTreeMap::new(),
        }
    }

    /// The descriptor of `bytes`.
    pub fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self::new(
            media_type,
            BlobDigest::new(Digest::of(bytes)),
            bytes.len() as u64,
        )
    }

    /// The same with `platform`.
    pub fn with_platform(self, platform: Platform) -> Self {
        Self {
            platform: Some(platform),
            ..self
        }
    }

    /// The same with one annotation added or replaced.
    pub fn with_annotation(mut self, key: &str, value: &str) -> Self {
        self.annotations.insert(key.to_owned(), value.to_owned());
        self
    }

    /// The tag that the descriptor carries in the `index.json` of a layout.
    pub fn ref_name(&self) -> Option<&str> {
        self.annotations
            .get(ANNOTATION_REF_NAME)
            .map(String::as_str)
    }

    /// Whether the descriptor is BuildKit's attestation about another manifest of its index:
    /// its platform is `unknown/unknown`, or an annotation says so.
    pub fn is_attestation(&self) -> bool {
        let unknown =
            |platform: &Platform| platform.os == "unknown" && platform.architecture == "unknown";
        self.platform.as_ref().is_some_and(unknown)
            || self
                .annotations
                .get("vnd.docker.reference.type")
                .is_some_and(|kind| kind == "attestation-manifest")
    }
}

#[cfg(test)]
mod tests;
