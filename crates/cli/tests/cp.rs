//! `crossdock cp` as users run it.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use crossdock_host::{HOST_NAMES, HostNames};

/// A folder with a store, an image `app` in it, and commands that run there.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::create_dir_all(bench.path("context/d")).unwrap();
        let dockerfile = "FROM scratch\nCOPY --chmod=644 x /\nCOPY --chmod=4755 x /program\n\
                          COPY d /d/\n";
        fs::write(bench.path("context/Dockerfile"), dockerfile).unwrap();
        fs::write(bench.path("context/x"), "content").unwrap();
        fs::write(bench.path("context/d/y"), "deep").unwrap();
        let platform = ["--platform", "linux/amd64"];
        bench.run(
            &[&["build", "-q", "-t", "app", "context"][..], &platform].concat(),
            0,
            "",
        );
        bench
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn output(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_crossdock"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env("CROSSDOCK_ROOT", "store")
            .output()
            .unwrap()
    }

    /// Runs a command that ends with `code` and tells `expected`; gives standard output.
    #[track_caller]
    fn run(&self, arguments: &[&str], code: i32, expected: &str) -> Vec<u8> {
        let output = self.output(arguments);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(expected), "{told}");
        output.stdout
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }
}

#[test]
fn to_the_host() {
    let bench = Bench::new();
    let out = bench.run(
        &["cp", "app:/x", "new"],
        0,
        "Successfully copied 7B to new\n",
    );
    assert!(out.is_empty());
    assert_eq!(bench.read("new"), "content");
    bench.run(
        &["cp", "app:x", "app:/d", "."],
        0,
        "Successfully copied 11B to .\n",
    );
    assert_eq!(bench.read("x"), "content");
    assert_eq!(bench.read("d/y"), "deep");
    let quiet = bench.output(&["cp", "-q", "app:latest:/d/.", "whole"]);
    assert!(quiet.status.success() && quiet.stdout.is_empty());
    // Of what is not kept it tells: under Wine files have no extended attributes.
    let told = String::from_utf8(quiet.stderr).unwrap();
    let loss = "the file system has no extended attributes: whole, whole/y\n";
    match HOST_NAMES {
        HostNames::Posix => assert_eq!(told, ""),
        HostNames::Windows => assert!(told.is_empty() || told.ends_with(loss), "{told}"),
    }
    assert_eq!(bench.read("whole/y"), "deep");
    // An image by its place.
    let archive = "type=oci,dest=app.tar";
    let platform = ["--platform", "linux/amd64"];
    bench.run(
        &[&["build", "-q", "-o", archive, "context"][..], &platform].concat(),
        0,
        "",
    );
    bench.run(&["cp", "./app.tar:/x", "from-archive"], 0, "");
    assert_eq!(bench.read("from-archive"), "content");
}

#[test]
fn to_standard_output() {
    let bench = Bench::new();
    let platform = ["--platform", "linux/amd64"];
    let built = ["build", "-q", "-o", "type=tar,dest=-", "context"];
    let whole = bench.run(&[&built[..], &platform].concat(), 0, "");
    let copied = bench.output(&["cp", "app:/", "-"]);
    assert!(copied.stderr.is_empty());
    assert!(copied.stdout == whole, "the same files give the same tar");
    let below = bench.run(&["cp", "app:/d", "-"], 0, "");
    assert!(below.starts_with(b"d/\0"));
}

#[test]
fn refusals() {
    let bench = Bench::new();
    fs::write(bench.path("file"), "mine").unwrap();
    for (arguments, expected) in [
        (["file", "app:/x"], "app:/x: cp does not change images"),
        (["app:/x", "app:/y"], "app:/y: cp does not change images"),
        (["./file", "there"], "a path of this machine"),
        (["app", "there"], "app: no path is named"),
        (["app:/no", "there"], "not found"),
        (["app:/d", "file"], "a directory cannot be copied onto it"),
        (["app:/x", "no/file"], "make it first"),
    ] {
        bench.run(&["cp", arguments[0], arguments[1]], 1, expected);
    }
    assert_eq!(bench.read("file"), "mine");
    assert!(!bench.path("there").exists());
    bench.run(&["cp", "app:/x"], 2, "DEST");
}

#[test]
fn losses() {
    let bench = Bench::new();
    // Folders of Windows have no such bits, and speak of none.
    if HOST_NAMES == HostNames::Windows {
        return;
    }
    let expected = "not kept: setuid and setgid are left out, as the owner is not kept: program\n";
    bench.run(&["cp", "-q", "app:/program", "."], 0, expected);
    assert_eq!(bench.read("program"), "content");
    bench.run(
        &["cp", "--strict", "app:/program", "."],
        5,
        "1 thing cannot be kept",
    );
    bench.run(&["cp", "--strict", "app:/x", "."], 0, "Successfully");
}
