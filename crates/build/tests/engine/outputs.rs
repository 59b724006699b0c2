//! Where images go.

use std::fs;

use crossdock_build::{ErrorClass, Limits, Output, Store};
use serde_json::Value;

use crate::archive::file;
use crate::bench::{Ask, Bench, Told, archive, layout, stored};

fn bench() -> Bench {
    let bench = Bench::new();
    bench.linux_base("base", &[file("base", 0o644, "base")]);
    bench.file("x", "x");
    bench
}

fn dockerfile(label: &str) -> String {
    format!("FROM oci-layout://base\nCOPY x /\nLABEL a={label}\n")
}

fn names(bench: &Bench, layout: &str) -> Vec<(String, String)> {
    let bytes = fs::read(bench.path(layout).join("index.json")).unwrap();
    let index: Value = serde_json::from_slice(&bytes).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let entries = index["manifests"].as_array().unwrap().iter();
    entries
        .map(|entry| {
            let annotations = &entry["annotations"];
            (
                text(&annotations["org.opencontainers.image.ref.name"]),
                text(&annotations["io.containerd.image.name"]),
            )
        })
        .collect()
}

#[test]
fn layouts() {
    let bench = bench();
    let build = |label: &str, names: &[&str]| {
        let ask = Ask {
            names,
            outputs: Some(vec![layout(bench.path("images"))]),
            ..Ask::default()
        };
        bench.build(&dockerfile(label), ask).unwrap().digest
    };
    let pair = |tag: &str, name: &str| (tag.to_owned(), name.to_owned());
    let first = build("1", &["app", "example.org/team/app:1.0"]);
    let both = [
        pair("latest", "docker.io/library/app:latest"),
        pair("1.0", "example.org/team/app:1.0"),
    ];
    assert_eq!(names(&bench, "images"), both);
    // The same again changes nothing; another image takes over its name.
    assert_eq!(build("1", &["app", "example.org/team/app:1.0"]), first);
    assert_eq!(names(&bench, "images"), both);
    let second = build("2", &["app"]);
    assert_ne!(second, first);
    assert_eq!(names(&bench, "images").len(), 2);
    let third = build("3", &["localhost:5000/other:x"]);
    assert_eq!(names(&bench, "images").len(), 3);
    let of = |tag| {
        bench
            .read(&bench.path("images"), Some(tag), Told::default())
            .digest
    };
    assert_eq!([of("latest"), of("1.0"), of("x")], [second, first, third]);
    let nameless = build("4", &[]);
    assert_eq!(names(&bench, "images").len(), 4);
    assert_eq!(build("4", &[]), nameless);
    assert_eq!(names(&bench, "images").len(), 4);
}

/// Files and their content below a folder.
fn content(bench: &Bench, folder: &str) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![bench.path(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push((path.display().to_string(), fs::read(&path).unwrap())),
            }
        }
    }
    found.sort();
    found
}

#[test]
fn refused_outputs() {
    let bench = bench();
    fs::create_dir(bench.path("foreign")).unwrap();
    fs::write(bench.path("foreign/letter.txt"), "dear").unwrap();
    fs::write(bench.path("file"), "file").unwrap();
    fs::create_dir(bench.path("folder")).unwrap();
    let check = |outputs: &[Output], expected: &str| {
        let ask = Ask {
            outputs: Some(outputs.to_vec()),
            ..Ask::default()
        };
        let failed = bench.build(&dockerfile("1"), ask).err().unwrap();
        assert!(failed.text.contains(expected), "{}", failed.text);
        failed.class
    };
    let layout = |name: &str| layout(bench.path(name));
    let occupied = "is neither empty nor an OCI image layout";
    assert_eq!(check(&[layout("foreign")], occupied), ErrorClass::Input);
    assert_eq!(check(&[layout("file")], occupied), ErrorClass::Input);
    assert_eq!(content(&bench, "foreign").len(), 1);
    check(&[archive(bench.path("folder"))], "folder");
    // One that is refused keeps the others from being written.
    check(&[layout("other"), layout("foreign")], occupied);
    assert!(!bench.path("other").exists());
    check(
        &[archive(bench.path("other.tar")), layout("foreign")],
        occupied,
    );
    assert!(!bench.path("other.tar").exists());
}

#[test]
fn failures_leave_outputs_alone() {
    let bench = bench();
    let outputs = || {
        Some(vec![
            layout(bench.path("out-layout")),
            archive(bench.path("app.tar")),
        ])
    };
    let build = |dockerfile: &str, strict: bool, limits: Limits| {
        let ask = Ask {
            outputs: outputs(),
            platform: "windows(10.0.20348.1)/amd64",
            strict,
            limits,
            names: &["app"],
            ..Ask::default()
        };
        bench.build(dockerfile, ask)
    };
    build("FROM scratch\nCOPY x /\n", true, Limits::default()).unwrap();
    let before = (
        content(&bench, "out-layout"),
        fs::read(bench.path("app.tar")).unwrap(),
    );
    let lossy = "FROM --platform=linux/amd64 oci-layout://{linux}:gzip AS linux\n\
                 FROM scratch\nCOPY --from=linux /opt/hard/many/ /many/\n";
    let small = Limits {
        uncompressed: 1000,
        ..Limits::default()
    };
    for (dockerfile, strict, limits, class) in [
        (
            "FROM scratch\nCOPY y /\n",
            false,
            Limits::default(),
            ErrorClass::Input,
        ),
        (lossy, false, small, ErrorClass::Integrity),
        (lossy, true, Limits::default(), ErrorClass::Strict),
        (
            "FROM scratch\nRUN y\n",
            false,
            Limits::default(),
            ErrorClass::Input,
        ),
    ] {
        let failed = build(dockerfile, strict, limits).err().unwrap();
        assert_eq!(failed.class, class, "{}", failed.text);
        let after = (
            content(&bench, "out-layout"),
            fs::read(bench.path("app.tar")).unwrap(),
        );
        assert!(before == after, "{dockerfile}");
    }
}

#[test]
fn archives_and_the_store() {
    let bench = bench();
    let outputs = vec![
        archive(bench.path("a.tar")),
        layout(bench.path("out-layout")),
        archive(bench.path("b.tar")),
        stored(),
    ];
    let ask = Ask {
        outputs: Some(outputs),
        names: &["app:1", "team/app"],
        ..Ask::default()
    };
    let digest = bench.build(&dockerfile("1"), ask).unwrap().digest;
    let archive = fs::read(bench.path("a.tar")).unwrap();
    assert!(archive == fs::read(bench.path("b.tar")).unwrap());
    let entries = crate::archive::read(&archive);
    // What is in the archive is a layout.
    let unpacked = bench.path("out-unpacked");
    for entry in &entries {
        let path = unpacked.join(&entry.name);
        match entry.name.ends_with('/') {
            true => fs::create_dir_all(path).unwrap(),
            false => {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, &entry.content).unwrap();
            }
        }
    }
    for (layout, tag) in [(&unpacked, "1"), (&bench.path("out-layout"), "latest")] {
        let image = bench.read(layout, Some(tag), Told::default());
        assert_eq!(image.digest, digest);
        assert_eq!(
            image.lines(),
            ["f 755 0:0 x \"x\"".replace("755", &format!("{:o}", image.entry("x").mode()))]
        );
    }
    let store = Store::open(&bench.path("store")).unwrap();
    let tags: Vec<(String, String)> = store
        .tags()
        .unwrap()
        .into_iter()
        .map(|(name, descriptor)| (name, descriptor.digest.to_string()))
        .collect();
    let expected = ["docker.io/library/app:1", "docker.io/team/app:latest"];
    assert_eq!(tags, expected.map(|name| (name.to_owned(), digest.clone())));
    // The store is a layout with the whole image.
    let image = bench.read(&bench.path("store"), Some(expected[0]), Told::default());
    assert_eq!(image.digest, digest);
}
