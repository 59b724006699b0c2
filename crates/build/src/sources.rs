//! What a copy takes from: a stage, an image, a context, archives in it, here-documents.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use crossdock_dockerfile::match_path;
use crossdock_graph::{Copy, CopySource, InlineFile, OperationId, SourcePath, Step};
use crossdock_image::DiffId;
use crossdock_layer::{
    Content, Entry, Gathered, Kind, LayerFormat, Loss, Name, NodeId, Part, SelectError, Selected,
    Tree, select,
};

use crate::archive::Archive;
use crate::choice::{Excluded, Wanted};
use crate::content::Found;
use crate::context::Context;
use crate::error::BuildError;
use crate::layers::Layer;
use crate::perform::{Performer, edit_error};
use crate::state::State;

/// What a copy takes from: trees that live as long as the copy.
pub(crate) struct Sources {
    /// One for each source of the copy, in its order.
    pub(crate) trees: Vec<Arc<Tree>>,
    pub(crate) context: Option<Arc<Context>>,
    pub(crate) layers: Vec<Arc<Layer>>,
    pub(crate) archives: Vec<Archive>,
}

impl Performer<'_> {
    pub(crate) fn sources(
        &self,
        step: &Step,
        copy: &Copy,
        states: &BTreeMap<OperationId, State>,
    ) -> Result<Sources, BuildError> {
        let mut sources = Sources {
            trees: Vec::new(),
            context: None,
            layers: Vec::new(),
            archives: Vec::new(),
        };
        for source in &copy.sources {
            let tree = match source {
                CopySource::Inline(files) => Arc::new(self.inline_tree(files)),
                CopySource::Tree { tree, .. } => match &states[tree] {
                    State::Context(context) => {
                        sources.context = Some(Arc::clone(context));
                        Arc::clone(&context.tree)
                    }
                    State::Layers(state) => {
                        sources.layers.extend(state.layers.iter().cloned());
                        self.tree(state)?
                    }
                },
            };
            sources.trees.push(Arc::clone(&tree));
            if let CopySource::Tree {
                paths,
                unpack: true,
                ..
            } = source
            {
                for path in paths {
                    for selected in self.select(step, path, &tree).unwrap_or_default() {
                        self.open_archive(step, &mut sources, &tree, &selected)?;
                    }
                }
            }
        }
        Ok(sources)
    }

    fn inline_tree(&self, files: &[InlineFile]) -> Tree {
        let mut tree = Tree::empty(LayerFormat::Linux);
        for file in files {
            let content = Content::Inline(Arc::from(file.content.as_slice()));
            let entry = Entry::new(
                Kind::File(content),
                0o644,
                self.default_time(),
                LayerFormat::Linux,
            );
            tree.insert(tree.root(), &Name::plain(file.name.as_str()), entry);
        }
        tree
    }

    fn select(
        &self,
        step: &Step,
        path: &SourcePath,
        tree: &Tree,
    ) -> Result<Vec<Selected>, BuildError> {
        let selected = select(tree, path.path.as_bytes(), path.wildcard, &match_names);
        selected.map_err(|source| self.source_error(step, path, source))
    }

    /// The parts of directories that a source means with `--parents`, each with its directory.
    /// Links before `/./` are followed, others are copied.
    fn parents(
        &self,
        step: &Step,
        path: &SourcePath,
        tree: &Tree,
        excluded: &Excluded,
    ) -> Result<Vec<(NodeId, Wanted, Part)>, BuildError> {
        let failed = |source| self.source_error(step, path, source);
        let names: Vec<&str> = path
            .path
            .split('/')
            .filter(|name| !name.is_empty())
            .collect();
        let (before, names) = names.split_at(path.pivot.min(names.len()));
        let before = before.join("/");
        let directories = select(tree, before.as_bytes(), path.wildcard, &match_names);
        let mut parts = Vec::new();
        for directory in directories.map_err(failed)? {
            let directory = directory.node;
            if path.wildcard && !tree.is_directory(directory) {
                continue;
            }
            let wanted = Wanted::parse(names, path.wildcard, tree.format()).map_err(failed)?;
            if !path.wildcard {
                wanted.check_exists(tree, directory).map_err(failed)?;
            }
            let part = excluded.choose(tree, directory, &wanted);
            parts.push((directory, wanted, part));
        }
        Ok(parts)
    }

    fn source_error(&self, step: &Step, path: &SourcePath, source: SelectError) -> BuildError {
        BuildError::Source {
            location: Box::new(step.location.clone()),
            source,
            hint: self.missing_hint(&path.path, &path.written),
        }
    }

    fn excluded(&self, step: &Step, copy: &Copy) -> Result<Excluded, BuildError> {
        let windows = step.platform.is_windows();
        let mut useless = |pattern: &str| {
            let text = "begins with a slash and so matches nothing: patterns are relative to what \
                        is copied";
            self.warn(step, &format!("--exclude={pattern} {text}"));
        };
        Excluded::parse(&copy.exclude, windows, &mut useless).map_err(|reason| {
            BuildError::Exclude {
                location: Box::new(step.location.clone()),
                reason,
            }
        })
    }

    fn missing_hint(&self, path: &str, written: &str) -> String {
        if self.contexts.contains("", path) && !written.is_empty() {
            return format!(
                " ({written} exists in the folder of the context; if that is meant, look whether \
                 .dockerignore excludes it)"
            );
        }
        String::new()
    }

    pub(crate) fn gather<'s>(
        &self,
        step: &Step,
        copy: &Copy,
        sources: &'s Sources,
        gathered: &mut Gathered<'s>,
        losses: &mut Vec<Loss>,
    ) -> Result<(), BuildError> {
        let excluded = self.excluded(step, copy)?;
        let mut all: Vec<(&Tree, Chosen)> = Vec::new();
        for (source, tree) in copy.sources.iter().zip(&sources.trees) {
            match source {
                CopySource::Inline(_) => {
                    let files = tree.children(tree.root());
                    let files = files.map(|node| Chosen::One(Selected { node, named: node }));
                    all.extend(files.map(|file| (&**tree, file)));
                }
                CopySource::Tree { paths, .. } if copy.parents => {
                    for path in paths {
                        let parts = self.parents(step, path, tree, &excluded)?;
                        if parts.iter().all(|(_, _, part)| part.is_empty()) {
                            self.warn(step, &format!("{} matches nothing", path.written));
                        }
                        let parts = parts.into_iter().map(Chosen::Part);
                        all.extend(parts.map(|part| (&**tree, part)));
                    }
                }
                CopySource::Tree { paths, .. } => {
                    for path in paths {
                        let found = self.select(step, path, tree)?;
                        if found.is_empty() {
                            self.warn(step, &format!("{} matches nothing", path.written));
                        }
                        all.extend(found.into_iter().map(|one| (&**tree, Chosen::One(one))));
                    }
                }
            }
        }
        for (tree, chosen) in &all {
            let added = match chosen {
                Chosen::Part((directory, wanted, part)) => {
                    let takes = &|path: &[u8]| excluded.takes(path, wanted);
                    sources.losses_below(tree.path(*directory), takes, losses);
                    gathered.add_part(tree, *directory, part)
                }
                Chosen::One(one) => {
                    if let Some(archive) = sources.archive(tree, one) {
                        gathered.add_unpacked(&archive.tree)
                    } else if tree.is_directory(one.node) {
                        let takes = &|path: &[u8]| !excluded.leaves_out(path);
                        sources.losses_below(tree.path(one.node), takes, losses);
                        match excluded.is_empty() {
                            true => gathered.add_contents(tree, one.node),
                            false => {
                                let rest = excluded.rest(tree, one.node);
                                gathered.add_part(tree, one.node, &rest)
                            }
                        }
                    } else if copy.into_directory {
                        gathered.add_file(tree, one)
                    } else {
                        gathered.add_single(tree, one)
                    }
                }
            };
            added.map_err(|source| edit_error(step, source))?;
        }
        Ok(())
    }
}

/// What a source argument leads to.
enum Chosen {
    /// A file, or a directory whose contents are meant.
    One(Selected),
    /// Part of a directory.
    Part((NodeId, Wanted, Part)),
}

/// Go's `filepath.Match` of one name.
fn match_names(pattern: &[u8], name: &[u8]) -> Option<bool> {
    match_path(std::str::from_utf8(pattern).ok()?, name).ok()
}

impl Sources {
    /// What a context holds below `path` that no layer can, if `takes` says yes to the rest of its
    /// path.
    fn losses_below(&self, path: Vec<u8>, takes: &dyn Fn(&[u8]) -> bool, losses: &mut Vec<Loss>) {
        let Some(context) = &self.context else { return };
        let below = |other: &[u8]| match path.as_slice() {
            b"" => takes(other),
            path => other
                .strip_prefix(path)
                .and_then(|rest| rest.strip_prefix(b"/"))
                .is_some_and(takes),
        };
        losses.extend(
            context
                .losses
                .iter()
                .filter(|(p, _)| below(p))
                .map(|(_, l)| l.clone()),
        );
    }

    /// The context that is copied from.
    pub(crate) fn context(&self) -> io::Result<&Context> {
        let context = self.context.as_deref();
        context.ok_or_else(|| io::Error::other("no context"))
    }

    /// The hash of a context file's content.
    pub(crate) fn hash(&self, id: u64) -> io::Result<[u8; 32]> {
        self.context()?.hash(id)
    }

    /// Finds the blob of a layer that is copied from.
    pub(crate) fn find_layer(&self, layer: &DiffId) -> io::Result<Found> {
        let mut archives = self.archives.iter();
        if let Some(archive) = archives.find(|archive| archive.diff_id == *layer) {
            return archive.open(self);
        }
        find_layer(&self.layers, layer)
    }
}

pub(crate) fn find_layer(layers: &[Arc<Layer>], layer: &DiffId) -> io::Result<Found> {
    let found = layers.iter().find(|other| other.diff_id == *layer);
    let found = found.ok_or_else(|| io::Error::other(format!("layer {layer} is not there")))?;
    Ok(Found::Layer(Arc::clone(found)))
}
