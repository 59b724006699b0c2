//! The rules of this repository, as tests. CONTRIBUTING.md gives their reasons.
//!
//! They read the sources as text: what a rule forbids is found in code, not in comments or strings.

mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use source::{code_of, macro_calls, words};

/// Which crate may use which: normal dependencies. Every crate must be listed.
const MAY_USE: &[(&str, &[&str])] = &[
    ("image", &[]),
    ("host", &[]),
    ("layer", &["image"]),
    ("remote", &["image"]),
    ("graph", &["image"]),
    ("store", &["image", "host"]),
    ("dockerfile", &["image", "graph"]),
    (
        "build",
        &[
            "image",
            "host",
            "layer",
            "remote",
            "graph",
            "store",
            "dockerfile",
        ],
    ),
    ("cli", &["build", "dockerfile", "host"]),
];

/// Crates that read no files, network, clock or environment: they ask their caller.
const PURE: &[&str] = &["image", "layer", "graph", "dockerfile"];

/// What a pure crate may not name.
const IMPURE: &[&str] = &[
    "std::fs",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "ToSocketAddrs",
    "std::env",
    "std::process",
    "std::path",
    "SystemTime::now",
    "Instant::now",
];

/// A name that says nothing about what is in the file, and so attracts everything.
const EMPTY_NAMES: &[&str] = &[
    "util", "utils", "common", "core", "helper", "helpers", "manager", "misc",
];

/// Lines that a source file may have. Tests and tables may have more.
const MAX_LINES: usize = 800;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files under `folder` whose name ends in `suffix`, in order of their paths.
fn files(folder: &Path, suffix: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let entry = entry.expect("a folder's entry");
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type().expect("its type").is_dir() {
                if !["target", "corpus", "artifacts", ".git", ".work"].contains(&name.as_str()) {
                    folders.push(entry.path());
                }
            } else if name.ends_with(suffix) {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

/// The crates by the names of their folders.
fn crates() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(repository().join("crates"))
        .expect("crates/")
        .map(|entry| entry.expect("a folder's entry").path())
        .filter(|path| path.join("Cargo.toml").exists())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Whether `path` holds tests only: `tests.rs`, or anything in a folder `tests` or `benches`.
fn is_test(path: &Path) -> bool {
    path.components().any(|part| {
        let part = part.as_os_str().to_string_lossy();
        matches!(part.as_ref(), "tests" | "tests.rs" | "benches") || part.ends_with("_tests.rs")
    })
}

/// Whether `path` is a table written by a tool or taken from a standard.
fn is_table(path: &Path) -> bool {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    stem.ends_with("table") || stem.ends_with("tables")
}

/// The sources of the crates (not their tests) with the crate's name.
fn sources() -> Vec<(String, PathBuf)> {
    crates()
        .into_iter()
        .flat_map(|name| {
            let folder = repository().join("crates").join(&name).join("src");
            files(&folder, ".rs")
                .into_iter()
                .map(move |path| (name.clone(), path))
        })
        .filter(|(_, path)| !is_test(path))
        .collect()
}

/// `path` as seen from the repository's root, for messages.
fn shown(path: &Path) -> String {
    path.strip_prefix(repository())
        .unwrap_or(path)
        .display()
        .to_string()
}

/// Fails with all `problems` at once, after the rule that they break.
#[track_caller]
fn none(rule: &str, problems: Vec<String>) {
    assert!(problems.is_empty(), "{rule}\n  {}", problems.join("\n  "));
}

/// The names of the tables of a Cargo.toml with the keys that each has.
fn tables(manifest: &str) -> BTreeMap<String, Vec<String>> {
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut current = String::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            current = name.to_owned();
            tables.entry(current.clone()).or_default();
        } else if let Some((key, _)) = line.split_once('=')
            && !line.starts_with('#')
        {
            let key = key.trim().trim_matches('"').to_owned();
            tables.entry(current.clone()).or_default().push(key);
        }
    }
    tables
}

/// The crates of ours that a Cargo.toml names as normal dependencies, without the `crossdock-`.
fn own_dependencies(manifest: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (table, keys) in tables(manifest) {
        let normal = table == "dependencies"
            || table.ends_with(".dependencies") && table.starts_with("target.");
        let in_header = table.strip_prefix("dependencies.");
        let names = keys
            .iter()
            .filter(|_| normal)
            .map(String::as_str)
            .chain(in_header);
        for name in names {
            let name = name.split('.').next().unwrap_or_default();
            if let Some(name) = name.strip_prefix("crossdock-") {
                found.insert(name.to_owned());
            }
        }
    }
    found
}

#[test]
fn crates_use_only_what_they_may() {
    let allowed: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    let mut problems = Vec::new();
    for name in crates() {
        let manifest = read(&repository().join("crates").join(&name).join("Cargo.toml"));
        let Some(allowed) = allowed.get(name.as_str()) else {
            problems.push(format!(
                "crates/{name} is new: give it a sentence in ARCHITECTURE.md and a line in MAY_USE"
            ));
            continue;
        };
        for used in own_dependencies(&manifest) {
            if !allowed.contains(&used.as_str()) {
                problems.push(format!("crates/{name} uses {used}"));
            }
        }
    }
    none(
        "The crates form layers (ARCHITECTURE.md): what two of them need belongs below both, and \
         only `build` may bring together those that do not know one another.",
        problems,
    );
}

#[test]
fn the_judges_share_no_code_with_the_product() {
    let mut problems = Vec::new();
    for path in files(&repository().join("testkit"), "Cargo.toml") {
        for used in own_dependencies(&read(&path)) {
            problems.push(format!("{} uses {used}", shown(&path)));
        }
    }
    none(
        "What generates the tests' images and what judges the results is written on its own from \
         the specifications: else one mistake would be made and approved by the same code.",
        problems,
    );
}

#[test]
fn unsafe_code_is_in_host_alone() {
    let mut problems = Vec::new();
    for name in crates().into_iter().filter(|name| name != "host") {
        let manifest = read(&repository().join("crates").join(&name).join("Cargo.toml"));
        let inherits = tables(&manifest)
            .get("lints")
            .is_some_and(|keys| keys.iter().any(|key| key == "workspace"));
        if !inherits {
            problems.push(format!(
                "crates/{name}/Cargo.toml does not have [lints] workspace = true"
            ));
        }
    }
    for (name, path) in sources() {
        if name != "host" && words(&code_of(&read(&path))).any(|(_, word)| word == "unsafe") {
            problems.push(shown(&path));
        }
    }
    none(
        "`unsafe` is for crates/host, where each block has a SAFETY comment and a test: the other \
         crates read bytes from strangers and stay memory safe by construction.",
        problems,
    );
}

#[test]
fn privileges_stay_as_they_are() {
    let mut problems = Vec::new();
    for (_, path) in sources() {
        let code = code_of(&read(&path));
        for call in [
            "AdjustTokenPrivileges",
            "RtlAdjustPrivilege",
            "NtAdjustPrivilegesToken",
            "ZwAdjustPrivilegesToken",
        ] {
            if words(&code).any(|(_, word)| word == call) {
                problems.push(format!("{}: {call}", shown(&path)));
            }
        }
    }
    none(
        "The program works with the rights that its user gave it: privileges of Windows are never \
         enabled for the process, as that would be for all its threads and files.",
        problems,
    );
}

#[test]
fn the_host_system_matters_in_host_alone() {
    let mut problems = Vec::new();
    for (name, path) in sources() {
        if name == "host" {
            continue;
        }
        let code = code_of(&read(&path));
        for line in source::host_conditions(&code) {
            problems.push(format!("{}:{line}", shown(&path)));
        }
    }
    none(
        "The operating system of an image is a value; that of the host is a `cfg` and appears in \
         crates/host alone, so that the same inputs give the same bytes on every host. Ask `host` \
         for what differs.",
        problems,
    );
}

#[test]
fn pure_crates_ask_their_caller() {
    let mut problems = Vec::new();
    for (name, path) in sources() {
        if !PURE.contains(&name.as_str()) {
            continue;
        }
        let code = code_of(&read(&path));
        for (number, line) in code.lines().enumerate() {
            for impure in IMPURE.iter().filter(|impure| line.contains(**impure)) {
                problems.push(format!("{}:{}: {impure}", shown(&path), number + 1));
            }
        }
    }
    none(
        "image, layer, graph and dockerfile read no files, network, clock or environment: they are \
         given bytes and ask for what is missing, which is why they can be fuzzed and give the \
         same result on every host.",
        problems,
    );
}

#[test]
fn only_the_command_line_prints() {
    let mut problems = Vec::new();
    for (name, path) in sources() {
        if name == "cli" || path.ends_with("build.rs") {
            continue;
        }
        let code = code_of(&read(&path));
        for (line, called) in macro_calls(&code) {
            if matches!(called, "print" | "println" | "eprint" | "eprintln") {
                problems.push(format!("{}:{line}: {called}!", shown(&path)));
            }
        }
    }
    none(
        "Only crates/cli prints: the others return values and events, so that a program may use \
         them.",
        problems,
    );
}

#[test]
fn nothing_is_left_unfinished() {
    let mut problems = Vec::new();
    for path in files(&repository().join("crates"), ".rs") {
        let code = code_of(&read(&path));
        for (line, called) in macro_calls(&code) {
            if matches!(called, "todo" | "unimplemented" | "dbg") {
                problems.push(format!("{}:{line}: {called}!", shown(&path)));
            }
        }
    }
    none(
        "What is not there yet is an error with a message for the user, never a panic; `dbg!` is \
         for the moment of looking.",
        problems,
    );
}

#[test]
fn files_are_short() {
    let mut problems = Vec::new();
    for (_, path) in sources() {
        let lines = read(&path).lines().count();
        if lines > MAX_LINES && !is_table(&path) {
            problems.push(format!("{}: {lines} lines", shown(&path)));
        }
    }
    none(
        "A source file has one subject and at most 800 lines (500 is better). Split it by subject; \
         tests go to a sibling tests.rs, tables to a file whose name ends in `table`.",
        problems,
    );
}

#[test]
fn names_say_what_is_inside() {
    let mut problems = Vec::new();
    for path in files(&repository().join("crates"), ".rs") {
        let named = path
            .components()
            .map(|part| part.as_os_str().to_string_lossy().into_owned())
            .any(|part| EMPTY_NAMES.contains(&part.trim_end_matches(".rs")));
        if named {
            problems.push(shown(&path));
        }
    }
    none(
        "A module is named after what it holds. `utils`, `common`, `core`, `helpers`, `manager` \
         hold anything.",
        problems,
    );
}

#[test]
fn flate2_has_one_back_end() {
    let mut problems = Vec::new();
    for lock in ["Cargo.lock", "fuzz/Cargo.lock"] {
        let text = read(&repository().join(lock));
        for package in text.split("[[package]]") {
            if !package.contains("name = \"flate2\"") {
                continue;
            }
            let dependencies = package
                .split_once("dependencies = [")
                .map_or("", |(_, rest)| rest);
            if !dependencies.contains("\"zlib-rs\"") {
                problems.push(format!("{lock}: flate2 does not use zlib-rs"));
            }
            for other in [
                "miniz_oxide",
                "libz-sys",
                "libz-ng-sys",
                "cloudflare-zlib-sys",
            ] {
                if dependencies.contains(other) {
                    problems.push(format!("{lock}: flate2 uses {other}"));
                }
            }
        }
    }
    none(
        "Compressed bytes must be the same on every host, and flate2's back ends compress \
         differently. Cargo unifies features: find who asks with `cargo tree -e features -i flate2`.",
        problems,
    );
}

#[test]
fn every_fuzz_target_is_built_and_has_seeds() {
    let fuzz = repository().join("fuzz");
    let manifest = read(&fuzz.join("Cargo.toml"));
    let mut problems = Vec::new();
    let mut targets = BTreeSet::new();
    for path in files(&fuzz.join("fuzz_targets"), ".rs") {
        let target = path.file_stem().unwrap().to_string_lossy().into_owned();
        if !manifest.contains(&format!("path = \"fuzz_targets/{target}.rs\"")) {
            problems.push(format!("{target}: no [[bin]] in fuzz/Cargo.toml"));
        }
        if files(&fuzz.join("seeds").join(&target), "").is_empty() {
            problems.push(format!("{target}: no seeds in fuzz/seeds/{target}"));
        }
        targets.insert(target);
    }
    for line in manifest.lines() {
        let path = line.strip_prefix("path = \"fuzz_targets/");
        if let Some(target) = path.and_then(|rest| rest.strip_suffix(".rs\""))
            && !targets.contains(target)
        {
            problems.push(format!("{target}: its [[bin]] has no file"));
        }
    }
    assert!(!targets.is_empty(), "no fuzz targets found");
    none(
        "A fuzz target is a file in fuzz/fuzz_targets, a [[bin]] in fuzz/Cargo.toml, and valid \
         inputs to start from in fuzz/seeds.",
        problems,
    );
}

#[test]
fn nothing_refers_to_a_developers_machine() {
    // Put together here, so that this file does not contain them.
    let forbidden = ["shared", "main", ".library", ".mirror"].map(|name| format!("/work/{name}"));
    let mut problems = Vec::new();
    for path in files(&repository(), "") {
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        for forbidden in forbidden
            .iter()
            .filter(|folder| text.contains(folder.as_str()))
        {
            problems.push(format!("{}: {forbidden}", shown(&path)));
        }
    }
    none(
        "The repository stands for itself: no file may refer to a folder of the machine that it \
         was written on.",
        problems,
    );
}
