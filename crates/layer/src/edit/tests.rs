//! Copying, as tables: what a tree holds after an instruction.

use std::collections::HashMap;

use crate::entry::LayerFormat::{self, Linux, Windows};
use crate::testing::{Blobs, apply, index, options, show, stack, write};
use crate::{
    CollisionPolicy, CopyOptions, Gathered, LayerEdit, ModeChange, Owner, Timestamp, Tree, select,
};

/// One copy: sources of a tree to a destination; a trailing slash asks for a directory.
#[derive(Clone)]
struct Case<'a> {
    from: (LayerFormat, &'a [&'a [&'a str]]),
    to: (LayerFormat, &'a [&'a [&'a str]]),
    sources: &'a [&'a str],
    destination: &'a str,
    options: CopyOptions,
}

fn case<'a>(from: LayerFormat, lines: &'a [&'a [&'a str]], to: LayerFormat) -> Case<'a> {
    const WINDOWS: &[&[&str]] = &[&["d Hives", "d Files"]];
    Case {
        from: (from, lines),
        to: (to, if to == Windows { WINDOWS } else { &[] }),
        sources: &["/"],
        destination: "/out",
        options: options(),
    }
}

fn star(pattern: &[u8], name: &[u8]) -> Option<bool> {
    match pattern.iter().position(|&byte| byte == b'*') {
        None => Some(pattern == name),
        Some(star) => Some(
            name.len() >= pattern.len() - 1
                && name.starts_with(&pattern[..star])
                && name.ends_with(&pattern[star + 1..]),
        ),
    }
}

impl Case<'_> {
    fn run(&self) -> Result<(crate::LayerPlan, Tree, Blobs), String> {
        let mut blobs = HashMap::new();
        let source = stack(self.from.0, self.from.1, &mut blobs);
        let base = stack(self.to.0, self.to.1, &mut blobs);
        let mut gathered = Gathered::new();
        let into_directory = self.destination.ends_with('/');
        for path in self.sources {
            let found = select(&source, path.as_bytes(), path.contains('*'), &star);
            let found = found.map_err(|error| error.to_string())?;
            for selected in found {
                if source.is_directory(selected.node) {
                    gathered.add_contents(&source, selected.node)
                } else if into_directory {
                    gathered.add_file(&source, &selected)
                } else {
                    gathered.add_single(&source, &selected)
                }
                .map_err(|error| error.to_string())?;
            }
        }
        let mut edit = LayerEdit::upon(base.clone(), options().default_time);
        let destination = self.destination.as_bytes();
        edit.copy(&gathered, destination, &self.options)
            .map_err(|error| error.to_string())?;
        let plan = edit.finish();
        let tree = apply(&plan, &base, &mut blobs);
        Ok((plan, tree, blobs))
    }

    #[track_caller]
    fn gives(&self, expected: &[&str]) {
        let (_, tree, blobs) = self.run().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(show(&tree, &blobs), expected);
    }

    #[track_caller]
    fn refused(&self, expected: &str) {
        let Err(error) = self.run() else {
            panic!("not refused")
        };
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn destinations() {
    let source: &[&[&str]] = &[&["f a 1", "d d", "f d/x 2", "d d/e", "f d/e/y 3", "l s -> d"]];
    let base: &[&[&str]] = &[&[
        "d have",
        "f have/x old",
        "f file 9",
        "l link -> have",
        "l dang -> new/deep",
    ]];
    let check = |sources: &[&str], destination: &str, expected: &[&str]| {
        let mut copy = case(Linux, source, Linux);
        (copy.to.1, copy.sources, copy.destination) = (base, sources, destination);
        let mut expected = expected.to_vec();
        let standing = [
            "d have",
            "f have/x old",
            "f file 9",
            "l link -> have",
            "l dang -> new/deep",
        ];
        for line in standing {
            let name = line.split(' ').nth(1).unwrap();
            if !expected
                .iter()
                .any(|other| other.split(' ').nth(1).unwrap() == name)
            {
                expected.push(line);
            }
        }
        expected.sort_by_key(|line| line.split(' ').nth(1).unwrap().to_owned());
        copy.gives(&expected);
    };
    check(&["/a"], "/b", &["f b 1"]);
    check(&["/a"], "/n/b", &["d n", "f n/b 1"]);
    check(&["/a"], "/n/", &["d n", "f n/a 1"]);
    check(&["/a"], "/have", &["f have/a 1"]);
    check(&["/a"], "/file", &["f file 1"]);
    check(&["/a"], "/link/", &["f have/a 1"]);
    check(&["/a"], "/link/x", &["f have/x 1"]);
    check(&["/a"], "/dang", &["d new", "f new/deep 1"]);
    check(
        &["/d"],
        "/have",
        &["f have/x 2", "d have/e", "f have/e/y 3"],
    );
    check(&["/d"], "/n", &["d n", "f n/x 2", "d n/e", "f n/e/y 3"]);
    // The last component of a source is followed.
    check(&["/s"], "/n", &["d n", "f n/x 2", "d n/e", "f n/e/y 3"]);
    check(&["/s/e/y"], "/n", &["f n 3"]);
    check(
        &["/d", "/a"],
        "/n/",
        &["d n", "f n/a 1", "f n/x 2", "d n/e", "f n/e/y 3"],
    );
    check(&["/d/*"], "/n/", &["d n", "f n/x 2", "f n/y 3"]);
    // Several sources without a slash: the destination may become a directory on the way.
    check(&["/a", "/d/x"], "/b", &["f b 2"]);
    check(&["/d/x", "/a"], "/file", &["f file 1"]);
    check(&["/a", "/d/x"], "/have", &["f have/a 1", "f have/x 2"]);
    check(
        &["/a", "/d"],
        "/have",
        &["f have/a 1", "f have/x 2", "d have/e", "f have/e/y 3"],
    );
    check(
        &["/d", "/a"],
        "/n",
        &["d n", "f n/a 1", "f n/x 2", "d n/e", "f n/e/y 3"],
    );
    check(&["/zz*"], "/n/", &["d n"]);
}

#[test]
fn refusals() {
    let source: &[&[&str]] = &[&[
        "f a 1",
        "d d",
        "f d/x 2",
        "d e",
        "d e/x",
        "f .wh.z 1",
        "d w",
    ]];
    let base: &[&[&str]] = &[&[
        "d have",
        "d have/x",
        "f have/a 1",
        "d f",
        "f f/x 1",
        "l l -> have",
    ]];
    let check = |sources: &[&str], destination: &str, expected: &str| {
        let mut copy = case(Linux, source, Linux);
        (copy.to.1, copy.sources, copy.destination) = (base, sources, destination);
        copy.refused(expected);
    };
    check(
        &["/d"],
        "/have",
        "cannot replace to directory /have/x with file",
    );
    check(&["/e"], "/f", "cannot copy to non-directory: /f/x");
    check(&["/d"], "/f/x", "cannot copy to non-directory: /f/x");
    check(&["/a"], "/f/x/", "cannot copy to non-directory: /f/x");
    check(&["/a"], "/f/x/y", "not a directory");
    check(&["/d", "/e"], "/n/", "cannot copy to non-directory");
    check(&["/none"], "/n/", "not found");
    check(
        &["/a", "/d"],
        "/n",
        "cannot copy to non-directory: /n; a file before it takes the name: end the destination",
    );
    let mut long = case(Linux, &[&["f a 1"]], Windows);
    let name = format!("/{}/", "n".repeat(256));
    long.destination = &name;
    long.refused("255");
}

#[test]
fn to_windows() {
    let names: &[&[&str]] = &[&[
        "d info",
        "f info/libc6:amd64.list 1",
        r"f back\slash 2",
        "f trail. 3",
        "f tab\t 4",
        "l bin -> info",
        "l abs -> /out/info",
        "l rel -> ../out/info/libc6:amd64.list",
        "l no -> gone",
        "h hard -> info/libc6:amd64.list",
        "c null 1:3",
        "p pipe",
    ]];
    case(Linux, names, Windows).gives(&[
        "d out",
        r"l out/abs -> \out\info",
        "f out/back\u{f05c}slash 2",
        "l out/bin -> info",
        "f out/hard 1 =0",
        "d out/info",
        "f out/info/libc6\u{f03a}amd64.list 1 =0",
        "l out/no -> gone",
        "c out/null 1:3",
        "p out/pipe",
        "l out/rel -> ..\\out\\info\\libc6\u{f03a}amd64.list",
        "f out/tab\u{f009} 4",
        "f out/trail\u{f02e} 3",
    ]);
}

#[test]
fn link_kinds() {
    let links: &[&[&str]] = &[&[
        "d d",
        "l a -> d",
        "l b -> /out/d",
        "l c -> ../out/f",
        "f f 1",
        "l e -> gone",
        "l g -> g",
        "l h -> a",
        "l i -> ../../../Windows",
    ]];
    let mut copy = case(Linux, links, Windows);
    copy.to.1 = &[&["d Hives", "d Files", "d Files/windows"]];
    let (_, tree, _) = copy.run().unwrap();
    let check = |name: &str, attributes: u32| {
        let node = tree
            .lookup(tree.root(), format!("out/{name}").as_bytes(), false)
            .unwrap();
        assert_eq!(tree.entry(node).unwrap().attributes(), attributes, "{name}");
    };
    for (name, attributes) in [
        ("d", 16),
        ("f", 32),
        ("a", 1040),
        ("b", 1040),
        ("c", 1056),
        ("e", 1056),
        ("g", 1056),
        ("h", 1040),
        ("i", 1040),
    ] {
        check(name, attributes);
    }
}

#[test]
fn case_on_windows() {
    let pair: &[&[&str]] = &[&["d D", "f D/x 1", "d d", "f d/y 2", "f Make 3", "f make 4"]];
    let mut copy = case(Linux, pair, Windows);
    copy.refused(r"C:\out\D and C:\out\d, C:\out\Make and C:\out\make");
    copy.options.collision = CollisionPolicy::First;
    let (plan, tree, blobs) = copy.run().unwrap();
    assert_eq!(
        show(&tree, &blobs),
        ["d out", "d out/D", "f out/D/x 1", "f out/Make 3"]
    );
    assert_eq!(plan.losses.len(), 2);
    copy.options.collision = CollisionPolicy::Rename;
    let (_, tree, blobs) = copy.run().unwrap();
    let hash = |name: &str| crossdock_image::Digest::of(name.as_bytes()).hex()[..4].to_owned();
    let (d, make) = (hash("d"), hash("make"));
    let expected = [
        "d out".to_owned(),
        "d out/D".to_owned(),
        "f out/D/x 1".to_owned(),
        "f out/Make 3".to_owned(),
        format!("d out/d~{d}"),
        format!("f out/d~{d}/y 2"),
        format!("f out/make~{make} 4"),
    ];
    assert_eq!(show(&tree, &blobs), expected);
    // Meeting what lies beneath is no collision: it is overwritten in the spelling that is there.
    let mut over = case(Linux, &[&["d windows", "f windows/README.md 1"]], Windows);
    over.destination = "/";
    over.to.1 = &[&[
        "d Hives",
        "d Files",
        "d Files/Windows",
        "f Files/Windows/readme.MD old",
    ]];
    over.gives(&["d Windows", "f Windows/readme.MD 1"]);
}

#[test]
fn from_windows() {
    let source: &[&[&str]] = &[&[
        "d Hives",
        "d Files",
        "d Files/Win",
        "f Files/Win/A.dll 1",
        "f Files/Win/A.dll:zone z",
        r"l Files/link -> C:\win\a.DLL",
        r"l Files/junction -> C:\Win | MSWINDOWS.mountpoint=1",
        r"l Files/other -> D:\x",
        r"l Files/rel -> ..\Win",
        "h Files/hard -> Files/WIN/a.dll",
        "f Files/libc6\u{f03a}amd64.list 2",
        "d Files/System\u{20}Volume\u{20}Information",
    ]];
    // The DSL splits at spaces, so the root's own clutter is tested by name elsewhere.
    let lines: Vec<&str> = source[0][..source[0].len() - 1].to_vec();
    let layers: &[&[&str]] = &[&lines];
    case(Windows, layers, Linux).gives(&[
        "d out",
        "d out/Win",
        "f out/Win/A.dll 1 :zone=z =0",
        "f out/hard 1 :zone=z =0",
        "l out/junction -> /Win",
        "f out/libc6:amd64.list 2",
        "l out/link -> /win/a.DLL",
        r"l out/other -> D:\x",
        "l out/rel -> ../Win",
    ]);
    let mut one = case(Windows, layers, Linux);
    (one.sources, one.destination) = (&["/WIN/a.dll"], "/n/");
    one.gives(&["d n", "f n/A.dll 1 :zone=z"]);
    (one.sources, one.destination) = (&["/win/*.DLL", "/LIBC6:amd64.list"], "/n/");
    one.gives(&["d n", "f n/A.dll 1 :zone=z", "f n/libc6:amd64.list 2"]);
}

#[test]
fn metadata() {
    let source: &[&[&str]] = &[&[
        "d d | mode=1777 uid=5 gid=6 time=7.25",
        "f d/f 1 | mode=4755 uid=1 gid=2 time=9.5",
        "d d/n | mode=700 uid=3 time=3",
        "f g 2 | mode=600 uid=8",
    ]];
    let stated = |tree: &Tree, path: &str| {
        let node = tree.lookup(tree.root(), path.as_bytes(), false).unwrap();
        let entry = tree.entry(node).unwrap();
        let posix = entry.posix;
        format!(
            "{:o} {}:{} {}",
            posix.mode,
            posix.uid,
            posix.gid,
            entry.times.modified.to_pax()
        )
    };
    let check = |copy: &Case<'_>, path: &str, expected: &str| {
        let (_, tree, _) = copy.run().unwrap();
        assert_eq!(stated(&tree, path), expected, "{path}");
    };
    let mut copy = case(Linux, source, Linux);
    (copy.sources, copy.destination) = (&["/d"], "/a/new");
    // Created parents and the destination itself are not the source's.
    check(&copy, "a", "755 0:0 315532800");
    check(&copy, "a/new", "755 0:0 315532800");
    check(&copy, "a/new/f", "4755 1:2 9.5");
    check(&copy, "a/new/n", "700 3:0 3");
    // What exists keeps its own; nested directories that exist take the source's.
    copy.to.1 = &[&[
        "d a | mode=711 uid=9 time=1",
        "d a/new | mode=711 uid=9 time=2",
        "d a/new/n | mode=711 uid=9 time=4",
    ]];
    check(&copy, "a", "711 9:0 1");
    check(&copy, "a/new", "711 9:0 2");
    check(&copy, "a/new/n", "700 3:0 3");
    copy.options.clamp = Some(Timestamp::from_seconds(5));
    check(&copy, "a/new/f", "4755 1:2 5");
    check(&copy, "a/new/n", "700 3:0 3");
    check(&copy, "a", "711 9:0 1");
    let mut changed = case(Linux, source, Linux);
    (changed.sources, changed.destination) = (&["/d"], "/p/q");
    changed.options.owner = Some(Owner {
        uid: Some(77),
        gid: Some(78),
        ..Owner::default()
    });
    changed.options.mode = ModeChange::parse("640");
    check(&changed, "p", "640 77:78 315532800");
    check(&changed, "p/q/n", "640 77:78 3");
    check(&changed, "p/q/f", "640 77:78 9.5");
    changed.options.mode = ModeChange::parse("g+w");
    check(&changed, "p", "755 77:78 315532800");
    check(&changed, "p/q/f", "4775 77:78 9.5");
}

#[test]
fn windows_metadata() {
    let sddl = |tree: &Tree, path: &str| {
        let node = tree.lookup(tree.root(), path.as_bytes(), false).unwrap();
        let bytes = tree
            .descriptor(node)
            .unwrap_or_else(|| panic!("{path} has no descriptor"));
        crate::SecurityDescriptor::parse(&bytes)
            .unwrap()
            .to_sddl()
            .unwrap()
    };
    let source: &[&[&str]] = &[&["d d", "f d/f 1", "l d/l -> ../d", "l d/k -> f"]];
    let (_, tree, _) = case(Linux, source, Windows).run().unwrap();
    // Nothing to inherit: the table.
    let directory = crate::default_directory().to_sddl().unwrap();
    let file = crate::default_file().to_sddl().unwrap();
    assert_eq!(sddl(&tree, "out"), directory);
    let inherited = crate::inherit(Some(&crate::default_directory()), false)
        .to_sddl()
        .unwrap();
    assert_ne!(inherited, file);
    assert_eq!(sddl(&tree, "out/d/f"), inherited);
    assert_eq!(sddl(&tree, "out/d/k"), inherited);
    assert!(sddl(&tree, "out/d/l").contains("OICI"));
    // Owners by name.
    let mut owned = case(Linux, source, Windows);
    owned.options.owner = Some(Owner {
        user: crate::resolve_account("ContainerUser"),
        ..Owner::default()
    });
    let (_, tree, _) = owned.run().unwrap();
    assert!(sddl(&tree, "out").starts_with("O:S-1-5-93-2-2"));
    assert!(sddl(&tree, "out/d/f").contains("(A;;FA;;;S-1-5-93-2-2)"));
    assert!(sddl(&tree, "out/d/l").starts_with("O:S-1-5-93-2-2"));
}

#[test]
fn passed_through() {
    // Directories on the way are written with what the base says of them, name and all.
    let sd = "AQAAgBQAAAAkAAAAAAAAAAAAAAABAgAAAAAABSAAAAAgAgAAAQIAAAAAAAUgAAAAIAIAAA==";
    let program = format!(
        "d Files/Program | mode=40000 time=3.5 MSWINDOWS.fileattr=17 MSWINDOWS.rawsd={sd} \
         LIBARCHIVE.creationtime=2 atime=4 ctime=5 MSWINDOWS.xattr.A=Qg=="
    );
    let base: &[&[&str]] = &[&[
        "d Hives",
        "d Files | time=8 LIBARCHIVE.creationtime=1",
        &program,
    ]];
    let mut copy = case(Linux, &[&["f a 1"]], Windows);
    (copy.to.1, copy.sources, copy.destination) = (base, &["/a"], "/PROGRAM/new");
    let (plan, _, blobs) = copy.run().unwrap();
    let index = index(&write(&plan, &blobs)).unwrap();
    let paths: Vec<_> = index
        .entries()
        .map(|e| String::from_utf8(e.path().to_vec()).unwrap())
        .collect();
    assert_eq!(
        paths,
        ["Hives", "Files", "Files/Program", "Files/Program/new"]
    );
    let passed = index.entry(2);
    assert_eq!(passed.modified().to_pax(), "3.5");
    for (key, value) in [
        ("MSWINDOWS.fileattr", "17"),
        ("MSWINDOWS.rawsd", sd),
        ("LIBARCHIVE.creationtime", "2"),
        ("atime", "4"),
        ("ctime", "5"),
        ("MSWINDOWS.xattr.A", "Qg=="),
    ] {
        assert_eq!(
            passed.record(key.as_bytes()),
            Some(value.as_bytes()),
            "{key}"
        );
    }
    assert_eq!(index.entry(1).record(b"MSWINDOWS.rawsd"), None);
    assert_eq!(index.entry(1).modified().to_pax(), "8");
    assert_eq!(
        index.entry(3).record(b"CROSSDOCK.origin"),
        Some(&b"posix"[..])
    );
    assert_eq!(index.entry(0).record(b"CROSSDOCK.origin"), None);
    // --link on Linux writes no parents; on Windows it writes the table's.
    let mut blobs = HashMap::new();
    let source = stack(Linux, &[&["f a 1"]], &mut blobs);
    let selected = select(&source, b"/a", false, &star).unwrap();
    for (format, expected) in [
        (Linux, vec!["x/y/a"]),
        (
            Windows,
            vec!["Hives", "Files", "Files/x", "Files/x/y", "Files/x/y/a"],
        ),
    ] {
        let mut gathered = Gathered::new();
        gathered.add_file(&source, &selected[0]).unwrap();
        let mut edit = LayerEdit::independent(format, options().default_time);
        edit.copy(&gathered, b"/x/y", &options()).unwrap();
        let plan = edit.finish();
        let paths: Vec<_> = plan
            .entries
            .iter()
            .map(|e| String::from_utf8(e.header.path.clone()).unwrap())
            .collect();
        assert_eq!(paths, expected);
    }
}

#[test]
fn whole_trees() {
    let mut blobs = HashMap::new();
    let source = stack(
        Linux,
        &[&["d d", "f d/a 1", "d d/e", "h d/e/b -> d/a", "l s -> d"]],
        &mut blobs,
    );
    let check = |paths: &[(&str, bool)], expected: &[&str]| {
        let mut gathered = Gathered::new();
        for (path, follow) in paths {
            let found = select(&source, path.as_bytes(), false, &star).unwrap();
            let mut selected = found[0].clone();
            if !follow {
                selected.node = selected.named;
            }
            gathered.add_tree(&source, &selected).unwrap();
        }
        let mut edit = LayerEdit::independent(Linux, options().default_time);
        edit.copy(&gathered, b"/", &options()).unwrap();
        let plan = edit.finish();
        let paths = plan.entries.iter().map(|entry| {
            let link = String::from_utf8_lossy(&entry.header.link);
            format!("{} {link}", String::from_utf8_lossy(&entry.header.path))
        });
        assert_eq!(paths.collect::<Vec<_>>(), expected);
    };
    check(&[("/d", false)], &["d/ ", "d/a ", "d/e/ ", "d/e/b d/a"]);
    // A link comes as such, or as what it leads to under its own name.
    check(&[("/s", false)], &["s d"]);
    check(&[("/s", true)], &["s/ ", "s/a ", "s/e/ ", "s/e/b s/a"]);
    check(
        &[("/d/e", false), ("/d/a", false), ("/d/e", false)],
        &["a ", "e/ ", "e/b a"],
    );
}

#[test]
fn many_hard_links() {
    let names: Vec<String> = (0..1500).map(|n| format!("h l{n:04} -> a")).collect();
    let mut lines = vec!["f a 1"];
    lines.extend(names.iter().map(String::as_str));
    let layers: &[&[&str]] = &[&lines];
    let (plan, ..) = case(Linux, layers, Windows).run().unwrap();
    let files = plan
        .entries
        .iter()
        .filter(|entry| entry.content.is_some())
        .count();
    assert_eq!((files, plan.losses.len()), (2, 1));
    let (plan, ..) = case(Linux, layers, Linux).run().unwrap();
    let files = plan
        .entries
        .iter()
        .filter(|entry| entry.content.is_some())
        .count();
    assert_eq!((files, plan.losses.len()), (1, 0));
}

#[test]
fn streams_and_limits() {
    let large = "z".repeat(900_000);
    let stream = format!("f Files/a:big {large}");
    let layers: &[&[&str]] = &[&[
        "d Hives",
        "d Files",
        "f Files/a 1",
        "f Files/a:s= two",
        &stream,
    ]];
    let (plan, tree, blobs) = case(Windows, layers, Linux).run().unwrap();
    assert_eq!(show(&tree, &blobs), ["d out", "f out/a 1 :s==two"]);
    assert_eq!(plan.losses.len(), 1);
    assert!(plan.losses[0].detail.contains("big"), "{:?}", plan.losses);
    let attribute = format!("f a 1 | SCHILY.xattr.user.big={}", "x".repeat(999_900));
    let layers: &[&[&str]] = &[&[&attribute]];
    let (plan, ..) = case(Linux, layers, Windows).run().unwrap();
    assert_eq!(plan.losses.len(), 1);
}

#[test]
fn windows_base() {
    let plan = LayerEdit::windows_base(options().default_time).finish();
    let tree = apply(&plan, &Tree::empty(Windows), &mut HashMap::new());
    let files = tree.entry(tree.root()).unwrap();
    assert_eq!(
        files.win32.descriptor.as_deref(),
        Some(crate::default_directory().as_bytes())
    );
    for hive in crate::HIVES {
        let path = format!("windows/system32/CONFIG/{hive}");
        let node = tree.lookup(tree.root(), path.as_bytes(), false).unwrap();
        let crate::Kind::File(content) = tree.entry(node).unwrap().kind else {
            panic!("{hive}")
        };
        assert_eq!(content.size(), 8192);
    }
}

#[test]
fn working_directories() {
    let mut blobs = HashMap::new();
    let base = stack(
        Linux,
        &[&["d usr", "d usr/bin", "l bin -> usr/bin", "f file 1"]],
        &mut blobs,
    );
    let check = |path: &str, made: Result<bool, &str>, entries: usize| {
        let mut edit = LayerEdit::upon(base.clone(), options().default_time);
        let owner = Owner {
            uid: Some(5),
            ..Owner::default()
        };
        match (edit.make_directory(path.as_bytes(), Some(&owner)), made) {
            (Ok(found), Ok(made)) => assert_eq!(found, made, "{path}"),
            (Err(error), Err(text)) => assert!(error.to_string().contains(text), "{path}: {error}"),
            (found, _) => panic!("{path}: {found:?}"),
        }
        assert_eq!(edit.finish().entries.len(), entries, "{path}");
    };
    check("/", Ok(false), 0);
    check("/bin", Ok(false), 0);
    check("/bin/x", Ok(true), 3);
    check("/a/b/c", Ok(true), 3);
    check("/file", Err("non-directory"), 0);
    check("/file/x", Err("not a directory"), 0);
}
