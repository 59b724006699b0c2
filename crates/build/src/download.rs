//! What a build takes from elsewhere: files by http and trees of git repositories, each once, kept
//! in the store until it has changed.
//!
//! A file becomes a tar of one entry, whose name and time mean nothing: the tree that is made of it
//! gives it those that it has there. So one blob serves every name and SOURCE_DATE_EPOCH.

mod file;
mod git;

use std::collections::HashMap;
use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use crossdock_graph::{self as graph, Download, Graph, Location, Operation, Step};
use crossdock_image::{
    Descriptor, GitUrl, HttpUrl, LayerCompression, RemoteSourceError, oci_layer_media_type,
};
use crossdock_layer::{EPOCH_1980, LayerFormat, Limits, ScanError, StackError, Timestamp, Tree};
use crossdock_remote::{FetchError, Fetcher, Git};
use crossdock_store::Store;

use crate::cache::{CacheEntry, CacheRecord, CachedLayer, CachedResult, Origin};
use crate::context::{ContextSource, Opened, OpenedContext, TarContext};
use crate::error::{BuildError, at};
use crate::event::{Event, Events, Vertices};
use crate::layers::{Layer, LayerIndexer, whole};
use crate::place::BlobPlace;
use crate::state::Layered;
use crate::tar_blob::KeepError;
use crate::together::together;

/// Files that are downloaded at once, at least.
const DOWNLOADS: usize = 3;

/// Fetches for one build.
pub(crate) struct Downloads<'a> {
    pub(crate) store: &'a Store,
    pub(crate) fetcher: Fetcher,
    pub(crate) git: &'a Git,
    pub(crate) events: Events<'a>,
    pub(crate) vertices: &'a Vertices,
    pub(crate) threads: usize,
    pub(crate) limits: Limits,
    /// What earlier builds have is not used.
    pub(crate) no_cache: bool,
    /// What this build has fetched, by the key that it is kept under. Who fetches it holds it.
    pub(crate) held: Mutex<HashMap<[u8; 32], Slot>>,
}

/// Something that one build fetches once.
type Slot = Arc<Mutex<Option<Held>>>;

/// Something that was fetched: a blob with its index, and where it is from.
#[derive(Clone)]
pub(crate) struct Held {
    layer: Arc<Layer>,
    origin: Origin,
}

/// Who asks, for messages.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    who: &'a str,
    stop: &'a AtomicBool,
}

impl Downloads<'_> {
    /// Fetches what `graph` adds from elsewhere, several things at a time.
    pub(crate) fn prepare(&self, graph: &Graph) -> Result<(), BuildError> {
        let remote = |step: &&Step| is_remote(&step.operation);
        let steps: Vec<&Step> = graph.steps().map(|(_, step)| step).filter(remote).collect();
        together(&steps, self.threads.max(DOWNLOADS), |step, stop| {
            let asked = Asked {
                who: &at(&step.location),
                stop,
            };
            match &step.operation {
                Operation::Download(download) => self.file_of(download, asked).map(drop),
                Operation::Git(git) => self.tree_of(git, asked).map(drop),
                _ => Ok(()),
            }
        })
    }

    /// The file of an `ADD`; without a time of its own it has `default_time`.
    pub(crate) fn download(
        &self,
        download: &Download,
        location: &Location,
        default_time: Timestamp,
    ) -> Result<Layered, BuildError> {
        let asked = Asked {
            who: &at(location),
            stop: &AtomicBool::new(false),
        };
        let held = self.file_of(download, asked)?;
        let time = held.time().unwrap_or(default_time);
        let tree = held.file_tree(&download.name, time);
        held.layered(tree)
    }

    /// The tree of an `ADD`.
    pub(crate) fn git(&self, git: &graph::Git, location: &Location) -> Result<Layered, BuildError> {
        let asked = Asked {
            who: &at(location),
            stop: &AtomicBool::new(false),
        };
        let held = self.tree_of(git, asked)?;
        held.layered(held.unpacked())
    }

    fn file_of(&self, download: &Download, asked: Asked<'_>) -> Result<Held, BuildError> {
        let url = download.url.parse();
        let url: HttpUrl = url.map_err(|source| asked.unreadable(source))?;
        self.file(&url, download.checksum, asked)
    }

    fn tree_of(&self, git: &graph::Git, asked: Asked<'_>) -> Result<Held, BuildError> {
        let url = git.url.parse();
        let url: GitUrl = url.map_err(|source| asked.unreadable(source))?;
        self.repository(&url, asked)
    }

    /// A context that was opened, or the same opened again if what it is in the store has gone.
    pub(crate) fn again(&self, context: &OpenedContext) -> Result<OpenedContext, BuildError> {
        match (&context.source, context.blob()) {
            (Some(source), Some(blob)) if !self.store.contains(blob) => self.context(source),
            _ => Ok(context.clone()),
        }
    }

    /// Opens a context.
    pub(crate) fn context(&self, source: &ContextSource) -> Result<OpenedContext, BuildError> {
        let stop = AtomicBool::new(false);
        let asked = Asked {
            who: "build context",
            stop: &stop,
        };
        let (name, held) = match source {
            ContextSource::Folder(path) => return Ok(OpenedContext::folder(path)),
            ContextSource::Url(url) => (url.to_string(), self.archive(url, asked)?),
            ContextSource::Git(url) => (url.to_string(), self.repository(url, asked)?),
        };
        let failed = |source| BuildError::ContextTree {
            context: name.clone(),
            source: Box::new(source),
        };
        let (tree, dockerfile) = match held.origin.is_archive {
            true => (held.unpacked().map_err(failed)?, None),
            false => {
                let default = Timestamp::from_seconds(EPOCH_1980);
                let time = held.time().unwrap_or(default);
                let tree = held.file_tree(file::NAME, time).map_err(failed)?;
                (tree, Some(name.clone()))
            }
        };
        let tar = TarContext::new(Arc::clone(&held.layer), tree);
        let dockerfile = match dockerfile {
            None => None,
            Some(name) => tar
                .dockerfile(file::NAME, self.store)?
                .map(|bytes| (name, bytes)),
        };
        Ok(OpenedContext {
            name,
            opened: Opened::Tar(tar),
            dockerfile,
            source: Some(source.clone()),
        })
    }

    /// What this build has under `key`, or fetches now.
    fn once(
        &self,
        key: [u8; 32],
        fetch: impl FnOnce() -> Result<Held, BuildError>,
    ) -> Result<Held, BuildError> {
        let slot = {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(held.entry(key).or_default())
        };
        // Whoever else wants it waits here.
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = &*slot
            && held.is_there(self.store)
        {
            return Ok(held.clone());
        }
        let held = fetch()?;
        *slot = Some(held.clone());
        Ok(held)
    }

    /// What the store has under `key`, whole.
    fn recall(&self, key: &[u8; 32], name: &str) -> Result<Option<Held>, BuildError> {
        if self.no_cache {
            return Ok(None);
        }
        let entry = whole(self.store.cache_get(key)?, self.events);
        let entry = CacheEntry::parse(&entry.unwrap_or_default());
        let Some(record) = entry.results().first().map(|result| &result.record) else {
            return Ok(None);
        };
        let (Some(cached), Some(origin)) = (&record.layer, &record.origin) else {
            return Ok(None);
        };
        match self.store.blob_size(&cached.blob) {
            Some(size) if size == cached.size => {}
            Some(_) => {
                self.store.report_damaged_blob(&cached.blob);
                return Ok(None);
            }
            None => return Ok(None),
        }
        let media_type = oci_layer_media_type(LayerCompression::None);
        let descriptor = Descriptor::new(media_type, cached.blob, cached.size);
        let place = BlobPlace::Store(self.store.clone());
        let layer = Layer::new(descriptor, cached.diff_id, place, name.to_owned());
        let layer = Arc::new(layer);
        let indexer = LayerIndexer {
            store: self.store,
            limits: self.limits,
            threads: self.threads,
            events: self.events,
            vertices: self.vertices,
        };
        match indexer.ensure(std::slice::from_ref(&layer)) {
            Ok(()) => Ok(Some(Held {
                layer,
                origin: origin.clone(),
            })),
            // It was damaged, and has been put aside.
            Err(error) if !self.store.contains(&cached.blob) => {
                let text = format!("store: {error}; it is downloaded again");
                (self.events)(Event::Warning { text });
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Keeps a result for later builds, in place of an earlier one.
    fn keep(&self, key: &[u8; 32], held: &Held) -> Result<(), BuildError> {
        let descriptor = &held.layer.descriptor;
        let record = CacheRecord {
            layer: Some(CachedLayer {
                diff_id: held.layer.diff_id,
                blob: descriptor.digest,
                size: descriptor.size,
            }),
            losses: Vec::new(),
            hidden: 0,
            warnings: Vec::new(),
            newest: None,
            origin: Some(held.origin.clone()),
        };
        let entry = CacheEntry::default().with(CachedResult::of_key(record));
        Ok(self.store.cache_put(key, &entry.to_bytes())?)
    }
}

impl Asked<'_> {
    /// An address that cannot be read, though the frontend could.
    fn unreadable(self, source: RemoteSourceError) -> BuildError {
        BuildError::Address {
            asked: self.who.to_owned(),
            source,
        }
    }
}

impl Held {
    fn is_there(&self, store: &Store) -> bool {
        let descriptor = &self.layer.descriptor;
        store.blob_size(&descriptor.digest) == Some(descriptor.size)
    }

    /// The time of the file, if the server told one.
    fn time(&self) -> Option<Timestamp> {
        self.origin.modified.map(Timestamp::from_seconds)
    }

    /// The tree of an archive.
    fn unpacked(&self) -> Result<Tree, StackError> {
        match self.layer.index() {
            Some(index) => Tree::unpacked(Arc::clone(index)),
            None => Ok(Tree::empty(LayerFormat::Linux)),
        }
    }

    fn layered(&self, tree: Result<Tree, StackError>) -> Result<Layered, BuildError> {
        let name = self.layer.image.clone();
        let layers = vec![Arc::clone(&self.layer)];
        match tree {
            Ok(tree) => Ok(Layered::files(layers, name, tree)),
            Err(source) => Err(BuildError::Stack {
                image: name,
                source: Box::new(source),
            }),
        }
    }
}

/// Whether an operation takes from elsewhere.
pub(crate) fn is_remote(operation: &Operation) -> bool {
    matches!(operation, Operation::Download(_) | Operation::Git(_))
}

/// A file that cannot be fetched or kept: the network's error, if it is one.
fn fetch_error(asked: Asked<'_>, url: &HttpUrl, error: io::Error) -> BuildError {
    match error.downcast::<FetchError>() {
        Ok(source) => BuildError::Fetch {
            asked: asked.who.to_owned(),
            source: Box::new(source),
        },
        Err(source) => BuildError::KeepFetched {
            asked: asked.who.to_owned(),
            url: url.to_string(),
            source,
        },
    }
}

/// A tar that cannot be kept.
fn keep_error(asked: Asked<'_>, url: &HttpUrl, error: KeepError) -> BuildError {
    match error {
        KeepError::Scan(ScanError::Read(error))
            if error
                .get_ref()
                .is_some_and(|inner| inner.is::<FetchError>()) =>
        {
            fetch_error(asked, url, error)
        }
        KeepError::Scan(source) => BuildError::ContextTar {
            context: url.to_string(),
            source: Box::new(source),
        },
        KeepError::Ingest(error) => error.into(),
        KeepError::Record(error) => error.into(),
    }
}
