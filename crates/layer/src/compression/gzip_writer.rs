//! Writing gzip whose bytes never change.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex};

use flate2::{Compress, FlushCompress, Status};

use super::Compression;
use super::restart::{Boundary, WINDOW};
use crate::checkpoints::{Checkpoints, Collector};

/// Uncompressed bytes of one block of our gzip streams.
pub(super) const BLOCK: usize = 256 << 10;
/// Blocks that are on their way at most, for each of the threads: what writes blocks need not wait
/// for the slowest.
const ON_THE_WAY: usize = 3;

/// Writes gzip whose bytes depend on nothing but the input and the level.
///
/// The input is cut into blocks of 256 KiB. Each is deflated on its own with the 32 KiB before it
/// as dictionary and closed by a sync flush, so blocks can be compressed by any number of threads
/// in any order, and the result depends neither on cores nor on the sizes of writes. The header is
/// fixed (no name, no time, unknown system). The method is pigz's.
pub struct GzipWriter<W: Write> {
    out: Counting<W>,
    compressor: Compressor,
    /// The block that is being filled.
    block: Vec<u8>,
    /// What precedes it, at most a window.
    dictionary: Vec<u8>,
    checksum: flate2::Crc,
    /// Bytes of content whose blocks are written.
    uncompressed: u64,
    collector: Collector,
}

/// Level that is used when nobody asks for another, as in docker and BuildKit (Go's default).
pub const DEFAULT_GZIP_LEVEL: u32 = 6;

impl<W: Write> GzipWriter<W> {
    /// Starts a stream at `level` (0–9). `threads` changes speed only.
    pub fn new(out: W, level: u32, threads: usize) -> io::Result<Self> {
        Self::with_collector(out, level, threads, Collector::new(Compression::Gzip))
    }

    /// As [`new`](Self::new), with points where `collector` wants them.
    pub(crate) fn with_collector(
        out: W,
        level: u32,
        threads: usize,
        collector: Collector,
    ) -> io::Result<Self> {
        if level > 9 {
            let text = format!("gzip has no level {level}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let mut out = Counting {
            inner: out,
            length: 0,
        };
        out.write_all(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])?;
        Ok(Self {
            out,
            compressor: Compressor::new(level, threads)?,
            block: Vec::with_capacity(BLOCK),
            dictionary: Vec::new(),
            checksum: flate2::Crc::new(),
            uncompressed: 0,
            collector,
        })
    }

    /// Ends the stream and returns the writer beneath, and points from which the stream can be
    /// read.
    pub fn finish(mut self) -> io::Result<(W, Checkpoints)> {
        if !self.block.is_empty() {
            self.submit()?;
        }
        while let Some(done) = self.compressor.next(0)? {
            self.take(done)?;
        }
        // An empty final block closes the deflate stream.
        self.out.write_all(&[0x03, 0x00])?;
        self.out.write_all(&self.checksum.sum().to_le_bytes())?;
        self.out.write_all(&self.checksum.amount().to_le_bytes())?;
        let points = self.collector.finish(self.out.length, self.uncompressed);
        Ok((self.out.inner, points))
    }

    /// Gives the block away to be compressed, and writes those that are ready.
    fn submit(&mut self) -> io::Result<()> {
        self.checksum.update(&self.block);
        let window = self.block.len().saturating_sub(WINDOW);
        let window = self.block[window..].to_vec();
        let dictionary = std::mem::replace(&mut self.dictionary, window);
        let block = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK));
        self.compressor.submit(dictionary, block)?;
        let most = self.compressor.most_on_the_way();
        while let Some(done) = self.compressor.next(most)? {
            self.take(done)?;
        }
        Ok(())
    }

    /// Writes a compressed block.
    fn take(&mut self, done: Block) -> io::Result<()> {
        let compressed = done.compressed?;
        if self.collector.is_due(self.uncompressed) {
            // Each block begins with a byte, and knows the content before it.
            let boundary = Boundary {
                window: &done.dictionary,
                last_byte: 0,
                input: &compressed,
                output: &done.content[..done.content.len().min(WINDOW)],
            };
            let length = self.out.length;
            self.collector.aligned(self.uncompressed, length, &boundary);
        }
        self.out.write_all(&compressed)?;
        self.uncompressed += done.content.len() as u64;
        Ok(())
    }
}

impl<W: Write> Write for GzipWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = (BLOCK - self.block.len()).min(bytes.len());
        self.block.extend_from_slice(&bytes[..room]);
        if self.block.len() == BLOCK {
            self.submit()?;
        }
        Ok(room)
    }

    /// Does nothing: where blocks end must not depend on the caller.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Counts what is written.
struct Counting<W> {
    inner: W,
    length: u64,
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.inner.write(bytes)?;
        self.length += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A block on its way.
struct Block {
    number: u64,
    dictionary: Vec<u8>,
    content: Vec<u8>,
    /// What it is compressed to, once it is.
    compressed: io::Result<Vec<u8>>,
}

/// Compresses blocks by several threads and gives them back in order.
struct Compressor {
    /// `None` with one thread: then blocks are compressed when they are submitted.
    workers: Option<Workers>,
    level: u32,
    submitted: u64,
    taken: u64,
    /// Blocks that are ready before their turn.
    ready: BTreeMap<u64, Block>,
}

struct Workers {
    count: usize,
    jobs: Sender<Block>,
    results: Receiver<Block>,
}

impl Compressor {
    fn new(level: u32, threads: usize) -> io::Result<Self> {
        let workers = match threads {
            0 | 1 => None,
            count => Some(Workers::start(level, count)?),
        };
        Ok(Self {
            workers,
            level,
            submitted: 0,
            taken: 0,
            ready: BTreeMap::new(),
        })
    }

    fn most_on_the_way(&self) -> u64 {
        let workers = self.workers.as_ref();
        workers.map_or(0, |workers| (workers.count * ON_THE_WAY) as u64)
    }

    fn submit(&mut self, dictionary: Vec<u8>, content: Vec<u8>) -> io::Result<()> {
        let number = self.submitted;
        self.submitted += 1;
        let mut block = Block {
            number,
            dictionary,
            content,
            compressed: Ok(Vec::new()),
        };
        match &self.workers {
            Some(workers) => workers.jobs.send(block).map_err(|_| ended()),
            None => {
                block.compressed = deflate(&block.dictionary, &block.content, self.level);
                self.ready.insert(number, block);
                Ok(())
            }
        }
    }

    /// The next block in order if it is ready, or, while more than `most` are on their way, as soon
    /// as it is. `None` if it is not, or if there is none.
    fn next(&mut self, most: u64) -> io::Result<Option<Block>> {
        loop {
            if let Some(block) = self.ready.remove(&self.taken) {
                self.taken += 1;
                return Ok(Some(block));
            }
            let Some(workers) = &self.workers else {
                return Ok(None);
            };
            let on_the_way = self.submitted - self.taken;
            let block = match on_the_way > most {
                true => workers.results.recv().map_err(|_| ended())?,
                false => match workers.results.try_recv() {
                    Ok(block) => block,
                    Err(TryRecvError::Empty) => return Ok(None),
                    // The threads live as long as the sender of the jobs.
                    Err(TryRecvError::Disconnected) => return Err(ended()),
                },
            };
            self.ready.insert(block.number, block);
        }
    }
}

impl Workers {
    /// Starts `count` threads, which end when the sender of jobs is dropped.
    fn start(level: u32, count: usize) -> io::Result<Self> {
        let (jobs, queue) = channel::<Block>();
        let (done, results) = channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..count {
            let (queue, done) = (Arc::clone(&queue), done.clone());
            let work = move || {
                loop {
                    let job = queue
                        .lock()
                        .unwrap_or_else(|error| error.into_inner())
                        .recv();
                    let Ok(mut block) = job else { break };
                    block.compressed = deflate(&block.dictionary, &block.content, level);
                    if done.send(block).is_err() {
                        break;
                    }
                }
            };
            std::thread::Builder::new()
                .name("gzip".to_owned())
                .spawn(work)?;
        }
        Ok(Self {
            count,
            jobs,
            results,
        })
    }
}

fn ended() -> io::Error {
    io::Error::other("a thread that compresses has ended early")
}

/// Deflates one block and flushes to a byte boundary, without ending the stream.
///
/// The state is a new one for each block: one that is reset remembers enough of what it did before
/// to make other bytes.
fn deflate(dictionary: &[u8], block: &[u8], level: u32) -> io::Result<Vec<u8>> {
    let mut compress = Compress::new(flate2::Compression::new(level), false);
    if !dictionary.is_empty() {
        compress
            .set_dictionary(dictionary)
            .map_err(io::Error::other)?;
    }
    // Room for what cannot be compressed (level 1 takes at most 9 bits for a byte): stored blocks
    // are cut by the room that is left, and so must not depend on how a vector grows.
    let mut out = Vec::with_capacity(block.len() + block.len() / 7 + 4096);
    let mut taken = 0;
    loop {
        if out.capacity() - out.len() < 1024 {
            out.reserve(block.len() / 4 + 4096);
        }
        let before = (compress.total_in(), out.len());
        let status = compress
            .compress_vec(&block[taken..], &mut out, FlushCompress::Sync)
            .map_err(io::Error::other)?;
        taken += (compress.total_in() - before.0) as usize;
        // With room left in the output, everything has been taken and flushed.
        if taken == block.len() && out.capacity() > out.len() {
            return Ok(out);
        }
        if status == Status::BufError && out.len() == before.1 {
            return Err(io::Error::other("deflate makes no progress"));
        }
    }
}
