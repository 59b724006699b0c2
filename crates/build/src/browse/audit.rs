//! An audit of an image: what importers and runtimes would refuse, lose or not find.
//!
//! The rules are in [`AuditRule`]; `docs/audit.md` gives their reasons. They are the product's own,
//! and judged by the validator of the tests.

mod blobs;
mod config;
mod elf;
mod findings;
mod hives;
mod links;
mod linux_layer;
mod pe;
mod programs;
mod rule;
mod windows_layer;

use std::io::Read as _;
use std::sync::Arc;

use crossdock_image::Platform;
use crossdock_layer::{Kind, LayerFormat, LayerIndex, NodeId, Tree};

pub use self::blobs::{BlobKind, CheckedBlob};
use self::findings::Findings;
pub use self::findings::{Finding, FindingGroup, RuleChoice};
pub use self::rule::{AuditLevel, AuditRule};
use super::{BrowseError, OpenedImage, find_path};

/// What is looked at.
#[derive(Debug, Clone, Default)]
pub struct AuditOptions {
    /// The rules.
    pub rules: RuleChoice,
    /// Blobs are not read to see whether their digests hold; only what was never read is.
    pub skip_blobs: bool,
    /// Programs of the lowest layer of a Windows image are looked into as well.
    pub all_programs: bool,
    /// Whether a Linux image could be one of Windows.
    pub for_windows: bool,
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// The name of the image as messages show it.
    pub image: String,
    /// What its config says that it is for.
    pub platform: Platform,
    /// What was found, the worst rules first.
    pub groups: Vec<FindingGroup>,
    /// The blobs whose digests were looked at.
    pub blobs: Vec<CheckedBlob>,
    /// Programs and libraries that were looked into.
    pub programs: u64,
}

impl Audit {
    /// How many findings of a level there are.
    pub fn count(&self, level: AuditLevel) -> u64 {
        let groups = self.groups.iter();
        let of_level = groups.filter(|group| group.rule.level() == level);
        of_level.map(|group| group.count).sum()
    }
}

/// Looks at an image by all rules that are chosen.
///
/// # Errors
/// If the machine or the network fails, or the image is for a system of which nothing is known.
/// What is wrong with the image is no error but a finding.
pub fn audit(image: &OpenedImage<'_>, options: &AuditOptions) -> Result<Audit, BrowseError> {
    let format = image.format()?;
    let mut findings = Findings::new(&options.rules);
    config::check_documents(image, format, &mut findings);
    let (blobs, indexes) = blobs::check(image, options, &mut findings)?;
    let mut programs = 0;
    // Without all layers nothing can be said of what lies upon them.
    if let Some(indexes) = indexes
        && let Some(tree) = check_layers(format, &indexes, &mut findings)
    {
        links::check(&tree, options, &mut findings);
        config::check_started(image, &tree, &mut findings)?;
        if format == LayerFormat::Windows {
            hives::check(image, &tree, &mut findings)?;
        }
        programs = programs::check(image, &tree, options, &mut findings)?;
    }
    Ok(Audit {
        image: image.name().to_owned(),
        platform: image.platform(),
        groups: findings.finish(),
        blobs,
        programs,
    })
}

/// Looks at the entries of all layers, each upon those beneath. The tree is returned if there is
/// one.
fn check_layers(
    format: LayerFormat,
    indexes: &[Arc<LayerIndex>],
    findings: &mut Findings<'_>,
) -> Option<Tree> {
    let mut tree = Some(Tree::empty(format));
    for (layer, index) in indexes.iter().enumerate() {
        match format {
            LayerFormat::Windows => {
                windows_layer::check(layer, index, tree.as_ref(), findings);
            }
            LayerFormat::Linux => linux_layer::check(layer, index, tree.as_ref(), findings),
        }
        if let Some(below) = &mut tree
            && let Err(error) = below.add_layer(Arc::clone(index))
        {
            let message = error.kind.to_string();
            findings.at(
                AuditRule::UnstackableLayer,
                Some(layer),
                &error.path,
                message,
            );
            // Upon half a layer everything would look wrong.
            tree = None;
        }
    }
    tree
}

/// The node at a stored path of the archive, going through no link.
fn plain_node(tree: &Tree, path: &[u8]) -> Option<NodeId> {
    let mut node = tree.top();
    for component in path.split(|byte| *byte == b'/') {
        if !matches!(component, b"" | b".") {
            node = tree.child(node, component)?;
        }
    }
    Some(node)
}

/// A path before its last component, without a slash at its end, and that component.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (&[], path),
    }
}

/// The beginning of a file that programs read their settings from; empty if it is not there.
fn settings(
    image: &OpenedImage<'_>,
    tree: &Tree,
    path: &[u8],
    limit: u64,
) -> Result<Vec<u8>, BrowseError> {
    let found = find_path(tree, path, true).ok();
    let entry = found.and_then(|found| tree.entry(found.node));
    let Some(Kind::File(content)) = entry.map(|entry| entry.kind) else {
        return Ok(Vec::new());
    };
    let mut bytes = Vec::new();
    image
        .content(&content)
        .and_then(|reader| reader.take(limit).read_to_end(&mut bytes))
        .map_err(|source| BrowseError::Content {
            image: image.name().to_owned(),
            path: String::from_utf8_lossy(path).into_owned(),
            source,
        })?;
    Ok(bytes)
}

/// Bytes as they are shown in a message.
fn quoted(bytes: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(bytes))
}

/// The layer of a node, counted from zero.
fn layer_of(tree: &Tree, node: NodeId) -> Option<usize> {
    match tree.source(node) {
        crossdock_layer::Source::Layer { layer, .. } => Some(layer as usize),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
