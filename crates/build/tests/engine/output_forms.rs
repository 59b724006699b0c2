//! Images in other forms than the one in which they were built.

use std::fs;

use crossdock_build::{
    Annotation, Codec, Compression, ErrorClass, Output, OutputKind, OutputOptions, PruneRequest,
    Store, Target, prune,
};
use serde_json::{Value, json};

use crate::archive::{Entry, file};
use crate::bench::{Ask, Bench, Codec as BaseCodec, Image, Told, blob_path, layout, linux};

const DOCKERFILE: &str = "FROM oci-layout://base\nCOPY x /\nCOPY big /d/\n";

/// A base with one layer of gzip and one of zstd, and files to copy.
fn bench() -> Bench {
    let bench = Bench::new();
    let mut base = bench.layout("base");
    let tar = |name: &str| crate::archive::tar(&[file(name, 0o644, name)]);
    let layers = [(tar("one"), BaseCodec::Gzip), (tar("two"), BaseCodec::Zstd)];
    let image = base.image(&layers, linux());
    base.tag(&image, "latest");
    base.write();
    bench.file("x", "x");
    bench.file("big", "some text that repeats ".repeat(20_000));
    bench
}

fn compressed(compression: Compression) -> OutputOptions {
    OutputOptions {
        compression: Some(Codec::new(compression)),
        ..OutputOptions::default()
    }
}

fn level(compression: Compression, level: i64) -> OutputOptions {
    OutputOptions {
        compression: Some(Codec::with_level(compression, level).unwrap()),
        ..OutputOptions::default()
    }
}

fn forced(options: OutputOptions) -> OutputOptions {
    OutputOptions {
        force_compression: true,
        ..options
    }
}

fn docker(options: OutputOptions) -> OutputOptions {
    OutputOptions {
        docker_media_types: true,
        ..options
    }
}

/// Builds into a layout of its own and reads that.
#[track_caller]
fn build(bench: &Bench, folder: &str, options: &OutputOptions, ask: Ask<'_>) -> Image {
    let output = Output {
        kind: OutputKind::Layout(bench.path(folder)),
        options: options.clone(),
    };
    let outputs = Some(vec![output]);
    let built = bench.build(DOCKERFILE, Ask { outputs, ..ask }).unwrap();
    let image = bench.read(&bench.path(folder), None, built.told);
    assert_eq!(image.digest, built.digest);
    image
}

/// How each layer is compressed, by its media type and by its first bytes.
#[track_caller]
fn forms(bench: &Bench, folder: &str, image: &Image) -> Vec<&'static str> {
    let layers = image.manifest["layers"].as_array().unwrap().iter();
    let form = |layer: &Value| {
        let digest = layer["digest"].as_str().unwrap();
        let bytes = fs::read(blob_path(&bench.path(folder), digest)).unwrap();
        assert_eq!(layer["size"], bytes.len());
        let (name, media_type) = match bytes[..4] {
            [0x1f, 0x8b, ..] => ("gzip", "application/vnd.oci.image.layer.v1.tar+gzip"),
            [0x28, 0xb5, 0x2f, 0xfd] => ("zstd", "application/vnd.oci.image.layer.v1.tar+zstd"),
            _ => ("none", "application/vnd.oci.image.layer.v1.tar"),
        };
        assert_eq!(layer["mediaType"], media_type);
        name
    };
    layers.map(form).collect()
}

/// Whether layers were written anew.
fn wrote(told: &Told) -> usize {
    let writes = |(name, _): &&(String, bool)| name.starts_with("writing layer");
    told.steps.iter().filter(writes).count()
}

/// The entries of all layers, those of the base too.
fn all_lines(image: &Image) -> Vec<String> {
    let entries = image.layers.iter().flatten();
    entries.map(Entry::line).collect()
}

#[test]
fn compressions() {
    let bench = bench();
    let plain = build(
        &bench,
        "out-plain",
        &OutputOptions::default(),
        Ask::default(),
    );
    let mut number = 0;
    let mut check = |options: OutputOptions, expected: [&str; 4], written: usize, fresh: usize| {
        number += 1;
        let folder = format!("out-{number}");
        let image = build(&bench, &folder, &options, Ask::default());
        assert_eq!(forms(&bench, &folder, &image), expected, "{options:?}");
        assert_eq!(wrote(&image.told), written, "{options:?}");
        // It is the same image but for that.
        assert_eq!(image.config, plain.config);
        assert_eq!(all_lines(&image), all_lines(&plain));
        // Again, nothing is written anew; without what is known, or by other threads, it becomes
        // the same.
        let again = build(&bench, &format!("{folder}-again"), &options, Ask::default());
        assert_eq!((&again.digest, wrote(&again.told)), (&image.digest, 0));
        let ask = Ask {
            store: "store-other",
            threads: 1,
            no_cache: true,
            ..Ask::default()
        };
        let other = build(&bench, &format!("{folder}-other"), &options, ask);
        assert_eq!((&other.digest, wrote(&other.told)), (&image.digest, fresh));
        image.digest
    };
    use Compression::{Gzip, None, Zstd};
    let as_they_are = ["gzip", "zstd", "gzip", "gzip"];
    let all_gzip = ["gzip"; 4];
    let default = check(OutputOptions::default(), as_they_are, 0, 0);
    assert_eq!(default, plain.digest);
    assert_eq!(check(compressed(Gzip), as_they_are, 0, 0), default);
    assert_ne!(check(level(Gzip, 1), as_they_are, 2, 2), default);
    check(compressed(Zstd), ["gzip", "zstd", "zstd", "zstd"], 2, 2);
    check(level(Zstd, 19), ["gzip", "zstd", "zstd", "zstd"], 2, 2);
    check(compressed(None), ["gzip", "zstd", "none", "none"], 2, 2);
    // What was written before is known.
    check(forced(compressed(Zstd)), ["zstd"; 4], 1, 3);
    let gzip = check(forced(compressed(Gzip)), all_gzip, 1, 1);
    assert_eq!(
        check(forced(OutputOptions::default()), all_gzip, 0, 1),
        gzip
    );
}

/// Several outputs of one build share what they have in common.
#[test]
fn several_at_once() {
    let bench = bench();
    let output = |folder: &str, options| Output {
        kind: OutputKind::Layout(bench.path(folder)),
        options,
    };
    let ask = Ask {
        no_cache: true,
        outputs: Some(vec![
            output("out-zstd", compressed(Compression::Zstd)),
            output("out-plain", OutputOptions::default()),
            output("out-again", compressed(Compression::Zstd)),
        ]),
        ..Ask::default()
    };
    let built = bench.build(DOCKERFILE, ask).unwrap();
    assert_eq!(wrote(&built.told), 2);
    let of = |folder: &str| {
        bench
            .read(&bench.path(folder), None, Told::default())
            .digest
    };
    // The first tells what was built.
    assert_eq!(of("out-zstd"), built.digest);
    assert_eq!(of("out-again"), built.digest);
    assert_ne!(of("out-plain"), built.digest);
}

/// What was written anew is kept as long as the cache is, and made again when it is damaged.
#[test]
fn kept_and_damaged() {
    let bench = bench();
    let zstd = compressed(Compression::Zstd);
    let first = build(&bench, "out-1", &zstd, Ask::default());
    let request = |all| PruneRequest {
        all,
        ..PruneRequest::default()
    };
    let clean = |all| {
        let store = Store::open(&bench.path("store")).unwrap();
        prune(&store, &request(all)).unwrap();
    };
    clean(false);
    let second = build(&bench, "out-2", &zstd, Ask::default());
    assert_eq!(wrote(&second.told), 0);
    let layer = second.layer_digests().pop().unwrap();
    let path = blob_path(&bench.path("store"), &layer);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let third = build(&bench, "out-3", &zstd, Ask::default());
    assert_eq!(wrote(&third.told), 1);
    assert_eq!(third.digest, first.digest);
    clean(true);
    assert!(!path.exists());
    let fourth = build(&bench, "out-4", &zstd, Ask::default());
    assert_eq!((wrote(&fourth.told), fourth.digest), (2, first.digest));
}

/// A damaged layer of the build is made again, not written anew.
#[test]
fn damaged_before() {
    let bench = bench();
    let plain = build(
        &bench,
        "out-plain",
        &OutputOptions::default(),
        Ask::default(),
    );
    let layer = plain.layer_digests().pop().unwrap();
    let path = blob_path(&bench.path("store"), &layer);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let zstd = build(
        &bench,
        "out-1",
        &compressed(Compression::Zstd),
        Ask::default(),
    );
    assert_eq!(zstd.lines(), plain.lines());
}

/// Layers of Windows are layers like any other.
#[test]
fn windows() {
    let bench = bench();
    let output = Output {
        kind: OutputKind::Layout(bench.path("out-zstd")),
        options: compressed(Compression::Zstd),
    };
    let ask = Ask {
        platform: "windows(10.0.20348.1)/amd64",
        outputs: Some(vec![output]),
        ..Ask::default()
    };
    bench.build("FROM scratch\nCOPY x /\n", ask).unwrap();
    let image = bench.read(&bench.path("out-zstd"), None, Told::default());
    assert_eq!(forms(&bench, "out-zstd", &image), ["zstd", "zstd"]);
}

fn json_file(bench: &Bench, path: &str) -> Value {
    serde_json::from_slice(&fs::read(bench.path(path)).unwrap()).unwrap()
}

fn json_blob(bench: &Bench, folder: &str, descriptor: &Value) -> Value {
    let path = blob_path(&bench.path(folder), descriptor["digest"].as_str().unwrap());
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn docker_media_types() {
    const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    let bench = bench();
    let output = |folder: &str| Output {
        kind: OutputKind::Layout(bench.path(folder)),
        options: docker(forced(OutputOptions::default())),
    };
    let annotations = &["a=1"];
    let ask = Ask {
        outputs: Some(vec![output("out-docker")]),
        annotations,
        ..Ask::default()
    };
    bench.build(DOCKERFILE, ask).unwrap();
    let entry = json_file(&bench, "out-docker/index.json")["manifests"][0].clone();
    let manifest = json_blob(&bench, "out-docker", &entry);
    assert_eq!(entry["mediaType"], MANIFEST);
    assert_eq!(manifest["mediaType"], MANIFEST);
    assert_eq!(manifest["annotations"], json!({ "a": "1" }));
    let config = "application/vnd.docker.container.image.v1+json";
    assert_eq!(manifest["config"]["mediaType"], config);
    let layers = manifest["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 4);
    for layer in layers {
        let gzip = "application/vnd.docker.image.rootfs.diff.tar.gzip";
        assert_eq!(layer["mediaType"], gzip);
    }
    let ask = Ask {
        outputs: Some(vec![output("out-list")]),
        platforms: &["linux/amd64", "linux/arm64"],
        ..Ask::default()
    };
    bench.build("FROM scratch\nCOPY x /\n", ask).unwrap();
    let entry = json_file(&bench, "out-list/index.json")["manifests"][0].clone();
    let list = "application/vnd.docker.distribution.manifest.list.v2+json";
    assert_eq!(entry["mediaType"], list);
    let manifests = json_blob(&bench, "out-list", &entry)["manifests"].clone();
    assert_eq!(manifests[1]["mediaType"], MANIFEST);
    assert_eq!(manifests[1]["platform"]["architecture"], "arm64");
    // A list and its images are in the store, too, and are found there by name.
    let ask = Ask {
        outputs: Some(vec![Output {
            kind: OutputKind::Image { push: false },
            options: docker(OutputOptions::default()),
        }]),
        names: &["list"],
        platforms: &["linux/amd64", "linux/arm64"],
        ..Ask::default()
    };
    bench.build("FROM scratch\nCOPY x /\n", ask).unwrap();
    let image = bench.build("FROM list\n", Ask::default()).unwrap();
    assert_eq!(image.short_lines(), ["f x \"x\""]);
}

#[test]
fn docker_archives() {
    let bench = bench();
    let output = |name: &str, options| Output {
        kind: OutputKind::DockerArchive(Target::File(bench.path(name))),
        options,
    };
    let named = OutputOptions {
        names: vec!["other:2".parse().unwrap()],
        ..OutputOptions::default()
    };
    let ask = Ask {
        outputs: Some(vec![
            output("a.tar", OutputOptions::default()),
            output("b.tar", OutputOptions::default()),
            output("named.tar", named),
        ]),
        names: &["app", "localhost:5000/team/app:1"],
        ..Ask::default()
    };
    bench.build(DOCKERFILE, ask).unwrap();
    let read = |name: &str| crate::archive::read(&fs::read(bench.path(name)).unwrap());
    let content = |name: &str, entry: &str| {
        let entries = read(name);
        let entry = entries.iter().find(|e| e.name == entry).unwrap();
        entry.content.clone()
    };
    assert!(fs::read(bench.path("a.tar")).unwrap() == fs::read(bench.path("b.tar")).unwrap());
    let manifest: Value = serde_json::from_slice(&content("a.tar", "manifest.json")).unwrap();
    let tags = json!(["app:latest", "localhost:5000/team/app:1"]);
    assert_eq!(manifest[0]["RepoTags"], tags);
    let other: Value = serde_json::from_slice(&content("named.tar", "manifest.json")).unwrap();
    assert_eq!(other[0]["RepoTags"], json!(["other:2"]));
    // Paths are those of the layout, whose config has a diff id for each layer.
    let path = |value: &Value| value.as_str().unwrap().to_owned();
    let config = content("a.tar", &path(&manifest[0]["Config"]));
    let config: Value = serde_json::from_slice(&config).unwrap();
    let layers = manifest[0]["Layers"].as_array().unwrap();
    assert_eq!(config["rootfs"]["diff_ids"].as_array().unwrap().len(), 4);
    assert_eq!(layers.len(), 4);
    for layer in layers {
        assert!(!content("a.tar", &path(layer)).is_empty());
    }
    let index: Value = serde_json::from_slice(&content("a.tar", "index.json")).unwrap();
    let names: Vec<&Value> = index["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["annotations"]["io.containerd.image.name"])
        .collect();
    assert_eq!(
        names,
        ["docker.io/library/app:latest", "localhost:5000/team/app:1"]
    );
}

#[track_caller]
fn check_refused(output: Output, ask: Ask<'_>, expected: &str) {
    let bench = bench();
    let outputs = Some(vec![layout(bench.path("out-other")), output]);
    let failed = bench.build(DOCKERFILE, Ask { outputs, ..ask });
    let failed = failed.err().unwrap();
    assert!(failed.text.contains(expected), "{}", failed.text);
    assert_eq!(failed.class, ErrorClass::Input);
    assert!(!bench.path("out-other").exists(), "nothing is written");
    assert!(failed.told.steps.is_empty(), "nothing is built");
}

#[test]
fn refused_forms() {
    let image = |options| Output {
        kind: OutputKind::Image { push: false },
        options,
    };
    let several = Ask {
        platforms: &["linux/amd64", "windows/amd64"],
        ..Ask::default()
    };
    let archive = OutputKind::DockerArchive(Target::Stdout);
    check_refused(archive.into(), several, "type=docker holds one image");
    let zstd = docker(compressed(Compression::Zstd));
    check_refused(image(zstd), Ask::default(), "oci-mediatypes=false");
    let annotated = |name: &str| OutputOptions {
        annotations: vec![Annotation::parse_attribute(name, "1").unwrap().unwrap()],
        ..OutputOptions::default()
    };
    check_refused(
        image(docker(annotated("annotation-manifest-descriptor.a"))),
        Ask::default(),
        "annotation manifest-descriptor:a cannot be written",
    );
    check_refused(
        image(annotated("annotation-index.a")),
        Ask::default(),
        "one platform gives an image without an index",
    );
}

#[test]
fn rewritten_times_need_an_epoch() {
    let bench = bench();
    let options = OutputOptions {
        rewrite_timestamp: true,
        ..OutputOptions::default()
    };
    let warned = |folder: &str, epoch: Option<i64>| {
        let ask = Ask {
            epoch,
            ..Ask::default()
        };
        let image = build(&bench, folder, &options, ask);
        let warnings = image.told.warnings.iter();
        let about = |text: &&String| text.contains("rewrite-timestamp");
        warnings.filter(about).count()
    };
    assert_eq!(warned("out-without", None), 1);
    assert_eq!(warned("out-with", Some(1000)), 0);
}
