use std::io::Write as _;

use crossdock_image::{ANNOTATION_IMAGE_NAME, ANNOTATION_REF_NAME, DiffId, MediaType};

use super::members::tests::{Made, tar};
use super::*;
use crate::archive::{Archive, DockerImage, write_archive};

fn open(bytes: &[u8]) -> Result<ImageArchive, OpenArchiveError> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    ImageArchive::open(Path::new("x.tar"), file)
}

fn digest(bytes: &[u8]) -> BlobDigest {
    BlobDigest::new(Digest::of(bytes))
}

/// A config for layers with this content.
fn config(layers: &[&[u8]]) -> Vec<u8> {
    let diff_ids = layers.iter().map(|layer| DiffId::new(Digest::of(layer)));
    let mut config = Config {
        os: "linux".to_owned(),
        architecture: "amd64".to_owned(),
        ..Config::default()
    };
    config.rootfs.diff_ids = diff_ids.collect();
    config.to_bytes()
}

/// Member names of a hand-made archive, with what takes their places in texts.
struct Names {
    config: String,
    one: String,
    two: String,
}

const ONE: &[u8] = b"layer one";
const TWO: &[u8] = b"layer two, which is longer";

fn names() -> Names {
    let hex = |bytes: &[u8]| Digest::of(bytes).hex();
    Names {
        config: hex(&config(&[ONE, TWO])),
        one: hex(ONE),
        two: hex(TWO),
    }
}

/// Reads everything that an archive lists: names, kinds and contents of layers.
#[track_caller]
fn described(archive: &ImageArchive) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in archive.index().manifests() {
        let note = |key: &str| entry.annotations.get(key).map_or("-", String::as_str);
        lines.push(format!(
            "{} {} {}",
            note(ANNOTATION_IMAGE_NAME),
            note(ANNOTATION_REF_NAME),
            entry
                .platform
                .as_ref()
                .map_or("-".to_owned(), Platform::to_string),
        ));
        let Ok(Document::Manifest(manifest)) = archive.read_document(entry) else {
            panic!("{entry:?}");
        };
        let config = archive.read_config(manifest.config()).unwrap();
        assert_eq!(config.rootfs.diff_ids.len(), manifest.layers().len());
        for layer in manifest.layers() {
            let bytes = archive.read_blob(layer, 1 << 20).unwrap();
            let kind = layer.media_type.rsplit(['.', '+']).next().unwrap();
            let text = match kind {
                "tar" => String::from_utf8(bytes).unwrap(),
                _ => format!("{} bytes", bytes.len()),
            };
            lines.push(format!("  {kind} {text}"));
        }
    }
    lines
}

fn list(names: &Names, layers: [&str; 2], tags: &str) -> Vec<u8> {
    let Names { config, .. } = names;
    let [one, two] = layers;
    format!(
        "[{{\"Config\":\"{config}.json\",\"RepoTags\":{tags},\"Layers\":[\"{one}\",\"{two}\"]}}]"
    )
    .into_bytes()
}

/// Each age of `docker save`, and what others call `docker-archive`.
#[test]
fn docker_archives() {
    let names = names();
    let config = config(&[ONE, TWO]);
    let config_file = format!("{}.json", names.config);
    let check = |members: &[Made<'_>], expected: &[&str]| {
        let archive = open(&tar(members)).unwrap();
        assert_eq!(archive.kind(), ArchiveKind::Docker);
        assert_eq!(described(&archive), expected);
    };
    let both = ["  tar layer one", "  tar layer two, which is longer"];
    let with = |first| [&[first][..], &both].concat();

    // docker 1.10 to 24: a folder for each layer, and links where two are equal.
    let listed = list(&names, ["a/layer.tar", "b/layer.tar"], r#"["debian:12"]"#);
    check(
        &[
            (b'5', "a/", "", b""),
            (b'0', "a/VERSION", "", b"1.0"),
            (b'0', "a/json", "", b"{}"),
            (b'2', "a/layer.tar", "../c/layer.tar", b""),
            (b'0', "b/layer.tar", "", TWO),
            (b'0', "c/layer.tar", "", ONE),
            (b'0', &config_file, "", &config),
            (b'0', "manifest.json", "", &listed),
            (b'0', "repositories", "", b"{}"),
        ],
        &with("docker.io/library/debian:12 12 linux/amd64"),
    );

    // podman and skopeo: layers by their digest, links from the old names.
    let (one, two) = (format!("{}.tar", names.one), format!("{}.tar", names.two));
    let listed = list(
        &names,
        [&one, &two],
        r#"["localhost/a/b:1","localhost:5000/c"]"#,
    );
    let old_name = format!("../{one}");
    let podman: &[Made<'_>] = &[
        (b'0', &one, "", ONE),
        (b'0', &two, "", TWO),
        (b'2', "x/layer.tar", &old_name, b""),
        (b'0', &config_file, "", &config),
        (b'0', "manifest.json", "", &listed),
    ];
    let first = with("localhost/a/b:1 1 linux/amd64");
    let second = with("localhost:5000/c:latest latest linux/amd64");
    check(podman, &[first, second].concat());

    // Without names, and with one that no registry has.
    for (tags, expected) in [
        ("null", "- - linux/amd64"),
        ("[]", "- - linux/amd64"),
        (r#"["Not A Name"]"#, "- Not A Name linux/amd64"),
    ] {
        let listed = list(&names, [&one, &two], tags);
        let mut members = podman.to_vec();
        members[4].3 = &listed;
        check(&members, &with(expected));
    }

    // Compressed, as crane writes them; the config is named by its digest.
    let gzip = b"\x1f\x8b and so on";
    let zstd = b"\x28\xb5\x2f\xfd and so on";
    let config_file = format!("sha256:{}", names.config);
    let listed = format!(
        r#"[{{"Config":"{config_file}","RepoTags":["a:1"],"Layers":["1.tar.gz","2.tar.zst"]}}]"#
    );
    let crane = tar(&[
        (b'0', &config_file, "", &config),
        (b'0', "1.tar.gz", "", gzip),
        (b'0', "2.tar.zst", "", zstd),
        (b'0', "manifest.json", "", listed.as_bytes()),
    ]);
    let archive = open(&crane).unwrap();
    let lines = described(&archive);
    assert_eq!(
        lines,
        [
            "docker.io/library/a:1 1 linux/amd64",
            "  gzip 12 bytes",
            "  zstd 14 bytes"
        ]
    );
    let blob = archive.open_blob_unverified(&digest(gzip)).unwrap();
    assert_eq!(&crane[blob.offset as usize..][..blob.size as usize], gzip);
    // The same archive gives the same manifest.
    assert_eq!(archive.index(), open(&crane).unwrap().index());
}

/// What we write is read as an OCI archive, also if docker reads it too.
#[test]
fn what_crossdock_writes() {
    let config = config(&[ONE]);
    let layer = Descriptor::of("application/vnd.oci.image.layer.v1.tar", ONE);
    let described_config = Descriptor::of(MediaType::OciConfig.as_str(), &config);
    let manifest = crossdock_image::Manifest::new(
        described_config.clone(),
        vec![layer.clone()],
        Default::default(),
    );
    let entry = manifest
        .descriptor()
        .with_annotation(ANNOTATION_IMAGE_NAME, "docker.io/library/a:1");
    let source = Blobs(vec![config, ONE.to_vec(), manifest.raw().to_vec()]);
    let names = ["a:1".to_owned()];
    let docker = DockerImage {
        manifest: &manifest,
        names: &names,
    };
    for docker in [&[][..], &[docker]] {
        let mut bytes = Vec::new();
        let blobs = [described_config.clone(), layer.clone(), entry.clone()];
        let archive = Archive {
            entries: std::slice::from_ref(&entry),
            blobs: &blobs,
            docker,
        };
        write_archive(&mut bytes, &archive, &source).unwrap();
        let archive = open(&bytes).unwrap();
        assert_eq!(archive.kind(), ArchiveKind::Oci);
        assert_eq!(archive.index().manifests(), std::slice::from_ref(&entry));
        assert_eq!(
            described(&archive),
            ["docker.io/library/a:1 - -", "  tar layer one"]
        );
        for blob in &blobs {
            assert!(archive.contains(blob));
            let larger = Descriptor::new("", blob.digest, blob.size + 1);
            assert!(!archive.contains(&larger));
            let error = archive.open_blob(&larger).err().unwrap().to_string();
            assert!(error.contains("it ends after"), "{error}");
        }
    }
}

/// Blobs in memory.
struct Blobs(Vec<Vec<u8>>);

impl crossdock_image::BlobSource for Blobs {
    fn open(&self, descriptor: &Descriptor) -> io::Result<Box<dyn Read + Send>> {
        let found = self
            .0
            .iter()
            .find(|bytes| digest(bytes) == descriptor.digest);
        let found = found.ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(io::Cursor::new(found.clone())))
    }
}

#[test]
fn what_is_no_archive() {
    let names = names();
    let config = config(&[ONE, TWO]);
    let config_file = format!("{}.json", names.config);
    let check = |members: &[Made<'_>], expected: &str| {
        let error = open(&tar(members)).expect_err(expected).to_string();
        assert!(
            error.starts_with("x.tar: ") && error.contains(expected),
            "{error}"
        );
    };
    assert!(matches!(
        open(b""),
        Err(OpenArchiveError::NotAnArchive { .. })
    ));
    check(&[(b'0', "etc/passwd", "", b"")], "neither index.json");
    check(&[(b'0', "index.json", "", b"{}")], "neither index.json");
    check(&[(b'0', "repositories", "", b"{}")], "a docker before 1.10");

    let layout = br#"{"imageLayoutVersion":"1.0.0"}"#;
    let oci = |version: &[u8], index: &[u8], expected: &str| {
        check(
            &[
                (b'0', "oci-layout", "", version),
                (b'0', "index.json", "", index),
            ],
            expected,
        );
    };
    oci(b"{}", b"{}", "its version is \"\"");
    oci(
        br#"{"imageLayoutVersion":"2.0.0"}"#,
        b"{}",
        "its version is \"2.0.0\"",
    );
    oci(&[b' '; 5000], b"{}", "has 5000 bytes, more than the 4096");
    oci(layout, b"[]", "index.json");
    oci(layout, &vec![b' '; 5 << 20], "more than");
    check(
        &[
            (b'0', "oci-layout", "", layout),
            (b'0', "index.json", "", b"{}"),
            (b'0', "./index.json", "", b"{}"),
        ],
        "\"index.json\" stands in it more than once",
    );

    let listed = |list: &[u8], expected: &str| {
        check(
            &[
                (b'0', "manifest.json", "", list),
                (b'0', &config_file, "", &config),
                (b'0', "one", "", ONE),
                (b'2', "circle", "circle", b""),
                (b'0', "other.json", "", b"[]"),
            ],
            expected,
        );
    };
    listed(b"", "manifest.json");
    listed(b"{}", "manifest.json");
    listed(br#"[{"RepoTags":["a"]}]"#, "Config");
    listed(br#"[{"Config":"x"}]"#, "\"x\" is missing");
    listed(br#"[{"Config":"/etc/passwd"}]"#, "leads out of the archive");
    listed(br#"[{"Config":"../x"}]"#, "leads out of the archive");
    listed(br#"[{"Config":"other.json"}]"#, "is no config");
    let with = |layers: [&str; 2]| list(&names, layers, "null");
    listed(&with(["one", "two"]), "\"two\" is missing");
    listed(&with(["one", "circle"]), "\"circle\" is a link");
    listed(
        format!(r#"[{{"Config":"{config_file}","Layers":["one"]}}]"#).as_bytes(),
        "has 2 layers, and manifest.json lists 1",
    );
    let wrong = format!("{}.json", names.one);
    check(
        &[
            (
                b'0',
                "manifest.json",
                "",
                format!(r#"[{{"Config":"{wrong}"}}]"#).as_bytes(),
            ),
            (b'0', &wrong, "", &config),
        ],
        "has the digest sha256:",
    );
    let many = vec!["\"one\""; 2000].join(",");
    let many = format!(r#"[{{"Config":"{config_file}","Layers":[{many}]}}]"#);
    listed(many.as_bytes(), "layers");
}

/// A layer whose bytes are others than the config says is found out by whoever reads it.
#[test]
fn damaged_layers() {
    let names = names();
    let config = config(&[ONE, TWO]);
    let config_file = format!("{}.json", names.config);
    let listed = list(&names, ["1", "2"], "null");
    let archive = open(&tar(&[
        (b'0', "manifest.json", "", &listed),
        (b'0', &config_file, "", &config),
        (b'0', "1", "", b"layer 0ne"),
        (b'0', "2", "", TWO),
    ]))
    .unwrap();
    let entry = &archive.index().manifests()[0];
    let Ok(Document::Manifest(manifest)) = archive.read_document(entry) else {
        panic!("no manifest");
    };
    let read = |layer: usize| archive.read_blob(&manifest.layers()[layer], 1 << 20);
    assert!(matches!(read(0), Err(BlobError::Damaged { .. })));
    assert!(read(1).is_ok());
    let missing = Descriptor::of("", b"missing");
    assert!(matches!(
        archive.open_blob(&missing),
        Err(BlobError::Missing { .. })
    ));
}

#[test]
fn names_lead_to_images() {
    let config_of = |layer: &[u8]| config(&[layer]);
    let (one, two) = (config_of(ONE), config_of(TWO));
    let list = br#"[
        {"Config":"1.json","RepoTags":["debian:12","localhost:5000/a/b:1"],"Layers":["1"]},
        {"Config":"2.json","RepoTags":["debian:latest","odd name"],"Layers":["2"]},
        {"Config":"3.json","RepoTags":null,"Layers":["1"]}
    ]"#;
    let three = {
        let mut config = Config::parse(&one).unwrap();
        config.os = "windows".to_owned();
        config.to_bytes()
    };
    let members: &[Made<'_>] = &[
        (b'0', "1.json", "", &one),
        (b'0', "2.json", "", &two),
        (b'0', "3.json", "", &three),
        (b'0', "1", "", ONE),
        (b'0', "2", "", TWO),
        (b'0', "manifest.json", "", list),
    ];
    let archive = open(&tar(members)).unwrap();
    let config_of = |entry: &Descriptor| match archive.read_document(entry).unwrap() {
        Document::Manifest(manifest) => manifest.config().digest,
        Document::Index(_) => panic!("an index"),
    };
    let check = |name: Option<&str>, expected: Result<&[u8], &str>| {
        let found = archive.resolve(name, None, None);
        match (found, expected) {
            (Ok(found), Ok(expected)) => {
                assert_eq!(config_of(&found), digest(expected), "{name:?}");
            }
            (Err(error), Err(expected)) => {
                let error = error.to_string();
                assert!(error.contains(expected), "{error}");
            }
            (found, expected) => panic!("{name:?}: {found:?}, not {expected:?}"),
        }
    };
    check(Some("debian:12"), Ok(&one));
    check(Some("12"), Ok(&one));
    check(Some("docker.io/library/debian:12"), Ok(&one));
    check(Some("localhost:5000/a/b:1"), Ok(&one));
    check(Some("debian"), Ok(&two));
    check(Some("latest"), Ok(&two));
    check(Some("odd name"), Ok(&two));
    check(
        Some("x"),
        Err(
            "no image is called \"x\"; its images are debian:12, debian:latest, \
             localhost:5000/a/b:1, odd name",
        ),
    );
    check(Some("localhost:5000/a/b"), Err("no image is called"));
    check(None, Err("3 images fit; name one"));

    let third = archive.index().manifests().last().unwrap().digest;
    let found = archive.resolve(None, Some(&third), None).unwrap();
    assert_eq!(config_of(&found), digest(&three));
    let unknown = digest(b"unknown");
    let error = archive.resolve(None, Some(&unknown), None);
    assert!(matches!(error, Err(ArchiveResolveError::Read(_))));

    let empty = open(&tar(&[(b'0', "manifest.json", "", b"[]")])).unwrap();
    let error = empty.resolve(None, None, None);
    assert!(matches!(error, Err(ArchiveResolveError::Empty { .. })));
}

/// Images without different names are told apart by their platforms.
#[test]
fn platforms_decide() {
    let linux = config(&[ONE]);
    let windows = {
        let mut config = Config::parse(&linux).unwrap();
        config.os = "windows".to_owned();
        config.to_bytes()
    };
    let list = br#"[{"Config":"1","Layers":["l"]},{"Config":"2","Layers":["l"]}]"#;
    let archive = open(&tar(&[
        (b'0', "1", "", &linux),
        (b'0', "2", "", &windows),
        (b'0', "l", "", ONE),
        (b'0', "manifest.json", "", list),
    ]))
    .unwrap();
    let resolve = |os: &str| archive.resolve(None, None, Some(&Platform::new(os, "amd64")));
    for os in ["linux", "windows"] {
        assert_eq!(resolve(os).unwrap().platform.unwrap().os, os);
    }
    let error = resolve("plan9");
    assert!(matches!(error, Err(ArchiveResolveError::Platform { .. })));
}
