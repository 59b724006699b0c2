//! Bytes of files that lie in compressed layers, brought out in one pass for each layer.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use crossdock_image::DiffId;
use crossdock_layer::{Content, Decompressor, LayerContent};
use crossdock_store::Store;

/// Bytes of all layers together that are kept in memory; for more, temporary files are used.
const MEMORY: u64 = 64 << 20;
/// Bytes that are moved at once.
const BUFFER: usize = 256 << 10;

/// Opens the compressed blob of a layer.
pub(crate) type OpenBlob<'a> = &'a (dyn Fn(&DiffId) -> io::Result<Box<dyn Read + Send>> + Sync);

/// The wanted bytes of some layers.
#[derive(Default)]
pub(crate) struct Spool {
    /// Where the stored bytes at an offset of a layer are: in which part, at which place.
    places: HashMap<(DiffId, u64), (usize, u64)>,
    parts: Vec<Part>,
}

/// The bytes of one layer, one after the other.
enum Part {
    Memory(Arc<Vec<u8>>),
    File(File),
}

impl Spool {
    /// Brings out everything that `contents` name, reading each layer once.
    pub(crate) fn fill<'c>(
        contents: impl Iterator<Item = &'c Content>,
        open: OpenBlob<'_>,
        store: &Store,
        threads: usize,
    ) -> io::Result<Self> {
        let mut wanted: BTreeMap<DiffId, BTreeMap<u64, u64>> = BTreeMap::new();
        for content in contents {
            if let Content::Layer(content) = content {
                let extents = wanted.entry(content.layer).or_default();
                extents.insert(content.extent.offset, content.extent.length);
            }
        }
        let layers: Vec<_> = wanted.into_iter().collect();
        let total: u64 = layers
            .iter()
            .flat_map(|(_, extents)| extents.values())
            .sum();
        let in_memory = total <= MEMORY;
        let results: Vec<OnceLock<io::Result<Part>>> =
            layers.iter().map(|_| OnceLock::new()).collect();
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..threads.min(layers.len()) {
                scope.spawn(|| {
                    loop {
                        let place = next.fetch_add(1, Ordering::Relaxed);
                        let Some((layer, extents)) = layers.get(place) else {
                            break;
                        };
                        let part = read_layer(layer, extents, open, (!in_memory).then_some(store));
                        let _ = results[place].set(part);
                    }
                });
            }
        });
        let mut spool = Self::default();
        for ((layer, extents), result) in layers.iter().zip(results) {
            let ended = || Err(io::Error::other("a thread ended early"));
            let part = result.into_inner().unwrap_or_else(ended)?;
            let mut place = 0;
            for (offset, length) in extents {
                spool
                    .places
                    .insert((*layer, *offset), (spool.parts.len(), place));
                place += length;
            }
            spool.parts.push(part);
        }
        Ok(spool)
    }

    /// Opens the content of a file, checked against the index's hash at its end.
    pub(crate) fn open(&self, content: &LayerContent) -> io::Result<Box<dyn Read>> {
        let key = (content.layer, content.extent.offset);
        let &(part, place) = self.places.get(&key).ok_or_else(|| {
            io::Error::other(format!(
                "content of layer {} was not brought out",
                content.layer
            ))
        })?;
        let stored: Box<dyn Read> = match &self.parts[part] {
            Part::Memory(bytes) => {
                let mut cursor = Cursor::new(SharedBytes(Arc::clone(bytes)));
                cursor.set_position(place);
                Box::new(cursor.take(content.extent.length))
            }
            Part::File(file) => {
                let mut file = file.try_clone()?;
                file.seek(SeekFrom::Start(place))?;
                Box::new(io::BufReader::with_capacity(
                    128 << 10,
                    file.take(content.extent.length),
                ))
            }
        };
        let whole: Box<dyn Read> = match &content.sparse {
            None => stored,
            Some(segments) => Box::new(Sparse {
                stored,
                segments: Arc::clone(segments),
                next: 0,
                position: 0,
                size: content.size,
            }),
        };
        Ok(Box::new(Checked {
            inner: whole,
            hasher: blake3::Hasher::new(),
            expected: content.hash,
            remaining: content.size,
            layer: content.layer,
        }))
    }
}

struct SharedBytes(Arc<Vec<u8>>);

impl AsRef<[u8]> for SharedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Reads the wanted extents of one layer, into a file of `spool` or into memory. Nothing behind the
/// last one is decompressed.
fn read_layer(
    layer: &DiffId,
    extents: &BTreeMap<u64, u64>,
    open: OpenBlob<'_>,
    spool: Option<&Store>,
) -> io::Result<Part> {
    let mut reader = Decompressor::new(open(layer)?)?;
    let mut buffer = vec![0; BUFFER];
    let mut position = 0;
    let mut copy_all = |out: &mut dyn Write| -> io::Result<()> {
        for (&offset, &length) in extents {
            let gap = offset.checked_sub(position).ok_or_else(|| {
                io::Error::new(io::ErrorKind::InvalidData, "files of the layer overlap")
            })?;
            pass(&mut reader, gap, &mut io::sink(), &mut buffer)?;
            pass(&mut reader, length, out, &mut buffer)?;
            position = offset + length;
        }
        Ok(())
    };
    match spool {
        None => {
            let mut bytes = Vec::with_capacity(extents.values().sum::<u64>() as usize);
            copy_all(&mut bytes)?;
            Ok(Part::Memory(Arc::new(bytes)))
        }
        Some(store) => {
            let mut file = store.spool()?;
            copy_all(&mut file)?;
            Ok(Part::File(file))
        }
    }
}

/// Moves exactly `count` bytes.
fn pass(from: &mut dyn Read, count: u64, to: &mut dyn Write, buffer: &mut [u8]) -> io::Result<()> {
    let mut remaining = count;
    while remaining > 0 {
        let wanted = remaining.min(buffer.len() as u64) as usize;
        match from.read(&mut buffer[..wanted]) {
            Ok(0) => {
                let text = "the layer is shorter than its index says";
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
            }
            Ok(length) => {
                to.write_all(&buffer[..length])?;
                remaining -= length as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A sparse file with its holes.
struct Sparse {
    stored: Box<dyn Read>,
    segments: Arc<[(u64, u64)]>,
    next: usize,
    position: u64,
    size: u64,
}

impl Read for Sparse {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(&(offset, length)) = self.segments.get(self.next)
            && self.position >= offset
        {
            let remaining = offset + length - self.position;
            let wanted = remaining.min(buffer.len() as u64) as usize;
            let found = self.stored.read(&mut buffer[..wanted])?;
            self.position += found as u64;
            if self.position == offset + length {
                self.next += 1;
            }
            return Ok(found);
        }
        let end = self
            .segments
            .get(self.next)
            .map_or(self.size, |(offset, _)| *offset);
        let zeroes = (end - self.position).min(buffer.len() as u64) as usize;
        buffer[..zeroes].fill(0);
        self.position += zeroes as u64;
        Ok(zeroes)
    }
}

/// Fails at the end of a file that is not what the index says.
struct Checked {
    inner: Box<dyn Read>,
    hasher: blake3::Hasher,
    expected: [u8; 32],
    remaining: u64,
    layer: DiffId,
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..length]);
        self.remaining = self.remaining.saturating_sub(length as u64);
        let done = self.remaining == 0 || length == 0 && !buffer.is_empty();
        if done && *self.hasher.finalize().as_bytes() != self.expected {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!(
                    "its bytes in layer {} are not those that were indexed: the blob was damaged \
                     or replaced; remove it and copy the image again",
                    self.layer
                ),
            ));
        }
        Ok(length)
    }
}
