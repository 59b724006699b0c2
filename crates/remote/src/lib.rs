//! What comes and goes over the network: registries (authentication, pull, push), files by http,
//! trees of git repositories.
//!
//! The only crate that opens a network connection. It knows what a registry is and nothing of
//! stores, layers or builds. Everything is synchronous; a caller that wants several things at
//! once uses threads. `docs/design/0004-registries.md` has the reasons.
//!
//! ```no_run
//! use crossdock_image::Reference;
//! use crossdock_remote::{Environment, Registry, RemoteConfig};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let environment = Environment::new(std::env::vars(), None);
//! let registry = Registry::new(RemoteConfig::new(environment));
//! let reference: Reference = "localhost:5000/debian:12".parse()?;
//! let (descriptor, bytes) = registry.manifest(&reference)?;
//! # Ok(())
//! # }
//! ```

mod challenge;
mod config;
mod credentials;
mod disposition;
mod download;
mod error;
mod fetch;
mod git;
mod http_date;
mod manifest;
mod proxy;
mod registry;
mod retry;
mod secret;
mod token;
mod transport;
mod trust;
mod upload;
mod url;

pub use challenge::{Challenge, parse_challenges};
pub use config::{Clock, Environment, RemoteConfig, RetryPolicy, SystemClock};
pub use credentials::{
    CredentialError, CredentialFile, Erased, KeepError, Kept, Login, erase_login, find_credentials,
    store_login,
};
pub use disposition::content_disposition_file_name;
pub use download::{BlobError, BlobReader, RepositoryBlobs};
pub use error::{ApiError, RequestError, Unreachable};
pub use fetch::{FetchError, FetchRequest, Fetched, FetchedBody, FetchedContent, Fetcher};
pub use git::{Git, GitCommit, GitError, GitTree};
pub use http_date::parse_http_date;
pub use manifest::ManifestError;
pub use registry::{LoginError, Registry, registry_host};
pub use secret::{Credentials, Secret};
pub use upload::{Mount, OpenContent, PushError, Upload};
