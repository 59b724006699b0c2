use super::*;

/// Takes the first lock, then tries the second through another open file.
#[track_caller]
fn check(first_shared: bool, second_shared: bool, possible: bool) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    let first = if first_shared {
        FileLock::shared(&path).unwrap()
    } else {
        FileLock::exclusive(&path).unwrap()
    };
    let second = || {
        if second_shared {
            FileLock::try_shared(&path).unwrap()
        } else {
            FileLock::try_exclusive(&path).unwrap()
        }
    };
    assert_eq!(second().is_some(), possible);
    drop(first);
    assert!(second().is_some(), "released when dropped");
}

#[test]
fn combinations() {
    check(true, true, true);
    check(true, false, false);
    check(false, true, false);
    check(false, false, false);
}

#[test]
fn a_missing_folder_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    assert!(FileLock::exclusive(&folder.path().join("a/b")).is_err());
}

#[test]
fn a_file_that_is_locked_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    let mut file = LockFile::open(&path).unwrap();
    let free = || FileLock::try_exclusive(&path).unwrap().is_some();
    let shareable = || FileLock::try_shared(&path).unwrap().is_some();
    for _ in 0..2 {
        assert!(free());
        let held = file.shared().unwrap();
        assert_eq!((free(), shareable()), (false, true));
        drop(held);
        let held = file.exclusive().unwrap();
        assert_eq!((free(), shareable()), (false, false));
        drop(held);
    }
    file.shared().unwrap().keep();
    assert_eq!((free(), shareable()), (false, true));
    drop(file);
    assert!(free());
}
