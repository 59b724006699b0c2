//! What a copy takes from: a stage, an image, a context, archives in it, here-documents.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;

use crossdock_dockerfile::match_path;
use crossdock_graph::{Copy, CopySource, InlineFile, OperationId, Step};
use crossdock_image::DiffId;
use crossdock_layer::{
    Content, Entry, Gathered, Kind, LayerFormat, Loss, Name, ScanError, Selected, TarErrorKind,
    Tree, scan_layer, select,
};

use crate::content::Found;
use crate::context::Context;
use crate::error::BuildError;
use crate::layers::Layer;
use crate::perform::{Performer, edit_error};
use crate::state::State;

/// An archive of `ADD` that is unpacked.
pub(crate) struct Archive {
    tree: Tree,
    diff_id: DiffId,
    /// The number of the file in the context.
    file: u64,
}

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

    /// Indexes a file of the context if it is a tar, in any compression that is known.
    fn open_archive(
        &self,
        step: &Step,
        sources: &mut Sources,
        tree: &Tree,
        selected: &Selected,
    ) -> Result<(), BuildError> {
        let Some(context) = &sources.context else {
            return Ok(());
        };
        let Some(Kind::File(Content::External { id, size })) =
            tree.entry(selected.node).map(|entry| entry.kind)
        else {
            return Ok(());
        };
        if size == 0 || sources.archives.iter().any(|archive| archive.file == id) {
            return Ok(());
        }
        let failed = |source: ScanError| BuildError::Archive {
            location: Box::new(step.location.clone()),
            path: context.file_path(id),
            source: Box::new(source),
        };
        let file = context.open(id).map_err(|error| failed(error.into()))?;
        let mut start = [0; 6];
        let mut reader = io::BufReader::new(file);
        let known = io::Read::by_ref(&mut reader).take(6).read(&mut start);
        known.map_err(|error| failed(error.into()))?;
        if start.starts_with(b"BZh") || start == *b"\xfd7zXZ\0" {
            return Err(BuildError::Unsupported {
                location: Box::new(step.location.clone()),
                what: format!("unpacking {} (bzip2 or xz)", context.file_path(id)),
            });
        }
        let file = context.open(id).map_err(|error| failed(error.into()))?;
        let scan = match scan_layer(file, &self.request.limits) {
            Ok(scan) => scan,
            // Not a tar at all: the file is copied as it is.
            Err(ScanError::Tar(error)) if error.offset < 1024 && error.path.is_empty() => {
                let not_a_tar = matches!(
                    error.kind,
                    TarErrorKind::Checksum
                        | TarErrorKind::Truncated(_)
                        | TarErrorKind::LoneZeroBlock
                );
                return if not_a_tar {
                    Ok(())
                } else {
                    Err(failed(error.into()))
                };
            }
            // A gzip file, say, of something else, or damaged: docker copies it too.
            Err(ScanError::Read(_)) => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        if scan.index.is_empty() {
            return Ok(());
        }
        let diff_id = scan.index.diff_id();
        let tree = Tree::stack(LayerFormat::Linux, [Arc::new(scan.index)]);
        let tree = tree.map_err(|source| BuildError::Stack {
            image: context.file_path(id),
            source: Box::new(source),
        })?;
        sources.archives.push(Archive {
            tree,
            diff_id,
            file: id,
        });
        Ok(())
    }

    fn select(
        &self,
        step: &Step,
        path: &crossdock_graph::SourcePath,
        tree: &Tree,
    ) -> Result<Vec<Selected>, BuildError> {
        let matcher =
            |pattern: &[u8], name: &[u8]| match_path(std::str::from_utf8(pattern).ok()?, name).ok();
        select(tree, path.path.as_bytes(), path.wildcard, &matcher).map_err(|source| {
            let hint = self.missing_hint(&path.path, &path.written);
            BuildError::Source {
                location: Box::new(step.location.clone()),
                source,
                hint,
            }
        })
    }

    fn missing_hint(&self, path: &str, written: &str) -> String {
        let in_context = self.context.is_some()
            && self
                .request
                .context
                .join(path.trim_start_matches('/'))
                .symlink_metadata()
                .is_ok();
        if in_context && !written.is_empty() {
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
        let mut all: Vec<(&Tree, Selected)> = Vec::new();
        for (source, tree) in copy.sources.iter().zip(&sources.trees) {
            match source {
                CopySource::Inline(_) => {
                    let files = tree.children(tree.root());
                    all.extend(files.map(|node| (&**tree, Selected { node, named: node })));
                }
                CopySource::Tree { paths, .. } => {
                    for path in paths {
                        let found = self.select(step, path, tree)?;
                        if found.is_empty() {
                            self.warn(step, &format!("{} matches nothing", path.written));
                        }
                        all.extend(found.into_iter().map(|selected| (&**tree, selected)));
                    }
                }
            }
        }
        let several = copy.into_directory || all.len() > 1;
        for (tree, selected) in &all {
            let archive = sources.archive(tree, selected);
            let added = if let Some(archive) = archive {
                gathered.add_contents(&archive.tree, archive.tree.root())
            } else if tree.is_directory(selected.node) {
                sources.losses_below(tree.path(selected.node), losses);
                gathered.add_contents(tree, selected.node)
            } else if several {
                gathered.add_file(tree, selected)
            } else {
                gathered.add_single(tree, selected);
                Ok(())
            };
            added.map_err(|source| edit_error(step, source))?;
        }
        Ok(())
    }
}

impl Sources {
    fn archive(&self, tree: &Tree, selected: &Selected) -> Option<&Archive> {
        if self.archives.is_empty() {
            return None;
        }
        match tree.entry(selected.node)?.kind {
            Kind::File(Content::External { id, .. }) => {
                self.archives.iter().find(|archive| archive.file == id)
            }
            _ => None,
        }
    }

    /// What a context holds below `path` that no layer can.
    fn losses_below(&self, path: Vec<u8>, losses: &mut Vec<Loss>) {
        let Some(context) = &self.context else { return };
        let below = |other: &[u8]| {
            path.is_empty()
                || other
                    .strip_prefix(&path[..])
                    .is_some_and(|rest| rest.starts_with(b"/"))
        };
        losses.extend(
            context
                .losses
                .iter()
                .filter(|(p, _)| below(p))
                .map(|(_, l)| l.clone()),
        );
    }

    /// The hash of a context file's content.
    pub(crate) fn hash(&self, id: u64) -> io::Result<[u8; 32]> {
        let context = self
            .context
            .as_ref()
            .ok_or_else(|| io::Error::other("no context"))?;
        context.hash(id)
    }

    /// Finds the blob of a layer that is copied from.
    pub(crate) fn find_layer(&self, layer: &DiffId) -> io::Result<Found> {
        if let Some(archive) = self
            .archives
            .iter()
            .find(|archive| archive.diff_id == *layer)
        {
            let context = self
                .context
                .as_ref()
                .ok_or_else(|| io::Error::other("no context"))?;
            return Ok(Found::Archive(Box::new(context.open(archive.file)?)));
        }
        find_layer(&self.layers, layer)
    }
}

pub(crate) fn find_layer(layers: &[Arc<Layer>], layer: &DiffId) -> io::Result<Found> {
    let found = layers.iter().find(|other| other.diff_id == *layer);
    let found = found.ok_or_else(|| io::Error::other(format!("layer {layer} is not there")))?;
    Ok(Found::Layer(Arc::clone(found)))
}
