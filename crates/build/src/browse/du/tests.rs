//! Sums by directory, as tables.

use crossdock_layer::LayerFormat::{self, Linux, Windows};

use super::*;
use crate::browse::find_path;
use crate::browse::layer_text::tree;

/// Rows as `path bytes files directories`, the total as the last.
#[track_caller]
fn check(
    format: LayerFormat,
    layers: &[&[&str]],
    start: &str,
    (depth, files): (usize, bool),
    expected: &[&str],
) {
    let tree = tree(format, layers);
    let node = find_path(&tree, start.as_bytes(), true).unwrap().node;
    let usage = disk_usage(&tree, node, UsageOptions { depth, files });
    let row = |row: &UsageRow| {
        let path = String::from_utf8_lossy(&row.path);
        let Usage {
            bytes,
            files,
            directories,
        } = row.usage;
        format!("{path} {bytes} {files} {directories}")
    };
    let rows: Vec<String> = usage.rows.iter().chain([&usage.total]).map(row).collect();
    assert_eq!(rows, expected);
}

#[test]
fn directories() {
    let layers: &[&[&str]] = &[
        &[
            "d a",
            "f a/x 12345",
            "d a/b",
            "f a/b/y 123",
            "d c",
            "f c/z 1234567890",
            "f top 1",
        ],
        &["f a/x 12"],
    ];
    check(
        Linux,
        layers,
        "/",
        (1, false),
        &["/c 10 1 1", "/a 5 2 2", "/ 16 4 4"],
    );
    check(Linux, layers, "/", (0, false), &["/ 16 4 4"]);
    check(
        Linux,
        layers,
        "a",
        (9, true),
        &["/a/b 3 1 1", "/a/b/y 3 1 0", "/a/x 2 1 0", "/a 5 2 2"],
    );
    check(
        Linux,
        layers,
        "/",
        (1, true),
        &["/c 10 1 1", "/a 5 2 2", "/top 1 1 0", "/ 16 4 4"],
    );
    check(Linux, layers, "/top", (1, false), &["/top 1 1 0"]);
    check(Linux, &[], "/", (1, false), &["/ 0 0 1"]);
}

#[test]
fn hard_links_count_once() {
    check(
        Linux,
        &[&["f a/x 123", "h a/y -> a/x", "h b/z -> a/x", "l b/l -> z"]],
        "/",
        (1, false),
        &["/a 3 1 1", "/b 0 1 1", "/ 3 2 3"],
    );
    // Where the other name is elsewhere, the file counts.
    check(
        Linux,
        &[&["f a/x 123", "h b/z -> a/x"]],
        "b",
        (1, false),
        &["/b 3 1 1"],
    );
}

#[test]
fn beside_the_root_of_windows() {
    let layers: &[&[&str]] = &[&[
        "d Files",
        "f Files/a 1234",
        "f Files/a:s 56",
        "d Hives",
        "f Hives/System_Delta 12345",
        "d UtilityVM",
        "h UtilityVM/b -> Files/a",
    ]];
    check(
        Windows,
        layers,
        "C:\\",
        (1, false),
        &["Hives 5 1 1", "UtilityVM 0 0 1", "C:\\ 11 2 3"],
    );
    check(Windows, layers, "C:\\A", (1, false), &["C:\\a 6 1 0"]);
}
