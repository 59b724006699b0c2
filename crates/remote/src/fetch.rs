//! Files by http and https, for `ADD` and for contexts.
//!
//! Any server is spoken to, so there are no credentials but those in the address, and what is
//! sent is the file: it is not decoded.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use crossdock_image::HttpUrl;
use sha2::{Digest, Sha256};
use ureq::http::header::{
    ACCEPT_ENCODING, CONTENT_DISPOSITION, CONTENT_RANGE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    IF_RANGE, LAST_MODIFIED, RANGE, TRANSFER_ENCODING,
};

use crate::config::RemoteConfig;
use crate::disposition::{content_disposition_file_name, safe_file_name};
use crate::download::{PROGRESS, parse_range};
use crate::error::{RequestError, Unreachable};
use crate::http_date::parse_http_date;
use crate::registry::{Inner, Registry};
use crate::retry::Retries;
use crate::transport::{Request, Response, reason};
use crate::url::Url;

/// The name of a file that has none.
const NO_NAME: &str = "download";

/// A client of any http server. Clones share connections.
#[derive(Debug, Clone)]
pub struct Fetcher {
    inner: Arc<Inner>,
}

/// What is to be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchRequest {
    /// Where it is. The user and password in it are sent to that host alone.
    pub url: HttpUrl,
    /// The `ETag` of what the caller has.
    pub if_none_match: Option<String>,
    /// The `Last-Modified` of what the caller has, as the server wrote it.
    pub if_modified_since: Option<String>,
}

/// What came.
#[derive(Debug)]
pub enum Fetched {
    /// What the caller has is what there is.
    NotModified,
    /// The file.
    Content(Box<FetchedContent>),
}

/// A file that is coming.
#[derive(Debug)]
pub struct FetchedContent {
    /// Its bytes. Nothing proves them.
    pub body: FetchedBody,
    /// How many there will be, in bytes, if the server says so.
    pub size: Option<u64>,
    /// `ETag`, as it was sent.
    pub etag: Option<String>,
    /// `Last-Modified`, as it was sent.
    pub last_modified: Option<String>,
    /// The same in seconds since 1970, if it is a time.
    pub modified: Option<i64>,
    /// The file's name: that of `Content-Disposition`, else the last part of the address, else of
    /// the address that answered, else `download`. No system refuses it for a separator in it.
    ///
    /// docker's `ADD` goes by the address alone ([`HttpUrl::file_name`]).
    pub file_name: String,
    /// The address that answered, after redirects; without its query, which may be a credential.
    pub url: String,
}

/// The bytes of a file, as they come. It goes on by itself where a broken connection stopped, if
/// the server has the same file still. Errors are [`io::Error`]s around a [`FetchError`].
pub struct FetchedBody {
    inner: Arc<Inner>,
    url: HttpUrl,
    size: Option<u64>,
    etag: Option<String>,
    last_modified: Option<String>,
    position: u64,
    /// Of all bytes before `position`.
    hash: Sha256,
    body: Option<Box<dyn Read + Send>>,
    retries: Retries,
    since_failure: u64,
}

/// Why a file cannot be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The server does not have it.
    #[error("{url}: {host} does not have this file (status {status}); check the address")]
    NotFound {
        /// The address.
        url: String,
        /// Who answered.
        host: String,
        /// 404 or 410.
        status: u16,
    },
    /// The server wants to know who asks, or does not give it to whom it knows.
    #[error(
        "{url}: {host} does not give this file to everybody (status {status}); {}",
        credentials_hint(*.had_credentials)
    )]
    Denied {
        /// The address.
        url: String,
        /// Who answered.
        host: String,
        /// 401, 403 or 407.
        status: u16,
        /// Whether there was a user in the address, and its host was the one that answered.
        had_credentials: bool,
    },
    /// Another status than one of success.
    #[error("{url}: {host} answers with status {status}{}; {}", times(*.attempts), status_hint(*.status))]
    Status {
        /// The address.
        url: String,
        /// Who answered.
        host: String,
        /// The status.
        status: u16,
        /// How often it was asked.
        attempts: u32,
    },
    /// The file became another one while it came.
    #[error(
        "{url}: the connection broke at byte {position}, and the server now has another file; \
         try again"
    )]
    Changed {
        /// The address.
        url: String,
        /// How many bytes had come.
        position: u64,
    },
    /// The connection broke too often.
    #[error(
        "{url}: the connection broke at byte {position}, {attempts} times: {reason}; try again"
    )]
    Broken {
        /// The address.
        url: String,
        /// How many bytes had come.
        position: u64,
        /// How often it was tried from there.
        attempts: u32,
        /// How it broke last.
        reason: String,
    },
    /// The server does not speak TLS.
    #[error("{url}: the server does not speak TLS; if that is as it should be, write http://")]
    NotTls {
        /// The address.
        url: String,
    },
    /// The exchange failed.
    #[error(transparent)]
    Request(#[from] RequestError),
}

impl FetchError {
    /// Whether the network or the server failed, and the same may succeed later.
    pub fn is_failure(&self) -> bool {
        match self {
            Self::Changed { .. } | Self::Broken { .. } => true,
            Self::Status { status, .. } => *status == 429 || *status >= 500,
            Self::Request(error) => error.is_failure(),
            Self::NotFound { .. } | Self::Denied { .. } | Self::NotTls { .. } => false,
        }
    }
}

impl FetchRequest {
    /// A request for a file of which the caller has nothing.
    pub fn new(url: HttpUrl) -> Self {
        Self {
            url,
            if_none_match: None,
            if_modified_since: None,
        }
    }
}

impl Registry {
    /// A client of other servers that shares this one's connections and configuration. It has
    /// none of its credentials.
    pub fn fetcher(&self) -> Fetcher {
        Fetcher {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl Fetcher {
    /// A client with this configuration. Nothing is connected or read yet.
    pub fn new(config: RemoteConfig) -> Self {
        Registry::new(config).fetcher()
    }

    /// Asks for a file. It has been asked, and has answered, when this returns; the file is read
    /// from [`FetchedContent::body`].
    pub fn get(&self, request: &FetchRequest) -> Result<Fetched, FetchError> {
        let mut asked = request_to(&request.url)?;
        for (name, value) in [
            (IF_NONE_MATCH, &request.if_none_match),
            (IF_MODIFIED_SINCE, &request.if_modified_since),
        ] {
            // What cannot be sent was never received.
            if let Some(value) = value.as_ref().filter(|value| is_header(value)) {
                asked = asked.with_header(name, value);
            }
        }
        let response = self.inner.send(&request.url, &mut asked)?;
        let is_conditional = request.if_none_match.is_some() || request.if_modified_since.is_some();
        match response.status {
            304 if is_conditional => return Ok(Fetched::NotModified),
            // A part was not asked for.
            206 => return Err(failed(&request.url, &response)),
            200..=299 => {}
            _ => return Err(failed(&request.url, &response)),
        }
        let etag = response.header(ETAG).map(str::to_owned);
        // Some servers send the file again although they gave it the same tag.
        if let (Some(known), Some(found)) = (&request.if_none_match, &etag)
            && tag(known) == tag(found)
        {
            return Ok(Fetched::NotModified);
        }
        let content = self.content(&request.url, response);
        Ok(Fetched::Content(Box::new(content)))
    }

    fn content(&self, url: &HttpUrl, response: Response) -> FetchedContent {
        // Chunks are as long as they are, whatever else is said (RFC 9112, 6.3).
        let size = response
            .content_length()
            .filter(|_| response.header(TRANSFER_ENCODING).is_none());
        let etag = response.header(ETAG).map(str::to_owned);
        let last_modified = response.header(LAST_MODIFIED).map(str::to_owned);
        let named = response
            .header_text(CONTENT_DISPOSITION)
            .and_then(|text| content_disposition_file_name(&text));
        // An address that answers is one that could be sent.
        let answered = response.url.to_request_target().parse::<HttpUrl>();
        let file_name = named
            .or_else(|| safe_file_name(&url.file_name()?))
            .or_else(|| safe_file_name(&answered.ok()?.file_name()?))
            .unwrap_or_else(|| NO_NAME.to_owned());
        let shown = response.url.to_string();
        FetchedContent {
            size,
            modified: last_modified.as_deref().and_then(parse_http_date),
            file_name,
            url: shown,
            body: FetchedBody {
                inner: Arc::clone(&self.inner),
                url: url.clone(),
                size,
                etag: etag.clone(),
                last_modified: last_modified.clone(),
                position: 0,
                hash: Sha256::new(),
                body: Some(Box::new(response.into_reader())),
                retries: self.inner.transport.retries(),
                since_failure: 0,
            },
            etag,
            last_modified,
        }
    }
}

impl Inner {
    /// Sends `request`, which is for `url`, with the credentials that are in that.
    fn send(&self, url: &HttpUrl, request: &mut Request<'_>) -> Result<Response, FetchError> {
        let authorization = url.credentials().map(|(user, password)| {
            let pair = format!("{user}:{password}");
            format!("Basic {}", BASE64_STANDARD.encode(pair))
        });
        let sent = self.transport.send(request, authorization.as_deref());
        sent.map_err(|error| match error {
            RequestError::Unreachable {
                url,
                cause: Unreachable::NotTls,
                ..
            } => FetchError::NotTls { url },
            other => FetchError::Request(other),
        })
    }
}

fn request_to(url: &HttpUrl) -> Result<Request<'static>, FetchError> {
    let address = Url::parse(&url.without_credentials());
    let address = address.ok_or_else(|| RequestError::Host {
        host: url.host().to_owned(),
    })?;
    Ok(Request::get(address).with_header(ACCEPT_ENCODING, "identity"))
}

/// What a status that is no success means.
fn failed(asked: &HttpUrl, response: &Response) -> FetchError {
    let url = asked.to_string();
    let host = response.url.host_and_port();
    match response.status {
        status @ (404 | 410) => FetchError::NotFound { url, host, status },
        status @ (401 | 403 | 407) => FetchError::Denied {
            had_credentials: asked.credentials().is_some()
                && Url::parse(&asked.without_credentials())
                    .is_some_and(|own| own.origin() == response.url.origin()),
            url,
            host,
            status,
        },
        status => FetchError::Status {
            url,
            host,
            status,
            attempts: response.attempts,
        },
    }
}

fn credentials_hint(had_credentials: bool) -> &'static str {
    if had_credentials {
        "the user and password in the address are not accepted"
    } else {
        "write the user into the address (https://USER:PASSWORD@HOST/…), or download the file \
         and COPY it"
    }
}

fn status_hint(status: u16) -> &'static str {
    match status {
        429 | 500.. => "try again later",
        _ => "check the address",
    }
}

fn times(attempts: u32) -> String {
    match attempts {
        0 | 1 => String::new(),
        count => format!(", {count} times"),
    }
}

/// A tag without the mark of weakness: whether it is the same file is all that counts.
fn tag(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix("W/").unwrap_or(text)
}

fn is_header(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t'))
}

impl FetchedBody {
    /// How many bytes have come.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The SHA-256 of the bytes that have come.
    pub fn digest(&self) -> crossdock_image::Digest {
        crossdock_image::Digest::from_bytes(self.hash.clone().finalize().into())
    }

    /// Asks again, for what is missing.
    fn connect(&mut self) -> Result<(), FetchError> {
        let mut request = request_to(&self.url)?;
        // Only a strong tag or a time says that the rest belongs to what has come (RFC 9110,
        // 13.1.5). Else all is asked for, and what has come is compared.
        let strong = self.etag.as_ref().filter(|etag| etag.starts_with('"'));
        let guard = strong.or(self.last_modified.as_ref());
        if let Some(guard) = guard
            && self.position > 0
        {
            request = request
                .with_header(RANGE, format!("bytes={}-", self.position))
                .with_header(IF_RANGE, guard);
        }
        let response = self.inner.send(&self.url, &mut request)?;
        let is_same = |mine: &Option<String>, name| match (mine, response.header(name)) {
            (Some(mine), Some(theirs)) => tag(mine) == tag(theirs),
            _ => true,
        };
        let same_file = is_same(&self.etag, ETAG) && is_same(&self.last_modified, LAST_MODIFIED);
        match response.status {
            206 => {
                let range = response.header(CONTENT_RANGE).and_then(parse_range);
                let fits = range.is_some_and(|(first, _, total)| {
                    first == self.position
                        && (total.is_none() || self.size.is_none() || total == self.size)
                });
                if !(same_file && fits && request_has_range(&request)) {
                    return Err(self.changed());
                }
                self.body = Some(Box::new(response.into_reader()));
                Ok(())
            }
            200..=299 => {
                let length = response.content_length();
                if !same_file || (self.size.is_some() && length.is_some() && length != self.size) {
                    return Err(self.changed());
                }
                self.body = Some(Box::new(Compared {
                    body: Box::new(response.into_reader()),
                    left: self.position,
                    hash: Sha256::new(),
                    expected: self.hash.clone(),
                }));
                Ok(())
            }
            416 => Err(self.changed()),
            _ => Err(failed(&self.url, &response)),
        }
    }

    fn changed(&self) -> FetchError {
        FetchError::Changed {
            url: self.url.to_string(),
            position: self.position,
        }
    }

    /// The answer broke or ended too early: waits, unless that happened too often.
    fn interrupted(&mut self, reason: String) -> io::Result<()> {
        self.body = None;
        if self.since_failure >= PROGRESS {
            self.retries.progress();
        }
        self.since_failure = 0;
        if self.retries.pause(None) {
            return Ok(());
        }
        Err(io::Error::other(FetchError::Broken {
            url: self.url.to_string(),
            position: self.position,
            attempts: self.retries.failures(),
            reason,
        }))
    }
}

fn request_has_range(request: &Request<'_>) -> bool {
    request.headers.iter().any(|(name, _)| *name == RANGE)
}

impl Read for FetchedBody {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let left = self.size.map(|size| size - self.position);
            if left == Some(0) {
                return Ok(0);
            }
            let Some(body) = &mut self.body else {
                self.connect().map_err(io::Error::other)?;
                continue;
            };
            let wanted = left.and_then(|left| usize::try_from(left).ok());
            let wanted = wanted.map_or(buffer.len(), |left| left.min(buffer.len()));
            match body.read(&mut buffer[..wanted]) {
                // Without a length, the end is where it ends.
                Ok(0) if left.is_none() => {
                    self.size = Some(self.position);
                    return Ok(0);
                }
                Ok(0) => self.interrupted("the answer ended early".to_owned())?,
                Ok(count) => {
                    self.hash.update(&buffer[..count]);
                    self.position += count as u64;
                    self.since_failure += count as u64;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_other_file(&error) => {
                    return Err(io::Error::other(self.changed()));
                }
                Err(error) => self.interrupted(reason(&error))?,
            }
        }
    }
}

impl fmt::Debug for FetchedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchedBody")
            .field("url", &self.url)
            .field("position", &self.position)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// An answer with all of the file, whose beginning must be what has come already.
struct Compared {
    body: Box<dyn Read + Send>,
    /// How much of that is still to come.
    left: u64,
    hash: Sha256,
    expected: Sha256,
}

/// The beginning is another one.
#[derive(Debug, thiserror::Error)]
#[error("the file is another one")]
struct OtherFile;

fn is_other_file(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<OtherFile>())
}

impl Read for Compared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.left > 0 {
            let mut skipped = [0; 16 << 10];
            let wanted = usize::try_from(self.left).map_or(skipped.len(), |n| n.min(skipped.len()));
            let count = self.body.read(&mut skipped[..wanted])?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.hash.update(&skipped[..count]);
            self.left -= count as u64;
            if self.left == 0 && self.hash.clone().finalize() != self.expected.clone().finalize() {
                return Err(io::Error::other(OtherFile));
            }
        }
        self.body.read(buffer)
    }
}
