//! Manifests and indexes: what a reference means, and their bytes.

use crossdock_image::{
    BlobDigest, Descriptor, Digest, Document, MAX_DOCUMENT_SIZE, MediaType, Reference, Repository,
};
use ureq::http::header::{ACCEPT, CONTENT_TYPE};
use ureq::http::{HeaderName, Method};

use crate::error::{ApiError, RequestError, shown_answer};
use crate::registry::{Registry, failed};
use crate::token::{Access, Scopes};
use crate::transport::{Request, Response};

/// The header with the digest of what is sent (distribution-spec, "Pulling manifests").
pub(crate) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// What is asked for: everything that [`Document`] reads.
const ACCEPTED: [MediaType; 4] = [
    MediaType::OciIndex,
    MediaType::OciManifest,
    MediaType::DockerIndex,
    MediaType::DockerManifest,
];

/// Why there is no manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The registry does not have it.
    #[error(
        "{reference}: the registry does not have it{}; check the name and the tag",
        shown_answer(.answer)
    )]
    NotFound {
        /// The reference, in its short form.
        reference: String,
        /// What the registry says.
        answer: ApiError,
    },
    /// The bytes are not those that were asked for, or that the registry announces.
    #[error("{reference}: expected a document with the digest {expected}, got {found}")]
    Digest {
        /// The reference, in its short form.
        reference: String,
        /// The digest that was asked for or announced.
        expected: BlobDigest,
        /// The digest of the bytes.
        found: BlobDigest,
    },
    /// The exchange failed.
    #[error("{reference}: {source}")]
    Request {
        /// The reference, in its short form.
        reference: String,
        /// How.
        source: Box<RequestError>,
    },
}

impl Registry {
    /// What `reference` means now: digest, size and media type of a manifest or an index, which
    /// is not downloaded if the registry tells them without.
    ///
    /// A tag's digest is the registry's word. What is downloaded by it later is verified.
    pub fn resolve(&self, reference: &Reference) -> Result<Descriptor, ManifestError> {
        let response = self.ask_manifest(reference, Method::HEAD)?;
        let size = response.content_length();
        match (response.status, digest_header(&response), size) {
            (200, Some(digest), Some(size)) if size <= MAX_DOCUMENT_SIZE => {
                check_digest(reference, reference.digest().unwrap_or(&digest), digest)?;
                let kind = response.header(CONTENT_TYPE).and_then(MediaType::parse);
                match kind {
                    Some(kind) => Ok(Descriptor::new(kind.as_str(), digest, size)),
                    None => self.manifest(reference).map(|(descriptor, _)| descriptor),
                }
            }
            (404, ..) => Err(not_found(reference, response)),
            // Whatever it is, the answer to GET says more.
            _ => self.manifest(reference).map(|(descriptor, _)| descriptor),
        }
    }

    /// The manifest or index that `reference` means now, and its descriptor. The bytes have the
    /// descriptor's digest, which is the reference's if that has one.
    pub fn manifest(&self, reference: &Reference) -> Result<(Descriptor, Vec<u8>), ManifestError> {
        let response = self.ask_manifest(reference, Method::GET)?;
        match response.status {
            200 => {}
            404 => return Err(not_found(reference, response)),
            _ => {
                let repository = reference.repository();
                let source = failed(repository.host(), Some(repository), response);
                return Err(request_error(reference, source));
            }
        }
        let announced = digest_header(&response);
        let kind = response.header(CONTENT_TYPE).and_then(MediaType::parse);
        let bytes = response
            .read(MAX_DOCUMENT_SIZE)
            .map_err(|source| request_error(reference, source))?;
        let digest = BlobDigest::new(Digest::of(&bytes));
        for expected in [reference.digest().copied(), announced]
            .into_iter()
            .flatten()
        {
            check_digest(reference, &expected, digest)?;
        }
        // Some registries call everything JSON or text.
        let own = || match Document::parse(&bytes, None).ok()? {
            Document::Manifest(manifest) => Some(manifest.media_type().to_owned()),
            Document::Index(index) => Some(index.media_type().to_owned()),
        };
        let media_type = match kind {
            Some(kind) => kind.as_str().to_owned(),
            None => own().unwrap_or_default(),
        };
        Ok((Descriptor::of(&media_type, &bytes), bytes))
    }

    fn ask_manifest(
        &self,
        reference: &Reference,
        method: Method,
    ) -> Result<Response, ManifestError> {
        let repository = reference.repository();
        let name = match reference.digest() {
            Some(digest) => digest.to_string(),
            None => reference.tag_or_latest().to_owned(),
        };
        let ask = || {
            let path = manifest_path(repository, &name);
            let url = self.inner.address(repository.host(), &path)?;
            let accepted = ACCEPTED.map(MediaType::as_str).join(", ");
            let mut request = Request::new(method, url).with_header(ACCEPT, accepted);
            let scopes = Scopes::new(repository, Access::Pull);
            self.inner
                .call(repository.host(), Some(repository), &scopes, &mut request)
        };
        ask().map_err(|source| request_error(reference, source))
    }
}

/// The path of a manifest by its tag or digest.
pub(crate) fn manifest_path(repository: &Repository, name: &str) -> String {
    format!("/v2/{}/manifests/{name}", repository.path())
}

/// The announced digest, if it is one that can be verified.
pub(crate) fn digest_header(response: &Response) -> Option<BlobDigest> {
    response.header(CONTENT_DIGEST)?.trim().parse().ok()
}

fn check_digest(
    reference: &Reference,
    expected: &BlobDigest,
    found: BlobDigest,
) -> Result<(), ManifestError> {
    if *expected == found {
        return Ok(());
    }
    Err(ManifestError::Digest {
        reference: reference.familiar(),
        expected: *expected,
        found,
    })
}

fn not_found(reference: &Reference, response: Response) -> ManifestError {
    ManifestError::NotFound {
        reference: reference.familiar(),
        answer: response.api_error(),
    }
}

fn request_error(reference: &Reference, source: RequestError) -> ManifestError {
    ManifestError::Request {
        reference: reference.familiar(),
        source: Box::new(source),
    }
}
