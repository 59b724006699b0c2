//! Two trees side by side: which entries belong together, and what becomes of them.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet, VecDeque};

use crossdock_image::DiffId;
use crossdock_layer::{LayerFormat, Name, NodeId, Origin, Source, Tree, upcase};

use super::fields::{content_of, side};
use super::renames::Renames;
use super::{Change, ChangeKind, Comparison, Diff, FieldChange};

/// An entry of the old tree and one of the new, or only one.
pub(super) type Pair = (Option<NodeId>, Option<NodeId>);

/// Entries that belong together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) pair: Pair,
    /// They bear names that mean the same and are not the same.
    is_respelled: bool,
    /// They are a directory that has moved.
    is_moved: bool,
}

/// Which layers the trees have in common.
pub(super) struct Known {
    /// Places in the new tree of the old tree's layers.
    old_in_new: Vec<HashSet<u32>>,
}

impl Known {
    pub(super) fn of(old: &Tree, new: &Tree) -> Self {
        // A layer means something else to each system.
        if old.format() != new.format() {
            return Self::nothing();
        }
        let mut places: HashMap<DiffId, HashSet<u32>> = HashMap::new();
        for (place, layer) in new.layers().iter().enumerate() {
            let places = places.entry(layer.diff_id()).or_default();
            places.insert(place as u32);
        }
        let old = old.layers().iter().map(|layer| {
            let places = places.get(&layer.diff_id());
            places.cloned().unwrap_or_default()
        });
        Self {
            old_in_new: old.collect(),
        }
    }

    /// Nothing is known to be equal before it was compared.
    pub(super) fn nothing() -> Self {
        Self {
            old_in_new: Vec::new(),
        }
    }

    /// Whether both are the same entry of the same layer.
    fn are_same(&self, old: Source, new: Source) -> bool {
        let (
            Source::Layer { layer, entry },
            Source::Layer {
                layer: other,
                entry: other_entry,
            },
        ) = (old, new)
        else {
            return false;
        };
        entry == other_entry
            && self
                .old_in_new
                .get(layer as usize)
                .is_some_and(|places| places.contains(&other))
    }
}

impl Comparison<'_> {
    /// Compares what is beneath `starts`.
    pub(super) fn run(&self, starts: Vec<Pair>) -> Diff {
        let mut steps = Vec::new();
        for start in self.without_nested(starts) {
            self.walk(start, false, &mut steps);
        }
        let renames = match self.options.no_renames {
            true => Renames::default(),
            false => self.renames(&steps),
        };
        if !renames.directories.is_empty() {
            let before = std::mem::take(&mut steps);
            for step in before {
                match step.pair {
                    (Some(old), None) if renames.old_directories.contains(&old) => {}
                    (None, Some(new)) => match renames.directories.get(&new) {
                        Some(&old) => self.walk((Some(old), Some(new)), true, &mut steps),
                        None => steps.push(step),
                    },
                    _ => steps.push(step),
                }
            }
        }
        let mut teller = Teller {
            comparison: self,
            links: self.hard_links(&steps, &renames),
            renames,
            diff: Diff::default(),
            files: [HashSet::new(), HashSet::new()],
        };
        for step in &steps {
            teller.step(step);
        }
        teller.diff
    }

    /// Leaves out what is beneath another start.
    fn without_nested(&self, starts: Vec<Pair>) -> Vec<Pair> {
        let olds: HashSet<NodeId> = starts.iter().filter_map(|pair| pair.0).collect();
        let news: HashSet<NodeId> = starts.iter().filter_map(|pair| pair.1).collect();
        let is_beneath = |tree: &Tree, node: Option<NodeId>, others: &HashSet<NodeId>| {
            let Some(mut node) = node else { return true };
            while node != tree.root() {
                node = tree.parent(node);
                if others.contains(&node) {
                    return true;
                }
            }
            false
        };
        let mut seen = HashSet::new();
        starts
            .into_iter()
            .filter(|pair| seen.insert(*pair))
            .filter(|pair| {
                !(is_beneath(self.old, pair.0, &olds) && is_beneath(self.new, pair.1, &news))
            })
            .collect()
    }

    /// Notes a pair and all that is beneath both; what is beneath one alone is not looked at.
    fn walk(&self, start: Pair, is_moved: bool, steps: &mut Vec<Step>) {
        let mut pending = vec![Step {
            pair: start,
            is_respelled: false,
            is_moved,
        }];
        let mut children = Vec::new();
        while let Some(step) = pending.pop() {
            steps.push(step);
            let (Some(old), Some(new)) = step.pair else {
                continue;
            };
            match (self.old.is_directory(old), self.new.is_directory(new)) {
                (true, true) if self.is_across() => self.pair_across(old, new, &mut children),
                (true, true) => self.pair_alike(old, new, &mut children),
                (true, false) => {
                    let removed = self.old.children(old);
                    children.extend(removed.map(|node| ((Some(node), None), false)));
                }
                (false, true) => {
                    let added = self.new.children(new);
                    children.extend(added.map(|node| ((None, Some(node)), false)));
                }
                (false, false) => {}
            }
            let children = children.drain(..).rev();
            pending.extend(children.map(|(pair, is_respelled)| Step {
                pair,
                is_respelled,
                is_moved: false,
            }));
        }
    }

    /// Pairs the children of two directories of one system, which come in the order of that by
    /// which it tells them apart.
    fn pair_alike(&self, old: NodeId, new: NodeId, pairs: &mut Vec<(Pair, bool)>) {
        let key = |tree: &Tree, node: NodeId| match tree.format() {
            LayerFormat::Linux => tree.name(node).to_vec(),
            LayerFormat::Windows => upcase(tree.name(node)),
        };
        let keyed = |tree: &Tree, node| (key(tree, node), node);
        let mut olds = self.old.children(old).map(|node| keyed(self.old, node));
        let mut news = self.new.children(new).map(|node| keyed(self.new, node));
        let (mut left, mut right) = (olds.next(), news.next());
        loop {
            let order = match (&left, &right) {
                (None, None) => return,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((key, _)), Some((other, _))) => key.cmp(other),
            };
            // What comes first has no partner.
            let old = left.take_if(|_| order.is_le()).map(|(_, node)| node);
            let new = right.take_if(|_| order.is_ge()).map(|(_, node)| node);
            let is_respelled = old
                .zip(new)
                .is_some_and(|(old, new)| self.old.name(old) != self.new.name(new));
            pairs.push(((old, new), is_respelled));
            if old.is_some() {
                left = olds.next();
            }
            if new.is_some() {
                right = news.next();
            }
        }
    }

    /// Pairs the children of directories of two systems: by the names that they have or would have
    /// on Linux, and then, of those that are left, without regard to case.
    fn pair_across(&self, old: NodeId, new: NodeId, pairs: &mut Vec<(Pair, bool)>) {
        let named = |tree: &Tree, directory| {
            let children = tree.children(directory);
            let mut named: Vec<(Vec<u8>, NodeId)> = children
                .map(|node| (linux_name(tree, node), node))
                .collect();
            named.sort();
            named
        };
        let olds = named(self.old, old);
        let mut news: HashMap<Vec<u8>, VecDeque<NodeId>> = HashMap::new();
        for (name, node) in named(self.new, new) {
            news.entry(name).or_default().push_back(node);
        }
        let mut found: Vec<(Vec<u8>, Pair, bool)> = Vec::new();
        let mut left = Vec::new();
        for (name, old) in olds {
            match news.get_mut(&name).and_then(VecDeque::pop_front) {
                Some(new) => found.push((name, (Some(old), Some(new)), false)),
                None => left.push((name, old)),
            }
        }
        let mut rest: Vec<(Vec<u8>, NodeId)> = news
            .into_iter()
            .flat_map(|(name, nodes)| nodes.into_iter().map(move |node| (name.clone(), node)))
            .collect();
        rest.sort();
        let mut rest_by_case: HashMap<Vec<u8>, VecDeque<(Vec<u8>, NodeId)>> = HashMap::new();
        for (name, node) in rest {
            let key = upcase(&name);
            rest_by_case.entry(key).or_default().push_back((name, node));
        }
        for (name, old) in left {
            let nodes = rest_by_case.get_mut(&upcase(&name));
            match nodes.and_then(VecDeque::pop_front) {
                Some((_, new)) => found.push((name, (Some(old), Some(new)), true)),
                None => found.push((name, (Some(old), None), false)),
            }
        }
        for (name, new) in rest_by_case.into_values().flatten() {
            found.push((name, (None, Some(new)), false));
        }
        found.sort();
        pairs.extend(found.into_iter().map(|(_, pair, spelled)| (pair, spelled)));
    }

    /// Where files have other names than before, of those names that both sides have: for each
    /// such entry of the new tree a name that it no longer shares a file with, and one that it
    /// newly does.
    fn hard_links(&self, steps: &[Step], renames: &Renames) -> HashMap<NodeId, Pair> {
        let pairs = steps.iter().filter_map(|step| step.pair.0.zip(step.pair.1));
        let renamed = renames.files.iter().map(|(new, old)| (*old, *new));
        let mut pairs: Vec<(NodeId, NodeId)> = pairs
            .filter(|(old, new)| !self.old.is_directory(*old) && !self.new.is_directory(*new))
            .chain(renamed)
            .collect();
        pairs.sort_by_key(|(_, new)| *new);
        let mut olds: HashMap<Source, Group> = HashMap::new();
        let mut news: HashMap<Source, Group> = HashMap::new();
        for &(old, new) in &pairs {
            let (source, other) = (self.old.source(old), self.new.source(new));
            olds.entry(source).or_default().add(old, other);
            news.entry(other).or_default().add(new, source);
        }
        let mut differing = HashMap::new();
        for (old, new) in pairs {
            let (source, other) = (self.old.source(old), self.new.source(new));
            let parted = olds.get(&source).and_then(|group| group.apart_from(other));
            let joined = news.get(&other).and_then(|group| group.apart_from(source));
            if parted.is_some() || joined.is_some() {
                differing.insert(new, (parted, joined));
            }
        }
        differing
    }
}

/// Names of one file on one side, by what they are names of on the other: the first two names
/// that are names of different files there.
#[derive(Debug, Default, Clone, Copy)]
struct Group {
    first: Option<(NodeId, Source)>,
    second: Option<NodeId>,
}

impl Group {
    fn add(&mut self, node: NodeId, other: Source) {
        match self.first {
            None => self.first = Some((node, other)),
            Some((_, first)) if first != other && self.second.is_none() => {
                self.second = Some(node);
            }
            Some(_) => {}
        }
    }

    /// A name of the file that is no name of `other` on the other side.
    fn apart_from(&self, other: Source) -> Option<NodeId> {
        match self.first {
            Some((node, first)) if first != other => Some(node),
            _ => self.second,
        }
    }
}

/// The name that a node has or would have on Linux.
fn linux_name(tree: &Tree, node: NodeId) -> Vec<u8> {
    use LayerFormat::{Linux, Windows};
    let name = tree.full_name(node);
    // Without a record the origin does not matter.
    let origin = match name.original {
        None => Origin::Win32,
        Some(_) => tree
            .entry(node)
            .map_or(tree.format().native(), |entry| entry.origin),
    };
    match (tree.format(), origin) {
        (Linux, _) if name.original.is_none() => name.stored,
        (Linux, Origin::Posix) => name.stored,
        (Linux, Origin::Win32) => {
            let on_windows = name.translate(origin, Linux, Windows).stored;
            let plain = Name::plain(on_windows);
            plain.translate(Origin::Win32, Windows, Linux).stored
        }
        (Windows, origin) => name.translate(origin, Windows, Linux).stored,
    }
}

/// Turns pairs into changes.
struct Teller<'c, 't> {
    comparison: &'c Comparison<'t>,
    links: HashMap<NodeId, Pair>,
    renames: Renames,
    diff: Diff,
    /// Files that were counted as removed, and as added.
    files: [HashSet<Source>; 2],
}

impl Teller<'_, '_> {
    fn step(&mut self, step: &Step) {
        match step.pair {
            (Some(old), Some(new)) => self.both(old, new, step),
            (Some(old), None) => self.one_sided(old, ChangeKind::Removed),
            (None, Some(new)) => self.one_sided(new, ChangeKind::Added),
            (None, None) => {}
        }
    }

    /// What differs in an entry that both sides have.
    fn both(&mut self, old: NodeId, new: NodeId, step: &Step) {
        let comparison = self.comparison;
        let (old_tree, new_tree) = (comparison.old, comparison.new);
        let is_root = old == old_tree.root() || new == new_tree.root();
        let (source, other) = (old_tree.source(old), new_tree.source(new));
        // The root has a descriptor that may be another layer's.
        let mut fields = match !is_root && comparison.known.are_same(source, other) {
            true => Vec::new(),
            false => comparison.fields(old, new, &mut self.diff.not_compared),
        };
        fields.extend(comparison.name_field(old, new, step.is_respelled));
        fields.extend(self.link_field(new));
        fields.retain(|change| !change.field.is_ignored(&comparison.options.ignored));
        fields.sort_by(|left, right| left.field.cmp(&right.field));
        if fields.is_empty() && !step.is_moved {
            return;
        }
        let size = |tree: &Tree, node| content_of(tree, node).map_or(0, |content| content.0);
        let grown = i128::from(size(new_tree, new)) - i128::from(size(old_tree, old));
        let grown = grown.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
        let mut below = 0;
        let totals = &mut self.diff.totals;
        match step.is_moved {
            true => {
                totals.renamed += 1;
                below = new_tree.walk(new).count() as u64 - 1;
            }
            false => {
                totals.changed += 1;
                totals.changed_bytes = totals.changed_bytes.saturating_add(grown);
            }
        }
        let kind = match step.is_moved {
            true => ChangeKind::Renamed,
            false => ChangeKind::Changed,
        };
        self.push(kind, Some(old), Some(new), fields, below, 0);
    }

    fn link_field(&self, new: NodeId) -> Option<FieldChange> {
        let &(parted, joined) = self.links.get(&new)?;
        Some(self.comparison.hard_link_field(parted, joined))
    }

    /// What one side alone has, with everything beneath it.
    fn one_sided(&mut self, top: NodeId, kind: ChangeKind) {
        let comparison = self.comparison;
        let (tree, place) = match kind {
            ChangeKind::Removed => (comparison.old, 0),
            _ => (comparison.new, 1),
        };
        let mut renamed = Vec::new();
        let (mut entries, mut bytes) = (0, 0u64);
        for node in tree.walk(top) {
            if kind == ChangeKind::Removed && self.renames.old_files.contains(&node) {
                continue;
            }
            let moved = self.renames.files.get(&node).copied();
            if let (ChangeKind::Added, Some(old)) = (kind, moved) {
                match comparison.options.all {
                    true => self.renamed(old, node),
                    false => renamed.push((old, node)),
                }
                continue;
            }
            let size = match content_of(tree, node) {
                Some((size, _)) if self.files[place].insert(tree.source(node)) => size,
                _ => 0,
            };
            bytes = bytes.saturating_add(size);
            entries += 1;
            if comparison.options.all {
                self.one(node, kind, 0, size);
            }
        }
        // A file that has moved may be all of it.
        if !comparison.options.all && entries > 0 {
            self.one(top, kind, entries - 1, bytes);
        }
        for (old, new) in renamed {
            self.renamed(old, new);
        }
        let totals = &mut self.diff.totals;
        let (count, sum) = match kind {
            ChangeKind::Removed => (&mut totals.removed, &mut totals.removed_bytes),
            _ => (&mut totals.added, &mut totals.added_bytes),
        };
        *count += entries;
        *sum = sum.saturating_add(bytes);
    }

    fn one(&mut self, node: NodeId, kind: ChangeKind, below: u64, bytes: u64) {
        let (old, new) = match kind {
            ChangeKind::Removed => (Some(node), None),
            _ => (None, Some(node)),
        };
        self.push(kind, old, new, Vec::new(), below, bytes);
    }

    /// A file that has moved.
    fn renamed(&mut self, old: NodeId, new: NodeId) {
        let comparison = self.comparison;
        let mut fields = comparison.fields(old, new, &mut self.diff.not_compared);
        fields.extend(self.link_field(new));
        fields.retain(|change| !change.field.is_ignored(&comparison.options.ignored));
        fields.sort_by(|left, right| left.field.cmp(&right.field));
        self.diff.totals.renamed += 1;
        self.push(ChangeKind::Renamed, Some(old), Some(new), fields, 0, 0);
    }

    fn push(
        &mut self,
        kind: ChangeKind,
        old: Option<NodeId>,
        new: Option<NodeId>,
        fields: Vec<FieldChange>,
        below: u64,
        bytes: u64,
    ) {
        let comparison = self.comparison;
        let old_path = old.map(|node| comparison.old_path(node));
        let new_path = new.map(|node| comparison.new_path(node));
        let (path, old_path) = match (new_path, old_path) {
            (Some(new), old) => {
                let old = old.filter(|old| *old != new);
                (new, old)
            }
            (None, old) => (old.unwrap_or_default(), None),
        };
        self.diff.changes.push(Change {
            kind,
            path,
            old_path,
            old: old.map(|node| side(comparison.old, node)),
            new: new.map(|node| side(comparison.new, node)),
            fields,
            below,
            bytes,
        });
    }
}
