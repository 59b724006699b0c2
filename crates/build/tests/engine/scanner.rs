//! Builds beside a program that opens every new file for a moment and, on Windows, keeps everybody
//! else out of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crossdock_build::{OutputKind, PruneRequest, Store, Target, prune};
use crossdock_host::Scanner;

use crate::archive::file;
use crate::bench::{Ask, Bench, archive, layout, stored};

/// Some builds with all outputs and a prune after each; the files of the outputs, and how many
/// files others had open.
fn builds(scanned: bool) -> (BTreeMap<PathBuf, Vec<u8>>, u64) {
    let bench = Bench::new();
    // Before the scanner begins, as the test itself waits for nobody.
    // No directories, whose times are those of their making.
    for name in ["x", "y", "z"] {
        bench.file(name, name);
    }
    bench.linux_base("base", &[file("base", 0o644, "base")]);
    let scanner = scanned.then(|| Scanner::start(&bench.path("")));
    for round in ["1", "2", "3"] {
        let new = bench.path(&format!("out/new-{round}"));
        let files = bench.path(&format!("out/files-{round}"));
        let ask = Ask {
            names: &["app:1", "app:2"],
            outputs: Some(vec![
                layout(new),
                layout(bench.path("out/images")),
                archive(bench.path("out/archive.tar")),
                stored(),
                OutputKind::Tar(Target::File(bench.path("out/files.tar"))).into(),
                OutputKind::Local(files).into(),
            ]),
            ..Ask::default()
        };
        let dockerfile = format!(
            "FROM oci-layout://base AS other\nCOPY x /c/\n\
             FROM oci-layout://base\nCOPY . /a{round}/\nCOPY --from=other /c /c/\n"
        );
        bench.build(&dockerfile, ask).unwrap();
        let store = Store::open(&bench.path("store")).unwrap();
        let all = PruneRequest {
            all: true,
            ..PruneRequest::default()
        };
        let pruned = prune(&store, &all).unwrap();
        assert!(pruned.skipped.is_empty(), "{:?}", pruned.skipped);
        assert!(store.resolve("docker.io/library/app:1").unwrap().is_some());
    }
    let opened = scanner.as_ref().map_or(0, Scanner::opened);
    drop(scanner);
    let mut found = BTreeMap::new();
    let root = bench.path("out");
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = fs::read(&path).unwrap();
                found.insert(path.strip_prefix(&root).unwrap().to_owned(), bytes);
            }
        }
    }
    (found, opened)
}

#[test]
fn builds_beside_a_scanner_give_the_same() {
    let (alone, _) = builds(false);
    let (scanned, opened) = builds(true);
    assert!(opened > 3, "{opened}");
    assert!(alone.len() > 20, "{:?}", alone.keys());
    assert_eq!(
        alone.keys().collect::<Vec<_>>(),
        scanned.keys().collect::<Vec<_>>()
    );
    for (path, bytes) in alone {
        assert!(bytes == scanned[&path], "{path:?} differs");
    }
}
