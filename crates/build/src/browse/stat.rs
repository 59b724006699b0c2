//! Everything that is known of an entry.

mod capability;
mod extended;

use std::collections::HashMap;
use std::io::{self, Read as _};

use crossdock_image::Digest;
use crossdock_layer::{
    Content, Entry, Kind, LayerFormat, Name, NodeId, Origin, ResolveErrorKind, Source, Tree,
};

pub use self::capability::FileCapabilities;
pub use self::extended::{ExtendedAttribute, WslValue};
use super::OpenedImage;
use super::du::path_anywhere;
use super::error::{BrowseError, PathError, PathProblem};
use super::layer_history::{PathStep, last_places, names_of, path_histories};
use super::path::{find_path, shown_path};
use crate::error::BuildError;
use crate::user_names::name_of;

/// Most bytes of an image's `/etc/passwd` that are read.
const MAX_TABLE: u64 = 4 << 20;

/// What is known of a path.
#[derive(Debug)]
pub struct PathStat {
    /// The path as it was asked for.
    pub asked: String,
    /// The path as people write it, without links on the way. That of a lower layer if it is not
    /// there any more; `None` if it never was.
    pub path: Option<Vec<u8>>,
    /// What is there, or why nothing is.
    pub found: Result<EntryStat, PathError>,
    /// What the layers did to it, lowest first.
    pub history: Vec<PathStep>,
}

/// What is known of an entry that is there.
#[derive(Debug)]
pub struct EntryStat {
    /// Its name, and the one that it had in the system that it comes from.
    pub name: Name,
    /// Its metadata. `None` of a directory of which no layer tells anything.
    pub entry: Option<Entry>,
    /// The same as an entry of the other system, from which derived metadata is taken: that which
    /// a COPY would give it there.
    pub translated: Option<Entry>,
    /// The layer that states it, from 0, and its place in that layer.
    pub place: Option<(usize, u64)>,
    /// Other names of the same file, as people write them.
    pub other_names: Vec<Vec<u8>>,
    /// Where a link leads through further links.
    pub target: Option<Result<LinkTarget, ResolveErrorKind>>,
    /// The owner's name in the image's `/etc/passwd`, or else in the layer.
    pub user: Option<Vec<u8>>,
    /// The group's name in the image's `/etc/group`, or else in the layer.
    pub group: Option<Vec<u8>>,
    /// How many entries a directory has.
    pub children: Option<u64>,
}

/// What a link leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkTarget {
    /// Its path, as people write it.
    pub path: Vec<u8>,
    /// Its kind in a word.
    pub noun: &'static str,
}

impl OpenedImage<'_> {
    /// Everything that is known of each of `paths`, in their order, also of those that only lower
    /// layers have. The last link is followed if `follow`.
    pub fn stat(&self, paths: &[&str], follow: bool) -> Result<Vec<PathStat>, BrowseError> {
        let tree = self.tree()?;
        let layers = self.indexes()?;
        let stacked = |source| {
            BrowseError::from(BuildError::Stack {
                image: self.name().to_owned(),
                source: Box::new(source),
            })
        };
        let nodes: Vec<Result<NodeId, PathError>> = paths
            .iter()
            .map(|path| find_path(&tree, path.as_bytes(), follow).map(|found| found.node))
            .collect();
        let gone = |node: &Result<NodeId, PathError>| node.as_ref().is_err_and(may_have_been);
        let missing: Vec<&[u8]> = nodes
            .iter()
            .zip(paths)
            .filter(|(node, _)| gone(node))
            .map(|(_, path)| path.as_bytes())
            .collect();
        let mut last = match missing.is_empty() {
            true => Vec::new(),
            false => last_places(tree.format(), &layers, &missing).map_err(stacked)?,
        }
        .into_iter();
        let names: Vec<_> = nodes
            .iter()
            .map(|node| match node {
                Ok(node) => Some(names_of(&tree.path(*node))),
                Err(_) if gone(node) => last.next().flatten(),
                Err(_) => None,
            })
            .collect();
        let known: Vec<_> = names.iter().flatten().cloned().collect();
        let histories = path_histories(tree.format(), &layers, &known).map_err(stacked)?;
        let mut histories = histories.into_iter();
        let tables = self.user_tables(&tree, nodes.iter().flatten().copied());
        let mut others = other_names(&tree, nodes.iter().flatten().copied());
        let stats = paths.iter().zip(nodes).zip(names);
        let stats = stats.map(|((asked, node), names)| PathStat {
            asked: (*asked).to_owned(),
            path: match (&node, &names) {
                (Ok(node), _) => Some(shown_path(&tree, *node)),
                (Err(_), names) => names
                    .as_ref()
                    .map(|names| super::path::path_text(tree.format(), &names.join(&b'/'))),
            },
            history: match names {
                Some(_) => histories.next().unwrap_or_default(),
                None => Vec::new(),
            },
            found: node.map(|node| entry_stat(&tree, node, &tables, &mut others)),
        });
        Ok(stats.collect())
    }

    /// The SHA-256 digest of the content of a file.
    pub fn content_digest(&self, content: &Content) -> io::Result<Digest> {
        Digest::of_reader(self.content(content)?)
    }

    /// `/etc/passwd` and `/etc/group`, if there is an entry whose owner they may name.
    fn user_tables(&self, tree: &Tree, nodes: impl Iterator<Item = NodeId>) -> UserTables {
        let mut nodes = nodes.filter_map(|node| tree.entry(node));
        let is_needed =
            tree.format() == LayerFormat::Linux && nodes.any(|entry| entry.origin == Origin::Posix);
        let read = |path: &str| match is_needed {
            true => self.table(path),
            false => Vec::new(),
        };
        UserTables {
            passwd: read("/etc/passwd"),
            group: read("/etc/group"),
        }
    }

    /// A table of users or groups; empty if the image has none.
    pub(super) fn table(&self, path: &str) -> Vec<u8> {
        // An image without users is none that is broken.
        let Ok(content) = self.file(path.as_bytes()) else {
            return Vec::new();
        };
        let mut bytes = Vec::new();
        let read = self
            .content(&content)
            .and_then(|reader| reader.take(MAX_TABLE).read_to_end(&mut bytes));
        if let Err(error) = read {
            self.warn(format!("{path}: {error}; owners are shown without names"));
        }
        bytes
    }
}

/// Whether a path that leads nowhere may have led somewhere in a lower layer.
fn may_have_been(error: &PathError) -> bool {
    match error.problem {
        PathProblem::Resolve(_) | PathProblem::NotADirectory | PathProblem::NotAFile(_) => true,
        PathProblem::Drive(_) | PathProblem::Server => false,
    }
}

#[derive(Default)]
struct UserTables {
    passwd: Vec<u8>,
    group: Vec<u8>,
}

fn entry_stat(
    tree: &Tree,
    node: NodeId,
    tables: &UserTables,
    others: &mut HashMap<NodeId, Vec<Vec<u8>>>,
) -> EntryStat {
    let entry = tree.entry(node);
    let name = |table: &[u8], number: u64, stated: &[u8]| {
        let stated = (!stated.is_empty()).then_some(stated);
        name_of(table, number).or(stated).map(<[u8]>::to_vec)
    };
    let posix = entry.as_ref().map(|entry| &entry.posix);
    let is_link = entry.as_ref().is_some_and(|entry| entry.kind.is_symlink());
    EntryStat {
        name: tree.full_name(node),
        user: posix.and_then(|posix| name(&tables.passwd, posix.uid, &posix.user)),
        group: posix.and_then(|posix| name(&tables.group, posix.gid, &posix.group)),
        translated: entry
            .as_ref()
            .map(|entry| entry.translate(tree.format(), other(tree.format()))),
        place: match tree.source(node) {
            Source::Layer { layer, entry } => Some((layer as usize, u64::from(entry))),
            Source::Implied | Source::Owned(_) => None,
        },
        other_names: others.remove(&node).unwrap_or_default(),
        target: is_link.then(|| {
            tree.link_target(node).map(|target| LinkTarget {
                path: path_anywhere(tree, target).0,
                noun: tree
                    .entry(target)
                    .map_or(Kind::Directory.noun(), |entry| entry.kind.noun()),
            })
        }),
        children: tree
            .is_directory(node)
            .then(|| tree.children(node).count() as u64),
        entry,
    }
}

fn other(format: LayerFormat) -> LayerFormat {
    match format {
        LayerFormat::Linux => LayerFormat::Windows,
        LayerFormat::Windows => LayerFormat::Linux,
    }
}

/// The names of the files `nodes` apart from themselves, by one walk through the tree.
fn other_names(tree: &Tree, nodes: impl Iterator<Item = NodeId>) -> HashMap<NodeId, Vec<Vec<u8>>> {
    let mut asked: HashMap<Source, Vec<NodeId>> = HashMap::new();
    for node in nodes {
        if !tree.is_directory(node) {
            asked.entry(tree.source(node)).or_default().push(node);
        }
    }
    let mut names: HashMap<NodeId, Vec<Vec<u8>>> = HashMap::new();
    if asked.is_empty() {
        return names;
    }
    for node in tree.walk(tree.top()) {
        for &of in asked.get(&tree.source(node)).into_iter().flatten() {
            if of != node {
                let name = path_anywhere(tree, node).0;
                names.entry(of).or_default().push(name);
            }
        }
    }
    names
}

#[cfg(test)]
mod tests;
