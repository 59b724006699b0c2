//! Reading Zstandard (RFC 8878): frames one after the other.

use std::io::{self, BufRead, Read};

use zstd::stream::raw::{Decoder, Operation};

use crate::checkpoints::Collector;

/// Reads the content of all frames. The default window limit of 128 MiB bounds its memory.
pub(super) struct ZstdReader<R> {
    blob: R,
    decoder: Decoder<'static>,
    in_frame: bool,
    compressed: u64,
    uncompressed: u64,
    collector: Option<Collector>,
}

impl<R: BufRead> ZstdReader<R> {
    /// Reads from the start of a blob, or of a frame.
    pub(super) fn new(blob: R, collector: Option<Collector>) -> io::Result<Self> {
        Ok(Self {
            blob,
            decoder: Decoder::new()?,
            in_frame: false,
            compressed: 0,
            uncompressed: 0,
            collector,
        })
    }

    pub(super) fn get_ref(&self) -> &R {
        &self.blob
    }

    pub(super) fn get_mut(&mut self) -> &mut R {
        &mut self.blob
    }

    /// Bytes of content so far, and the points that were found.
    pub(super) fn into_points(self) -> (u64, Option<Collector>) {
        (self.uncompressed, self.collector)
    }

    fn run(&mut self, from_blob: bool, buffer: &mut [u8]) -> io::Result<usize> {
        let input = match from_blob {
            true => self.blob.fill_buf()?,
            false => &[],
        };
        let status = self.decoder.run_on_buffers(input, buffer);
        // The decoder reads memory only, so its errors are about the bytes; their kind says nothing.
        let status = status.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        self.blob.consume(status.bytes_read);
        self.compressed += status.bytes_read as u64;
        self.uncompressed += status.bytes_written as u64;
        self.in_frame = status.remaining != 0;
        Ok(status.bytes_written)
    }
}

impl<R: BufRead> Read for ZstdReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            // The decoder may hold content for which there was no room.
            if self.in_frame {
                let length = self.run(false, buffer)?;
                if length > 0 {
                    return Ok(length);
                }
            }
            if self.blob.fill_buf()?.is_empty() {
                if self.in_frame {
                    let text = "incomplete frame";
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
                }
                return Ok(0);
            }
            if !self.in_frame {
                self.decoder.reinit()?;
                if let Some(collector) = &mut self.collector {
                    collector.start(self.uncompressed, self.compressed);
                }
            }
            let length = self.run(true, buffer)?;
            if length > 0 {
                return Ok(length);
            }
        }
    }
}
