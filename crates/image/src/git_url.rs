//! Addresses of git repositories, with what docker writes behind them: which commit, which
//! folder, and how.

use std::fmt;
use std::str::FromStr;

use crate::remote_source::{MAX_SOURCE, RemoteSourceError};
use crate::url::{UrlParts, escape, shown, split_tail, unescape};
use crate::{CommitId, CommitPrefix};

/// A tree of a git repository: `REPOSITORY[?PARAMETERS][#REF[:FOLDER]]`.
///
/// The repository is an address by `https`, `http`, `ssh` or `git`, or `user@host:path`; nothing in
/// it or in the reference can be taken for an option by git or ssh.
/// [`Display`](fmt::Display) and [`Debug`](fmt::Debug) leave user and password out, except for
/// ssh's user.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GitUrl {
    remote: String,
    reference: Option<String>,
    subdir: String,
    checksum: Option<CommitPrefix>,
    keep_git_dir: Option<bool>,
    submodules: Option<bool>,
    mtime: Option<GitTimes>,
    fetch_by_commit: bool,
}

/// Which times the files of a git tree are asked to have (`?mtime=`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GitTimes {
    /// The time at which they are written. crossdock reads no clock for content and gives the
    /// commit's.
    Checkout,
    /// The commit's.
    Commit,
}

impl GitUrl {
    /// Reads `text` if docker would take it for a git address.
    pub(crate) fn detect(text: &str) -> Option<Result<Self, RemoteSourceError>> {
        if text.starts_with("./") || text.starts_with("../") {
            return None;
        }
        let scheme = scheme(text);
        match scheme.as_deref() {
            Some("git" | "ssh") => Some(text.parse()),
            Some("http" | "https") => {
                let parts = UrlParts::parse(text).ok()?;
                let path = unescape(parts.path)?;
                path.ends_with(b".git").then(|| text.parse())
            }
            Some(_) => None,
            None => scp_parts(text).map(|_| text.parse()),
        }
    }

    /// The repository as git takes it, with the user and password that may be in it.
    pub fn reveal_remote(&self) -> &str {
        &self.remote
    }

    /// The repository without user and password; ssh's user is there.
    pub fn remote_without_credentials(&self) -> String {
        match UrlParts::parse(&self.remote) {
            Ok(parts) if parts.user.is_some() => {
                let user = match (parts.scheme.as_str(), parts.user) {
                    ("ssh", Some(user)) => user.split(':').next().map(|user| format!("{user}@")),
                    _ => None,
                };
                let (scheme, user) = (parts.scheme, user.unwrap_or_default());
                format!("{scheme}://{user}{}{}", parts.authority, parts.path)
            }
            // `user@host:path` is ssh, and its user no secret.
            _ => self.remote.clone(),
        }
    }

    /// All of it in one form, `REPOSITORY?PARAMETERS#REF:FOLDER`, with the user and password that
    /// may be in it: for keys of caches. It reads as the same value.
    pub fn reveal(&self) -> String {
        self.write(&self.remote)
    }

    /// A branch, tag, `refs/…`, or commit; `None` is the repository's default branch.
    pub fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }

    /// The commit that the reference is, if it is a whole id: then nobody need be asked for it.
    pub fn commit(&self) -> Option<CommitId> {
        self.reference.as_deref()?.parse().ok()
    }

    /// The folder of the tree that becomes the root, without `/` around it or `..` in it; empty
    /// for all of the tree.
    pub fn subdir(&self) -> &str {
        &self.subdir
    }

    /// What the commit's id must begin with.
    pub fn checksum(&self) -> Option<&CommitPrefix> {
        self.checksum.as_ref()
    }

    /// Whether the `.git` folder is to be in the tree; `None` if the address says nothing.
    pub fn keep_git_dir(&self) -> Option<bool> {
        self.keep_git_dir
    }

    /// Whether submodules are to be in the tree; `None`, for docker's `true`, if the address says
    /// nothing.
    pub fn submodules(&self) -> Option<bool> {
        self.submodules
    }

    /// Which times were asked for.
    pub fn mtime(&self) -> Option<GitTimes> {
        self.mtime
    }

    /// Whether the checksum, or the reference, is taken for the commit without asking where the
    /// reference points.
    pub fn fetch_by_commit(&self) -> bool {
        self.fetch_by_commit
    }

    /// The same with what flags of the instruction say. What both say must be the same.
    pub fn with_flags(
        mut self,
        keep_git_dir: Option<bool>,
        checksum: Option<CommitPrefix>,
    ) -> Result<Self, RemoteSourceError> {
        let url = shown(&self.remote);
        let (url_keeps, url_checksum) = (self.keep_git_dir, self.checksum);
        self.keep_git_dir = same(&url, "values of keep-git-dir", url_keeps, keep_git_dir)?;
        self.checksum = same(&url, "checksums", url_checksum, checksum)?;
        Ok(self)
    }

    fn write(&self, remote: &str) -> String {
        let mut parameters = Vec::new();
        if let Some(checksum) = &self.checksum {
            parameters.push(format!("checksum={checksum}"));
        }
        if let Some(keep) = self.keep_git_dir {
            parameters.push(format!("keep-git-dir={keep}"));
        }
        if let Some(submodules) = self.submodules {
            parameters.push(format!("submodules={submodules}"));
        }
        match self.mtime {
            Some(GitTimes::Checkout) => parameters.push("mtime=checkout".to_owned()),
            Some(GitTimes::Commit) => parameters.push("mtime=commit".to_owned()),
            None => {}
        }
        if self.fetch_by_commit {
            parameters.push("fetch-by-commit=true".to_owned());
        }
        // Here, since what is behind `#` is escaped in some forms of an address and in others not.
        let reference = self.reference.iter().map(|value| ("ref", value));
        let subdir = Some(&self.subdir).filter(|value| !value.is_empty());
        for (name, value) in reference.chain(subdir.map(|value| ("subdir", value))) {
            parameters.push(format!("{name}={}", escape(value, b"%&+;#=?")));
        }
        let mut written = remote.to_owned();
        if !parameters.is_empty() {
            written.push('?');
            written.push_str(&parameters.join("&"));
        }
        written
    }
}

impl FromStr for GitUrl {
    type Err = RemoteSourceError;

    /// Reads the address of a git repository. An http address need not end in `.git` here.
    fn from_str(text: &str) -> Result<Self, RemoteSourceError> {
        let invalid = |reason| RemoteSourceError::Address {
            text: shown(text),
            reason,
        };
        let (remote, query, fragment) = match scheme(text).as_deref() {
            Some("https" | "http" | "ssh" | "git") => {
                let parts = UrlParts::parse(text)?;
                if parts.user.is_some_and(|user| user.starts_with('-')) {
                    return Err(invalid("its user begins with -"));
                }
                if parts.path.trim_matches('/').is_empty() {
                    return Err(invalid("it names a host and no repository"));
                }
                let (rest, query, _) = split_tail(text);
                let (_, rest) = rest.split_once("://").unwrap_or_default();
                let fragment = parts.fragment.map(|fragment| {
                    unescape(fragment).and_then(|bytes| String::from_utf8(bytes).ok())
                });
                let fragment = match fragment {
                    Some(None) => return Err(invalid("what is behind # is not UTF-8")),
                    other => other.flatten(),
                };
                (
                    format!("{}://{}", parts.scheme, escape(rest, b"")),
                    query,
                    fragment,
                )
            }
            Some(_) => return Err(invalid("git is reached by https, http, ssh or git")),
            None => {
                let Some((remote, path)) = scp_parts(text) else {
                    return Err(invalid(
                        "it is neither SCHEME://HOST/PATH nor USER@HOST:PATH",
                    ));
                };
                if path.is_empty() {
                    return Err(invalid("it names a host and no repository"));
                }
                if remote.contains("@-") || [remote, path].iter().any(|text| text.starts_with('-'))
                {
                    return Err(invalid("a part of it begins with -"));
                }
                let (_, query, fragment) = split_tail(text);
                (remote.to_owned(), query, fragment.map(str::to_owned))
            }
        };
        Parameters::default()
            .with_fragment(fragment.as_deref().unwrap_or_default())
            .with_query(&shown(&remote), query.unwrap_or_default())?
            .finish(remote)
    }
}

impl fmt::Display for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.write(&self.remote_without_credentials()))
    }
}

impl fmt::Debug for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What stands behind a repository's address.
#[derive(Default)]
struct Parameters {
    reference: Option<String>,
    tag: Option<String>,
    branch: Option<String>,
    subdir: String,
    checksum: Option<CommitPrefix>,
    keep_git_dir: Option<bool>,
    submodules: Option<bool>,
    mtime: Option<GitTimes>,
    fetch_by_commit: bool,
}

impl Parameters {
    /// `REF[:FOLDER]`.
    fn with_fragment(mut self, fragment: &str) -> Self {
        let (reference, subdir) = fragment.split_once(':').unwrap_or((fragment, ""));
        self.reference = Some(reference.to_owned()).filter(|text| !text.is_empty());
        self.subdir = clean(subdir);
        self
    }

    fn with_query(mut self, url: &str, query: &str) -> Result<Self, RemoteSourceError> {
        let mut seen = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(name), Some(value)) = (form_text(name), form_text(value)) else {
                return Err(RemoteSourceError::Value {
                    url: url.to_owned(),
                    name: name.to_owned(),
                    value: value.to_owned(),
                    expected: "% only before two hexadecimal digits, and UTF-8",
                });
            };
            if seen.contains(&name) {
                return Err(RemoteSourceError::RepeatedParameter {
                    url: url.to_owned(),
                    name,
                });
            }
            self.set(url, &name, value)?;
            seen.push(name);
        }
        Ok(self)
    }

    fn set(&mut self, url: &str, name: &str, value: String) -> Result<(), RemoteSourceError> {
        let bad_value = |value, expected| RemoteSourceError::Value {
            url: url.to_owned(),
            name: name.to_owned(),
            value,
            expected,
        };
        let flag = |value: String| match value.as_str() {
            // As Go's strconv.ParseBool; without a value it is set.
            "" | "1" | "t" | "T" | "true" | "True" | "TRUE" => Ok(true),
            "0" | "f" | "F" | "false" | "False" | "FALSE" => Ok(false),
            _ => Err(bad_value(value, "true or false")),
        };
        match name {
            "keep-git-dir" => self.keep_git_dir = Some(flag(value)?),
            "submodules" => self.submodules = Some(flag(value)?),
            "fetch-by-commit" => self.fetch_by_commit = flag(value)?,
            "ref" | "tag" | "branch" | "subdir" | "checksum" | "commit" | "mtime"
                if value.is_empty() =>
            {
                return Err(bad_value(value, "a value, or leave it out"));
            }
            "ref" => {
                self.reference = same(url, "references", self.reference.take(), Some(value))?;
            }
            "tag" => self.tag = Some(under("refs/tags/", &value)),
            "branch" => self.branch = Some(under("refs/heads/", &value)),
            "subdir" => {
                let known = Some(std::mem::take(&mut self.subdir)).filter(|it| !it.is_empty());
                self.subdir = same(url, "folders", known, Some(clean(&value)))?.unwrap_or_default();
            }
            "checksum" | "commit" => {
                let checksum = value.parse();
                let checksum = checksum.map_err(|source| RemoteSourceError::Checksum {
                    url: url.to_owned(),
                    source,
                })?;
                self.checksum = same(url, "checksums", self.checksum.take(), Some(checksum))?;
            }
            "mtime" => {
                self.mtime = Some(match value.as_str() {
                    "checkout" => GitTimes::Checkout,
                    "commit" => GitTimes::Commit,
                    _ => return Err(bad_value(value, "checkout or commit")),
                });
            }
            _ => {
                return Err(RemoteSourceError::UnknownParameter {
                    url: url.to_owned(),
                    name: name.to_owned(),
                });
            }
        }
        Ok(())
    }

    fn finish(self, remote: String) -> Result<GitUrl, RemoteSourceError> {
        let url = shown(&remote);
        let reference = same(&url, "references", self.tag, self.branch)?;
        let reference = same(&url, "references", self.reference, reference)?;
        if let Some(reference) = &reference
            && let Some(reason) = why_no_reference(reference)
        {
            return Err(RemoteSourceError::Reference {
                url,
                reference: reference.chars().take(200).collect(),
                reason,
            });
        }
        if self.subdir.contains('\0') {
            return Err(RemoteSourceError::Address {
                text: url,
                reason: "its folder has a NUL in it",
            });
        }
        Ok(GitUrl {
            remote,
            reference,
            subdir: self.subdir,
            checksum: self.checksum,
            keep_git_dir: self.keep_git_dir,
            submodules: self.submodules,
            mtime: self.mtime,
            fetch_by_commit: self.fetch_by_commit,
        })
    }
}

/// What two places say, if they say the same.
fn same<T: PartialEq + fmt::Display>(
    url: &str,
    what: &'static str,
    first: Option<T>,
    second: Option<T>,
) -> Result<Option<T>, RemoteSourceError> {
    match (first, second) {
        (Some(first), Some(second)) if first != second => Err(RemoteSourceError::Conflict {
            url: url.to_owned(),
            what,
            first: first.to_string(),
            second: second.to_string(),
        }),
        (first, second) => Ok(first.or(second)),
    }
}

fn under(folder: &str, name: &str) -> String {
    format!("{folder}{}", name.strip_prefix(folder).unwrap_or(name))
}

/// The scheme in lower case, if `text` begins with one as docker sees it.
fn scheme(text: &str) -> Option<String> {
    let (scheme, _) = text.split_once("://")?;
    let is_scheme = !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_scheme.then(|| scheme.to_ascii_lowercase())
}

/// `user@host:path` and the path in it, if `text` is that before its `?` and `#`.
fn scp_parts(text: &str) -> Option<(&str, &str)> {
    let is_made_of = |text: &str, others: &[u8]| {
        let mut bytes = text.bytes();
        !text.is_empty() && bytes.all(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte))
    };
    let (remote, _, _) = split_tail(text);
    let (user, rest) = remote.split_once('@')?;
    let (host, path) = rest.split_once(':')?;
    let is_scp = is_made_of(user, b"-_")
        && is_made_of(host, b"-.")
        && text.len() <= MAX_SOURCE
        && !text.chars().any(char::is_control);
    is_scp.then_some((remote, path))
}

/// A path from the root, without `.`, `..` and empty parts, and without `/` in front.
fn clean(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// A name or value of a query, `+` being a space; `None` if it cannot be read.
fn form_text(text: &str) -> Option<String> {
    String::from_utf8(unescape(&text.replace('+', " "))?).ok()
}

/// Why git could have no reference of this name (git-check-ref-format(1)).
fn why_no_reference(text: &str) -> Option<&'static str> {
    if text.starts_with('-') {
        return Some("it begins with -");
    }
    if text.len() > 1024 {
        return Some("it is too long");
    }
    if text.contains(|c: char| c.is_control() || " ~^:?*[\\".contains(c)) {
        return Some("it has a character in it that references do not have");
    }
    if text.contains("..") || text.contains("@{") || text == "@" {
        return Some("it has .. or @{ in it");
    }
    let is_part =
        |part: &str| !(part.is_empty() || part.starts_with('.') || part.ends_with(".lock"));
    if text.ends_with('.') || !text.split('/').all(is_part) {
        return Some("a part of it is empty, begins or ends with a dot, or ends in .lock");
    }
    None
}

#[cfg(test)]
mod tests;
