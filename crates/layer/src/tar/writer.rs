//! Writing tars, byte for byte determined by what is written.

use std::io::{self, Write};

use crate::tar::header::{Block, HEADER_SIZE, Header, TarKind};
use crate::tar::pax::Records;

/// Writes a tar in POSIX pax format.
///
/// Records are written where a field cannot hold a value, and never otherwise; names of more
/// than 100 bytes or with other than ASCII go into records, as Go's writer does.
pub struct TarWriter<W> {
    out: W,
    /// Content on its way, for all entries: there are many, and most are small.
    buffer: Vec<u8>,
}

/// Bytes of content that are moved at once.
const BUFFER: usize = 128 << 10;

/// Largest values of octal fields of 8 and 12 bytes with a closing NUL.
const MAX_OCTAL_8: u64 = 0o7_777_777;
const MAX_OCTAL_12: u64 = 0o77_777_777_777;

impl<W: Write> TarWriter<W> {
    /// A writer at the start of an archive.
    pub fn new(out: W) -> Self {
        Self {
            out,
            buffer: Vec::new(),
        }
    }

    /// Writes an entry's headers. For a file, exactly `header.size` bytes of content must follow
    /// by [`TarWriter::content`].
    pub fn header(&mut self, header: &Header) -> io::Result<()> {
        if u64::from(header.device.0.max(header.device.1)) > MAX_OCTAL_8 {
            let text = format!("device numbers {:?} do not fit a tar header", header.device);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        check_text(header)?;
        let mut records = header.records.clone();
        let size = if header.kind == TarKind::File {
            header.size
        } else {
            0
        };
        let mut binary = false;
        let mut text = |records: &mut Records, key: &str, value: &[u8], room: usize| {
            if value.len() > room || !value.is_ascii() {
                binary |= std::str::from_utf8(value).is_err();
                records.set(key, value);
            }
        };
        text(&mut records, "path", &header.path, 100);
        text(&mut records, "linkpath", &header.link, 100);
        text(&mut records, "uname", &header.user, 31);
        text(&mut records, "gname", &header.group, 31);
        if binary {
            records.set("hdrcharset", "BINARY");
        }
        let mut number = |key: &str, value: u64, most: u64| {
            if value > most {
                records.set(key, value.to_string());
                return 0;
            }
            value
        };
        let size_field = number("size", size, MAX_OCTAL_12);
        let uid = number("uid", header.uid, MAX_OCTAL_8);
        let gid = number("gid", header.gid, MAX_OCTAL_8);
        let seconds = u64::try_from(header.modified.seconds).ok();
        let mtime = match seconds.filter(|&seconds| seconds <= MAX_OCTAL_12) {
            Some(seconds) if header.modified.nanoseconds == 0 => seconds,
            in_range => {
                records.set("mtime", header.modified.to_pax());
                in_range.unwrap_or(0)
            }
        };
        if !records.is_empty() {
            self.extended(&header.path, &records)?;
        }
        let mut block = Block::new(header.kind.flag());
        block.text(0, 100, &ascii(&header.path));
        block.octal(100, 8, u64::from(header.mode) & 0o177_777);
        block.octal(108, 8, uid);
        block.octal(116, 8, gid);
        block.octal(124, 12, size_field);
        block.octal(136, 12, mtime);
        block.text(157, 100, &ascii(&header.link));
        block.text(265, 31, &ascii(&header.user));
        block.text(297, 31, &ascii(&header.group));
        block.octal(329, 8, u64::from(header.device.0));
        block.octal(337, 8, u64::from(header.device.1));
        self.out.write_all(&block.finish())
    }

    /// Writes content of `size` bytes, and what fills the last block.
    pub fn content(&mut self, content: &mut dyn io::Read, size: u64) -> io::Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.resize(BUFFER, 0);
        let copied = self.copy(content, size, &mut buffer);
        self.buffer = buffer;
        copied
    }

    fn copy(&mut self, content: &mut dyn io::Read, size: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut remaining = size;
        while remaining > 0 {
            let wanted = remaining.min(buffer.len() as u64) as usize;
            let length = match content.read(&mut buffer[..wanted]) {
                Ok(0) => {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        format!("content ends {remaining} bytes before its size of {size}"),
                    ));
                }
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.out.write_all(&buffer[..length])?;
            remaining -= length as u64;
        }
        // One more read makes a verifying reader say whether the whole was right.
        if content.read(&mut buffer[..1])? != 0 {
            return Err(io::Error::other(format!(
                "content goes on past its size of {size}"
            )));
        }
        let padding = size.next_multiple_of(HEADER_SIZE as u64) - size;
        self.out.write_all(&buffer_of_zeroes()[..padding as usize])
    }

    /// Writes the end of the archive and returns the writer beneath.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&buffer_of_zeroes())?;
        self.out.write_all(&buffer_of_zeroes())?;
        Ok(self.out)
    }

    fn extended(&mut self, path: &[u8], records: &Records) -> io::Result<()> {
        let content = records.encode();
        let mut block = Block::new(b'x');
        let base = path
            .rsplit(|&byte| byte == b'/')
            .find(|part| !part.is_empty());
        let mut name = b"PaxHeaders.0/".to_vec();
        name.extend_from_slice(&ascii(base.unwrap_or_default()));
        block.text(0, 100, &name);
        block.octal(100, 8, 0);
        block.octal(108, 8, 0);
        block.octal(116, 8, 0);
        block.octal(124, 12, content.len() as u64);
        block.octal(136, 12, 0);
        block.octal(329, 8, 0);
        block.octal(337, 8, 0);
        self.out.write_all(&block.finish())?;
        self.out.write_all(&content)?;
        let padding = content.len().next_multiple_of(HEADER_SIZE) - content.len();
        self.out.write_all(&buffer_of_zeroes()[..padding])
    }
}

/// Refuses what would read back as something else.
fn check_text(header: &Header) -> io::Result<()> {
    let error = |text: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    if header.path.is_empty() {
        return error("an entry without a name");
    }
    let fields = [&header.path, &header.link, &header.user, &header.group];
    if fields.into_iter().any(|field| field.contains(&0)) {
        return error("a name holds NUL");
    }
    let bad = |key: &[u8]| key.is_empty() || key.iter().any(|byte| matches!(byte, b'=' | 0));
    if header.records.iter().any(|(key, _)| bad(key)) {
        return error("the key of an extended header's record is empty or holds = or NUL");
    }
    Ok(())
}

fn buffer_of_zeroes() -> [u8; HEADER_SIZE] {
    [0; HEADER_SIZE]
}

/// The ASCII bytes of `text`, for fields that readers of the records ignore.
fn ascii(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(u8::is_ascii).collect()
}
