//! The addresses that requests go to.

use std::fmt;
use std::net::IpAddr;

/// An absolute `http` or `https` address, taken apart as far as this crate must decide by it.
///
/// [`Display`](fmt::Display) leaves the query out: in addresses that storage behind a registry
/// hands out, the query is a credential.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Url {
    origin: Origin,
    /// Begins with `/`; no fragment.
    path_and_query: String,
}

/// Scheme, host and port: what credentials are bound to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Origin {
    pub(crate) is_https: bool,
    /// Lower case; IPv6 addresses in brackets.
    host: String,
    port: u16,
}

impl Url {
    /// Reads an absolute address. `None` for other schemes, for addresses with a user name in
    /// them, and for text that is no address.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let is_https = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let rest = rest.split('#').next()?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let path_and_query = if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        };
        let url = Self {
            origin: Origin::parse(is_https, authority)?,
            path_and_query,
        };
        // The judge of what may be sent is whoever sends it.
        url.to_request_target().parse::<ureq::http::Uri>().ok()?;
        Some(url)
    }

    /// The address that `location` means in an answer from this one (RFC 3986, 5.2).
    pub(crate) fn join(&self, location: &str) -> Option<Self> {
        let scheme = if self.origin.is_https {
            "https"
        } else {
            "http"
        };
        let absolute = if has_scheme(location) {
            return Self::parse(location);
        } else if let Some(rest) = location.strip_prefix("//") {
            format!("{scheme}://{rest}")
        } else if location.starts_with('/') {
            format!("{}{location}", self.origin)
        } else if location.starts_with('?') {
            format!("{}{}{location}", self.origin, self.path())
        } else {
            let folder = self
                .path()
                .rsplit_once('/')
                .map_or("", |(folder, _)| folder);
            format!("{}{folder}/{location}", self.origin)
        };
        let mut url = Self::parse(&absolute)?;
        url.path_and_query = without_dots(&url.path_and_query);
        Some(url)
    }

    /// The host, and the port if it is not the scheme's.
    pub(crate) fn host_and_port(&self) -> String {
        let origin = self.origin.to_string();
        origin
            .split_once("://")
            .map_or_else(String::new, |(_, host)| host.to_owned())
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The path, without the query.
    pub(crate) fn path(&self) -> &str {
        let end = self.path_and_query.find('?');
        &self.path_and_query[..end.unwrap_or(self.path_and_query.len())]
    }

    /// The same with one more query parameter. The value is escaped.
    pub(crate) fn with_query(mut self, name: &str, value: &str) -> Self {
        let has_query = self.path_and_query.contains('?');
        self.path_and_query.push(if has_query { '&' } else { '?' });
        self.path_and_query.push_str(name);
        self.path_and_query.push('=');
        self.path_and_query.push_str(&escape(value));
        self
    }

    /// All of it, the secret query too.
    pub(crate) fn to_request_target(&self) -> String {
        format!("{}{}", self.origin, self.path_and_query)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.path())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Origin {
    /// Reads `host[:port]`.
    pub(crate) fn parse(is_https: bool, authority: &str) -> Option<Self> {
        if authority.contains('@') {
            return None;
        }
        let host_end = if authority.starts_with('[') {
            authority.find(']')? + 1
        } else {
            authority.find(':').unwrap_or(authority.len())
        };
        let (host, port) = authority.split_at(host_end);
        let port = match port.strip_prefix(':') {
            Some(port) if !port.is_empty() => port.parse().ok()?,
            _ if is_https => 443,
            _ => 80,
        };
        let is_name = |text: &str| {
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
        };
        if host.is_empty() || !(host.starts_with('[') || is_name(host)) {
            return None;
        }
        Some(Self {
            is_https,
            host: host.to_ascii_lowercase(),
            port,
        })
    }

    /// The host without brackets.
    pub(crate) fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Whether the host is this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(self.host())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, default) = if self.is_https {
            ("https", 443)
        } else {
            ("http", 80)
        };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port != default {
            write!(f, ":{}", self.port)?;
        }
        Ok(())
    }
}

/// Whether `host`, without port and brackets, is this machine: `localhost` and what is under it
/// (RFC 6761), 127.0.0.0/8, ::1.
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "localhost"
        || host.ends_with(".localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Percent-encodes what may not stand in an address at all (RFC 3986, 2).
pub(crate) fn escape_location(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte) {
            escaped.push(byte.into());
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

/// The bytes that percent-encoded text means. A `%` that begins none stands for itself.
pub(crate) fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digit = |at: usize| char::from(*after.get(at)?).to_digit(16);
        let byte = (*first == b'%')
            .then(|| u8::try_from(digit(0)? * 16 + digit(1)?).ok())
            .flatten();
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    bytes
}

/// Whether `text` begins with a scheme (RFC 3986, 3.1).
fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}

/// A path, perhaps with a query, without `.` and `..` in the path (RFC 3986, 5.2.4).
fn without_dots(path_and_query: &str) -> String {
    let end = path_and_query.find('?').unwrap_or(path_and_query.len());
    let (path, query) = path_and_query.split_at(end);
    if !path.split('/').any(|part| matches!(part, "." | "..")) {
        return path_and_query.to_owned();
    }
    let mut parts = Vec::new();
    let mut rest = path.split('/').skip(1).peekable();
    while let Some(part) = rest.next() {
        let is_last = rest.peek().is_none();
        match part {
            "." | ".." => {
                if part == ".." {
                    parts.pop();
                }
                if is_last {
                    parts.push("");
                }
            }
            part => parts.push(part),
        }
    }
    format!("/{}{query}", parts.join("/"))
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(byte.into());
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
