//! Wine has no reparse points, streams, extended attributes or owners: there these tests show that
//! what is missing is told as such. On Windows the same tests compare what was set with what is there.

use std::io::{Read, Write};
use std::os::windows::fs::OpenOptionsExt;

use super::*;
use crate::windows::beneath::to_wide;
use crate::windows::buffers;

fn open_folder(path: &Path) -> File {
    File::options()
        .access_mode(fs::FILE_GENERIC_READ | fs::SYNCHRONIZE)
        .custom_flags(fs::FILE_FLAG_BACKUP_SEMANTICS)
        .open(path)
        .unwrap()
}

const CREATE: Opening = Opening {
    access: fs::FILE_GENERIC_READ | fs::FILE_GENERIC_WRITE | fs::DELETE | fs::WRITE_DAC,
    creates: true,
    options: nt::FILE_NON_DIRECTORY_FILE,
};

fn wide(name: &str) -> Vec<u16> {
    to_wide(name.as_bytes()).unwrap()
}

/// Calls with a folder and a new file in it.
fn with_file(test: impl FnOnce(&File, File)) {
    let folder = tempfile::tempdir().unwrap();
    let opened = open_folder(folder.path());
    let file = open_at(&opened, &wide("file"), CREATE).unwrap();
    test(&opened, file);
}

/// Sets something and compares what is there then; a refusal must be one of those that are known.
#[track_caller]
fn check_set<T: PartialEq + std::fmt::Debug>(
    set: io::Result<()>,
    found: impl FnOnce() -> io::Result<T>,
    expected: &T,
) {
    match set {
        Ok(()) => assert_eq!(&found().unwrap(), expected),
        Err(error) => assert!(is_missing_feature(&error) || is_denial(&error), "{error}"),
    }
}

#[test]
fn names_in_a_folder() {
    with_file(|folder, mut file| {
        file.write_all(b"content").unwrap();
        let again = Opening {
            access: fs::FILE_GENERIC_READ,
            creates: false,
            options: 0,
        };
        let mut content = String::new();
        // Letter case does not count.
        let mut found = open_at(folder, &wide("FILE"), again).unwrap();
        found.read_to_string(&mut content).unwrap();
        assert_eq!(content, "content");
        assert_eq!(identity(&found).unwrap(), identity(&file).unwrap());
        let error = |name: &str, opening| open_at(folder, &wide(name), opening).unwrap_err();
        assert_eq!(error("file", CREATE).kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(error("missing", again).kind(), io::ErrorKind::NotFound);
        assert_eq!(
            error(&"x".repeat(40_000), again).kind(),
            io::ErrorKind::InvalidFilename
        );
        // Names that `CreateFile` reserves or shortens are names here.
        for name in ["con", "trailing.", "space "] {
            drop(open_at(folder, &wide(name), CREATE).unwrap());
            open_at(folder, &wide(name), again).unwrap();
        }
    });
}

#[test]
fn lists_of_folders() {
    with_file(|folder, file| {
        for number in 0..500 {
            drop(open_at(folder, &wide(&format!("{number:0200}")), CREATE).unwrap());
        }
        // Twice: each time from the start.
        for _ in 0..2 {
            let mut buffer = vec![0u64; 1024];
            let mut files = Vec::new();
            let mut from_start = true;
            while list(folder, &mut buffer, from_start, true).unwrap() {
                from_start = false;
                files.extend(buffers::listed_files(&bytes_of(&buffer, usize::MAX), true).unwrap());
            }
            assert_eq!(files.len(), 501);
            let found = files.iter().find(|found| found.name == wide("file"));
            assert_eq!(found.unwrap().id, identity(&file).unwrap().1);
        }
        let mut small = [0; 2];
        assert!(list(folder, &mut small, true, true).is_err());
    });
}

#[test]
fn attributes_times_and_sizes() {
    with_file(|folder, mut file| {
        file.write_all(b"12345").unwrap();
        let asked = fs::FILE_BASIC_INFO {
            CreationTime: 0,
            LastAccessTime: 125_911_584_000_000_001,
            LastWriteTime: 125_911_584_000_000_007,
            ChangeTime: 0,
            FileAttributes: fs::FILE_ATTRIBUTE_HIDDEN | fs::FILE_ATTRIBUTE_READONLY,
        };
        // In Wine a file that is read-only cannot become hidden.
        let hidden = fs::FILE_BASIC_INFO {
            FileAttributes: fs::FILE_ATTRIBUTE_HIDDEN,
            ..Default::default()
        };
        set_basic(&file, &hidden).unwrap();
        set_basic(&file, &asked).unwrap();
        let found = basic(&file).unwrap();
        // Wine adds ARCHIVE to all files.
        assert_eq!(
            found.FileAttributes & !fs::FILE_ATTRIBUTE_ARCHIVE,
            asked.FileAttributes
        );
        assert_eq!(found.LastWriteTime, asked.LastWriteTime);
        assert_eq!(found.LastAccessTime, asked.LastAccessTime);
        assert_eq!(reparse_tag(&file, found.FileAttributes).unwrap(), 0);
        let sizes = standard(&file).unwrap();
        assert_eq!((sizes.EndOfFile, sizes.NumberOfLinks), (5, 1));
        link(&file, folder, &wide("twin")).unwrap();
        assert_eq!(standard(&file).unwrap().NumberOfLinks, 2);
        let error = link(&file, folder, &wide("twin")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        // What is read-only goes too.
        remove(&file).unwrap();
        drop(file);
        let again = Opening {
            creates: false,
            ..CREATE
        };
        assert!(open_at(folder, &wide("file"), again).is_err());
    });
}

#[test]
fn reparse_points() {
    // A pipe of WSL: everybody may make one.
    let pipe = [0x24, 0, 0, 0x80, 0, 0, 0, 0];
    with_file(|_, file| {
        assert_eq!(reparse_point(&file).unwrap(), None);
        let set = set_reparse_point(&file, &pipe);
        check_set(set, || reparse_point(&file), &Some(pipe.to_vec()));
    });
}

#[test]
fn extended_attributes() {
    let attributes = vec![
        (b"$LXMOD".to_vec(), vec![1, 2, 3, 4]),
        (b"OTHER".to_vec(), vec![7; 1000]),
    ];
    with_file(|_, file| {
        assert_eq!(extended(&file).unwrap(), None);
        let set = set_extended(&file, &buffers::extended_list(&attributes).unwrap());
        let found = || Ok(crate::ntfs::extended::decode(&extended(&file)?.unwrap()).unwrap());
        check_set(set, found, &attributes);
    });
}

#[test]
fn lists_of_streams() {
    with_file(|folder, file| {
        if !has_streams(&file) {
            assert_eq!(streams(folder).unwrap(), None);
            return;
        }
        let mut opened = open_at(folder, &wide("file:more"), CREATE).unwrap();
        opened.write_all(b"abc").unwrap();
        drop(opened);
        let found = streams(&file).unwrap().unwrap();
        let found = buffers::alternate_streams(&found).unwrap();
        assert_eq!((&found[0].name[..], found[0].size), (&b"more"[..], 3));
    });
}

#[test]
fn descriptors() {
    with_file(|_, file| {
        let found = descriptor(&file).unwrap();
        assert!(buffers::is_descriptor(&found), "{found:x?}");
        // The owner's own descriptor again: no privilege is needed but the right that the handle has.
        let error = set_descriptor(&file, &found[..20]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        check_set(set_descriptor(&file, &found), || descriptor(&file), &found);
    });
}

#[test]
fn moving_does_not_replace() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    std::fs::write(&a, "a").unwrap();
    move_file(&a, &b).unwrap();
    assert_eq!(std::fs::read(&b).unwrap(), b"a");
    std::fs::write(&a, "new").unwrap();
    let error = move_file(&a, &b).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read(&b).unwrap(), b"a");
    let zero = Path::new("a\0b");
    assert!(move_file(zero, &b).is_err());
}
