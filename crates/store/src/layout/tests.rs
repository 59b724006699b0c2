use std::fs;

use crossdock_image::{ANNOTATION_IMAGE_NAME, ANNOTATION_REF_NAME, ImageSource, MediaType};

use super::*;
use crate::LayoutWriter;

/// A layout whose files are `oci-layout` and `index.json` with this content, if any.
fn folder(layout: Option<&str>, index: Option<&str>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [(LAYOUT_FILE, layout), (INDEX_FILE, index)] {
        if let Some(content) = content {
            fs::write(folder.path().join(name), content).unwrap();
        }
    }
    folder
}

const VERSION_1: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;
const NO_IMAGES: &str = r#"{"schemaVersion":2,"manifests":[]}"#;

/// Opens a layout. `expected` is a part of the error's text, if it must fail.
#[track_caller]
fn check_open(layout: Option<&str>, index: Option<&str>, expected: Option<&str>) {
    let folder = folder(layout, index);
    match (Layout::open(folder.path()), expected) {
        (Ok(_), None) => {}
        (Err(error), Some(expected)) => {
            let error = error.to_string();
            assert!(error.contains(expected), "{error}");
            assert!(
                error.contains(&folder.path().display().to_string()),
                "{error}"
            );
        }
        (found, expected) => panic!("{found:?}, expected {expected:?}"),
    }
}

#[test]
fn opening() {
    check_open(Some(VERSION_1), Some(NO_IMAGES), None);
    check_open(
        Some(r#"{"imageLayoutVersion":"1.1.0","x":1}"#),
        Some(NO_IMAGES),
        None,
    );
    check_open(None, Some(NO_IMAGES), Some("oci-layout is missing"));
    check_open(Some(VERSION_1), None, Some("index.json is missing"));
    check_open(
        Some(r#"{"imageLayoutVersion":"2.0.0"}"#),
        Some(NO_IMAGES),
        Some("\"2.0.0\""),
    );
    check_open(Some("{}"), Some(NO_IMAGES), Some("unreadable"));
    check_open(Some(""), Some(NO_IMAGES), Some("unreadable"));
    check_open(Some(VERSION_1), Some("{"), Some("not valid"));
    check_open(
        Some(VERSION_1),
        Some(r#"{"schemaVersion":1}"#),
        Some("schema 1"),
    );
    let huge = " ".repeat(5 << 20);
    check_open(Some(VERSION_1), Some(&huge), Some("more than the 4194304"));
}

#[test]
fn a_missing_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nothing");
    let error = Layout::open(&path).unwrap_err().to_string();
    assert!(
        error.contains("nothing: is not an OCI image layout"),
        "{error}"
    );
}

/// Writes one manifest for each name: `a=b` gives the annotation `a` the value `b`, several are
/// joined by `,`; `@` and a platform after them. Then resolves `reference`.
fn resolve(names: &[&str], reference: &str, platform: Option<&str>) -> Result<usize, String> {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("layout");
    let writer = LayoutWriter::create(&root).unwrap();
    let mut entries = Vec::new();
    for (place, name) in names.iter().enumerate() {
        let document = format!(r#"{{"schemaVersion":2,"manifests":[],"n":{place}}}"#);
        let media_type = MediaType::OciIndex.as_str();
        let mut entry = writer.add_bytes(media_type, document.as_bytes()).unwrap();
        let (annotations, platform) = name.split_once('@').unwrap_or((name, ""));
        for annotation in annotations.split(',').filter(|text| !text.is_empty()) {
            let (key, value) = annotation.split_once('=').unwrap();
            let key = match key {
                "ref" => ANNOTATION_REF_NAME,
                "image" => ANNOTATION_IMAGE_NAME,
                _ => panic!("{key}"),
            };
            entry = entry.with_annotation(key, value);
        }
        if !platform.is_empty() {
            entry = entry.with_platform(platform.parse().unwrap());
        }
        entries.push(entry);
    }
    writer.commit(&entries).unwrap();
    let layout = Layout::open(&root).unwrap();
    let reference = format!("oci-layout://layout{reference}");
    let Ok(ImageSource::Layout(reference)) = reference.parse() else {
        panic!("{reference}");
    };
    let platform = platform.map(|text| text.parse().unwrap());
    let found = layout
        .resolve(&reference, platform.as_ref())
        .map_err(|error| error.to_string())?;
    Ok(entries.iter().position(|entry| *entry == found).unwrap())
}

#[track_caller]
fn check(names: &[&str], reference: &str, expected: Result<usize, &str>) {
    check_platform(names, reference, None, expected);
}

#[track_caller]
fn check_platform(
    names: &[&str],
    reference: &str,
    platform: Option<&str>,
    expected: Result<usize, &str>,
) {
    match (resolve(names, reference, platform), expected) {
        (Ok(found), Ok(expected)) => assert_eq!(found, expected),
        (Err(error), Err(expected)) => assert!(error.contains(expected), "{error}"),
        (found, expected) => panic!("{found:?}, expected {expected:?}"),
    }
}

#[test]
fn tags() {
    check(&["ref=a", "ref=b"], ":b", Ok(1));
    check(
        &["ref=a", "ref=b"],
        ":c",
        Err("no image has the tag \"c\"; its tags are a, b"),
    );
    check(&[""], ":c", Err("none of its images has a tag"));
    // The full names that docker and containerd write.
    check(&["image=docker.io/library/x:1,ref=1", "ref=2"], ":1", Ok(0));
    check(&["image=docker.io/library/x:1", "ref=2"], ":1", Ok(0));
    check(&["ref=docker.io/library/x:1"], ":1", Ok(0));
    check(&["image=x:2", "ref=2"], ":2", Ok(1));
}

#[test]
fn without_tag() {
    check(&["ref=a"], "", Ok(0));
    check(&[""], "", Ok(0));
    check(&["ref=a", "ref=latest"], "", Ok(1));
    check(&["ref=a", "image=x:latest"], "", Ok(1));
    check(&["ref=a", "ref=b"], "", Err("2 images fit"));
    check(&["ref=a", "ref=b"], "", Err("its tags are a, b"));
    check(&[], "", Err("holds no image"));
}

#[test]
fn platforms_tell_equal_names_apart() {
    let names = ["ref=a@linux/amd64", "ref=a@windows/amd64"];
    check_platform(&names, ":a", Some("windows/amd64"), Ok(1));
    check_platform(&names, "", Some("linux/amd64"), Ok(0));
    check_platform(
        &names,
        ":a",
        Some("linux/arm64"),
        Err("no image for linux/arm64"),
    );
    check_platform(&names, ":a", None, Err("2 images fit"));
    let different = ["ref=a@linux/amd64", "ref=b@windows/amd64"];
    check_platform(&different, "", Some("linux/amd64"), Err("2 images fit"));
    let bare = ["@linux/amd64", "@windows/amd64"];
    check_platform(&bare, "", Some("windows/amd64"), Ok(1));
}

#[test]
fn digests() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("layout");
    let writer = LayoutWriter::create(&root).unwrap();
    let media_type = MediaType::OciIndex.as_str();
    let inner = writer
        .add_bytes(media_type, br#"{"schemaVersion":2,"manifests":[]}"#)
        .unwrap();
    let outer = Index::new(vec![inner.clone()], Default::default());
    let listed = writer.add_bytes(media_type, outer.raw()).unwrap();
    let text = writer.add_bytes("text/plain", b"hello").unwrap();
    writer
        .commit(&[listed.clone().with_annotation(ANNOTATION_REF_NAME, "a")])
        .unwrap();
    let layout = Layout::open(&root).unwrap();
    let resolve = |digest| {
        let reference = LayoutReference {
            directory: String::new(),
            tag: Some("a".to_owned()),
            digest: Some(digest),
        };
        layout.resolve(&reference, None)
    };
    assert_eq!(resolve(listed.digest).unwrap().digest, listed.digest);
    assert_eq!(resolve(inner.digest).unwrap(), inner);
    assert!(matches!(resolve(text.digest), Err(ResolveError::Read(_))));
    let missing = Descriptor::of("", b"missing").digest;
    let error = resolve(missing).unwrap_err().to_string();
    assert!(error.contains(&missing.to_string()), "{error}");
}

#[test]
fn documents_and_limits() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("layout");
    let writer = LayoutWriter::create(&root).unwrap();
    let config = writer
        .add_bytes(
            MediaType::OciConfig.as_str(),
            br#"{"os":"linux","config":{"Cmd":null}}"#,
        )
        .unwrap();
    writer.commit(&[]).unwrap();
    let layout = Layout::open(&root).unwrap();
    assert_eq!(layout.read_config(&config).unwrap().os, "linux");
    let error = layout.read_document(&config).unwrap_err();
    assert!(
        matches!(error, DocumentReadError::Document { .. }),
        "{error}"
    );
    let error = layout.read_blob(&config, 7).unwrap_err();
    assert!(
        matches!(error, BlobError::TooLarge { limit: 7, .. }),
        "{error}"
    );
}
