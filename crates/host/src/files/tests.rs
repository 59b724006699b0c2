use super::*;

/// Persists `new` where `old` may be. `expected` is the content afterwards.
#[track_caller]
fn check(old: Option<&str>, new: &str, existing: Existing, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("target");
    if let Some(old) = old {
        fs::write(&target, old).unwrap();
    }
    let mut file = TemporaryFile::create_in(folder.path()).unwrap();
    file.write_all(new.as_bytes()).unwrap();
    let result = file.persist(&target, existing);
    assert_eq!(fs::read_to_string(&target).unwrap(), expected);
    if expected != new {
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    } else {
        result.unwrap();
    }
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "no leftover"
    );
}

#[test]
fn persist() {
    check(None, "new", Existing::Replace, "new");
    check(None, "new", Existing::Keep, "new");
    check(Some("old"), "new", Existing::Replace, "new");
    check(Some("old"), "new", Existing::Keep, "old");
}

/// Holds on Windows too, but not in Wine, where the tests for it run.
#[cfg(unix)]
#[test]
fn an_open_file_can_be_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    atomic_write(&path, b"old").unwrap();
    let mut open = File::open(&path).unwrap();
    atomic_write(&path, b"new").unwrap();
    let mut content = String::new();
    open.read_to_string(&mut content).unwrap();
    assert_eq!(content, "old");
    assert_eq!(fs::read(&path).unwrap(), b"new");
}

#[test]
fn dropping_removes() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<_> = (0..3)
        .map(|_| TemporaryFile::create_in(folder.path()).unwrap())
        .collect();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    drop(files);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn spools_have_no_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = spool_in(folder.path()).unwrap();
    spool.write_all(b"abc").unwrap();
    spool.seek(SeekFrom::Start(1)).unwrap();
    let mut content = String::new();
    spool.read_to_string(&mut content).unwrap();
    assert_eq!(content, "bc");
    drop(spool);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn reading_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    fs::write(&path, "abc").unwrap();
    assert_eq!(read_file(&path, 2).unwrap(), b"ab");
    assert_eq!(read_file(&path, 9).unwrap(), b"abc");
    assert!(read_file(folder.path(), 9).is_err());
    let missing = read_file(&folder.path().join("b"), 9).unwrap_err();
    assert_eq!(missing.kind(), io::ErrorKind::NotFound);
}

#[test]
fn files_are_replaced_while_they_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    atomic_write(&path, &[0; 5000]).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| (1..50).for_each(|n| atomic_write(&path, &[n; 5000]).unwrap()));
        for _ in 0..50 {
            let content = read_file(&path, 9999).unwrap();
            assert!(content.len() == 5000 && content.iter().all(|byte| *byte == content[0]));
        }
    });
}

#[test]
fn places_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = spool_in(folder.path()).unwrap();
    write_all_at(&file, b"later", 10).unwrap();
    write_all_at(&file, b"first", 0).unwrap();
    let mut found = [1; 20];
    assert_eq!(read_at(&file, &mut found, 0).unwrap(), 15);
    assert_eq!(&found[..15], b"first\0\0\0\0\0later");
    assert_eq!(read_at(&file, &mut found[..3], 12).unwrap(), 3);
    assert_eq!(&found[..3], b"ter");
    assert_eq!(read_at(&file, &mut found, 15).unwrap(), 0);
}
