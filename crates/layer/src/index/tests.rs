//! Index files: what is written is read, and nothing else is.

use std::sync::LazyLock;

use crossdock_image::{DiffId, Digest};
use proptest::prelude::*;

use super::{Extent, HEADER, IndexWriter, LayerIndex, RECORD};
use crate::Timestamp;
use crate::tar::{Header, TarKind};

fn diff_id() -> DiffId {
    DiffId::new(Digest::of(b"a tar"))
}

/// A header in which every field differs from every other.
fn full() -> Header {
    let mut header = Header::new(TarKind::File, "path/of/it");
    header.mode = 0o104_755;
    header.uid = 1 << 40;
    header.gid = 7;
    header.user = b"user".to_vec();
    header.group = b"group".to_vec();
    header.size = 5000;
    header.modified = Timestamp {
        seconds: -2,
        nanoseconds: 999_999_999,
    };
    header.records.set("a", "1");
    header.records.set("SCHILY.xattr.user.x", "\0=\n");
    header.records.set("empty", "");
    header.sparse = Some(vec![(0, 3), (4000, 4)]);
    header
}

fn device() -> Header {
    let mut header = Header::new(TarKind::CharDevice, "dev");
    header.device = (u32::MAX, 3);
    header
}

fn link() -> Header {
    let mut header = Header::new(TarKind::HardLink, "link");
    header.link = b"path/of/it".to_vec();
    header
}

fn write(entries: &[(Header, Extent)], tar_size: u64) -> LayerIndex {
    let mut writer = IndexWriter::default();
    for (place, (header, extent)) in entries.iter().enumerate() {
        writer.add(header, *extent, &[place as u8; 32]).unwrap();
    }
    writer.finish(&diff_id(), tar_size)
}

fn extent(offset: u64, length: u64) -> Extent {
    Extent { offset, length }
}

static SMALL: LazyLock<LayerIndex> = LazyLock::new(|| {
    let entries = [
        (full(), extent(1024, 7)),
        (device(), extent(2048, 0)),
        (link(), extent(2560, 0)),
    ];
    write(&entries, 4096)
});

fn refused(bytes: Vec<u8>) -> &'static str {
    LayerIndex::open(bytes).expect_err("not refused").reason
}

/// The bytes with checksums that hold, so that what is behind them is looked at.
fn mend(mut bytes: Vec<u8>) -> Vec<u8> {
    let content = *blake3::hash(&bytes[HEADER..]).as_bytes();
    bytes[72..104].copy_from_slice(&content);
    let header = *blake3::hash(&bytes[..HEADER - 8]).as_bytes();
    bytes[HEADER - 8..HEADER].copy_from_slice(&header[..8]);
    bytes
}

#[test]
fn round_trip() {
    let index = LayerIndex::open(SMALL.as_bytes().to_vec()).unwrap();
    assert_eq!(index.as_bytes(), SMALL.as_bytes());
    assert_eq!((index.len(), index.is_empty()), (3, false));
    assert_eq!((index.diff_id(), index.tar_size()), (diff_id(), 4096));
    for (entry, header) in index.entries().zip([full(), device(), link()]) {
        assert_eq!(entry.header(), header);
    }
    let entry = index.entry(0);
    assert_eq!(entry.extent(), extent(1024, 7));
    assert_eq!(index.entry(2).hash(), [2; 32]);
    assert_eq!(entry.record(b"SCHILY.xattr.user.x"), Some(&b"\0=\n"[..]));
    assert_eq!(entry.record(b"empty"), Some(&b""[..]));
    assert_eq!(entry.record(b"b"), None);
    let empty = write(&[], 0);
    assert_eq!(empty.as_bytes().len(), HEADER);
    assert!(
        LayerIndex::open(empty.as_bytes().to_vec())
            .unwrap()
            .is_empty()
    );
}

/// The bytes of `docs/format/index.md`.
#[test]
fn offsets() {
    let bytes = SMALL.as_bytes();
    let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let u64_at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    assert_eq!(&bytes[..8], b"XDOCKIDX");
    assert_eq!((u32_at(8), u32_at(12)), (1, 152));
    let heap = bytes.len() - 128 - 3 * 152;
    assert_eq!((u64_at(16), u64_at(24), u64_at(32)), (3, heap as u64, 4096));
    assert_eq!(&bytes[40..72], diff_id().digest().as_bytes());
    assert_eq!(&bytes[72..104], blake3::hash(&bytes[128..]).as_bytes());
    assert_eq!(&bytes[104..120], [0; 16]);
    assert_eq!(
        &bytes[120..128],
        &blake3::hash(&bytes[..120]).as_bytes()[..8]
    );
    let heap = &bytes[128 + 3 * 152..];
    let in_heap = |at: usize| {
        let offset = u32_at(at) as usize;
        &heap[offset..offset + u32_at(at + 4) as usize]
    };
    let record = 128;
    assert_eq!(in_heap(record), b"path/of/it");
    assert_eq!(in_heap(record + 8), b"");
    assert_eq!(in_heap(record + 16).len(), 3 * 16);
    assert_eq!(in_heap(record + 24), b"user");
    assert_eq!(in_heap(record + 32), b"group");
    let segments = [0u64, 3, 4000, 4].map(u64::to_le_bytes).concat();
    assert_eq!(in_heap(record + 40), segments);
    assert_eq!(bytes[record + 48..record + 52], *b"0\x01\0\0");
    assert_eq!(u32_at(record + 52), 0o104_755);
    assert_eq!((u64_at(record + 56), u64_at(record + 64)), (1 << 40, 7));
    assert_eq!(u64_at(record + 72) as i64, -2);
    assert_eq!(u32_at(record + 80), 999_999_999);
    assert_eq!(u32_at(record + 152 + 84), u32::MAX);
    assert_eq!(u32_at(record + 152 + 88), 3);
    assert_eq!(u32_at(record + 92), 0);
    assert_eq!((u64_at(record + 96), u64_at(record + 104)), (1024, 7));
    assert_eq!(u64_at(record + 112), 5000);
    assert_eq!(bytes[record + 2 * 152 + 120..record + 3 * 152], [2; 32]);
    // Texts stand in the heap once: the link's target is the file's name.
    assert_eq!(u32_at(record + 2 * 152 + 8), u32_at(record));
}

#[test]
fn every_flipped_bit_is_seen() {
    for place in 0..SMALL.as_bytes().len() {
        for bit in 0..8 {
            let mut bytes = SMALL.as_bytes().to_vec();
            bytes[place] ^= 1 << bit;
            refused(bytes);
        }
    }
}

#[test]
fn other_files() {
    let bytes = SMALL.as_bytes();
    for length in 0..bytes.len() {
        refused(bytes[..length].to_vec());
    }
    refused([bytes, b"x"].concat());
    assert_eq!(refused(b"PK".repeat(100)), "not a layer index");
    let changed = |at: usize, value: &[u8]| {
        let mut bytes = bytes.to_vec();
        bytes[at..at + value.len()].copy_from_slice(value);
        refused(mend(bytes))
    };
    assert_eq!(changed(8, &[2]), "of another version");
    assert_eq!(changed(12, &[160]), "of another version");
    for at in [16, 24] {
        for value in [0, 1, 4, u64::MAX, u64::MAX / 152] {
            let length = "of another length than its header says";
            assert_eq!(changed(at, &value.to_le_bytes()), length);
        }
    }
}

/// Records that point somewhere else, under checksums that hold.
#[test]
fn unsound_records() {
    let check = |record: usize, at: usize, value: &[u8]| {
        let mut bytes = SMALL.as_bytes().to_vec();
        let start = HEADER + record * RECORD + at;
        bytes[start..start + value.len()].copy_from_slice(value);
        let reason = refused(mend(bytes));
        assert_eq!(reason, "an entry points outside the file", "{record}, {at}");
    };
    let far = u32::MAX.to_le_bytes();
    for at in (0..48).step_by(4) {
        check(0, at, &far);
    }
    check(0, 20, &15u32.to_le_bytes()); // records and segments come in sixteens
    check(0, 44, &8u32.to_le_bytes());
    check(0, 48, b"x"); // a kind that is none
    check(0, 49, &[0]); // seven bytes of a file of 5000
    check(0, 80, &1_000_000_000u32.to_le_bytes());
    check(0, 96, &4090u64.to_le_bytes()); // past the end of the tar
    check(0, 96, &u64::MAX.to_le_bytes());
    check(0, 104, &8u64.to_le_bytes()); // more than the segments
    check(0, 112, &4003u64.to_le_bytes()); // segments past the end of the file
    check(1, 104, &1u64.to_le_bytes()); // a device with content
    check(2, 104, &1u64.to_le_bytes());
    for segments in [[(4, 3), (0, 4)], [(0, 3), (2, 4)], [(0, 3), (u64::MAX, 4)]] {
        let mut header = full();
        header.sparse = Some(segments.to_vec());
        let index = write(&[(header, extent(0, 7))], 4096);
        refused(index.as_bytes().to_vec());
    }
    let mut header = full();
    header.records.set("", "a key");
    let index = write(&[(header, extent(0, 7))], 4096);
    refused(index.as_bytes().to_vec());
}

/// Opens and looks at everything.
fn walk(bytes: Vec<u8>) {
    if let Ok(index) = LayerIndex::open(bytes) {
        for entry in index.entries() {
            let _ = (entry.header(), entry.extent(), entry.hash());
        }
    }
}

proptest! {
    #[test]
    fn no_file_panics(
        tail in prop::collection::vec(any::<u8>(), 0..600),
        count in 0..4u64,
        whole in any::<bool>(),
    ) {
        walk(tail.clone());
        let mut bytes = SMALL.as_bytes()[..HEADER].to_vec();
        bytes.extend(&tail);
        if whole {
            let heap = (tail.len() as u64).wrapping_sub(count * RECORD as u64);
            bytes[16..24].copy_from_slice(&count.to_le_bytes());
            bytes[24..32].copy_from_slice(&heap.to_le_bytes());
        }
        walk(mend(bytes));
    }

    #[test]
    fn no_change_panics(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let mut bytes = SMALL.as_bytes().to_vec();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        walk(bytes.clone());
        walk(mend(bytes));
    }
}
