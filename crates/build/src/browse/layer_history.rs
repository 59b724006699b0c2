//! What each layer of an image does to a path.

use std::collections::HashMap;
use std::sync::Arc;

use crossdock_layer::{
    Entry, LayerFormat, LayerIndex, NodeId, Source, StackChange, StackError, Tree,
};

use super::diff::{Field, FieldChange, entry_differences};
use super::du::path_anywhere;
use super::path::find_path;

/// What one layer did to a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathStep {
    /// The layer, from 0.
    pub layer: usize,
    /// What it did.
    pub change: PathChange,
    /// What took away what was there, also where the layer put something in its place.
    pub removal: Option<Removal>,
    /// What is there now; `None` if there is nothing, or a directory of which no layer tells
    /// anything.
    pub entry: Option<Entry>,
}

/// What happened to a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathChange {
    /// It came.
    Added,
    /// It came as a directory that only the names of others imply.
    Implied,
    /// It is another thing, or has other content.
    Replaced(Vec<FieldChange>),
    /// Its content is the same, and what is told of it differs.
    Metadata(Vec<FieldChange>),
    /// It is in the layer again and nothing differs.
    Repeated,
    /// It went.
    Removed,
}

/// What took a path away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// How.
    pub way: RemovalWay,
    /// The path, or the directory above it, that was taken away, as people write it; of an opaque
    /// directory that directory.
    pub path: Vec<u8>,
    /// It was not the path itself but a directory that it is in.
    pub is_above: bool,
}

/// How something is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemovalWay {
    /// By a whiteout.
    Whiteout,
    /// Its directory began anew.
    Opaque,
    /// A directory became something else.
    Replaced,
}

/// A path as stored names below the root.
pub(super) type Names = Vec<Vec<u8>>;

/// The names of a stored path.
pub(super) fn names_of(path: &[u8]) -> Names {
    path.split(|&byte| byte == b'/')
        .filter(|name| !name.is_empty())
        .map(<[u8]>::to_vec)
        .collect()
}

/// What every layer did to each of `paths`; `layers` are the image's, lowest first.
pub(super) fn path_histories(
    format: LayerFormat,
    layers: &[Arc<LayerIndex>],
    paths: &[Names],
) -> Result<Vec<Vec<PathStep>>, StackError> {
    let mut tree = Tree::empty(format);
    let mut tracks: Vec<Track<'_>> = paths.iter().map(|names| Track::new(&tree, names)).collect();
    for (layer, index) in layers.iter().enumerate() {
        let mut removals = Removals::of(&tracks);
        let watch = &mut |tree: &Tree, change| removals.watch(tree, change);
        tree.add_layer_watched(Arc::clone(index), watch)?;
        for (place, track) in tracks.iter_mut().enumerate() {
            track.step(&tree, layer, removals.first.remove(&place));
        }
    }
    Ok(tracks.into_iter().map(|track| track.steps).collect())
}

/// Where each of `paths` was when it was last there, and `None` if it never was.
pub(super) fn last_places(
    format: LayerFormat,
    layers: &[Arc<LayerIndex>],
    paths: &[&[u8]],
) -> Result<Vec<Option<Names>>, StackError> {
    let mut tree = Tree::empty(format);
    let mut last = vec![None; paths.len()];
    for index in layers {
        tree.add_layer(Arc::clone(index))?;
        for (place, path) in last.iter_mut().zip(paths) {
            if let Ok(found) = find_path(&tree, path, false) {
                *place = Some(names_of(&tree.path(found.node)));
            }
        }
    }
    Ok(last)
}

/// A path while layers are stacked.
struct Track<'p> {
    names: &'p Names,
    /// The nodes from the root to the path, as far as they are there.
    nodes: Vec<NodeId>,
    state: State,
    steps: Vec<PathStep>,
}

enum State {
    Absent,
    Implied,
    Stated(Source, Box<Entry>),
}

impl<'p> Track<'p> {
    fn new(tree: &Tree, names: &'p Names) -> Self {
        let mut track = Self {
            names,
            nodes: Vec::new(),
            state: State::Absent,
            steps: Vec::new(),
        };
        track.follow(tree);
        track.state = track.state_in(tree);
        track
    }

    fn follow(&mut self, tree: &Tree) {
        self.nodes.clear();
        let mut node = tree.root();
        self.nodes.push(node);
        for name in self.names {
            match tree.child(node, name) {
                Some(child) => node = child,
                None => return,
            }
            self.nodes.push(node);
        }
    }

    fn state_in(&self, tree: &Tree) -> State {
        if self.nodes.len() <= self.names.len() {
            return State::Absent;
        }
        let node = self.nodes[self.names.len()];
        match tree.entry(node) {
            None => State::Implied,
            Some(entry) => State::Stated(tree.source(node), Box::new(entry)),
        }
    }

    fn step(&mut self, tree: &Tree, layer: usize, removal: Option<Removal>) {
        self.follow(tree);
        let now = self.state_in(tree);
        let change = match (&self.state, &now) {
            (State::Absent, State::Absent) | (State::Implied, State::Implied) => None,
            (State::Absent, State::Implied) => Some(PathChange::Implied),
            (State::Absent | State::Implied, State::Stated(..)) => Some(PathChange::Added),
            (_, State::Absent) => Some(PathChange::Removed),
            (State::Stated(..), State::Implied) => Some(PathChange::Replaced(Vec::new())),
            (State::Stated(old, _), State::Stated(new, _)) if old == new => None,
            (State::Stated(_, old), State::Stated(_, new)) => {
                Some(change_between(tree.format(), old, new))
            }
        };
        if let Some(change) = change {
            let entry = match &now {
                State::Stated(_, entry) => Some((**entry).clone()),
                State::Absent | State::Implied => None,
            };
            self.steps.push(PathStep {
                layer,
                change,
                removal,
                entry,
            });
        }
        self.state = now;
    }
}

fn change_between(format: LayerFormat, old: &Entry, new: &Entry) -> PathChange {
    let fields = entry_differences(format, old, new);
    let is_content = |change: &FieldChange| {
        matches!(
            change.field,
            Field::Kind | Field::Content | Field::Link | Field::Junction | Field::Device
        )
    };
    match fields.is_empty() {
        true => PathChange::Repeated,
        false if fields.iter().any(is_content) => PathChange::Replaced(fields),
        false => PathChange::Metadata(fields),
    }
}

/// Hears what takes paths away.
struct Removals {
    /// Which paths go through a node, and whether it is above them.
    through: HashMap<NodeId, Vec<(usize, bool)>>,
    /// By path, what a layer did first: what went then can not go again.
    first: HashMap<usize, Removal>,
}

impl Removals {
    fn of(tracks: &[Track<'_>]) -> Self {
        let mut through: HashMap<NodeId, Vec<(usize, bool)>> = HashMap::new();
        for (path, track) in tracks.iter().enumerate() {
            // What is not there cannot go.
            if track.nodes.len() <= track.names.len() {
                continue;
            }
            for (depth, node) in track.nodes.iter().enumerate() {
                let is_above = depth < track.names.len();
                through.entry(*node).or_default().push((path, is_above));
            }
        }
        Self {
            through,
            first: HashMap::new(),
        }
    }

    fn watch(&mut self, tree: &Tree, change: StackChange) {
        let (node, way) = match change {
            StackChange::Removed { node, is_opaque } => (
                node,
                match is_opaque {
                    true => RemovalWay::Opaque,
                    false => RemovalWay::Whiteout,
                },
            ),
            StackChange::Replaced {
                node,
                keeps_children: false,
                ..
            } => (node, RemovalWay::Replaced),
            StackChange::Replaced { .. } | StackChange::Added { .. } => return,
        };
        for &(path, is_above) in self.through.get(&node).into_iter().flatten() {
            // That something takes the place of the path itself is told by what it becomes.
            if way == RemovalWay::Replaced && !is_above {
                continue;
            }
            let shown = match way {
                RemovalWay::Opaque => tree.parent(node),
                RemovalWay::Whiteout | RemovalWay::Replaced => node,
            };
            self.first.entry(path).or_insert_with(|| Removal {
                way,
                path: path_anywhere(tree, shown).0,
                is_above: is_above || way == RemovalWay::Opaque,
            });
        }
    }
}

#[cfg(test)]
mod tests;
