//! The few forms of tar that `git archive` writes, read, and the same written.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};

const BLOCK: usize = 512;
/// The most that a record of names may have, in bytes.
const MAX_RECORDS: u64 = 1 << 20;
/// The largest number of eleven octal digits.
const MAX_OCTAL: u64 = 0o77_777_777_777;

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    File { is_executable: bool, size: u64 },
    Link { target: Vec<u8> },
}

/// An entry: a path from the root, without `/` around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) path: Vec<u8>,
    pub(super) kind: Kind,
}

/// Reads a tar of `git archive`.
pub(super) struct TarReader<R> {
    input: R,
    /// What is left of the current file, with the zeroes behind it.
    left: u64,
    padding: u64,
}

fn malformed(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

impl<R: Read> TarReader<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            left: 0,
            padding: 0,
        }
    }

    /// The next entry; what was not read of the one before is skipped. The header for the whole
    /// archive, which holds the commit's id, is dropped.
    pub(super) fn next(&mut self) -> io::Result<Option<Entry>> {
        self.skip()?;
        let (mut path, mut target, mut size) = (None, None, None);
        loop {
            let mut header = [0; BLOCK];
            self.input.read_exact(&mut header)?;
            if header.iter().all(|byte| *byte == 0) {
                // To the end, so that git does not find nobody listening.
                io::copy(&mut self.input, &mut io::sink())?;
                return Ok(None);
            }
            check_sum(&header)?;
            let own_size = number(&header[124..136])?;
            match header[156] {
                b'g' | b'x' => {
                    if own_size > MAX_RECORDS {
                        return Err(malformed("git's archive has a name without end"));
                    }
                    self.set_size(own_size);
                    let mut records = Vec::new();
                    self.by_ref().read_to_end(&mut records)?;
                    self.skip()?;
                    if header[156] == b'g' {
                        continue;
                    }
                    for (key, value) in records_of(&records)? {
                        match key {
                            b"path" => path = Some(value.to_vec()),
                            b"linkpath" => target = Some(value.to_vec()),
                            b"size" => size = Some(decimal(value)?),
                            _ => {}
                        }
                    }
                }
                kind => {
                    let mut path = path.unwrap_or_else(|| header_path(&header));
                    let is_executable = number(&header[100..108])? & 0o100 != 0;
                    let kind = match kind {
                        b'5' => Kind::Directory,
                        b'2' => Kind::Link {
                            target: target.unwrap_or_else(|| until_zero(&header[157..257])),
                        },
                        b'0' | 0 => {
                            let size = size.unwrap_or(own_size);
                            self.set_size(size);
                            Kind::File {
                                is_executable,
                                size,
                            }
                        }
                        _ => return Err(malformed("git's archive has an entry of no known kind")),
                    };
                    while path.last() == Some(&b'/') {
                        path.pop();
                    }
                    return Ok(Some(Entry { path, kind }));
                }
            }
        }
    }

    fn set_size(&mut self, size: u64) {
        self.left = size;
        self.padding = size.wrapping_neg() % BLOCK as u64;
    }

    fn skip(&mut self) -> io::Result<()> {
        let skipped = self.left + self.padding;
        let found = io::copy(&mut self.input.by_ref().take(skipped), &mut io::sink())?;
        (self.left, self.padding) = (0, 0);
        if found < skipped {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

/// The content of the current file.
impl<R: Read> Read for TarReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        if wanted == 0 {
            return Ok(0);
        }
        let count = self.input.read(&mut buffer[..wanted])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= count as u64;
        Ok(count)
    }
}

fn until_zero(field: &[u8]) -> Vec<u8> {
    let end = field.iter().position(|byte| *byte == 0);
    field[..end.unwrap_or(field.len())].to_vec()
}

fn header_path(header: &[u8; BLOCK]) -> Vec<u8> {
    let name = until_zero(&header[..100]);
    match until_zero(&header[345..500]) {
        prefix if prefix.is_empty() => name,
        mut prefix => {
            prefix.push(b'/');
            prefix.extend(name);
            prefix
        }
    }
}

/// Octal digits, ended by a space, a zero, or the field.
fn number(field: &[u8]) -> io::Result<u64> {
    let mut value = 0_u64;
    for byte in field {
        match byte {
            b'0'..=b'7' => value = value * 8 + u64::from(byte - b'0'),
            b' ' | 0 => break,
            _ => return Err(malformed("git's archive has a number that is none")),
        }
    }
    Ok(value)
}

fn decimal(text: &[u8]) -> io::Result<u64> {
    let text = std::str::from_utf8(text).ok();
    let number = text.and_then(|text| text.parse().ok());
    number
        .filter(|size| *size < 1 << 62)
        .ok_or_else(|| malformed("git's archive has a number that is none"))
}

fn sum(header: &[u8; BLOCK]) -> u64 {
    let is_sum = |at: usize| (148..156).contains(&at);
    let bytes = header.iter().enumerate();
    bytes
        .map(|(at, byte)| if is_sum(at) { 32 } else { u64::from(*byte) })
        .sum()
}

fn check_sum(header: &[u8; BLOCK]) -> io::Result<()> {
    if number(&header[148..156])? == sum(header) {
        return Ok(());
    }
    Err(malformed("git's archive is damaged"))
}

/// The records `LENGTH KEY=VALUE\n` of an extended header (POSIX, pax).
fn records_of(mut bytes: &[u8]) -> io::Result<Vec<(&[u8], &[u8])>> {
    let wrong = || malformed("git's archive has a name that cannot be read");
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let space = bytes
            .iter()
            .position(|byte| *byte == b' ')
            .ok_or_else(wrong)?;
        let length = usize::try_from(decimal(&bytes[..space])?).map_err(|_| wrong())?;
        if length <= space + 1 || length > bytes.len() {
            return Err(wrong());
        }
        let record = bytes[space + 1..length]
            .strip_suffix(b"\n")
            .ok_or_else(wrong)?;
        let equals = record
            .iter()
            .position(|byte| *byte == b'=')
            .ok_or_else(wrong)?;
        records.push((&record[..equals], &record[equals + 1..]));
        bytes = &bytes[length..];
    }
    Ok(records)
}

/// Writes a tar: owners are 0, modes 0644, 0755 and, of links, 0777, all times the same.
pub(super) struct TarWriter<'a> {
    out: &'a mut dyn Write,
    time: u64,
    entries: u64,
    /// What [`directories`](Self::directories) has written.
    written: BTreeSet<String>,
}

impl<'a> TarWriter<'a> {
    pub(super) fn new(out: &'a mut dyn Write, time: i64) -> Self {
        Self {
            out,
            time: u64::try_from(time).unwrap_or(0),
            entries: 0,
            written: BTreeSet::new(),
        }
    }

    /// A directory, and before it those on the way that were not written by this method.
    pub(super) fn directories(&mut self, path: &str) -> io::Result<()> {
        let ends = path.match_indices('/').map(|(end, _)| end);
        for end in ends.chain([path.len()]) {
            if self.written.insert(path[..end].to_owned()) {
                self.directory(&path.as_bytes()[..end])?;
            }
        }
        Ok(())
    }

    pub(super) fn directory(&mut self, path: &[u8]) -> io::Result<()> {
        self.header(path, b'5', 0o755, 0, b"")
    }

    pub(super) fn link(&mut self, path: &[u8], target: &[u8]) -> io::Result<()> {
        self.header(path, b'2', 0o777, 0, target)
    }

    /// A file of exactly `size` bytes of `content`.
    pub(super) fn file(
        &mut self,
        path: &[u8],
        mode: u64,
        size: u64,
        content: &mut dyn Read,
    ) -> io::Result<()> {
        self.header(path, b'0', mode, size, b"")?;
        let mut left = size;
        let mut buffer = vec![0; 64 << 10];
        while left > 0 {
            let wanted = usize::try_from(left).map_or(buffer.len(), |n| n.min(buffer.len()));
            let count = content
                .read(&mut buffer[..wanted])
                .map_err(ReadFailed::wrap)?;
            if count == 0 {
                return Err(ReadFailed::wrap(io::ErrorKind::UnexpectedEof.into()));
            }
            self.out.write_all(&buffer[..count])?;
            left -= count as u64;
        }
        self.pad(size)
    }

    pub(super) fn bytes(&mut self, path: &str, mode: u64, content: &[u8]) -> io::Result<()> {
        self.file(
            path.as_bytes(),
            mode,
            content.len() as u64,
            &mut &content[..],
        )
    }

    /// Writes the end, and gives the number of entries.
    pub(super) fn finish(self) -> io::Result<u64> {
        self.out.write_all(&[0; 2 * BLOCK])?;
        self.out.flush()?;
        Ok(self.entries)
    }

    fn header(
        &mut self,
        path: &[u8],
        kind: u8,
        mode: u64,
        size: u64,
        target: &[u8],
    ) -> io::Result<()> {
        let mut name = path.to_vec();
        if kind == b'5' {
            name.push(b'/');
        }
        let mut records = Vec::new();
        if name.len() > 100 {
            record(&mut records, "path", &name);
        }
        if target.len() > 100 {
            record(&mut records, "linkpath", target);
        }
        if size > MAX_OCTAL {
            record(&mut records, "size", size.to_string().as_bytes());
        }
        if self.time > MAX_OCTAL {
            record(&mut records, "mtime", self.time.to_string().as_bytes());
        }
        if !records.is_empty() {
            let length = records.len() as u64;
            self.block(b"pax_header", b'x', 0o644, length, b"")?;
            self.out.write_all(&records)?;
            self.pad(length)?;
        }
        self.block(&name, kind, mode, size, target)?;
        self.entries += 1;
        Ok(())
    }

    fn block(
        &mut self,
        name: &[u8],
        kind: u8,
        mode: u64,
        size: u64,
        target: &[u8],
    ) -> io::Result<()> {
        let mut header = [0; BLOCK];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &name[..name.len().min(100)]);
        put(100, format!("{mode:07o}").as_bytes());
        put(108, b"0000000");
        put(116, b"0000000");
        put(124, format!("{:011o}", size.min(MAX_OCTAL)).as_bytes());
        put(136, format!("{:011o}", self.time.min(MAX_OCTAL)).as_bytes());
        put(156, &[kind]);
        put(157, &target[..target.len().min(100)]);
        put(257, b"ustar\x0000");
        put(329, b"0000000");
        put(337, b"0000000");
        let sum = format!("{:06o}\0 ", sum(&header));
        header[148..156].copy_from_slice(sum.as_bytes());
        self.out.write_all(&header)
    }

    fn pad(&mut self, size: u64) -> io::Result<()> {
        let padding = (size.wrapping_neg() % BLOCK as u64) as usize;
        self.out.write_all(&[0; BLOCK][..padding])
    }
}

fn record(records: &mut Vec<u8>, key: &str, value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    // The length counts its own digits.
    while rest + length.to_string().len() != length {
        length = rest + length.to_string().len();
    }
    records.extend_from_slice(format!("{length} {key}=").as_bytes());
    records.extend_from_slice(value);
    records.push(b'\n');
}

/// It was the content that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct ReadFailed(io::Error);

impl ReadFailed {
    fn wrap(error: io::Error) -> io::Error {
        io::Error::other(Self(error))
    }
}

#[cfg(test)]
mod tests;
