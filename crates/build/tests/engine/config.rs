//! Configs, history and times.

use serde_json::{Value, json};

use crate::archive::{dir, file, tar};
use crate::bench::{Ask, Bench, Codec, Image, linux};

fn base(bench: &Bench, name: &str, layers: usize, config: Value) {
    let mut layout = bench.layout(name);
    let layers: Vec<_> = (0..layers)
        .map(|number| {
            let name = format!("file-{number}");
            (
                tar(&[dir("./", 0o755), file(&name, 0o644, &name)]),
                Codec::Gzip,
            )
        })
        .collect();
    let image = layout.image(&layers, config);
    layout.tag(&image, "latest");
    layout.write();
}

#[track_caller]
fn build(bench: &Bench, dockerfile: &str, ask: Ask<'_>) -> Image {
    match bench.build(dockerfile, ask) {
        Ok(image) => image,
        Err(failed) => panic!("{dockerfile}: {}", failed.text),
    }
}

/// Everything that a base's config says stays, also what nobody knows, in any system.
#[test]
fn inherited() {
    let bench = Bench::new();
    let run = json!({
        "User": "app:staff",
        "ExposedPorts": { "80/tcp": {} },
        "Env": ["PATH=/bin", "A=1"],
        "Entrypoint": ["/entry"],
        "Cmd": ["a", "b"],
        "Healthcheck": { "Test": ["CMD", "x"], "Interval": 5_000_000_000u64, "StartInterval": 7 },
        "Volumes": { "/data": {} },
        "WorkingDir": "/srv",
        "Labels": { "a": "1", "b": "2" },
        "StopSignal": "SIGQUIT",
        "StopTimeout": 9,
        "Shell": ["/bin/bash", "-c"],
        "Unknown": { "x": [1, 2.5] },
    });
    let config = |os: &str, run: &Value| {
        json!({
            "os": os,
            "architecture": "arm64",
            "variant": "v8",
            "os.version": "10.0.20348.2849",
            "os.features": ["win32k", "other"],
            "author": "somebody",
            "created": "2020-01-02T03:04:05.123456789Z",
            "config": run,
            "unknown": true,
        })
    };
    base(&bench, "linux", 1, config("linux", &run));
    let mut windows = run.clone();
    windows["WorkingDir"] = json!("\\srv");
    windows["ArgsEscaped"] = json!(true);
    base(&bench, "windows", 0, config("windows", &windows));
    for (os, run) in [("linux", &run), ("windows", &windows)] {
        let dockerfile = format!("FROM oci-layout://{os}\nLABEL c=3 b=4\n");
        let platform = format!("{os}/arm64");
        let ask = Ask {
            platform: &platform,
            ..Ask::default()
        };
        let mut found = build(&bench, &dockerfile, ask).config;
        let mut expected = config(os, run);
        expected["config"]["Labels"] = json!({ "a": "1", "b": "4", "c": "3" });
        found.as_object_mut().unwrap().remove("rootfs");
        found.as_object_mut().unwrap().remove("history");
        assert_eq!(found, expected);
    }
}

#[test]
fn changed() {
    let bench = Bench::new();
    base(&bench, "linux", 1, linux());
    let windows = json!({ "os": "windows", "architecture": "amd64", "os.version": "10.0.20348.1" });
    base(&bench, "windows", 0, windows);
    let check = |os: &str, instructions: &str, expected: Value| {
        let dockerfile = format!("FROM oci-layout://{os}\n{instructions}\n");
        let platform = format!("{os}/amd64");
        let ask = Ask {
            platform: &platform,
            ..Ask::default()
        };
        let image = build(&bench, &dockerfile, ask);
        assert_eq!(image.config["config"], expected, "{instructions}");
    };
    let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let linux = |extra: Value| {
        let mut config = json!({ "Env": [path] });
        config
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        config
    };
    check("linux", "", linux(json!({})));
    check(
        "linux",
        "CMD a b",
        linux(json!({ "Cmd": ["/bin/sh", "-c", "a b"], "ArgsEscaped": true })),
    );
    check(
        "linux",
        "CMD [\"a\"]\nUSER x",
        linux(json!({ "Cmd": ["a"], "ArgsEscaped": true, "User": "x" })),
    );
    check(
        "linux",
        "SHELL [\"s\"]\nENTRYPOINT a",
        linux(json!({ "Entrypoint": ["s", "a"], "Shell": ["s"] })),
    );
    check(
        "linux",
        "ENV B=$PATH",
        linux(json!({ "Env": [path, format!("B={}", &path[5..])] })),
    );
    check(
        "linux",
        "EXPOSE 80 9/udp\nVOLUME /a\nSTOPSIGNAL SIGINT",
        linux(json!({
            "ExposedPorts": { "80/tcp": {}, "9/udp": {} },
            "Volumes": { "/a": {} },
            "StopSignal": "SIGINT",
        })),
    );
    // No PATH: the registry has it.
    check("windows", "LABEL a=b", json!({ "Labels": { "a": "b" } }));
    check(
        "windows",
        "CMD a \"b\"",
        json!({ "Cmd": ["cmd", "/S", "/C", "a \"b\""], "ArgsEscaped": true }),
    );
}

/// Each layer has one record of history without `empty_layer` (the bench compares the numbers),
/// whatever the base says.
#[test]
fn history() {
    let bench = Bench::new();
    let record = |text: &str, empty: bool| json!({ "created_by": text, "empty_layer": empty });
    let unknown = || (String::new(), true);
    let stated = |text: &str, layer: bool| (text.to_owned(), layer);
    let cases = [
        ("none", json!(null), vec![unknown(), unknown()]),
        (
            "whole",
            json!([record("a", false), record("b", true), record("c", false)]),
            vec![stated("a", true), stated("b", false), stated("c", true)],
        ),
        (
            "short",
            json!([record("a", false), record("b", true)]),
            vec![stated("a", true), stated("b", false), unknown()],
        ),
        (
            "long",
            json!([record("a", false), record("b", false), record("c", false)]),
            vec![stated("a", true), stated("b", true), stated("c", false)],
        ),
    ];
    bench.file("x", "x");
    for (name, history, expected) in cases {
        let mut config = linux();
        config["history"] = history;
        base(&bench, name, 2, config);
        let dockerfile = format!(
            "FROM oci-layout://{name}\nENV A=b\nCOPY x /y\nWORKDIR /\nWORKDIR /n\nCOPY no* /z/\n"
        );
        let image = build(&bench, &dockerfile, Ask::default());
        let mut expected = expected;
        expected.extend([
            stated("ENV A=b", false),
            stated("COPY x /y # buildkit", true),
            stated("WORKDIR /", false),
            stated("WORKDIR /n", true),
            stated("COPY no* /z/ # buildkit", false),
        ]);
        assert_eq!(image.history(), expected, "{name}");
    }
    let dockerfile = "FROM scratch\nCOPY x /y\n";
    let image = build(&bench, dockerfile, Ask::default());
    assert_eq!(image.history(), [stated("COPY x /y # buildkit", true)]);
    let windows = Ask {
        platform: "windows(10.0.20348.1)/amd64",
        ..Ask::default()
    };
    let image = build(&bench, "FROM scratch\nLABEL a=b\nCOPY x /y\n", windows);
    let expected = [
        stated("FROM scratch", true),
        stated("LABEL a=b", false),
        stated("COPY x /y # buildkit", true),
    ];
    assert_eq!(image.history(), expected);
    // A stage upon a stage with the same layer twice.
    let dockerfile = "FROM scratch AS a\nCOPY x /y\nCOPY x /y\nFROM a\nCOPY --link x /y\n";
    let image = build(&bench, dockerfile, Ask::default());
    assert_eq!(image.history().len(), 3);
}

#[test]
fn times() {
    let bench = Bench::new();
    let mut config = linux();
    config["created"] = json!("2020-01-02T03:04:05.5Z");
    config["history"] = json!([{ "created": "2019-01-01T00:00:00Z", "created_by": "base" }]);
    base(&bench, "base", 1, config);
    base(&bench, "timeless", 1, linux());
    // 2008-01-10T21:20:00Z
    bench.file("x", "x");
    let source = [
        file("f", 0o644, "f").at(1_700_000_000),
        file("g", 0o644, "g").at(5),
    ];
    bench.linux_base("source", &source);
    let check = |dockerfile: &str, epoch: Option<i64>, created: &str, mtimes: &[(&str, &str)]| {
        let ask = Ask {
            epoch,
            ..Ask::default()
        };
        let image = build(&bench, dockerfile, ask);
        assert_eq!(image.config["created"], created, "{dockerfile} {epoch:?}");
        for record in image.config["history"].as_array().unwrap() {
            if record["created_by"] == "base" {
                assert_eq!(record["created"], "2019-01-01T00:00:00Z");
            } else if record.get("created_by").is_some() {
                assert_eq!(record["created"], created);
            }
        }
        for (name, time) in mtimes {
            assert_eq!(
                image.entry(name).mtime,
                *time,
                "{dockerfile} {epoch:?} {name}"
            );
        }
    };
    let copy = "COPY x /n/x\n";
    let (base, timeless) = ("FROM oci-layout://base\n", "FROM oci-layout://timeless\n");
    let later = "COPY --from=oci-layout://source f g /n/\n";
    // The newest of the base's time and of the times in new layers.
    check(base, None, "2020-01-02T03:04:05.5Z", &[]);
    check(
        &format!("{base}{copy}"),
        None,
        "2020-01-02T03:04:05.5Z",
        &[("n/x", "1200000000"), ("n/", "315532800")],
    );
    check(
        &format!("{base}{later}"),
        None,
        "2023-11-14T22:13:20Z",
        &[("n/f", "1700000000")],
    );
    check(
        &format!("{timeless}{copy}"),
        None,
        "2008-01-10T21:20:00Z",
        &[],
    );
    check(timeless, None, "1980-01-01T00:00:00Z", &[]);
    check(
        &format!("{timeless}WORKDIR /n\n"),
        None,
        "1980-01-01T00:00:00Z",
        &[],
    );
    // SOURCE_DATE_EPOCH is the time, and the latest in new layers; the base's stay.
    let epoch = Some(1_000_000_500);
    let created = "2001-09-09T01:55:00Z";
    check(base, epoch, created, &[("file-0", "1000000000")]);
    check(
        &format!("{base}{later}{copy}"),
        epoch,
        created,
        &[("n/f", "1000000500"), ("n/g", "5"), ("n/x", "1000000500")],
    );
    let early = Some(1000);
    check(
        &format!("{base}{later}WORKDIR /w\nCOPY <<h /\nh\n"),
        early,
        "1970-01-01T00:16:40Z",
        &[
            ("n/", "1000"),
            ("n/g", "5"),
            ("w/", "1000"),
            ("h", "1000"),
            ("file-0", "1000000000"),
        ],
    );
    check(timeless, Some(0), "1970-01-01T00:00:00Z", &[]);
}
