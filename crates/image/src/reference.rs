//! References to images in registries, as docker writes them.
//!
//! Source: distribution/reference v0.6, `reference.go`, `regexp.go`, `normalize.go`.

use std::fmt;
use std::str::FromStr;

use crate::{BlobDigest, DigestError};

/// The registry that names without a host mean.
const DEFAULT_HOST: &str = "docker.io";
/// Its former name, which still means the same.
const LEGACY_HOST: &str = "index.docker.io";
/// Where docker.io keeps repositories whose names have one component.
const OFFICIAL: &str = "library/";
/// The tag that is meant where neither tag nor digest is given.
const DEFAULT_TAG: &str = "latest";
/// The longest path of a repository, in bytes (`RepositoryNameTotalLengthMax`).
const MAX_PATH: usize = 255;
/// The longest tag, in bytes.
const MAX_TAG: usize = 128;
/// The longest text that is looked at, in bytes: the longest host, path, tag and digest fit.
const MAX_TEXT: usize = 1024;

/// A repository: the host of its registry and its path there, both in full.
///
/// `debian` is `docker.io` and `library/debian`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    host: String,
    path: String,
}

/// An image in a registry: a repository with a tag, a digest, both or neither.
///
/// [`FromStr`] takes what docker takes and makes names whole; [`Display`](fmt::Display) writes
/// the full form, [`familiar`](Self::familiar) the short one. Both are read back as the same
/// value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    repository: Repository,
    tag: Option<String>,
    digest: Option<BlobDigest>,
}

/// Text that is no reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Nothing, or nothing before the tag or digest.
    #[error("image {text:?}: the name is empty")]
    Empty {
        /// The text as it was given.
        text: String,
    },
    /// More than 255 bytes of path, or more than any reference has.
    #[error("image {text:?}…: the name is longer than {limit} bytes")]
    TooLong {
        /// The beginning of the text.
        text: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// 64 hexadecimal digits, which docker takes for the id of an image.
    #[error("image {text:?}: 64 hexadecimal digits are an image id, not a name")]
    ImageId {
        /// The text as it was given.
        text: String,
    },
    /// The host or its port is not written as one.
    #[error("image {text:?}: {host:?} is not a host, or a host and a port")]
    Host {
        /// The text as it was given.
        text: String,
        /// The part that should be a host.
        host: String,
    },
    /// The repository's path has upper-case letters.
    #[error("image {text:?}: the repository {path:?} must be lower case")]
    UpperCase {
        /// The text as it was given.
        text: String,
        /// The path.
        path: String,
    },
    /// The repository's path has characters that none may have, or in places where they may
    /// not be.
    #[error(
        "image {text:?}: the repository {path:?} is not of a-z and 0-9 with single '.', '_', \
         '__' or '-' between them"
    )]
    Path {
        /// The text as it was given.
        text: String,
        /// The path.
        path: String,
    },
    /// The tag is not `[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`.
    #[error(
        "image {text:?}: the tag {tag:?} is not of at most 128 letters, digits, '_', '.' and '-', \
         or begins with one of the last two"
    )]
    Tag {
        /// The text as it was given.
        text: String,
        /// The tag.
        tag: String,
    },
    /// The part after `@` is not a digest.
    #[error("image {text:?}: {source}")]
    Digest {
        /// The text as it was given.
        text: String,
        /// What is wrong with the digest.
        source: DigestError,
    },
}

impl Repository {
    /// The registry: a host, with `:port` if one was given. IPv6 addresses are in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The path within the registry.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The reference to `tag` in this repository.
    pub fn with_tag(&self, tag: &str) -> Result<Reference, ReferenceError> {
        Ok(Reference {
            repository: self.clone(),
            tag: Some(checked_tag(&self.to_string(), tag)?),
            digest: None,
        })
    }

    /// The reference to `digest` in this repository.
    pub fn with_digest(&self, digest: BlobDigest) -> Reference {
        Reference {
            repository: self.clone(),
            tag: None,
            digest: Some(digest),
        }
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.path)
    }
}

impl Reference {
    /// The repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The tag, if one was given.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The tag; `latest` if none was given.
    pub fn tag_or_latest(&self) -> &str {
        self.tag().unwrap_or(DEFAULT_TAG)
    }

    /// The digest, if one was given. It decides which image is meant; the tag beside it is only
    /// for the reader.
    pub fn digest(&self) -> Option<&BlobDigest> {
        self.digest.as_ref()
    }

    /// The same image by this digest, which is what its tag means now.
    pub fn pinned(&self, digest: BlobDigest) -> Self {
        Self {
            digest: Some(digest),
            ..self.clone()
        }
    }

    /// The shortest text that is read back as this reference: `debian:12`.
    pub fn familiar(&self) -> String {
        let rest = self.suffix();
        let Repository { host, path } = &self.repository;
        if host == DEFAULT_HOST {
            let official = path.strip_prefix(OFFICIAL);
            let short = official.filter(|name| !name.contains('/'));
            // `docker.io/localhost/a` without its host would be another registry's.
            let text = format!("{}{rest}", short.unwrap_or(path));
            if text.parse::<Self>().as_ref() == Ok(self) {
                return text;
            }
        }
        self.to_string()
    }

    fn suffix(&self) -> String {
        let mut text = String::new();
        if let Some(tag) = &self.tag {
            text.push(':');
            text.push_str(tag);
        }
        if let Some(digest) = &self.digest {
            text.push('@');
            text.push_str(&digest.to_string());
        }
        text
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.repository, self.suffix())
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let own = || text.to_owned();
        if text.len() > MAX_TEXT {
            let end = text.floor_char_boundary(64);
            return Err(ReferenceError::TooLong {
                text: text[..end].to_owned(),
                limit: MAX_TEXT,
            });
        }
        if is_image_id(text) {
            return Err(ReferenceError::ImageId { text: own() });
        }
        let (rest, digest) = match text.split_once('@') {
            None => (text, None),
            Some((rest, digest)) => {
                let digest = digest.parse().map_err(|source| ReferenceError::Digest {
                    text: own(),
                    source,
                })?;
                (rest, Some(digest))
            }
        };
        let (host, rest) = split_host(rest);
        // A path has no colon, so the first one after the host starts the tag.
        let (path, tag) = match rest.split_once(':') {
            None => (rest, None),
            Some((path, tag)) => (path, Some(checked_tag(text, tag)?)),
        };
        if path.is_empty() {
            return Err(ReferenceError::Empty { text: own() });
        }
        let path = if host == DEFAULT_HOST && !path.contains('/') {
            format!("{OFFICIAL}{path}")
        } else {
            path.to_owned()
        };
        check_host(text, host)?;
        check_path(text, &path)?;
        Ok(Self {
            repository: Repository {
                host: host.to_owned(),
                path,
            },
            tag,
            digest,
        })
    }
}

/// `anchoredIdentifierRegexp`.
fn is_image_id(text: &str) -> bool {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == 64 && text.bytes().all(is_hex)
}

/// `splitDockerDomain`: what stands before the first slash is a host only if no path component
/// of docker.io could look like it.
fn split_host(text: &str) -> (&str, &str) {
    let Some((first, rest)) = text.split_once('/') else {
        return (DEFAULT_HOST, text);
    };
    let is_host = first == "localhost"
        || first.contains(['.', ':'])
        || first.chars().any(|character| character.is_uppercase());
    match first {
        LEGACY_HOST => (DEFAULT_HOST, rest),
        _ if is_host => (first, rest),
        _ => (DEFAULT_HOST, text),
    }
}

/// `host [":" port]`, where the host is a name, an IPv4 address, or an IPv6 address in brackets.
fn check_host(text: &str, whole: &str) -> Result<(), ReferenceError> {
    let wrong = || ReferenceError::Host {
        text: text.to_owned(),
        host: whole.to_owned(),
    };
    let after = |rest: &str| {
        // Go takes ports of any length; one that no socket has can only be a mistake.
        let is_port = |port: &str| {
            port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
        };
        rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port)
    };
    let is_valid = match whole.strip_prefix('[') {
        Some(rest) => rest.split_once(']').is_some_and(|(address, port)| {
            address.parse::<std::net::Ipv6Addr>().is_ok() && after(port)
        }),
        None => {
            let end = whole.find(':').unwrap_or(whole.len());
            whole[..end].split('.').all(is_domain_component) && after(&whole[end..])
        }
    };
    is_valid.then_some(()).ok_or_else(wrong)
}

/// `[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]`.
fn is_domain_component(component: &str) -> bool {
    let bytes = component.as_bytes();
    let ends = bytes.first().zip(bytes.last());
    ends.is_some_and(|(first, last)| first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
}

fn check_path(text: &str, path: &str) -> Result<(), ReferenceError> {
    if path.chars().any(|character| character.is_uppercase()) {
        return Err(ReferenceError::UpperCase {
            text: text.to_owned(),
            path: path.to_owned(),
        });
    }
    if !path.split('/').all(is_path_component) {
        return Err(ReferenceError::Path {
            text: text.to_owned(),
            path: path.to_owned(),
        });
    }
    if path.len() > MAX_PATH {
        return Err(ReferenceError::TooLong {
            text: text[..text.floor_char_boundary(64)].to_owned(),
            limit: MAX_PATH,
        });
    }
    Ok(())
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
fn is_path_component(component: &str) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut bytes = component.as_bytes();
    loop {
        let letters = bytes.iter().take_while(|byte| is_letter(byte)).count();
        if letters == 0 {
            return false;
        }
        bytes = &bytes[letters..];
        if bytes.is_empty() {
            return true;
        }
        let end = bytes.iter().position(is_letter).unwrap_or(bytes.len());
        let (separator, rest) = bytes.split_at(end);
        let is_separator =
            matches!(separator, b"." | b"_" | b"__") || separator.iter().all(|byte| *byte == b'-');
        if !is_separator {
            return false;
        }
        bytes = rest;
    }
}

fn checked_tag(text: &str, tag: &str) -> Result<String, ReferenceError> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_valid = tag.len() <= MAX_TAG
        && tag.bytes().next().is_some_and(is_word)
        && tag
            .bytes()
            .all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'));
    if is_valid {
        Ok(tag.to_owned())
    } else {
        Err(ReferenceError::Tag {
            text: text.to_owned(),
            tag: tag.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
