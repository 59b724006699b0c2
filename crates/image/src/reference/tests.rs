use proptest::prelude::*;

use super::*;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Parses `text` and compares the full and the familiar form.
#[track_caller]
fn check(text: &str, full: &str, familiar: &str) {
    let [text, full, familiar] = [text, full, familiar].map(|t| t.replace("DIGEST", DIGEST));
    let reference: Reference = text.parse().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(reference.to_string(), full, "{text}");
    assert_eq!(reference.familiar(), familiar, "{text}");
}

/// `text` is refused, and the message has `message` in it.
#[track_caller]
fn refused(text: &str, message: &str) {
    let error = text.parse::<Reference>().expect_err(text).to_string();
    assert!(error.contains(message), "{text}: {error}");
}

#[test]
fn docker_hub() {
    check("debian", "docker.io/library/debian", "debian");
    check("debian:12", "docker.io/library/debian:12", "debian:12");
    check("a/b:1", "docker.io/a/b:1", "a/b:1");
    check("a/b/c", "docker.io/a/b/c", "a/b/c");
    check("docker.io/debian", "docker.io/library/debian", "debian");
    check(
        "docker.io/library/debian",
        "docker.io/library/debian",
        "debian",
    );
    check("index.docker.io/a/b", "docker.io/a/b", "a/b");
    check("index.docker.io/b", "docker.io/library/b", "b");
    check(
        "library/debian@DIGEST",
        "docker.io/library/debian@DIGEST",
        "debian@DIGEST",
    );
    check(
        "docker.io/library/a/b",
        "docker.io/library/a/b",
        "library/a/b",
    );
    // A repository named like a local host is only reached by its full name.
    check(
        "docker.io/localhost/a",
        "docker.io/localhost/a",
        "docker.io/localhost/a",
    );
    // One component is never a host.
    check("localhost", "docker.io/library/localhost", "localhost");
    check(
        "localhost:5000",
        "docker.io/library/localhost:5000",
        "localhost:5000",
    );
    let id = "a".repeat(64);
    let hub = format!("docker.io/library/{id}");
    check(&hub, &hub, &hub);
    check(&format!("{id}:1"), &format!("{hub}:1"), &format!("{id}:1"));
}

#[test]
fn other_hosts() {
    for text in [
        "localhost/a",
        "localhost:5000/a/b:t",
        "ghcr.io/a/b@DIGEST",
        "host:5000/a/b:tag@DIGEST",
        "Host/a",
        "HOST.example:443/a",
        "127.0.0.1:5000/a",
        "[::1]:5000/a:b",
        "[2001:db8::1]/a",
        "a.b/c__d/e--f---g/h.i_j:_x.-Y",
        "xn--n3h.example/a",
    ] {
        check(text, text, text);
    }
}

#[test]
fn what_is_refused() {
    refused("", "empty");
    refused(":tag", "empty");
    refused("ghcr.io/", "empty");
    refused("ghcr.io/:a", "empty");
    refused(&format!("@{DIGEST}"), "empty");
    refused(&"a".repeat(64), "image id");
    refused("Debian", "lower case");
    refused("ghcr.io/A", "lower case");
    refused("a/B:1", "lower case");
    refused("ghcr.io//a", "a-z");
    refused("/a", "a-z");
    refused("a/", "a-z");
    refused("a/b/", "a-z");
    refused("a..b", "a-z");
    refused("a___b", "a-z");
    refused("a._b", "a-z");
    refused("-a", "a-z");
    refused("a-", "a-z");
    refused("a b", "a-z");
    refused("ä", "a-z");
    refused("https://ghcr.io/a", "not a host");
    refused("-a.io/b", "not a host");
    refused("a..io/b", "not a host");
    refused("a.io:/b", "not a host");
    refused("a.io:port/b", "not a host");
    refused("a.io:99999/b", "not a host");
    refused("a.io:+80/b", "not a host");
    refused("[::1/b.c:d", "not a host");
    refused("[::g]:80/b", "not a host");
    refused("user@ghcr.io/a", "digest");
    refused("a:", "tag");
    refused("a:.b", "tag");
    refused("a:b:c", "tag");
    refused("a:b/c:d", "not a host");
    refused("a@sha512:00", "sha256");
    refused(&format!("a@{DIGEST}@{DIGEST}"), "digest");
    refused(&"a/".repeat(2000), "longer");
}

#[test]
fn lengths() {
    check(
        &format!("x.y/{}", "a".repeat(255)),
        &format!("x.y/{}", "a".repeat(255)),
        &format!("x.y/{}", "a".repeat(255)),
    );
    refused(&format!("x.y/{}", "a".repeat(256)), "longer than 255");
    // `library/` counts.
    refused(&"a".repeat(248), "longer than 255");
    let tag = format!("a:{}", "t".repeat(128));
    check(&tag, &format!("docker.io/library/{tag}"), &tag);
    refused(&format!("a:{}", "t".repeat(129)), "tag");
}

#[test]
fn parts() {
    let reference: Reference = format!("h:1/a/b:t@{DIGEST}").parse().unwrap();
    assert_eq!(reference.repository().host(), "h:1");
    assert_eq!(reference.repository().path(), "a/b");
    assert_eq!(reference.tag(), Some("t"));
    assert_eq!(reference.digest().unwrap().to_string(), DIGEST);
    let reference: Reference = "debian".parse().unwrap();
    assert_eq!(
        (reference.tag(), reference.tag_or_latest()),
        (None, "latest")
    );
    let repository = reference.repository();
    assert_eq!(repository.with_tag("x").unwrap().familiar(), "debian:x");
    assert!(repository.with_tag("a/b").is_err());
    let pinned = reference.pinned(DIGEST.parse().unwrap());
    assert_eq!(pinned.familiar(), format!("debian@{DIGEST}"));
}

fn host() -> impl Strategy<Value = String> {
    "(docker\\.io|localhost|[a-z0-9]{1,4}\\.[A-Z0-9]{1,3}|[A-Z]{1,4}|10\\.0\\.0\\.1|\\[::1\\])(:[0-9]{1,4})?"
}

fn path() -> impl Strategy<Value = String> {
    "[a-z0-9]{1,5}((_|__|-{1,3})[a-z0-9]{1,3}){0,2}(/[a-z0-9]{1,5}(-[a-z0-9]{1,3})?){0,3}"
}

proptest! {
    #[test]
    fn both_forms_are_read_back(
        host in proptest::option::of(host()),
        path in path(),
        tag in proptest::option::of("[A-Za-z0-9_][A-Za-z0-9_.-]{0,8}"),
        with_digest: bool,
    ) {
        let mut text = host.map(|host| format!("{host}/")).unwrap_or_default() + &path;
        if let Some(tag) = &tag {
            text.push(':');
            text.push_str(tag);
        }
        if with_digest {
            text.push('@');
            text.push_str(DIGEST);
        }
        let reference: Reference = text.parse().unwrap();
        prop_assert_eq!(reference.tag(), tag.as_deref());
        prop_assert_eq!(reference.digest().is_some(), with_digest);
        prop_assert!(reference.repository().path().ends_with(&path) || text.contains(reference.repository().path()));
        prop_assert_eq!(&reference.to_string().parse::<Reference>().unwrap(), &reference);
        prop_assert_eq!(&reference.familiar().parse::<Reference>().unwrap(), &reference);
        prop_assert!(reference.familiar().len() <= reference.to_string().len());
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[a-zA-Z0-9.:/@_\\[\\]-]{0,40}|.{0,40}") {
        if let Ok(reference) = text.parse::<Reference>() {
            prop_assert_eq!(&reference.to_string().parse::<Reference>().unwrap(), &reference);
            prop_assert_eq!(&reference.familiar().parse::<Reference>().unwrap(), &reference);
        }
    }
}
