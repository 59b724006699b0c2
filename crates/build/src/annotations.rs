//! Annotations of images and indexes, as `--annotation` and `-o …,annotation.KEY=VALUE` ask for them.

use std::collections::BTreeMap;

use crossdock_image::{Platform, PlatformError, fits};

/// Which document carries an annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnnotationLevel {
    /// An image's manifest.
    Manifest,
    /// What the index, or the layout, says of an image.
    ManifestDescriptor,
    /// The index of several images.
    Index,
    /// What the layout says of the index.
    IndexDescriptor,
}

/// One annotation and where it belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// The document.
    pub level: AnnotationLevel,
    /// Of images: the one for this platform; all of them if `None`.
    pub platform: Option<Platform>,
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// Text that is no annotation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnnotationError {
    /// There is no `=`, or nothing before it.
    #[error("{text:?} is no annotation; write it like KEY=VALUE or index:KEY=VALUE")]
    Form {
        /// As it was written.
        text: String,
    },
    /// There is no such level.
    #[error(
        "there is no annotation level {level:?}; the levels are manifest, manifest-descriptor, \
         index and index-descriptor"
    )]
    Level {
        /// As it was written.
        level: String,
    },
    /// A platform that is none.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// An index is for several platforms.
    #[error("an annotation of the level {level} cannot be for one platform")]
    PlatformOfIndex {
        /// The level.
        level: &'static str,
    },
}

impl AnnotationLevel {
    /// The name that options use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::ManifestDescriptor => "manifest-descriptor",
            Self::Index => "index",
            Self::IndexDescriptor => "index-descriptor",
        }
    }

    /// Whether it is about an index.
    pub fn is_of_index(self) -> bool {
        matches!(self, Self::Index | Self::IndexDescriptor)
    }

    fn parse(text: &str) -> Result<Self, AnnotationError> {
        let all = [
            Self::Manifest,
            Self::ManifestDescriptor,
            Self::Index,
            Self::IndexDescriptor,
        ];
        let found = all.into_iter().find(|level| level.name() == text);
        found.ok_or_else(|| AnnotationError::Level {
            level: text.to_owned(),
        })
    }
}

impl Annotation {
    /// Reads the value of `--annotation`: `KEY=VALUE`, with levels and platforms in front, as in
    /// `index,manifest[linux/amd64]:KEY=VALUE` (buildx, util/buildflags/export.go).
    pub fn parse_option(text: &str) -> Result<Vec<Self>, AnnotationError> {
        let form = || AnnotationError::Form {
            text: text.to_owned(),
        };
        let (left, value) = text.split_once('=').ok_or_else(form)?;
        let (levels, key) = match left.split_once(':') {
            Some((levels, key)) => (levels, key),
            None => ("manifest", left),
        };
        if key.is_empty() || levels.is_empty() {
            return Err(form());
        }
        let of_level = |level: &str| Self::at(level, key, value);
        levels.split(',').map(of_level).collect()
    }

    /// Reads an attribute of `-o`: `annotation.KEY`, `annotation-index.KEY`,
    /// `annotation-manifest[linux/amd64].KEY` (BuildKit, exptypes/annotations.go). `None` if the
    /// name is no annotation's.
    pub fn parse_attribute(name: &str, value: &str) -> Option<Result<Self, AnnotationError>> {
        let rest = name.strip_prefix("annotation")?;
        // The platform may hold dots, of a version.
        let from = rest.find(']').unwrap_or(0);
        let dot = from + rest[from..].find('.')?;
        let (level, key) = (&rest[..dot], &rest[dot + 1..]);
        let level = match level.strip_prefix('-') {
            Some(level) => level.to_owned(),
            None if level.is_empty() || level.starts_with('[') => format!("manifest{level}"),
            None => return None,
        };
        if key.is_empty() {
            return Some(Err(AnnotationError::Form {
                text: format!("{name}={value}"),
            }));
        }
        Some(Self::at(&level, key, value))
    }

    fn at(level: &str, key: &str, value: &str) -> Result<Self, AnnotationError> {
        let bracket = level
            .strip_suffix(']')
            .and_then(|level| level.split_once('['));
        let (level, platform) = match bracket {
            Some((level, platform)) => (level, Some(platform.parse()?)),
            None => (level, None),
        };
        let level = AnnotationLevel::parse(level)?;
        if level.is_of_index() && platform.is_some() {
            return Err(AnnotationError::PlatformOfIndex {
                level: level.name(),
            });
        }
        Ok(Self {
            level,
            platform,
            key: key.to_owned(),
            value: value.to_owned(),
        })
    }
}

/// The annotations of a level; of images, those for `platform`. Later ones win.
pub(crate) fn annotations_of(
    all: &[Annotation],
    level: AnnotationLevel,
    platform: Option<&Platform>,
) -> BTreeMap<String, String> {
    let applies = |annotation: &&Annotation| {
        annotation.level == level
            && match (&annotation.platform, platform) {
                (Some(wanted), Some(platform)) => fits(platform, wanted),
                (wanted, _) => wanted.is_none(),
            }
    };
    all.iter()
        .filter(applies)
        .map(|annotation| (annotation.key.clone(), annotation.value.clone()))
        .collect()
}

#[cfg(test)]
mod tests;
