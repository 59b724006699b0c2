//! Making a layer: entries are copied into a tree, and what changed becomes a tar.
//!
//! `docs/design/0003-copy.md` explains the order of things: sources are gathered first, so that
//! names that collide on Windows are seen together whatever the order of arguments; then they are
//! placed, parents before children; then links and descriptors are settled; then it is written.

mod gather;
mod part;
mod place;
mod plan;
mod select;

use std::collections::{BTreeSet, HashMap};

use crate::Timestamp;
use crate::descriptor::Sid;
use crate::entry::{Entry, Kind, LayerFormat};
use crate::loss::{Loss, Note};
use crate::mode::ModeChange;
use crate::names::encode_component;
use crate::translate::Name;
use crate::tree::{NodeId, ResolveError, Resolved, Tree};

pub use gather::{Gathered, GatheredEntry, Manner};
pub use part::Part;
pub use plan::{LayerPlan, PlannedEntry, WriteError, answer};
pub use select::{Matcher, SelectError, Selected, select};

/// What to do when two names of one instruction differ only in case, on Windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CollisionPolicy {
    /// Stop, listing the pairs.
    #[default]
    Error,
    /// Keep the first name and mark the others with a hash.
    Rename,
    /// Keep the first and leave the others out.
    First,
}

/// Who shall own what is copied, resolved for the receiving image.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Owner {
    /// Numeric user of the tar header.
    pub uid: Option<u64>,
    /// Numeric group of the tar header.
    pub gid: Option<u64>,
    /// Owner in the descriptor (Windows).
    pub user: Option<Sid>,
    /// Group in the descriptor (Windows).
    pub group: Option<Sid>,
}

/// How to copy.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CopyOptions {
    /// `--chown`.
    pub owner: Option<Owner>,
    /// `--chmod`.
    pub mode: Option<ModeChange>,
    /// `--on-collision`.
    pub collision: CollisionPolicy,
    /// Times are at most this (SOURCE_DATE_EPOCH).
    pub clamp: Option<Timestamp>,
    /// The time of entries without a source.
    pub default_time: Timestamp,
}

/// A copy that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The destination cannot be followed.
    #[error("destination {0}")]
    Destination(ResolveError),
    /// A directory would have to replace something else.
    #[error("cannot copy to non-directory: {path}{hint}")]
    NotADirectory {
        /// Path in the image.
        path: String,
        /// More about what is there; may be empty.
        hint: String,
    },
    /// A file would have to replace a directory.
    #[error("cannot replace to directory {path} with file")]
    IsADirectory {
        /// Path in the image.
        path: String,
    },
    /// Names that differ only in case.
    #[error(
        "{} cannot stand side by side on Windows, which ignores case: {}; choose with \
         --on-collision rename or --on-collision first, or leave one out",
        if pairs.len() == 1 { "two names" } else { "names" },
        list_pairs(pairs)
    )]
    Collision {
        /// Pairs of full paths.
        pairs: Vec<(String, String)>,
    },
    /// A name that the receiving system cannot store.
    #[error("{path}: {reason}")]
    Name {
        /// Path in the image.
        path: String,
        /// Why.
        reason: String,
    },
}

fn list_pairs(pairs: &[(String, String)]) -> String {
    const SHOWN: usize = 20;
    let shown: Vec<String> = pairs
        .iter()
        .take(SHOWN)
        .map(|(a, b)| format!("{a} and {b}"))
        .collect();
    let mut text = shown.join(", ");
    if pairs.len() > SHOWN {
        text.push_str(&format!(", and {} more pairs", pairs.len() - SHOWN));
    }
    text
}

/// A layer under construction.
pub struct LayerEdit {
    tree: Tree,
    /// Whether directories that are only passed through are written (not for `--link` on Linux).
    parents: bool,
    /// Whether this is the lowest layer of a Windows image.
    base_layer: bool,
    /// Whether parents that are made get the default descriptor instead of an inherited one.
    default_descriptors: bool,
    /// Whether metadata that the target cannot express is kept.
    carry: bool,
    default_time: Timestamp,
    touched: BTreeSet<NodeId>,
    /// Paths that the tree beneath was asked about, beside those of touched entries.
    asked: BTreeSet<Vec<u8>>,
    /// Links of POSIX origin in a Windows layer, whose kind depends on where they lead.
    links: Vec<(NodeId, Option<Owner>)>,
    /// Copied files by their source, so that hard links stay together.
    placed: HashMap<(usize, crate::tree::Source), NodeId>,
    losses: Vec<Loss>,
    notes: Vec<Note>,
}

impl LayerEdit {
    /// A layer upon `base`, which the result does not change.
    pub fn upon(base: Tree, default_time: Timestamp) -> Self {
        Self {
            tree: base,
            parents: true,
            base_layer: false,
            default_descriptors: false,
            carry: true,
            default_time,
            touched: BTreeSet::new(),
            asked: BTreeSet::new(),
            links: Vec::new(),
            placed: HashMap::new(),
            losses: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// A layer that does not look at what is beneath (`--link`).
    pub fn independent(format: LayerFormat, default_time: Timestamp) -> Self {
        let mut edit = Self::upon(Tree::empty(format), default_time);
        edit.parents = format == LayerFormat::Windows;
        edit.default_descriptors = true;
        edit
    }

    /// The lowest layer of a Windows image from scratch: five blank hives, a descriptor on
    /// `Files`.
    pub fn windows_base(default_time: Timestamp) -> Self {
        let mut edit = Self::upon(Tree::empty(LayerFormat::Windows), default_time);
        edit.base_layer = true;
        edit.write_hives();
        edit
    }

    /// Leaves out what the target system cannot express (`--foreign-metadata drop`).
    pub fn drop_foreign(&mut self) {
        self.carry = false;
    }

    /// The tree as it is with the changes so far.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Notes a loss that the caller found (sockets of a context).
    pub fn lose(&mut self, loss: Loss) {
        self.losses.push(loss);
    }

    /// Makes a directory and its missing parents (`WORKDIR`). Returns whether anything was made.
    pub fn make_directory(
        &mut self,
        path: &[u8],
        owner: Option<&Owner>,
    ) -> Result<bool, EditError> {
        let path = self.destination_path(path);
        let found = self.follow(&path)?;
        if found.missing.is_empty() {
            return match self.tree.is_directory(found.node) {
                true => Ok(false),
                false => Err(self.not_a_directory(found.node)),
            };
        }
        self.make_parents(found.node, &found.missing, owner, None)?;
        Ok(true)
    }

    /// Follows a destination, remembering what was asked of the tree beneath.
    fn follow(&mut self, path: &[u8]) -> Result<Resolved, EditError> {
        let (tree, asked) = (&self.tree, &mut self.asked);
        let found = tree.resolve_seen(tree.root(), path, true, &mut |directory, name| {
            asked.insert(join(&tree.path(directory), name));
        });
        found.map_err(EditError::Destination)
    }

    /// A path that a user wrote, as stored names.
    fn destination_path(&self, path: &[u8]) -> Vec<u8> {
        match self.tree.format() {
            LayerFormat::Linux => path.to_vec(),
            LayerFormat::Windows => {
                let parts: Vec<Vec<u8>> = path
                    .split(|&byte| byte == b'/')
                    .map(encode_component)
                    .collect();
                parts.join(&b'/')
            }
        }
    }

    fn not_a_directory(&self, node: NodeId) -> EditError {
        let hint = match self.tree.kind(node) {
            crate::tree::NodeKind::Symlink(text) => {
                format!(
                    " (it is a symbolic link to {})",
                    String::from_utf8_lossy(&text)
                )
            }
            _ => String::new(),
        };
        EditError::NotADirectory {
            path: self.shown(node),
            hint,
        }
    }

    /// A node's path as its image's users write it.
    fn shown(&self, node: NodeId) -> String {
        show_path(self.tree.format(), &self.tree.path(node))
    }

    fn write_hives(&mut self) {
        let time = self.default_time;
        let mut files = Entry::new(Kind::Directory, 0, time, LayerFormat::Windows);
        files.win32.attributes = Some(crate::entry::ATTRIBUTE_DIRECTORY);
        let descriptor = crate::descriptor::default_directory();
        files.win32.descriptor = Some(descriptor.as_bytes().into());
        self.tree.set_root(files);
        self.touched.insert(self.tree.root());
        let mut directory = self.tree.root();
        for name in ["Windows", "System32", "config"] {
            let made = self.make_parents(directory, &[name.into()], None, None);
            directory = made.expect("these are valid names");
        }
        for name in crate::hive::HIVES {
            let content = crate::entry::Content::Inline(crate::hive::blank_hive().into());
            let mut hive = Entry::new(Kind::File(content), 0, time, LayerFormat::Windows);
            hive.win32.attributes = Some(crate::entry::ATTRIBUTE_ARCHIVE);
            let node = self.tree.insert(directory, &Name::plain(name), hive);
            self.touched.insert(node);
            self.settle_descriptor(node, None);
        }
    }
}

/// The path of a name in a directory.
fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    match directory {
        b"" => name.to_vec(),
        directory => [directory, b"/", name].concat(),
    }
}

/// A stored path as the users of the system write it. Control characters are escaped: names come
/// from images, and messages go to terminals.
pub fn show_path(format: LayerFormat, path: &[u8]) -> String {
    let mut shown = String::from(match format {
        LayerFormat::Linux => "/",
        LayerFormat::Windows => "C:\\",
    });
    for character in String::from_utf8_lossy(path).chars() {
        match character {
            '/' if format == LayerFormat::Windows => shown.push('\\'),
            character if character.is_control() => shown.extend(character.escape_default()),
            character => shown.push(character),
        }
    }
    shown
}

#[cfg(test)]
mod tests;
