//! Archives of images, read in place: OCI archives (an image layout in a tar) and those that
//! `docker save` of any age wrote, podman, buildah, skopeo and others.

mod docker;
mod members;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossdock_host::read_at;
use crossdock_image::{
    BlobDigest, Config, Descriptor, Digest, Document, DocumentError, Index, MAX_DOCUMENT_SIZE,
    Platform, VerifiedReader, VerifyError,
};

use self::members::{Extent, MemberProblem, Members, MembersError, read_exact_at};
use crate::archive::DOCKER_MANIFEST_FILE;
use crate::blob::{self, BlobError, DocumentReadError};
use crate::layout::{self, INDEX_FILE, LAYOUT_FILE};
use crate::resolve::{ArchiveResolveError, resolve_in_archive};

/// Where the blobs of an OCI archive lie.
const BLOBS: &str = "blobs/sha256/";
/// What a docker before 1.10 wrote instead of `manifest.json`.
const OLD_DOCKER_FILE: &str = "repositories";

/// Images in a tar, which is not unpacked and must not be compressed.
///
/// What [`open`](Self::open) found stays for the life of the value; blobs are read from the middle
/// of the file when they are asked for, and always verified unless the name says otherwise. If it
/// is both an OCI and a docker archive, as docker writes them since version 25, it is read as the
/// former. For the images of a docker archive manifests are made, which are in no file: equal
/// archives give equal ones.
#[derive(Debug, Clone)]
pub struct ImageArchive {
    path: PathBuf,
    file: Arc<File>,
    kind: ArchiveKind,
    index: Index,
    blobs: HashMap<BlobDigest, Extent>,
    /// Documents that are in no file.
    made: HashMap<BlobDigest, Arc<[u8]>>,
}

/// How an archive lists its images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveKind {
    /// By `oci-layout` and `index.json`.
    Oci,
    /// By `manifest.json`.
    Docker,
}

/// A blob in the middle of a file.
#[derive(Debug, Clone)]
pub struct BlobInFile {
    /// The file.
    pub file: Arc<File>,
    /// The offset of the blob's first byte.
    pub offset: u64,
    /// Its size in bytes.
    pub size: u64,
}

/// Why a file is no archive of images.
#[derive(Debug, thiserror::Error)]
pub enum OpenArchiveError {
    /// It is something else, or a tar of something else.
    #[error(
        "{}: is no archive of images: {what}; docker save, podman save, skopeo and \
         crossdock save write such",
        .path.display()
    )]
    NotAnArchive {
        /// The file.
        path: PathBuf,
        /// What is there.
        what: String,
    },
    /// It was made by a docker that described images differently.
    #[error(
        "{}: was written by a docker before 1.10 and has no manifest.json; load it into a newer \
         docker and save it again",
        .path.display()
    )]
    TooOld {
        /// The file.
        path: PathBuf,
    },
    /// The tar, or what it says of its images, is not as it should be.
    #[error("{}: {what}; copy or download the archive again", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// One of the documents in it is wrong.
    #[error("{}: {member}: {source}", .path.display())]
    Document {
        /// The file.
        path: PathBuf,
        /// The document.
        member: String,
        /// What is wrong.
        source: DocumentError,
    },
    /// The system failed to read it.
    #[error("{}: cannot be read: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl ImageArchive {
    /// Opens `file`; `path` is what messages call it.
    pub fn open(path: &Path, file: File) -> Result<Self, OpenArchiveError> {
        let opening = Opening::new(path, file)?;
        let members = &opening.members;
        if members.has(INDEX_FILE) && members.has(LAYOUT_FILE) {
            return opening.oci();
        }
        if members.has(DOCKER_MANIFEST_FILE) {
            return opening.docker();
        }
        let path = path.to_owned();
        Err(match members.has(OLD_DOCKER_FILE) {
            true => OpenArchiveError::TooOld { path },
            false => OpenArchiveError::NotAnArchive {
                path,
                what: "neither index.json with oci-layout nor manifest.json is in it".to_owned(),
            },
        })
    }

    /// What the file is called.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How it lists its images.
    pub fn kind(&self) -> ArchiveKind {
        self.kind
    }

    /// The images, with their names as annotations: the content of `index.json`, or what a docker
    /// archive would have there, each image once for each of its names.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Finds the manifest or index that is meant.
    ///
    /// A digest wins over a name; it may be one that the list of images does not have. A name is
    /// one of `io.containerd.image.name`, `org.opencontainers.image.ref.name` or docker's
    /// `RepoTags`, as it stands there or as docker shortens it, or its tag. Without both it is the
    /// only image. Several images of equal name are told apart by `platform`, if it is given.
    pub fn resolve(
        &self,
        name: Option<&str>,
        digest: Option<&BlobDigest>,
        platform: Option<&Platform>,
    ) -> Result<Descriptor, ArchiveResolveError> {
        resolve_in_archive(self, name, digest, platform)
    }

    /// Whether it has a blob of this digest and size. Its content is not looked at.
    pub fn contains(&self, descriptor: &Descriptor) -> bool {
        self.size_of(&descriptor.digest) == Some(descriptor.size)
    }

    /// Reads and parses a manifest or an index.
    pub fn read_document(&self, descriptor: &Descriptor) -> Result<Document, DocumentReadError> {
        blob::document(self.path.clone(), descriptor, |limit| {
            self.read_blob(descriptor, limit)
        })
    }

    /// Reads and parses an image config.
    pub fn read_config(&self, descriptor: &Descriptor) -> Result<Config, DocumentReadError> {
        blob::config(self.path.clone(), descriptor, |limit| {
            self.read_blob(descriptor, limit)
        })
    }

    /// Reads a whole blob of at most `limit` bytes.
    pub fn read_blob(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, BlobError> {
        blob::read(self.path.clone(), descriptor, limit, || {
            self.open_blob(descriptor)
        })
    }

    /// Opens a blob for one verified pass from its start to its end.
    pub fn open_blob(
        &self,
        descriptor: &Descriptor,
    ) -> Result<VerifiedReader<Box<dyn Read + Send>>, BlobError> {
        let (digest, expected) = (descriptor.digest, descriptor.size);
        let found = self.size_of(&digest).ok_or_else(|| self.missing(&digest))?;
        if found != expected {
            return Err(BlobError::Damaged {
                path: self.path.clone(),
                source: match found < expected {
                    true => VerifyError::TooShort {
                        digest,
                        expected,
                        found,
                    },
                    false => VerifyError::TooLong { digest, expected },
                },
            });
        }
        let reader: Box<dyn Read + Send> = match self.made.get(&digest) {
            Some(bytes) => Box::new(io::Cursor::new(Arc::clone(bytes))),
            None => Box::new(self.open_blob_unverified(&digest)?.reader()),
        };
        Ok(VerifiedReader::new(reader, digest, expected))
    }

    /// Finds a blob for reading anywhere. Nothing of it is verified: what is read must be checked
    /// by other means.
    pub fn open_blob_unverified(&self, digest: &BlobDigest) -> Result<BlobInFile, BlobError> {
        let extent = self.blobs.get(digest);
        let extent = extent.ok_or_else(|| self.missing(digest))?;
        Ok(BlobInFile {
            file: Arc::clone(&self.file),
            offset: extent.offset,
            size: extent.size,
        })
    }

    /// The size of a blob that is there, in bytes.
    pub(crate) fn size_of(&self, digest: &BlobDigest) -> Option<u64> {
        let made = self.made.get(digest).map(|bytes| bytes.len() as u64);
        made.or_else(|| self.blobs.get(digest).map(|extent| extent.size))
    }

    fn missing(&self, digest: &BlobDigest) -> BlobError {
        BlobError::Missing {
            digest: *digest,
            path: self.path.clone(),
        }
    }
}

impl BlobInFile {
    /// Reads the blob from its start.
    pub fn reader(self) -> impl Read + Send + use<> {
        let size = self.size;
        FromOffset {
            file: self.file,
            offset: self.offset,
        }
        .take(size)
    }
}

struct FromOffset {
    file: Arc<File>,
    offset: u64,
}

impl Read for FromOffset {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = read_at(&self.file, buffer, self.offset)?;
        self.offset += length as u64;
        Ok(length)
    }
}

/// An archive of which the members are known.
struct Opening {
    path: PathBuf,
    file: Arc<File>,
    members: Members,
}

impl Opening {
    fn new(path: &Path, file: File) -> Result<Self, OpenArchiveError> {
        let read = |source| OpenArchiveError::Read {
            path: path.to_owned(),
            source,
        };
        let length = file.metadata().map_err(read)?.len();
        let members = Members::read(&file, length).map_err(|error| match error {
            MembersError::Read(source) => read(source),
            MembersError::Damaged { .. } => OpenArchiveError::Damaged {
                path: path.to_owned(),
                what: error.to_string(),
            },
            MembersError::NotATar | MembersError::TooMany => OpenArchiveError::NotAnArchive {
                path: path.to_owned(),
                what: error.to_string(),
            },
        })?;
        Ok(Self {
            path: path.to_owned(),
            file: Arc::new(file),
            members,
        })
    }

    fn oci(self) -> Result<ImageArchive, OpenArchiveError> {
        let version = layout::version(&self.member(LAYOUT_FILE, 4096)?);
        if !version.as_deref().is_some_and(layout::is_known) {
            let version = version.unwrap_or_default();
            return Err(self.damaged(format!(
                "{LAYOUT_FILE}: its version is {version:?}, only 1.0.0 is supported"
            )));
        }
        let bytes = self.member(INDEX_FILE, MAX_DOCUMENT_SIZE)?;
        let index = match Document::parse(&bytes, None) {
            Ok(Document::Index(index)) => index,
            Ok(Document::Manifest(_)) => {
                return Err(self.damaged(format!("{INDEX_FILE}: it is a manifest, not an index")));
            }
            Err(source) => {
                return Err(OpenArchiveError::Document {
                    path: self.path,
                    member: INDEX_FILE.to_owned(),
                    source,
                });
            }
        };
        let blobs = self.members.files().filter_map(|(name, extent)| {
            let digest = digest_of_hex(name.strip_prefix(BLOBS)?)?;
            Some((digest, extent))
        });
        Ok(ImageArchive {
            blobs: blobs.collect(),
            kind: ArchiveKind::Oci,
            index,
            made: HashMap::new(),
            path: self.path,
            file: self.file,
        })
    }

    fn find(&self, member: &str) -> Result<Extent, OpenArchiveError> {
        self.members
            .find(member)
            .map_err(|problem: MemberProblem| self.damaged(format!("{member:?} {problem}")))
    }

    /// Reads a member of at most `limit` bytes.
    fn member(&self, member: &str, limit: u64) -> Result<Vec<u8>, OpenArchiveError> {
        let extent = self.find(member)?;
        if extent.size > limit {
            let size = extent.size;
            return Err(self.damaged(format!(
                "{member:?} has {size} bytes, more than the {limit} expected here"
            )));
        }
        let mut bytes = vec![0; extent.size as usize];
        read_exact_at(&self.file, &mut bytes, extent.offset).map_err(|e| self.unread(e))?;
        Ok(bytes)
    }

    fn blob(&self, extent: Extent) -> BlobInFile {
        BlobInFile {
            file: Arc::clone(&self.file),
            offset: extent.offset,
            size: extent.size,
        }
    }

    fn damaged(&self, what: String) -> OpenArchiveError {
        let path = self.path.clone();
        OpenArchiveError::Damaged { path, what }
    }

    fn unread(&self, source: io::Error) -> OpenArchiveError {
        let path = self.path.clone();
        OpenArchiveError::Read { path, source }
    }
}

/// The digest that 64 hexadecimal digits are.
fn digest_of_hex(hex: &str) -> Option<BlobDigest> {
    format!("sha256:{hex}")
        .parse::<Digest>()
        .ok()
        .map(BlobDigest::new)
}

#[cfg(test)]
mod tests;
