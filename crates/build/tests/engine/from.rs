//! Which image `FROM` finds, in every form that images come in.

use crossdock_build::ErrorClass;
use serde_json::{Value, json};

use crate::archive::{file, tar};
use crate::bench::{Ask, Bench, Codec, blob_path, linux};

fn layer(name: &str) -> Vec<u8> {
    tar(&[file("name", 0o644, name)])
}

/// A layout `images` with one image for each platform, under the tag `many` as an index, whose
/// only file says its number. Nothing is copied, so configs tell which was chosen.
fn platforms(platforms: &[Value]) -> Bench {
    let bench = Bench::new();
    let mut layout = bench.layout("images");
    let manifests: Vec<Value> = platforms
        .iter()
        .enumerate()
        .map(|(number, platform)| {
            let mut config = platform.clone();
            config["config"] = json!({ "Labels": { "number": number.to_string() } });
            layout.image(&[(layer(&number.to_string()), Codec::Gzip)], config)
        })
        .collect();
    let index = layout.index(&manifests);
    layout.tag(&index, "many");
    let nested = layout.index(&[index]);
    layout.tag(&nested, "nested");
    layout.write();
    bench
}

#[track_caller]
fn check(bench: &Bench, tag: &str, platform: &str, expected: Result<usize, &str>) {
    let dockerfile = format!("FROM --platform={platform} oci-layout://images:{tag}\nLABEL a=b\n");
    let ask = Ask {
        platform,
        ..Ask::default()
    };
    match (bench.build(&dockerfile, ask), expected) {
        (Ok(image), Ok(number)) => {
            let found = &image.config["config"]["Labels"]["number"];
            assert_eq!(found, &json!(number.to_string()), "{platform}");
            assert_eq!(image.descriptor["platform"]["os"], image.config["os"]);
            for key in ["architecture", "variant", "os.version", "os.features"] {
                assert_eq!(
                    image.descriptor["platform"][key], image.config[key],
                    "{key}"
                );
            }
        }
        (Err(failed), Err(part)) => {
            assert!(failed.text.contains(part), "{platform}: {}", failed.text);
            assert_eq!(failed.class, ErrorClass::Input);
        }
        (Ok(image), Err(part)) => panic!("{platform}: {part} expected, not {}", image.config),
        (Err(failed), Ok(number)) => panic!("{platform}: {number} expected, not {failed:?}"),
    }
}

#[test]
fn platform_of_an_index() {
    let windows = |version: &str, features: &[&str]| {
        json!({
            "os": "windows", "architecture": "amd64", "os.version": version,
            "os.features": features,
        })
    };
    let bench = platforms(&[
        json!({ "os": "linux", "architecture": "amd64" }),
        json!({ "os": "linux", "architecture": "arm", "variant": "v6" }),
        json!({ "os": "linux", "architecture": "arm", "variant": "v7" }),
        json!({ "os": "linux", "architecture": "arm64", "variant": "v8" }),
        // As text, .999 would be above .2849.
        windows("10.0.20348.999", &[]),
        windows("10.0.20348.2849", &["win32k"]),
        windows("10.0.17763.6532", &[]),
    ]);
    for tag in ["many", "nested"] {
        check(&bench, tag, "linux/amd64", Ok(0));
        check(&bench, tag, "linux/arm/v6", Ok(1));
        check(&bench, tag, "linux/arm/v7", Ok(2));
        check(&bench, tag, "linux/arm64", Ok(3));
        check(&bench, tag, "windows/amd64", Ok(5));
        check(&bench, tag, "windows(10.0.20348)/amd64", Ok(5));
        check(&bench, tag, "windows(10.0.20348.999)/amd64", Ok(4));
        check(&bench, tag, "windows(10.0.17763)/amd64", Ok(6));
        check(&bench, tag, "windows(+win32k)/amd64", Ok(5));
        check(
            &bench,
            tag,
            "windows(10.0.17763+win32k)/amd64",
            Err("no image for windows(10.0.17763+win32k)/amd64; there are linux/amd64,"),
        );
        check(&bench, tag, "linux/s390x", Err("no image for linux/s390x"));
    }
}

/// Every compression, also of docker's documents, gives an OCI image with the same layers.
#[test]
fn layers_of_every_kind() {
    let codecs = [Codec::Plain, Codec::Gzip, Codec::Members, Codec::Zstd];
    let layers = codecs.map(|codec| {
        let name = format!("layer {}", codecs.len());
        (tar(&[file(&name, 0o644, name.repeat(300))]), codec)
    });
    let bench = Bench::new();
    let mut layout = bench.layout("images");
    let oci = layout.image(&layers, linux());
    layout.tag(&oci, "oci");
    let gzip: Vec<_> = layers[1..3].to_vec();
    let docker = layout.image_as(&gzip, linux(), true);
    layout.tag(&docker, "docker");
    layout.write();
    for (tag, descriptor) in [("oci", &oci), ("docker", &docker)] {
        let digest = descriptor["digest"].as_str().unwrap();
        let bytes = std::fs::read(blob_path(&layout.folder, digest)).unwrap();
        let manifest: Value = serde_json::from_slice(&bytes).unwrap();
        let dockerfile = format!("FROM oci-layout://images:{tag}\nCOPY <<new /\ntext\nnew\n");
        let image = bench.build(&dockerfile, Ask::default()).unwrap();
        let expected: Vec<_> = manifest["layers"].as_array().unwrap().to_vec();
        let found = image.manifest["layers"].as_array().unwrap();
        assert_eq!(found.len(), expected.len() + 1);
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found["digest"], expected["digest"]);
            assert_eq!(found["size"], expected["size"]);
            let media_type = found["mediaType"].as_str().unwrap();
            assert!(media_type.starts_with("application/vnd.oci.image.layer.v1.tar"));
        }
        assert_eq!(
            image.manifest["config"]["mediaType"],
            "application/vnd.oci.image.config.v1+json"
        );
        assert_eq!(image.lines(), ["f 644 0:0 new \"text\\n\""]);
    }
}

#[test]
fn names_of_images() {
    let bench = Bench::new();
    let mut layout = bench.layout("images");
    let images = ["one", "two"].map(|name| layout.image(&[(layer(name), Codec::Gzip)], linux()));
    layout.tag(&images[0], "one");
    layout.tag(&images[1], "two:2");
    layout.write();
    let other = bench.layout("empty");
    other.write();
    let digest = |number: usize| images[number]["digest"].as_str().unwrap().to_owned();
    let check = |reference: &str, expected: Result<&str, &str>| {
        let result = bench.build(&format!("FROM {reference}\n"), Ask::default());
        match (result, expected) {
            (Ok(image), Ok(name)) => assert_eq!(image.layers[0][0].content, name.as_bytes()),
            (Err(failed), Err(part)) => {
                assert!(failed.text.contains(part), "{reference}: {}", failed.text);
                assert_eq!(failed.class, ErrorClass::Input, "{reference}");
            }
            (Ok(_), Err(part)) => panic!("{reference}: {part}"),
            (Err(failed), Ok(_)) => panic!("{reference}: {failed:?}"),
        }
    };
    check("oci-layout://images:one", Ok("one"));
    check("oci-layout://./images:one", Ok("one"));
    check("oci-layout://images:2", Ok("two"));
    check(&format!("oci-layout://images@{}", digest(1)), Ok("two"));
    // The digest decides.
    check(&format!("oci-layout://images:one@{}", digest(1)), Ok("two"));
    check(
        "oci-layout://images:three",
        Err("no image has the tag \"three\"; its tags are one, two:2"),
    );
    check("oci-layout://images", Err("2 images fit; name one by tag"));
    check("oci-layout://empty", Err("the layout holds no image"));
    check("oci-layout://nowhere", Err("nowhere"));
    check("Debian:12", Err("\"library/Debian\" must be lower case"));
    check(
        "oci-layout://images@sha256:00",
        Err("oci-layout://images@sha256:00"),
    );
}

/// What is wrong with a stage counts if the stage is needed, and before any layer is read.
#[test]
fn unsupported_instructions() {
    let bench = Bench::new();
    bench.linux_base("base", &[file("a", 0o644, "a")]);
    let check = |dockerfile: &str, target: Option<&str>, expected: &[&str]| {
        let ask = Ask {
            target,
            ..Ask::default()
        };
        let failed = bench.build(dockerfile, ask).err().unwrap();
        for part in expected {
            assert!(failed.text.contains(part), "{dockerfile}\n{}", failed.text);
        }
        assert_eq!(failed.class, ErrorClass::Input);
        assert_eq!(failed.told.layers_read(), 0, "{dockerfile}");
    };
    // Nobody looks for the base, which is nowhere.
    let run = "FROM oci-layout://nowhere AS a\nRUN x\nFROM a AS b\nFROM scratch AS c\nCOPY a b\n";
    for target in ["a", "b", "0", "1"] {
        check(run, Some(target), &["RUN", "Dockerfile:2"]);
    }
    // Here the stage is not needed.
    check(run, Some("c"), &["Dockerfile:5"]);
}
