//! Lists of extended attributes.

use super::*;

fn attribute(name: &str, value: &[u8]) -> Xattr {
    (name.into(), value.to_vec())
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    pairs.map(byte).collect()
}

#[test]
fn entries_are_aligned_and_have_their_size() {
    let list = [
        attribute("$LXUID", &1000_u32.to_le_bytes()),
        attribute("A", b"1"),
    ];
    // 8 + 6 + 1 + 4 = 19 bytes, filled up to 20.
    let expected = bytes("1400000000060400244c5855494400e8030000000c0000000001010041003100");
    assert_eq!(encode(&list).unwrap(), expected);
    assert_eq!(decode(&expected).unwrap(), list);
    assert_eq!(encode(&[]).unwrap(), b"");
    assert_eq!(decode(b"").unwrap(), []);
}

#[track_caller]
fn check_decoded(hex: &str, expected: Option<&[Xattr]>) {
    assert_eq!(decode(&bytes(hex)).as_deref(), expected, "{hex}");
}

#[test]
fn other_writers_lists() {
    let one = [attribute("A", b"1")];
    let two = [attribute("A", b"1"), attribute("B", b"")];
    let number = |name, value: u32| attribute(name, &value.to_le_bytes());
    check_decoded(
        "1400000000060400244c5855494400e8030000001400000000060400244c5847494400e803000000\
         0000000000060400244c584d4f4400ed81000000",
        Some(&[
            number("$LXUID", 1000),
            number("$LXGID", 1000),
            number("$LXMOD", 0o100_755),
        ]),
    );
    // The last entry of Windows has no size; others leave the padding away.
    check_decoded("000000000001010041003100", Some(&one));
    check_decoded("0c00000000010100410031", Some(&one));
    check_decoded("0c00000000010100610031000a000000000100004200", Some(&two));
    // Cut in the header, the name, before NUL, in the value; a size that overlaps.
    for broken in [
        "0c00000000",
        "0c00000000050100410031",
        "0c0000000001010041",
        "0c000000000101004131",
        "0c00000000010400410031",
        "080000000001010041003100080000000001010041003100",
    ] {
        check_decoded(broken, None);
    }
}

#[test]
fn what_has_no_room() {
    let check = |name: &str, size: usize, fits: bool| {
        let list = encode(&[attribute(name, &vec![7; size])]);
        assert_eq!(list.is_some(), fits, "{name} {size}");
        if let Some(list) = list {
            assert_eq!(decode(&list).unwrap()[0].1.len(), size);
        }
    };
    check("", 1, false);
    check("A\0B", 1, false);
    check(&"N".repeat(255), 1, true);
    check(&"N".repeat(256), 1, false);
    // 8 + 1 + 1 bytes beside the value, and a multiple of 4.
    check("A", 65_522, true);
    check("A", 65_523, false);
    check("A", 70_000, false);
}
