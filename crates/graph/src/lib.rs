//! What a frontend may ask for: operations on trees, and the image made of them.
//!
//! Pure data. A frontend (today `crossdock-dockerfile`) fills a [`Graph`]; `crossdock-build`
//! performs it. Paths here are already resolved: absolute, `/`-separated, without `.` and `..`
//! (a Windows `C:\a\b` has become `/a/b`), each by the rules of the system that it belongs to.

mod draw;
#[cfg(test)]
mod tests;

use crossdock_image::{Config, Digest, ImageSource, Platform};

/// An operation's place in its [`Graph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId(u32);

/// Where in a source file something was asked for. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Location {
    /// The file as the user named it.
    pub file: String,
    /// First line.
    pub line: u32,
    /// Last line (an instruction may be continued).
    pub last_line: u32,
    /// The stage's name, or its number as text.
    pub stage: String,
    /// The instruction as one line, for progress and errors.
    pub text: String,
}

/// An operation with the place that asked for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What to do.
    pub operation: Operation,
    /// Who asked.
    pub location: Location,
    /// The platform of the tree that results (of a context: the host's meaning, Linux).
    pub platform: Platform,
}

/// One operation. Its result is a file tree.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// The file system of an image.
    Image {
        /// Which image.
        source: ImageSource,
        /// Which of its platforms.
        platform: Platform,
    },
    /// `FROM scratch`: an empty Linux tree, or a Windows base layer with its hives.
    Scratch,
    /// A build context; the main one has an empty name. Ignore patterns are applied by whoever
    /// reads it.
    Context {
        /// Name of a `--build-context`, empty for the main one.
        name: String,
    },
    /// `ADD` of a URL: a tree with one file.
    Download(Download),
    /// `ADD` of a git repository: its files.
    Git(Git),
    /// `COPY` and `ADD`.
    Copy(Box<Copy>),
    /// `WORKDIR`: make a directory and its missing parents, mode 0755.
    MakeDirectory {
        /// The tree to add to.
        base: OperationId,
        /// Absolute path.
        path: String,
        /// Owner as `USER` wrote it; `None` for the default user.
        owner: Option<String>,
    },
}

/// A file behind a URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Download {
    /// Where it is: `http` or `https`.
    pub url: String,
    /// Its name in the tree.
    pub name: String,
    /// The digest that its bytes must have.
    pub checksum: Option<Digest>,
}

/// Files of a git repository.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Git {
    /// The repository with reference and subdirectory, in any form that docker takes.
    pub url: String,
    /// `.git` is part of the tree.
    pub keep_git_dir: bool,
    /// The commit, or the beginning of its id, that the reference must be.
    pub checksum: Option<String>,
}

/// What `COPY` and `ADD` ask for.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Copy {
    /// The tree to add to.
    pub base: OperationId,
    /// What is copied, in the order in which it is laid down: later files replace earlier ones.
    pub sources: Vec<CopySource>,
    /// Destination, absolute.
    pub destination: String,
    /// The destination was written as a directory (`dir/`, `dir/.`, `.`), or several sources
    /// demand one.
    pub into_directory: bool,
    /// `--chown`, after expansion.
    pub owner: Option<String>,
    /// `--chmod`, after expansion: octal digits or a symbolic mode.
    pub mode: Option<Mode>,
    /// `--link`.
    pub link: bool,
    /// `--parents`.
    pub parents: bool,
    /// `--exclude` patterns.
    pub exclude: Vec<String>,
}

/// A parsed `--chmod`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Permission bits with setuid, setgid and sticky, at most 0o7777.
    Octal(u32),
    /// `u+x,go-w`: kept as text that `crossdock-dockerfile` has checked.
    Symbolic(String),
}

/// Where `COPY` and `ADD` take from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CopySource {
    /// Paths in another tree (a context, a stage, an image, a download), absolute in it; they may
    /// hold Go `filepath.Match` wildcards.
    Tree {
        /// The tree.
        tree: OperationId,
        /// The paths, in the order they were written.
        paths: Vec<SourcePath>,
        /// Files that are tars are unpacked (`ADD`, unless told otherwise).
        unpack: bool,
    },
    /// Here-documents.
    Inline(Vec<InlineFile>),
}

/// One source argument.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SourcePath {
    /// Absolute, `/`-separated; `/` for the root.
    pub path: String,
    /// The argument holds wildcards (`*`, `?`, `[`): matching nothing is a warning, not an error.
    pub wildcard: bool,
    /// With [`Copy::parents`]: how many leading components of `path` are not repeated beneath the
    /// destination, because they stand before a `/./`.
    pub pivot: usize,
    /// As the user wrote it, for messages.
    pub written: String,
}

/// A here-document as a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct InlineFile {
    /// File name.
    pub name: String,
    /// Content.
    pub content: Vec<u8>,
}

/// Operations, each referring to earlier ones only.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Graph {
    steps: Vec<Step>,
}

impl OperationId {
    /// The operation's number: steps are numbered from 0 in the order of [`Graph::steps`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl Graph {
    /// Appends a step and returns its id. An equal step that is there already is not added twice.
    ///
    /// # Panics
    /// If the step refers to an operation that this graph does not have yet: a defect of the
    /// frontend, never of its input.
    pub fn add(&mut self, step: Step) -> OperationId {
        for input in step.operation.inputs() {
            assert!(
                (input.0 as usize) < self.steps.len(),
                "operation {input:?} is not there yet"
            );
        }
        let same =
            |other: &Step| other.operation == step.operation && other.platform == step.platform;
        let place = self.steps.iter().position(same).unwrap_or_else(|| {
            self.steps.push(step);
            self.steps.len() - 1
        });
        OperationId(place as u32)
    }

    /// Appends all steps of another graph; equal ones are there once. Returns what each of its
    /// ids, by [`index`](OperationId::index), has become.
    pub fn absorb(&mut self, other: Self) -> Vec<OperationId> {
        let mut ids = Vec::with_capacity(other.steps.len());
        for step in other.steps {
            let operation = step.operation.renumbered(&ids);
            ids.push(self.add(Step { operation, ..step }));
        }
        ids
    }

    /// The step of an id that [`Graph::add`] returned.
    ///
    /// # Panics
    /// If the id is another graph's.
    pub fn step(&self, id: OperationId) -> &Step {
        &self.steps[id.0 as usize]
    }

    /// All steps, each after those that it refers to.
    pub fn steps(&self) -> impl Iterator<Item = (OperationId, &Step)> {
        self.steps
            .iter()
            .enumerate()
            .map(|(place, step)| (OperationId(place as u32), step))
    }
}

impl Operation {
    /// The same operation, each input replaced by what it has become.
    fn renumbered(mut self, ids: &[OperationId]) -> Self {
        match &mut self {
            Self::Image { .. }
            | Self::Scratch
            | Self::Context { .. }
            | Self::Download(_)
            | Self::Git(_) => {}
            Self::MakeDirectory { base, .. } => *base = ids[base.index()],
            Self::Copy(copy) => {
                copy.base = ids[copy.base.index()];
                for source in &mut copy.sources {
                    if let CopySource::Tree { tree, .. } = source {
                        *tree = ids[tree.index()];
                    }
                }
            }
        }
        self
    }

    /// The operations whose results this one reads.
    pub fn inputs(&self) -> Vec<OperationId> {
        match self {
            Self::Image { .. }
            | Self::Scratch
            | Self::Context { .. }
            | Self::Download(_)
            | Self::Git(_) => Vec::new(),
            Self::MakeDirectory { base, .. } => vec![*base],
            Self::Copy(copy) => std::iter::once(copy.base).chain(copy.trees()).collect(),
        }
    }
}

impl Copy {
    /// The trees that are copied from, in order.
    pub fn trees(&self) -> impl Iterator<Item = OperationId> {
        self.sources.iter().filter_map(|source| match source {
            CopySource::Tree { tree, .. } => Some(*tree),
            CopySource::Inline(_) => None,
        })
    }
}

/// An image that a frontend asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Its file system.
    pub tree: OperationId,
    /// Its platform; version and features come from the base.
    pub platform: Platform,
    /// Its config but for `created`, `rootfs` and `history`, which the builder fills in.
    pub config: Config,
    /// History of the base image, before this build's own.
    pub base_history: Vec<crossdock_image::History>,
    /// This build's history, oldest first.
    pub history: Vec<HistoryStep>,
}

impl Target {
    /// The same target in a graph that has absorbed this one's: `ids` is what
    /// [`Graph::absorb`] returned.
    pub fn renumbered(mut self, ids: &[OperationId]) -> Self {
        self.tree = ids[self.tree.index()];
        for step in &mut self.history {
            step.operation = step.operation.map(|id| ids[id.index()]);
        }
        self
    }
}

/// A history record of this build.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryStep {
    /// `created_by`.
    pub created_by: String,
    /// `comment`.
    pub comment: String,
    /// The operation whose layer the record describes; `None` for a change of config only. An
    /// operation that made no layer (a WORKDIR that was there) gives `empty_layer` too.
    pub operation: Option<OperationId>,
}
