//! Addresses as text: taken apart, escaped, and shown without what is secret in them.
//!
//! What is accepted is what Go's `net/url` accepts, since docker reads addresses by it, except
//! for hosts: only names of letters, digits, `.`, `-` and `_`, and IPv6 addresses in brackets.

use std::fmt;
use std::str::FromStr;

use crate::remote_source::{MAX_SOURCE, RemoteSourceError};

/// How many characters of an address a message has at most.
const MAX_SHOWN: usize = 400;

/// An address in its parts, each as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UrlParts<'a> {
    /// In lower case.
    pub(crate) scheme: String,
    /// What stands before `@`.
    pub(crate) user: Option<&'a str>,
    /// The host, and the port if there is one.
    pub(crate) authority: &'a str,
    /// Empty, or begins with `/`.
    pub(crate) path: &'a str,
    /// What stands behind `?`.
    pub(crate) query: Option<&'a str>,
    /// What stands behind `#`.
    pub(crate) fragment: Option<&'a str>,
}

/// The address of a file by `http` or `https`, in the form in which it is sent: everything that
/// an address may not hold is escaped, and there is no fragment.
///
/// [`Display`](fmt::Display) and [`Debug`](fmt::Debug) leave out the user, the password and the
/// query, each of which may be a secret.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HttpUrl {
    text: String,
}

impl<'a> UrlParts<'a> {
    /// Takes an absolute address apart.
    pub(crate) fn parse(text: &'a str) -> Result<Self, RemoteSourceError> {
        let invalid = |reason| RemoteSourceError::Address {
            text: shown(text),
            reason,
        };
        if text.len() > MAX_SOURCE {
            return Err(RemoteSourceError::TooLong { limit: MAX_SOURCE });
        }
        if text.chars().any(char::is_control) {
            return Err(invalid("it has control characters in it"));
        }
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| invalid("it has no scheme, as https://"))?;
        let (rest, query, fragment) = split_tail(rest);
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (user, authority) = match authority.rsplit_once('@') {
            Some((user, authority)) => (Some(user), authority),
            None => (None, authority),
        };
        if !is_authority(authority) {
            return Err(invalid("it has no host, or one that no host can be"));
        }
        for part in [Some(path), fragment, user].into_iter().flatten() {
            if unescape(part).is_none() {
                return Err(invalid(
                    "a % in it is not followed by two hexadecimal digits; write %25 for a %",
                ));
            }
        }
        Ok(Self {
            scheme: scheme.to_ascii_lowercase(),
            user,
            authority,
            path,
            query,
            fragment,
        })
    }
}

impl HttpUrl {
    /// All of it, with what is secret in it: for the request and for keys of caches.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// The address without user and password; the query is there.
    pub fn without_credentials(&self) -> String {
        let (scheme, user, rest) = self.split();
        match user {
            Some(_) => format!("{scheme}://{rest}"),
            None => self.text.clone(),
        }
    }

    /// The user and the password, which may be empty, that stand before the host.
    pub fn credentials(&self) -> Option<(String, String)> {
        let (_, user, _) = self.split();
        let (name, password) = user.map(|user| user.split_once(':').unwrap_or((user, "")))?;
        let readable = |text| unescape(text).unwrap_or_default();
        Some((
            String::from_utf8_lossy(&readable(name)).into_owned(),
            String::from_utf8_lossy(&readable(password)).into_owned(),
        ))
    }

    /// The host, with its port if there is one.
    pub fn host(&self) -> &str {
        let (_, _, rest) = self.split();
        &rest[..rest.find(['/', '?']).unwrap_or(rest.len())]
    }

    /// The last part of the path, by which docker names the file that `ADD` makes of the address;
    /// `None` if the path is empty or what is there cannot be a file's name. A trailing `/` does
    /// not count.
    pub fn file_name(&self) -> Option<String> {
        let (_, _, rest) = self.split();
        let path = rest.split('?').next().unwrap_or_default();
        let (_, path) = path.split_once('/')?;
        let path = String::from_utf8(unescape(path)?).ok()?;
        let name = path.trim_end_matches('/').rsplit('/').next()?;
        is_file_name(name).then(|| name.to_owned())
    }

    /// Scheme, user and what follows.
    fn split(&self) -> (&str, Option<&str>, &str) {
        let (scheme, rest) = self.text.split_once("://").unwrap_or_default();
        let authority = &rest[..rest.find(['/', '?']).unwrap_or(rest.len())];
        match authority.rsplit_once('@') {
            Some((user, _)) => (scheme, Some(user), &rest[user.len() + 1..]),
            None => (scheme, None, rest),
        }
    }
}

impl FromStr for HttpUrl {
    type Err = RemoteSourceError;

    fn from_str(text: &str) -> Result<Self, RemoteSourceError> {
        let parts = UrlParts::parse(text)?;
        if !matches!(parts.scheme.as_str(), "http" | "https") {
            return Err(RemoteSourceError::Address {
                text: shown(text),
                reason: "it is neither http nor https",
            });
        }
        let mut written = format!("{}://", parts.scheme);
        if let Some(user) = parts.user {
            written.push_str(&escape(user, b"@/?#"));
            written.push('@');
        }
        written.push_str(&parts.authority.to_ascii_lowercase());
        // With a path, as it is sent, even if none is written.
        let path = if parts.path.is_empty() {
            "/"
        } else {
            parts.path
        };
        written.push_str(&escape(path, b""));
        if let Some(query) = parts.query {
            written.push('?');
            written.push_str(&escape(query, b""));
        }
        Ok(Self { text: written })
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.text))
    }
}

impl fmt::Debug for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether a file may have this name: no separator of any system, no step of a path, no control
/// character, not longer than file systems take.
pub fn is_file_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..")
        && name.len() <= 255
        && !name
            .contains(|character: char| matches!(character, '/' | '\\') || character.is_control())
}

/// Cuts the fragment and the query off: what is before, then `?`, then `#`.
pub(crate) fn split_tail(text: &str) -> (&str, Option<&str>, Option<&str>) {
    let (rest, fragment) = match text.split_once('#') {
        Some((rest, fragment)) => (rest, Some(fragment)),
        None => (text, None),
    };
    match rest.split_once('?') {
        Some((rest, query)) => (rest, Some(query), fragment),
        None => (rest, None, fragment),
    }
}

/// The bytes that percent-encoded text means; `None` if a `%` begins no byte.
pub(crate) fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first != b'%' {
            bytes.push(first);
            rest = after;
            continue;
        }
        let digit = |at: usize| char::from(*after.get(at)?).to_digit(16);
        bytes.push(u8::try_from(digit(0)? * 16 + digit(1)?).ok()?);
        rest = &after[2..];
    }
    Some(bytes)
}

/// Escapes what may not stand in an address at all (RFC 3986, 2), and `also`.
pub(crate) fn escape(text: &str, also: &[u8]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte) && !also.contains(&byte) {
            escaped.push(byte.into());
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

/// An address for a message, whether or not it is a valid one: nothing before an `@` is in it,
/// and no query.
pub(crate) fn shown(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    // Of what is no address one cannot tell where a password ends: at the last `@` at the latest.
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = &rest[..authority_end];
    let is_valid =
        !scheme.is_empty() && is_authority(authority.rsplit('@').next().unwrap_or_default());
    let end = if is_valid { authority_end } else { rest.len() };
    let rest = match rest[..end].rsplit_once('@') {
        // `user@host:path` is ssh's, whose user is no secret.
        Some((user, _)) if !scheme.is_empty() || user.contains(':') => &rest[user.len() + 1..],
        _ => rest,
    };
    let rest = rest.split('?').next().unwrap_or_default();
    let separator = if scheme.is_empty() { "" } else { "://" };
    [scheme, separator, rest]
        .iter()
        .flat_map(|part| part.chars())
        .filter(|character| !character.is_control())
        .take(MAX_SHOWN)
        .collect()
}

/// Whether `text` is `host[:port]`.
fn is_authority(text: &str) -> bool {
    let host_end = if text.starts_with('[') {
        match text.find(']') {
            Some(end) => end + 1,
            None => return false,
        }
    } else {
        text.find(':').unwrap_or(text.len())
    };
    let (host, port) = text.split_at(host_end);
    let is_port = match port.strip_prefix(':') {
        Some(port) => port.is_empty() || is_number(port),
        None => port.is_empty(),
    };
    is_port && is_host(host)
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// Whether `host` is a name, or an IPv6 address in brackets.
fn is_host(host: &str) -> bool {
    if let Some(rest) = host.strip_prefix('[') {
        return rest
            .strip_suffix(']')
            .is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
    }
    // ssh would take a name with `-` in front for an option.
    !host.is_empty()
        && !host.starts_with('-')
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

#[cfg(test)]
mod tests;
