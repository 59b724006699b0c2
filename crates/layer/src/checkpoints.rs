//! Points in a compressed layer from which it can be read.
//!
//! In memory they are the bytes of their file (`docs/format/checkpoints.md`), checked once when it
//! is opened; the windows are unpacked when they are used.

use crate::compression::{Boundary, Compression, Prover, WINDOW};
use crate::sealed::{self, u32_at, u64_at};

const MAGIC: &[u8; 8] = b"XDOCKPTS";
const VERSION: u32 = 1;
const HEADER: usize = 96;
const RECORD: usize = 32;
/// Content between two points, at least.
pub(crate) const SPAN: u64 = 4 << 20;
/// Most bytes that all windows may take. Those of real layers take a thousandth of their content.
const MAX_HEAP: usize = 256 << 20;
const PACK_LEVEL: i32 = 1;

/// Where reading of a blob can begin, about every 4 MiB of its content.
///
/// They belong to a blob, not to a diff id. What is read by them must be checked: a file of points
/// that belongs to another blob gives wrong bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Checkpoints {
    bytes: Vec<u8>,
    compression: Compression,
    count: usize,
}

/// Bytes that are not checkpoints, or not those of this version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("checkpoints: {reason}")]
pub struct CheckpointsError {
    /// What is wrong.
    pub reason: &'static str,
}

/// A point from which a blob can be read.
#[derive(Debug, Clone, Copy)]
pub struct Point<'a> {
    /// Offset in the content.
    pub uncompressed: u64,
    /// Offset of the first byte of the blob that is read.
    pub compressed: u64,
    pub(crate) compression: Compression,
    pub(crate) place: Place<'a>,
}

/// What is at a point.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'a> {
    /// A member or frame begins.
    Start,
    /// A block of a deflate stream begins.
    Middle {
        /// Lower bits of the first byte that belong to what precedes.
        bits: u8,
        /// The content before, compressed; empty if it is not needed.
        window: &'a [u8],
    },
}

impl Checkpoints {
    /// Opens the bytes of a file of checkpoints, checking all of it but for what the windows hold.
    pub fn open(bytes: Vec<u8>) -> Result<Self, CheckpointsError> {
        let error = |reason| CheckpointsError { reason };
        let header = sealed::header(&bytes, HEADER, MAGIC, "not checkpoints").map_err(error)?;
        if u32_at(header, 8) != VERSION {
            return Err(error("of another version"));
        }
        let compression = match header[12] {
            0 => Compression::None,
            1 => Compression::Gzip,
            2 => Compression::Zstd,
            _ => return Err(error("of an unknown compression")),
        };
        let (count, heap) = (u64_at(header, 16), u64_at(header, 24));
        let length = count
            .checked_mul(RECORD as u64)
            .and_then(|records| records.checked_add(heap)?.checked_add(HEADER as u64));
        if length != Some(bytes.len() as u64) {
            return Err(error("of another length than their header says"));
        }
        if header[48..80] != *blake3::hash(&bytes[HEADER..]).as_bytes() {
            return Err(error("the checksum does not hold"));
        }
        let checkpoints = Self {
            bytes,
            compression,
            count: count as usize,
        };
        // A checksum proves who wrote the file last, not that it was written right.
        match checkpoints.is_sound() {
            true => Ok(checkpoints),
            false => Err(error("a point is outside the blob or out of order")),
        }
    }

    /// The bytes of the file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How the blob is compressed.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// Size of the blob in bytes.
    pub fn blob_size(&self) -> u64 {
        u64_at(&self.bytes, 32)
    }

    /// Size of its content in bytes.
    pub fn content_size(&self) -> u64 {
        u64_at(&self.bytes, 40)
    }

    /// The last point that is not behind `offset`, an offset in the content.
    pub fn before(&self, offset: u64) -> Point<'_> {
        self.point(self.place_before(offset))
    }

    /// The first point that is behind `offset`.
    pub fn after(&self, offset: u64) -> Option<Point<'_>> {
        let place = self.place_before(offset) + 1;
        (place < self.len()).then(|| self.point(place))
    }

    fn place_before(&self, offset: u64) -> usize {
        let place = match self.compression {
            Compression::None => (offset / SPAN) as usize,
            _ => self.search(offset).saturating_sub(1),
        };
        place.min(self.len() - 1)
    }

    /// The points in order. The first is the start.
    pub fn points(&self) -> impl Iterator<Item = Point<'_>> {
        (0..self.len()).map(|place| self.point(place))
    }

    /// Number of points. A blob that is not compressed can be read from everywhere; it has one
    /// point every 4 MiB.
    fn len(&self) -> usize {
        match self.compression {
            Compression::None => self.content_size().div_ceil(SPAN).max(1) as usize,
            _ => self.count,
        }
    }

    /// Number of records that are not behind `offset`.
    fn search(&self, offset: u64) -> usize {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            match u64_at(self.record(middle), 0) <= offset {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        low
    }

    fn point(&self, place: usize) -> Point<'_> {
        if self.compression == Compression::None {
            let offset = place as u64 * SPAN;
            return Point {
                uncompressed: offset,
                compressed: offset,
                compression: Compression::None,
                place: Place::Start,
            };
        }
        let record = self.record(place);
        Point {
            uncompressed: u64_at(record, 0),
            compressed: u64_at(record, 8),
            compression: self.compression,
            place: match record[24] {
                0 => Place::Start,
                _ => Place::Middle {
                    bits: record[25],
                    window: self.window(record).unwrap_or_default(),
                },
            },
        }
    }

    fn record(&self, place: usize) -> &[u8] {
        &self.bytes[HEADER + place * RECORD..][..RECORD]
    }

    fn window(&self, record: &[u8]) -> Option<&[u8]> {
        let (offset, length) = (u32_at(record, 16) as usize, u32_at(record, 20) as usize);
        let heap = &self.bytes[HEADER + self.count * RECORD..];
        heap.get(offset..offset.checked_add(length)?)
    }

    fn is_sound(&self) -> bool {
        if self.compression == Compression::None {
            return self.count == 0 && self.blob_size() == self.content_size();
        }
        let mut before = None;
        let sound = (0..self.count).all(|place| {
            let record = self.record(place);
            let offsets = (u64_at(record, 0), u64_at(record, 8));
            let in_order = match before.replace(offsets) {
                None => offsets == (0, 0),
                Some(before) => offsets.0 > before.0 && offsets.1 > before.1,
            };
            let inside = offsets.0 <= self.content_size() && offsets.1 <= self.blob_size();
            let window = self.window(record).map(<[u8]>::len);
            let kind = match (record[24], self.compression) {
                (0, _) => record[25] == 0 && window == Some(0),
                (1, Compression::Gzip) => record[25] < 8 && window.is_some(),
                _ => false,
            };
            in_order && inside && kind
        });
        sound && self.count > 0
    }
}

impl std::fmt::Debug for Checkpoints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = self.len();
        write!(f, "Checkpoints({:?}, {count} points)", self.compression)
    }
}

/// Unpacks a window.
pub(crate) fn unpack(window: &[u8]) -> std::io::Result<Vec<u8>> {
    match window {
        [] => Ok(Vec::new()),
        window => zstd::bulk::decompress(window, WINDOW),
    }
}

/// Collects the points of a blob while it is read or written.
pub(crate) struct Collector {
    compression: Compression,
    span: u64,
    records: Vec<u8>,
    heap: Vec<u8>,
    count: usize,
    /// Offset in the content from which on the next point is wanted.
    next: u64,
    prover: Prover,
    packer: Option<zstd::bulk::Compressor<'static>>,
}

impl Collector {
    /// With the start as its only point.
    pub(crate) fn new(compression: Compression) -> Self {
        Self::with_span(compression, SPAN)
    }

    /// With points as often as every `span` bytes.
    pub(crate) fn with_span(compression: Compression, span: u64) -> Self {
        let mut collector = Self {
            compression,
            span: span.max(1),
            records: Vec::new(),
            heap: Vec::new(),
            count: 0,
            next: 0,
            prover: Prover::new(),
            packer: zstd::bulk::Compressor::new(PACK_LEVEL).ok(),
        };
        if compression != Compression::None {
            collector.start(0, 0);
        }
        collector
    }

    /// Whether a point is wanted by now.
    pub(crate) fn is_due(&self, uncompressed: u64) -> bool {
        uncompressed >= self.next
    }

    /// Takes a point at which a member or frame begins, if it is wanted.
    pub(crate) fn start(&mut self, uncompressed: u64, compressed: u64) {
        if self.is_due(uncompressed) {
            self.add(uncompressed, compressed, [0, 0], (0, 0));
        }
    }

    /// Takes the end of a deflate block, if the next block can be found in the last byte or after
    /// it. `compressed` is the offset after that byte.
    pub(crate) fn middle(&mut self, uncompressed: u64, compressed: u64, found: &Boundary<'_>) {
        match self.prover.prove(found) {
            Some(proven) => self.proven(uncompressed, compressed, proven.bits, &proven.window),
            None => self.postpone(uncompressed),
        }
    }

    /// Takes the end of a deflate block that ends with a byte.
    pub(crate) fn aligned(&mut self, uncompressed: u64, compressed: u64, found: &Boundary<'_>) {
        match self.prover.prove_aligned(found) {
            Some(proven) => self.proven(uncompressed, compressed, 0, &proven.window),
            None => self.postpone(uncompressed),
        }
    }

    fn proven(&mut self, uncompressed: u64, compressed: u64, bits: u8, window: &[u8]) {
        let packed = match (window, &mut self.packer) {
            ([], _) => Some(Vec::new()),
            (window, Some(packer)) => packer.compress(window).ok(),
            (_, None) => None,
        };
        // Points are a help, not a need.
        let room = MAX_HEAP - self.heap.len();
        let Some(packed) = packed.filter(|packed| packed.len() <= room) else {
            self.postpone(uncompressed);
            return;
        };
        let place = (self.heap.len() as u32, packed.len() as u32);
        self.heap.extend_from_slice(&packed);
        let first = compressed - u64::from(bits > 0);
        self.add(uncompressed, first, [1, bits], place);
    }

    /// Wants no point for a while: there was none to be had at `uncompressed`.
    pub(crate) fn postpone(&mut self, uncompressed: u64) {
        self.next = uncompressed + self.span / 4;
    }

    fn add(&mut self, uncompressed: u64, compressed: u64, kind: [u8; 2], window: (u32, u32)) {
        for value in [uncompressed, compressed] {
            self.records.extend_from_slice(&value.to_le_bytes());
        }
        for value in [window.0, window.1] {
            self.records.extend_from_slice(&value.to_le_bytes());
        }
        self.records.extend_from_slice(&kind);
        self.records.extend_from_slice(&[0; 6]);
        self.count += 1;
        self.next = uncompressed + self.span;
    }

    /// The points of a blob of which the sizes are known now.
    pub(crate) fn finish(self, blob_size: u64, content_size: u64) -> Checkpoints {
        let mut bytes = Vec::with_capacity(HEADER + self.records.len() + self.heap.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.push(match self.compression {
            Compression::None => 0,
            Compression::Gzip => 1,
            Compression::Zstd => 2,
        });
        bytes.extend_from_slice(&[0; 3]);
        let sizes = [
            self.count as u64,
            self.heap.len() as u64,
            blob_size,
            content_size,
        ];
        for value in sizes {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.records);
        hasher.update(&self.heap);
        bytes.extend_from_slice(hasher.finalize().as_bytes());
        bytes.resize(HEADER - 8, 0);
        let checksum = blake3::hash(&bytes);
        bytes.extend_from_slice(&checksum.as_bytes()[..8]);
        bytes.extend_from_slice(&self.records);
        bytes.extend_from_slice(&self.heap);
        Checkpoints {
            bytes,
            compression: self.compression,
            count: self.count,
        }
    }
}

#[cfg(test)]
mod tests;
