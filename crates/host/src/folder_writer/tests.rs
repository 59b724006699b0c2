//! Trees that are written, and what they meet.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::{ContextEntry, ContextKind, ContextReader, Visit};

fn metadata(mode: u32) -> FileMetadata<'static> {
    FileMetadata {
        mode,
        owner: None,
        mtime: (1_000_000_000, 123_456_700),
        xattrs: &[],
        ntfs: None,
    }
}

fn write_file(writer: &mut FolderWriter, path: &str, content: &str, metadata: &FileMetadata<'_>) {
    let mut file = writer.file(path.as_bytes()).unwrap();
    file.write_all(content.as_bytes()).unwrap();
    file.finish(metadata).unwrap();
}

fn entries(folder: &Path) -> Vec<ContextEntry> {
    let reader = ContextReader::open(folder).unwrap();
    reader.walk(&mut |_, _| Visit::Include).unwrap()
}

/// Paths and what they are: content of files, a slash for directories, `-> target` for links.
fn list(folder: &Path) -> Vec<String> {
    let entries = entries(folder).into_iter();
    let lines = entries.map(|entry| {
        let path = String::from_utf8(entry.path).unwrap();
        match entry.kind {
            ContextKind::File { .. } => {
                let content = fs::read_to_string(folder.join(&path));
                format!("{path} {}", content.unwrap_or_default())
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

/// Writes a small tree into `folder`.
fn write_tree(folder: &Path) -> Vec<NotKept> {
    let mut writer = FolderWriter::create(folder).unwrap();
    writer.directory(b"d", &metadata(0o755)).unwrap();
    write_file(&mut writer, "d/file", "new", &metadata(0o644));
    writer.directory(b"d/sub", &metadata(0o755)).unwrap();
    write_file(&mut writer, "d/sub/deep", "deep", &metadata(0o644));
    writer.hard_link(b"d/twin", b"d/file").unwrap();
    write_file(&mut writer, "top", "top", &metadata(0o644));
    writer.finish().unwrap()
}

const TREE: [&str; 6] = [
    "d/",
    "d/file new",
    "d/sub/",
    "d/sub/deep deep",
    "d/twin new",
    "top top",
];

#[test]
fn into_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("new/folder");
    assert_eq!(write_tree(&folder), []);
    assert_eq!(list(&folder), TREE);
    let expected = UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_700);
    for path in ["d", "d/file", "d/sub", "d/sub/deep", "d/twin", "top"] {
        let found = fs::symlink_metadata(folder.join(path)).unwrap();
        assert_eq!(found.modified().unwrap(), expected, "{path}");
    }
    // Again: what is there is replaced by what is the same.
    assert_eq!(write_tree(&folder), []);
    assert_eq!(list(&folder), TREE);
}

/// Makes a folder by `files` (a trailing slash makes a directory), writes the tree into it, and
/// compares what is there then.
#[track_caller]
fn check_merged(files: &[&str], expected: &[&str]) {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("out");
    fs::create_dir(&folder).unwrap();
    for file in files {
        let path = folder.join(file.trim_end_matches('/'));
        match file.ends_with('/') {
            true => fs::create_dir_all(path).unwrap(),
            false => {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, "old").unwrap();
            }
        }
    }
    write_tree(&folder);
    assert_eq!(list(&folder), expected, "{files:?}");
}

#[test]
fn merging() {
    let with = |others: &[&'static str]| {
        let mut lines = [&TREE, others].concat();
        lines.sort_unstable();
        lines
    };
    check_merged(&["top"], &TREE);
    check_merged(&["d/file", "d/twin"], &TREE);
    check_merged(
        &["d/other", "e/f"],
        &with(&["d/other old", "e/", "e/f old"]),
    );
    // Other kinds give way.
    check_merged(&["d"], &TREE);
    check_merged(&["d/sub"], &TREE);
    check_merged(&["top/a/b/c", "top/a/d", "top/e/"], &TREE);
    check_merged(&["d/twin/"], &TREE);
}

/// The other names of a file that is replaced keep its content.
#[test]
fn files_are_replaced_not_overwritten() {
    let parent = tempfile::tempdir().unwrap();
    let (folder, other) = (parent.path().join("out"), parent.path().join("other"));
    fs::create_dir(&folder).unwrap();
    fs::write(&other, "old").unwrap();
    fs::hard_link(&other, folder.join("top")).unwrap();
    write_tree(&folder);
    assert_eq!(fs::read_to_string(other).unwrap(), "old");
    assert_eq!(list(&folder), TREE);
}

#[test]
fn refused_paths() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = FolderWriter::create(folder.path()).unwrap();
    for path in ["", "/a", "a/", "a//b", ".", "..", "a/../b", "../b", "a\0b"] {
        let error = writer.file(path.as_bytes()).unwrap_err();
        assert!(matches!(error, FolderError::Path { .. }), "{path:?}");
        let error = writer.directory(path.as_bytes(), &metadata(0o755));
        let error = error.unwrap_err();
        assert!(matches!(error, FolderError::Path { .. }), "{path:?}");
    }
    let error = writer.file(b"missing/file").unwrap_err();
    assert!(matches!(error, FolderError::Write { .. }), "{error}");
    let error = FolderWriter::create(&folder.path().join("a")).unwrap();
    drop(error);
    fs::write(folder.path().join("file"), "").unwrap();
    let error = FolderWriter::create(&folder.path().join("file")).unwrap_err();
    assert!(matches!(error, FolderError::Open { .. }), "{error}");
}

/// On a file system that ignores letter case two entries may be one: the same is a path that comes
/// twice.
#[test]
fn what_was_written_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = FolderWriter::create(folder.path()).unwrap();
    writer.directory(b"d", &metadata(0o755)).unwrap();
    write_file(&mut writer, "f", "x", &metadata(0o644));
    writer.hard_link(b"h", b"f").unwrap();
    let mut paths = vec!["d", "f", "h"];
    // Other hosts may have neither, and then nothing is there that could be replaced.
    if cfg!(unix) {
        writer.symlink(b"l", b"f", false, &metadata(0o777)).unwrap();
        let pipe = SpecialFile::Fifo;
        writer.special(b"p", pipe, &metadata(0o644)).unwrap();
        paths.extend(["l", "p"]);
    }
    let there = paths.len();
    if cfg!(windows) {
        paths.extend(["D", "F", "H"]);
    }
    for path in paths {
        let path = path.as_bytes();
        let file = writer.file(path).map(drop);
        let directory = writer.directory(path, &metadata(0o755));
        let link = writer.hard_link(path, b"f");
        for result in [file, directory, link] {
            let error = result.unwrap_err().to_string();
            assert!(error.contains("does not tell them apart"), "{error}");
        }
    }
    assert_eq!(list(folder.path()).len(), there);
}

#[cfg(windows)]
mod windows;

#[cfg(windows)]
#[test]
fn names_that_windows_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = FolderWriter::create(folder.path()).unwrap();
    let long = "a".repeat(256);
    for path in ["a:b", "a?", "d/<", "d/a\\b", "a\u{1}", &long] {
        let error = writer.file(path.as_bytes()).unwrap_err();
        assert!(matches!(error, FolderError::Name { .. }), "{path:?}");
    }
    assert!(writer.file(b"\xff").is_err());
    // A read-only file is one, and gives way nevertheless.
    for content in ["one", "two"] {
        // Another writer: what one of them wrote itself it does not replace.
        let mut writer = FolderWriter::create(folder.path()).unwrap();
        write_file(&mut writer, "file", content, &metadata(0o444));
        let found = folder.path().join("file");
        assert_eq!(fs::read_to_string(&found).unwrap(), content);
        assert!(fs::metadata(&found).unwrap().permissions().readonly());
    }
    let lost = writer.special(b"pipe", SpecialFile::Fifo, &metadata(0o644));
    lost.unwrap();
    writer.hard_link(b"pipe2", b"pipe").unwrap();
    let lost = writer.finish().unwrap();
    assert_eq!(lost.len(), 2);
    assert_eq!(lost[1].what, NotKeptKind::Fifo);
    // So that the folder can be removed.
    let path = folder.path().join("file");
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    #[allow(clippy::permissions_set_readonly_false)]
    permissions.set_readonly(false);
    fs::set_permissions(&path, permissions).unwrap();
}

#[cfg(unix)]
mod on_unix {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    #[test]
    fn links_are_never_followed() {
        let parent = tempfile::tempdir().unwrap();
        let (folder, outside) = (parent.path().join("out"), parent.path().join("outside"));
        fs::create_dir(&folder).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("file"), "old").unwrap();
        symlink(&outside, folder.join("d")).unwrap();
        symlink(outside.join("file"), folder.join("top")).unwrap();
        write_tree(&folder);
        assert_eq!(list(&folder), TREE);
        assert_eq!(list(&outside), ["file old"]);
        // A link that appears while the tree is written stops it.
        let mut writer = FolderWriter::create(&folder).unwrap();
        symlink(&outside, folder.join("link")).unwrap();
        for path in ["link/file", "link/new"] {
            let error = writer.file(path.as_bytes()).unwrap_err();
            assert!(matches!(error, FolderError::Write { .. }), "{error}");
        }
        assert!(writer.hard_link(b"name", b"link/file").is_err());
        assert_eq!(list(&outside), ["file old"]);
        // What a link points to is not removed with the directory that it is in.
        fs::create_dir_all(folder.join("top2/a")).unwrap();
        symlink(&outside, folder.join("top2/a/link")).unwrap();
        write_file(&mut writer, "top2", "file", &metadata(0o644));
        assert_eq!(list(&outside), ["file old"]);
    }

    #[test]
    fn modes_times_and_links() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = FolderWriter::create(folder.path()).unwrap();
        writer.directory(b"closed", &metadata(0o500)).unwrap();
        writer.directory(b"closed/in", &metadata(0)).unwrap();
        write_file(&mut writer, "closed/in/f", "x", &metadata(0o400));
        writer.directory(b"sticky", &metadata(0o1777)).unwrap();
        write_file(&mut writer, "setuid", "x", &metadata(0o4755));
        let old = FileMetadata {
            mtime: (-5, 500_000_000),
            ..metadata(0o777)
        };
        writer.symlink(b"link", b"no/where", false, &old).unwrap();
        let pipe = writer.special(b"pipe", SpecialFile::Fifo, &metadata(0o640));
        pipe.unwrap();
        assert_eq!(writer.finish().unwrap(), []);
        let found = |path: &str| fs::symlink_metadata(folder.path().join(path)).unwrap();
        let mode = |path: &str| found(path).permissions().mode() & 0o7777;
        assert_eq!(mode("closed"), 0o500);
        assert_eq!(mode("sticky"), 0o1777);
        assert_eq!(mode("setuid"), 0o4755);
        assert_eq!(mode("pipe"), 0o640);
        assert_eq!(
            (found("link").mtime(), found("link").mtime_nsec()),
            (-5, 500_000_000)
        );
        assert_eq!(found("closed").mtime(), 1_000_000_000);
        assert_eq!(found("pipe").mtime(), 1_000_000_000);
        let target = fs::read_link(folder.path().join("link")).unwrap();
        assert_eq!(target, Path::new("no/where"));
        // Directories that are closed are opened for what comes into them, and closed again.
        let mut writer = FolderWriter::create(folder.path()).unwrap();
        writer.directory(b"closed", &metadata(0o500)).unwrap();
        writer.directory(b"closed/in", &metadata(0o700)).unwrap();
        write_file(&mut writer, "closed/in/f", "new", &metadata(0o600));
        writer.finish().unwrap();
        assert_eq!(mode("closed"), 0o500);
        assert_eq!(list(&folder.path().join("closed/in")), ["f new"]);
        let open = fs::Permissions::from_mode(0o700);
        fs::set_permissions(folder.path().join("closed"), open).unwrap();
    }

    /// Root gives files away, others are told that they cannot.
    #[test]
    fn owners_and_devices() {
        let folder = tempfile::tempdir().unwrap();
        let mine = fs::metadata(folder.path()).unwrap().uid();
        let mut writer = FolderWriter::create(folder.path()).unwrap();
        let other = FileMetadata {
            owner: Some((mine + 1, 12)),
            ..metadata(0o4755)
        };
        writer.directory(b"d", &metadata(0o755)).unwrap();
        write_file(&mut writer, "file", "x", &other);
        let null = SpecialFile::CharDevice(1, 3);
        writer.special(b"null", null, &metadata(0o666)).unwrap();
        writer.hard_link(b"null2", b"null").unwrap();
        writer.symlink(b"link", b"file", false, &other).unwrap();
        let lost: Vec<_> = writer
            .finish()
            .unwrap()
            .into_iter()
            .map(|lost| lost.what)
            .collect();
        let found = fs::metadata(folder.path().join("file")).unwrap();
        use NotKeptKind::{Device, Owner, SetId};
        if lost.contains(&Owner) {
            assert_eq!(lost, [Owner, SetId, Device, Device, Owner]);
            assert_eq!((found.uid(), found.mode() & 0o7777), (mine, 0o755));
        } else {
            assert_eq!((found.uid(), found.gid()), (mine + 1, 12));
            assert_eq!(found.mode() & 0o7777, 0o4755);
        }
    }

    /// An attribute is there afterwards, or is reported.
    #[test]
    fn attributes() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = FolderWriter::create(folder.path()).unwrap();
        let xattrs = [
            (b"user.a".to_vec(), b"1".to_vec()),
            (b"user.b".to_vec(), Vec::new()),
            (b"trusted.c".to_vec(), b"3".to_vec()),
        ];
        let with = FileMetadata {
            xattrs: &xattrs,
            ..metadata(0o444)
        };
        let closed = FileMetadata {
            mode: 0o555,
            ..with
        };
        writer.directory(b"d", &closed).unwrap();
        write_file(&mut writer, "file", "x", &with);
        let lost = writer.finish().unwrap();
        for (place, path) in ["d", "file"].into_iter().enumerate() {
            let found = &entries(folder.path())[place].xattrs;
            for xattr in &xattrs {
                let kind = NotKeptKind::Xattr(xattr.0.clone());
                let entry = lost
                    .iter()
                    .any(|lost| lost.path == path.as_bytes() && lost.what == kind);
                assert_ne!(found.contains(xattr), entry, "{path} {xattr:?}");
            }
        }
    }
}

#[test]
fn refusing_other_kinds() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir(root.join("folder")).unwrap();
    fs::write(root.join("folder/mine"), "mine").unwrap();
    fs::write(root.join("file"), "old").unwrap();
    let mut writer = FolderWriter::create(root).unwrap().refusing_other_kinds();
    let check = |refused: Result<(), FolderError>, expected: &str| {
        let text = refused.unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    };
    check(writer.file(b"folder").map(drop), "a folder is there");
    let link = writer.symlink(b"folder", b"x", false, &metadata(0o777));
    check(link, "a folder is there");
    check(writer.directory(b"file", &metadata(0o755)), "no folder");
    // What is of the same kind is merged or replaced as ever.
    writer.directory(b"folder", &metadata(0o755)).unwrap();
    write_file(&mut writer, "file", "new", &metadata(0o644));
    writer.finish().unwrap();
    assert_eq!(list(root), ["file new", "folder/", "folder/mine mine"]);
}
