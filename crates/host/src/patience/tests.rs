use std::fs::{self, File};

use super::*;
use crate::{
    Existing, TemporaryFile, atomic_write, create_dir, hard_link, open_alone, open_file, read_file,
    remove_dir_all, remove_file, rename,
};

/// Does something with the file `a` while somebody else has it open for a moment, and compares what
/// is in the folder then.
#[track_caller]
fn check(act: fn(&Path) -> io::Result<()>, expected: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a"), "content").unwrap();
    let rude = open_alone(&folder.path().join("a")).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            drop(rude);
        });
        act(folder.path()).unwrap();
    });
    let mut found: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn files_that_others_have_open_for_a_moment() {
    check(|folder| open_file(&folder.join("a")).map(drop), &["a"]);
    check(|folder| read_file(&folder.join("a"), 9).map(drop), &["a"]);
    check(|folder| remove_file(&folder.join("a")), &[]);
    check(
        |folder| rename(&folder.join("a"), &folder.join("b")),
        &["b"],
    );
    check(
        |folder| hard_link(&folder.join("a"), &folder.join("b")),
        &["a", "b"],
    );
    check(|folder| atomic_write(&folder.join("a"), b"new"), &["a"]);
    let persist = |folder: &Path| {
        let file = TemporaryFile::create_in(folder)?;
        remove_file(&folder.join("a"))?;
        file.persist(&folder.join("a"), Existing::Keep)
    };
    check(persist, &["a"]);
    let with_folder = |folder: &Path| {
        create_dir(&folder.join("d"))?;
        rename(&folder.join("a"), &folder.join("d/a"))?;
        remove_dir_all(&folder.join("d"))
    };
    check(with_folder, &[]);
}

/// A file that somebody keeps open, in a folder that is removed.
#[test]
fn folders_with_open_files() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("d");
    fs::create_dir(&inner).unwrap();
    fs::write(inner.join("a"), "").unwrap();
    let rude = open_alone(&inner.join("a")).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(Duration::from_millis(100));
            drop(rude);
        });
        remove_dir_all(&inner).unwrap();
    });
    assert!(!inner.exists());
}

/// Where a file stays open for long, the error says which, and why.
#[cfg(windows)]
#[test]
fn the_error_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept-open");
    fs::write(&path, "").unwrap();
    let _rude = open_alone(&path).unwrap();
    let started = std::time::Instant::now();
    for error in [open_file(&path).map(drop), remove_file(&path)] {
        let text = error.unwrap_err().to_string();
        assert!(text.contains("kept-open"), "{text}");
        assert!(text.contains("another program has it open"), "{text}");
    }
    assert!(started.elapsed() >= Duration::from_secs(2));
}

#[test]
fn other_errors_come_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut attempts = 0;
    let error = patiently(folder.path(), || {
        attempts += 1;
        fs::read(folder.path().join("missing"))
    });
    assert_eq!(error.unwrap_err().kind(), io::ErrorKind::NotFound);
    assert_eq!(attempts, 1);
}

/// Read-only files go too, also from folders.
#[test]
fn read_only_files() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("d");
    fs::create_dir_all(inner.join("e")).unwrap();
    for path in [folder.path().join("a"), inner.join("e/b")] {
        fs::write(&path, "").unwrap();
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).unwrap();
    }
    remove_file(&folder.path().join("a")).unwrap();
    remove_dir_all(&inner).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// What the other process is told by.
const FILE: &str = "CROSSDOCK_TEST_FILE_TO_HOLD";

/// The other process: it has the file open for a while.
#[ignore = "a process of its own of the test below"]
#[test]
fn holds_a_file() {
    let Some(path) = std::env::var_os(FILE) else {
        return;
    };
    let rude = open_alone(Path::new(&path)).unwrap();
    println!("\nheld");
    std::thread::sleep(Duration::from_millis(300));
    drop(rude);
}

#[test]
fn other_processes() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    fs::write(&path, "content").unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "patience::tests::holds_a_file"])
        .args(["--ignored", "--nocapture"])
        .env(FILE, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "held"));
    if cfg!(windows) {
        assert!(File::open(&path).is_err(), "it is held");
    }
    assert_eq!(read_file(&path, 99).unwrap(), b"content");
    remove_file(&path).unwrap();
    // It goes on printing.
    lines.for_each(drop);
    assert!(child.wait().unwrap().success());
}
