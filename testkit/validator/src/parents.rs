//! The layers beneath a child layer.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::names::upcase;
use crate::report::{EntryKind, EntrySummary, Report};

/// What a parent layer has under a path.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// The path as the entry spells it.
    pub(crate) spelling: String,
    pub(crate) kind: EntryKind,
    /// The upcased path of the file that this is a name of.
    pub(crate) file: String,
}

/// The merged tree of the layers beneath a child layer, lowest first.
#[derive(Clone, Debug, Default)]
pub struct Parents {
    paths: BTreeMap<String, Known>,
    /// Names of each file, by the upcased path of the entry with its content.
    names: BTreeMap<String, usize>,
}

impl Parents {
    /// No layers.
    pub fn new() -> Parents {
        Parents::default()
    }

    /// Puts a layer on top.
    pub fn push(&mut self, layer: &Report) {
        let below = self.clone();
        for whiteout in layer
            .entries
            .iter()
            .filter(|e| e.kind == EntryKind::Whiteout)
        {
            self.remove(&upcase(&whiteout.path));
        }
        for entry in &layer.entries {
            match entry.kind {
                EntryKind::Whiteout | EntryKind::Stream => {}
                EntryKind::HardLink => self.link(entry, &below),
                kind => self.insert(&entry.path, kind, upcase(&entry.path)),
            }
        }
    }

    pub(crate) fn get(&self, upcased: &str) -> Option<&Known> {
        self.paths.get(upcased)
    }

    /// How many names the file has of which this is one.
    pub(crate) fn names_of(&self, known: &Known) -> usize {
        self.names.get(&known.file).copied().unwrap_or(1)
    }

    /// The upcased paths below a directory.
    pub(crate) fn below(&self, upcased: &str) -> impl Iterator<Item = (&String, &Known)> {
        let prefix = format!("{upcased}/");
        self.paths
            .range(prefix.clone()..)
            .take_while(move |(path, _)| path.starts_with(&prefix))
    }

    fn link(&mut self, entry: &EntrySummary, below: &Parents) {
        let target = upcase(entry.target.as_deref().unwrap_or_default());
        let known = self.paths.get(&target).or_else(|| below.paths.get(&target));
        // A forward link's target is not there yet; its kind is known all the same.
        let file = known.map_or(target, |known| known.file.clone());
        *self.names.entry(file.clone()).or_insert(1) += 1;
        self.insert(&entry.path, EntryKind::File, file);
    }

    fn insert(&mut self, path: &str, kind: EntryKind, file: String) {
        let upcased = upcase(path);
        if kind != EntryKind::Directory {
            self.remove_below(&upcased);
        }
        match self.paths.entry(upcased) {
            // The first spelling stays, as on a Windows host.
            Entry::Occupied(mut old) => {
                let spelling = std::mem::take(&mut old.get_mut().spelling);
                old.insert(Known {
                    spelling,
                    kind,
                    file,
                });
            }
            Entry::Vacant(new) => {
                new.insert(Known {
                    spelling: path.to_owned(),
                    kind,
                    file,
                });
            }
        }
    }

    fn remove(&mut self, upcased: &str) {
        self.paths.remove(upcased);
        self.remove_below(upcased);
    }

    fn remove_below(&mut self, upcased: &str) {
        let gone: Vec<String> = self.below(upcased).map(|(path, _)| path.clone()).collect();
        for path in gone {
            self.paths.remove(&path);
        }
    }
}
