//! What an instruction copies, gathered from all its sources before anything is placed.

use std::collections::BTreeMap;

use crate::edit::part::Part;
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
    /// Files that take the destination's own name unless it is a directory, one after the other.
    /// They come before all else: what follows a directory's contents lies beside them.
    pub(crate) singles: Vec<usize>,
    /// A source has made the destination a directory.
    is_directory: bool,
    /// How the first source comes; none without sources.
    pub(crate) first: Option<Manner>,
}

/// How an entry comes to its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Manner {
    /// Copied with its metadata, which a directory that is there takes too.
    Copied,
    /// A directory that is there only for what is copied below it: one that exists at its place
    /// takes its permission bits and nothing else.
    Passed,
    /// From an archive: `--chmod` does not count, and it replaces whatever is there.
    Unpacked,
}

/// An entry to place.
pub(crate) struct Item {
    pub(crate) tree: usize,
    pub(crate) node: NodeId,
    /// The node whose name counts.
    pub(crate) named: NodeId,
    pub(crate) manner: Manner,
    pub(crate) children: BTreeMap<Vec<u8>, usize>,
}

/// An entry of a [`Gathered`].
pub struct GatheredEntry<'a> {
    /// The path below the destination; empty for a file that takes the destination's name.
    pub path: Vec<u8>,
    /// Where it comes from.
    pub tree: &'a Tree,
    /// The entry there.
    pub node: NodeId,
    /// How it is placed.
    pub manner: Manner,
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
            singles: Vec::new(),
            is_directory: false,
            first: None,
        }
    }

    /// Whether anything was added, be it the contents of an empty directory: if so, there will be a
    /// destination.
    pub fn has_sources(&self) -> bool {
        self.first.is_some()
    }

    /// How the first source comes; none without sources.
    pub fn first(&self) -> Option<Manner> {
        self.first
    }

    /// Adds a directory's contents, to lie in the destination directory.
    pub fn add_contents(&mut self, tree: &'a Tree, directory: NodeId) -> Result<(), EditError> {
        self.add_below(tree, directory, None, Manner::Copied)
    }

    /// Adds what an archive holds, to lie in the destination directory.
    pub fn add_unpacked(&mut self, tree: &'a Tree) -> Result<(), EditError> {
        self.add_below(tree, tree.root(), None, Manner::Unpacked)
    }

    /// Adds a part of a directory's contents, to lie in the destination directory.
    pub fn add_part(
        &mut self,
        tree: &'a Tree,
        directory: NodeId,
        part: &Part,
    ) -> Result<(), EditError> {
        self.add_below(tree, directory, Some(part), Manner::Copied)
    }

    /// Adds an entry with everything below it, to lie in the destination directory under its own
    /// name.
    pub fn add_tree(&mut self, tree: &'a Tree, selected: &Selected) -> Result<(), EditError> {
        self.is_directory = true;
        self.add_file(tree, selected)?;
        if !tree.is_directory(selected.node) {
            return Ok(());
        }
        let place = self.tree(tree);
        let Some(&item) = self.top.get(tree.name(selected.named)) else {
            return Ok(());
        };
        let children = std::mem::take(&mut self.items[item].children);
        let children = self.merge_children(place, selected.node, None, Manner::Copied, children)?;
        self.items[item].children = children;
        Ok(())
    }

    /// Adds a file, to lie in the destination directory under its own name.
    pub fn add_file(&mut self, tree: &'a Tree, selected: &Selected) -> Result<(), EditError> {
        self.first.get_or_insert(Manner::Copied);
        let name = tree.name(selected.named).to_vec();
        let place = self.tree(tree);
        let previous = self.top.get(&name).copied();
        let item = Item {
            tree: place,
            node: selected.node,
            named: selected.named,
            manner: Manner::Copied,
            children: BTreeMap::new(),
        };
        let item = self.merge(item, previous)?;
        self.top.insert(name, item);
        Ok(())
    }

    /// Adds a file that takes the destination's own name, in place of one before it, unless the
    /// destination is a directory: then it lies there under its own name.
    pub fn add_single(&mut self, tree: &'a Tree, selected: &Selected) -> Result<(), EditError> {
        if self.is_directory {
            return self.add_file(tree, selected);
        }
        self.first.get_or_insert(Manner::Copied);
        let tree = self.tree(tree);
        let children = BTreeMap::new();
        self.items.push(Item {
            tree,
            node: selected.node,
            named: selected.named,
            manner: Manner::Copied,
            children,
        });
        self.singles.push(self.items.len() - 1);
        Ok(())
    }

    /// Everything that was gathered, in an order that depends on nothing but names.
    pub fn entries(&self) -> impl Iterator<Item = GatheredEntry<'a>> + '_ {
        let top = self.top.iter().map(|(name, item)| (name.clone(), *item));
        let singles = self.singles.iter().map(|item| (Vec::new(), *item));
        let mut pending: Vec<(Vec<u8>, usize)> = singles.chain(top).collect();
        std::iter::from_fn(move || {
            let (path, place) = pending.pop()?;
            let item = &self.items[place];
            let below = item.children.iter();
            pending.extend(below.map(|(name, child)| ([&path, &b"/"[..], name].concat(), *child)));
            Some(GatheredEntry {
                path,
                tree: self.trees[item.tree],
                node: item.node,
                manner: item.manner,
            })
        })
    }

    fn add_below(
        &mut self,
        tree: &'a Tree,
        directory: NodeId,
        part: Option<&Part>,
        manner: Manner,
    ) -> Result<(), EditError> {
        self.first.get_or_insert(manner);
        self.is_directory = true;
        let tree = self.tree(tree);
        let top = std::mem::take(&mut self.top);
        self.top = self.merge_children(tree, directory, part, manner, top)?;
        Ok(())
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
        part: Option<&Part>,
        manner: Manner,
        children: BTreeMap<Vec<u8>, usize>,
    ) -> Result<BTreeMap<Vec<u8>, usize>, EditError> {
        const TOP: usize = usize::MAX;
        let mut top = children;
        let mut pending = vec![(directory, TOP)];
        while let Some((directory, parent)) = pending.pop() {
            let nodes: Vec<NodeId> = self.trees[tree].children(directory).collect();
            for node in nodes {
                let manner = match part {
                    None => Some(manner),
                    Some(part) => part.manner(node),
                };
                let Some(manner) = manner else { continue };
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
                let item = Item {
                    tree,
                    node,
                    named: node,
                    manner,
                    children: BTreeMap::new(),
                };
                let item = self.merge(item, previous)?;
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
    fn merge(&mut self, mut item: Item, previous: Option<usize>) -> Result<usize, EditError> {
        let Some(previous) = previous else {
            self.items.push(item);
            return Ok(self.items.len() - 1);
        };
        let tree = self.trees[item.tree];
        let before = &self.items[previous];
        let path = || show_path(tree.format(), &tree.path(item.named));
        let was_directory = self.trees[before.tree].is_directory(before.node);
        match (was_directory, tree.is_directory(item.node)) {
            (true, true) => {
                if item.manner == Manner::Passed {
                    // It is there, and more than its bits would hardly be meant.
                    return Ok(previous);
                }
                item.children = std::mem::take(&mut self.items[previous].children);
            }
            (false, false) => {}
            _ if item.manner == Manner::Unpacked => {}
            (true, false) => return Err(EditError::IsADirectory { path: path() }),
            (false, true) => {
                return Err(EditError::NotADirectory {
                    path: path(),
                    hint: String::new(),
                });
            }
        }
        self.items[previous] = item;
        Ok(previous)
    }

    pub(crate) fn format(&self, item: usize) -> LayerFormat {
        self.trees[self.items[item].tree].format()
    }
}
