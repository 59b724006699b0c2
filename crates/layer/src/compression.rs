//! Compressed layers: told by their first bytes, read as a stream, written the same everywhere.

mod archive;
mod blocks;
mod gzip_reader;
mod gzip_writer;
mod restart;
mod writer;
mod zstd_reader;
mod zstd_writer;

use std::io::{self, BufRead, BufReader, Read};

use self::gzip_reader::GzipReader;
use self::zstd_reader::ZstdReader;
use crate::checkpoints::{Checkpoints, Collector, Place, Point, SPAN, unpack};

pub use archive::{ArchiveCompression, ArchiveReader};
pub use gzip_writer::{DEFAULT_GZIP_LEVEL, GzipWriter};
pub(crate) use restart::{Boundary, Prover, WINDOW};
pub use writer::{Codec, LayerWriter, LevelError};
pub use zstd_writer::{DEFAULT_ZSTD_LEVEL, ZstdWriter};

/// How a layer blob is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, one or more members (RFC 1952).
    Gzip,
    /// Zstandard, one or more frames (RFC 8878).
    Zstd,
}

/// A reader of the uncompressed bytes of a blob.
pub struct Decompressor<R: Read> {
    inner: Inner<R>,
}

enum Inner<R: Read> {
    None(BufReader<R>),
    Gzip(Box<GzipReader<BufReader<R>>>),
    Zstd(Box<ZstdReader<BufReader<R>>>),
}

/// Bytes of a blob that are read at once.
const READ: usize = 128 << 10;

impl<R: Read> Decompressor<R> {
    /// Looks at the first bytes of `blob` and reads on from there.
    pub fn new(blob: R) -> io::Result<Self> {
        Self::start(blob, |_| None)
    }

    /// As [`new`](Self::new), and notes points from which to read later.
    pub fn recording(blob: R) -> io::Result<Self> {
        Self::recording_every(blob, SPAN)
    }

    /// As [`recording`](Self::recording), with points as often as every `span` bytes of content.
    pub fn recording_every(blob: R, span: u64) -> io::Result<Self> {
        Self::start(blob, |compression| {
            Some(Collector::with_span(compression, span))
        })
    }

    fn start(
        blob: R,
        collector: impl FnOnce(Compression) -> Option<Collector>,
    ) -> io::Result<Self> {
        let mut blob = BufReader::with_capacity(READ, blob);
        let other = match ArchiveCompression::detect(blob.fill_buf()?) {
            ArchiveCompression::Layer(_) => None,
            ArchiveCompression::Bzip2 => Some("bzip2"),
            ArchiveCompression::Xz => Some("xz"),
        };
        if let Some(name) = other {
            let text = format!("it is compressed with {name}, which no layer may be");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let compression = Compression::detect(blob.fill_buf()?);
        let inner = match compression {
            Compression::None => Inner::None(blob),
            Compression::Gzip => {
                Inner::Gzip(Box::new(GzipReader::new(blob, collector(compression))))
            }
            Compression::Zstd => {
                Inner::Zstd(Box::new(ZstdReader::new(blob, collector(compression))?))
            }
        };
        Ok(Self { inner })
    }

    /// Reads on from a point. `blob` stands at the point's offset in the blob, and the first byte
    /// that is read is the one at its offset in the content.
    pub fn at(point: &Point<'_>, blob: R) -> io::Result<Self> {
        let blob = BufReader::with_capacity(READ, blob);
        let inner = match (point.compression, point.place) {
            (Compression::None, _) => Inner::None(blob),
            (Compression::Zstd, _) => Inner::Zstd(Box::new(ZstdReader::new(blob, None)?)),
            (Compression::Gzip, Place::Start) => Inner::Gzip(Box::new(GzipReader::new(blob, None))),
            (Compression::Gzip, Place::Middle { bits, window }) => {
                let window = unpack(window)?;
                Inner::Gzip(Box::new(GzipReader::in_middle(blob, &window, bits)?))
            }
        };
        Ok(Self { inner })
    }

    /// How the blob is compressed.
    pub fn compression(&self) -> Compression {
        match self.inner {
            Inner::None(_) => Compression::None,
            Inner::Gzip(_) => Compression::Gzip,
            Inner::Zstd(_) => Compression::Zstd,
        }
    }

    /// The reader beneath.
    pub fn get_ref(&self) -> &R {
        match &self.inner {
            Inner::None(blob) => blob.get_ref(),
            Inner::Gzip(reader) => reader.get_ref().get_ref(),
            Inner::Zstd(reader) => reader.get_ref().get_ref(),
        }
    }

    /// Reads what is left of the blob after its content, so that a reader beneath sees its end.
    pub fn drain(&mut self) -> io::Result<()> {
        let blob = match &mut self.inner {
            Inner::None(blob) => blob,
            Inner::Gzip(reader) => reader.get_mut(),
            Inner::Zstd(reader) => reader.get_mut(),
        };
        io::copy(blob, &mut io::sink()).map(drop)
    }

    /// The points that were noted, once everything has been read; only the start unless the reader
    /// is a [`recording`](Self::recording) one. `blob_size` is the size of the blob in bytes.
    pub fn into_checkpoints(self, blob_size: u64) -> Checkpoints {
        let compression = self.compression();
        let (content_size, collector) = match self.inner {
            Inner::None(_) => (blob_size, None),
            Inner::Gzip(reader) => reader.into_points(),
            Inner::Zstd(reader) => reader.into_points(),
        };
        let collector = collector.unwrap_or_else(|| Collector::new(compression));
        collector.finish(blob_size, content_size)
    }
}

impl<R: Read> Read for Decompressor<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.inner {
            Inner::None(reader) => reader.read(buffer),
            Inner::Gzip(reader) => reader.read(buffer),
            Inner::Zstd(reader) => reader.read(buffer),
        }
    }
}

impl Compression {
    /// Tells the compression by the first bytes of a blob.
    pub fn detect(start: &[u8]) -> Self {
        let skippable =
            start.len() >= 4 && start[0] & 0xf0 == 0x50 && start[1..4] == *b"\x2a\x4d\x18";
        if start.starts_with(b"\x1f\x8b") {
            Self::Gzip
        } else if start.starts_with(b"\x28\xb5\x2f\xfd") || skippable {
            Self::Zstd
        } else {
            Self::None
        }
    }
}

#[cfg(test)]
mod tests;
