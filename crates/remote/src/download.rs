//! Blobs come in: one stream, however often the connection breaks.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use crossdock_image::{BlobDigest, BlobSource, Descriptor, Repository, VerifiedReader};
use ureq::http::header::{CONTENT_RANGE, RANGE};

use crate::error::RequestError;
use crate::registry::{Inner, Registry, failed};
use crate::retry::Retries;
use crate::token::{Access, Scopes};
use crate::transport::{Request, Response, reason};
use crate::url::Url;

/// A connection that brought this many bytes before it broke was a good one.
pub(crate) const PROGRESS: u64 = 64 << 10;

/// Why a blob cannot be downloaded.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// Neither the registry nor an address in the descriptor has it.
    #[error("{repository}: the registry does not have the blob {digest}")]
    NotFound {
        /// The repository.
        repository: Repository,
        /// The blob.
        digest: BlobDigest,
    },
    /// It is there with another length.
    #[error("{repository}: blob {digest}: expected {expected} bytes, the registry has {found}")]
    Size {
        /// The repository.
        repository: Repository,
        /// The blob.
        digest: BlobDigest,
        /// The descriptor's size in bytes.
        expected: u64,
        /// What the registry says.
        found: String,
    },
    /// The connection broke too often.
    #[error(
        "{repository}: blob {digest}: the connection broke at byte {position}, {attempts} times: \
         {reason}"
    )]
    Broken {
        /// The repository.
        repository: Repository,
        /// The blob.
        digest: BlobDigest,
        /// How many bytes had come.
        position: u64,
        /// How often it was tried from there.
        attempts: u32,
        /// How it broke last.
        reason: String,
    },
    /// The exchange failed.
    #[error("{repository}: blob {digest}: {source}")]
    Request {
        /// The repository.
        repository: Repository,
        /// The blob.
        digest: BlobDigest,
        /// How.
        source: Box<RequestError>,
    },
}

/// The bytes of a blob from some offset on, as they come: **not verified**.
///
/// It goes on by itself where a broken connection stopped, and ends after the size that the
/// descriptor names. Errors are [`io::Error`]s around a [`BlobError`].
pub struct BlobReader {
    inner: Arc<Inner>,
    repository: Repository,
    descriptor: Descriptor,
    position: u64,
    /// The answer that is being read.
    body: Option<Box<dyn Read + Send>>,
    /// How much of it comes before `position`.
    skip: u64,
    retries: Retries,
    /// How much has come since the last failure.
    since_failure: u64,
}

/// The blobs of one repository.
#[derive(Debug, Clone)]
pub struct RepositoryBlobs {
    registry: Registry,
    repository: Repository,
}

impl Registry {
    /// Downloads a blob, verified: the end is `Ok` only if size and digest are the descriptor's.
    ///
    /// If the registry does not have it, the descriptor's `urls` are tried, by https and without
    /// credentials.
    pub fn blob(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
    ) -> Result<VerifiedReader<BlobReader>, BlobError> {
        let reader = self.blob_from(repository, descriptor, 0)?;
        Ok(VerifiedReader::new(
            reader,
            descriptor.digest,
            descriptor.size,
        ))
    }

    /// Downloads a blob from `offset` on. Nothing proves these bytes: the caller verifies them
    /// together with those that it has.
    pub fn blob_from(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        offset: u64,
    ) -> Result<BlobReader, BlobError> {
        let mut reader = BlobReader {
            inner: Arc::clone(&self.inner),
            repository: repository.clone(),
            descriptor: descriptor.clone(),
            position: offset.min(descriptor.size),
            body: None,
            skip: 0,
            retries: self.inner.transport.retries(),
            since_failure: 0,
        };
        // Asked even for no bytes at all: the answer may be that it is not there.
        if offset == 0 || reader.position < descriptor.size {
            reader.connect()?;
        }
        Ok(reader)
    }

    /// The blobs of `repository`, for what reads blobs wherever they are.
    pub fn blobs(&self, repository: &Repository) -> RepositoryBlobs {
        RepositoryBlobs {
            registry: self.clone(),
            repository: repository.clone(),
        }
    }
}

impl BlobSource for RepositoryBlobs {
    fn open(&self, descriptor: &Descriptor) -> io::Result<Box<dyn Read + Send>> {
        let reader = self.registry.blob(&self.repository, descriptor);
        Ok(Box::new(reader.map_err(io_error)?))
    }
}

fn io_error(error: BlobError) -> io::Error {
    match error {
        BlobError::NotFound { .. } => io::Error::new(io::ErrorKind::NotFound, error),
        other => io::Error::other(other),
    }
}

impl BlobReader {
    /// How many bytes of the blob are behind: where the next one is.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Asks for the bytes from `position` on.
    fn connect(&mut self) -> Result<(), BlobError> {
        let response = self
            .ask_registry()
            .map_err(|source| self.request_error(source))?;
        if response.status != 404 {
            return self.accept(response);
        }
        for url in self.descriptor.urls.clone() {
            let response = self.ask_foreign(&url);
            let response = response.map_err(|source| self.request_error(source))?;
            if response.status != 404 {
                return self.accept(response);
            }
        }
        Err(BlobError::NotFound {
            repository: self.repository.clone(),
            digest: self.descriptor.digest,
        })
    }

    fn ask_registry(&self) -> Result<Response, RequestError> {
        let repository = &self.repository;
        let path = blob_path(repository, &self.descriptor.digest);
        let url = self.inner.address(repository.host(), &path)?;
        let scopes = Scopes::new(repository, Access::Pull);
        let mut request = self.request(url);
        self.inner
            .call(repository.host(), Some(repository), &scopes, &mut request)
    }

    /// The address comes from a manifest, which strangers write: never any credentials, even if
    /// it asks for them.
    fn ask_foreign(&self, text: &str) -> Result<Response, RequestError> {
        let url = Url::parse(text)
            .filter(|url| url.origin().is_https || self.inner.transport.may_be_plain(url.origin()));
        let url = url.ok_or_else(|| RequestError::Location {
            url: format!("the descriptor of {}", self.descriptor.digest),
            what: "an address that is not https".to_owned(),
        })?;
        self.inner.transport.send(&mut self.request(url), None)
    }

    fn request(&self, url: Url) -> Request<'static> {
        let request = Request::get(url);
        match self.position {
            0 => request,
            position => request.with_header(RANGE, format!("bytes={position}-")),
        }
    }

    /// Makes the answer the one that is read, if it is of this blob.
    fn accept(&mut self, response: Response) -> Result<(), BlobError> {
        let size = self.descriptor.size;
        match response.status {
            200 => match response.content_length() {
                Some(length) if length != size => return Err(self.size_error(length.to_string())),
                // Ranges are a wish: what is already there is read again.
                _ => self.skip = self.position,
            },
            206 => {
                let range = response.header(CONTENT_RANGE).unwrap_or_default();
                if !is_range(range, self.position, size) {
                    return Err(self.size_error(format!("sent the range {range:?}")));
                }
                self.skip = 0;
            }
            416 => return Err(self.size_error(format!("fewer than {}", self.position))),
            _ => {
                let error = failed(self.repository.host(), Some(&self.repository), response);
                return Err(self.request_error(error));
            }
        }
        self.body = Some(Box::new(response.into_reader()));
        Ok(())
    }

    fn request_error(&self, source: RequestError) -> BlobError {
        BlobError::Request {
            repository: self.repository.clone(),
            digest: self.descriptor.digest,
            source: Box::new(source),
        }
    }

    fn size_error(&self, found: String) -> BlobError {
        BlobError::Size {
            repository: self.repository.clone(),
            digest: self.descriptor.digest,
            expected: self.descriptor.size,
            found,
        }
    }

    /// Reads from the answer; 0 if it has ended, too early or not.
    fn read_body(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(body) = &mut self.body else {
            return Ok(0);
        };
        while self.skip > 0 {
            let mut skipped = [0; 16 << 10];
            let wanted = usize::try_from(self.skip).map_or(skipped.len(), |n| n.min(skipped.len()));
            match body.read(&mut skipped[..wanted])? {
                0 => return Ok(0),
                count => self.skip -= count as u64,
            }
        }
        body.read(buffer)
    }

    /// The answer ended or broke too early: waits, unless that happened too often.
    fn interrupted(&mut self, reason: String) -> io::Result<()> {
        self.body = None;
        if self.since_failure >= PROGRESS {
            self.retries.progress();
        }
        self.since_failure = 0;
        if self.retries.pause(None) {
            return Ok(());
        }
        Err(io_error(BlobError::Broken {
            repository: self.repository.clone(),
            digest: self.descriptor.digest,
            position: self.position,
            attempts: self.retries.failures(),
            reason,
        }))
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let left = self.descriptor.size - self.position;
            if left == 0 {
                // One byte more than announced is an answer to another question: whoever
                // verifies wants to know.
                return Ok(self.read_body(&mut buffer[..1]).unwrap_or(0));
            }
            if self.body.is_none() {
                self.connect().map_err(io_error)?;
            }
            let wanted = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
            match self.read_body(&mut buffer[..wanted]) {
                Ok(0) => self.interrupted("the answer ended early".to_owned())?,
                Ok(count) => {
                    self.position += count as u64;
                    self.since_failure += count as u64;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.interrupted(reason(&error))?,
            }
        }
    }
}

impl fmt::Debug for BlobReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobReader")
            .field("repository", &self.repository)
            .field("descriptor", &self.descriptor)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

/// The path of a blob.
pub(crate) fn blob_path(repository: &Repository, digest: &BlobDigest) -> String {
    format!("/v2/{}/blobs/{digest}", repository.path())
}

/// Whether `text` is `bytes START-END/SIZE` from `start` to the end of `size` bytes (RFC 9110,
/// 14.4). The size may be unknown.
fn is_range(text: &str, start: u64, size: u64) -> bool {
    parse_range(text).is_some_and(|(first, last, total)| {
        first == start && last < size && total.is_none_or(|total| total == size)
    })
}

/// First and last byte, and the size of all if it is known, of a `Content-Range`.
pub(crate) fn parse_range(text: &str) -> Option<(u64, u64, Option<u64>)> {
    let rest = text.trim().strip_prefix("bytes ")?;
    let (range, total) = rest.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let total = match total {
        "*" => None,
        total => Some(total.parse().ok()?),
    };
    Some((first.parse().ok()?, last.parse().ok()?, total))
}

#[cfg(test)]
mod tests;
