//! Writing Zstandard whose bytes never change.

use std::io::{self, Write};

use zstd::bulk;
use zstd::zstd_safe::{CParameter, compress_bound};

use super::Compression;
use super::blocks::{Block, Compressor, Counting, Method};
use crate::checkpoints::{Checkpoints, Collector};

/// Uncompressed bytes of one frame.
pub(super) const FRAME: usize = 4 << 20;
/// The levels that there are. Those below 1 make quick and large layers, which nobody asks for.
pub(super) const LEVELS: std::ops::RangeInclusive<u32> = 1..=22;

/// Writes Zstandard whose bytes depend on nothing but the input and the level.
///
/// The input is cut into frames of 4 MiB (RFC 8878), each with its size and checksum and without
/// reference to any other. So frames can be compressed by any number of threads in any order, the
/// result depends neither on cores nor on the sizes of writes, and each frame is a point from which
/// the layer can be read.
pub struct ZstdWriter<W: Write> {
    out: Counting<W>,
    compressor: Compressor,
    /// The content of the frame that is being filled.
    frame: Vec<u8>,
    /// Bytes of content whose frames are written.
    uncompressed: u64,
    collector: Collector,
}

/// Level that is used when nobody asks for another, as in the `zstd` program and BuildKit.
pub const DEFAULT_ZSTD_LEVEL: u32 = 3;

impl<W: Write> ZstdWriter<W> {
    /// Starts a stream at `level` (1–22). `threads` changes speed only.
    pub fn new(out: W, level: u32, threads: usize) -> io::Result<Self> {
        if !LEVELS.contains(&level) {
            let text = format!("zstd has no level {level}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let method = Method {
            name: "zstd",
            compress,
            level,
            // Frames are large.
            on_the_way: 2,
        };
        Ok(Self {
            out: Counting {
                inner: out,
                length: 0,
            },
            compressor: Compressor::new(method, threads)?,
            frame: Vec::new(),
            uncompressed: 0,
            collector: Collector::new(Compression::Zstd),
        })
    }

    /// Ends the stream and returns the writer beneath, and points from which the stream can be
    /// read. Nothing at all becomes one frame without content.
    pub fn finish(mut self) -> io::Result<(W, Checkpoints)> {
        if !self.frame.is_empty() || self.compressor.is_unused() {
            self.submit()?;
        }
        while let Some(done) = self.compressor.next(0)? {
            self.take(done)?;
        }
        let points = self.collector.finish(self.out.length, self.uncompressed);
        Ok((self.out.inner, points))
    }

    /// Gives the frame away to be compressed, and writes those that are ready.
    fn submit(&mut self) -> io::Result<()> {
        let frame = std::mem::take(&mut self.frame);
        self.compressor.submit(Vec::new(), frame)?;
        let most = self.compressor.most_on_the_way();
        while let Some(done) = self.compressor.next(most)? {
            self.take(done)?;
        }
        Ok(())
    }

    /// Writes a frame.
    fn take(&mut self, done: Block) -> io::Result<()> {
        self.collector.start(self.uncompressed, self.out.length);
        self.out.write_all(&done.compressed?)?;
        self.uncompressed += done.content.len() as u64;
        Ok(())
    }
}

impl<W: Write> Write for ZstdWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = (FRAME - self.frame.len()).min(bytes.len());
        self.frame.extend_from_slice(&bytes[..room]);
        if self.frame.len() == FRAME {
            self.submit()?;
        }
        Ok(room)
    }

    /// Does nothing: where frames end must not depend on the caller.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Compresses one frame, with a state of its own.
fn compress(_dictionary: &[u8], content: &[u8], level: u32) -> io::Result<Vec<u8>> {
    let mut compressor = bulk::Compressor::new(level as i32)?;
    compressor.set_parameter(CParameter::ContentSizeFlag(true))?;
    compressor.set_parameter(CParameter::ChecksumFlag(true))?;
    // Always the same room: what is known to fit takes another way than what may not.
    let mut frame = Vec::with_capacity(compress_bound(content.len()));
    compressor.compress_to_buffer(content, &mut frame)?;
    frame.shrink_to_fit();
    Ok(frame)
}
