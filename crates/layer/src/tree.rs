//! The tree of an image: the indexes of its layers stacked, nothing unpacked.
//!
//! A tree is the same on every host. It looks names up as its system does: Linux by bytes,
//! Windows without regard to case, keeping the first spelling.

mod resolve;
mod stack;
mod unpacked;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::Timestamp;
use crate::codec::{content_of, decode};
use crate::entry::{Content, Entry, Kind, LayerFormat, Stream};
use crate::index::{LayerIndex, RawEntry};
use crate::names::upcase;
use crate::record_keys;
use crate::tar::TarKind;
use crate::translate::Name;

pub(crate) use resolve::components;
pub use resolve::{ResolveError, ResolveErrorKind, Resolved};
pub use stack::{StackChange, StackError, StackErrorKind};

/// A node of a [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

/// Which bytes and metadata a node has. Two nodes of one tree with the same origin are hard links
/// of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A directory that is only implied by the names of its children.
    Implied,
    /// An entry of a layer.
    Layer {
        /// Place of the layer, lowest first.
        layer: u32,
        /// Place in its index.
        entry: u32,
    },
    /// An entry that was put into the tree by hand.
    Owned(u32),
}

#[derive(Debug, Clone)]
struct Node {
    parent: NodeId,
    name: Box<[u8]>,
    original_name: OriginalName,
    source: Source,
    children: BTreeMap<Box<[u8]>, NodeId>,
}

/// Name and entry of an alternate stream.
type StreamPlace = (Box<[u8]>, u32);

/// Where `CROSSDOCK.name` of a node stands: a hard link has a name of its own.
#[derive(Debug, Clone)]
enum OriginalName {
    None,
    Layer { layer: u32, entry: u32 },
    Owned(Box<[u8]>),
}

/// A file tree of one system.
#[derive(Debug, Clone)]
pub struct Tree {
    format: LayerFormat,
    layers: Vec<Arc<LayerIndex>>,
    nodes: Vec<Node>,
    owned: Vec<Arc<Entry>>,
    /// Alternate streams by layer and entry of their owner.
    streams: HashMap<(u32, u32), Vec<StreamPlace>>,
    /// The root that programs see: on Windows, `Files`.
    root: NodeId,
    /// The descriptor of `Files`, which a higher layer does not remove by having none.
    root_descriptor: Option<Arc<[u8]>>,
}

/// What a node is, without its metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeKind<'a> {
    /// A directory.
    Directory,
    /// A symbolic link or junction, with its text.
    Symlink(Cow<'a, [u8]>),
    /// A regular file.
    File,
    /// A device or pipe.
    Special,
}

/// The root of the archive, above `Files`, `Hives` and `UtilityVM` of a Windows tree.
const TOP: NodeId = NodeId(0);

impl Tree {
    /// A tree without anything.
    pub fn empty(format: LayerFormat) -> Self {
        let mut tree = Self {
            format,
            layers: Vec::new(),
            nodes: vec![Node {
                parent: TOP,
                name: Box::from([]),
                original_name: OriginalName::None,
                source: Source::Implied,
                children: BTreeMap::new(),
            }],
            owned: Vec::new(),
            streams: HashMap::new(),
            root: TOP,
            root_descriptor: None,
        };
        if format == LayerFormat::Windows {
            tree.root = tree.attach(TOP, b"Files", OriginalName::None, Source::Implied);
        }
        tree
    }

    /// The tree of an image's layers, lowest first.
    pub fn stack(
        format: LayerFormat,
        layers: impl IntoIterator<Item = Arc<LayerIndex>>,
    ) -> Result<Self, StackError> {
        let mut tree = Self::empty(format);
        for layer in layers {
            tree.add_layer(layer)?;
        }
        Ok(tree)
    }

    /// Whose rules the tree follows.
    pub fn format(&self) -> LayerFormat {
        self.format
    }

    /// The directory that programs see as `/` or `C:\`.
    pub fn root(&self) -> NodeId {
        self.root
    }

    /// The root of the archive: of a Windows tree the directory above `Files`, `Hives` and
    /// `UtilityVM`, which no program sees.
    pub fn top(&self) -> NodeId {
        TOP
    }

    /// The layers, lowest first.
    pub fn layers(&self) -> &[Arc<LayerIndex>] {
        &self.layers
    }

    /// The child of a directory, by the system's rule for case. The name is a stored one.
    pub fn child(&self, directory: NodeId, name: &[u8]) -> Option<NodeId> {
        self.node(directory).children.get(&*self.key(name)).copied()
    }

    /// The children of a directory. Their order is the tree's own; it does not depend on the
    /// order of layers.
    pub fn children(&self, directory: NodeId) -> impl Iterator<Item = NodeId> {
        self.node(directory).children.values().copied()
    }

    /// The directory that holds a node; of the root, itself.
    pub fn parent(&self, node: NodeId) -> NodeId {
        if node == self.root {
            node
        } else {
            self.node(node).parent
        }
    }

    /// The stored name of a node, empty for the root.
    pub fn name(&self, node: NodeId) -> &[u8] {
        if node == self.root {
            &[]
        } else {
            &self.node(node).name
        }
    }

    /// The name with its record.
    pub fn full_name(&self, node: NodeId) -> Name {
        let original = match &self.node(node).original_name {
            OriginalName::None => None,
            OriginalName::Owned(name) => Some(name.to_vec()),
            OriginalName::Layer { layer, entry } => self
                .raw(*layer, *entry)
                .record(record_keys::NAME)
                .map(<[u8]>::to_vec),
        };
        Name {
            stored: self.name(node).to_vec(),
            original,
        }
    }

    /// The stored path of a node below the root, without a leading slash; empty for the root.
    pub fn path(&self, node: NodeId) -> Vec<u8> {
        let mut names = Vec::new();
        let mut current = node;
        while current != self.root && current != TOP {
            names.push(&*self.node(current).name);
            current = self.node(current).parent;
        }
        names.reverse();
        names.join(&b'/')
    }

    /// Which bytes and metadata the node has.
    pub fn source(&self, node: NodeId) -> Source {
        self.node(node).source
    }

    /// What the node is.
    pub fn kind(&self, node: NodeId) -> NodeKind<'_> {
        self.kind_of(self.node(node).source)
    }

    fn kind_of(&self, source: Source) -> NodeKind<'_> {
        match source {
            Source::Implied => NodeKind::Directory,
            Source::Layer { layer, entry } => {
                let raw = self.raw(layer, entry);
                match raw.kind() {
                    TarKind::Directory => NodeKind::Directory,
                    TarKind::Symlink => NodeKind::Symlink(Cow::Borrowed(raw.link())),
                    TarKind::File | TarKind::HardLink => NodeKind::File,
                    TarKind::CharDevice | TarKind::BlockDevice | TarKind::Fifo => NodeKind::Special,
                }
            }
            Source::Owned(place) => match &self.owned[place as usize].kind {
                Kind::Directory => NodeKind::Directory,
                Kind::Symlink(text) => NodeKind::Symlink(Cow::Borrowed(text)),
                Kind::File(_) => NodeKind::File,
                Kind::CharDevice(..) | Kind::BlockDevice(..) | Kind::Fifo => NodeKind::Special,
            },
        }
    }

    /// Whether the node is a directory.
    pub fn is_directory(&self, node: NodeId) -> bool {
        self.kind(node) == NodeKind::Directory
    }

    fn is_directory_source(&self, source: Source) -> bool {
        self.kind_of(source) == NodeKind::Directory
    }

    /// Bytes that a layer holds for an entry: of the file without its holes, and of its alternate
    /// streams.
    pub fn stored_bytes(&self, source: Source) -> u64 {
        let (layer, entry) = match source {
            Source::Layer { layer, entry } => (layer, entry),
            Source::Implied => return 0,
            Source::Owned(place) => {
                return match &self.owned[place as usize].kind {
                    Kind::File(content) => content.size(),
                    _ => 0,
                };
            }
        };
        let length = |entry| self.raw(layer, entry).extent().length;
        let streams = self.streams.get(&(layer, entry)).into_iter().flatten();
        let streams = streams.map(|(_, stream)| length(*stream));
        streams.fold(length(entry), u64::saturating_add)
    }

    /// The node's entry, decoded. `None` for a directory that no layer states.
    pub fn entry(&self, node: NodeId) -> Option<Entry> {
        let mut entry = self.entry_of(self.source(node))?;
        if node == self.root && entry.win32.descriptor.is_none() {
            entry.win32.descriptor.clone_from(&self.root_descriptor);
        }
        Some(entry)
    }

    /// The entry that a source stands for, decoded; also of one that no node has any more.
    pub fn entry_of(&self, source: Source) -> Option<Entry> {
        match source {
            Source::Implied => None,
            Source::Owned(place) => Some((*self.owned[place as usize]).clone()),
            Source::Layer { layer, entry } => Some(self.layer_entry(layer, entry)),
        }
    }

    /// The descriptor of a node, if its entry has one.
    pub fn descriptor(&self, node: NodeId) -> Option<Arc<[u8]>> {
        let found = match self.node(node).source {
            Source::Implied => None,
            Source::Owned(place) => self.owned[place as usize].win32.descriptor.clone(),
            Source::Layer { layer, entry } => {
                decode(&self.raw(layer, entry), self.format)
                    .win32
                    .descriptor
            }
        };
        found.or_else(|| {
            if node == self.root {
                self.root_descriptor.clone()
            } else {
                None
            }
        })
    }

    /// Puts an entry into a directory, in place of what bears its name. A directory put over a
    /// directory keeps the children.
    pub fn insert(&mut self, directory: NodeId, name: &Name, entry: Entry) -> NodeId {
        let source = self.own(entry);
        self.insert_source(directory, name, source)
    }

    /// Gives the root an entry.
    pub fn set_root(&mut self, entry: Entry) {
        let source = self.own(entry);
        self.nodes[self.root.0 as usize].source = source;
    }

    /// Adds another name of the file `of`.
    pub fn insert_hard_link(&mut self, directory: NodeId, name: &Name, of: NodeId) -> NodeId {
        self.insert_source(directory, name, self.source(of))
    }

    /// Replaces the entry of an existing node, for all its names.
    pub(crate) fn replace_entry(&mut self, node: NodeId, entry: Entry) {
        match self.node(node).source {
            Source::Owned(place) => self.owned[place as usize] = Arc::new(entry),
            _ => {
                let source = self.own(entry);
                self.nodes[node.0 as usize].source = source;
            }
        }
    }

    /// An entry of `kind` that this tree made, shared with it.
    pub(crate) fn owned(&self, node: NodeId) -> Option<&Arc<Entry>> {
        match self.node(node).source {
            Source::Owned(place) => Some(&self.owned[place as usize]),
            _ => None,
        }
    }

    /// Every node below `node` and itself, parents before children.
    pub fn walk(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        let mut pending = vec![node];
        std::iter::from_fn(move || {
            let next = pending.pop()?;
            pending.extend(self.node(next).children.values().rev());
            Some(next)
        })
    }

    /// The time that the newest of the tree's layers and entries states; for directories that
    /// nobody states. (Only for display.)
    pub fn modified(&self, node: NodeId) -> Option<Timestamp> {
        self.entry(node).map(|entry| entry.times.modified)
    }

    fn insert_source(&mut self, directory: NodeId, name: &Name, source: Source) -> NodeId {
        let original = name.original.as_deref();
        let original = original.map_or(OriginalName::None, |name| OriginalName::Owned(name.into()));
        match self.child(directory, &name.stored) {
            None => self.attach(directory, &name.stored, original, source),
            Some(node) => {
                self.nodes[node.0 as usize].original_name = original;
                self.replace(node, source);
                node
            }
        }
    }

    fn own(&mut self, entry: Entry) -> Source {
        self.owned.push(Arc::new(entry));
        Source::Owned(self.owned.len() as u32 - 1)
    }

    /// Gives a node another source; children stay only from directory to directory.
    fn replace(&mut self, node: NodeId, source: Source) {
        let before = self.is_directory(node);
        self.nodes[node.0 as usize].source = source;
        if !(before && self.is_directory(node)) {
            self.nodes[node.0 as usize].children.clear();
        }
    }

    fn attach(
        &mut self,
        parent: NodeId,
        name: &[u8],
        original_name: OriginalName,
        source: Source,
    ) -> NodeId {
        let node = NodeId(self.nodes.len() as u32);
        let key = self.key(name).into_owned().into_boxed_slice();
        let children = BTreeMap::new();
        self.nodes.push(Node {
            parent,
            name: name.into(),
            original_name,
            source,
            children,
        });
        self.nodes[parent.0 as usize].children.insert(key, node);
        node
    }

    fn layer_entry(&self, layer: u32, place: u32) -> Entry {
        let raw = self.raw(layer, place);
        let mut entry = decode(&raw, self.format);
        let diff_id = self.layers[layer as usize].diff_id();
        if let Kind::File(content) = &mut entry.kind {
            *content = content_of(&raw, diff_id);
        }
        for (name, stream) in self.streams.get(&(layer, place)).into_iter().flatten() {
            let content: Content = content_of(&self.raw(layer, *stream), diff_id);
            entry.streams.push(Stream {
                name: name.to_vec(),
                content,
            });
        }
        entry
    }

    fn key<'a>(&self, name: &'a [u8]) -> Cow<'a, [u8]> {
        match self.format {
            LayerFormat::Linux => Cow::Borrowed(name),
            LayerFormat::Windows => Cow::Owned(upcase(name)),
        }
    }

    fn node(&self, node: NodeId) -> &Node {
        &self.nodes[node.0 as usize]
    }

    fn raw(&self, layer: u32, entry: u32) -> RawEntry<'_> {
        self.layers[layer as usize].entry(entry as usize)
    }
}

#[cfg(test)]
mod tests;
