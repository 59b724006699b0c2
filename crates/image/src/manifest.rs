//! Image manifests.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::null_default;
use crate::{BlobDigest, Descriptor, Digest, MediaType};

/// An image manifest with the bytes that its digest is made of (image-spec manifest.md).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
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
    config: Descriptor,
    #[serde(default, deserialize_with = "null_default")]
    layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<Descriptor>,
    #[serde(
        default,
        skip_serializing_if = "BTreeMap::is_empty",
        deserialize_with = "null_default"
    )]
    annotations: BTreeMap<String, String>,
}

impl Manifest {
    /// Makes a new OCI manifest. Equal arguments give equal bytes.
    pub fn new(
        config: Descriptor,
        layers: Vec<Descriptor>,
        annotations: BTreeMap<String, String>,
    ) -> Self {
        Self::of_type(MediaType::OciManifest, config, layers, annotations)
    }

    /// Makes a new manifest of docker's schema 2, which has the same fields. The descriptors should
    /// have docker's media types too.
    pub fn docker(
        config: Descriptor,
        layers: Vec<Descriptor>,
        annotations: BTreeMap<String, String>,
    ) -> Self {
        Self::of_type(MediaType::DockerManifest, config, layers, annotations)
    }

    fn of_type(
        media_type: MediaType,
        config: Descriptor,
        layers: Vec<Descriptor>,
        annotations: BTreeMap<String, String>,
    ) -> Self {
        let fields = Fields {
            schema_version: 2,
            media_type: Some(media_type.as_str().to_owned()),
            artifact_type: None,
            config,
            layers,
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

    /// A descriptor of this manifest without platform and annotations.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::of(self.media_type(), &self.raw)
    }

    /// The media type that the document gives itself; OCI's if it gives none.
    pub fn media_type(&self) -> &str {
        self.fields
            .media_type
            .as_deref()
            .filter(|text| !text.is_empty())
            .unwrap_or(MediaType::OciManifest.as_str())
    }

    /// The config.
    pub fn config(&self) -> &Descriptor {
        &self.fields.config
    }

    /// The layers, lowest first.
    pub fn layers(&self) -> &[Descriptor] {
        &self.fields.layers
    }

    /// The manifest that this one says something about.
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
