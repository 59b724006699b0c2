//! Documents of layouts, of the fixtures and of a registry.

use std::fs;

use serde_json::{Value, json};

use crate::bench::Bench;
use crate::registry::Registry;

#[test]
fn pages() {
    let mut bench = Bench::new();
    let config = json!({
        "os": "windows", "architecture": "amd64", "os.version": "10.0.20348.1", "author": "A\u{1b}",
        "config": {
            "User": "ContainerUser", "WorkingDir": "C:\\app", "Entrypoint": ["app.exe", "-x"],
            "Cmd": ["a b"], "Env": ["A=1", "B=2"], "ExposedPorts": { "80/tcp": {} },
            "Labels": { "x": "1" }, "StopTimeout": 5, "Healthcheck": { "Test": ["NONE"] },
            "Shell": ["cmd", "/S", "/C"], "ArgsEscaped": true, "StopSignal": "SIGTERM",
            "Volumes": { "C:\\data": {} }, "OnBuild": ["RUN x"],
        },
    });
    let windows = bench.image("windows", config, &[700, 40]);
    let other = bench.image(
        "other",
        json!({ "os": "plan9", "architecture": "386" }),
        &[],
    );
    let index = bench.index("index", &[windows.clone(), other.clone()]);
    bench.name("docker.io/library/win:1", &windows);
    bench.name("docker.io/library/all:1", &index);
    bench.write_names();
    let manifest: Value =
        serde_json::from_slice(&bench.run(&["inspect", "--raw", "win:1"]).bytes).unwrap();
    let config = manifest["config"]["digest"].as_str().unwrap();
    let layer = |place: usize| manifest["layers"][place]["digest"].as_str().unwrap();
    let image = format!("\
Digest:       <<windows>>
Media type:   application/vnd.oci.image.manifest.v1+json
Platform:     windows(10.0.20348.1)/amd64
Config:       {config}
Size:         740B in 2 layers
Created:      2999-01-01T00:00:00Z
Author:       A\\x1b
User:         ContainerUser
Working dir:  C:\\app
Entrypoint:   [\"app.exe\",\"-x\"]
Cmd:          [\"a b\"]
Args escaped: true
Shell:        [\"cmd\",\"/S\",\"/C\"]
Env:          A=1
              B=2
Ports:        80/tcp
Volumes:      C:\\data
Labels:       x=1
Stop signal:  SIGTERM
Stop timeout: 5 s
Health check: [\"NONE\"]
On build:     RUN x

LAYER                                                                    DIFF ID                                                                  SIZE  COMPRESSED  MEDIA TYPE
{}  <<windows 0>>     ?        700B  application/vnd.oci.image.layer.v1.tar+gzip
{}  <<windows 1>>     ?         40B  application/vnd.oci.image.layer.v1.tar+gzip
", layer(0), layer(1));
    bench.check(
        &["inspect", "win:1"],
        0,
        &format!("Name:         win:1\n{image}"),
        "",
    );
    let list = "\
Name:       all:1
Digest:     <<index>>
Media type: application/vnd.oci.image.index.v1+json

   PLATFORM                     DIGEST
";
    bench.check(
        &["inspect", "--platform", "windows/amd64", "all:1"],
        0,
        &format!(
            "{list}\
*  windows(10.0.20348.1)/amd64  <<windows>>
   plan9/386                    <<other>>

{image}"
        ),
        "",
    );
    let none = format!(
        "{list}   windows(10.0.20348.1)/amd64  <<windows>>
   plan9/386                    <<other>>

None of them is for this machine; --platform shows one
"
    );
    bench.check(&["inspect", "all:1"], 0, &none, "");
    bench.check(
        &[
            "inspect",
            "oci-layout://store@<<index>>",
            "oci-layout://nothing",
        ],
        1,
        &none.replace("all:1", "oci-layout://store@<<index>>"),
        "*",
    );
    bench.check(
        &["inspect", "--config", "all:1"],
        1,
        "",
        "error: all:1: is an index of images for windows(10.0.20348.1)/amd64, plan9/386; choose \
         one with --platform\n",
    );
    let platform = bench.run(&[
        "inspect",
        "--platform",
        "linux/amd64",
        "oci-layout://store@<<windows>>",
        "oci-layout://store@<<index>>",
    ]);
    assert_eq!((platform.code, platform.out.as_str()), (1, ""));
    assert_eq!(
        platform.err.matches("no image for linux/amd64").count(),
        2,
        "{}",
        platform.err
    );
    let several = bench.run(&["inspect", "--raw", "win:1", "all:1"]);
    assert_eq!((several.code, several.out.as_str()), (1, ""));
}

/// What is printed is byte for byte what the fixtures have.
#[test]
fn documents_of_the_fixtures() {
    let bench = Bench::new();
    crossdock_fixtures::linux_base(&bench.path("linux"), 3).unwrap();
    crossdock_fixtures::windows_base(&bench.path("windows"), 20).unwrap();
    let check = |layout: &str, tag: &str, arguments: &[&str], digest: &Value| {
        let image = format!("oci-layout://{layout}:{tag}");
        let ran = bench.run(&[&["inspect", &image], arguments].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
        let digest = digest.as_str().unwrap().replace(':', "/");
        let file = bench.path(layout).join("blobs").join(digest);
        assert!(
            ran.bytes == fs::read(file).unwrap(),
            "{image} {arguments:?}"
        );
        serde_json::from_slice::<Value>(&ran.bytes).unwrap()
    };
    let tagged = |layout: &str, tag: &str| -> Value {
        let index = fs::read(bench.path(layout).join("index.json")).unwrap();
        let index: Value = serde_json::from_slice(&index).unwrap();
        let mut entries = index["manifests"].as_array().unwrap().iter();
        let name = "org.opencontainers.image.ref.name";
        entries
            .find(|entry| entry["annotations"][name] == tag)
            .unwrap()
            .clone()
    };
    let top = tagged("linux", "latest");
    let index = check("linux", "latest", &["--raw"], &top["digest"]);
    for entry in index["manifests"].as_array().unwrap() {
        let (os, architecture) = (&entry["platform"]["os"], &entry["platform"]["architecture"]);
        let mut platform = format!(
            "{}/{}",
            os.as_str().unwrap(),
            architecture.as_str().unwrap()
        );
        if let Some(variant) = entry["platform"]["variant"].as_str() {
            platform = format!("{platform}/{variant}");
        }
        let platform = ["--platform", &platform];
        let manifest = check(
            "linux",
            "latest",
            &[&["--raw"][..], &platform].concat(),
            &entry["digest"],
        );
        let config = [&["--config"][..], &platform].concat();
        let config = check("linux", "latest", &config, &manifest["config"]["digest"]);
        let json = [
            &["inspect", "--format", "json", "oci-layout://linux:latest"][..],
            &platform,
        ]
        .concat();
        let all: Value = serde_json::from_str(&bench.run(&json).out).unwrap();
        assert_eq!(all["index"], index);
        assert_eq!(all["manifest"], manifest);
        assert_eq!(all["config"], config);
        assert_eq!(all["image"], *entry);
        for (place, layer) in all["layers"].as_array().unwrap().iter().enumerate() {
            assert_eq!(layer["digest"], manifest["layers"][place]["digest"]);
            assert_eq!(layer["compressed_size"], manifest["layers"][place]["size"]);
            assert_eq!(layer["diff_id"], config["rootfs"]["diff_ids"][place]);
        }
    }
    let windows: Value = {
        let index = fs::read(bench.path("windows/index.json")).unwrap();
        serde_json::from_slice(&index).unwrap()
    };
    let entry = &windows["manifests"][0];
    let tag = entry["annotations"]["org.opencontainers.image.ref.name"]
        .as_str()
        .unwrap();
    check("windows", tag, &["--raw"], &entry["digest"]);
}

#[test]
fn a_registry_is_asked_for_documents_alone() {
    let mut bench = Bench::new();
    let linux = bench.image(
        "linux",
        json!({ "os": "linux", "architecture": "amd64" }),
        &[700, 40],
    );
    let windows = bench.image(
        "windows",
        json!({ "os": "windows", "architecture": "amd64" }),
        &[90],
    );
    let index = bench.index("index", &[linux.clone(), windows.clone()]);
    bench.name("docker.io/library/app:all", &index);
    bench.write_names();
    let registry = Registry::start(bench.path("store"));
    let image = format!("{}/app:all", registry.address);
    let document = |image: &Value| -> Value {
        let digest = image["digest"].as_str().unwrap().replace(':', "/");
        let file = bench.path("store/blobs").join(digest);
        serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
    };
    let config = |image: &Value| {
        document(image)["config"]["digest"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let mut stores = 0;
    let mut check = |arguments: &[&str], expected: &[&str]| {
        stores += 1;
        let store = format!("store-{stores}");
        let ran = bench.run_in(&store, &[arguments, &[&image]].concat());
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{arguments:?}");
        let mut expected: Vec<String> = expected.iter().map(|part| bench.fill(part)).collect();
        expected.push("all".to_owned());
        expected.sort();
        assert_eq!(registry.asked(), expected, "{arguments:?}");
    };
    let (of_linux, of_windows) = (config(&linux), config(&windows));
    check(&["inspect", "--raw"], &["<<index>>"]);
    let windows = ["--platform", "windows/amd64"];
    let parts = ["<<index>>", "<<windows>>", &of_windows];
    for command in [
        &["inspect"][..],
        &["inspect", "--format", "json"],
        &["inspect", "--config"],
        &["inspect", "--raw"],
        &["history"],
    ] {
        check(&[command, &windows].concat(), &parts);
    }
    let linux = ["inspect", "--platform", "linux/amd64"];
    check(&linux, &["<<index>>", "<<linux>>", &of_linux]);
}
