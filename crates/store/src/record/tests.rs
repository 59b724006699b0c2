use proptest::prelude::*;

use super::*;

const KEY: [u8; 32] = [7; 32];

/// Changes a good record and decodes what comes out.
#[track_caller]
fn check(change: impl FnOnce(&mut Vec<u8>), expected: Decoded) {
    let mut bytes = encode(RecordKind::Cache, &KEY, b"payload");
    change(&mut bytes);
    assert_eq!(decode(RecordKind::Cache, &KEY, bytes), expected);
}

#[test]
fn changes() {
    check(|_| (), Decoded::Payload(b"payload".to_vec()));
    check(
        |bytes| bytes.clear(),
        Decoded::Damaged("it is shorter than a header"),
    );
    check(
        |bytes| bytes.truncate(87),
        Decoded::Damaged("it is shorter than a header"),
    );
    check(
        |bytes| bytes.fill(0),
        Decoded::Damaged("it does not begin as a record"),
    );
    check(|bytes| bytes[8] = 2, Decoded::OtherVersion);
    check(
        |bytes| bytes.truncate(90),
        Decoded::Damaged("its checksum is wrong"),
    );
    check(
        |bytes| bytes.push(0),
        Decoded::Damaged("its checksum is wrong"),
    );
    check(
        |bytes| *bytes = encode(RecordKind::LayerIndex, &KEY, b"payload"),
        Decoded::Damaged("it is another record"),
    );
    check(
        |bytes| *bytes = encode(RecordKind::Cache, &[8; 32], b"payload"),
        Decoded::Damaged("it is another record"),
    );
    check(
        |bytes| *bytes = encode(RecordKind::Cache, &KEY, b""),
        Decoded::Payload(Vec::new()),
    );
}

#[test]
fn every_flipped_bit_is_noticed() {
    for at in 0..HEADER + 7 {
        for bit in 0..8 {
            let mut bytes = encode(RecordKind::Cache, &KEY, b"payload");
            bytes[at] ^= 1 << bit;
            let decoded = decode(RecordKind::Cache, &KEY, bytes);
            assert!(
                !matches!(decoded, Decoded::Payload(_)),
                "byte {at}, bit {bit}"
            );
        }
    }
}

/// The bytes that `docs/format/store.md` draws; they may change only with the version.
#[test]
fn golden_bytes() {
    let bytes = encode(RecordKind::Uncompressed, &KEY, b"ab");
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let header = "78646f636b7265630100020000000000020000000000000";
    assert!(hex.starts_with(header), "{hex}");
    assert_eq!(&bytes[24..56], KEY);
    assert_eq!(
        &bytes[56..88],
        blake3::hash(&[&bytes[..56], b"ab"].concat()).as_bytes()
    );
    assert_eq!(&bytes[88..], b"ab");
}

proptest! {
    #[test]
    fn round_trip(key: [u8; 32], payload: Vec<u8>) {
        let bytes = encode(RecordKind::LayerIndex, &key, &payload);
        prop_assert_eq!(decode(RecordKind::LayerIndex, &key, bytes), Decoded::Payload(payload));
    }

    #[test]
    fn anything(mut bytes: Vec<u8>, magic: bool) {
        if magic {
            bytes.splice(..0, *b"xdockrec\x01\0");
        }
        prop_assert!(!matches!(decode(RecordKind::Cache, &KEY, bytes), Decoded::Payload(_)));
    }
}
