//! Which headers and records an entry becomes, and what is read from them: the table of entry
//! conversion and the vectors of extended attributes.

use crate::entry::LayerFormat::{self, Linux, Windows};
use crate::testing::{copied, show, show_headers, stack};
use crate::tree::Tree;
use crate::{CollisionPolicy, Entry};

const WINDOWS: &[&[&str]] = &[&["d Hives", "d Files"]];

/// The headers of a layer that holds all of `lines`, without those of `Hives` and `Files`.
fn headers(from: LayerFormat, lines: &[&str], to: LayerFormat) -> Vec<String> {
    let base = if to == Windows { WINDOWS } else { &[] };
    let (plan, ..) = copied((from, &[lines]), (to, base), &|_, options| {
        options.collision = CollisionPolicy::Rename;
    });
    let mut headers = show_headers(&plan);
    if to == Windows {
        assert!(headers[0].starts_with("d Hives |") && headers[1].starts_with("d Files |"));
        headers.drain(..2);
    }
    headers
}

/// What every Windows entry says of times, if its modification time is `time`.
fn times(time: &str, attributes: u32) -> String {
    format!("LIBARCHIVE.creationtime={time} MSWINDOWS.fileattr={attributes}")
}

/// What follows the descriptor.
fn after(time: &str) -> String {
    format!("atime={time} ctime={time}")
}

/// A line of an entry of POSIX origin in a Windows layer, its descriptor that of the table.
fn foreign(start: &str, options: &str, time: &str, attributes: u32, sd: &str) -> String {
    let (mode, time_option) = match (options, time) {
        (mode, "0") => (mode, String::new()),
        (mode, time) => (mode, format!(" time={time}")),
    };
    let (times, after) = (times(time, attributes), after(time));
    format!("{start} | {mode}{time_option} CROSSDOCK.origin=posix {times} sd={sd} {after}")
}

/// What a Linux layer's entries become, row by row.
#[test]
fn entries_to_windows() {
    let check = |lines: &[&str], expected: &[String]| {
        assert_eq!(headers(Linux, lines, Windows), expected, "{lines:?}");
    };
    let sdd = |path: &str, mode: &str| foreign(&format!("d {path}"), mode, "0", 16, "dir");
    check(&["d ./etc/"], &[sdd("Files/etc", "mode=755")]);
    let a = "f ./a 1 | mode=640 uid=1000 gid=1000 time=1700000000";
    let a_line = "mode=640 uid=1000 gid=1000";
    check(
        &[a],
        &[foreign("f Files/a", a_line, "1700000000", 32, "file")],
    );
    // Below a directory the descriptor is inherited.
    check(
        &["d etc", "f etc/a 1 | mode=4755"],
        &[
            sdd("Files/etc", "mode=755"),
            foreign("f Files/etc/a", "mode=4755", "0", 32, "other"),
        ],
    );
    // Parents that the tar leaves out.
    let made =
        |path: &str, sd: &str| foreign(&format!("d {path}"), "mode=755", "315532800", 16, sd);
    check(
        &["f usr/x/y 1"],
        &[
            made("Files/usr", "dir"),
            made("Files/usr/x", "other"),
            foreign("f Files/usr/x/y", "mode=644", "0", 32, "other"),
        ],
    );
    // Links to files, to directories, absolute ones, and entries below a link.
    let link = |name: &str, text: &str, attributes, sd| {
        foreign(
            &format!("l Files/{name} -> {text}"),
            "mode=644",
            "0",
            attributes,
            sd,
        )
    };
    check(
        &["l os-release -> ../usr/lib/os-release"],
        &[link("os-release", r"..\usr\lib\os-release", 1056, "file")],
    );
    check(
        &[
            "d usr",
            "d usr/bin",
            "l bin -> usr/bin",
            "f bin/sh 1",
            "l lib64 -> /usr/bin",
        ],
        &[
            link("bin", r"usr\bin", 1040, "dir"),
            link("lib64", r"\usr\bin", 1040, "dir"),
            sdd("Files/usr", "mode=755"),
            foreign("d Files/usr/bin", "mode=755", "0", 16, "other"),
            foreign("f Files/usr/bin/sh", "mode=644", "0", 32, "other"),
        ],
    );
    // A hard link; the first name in byte order is the file.
    check(
        &["f z 1", "h b -> z"],
        &[
            foreign("f Files/b", "mode=644", "0", 32, "file"),
            foreign("h Files/z -> Files/b", "mode=644", "0", 32, "file"),
        ],
    );
    check(
        &["c null 1:3"],
        &[foreign("c Files/null 1:3", "mode=644", "0", 32, "file")],
    );
    check(
        &["b sda 8:0"],
        &[foreign("b Files/sda 8:0", "mode=644", "0", 32, "file")],
    );
    check(
        &["p fifo"],
        &[foreign("p Files/fifo", "mode=644", "0", 32, "file")],
    );
    check(
        &["f a | SCHILY.xattr.security.capability=x"],
        &[format!(
            "f Files/a | mode=644 CROSSDOCK.origin=posix {} sd=file \
             SCHILY.xattr.security.capability=x {}",
            times("0", 32),
            after("0")
        )],
    );
    // Names of Linux that look like Windows' own.
    check(
        &["d C:", "f C:/x 1", r"f ..\Hives\x 1"],
        &[
            foreign(
                "f Files/..\u{f05c}Hives\u{f05c}x",
                "mode=644",
                "0",
                32,
                "file",
            ),
            sdd("Files/C\u{f03a}", "mode=755"),
            foreign("f Files/C\u{f03a}/x", "mode=644", "0", 32, "other"),
        ],
    );
}

/// The way back, from layers that Windows has made.
#[test]
fn entries_to_linux() {
    let check = |lines: &[&str], expected: &[&str]| {
        let lines = [&["d Files"], lines].concat();
        assert_eq!(headers(Windows, &lines, Linux), expected, "{lines:?}");
    };
    let win32 = "CROSSDOCK.origin=win32";
    // A hard link in another spelling.
    check(
        &[
            "d Files/inf",
            "f Files/inf/a 1 | mode=0",
            "h Files/X -> Files/INF/A",
        ],
        &[
            "f X | mode=755 CROSSDOCK.origin=win32",
            "d inf/ | mode=755 CROSSDOCK.mode=0755 CROSSDOCK.origin=win32",
            "h inf/a -> X | mode=755 CROSSDOCK.origin=win32",
        ],
    );
    check(
        &[r"l Files/l -> C:\bin\b.exe | mode=120000"],
        &[&format!(
            r"l l -> /bin/b.exe | mode=777 CROSSDOCK.link=C:\bin\b.exe {win32}"
        )],
    );
    check(
        &["d Files/d | mode=40000 MSWINDOWS.fileattr=16"],
        &[&format!("d d/ | mode=755 {win32} MSWINDOWS.fileattr=16")],
    );
    // Hives and the utility VM are no part of what programs see.
    check(
        &[
            "d Hives",
            "f Hives/System_Delta 1",
            "d UtilityVM",
            "d UtilityVM/Files",
        ],
        &[],
    );
    check(
        &[
            "f Files/f 1 | mode=100000 MSWINDOWS.xattr.$LXUID=6AMAAA== MSWINDOWS.xattr.$LXMOD=7YEAAA==",
        ],
        &[&format!(
            "f f | mode=755 {win32} MSWINDOWS.xattr.$LXMOD=7YEAAA== MSWINDOWS.xattr.$LXUID=6AMAAA=="
        )],
    );
}

/// What comes from a layer of the same system is written as it was.
#[test]
fn native_entries() {
    let linux = "f a | mode=4755 uid=1 gid=2 time=5.5 SCHILY.xattr.user.x=1 atime=7 ctime=8.25";
    assert_eq!(headers(Linux, &[linux], Linux), [linux]);
    let windows = "f Files/a | mode=100000 time=5.5 LIBARCHIVE.creationtime=3 \
                   MSWINDOWS.fileattr=33 sd=file MSWINDOWS.xattr.A=QQ== atime=7 ctime=8.25";
    assert_eq!(
        headers(
            Windows,
            &["d Files", &windows.replace(" sd=file", "")],
            Windows
        ),
        [windows]
    );
    // Windows' type bits are written although the source lacks them; an unknown record is not kept.
    let (from, to) = ("d Files/d | mode=0 x.y=1", "d Files/d | mode=40000");
    let expected = format!("{to} {} sd=dir {}", times("0", 16), after("0"));
    assert_eq!(headers(Windows, &["d Files", from], Windows), [expected]);
}

/// The entry at `path` of a layer of its own.
fn entry(format: LayerFormat, line: &str, path: &str) -> Entry {
    let lines = ["d Files", line];
    let lines = if format == Windows {
        &lines[..]
    } else {
        &lines[1..]
    };
    let tree = stack(format, &[lines], &mut Default::default());
    let node = tree.lookup(tree.root(), path.as_bytes(), false).unwrap();
    tree.entry(node).unwrap()
}

#[test]
fn descriptors_are_read() {
    let sddl = |records: &str| {
        let entry = entry(Windows, &format!("f Files/a | {records}"), "a");
        let descriptor = entry.win32.descriptor?;
        let parsed = crate::SecurityDescriptor::parse(&descriptor).unwrap();
        Some(parsed.to_sddl().unwrap())
    };
    let raw =
        "MSWINDOWS.rawsd=AQAAgBQAAAAkAAAAAAAAAAAAAAABAgAAAAAABSAAAAAgAgAAAQIAAAAAAAUgAAAAIAIAAA==";
    assert_eq!(sddl(raw).as_deref(), Some("O:BAG:BA"));
    assert_eq!(sddl("MSWINDOWS.sd=O:BUG:BU").as_deref(), Some("O:BUG:BU"));
    // The binary form is preferred, the text read beside one that is damaged.
    assert_eq!(
        sddl(&format!("{raw} MSWINDOWS.sd=O:BUG:BU")).as_deref(),
        Some("O:BAG:BA")
    );
    assert_eq!(
        sddl("MSWINDOWS.rawsd=AAAA MSWINDOWS.sd=O:BUG:BU").as_deref(),
        Some("O:BUG:BU")
    );
    assert_eq!(sddl("MSWINDOWS.rawsd=!"), None);
    assert_eq!(sddl("MSWINDOWS.sd=nonsense"), None);
}

#[test]
fn damaged_records_are_passed_over() {
    let read = entry(
        Windows,
        "f Files/a | MSWINDOWS.fileattr=x atime=x ctime= LIBARCHIVE.creationtime=? \
         CROSSDOCK.origin=x CROSSDOCK.mode=99999 CROSSDOCK.mtime=-",
        "a",
    );
    let plain = entry(Windows, "f Files/a", "a");
    assert_eq!(read, plain);
    for attributes in ["-1", "4294967296", "0x20", ""] {
        let line = format!("f Files/a | MSWINDOWS.fileattr={attributes}");
        assert_eq!(entry(Windows, &line, "a"), plain, "{attributes}");
    }
    // A stream whose name or content cannot be read.
    for record in [
        "CROSSDOCK.stream.a%zz=",
        "CROSSDOCK.stream.a%2=",
        "CROSSDOCK.stream.a=!",
    ] {
        assert!(
            entry(Linux, &format!("f a | {record}"), "a")
                .streams
                .is_empty(),
            "{record}"
        );
    }
    // A junction is a link.
    assert!(
        !entry(Windows, "f Files/a | MSWINDOWS.mountpoint=1", "a")
            .win32
            .junction
    );
    assert!(
        entry(Windows, "l Files/a -> x | MSWINDOWS.mountpoint=0", "a")
            .win32
            .junction
    );
}

#[test]
fn attributes_that_the_layer_does_not_state() {
    for (line, attributes) in [
        ("d Files/a", 0x10),
        ("f Files/a", 0x20),
        ("l Files/a -> x", 0x420),
        ("l Files/a -> x | MSWINDOWS.mountpoint=1", 0x410),
        ("f Files/a | MSWINDOWS.fileattr=0", 0),
    ] {
        assert_eq!(entry(Windows, line, "a").attributes(), attributes, "{line}");
    }
}

#[test]
fn records_escape_names() {
    let check = |name: &[u8], escaped: &[u8]| {
        assert_eq!(super::escape(name), escaped);
        assert_eq!(super::unescape(escaped).as_deref(), Some(name));
    };
    check(b"plain", b"plain");
    check(b"a=b", b"a%3Db");
    check(b"50%", b"50%25");
    check(b"\0", b"%00");
    check(b"%3D", b"%253D");
    check("ä\n".as_bytes(), "ä\n".as_bytes());
    assert_eq!(super::unescape(b"%3d").as_deref(), Some(&b"="[..]));
    for bad in [&b"%"[..], b"%3", b"%zz", b"a%"] {
        assert_eq!(super::unescape(bad), None);
    }
    // Through a layer.
    let stream = ["d Files", "f Files/a 1", "f Files/a:x=50% two"];
    let (_, tree, blobs) = copied((Windows, &[&stream]), (Linux, &[]), &|_, _| ());
    assert_eq!(show(&tree, &blobs), ["f a 1 :x=50%=two"]);
}

/// Directories end with a slash in Linux layers, and do not in those of Windows.
#[test]
fn slashes_of_directories() {
    assert_eq!(
        headers(Linux, &["d a", "d a/b/"], Linux),
        ["d a/ | mode=755", "d a/b/ | mode=755"]
    );
    let windows = headers(Linux, &["d a/"], Windows);
    assert!(windows[0].starts_with("d Files/a | "), "{windows:?}");
}

/// A `Files` entry without a descriptor does not remove that of a lower layer.
#[test]
fn files_without_descriptor() {
    let sd = "AQAAgBQAAAAkAAAAAAAAAAAAAAABAgAAAAAABSAAAAAgAgAAAQIAAAAAAAUgAAAAIAIAAA==";
    let base = format!("d Files | MSWINDOWS.rawsd={sd}");
    let layers: &[&[&str]] = &[&[&base], &["d Files | time=7"], &["d Files", "f Files/a 1"]];
    let tree: Tree = stack(Windows, layers, &mut Default::default());
    let descriptor = tree.descriptor(tree.root()).unwrap();
    let parsed = crate::SecurityDescriptor::parse(&descriptor).unwrap();
    assert_eq!(parsed.to_sddl().unwrap(), "O:BAG:BA");
    assert_eq!(
        tree.entry(tree.root()).unwrap().win32.descriptor,
        Some(descriptor)
    );
    // A higher layer that has one replaces it.
    let own = "d Files | MSWINDOWS.sd=O:BUG:BU";
    let tree = stack(Windows, &[&[&base], &[own]], &mut Default::default());
    let descriptor = tree.descriptor(tree.root()).unwrap();
    let parsed = crate::SecurityDescriptor::parse(&descriptor).unwrap();
    assert_eq!(parsed.to_sddl().unwrap(), "O:BUG:BU");
}
