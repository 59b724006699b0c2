//! Contexts on Windows. What Wine lacks (links, streams, extended attributes) is in the tests of what
//! is written and read back (`folder_writer`), as only that can make it.

use std::os::windows::ffi::OsStringExt;
use std::os::windows::fs::OpenOptionsExt;
use std::time::{Duration, SystemTime};

use super::*;
use crate::open_alone;
use crate::windows::calls;

fn walk(folder: &Path) -> Vec<ContextEntry> {
    let reader = ContextReader::open(folder).unwrap();
    reader.walk(&mut |_, _| Visit::Include).unwrap()
}

const READ_ONLY: u32 = 1;
const HIDDEN: u32 = 2;
const SYSTEM: u32 = 4;

fn set_attributes(path: &Path, attributes: u32) {
    const FILE_WRITE_ATTRIBUTES: u32 = 0x100;
    let mut options = fs::File::options();
    let opened = options.access_mode(FILE_WRITE_ATTRIBUTES).open(path);
    let info = windows_sys::Win32::Storage::FileSystem::FILE_BASIC_INFO {
        FileAttributes: attributes,
        ..Default::default()
    };
    calls::set_basic(&opened.unwrap(), &info).unwrap();
}

#[test]
fn metadata() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in ["hidden", "plain", "readonly", "system"] {
        fs::write(path(name), name).unwrap();
    }
    fs::hard_link(path("plain"), path("twin")).unwrap();
    // 100 ns, before 1970.
    let time = SystemTime::UNIX_EPOCH - Duration::from_nanos(500_000_100);
    let opened = fs::File::options().write(true).open(path("plain")).unwrap();
    opened.set_modified(time).unwrap();
    drop(opened);
    set_attributes(&path("hidden"), HIDDEN);
    set_attributes(&path("system"), HIDDEN | SYSTEM);
    set_attributes(&path("readonly"), READ_ONLY);
    let entries = walk(folder.path());
    assert_eq!(
        paths(&entries),
        ["hidden", "plain", "readonly", "system", "twin"]
    );
    let attributes = |place: usize| entries[place].ntfs.as_ref().unwrap().attributes & 7;
    assert_eq!([0, 1, 2, 3].map(attributes), [2, 0, 1, 6]);
    let modes: Vec<_> = entries.iter().map(|entry| entry.mode).collect();
    assert_eq!(modes, [0o755, 0o755, 0o555, 0o755, 0o755]);
    assert_eq!(entries[1].mtime, (-1, 499_999_900));
    let times = entries[1].ntfs.as_ref().unwrap().times;
    assert_eq!(times.modified, 116_444_736_000_000_000 - 5_000_001);
    assert!(times.created > 0 && times.accessed > 0 && times.changed > 0);
    assert!(entries[1].hard_link.is_some());
    assert_eq!(entries[1].hard_link, entries[4].hard_link);
    assert_eq!(entries[0].hard_link, None);
    // All can be read.
    let reader = ContextReader::open(folder.path()).unwrap();
    for name in ["hidden", "plain", "readonly", "system"] {
        let mut content = String::new();
        let mut file = reader.open_file(name.as_bytes()).unwrap();
        file.read_to_string(&mut content).unwrap();
        assert_eq!(content, name);
    }
    // So that the folder can be removed.
    let mut permissions = fs::metadata(path("readonly")).unwrap().permissions();
    #[allow(clippy::permissions_set_readonly_false)]
    permissions.set_readonly(false);
    fs::set_permissions(path("readonly"), permissions).unwrap();
}

/// The identity is that of the file, and tells of changes.
#[test]
fn identities() {
    let folder = tree(&["a", "b"]);
    let identities = || {
        let entries = walk(folder.path());
        [0, 1].map(|place: usize| entries[place].identity.unwrap())
    };
    let first = identities();
    assert_ne!(first[0].inode, first[1].inode);
    assert_eq!(first[0].device, first[1].device);
    assert_eq!(identities(), first);
    std::thread::sleep(Duration::from_millis(20));
    fs::write(folder.path().join("a"), "other").unwrap();
    let second = identities();
    assert_eq!(second[0].inode, first[0].inode);
    assert_ne!(second[0].changed, first[0].changed);
    assert_eq!(second[1], first[1]);
}

#[test]
fn files_that_others_have_open() {
    let folder = tree(&["busy", "other"]);
    let path = folder.path().join("busy");
    let reader = ContextReader::open(folder.path()).unwrap();
    // For writing, as long as they let others read.
    let writing = fs::File::options().append(true).open(&path).unwrap();
    assert!(reader.open_file(b"busy").is_ok());
    drop(writing);
    // For a moment.
    let rude = open_alone(&path).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            drop(rude);
        });
        assert_eq!(paths(&walk(folder.path())), ["busy", "other"]);
        let mut content = String::new();
        reader
            .open_file(b"busy")
            .unwrap()
            .read_to_string(&mut content)
            .unwrap();
        assert_eq!(content, "busy");
    });
    // For long: the list is there, the content is not.
    let _rude = open_alone(&path).unwrap();
    assert_eq!(paths(&walk(folder.path())), ["busy", "other"]);
    let error = reader.open_file(b"busy").unwrap_err().to_string();
    assert!(
        error.contains("busy: another program has it open"),
        "{error}"
    );
    assert!(reader.open_file(b"other").is_ok());
}

#[test]
fn forms_of_the_root() {
    let parent = tree(&["root/dir/file"]);
    let root = parent.path().join("root");
    let check =
        |form: &str| assert_eq!(paths(&walk(Path::new(form))), ["dir", "dir/file"], "{form}");
    let text = root.to_str().unwrap();
    check(text);
    check(&format!("{text}\\"));
    check(&text.replace('\\', "/"));
    check(&format!("{text}\\dir\\.."));
    check(&format!(r"\\?\{text}"));
    // On its drive, from the current folder of it or from its root.
    let (drive, rest) = text.split_once(':').unwrap();
    let here = std::env::current_dir().unwrap();
    let up: String = here
        .components()
        .filter(|part| matches!(part, std::path::Component::Normal(_)))
        .map(|_| "..\\")
        .collect();
    if here
        .to_str()
        .unwrap()
        .to_uppercase()
        .starts_with(&drive.to_uppercase())
    {
        check(rest);
        check(&format!("{up}{}", &rest[1..]));
        check(&format!("{drive}:{up}{}", &rest[1..]));
    }
    // Shares of this machine are for administrators, and Wine has none.
    let share = format!(r"\\localhost\{drive}${rest}");
    if fs::read_dir(&share).is_ok() {
        check(&share);
        check(&format!(r"\\?\UNC\localhost\{drive}${rest}"));
    }
}

#[test]
fn long_paths() {
    let folder = tempfile::tempdir().unwrap();
    let mut path = folder.path().to_owned();
    for _ in 0..300 {
        path.push("directory");
    }
    fs::create_dir_all(&path).unwrap();
    fs::write(path.join("file"), "deep").unwrap();
    let entries = walk(folder.path());
    assert_eq!(entries.len(), 301);
    let reader = ContextReader::open(folder.path()).unwrap();
    assert!(reader.open_file(&entries[300].path).is_ok());
    // A root that is deep itself.
    assert_eq!(paths(&walk(&path)), ["file"]);
}

#[test]
fn names() {
    let folder = tree(&["Mixed/Case", "é日本\u{1f600}"]);
    // Names that are devices, or lose their end, but in this form of a path.
    let verbatim = fs::canonicalize(folder.path()).unwrap();
    fs::create_dir(verbatim.join("con")).unwrap();
    fs::write(verbatim.join("con").join("end. "), "").unwrap();
    let entries = walk(folder.path());
    assert_eq!(
        paths(&entries),
        ["Mixed", "Mixed/Case", "con", "con/end. ", "é日本\u{1f600}"]
    );
    let reader = ContextReader::open(folder.path()).unwrap();
    assert!(reader.open_file(b"mixed/CASE").is_ok());
    assert!(reader.open_file(b"con/end. ").is_ok());
    assert!(reader.open_file("é日本\u{1f600}".as_bytes()).is_ok());
    crate::remove_dir_all(&verbatim.join("con")).unwrap();
    for path in ["Mixed\\Case", "Mixed/Case:stream", "Mixed:x/Case"] {
        let error = reader.open_file(path.as_bytes()).unwrap_err();
        assert!(matches!(error, ContextError::Path { .. }), "{error}");
    }
    // A lone surrogate, where the file system takes one: Wine does not.
    let name = std::ffi::OsString::from_wide(&[0x61, 0xd800, 0x62]);
    let inner = folder.path().join("Mixed").join(name);
    if fs::write(&inner, "").is_err() || !inner.exists() {
        return;
    }
    let listed = fs::read_dir(folder.path().join("Mixed")).unwrap();
    let is_kept = listed
        .flatten()
        .any(|entry| entry.file_name().to_str().is_none());
    if is_kept {
        let error = reader.walk(&mut |_, _| Visit::Include).unwrap_err();
        assert!(matches!(error, ContextError::Name { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains("a\u{fffd}b") && text.contains("Mixed"),
            "{text}"
        );
    }
}

#[test]
fn several_threads() {
    let names: Vec<_> = (0..20).map(|n| format!("d{}/f{n}", n % 4)).collect();
    let folder = tree(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let reader = ContextReader::open(folder.path()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let entries = reader.walk(&mut |_, _| Visit::Include).unwrap();
                assert_eq!(entries.len(), 24);
                for name in &names {
                    let mut content = String::new();
                    let mut file = reader.open_file(name.as_bytes()).unwrap();
                    file.read_to_string(&mut content).unwrap();
                    assert_eq!(&content, name);
                }
            });
        }
    });
}
