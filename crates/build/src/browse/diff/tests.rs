//! What layers differ in; [`layer_text`](crate::browse::layer_text) has the notation.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use crossdock_image::Config;
use crossdock_layer::LayerFormat;
use serde_json::json;

use super::walk::Known;
use super::*;
use crate::browse::layer_text::index;

const LINUX: LayerFormat = LayerFormat::Linux;
const WINDOWS: LayerFormat = LayerFormat::Windows;

/// The layers of an image.
type Layers<'l> = &'l [&'l [&'l str]];

fn stack(format: LayerFormat, layers: Layers<'_>) -> Tree {
    Tree::stack(format, layers.iter().map(|lines| index(lines))).unwrap()
}

fn text(value: &Option<FieldValue>) -> String {
    match value {
        None => "-".to_owned(),
        Some(FieldValue::Text(text)) => String::from_utf8(text.clone()).unwrap(),
        Some(FieldValue::Size(bytes)) => bytes.to_string(),
        Some(FieldValue::Mode(mode)) => format!("{mode:o}"),
        Some(FieldValue::Attributes(bits)) => format!("{bits:x}"),
        Some(FieldValue::Owner(a, b)) => format!("{a}:{b}"),
        Some(FieldValue::Device(a, b)) => format!("{a}:{b}"),
        Some(FieldValue::Time(time)) => time.to_string(),
        Some(FieldValue::Hash(_)) => "#".to_owned(),
    }
}

fn line(change: &Change) -> String {
    let letter = match change.kind {
        ChangeKind::Added => 'A',
        ChangeKind::Removed => 'D',
        ChangeKind::Changed => 'M',
        ChangeKind::Renamed => 'R',
    };
    let mut line = String::from(letter);
    for path in change.old_path.iter().chain([&change.path]) {
        write!(line, " {}", String::from_utf8(path.clone()).unwrap()).unwrap();
    }
    if change.below > 0 {
        write!(line, " +{}", change.below).unwrap();
    }
    if change.bytes > 0 {
        write!(line, " {}B", change.bytes).unwrap();
    }
    for field in &change.fields {
        let name = match &field.field {
            Field::Xattr(name) | Field::Stream(name) | Field::ExtendedAttribute(name) => {
                String::from_utf8(name.clone()).unwrap()
            }
            field => format!("{field:?}"),
        };
        write!(line, "; {name} {}>{}", text(&field.from), text(&field.to)).unwrap();
    }
    line
}

fn lines(diff: &Diff) -> Vec<String> {
    diff.changes.iter().map(line).collect()
}

/// Compares with what the layers have in common and without: the answers are the same.
#[track_caller]
fn diff_of(
    old: (LayerFormat, Layers<'_>),
    new: (LayerFormat, Layers<'_>),
    paths: &[&str],
    options: &DiffOptions,
) -> Result<Diff, String> {
    let (old, new) = (stack(old.0, old.1), stack(new.0, new.1));
    let paths: Vec<DiffPath> = paths
        .iter()
        .map(|path| DiffPath::same(path.as_bytes()))
        .collect();
    let compared = |known| compare_knowing((&old, "old"), (&new, "new"), &paths, options, known);
    let quick = compared(Known::of(&old, &new)).map_err(|error| error.to_string());
    let slow = compared(Known::nothing()).map_err(|error| error.to_string());
    assert_eq!(quick, slow);
    quick
}

#[track_caller]
fn check(format: LayerFormat, old: Layers<'_>, new: Layers<'_>, expected: &[&str]) -> Diff {
    check_with(format, old, new, &DiffOptions::default(), expected)
}

#[track_caller]
fn check_with(
    format: LayerFormat,
    old: Layers<'_>,
    new: Layers<'_>,
    options: &DiffOptions,
    expected: &[&str],
) -> Diff {
    let diff = diff_of((format, old), (format, new), &[], options).unwrap();
    assert_eq!(lines(&diff), expected);
    diff
}

/// Linux against Windows, and the other way.
#[track_caller]
fn check_across(linux: Layers<'_>, windows: Layers<'_>, expected: &[&str], foreign: u64) {
    let options = DiffOptions::default();
    let diff = diff_of((LINUX, linux), (WINDOWS, windows), &[], &options).unwrap();
    assert_eq!(lines(&diff), expected);
    assert_eq!(diff.not_compared.foreign, foreign);
    let back = diff_of((WINDOWS, windows), (LINUX, linux), &[], &options).unwrap();
    assert_eq!(back.changes.len(), expected.len());
    assert_eq!(back.not_compared.foreign, foreign);
}

#[test]
fn what_is_added_removed_and_changed() {
    let base = &[
        "d etc",
        "f etc/a a",
        "f etc/b bb",
        "l etc/l -> a",
        "c null 1:3",
    ][..];
    check(LINUX, &[base], &[base], &[]);
    let diff = check(
        LINUX,
        &[base],
        &[
            base,
            &[
                "f etc/a A!",
                "f etc/c ccc",
                "w etc/.wh.b",
                "l etc/l -> c",
                "c null 1:5",
            ],
        ],
        &[
            "M /etc/a; Content #>#; Size 1>2",
            "D /etc/b 2B",
            "A /etc/c 3B",
            "M /etc/l; Link a>c",
            "M /null; Device 1:3>1:5",
        ],
    );
    let expected = DiffTotals {
        added: 1,
        added_bytes: 3,
        removed: 1,
        removed_bytes: 2,
        changed: 3,
        changed_bytes: 1,
        renamed: 0,
    };
    assert_eq!(diff.totals, expected);
    // Another kind: what was beneath is gone.
    check(
        LINUX,
        &[&["d x", "f x/a a", "f x/b b"]],
        &[&["f x y"]],
        &["M /x; Kind directory>file", "D /x/a 1B", "D /x/b 1B"],
    );
    check(
        LINUX,
        &[&["f x y"]],
        &[&["l x -> y"]],
        &["M /x; Kind file>symbolic link"],
    );
    check(LINUX, &[], &[&["f x y"]], &["A /x 1B"]);
    check(LINUX, &[], &[], &[]);
    // The same bytes in other layers, and compressed with holes, are the same.
    check(
        LINUX,
        &[&["f a 1", "f b 2"]],
        &[&["f b 2"], &["f a 1"]],
        &[],
    );
}

#[test]
fn metadata_of_linux() {
    let check_one = |old: &str, new: &str, expected: &str| {
        check(LINUX, &[&[old]], &[&[new]], &[expected]);
    };
    check_one("f x", "f x | mode=4755", "M /x; Mode 644>4755");
    check_one("f x", "f x | owner=1:2", "M /x; Owner 0:0>1:2");
    check_one("f x | time=5", "f x | time=5.5", "M /x; Modified 5>5.5");
    check_one(
        "f x | user=root",
        "f x | user=toor",
        "M /x; OwnerNames root:>toor:",
    );
    check_one(
        "f x | SCHILY.xattr.user.a=1 SCHILY.xattr.user.b=2",
        "f x | SCHILY.xattr.user.b=3 SCHILY.xattr.user.c=4",
        "M /x; user.a 1>-; user.b 2>3; user.c ->4",
    );
    check_one("f x | atime=1", "f x | atime=2", "M /x; Accessed 1>2");
    check_one(
        "f x",
        "f x | CROSSDOCK.origin=win32",
        "M /x; Origin posix>win32",
    );
    // What one side does not say is no difference, and a link has no mode.
    check(LINUX, &[&["f x | atime=1"]], &[&["f x"]], &[]);
    check(LINUX, &[&["f x | user=root"]], &[&["f x"]], &[]);
    check(
        LINUX,
        &[&["l x -> y | mode=777"]],
        &[&["l x -> y | mode=755"]],
        &[],
    );
    let (stated, implied) = (&["d a", "f a/x"][..], &["f a/x"][..]);
    let diff = check(LINUX, &[stated], &[implied], &[]);
    assert_eq!(diff.not_compared.unstated, 1);
    let options = DiffOptions {
        ignored: DiffTopic::METADATA.into(),
        ..DiffOptions::default()
    };
    let diff = check_with(LINUX, &[stated], &[implied], &options, &[]);
    assert_eq!(diff.not_compared, NotCompared::default());
    // What is ignored.
    let old = &[
        "f x | mode=600 owner=1:1 time=1 atime=1 SCHILY.xattr.user.a=1",
        "f y 1",
    ][..];
    let new = &["f x | mode=644 owner=2:2 time=2 atime=2", "f y 2"][..];
    let ignoring = |topics: &[DiffTopic], expected: &[&str]| {
        let options = DiffOptions {
            ignored: topics.iter().copied().collect(),
            ..DiffOptions::default()
        };
        check_with(LINUX, &[old], &[new], &options, expected);
    };
    let y = "M /y; Content #>#";
    ignoring(
        &[DiffTopic::Time, DiffTopic::Xattrs],
        &["M /x; Mode 600>644; Owner 1:1>2:2", y],
    );
    ignoring(
        &[DiffTopic::MinorTimes, DiffTopic::Mode, DiffTopic::Owner],
        &["M /x; Modified 1>2; user.a 1>-", y],
    );
    ignoring(&DiffTopic::METADATA, &[y]);
}

#[test]
fn metadata_of_windows() {
    let base = "d Files";
    let check_one = |old: &str, new: &str, expected: &[&str]| {
        check(WINDOWS, &[&[base, old]], &[&[base, new]], expected);
    };
    check_one(
        "f Files/x | MSWINDOWS.fileattr=32",
        "f Files/x | MSWINDOWS.fileattr=34",
        &[r"M C:\x; Attributes 20>22"],
    );
    let descriptor = |sddl: &str| {
        let descriptor = crossdock_layer::SecurityDescriptor::from_sddl(sddl).unwrap();
        BASE64.encode(descriptor.as_bytes())
    };
    check_one(
        &format!("f Files/x | MSWINDOWS.rawsd={}", descriptor("O:BAG:SYD:")),
        &format!("f Files/x | MSWINDOWS.rawsd={}", descriptor("O:SYG:SYD:")),
        &[r"M C:\x; Descriptor O:BAG:SYD:>O:SYG:SYD:"],
    );
    check_one(
        "l Files/x -> a",
        "l Files/x -> a | MSWINDOWS.mountpoint=1 MSWINDOWS.fileattr=1056",
        &[r"M C:\x; Junction ->junction"],
    );
    check_one(
        "f Files/x | MSWINDOWS.xattr.A=MQ== LIBARCHIVE.creationtime=1",
        "f Files/x | MSWINDOWS.xattr.B=MQ== LIBARCHIVE.creationtime=2",
        &[r"M C:\x; Created 1>2; A MQ==>-; B ->MQ=="],
    );
    check(
        WINDOWS,
        &[&[base, "f Files/x", "f Files/x:s:$DATA 1", "f Files/x:t 1"]],
        &[&[base, "f Files/x", "f Files/x:s:$DATA 2"]],
        &[r"M C:\x; s #>#; t #>-"],
    );
    // What only Linux would see does not count, and case is a spelling.
    check_one(
        "f Files/x | mode=600 owner=1:1",
        "f Files/x | mode=644",
        &[],
    );
    check_one("f Files/x", "f Files/X", &[r"M C:\x C:\X; Name x>X"]);
    check(
        WINDOWS,
        &[&[base, "f Files/é 1"], &["f Files/É 2"]],
        &[&[base, "f Files/é 2"]],
        &[],
    );
    // Both systems' metadata of what came from Linux.
    check_one(
        "f Files/x | mode=600 CROSSDOCK.origin=posix",
        "f Files/x | mode=644 CROSSDOCK.origin=posix MSWINDOWS.fileattr=33",
        &[r"M C:\x; Mode 600>644; Attributes 20>21"],
    );
}

#[test]
fn outside_of_files() {
    let base = &[
        "d Files",
        "f Hives/System_Base 1",
        "d UtilityVM",
        "f UtilityVM/Files/a 1",
    ][..];
    let count = |new: Layers<'_>| {
        let diff = check(WINDOWS, &[base], new, &[]);
        diff.not_compared.outside
    };
    assert_eq!(count(&[base]), 0);
    assert_eq!(count(&[base, &["d Hives", "f Hives/Software_Delta 2"]]), 1);
    assert_eq!(
        count(&[&["d Files", "f Hives/System_Base 2", "f UtilityVM/Files/b 1"]]),
        3
    );
}

#[test]
fn directories_as_a_whole() {
    let old = &["d a", "f a/x 1", "d a/s", "f a/s/y 22", "f k"][..];
    let new = &["d b", "f b/x 333", "h b/y -> b/x", "f k"][..];
    let diff = check(LINUX, &[old], &[new], &["D /a +3 3B", "A /b +2 3B"]);
    let all = DiffOptions {
        all: true,
        ..DiffOptions::default()
    };
    let listed = check_with(
        LINUX,
        &[old],
        &[new],
        &all,
        &[
            "D /a",
            "D /a/s",
            "D /a/s/y 2B",
            "D /a/x 1B",
            "A /b",
            "A /b/x 3B",
            "A /b/y",
        ],
    );
    assert_eq!(diff.totals, listed.totals);
    assert_eq!((diff.totals.removed, diff.totals.added), (4, 3));
}

#[test]
fn renames() {
    let check = |old: &[&str], new: &[&str], expected: &[&str]| {
        check(LINUX, &[old], &[new], expected);
    };
    check(&["f a/tool 1"], &["f b/tool 1"], &["R /a /b +1"]);
    // Everything in a directory has moved with it; what differs in it is told.
    let moved = &["d a", "f a/x 1", "d a/s", "l a/s/l -> x", "f a/s/y 2"][..];
    check(
        moved,
        &[
            "d b | mode=700",
            "f b/x 1",
            "d b/s",
            "l b/s/l -> x",
            "f b/s/y 2 | owner=1:1",
        ],
        &["R /a /b +4; Mode 755>700", "M /a/s/y /b/s/y; Owner 0:0>1:1"],
    );
    // Not everything has, or more is there.
    check(
        moved,
        &["d b", "f b/x 1", "d b/s", "l b/s/l -> y", "f b/s/y 2"],
        &["D /a +2", "A /b +2", "R /a/s/y /b/s/y", "R /a/x /b/x"],
    );
    // Files: of the same name wherever they are, or of a path that is like the old one.
    check(
        &["f k", "f a/tool 1"],
        &["f k", "f b/tool 1 | mode=755", "f b/x"],
        &["D /a", "A /b +1", "R /a/tool /b/tool; Mode 644>755"],
    );
    check(
        &["f lib.so.1 1"],
        &["f lib.so.2 1"],
        &["R /lib.so.1 /lib.so.2"],
    );
    check(&["f one 1"], &["f two 1"], &["D /one 1B", "A /two 1B"]);
    // What may have come from two places has not moved, and empty files are all alike.
    check(
        &["f lib.1 1", "f lib.2 1"],
        &["f lib.3 1"],
        &["D /lib.1 1B", "D /lib.2 1B", "A /lib.3 1B"],
    );
    check(
        &["f d/x 1", "f lib.2 1", "f d/k"],
        &["f e/x 1", "f lib.3 1", "f e/k 2"],
        &["D /d +1", "A /e +1 1B", "R /d/x /e/x", "R /lib.2 /lib.3"],
    );
    check(&["f a.1"], &["f a.2"], &["D /a.1", "A /a.2"]);
    let options = DiffOptions {
        no_renames: true,
        ..DiffOptions::default()
    };
    check_with(
        LINUX,
        &[&["f lib.so.1 1"]],
        &[&["f lib.so.2 1"]],
        &options,
        &["D /lib.so.1 1B", "A /lib.so.2 1B"],
    );
}

#[test]
fn hard_links() {
    let check = |old: &[&str], new: &[&str], expected: &[&str]| {
        check(LINUX, &[old], &[new], expected);
    };
    let linked = &["f a 1", "h b -> a", "h c -> a"][..];
    check(linked, linked, &[]);
    check(linked, &["f b 1", "h a -> b", "h c -> b"], &[]);
    check(
        linked,
        &["f a 1", "h b -> a", "f c 1"],
        &[
            "M /a; HardLink /c>-",
            "M /b; HardLink /c>-",
            "M /c; HardLink /a>-",
        ],
    );
    check(
        &["f a 1", "f b 1"],
        &["f a 1", "h b -> a"],
        &["M /a; HardLink ->/b", "M /b; HardLink ->/a"],
    );
    check(
        &["f a 1", "h b -> a", "f c 1", "h d -> c"],
        &["f a 1", "h c -> a", "f b 1", "h d -> b"],
        &[
            "M /a; HardLink /b>/c",
            "M /b; HardLink /a>/d",
            "M /c; HardLink /d>/a",
            "M /d; HardLink /c>/b",
        ],
    );
    // A name that one side alone has says it for itself.
    check(linked, &linked[..2], &["D /c 1B"]);
}

#[test]
fn across_systems() {
    // Names, links, times.
    check_across(
        &[&["d Dir", "f Dir/a:b 1", "l Dir/l -> /x/a:b", "f only 1"]],
        &[&[
            "d Files",
            "d Files/dir",
            "f Files/dir/a\u{f03a}b 1",
            "l Files/dir/l -> \\x\\a\u{f03a}b",
        ]],
        &[r"M /Dir C:\dir; Name Dir>dir", "D /only 1B"],
        3,
    );
    // Exact names come first.
    check_across(
        &[&["f A 1", "f a 2"]],
        &[&["d Files", "f Files/a 2"]],
        &["D /A 1B"],
        1,
    );
    // Windows counts in 100 ns.
    check_across(
        &[&["f x | time=1.123456789"]],
        &[&["d Files", "f Files/x | time=1.1234567"]],
        &[],
        1,
    );
    check_across(
        &[&["f x | time=1.123456889"]],
        &[&["d Files", "f Files/x | time=1.1234567"]],
        &[r"M /x C:\x; Modified 1.123456889>1.1234567"],
        1,
    );
    // Metadata of one origin.
    check_across(
        &[&["f x | mode=640 owner=1:2 SCHILY.xattr.user.a=1"]],
        &[&[
            "d Files",
            "f Files/x | mode=600 owner=1:2 CROSSDOCK.origin=posix MSWINDOWS.fileattr=33",
        ]],
        &[r"M /x C:\x; Mode 640>600; user.a 1>-"],
        0,
    );
    check_across(
        &[&["f x | mode=640 CROSSDOCK.origin=win32 MSWINDOWS.fileattr=34"]],
        &[&["d Files", "f Files/x | MSWINDOWS.fileattr=32"]],
        &[r"M /x C:\x; Attributes 22>20"],
        0,
    );
    // A name that had to change, and one that is recorded.
    check_across(
        &[&["f a 1", "f A 2"]],
        &[&[
            "d Files",
            "f Files/a 1 | CROSSDOCK.origin=posix",
            "f Files/A~559a 2 | CROSSDOCK.origin=posix CROSSDOCK.name=A",
        ]],
        &[],
        0,
    );
}

#[test]
fn paths() {
    let old = &["d etc", "f etc/a 1", "f etc/b 1", "f x 1", "l l -> etc"][..];
    let new = &[
        "d etc",
        "f etc/a 2",
        "f etc/b 2",
        "f x 2",
        "l l -> etc",
        "f new 1",
    ][..];
    let check = |paths: &[&str], expected: Result<&[&str], &str>| {
        let options = DiffOptions::default();
        let diff = diff_of((LINUX, &[old]), (LINUX, &[new]), paths, &options);
        let found = diff.as_ref().map(lines);
        let expected = expected.map(|lines| lines.iter().map(ToString::to_string).collect());
        assert_eq!(found.map_err(|error| error.as_str()), expected, "{paths:?}");
    };
    let (a, b, x) = (
        "M /etc/a; Content #>#",
        "M /etc/b; Content #>#",
        "M /x; Content #>#",
    );
    check(&["/etc"], Ok(&[a, b]));
    check(&["etc/a", "/x"], Ok(&[a, x]));
    check(&["/etc/b", "/etc", "/etc"], Ok(&[a, b]));
    check(&["/new"], Ok(&["A /new 1B"]));
    check(&["/l"], Ok(&[]));
    check(&["/l/"], Ok(&[a, b]));
    check(&["/none"], Err("old: \"/none\": not found"));
    // Other places, and Windows' way of writing.
    let trees = (
        stack(LINUX, &[old]),
        stack(WINDOWS, &[&["d Files", "f Files/etc/a 2"]]),
    );
    let options = DiffOptions::default();
    let diff = compare(
        (&trees.0, "old"),
        (&trees.1, "new"),
        &[DiffPath::same(br"c:\ETC\a")],
        &options,
    );
    assert_eq!(lines(&diff.unwrap()), [r"A C:\etc\a 1B"]);
    let diff = compare(
        (&trees.0, "old"),
        (&trees.1, "new"),
        &[DiffPath::same(br"c:\etc\a")],
        &options,
    );
    assert_eq!(lines(&diff.unwrap()), [r"M /etc/a C:\etc\a; Content #>#"]);
    let path = DiffPath {
        old: b"/etc/a".into(),
        new: b"/etc/b".into(),
    };
    let diff = compare((&trees.0, "old"), (&trees.0, "new"), &[path], &options);
    assert_eq!(lines(&diff.unwrap()), [""; 0]);
}

#[test]
fn configs() {
    let config = |value| serde_json::from_value::<Config>(value).unwrap();
    let check = |old, new, expected: &[(&str, &str)]| {
        let changes = config::compare(&config(old), &config(new));
        let shown: Vec<(String, String)> = changes
            .into_iter()
            .map(|change| {
                let name = change
                    .name
                    .map(|name| format!(" {name}"))
                    .unwrap_or_default();
                let text = |value: Option<serde_json::Value>| {
                    value.map_or("-".to_owned(), |value| value.to_string())
                };
                let values = format!("{}>{}", text(change.from), text(change.to));
                (change.field + &name, values)
            })
            .collect();
        let shown: Vec<(&str, &str)> = shown.iter().map(|(a, b)| (&**a, &**b)).collect();
        assert_eq!(shown, expected);
    };
    let old = json!({
        "os": "linux", "architecture": "amd64", "created": "2020-01-01T00:00:00Z",
        "rootfs": {"type": "layers", "diff_ids": []},
        "history": [{"created_by": "x"}],
        "config": {
            "User": "app", "Env": ["PATH=/bin", "A=1", "B=2"], "Cmd": ["sh"],
            "Labels": {"a": "1", "b": "2"}, "ExposedPorts": {"80/tcp": {}},
            "Healthcheck": {"Test": ["NONE"]},
        },
    });
    check(old.clone(), old.clone(), &[]);
    let new = json!({
        "os": "windows", "os.version": "10.0.1", "architecture": "amd64",
        "config": {
            "Env": ["B=2", "PATH=/sbin", "C=3"], "Entrypoint": ["sh"], "Cmd": ["sh"],
            "Labels": {"b": "3"}, "Healthcheck": {"Test": ["NONE"], "Retries": 3}, "Other": 1,
        },
        "new": true,
    });
    check(
        old,
        new,
        &[
            ("Other", "->1"),
            ("created", "\"2020-01-01T00:00:00Z\">-"),
            ("entrypoint", "->[\"sh\"]"),
            ("env A", "\"1\">-"),
            ("env C", "->\"3\""),
            ("env PATH", "\"/bin\">\"/sbin\""),
            ("healthcheck Retries", "->3"),
            ("label a", "\"1\">-"),
            ("label b", "\"2\">\"3\""),
            ("new", "->true"),
            ("os", "\"linux\">\"windows\""),
            ("os.version", "->\"10.0.1\""),
            ("port 80/tcp", "{}>-"),
            ("user", "\"app\">-"),
        ],
    );
    let windows = |env: &str| json!({"os": "windows", "config": {"Env": [env]}});
    check(windows("Path=1"), windows("PATH=1"), &[]);
    check(
        windows("Path=1"),
        windows("PATH=2"),
        &[("env PATH", "\"1\">\"2\"")],
    );
}
