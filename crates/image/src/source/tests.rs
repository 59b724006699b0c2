use super::*;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Parses a layout reference: folder, tag, whether there is a digest.
#[track_caller]
fn check(text: &str, expected: Option<(&str, Option<&str>, bool)>) {
    let text = text.replace("DIGEST", DIGEST);
    let parsed: Option<ImageSource> = text.parse().ok();
    let Some(source) = parsed else {
        assert_eq!(expected, None, "{text}");
        return;
    };
    assert_eq!(source.to_string(), text);
    let ImageSource::Layout(layout) = source else {
        panic!("{text} is not a layout");
    };
    let found = (
        layout.directory.as_str(),
        layout.tag.as_deref(),
        layout.digest.is_some(),
    );
    assert_eq!(Some(found), expected, "{text}");
}

#[test]
fn layouts() {
    check("oci-layout://a", Some(("a", None, false)));
    check("oci-layout:///a/b", Some(("/a/b", None, false)));
    check("oci-layout://base:v1", Some(("base", Some("v1"), false)));
    // A single letter is a drive: this is a folder relative to the drive's current one.
    check("oci-layout://c:v1", Some(("c:v1", None, false)));
    check("oci-layout://./a:b/c", Some(("./a:b/c", None, false)));
    check("oci-layout://C:\\a", Some(("C:\\a", None, false)));
    check("oci-layout://C:\\a:v1", Some(("C:\\a", Some("v1"), false)));
    check("oci-layout://a@DIGEST", Some(("a", None, true)));
    check(
        "oci-layout://base:v1@DIGEST",
        Some(("base", Some("v1"), true)),
    );
    check("oci-layout://a@b/c", Some(("a@b/c", None, false)));
    check("oci-layout://a@sha256:12", None);
    check("oci-layout://", None);
    check("oci-layout://@DIGEST", None);
}

/// Reads an archive: file, name, whether there is a digest. A text with a scheme is the same in a
/// Dockerfile and as an argument.
#[track_caller]
fn check_archive(text: &str, expected: Option<(&str, Option<&str>, bool)>) {
    let text = text.replace("DIGEST", DIGEST);
    if ImageSource::has_scheme(&text) {
        assert_eq!(text.parse().ok(), ImageSource::from_argument(&text).ok());
    }
    let Ok(source) = ImageSource::from_argument(&text) else {
        assert_eq!(expected, None, "{text}");
        return;
    };
    assert_eq!(source.to_string(), text);
    assert!(source.reference().is_none());
    let ImageSource::Archive(archive) = source else {
        panic!("{text} is not an archive");
    };
    let found = (
        archive.file.as_str(),
        archive.name.as_deref(),
        archive.digest.is_some(),
    );
    assert_eq!(Some(found), expected, "{text}");
}

#[test]
fn archives() {
    for scheme in ["oci-archive://", "docker-archive://"] {
        let check = |rest: &str, expected: Option<(&str, Option<&str>, bool)>| {
            check_archive(&format!("{scheme}{rest}"), expected);
        };
        check("a.tar", Some(("a.tar", None, false)));
        check("/a/b.tar", Some(("/a/b.tar", None, false)));
        check("a.tar:v1", Some(("a.tar", Some("v1"), false)));
        check("a.tar:debian:12", Some(("a.tar", Some("debian:12"), false)));
        check(
            "aa:localhost:5000/b/c:1@DIGEST",
            Some(("aa", Some("localhost:5000/b/c:1"), true)),
        );
        check("C:\\a.tar", Some(("C:\\a.tar", None, false)));
        check("C:/a.tar:x", Some(("C:/a.tar", Some("x"), false)));
        check("c:a.tar:x:1", Some(("c:a.tar", Some("x:1"), false)));
        check(
            "\\\\?\\C:\\a.tar:x",
            Some(("\\\\?\\C:\\a.tar", Some("x"), false)),
        );
        check("a@b.tar:x:1", Some(("a@b.tar", Some("x:1"), false)));
        check("a/b:1", Some(("a/b", Some("1"), false)));
        check("a@DIGEST", Some(("a", None, true)));
        check("a@sha256:12", None);
        check("", None);
        check(":x", None);
        check("aa:", None);
        check("@DIGEST", None);
    }
}

#[test]
fn paths_are_arguments() {
    for file in [
        "/a",
        "./a",
        "../a",
        ".\\a",
        "..\\a",
        "\\a",
        "\\\\server\\a",
        "C:\\a",
        "c:/a",
        ".",
        "..",
    ] {
        check_archive(file, Some((file, None, false)));
        check_archive(&format!("{file}:x:1"), Some((file, Some("x:1"), false)));
        // In a Dockerfile it is a name, which no registry has.
        let source: ImageSource = file.parse().unwrap();
        assert_eq!(source, ImageSource::Registry(file.to_owned()));
    }
    for name in ["a", "a/b", "a:b", ".a", "..a", "localhost:5000/a", "1:/a"] {
        let source = ImageSource::from_argument(name).unwrap();
        assert_eq!(source, ImageSource::Registry(name.to_owned()));
        assert!(!ImageSource::has_scheme(name));
    }
    assert!(ImageSource::has_scheme("oci-layout://a"));
    assert!(ImageSource::from_argument("").is_err());
}

#[test]
fn anything_else_is_for_a_registry() {
    let source: ImageSource = "alpine:3".parse().unwrap();
    assert_eq!(source, ImageSource::Registry("alpine:3".to_owned()));
    assert!("".parse::<ImageSource>().is_err());
}

#[test]
fn references() {
    let reference = |text: &str| text.parse::<ImageSource>().unwrap().reference();
    assert!(reference("oci-layout://a").is_none());
    assert!(reference("A").unwrap().is_err());
    let debian = reference("debian:12").unwrap().unwrap();
    let source = ImageSource::from(&debian);
    assert_eq!(source.to_string(), "docker.io/library/debian:12");
    assert_eq!(source.reference().unwrap().unwrap(), debian);
}

#[test]
fn image_and_path() {
    let check = |text: &str, expected: Option<(&str, &str)>| {
        assert_eq!(split_image_path(text), expected, "{text}");
    };
    check("debian:/etc", Some(("debian", "/etc")));
    check("debian:12:/etc", Some(("debian:12", "/etc")));
    check(
        "localhost:5000/a/b:1:/etc/x:y",
        Some(("localhost:5000/a/b:1", "/etc/x:y")),
    );
    check(r"win:C:\Windows", Some(("win", r"C:\Windows")));
    check("win:1:c:/Windows", Some(("win:1", "c:/Windows")));
    check(r"win:\x", Some(("win", r"\x")));
    check("debian:12:etc", Some(("debian:12", "etc")));
    check("debian:etc", Some(("debian", "etc")));
    check("debian", None);
    check(
        "oci-layout:///a/b:1:/etc",
        Some(("oci-layout:///a/b:1", "/etc")),
    );
    check(
        r"oci-layout://C:\a:/etc",
        Some((r"oci-layout://C:\a", "/etc")),
    );
    check(r"C:\a.tar:/etc", Some((r"C:\a.tar", "/etc")));
    check(r"C:\a.tar", None);
    check(r"\\?\C:\a.tar:/etc", Some((r"\\?\C:\a.tar", "/etc")));
    check(r"\\.\c:\a.tar:x", Some((r"\\.\c:\a.tar", "x")));
    check(r"\\?\C:\a.tar", None);
    check(
        r"oci-layout://\\?\C:\a:1:C:\x",
        Some((r"oci-layout://\\?\C:\a:1", r"C:\x")),
    );
    check(
        r"\\server\share\a.tar:\x",
        Some((r"\\server\share\a.tar", r"\x")),
    );
    check("./a.tar:/", Some(("./a.tar", "/")));
    // A tag of one letter.
    check("oci-layout:///d:t:/x", Some(("oci-layout:///d:t", "/x")));
}
