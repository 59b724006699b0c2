//! Outputs that are files, or that go through a pipe.

use std::fs;

use crate::bench::Bench;
use crate::{LINUX, PLAIN};

/// A folder alone is where files go, and `-` is a tar of them for a pipe.
#[test]
fn files_and_archives_for_docker() {
    let bench = Bench::new(PLAIN);
    let run = |arguments: &[&str]| bench.run(&[&LINUX[..], arguments].concat());
    run(&["-o", "files"]).expect(0, &["exporting files to files"]);
    assert!(bench.path("files/x").is_file());
    let ran = run(&["-o", "-", "-o", "type=tar,dest=a.tar"]).expect(0, &[]);
    let tar = fs::read(bench.path("a.tar")).unwrap();
    assert!(ran.out == tar);
    assert!(tar.len() > 1024 && tar.len().is_multiple_of(512));
    let archives = [
        "-t",
        "a",
        "-o",
        "type=docker,dest=-",
        "-o",
        "type=docker,dest=d.tar",
    ];
    let ran = run(&archives).expect(0, &[]);
    assert!(ran.out == fs::read(bench.path("d.tar")).unwrap());
    let names = b"\"RepoTags\":[\"a:latest\"]";
    assert!(ran.out.windows(names.len()).any(|part| part == names));
    // The digest of -q would spoil what goes to standard output.
    let ran = run(&["-q", "-o", "-"]).expect(0, &[]);
    assert!(ran.out == tar);
    run(&["-o", "-", "-o", "type=oci,dest=-"]).expect(1, &["takes one"]);
}

/// Another compression, and a level that there is not.
#[test]
fn compressions() {
    let bench = Bench::new(PLAIN);
    let run = |output: &str| bench.run(&[&LINUX[..], &["-o", output]].concat());
    run("type=oci-layout,dest=z,compression=zstd").expect(0, &["writing layer sha256:"]);
    let index = bench.json("z/index.json");
    let digest = index["manifests"][0]["digest"].as_str().unwrap();
    let manifest = bench.json(&format!("z/blobs/{}", digest.replace(':', "/")));
    let zstd = "application/vnd.oci.image.layer.v1.tar+zstd";
    assert_eq!(manifest["layers"][0]["mediaType"], zstd);
    let wrong = "type=oci-layout,dest=y,compression=zstd,compression-level=30";
    run(wrong).expect(1, &["zstd has the levels 0 to 22"]);
    assert!(!bench.path("y").exists());
}
