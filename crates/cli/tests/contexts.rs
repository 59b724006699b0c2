//! Where `crossdock build` takes the context and the Dockerfile from, and what it says when they
//! are not there.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A folder in which commands run, with a store.
struct Bench {
    folder: tempfile::TempDir,
}

/// What a command gave.
struct Ran {
    code: i32,
    err: String,
}

impl Bench {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Runs `crossdock build` with `input` on its standard input.
    fn run(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut child = Command::new(env!("CARGO_BIN_EXE_crossdock"))
            .args(["build", "--platform", "linux/amd64", "--progress", "plain"])
            .args(arguments)
            .current_dir(self.folder.path())
            .env("CROSSDOCK_ROOT", "store")
            .env_remove("SOURCE_DATE_EPOCH")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that fails early may have gone without reading.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    fn check(&self, arguments: &[&str], input: &[u8], code: i32, parts: &[&str]) {
        let ran = self.run(arguments, input);
        assert_eq!(ran.code, code, "{arguments:?}: {}", ran.err);
        for part in parts {
            assert!(ran.err.contains(part), "{arguments:?}: {part}: {}", ran.err);
        }
    }
}

/// A tar with one file, `Dockerfile` or another.
fn tar(name: &str, content: &str) -> Vec<u8> {
    let mut block = [0; 512];
    let mut field = |at: usize, text: &str| {
        block[at..at + text.len()].copy_from_slice(text.as_bytes());
    };
    field(0, name);
    field(100, "0000644\0");
    field(108, "0000000\0");
    field(116, "0000000\0");
    field(124, &format!("{:011o}\0", content.len()));
    field(136, "00000000000\0");
    field(148, "        ");
    field(156, "0");
    field(257, "ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut bytes = block.to_vec();
    bytes.extend_from_slice(content.as_bytes());
    bytes.resize(bytes.len().next_multiple_of(512) + 1024, 0);
    bytes
}

#[test]
fn standard_input() {
    let bench = Bench::new();
    let of_itself = tar("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n");
    bench.check(&["-"], &of_itself, 0, &["COPY Dockerfile /"]);
    bench.check(&["-"], b"FROM scratch\nLABEL a=b\n", 0, &[]);
    bench.check(&["-"], b"FROM scratch\nCOPY x /\n", 1, &["-:2", "COPY x /"]);
    bench.check(&["-"], b"FROM\n", 1, &["-:1"]);
    bench.check(&["-"], b"", 1, &["no instructions", "-:1"]);
    let other = tar("other", "FROM scratch\nCOPY other /\n");
    bench.check(&["-f", "other", "-"], &other, 0, &["COPY other /"]);
    bench.check(
        &["-"],
        &other,
        1,
        &[
            "Dockerfile: is not there",
            "nor dockerfile",
            "build context -",
            "-f",
        ],
    );
    bench.check(
        &["-f", "x", "-"],
        b"FROM scratch\n",
        1,
        &["-f x", "Dockerfile itself"],
    );
    bench.check(&["-f", "-", "-"], b"", 1, &["both -", "standard input"]);
    bench.write("context/x", "x");
    bench.check(
        &["-f", "-", "context"],
        b"FROM scratch\nCOPY --chmod=644 x /\n",
        0,
        &["COPY --chmod=644 x /"],
    );
    let broken = &of_itself[..520];
    bench.check(&["-"], broken, 1, &["build context -", "tar"]);
}

#[test]
fn places_of_the_dockerfile() {
    let bench = Bench::new();
    bench.write("context/x", "x");
    bench.check(
        &["context"],
        b"",
        1,
        &["Dockerfile: is not there", "dockerfile", "-f"],
    );
    bench.write(
        "context/dockerfile",
        "FROM scratch\nCOPY --chmod=644 x /lower\n",
    );
    bench.check(&["context"], b"", 0, &["/lower"]);
    bench.write("other/Own", "FROM scratch\nCOPY --chmod=644 x /own\n");
    bench.check(&["-f", "other/Own", "context"], b"", 0, &["/own"]);
    bench.check(
        &["-f", "other/none", "context"],
        b"",
        1,
        &["none: is not there"],
    );
    bench.check(
        &["-f", "other", "context"],
        b"",
        1,
        &["Dockerfile other", "cannot be read"],
    );
    bench.write("context/Dockerfile", &"#".repeat((16 << 20) + 1));
    bench.check(&["context"], b"", 1, &["larger than 16 MiB"]);
}

#[test]
fn contexts_that_are_none() {
    let bench = Bench::new();
    bench.check(
        &["absent"],
        b"",
        1,
        &["build context absent", "folder", "git"],
    );
    bench.check(&["https://"], b"", 1, &["build context", "https://"]);
    bench.check(
        &["https://user:secret@host/x.git#-option"],
        b"",
        1,
        &["build context"],
    );
    let ran = bench.run(&["https://user:secret@host:99999/x.git"], b"");
    assert!(!ran.err.contains("secret"), "{}", ran.err);
    // Nobody listens there.
    bench.write("Dockerfile", "FROM scratch\nADD http://127.0.0.1:9/x /\n");
    let ran = bench.run(&["."], b"");
    assert_eq!(ran.code, 4, "{}", ran.err);
    assert!(ran.err.contains("Dockerfile:2"), "{}", ran.err);
}

/// A folder as `git init` and `git add` would leave it, with the file `x` that may be executed.
fn checkout(bench: &Bench, folder: &str) {
    let mut index = b"DIRC\0\0\0\x02\0\0\0\x01".to_vec();
    index.extend([0; 24]);
    index.extend(0o100_755u32.to_be_bytes());
    index.extend([0; 12 + 20]);
    // The path with its length; a zero fills the eights. No checksum.
    index.extend(b"\0\x01x\0");
    index.extend([0; 20]);
    bench.write(&format!("{folder}/.git/HEAD"), "ref: refs/heads/main\n");
    bench.write(&format!("{folder}/.git/objects/x"), "");
    bench.write(&format!("{folder}/x"), "x");
    fs::write(bench.path(&format!("{folder}/.git/index")), index).unwrap();
}

#[test]
fn modes() {
    let bench = Bench::new();
    let dockerfile = "FROM scratch\nCOPY x /\n";
    bench.write("plain/x", "x");
    bench.write("plain/Dockerfile", dockerfile);
    checkout(&bench, "checkout");
    bench.write("checkout/Dockerfile", dockerfile);
    let check = |modes: &str, folder: &str, code, parts: &[&str]| {
        bench.check(&["--context-modes", modes, folder], b"", code, parts);
    };
    check("git", "checkout", 0, &["COPY x /"]);
    check("docker", "plain", 0, &["COPY x /"]);
    check("auto", "plain", 0, &["COPY x /"]);
    let all = "auto, git, docker, disk";
    check("umask", "plain", 2, &["--context-modes", all]);
    let none = ["build context plain", "no checkout", "--context-modes git"];
    check("git", "plain", 1, &none);
    fs::write(bench.path("checkout/.git/index"), "x").unwrap();
    let damaged = ["build context checkout", "index", "does not begin"];
    check("git", "checkout", 1, &damaged);
    // Not looked at on Linux; on Windows a warning, and the build goes on.
    check("auto", "checkout", 0, &["COPY x /"]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_crossdock"));
    let command = command
        .args(["--root", "store", "build", "plain"])
        .current_dir(bench.folder.path())
        .env("CROSSDOCK_CONTEXT_MODES", "git");
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("no checkout"), "{text}");
}

#[test]
fn named_contexts() {
    let bench = Bench::new();
    bench.write(
        "context/Dockerfile",
        "FROM scratch\nCOPY --from=named --chmod=644 x /n\n",
    );
    bench.write("other/x", "x");
    let with = |value: &str, code: i32, parts: &[&str]| {
        bench.check(&["--build-context", value, "context"], b"", code, parts);
    };
    with("named=other", 0, &["/n"]);
    with(
        "named=none",
        1,
        &[
            "--build-context named=none",
            "docker-image://",
            "oci-layout://",
        ],
    );
    with("named", 1, &["--build-context named", "there is no ="]);
    with("=other", 1, &["--build-context =other", "empty"]);
    with("named=docker-image://", 1, &["the reference is missing"]);
    with("named=oci-layout://", 1, &["--build-context"]);
    with("named=oci-layout://none", 1, &["oci-layout://none"]);
    with("named=target:none", 1, &["none"]);
    // What the Dockerfile does not use is not opened.
    let unused = ["--build-context", "unused=http://127.0.0.1:9/x"];
    let used = ["--build-context", "named=other", "context"];
    bench.check(&[&unused[..], &used].concat(), b"", 0, &["/n"]);
}
