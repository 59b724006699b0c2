//! Where an image comes from, as a Dockerfile or a command line names it.

use std::fmt;
use std::str::FromStr;

use crate::{BlobDigest, DigestError, Reference, ReferenceError};

/// An image as `FROM`, `--from` or a command line names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ImageSource {
    /// `oci-layout://DIR[:tag][@digest]`.
    Layout(LayoutReference),
    /// `oci-archive://FILE[:name][@digest]`, `docker-archive://…`, or a path.
    Archive(ArchiveReference),
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

/// An image in a tar that a program wrote for others to load: `oci-archive://FILE[:name][@digest]`.
/// What kind of archive it is, is told by what is in it, whatever was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchiveReference {
    /// How it was written.
    pub form: ArchiveForm,
    /// The file, absolute or relative to the caller's working directory.
    pub file: String,
    /// A name of the image, as far as it is needed: `debian:12`, or a tag alone.
    pub name: Option<String>,
    /// The digest of the manifest or index to use.
    pub digest: Option<BlobDigest>,
}

/// How an archive is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ArchiveForm {
    /// `oci-archive://FILE`.
    Oci,
    /// `docker-archive://FILE`.
    Docker,
    /// A path, as arguments of a command line may be. It may be that of a layout too.
    Path,
}

impl ArchiveForm {
    /// What stands in front of the file.
    fn scheme(self) -> &'static str {
        match self {
            Self::Oci => "oci-archive://",
            Self::Docker => "docker-archive://",
            Self::Path => "",
        }
    }
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
    /// Reads an argument of a command line, which may be the path of an archive or a layout too:
    /// one that begins like a path.
    pub fn from_argument(text: &str) -> Result<Self, SourceError> {
        match is_path(text) {
            true => archive(text, ArchiveForm::Path),
            false => text.parse(),
        }
    }

    /// Whether the text begins with a scheme of [`from_str`](Self::from_str), and is no name of
    /// a registry.
    pub fn has_scheme(text: &str) -> bool {
        let mut schemes = [LAYOUT_SCHEME]
            .into_iter()
            .chain([ArchiveForm::Oci, ArchiveForm::Docker].map(ArchiveForm::scheme));
        schemes.any(|scheme| text.starts_with(scheme))
    }

    /// The reference that the text for a registry is read as; `None` for a layout or an archive.
    ///
    /// It is read here and not at the door, because text that turns out to name a stage or a
    /// named context need not be a reference.
    pub fn reference(&self) -> Option<Result<Reference, ReferenceError>> {
        match self {
            Self::Layout(_) | Self::Archive(_) => None,
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
        for form in [ArchiveForm::Oci, ArchiveForm::Docker] {
            if text.starts_with(form.scheme()) {
                return archive(text, form);
            }
        }
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

/// Whether an argument begins like a path of any system.
fn is_path(text: &str) -> bool {
    let is_separator = |byte: &u8| matches!(byte, b'/' | b'\\');
    match text.as_bytes() {
        [first, ..] if is_separator(first) => true,
        b"." | b".." => true,
        // No name of a registry begins with a dot.
        [b'.', next, ..] if is_separator(next) || *next == b':' => true,
        [b'.', b'.', next, ..] if is_separator(next) || *next == b':' => true,
        [drive, b':', next, ..] => drive.is_ascii_alphabetic() && is_separator(next),
        _ => false,
    }
}

/// Reads `FILE[:name][@digest]`. The file ends at the first colon that is not a drive's.
fn archive(text: &str, form: ArchiveForm) -> Result<ImageSource, SourceError> {
    let rest = &text[form.scheme().len()..];
    let is_digest = |text: &str| {
        let algorithm = text.split_once(':').map(|(algorithm, _)| algorithm);
        algorithm.is_some_and(|a| !a.is_empty() && a.bytes().all(|b| b.is_ascii_alphanumeric()))
    };
    let (rest, digest) = match rest.rsplit_once('@') {
        Some((rest, digest)) if is_digest(digest) => {
            let digest = digest.parse().map_err(|source| SourceError::Digest {
                text: text.to_owned(),
                source,
            })?;
            (rest, Some(digest))
        }
        _ => (rest, None),
    };
    let mut colons = rest.match_indices(':').map(|(at, _)| at);
    let (file, name) = match colons.find(|&at| !is_drive(rest, at)) {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    if file.is_empty() || name.is_some_and(str::is_empty) {
        return Err(SourceError::Empty {
            text: text.to_owned(),
        });
    }
    Ok(ImageSource::Archive(ArchiveReference {
        form,
        file: file.to_owned(),
        name: name.map(str::to_owned),
        digest,
    }))
}

/// Whether the colon at `at` is that of a drive: behind a letter with which the path begins, or
/// which is a whole part of it (`\\?\C:\`).
fn is_drive(path: &str, at: usize) -> bool {
    let is_separator = |byte: u8| matches!(byte, b'/' | b'\\');
    let bytes = path.as_bytes();
    let Some(letter) = at
        .checked_sub(1)
        .filter(|&at| bytes[at].is_ascii_alphabetic())
    else {
        return false;
    };
    match letter.checked_sub(1) {
        None => true,
        Some(before) => {
            bytes[before] == b'\\' && bytes.get(at + 1).is_some_and(|&next| is_separator(next))
        }
    }
}

/// Divides `IMAGE:PATH` at the first colon that a path follows which begins with `/`, `\` or a
/// `C:`, the drive of images; else at the last colon. The colons of `oci-layout://` and of a drive
/// before it, behind `\\?\` or not, do not count.
pub fn split_image_path(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let is_drive = |at: usize| {
        bytes.get(at).is_some_and(u8::is_ascii_alphabetic)
            && bytes.get(at + 1) == Some(&b':')
            && matches!(bytes.get(at + 2), Some(b'/' | b'\\'))
    };
    let mut start = text.find("://").map_or(0, |at| at + 3);
    // `\\?\C:\…` and `\\.\C:\…`, as Windows itself writes paths.
    if [r"\\?\", r"\\.\"]
        .iter()
        .any(|before| text[start..].starts_with(before))
    {
        start += 4;
    }
    if is_drive(start) {
        start += 2;
    }
    let is_path = |at: usize| {
        matches!(bytes.get(at), Some(b'/' | b'\\'))
            || is_drive(at) && bytes[at].eq_ignore_ascii_case(&b'c')
    };
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
            Self::Archive(archive) => fmt::Display::fmt(archive, f),
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

impl fmt::Display for ArchiveReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.form.scheme(), self.file)?;
        if let Some(name) = &self.name {
            write!(f, ":{name}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
