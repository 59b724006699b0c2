//! Writing gzip whose bytes never change.

use std::io::{self, Write};

use flate2::{Compress, FlushCompress, Status};

use super::Compression;
use super::blocks::{Block, Compressor, Counting, Method};
use super::restart::{Boundary, WINDOW};
use crate::checkpoints::{Checkpoints, Collector};

/// Uncompressed bytes of one block of our gzip streams.
pub(super) const BLOCK: usize = 256 << 10;

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
        let method = Method {
            name: "gzip",
            compress: deflate,
            level,
            on_the_way: 3,
        };
        Ok(Self {
            out,
            compressor: Compressor::new(method, threads)?,
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
