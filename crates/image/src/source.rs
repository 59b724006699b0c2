//! Where an image comes from, as a Dockerfile or a command line names it.

use std::fmt;
use std::str::FromStr;

use crate::{BlobDigest, DigestError, Reference, ReferenceError};

/// An image as `FROM`, `--from` or a command line names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ImageSource {
    /// `oci-layout://DIR[:tag][@digest]`.
    Layout(LayoutReference),
    /// Anything else: the text of a registry reference as docker writes it.
    Registry(String),
}

/// An image in an OCI image layout on disk: `oci-layout://DIR[:tag][@digest]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayoutReference {
    /// The layout's folder, absolute or relative to the caller's working directory.
    pub directory: String,
    /// The value of `org.opencontainers.image.ref.name` to look for.
    pub tag: Option<String>,
    /// The digest of the manifest or index to use.
    pub digest: Option<BlobDigest>,
}

/// Text that does not name an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The part after `@` is not a digest.
    #[error("image {text:?}: {source}")]
    Digest {
        /// The text as it was given.
        text: String,
        /// What is wrong with the digest.
        source: DigestError,
    },
    /// Nothing stands where the folder or the name should be.
    #[error("image {text:?}: the name is empty")]
    Empty {
        /// The text as it was given.
        text: String,
    },
}

impl ImageSource {
    /// Reads an argument of a command line, which may be the path of an archive or a layout too.
    pub fn from_argument(text: &str) -> Result<Self, SourceError> {
        text.parse()
    }

    /// The reference that the text for a registry is read as; `None` for a layout.
    ///
    /// It is read here and not at the door, because text that turns out to name a stage or a
    /// named context need not be a reference.
    pub fn reference(&self) -> Option<Result<Reference, ReferenceError>> {
        match self {
            Self::Layout(_) => None,
            Self::Registry(text) => Some(text.parse()),
        }
    }
}

impl From<&Reference> for ImageSource {
    fn from(reference: &Reference) -> Self {
        Self::Registry(reference.to_string())
    }
}

const LAYOUT_SCHEME: &str = "oci-layout://";

impl FromStr for ImageSource {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        let Some(rest) = text.strip_prefix(LAYOUT_SCHEME) else {
            if text.is_empty() {
                return Err(SourceError::Empty {
                    text: text.to_owned(),
                });
            }
            return Ok(Self::Registry(text.to_owned()));
        };
        let (rest, digest) = match rest.rsplit_once('@') {
            Some((rest, digest)) if digest.contains(':') => {
                let digest = digest.parse().map_err(|source| SourceError::Digest {
                    text: text.to_owned(),
                    source,
                })?;
                (rest, Some(digest))
            }
            _ => (rest, None),
        };
        // A colon starts a tag only if no separator follows it, and it is not a drive letter's.
        let is_drive = |text: &str| text.len() == 1 && text.as_bytes()[0].is_ascii_alphabetic();
        let is_tag = |text: &str| !text.is_empty() && !text.contains(['/', '\\']);
        let (directory, tag) = match rest.rsplit_once(':') {
            Some((directory, tag)) if is_tag(tag) && !is_drive(directory) => {
                (directory, Some(tag.to_owned()))
            }
            _ => (rest, None),
        };
        if directory.is_empty() {
            return Err(SourceError::Empty {
                text: text.to_owned(),
            });
        }
        Ok(Self::Layout(LayoutReference {
            directory: directory.to_owned(),
            tag,
            digest,
        }))
    }
}

/// Divides `IMAGE:PATH` at the first colon that a path follows which begins with `/`, `\` or a
/// drive; else at the last colon. The colons of `oci-layout://` and of a drive before it do not
/// count.
pub fn split_image_path(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let is_drive = |at: usize| {
        bytes.get(at).is_some_and(u8::is_ascii_alphabetic)
            && bytes.get(at + 1) == Some(&b':')
            && matches!(bytes.get(at + 2), Some(b'/' | b'\\'))
    };
    let mut start = text.find("://").map_or(0, |at| at + 3);
    if is_drive(start) {
        start += 2;
    }
    let is_path = |at: usize| matches!(bytes.get(at), Some(b'/' | b'\\')) || is_drive(at);
    let colons = || {
        let colons = text[start..].match_indices(':');
        colons.map(|(at, _)| start + at)
    };
    let at = colons()
        .find(|at| is_path(at + 1))
        .or_else(|| colons().next_back())?;
    Some((&text[..at], &text[at + 1..]))
}

impl fmt::Display for ImageSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layout(layout) => fmt::Display::fmt(layout, f),
            Self::Registry(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for LayoutReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{LAYOUT_SCHEME}{}", self.directory)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
