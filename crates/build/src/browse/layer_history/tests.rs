//! What layers do to a path, as tables.

use crossdock_layer::LayerFormat::{self, Linux, Windows};

use super::*;
use crate::browse::layer_text::indexes;

/// The steps of one stored path as `layer change removal`.
#[track_caller]
fn check(format: LayerFormat, layers: &[&[&str]], path: &str, expected: &[&str]) {
    let names = [names_of(path.as_bytes())];
    let histories = path_histories(format, &indexes(layers), &names).unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let fields = |fields: &[FieldChange]| {
        let fields = fields.iter().map(|change| format!(" {:?}", change.field));
        fields.collect::<String>()
    };
    let steps = histories[0].iter().map(|step| {
        let change = match &step.change {
            PathChange::Replaced(changes) => format!("replaced{}", fields(changes)),
            PathChange::Metadata(changes) => format!("metadata{}", fields(changes)),
            other => format!("{other:?}").to_lowercase(),
        };
        let removal = step.removal.as_ref().map_or(String::new(), |removal| {
            let above = if removal.is_above { " above" } else { "" };
            format!(" by {:?} {}{above}", removal.way, text(&removal.path))
        });
        format!("{} {change}{removal}", step.layer)
    });
    assert_eq!(steps.collect::<Vec<_>>(), expected);
}

#[test]
fn files() {
    check(
        Linux,
        &[
            &["f a 1"],
            &["f other 1"],
            &["f a 2"],
            &["f a 2 | mode=600"],
            &["f a 2 | mode=600"],
            &["w .wh.a"],
            &["l a -> other"],
        ],
        "a",
        &[
            "0 added",
            "2 replaced Content",
            "3 metadata Mode",
            "4 repeated",
            "5 removed by Whiteout /a",
            "6 added",
        ],
    );
    check(
        Linux,
        &[&["f a 1"], &["w .wh.a", "f a 22"], &["d a"]],
        "a",
        &[
            "0 added",
            "1 replaced Content Size by Whiteout /a",
            "2 replaced Kind",
        ],
    );
    check(Linux, &[&["f a 1"]], "b", &[]);
    // A link is another name of what is there already.
    check(Linux, &[&["f a 1"], &["h b -> a"]], "b", &["1 added"]);
}

#[test]
fn directories_above() {
    let base: &[&str] = &["d d", "d d/e", "f d/e/a 1"];
    let removed = |layer: &[&str], expected: &str| {
        check(Linux, &[base, layer], "d/e/a", &["0 added", expected]);
    };
    removed(&["w .wh.d"], "1 removed by Whiteout /d above");
    removed(&["w d/.wh.e"], "1 removed by Whiteout /d/e above");
    removed(&["d d", "w d/.wh..wh..opq"], "1 removed by Opaque /d above");
    removed(
        &["d d/e", "w d/e/.wh..wh..opq"],
        "1 removed by Opaque /d/e above",
    );
    removed(&["l d -> x"], "1 removed by Replaced /d above");
    // It began anew with the same.
    check(
        Linux,
        &[base, &["d d", "w d/.wh..wh..opq", "f d/e/a 1"]],
        "d/e/a",
        &["0 added", "1 repeated by Opaque /d above"],
    );
    check(
        Linux,
        &[&["f d/a 1"], &["d d"], &["d d | mode=700"], &["w .wh.d"]],
        "d",
        &[
            "0 implied",
            "1 added",
            "2 metadata Mode",
            "3 removed by Whiteout /d",
        ],
    );
    check(Linux, &[&["d ."], &["f a 1"]], "", &["0 added"]);
}

#[test]
fn windows() {
    check(
        Windows,
        &[
            &["d Files", "f Files/Foo 1"],
            &["d Files", "f Files/fOO 2"],
            &["d Files", "w Files/.wh.FOO"],
        ],
        "Foo",
        &[
            "0 added",
            "1 replaced Content",
            "2 removed by Whiteout C:\\Foo",
        ],
    );
}

#[test]
fn where_something_was() {
    let check = |format, layers: &[&[&str]], path: &str, expected: Option<&str>| {
        let last = last_places(format, &indexes(layers), &[path.as_bytes()]).unwrap();
        assert_eq!(last, [expected.map(|path| names_of(path.as_bytes()))]);
    };
    check(
        Linux,
        &[
            &["d usr", "l lib -> usr", "f usr/a 1"],
            &["w .wh.lib"],
            &["w .wh.usr"],
        ],
        "/lib/a",
        Some("usr/a"),
    );
    check(Linux, &[&["f a 1"], &["w .wh.a"]], "b", None);
    check(
        Windows,
        &[&["d Files", "f Files/A/b 1"], &["d Files", "w Files/.wh.a"]],
        "c:\\a\\B",
        Some("A/b"),
    );
}
