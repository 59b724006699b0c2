//! What an instruction copies, gathered from all its sources before anything is placed.

use std::collections::BTreeMap;

use crate::edit::select::{Selected, is_mount_artifact};
use crate::edit::{EditError, show_path};
use crate::entry::LayerFormat;
use crate::tree::{NodeId, Tree};

/// Entries of one or several source trees, arranged as they will lie below the destination.
pub struct Gathered<'a> {
    pub(crate) trees: Vec<&'a Tree>,
    pub(crate) items: Vec<Item>,
    /// The entries directly below the destination, by name in the source.
    pub(crate) top: BTreeMap<Vec<u8>, usize>,
    /// A single file that takes the destination's own name.
    pub(crate) single: Option<usize>,
}

/// An entry to place.
pub(crate) struct Item {
    pub(crate) tree: usize,
    pub(crate) node: NodeId,
    /// The node whose name counts.
    pub(crate) named: NodeId,
    pub(crate) children: BTreeMap<Vec<u8>, usize>,
}

impl<'a> Default for Gathered<'a> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Gathered<'a> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            trees: Vec::new(),
            items: Vec::new(),
            top: BTreeMap::new(),
            single: None,
        }
    }

    /// Whether nothing was added, or only empty directories' contents.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Adds a directory's contents, to lie in the destination directory.
    pub fn add_contents(&mut self, tree: &'a Tree, directory: NodeId) -> Result<(), EditError> {
        let tree = self.tree(tree);
        let top = std::mem::take(&mut self.top);
        self.top = self.merge_children(tree, directory, top)?;
        Ok(())
    }

    /// Adds a file, to lie in the destination directory under its own name.
    pub fn add_file(&mut self, tree: &'a Tree, selected: &Selected) -> Result<(), EditError> {
        let name = tree.name(selected.named).to_vec();
        let place = self.tree(tree);
        let previous = self.top.get(&name).copied();
        let item = self.merge(place, selected.node, selected.named, previous)?;
        self.top.insert(name, item);
        Ok(())
    }

    /// Adds a file that takes the destination's own name.
    pub fn add_single(&mut self, tree: &'a Tree, selected: &Selected) {
        let tree = self.tree(tree);
        let children = BTreeMap::new();
        self.items.push(Item {
            tree,
            node: selected.node,
            named: selected.named,
            children,
        });
        self.single = Some(self.items.len() - 1);
    }

    /// Everything that was gathered, with its path below the destination, in an order that depends
    /// on nothing but names. A file that takes the destination's name has an empty path.
    pub fn entries(&self) -> impl Iterator<Item = (Vec<u8>, &'a Tree, NodeId)> + '_ {
        let top = self.top.iter().map(|(name, item)| (name.clone(), *item));
        let mut pending: Vec<(Vec<u8>, usize)> = self
            .single
            .map(|item| (Vec::new(), item))
            .into_iter()
            .chain(top)
            .collect();
        std::iter::from_fn(move || {
            let (path, place) = pending.pop()?;
            let item = &self.items[place];
            let below = item.children.iter();
            pending.extend(below.map(|(name, child)| ([&path, &b"/"[..], name].concat(), *child)));
            Some((path, self.trees[item.tree], item.node))
        })
    }

    fn tree(&mut self, tree: &'a Tree) -> usize {
        let known = self
            .trees
            .iter()
            .position(|other| std::ptr::eq(*other, tree));
        known.unwrap_or_else(|| {
            self.trees.push(tree);
            self.trees.len() - 1
        })
    }

    /// Merges everything below `directory` into `children`. A stack of our own, because the depth
    /// of a tree is the image's to choose.
    fn merge_children(
        &mut self,
        tree: usize,
        directory: NodeId,
        children: BTreeMap<Vec<u8>, usize>,
    ) -> Result<BTreeMap<Vec<u8>, usize>, EditError> {
        const TOP: usize = usize::MAX;
        let mut top = children;
        let mut pending = vec![(directory, TOP)];
        while let Some((directory, parent)) = pending.pop() {
            let nodes: Vec<NodeId> = self.trees[tree].children(directory).collect();
            for node in nodes {
                if is_mount_artifact(self.trees[tree], node) {
                    continue;
                }
                let name = self.trees[tree].name(node).to_vec();
                let siblings = if parent == TOP {
                    &top
                } else {
                    &self.items[parent].children
                };
                let previous = siblings.get(&name).copied();
                let item = self.merge(tree, node, node, previous)?;
                let siblings = if parent == TOP {
                    &mut top
                } else {
                    &mut self.items[parent].children
                };
                siblings.insert(name, item);
                if self.trees[tree].is_directory(node) {
                    pending.push((node, item));
                }
            }
        }
        Ok(top)
    }

    /// Puts an entry where `previous` may be already, as copying one after the other would.
    fn merge(
        &mut self,
        tree: usize,
        node: NodeId,
        named: NodeId,
        previous: Option<usize>,
    ) -> Result<usize, EditError> {
        let directory = self.trees[tree].is_directory(node);
        let mut item = Item {
            tree,
            node,
            named,
            children: BTreeMap::new(),
        };
        let Some(previous) = previous else {
            self.items.push(item);
            return Ok(self.items.len() - 1);
        };
        let before = &self.items[previous];
        let path = || show_path(self.trees[tree].format(), &self.trees[tree].path(named));
        match (self.trees[before.tree].is_directory(before.node), directory) {
            (true, false) => return Err(EditError::IsADirectory { path: path() }),
            (false, true) => {
                return Err(EditError::NotADirectory {
                    path: path(),
                    hint: String::new(),
                });
            }
            _ => {}
        }
        item.children = std::mem::take(&mut self.items[previous].children);
        self.items[previous] = item;
        Ok(previous)
    }

    pub(crate) fn format(&self, item: usize) -> LayerFormat {
        self.trees[self.items[item].tree].format()
    }
}
