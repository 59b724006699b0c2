//! `ADD` of URLs.

use crossdock_build::ErrorClass;
use crossdock_image::Digest;

use crate::archive::{file, tar};
use crate::bench::{Ask, Bench, Codec};
use crate::contexts::{built, refused};
use crate::server::{Served, Server};

#[test]
fn downloads() {
    let bench = Bench::new();
    let server = Server::start();
    let modified = "Sat, 01 Jan 2005 00:00:00 GMT";
    server.serve(
        "dir/tool.txt",
        Served {
            body: b"one".to_vec(),
            etag: Some("\"1\""),
            last_modified: Some(modified),
            chunked: false,
        },
    );
    let address = server.url("dir/tool.txt?key=secret");
    server.serve(
        "dir/tool.txt?key=secret",
        Served {
            body: b"one".to_vec(),
            etag: Some("\"1\""),
            last_modified: Some(modified),
            chunked: false,
        },
    );
    let dockerfile = format!("FROM scratch\nADD {address} /a/\n");
    let image = built(bench.build(&dockerfile, Ask::default()));
    assert_eq!(
        image.lines(),
        ["d 755 0:0 a/", "f 600 0:0 a/tool.txt \"one\""]
    );
    assert_eq!(image.entry("a/tool.txt").mtime, "1104537600");
    assert_eq!(server.asked(), ["/dir/tool.txt?key=secret 200"]);
    // What may be secret is not shown as work.
    assert!(
        image
            .told
            .steps
            .iter()
            .any(|(name, _)| name.starts_with("download "))
    );
    let shown =
        |(name, _): &(String, bool)| name.starts_with("download") && name.contains("secret");
    assert!(
        !image.told.steps.iter().any(shown),
        "{:?}",
        image.told.steps
    );

    // It is asked for again, and comes only if it is another.
    let again = built(bench.build(&dockerfile, Ask::default()));
    assert_eq!(again.told.cached(), "DC");
    assert_eq!(again.digest, image.digest);
    assert_eq!(server.asked(), ["/dir/tool.txt?key=secret 304"]);
    let ask = Ask {
        no_cache: true,
        ..Ask::default()
    };
    assert_eq!(built(bench.build(&dockerfile, ask)).digest, image.digest);
    assert_eq!(server.asked(), ["/dir/tool.txt?key=secret 200"]);
    server.serve(
        "dir/tool.txt?key=secret",
        Served {
            body: b"two".to_vec(),
            etag: Some("\"2\""),
            ..Served::default()
        },
    );
    let image = built(bench.build(&dockerfile, Ask::default()));
    assert_eq!(image.entry("a/tool.txt").content, b"two");
    // Without a time of its own it has that of all that has none.
    assert_eq!(image.entry("a/tool.txt").mtime, "315532800");
    assert_eq!(server.asked(), ["/dir/tool.txt?key=secret 200"]);
    let ask = Ask {
        epoch: Some(1_000_000_000),
        ..Ask::default()
    };
    let image = built(bench.build(&dockerfile, ask));
    assert_eq!(image.entry("a/tool.txt").mtime, "1000000000");
    assert_eq!(server.asked(), ["/dir/tool.txt?key=secret 304"]);
    // Gone is gone, though it was there before.
    server.remove("dir/tool.txt?key=secret");
    let result = bench.build(&dockerfile, Ask::default());
    let parts = ["Dockerfile:2", "does not have this file", "404"];
    refused(result, ErrorClass::Input, &parts);
}

#[test]
fn flags_of_add_for_downloads() {
    let bench = Bench::new();
    let server = Server::start();
    let check = |path: &str, body: &[u8], add: &str, expected: &[&str]| {
        for chunked in [false, true] {
            let body = body.to_vec();
            server.serve(
                path,
                Served {
                    body,
                    chunked,
                    ..Served::default()
                },
            );
            let dockerfile = format!("FROM scratch\n{}\n", add.replace("{}", &server.url(path)));
            let image = built(bench.build(&dockerfile, Ask::default()));
            assert_eq!(image.lines(), expected, "{add}");
        }
    };
    check("x", b"x", "ADD {} /", &["f 600 0:0 x \"x\""]);
    check("x", b"", "ADD {} /", &["f 600 0:0 x \"\""]);
    check("x", b"x", "ADD {} /y", &["f 600 0:0 y \"x\""]);
    check(
        "x",
        b"x",
        "ADD --chmod=755 --chown=1:2 {} /d/y",
        &["d 755 1:2 d/", "f 755 1:2 d/y \"x\""],
    );
    check("a%20b/c%20d?e", b"x", "ADD {} /", &["f 600 0:0 c d \"x\""]);
    let archive = Codec::Gzip.compress(&tar(&[file("in", 0o640, "in").owned(8, 9)]));
    check(
        "t.tar.gz",
        &archive,
        "ADD --unpack {} /u/",
        &["d 755 0:0 u/", "f 640 8:9 u/in \"in\""],
    );
    // Archives are files, unless told otherwise.
    server.serve_bytes("t.tar.gz", &archive);
    let dockerfile = format!("FROM scratch\nADD {} /\n", server.url("t.tar.gz"));
    let image = built(bench.build(&dockerfile, Ask::default()));
    assert_eq!(image.entry("t.tar.gz").content, archive);
}

#[test]
fn checksums() {
    let bench = Bench::new();
    let server = Server::start();
    server.serve_bytes("x", "right");
    let right = Digest::of(b"right");
    let wrong = Digest::of(b"wrong");
    let dockerfile = |digest: &Digest| {
        format!(
            "FROM scratch\nADD --checksum={digest} {} /\n",
            server.url("x")
        )
    };
    let result = bench.build(&dockerfile(&wrong), Ask::default());
    let parts = [&*right.to_string(), &wrong.to_string(), "Dockerfile:2"];
    refused(result, ErrorClass::Integrity, &parts);
    assert_eq!(server.asked(), ["/x 200"]);
    let first = built(bench.build(&dockerfile(&right), Ask::default()));
    assert_eq!(server.asked(), ["/x 200"]);
    // What is known by its digest is not asked for.
    server.remove("x");
    let second = built(bench.build(&dockerfile(&right), Ask::default()));
    assert_eq!(second.digest, first.digest);
    assert_eq!(server.asked(), [""; 0]);
    server.serve_bytes("x", "wrong");
    let result = bench.build(&dockerfile(&Digest::of(b"other")), Ask::default());
    refused(result, ErrorClass::Integrity, &["--checksum says"]);
    // What was not asked for did not take the place of what was.
    server.remove("x");
    built(bench.build(&dockerfile(&right), Ask::default()));
}

/// One build fetches a thing once, for all its uses.
#[test]
fn once_for_all_uses() {
    let bench = Bench::new();
    let server = Server::start();
    server.serve_bytes("x", "x");
    server.serve_bytes("y", "y");
    let (x, y) = (server.url("x"), server.url("y"));
    let dockerfile =
        format!("FROM scratch AS a\nADD {x} /1/\nADD {x} {y} /2/\nFROM a\nADD {y} /3\n");
    let ask = Ask {
        platforms: &["linux/amd64", "linux/arm64"],
        outputs: Some(Vec::new()),
        ..Ask::default()
    };
    built(bench.build(&dockerfile, ask));
    assert_eq!(server.asked(), ["/x 200", "/y 200"]);
    let image = built(bench.build(&dockerfile, Ask::default()));
    assert_eq!(
        image.short_lines(),
        [
            "d 1/",
            "f 1/x \"x\"",
            "d 2/",
            "f 2/x \"x\"",
            "f 2/y \"y\"",
            "f 3 \"y\""
        ]
    );
}
