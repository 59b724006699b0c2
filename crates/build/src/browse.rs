//! Looking into images: what is named is opened, and answers are plain data for whoever shows them.

mod audit;
mod copy_out;
mod diff;
mod du;
mod entries;
mod error;
mod file_pattern;
mod find;
mod history;
mod images;
mod inspect;
mod layer_history;
#[cfg(test)]
mod layer_text;
mod list;
mod local;
mod names;
mod path;
mod save;
mod stat;
mod walk;
mod waste;

use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use crossdock_image::{
    Config, Descriptor, DiffId, Document, History, ImageSource, Manifest, Platform, SelectError,
};
use crossdock_layer::{Content, Kind, LayerFormat, LayerIndex, Limits, Tree};
use crossdock_remote::Registry;
use crossdock_store::Store;

pub use self::audit::{
    Audit, AuditLevel, AuditOptions, AuditRule, BlobKind, CheckedBlob, Finding, FindingGroup,
    RuleChoice, audit,
};
pub use self::copy_out::{
    CopiedOut, CopyOut, CopyOutError, CopyOutOptions, CopySource, DestinationProblem, Placing,
};
pub use self::diff::{
    Change, ChangeKind, ConfigChange, Diff, DiffOptions, DiffPath, DiffSide, DiffTopic, DiffTotals,
    Field, FieldChange, FieldValue, NotCompared, diff_configs, diff_images, diff_layer,
};
pub use self::du::{DiskUsage, Usage, UsageOptions, UsageRow, disk_usage};
pub use self::entries::{Account, EntryAccess, EntryKind, EntryReader, ListedEntry};
pub use self::error::{BrowseError, PathError, PathProblem};
pub use self::find::{Find, FindCount, FindError, FindExpression, FindTest, Finder, ModeBits};
pub use self::history::{HistoryLayer, HistoryStep, ImageHistory};
pub use self::images::{ImageProblem, NamePattern, StoredImage, StoredManifest, stored_images};
pub use self::inspect::{InspectedImage, InspectedLayer, Inspection};
pub use self::layer_history::{PathChange, PathStep, Removal, RemovalWay};
pub use self::list::{ListOptions, ListOrder, Listing};
pub use self::local::{PathCandidate, complete_path, layout_tags, local_names};
pub use self::names::{NameError, RemovedNames, remove_names, tag_image};
use self::names::{by_digest, first_names, named};
pub use self::path::{FoundPath, find_path, shown_name, shown_path};
pub use self::save::{ArchiveReaders, SaveRequest, Saved, save};
pub use self::stat::{
    EntryStat, ExtendedAttribute, FileCapabilities, LinkTarget, PathStat, WslValue,
};
pub use self::walk::{Step, Walk};
pub use self::waste::{LayerUsage, LayerWaste, LossReason, LostFile, layer_waste};
use crate::base::{Found, ImageFinder, store_name};
use crate::content::{Spool, open_content, read_start};
use crate::error::BuildError;
use crate::event::{Event, Events, Vertices};
use crate::layers::{Layer, LayerIndexer};
use crate::place::BlobPlace;
use crate::sources::find_layer;

/// Content of at most so many bytes is verified before a byte of it is given.
const WHOLE: u64 = 16 << 20;

/// Which image of an index is meant.
#[derive(Debug, Clone)]
pub struct PlatformChoice {
    /// What the user asked for.
    pub wanted: Option<Platform>,
    /// What is taken of several if nothing was asked for.
    pub default: Platform,
}

impl PlatformChoice {
    /// The platform by which one of several is chosen.
    fn platform(&self) -> &Platform {
        self.wanted.as_ref().unwrap_or(&self.default)
    }
}

/// Opens images to look into them.
pub struct Images<'a> {
    store: &'a Store,
    registry: &'a Registry,
    threads: usize,
    limits: Limits,
    events: Events<'a>,
    vertices: Vertices,
    pull: bool,
}

/// What a name means: a manifest or an index.
#[derive(Debug)]
pub struct NamedImage {
    /// The name as messages show it.
    pub name: String,
    /// The manifest or index.
    pub descriptor: Descriptor,
    found: Found,
}

/// An image of which the manifest and the config were read.
pub struct OpenedImage<'i> {
    images: &'i Images<'i>,
    named: NamedImage,
    descriptor: Descriptor,
    manifest: Manifest,
    config: Config,
    format: Option<LayerFormat>,
    layers: Vec<Arc<Layer>>,
    tree: OnceLock<Arc<Tree>>,
}

/// A layer of an image, and what the history says of it.
#[derive(Debug, Clone, Copy)]
pub struct ImageLayer<'i> {
    /// Its blob.
    pub descriptor: &'i Descriptor,
    /// The digest of its content.
    pub diff_id: &'i DiffId,
    /// The record of the history that belongs to it, if the history has one for each layer.
    pub history: Option<&'i History>,
}

impl<'a> Images<'a> {
    /// Images of `store`, of registries, and of files. What is read from a registry is kept in the
    /// store; `threads` layers are read at once.
    pub fn new(
        store: &'a Store,
        registry: &'a Registry,
        threads: usize,
        limits: Limits,
        events: Events<'a>,
    ) -> Self {
        Self {
            store,
            registry,
            threads,
            limits,
            events,
            vertices: Vertices::default(),
            pull: false,
        }
    }

    /// Registries are asked even for names that the store has.
    pub fn always_pull(mut self, pull: bool) -> Self {
        self.pull = pull;
        self
    }

    /// Finds what `source` means. A name is looked for in the store and then in its registry; a
    /// digest, or at least four digits of one, may be that of an image in the store.
    pub fn find(
        &self,
        source: &ImageSource,
        choice: &PlatformChoice,
    ) -> Result<NamedImage, BrowseError> {
        let found = self.found(source, choice)?;
        Ok(NamedImage {
            name: found.image.clone(),
            descriptor: found.descriptor.clone(),
            found,
        })
    }

    /// Opens the image that `source` means.
    pub fn open(
        &self,
        source: &ImageSource,
        choice: &PlatformChoice,
    ) -> Result<OpenedImage<'_>, BrowseError> {
        self.choose(self.find(source, choice)?, choice)
    }

    /// Opens one image of what was found.
    pub fn choose(
        &self,
        named: NamedImage,
        choice: &PlatformChoice,
    ) -> Result<OpenedImage<'_>, BrowseError> {
        let found = &named.found;
        let (manifest, chosen) = found
            .manifest(choice.platform())
            .map_err(BrowseError::from_choice)?;
        let image = found.image(&manifest)?;
        if choice.wanted.is_some() && !chosen.fits {
            return Err(BrowseError::Platform {
                image: named.name,
                source: Box::new(SelectError {
                    wanted: Box::new(choice.platform().clone()),
                    available: vec![image.platform],
                }),
            });
        }
        Ok(OpenedImage {
            images: self,
            descriptor: chosen.descriptor,
            manifest,
            format: LayerFormat::of_os(&image.config.os),
            config: image.config,
            layers: image.layers,
            named,
            tree: OnceLock::new(),
        })
    }

    fn found(&self, source: &ImageSource, choice: &PlatformChoice) -> Result<Found, BrowseError> {
        let finder = ImageFinder {
            store: self.store,
            registry: self.registry,
            directory: Path::new(""),
            pull: self.pull,
            limits: self.limits,
            events: self.events,
            vertices: &self.vertices,
        };
        let Some(reference) = source.reference() else {
            return Ok(finder.in_file(source, choice.platform())?);
        };
        if let Some(found) = self.by_digest(source)? {
            return Ok(found);
        }
        let reference = reference.map_err(BuildError::Reference)?;
        let mut other = None;
        if !self.pull
            && let Some(descriptor) = self
                .store
                .resolve(&store_name(&reference))
                .map_err(BuildError::from)?
        {
            let found = finder.stored(&reference, descriptor);
            // Of an index, `pull` may have brought one platform only, and the registry has others.
            let is_meant = match &choice.wanted {
                None => true,
                Some(wanted) => found.manifest(wanted).is_ok_and(|(_, chosen)| chosen.fits),
            };
            if is_meant {
                return Ok(found);
            }
            other = Some(found);
        }
        finder
            .in_registry(&reference)
            .map_err(|source| match self.pull {
                true => source.into(),
                false => BrowseError::Absent {
                    image: reference.familiar(),
                    stored: other.map(|found| platforms_of(&found)),
                    source: Box::new(source),
                },
            })
    }

    /// The image in the store whose manifest or index has a digest that begins as `source` says.
    fn by_digest(&self, source: &ImageSource) -> Result<Option<Found>, BrowseError> {
        let ImageSource::Registry(text) = source else {
            return Ok(None);
        };
        let tags = self.store.tags().map_err(BuildError::from)?;
        // A name is a name first.
        if named(&tags, text).is_some() {
            return Ok(None);
        }
        match &by_digest(self.store, &tags, text)[..] {
            [] => Ok(None),
            [meant] => Ok(Some(Found {
                descriptor: meant.descriptor.clone(),
                place: BlobPlace::Store(self.store.clone()),
                image: text.clone(),
            })),
            all => Err(BrowseError::Ambiguous {
                text: text.clone(),
                names: first_names(all),
            }),
        }
    }

    fn indexer(&self) -> LayerIndexer<'_> {
        LayerIndexer {
            store: self.store,
            limits: self.limits,
            threads: self.threads,
            events: self.events,
            vertices: &self.vertices,
        }
    }
}

impl NamedImage {
    /// The manifest or index with its bytes.
    pub fn document(&self) -> Result<Document, BrowseError> {
        self.document_of(&self.descriptor)
    }

    /// A manifest or index that an index of this image names.
    pub fn document_of(&self, descriptor: &Descriptor) -> Result<Document, BrowseError> {
        Ok(self.found.place.document(&self.name, descriptor)?)
    }

    /// The config that a manifest of this image names.
    pub fn config_of(&self, manifest: &Manifest) -> Result<Config, BrowseError> {
        Ok(self.found.place.config(&self.name, manifest.config())?)
    }
}

impl OpenedImage<'_> {
    /// The name as messages show it.
    pub fn name(&self) -> &str {
        &self.named.name
    }

    /// What the name means: an index, or the manifest itself.
    pub fn named(&self) -> &NamedImage {
        &self.named
    }

    /// The manifest's descriptor; in an index it says the platform.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The config.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What the config says that the image is for.
    pub fn platform(&self) -> Platform {
        self.config.platform()
    }

    /// Which rules its layers follow.
    pub fn format(&self) -> Result<LayerFormat, BrowseError> {
        self.format.ok_or_else(|| BrowseError::System {
            image: self.named.name.clone(),
            os: self.config.os.clone(),
        })
    }

    /// The layers, lowest first.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = ImageLayer<'_>> {
        let history = &self.config.history;
        let of_layers: Vec<&History> = history.iter().filter(|h| !h.empty_layer).collect();
        let fits = of_layers.len() == self.layers.len();
        self.layers
            .iter()
            .enumerate()
            .map(move |(place, layer)| ImageLayer {
                descriptor: &layer.descriptor,
                diff_id: &layer.diff_id,
                history: fits.then(|| of_layers[place]),
            })
    }

    /// The indexes of the layers, lowest first. Layers that were never read are read now, and
    /// never again.
    pub fn indexes(&self) -> Result<Vec<Arc<LayerIndex>>, BrowseError> {
        self.images.indexer().ensure(&self.layers)?;
        let indexes = self
            .layers
            .iter()
            .filter_map(|layer| layer.index().cloned());
        Ok(indexes.collect())
    }

    /// The file system: the layers stacked.
    pub fn tree(&self) -> Result<Arc<Tree>, BrowseError> {
        if let Some(tree) = self.tree.get() {
            return Ok(Arc::clone(tree));
        }
        let format = self.format()?;
        let tree = Tree::stack(format, self.indexes()?).map_err(|source| BuildError::Stack {
            image: self.named.name.clone(),
            source: Box::new(source),
        })?;
        Ok(Arc::clone(self.tree.get_or_init(|| Arc::new(tree))))
    }

    /// Stacks the layers and watches which of their files are lost.
    pub fn waste(&self) -> Result<LayerWaste, BrowseError> {
        let waste = layer_waste(self.format()?, self.indexes()?);
        Ok(waste.map_err(|source| BuildError::Stack {
            image: self.named.name.clone(),
            source: Box::new(source),
        })?)
    }

    /// Finds a path in the file system, as [`find_path`] does.
    pub fn path(&self, path: &[u8], follow: bool) -> Result<FoundPath, BrowseError> {
        find_path(&*self.tree()?, path, follow).map_err(|source| self.path_error(source))
    }

    /// The content of the file that a path leads to, through links.
    pub fn file(&self, path: &[u8]) -> Result<Content, BrowseError> {
        let node = self.path(path, true)?.node;
        let entry = self.tree()?.entry(node);
        let noun = entry
            .as_ref()
            .map_or("directory", |entry| entry.kind.noun());
        match entry.map(|entry| entry.kind) {
            Some(Kind::File(content)) => Ok(content),
            _ => Err(self.path_error(PathError {
                path: String::from_utf8_lossy(path).into_owned(),
                problem: PathProblem::NotAFile(noun),
            })),
        }
    }

    fn path_error(&self, source: PathError) -> BrowseError {
        BrowseError::Path {
            image: self.named.name.clone(),
            source,
        }
    }

    /// Opens the content of one file of the tree. What is small is checked before the first byte
    /// comes, everything before the end does.
    pub fn content(&self, content: &Content) -> io::Result<Box<dyn Read>> {
        self.bring_layer_of(content)?;
        let find = |layer: &DiffId| find_layer(&self.layers, layer);
        match content {
            Content::Inline(bytes) => Ok(Box::new(io::Cursor::new(bytes.clone()))),
            Content::Layer(layer) if layer.extent.length <= WHOLE => {
                let spool = Spool::fill(
                    std::iter::once(content),
                    &find,
                    self.images.store,
                    self.images.threads,
                )?;
                let mut bytes = Vec::new();
                spool.open(layer)?.take(WHOLE).read_to_end(&mut bytes)?;
                // A sparse file may be longer than what is stored of it.
                match bytes.len() as u64 == layer.size {
                    true => Ok(Box::new(io::Cursor::new(bytes))),
                    false => spool.open(layer),
                }
            }
            Content::Layer(layer) => open_content(layer, &find, self.images.store),
            Content::External { .. } => Err(io::Error::other("the file is in no image")),
        }
    }

    /// Reads at most `limit` bytes from a file's beginning. They are not verified: they may tell
    /// a person or a check something, and go nowhere else.
    pub fn content_start(&self, content: &Content, limit: u64) -> io::Result<Vec<u8>> {
        self.bring_layer_of(content)?;
        let find = |layer: &DiffId| find_layer(&self.layers, layer);
        match content {
            Content::Inline(bytes) => Ok(bytes[..bytes.len().min(limit as usize)].to_vec()),
            Content::Layer(layer) => read_start(layer, limit, &find, self.images.store),
            Content::External { .. } => Err(io::Error::other("the file is in no image")),
        }
    }

    /// Makes sure that the blob is here which holds `content`: its index may have come with another
    /// image that has the layer too, and what is downloaded for one file is kept for the next.
    fn bring_layer_of(&self, content: &Content) -> io::Result<()> {
        let Content::Layer(content) = content else {
            return Ok(());
        };
        let holds = |layer: &&Arc<Layer>| layer.diff_id == content.layer;
        let Some(layer) = self.layers.iter().find(holds) else {
            return Ok(());
        };
        let stored = self
            .images
            .indexer()
            .ensure_stored(std::slice::from_ref(layer));
        stored.map_err(io::Error::other)
    }

    /// Makes sure that the blobs of all layers are here, and not only their indexes.
    pub fn bring_layers(&self) -> Result<(), BrowseError> {
        Ok(self.images.indexer().ensure_stored(&self.layers)?)
    }

    /// Tells the user something.
    pub fn warn(&self, text: String) {
        (self.images.events)(Event::Warning { text });
    }
}

#[cfg(test)]
mod sample;
/// What an index or a manifest says that its images are for.
fn platforms_of(found: &Found) -> Vec<Platform> {
    let named = NamedImage {
        name: found.image.clone(),
        descriptor: found.descriptor.clone(),
        found: found.clone(),
    };
    let stated = match named.document() {
        Ok(Document::Manifest(manifest)) => named
            .config_of(&manifest)
            .map(|config| vec![config.platform()]),
        _ => named.platforms(),
    };
    // It helps a message, which stands without it too.
    stated.unwrap_or_default()
}

#[cfg(test)]
mod tests;
