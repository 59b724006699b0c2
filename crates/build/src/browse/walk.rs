//! Going through a tree, with the path of where one is.

use crossdock_layer::{NodeId, Tree};

use super::path::{push_name, separator, shown_path};

/// One entry on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The entry.
    pub node: NodeId,
    /// How far below the start; the start itself is 0.
    pub depth: usize,
    /// No other entry of its directory comes after it.
    pub is_last: bool,
}

/// Goes through a directory and all below it: parents before what is in them, names in the order
/// of the tree. The path is kept on the way, as to make it anew for each entry costs more than
/// the rest.
pub struct Walk<'t> {
    tree: &'t Tree,
    pending: Vec<Step>,
    path: Vec<u8>,
    /// Where the paths of the directories above the present entry end, and its own.
    ends: Vec<usize>,
    max_depth: usize,
    only_directories: bool,
}

impl<'t> Walk<'t> {
    /// From `start` down, which comes first.
    pub fn new(tree: &'t Tree, start: NodeId) -> Self {
        let path = shown_path(tree, start);
        Self {
            tree,
            pending: vec![Step {
                node: start,
                depth: 0,
                is_last: true,
            }],
            ends: vec![path.len()],
            path,
            max_depth: usize::MAX,
            only_directories: false,
        }
    }

    /// Nothing deeper than so many steps below the start.
    pub fn max_depth(mut self, depth: usize) -> Self {
        self.max_depth = depth;
        self
    }

    /// Of what is below the start, directories alone.
    pub fn only_directories(mut self, only: bool) -> Self {
        self.only_directories = only;
        self
    }

    /// The path of the entry that came last, as people write it. It is not escaped.
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// The name of the entry that came last; the whole path of the start.
    pub fn name(&self) -> &[u8] {
        let Some(&[before, _]) = self.ends.last_chunk() else {
            return &self.path;
        };
        let below = &self.path[before..];
        below
            .strip_prefix(&[separator(self.tree.format())])
            .unwrap_or(below)
    }

    fn enter(&mut self, step: Step) {
        if step.depth > 0 {
            self.ends.truncate(step.depth);
            self.path.truncate(self.ends.last().copied().unwrap_or(0));
            let separator = separator(self.tree.format());
            // The root's path ends with one.
            if self.path.last() != Some(&separator) {
                self.path.push(separator);
            }
            let name = self.tree.name(step.node);
            push_name(&mut self.path, self.tree.format(), name);
            self.ends.push(self.path.len());
        }
        if step.depth >= self.max_depth {
            return;
        }
        let first = self.pending.len();
        let children = self.tree.children(step.node);
        let wanted =
            children.filter(|&node| !self.only_directories || self.tree.is_directory(node));
        self.pending.extend(wanted.map(|node| Step {
            node,
            depth: step.depth + 1,
            is_last: false,
        }));
        let added = &mut self.pending[first..];
        if let Some(last) = added.last_mut() {
            last.is_last = true;
        }
        added.reverse();
    }
}

impl Iterator for Walk<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let step = self.pending.pop()?;
        self.enter(step);
        Some(step)
    }
}
