//! Archives that `ADD` unpacks: found among the files of a source, indexed, read.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Arc;

use crossdock_graph::Step;
use crossdock_image::DiffId;
use crossdock_layer::{
    ArchiveCompression, Content, Kind, LayerIndex, ScanError, Selected, TarErrorKind, Tree,
    scan_archive,
};

use crate::content::{FileFrom, Found, Spool};
use crate::error::BuildError;
use crate::perform::Performer;
use crate::sources::{Sources, find_layer};

/// An archive of `ADD` that is unpacked.
pub(crate) struct Archive {
    pub(crate) tree: Tree,
    pub(crate) diff_id: DiffId,
    file: ArchiveFile,
    /// The tar, for an archive that cannot be read where it is.
    spooled: Option<Arc<File>>,
}

/// Which file is an archive.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ArchiveFile {
    /// Of the context, by its number.
    Context(u64),
    /// Of a layer, by its place there.
    Layer(DiffId, u64),
}

impl ArchiveFile {
    fn of(tree: &Tree, selected: &Selected) -> Option<Self> {
        match tree.entry(selected.node)?.kind {
            Kind::File(Content::External { id, .. }) => Some(Self::Context(id)),
            Kind::File(Content::Layer(content)) => {
                Some(Self::Layer(content.layer, content.extent.offset))
            }
            _ => None,
        }
    }
}

impl Performer<'_> {
    /// Indexes a file if it is a tar, in any compression that docker knows.
    pub(crate) fn open_archive(
        &self,
        step: &Step,
        sources: &mut Sources,
        tree: &Tree,
        selected: &Selected,
    ) -> Result<(), BuildError> {
        let Some(file) = ArchiveFile::of(tree, selected) else {
            return Ok(());
        };
        let Some(Kind::File(content)) = tree.entry(selected.node).map(|entry| entry.kind) else {
            return Ok(());
        };
        if content.size() == 0 || sources.archives.iter().any(|archive| archive.file == file) {
            return Ok(());
        }
        let path = || String::from_utf8_lossy(&tree.path(selected.node)).into_owned();
        let failed = |source| BuildError::Content {
            location: Box::new(step.location.clone()),
            what: format!("reading {}", path()),
            source,
        };
        let reader = self.archive_reader(sources, &content)?;
        let reader = reader.map_err(failed)?;
        let mut spooled: Option<File> = None;
        let mut failure = None;
        let mut keep = |compression: ArchiveCompression, bytes: &[u8]| {
            let in_place = matches!(compression, ArchiveCompression::Layer(_))
                && matches!(file, ArchiveFile::Context(_));
            if in_place {
                return Ok(());
            }
            let spool = match &mut spooled {
                Some(spool) => spool,
                None => spooled.insert(self.store.spool()?),
            };
            spool.write_all(bytes)
        };
        let scan = scan_archive(reader, &self.request.limits, &mut |compression, bytes| {
            keep(compression, bytes).map_err(|error| {
                failure = Some(error);
                io::Error::other("the archive cannot be kept")
            })
        });
        if let Some(failure) = failure {
            return Err(failed(failure));
        }
        let invalid = |source: ScanError| BuildError::Archive {
            location: Box::new(step.location.clone()),
            path: path(),
            source: Box::new(source),
        };
        let Some(index) = unless_no_archive(scan).map_err(invalid)? else {
            return Ok(());
        };
        let diff_id = index.diff_id();
        let tree = Tree::unpacked(Arc::new(index)).map_err(|source| BuildError::Stack {
            image: path(),
            source: Box::new(source),
        })?;
        sources.archives.push(Archive {
            tree,
            diff_id,
            file,
            spooled: spooled.map(Arc::new),
        });
        Ok(())
    }

    /// Opens the file of an archive; what it is in may have to be downloaded.
    fn archive_reader(
        &self,
        sources: &Sources,
        content: &Content,
    ) -> Result<io::Result<Box<dyn Read>>, BuildError> {
        if let Content::External { id, .. } = content {
            let file = sources.context().and_then(|context| context.open(*id));
            return Ok(file.map(|file| file as Box<dyn Read>));
        }
        self.bring(&sources.layers, &[content])?;
        let find = |layer: &DiffId| find_layer(&sources.layers, layer);
        let spool = Spool::fill(std::iter::once(content), &find, self.store, self.threads);
        Ok(spool.and_then(|spool| match content {
            Content::Layer(content) => spool.open(content),
            _ => Err(io::Error::other("not a file of a layer")),
        }))
    }
}

impl Archive {
    /// Opens the archive for the content of its files.
    pub(crate) fn open(&self, sources: &Sources) -> io::Result<Found> {
        let reader: Box<dyn Read + Send> = match (&self.spooled, self.file) {
            (Some(file), _) => Box::new(FileFrom {
                file: Arc::clone(file),
                offset: 0,
            }),
            (None, ArchiveFile::Context(id)) => sources.context()?.open(id)?,
            (None, ArchiveFile::Layer(..)) => {
                return Err(io::Error::other("the archive was not kept"));
            }
        };
        Ok(Found::Archive(reader))
    }
}

impl Sources {
    /// The archive that a source names, if it is one.
    pub(crate) fn archive(&self, tree: &Tree, selected: &Selected) -> Option<&Archive> {
        if self.archives.is_empty() {
            return None;
        }
        let file = ArchiveFile::of(tree, selected)?;
        self.archives.iter().find(|archive| archive.file == file)
    }
}

/// The index of an archive; `None` for a file that docker copies as it is.
fn unless_no_archive(scan: Result<LayerIndex, ScanError>) -> Result<Option<LayerIndex>, ScanError> {
    match scan {
        Ok(index) => Ok(Some(index).filter(|index| !index.is_empty())),
        // Not a tar at all.
        Err(ScanError::Tar(error))
            if error.offset < 1024
                && error.path.is_empty()
                && matches!(
                    error.kind,
                    TarErrorKind::Checksum
                        | TarErrorKind::Truncated(_)
                        | TarErrorKind::LoneZeroBlock
                ) =>
        {
            Ok(None)
        }
        // A gzip file, say, of something else, or damaged.
        Err(ScanError::Read(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
