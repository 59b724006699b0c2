//! Tars byte by byte: what is read, what is refused, what is written.

use super::{Event, HEADER_SIZE, Header, Parser, Records, TarError, TarKind, TarWriter};
use crate::Timestamp;

mod properties;
mod sparse;

/// A block of an archive, with fields to spoil before the checksum is made.
#[derive(Clone)]
struct Raw([u8; HEADER_SIZE]);

impl Raw {
    /// A POSIX block as other tools write it.
    fn new(flag: u8, name: &str) -> Self {
        let mut raw = Self([0; HEADER_SIZE]);
        raw.0[..name.len()].copy_from_slice(name.as_bytes());
        for (at, digits) in [(100, "0000644"), (108, "0001750"), (116, "0000144")] {
            raw.0[at..at + 7].copy_from_slice(digits.as_bytes());
        }
        raw.0[124..135].copy_from_slice(b"00000000000");
        raw.0[136..147].copy_from_slice(b"14524770400");
        raw.0[156] = flag;
        raw.0[257..265].copy_from_slice(b"ustar\x0000");
        raw
    }

    fn set(mut self, at: usize, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    fn size(self, size: usize) -> Self {
        self.set(124, format!("{size:011o}"))
    }

    fn gnu(self) -> Self {
        self.set(257, b"ustar  \0")
    }

    fn checksum(&self, signed: bool) -> i64 {
        let value = |byte: u8| {
            if signed {
                i64::from(byte as i8)
            } else {
                i64::from(byte)
            }
        };
        let outside = self.0[..148].iter().chain(&self.0[156..]);
        outside.map(|&byte| value(byte)).sum::<i64>() + 256
    }

    fn signed(self) -> Vec<u8> {
        let sum = self.checksum(true);
        self.set(148, format!("{sum:06o}\0 ")).0.to_vec()
    }

    fn block(self) -> Vec<u8> {
        let sum = self.checksum(false);
        self.set(148, format!("{sum:06o}\0 ")).0.to_vec()
    }

    /// The block with `data` as its content.
    fn with(self, data: impl AsRef<[u8]>) -> Vec<u8> {
        let data = data.as_ref();
        [self.size(data.len()).block(), padded(data)].concat()
    }
}

fn padded(data: &[u8]) -> Vec<u8> {
    let mut data = data.to_vec();
    data.resize(data.len().next_multiple_of(HEADER_SIZE), 0);
    data
}

fn record(key: &str, value: &str) -> String {
    let records: Records = [(key.into(), value.into())].into_iter().collect();
    String::from_utf8(records.encode()).unwrap()
}

/// An extended header with one record after the other.
fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let content: String = records.iter().map(|(k, v)| record(k, v)).collect();
    Raw::new(b'x', "PaxHeaders/x").with(content)
}

fn long(flag: u8, text: &str) -> Vec<u8> {
    let raw = Raw::new(flag, "././@LongLink").gnu();
    raw.with([text.as_bytes(), b"\0"].concat())
}

fn file(name: &str, data: &str) -> Vec<u8> {
    Raw::new(b'0', name).with(data)
}

type Entries = Vec<(Header, Vec<u8>)>;

/// Parses an archive that comes in pieces of `size` bytes.
fn parse_in(archive: &[u8], size: usize) -> Result<Entries, TarError> {
    let mut parser = Parser::new();
    let mut entries: Entries = Vec::new();
    let mut open = false;
    let mut taken = 0;
    for piece in archive.chunks(size) {
        parser.push(piece, &mut |event| {
            match event {
                Event::Entry {
                    header,
                    offset,
                    stored,
                } => {
                    assert!(!open, "an entry within an entry");
                    open = true;
                    if stored > 0 {
                        assert_eq!(offset % HEADER_SIZE as u64, 0);
                    }
                    taken = offset as usize;
                    entries.push((header, Vec::new()));
                }
                Event::Data(data) => {
                    // The offset is where the bytes are.
                    assert_eq!(&archive[taken..taken + data.len()], data);
                    taken += data.len();
                    entries.last_mut().unwrap().1.extend_from_slice(data);
                }
                Event::EndOfEntry => {
                    assert!(open, "an end without an entry");
                    open = false;
                }
            }
            Ok(())
        })?;
    }
    assert_eq!(parser.finish()?, archive.len() as u64);
    assert!(!open, "an entry without an end");
    Ok(entries)
}

/// Parses an archive in pieces of several sizes, which must not matter.
fn parse(archive: &[u8]) -> Result<Entries, TarError> {
    let whole = parse_in(archive, archive.len().max(1));
    for size in [1, 511, 512, 513] {
        let pieces = parse_in(archive, size);
        match (&whole, &pieces) {
            (Ok(whole), Ok(pieces)) => assert_eq!(whole, pieces, "pieces of {size}"),
            (Err(whole), Err(pieces)) => assert_eq!(whole.kind, pieces.kind, "pieces of {size}"),
            _ => panic!("pieces of {size} matter: {whole:?}, {pieces:?}"),
        }
    }
    whole
}

/// What an archive holds, a line for each entry.
fn show(entries: &Entries) -> Vec<String> {
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let shown = entries.iter().map(|(header, data)| {
        let mut line = format!("{:?} {}", header.kind, text(&header.path));
        if !header.link.is_empty() {
            line += &format!(" -> {}", text(&header.link));
        }
        line += &format!(" {:o} {}:{}", header.mode, header.uid, header.gid);
        line += &format!(" size={} time={}", header.size, header.modified);
        if header.device != (0, 0) {
            line += &format!(" device={:?}", header.device);
        }
        if !(header.user.is_empty() && header.group.is_empty()) {
            line += &format!(" {}:{}", text(&header.user), text(&header.group));
        }
        if let Some(sparse) = &header.sparse {
            line += &format!(" sparse={sparse:?}");
        }
        for (key, value) in header.records.iter() {
            line += &format!(" [{}={}]", text(key), text(value));
        }
        if !data.is_empty() {
            line += &format!(" {:?}", text(data));
        }
        line
    });
    shown.collect()
}

#[track_caller]
fn reads(parts: &[Vec<u8>], expected: &[&str]) {
    let archive = [parts.concat(), vec![0; 1024]].concat();
    let entries = parse(&archive).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(show(&entries), expected);
}

#[track_caller]
fn refused(parts: &[Vec<u8>], expected: &str) {
    let archive = parts.concat();
    let error = parse(&archive).map(|entries| show(&entries));
    let error = error.expect_err("not refused").to_string();
    assert!(error.contains(expected), "{error}");
}

/// A file called `f` with number fields of its own; `f 644 1000:100 size=0 time=1700000000`.
fn field(at: usize, bytes: &[u8]) -> Vec<u8> {
    Raw::new(b'0', "f").set(at, bytes).block()
}

#[test]
fn numbers() {
    let f = |line: &str| format!("File f {line}");
    let check = |at, bytes: &[u8], line: &str| reads(&[field(at, bytes)], &[&f(line)]);
    check(100, b"0000644\0", "644 1000:100 size=0 time=1700000000");
    // Padding of every kind, none at all, an empty field.
    check(100, b"   644 \0", "644 1000:100 size=0 time=1700000000");
    check(100, b"644\0\0\0\0\0", "644 1000:100 size=0 time=1700000000");
    check(100, b"00100644", "100644 1000:100 size=0 time=1700000000");
    check(108, b"\0\0\0\0\0\0\0\0", "644 0:100 size=0 time=1700000000");
    check(108, b"        ", "644 0:100 size=0 time=1700000000");
    // NULs and spaces before the digits, which Go and GNU tar pass over.
    check(108, b"\x00000012\0", "644 10:100 size=0 time=1700000000");
    check(108, b"\0 \x00012\0\0", "644 10:100 size=0 time=1700000000");
    check(108, b"12\0junk\0", "644 10:100 size=0 time=1700000000");
    // Base-256: large owners, times before 1970 and far after.
    check(
        108,
        b"\x80\0\0\0\xff\xff\xff\xff",
        "644 4294967295:100 size=0 time=1700000000",
    );
    check(
        116,
        b"\x80\0\0\x01\0\0\0\0",
        "644 1000:4294967296 size=0 time=1700000000",
    );
    check(136, &[0xff; 12], "644 1000:100 size=0 time=-1");
    check(
        136,
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe\0",
        "644 1000:100 size=0 time=-512",
    );
    check(
        136,
        b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff",
        "644 1000:100 size=0 time=9223372036854775807",
    );
    for (at, bytes, name) in [
        (100, &b"0000648\0"[..], "mode"),
        (100, b"-000644\0", "mode"),
        (108, b"0x12\0\0\0\0", "uid"),
        (108, b"12 34\0\0\0", "uid"),
        (108, b"12\t\0\0\0\0\0", "uid"),
        (108, &[0xff; 8], "uid"),
        (124, &[0xff; 12], "size"),
        (124, b"\x80\0\0\x01\0\0\0\0\0\0\0\0", "size"),
        (
            136,
            b"\xbf\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            "mtime",
        ),
        (329, b"\x80\0\0\x01\0\0\0\0", "devmajor"),
        (337, b"nine\0\0\0\0", "devminor"),
    ] {
        refused(&[field(at, bytes)], &format!("field {name} is not"));
    }
}

#[test]
fn checksums() {
    let latin = Raw::new(b'0', "").set(0, b"caf\xe9");
    let line = r"File caf\xe9 644 1000:100 size=0 time=1700000000";
    reads(&[latin.clone().block()], &[line]);
    reads(&[latin.clone().signed()], &[line]);
    let spoil = |at: usize, bits: u8| {
        let mut block = latin.clone().block();
        block[at] ^= bits;
        block
    };
    for at in [0, 3, 99, 130, 156, 511] {
        refused(&[spoil(at, 1)], "checksum");
    }
    for at in 148..154 {
        refused(&[spoil(at, 1)], "checksum");
    }
    refused(&[b"not a tar ".repeat(60)], "checksum");
    refused(&[file("f", "x"), vec![7; 512]], "checksum");
}

#[test]
fn names() {
    let end = "644 1000:100 size=0 time=1700000000";
    let check = |parts: &[Vec<u8>], start: &str| reads(parts, &[&format!("{start} {end}")]);
    // Old archives have neither directories nor a magic.
    let v7 = |name: &str| Raw::new(0, name).set(257, [0; 8]).set(329, b"junk");
    check(&[v7("d/").block()], "Directory d/");
    check(&[v7("f").block()], "File f");
    check(&[Raw::new(b'7', "f").block()], "File f");
    check(&[v7("f").set(345, "prefix").block()], "File f");
    check(&[Raw::new(b'5', "d").block()], "Directory d");
    // The whole of a field without a NUL; a prefix, whatever version the magic has.
    let hundred = "n".repeat(100);
    check(
        &[Raw::new(b'0', &hundred).block()],
        &format!("File {hundred}"),
    );
    let split = Raw::new(b'0', "name").set(345, "some/where");
    check(&[split.clone().block()], "File some/where/name");
    check(
        &[split.clone().set(263, "\0\0").block()],
        "File some/where/name",
    );
    check(&[split.clone().gnu().block()], "File name");
    // star keeps times behind a shorter prefix.
    let star = Raw::new(b'0', "name").set(345, "p".repeat(131));
    let star = star.set(476, "14524770400 14524770400 ").set(508, "tar\0");
    check(&[star.block()], &format!("File {}/name", "p".repeat(131)));
    // GNU's long names.
    let l = "long/".repeat(60) + "name";
    let k = "target/".repeat(60);
    let cut = Raw::new(b'0', &l[..99]).gnu().block();
    check(&[long(b'L', &l), cut.clone()], &format!("File {l}"));
    let link = Raw::new(b'2', "s").set(157, &k[..100]).gnu().block();
    check(
        &[long(b'K', &k), link.clone()],
        &format!("Symlink s -> {k}"),
    );
    let both = [long(b'K', &k), long(b'L', &l), link.clone()];
    check(&both, &format!("Symlink {l} -> {k}"));
    // PAX names, alone and with the same in GNU's way.
    check(&[pax(&[("path", &l)]), cut.clone()], &format!("File {l}"));
    check(
        &[pax(&[("path", &l)]), long(b'L', &l), cut.clone()],
        &format!("File {l}"),
    );
    check(
        &[pax(&[("linkpath", &k)]), link],
        &format!("Symlink s -> {k}"),
    );
    check(&[pax(&[("path", "")]), file("f", "")], "File f");
    check(&[pax(&[("path", "a\nb=c")]), file("f", "")], r"File a\nb=c");
    check(
        &[
            pax(&[("path", "ä"), ("hdrcharset", "BINARY")]),
            file("f", ""),
        ],
        r"File \xc3\xa4",
    );
    let user = Raw::new(b'0', "f")
        .set(265, "root")
        .set(297, "wheel")
        .block();
    reads(&[user], &[&format!("File f {end} root:wheel")]);
    // A link text stands for links only.
    check(&[Raw::new(b'0', "f").set(157, "t").block()], "File f");
    for name in ["", "a\0b"] {
        let records = [("path", name), ("linkpath", "")];
        refused(&[pax(&records), file("", "")], "name");
    }
    refused(&[pax(&[("uname", "a\0b")]), file("f", "")], "name");
    refused(
        &[pax(&[("linkpath", "a\0b")]), Raw::new(b'2', "s").block()],
        "name",
    );
    let longest = "n".repeat(98_302);
    refused(&[pax(&[("path", &longest)]), file("f", "")], "too long");
    check(
        &[pax(&[("path", &longest[1..])]), file("f", "")],
        &format!("File {}", &longest[1..]),
    );
}

#[test]
fn records() {
    let line = |rest: &str| format!("File f 644 {rest}");
    let check = |records: &[(&str, &str)], rest: &str| {
        reads(&[pax(records), file("f", "")], &[&line(rest)]);
    };
    check(
        &[("uid", "5000000000")],
        "5000000000:100 size=0 time=1700000000",
    );
    check(
        &[("gid", "7"), ("gname", "g")],
        "1000:7 size=0 time=1700000000 :g",
    );
    check(
        &[("uname", &"u".repeat(40))],
        &format!("1000:100 size=0 time=1700000000 {}:", "u".repeat(40)),
    );
    check(&[("mtime", "-1.5")], "1000:100 size=0 time=-1.5");
    check(
        &[("mtime", "1700000000.123456789")],
        "1000:100 size=0 time=1700000000.123456789",
    );
    check(&[("mtime", "")], "1000:100 size=0 time=1700000000");
    // The last of equal keys counts; unknown ones and those of other fields stay.
    check(
        &[("k", "1"), ("a", ""), ("k", "2")],
        "1000:100 size=0 time=1700000000 [a=] [k=2]",
    );
    check(
        &[("atime", "5.5"), ("SCHILY.xattr.user.x", "a=\n")],
        "1000:100 size=0 time=1700000000 [SCHILY.xattr.user.x=a=\\n] [atime=5.5]",
    );
    // A size in a record where the field could hold it, and where it cannot.
    for size in ["600", "0", "8589934591"] {
        let parts = [pax(&[("size", size)]), file("f", "four")];
        refused(&parts, "state different sizes");
    }
    check(&[("size", "0")], "1000:100 size=0 time=1700000000");
    let large = [pax(&[("size", "8589934592")]), file("f", ""), vec![1; 512]];
    refused(&large, "in the middle of an entry's data");
    for (key, value) in [
        ("size", "-1"),
        ("size", "1e3"),
        ("size", "18446744073709551616"),
        ("uid", "x"),
        ("gid", " 1"),
        ("mtime", "yesterday"),
    ] {
        refused(
            &[pax(&[(key, value)]), file("f", "")],
            &format!("field {key} is not"),
        );
    }
}

#[test]
fn record_syntax() {
    let check = |content: &[u8]| {
        refused(
            &[Raw::new(b'x', "x").with(content), file("f", "")],
            "no list of records",
        );
        refused(
            &[Raw::new(b'g', "x").with(content), file("f", "")],
            "no list of records",
        );
    };
    check(b"11 path=xyz"); // no newline
    check(b"10 path=xyz\n");
    check(b"11 path=xyz\n"); // one short, one long
    check(b"13 path=xyz\n");
    check(b"9999999999 path=xyz\n");
    check(b"99999999999999999999 path=xyz\n");
    check(b"10 pathxyz\n"); // no =
    check(b"7 =xyz\n"); // no key
    check(b"0 a=b\n");
    check(b"1 a=b\n");
    check(b"2 \n");
    check(b"-6 a=b\n");
    check(b"+6 a=b\n");
    check(b" 6 a=b\n");
    check(b"6\ta=b\n");
    check(b"a=b\n");
    check(b"\n");
    check(b"6 a=b\n\0\0\0\0");
    check(b"8 a\0=bc\n");
    check(b"6 a=b\n3 \n");
}

/// Records as Go's archive/tar and hcsshim write and read them.
#[test]
fn records_byte_for_byte() {
    let rawsd = "AQAEgBQAAAAkAAAAAAAAADAAAAABAgAAAAAABSAAAAAgAgAAAQEAAAAAAAUSAAAAAgBMAAMAAAAAABgA\
                 /wEfAAECAAAAAAAFIAAAACACAAAAABQA/wEfAAEBAAAAAAAFEgAAAAAAGACpABIAAQIAAAAAAAUgAAAA\
                 IQIAAA==";
    let mut header = Header::new(
        TarKind::File,
        "Files/var/lib/dpkg/info/gcc-10-base\u{f03a}amd64.list",
    );
    header.modified = Timestamp {
        seconds: -2,
        nanoseconds: 500_000_000,
    };
    for (key, value) in [
        ("MSWINDOWS.fileattr", "1040"),
        ("MSWINDOWS.mountpoint", "1"),
        ("MSWINDOWS.rawsd", rawsd),
        ("LIBARCHIVE.creationtime", "1700000000.123456789"),
    ] {
        header.records.set(key, value);
    }
    let rawsd = record("MSWINDOWS.rawsd", rawsd);
    assert_eq!(rawsd.len(), 189);
    let expected = [
        "48 LIBARCHIVE.creationtime=1700000000.123456789\n",
        "27 MSWINDOWS.fileattr=1040\n",
        "26 MSWINDOWS.mountpoint=1\n",
        &rawsd,
        "14 mtime=-1.5\n",
        "57 path=Files/var/lib/dpkg/info/gcc-10-base\u{f03a}amd64.list\n",
    ]
    .concat();
    let archive = written(&[(header, vec![])]);
    assert_eq!(archive[156], b'x');
    assert_eq!(&archive[512..512 + expected.len()], expected.as_bytes());
    assert_eq!(
        record("MSWINDOWS.fileattr", "32"),
        "25 MSWINDOWS.fileattr=32\n"
    );
    // A length counts its own digits, also where they become more.
    for (value, length) in [(4, 9), (5, 11), (6, 12), (92, 98), (93, 99), (94, 101)] {
        let text = record("k", &"v".repeat(value));
        assert!(
            text.starts_with(&format!("{length} k=v")),
            "{value}: {text}"
        );
        assert_eq!(text.len(), length);
    }
}

/// Headers as they are written, against GNU tar's reading of the format.
#[test]
fn headers_byte_for_byte() {
    let mut header = Header::new(TarKind::Directory, "etc/");
    header.mode = 0o40_755;
    header.uid = 1000;
    header.gid = 0o7_777_777;
    header.user = b"root".to_vec();
    header.modified = Timestamp::from_seconds(1_700_000_000);
    let archive = written(&[(header.clone(), vec![])]);
    let mut expected = Raw::new(b'5', "etc/")
        .set(100, "0040755\x000001750\x007777777\0")
        .set(265, "root")
        .set(329, "0000000\x000000000\0");
    let sum = format!("{:06o}\0 ", expected.checksum(false));
    expected = expected.set(148, sum);
    assert_eq!(archive, [&expected.0[..], &[0; 1024]].concat());
    // One more than fits a field.
    header.gid += 1;
    header.modified.seconds = 0o77_777_777_777 + 1;
    let archive = written(&[(header, vec![])]);
    let records = "15 gid=2097152\n20 mtime=8589934592\n";
    assert_eq!(&archive[..21], b"PaxHeaders.0/etc\0\0\0\0\0");
    assert_eq!(&archive[124..136], b"00000000043\0");
    assert_eq!(&archive[512..512 + records.len()], records.as_bytes());
    assert_eq!(&archive[1024 + 116..1024 + 124], b"0000000\0");
    assert_eq!(&archive[1024 + 136..1024 + 148], b"00000000000\0");
}

#[test]
fn kinds() {
    let line = |start: &str, end: &str| format!("{start} 644 1000:100 size=0 time=1700000000{end}");
    let device = |flag| Raw::new(flag, "n").set(329, "0000005\x000000001\0").block();
    reads(
        &[
            device(b'3'),
            device(b'4'),
            device(b'6'),
            device(b'0'),
            Raw::new(b'1', "n").set(157, "f").block(),
        ],
        &[
            &line("CharDevice n", " device=(5, 1)"),
            &line("BlockDevice n", " device=(5, 1)"),
            &line("Fifo n", ""),
            &line("File n", ""),
            &line("HardLink n -> f", ""),
        ],
    );
    // A hard link's size is the file's, and no data follows.
    reads(
        &[
            Raw::new(b'1', "n").set(157, "f").size(9).block(),
            file("g", ""),
        ],
        &[&line("HardLink n -> f", ""), &line("File g", "")],
    );
    for flag in [b'2', b'3', b'4', b'5', b'6'] {
        let name = if flag == b'5' { "d/" } else { "n" };
        refused(
            &[Raw::new(flag, name).with("data")],
            "states a size of 4 bytes",
        );
        let record = pax(&[("size", "8589934592")]);
        refused(
            &[record, Raw::new(flag, name).block()],
            "states a size of 8589934592",
        );
    }
    for flag in [
        b'8', b'9', b'A', b'D', b'M', b'N', b'V', b'X', b'Z', 0xff, 1,
    ] {
        refused(&[Raw::new(flag, "n").block()], "unknown entry type");
    }
    refused(&[file("d/", "")], "a file with a slash");
    refused(&[file("d/", "data")], "a file with a slash");
}

/// What one reader would take for something else than another.
#[test]
fn desynchronisation() {
    let f = || file("f", "");
    let x = || pax(&[("mtime", "1")]);
    let g = || Raw::new(b'g', "g").with("6 a=b\n");
    refused(&[x(), x(), f()], "twice");
    refused(&[x(), g(), f()], "interrupted");
    refused(&[long(b'L', "n"), g(), f()], "interrupted");
    refused(&[x()], "without an entry");
    refused(&[x(), vec![0; 1024]], "without an entry");
    refused(&[long(b'L', "n")], "without an entry");
    refused(&[long(b'K', "n"), vec![0; 512]], "without an entry");
    refused(&[long(b'L', "n"), long(b'L', "n"), f()], "two long names");
    refused(&[long(b'K', "n"), long(b'K', "m"), f()], "two long names");
    refused(
        &[long(b'L', "n"), pax(&[("path", "m")]), f()],
        "two different names",
    );
    refused(
        &[pax(&[("path", "m")]), long(b'L', "n"), f()],
        "two different names",
    );
    let link = || Raw::new(b'2', "s").set(157, "t").block();
    refused(
        &[long(b'K', "n"), pax(&[("linkpath", "m")]), link()],
        "two different names",
    );
    // tar-rs' forks took the size for that of GNU's header (CVE-2025-62518).
    refused(
        &[pax(&[("size", "512")]), long(b'L', "n"), f()],
        "size beside a long name",
    );
    refused(
        &[long(b'L', "n"), pax(&[("size", "0")]), f()],
        "size beside a long name",
    );
    refused(&[long(b'L', ""), f()], "name is empty");
    // A name for GNU's sparse files without one.
    refused(&[pax(&[("GNU.sparse.name", "n")]), f()], "sparse");
}

#[test]
fn sizes_of_extensions() {
    let size = |flag, field: &[u8]| Raw::new(flag, "x").set(124, field).block();
    let huge = b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff";
    for flag in [b'x', b'g', b'L', b'K'] {
        refused(
            &[size(flag, b"00004000001\0")],
            "1048577 bytes, more than 1048576",
        );
        refused(&[size(flag, huge)], "18446744073709551615 bytes, more");
    }
    // Together.
    let half = record("k", &"v".repeat(600_000));
    let parts = [
        Raw::new(b'x', "x").with(&half),
        long(b'L', &"n".repeat(600_000)),
        file("f", ""),
    ];
    refused(&parts, "bytes, more than");
    refused(
        &[pax(&[("k", "v")]), size(b'L', huge)],
        "18446744073709551615 bytes, more",
    );
    // One entry's do not count for the next.
    let one = Raw::new(b'x', "x").with(&half);
    let line = format!(
        "File f 644 1000:100 size=0 time=1700000000 [k={}]",
        "v".repeat(600_000)
    );
    let parts = [one.clone(), file("f", ""), one, file("f", "")];
    let archive = [parts.concat(), vec![0; 1024]].concat();
    assert_eq!(show(&parse_in(&archive, 4096).unwrap()), [&*line, &*line]);
}

#[test]
fn ends() {
    let f = "File f 644 1000:100 size=1 time=1700000000 \"x\"";
    let g = "File g 644 1000:100 size=0 time=1700000000";
    let check = |parts: &[Vec<u8>], expected: &[&str]| {
        assert_eq!(show(&parse(&parts.concat()).unwrap()), expected);
    };
    check(&[], &[]);
    check(&[vec![0; 512]], &[]);
    check(&[vec![0; 1024]], &[]);
    check(&[file("f", "x")], &[f]);
    check(&[file("f", "x"), vec![0; 512]], &[f]);
    // GNU tar fills its last record; what follows the end is nobody's.
    check(&[file("f", "x"), vec![0; 10_240]], &[f]);
    check(
        &[
            file("f", "x"),
            vec![0; 1024],
            b"garbage".to_vec(),
            file("g", ""),
        ],
        &[f],
    );
    check(&[file("f", "x"), vec![0; 1024], vec![1]], &[f]);
    check(&[file("f", "x"), file("g", "")], &[f, g]);
    // `umoci insert` stops behind the last byte.
    check(&[file("f", "x")[..513].to_vec()], &[f]);
    check(&[file("f", "x")[..1000].to_vec()], &[f]);
    refused(&[vec![0; 512], file("f", "x")], "single zero block");
    refused(
        &[file("f", "x"), vec![0; 512], file("g", "")],
        "single zero block",
    );
    let archive = [pax(&[("k", "v")]), file("f", "x")].concat();
    for (lengths, what) in [
        (1..512, "a header"),
        (513..1024, "an extended header"),
        (1025..1536, "a header"),
    ] {
        for length in lengths.step_by(73) {
            refused(
                &[archive[..length].to_vec()],
                &format!("in the middle of {what}"),
            );
        }
    }
    refused(
        &[archive[..512].to_vec()],
        "in the middle of an extended header",
    );
    refused(&[archive[..1024].to_vec()], "without an entry");
    refused(
        &[archive[..1536].to_vec()],
        "in the middle of an entry's data",
    );
    refused(
        &[archive.clone(), vec![0; 511]],
        "in the middle of a header",
    );
    refused(
        &[archive.clone(), vec![0; 513]],
        "in the middle of a header",
    );
}

#[test]
fn global_headers() {
    let git = Raw::new(b'g', "pax_global_header")
        .with("52 comment=0123456789012345678901234567890123456789\n");
    let other = Raw::new(b'g', "g").with("13 uid=12345\n13 path=evil\n");
    reads(
        &[git, other, file("f", "x"), Raw::new(b'g', "g").block()],
        &["File f 644 1000:100 size=1 time=1700000000 \"x\""],
    );
}

#[test]
fn refusals_of_the_receiver() {
    let archive = [file("a", "x"), file("b", "")].concat();
    let mut parser = Parser::new();
    let error = parser.push(&archive, &mut |event| match event {
        Event::Entry { header, .. } if header.path == b"b" => Err("not b".to_owned()),
        _ => Ok(()),
    });
    let error = error.unwrap_err();
    assert_eq!(error.path, b"b");
    assert_eq!(
        error.to_string(),
        "tar archive, at byte 1024, entry \"b\": not b"
    );
}

fn written(entries: &[(Header, Vec<u8>)]) -> Vec<u8> {
    let mut writer = TarWriter::new(Vec::new());
    for (header, data) in entries {
        writer.header(header).unwrap();
        if header.kind == TarKind::File {
            writer.content(&mut &data[..], header.size).unwrap();
        }
    }
    writer.finish().unwrap()
}

#[test]
fn what_cannot_be_written() {
    let check = |change: &dyn Fn(&mut Header)| {
        let mut header = Header::new(TarKind::CharDevice, "n");
        change(&mut header);
        assert!(
            TarWriter::new(Vec::new()).header(&header).is_err(),
            "{header:?}"
        );
    };
    check(&|header| header.path.clear());
    check(&|header| header.path = b"a\0b".to_vec());
    check(&|header| header.link = b"a\0b".to_vec());
    check(&|header| header.user = b"a\0b".to_vec());
    check(&|header| header.device = (0o10_000_000, 0));
    check(&|header| header.device = (0, u32::MAX));
    check(&|header| header.records.set("SCHILY.xattr.user.a=b", ""));
    check(&|header| header.records.set("a\0b", ""));
    check(&|header| header.records.set("", ""));
    // Content of another size.
    let mut writer = TarWriter::new(Vec::new());
    let error = writer.content(&mut &b"abc"[..], 4).unwrap_err();
    assert_eq!(
        error.to_string(),
        "content ends 1 bytes before its size of 4"
    );
    let error = writer.content(&mut &b"abc"[..], 2).unwrap_err();
    assert_eq!(error.to_string(), "content goes on past its size of 2");
}
