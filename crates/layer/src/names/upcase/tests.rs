use super::*;

#[test]
fn equal_names() {
    for (left, right, equal) in [
        ("Makefile", "makefile", true),
        ("a_Z", "A_z", true),
        ("[", "{", false),
        ("É", "é", true),
        ("Σ", "σ", true),
        ("Σ", "ς", false),
        ("ÿ", "Ÿ", true),
        ("ß", "SS", false),
        ("ß", "ẞ", false),
        ("ﬁ", "FI", false),
        ("ŉ", "ʼN", false),
        ("s", "ſ", false),
        ("I", "ı", false),
        ("i", "İ", false),
        ("k", "\u{212A}", false),
        ("µ", "Μ", false),
        ("ǆ", "Ǆ", true),
        ("ǅ", "Ǆ", false),
        ("ᾀ", "ᾈ", true),
        ("ᾳ", "ᾼ", true),
        ("ж", "Ж", true),
        ("ა", "Ა", true),
        ("ⅷ", "Ⅷ", true),
        ("ⓐ", "Ⓐ", true),
        ("ａ", "Ａ", true),
        // Outside the BMP a character is two units, and neither has a case.
        ("𐐨", "𐐀", false),
        // Not normalised: NTFS compares units.
        ("é", "e\u{301}", false),
    ] {
        let (left, right) = (left.as_bytes(), right.as_bytes());
        assert_eq!(eq_ignore_case(left, right), equal, "{left:?} {right:?}");
        assert_eq!(upcase(left) == upcase(right), equal, "{left:?} {right:?}");
    }
}

#[test]
fn bytes_that_are_not_utf8_have_no_case() {
    assert_eq!(upcase(b"a\xe9\xff\xed\xa0\x80z"), b"A\xe9\xff\xed\xa0\x80Z");
    assert!(!eq_ignore_case(b"\xe9", b"\xc9"));
}

#[test]
fn the_table_is_sorted_and_final() {
    for pair in RANGES.windows(2) {
        assert!(pair[0].1 < pair[1].0, "{pair:04x?}");
    }
    for &(first, last, step, _) in RANGES {
        assert!(first <= last && (last - first).is_multiple_of(u16::from(step)));
    }
    for code in 0..=u16::MAX {
        let upper = upcase_unit(code);
        assert_eq!(upcase_unit(upper), upper, "{code:04x}");
    }
}

/// Mappings that the `$UpCase` of mkfs.ntfs 2022.10.3 does not have: `(first, last, step)`.
///
/// `tools/upcase.py --compare` lists them.
const NOT_IN_MKFS: &[(u16, u16, u16)] = &[
    (0x023f, 0x0240, 1),
    (0x0252, 0x0252, 1),
    (0x025c, 0x025c, 1),
    (0x0261, 0x0261, 1),
    (0x0265, 0x0266, 1),
    (0x026a, 0x026c, 2),
    (0x0282, 0x0282, 1),
    (0x0287, 0x0287, 1),
    (0x029d, 0x029e, 1),
    (0x03f3, 0x03f3, 1),
    (0x0525, 0x052f, 2),
    (0x10d0, 0x10fa, 1),
    (0x10fd, 0x10ff, 1),
    (0x13f8, 0x13fd, 1),
    (0x1d8e, 0x1d8e, 1),
    (0x2c5f, 0x2c5f, 1),
    (0x2cec, 0x2cee, 2),
    (0x2cf3, 0x2cf3, 1),
    (0x2d27, 0x2d27, 1),
    (0x2d2d, 0x2d2d, 1),
    (0xa661, 0xa661, 1),
    (0xa699, 0xa69b, 2),
    (0xa791, 0xa793, 2),
    (0xa794, 0xa794, 1),
    (0xa797, 0xa7a9, 2),
    (0xa7b5, 0xa7c3, 2),
    (0xa7c8, 0xa7ca, 2),
    (0xa7d1, 0xa7d1, 1),
    (0xa7d7, 0xa7d9, 2),
    (0xa7f6, 0xa7f6, 1),
    (0xab53, 0xab53, 1),
    (0xab70, 0xabbf, 1),
];

#[test]
fn differences_from_the_table_of_mkfs_ntfs() {
    use sha2::Digest;

    let mut table: Vec<u16> = (0..=u16::MAX).map(upcase_unit).collect();
    assert_eq!(mapped(&table), 1163);
    for &(first, last, step) in NOT_IN_MKFS {
        for code in (first..=last).step_by(step.into()) {
            assert_ne!(table[usize::from(code)], code, "{code:04x}");
            table[usize::from(code)] = code;
        }
    }
    assert_eq!(mapped(&table), 973);
    let bytes: Vec<u8> = table.iter().flat_map(|code| code.to_le_bytes()).collect();
    let hash: String = sha2::Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        hash,
        "41c26bc7a12bdaeb26025c93118697c7e3ef81ee048b00fe5cce2a472e0e0742"
    );
}

fn mapped(table: &[u16]) -> usize {
    (0..=u16::MAX)
        .zip(table)
        .filter(|(code, upper)| code != *upper)
        .count()
}
