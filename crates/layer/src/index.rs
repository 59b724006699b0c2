//! The index of a layer: every fact that its tar states, without the content.
//!
//! In memory an index is the bytes of its file (`docs/format/index.md`), checked once when it is
//! opened; entries are views into it.

use std::collections::HashMap;

use crossdock_image::{DiffId, Digest};

use crate::Timestamp;
use crate::sealed::{self, u32_at, u64_at};
use crate::tar::{Header, Records, TarKind};

const MAGIC: &[u8; 8] = b"XDOCKIDX";
const VERSION: u32 = 1;
const HEADER: usize = 128;
const RECORD: usize = 152;

/// The index of one layer, keyed by its diff id. Holds raw facts; the system of the layer is
/// applied when a tree is stacked.
#[derive(Clone)]
pub struct LayerIndex {
    bytes: Vec<u8>,
    count: usize,
}

/// Bytes that are not an index, or not one of this version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("layer index: {reason}")]
pub struct IndexError {
    /// What is wrong.
    pub reason: &'static str,
}

/// One entry of an index.
#[derive(Clone, Copy)]
pub struct RawEntry<'a> {
    index: &'a LayerIndex,
    record: &'a [u8],
}

/// Where the stored bytes of a file lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Extent {
    /// Offset in the uncompressed layer.
    pub offset: u64,
    /// Number of bytes.
    pub length: u64,
}

/// Collects entries for a [`LayerIndex`].
#[derive(Default)]
pub struct IndexWriter {
    records: Vec<u8>,
    heap: Vec<u8>,
    interned: HashMap<Vec<u8>, (u32, u32)>,
    count: usize,
}

/// Most bytes of names and records that an index may hold.
const MAX_HEAP: usize = 1 << 30;

impl IndexWriter {
    /// Adds an entry whose content has been read.
    ///
    /// # Errors
    /// If the index would hold more than 1 GiB of names and records.
    pub fn add(
        &mut self,
        header: &Header,
        data: Extent,
        hash: &[u8; 32],
    ) -> Result<(), IndexError> {
        let path = self.intern(&header.path);
        let link = self.intern(&header.link);
        let user = self.intern(&header.user);
        let group = self.intern(&header.group);
        let mut list = Vec::with_capacity(header.records.len() * 16);
        for (key, value) in header.records.iter() {
            let (key, value) = (self.intern(key), self.intern(value));
            for part in [key.0, key.1, value.0, value.1] {
                list.extend_from_slice(&part.to_le_bytes());
            }
        }
        let records = self.intern(&list);
        let sparse: Vec<u8> = header
            .sparse
            .iter()
            .flatten()
            .flat_map(|(offset, length)| [offset.to_le_bytes(), length.to_le_bytes()])
            .flatten()
            .collect();
        let sparse = self.intern(&sparse);
        let mut record = Vec::with_capacity(RECORD);
        for (offset, length) in [path, link, records, user, group, sparse] {
            record.extend_from_slice(&offset.to_le_bytes());
            record.extend_from_slice(&length.to_le_bytes());
        }
        record.push(header.kind.flag());
        record.push(u8::from(header.sparse.is_some()));
        record.extend_from_slice(&[0, 0]);
        record.extend_from_slice(&header.mode.to_le_bytes());
        record.extend_from_slice(&header.uid.to_le_bytes());
        record.extend_from_slice(&header.gid.to_le_bytes());
        record.extend_from_slice(&header.modified.seconds.to_le_bytes());
        record.extend_from_slice(&header.modified.nanoseconds.to_le_bytes());
        record.extend_from_slice(&header.device.0.to_le_bytes());
        record.extend_from_slice(&header.device.1.to_le_bytes());
        record.extend_from_slice(&[0; 4]);
        for value in [data.offset, data.length, header.size] {
            record.extend_from_slice(&value.to_le_bytes());
        }
        record.extend_from_slice(hash);
        debug_assert_eq!(record.len(), RECORD);
        self.records.extend_from_slice(&record);
        self.count += 1;
        if self.heap.len() > MAX_HEAP {
            return Err(IndexError {
                reason: "names and records take more than 1 GiB",
            });
        }
        Ok(())
    }

    /// The index of everything that was added.
    pub fn finish(self, diff_id: &DiffId, tar_size: u64) -> LayerIndex {
        let mut bytes = Vec::with_capacity(HEADER + self.records.len() + self.heap.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(RECORD as u32).to_le_bytes());
        bytes.extend_from_slice(&(self.count as u64).to_le_bytes());
        bytes.extend_from_slice(&(self.heap.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&tar_size.to_le_bytes());
        bytes.extend_from_slice(diff_id.digest().as_bytes());
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.records);
        hasher.update(&self.heap);
        bytes.extend_from_slice(hasher.finalize().as_bytes());
        bytes.resize(HEADER - 8, 0);
        let checksum = blake3::hash(&bytes);
        bytes.extend_from_slice(&checksum.as_bytes()[..8]);
        bytes.extend_from_slice(&self.records);
        bytes.extend_from_slice(&self.heap);
        LayerIndex {
            bytes,
            count: self.count,
        }
    }

    fn intern(&mut self, bytes: &[u8]) -> (u32, u32) {
        if bytes.is_empty() {
            return (0, 0);
        }
        if let Some(&place) = self.interned.get(bytes) {
            return place;
        }
        let place = (self.heap.len() as u32, bytes.len() as u32);
        self.heap.extend_from_slice(bytes);
        self.interned.insert(bytes.to_vec(), place);
        place
    }
}

impl LayerIndex {
    /// Opens the bytes of an index file, checking all of it.
    pub fn open(bytes: Vec<u8>) -> Result<Self, IndexError> {
        let error = |reason| IndexError { reason };
        let header = sealed::header(&bytes, HEADER, MAGIC, "not a layer index").map_err(error)?;
        if u32_at(header, 8) != VERSION || u32_at(header, 12) != RECORD as u32 {
            return Err(error("of another version"));
        }
        let (count, heap) = (u64_at(header, 16), u64_at(header, 24));
        let length = count
            .checked_mul(RECORD as u64)
            .and_then(|records| records.checked_add(heap)?.checked_add(HEADER as u64));
        if length != Some(bytes.len() as u64) {
            return Err(error("of another length than its header says"));
        }
        if header[72..104] != *blake3::hash(&bytes[HEADER..]).as_bytes() {
            return Err(error("the checksum does not hold"));
        }
        let index = Self {
            bytes,
            count: count as usize,
        };
        // A checksum proves who wrote the file last, not that it was written right.
        if !index.entries().all(|entry| entry.is_sound()) {
            return Err(error("an entry points outside the file"));
        }
        Ok(index)
    }

    /// The bytes of the index file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The layer that this is the index of.
    pub fn diff_id(&self) -> DiffId {
        let bytes = self.bytes[40..72].try_into().expect("32 bytes");
        DiffId::new(Digest::from_bytes(bytes))
    }

    /// Size of the uncompressed layer in bytes.
    pub fn tar_size(&self) -> u64 {
        u64_at(&self.bytes, 32)
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether the layer has no entries.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The entry at `place`, in the order of the tar.
    ///
    /// # Panics
    /// If there are not that many.
    pub fn entry(&self, place: usize) -> RawEntry<'_> {
        assert!(place < self.count, "entry {place} of {}", self.count);
        let start = HEADER + place * RECORD;
        RawEntry {
            index: self,
            record: &self.bytes[start..start + RECORD],
        }
    }

    /// The entries in the order of the tar.
    pub fn entries(&self) -> impl Iterator<Item = RawEntry<'_>> {
        (0..self.count).map(|place| self.entry(place))
    }

    fn heap(&self) -> &[u8] {
        &self.bytes[HEADER + self.count * RECORD..]
    }
}

impl std::fmt::Debug for LayerIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LayerIndex({}, {} entries)", self.diff_id(), self.count)
    }
}

impl<'a> RawEntry<'a> {
    /// Name as the tar has it.
    pub fn path(&self) -> &'a [u8] {
        self.slice(0)
    }

    /// Target of a link.
    pub fn link(&self) -> &'a [u8] {
        self.slice(8)
    }

    /// Owner's name.
    pub fn user(&self) -> &'a [u8] {
        self.slice(24)
    }

    /// Group's name.
    pub fn group(&self) -> &'a [u8] {
        self.slice(32)
    }

    /// What the entry is.
    pub fn kind(&self) -> TarKind {
        TarKind::from_flag(self.record[48]).unwrap_or(TarKind::File)
    }

    /// Mode field.
    pub fn mode(&self) -> u32 {
        u32_at(self.record, 52)
    }

    /// Owner.
    pub fn uid(&self) -> u64 {
        u64_at(self.record, 56)
    }

    /// Group.
    pub fn gid(&self) -> u64 {
        u64_at(self.record, 64)
    }

    /// Modification time.
    pub fn modified(&self) -> Timestamp {
        Timestamp {
            seconds: u64_at(self.record, 72) as i64,
            nanoseconds: u32_at(self.record, 80),
        }
    }

    /// Device numbers, major and minor.
    pub fn device(&self) -> (u32, u32) {
        (u32_at(self.record, 84), u32_at(self.record, 88))
    }

    /// Where the stored content lies.
    pub fn extent(&self) -> Extent {
        Extent {
            offset: u64_at(self.record, 96),
            length: u64_at(self.record, 104),
        }
    }

    /// Size of the file, holes included.
    pub fn size(&self) -> u64 {
        u64_at(self.record, 112)
    }

    /// BLAKE3 of the content, holes included as zeroes. Of an entry without content: of nothing.
    pub fn hash(&self) -> [u8; 32] {
        self.record[120..152].try_into().expect("32 bytes")
    }

    /// The segments of a sparse file.
    pub fn sparse(&self) -> Option<Vec<(u64, u64)>> {
        (self.record[49] != 0).then(|| {
            let pairs = self.slice(40).chunks_exact(16);
            pairs
                .map(|pair| (u64_at(pair, 0), u64_at(pair, 8)))
                .collect()
        })
    }

    /// The PAX records in byte order of their keys.
    pub fn records(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let heap = self.index.heap();
        self.slice(16).chunks_exact(16).map(|item| {
            let part = |at| range(heap, u32_at(item, at), u32_at(item, at + 4)).unwrap_or_default();
            (part(0), part(8))
        })
    }

    /// The value of one PAX record.
    pub fn record(&self, key: &[u8]) -> Option<&'a [u8]> {
        self.records()
            .find(|(other, _)| *other == key)
            .map(|(_, value)| value)
    }

    /// The entry as a tar header.
    pub fn header(&self) -> Header {
        Header {
            path: self.path().to_vec(),
            link: self.link().to_vec(),
            kind: self.kind(),
            mode: self.mode(),
            uid: self.uid(),
            gid: self.gid(),
            user: self.user().to_vec(),
            group: self.group().to_vec(),
            size: self.size(),
            modified: self.modified(),
            device: self.device(),
            records: self
                .records()
                .map(|(k, v)| (k.to_vec(), v.to_vec()))
                .collect::<Records>(),
            sparse: self.sparse(),
        }
    }

    fn slice(&self, at: usize) -> &'a [u8] {
        let (offset, length) = (u32_at(self.record, at), u32_at(self.record, at + 4));
        range(self.index.heap(), offset, length).unwrap_or_default()
    }

    fn is_sound(&self) -> bool {
        let heap = self.index.heap();
        let inside = |bytes: &[u8], at| range(heap, u32_at(bytes, at), u32_at(bytes, at + 4));
        let lists = [16, 40]
            .into_iter()
            .all(|at| self.slice(at).len().is_multiple_of(16));
        let extent = self.extent();
        let end = extent.offset.checked_add(extent.length);
        let segments = self.sparse().unwrap_or_default();
        let mut before = 0u64;
        let sparse = segments.iter().all(|&(offset, length)| {
            let fits =
                offset >= before && offset.checked_add(length).is_some_and(|e| e <= self.size());
            before = offset.saturating_add(length);
            fits
        });
        let stored = match self.record[49] {
            0 => {
                extent.length
                    == if self.kind() == TarKind::File {
                        self.size()
                    } else {
                        0
                    }
            }
            _ => {
                segments
                    .iter()
                    .try_fold(0u64, |sum, (_, length)| sum.checked_add(*length))
                    == Some(extent.length)
            }
        };
        (0..48)
            .step_by(8)
            .all(|at| inside(self.record, at).is_some())
            && lists
            && self.slice(16).chunks_exact(16).all(|item| {
                inside(item, 0).is_some_and(|key| !key.is_empty()) && inside(item, 8).is_some()
            })
            && TarKind::from_flag(self.record[48]).is_some()
            && self.modified().nanoseconds < 1_000_000_000
            && end.is_some_and(|end| end <= self.index.tar_size())
            && sparse
            && stored
    }
}

fn range(heap: &[u8], offset: u32, length: u32) -> Option<&[u8]> {
    heap.get(offset as usize..(offset as usize).checked_add(length as usize)?)
}

#[cfg(test)]
mod tests;
