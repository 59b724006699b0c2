//! Writing a layer in the compression that is asked for.

use std::fmt;
use std::io::{self, Write};

use super::blocks::Counting;
use super::gzip_writer::{DEFAULT_GZIP_LEVEL, GzipWriter};
use super::zstd_writer::{DEFAULT_ZSTD_LEVEL, LEVELS, ZstdWriter};
use super::{Checkpoints, Collector, Compression};

/// How a layer that is written is compressed, and how hard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Codec {
    compression: Compression,
    level: u32,
}

/// A level that a compression does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LevelError {
    /// A level where there is none.
    #[error(
        "compression-level={level}: layers that are not compressed have no level; leave it out"
    )]
    NoLevels {
        /// What was asked for.
        level: i64,
    },
    /// A level out of range.
    #[error("compression-level={level}: {compression} has the levels {least} to {most}")]
    OutOfRange {
        /// The compression.
        compression: Compression,
        /// What was asked for.
        level: i64,
        /// The least that may be asked for.
        least: i64,
        /// The most that may be asked for.
        most: i64,
    },
}

impl Codec {
    /// gzip as docker and BuildKit write it when nothing else is asked for.
    pub const GZIP: Self = Self {
        compression: Compression::Gzip,
        level: DEFAULT_GZIP_LEVEL,
    };

    /// `compression` at its default level.
    pub fn new(compression: Compression) -> Self {
        let level = match compression {
            Compression::None => 0,
            Compression::Gzip => DEFAULT_GZIP_LEVEL,
            Compression::Zstd => DEFAULT_ZSTD_LEVEL,
        };
        Self { compression, level }
    }

    /// `compression` at a level, as BuildKit's `compression-level` takes it: for gzip 0 to 9, and
    /// -1 for the default one; for Zstandard 1 to 22, and 0 for the quickest.
    ///
    /// BuildKit's codec has four levels for Zstandard and takes the one that is nearest; here it
    /// is the level that was asked for.
    pub fn with_level(compression: Compression, level: i64) -> Result<Self, LevelError> {
        let (least, most, quickest) = match compression {
            Compression::None => return Err(LevelError::NoLevels { level }),
            Compression::Gzip => (-1, 9, 0),
            Compression::Zstd => (0, i64::from(*LEVELS.end()), i64::from(*LEVELS.start())),
        };
        if !(least..=most).contains(&level) {
            return Err(LevelError::OutOfRange {
                compression,
                level,
                least,
                most,
            });
        }
        if compression == Compression::Gzip && level == -1 {
            return Ok(Self::GZIP);
        }
        let level = level.max(quickest) as u32;
        Ok(Self { compression, level })
    }

    /// How it is compressed.
    pub fn compression(self) -> Compression {
        self.compression
    }

    /// How hard; 0 without compression.
    pub fn level(self) -> u32 {
        self.level
    }

    /// What the bytes depend on besides the input, as text without spaces: compression, level, and a
    /// number that is raised when a codec's new version makes other bytes.
    pub fn identity(self) -> String {
        let version = match self.compression {
            Compression::None => 1,
            Compression::Gzip => GZIP_VERSION,
            Compression::Zstd => ZSTD_VERSION,
        };
        format!("{}-{}-v{version}", self.compression, self.level)
    }
}

/// Raised together with the golden digests of gzip.
const GZIP_VERSION: u32 = 1;
/// Raised together with the golden digests of Zstandard.
const ZSTD_VERSION: u32 = 1;

impl fmt::Display for Compression {
    /// As `-o compression=` has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "uncompressed",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

/// Writes a layer in any compression. The bytes depend on the input and the codec alone.
pub struct LayerWriter<W: Write> {
    inner: Inner<W>,
}

enum Inner<W: Write> {
    None(Counting<W>),
    Gzip(Box<GzipWriter<W>>),
    Zstd(Box<ZstdWriter<W>>),
}

impl<W: Write> LayerWriter<W> {
    /// Starts a layer. `threads` changes speed only.
    pub fn new(out: W, codec: Codec, threads: usize) -> io::Result<Self> {
        let inner = match codec.compression {
            Compression::None => Inner::None(Counting {
                inner: out,
                length: 0,
            }),
            Compression::Gzip => Inner::Gzip(Box::new(GzipWriter::new(out, codec.level, threads)?)),
            Compression::Zstd => Inner::Zstd(Box::new(ZstdWriter::new(out, codec.level, threads)?)),
        };
        Ok(Self { inner })
    }

    /// Ends the layer and returns the writer beneath, and points from which the layer can be read.
    pub fn finish(self) -> io::Result<(W, Checkpoints)> {
        match self.inner {
            Inner::None(out) => {
                let collector = Collector::new(Compression::None);
                let points = collector.finish(out.length, out.length);
                Ok((out.inner, points))
            }
            Inner::Gzip(writer) => writer.finish(),
            Inner::Zstd(writer) => writer.finish(),
        }
    }
}

impl<W: Write> Write for LayerWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.inner {
            Inner::None(writer) => writer.write(bytes),
            Inner::Gzip(writer) => writer.write(bytes),
            Inner::Zstd(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.inner {
            Inner::None(writer) => writer.flush(),
            Inner::Gzip(writer) => writer.flush(),
            Inner::Zstd(writer) => writer.flush(),
        }
    }
}

#[cfg(test)]
mod tests;
