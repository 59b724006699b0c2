//! What layers hold of which an image shows nothing.

use std::sync::Arc;

use crossdock_layer::{
    LayerFormat, LayerIndex, NodeId, NodeKind, Source, StackChange, StackError, Tree,
};

use super::diff::{FieldChange, entry_differences};
use super::du::path_anywhere;

/// What one layer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LayerUsage {
    /// Entries of its tar.
    pub entries: u64,
    /// Bytes of its tar.
    pub tar_size: u64,
    /// Bytes of its files and their alternate streams.
    pub bytes: u64,
    /// Of those, bytes that a higher layer made invisible.
    pub wasted: u64,
}

/// The layers of an image, and which of their files it does not show.
pub struct LayerWaste {
    /// Every layer, lowest first.
    pub layers: Vec<LayerUsage>,
    tree: Tree,
    lost: Vec<Lost>,
}

/// A file of a layer of which the image shows nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostFile {
    /// Its path as people write it. Of a file with several names the last that went.
    pub path: Vec<u8>,
    /// The layer that holds it, from 0.
    pub layer: usize,
    /// The layer that made it invisible, from 0.
    pub by: usize,
    /// Its bytes.
    pub bytes: u64,
    /// How it came.
    pub reason: LossReason,
}

/// How a higher layer made a file invisible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LossReason {
    /// Another entry has its name.
    Overwritten,
    /// The same content has its name, and only what is told of it differs; nothing at all if the
    /// list is empty.
    Copied(Vec<FieldChange>),
    /// A whiteout removed it.
    Removed,
    /// A whiteout removed a directory that it was in.
    DirectoryRemoved,
    /// A directory that it was in began anew (an opaque one).
    DirectoryHidden,
    /// A directory that it was in became something else.
    DirectoryReplaced,
}

/// How a node came to go; without what is in its place now.
#[derive(Debug, Clone, Copy)]
enum Way {
    Replaced,
    Whiteout,
    DirectoryRemoved,
    Opaque,
    DirectoryReplaced,
}

/// What is kept of a [`LostFile`] while there may be a million of them.
struct Lost {
    node: NodeId,
    source: Source,
    by: u32,
    bytes: u64,
    way: Way,
    /// A file of the same content that has its path now.
    again: Option<Source>,
}

/// Stacks `layers`, lowest first, and watches what goes.
pub fn layer_waste(
    format: LayerFormat,
    layers: impl IntoIterator<Item = Arc<LayerIndex>>,
) -> Result<LayerWaste, StackError> {
    let mut waste = LayerWaste {
        layers: Vec::new(),
        tree: Tree::empty(format),
        lost: Vec::new(),
    };
    let mut names = Names::default();
    for index in layers {
        names.counts.push(vec![0; index.len()]);
        waste.layers.push(LayerUsage {
            entries: index.len() as u64,
            tar_size: index.tar_size(),
            bytes: index
                .entries()
                .fold(0, |sum, raw| sum.saturating_add(raw.extent().length)),
            wasted: 0,
        });
        let watch = &mut |tree: &Tree, change| names.watch(tree, change);
        waste.tree.add_layer_watched(index, watch)?;
        for (node, source, way) in std::mem::take(&mut names.gone) {
            // A hard link may have given it another name since.
            if *names.count(source).unwrap_or(&mut 1) == 0 {
                waste.lose(node, source, way);
            }
        }
    }
    Ok(waste)
}

impl LayerWaste {
    /// Bytes of the files of all layers.
    pub fn bytes(&self) -> u64 {
        self.layers
            .iter()
            .fold(0, |sum, layer| sum.saturating_add(layer.bytes))
    }

    /// Bytes of files that a higher layer made invisible.
    pub fn wasted(&self) -> u64 {
        self.layers
            .iter()
            .fold(0, |sum, layer| sum.saturating_add(layer.wasted))
    }

    /// The share of the files' bytes that the image shows, from 0 to 1.
    pub fn efficiency(&self) -> f64 {
        match self.bytes() {
            0 => 1.0,
            bytes => 1.0 - self.wasted() as f64 / bytes as f64,
        }
    }

    /// How many files that hold bytes are invisible.
    pub fn lost_count(&self) -> usize {
        self.lost.len()
    }

    /// The largest files that are invisible, at most `limit`.
    pub fn lost_files(&self, limit: usize) -> Vec<LostFile> {
        let mut order: Vec<usize> = (0..self.lost.len()).collect();
        // Equal ones in the order in which they went.
        order.sort_by_key(|&place| std::cmp::Reverse(self.lost[place].bytes));
        order.truncate(limit);
        let lost = order.into_iter().map(|place| &self.lost[place]);
        lost.map(|lost| self.lost_file(lost)).collect()
    }

    fn lost_file(&self, lost: &Lost) -> LostFile {
        let copied = lost.again.and_then(|again| {
            let (old, new) = (self.tree.entry_of(lost.source)?, self.tree.entry_of(again)?);
            Some(LossReason::Copied(entry_differences(
                self.tree.format(),
                &old,
                &new,
            )))
        });
        LostFile {
            path: path_anywhere(&self.tree, lost.node).0,
            layer: layer_of(lost.source).unwrap_or_default(),
            by: lost.by as usize,
            bytes: lost.bytes,
            reason: copied.unwrap_or(match lost.way {
                Way::Replaced => LossReason::Overwritten,
                Way::Whiteout => LossReason::Removed,
                Way::DirectoryRemoved => LossReason::DirectoryRemoved,
                Way::Opaque => LossReason::DirectoryHidden,
                Way::DirectoryReplaced => LossReason::DirectoryReplaced,
            }),
        }
    }

    fn lose(&mut self, node: NodeId, source: Source, way: Way) {
        let bytes = self.tree.stored_bytes(source);
        let (Some(layer), true) = (layer_of(source), bytes > 0) else {
            return;
        };
        self.layers[layer].wasted += bytes;
        let now = self.now_at(node);
        let now_source = now.map(|now| self.tree.source(now));
        let again = now_source.filter(|&now| self.have_same_content(source, now));
        let way = match (way, now) {
            // Removed and put there again: a file took its place.
            (Way::Whiteout, Some(_)) => Way::Replaced,
            (way, _) => way,
        };
        self.lost.push(Lost {
            node,
            source,
            by: self.layers.len() as u32 - 1,
            bytes,
            way,
            again,
        });
    }

    /// What has the path of a node now that the node may have gone.
    fn now_at(&self, node: NodeId) -> Option<NodeId> {
        let tree = &self.tree;
        let mut names = Vec::new();
        let mut current = node;
        while current != tree.root() && current != tree.top() {
            names.push(tree.name(current));
            current = tree.parent(current);
        }
        names
            .into_iter()
            .rev()
            .try_fold(current, |directory, name| tree.child(directory, name))
    }

    fn have_same_content(&self, old: Source, new: Source) -> bool {
        let key = |source| {
            let Source::Layer { layer, entry } = source else {
                return None;
            };
            let raw = self.tree.layers()[layer as usize].entry(entry as usize);
            Some((raw.kind(), raw.size(), raw.hash()))
        };
        old != new && key(old) == key(new)
    }
}

fn layer_of(source: Source) -> Option<usize> {
    match source {
        Source::Layer { layer, .. } => Some(layer as usize),
        Source::Implied | Source::Owned(_) => None,
    }
}

/// How many names each entry of each layer has, and what lost its last one.
#[derive(Default)]
struct Names {
    counts: Vec<Vec<u32>>,
    gone: Vec<(NodeId, Source, Way)>,
}

impl Names {
    fn count(&mut self, source: Source) -> Option<&mut u32> {
        match source {
            Source::Layer { layer, entry } => {
                self.counts.get_mut(layer as usize)?.get_mut(entry as usize)
            }
            Source::Implied | Source::Owned(_) => None,
        }
    }

    fn watch(&mut self, tree: &Tree, change: StackChange) {
        match change {
            StackChange::Added { node } => self.gain(tree.source(node)),
            StackChange::Replaced {
                node,
                source,
                keeps_children,
            } => {
                self.gain(source);
                self.lose(tree, node, Way::Replaced);
                if !keeps_children {
                    for below in tree.walk(node).skip(1) {
                        self.lose(tree, below, Way::DirectoryReplaced);
                    }
                }
            }
            StackChange::Removed { node, is_opaque } => {
                let (this, others) = match is_opaque {
                    true => (Way::Opaque, Way::Opaque),
                    false => (Way::Whiteout, Way::DirectoryRemoved),
                };
                for below in tree.walk(node) {
                    self.lose(tree, below, if below == node { this } else { others });
                }
            }
        }
    }

    fn gain(&mut self, source: Source) {
        if let Some(count) = self.count(source) {
            *count = count.saturating_add(1);
        }
    }

    fn lose(&mut self, tree: &Tree, node: NodeId, way: Way) {
        let source = tree.source(node);
        let Some(count) = self.count(source) else {
            return;
        };
        *count = count.saturating_sub(1);
        if *count == 0 && tree.kind(node) == NodeKind::File {
            self.gone.push((node, source, way));
        }
    }
}

#[cfg(test)]
mod tests;
