//! From the edited tree to a tar: what is written, in which order, with which headers.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::codec::{Placement, encode, escape};
use crate::edit::LayerEdit;
use crate::edit::place::made_directory;
use crate::edit::{join, show_path};
use crate::entry::{ATTRIBUTE_DIRECTORY, Content, Entry, Kind, LayerFormat, Origin, Stream};
use crate::loss::{Loss, LossKind, Note};
use crate::record_keys as key;
use crate::tar::{Header, TarWriter};
use crate::translate::link_attributes;
use crate::tree::{NodeId, ResolveErrorKind, Source, Tree, components};

/// A layer that is ready to be written.
#[derive(Debug)]
pub struct LayerPlan {
    /// Entries in the order of the tar.
    pub entries: Vec<PlannedEntry>,
    /// What the copy could not keep.
    pub losses: Vec<Loss>,
    /// What the user should know.
    pub notes: Vec<Note>,
    /// Number of entries that keep metadata which the image's own system cannot show.
    pub hidden: u64,
    /// What was asked of the tree beneath: while [`answer`] gives the same for all of these, the
    /// same edit gives the same layer, whatever else lies beneath.
    pub questions: Vec<Vec<u8>>,
}

/// What a tree says about a stored path below its root, no link followed: whether it is there, in
/// which spelling, what it is and its metadata. The content of a file does not count.
pub fn answer(tree: &Tree, path: &[u8]) -> [u8; 32] {
    let mut node = Some(tree.root());
    for name in components(path) {
        node = node.and_then(|node| tree.child(node, name));
    }
    let mut hasher = blake3::Hasher::new();
    if let Some(node) = node {
        let mut entry = tree.entry(node);
        if let Some(Kind::File(content)) = entry.as_mut().map(|entry| &mut entry.kind) {
            *content = Content::empty();
        }
        hasher.update(format!("{:?} {entry:?}", tree.full_name(node)).as_bytes());
    }
    *hasher.finalize().as_bytes()
}

/// An entry of a [`LayerPlan`].
#[derive(Debug, Clone)]
pub struct PlannedEntry {
    /// Its headers.
    pub header: Header,
    /// Its content, of a file that is no hard link.
    pub content: Option<Content>,
    /// Streams that become records of the header when it is written.
    pub streams: Vec<Stream>,
}

/// A layer that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {:?}: {source}", String::from_utf8_lossy(.path))]
pub struct WriteError {
    /// The entry's name in the layer; empty for the end of the archive.
    pub path: Vec<u8>,
    /// What happened.
    pub source: io::Error,
}

/// Most bytes of extended headers of one entry that are written (rule 1).
const MAX_RECORDS: u64 = 1_000_000;
/// NTFS: names of one file.
const MAX_NAMES: usize = 1_024;

impl LayerPlan {
    /// Whether there is anything to write.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The newest modification time of the entries.
    pub fn newest(&self) -> Option<crate::Timestamp> {
        self.entries.iter().map(|entry| entry.header.modified).max()
    }

    /// Writes the tar, opening contents one after the other in the order of the entries.
    pub fn write<W: Write>(
        &self,
        out: W,
        open: &mut dyn FnMut(&Content) -> io::Result<Box<dyn Read>>,
    ) -> Result<W, WriteError> {
        let mut tar = TarWriter::new(out);
        for entry in &self.entries {
            let error = |source| WriteError {
                path: entry.header.path.clone(),
                source,
            };
            let header = entry.with_streams(open).map_err(error)?;
            tar.header(&header).map_err(error)?;
            if let Some(content) = &entry.content {
                let mut reader = open(content).map_err(error)?;
                tar.content(&mut *reader, content.size()).map_err(error)?;
            }
        }
        tar.finish().map_err(|source| WriteError {
            path: Vec::new(),
            source,
        })
    }
}

impl PlannedEntry {
    /// The header with its streams as records.
    fn with_streams(
        &self,
        open: &mut dyn FnMut(&Content) -> io::Result<Box<dyn Read>>,
    ) -> io::Result<Header> {
        let mut header = self.header.clone();
        for stream in &self.streams {
            let mut bytes = Vec::new();
            open(&stream.content)?.read_to_end(&mut bytes)?;
            header.records.set(
                [key::STREAM, &escape(&stream.name)].concat(),
                BASE64.encode(bytes),
            );
        }
        Ok(header)
    }
}

impl LayerEdit {
    /// The layer: everything that was put into the tree, and the directories that lead to it.
    pub fn finish(mut self) -> LayerPlan {
        self.settle_links();
        let mut plan = LayerPlan {
            entries: Vec::new(),
            losses: Vec::new(),
            notes: std::mem::take(&mut self.notes),
            hidden: 0,
            questions: Vec::new(),
        };
        let nodes = self.nodes_in_order();
        plan.questions = self.questions(&nodes);
        if nodes.is_empty() {
            plan.losses = std::mem::take(&mut self.losses);
            return plan;
        }
        if self.tree.format() == LayerFormat::Windows {
            plan.entries.push(self.hives_directory());
        }
        let mut names: HashMap<Source, (Vec<u8>, usize)> = HashMap::new();
        for (path, node) in nodes {
            let source = self.tree.source(node);
            let entry = self.entry_of(node);
            if entry.origin != self.tree.format().native() {
                plan.hidden += 1;
            }
            let mut first = None;
            if !entry.kind.is_directory() {
                match names.get_mut(&source) {
                    Some((name, count)) if !self.is_full(*count) => {
                        *count += 1;
                        first = Some(name.clone());
                    }
                    Some(full) => {
                        self.losses.push(Loss {
                            kind: LossKind::HardLink,
                            path: self.shown(node),
                            detail: String::new(),
                        });
                        *full = (path.clone(), 1);
                    }
                    None => {
                        names.insert(source, (path.clone(), 1));
                    }
                }
            }
            self.plan_entry(&mut plan, node, &path, entry, first.as_deref());
        }
        plan.losses = std::mem::take(&mut self.losses);
        plan
    }

    /// Every path whose state beneath could have led to another layer.
    fn questions(&mut self, nodes: &BTreeMap<Vec<u8>, NodeId>) -> Vec<Vec<u8>> {
        let mut asked = std::mem::take(&mut self.asked);
        // The root, whose descriptor is inherited, is asked in any case.
        asked.insert(Vec::new());
        asked.extend(nodes.values().map(|node| self.tree.path(*node)));
        asked.into_iter().collect()
    }

    fn is_full(&self, count: usize) -> bool {
        self.tree.format() == LayerFormat::Windows && count == MAX_NAMES
    }

    /// Decides which links lead to directories, and gives them descriptors: only now is
    /// everything there that they may lead to.
    fn settle_links(&mut self) {
        for (node, owner) in std::mem::take(&mut self.links) {
            let Some(entry) = self.tree.owned(node) else {
                continue;
            };
            if !entry.kind.is_symlink() || entry.win32.attributes.is_some() {
                continue;
            }
            let mut entry = (**entry).clone();
            if entry.origin == Origin::Win32 {
                // To Windows, a link whose layer does not say is one to a file.
                entry.win32.attributes = Some(entry.attributes());
                self.tree.replace_entry(node, entry);
                self.settle_descriptor(node, owner.as_ref());
                continue;
            }
            let (tree, asked) = (&self.tree, &mut self.asked);
            let target = tree.link_target_seen(node, &mut |directory, name| {
                asked.insert(join(&tree.path(directory), name));
            });
            let directory = target
                .as_ref()
                .is_ok_and(|target| self.tree.is_directory(*target));
            let oddity = match target {
                Err(ResolveErrorKind::TooManyLinks) => Some("leads in a circle"),
                Err(ResolveErrorKind::Outside(_)) => Some("leads outside the image"),
                // What it should lead to may come with a later layer.
                _ => None,
            };
            if let Some(oddity) = oddity {
                let text = format!("{oddity}; on Windows it becomes a link to a file");
                self.notes.push(Note {
                    path: self.shown(node),
                    text,
                });
            }
            entry.win32.attributes = Some(link_attributes(directory));
            self.tree.replace_entry(node, entry);
            self.settle_descriptor(node, owner.as_ref());
        }
    }

    /// Touched nodes and the directories above them by full name, in byte order.
    fn nodes_in_order(&self) -> BTreeMap<Vec<u8>, NodeId> {
        let mut nodes = BTreeMap::new();
        for &node in &self.touched {
            if !self.is_attached(node) {
                continue;
            }
            let mut current = node;
            while nodes.insert(self.full_path(current), current).is_none() {
                if !self.parents || current == self.tree.root() {
                    break;
                }
                current = self.tree.parent(current);
            }
        }
        if self.tree.format() == LayerFormat::Linux {
            // The root is there in any case.
            nodes.remove(&b""[..]);
        }
        nodes
    }

    /// Whether a node still hangs in the tree (a later source may have replaced its directory).
    fn is_attached(&self, node: NodeId) -> bool {
        let mut current = node;
        while current != self.tree.root() {
            let parent = self.tree.parent(current);
            if self.tree.child(parent, self.tree.name(current)) != Some(current) {
                return false;
            }
            current = parent;
        }
        true
    }

    /// The name in the tar.
    fn full_path(&self, node: NodeId) -> Vec<u8> {
        let path = self.tree.path(node);
        match self.tree.format() {
            LayerFormat::Linux => path,
            LayerFormat::Windows if path.is_empty() => b"Files".to_vec(),
            LayerFormat::Windows => [b"Files/", path.as_slice()].concat(),
        }
    }

    /// The entry that is written for a node. A directory that is only passed through keeps what
    /// the layers beneath say of it.
    fn entry_of(&self, node: NodeId) -> Entry {
        let format = self.tree.format();
        let mut entry = self
            .tree
            .entry(node)
            .unwrap_or_else(|| made_directory(format, self.default_time));
        if format == LayerFormat::Windows {
            if node == self.tree.root() {
                // The exporter of Windows gives `Files` no descriptor but in a base layer.
                if !self.base_layer {
                    entry.win32.descriptor = None;
                }
            } else if entry.win32.descriptor.is_none() {
                let directory = entry.attributes() & ATTRIBUTE_DIRECTORY != 0;
                let inherited = self.inherited(node, directory);
                entry.win32.descriptor = Some(inherited.as_bytes().into());
            }
        }
        entry
    }

    fn hives_directory(&self) -> PlannedEntry {
        let entry = made_directory(LayerFormat::Windows, self.default_time);
        let place = Placement {
            path: b"Hives",
            original_name: None,
            hard_link: None,
            carry: self.carry,
        };
        let header = encode(&entry, LayerFormat::Windows, &place);
        PlannedEntry {
            header,
            content: None,
            streams: Vec::new(),
        }
    }

    fn plan_entry(
        &mut self,
        plan: &mut LayerPlan,
        node: NodeId,
        path: &[u8],
        entry: Entry,
        first: Option<&[u8]>,
    ) {
        let format = self.tree.format();
        let name = self.tree.full_name(node);
        let place = Placement {
            path,
            original_name: name.original.as_deref(),
            hard_link: first,
            carry: self.carry,
        };
        let mut entry = entry;
        let streams = std::mem::take(&mut entry.streams);
        let mut header = encode(&entry, format, &place);
        self.fit_records(&mut header, &[]);
        let content = match (&entry.kind, first) {
            (Kind::File(content), None) => Some(content.clone()),
            _ => None,
        };
        let times = (entry.times, header.mode);
        match format {
            LayerFormat::Linux => {
                let streams = if first.is_none() && self.carry {
                    streams
                } else {
                    Vec::new()
                };
                let streams = self.fit_records(&mut header, &streams);
                plan.entries.push(PlannedEntry {
                    header,
                    content,
                    streams,
                });
            }
            LayerFormat::Windows => {
                let records = header.records.clone();
                plan.entries.push(PlannedEntry {
                    header,
                    content,
                    streams: Vec::new(),
                });
                if first.is_some() {
                    return;
                }
                for stream in streams {
                    let path = [path, b":", &stream.name].concat();
                    let mut header = Header::new(crate::tar::TarKind::File, path);
                    header.size = stream.content.size();
                    header.mode = times.1;
                    header.modified = times.0.modified.clamp_windows();
                    for name in [key::ACCESSED, key::CHANGED] {
                        if let Some(value) = records.get(name) {
                            header.records.set(name, value);
                        }
                    }
                    let content = Some(stream.content);
                    plan.entries.push(PlannedEntry {
                        header,
                        content,
                        streams: Vec::new(),
                    });
                }
            }
        }
    }

    /// Makes the records fit: the largest foreign ones go first, each a loss. Returns the streams
    /// that fit beside them.
    fn fit_records(&mut self, header: &mut Header, streams: &[Stream]) -> Vec<Stream> {
        let shown = show_path(self.tree.format(), &header.path);
        let mut lose = |detail: String| {
            self.losses.push(Loss {
                kind: LossKind::Oversized,
                path: shown.clone(),
                detail,
            });
        };
        // Names and numbers that the writer adds as records.
        let reserve = (header.path.len() + header.link.len()) as u64 + 512;
        while header.records.encoded_len() + reserve > MAX_RECORDS {
            let largest = header.records.iter().max_by_key(|(_, value)| value.len());
            let Some(name) = largest.map(|(name, _)| name.to_vec()) else {
                break;
            };
            header.records.take(&name);
            lose(String::from_utf8_lossy(&name).into_owned());
        }
        let mut used = header.records.encoded_len() + reserve;
        let mut fitting = Vec::new();
        for stream in streams {
            let text = stream.content.size().div_ceil(3).saturating_mul(4);
            let needed = text.saturating_add((escape(&stream.name).len() + 32) as u64);
            if used.saturating_add(needed) > MAX_RECORDS {
                let name = String::from_utf8_lossy(&stream.name);
                lose(format!("stream {name} of {} bytes", stream.content.size()));
                continue;
            }
            used += needed;
            fitting.push(stream.clone());
        }
        fitting
    }
}
