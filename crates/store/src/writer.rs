//! Writing an OCI image layout as a folder.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crossdock_host::{
    Existing, FileLock, TemporaryFile, TemporaryFolder, create_dir_all, rename, sync_directory,
    undivided,
};
use crossdock_image::{BlobDigest, Descriptor, Index, VerifiedReader, VerifyError};

use crate::blob::{self, Durability};
use crate::layout::{self, INDEX_FILE, LAYOUT_FILE, LAYOUT_FILE_CONTENT, OpenLayoutError};
use crate::tags;

/// Writes a layout, or adds to one.
///
/// # Life cycle
/// [`create`](Self::create) looks at the destination, blobs are added in any order and from any
/// thread, [`commit`](Self::commit) makes the images visible. A new folder is filled beside its
/// place and renamed into it; into a folder that is there, blobs are moved when all are whole, and
/// `index.json` is replaced last. Dropping a writer without commit, or an interruption, leaves
/// nothing; what a killed one left, the next writer at that place removes.
#[derive(Debug)]
pub struct LayoutWriter {
    destination: PathBuf,
    /// Whether the destination was there.
    existing: bool,
    /// Where blobs go: the folder that will become the destination, or whose blobs are moved
    /// there.
    root: PathBuf,
    /// Where all is until it is whole. It is removed when the writer goes.
    temporary: TemporaryFolder,
}

/// Why a layout is not written.
#[derive(Debug, thiserror::Error)]
pub enum LayoutWriteError {
    /// The destination holds something else.
    #[error(
        "{}: is neither empty nor an OCI image layout; choose another folder or empty it",
        .path.display()
    )]
    Occupied {
        /// The destination.
        path: PathBuf,
    },
    /// The layout at the destination cannot be read.
    #[error(transparent)]
    Existing(#[from] OpenLayoutError),
    /// The bytes that were given are not the blob that the descriptor names.
    #[error("a blob for {}: {source}", .path.display())]
    Other {
        /// The destination.
        path: PathBuf,
        /// What differs.
        source: VerifyError,
    },
    /// The bytes could not be read from where they come from.
    #[error("blob {digest} for {}: its content cannot be read: {source}", .path.display())]
    Source {
        /// The destination.
        path: PathBuf,
        /// The blob.
        digest: BlobDigest,
        /// What the source says.
        source: io::Error,
    },
    /// The system failed to write.
    #[error("{}: cannot be written: {source}", .path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Names of our own temporary folders begin so.
const TEMPORARY_PREFIX: &str = ".crossdock-";

fn write_error(path: &Path) -> impl FnOnce(io::Error) -> LayoutWriteError {
    let path = path.to_owned();
    move |source| LayoutWriteError::Write { path, source }
}

impl LayoutWriter {
    /// Prepares to write to the folder `destination`: a new one, an empty one, or an OCI image
    /// layout. Anything else is left alone.
    pub fn create(destination: &Path) -> Result<Self, LayoutWriteError> {
        let existing = destination.symlink_metadata().is_ok();
        let place = match destination.parent() {
            _ if existing => destination,
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        if existing {
            check_destination(destination)?;
        } else {
            create_dir_all(place).map_err(write_error(place))?;
        }
        let temporary =
            TemporaryFolder::create_in(place, TEMPORARY_PREFIX).map_err(write_error(place))?;
        let root = temporary.path().join("layout");
        let blobs = blob::folder(&root);
        create_dir_all(&blobs).map_err(write_error(&blobs))?;
        Ok(Self {
            destination: destination.to_owned(),
            existing,
            root,
            temporary,
        })
    }

    /// Whether the blob is there already, with the size that the descriptor gives.
    pub fn contains(&self, descriptor: &Descriptor) -> bool {
        let is_in = |root: &Path| blob::is_there(root, &descriptor.digest, descriptor.size);
        is_in(&self.root) || self.existing && is_in(&self.destination)
    }

    /// Adds a blob, which `reader` gives from its start. It is verified on the way; one that is
    /// there already is not read.
    pub fn add_blob(
        &self,
        descriptor: &Descriptor,
        reader: &mut dyn Read,
    ) -> Result<(), LayoutWriteError> {
        if self.contains(descriptor) {
            return Ok(());
        }
        let temporary = self.temporary.path();
        let mut file = TemporaryFile::create_in(temporary).map_err(write_error(temporary))?;
        let mut verified = VerifiedReader::new(reader, descriptor.digest, descriptor.size);
        let mut buffer = vec![0; 256 << 10];
        loop {
            let count = match verified.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.read_error(descriptor, error)),
            };
            file.write_all(&buffer[..count])
                .map_err(write_error(file.path()))?;
        }
        let (digest, size) = (&descriptor.digest, descriptor.size);
        blob::persist(file, &self.root, digest, size, Durability::Synced)
            .map_err(write_error(&blob::path(&self.root, digest)))
    }

    /// Adds a blob that is in memory, and gives its descriptor.
    pub fn add_bytes(
        &self,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<Descriptor, LayoutWriteError> {
        let descriptor = Descriptor::of(media_type, bytes);
        self.add_blob(&descriptor, &mut &bytes[..])?;
        Ok(descriptor)
    }

    /// Lists `entries` in `index.json` and puts a new layout in its place.
    ///
    /// In a layout that was there, an entry replaces those with the same
    /// `org.opencontainers.image.ref.name`; others stay, in their order, before the new ones.
    pub fn commit(self, entries: &[Descriptor]) -> Result<(), LayoutWriteError> {
        if self.existing {
            self.move_blobs()?;
            return self.merge(entries);
        }
        let index = Index::new(tags::merge(&[], entries), Default::default());
        self.write_file(&self.root.join(INDEX_FILE), index.raw())?;
        self.write_file(&self.root.join(LAYOUT_FILE), LAYOUT_FILE_CONTENT)?;
        sync_directory(&self.root.join("blobs")).map_err(write_error(&self.root))?;
        if !self.take_place()? {
            self.move_blobs()?;
            return self.merge(entries);
        }
        let parent = self.temporary.path().parent().unwrap_or(Path::new("."));
        sync_directory(parent).map_err(write_error(parent))
    }

    /// Renames the folder to the destination. `false` if the destination is a folder now into which
    /// the blobs belong.
    fn take_place(&self) -> Result<bool, LayoutWriteError> {
        // Another process may have put a layout there meanwhile: both belong in it.
        let is_layout = || layout::check_version(&self.destination).is_ok();
        if is_layout() {
            return Ok(false);
        }
        match undivided(|| rename(&self.root, &self.destination)) {
            Ok(()) => Ok(true),
            // Windows renames no folder while somebody has a file in it open, as scanners and
            // indexers do: then the blobs are moved one by one, as into an empty folder.
            Err(source) => {
                let _ = undivided(|| fs::create_dir(&self.destination));
                match check_destination(&self.destination) {
                    Ok(()) => Ok(false),
                    Err(_) => Err(write_error(&self.destination)(source)),
                }
            }
        }
    }

    /// Moves the blobs into the destination, which is there.
    fn move_blobs(&self) -> Result<(), LayoutWriteError> {
        let (from, to) = (blob::folder(&self.root), blob::folder(&self.destination));
        create_dir_all(&to).map_err(write_error(&to))?;
        for entry in fs::read_dir(&from).map_err(write_error(&from))? {
            let entry = entry.map_err(write_error(&from))?;
            let target = to.join(entry.file_name());
            let size = entry.metadata().map_err(write_error(&from))?.len();
            let there = |path: &Path| path.metadata().is_ok_and(|found| found.len() == size);
            if there(&target) {
                continue;
            }
            match undivided(|| rename(&entry.path(), &target)) {
                // The other process may have been a moment faster, and have it open.
                Err(source) if !there(&target) => return Err(write_error(&target)(source)),
                _ => {}
            }
        }
        sync_directory(&to).map_err(write_error(&to))
    }

    /// Merges `entries` into the destination's `index.json`, one process at a time.
    fn merge(&self, entries: &[Descriptor]) -> Result<(), LayoutWriteError> {
        let marker = self.destination.join(LAYOUT_FILE);
        if !marker.exists() {
            let temporary = self.temporary.path();
            let mut file = TemporaryFile::create_in(temporary).map_err(write_error(temporary))?;
            file.write_all(LAYOUT_FILE_CONTENT)
                .map_err(write_error(&marker))?;
            match file.persist(&marker, Existing::Keep) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(write_error(&marker)(error));
                }
                _ => {}
            }
        }
        // This file is in every layout and never replaced, so it serves as the lock.
        let _held = FileLock::exclusive(&marker).map_err(write_error(&marker))?;
        let old = layout::read_index(&self.destination)?;
        let (old_entries, annotations) = old.as_ref().map_or_else(Default::default, |index| {
            (index.manifests(), index.annotations().clone())
        });
        let index = Index::new(tags::merge(old_entries, entries), annotations);
        self.write_file(&self.destination.join(INDEX_FILE), index.raw())
    }

    fn write_file(&self, path: &Path, bytes: &[u8]) -> Result<(), LayoutWriteError> {
        let write = || {
            let mut file = TemporaryFile::create_in(self.temporary.path())?;
            file.write_all(bytes)?;
            file.persist(path, Existing::Replace)
        };
        write().map_err(write_error(path))
    }

    fn read_error(&self, descriptor: &Descriptor, error: io::Error) -> LayoutWriteError {
        match VerifyError::of(&error) {
            Some(source) => LayoutWriteError::Other {
                path: self.destination.clone(),
                source: source.clone(),
            },
            None => LayoutWriteError::Source {
                path: self.destination.clone(),
                digest: descriptor.digest,
                source: error,
            },
        }
    }
}

/// Refuses a destination that is not ours to write to. A folder with nothing but `blobs` is what
/// a writer left in an empty one that was killed while it committed.
fn check_destination(destination: &Path) -> Result<(), LayoutWriteError> {
    let occupied = || LayoutWriteError::Occupied {
        path: destination.to_owned(),
    };
    if !destination.is_dir() {
        return Err(occupied());
    }
    match layout::check_version(destination) {
        Ok(()) => return Ok(()),
        Err(OpenLayoutError::NotALayout { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    for entry in fs::read_dir(destination).map_err(write_error(destination))? {
        let name = entry.map_err(write_error(destination))?.file_name();
        let name = name.to_string_lossy();
        if name != "blobs" && !name.starts_with(TEMPORARY_PREFIX) {
            return Err(occupied());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
