//! Reading gzip (RFC 1952): members one after the other, from a member's start or its middle.

use std::io::{self, BufRead, Read};

use flate2::Crc;
use zlib_rs::{Inflate, InflateFlush, Status};

use super::restart::{Boundary, WINDOW, corrupt, raw_inflate, restart};
use crate::checkpoints::Collector;

const HEADER_CRC: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;
const RESERVED: u8 = 0xe0;
/// Bytes of a name or comment that are read over.
const MAX_TEXT: usize = 65_535;

/// Reads the content of all members. What stands in headers but for the content is not kept.
pub(super) struct GzipReader<R> {
    blob: Counting<R>,
    stage: Stage,
    inflate: Inflate,
    /// Of this member's content; none if its start was not read.
    checksum: Option<Crc>,
    /// The last byte that was inflated.
    last_byte: u8,
    uncompressed: u64,
    recorder: Option<Recorder>,
}

enum Stage {
    /// Before a member; at the end of the blob there need not be one, but for the first.
    Header {
        first: bool,
    },
    Content,
    Trailer,
    End,
}

impl<R: BufRead> GzipReader<R> {
    /// Reads from the start of a blob, or of a member.
    pub(super) fn new(blob: R, collector: Option<Collector>) -> Self {
        Self {
            blob: Counting {
                inner: blob,
                length: 0,
            },
            stage: Stage::Header { first: true },
            inflate: raw_inflate(),
            checksum: None,
            last_byte: 0,
            uncompressed: 0,
            recorder: collector.map(Recorder::new),
        }
    }

    /// Reads from the middle of a member: `bits` of the first byte belong to what precedes, and
    /// `window` is what is known of the content before.
    pub(super) fn in_middle(blob: R, window: &[u8], bits: u8) -> io::Result<Self> {
        let mut reader = Self::new(blob, None);
        let mut first = [0];
        if bits > 0 {
            reader.blob.read_exact(&mut first)?;
        }
        restart(&mut reader.inflate, window, bits, first[0])?;
        reader.stage = Stage::Content;
        Ok(reader)
    }

    pub(super) fn get_ref(&self) -> &R {
        &self.blob.inner
    }

    pub(super) fn get_mut(&mut self) -> &mut R {
        &mut self.blob.inner
    }

    /// Bytes of content so far, and the points that were found.
    pub(super) fn into_points(self) -> (u64, Option<Collector>) {
        let points = self.recorder.map(|recorder| recorder.collector);
        (self.uncompressed, points)
    }

    /// Reads the header of a member; `false` at the end of the blob.
    fn header(&mut self, first: bool) -> io::Result<bool> {
        if !first && self.blob.fill_patiently()?.is_empty() {
            return Ok(false);
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.member(self.uncompressed, self.blob.length);
        }
        read_header(&mut self.blob)?;
        self.inflate.reset(false);
        self.checksum = Some(Crc::new());
        Ok(true)
    }

    /// Inflates into `buffer`; `None` at the end of the content.
    fn content(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let input = self.blob.inner.fill_buf()?;
        if input.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let looking = match &self.recorder {
            Some(recorder) => recorder.is_looking(self.uncompressed),
            None => false,
        };
        let flush = match looking {
            true => InflateFlush::Block,
            false => InflateFlush::NoFlush,
        };
        let before = (self.inflate.total_in(), self.inflate.total_out());
        let status = self.inflate.decompress(input, buffer, flush);
        let status = status.map_err(corrupt)?;
        let taken = (self.inflate.total_in() - before.0) as usize;
        let made = (self.inflate.total_out() - before.1) as usize;
        if taken == 0 && made == 0 && status == Status::BufError && !looking {
            return Err(corrupt(()));
        }
        // With input and room left there is no other reason to stop than a block's end.
        let boundary =
            looking && status != Status::StreamEnd && taken < input.len() && made < buffer.len();
        let (taken_bytes, made_bytes) = (&input[..taken], &buffer[..made]);
        self.last_byte = taken_bytes.last().copied().unwrap_or(self.last_byte);
        if let Some(checksum) = &mut self.checksum {
            checksum.update(made_bytes);
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.passed(taken_bytes, made_bytes);
        }
        self.blob.consume(taken);
        self.uncompressed += made as u64;
        if let Some(recorder) = self.recorder.as_mut().filter(|_| boundary) {
            recorder.boundary(self.uncompressed, self.blob.length, self.last_byte);
        }
        Ok(match status {
            Status::StreamEnd if made == 0 => None,
            Status::StreamEnd => {
                self.stage = Stage::Trailer;
                Some(made)
            }
            Status::Ok | Status::BufError => Some(made),
        })
    }

    /// Checks what stands after the content.
    fn trailer(&mut self) -> io::Result<()> {
        let mut trailer = [0; 8];
        self.blob.read_exact(&mut trailer)?;
        if let Some(checksum) = self.checksum.take() {
            let [sum, length] = [checksum.sum(), checksum.amount()].map(u32::to_le_bytes);
            if trailer[..4] != sum || trailer[4..] != length {
                return Err(wrong_checksum());
            }
        }
        Ok(())
    }
}

impl<R: BufRead> Read for GzipReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            match self.stage {
                Stage::Header { first } => {
                    self.stage = match self.header(first)? {
                        true => Stage::Content,
                        false => Stage::End,
                    };
                }
                Stage::Content => match self.content(buffer)? {
                    None => self.stage = Stage::Trailer,
                    Some(0) => {}
                    Some(length) => return Ok(length),
                },
                Stage::Trailer => {
                    self.trailer()?;
                    self.stage = Stage::Header { first: false };
                }
                Stage::End => return Ok(0),
            }
        }
    }
}

/// Reads over a header, checking it as section 2.3.1 of RFC 1952 asks.
fn read_header<R: BufRead>(blob: &mut Counting<R>) -> io::Result<()> {
    let mut checksum = Crc::new();
    let mut fixed = [0; 10];
    blob.read_exact(&mut fixed)?;
    checksum.update(&fixed);
    let flags = fixed[3];
    if fixed[..3] != [0x1f, 0x8b, 8] || flags & RESERVED != 0 {
        return Err(bad_header());
    }
    if flags & EXTRA != 0 {
        let mut length = [0; 2];
        blob.read_exact(&mut length)?;
        checksum.update(&length);
        let mut extra = vec![0; usize::from(u16::from_le_bytes(length))];
        blob.read_exact(&mut extra)?;
        checksum.update(&extra);
    }
    for flag in [NAME, COMMENT] {
        if flags & flag != 0 {
            read_text(blob, &mut checksum)?;
        }
    }
    if flags & HEADER_CRC != 0 {
        let mut stored = [0; 2];
        blob.read_exact(&mut stored)?;
        if stored != (checksum.sum() as u16).to_le_bytes() {
            return Err(wrong_checksum());
        }
    }
    Ok(())
}

/// Reads over a name or comment, which ends with a zero.
fn read_text<R: BufRead>(blob: &mut Counting<R>, checksum: &mut Crc) -> io::Result<()> {
    for _ in 0..=MAX_TEXT {
        let mut byte = [0];
        blob.read_exact(&mut byte)?;
        checksum.update(&byte);
        if byte[0] == 0 {
            return Ok(());
        }
    }
    Err(bad_header())
}

fn bad_header() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "invalid gzip header")
}

fn wrong_checksum() -> io::Error {
    let text = "corrupt gzip stream does not have a matching checksum";
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

/// Counts what is taken.
struct Counting<R> {
    inner: R,
    length: u64,
}

impl<R: BufRead> Counting<R> {
    /// The bytes that are there, asking again when a signal came between.
    fn fill_patiently(&mut self) -> io::Result<&[u8]> {
        loop {
            match self.inner.fill_buf() {
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, length: usize) {
        self.inner.consume(length);
        self.length += length as u64;
    }
}

impl<R: BufRead> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.length += length as u64;
        Ok(length)
    }
}

/// Finds points while a blob is read.
struct Recorder {
    collector: Collector,
    /// The last of this member's content, at most a window.
    window: Vec<u8>,
    candidate: Option<Candidate>,
}

/// A block's end, until enough of what follows is known to prove it.
struct Candidate {
    uncompressed: u64,
    compressed: u64,
    window: Vec<u8>,
    last_byte: u8,
    input: Vec<u8>,
    output: Vec<u8>,
}

/// Compressed bytes after which a block's end without a window of content after it is given up:
/// they hold hardly anything but empty blocks.
const MAX_INPUT: usize = 256 << 10;

impl Recorder {
    fn new(collector: Collector) -> Self {
        Self {
            collector,
            window: Vec::new(),
            candidate: None,
        }
    }

    /// Whether the next end of a block is wanted.
    fn is_looking(&self, uncompressed: u64) -> bool {
        self.candidate.is_none() && self.collector.is_due(uncompressed)
    }

    /// A member begins.
    fn member(&mut self, uncompressed: u64, compressed: u64) {
        self.window.clear();
        self.candidate = None;
        self.collector.start(uncompressed, compressed);
    }

    /// Content was inflated.
    fn passed(&mut self, input: &[u8], output: &[u8]) {
        let tail = &output[output.len().saturating_sub(WINDOW)..];
        let kept = self.window.len().min(WINDOW - tail.len());
        self.window.drain(..self.window.len() - kept);
        self.window.extend_from_slice(tail);
        let Some(candidate) = &mut self.candidate else {
            return;
        };
        candidate.input.extend_from_slice(input);
        let missing = WINDOW - candidate.output.len();
        candidate
            .output
            .extend_from_slice(&output[..output.len().min(missing)]);
        if candidate.output.len() == WINDOW {
            let found = Boundary {
                window: &candidate.window,
                last_byte: candidate.last_byte,
                input: &candidate.input,
                output: &candidate.output,
            };
            self.collector
                .middle(candidate.uncompressed, candidate.compressed, &found);
            self.candidate = None;
        } else if candidate.input.len() > MAX_INPUT {
            self.collector.postpone(candidate.uncompressed);
            self.candidate = None;
        }
    }

    /// A block ends here.
    fn boundary(&mut self, uncompressed: u64, compressed: u64, last_byte: u8) {
        self.candidate = Some(Candidate {
            uncompressed,
            compressed,
            window: self.window.clone(),
            last_byte,
            input: Vec::new(),
            output: Vec::new(),
        });
    }
}
