//! Who asks: what each registry wants to see, and tokens until they expire.
//!
//! Sources: distribution, "Token Authentication Specification" and "Oauth2 Token Specification".

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crossdock_image::Repository;
use serde::Deserialize;
use ureq::http::Method;
use ureq::http::header::CONTENT_TYPE;

use crate::challenge::Challenge;
use crate::credentials::find_credentials;
use crate::error::{ApiError, RequestError};
use crate::secret::{Credentials, Secret};
use crate::transport::{Payload, Request, Response, Transport};
use crate::url::{Origin, Url, escape};

/// The largest answer of a token server, in bytes.
const MAX_TOKEN: u64 = 1 << 20;
/// How long a token is good for if the server does not say (the specification's default).
const DEFAULT_LIFETIME: Duration = Duration::from_secs(60);
/// A token that is about to expire is not used any more: requests take time.
const MARGIN: Duration = Duration::from_secs(10);
/// What the client is called by token servers.
const CLIENT: &str = "crossdock";

/// What one may do with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Access {
    /// Read.
    Pull,
    /// Read and write.
    Push,
}

/// What a request needs to be allowed: access to repositories of one registry, by their paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Scopes(BTreeMap<String, Access>);

/// What is known of all registries. Its locks make several threads wait for one token.
#[derive(Debug, Default)]
pub(crate) struct Authenticator {
    hosts: Mutex<HashMap<String, Arc<Mutex<HostState>>>>,
}

#[derive(Debug, Default)]
struct HostState {
    /// What the registry last asked for; `None` if it never did.
    challenge: Option<Challenge>,
    tokens: Vec<Token>,
    /// By the repository's path, as podman's files may have several.
    credentials: HashMap<Option<String>, Option<Credentials>>,
    /// What the caller gave, instead of what the files hold.
    given: Option<Credentials>,
    /// What a token server gave in place of the password.
    identity_token: Option<Secret>,
}

#[derive(Debug)]
struct Token {
    scopes: Scopes,
    value: Secret,
    expires: Duration,
}

/// What is authenticated: a registry under its name, at its address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) host: &'a str,
    pub(crate) origin: &'a Origin,
    pub(crate) repository: Option<&'a Repository>,
    pub(crate) scopes: &'a Scopes,
}

impl Scopes {
    pub(crate) fn new(repository: &Repository, access: Access) -> Self {
        Self(BTreeMap::from([(repository.path().to_owned(), access)]))
    }

    /// The same with access to one more.
    pub(crate) fn and(mut self, repository: &Repository, access: Access) -> Self {
        let entry = self.0.entry(repository.path().to_owned()).or_insert(access);
        *entry = (*entry).max(access);
        self
    }

    fn covers(&self, wanted: &Self) -> bool {
        let is_covered = |(path, access): (&String, &Access)| {
            self.0.get(path).is_some_and(|granted| granted >= access)
        };
        self.0.is_empty() == wanted.0.is_empty() && wanted.0.iter().all(is_covered)
    }

    fn texts(&self) -> Vec<String> {
        let text = |(path, access): (&String, &Access)| {
            let actions = match access {
                Access::Pull => "pull",
                Access::Push => "pull,push",
            };
            format!("repository:{path}:{actions}")
        };
        self.0.iter().map(text).collect()
    }
}

impl Authenticator {
    /// Uses `credentials` for `host` from now on.
    pub(crate) fn give(&self, host: &str, credentials: Credentials) {
        let state = self.state(host);
        *lock(&state) = HostState {
            given: Some(credentials),
            ..HostState::default()
        };
    }

    /// The identity token that the token server of `host` gave for a password from
    /// [`give`](Self::give).
    pub(crate) fn identity_token(&self, host: &str) -> Option<Secret> {
        lock(&self.state(host)).identity_token.clone()
    }

    /// The header for a request, as far as it is known what the registry wants.
    pub(crate) fn authorization(
        &self,
        transport: &Transport,
        target: Target<'_>,
    ) -> Result<Option<String>, RequestError> {
        let state = self.state(target.host);
        let mut state = lock(&state);
        match state.challenge.clone() {
            None => Ok(None),
            Some(challenge) => state.answer(transport, target, &challenge).map(Some),
        }
    }

    /// The header for a request again, after the registry refused it with `challenges`. `sent`
    /// is the header that it refused.
    pub(crate) fn challenged(
        &self,
        transport: &Transport,
        target: Target<'_>,
        challenges: Vec<Challenge>,
        sent: Option<&str>,
        answer: ApiError,
    ) -> Result<String, RequestError> {
        let state = self.state(target.host);
        let mut state = lock(&state);
        let is_bearer = |challenge: &&Challenge| matches!(challenge, Challenge::Bearer { .. });
        let chosen = challenges.iter().find(is_bearer).or(challenges.first());
        let Some(chosen) = chosen.cloned() else {
            return Err(RequestError::Unauthorized {
                host: target.host.to_owned(),
                reason: "it wants a kind of login that is not supported",
                answer,
            });
        };
        if let Some(sent) = sent.and_then(|header| header.strip_prefix("Bearer ")) {
            state.tokens.retain(|token| token.value.reveal() != sent);
        }
        state.challenge = Some(chosen.clone());
        let header = state.answer(transport, target, &chosen)?;
        if sent == Some(header.as_str()) {
            return Err(RequestError::Unauthorized {
                host: target.host.to_owned(),
                reason: "the credentials are not accepted",
                answer,
            });
        }
        Ok(header)
    }

    fn state(&self, host: &str) -> Arc<Mutex<HostState>> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(hosts.entry(host.to_owned()).or_default())
    }
}

fn lock(state: &Mutex<HostState>) -> MutexGuard<'_, HostState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl HostState {
    fn answer(
        &mut self,
        transport: &Transport,
        target: Target<'_>,
        challenge: &Challenge,
    ) -> Result<String, RequestError> {
        let unauthorized = |reason| RequestError::Unauthorized {
            host: target.host.to_owned(),
            reason,
            answer: ApiError::default(),
        };
        if let Challenge::Bearer { .. } = challenge {
            let now = transport.config().clock.now();
            self.tokens.retain(|token| token.expires > now);
            let cached = self
                .tokens
                .iter()
                .find(|token| token.scopes.covers(target.scopes));
            if let Some(token) = cached {
                return Ok(bearer(&token.value));
            }
        }
        let credentials = self.credentials(transport, target)?;
        match (challenge, credentials) {
            (_, Some(Credentials::RegistryToken(token))) => Ok(bearer(&token)),
            (Challenge::Basic, Some(Credentials::Basic { username, password })) => {
                Ok(basic(&username, &password))
            }
            (Challenge::Basic, Some(Credentials::IdentityToken(_))) => Err(unauthorized(
                "it wants a user name and a password, there is an identity token",
            )),
            (Challenge::Basic, None) => Err(unauthorized("it wants a login")),
            (
                Challenge::Bearer {
                    realm,
                    service,
                    scope,
                    ..
                },
                credentials,
            ) => {
                let source = TokenServer {
                    transport,
                    target,
                    realm,
                    service: service.as_deref(),
                    scope: scope.as_deref(),
                    is_login: self.given.is_some(),
                };
                let granted = source.ask(credentials.as_ref())?;
                let (value, lifetime) = (granted.token, granted.lifetime);
                self.identity_token = granted.identity_token.or(self.identity_token.take());
                let header = bearer(&value);
                let margin = MARGIN.min(lifetime / 2);
                self.tokens.push(Token {
                    scopes: target.scopes.clone(),
                    value,
                    expires: transport
                        .config()
                        .clock
                        .now()
                        .saturating_add(lifetime.saturating_sub(margin)),
                });
                Ok(header)
            }
        }
    }

    fn credentials(
        &mut self,
        transport: &Transport,
        target: Target<'_>,
    ) -> Result<Option<Credentials>, RequestError> {
        if self.given.is_some() {
            return Ok(self.given.clone());
        }
        let key = target.repository.map(|found| found.path().to_owned());
        if let Some(known) = self.credentials.get(&key) {
            return Ok(known.clone());
        }
        let environment = &transport.config().environment;
        let found =
            find_credentials(environment, target.host, target.repository).map_err(|source| {
                RequestError::Credentials {
                    host: target.host.to_owned(),
                    source,
                }
            })?;
        self.credentials.insert(key, found.clone());
        Ok(found)
    }
}

fn bearer(token: &Secret) -> String {
    format!("Bearer {}", token.reveal())
}

fn basic(username: &str, password: &Secret) -> String {
    let pair = format!("{username}:{}", password.reveal());
    format!("Basic {}", STANDARD.encode(pair))
}

/// A token server, and what it is asked for.
struct TokenServer<'a> {
    transport: &'a Transport,
    target: Target<'a>,
    realm: &'a str,
    service: Option<&'a str>,
    scope: Option<&'a str>,
    /// Whether an identity token is of use, to be kept in place of the password.
    is_login: bool,
}

/// What a token server gave.
struct Granted {
    token: Secret,
    lifetime: Duration,
    identity_token: Option<Secret>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
    #[serde(default)]
    expires_in: Option<u64>,
    #[serde(default)]
    refresh_token: Option<String>,
}

impl TokenServer<'_> {
    fn ask(&self, credentials: Option<&Credentials>) -> Result<Granted, RequestError> {
        let url = self.url()?;
        let response = match credentials {
            Some(Credentials::IdentityToken(token)) => self.post(url, token)?,
            Some(Credentials::Basic { username, password }) => {
                self.get(url, Some(basic(username, password)))?
            }
            _ => self.get(url, None)?,
        };
        let shown = response.url.to_string();
        match response.status {
            200 => {}
            400 | 401 | 403 => {
                return Err(RequestError::Unauthorized {
                    host: self.target.host.to_owned(),
                    reason: match credentials {
                        Some(_) => "the credentials are not accepted",
                        None => "it wants a login",
                    },
                    answer: response.api_error(),
                });
            }
            _ => return Err(crate::registry::failed(self.target.host, None, response)),
        }
        let bytes = response.read(MAX_TOKEN)?;
        let not_a_token = |reason| RequestError::Token {
            url: shown.clone(),
            reason,
        };
        let answer: TokenAnswer =
            serde_json::from_slice(&bytes).map_err(|_| not_a_token("it is not valid JSON"))?;
        let given = |field: Option<String>| field.filter(|text| !text.is_empty());
        let token = given(answer.token).or(given(answer.access_token));
        let token = token.ok_or_else(|| not_a_token("there is none in it"))?;
        let lifetime = answer
            .expires_in
            .filter(|seconds| *seconds > 0)
            .map_or(DEFAULT_LIFETIME, Duration::from_secs);
        let identity_token = given(answer.refresh_token).filter(|_| self.is_login);
        Ok(Granted {
            token: Secret::new(token),
            lifetime,
            identity_token: identity_token.map(Secret::new),
        })
    }

    /// The server's address. Credentials go there, so it must be as safe as the registry's own.
    fn url(&self) -> Result<Url, RequestError> {
        let refused = |what: String| RequestError::Location {
            url: format!("{}/v2/", self.target.origin),
            what,
        };
        let url = Url::parse(self.realm)
            .ok_or_else(|| refused("a token server that is no http or https address".to_owned()))?;
        let is_safe = url.origin().is_https
            || url.origin() == self.target.origin
            || self.transport.may_be_plain(url.origin());
        if is_safe {
            Ok(url)
        } else {
            Err(refused(format!("the token server {url}, without TLS")))
        }
    }

    fn scopes(&self) -> Vec<String> {
        match self.target.scopes.texts() {
            // What is not about a repository: whatever the registry thinks is right.
            none if none.is_empty() => self.scope.iter().map(|text| (*text).to_owned()).collect(),
            scopes => scopes,
        }
    }

    fn get(&self, mut url: Url, authorization: Option<String>) -> Result<Response, RequestError> {
        if let Some(service) = self.service {
            url = url.with_query("service", service);
        }
        for scope in self.scopes() {
            url = url.with_query("scope", &scope);
        }
        if self.is_login && authorization.is_some() {
            url = url.with_query("client_id", CLIENT);
            url = url.with_query("offline_token", "true");
        }
        let mut request = Request::get(url);
        self.transport.send(&mut request, authorization.as_deref())
    }

    fn post(&self, url: Url, token: &Secret) -> Result<Response, RequestError> {
        let mut form = format!("grant_type=refresh_token&client_id={CLIENT}");
        let scopes = self.scopes().join(" ");
        for (name, value) in [
            ("service", self.service.unwrap_or_default()),
            ("scope", &scopes),
            ("refresh_token", token.reveal()),
        ] {
            if !value.is_empty() {
                form.push_str(&format!("&{name}={}", escape(value)));
            }
        }
        let mut request = Request::new(Method::POST, url)
            .with_header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .with_payload(Payload::Bytes(form.as_bytes()));
        self.transport.send(&mut request, None)
    }
}

#[cfg(test)]
mod tests;
