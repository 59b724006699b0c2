//! `crossdock build` as users run it: what is printed where, what is written, exit codes.

mod bench;
mod call;
mod outputs;
mod rawjson;
mod results;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use self::bench::Bench;

const PLAIN: &str = "FROM scratch\nCOPY --chmod=644 x /\n";
const OUT: [&str; 2] = ["-o", "type=oci-layout,dest=out"];
const LINUX: [&str; 2] = ["--platform", "linux/amd64"];

#[test]
fn progress_and_quiet() {
    let bench = Bench::new(PLAIN);
    let ran = bench.run(&[&LINUX[..], &OUT].concat()).expect(0, &[]);
    assert!(ran.out.is_empty());
    let lines: Vec<&str> = ran.err.lines().collect();
    assert!(
        lines.contains(&"#2 [stage-0 linux 2/2] COPY --chmod=644 x /"),
        "{lines:#?}"
    );
    assert!(
        lines.iter().any(|line| line.starts_with("#2 DONE ")),
        "{lines:#?}"
    );
    assert!(
        lines.contains(&"#3 exporting to OCI layout out"),
        "{lines:#?}"
    );
    let index = bench.json("out/index.json");
    let digest = index["manifests"][0]["digest"].as_str().unwrap();
    assert!(
        lines.contains(&&*format!("#3 manifest {digest}")),
        "{lines:#?}"
    );

    let ran = bench.run(&[
        "-q",
        "--platform",
        "linux/amd64",
        "-o",
        "type=oci,dest=a.tar",
    ]);
    let ran = ran.expect(0, &[]);
    assert_eq!(ran.out, format!("{digest}\n").into_bytes());
    assert_eq!(ran.err, "");
    let ran = bench
        .run(&[&LINUX[..], &OUT].concat())
        .expect(0, &["#2 CACHED\n"]);
    assert!(!ran.err.contains("#2 DONE"));
    // Warnings are no progress.
    let warned = Bench::new("FROM scratch\nCOPY no* /\n");
    let ran = warned
        .run(&["-q", "--platform", "linux/amd64"])
        .expect(0, &[]);
    assert!(
        ran.err
            .starts_with("warning: Dockerfile:2: COPY no* /: no* matches nothing"),
        "{}",
        ran.err
    );
}

#[test]
fn archive_on_standard_output() {
    let bench = Bench::new(PLAIN);
    let arguments = [
        "-o",
        "type=oci,dest=-",
        "-o",
        "type=oci,dest=a.tar",
        "-t",
        "a",
        "-t",
        "b:2",
    ];
    let ran = bench.run(&[&LINUX[..], &arguments].concat()).expect(0, &[]);
    assert!(ran.out == fs::read(bench.path("a.tar")).unwrap());
    assert!(ran.out.len() > 2048 && ran.out.starts_with(b"oci-layout\0"));
}

#[test]
fn names_and_the_store() {
    let bench = Bench::new(PLAIN);
    let ran = bench.run(&[
        "-q",
        "-t",
        "app",
        "--tag",
        "host.example/app:2",
        LINUX[0],
        LINUX[1],
    ]);
    let digest = ran.expect(0, &[]).digest();
    let index = bench.json("store/index.json");
    let names: Vec<(&str, &str)> = index["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let name = &entry["annotations"]["org.opencontainers.image.ref.name"];
            (name.as_str().unwrap(), entry["digest"].as_str().unwrap())
        })
        .collect();
    let expected = ["docker.io/library/app:latest", "host.example/app:2"];
    assert_eq!(names, expected.map(|name| (name, &*digest)));
    // --root goes before the variable.
    bench
        .run(&["--root", "other", LINUX[0], LINUX[1]])
        .expect(0, &[]);
    assert!(bench.path("other/oci-layout").exists());
    let wrong = [
        ("", "the name is empty"),
        (":1", "the name is empty"),
        ("a b", "the repository \"library/a b\" is not of"),
        ("app:", "the tag \"\" is not of"),
        ("App", "must be lower case"),
        (
            "app@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "a name has no digest",
        ),
    ];
    for (name, reason) in wrong {
        bench.run(&["-t", name]).expect(1, &["-t", reason]);
    }
    bench.run(&["--push"]).expect(1, &["-t HOST/NAME:TAG"]);
}

/// Relative layouts are relative to where the command runs, not to the context.
#[test]
fn bases_and_files() {
    let bench = Bench::new(PLAIN);
    bench
        .run(&[
            "-t",
            "b:1",
            "-o",
            "type=oci-layout,dest=bases/b",
            LINUX[0],
            LINUX[1],
        ])
        .expect(0, &[]);
    bench.write(
        "elsewhere/My.dockerfile",
        "FROM oci-layout://bases/b:1\nCOPY x /y\n",
    );
    bench.write("elsewhere/My.dockerfile.dockerignore", "*\n!x\n");
    let file = ["-f", "elsewhere/My.dockerfile"];
    bench
        .run(&[&file[..], &OUT, &LINUX].concat())
        .expect(0, &[]);
    assert_eq!(
        bench.config("out")["rootfs"]["diff_ids"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    bench.write("elsewhere/My.dockerfile.dockerignore", "x\n");
    bench
        .run(&[&file[..], &LINUX].concat())
        .expect(1, &["My.dockerfile:2: COPY x /y", ".dockerignore"]);
    // A Dockerfile on standard input.
    let ran = bench.run_with(
        &["-f", "-", "-q", LINUX[0], LINUX[1]],
        &[],
        "FROM oci-layout://bases/b\nLABEL a=b\n",
    );
    ran.expect(0, &[]);
    let ran = bench.run_with(&["-f", "-"], &[], "FROM scratch\nNONSENSE\n");
    ran.expect(1, &["NONSENSE", "-:2"]);
    bench
        .run(&["-f", "none"])
        .expect(1, &["none", "is not there"]);
}

#[test]
fn arguments_labels_targets() {
    let bench = Bench::new(
        "ARG BASE=scratch\nFROM $BASE AS one\nARG A B C=c\nLABEL args=\"$A-$B-$C\"\nFROM one AS two\nLABEL two=2\n",
    );
    let check = |arguments: &[&str], expected: &[(&str, &str)]| {
        let _ = fs::remove_dir_all(bench.path("out"));
        let arguments = [&OUT[..], &LINUX, arguments].concat();
        let ran = bench.run_with(&arguments, &[("B", "from-environment")], "");
        ran.expect(0, &[]);
        let labels = &bench.config("out")["config"]["Labels"];
        let found: Vec<(&str, &str)> = labels
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        assert_eq!(found, expected);
    };
    check(&[], &[("args", "--c"), ("two", "2")]);
    check(
        &["--build-arg", "A=1=2", "--build-arg", "B"],
        &[("args", "1=2-from-environment-c"), ("two", "2")],
    );
    check(&["--build-arg", "C=", "--target", "one"], &[("args", "--")]);
    check(
        &["--target", "0", "--label", "x=y=z", "--label", "two"],
        &[("args", "--c"), ("two", ""), ("x", "y=z")],
    );
    bench.run(&["--target", "tow"]).expect(1, &["tow", "two"]);
    bench
        .run(&["--build-arg", "=1"])
        .expect(1, &["--build-arg =1: the name is empty"]);
}

#[test]
fn source_date_epoch() {
    let bench = Bench::new(PLAIN);
    let check = |variable: Option<&str>, argument: Option<&str>, expected: &str| {
        let _ = fs::remove_dir_all(bench.path("out"));
        let argument = argument.map(|value| format!("SOURCE_DATE_EPOCH={value}"));
        let mut arguments = [&OUT[..], &LINUX].concat();
        if let Some(argument) = &argument {
            arguments.extend(["--build-arg", argument]);
        }
        let variables: Vec<_> = variable
            .iter()
            .map(|value| ("SOURCE_DATE_EPOCH", *value))
            .collect();
        bench.run_with(&arguments, &variables, "").expect(0, &[]);
        let config = bench.config("out");
        assert_eq!(config["created"], expected);
        assert_eq!(config["history"][0]["created"], expected);
    };
    check(Some("1000"), None, "1970-01-01T00:16:40Z");
    check(None, Some("2000"), "1970-01-01T00:33:20Z");
    check(Some("1000"), Some("2000"), "1970-01-01T00:33:20Z");
    check(Some("0"), None, "1970-01-01T00:00:00Z");
    // The Dockerfile may say it, and is the last to be asked.
    let dockerfile = format!("ARG SOURCE_DATE_EPOCH=3000\n{PLAIN}");
    bench.write("context/Dockerfile", &dockerfile);
    check(None, None, "1970-01-01T00:50:00Z");
    check(Some("1000"), None, "1970-01-01T00:16:40Z");
    check(None, Some("2000"), "1970-01-01T00:33:20Z");
    for wrong in ["x", "1.5"] {
        let ran = bench.run_with(&[], &[("SOURCE_DATE_EPOCH", wrong)], "");
        ran.expect(
            1,
            &[&format!("SOURCE_DATE_EPOCH={wrong}: is not a whole number")],
        );
    }
}

#[test]
fn wrong_command_lines() {
    let bench = Bench::new(PLAIN);
    let check = |arguments: &[&str], code, parts: &[&str]| {
        let ran = bench.run(arguments).expect(code, parts);
        assert!(ran.out.is_empty());
        assert!(!bench.path("store").exists(), "{arguments:?}");
    };
    check(&["--nonsense"], 2, &["--nonsense"]);
    check(&["--no-cahce"], 2, &["--no-cache"]);
    check(&["context", "context"], 2, &["context"]);
    check(&["--on-collision", "maybe"], 2, &["error, rename, first"]);
    check(&["--foreign-metadata", "maybe"], 2, &["keep, drop"]);
    check(
        &["--max-layer-size", "5 apples"],
        2,
        &["unknown unit \"apples\""],
    );
    check(&["--platform", "linux/amd64/v2/v3"], 1, &["--platform"]);
    for (output, part) in [
        ("type=oci", "dest= is missing"),
        ("dest=x", "type= is missing"),
        ("type=docker", "docker load"),
        ("type=oci,dest=x,y", "\"y\" is not understood"),
        ("type=image,compression=estargz", "use gzip or zstd"),
        ("type=local,dest=x,colour=red", "no attribute \"colour\""),
    ] {
        check(&["-o", output], 1, &[part]);
    }
    let missing = Command::new(env!("CARGO_BIN_EXE_crossdock"))
        .arg("build")
        .output()
        .unwrap();
    assert_eq!(missing.status.code(), Some(2));
    let bare = Command::new(env!("CARGO_BIN_EXE_crossdock"))
        .output()
        .unwrap();
    assert_eq!(bare.status.code(), Some(2));
    for flag in ["--help", "--version"] {
        let ran = Command::new(env!("CARGO_BIN_EXE_crossdock"))
            .args(["build", flag])
            .output()
            .unwrap();
        assert_eq!(ran.status.code(), Some(0));
        assert!(ran.stderr.is_empty() && !ran.stdout.is_empty());
    }
}

/// All files below a folder, by size.
fn listing(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push((path.clone(), path.metadata().unwrap().len())),
            }
        }
    }
    found.sort();
    found
}

#[test]
fn exit_codes() {
    let bench = Bench::new(PLAIN);
    crossdock_fixtures::linux_base(&bench.path("linux"), 1).unwrap();
    bench.write("file", "a file");
    bench.write("foreign/letter.txt", "dear");
    bench
        .run(&[&OUT[..], &LINUX, &["-t", "app"]].concat())
        .expect(0, &[]);
    let before = listing(&bench.path("out"));
    let check = |dockerfile: &str, arguments: &[&str], code, parts: &[&str]| {
        bench.write("context/Dockerfile", dockerfile);
        let ran = bench
            .run(&[&OUT[..], arguments].concat())
            .expect(code, parts);
        assert!(ran.out.is_empty());
        assert_eq!(listing(&bench.path("out")), before, "{parts:?}");
        assert_eq!(listing(&bench.path("foreign")).len(), 1);
    };
    // 1: what was asked for.
    check(
        "FROM scratch\nCOPY none /\n",
        &LINUX,
        1,
        &["error: Dockerfile:2: COPY none /", "not found"],
    );
    check("FROM scratch\nRUN x\n", &LINUX, 1, &["Dockerfile:2", "RUN"]);
    check(
        "FROM Debian\n",
        &LINUX,
        1,
        &["Debian\"", "must be lower case"],
    );
    check(
        "FROM oci-layout://linux:none\n",
        &LINUX,
        1,
        &["its tags are docker, gzip, latest, sparse"],
    );
    check(
        "FROM oci-layout://linux\n",
        &["--platform", "linux/riscv64"],
        1,
        &["no image for linux/riscv64"],
    );
    check(
        PLAIN,
        &[&LINUX[..], &["-o", "type=oci-layout,dest=foreign"]].concat(),
        1,
        &["is neither empty nor an OCI image layout"],
    );
    check(PLAIN, &["--root", "foreign"], 1, &["foreign"]);
    let windows = ["--platform", "windows(10.0.20348.1)/amd64"];
    let case = "FROM --platform=linux/amd64 oci-layout://linux:gzip AS l\nFROM scratch\n\
                COPY --from=l /opt/case/ /c/\n";
    check(
        case,
        &windows,
        1,
        &["C:\\c\\Makefile and C:\\c\\makefile", "--on-collision"],
    );
    // 5: a loss, listed before.
    let many = case.replace("/opt/case/", "/opt/hard/many/");
    check(
        &many,
        &[&windows[..], &["--strict"]].concat(),
        5,
        &["lost: ", "hard links", "--strict was given"],
    );
    let first = ["--strict", "--on-collision", "first"];
    check(
        case,
        &[&windows[..], &first].concat(),
        5,
        &["lost: ", "C:\\c\\makefile"],
    );
    // 4: the machine, or the network.
    check(
        "FROM 127.0.0.1:1/base\n",
        &LINUX,
        4,
        &[
            "127.0.0.1:1/base",
            "cannot be reached",
            "the connection was refused",
        ],
    );
    check(PLAIN, &["--root", "file/store"], 4, &["store: "]);
    bench
        .run(&["-o", "type=oci,dest=file/a.tar", LINUX[0], LINUX[1]])
        .expect(4, &["output: "]);
    // 3: what others made is damaged, or too large.
    let root = ["--root", "fresh"];
    let copy = "FROM oci-layout://linux:gzip\nCOPY x /opt/\n";
    check(
        copy,
        &[&LINUX[..], &root, &["--max-layer-size", "10K"]].concat(),
        3,
        &["linux:gzip: layer sha256:"],
    );
    for (path, _) in listing(&bench.path("linux/blobs")) {
        let mut bytes = fs::read(&path).unwrap();
        if bytes.starts_with(&[0x1f, 0x8b]) {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(&path, bytes).unwrap();
        }
    }
    check(
        copy,
        &[&LINUX[..], &root].concat(),
        3,
        &["linux:gzip: layer sha256:"],
    );
    // And none of this kept anything from working.
    bench.write("context/Dockerfile", PLAIN);
    bench
        .run(&[&OUT[..], &LINUX, &["-t", "app"]].concat())
        .expect(0, &["CACHED"]);
    assert_eq!(listing(&bench.path("out")), before);
}

#[test]
fn losses_are_listed_once() {
    let bench = Bench::new(
        "FROM --platform=linux/amd64 oci-layout://linux:gzip AS l\nFROM scratch\n\
         COPY --from=l /opt/hard/many/ /a/\nCOPY --from=l /opt/hard/many/ /b/\n",
    );
    crossdock_fixtures::linux_base(&bench.path("linux"), 1).unwrap();
    for _ in 0..2 {
        let ran = bench
            .run(&["--platform", "windows(10.0.20348.1)/amd64"])
            .expect(0, &[]);
        let lost: Vec<&str> = ran
            .err
            .lines()
            .filter(|line| line.starts_with("lost: "))
            .collect();
        assert_eq!(lost.len(), 1, "{}", ran.err);
        assert!(ran.err.contains("kept: "), "{}", ran.err);
        let last = ran.err.lines().last().unwrap();
        assert!(last.starts_with("kept: "), "{}", ran.err);
    }
}
