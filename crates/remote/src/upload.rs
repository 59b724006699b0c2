//! Blobs and manifests go out.
//!
//! Source: distribution-spec, "Push". The order is the caller's: blobs, then the manifests that
//! name them, then the indexes that name those.

use std::io::{self, Read};

use crossdock_image::{BlobDigest, Descriptor, Reference, Repository};
use ureq::http::header::{CONTENT_RANGE, CONTENT_TYPE, RANGE};
use ureq::http::{HeaderName, Method};

use crate::download::blob_path;
use crate::error::{ApiError, RequestError, shown_answer};
use crate::manifest::{digest_header, manifest_path};
use crate::registry::{Registry, failed};
use crate::retry::{Retries, is_temporary, retry_after};
use crate::token::{Access, Scopes};
use crate::transport::{Payload, Request, Response};
use crate::url::Url;

/// The smallest chunk that a registry takes, in bytes.
const CHUNK_MIN_LENGTH: HeaderName = HeaderName::from_static("oci-chunk-min-length");

/// Why something is not in the registry.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The registry says that what it got is not what was announced.
    #[error("{repository}: {digest}: the registry got other bytes{}", shown_answer(.answer))]
    Digest {
        /// The repository.
        repository: Repository,
        /// What was announced.
        digest: BlobDigest,
        /// What the registry says.
        answer: Box<ApiError>,
    },
    /// The registry does not want the manifest.
    #[error("{reference}: the registry refuses the manifest{}", shown_answer(.answer))]
    Manifest {
        /// The reference, in its short form.
        reference: String,
        /// What the registry says: which blobs it misses, for instance.
        answer: ApiError,
    },
    /// The registry lost what it had received, or refused the parts that it had asked for, again
    /// and again.
    #[error("{repository}: {digest}: the upload was lost {attempts} times")]
    Lost {
        /// The repository.
        repository: Repository,
        /// The blob.
        digest: BlobDigest,
        /// How often.
        attempts: u32,
    },
    /// The exchange failed.
    #[error("{repository}: {digest}: {source}")]
    Request {
        /// The repository.
        repository: Repository,
        /// The blob or the manifest.
        digest: BlobDigest,
        /// How.
        source: Box<RequestError>,
    },
}

/// An upload that the registry has opened.
#[derive(Debug)]
pub struct Upload {
    url: Url,
    /// In bytes.
    smallest_chunk: u64,
}

/// What came of the wish to mount a blob.
#[derive(Debug)]
pub enum Mount {
    /// The blob is there.
    Mounted,
    /// It has to be sent: [`Registry::push_blob`] goes on with this.
    Upload(Upload),
}

/// Gives the bytes of a blob from an offset on, as often as it is asked.
pub type OpenContent<'a> = dyn Fn(u64) -> io::Result<Box<dyn Read + Send + 'a>> + Sync + 'a;

impl Registry {
    /// Whether the repository has the blob.
    pub fn has_blob(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
    ) -> Result<bool, PushError> {
        let push = Push::new(self, repository, descriptor);
        push.is_there().map_err(|source| push.error(source))
    }

    /// Asks for the blob of another repository of the same registry. If the registry cannot do
    /// that, or does not say whether it may, the blob is to be sent.
    pub fn mount_blob(
        &self,
        repository: &Repository,
        from: &Repository,
        descriptor: &Descriptor,
    ) -> Result<Mount, PushError> {
        let push = Push::new(self, repository, descriptor);
        push.mount(from).map_err(|source| push.error(source))
    }

    /// Sends a blob. `upload` is what [`mount_blob`](Self::mount_blob) left. `open` is called
    /// again from where the registry wants to go on after a failure.
    pub fn push_blob(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        upload: Option<Upload>,
        open: &OpenContent<'_>,
    ) -> Result<(), PushError> {
        Push::new(self, repository, descriptor).send(upload, open)
    }

    /// Sends a manifest or an index under the reference's digest, which must be that of `bytes`,
    /// or else its tag.
    pub fn push_manifest(
        &self,
        reference: &Reference,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<BlobDigest, PushError> {
        let repository = reference.repository();
        let descriptor = Descriptor::of(media_type, bytes);
        let digest = descriptor.digest;
        let push = Push::new(self, repository, &descriptor);
        let name = match reference.digest() {
            Some(wanted) if *wanted != digest => return Err(push.other_bytes(ApiError::default())),
            Some(wanted) => wanted.to_string(),
            None => reference.tag_or_latest().to_owned(),
        };
        let put = || {
            let path = manifest_path(repository, &name);
            let url = self.inner.address(repository.host(), &path)?;
            let request = Request::new(Method::PUT, url)
                .with_header(CONTENT_TYPE, media_type)
                .with_payload(Payload::Bytes(bytes));
            push.call(request)
        };
        let response = put().map_err(|source| push.error(source))?;
        match response.status {
            200..=204 => match digest_header(&response) {
                Some(found) if found != digest => Err(push.other_bytes(ApiError::default())),
                _ => Ok(digest),
            },
            400 | 404 | 413 | 422 => Err(PushError::Manifest {
                reference: reference.familiar(),
                answer: response.api_error(),
            }),
            _ => Err(push.error(push.failed(response))),
        }
    }
}

/// One blob on its way.
struct Push<'a> {
    registry: &'a Registry,
    repository: &'a Repository,
    descriptor: &'a Descriptor,
    scopes: Scopes,
}

/// How far an upload is.
struct Progress {
    upload: Upload,
    /// How many bytes the registry has.
    offset: u64,
    /// The rest goes out in one piece.
    is_whole: bool,
}

/// Why an upload stopped.
enum Stop {
    /// For good.
    Fatal(PushError),
    /// The registry may know how far it got.
    Broken(RequestError, Option<std::time::Duration>),
    /// The registry wants another part than the one that it was sent.
    WrongPart,
    /// The registry does not know the upload.
    Lost,
}

impl<'a> Push<'a> {
    fn new(registry: &'a Registry, repository: &'a Repository, descriptor: &'a Descriptor) -> Self {
        Self {
            registry,
            repository,
            descriptor,
            scopes: Scopes::new(repository, Access::Push),
        }
    }

    fn call(&self, request: Request<'_>) -> Result<Response, RequestError> {
        self.call_with(&self.scopes, request)
    }

    fn call_with(
        &self,
        scopes: &Scopes,
        mut request: Request<'_>,
    ) -> Result<Response, RequestError> {
        let host = self.repository.host();
        let inner = &self.registry.inner;
        inner.call(host, Some(self.repository), scopes, &mut request)
    }

    fn error(&self, source: RequestError) -> PushError {
        PushError::Request {
            repository: self.repository.clone(),
            digest: self.descriptor.digest,
            source: Box::new(source),
        }
    }

    fn failed(&self, response: Response) -> RequestError {
        failed(self.repository.host(), Some(self.repository), response)
    }

    fn other_bytes(&self, answer: ApiError) -> PushError {
        PushError::Digest {
            repository: self.repository.clone(),
            digest: self.descriptor.digest,
            answer: Box::new(answer),
        }
    }

    fn is_there(&self) -> Result<bool, RequestError> {
        let path = blob_path(self.repository, &self.descriptor.digest);
        let url = self.registry.inner.address(self.repository.host(), &path)?;
        let response = self.call(Request::new(Method::HEAD, url))?;
        match response.status {
            200 => Ok(response
                .content_length()
                .is_none_or(|length| length == self.descriptor.size)),
            404 => Ok(false),
            // Storage behind a registry may know GET alone. That it was asked is the answer.
            _ if response.url.path() != path => Ok(true),
            _ => Err(self.failed(response)),
        }
    }

    fn uploads(&self) -> Result<Url, RequestError> {
        let path = format!("/v2/{}/blobs/uploads/", self.repository.path());
        self.registry.inner.address(self.repository.host(), &path)
    }

    fn mount(&self, from: &Repository) -> Result<Mount, RequestError> {
        if from.host() != self.repository.host() || from == self.repository {
            return self.start().map(Mount::Upload);
        }
        let url = self
            .uploads()?
            .with_query("mount", &self.descriptor.digest.to_string())
            .with_query("from", from.path());
        let scopes = self.scopes.clone().and(from, Access::Pull);
        let request = Request::new(Method::POST, url).with_payload(Payload::Bytes(b""));
        match self.call_with(&scopes, request) {
            Ok(response) => match response.status {
                201 => Ok(Mount::Mounted),
                202 => Upload::of(&response).map(Mount::Upload),
                // Who may not read there may still write here.
                _ => self.start().map(Mount::Upload),
            },
            Err(RequestError::Unauthorized { .. } | RequestError::Denied { .. }) => {
                self.start().map(Mount::Upload)
            }
            Err(error) => Err(error),
        }
    }

    fn start(&self) -> Result<Upload, RequestError> {
        let url = self.uploads()?;
        let request = Request::new(Method::POST, url).with_payload(Payload::Bytes(b""));
        let response = self.call(request)?;
        match response.status {
            202 => Upload::of(&response),
            _ => Err(self.failed(response)),
        }
    }

    fn send(&self, upload: Option<Upload>, open: &OpenContent<'_>) -> Result<(), PushError> {
        let transport = &self.registry.inner.transport;
        let upload = match upload {
            Some(upload) => upload,
            None => self.start().map_err(|source| self.error(source))?,
        };
        let mut progress = Progress {
            upload,
            offset: 0,
            is_whole: self.descriptor.size <= transport.config().chunk_size,
        };
        let mut retries = transport.retries();
        let mut wrong_parts = 0;
        loop {
            let stop = match self.advance(&mut progress, &mut retries, open) {
                Ok(()) => return Ok(()),
                Err(stop) => stop,
            };
            let is_wrong_part = matches!(stop, Stop::WrongPart);
            let (error, pause) = match stop {
                Stop::Fatal(error) => return Err(error),
                Stop::Broken(error, pause) => (self.error(error), pause),
                Stop::WrongPart | Stop::Lost => (
                    PushError::Lost {
                        repository: self.repository.clone(),
                        digest: self.descriptor.digest,
                        attempts: retries.failures() + 1,
                    },
                    None,
                ),
            };
            wrong_parts += u32::from(is_wrong_part);
            if !retries.pause(pause) {
                return Err(error);
            }
            // A registry that refuses the part that it asked for cannot do parts.
            let known = if wrong_parts > 1 && is_wrong_part {
                progress.is_whole = true;
                None
            } else {
                self.position(&mut progress.upload)
                    .map_err(|source| self.error(source))?
            };
            match known {
                Some(offset) => progress.offset = offset,
                // The last answer may have been lost on the way, after everything was done.
                None if self.is_there().map_err(|source| self.error(source))? => return Ok(()),
                None => {
                    progress.offset = 0;
                    progress.upload = self.start().map_err(|source| self.error(source))?;
                }
            }
        }
    }

    /// Sends what is missing.
    fn advance(
        &self,
        progress: &mut Progress,
        retries: &mut Retries,
        open: &OpenContent<'_>,
    ) -> Result<(), Stop> {
        let size = self.descriptor.size;
        if progress.is_whole && progress.offset == 0 {
            return self.finish(&progress.upload, size, open);
        }
        while progress.offset < size {
            let left = size - progress.offset;
            let chunk = if progress.is_whole {
                left
            } else {
                let configured = self.registry.inner.transport.config().chunk_size;
                left.min(configured.max(progress.upload.smallest_chunk).max(1))
            };
            self.send_chunk(progress, chunk, open)?;
            retries.progress();
        }
        self.finish(&progress.upload, 0, open)
    }

    fn send_chunk(
        &self,
        progress: &mut Progress,
        length: u64,
        open: &OpenContent<'_>,
    ) -> Result<(), Stop> {
        let start = progress.offset;
        let mut content = self.open(start, open)?;
        let request = Request::new(Method::PATCH, progress.upload.url.clone())
            .with_header(CONTENT_TYPE, "application/octet-stream")
            .with_header(CONTENT_RANGE, format!("{start}-{}", start + length - 1))
            .with_payload(Payload::Stream(&mut content, length));
        let response = self.call(request).map_err(|error| self.stop(error))?;
        match response.status {
            200..=204 => {
                let end = start + length;
                let received = response.header(RANGE).and_then(received).unwrap_or(end);
                // Less than everything is gone on with; less than nothing new is no progress.
                if received <= start || received > end {
                    return Err(Stop::WrongPart);
                }
                let smallest_chunk = progress.upload.smallest_chunk;
                let next = Upload::of(&response).map_err(|error| self.stop(error))?;
                progress.upload = Upload {
                    smallest_chunk,
                    ..next
                };
                progress.offset = received;
                Ok(())
            }
            _ => Err(self.refused(response)),
        }
    }

    /// Closes the upload, with `length` bytes from the beginning if it has none yet.
    fn finish(&self, upload: &Upload, length: u64, open: &OpenContent<'_>) -> Result<(), Stop> {
        let digest = self.descriptor.digest;
        let url = upload.url.clone().with_query("digest", &digest.to_string());
        let request =
            Request::new(Method::PUT, url).with_header(CONTENT_TYPE, "application/octet-stream");
        let response = if length == 0 {
            self.call(request.with_payload(Payload::Bytes(b"")))
        } else {
            let mut content = self.open(0, open)?;
            self.call(request.with_payload(Payload::Stream(&mut content, length)))
        };
        let response = response.map_err(|error| self.stop(error))?;
        match response.status {
            200..=204 => match digest_header(&response) {
                Some(found) if found != digest => {
                    Err(Stop::Fatal(self.other_bytes(ApiError::default())))
                }
                _ => Ok(()),
            },
            400 => {
                let answer = response.api_error();
                if answer.code == "BLOB_UPLOAD_UNKNOWN" || answer.code == "BLOB_UPLOAD_INVALID" {
                    Err(Stop::Lost)
                } else {
                    Err(Stop::Fatal(self.other_bytes(answer)))
                }
            }
            _ => Err(self.refused(response)),
        }
    }

    fn open<'o>(
        &self,
        offset: u64,
        open: &OpenContent<'o>,
    ) -> Result<Box<dyn Read + Send + 'o>, Stop> {
        open(offset).map_err(|error| {
            let reason = error.to_string();
            Stop::Fatal(self.error(RequestError::Source { reason }))
        })
    }

    fn stop(&self, error: RequestError) -> Stop {
        match error {
            RequestError::Broken { .. } | RequestError::Unreachable { .. } => {
                Stop::Broken(error, None)
            }
            error => Stop::Fatal(self.error(error)),
        }
    }

    fn refused(&self, response: Response) -> Stop {
        let pause = retry_after(&response.headers);
        match response.status {
            404 => Stop::Lost,
            416 => Stop::WrongPart,
            // The token expired on the way: what asks for the position gets another one.
            401 => Stop::Broken(self.failed(response), None),
            status if is_temporary(status) => Stop::Broken(self.failed(response), pause),
            _ => Stop::Fatal(self.error(self.failed(response))),
        }
    }

    /// How many bytes the registry has of the upload; `None` if it does not say.
    fn position(&self, upload: &mut Upload) -> Result<Option<u64>, RequestError> {
        let response = self.call(Request::get(upload.url.clone()))?;
        if !matches!(response.status, 200..=204) {
            return Ok(None);
        }
        let received = response.header(RANGE).and_then(received);
        let Some(received) = received.filter(|received| *received <= self.descriptor.size) else {
            return Ok(None);
        };
        if let Ok(next) = response.location() {
            upload.url = next;
        }
        // `0-0` is one byte, but also what distribution says of none.
        Ok(Some(if received == 1 { 0 } else { received }))
    }
}

impl Upload {
    fn of(response: &Response) -> Result<Self, RequestError> {
        let smallest = response.header(CHUNK_MIN_LENGTH);
        Ok(Self {
            url: response.location()?,
            smallest_chunk: smallest
                .and_then(|text| text.trim().parse().ok())
                .unwrap_or(0),
        })
    }
}

/// The number of bytes that `0-END` or `bytes=0-END` means.
fn received(range: &str) -> Option<u64> {
    let range = range.trim();
    let range = range.strip_prefix("bytes=").unwrap_or(range);
    let end: u64 = range.strip_prefix("0-")?.parse().ok()?;
    end.checked_add(1)
}
