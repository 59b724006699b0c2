//! What listings tell of an entry.

use std::collections::HashMap;
use std::sync::Arc;

use crossdock_layer::{
    ATTRIBUTE_DIRECTORY, Entry, Kind, LayerFormat, NodeId, SecurityDescriptor, Source, TarKind,
    Timestamp, Tree,
};

use super::OpenedImage;
use super::error::BrowseError;
use crate::user_names::{self, name_of};

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A link of Windows that only leads to directories.
    Junction,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
}

impl EntryKind {
    /// The kind as JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Symlink => "symbolic_link",
            Self::Junction => "junction",
            Self::CharDevice => "character_device",
            Self::BlockDevice => "block_device",
            Self::Fifo => "named_pipe",
        }
    }

    /// Whether it leads elsewhere.
    pub fn is_link(self) -> bool {
        matches!(self, Self::Symlink | Self::Junction)
    }
}

/// What a listing tells of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedEntry {
    /// What it is.
    pub kind: EntryKind,
    /// Bytes of a file, or of a link's text.
    pub size: u64,
    /// When the content last changed; `None` of a directory of which no layer tells anything.
    pub modified: Option<Timestamp>,
    /// The text of a link, as the layer has it.
    pub link: Option<Vec<u8>>,
    /// Major and minor number of a device.
    pub device: Option<(u32, u32)>,
    /// Whose it is and what may be done with it, as its system says it.
    pub access: EntryAccess,
    /// How many names a file has; of a directory in a Linux image 2, and 1 for each directory in
    /// it.
    pub links: u64,
    /// The layer that states it, from 0, the lowest; `None` if none does.
    pub layer: Option<u32>,
    /// Names of alternate streams, without `:$DATA`.
    pub streams: Vec<Vec<u8>>,
}

/// Whose an entry is and what may be done with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryAccess {
    /// In a Linux image.
    Posix {
        /// Permission bits with setuid, setgid and sticky.
        mode: u32,
        /// Owner.
        uid: u64,
        /// Group.
        gid: u64,
        /// The owner's name in `/etc/passwd`.
        user: Option<Arc<[u8]>>,
        /// The group's name in `/etc/group`.
        group: Option<Arc<[u8]>>,
    },
    /// In a Windows image.
    Win32 {
        /// FILE_ATTRIBUTE_* bits.
        attributes: u32,
        /// The owner that the descriptor names, if there is one.
        owner: Option<Arc<Account>>,
    },
}

/// Somebody in a Windows image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// `S-1-…`.
    pub sid: String,
    /// The name of a SID that means the same on every machine.
    pub name: Option<&'static str>,
}

/// Mode of a directory that only the names of others imply, as runtimes make it.
const IMPLIED_MODE: u32 = 0o755;

/// Reads what listings tell of the entries of a tree.
pub struct EntryReader<'t> {
    tree: &'t Tree,
    passwd: Vec<u8>,
    group: Vec<u8>,
    users: HashMap<u64, Option<Arc<[u8]>>>,
    groups: HashMap<u64, Option<Arc<[u8]>>>,
    /// Owners by descriptor: an image has thousands of entries and a few descriptors.
    owners: HashMap<Arc<[u8]>, Option<Arc<Account>>>,
    links: Option<Links>,
}

/// How many names each entry has.
struct Links {
    /// By layer and place in it.
    layers: Vec<Vec<u32>>,
    /// Those that were put into the tree by hand.
    owned: HashMap<u32, u32>,
}

impl OpenedImage<'_> {
    /// Reads entries of the image's tree; `with_names` also the names of their owners.
    pub fn entry_reader<'t>(
        &self,
        tree: &'t Tree,
        with_names: bool,
    ) -> Result<EntryReader<'t>, BrowseError> {
        let is_needed = with_names && self.format()? == LayerFormat::Linux;
        let table = |path| match is_needed {
            true => self.table(path),
            false => Vec::new(),
        };
        Ok(EntryReader::new(
            tree,
            table("/etc/passwd"),
            table("/etc/group"),
        ))
    }
}

impl<'t> EntryReader<'t> {
    /// Reads entries of `tree`, and names of owners from the two tables.
    pub fn new(tree: &'t Tree, passwd: Vec<u8>, group: Vec<u8>) -> Self {
        Self {
            tree,
            passwd,
            group,
            users: HashMap::new(),
            groups: HashMap::new(),
            owners: HashMap::new(),
            links: None,
        }
    }

    /// The tree.
    pub fn tree(&self) -> &'t Tree {
        self.tree
    }

    /// What is told of an entry.
    pub fn read(&mut self, node: NodeId) -> ListedEntry {
        let links = self.links(node);
        match (self.tree.format(), self.tree.source(node)) {
            // The facts of the tar are those of the entry; nothing need be decoded.
            (LayerFormat::Linux, Source::Layer { layer, entry }) => {
                self.raw(layer, entry as usize, links)
            }
            (_, source) => {
                let layer = match source {
                    Source::Layer { layer, .. } => Some(layer),
                    Source::Implied | Source::Owned(_) => None,
                };
                match self.tree.entry(node) {
                    Some(entry) => self.decoded(&entry, links, layer),
                    None => self.implied(links),
                }
            }
        }
    }

    /// How many names an entry has.
    pub fn links(&mut self, node: NodeId) -> u64 {
        let tree = self.tree;
        if tree.is_directory(node) {
            return match tree.format() {
                LayerFormat::Windows => 1,
                LayerFormat::Linux => {
                    let children = tree.children(node);
                    2 + children.filter(|child| tree.is_directory(*child)).count() as u64
                }
            };
        }
        let links = self.links.get_or_insert_with(|| Links::count(tree));
        u64::from(match tree.source(node) {
            Source::Layer { layer, entry } => links.layers[layer as usize][entry as usize],
            Source::Owned(place) => links.owned.get(&place).copied().unwrap_or(1),
            Source::Implied => 1,
        })
    }

    /// The number of a user that `/etc/passwd` names.
    pub fn user_number(&self, name: &str) -> Option<u64> {
        user_names::user(&self.passwd, name).map(|(uid, _)| uid)
    }

    /// The number of a group that `/etc/group` names.
    pub fn group_number(&self, name: &str) -> Option<u64> {
        user_names::group(&self.group, name)
    }

    fn raw(&mut self, layer: u32, entry: usize, links: u64) -> ListedEntry {
        let tree = self.tree;
        let raw = tree.layers()[layer as usize].entry(entry);
        let kind = match raw.kind() {
            TarKind::File | TarKind::HardLink => EntryKind::File,
            TarKind::Directory => EntryKind::Directory,
            TarKind::Symlink => EntryKind::Symlink,
            TarKind::CharDevice => EntryKind::CharDevice,
            TarKind::BlockDevice => EntryKind::BlockDevice,
            TarKind::Fifo => EntryKind::Fifo,
        };
        ListedEntry {
            kind,
            size: match kind {
                EntryKind::File => raw.size(),
                EntryKind::Symlink => raw.link().len() as u64,
                _ => 0,
            },
            modified: Some(raw.modified()),
            link: kind.is_link().then(|| raw.link().to_vec()),
            device: matches!(kind, EntryKind::CharDevice | EntryKind::BlockDevice)
                .then(|| raw.device()),
            access: self.posix(raw.mode() & 0o7777, raw.uid(), raw.gid()),
            links,
            layer: Some(layer),
            streams: Vec::new(),
        }
    }

    fn decoded(&mut self, entry: &Entry, links: u64, layer: Option<u32>) -> ListedEntry {
        let (kind, size, link, device) = match &entry.kind {
            Kind::File(content) => (EntryKind::File, content.size(), None, None),
            Kind::Directory => (EntryKind::Directory, 0, None, None),
            Kind::Symlink(text) => {
                let kind = match entry.win32.junction {
                    true => EntryKind::Junction,
                    false => EntryKind::Symlink,
                };
                (kind, text.len() as u64, Some(text.clone()), None)
            }
            Kind::CharDevice(major, minor) => {
                (EntryKind::CharDevice, 0, None, Some((*major, *minor)))
            }
            Kind::BlockDevice(major, minor) => {
                (EntryKind::BlockDevice, 0, None, Some((*major, *minor)))
            }
            Kind::Fifo => (EntryKind::Fifo, 0, None, None),
        };
        ListedEntry {
            kind,
            size,
            modified: Some(entry.times.modified),
            link,
            device,
            access: match self.tree.format() {
                LayerFormat::Linux => {
                    self.posix(entry.posix.mode, entry.posix.uid, entry.posix.gid)
                }
                LayerFormat::Windows => EntryAccess::Win32 {
                    attributes: entry.attributes(),
                    owner: self.owner(entry.win32.descriptor.as_ref()),
                },
            },
            links,
            layer,
            streams: entry.streams.iter().map(|s| s.name.clone()).collect(),
        }
    }

    fn implied(&mut self, links: u64) -> ListedEntry {
        ListedEntry {
            kind: EntryKind::Directory,
            size: 0,
            modified: None,
            link: None,
            device: None,
            access: match self.tree.format() {
                LayerFormat::Linux => self.posix(IMPLIED_MODE, 0, 0),
                LayerFormat::Windows => EntryAccess::Win32 {
                    attributes: ATTRIBUTE_DIRECTORY,
                    owner: None,
                },
            },
            links,
            layer: None,
            streams: Vec::new(),
        }
    }

    fn posix(&mut self, mode: u32, uid: u64, gid: u64) -> EntryAccess {
        let find = |table: &[u8], number| name_of(table, number).map(Arc::from);
        let user = self.users.entry(uid);
        let group = self.groups.entry(gid);
        EntryAccess::Posix {
            mode,
            uid,
            gid,
            user: user.or_insert_with(|| find(&self.passwd, uid)).clone(),
            group: group.or_insert_with(|| find(&self.group, gid)).clone(),
        }
    }

    fn owner(&mut self, descriptor: Option<&Arc<[u8]>>) -> Option<Arc<Account>> {
        let descriptor = descriptor?;
        if let Some(known) = self.owners.get(descriptor) {
            return known.clone();
        }
        let parsed = SecurityDescriptor::parse(descriptor).ok();
        let owner = parsed.as_ref().and_then(SecurityDescriptor::owner);
        let account = owner.map(|sid| {
            Arc::new(Account {
                sid: sid.to_string(),
                name: sid.well_known_name(),
            })
        });
        self.owners.insert(Arc::clone(descriptor), account.clone());
        account
    }
}

impl Links {
    fn count(tree: &Tree) -> Self {
        let mut links = Self {
            layers: tree
                .layers()
                .iter()
                .map(|layer| vec![0; layer.len()])
                .collect(),
            owned: HashMap::new(),
        };
        for node in tree.walk(tree.root()) {
            match tree.source(node) {
                Source::Layer { layer, entry } => {
                    links.layers[layer as usize][entry as usize] += 1;
                }
                Source::Owned(place) => *links.owned.entry(place).or_default() += 1,
                Source::Implied => {}
            }
        }
        links
    }
}

#[cfg(test)]
mod tests;
