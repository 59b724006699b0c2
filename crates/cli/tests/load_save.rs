//! `crossdock load` and `crossdock save` as users run them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, UNIX_EPOCH};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

/// A folder for stores and files.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(path), bytes).unwrap();
    }

    fn output(&self, store: &str, arguments: &[&str], input: Option<&[u8]>) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_crossdock"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env("CROSSDOCK_ROOT", store)
            .env_remove("SOURCE_DATE_EPOCH")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.unwrap_or_default().to_vec();
        // What a command does not read to its end is no failure of the test.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        output
    }

    /// Runs a command, which succeeds; gives what it printed.
    #[track_caller]
    fn run(&self, store: &str, arguments: &[&str]) -> String {
        self.feed(store, arguments, None)
    }

    #[track_caller]
    fn feed(&self, store: &str, arguments: &[&str], input: Option<&[u8]>) -> String {
        let output = self.output(store, arguments, input);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {error}");
        String::from_utf8(output.stdout)
            .unwrap()
            .replace("\r\n", "\n")
    }

    /// Runs a command, which fails with this exit code; gives the message.
    #[track_caller]
    fn fail(&self, store: &str, arguments: &[&str], code: i32) -> String {
        let output = self.output(store, arguments, None);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
        assert!(output.stdout.is_empty());
        error.replace("\r\n", "\n")
    }

    /// Builds an image of both systems in the store `a`, and one of Linux.
    fn build(&self) {
        fs::create_dir(self.path("context")).unwrap();
        self.write(
            "context/Dockerfile",
            "FROM scratch\nCOPY --chmod=644 x /dir/\nCOPY --chmod=644 x /y\nENV A=b\n",
        );
        self.write("context/x", "content of x\n");
        let file = fs::File::options()
            .write(true)
            .open(self.path("context/x"))
            .unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(1_700_000_000))
            .unwrap();
        let both = "linux/amd64,windows(10.0.20348.1)/amd64";
        self.run(
            "a",
            &["build", "-t", "both:1", "--platform", both, "context"],
        );
        self.run(
            "a",
            &["build", "-t", "one", "--platform", "linux/amd64", "context"],
        );
    }

    /// The files of a store that an image consists of: blobs and indexes of layers.
    fn files(&self, store: &str) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        for folder in ["blobs/sha256", "crossdock/indexes"] {
            for entry in fs::read_dir(self.path(store).join(folder)).unwrap() {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                let bytes = fs::read(entry.path()).unwrap();
                files.insert(format!("{folder}/{name}"), bytes);
            }
        }
        files
    }

    /// The names of a store with the digests that they stand for.
    fn names(&self, store: &str) -> BTreeMap<String, String> {
        let index = fs::read(self.path(store).join("index.json")).unwrap();
        let index: serde_json::Value = serde_json::from_slice(&index).unwrap();
        let entries = index["manifests"].as_array().unwrap().iter();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        entries
            .map(|entry| {
                let name = &entry["annotations"]["org.opencontainers.image.ref.name"];
                (text(name), text(&entry["digest"]))
            })
            .collect()
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits = Sha256::digest(bytes);
    digits.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A tar of files, directories (a slash at their end) and links (`name -> target`).
fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, content) in members {
        let (name, link) = name.split_once(" -> ").unwrap_or((name, ""));
        let kind = match (link, name.ends_with('/')) {
            ("", true) => b'5',
            ("", false) => b'0',
            _ => b'2',
        };
        let mut block = [0; 512];
        let mut field = |at: usize, text: &str| {
            block[at..at + text.len()].copy_from_slice(text.as_bytes());
        };
        field(0, name);
        field(100, "0000644");
        field(108, "0000000");
        field(116, "0000000");
        field(124, &format!("{:011o}", content.len()));
        field(136, "14524454400");
        field(148, "        ");
        field(157, link);
        field(257, "ustar\x0000");
        block[156] = kind;
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        tar.extend(block);
        tar.extend(*content);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.extend([0; 1024]);
    tar
}

/// What docker before 25 saved: `NAME` with two layers, of which one is there twice.
fn old_docker_archive(layer: &[u8]) -> Vec<u8> {
    let digest = hex(layer);
    let config = format!(
        r#"{{"os":"linux","architecture":"amd64","config":{{}},"rootfs":{{"type":"layers","diff_ids":["sha256:{digest}","sha256:{digest}"]}}}}"#
    );
    let file = format!("{}.json", hex(config.as_bytes()));
    let list = format!(
        r#"[{{"Config":"{file}","RepoTags":["old:1","localhost:5000/old:2"],"Layers":["a/layer.tar","b/layer.tar"]}}]"#
    );
    tar(&[
        ("a/", b""),
        ("a/VERSION", b"1.0"),
        ("a/layer.tar", layer),
        ("b/", b""),
        ("b/layer.tar -> ../a/layer.tar", b""),
        (&file, config.as_bytes()),
        ("manifest.json", list.as_bytes()),
        ("repositories", b"{}"),
    ])
}

const BOTH: &str = "docker.io/library/both:1";
const ONE: &str = "docker.io/library/one:latest";

/// What is saved and loaded again is the same: every blob, name and index.
#[test]
fn round_trip() {
    let bench = Bench::new();
    bench.build();
    assert_eq!(
        bench.run("a", &["save", "both:1", "one", "-o", "x.tar"]),
        ""
    );
    let told = bench.run("b", &["load", "x.tar"]);
    assert_eq!(told, "Loaded image: both:1\nLoaded image: one:latest\n");
    assert_eq!(bench.files("b"), bench.files("a"));
    assert_eq!(bench.names("b"), bench.names("a"));
    // What is loaded is saved as the same bytes, in any order, also to standard output.
    bench.run("b", &["save", "both:1", "one", "-o", "y.tar"]);
    let first = fs::read(bench.path("x.tar")).unwrap();
    assert_eq!(fs::read(bench.path("y.tar")).unwrap(), first);
    let output = bench.output("b", &["save", "both:1", "one"], None);
    assert!(output.stdout == first);
    // Loaded once more nothing changes.
    bench.run("b", &["load", "-i", "x.tar"]);
    assert_eq!(bench.files("b"), bench.files("a"));

    let told = bench.feed("c", &["load", "-q"], Some(&first));
    let names = bench.names("a");
    assert_eq!(told, format!("{}\n{}\n", names[BOTH], names[ONE]));
    assert_eq!(bench.files("c"), bench.files("a"));
    let told = bench.feed("d", &["load", "--format", "json", "-"], Some(&gzip(&first)));
    assert_eq!(bench.files("d"), bench.files("a"));
    let rows: Vec<serde_json::Value> = told
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows[0]["names"][0], "both:1");
    assert_eq!(rows[0]["digest"], *names[BOTH]);
    let platforms = ["linux/amd64", "windows(10.0.20348.1)/amd64"];
    assert_eq!(rows[0]["platforms"], serde_json::json!(platforms));
    // A store is a layout too.
    bench.run("e", &["load", "a"]);
    assert_eq!(bench.names("e"), bench.names("a"));
}

/// Images are read where they are in an archive, in every way to name one.
#[test]
fn in_place() {
    let bench = Bench::new();
    bench.build();
    bench.run("a", &["save", "both:1", "one", "-o", "x.tar"]);
    let compressed = gzip(&fs::read(bench.path("x.tar")).unwrap());
    bench.write("x.tar.gz", compressed);
    let absolute = bench.path("x.tar");
    let absolute = format!("{}:one", absolute.display());
    for image in [
        "./x.tar:one",
        "oci-archive://x.tar:one:latest",
        "docker-archive://x.tar:docker.io/library/one",
        "./x.tar.gz:one",
        &absolute,
        "./x.tar:both:1",
    ] {
        let content = bench.run("b", &["cat", "--platform", "linux/amd64", image, "/dir/x"]);
        assert_eq!(content, "content of x\n", "{image}");
    }
    let windows = ["--platform", "windows/amd64", "./x.tar:both:1", r"C:\dir\x"];
    let content = bench.run("b", &[&["cat"][..], &windows].concat());
    assert_eq!(content, "content of x\n");
    // The layers were indexed, and nothing else is in the store.
    let blobs = fs::read_dir(bench.path("b/blobs/sha256")).unwrap();
    assert_eq!(blobs.count(), 0);

    let told = bench.fail("b", &["cat", "./x.tar", "/y"], 1);
    assert!(told.contains("its images are both:1, one:latest"), "{told}");
    let told = bench.fail("b", &["cat", "./x.tar:two", "/y"], 1);
    assert!(told.contains("no image is called \"two\""), "{told}");
    let told = bench.fail("b", &["cat", "./none.tar", "/y"], 1);
    assert!(told.contains("none.tar"), "{told}");
    let told = bench.fail("b", &["cat", "./context", "/y"], 1);
    assert!(told.contains("is not an OCI image layout"), "{told}");

    // A build begins with one, too.
    bench.write(
        "context/Dockerfile",
        "FROM oci-archive://x.tar:one\nCOPY --from=docker-archive://x.tar.gz:one /y /z\n",
    );
    bench.run(
        "b",
        &[
            "build",
            "-t",
            "more",
            "--platform",
            "linux/amd64",
            "context",
        ],
    );
    assert_eq!(
        bench.run("b", &["cat", "more", "/z", "/y"]),
        "content of x\n".repeat(2)
    );
}

#[test]
fn docker_archives() {
    let bench = Bench::new();
    let layer = tar(&[("etc/", b""), ("etc/name", b"old\n")]);
    let archive = old_docker_archive(&layer);
    bench.write("old.tar", &archive);
    assert_eq!(bench.run("a", &["cat", "./old.tar", "/etc/name"]), "old\n");
    let told = bench.run("a", &["load", "old.tar"]);
    assert_eq!(
        told,
        "Loaded image: old:1\nLoaded image: localhost:5000/old:2\n"
    );
    assert_eq!(
        bench.run("a", &["cat", "localhost:5000/old:2", "/etc/name"]),
        "old\n"
    );
    let blob = bench.path("a/blobs/sha256").join(hex(&layer));
    assert_eq!(fs::read(blob).unwrap(), layer);

    // The same layers in the forms in which docker reads them.
    for format in ["all", "docker", "oci"] {
        bench.run("a", &["save", "--format", format, "old:1", "-o", "new.tar"]);
        let new = String::from_utf8_lossy(&fs::read(bench.path("new.tar")).unwrap()).into_owned();
        assert_eq!(new.contains(r#""RepoTags":["old:1"]"#), format != "oci");
        let store = format!("store-{format}");
        assert_eq!(
            bench.run(&store, &["load", "new.tar"]),
            "Loaded image: old:1\n"
        );
        assert_eq!(bench.files(&store), bench.files("a"));
    }
}

/// Of an index docker gets one image; `--platform` chooses which one is in the archive.
#[test]
fn parts_of_an_index() {
    let bench = Bench::new();
    bench.build();
    let windows = ["--platform", "windows/amd64", "both:1", "-o", "x.tar"];
    bench.run("a", &[&["save"][..], &windows].concat());
    let told = bench.run("b", &["load", "--format", "json", "x.tar"]);
    let row: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        row["platforms"],
        serde_json::json!(["windows(10.0.20348.1)/amd64"])
    );
    let content = bench.run("b", &["cat", "both:1", "y"]);
    assert_eq!(content, "content of x\n");
    let plan9 = ["--platform", "plan9/amd64", "./x.tar", "-o", "y.tar"];
    bench.fail("a", &[&["save"][..], &plan9].concat(), 1);
    bench.fail(
        "a",
        &["save", "none-such-image-is-there@sha256:12", "-o", "y.tar"],
        1,
    );
    assert!(!bench.path("y.tar").exists());
    let told = bench.fail("a", &["save", "one", "-o", "context"], 4);
    assert!(told.contains("context"), "{told}");
}

/// Tars of root file systems, for Linux and for Windows in both forms.
#[test]
fn root_file_systems() {
    let bench = Bench::new();
    let plain = tar(&[("etc/", b""), ("etc/name", b"root\n")]);
    bench.write("root.tar", &plain);
    bench.write("root.tar.gz", gzip(&plain));
    let created = |store: &str, image: &str| {
        let raw = bench.run(store, &["inspect", "--config", image]);
        let config: serde_json::Value = serde_json::from_str(&raw).unwrap();
        (
            config["created"].as_str().unwrap().to_owned(),
            config["history"].as_array().unwrap().len(),
        )
    };
    // The time that `tar` gives.
    let newest = "2023-11-13T17:12:32Z";
    for file in ["root.tar", "root.tar.gz"] {
        let arguments = [
            "load", "--os", "linux", "--arch", "amd64", "-t", "root:1", file,
        ];
        assert_eq!(bench.run("a", &arguments), "Loaded image: root:1\n");
        assert_eq!(bench.run("a", &["cat", "root:1", "/etc/name"]), "root\n");
        let bytes = fs::read(bench.path(file)).unwrap();
        let blob = bench.path("a/blobs/sha256").join(hex(&bytes));
        assert_eq!(fs::read(blob).unwrap(), bytes);
        assert_eq!(created("a", "root:1").1, 1);
        assert_eq!(created("a", "root:1").0, newest);
    }
    let windows = ["load", "--os", "windows", "--arch", "amd64"];
    let version = ["--os-version", "10.0.20348.1", "-t", "win"];
    let convert = [&windows[..], &version, &["root.tar.gz"]].concat();
    assert_eq!(bench.run("a", &convert), "Loaded image: win:latest\n");
    assert_eq!(bench.run("a", &["cat", "win", r"C:\ETC\name"]), "root\n");
    assert_eq!(created("a", "win").1, 2);
    // The same as a build makes of it.
    fs::create_dir(bench.path("context")).unwrap();
    bench.write("context/root.tar", &plain);
    bench.write("context/Dockerfile", "FROM scratch\nADD root.tar /\n");
    let platform = "windows(10.0.20348.1)/amd64";
    bench.run(
        "a",
        &["build", "-t", "built", "--platform", platform, "context"],
    );
    let layers = |image: &str| {
        let raw = bench.run("a", &["inspect", "--config", image]);
        let config: serde_json::Value = serde_json::from_str(&raw).unwrap();
        config["rootfs"]["diff_ids"].clone()
    };
    assert_eq!(layers("win"), layers("built"));

    // What is a layer for Windows already stays as it is; also from standard input.
    let layer = tar(&[
        ("Files/", b""),
        ("Files/name", b"layer\n"),
        ("Hives/", b""),
        ("Hives/System_Delta", b"hive"),
    ]);
    bench.write("layer.tar", &layer);
    let stdin = [&windows[..], &["-t", "layer", "-q"]].concat();
    let digest = bench.feed("b", &stdin, Some(&layer));
    assert!(bench.path("b/blobs/sha256").join(hex(&layer)).exists());
    let named = [&windows[..], &["-t", "layer", "layer.tar"]].concat();
    bench.run("b", &named);
    assert_eq!(bench.run("b", &["cat", "layer", "name"]), "layer\n");
    assert!(digest.starts_with("sha256:"));
}

#[test]
fn what_cannot_be_loaded() {
    let bench = Bench::new();
    let plain = tar(&[("etc/name", b"root\n")]);
    bench.write("root.tar", &plain);
    bench.write("text", "FROM scratch\n");
    let layer = tar(&[("x", b"x")]);
    let archive = old_docker_archive(&layer);
    bench.write("old.tar", &archive);
    let check = |arguments: &[&str], code: i32, expected: &str| {
        let told = bench.fail("a", &[&["load"], arguments].concat(), code);
        assert!(told.contains(expected), "{told}");
    };
    check(&["none.tar"], 1, "none.tar");
    check(&["root.tar"], 1, "--os linux -t NAME");
    check(&["text"], 1, "is no archive of images: it is no tar");
    check(&["."], 1, "is not an OCI image layout");
    check(&["--os", "linux", "root.tar"], 1, "needs a name");
    check(&["--os", "plan9", "-t", "x", "root.tar"], 1, "plan9");
    check(&["--os", "linux", "-t", "x", "text"], 3, "text");
    check(
        &["--os", "linux", "-t", "x", "old.tar"],
        1,
        "leave out --os",
    );
    check(&["-t", "x@sha256:12", "old.tar"], 1, "-t");
    check(&["--arch", "amd64", "old.tar"], 2, "--os");
    // Standard input that is empty.
    check(&[], 1, "standard input");

    // Each byte of the layer counts, and what fails gives no name.
    let place = archive
        .windows(layer.len())
        .position(|part| part == layer)
        .unwrap();
    let mut damaged = archive.clone();
    damaged[place + 512] ^= 1;
    bench.write("damaged.tar", &damaged);
    check(&["damaged.tar"], 3, "damaged.tar");
    bench.write("cut.tar", &archive[..archive.len() / 2]);
    check(&["cut.tar"], 1, "");
    bench.write("cut.tar.gz", &gzip(&archive)[..200]);
    check(&["cut.tar.gz"], 3, "cannot be decompressed");
    assert!(names_are_empty(&bench.path("a")));

    // Names for what has none.
    let list = r#""RepoTags":["old:1","localhost:5000/old:2"]"#;
    let nameless = format!("{:<1$}", r#""RepoTags":null"#, list.len());
    let text: Vec<u8> = {
        let at = archive
            .windows(list.len())
            .position(|part| part == list.as_bytes())
            .unwrap();
        let mut bytes = archive.clone();
        bytes[at..at + list.len()].copy_from_slice(nameless.as_bytes());
        bytes
    };
    bench.write("nameless.tar", &text);
    check(&["nameless.tar"], 1, "give it one with -t NAME");
    let told = bench.run(
        "a",
        &["load", "-t", "given", "-t", "more:2", "nameless.tar"],
    );
    assert_eq!(told, "Loaded image: given:latest\nLoaded image: more:2\n");
}

fn names_are_empty(store: &Path) -> bool {
    let index = fs::read(store.join("index.json")).unwrap();
    let index: serde_json::Value = serde_json::from_slice(&index).unwrap();
    index["manifests"].as_array().unwrap().is_empty()
}
