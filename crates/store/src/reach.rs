//! What names, cache entries and open stores need, and so what nothing needs.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crossdock_host::{open_file, read_file};
use crossdock_image::{
    BlobDigest, Config, Descriptor, DiffId, Digest, Document, MAX_CONFIG_SIZE, MAX_DOCUMENT_SIZE,
};

use crate::blob;
use crate::layout;
use crate::lease::{self, Name};
use crate::process_folder::is_living;
use crate::prune::{Prunable, PruneError, PruneRequest, Removed, ResultNeeds, Skipped};
use crate::record::{self, Decoded, RecordKind};
use crate::store::{Inner, Uncompressed};

/// What is not needed.
pub(crate) struct Unused {
    /// In order of removal: what refers to others comes before them.
    pub(crate) files: Vec<(Prunable, Vec<File>)>,
    /// Documents that are needed and cannot be read.
    pub(crate) unread: Vec<Skipped>,
    /// What processes that were killed have left.
    pub(crate) dead: Removed,
}

/// A file of the store.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
    modified: Option<SystemTime>,
}

/// Memories of contexts that were not written for so long are of contexts that are gone.
const MEMORY_AGE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

type Files = HashMap<[u8; 32], File>;

/// Finds what is not needed. Nobody may write a lease meanwhile; `own` are this process's.
pub(crate) fn unused(
    store: &Inner,
    request: &PruneRequest,
    own: &HashSet<Name>,
    needs: &mut dyn FnMut(&[u8]) -> Vec<ResultNeeds>,
) -> Result<Unused, PruneError> {
    // Leases come first: a process that ends after this was seen with its leases, and one that
    // ended before it has written its names and records, which are read from here on.
    let (leased, dead) = leases(store, own, !request.dry_run)?;
    let names = layout::read_index(store.root())?;
    let list = |kind: RecordKind| list(&store.own(kind.folder()));
    let mut cache = list(RecordKind::Cache)?;
    let mut contexts = list(RecordKind::ContextMemory)?;
    let mut checkpoints = list(RecordKind::Checkpoints)?;
    let mut indexes = list(RecordKind::LayerIndex)?;
    let mut pairs = list(RecordKind::Uncompressed)?;
    let mut blobs = self::list(&blob::folder(store.root()))?;
    let is_leased = |kind, key: &[u8; 32]| leased.contains(&Name::Record(kind, *key));

    let mut needed = Needed {
        root: store.root(),
        blobs: HashSet::new(),
        documents: HashSet::new(),
        diff_ids: HashSet::new(),
        unread: Vec::new(),
    };
    let entries = names.as_ref().map_or(&[][..], |index| index.manifests());
    needed.follow(entries.iter().map(|entry| entry.digest));
    needed.follow(leased.iter().filter_map(|name| match name {
        Name::Blob(digest) => Some(*digest),
        Name::Record(..) => None,
    }));
    cache.retain(|key, file| {
        let is_leased = is_leased(RecordKind::Cache, key);
        if request.all && !is_leased {
            return true;
        }
        let entry = read_record(file, RecordKind::Cache, key).unwrap_or_default();
        let whole = |result: &ResultNeeds| {
            let blob = result.blob.as_ref();
            blob.is_none_or(|blob| blobs.contains_key(blob.digest().as_bytes()))
        };
        let results = needs(&entry).into_iter().filter(whole);
        let useful = results.map(|result| needed.take_in(result)).count() > 0;
        !useful && !is_leased
    });

    // What a needed blob decompresses to is needed, and then every blob that gives the same.
    let contents: HashMap<[u8; 32], DiffId> = pairs
        .iter()
        .filter_map(|(key, file)| {
            let payload = read_record(file, RecordKind::Uncompressed, key)?;
            Some((*key, Uncompressed::parse(&payload)?.diff_id))
        })
        .collect();
    for (key, diff_id) in &contents {
        let is_leased = is_leased(RecordKind::Uncompressed, key);
        if is_leased || needed.blobs.contains(&blob_digest(key)) {
            needed.diff_ids.insert(*diff_id);
        }
    }
    for name in &leased {
        if let Name::Record(RecordKind::LayerIndex, key) = name {
            needed.diff_ids.insert(diff_id(key));
        }
    }
    let unused_of_blob = |kind, key: &[u8; 32]| {
        let content = contents.get(key);
        !(is_leased(kind, key)
            || needed.blobs.contains(&blob_digest(key))
            || content.is_some_and(|content| needed.diff_ids.contains(content)))
    };
    pairs.retain(|key, _| unused_of_blob(RecordKind::Uncompressed, key));
    checkpoints.retain(|key, _| unused_of_blob(RecordKind::Checkpoints, key));
    indexes.retain(|key, _| !needed.diff_ids.contains(&diff_id(key)));
    contexts.retain(|key, file| {
        (request.all || file.is_old()) && !is_leased(RecordKind::ContextMemory, key)
    });
    blobs.retain(|key, _| needed.unread.is_empty() && !needed.blobs.contains(&blob_digest(key)));

    let mut files: Vec<(Prunable, Vec<File>)> = RecordKind::ALL
        .into_iter()
        .map(|kind| {
            let files = match kind {
                RecordKind::Cache => &mut cache,
                RecordKind::ContextMemory => &mut contexts,
                RecordKind::Checkpoints => &mut checkpoints,
                RecordKind::LayerIndex => &mut indexes,
                RecordKind::Uncompressed => &mut pairs,
            };
            (
                Prunable::Record(kind),
                files.drain().map(|(_, file)| file).collect(),
            )
        })
        .collect();
    files.push((Prunable::Blob, parents_first(blobs)));
    files.push((Prunable::Damaged, all_files(&store.own("damaged"))?));
    Ok(Unused {
        files,
        unread: needed.unread,
        dead,
    })
}

/// What all open stores hold, and what dead ones have left.
fn leases(
    store: &Inner,
    own: &HashSet<Name>,
    remove_dead: bool,
) -> Result<(HashSet<Name>, Removed), PruneError> {
    let found = store.processes(remove_dead);
    let (found, _held) = found.map_err(|source| PruneError::List {
        path: store.own("tmp"),
        source,
    })?;
    let mut leased = own.clone();
    for folder in &found.living {
        if folder == store.process_folder() {
            continue;
        }
        match lease::read(folder) {
            Ok(names) => leased.extend(names),
            Err(source) if source.kind() == io::ErrorKind::NotFound => {
                // If its owner has just ended the lock is free, and nobody makes a folder of that
                // name meanwhile.
                if is_living(folder) {
                    let path = folder.clone();
                    return Err(PruneError::OlderProcess { path });
                }
            }
            Err(source) => {
                let path = folder.clone();
                return Err(PruneError::Leases { path, source });
            }
        }
    }
    Ok((leased, found.dead))
}

/// What is needed, as far as it is known.
struct Needed<'a> {
    root: &'a Path,
    blobs: HashSet<BlobDigest>,
    /// Blobs of which it was looked whether they refer to others.
    documents: HashSet<BlobDigest>,
    diff_ids: HashSet<DiffId>,
    unread: Vec<Skipped>,
}

impl Needed<'_> {
    /// A result of the cache is needed.
    fn take_in(&mut self, result: ResultNeeds) {
        self.blobs.extend(result.blob);
        self.diff_ids.extend(result.diff_ids);
    }

    /// These blobs are needed, and all that they refer to. Blobs that are missing or are not what
    /// their name says refer to nothing.
    fn follow(&mut self, digests: impl Iterator<Item = BlobDigest>) {
        let mut open: Vec<BlobDigest> = digests.collect();
        while let Some(digest) = open.pop() {
            self.blobs.insert(digest);
            if !self.documents.insert(digest) {
                continue;
            }
            let path = blob::path(self.root, &digest);
            match read_document(&path, &digest, open_file) {
                Ok(Some(Document::Index(index))) => {
                    open.extend(index.manifests().iter().map(|child| child.digest));
                }
                Ok(Some(Document::Manifest(manifest))) => {
                    self.config(manifest.config());
                    self.blobs
                        .extend(manifest.layers().iter().map(|layer| layer.digest));
                }
                Ok(None) => {}
                Err(source) => self.unread.push(Skipped { path, source }),
            }
        }
    }

    fn config(&mut self, config: &Descriptor) {
        let digest = config.digest;
        self.blobs.insert(digest);
        let path = blob::path(self.root, &digest);
        match read_whole(&path, &digest, MAX_CONFIG_SIZE) {
            // What is no image has a config of another kind.
            Ok(Some(bytes)) => {
                let config = Config::parse(&bytes);
                self.diff_ids
                    .extend(config.into_iter().flat_map(|config| config.rootfs.diff_ids));
            }
            Ok(None) => {}
            Err(source) => self.unread.push(Skipped { path, source }),
        }
    }
}

/// How a file is opened.
type Open = fn(&Path) -> io::Result<fs::File>;

/// Reads a manifest or an index; `None` if it is missing, or something else.
fn read_document(path: &Path, digest: &BlobDigest, open: Open) -> io::Result<Option<Document>> {
    if !may_be_document(path, open)? {
        return Ok(None);
    }
    let bytes = read_whole(path, digest, MAX_DOCUMENT_SIZE)?;
    Ok(bytes.and_then(|bytes| Document::parse(&bytes, None).ok()))
}

/// Whether the file begins as JSON does, as no layer that is of use.
fn may_be_document(path: &Path, open: Open) -> io::Result<bool> {
    let mut start = [0; 16];
    let mut read = || {
        if !path.metadata()?.is_file() {
            return Ok(0);
        }
        open(path)?.read(&mut start)
    };
    let count = missing_is_none(read())?.unwrap_or(0);
    let text = start[..count].trim_ascii_start();
    Ok(count > 0 && (text.is_empty() || text.starts_with(b"{")))
}

/// Reads a blob; `None` if it is missing, larger than `limit`, or not what its name says.
fn read_whole(path: &Path, digest: &BlobDigest, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let bytes = missing_is_none(read_file(path, limit + 1))?;
    Ok(bytes.filter(|bytes| bytes.len() as u64 <= limit && Digest::of(bytes) == *digest.digest()))
}

fn missing_is_none<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

/// The content of a record, if it is whole. Damage is left to who needs it.
fn read_record(file: &File, kind: RecordKind, key: &[u8; 32]) -> Option<Vec<u8>> {
    let bytes = read_file(&file.path, u64::MAX).ok()?;
    match record::decode(kind, key, bytes) {
        Decoded::Payload(payload) => Some(payload),
        Decoded::OtherVersion | Decoded::Damaged(_) => None,
    }
}

/// Indexes and manifests before what they refer to, all else last.
fn parents_first(mut blobs: Files) -> Vec<File> {
    let mut children: HashMap<[u8; 32], Vec<[u8; 32]>> = HashMap::new();
    for (key, file) in &blobs {
        // What cannot be read goes where all else goes. For files that others have open nobody waits:
        // there may be many.
        let document = read_document(&file.path, &blob_digest(key), |path| fs::File::open(path));
        let Ok(Some(document)) = document else {
            continue;
        };
        let below = match &document {
            Document::Index(index) => index.manifests(),
            // Its config and layers refer to nothing, so come late enough by themselves.
            Document::Manifest(_) => &[],
        };
        let below = below.iter().map(|child| *child.digest.digest().as_bytes());
        children.insert(*key, below.collect());
    }
    // Depth first: a document is noted once all that it refers to is.
    let mut seen = HashSet::new();
    let mut noted = Vec::new();
    for start in children.keys() {
        let mut open = vec![(*start, false)];
        while let Some((key, below_is_noted)) = open.pop() {
            if below_is_noted {
                noted.push(key);
            } else if let (Some(below), true) = (children.get(&key), seen.insert(key)) {
                open.push((key, true));
                open.extend(below.iter().map(|key| (*key, false)));
            }
        }
    }
    let documents = noted.iter().rev().filter_map(|key| blobs.remove(key));
    let mut files: Vec<File> = documents.collect();
    files.extend(blobs.into_values());
    files
}

impl File {
    fn is_old(&self) -> bool {
        let age = self.modified.and_then(|time| time.elapsed().ok());
        age.is_some_and(|age| age > MEMORY_AGE)
    }
}

/// The files of a folder whose names are keys. Others are not ours.
fn list(folder: &Path) -> Result<Files, PruneError> {
    let files = all_files(folder)?.into_iter();
    Ok(files
        .filter_map(|file| {
            let name = file.path.file_name()?.to_str()?;
            let key: Digest = format!("sha256:{name}").parse().ok()?;
            Some((*key.as_bytes(), file))
        })
        .collect())
}

fn all_files(folder: &Path) -> Result<Vec<File>, PruneError> {
    let read = || {
        let mut files = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            // What is gone by now need not be removed.
            let Some(found) = missing_is_none(entry.metadata())? else {
                continue;
            };
            if found.is_file() {
                files.push(File {
                    path: entry.path(),
                    size: found.len(),
                    modified: found.modified().ok(),
                });
            }
        }
        Ok(files)
    };
    read().map_err(|source| PruneError::List {
        path: folder.to_owned(),
        source,
    })
}

fn blob_digest(key: &[u8; 32]) -> BlobDigest {
    BlobDigest::new(Digest::from_bytes(*key))
}

fn diff_id(key: &[u8; 32]) -> DiffId {
    DiffId::new(Digest::from_bytes(*key))
}
