//! Tars written and read without the product's code.

use std::collections::BTreeMap;

const BLOCK: usize = 512;

/// An entry to be written.
#[derive(Clone)]
pub(crate) struct Member {
    name: String,
    kind: u8,
    mode: u32,
    owner: (u64, u64),
    mtime: i64,
    link: String,
    content: Vec<u8>,
    records: Vec<(String, String)>,
}

fn member(name: &str, kind: u8, mode: u32) -> Member {
    Member {
        name: name.to_owned(),
        kind,
        mode,
        owner: (0, 0),
        mtime: 1_000_000_000,
        link: String::new(),
        content: Vec::new(),
        records: Vec::new(),
    }
}

/// A directory; the name ends with a slash.
pub(crate) fn dir(name: &str, mode: u32) -> Member {
    member(name, b'5', mode)
}

pub(crate) fn file(name: &str, mode: u32, content: impl AsRef<[u8]>) -> Member {
    Member {
        content: content.as_ref().to_vec(),
        ..member(name, b'0', mode)
    }
}

pub(crate) fn symlink(name: &str, text: &str) -> Member {
    Member {
        link: text.to_owned(),
        ..member(name, b'2', 0o777)
    }
}

pub(crate) fn hard_link(name: &str, target: &str) -> Member {
    Member {
        link: target.to_owned(),
        ..member(name, b'1', 0o644)
    }
}

impl Member {
    pub(crate) fn owned(mut self, user: u64, group: u64) -> Self {
        self.owner = (user, group);
        self
    }

    pub(crate) fn at(mut self, seconds: i64) -> Self {
        self.mtime = seconds;
        self
    }

    pub(crate) fn record(mut self, key: &str, value: &str) -> Self {
        self.records.push((key.to_owned(), value.to_owned()));
        self
    }
}

/// A tar in the PAX format.
pub(crate) fn tar(members: &[Member]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for member in members {
        if !member.records.is_empty() {
            let text: String = member
                .records
                .iter()
                .map(|(key, value)| {
                    let rest = key.len() + value.len() + 3;
                    let length = (1..)
                        .map(|digits| rest + digits)
                        .find(|length| length.to_string().len() + rest == *length)
                        .unwrap();
                    format!("{length} {key}={value}\n")
                })
                .collect();
            let header = Member {
                content: text.into_bytes(),
                ..self::member("PaxHeaders/x", b'x', 0o644)
            };
            put(&mut bytes, &header);
        }
        put(&mut bytes, member);
    }
    bytes.resize(bytes.len() + 2 * BLOCK, 0);
    bytes
}

fn put(bytes: &mut Vec<u8>, member: &Member) {
    let mut block = [0; BLOCK];
    let mut field = |at: usize, text: &str| {
        block[at..at + text.len()].copy_from_slice(text.as_bytes());
    };
    assert!(member.name.len() <= 100 && member.link.len() <= 100);
    field(0, &member.name);
    field(100, &format!("{:07o}", member.mode));
    field(108, &format!("{:07o}", member.owner.0));
    field(116, &format!("{:07o}", member.owner.1));
    field(124, &format!("{:011o}", member.content.len()));
    field(136, &format!("{:011o}", member.mtime));
    field(148, "        ");
    field(157, &member.link);
    field(257, "ustar\x0000");
    block[156] = member.kind;
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    bytes.extend_from_slice(&block);
    bytes.extend_from_slice(&member.content);
    bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
}

/// An entry that was read.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) name: String,
    kind: u8,
    mode: u64,
    owner: (u64, u64),
    /// As PAX writes it.
    pub(crate) mtime: String,
    pub(crate) link: String,
    pub(crate) records: BTreeMap<String, Vec<u8>>,
    pub(crate) content: Vec<u8>,
}

impl Entry {
    /// One line: kind, mode, owner, name, and what is in it.
    pub(crate) fn line(&self) -> String {
        let (user, group) = self.owner;
        let kind = match self.kind {
            b'0' => 'f',
            b'1' => 'h',
            b'2' => 'l',
            b'3' => 'c',
            b'4' => 'b',
            b'5' => 'd',
            b'6' => 'p',
            other => panic!("{}: kind {other}", self.name),
        };
        let mut line = format!("{kind} {:o} {user}:{group} {}", self.mode, self.name);
        match (kind, std::str::from_utf8(&self.content)) {
            ('h' | 'l', _) => line.push_str(&format!(" -> {}", self.link)),
            ('f', Ok(text)) if text.len() <= 60 => line.push_str(&format!(" {text:?}")),
            ('f', _) => line.push_str(&format!(" {} bytes", self.content.len())),
            _ => {}
        }
        line
    }

    /// The same without mode and owner, which not every host's contexts have.
    pub(crate) fn short_line(&self) -> String {
        let line = self.line();
        let parts: Vec<&str> = line.splitn(4, ' ').collect();
        format!("{} {}", parts[0], parts[3])
    }

    pub(crate) fn mode(&self) -> u64 {
        self.mode
    }
}

/// All entries of a tar; anything odd is a panic.
pub(crate) fn read(tar: &[u8]) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut records: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut rest = tar;
    while let Some((block, after)) = rest.split_first_chunk::<BLOCK>() {
        if block.iter().all(|byte| *byte == 0) {
            break;
        }
        let text = |range: std::ops::Range<usize>| -> String {
            let field = &block[range];
            let end = field.iter().position(|byte| *byte == 0);
            String::from_utf8_lossy(&field[..end.unwrap_or(field.len())]).into_owned()
        };
        let number = |range| -> u64 {
            let digits = text(range);
            u64::from_str_radix(digits.trim(), 8).unwrap_or(0)
        };
        let mut entry = Entry {
            name: match text(345..500).as_str() {
                "" => text(0..100),
                prefix => format!("{prefix}/{}", text(0..100)),
            },
            kind: block[156],
            mode: number(100..108),
            owner: (number(108..116), number(116..124)),
            mtime: number(136..148).to_string(),
            link: text(157..257),
            records: BTreeMap::new(),
            content: Vec::new(),
        };
        let mut size = number(124..136);
        if entry.kind != b'x' {
            entry.records = std::mem::take(&mut records);
            let value = |key: &str| {
                let value = entry.records.get(key)?;
                Some(String::from_utf8_lossy(value).into_owned())
            };
            let parsed = |key| value(key).map(|text| text.parse::<u64>().unwrap());
            size = parsed("size").unwrap_or(size);
            entry.owner.0 = parsed("uid").unwrap_or(entry.owner.0);
            entry.owner.1 = parsed("gid").unwrap_or(entry.owner.1);
            let (name, link, mtime) = (value("path"), value("linkpath"), value("mtime"));
            entry.name = name.unwrap_or(entry.name);
            entry.link = link.unwrap_or(entry.link);
            entry.mtime = mtime.unwrap_or(entry.mtime);
        }
        let size = usize::try_from(size).unwrap();
        entry.content = after[..size].to_vec();
        rest = &after[size.next_multiple_of(BLOCK)..];
        if entry.kind == b'x' {
            records = parse_records(&entry.content);
        } else {
            entries.push(entry);
        }
    }
    entries
}

fn parse_records(mut body: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut records = BTreeMap::new();
    while let Some(space) = body.iter().position(|byte| *byte == b' ') {
        let length: usize = std::str::from_utf8(&body[..space])
            .unwrap()
            .parse()
            .unwrap();
        let record = &body[space + 1..length - 1];
        let equals = record.iter().position(|byte| *byte == b'=').unwrap();
        let key = String::from_utf8(record[..equals].to_vec()).unwrap();
        records.insert(key, record[equals + 1..].to_vec());
        body = &body[length..];
    }
    records
}
