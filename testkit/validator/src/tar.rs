//! A reader of tar that complains instead of coping.

use std::io::Read;

use crate::report::Rule;

const BLOCK: usize = 512;
/// More than this in one extended header is not read: its size is a problem by itself.
const HEADER_LIMIT: u64 = 64 << 20;

/// A breach found while reading; a fatal one leaves no way to find the next header.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) rule: Rule,
    pub(crate) message: String,
}

impl Fault {
    fn new(rule: Rule, message: impl Into<String>) -> Fault {
        Fault {
            rule,
            message: message.into(),
        }
    }
}

/// A key and its value.
pub(crate) type Record = (Vec<u8>, Vec<u8>);

/// One entry with its extended headers.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: Vec<u8>,
    pub(crate) link: Vec<u8>,
    pub(crate) typeflag: u8,
    pub(crate) size: u64,
    pub(crate) mtime: u64,
    /// Records of the extended header, in order.
    pub(crate) pax: Vec<Record>,
    /// Breaches that did not keep the entry from being read.
    pub(crate) faults: Vec<Fault>,
}

impl Member {
    /// The last value of a key.
    pub(crate) fn record(&self, key: &str) -> Option<&[u8]> {
        self.pax
            .iter()
            .rev()
            .find(|(k, _)| k == key.as_bytes())
            .map(|(_, v)| v.as_slice())
    }
}

pub(crate) struct TarReader<R> {
    input: R,
}

impl<R: Read> TarReader<R> {
    pub(crate) fn new(input: R) -> TarReader<R> {
        TarReader { input }
    }

    /// The next entry; its content must be taken with [`TarReader::content`] before the next call.
    /// After `Ok(None)` or `Err` there is nothing more to read.
    pub(crate) fn next(&mut self) -> Result<Option<Member>, Fault> {
        let mut pending = Extensions::default();
        loop {
            let block = self.block()?;
            if block.iter().all(|&b| b == 0) {
                return self.end(&pending).map(|()| None);
            }
            let mut faults = Vec::new();
            let header = Header::parse(&block, &mut faults);
            match header.typeflag {
                b'x' | b'g' | b'L' | b'K' => {
                    pending.faults.append(&mut faults);
                    let body = self.extension(&header)?;
                    pending.take(header.typeflag, &body)?;
                }
                _ => return pending.member(header, faults).map(Some),
            }
        }
    }

    /// Passes an entry's content on, and checks that it is whole and padded with zeros.
    pub(crate) fn content(
        &mut self,
        size: u64,
        mut sink: impl FnMut(&[u8]),
    ) -> Result<Option<Fault>, Fault> {
        let mut buffer = vec![0; 64 << 10];
        let mut left = size;
        while left > 0 {
            let part = left.min(buffer.len() as u64) as usize;
            self.fill(&mut buffer[..part])?;
            sink(&buffer[..part]);
            left -= part as u64;
        }
        let padding = (size.wrapping_neg() % BLOCK as u64) as usize;
        self.fill(&mut buffer[..padding])?;
        let clean = buffer[..padding].iter().all(|&b| b == 0);
        Ok((!clean).then(|| Fault::new(Rule::Padding, "padding holds other bytes than zeros")))
    }

    fn end(&mut self, pending: &Extensions) -> Result<(), Fault> {
        if !pending.seen.is_empty() {
            return Err(Fault::new(
                Rule::PaxRecord,
                "an extended header without an entry",
            ));
        }
        let second = self.block().map_err(|_| {
            Fault::new(
                Rule::EndOfArchive,
                "only one block of zeros ends the archive",
            )
        })?;
        if second.iter().any(|&b| b != 0) {
            return Err(Fault::new(
                Rule::EndOfArchive,
                "a block of zeros is followed by data",
            ));
        }
        let mut rest = [0; 1];
        match self.input.read(&mut rest) {
            Ok(0) => Ok(()),
            Ok(_) => Err(Fault::new(
                Rule::EndOfArchive,
                "bytes follow the end of the archive",
            )),
            Err(error) => Err(Fault::new(Rule::Truncated, format!("cannot read: {error}"))),
        }
    }

    fn extension(&mut self, header: &Header) -> Result<Vec<u8>, Fault> {
        if header.size > HEADER_LIMIT {
            let message = format!("an extended header of {} bytes", header.size);
            return Err(Fault::new(Rule::PaxSize, message));
        }
        let mut body = Vec::new();
        match self.content(header.size, |bytes| body.extend_from_slice(bytes))? {
            Some(fault) => Err(fault),
            None => Ok(body),
        }
    }

    fn block(&mut self) -> Result<[u8; BLOCK], Fault> {
        let mut block = [0; BLOCK];
        self.fill(&mut block)?;
        Ok(block)
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), Fault> {
        self.input
            .read_exact(buffer)
            .map_err(|error| Fault::new(Rule::Truncated, format!("cannot read: {error}")))
    }
}

/// Extended headers that wait for their entry.
#[derive(Default)]
struct Extensions {
    seen: Vec<u8>,
    bytes: usize,
    pax: Vec<Record>,
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
    faults: Vec<Fault>,
}

impl Extensions {
    fn take(&mut self, typeflag: u8, body: &[u8]) -> Result<(), Fault> {
        if self.seen.contains(&typeflag) {
            let message = format!("a second header {:?} for one entry", char::from(typeflag));
            self.faults.push(Fault::new(Rule::PaxRecord, message));
        }
        self.seen.push(typeflag);
        self.bytes += body.len();
        match typeflag {
            b'x' => self.pax.extend(records(body)?),
            b'g' => {
                self.faults
                    .push(Fault::new(Rule::PaxGlobal, "a global header"));
                records(body)?;
            }
            b'L' => self.long_name = Some(until_nul(body).to_vec()),
            _ => self.long_link = Some(until_nul(body).to_vec()),
        }
        Ok(())
    }

    fn member(mut self, header: Header, mut faults: Vec<Fault>) -> Result<Member, Fault> {
        self.faults.append(&mut faults);
        let mut faults = self.faults;
        if self.bytes > 1_000_000 {
            let message = format!("{} bytes of extended headers", self.bytes);
            faults.push(Fault::new(Rule::PaxSize, message));
        }
        if self.seen.contains(&b'x') && self.seen.iter().any(|t| matches!(t, b'L' | b'K')) {
            faults.push(Fault::new(
                Rule::PaxRecord,
                "PAX and GNU headers for one entry",
            ));
        }
        for (at, (key, _)) in self.pax.iter().enumerate() {
            if self.pax[..at].iter().any(|(k, _)| k == key) {
                let message = format!("{:?} appears twice", String::from_utf8_lossy(key));
                faults.push(Fault::new(Rule::PaxRecord, message));
            }
        }
        let mut member = Member {
            name: self.long_name.unwrap_or(header.name),
            link: self.long_link.unwrap_or(header.link),
            typeflag: header.typeflag,
            size: header.size,
            mtime: header.mtime,
            pax: self.pax,
            faults,
        };
        if let Some(path) = member.record("path") {
            member.name = path.to_vec();
        }
        if let Some(link) = member.record("linkpath") {
            member.link = link.to_vec();
        }
        if let Some(size) = member.record("size") {
            let size = decimal(size)
                .ok_or_else(|| Fault::new(Rule::PaxRecord, "`size` is not a number of 63 bits"))?;
            if header.size != 0 && header.size != size {
                let message = format!("size {} in the header, {size} in PAX", header.size);
                member.faults.push(Fault::new(Rule::PaxRecord, message));
            }
            member.size = size;
        }
        if !matches!(member.typeflag, b'0' | 0 | b'7' | b'S') && member.size != 0 {
            return Err(Fault::new(
                Rule::Header,
                "content on an entry that has none",
            ));
        }
        Ok(member)
    }
}

struct Header {
    name: Vec<u8>,
    link: Vec<u8>,
    typeflag: u8,
    size: u64,
    mtime: u64,
}

impl Header {
    fn parse(block: &[u8; BLOCK], faults: &mut Vec<Fault>) -> Header {
        let typeflag = block[156];
        let sum: u64 = block
            .iter()
            .enumerate()
            .map(|(at, &b)| {
                if (148..156).contains(&at) {
                    u64::from(b' ')
                } else {
                    u64::from(b)
                }
            })
            .sum();
        if octal(&block[148..156]) != Some(sum) {
            faults.push(Fault::new(
                Rule::HeaderChecksum,
                format!("the sum is {sum:o} octal"),
            ));
        }
        let gnu = &block[257..265] == b"ustar  \0";
        if !gnu && &block[257..265] != b"ustar\x0000" {
            faults.push(Fault::new(Rule::Header, "the magic is not that of ustar"));
        }
        let mut number = |what: &str, field: &[u8]| {
            octal(field).unwrap_or_else(|| {
                faults.push(Fault::new(Rule::Header, format!("{what} is not octal")));
                0
            })
        };
        number("mode", &block[100..108]);
        number("uid", &block[108..116]);
        number("gid", &block[116..124]);
        let size = number("size", &block[124..136]);
        let mtime = number("mtime", &block[136..148]);
        number("major", &block[329..337]);
        number("minor", &block[337..345]);
        let mut name = until_nul(&block[345..500]).to_vec();
        if gnu || name.is_empty() {
            name.clear();
        } else {
            name.push(b'/');
        }
        name.extend_from_slice(until_nul(&block[..100]));
        Header {
            name,
            link: until_nul(&block[157..257]).to_vec(),
            typeflag,
            size,
            mtime,
        }
    }
}

fn until_nul(field: &[u8]) -> &[u8] {
    field.split(|&b| b == 0).next().unwrap_or_default()
}

/// Octal digits up to a NUL or a space; an empty field is zero.
fn octal(field: &[u8]) -> Option<u64> {
    let end = field
        .iter()
        .position(|&b| b == 0 || b == b' ')
        .unwrap_or(field.len());
    let (digits, rest) = field.split_at(end);
    if rest.iter().any(|&b| b != 0 && b != b' ') {
        return None;
    }
    digits.iter().try_fold(0u64, |value, &b| match b {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(u64::from(b - b'0')),
        _ => None,
    })
}

/// Decimal digits that fit into 63 bits.
pub(crate) fn decimal(text: &[u8]) -> Option<u64> {
    let canonical = !text.is_empty() && (text[0] != b'0' || text.len() == 1);
    let digits = canonical && text.iter().all(u8::is_ascii_digit);
    let value: u64 = digits
        .then(|| std::str::from_utf8(text).ok()?.parse().ok())
        .flatten()?;
    (value <= i64::MAX as u64).then_some(value)
}

/// The records of an extended header. Wrong lengths are fatal: what follows is guesswork.
fn records(mut body: &[u8]) -> Result<Vec<Record>, Fault> {
    let mut found = Vec::new();
    let fault = |message: &str| Fault::new(Rule::PaxRecord, message);
    while !body.is_empty() {
        let space = body
            .iter()
            .position(|&b| b == b' ')
            .ok_or_else(|| fault("no length"))?;
        let length = decimal(&body[..space]).ok_or_else(|| fault("a length is no number"))?;
        if length > body.len() as u64 || length <= space as u64 + 2 {
            return Err(fault("a record's length leads out of the header"));
        }
        let (record, rest) = body.split_at(length as usize);
        let text = record[space + 1..]
            .strip_suffix(b"\n")
            .ok_or_else(|| fault("a record's length does not lead to its line feed"))?;
        let equals = text
            .iter()
            .position(|&b| b == b'=')
            .ok_or_else(|| fault("no `=`"))?;
        let (key, value) = (&text[..equals], &text[equals + 1..]);
        if key.is_empty() || key.contains(&0) {
            return Err(fault("an empty key or one with NUL"));
        }
        if matches!(key, b"path" | b"linkpath" | b"uname" | b"gname") && value.contains(&0) {
            return Err(fault("NUL in a name"));
        }
        found.push((key.to_vec(), value.to_vec()));
        body = rest;
    }
    Ok(found)
}
