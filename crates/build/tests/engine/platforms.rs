//! Several platforms, one index.

use serde_json::{Value, json};

use crate::archive::{dir, tar};
use crate::bench::{Ask, Bench, Codec, Image};

const WINDOWS: [&str; 3] = ["10.0.17763.1", "10.0.20348.2", "10.0.26100.3"];

/// Bases for Linux on two architectures and for three versions of Windows, as one index, and a
/// layout with one tag for each version.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.file("app", "app");
    bench.file("data", "data");
    let mut base = bench.layout("base");
    let mut all = Vec::new();
    for architecture in ["amd64", "arm64"] {
        all.push(base.image(&[], json!({ "os": "linux", "architecture": architecture })));
    }
    let mut versions = bench.layout("versions");
    for version in WINDOWS {
        let config = json!({ "os": "windows", "architecture": "amd64", "os.version": version });
        let layer = [(tar(&[dir("Files/", 0o755)]), Codec::Gzip)];
        all.push(base.image(&layer, config.clone()));
        let tagged = versions.image(&layer, config);
        versions.tag(&tagged, version.rsplit_once('.').unwrap().0);
    }
    let index = base.index(&all);
    base.tag(&index, "latest");
    base.write();
    versions.write();
    bench
}

/// `os(version)/architecture` of each image, by the index and by the config.
fn platforms(index: &Value, images: &[Image]) -> Vec<String> {
    let show = |platform: &Value| {
        let text = |key: &str| platform[key].as_str().unwrap_or_default().to_owned();
        format!(
            "{}({})/{}",
            text("os"),
            text("os.version"),
            text("architecture")
        )
    };
    let entries = index["index"]["manifests"].as_array().unwrap();
    let stated: Vec<String> = entries
        .iter()
        .map(|entry| show(&entry["platform"]))
        .collect();
    let configs: Vec<String> = images.iter().map(|image| show(&image.config)).collect();
    assert_eq!(stated, configs);
    stated
}

const ALL: [&str; 5] = [
    "linux/amd64",
    "linux/arm64",
    "windows(10.0.17763)/amd64",
    "windows(10.0.20348)/amd64",
    "windows(10.0.26100)/amd64",
];

#[test]
fn an_index_of_all() {
    let bench = bench();
    let dockerfile = "FROM --platform=linux/amd64 oci-layout://base AS linux-tools\nCOPY app /tools/app\n\
                      FROM oci-layout://base\nARG TARGETARCH TARGETOS\nENV ON=$TARGETOS-$TARGETARCH\n\
                      COPY --from=linux-tools /tools/ /t/\nCOPY data /";
    let ask = || Ask {
        platforms: &ALL,
        ..Ask::default()
    };
    let (index, images) = bench.build_index(dockerfile, ask()).unwrap();
    assert_eq!(
        platforms(&index, &images),
        [
            "linux()/amd64",
            "linux()/arm64",
            "windows(10.0.17763.1)/amd64",
            "windows(10.0.20348.2)/amd64",
            "windows(10.0.26100.3)/amd64",
        ]
    );
    let env = images
        .iter()
        .map(|image| image.config["config"]["Env"].to_string());
    let env: Vec<String> = env.collect();
    assert!(env[1].contains("ON=linux-arm64"), "{env:?}");
    assert!(env[4].contains("ON=windows-amd64"), "{env:?}");
    // The bases of a system are equally empty, so its layers are equal, and made once.
    let layers: Vec<Vec<String>> = images.iter().map(Image::layer_digests).collect();
    assert_eq!(layers[0], layers[1]);
    assert_eq!(layers[2], layers[3]);
    assert_eq!(layers[3], layers[4]);
    assert_ne!(layers[0], layers[2]);
    let told = &images[0].told;
    assert_eq!(told.warnings, [] as [&str; 0]);
    let made = told
        .steps
        .iter()
        .filter(|(name, cached)| !cached && name.contains("COPY"));
    assert_eq!(made.count(), 5, "{:?}", told.steps);
    let tools = told
        .steps
        .iter()
        .filter(|(name, _)| name.starts_with("[linux-tools"));
    assert_eq!(tools.count(), 1, "{:?}", told.steps);
    // Again, from another store, without a cache: the same.
    for ask in [
        ask(),
        Ask {
            no_cache: true,
            ..ask()
        },
        Ask {
            store: "other",
            threads: 1,
            ..ask()
        },
    ] {
        let (again, _) = bench.build_index(dockerfile, ask).unwrap();
        assert_eq!(again, index);
    }
    // One of them alone is the image that the index lists.
    let alone = Ask {
        platform: ALL[3],
        ..Ask::default()
    };
    let alone = bench.build(dockerfile, alone).unwrap();
    assert_eq!(index["index"]["manifests"][3]["digest"], alone.digest);
}

#[test]
fn versions_lead_to_bases() {
    let bench = bench();
    let check = |dockerfile: &str, platforms_: &[&str], expected: &[&str]| {
        let ask = Ask {
            platforms: platforms_,
            ..Ask::default()
        };
        let (index, images) = bench.build_index(dockerfile, ask).unwrap();
        assert_eq!(platforms(&index, &images), expected, "{dockerfile}");
        assert_eq!(images[0].told.warnings, [] as [&str; 0]);
    };
    check(
        "ARG TARGETOSVERSION\nFROM oci-layout://versions:${TARGETOSVERSION}\nCOPY app /",
        &ALL[2..4],
        &["windows(10.0.17763.1)/amd64", "windows(10.0.20348.2)/amd64"],
    );
    check(
        "FROM oci-layout://base AS linux-\n\
         FROM oci-layout://versions:10.0.17763 AS windows-10.0.17763\n\
         FROM oci-layout://versions:10.0.20348 AS windows-10.0.20348\n\
         FROM ${TARGETOS}-${TARGETOSVERSION}\nCOPY app /",
        &[ALL[0], ALL[2], ALL[3]],
        &[
            "linux()/amd64",
            "windows(10.0.17763.1)/amd64",
            "windows(10.0.20348.2)/amd64",
        ],
    );
    check(
        "FROM scratch\nCOPY app /",
        &[ALL[0], ALL[3]],
        &["linux()/amd64", "windows(10.0.20348)/amd64"],
    );
}

#[test]
fn bases_for_another_platform() {
    let bench = bench();
    let dockerfile = "FROM oci-layout://versions:10.0.17763\nCOPY app /";
    let ask = Ask {
        platforms: &ALL[2..4],
        ..Ask::default()
    };
    let (_, images) = bench.build_index(dockerfile, ask).unwrap();
    assert_eq!(
        images[0].told.warnings,
        [
            "the image for windows(10.0.20348)/amd64 is for windows(10.0.17763.1)/amd64, as its \
             base is; choose a base for windows(10.0.20348)/amd64, by its tag or by \
             TARGETOSVERSION in FROM",
            "the images for windows(10.0.17763)/amd64 and windows(10.0.20348)/amd64 are both for \
             windows(10.0.17763.1)/amd64: whoever reads the index takes the first",
        ]
    );
    let ask = Ask {
        platforms: &["linux/amd64", "linux/s390x"],
        ..Ask::default()
    };
    let failed = bench
        .build_index("FROM oci-layout://base\nCOPY app /", ask)
        .err()
        .unwrap();
    assert!(
        failed.text.contains("no image for linux/s390x"),
        "{}",
        failed.text
    );
}

#[test]
fn annotations() {
    let bench = bench();
    let dockerfile = "FROM oci-layout://base\nCOPY app /";
    let ask = Ask {
        platforms: &ALL[..2],
        annotations: &[
            "a=all",
            "manifest[linux/arm64]:b=arm",
            "index:c=index",
            "manifest-descriptor:d=entry",
            "index-descriptor:e=top",
        ],
        ..Ask::default()
    };
    let (index, images) = bench.build_index(dockerfile, ask).unwrap();
    assert_eq!(images[0].manifest["annotations"], json!({ "a": "all" }));
    assert_eq!(
        images[1].manifest["annotations"],
        json!({ "a": "all", "b": "arm" })
    );
    assert_eq!(index["index"]["annotations"], json!({ "c": "index" }));
    assert_eq!(images[0].descriptor["annotations"], json!({ "d": "entry" }));
    assert_eq!(index["top"]["annotations"], json!({ "e": "top" }));
    let ask = Ask {
        annotations: &["index:c=index"],
        ..Ask::default()
    };
    let failed = bench.build(dockerfile, ask).err().unwrap();
    assert_eq!(
        failed.text,
        "annotation index:c: one platform gives an image without an index; name several \
         platforms, or leave the level out"
    );
}
