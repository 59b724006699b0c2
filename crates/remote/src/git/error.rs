//! Why git gives no tree.

use std::io;

use crossdock_image::{CommitError, CommitId, CommitPrefix};

/// Why a tree of a git repository cannot be had. Addresses and what git says are without
/// passwords.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no program `git`.
    #[error("{program} is not there; install git, which crossdock uses to reach repositories")]
    NoProgram {
        /// What was to be run.
        program: String,
    },
    /// It cannot be run, or what it says cannot be read.
    #[error("git cannot be run: {source}")]
    Run {
        /// Why not.
        source: io::Error,
    },
    /// The temporary folder cannot be used.
    #[error("the temporary folder of git cannot be used: {source}")]
    Folder {
        /// Why not.
        source: io::Error,
    },
    /// The caller's writer failed.
    #[error("the files of the repository cannot be written: {source}")]
    Write {
        /// Why not.
        source: io::Error,
    },
    /// The repository has no such branch, tag or commit.
    #[error(
        "{url}: there is no branch, tag or commit {reference:?}; git ls-remote {url} lists those \
         that there are, and a commit must be written with all digits of its id"
    )]
    NoReference {
        /// The repository.
        url: String,
        /// What was asked for.
        reference: String,
    },
    /// The beginning of a commit's id fits several.
    #[error("{url}: {reference:?} is the beginning of several commits; write the whole id")]
    Ambiguous {
        /// The repository.
        url: String,
        /// What was asked for.
        reference: String,
    },
    /// The repository is empty.
    #[error("{url}: the repository has no default branch; write one behind #, as #main")]
    NoDefault {
        /// The repository.
        url: String,
    },
    /// The reference is at another commit than the one that is expected.
    #[error(
        "{url}: the checksum is {expected}, but the commit is {found}{}; if that is the one that \
         is meant, change the checksum",
        .tag.as_ref().map(|tag| format!(" (tag {tag})")).unwrap_or_default()
    )]
    Checksum {
        /// The repository.
        url: String,
        /// What was expected.
        expected: CommitPrefix,
        /// What is there.
        found: CommitId,
        /// The annotated tag that led there.
        tag: Option<CommitId>,
    },
    /// `fetch-by-commit` without a commit.
    #[error("{url}: fetch-by-commit needs a whole commit id, as checksum or as reference")]
    NoCommit {
        /// The repository.
        url: String,
    },
    /// What git lists as a commit is none.
    #[error("{url}: {source}")]
    Commit {
        /// The repository.
        url: String,
        /// Why not.
        source: CommitError,
    },
    /// The server does not have the commit, or does not give it away.
    #[error(
        "{url}: the server does not give the commit {commit}; check the id, or name a branch or \
         tag that has it"
    )]
    NotGiven {
        /// The repository.
        url: String,
        /// The commit.
        commit: CommitId,
    },
    /// The repository wants to know who asks.
    #[error(
        "{url}: git has no credentials that the server accepts; try git ls-remote {url}, and set \
         up a credential helper or an ssh key: {details}"
    )]
    Authentication {
        /// The repository.
        url: String,
        /// The last that git said.
        details: String,
    },
    /// There is no such repository, or not for everybody.
    #[error(
        "{url}: there is no such repository, or git has no credentials for it; check the address: \
         {details}"
    )]
    NotFound {
        /// The repository.
        url: String,
        /// The last that git said.
        details: String,
    },
    /// The server cannot be reached, or the connection broke.
    #[error("{url}: the server cannot be reached; check the network and the host: {details}")]
    Network {
        /// The repository.
        url: String,
        /// The last that git said.
        details: String,
    },
    /// git failed in another way.
    #[error("{url}: git {action} failed: {details}")]
    Failed {
        /// The repository.
        url: String,
        /// What it was to do.
        action: String,
        /// The last that it said.
        details: String,
    },
    /// There is no such folder in the tree.
    #[error("{url}: the commit {commit} has no folder {subdir:?}")]
    NoFolder {
        /// The repository.
        url: String,
        /// The commit.
        commit: CommitId,
        /// The folder.
        subdir: String,
    },
    /// A submodule cannot be had.
    #[error("submodule {path}: {source}{}", submodule_hint(.source))]
    Submodule {
        /// Where it is in the tree.
        path: String,
        /// Why not.
        source: Box<GitError>,
    },
    /// `.gitmodules` does not say where a submodule comes from.
    #[error(".gitmodules does not name its repository")]
    NoModule,
    /// The address of a submodule cannot be used.
    #[error("{url:?} cannot be used: {reason}")]
    ModuleAddress {
        /// The address.
        url: String,
        /// Why not.
        reason: &'static str,
    },
    /// Submodules in submodules without end.
    #[error("submodules are nested deeper than {limit}")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// The tree has a name that no tree may have, or git's archive cannot be read.
    #[error("{url}: the tree cannot be used: {reason}")]
    Tree {
        /// The repository.
        url: String,
        /// What is wrong.
        reason: String,
    },
}

impl GitError {
    /// Whether the network or the server failed, and the same may succeed later.
    pub fn is_failure(&self) -> bool {
        match self {
            Self::Network { .. } => true,
            Self::Submodule { source, .. } => source.is_failure(),
            _ => false,
        }
    }
}

fn submodule_hint(source: &GitError) -> &'static str {
    match source {
        // The innermost says it.
        GitError::Submodule { .. } => "",
        _ => " (the tree comes without submodules with ?submodules=false)",
    }
}
