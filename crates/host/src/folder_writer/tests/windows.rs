//! What NTFS knows of files, written and read back. Wine has no links, streams, extended attributes or
//! owners: there these tests show that what is missing is told, and that nothing is left of it. On
//! Windows the same tests compare it byte by byte.

use std::cell::RefCell;

use super::*;
use crate::{MARK, NtfsMetadata, NtfsPart};

const READ_ONLY: u32 = 1;
const HIDDEN: u32 = 2;
const SYSTEM: u32 = 4;
const ARCHIVE: u32 = 0x20;

const TIMES: NtfsTimes = NtfsTimes {
    created: 125_911_584_000_000_001,
    accessed: 125_911_584_000_000_002,
    modified: 125_911_584_000_000_003,
    changed: 0,
};

/// A link `..\a` of Windows.
const LINK: &[u8] =
    b"\x0c\0\0\xa0\x20\0\0\0\0\0\x08\0\x0a\0\x08\0\x01\0\0\0.\0.\0\\\0a\0\0\0.\0.\0\\\0a\0\0\0";
/// The same as WSL makes it.
const WSL_LINK: &[u8] = b"\x1d\0\0\xa0\x08\0\0\0\x02\0\0\0../a";
/// A junction to `C:\a`.
const JUNCTION: &[u8] =
    b"\x03\0\0\xa0\x24\0\0\0\0\0\x10\0\x12\0\x08\0\\\0?\0?\0\\\0C\0:\0\\\0a\0\0\0C\0:\0\\\0a\0\0\0";
/// A pipe of WSL.
const PIPE: &[u8] = b"\x24\0\0\x80\0\0\0\0";

fn remove_protection(folder: &Path) {
    crate::remove_dir_all(folder).unwrap();
}

fn with_ntfs<'a>(
    attributes: u32,
    descriptor: Option<&'a [u8]>,
    extended: &'a dyn Fn(&[NtfsPart]) -> Vec<Xattr>,
) -> FileMetadata<'a> {
    FileMetadata {
        ntfs: Some(NtfsEntry {
            attributes,
            times: TIMES,
            descriptor,
            extended,
        }),
        ..metadata(0o644)
    }
}

fn ntfs(folder: &Path, path: &str) -> NtfsMetadata {
    let entries = entries(folder);
    let entry = entries.iter().find(|entry| entry.path == path.as_bytes());
    *entry.unwrap().ntfs.clone().unwrap()
}

/// The settable times; that of the last change is the system's, and Wine has its own of the making.
fn settable(times: NtfsTimes) -> (u64, u64) {
    (times.accessed, times.modified)
}

/// Writes a file and a directory with `attributes`, and compares what is there.
#[track_caller]
fn check_attributes(attributes: u32) {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("out");
    let failed = RefCell::new(Vec::new());
    let extended = |parts: &[NtfsPart]| {
        failed.borrow_mut().push(parts.to_vec());
        Vec::new()
    };
    let metadata = with_ntfs(attributes, None, &extended);
    for _ in 0..2 {
        // The second time what is there is replaced, whatever its attributes are.
        let mut writer = FolderWriter::create(&folder).unwrap();
        writer.directory(b"d", &metadata).unwrap();
        write_file(&mut writer, "d/f", "content", &metadata);
        assert_eq!(writer.finish().unwrap(), []);
    }
    // Wine passes over READONLY of directories.
    for (path, compared) in [("d", HIDDEN | SYSTEM), ("d/f", READ_ONLY | HIDDEN | SYSTEM)] {
        let found = ntfs(&folder, path);
        assert_eq!(found.attributes & compared, attributes & compared, "{path}");
        assert_eq!(settable(found.times), settable(TIMES), "{path}");
    }
    // Wine adds ARCHIVE to files, which is told.
    if attributes & ARCHIVE != 0 {
        assert_eq!(failed.borrow()[1], []);
    }
    assert_eq!(failed.borrow().len(), 4);
    remove_protection(&folder);
}

#[test]
fn attributes_and_times() {
    check_attributes(0);
    check_attributes(ARCHIVE);
    check_attributes(ARCHIVE | READ_ONLY);
    check_attributes(ARCHIVE | READ_ONLY | HIDDEN | SYSTEM);
    // What only the system sets is passed over: compressed, offline, sparse, a directory.
    check_attributes(ARCHIVE | HIDDEN | 0x800 | 0x1000 | 0x200 | 0x10);
}

/// Makes a reparse point, with or without a fallback, and compares what is there, or what is told to be
/// missing.
#[track_caller]
fn check_reparse(point: ReparsePoint<'_>, missing: NotKeptKind) {
    let folder = tempfile::tempdir().unwrap();
    let failed = RefCell::new(Vec::new());
    let extended = |parts: &[NtfsPart]| {
        *failed.borrow_mut() = parts.to_vec();
        Vec::new()
    };
    let mut writer = FolderWriter::create(folder.path()).unwrap();
    let metadata = with_ntfs(ARCHIVE, None, &extended);
    writer.reparse_point(b"link", &point, &metadata).unwrap();
    // A second name of what is not there is not there either.
    let second = writer.hard_link(b"second", b"link");
    let lost = writer.finish().unwrap();
    let found = entries(folder.path());
    if lost.iter().any(|lost| lost.what.is_absence()) {
        assert!(second.is_ok());
        let kinds: Vec<_> = lost.into_iter().map(|lost| lost.what).collect();
        assert_eq!(kinds, [missing.clone(), missing]);
        assert_eq!(found, []);
        return;
    }
    assert_eq!(found[0].kind, ContextKind::ReparsePoint);
    let expected = match failed.borrow().contains(&NtfsPart::Reparse) {
        true => point.fallback.unwrap(),
        false => point.data,
    };
    let found = found[0].ntfs.clone().unwrap();
    assert_eq!(found.reparse.as_deref(), Some(expected));
    assert_eq!(settable(found.times), settable(TIMES));
}

#[test]
fn reparse_points() {
    let point = |data, fallback, is_directory| ReparsePoint {
        data,
        fallback,
        is_directory,
    };
    check_reparse(point(LINK, None, false), NotKeptKind::Symlink);
    check_reparse(point(LINK, Some(WSL_LINK), false), NotKeptKind::Symlink);
    check_reparse(point(LINK, Some(WSL_LINK), true), NotKeptKind::Symlink);
    check_reparse(point(JUNCTION, None, true), NotKeptKind::Symlink);
    check_reparse(point(PIPE, None, false), NotKeptKind::Fifo);
    check_reparse(
        point(b"\x25\0\0\x80\0\0\0\0", None, false),
        NotKeptKind::Device,
    );
    // Bytes that are no reparse point.
    check_reparse(point(b"\0\0", None, false), NotKeptKind::Symlink);
}

/// Extended attributes, streams and descriptors are there byte by byte, or are told.
#[test]
fn what_cannot_be_kept_is_told() {
    let folder = tempfile::tempdir().unwrap();
    // Owner and group are the system, everybody may do everything.
    let mut descriptor = vec![
        1, 0, 0x04, 0x80, 20, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0, 44, 0, 0, 0,
    ];
    let system = [1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0];
    descriptor.extend(system);
    descriptor.extend(system);
    descriptor.extend([2, 0, 28, 0, 1, 0, 0, 0, 0, 0, 20, 0, 0xff, 1, 0x1f, 0]);
    descriptor.extend([1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
    let failed = RefCell::new(Vec::new());
    let extended = |parts: &[NtfsPart]| {
        let is_there = !parts.contains(&NtfsPart::Descriptor);
        failed.borrow_mut().push(is_there);
        vec![(MARK.to_vec(), vec![u8::from(is_there)])]
    };
    let metadata = with_ntfs(ARCHIVE, Some(&descriptor), &extended);
    let mut writer = FolderWriter::create(folder.path()).unwrap();
    writer.directory(b"d", &metadata).unwrap();
    writer
        .stream(b"d", b"of-directory", 3, &mut &b"abc"[..])
        .unwrap();
    let mut file = writer.file(b"d/f").unwrap();
    file.write_all(b"content").unwrap();
    file.stream("\u{e9}".as_bytes(), 2, &mut &b"xy"[..])
        .unwrap();
    file.finish(&metadata).unwrap();
    let lost = writer.finish().unwrap();
    let is_lost = |path: &str, what: NotKeptKind| {
        let path = path.as_bytes().to_vec();
        lost.contains(&NotKept { path, what })
    };
    // The directory's attributes are asked for both ways, as its descriptor comes at the end.
    assert_eq!(failed.borrow()[..2], [true, false]);
    let streams = [("d", "of-directory", &b"abc"[..]), ("d/f", "\u{e9}", b"xy")];
    let reader = ContextReader::open(folder.path()).unwrap();
    for (path, stream, content) in streams {
        let found = ntfs(folder.path(), path);
        if is_lost(path, NotKeptKind::Stream(stream.as_bytes().to_vec())) {
            assert_eq!(found.streams, []);
        } else {
            assert_eq!(found.streams[0].name, stream.as_bytes());
            let mut text = Vec::new();
            let mut opened = reader
                .open_stream(path.as_bytes(), stream.as_bytes())
                .unwrap();
            opened.read_to_end(&mut text).unwrap();
            assert_eq!(text, content);
        }
        match is_lost(path, NotKeptKind::Extended) {
            true => assert_eq!(found.extended, []),
            false => {
                let is_there = found.extended[0].1 == [1];
                assert_eq!(found.descriptor == Some(descriptor.clone()), is_there);
            }
        }
    }
    // Nothing is there but what was written: no file named as a stream.
    assert_eq!(list(folder.path()), ["d/", "d/f content"]);
    let names = fs::read_dir(folder.path().join("d")).unwrap();
    assert_eq!(names.count(), 1);
}

/// A link is there, or is told to be missing.
#[test]
fn links() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = FolderWriter::create(folder.path()).unwrap();
    let link = |writer: &mut FolderWriter, path: &str| {
        writer.symlink(path.as_bytes(), b"..\\a", false, &metadata(0o777))
    };
    link(&mut writer, "link").unwrap();
    let lost = writer.finish().unwrap();
    match lost.is_empty() {
        true => {
            let found = ntfs(folder.path(), "link").reparse.unwrap();
            assert_eq!(found[..4], LINK[..4]);
        }
        false => {
            assert_eq!(lost[0].what, NotKeptKind::Symlink);
            assert_eq!(list(folder.path()).len(), 0);
        }
    }
}

#[test]
fn long_and_deep_paths() {
    let parent = tempfile::tempdir().unwrap();
    let mut writer = FolderWriter::create(parent.path()).unwrap();
    let mut path = String::from("top");
    for _ in 0..100 {
        writer.directory(path.as_bytes(), &metadata(0o755)).unwrap();
        path.push_str("/directory");
    }
    write_file(&mut writer, &path, "deep", &metadata(0o444));
    writer.finish().unwrap();
    let found = entries(parent.path());
    assert_eq!(found.len(), 101);
    assert_eq!(
        (found[100].mode, found[100].mtime),
        (0o555, (1_000_000_000, 123_456_700))
    );
    // All of it gives way to a file.
    let mut writer = FolderWriter::create(parent.path()).unwrap();
    write_file(&mut writer, "top", "file", &metadata(0o644));
    writer.finish().unwrap();
    assert_eq!(list(parent.path()), ["top file"]);
}

/// What is replaced may be open elsewhere, for a moment.
#[test]
fn files_that_others_have_open() {
    let folder = tempfile::tempdir().unwrap();
    write_tree(folder.path());
    let mut options = fs::File::options();
    std::os::windows::fs::OpenOptionsExt::share_mode(options.read(true), 0);
    let rude = options.open(folder.path().join("d/file")).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            drop(rude);
        });
        write_tree(folder.path());
    });
    assert_eq!(list(folder.path()), TREE);
}

/// By the function alone: Wine has the years that the file system beneath it has.
#[test]
fn times() {
    let check = |time: (i64, u32), expected: u64| {
        assert_eq!(
            super::super::windows::since_1601(time),
            expected,
            "{time:?}"
        );
    };
    check((0, 0), 116_444_736_000_000_000);
    check((-1, 999_999_999), 116_444_735_999_999_999);
    check((1_000_000_000, 123_456_789), 126_444_736_001_234_567);
    // Earlier and later ones the system does not have; zero would mean none.
    check((-11_644_473_599, 0), 10_000_000);
    check((-11_644_473_600, 0), 1);
    check((-20_000_000_000, 0), 1);
    check((i64::MIN, 0), 1);
    check((i64::MAX, 999_999_999), i64::MAX as u64);
}
