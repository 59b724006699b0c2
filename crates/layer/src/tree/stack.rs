//! Putting a layer upon a tree, by its system's rules.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use crossdock_image::DiffId;

use crate::entry::LayerFormat;
use crate::index::LayerIndex;
use crate::names::upcase;
use crate::record_keys;
use crate::tar::TarKind;
use crate::tree::resolve::components;
use crate::tree::{NodeId, OriginalName, ResolveErrorKind, Source, TOP, Tree};

/// A layer that cannot be stacked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("layer {layer}, entry {:?}: {kind}", String::from_utf8_lossy(.path))]
pub struct StackError {
    /// The layer's diff id.
    pub layer: DiffId,
    /// The entry's name.
    pub path: Vec<u8>,
    /// What is wrong.
    pub kind: StackErrorKind,
}

/// What is wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StackErrorKind {
    /// Two entries of one layer have the same name.
    #[error("the name stands twice in the layer")]
    Duplicate,
    /// A name that begins at the root of a host.
    #[error("the name is absolute; names in a layer are relative to its root")]
    AbsoluteName,
    /// A hard link to nothing.
    #[error("hard link to {:?}, which does not exist", String::from_utf8_lossy(.0))]
    MissingTarget(Vec<u8>),
    /// A hard link to a directory.
    #[error("hard link to {:?}, which is a directory", String::from_utf8_lossy(.0))]
    LinkToDirectory(Vec<u8>),
    /// Hard links lead in a circle.
    #[error("hard links lead in a circle")]
    LinkCycle,
    /// The directory of the entry cannot be reached.
    #[error("its directory cannot be reached: {0}")]
    Parent(ResolveErrorKind),
    /// A whiteout that names nothing.
    #[error("a whiteout without a name")]
    EmptyWhiteout,
    /// A whiteout in the lowest layer of a Windows image.
    #[error("a whiteout in a base layer, which Windows refuses")]
    WhiteoutInBase,
    /// A name that cannot be part of a Windows layer: importing it would fail.
    #[error(
        "the name holds a backslash, colon or another character that Windows refuses, so no \
         Windows could import the layer"
    )]
    WindowsName,
    /// Not a Windows layer at all.
    #[error(
        "the layer has neither Files nor Hives nor UtilityVM: it was written as a Linux layer, \
         although its image says Windows"
    )]
    NotWindows,
}

/// The prefix of whiteouts (image-spec layer.md, "Whiteouts").
pub(crate) const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
/// What AUFS used for its own files; readers pass over them.
const WHITEOUT_META: &[u8] = b".wh..wh.";

/// A hard link that waits until all files are there.
struct Pending {
    entry: u32,
    /// What its target was beneath this layer.
    before: Option<Source>,
    state: PendingState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum PendingState {
    Waiting,
    Resolving,
    Done,
}

/// What a layer does to the tree beneath it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StackChange {
    /// A node is taken away with all below it; told while it is still there.
    Removed {
        /// The node.
        node: NodeId,
        /// Its directory is said to be empty; else a whiteout has its name.
        is_opaque: bool,
    },
    /// A node gets another entry; told while it has the old one. What is below it stays if both
    /// are directories, and goes if not.
    Replaced {
        /// The node.
        node: NodeId,
        /// What it becomes.
        source: Source,
        /// Whether what is below it stays.
        keeps_children: bool,
    },
    /// A name that was not there has come.
    Added {
        /// Its node.
        node: NodeId,
    },
}

/// Hears of what a layer does.
type Watch<'a> = &'a mut dyn FnMut(&Tree, StackChange);

struct Stacker<'a> {
    tree: &'a mut Tree,
    watch: Watch<'a>,
    index: Arc<LayerIndex>,
    layer: u32,
    /// Nodes that this layer has stated.
    stated: HashSet<NodeId>,
    links: Vec<Pending>,
    /// Links by the path that they will have.
    links_by_path: HashMap<Vec<u8>, usize>,
    /// The place of the last entry whose directory was reached without links, how much of its
    /// name leads there, and the directory: the next entry is mostly in the same one.
    last: Option<(u32, usize, NodeId)>,
}

/// A name without a slash at its end, cut before its last component.
fn split_name(path: &[u8]) -> (&[u8], &[u8]) {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    let start = path.iter().rposition(|&byte| byte == b'/');
    path.split_at(start.map_or(0, |at| at + 1))
}

type Step<T> = Result<T, StackErrorKind>;

impl Tree {
    /// Puts a layer on top.
    pub fn add_layer(&mut self, index: Arc<LayerIndex>) -> Result<(), StackError> {
        self.add_layer_watched(index, &mut |_, _| ())
    }

    /// Puts a layer on top; `watch` hears of each change. Nodes that went keep their names
    /// and parents, so that their paths can still be asked for. Directories that the layer only
    /// implies are not told.
    pub fn add_layer_watched(
        &mut self,
        index: Arc<LayerIndex>,
        watch: &mut dyn FnMut(&Self, StackChange),
    ) -> Result<(), StackError> {
        let layer = self.layers.len() as u32;
        self.layers.push(Arc::clone(&index));
        self.nodes.reserve(index.len());
        let stacker = Stacker {
            tree: self,
            watch,
            index,
            layer,
            stated: HashSet::new(),
            links: Vec::new(),
            links_by_path: HashMap::new(),
            last: None,
        };
        stacker.run()
    }
}

impl Stacker<'_> {
    fn run(mut self) -> Result<(), StackError> {
        let index = Arc::clone(&self.index);
        let error = |entry: usize, kind| StackError {
            layer: index.diff_id(),
            path: index.entry(entry).path().to_vec(),
            kind,
        };
        self.check_format().map_err(|kind| error(0, kind))?;
        // `/` alone names the root (kaniko writes it).
        let is_absolute = |path: &[u8]| path.starts_with(b"/") && components(path).next().is_some();
        if let Some(entry) = index.entries().position(|raw| is_absolute(raw.path())) {
            return Err(error(entry, StackErrorKind::AbsoluteName));
        }
        // Windows applies links after whiteouts, yet from the parent's own tree: look first.
        for entry in 0..index.len() {
            self.note_link(entry as u32)
                .map_err(|kind| error(entry, kind))?;
        }
        for entry in 0..index.len() {
            self.whiteout(entry as u32)
                .map_err(|kind| error(entry, kind))?;
        }
        let mut owner: Option<u32> = None;
        for entry in 0..index.len() {
            let place = entry as u32;
            if self.stream(place, owner) {
                continue;
            }
            owner = Some(place);
            self.place(place).map_err(|kind| error(entry, kind))?;
        }
        for link in 0..self.links.len() {
            let entry = self.links[link].entry as usize;
            self.link(link).map_err(|kind| error(entry, kind))?;
        }
        Ok(())
    }

    fn check_format(&self) -> Step<()> {
        let known = |path: &[u8]| {
            let first = components(path).next().unwrap_or_default();
            [&b"Files"[..], b"Hives", b"UtilityVM"].contains(&first)
        };
        let windows = self.tree.format == LayerFormat::Windows;
        if windows && !self.index.is_empty() && !self.index.entries().any(|e| known(e.path())) {
            return Err(StackErrorKind::NotWindows);
        }
        Ok(())
    }

    fn note_link(&mut self, entry: u32) -> Step<()> {
        let index = Arc::clone(&self.index);
        let raw = index.entry(entry as usize);
        if raw.kind() != TarKind::HardLink || is_whiteout(raw.path()) {
            return Ok(());
        }
        let target = self.tree.resolve(TOP, raw.link(), false);
        let before = target.ok().filter(|found| found.missing.is_empty());
        let before = before.map(|found| self.tree.source(found.node));
        let key = self.path_key(raw.path());
        if self.links_by_path.insert(key, self.links.len()).is_some() {
            return Err(StackErrorKind::Duplicate);
        }
        self.links.push(Pending {
            entry,
            before,
            state: PendingState::Waiting,
        });
        Ok(())
    }

    fn whiteout(&mut self, entry: u32) -> Step<()> {
        let index = Arc::clone(&self.index);
        let path = index.entry(entry as usize).path();
        let Some(name) = whiteout_name(path) else {
            return Ok(());
        };
        let windows = self.tree.format == LayerFormat::Windows;
        if windows && self.layer == 0 {
            return Err(StackErrorKind::WhiteoutInBase);
        }
        let opaque = !windows && name == OPAQUE;
        if !opaque && !windows && name.starts_with(WHITEOUT_META) {
            return Ok(());
        }
        if matches!(&name[WHITEOUT.len()..], b"" | b"." | b"..") {
            return Err(StackErrorKind::EmptyWhiteout);
        }
        let directory = &path[..path.len() - name.len()];
        let Ok(found) = self.tree.resolve(TOP, directory, true) else {
            return Ok(());
        };
        if !found.missing.is_empty() {
            return Ok(());
        }
        let key = self.tree.key(&name[WHITEOUT.len()..]).into_owned();
        let removed: Vec<NodeId> = match opaque {
            true => self.tree.children(found.node).collect(),
            false => {
                let named = self.tree.child(found.node, &name[WHITEOUT.len()..]);
                named.into_iter().collect()
            }
        };
        for node in removed {
            let change = StackChange::Removed {
                node,
                is_opaque: opaque,
            };
            (self.watch)(self.tree, change);
        }
        let children = &mut self.tree.nodes[found.node.0 as usize].children;
        if opaque {
            children.clear();
        } else {
            children.remove(&*key);
        }
        self.restore_root();
        Ok(())
    }

    /// A layer may remove everything, but the root stays.
    fn restore_root(&mut self) {
        let root = self.tree.root;
        if root != TOP && self.tree.child(TOP, b"Files").is_none() {
            self.tree.nodes[root.0 as usize].children.clear();
            self.tree.nodes[root.0 as usize].source = Source::Implied;
            let key = self.tree.key(b"Files").into_owned().into_boxed_slice();
            self.tree.nodes[TOP.0 as usize].children.insert(key, root);
        }
    }

    /// Notes an alternate stream of the entry before.
    fn stream(&mut self, entry: u32, owner: Option<u32>) -> bool {
        let (Some(owner), LayerFormat::Windows) = (owner, self.tree.format) else {
            return false;
        };
        let raw = self.index.entry(entry as usize);
        let name = raw
            .path()
            .strip_prefix(self.index.entry(owner as usize).path());
        let Some(name) = name.and_then(|rest| rest.strip_prefix(b":")) else {
            return false;
        };
        if raw.kind() != TarKind::File || name.is_empty() || name.contains(&b'/') {
            return false;
        }
        let name = name.strip_suffix(b":$DATA").unwrap_or(name);
        self.tree
            .streams
            .entry((self.layer, owner))
            .or_default()
            .push((name.into(), entry));
        true
    }

    fn place(&mut self, entry: u32) -> Step<()> {
        let index = Arc::clone(&self.index);
        let raw = index.entry(entry as usize);
        if is_whiteout(raw.path()) {
            return Ok(());
        }
        self.check_name(raw.path())?;
        if raw.kind() == TarKind::HardLink {
            return Ok(());
        }
        let source = Source::Layer {
            layer: self.layer,
            entry,
        };
        let (parents, name) = split_name(raw.path());
        if let Some((other, length, directory)) = self.last
            && index.entry(other as usize).path()[..length] == *parents
            && !matches!(name, b"" | b".")
        {
            return self.put(directory, name, entry, source);
        }
        let length = parents.len();
        let parts: Vec<&[u8]> = components(raw.path()).collect();
        let Some((name, parents)) = parts.split_last() else {
            // The root itself.
            if raw.kind() == TarKind::Directory {
                let change = StackChange::Replaced {
                    node: TOP,
                    source,
                    keeps_children: true,
                };
                (self.watch)(self.tree, change);
                self.tree.nodes[TOP.0 as usize].source = source;
            }
            return Ok(());
        };
        let directory = self.directory(parents)?;
        // What is reached through a link is reached anew: an entry may replace the link.
        self.last = self
            .is_plain(directory, parents)
            .then_some((entry, length, directory));
        self.put(directory, name, entry, source)
    }

    /// Whether `parents` are the names of the directory and of those that it is in.
    fn is_plain(&self, directory: NodeId, parents: &[&[u8]]) -> bool {
        let mut node = directory;
        for name in parents.iter().rev() {
            let found = &self.tree.nodes[node.0 as usize];
            if node == TOP || *found.name != **name {
                return false;
            }
            node = found.parent;
        }
        node == TOP
    }

    fn check_name(&self, path: &[u8]) -> Step<()> {
        let refused = |byte: &u8| *byte < b' ' || br#"\:*?"<>|"#.contains(byte);
        if self.tree.format == LayerFormat::Windows && path.iter().any(refused) {
            return Err(StackErrorKind::WindowsName);
        }
        Ok(())
    }

    fn put(&mut self, directory: NodeId, name: &[u8], entry: u32, source: Source) -> Step<()> {
        let original = OriginalName::Layer {
            layer: self.layer,
            entry,
        };
        let recorded = self
            .index
            .entry(entry as usize)
            .record(record_keys::NAME)
            .is_some();
        let original = if recorded {
            original
        } else {
            OriginalName::None
        };
        let Some(node) = self.tree.child(directory, name) else {
            let node = self.tree.attach(directory, name, original, source);
            self.stated.insert(node);
            (self.watch)(self.tree, StackChange::Added { node });
            return Ok(());
        };
        if !self.stated.insert(node) {
            // Linux tars repeat directories; readers take the last.
            let again = self.index.entry(entry as usize).kind() == TarKind::Directory;
            let linux = self.tree.format == LayerFormat::Linux;
            if !(again && linux && self.tree.is_directory(node)) {
                return Err(StackErrorKind::Duplicate);
            }
        }
        if node == self.tree.root {
            self.tree.root_descriptor = self.tree.descriptor(node);
        }
        let keeps_children = self.tree.is_directory(node) && self.tree.is_directory_source(source);
        let change = StackChange::Replaced {
            node,
            source,
            keeps_children,
        };
        (self.watch)(self.tree, change);
        self.tree.replace(node, source);
        self.tree.nodes[node.0 as usize].original_name = original;
        Ok(())
    }

    /// The directory that `parents` name, through links, made if it is not there.
    fn directory(&mut self, parents: &[&[u8]]) -> Step<NodeId> {
        let path = parents.join(&b'/');
        let found = self.tree.resolve(TOP, &path, true);
        let found = found.map_err(|error| StackErrorKind::Parent(error.kind))?;
        let mut node = found.node;
        for name in &found.missing {
            node = self
                .tree
                .attach(node, name, OriginalName::None, Source::Implied);
        }
        if !self.tree.is_directory(node) {
            let path = self.tree.path(node);
            return Err(StackErrorKind::Parent(ResolveErrorKind::NotADirectory(
                path,
            )));
        }
        Ok(node)
    }

    /// Places a hard link, its target before it if that is a link too.
    ///
    /// Chains are followed with a stack of our own: a layer may hold millions of links.
    fn link(&mut self, first: usize) -> Step<()> {
        let mut chain = VecDeque::from([first]);
        while let Some(&place) = chain.front() {
            match self.links[place].state {
                PendingState::Done => {
                    chain.pop_front();
                    continue;
                }
                PendingState::Waiting => {
                    self.links[place].state = PendingState::Resolving;
                    let index = Arc::clone(&self.index);
                    let raw = index.entry(self.links[place].entry as usize);
                    if let Some(&next) = self.links_by_path.get(&self.path_key(raw.link())) {
                        match self.links[next].state {
                            PendingState::Waiting => {
                                chain.push_front(next);
                                continue;
                            }
                            PendingState::Resolving => return Err(StackErrorKind::LinkCycle),
                            PendingState::Done => {}
                        }
                    }
                }
                PendingState::Resolving => {}
            }
            self.place_link(place)?;
            self.links[place].state = PendingState::Done;
        }
        Ok(())
    }

    fn place_link(&mut self, place: usize) -> Step<()> {
        let index = Arc::clone(&self.index);
        let entry = self.links[place].entry;
        let raw = index.entry(entry as usize);
        let target = raw.link();
        let found = self.tree.resolve(TOP, target, false).ok();
        let found = found
            .filter(|found| found.missing.is_empty())
            .map(|found| found.node);
        let source = match found
            .map(|node| self.tree.source(node))
            .or(self.links[place].before)
        {
            Some(source) => source,
            None => return Err(StackErrorKind::MissingTarget(target.to_vec())),
        };
        let directory = match source {
            Source::Implied => true,
            Source::Owned(_) => found.is_some_and(|node| self.tree.is_directory(node)),
            Source::Layer { layer, entry } => {
                self.tree.raw(layer, entry).kind() == TarKind::Directory
            }
        };
        if directory {
            return Err(StackErrorKind::LinkToDirectory(target.to_vec()));
        }
        let parts: Vec<&[u8]> = components(raw.path()).collect();
        let (name, parents) = parts.split_last().ok_or(StackErrorKind::Duplicate)?;
        let parent = self.directory(parents)?;
        self.put(parent, name, entry, source)
    }

    /// A path as it is compared.
    fn path_key(&self, path: &[u8]) -> Vec<u8> {
        let joined = components(path).collect::<Vec<_>>().join(&b'/');
        match self.tree.format {
            LayerFormat::Linux => joined,
            LayerFormat::Windows => upcase(&joined),
        }
    }
}

/// The last component of a whiteout's path.
fn whiteout_name(path: &[u8]) -> Option<&[u8]> {
    let name = path.strip_suffix(b"/").unwrap_or(path);
    let name = name.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    (name.starts_with(WHITEOUT) && !path.ends_with(b"/")).then_some(name)
}

fn is_whiteout(path: &[u8]) -> bool {
    whiteout_name(path).is_some()
}
