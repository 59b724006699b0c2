//! Order: images are resolved, operations performed, results assembled and written out.
//!
//! The only crate that decides when something happens, and the only meeting place of the others.
//! It prints nothing: what goes on is told by [`Event`]s.

mod alias;
mod annotations;
mod archive;
mod archive_file;
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
mod files;
mod layers;
mod load;
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
    Account, EntryAccess, EntryKind, EntryReader, Find, FindCount, FindError, FindExpression,
    FindTest, Finder, ListOptions, ListOrder, ListedEntry, Listing, ModeBits, Step, Walk,
};
pub use browse::{ArchiveReaders, SaveRequest, Saved, save};
pub use browse::{
    Audit, AuditLevel, AuditOptions, AuditRule, BlobKind, CheckedBlob, Finding, FindingGroup,
    RuleChoice, audit,
};
pub use browse::{
    BrowseError, DiskUsage, EntryStat, ExtendedAttribute, FileCapabilities, FoundPath,
    HistoryLayer, HistoryStep, ImageHistory, ImageLayer, ImageProblem, Images, InspectedImage,
    InspectedLayer, Inspection, LayerUsage, LayerWaste, LinkTarget, LossReason, LostFile,
    NameError, NamePattern, NamedImage, OpenedImage, PathChange, PathError, PathProblem, PathStat,
    PathStep, PlatformChoice, Removal, RemovalWay, RemovedNames, StoredImage, StoredManifest,
    Usage, UsageOptions, UsageRow, WslValue, disk_usage, find_path, layer_waste, remove_names,
    shown_name, shown_path, stored_images, tag_image,
};
pub use browse::{
    Change, ChangeKind, ConfigChange, Diff, DiffOptions, DiffPath, DiffSide, DiffTopic, DiffTotals,
    Field, FieldChange, FieldValue, NotCompared, diff_configs, diff_images, diff_layer,
};
pub use browse::{
    CopiedOut, CopyOut, CopyOutError, CopyOutOptions, CopySource, DestinationProblem, Placing,
};
pub use browse::{PathCandidate, complete_path, layout_tags, local_names};
pub use builder::{BuildRequest, Builder, Built, ForeignMetadata};
pub use compose::ComposedImage;
pub use context::{
    CheckoutError, ContextModes, ContextModesError, ContextSource, DockerfilePlace,
    DockerfileSource, FoundDockerfile, GitHash, GitIndex, GitIndexEntry, GitIndexError, GitKind,
    GitObjectId, MAX_DOCKERFILE, OpenedContext,
};
pub use error::{BuildError, ErrorClass};
pub use event::{Event, Events, Work};
pub use files::LeftOut;
pub use load::{LoadError, LoadRequest, Loaded, RootFileSystem, load};
pub use look::{local_dockerfile, local_ignore_patterns};
pub use output::{Output, OutputError, OutputKind, OutputOptions, Target};
pub use prune::prune;
pub use pull::{PullRequest, Pulled, pull};
pub use push::push;

pub use crossdock_dockerfile::BadPattern;
/// The types of other crates that a caller needs to fill a [`BuildRequest`].
pub use crossdock_image::{
    Config, Descriptor, Digest, Document, GitUrl, History, HttpUrl, ImageSource, Index, Manifest,
    Platform, PlatformError, Reference, RemoteSource, RemoteSourceError, format_rfc3339,
    parse_rfc3339, split_image_path,
};
/// The types of entries that an answer about an image holds.
pub use crossdock_layer::{
    Ace, Acl, Content, Entry, Kind, LayerFormat, ModeChange, Name, NodeId, NodeKind, Origin,
    PosixMetadata, ResolveErrorKind, SecurityDescriptor, Sid, Stream, Times, Tree, Win32Metadata,
    ace, attribute_names, control, decode_component,
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
