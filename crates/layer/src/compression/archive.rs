//! Archives of others, which may be compressed in ways in which no layer is: bzip2 and xz.

use std::io::{self, BufRead, BufReader, Read};

use bzip2::bufread::MultiBzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream};

use super::{Compression, Decompressor, READ};
use crate::scan::{Counting, Limits, ScanError, check_size};

/// Memory that xz may take: four times what its highest preset needs.
const XZ_MEMORY: u64 = 256 << 20;

/// How an archive is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArchiveCompression {
    /// As a layer may be, or not at all.
    Layer(Compression),
    /// bzip2, one or more streams.
    Bzip2,
    /// xz, one or more streams.
    Xz,
}

impl ArchiveCompression {
    /// Tells the compression by the first ten bytes of an archive.
    ///
    /// docker looks at three bytes for bzip2. A tar that is not compressed begins with a name, which
    /// may be `BZh`; what follows in bzip2 is a digit and the number pi, or that of an empty stream.
    pub fn detect(start: &[u8]) -> Self {
        const BLOCK: &[u8] = b"\x31\x41\x59\x26\x53\x59";
        const END: &[u8] = b"\x17\x72\x45\x38\x50\x90";
        match start {
            [b'B', b'Z', b'h', b'1'..=b'9', rest @ ..]
                if rest.starts_with(BLOCK) || rest.starts_with(END) =>
            {
                Self::Bzip2
            }
            _ if start.starts_with(b"\xfd7zXZ\0") => Self::Xz,
            _ => Self::Layer(Compression::detect(start)),
        }
    }
}

/// A reader of the uncompressed bytes of an archive, in any compression that docker knows. It ends
/// with an error once there is more than the limits allow; that error holds a [`ScanError`].
pub struct ArchiveReader<R: Read> {
    inner: Inner<BufReader<Counting<R>>>,
    compression: ArchiveCompression,
    limits: Limits,
    uncompressed: u64,
}

enum Inner<B: BufRead> {
    Layer(Decompressor<B>),
    Bzip2(Box<MultiBzDecoder<B>>),
    Xz(Box<XzDecoder<B>>),
}

impl<R: Read> ArchiveReader<R> {
    /// Looks at the first bytes of `archive` and reads on from there.
    pub fn new(archive: R, limits: &Limits) -> io::Result<Self> {
        let counting = Counting {
            inner: archive,
            length: 0,
        };
        let mut archive = BufReader::with_capacity(READ, counting);
        let compression = ArchiveCompression::detect(archive.fill_buf()?);
        let inner = match compression {
            ArchiveCompression::Layer(_) => Inner::Layer(Decompressor::new(archive)?),
            ArchiveCompression::Bzip2 => Inner::Bzip2(Box::new(MultiBzDecoder::new(archive))),
            ArchiveCompression::Xz => {
                let stream = Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED)?;
                Inner::Xz(Box::new(XzDecoder::new_stream(archive, stream)))
            }
        };
        Ok(Self {
            inner,
            compression,
            limits: *limits,
            uncompressed: 0,
        })
    }

    /// How the archive is compressed.
    pub fn compression(&self) -> ArchiveCompression {
        self.compression
    }

    fn compressed(&self) -> u64 {
        let archive = match &self.inner {
            Inner::Layer(reader) => reader.get_ref(),
            Inner::Bzip2(reader) => reader.get_ref(),
            Inner::Xz(reader) => reader.get_ref(),
        };
        archive.get_ref().length
    }
}

impl<R: Read> Read for ArchiveReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // The decoders' errors are about the bytes, but for those of the reader beneath.
        let read = match &mut self.inner {
            Inner::Layer(reader) => reader.read(buffer),
            Inner::Bzip2(reader) => reader.read(buffer),
            Inner::Xz(reader) => reader.read(buffer).map_err(xz_error),
        };
        let length = read?;
        self.uncompressed += length as u64;
        let sizes = (self.uncompressed, self.compressed());
        check_size(sizes, &self.limits).map_err(io::Error::other)?;
        Ok(length)
    }
}

/// The library says little of what it refuses.
fn xz_error(error: io::Error) -> io::Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(liblzma::stream::Error::MemLimit) => io::Error::new(
            io::ErrorKind::OutOfMemory,
            "xz would need more than 256 MiB of memory; compress it with a smaller dictionary",
        ),
        _ => error,
    }
}

impl From<io::Error> for ScanError {
    fn from(error: io::Error) -> Self {
        match error.downcast() {
            Ok(error) => error,
            Err(error) => Self::Read(error),
        }
    }
}

#[cfg(test)]
mod tests;
