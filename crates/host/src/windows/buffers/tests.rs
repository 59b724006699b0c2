use super::*;

/// Puts entries behind one another, each with the distance to the next in front.
fn chained(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (place, entry) in entries.iter().enumerate() {
        let size = entry.len().next_multiple_of(8);
        let next = if place + 1 == entries.len() { 0 } else { size };
        let start = bytes.len();
        bytes.extend_from_slice(entry);
        bytes.resize(start + size, 0);
        bytes[start..start + 4].copy_from_slice(&(next as u32).to_le_bytes());
    }
    bytes
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// `FILE_ID_BOTH_DIR_INFO`, offsets from the documentation of the structure.
fn listed(name: &str) -> Vec<u8> {
    let mut entry = vec![0; 104];
    entry[8..16].copy_from_slice(&1u64.to_le_bytes());
    entry[16..24].copy_from_slice(&2u64.to_le_bytes());
    entry[24..32].copy_from_slice(&3u64.to_le_bytes());
    entry[32..40].copy_from_slice(&4u64.to_le_bytes());
    entry[40..48].copy_from_slice(&5u64.to_le_bytes());
    entry[48..56].copy_from_slice(&4096u64.to_le_bytes());
    entry[56..60].copy_from_slice(&0x21u32.to_le_bytes());
    entry[60..64].copy_from_slice(&(utf16(name).len() as u32).to_le_bytes());
    entry[64..68].copy_from_slice(&6u32.to_le_bytes());
    entry[96..104].copy_from_slice(&7u64.to_le_bytes());
    entry.extend(utf16(name));
    entry
}

/// `FILE_STREAM_INFO`.
fn stream(name: &str, size: u64) -> Vec<u8> {
    let name = utf16(name);
    let mut entry = vec![0; 24];
    entry[4..8].copy_from_slice(&(name.len() as u32).to_le_bytes());
    entry[8..16].copy_from_slice(&size.to_le_bytes());
    entry.extend(name);
    entry
}

#[test]
fn directories() {
    let bytes = chained(&[
        listed("."),
        listed(".."),
        listed("é\u{1f600}.txt"),
        listed("b"),
    ]);
    let files = listed_files(&bytes, true).unwrap();
    let expected = ListedFile {
        name: "é\u{1f600}.txt".encode_utf16().collect(),
        attributes: 0x21,
        times: [1, 2, 3, 4],
        size: 5,
        tag_or_extended: 6,
        id: 7,
    };
    assert_eq!(files.len(), 2);
    assert_eq!(files[0], expected);
    assert_eq!(listed_files(&[], true).unwrap(), []);
    // `FILE_FULL_DIR_INFO`: the name stands where the short name would.
    let mut short = listed("b");
    short.drain(68..104);
    let files = listed_files(&chained(&[short]), false).unwrap();
    assert_eq!((&files[0].name[..], files[0].id), (&[0x62][..], 0));
}

#[track_caller]
fn check_streams(entries: &[Vec<u8>], expected: &[(&str, u64)]) {
    let found = alternate_streams(&chained(entries)).unwrap();
    let found: Vec<_> = found
        .iter()
        .map(|stream| (std::str::from_utf8(&stream.name).unwrap(), stream.size))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn streams() {
    let content = || stream("::$DATA", 10);
    check_streams(&[], &[]);
    check_streams(&[content()], &[]);
    check_streams(
        &[
            content(),
            stream(":b:$DATA", 2),
            stream(":Zone.Identifier:$DATA", 1),
        ],
        &[("Zone.Identifier", 1), ("b", 2)],
    );
    // A directory's list of names is a stream of another type.
    check_streams(&[stream(":$I30:$INDEX_ALLOCATION", 4096)], &[]);
    check_streams(&[stream("", 0), stream("x", 0), stream(":", 0)], &[]);
    let mut surrogate = stream(":a:$DATA", 0);
    surrogate[26..28].copy_from_slice(&0xd800u16.to_le_bytes());
    let error = alternate_streams(&surrogate).unwrap_err().to_string();
    assert!(error.contains("not valid Unicode"), "{error}");
}

/// Whatever is cut or changed: an answer or an error.
#[test]
fn hostile_lists() {
    let lists = [
        chained(&[listed("a"), listed("b")]),
        chained(&[stream("::$DATA", 1), stream(":b:$DATA", 2)]),
    ];
    for list in lists {
        for end in 0..list.len() {
            let _ = listed_files(&list[..end], true);
            let _ = alternate_streams(&list[..end]);
        }
        for place in 0..list.len() {
            for value in [0, 1, 3, 0x7f, 0xff] {
                let mut changed = list.clone();
                changed[place] = value;
                let _ = listed_files(&changed, true);
                let _ = alternate_streams(&changed);
            }
        }
    }
    assert!(listed_files(&listed("abc")[..106], true).is_err());
    assert!(alternate_streams(&[0xff; 64]).is_err());
    // A distance of less than an entry does not go on for ever.
    assert!(listed_files(&[1, 0, 0, 0, 0, 0, 0, 0], true).is_err());
}

#[test]
fn extended_lists_end_with_zero() {
    let one = (b"A".to_vec(), b"1".to_vec());
    let two = (b"$LXUID".to_vec(), vec![1, 2, 3, 4, 5]);
    let list = extended_list(&[one, two]).unwrap();
    // 8 + 1 + 1 + 1 bytes, filled up; then 8 + 6 + 1 + 5.
    assert_eq!(&list[..12], b"\x0c\0\0\0\0\x01\x01\0A\x001\0");
    assert_eq!(
        &list[12..],
        b"\0\0\0\0\0\x06\x05\0$LXUID\0\x01\x02\x03\x04\x05"
    );
    assert_eq!(extended_list(&[]).unwrap(), b"");
    assert!(extended_list(&[(vec![b'a'; 256], Vec::new())]).is_none());
}

#[test]
fn others_attributes_stay() {
    let attributes = [
        "$KERNEL.PURGE",
        "$LXMOD",
        "CROSSDOCK",
        "LX.USER.A",
        "LXX",
        "OTHER",
    ]
    .map(|name| (name.as_bytes().to_vec(), vec![1]));
    let removed: Vec<_> = removal_of_ours(&attributes)
        .into_iter()
        .map(|(name, value)| (String::from_utf8(name).unwrap(), value.len()))
        .collect();
    let expected = ["$LXMOD", "CROSSDOCK", "LX.USER.A"].map(|name| (name.to_owned(), 0));
    assert_eq!(removed, expected);
}

#[test]
fn tags() {
    let check = |tag: u32, another: bool, wsl: bool| {
        assert_eq!(
            (stands_for_another(tag), is_wsl(tag)),
            (another, wsl),
            "{tag:x}"
        );
        assert_eq!(tag_of(&tag.to_le_bytes()), Some(tag));
    };
    check(SYMLINK, true, false);
    check(0xa000_0003, true, false); // a junction
    check(0xa000_001d, true, true); // WSL's link
    for special in [0x8000_0023, LX_FIFO, LX_CHR, LX_BLK] {
        check(special, true, true);
    }
    check(0x9000_001a, false, false); // OneDrive
    check(0x9000_301a, false, false);
    check(0x8000_0013, false, false); // deduplication
    check(0x8000_0017, false, false); // compression
    check(0, false, false);
    assert_eq!(tag_of(&[1, 2, 3]), None);
}

/// The bytes of a link `..\a` and of one to `C:\a`, as Windows makes them.
#[test]
fn targets_of_links() {
    let check = |hex: &str, expected: Option<&str>| {
        let bytes: Vec<u8> = (0..hex.len() / 2)
            .map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).unwrap())
            .collect();
        assert_eq!(shown_target(&bytes).as_deref(), expected);
        for end in 0..bytes.len() {
            let _ = shown_target(&bytes[..end]);
        }
    };
    check(
        "0c0000a020000000000008000a000800010000002e002e005c00610000002e002e005c0061000000",
        Some("..\\a"),
    );
    check(
        "0c0000a0280000000000100012000800000000005c003f003f005c0043003a005c006100000043003a005c0061000000",
        Some("C:\\a"),
    );
    check("0c0000a0", None);
    check("0c0000a02000000000000800ff0f080001000000", None);
}

/// Owner and group are the administrators, the DACL has one entry for everybody.
fn descriptor() -> Vec<u8> {
    let administrators = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0];
    let everybody = [1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
    let mut bytes = vec![1, 0, 0x04, 0x80];
    for offset in [20u32, 36, 0, 52] {
        bytes.extend(offset.to_le_bytes());
    }
    bytes.extend(administrators);
    bytes.extend(administrators);
    bytes.extend([2, 0, 28, 0, 1, 0, 0, 0]);
    bytes.extend([0, 0, 20, 0, 0xff, 0x01, 0x1f, 0]);
    bytes.extend(everybody);
    bytes
}

#[test]
fn descriptors() {
    let whole = descriptor();
    assert!(is_descriptor(&whole));
    for end in 0..whole.len() {
        assert!(!is_descriptor(&whole[..end]), "{end}");
    }
    let check = |place: usize, value: u8| {
        let mut changed = whole.clone();
        changed[place] = value;
        assert!(!is_descriptor(&changed), "{place} {value}");
    };
    check(0, 2); // revision
    check(3, 0); // not self-relative
    check(7, 0xff); // the owner far outside
    check(4, 79); // the owner over the end
    check(21, 16); // too many authorities
    check(20, 2); // revision of a SID
    check(54, 29); // the DACL longer than the bytes
    check(56, 2); // an entry more than there is
    check(62, 3); // an entry smaller than its head
    check(62, 21); // an entry over the end
    // Without owner, group and DACL.
    let mut empty = vec![1, 0, 0, 0x80];
    empty.resize(20, 0);
    assert!(is_descriptor(&empty));
}

#[test]
fn inherited_lists_stay_marked() {
    let check = |control: u8, expected: u8| {
        let mut bytes = descriptor();
        bytes[3] = control;
        assert_eq!(requesting_inheritance(&bytes)[3], expected);
    };
    check(0x80, 0x80);
    check(0x84, 0x85);
    check(0x90, 0x90);
    assert_eq!(requesting_inheritance(&[]), []);
}
