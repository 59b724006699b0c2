//! Stacking and following, as tables.

use std::collections::HashMap;
use std::sync::Arc;

use crate::entry::LayerFormat::{self, Linux, Windows};
use crate::testing::{index, show, stack, tar, try_stack};
use crate::{StackChange, Tree};

#[track_caller]
fn check(format: LayerFormat, layers: &[&[&str]], expected: &[&str]) {
    let mut blobs = HashMap::new();
    let tree = stack(format, layers, &mut blobs);
    assert_eq!(show(&tree, &blobs), expected);
}

#[track_caller]
fn refuse(format: LayerFormat, layers: &[&[&str]], expected: &str) {
    let error = try_stack(format, layers, &mut HashMap::new()).unwrap_err();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn linux_layers() {
    check(
        Linux,
        &[&["d ./etc/", "f ./etc/a x"]],
        &["d etc", "f etc/a x"],
    );
    // A parent that the tar leaves out.
    check(
        Linux,
        &[&["f usr/x/y 1"]],
        &["d usr (implied)", "d usr/x (implied)", "f usr/x/y 1"],
    );
    // A higher file, a whiteout, an opaque directory.
    check(
        Linux,
        &[
            &["d a", "f a/x 1", "f a/y 1", "d b", "f b/old 1", "f c 1"],
            &[
                "d a",
                "w a/.wh.x",
                "d b",
                "f b/new 2",
                "w b/.wh..wh..opq",
                "w .wh.c",
                "f c 3",
            ],
        ],
        &["d a", "f a/y 1", "d b", "f b/new 2", "f c 3"],
    );
    // AUFS' own files are passed over.
    check(Linux, &[&["w .wh..wh.plnk", "f a 1"]], &["f a 1"]);
    // An entry under a linked directory goes to the real one; a stated directory replaces a link.
    check(
        Linux,
        &[&["d usr", "d usr/bin", "l bin -> usr/bin"], &["f bin/sh 1"]],
        &["l bin -> usr/bin", "d usr", "d usr/bin", "f usr/bin/sh 1"],
    );
    check(
        Linux,
        &[
            &["d usr", "d usr/bin", "l bin -> usr/bin"],
            &["d bin", "f bin/sh 1"],
        ],
        &["d bin", "f bin/sh 1", "d usr", "d usr/bin"],
    );
    check(
        Linux,
        &[
            &["d real", "f real/f 1", "l link -> /real"],
            &["w link/.wh.f"],
        ],
        &["l link -> /real", "d real"],
    );
    // Hard links: backward, forward, chained, to a lower layer, to what the layer whites out.
    check(
        Linux,
        &[&["h b -> c", "h a -> b", "f c 1"], &["h d -> c", "w .wh.c"]],
        &["f a 1 =0", "f b 1 =0", "f d 1 =0"],
    );
    // A link's target is the layer's own file if it has one.
    check(
        Linux,
        &[&["f a 1"], &["h b -> a", "f a 2"]],
        &["f a 2 =0", "f b 2 =0"],
    );
    // A directory may be stated twice; case and odd names are their own.
    check(
        Linux,
        &[&["d a", "d a/", "f A 1", "f x:y 2"]],
        &["f A 1", "d a", "f x:y 2"],
    );
    check(
        Linux,
        &[&["f a 1"], &["d a", "f a/b 2"]],
        &["d a", "f a/b 2"],
    );
    check(Linux, &[&["d a", "f a/b 2"], &["f a 1"]], &["f a 1"]);
}

#[test]
fn linux_refusals() {
    refuse(Linux, &[&["f a 1", "f ./a 2"]], "twice");
    refuse(Linux, &[&["f a 1", "h a -> b", "f b 2"]], "twice");
    refuse(Linux, &[&["h a -> b", "h b -> a"]], "circle");
    refuse(Linux, &[&["h a -> a"]], "circle");
    refuse(Linux, &[&["h a -> nowhere"]], "does not exist");
    refuse(Linux, &[&["d a", "h b -> a"]], "is a directory");
    refuse(Linux, &[&["f a 1", "f a/b 2"]], "not a directory");
    refuse(Linux, &[&["l a -> b", "l b -> a", "f a/x 1"]], "circle");
    refuse(Linux, &[&["w a/.wh."]], "without a name");
    refuse(Linux, &[&["f ../a 1"]], "..");
    refuse(Linux, &[&["f /a 1"]], "absolute");
}

#[test]
fn windows_layers() {
    // Only Files is seen; names differ in case across layers and keep the first spelling.
    check(
        Windows,
        &[
            &[
                "d Hives",
                "d Files",
                "d Files/Windows",
                "f Files/Windows/A.txt 1",
                "d UtilityVM",
            ],
            &[
                "d Files",
                "d Files/WINDOWS",
                "f Files/windows/a.TXT 2",
                "f Files/windows/b 3",
            ],
        ],
        &["d Windows", "f Windows/A.txt 2", "f Windows/b 3"],
    );
    // Whiteouts ignore case too.
    check(
        Windows,
        &[
            &["d Files", "f Files/Foo 1", "f Files/x 1"],
            &["d Files", "w Files/.wh.fOO"],
        ],
        &["f x 1"],
    );
    // Hard links: other case, forward, across UtilityVM, to what the layer whites out.
    check(
        Windows,
        &[
            &[
                "d Files",
                "h Files/l -> Files/INF/A",
                "d Files/inf",
                "f Files/inf/a 1",
                "d UtilityVM",
                "d UtilityVM/Files",
                "f UtilityVM/Files/u 7",
                "h Files/v -> UtilityVM/Files/u",
            ],
            &[
                "d Files",
                "d Files/inf",
                "w Files/inf/.wh.a",
                "h Files/m -> Files/Inf/a",
            ],
        ],
        &["d inf", "f l 1 =0", "f m 1 =0", "f v 7"],
    );
    // Alternate streams follow their owner.
    check(
        Windows,
        &[&[
            "d Files",
            "f Files/a 1",
            "f Files/a:s two",
            "f Files/a:z:$DATA three",
            "f Files/b 4",
        ]],
        &["f a 1 :s=two :z=three", "f b 4"],
    );
    // Windows' own name of an opaque marker is an ordinary whiteout.
    check(
        Windows,
        &[
            &["d Files", "d Files/d", "f Files/d/x 1"],
            &["d Files/d", "w Files/d/.wh..wh..opq"],
        ],
        &["d d", "f d/x 1"],
    );
    check(
        Windows,
        &[&["d Files", "f Files/x 1"], &["d Hives", "w .wh.Files"]],
        &[],
    );
    check(Windows, &[], &[]);
}

#[test]
fn windows_refusals() {
    refuse(
        Windows,
        &[&["d etc", "f etc/a 1"]],
        "written as a Linux layer",
    );
    refuse(
        Windows,
        &[&["d Files", "f Files/a:b 1"]],
        "backslash, colon",
    );
    refuse(
        Windows,
        &[&["d Files", r"f Files/a\b 1"]],
        "backslash, colon",
    );
    refuse(
        Windows,
        &[&["d Files", "f Files/a 1", "f Files/A 2"]],
        "twice",
    );
    refuse(Windows, &[&["d Files", "w Files/.wh.x"]], "base layer");
}

#[test]
fn following() {
    let mut blobs = HashMap::new();
    let linux = stack(
        Linux,
        &[&[
            "d a",
            "f a/f 1",
            "l up -> ../../a",
            "l abs -> /a/f",
            "l loop -> loop",
            "l d -> no/x",
        ]],
        &mut blobs,
    );
    let windows = stack(
        Windows,
        &[&[
            "d Files",
            "d Files/A",
            "f Files/A/F 1",
            r"l Files/up -> ..\..\a",
            r"l Files/abs -> C:\a\f",
            r"l Files/root -> \a\f",
            r"l Files/q -> \\?\c:\A\f",
            r"l Files/d -> D:\a",
            r"l Files/u -> \\s\a",
        ]],
        &mut blobs,
    );
    let check = |tree: &super::Tree, path: &str, expected: Result<&str, &str>| {
        let found = tree.lookup(tree.root(), path.as_bytes(), true);
        let found = found.map(|node| String::from_utf8(tree.path(node)).unwrap());
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{path}"),
            (Err(error), Err(expected)) => {
                assert!(error.to_string().contains(expected), "{path}: {error}");
            }
            (found, _) => panic!("{path}: {found:?}"),
        }
    };
    check(&linux, "up/f", Ok("a/f"));
    check(&linux, "a/../../../a/./f", Ok("a/f"));
    check(&linux, "abs", Ok("a/f"));
    check(&linux, "loop", Err("circle"));
    check(&linux, "loop/x", Err("circle"));
    check(&linux, "d", Err("not found"));
    check(&linux, "a/f/x", Err("not a directory"));
    check(&linux, "A", Err("not found"));
    check(&windows, "UP/f", Ok("A/F"));
    check(&windows, "abs", Ok("A/F"));
    check(&windows, "root", Ok("A/F"));
    check(&windows, "q", Ok("A/F"));
    check(&windows, "d", Err("outside"));
    check(&windows, "u", Err("outside"));
    let resolved = linux.resolve(linux.root(), b"d/y/../z", true).unwrap();
    assert_eq!(
        resolved.missing,
        [b"no".to_vec(), b"x".to_vec(), b"z".to_vec()]
    );
}

#[test]
fn absolute_names() {
    for line in ["f /a 1", "d //a", "h /a -> b", "d /etc/"] {
        for format in [LayerFormat::Linux, LayerFormat::Windows] {
            refuse(
                format,
                &[&["d Files", "f Files/b 1", "f b 1", line]],
                "the name is absolute",
            );
        }
    }
}

/// What a tar gives that is unpacked, and not taken for a layer.
#[test]
fn unpacked_tars() {
    let unpack = |lines: &[&str]| {
        let bytes = tar(lines);
        let index = Arc::new(index(&bytes).unwrap());
        let blobs = HashMap::from([(index.diff_id(), bytes)]);
        Tree::unpacked(index).map(|tree| show(&tree, &blobs))
    };
    let check = |lines: &[&str], expected: &[&str]| {
        assert_eq!(unpack(lines).unwrap(), expected, "{lines:?}");
    };
    let refuse = |lines: &[&str], expected: &str| {
        let error = unpack(lines).unwrap_err().to_string();
        assert!(error.contains(expected), "{lines:?}: {error}");
    };
    check(
        &["d ./", "d ./a/", "f ./a/x 1", "f top/y 2"],
        &["d a", "f a/x 1", "d top (implied)", "f top/y 2"],
    );
    check(
        &["f /a 1", "d /d/", "h /d/b -> /a"],
        &["f a 1 =0", "d d", "f d/b 1 =0"],
    );
    // Names of whiteouts are names.
    check(
        &["f a 1", "f .wh.a 2", "d d", "f d/x 1", "f d/.wh..wh..opq 3"],
        &["f .wh.a 2", "f a 1", "d d", "f d/.wh..wh..opq 3", "f d/x 1"],
    );
    // The last of a name counts, and what was linked before stays what it was.
    check(
        &["f a 1", "h b -> a", "f a 2", "l b2 -> a", "f b2 3"],
        &["f a 2", "f b 1", "f b2 3"],
    );
    check(&["d a", "f a/x 1", "f a 2"], &["f a 2"]);
    check(&["f a 2", "d a", "f a/x 1"], &["d a", "f a/x 1"]);
    check(&["f a 1", "h b -> a"], &["f a 1 =0", "f b 1 =0"]);
    // Links are followed inside only.
    check(
        &["d d", "l l -> /d", "f l/x 1", "l out -> ../..", "f out/y 2"],
        &["d d", "f d/x 1", "l l -> /d", "l out -> ../..", "f y 2"],
    );
    refuse(
        &["h b -> a", "f a 1"],
        "hard link to \"a\", which does not exist",
    );
    refuse(&["d a", "h b -> a"], "which is a directory");
    refuse(&["f a 1", "f a/b 2"], "is not a directory");
    refuse(&["l a -> b", "l b -> a", "f a/x 1"], "circle");
}

/// What a second layer does, as `- path` and what is below it, `= path` (what is below stays),
/// `~ path` (what is below goes) and `+ path`.
#[track_caller]
fn check_changes(format: LayerFormat, layers: [&[&str]; 2], expected: &[&str]) {
    let mut tree = stack(format, &[layers[0]], &mut HashMap::new());
    let mut told = Vec::new();
    let above = Arc::new(index(&tar(layers[1])).unwrap());
    let watch = &mut |tree: &Tree, change| {
        let (letter, node) = match change {
            StackChange::Removed { node, is_opaque } => (if is_opaque { 'o' } else { '-' }, node),
            StackChange::Replaced {
                node,
                keeps_children,
                ..
            } => (if keeps_children { '=' } else { '~' }, node),
            StackChange::Added { node } => ('+', node),
        };
        let below = tree.walk(node).skip(1).count();
        let path = String::from_utf8_lossy(&tree.path(node)).into_owned();
        told.push(format!("{letter} {path} {below}"));
    };
    tree.add_layer_watched(above, watch).unwrap();
    assert_eq!(told, expected);
}

#[test]
fn changes_of_a_layer() {
    check_changes(
        Linux,
        [
            &[
                "d a",
                "d a/b",
                "f a/b/x 1",
                "f c 1",
                "d d",
                "f d/y 1",
                "f e 1",
            ],
            &[
                "d a",
                "w a/.wh.b",
                "w .wh.nothing",
                "d d",
                "w d/.wh..wh..opq",
                "f d/z 2",
                "d c",
                "f new/file 1",
                "h e -> d/z",
            ],
        ],
        &[
            "- a/b 1",
            "o d/y 0",
            "= a 0",
            "= d 0",
            "+ d/z 0",
            "~ c 0",
            "+ new/file 0",
            "~ e 0",
        ],
    );
    // A file in place of a directory takes what was in it along.
    check_changes(
        Linux,
        [&["d a", "f a/x 1", "f a/y 1"], &["f a 1"]],
        &["~ a 2"],
    );
    // Case does not count, and the root is only emptied.
    check_changes(
        Windows,
        [
            &["d Files", "f Files/Foo 1", "d Hives"],
            &["d Hives", "w Files/.wh.fOO"],
        ],
        &["- Foo 0", "= Hives 0"],
    );
    check_changes(
        Windows,
        [
            &["d Files", "f Files/x 1"],
            &["d Files", "f Files/X 2", "w .wh.Files"],
        ],
        &["-  1", "=  0", "+ X 0"],
    );
}

#[test]
fn stored_bytes() {
    let check = |format, layer: &[&str], path: &[u8], expected| {
        let tree = stack(format, &[layer], &mut HashMap::new());
        let node = tree.lookup(tree.root(), path, false).unwrap();
        assert_eq!(tree.stored_bytes(tree.source(node)), expected);
    };
    check(Linux, &["f a 12345"], b"a", 5);
    check(Linux, &["f d/a 12345"], b"d", 0);
    check(Linux, &["f a 12345", "h b -> a"], b"b", 5);
    check(
        Windows,
        &["f Files/a 12345", "f Files/a:s 12", "f Files/b 1"],
        b"a",
        7,
    );
}
