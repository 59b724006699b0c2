use proptest::prelude::*;

use super::*;

const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

fn descriptor(size: &str) -> String {
    format!(r#"{{"mediaType":"a/b","digest":"{EMPTY}","size":{size}}}"#)
}

/// Parses a document. `expected` is `manifest`, `index`, or a part of the error's text.
#[track_caller]
fn check(document: &str, hint: Option<&str>, expected: &str) {
    let document = document.replace("DESCRIPTOR", &descriptor("7"));
    match Document::parse(document.as_bytes(), hint) {
        Ok(parsed) => {
            let kind = match &parsed {
                Document::Manifest(_) => "manifest",
                Document::Index(_) => "index",
            };
            assert_eq!(kind, expected, "{document}");
            assert_eq!(parsed.raw(), document.as_bytes());
        }
        Err(error) => {
            let error = error.to_string();
            assert!(error.contains(expected), "{document}: {error}");
            assert!(
                !matches!(expected, "manifest" | "index"),
                "{document}: {error}"
            );
        }
    }
}

#[test]
fn kinds() {
    let manifest = r#"{"schemaVersion":2,"config":DESCRIPTOR,"layers":[DESCRIPTOR]}"#;
    let index = r#"{"schemaVersion":2,"manifests":[DESCRIPTOR]}"#;
    for hint in [None, Some(""), Some(OCI_MANIFEST), Some(DOCKER_MANIFEST)] {
        check(manifest, hint, "manifest");
    }
    check(
        manifest,
        Some("application/vnd.oci.image.manifest.v1+json; charset=utf-8"),
        "manifest",
    );
    for hint in [None, Some(OCI_INDEX), Some(DOCKER_LIST)] {
        check(index, hint, "index");
    }
    check(manifest, Some(OCI_INDEX), "holds what the other kind holds");
    check(index, Some(OCI_MANIFEST), "holds what the other kind holds");
    check(index, Some("text/html"), "is no manifest and no index");
    check(
        r#"{"schemaVersion":2,"config":DESCRIPTOR,"layers":null,"annotations":null}"#,
        None,
        "manifest",
    );
    check(
        r#"{"schemaVersion":2,"manifests":null,"mediaType":""}"#,
        None,
        "index",
    );
}

#[test]
fn own_media_type() {
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{DOCKER_MANIFEST}","config":DESCRIPTOR,"layers":[]}}"#
    );
    check(&manifest, None, "manifest");
    check(&manifest, Some(DOCKER_MANIFEST), "manifest");
    check(&manifest, Some(OCI_MANIFEST), "announced as");
    check(&manifest, Some(DOCKER_LIST), "announced as");
    let lie = format!(r#"{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","layers":[]}}"#);
    check(&lie, None, "ambiguous");
    check(
        r#"{"schemaVersion":2,"mediaType":7,"manifests":[]}"#,
        None,
        "is no manifest and no index",
    );
    check(
        r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.config.v1+json","layers":[]}"#,
        None,
        "is no manifest and no index",
    );
}

#[test]
fn schema_1() {
    check(r#"{"schemaVersion":1,"fsLayers":[]}"#, None, "schema 1");
    check(r#"{"fsLayers":[]}"#, None, "schema 1");
    check(
        r#"{"schemaVersion":2,"manifests":[]}"#,
        Some("application/vnd.docker.distribution.manifest.v1+prettyjws"),
        "schema 1",
    );
    check(
        r#"{"schemaVersion":3,"manifests":[]}"#,
        None,
        "schemaVersion is 3",
    );
    check(r#"{"manifests":[]}"#, None, "schemaVersion is nothing");
    check(
        r#"{"schemaVersion":"2","manifests":[]}"#,
        None,
        "schemaVersion is \"2\"",
    );
}

#[test]
fn ambiguous_documents() {
    for document in [
        r#"{"schemaVersion":2,"config":DESCRIPTOR,"layers":[],"manifests":[]}"#,
        r#"{"schemaVersion":2,"layers":[],"manifests":[]}"#,
        r#"{"schemaVersion":2,"config":DESCRIPTOR,"manifests":[]}"#,
        r#"{"schemaVersion":2,"layers":null,"manifests":null}"#,
        r#"{"schemaVersion":2,"config":DESCRIPTOR,"layers":[],"Manifests":[]}"#,
        r#"{"schemaVersion":2,"manifests":[],"LAYERS":[]}"#,
    ] {
        for hint in [None, Some(OCI_MANIFEST), Some(OCI_INDEX)] {
            check(document, hint, "ambiguous");
        }
    }
    check(
        r#"{"schemaVersion":2,"manifests":[],"manifests":[]}"#,
        None,
        "duplicate field",
    );
}

#[test]
fn bounds() {
    let with_sizes = |config: &str, layer: &str| {
        format!(
            r#"{{"schemaVersion":2,"config":{},"layers":[{}]}}"#,
            descriptor(config),
            descriptor(layer)
        )
    };
    check(&with_sizes("1", "1099511627776"), None, "manifest");
    check(&with_sizes("1", "1099511627777"), None, "absurd");
    check(&with_sizes("18446744073709551615", "1"), None, "absurd");
    check(&with_sizes("1", "-1"), None, "not valid");
    check(&with_sizes("1", "1e3"), None, "not valid");
    check(&with_sizes("1", "18446744073709551616"), None, "not valid");
    let many = |count: usize| vec!["DESCRIPTOR"; count].join(",");
    let layers = |count| {
        let layers = many(count);
        format!(r#"{{"schemaVersion":2,"config":DESCRIPTOR,"layers":[{layers}]}}"#)
    };
    check(&layers(MAX_LAYERS), None, "manifest");
    check(&layers(MAX_LAYERS + 1), None, "1001 layers");
    let manifests = many(MAX_MANIFESTS + 1);
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{manifests}]}}"#);
    check(&index, None, "10001 manifests");
    let large = " ".repeat(MAX_DOCUMENT_SIZE as usize);
    check(&format!(r#"{large}{{}}"#), None, "more than the 4194304");
}

#[test]
fn damage() {
    for document in [
        "",
        "null",
        "[]",
        "{",
        r#"{"schemaVersion":2}"#,
        r#"{"schemaVersion":2,"config":{},"layers":[]}"#,
        r#"{"schemaVersion":2,"manifests":[{"digest":"sha256:0","size":1}]}"#,
        r#"{"schemaVersion":2,"manifests":[]} trailing"#,
        r#"{"schemaVersion":2,"manifests":{}}"#,
    ] {
        check(document, None, "not valid");
    }
    let deep = "[".repeat(100_000);
    check(
        &format!(r#"{{"schemaVersion":2,"x":{deep}"#),
        None,
        "not valid",
    );
}

#[test]
fn new_documents_are_read_back() {
    let config = Descriptor::of("application/vnd.oci.image.config.v1+json", b"{}");
    let layer = Descriptor::of("application/vnd.oci.image.layer.v1.tar", b"");
    let annotations = [
        ("b".to_owned(), "1".to_owned()),
        ("a".to_owned(), "2".to_owned()),
    ];
    let manifest = Manifest::new(config, vec![layer], annotations.into());
    let again = Document::parse(manifest.raw(), Some(manifest.media_type())).unwrap();
    assert_eq!(again, Document::Manifest(manifest.clone()));
    let text = String::from_utf8(manifest.raw().to_vec()).unwrap();
    assert!(text.starts_with(
        r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"#
    ));
    assert!(
        text.ends_with(r#""annotations":{"a":"2","b":"1"}}"#),
        "{text}"
    );

    let index = Index::new(vec![manifest.descriptor()], Default::default());
    let again = Document::parse(index.raw(), Some(index.media_type())).unwrap();
    assert_eq!(again, Document::Index(index));

    let manifest = Manifest::docker(manifest.config().clone(), Vec::new(), Default::default());
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    assert_eq!(manifest.media_type(), docker);
    let again = Document::parse(manifest.raw(), Some(docker)).unwrap();
    assert_eq!(again, Document::Manifest(manifest.clone()));
    let index = Index::docker(vec![manifest.descriptor()]);
    let docker = "application/vnd.docker.distribution.manifest.list.v2+json";
    assert_eq!(index.media_type(), docker);
    let again = Document::parse(index.raw(), Some(docker)).unwrap();
    assert_eq!(again, Document::Index(index));
}

proptest! {
    #[test]
    fn no_input_panics(text in r#"\{("(schemaVersion|config|layers|manifests)":(2|\{\}|\[\]),?)*\}?"#) {
        let _ = Document::parse(text.as_bytes(), None);
    }
}
