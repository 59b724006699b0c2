//! Trees of git repositories as tars, by the program `git`.
//!
//! It knows the user's credentials, proxies, certificates and ssh configuration, which all keep
//! working. Nothing is checked out: the objects of a commit become a tar, which is a function of
//! the commit on every host, whatever the user's configuration says.

mod address;
mod command;
mod dot_git;
mod error;
mod fetch;
mod resolve;
mod tar;
mod tree;

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;

use crossdock_image::{CommitId, GitUrl};

use command::Program;
pub use error::GitError;

/// A client of git repositories.
#[derive(Debug, Clone)]
pub struct Git {
    program: Program,
}

/// The commit that an address means at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GitCommit {
    /// The commit.
    pub id: CommitId,
    /// The annotated tag that leads to it.
    pub tag: Option<CommitId>,
    /// The whole name of the branch, tag or other reference, as `refs/heads/main`; `None` if the
    /// address names a commit.
    pub reference: Option<String>,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitTree {
    /// The commit whose tree it is. It is another than the one that was asked for only where that
    /// was an annotated tag's id.
    pub commit: CommitId,
    /// The commit's time, in seconds since 1970: that of all entries.
    pub time: i64,
    /// How many entries the tar has.
    pub entries: u64,
    /// The submodules in the tree, with their paths from the repository's root, in the order in
    /// which they were written.
    pub submodules: Vec<(String, CommitId)>,
}

impl Default for Git {
    fn default() -> Self {
        Self::new("git")
    }
}

impl Git {
    /// A client that runs `program`, a path or a name to look for.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: Program {
                program: program.into(),
                variables: Vec::new(),
                settings: Vec::new(),
                may_be_local: false,
            },
        }
    }

    /// With an environment variable for git alone, as `HOME` or `GIT_SSH_COMMAND`.
    pub fn with_variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.program.variables.push((name.into(), value.into()));
        self
    }

    /// Takes addresses that begin with `prefix` for folders of this machine that begin with
    /// `path`, which has `/` between its parts. Without it no address, nor that of a submodule,
    /// means a folder of this machine. It is for tests.
    pub fn with_local_repositories(mut self, prefix: &str, path: &str) -> Self {
        let path = path.trim_start_matches('/');
        let setting = format!("url.file:///{path}.insteadOf={prefix}");
        self.program.settings.push(setting);
        self.program.may_be_local = true;
        self
    }

    /// Asks which commit `url` means. A whole commit id is not asked for: whether it is there
    /// turns out when it is fetched.
    ///
    /// A name is a reference by its whole name (`refs/…`, or without the `refs/`), else a branch,
    /// else a tag, else the beginning of the id of a commit that a branch or tag is at. The
    /// address's checksum must be the beginning of the commit's id, or of its annotated tag's.
    pub fn resolve(&self, url: &GitUrl) -> Result<GitCommit, GitError> {
        resolve::resolve(&self.program, url)
    }

    /// Writes the tree of `commit` to `out` as a tar.
    ///
    /// - Names, modes (0644, 0755, links) and contents are the tree's, owners are 0, times the
    ///   commit's. Contents are those of a checkout on Linux: `eol`, `ident` and encodings of
    ///   `.gitattributes` apply; its filters do not, so that the files of LFS are pointers. What
    ///   `.gitattributes` says about archives does not apply.
    /// - The folder of the address becomes the root.
    /// - Submodules are in it, at their commits, unless the address says `submodules=false`.
    /// - With `keep-git-dir`, and without a folder, there is a `.git` that git works with: that
    ///   commit alone, without history, logs and passwords. It is a function of the commit, of the
    ///   reference and of git's version.
    ///
    /// What is fetched is kept in `folder`, an empty one of the caller's, who removes it.
    pub fn fetch(
        &self,
        url: &GitUrl,
        commit: &GitCommit,
        folder: &Path,
        out: &mut dyn Write,
    ) -> Result<GitTree, GitError> {
        tree::write(&self.program, url, commit, folder, out)
    }
}

impl GitCommit {
    /// A key of the tar that [`Git::fetch`] writes for `url`: equal keys, equal files. There is no
    /// password in it.
    pub fn tree_key(&self, url: &GitUrl) -> String {
        let mut key = format!("git {} folder={:?}", self.id, url.subdir());
        if url.submodules() != Some(false) {
            // Submodules may be named relative to it.
            key.push_str(&format!(
                " submodules of {}",
                url.remote_without_credentials()
            ));
        }
        if keeps_git_dir(url) {
            key.push_str(&format!(
                " .git of {} {} {}",
                url.remote_without_credentials(),
                self.reference.as_deref().unwrap_or("-"),
                self.tag.as_ref().map_or("-", CommitId::as_str),
            ));
        }
        key
    }
}

/// As docker, which drops `.git` when a folder of the tree becomes the root.
fn keeps_git_dir(url: &GitUrl) -> bool {
    url.keep_git_dir() == Some(true) && url.subdir().is_empty()
}

#[cfg(test)]
mod tests;
