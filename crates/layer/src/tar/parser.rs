//! A push parser: bytes of an archive go in as they come, entries and their data come out.

use std::fmt;

use crate::Timestamp;
use crate::tar::header::{BadBlock, HEADER_SIZE, Header, RawHeader, TarKind};
use crate::tar::pax::{MAX_EXTENDED, Records};
use crate::tar::sparse::{PaxSparse, SparseMap, decimal, pax_format};

/// What the parser found.
#[derive(Debug)]
pub enum Event<'a> {
    /// A new entry. Its stored data, if any, begins at `offset` of the archive.
    Entry {
        /// The facts of the entry.
        header: Header,
        /// Where its data begins, counted from the start of the archive.
        offset: u64,
        /// How many bytes the archive holds of it (less than the size for a sparse file).
        stored: u64,
    },
    /// Stored bytes of the entry that was announced last.
    Data(&'a [u8]),
    /// All data of the entry has been given.
    EndOfEntry,
}

/// An archive that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("tar archive, at byte {offset}{}: {kind}", EntryName(.path))]
pub struct TarError {
    /// Where in the uncompressed archive, in bytes.
    pub offset: u64,
    /// The entry's name, when it is known.
    pub path: Vec<u8>,
    /// What is wrong.
    pub kind: TarErrorKind,
}

struct EntryName<'a>(&'a Vec<u8>);

impl fmt::Display for EntryName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        write!(f, ", entry {:?}", String::from_utf8_lossy(self.0))
    }
}

/// What is wrong with an archive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TarErrorKind {
    /// The checksum of a header does not hold.
    #[error("this is not a tar header (checksum mismatch): the archive is corrupt or not a tar")]
    Checksum,
    /// A number of a header cannot be read.
    #[error("the header's field {0} is not a number in range")]
    Field(&'static str),
    /// The archive ends in the middle.
    #[error("the archive ends in the middle of {0}")]
    Truncated(&'static str),
    /// One zero block was followed by something else.
    #[error("a single zero block stands inside the archive")]
    LoneZeroBlock,
    /// An extended header has no entry after it.
    #[error("an extended header without an entry")]
    DanglingExtension,
    /// Extended headers contradict each other or cannot be read.
    #[error("extended headers {0}; readers of tar disagree about such an entry")]
    Extension(&'static str),
    /// Extended headers are too large.
    #[error("extended headers of {size} bytes, more than {MAX_EXTENDED}")]
    ExtensionSize {
        /// Their size.
        size: u64,
    },
    /// A type flag that no layer should hold.
    #[error("unknown entry type {:?}", char::from(*.0))]
    Type(u8),
    /// A directory, link or device that claims to have data.
    #[error("an entry without content states a size of {0} bytes")]
    UnexpectedSize(u64),
    /// A sparse map that cannot be read.
    #[error("the map of the sparse file is not valid or of an unsupported format")]
    Sparse,
    /// The name, a link's text or an owner's name cannot be one.
    #[error("the name is empty, too long or holds a NUL byte")]
    Name,
    /// The receiver of the events refused one.
    #[error("{0}")]
    Refused(String),
}

enum State {
    /// Collecting a header block.
    Header,
    /// Collecting an extension's content.
    Extension {
        flag: u8,
        remaining: u64,
        padding: u64,
    },
    /// Collecting extension blocks of an old GNU sparse map.
    SparseBlocks {
        raw: Box<RawHeader>,
        map: SparseMap,
        size: u64,
    },
    /// Collecting a 1.0 sparse map from the start of the data.
    SparseLines {
        header: Box<Header>,
        remaining: u64,
        newlines: u64,
    },
    /// Passing data on.
    Data { remaining: u64, padding: u64 },
    /// Passing over padding after data.
    Padding { remaining: u64 },
    /// One zero block was seen.
    ZeroBlock,
    /// The end was seen; what follows counts for the digest only.
    End,
}

/// Longest name or link text that is read, in bytes: what fits Windows' 32,767 UTF-16 units.
const MAX_NAME: usize = 98_301;

/// The largest size that the header's field holds.
const MAX_OCTAL_SIZE: u64 = 0o77_777_777_777;

/// The push parser.
pub struct Parser {
    state: State,
    block: Vec<u8>,
    /// Bytes taken so far.
    offset: u64,
    extended: Option<Records>,
    extended_size: u64,
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
    name: Vec<u8>,
}

/// Receives events; an error text stops the parser.
pub(crate) type Sink<'a> = &'a mut dyn FnMut(Event<'_>) -> Result<(), String>;

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

impl Parser {
    /// A parser at the start of an archive.
    pub fn new() -> Self {
        Self {
            state: State::Header,
            block: Vec::with_capacity(HEADER_SIZE),
            offset: 0,
            extended: None,
            extended_size: 0,
            long_name: None,
            long_link: None,
            name: Vec::new(),
        }
    }

    /// Takes the next bytes of the archive and gives what they hold to `sink`.
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        sink: &mut dyn FnMut(Event<'_>) -> Result<(), String>,
    ) -> Result<(), TarError> {
        while !bytes.is_empty() {
            let taken = match &mut self.state {
                State::Data { remaining, padding } => {
                    let length = (*remaining).min(bytes.len() as u64) as usize;
                    *remaining -= length as u64;
                    let (remaining, padding) = (*remaining, *padding);
                    let data = &bytes[..length];
                    sink(Event::Data(data)).map_err(|text| self.refused(text))?;
                    if remaining == 0 {
                        sink(Event::EndOfEntry).map_err(|text| self.refused(text))?;
                        self.state = State::Padding { remaining: padding };
                        self.settle();
                    }
                    length
                }
                State::Padding { remaining } => {
                    let length = (*remaining).min(bytes.len() as u64) as usize;
                    *remaining -= length as u64;
                    self.settle();
                    length
                }
                State::End => bytes.len(),
                State::Extension {
                    remaining, padding, ..
                } => {
                    let wanted = *remaining + *padding - self.block.len() as u64;
                    let length = wanted.min(bytes.len() as u64) as usize;
                    self.block.extend_from_slice(&bytes[..length]);
                    if length as u64 == wanted {
                        self.extension()?;
                    }
                    length
                }
                State::Header
                | State::ZeroBlock
                | State::SparseBlocks { .. }
                | State::SparseLines { .. } => {
                    let wanted = HEADER_SIZE - self.block.len() % HEADER_SIZE;
                    let length = wanted.min(bytes.len());
                    self.block.extend_from_slice(&bytes[..length]);
                    if length == wanted {
                        self.block_complete(sink, length as u64)?;
                    }
                    length
                }
            };
            self.offset += taken as u64;
            bytes = &bytes[taken..];
        }
        Ok(())
    }

    /// Ends the archive and returns its length. Closing zero blocks are not demanded: Go's reader
    /// does not either, and such layers exist.
    pub fn finish(self) -> Result<u64, TarError> {
        let truncated = |what| self.error(TarErrorKind::Truncated(what));
        match self.state {
            State::Header if !self.block.is_empty() => Err(truncated("a header")),
            State::Header if self.extensions_pending() => {
                Err(self.error(TarErrorKind::DanglingExtension))
            }
            // Go's reader does not miss the last padding either, and `umoci insert` writes none.
            State::Header | State::End | State::Padding { .. } => Ok(self.offset),
            State::ZeroBlock if self.block.is_empty() => Ok(self.offset),
            State::ZeroBlock => Err(truncated("a header")),
            State::Extension { .. } => Err(truncated("an extended header")),
            State::SparseBlocks { .. } | State::SparseLines { .. } => {
                Err(truncated("a sparse map"))
            }
            State::Data { .. } => Err(truncated("an entry's data")),
        }
    }

    fn error(&self, kind: TarErrorKind) -> TarError {
        TarError {
            offset: self.offset,
            path: self.name.clone(),
            kind,
        }
    }

    fn refused(&self, text: String) -> TarError {
        self.error(TarErrorKind::Refused(text))
    }

    fn extensions_pending(&self) -> bool {
        self.extended.is_some() || self.long_name.is_some() || self.long_link.is_some()
    }

    /// Leaves a padding state that has nothing left.
    fn settle(&mut self) {
        if matches!(self.state, State::Padding { remaining: 0 }) {
            self.state = State::Header;
            self.block.clear();
        }
    }

    fn block_complete(&mut self, sink: Sink<'_>, taken: u64) -> Result<(), TarError> {
        match std::mem::replace(&mut self.state, State::Header) {
            State::SparseBlocks { raw, map, size } => {
                self.sparse_block(*raw, map, size, sink, taken)
            }
            State::SparseLines {
                header,
                remaining,
                newlines,
            } => self.sparse_lines(*header, remaining, newlines, sink, taken),
            state => {
                let block: [u8; HEADER_SIZE] = self
                    .block
                    .as_slice()
                    .try_into()
                    .expect("a block is complete");
                self.block.clear();
                let zero = block.iter().all(|&byte| byte == 0);
                match (state, zero) {
                    (State::ZeroBlock, true) => {
                        self.state = State::End;
                        Ok(())
                    }
                    (State::ZeroBlock, false) => Err(self.error(TarErrorKind::LoneZeroBlock)),
                    (_, true) if self.extensions_pending() => {
                        Err(self.error(TarErrorKind::DanglingExtension))
                    }
                    (_, true) => {
                        self.state = State::ZeroBlock;
                        Ok(())
                    }
                    (_, false) => self.header(&block, sink, taken),
                }
            }
        }
    }

    fn header(
        &mut self,
        block: &[u8; HEADER_SIZE],
        sink: Sink<'_>,
        taken: u64,
    ) -> Result<(), TarError> {
        let raw = RawHeader::parse(block).map_err(|bad| {
            self.name.clear();
            self.error(match bad {
                BadBlock::Checksum => TarErrorKind::Checksum,
                BadBlock::Field(name) => TarErrorKind::Field(name),
            })
        })?;
        self.name.clone_from(&raw.name);
        if matches!(raw.flag, b'x' | b'g' | b'L' | b'K') {
            if raw.flag != b'g' {
                self.extended_size = self.extended_size.saturating_add(raw.size);
            }
            let size = self.extended_size.max(raw.size);
            if size > MAX_EXTENDED {
                return Err(self.error(TarErrorKind::ExtensionSize { size }));
            }
            let padding = raw.size.next_multiple_of(HEADER_SIZE as u64) - raw.size;
            self.state = State::Extension {
                flag: raw.flag,
                remaining: raw.size,
                padding,
            };
            if raw.size == 0 {
                return self.extension();
            }
            return Ok(());
        }
        if raw.flag == b'S' {
            let mut map = SparseMap::default();
            let (more, size) = map
                .read_header(block)
                .filter(|_| raw.gnu)
                .ok_or_else(|| self.error(TarErrorKind::Sparse))?;
            if more {
                self.state = State::SparseBlocks {
                    raw: Box::new(raw),
                    map,
                    size,
                };
                return Ok(());
            }
            return self.entry(raw, Some((map, size)), sink, taken);
        }
        self.entry(raw, None, sink, taken)
    }

    fn sparse_block(
        &mut self,
        raw: RawHeader,
        mut map: SparseMap,
        size: u64,
        sink: Sink<'_>,
        taken: u64,
    ) -> Result<(), TarError> {
        let block: [u8; HEADER_SIZE] = self.block.as_slice().try_into().expect("a whole block");
        self.block.clear();
        let more = map
            .read_extension(&block)
            .ok_or_else(|| self.error(TarErrorKind::Sparse))?;
        if more {
            self.state = State::SparseBlocks {
                raw: Box::new(raw),
                map,
                size,
            };
            return Ok(());
        }
        self.entry(raw, Some((map, size)), sink, taken)
    }

    fn sparse_lines(
        &mut self,
        mut header: Header,
        remaining: u64,
        newlines: u64,
        sink: Sink<'_>,
        taken: u64,
    ) -> Result<(), TarError> {
        let sparse = |parser: &Self| parser.error(TarErrorKind::Sparse);
        let read = self.block.len() as u64;
        if read > remaining || read > MAX_EXTENDED {
            return Err(sparse(self));
        }
        let last = &self.block[self.block.len() - HEADER_SIZE..];
        let newlines = newlines + last.iter().filter(|&&byte| byte == b'\n').count() as u64;
        let mut map = SparseMap::default();
        let complete = map.read_lines(&self.block, newlines);
        if !complete.ok_or_else(|| sparse(self))? {
            self.state = State::SparseLines {
                header: Box::new(header),
                remaining,
                newlines,
            };
            return Ok(());
        }
        self.block.clear();
        let stored = remaining - read;
        let segments = map
            .finish(header.size, stored)
            .ok_or_else(|| sparse(self))?;
        header.sparse = Some(segments);
        self.announce(header, stored, sink, taken)
    }

    /// Reads the content of a finished extension.
    fn extension(&mut self) -> Result<(), TarError> {
        let State::Extension {
            flag, remaining, ..
        } = std::mem::replace(&mut self.state, State::Header)
        else {
            unreachable!("only called in this state");
        };
        let mut content = std::mem::take(&mut self.block);
        content.truncate(remaining as usize);
        let extension = |reason| self.error(TarErrorKind::Extension(reason));
        match flag {
            b'x' => {
                if self.extended.is_some() {
                    return Err(extension("stand twice before one entry"));
                }
                let records =
                    Records::parse(&content).ok_or_else(|| extension("are no list of records"))?;
                self.extended = Some(records);
            }
            // Go's reader hands global headers out and applies nothing of them; so do we.
            b'g' => {
                Records::parse(&content).ok_or_else(|| extension("are no list of records"))?;
                if self.extensions_pending() {
                    return Err(extension("of one entry are interrupted by a global one"));
                }
            }
            _ => {
                let end = content
                    .iter()
                    .position(|&byte| byte == 0)
                    .unwrap_or(content.len());
                content.truncate(end);
                let slot = if flag == b'L' {
                    &mut self.long_name
                } else {
                    &mut self.long_link
                };
                if slot.is_some() {
                    return Err(self.error(TarErrorKind::Extension("give two long names")));
                }
                *slot = Some(content);
            }
        }
        Ok(())
    }

    /// Merges headers and announces the entry.
    fn entry(
        &mut self,
        raw: RawHeader,
        old_sparse: Option<(SparseMap, u64)>,
        sink: Sink<'_>,
        taken: u64,
    ) -> Result<(), TarError> {
        let mut stored = raw.size;
        let flag = raw.flag;
        let (mut header, mut lines) = self.merge(raw, &mut stored)?;
        self.name.clone_from(&header.path);
        if header.path.is_empty()
            || header.path.len() > MAX_NAME
            || header.link.len() > MAX_NAME
            || header.path.contains(&0)
            || header.link.contains(&0)
        {
            return Err(self.error(TarErrorKind::Name));
        }
        if flag == 0 && header.path.ends_with(b"/") {
            header.kind = TarKind::Directory;
        }
        match header.kind {
            TarKind::File if header.path.ends_with(b"/") => {
                return Err(self.error(TarErrorKind::Extension("name a file with a slash")));
            }
            TarKind::File => {}
            // GNU tar and Go agree that the size of a hard link is not followed by data.
            TarKind::HardLink => stored = 0,
            _ if stored != 0 => return Err(self.error(TarErrorKind::UnexpectedSize(stored))),
            _ => {}
        }
        header.size = stored;
        let sparse = |parser: &Self| parser.error(TarErrorKind::Sparse);
        if let Some((map, size)) = old_sparse {
            if lines.is_some() || header.sparse.is_some() {
                return Err(sparse(self));
            }
            header.sparse = Some(map.finish(size, stored).ok_or_else(|| sparse(self))?);
            header.size = size;
        } else if let Some(pax) = lines.take() {
            if header.kind != TarKind::File {
                return Err(sparse(self));
            }
            header.size = pax.size;
            match pax.list {
                Some(map) => {
                    header.sparse = Some(map.finish(pax.size, stored).ok_or_else(|| sparse(self))?);
                }
                None => {
                    let remaining = stored;
                    self.state = State::SparseLines {
                        header: Box::new(header),
                        remaining,
                        newlines: 0,
                    };
                    return Ok(());
                }
            }
        }
        self.announce(header, stored, sink, taken)
    }

    fn announce(
        &mut self,
        header: Header,
        stored: u64,
        sink: Sink<'_>,
        taken: u64,
    ) -> Result<(), TarError> {
        let offset = self.offset + taken;
        sink(Event::Entry {
            header,
            offset,
            stored,
        })
        .map_err(|text| self.refused(text))?;
        if stored == 0 {
            sink(Event::EndOfEntry).map_err(|text| self.refused(text))?;
            self.state = State::Header;
        } else {
            // A sparse map's blocks are part of the size, so data ends at a block of its own.
            let padding = stored
                .checked_next_multiple_of(HEADER_SIZE as u64)
                .ok_or_else(|| self.error(TarErrorKind::Field("size")))?
                - stored;
            self.state = State::Data {
                remaining: stored,
                padding,
            };
        }
        Ok(())
    }

    /// Applies the pending extensions to `raw`.
    fn merge(
        &mut self,
        raw: RawHeader,
        stored: &mut u64,
    ) -> Result<(Header, Option<PaxSparseFile>), TarError> {
        let mut records = self.extended.take().unwrap_or_default();
        self.extended_size = 0;
        let long = (self.long_name.take(), self.long_link.take());
        // Some readers apply the size to GNU's own header (CVE-2025-62518).
        if records.get(b"size").is_some() && (long.0.is_some() || long.1.is_some()) {
            let reason = "state a size beside a long name";
            return Err(self.error(TarErrorKind::Extension(reason)));
        }
        // Without a sparse format, GNU.sparse.name is a name to some readers only.
        let format = pax_format(&records);
        let kind =
            TarKind::from_flag(raw.flag).ok_or_else(|| self.error(TarErrorKind::Type(raw.flag)))?;
        let mut take = |key: &[u8]| records.take(key).filter(|value| !value.is_empty());
        // Whether the bytes of names are UTF-8 or not: they are bytes here either way.
        take(b"hdrcharset");
        let contradiction =
            |parser: &Self| parser.error(TarErrorKind::Extension("give two different names"));
        let name =
            |parser: &Self, pax: Option<Vec<u8>>, gnu: Option<Vec<u8>>, plain| match (pax, gnu) {
                (Some(pax), Some(gnu)) if pax != gnu => Err(contradiction(parser)),
                (Some(name), _) | (None, Some(name)) => Ok(name),
                (None, None) => Ok(plain),
            };
        let sparse_name = take(b"GNU.sparse.name");
        let path = take(b"path");
        let path = name(self, sparse_name.or(path), long.0, raw.name)?;
        let link = name(self, take(b"linkpath"), long.1, raw.link)?;
        let field = |parser: &Self, name| parser.error(TarErrorKind::Field(name));
        let mut numeric = |key: &'static str, plain: u64| match take(key.as_bytes()) {
            None => Ok(plain),
            Some(value) => decimal(&value).ok_or_else(|| field(self, key)),
        };
        let plain_size = *stored;
        *stored = numeric("size", plain_size)?;
        // Writers give the size in a record because the field cannot hold it. Where it could, a
        // reader that knows no records would look for the next header somewhere else.
        if *stored != plain_size && *stored <= MAX_OCTAL_SIZE {
            return Err(self.error(TarErrorKind::Extension(
                "and the header state different sizes",
            )));
        }
        let uid = numeric("uid", raw.uid)?;
        let gid = numeric("gid", raw.gid)?;
        let modified = match take(b"mtime") {
            None => Timestamp {
                seconds: raw.modified,
                nanoseconds: 0,
            },
            Some(text) => Timestamp::parse_pax(&text).ok_or_else(|| field(self, "mtime"))?,
        };
        let user = take(b"uname").unwrap_or(raw.user);
        let group = take(b"gname").unwrap_or(raw.group);
        let sparse = self.pax_sparse(&mut records, format)?;
        if user.contains(&0) || group.contains(&0) {
            return Err(self.error(TarErrorKind::Name));
        }
        let header = Header {
            path,
            link: if matches!(kind, TarKind::HardLink | TarKind::Symlink) {
                link
            } else {
                vec![]
            },
            kind,
            mode: raw.mode,
            uid,
            gid,
            user,
            group,
            size: *stored,
            modified,
            device: match kind {
                TarKind::CharDevice | TarKind::BlockDevice => raw.device,
                _ => (0, 0),
            },
            records,
            sparse: None,
        };
        Ok((header, sparse))
    }

    /// Takes GNU's sparse records out and reads what they say.
    fn pax_sparse(
        &self,
        records: &mut Records,
        format: PaxSparse,
    ) -> Result<Option<PaxSparseFile>, TarError> {
        let error = || self.error(TarErrorKind::Sparse);
        let mut take = |key: &[u8]| records.take(key);
        let list = match format {
            PaxSparse::None => return Ok(None),
            PaxSparse::Unsupported => return Err(error()),
            PaxSparse::Lines => None,
            PaxSparse::List => {
                let mut map = SparseMap::default();
                let text = take(b"GNU.sparse.map").unwrap_or_default();
                map.read_list(&text).ok_or_else(error)?;
                Some(map)
            }
        };
        let size = match (take(b"GNU.sparse.size"), take(b"GNU.sparse.realsize")) {
            (Some(size), Some(other)) if size != other => return Err(error()),
            (size, other) => size.or(other).as_deref().and_then(decimal),
        };
        for key in ["major", "minor", "numblocks", "map"] {
            take(format!("GNU.sparse.{key}").as_bytes());
        }
        Ok(Some(PaxSparseFile {
            size: size.ok_or_else(error)?,
            list,
        }))
    }
}

/// A sparse file announced by PAX records.
struct PaxSparseFile {
    size: u64,
    /// `None`: the map stands before the data.
    list: Option<SparseMap>,
}
