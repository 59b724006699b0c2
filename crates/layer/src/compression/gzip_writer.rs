//! Writing gzip whose bytes never change.

use std::io::{self, Write};

use flate2::{Compress, FlushCompress, Status};

use super::Compression;
use super::restart::{Boundary, WINDOW};
use crate::checkpoints::{Checkpoints, Collector};

/// Uncompressed bytes of one block of our gzip streams.
pub(super) const BLOCK: usize = 256 << 10;
/// Blocks that are compressed at once: two for each of the threads.
const BATCH: usize = 2;

/// Writes gzip whose bytes depend on nothing but the input and the level.
///
/// The input is cut into blocks of 256 KiB. Each is deflated on its own with the 32 KiB before it
/// as dictionary and closed by a sync flush, so blocks can be compressed by any number of threads
/// in any order, and the result depends neither on cores nor on the sizes of writes. The header is
/// fixed (no name, no time, unknown system). The method is pigz's.
pub struct GzipWriter<W: Write> {
    out: Counting<W>,
    level: u32,
    threads: usize,
    pending: Vec<u8>,
    /// What precedes `pending`, at most a window.
    dictionary: Vec<u8>,
    checksum: flate2::Crc,
    /// Bytes of content before `pending`.
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
            level,
            threads: threads.max(1),
            pending: Vec::new(),
            dictionary: Vec::new(),
            checksum: flate2::Crc::new(),
            uncompressed: 0,
            collector,
        })
    }

    /// Ends the stream and returns the writer beneath, and points from which the stream can be
    /// read.
    pub fn finish(mut self) -> io::Result<(W, Checkpoints)> {
        self.flush_blocks(true)?;
        // An empty final block closes the deflate stream.
        self.out.write_all(&[0x03, 0x00])?;
        self.out.write_all(&self.checksum.sum().to_le_bytes())?;
        self.out.write_all(&self.checksum.amount().to_le_bytes())?;
        let points = self.collector.finish(self.out.length, self.uncompressed);
        Ok((self.out.inner, points))
    }

    /// Compresses the pending blocks; the last, short one only if `all`.
    fn flush_blocks(&mut self, all: bool) -> io::Result<()> {
        let whole = self.pending.len() / BLOCK * BLOCK;
        let length = if all { self.pending.len() } else { whole };
        if length == 0 {
            return Ok(());
        }
        let blocks: Vec<(&[u8], &[u8])> = (0..length)
            .step_by(BLOCK)
            .map(|start| {
                let dictionary = match start {
                    0 => &self.dictionary[..],
                    start => &self.pending[start - WINDOW..start],
                };
                (dictionary, &self.pending[start..length.min(start + BLOCK)])
            })
            .collect();
        let mut uncompressed = self.uncompressed;
        let all = compress_all(&blocks, self.level, self.threads)?;
        for ((dictionary, block), compressed) in blocks.iter().zip(all) {
            if self.collector.is_due(uncompressed) {
                // Each block begins with a byte, and knows the content before it.
                let boundary = Boundary {
                    window: dictionary,
                    last_byte: 0,
                    input: &compressed,
                    output: &block[..block.len().min(WINDOW)],
                };
                let length = self.out.length;
                self.collector.aligned(uncompressed, length, &boundary);
            }
            self.out.write_all(&compressed)?;
            uncompressed += block.len() as u64;
        }
        self.uncompressed = uncompressed;
        self.checksum.update(&self.pending[..length]);
        let window = self.pending[..length].len().saturating_sub(WINDOW);
        self.dictionary = self.pending[window..length].to_vec();
        self.pending.drain(..length);
        Ok(())
    }
}

impl<W: Write> Write for GzipWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = (BLOCK * BATCH * self.threads - self.pending.len()).min(bytes.len());
        self.pending.extend_from_slice(&bytes[..room]);
        if self.pending.len() == BLOCK * BATCH * self.threads {
            self.flush_blocks(false)?;
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

fn compress_all(blocks: &[(&[u8], &[u8])], level: u32, threads: usize) -> io::Result<Vec<Vec<u8>>> {
    let threads = threads.min(blocks.len());
    if threads <= 1 {
        return blocks
            .iter()
            .map(|(dictionary, block)| deflate(dictionary, block, level))
            .collect();
    }
    let next = std::sync::atomic::AtomicUsize::new(0);
    let results = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some((dictionary, block)) = blocks.get(place) else {
                        break;
                    };
                    let compressed = deflate(dictionary, block, level);
                    let mut results = results.lock().unwrap_or_else(|error| error.into_inner());
                    results.push((place, compressed));
                }
            });
        }
    });
    let mut results = results
        .into_inner()
        .unwrap_or_else(|error| error.into_inner());
    results.sort_by_key(|(place, _)| *place);
    results
        .into_iter()
        .map(|(_, compressed)| compressed)
        .collect()
}

/// Deflates one block and flushes to a byte boundary, without ending the stream.
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
