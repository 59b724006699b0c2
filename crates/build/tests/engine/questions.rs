//! A layer is made again when the tree beneath answers one of its questions otherwise, and for
//! nothing else that changes beneath.

use serde_json::json;

use crate::archive::{Member, dir, file, symlink, tar};
use crate::bench::{Ask, Bench, Codec};

/// Builds upon one base and then upon another: whether the last step was cached (`C`) or done
/// (`D`), and that in either case it gives what a build without cache gives.
#[track_caller]
fn check(what: &str, instruction: &str, before: &[Member], after: &[Member], expected: char) {
    check_on("linux", what, instruction, before, after, expected);
}

#[track_caller]
fn check_on(
    os: &str,
    what: &str,
    instruction: &str,
    before: &[Member],
    after: &[Member],
    expected: char,
) {
    let bench = Bench::new();
    bench.file("a", "a");
    bench.file("d/f", "f");
    let dockerfile = format!("FROM oci-layout://base\n{instruction}\n");
    let build = |members: &[Member], no_cache| {
        let mut layout = bench.layout("base");
        let config = json!({ "os": os, "architecture": "amd64" });
        let image = layout.image(&[(tar(members), Codec::Gzip)], config);
        layout.tag(&image, "latest");
        layout.write();
        let platform = &format!("{os}/amd64");
        let ask = Ask {
            platform,
            no_cache,
            ..Ask::default()
        };
        match bench.build(&dockerfile, ask) {
            Ok(image) => image,
            Err(failed) => panic!("{what}: {}", failed.text),
        }
    };
    build(before, false);
    let found = build(after, false);
    assert_eq!(found.told.cached().chars().last(), Some(expected), "{what}");
    let plain = build(after, true);
    assert_eq!(found.digest, plain.digest, "{what}");
    // What was found by asking is found without asking from then on.
    let again = build(after, false);
    assert_eq!(again.told.cached().chars().last(), Some('C'), "{what}");
}

#[test]
fn questions_of_linux() {
    let copy = "COPY a /x/y/";
    let base = || vec![dir("x", 0o755), file("z", 0o644, "z")];
    let with = |more: &[Member]| [base().as_slice(), more].concat();
    check("nothing changes", copy, &base(), &base(), 'C');
    check(
        "an unrelated file",
        copy,
        &base(),
        &with(&[file("q", 0o644, "q")]),
        'C',
    );
    check(
        "a neighbour",
        copy,
        &base(),
        &with(&[file("x/n", 0o644, "n")]),
        'C',
    );
    let other = [dir("x", 0o755), file("z", 0o600, "other")];
    check("content and mode elsewhere", copy, &base(), &other, 'C');
    check("a parent's mode", copy, &base(), &[dir("x", 0o700)], 'D');
    check(
        "a parent's time",
        copy,
        &base(),
        &[dir("x", 0o755).at(77)],
        'D',
    );
    check(
        "a parent's owner",
        copy,
        &base(),
        &[dir("x", 0o755).owned(3, 4)],
        'D',
    );
    check(
        "a parent is not there any more",
        copy,
        &base(),
        &[file("z", 0o644, "z")],
        'D',
    );
    check(
        "a parent is there now",
        copy,
        &base(),
        &with(&[dir("x/y", 0o755)]),
        'D',
    );
    let linked = [dir("r", 0o755), symlink("x", "r")];
    check("a parent becomes a link", copy, &base(), &linked, 'D');
    let elsewhere = [dir("r", 0o755), dir("s", 0o755), symlink("x", "s")];
    check(
        "a link on the way leads elsewhere",
        copy,
        &linked,
        &elsewhere,
        'D',
    );
    let over = |content: &str, mode| vec![file("a", mode, content)];
    check(
        "content that is overwritten",
        "COPY a /a",
        &over("1", 0o644),
        &over("2", 0o644),
        'C',
    );
    let directory = [dir("a", 0o755)];
    check(
        "the destination becomes a directory",
        "COPY a /a",
        &over("1", 0o644),
        &directory,
        'D',
    );
    let nested = |mode| vec![dir("n", mode), dir("n/m", 0o755)];
    check(
        "the destination's own mode",
        "COPY d /n",
        &nested(0o755),
        &nested(0o700),
        'D',
    );
    let passwd = |line: &str| vec![dir("etc", 0o755), file("etc/passwd", 0o644, line)];
    let chown = "COPY --chown=app a /a";
    check(
        "the number of a user",
        chown,
        &passwd("app:x:1:1\n"),
        &passwd("app:x:2:2\n"),
        'D',
    );
    check(
        "another user",
        chown,
        &passwd("app:x:1:1\n"),
        &passwd("b:x:9:9\napp:x:1:1\n"),
        'C',
    );
    check(
        "a working directory that is there now",
        "WORKDIR /w/v",
        &base(),
        &with(&[dir("w", 0o755)]),
        'D',
    );
    let made = [dir("w", 0o755), dir("w/v", 0o755)];
    check(
        "a working directory that is gone",
        "WORKDIR /w/v",
        &made,
        &base(),
        'D',
    );
    check(
        "a working directory beside it",
        "WORKDIR /w/v",
        &base(),
        &with(&[dir("u", 0o755)]),
        'C',
    );
    check(
        "--link asks nothing",
        "COPY --link a /x/y/",
        &base(),
        &[file("z", 0o644, "z")],
        'C',
    );
}

#[test]
fn questions_of_windows() {
    let check = |what: &str, instruction: &str, before: &[Member], after: &[Member], expected| {
        check_on("windows", what, instruction, before, after, expected);
    };
    let directory = |name: &str, descriptor: &str| {
        dir(name, 0)
            .record("MSWINDOWS.fileattr", "16")
            .record("MSWINDOWS.rawsd", descriptor)
    };
    // Owner and group alone, of administrators or of users.
    let (admins, users) = (
        "AQAAgBQAAAAkAAAAAAAAAAAAAAABAgAAAAAABSAAAAAgAgAAAQIAAAAAAAUgAAAAIAIAAA==",
        "AQAAgBQAAAAkAAAAAAAAAAAAAAABAgAAAAAABSAAAAAhAgAAAQIAAAAAAAUgAAAAIQIAAA==",
    );
    let base = |root: &str, name: &str, sub: &str| {
        vec![
            directory("Files", root),
            directory(&format!("Files/{name}"), sub),
        ]
    };
    let copy = "COPY a /x/y/";
    let plain = base(admins, "x", admins);
    check(
        "nothing changes",
        copy,
        &plain,
        &base(admins, "x", admins),
        'C',
    );
    check(
        "a parent's descriptor",
        copy,
        &plain,
        &base(admins, "x", users),
        'D',
    );
    check(
        "the root's descriptor",
        copy,
        &plain,
        &base(users, "x", admins),
        'D',
    );
    check(
        "a parent's spelling",
        copy,
        &plain,
        &base(admins, "X", admins),
        'D',
    );
    let beside = [plain.clone(), vec![directory("Files/n", users)]].concat();
    check("a neighbour", copy, &plain, &beside, 'C');
    let sibling = [plain.clone(), vec![directory("Files/x/Y", admins)]].concat();
    check("a sibling in other case", copy, &plain, &sibling, 'D');
}

#[test]
fn where_links_lead() {
    let bench = Bench::new();
    let source = [symlink("s/l", "/target"), dir("s", 0o755)];
    bench.linux_base("source", &source);
    let with = |kind: Member| {
        let mut layout = bench.layout("base");
        let config = json!({ "os": "windows", "architecture": "amd64" });
        let layer = tar(&[dir("Files", 0), kind]);
        let image = layout.image(&[(layer, Codec::Gzip)], config);
        layout.tag(&image, "latest");
        layout.write();
        let dockerfile = "FROM --platform=linux/amd64 oci-layout://source AS s\n\
                          FROM oci-layout://base\nCOPY --from=s /s /n/\n";
        let ask = Ask {
            platform: "windows/amd64",
            ..Ask::default()
        };
        match bench.build(dockerfile, ask) {
            Ok(image) => image.told.cached(),
            Err(failed) => panic!("{}", failed.text),
        }
    };
    assert_eq!(with(dir("Files/other", 0)), "D");
    assert_eq!(with(dir("Files/elsewhere", 0)), "C");
    assert_eq!(with(dir("Files/target", 0)), "D");
    assert_eq!(with(file("Files/target", 0, "f")), "D");
}
