//! Removing what nothing needs.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::AddAssign;
use std::path::{Path, PathBuf};

use crossdock_host::{remove_file, rename, sync_directory};
use crossdock_image::{BlobDigest, DiffId};

use crate::layout::OpenLayoutError;
use crate::reach::{self, File, Unused};
use crate::record::RecordKind;
use crate::store::Inner;

/// What [`Store::prune`](crate::Store::prune) is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PruneRequest {
    /// Cache entries and memories of contexts go too, whatever their age.
    pub all: bool,
    /// Nothing is removed, only told.
    pub dry_run: bool,
}

/// What one result of a build-cache entry needs to be of use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResultNeeds {
    /// The layer that it is, unless it made none. Without it the result is worth nothing.
    pub blob: Option<BlobDigest>,
    /// Layers whose indexes are needed to find the result and to go on from it.
    pub diff_ids: Vec<DiffId>,
}

/// What can be removed from a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Prunable {
    /// Records of a kind.
    Record(RecordKind),
    /// Blobs.
    Blob,
    /// What was found damaged and moved aside.
    Damaged,
    /// Files of processes that were killed.
    Temporary,
}

/// How much was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    /// How many files.
    pub count: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

impl Removed {
    pub(crate) fn add(&mut self, bytes: u64) {
        *self += Self { count: 1, bytes };
    }
}

impl AddAssign for Removed {
    fn add_assign(&mut self, other: Self) {
        self.count += other.count;
        self.bytes += other.bytes;
    }
}

/// A file that could not be removed or read.
#[derive(Debug)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

/// What was removed, or would be.
#[derive(Debug, Default)]
pub struct Pruned {
    /// How much of each kind; kinds of which there was nothing are not in it.
    pub removed: BTreeMap<Prunable, Removed>,
    /// Files that could not be removed: on Windows, because another program has them open.
    pub skipped: Vec<Skipped>,
    /// Manifests, indexes and configs that are needed, and that the system failed to read. As it
    /// is not known what they refer to, all blobs were kept.
    pub unread: Vec<Skipped>,
}

impl Pruned {
    /// All kinds together.
    pub fn total(&self) -> Removed {
        let mut total = Removed::default();
        self.removed.values().for_each(|removed| total += *removed);
        total
    }
}

/// Why nothing is removed.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// The lock that keeps others from using what is about to go cannot be taken.
    #[error("{}: cannot be locked: {source}", .path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It cannot be read what another process uses.
    #[error(
        "{}: cannot read what the process uses that this folder belongs to: {source}; try again \
         as its user, or when it has ended",
        .path.display()
    )]
    Leases {
        /// The folder of that process.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A process of an older program, which does not tell what it uses, has the store open.
    #[error(
        "{}: an older version of this program is using the store; try again when it has ended",
        .path.display()
    )]
    OlderProcess {
        /// The folder of that process.
        path: PathBuf,
    },
    /// The names cannot be read: without them everything would look unused.
    #[error(transparent)]
    Names(#[from] OpenLayoutError),
    /// A folder of the store cannot be read.
    #[error("{}: cannot be read: {source}", .path.display())]
    List {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

pub(crate) fn prune(
    store: &Inner,
    request: &PruneRequest,
    needs: &mut dyn FnMut(&[u8]) -> Vec<ResultNeeds>,
) -> Result<Pruned, PruneError> {
    let mut trash = Trash::new(store.process_folder());
    let stopped = store.leases().stop(!request.dry_run, |own| {
        let Unused {
            files,
            unread,
            dead,
        } = reach::unused(store, request, own, needs)?;
        let mut pruned = Pruned {
            unread,
            ..Pruned::default()
        };
        for (kind, files) in files {
            let removed = if request.dry_run {
                count(&files)
            } else {
                trash.take(&files, &mut pruned.skipped)
            };
            if removed.count > 0 {
                pruned.removed.insert(kind, removed);
            }
        }
        if dead.count > 0 {
            pruned.removed.insert(Prunable::Temporary, dead);
        }
        Ok(pruned)
    });
    // Others may go on: what was taken away has no name any more.
    trash.empty();
    stopped.map_err(|source| PruneError::Lock {
        path: store.lock_path("leases"),
        source,
    })?
}

fn count(files: &[File]) -> Removed {
    let mut removed = Removed::default();
    files.iter().for_each(|file| removed.add(file.size));
    removed
}

/// Where files go before they are removed: their names go at once, and the space of large ones,
/// for which a file system may need long, while nobody waits. It is in the process's folder, so a
/// killed process's trash is removed by the next one.
struct Trash<'a> {
    folder: &'a Path,
    taken: Vec<PathBuf>,
    /// How often it was waited in vain for another program to close a file.
    waited: u32,
}

/// How often that is done: others wait meanwhile, for as many seconds.
const MOST_WAITS: u32 = 5;

impl<'a> Trash<'a> {
    fn new(folder: &'a Path) -> Self {
        Self {
            folder,
            taken: Vec::new(),
            waited: 0,
        }
    }

    /// Takes the files away, in order.
    fn take(&mut self, files: &[File], skipped: &mut Vec<Skipped>) -> Removed {
        let mut removed = Removed::default();
        for file in files {
            let target = self.folder.join(format!("pruned-{}", self.taken.len()));
            let renamed = if self.waited < MOST_WAITS {
                rename(&file.path, &target)
            } else {
                fs::rename(&file.path, &target)
            };
            match renamed {
                Ok(()) => {
                    removed.add(file.size);
                    self.taken.push(target);
                }
                // Somebody else, with other tools.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => {
                    self.waited += 1;
                    skipped.push(Skipped {
                        path: file.path.clone(),
                        source,
                    });
                }
            }
        }
        // What refers to others is gone for good before those go, whatever happens to the power.
        // If that cannot be had, records without what they refer to are passed over.
        if let Some(folder) = files.first().and_then(|file| file.path.parent()) {
            let _ = sync_directory(folder);
        }
        removed
    }

    fn empty(self) {
        for path in self.taken {
            // The folder is removed when the store is closed.
            let _ = remove_file(&path);
        }
    }
}

#[cfg(test)]
mod tests;
