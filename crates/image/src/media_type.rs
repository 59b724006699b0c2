//! Names of document and layer types.

use std::fmt;

/// The media types that this program understands, OCI's and those of docker's schema 2.
///
/// Sources: image-spec media-types.md; distribution, "Image Manifest Version 2, Schema 2".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MediaType {
    /// An image index.
    OciIndex,
    /// An image manifest.
    OciManifest,
    /// An image config.
    OciConfig,
    /// docker's manifest list, the model of the index.
    DockerIndex,
    /// docker's manifest.
    DockerManifest,
    /// docker's config.
    DockerConfig,
    /// A layer under one of OCI's names.
    OciLayer(LayerMediaType),
    /// A layer under one of docker's names.
    DockerLayer(LayerMediaType),
}

/// What the media type of a layer says about its bytes. It says nothing about the operating
/// system: only the config does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayerMediaType {
    /// How the tar is compressed.
    pub compression: LayerCompression,
    /// Whether registries may hold it. `false` for OCI's `nondistributable` and docker's
    /// `foreign` layers, which are downloaded from their descriptor's `urls`.
    pub distributable: bool,
}

/// How a layer's tar is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LayerCompression {
    /// Not at all: the blob's digest is the diff id.
    None,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

const NONE: LayerCompression = LayerCompression::None;
const GZIP: LayerCompression = LayerCompression::Gzip;
const ZSTD: LayerCompression = LayerCompression::Zstd;

const fn layer(compression: LayerCompression, distributable: bool) -> LayerMediaType {
    LayerMediaType {
        compression,
        distributable,
    }
}

/// Every media type with its name.
const NAMES: [(MediaType, &str); 17] = [
    (
        MediaType::OciIndex,
        "application/vnd.oci.image.index.v1+json",
    ),
    (
        MediaType::OciManifest,
        "application/vnd.oci.image.manifest.v1+json",
    ),
    (
        MediaType::OciConfig,
        "application/vnd.oci.image.config.v1+json",
    ),
    (
        MediaType::DockerIndex,
        "application/vnd.docker.distribution.manifest.list.v2+json",
    ),
    (
        MediaType::DockerManifest,
        "application/vnd.docker.distribution.manifest.v2+json",
    ),
    (
        MediaType::DockerConfig,
        "application/vnd.docker.container.image.v1+json",
    ),
    (
        MediaType::OciLayer(layer(NONE, true)),
        "application/vnd.oci.image.layer.v1.tar",
    ),
    (
        MediaType::OciLayer(layer(GZIP, true)),
        "application/vnd.oci.image.layer.v1.tar+gzip",
    ),
    (
        MediaType::OciLayer(layer(ZSTD, true)),
        "application/vnd.oci.image.layer.v1.tar+zstd",
    ),
    (
        MediaType::OciLayer(layer(NONE, false)),
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
    ),
    (
        MediaType::OciLayer(layer(GZIP, false)),
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    ),
    (
        MediaType::OciLayer(layer(ZSTD, false)),
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
    ),
    (
        MediaType::DockerLayer(layer(NONE, true)),
        "application/vnd.docker.image.rootfs.diff.tar",
    ),
    (
        MediaType::DockerLayer(layer(GZIP, true)),
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ),
    (
        MediaType::DockerLayer(layer(ZSTD, true)),
        "application/vnd.docker.image.rootfs.diff.tar.zstd",
    ),
    (
        MediaType::DockerLayer(layer(NONE, false)),
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
    ),
    (
        MediaType::DockerLayer(layer(GZIP, false)),
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    ),
];

impl MediaType {
    /// The media type whose name is `text`. Parameters (`; charset=utf-8`), surrounding white
    /// space and letter case do not count (RFC 9110, 8.3.1).
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.split(';').next().unwrap_or_default().trim();
        NAMES
            .iter()
            .find(|(_, known)| known.eq_ignore_ascii_case(name))
            .map(|(media_type, _)| *media_type)
    }

    /// The name as documents write it.
    pub fn as_str(self) -> &'static str {
        NAMES
            .iter()
            .find(|(media_type, _)| *media_type == self)
            .map(|(_, name)| *name)
            // docker never named a foreign zstd layer; its OCI name says the same.
            .unwrap_or("application/vnd.oci.image.layer.nondistributable.v1.tar+zstd")
    }

    /// Whether it names an index or a manifest list.
    pub fn is_index(self) -> bool {
        matches!(self, Self::OciIndex | Self::DockerIndex)
    }

    /// Whether it names a manifest.
    pub fn is_manifest(self) -> bool {
        matches!(self, Self::OciManifest | Self::DockerManifest)
    }

    /// Whether it names a config.
    pub fn is_config(self) -> bool {
        matches!(self, Self::OciConfig | Self::DockerConfig)
    }

    /// What it says about a layer, if it names one.
    pub fn layer(self) -> Option<LayerMediaType> {
        match self {
            Self::OciLayer(layer) | Self::DockerLayer(layer) => Some(layer),
            _ => None,
        }
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl LayerMediaType {
    /// Reads the media type of a layer; `None` if it names no layer that is a tar.
    pub fn parse(text: &str) -> Option<Self> {
        MediaType::parse(text)?.layer()
    }
}

/// The media type that docker's schema 2 has for a layer of this compression.
pub fn docker_layer_media_type(compression: LayerCompression) -> &'static str {
    MediaType::DockerLayer(layer(compression, true)).as_str()
}

/// The media type that a new layer of this compression gets.
pub fn oci_layer_media_type(compression: LayerCompression) -> &'static str {
    MediaType::OciLayer(layer(compression, true)).as_str()
}

#[cfg(test)]
mod tests;
