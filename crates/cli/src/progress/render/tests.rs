use crossdock_build::{Event, Work};

use super::*;
use crate::progress::view::Ended;

fn screen(width: usize, height: usize) -> Screen {
    Screen {
        width,
        height,
        colours: false,
    }
}

fn step(vertex: usize, stage: &str, system: &str, text: &str) -> Event {
    let work = Work {
        name: format!("[{stage} {system} {vertex}/9] {text}"),
        stage: Some(stage.to_owned()),
        system: Some(system.to_owned()),
        inputs: Vec::new(),
    };
    Event::Started { vertex, work }
}

fn other(vertex: usize, name: &str) -> Event {
    let work = Work {
        name: name.to_owned(),
        stage: None,
        system: None,
        inputs: Vec::new(),
    };
    Event::Started { vertex, work }
}

fn progress(vertex: usize, bytes: u64, total: u64) -> Event {
    Event::Progress {
        vertex,
        bytes,
        total,
    }
}

fn finished(vertex: usize, cached: bool) -> Event {
    Event::Finished { vertex, cached }
}

fn detail(vertex: usize, text: &str) -> Event {
    let text = text.to_owned();
    Event::Detail { vertex, text }
}

/// What is there after events, each at a time in milliseconds.
fn view(events: &[(u64, Event)]) -> View {
    let mut view = View::new("Building");
    for (at, event) in events {
        view.apply(event, Duration::from_millis(*at));
    }
    view
}

/// The picture at a time in milliseconds. Each row is as wide as it says, and fits.
#[track_caller]
fn picture(view: &View, at: u64, screen: Screen) -> String {
    let rows = render(view, Duration::from_millis(at), screen);
    assert!(rows.len() < screen.height.max(6), "{rows:#?}");
    for row in &rows {
        let plain = without_colours(&row.text);
        assert_eq!(width_of(&plain), row.width, "{row:?}");
        assert!(row.width < screen.width, "{row:?}");
        assert!(!plain.contains('\x1b'), "{row:?}");
    }
    let lines: Vec<_> = rows.into_iter().map(|row| row.text).collect();
    lines.join("\n")
}

/// The text without the sequences that set colours.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |before, part| {
        before + part.split_once('m').map_or(part, |(_, rest)| rest)
    })
}

#[track_caller]
fn check(events: &[(u64, Event)], at: u64, screen: Screen, expected: &[&str]) {
    let found = picture(&view(events), at, screen);
    assert_eq!(found.lines().collect::<Vec<_>>(), expected);
}

fn download() -> Vec<(u64, Event)> {
    let mut events = vec![
        (0, step(1, "base", "linux", "FROM oci-layout://debian")),
        (100, finished(1, true)),
        (
            100,
            step(2, "1", "windows", "COPY --from=base /usr/bin/ C:\\tools\\"),
        ),
        (
            1000,
            other(
                3,
                "registry.example.com/app: read layer sha256:0123456789abcdef",
            ),
        ),
    ];
    events.extend((1..=10).map(|tenth| {
        (
            1000 + tenth * 100,
            progress(3, tenth * 9_410_000, 206_300_000),
        )
    }));
    events
}

#[test]
fn widths() {
    check(
        &download(),
        2000,
        screen(80, 24),
        &[
            "[+] Building 2.0s (1/3)",
            " => [base linux 1/9] FROM oci-layout://debian                            CACHED",
            " => [1 windows 2/9] COPY --from=base /usr/bin/ C:\\tools\\                   1.9s",
            " => registry.example.com/app: read layer sha25…  94.1MB / 206.3MB  94MB/s  1.0s",
        ],
    );
    check(
        &download(),
        2000,
        screen(120, 24),
        &[
            "[+] Building 2.0s (1/3)",
            " => [base linux 1/9] FROM oci-layout://debian                                                                    CACHED",
            " => [1 windows 2/9] COPY --from=base /usr/bin/ C:\\tools\\                                                           1.9s",
            " => registry.example.com/app: read layer sha256:0123456789abcdef                         94.1MB / 206.3MB  94MB/s  1.0s",
        ],
    );
    check(
        &download(),
        2000,
        screen(40, 24),
        &[
            "[+] Building 2.0s (1/3)",
            " => [base linux 1/9] FROM oci-…  CACHED",
            " => [1 windows 2/9] COPY --from=…  1.9s",
            " => registry.example.com/app: re…  1.0s",
        ],
    );
}

#[test]
fn tiny_and_odd_screens() {
    for width in 1..60 {
        for height in 1..8 {
            for colours in [false, true] {
                let screen = Screen {
                    width: width.max(2),
                    height,
                    colours,
                };
                picture(&view(&download()), 2000, screen);
            }
        }
    }
}

#[test]
fn wide_and_control_characters() {
    check(
        &[
            (0, other(1, "日本語の名前がとても長いのでここで切れる")),
            (0, other(2, "\x1b]0;title\x07 \u{202e}rtl\nnext")),
            (0, other(3, "☁️☁️☁️☁️☁️☁️☁️☁️☁️☁️☁️☁️☁️☁️☁️☁️☁️☁️")),
        ],
        1000,
        screen(40, 24),
        &[
            "[+] Building 1.0s (0/3)",
            " => 日本語の名前がとても長いので…  1.0s",
            " => \\x1b]0;title\\x07 \\u{202e}rtl…  1.0s",
            " => ☁️☁️☁️☁️☁️☁️☁️☁️☁️☁️☁️☁️☁️☁️…  1.0s",
        ],
    );
}

#[test]
fn folding() {
    let mut events = Vec::new();
    for number in 1..=12 {
        events.push((0, step(number, "s", "linux", "COPY")));
        if number <= 10 {
            events.push((500, finished(number, number % 2 == 0)));
        }
    }
    check(
        &events,
        1000,
        screen(40, 7),
        &[
            "[+] Building 1.0s (10/12)",
            " => 8 finished, 4 of them CACHED",
            " => [s linux 9/9] COPY             0.5s",
            " => [s linux 10/9] COPY          CACHED",
            " => [s linux 11/9] COPY            1.0s",
            " => [s linux 12/9] COPY            1.0s",
        ],
    );
    check(
        &events[..20],
        1000,
        screen(40, 4),
        &[
            "[+] Building 1.0s (10/10)",
            " => 8 finished, 4 of them CACHED",
            " => [s linux 9/9] COPY             0.5s",
            " => [s linux 10/9] COPY          CACHED",
        ],
    );
    let running: Vec<_> = (1..=9).map(|number| (0, other(number, "x"))).collect();
    check(
        &running,
        1000,
        screen(40, 6),
        &[
            "[+] Building 1.0s (0/9)",
            " => x                              1.0s",
            " => x                              1.0s",
            " => x                              1.0s",
            " => and 6 more",
        ],
    );
}

#[test]
fn details_and_endings() {
    let events = [
        (0, other(1, "resolve")),
        (100, detail(1, "sha256:1")),
        (200, finished(1, false)),
        (300, other(2, "write out")),
        (400, detail(2, "manifest")),
        (500, detail(2, "config")),
    ];
    let running = " => resolve                        0.2s";
    check(
        &events,
        1000,
        screen(40, 9),
        &[
            "[+] Building 1.0s (1/2)",
            running,
            " => write out                      0.7s",
            " =>=> config",
        ],
    );
    let vertex = 2;
    let failed = Event::Failed {
        vertex,
        error: "no".to_owned(),
    };
    let check = |last: Option<&Event>, how: Ending, expected: &[&str]| {
        let mut view = view(&events);
        if let Some(last) = last {
            view.apply(last, Duration::from_millis(1100));
        }
        let at = Duration::from_millis(1200);
        view.ended = Some(Ended { at, how });
        let found = picture(&view, 99_000, screen(40, 9));
        assert_eq!(found.lines().collect::<Vec<_>>(), expected);
    };
    check(
        Some(&finished(2, false)),
        Ending::Done,
        &[
            "[+] Building 1.2s (2/2) FINISHED",
            running,
            " => write out                      0.8s",
            " =>=> manifest",
            " =>=> config",
        ],
    );
    check(
        Some(&failed),
        Ending::Failed,
        &[
            "[+] Building 1.2s (1/2) FAILED",
            running,
            " => write out                     ERROR",
            " =>=> config",
        ],
    );
    check(
        None,
        Ending::Interrupted,
        &[
            "[+] Building 1.2s (1/2) INTERRUPTED",
            running,
            " => write out                   STOPPED",
            " =>=> config",
        ],
    );
    check(
        Some(&Event::Stopped { vertex }),
        Ending::Failed,
        &[
            "[+] Building 1.2s (1/2) FAILED",
            running,
            " => write out                   STOPPED",
            " =>=> config",
        ],
    );
}

#[test]
fn colours() {
    let coloured = Screen {
        colours: true,
        ..screen(80, 24)
    };
    let found = picture(&view(&download()), 2000, coloured);
    let bare: Vec<_> = found.lines().map(without_colours).collect();
    let plain = picture(&view(&download()), 2000, screen(80, 24));
    assert_eq!(bare.join("\n"), plain);
    for part in [
        "\x1b[1m[+] Building",
        "[\x1b[36mbase\x1b[0m \x1b[33mlinux\x1b[0m 1/9]",
        "[\x1b[35m1\x1b[0m \x1b[94mwindows\x1b[0m 2/9]",
        "\x1b[1;32mCACHED\x1b[0m",
    ] {
        assert!(found.contains(part), "{part:?} in {found:?}");
    }
}

#[test]
fn nothing_yet() {
    check(&[], 1000, screen(80, 24), &[]);
}
