//! The build cache: what an operation made of equal inputs.

use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use crossdock_image::{BlobDigest, DiffId, Digest};
use crossdock_layer::{
    Content, Entry, Gathered, Kind, LayerFormat, Loss, LossKind, NodeId, Source, Tree,
};

/// Changes whenever equal inputs may give other layers.
const VERSION: &str = "crossdock cache 7";

/// What an operation made.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct CacheRecord {
    /// The layer, if one was made.
    pub(crate) layer: Option<CachedLayer>,
    /// What was lost: kind by number, path, detail.
    pub(crate) losses: Vec<(u8, String, String)>,
    pub(crate) hidden: u64,
    pub(crate) warnings: Vec<String>,
    /// The newest time in the layer: seconds and nanoseconds.
    pub(crate) newest: Option<(i64, u32)>,
    /// Where it is from, if it was downloaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<Origin>,
}

/// Where something that was downloaded is from: what tells whether it has changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// `ETag`.
    pub(crate) etag: Option<String>,
    /// `Last-Modified`, as the server wrote it, and in seconds since 1970.
    pub(crate) last_modified: Option<String>,
    pub(crate) modified: Option<i64>,
    /// The digest of the file as it came.
    pub(crate) digest: Option<String>,
    /// The blob is a tar that came, and not one that was made for a file.
    pub(crate) is_archive: bool,
}

impl Origin {
    /// Whether the file has the digest.
    pub(crate) fn has(&self, digest: &Digest) -> bool {
        self.digest.as_deref() == Some(&*digest.to_string())
    }
}

/// A layer in the store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CachedLayer {
    pub(crate) diff_id: DiffId,
    pub(crate) blob: BlobDigest,
    pub(crate) size: u64,
}

/// Results that are kept of operations with one key, each made upon another base.
const MAX_RESULTS: usize = 8;

/// What an operation made, and what it had asked of the tree beneath.
#[derive(Debug, Clone)]
pub(crate) struct CachedResult {
    pub(crate) record: CacheRecord,
    /// Hash of the layers beneath: while they are the same, nothing need be asked again.
    pub(crate) beneath: [u8; 32],
    /// Paths that were asked about.
    pub(crate) questions: Vec<Vec<u8>>,
    /// Hash of all answers.
    pub(crate) answers: [u8; 32],
    /// Layers whose indexes are needed to find this result again: those that are asked and those
    /// that are copied from. What prunes the store keeps these indexes.
    pub(crate) layers: Vec<DiffId>,
}

impl CachedResult {
    /// The result of what depends on nothing but its key.
    pub(crate) fn of_key(record: CacheRecord) -> Self {
        Self {
            record,
            beneath: [0; 32],
            questions: Vec::new(),
            answers: [0; 32],
            layers: Vec::new(),
        }
    }
}

/// The results of operations with one key, the newest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct CacheEntry(Vec<CachedResult>);

impl CacheEntry {
    /// Reads an entry; one that cannot be read is empty.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let mut results = Vec::new();
        let mut rest = bytes;
        while let Some(result) = parse_result(&mut rest) {
            results.push(result);
        }
        Self(if rest.is_empty() { results } else { Vec::new() })
    }

    /// The entry as bytes: for each result the hashes, then record, questions and layers, each
    /// behind its length in four bytes.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for result in &self.0 {
            bytes.extend_from_slice(&result.beneath);
            bytes.extend_from_slice(&result.answers);
            let record = serde_json::to_vec(&result.record).unwrap_or_default();
            // Names hold no NUL.
            let questions = result.questions.join(&0);
            let layers = result
                .layers
                .iter()
                .flat_map(|layer| *layer.digest().as_bytes());
            for part in [record, questions, layers.collect()] {
                bytes.extend_from_slice(&(part.len() as u32).to_le_bytes());
                bytes.extend_from_slice(&part);
            }
        }
        bytes
    }

    pub(crate) fn results(&self) -> &[CachedResult] {
        &self.0
    }

    /// Puts a result first, in place of one that was made upon the same layers.
    pub(crate) fn with(mut self, result: CachedResult) -> Self {
        self.0.retain(|other| other.beneath != result.beneath);
        self.0.insert(0, result);
        self.0.truncate(MAX_RESULTS);
        self
    }
}

fn parse_result(rest: &mut &[u8]) -> Option<CachedResult> {
    let (beneath, after) = rest.split_first_chunk::<32>()?;
    let (answers, mut after) = after.split_first_chunk::<32>()?;
    let record = serde_json::from_slice(part(&mut after)?).ok()?;
    let questions = part(&mut after)?
        .split(|&byte| byte == 0)
        .map(<[u8]>::to_vec)
        .collect();
    let (layers, []) = part(&mut after)?.as_chunks::<32>() else {
        return None;
    };
    *rest = after;
    Some(CachedResult {
        record,
        beneath: *beneath,
        questions,
        answers: *answers,
        layers: layers
            .iter()
            .map(|bytes| DiffId::new(Digest::from_bytes(*bytes)))
            .collect(),
    })
}

fn part<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let (part, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *rest = after;
    Some(part)
}

const LOSS_KINDS: [LossKind; 7] = [
    LossKind::Socket,
    LossKind::Collision,
    LossKind::Oversized,
    LossKind::HardLink,
    LossKind::AttributeName,
    LossKind::Stream,
    LossKind::ReparsePoint,
];

pub(crate) fn store_losses(losses: &[Loss]) -> Vec<(u8, String, String)> {
    losses
        .iter()
        .map(|loss| {
            let kind = LOSS_KINDS
                .iter()
                .position(|kind| *kind == loss.kind)
                .unwrap_or_default();
            (kind as u8, loss.path.clone(), loss.detail.clone())
        })
        .collect()
}

pub(crate) fn load_losses(stored: &[(u8, String, String)]) -> Vec<Loss> {
    stored
        .iter()
        .filter_map(|(kind, path, detail)| {
            let kind = *LOSS_KINDS.get(usize::from(*kind))?;
            Some(Loss {
                kind,
                path: path.clone(),
                detail: detail.clone(),
            })
        })
        .collect()
}

/// Hashes what an operation depends on.
#[derive(Clone)]
pub(crate) struct KeyHasher {
    hasher: blake3::Hasher,
    /// What is not hashed yet: fields are small.
    pending: Vec<u8>,
}

/// Bytes that are hashed at once.
const BATCH: usize = 64 << 10;

/// Takes the fields of a value as its `Hash` gives them. They depend on the program and the
/// machine: a key is looked for by the program that made it, or made anew.
impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        if self.pending.len() + bytes.len() > BATCH {
            self.hasher.update(&self.pending);
            self.pending.clear();
        }
        match bytes.len() {
            0..BATCH => self.pending.extend_from_slice(bytes),
            _ => {
                self.hasher.update(bytes);
            }
        }
    }

    fn finish(&self) -> u64 {
        // Nobody asks: the key is longer.
        0
    }
}

impl KeyHasher {
    pub(crate) fn new(operation: &str) -> Self {
        let mut hasher = Self {
            hasher: blake3::Hasher::new(),
            pending: Vec::with_capacity(BATCH),
        };
        hasher.field(VERSION.as_bytes());
        hasher.field(operation.as_bytes());
        hasher
    }

    /// Adds bytes with their length, so that neighbours cannot run into one another.
    pub(crate) fn field(&mut self, bytes: &[u8]) {
        self.write(&(bytes.len() as u64).to_le_bytes());
        self.write(bytes);
    }

    /// Adds all fields of a value.
    pub(crate) fn value(&mut self, value: &impl Hash) {
        value.hash(self);
    }

    pub(crate) fn layers(&mut self, layers: impl Iterator<Item = DiffId>) {
        for layer in layers {
            self.field(layer.digest().as_bytes());
        }
        self.field(b"end of layers");
    }

    /// Adds everything that is copied: names, metadata, and the hash of every content.
    pub(crate) fn gathered(
        &mut self,
        gathered: &Gathered<'_>,
        hash: &mut dyn FnMut(u64) -> std::io::Result<[u8; 32]>,
    ) -> std::io::Result<()> {
        let mut links = std::collections::HashMap::new();
        self.value(&gathered.first());
        for entry in gathered.entries() {
            self.field(&entry.path);
            self.value(&entry.manner);
            self.node(entry.tree, entry.node, &mut links, hash)?;
        }
        Ok(())
    }

    fn node(
        &mut self,
        tree: &Tree,
        node: NodeId,
        links: &mut std::collections::HashMap<(usize, Source), u64>,
        hash: &mut dyn FnMut(u64) -> std::io::Result<[u8; 32]>,
    ) -> std::io::Result<()> {
        // Which names are one file matters as much as what is in it.
        let next = links.len() as u64;
        let identity = (std::ptr::from_ref(tree).addr(), tree.source(node));
        let file = *links.entry(identity).or_insert(next);
        self.field(&file.to_le_bytes());
        self.field(match tree.format() {
            LayerFormat::Linux => b"linux",
            LayerFormat::Windows => b"windows",
        });
        self.value(&tree.full_name(node));
        let Some(entry) = tree.entry(node) else {
            self.field(b"implied");
            return Ok(());
        };
        let Entry {
            kind,
            posix,
            win32,
            times,
            origin,
            streams,
            original_link,
            original_mode,
        } = &entry;
        self.value(&(posix, win32, times, origin, original_link, original_mode));
        match kind {
            Kind::File(content) => self.content(content, hash)?,
            other => self.value(other),
        }
        for stream in streams {
            self.field(&stream.name);
            self.content(&stream.content, hash)?;
        }
        Ok(())
    }

    fn content(
        &mut self,
        content: &Content,
        hash: &mut dyn FnMut(u64) -> std::io::Result<[u8; 32]>,
    ) -> std::io::Result<()> {
        self.field(&content.size().to_le_bytes());
        match content {
            Content::Inline(bytes) => self.field(blake3::hash(bytes).as_bytes()),
            Content::Layer(content) => self.field(&content.hash),
            Content::External { id, .. } => self.field(&hash(*id)?),
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> [u8; 32] {
        self.hasher.update(&self.pending);
        *self.hasher.finalize().as_bytes()
    }
}
