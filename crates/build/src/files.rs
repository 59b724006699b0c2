//! The files of images, merged from their layers, on their way out: into a folder or a tar.

mod folder;
mod ntfs;
mod tarball;

use std::collections::HashSet;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use crossdock_host::{HostNames, folder_names};
use crossdock_image::DiffId;
use crossdock_layer::{
    CollisionPolicy, Content, CopyOptions, EditError, Gathered, LayerEdit, LayerFormat, LayerPlan,
    Loss, LossKind, PlannedEntry, TarKind, Timestamp,
};
use crossdock_store::Store;

pub use self::folder::LeftOut;
use crate::builder::ForeignMetadata;
use crate::content::Spool;
use crate::layers::Layer;
use crate::sources::find_layer;

/// Bytes of files that are brought out of layers at once. What layers hold in the order of their
/// paths is so read about once, and little of it lies in a temporary file at a time.
const BATCH: u64 = 256 << 20;

/// Files of images.
pub(crate) struct Files {
    /// Which system's names and records they have, and whether a folder keeps all of them.
    pub(crate) form: FolderForm,
    /// What is written, in its order.
    pub(crate) plan: LayerPlan,
    /// Layers of the images.
    pub(crate) layers: Vec<Arc<Layer>>,
}

/// How files leave their image.
pub(crate) struct Leaving {
    /// The system that receives them.
    pub(crate) format: LayerFormat,
    /// Whether they take along what that system cannot express.
    pub(crate) carry: bool,
    /// What becomes of names that differ in case.
    pub(crate) collision: CollisionPolicy,
    /// Times are at most this.
    pub(crate) clamp: Option<Timestamp>,
    /// The time of directories that no layer states.
    pub(crate) default_time: Timestamp,
}

/// What a folder can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FolderForm {
    /// Whose names and records files have there.
    pub(crate) format: LayerFormat,
    /// Whether they take along what the folder has no place for.
    pub(crate) keep: bool,
}

impl FolderForm {
    /// That of the folder `path`, or of the one in which it will be made. Only NTFS has room for what
    /// the other system knows of a file.
    pub(crate) fn of(path: &Path, foreign: ForeignMetadata) -> Self {
        match folder_names(path) {
            HostNames::Windows => Self {
                format: LayerFormat::Windows,
                keep: foreign == ForeignMetadata::Keep,
            },
            HostNames::Posix => Self {
                format: LayerFormat::Linux,
                keep: false,
            },
        }
    }

    /// Whether a plan for it carries metadata of the other system. Windows' form needs to know whose
    /// a file is, also where that is not kept.
    pub(crate) fn carries(self) -> bool {
        self.format == LayerFormat::Windows
    }

    /// What of `losses` is lost in it.
    pub(crate) fn losses(self, losses: Vec<Loss>) -> Vec<Loss> {
        let is_lost = |loss: &Loss| self.keep || loss.kind != LossKind::Oversized;
        losses.into_iter().filter(is_lost).collect()
    }
}

impl Leaving {
    /// Everything that was gathered, as the receiving system has it.
    pub(crate) fn plan(&self, gathered: &Gathered<'_>) -> Result<LayerPlan, EditError> {
        let mut edit = LayerEdit::independent(self.format, self.default_time);
        if !self.carry {
            edit.drop_foreign();
        }
        let options = CopyOptions {
            owner: None,
            mode: None,
            collision: self.collision,
            clamp: self.clamp,
            default_time: self.default_time,
        };
        edit.copy(gathered, b"/", &options)?;
        let mut plan = edit.finish();
        if self.format == LayerFormat::Windows {
            plan.entries.retain_mut(strip_files);
        }
        Ok(plan)
    }
}

impl Files {
    /// No files yet.
    pub(crate) fn new(form: FolderForm) -> Self {
        Self {
            form,
            plan: LayerPlan {
                entries: Vec::new(),
                losses: Vec::new(),
                notes: Vec::new(),
                hidden: 0,
                questions: Vec::new(),
            },
            layers: Vec::new(),
        }
    }

    /// The layers that hold content of the files.
    pub(crate) fn wanted_layers(&self) -> Vec<Arc<Layer>> {
        let wanted: HashSet<DiffId> = contents(&self.plan.entries)
            .filter_map(|content| match content {
                Content::Layer(content) => Some(content.layer),
                Content::Inline(_) | Content::External { .. } => None,
            })
            .collect();
        let layers = self.layers.iter();
        let layers = layers.filter(|layer| wanted.contains(&layer.diff_id));
        layers.cloned().collect()
    }

    /// Bytes of all content.
    pub(crate) fn size(&self) -> u64 {
        contents(&self.plan.entries).map(Content::size).sum()
    }

    /// Opens the contents of the files, each in the order of the entries.
    pub(crate) fn opener<'f>(&'f self, store: &'f Store, threads: usize) -> Opener<'f> {
        Opener {
            contents: contents(&self.plan.entries).collect(),
            next: 0,
            brought: 0,
            spool: None,
            layers: &self.layers,
            store,
            threads,
        }
    }
}

/// Opens contents one after the other, bringing many out of their layers at once.
pub(crate) struct Opener<'f> {
    contents: Vec<&'f Content>,
    /// The content that is opened next.
    next: usize,
    /// The first that is not brought out.
    brought: usize,
    spool: Option<Spool>,
    layers: &'f [Arc<Layer>],
    store: &'f Store,
    threads: usize,
}

impl Opener<'_> {
    /// Opens the next content, which is `content`.
    pub(crate) fn open(&mut self, content: &Content) -> io::Result<Box<dyn Read>> {
        if self.next == self.brought {
            self.bring()?;
        }
        self.next += 1;
        match (content, &self.spool) {
            (Content::Inline(bytes), _) => Ok(Box::new(Cursor::new(Arc::clone(bytes)))),
            (Content::Layer(content), Some(spool)) => spool.open(content),
            _ => Err(io::Error::other("the content is not in a layer")),
        }
    }

    fn bring(&mut self) -> io::Result<()> {
        // What was brought out before makes room first.
        self.spool = None;
        let mut size = 0;
        let rest = &self.contents[self.next..];
        let more = rest.iter().take_while(|content| {
            let before = size;
            size += content.size();
            before == 0 || size <= BATCH
        });
        let batch: Vec<&Content> = more.copied().collect();
        self.brought = self.next + batch.len();
        let find = |layer: &DiffId| find_layer(self.layers, layer);
        let spool = Spool::fill(batch.into_iter(), &find, self.store, self.threads)?;
        self.spool = Some(spool);
        Ok(())
    }
}

/// The contents in the order in which they are written.
fn contents(entries: &[PlannedEntry]) -> impl Iterator<Item = &Content> {
    entries.iter().flat_map(|entry| {
        let streams = entry.streams.iter().map(|stream| &stream.content);
        streams.chain(&entry.content)
    })
}

/// Where in the path of an entry for Windows the name of a stream begins, with its colon: no stored
/// name has one. `None` for all else.
pub(crate) fn stream_at(path: &[u8], format: LayerFormat) -> Option<usize> {
    match format {
        LayerFormat::Windows => path.iter().position(|byte| *byte == b':'),
        LayerFormat::Linux => None,
    }
}

/// Takes `Files/` off, below which a layer of Windows has its files; false for what is not there.
fn strip_files(entry: &mut PlannedEntry) -> bool {
    const FILES: &[u8] = b"Files/";
    let header = &mut entry.header;
    if header.kind == TarKind::HardLink && header.link.starts_with(FILES) {
        header.link.drain(..FILES.len());
    }
    let is_below = header.path.starts_with(FILES) && header.path.len() > FILES.len();
    if is_below {
        header.path.drain(..FILES.len());
    }
    is_below
}
