use crossdock_build::Work;

use super::*;

fn started(vertex: usize, name: &str) -> Event {
    let work = Work {
        name: name.to_owned(),
        stage: None,
        system: None,
        inputs: Vec::new(),
    };
    Event::Started { vertex, work }
}

/// Tells events, each at a time in milliseconds, and compares all lines.
#[track_caller]
fn check(events: &[(u64, Event)], expected: &str) {
    let mut plain = Plain::default();
    let lines: String = events
        .iter()
        .map(|(at, event)| plain.line(event, Duration::from_millis(*at)))
        .collect();
    assert_eq!(lines, expected);
}

fn progress(vertex: usize, bytes: u64) -> Event {
    let total = 206_300_000;
    Event::Progress {
        vertex,
        bytes,
        total,
    }
}

fn finished(vertex: usize, cached: bool) -> Event {
    Event::Finished { vertex, cached }
}

#[test]
fn lines() {
    let detail = Event::Detail {
        vertex: 2,
        text: "manifest\x1b[2J".to_owned(),
    };
    check(
        &[
            (0, started(1, "[a linux 1/1] COPY\x07 a b")),
            (100, started(2, "other")),
            (1300, finished(1, false)),
            (1400, detail),
            (1500, finished(2, true)),
            (1600, finished(3, false)),
        ],
        "#1 [a linux 1/1] COPY\\x07 a b\n#2 other\n#1 DONE 1.3s\n#2 manifest\\x1b[2J\n#2 CACHED\n\
         #3 DONE 0.0s\n",
    );
}

#[test]
fn failures() {
    let error = "Dockerfile:2: no\nmore".to_owned();
    check(
        &[
            (0, started(1, "a")),
            (0, started(2, "b")),
            (100, Event::Failed { vertex: 1, error }),
            (100, Event::Stopped { vertex: 2 }),
        ],
        "#1 a\n#2 b\n#1 ERROR: Dockerfile:2: no\\nmore\n#2 CANCELED\n",
    );
}

#[test]
fn long_transfers_tell_how_far_they_are() {
    let mut events = vec![(0, started(3, "layer"))];
    events.extend((1..=11).map(|second| (second * 1000, progress(3, second * 10_000_000))));
    events.push((11_500, finished(3, false)));
    // Nothing comes for a while.
    check(
        &events,
        "#3 layer\n#3 50.0MB / 206.3MB 10MB/s\n#3 100.0MB / 206.3MB 10MB/s\n#3 DONE 11.5s\n",
    );
    check(
        &[
            (0, started(3, "layer")),
            (4900, progress(3, 5)),
            (5100, progress(3, 206_300_000)),
            (5200, progress(4, 5)),
        ],
        "#3 layer\n#3 206.3MB / 206.3MB\n",
    );
}
