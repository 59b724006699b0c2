//! Names of the store's images: given and taken away.

use crossdock_image::{
    ANNOTATION_IMAGE_NAME, BlobDigest, Descriptor, Document, ImageSource, Reference, ReferenceError,
};
use crossdock_store::{Store, TagError};

use crate::base::store_name;
use crate::error::ErrorClass;

/// Fewest digits of a digest that are looked for.
const LEAST_DIGITS: usize = 4;

/// Why a name is not given or taken away.
#[derive(Debug, thiserror::Error)]
pub enum NameError {
    /// Nothing in the store is called so.
    #[error("{image}: the store has no such image; crossdock images lists what it has")]
    Unknown {
        /// What was asked for.
        image: String,
    },
    /// What should get a name is not in the store, and its registry may have it.
    #[error("{image}: is not in the store; bring it there first: crossdock pull {image}")]
    NotPulled {
        /// What was asked for.
        image: String,
    },
    /// A layout or an archive, which is read in place: its names are its own.
    #[error("{image}: is not in the store; crossdock load brings what is in a file there")]
    InFile {
        /// What was asked for.
        image: String,
    },
    /// The digits are those of several images.
    #[error("{text}: is the beginning of several digests, those of {}; write more of it", .names.join(", "))]
    Ambiguous {
        /// The digits.
        text: String,
        /// Names of the images.
        names: Vec<String>,
    },
    /// The image has several names, and it was not said which one goes.
    #[error("{text}: has {} names: {}; write those that go, or -f for all", .names.len(), .names.join(", "))]
    Several {
        /// The digest.
        text: String,
        /// The names.
        names: Vec<String>,
    },
    /// The digest is that of an image in indexes, and only those have names.
    #[error("{text}: has no name itself, it is an image of {}; remove that", .names.join(", "))]
    InIndex {
        /// The digest.
        text: String,
        /// Names of the indexes.
        names: Vec<String>,
    },
    /// A digest follows from an image, and cannot be given to it.
    #[error("{name}: a name that is given has no digest; leave out what begins with @")]
    Digest {
        /// The name.
        name: String,
    },
    /// This is no name.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// The store's names cannot be read or written.
    #[error("store: {0}")]
    Store(#[from] TagError),
}

impl NameError {
    /// The kind of failure.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Store(TagError::Write { .. } | TagError::Index(_)) => ErrorClass::System,
            _ => ErrorClass::Input,
        }
    }
}

/// Gives an image of the store more names, which may have been another's. `source` is a name or
/// the beginning of a digest, also of one image of an index. If one of the names is none, none
/// is given.
pub fn tag_image(
    store: &Store,
    source: &ImageSource,
    names: &[String],
) -> Result<Descriptor, NameError> {
    let mut targets = Vec::new();
    for name in names {
        let reference: Reference = name.parse()?;
        if reference.digest().is_some() {
            return Err(NameError::Digest { name: name.clone() });
        }
        targets.push(store_name(&reference));
    }
    let text = text_of(source)?;
    let look = || -> Result<Meant, NameError> {
        find(store, text)?.ok_or_else(|| match text.parse::<Reference>() {
            Ok(_) if !text.starts_with("sha256:") => NameError::NotPulled {
                image: text.to_owned(),
            },
            _ => NameError::Unknown {
                image: text.to_owned(),
            },
        })
    };
    let mut meant = look()?;
    loop {
        // If it is found once more when it is held, it was not removed before that.
        store.contains(&meant.anchor);
        let again = look()?;
        if again.anchor == meant.anchor {
            break;
        }
        meant = again;
    }
    for name in &targets {
        let mut descriptor = meant.descriptor.clone();
        // Whoever imports the store as a layout goes by this name, if it is there.
        let whole = descriptor.annotations.get_mut(ANNOTATION_IMAGE_NAME);
        if let Some(whole) = whole {
            whole.clone_from(name);
        }
        store.tag(name, &descriptor)?;
    }
    Ok(meant.descriptor)
}

/// What was removed by [`remove_names`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovedNames {
    /// The names, in their short form.
    pub names: Vec<String>,
    /// What they named.
    pub descriptor: Descriptor,
    /// Whether it has no name any more. [`prune`](crate::prune) removes its blobs, unless a
    /// build or the result of one needs them.
    pub is_unnamed: bool,
}

/// Takes the name `image` away; or if it is a digest or its beginning, the only name of that
/// image, or with `all` all of them. Blobs stay: running builds and results of earlier ones may
/// need them, which only [`prune`](crate::prune) looks at.
pub fn remove_names(
    store: &Store,
    image: &ImageSource,
    all: bool,
) -> Result<RemovedNames, NameError> {
    let text = text_of(image)?;
    let meant = find(store, text)?.ok_or_else(|| NameError::Unknown {
        image: text.to_owned(),
    })?;
    let short = |names: &[String]| names.iter().map(|name| short_name(name)).collect();
    match &meant.names[..] {
        [] => Err(NameError::InIndex {
            text: text.to_owned(),
            names: short(&meant.within),
        }),
        [_, _, ..] if !all => Err(NameError::Several {
            text: text.to_owned(),
            names: short(&meant.names),
        }),
        names => {
            for name in names {
                store.untag(name)?;
            }
            let left = store.tags()?;
            Ok(RemovedNames {
                names: short(names),
                is_unnamed: left
                    .iter()
                    .all(|(_, other)| other.digest != meant.descriptor.digest),
                descriptor: meant.descriptor,
            })
        }
    }
}

/// A name of the store as people write it. Names that others gave are left as they are.
pub(crate) fn short_name(name: &str) -> String {
    match own_reference(name) {
        Some(reference) => reference.familiar(),
        None => name.to_owned(),
    }
}

/// The reference whose name in the store this is.
pub(crate) fn own_reference(name: &str) -> Option<Reference> {
    let reference = name.parse().ok()?;
    (store_name(&reference) == name).then_some(reference)
}

/// What a text means in the store.
#[derive(Debug)]
pub(crate) struct Meant {
    pub(crate) descriptor: Descriptor,
    /// The name that was written, or all names of the digest.
    pub(crate) names: Vec<String>,
    /// Names of indexes that list it, if it has none itself.
    pub(crate) within: Vec<String>,
    /// What has a name: the image, or the first of the indexes.
    anchor: BlobDigest,
}

fn text_of(source: &ImageSource) -> Result<&str, NameError> {
    match source {
        ImageSource::Registry(text) => Ok(text),
        _ => Err(NameError::InFile {
            image: source.to_string(),
        }),
    }
}

/// Finds a name, or a digest by its beginning. Names come first.
fn find(store: &Store, text: &str) -> Result<Option<Meant>, NameError> {
    let tags = store.tags()?;
    if let Some((name, descriptor)) = named(&tags, text) {
        return Ok(Some(Meant {
            descriptor: descriptor.clone(),
            names: vec![name.clone()],
            within: Vec::new(),
            anchor: descriptor.digest,
        }));
    }
    let mut found = match text.parse::<Reference>() {
        Ok(reference) if reference.digest().is_some() => by_reference(&tags, &reference),
        _ => by_digest(store, &tags, text),
    };
    if found.len() > 1 {
        return Err(NameError::Ambiguous {
            text: text.to_owned(),
            names: first_names(&found),
        });
    }
    Ok(found.pop())
}

/// A name for each of several images.
pub(crate) fn first_names(found: &[Meant]) -> Vec<String> {
    let first = |meant: &Meant| meant.names.first().or(meant.within.first()).cloned();
    let names = found.iter().filter_map(first);
    names.map(|name| short_name(&name)).collect()
}

/// The entry of this name, as the store has it or as people write it.
pub(crate) fn named<'t>(
    tags: &'t [(String, Descriptor)],
    text: &str,
) -> Option<&'t (String, Descriptor)> {
    let exact = tags.iter().find(|(name, _)| name == text);
    exact.or_else(|| {
        let whole = store_name(&text.parse().ok()?);
        tags.iter().find(|(name, _)| *name == whole)
    })
}

/// What `REPOSITORY@DIGEST` means if it is no name itself: tags of the repository with this digest.
fn by_reference(tags: &[(String, Descriptor)], reference: &Reference) -> Vec<Meant> {
    let is_meant = |name: &str, descriptor: &Descriptor| {
        Some(&descriptor.digest) == reference.digest()
            && own_reference(name).is_some_and(|own| own.repository() == reference.repository())
    };
    let tags = tags.iter().filter(|(name, entry)| is_meant(name, entry));
    grouped(tags.map(|(name, entry)| (name, entry)))
}

/// The images whose digest begins as `text` says, with or without `sha256:`: those with a name,
/// else those of indexes with a name. One element for each digest.
pub(crate) fn by_digest(store: &Store, tags: &[(String, Descriptor)], text: &str) -> Vec<Meant> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if !(LEAST_DIGITS..=64).contains(&digits.len()) || !digits.bytes().all(is_digit) {
        return Vec::new();
    }
    let is_meant = |entry: &Descriptor| entry.digest.hex().starts_with(digits);
    let entries = tags.iter().filter(|(_, entry)| is_meant(entry));
    let found = grouped(entries.map(|(name, entry)| (name, entry)));
    if !found.is_empty() {
        return found;
    }
    let mut found: Vec<Meant> = Vec::new();
    for (name, entry) in tags {
        // What cannot be read lists nothing; `crossdock images` tells it.
        let Ok(Document::Index(index)) = store.read_document(entry) else {
            continue;
        };
        for image in index.manifests() {
            if !is_meant(image) || !store.contains(&image.digest) {
                continue;
            }
            match found
                .iter_mut()
                .find(|meant| meant.descriptor.digest == image.digest)
            {
                Some(meant) if meant.within.last() == Some(name) => {}
                Some(meant) => meant.within.push(name.clone()),
                None => found.push(Meant {
                    descriptor: image.clone(),
                    names: Vec::new(),
                    within: vec![name.clone()],
                    anchor: entry.digest,
                }),
            }
        }
    }
    found
}

fn grouped<'t>(entries: impl Iterator<Item = (&'t String, &'t Descriptor)>) -> Vec<Meant> {
    let mut found: Vec<Meant> = Vec::new();
    for (name, entry) in entries {
        match found
            .iter_mut()
            .find(|meant| meant.descriptor.digest == entry.digest)
        {
            Some(meant) => meant.names.push(name.clone()),
            None => found.push(Meant {
                descriptor: entry.clone(),
                names: vec![name.clone()],
                within: Vec::new(),
                anchor: entry.digest,
            }),
        }
    }
    found
}

#[cfg(test)]
mod tests;
