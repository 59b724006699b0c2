//! Files about the result, stages without results of earlier builds, options that docker has.

use std::fs;

use serde_json::{Value, json};

use crate::bench::Bench;
use crate::{LINUX, OUT, PLAIN};

const TWO: [&str; 2] = ["--platform", "linux/amd64,windows(10.0.20348)/amd64"];

#[test]
fn of_one_image() {
    let bench = Bench::new(PLAIN);
    let files = [
        "--iidfile",
        "id",
        "--metadata-file",
        "m.json",
        "-t",
        "app",
        "-t",
        "b:2",
    ];
    let name = ["-o", "type=oci,dest=a.tar,name=c"];
    let arguments = [&LINUX[..], &OUT, &files, &name].concat();
    bench.run(&arguments).expect(0, &[]);
    let index = bench.json("out/index.json");
    let listed = &index["manifests"][0];
    let manifest = listed["digest"].as_str().unwrap();
    let blob = format!("out/blobs/{}", manifest.replace(':', "/"));
    let config = &bench.json(&blob)["config"]["digest"];
    assert_eq!(
        fs::read_to_string(bench.path("id")).unwrap(),
        config.as_str().unwrap()
    );
    let expected = json!({
        "containerimage.config.digest": config,
        "containerimage.descriptor": {
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": manifest,
            "size": listed["size"],
            "platform": {"architecture": "amd64", "os": "linux"},
        },
        "containerimage.digest": manifest,
        "image.name": "app,b:2,c",
    });
    assert_eq!(bench.json("m.json"), expected);
    // As Go writes it.
    let text = fs::read_to_string(bench.path("m.json")).unwrap();
    assert!(
        text.starts_with("{\n  \"containerimage.config.digest\": "),
        "{text}"
    );
}

#[test]
fn of_several_images() {
    let bench = Bench::new(PLAIN);
    let files = ["--iidfile", "id", "--metadata-file", "m.json", "-q"];
    let ran = bench.run(&[&TWO[..], &OUT, &files].concat()).expect(0, &[]);
    let digest = ran.digest();
    assert_eq!(fs::read_to_string(bench.path("id")).unwrap(), digest);
    let metadata = bench.json("m.json");
    assert_eq!(metadata["containerimage.digest"], digest);
    let descriptor = &metadata["containerimage.descriptor"];
    assert_eq!(
        descriptor["mediaType"],
        "application/vnd.oci.image.index.v1+json"
    );
    assert_eq!(metadata["containerimage.config.digest"], Value::Null);
    assert_eq!(metadata["image.name"], Value::Null);
    let blob = format!("out/blobs/{}", digest.replace(':', "/"));
    let listed = bench.json(&blob)["manifests"].clone();
    let images = metadata["crossdock.images"].as_array().unwrap();
    assert_eq!(images.len(), 2);
    for (image, listed) in images.iter().zip(listed.as_array().unwrap()) {
        assert_eq!(&image["containerimage.descriptor"], listed);
        assert_eq!(image["containerimage.digest"], listed["digest"]);
        assert_eq!(image["platform"], listed["platform"]);
        assert!(image["containerimage.config.digest"].is_string());
    }
}

#[test]
fn warnings_are_in_the_metadata_if_they_are_asked_for() {
    let bench = Bench::new("FROM scratch AS Base\nCOPY x /\n");
    let arguments = [&LINUX[..], &["--metadata-file", "m.json"]].concat();
    let warnings = |value: &str| {
        let variables = [("BUILDX_METADATA_WARNINGS", value)];
        bench.run_with(&arguments, &variables, "").expect(0, &[]);
        bench.json("m.json")["buildx.build.warnings"].clone()
    };
    assert_eq!(warnings("0"), Value::Null);
    let asked = warnings("true");
    assert_eq!(asked.as_array().unwrap().len(), 1);
    assert_eq!(asked[0]["sourceInfo"]["filename"], "Dockerfile");
}

#[test]
fn only_what_was_made_is_told() {
    let bench = Bench::new("FROM scratch\nCOPY none /\n");
    bench.write("id", "old");
    bench.write("m.json", "old");
    let files = ["--iidfile", "id", "--metadata-file", "m.json"];
    let run = || bench.run(&[&LINUX[..], &files].concat());
    run().expect(1, &["none"]);
    assert!(
        !bench.path("id").exists(),
        "an id is of this build or of none"
    );
    assert_eq!(fs::read_to_string(bench.path("m.json")).unwrap(), "old");
    bench.write("context/Dockerfile", PLAIN);
    run().expect(0, &[]);
    // Files are no image.
    for output in ["type=local,dest=files", "type=tar,dest=files.tar"] {
        let output = [&LINUX[..], &["-o", output]].concat();
        bench
            .run(&[&output[..], &files].concat())
            .expect(1, &["--iidfile: type=local"]);
        let run = bench.run(&[&output[..], &["--metadata-file", "files.json"]].concat());
        run.expect(0, &[]);
        assert_eq!(bench.json("files.json"), json!({}));
    }
    bench
        .run(&["--check", "--iidfile", "id"])
        .expect(1, &["--iidfile: --call and --check make no image"]);
    for flag in ["--iidfile", "--metadata-file"] {
        bench
            .run(&[LINUX[0], LINUX[1], flag, "none/file"])
            .expect(4, &[flag, "none"]);
    }
}

#[test]
fn stages_that_are_made_anew() {
    let bench = Bench::new("FROM scratch AS one\nCOPY x /\nFROM scratch\nCOPY --from=one x /y\n");
    bench.run(&LINUX).expect(0, &[]);
    let check = |arguments: &[&str], cached: usize| {
        let ran = bench.run(&[&LINUX[..], arguments].concat()).expect(0, &[]);
        let lines = ran.err.lines().filter(|line| line.ends_with(" CACHED"));
        assert_eq!(lines.count(), cached, "{}", ran.err);
    };
    check(&[], 2);
    check(&["--no-cache-filter", "ONE"], 1);
    check(&["--no-cache-filter", "one,1"], 0);
    check(&["--no-cache"], 0);
}

#[test]
fn options_of_docker() {
    let bench = Bench::new(PLAIN);
    for (arguments, part) in [
        (&["--load"][..], "docker load"),
        (&["--cache-to", "type=inline"], "not supported yet"),
        (&["--secret", "id=a"], "RUN"),
        (&["--provenance=mode=max"], "not supported yet"),
        (&["--platform", "lunix"], "neither an operating system nor"),
    ] {
        let flag = arguments[0].split('=').next().unwrap();
        bench.run(arguments).expect(1, &[flag, part]);
        assert!(!bench.path("store").exists(), "{arguments:?}");
    }
    let off = [
        "--provenance=false",
        "--sbom=false",
        "--platform=windows(10.0.20348)",
    ];
    bench.run(&[&off[..], &OUT].concat()).expect(0, &[]);
    let config = bench.config("out");
    assert_eq!(config["os"], "windows");
    assert!(config["architecture"].is_string());
}
