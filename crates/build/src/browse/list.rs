//! What is in directories of an image.

use std::cmp::Reverse;

use crossdock_layer::{NodeId, NodeKind, Source, Timestamp, Tree};

use super::error::PathError;
use super::path::{find_path, shown_path};
use super::walk::Walk;

/// What the paths of a listing mean.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ListOptions {
    /// A directory is listed itself, and not what is in it.
    pub directories_themselves: bool,
    /// A link is listed itself, also if it leads to a directory, unless a separator stands behind
    /// it.
    pub links_themselves: bool,
    /// The order of names in a directory.
    pub order: ListOrder,
    /// The order turned round.
    pub is_reversed: bool,
}

/// An order of names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ListOrder {
    /// By name, as the image's system compares them.
    #[default]
    Name,
    /// The largest first.
    Size,
    /// The newest first.
    Time,
}

/// What paths lead to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// What is listed itself.
    pub entries: Vec<NodeId>,
    /// Directories of which the content is listed.
    pub directories: Vec<NodeId>,
    /// Paths that lead nowhere.
    pub failed: Vec<PathError>,
}

impl Listing {
    /// Finds `paths`; without any, the root is meant.
    pub fn of(tree: &Tree, paths: &[&[u8]], options: ListOptions) -> Self {
        let mut listing = Self::default();
        let root: &[&[u8]] = &[b""];
        for path in if paths.is_empty() { root } else { paths } {
            match found(tree, path, options) {
                Ok(node) if tree.is_directory(node) && !options.directories_themselves => {
                    listing.directories.push(node);
                }
                Ok(node) => listing.entries.push(node),
                Err(error) => listing.failed.push(error),
            }
        }
        let mut named: Vec<(Vec<u8>, NodeId)> = std::mem::take(&mut listing.directories)
            .into_iter()
            .map(|node| (shown_path(tree, node), node))
            .collect();
        named.sort();
        listing.directories = named.into_iter().map(|(_, node)| node).collect();
        listing
            .entries
            .sort_by_cached_key(|&node| shown_path(tree, node));
        options.sort(tree, &mut listing.entries);
        if options.is_reversed {
            listing.directories.reverse();
        }
        listing
    }
}

fn found(tree: &Tree, path: &[u8], options: ListOptions) -> Result<NodeId, PathError> {
    let itself = find_path(tree, path, false)?.node;
    if options.links_themselves
        || options.directories_themselves
        || !matches!(tree.kind(itself), NodeKind::Symlink(_))
    {
        return Ok(itself);
    }
    // A link that leads nowhere is there itself.
    let target = tree.link_target(itself).ok();
    Ok(target
        .filter(|target| tree.is_directory(*target))
        .unwrap_or(itself))
}

impl ListOptions {
    /// What is in a directory, in order.
    pub fn content(self, tree: &Tree, directory: NodeId) -> Vec<NodeId> {
        let mut nodes: Vec<NodeId> = tree.children(directory).collect();
        self.sort(tree, &mut nodes);
        nodes
    }

    /// All directories at and below `start`, each before what is below it.
    pub fn directories(self, tree: &Tree, start: NodeId) -> Vec<NodeId> {
        if self == Self::default() {
            let walk = Walk::new(tree, start).only_directories(true);
            return walk.map(|step| step.node).collect();
        }
        let mut pending = vec![start];
        let mut directories = Vec::new();
        while let Some(directory) = pending.pop() {
            directories.push(directory);
            let content = self.content(tree, directory).into_iter().rev();
            pending.extend(content.filter(|node| tree.is_directory(*node)));
        }
        directories
    }

    /// Sorts what is in the order of names.
    fn sort(self, tree: &Tree, nodes: &mut [NodeId]) {
        match self.order {
            ListOrder::Name => {}
            ListOrder::Size => nodes.sort_by_cached_key(|node| Reverse(size(tree, *node))),
            ListOrder::Time => nodes.sort_by_cached_key(|node| Reverse(modified(tree, *node))),
        }
        if self.is_reversed {
            nodes.reverse();
        }
    }
}

/// Bytes of a file or of a link's text.
pub(super) fn size(tree: &Tree, node: NodeId) -> u64 {
    match (tree.kind(node), tree.source(node)) {
        (NodeKind::Symlink(text), _) => text.len() as u64,
        (NodeKind::File, Source::Layer { layer, entry }) => {
            tree.layers()[layer as usize].entry(entry as usize).size()
        }
        (NodeKind::File, _) => match tree.entry(node).map(|entry| entry.kind) {
            Some(crossdock_layer::Kind::File(content)) => content.size(),
            _ => 0,
        },
        (NodeKind::Directory | NodeKind::Special, _) => 0,
    }
}

/// When something last changed; `None`, which is before all times, if no layer says.
pub(super) fn modified(tree: &Tree, node: NodeId) -> Option<Timestamp> {
    match tree.source(node) {
        Source::Layer { layer, entry } => Some(
            tree.layers()[layer as usize]
                .entry(entry as usize)
                .modified(),
        ),
        Source::Implied | Source::Owned(_) => tree.modified(node),
    }
}

#[cfg(test)]
mod tests;
