//! What is known of images without asking anybody: for what completes a command line.

use std::path::Path;
use std::sync::Arc;

use crossdock_image::{Descriptor, Document, ImageSource, Platform};
use crossdock_layer::{LayerFormat, NodeKind, Tree, upcase};
use crossdock_store::{Layout, Store};

use super::{BrowseError, Images, NamedImage, OpenedImage, PlatformChoice, find_path, shown_name};
use crate::base::{Found, store_name};
use crate::error::BuildError;
use crate::place::BlobPlace;

/// Most entries of an index of which the platforms are told.
const MOST_PLATFORMS: usize = 256;

/// What a path that is not written to its end may become.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PathCandidate {
    /// The path: what was written of it, up to its last separator, and a name.
    pub path: String,
    /// Whether more may follow: it is a directory, or a link to one.
    pub is_directory: bool,
}

/// The names that the store's images have, in their short form.
pub fn local_names(store: &Store) -> Vec<String> {
    let tags = store.tags().unwrap_or_default();
    let names = tags.into_iter().map(|(name, _)| {
        let reference = name.parse::<crossdock_image::Reference>().ok();
        let own = reference.filter(|reference| store_name(reference) == name);
        own.map_or(name, |reference| reference.familiar())
    });
    names.collect()
}

/// The tags of the layout in a folder.
pub fn layout_tags(folder: &Path) -> Vec<String> {
    let Ok(layout) = Layout::open(folder) else {
        return Vec::new();
    };
    let entries = layout.index().manifests().iter();
    let tags = entries.filter_map(|entry| entry.ref_name().map(str::to_owned));
    tags.collect()
}

impl Images<'_> {
    /// Finds what `source` means if that is in the store or in a file. No registry is asked.
    pub fn find_local(
        &self,
        source: &ImageSource,
        choice: &PlatformChoice,
    ) -> Result<Option<NamedImage>, BrowseError> {
        let Some(reference) = source.reference() else {
            return self.find(source, choice).map(Some);
        };
        let found = match self.by_digest(source)? {
            Some(found) => Some(found),
            None => {
                let reference = reference.map_err(BuildError::Reference)?;
                let name = store_name(&reference);
                let descriptor = self.store.resolve(&name).map_err(BuildError::from)?;
                descriptor.map(|descriptor| Found {
                    descriptor,
                    // What is missing of it stays so.
                    place: BlobPlace::Store(self.store.clone()),
                    image: reference.familiar(),
                })
            }
        };
        Ok(found.map(|found| NamedImage {
            name: found.image.clone(),
            descriptor: found.descriptor.clone(),
            found,
        }))
    }
}

impl NamedImage {
    /// The platforms of the images of an index, as it states them.
    pub fn platforms(&self) -> Result<Vec<Platform>, BrowseError> {
        let Document::Index(index) = self.document()? else {
            return Ok(Vec::new());
        };
        // Attestations have the platform unknown/unknown.
        let stated = |entry: &Descriptor| entry.platform.clone().filter(|p| p.os != "unknown");
        let platforms = index.manifests().iter().filter_map(stated);
        Ok(platforms.take(MOST_PLATFORMS).collect())
    }
}

impl OpenedImage<'_> {
    /// The file system, if all layers were indexed before; nothing is read for it otherwise.
    pub fn known_tree(&self) -> Result<Option<Arc<Tree>>, BrowseError> {
        match self.images.indexer().recall_all(&self.layers)? {
            true => self.tree().map(Some),
            false => Ok(None),
        }
    }
}

/// What may follow `written`, the beginning of a path in `tree`. The last name may be in any case
/// in a Windows image. Names that cannot be written as text are left out.
pub fn complete_path(tree: &Tree, written: &str) -> Vec<PathCandidate> {
    let is_windows = tree.format() == LayerFormat::Windows;
    let is_separator = |c: char| c == '/' || (is_windows && c == '\\');
    let is_drive = |text: &str| matches!(text.as_bytes(), [letter, b':'] if is_windows && letter.is_ascii_alphabetic());
    let mut folder = match written.rfind(is_separator) {
        Some(at) => &written[..=at],
        None => "",
    };
    let mut start = &written[folder.len()..];
    let mut separator = folder.chars().next_back();
    if is_drive(start) {
        (folder, start, separator) = (start, "", Some('\\'));
    }
    // A separator that stands there already is not written again.
    let between = match is_drive(folder) {
        true => "\\",
        false => "",
    };
    let Ok(found) = find_path(tree, folder.as_bytes(), true) else {
        return Vec::new();
    };
    let separator = separator.unwrap_or('/');
    let begins = |name: &str| match is_windows {
        true => upcase(name.as_bytes()).starts_with(&upcase(start.as_bytes())),
        false => name.starts_with(start),
    };
    let candidate = |node| {
        let name = String::from_utf8(shown_name(tree, node)).ok()?;
        if !begins(&name) || name.chars().any(char::is_control) {
            return None;
        }
        let is_directory = match tree.kind(node) {
            NodeKind::Symlink(_) => tree
                .link_target(node)
                .is_ok_and(|target| tree.is_directory(target)),
            _ => tree.is_directory(node),
        };
        let mut path = format!("{folder}{between}{name}");
        if is_directory {
            path.push(separator);
        }
        Some(PathCandidate { path, is_directory })
    };
    let mut all: Vec<PathCandidate> = tree.children(found.node).filter_map(candidate).collect();
    all.sort();
    all
}

#[cfg(test)]
mod tests;
