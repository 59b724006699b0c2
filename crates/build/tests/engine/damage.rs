//! Damage in the store and in bases: noticed, told, made again, never used.

use std::fs;
use std::path::{Path, PathBuf};

use crossdock_build::ErrorClass;

use crate::archive::{dir, file};
use crate::bench::{Ask, Bench, blob_path, layout, stored};

const DOCKERFILE: &str = "\
FROM oci-layout://source AS source
FROM oci-layout://base
COPY --from=source /d/ /d/
COPY --from=source /d/f /n/f
COPY --from=0 /d/g /g
";

fn bench() -> Bench {
    let bench = Bench::new();
    bench.linux_base("base", &[dir("d/", 0o700), file("base", 0o644, "base")]);
    let long = "long ".repeat(5000);
    let source = [
        dir("d/", 0o755),
        file("d/f", 0o644, &long),
        file("d/g", 0o644, "g"),
    ];
    bench.linux_base("source", &source);
    bench
}

/// Changes a byte in the middle of a file.
fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

fn files(folder: PathBuf) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// What is damaged is made again, with a warning and the same result.
#[test]
fn store() {
    type Damage = fn(&Bench, &[String]);
    let cases: [(&str, Damage); 7] = [
        ("a layer", |bench, layers| {
            flip(&blob_path(&bench.path("store"), layers.last().unwrap()));
        }),
        ("all layers", |bench, layers| {
            for layer in &layers[1..] {
                flip(&blob_path(&bench.path("store"), layer));
            }
        }),
        ("a layer cut", |bench, layers| {
            let path = blob_path(&bench.path("store"), layers.last().unwrap());
            let bytes = fs::read(&path).unwrap();
            fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("indexes", |bench, _| {
            files(bench.path("store/crossdock/indexes"))
                .iter()
                .for_each(|path| flip(path));
        }),
        ("cache records", |bench, _| {
            files(bench.path("store/crossdock/cache"))
                .iter()
                .for_each(|path| flip(path));
        }),
        ("pairs", |bench, _| {
            files(bench.path("store/crossdock/pairs"))
                .iter()
                .for_each(|path| flip(path));
        }),
        ("everything", |bench, layers| {
            for folder in ["indexes", "cache", "pairs"] {
                let folder = bench.path("store/crossdock").join(folder);
                files(folder).iter().for_each(|path| flip(path));
            }
            flip(&blob_path(&bench.path("store"), layers.last().unwrap()));
        }),
    ];
    for (what, damage) in cases {
        let bench = bench();
        let first = bench.build(DOCKERFILE, Ask::default()).unwrap();
        damage(&bench, &first.layer_digests());
        // Nobody looks at indexes as long as all results are known.
        let ask = Ask {
            no_cache: what == "indexes",
            ..Ask::default()
        };
        let second = match bench.build(DOCKERFILE, ask) {
            Ok(image) => image,
            Err(failed) => panic!("{what}: {}", failed.text),
        };
        assert_eq!(second.digest, first.digest, "{what}");
        let told = second
            .told
            .warnings
            .iter()
            .any(|text| text.contains("damaged"));
        assert!(told, "{what}: {:?}", second.told.warnings);
        let third = bench.build(DOCKERFILE, Ask::default()).unwrap();
        assert_eq!(third.told.cached(), "CCC", "{what}");
        assert!(
            third.told.warnings.is_empty(),
            "{what}: {:?}",
            third.told.warnings
        );
    }
}

/// A layer that is made again finds a damaged one in its place.
#[test]
fn store_without_cache() {
    let bench = bench();
    let first = bench.build(DOCKERFILE, Ask::default()).unwrap();
    for layer in &first.layer_digests()[1..] {
        flip(&blob_path(&bench.path("store"), layer));
    }
    let ask = Ask {
        no_cache: true,
        ..Ask::default()
    };
    let second = bench.build(DOCKERFILE, ask).unwrap();
    assert_eq!(second.digest, first.digest);
}

/// An image that only goes to the store is whole there, too.
#[test]
fn store_as_output() {
    let bench = bench();
    let build = || {
        let ask = Ask {
            outputs: Some(vec![stored()]),
            names: &["app"],
            ..Ask::default()
        };
        bench.build(DOCKERFILE, ask).unwrap()
    };
    let digest = build().digest;
    let name = Some("docker.io/library/app:latest");
    let image = bench.read(&bench.path("store"), name, crate::bench::Told::default());
    flip(&blob_path(
        &bench.path("store"),
        image.layer_digests().last().unwrap(),
    ));
    assert_eq!(build().digest, digest);
    bench.read(&bench.path("store"), name, crate::bench::Told::default());
}

/// A base that was damaged after it was read: its index still counts, its bytes do not.
#[test]
fn bases() {
    for damaged in ["source", "base"] {
        let bench = bench();
        let only_index = "FROM oci-layout://source AS source\nFROM oci-layout://base\n\
                          COPY --from=source /d/none* /d/\nCOPY --from=source /d/ /d/\n";
        let first = bench.build(only_index, Ask::default()).unwrap();
        let layer = match damaged {
            "base" => first.layer_digests()[0].clone(),
            _ => {
                let ask = Ask {
                    target: Some("source"),
                    ..Ask::default()
                };
                bench.build(only_index, ask).unwrap().layer_digests()[0].clone()
            }
        };
        let path = blob_path(&bench.path(damaged), &layer);
        let whole = fs::read(&path).unwrap();
        flip(&path);
        for existing in [false, true] {
            if existing {
                fs::create_dir(bench.path("old")).unwrap();
            }
            let outputs = existing.then(|| vec![layout(bench.path("old"))]);
            let ask = Ask {
                no_cache: true,
                outputs,
                ..Ask::default()
            };
            let failed = bench.build(DOCKERFILE, ask).err().unwrap();
            assert_eq!(failed.class, ErrorClass::Integrity, "{}", failed.text);
            assert!(failed.text.contains(&layer), "{}", failed.text);
            assert!(!failed.text.starts_with(':'), "{}", failed.text);
            if existing {
                let left = files(bench.path("old"));
                assert!(left.iter().all(|path| path.is_dir()), "{left:?}");
            }
        }
        // Whole again, all is well.
        fs::write(&path, whole).unwrap();
        bench.build(DOCKERFILE, Ask::default()).unwrap();
    }
}

/// A file of the context that changes between looking and copying, or cannot be read.
#[test]
fn contexts() {
    let bench = bench();
    let missing = bench.build("FROM scratch\nCOPY . /\n", Ask::default());
    assert!(missing.is_ok(), "an empty context is one");
    fs::remove_dir_all(bench.path("context")).unwrap();
    let failed = bench
        .build("FROM scratch\nCOPY . /\n", Ask::default())
        .err()
        .unwrap();
    assert!(failed.text.contains("build context"), "{}", failed.text);
    assert_eq!(failed.class, ErrorClass::Input);
}
