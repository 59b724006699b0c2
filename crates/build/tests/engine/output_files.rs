//! The files of images, as a tar and as a folder.

use std::fs;
use std::path::Path;

use crossdock_build::{ErrorClass, ForeignMetadata, Output, OutputKind, OutputOptions, Target};
use crossdock_host::{ContextKind, ContextReader, HOST_NAMES, HostNames, Visit};

use crate::archive::{Entry, dir, file, hard_link, symlink};
use crate::bench::{Ask, Bench};

/// A base, and files to copy.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.linux_base(
        "base",
        &[
            dir("etc/", 0o755),
            file("etc/a", 0o640, "a").owned(7, 8).at(1_000_000),
            hard_link("etc/b", "etc/a"),
            symlink("etc/link", "a"),
            file("etc/old", 0o644, "old"),
            dir("run/", 0o1777),
            file("run/x:y", 0o644, "named").record("SCHILY.xattr.user.k", "v"),
        ],
    );
    bench.file("new", "new");
    bench
}

const DOCKERFILE: &str = "FROM oci-layout://base\nCOPY new /etc/old\nCOPY new /n/\n";

fn tar(bench: &Bench, name: &str, options: OutputOptions) -> Output {
    Output {
        kind: OutputKind::Tar(Target::File(bench.path(name))),
        options,
    }
}

fn unsplit() -> OutputOptions {
    OutputOptions {
        platform_split: Some(false),
        ..OutputOptions::default()
    }
}

/// Builds, and reads the tar.
#[track_caller]
fn build_tar(bench: &Bench, dockerfile: &str, options: OutputOptions, ask: Ask<'_>) -> Tar {
    let outputs = Some(vec![tar(bench, "files.tar", options)]);
    bench.build(dockerfile, Ask { outputs, ..ask }).unwrap();
    let bytes = fs::read(bench.path("files.tar")).unwrap();
    Tar {
        entries: crate::archive::read(&bytes),
        bytes,
    }
}

struct Tar {
    entries: Vec<Entry>,
    bytes: Vec<u8>,
}

impl Tar {
    fn lines(&self) -> Vec<String> {
        self.entries.iter().map(Entry::short_line).collect()
    }
}

#[test]
fn linux_as_a_tar() {
    let bench = bench();
    let first = build_tar(&bench, DOCKERFILE, OutputOptions::default(), Ask::default());
    assert_eq!(
        first.lines(),
        [
            "d etc/",
            "f etc/a \"a\"",
            "h etc/b -> etc/a",
            "l etc/link -> a",
            "f etc/old \"new\"",
            "d n/",
            "f n/new \"new\"",
            "d run/",
            "f run/x:y \"named\"",
        ]
    );
    assert_eq!(first.entries[1].line(), "f 640 7:8 etc/a \"a\"");
    assert_eq!(first.entries[1].mtime, "1000000");
    assert_eq!(first.entries[7].mode(), 0o1777);
    let xattr = first.entries[8].records.get("SCHILY.xattr.user.k");
    assert_eq!(xattr.map(Vec::as_slice), Some(&b"v"[..]));
    // Equal inputs give equal bytes.
    let ask = Ask {
        store: "store-other",
        threads: 1,
        no_cache: true,
        ..Ask::default()
    };
    let second = build_tar(&bench, DOCKERFILE, OutputOptions::default(), ask);
    assert!(first.bytes == second.bytes);
    let ask = Ask {
        epoch: Some(500),
        ..Ask::default()
    };
    let clamped = build_tar(&bench, DOCKERFILE, OutputOptions::default(), ask);
    let newest = clamped.entries.iter().map(|entry| entry.mtime.clone());
    assert!(newest.clone().all(|time| time == "500" || time == "0"));
}

#[test]
fn nothing_as_a_tar() {
    let bench = bench();
    let empty = build_tar(
        &bench,
        "FROM scratch\n",
        OutputOptions::default(),
        Ask::default(),
    );
    assert!(empty.entries.is_empty());
    assert_eq!(empty.bytes, [0; 1024]);
}

/// More than is brought out of layers at once.
#[test]
fn large_files() {
    let bench = bench();
    let large = vec![7; 150 << 20];
    for name in ["one", "two", "three"] {
        bench.file(name, &large);
    }
    let ask = Ask {
        outputs: Some(vec![
            OutputKind::Local(bench.path("files")).into(),
            tar(&bench, "files.tar", OutputOptions::default()),
        ]),
        ..Ask::default()
    };
    bench.build("FROM scratch\nCOPY . /\n", ask).unwrap();
    for name in ["one", "two", "three"] {
        assert!(fs::read(bench.path(&format!("files/{name}"))).unwrap() == large);
    }
    assert_eq!(fs::read(bench.path("files/new")).unwrap(), b"new");
    let size = fs::metadata(bench.path("files.tar")).unwrap().len();
    assert!(size > 450 << 20);
}

const SYSTEMS: [&str; 2] = ["linux/amd64", "windows(10.0.20348.1)/amd64"];

#[test]
fn several_platforms() {
    let bench = bench();
    let dockerfile = "FROM --platform=linux/amd64 oci-layout://base AS linux\n\
                      FROM scratch\nARG TARGETOS\nCOPY --from=linux /run/ /app-$TARGETOS/\n";
    let ask = || Ask {
        platforms: &SYSTEMS,
        ..Ask::default()
    };
    let split = build_tar(&bench, dockerfile, OutputOptions::default(), ask());
    let lines = split.lines();
    assert_eq!(
        lines[..4],
        [
            "d linux_amd64/",
            "d linux_amd64/app-linux/",
            "f linux_amd64/app-linux/x:y \"named\"",
            "d windows_amd64/",
        ]
    );
    // The file system of the Windows image, its names as Linux has them.
    let file = "f windows_amd64/app-windows/x:y \"named\"".to_owned();
    assert!(lines.contains(&file), "{lines:#?}");
    let hive = |line: &String| line.starts_with("f windows_amd64/Windows/System32/config/SAM");
    assert!(lines.iter().any(hive), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.contains("Hives")));
    let merged = build_tar(&bench, dockerfile, unsplit(), ask());
    let lines = merged.lines();
    assert!(lines.contains(&"f app-linux/x:y \"named\"".to_owned()));
    assert!(lines.contains(&"f app-windows/x:y \"named\"".to_owned()));
    // One platform alone has no folder, unless that is asked for.
    let only = build_tar(
        &bench,
        "FROM scratch\nCOPY new /\n",
        OutputOptions::default(),
        Ask::default(),
    );
    assert_eq!(only.lines(), ["f new \"new\""]);
    let options = OutputOptions {
        platform_split: Some(true),
        ..OutputOptions::default()
    };
    let only = build_tar(
        &bench,
        "FROM scratch\nCOPY new /\n",
        options,
        Ask::default(),
    );
    assert_eq!(
        only.lines(),
        ["d linux_amd64/", "f linux_amd64/new \"new\""]
    );
    let ask = Ask {
        outputs: Some(vec![tar(&bench, "overlap.tar", unsplit())]),
        ..ask()
    };
    let failed = bench
        .build("FROM scratch\nCOPY new /\n", ask)
        .err()
        .unwrap();
    let expected = "new is in the images for linux/amd64 and windows(10.0.20348.1)/amd64";
    assert!(failed.text.contains(expected), "{}", failed.text);
    assert_eq!(failed.class, ErrorClass::Input);
    assert!(!bench.path("overlap.tar").exists());
}

/// What Windows knows of a file travels in records of the tar, unless it is to be dropped.
#[test]
fn foreign_metadata() {
    let bench = bench();
    let records = |foreign| {
        let ask = Ask {
            platform: SYSTEMS[1],
            foreign,
            ..Ask::default()
        };
        let tar = build_tar(
            &bench,
            "FROM scratch\nCOPY new /\n",
            OutputOptions::default(),
            ask,
        );
        let entries = tar.entries.iter();
        let hive = entries.clone().find(|e| e.name.ends_with("/SAM")).unwrap();
        hive.records.contains_key("MSWINDOWS.rawsd")
    };
    assert!(records(ForeignMetadata::Keep));
    assert!(!records(ForeignMetadata::Drop));
}

/// Files below a folder with their content.
fn list(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.symlink_metadata().unwrap().is_dir() {
                true => folders.push(path),
                false => {
                    let content = fs::read_to_string(&path).unwrap_or_default();
                    let path = path.strip_prefix(folder).unwrap();
                    found.push((path.display().to_string().replace('\\', "/"), content));
                }
            }
        }
    }
    found.sort();
    found
}

#[test]
fn folders() {
    let bench = bench();
    let build = |dockerfile: &str, ask: Ask<'_>| {
        let outputs = Some(vec![OutputKind::Local(bench.path("files")).into()]);
        bench.build(dockerfile, Ask { outputs, ..ask })
    };
    fs::create_dir_all(bench.path("files/etc")).unwrap();
    fs::write(bench.path("files/etc/mine"), "mine").unwrap();
    fs::write(bench.path("files/etc/a"), "was there").unwrap();
    let dockerfile = "FROM scratch\nCOPY new /etc/a\nCOPY new /n/\n";
    build(dockerfile, Ask::default()).unwrap();
    let pair = |path: &str, content: &str| (path.to_owned(), content.to_owned());
    let expected = [
        pair("etc/a", "new"),
        pair("etc/mine", "mine"),
        pair("n/new", "new"),
    ];
    assert_eq!(list(&bench.path("files")), expected);
    // With a folder for each of several platforms.
    let ask = Ask {
        platforms: &["linux/amd64", "linux/arm64"],
        ..Ask::default()
    };
    build("FROM scratch\nCOPY new /\n", ask).unwrap();
    let found = list(&bench.path("files"));
    assert!(
        found.contains(&pair("linux_arm64/new", "new")),
        "{found:#?}"
    );
    // A file is no place for files, and a build that fails writes none.
    fs::write(bench.path("file"), "").unwrap();
    let ask = Ask {
        outputs: Some(vec![OutputKind::Local(bench.path("file")).into()]),
        ..Ask::default()
    };
    let failed = bench.build(dockerfile, ask).err().unwrap();
    assert!(failed.text.contains("no folder"), "{}", failed.text);
    assert_eq!(failed.class, ErrorClass::Input);
}

#[test]
fn a_whole_base_in_a_folder() {
    // Windows has neither the modes nor the names, and what Wine makes of links means nothing.
    if HOST_NAMES == HostNames::Windows {
        return;
    }
    let bench = bench();
    let ask = Ask {
        outputs: Some(vec![OutputKind::Local(bench.path("files")).into()]),
        ..Ask::default()
    };
    let told = bench.build(DOCKERFILE, ask).unwrap().told;
    let reader = ContextReader::open(&bench.path("files")).unwrap();
    let entries = reader.walk(&mut |_, _| Visit::Include).unwrap();
    let found = |path: &str| {
        let entry = entries.iter().find(|entry| entry.path == path.as_bytes());
        entry.unwrap_or_else(|| panic!("{path} is not there"))
    };
    assert_eq!(found("etc/a").mode, 0o640);
    assert_eq!(found("etc/a").mtime, (1_000_000, 0));
    assert!(found("etc/a").hard_link.is_some());
    assert_eq!(found("etc/a").hard_link, found("etc/b").hard_link);
    assert_eq!(found("run").mode, 0o1777);
    let target = b"a".to_vec();
    assert_eq!(found("etc/link").kind, ContextKind::Symlink { target });
    assert_eq!(fs::read(bench.path("files/etc/old")).unwrap(), b"new");
    assert_eq!(fs::read(bench.path("files/run/x:y")).unwrap(), b"named");
    // Root gives files away; others are told once that they have them.
    let owners = |text: &&String| text.contains("owners are not kept");
    assert_eq!(
        told.warnings.iter().filter(owners).count(),
        told.warnings.len().min(1)
    );
    // docker keeps no owners either: that is nothing to fail for.
    let ask = Ask {
        outputs: Some(vec![OutputKind::Local(bench.path("files")).into()]),
        strict: true,
        ..Ask::default()
    };
    let built = bench.build("FROM oci-layout://base\nCOPY new /\n", ask);
    // A temporary folder may lie where there are no extended attributes.
    if let Err(failed) = built {
        assert_eq!(failed.class, ErrorClass::Strict, "{}", failed.text);
        let attribute = |text: &String| text.contains("the extended attribute user.k");
        assert!(failed.told.warnings.iter().any(attribute));
    }
}
