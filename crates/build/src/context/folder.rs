//! A folder of the host as a context.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crossdock_dockerfile::IgnorePatterns;
use crossdock_host::{ContextEntry, ContextError, ContextKind, ContextReader};
use crossdock_layer::{
    Content, Entry, Kind, LayerFormat, Loss, LossKind, Name, NodeId, Timestamp, Tree, show_path,
};

use crate::context::ContextModes;
use crate::context::ignore::IgnoreWalk;
use crate::context::modes::{Form, ModeCounts, ModeRules};
use crate::context_memory::{ContextMemory, FileState};
use crate::error::BuildError;

/// A folder that has been listed. Its files are read when they are copied.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) tree: Arc<Tree>,
    reader: ContextReader,
    /// Paths of files by the number that their content has in the tree, and what tells whether
    /// they have changed.
    files: Vec<(Vec<u8>, Option<FileState>)>,
    /// Hashes of files that earlier builds learnt.
    memory: Mutex<ContextMemory>,
    /// Hashes that this build has asked for, by the number of the content. They stay what they
    /// were: keys are made of them.
    hashes: Mutex<HashMap<u64, [u8; 32]>>,
    /// What no layer can hold, by path.
    pub(crate) losses: Vec<(Vec<u8>, Loss)>,
    /// Where the modes of its files came from.
    pub(crate) mode_counts: ModeCounts,
    /// What is odd about it.
    pub(crate) warnings: Vec<String>,
}

impl Context {
    /// Lists the folder but for what `ignore` leaves out. `memory` knows hashes of its files, and
    /// `modes` says where their modes come from.
    pub(crate) fn read(
        root: &Path,
        ignore: &IgnorePatterns,
        memory: ContextMemory,
        modes: ContextModes,
    ) -> Result<Self, BuildError> {
        let reader = ContextReader::open(root)?;
        let mut rules = ModeRules::new(modes, root, ContextReader::HAS_MODES)?;
        let mut walk = IgnoreWalk::new(ignore);
        let entries = reader.walk(&mut |path, directory| walk.visit(path, directory))?;
        let mut context = Self {
            tree: Arc::new(Tree::empty(LayerFormat::Linux)),
            reader,
            files: Vec::new(),
            memory: Mutex::new(memory),
            hashes: Mutex::default(),
            losses: Vec::new(),
            mode_counts: ModeCounts::default(),
            warnings: Vec::new(),
        };
        let hollow = walk.hollow(entries.iter().map(|entry| &entry.path[..]));
        let mut tree = Tree::empty(LayerFormat::Linux);
        let mut directories: HashMap<&[u8], NodeId> = HashMap::new();
        let mut linked: HashMap<((u64, u64), u32), NodeId> = HashMap::new();
        directories.insert(b"", tree.root());
        for entry in entries.iter().filter(|entry| !hollow.contains(&entry.path)) {
            let (parent, name) = match entry.path.iter().rposition(|&byte| byte == b'/') {
                None => (&b""[..], &entry.path[..]),
                Some(at) => (&entry.path[..at], &entry.path[at + 1..]),
            };
            // A directory that vanished while it was listed takes its entries with it.
            let Some(&directory) = directories.get(parent) else {
                continue;
            };
            let name = Name::plain(name);
            let form = rules.form(entry, None, || context.content(entry))?;
            // Names of one file that git gives several modes are several files.
            let hard_link = entry.hard_link.map(|id| (id, form.mode()));
            if let Some(&first) = hard_link.and_then(|id| linked.get(&id)) {
                tree.insert_hard_link(directory, &name, first);
                continue;
            }
            let Some(made) = context.entry(entry, form) else {
                continue;
            };
            let node = tree.insert(directory, &name, made);
            if entry.kind == ContextKind::Directory {
                directories.insert(&entry.path, node);
            }
            if let Some(id) = hard_link {
                linked.insert(id, node);
            }
        }
        context.tree = Arc::new(tree);
        context.mode_counts = rules.counts;
        context.warnings = rules.warnings;
        Ok(context)
    }

    /// The content of a file that is small.
    fn content(&self, entry: &ContextEntry) -> Result<Vec<u8>, ContextError> {
        let mut content = Vec::new();
        let mut file = self.reader.open_file(&entry.path)?;
        file.read_to_end(&mut content)
            .map_err(|source| ContextError::Read {
                root: self.reader.path().to_owned(),
                path: entry.path.clone(),
                operation: "cannot be read",
                source,
            })?;
        Ok(content)
    }

    fn entry(&mut self, entry: &ContextEntry, form: Form) -> Option<Entry> {
        let lose = |kind| Loss {
            kind,
            path: show_path(LayerFormat::Linux, &entry.path),
            detail: String::new(),
        };
        let mode = form.mode();
        let kind = match (&entry.kind, form) {
            (ContextKind::File { .. }, Form::Link(text)) => Kind::Symlink(text),
            (ContextKind::File { size }, Form::Mode(_)) => {
                self.files.push((entry.path.clone(), FileState::of(entry)));
                let id = self.files.len() as u64 - 1;
                Kind::File(Content::External { id, size: *size })
            }
            (ContextKind::Directory, _) => Kind::Directory,
            (ContextKind::Symlink { target }, _) => Kind::Symlink(target.clone()),
            (ContextKind::ReparsePoint, _) => Kind::Symlink(Vec::new()),
            (ContextKind::Fifo, _) => Kind::Fifo,
            (ContextKind::CharDevice { major, minor }, _) => Kind::CharDevice(*major, *minor),
            (ContextKind::BlockDevice { major, minor }, _) => Kind::BlockDevice(*major, *minor),
            (ContextKind::Socket, _) => {
                self.losses
                    .push((entry.path.clone(), lose(LossKind::Socket)));
                return None;
            }
        };
        let modified = Timestamp {
            seconds: entry.mtime.0,
            nanoseconds: entry.mtime.1,
        };
        let mut made = Entry::new(kind, mode, modified, LayerFormat::Linux);
        for (name, value) in &entry.xattrs {
            if name.contains(&b'=') {
                let mut loss = lose(LossKind::AttributeName);
                loss.detail = String::from_utf8_lossy(name).into_owned();
                self.losses.push((entry.path.clone(), loss));
                continue;
            }
            made.posix.xattrs.insert(name.clone(), value.clone());
        }
        Some(made)
    }

    /// Opens a file by the number of its content.
    pub(crate) fn open(&self, id: u64) -> io::Result<File> {
        let (path, _) = self.file(id)?;
        self.reader.open_file(path).map_err(io::Error::other)
    }

    fn file(&self, id: u64) -> io::Result<&(Vec<u8>, Option<FileState>)> {
        let file = self.files.get(id as usize);
        file.ok_or_else(|| io::Error::other("not a file of this context"))
    }

    /// The BLAKE3 of a file's content when it was first asked for.
    pub(crate) fn hash(&self, id: u64) -> io::Result<[u8; 32]> {
        let hashes = || self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        let known = hashes().get(&id).copied();
        match known {
            Some(hash) => Ok(hash),
            None => {
                let hash = self.hash_now(id)?;
                Ok(*hashes().entry(id).or_insert(hash))
            }
        }
    }

    /// The hash of a file as it is, which is read unless it is remembered.
    fn hash_now(&self, id: u64) -> io::Result<[u8; 32]> {
        let (path, state) = self.file(id)?;
        let memory = || self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let known = state.and_then(|state| memory().recall(path, &state));
        if let Some(hash) = known {
            return Ok(hash);
        }
        let now = SystemTime::now();
        let mut hasher = blake3::Hasher::new();
        io::copy(&mut self.open(id)?, &mut hasher).map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", self.file_path(id)))
        })?;
        let hash = *hasher.finalize().as_bytes();
        if let Some(state) = *state {
            memory().learn(path, state, hash, now);
        }
        Ok(hash)
    }

    /// Opens a file whose hash was asked for; its end is only reached if the content still has it.
    /// Else a layer would be kept under the key of another content.
    pub(crate) fn open_unchanged(&self, id: u64) -> io::Result<Unchanged> {
        Ok(Unchanged {
            inner: self.open(id)?,
            hasher: blake3::Hasher::new(),
            expected: self.hash(id)?,
            path: self.file_path(id),
        })
    }

    /// What is to be remembered of the files, if something new was learnt.
    pub(crate) fn memory(&self) -> Option<Vec<u8>> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if !memory.has_changed() {
            return None;
        }
        let there: HashSet<&[u8]> = self.files.iter().map(|(path, _)| &path[..]).collect();
        memory.keep(|path| there.contains(path));
        Some(memory.to_bytes())
    }

    /// The path of a file by the number of its content.
    pub(crate) fn file_path(&self, id: u64) -> String {
        let file = self.files.get(id as usize);
        let path = file.map(|(path, _)| path.as_slice()).unwrap_or_default();
        String::from_utf8_lossy(path).into_owned()
    }
}

/// Reads a file that must have the content that it had.
pub(crate) struct Unchanged {
    inner: File,
    hasher: blake3::Hasher,
    expected: [u8; 32],
    path: String,
}

impl Read for Unchanged {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..length]);
        if length == 0 && !buffer.is_empty() && *self.hasher.finalize().as_bytes() != self.expected
        {
            return Err(io::Error::other(format!(
                "{}: has changed while it was being read; build again",
                self.path
            )));
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests;
