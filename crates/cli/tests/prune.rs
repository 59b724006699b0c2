//! `crossdock prune` as users run it.

mod program;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use program::run_in;

/// A folder with a context and a store beside it.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::create_dir(bench.path("context")).unwrap();
        let dockerfile = "FROM scratch\nCOPY --chmod=644 x /\n";
        fs::write(bench.path("context/Dockerfile"), dockerfile).unwrap();
        bench
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Runs a command, which succeeds; gives both outputs.
    #[track_caller]
    fn run(&self, arguments: &[&str]) -> (String, String) {
        let (code, out, err) = run_in(self.folder.path(), arguments);
        assert_eq!(code, 0, "{err}");
        (out, err)
    }

    /// Builds an image of a context that holds `content`; gives what is told.
    fn build(&self, content: &str) -> String {
        let path = self.path("context/x");
        fs::write(&path, content).unwrap();
        // The time is a part of the layer.
        let file = fs::File::options().write(true).open(path).unwrap();
        let time = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        file.set_modified(time).unwrap();
        let platform = ["--platform", "linux/amd64"];
        self.run(&[&["build", "-t", "app", "context"][..], &platform].concat())
            .1
    }

    fn count(&self, folder: &str) -> usize {
        fs::read_dir(self.path("store").join(folder))
            .unwrap()
            .count()
    }
}

/// The first words of the report's lines.
fn kinds(report: &str) -> Vec<&str> {
    let lines = report.lines().take_while(|line| !line.is_empty());
    lines.map(|line| line.split("  ").next().unwrap()).collect()
}

/// Whether all blobs that the only name leads to are there.
fn is_whole(store: &Path) -> bool {
    let read = |path: PathBuf| -> serde_json::Value {
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    };
    let blob = |descriptor: &serde_json::Value| {
        let digest = descriptor["digest"].as_str().unwrap();
        store.join("blobs").join(digest.replace(':', "/"))
    };
    let index = read(store.join("index.json"));
    let manifest = read(blob(&index["manifests"][0]));
    let layers = manifest["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 1);
    layers
        .iter()
        .chain([&manifest["config"]])
        .all(|part| blob(part).exists())
}

#[test]
fn images_and_results() {
    let bench = Bench::new();
    bench.build("one");
    bench.build("two");
    assert_eq!(bench.count("blobs/sha256"), 6);
    assert!(bench.build("two").contains("CACHED"));

    // The image whose name was taken; its layer is a result that a later build may want.
    let (told, _) = bench.run(&["prune", "--dry-run"]);
    assert_eq!(kinds(&told), ["Blobs"]);
    assert!(told.contains("Total reclaimable space: "), "{told}");
    assert_eq!(bench.count("blobs/sha256"), 6);
    let (done, warnings) = bench.run(&["prune"]);
    assert_eq!(done, told.replace("reclaimable", "reclaimed"));
    assert_eq!(warnings, "");
    assert_eq!(bench.count("blobs/sha256"), 4);
    assert_eq!(bench.run(&["prune"]).0, "Total reclaimed space: 0 B\n");
    for content in ["one", "two"] {
        assert!(bench.build(content).contains("CACHED"), "{content}");
    }

    let (done, _) = bench.run(&["prune", "--all"]);
    let kinds = kinds(&done);
    assert!(kinds.contains(&"Results of builds"), "{done}");
    assert!(kinds.contains(&"Layer indexes"), "{done}");
    assert_eq!(bench.count("crossdock/cache"), 0);
    assert_eq!(bench.count("blobs/sha256"), 3);
    assert!(is_whole(&bench.path("store")));
    assert!(!bench.build("two").contains("CACHED"));
    assert_eq!(bench.count("crossdock/tmp"), 0);
}

#[test]
fn a_new_store() {
    let bench = Bench::new();
    let (told, _) = bench.run(&["prune", "-a"]);
    assert_eq!(told, "Total reclaimed space: 0 B\n");
}
