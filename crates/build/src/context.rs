//! Build contexts: what `COPY` and `ADD` take files from, and often the Dockerfile.
//!
//! A folder is listed when a build needs it, and its files are read when they are copied. Whatever
//! else a context is becomes a tar in the store, with an index, like a layer.

mod checkout;
mod dockerfile;
mod folder;
mod git_index;
mod ignore;
mod modes;
mod ntfs;
mod opened;
mod tar;

pub use self::checkout::CheckoutError;
pub(crate) use self::dockerfile::find_in_folder;
pub use self::dockerfile::{DockerfilePlace, DockerfileSource, FoundDockerfile, MAX_DOCKERFILE};
pub(crate) use self::folder::Context;
pub use self::git_index::{GitHash, GitIndex, GitIndexEntry, GitIndexError, GitKind, GitObjectId};
pub use self::modes::{ContextModes, ContextModesError};
pub use self::opened::OpenedContext;
pub(crate) use self::opened::{ContextReading, Contexts, Opened, patterns_in_folder};
pub(crate) use self::tar::TarContext;

use std::path::PathBuf;

use crossdock_image::{GitUrl, HttpUrl};

/// Where a build context is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContextSource {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A file by http: a tar in any compression. What is no tar is the Dockerfile, and the only
    /// file of its context, which is called `context` as in BuildKit.
    Url(HttpUrl),
    /// A tree of a git repository.
    Git(GitUrl),
}
