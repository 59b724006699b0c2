//! What is lost, as tables.

use crossdock_layer::LayerFormat::{self, Linux, Windows};

use super::*;
use crate::browse::layer_text::indexes;

/// Bytes and wasted bytes of each layer, then the files that are lost.
#[track_caller]
fn check(format: LayerFormat, layers: &[&[&str]], sums: &[(u64, u64)], lost: &[&str]) {
    let waste = layer_waste(format, indexes(layers)).unwrap();
    let found: Vec<(u64, u64)> = waste
        .layers
        .iter()
        .map(|layer| (layer.bytes, layer.wasted))
        .collect();
    assert_eq!(found, sums);
    let files = waste.lost_files(usize::MAX).into_iter().map(|file| {
        let path = String::from_utf8_lossy(&file.path).into_owned();
        let reason = match file.reason {
            LossReason::Copied(fields) => {
                let fields = fields
                    .into_iter()
                    .map(|change| format!("{:?}", change.field));
                format!("copied {}", fields.collect::<Vec<_>>().join(","))
            }
            reason => format!("{reason:?}"),
        };
        format!("{path} {} {}>{} {reason}", file.bytes, file.layer, file.by)
    });
    assert_eq!(files.collect::<Vec<_>>(), lost);
    assert_eq!(waste.lost_count(), lost.len());
    assert_eq!(waste.wasted(), sums.iter().map(|sum| sum.1).sum::<u64>());
}

#[test]
fn reasons() {
    check(
        Linux,
        &[
            &[
                "f a 1",
                "f b 22",
                "f c 333",
                "d d",
                "f d/x 4444",
                "d e",
                "f e/x 55555",
                "d f",
                "f f/x 666666",
                "f kept 7",
            ],
            &[
                "f a 2",
                "w .wh.b",
                "f c 333 | mode=755 uid=5",
                "w .wh.d",
                "d e",
                "w e/.wh..wh..opq",
                "f f file",
            ],
        ],
        &[(22, 21), (8, 0)],
        &[
            "/f/x 6 0>1 DirectoryReplaced",
            "/e/x 5 0>1 DirectoryHidden",
            "/d/x 4 0>1 DirectoryRemoved",
            "/c 3 0>1 copied Mode,Owner",
            "/b 2 0>1 Removed",
            "/a 1 0>1 Overwritten",
        ],
    );
}

#[test]
fn several_layers() {
    // Each layer loses what the next one overwrites; the same again is told as such.
    check(
        Linux,
        &[
            &["f a 12"],
            &["f a 345"],
            &["f a 345"],
            &["w .wh.a"],
            &["f b 1"],
        ],
        &[(2, 2), (3, 3), (3, 3), (0, 0), (1, 0)],
        &[
            "/a 3 1>2 copied ",
            "/a 3 2>3 Removed",
            "/a 2 0>1 Overwritten",
        ],
    );
    // What is removed and put there again in one layer was overwritten.
    check(
        Linux,
        &[
            &["f d/a 12", "f d/b 12"],
            &["d d", "w d/.wh..wh..opq", "f d/a 12", "f d/b 3"],
            &["w d/.wh.b", "f d/b 45"],
        ],
        &[(4, 4), (3, 1), (2, 0)],
        &[
            "/d/a 2 0>1 copied ",
            "/d/b 2 0>1 DirectoryHidden",
            "/d/b 1 1>2 Overwritten",
        ],
    );
    check(Linux, &[], &[], &[]);
}

#[test]
fn names_of_one_file() {
    // It is lost with its last name; a link to what a layer removes keeps it.
    check(
        Linux,
        &[&["f a 123", "h b -> a"], &["w .wh.a"], &["f b 4"]],
        &[(3, 3), (0, 0), (1, 0)],
        &["/b 3 0>2 Overwritten"],
    );
    check(
        Linux,
        &[&["f a 123"], &["w .wh.a", "h c -> a"]],
        &[(3, 0), (0, 0)],
        &[],
    );
    check(
        Linux,
        &[&["f a 123", "h b -> a"], &["h a -> b"]],
        &[(3, 0), (0, 0)],
        &[],
    );
}

#[test]
fn windows() {
    check(
        Windows,
        &[
            &[
                "d Files",
                "f Files/Foo 12",
                "f Files/Foo:s 345",
                "d Hives",
                "f Hives/System 1234",
            ],
            &["d Files", "f Files/foo 12", "d Hives", "f Hives/System 5"],
        ],
        &[(9, 9), (3, 0)],
        &[
            "C:\\Foo 5 0>1 copied Stream([115])",
            r"Hives\System 4 0>1 Overwritten",
        ],
    );
}

#[test]
fn shares() {
    let waste = |layers: &[&[&str]]| layer_waste(Linux, indexes(layers)).unwrap();
    assert_eq!(waste(&[]).efficiency(), 1.0);
    assert_eq!(waste(&[&["f a 1"], &["f a 2"]]).efficiency(), 0.5);
    let many = waste(&[
        &["f a 1", "f b 22", "f c 3"],
        &["w .wh.a", "w .wh.b", "w .wh.c"],
    ]);
    let largest = many.lost_files(1);
    assert_eq!(
        (largest.len(), largest[0].bytes, many.lost_count()),
        (1, 2, 3)
    );
}
