//! A part of a directory that is copied (`--exclude`, `--parents`).

use std::collections::HashMap;

use crate::edit::gather::Manner;
use crate::tree::{NodeId, Tree};

/// Which entries below a directory are copied. Whoever knows the patterns fills it.
#[derive(Debug, Clone, Default)]
pub struct Part {
    entries: HashMap<NodeId, Manner>,
}

impl Part {
    /// Takes an entry below `top`, and no more than it: what it holds is taken or not by itself.
    /// The directories between are there for it.
    pub fn take(&mut self, tree: &Tree, top: NodeId, entry: NodeId) {
        self.entries.insert(entry, Manner::Copied);
        let mut above = entry;
        while above != top && above != tree.root() {
            above = tree.parent(above);
            if above == top || self.entries.contains_key(&above) {
                return;
            }
            self.entries.insert(above, Manner::Passed);
        }
    }

    /// Whether nothing is taken.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How an entry comes along; `None` if it does not.
    pub(crate) fn manner(&self, entry: NodeId) -> Option<Manner> {
        self.entries.get(&entry).copied()
    }
}
