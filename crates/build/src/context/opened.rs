//! Contexts of a build: opened for the Dockerfile, read for the operations.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossdock_dockerfile::IgnorePatterns;
use crossdock_graph::{Graph, Operation};
use crossdock_host::{HostNames, bytes_to_os, folder_names};
use crossdock_image::BlobDigest;
use crossdock_layer::{Limits, Timestamp, encode_path};
use crossdock_store::Store;

use crate::context::dockerfile::{MAX_DOCKERFILE, check_size};
use crate::context::ignore::{IGNORE_FILE, beside, parse_patterns, read_patterns};
use crate::context::{Context, ContextModes, ContextSource, DockerfilePlace, TarContext};
use crate::context_memory::ContextMemory;
use crate::error::BuildError;
use crate::event::{Event, Events};
use crate::layers::whole;
use crate::state::State;
use crate::tar_blob::{Incoming, KeepError, keep_tar};

/// A context that was opened, as the Dockerfile may lie in it. Clones share what it is.
#[derive(Debug, Clone)]
pub struct OpenedContext {
    /// What messages call it.
    pub(crate) name: String,
    pub(crate) opened: Opened,
    /// The Dockerfile, if that came instead of a context, and what messages call it.
    pub(crate) dockerfile: Option<(String, Vec<u8>)>,
    /// Where it can be had again.
    pub(crate) source: Option<ContextSource>,
}

/// What a context is.
#[derive(Debug, Clone)]
pub(crate) enum Opened {
    Folder(PathBuf),
    Tar(TarContext),
    Empty,
}

impl OpenedContext {
    /// A folder of this machine. It is looked at when it is needed.
    pub fn folder(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self {
            name: path.display().to_string(),
            source: None,
            opened: Opened::Folder(path),
            dockerfile: None,
        }
    }

    /// Reads a stream: a tar in any compression, which goes into the store, or a Dockerfile, whose
    /// context is empty. `name` is what messages call it.
    pub(crate) fn receive(
        name: &str,
        stream: impl Read,
        store: &Store,
        limits: &Limits,
    ) -> Result<Self, BuildError> {
        let failed = |source: KeepError| match source {
            KeepError::Scan(source) => BuildError::ContextTar {
                context: name.to_owned(),
                source: Box::new(source),
            },
            KeepError::Ingest(error) => error.into(),
            KeepError::Record(error) => error.into(),
        };
        let unread = |error: std::io::Error| failed(KeepError::Scan(error.into()));
        let incoming = Incoming::new(stream).map_err(unread)?;
        let (opened, dockerfile) = if incoming.is_archive() {
            let layer = keep_tar(store, limits, name, incoming).map_err(failed)?;
            let tar = TarContext::unpacked(layer).map_err(|source| BuildError::ContextTree {
                context: name.to_owned(),
                source: Box::new(source),
            })?;
            (Opened::Tar(tar), None)
        } else {
            let mut bytes = Vec::new();
            let read = incoming.into_inner().take(MAX_DOCKERFILE + 1);
            read_all(read, &mut bytes).map_err(|source| BuildError::ReadDockerfile {
                path: PathBuf::from(name),
                source,
            })?;
            (Opened::Empty, Some((name.to_owned(), bytes)))
        };
        Ok(Self {
            name: name.to_owned(),
            opened,
            dockerfile,
            source: None,
        })
    }

    /// The blob, if it is one.
    pub(crate) fn blob(&self) -> Option<&BlobDigest> {
        match &self.opened {
            Opened::Tar(tar) => Some(tar.blob()),
            Opened::Folder(_) | Opened::Empty => None,
        }
    }

    /// Reads the patterns of what is left out: those beside the Dockerfile, else the context's.
    pub(crate) fn patterns(
        &self,
        dockerfile: &DockerfilePlace,
        store: &Store,
    ) -> Result<IgnorePatterns, BuildError> {
        if let Opened::Folder(folder) = &self.opened {
            return patterns_in_folder(folder, dockerfile);
        }
        let mut patterns = match dockerfile {
            DockerfilePlace::Nowhere => None,
            DockerfilePlace::File(path) => read_patterns(&beside(path))?,
            DockerfilePlace::Context(path) => {
                self.patterns_in_tar(&beside(Path::new(path)), store)?
            }
        };
        if patterns.is_none() {
            patterns = self.patterns_in_tar(Path::new(IGNORE_FILE), store)?;
        }
        Ok(patterns.unwrap_or_default())
    }

    fn patterns_in_tar(
        &self,
        path: &Path,
        store: &Store,
    ) -> Result<Option<IgnorePatterns>, BuildError> {
        let Opened::Tar(tar) = &self.opened else {
            return Ok(None);
        };
        let inner = path.as_os_str().as_encoded_bytes();
        let bytes = tar.read_file(inner, MAX_DOCKERFILE, store);
        let bytes = bytes.map_err(|error| BuildError::Ignore {
            path: path.to_owned(),
            reason: format!("cannot be read: {error}"),
        })?;
        bytes.map(|bytes| parse_patterns(path, &bytes)).transpose()
    }
}

/// Reads the patterns of what is left out of the context `folder`: those beside the Dockerfile, else
/// the context's.
pub(crate) fn patterns_in_folder(
    folder: &Path,
    dockerfile: &DockerfilePlace,
) -> Result<IgnorePatterns, BuildError> {
    let patterns = match dockerfile {
        DockerfilePlace::File(path) => read_patterns(&beside(path))?,
        // No folder has a Dockerfile in it that is not a file of this machine.
        DockerfilePlace::Nowhere | DockerfilePlace::Context(_) => None,
    };
    let patterns = match patterns {
        None => read_patterns(&folder.join(IGNORE_FILE))?,
        patterns => patterns,
    };
    Ok(patterns.unwrap_or_default())
}

fn read_all(mut stream: impl Read, bytes: &mut Vec<u8>) -> std::io::Result<()> {
    stream.read_to_end(bytes)?;
    check_size(bytes)
}

/// The contexts that a build uses, each read once.
#[derive(Default)]
pub(crate) struct Contexts {
    read: BTreeMap<String, ReadContext>,
    blobs: Vec<BlobDigest>,
}

/// A context as operations read it.
struct ReadContext {
    context: OpenedContext,
    state: State,
    /// What the memory of a folder is kept under.
    key: Option<[u8; 32]>,
}

/// With what contexts are read.
pub(crate) struct ContextReading<'a> {
    pub(crate) store: &'a Store,
    pub(crate) events: Events<'a>,
    pub(crate) default_time: Timestamp,
    pub(crate) modes: ContextModes,
}

impl Contexts {
    /// Names of the contexts that `graph` reads, the main one's empty.
    pub(crate) fn used(graph: &Graph) -> impl Iterator<Item = &str> {
        graph.steps().filter_map(|(_, step)| match &step.operation {
            Operation::Context { name } => Some(&**name),
            _ => None,
        })
    }

    /// Reads a context.
    pub(crate) fn add(
        &mut self,
        name: &str,
        context: OpenedContext,
        dockerfile: &DockerfilePlace,
        reading: &ContextReading<'_>,
    ) -> Result<(), BuildError> {
        let again = context.source.as_ref().and(context.blob());
        self.blobs.extend(again);
        let patterns = context.patterns(dockerfile, reading.store)?;
        let (state, key) = match &context.opened {
            Opened::Folder(folder) => {
                let key = memory_key(name, folder);
                let memory = whole(reading.store.context_memory(&key)?, reading.events);
                let memory = ContextMemory::parse(&memory.unwrap_or_default());
                let read = Context::read(folder, &patterns, memory, reading.modes)?;
                for text in &read.warnings {
                    let text = format!("build context {}: {text}", context.name);
                    (reading.events)(Event::Warning { text });
                }
                (State::Context(Arc::new(read)), Some(key))
            }
            Opened::Tar(tar) => {
                let listed = tar.listed(&patterns, reading.default_time);
                (State::Layers(Arc::new(listed)), None)
            }
            Opened::Empty => (State::Layers(Arc::new(TarContext::nothing())), None),
        };
        let read = ReadContext {
            context,
            state,
            key,
        };
        self.read.insert(name.to_owned(), read);
        Ok(())
    }

    /// Blobs of contexts that can be had again.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = BlobDigest> {
        self.blobs.iter().copied()
    }

    /// The context of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&State> {
        self.read.get(name).map(|read| &read.state)
    }

    /// Whether the context `name` has something at `path` (with `/`), be it left out or not.
    pub(crate) fn contains(&self, name: &str, path: &str) -> bool {
        let path = path.trim_start_matches('/');
        match self.read.get(name).map(|read| &read.context.opened) {
            Some(Opened::Folder(folder)) => {
                let stored = match folder_names(folder) {
                    HostNames::Posix => path.as_bytes().to_vec(),
                    HostNames::Windows => encode_path(path.as_bytes()),
                };
                let stored = bytes_to_os(&stored);
                stored.is_ok_and(|stored| folder.join(stored).symlink_metadata().is_ok())
            }
            Some(Opened::Tar(tar)) => tar.contains(path.as_bytes()),
            Some(Opened::Empty) | None => false,
        }
    }

    /// Tells which files are executable in images for Linux only because nobody knows better.
    pub(crate) fn tell_modes(&self, graph: &Graph, events: Events<'_>) {
        let copies = graph.steps().filter_map(|(_, step)| match &step.operation {
            Operation::Copy(copy) if !step.platform.is_windows() => Some(copy),
            _ => None,
        });
        let names = copies.flat_map(|copy| copy.trees()).filter_map(|tree| {
            match &graph.step(tree).operation {
                Operation::Context { name } => Some(&**name),
                _ => None,
            }
        });
        for name in names.collect::<BTreeSet<&str>>() {
            let Some(read) = self.read.get(name) else {
                continue;
            };
            if let State::Context(context) = &read.state
                && let Some(note) = context.mode_counts.note()
            {
                let text = format!("build context {}: {note}", read.context.name);
                events(Event::Note { text });
            }
        }
    }

    /// Keeps the hashes of files of folders for the next build.
    pub(crate) fn remember(&self, store: &Store) -> Result<(), BuildError> {
        for read in self.read.values() {
            if let (State::Context(context), Some(key)) = (&read.state, &read.key)
                && let Some(memory) = context.memory()
            {
                store.put_context_memory(key, &memory)?;
            }
        }
        Ok(())
    }
}

/// What the memory of a folder is kept under: its path, and the context's name, as another one may
/// leave out other files of it.
fn memory_key(name: &str, folder: &Path) -> [u8; 32] {
    let whole = folder.canonicalize();
    let whole = whole.unwrap_or_else(|_| folder.to_owned());
    let mut hasher = blake3::Hasher::new();
    hasher.update(whole.as_os_str().as_encoded_bytes());
    if !name.is_empty() {
        hasher.update(b"\0").update(name.as_bytes());
    }
    *hasher.finalize().as_bytes()
}
