//! Where a repository comes from: as git gets it, as it is shown, and relative to another.

use crossdock_image::GitUrl;

use super::error::GitError;

/// The schemes that git may speak.
const SCHEMES: &[&str] = &["https", "http", "ssh", "git"];

/// A repository's address: `SCHEME://…`, or `[user@]host:path`.
#[derive(Clone)]
pub(super) struct Address {
    /// As it is written.
    text: String,
    /// The http user and password in it, and where they are for.
    login: Option<Login>,
}

#[derive(Clone)]
struct Login {
    /// `SCHEME://HOST[:PORT]`.
    scope: String,
    user: String,
    password: String,
    /// The password as it is written.
    written: String,
}

impl Address {
    pub(super) fn new(url: &GitUrl) -> Self {
        Self::of(url.reveal_remote())
    }

    /// The address of a submodule that `.gitmodules` gives as `text`, in the repository at `self`.
    pub(super) fn module(&self, text: &str) -> Result<Self, GitError> {
        let invalid = |reason| GitError::ModuleAddress {
            url: without_login(text),
            reason,
        };
        if text.chars().any(char::is_control) {
            return Err(invalid("it has control characters in it"));
        }
        let text = if text.starts_with("./") || text.starts_with("../") {
            self.relative(text)
                .ok_or_else(|| invalid("it leads out of the server"))?
        } else {
            text.to_owned()
        };
        match text.split_once("://") {
            Some((scheme, rest)) => {
                let scheme = scheme.to_ascii_lowercase();
                if !SCHEMES.contains(&scheme.as_str()) {
                    return Err(invalid("git is reached by https, http, ssh or git alone"));
                }
                let authority = rest.split('/').next().unwrap_or_default();
                let host = authority.rsplit('@').next().unwrap_or_default();
                if host.is_empty() || host.starts_with('-') || rest.starts_with('-') {
                    return Err(invalid("it has no host, or one that no host can be"));
                }
            }
            // `host:path`; a slash before the colon makes it a path.
            None => {
                let (host, path) = text
                    .split_once(':')
                    .filter(|(host, _)| !host.contains('/'))
                    .ok_or_else(|| invalid("it is a path of this machine"))?;
                let name = host.rsplit('@').next().unwrap_or_default();
                // Of one letter, it is a drive; with another colon, a program (`ext::`).
                if host.starts_with('-') || name.starts_with('-') || name.len() < 2 {
                    return Err(invalid("it has no host, or one that no host can be"));
                }
                if path.starts_with([':', '-']) || path.is_empty() {
                    return Err(invalid("it names no repository"));
                }
            }
        }
        Ok(Self::of(&text))
    }

    fn of(text: &str) -> Self {
        Self {
            login: login(text),
            text: text.to_owned(),
        }
    }

    /// What git is given: without the password, which it asks for.
    pub(super) fn for_git(&self) -> String {
        match self.login {
            Some(_) => without_login(&self.text),
            None => self.text.clone(),
        }
    }

    /// For messages and for configurations.
    pub(super) fn shown(&self) -> String {
        without_login(&self.text)
    }

    /// Where they are for, the user, and the password.
    pub(super) fn credentials(&self) -> Option<(&str, &str, &str)> {
        let login = self.login.as_ref()?;
        Some((&login.scope, &login.user, &login.password))
    }

    /// `text` without what is secret in this address, and without users of others.
    pub(super) fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in self
            .login
            .iter()
            .flat_map(|login| [&login.password, &login.written])
        {
            if !secret.is_empty() {
                text = text.replace(secret.as_str(), "[secret]");
            }
        }
        let mut shown = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(at) = rest.find("://") {
            let (before, after) = rest.split_at(at + 3);
            shown.push_str(before);
            let end = after
                .find(|c: char| c == '/' || c.is_whitespace() || c == '\'' || c == '"')
                .unwrap_or(after.len());
            rest = match after[..end].rfind('@') {
                Some(at) => &after[at + 1..],
                None => after,
            };
        }
        shown.push_str(rest);
        shown
    }

    /// git's rule for addresses of submodules that begin with `./` and `../`
    /// (git-submodule(1), "add").
    fn relative(&self, text: &str) -> Option<String> {
        let mut base = self.text.trim_end_matches('/').to_owned();
        let start = base.find("://").map_or(0, |at| at + 3);
        let mut rest = text;
        let mut separator = '/';
        loop {
            if let Some(after) = rest.strip_prefix("../") {
                rest = after;
                let path = &base[start..];
                match (path.rfind('/'), path.rfind(':')) {
                    (Some(at), _) => base.truncate(start + at),
                    // `host:name`: what replaces the name stands behind the colon.
                    (None, Some(at)) if start == 0 && separator == '/' => {
                        base.truncate(at);
                        separator = ':';
                    }
                    _ => return None,
                }
            } else if let Some(after) = rest.strip_prefix("./") {
                rest = after;
            } else {
                break;
            }
        }
        let rest = rest.trim_end_matches('/');
        Some(format!("{base}{separator}{rest}"))
    }
}

/// `text` without the user of an http or git address, or without the password of an ssh address.
fn without_login(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        None => text.to_owned(),
        Some((user, host)) if scheme.eq_ignore_ascii_case("ssh") => {
            let user = user.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}@{host}{path}")
        }
        Some((_, host)) => format!("{scheme}://{host}{path}"),
    }
}

/// The user and password of an http address, if there is a password: a user alone may be one
/// whose password git's credential helpers know.
fn login(text: &str) -> Option<Login> {
    let (scheme, rest) = text.split_once("://")?;
    if !matches!(scheme, "http" | "https") {
        return None;
    }
    let authority = rest.split('/').next()?;
    let (login, host) = authority.rsplit_once('@')?;
    let (user, password) = login.split_once(':')?;
    let readable = |text: &str| String::from_utf8_lossy(&crate::url::unescape(text)).into_owned();
    let login = Login {
        scope: format!("{scheme}://{host}"),
        user: readable(user),
        password: readable(password),
        written: password.to_owned(),
    };
    // They are given to git in lines.
    let is_line = |text: &str| !text.contains(['\n', '\r', '\0']);
    (is_line(&login.user) && is_line(&login.password)).then_some(login)
}

#[cfg(test)]
mod tests;
