//! Bytes of files that lie in compressed layers, brought out by all threads.

mod spans;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, Cursor, Read, Write};
use std::sync::{Arc, Mutex};

use crossdock_host::{read_at, write_all_at};
use crossdock_image::DiffId;
use crossdock_layer::{Checkpoints, Content, Decompressor, LayerContent};
use crossdock_store::{BlobInFile, Store};

use self::spans::{Span, spans};
use crate::layers::Layer;

/// Bytes of all layers together that are kept in memory; for more, a temporary file is used.
const MEMORY: u64 = 64 << 20;
/// Bytes that are moved at once.
const BUFFER: usize = 256 << 10;

/// A layer's blob.
pub(crate) enum Found {
    /// Of an image or a stage.
    Layer(Arc<Layer>),
    /// An archive that is unpacked, open.
    Archive(Box<dyn Read + Send>),
}

/// Finds the compressed blob of a layer.
pub(crate) type FindLayer<'a> = &'a (dyn Fn(&DiffId) -> io::Result<Found> + Sync);

/// The wanted bytes of some layers.
pub(crate) struct Spool {
    places: Places,
    bytes: Bytes,
}

/// Where the stored bytes at an offset of a layer are.
type Places = HashMap<(DiffId, u64), u64>;

/// The bytes of all layers, one after the other.
enum Bytes {
    Memory(Arc<Vec<u8>>),
    File(Arc<File>),
}

/// What is wanted of one layer.
struct Region {
    layer: DiffId,
    /// Offsets and lengths in the layer's content, in order.
    extents: Vec<(u64, u64)>,
    /// Where the first of them lies in the spool.
    place: u64,
}

/// How a layer is read.
enum Access {
    /// From points in a file. What is read is not verified.
    Points(BlobInFile, Checkpoints),
    /// From the start, once.
    Whole(Mutex<Option<Found>>),
}

/// A span that a thread brings out.
struct Job<'a> {
    region: usize,
    access: &'a Access,
    span: &'a Span,
    target: Target<'a>,
}

/// Where a span's bytes go.
enum Target<'a> {
    Memory(&'a mut [u8]),
    File(&'a File, u64),
}

impl Spool {
    /// Brings out everything that `contents` name. Layers with checkpoints are read where
    /// something is wanted, others up to the last of it.
    pub(crate) fn fill<'c>(
        contents: impl Iterator<Item = &'c Content>,
        find: FindLayer<'_>,
        store: &Store,
        threads: usize,
    ) -> io::Result<Self> {
        Self::fill_beyond(MEMORY, contents, find, store, threads)
    }

    /// As [`fill`](Self::fill), with at most `memory` bytes in memory.
    fn fill_beyond<'c>(
        memory: u64,
        contents: impl Iterator<Item = &'c Content>,
        find: FindLayer<'_>,
        store: &Store,
        threads: usize,
    ) -> io::Result<Self> {
        let contents: Vec<&LayerContent> = contents
            .filter_map(|content| match content {
                Content::Layer(content) => Some(content),
                _ => None,
            })
            .collect();
        let (regions, places, total) = lay_out(&contents);
        let accesses = regions
            .iter()
            .map(|region| Ok(access(find(&region.layer)?, store)))
            .collect::<io::Result<Vec<Access>>>()?;
        let mut spool = Self {
            places,
            bytes: match total <= memory {
                true => Bytes::Memory(Arc::new(vec![0; total as usize])),
                false => Bytes::File(Arc::new(store.spool()?)),
            },
        };
        let least = total / (threads as u64 * 4);
        let spans = regions
            .iter()
            .zip(&accesses)
            .map(|(region, access)| match access {
                Access::Points(_, points) => spans(&region.extents, Some(points), least),
                Access::Whole(_) => spans(&region.extents, None, least),
            })
            .collect::<io::Result<Vec<Vec<Span>>>>()?;
        let mut doubtful = spool.bring_out(&regions, &accesses, &spans, threads)?;
        doubtful.extend(spool.check(&contents, &regions, &accesses, threads));
        for place in doubtful {
            spool.read_whole(&regions[place], find, store)?;
        }
        Ok(spool)
    }

    /// Brings out all spans. The regions are returned that cannot be read by their points.
    fn bring_out(
        &mut self,
        regions: &[Region],
        accesses: &[Access],
        spans: &[Vec<Span>],
        threads: usize,
    ) -> io::Result<BTreeSet<usize>> {
        let mut jobs = Vec::new();
        let (mut memory, file) = match &mut self.bytes {
            Bytes::Memory(bytes) => (memory_of(bytes), None),
            Bytes::File(file) => (Default::default(), Some(&**file)),
        };
        for (region, spans) in spans.iter().enumerate() {
            let mut place = regions[region].place;
            for span in spans {
                let length = span.length();
                let target = match file {
                    None => {
                        let (now, later) = memory.split_at_mut(length as usize);
                        memory = later;
                        Target::Memory(now)
                    }
                    Some(file) => Target::File(file, place),
                };
                place += length;
                jobs.push(Job {
                    region,
                    access: &accesses[region],
                    span,
                    target,
                });
            }
        }
        // The longest is taken first.
        jobs.sort_by_key(|job| job.span.cost());
        let count = jobs.len();
        let jobs = Mutex::new(jobs);
        let doubtful = Mutex::new(BTreeSet::new());
        let failure: Mutex<Option<io::Error>> = Mutex::new(None);
        std::thread::scope(|scope| {
            for _ in 0..threads.min(count) {
                scope.spawn(|| {
                    while lock(&failure).is_none() {
                        let Some(job) = lock(&jobs).pop() else { break };
                        let (region, by_points) =
                            (job.region, matches!(job.access, Access::Points(..)));
                        match job.run() {
                            Ok(()) => {}
                            Err(_) if by_points => drop(lock(&doubtful).insert(region)),
                            Err(error) => drop(lock(&failure).get_or_insert(error)),
                        }
                    }
                });
            }
        });
        match lock(&failure).take() {
            Some(error) => Err(error),
            None => Ok(std::mem::take(&mut *lock(&doubtful))),
        }
    }

    /// The regions that were read by points and hold something else than was indexed.
    fn check(
        &self,
        contents: &[&LayerContent],
        regions: &[Region],
        accesses: &[Access],
        threads: usize,
    ) -> BTreeSet<usize> {
        let by_points: HashMap<DiffId, usize> = regions
            .iter()
            .enumerate()
            .filter(|(place, _)| matches!(accesses[*place], Access::Points(..)))
            .map(|(place, region)| (region.layer, place))
            .collect();
        let contents: Vec<_> = contents
            .iter()
            .filter_map(|content| Some((by_points.get(&content.layer)?, content)))
            .collect();
        let next = Mutex::new(contents.iter());
        let wrong = Mutex::new(BTreeSet::new());
        std::thread::scope(|scope| {
            for _ in 0..threads.min(contents.len()) {
                scope.spawn(|| {
                    loop {
                        let Some((region, content)) = lock(&next).next() else {
                            break;
                        };
                        let read = self.open(content);
                        let read = read.and_then(|mut read| io::copy(&mut read, &mut io::sink()));
                        if read.is_err() {
                            lock(&wrong).insert(**region);
                        }
                    }
                });
            }
        });
        std::mem::take(&mut *lock(&wrong))
    }

    /// Brings out a region again, from the start of the layer to its end: so it is known whether
    /// the blob is damaged, or else its checkpoints, which then count no more.
    fn read_whole(
        &mut self,
        region: &Region,
        find: FindLayer<'_>,
        store: &Store,
    ) -> io::Result<()> {
        let Found::Layer(layer) = find(&region.layer)? else {
            return Err(io::Error::other("an archive has no checkpoints"));
        };
        store
            .put_checkpoints(&layer.descriptor.digest, &[])
            .map_err(io::Error::other)?;
        // What is damaged is told first, and set aside if it is ours.
        let mut blob = layer.open().map_err(io::Error::other)?;
        io::copy(&mut blob, &mut io::sink())?;
        let access = Access::Whole(Mutex::new(Some(Found::Layer(layer))));
        for span in &spans(&region.extents, None, 0)? {
            let target = match &mut self.bytes {
                Bytes::Memory(bytes) => {
                    let range = region.place as usize..(region.place + span.length()) as usize;
                    Target::Memory(&mut memory_of(bytes)[range])
                }
                Bytes::File(file) => Target::File(file, region.place),
            };
            let job = Job {
                region: 0,
                access: &access,
                span,
                target,
            };
            job.run()?;
        }
        Ok(())
    }

    /// Opens the content of a file, checked against the index's hash at its end.
    pub(crate) fn open(&self, content: &LayerContent) -> io::Result<Box<dyn Read>> {
        let key = (content.layer, content.extent.offset);
        let &place = self.places.get(&key).ok_or_else(|| {
            io::Error::other(format!(
                "content of layer {} was not brought out",
                content.layer
            ))
        })?;
        let stored: Box<dyn Read> = match &self.bytes {
            Bytes::Memory(bytes) => {
                let mut cursor = Cursor::new(SharedBytes(Arc::clone(bytes)));
                cursor.set_position(place);
                Box::new(cursor.take(content.extent.length))
            }
            Bytes::File(file) => {
                let from_here = FileFrom {
                    file: Arc::clone(file),
                    offset: place,
                };
                let stored = from_here.take(content.extent.length);
                Box::new(io::BufReader::with_capacity(128 << 10, stored))
            }
        };
        Ok(whole_file(stored, content))
    }
}

/// Reads the content of a file of at most `limit` bytes that is no file of a folder.
pub(crate) fn read_small(
    content: &Content,
    limit: u64,
    find: FindLayer<'_>,
    store: &Store,
) -> io::Result<Vec<u8>> {
    if content.size() > limit {
        return Err(io::Error::other(format!(
            "the file is larger than {} MiB",
            limit >> 20
        )));
    }
    match content {
        Content::Inline(bytes) => Ok(bytes.to_vec()),
        Content::Layer(layer) => {
            let spool = Spool::fill(std::iter::once(content), find, store, 1)?;
            let mut bytes = Vec::new();
            spool.open(layer)?.read_to_end(&mut bytes)?;
            Ok(bytes)
        }
        Content::External { .. } => Err(io::Error::other("the file is in a folder")),
    }
}

/// Reads at most `limit` bytes from a file's beginning. They are not verified: they may tell a
/// person something, and go nowhere else.
pub(crate) fn read_start(
    content: &LayerContent,
    limit: u64,
    find: FindLayer<'_>,
    store: &Store,
) -> io::Result<Vec<u8>> {
    let length = content.extent.length.min(limit);
    let access = access(find(&content.layer)?, store);
    let points = match &access {
        Access::Points(_, points) => Some(points),
        Access::Whole(_) => None,
    };
    let mut bytes = vec![0; length as usize];
    // As little is wanted, it is one span.
    for span in &spans(&[(content.extent.offset, length)], points, u64::MAX)? {
        let job = Job {
            region: 0,
            access: &access,
            span,
            target: Target::Memory(&mut bytes),
        };
        job.run()?;
    }
    Ok(bytes)
}

/// Opens the content of one file where it lies, checked against the index's hash at its end. What
/// is not good for a whole layer is good for one large file: nothing is kept of it.
pub(crate) fn open_content(
    content: &LayerContent,
    find: FindLayer<'_>,
    store: &Store,
) -> io::Result<Box<dyn Read>> {
    let offset = content.extent.offset;
    let (reader, start) = access(find(&content.layer)?, store).open(offset)?;
    let mut reader: Box<dyn Read> = Box::new(reader);
    pass(
        &mut reader,
        offset - start,
        &mut io::sink(),
        &mut vec![0; BUFFER],
    )?;
    let stored = Box::new(reader.take(content.extent.length));
    Ok(whole_file(stored, content))
}

/// A file with its holes, of which the end is only reached if the bytes are those of the index.
fn whole_file(stored: Box<dyn Read>, content: &LayerContent) -> Box<dyn Read> {
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
    Box::new(Checked {
        inner: whole,
        hasher: blake3::Hasher::new(),
        expected: content.hash,
        remaining: content.size,
        layer: content.layer,
    })
}

struct SharedBytes(Arc<Vec<u8>>);

impl AsRef<[u8]> for SharedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Reads a file that others read as well, from an offset on.
pub(crate) struct FileFrom {
    pub(crate) file: Arc<File>,
    pub(crate) offset: u64,
}

impl Read for FileFrom {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = read_at(&self.file, buffer, self.offset)?;
        self.offset += length as u64;
        Ok(length)
    }
}

/// Memory that nobody reads yet.
fn memory_of(bytes: &mut Arc<Vec<u8>>) -> &mut [u8] {
    Arc::<Vec<u8>>::make_mut(bytes)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|error| error.into_inner())
}

/// Gives everything that is wanted its place: the regions, where each extent lies, the length.
fn lay_out(contents: &[&LayerContent]) -> (Vec<Region>, Places, u64) {
    let mut wanted: BTreeMap<DiffId, BTreeMap<u64, u64>> = BTreeMap::new();
    for content in contents {
        let extents = wanted.entry(content.layer).or_default();
        let length = extents.entry(content.extent.offset).or_default();
        // An empty file may stand where another begins.
        *length = (*length).max(content.extent.length);
    }
    let mut places = HashMap::new();
    let mut total = 0;
    let mut regions = Vec::new();
    for (layer, extents) in wanted {
        let place = total;
        for (&offset, &length) in &extents {
            places.insert((layer, offset), total);
            total += length;
        }
        regions.push(Region {
            layer,
            extents: extents.into_iter().collect(),
            place,
        });
    }
    (regions, places, total)
}

/// Opens a layer by its points, if it is a file of which there are some.
fn access(found: Found, store: &Store) -> Access {
    let layer = match &found {
        Found::Archive(_) => return Access::Whole(Mutex::new(Some(found))),
        Found::Layer(layer) => layer,
    };
    let points = store.checkpoints(&layer.descriptor.digest).ok();
    let points = points.and_then(|found| Checkpoints::open(found.found()?).ok());
    let points = points.filter(|points| points.blob_size() == layer.descriptor.size);
    if let Some(points) = points
        && let Some(blob) = layer.open_file()
    {
        return Access::Points(blob, points);
    }
    Access::Whole(Mutex::new(Some(found)))
}

impl Access {
    /// Opens the layer's content at the last place before `offset` that can be begun at, and says
    /// which offset that is.
    fn open(&self, offset: u64) -> io::Result<(Decompressor<Box<dyn Read + Send>>, u64)> {
        match self {
            Self::Points(blob, points) => {
                let point = points.before(offset);
                // Behind a blob in an archive others follow.
                let rest = blob.size.checked_sub(point.compressed);
                let rest = rest.ok_or(io::ErrorKind::UnexpectedEof)?;
                let from_there = FileFrom {
                    file: Arc::clone(&blob.file),
                    offset: blob.offset + point.compressed,
                };
                let blob: Box<dyn Read + Send> = Box::new(from_there.take(rest));
                Ok((Decompressor::at(&point, blob)?, point.uncompressed))
            }
            Self::Whole(found) => {
                let found = lock(found).take();
                let blob = match found.ok_or_else(|| io::Error::other("it is read already"))? {
                    Found::Archive(blob) => blob,
                    Found::Layer(layer) => layer.open().map_err(io::Error::other)?,
                };
                Ok((Decompressor::new(blob)?, 0))
            }
        }
    }
}

impl Job<'_> {
    fn run(self) -> io::Result<()> {
        let (mut reader, mut position) = self.access.open(self.span.start())?;
        let mut buffer = vec![0; BUFFER];
        let mut target = self.target;
        for &(offset, length) in self.span.pieces() {
            let gap = offset - position;
            pass(&mut reader, gap, &mut io::sink(), &mut buffer)?;
            pass(&mut reader, length, &mut target, &mut buffer)?;
            position = offset + length;
        }
        Ok(())
    }
}

impl Write for Target<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Memory(memory) => memory.write(bytes),
            Self::File(file, offset) => {
                write_all_at(file, bytes, *offset)?;
                *offset += bytes.len() as u64;
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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

#[cfg(test)]
mod tests;
