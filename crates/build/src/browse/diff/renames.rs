//! What was removed in one place and added in another.

use std::collections::{BTreeMap, HashMap, HashSet};

use crossdock_layer::{LayerFormat, NodeId, NodeKind, Tree, upcase};

use super::Comparison;
use super::fields::{ContentKey, content_of};
use super::walk::Step;
use crate::browse::{shown_name, shown_path};

/// What has moved, by where it is now.
#[derive(Debug, Default)]
pub(super) struct Renames {
    /// Directories of which everything has moved with them.
    pub(super) directories: HashMap<NodeId, NodeId>,
    /// The same, where they were.
    pub(super) old_directories: HashSet<NodeId>,
    /// Files.
    pub(super) files: HashMap<NodeId, NodeId>,
    /// The same, where they were.
    pub(super) old_files: HashSet<NodeId>,
}

impl Comparison<'_> {
    /// Finds what has moved. Whatever could have come from two places has come from none.
    pub(super) fn renames(&self, steps: &[Step]) -> Renames {
        let removed: Vec<NodeId> = steps
            .iter()
            .filter(|step| step.pair.1.is_none())
            .filter_map(|step| step.pair.0)
            .collect();
        let added: Vec<NodeId> = steps
            .iter()
            .filter(|step| step.pair.0.is_none())
            .filter_map(|step| step.pair.1)
            .collect();
        let mut renames = Renames::default();
        if removed.is_empty() || added.is_empty() {
            return renames;
        }
        // Names and links are other texts on the other system.
        if !self.is_across() {
            self.find_directories(&removed, &added, &mut renames);
        }
        self.find_files(&removed, &added, &mut renames);
        renames
    }

    fn find_directories(&self, removed: &[NodeId], added: &[NodeId], renames: &mut Renames) {
        let mut places: HashMap<[u8; 32], (Vec<NodeId>, Vec<NodeId>)> = HashMap::new();
        for &node in removed {
            if let Some(hash) = structure(self.old, node) {
                places.entry(hash).or_default().0.push(node);
            }
        }
        for &node in added {
            if let Some(hash) = structure(self.new, node) {
                places.entry(hash).or_default().1.push(node);
            }
        }
        for (olds, news) in places.into_values() {
            if let ([old], [new]) = (&olds[..], &news[..]) {
                renames.directories.insert(*new, *old);
                renames.old_directories.insert(*old);
            }
        }
    }

    fn find_files(&self, removed: &[NodeId], added: &[NodeId], renames: &mut Renames) {
        let mut places: BTreeMap<ContentKey, Places> = BTreeMap::new();
        let files = |tree: &Tree, tops: &[NodeId], is_moved: &dyn Fn(&NodeId) -> bool| {
            let tops = tops.iter().filter(|top| !is_moved(top));
            let nodes = tops.flat_map(|&top| tree.walk(top));
            // Files without content have nothing in common.
            let files = nodes.filter_map(|node| {
                let key = content_of(tree, node).filter(|(size, _)| *size > 0)?;
                Some((key, node))
            });
            files.collect::<Vec<_>>()
        };
        let is_moved = |node: &NodeId| renames.old_directories.contains(node);
        for (key, node) in files(self.old, removed, &is_moved) {
            places.entry(key).or_default().old.push(node);
        }
        let is_moved = |node: &NodeId| renames.directories.contains_key(node);
        for (key, node) in files(self.new, added, &is_moved) {
            if let Some(places) = places.get_mut(&key) {
                places.new.push(node);
            }
        }
        for mut places in places.into_values() {
            if places.new.is_empty() {
                continue;
            }
            for (old, new) in self.pairs_of(&mut places) {
                renames.files.insert(new, old);
                renames.old_files.insert(old);
            }
        }
    }

    /// Pairs files of one content: those of the same name if no others have it, and then the only
    /// ones that are left if their paths are like each other.
    fn pairs_of(&self, places: &mut Places) -> Vec<(NodeId, NodeId)> {
        let key = |tree: &Tree, node| match self.old.format() == LayerFormat::Linux
            && self.new.format() == LayerFormat::Linux
        {
            true => shown_name(tree, node),
            false => upcase(&shown_name(tree, node)),
        };
        let mut by_name: BTreeMap<Vec<u8>, Places> = BTreeMap::new();
        for &node in &places.old {
            let name = key(self.old, node);
            by_name.entry(name).or_default().old.push(node);
        }
        for &node in &places.new {
            let name = key(self.new, node);
            by_name.entry(name).or_default().new.push(node);
        }
        let mut pairs = Vec::new();
        for named in by_name.into_values() {
            if let ([old], [new]) = (&named.old[..], &named.new[..]) {
                pairs.push((*old, *new));
            }
        }
        let paired: HashSet<NodeId> = pairs.iter().map(|(old, _)| *old).collect();
        places.old.retain(|old| !paired.contains(old));
        let paired: HashSet<NodeId> = pairs.iter().map(|(_, new)| *new).collect();
        places.new.retain(|new| !paired.contains(new));
        if let ([old], [new]) = (&places.old[..], &places.new[..])
            && are_similar(&shown_path(self.old, *old), &shown_path(self.new, *new))
        {
            pairs.push((*old, *new));
        }
        pairs
    }
}

/// Where files of one content were, and are.
#[derive(Debug, Default)]
struct Places {
    old: Vec<NodeId>,
    new: Vec<NodeId>,
}

/// Whether at least half of two paths, counted from their ends, is the same.
fn are_similar(old: &[u8], new: &[u8]) -> bool {
    let same = |(left, right): &(&u8, &u8)| left.eq_ignore_ascii_case(right);
    let start = old.iter().zip(new).take_while(same).count();
    let (old_rest, new_rest) = (&old[start..], &new[start..]);
    let ends = old_rest.iter().rev().zip(new_rest.iter().rev());
    let end = ends.take_while(same).count();
    (start + end) * 2 >= old.len().max(new.len())
}

/// A hash of everything in a directory, by names, kinds, contents and link texts; `None` of what
/// is no directory or has no file with content in it.
fn structure(tree: &Tree, top: NodeId) -> Option<[u8; 32]> {
    if !tree.is_directory(top) {
        return None;
    }
    let nodes: Vec<NodeId> = tree.walk(top).collect();
    let mut has_content = false;
    let mut hashes: HashMap<NodeId, [u8; 32]> = HashMap::new();
    // Those beneath a node come after it.
    for &node in nodes.iter().rev() {
        let mut hasher = blake3::Hasher::new();
        match tree.kind(node) {
            NodeKind::File => {
                let (size, hash) = content_of(tree, node)?;
                has_content |= size > 0;
                hasher.update(b"f").update(&hash);
            }
            NodeKind::Symlink(text) => {
                hasher.update(b"l").update(&text);
            }
            NodeKind::Special => {
                let kind = tree.entry(node).map(|entry| entry.kind);
                hasher.update(format!("s{kind:?}").as_bytes());
            }
            NodeKind::Directory => {
                hasher.update(b"d");
                for child in tree.children(node) {
                    let name = match tree.format() {
                        LayerFormat::Linux => tree.name(child).to_vec(),
                        LayerFormat::Windows => upcase(tree.name(child)),
                    };
                    hasher.update(&(name.len() as u64).to_le_bytes());
                    hasher.update(&name);
                    hasher.update(&hashes.remove(&child)?);
                }
            }
        }
        hashes.insert(node, *hasher.finalize().as_bytes());
    }
    hashes.remove(&top).filter(|_| has_content)
}
