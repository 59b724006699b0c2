//! `ADD` of archives.

use std::io::Write as _;

use crossdock_build::Limits;

use crate::archive::{dir, file, hard_link, symlink, tar};
use crate::bench::{Ask, Codec, Given};
use crate::copy::{bench, check, fails};
use crate::server::Server;

#[test]
fn archives() {
    let bench = bench();
    let members = [
        dir("top/", 0o700).owned(3, 4),
        file("top/f", 0o4711, "f").owned(5, 6).at(1_050_000_000),
        hard_link("top/g", "top/f"),
        symlink("top/l", "f"),
        file("xattr", 0o600, "x").record("SCHILY.xattr.user.a", "b"),
    ];
    let bytes = tar(&members);
    let expected = [
        "d 755 0:0 n/",
        "d 700 3:4 n/top/",
        "f 4711 5:6 n/top/f \"f\"",
        "h 4711 5:6 n/top/g -> n/top/f",
        "l 777 0:0 n/top/l -> f",
        "f 600 0:0 n/xattr \"x\"",
    ];
    let archives = [
        ("plain.tar", Codec::Plain.compress(&bytes)),
        ("x.tar.gz", Codec::Gzip.compress(&bytes)),
        ("members", Codec::Members.compress(&bytes)),
        ("x.zst", Codec::Zstd.compress(&bytes)),
        ("x.tar.bz2", bzip2(&bytes)),
        ("x.tar.xz", xz(&bytes)),
        // A name in a tar is no compression.
        (
            "BZh9.tar",
            tar(&[&[dir("BZh9/", 0o755)], &members[..]].concat()),
        ),
    ];
    for (name, archive) in archives {
        bench.file(name, &archive);
        let line = format!("ADD {name} /n/");
        let mut expected = expected.to_vec();
        if name == "BZh9.tar" {
            expected.insert(1, "d 755 0:0 n/BZh9/");
        }
        check(&bench, false, &line, &expected);
        let dockerfile = format!("FROM oci-layout://base\n{line}\n");
        let image = bench.build(&dockerfile, Ask::default()).unwrap();
        assert_eq!(image.entry("n/top/f").mtime, "1050000000");
        assert_eq!(image.entry("n/xattr").records["SCHILY.xattr.user.a"], b"b");
        // COPY and --unpack=false take it as a file.
        for line in [
            format!("COPY {name} /n"),
            format!("ADD --unpack=false {name} /n"),
        ] {
            let dockerfile = format!("FROM oci-layout://base\n{line}\n");
            let image = bench.build(&dockerfile, Ask::default()).unwrap();
            assert_eq!(image.entry("n").content, archive);
        }
    }
    check(
        &bench,
        false,
        "ADD --chown=8:9 plain.tar /n/",
        &[
            "d 755 8:9 n/",
            "d 700 8:9 n/top/",
            "f 4711 8:9 n/top/f \"f\"",
            "h 4711 8:9 n/top/g -> n/top/f",
            "l 777 8:9 n/top/l -> f",
            "f 600 8:9 n/xattr \"x\"",
        ],
    );
    // What is no tar is copied, also if it is compressed, empty, or text.
    bench.file("text", "text");
    bench.file("long", "text ".repeat(1000));
    bench.file("empty", "");
    bench.file("text.gz", Codec::Gzip.compress(b"text"));
    bench.file("not-gzip", b"\x1f\x8b\x08 and so on".repeat(50));
    bench.file("text.bz2", bzip2(b"text"));
    bench.file("text.xz", xz(b"text"));
    bench.file("not-bzip2", b"BZh91AY&SY and so on".repeat(50));
    bench.file("not-xz", b"\xfd7zXZ\0 and so on".repeat(50));
    let nested = xz(&bzip2(&bytes));
    bench.file("nested", &nested);
    bench.file("cut.xz", &xz(&bytes)[..100]);
    bench.file("zeros", [0; 4096]);
    for name in [
        "text",
        "long",
        "empty",
        "text.gz",
        "not-gzip",
        "zeros",
        "text.bz2",
        "text.xz",
        "not-bzip2",
        "not-xz",
        "nested",
        "cut.xz",
    ] {
        let dockerfile = format!("FROM oci-layout://base\nADD {name} /n/\n");
        let image = bench.build(&dockerfile, Ask::default()).unwrap();
        let content = std::fs::read(bench.path("context").join(name)).unwrap();
        assert_eq!(image.entry(&format!("n/{name}")).content, content, "{name}");
    }
    // A tar that escapes, or is cut.
    bench.file("bad.tar", tar(&[file("../x", 0o644, "x")]));
    fails(
        &bench,
        "ADD bad.tar /n/",
        &["Dockerfile:2", "bad.tar", "../x"],
    );
    bench.file("cut.tar", &bytes[..2000]);
    fails(&bench, "ADD cut.tar /n/", &["Dockerfile:2", "cut.tar"]);
    let limits = Limits {
        uncompressed: 2048,
        ..Limits::default()
    };
    for name in ["x.tar.gz", "x.tar.bz2", "x.tar.xz"] {
        let ask = Ask {
            limits,
            no_cache: true,
            ..Ask::default()
        };
        let dockerfile = format!("FROM oci-layout://base\nADD {name} /n/\n");
        let failed = bench
            .build(&dockerfile, ask)
            .map(|image| image.lines())
            .unwrap_err();
        assert!(
            failed.text.contains("larger than the limit"),
            "{}",
            failed.text
        );
    }
}

/// An archive in a layer: of a URL, or of a context that is itself a tar.
#[test]
fn archives_in_layers() {
    let bench = bench();
    let server = Server::start();
    let members = [
        dir("top/", 0o700).owned(3, 4),
        file("top/f", 0o4711, "f".repeat(70_000)).owned(5, 6),
        hard_link("top/g", "top/f"),
        file(".wh.x", 0o600, ""),
    ];
    let bytes = tar(&members[..3]);
    let archives = [
        ("plain.tar", bytes.clone()),
        ("x.tar.gz", Codec::Gzip.compress(&bytes)),
        ("x.zst", Codec::Zstd.compress(&bytes)),
        ("x.tar.bz2", bzip2(&bytes)),
        ("x.tar.xz", xz(&bytes)),
    ];
    let expected = [
        "d 755 0:0 n/",
        "d 700 3:4 n/top/",
        "f 4711 5:6 n/top/f 70000 bytes",
        "h 4711 5:6 n/top/g -> n/top/f",
    ];
    for (name, archive) in &archives {
        server.serve_bytes(name, archive);
        let url = server.url(name);
        check(
            &bench,
            false,
            &format!("ADD --unpack=true {url} /n/"),
            &expected,
        );
        let as_file = format!("FROM oci-layout://base\nADD {url} /n\n");
        let image = bench.build(&as_file, Ask::default()).unwrap();
        assert_eq!(&image.entry("n").content, archive, "{name}");
        // Beside other sources, of which each is what it is.
        bench.file(name, archive);
        let several = format!("ADD --unpack=true {url} {name} /n/");
        check(&bench, false, &several, &expected);
    }
    let context = archives
        .iter()
        .map(|(name, archive)| file(name, 0o644, archive));
    let context = tar(&context.collect::<Vec<_>>());
    for (name, archive) in &archives {
        let build = |line: &str| {
            let ask = Ask {
                context: Given::Stream(context.clone()),
                ..Ask::default()
            };
            bench
                .build(&format!("FROM oci-layout://base\n{line}\n"), ask)
                .unwrap()
        };
        assert_eq!(
            build(&format!("ADD {name} /n/")).lines(),
            expected,
            "{name}"
        );
        let image = build(&format!("ADD --unpack=false {name} /n"));
        assert_eq!(&image.entry("n").content, archive, "{name}");
    }
    // What is no archive is a file, and what is damaged too.
    for (name, body) in [
        ("text", b"text".to_vec()),
        ("cut.xz", xz(&bytes)[..90].to_vec()),
    ] {
        server.serve_bytes(name, &body);
        let dockerfile = format!(
            "FROM oci-layout://base\nADD --unpack {} /n/\n",
            server.url(name)
        );
        let image = bench.build(&dockerfile, Ask::default()).unwrap();
        assert_eq!(image.entry(&format!("n/{name}")).content, body);
    }
    // No layer could hold it.
    server.serve_bytes("wh.tar", tar(&members));
    let line = format!("ADD --unpack {} /n/", server.url("wh.tar"));
    fails(&bench, &line, &["Dockerfile:2", ".wh."]);
}

/// As BuildKit: it unpacks without --chmod, and in place of what is there.
#[test]
fn archives_upon_what_is_there() {
    let bench = bench();
    let members = [
        dir("a/", 0o700),
        file("a/f", 0o640, "f"),
        file("b", 0o604, "b"),
    ];
    bench.file("x.tar", tar(&members));
    bench.file("plain", "plain");
    let from = "--from=oci-layout://source";
    let unpacked = [
        "d 755 8:9 n/",
        "d 700 8:9 n/a/",
        "f 640 8:9 n/a/f \"f\"",
        "f 604 8:9 n/b \"b\"",
    ];
    check(
        &bench,
        false,
        "ADD --chmod=711 --chown=8:9 x.tar /n/",
        &unpacked,
    );
    check(
        &bench,
        false,
        "ADD --chmod=711 --chown=8:9 x.tar plain /n/",
        &[&unpacked[..], &["f 711 8:9 n/plain \"plain\""]].concat(),
    );
    check(
        &bench,
        false,
        &format!("COPY {from} bin/y.txt /n/a\nCOPY {from} bin/sub /n/b\nADD x.tar /n/"),
        &[
            "d 755 0:0 n/",
            "f 604 0:0 n/a \"y\"",
            "d 755 0:0 n/",
            "d 755 0:0 n/b/",
            "f 640 0:0 n/b/x.txt \"x\"",
            "d 755 0:0 n/",
            "d 700 0:0 n/a/",
            "f 640 0:0 n/a/f \"f\"",
            "f 604 0:0 n/b \"b\"",
        ],
    );
    // A directory that the archive does not state stays as it is.
    bench.file("y.tar", tar(&[file("k/f", 0o640, "f")]));
    check(
        &bench,
        false,
        &format!("COPY --chmod=711 {from} bin/sub /n/k\nADD y.tar /n/"),
        &[
            "d 711 0:0 n/",
            "d 711 0:0 n/k/",
            "f 711 0:0 n/k/x.txt \"x\"",
            "d 711 0:0 n/",
            "d 711 0:0 n/k/",
            "f 640 0:0 n/k/f \"f\"",
        ],
    );
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::new(6));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 6);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
