//! Order: images are resolved, operations performed, results assembled and written out.
//!
//! The only crate that decides when something happens, and the only meeting place of the others.
//! It prints nothing: what goes on is told by [`Event`]s.

mod alias;
mod annotations;
mod archive;
mod assemble;
mod base;
mod browse;
mod builder;
mod cache;
mod choice;
mod compose;
mod content;
mod context;
mod context_memory;
mod download;
mod error;
mod event;
mod executable;
mod layers;
mod look;
mod output;
mod owner;
mod perform;
mod place;
mod prune;
mod pull;
mod push;
mod sources;
mod state;
mod tar_blob;
mod together;
mod user_names;
mod write;

pub use annotations::{Annotation, AnnotationError, AnnotationLevel};
pub use browse::{
    BrowseError, FoundPath, ImageLayer, Images, NamedImage, OpenedImage, PathError, PathProblem,
    PlatformChoice, find_path, shown_name, shown_path,
};
pub use builder::{BuildRequest, Builder, Built, ForeignMetadata};
pub use compose::ComposedImage;
pub use context::{
    ContextSource, DockerfilePlace, DockerfileSource, FoundDockerfile, MAX_DOCKERFILE,
    OpenedContext,
};
pub use error::{BuildError, ErrorClass};
pub use event::{Event, Events, Work};
pub use look::{local_dockerfile, local_ignore_patterns};
pub use output::{Output, OutputError, OutputKind, OutputOptions, Target};
pub use prune::prune;
pub use pull::{PullRequest, Pulled, pull};
pub use push::push;

/// The types of other crates that a caller needs to fill a [`BuildRequest`].
pub use crossdock_image::{
    Descriptor, Digest, GitUrl, HttpUrl, ImageSource, Platform, PlatformError, Reference,
    RemoteSource, RemoteSourceError, format_rfc3339, split_image_path,
};
pub use crossdock_layer::{
    Codec, CollisionPolicy, Compression, LevelError, Limits, Loss, LossKind, Timestamp,
};
/// The client of registries, and what it is made with.
pub use crossdock_remote::{
    Credentials, Environment, Git, KeepError, Kept, Login, LoginError, Registry, RemoteConfig,
    Secret, erase_login, find_credentials, registry_host, store_login,
};
pub use crossdock_store::{
    OpenStoreError, Prunable, PruneError, PruneRequest, Pruned, RecordKind, Removed, Store,
};
