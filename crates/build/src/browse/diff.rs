//! What two images, or two states of one, differ in.
//!
//! Content is never read: the indexes have a hash of every file. What comes from the same entry
//! of the same layer on both sides is equal without a look at it.

mod config;
mod fields;
mod outside;
mod renames;
mod walk;

use std::collections::BTreeSet;

use crossdock_layer::{Content, LayerFormat, NodeId, Timestamp, Tree, link_to_linux};

use self::walk::Known;
use super::error::{BrowseError, PathProblem};
use super::path::{find_path, shown_path};
use super::{OpenedImage, PathError};
use crate::error::BuildError;

pub use self::config::ConfigChange;
pub(in crate::browse) use self::fields::entry_differences;

/// How trees are compared.
#[derive(Debug, Clone, Default)]
pub struct DiffOptions {
    /// Differences in these do not count.
    pub ignored: BTreeSet<DiffTopic>,
    /// A directory that is added or removed is told with everything in it, not in one change.
    pub all: bool,
    /// Files and directories that have moved are told as removed and added.
    pub no_renames: bool,
}

/// What two trees differ in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// The changes, directories before what is in them.
    pub changes: Vec<Change>,
    /// How much has changed.
    pub totals: DiffTotals,
    /// What could not be compared.
    pub not_compared: NotCompared,
}

/// How much has changed. Entries in directories that are told in one change count too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DiffTotals {
    /// Entries that are only in the new tree.
    pub added: u64,
    /// Sizes of their files; a file with several names counts once.
    pub added_bytes: u64,
    /// Entries that are only in the old tree.
    pub removed: u64,
    /// Sizes of their files; a file with several names counts once.
    pub removed_bytes: u64,
    /// Entries that are in both and differ.
    pub changed: u64,
    /// By how much their files have grown, or shrunk.
    pub changed_bytes: i64,
    /// Files and directories that have moved.
    pub renamed: u64,
}

/// What could not be compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NotCompared {
    /// Entries whose metadata is that of different systems on the two sides.
    pub foreign: u64,
    /// Directories that no layer of one side states, so that they have no metadata there.
    pub unstated: u64,
    /// Files of Windows images that differ outside of the file system that programs see: the
    /// changes of the registry (`Hives`) and the system of Hyper-V containers (`UtilityVM`).
    pub outside: u64,
}

/// A difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What has happened.
    pub kind: ChangeKind,
    /// The path in the new tree, of what is removed in the old one, as people of its system write
    /// it.
    pub path: Vec<u8>,
    /// The path in the old tree where it is another text.
    pub old_path: Option<Vec<u8>>,
    /// What the entry was; `None` if it was not there.
    pub old: Option<DiffSide>,
    /// What the entry is; `None` if it is no longer there.
    pub new: Option<DiffSide>,
    /// What differs, of entries that are on both sides.
    pub fields: Vec<FieldChange>,
    /// Entries in a directory that were added, removed or renamed with it, if they are told with
    /// it alone.
    pub below: u64,
    /// Sizes of the files that were added or removed.
    pub bytes: u64,
}

impl Change {
    /// Whether bytes of a file were added, removed or changed.
    pub fn has_other_content(&self) -> bool {
        let file =
            |side: &Option<DiffSide>| side.as_ref().is_some_and(|side| side.content.is_some());
        match (file(&self.old), file(&self.new)) {
            (true, true) => {
                let is_content = |change: &FieldChange| change.field == Field::Content;
                self.fields.iter().any(is_content)
            }
            (old, new) => old || new,
        }
    }
}

/// What has happened to an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is another.
    Changed,
    /// It has moved.
    Renamed,
}

/// An entry on one side of a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffSide {
    /// The kind in a word.
    pub noun: &'static str,
    /// The content, of files.
    pub content: Option<Content>,
}

/// What an entry differs in, and both values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChange {
    /// What.
    pub field: Field,
    /// The old value; `None` if it had none.
    pub from: Option<FieldValue>,
    /// The new value; `None` if it has none.
    pub to: Option<FieldValue>,
}

/// What entries may differ in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// File, directory, link and so on.
    Kind,
    /// The bytes of a file: their BLAKE3 hash.
    Content,
    /// The size of a file.
    Size,
    /// The text of a symbolic link.
    Link,
    /// A link is a junction or none.
    Junction,
    /// The numbers of a device.
    Device,
    /// Another name of the same file, of those names that both sides have.
    HardLink,
    /// How the name is written, where case does not count.
    Name,
    /// Which system's metadata is original.
    Origin,
    /// Permission bits.
    Mode,
    /// Numbers of owner and group.
    Owner,
    /// Names of owner and group.
    OwnerNames,
    /// Time of the last change of the content.
    Modified,
    /// Time of creation.
    Created,
    /// Time of the last access.
    Accessed,
    /// Time of the last change of metadata.
    MetadataChanged,
    /// An extended attribute of Linux.
    Xattr(Vec<u8>),
    /// File attributes of Windows.
    Attributes,
    /// The security descriptor, as SDDL, or base64 where that cannot say it.
    Descriptor,
    /// An alternate data stream.
    Stream(Vec<u8>),
    /// An extended attribute of Windows, its value in base64.
    ExtendedAttribute(Vec<u8>),
}

/// A value of a [`Field`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldValue {
    /// A text, mostly UTF-8.
    Text(Vec<u8>),
    /// A number of bytes.
    Size(u64),
    /// Permission bits.
    Mode(u32),
    /// FILE_ATTRIBUTE_* bits.
    Attributes(u32),
    /// Owner and group.
    Owner(u64, u64),
    /// Major and minor number.
    Device(u32, u32),
    /// A time.
    Time(Timestamp),
    /// BLAKE3 of content.
    Hash([u8; 32]),
}

/// Fields that count or do not count together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiffTopic {
    /// The kind of entry.
    Kind,
    /// Bytes and size of files.
    Content,
    /// Links, and what kind of link they are.
    Link,
    /// Device numbers.
    Device,
    /// Which names are names of one file.
    HardLinks,
    /// Spelling of names.
    Name,
    /// Whose metadata is original.
    Origin,
    /// Permission bits.
    Mode,
    /// Owner and group.
    Owner,
    /// All times.
    Time,
    /// The times of last access and last change of metadata.
    MinorTimes,
    /// Extended attributes of Linux.
    Xattrs,
    /// File attributes of Windows.
    Attributes,
    /// Security descriptors.
    Descriptor,
    /// Alternate data streams.
    Streams,
    /// Extended attributes of Windows.
    ExtendedAttributes,
}

impl DiffTopic {
    /// What is about a file and not in it, and decides over nothing that a program reads.
    pub const METADATA: [Self; 11] = [
        Self::Name,
        Self::Origin,
        Self::HardLinks,
        Self::Mode,
        Self::Owner,
        Self::Time,
        Self::MinorTimes,
        Self::Xattrs,
        Self::Attributes,
        Self::Descriptor,
        Self::ExtendedAttributes,
    ];
}

impl Field {
    /// Whether a difference in this does not count if those of `ignored` do not.
    fn is_ignored(&self, ignored: &BTreeSet<DiffTopic>) -> bool {
        let topic = match self {
            Self::Kind => DiffTopic::Kind,
            Self::Content | Self::Size => DiffTopic::Content,
            Self::Link | Self::Junction => DiffTopic::Link,
            Self::Device => DiffTopic::Device,
            Self::HardLink => DiffTopic::HardLinks,
            Self::Name => DiffTopic::Name,
            Self::Origin => DiffTopic::Origin,
            Self::Mode => DiffTopic::Mode,
            Self::Owner | Self::OwnerNames => DiffTopic::Owner,
            Self::Modified | Self::Created => DiffTopic::Time,
            Self::Accessed | Self::MetadataChanged => {
                return ignored.contains(&DiffTopic::Time)
                    || ignored.contains(&DiffTopic::MinorTimes);
            }
            Self::Xattr(_) => DiffTopic::Xattrs,
            Self::Attributes => DiffTopic::Attributes,
            Self::Descriptor => DiffTopic::Descriptor,
            Self::Stream(_) => DiffTopic::Streams,
            Self::ExtendedAttribute(_) => DiffTopic::ExtendedAttributes,
        };
        ignored.contains(&topic)
    }
}

/// What is compared: a path in the old image and one in the new, mostly the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffPath {
    /// The path in the old image.
    pub old: Vec<u8>,
    /// The path in the new image.
    pub new: Vec<u8>,
}

impl DiffPath {
    /// The same path on both sides.
    pub fn same(path: &[u8]) -> Self {
        Self {
            old: path.to_vec(),
            new: path.to_vec(),
        }
    }
}

/// Compares what is at `paths` in two images, or all of them if there are no paths.
pub fn diff_images(
    old: &OpenedImage<'_>,
    new: &OpenedImage<'_>,
    paths: &[DiffPath],
    options: &DiffOptions,
) -> Result<Diff, BrowseError> {
    let (old_tree, new_tree) = (old.tree()?, new.tree()?);
    compare(
        (&old_tree, old.name()),
        (&new_tree, new.name()),
        paths,
        options,
    )
}

/// What the configs of two images differ in; `ignore_times` if the time of creation does not
/// count.
pub fn diff_configs(
    old: &OpenedImage<'_>,
    new: &OpenedImage<'_>,
    ignore_times: bool,
) -> Vec<ConfigChange> {
    let mut changes = config::compare(old.config(), new.config());
    changes.retain(|change| !(ignore_times && change.field == "created"));
    changes
}

/// What the layer at place `layer`, counted from 0, changes in the layers beneath it.
pub fn diff_layer(
    image: &OpenedImage<'_>,
    layer: usize,
    paths: &[DiffPath],
    options: &DiffOptions,
) -> Result<Diff, BrowseError> {
    let indexes = image.indexes()?;
    let layers = indexes.len();
    if layer >= layers {
        return Err(BrowseError::Layer {
            image: image.name().to_owned(),
            wanted: layer,
            layers,
        });
    }
    let failed = |source| BuildError::Stack {
        image: image.name().to_owned(),
        source: Box::new(source),
    };
    let beneath = indexes[..layer].iter().cloned();
    let beneath = Tree::stack(image.format()?, beneath).map_err(failed)?;
    let mut with = beneath.clone();
    with.add_layer(indexes[layer].clone()).map_err(failed)?;
    compare(
        (&beneath, image.name()),
        (&with, image.name()),
        paths,
        options,
    )
}

/// A tree and the name of its image.
type Named<'t> = (&'t Tree, &'t str);

fn compare(
    old: Named<'_>,
    new: Named<'_>,
    paths: &[DiffPath],
    options: &DiffOptions,
) -> Result<Diff, BrowseError> {
    compare_knowing(old, new, paths, options, Known::of(old.0, new.0))
}

fn compare_knowing(
    old: Named<'_>,
    new: Named<'_>,
    paths: &[DiffPath],
    options: &DiffOptions,
    known: Known,
) -> Result<Diff, BrowseError> {
    let comparison = Comparison {
        old: old.0,
        new: new.0,
        options,
        known,
    };
    if paths.is_empty() {
        let mut diff = comparison.run(vec![(Some(old.0.root()), Some(new.0.root()))]);
        diff.not_compared.outside = outside::count(old.0, new.0);
        return Ok(diff);
    }
    let mut starts = Vec::new();
    for path in paths {
        let found = |tree: &Tree, path: &[u8], other: &Tree| {
            let found = find_path(tree, path, false).or_else(|error| {
                let translated = path_in(tree, path, other).ok_or(error.clone())?;
                find_path(tree, &translated, false).map_err(|_| error)
            });
            found.map(|found| found.node)
        };
        let start = match (
            found(old.0, &path.old, new.0),
            found(new.0, &path.new, old.0),
        ) {
            (Err(source), Err(_)) => {
                return Err(BrowseError::Path {
                    image: old.1.to_owned(),
                    source,
                });
            }
            // What is no path is none, on whichever side.
            (Err(source), _) if !is_absence(&source) => {
                return Err(BrowseError::Path {
                    image: old.1.to_owned(),
                    source,
                });
            }
            (_, Err(source)) if !is_absence(&source) => {
                return Err(BrowseError::Path {
                    image: new.1.to_owned(),
                    source,
                });
            }
            (old, new) => (old.ok(), new.ok()),
        };
        starts.push(start);
    }
    Ok(comparison.run(starts))
}

/// Whether a path that is written as it should leads to nothing.
fn is_absence(error: &PathError) -> bool {
    matches!(
        error.problem,
        PathProblem::Resolve(_) | PathProblem::NotADirectory
    )
}

/// What a path that is written as for Windows means in a tree of Linux, if that is compared with
/// one of Windows.
fn path_in(tree: &Tree, path: &[u8], other: &Tree) -> Option<Vec<u8>> {
    let is_foreign = tree.format() == LayerFormat::Linux && other.format() == LayerFormat::Windows;
    is_foreign.then(|| link_to_linux(path)).flatten()
}

/// Two trees and how they are compared.
struct Comparison<'t> {
    old: &'t Tree,
    new: &'t Tree,
    options: &'t DiffOptions,
    known: Known,
}

impl Comparison<'_> {
    fn old_path(&self, node: NodeId) -> Vec<u8> {
        shown_path(self.old, node)
    }

    fn new_path(&self, node: NodeId) -> Vec<u8> {
        shown_path(self.new, node)
    }

    /// Whether the two trees follow different systems' rules.
    fn is_across(&self) -> bool {
        self.old.format() != self.new.format()
    }
}

#[cfg(test)]
mod tests;
