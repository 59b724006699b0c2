//! What holds for any archive: no panic, and what is written is read.

use proptest::prelude::*;

use super::sparse::{old_sparse, sparse_lines, sparse_list};
use super::*;

prop_compose! {
    fn text(most: usize)(
        bytes in prop_oneof![
            8 => prop::collection::vec(32..127u8, 1..most),
            1 => prop::collection::vec(1..=255u8, 1..most),
            1 => prop::collection::vec(b'a'..b'c', 90..110),
        ],
    ) -> Vec<u8> {
        bytes
    }
}

fn time() -> impl Strategy<Value = Timestamp> {
    let seconds = prop_oneof![
        0..2_000_000_000i64,
        any::<i64>(),
        Just(i64::MIN),
        Just(0o77_777_777_777),
        Just(0o100_000_000_000),
    ];
    let nanoseconds = prop_oneof![Just(0), 0..1_000_000_000u32];
    (seconds, nanoseconds).prop_map(|(seconds, nanoseconds)| Timestamp {
        seconds,
        nanoseconds,
    })
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..3000u64,
        Just(0o7_777_777),
        Just(0o10_000_000),
        any::<u64>()
    ]
}

prop_compose! {
    fn entry()(
        kind in prop::sample::select(vec![
            TarKind::File, TarKind::HardLink, TarKind::Symlink, TarKind::CharDevice,
            TarKind::BlockDevice, TarKind::Directory, TarKind::Fifo,
        ]),
        mut path in text(300),
        link in text(120),
        mode in 0..=0o177_777u32,
        (uid, gid) in (number(), number()),
        (user, group) in (prop::option::of(text(40)), prop::option::of(text(40))),
        modified in time(),
        device in (0..=0o7_777_777u32, 0..=0o7_777_777u32),
        records in prop::collection::btree_map("[a-z.]{1,9}", prop::collection::vec(any::<u8>(), 0..50), 0..4),
        data in prop::collection::vec(any::<u8>(), 0..1100),
    ) -> (Header, Vec<u8>) {
        if kind != TarKind::Directory {
            while path.ends_with(b"/") {
                path.pop();
            }
            path.push(b'n');
        }
        let mut header = Header::new(kind, path);
        if matches!(kind, TarKind::HardLink | TarKind::Symlink) {
            header.link = link;
        }
        if matches!(kind, TarKind::CharDevice | TarKind::BlockDevice) {
            header.device = device;
        }
        (header.mode, header.uid, header.gid, header.modified) = (mode, uid, gid, modified);
        header.user = user.unwrap_or_default();
        header.group = group.unwrap_or_default();
        // Keys of fields are written from the fields.
        header.records = records.into_iter().map(|(key, value)| (format!("x.{key}").into(), value)).collect();
        let data = if kind == TarKind::File { data } else { vec![] };
        header.size = data.len() as u64;
        (header, data)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_written_is_read(
        entries in prop::collection::vec(entry(), 0..6),
        sizes in prop::collection::vec(1..2000usize, 1..4),
    ) {
        let archive = written(&entries);
        prop_assert_eq!(archive.len() % HEADER_SIZE, 0);
        for size in sizes {
            prop_assert_eq!(&parse_in(&archive, size).unwrap(), &entries);
        }
        prop_assert_eq!(written(&entries), archive);
    }

    #[test]
    fn no_archive_panics(archive in prop::collection::vec(any::<u8>(), 0..3000)) {
        let _ = parse(&archive);
    }

    /// Whatever is read from a spoilt archive is read the same from what is written of it.
    #[test]
    fn no_mutation_panics(
        entries in prop::collection::vec(entry(), 0..4),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        mend in any::<bool>(),
    ) {
        let extras = [
            old_sparse(&[(10, 3), (600, 2)], 700, b"abcde"),
            sparse_lines("2\n10\n3\n600\n2\n", "700", "abcde"),
            sparse_list("10,3,600,2", "700", "abcde"),
            long(b'L', &"n".repeat(200)),
        ];
        let mut archive = [extras.concat(), written(&entries)].concat();
        for (place, byte) in changes {
            let place = place.index(archive.len());
            archive[place] = byte;
            if mend {
                // With a checksum that holds, the change reaches what is behind it.
                let start = place / HEADER_SIZE * HEADER_SIZE;
                let block = archive[start..start + HEADER_SIZE].try_into().unwrap();
                archive[start..start + HEADER_SIZE].copy_from_slice(&Raw(block).block());
            }
        }
        if !mend {
            archive.truncate(cut.index(archive.len()));
        }
        if let Ok(mut entries) = parse(&archive) {
            for (header, data) in &mut entries {
                header.sparse = None;
                header.size = data.len() as u64;
                // What a change left of them is refused where nothing else is sparse.
                let left = header.records.iter().map(|(key, _)| key.to_vec());
                let left: Vec<_> = left.filter(|key| key.starts_with(b"GNU.sparse.")).collect();
                for key in left {
                    header.records.take(&key);
                }
            }
            prop_assert_eq!(parse(&written(&entries)).unwrap(), entries);
        }
    }
}
