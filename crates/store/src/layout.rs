//! OCI image layouts, read in place (image-spec image-layout.md).

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crossdock_host::read_file;
use crossdock_image::{
    BlobDigest, BlobSource, Config, Descriptor, Document, DocumentError, Index, LayoutReference,
    MAX_DOCUMENT_SIZE, Platform, VerifiedReader,
};

use crate::blob::{self, BlobError, DocumentReadError};
use crate::resolve::{self, ResolveError};

/// The content of `oci-layout`, byte for byte.
pub(crate) const LAYOUT_FILE_CONTENT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
/// The file that makes a folder a layout.
pub(crate) const LAYOUT_FILE: &str = "oci-layout";
/// The file that lists a layout's images.
pub(crate) const INDEX_FILE: &str = "index.json";

/// An OCI image layout: nothing is written to it.
///
/// What [`open`](Self::open) found in `index.json` stays for the life of the value; blobs are
/// read when they are asked for, and always verified unless the name says otherwise.
#[derive(Debug, Clone)]
pub struct Layout {
    root: PathBuf,
    index: Index,
}

/// Why a folder is no OCI image layout.
#[derive(Debug, thiserror::Error)]
pub enum OpenLayoutError {
    /// The folder or one of its two files is missing.
    #[error(
        "{}: is not an OCI image layout: {missing} is missing; \
         a layout holds oci-layout, index.json and blobs/",
        .path.display()
    )]
    NotALayout {
        /// The folder.
        path: PathBuf,
        /// Which file is missing.
        missing: &'static str,
    },
    /// `oci-layout` is not readable as such, or names another version.
    #[error("{}: its layout version is {found}, only 1.0.0 is supported", .path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// What was there.
        found: String,
    },
    /// `index.json` is not an index.
    #[error("{}: {source}; write the layout again", .path.display())]
    Index {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: DocumentError,
    },
    /// `index.json` is a manifest.
    #[error("{}: is a manifest, expected an index", .path.display())]
    NotAnIndex {
        /// The file.
        path: PathBuf,
    },
    /// The system failed to read a file.
    #[error("{}: cannot be read: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl Layout {
    /// Opens the layout in the folder `root`.
    pub fn open(root: &Path) -> Result<Self, OpenLayoutError> {
        check_version(root)?;
        let index = read_index(root)?.ok_or_else(|| OpenLayoutError::NotALayout {
            path: root.to_owned(),
            missing: INDEX_FILE,
        })?;
        Ok(Self {
            root: root.to_owned(),
            index,
        })
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The content of `index.json`.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Finds the manifest or index that `reference` names. Its folder is not looked at.
    ///
    /// A digest wins over a tag; it may be one that `index.json` does not list. A tag is the
    /// value of `org.opencontainers.image.ref.name`, or the tag of a full name there or in
    /// `io.containerd.image.name`. Without both it is the only image, else the one with the tag
    /// `latest`. Several images of equal name are told apart by `platform`, if it is given.
    pub fn resolve(
        &self,
        reference: &LayoutReference,
        platform: Option<&Platform>,
    ) -> Result<Descriptor, ResolveError> {
        resolve::resolve(self, reference, platform)
    }

    /// Reads and parses a manifest or an index.
    pub fn read_document(&self, descriptor: &Descriptor) -> Result<Document, DocumentReadError> {
        blob::document(
            blob::path(&self.root, &descriptor.digest),
            descriptor,
            |limit| self.read_blob(descriptor, limit),
        )
    }

    /// Reads and parses an image config.
    pub fn read_config(&self, descriptor: &Descriptor) -> Result<Config, DocumentReadError> {
        blob::config(
            blob::path(&self.root, &descriptor.digest),
            descriptor,
            |limit| self.read_blob(descriptor, limit),
        )
    }

    /// Reads a whole blob of at most `limit` bytes.
    pub fn read_blob(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, BlobError> {
        blob::read(
            blob::path(&self.root, &descriptor.digest),
            descriptor,
            limit,
            || self.open_blob(descriptor),
        )
    }

    /// Opens a blob for one verified pass from its start to its end.
    pub fn open_blob(&self, descriptor: &Descriptor) -> Result<VerifiedReader<File>, BlobError> {
        blob::open_verified(&self.root, descriptor)
    }

    /// Opens a blob for reading anywhere, and gives its size. Nothing of it is verified: what is
    /// read must be checked by other means.
    pub fn open_blob_unverified(&self, digest: &BlobDigest) -> Result<(File, u64), BlobError> {
        blob::open(&self.root, digest)
    }
}

impl BlobSource for Layout {
    fn open(&self, descriptor: &Descriptor) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(self.open_blob(descriptor)?))
    }
}

/// Checks `oci-layout`. Minor versions to come only add (image-layout.md, "oci-layout file").
pub(crate) fn check_version(root: &Path) -> Result<(), OpenLayoutError> {
    let path = root.join(LAYOUT_FILE);
    let bytes = match read_file(&path, 4096) {
        Ok(bytes) => bytes,
        Err(source) if is_missing(&source) => {
            return Err(OpenLayoutError::NotALayout {
                path: root.to_owned(),
                missing: LAYOUT_FILE,
            });
        }
        Err(source) => return Err(OpenLayoutError::Read { path, source }),
    };
    let version = version(&bytes);
    match version.as_deref() {
        Some(version) if is_known(version) => Ok(()),
        found => Err(OpenLayoutError::Version {
            path,
            found: found.map_or_else(|| "unreadable".to_owned(), |text| format!("{text:?}")),
        }),
    }
}

/// The version that the content of `oci-layout` states.
pub(crate) fn version(bytes: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    let version = value.get("imageLayoutVersion")?.as_str()?;
    Some(version.to_owned())
}

/// Whether a layout of this version can be read.
pub(crate) fn is_known(version: &str) -> bool {
    version.starts_with("1.")
}

/// Reads `index.json`; `None` if it is missing.
pub(crate) fn read_index(root: &Path) -> Result<Option<Index>, OpenLayoutError> {
    let path = root.join(INDEX_FILE);
    let bytes = match read_file(&path, MAX_DOCUMENT_SIZE + 1) {
        Ok(bytes) => bytes,
        Err(source) if is_missing(&source) => return Ok(None),
        Err(source) => return Err(OpenLayoutError::Read { path, source }),
    };
    match Document::parse(&bytes, None) {
        Ok(Document::Index(index)) => Ok(Some(index)),
        Ok(Document::Manifest(_)) => Err(OpenLayoutError::NotAnIndex { path }),
        Err(source) => Err(OpenLayoutError::Index { path, source }),
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

#[cfg(test)]
mod tests;
