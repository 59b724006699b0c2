//! `COPY`, `ADD` and `WORKDIR` on Linux.

use crossdock_build::ErrorClass;

use crate::archive::{dir, file, hard_link, symlink};
use crate::bench::{Ask, Bench};

/// A bench with a base of accounts and a source image with files of all kinds.
pub(crate) fn bench() -> Bench {
    let bench = Bench::new();
    bench.linux_base(
        "base",
        &[
            dir("./", 0o755),
            dir("etc/", 0o750).owned(7, 8),
            file("etc/passwd", 0o644, "root:x:0:0::/:\napp:x:1000:1001::/:\n"),
            file("etc/group", 0o644, "root:x:0:\nstaff:x:50:\n"),
            dir("srv/", 0o700).owned(5, 6),
            file("srv/old", 0o600, "old"),
            symlink("www", "srv"),
            file("file", 0o644, "file"),
        ],
    );
    bench.linux_base(
        "source",
        &[
            dir("./", 0o755),
            dir("bin/", 0o755),
            file("bin/tool", 0o4755, "tool")
                .owned(1, 2)
                .at(1_100_000_000),
            hard_link("bin/tool-2", "bin/tool"),
            symlink("bin/link", "tool"),
            symlink("bin/absolute", "/bin/tool"),
            dir("bin/sub/", 0o2770).owned(3, 4),
            file("bin/sub/x.txt", 0o640, "x"),
            file("bin/y.txt", 0o604, "y"),
            symlink("tools", "bin"),
            dir("empty/", 0o711),
            dir("srv/", 0o777).owned(9, 9),
            file("srv/new", 0o644, "new"),
        ],
    );
    bench
}

/// Builds on `base` and compares the new layers: `short` without modes and owners.
#[track_caller]
pub(crate) fn check(bench: &Bench, short: bool, instructions: &str, expected: &[&str]) {
    let dockerfile = format!("FROM oci-layout://base\n{instructions}\n");
    let image = match bench.build(&dockerfile, Ask::default()) {
        Ok(image) => image,
        Err(failed) => panic!("{instructions}: {}", failed.text),
    };
    let lines = match short {
        true => image.short_lines(),
        false => image.lines(),
    };
    assert_eq!(lines, expected, "{instructions}");
}

#[track_caller]
pub(crate) fn fails(bench: &Bench, instructions: &str, expected: &[&str]) {
    let dockerfile = format!("FROM oci-layout://base\n{instructions}\n");
    let failed = match bench.build(&dockerfile, Ask::default()) {
        Ok(image) => panic!("{instructions}: {:#?}", image.lines()),
        Err(failed) => failed,
    };
    for part in expected {
        assert!(
            failed.text.contains(part),
            "{instructions}: {part}: {}",
            failed.text
        );
    }
    assert_eq!(failed.class, ErrorClass::Input, "{}", failed.text);
}

#[test]
fn from_stages_and_images() {
    let bench = bench();
    let check =
        |instructions: &str, expected: &[&str]| check(&bench, false, instructions, expected);
    let from = "--from=oci-layout://source";
    // A file keeps mode, with setuid, and owner; created parents are root's.
    check(
        &format!("COPY {from} /bin/tool /a/b/tool"),
        &[
            "d 755 0:0 a/",
            "d 755 0:0 a/b/",
            "f 4755 1:2 a/b/tool \"tool\"",
        ],
    );
    // A directory's contents; the destination is none of them. Hard links stay.
    check(
        &format!("COPY {from} /bin/ /new/"),
        &[
            "d 755 0:0 new/",
            "l 777 0:0 new/absolute -> /bin/tool",
            "l 777 0:0 new/link -> tool",
            "d 2770 3:4 new/sub/",
            "f 640 0:0 new/sub/x.txt \"x\"",
            "f 4755 1:2 new/tool \"tool\"",
            "h 4755 1:2 new/tool-2 -> new/tool",
            "f 604 0:0 new/y.txt \"y\"",
        ],
    );
    // The last component of a source is followed, the name stays.
    check(
        &format!("COPY {from} /bin/link /bin/link /x/"),
        &["d 755 0:0 x/", "f 4755 1:2 x/link \"tool\""],
    );
    check(
        &format!("COPY {from} /tools/sub /x/"),
        &["d 755 0:0 x/", "f 640 0:0 x/x.txt \"x\""],
    );
    // A directory that exists keeps its metadata as the destination and on the way, and takes the
    // source's if it is nested.
    check(
        &format!("COPY {from} /srv/ /srv/"),
        &["d 700 5:6 srv/", "f 644 0:0 srv/new \"new\""],
    );
    check(
        &format!("COPY {from} /srv/new /www/"),
        &["d 700 5:6 srv/", "f 644 0:0 srv/new \"new\""],
    );
    check(
        &format!("COPY {from} / /"),
        &[
            "d 755 0:0 bin/",
            "l 777 0:0 bin/absolute -> /bin/tool",
            "l 777 0:0 bin/link -> tool",
            "d 2770 3:4 bin/sub/",
            "f 640 0:0 bin/sub/x.txt \"x\"",
            "f 4755 1:2 bin/tool \"tool\"",
            "h 4755 1:2 bin/tool-2 -> bin/tool",
            "f 604 0:0 bin/y.txt \"y\"",
            "d 711 0:0 empty/",
            "d 777 9:9 srv/",
            "f 644 0:0 srv/new \"new\"",
            "l 777 0:0 tools -> bin",
        ],
    );
    check(&format!("COPY {from} /empty /e/"), &["d 755 0:0 e/"]);
    // Patterns: of one component, several, none.
    check(
        &format!("COPY {from} /bin/*.txt /*/x.* /t/"),
        &["d 755 0:0 t/", "f 604 0:0 t/y.txt \"y\""],
    );
    check(
        &format!("COPY {from} /bin/*/x.t?t /t"),
        &["f 640 0:0 t \"x\""],
    );
    check(&format!("COPY {from} /emp* /e/"), &["d 755 0:0 e/"]);
    // --link looks at nothing and emits no parents.
    check(
        &format!("COPY --link {from} /srv/new /srv/deep/"),
        &["f 644 0:0 srv/deep/new \"new\""],
    );
    check(
        &format!("COPY --link {from} /srv/new /file/x"),
        &["f 644 0:0 file/x \"new\""],
    );
}

#[test]
fn stages() {
    let bench = bench();
    let check = |from: &str| {
        let dockerfile = format!(
            "FROM oci-layout://source AS First\nFROM scratch AS second\n\
             COPY --from=oci-layout://source /srv/new /second\n\
             FROM oci-layout://base\nCOPY --from={from} /*o*d /x/\n\
             COPY --from={from} /srv/new /second /y/\n"
        );
        bench.build(&dockerfile, Ask::default())
    };
    for from in ["first", "FIRST", "0"] {
        let failed = check(from).err().unwrap();
        assert!(
            failed.text.contains("Dockerfile:6: COPY"),
            "{}",
            failed.text
        );
        assert!(failed.text.contains("/second"), "{}", failed.text);
    }
    for from in ["second", "1"] {
        let failed = check(from).err().unwrap();
        assert!(failed.text.contains("/srv"), "{}", failed.text);
    }
    let dockerfile = "FROM oci-layout://source AS a\nFROM a AS b\n\
                      COPY --from=0 /srv/new /b\nFROM scratch\nCOPY --from=b /b /bin/tool /x/\n";
    let image = bench.build(dockerfile, Ask::default()).unwrap();
    let expected = [
        "d 755 0:0 x/",
        "f 644 0:0 x/b \"new\"",
        "f 4755 1:2 x/tool \"tool\"",
    ];
    assert_eq!(image.lines(), expected);
    // What is not needed is not done.
    let dockerfile = "FROM oci-layout://nowhere\nFROM oci-layout://source\n";
    bench.build(dockerfile, Ask::default()).unwrap();
}

#[test]
fn nothing_matches() {
    let bench = bench();
    let dockerfile = "FROM oci-layout://base\nCOPY --from=oci-layout://source /no* /new/\n";
    let image = bench.build(dockerfile, Ask::default()).unwrap();
    assert_eq!(image.new_layers, 0);
    assert_eq!(
        image.told.warnings,
        ["Dockerfile:2: COPY --from=oci-layout://source /no* /new/: /no* matches nothing"]
    );
    // Beside something that matches it is a warning only.
    let dockerfile = "FROM oci-layout://base\nCOPY --from=oci-layout://source /no* /srv/new /n/\n";
    let image = bench.build(dockerfile, Ask::default()).unwrap();
    assert_eq!(image.lines(), ["d 755 0:0 n/", "f 644 0:0 n/new \"new\""]);
    assert_eq!(image.told.warnings.len(), 1);
}

#[test]
fn owners_and_modes() {
    let bench = bench();
    let flags = |flags: &str, source: &str, expected: &[&str]| {
        let line = format!("COPY {flags} --from=oci-layout://source {source}");
        check(&bench, false, &line, expected);
    };
    let both = |owner: &str| {
        [
            format!("d 755 {owner} n/"),
            format!("f 604 {owner} n/y.txt \"y\""),
        ]
    };
    for (chown, owner) in [
        ("5:6", "5:6"),
        ("5", "5:5"),
        ("app", "1000:1001"),
        ("app:staff", "1000:50"),
        ("app:9", "1000:9"),
        ("root", "0:0"),
        ("5:staff", "5:50"),
    ] {
        let expected = both(owner);
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        flags(&format!("--chown={chown}"), "/bin/y.txt /n/", &expected);
    }
    // Octal: directories and created parents too, not links.
    flags(
        "--chmod=1731",
        "/bin/ /n/",
        &[
            "d 1731 0:0 n/",
            "l 777 0:0 n/absolute -> /bin/tool",
            "l 777 0:0 n/link -> tool",
            "d 1731 3:4 n/sub/",
            "f 1731 0:0 n/sub/x.txt \"x\"",
            "f 1731 1:2 n/tool \"tool\"",
            "h 1731 1:2 n/tool-2 -> n/tool",
            "f 1731 0:0 n/y.txt \"y\"",
        ],
    );
    // Symbolic: files and copied directories, created parents 0755.
    flags(
        "--chmod=u=rwX,go-rwx",
        "/bin/sub /n/m/",
        &[
            "d 755 0:0 n/",
            "d 755 0:0 n/m/",
            "f 600 0:0 n/m/x.txt \"x\"",
        ],
    );
    flags(
        "--chmod=a+rX",
        "/bin /n/",
        &[
            "d 755 0:0 n/",
            "l 777 0:0 n/absolute -> /bin/tool",
            "l 777 0:0 n/link -> tool",
            "d 2775 3:4 n/sub/",
            "f 644 0:0 n/sub/x.txt \"x\"",
            "f 4755 1:2 n/tool \"tool\"",
            "h 4755 1:2 n/tool-2 -> n/tool",
            "f 644 0:0 n/y.txt \"y\"",
        ],
    );
    let missing = "COPY --chown=none --from=oci-layout://source /srv/new /";
    fails(
        &bench,
        missing,
        &["Dockerfile:2", "no user \"none\" in /etc/passwd"],
    );
    let missing = "COPY --chown=app:none --from=oci-layout://source /srv/new /";
    fails(
        &bench,
        missing,
        &["Dockerfile:2", "no group \"none\" in /etc/group"],
    );
    fails(&bench, "COPY --chmod=rwx a /", &["Dockerfile:2", "rwx"]);
}

#[test]
fn context() {
    let bench = bench();
    bench.file("a", "a");
    bench.file("d/b.txt", "b");
    bench.file("d/e/c.txt", "c");
    bench.file("d/e/.hidden", "h");
    bench.file("sp ace", "s");
    let check = |instructions: &str, expected: &[&str]| check(&bench, true, instructions, expected);
    check("COPY a .", &["f a \"a\""]);
    check("COPY a /x", &["f x \"a\""]);
    check("COPY a /x/", &["d x/", "f x/a \"a\""]);
    check(
        "COPY a d /x/",
        &[
            "d x/",
            "f x/a \"a\"",
            "f x/b.txt \"b\"",
            "d x/e/",
            "f x/e/.hidden \"h\"",
            "f x/e/c.txt \"c\"",
        ],
    );
    check("COPY [\"sp ace\", \"/x y\"]", &["f x y \"s\""]);
    check("COPY ./d/../a /x", &["f x \"a\""]);
    check("COPY ../../a /x", &["f x \"a\""]);
    check(
        "COPY d/*.txt d/*/*.txt /x/",
        &["d x/", "f x/b.txt \"b\"", "f x/c.txt \"c\""],
    );
    check(
        "WORKDIR /srv\nCOPY a sub/",
        &["d srv/", "d srv/sub/", "f srv/sub/a \"a\""],
    );
    check("COPY a www/x", &["d srv/", "f srv/x \"a\""]);
    // Each source is copied to that name, and the last stays, as in BuildKit.
    check("COPY a d/b.txt /x", &["f x \"b\""]);
    check(
        "COPY d a /x",
        &[
            "d x/",
            "f x/a \"a\"",
            "f x/b.txt \"b\"",
            "d x/e/",
            "f x/e/.hidden \"h\"",
            "f x/e/c.txt \"c\"",
        ],
    );
    check(
        "COPY <<one <<\"two\" /x/\n$HOME\none\n$HOME\ntwo",
        &["d x/", "f x/one \"\\n\"", "f x/two \"$HOME\\n\""],
    );
    check(
        "ENV A=1\nCOPY <<-x a /y/\n\t${A}2\nx",
        &["d y/", "f y/a \"a\"", "f y/x \"12\\n\""],
    );
    // Context files are root's.
    let image = bench
        .build(
            "FROM oci-layout://base\nCOPY --chmod=640 a d/b.txt /x/\n",
            Ask::default(),
        )
        .unwrap();
    let expected = [
        "d 640 0:0 x/",
        "f 640 0:0 x/a \"a\"",
        "f 640 0:0 x/b.txt \"b\"",
    ];
    assert_eq!(image.lines(), expected);
    assert_eq!(image.entry("x/a").mtime, "1200000000");
    assert_eq!(image.entry("x/").mtime, "315532800");

    let fails = |line: &str, expected: &[&str]| fails(&bench, line, expected);
    fails(
        "COPY none /x",
        &["Dockerfile:2: COPY none /x: source \"none\": not found"],
    );
    fails("COPY d/none a /x/", &["Dockerfile:2", "d/none"]);
    fails("COPY a/b /x/", &["Dockerfile:2", "\"a"]);
}

#[test]
fn kinds_of_targets() {
    let bench = bench();
    bench.file("a", "a");
    bench.file("d/x", "x");
    // To a directory that exists a file goes into it, as in docker.
    check(&bench, true, "COPY a /srv", &["d srv/", "f srv/a \"a\""]);
    fails(
        &bench,
        "COPY d /file",
        &["Dockerfile:2", "cannot copy to non-directory: /file"],
    );
    fails(
        &bench,
        "COPY a /file/",
        &["cannot copy to non-directory: /file"],
    );
    fails(&bench, "COPY a /file/x", &["/file"]);
    fails(
        &bench,
        "COPY a /t/old\nCOPY d /t/old",
        &["Dockerfile:3", "non-directory: /t/old"],
    );
    fails(
        &bench,
        "COPY d/x /t/a/b\nCOPY --from=oci-layout://source /srv/new /u/a\nCOPY a /t/",
        &["Dockerfile:4", "cannot replace to directory /t/a with file"],
    );
    check(
        &bench,
        true,
        "COPY --link d/x /srv/a\nCOPY --link a /srv",
        &["f srv/a \"x\"", "f srv \"a\""],
    );
}

#[test]
fn ignored_files() {
    let bench = bench();
    for path in [
        "keep",
        "log/a.log",
        "log/deep/b.log",
        "log/c.txt",
        "src/main.o",
        "src/main.c",
    ] {
        bench.file(path, path);
    }
    let check = |ignore: &str, expected: &[&str]| {
        bench.file(".dockerignore", ignore);
        check(&bench, true, "COPY . /c/", expected);
    };
    let all = [
        "d c/",
        "f c/.dockerignore",
        "f c/keep \"keep\"",
        "d c/log/",
        "f c/log/a.log \"log/a.log\"",
        "f c/log/c.txt \"log/c.txt\"",
        "d c/log/deep/",
        "f c/log/deep/b.log \"log/deep/b.log\"",
        "d c/src/",
        "f c/src/main.c \"src/main.c\"",
        "f c/src/main.o \"src/main.o\"",
    ];
    let without = |parts: &[&str]| -> Vec<&str> {
        let kept = |line: &&&str| parts.iter().all(|part| !line.contains(part));
        all.iter().filter(kept).copied().collect()
    };
    let ignored = ".dockerignore";
    check(
        &format!("{ignored}\n# comment\n**/*.log\n"),
        &without(&[ignored, ".log"]),
    );
    check(&format!("{ignored}\nlog\n"), &without(&[ignored, "log"]));
    // Of an ignored directory with an exception the directories above it are there.
    check(
        &format!("{ignored}\nlog\n!log/deep/b.log\n"),
        &without(&[ignored, "a.log", "c.txt"]),
    );
    check(
        &format!("{ignored}\n*\n!src/*.c\n"),
        &["d c/", "d c/src/", "f c/src/main.c \"src/main.c\""],
    );
    // Directories that were only looked into for exceptions are not there.
    check(
        &format!("{ignored}\nlog\nsrc\n!log/none\n"),
        &["d c/", "f c/keep \"keep\""],
    );
    fails(
        &bench,
        "COPY log/a.log /",
        &[
            "Dockerfile:2",
            "log/a.log exists in the folder of the context",
            ".dockerignore",
        ],
    );

    // Beside the Dockerfile there may be one of its own.
    std::fs::write(bench.path("My.Dockerfile.dockerignore"), "*\n!keep\n").unwrap();
    let ask = Ask {
        dockerfile_path: Some(bench.path("My.Dockerfile")),
        ..Ask::default()
    };
    let image = bench
        .build("FROM oci-layout://base\nCOPY . /c/\n", ask)
        .unwrap();
    assert_eq!(image.short_lines(), ["d c/", "f c/keep \"keep\""]);
}

#[test]
fn working_directories() {
    let bench = bench();
    let check = |instructions: &str, expected: &[&str], directory: &str| {
        check(&bench, false, instructions, expected);
        let dockerfile = format!("FROM oci-layout://base\n{instructions}\n");
        let image = bench.build(&dockerfile, Ask::default()).unwrap();
        assert_eq!(image.config["config"]["WorkingDir"], directory);
        let made = image.history().last().unwrap().1;
        assert_eq!(made, !expected.is_empty(), "{instructions}");
    };
    check("WORKDIR /srv", &[], "/srv");
    check("WORKDIR /www", &[], "/www");
    check("WORKDIR a/b", &["d 755 0:0 a/", "d 755 0:0 a/b/"], "/a/b");
    check(
        "WORKDIR /srv\nWORKDIR x",
        &["d 700 5:6 srv/", "d 755 0:0 srv/x/"],
        "/srv/x",
    );
    check(
        "WORKDIR /www/x",
        &["d 700 5:6 srv/", "d 755 0:0 srv/x/"],
        "/www/x",
    );
    check("USER app\nWORKDIR /n", &["d 755 1000:1001 n/"], "/n");
    check(
        "USER 7:8\nWORKDIR /n/m",
        &["d 755 7:8 n/", "d 755 7:8 n/m/"],
        "/n/m",
    );
    check("WORKDIR /\nWORKDIR ..", &[], "/");
    fails(
        &bench,
        "WORKDIR /file",
        &["Dockerfile:2", "non-directory: /file"],
    );
    fails(&bench, "USER none\nWORKDIR /n", &["Dockerfile:3", "none"]);
}

/// What a host's file system may not have is asked of the host.
#[test]
fn metadata_of_contexts() {
    let bench = bench();
    bench.file("b", "linked");
    let context = bench.path("context");
    std::fs::hard_link(context.join("b"), context.join("a")).unwrap();
    bench.file("x", "x");
    let set = std::process::Command::new("setfattr")
        .args(["-n", "user.note", "-v", "hello"])
        .arg(context.join("x"))
        .status();
    let xattrs = set.is_ok_and(|status| status.success());
    let reader = crossdock_host::ContextReader::open(&context).unwrap();
    let entries = reader
        .walk(&mut |_, _| crossdock_host::Visit::Include)
        .unwrap();
    let links = entries.iter().any(|entry| entry.hard_link.is_some());
    let image = bench
        .build(
            "FROM oci-layout://base\nCOPY --chmod=644 . /n/\n",
            Ask::default(),
        )
        .unwrap();
    let second = match links {
        true => "h 644 0:0 n/b -> n/a",
        false => "f 644 0:0 n/b \"linked\"",
    };
    assert_eq!(
        image.lines(),
        [
            "d 644 0:0 n/",
            "f 644 0:0 n/a \"linked\"",
            second,
            "f 644 0:0 n/x \"x\""
        ]
    );
    if xattrs {
        assert_eq!(
            image.entry("n/x").records["SCHILY.xattr.user.note"],
            b"hello"
        );
    }
}
