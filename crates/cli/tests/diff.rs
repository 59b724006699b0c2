//! `crossdock diff` as users run it.

mod program;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;

use program::run_in;

/// A folder with a context and a store.
struct Bench {
    folder: tempfile::TempDir,
}

const WINDOWS: &str = "windows(10.0.20348.1)/amd64";
const LINUX: &str = "linux/amd64";

impl Bench {
    fn new() -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::create_dir(bench.path("context")).unwrap();
        bench
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path("context").join(name);
        fs::write(&path, content).unwrap();
        let file = fs::File::options().write(true).open(path).unwrap();
        let time = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        file.set_modified(time).unwrap();
    }

    /// Exit code and both outputs.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        run_in(self.folder.path(), arguments)
    }

    #[track_caller]
    fn build(&self, name: &str, platform: &str, dockerfile: &str) {
        fs::write(self.path("context/Dockerfile"), dockerfile).unwrap();
        let options = ["--on-collision=rename", "--platform", platform];
        let arguments = [&["build", "-q", "-t", name][..], &options, &["context"]].concat();
        let (code, _, err) = self.run(&arguments);
        assert_eq!(code, 0, "{err}");
    }

    #[track_caller]
    fn diff(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.run(&[&["diff"], arguments].concat());
        assert_eq!((code, err.as_str()), (0, ""), "{arguments:?}");
        out
    }

    #[track_caller]
    fn check(&self, arguments: &[&str], expected: &[&str]) {
        let out = self.diff(arguments);
        assert_eq!(out.lines().collect::<Vec<_>>(), expected, "{arguments:?}");
    }

    #[track_caller]
    fn fails(&self, arguments: &[&str], expected: &str) {
        let (code, out, err) = self.run(&[&["diff"], arguments].concat());
        assert_eq!((code, out.as_str()), (1, ""), "{arguments:?}");
        assert!(err.contains(expected), "{err}");
    }
}

/// Two versions of one image for Linux, `app:1` and `app:2`.
fn versions() -> Bench {
    let bench = Bench::new();
    bench.file("same", "same");
    bench.file("text", "one\ntwo\nthree\n");
    bench.file("binary", [0, 1, 2]);
    bench.file("tool", "a tool that moves");
    bench.build(
        "app:1",
        LINUX,
        "FROM scratch\nCOPY --chmod=644 same text binary tool /etc/\nCOPY same /old/a\n\
         COPY same /old/b\nENV A=1\nLABEL l=1\n",
    );
    bench.file("text", "one\n2\nthree\n");
    bench.file("binary", [0, 1, 2, 3]);
    bench.build(
        "app:2",
        LINUX,
        "FROM scratch\nCOPY --chmod=644 text binary /etc/\nCOPY --chmod=600 same /etc/\n\
         COPY --chmod=644 tool /bin/\nCOPY text /new/a\nCOPY text /new/b\nENV A=2\nUSER app\n",
    );
    bench
}

#[test]
fn lines_and_sums() {
    let bench = versions();
    let files = [
        "A /bin/",
        "R /etc/tool → /bin/tool",
        "M /etc/binary  content 3B → 4B",
        "M /etc/same  mode 0644 → 0600",
        "M /etc/text  content 14B → 12B",
        "A /new/  2 entries, 24B",
        "D /old/  2 entries, 8B",
    ];
    let config = [
        "",
        "Config:",
        "M env A  1 → 2",
        "D label l  1",
        "A user  app",
    ];
    let sums = "4 added (24B), 3 removed (8B), 3 changed (-1B), 1 renamed";
    let with_config = format!("{sums}, 3 of the config");
    let whole = [&files[..], &config, &["", &with_config]].concat();
    bench.check(&["app:1", "app:2"], &whole);
    bench.check(
        &["--no-config", "app:1", "app:2"],
        &[&files[..], &["", sums]].concat(),
    );
    bench.check(
        &["app:1", "app:2", "/etc/same", "/bin/tool"],
        &[
            "M /etc/same  mode 0644 → 0600",
            "A /bin/tool  17B",
            "",
            "1 added (17B), 1 changed",
        ],
    );
    bench.check(
        &["app:1:/old", "app:2:/new", "--ignore", "content"],
        &["No differences"],
    );
    bench.check(&["app:1", "app:1"], &["No differences"]);
    bench.check(
        &["--name-only", "app:1", "app:2"],
        &[
            "/bin",
            "/bin/tool",
            "/etc/binary",
            "/etc/same",
            "/etc/text",
            "/new",
            "/old",
        ],
    );
    bench.check(
        &[
            "--ignore=content,mode",
            "-R",
            "--no-renames",
            "app:1",
            "app:2",
            "/etc",
            "/old",
        ],
        &[
            "D /etc/tool  17B",
            "D /old/",
            "D /old/a  4B",
            "D /old/b  4B",
            "",
            "4 removed (25B)",
        ],
    );
    // As git's, and not as diff's: 1 is also what a failure is told with.
    let (code, out, _) = bench.run(&["diff", "--exit-code", "app:1", "app:2"]);
    assert_eq!(code, 1);
    assert!(out.ends_with("of the config\n"), "{out}");
    assert_eq!(bench.run(&["diff", "--exit-code", "app:1", "app:1"]).0, 0);
}

#[test]
fn texts() {
    let bench = versions();
    bench.check(
        &[
            "--content",
            "--no-config",
            "app:1",
            "app:2",
            "/etc",
            "/new/a",
            "/old/a",
        ],
        &[
            "M /etc/binary  content 3B → 4B",
            "Binary files differ, 3B → 4B",
            "M /etc/same  mode 0644 → 0600",
            "M /etc/text  content 14B → 12B",
            "--- /etc/text",
            "+++ /etc/text",
            "@@ -1,3 +1,3 @@",
            " one",
            "-two",
            "+2",
            " three",
            "D /etc/tool  17B",
            "--- /etc/tool",
            "+++ /dev/null",
            "@@ -1 +0,0 @@",
            "-a tool that moves",
            "\\ No newline at end of file",
            "A /new/a  12B",
            "--- /dev/null",
            "+++ /new/a",
            "@@ -0,0 +1,3 @@",
            "+one",
            "+2",
            "+three",
            "D /old/a  4B",
            "--- /old/a",
            "+++ /dev/null",
            "@@ -1 +0,0 @@",
            "-same",
            "\\ No newline at end of file",
            "",
            "1 added (12B), 2 removed (21B), 3 changed (-1B)",
        ],
    );
    bench.check(
        &["--content", "-U0", "app:1", "app:2", "/etc/text"],
        &[
            "M /etc/text  content 14B → 12B",
            "--- /etc/text",
            "+++ /etc/text",
            "@@ -2 +2 @@",
            "-two",
            "+2",
            "",
            "1 changed (-2B)",
        ],
    );
    bench.check(
        &[
            "--content",
            "--content-limit=13",
            "app:1",
            "app:2",
            "/etc/text",
        ],
        &[
            "M /etc/text  content 14B → 12B",
            "Too large to be compared as text (--content-limit), 14B → 12B",
            "",
            "1 changed (-2B)",
        ],
    );
}

#[test]
fn objects() {
    let bench = versions();
    let out = bench.diff(&["--format=json", "--content", "app:1", "app:2"]);
    let rows: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let row = |path: &str| rows.iter().find(|row| row["path"] == path).unwrap();
    let same = row("/etc/same");
    assert_eq!(same["change"], "changed");
    assert_eq!(same["kind"], "file");
    assert_eq!(same["fields"]["mode"]["from"], "0644");
    assert_eq!(same["fields"]["mode"]["to"], "0600");
    let text = row("/etc/text");
    assert_eq!(text["fields"]["size"]["to"], 12);
    let hash = text["fields"]["content"]["from"].as_str().unwrap();
    assert!(hash.starts_with("blake3:") && hash.len() == 71, "{hash}");
    assert_eq!(text["diff"][2], "-two");
    assert_eq!(row("/bin/tool")["old_path"], "/etc/tool");
    assert_eq!(row("/bin/tool")["change"], "renamed");
    let env = rows.iter().find(|row| row["change"] == "config").unwrap();
    assert_eq!(
        (&env["field"], &env["name"], &env["from"], &env["to"]),
        (&"env".into(), &"A".into(), &"1".into(), &"2".into())
    );
    let summary = rows.last().unwrap();
    assert_eq!(summary["change"], "summary");
    assert_eq!(summary["added"], 4);
    assert_eq!(summary["changed_bytes"], -1);
    let out = bench.diff(&["--format=json", "app:1", "app:2", "/old"]);
    let row: Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    assert_eq!((&row["entries"], &row["bytes"]), (&2.into(), &8.into()));
}

#[test]
fn layers() {
    let bench = versions();
    let layer = |layer: &str| bench.diff(&["--layer", layer, "app:1"]);
    assert_eq!(layer("2"), "A /old/  1 entry, 4B\n\n2 added (4B)\n");
    assert_eq!(layer("1"), "A /etc/  4 entries, 38B\n\n5 added (38B)\n");
    bench.check(
        &["--layer=3", "app:1", "/old"],
        &["A /old/b  4B", "", "1 added (4B)"],
    );
    let history = bench.run(&["history", "-q", "--no-trunc", "app:1"]).1;
    let digest = history.lines().next().unwrap();
    assert_eq!(layer(digest), layer("3"));
    assert_eq!(layer(&digest["sha256:".len()..][..12]), layer("3"));
    bench.fails(&["--layer", "4", "app:1"], "app:1 has 3 layers");
    bench.fails(&["--layer", "0", "app:1"], "number from 1");
}

#[test]
fn what_is_asked_for() {
    let bench = versions();
    bench.build(
        "app:both",
        "linux/amd64,linux/arm64",
        "FROM scratch\nCOPY same /\n",
    );
    let platforms = ["--platform=linux/amd64", "--platform=linux/arm64"];
    let lines = ["Config:", "M architecture  amd64 → arm64"];
    let with = |more: &[&'static str]| [&platforms[..], more].concat();
    bench.check(
        &with(&["app:both"]),
        &[&lines[..], &["M variant", "", "1 of the config"][1..]].concat(),
    );
    bench.check(&with(&["app:both", "/same"]), &["No differences"]);
    bench.check(&with(&["app:both:/same"]), &["No differences"]);
    bench.fails(&["app:1"], "name a second image");
    bench.fails(&["app:1", "app:2", "/none"], "not found");
    bench.fails(&["app:1:/etc", "app:2", "/old"], "not both");
}

/// What crossdock copies to the other system is what it was, in both directions.
#[test]
fn copies_to_the_other_system() {
    let bench = Bench::new();
    crossdock_fixtures::linux_base(&bench.path("linux"), 2).unwrap();
    crossdock_fixtures::windows_base(&bench.path("windows"), 100).unwrap();
    let (linux, windows) = ("oci-layout://linux:gzip", "oci-layout://windows:gzip");
    bench.build(
        "to-windows",
        WINDOWS,
        &format!("FROM scratch\nCOPY --from={linux} /opt /copy/opt/\n"),
    );
    // The directory into which it is copied is made, and is none of the copies.
    let no_times = ["--ignore", "metadata", "--no-config"];
    let (old, new) = (
        format!("{linux}:/opt"),
        r"to-windows:C:\copy\opt".to_owned(),
    );
    bench.check(
        &[&no_times[..], &[&old, &new]].concat(),
        &["No differences"],
    );
    let listed = bench.run(&["ls", "-a", linux, "/opt"]).1;
    let names: Vec<&str> = listed
        .lines()
        .filter(|name| !matches!(*name, "." | ".."))
        .collect();
    assert!(names.len() > 5, "{listed}");
    for name in names {
        let (old, new) = (format!("{old}/{name}"), format!(r"{new}\{name}"));
        let mut options = Vec::new();
        if name == "hard" {
            // NTFS has at most 1,024 names for a file, so that the 1,100 became those of two.
            let out = bench.diff(&[&old, &new]);
            assert!(out.ends_with("\n\n1100 changed\n"), "{out}");
            options.push("--ignore=hard-links");
        }
        bench.check(&[&options[..], &[&old, &new]].concat(), &["No differences"]);
        bench.check(&[&options[..], &[&new, &old]].concat(), &["No differences"]);
    }

    let programs = "/Program Files";
    bench.build(
        "to-linux",
        LINUX,
        &format!("FROM scratch\nCOPY --from={windows} [\"{programs}\", \"/copy/programs/\"]\n"),
    );
    let (old, new) = (
        format!("{windows}:{programs}"),
        "to-linux:/copy/programs".to_owned(),
    );
    bench.check(
        &[&no_times[..], &[&old, &new]].concat(),
        &["No differences"],
    );
    let listed = bench.run(&["ls", "-a", windows, programs]).1;
    let names: Vec<&str> = listed
        .lines()
        .filter(|name| !matches!(*name, "." | ".."))
        .collect();
    assert!(!names.is_empty());
    for name in names {
        let (old, new) = (format!("{old}/{name}"), format!("{new}/{name}"));
        bench.check(&[&old, &new], &["No differences"]);
        bench.check(&[&new, &old], &["No differences"]);
    }
}

/// Of images of two systems it is told what could not be compared.
#[test]
fn across_systems() {
    let bench = Bench::new();
    bench.file("Text", "a\r\nb\r\n");
    bench.build("win", WINDOWS, "FROM scratch\nCOPY Text /app/\n");
    bench.file("lower", "a\r\nc\r\n");
    bench.build("lin", LINUX, "FROM scratch\nCOPY lower /app/text\n");
    let out = bench.diff(&["lin", "win", "/app", "--content", "--no-times"]);
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(
        lines[..7],
        [
            r"M C:\app\Text  content, name text → Text",
            "--- /app/text",
            r"+++ C:\app\Text",
            "@@ -1,2 +1,2 @@",
            " a",
            "-c",
            "+b",
        ],
        "{out}"
    );
    let json = bench.diff(&["lin", "win", "/app", "--format=json"]);
    let row: Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(row["old_path"], "/app/text");
    assert_eq!(row["path"], r"C:\app\Text");
    let config = bench.diff(&["lin", "win", "--ignore=metadata"]);
    assert!(
        config.contains("\nM os  linux → windows\nA os.version  10.0.20348.1\n"),
        "{config}"
    );
}
