//! The one pass over a layer: its diff id, index and checkpoints, in bounded memory.

use std::io::{self, Read};

use crossdock_image::{DiffId, Digest};
use sha2::{Digest as _, Sha256};

use crate::checkpoints::Checkpoints;
use crate::compression::{ArchiveCompression, ArchiveReader, Compression, Decompressor};
use crate::index::{Extent, IndexError, IndexWriter, LayerIndex};
use crate::tar::{Event, Header, Parser, TarError};

/// What a layer may be at most. Beyond it, reading stops with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the uncompressed layer.
    pub uncompressed: u64,
    /// Uncompressed bytes for each compressed byte, looked at beyond the first GiB; `None` for
    /// any. A gzip of zeroes reaches 1,032.
    pub ratio: Option<u64>,
    /// Number of entries.
    pub entries: u64,
}

impl Default for Limits {
    /// 64 GiB, 250 to 1, five million entries.
    fn default() -> Self {
        Self {
            uncompressed: 64 << 30,
            ratio: Some(250),
            entries: 5_000_000,
        }
    }
}

/// Uncompressed bytes below which the ratio is not looked at.
const RATIO_FROM: u64 = 1 << 30;

/// What one pass over a layer found out.
#[derive(Debug)]
pub struct Scan {
    /// Size of the blob in bytes.
    pub blob_size: u64,
    /// How the blob is compressed.
    pub compression: Compression,
    /// The index; its diff id is the digest of the uncompressed tar.
    pub index: LayerIndex,
    /// Points from which the blob can be read.
    pub checkpoints: Checkpoints,
}

/// A layer that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The blob cannot be read or decompressed.
    #[error("cannot read the layer: {0}")]
    Read(io::Error),
    /// The uncompressed bytes are not a tar that we accept.
    #[error(transparent)]
    Tar(#[from] TarError),
    /// Too large.
    #[error(
        "the uncompressed layer is larger than the limit of {limit} bytes; if that is right, raise \
         the limit with --max-layer-size"
    )]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// A decompression bomb.
    #[error(
        "the layer decompresses to more than {ratio} times its size, as decompression bombs do; \
         if it is right, say how large it may be with --max-layer-size"
    )]
    Ratio {
        /// The limit.
        ratio: u64,
    },
    /// Too many entries.
    #[error("the layer holds more than {limit} entries")]
    TooManyEntries {
        /// The limit.
        limit: u64,
    },
    /// The index would be too large.
    #[error(transparent)]
    Index(#[from] IndexError),
}

/// Reads a whole layer blob. Whether it is the blob that was asked for is proven by the reader.
pub fn scan_layer(blob: impl Read, limits: &Limits) -> Result<Scan, ScanError> {
    let mut blob = Counting {
        inner: blob,
        length: 0,
    };
    let mut reader = Decompressor::recording(&mut blob)?;
    let compression = reader.compression();
    let mut indexer = Indexer::new(*limits);
    let mut buffer = vec![0; 256 << 10];
    loop {
        let length = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        indexer.push(&buffer[..length])?;
        check_size((indexer.length, reader.get_ref().length), limits)?;
    }
    reader.drain()?;
    let blob_size = reader.get_ref().length;
    let checkpoints = reader.into_checkpoints(blob_size);
    let index = indexer.finish()?;
    Ok(Scan {
        blob_size,
        compression,
        index,
        checkpoints,
    })
}

/// Reads a whole archive of others, in any compression that docker knows. `keep` gets the
/// uncompressed bytes, for compressions that cannot be read from their middle.
pub fn scan_archive(
    archive: impl Read,
    limits: &Limits,
    keep: &mut dyn FnMut(ArchiveCompression, &[u8]) -> io::Result<()>,
) -> Result<LayerIndex, ScanError> {
    let mut reader = ArchiveReader::new(archive, limits)?;
    let compression = reader.compression();
    let mut indexer = Indexer::new(*limits);
    let mut buffer = vec![0; 256 << 10];
    loop {
        let length = match reader.read(&mut buffer) {
            Ok(0) => return indexer.finish(),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        indexer.push(&buffer[..length])?;
        keep(compression, &buffer[..length])?;
    }
}

/// Looks at the uncompressed and the compressed size so far.
pub(crate) fn check_size(
    (uncompressed, compressed): (u64, u64),
    limits: &Limits,
) -> Result<(), ScanError> {
    if uncompressed > limits.uncompressed {
        return Err(ScanError::TooLarge {
            limit: limits.uncompressed,
        });
    }
    if let Some(ratio) = limits.ratio.filter(|_| uncompressed > RATIO_FROM)
        && uncompressed / ratio > compressed
    {
        return Err(ScanError::Ratio { ratio });
    }
    Ok(())
}

/// Passes reads through, counting.
pub(crate) struct Counting<R> {
    pub(crate) inner: R,
    pub(crate) length: u64,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.length += length as u64;
        Ok(length)
    }
}

/// Makes an index of an uncompressed tar that is pushed through it.
pub struct Indexer {
    parser: Parser,
    sha256: Sha256,
    collector: Collector,
    length: u64,
}

/// Takes the parser's events.
struct Collector {
    writer: IndexWriter,
    current: Option<Current>,
    entries: u64,
    limits: Limits,
    /// Sizes of sparse files so far: a few bytes may claim to be 8 EiB of holes.
    sparse: u64,
    failure: Option<ScanError>,
}

struct Current {
    header: Header,
    data: Extent,
    hasher: blake3::Hasher,
    /// Bytes of stored data seen.
    seen: u64,
    /// Sparse: place of the segment that is being filled, and the end of the file hashed so far.
    segment: usize,
    position: u64,
}

impl Indexer {
    /// Starts at the beginning of a tar.
    pub fn new(limits: Limits) -> Self {
        Self {
            parser: Parser::new(),
            sha256: Sha256::new(),
            collector: Collector {
                writer: IndexWriter::default(),
                current: None,
                entries: 0,
                limits,
                sparse: 0,
                failure: None,
            },
            length: 0,
        }
    }

    /// Takes the next bytes of the tar.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), ScanError> {
        self.sha256.update(bytes);
        self.length += bytes.len() as u64;
        let collector = &mut self.collector;
        let pushed = self.parser.push(bytes, &mut |event| collector.take(event));
        match (pushed, self.collector.failure.take()) {
            (_, Some(failure)) => Err(failure),
            (Err(error), None) => Err(error.into()),
            (Ok(()), None) => Ok(()),
        }
    }

    /// Ends the tar.
    pub fn finish(self) -> Result<LayerIndex, ScanError> {
        let length = self.parser.finish()?;
        let diff_id = DiffId::new(Digest::from_bytes(self.sha256.finalize().into()));
        Ok(self.collector.writer.finish(&diff_id, length))
    }
}

impl io::Write for Indexer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Collector {
    fn take(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Entry {
                header,
                offset,
                stored,
            } => {
                self.entries += 1;
                let limit = self.limits.entries;
                if self.entries > limit {
                    return self.fail(ScanError::TooManyEntries { limit });
                }
                if header.sparse.is_some() {
                    self.sparse = self.sparse.saturating_add(header.size);
                    let limit = self.limits.uncompressed;
                    if self.sparse > limit {
                        return self.fail(ScanError::TooLarge { limit });
                    }
                }
                check_path(&header.path)?;
                self.current = Some(Current {
                    header,
                    data: Extent {
                        offset,
                        length: stored,
                    },
                    hasher: blake3::Hasher::new(),
                    seen: 0,
                    segment: 0,
                    position: 0,
                });
            }
            Event::Data(bytes) => {
                if let Some(current) = &mut self.current {
                    current.data(bytes);
                }
            }
            Event::EndOfEntry => {
                if let Some(mut current) = self.current.take() {
                    current.close();
                    let hash = *current.hasher.finalize().as_bytes();
                    if let Err(error) = self.writer.add(&current.header, current.data, &hash) {
                        return self.fail(error.into());
                    }
                }
            }
        }
        Ok(())
    }
}

impl Collector {
    /// Stops the parser; the error proper is taken from `failure`.
    fn fail(&mut self, error: ScanError) -> Result<(), String> {
        self.failure = Some(error);
        Err(String::new())
    }
}

impl Current {
    fn data(&mut self, mut bytes: &[u8]) {
        self.seen += bytes.len() as u64;
        let Some(segments) = &self.header.sparse else {
            self.hasher.update(bytes);
            return;
        };
        while let Some(&(offset, length)) = segments.get(self.segment) {
            if bytes.is_empty() {
                return;
            }
            hash_zeroes(&mut self.hasher, offset.saturating_sub(self.position));
            self.position = self.position.max(offset);
            let wanted = offset + length - self.position;
            let taken = wanted.min(bytes.len() as u64);
            self.hasher.update(&bytes[..taken as usize]);
            self.position += taken;
            bytes = &bytes[taken as usize..];
            if taken == wanted {
                self.segment += 1;
            }
        }
    }

    /// Hashes the hole at the end.
    fn close(&mut self) {
        if self.header.sparse.is_some() {
            hash_zeroes(
                &mut self.hasher,
                self.header.size.saturating_sub(self.position),
            );
        }
    }
}

/// Hashes the zeroes of a hole.
fn hash_zeroes(hasher: &mut blake3::Hasher, count: u64) {
    let zeroes = [0; 4096];
    let mut remaining = count;
    while remaining > 0 {
        let length = remaining.min(zeroes.len() as u64) as usize;
        hasher.update(&zeroes[..length]);
        remaining -= length as u64;
    }
}

/// Refuses names that could lead out of the layer, in either system.
///
/// Absolute names are a layer's matter: it refuses them when it is stacked, and a tar that is
/// unpacked has them beneath its root. Backslashes and colons are ordinary characters of Linux
/// names; a Windows tree refuses them.
fn check_path(path: &[u8]) -> Result<(), String> {
    if path
        .split(|&byte| byte == b'/')
        .any(|component| component == b"..")
    {
        return Err("the name holds a .. component, which could lead out of the layer".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
