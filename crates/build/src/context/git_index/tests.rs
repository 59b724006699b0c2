use super::*;

/// Indexes that git wrote, see `seeds/make.sh`.
macro_rules! seed {
    ($name:literal) => {
        include_bytes!(concat!("seeds/", $name)).as_slice()
    };
}

fn letter(kind: GitKind) -> char {
    match kind {
        GitKind::File => 'f',
        GitKind::Executable => 'x',
        GitKind::Link => 'l',
        GitKind::Submodule => 'm',
        GitKind::SparseDirectory => 's',
    }
}

/// Each path with its kind and stage.
fn lines(index: GitIndex) -> Vec<String> {
    let line = |entry: &GitIndexEntry| {
        let path = String::from_utf8_lossy(&entry.path);
        format!("{} {} {path}", letter(entry.kind), entry.stage)
    };
    index.into_paths().iter().map(line).collect()
}

const PLAIN: [&str; 5] = [
    "l 0 link",
    "x 0 run",
    "f 0 sub-file",
    "f 0 sub/deep/é",
    "f 0 text",
];

#[test]
fn indexes_that_git_wrote() {
    let check = |bytes: &[u8], hash, expected: &[&str]| {
        let index = GitIndex::parse(bytes, hash).unwrap();
        assert_eq!(index.shared(), None);
        assert_eq!(lines(index), expected);
    };
    check(seed!("v2"), GitHash::Sha1, &PLAIN);
    check(seed!("v4"), GitHash::Sha1, &PLAIN);
    check(seed!("no-checksum"), GitHash::Sha1, &PLAIN);
    check(seed!("sha256"), GitHash::Sha256, &PLAIN);
    // A file that is going to be added is known already.
    let [link, rest @ ..] = PLAIN;
    let with_new = [&[link, "f 0 new"], &rest[..]].concat();
    check(seed!("v3"), GitHash::Sha1, &with_new);
    // Ours of `text`; of `run`, which we removed, theirs.
    let merge = [
        "l 0 link",
        "m 0 module",
        "f 3 run",
        "f 0 sub-file",
        "f 0 sub/deep/é",
        "f 2 text",
    ];
    check(seed!("merge"), GitHash::Sha1, &merge);
    let sparse = ["l 0 link", "s 0 other/"];
    let sparse = [&sparse[..], &PLAIN[1..]].concat();
    check(seed!("sparse"), GitHash::Sha1, &sparse);
}

#[test]
fn a_split_index() {
    let parse = |bytes| GitIndex::parse(bytes, GitHash::Sha1).unwrap();
    let (index, shared) = (parse(seed!("split")), parse(seed!("split-shared")));
    let (_, id) = seed!("split-shared").split_last_chunk::<20>().unwrap();
    let id = GitObjectId::of(id);
    assert_eq!(index.shared(), Some(id));
    let mut expected: Vec<String> = (1..=80)
        .filter(|number| *number != 20)
        .map(|number| match number {
            10 => "x 0 file-10".to_owned(),
            number => format!("f 0 file-{number}"),
        })
        .collect();
    let plain = PLAIN.iter().filter(|line| **line != "f 0 text");
    expected.extend(plain.map(|line| line.to_string()));
    expected.push("f 0 zzz".to_owned());
    expected.sort_by(|left, right| left[4..].cmp(&right[4..]));
    let whole = index.clone().with_shared(shared.clone()).unwrap();
    assert_eq!(lines(whole), expected);
    // One that has other entries.
    for other in [parse(seed!("v2")), index.clone()] {
        let result = index.clone().with_shared(other);
        assert_eq!(result, Err(GitIndexError::Shared));
    }
    assert_eq!(shared.clone().with_shared(index), Ok(shared));
}

/// An index without checksum: `entries` are bytes of them, and `count` says how many.
fn index(version: u32, count: u32, entries: &[u8]) -> Vec<u8> {
    let mut bytes = SIGNATURE.to_vec();
    bytes.extend(version.to_be_bytes());
    bytes.extend(count.to_be_bytes());
    bytes.extend(entries);
    bytes.extend([0; 20]);
    bytes
}

/// An entry until its path.
fn head(mode: u32, flags: u16) -> Vec<u8> {
    let mut bytes = vec![0; 24];
    bytes.extend(mode.to_be_bytes());
    bytes.extend([0; 12 + 20]);
    bytes.extend(flags.to_be_bytes());
    bytes
}

#[test]
fn damaged_indexes() {
    let check = |bytes: &[u8], expected: &str| {
        let error = GitIndex::parse(bytes, GitHash::Sha1).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    check(b"", "does not begin as an index of git");
    check(b"DIRX\0\0\0\x02", "does not begin as an index of git");
    check(b"DIRC\0\0", "is damaged near byte 4: it ends too early");
    let unknown = "has version 5, and versions 2 to 4 are known";
    check(&index(5, 0, b""), unknown);
    let checksum = "is damaged: its checksum is another";
    check(b"DIRC\0\0\0\x02", checksum);
    check(b"DIRC\0\0\0\x02\0\0\0\0", checksum);
    let mut other = seed!("v2").to_vec();
    other[100] ^= 1;
    check(&other, checksum);
    check(seed!("sha256"), checksum);
    let early = "is damaged near byte 12: it ends too early";
    check(&index(2, 1, b""), early);
    check(&index(2, u32::MAX, b""), early);
    let entry = |mode, flags, path: &[u8]| [&head(mode, flags), path].concat();
    let file = 0o100_644;
    let mode = "is damaged near byte 40: an entry has an unknown mode";
    check(&index(2, 1, &entry(0, 1, b"a\0")), mode);
    let end = "is damaged near byte 74: a path does not end";
    check(&index(2, 1, &entry(file, 1, b"a")), end);
    let length = "is damaged near byte 75: a path has another length than the entry says";
    check(&index(2, 1, &entry(file, 2, b"a\0\0\0")), length);
    check(&index(2, 1, &entry(file, 0xfff, b"a\0\0\0")), length);
    let early = "is damaged near byte 76: it ends too early";
    check(&index(2, 1, &entry(file, 2, b"aa\0")), early);
    let shorter = "is damaged near byte 75: a path is shorter than nothing";
    check(&index(4, 1, &entry(file, 1, b"\x01a\0")), shorter);
    let large = "is damaged near byte 84: a number is too large";
    check(&index(4, 1, &entry(file, 1, &[0xff; 20])), large);
    let none = entry(file, 0, b"\0\0");
    check(
        &index(2, 1, &none),
        "is damaged near byte 76: an entry has no path",
    );
    check(
        &index(2, 0, b"abcd\0\0\0\0"),
        "needs the extension \"abcd\", which is not known",
    );
    check(
        &index(2, 0, b"ABCD\0\0\0\x01"),
        "is damaged near byte 20: it ends too early",
    );
    let parsed = GitIndex::parse(&index(2, 0, b"ABCD\0\0\0\x01a"), GitHash::Sha1);
    assert!(parsed.unwrap().entries().is_empty());
}

/// A few bytes of version 4 can stand for a long path each.
#[test]
fn paths_that_are_too_many() {
    let long = 1 << 13;
    let mut entries = head(0o100_644, 0xfff);
    entries.push(0);
    entries.extend(vec![b'a'; long]);
    entries.push(0);
    for _ in 1..100 {
        entries.extend(head(0o100_644, 0xfff));
        entries.extend(b"\0b\0");
    }
    let bytes = index(4, 100, &entries);
    assert!(bytes.len() < 2 * long);
    // Each is longer than the one before.
    let all = 100 * long + (0..100).sum::<usize>();
    let parse = |most| GitIndex::parse_within(&bytes, GitHash::Sha1, most);
    assert_eq!(parse(all - 1), Err(GitIndexError::TooLarge));
    assert_eq!(parse(all).unwrap().entries().len(), 100);
}

#[test]
fn bitmaps() {
    let marker = |bit: u64, run: u64, literals: u64| bit | run << 1 | literals << 33;
    let check = |words: &[u64], end: usize, expected: Result<&[usize], ()>| {
        let ones: Result<Vec<usize>, _> = Bitmap(words.to_vec()).ones(end).collect();
        assert_eq!(ones.as_deref().map_err(drop), expected, "{words:x?}");
    };
    check(&[], 0, Ok(&[]));
    check(&[marker(0, 1, 1), 0b101], 100, Ok(&[64, 66]));
    check(
        &[marker(0, 0, 1), 0b1, marker(0, 1, 1), 1],
        200,
        Ok(&[0, 128]),
    );
    let all: Vec<usize> = (0..64).collect();
    check(&[marker(1, 1, 0)], 64, Ok(&all));
    check(&[marker(1, 1, 0)], 63, Err(()));
    check(&[marker(0, 1, 1), 0b100], 66, Err(()));
    check(&[marker(0, 0, 2), 0], 66, Err(()));
    check(&[u64::MAX; 3], 66, Err(()));
    check(&[marker(0, 0xffff_ffff, 0); 1000], 66, Ok(&[]));
}

/// As `git hash-object` says.
#[test]
fn ids_of_blobs() {
    let id = |hash: GitHash| hash.of_blob(b"sub/deep").to_string();
    assert_eq!(
        id(GitHash::Sha1),
        "26c4f9c91675b410f245c01173ef4cf1061a9b04"
    );
    assert_eq!(
        id(GitHash::Sha256),
        "ce48343f08bc04714a48650d7d7a69ee33b7e1fc2634cbcb15bfd5dfddb37cca"
    );
    let index = GitIndex::parse(seed!("v2"), GitHash::Sha1).unwrap();
    let link = index.entries().iter().find(|entry| entry.path == b"link");
    assert_eq!(link.unwrap().id, GitHash::Sha1.of_blob(b"sub/deep"));
}
