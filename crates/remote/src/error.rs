//! Why an exchange with a registry came to nothing.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;

use crate::credentials::CredentialError;

/// The most that is read of the answer to a failed request, in bytes.
pub(crate) const MAX_ERROR_BODY: u64 = 64 << 10;

/// Why a request was not answered, or not with what was asked for.
///
/// Every operation's own error has this one for what happens on the way. Addresses are shown
/// without their queries, which may be credentials.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The registry wants to know who asks, or does not accept who does.
    #[error("{host}: {reason}{}; run: crossdock login {host}", shown_answer(.answer))]
    Unauthorized {
        /// The registry.
        host: String,
        /// Whether there were credentials.
        reason: &'static str,
        /// What the registry or its token server says.
        answer: ApiError,
    },
    /// The registry knows who asks and does not allow it.
    #[error(
        "{host}: access to {repository} is denied{}; log in as somebody who may (crossdock login \
         {host}), or check the name",
        shown_answer(.answer)
    )]
    Denied {
        /// The registry.
        host: String,
        /// The repository, or what else was asked for.
        repository: String,
        /// What the registry says.
        answer: ApiError,
    },
    /// The registry has had enough requests for now.
    #[error(
        "{host}: too many requests{}{}; wait, or log in (crossdock login {host}) if the limit is \
         for anonymous users",
        shown_answer(.answer),
        .retry_after_seconds.map(|s| format!(" (come back in {s} seconds)")).unwrap_or_default()
    )]
    TooManyRequests {
        /// The registry.
        host: String,
        /// When it wants to be asked again.
        retry_after_seconds: Option<u64>,
        /// What it says.
        answer: ApiError,
    },
    /// An answer with a status that nothing can be made of.
    #[error(
        "{method} {url}: status {status}{}{}",
        shown_answer(.answer),
        shown_attempts(*.attempts)
    )]
    Status {
        /// The request's method.
        method: String,
        /// The address.
        url: String,
        /// The status.
        status: u16,
        /// How often the request was sent.
        attempts: u32,
        /// What the registry says.
        answer: ApiError,
    },
    /// No connection came about.
    #[error("{url}: cannot be reached{}: {cause}", shown_attempts(*.attempts))]
    Unreachable {
        /// The address.
        url: String,
        /// Why.
        cause: Unreachable,
        /// How often it was tried.
        attempts: u32,
    },
    /// The connection broke, or nothing came for too long.
    #[error("{url}: the connection broke: {reason}{}", shown_attempts(*.attempts))]
    Broken {
        /// The address.
        url: String,
        /// How.
        reason: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// The registry refers to an address that cannot be used.
    #[error("{url}: it refers to {what}, which cannot be followed")]
    Location {
        /// The address that was asked.
        url: String,
        /// What is wrong with the other, without its query.
        what: String,
    },
    /// One redirect led to another, again and again.
    #[error("{url}: more than {limit} redirects")]
    TooManyRedirects {
        /// The first address.
        url: String,
        /// How many are followed.
        limit: u32,
    },
    /// The answer is longer than any that makes sense.
    #[error("{url}: the answer has more than the {limit} bytes that are read")]
    TooLarge {
        /// The address.
        url: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The token server gave no token.
    #[error("{url}: the answer is no token: {reason}")]
    Token {
        /// The token server.
        url: String,
        /// Why not.
        reason: &'static str,
    },
    /// The registry's name is not one that can be spoken to.
    #[error("{host:?} is not a host, or a host and a port")]
    Host {
        /// The name.
        host: String,
    },
    /// The credentials for the registry cannot be read.
    #[error("{host}: {source}")]
    Credentials {
        /// The registry.
        host: String,
        /// Why not.
        source: CredentialError,
    },
    /// A certificate file cannot be used.
    #[error("{}: cannot be used as a certificate: {reason}", .path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The proxy that the environment names cannot be used.
    #[error(
        "the proxy for {url}, taken from the environment, is not http://[USER:PASSWORD@]HOST[:PORT]"
    )]
    Proxy {
        /// The address.
        url: String,
    },
    /// The caller's source of bytes failed.
    #[error("the content to send cannot be read: {reason}")]
    Source {
        /// Why not.
        reason: String,
    },
}

impl RequestError {
    /// Whether the registry was reached and refused: the same request would be refused again.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Unauthorized { .. } | Self::Denied { .. } => true,
            Self::Status { status, .. } => (400..500).contains(status),
            _ => false,
        }
    }

    /// Whether the network or the registry failed, and the same request may succeed later.
    pub fn is_failure(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Broken { .. } | Self::TooManyRequests { .. } => true,
            Self::Status { status, .. } => *status >= 500,
            _ => false,
        }
    }
}

/// Why no connection comes about, and what may help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// No address is known for the name.
    #[error("the host is not known; check its name")]
    UnknownHost,
    /// Nothing listens there.
    #[error("the connection was refused; check the name and the port")]
    Refused,
    /// Nothing answers.
    #[error("it took too long")]
    TooSlow,
    /// What answers is not TLS.
    #[error("it does not speak TLS; if that is as it should be, use --insecure-registry HOST")]
    NotTls,
    /// The certificate is signed by nobody who is known.
    #[error(
        "its certificate is signed by an unknown authority; name the authority's file in \
         SSL_CERT_FILE, or put it into docker's certs.d/HOST/ca.crt"
    )]
    UnknownAuthority,
    /// The certificate cannot be checked, as no authority is known at all.
    #[error(
        "its certificate cannot be checked: no certificate authorities were found on this machine; \
         install them (on Linux the package ca-certificates), or name a file of them in SSL_CERT_FILE"
    )]
    NoAuthorities,
    /// TLS fails in another way.
    #[error("{reason}")]
    Tls {
        /// How.
        reason: String,
    },
    /// The system has another reason: the name cannot be looked up, there is no network.
    #[error("{reason}")]
    System {
        /// What it says.
        reason: String,
    },
    /// The proxy does not let it through.
    #[error("the proxy refuses; check HTTPS_PROXY, HTTP_PROXY and NO_PROXY")]
    Proxy,
}

/// What a registry says about a failure (distribution-spec, "Error Codes"), empty if it says
/// nothing. Control characters are taken out and the length is bounded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiError {
    /// `MANIFEST_UNKNOWN` and the like; empty if the answer is not in the specification's form.
    pub code: String,
    /// The message for the user.
    pub message: String,
}

impl ApiError {
    /// Reads the body of a failed answer.
    pub(crate) fn parse(body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default)]
            errors: Vec<Entry>,
            // Token servers: OAuth's form, and docker's own.
            #[serde(default)]
            error: Option<String>,
            #[serde(default)]
            error_description: Option<String>,
            #[serde(default)]
            details: Option<String>,
        }
        #[derive(Deserialize)]
        struct Entry {
            #[serde(default)]
            code: Option<String>,
            #[serde(default)]
            message: Option<String>,
        }
        let Ok(answer) = serde_json::from_slice::<Answer>(body) else {
            return Self::default();
        };
        let (code, message) = match answer.errors.into_iter().next() {
            Some(entry) => (entry.code, entry.message),
            None => (answer.error, answer.error_description.or(answer.details)),
        };
        Self {
            code: printable(&code.unwrap_or_default(), 60),
            message: printable(&message.unwrap_or_default(), 400),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code.as_str(), self.message.as_str()) {
            ("", text) | (text, "") => f.write_str(text),
            (code, message) => write!(f, "{code}: {message}"),
        }
    }
}

/// `text` for a terminal: at most `limit` characters, none of them a control character.
pub(crate) fn printable(text: &str, limit: usize) -> String {
    let is_visible = |character: &char| !character.is_control();
    text.trim().chars().filter(is_visible).take(limit).collect()
}

pub(crate) fn shown_answer(answer: &ApiError) -> String {
    match answer.to_string() {
        text if text.is_empty() => text,
        text => format!(" ({text})"),
    }
}

fn shown_attempts(attempts: u32) -> String {
    if attempts > 1 {
        format!(", {attempts} times")
    } else {
        String::new()
    }
}
