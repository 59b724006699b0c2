//! A client of registries: who to ask, and asking with the right credentials.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crossdock_image::Repository;
use ureq::http::header::WWW_AUTHENTICATE;

use crate::challenge::parse_challenges;
use crate::config::RemoteConfig;
use crate::error::{RequestError, Unreachable};
use crate::retry::retry_after;
use crate::secret::{Credentials, Secret};
use crate::token::{Authenticator, Scopes, Target};
use crate::transport::{Payload, Request, Response, Transport};
use crate::url::{Origin, Url, is_loopback};

/// Where docker.io answers.
const DOCKER_IO_ADDRESS: &str = "registry-1.docker.io";

/// A client of all registries, for any number of threads. Clones share connections, tokens, and
/// what is known of each registry.
///
/// Methods wait until they are done. They try again by themselves what may succeed later
/// ([`RetryPolicy`](crate::RetryPolicy)).
#[derive(Debug, Clone)]
pub struct Registry {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) transport: Transport,
    authenticator: Authenticator,
    /// Whether a host that may be without TLS is, by its name.
    is_https: Mutex<HashMap<String, bool>>,
}

/// Why a login was not confirmed.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The registry did not answer as one.
    #[error("{host} is no registry of the version 2 protocol: it answers with status {status}")]
    NoRegistry {
        /// The host.
        host: String,
        /// The status.
        status: u16,
    },
    /// The exchange failed; [`RequestError::Unauthorized`] if the credentials are not accepted.
    #[error(transparent)]
    Request(#[from] RequestError),
}

impl LoginError {
    /// Whether the network or the registry failed, and the same login may succeed later.
    pub fn is_failure(&self) -> bool {
        match self {
            Self::NoRegistry { .. } => false,
            Self::Request(error) => error.is_failure(),
        }
    }
}

/// The registry that `text` means, as `docker login` reads it: a host, or a host and a port; what
/// was once written around it (`https://index.docker.io/v1/`) is taken off, and docker.io's other
/// names become that one. `None` if there is no host in it.
pub fn registry_host(text: &str) -> Option<String> {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .unwrap_or(text);
    let host = rest.split('/').next()?;
    Origin::parse(true, host)?;
    Some(match host {
        "index.docker.io" | DOCKER_IO_ADDRESS => "docker.io".to_owned(),
        host => host.to_owned(),
    })
}

impl Registry {
    /// A client with this configuration. Nothing is connected or read yet.
    pub fn new(config: RemoteConfig) -> Self {
        Self {
            inner: Arc::new(Inner {
                transport: Transport::new(config),
                authenticator: Authenticator::default(),
                is_https: Mutex::default(),
            }),
        }
    }

    /// Whether `host` is a registry, and accepts the credentials that are configured for it, if
    /// it asks for any.
    pub fn ping(&self, host: &str) -> Result<(), LoginError> {
        let url = self.inner.address(host, "/v2/")?;
        let mut request = Request::get(url);
        let response = self
            .inner
            .call(host, None, &Scopes::default(), &mut request)?;
        match response.status {
            200 => Ok(()),
            404 => Err(LoginError::NoRegistry {
                host: host.to_owned(),
                status: response.status,
            }),
            _ => Err(failed(host, None, response).into()),
        }
    }

    /// [`ping`](Self::ping) with `credentials` instead of the configured ones; this client uses
    /// them for `host` from then on. Nothing is written to a file.
    ///
    /// The answer is the identity token that the registry's token server gives in place of a
    /// password, if it does: that is what docker keeps ([`store_login`](crate::store_login)).
    pub fn login(
        &self,
        host: &str,
        credentials: Credentials,
    ) -> Result<Option<Secret>, LoginError> {
        self.inner.authenticator.give(host, credentials);
        self.ping(host)?;
        Ok(self.inner.authenticator.identity_token(host))
    }
}

impl Inner {
    /// The address of `path`, which begins with `/v2/`, at the registry `host`.
    pub(crate) fn address(&self, host: &str, path: &str) -> Result<Url, RequestError> {
        let is_https = self.is_https(host)?;
        Self::url(host, is_https, path)
    }

    fn url(host: &str, is_https: bool, path: &str) -> Result<Url, RequestError> {
        let scheme = if is_https { "https" } else { "http" };
        let address = address_of(host);
        // A name with a slash in it would move into the path.
        let is_host = Origin::parse(is_https, address).is_some();
        let url = Url::parse(&format!("{scheme}://{address}{path}"));
        url.filter(|_| is_host).ok_or_else(|| RequestError::Host {
            host: host.to_owned(),
        })
    }

    /// Whether `host` is spoken to by https. One that may be without TLS is asked: a registry on
    /// this machine may have a certificate all the same.
    fn is_https(&self, host: &str) -> Result<bool, RequestError> {
        let url = Self::url(host, true, "/v2/")?;
        if !is_loopback(url.origin().host()) && !self.transport.may_be_plain(url.origin()) {
            return Ok(true);
        }
        // Held while asking, so that threads that begin together ask once.
        let mut known = self.is_https.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(is_https) = known.get(host) {
            return Ok(*is_https);
        }
        let answer = self.transport.send_single(&mut Request::get(url));
        let is_https = match answer {
            Ok(_) => true,
            // Without a port, TLS and plain are two ports, and the other may be the right one.
            Err(
                RequestError::Broken { .. }
                | RequestError::Unreachable {
                    cause: Unreachable::NotTls | Unreachable::Refused | Unreachable::TooSlow,
                    ..
                },
            ) => false,
            Err(error) => return Err(error),
        };
        known.insert(host.to_owned(), is_https);
        Ok(is_https)
    }

    /// Sends `request` to the registry `host`, with the credentials that it asks for.
    pub(crate) fn call(
        &self,
        host: &str,
        repository: Option<&Repository>,
        scopes: &Scopes,
        request: &mut Request<'_>,
    ) -> Result<Response, RequestError> {
        let origin = self.address(host, "/v2/")?.origin().clone();
        let target = Target {
            host,
            origin: &origin,
            repository,
            scopes,
        };
        // A registry may hand out addresses elsewhere: no credentials for those.
        if *request.url.origin() != origin {
            return self.transport.send(request, None);
        }
        let mut sent = self.authenticator.authorization(&self.transport, target)?;
        let mut was_challenged = false;
        loop {
            let response = self.transport.send(request, sent.as_deref())?;
            // After a redirect it is another host that refuses.
            if response.status != 401 || *response.url.origin() != origin {
                return Ok(response);
            }
            if was_challenged || matches!(request.payload, Payload::Stream(..)) {
                return Ok(response);
            }
            let values = response.headers.get_all(WWW_AUTHENTICATE);
            let values = values.iter().filter_map(|value| value.to_str().ok());
            let challenges = parse_challenges(values);
            let answer = response.api_error();
            sent = Some(self.authenticator.challenged(
                &self.transport,
                target,
                challenges,
                sent.as_deref(),
                answer,
            )?);
            was_challenged = true;
        }
    }
}

/// Where the registry `host` answers, which is its name for all but one.
fn address_of(host: &str) -> &str {
    match host {
        "docker.io" => DOCKER_IO_ADDRESS,
        other => other,
    }
}

/// What a status that is no success means, for any operation.
pub(crate) fn failed(
    host: &str,
    repository: Option<&Repository>,
    response: Response,
) -> RequestError {
    // Storage behind the registry, or its token server, has no logins of ours.
    let own = Origin::parse(response.url.origin().is_https, address_of(host));
    let is_own = own.as_ref() == Some(response.url.origin());
    let host = host.to_owned();
    match response.status {
        401 if is_own => RequestError::Unauthorized {
            host,
            reason: "the credentials are not accepted",
            answer: response.api_error(),
        },
        403 if is_own => RequestError::Denied {
            host,
            repository: repository.map_or_else(|| "it".to_owned(), Repository::to_string),
            answer: response.api_error(),
        },
        429 if is_own => RequestError::TooManyRequests {
            host,
            retry_after_seconds: retry_after(&response.headers).map(|pause| pause.as_secs()),
            answer: response.api_error(),
        },
        status => RequestError::Status {
            method: response.method.to_string(),
            url: response.url.to_string(),
            status,
            attempts: response.attempts,
            answer: response.api_error(),
        },
    }
}
