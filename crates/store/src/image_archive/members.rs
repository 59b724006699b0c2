//! Where the members of a tar lie: one pass over its headers, which reads no content.
//!
//! This is what archives of images need and no more: names, links and sizes in the forms of POSIX
//! (ustar and pax) and GNU tar. Layers are read by the crate `layer`, which this one cannot use.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;

use crossdock_host::read_at;

/// Bytes of a header, and what all sizes are rounded up to.
const BLOCK: u64 = 512;
/// Most bytes of a long name or of pax records. Names of archives of images are short.
const MAX_EXTENDED: u64 = 64 << 10;
/// Most members. An image has at most some thousand blobs.
const MAX_MEMBERS: usize = 100_000;
/// Most links from one name to another that are followed.
const MAX_LINKS: usize = 16;

/// Where the content of a file lies in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    /// The offset of its first byte.
    pub(crate) offset: u64,
    /// How many bytes it has.
    pub(crate) size: u64,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Member {
    File(Extent),
    /// Another name, from the top of the archive.
    Link(String),
    /// A link that leads out of the archive.
    Outside,
}

/// The files and links of a tar by their names, without `./` in front. Names that are absolute or
/// lead out of the archive are not among them: nothing can refer to them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Members {
    by_name: HashMap<String, Member>,
    /// Names that stand in it more than once.
    repeated: HashSet<String>,
}

/// A tar of which the members cannot be listed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MembersError {
    /// It does not begin like one.
    #[error("it is no tar")]
    NotATar,
    /// A header is not as it should be.
    #[error("the tar is damaged: {what} at byte {offset}")]
    Damaged {
        /// What is wrong.
        what: &'static str,
        /// Where the header begins.
        offset: u64,
    },
    /// There are more than an archive of images has.
    #[error("it has more than {MAX_MEMBERS} members")]
    TooMany,
    /// The system failed to read it.
    #[error("it cannot be read: {0}")]
    Read(io::Error),
}

/// Why a name leads to no file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MemberProblem {
    /// Nothing is called so.
    #[error("is missing")]
    Missing,
    /// It stands in the archive more than once, and readers do not agree which one counts.
    #[error("stands in it more than once")]
    Repeated,
    /// A link leads to a link, and so on.
    #[error("is a link that leads through more than {MAX_LINKS} others")]
    TooManyLinks,
    /// A link leads elsewhere.
    #[error("leads out of the archive")]
    Outside,
}

impl Members {
    /// Lists a tar that has `length` bytes.
    pub(crate) fn read(file: &File, length: u64) -> Result<Self, MembersError> {
        let mut members = Self::default();
        let mut headers = Headers {
            file,
            length,
            next: 0,
        };
        while let Some(header) = headers.next()? {
            let name = relative(&header.name);
            let (Some(name), Some(member)) = (name, header.member()) else {
                continue;
            };
            if members.by_name.len() >= MAX_MEMBERS {
                return Err(MembersError::TooMany);
            }
            if members.by_name.insert(name.clone(), member).is_some() {
                members.repeated.insert(name);
            }
        }
        Ok(members)
    }

    /// Whether something has this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// The file that a name leads to, through links.
    pub(crate) fn find(&self, name: &str) -> Result<Extent, MemberProblem> {
        let mut name = relative(name.as_bytes()).ok_or(MemberProblem::Outside)?;
        for _ in 0..=MAX_LINKS {
            if self.repeated.contains(&name) {
                return Err(MemberProblem::Repeated);
            }
            match self.by_name.get(&name) {
                None => return Err(MemberProblem::Missing),
                Some(Member::File(extent)) => return Ok(*extent),
                Some(Member::Outside) => return Err(MemberProblem::Outside),
                Some(Member::Link(target)) => name.clone_from(target),
            }
        }
        Err(MemberProblem::TooManyLinks)
    }

    /// All files that are no links, with the last of equal names.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, Extent)> {
        self.by_name
            .iter()
            .filter_map(|(name, member)| match member {
                Member::File(extent) => Some((name.as_str(), *extent)),
                Member::Link(_) | Member::Outside => None,
            })
    }
}

/// A name from the top of the archive, in its shortest form; `None` if it is absolute, leads out of
/// it, names nothing, or is no UTF-8: none of ours is like that.
fn relative(name: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(name).ok()?;
    if name.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// What a header says, with what the headers in front of it say.
struct Header {
    name: Vec<u8>,
    link: Vec<u8>,
    kind: u8,
    content: Extent,
    /// What is stored is not the whole file. No program writes blobs like that.
    is_sparse: bool,
}

impl Header {
    /// What the name stands for; `None` if it is neither file nor link.
    fn member(&self) -> Option<Member> {
        let link = |target: Option<String>| target.map_or(Member::Outside, Member::Link);
        match self.kind {
            // A name with a slash behind it was a directory before there was a kind for those.
            b'0' | 0 | b'7' if self.is_sparse => None,
            b'0' | 0 | b'7' if !self.name.ends_with(b"/") => Some(Member::File(self.content)),
            b'1' => Some(link(relative(&self.link))),
            b'2' if self.link.starts_with(b"/") => Some(Member::Outside),
            b'2' => {
                let folder = self.name.iter().rposition(|byte| *byte == b'/');
                let folder = &self.name[..folder.map_or(0, |at| at + 1)];
                Some(link(relative(&[folder, &self.link].concat())))
            }
            _ => None,
        }
    }
}

/// What headers in front of another say of it.
#[derive(Default)]
struct Extended {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    is_sparse: bool,
}

/// Reads header after header.
struct Headers<'f> {
    file: &'f File,
    length: u64,
    next: u64,
}

impl Headers<'_> {
    /// The next member; `None` at the end of the tar: a block of zeroes, or that of the file.
    fn next(&mut self) -> Result<Option<Header>, MembersError> {
        let mut extended = Extended::default();
        loop {
            let start = self.next;
            let damaged = |what| MembersError::Damaged {
                what,
                offset: start,
            };
            let mut block = [0; BLOCK as usize];
            if start == self.length {
                return match start {
                    0 => Err(MembersError::NotATar),
                    _ => Ok(None),
                };
            }
            let rest = self.length - start;
            if rest < BLOCK {
                return Err(match start {
                    0 => MembersError::NotATar,
                    _ => damaged("it ends within a header"),
                });
            }
            read_exact_at(self.file, &mut block, start).map_err(MembersError::Read)?;
            if block == [0; BLOCK as usize] {
                return match start {
                    0 => Err(MembersError::NotATar),
                    _ => Ok(None),
                };
            }
            if !has_checksum(&block) {
                return Err(match start {
                    0 => MembersError::NotATar,
                    _ => damaged("a checksum is wrong"),
                });
            }
            let stated = number(&block[124..136]).ok_or_else(|| damaged("a size is no number"))?;
            let kind = block[156];
            // Links and directories have no content, whatever size an old tar gives them.
            let size = match kind {
                b'x' | b'g' | b'L' | b'K' => stated,
                b'1'..=b'6' => 0,
                _ => extended.size.unwrap_or(stated),
            };
            let more = match kind {
                b'S' if block[482] != 0 => self.sparse_blocks(start + BLOCK, damaged)?,
                _ => 0,
            };
            let content = Extent {
                offset: start + BLOCK + more,
                size,
            };
            let blocks = size.div_ceil(BLOCK);
            let end = blocks
                .checked_mul(BLOCK)
                .and_then(|whole| whole.checked_add(content.offset));
            // What is behind the last content need not be there.
            let is_there = content
                .offset
                .checked_add(size)
                .is_some_and(|e| e <= self.length);
            let (Some(end), true) = (end, is_there) else {
                return Err(damaged("a member is longer than the file"));
            };
            self.next = end.min(self.length);
            match kind {
                b'x' => self.records(content, &mut extended, damaged)?,
                b'L' => extended.name = Some(self.long_name(content, damaged)?),
                b'K' => extended.link = Some(self.long_name(content, damaged)?),
                // Nothing that concerns all members is of interest.
                b'g' => {}
                kind => {
                    return Ok(Some(Header {
                        name: extended.name.unwrap_or_else(|| name_of(&block)),
                        link: extended
                            .link
                            .unwrap_or_else(|| until_zero(&block[157..257]).to_vec()),
                        kind,
                        content,
                        is_sparse: extended.is_sparse,
                    }));
                }
            }
        }
    }

    /// Bytes of what follows the header of a sparse file of GNU tar: its map goes on there.
    fn sparse_blocks(
        &self,
        start: u64,
        damaged: impl Fn(&'static str) -> MembersError,
    ) -> Result<u64, MembersError> {
        let mut length = 0;
        loop {
            let mut block = [0; BLOCK as usize];
            if self.length - start < length + BLOCK {
                return Err(damaged("it ends within a sparse map"));
            }
            read_exact_at(self.file, &mut block, start + length).map_err(MembersError::Read)?;
            length += BLOCK;
            if block[504] == 0 {
                return Ok(length);
            }
        }
    }

    fn extended(
        &self,
        content: Extent,
        damaged: impl Fn(&'static str) -> MembersError,
    ) -> Result<Vec<u8>, MembersError> {
        if content.size > MAX_EXTENDED {
            return Err(damaged("a name or its records are too long"));
        }
        let mut bytes = vec![0; content.size as usize];
        read_exact_at(self.file, &mut bytes, content.offset).map_err(MembersError::Read)?;
        Ok(bytes)
    }

    fn long_name(
        &self,
        content: Extent,
        damaged: impl Fn(&'static str) -> MembersError,
    ) -> Result<Vec<u8>, MembersError> {
        Ok(until_zero(&self.extended(content, damaged)?).to_vec())
    }

    /// Reads pax records (POSIX.1-2017, pax, "pax Extended Header").
    fn records(
        &self,
        content: Extent,
        extended: &mut Extended,
        damaged: impl Fn(&'static str) -> MembersError,
    ) -> Result<(), MembersError> {
        let bytes = self.extended(content, &damaged)?;
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (key, value, after) = record(rest).ok_or_else(|| damaged("a record is wrong"))?;
            match key {
                b"path" => extended.name = Some(value.to_vec()),
                b"linkpath" => extended.link = Some(value.to_vec()),
                b"size" => {
                    let size = std::str::from_utf8(value).ok().and_then(|s| s.parse().ok());
                    let size: u64 = size.ok_or_else(|| damaged("a size is no number"))?;
                    extended.size = Some(size);
                }
                key if key.starts_with(b"GNU.sparse.") => extended.is_sparse = true,
                _ => {}
            }
            rest = after;
        }
        Ok(())
    }
}

/// Divides `LENGTH KEY=VALUE\n` from what follows.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = bytes.iter().take(20).position(|byte| *byte == b' ')?;
    let digits = &bytes[..space];
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let length: usize = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let (record, rest) = bytes.split_at_checked(length)?;
    let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    Some((&record[..equals], &record[equals + 1..], rest))
}

/// Name and prefix of a header. Only POSIX's has a prefix: GNU's has times there.
fn name_of(block: &[u8]) -> Vec<u8> {
    let name = until_zero(&block[..100]);
    let prefix = until_zero(&block[345..500]);
    match &block[257..263] == b"ustar\0" && !prefix.is_empty() {
        true => [prefix, b"/", name].concat(),
        false => name.to_vec(),
    }
}

fn until_zero(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|byte| *byte == 0);
    &field[..end.unwrap_or(field.len())]
}

/// A number in octal, or in GNU's and star's base 256 if its highest bit is set.
fn number(field: &[u8]) -> Option<u64> {
    if let [first @ (0x80 | 0xff), rest @ ..] = field {
        // The field of a checksum has seven more bytes, that of a size eleven.
        let value = rest.iter().try_fold(0_u64, |value, byte| {
            Some(value.checked_mul(256)? | u64::from(*byte))
        });
        return value.filter(|_| *first == 0x80);
    }
    let text = std::str::from_utf8(until_zero(field))
        .ok()?
        .trim_matches(' ');
    match text {
        "" => Some(0),
        text => u64::from_str_radix(text, 8)
            .ok()
            .filter(|_| !text.starts_with('+')),
    }
}

/// Whether the checksum of a header is right; old programs added signed bytes.
fn has_checksum(block: &[u8]) -> bool {
    let Some(stated) = number(&block[148..156]) else {
        return false;
    };
    let is_sum = |place: &usize| (148..156).contains(place);
    let bytes = || {
        let bytes = block.iter().enumerate();
        bytes.map(|(place, byte)| if is_sum(&place) { b' ' } else { *byte })
    };
    let unsigned: u64 = bytes().map(u64::from).sum();
    let signed: i64 = bytes().map(|byte| i64::from(byte.cast_signed())).sum();
    stated == unsigned || i64::try_from(stated) == Ok(signed)
}

/// Fills `buffer` from an offset on.
pub(crate) fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read_at(file, &mut buffer[filled..], offset + filled as u64) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests;
