//! Placing what was gathered: names, metadata, descriptors, hard links.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::Timestamp;
use crate::descriptor::{SecurityDescriptor, chown_descriptor, default_directory, inherit};
use crate::edit::gather::{Gathered, Item, Manner};
use crate::edit::{CollisionPolicy, CopyOptions, EditError, LayerEdit, Owner, show_path};
use crate::entry::{
    ATTRIBUTE_DIRECTORY, ATTRIBUTE_READONLY, Entry, Kind, LayerFormat, Origin, PosixMetadata,
};
use crate::loss::{Loss, LossKind, Note};
use crate::mode::ModeChange;
use crate::names::{
    check_windows_component, is_reserved_device, mark_for_linux, rename_collision, upcase,
};
use crate::translate::Name;
use crate::tree::{NodeId, NodeKind, Resolved, Source, Tree};

/// Most bytes of a path in a Windows layer, in UTF-16 units.
const MAX_WINDOWS_PATH: usize = 32_767;

impl LayerEdit {
    /// Copies what was gathered to `destination`, an absolute path as its user wrote it.
    ///
    /// A single file takes the destination's name, unless a directory is there; of several the
    /// last one stays, as in BuildKit.
    pub fn copy(
        &mut self,
        gathered: &Gathered<'_>,
        destination: &[u8],
        options: &CopyOptions,
    ) -> Result<(), EditError> {
        // Trees are numbered anew in each `gathered`.
        self.placed.clear();
        let path = self.destination_path(destination);
        let Resolved { node, missing } = self.follow(&path)?;
        let exists = missing.is_empty();
        let mode = options.mode.as_ref();
        if let Some((&last, before)) = gathered.singles.split_last()
            && !(exists && self.tree.is_directory(node))
        {
            let shown = || {
                let relative = destination.strip_prefix(b"/").unwrap_or(destination);
                show_path(self.tree.format(), relative)
            };
            if !gathered.top.is_empty() {
                return Err(EditError::NotADirectory {
                    path: shown(),
                    hint: "; a file before it takes the name: end the destination with a slash"
                        .to_owned(),
                });
            }
            if !before.is_empty() {
                let path = shown();
                self.notes.push(Note {
                    path,
                    text: "gets each of several files, and only the last one stays: end the \
                           destination with a slash"
                        .to_owned(),
                });
            }
            return self.copy_single(gathered, last, node, missing, options);
        }
        if exists && !self.tree.is_directory(node) {
            return Err(self.not_a_directory(node));
        }
        // An archive is unpacked into a directory that is made without regard to --chmod.
        let mode = mode.filter(|_| gathered.first != Some(Manner::Unpacked));
        let directory = self.make_parents(node, &missing, options.owner.as_ref(), mode)?;
        let mut top: BTreeMap<Vec<u8>, usize> = gathered.top.clone();
        // What came later replaces what came before.
        for &single in gathered.singles.iter().rev() {
            let item = &gathered.items[single];
            let name = gathered.trees[item.tree].name(item.named).to_vec();
            top.entry(name).or_insert(single);
        }
        self.place_below(gathered, directory, &top, options)
    }

    fn copy_single(
        &mut self,
        gathered: &Gathered<'_>,
        single: usize,
        node: NodeId,
        mut missing: Vec<Vec<u8>>,
        options: &CopyOptions,
    ) -> Result<(), EditError> {
        let mode = options.mode.as_ref();
        let (directory, name) = match missing.pop() {
            None => (self.tree.parent(node), self.tree.full_name(node).stored),
            Some(name) => {
                let owner = options.owner.as_ref();
                (self.make_parents(node, &missing, owner, mode)?, name)
            }
        };
        // The user chose this name: the source's record of its own does not belong to it.
        self.place_item(gathered, single, directory, &Name::plain(name), options)?;
        Ok(())
    }

    /// Places siblings and all that is below them, parents first.
    fn place_below(
        &mut self,
        gathered: &Gathered<'_>,
        directory: NodeId,
        top: &BTreeMap<Vec<u8>, usize>,
        options: &CopyOptions,
    ) -> Result<(), EditError> {
        let mut collisions = Vec::new();
        let mut pending = vec![(directory, top)];
        while let Some((directory, siblings)) = pending.pop() {
            let named = self.names(gathered, directory, siblings, options, &mut collisions);
            for (name, item) in named {
                let node = self.place_item(gathered, item, directory, &name, options)?;
                let children = &gathered.items[item].children;
                if !children.is_empty() {
                    pending.push((node, children));
                }
            }
        }
        if collisions.is_empty() {
            return Ok(());
        }
        collisions.sort();
        Err(EditError::Collision { pairs: collisions })
    }

    /// The names of siblings in the receiving layer, in byte order of their original names.
    fn names(
        &mut self,
        gathered: &Gathered<'_>,
        directory: NodeId,
        siblings: &BTreeMap<Vec<u8>, usize>,
        options: &CopyOptions,
        collisions: &mut Vec<(String, String)>,
    ) -> Vec<(Name, usize)> {
        let to = self.tree.format();
        let translated = siblings.values().map(|&place| {
            let item = &gathered.items[place];
            let tree = gathered.trees[item.tree];
            let origin = tree
                .entry(item.node)
                .map_or(tree.format().native(), |e| e.origin);
            (
                tree.full_name(item.named)
                    .translate(origin, tree.format(), to),
                place,
            )
        });
        let mut named: Vec<(Name, usize)> = translated.collect();
        if to == LayerFormat::Linux {
            mark_doubles(gathered, &mut named);
            return named;
        }
        // Names that stay as they are come before those that would have to give way.
        let mut taken: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
        let mut waiting = Vec::new();
        let mut kept = Vec::new();
        for (name, place) in named.drain(..) {
            match taken.get(&upcase(&name.stored)) {
                None => {
                    taken.insert(upcase(&name.stored), name.stored.clone());
                    kept.push((name, place));
                }
                Some(first) => waiting.push((first.clone(), name, place)),
            }
        }
        let parent = self.tree.path(directory);
        let shown = |name: &[u8]| {
            let separator: &[u8] = if parent.is_empty() { b"" } else { b"/" };
            show_path(to, &[&parent, separator, name].concat())
        };
        for (first, name, place) in waiting {
            match options.collision {
                CollisionPolicy::Error => collisions.push((shown(&first), shown(&name.stored))),
                CollisionPolicy::First => self.losses.push(Loss {
                    kind: LossKind::Collision,
                    path: shown(&name.stored),
                    detail: format!("{} is kept", shown(&first)),
                }),
                CollisionPolicy::Rename => {
                    let original = name.original.unwrap_or_else(|| {
                        siblings
                            .iter()
                            .find(|(_, other)| **other == place)
                            .map_or_else(Vec::new, |(name, _)| name.clone())
                    });
                    let is_taken = |candidate: &[u8]| taken.contains_key(&upcase(candidate));
                    let stored = rename_collision(&original, &is_taken);
                    taken.insert(upcase(&stored), stored.clone());
                    kept.push((
                        Name {
                            stored,
                            original: Some(original),
                        },
                        place,
                    ));
                }
            }
        }
        kept
    }

    /// Places one entry and returns its node.
    fn place_item(
        &mut self,
        gathered: &Gathered<'_>,
        item: usize,
        directory: NodeId,
        name: &Name,
        options: &CopyOptions,
    ) -> Result<NodeId, EditError> {
        let from = gathered.format(item);
        let item = &gathered.items[item];
        let tree = gathered.trees[item.tree];
        let existing = self.tree.child(directory, &name.stored);
        let name = self.overwriting_name(name, existing);
        let source = tree.source(item.node);
        let is_directory = tree.is_directory(item.node);
        if let Some(existing) = existing {
            match (self.tree.is_directory(existing), is_directory) {
                (true, true) if item.manner == Manner::Passed => {
                    return Ok(self.pass_through(existing, tree, item, options));
                }
                // An archive that does not state a directory says nothing of one that is there.
                (true, true) if item.manner == Manner::Unpacked && source == Source::Implied => {
                    self.asked.insert(self.tree.path(existing));
                    return Ok(existing);
                }
                // As docker does when it unpacks an archive.
                _ if item.manner == Manner::Unpacked => {}
                (true, false) => {
                    return Err(EditError::IsADirectory {
                        path: self.shown(existing),
                    });
                }
                (false, true) => return Err(self.not_a_directory(existing)),
                _ => {}
            }
        } else {
            self.check_name(directory, &name.stored)?;
        }
        let identity = (item.tree, source);
        let windows = self.tree.format() == LayerFormat::Windows;
        if let Some(&first) = self.placed.get(&identity).filter(|_| !is_directory) {
            // hcsshim refuses to link to a reparse point.
            let link = matches!(self.tree.kind(first), NodeKind::Symlink(_));
            if !(windows && link) {
                let node = self.tree.insert_hard_link(directory, &name, first);
                self.touched.insert(node);
                return Ok(node);
            }
            let parent = self.shown(directory);
            let separator = if parent.ends_with(['/', '\\']) {
                ""
            } else {
                "\\"
            };
            let name = String::from_utf8_lossy(&name.stored).into_owned();
            self.losses.push(Loss {
                kind: LossKind::HardLink,
                path: parent + separator + &name,
                detail: String::new(),
            });
        }
        let entry = tree.entry(item.node).unwrap_or_else(|| {
            // A directory that no layer states.
            Entry::new(Kind::Directory, 0o755, options.default_time, from)
        });
        let mut entry = entry.translate(from, self.tree.format());
        if let (Some(existing), true) = (existing, is_directory) {
            self.keep_beneath(&mut entry, existing);
        }
        if let Some(limit) = options.clamp {
            entry.times = entry.times.clamp(limit);
        }
        let mode = options.mode.as_ref();
        let mode = mode.filter(|_| item.manner != Manner::Unpacked);
        change(&mut entry, options.owner.as_ref(), mode, self.tree.format());
        let node = self.tree.insert(directory, &name, entry);
        self.touched.insert(node);
        if source != Source::Implied && !is_directory {
            self.placed.insert(identity, node);
        }
        let undecided = |entry: &Entry| entry.kind.is_symlink() && entry.win32.attributes.is_none();
        if windows && self.tree.owned(node).is_some_and(|entry| undecided(entry)) {
            self.links.push((node, options.owner.clone()));
        } else {
            self.settle_descriptor(node, options.owner.as_ref());
        }
        Ok(node)
    }

    /// A directory that exists and is there only for what comes below it: it takes the source's
    /// permission bits, `--chmod` or not, and keeps the rest. Windows has no such bits.
    fn pass_through(
        &mut self,
        existing: NodeId,
        tree: &Tree,
        item: &Item,
        options: &CopyOptions,
    ) -> NodeId {
        self.asked.insert(self.tree.path(existing));
        if self.tree.format() == LayerFormat::Windows {
            return existing;
        }
        let source = tree.entry(item.node);
        let mode = source.map_or(0o755, |entry| {
            entry
                .translate(tree.format(), LayerFormat::Linux)
                .posix
                .mode
        });
        let there = self.tree.entry(existing);
        let mut entry = there.unwrap_or_else(|| {
            // A directory that no layer states.
            Entry::new(
                Kind::Directory,
                0o755,
                options.default_time,
                LayerFormat::Linux,
            )
        });
        if entry.posix.mode != mode {
            entry.posix.mode = mode;
            entry.original_mode = None;
            self.tree.replace_entry(existing, entry);
            self.touched.insert(existing);
        }
        existing
    }

    /// An overwritten entry keeps the spelling that the layer beneath has.
    fn overwriting_name(&self, name: &Name, existing: Option<NodeId>) -> Name {
        let Some(existing) = existing else {
            return name.clone();
        };
        let stored = self.tree.name(existing).to_vec();
        if stored == name.stored {
            return name.clone();
        }
        let original = name.original.clone();
        let original = original.or_else(|| Some(crate::names::decode_component(&name.stored)));
        Name { stored, original }
    }

    /// A directory that exists takes the source's mode, owner, time and extended attributes; what
    /// Windows knows of it stays when the source knows nothing of Windows.
    fn keep_beneath(&self, entry: &mut Entry, existing: NodeId) {
        if self.tree.format() == LayerFormat::Linux || entry.origin == Origin::Win32 {
            return;
        }
        let Some(beneath) = self.tree.entry(existing) else {
            return;
        };
        entry.win32 = beneath.win32;
        entry.streams = beneath.streams;
        entry.times.created = beneath.times.created.or(entry.times.created);
    }

    fn check_name(&mut self, directory: NodeId, name: &[u8]) -> Result<(), EditError> {
        let format = self.tree.format();
        let full = [&self.tree.path(directory), &b"/"[..], name].concat();
        let full = full.strip_prefix(b"/").unwrap_or(&full);
        let error = |reason: &str| EditError::Name {
            path: show_path(format, full),
            reason: reason.to_owned(),
        };
        if name.starts_with(b".wh.") {
            return Err(error(
                "names that begin with .wh. mean a deletion in a layer",
            ));
        }
        if format == LayerFormat::Linux {
            return Ok(());
        }
        if let Err(refused) = check_windows_component(name) {
            return Err(error(&refused.to_string()));
        }
        if crate::names::utf16_len(full) + b"C:\\".len() > MAX_WINDOWS_PATH {
            return Err(error("the path is longer than Windows' 32,767 characters"));
        }
        if is_reserved_device(name) {
            let text = "is a device name to Windows programs, which cannot open it".to_owned();
            self.notes.push(Note {
                path: show_path(format, full),
                text,
            });
        }
        Ok(())
    }

    /// Makes `missing` below `directory` and returns the last.
    pub(crate) fn make_parents(
        &mut self,
        directory: NodeId,
        missing: &[Vec<u8>],
        owner: Option<&Owner>,
        mode: Option<&ModeChange>,
    ) -> Result<NodeId, EditError> {
        let mut node = directory;
        if !missing.is_empty() && !self.tree.is_directory(node) {
            return Err(self.not_a_directory(node));
        }
        let format = self.tree.format();
        for name in missing {
            self.check_name(node, name)?;
            let mut entry = made_directory(format, self.default_time);
            if let Some(owner) = owner {
                set_ids(&mut entry.posix, owner);
            }
            if let Some(mode) = mode.filter(|mode| mode.is_octal()) {
                set_mode(&mut entry, mode, format);
            }
            if self.default_descriptors && format == LayerFormat::Windows {
                entry.win32.descriptor = Some(default_directory().as_bytes().into());
            }
            node = self.tree.insert(node, &Name::plain(name.as_slice()), entry);
            if self.parents {
                self.touched.insert(node);
            }
            self.settle_descriptor(node, owner);
        }
        Ok(node)
    }

    /// Gives a new entry of a Windows layer its descriptor: its own, or what it inherits.
    pub(crate) fn settle_descriptor(&mut self, node: NodeId, owner: Option<&Owner>) {
        if self.tree.format() == LayerFormat::Linux {
            return;
        }
        let Some(entry) = self.tree.owned(node) else {
            return;
        };
        let mut entry = (**entry).clone();
        let own = entry.win32.descriptor.as_deref();
        let own = own.and_then(|bytes| SecurityDescriptor::parse(bytes).ok());
        let directory = entry.attributes() & ATTRIBUTE_DIRECTORY != 0;
        let mut descriptor = own.unwrap_or_else(|| self.inherited(node, directory));
        if let Some(Owner { user, group, .. }) = owner {
            descriptor = match user {
                Some(user) => chown_descriptor(directory, &descriptor, user, group.as_ref()),
                None => descriptor.with_owner(None, group.as_ref()),
            };
        }
        entry.win32.descriptor = Some(descriptor.as_bytes().into());
        self.tree.replace_entry(node, entry);
    }

    /// What a new entry at the place of `node` inherits from its nearest ancestor that has a
    /// descriptor, generation by generation.
    pub(crate) fn inherited(&self, node: NodeId, directory: bool) -> SecurityDescriptor {
        let mut generations = 0usize;
        let mut ancestor = node;
        let found = loop {
            if ancestor == self.tree.root() {
                break None;
            }
            ancestor = self.tree.parent(ancestor);
            let bytes = self.tree.descriptor(ancestor);
            match bytes.and_then(|bytes| SecurityDescriptor::parse(&bytes).ok()) {
                Some(descriptor) => break Some(descriptor),
                None => generations += 1,
            }
        };
        // Further generations of directories inherit the same, once CREATOR OWNER is expanded.
        let mut parent = found;
        for _ in 0..generations.min(3) {
            parent = parent.map(|parent| inherit(Some(&parent), true));
        }
        inherit(parent.as_ref(), directory)
    }
}

/// Gives names on Linux that stand twice a mark.
///
/// Two names of Windows may be one: a name that no encoding gives stays as it is (`x.`), which
/// another decodes to (`x` U+F02E). And an original name may have been taken since.
fn mark_doubles(gathered: &Gathered<'_>, named: &mut [(Name, usize)]) {
    let mut taken = HashSet::new();
    for (name, place) in named {
        while !taken.insert(name.stored.clone()) {
            let item = &gathered.items[*place];
            let tree = gathered.trees[item.tree];
            let entry = tree.entry(item.node);
            if entry.is_none_or(|entry| entry.origin == Origin::Win32) {
                name.original = Some(tree.name(item.named).to_vec());
            }
            name.stored = mark_for_linux(&name.stored);
        }
    }
}

/// A directory that nobody stated: 0755, 0:0.
pub(crate) fn made_directory(format: LayerFormat, time: Timestamp) -> Entry {
    // Windows' zero permission bits stand for 0755.
    let mode = if format == LayerFormat::Linux {
        0o755
    } else {
        0
    };
    let mut entry = Entry::new(Kind::Directory, mode, time, format);
    if format == LayerFormat::Windows {
        entry.win32.attributes = Some(ATTRIBUTE_DIRECTORY);
    }
    entry
}

/// Applies `--chown` and `--chmod`.
fn change(
    entry: &mut Entry,
    owner: Option<&Owner>,
    mode: Option<&ModeChange>,
    format: LayerFormat,
) {
    if let Some(owner) = owner {
        set_ids(&mut entry.posix, owner);
    }
    let Some(mode) = mode else { return };
    if entry.kind.is_symlink() {
        return;
    }
    set_mode(entry, mode, format);
}

fn set_ids(posix: &mut PosixMetadata, owner: &Owner) {
    if let Some(uid) = owner.uid {
        posix.uid = uid;
        posix.user.clear();
    }
    if let Some(gid) = owner.gid {
        posix.gid = gid;
        posix.group.clear();
    }
}

fn set_mode(entry: &mut Entry, mode: &ModeChange, format: LayerFormat) {
    let directory = entry.kind.is_directory();
    let zero_stands_for_more =
        format == LayerFormat::Windows && entry.origin == Origin::Win32 && entry.posix.mode == 0;
    let before = if zero_stands_for_more {
        entry.derived_mode()
    } else {
        entry.posix.mode
    };
    entry.posix.mode = mode.apply(before, directory);
    entry.original_mode = None;
    if format == LayerFormat::Windows {
        let attributes = entry.attributes() & !ATTRIBUTE_READONLY;
        let read_only = entry.posix.mode & 0o222 == 0;
        entry.win32.attributes = Some(attributes | if read_only { ATTRIBUTE_READONLY } else { 0 });
    }
}
