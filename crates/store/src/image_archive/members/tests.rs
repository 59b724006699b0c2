use std::io::Write as _;

use super::*;

/// A member: kind, name, what it links to, content.
pub(crate) type Made<'m> = (u8, &'m str, &'m str, &'m [u8]);

/// A header with a checksum.
fn header(kind: u8, name: &[u8], link: &[u8], size: &str) -> [u8; 512] {
    let mut block = [0; 512];
    block[..name.len()].copy_from_slice(name);
    block[124..124 + size.len()].copy_from_slice(size.as_bytes());
    block[156] = kind;
    block[157..157 + link.len()].copy_from_slice(link);
    block[257..265].copy_from_slice(b"ustar\x0000");
    seal(&mut block);
    block
}

fn seal(block: &mut [u8]) {
    block[148..156].copy_from_slice(b"        ");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

pub(crate) fn tar(members: &[Made<'_>]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (kind, name, link, content) in members {
        let size = format!("{:011o}", content.len());
        tar.extend(header(*kind, name.as_bytes(), link.as_bytes(), &size));
        tar.extend(*content);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.extend([0; 1024]);
    tar
}

fn read(tar: &[u8]) -> Result<Members, MembersError> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(tar).unwrap();
    Members::read(&file, tar.len() as u64)
}

fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let digits = |length: usize| length.to_string().len();
        let length = rest + digits(rest + digits(rest));
        bytes.extend(format!("{length} {key}={value}\n").bytes());
    }
    bytes
}

/// Where names lead to: the content of a file, or a problem as text.
#[track_caller]
fn check(members: &[Made<'_>], expected: &[(&str, &str)]) {
    let tar = tar(members);
    let members = read(&tar).unwrap();
    for (name, content) in expected {
        let found = match members.find(name) {
            Ok(extent) => {
                let start = extent.offset as usize;
                String::from_utf8(tar[start..start + extent.size as usize].to_vec()).unwrap()
            }
            Err(problem) => problem.to_string(),
        };
        assert_eq!(found, *content, "{name}");
    }
}

const MISSING: &str = "is missing";
const OUTSIDE: &str = "leads out of the archive";

#[test]
fn files() {
    let long = "d/".repeat(80) + "file";
    let named = pax(&[("path", &long)]);
    check(
        &[
            (b'5', "a/", "", b""),
            (b'0', "a/one", "", b"1"),
            (0, "./a//two", "", b"22"),
            (b'0', "empty", "", b""),
            (b'g', "all", "", b"18 path=elsewhere\n"),
            (b'x', "PaxHeaders/x", "", &named),
            (b'0', "short", "", b"pax"),
            (b'L', "././@LongLink", "", b"a/gnu\0"),
            (b'0', "cut", "", b"gnu"),
            (b'0', "/absolute", "", b"x"),
            (b'0', "../above", "", b"x"),
            (b'0', "a/../b", "", b"inner"),
            (b'0', "old/", "", b""),
            (b'3', "device", "", b""),
        ],
        &[
            ("a/one", "1"),
            ("./a/one", "1"),
            ("a/two", "22"),
            ("empty", ""),
            (&long, "pax"),
            ("short", MISSING),
            ("a/gnu", "gnu"),
            ("cut", MISSING),
            ("/absolute", OUTSIDE),
            ("absolute", MISSING),
            ("above", MISSING),
            ("../above", OUTSIDE),
            ("b", "inner"),
            ("a", MISSING),
            ("old", MISSING),
            ("device", MISSING),
            ("", OUTSIDE),
        ],
    );
}

#[test]
fn links() {
    check(
        &[
            (b'0', "a/layer.tar", "", b"layer"),
            (b'2', "b/layer.tar", "../a/layer.tar", b""),
            (b'2', "c/layer.tar", "../b/layer.tar", b""),
            (b'1', "hard", "a/layer.tar", b""),
            (b'2', "circle", "./circle", b""),
            (b'2', "d/up", "../../x", b""),
            (b'2', "root", "/a/layer.tar", b""),
            (b'1', "hard-out", "../x", b""),
            (b'2', "nowhere", "x", b""),
            (b'0', "twice", "", b"1"),
            (b'0', "./twice", "", b"2"),
        ],
        &[
            ("b/layer.tar", "layer"),
            ("c/layer.tar", "layer"),
            ("hard", "layer"),
            ("circle", "is a link that leads through more than 16 others"),
            ("d/up", OUTSIDE),
            ("root", OUTSIDE),
            ("hard-out", OUTSIDE),
            ("nowhere", MISSING),
            ("twice", "stands in it more than once"),
        ],
    );
}

#[test]
fn sizes_of_other_programs() {
    let check = |field: &[u8], expected: Option<u64>| {
        assert_eq!(number(field), expected, "{field:?}");
    };
    check(b"00000000017\0", Some(15));
    check(b"         17 ", Some(15));
    check(b"\0\0\0\0", Some(0));
    check(b"777777777777", Some(0o777_777_777_777));
    check(b"\x80\0\0\0\0\0\0\x02\0\0\0\x01", Some((2 << 32) + 1));
    check(b"\x80\0\0\x01\0\0\0\0\0\0\0\0", None);
    check(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", None);
    check(b"8", None);
    check(b"+7", None);
    check(b"-7", None);

    // A pax size counts, and the header's does not.
    let size = pax(&[("size", "3")]);
    let mut bytes = tar(&[(b'x', "x", "", &size)]);
    bytes.truncate(1024);
    bytes.extend(header(b'0', b"a", b"", "00000000000"));
    bytes.extend(b"abc");
    let members = read(&bytes).unwrap();
    let extent = Extent {
        offset: 1536,
        size: 3,
    };
    assert_eq!(members.find("a"), Ok(extent));
}

#[test]
fn sparse_files_are_nothing_that_is_read() {
    let map = pax(&[("GNU.sparse.major", "1"), ("path", "a")]);
    let mut bytes = tar(&[(b'x', "x", "", &map), (b'0', "a", "", b"map")]);
    bytes.truncate(2048);
    // GNU's own form: the map goes on in a block behind the header.
    let mut old = header(b'S', b"b", b"", "00000000001");
    old[482] = 1;
    seal(&mut old);
    bytes.extend(old);
    bytes.extend([0; 512]);
    bytes.extend([7; 512]);
    bytes.extend(tar(&[(b'0', "c", "", b"c")]));
    let members = read(&bytes).unwrap();
    assert_eq!(members.find("a"), Err(MemberProblem::Missing));
    assert_eq!(members.find("b"), Err(MemberProblem::Missing));
    assert!(members.find("c").is_ok());
    assert!(members.has("c") && !members.has("a"));
}

#[test]
fn hostile() {
    let good = tar(&[(b'0', "a", "", b"content")]);
    let check = |bytes: &[u8], expected: &str| {
        let error = read(bytes).expect_err(expected);
        let text = error.to_string();
        assert!(text.contains(expected), "{text}");
    };
    check(b"", "it is no tar");
    check(b"FROM scratch", "it is no tar");
    check(&[0; 1024], "it is no tar");
    check(&[b'x'; 2048], "it is no tar");
    check(&good[..1124], "ends within a header");
    check(&good[..514], "longer than the file");
    let mut second = good.clone();
    second[1024] = 1;
    check(&second, "a checksum is wrong at byte 1024");
    for (size, expected) in [
        ("77777777777", "longer than the file"),
        ("\u{7f}", "a size is no number"),
    ] {
        check(&header(b'0', b"a", b"", size), expected);
    }
    let mut huge = header(b'0', b"a", b"", "");
    huge[124] = 0x80;
    huge[128..136].fill(0xff);
    seal(&mut huge);
    check(&huge, "longer than the file");
    // Base 256 where octal digits belong.
    let mut sum = second.clone();
    sum[1024..1536].copy_from_slice(&header(b'0', b"b", b"", "0"));
    sum[1024 + 148] = 0x80;
    check(&sum, "a checksum is wrong at byte 1024");
    let mut sparse = header(b'S', b"a", b"", "0");
    sparse[482] = 1;
    seal(&mut sparse);
    check(&sparse, "ends within a sparse map");
    let long = vec![b'n'; 65 << 10];
    check(&tar(&[(b'L', "x", "", &long)]), "too long");
    check(&tar(&[(b'x', "x", "", &long)]), "too long");
    for records in ["5", "0 a=b\n", "99 a=b\n", "6 a=b\n\n", "4 a\n", "+6 a=b\n"] {
        check(
            &tar(&[(b'x', "x", "", records.as_bytes())]),
            "a record is wrong",
        );
    }
    for size in ["-1", "x", "18446744073709551616"] {
        let records = pax(&[("size", size)]);
        check(&tar(&[(b'x', "x", "", &records)]), "a size is no number");
    }
    let records = pax(&[("size", "18446744073709551615")]);
    let tar = tar(&[(b'x', "x", "", &records), (b'0', "a", "", b"")]);
    check(&tar, "longer than the file");
}

/// An archive that ends behind its last content is whole for all who read it.
#[test]
fn ends() {
    let good = tar(&[(b'0', "a", "", b"content")]);
    for length in [519, 1024, 1536, good.len()] {
        assert!(read(&good[..length]).unwrap().has("a"), "{length}");
    }
}
