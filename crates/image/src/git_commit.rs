//! Names of git commits.

use std::fmt;
use std::str::FromStr;

/// A commit by its whole id: 40 (SHA-1) or 64 (SHA-256) hexadecimal digits in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitId(String);

/// The beginning of a commit's id, at most all of it: hexadecimal digits in lower case. It is what
/// `ADD --checksum` expects of a commit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitPrefix(String);

/// Text that names no commit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// It is not a whole id.
    #[error("{text:?} is not a commit's whole id of 40 or 64 hexadecimal digits in lower case")]
    Id {
        /// The text.
        text: String,
    },
    /// It is not the beginning of one.
    #[error(
        "{text:?} is not a commit's id: write the id's hexadecimal digits, at most 64 of them \
         (git rev-parse HEAD shows them)"
    )]
    Prefix {
        /// The text.
        text: String,
    },
}

impl CommitId {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a SHA-256, of a repository with that object format.
    pub fn is_sha256(&self) -> bool {
        self.0.len() == 64
    }
}

impl CommitPrefix {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `commit` begins with it.
    pub fn fits(&self, commit: &CommitId) -> bool {
        commit.0.starts_with(&self.0)
    }

    /// The commit, if this is all of its id.
    pub fn whole(&self) -> Option<CommitId> {
        self.0.parse().ok()
    }
}

impl FromStr for CommitId {
    type Err = CommitError;

    fn from_str(text: &str) -> Result<Self, CommitError> {
        let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if matches!(text.len(), 40 | 64) && text.bytes().all(is_digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(CommitError::Id {
                text: text.chars().take(80).collect(),
            })
        }
    }
}

impl FromStr for CommitPrefix {
    type Err = CommitError;

    fn from_str(text: &str) -> Result<Self, CommitError> {
        if matches!(text.len(), 1..=64) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(CommitError::Prefix {
                text: text.chars().take(80).collect(),
            })
        }
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for CommitPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
