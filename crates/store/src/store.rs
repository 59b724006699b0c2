//! The store: blobs, layer indexes, build-cache records, shared by processes.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crossdock_host::{
    Existing, FileLock, TemporaryFile, TemporaryFolder, create_dir_all, read_file, spool_in,
    sync_directory, sync_file,
};
use crossdock_image::{
    BlobDigest, BlobSource, Config, Descriptor, DiffId, Digest, Document, Index, VerifiedReader,
    VerifyError,
};

use crate::blob::{self, BlobError, DocumentReadError};
use crate::ingest::{Ingest, IngestError};
use crate::layout::{INDEX_FILE, LAYOUT_FILE, LAYOUT_FILE_CONTENT};
use crate::lease::{Leases, Name};
use crate::process_folder::{Made, ProcessFolder, Processes, processes};
use crate::prune::{self, PruneError, PruneRequest, Pruned, Removed, ResultNeeds};
use crate::record::{self, Lookup, RecordError, RecordKind};
use crate::tags::{self, TagError};

/// Keeps bytes on disk, for several processes at once.
///
/// A store is an OCI image layout with a folder `crossdock/` in it. Every file appears whole or
/// not at all, whenever a process is killed; files are never changed, only replaced. Clones share
/// one opening.
///
/// Whatever an open store looks at, finds or writes it holds until its last clone, reader and
/// ingest is dropped: [`prune`](Self::prune), here or in another process, leaves it and what it
/// refers to alone.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

/// What the parts of an open store share.
#[derive(Debug)]
pub(crate) struct Inner {
    root: PathBuf,
    // Before the folder that their file is in, which Windows could not remove.
    leases: Leases,
    process_folder: ProcessFolder,
    /// What the dead had left and was removed at opening, until `prune` tells it.
    left_behind: Mutex<Removed>,
}

/// What a blob is once it is decompressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Uncompressed {
    /// The digest of the tar.
    pub diff_id: DiffId,
    /// The size of the tar in bytes.
    pub size: u64,
}

impl Uncompressed {
    pub(crate) fn parse(payload: &[u8]) -> Option<Self> {
        let (hash, size) = payload.split_first_chunk::<32>()?;
        Some(Self {
            diff_id: DiffId::new(Digest::from_bytes(*hash)),
            size: u64::from_le_bytes(size.try_into().ok()?),
        })
    }
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenStoreError {
    /// The folder holds something else.
    #[error("{}: is not empty and not a store; choose another folder", .path.display())]
    NotAStore {
        /// The folder.
        path: PathBuf,
    },
    /// The store was made by a version of this program that does things differently.
    #[error(
        "{}: the store has version {found}, this program knows {known}; \
         use a newer version of it, or another folder",
        .path.display()
    )]
    Version {
        /// The version file.
        path: PathBuf,
        /// What it holds.
        found: String,
        /// The version that is known.
        known: &'static str,
    },
    /// The system failed to read or make a part of it.
    #[error("{}: cannot be opened or made: {source}", .path.display())]
    System {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// The version of the folder and its records.
const VERSION: &str = "1";
/// The file that holds it.
const VERSION_FILE: &str = "version";
/// The store's own part of the folder.
const OWN: &str = "crossdock";
const FOLDERS: [&str; 8] = [
    "indexes",
    "pairs",
    "cache",
    "checkpoints",
    "contexts",
    "tmp",
    "locks",
    "damaged",
];

impl Store {
    /// Opens the store in the folder `root`, or makes one if the folder is missing or empty.
    ///
    /// Temporary files of processes that were killed are removed.
    pub fn open(root: &Path) -> Result<Self, OpenStoreError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| OpenStoreError::System { path, source }
        };
        create_dir_all(root).map_err(failed(root))?;
        let own = root.join(OWN);
        // The first thing that is made: a folder with it is a store, however little is in it.
        if !own.is_dir() {
            let mut entries = fs::read_dir(root).map_err(failed(root))?;
            // Asked again, as another process may be making the store just now.
            if entries.next().is_some() && !own.is_dir() {
                return Err(OpenStoreError::NotAStore {
                    path: root.to_owned(),
                });
            }
        }
        let folders = FOLDERS.map(|name| own.join(name));
        for folder in folders.iter().chain([&blob::folder(root)]) {
            create_dir_all(folder).map_err(failed(folder))?;
        }
        check_version(&own.join(VERSION_FILE))?;
        let locks = own.join("locks");
        let temporary = own.join("tmp");
        let made =
            ProcessFolder::create(&temporary, &locks.join("tmp")).map_err(failed(&temporary))?;
        let Made {
            process_folder,
            leases,
            left_behind,
        } = made;
        let leases =
            Leases::open(leases, &locks.join("leases")).map_err(failed(process_folder.path()))?;
        let inner = Inner {
            root: root.to_owned(),
            leases,
            process_folder,
            left_behind: Mutex::new(left_behind),
        };
        inner.initialise()?;
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.inner.root
    }

    /// Starts a new blob.
    pub fn ingest(&self) -> Result<Ingest, IngestError> {
        Ingest::start(Arc::clone(&self.inner))
    }

    /// Puts `bytes` into the store as a blob.
    pub fn put_bytes(&self, bytes: &[u8]) -> Result<BlobDigest, IngestError> {
        let digest = BlobDigest::new(Digest::of(bytes));
        self.inner.hold_blob(&digest);
        // Documents are small: unlike in `Ingest::commit` the content itself can be compared.
        match read_file(&blob::path(self.root(), &digest), bytes.len() as u64 + 1) {
            Ok(found) if found == bytes => return Ok(digest),
            Ok(_) => self.inner.set_aside(&digest),
            Err(_) => {}
        }
        let mut ingest = self.ingest()?;
        ingest
            .write_all(bytes)
            .map_err(|source| IngestError::Write {
                path: self.inner.process_folder.path().to_owned(),
                source,
            })?;
        ingest.commit(None).map(|(digest, _)| digest)
    }

    /// Whether the blob is there. Its content is not looked at.
    pub fn contains(&self, digest: &BlobDigest) -> bool {
        self.blob_size(digest).is_some()
    }

    /// The size of a blob that is there, in bytes.
    pub fn blob_size(&self, digest: &BlobDigest) -> Option<u64> {
        self.inner.hold_blob(digest);
        let found = fs::metadata(blob::path(self.root(), digest)).ok()?;
        found.is_file().then_some(found.len())
    }

    /// Writes blobs to the disk, as whoever gives an image a name promises that it stays.
    pub fn sync_blobs<'b>(
        &self,
        blobs: impl Iterator<Item = &'b BlobDigest>,
    ) -> Result<(), IngestError> {
        let failed = |path: PathBuf| move |source| IngestError::Write { path, source };
        for digest in blobs {
            let path = blob::path(self.root(), digest);
            sync_file(&path).map_err(failed(path))?;
        }
        let folder = blob::folder(self.root());
        sync_directory(&folder).map_err(failed(folder))
    }

    /// Opens a blob for one verified pass. If it proves damaged, then or now, it is moved aside,
    /// so that a later ingest replaces it.
    pub fn open_blob(&self, descriptor: &Descriptor) -> Result<BlobReader, BlobError> {
        self.inner.hold_blob(&descriptor.digest);
        match blob::open_verified(self.root(), descriptor) {
            Ok(reader) => Ok(BlobReader {
                reader,
                digest: descriptor.digest,
                store: Arc::clone(&self.inner),
            }),
            Err(error @ BlobError::Damaged { .. }) => {
                // The size differs: either the file is damaged or the descriptor is wrong.
                if !self.is_whole(&descriptor.digest)? {
                    self.inner.set_aside(&descriptor.digest);
                }
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    /// Opens a blob for reading anywhere, and gives its size. Nothing of it is verified: what is
    /// read must be checked by other means.
    pub fn open_blob_unverified(&self, digest: &BlobDigest) -> Result<(File, u64), BlobError> {
        self.inner.hold_blob(digest);
        blob::open(self.root(), digest)
    }

    /// Reads a whole blob of at most `limit` bytes.
    pub fn read_blob(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, BlobError> {
        blob::read(
            blob::path(self.root(), &descriptor.digest),
            descriptor,
            limit,
            || self.open_blob(descriptor),
        )
    }

    /// Reads and parses a manifest or an index.
    pub fn read_document(&self, descriptor: &Descriptor) -> Result<Document, DocumentReadError> {
        blob::document(
            blob::path(self.root(), &descriptor.digest),
            descriptor,
            |limit| self.read_blob(descriptor, limit),
        )
    }

    /// Reads and parses an image config.
    pub fn read_config(&self, descriptor: &Descriptor) -> Result<Config, DocumentReadError> {
        blob::config(
            blob::path(self.root(), &descriptor.digest),
            descriptor,
            |limit| self.read_blob(descriptor, limit),
        )
    }

    /// Moves a blob that was found damaged aside. From then on it is not there.
    pub fn report_damaged_blob(&self, digest: &BlobDigest) {
        self.inner.set_aside(digest);
    }

    /// The index of the layer with this diff id.
    pub fn layer_index(&self, diff_id: &DiffId) -> Result<Lookup<Vec<u8>>, RecordError> {
        self.inner
            .record(RecordKind::LayerIndex, diff_id.digest().as_bytes())
    }

    /// Whether there is an index of the layer with this diff id. It is not looked at.
    pub fn has_layer_index(&self, diff_id: &DiffId) -> bool {
        let (kind, key) = (RecordKind::LayerIndex, diff_id.digest().as_bytes());
        self.inner.leases.hold(Name::Record(kind, *key));
        self.inner.record_path(kind, key).is_file()
    }

    /// Keeps the index of the layer with this diff id, instead of any earlier one.
    pub fn put_layer_index(&self, diff_id: &DiffId, index: &[u8]) -> Result<(), RecordError> {
        self.inner
            .put_record(RecordKind::LayerIndex, diff_id.digest().as_bytes(), index)
    }

    /// What is known of the content of a compressed blob: somebody decompressed it once.
    pub fn diff_id_of(&self, blob: &BlobDigest) -> Result<Lookup<Uncompressed>, RecordError> {
        let key = blob.digest().as_bytes();
        let payload = match self.inner.record(RecordKind::Uncompressed, key)? {
            Lookup::Found(payload) => payload,
            Lookup::Missing => return Ok(Lookup::Missing),
            Lookup::Damaged { moved_to, reason } => {
                return Ok(Lookup::Damaged { moved_to, reason });
            }
        };
        // The checksum was right: another length would be another version's.
        Ok(Uncompressed::parse(&payload).map_or(Lookup::Missing, Lookup::Found))
    }

    /// Keeps what a blob decompresses to. The caller has decompressed and hashed it.
    pub fn put_diff_id(
        &self,
        blob: &BlobDigest,
        content: &Uncompressed,
    ) -> Result<(), RecordError> {
        let mut payload = content.diff_id.digest().as_bytes().to_vec();
        payload.extend_from_slice(&content.size.to_le_bytes());
        let key = blob.digest().as_bytes();
        self.inner
            .put_record(RecordKind::Uncompressed, key, &payload)
    }

    /// The build-cache record of this key.
    pub fn cache_get(&self, key: &[u8; 32]) -> Result<Lookup<Vec<u8>>, RecordError> {
        self.inner.record(RecordKind::Cache, key)
    }

    /// Keeps a build-cache record, instead of any earlier one.
    pub fn cache_put(&self, key: &[u8; 32], record: &[u8]) -> Result<(), RecordError> {
        self.inner.put_record(RecordKind::Cache, key, record)
    }

    /// The points from which a compressed blob can be read, as whoever made them wrote them.
    pub fn checkpoints(&self, blob: &BlobDigest) -> Result<Lookup<Vec<u8>>, RecordError> {
        self.inner
            .record(RecordKind::Checkpoints, blob.digest().as_bytes())
    }

    /// Keeps the points from which a compressed blob can be read, instead of any earlier ones.
    pub fn put_checkpoints(
        &self,
        blob: &BlobDigest,
        checkpoints: &[u8],
    ) -> Result<(), RecordError> {
        let key = blob.digest().as_bytes();
        self.inner
            .put_record(RecordKind::Checkpoints, key, checkpoints)
    }

    /// What is remembered of the files of a build context. The caller makes the key of the
    /// context's path.
    pub fn context_memory(&self, key: &[u8; 32]) -> Result<Lookup<Vec<u8>>, RecordError> {
        self.inner.record(RecordKind::ContextMemory, key)
    }

    /// Remembers the files of a build context, instead of anything earlier.
    pub fn put_context_memory(&self, key: &[u8; 32], memory: &[u8]) -> Result<(), RecordError> {
        self.inner
            .put_record(RecordKind::ContextMemory, key, memory)
    }

    /// Waits until nobody else makes this blob, and keeps others from it until the lock is
    /// dropped. Whoever gets the lock looks first whether the blob is there by now. Blobs share
    /// locks by the first byte of their digest: a thread takes one at a time.
    pub fn lock_blob(&self, digest: &BlobDigest) -> Result<FileLock, IngestError> {
        let first = digest.digest().as_bytes()[0];
        let path = self.inner.lock_path(&format!("blob-{first:02x}"));
        FileLock::exclusive(&path).map_err(|source| IngestError::Write { path, source })
    }

    /// An empty folder for whatever a program of others needs, gone when it is dropped.
    pub fn scratch_folder(&self) -> io::Result<TemporaryFolder> {
        TemporaryFolder::create_in(self.inner.process_folder.path(), "scratch-")
    }

    /// A file without name for reading and writing, gone when it is closed.
    pub fn spool(&self) -> io::Result<File> {
        spool_in(self.inner.process_folder.path())
    }

    /// Gives `descriptor` the name `name`, which may have been another's.
    pub fn tag(&self, name: &str, descriptor: &Descriptor) -> Result<(), TagError> {
        self.inner.hold_blob(&descriptor.digest);
        let entry = tags::named(descriptor, name);
        tags::update(&self.inner, |entries| tags::merge(&entries, &[entry]))
    }

    /// Takes the name `name` away; nothing happens if nothing has it.
    pub fn untag(&self, name: &str) -> Result<(), TagError> {
        tags::update(&self.inner, |mut entries| {
            entries.retain(|entry| entry.ref_name() != Some(name));
            entries
        })
    }

    /// What has the name `name`.
    pub fn resolve(&self, name: &str) -> Result<Option<Descriptor>, TagError> {
        loop {
            let mut entries = tags::entries(&self.inner)?.into_iter();
            let found = entries.find(|entry| entry.ref_name() == Some(name));
            // If it still has the name once it is held, it was not removed before that.
            match found {
                Some(entry) if self.inner.hold_blob(&entry.digest) => {}
                found => return Ok(found),
            }
        }
    }

    /// All names with what they name, sorted. Unlike with [`resolve`](Self::resolve), what they
    /// name is not held yet.
    pub fn tags(&self) -> Result<Vec<(String, Descriptor)>, TagError> {
        let mut tags: Vec<_> = tags::entries(&self.inner)?
            .into_iter()
            .filter_map(|entry| Some((entry.ref_name()?.to_owned(), entry)))
            .collect();
        tags.sort_by(|(left, _), (right, _)| left.cmp(right));
        Ok(tags)
    }

    /// Removes what no name, no cache entry and no open store needs.
    ///
    /// `needs` tells what the results in a cache entry need, from the bytes that
    /// [`cache_put`](Self::cache_put) was given; an entry without a result that is whole is of no
    /// use and goes. It must not use the store. Other processes may go on working: they wait only
    /// while it is decided what goes. Killed at any moment, this leaves the store whole.
    pub fn prune(
        &self,
        request: &PruneRequest,
        needs: &mut dyn FnMut(&[u8]) -> Vec<ResultNeeds>,
    ) -> Result<Pruned, PruneError> {
        prune::prune(&self.inner, request, needs)
    }

    #[cfg(test)]
    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    /// Whether a blob's file has the content that its name says.
    fn is_whole(&self, digest: &BlobDigest) -> Result<bool, BlobError> {
        let (file, size) = blob::open(self.root(), digest)?;
        match VerifiedReader::new(file, *digest, size).finish() {
            Ok(()) => Ok(true),
            Err(error) if VerifyError::of(&error).is_some() => Ok(false),
            Err(source) => Err(BlobError::Read {
                digest: *digest,
                path: blob::path(self.root(), digest),
                source,
            }),
        }
    }
}

impl BlobSource for Store {
    fn open(&self, descriptor: &Descriptor) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(self.open_blob(descriptor)?))
    }
}

/// Reads a blob of the store from its start to its end, as [`VerifiedReader`] does.
#[derive(Debug)]
pub struct BlobReader {
    reader: VerifiedReader<File>,
    digest: BlobDigest,
    store: Arc<Inner>,
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer).inspect_err(|error| {
            if VerifyError::of(error).is_some() {
                self.store.set_aside(&self.digest);
            }
        })
    }
}

impl Inner {
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn process_folder(&self) -> &Path {
        self.process_folder.path()
    }

    pub(crate) fn lock_path(&self, name: &str) -> PathBuf {
        self.own("locks").join(name)
    }

    pub(crate) fn leases(&self) -> &Leases {
        &self.leases
    }

    /// Holds a blob, whether it is there or not; whether that is new.
    pub(crate) fn hold_blob(&self, digest: &BlobDigest) -> bool {
        self.leases.hold(Name::Blob(*digest))
    }

    /// The folders of all processes that have the store open. While the lock is held nobody opens
    /// it.
    pub(crate) fn processes(&self, remove_dead: bool) -> io::Result<(Processes, FileLock)> {
        let (mut found, held) = processes(&self.own("tmp"), &self.lock_path("tmp"), remove_dead)?;
        let left_behind = self.left_behind.lock();
        let left_behind = &mut *left_behind.unwrap_or_else(|error| error.into_inner());
        found.dead += std::mem::take(left_behind);
        Ok((found, held))
    }

    pub(crate) fn own(&self, folder: &str) -> PathBuf {
        self.root.join(OWN).join(folder)
    }

    /// Moves a blob out of the way. If that fails the blob goes on being found damaged: the
    /// reader's error says so each time, and nothing wrong is used.
    fn set_aside(&self, digest: &BlobDigest) {
        let path = blob::path(&self.root, digest);
        let name = format!("blob-{}", digest.hex());
        let _ = record::move_aside(&path, &self.own("damaged"), &name);
    }

    fn record_path(&self, kind: RecordKind, key: &[u8; 32]) -> PathBuf {
        self.own(kind.folder()).join(Digest::from_bytes(*key).hex())
    }

    fn record(&self, kind: RecordKind, key: &[u8; 32]) -> Result<Lookup<Vec<u8>>, RecordError> {
        self.leases.hold(Name::Record(kind, *key));
        let path = self.record_path(kind, key);
        record::read(&path, kind, key, &self.own("damaged"))
    }

    fn put_record(
        &self,
        kind: RecordKind,
        key: &[u8; 32],
        payload: &[u8],
    ) -> Result<(), RecordError> {
        self.leases.hold(Name::Record(kind, *key));
        let path = self.record_path(kind, key);
        let written = self.temporary(&record::encode(kind, key, payload));
        // Not synced: its checksum tells what a power failure left of it, and it can be made again.
        written
            .and_then(|file| file.rename(&path, Existing::Replace))
            .map_err(|source| RecordError::Write { path, source })
    }

    /// Writes a file of the store in one step, to the disk. Unlike with `host::atomic_write`, what
    /// a killed process leaves behind is in its own folder and goes with it.
    pub(crate) fn write_whole(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.temporary(bytes)?.persist(path, Existing::Replace)
    }

    fn temporary(&self, bytes: &[u8]) -> io::Result<TemporaryFile> {
        let mut file = TemporaryFile::create_in(self.process_folder())?;
        file.write_all(bytes)?;
        Ok(file)
    }

    /// Writes what a new store lacks. The version file is the last: with it the store is
    /// complete.
    fn initialise(&self) -> Result<(), OpenStoreError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| OpenStoreError::System { path, source }
        };
        let version = self.own(VERSION_FILE);
        if check_version(&version)? {
            return Ok(());
        }
        let lock = self.lock_path("index");
        let _held = FileLock::exclusive(&lock).map_err(failed(&lock))?;
        let index = Index::new(Vec::new(), Default::default());
        let content: [(PathBuf, &[u8]); 3] = [
            (self.root.join(INDEX_FILE), index.raw()),
            (self.root.join(LAYOUT_FILE), LAYOUT_FILE_CONTENT),
            (version, b"1\n"),
        ];
        for (path, bytes) in &content {
            if !path.exists() {
                self.write_whole(path, bytes).map_err(failed(path))?;
            }
        }
        Ok(())
    }
}

/// Whether the version file is there; an error if it is another version's.
fn check_version(path: &Path) -> Result<bool, OpenStoreError> {
    match read_file(path, 1024) {
        Ok(found) if found.trim_ascii_end() == VERSION.as_bytes() => Ok(true),
        Ok(found) => Err(OpenStoreError::Version {
            path: path.to_owned(),
            found: String::from_utf8_lossy(found.trim_ascii_end())
                .chars()
                .take(40)
                .collect(),
            known: VERSION,
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(OpenStoreError::System {
            path: path.to_owned(),
            source,
        }),
    }
}

#[cfg(test)]
mod tests;
