use super::*;

#[track_caller]
fn check_verbatim(path: &str, expected: &str) {
    assert_eq!(
        verbatim(Path::new(path)).unwrap(),
        Path::new(expected),
        "{path}"
    );
}

#[test]
fn verbatim_paths() {
    check_verbatim(r"C:\x\y", r"\\?\C:\x\y");
    check_verbatim("C:/x//y/../z", r"\\?\C:\x\z");
    check_verbatim(r"\\server\share\x", r"\\?\UNC\server\share\x");
    check_verbatim(r"\\?\C:\x", r"\\?\C:\x");
    check_verbatim(r"\\?\UNC\server\share\x", r"\\?\UNC\server\share\x");
    let here = std::env::current_dir().unwrap();
    let expected = verbatim(&here).unwrap().join("x");
    assert_eq!(verbatim(Path::new("x")).unwrap(), expected);
}

#[test]
fn trees_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    let mut deep = tree.clone();
    // Longer than paths may be elsewhere in Windows.
    for _ in 0..40 {
        deep.push("directory");
    }
    std::fs::create_dir_all(&deep).unwrap();
    for path in [deep.join("file"), tree.join("file")] {
        std::fs::write(path, "").unwrap();
    }
    remove_tree(&tree).unwrap();
    assert!(!tree.exists());
    assert_eq!(
        remove_tree(&tree).unwrap_err().kind(),
        io::ErrorKind::NotFound
    );
    std::fs::write(&tree, "").unwrap();
    let error = remove_tree(&tree).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotADirectory);
    assert!(tree.exists());
}

/// Directories are held while others are asked for: what was swapped for another is found again.
#[test]
fn directories_that_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir_all(path("a/b")).unwrap();
    std::fs::write(path("a/b/one"), "").unwrap();
    std::fs::create_dir_all(path("c")).unwrap();
    std::fs::write(path("c/two"), "").unwrap();
    let beneath = Beneath::open(folder.path()).unwrap();
    let names = |directory: &str| {
        let (_, files) = beneath.list(directory.as_bytes())?;
        let names = files.iter().map(|file| from_wide(&file.name));
        io::Result::Ok(names.collect::<Vec<_>>())
    };
    assert_eq!(names("a/b").unwrap(), ["one"]);
    // As on file systems that number nothing.
    let (directory, with) = beneath.list(b"a/b").unwrap();
    let without = list_with(&directory, false).unwrap();
    let expected = ListedFile {
        id: 0,
        ..with[0].clone()
    };
    assert_eq!(without, [expected]);
    assert_eq!(names("c").unwrap(), ["two"]);
    assert_eq!(names("").unwrap().len(), 2);
    assert_eq!(
        names("missing").unwrap_err().kind(),
        io::ErrorKind::NotFound
    );
    let error = names("c/two").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotADirectory);
    assert_eq!(names("a/b").unwrap(), ["one"]);
}
