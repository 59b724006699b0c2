//! A folder of the host as a context.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crossdock_dockerfile::IgnorePatterns;
use crossdock_host::{
    ContextEntry, ContextError, ContextKind, ContextReader, HostNames, folder_names,
};
use crossdock_layer::{
    Content, Entry, Kind, LayerFormat, Loss, LossKind, Name, NodeId, NtfsFound, ReparseTarget,
    Timestamp, Tree, decode_component, decode_path, show_path,
};

use crate::context::ignore::IgnoreWalk;
use crate::context::modes::{Form, ModeCounts, ModeRules};
use crate::context::{ContextModes, ntfs};
use crate::context_memory::{ContextMemory, FileState};
use crate::error::BuildError;

/// A folder that has been listed. Its files are read when they are copied.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) tree: Arc<Tree>,
    reader: ContextReader,
    /// Files by the number that their content has in the tree.
    files: Vec<ContextFile>,
    /// Whether entries belong to whom they belong here.
    owners: bool,
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

/// A file of a context, or an alternate stream of one.
#[derive(Debug)]
pub(super) struct ContextFile {
    pub(super) path: Vec<u8>,
    pub(super) stream: Option<Vec<u8>>,
    /// What tells whether it has changed.
    pub(super) state: Option<FileState>,
}

impl Context {
    /// Lists a folder that holds a root file system: everything, and whom it belongs to.
    pub(crate) fn root_file_system(root: &Path) -> Result<Self, BuildError> {
        let (ignore, memory) = (IgnorePatterns::default(), ContextMemory::default());
        Self::list(root, &ignore, memory, ContextModes::Auto, true)
    }

    /// Lists the folder but for what `ignore` leaves out. `memory` knows hashes of its files, and
    /// `modes` says where their modes come from.
    pub(crate) fn read(
        root: &Path,
        ignore: &IgnorePatterns,
        memory: ContextMemory,
        modes: ContextModes,
    ) -> Result<Self, BuildError> {
        Self::list(root, ignore, memory, modes, false)
    }

    fn list(
        root: &Path,
        ignore: &IgnorePatterns,
        memory: ContextMemory,
        modes: ContextModes,
        owners: bool,
    ) -> Result<Self, BuildError> {
        let reader = ContextReader::open(root)?;
        let names = folder_names(root);
        // What a Linux host says of modes on NTFS, it says of all files.
        let has_modes = ContextReader::HAS_MODES && names == HostNames::Posix;
        let mut rules = ModeRules::new(modes, root, has_modes)?;
        let mut walk = IgnoreWalk::new(ignore);
        let mut entries =
            reader.walk(&mut |path, directory| walk.visit(&shown_path(path, names), directory))?;
        entries.iter_mut().for_each(ntfs::set_mode);
        let paths = entries.iter().map(|entry| shown_path(&entry.path, names));
        let paths: Vec<Cow<'_, [u8]>> = paths.collect();
        let hollow = walk.hollow(paths.iter().map(|path| &path[..]));
        let listed = entries.iter().zip(&paths);
        let listed = listed.filter(|(_, path)| !hollow.contains(&path[..]));
        let listed: Vec<(&ContextEntry, &[u8])> =
            listed.map(|(entry, path)| (entry, &path[..])).collect();
        let mut context = Self {
            tree: Arc::new(Tree::empty(LayerFormat::Linux)),
            reader,
            files: Vec::new(),
            owners,
            memory: Mutex::new(memory),
            hashes: Mutex::default(),
            losses: Vec::new(),
            mode_counts: ModeCounts::default(),
            warnings: Vec::new(),
        };
        context.arrange(&listed, names, &mut rules)?;
        context.mode_counts = rules.counts;
        context.warnings = rules.warnings;
        Ok(context)
    }

    /// Makes the tree of entries with their paths on Linux, directories before what is in them.
    fn arrange(
        &mut self,
        listed: &[(&ContextEntry, &[u8])],
        names: HostNames,
        rules: &mut ModeRules,
    ) -> Result<(), BuildError> {
        let mut tree = Tree::empty(LayerFormat::Linux);
        let mut directories: HashMap<&[u8], NodeId> = HashMap::new();
        let mut linked: HashMap<((u64, u64), u32), NodeId> = HashMap::new();
        directories.insert(b"", tree.root());
        for &(entry, path) in listed {
            let (parent, name) = divided(&entry.path);
            // A directory that vanished while it was listed takes its entries with it.
            let Some(&directory) = directories.get(parent) else {
                continue;
            };
            let Some(found) = self.found(entry, path) else {
                continue;
            };
            let name = match (&found, names) {
                (Some((found, _)), _) => found.name(name),
                (None, HostNames::Windows) => Name::plain(decode_component(name)),
                (None, HostNames::Posix) => Name::plain(name),
            };
            if tree.child(directory, &name.stored).is_some() {
                return Err(self.same_name(listed, entry, &name.stored));
            }
            let own = found.as_ref().filter(|(found, _)| found.has_mode);
            let own = own.map(|(found, _)| found.entry.posix.mode);
            let form = rules.form(entry, own, || self.content(entry))?;
            // Names of one file that git gives several modes are several files.
            let hard_link = entry.hard_link.map(|id| (id, form.mode()));
            if let Some(&first) = hard_link.and_then(|id| linked.get(&id)) {
                tree.insert_hard_link(directory, &name, first);
                continue;
            }
            let Some(made) = self.entry(entry, path, form, found) else {
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
        self.tree = Arc::new(tree);
        Ok(())
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

    fn entry(
        &mut self,
        entry: &ContextEntry,
        path: &[u8],
        form: Form,
        found: Option<(NtfsFound, Vec<ContextFile>)>,
    ) -> Option<Entry> {
        let found = found.map(|(found, streams)| {
            // Their numbers begin here.
            self.files.extend(streams);
            found.entry
        });
        let mode = form.mode();
        let kind = match (&entry.kind, form) {
            (ContextKind::File { .. }, Form::Link(text)) => Kind::Symlink(text),
            (ContextKind::File { size }, Form::Mode(_)) => {
                self.files.push(ContextFile {
                    path: entry.path.clone(),
                    stream: None,
                    state: FileState::of(entry),
                });
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
                let loss = lost(LossKind::Socket, path);
                self.losses.push((path.to_vec(), loss));
                return None;
            }
        };
        if let Some(found) = found.filter(|_| !is_text_of_link(entry, &kind)) {
            return Some(self.ntfs_entry(found, kind, mode));
        }
        let modified = Timestamp {
            seconds: entry.mtime.0,
            nanoseconds: entry.mtime.1,
        };
        let mut made = Entry::new(kind, mode, modified, LayerFormat::Linux);
        if let (true, Some((uid, gid))) = (self.owners, entry.owner) {
            (made.posix.uid, made.posix.gid) = (uid.into(), gid.into());
        }
        for (name, value) in &entry.xattrs {
            if name.contains(&b'=') {
                let mut loss = lost(LossKind::AttributeName, path);
                loss.detail = String::from_utf8_lossy(name).into_owned();
                self.losses.push((path.to_vec(), loss));
                continue;
            }
            made.posix.xattrs.insert(name.clone(), value.clone());
        }
        Some(made)
    }

    /// What NTFS says of an entry, if it is there. `None` if no layer can hold it.
    fn found(
        &mut self,
        entry: &ContextEntry,
        path: &[u8],
    ) -> Option<Option<(NtfsFound, Vec<ContextFile>)>> {
        let Some(ntfs) = entry
            .ntfs
            .as_deref()
            .filter(|_| entry.kind != ContextKind::Socket)
        else {
            return Some(None);
        };
        // The file itself comes after its streams.
        let found = ntfs::find(entry, ntfs, self.files.len() as u64);
        let Some((found, streams)) = found else {
            let target = ntfs.reparse.as_deref().and_then(ReparseTarget::parse);
            let kind = match target {
                Some(ReparseTarget::Socket) => LossKind::Socket,
                _ => LossKind::ReparsePoint,
            };
            let loss = lost(kind, path);
            self.losses.push((path.to_vec(), loss));
            return None;
        };
        if !found.is_marked {
            self.losses.extend(ntfs::lost_streams(entry, ntfs));
        }
        Some(Some((found, streams)))
    }

    /// An entry that NTFS tells of, by the rules for contexts.
    fn ntfs_entry(&self, mut found: Entry, kind: Kind, mode: u32) -> Entry {
        if let Kind::File(_) = kind {
            found.kind = kind;
        }
        if !found.kind.is_symlink() {
            found.posix.mode = mode;
        }
        if !self.owners {
            let posix = &mut found.posix;
            (posix.uid, posix.gid) = (0, 0);
            posix.user.clear();
            posix.group.clear();
            posix
                .xattrs
                .retain(|name, _| name == b"security.capability" || name.starts_with(b"user."));
        }
        found
    }

    /// Two names of a folder that are one on Linux, `name`.
    fn same_name(
        &self,
        listed: &[(&ContextEntry, &[u8])],
        entry: &ContextEntry,
        name: &[u8],
    ) -> BuildError {
        let directory = divided(&entry.path).0;
        let named = |other: &ContextEntry| {
            let (parent, stored) = divided(&other.path);
            let ntfs = other.ntfs.as_deref();
            let found = ntfs.and_then(|ntfs| ntfs::find(other, ntfs, 0));
            let known = found.map(|(found, _)| found.name(stored).stored);
            let known = known.unwrap_or_else(|| decode_component(stored));
            parent == directory && known == name && other.path != entry.path
        };
        let other = listed.iter().find(|(other, _)| named(other));
        let shown = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
        BuildError::ContextNames {
            context: self.reader.path().to_owned(),
            names: [
                shown(other.map_or(name, |(other, _)| &other.path)),
                shown(&entry.path),
            ],
            decoded: shown(name),
        }
    }

    /// Opens a file by the number of its content.
    pub(crate) fn open(&self, id: u64) -> io::Result<Box<dyn Read + Send>> {
        let file = self.file(id)?;
        let opened: Result<Box<dyn Read + Send>, ContextError> = match &file.stream {
            None => self
                .reader
                .open_file(&file.path)
                .map(|file| Box::new(file) as _),
            Some(stream) => self.reader.open_stream(&file.path, stream),
        };
        opened.map_err(io::Error::other)
    }

    fn file(&self, id: u64) -> io::Result<&ContextFile> {
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
        let ContextFile { path, state, .. } = self.file(id)?;
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
        let there: HashSet<&[u8]> = self.files.iter().map(|file| &file.path[..]).collect();
        memory.keep(|path| there.contains(path));
        Some(memory.to_bytes())
    }

    /// The path of a file by the number of its content.
    pub(crate) fn file_path(&self, id: u64) -> String {
        let file = self.files.get(id as usize);
        let path = file.map(|file| file.path.as_slice()).unwrap_or_default();
        let path = String::from_utf8_lossy(path).into_owned();
        match file.and_then(|file| file.stream.as_deref()) {
            None => path,
            Some(stream) => format!("{path}:{}", String::from_utf8_lossy(stream)),
        }
    }
}

/// A path in the context, as Linux has it, whatever the file system can hold.
fn shown_path(path: &[u8], names: HostNames) -> Cow<'_, [u8]> {
    match names {
        HostNames::Posix => Cow::Borrowed(path),
        HostNames::Windows => Cow::Owned(decode_path(path)),
    }
}

/// The directory of an entry, and its name there.
fn divided(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&byte| byte == b'/') {
        None => (b"", path),
        Some(at) => (&path[..at], &path[at + 1..]),
    }
}

fn lost(kind: LossKind, path: &[u8]) -> Loss {
    Loss {
        kind,
        path: show_path(LayerFormat::Linux, path),
        detail: String::new(),
    }
}

/// Whether a file is the text of a link, which git wrote.
fn is_text_of_link(entry: &ContextEntry, kind: &Kind) -> bool {
    matches!(entry.kind, ContextKind::File { .. }) && kind.is_symlink()
}

/// Reads a file that must have the content that it had.
pub(crate) struct Unchanged {
    inner: Box<dyn Read + Send>,
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
