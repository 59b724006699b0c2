//! Files and trees of images on their way to the host.

mod destination;

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use crossdock_host::{FolderError, FolderWriter};
use crossdock_layer::{
    CollisionPolicy, EPOCH_1980, EditError, Gathered, GatheredEntry, LayerFormat, Loss,
    PlannedEntry, Selected, Stream, TarKind, Timestamp, Tree,
};

pub use self::destination::{DestinationProblem, Placing};
use super::error::BrowseError;
use super::path::{find_path, shown_path};
use super::{Images, OpenedImage};
use crate::builder::ForeignMetadata;
use crate::error::{BuildError, ErrorClass, class_of_content};
use crate::event::{Meter, Work};
use crate::files::{Files, FolderForm, Leaving, LeftOut, Opener};
use crate::output::OutputError;
use crate::perform::group_notes;

/// What is copied: a path in an image. One that ends with a separator follows a link; one that ends
/// with `/.` means what is in the directory.
#[derive(Clone, Copy)]
pub struct CopySource<'i> {
    /// The image.
    pub image: &'i OpenedImage<'i>,
    /// The path, as [`find_path`] reads it.
    pub path: &'i str,
}

/// How files leave images.
#[derive(Debug, Clone, Copy, Default)]
pub struct CopyOutOptions {
    /// A source that is a link means what it leads to. Links below a source stay links.
    pub follow: bool,
    /// Which of several names is kept that differ in case, where the host cannot hold them.
    pub collision: CollisionPolicy,
}

/// Files that were chosen, ready to be written. See [`Images::copy_to_folder`] and
/// [`Images::copy_to_tar`].
pub struct CopyOut<'i> {
    images: &'i Images<'i>,
    files: Files,
    /// Streams that the folder cannot hold, by their names in the images.
    streams: Vec<String>,
    notes: Vec<String>,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedOut {
    /// Number of files, directories and all else.
    pub entries: u64,
    /// Bytes of their content.
    pub bytes: u64,
    /// What the folder could not keep.
    pub left_out: Vec<LeftOut>,
}

/// Why files cannot be copied to the host.
#[derive(Debug, thiserror::Error)]
pub enum CopyOutError {
    /// The source cannot be looked into.
    #[error(transparent)]
    Browse(#[from] BrowseError),
    /// The place on the host does not fit what is copied.
    #[error("{place}: {problem}")]
    Destination {
        /// The place.
        place: String,
        /// Why.
        problem: DestinationProblem,
    },
    /// Files that the receiving system cannot hold, or that exclude each other.
    #[error("{images}: {source}")]
    Files {
        /// Names of the images.
        images: String,
        /// Why.
        source: Box<EditError>,
    },
    /// Something cannot be read or written.
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl From<BuildError> for CopyOutError {
    fn from(error: BuildError) -> Self {
        match error {
            BuildError::Output(error) => Self::Output(error),
            error => Self::Browse(error.into()),
        }
    }
}

impl CopyOutError {
    /// The kind of failure.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Browse(error) => error.class(),
            Self::Destination { problem, .. } => match problem {
                DestinationProblem::Unreadable(_) => ErrorClass::System,
                _ => ErrorClass::Input,
            },
            Self::Files { .. } => ErrorClass::Input,
            Self::Output(error) => match error {
                OutputError::Content { source, .. } => class_of_content(source),
                OutputError::Tar { source } => class_of_content(&source.source),
                // What is there is the user's, and so is the choice of another place.
                OutputError::Folder(FolderError::Write { source, .. })
                    if source.kind() == io::ErrorKind::AlreadyExists =>
                {
                    ErrorClass::Input
                }
                OutputError::Folder(FolderError::Open { .. } | FolderError::Write { .. }) => {
                    ErrorClass::System
                }
                _ => ErrorClass::Input,
            },
        }
    }

    /// Whoever read the tar went away.
    pub fn is_broken_pipe(&self) -> bool {
        match self {
            Self::Output(OutputError::Tar { source }) => {
                source.source.kind() == io::ErrorKind::BrokenPipe
            }
            _ => false,
        }
    }
}

/// A source that was found.
struct Found {
    tree: Arc<Tree>,
    selected: Selected,
    /// What is in the directory is meant, and not the directory.
    contents: bool,
}

impl Found {
    fn of(source: &CopySource<'_>, follow: bool) -> Result<Self, CopyOutError> {
        let tree = source.image.tree()?;
        let format = tree.format();
        let is_separator =
            |byte: &u8| *byte == b'/' || format == LayerFormat::Windows && *byte == b'\\';
        let mut path = source.path.as_bytes();
        let mut contents = false;
        // `DIR/.` is DIR/, and only what is in it.
        if let Some((b'.', before)) = path.split_last()
            && before.last().is_none_or(is_separator)
        {
            (path, contents) = (before, true);
        }
        let failed = |error| source.image.path_error(error);
        let node = find_path(&tree, path, follow).map_err(failed)?.node;
        let bare = path.iter().rposition(|byte| !is_separator(byte));
        let bare = &path[..bare.map_or(0, |last| last + 1)];
        let named = find_path(&tree, bare, false).map_err(failed)?.node;
        contents |= named == tree.root();
        Ok(Self {
            tree,
            selected: Selected { node, named },
            contents,
        })
    }

    fn is_directory(&self) -> bool {
        self.tree.is_directory(self.selected.node)
    }
}

impl<'a> Images<'a> {
    /// Chooses what is copied into a tar of Linux. Entries begin with the name of their source.
    /// Nothing of several images may exclude each other.
    pub fn copy_to_tar<'i>(
        &'i self,
        sources: &[CopySource<'_>],
        foreign: ForeignMetadata,
        options: &CopyOutOptions,
    ) -> Result<CopyOut<'i>, CopyOutError> {
        let carry = foreign == ForeignMetadata::Keep;
        let found = find(sources, options)?;
        let form = FolderForm {
            format: LayerFormat::Linux,
            keep: carry,
        };
        self.plan(sources, &found, form, carry, options)
    }

    /// Chooses what is copied to `destination`, and says how it will lie there, by the rules of
    /// `docker cp`. Folders on NTFS keep `foreign` metadata, others have no room for it.
    pub fn copy_to_folder<'i>(
        &'i self,
        sources: &[CopySource<'_>],
        destination: &Path,
        foreign: ForeignMetadata,
        options: &CopyOutOptions,
    ) -> Result<(CopyOut<'i>, Placing), CopyOutError> {
        let found = find(sources, options)?;
        let placing = Placing::find(destination, &found).map_err(|problem| {
            let place = destination.display().to_string();
            CopyOutError::Destination { place, problem }
        })?;
        let mut found = found;
        if placing.name().is_some() {
            // The directory becomes DESTINATION itself, with its metadata.
            found.iter_mut().for_each(|source| source.contents = false);
        }
        let form = FolderForm::of(placing.folder(), foreign);
        let mut copy = self.plan(sources, &found, form, form.carries(), options)?;
        if let Some(name) = placing.name() {
            for entry in &mut copy.files.plan.entries {
                rename(entry, form.format, name);
            }
        }
        Ok((copy, placing))
    }

    fn plan<'i>(
        &'i self,
        sources: &[CopySource<'_>],
        found: &[Found],
        form: FolderForm,
        carry: bool,
        options: &CopyOutOptions,
    ) -> Result<CopyOut<'i>, CopyOutError> {
        let leaving = Leaving {
            format: form.format,
            carry,
            collision: options.collision,
            clamp: None,
            default_time: Timestamp::from_seconds(EPOCH_1980),
        };
        let mut gathered = Gathered::new();
        let mut planned = Ok(());
        for source in found {
            planned = planned.and_then(|()| match source.contents {
                true => gathered.add_contents(&source.tree, source.selected.node),
                false => gathered.add_tree(&source.tree, &source.selected),
            });
        }
        let plan = planned.and_then(|()| leaving.plan(&gathered));
        let plan = plan.map_err(|source| {
            let mut names: Vec<&str> = sources.iter().map(|source| source.image.name()).collect();
            names.dedup();
            CopyOutError::Files {
                images: names.join(", "),
                source: Box::new(source),
            }
        })?;
        // Windows' own folders get the streams.
        let streams = match form.format {
            LayerFormat::Linux if !carry => streams(&gathered),
            _ => Vec::new(),
        };
        let notes = group_notes(&plan.notes);
        let mut files = Files::new(form);
        files.plan = plan;
        if carry {
            files.plan.losses = form.losses(files.plan.losses);
        }
        for source in sources {
            files.layers.extend(source.image.layers.iter().cloned());
        }
        Ok(CopyOut {
            images: self,
            files,
            streams,
            notes,
        })
    }
}

impl<'i> CopyOut<'i> {
    /// What the receiving system will not have.
    pub fn losses(&self) -> &[Loss] {
        &self.files.plan.losses
    }

    /// What the user should know.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Writes the files to their place. With `owners` they belong to whom they belonged in the
    /// image, as far as that is allowed, else to the user. Nothing outside of the place is written:
    /// no link of the image is followed.
    pub fn write_folder(&self, placing: &Placing, owners: bool) -> Result<CopiedOut, CopyOutError> {
        self.write(|opener, meter| {
            let folder = FolderWriter::create(placing.folder()).map_err(OutputError::from)?;
            let folder = folder.refusing_other_kinds();
            let mut left_out = self.files.write_folder(folder, owners, opener, meter)?;
            left_out.extend(LeftOut::streams(&self.streams));
            Ok(left_out)
        })
    }

    /// Writes the files as a tar.
    pub fn write_tar(&self, out: &mut dyn Write) -> Result<CopiedOut, CopyOutError> {
        self.write(|opener, meter| {
            self.files.write_tar(out, opener, meter)?;
            Ok(Vec::new())
        })
    }

    fn write(
        &self,
        act: impl FnOnce(Opener<'_>, &mut Meter<'_>) -> Result<Vec<LeftOut>, OutputError>,
    ) -> Result<CopiedOut, CopyOutError> {
        let (images, files) = (self.images, &self.files);
        images.indexer().ensure_stored(&files.wanted_layers())?;
        let work = Work::named("copying files".to_owned());
        let events = images.events;
        let left_out = images.vertices.follow(events, work, None, |vertex| {
            let opener = files.opener(images.store, images.threads);
            let mut meter = Meter::new(events, vertex, files.size());
            let left_out = act(opener, &mut meter)?;
            Ok((left_out, false))
        })?;
        Ok(CopiedOut {
            entries: files.plan.entries.len() as u64,
            bytes: files.size(),
            left_out,
        })
    }
}

fn find(sources: &[CopySource<'_>], options: &CopyOutOptions) -> Result<Vec<Found>, CopyOutError> {
    let found = sources
        .iter()
        .map(|source| Found::of(source, options.follow));
    found.collect()
}

/// The alternate streams of everything that was gathered.
fn streams(gathered: &Gathered<'_>) -> Vec<String> {
    // All names of a file have its streams: they are told of the first.
    let mut files: HashMap<_, (String, Vec<Stream>)> = HashMap::new();
    for GatheredEntry { tree, node, .. } in gathered.entries() {
        let streams = tree
            .entry(node)
            .map_or_else(Vec::new, |entry| entry.streams);
        if streams.is_empty() {
            continue;
        }
        let path = String::from_utf8_lossy(&shown_path(tree, node)).into_owned();
        let known = files.entry((std::ptr::from_ref(tree), tree.source(node)));
        let (first, _) = known.or_insert_with(|| (path.clone(), streams));
        if path < *first {
            *first = path;
        }
    }
    let names = files.into_values().flat_map(|(path, streams)| {
        let shown = move |stream: Stream| {
            let name = String::from_utf8_lossy(&stream.name);
            format!("{path}:{name}")
        };
        streams.into_iter().map(shown)
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// Gives the top of what is copied another name.
fn rename(entry: &mut PlannedEntry, format: LayerFormat, name: &[u8]) {
    // A stream of Windows stands behind a colon, which no stored name there has.
    let is_end = |byte: &u8| *byte == b'/' || *byte == b':' && format == LayerFormat::Windows;
    let change = |path: &mut Vec<u8>| {
        let end = path.iter().position(is_end).unwrap_or(path.len());
        path.splice(..end, name.iter().copied());
    };
    let header = &mut entry.header;
    change(&mut header.path);
    if header.kind == TarKind::HardLink {
        change(&mut header.link);
    }
}
