//! A tar as a context.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use crossdock_dockerfile::IgnorePatterns;
use crossdock_host::Visit;
use crossdock_image::BlobDigest;
use crossdock_layer::{
    Entry, Kind, LayerFormat, Name, NodeId, PosixMetadata, Source, StackError, Timestamp, Tree,
};
use crossdock_store::Store;

use crate::content::read_small;
use crate::context::ignore::IgnoreWalk;
use crate::layers::Layer;
use crate::sources::find_layer;
use crate::state::Layered;

/// A tar in the store, and what unpacking it would give.
#[derive(Debug, Clone)]
pub(crate) struct TarContext {
    layer: Arc<Layer>,
    tree: Arc<Tree>,
}

impl TarContext {
    /// A tree of a layer's files as a context.
    pub(crate) fn new(layer: Arc<Layer>, tree: Tree) -> Self {
        Self {
            layer,
            tree: Arc::new(tree),
        }
    }

    /// What unpacking a layer with its index gives, as a context.
    pub(crate) fn unpacked(layer: Arc<Layer>) -> Result<Self, StackError> {
        let tree = match layer.index() {
            Some(index) => Tree::unpacked(Arc::clone(index))?,
            None => Tree::empty(LayerFormat::Linux),
        };
        Ok(Self::new(layer, tree))
    }

    /// The blob.
    pub(crate) fn blob(&self) -> &BlobDigest {
        &self.layer.descriptor.digest
    }

    /// Whether something is at `path`, ignored or not.
    pub(crate) fn contains(&self, path: &[u8]) -> bool {
        self.tree.lookup(self.tree.root(), path, false).is_ok()
    }

    /// Reads a file of at most `limit` bytes; `None` if there is none at `path`.
    pub(crate) fn read_file(
        &self,
        path: &[u8],
        limit: u64,
        store: &Store,
    ) -> io::Result<Option<Vec<u8>>> {
        let Ok(node) = self.tree.lookup(self.tree.root(), path, true) else {
            return Ok(None);
        };
        let Some(Kind::File(content)) = self.tree.entry(node).map(|entry| entry.kind) else {
            return Ok(None);
        };
        let layers = [Arc::clone(&self.layer)];
        let find = |diff_id: &_| find_layer(&layers, diff_id);
        read_small(&content, limit, &find, store).map(Some)
    }

    /// The context but for what `ignore` leaves out. Directories that the tar does not state have
    /// the time `default_time`.
    pub(crate) fn listed(&self, ignore: &IgnorePatterns, default_time: Timestamp) -> Layered {
        let mut walk = IgnoreWalk::new(ignore);
        let mut visited: Vec<(Vec<u8>, NodeId)> = Vec::new();
        // A stack of our own, because the depth of a tree is the tar's to choose.
        let mut pending = vec![(Vec::new(), self.tree.root())];
        while let Some((path, directory)) = pending.pop() {
            for node in self.tree.children(directory) {
                let mut below = path.clone();
                if !below.is_empty() {
                    below.push(b'/');
                }
                below.extend_from_slice(self.tree.name(node));
                let is_directory = self.tree.is_directory(node);
                if walk.visit(&below, is_directory) != Visit::Include {
                    continue;
                }
                visited.push((below.clone(), node));
                if is_directory {
                    pending.push((below, node));
                }
            }
        }
        let hollow = walk.hollow(visited.iter().map(|(path, _)| &path[..]));
        let mut tree = Tree::empty(LayerFormat::Linux);
        let mut made: HashMap<NodeId, NodeId> = HashMap::new();
        let mut linked: HashMap<Source, NodeId> = HashMap::new();
        made.insert(self.tree.root(), tree.root());
        for (_, node) in visited.iter().filter(|(path, _)| !hollow.contains(path)) {
            let Some(&parent) = made.get(&self.tree.parent(*node)) else {
                continue;
            };
            let name = Name::plain(self.tree.name(*node));
            let source = self.tree.source(*node);
            if let Some(&first) = linked.get(&source) {
                tree.insert_hard_link(parent, &name, first);
                continue;
            }
            let entry = match self.tree.entry(*node) {
                Some(entry) => of_a_context(entry),
                None => Entry::new(Kind::Directory, 0o755, default_time, LayerFormat::Linux),
            };
            let is_directory = entry.kind.is_directory();
            let new = tree.insert(parent, &name, entry);
            match is_directory {
                true => made.insert(*node, new),
                false => linked.insert(source, new),
            };
        }
        let layers = vec![Arc::clone(&self.layer)];
        Layered::files(layers, self.layer.image.clone(), tree)
    }

    /// A context without a file.
    pub(crate) fn nothing() -> Layered {
        Layered::files(Vec::new(), String::new(), Tree::empty(LayerFormat::Linux))
    }
}

/// An entry with what counts of it in a context: no owner, and no attributes that are facts of
/// the system it was on, as of a folder's files.
fn of_a_context(entry: Entry) -> Entry {
    let mut made = Entry::new(
        entry.kind,
        entry.posix.mode,
        entry.times.modified,
        LayerFormat::Linux,
    );
    let kept = |name: &[u8]| name == b"security.capability" || name.starts_with(b"user.");
    let xattrs = entry.posix.xattrs.into_iter();
    made.posix = PosixMetadata {
        xattrs: xattrs.filter(|(name, _)| kept(name)).collect(),
        ..made.posix
    };
    made
}
