//! Plain tars have a point every 4 MiB, which is all that matters here.

use std::io::{Read, repeat};

use crossdock_layer::{Checkpoints, Decompressor};

use super::spans;

const SPAN: u64 = 4 << 20;

fn points(size: u64) -> Checkpoints {
    let mut reader = Decompressor::recording(repeat(b'x').take(size)).unwrap();
    std::io::copy(&mut reader, &mut std::io::sink()).unwrap();
    reader.into_checkpoints(size)
}

#[test]
fn parts() {
    let points = points(100 * SPAN);
    type Extents<'a> = &'a [(u64, u64)];
    let check = |extents: Extents<'_>, least, expected: &[(u64, Extents<'_>)]| {
        let found = spans(extents, Some(&points), least).unwrap();
        let found: Vec<_> = found.iter().map(|s| (s.start(), s.pieces())).collect();
        assert_eq!(found, expected, "{extents:?}");
    };
    check(&[], 0, &[]);
    check(&[(7, 0)], 0, &[]);
    check(&[(7, 5)], 0, &[(0, &[(7, 5)])]);
    check(&[(7, 5), (20, 1)], 0, &[(0, &[(7, 5), (20, 1)])]);
    // A large file is parted at points, and what follows goes with its end.
    check(
        &[(10, 2 * SPAN), (2 * SPAN + 50, 1)],
        0,
        &[
            (0, &[(10, SPAN - 10)]),
            (SPAN, &[(SPAN, SPAN)]),
            (2 * SPAN, &[(2 * SPAN, 10), (2 * SPAN + 50, 1)]),
        ],
    );
    // Not if that makes too little work for each.
    check(
        &[(10, 2 * SPAN), (2 * SPAN + 50, 1)],
        50 * SPAN,
        &[(0, &[(10, 2 * SPAN), (2 * SPAN + 50, 1)])],
    );
    // What is not wanted is not read, however little is to be done.
    check(
        &[(1, 1), (9 * SPAN + 1, 1), (9 * SPAN + 9, 1)],
        50 * SPAN,
        &[
            (0, &[(1, 1)]),
            (9 * SPAN, &[(9 * SPAN + 1, 1), (9 * SPAN + 9, 1)]),
        ],
    );
    // However much is enough.
    check(
        &[(9 * SPAN + 1, 7)],
        u64::MAX,
        &[(9 * SPAN, &[(9 * SPAN + 1, 7)])],
    );
    let one = spans(&[(10, 2 * SPAN), (7 * SPAN, 1)], None, 0).unwrap();
    assert_eq!(one.len(), 1);
    assert_eq!((one[0].start(), one[0].cost()), (0, 7 * SPAN + 1));
    assert_eq!(one[0].length(), 2 * SPAN + 1);
    assert!(spans(&[(10, 5), (12, 1)], Some(&points), 0).is_err());
    assert!(spans(&[(u64::MAX, 2)], None, 0).is_err());
}
