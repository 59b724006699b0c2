//! Files of images on the host: places, what is kept, what must not happen.

use std::fs;
use std::path::Path;

use crossdock_build::{
    CopiedOut, CopyOutError, CopyOutOptions, CopySource, Environment, ErrorClass, ForeignMetadata,
    ImageSource, Images, Limits, Platform, PlatformChoice, Registry, RemoteConfig, Store,
};
use crossdock_host::{ContextEntry, ContextKind, ContextReader, HOST_NAMES, HostNames, Visit};
use serde_json::json;

use crate::archive::{self, Member, dir, file, hard_link, symlink};
use crate::bench::{Bench, Codec, linux};

/// What is asked of a copy beside its sources.
#[derive(Clone, Copy, Default)]
struct Ask {
    follow: bool,
    owners: bool,
}

/// Opens `oci-layout://NAME` for each of `sources` (image, path), and copies.
fn with_sources<T>(
    bench: &Bench,
    sources: &[(&str, &str)],
    act: impl FnOnce(&Images<'_>, &[CopySource<'_>]) -> Result<T, CopyOutError>,
) -> Result<T, (String, ErrorClass)> {
    let store = Store::open(&bench.path("store")).unwrap();
    let registry = Registry::new(RemoteConfig::new(Environment::default()));
    let images = Images::new(&store, &registry, 2, Limits::default(), &|_| {});
    let choice = PlatformChoice {
        wanted: None,
        default: "linux/amd64".parse::<Platform>().unwrap(),
    };
    let opened: Vec<_> = sources
        .iter()
        .map(|(name, _)| {
            let name = format!("oci-layout://{}", bench.path(name).display());
            let source = ImageSource::from_argument(&name).unwrap();
            images.open(&source, &choice).unwrap()
        })
        .collect();
    let pairs = opened.iter().zip(sources);
    let sources: Vec<_> = pairs
        .map(|(image, (_, path))| CopySource { image, path })
        .collect();
    act(&images, &sources).map_err(|error| (error.to_string(), error.class()))
}

fn copy(
    bench: &Bench,
    sources: &[(&str, &str)],
    destination: &Path,
    ask: Ask,
) -> Result<CopiedOut, (String, ErrorClass)> {
    let options = CopyOutOptions {
        follow: ask.follow,
        ..CopyOutOptions::default()
    };
    with_sources(bench, sources, |images, sources| {
        let (copy, placing) =
            images.copy_to_folder(sources, destination, ForeignMetadata::Keep, &options)?;
        copy.write_folder(&placing, ask.owners)
    })
}

fn tar(bench: &Bench, sources: &[(&str, &str)], foreign: ForeignMetadata) -> Vec<u8> {
    let copied = with_sources(bench, sources, |images, sources| {
        let copy = images.copy_to_tar(sources, foreign, &CopyOutOptions::default())?;
        let mut bytes = Vec::new();
        copy.write_tar(&mut bytes)?;
        Ok(bytes)
    });
    copied.unwrap()
}

fn entries(folder: &Path) -> Vec<ContextEntry> {
    let reader = ContextReader::open(folder).unwrap();
    reader.walk(&mut |_, _| Visit::Include).unwrap()
}

/// Paths below a folder: content of files, a slash for directories, `-> target` for links.
fn list(folder: &Path) -> Vec<String> {
    let lines = entries(folder).into_iter().map(|entry| {
        let path = String::from_utf8(entry.path).unwrap();
        match entry.kind {
            ContextKind::File { .. } => {
                let content = fs::read_to_string(folder.join(&path)).unwrap_or_default();
                format!("{path} {content}")
            }
            ContextKind::Directory => format!("{path}/"),
            ContextKind::Symlink { target } => {
                format!("{path} -> {}", String::from_utf8(target).unwrap())
            }
            other => format!("{path} {other:?}"),
        }
    });
    lines.collect()
}

/// An image `oci-layout://windows` of one layer, which says what is in `Files`.
fn windows_base(bench: &Bench, members: &[Member]) {
    let mut layout = bench.layout("windows");
    let above = [dir("Hives/", 0), dir("Files/", 0)];
    let tar = archive::tar(&[&above[..], members].concat());
    let config = json!({
        "os": "windows", "architecture": "amd64", "os.version": "10.0.20348.1",
    });
    let image = layout.image(&[(tar, Codec::Gzip)], config);
    layout.tag(&image, "latest");
    layout.write();
}

/// The table of `docker cp`'s reference: SRC_PATH and DEST_PATH.
#[test]
fn places() {
    let bench = Bench::new();
    bench.linux_base(
        "base",
        &[
            file("f", 0o644, "1"),
            dir("d/", 0o755),
            file("d/x", 0o644, "2"),
            dir("d/e/", 0o755),
        ],
    );
    let check = |sources: &[&str], place: &str, expected: Result<&[&str], &str>| {
        let host = bench.path("host");
        let _ = fs::remove_dir_all(&host);
        fs::create_dir_all(host.join("dir")).unwrap();
        fs::write(host.join("file"), "old").unwrap();
        let sources: Vec<_> = sources.iter().map(|path| ("base", *path)).collect();
        // Joined as text, for what stands at the end.
        let place = format!("{}/{place}", host.display());
        let copied = copy(&bench, &sources, Path::new(&place), Ask::default());
        match (copied, expected) {
            (Ok(_), Ok(expected)) => assert_eq!(list(&host), expected, "{place}"),
            (Err((text, class)), Err(expected)) => {
                assert!(text.contains(expected), "{text}");
                assert_eq!(class, ErrorClass::Input, "{text}");
                assert_eq!(list(&host), ["dir/", "file old"], "{text}");
            }
            (copied, _) => panic!("{place}: {copied:?}"),
        }
    };
    // A file.
    check(&["/f"], "new", Ok(&["dir/", "file old", "new 1"]));
    check(&["/f"], "new/", Err("there is no such folder"));
    check(&["/f"], "no/new", Err("is no folder that it could be in"));
    check(&["/f"], "file", Ok(&["dir/", "file 1"]));
    check(&["/f"], "file/", Err("is not a folder"));
    check(&["/f"], "dir", Ok(&["dir/", "dir/f 1", "file old"]));
    check(&["f"], "dir/", Ok(&["dir/", "dir/f 1", "file old"]));
    check(&["/d/x"], "dir/.", Ok(&["dir/", "dir/x 2", "file old"]));
    check(&["/f"], "", Ok(&["dir/", "f 1", "file old"]));
    check(&["/f/"], "dir", Err("is not a directory"));
    check(&["/no"], "dir", Err("no"));
    // A directory.
    let new = ["dir/", "file old", "new/", "new/e/", "new/x 2"];
    check(&["/d"], "new", Ok(&new));
    check(&["/d"], "new/", Ok(&new));
    check(&["/d/"], "new", Ok(&new));
    check(&["/d/."], "new", Ok(&new));
    check(&["/d"], "no/new", Err("is no folder that it could be in"));
    check(&["/d"], "file", Err("is a file, and a directory"));
    check(&["/d/."], "file", Err("is a file, and a directory"));
    let below = ["dir/", "dir/d/", "dir/d/e/", "dir/d/x 2", "file old"];
    check(&["/d"], "dir", Ok(&below));
    check(&["/d/"], "dir", Ok(&below));
    let contents = ["dir/", "dir/e/", "dir/x 2", "file old"];
    check(&["/d/."], "dir", Ok(&contents));
    // The root has no name.
    let root = [
        "dir/",
        "dir/d/",
        "dir/d/e/",
        "dir/d/x 2",
        "dir/f 1",
        "file old",
    ];
    check(&["/"], "dir", Ok(&root));
    check(&["."], "dir", Ok(&root));
    let root = [
        "dir/",
        "file old",
        "new/",
        "new/d/",
        "new/d/e/",
        "new/d/x 2",
        "new/f 1",
    ];
    check(&["/"], "new", Ok(&root));
    // Several.
    let both = ["dir/", "dir/f 1", "dir/x 2", "file old"];
    check(&["/f", "/d/x"], "dir", Ok(&both));
    check(&["/f", "/d/x"], "new", Err("there is no such folder"));
    check(&["/f", "/d/x"], "file", Err("is not a folder"));
}

/// What is there of another kind is not removed.
#[test]
fn other_kinds() {
    let bench = Bench::new();
    bench.linux_base(
        "base",
        &[
            file("a", 0o644, "1"),
            dir("d/", 0o755),
            file("d/x", 0o644, "2"),
        ],
    );
    let check = |path: &str, before: &str, expected: &str| {
        let host = bench.path("host");
        let _ = fs::remove_dir_all(&host);
        let before = host.join(before);
        fs::create_dir_all(before.parent().unwrap()).unwrap();
        fs::write(&before, "mine").unwrap();
        let (text, class) = copy(&bench, &[("base", path)], &host, Ask::default()).unwrap_err();
        assert!(text.contains(expected), "{text}");
        assert_eq!(class, ErrorClass::Input);
        assert_eq!(fs::read_to_string(before).unwrap(), "mine");
    };
    check("/a", "a/mine", "a folder is there");
    check("/d", "d/x/mine", "a folder is there");
    check("/d", "d", "no folder is there");
}

/// A tree on a host that can hold all of it, entry by entry.
#[test]
fn everything_of_a_tree() {
    // Windows has neither the modes nor the names, and what Wine makes of links means nothing.
    if HOST_NAMES == HostNames::Windows {
        return;
    }
    let bench = Bench::new();
    bench.linux_base(
        "base",
        &[
            dir("t/", 0o1751).at(5),
            file("t/a", 0o640, "a")
                .owned(7, 8)
                .record("mtime", "1000000.123456789"),
            hard_link("t/b", "t/a"),
            symlink("t/absolute", "/etc/passwd").at(77),
            symlink("t/up", "../../../x"),
            file("t/x:y\\ \u{f03a}", 0o444, "named").record("SCHILY.xattr.user.k", "v"),
            file("t/s", 0o4755, "program"),
            symlink("link", "t"),
            dir("t/closed/", 0o500),
            file("t/closed/z", 0o600, vec![7; 300_000]),
        ],
    );
    let host = bench.path("host");
    fs::create_dir(&host).unwrap();
    let copied = copy(&bench, &[("base", "/t")], &host, Ask::default()).unwrap();
    assert_eq!((copied.entries, copied.bytes), (9, 1 + 5 + 7 + 300_000));
    let lines: Vec<&str> = copied.left_out.iter().map(|line| &*line.text).collect();
    let expected = "setuid and setgid are left out, as the owner is not kept: t/s";
    assert!(lines.contains(&expected), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.contains("owners are")));
    let found = entries(&host);
    let of = |path: &str| {
        let entry = found.iter().find(|entry| entry.path == path.as_bytes());
        entry.unwrap_or_else(|| panic!("{path} is not there"))
    };
    assert_eq!(found.len(), 9);
    assert_eq!((of("t").mode, of("t").mtime), (0o1751, (5, 0)));
    assert_eq!(
        (of("t/a").mode, of("t/a").mtime),
        (0o640, (1_000_000, 123_456_789))
    );
    assert!(of("t/a").hard_link.is_some());
    assert_eq!(of("t/a").hard_link, of("t/b").hard_link);
    let link = |target: &str| ContextKind::Symlink {
        target: target.into(),
    };
    assert_eq!(of("t/absolute").kind, link("/etc/passwd"));
    assert_eq!(of("t/absolute").mtime, (77, 0));
    assert_eq!(of("t/up").kind, link("../../../x"));
    assert_eq!(of("t/x:y\\ \u{f03a}").mode, 0o444);
    assert_eq!(of("t/s").mode, 0o755);
    assert_eq!(of("t/closed").mode, 0o500);
    assert!(fs::read(host.join("t/closed/z")).unwrap() == [7; 300_000]);
    // A temporary folder may lie where there are no extended attributes.
    if !lines.iter().any(|line| line.contains("user.k")) {
        let xattr = (b"user.k".to_vec(), b"v".to_vec());
        assert!(of("t/x:y\\ \u{f03a}").xattrs.contains(&xattr));
    }
    // With its owner a program keeps what it may do in the owner's name.
    let ask = Ask {
        owners: true,
        ..Ask::default()
    };
    let copied = copy(&bench, &[("base", "/t/s")], &host.join("given"), ask).unwrap();
    let found = entries(&host);
    let given = found.iter().find(|entry| entry.path == b"given").unwrap();
    let told = copied.left_out.iter().any(|line| line.is_usual);
    assert_eq!(given.mode, if told { 0o755 } else { 0o4755 });
}

#[test]
fn links() {
    if HOST_NAMES == HostNames::Windows {
        return;
    }
    let bench = Bench::new();
    bench.linux_base(
        "base",
        &[
            dir("d/", 0o755),
            file("d/x", 0o644, "1"),
            symlink("to-dir", "d"),
            symlink("to-file", "/d/x"),
            symlink("nowhere", "no"),
        ],
    );
    let check = |path: &str, follow: bool, expected: &[&str]| {
        let host = bench.path("host");
        let _ = fs::remove_dir_all(&host);
        fs::create_dir(&host).unwrap();
        let ask = Ask {
            follow,
            ..Ask::default()
        };
        // Twice: what a copy made does not stand in the way of the next.
        for _ in 0..2 {
            copy(&bench, &[("base", path)], &host, ask).unwrap();
        }
        assert_eq!(list(&host), expected, "{path}");
    };
    check("/to-dir", false, &["to-dir -> d"]);
    check("/to-file", false, &["to-file -> /d/x"]);
    check("/nowhere", false, &["nowhere -> no"]);
    check("/to-dir", true, &["to-dir/", "to-dir/x 1"]);
    check("/to-file", true, &["to-file 1"]);
    check("/to-dir/", false, &["to-dir/", "to-dir/x 1"]);
    check("/to-dir/.", false, &["x 1"]);
    check("/to-dir/x", false, &["x 1"]);
    let host = bench.path("host");
    let ask = Ask {
        follow: true,
        ..Ask::default()
    };
    assert!(copy(&bench, &[("base", "/nowhere")], &host, ask).is_err());
    // Under another name, again and again.
    for _ in 0..2 {
        copy(
            &bench,
            &[("base", "/nowhere")],
            &host.join("l"),
            Ask::default(),
        )
        .unwrap();
    }
    // A link that the user names is followed, unless it leads nowhere.
    let refused = copy(&bench, &[("base", "/d/x")], &host.join("l"), Ask::default());
    assert!(refused.unwrap_err().0.contains("leads nowhere"));
}

/// Nothing is written outside of the place, whatever the image's links say.
#[test]
fn hostile_links() {
    let bench = Bench::new();
    let victim = bench.path("victim");
    fs::create_dir(&victim).unwrap();
    let target = victim.to_string_lossy().into_owned();
    let mut layout = bench.layout("base");
    // A link, which a layer above makes a directory.
    let lower = archive::tar(&[dir("t/", 0o755), symlink("t/out", &target)]);
    let upper = archive::tar(&[dir("t/out/", 0o755), file("t/out/stolen", 0o644, "1")]);
    let image = layout.image(
        &[(lower.clone(), Codec::Gzip), (upper, Codec::Gzip)],
        linux(),
    );
    layout.tag(&image, "latest");
    layout.write();
    let mut layout = bench.layout("link");
    let image = layout.image(&[(lower, Codec::Gzip)], linux());
    layout.tag(&image, "latest");
    layout.write();
    let host = bench.path("host");
    fs::create_dir(&host).unwrap();
    let before_link = bench.path("other");
    fs::create_dir(&before_link).unwrap();
    // Both in one copy, the link first: then they exclude each other, or the directory stays.
    let _ = copy(
        &bench,
        &[("link", "/t/."), ("base", "/t/.")],
        &before_link,
        Ask::default(),
    );
    assert_eq!(list(&victim), Vec::<String>::new());
    // The link of an earlier copy is not followed by a later one.
    let first = copy(&bench, &[("link", "/t")], &host, Ask::default());
    let again = copy(&bench, &[("base", "/t")], &host, Ask::default());
    // Hosts with Windows' names may have no links to such places.
    if HOST_NAMES == HostNames::Posix {
        first.unwrap();
        let (text, _) = again.unwrap_err();
        assert!(text.contains("no folder is there"), "{text}");
    }
    assert_eq!(list(&victim), Vec::<String>::new());
}

#[test]
fn names_of_windows() {
    let bench = Bench::new();
    windows_base(
        &bench,
        &[
            dir("Files/App/", 0),
            file("Files/App/a\u{f03a}b", 0, "colon"),
            file("Files/App/Plain.txt", 0, "plain"),
            file("Files/App/Plain.txt:extra", 0, "stream"),
            hard_link("Files/App/Twin.txt", "Files/App/Plain.txt"),
        ],
    );
    for path in ["C:\\app", "/APP", "app\\"] {
        let host = bench.path("host");
        let _ = fs::remove_dir_all(&host);
        fs::create_dir(&host).unwrap();
        let copied = copy(&bench, &[("windows", path)], &host, Ask::default()).unwrap();
        let colon = match HOST_NAMES {
            HostNames::Posix => "App/a:b colon",
            HostNames::Windows => "App/a\u{f03a}b colon",
        };
        let expected = ["App/", "App/Plain.txt plain", "App/Twin.txt plain", colon];
        assert_eq!(list(&host), expected);
        let lines: Vec<_> = copied
            .left_out
            .iter()
            .filter(|line| !line.is_usual)
            .collect();
        let texts: Vec<&str> = lines.iter().map(|line| &*line.text).collect();
        match HOST_NAMES {
            HostNames::Posix => {
                let [only] = texts[..] else {
                    panic!("{texts:#?}");
                };
                assert!(
                    only.starts_with("alternate streams are left out: "),
                    "{only}"
                );
                assert!(only.ends_with("Plain.txt:extra"), "{only}");
            }
            // NTFS has all of it; under Wine each thing that it has not is told.
            HostNames::Windows => {
                let is_known = |text: &&str| {
                    let known = [
                        "the alternate stream extra cannot be written: App/Plain.txt",
                        "owners, modes and what else Windows has no place for are not kept",
                        "security descriptors cannot be set",
                        "times cannot be set",
                    ];
                    known.iter().any(|known| text.starts_with(known))
                };
                assert!(texts.iter().all(is_known), "{texts:#?}");
            }
        }
    }
    // Under another name, with its stream left out too.
    let place = bench.path("host").join("new.txt");
    copy(
        &bench,
        &[("windows", "/app/plain.TXT")],
        &place,
        Ask::default(),
    )
    .unwrap();
    assert_eq!(fs::read_to_string(place).unwrap(), "plain");
}

/// Names of Linux on a host that does not tell case apart, and on one that does.
#[test]
fn names_that_differ_in_case() {
    let bench = Bench::new();
    bench.linux_base(
        "base",
        &[
            dir("d/", 0o755),
            file("d/Name", 0o644, "1"),
            file("d/name", 0o644, "2"),
        ],
    );
    let host = bench.path("host");
    fs::create_dir(&host).unwrap();
    let copied = copy(&bench, &[("base", "/d")], &host, Ask::default());
    match HOST_NAMES {
        HostNames::Posix => {
            copied.unwrap();
            assert_eq!(list(&host), ["d/", "d/Name 1", "d/name 2"]);
        }
        HostNames::Windows => {
            let (text, class) = copied.unwrap_err();
            assert!(text.contains("--on-collision"), "{text}");
            assert_eq!(class, ErrorClass::Input);
        }
    }
}

#[test]
fn tars() {
    let bench = Bench::new();
    bench.linux_base(
        "base",
        &[
            dir("usr/", 0o755),
            dir("usr/d/", 0o711).owned(7, 8),
            file("usr/d/a", 0o4755, "a").record("SCHILY.xattr.user.k", "v"),
            hard_link("usr/d/b", "usr/d/a"),
            symlink("usr/d/l", "/x"),
        ],
    );
    let lines = |sources: &[(&str, &str)]| -> Vec<String> {
        let bytes = tar(&bench, sources, ForeignMetadata::Keep);
        archive::read(&bytes)
            .iter()
            .map(archive::Entry::line)
            .collect()
    };
    let tree = [
        "d 711 7:8 d/",
        "f 4755 0:0 d/a \"a\"",
        "h 4755 0:0 d/b -> d/a",
        "l 777 0:0 d/l -> /x",
    ];
    assert_eq!(lines(&[("base", "/usr/d")]), tree);
    assert_eq!(
        lines(&[("base", "/usr/d/.")]),
        [
            "f 4755 0:0 a \"a\"",
            "h 4755 0:0 b -> a",
            "l 777 0:0 l -> /x"
        ]
    );
    assert_eq!(lines(&[("base", "/usr/d/b")]), ["f 4755 0:0 b \"a\""]);
    assert_eq!(
        lines(&[("base", "/usr/d/b"), ("base", "/usr/d/l")]),
        ["f 4755 0:0 b \"a\"", "l 777 0:0 l -> /x"]
    );
    let whole = archive::read(&tar(&bench, &[("base", "/")], ForeignMetadata::Keep));
    let program = whole.iter().find(|entry| entry.name == "usr/d/a").unwrap();
    assert_eq!(program.records.get("SCHILY.xattr.user.k").unwrap(), b"v");
    // What Windows knows travels in records, or stays.
    windows_base(
        &bench,
        &[file("Files/x", 0, "1").record("MSWINDOWS.fileattr", "34")],
    );
    let known = |foreign| {
        let read = archive::read(&tar(&bench, &[("windows", "/x")], foreign));
        assert_eq!(read.len(), 1);
        read[0].records.contains_key("MSWINDOWS.fileattr")
    };
    assert!(known(ForeignMetadata::Keep));
    assert!(!known(ForeignMetadata::Drop));
}
