//! What `ADD` and contexts take from elsewhere: files by http and trees of git repositories.

use std::fmt;

use crate::CommitError;
use crate::git_url::GitUrl;
use crate::url::HttpUrl;

/// The longest address that is read, in bytes.
pub(crate) const MAX_SOURCE: usize = 16 << 10;

/// Something that is not on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoteSource {
    /// A file by http or https.
    Http(HttpUrl),
    /// A tree of a git repository.
    Git(GitUrl),
}

/// Text that has an address's form and is none that can be used. Nothing that may be a password
/// is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteSourceError {
    /// The address cannot be read.
    #[error("{text:?} cannot be used as an address: {reason}")]
    Address {
        /// The address without what may be secret.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// It is longer than any address that makes sense.
    #[error("the address is longer than {limit} bytes")]
    TooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// A git address has a parameter that means nothing.
    #[error(
        "{url}: the parameter {name:?} means nothing in a git address; those that do are ref, \
         tag, branch, subdir, checksum, commit, keep-git-dir, submodules, mtime and \
         fetch-by-commit"
    )]
    UnknownParameter {
        /// The repository.
        url: String,
        /// The parameter.
        name: String,
    },
    /// A parameter is given twice.
    #[error("{url}: the parameter {name:?} is given more than once")]
    RepeatedParameter {
        /// The repository.
        url: String,
        /// The parameter.
        name: String,
    },
    /// A parameter's value cannot be read.
    #[error("{url}: the parameter {name:?} has the value {value:?}; write {expected}")]
    Value {
        /// The repository.
        url: String,
        /// The parameter.
        name: String,
        /// Its value.
        value: String,
        /// What may stand there.
        expected: &'static str,
    },
    /// Two places name different things.
    #[error("{url}: it names two {what}, {first:?} and {second:?}; leave one out")]
    Conflict {
        /// The repository.
        url: String,
        /// What there can be one of.
        what: &'static str,
        /// One.
        first: String,
        /// The other.
        second: String,
    },
    /// The reference can be none of git's.
    #[error("{url}: {reference:?} cannot be a branch, tag or commit: {reason}")]
    Reference {
        /// The repository.
        url: String,
        /// The reference.
        reference: String,
        /// Why not (git-check-ref-format).
        reason: &'static str,
    },
    /// The expected commit can be none.
    #[error("{url}: {source}")]
    Checksum {
        /// The repository.
        url: String,
        /// Why not.
        source: CommitError,
    },
}

impl RemoteSource {
    /// Reads a source of `ADD`; `None` if it is a path. As docker decides it: git is what has
    /// git's or ssh's scheme, `user@host:path`, and an http address whose path ends in `.git`.
    pub fn parse(text: &str) -> Option<Result<Self, RemoteSourceError>> {
        // As docker: other spellings of http than the lower case are paths, unless they are git.
        if let Some(git) = GitUrl::detect(text) {
            return Some(git.map(Self::Git));
        }
        let is_http = text.starts_with("http://") || text.starts_with("https://");
        is_http.then(|| text.parse().map(Self::Http))
    }

    /// Reads a build context; `None` if it is a path. It is [`parse`](Self::parse), and
    /// `github.com/…` without a scheme is a git repository too.
    pub fn parse_context(text: &str) -> Option<Result<Self, RemoteSourceError>> {
        match text.strip_prefix("github.com/") {
            Some(_) => Some(format!("https://{text}").parse().map(Self::Git)),
            None => Self::parse(text),
        }
    }
}

impl fmt::Display for RemoteSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(url) => fmt::Display::fmt(url, f),
            Self::Git(url) => fmt::Display::fmt(url, f),
        }
    }
}

#[cfg(test)]
mod tests;
