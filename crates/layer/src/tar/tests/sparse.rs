//! Sparse files, in the formats that GNU tar has had.

use super::*;

/// A sparse file of GNU's old format: pairs in the header, then in extension blocks.
pub(super) fn old_sparse(pairs: &[(u64, u64)], size: u64, data: &[u8]) -> Vec<u8> {
    let pair = |(offset, length): &(u64, u64)| format!("{offset:011o}\0{length:011o}\0");
    let rest = pairs.get(4..).unwrap_or_default();
    let mut raw = Raw::new(b'S', "f").gnu().size(data.len());
    for (place, found) in pairs.iter().take(4).enumerate() {
        raw = raw.set(386 + 24 * place, pair(found));
    }
    raw = raw.set(482, [u8::from(!rest.is_empty())]);
    let mut archive = raw.set(483, format!("{size:011o}")).block();
    for (place, chunk) in rest.chunks(21).enumerate() {
        let mut block: String = chunk.iter().map(pair).collect();
        block = format!("{block:\0<504}");
        block.push(if rest.len() > (place + 1) * 21 {
            '\x01'
        } else {
            '\0'
        });
        archive.extend(padded(block.as_bytes()));
    }
    archive.extend(padded(data));
    archive
}

/// Format 0.1: the map in a record.
pub(super) fn sparse_list(map: &str, size: &str, data: &str) -> Vec<u8> {
    let records = [
        ("GNU.sparse.map", map),
        ("GNU.sparse.name", "f"),
        ("GNU.sparse.numblocks", "2"),
        ("GNU.sparse.size", size),
    ];
    [pax(&records), file("GNUSparseFile.1/f", data)].concat()
}

/// Format 1.0: the map before the data.
pub(super) fn sparse_lines(map: &str, size: &str, data: &str) -> Vec<u8> {
    let records = [
        ("GNU.sparse.major", "1"),
        ("GNU.sparse.minor", "0"),
        ("GNU.sparse.name", "f"),
        ("GNU.sparse.realsize", size),
    ];
    let content = [padded(map.as_bytes()), data.as_bytes().to_vec()].concat();
    [
        pax(&records),
        Raw::new(b'0', "GNUSparseFile.1/f").with(content),
    ]
    .concat()
}

#[test]
fn sparse_files() {
    let line = |size: u64, sparse: &str, data: &str| {
        let line = format!("File f 644 1000:100 size={size} time=1700000000 sparse=[{sparse}]");
        match data {
            "" => line,
            data => format!("{line} {data:?}"),
        }
    };
    let check = |archive: Vec<u8>, expected: String| {
        let after = "File g 644 1000:100 size=0 time=1700000000";
        reads(&[archive, file("g", "")], &[&expected, after]);
    };
    let two = "(10, 3), (600, 2)";
    check(
        old_sparse(&[(10, 3), (600, 2)], 700, b"abcde"),
        line(700, two, "abcde"),
    );
    check(
        sparse_list("10,3,600,2", "700", "abcde"),
        line(700, two, "abcde"),
    );
    check(
        sparse_lines("2\n10\n3\n600\n2\n", "700", "abcde"),
        line(700, two, "abcde"),
    );
    // GNU tar closes a map with an empty segment at the end of the file.
    check(
        old_sparse(&[(10, 3), (700, 0)], 700, b"abc"),
        line(700, "(10, 3)", "abc"),
    );
    check(
        sparse_list("10,3,700,0", "700", "abc"),
        line(700, "(10, 3)", "abc"),
    );
    check(
        sparse_lines("2\n10\n3\n700\n0\n", "700", "abc"),
        line(700, "(10, 3)", "abc"),
    );
    // Nothing but a hole, and nothing but data.
    check(old_sparse(&[(700, 0)], 700, b""), line(700, "", ""));
    check(sparse_lines("0\n", "700", ""), line(700, "", ""));
    check(sparse_list("0,5", "5", "abcde"), line(5, "(0, 5)", "abcde"));
    // More segments than a block holds.
    let pairs: Vec<(u64, u64)> = (0..60).map(|place| (place * 10, 1)).collect();
    let (data, shown) = ("x".repeat(60), format!("{pairs:?}"));
    let shown = shown.trim_matches(['[', ']']);
    check(
        old_sparse(&pairs, 600, data.as_bytes()),
        line(600, shown, &data),
    );
    let lines: String = pairs
        .iter()
        .map(|(offset, length)| format!("{offset}\n{length}\n"))
        .collect();
    let lines = format!("60\n{lines}");
    check(
        sparse_lines(&lines.clone(), "600", &data),
        line(600, shown, &data),
    );
    let many = 3000;
    let lines: String = (0..many)
        .map(|place| format!("{}\n1\n", place * 1000))
        .collect();
    let data = "y".repeat(many);
    let archive = sparse_lines(&format!("{many}\n{lines}"), "3000000", &data);
    let entries = parse_in(&archive, 1000).unwrap();
    assert_eq!(entries[0].0.sparse.as_ref().unwrap().len(), many);
    assert_eq!(entries[0].1, data.as_bytes());
}

#[test]
fn bad_sparse_maps() {
    for pairs in [
        &[(10, 3), (5, 2)][..], // backwards
        &[(10, 3), (12, 2)],    // overlapping
        &[(10, 3), (699, 2)],   // past the end
        &[(10, 3)],             // less than the data
        &[(10, 3), (20, 3)],    // more than the data
        &[(0o77_777_777_777, 5)],
    ] {
        refused(&[old_sparse(pairs, 700, b"abcde")], "sparse");
        let list: Vec<String> = pairs.iter().map(|(a, b)| format!("{a},{b}")).collect();
        refused(&[sparse_list(&list.join(","), "700", "abcde")], "sparse");
        let lines: String = pairs.iter().map(|(a, b)| format!("{a}\n{b}\n")).collect();
        refused(
            &[sparse_lines(
                &format!("{}\n{lines}", pairs.len()),
                "700",
                "abcde",
            )],
            "sparse",
        );
    }
    for map in [
        "",
        "10",
        "10,3,600",
        "10,x",
        "10,-3",
        "10, 5",
        "18446744073709551615,5",
        "1,2,",
    ] {
        refused(&[sparse_list(map, "700", "abcde")], "sparse");
    }
    for map in [
        "x\n",
        "-1\n",
        "1\n1\n",
        "1\n1\nx\n",
        "9999999\n",
        "18446744073709551615\n",
        "1",
    ] {
        refused(&[sparse_lines(map, "700", "abcde")], "sparse");
    }
    for size in ["", "x", "-5"] {
        refused(&[sparse_list("0,5", size, "abcde")], "sparse");
        refused(&[sparse_lines("1\n0\n5\n", size, "abcde")], "sparse");
    }
    // Formats that readers do not share, and contradictions.
    let bytes = file("f", "abcde");
    for records in [
        &[("GNU.sparse.size", "5"), ("GNU.sparse.numblocks", "1")][..],
        &[("GNU.sparse.offset", "0"), ("GNU.sparse.numbytes", "5")],
        &[("GNU.sparse.major", "2"), ("GNU.sparse.minor", "0")],
        &[
            ("GNU.sparse.major", "1"),
            ("GNU.sparse.minor", "1"),
            ("GNU.sparse.realsize", "5"),
        ],
        &[
            ("GNU.sparse.map", "0,5"),
            ("GNU.sparse.size", "5"),
            ("GNU.sparse.realsize", "6"),
        ],
        &[("GNU.sparse.map", "0,5")],
    ] {
        refused(&[pax(records), bytes.clone()], "sparse");
    }
    let records = [("GNU.sparse.map", "0,0"), ("GNU.sparse.size", "5")];
    refused(&[pax(&records), Raw::new(b'5', "d").block()], "sparse");
    refused(&[pax(&records), old_sparse(&[(0, 0)], 5, b"")], "sparse");
    // Old GNU's format in a block of another kind, a map without end, one of large numbers.
    let header = old_sparse(&[(0, 5)], 5, b"abcde");
    let raw = Raw(header[..512].try_into().unwrap());
    refused(&[raw.clone().set(257, b"ustar\x0000").block()], "sparse");
    refused(
        &[raw.clone().set(482, [2]).block(), vec![0xff; 512]],
        "sparse",
    );
    refused(
        &[raw.clone().set(482, [2]).block()],
        "in the middle of a sparse map",
    );
    let base256 = b"\x80\0\0\0\0\0\0\0\0\0\0\x05";
    reads(
        &[raw.clone().set(398, base256).block(), padded(b"abcde")],
        &["File f 644 1000:100 size=5 time=1700000000 sparse=[(0, 5)] \"abcde\""],
    );
    refused(
        &[
            raw.set(398, b"\x80\0\0\x01\0\0\0\0\0\0\0\x05").block(),
            padded(b"abcde"),
        ],
        "sparse",
    );
    refused(
        &[sparse_lines("2\n10\n3\n600\n2\n", "700", "abcde")[..2048].to_vec()],
        "middle",
    );
}
