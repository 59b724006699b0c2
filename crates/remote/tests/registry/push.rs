use std::io::{self, Cursor, Read};
use std::sync::atomic::{AtomicUsize, Ordering};

use crossdock_image::Descriptor;
use crossdock_remote::{Mount, PushError, RequestError};

use super::*;
use crate::server::Answer;

const KIND: &str = "application/vnd.oci.image.manifest.v1+json";

/// A client that sends chunks of `chunk_size` bytes.
fn client_of_chunks(chunk_size: u64) -> (Registry, Arc<TestClock>) {
    let (config, clock) = config(None, &[]);
    let config = RemoteConfig {
        chunk_size,
        ..config
    };
    (Registry::new(config), clock)
}

/// Pushes `bytes` to `a/b`, and counts how often they are opened.
fn push(server: &Server, client: &Registry, bytes: &[u8]) -> Result<usize, PushError> {
    let opened = AtomicUsize::new(0);
    let open = |offset: u64| -> io::Result<Box<dyn Read + Send>> {
        opened.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(Cursor::new(bytes[offset as usize..].to_vec())))
    };
    let descriptor = Descriptor::of("", bytes);
    client.push_blob(&repository(server, "a/b"), &descriptor, None, &open)?;
    assert!(server.blob("a/b", &descriptor).as_deref() == Some(bytes));
    Ok(opened.into_inner())
}

fn methods(server: &Server) -> String {
    let log = server.log();
    let methods: Vec<_> = log.iter().map(|asked| asked.method.as_str()).collect();
    methods.join(" ")
}

#[test]
fn what_is_there() {
    let server = Server::start();
    let (client, _) = client();
    let descriptor = server.put_blob("a/b", b"x");
    let has = |path: &str, descriptor: &Descriptor| {
        client
            .has_blob(&repository(&server, path), descriptor)
            .unwrap()
    };
    assert!(has("a/b", &descriptor));
    assert!(!has("a/c", &descriptor));
    assert!(!has("a/b", &Descriptor::of("", b"y")));
    let to = Answer::new(307).header("Location", "/storage");
    server.first(1, "HEAD", "/blobs/", to);
    server.first(1, "HEAD", "/storage", Answer::new(403));
    assert!(has("a/b", &Descriptor::of("", b"y")));
}

#[test]
fn small_blobs_go_in_one_piece() {
    let server = Server::start();
    let (client, clock) = client();
    push(&server, &client, &noise(300_000)).unwrap();
    assert_eq!(methods(&server), "POST PUT");
    push(&server, &client, b"").unwrap();
    assert!(clock.pauses().is_empty());
}

#[test]
fn large_blobs_go_in_chunks() {
    let server = Server::start();
    let (client, _) = client_of_chunks(100_000);
    push(&server, &client, &noise(250_000)).unwrap();
    assert_eq!(methods(&server), "POST PATCH PATCH PATCH PUT");
    let log = server.log();
    let ranges: Vec<_> = log
        .iter()
        .map(|asked| asked.header("content-range"))
        .collect();
    assert_eq!(
        ranges,
        ["", "0-99999", "100000-199999", "200000-249999", ""]
    );
}

#[test]
fn the_smallest_chunk_is_the_registrys() {
    let server = Server::start();
    let (client, _) = client_of_chunks(10);
    let answer = Answer::new(202)
        .header("Location", "/v2/a/b/blobs/uploads/own?_state=s%3Ds")
        .header("OCI-Chunk-Min-Length", 200);
    server.first(1, "POST", "uploads", answer);
    server.state().uploads.insert("own".to_owned(), Vec::new());
    push(&server, &client, &noise(500)).unwrap();
    assert_eq!(methods(&server), "POST PATCH PATCH PATCH PUT");
}

#[test]
fn broken_uploads_go_on() {
    let bytes = noise(250_000);
    // In the middle of a chunk: from where the registry got to.
    let server = Server::start();
    let (client, clock) = client_of_chunks(100_000);
    server.state().cuts.extend([100_000, 50_000]);
    push(&server, &client, &bytes).unwrap();
    let log = server.log();
    let ranges: Vec<_> = log
        .iter()
        .filter(|asked| asked.method == "PATCH")
        .map(|asked| asked.header("content-range"))
        .collect();
    assert_eq!(ranges, ["0-99999", "100000-199999", "150000-249999"]);
    assert_eq!(clock.pauses(), [500, 1000]);
    // In the middle of a monolithic one: the registry has nothing of it.
    let server = Server::start();
    let (client, _) = super::client();
    server.state().cuts.extend([70_000]);
    push(&server, &client, &bytes).unwrap();
    assert_eq!(methods(&server), "POST PUT GET PUT");
}

#[test]
fn busy_registries_are_waited_for() {
    let server = Server::start();
    let (client, clock) = client_of_chunks(100);
    let busy = Answer::new(429).header("Retry-After", 9);
    server.first(1, "POST", "uploads", busy.clone());
    server.first(1, "PATCH", "uploads", busy);
    server.first(1, "PUT", "uploads", Answer::new(502));
    push(&server, &client, &noise(250)).unwrap();
    assert_eq!(clock.pauses(), [9000, 9000, 500]);
}

#[test]
fn lost_uploads_begin_again() {
    let server = Server::start();
    let (client, _) = client_of_chunks(100);
    let lost = Answer::new(404).error("BLOB_UPLOAD_UNKNOWN", "lost");
    server.first(1, "PATCH", "uploads", lost.clone());
    server.first(1, "GET", "uploads", lost);
    push(&server, &client, &noise(250)).unwrap();
    assert_eq!(
        methods(&server),
        "POST PATCH GET HEAD POST PATCH PATCH PATCH PUT"
    );
    // Always.
    let lost = Answer::new(404).error("BLOB_UPLOAD_UNKNOWN", "lost");
    server.first(99, "PATCH", "uploads", lost.clone());
    server.first(99, "GET", "uploads", lost);
    let error = push(&server, &client, &noise(251)).unwrap_err();
    assert!(
        matches!(error, PushError::Lost { attempts: 6, .. }),
        "{error}"
    );
}

#[test]
fn refused_chunks_become_one_piece() {
    let server = Server::start();
    let (client, _) = client_of_chunks(100);
    server.first(
        99,
        "PATCH",
        "uploads",
        Answer::new(416).header("Range", "0-0"),
    );
    push(&server, &client, &noise(250)).unwrap();
    assert_eq!(methods(&server), "POST PATCH GET PATCH HEAD POST PUT");
}

#[test]
fn an_answer_that_is_lost_is_no_failure() {
    let server = Server::start();
    let (client, _) = client();
    let bytes = noise(250);
    // The registry has done everything, and its answer does not arrive.
    let state = server.clone();
    let content = bytes.clone();
    let mut left = 1;
    server.on(move |asked| {
        let mine = left > 0 && asked.method == "PUT";
        left -= i32::from(mine);
        mine.then(|| Answer::new(502).header("X-Bytes", content.len()))
    });
    server.first(1, "GET", "uploads", Answer::new(404));
    state.put_blob("a/b", &bytes);
    push(&server, &client, &bytes).unwrap();
    assert_eq!(methods(&server), "POST PUT GET HEAD");
}

#[test]
fn mounts() {
    let server = Server::start();
    let (client, _) = client();
    let bytes = noise(100);
    let descriptor = server.put_blob("from", &bytes);
    let (to, from) = (repository(&server, "to"), repository(&server, "from"));
    let mount = client.mount_blob(&to, &from, &descriptor).unwrap();
    assert!(matches!(mount, Mount::Mounted));
    assert!(client.has_blob(&to, &descriptor).unwrap());
    // 202: the upload that the registry opened instead is the one that is used.
    let unknown = Descriptor::of("", b"other");
    let mount = client.mount_blob(&to, &from, &unknown).unwrap();
    let Mount::Upload(upload) = mount else {
        panic!("{mount:?}");
    };
    let open = |_| -> io::Result<Box<dyn Read + Send>> { Ok(Box::new(&b"other"[..])) };
    client
        .push_blob(&to, &unknown, Some(upload), &open)
        .unwrap();
    assert_eq!(methods(&server), "POST HEAD POST PUT");
    // From another registry nothing can be mounted; refusals are no failures.
    let far: Reference = "far.example/x".parse().unwrap();
    client.mount_blob(&to, far.repository(), &unknown).unwrap();
    assert_eq!(server.log().pop().unwrap().query, "");
    server.on(|asked| asked.query.contains("mount").then(|| Answer::new(403)));
    let mount = client.mount_blob(&to, &from, &unknown).unwrap();
    assert!(matches!(mount, Mount::Upload(_)));
}

#[test]
fn content_that_is_not_as_announced() {
    let server = Server::start();
    for chunk_size in [10, 1000] {
        let (client, _) = client_of_chunks(chunk_size);
        let place = repository(&server, "a/b");
        let descriptor = Descriptor::of("", b"0123456789abcdef");
        let content = |bytes: &'static [u8]| {
            move |offset: u64| -> io::Result<Box<dyn Read + Send>> {
                Ok(Box::new(&bytes[offset as usize..]))
            }
        };
        let other = content(b"0123456789abcdeF");
        let error = client
            .push_blob(&place, &descriptor, None, &other)
            .unwrap_err();
        assert!(matches!(error, PushError::Digest { .. }), "{error}");
        let short = content(b"0123456789abcde");
        let error = client
            .push_blob(&place, &descriptor, None, &short)
            .unwrap_err();
        let text = error.to_string();
        assert!(text.contains("too early"), "{text}");
        let failing = |_| -> io::Result<Box<dyn Read + Send>> { Err(io::Error::other("gone")) };
        let error = client
            .push_blob(&place, &descriptor, None, &failing)
            .unwrap_err();
        let PushError::Request { source, .. } = error else {
            panic!("{error}");
        };
        assert!(matches!(*source, RequestError::Source { .. }), "{source}");
    }
}

#[test]
fn uploads_elsewhere_get_no_credentials() {
    let (server, storage) = (Server::start(), Server::start());
    server.on(|asked| {
        let is_good = asked.header("authorization") == "Basic dTpw";
        (!is_good).then(|| Answer::new(401).header("WWW-Authenticate", "Basic realm=x"))
    });
    let bytes = noise(100);
    let descriptor = server.put_blob("a/b", &bytes);
    let to = format!("http://{}/put?_state=hunter2", storage.host());
    server.first(
        9,
        "POST",
        "/uploads/",
        Answer::new(202).header("Location", to),
    );
    storage.first(9, "PUT", "/put", Answer::new(201));
    let (client, _) = client();
    let credentials = crossdock_remote::Credentials::Basic {
        username: "u".to_owned(),
        password: crossdock_remote::Secret::new("p"),
    };
    client.login(&server.host(), credentials).unwrap();
    push(&server, &client, &bytes).unwrap();
    let asked = storage.log().pop().unwrap();
    assert_eq!(asked.header("authorization"), "");
    assert_eq!(asked.body, bytes);
    let digest = descriptor.digest.to_string().replace(':', "%3A");
    assert_eq!(asked.query, format!("_state=hunter2&digest={digest}"));
}

#[test]
fn an_expired_token_in_the_middle() {
    let server = Server::start();
    let (client, _) = client_of_chunks(100);
    let realm = format!("Bearer realm=\"http://{}/token\"", server.host());
    let mut given = 0;
    let mut patches = 0;
    server.on(move |asked| {
        if asked.path == "/token" {
            given += 1;
            return Some(Answer::new(200).body(format!("{{\"token\": \"T{given}\"}}")));
        }
        patches += i32::from(asked.method == "PATCH");
        let wanted = if patches >= 2 {
            "Bearer T2"
        } else {
            "Bearer T1"
        };
        let is_good = asked.header("authorization") == wanted;
        (!is_good).then(|| Answer::new(401).header("WWW-Authenticate", &realm))
    });
    push(&server, &client, &noise(250)).unwrap();
    assert_eq!(
        server.count("POST", "uploads"),
        2,
        "the first one was challenged"
    );
    assert_eq!(server.count("GET", "/token"), 2);
}

#[test]
fn manifests() {
    let server = Server::start();
    let (client, _) = client();
    let tagged = reference(&server, "a/b:t");
    let digest = client.push_manifest(&tagged, KIND, b"{}").unwrap();
    let (found, bytes) = client.manifest(&tagged).unwrap();
    assert_eq!((found.digest, bytes), (digest, b"{}".to_vec()));
    assert_eq!(found.media_type, KIND);
    let pinned = reference(&server, "a/b:t").pinned(digest);
    client.push_manifest(&pinned, KIND, b"{}").unwrap();
    assert!(
        server
            .log()
            .pop()
            .unwrap()
            .path
            .ends_with(&digest.to_string())
    );
    let error = client.push_manifest(&pinned, KIND, b"[]").unwrap_err();
    assert!(matches!(error, PushError::Digest { .. }), "{error}");
    server.first(1, "PUT", "manifests", Answer::new(503));
    client.push_manifest(&tagged, KIND, b"{}").unwrap();
    let refusal = Answer::new(400).error("MANIFEST_BLOB_UNKNOWN", "blob unknown");
    server.first(1, "PUT", "manifests", refusal);
    let error = client
        .push_manifest(&tagged, KIND, b"{}")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("MANIFEST_BLOB_UNKNOWN: blob unknown"),
        "{error}"
    );
    let other = Answer::new(201).header(
        "Docker-Content-Digest",
        format!("sha256:{}", "0".repeat(64)),
    );
    server.first(1, "PUT", "manifests", other);
    let error = client.push_manifest(&tagged, KIND, b"{}").unwrap_err();
    assert!(matches!(error, PushError::Digest { .. }), "{error}");
}
