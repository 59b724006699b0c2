//! `--progress rawjson` read back: the fields are BuildKit's and no others.

use serde::Deserialize;

use crate::bench::{Bench, Ran};
use crate::{LINUX, OUT, PLAIN};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SolveStatus {
    #[serde(default)]
    vertexes: Vec<Vertex>,
    #[serde(default)]
    statuses: Vec<Status>,
    #[serde(default)]
    logs: Vec<serde::de::IgnoredAny>,
    #[serde(default)]
    warnings: Vec<Warning>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vertex {
    digest: String,
    #[serde(default)]
    inputs: Vec<String>,
    name: String,
    started: String,
    completed: Option<String>,
    #[serde(default)]
    cached: bool,
    #[serde(default)]
    error: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Status {
    id: String,
    vertex: String,
    #[serde(default)]
    total: i64,
    current: i64,
    #[serde(rename = "timestamp")]
    _timestamp: String,
    #[serde(rename = "started")]
    _started: Option<String>,
    completed: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Warning {
    vertex: String,
    level: i64,
    #[serde(rename = "short")]
    _short: String,
    #[serde(default, rename = "detail")]
    _detail: Vec<String>,
    url: String,
    #[serde(rename = "sourceInfo")]
    source: serde_json::Value,
    range: serde_json::Value,
}

/// The changes, and what is no JSON.
fn read(ran: &Ran) -> (Vec<SolveStatus>, Vec<&str>) {
    let (json, other): (Vec<&str>, Vec<&str>) =
        ran.err.lines().partition(|line| line.starts_with('{'));
    let json = json.iter().map(|line| serde_json::from_str(line).unwrap());
    (json.collect(), other)
}

/// The vertices as they were told last, in the order in which they began.
fn last(changes: &[SolveStatus]) -> Vec<&Vertex> {
    let mut vertices: Vec<&Vertex> = Vec::new();
    for vertex in changes.iter().flat_map(|change| &change.vertexes) {
        match vertices
            .iter_mut()
            .find(|other| other.digest == vertex.digest)
        {
            Some(known) => {
                assert_eq!(known.name, vertex.name);
                assert_eq!(known.started, vertex.started);
                *known = vertex;
            }
            None => vertices.push(vertex),
        }
    }
    vertices
}

#[test]
fn a_build_that_succeeds() {
    let bench = Bench::new("FROM scratch AS Base\nCOPY x /\n");
    // Else there is a note of modes on Windows.
    let modes = ["--context-modes", "docker"];
    let arguments = [&LINUX[..], &OUT, &modes, &["--progress", "rawjson"]].concat();
    let mut digests: Vec<String> = Vec::new();
    for cached in [false, true] {
        let ran = bench.run(&arguments).expect(0, &[]);
        assert!(ran.out.is_empty());
        let (changes, other) = read(&ran);
        assert_eq!(other, [""; 0], "{}", ran.err);
        let vertices = last(&changes);
        let names: Vec<&str> = vertices.iter().map(|vertex| &*vertex.name).collect();
        let expected = [
            "[internal] load build definition from Dockerfile",
            "[base linux 1/2] FROM scratch AS Base",
            "[base linux 2/2] COPY x /",
            "exporting to OCI layout out",
        ];
        assert_eq!(names, expected);
        for vertex in &vertices {
            assert!(vertex.digest.starts_with("sha256:"));
            assert_eq!(vertex.error, "");
            let completed = vertex.completed.as_ref().unwrap();
            assert!(vertex.started.ends_with('Z') && completed.ends_with('Z'));
        }
        assert_eq!(vertices[2].cached, cached);
        assert_eq!(vertices[1].inputs, [""; 0]);
        assert_eq!(vertices[2].inputs, [&*vertices[1].digest]);
        let told: Vec<String> = vertices.iter().map(|v| v.digest.clone()).collect();
        assert!(digests.is_empty() || digests == told, "digests are stable");
        digests = told;
        let statuses = changes.iter().flat_map(|change| &change.statuses);
        let manifests = statuses.filter(|status| status.id.starts_with("manifest sha256:"));
        let manifests: Vec<&Status> = manifests.collect();
        assert_eq!(manifests.len(), 1);
        assert_eq!(manifests[0].vertex, digests[3]);
        assert_eq!((manifests[0].current, manifests[0].total), (0, 0));
        assert!(manifests[0].completed.is_some());
        let warnings = changes.iter().flat_map(|change| &change.warnings);
        let warnings: Vec<&Warning> = warnings.collect();
        assert_eq!(warnings.len(), 1);
        assert_eq!((&warnings[0].vertex, warnings[0].level), (&digests[0], 1));
        assert!(warnings[0].url.ends_with("/stage-name-casing/"));
        assert_eq!(warnings[0].source["language"], "Dockerfile");
        assert_eq!(warnings[0].range[0]["start"]["line"], 1);
        assert!(changes.iter().all(|change| change.logs.is_empty()));
    }
}

#[test]
fn a_build_that_fails() {
    let bench = Bench::new("FROM scratch\nCOPY none /\n");
    let arguments = [&LINUX[..], &["--progress=rawjson"]].concat();
    let ran = bench.run(&arguments);
    assert_eq!(ran.code, 1);
    let (changes, other) = read(&ran);
    let vertices = last(&changes);
    let failed = vertices.last().unwrap();
    assert_eq!(failed.name, "[stage-0 linux 2/2] COPY none /");
    assert!(failed.error.contains("not found"), "{}", failed.error);
    assert!(failed.completed.is_some());
    // As with buildx the error itself is text.
    assert!(other[0].starts_with("error: Dockerfile:2: COPY none /"));
    // The same as lines.
    let ran = bench.run(&LINUX).expect(1, &[]);
    let line = ran.err.lines().find(|line| line.starts_with("#2 ERROR: "));
    assert!(
        line.is_some_and(|line| line.contains("not found")),
        "{}",
        ran.err
    );
}

#[test]
fn the_environment() {
    let bench = Bench::new(PLAIN);
    let check = |variables: &[(&str, &str)], arguments: &[&str], start: &str| {
        let arguments = [&LINUX[..], arguments].concat();
        let ran = bench.run_with(&arguments, variables, "").expect(0, &[]);
        let is_start = match start {
            "" => ran.err.is_empty(),
            start => ran.err.starts_with(start),
        };
        assert!(is_start, "{variables:?} {arguments:?}: {}", ran.err);
    };
    let (buildkit, ours) = ("BUILDKIT_PROGRESS", "CROSSDOCK_PROGRESS");
    check(&[(buildkit, "rawjson")], &[], "{\"vertexes\":[");
    check(
        &[(buildkit, "rawjson")],
        &["--progress=auto"],
        "{\"vertexes\":[",
    );
    check(&[(buildkit, "rawjson")], &["--progress=plain"], "#1 ");
    check(&[(buildkit, "rawjson"), (ours, "plain")], &[], "#1 ");
    check(&[(buildkit, ""), (ours, "")], &[], "#1 ");
    check(&[(buildkit, "rawjson")], &["-q"], "");
    check(&[], &["--progress=none"], "");
    check(&[(ours, "none")], &[], "");
    bench.run_with(&LINUX, &[(ours, "loud")], "").expect(
        1,
        &["CROSSDOCK_PROGRESS=loud: is none of auto, plain, tty, quiet, rawjson"],
    );
}
