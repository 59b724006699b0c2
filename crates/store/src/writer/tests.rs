use std::collections::{BTreeMap, BTreeSet};

use crossdock_image::{ANNOTATION_REF_NAME, MediaType};

use super::*;
use crate::Layout;

/// The files beneath `root` with their content, by relative path.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path
                    .strip_prefix(root)
                    .unwrap()
                    .to_string_lossy()
                    .replace('\\', "/");
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn add(destination: &Path, content: &str, tag: &str) -> Result<Descriptor, LayoutWriteError> {
    let writer = LayoutWriter::create(destination)?;
    let media_type = MediaType::OciManifest.as_str();
    let descriptor = writer.add_bytes(media_type, content.as_bytes())?;
    let entry = match tag {
        "" => descriptor,
        tag => descriptor.with_annotation(ANNOTATION_REF_NAME, tag),
    };
    writer.commit(std::slice::from_ref(&entry))?;
    Ok(entry)
}

/// Adds images (content and tag) one after another, and compares what is listed at the end.
#[track_caller]
fn check(images: &[(&str, &str)], expected: &[(&str, &str)]) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("new/layout");
    for (content, tag) in images {
        add(&root, content, tag).unwrap();
    }
    let layout = Layout::open(&root).unwrap();
    let listed: Vec<_> = layout
        .index()
        .manifests()
        .iter()
        .map(|entry| {
            let content = layout.read_blob(entry, 100).unwrap();
            (
                String::from_utf8(content).unwrap(),
                entry.ref_name().unwrap_or("").to_owned(),
            )
        })
        .collect();
    let listed: Vec<_> = listed
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    assert_eq!(listed, expected);
    let blobs: BTreeSet<_> = images.iter().map(|(content, _)| content).collect();
    assert_eq!(files(&root).len(), 2 + blobs.len(), "nothing else is left");
    assert_eq!(fs::read_dir(root.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn adding() {
    check(&[("1", "a")], &[("1", "a")]);
    check(&[("1", "a"), ("2", "b")], &[("1", "a"), ("2", "b")]);
    check(
        &[("1", "a"), ("2", "b"), ("3", "a")],
        &[("2", "b"), ("3", "a")],
    );
    check(&[("1", "a"), ("1", "b")], &[("1", "a"), ("1", "b")]);
    check(&[("1", ""), ("1", "")], &[("1", "")]);
    check(&[("1", ""), ("2", "")], &[("1", ""), ("2", "")]);
    check(&[("1", "a"), ("1", "")], &[("1", "a"), ("1", "")]);
}

#[test]
fn equal_content_gives_equal_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        let root = folder.path().join(name);
        add(&root, "1", "a").unwrap();
        files(&root)
    };
    assert_eq!(write("x"), write("y"));
    let empty = folder.path().join("z");
    fs::create_dir(&empty).unwrap();
    assert_eq!(
        write("x"),
        write("z"),
        "an empty folder becomes a layout in place"
    );
}

#[test]
fn what_is_there_survives() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::write(root.join(LAYOUT_FILE), r#"{"imageLayoutVersion": "1.0.0"}"#).unwrap();
    fs::write(
        root.join(INDEX_FILE),
        concat!(
            r#"{"schemaVersion":2,"annotations":{"k":"v"},"manifests":[{"mediaType":"x/y","size":1,"#,
            r#""digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","#,
            r#""future":[1]}]}"#
        ),
    )
    .unwrap();
    fs::write(root.join("README"), "mine").unwrap();
    add(root, "1", "a").unwrap();
    let files = files(root);
    assert_eq!(files["README"], b"mine");
    assert_eq!(files[LAYOUT_FILE], br#"{"imageLayoutVersion": "1.0.0"}"#);
    let index = String::from_utf8(files[INDEX_FILE].clone()).unwrap();
    assert!(
        index.contains(r#""future":[1]"#) && index.contains(r#"{"k":"v"}"#),
        "{index}"
    );
}

#[test]
fn other_folders_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("full");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("file"), "mine").unwrap();
    let before = files(folder.path());
    assert!(matches!(
        add(&root, "1", ""),
        Err(LayoutWriteError::Occupied { .. })
    ));
    assert!(matches!(
        add(&root.join("file"), "1", ""),
        Err(LayoutWriteError::Occupied { .. })
    ));
    fs::write(root.join(LAYOUT_FILE), r#"{"imageLayoutVersion":"9"}"#).unwrap();
    assert!(matches!(
        add(&root, "1", ""),
        Err(LayoutWriteError::Existing(_))
    ));
    fs::remove_file(root.join(LAYOUT_FILE)).unwrap();
    assert_eq!(files(folder.path()), before);
}

#[test]
fn wrong_content_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("layout");
    let writer = LayoutWriter::create(&root).unwrap();
    let expected = Descriptor::of("text/plain", b"hello");
    for content in [&b"hallo"[..], b"hell", b"hello!"] {
        let error = writer.add_blob(&expected, &mut &content[..]).unwrap_err();
        assert!(matches!(error, LayoutWriteError::Other { .. }), "{error}");
    }
    assert!(!writer.contains(&expected));
    drop(writer);
    assert_eq!(
        files(folder.path()).len(),
        0,
        "nothing is left without commit"
    );
    assert!(!root.exists());
}

#[test]
fn two_writers_of_a_new_layout_both_succeed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("layout");
    let writers = ["1", "2"].map(|content| {
        let writer = LayoutWriter::create(&root).unwrap();
        let entry = writer.add_bytes("text/plain", content.as_bytes()).unwrap();
        (writer, entry.with_annotation(ANNOTATION_REF_NAME, content))
    });
    for (writer, entry) in writers {
        writer.commit(&[entry]).unwrap();
    }
    let layout = Layout::open(&root).unwrap();
    assert_eq!(layout.index().manifests().len(), 2);
    for entry in layout.index().manifests() {
        layout.read_blob(entry, 10).unwrap();
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_killed_writer_of_an_empty_folder_can_be_repeated() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(blob::folder(folder.path())).unwrap();
    fs::create_dir(folder.path().join(".crossdock-1-0")).unwrap();
    add(folder.path(), "1", "a").unwrap();
    assert!(Layout::open(folder.path()).is_ok());
}

/// A folder that cannot be renamed is filled in place, with the same bytes.
#[test]
fn a_new_layout_whose_place_is_taken_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let [plain, filled] = ["plain", "filled"].map(|name| {
        let root = folder.path().join(name);
        let writer = LayoutWriter::create(&root).unwrap();
        let entry = writer.add_bytes("text/plain", b"1").unwrap();
        if name == "filled" {
            // Neither system renames a folder over this one.
            fs::create_dir_all(blob::folder(&root)).unwrap();
        }
        writer.commit(&[entry]).unwrap();
        files(&root)
    });
    assert_eq!(plain, filled);
    let names = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(names, 2, "nothing else is left");
    // What is in the way, and no layout, stays.
    let root = folder.path().join("other");
    let writer = LayoutWriter::create(&root).unwrap();
    fs::create_dir(&root).unwrap();
    fs::write(root.join("other"), "other").unwrap();
    let error = writer.commit(&[]).unwrap_err();
    assert!(matches!(error, LayoutWriteError::Write { .. }), "{error}");
    assert_eq!(fs::read_dir(&root).unwrap().count(), 1);
}
