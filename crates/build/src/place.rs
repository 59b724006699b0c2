//! Where blobs of images are: a layout, an archive, the store, a registry.

use std::io::{self, Read};
use std::sync::Arc;

use crossdock_image::{
    Config, Descriptor, Document, MAX_CONFIG_SIZE, MAX_DOCUMENT_SIZE, Repository,
};
use crossdock_remote::Registry;
use crossdock_store::{BlobInFile, DocumentReadError, ImageArchive, Layout, Store};

use crate::error::BuildError;

/// Where the blobs of an image are.
#[derive(Debug, Clone)]
pub(crate) enum BlobPlace {
    /// In somebody's layout, read in place.
    Layout(Arc<Layout>),
    /// In an archive, read in place.
    Archive(Arc<ImageArchive>),
    /// In our store.
    Store(Store),
    /// In a registry, as long as our store does not have them.
    Registry(Arc<RemotePlace>),
}

/// A repository, and the store that keeps what is downloaded from it.
#[derive(Debug)]
pub(crate) struct RemotePlace {
    pub(crate) registry: Registry,
    pub(crate) repository: Repository,
    pub(crate) store: Store,
}

impl BlobPlace {
    /// The repository that the blobs come from, if it is one.
    pub(crate) fn repository(&self) -> Option<&Repository> {
        match self {
            Self::Registry(remote) => Some(&remote.repository),
            Self::Layout(_) | Self::Archive(_) | Self::Store(_) => None,
        }
    }

    /// The registry's place of a blob that would have to be downloaded.
    pub(crate) fn absent(&self, descriptor: &Descriptor) -> Option<&RemotePlace> {
        match self {
            Self::Registry(remote) if !remote.has(descriptor) => Some(remote),
            _ => None,
        }
    }

    /// Opens a blob; its end is only reached if digest and size are right. What comes from a
    /// registry is not kept.
    pub(crate) fn open(
        &self,
        image: &str,
        descriptor: &Descriptor,
    ) -> Result<Box<dyn Read + Send>, BuildError> {
        let failed = |source| BuildError::Blob {
            image: image.to_owned(),
            source: Box::new(source),
        };
        Ok(match self {
            Self::Layout(layout) => Box::new(layout.open_blob(descriptor).map_err(failed)?),
            Self::Archive(archive) => Box::new(archive.open_blob(descriptor).map_err(failed)?),
            Self::Store(store) => Box::new(store.open_blob(descriptor).map_err(failed)?),
            Self::Registry(remote) if remote.has(descriptor) => {
                Box::new(remote.store.open_blob(descriptor).map_err(failed)?)
            }
            Self::Registry(remote) => {
                let blob = remote.registry.blob(&remote.repository, descriptor);
                Box::new(blob.map_err(|source| BuildError::download(image, source))?)
            }
        })
    }

    /// Opens a blob in a file for reading anywhere, unverified, if it is there and has the right
    /// size.
    pub(crate) fn open_file(&self, descriptor: &Descriptor) -> Option<BlobInFile> {
        let digest = &descriptor.digest;
        let opened = match self {
            Self::Layout(layout) => layout.open_blob_unverified(digest),
            Self::Archive(archive) => {
                let blob = archive.open_blob_unverified(digest).ok()?;
                return (blob.size == descriptor.size).then_some(blob);
            }
            Self::Store(store) => store.open_blob_unverified(digest),
            Self::Registry(remote) => remote.store.open_blob_unverified(digest),
        };
        let (file, size) = opened.ok()?;
        (size == descriptor.size).then(|| BlobInFile {
            file: Arc::new(file),
            offset: 0,
            size,
        })
    }

    /// Whether the blob is there, or can be asked for.
    pub(crate) fn may_have(&self, descriptor: &Descriptor) -> bool {
        match self {
            Self::Layout(layout) => layout.open_blob_unverified(&descriptor.digest).is_ok(),
            Self::Archive(archive) => archive.contains(descriptor),
            Self::Store(store) => store.blob_size(&descriptor.digest).is_some(),
            Self::Registry(_) => true,
        }
    }

    /// Opens a blob somewhere in it, unverified.
    pub(crate) fn open_from(
        &self,
        image: &str,
        descriptor: &Descriptor,
        offset: u64,
    ) -> Result<Box<dyn Read + Send>, BuildError> {
        if offset == 0 {
            return self.open(image, descriptor);
        }
        if let Some(remote) = self.absent(descriptor) {
            let blob = remote
                .registry
                .blob_from(&remote.repository, descriptor, offset);
            return Ok(Box::new(
                blob.map_err(|source| BuildError::download(image, source))?,
            ));
        }
        // The bytes before are read and checked; this happens after a failure only.
        let mut blob = self.open(image, descriptor)?;
        copy(
            Read::by_ref(&mut blob).take(offset),
            &mut io::sink(),
            descriptor,
        )?;
        Ok(blob)
    }

    /// Reads a manifest or an index.
    pub(crate) fn document(
        &self,
        image: &str,
        descriptor: &Descriptor,
    ) -> Result<Document, BuildError> {
        let failed = |source| document_error(image, source);
        match self {
            Self::Layout(layout) => layout.read_document(descriptor).map_err(failed),
            Self::Archive(archive) => archive.read_document(descriptor).map_err(failed),
            Self::Store(store) => store.read_document(descriptor).map_err(failed),
            Self::Registry(remote) => {
                remote.keep_document(image, descriptor)?;
                remote.store.read_document(descriptor).map_err(failed)
            }
        }
    }

    /// Makes sure that the store has the blob, if it is a registry's.
    pub(crate) fn keep(&self, image: &str, descriptor: &Descriptor) -> Result<(), BuildError> {
        let Some(remote) = self.absent(descriptor) else {
            return Ok(());
        };
        let blob = remote
            .registry
            .blob_from(&remote.repository, descriptor, 0)
            .map_err(|source| BuildError::download(image, source))?;
        let mut ingest = remote.store.ingest()?;
        copy(blob, &mut ingest, descriptor)?;
        let expected = Some((descriptor.digest, descriptor.size));
        ingest
            .commit(expected)
            .map_err(|source| BuildError::Downloaded {
                image: image.to_owned(),
                source: Box::new(source),
            })?;
        Ok(())
    }

    /// Reads an image's config.
    pub(crate) fn config(
        &self,
        image: &str,
        descriptor: &Descriptor,
    ) -> Result<Config, BuildError> {
        let failed = |source| document_error(image, source);
        match self {
            Self::Layout(layout) => layout.read_config(descriptor).map_err(failed),
            Self::Archive(archive) => archive.read_config(descriptor).map_err(failed),
            Self::Store(store) => store.read_config(descriptor).map_err(failed),
            Self::Registry(remote) => {
                remote.keep_config(image, descriptor)?;
                remote.store.read_config(descriptor).map_err(failed)
            }
        }
    }
}

impl RemotePlace {
    /// Whether the store has the blob.
    pub(crate) fn has(&self, descriptor: &Descriptor) -> bool {
        self.store.blob_size(&descriptor.digest) == Some(descriptor.size)
    }

    /// Downloads a manifest or an index into the store, unless it is there, whole.
    fn keep_document(&self, image: &str, descriptor: &Descriptor) -> Result<(), BuildError> {
        // Read whole, as a damaged one is downloaded again.
        if self.store.read_blob(descriptor, MAX_DOCUMENT_SIZE).is_ok() {
            return Ok(());
        }
        let reference = self.repository.with_digest(descriptor.digest);
        let (_, bytes) = self
            .registry
            .manifest(&reference)
            .map_err(|source| BuildError::manifest(image, source))?;
        self.store.put_bytes(&bytes)?;
        Ok(())
    }

    fn keep_config(&self, image: &str, descriptor: &Descriptor) -> Result<(), BuildError> {
        if self.store.read_blob(descriptor, MAX_CONFIG_SIZE).is_ok()
            // The store's own error names the limit; nothing so large is downloaded.
            || descriptor.size > MAX_CONFIG_SIZE
        {
            return Ok(());
        }
        let blob = self
            .registry
            .blob(&self.repository, descriptor)
            .map_err(|source| BuildError::download(image, source))?;
        let mut bytes = Vec::new();
        copy(blob, &mut bytes, descriptor)?;
        self.store.put_bytes(&bytes)?;
        Ok(())
    }
}

fn copy(mut from: impl Read, to: &mut dyn io::Write, blob: &Descriptor) -> Result<(), BuildError> {
    let copied = io::copy(&mut from, to);
    copied.map(drop).map_err(|source| BuildError::Part {
        digest: blob.digest,
        source,
    })
}

fn document_error(image: &str, source: DocumentReadError) -> BuildError {
    BuildError::Document {
        image: image.to_owned(),
        source: Box::new(source),
    }
}
