use super::{Annotation, AnnotationLevel, annotations_of};

/// `LEVEL[PLATFORM] KEY=VALUE`
fn show(annotation: &Annotation) -> String {
    let platform = annotation.platform.as_ref();
    let platform = platform.map_or(String::new(), |platform| format!("[{platform}]"));
    let Annotation { key, value, .. } = annotation;
    format!("{}{platform} {key}={value}", annotation.level.name())
}

#[test]
fn options() {
    let check = |text: &str, expected: &[&str]| {
        let parsed = Annotation::parse_option(text);
        let found = match &parsed {
            Ok(annotations) => annotations.iter().map(show).collect(),
            Err(error) => vec![error.to_string()],
        };
        assert_eq!(found, expected, "{text}");
    };
    check("a=b", &["manifest a=b"]);
    check("a=", &["manifest a="]);
    check("a=b=c:d", &["manifest a=b=c:d"]);
    check("index:a.b/c=d", &["index a.b/c=d"]);
    check("index,manifest:a=b", &["index a=b", "manifest a=b"]);
    check(
        "manifest-descriptor,index-descriptor:a=b",
        &["manifest-descriptor a=b", "index-descriptor a=b"],
    );
    check(
        "manifest[windows(10.0.20348)/amd64]:a=b",
        &["manifest[windows(10.0.20348)/amd64] a=b"],
    );
    check(
        "a",
        &[r#""a" is no annotation; write it like KEY=VALUE or index:KEY=VALUE"#],
    );
    check(
        "=b",
        &[r#""=b" is no annotation; write it like KEY=VALUE or index:KEY=VALUE"#],
    );
    check(
        "layer:a=b",
        &[
            "there is no annotation level \"layer\"; the levels are manifest, \
             manifest-descriptor, index and index-descriptor",
        ],
    );
    check(
        "index[linux/amd64]:a=b",
        &["an annotation of the level index cannot be for one platform"],
    );
    check(
        "manifest[linux]:a=b",
        &[
            "platform \"linux\": the architecture is missing or has an invalid character; \
           write it like linux/amd64 or windows(10.0.20348)/amd64",
        ],
    );
}

#[test]
fn attributes() {
    let check = |name: &str, expected: Option<&str>| {
        let parsed = Annotation::parse_attribute(name, "v");
        let found = parsed.map(|parsed| match parsed {
            Ok(annotation) => show(&annotation),
            Err(error) => error.to_string(),
        });
        assert_eq!(found.as_deref(), expected, "{name}");
    };
    check("annotation.a.b", Some("manifest a.b=v"));
    check("annotation-index.a", Some("index a=v"));
    check(
        "annotation[linux/amd64].a",
        Some("manifest[linux/amd64] a=v"),
    );
    check(
        "annotation-manifest[windows(10.0.20348)/amd64].a",
        Some("manifest[windows(10.0.20348)/amd64] a=v"),
    );
    check("annotations.a", None);
    check("annotation", None);
    check("dest", None);
    check(
        "annotation.",
        Some("\"annotation.=v\" is no annotation; write it like KEY=VALUE or index:KEY=VALUE"),
    );
}

#[test]
fn which_apply() {
    let all = ["a=1", "manifest[linux/arm64]:a=2", "index:b=3", "a=4"];
    let all: Vec<Annotation> = all
        .iter()
        .flat_map(|text| Annotation::parse_option(text).unwrap())
        .collect();
    let check = |level, platform: Option<&str>, expected: &str| {
        let platform = platform.map(|platform| platform.parse().unwrap());
        let found = annotations_of(&all, level, platform.as_ref());
        assert_eq!(format!("{found:?}"), expected);
    };
    check(
        AnnotationLevel::Manifest,
        Some("linux/amd64"),
        r#"{"a": "4"}"#,
    );
    check(
        AnnotationLevel::Manifest,
        Some("linux/arm64"),
        r#"{"a": "4"}"#,
    );
    check(AnnotationLevel::Index, None, r#"{"b": "3"}"#);
    check(AnnotationLevel::IndexDescriptor, None, "{}");
}
