use std::io::Read;

use crossdock_image::{BlobSource, Descriptor, VerifyError};
use crossdock_remote::{BlobError, ManifestError, RequestError};

use super::*;
use crate::server::{Answer, ranged};

const KIND: &str = "application/vnd.oci.image.manifest.v1+json";
const MANIFEST: &[u8] = b"{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\",\"size\":2},\"layers\":[]}";

fn with_manifest() -> (Server, Descriptor) {
    let server = Server::start();
    let descriptor = server.put_manifest("a/b", "t", KIND, MANIFEST);
    (server, descriptor)
}

#[test]
fn references_are_resolved() {
    let (server, expected) = with_manifest();
    let (client, _) = client();
    let tagged = reference(&server, "a/b:t");
    assert_eq!(client.resolve(&tagged).unwrap(), expected);
    assert_eq!(server.count("GET", "manifests"), 0);
    let asked = server.log().pop().unwrap();
    assert!(asked.header("accept").contains(KIND));
    assert!(asked.header("user-agent").starts_with("crossdock/"));
    assert!(!asked.headers.contains_key("accept-encoding"));
    let (found, bytes) = client.manifest(&tagged).unwrap();
    assert_eq!((found, bytes.as_slice()), (expected.clone(), MANIFEST));
    let pinned = reference(&server, "a/b:other").pinned(expected.digest);
    assert_eq!(client.resolve(&pinned).unwrap(), expected);
    assert_eq!(client.manifest(&pinned).unwrap().0, expected);
}

#[test]
fn head_may_be_unknown_or_say_little() {
    for answer in [
        Answer::new(405),
        Answer::new(200),
        Answer::new(200).header("Docker-Content-Digest", "sha512:00"),
        Answer::new(501),
    ] {
        let (server, expected) = with_manifest();
        server.first(9, "HEAD", "manifests", answer);
        let (client, _) = client();
        let found = client.resolve(&reference(&server, "a/b:t")).unwrap();
        assert_eq!(found, expected);
    }
}

#[test]
fn a_media_type_that_says_nothing_is_looked_up() {
    for kind in ["application/json", "text/plain; charset=utf-8"] {
        let (server, expected) = with_manifest();
        server.put_manifest("a/b", "t", kind, MANIFEST);
        let (client, _) = client();
        let found = client.resolve(&reference(&server, "a/b:t")).unwrap();
        assert_eq!(found, expected);
    }
}

#[test]
fn missing_manifests() {
    let (server, _) = with_manifest();
    let (client, clock) = client();
    for error in [
        client.resolve(&reference(&server, "a/b:no")).unwrap_err(),
        client
            .manifest(&reference(&server, "a/b:no"))
            .map(drop)
            .unwrap_err(),
    ] {
        assert!(matches!(error, ManifestError::NotFound { .. }), "{error}");
        assert!(error.to_string().contains("/a/b:no"), "{error}");
    }
    assert!(clock.pauses().is_empty());
}

#[test]
fn wrong_manifests() {
    let (server, expected) = with_manifest();
    server.put_manifest("a/b", "other", KIND, b"{}");
    let (client, _) = client();
    let pinned = reference(&server, "a/b").pinned(expected.digest);
    let other = Answer::new(200).header("Content-Type", KIND).body("{}");
    server.first(1, "GET", "manifests", other);
    let error = client.manifest(&pinned).unwrap_err();
    assert!(matches!(error, ManifestError::Digest { .. }), "{error}");
    // The announcement and the bytes differ.
    let announced = Answer::new(200)
        .header("Docker-Content-Digest", expected.digest)
        .body("{}");
    server.first(1, "GET", "manifests", announced.clone());
    let error = client.manifest(&reference(&server, "a/b:t")).unwrap_err();
    assert!(matches!(error, ManifestError::Digest { .. }), "{error}");
    // A HEAD that announces another than was asked for.
    let head = Answer::new(200).header(
        "Docker-Content-Digest",
        format!("sha256:{}", "0".repeat(64)),
    );
    server.first(1, "HEAD", "manifests", head);
    let error = client.resolve(&pinned).unwrap_err();
    assert!(matches!(error, ManifestError::Digest { .. }), "{error}");
}

#[test]
fn manifests_have_a_limit() {
    let huge = vec![b' '; (4 << 20) + 1];
    let plain = Answer::new(200).body(huge);
    for answer in [plain.clone(), plain.chunked()] {
        let (server, _) = with_manifest();
        server.first(1, "GET", "manifests", answer);
        let (client, _) = client();
        let error = client.manifest(&reference(&server, "a/b:t")).unwrap_err();
        let ManifestError::Request { source, .. } = error else {
            panic!("{error}");
        };
        assert!(matches!(*source, RequestError::TooLarge { .. }), "{source}");
    }
}

#[test]
fn temporary_failures_are_waited_for() {
    let (server, expected) = with_manifest();
    server.first(
        1,
        "HEAD",
        "manifests",
        Answer::new(429).header("Retry-After", 7),
    );
    server.first(2, "HEAD", "manifests", Answer::new(503));
    let (client, clock) = client();
    let found = client.resolve(&reference(&server, "a/b:t")).unwrap();
    assert_eq!(found, expected);
    assert_eq!(clock.pauses(), [500, 1000, 7000]);
}

#[test]
fn failures_end() {
    let (server, _) = with_manifest();
    let busy = Answer::new(500).error("UNKNOWN", "the disk\\u001b is full");
    server.first(99, "GET", "manifests", busy);
    server.first(99, "HEAD", "manifests", Answer::new(500));
    let (client, clock) = client();
    let error = client
        .manifest(&reference(&server, "a/b:t"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("500 (UNKNOWN: the disk is full), 6 times"),
        "{error}"
    );
    assert_eq!(clock.pauses(), [500, 1000, 2000, 4000, 8000]);
    let limit = Answer::new(429)
        .header("Retry-After", 3600)
        .error("TOOMANYREQUESTS", "pull rate limit");
    server.first(99, "GET", "manifests", limit);
    let error = client
        .manifest(&reference(&server, "a/b:t"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("pull rate limit"), "{error}");
    assert!(error.contains("3600 seconds"), "{error}");
    assert_eq!(clock.pauses().len(), 5);
}

#[test]
fn huge_and_odd_error_bodies() {
    let (server, _) = with_manifest();
    let (client, _) = client();
    let huge = format!(
        "{{\"errors\":[{{\"code\":\"X\",\"message\":\"{}\"}}]}}",
        "y".repeat(60_000)
    );
    for body in [
        huge,
        "z".repeat(10 << 20),
        "<html>".to_owned(),
        "{\"errors\":[]}".to_owned(),
    ] {
        server.first(1, "GET", "manifests", Answer::new(400).body(body));
        let error = client
            .manifest(&reference(&server, "a/b:t"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("status 400") && error.len() < 700, "{error}");
    }
}

#[test]
fn nobody_there() {
    let server = Server::start();
    let (client, clock) = client();
    let gone: Reference = "127.0.0.1:1/a:t".parse().unwrap();
    let error = client.resolve(&gone).unwrap_err().to_string();
    assert!(error.contains("refused"), "{error}");
    assert!(clock.pauses().is_empty());
    // A connection that ends before the answer.
    server.first(
        1,
        "HEAD",
        "manifests",
        Answer::new(200).header("Content-Length", 9).cut(0),
    );
    let expected = server.put_manifest("a", "t", KIND, MANIFEST);
    assert_eq!(
        client.resolve(&reference(&server, "a:t")).unwrap(),
        expected
    );
}

/// Downloads `descriptor` from `a/b` and compares.
#[track_caller]
fn check_blob(server: &Server, client: &Registry, descriptor: &Descriptor, bytes: &[u8]) {
    let mut found = Vec::new();
    let mut reader = client.blob(&repository(server, "a/b"), descriptor).unwrap();
    reader.read_to_end(&mut found).unwrap();
    assert!(found == bytes);
}

#[test]
fn blobs() {
    let server = Server::start();
    let (client, _) = client();
    let bytes = noise(300_000);
    let descriptor = server.put_blob("a/b", &bytes);
    check_blob(&server, &client, &descriptor, &bytes);
    let empty = server.put_blob("a/b", b"");
    check_blob(&server, &client, &empty, b"");
    let source = client.blobs(&repository(&server, "a/b"));
    let mut found = Vec::new();
    source
        .open(&descriptor)
        .unwrap()
        .read_to_end(&mut found)
        .unwrap();
    assert!(found == bytes);
    let missing = Descriptor::of("", b"missing");
    let error = source.open(&missing).map(drop).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    let mut tail = Vec::new();
    let mut reader = client
        .blob_from(&repository(&server, "a/b"), &descriptor, 299_990)
        .unwrap();
    reader.read_to_end(&mut tail).unwrap();
    assert_eq!(tail, bytes[299_990..]);
    assert_eq!(reader.position(), 300_000);
}

#[test]
fn broken_downloads_go_on() {
    let bytes = noise(1_000_000);
    for ignores_ranges in [false, true] {
        let server = Server::start();
        let (client, clock) = client();
        let descriptor = server.put_blob("a/b", &bytes);
        let content = bytes.clone();
        let mut cuts = vec![900_000, 400_000, 100_000, 0];
        server.on(move |asked| {
            let cut = if asked.is("GET", "/blobs/") {
                cuts.pop()
            } else {
                None
            }?;
            let mut plain = asked.clone();
            if ignores_ranges {
                plain.headers.remove("range");
            }
            let answer = ranged(&plain, &content);
            let start = if ignores_ranges {
                0
            } else {
                content.len() - answer_length(asked, &content)
            };
            Some(answer.cut(cut - start))
        });
        check_blob(&server, &client, &descriptor, &bytes);
        let ranges: Vec<_> = server
            .log()
            .iter()
            .map(|asked| asked.header("range").to_owned())
            .collect();
        assert_eq!(
            ranges,
            ["", "", "bytes=100000-", "bytes=400000-", "bytes=900000-"]
        );
        // Each connection after the first brought something, so that none was a second failure.
        assert_eq!(clock.pauses(), [500, 500, 500, 500]);
    }
}

fn answer_length(asked: &crate::server::Asked, bytes: &[u8]) -> usize {
    let range = asked.header("range");
    let start = range.trim_start_matches("bytes=").trim_end_matches('-');
    bytes.len() - start.parse().unwrap_or(0)
}

#[test]
fn downloads_that_stand_still_go_on() {
    let server = Server::start();
    let (config, clock) = config(None, &[]);
    let client = Registry::new(RemoteConfig {
        stall_timeout: Duration::from_millis(300),
        ..config
    });
    let bytes = noise(1000);
    let descriptor = server.put_blob("a/b", &bytes);
    let stalled = Answer::new(200).body(bytes.clone()).cut(500).stall();
    server.first(1, "GET", "/blobs/", stalled);
    check_blob(&server, &client, &descriptor, &bytes);
    assert_eq!(server.log().pop().unwrap().header("range"), "bytes=500-");
    assert_eq!(clock.pauses(), [500]);
}

#[test]
fn downloads_that_break_too_often() {
    let server = Server::start();
    let (client, clock) = client();
    let bytes = noise(1000);
    let descriptor = server.put_blob("a/b", &bytes);
    server.on(move |asked| {
        asked
            .is("GET", "/blobs/")
            .then(|| ranged(asked, &bytes).cut(1))
    });
    let mut reader = client
        .blob(&repository(&server, "a/b"), &descriptor)
        .unwrap();
    let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("at byte 6, 6 times"), "{text}");
    assert_eq!(clock.pauses().len(), 5);
}

#[test]
fn wrong_bytes() {
    let bytes = noise(1000);
    let mut other = bytes.clone();
    other[500] ^= 1;
    let server = Server::start();
    let (client, _) = client();
    let descriptor = server.put_blob("a/b", &bytes);
    let place = repository(&server, "a/b");
    let read = |answer: Answer| {
        server.first(1, "GET", "/blobs/", answer);
        let reader = client.blob(&place, &descriptor);
        reader.map(|mut reader| reader.read_to_end(&mut Vec::new()).unwrap_err())
    };
    let found = read(Answer::new(200).body(other)).unwrap();
    assert!(
        matches!(VerifyError::of(&found), Some(VerifyError::Digest { .. })),
        "{found}"
    );
    let found = read(Answer::new(200).body(noise(1001)).chunked()).unwrap();
    assert!(
        matches!(VerifyError::of(&found), Some(VerifyError::TooLong { .. })),
        "{found}"
    );
    for length in [999, 1001] {
        let error = read(Answer::new(200).body(noise(length))).unwrap_err();
        assert!(matches!(error, BlobError::Size { .. }), "{error}");
    }
    // A short answer without a length is a broken one: the rest is asked for.
    server.first(
        1,
        "GET",
        "/blobs/",
        Answer::new(200).body(noise(999)).chunked(),
    );
    check_blob(&server, &client, &descriptor, &bytes);
    // A wrong range.
    server.first(
        1,
        "GET",
        "/blobs/",
        Answer::new(200).body(noise(1000)).cut(10),
    );
    let answer = Answer::new(206)
        .header("Content-Range", "bytes 5-999/1000")
        .body(noise(995));
    server.on(move |asked| (asked.header("range") == "bytes=10-").then(|| answer.clone()));
    let mut reader = client.blob(&place, &descriptor).unwrap();
    let error = reader.read_to_end(&mut Vec::new()).unwrap_err().to_string();
    assert!(error.contains("bytes 5-999/1000"), "{error}");
}

#[test]
fn redirects_lose_the_credentials() {
    let (server, storage) = (Server::start(), Server::start());
    let bytes = noise(1000);
    let descriptor = server.put_blob("a/b", &bytes);
    let to = format!("http://{}/x?signature=hunter2", storage.host());
    server.first(
        9,
        "GET",
        "/blobs/",
        Answer::new(307).header("Location", &to),
    );
    server.on(|asked| {
        let basic = asked.header("authorization") == "Basic dTpw";
        (!basic).then(|| Answer::new(401).header("WWW-Authenticate", "Basic realm=x"))
    });
    storage.first(1, "GET", "/x", Answer::new(200).body(bytes.clone()).cut(10));
    let content = bytes.clone();
    storage
        .on(move |asked| (asked.header("range") == "bytes=10-").then(|| ranged(asked, &content)));
    let (client, _) = client();
    let credentials = crossdock_remote::Credentials::Basic {
        username: "u".to_owned(),
        password: crossdock_remote::Secret::new("p"),
    };
    client.login(&server.host(), credentials).unwrap();
    check_blob(&server, &client, &descriptor, &bytes);
    let log = storage.log();
    assert_eq!(log.len(), 2);
    for asked in log {
        assert_eq!(asked.header("authorization"), "");
        assert_eq!(asked.query, "signature=hunter2");
    }
    // What the other host refuses is no wish of the registry's, and its address is no secret's
    // place.
    let realm = format!("Bearer realm=\"http://{}/token\"", storage.host());
    storage.on(move |_| Some(Answer::new(401).header("WWW-Authenticate", &realm)));
    let error = client
        .blob(&repository(&server, "a/b"), &descriptor)
        .map(drop)
        .unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("status 401"), "{shown}");
    assert!(
        !shown.contains("hunter2") && !shown.contains("crossdock login"),
        "{shown}"
    );
    assert!(storage.log().iter().all(|asked| asked.path == "/x"));
    assert_eq!(storage.log().last().unwrap().header("authorization"), "");
}

#[test]
fn redirects_that_lead_nowhere() {
    let server = Server::start();
    let (client, _) = client();
    let descriptor = server.put_blob("a/b", b"x");
    let place = repository(&server, "a/b");
    for (location, expected) in [
        ("", "redirects"),
        ("ftp://a/?hunter2", "no http or https"),
        ("https://u:hunter2@a/", "no http or https"),
    ] {
        let again = format!("/v2/a/b/blobs/{}", descriptor.digest);
        let to = if location.is_empty() {
            &again
        } else {
            location
        };
        server.first(
            11,
            "GET",
            "/blobs/",
            Answer::new(302).header("Location", to),
        );
        let error = client.blob(&place, &descriptor).map(drop).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(
            text.contains(expected) && !text.contains("hunter2"),
            "{text}"
        );
        server.on(|_| None);
    }
}

#[test]
fn foreign_layers() {
    let (server, elsewhere) = (Server::start(), Server::start());
    let bytes = noise(1000);
    let mut descriptor = Descriptor::of("", &bytes);
    descriptor.urls = ["gone", "layer"]
        .map(|name| format!("http://{}/{name}", elsewhere.host()))
        .to_vec();
    elsewhere.first(1, "GET", "/layer", Answer::new(200).body(bytes.clone()));
    let (client, _) = client();
    check_blob(&server, &client, &descriptor, &bytes);
    // It asks for a password, which it does not get.
    elsewhere.on(|_| Some(Answer::new(401).header("WWW-Authenticate", "Basic realm=x")));
    let place = repository(&server, "a/b");
    assert!(client.blob(&place, &descriptor).is_err());
    assert!(
        elsewhere
            .log()
            .iter()
            .all(|asked| asked.header("authorization").is_empty())
    );
    for url in ["http://far.example/x", "file:///etc/passwd"] {
        descriptor.urls = vec![url.to_owned()];
        let error = client
            .blob(&place, &descriptor)
            .map(drop)
            .unwrap_err()
            .to_string();
        assert!(error.contains("not https"), "{error}");
    }
}

#[test]
fn many_threads() {
    let server = Server::start();
    let (client, _) = client();
    let bytes = noise(200_000);
    let descriptor = server.put_blob("a/b", &bytes);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| check_blob(&server, &client, &descriptor, &bytes));
        }
    });
}
