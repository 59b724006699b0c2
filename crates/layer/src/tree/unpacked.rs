//! The tree that unpacking a tar gives, where a layer's rules do not hold: names that begin with
//! `.wh.` are names, and of entries with one name the last is there.

use std::sync::Arc;

use crate::entry::LayerFormat;
use crate::index::LayerIndex;
use crate::record_keys;
use crate::tar::TarKind;
use crate::tree::resolve::components;
use crate::tree::{
    NodeId, OriginalName, ResolveErrorKind, Source, StackError, StackErrorKind, TOP, Tree,
};

impl Tree {
    /// The tree of a tar that is unpacked as docker does it: entry by entry, each in place of what
    /// has its name. A hard link names an entry before it. Links on the way to an entry are
    /// followed inside the tree.
    pub fn unpacked(index: Arc<LayerIndex>) -> Result<Self, StackError> {
        let mut tree = Self::empty(LayerFormat::Linux);
        tree.layers.push(Arc::clone(&index));
        tree.nodes.reserve(index.len());
        for (place, raw) in index.entries().enumerate() {
            tree.unpack(place as u32).map_err(|kind| StackError {
                layer: index.diff_id(),
                path: raw.path().to_vec(),
                kind,
            })?;
        }
        Ok(tree)
    }

    fn unpack(&mut self, entry: u32) -> Result<(), StackErrorKind> {
        let index = Arc::clone(&self.layers[0]);
        let raw = index.entry(entry as usize);
        let mut source = Source::Layer { layer: 0, entry };
        if raw.kind() == TarKind::HardLink {
            source = self.link_source(raw.link())?;
        }
        let parts: Vec<&[u8]> = components(raw.path()).collect();
        let Some((name, parents)) = parts.split_last() else {
            if raw.kind() == TarKind::Directory {
                self.nodes[TOP.0 as usize].source = source;
            }
            return Ok(());
        };
        let directory = self.made_directory(parents)?;
        let original = match raw.record(record_keys::NAME) {
            Some(_) => OriginalName::Layer { layer: 0, entry },
            None => OriginalName::None,
        };
        match self.child(directory, name) {
            Some(node) => {
                self.replace(node, source);
                self.nodes[node.0 as usize].original_name = original;
            }
            None => {
                self.attach(directory, name, original, source);
            }
        }
        Ok(())
    }

    fn link_source(&self, target: &[u8]) -> Result<Source, StackErrorKind> {
        let found = self.lookup(TOP, target, false);
        let found = found.map_err(|_| StackErrorKind::MissingTarget(target.to_vec()))?;
        match self.is_directory(found) {
            true => Err(StackErrorKind::LinkToDirectory(target.to_vec())),
            false => Ok(self.source(found)),
        }
    }

    /// The directory that `parents` name, through links, made if it is not there.
    fn made_directory(&mut self, parents: &[&[u8]]) -> Result<NodeId, StackErrorKind> {
        let found = self.resolve(TOP, &parents.join(&b'/'), true);
        let found = found.map_err(|error| StackErrorKind::Parent(error.kind))?;
        let mut node = found.node;
        for name in &found.missing {
            node = self.attach(node, name, OriginalName::None, Source::Implied);
        }
        match self.is_directory(node) {
            true => Ok(node),
            false => Err(StackErrorKind::Parent(ResolveErrorKind::NotADirectory(
                self.path(node),
            ))),
        }
    }
}
