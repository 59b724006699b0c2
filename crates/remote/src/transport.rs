//! Requests and answers over http and https: connections, redirects, retries.
//!
//! Nothing here knows what a registry is. Credentials are given for one origin and never leave
//! it: a redirect elsewhere is followed without them.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ureq::http::header::{AUTHORIZATION, CONTENT_LENGTH, LOCATION};
use ureq::http::{self, HeaderMap, HeaderName, HeaderValue, Method};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Proxy, SendBody};

use crate::config::RemoteConfig;
use crate::error::{ApiError, MAX_ERROR_BODY, RequestError, Unreachable};
use crate::proxy::{is_proxy, proxy_for};
use crate::retry::{Retries, is_temporary, retry_after};
use crate::trust::Trust;
use crate::url::{Origin, Url, escape_location};

/// How many redirects are followed.
const MAX_REDIRECTS: u32 = 10;
/// The largest head of an answer, in bytes.
const MAX_HEADERS: usize = 128 << 10;

/// What is asked.
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(HeaderName, String)>,
    pub(crate) payload: Payload<'a>,
}

/// What is sent with it.
pub(crate) enum Payload<'a> {
    /// Nothing, as GET and HEAD do.
    None,
    /// These bytes, which can be sent again.
    Bytes(&'a [u8]),
    /// This many bytes from a reader, once.
    Stream(&'a mut dyn Read, u64),
}

/// What came back.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// The address that answered, after redirects.
    pub(crate) url: Url,
    pub(crate) attempts: u32,
    pub(crate) method: Method,
    body: ureq::Body,
}

/// The means to ask.
pub(crate) struct Transport {
    config: RemoteConfig,
    trust: Trust,
    links: Mutex<HashMap<Origin, Arc<Link>>>,
}

/// The connections to one origin: its proxy and its certificates are its own.
struct Link {
    agent: Agent,
    /// Whether it ever answered. One that never did probably has another name.
    was_reached: AtomicBool,
    /// No certificate authority is known: no certificate is good.
    is_trustless: bool,
}

/// A failure of one attempt.
struct Failure {
    error: RequestError,
    is_temporary: bool,
}

impl Request<'_> {
    pub(crate) fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    pub(crate) fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            payload: Payload::None,
        }
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl<'a> Request<'a> {
    pub(crate) fn with_payload(mut self, payload: Payload<'a>) -> Self {
        self.payload = payload;
        self
    }
}

impl Response {
    /// The text of a header; `None` if it is missing or no text.
    pub(crate) fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The text of a header that may hold more than ASCII; `None` if it is missing or not UTF-8.
    pub(crate) fn header_text(&self, name: HeaderName) -> Option<String> {
        String::from_utf8(self.headers.get(name)?.as_bytes().to_vec()).ok()
    }

    /// The announced length of the body.
    pub(crate) fn content_length(&self) -> Option<u64> {
        self.header(CONTENT_LENGTH)?.trim().parse().ok()
    }

    /// The body, as long as it may be.
    pub(crate) fn into_reader(self) -> impl Read + Send + 'static {
        self.body.into_with_config().limit(u64::MAX).reader()
    }

    /// The whole body, if it is not longer than `limit` bytes.
    pub(crate) fn read(self, limit: u64) -> Result<Vec<u8>, RequestError> {
        let url = self.url.to_string();
        if self.content_length().is_some_and(|length| length > limit) {
            return Err(RequestError::TooLarge { url, limit });
        }
        let mut bytes = Vec::new();
        let read = self.into_reader().take(limit + 1).read_to_end(&mut bytes);
        read.map_err(|error| RequestError::Broken {
            url: url.clone(),
            reason: reason(&error),
            attempts: 1,
        })?;
        if bytes.len() as u64 > limit {
            return Err(RequestError::TooLarge { url, limit });
        }
        Ok(bytes)
    }

    /// What the answer says about a failure.
    pub(crate) fn api_error(self) -> ApiError {
        if self.method == Method::HEAD {
            return ApiError::default();
        }
        let mut bytes = Vec::new();
        // A body that is cut off is read as far as it goes.
        let _ = self
            .into_reader()
            .take(MAX_ERROR_BODY)
            .read_to_end(&mut bytes);
        ApiError::parse(&bytes)
    }

    /// The address in the `Location` header.
    pub(crate) fn location(&self) -> Result<Url, RequestError> {
        // Not all servers escape what they must.
        let text = self.header_text(LOCATION);
        let url = text
            .as_deref()
            .and_then(|text| self.url.join(&escape_location(text.trim())));
        url.ok_or_else(|| RequestError::Location {
            url: self.url.to_string(),
            what: match text {
                Some(_) => "something that is no http or https address".to_owned(),
                None => "nothing (no Location)".to_owned(),
            },
        })
    }
}

impl Transport {
    pub(crate) fn new(config: RemoteConfig) -> Self {
        Self {
            trust: Trust::new(&config),
            config,
            links: Mutex::default(),
        }
    }

    pub(crate) fn config(&self) -> &RemoteConfig {
        &self.config
    }

    pub(crate) fn retries(&self) -> Retries {
        Retries::new(self.config.retry, Arc::clone(&self.config.clock))
    }

    /// Whether `origin` may be spoken to without TLS.
    pub(crate) fn may_be_plain(&self, origin: &Origin) -> bool {
        let is_listed = |listed: &String| {
            let host = Origin::parse(origin.is_https, listed);
            let Some(listed_origin) = host else {
                return false;
            };
            let has_port = listed
                .trim_end_matches(|c: char| c.is_ascii_digit())
                .ends_with(':');
            listed_origin.host() == origin.host()
                && (!has_port || listed_origin.port() == origin.port())
        };
        origin.is_loopback() || self.config.insecure_hosts.iter().any(is_listed)
    }

    /// Sends `request`, again after temporary failures if its payload allows it, and follows
    /// redirects of GET and HEAD. `authorization` is for the origin of `request` alone.
    ///
    /// Any status is an answer, temporary ones too once there were enough attempts.
    pub(crate) fn send(
        &self,
        request: &mut Request<'_>,
        authorization: Option<&str>,
    ) -> Result<Response, RequestError> {
        let mut retries = self.retries();
        loop {
            let attempt = self.send_once(request, authorization);
            let may_repeat = !matches!(request.payload, Payload::Stream(..));
            let attempts = retries.failures() + 1;
            match attempt {
                Ok(mut response) => {
                    response.attempts = attempts;
                    let again = may_repeat
                        && is_temporary(response.status)
                        && retries.pause(retry_after(&response.headers));
                    if !again {
                        return Ok(response);
                    }
                }
                Err(mut failure) => {
                    if !(may_repeat && failure.is_temporary && retries.pause(None)) {
                        failure.set_attempts(attempts);
                        return Err(failure.error);
                    }
                }
            }
        }
    }

    /// Sends `request` once, without credentials.
    pub(crate) fn send_single(&self, request: &mut Request<'_>) -> Result<Response, RequestError> {
        self.send_once(request, None)
            .map_err(|failure| failure.error)
    }

    /// One attempt, with its redirects.
    fn send_once(
        &self,
        request: &mut Request<'_>,
        authorization: Option<&str>,
    ) -> Result<Response, Failure> {
        let follows = request.method == Method::GET || request.method == Method::HEAD;
        let mut url = request.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let own = *url.origin() == *request.url.origin();
            let response = self.exchange(request, &url, authorization.filter(|_| own))?;
            if !(follows && matches!(response.status, 301 | 302 | 303 | 307 | 308)) {
                return Ok(response);
            }
            let next = response.location().map_err(Failure::lasting)?;
            if url.origin().is_https && !next.origin().is_https && !self.may_be_plain(next.origin())
            {
                return Err(Failure::lasting(RequestError::Location {
                    url: url.to_string(),
                    what: format!("{next}, without TLS"),
                }));
            }
            url = next;
        }
        Err(Failure::lasting(RequestError::TooManyRedirects {
            url: request.url.to_string(),
            limit: MAX_REDIRECTS,
        }))
    }

    /// One request and its answer.
    fn exchange(
        &self,
        request: &mut Request<'_>,
        url: &Url,
        authorization: Option<&str>,
    ) -> Result<Response, Failure> {
        let link = self.link(url).map_err(Failure::lasting)?;
        let method = request.method.clone();
        let mut builder = http::Request::builder()
            .method(method.clone())
            .uri(url.to_request_target());
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        if let Some(authorization) = authorization {
            let value = HeaderValue::from_str(authorization).map(|mut value| {
                value.set_sensitive(true);
                value
            });
            // A token with line breaks in it is no token.
            let value = value.map_err(|_| {
                Failure::lasting(RequestError::Token {
                    url: url.to_string(),
                    reason: "it has characters that no header may have",
                })
            })?;
            builder = builder.header(AUTHORIZATION, value);
        }
        let mut source_error = None;
        let sent = match &mut request.payload {
            Payload::None => run(&link.agent, builder, SendBody::none()),
            Payload::Bytes(bytes) => {
                let builder = builder.header(CONTENT_LENGTH, bytes.len());
                run(&link.agent, builder, SendBody::from_reader(&mut &bytes[..]))
            }
            Payload::Stream(reader, length) => {
                let builder = builder.header(CONTENT_LENGTH, *length);
                let mut source = Source {
                    reader: &mut **reader,
                    left: *length,
                    error: &mut source_error,
                };
                run(&link.agent, builder, SendBody::from_reader(&mut source))
            }
        };
        if let Some(reason) = source_error {
            return Err(Failure::lasting(RequestError::Source { reason }));
        }
        match sent {
            Ok(response) => {
                link.was_reached.store(true, Ordering::Relaxed);
                let (parts, body) = response.into_parts();
                Ok(Response {
                    status: parts.status.as_u16(),
                    headers: parts.headers,
                    url: url.clone(),
                    attempts: 1,
                    method,
                    body,
                })
            }
            Err(error) => Err(Failure::of(error, url, link.as_ref())),
        }
    }

    fn link(&self, url: &Url) -> Result<Arc<Link>, RequestError> {
        let origin = url.origin();
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = links.get(origin) {
            return Ok(Arc::clone(link));
        }
        let proxy = proxy_for(&self.config.environment, origin)
            .map(|text| {
                let proxy = is_proxy(text).then(|| Proxy::new(text).ok()).flatten();
                proxy.ok_or_else(|| RequestError::Proxy {
                    url: url.to_string(),
                })
            })
            .transpose()?;
        let mut is_trustless = false;
        let mut tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()));
        if origin.is_https || proxy.is_some() {
            let roots = self.trust.roots(origin)?;
            is_trustless = roots.is_empty();
            tls = tls.root_certs(RootCerts::new_with_certs(&roots));
        }
        if origin.is_https {
            tls = tls.client_cert(self.trust.client(origin)?);
        }
        let stall = Some(self.config.stall_timeout);
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(self.config.user_agent.clone())
            .accept_encoding(ureq::config::AutoHeaderValue::None)
            .proxy(proxy)
            .tls_config(tls.build())
            .max_response_header_size(MAX_HEADERS)
            .max_idle_connections_per_host(16)
            .timeout_connect(Some(self.config.connect_timeout))
            .timeout_per_read(stall)
            .timeout_per_write(stall)
            .build()
            .new_agent();
        let link = Arc::new(Link {
            agent,
            was_reached: AtomicBool::new(false),
            is_trustless,
        });
        links.insert(origin.clone(), Arc::clone(&link));
        Ok(link)
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

fn run(
    agent: &Agent,
    builder: http::request::Builder,
    body: SendBody<'_>,
) -> Result<http::Response<ureq::Body>, ureq::Error> {
    agent.run(builder.body(body)?)
}

/// Remembers that it was the caller's reader that failed, or ended early, and not the connection.
struct Source<'a> {
    reader: &'a mut dyn Read,
    left: u64,
    error: &'a mut Option<String>,
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let limit = usize::try_from(self.left).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(limit);
        let read = match self.reader.read(&mut buffer[..wanted]) {
            Ok(0) if wanted > 0 => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("it ends {} bytes too early", self.left),
            )),
            other => other,
        };
        match read {
            Ok(count) => {
                self.left -= count as u64;
                Ok(count)
            }
            Err(error) => {
                *self.error = Some(error.to_string());
                Err(error)
            }
        }
    }
}

impl Failure {
    fn lasting(error: RequestError) -> Self {
        Self {
            error,
            is_temporary: false,
        }
    }

    fn of(error: ureq::Error, url: &Url, link: &Link) -> Self {
        let was_reached = link.was_reached.load(Ordering::Relaxed);
        let shown = url.to_string();
        let unreachable = |cause, is_temporary| Self {
            error: RequestError::Unreachable {
                url: shown.clone(),
                cause,
                attempts: 1,
            },
            is_temporary,
        };
        let tls = match &error {
            ureq::Error::Rustls(error) => Some(error),
            ureq::Error::Io(error) => tls_error(error),
            _ => None,
        };
        if let Some(error) = tls {
            let cause = match tls_cause(error) {
                Unreachable::UnknownAuthority if link.is_trustless => Unreachable::NoAuthorities,
                cause => cause,
            };
            return unreachable(cause, false);
        }
        match error {
            ureq::Error::HostNotFound => unreachable(Unreachable::UnknownHost, was_reached),
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                unreachable(Unreachable::Refused, was_reached)
            }
            // Neither a lost connection nor time: a name that cannot be looked up comes so. If it
            // worked before, it will again.
            ureq::Error::Io(error) if !was_reached && !is_loss(error.kind()) => {
                let reason = error.to_string();
                unreachable(Unreachable::System { reason }, false)
            }
            ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
                unreachable(Unreachable::TooSlow, true)
            }
            ureq::Error::ConnectProxyFailed(_) => unreachable(Unreachable::Proxy, false),
            ureq::Error::Io(_) | ureq::Error::Timeout(_) | ureq::Error::Protocol(_) => Self {
                error: RequestError::Broken {
                    url: shown,
                    reason: ureq_reason(&error),
                    attempts: 1,
                },
                is_temporary: true,
            },
            error => Self::lasting(RequestError::Broken {
                url: shown,
                reason: ureq_reason(&error),
                attempts: 1,
            }),
        }
    }

    fn set_attempts(&mut self, count: u32) {
        if let RequestError::Unreachable { attempts, .. } | RequestError::Broken { attempts, .. } =
            &mut self.error
        {
            *attempts = count;
        }
    }
}

/// Whether a connection that was there is there no more.
fn is_loss(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::NotConnected
            | io::ErrorKind::UnexpectedEof
            | io::ErrorKind::TimedOut
            | io::ErrorKind::WouldBlock
            | io::ErrorKind::Interrupted
    )
}

/// The TLS failure inside `error`.
fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn tls_cause(error: &rustls::Error) -> Unreachable {
    match error {
        rustls::Error::InvalidMessage(_) => Unreachable::NotTls,
        rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer) => {
            Unreachable::UnknownAuthority
        }
        other => Unreachable::Tls {
            reason: other.to_string(),
        },
    }
}

/// A failure to read a body, for the user. What ureq wraps is never an address.
pub(crate) fn reason(error: &io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(error) => ureq_reason(error),
        None => error.to_string(),
    }
}

/// What ureq says, without the addresses that it may say it about.
fn ureq_reason(error: &ureq::Error) -> String {
    match error {
        ureq::Error::BadUri(_) | ureq::Error::RequireHttpsOnly(_) => "bad address".to_owned(),
        ureq::Error::Timeout(_) => "nothing came for too long".to_owned(),
        ureq::Error::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}
