//! Each rule of the translation, and what a record is worth after somebody else changed the entry.

use crate::entry::LayerFormat::{self, Linux, Windows};
use crate::testing::{copied, show, show_headers, stack};
use crate::{
    CollisionPolicy, LayerEdit, LossKind, ModeChange, Owner, Timestamp, Tree, is_rename_of,
};

const WINDOWS: &[&[&str]] = &[&["d Hives", "d Files"]];

fn empty(format: LayerFormat) -> &'static [&'static [&'static str]] {
    match format {
        Windows => WINDOWS,
        Linux => &[],
    }
}

fn other(format: LayerFormat) -> LayerFormat {
    match format {
        Windows => Linux,
        Linux => Windows,
    }
}

/// The header of the last entry of `lines`, copied to the other system.
fn there(from: LayerFormat, lines: &[&str]) -> String {
    let files = if from == Windows {
        &["d Files"][..]
    } else {
        &[]
    };
    let lines = [files, lines].concat();
    let to = other(from);
    let (plan, ..) = copied((from, &[&lines]), (to, empty(to)), &|_, _| ());
    show_headers(&plan).pop().expect("an entry")
}

/// Which of our own records the entry has after a copy to the other system, and what of it shows.
#[track_caller]
fn becomes(from: LayerFormat, line: &str, expected: &[&str], absent: &[&str]) {
    let header = format!("{} ", there(from, &[line]));
    for part in expected {
        assert!(
            header.contains(&format!("{part} ")),
            "{line}: {part} is not in {header}"
        );
    }
    for part in absent {
        assert!(!header.contains(part), "{line}: {part} is in {header}");
    }
}

fn node(tree: &Tree, path: &str) -> crate::Entry {
    let node = tree.lookup(tree.root(), path.as_bytes(), false);
    tree.entry(node.unwrap_or_else(|error| panic!("{error}")))
        .unwrap()
}

/// `CROSSDOCK.name`, `.link`, `.mtime` and `.mode` only where translating back needs them.
#[test]
fn records_only_where_needed() {
    let none = &[
        "CROSSDOCK.name",
        "CROSSDOCK.link",
        "CROSSDOCK.mtime",
        "CROSSDOCK.mode",
    ];
    for line in [
        "f a:b 1",
        "f trail. 1",
        "f \u{f03a} 1",
        "l l -> ../a:b/c.",
        "l l -> /a/",
        "d d | mode=0",
    ] {
        becomes(Linux, line, &["CROSSDOCK.origin=posix"], none);
    }
    for line in [
        "f Files/a\u{f03a}b 1 | mode=0",
        r"l Files/l -> ..\a | mode=0",
        r"l Files/l -> \a | mode=640",
    ] {
        becomes(Windows, line, &["CROSSDOCK.origin=win32"], none);
    }
    becomes(
        Linux,
        "l l -> //srv/x",
        &[r"l Files/l -> \srv\x", "CROSSDOCK.link=//srv/x"],
        &[],
    );
    becomes(
        Linux,
        "l l -> a//b",
        &[r"l Files/l -> a\b", "CROSSDOCK.link=a//b"],
        &[],
    );
    becomes(
        Windows,
        r"l Files/l -> C:\a",
        &["l l -> /a", r"CROSSDOCK.link=C:\a"],
        &[],
    );
    becomes(Windows, r"l Files/l -> D:\a", &[r"l l -> D:\a"], &[]);
    // A name that no Linux name is encoded as.
    becomes(Windows, "f Files/x. 1", &["f x.", "CROSSDOCK.name=x."], &[]);
    becomes(
        Windows,
        "f Files/\u{f041} 1",
        &["CROSSDOCK.name=\u{f041}"],
        &[],
    );
    becomes(
        Linux,
        "f a | time=9223372037",
        &["time=9223372036.854775807", "CROSSDOCK.mtime=9223372037"],
        &[],
    );
    becomes(
        Windows,
        "f Files/a | mode=755",
        &["CROSSDOCK.mode=0755"],
        &[],
    );
}

/// A record that does not explain the entry any more is dropped.
#[test]
fn stale_records_are_dropped() {
    let posix = |rest: &str| format!("{rest} CROSSDOCK.origin=posix");
    // Names: a rename keeps the record true only if it is ours.
    becomes(
        Windows,
        &posix("f Files/new 1 | CROSSDOCK.name=old"),
        &["f new"],
        &["CROSSDOCK.name"],
    );
    let renamed = String::from_utf8(crate::rename_collision(b"make", &|_| false)).unwrap();
    let line = posix(&format!("f Files/{renamed} 1 | CROSSDOCK.name=make"));
    becomes(Windows, &line, &["f make"], &["CROSSDOCK.name"]);
    becomes(
        Windows,
        &posix("f Files/MAKE 1 | CROSSDOCK.name=make"),
        &["f make"],
        &[],
    );
    for bad in ["..", ".", "a/b", ""] {
        let line = posix(&format!("f Files/x 1 | CROSSDOCK.name={bad}"));
        becomes(Windows, &line, &["f x"], &[]);
    }
    let win32 = |rest: &str| format!("{rest} CROSSDOCK.origin=win32");
    becomes(
        Linux,
        &win32("f x. 1 | CROSSDOCK.name=x."),
        &["f Files/x."],
        &[],
    );
    becomes(
        Linux,
        &win32("f y. 1 | CROSSDOCK.name=x."),
        &["f Files/y\u{f02e}"],
        &[],
    );
    becomes(
        Linux,
        &win32("f x 1 | CROSSDOCK.name=a:b"),
        &["f Files/x"],
        &["a:b"],
    );
    becomes(
        Linux,
        &win32(r"f x 1 | CROSSDOCK.name=..\x"),
        &["f Files/x"],
        &[r"..\x"],
    );
    // Texts of links.
    let line = posix(r"l Files/l -> \srv\y | CROSSDOCK.link=//srv/x");
    becomes(Windows, &line, &["l l -> /srv/y"], &["CROSSDOCK.link"]);
    let line = posix(r"l Files/l -> \srv\x | CROSSDOCK.link=//srv/x");
    becomes(Windows, &line, &["l l -> //srv/x"], &["CROSSDOCK.link"]);
    let line = win32(r"l l -> /a | CROSSDOCK.link=C:\a");
    becomes(Linux, &line, &[r"l Files/l -> C:\a"], &["CROSSDOCK"]);
    let line = win32(r"l l -> /b | CROSSDOCK.link=C:\a");
    becomes(Linux, &line, &[r"l Files/l -> \b"], &["CROSSDOCK"]);
    // Times.
    let line = posix("f Files/a 1 | time=9223372036.854775807 CROSSDOCK.mtime=9223372037");
    becomes(Windows, &line, &["time=9223372037"], &["CROSSDOCK.mtime"]);
    let line = posix("f Files/a 1 | time=5 CROSSDOCK.mtime=9223372037");
    becomes(Windows, &line, &["time=5"], &["CROSSDOCK.mtime"]);
    // Modes: changed on Linux meanwhile.
    let line = win32("f a 1 | mode=755 CROSSDOCK.mode=0755");
    becomes(Linux, &line, &["mode=100755"], &["CROSSDOCK"]);
    let line = win32("f a 1 | mode=700 CROSSDOCK.mode=0755");
    becomes(Linux, &line, &["mode=100700"], &["CROSSDOCK"]);
}

/// What was derived for the other system is not taken back.
#[test]
fn derived_records_are_shed() {
    let windows = "f Files/a 1 | mode=640 CROSSDOCK.origin=posix MSWINDOWS.fileattr=33 \
                   LIBARCHIVE.creationtime=7 MSWINDOWS.xattr.A=QQ== atime=0 ctime=5";
    assert_eq!(there(Windows, &[windows]), "f a | mode=640 ctime=5");
    let linux = "f a 1 | mode=755 uid=3 CROSSDOCK.origin=win32 MSWINDOWS.fileattr=32 atime=4";
    let times = "LIBARCHIVE.creationtime=0 MSWINDOWS.fileattr=32 sd=file atime=4 ctime=0";
    assert_eq!(
        there(Linux, &[linux]),
        format!("f Files/a | mode=100000 uid=3 gid=0 {times}")
    );
}

/// A mode of 0000 of a Linux file is one, although it means 0755 on Windows.
#[test]
fn mode_0000_comes_back() {
    becomes(
        Linux,
        "f a 1 | mode=0",
        &["mode=0", "CROSSDOCK.origin=posix"],
        &[],
    );
    becomes(
        Windows,
        "f Files/a 1 | mode=0 CROSSDOCK.origin=posix",
        &["mode=0"],
        &["origin"],
    );
    becomes(Windows, "f Files/a 1 | mode=0", &["mode=755"], &[]);
    becomes(Windows, "d Files/a | mode=40000", &["mode=755"], &[]);
    becomes(Windows, "l Files/a -> b | mode=120000", &["mode=777"], &[]);
}

#[test]
fn read_only_is_0555() {
    let read_only = "MSWINDOWS.fileattr=33";
    becomes(
        Windows,
        &format!("f Files/a 1 | mode=0 {read_only}"),
        &["mode=555"],
        &["CROSSDOCK.mode"],
    );
    becomes(
        Windows,
        "d Files/a | mode=0 MSWINDOWS.fileattr=17",
        &["mode=555"],
        &[],
    );
    becomes(
        Windows,
        &format!("f Files/a 1 | mode=555 {read_only}"),
        &["CROSSDOCK.mode=0555"],
        &[],
    );
    becomes(
        Windows,
        &format!("f Files/a 1 | mode=755 {read_only}"),
        &["mode=755"],
        &["CROSSDOCK.mode"],
    );
    let back = |rest: &str| format!("f a 1 | {rest} {read_only} CROSSDOCK.origin=win32");
    becomes(Linux, &back("mode=555"), &["mode=100000", read_only], &[]);
    becomes(Linux, &back("mode=755"), &["mode=100755", read_only], &[]);
    becomes(
        Linux,
        &back("mode=555 CROSSDOCK.mode=0555"),
        &["mode=100555", read_only],
        &[],
    );
}

/// `--chmod` on Windows: the header, and READONLY if and only if nobody may write.
#[test]
fn chmod_on_windows() {
    let check = |from: LayerFormat, line: &str, mode: &str, expected: &[&str]| {
        let (plan, ..) = copied(
            (from, &[&["d Files", line][usize::from(from == Linux)..]]),
            (Windows, WINDOWS),
            &|_, options| {
                options.mode = ModeChange::parse(mode);
            },
        );
        let header = show_headers(&plan).pop().unwrap();
        for part in expected {
            assert!(
                format!("{header} ").contains(&format!("{part} ")),
                "{mode}: {header}"
            );
        }
    };
    check(
        Linux,
        "f a 1",
        "444",
        &["mode=444", "MSWINDOWS.fileattr=33", "sd=file"],
    );
    check(
        Linux,
        "f a 1",
        "a-w",
        &["mode=444", "MSWINDOWS.fileattr=33"],
    );
    check(
        Linux,
        "f a 1",
        "755",
        &["mode=755", "MSWINDOWS.fileattr=32"],
    );
    check(Linux, "d a", "555", &["mode=555", "MSWINDOWS.fileattr=17"]);
    check(
        Linux,
        "l a -> b | mode=777",
        "444",
        &["mode=777", "MSWINDOWS.fileattr=1056"],
    );
    check(
        Windows,
        "f Files/a 1 | mode=0 MSWINDOWS.fileattr=35",
        "u+w",
        &["mode=100755", "MSWINDOWS.fileattr=34"],
    );
    check(
        Windows,
        "f Files/a 1 | mode=0 MSWINDOWS.fileattr=34",
        "a-w",
        &["mode=100555", "MSWINDOWS.fileattr=35"],
    );
}

/// Numeric owners on Windows stand in the header; a name changes the descriptor.
#[test]
fn chown_on_windows() {
    let header = |owner: Owner| {
        let (plan, ..) = copied(
            (Linux, &[&["f a 1 | uid=1 gid=2"]]),
            (Windows, WINDOWS),
            &|_, options| {
                options.owner = Some(owner.clone());
            },
        );
        show_headers(&plan).pop().unwrap()
    };
    let ids = header(Owner {
        uid: Some(7),
        gid: Some(8),
        ..Owner::default()
    });
    assert!(
        ids.contains("uid=7 gid=8") && ids.contains("sd=file"),
        "{ids}"
    );
    let named = header(Owner {
        user: crate::resolve_account("ContainerUser"),
        ..Owner::default()
    });
    assert!(
        named.contains("uid=1 gid=2") && named.contains("sd=other"),
        "{named}"
    );
}

/// Windows entries always say when they were read and changed: else Windows shows 1754.
#[test]
fn windows_entries_have_all_times() {
    let all = |header: &str| {
        for key in [" LIBARCHIVE.creationtime=", " atime=", " ctime="] {
            assert!(header.contains(key), "{header}");
        }
    };
    all(&there(Linux, &["f a 1"]));
    becomes(
        Linux,
        "f a 1 | time=5",
        &["LIBARCHIVE.creationtime=5", "atime=5", "ctime=5"],
        &[],
    );
    becomes(
        Linux,
        "f a 1 | time=5 atime=6 ctime=7",
        &["creationtime=5", "atime=6", "ctime=7"],
        &[],
    );
    let (plan, ..) = copied((Linux, &[&["f a/b 1"]]), (Windows, &[]), &|_, _| ());
    let headers = show_headers(&plan);
    assert_eq!(headers.len(), 4);
    headers.iter().for_each(|header| all(header));
}

/// Outside 1678-01-01 … 2262-04-11 hcsshim's arithmetic overflows.
#[test]
fn times_outside_windows_range() {
    let check = |time: &str, cut: &str| {
        let line = format!("f a 1 | time={time}");
        let header = there(Linux, &[&line]);
        let inside = time == cut;
        assert!(header.contains(&format!(" time={cut} ")), "{header}");
        for key in ["LIBARCHIVE.creationtime", "atime", "ctime"] {
            assert!(
                format!("{header} ").contains(&format!("{key}={cut} ")),
                "{header}"
            );
        }
        assert_eq!(
            header.contains(&format!("CROSSDOCK.mtime={time}")),
            !inside,
            "{header}"
        );
    };
    check("-9214560000", "-9214560000");
    check("-9214560000.000000001", "-9214560000");
    check("9223372036.854775807", "9223372036.854775807");
    check("9223372036.854775808", "9223372036.854775807");
    check("-62135596800", "-9214560000");
    check("253402300800", "9223372036.854775807");
    // Access times are cut without a record.
    becomes(
        Linux,
        "f a 1 | time=5 atime=99999999999",
        &["atime=9223372036.854775807"],
        &[],
    );
    becomes(
        Windows,
        "f Files/a 1 | time=5 atime=-1.5",
        &["atime=-1.5"],
        &[],
    );
}

/// SOURCE_DATE_EPOCH limits every time of what is copied, and of nothing else.
#[test]
fn source_date_epoch() {
    let limit = Timestamp::from_seconds(10);
    let base: &[&[&str]] = &[&["d Hives", "d Files | time=99"]];
    let line = "f Files/a 1 | time=20 atime=30 ctime=9 LIBARCHIVE.creationtime=11";
    let (plan, ..) = copied(
        (Windows, &[&["d Files", line]]),
        (Windows, base),
        &|_, options| {
            options.clamp = Some(limit);
        },
    );
    let headers = show_headers(&plan);
    let expected =
        "time=10 LIBARCHIVE.creationtime=10 MSWINDOWS.fileattr=32 sd=file atime=10 ctime=9";
    assert!(headers[2].ends_with(expected), "{headers:?}");
    assert!(headers[1].contains("time=99"), "{headers:?}");
    // A far time that is cut has no original any more.
    let line = "f a 1 | time=99999999999";
    let (plan, ..) = copied((Linux, &[&[line]]), (Windows, base), &|_, options| {
        options.clamp = Some(limit);
    });
    let headers = show_headers(&plan);
    assert!(headers[2].contains("time=10 "), "{headers:?}");
    assert!(!headers[2].contains("CROSSDOCK.mtime"), "{headers:?}");
}

/// What was made without a source is of 1980; what is passed through, of the base.
#[test]
fn times_without_a_source() {
    let mut blobs = Default::default();
    let base = stack(Linux, &[&["d a | time=7.5 mode=700 uid=3"]], &mut blobs);
    let mut edit = LayerEdit::upon(base, Timestamp::from_seconds(crate::EPOCH_1980));
    assert!(edit.make_directory(b"/a/b", None).unwrap());
    let headers = show_headers(&edit.finish());
    assert_eq!(
        headers,
        [
            "d a/ | mode=700 uid=3 gid=0 time=7.5",
            "d a/b/ | mode=755 time=315532800"
        ]
    );
}

/// 1,000,000 bytes of records, not one more; streams give way, each a listed loss.
#[test]
fn budget_of_records() {
    let check = |length: usize, kept: bool| {
        let stream = format!("f Files/a:big {}", "z".repeat(length));
        let (plan, ..) = copied(
            (Windows, &[&["d Files", "f Files/a 1", &stream]]),
            (Linux, &[]),
            &|_, _| (),
        );
        let entry = plan.entries.last().unwrap();
        assert_eq!(entry.streams.len(), usize::from(kept), "{length}");
        let losses: Vec<_> = plan.losses.iter().map(|loss| loss.kind).collect();
        let expected = if kept {
            vec![]
        } else {
            vec![LossKind::Oversized]
        };
        assert_eq!(losses, expected, "{length}");
    };
    check(100, true);
    // In base64, with room for the entry's other records.
    check(749_000, true);
    check(750_001, false);
    check(2_000_000, false);
}

/// `--foreign-metadata drop` leaves out all that only the other system knows.
#[test]
fn foreign_metadata_can_be_dropped() {
    let header = |from: LayerFormat, lines: &[&str]| {
        let to = other(from);
        let (plan, ..) = copied((from, &[lines]), (to, empty(to)), &|edit, _| {
            edit.drop_foreign()
        });
        assert_eq!(plan.losses, []);
        show_headers(&plan).pop().unwrap()
    };
    let linux = "f a:b 1 | mode=4755 uid=5 gid=6 time=99999999999 SCHILY.xattr.user.x=1";
    let all = "LIBARCHIVE.creationtime=9223372036.854775807 MSWINDOWS.fileattr=32 sd=file \
               atime=9223372036.854775807 ctime=9223372036.854775807";
    let expected = format!("f Files/a\u{f03a}b | mode=100000 time=9223372036.854775807 {all}");
    assert_eq!(header(Linux, &[linux]), expected);
    let windows = "f Files/a 1 | mode=0 time=5 atime=6 MSWINDOWS.fileattr=33 MSWINDOWS.sd=O:BAG:BA";
    assert_eq!(
        header(Windows, &["d Files", windows, "f Files/a:s x"]),
        "f a | mode=555 time=5"
    );
    let link = "l Files/l -> C:\\x | MSWINDOWS.mountpoint=1";
    assert_eq!(header(Windows, &["d Files", link]), "l l -> /x | mode=644");
}

/// A name of more than 255 bytes becomes a shorter one on Linux and comes back.
#[test]
fn names_too_long_for_linux() {
    let name = "你".repeat(100);
    let lines = [
        "d Files".to_owned(),
        format!("d Files/{name}"),
        format!("f Files/{name}/{name}.txt 1"),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let (plan, tree, mut blobs) = copied((Windows, &[&lines]), (Linux, &[]), &|_, _| ());
    let headers = show_headers(&plan);
    assert!(
        headers[0].contains(&format!("CROSSDOCK.name={name} ")),
        "{headers:?}"
    );
    for node in tree.walk(tree.root()) {
        assert!(tree.name(node).len() <= 255);
    }
    let back = return_to(&tree, Windows, &mut blobs);
    assert_eq!(
        back,
        [format!("d {name}"), format!("f {name}/{name}.txt 1")]
    );
}

/// What a tree becomes in an image of `to`.
fn return_to(tree: &Tree, to: LayerFormat, blobs: &mut crate::testing::Blobs) -> Vec<String> {
    let base = stack(to, empty(to), blobs);
    let plan = crate::testing::copy_all(tree, &base, &|_, _| ());
    let tree = crate::testing::apply(&plan, &base, blobs);
    show(&tree, blobs)
}

/// Names that collide are renamed with a hash, directories too, and come back.
#[test]
fn renamed_names_come_back() {
    let lines = [
        "d D", "f D/x 1", "d d", "f d/y 2", "f MAKE 3", "f Make 4", "f make 5",
    ];
    let (plan, tree, mut blobs) = copied((Linux, &[&lines]), (Windows, WINDOWS), &|_, options| {
        options.collision = CollisionPolicy::Rename;
    });
    assert_eq!(plan.losses, []);
    let renamed: Vec<_> = tree
        .walk(tree.root())
        .map(|node| tree.full_name(node))
        .filter_map(|name| Some((name.stored, name.original?)))
        .collect();
    assert_eq!(renamed.len(), 3);
    for (stored, original) in renamed {
        assert!(
            is_rename_of(&stored, &original),
            "{}",
            stored.escape_ascii()
        );
    }
    let mut expected = lines.map(str::to_owned);
    expected.sort_by_key(|line| line[2..].to_owned());
    assert_eq!(return_to(&tree, Linux, &mut blobs), expected);
}

/// Two names of Windows that are one on Linux: neither is lost, and both come back.
#[test]
fn names_that_meet_on_linux() {
    let lines = [
        "d Files",
        "f Files/x. 1",
        "f Files/x\u{f02e} 2",
        "d Files/\u{f041}",
        "d Files/\u{f0ef}\u{f081}\u{f081}",
    ];
    let (plan, tree, mut blobs) = copied((Windows, &[&lines]), (Linux, &[]), &|_, _| ());
    assert_eq!(plan.losses, []);
    assert_eq!(plan.entries.len(), 4);
    let back = return_to(&tree, Windows, &mut blobs);
    assert_eq!(
        back,
        [
            "f x. 1",
            "f x\u{f02e} 2",
            "d \u{f041}",
            "d \u{f0ef}\u{f081}\u{f081}"
        ]
    );
    // The original name of a renamed file has been taken by another since.
    let renamed = String::from_utf8(crate::rename_collision(b"make", &|_| false)).unwrap();
    let line = format!("f Files/{renamed} 1 | CROSSDOCK.origin=posix CROSSDOCK.name=make");
    let lines = ["d Files", &line, "f Files/make 2"];
    let (_, tree, blobs) = copied((Windows, &[&lines]), (Linux, &[]), &|_, _| ());
    let shown = show(&tree, &blobs);
    assert_eq!(shown.len(), 2);
    assert!(shown.contains(&"f make 2".to_owned()), "{shown:?}");
}

/// A hard link to a symbolic link becomes a link of its own on Windows: a listed loss.
#[test]
fn hard_links_to_links() {
    let lines = ["f f 1", "h g -> f", "l s -> f", "h t -> s"];
    let (plan, tree, blobs) = copied((Linux, &[&lines]), (Windows, WINDOWS), &|_, _| ());
    assert_eq!(
        show(&tree, &blobs),
        ["f f 1 =0", "f g 1 =0", "l s -> f", "l t -> f"]
    );
    let losses: Vec<_> = plan
        .losses
        .iter()
        .map(|loss| (loss.kind, &*loss.path))
        .collect();
    assert_eq!(losses, [(LossKind::HardLink, r"C:\t")]);
    let (plan, tree, blobs) = copied((Linux, &[&lines]), (Linux, &[]), &|_, _| ());
    assert_eq!(
        show(&tree, &blobs),
        ["f f 1 =0", "f g 1 =0", "l s -> f =1", "l t -> f =1"]
    );
    assert_eq!(plan.losses, []);
}

/// What Windows mounts into a running container's root is not copied; a Linux file of that name is.
#[test]
fn clutter_of_running_containers() {
    let lines = [
        "d Files",
        "d Files/WcSandboxState",
        "f Files/WCSANDBOXSTATE/x 1",
        "f Files/a 2",
    ];
    let (_, tree, blobs) = copied((Windows, &[&lines]), (Linux, &[]), &|_, _| ());
    assert_eq!(show(&tree, &blobs), ["f a 2"]);
    let lines = ["d Files", "d Files/WcSandboxState | CROSSDOCK.origin=posix"];
    let (_, tree, blobs) = copied((Windows, &[&lines]), (Linux, &[]), &|_, _| ());
    assert_eq!(show(&tree, &blobs), ["d WcSandboxState"]);
}

/// Order: `Hives`, `Files`, then paths in byte order, streams after their owner, links in place.
#[test]
fn order_of_entries() {
    let lines = [
        "d Files",
        "f Files/b 1",
        "f Files/b:z s",
        "f Files/b:a s",
        "h Files/a -> Files/b",
        "d Files/b-",
        "d Files/d",
        "f Files/d/x 1",
        "f Files/d- 1",
        "l Files/c -> b",
    ];
    let (plan, ..) = copied((Windows, &[&lines]), (Windows, WINDOWS), &|_, _| ());
    let paths: Vec<_> = plan
        .entries
        .iter()
        .map(|entry| String::from_utf8_lossy(&entry.header.path))
        .collect();
    let expected = [
        "Hives",
        "Files",
        "Files/a",
        "Files/a:z",
        "Files/a:a",
        "Files/b",
        "Files/b-",
        "Files/c",
        "Files/d",
        "Files/d-",
        "Files/d/x",
    ];
    assert_eq!(paths, expected);
    assert_eq!(plan.entries[5].header.link, b"Files/a");
}

/// A hard link repeats the spelling of its target's entry, parents and all.
#[test]
fn hard_links_are_spelled_exactly() {
    let base: &[&[&str]] = &[&["d Hives", "d Files", "d Files/ETC"]];
    let lines = ["d etc", "f etc/a:b 1", "h z -> etc/a:b"];
    let (plan, ..) = copied((Linux, &[&lines]), (Windows, base), &|_, _| ());
    let last = plan.entries.last().unwrap();
    assert_eq!(last.header.path, b"Files/z");
    assert_eq!(last.header.link, "Files/ETC/a\u{f03a}b".as_bytes());
}

/// Directories that are only passed through are written as the base has them, on both systems.
#[test]
fn passed_through_directories() {
    let check = |format, base: &[&[&str]], expected: &[&str]| {
        let (plan, ..) = copied((Linux, &[&["f a/b/new 1"]]), (format, base), &|_, _| ());
        let headers = show_headers(&plan);
        for part in expected {
            assert!(
                headers.iter().any(|header| header.starts_with(part)),
                "{part}: {headers:?}"
            );
        }
    };
    // A source that states no directories gives those that exist its 0755; the root is not touched.
    check(
        Linux,
        &[&["d a | mode=700 time=3"]],
        &["d a/ | mode=755", "f a/b/new"],
    );
    let mut blobs = Default::default();
    for (format, base, expected) in [
        (
            Linux,
            "d a | mode=700 uid=4 time=3",
            "d a/ | mode=700 uid=4 gid=0 time=3",
        ),
        (
            Windows,
            "d Files/A | mode=40000 time=3 MSWINDOWS.fileattr=17",
            "d Files/A | mode=40000 time=3",
        ),
    ] {
        let lines = ["d Hives", "d Files", base];
        let lines = if format == Windows {
            &lines[..]
        } else {
            &lines[2..]
        };
        let tree = stack(format, &[lines], &mut blobs);
        let mut edit = LayerEdit::upon(tree, Timestamp::from_seconds(0));
        edit.make_directory(b"/a/b", None).unwrap();
        let headers = show_headers(&edit.finish());
        assert!(
            headers.iter().any(|header| header.starts_with(expected)),
            "{headers:?}"
        );
    }
}

/// Origin and records of an entry that crosses twice are those that it began with.
#[test]
fn origins() {
    for (from, line, path) in [
        (Linux, "f a:b 1 | mode=640", "a:b"),
        (Windows, "f Files/a 1", "a"),
    ] {
        let files = if from == Windows {
            &["d Files"][..]
        } else {
            &[]
        };
        let lines = [files, &[line]].concat();
        let (_, tree, mut blobs) = copied(
            (from, &[&lines]),
            (other(from), empty(other(from))),
            &|_, _| (),
        );
        let there = node(
            &tree,
            &String::from_utf8(match other(from) {
                Windows => crate::encode_path(path.as_bytes()),
                Linux => path.as_bytes().to_vec(),
            })
            .unwrap(),
        );
        assert_eq!(there.origin, from.native());
        let base = stack(from, empty(from), &mut blobs);
        let plan = crate::testing::copy_all(&tree, &base, &|_, _| ());
        let back = crate::testing::apply(&plan, &base, &mut blobs);
        assert_eq!(node(&back, path).origin, from.native());
        assert_eq!(plan.hidden, 0);
    }
}
