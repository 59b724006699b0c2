//! The names of images: `index.json` of the store.

use std::io;
use std::path::PathBuf;

use crossdock_host::FileLock;
use crossdock_image::{ANNOTATION_REF_NAME, Descriptor, Index, MAX_DOCUMENT_SIZE, MAX_MANIFESTS};

use crate::layout::{self, INDEX_FILE, OpenLayoutError};
use crate::store::Inner;

/// Why names cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TagError {
    /// `index.json` cannot be read.
    #[error(transparent)]
    Index(#[from] OpenLayoutError),
    /// The lock cannot be taken, or the new `index.json` cannot be written.
    #[error("{}: cannot be written: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There are as many images as `index.json` may list.
    #[error("{}: lists {count} images, which is the most; remove some", .path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// How many.
        count: usize,
    },
}

/// The entries of an index of a layout with those of `added`: an entry replaces those of the
/// same tag; without tag, those of the same digest and no tag.
pub(crate) fn merge(old: &[Descriptor], added: &[Descriptor]) -> Vec<Descriptor> {
    let replaced = |entry: &Descriptor| {
        added.iter().any(|new| match new.ref_name() {
            Some(name) => entry.ref_name() == Some(name),
            None => entry.ref_name().is_none() && entry.digest == new.digest,
        })
    };
    let kept = old.iter().filter(|entry| !replaced(entry));
    kept.chain(added).cloned().collect()
}

pub(crate) fn entries(store: &Inner) -> Result<Vec<Descriptor>, TagError> {
    let index = layout::read_index(store.root())?;
    Ok(index.map_or_else(Vec::new, |index| index.manifests().to_vec()))
}

/// Replaces `index.json` by what `change` makes of its entries, while no one else does.
pub(crate) fn update(
    store: &Inner,
    change: impl FnOnce(Vec<Descriptor>) -> Vec<Descriptor>,
) -> Result<(), TagError> {
    let lock = store.lock_path("index");
    let _held = FileLock::exclusive(&lock).map_err(|source| TagError::Write {
        path: lock.clone(),
        source,
    })?;
    let path = store.root().join(INDEX_FILE);
    let index = Index::new(change(entries(store)?), Default::default());
    let count = index.manifests().len();
    if count > MAX_MANIFESTS || index.raw().len() as u64 > MAX_DOCUMENT_SIZE {
        return Err(TagError::Full {
            path,
            count: count - 1,
        });
    }
    store
        .write_whole(&path, index.raw())
        .map_err(|source| TagError::Write { path, source })
}

/// `descriptor` with the tag `name`.
pub(crate) fn named(descriptor: &Descriptor, name: &str) -> Descriptor {
    descriptor
        .clone()
        .with_annotation(ANNOTATION_REF_NAME, name)
}
