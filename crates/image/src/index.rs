//! Image indexes: lists of images for several platforms, and the `index.json` of a layout.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::null_default;
use crate::{BlobDigest, Descriptor, Digest, MediaType};

/// An image index with the bytes that its digest is made of (image-spec image-index.md).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    raw: Vec<u8>,
    fields: Box<Fields>,
}

/// The document in the image-spec's own order of fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    schema_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    #[serde(default, deserialize_with = "null_default")]
    manifests: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<Descriptor>,
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_default"
    )]
    annotations: BTreeMap<String, String>,
}

impl Index {
    /// Makes a new OCI index. Equal arguments give equal bytes.
    pub fn new(manifests: Vec<Descriptor>, annotations: BTreeMap<String, String>) -> Self {
        Self::of_type(MediaType::OciIndex, manifests, annotations)
    }

    /// Makes a new manifest list of docker, which has the same fields but for annotations.
    pub fn docker(manifests: Vec<Descriptor>) -> Self {
        Self::of_type(MediaType::DockerIndex, manifests, BTreeMap::new())
    }

    fn of_type(
        media_type: MediaType,
        manifests: Vec<Descriptor>,
        annotations: BTreeMap<String, String>,
    ) -> Self {
        let fields = Fields {
            schema_version: 2,
            media_type: Some(media_type.as_str().to_owned()),
            artifact_type: None,
            manifests,
            subject: None,
            annotations,
        };
        let raw = serde_json::to_vec(&fields).expect("maps with text keys become JSON");
        Self {
            raw,
            fields: Box::new(fields),
        }
    }

    /// The typed part of [`Document::parse`](crate::Document::parse).
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        Ok(Self {
            raw: bytes.to_vec(),
            fields: serde_json::from_slice(bytes)?,
        })
    }

    /// The exact bytes of the document.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The digest of the bytes.
    pub fn digest(&self) -> BlobDigest {
        BlobDigest::new(Digest::of(&self.raw))
    }

    /// A descriptor of this index without annotations.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::of(self.media_type(), &self.raw)
    }

    /// The media type that the document gives itself; OCI's if it gives none.
    pub fn media_type(&self) -> &str {
        self.fields
            .media_type
            .as_deref()
            .filter(|text| !text.is_empty())
            .unwrap_or(MediaType::OciIndex.as_str())
    }

    /// What the index lists, in its order.
    pub fn manifests(&self) -> &[Descriptor] {
        &self.fields.manifests
    }

    /// The manifest that this index says something about.
    pub fn subject(&self) -> Option<&Descriptor> {
        self.fields.subject.as_ref()
    }

    /// The type of an artifact.
    pub fn artifact_type(&self) -> Option<&str> {
        self.fields.artifact_type.as_deref()
    }

    /// Annotations.
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        &self.fields.annotations
    }
}
