//! Reading manifests and indexes that others wrote.

use serde_json::{Map, Value};

use crate::{Descriptor, Index, Manifest, MediaType};

/// The largest manifest or index that is read, in bytes. Registries refuse larger ones
/// (distribution-spec, "Pushing Manifests": at least 4 MiB must be accepted).
pub const MAX_DOCUMENT_SIZE: u64 = 4 << 20;

/// The most layers that a manifest may have. docker's overlay2 stops at 128; the bound only keeps
/// nonsense out.
pub const MAX_LAYERS: usize = 1000;

/// The most manifests that an index may list.
pub const MAX_MANIFESTS: usize = 10_000;

/// The largest blob that a descriptor may name, in bytes: 1 TiB, far above any layer there is.
pub const MAX_BLOB_SIZE: u64 = 1 << 40;

/// A manifest or an index, in OCI's or docker's (schema 2) form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// An image, or an artifact in the form of one.
    Manifest(Manifest),
    /// A list of images.
    Index(Index),
}

/// Why bytes are no manifest and no index.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// More than [`MAX_DOCUMENT_SIZE`].
    #[error("the document has {size} bytes, more than the {limit} that are read")]
    TooLarge {
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// Not JSON, or a field is missing or has another type.
    #[error("the document is not valid: {source}")]
    Json {
        /// What the parser says, with line and column.
        #[from]
        source: serde_json::Error,
    },
    /// docker's manifests of 2014, which name layers by what they compress to.
    #[error(
        "this is a docker schema 1 manifest, which is not supported; push the image again with \
         a current tool, or convert it (for example skopeo copy --format oci)"
    )]
    Schema1,
    /// A `schemaVersion` other than 2.
    #[error("schemaVersion is {found}, expected 2")]
    SchemaVersion {
        /// The value as JSON, `nothing` if there is none.
        found: String,
    },
    /// The document says that it is neither manifest nor index.
    #[error("media type {media_type:?} is no manifest and no index that this program knows")]
    MediaType {
        /// The media type.
        media_type: String,
    },
    /// The document's own `mediaType` is not the one that it was announced with.
    #[error("the document was announced as {announced:?} and says it is {found:?}")]
    OtherMediaType {
        /// What the descriptor or the registry said.
        announced: String,
        /// What the document says.
        found: String,
    },
    /// The document could be read as two different things (CVE-2021-41190).
    #[error("the document is ambiguous: {reason}")]
    Ambiguous {
        /// What makes it so.
        reason: String,
    },
    /// More layers or manifests than anyone needs.
    #[error("the document lists {count} {what}, more than the {limit} that are accepted")]
    TooMany {
        /// `layers` or `manifests`.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many may be there.
        limit: usize,
    },
    /// A descriptor's size is beyond [`MAX_BLOB_SIZE`].
    #[error("{what} {}: its size of {} bytes is absurd", .descriptor.digest, .descriptor.size)]
    Size {
        /// What the descriptor names: `config`, `layer`, `manifest` or `subject`.
        what: &'static str,
        /// The descriptor.
        descriptor: Box<Descriptor>,
    },
}

impl Document {
    /// Reads the bytes of a manifest or an index.
    ///
    /// `media_type_hint` is what announced the document: a descriptor's `mediaType` or a
    /// response's `Content-Type`. A document that contradicts it is refused, and so is one that
    /// holds parts of both kinds, whatever the hint says.
    pub fn parse(bytes: &[u8], media_type_hint: Option<&str>) -> Result<Self, DocumentError> {
        if bytes.len() as u64 > MAX_DOCUMENT_SIZE {
            return Err(DocumentError::TooLarge {
                size: bytes.len() as u64,
                limit: MAX_DOCUMENT_SIZE,
            });
        }
        let hint = media_type_hint.filter(|hint| !hint.trim().is_empty());
        if hint.is_some_and(is_schema1) {
            return Err(DocumentError::Schema1);
        }
        let fields: Map<String, Value> = serde_json::from_slice(bytes)?;
        check_version(&fields)?;
        check_ambiguity(&fields)?;
        let document = if kind(&fields, hint)?.is_index() {
            Self::Index(Index::from_bytes(bytes)?)
        } else {
            Self::Manifest(Manifest::from_bytes(bytes)?)
        };
        document.check_bounds()?;
        Ok(document)
    }

    /// The bytes that the document was read from or that were made for it.
    pub fn raw(&self) -> &[u8] {
        match self {
            Self::Manifest(manifest) => manifest.raw(),
            Self::Index(index) => index.raw(),
        }
    }

    fn check_bounds(&self) -> Result<(), DocumentError> {
        let too_many = |what, count, limit| DocumentError::TooMany { what, count, limit };
        match self {
            Self::Manifest(manifest) => {
                let count = manifest.layers().len();
                if count > MAX_LAYERS {
                    return Err(too_many("layers", count, MAX_LAYERS));
                }
                check_sizes("config", [manifest.config()])?;
                check_sizes("layer", manifest.layers())?;
                check_sizes("subject", manifest.subject())
            }
            Self::Index(index) => {
                let count = index.manifests().len();
                if count > MAX_MANIFESTS {
                    return Err(too_many("manifests", count, MAX_MANIFESTS));
                }
                check_sizes("manifest", index.manifests())?;
                check_sizes("subject", index.subject())
            }
        }
    }
}

fn is_schema1(media_type: &str) -> bool {
    media_type
        .trim()
        .starts_with("application/vnd.docker.distribution.manifest.v1+")
}

fn check_version(fields: &Map<String, Value>) -> Result<(), DocumentError> {
    let version = fields.get("schemaVersion");
    let media_type = fields.get("mediaType").and_then(Value::as_str);
    if version.and_then(Value::as_u64) == Some(1)
        || fields.contains_key("fsLayers")
        || media_type.is_some_and(is_schema1)
    {
        return Err(DocumentError::Schema1);
    }
    if version.and_then(Value::as_u64) != Some(2) {
        return Err(DocumentError::SchemaVersion {
            found: version.map_or_else(|| "nothing".to_owned(), Value::to_string),
        });
    }
    Ok(())
}

/// Refuses what different readers would take for different documents.
fn check_ambiguity(fields: &Map<String, Value>) -> Result<(), DocumentError> {
    let ambiguous = |reason| Err(DocumentError::Ambiguous { reason });
    let known = [
        "schemaVersion",
        "mediaType",
        "config",
        "layers",
        "manifests",
    ];
    // Go matches the names of fields without regard to case.
    for name in fields.keys() {
        if let Some(other) = known.iter().find(|known| known.eq_ignore_ascii_case(name))
            && other != name
        {
            return ambiguous(format!("the field {name:?} looks like {other:?}"));
        }
    }
    let of_manifest = ["config", "layers"]
        .into_iter()
        .find(|name| fields.contains_key(*name));
    match of_manifest {
        Some(name) if fields.contains_key("manifests") => ambiguous(format!(
            "it holds {name:?} as manifests do, and \"manifests\" as indexes do"
        )),
        _ => Ok(()),
    }
}

/// Decides between manifest and index. What the document holds must agree with its own media
/// type, and that with the announced one.
fn kind(fields: &Map<String, Value>, hint: Option<&str>) -> Result<MediaType, DocumentError> {
    let known = |text: &str| {
        MediaType::parse(text)
            .filter(|kind| kind.is_index() || kind.is_manifest())
            .ok_or_else(|| DocumentError::MediaType {
                media_type: text.to_owned(),
            })
    };
    let own = match fields.get("mediaType") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text.is_empty() => None,
        Some(Value::String(text)) => Some(text.as_str()),
        Some(other) => return known(&other.to_string()),
    };
    let kind = match (own, hint) {
        (None, None) if fields.contains_key("manifests") => MediaType::OciIndex,
        (None, None) => MediaType::OciManifest,
        (Some(text), None) | (None, Some(text)) => known(text)?,
        (Some(own), Some(hint)) => {
            let kind = known(own)?;
            if kind != known(hint)? {
                return Err(DocumentError::OtherMediaType {
                    announced: hint.to_owned(),
                    found: own.to_owned(),
                });
            }
            kind
        }
    };
    let holds = fields.contains_key("manifests");
    if kind.is_index() != holds && (holds || fields.contains_key("layers")) {
        let reason = format!("it is called {kind} and holds what the other kind holds");
        return Err(DocumentError::Ambiguous { reason });
    }
    Ok(kind)
}

fn check_sizes<'a>(
    what: &'static str,
    descriptors: impl IntoIterator<Item = &'a Descriptor>,
) -> Result<(), DocumentError> {
    match descriptors
        .into_iter()
        .find(|descriptor| descriptor.size > MAX_BLOB_SIZE)
    {
        None => Ok(()),
        Some(descriptor) => Err(DocumentError::Size {
            what,
            descriptor: Box::new(descriptor.clone()),
        }),
    }
}

#[cfg(test)]
mod tests;
