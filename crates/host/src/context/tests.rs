use std::fs;
use std::io::Read;

use super::*;

fn tree(paths: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for path in paths {
        let target = folder.path().join(path.trim_end_matches('/'));
        if path.ends_with('/') {
            fs::create_dir_all(target).unwrap();
        } else {
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::write(target, path.as_bytes()).unwrap();
        }
    }
    folder
}

fn paths(entries: &[ContextEntry]) -> Vec<String> {
    let text = |entry: &ContextEntry| String::from_utf8(entry.path.clone()).unwrap();
    entries.iter().map(text).collect()
}

/// Makes a tree, walks it with `filter`, and compares the paths that are delivered.
#[track_caller]
fn check(files: &[&str], filter: fn(&[u8], bool) -> Visit, expected: &[&str]) {
    let folder = tree(files);
    let reader = ContextReader::open(folder.path()).unwrap();
    let entries = reader
        .walk(&mut |path, is_directory| filter(path, is_directory))
        .unwrap();
    assert_eq!(paths(&entries), expected);
}

#[test]
fn order_and_filters() {
    let files = ["a/c", "a.b", "a-b/x/y", "d/", "z"];
    // `-` < `.` < `/`: the order is that of whole paths, not of single names.
    check(
        &files,
        |_, _| Visit::Include,
        &["a", "a-b", "a-b/x", "a-b/x/y", "a.b", "a/c", "d", "z"],
    );
    check(
        &files,
        |path, _| {
            if path == b"a-b" {
                Visit::Skip
            } else {
                Visit::Include
            }
        },
        &["a", "a.b", "a/c", "d", "z"],
    );
    check(
        &files,
        |_, is_directory| {
            if is_directory {
                Visit::SkipButDescend
            } else {
                Visit::Include
            }
        },
        &["a-b/x/y", "a.b", "a/c", "z"],
    );
    check(&files, |_, _| Visit::SkipButDescend, &[]);
    check(&[], |_, _| Visit::Include, &[]);
}

#[test]
fn kinds_and_content() {
    let folder = tree(&["dir/file"]);
    let reader = ContextReader::open(folder.path()).unwrap();
    let entries = reader.walk(&mut |_, _| Visit::Include).unwrap();
    assert_eq!(entries[0].kind, ContextKind::Directory);
    assert_eq!(entries[1].kind, ContextKind::File { size: 8 });
    let mut content = String::new();
    let mut file = reader.open_file(b"dir/file").unwrap();
    file.read_to_string(&mut content).unwrap();
    assert_eq!(content, "dir/file");
}

#[test]
fn paths_stay_inside() {
    let folder = tree(&["root/file", "secret"]);
    let reader = ContextReader::open(&folder.path().join("root")).unwrap();
    for path in [
        "",
        "/",
        "/file",
        "../secret",
        "./file",
        "file/",
        "a//b",
        "..",
        "a\0b",
    ] {
        let error = reader.open_file(path.as_bytes()).unwrap_err();
        assert!(
            matches!(error, ContextError::Path { .. }),
            "{path}: {error}"
        );
    }
    assert!(matches!(
        reader.open_file(b"missing").unwrap_err(),
        ContextError::Read { .. }
    ));
}

#[test]
fn a_missing_folder_is_named() {
    let folder = tree(&["file"]);
    for name in ["missing", "file"] {
        let path = folder.path().join(name);
        let error = ContextReader::open(&path).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[cfg(windows)]
mod windows;

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn walk(folder: &Path) -> Vec<ContextEntry> {
        let reader = ContextReader::open(folder).unwrap();
        reader.walk(&mut |_, _| Visit::Include).unwrap()
    }

    #[test]
    fn links_are_not_followed() {
        let folder = tree(&["root/dir/file", "outside/secret"]);
        let root = folder.path().join("root");
        symlink("../outside", root.join("out")).unwrap();
        symlink("dir/file", root.join("link")).unwrap();
        symlink("/", root.join("abs")).unwrap();
        let entries = walk(&root);
        assert_eq!(paths(&entries), ["abs", "dir", "dir/file", "link", "out"]);
        let target = b"../outside".to_vec();
        assert_eq!(entries[4].kind, ContextKind::Symlink { target });
        let reader = ContextReader::open(&root).unwrap();
        for path in ["out/secret", "link", "abs/etc/passwd", "out"] {
            assert!(reader.open_file(path.as_bytes()).is_err(), "{path}");
        }
        assert!(matches!(
            reader.open_file(b"dir").unwrap_err(),
            ContextError::NotAFile { .. }
        ));
    }

    /// The way that old kernels and very long paths take.
    #[test]
    fn components_are_not_followed_either() {
        use rustix::fs::OFlags;
        let folder = tree(&["root/dir/file", "outside/secret"]);
        let path = folder.path().join("root");
        symlink("../outside", path.join("out")).unwrap();
        symlink("dir/file", path.join("link")).unwrap();
        let root = Root::open(&path).unwrap();
        let open = |path: &str| {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            root.open_by_components(path.as_bytes(), flags).is_ok()
        };
        assert!(open("dir") && open("dir/file"));
        assert!(!open("out/secret") && !open("link") && !open("out") && !open("dir/file/x"));
    }

    #[test]
    fn the_root_may_be_a_link() {
        let folder = tree(&["root/file"]);
        symlink("root", folder.path().join("link")).unwrap();
        assert_eq!(paths(&walk(&folder.path().join("link"))), ["file"]);
    }

    #[test]
    fn metadata() {
        let folder = tree(&["a", "b"]);
        let (a, link) = (folder.path().join("a"), folder.path().join("c"));
        fs::set_permissions(&a, fs::Permissions::from_mode(0o4751)).unwrap();
        let time = UNIX_EPOCH - Duration::from_nanos(500_000_000);
        fs::File::options()
            .write(true)
            .open(&a)
            .unwrap()
            .set_modified(time)
            .unwrap();
        fs::hard_link(&a, &link).unwrap();
        let entries = walk(folder.path());
        assert_eq!(entries[0].mode, 0o4751);
        assert_eq!(entries[0].mtime, (-1, 500_000_000));
        let metadata = fs::metadata(&a).unwrap();
        assert_eq!(entries[0].hard_link, Some((metadata.dev(), metadata.ino())));
        assert_eq!(entries[0].hard_link, entries[2].hard_link);
        assert_eq!(entries[1].hard_link, None);
        assert_eq!(
            entries[1].identity.unwrap().inode,
            fs::metadata(folder.path().join("b")).unwrap().ino()
        );
    }

    // Other systems refuse such names.
    #[cfg(target_os = "linux")]
    #[test]
    fn names_are_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let name = b"a\xff\\:*";
        fs::write(folder.path().join(crate::bytes_to_os(name).unwrap()), "x").unwrap();
        let reader = ContextReader::open(folder.path()).unwrap();
        let entries = reader.walk(&mut |_, _| Visit::Include).unwrap();
        assert_eq!(entries[0].path, name);
        assert!(reader.open_file(&entries[0].path).is_ok());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn special_files() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
        let entries = walk(folder.path());
        assert_eq!(entries[0].kind, ContextKind::Fifo);
        assert_eq!(entries[1].kind, ContextKind::Socket);
        let reader = ContextReader::open(folder.path()).unwrap();
        let error = reader.open_file(b"fifo").unwrap_err();
        assert!(matches!(error, ContextError::NotAFile { .. }), "{error}");
        assert!(reader.open_file(b"socket").is_err());
    }

    #[test]
    fn deep_trees_need_few_open_files() {
        let folder = tempfile::tempdir().unwrap();
        let mut path = folder.path().to_owned();
        for _ in 0..600 {
            path.push("d");
        }
        fs::create_dir_all(&path).unwrap();
        assert_eq!(walk(folder.path()).len(), 600);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn extended_attributes() {
        use rustix::fs::{XattrFlags, setxattr};
        let folder = tree(&["file", "dir/"]);
        let file = folder.path().join("file");
        let large = vec![7; 3000];
        let set = |name: &str, value: &[u8]| setxattr(&file, name, value, XattrFlags::empty());
        if set("user.b", b"1").is_err() {
            return; // The file system of the temporary folder has no attributes.
        }
        set("user.a", &large).unwrap();
        // Facts of the host are not carried; setting them needs privileges.
        let _ = set("trusted.x", b"1");
        let entries = walk(folder.path());
        assert_eq!(
            entries[1].xattrs,
            [
                (b"user.a".to_vec(), large),
                (b"user.b".to_vec(), b"1".to_vec())
            ]
        );
        assert_eq!(entries[0].xattrs, []);
    }
}
