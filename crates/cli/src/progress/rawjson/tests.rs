use crossdock_build::{Event, Loss, LossKind, Work};
use crossdock_dockerfile::{Dockerfile, Options, check_file};
use serde_json::{Value, json};

use super::*;

/// Tells events, each at a time in milliseconds after 2001-09-09T01:46:40Z, and gives the lines.
fn told(events: &[(u64, Event)]) -> Vec<Value> {
    let mut raw = raw();
    let lines = events
        .iter()
        .map(|(at, event)| raw.lines(event, Duration::from_millis(*at)));
    parsed(&lines.collect::<String>())
}

fn raw() -> RawJson {
    RawJson::new(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000))
}

#[track_caller]
fn parsed(text: &str) -> Vec<Value> {
    assert!(text.is_empty() || text.ends_with('\n'));
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn started(vertex: usize, name: &str) -> Event {
    let work = Work {
        name: name.to_owned(),
        stage: None,
        system: None,
        inputs: Vec::new(),
    };
    Event::Started { vertex, work }
}

/// `printf 'NAME\0COUNT' | sha256sum`.
const FIRST: &str = "sha256:0d7521d11c21dc42b3d67d6db659ace9b68df68b178a3b3955f2d626f2f6c2e3";

#[test]
fn a_vertex_begins_transfers_and_ends() {
    let detail = Event::Detail {
        vertex: 7,
        text: "manifest sha256:1".to_owned(),
    };
    let progress = Event::Progress {
        vertex: 7,
        bytes: 5,
        total: 9,
    };
    let finished = Event::Finished {
        vertex: 7,
        cached: false,
    };
    let lines = told(&[
        (0, started(7, "copy")),
        (500, progress.clone()),
        (600, detail.clone()),
        (1250, finished.clone()),
        // Of nothing that runs.
        (1300, progress),
        (1300, detail),
        (1300, finished),
    ]);
    let digest = &lines[0]["vertexes"][0]["digest"];
    assert_eq!(digest, FIRST);
    let (begin, half) = ("2001-09-09T01:46:40Z", "2001-09-09T01:46:40.5Z");
    let (later, end) = ("2001-09-09T01:46:40.6Z", "2001-09-09T01:46:41.25Z");
    let expected = [
        json!({"vertexes": [{"digest": digest, "name": "copy", "started": begin}]}),
        json!({"statuses": [{
            "id": "transferring", "vertex": digest, "total": 9, "current": 5,
            "timestamp": half, "started": half,
        }]}),
        json!({"statuses": [{
            "id": "manifest sha256:1", "vertex": digest, "current": 0,
            "timestamp": later, "started": later, "completed": later,
        }]}),
        json!({
            "vertexes": [{"digest": digest, "name": "copy", "started": begin, "completed": end}],
            "statuses": [{
                "id": "transferring", "vertex": digest, "total": 9, "current": 9,
                "timestamp": end, "started": half, "completed": end,
            }],
        }),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn inputs_are_digests() {
    let work = Work {
        name: "b".to_owned(),
        stage: None,
        system: None,
        inputs: vec![1, 9],
    };
    let lines = told(&[
        (0, started(1, "copy")),
        (0, Event::Started { vertex: 2, work }),
    ]);
    assert_eq!(lines[0]["vertexes"][0]["inputs"], Value::Null);
    assert_eq!(lines[1]["vertexes"][0]["inputs"], json!([FIRST]));
}

#[test]
fn how_a_vertex_ends() {
    let check = |event: Event, cached: Value, error: Value| {
        let lines = told(&[(0, started(1, "a")), (10, event)]);
        let vertex = &lines[1]["vertexes"][0];
        assert_eq!(vertex["cached"], cached);
        assert_eq!(vertex["error"], error);
        assert_eq!(vertex["completed"], "2001-09-09T01:46:40.01Z");
    };
    let vertex = 1;
    let cached = true;
    check(Event::Finished { vertex, cached }, json!(true), Value::Null);
    let error = "Dockerfile:2: no\nfile".to_owned();
    check(
        Event::Failed { vertex, error },
        Value::Null,
        json!("Dockerfile:2: no\nfile"),
    );
    check(
        Event::Stopped { vertex },
        Value::Null,
        json!("context canceled"),
    );
    // What still runs at the end is given up.
    let mut raw = raw();
    raw.lines(&started(1, "a"), Duration::ZERO);
    let lines = parsed(&raw.end(Duration::from_millis(10)));
    assert_eq!(lines[0]["vertexes"][0]["error"], "context canceled");
    assert_eq!(raw.end(Duration::from_millis(20)), "");
}

#[test]
fn digests_are_of_names() {
    let digests = |events: &[(u64, Event)]| -> Vec<String> {
        let lines = told(events);
        let digest = |line: &Value| line["vertexes"][0]["digest"].as_str().unwrap().to_owned();
        lines.iter().map(digest).collect()
    };
    let first = digests(&[
        (0, started(1, "a")),
        (0, started(2, "b")),
        (0, started(3, "a")),
    ]);
    let second = digests(&[
        (9, started(1, "b")),
        (9, started(2, "a")),
        (9, started(3, "a")),
    ]);
    assert_eq!(first[0], second[1]);
    assert_eq!(first[1], second[0]);
    assert_eq!(first[2], second[2]);
    assert_ne!(first[0], first[2]);
}

fn decoded(value: &Value) -> String {
    let bytes = base64::Engine::decode(
        &base64::engine::general_purpose::STANDARD,
        value.as_str().unwrap(),
    );
    String::from_utf8(bytes.unwrap()).unwrap()
}

#[test]
fn warnings_and_losses() {
    let text = "the first line\nmore".to_owned();
    let loss = |path: &str| Loss {
        path: path.to_owned(),
        kind: LossKind::HardLink,
        detail: "is a file".to_owned(),
    };
    let losses = Event::Losses {
        losses: vec![loss("/a"), loss("/b")],
        hidden: 3,
    };
    let lines = told(&[
        (0, Event::Warning { text: text.clone() }),
        (0, started(1, "copy")),
        (1, Event::Warning { text }),
        (2, losses),
    ]);
    assert_eq!(lines[0]["warnings"][0]["vertex"], Value::Null);
    let warning = &lines[2]["warnings"][0];
    assert_eq!(warning["vertex"], FIRST);
    assert_eq!(warning["level"], 1);
    assert_eq!(decoded(&warning["short"]), "the first line");
    assert_eq!(decoded(&warning["detail"][0]), "more");
    let warning = &lines[3]["warnings"][0];
    assert_eq!(
        decoded(&warning["short"]),
        format!("lost: 2 {}", LossKind::HardLink)
    );
    assert_eq!(decoded(&warning["detail"][1]), "/b: is a file");
    let log = &lines[3]["logs"][0];
    assert_eq!((&log["vertex"], &log["stream"]), (&json!(FIRST), &json!(2)));
    assert!(decoded(&log["data"]).starts_with("kept: 3 entries keep"));
}

#[test]
fn checks_have_places() {
    let text = b"FROM scratch AS Base\n";
    let file = Dockerfile::parse("My.Dockerfile", text).unwrap();
    let platform = crossdock_build::Platform::new("linux", "amd64");
    let report = check_file(&file, &Options::new(platform), &BTreeMap::new());
    let [warning] = &report.warnings[..] else {
        panic!("{report:?}");
    };
    let mut raw = raw();
    let mut diagnose = || parsed(&raw.diagnose(warning, file.source(), Duration::ZERO));
    let lines = diagnose();
    let vertex = &lines[0]["vertexes"][0];
    let name = "[internal] load build definition from My.Dockerfile";
    assert_eq!(vertex["name"], name);
    assert_eq!(lines[1]["vertexes"][0]["completed"], vertex["started"]);
    let warning = &lines[1]["warnings"][0];
    assert_eq!(warning["vertex"], vertex["digest"]);
    assert_eq!(
        decoded(&warning["short"]),
        "StageNameCasing: Stage name 'Base' should be lowercase (line 1)"
    );
    assert_eq!(
        decoded(&warning["detail"][0]),
        "Stage names should be lowercase"
    );
    assert_eq!(
        warning["url"],
        "https://docs.docker.com/go/dockerfile/rule/stage-name-casing/"
    );
    let info = &warning["sourceInfo"];
    assert_eq!(info["filename"], "My.Dockerfile");
    assert_eq!(decoded(&info["data"]).as_bytes(), text);
    let range = json!([{
        "start": {"line": 1, "character": 16}, "end": {"line": 1, "character": 20},
    }]);
    assert_eq!(warning["range"], range);
    // The file is read once.
    let lines = diagnose();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["vertexes"], Value::Null);
}
