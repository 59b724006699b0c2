//! Equal inputs give equal digests, and only what changed is made again.

use crossdock_build::ForeignMetadata;

use crate::archive::{dir, file};
use crate::bench::{Ask, Bench, Image};

const WINDOWS: &str = "\
FROM --platform=linux/amd64 oci-layout://{linux}:latest AS linux
FROM --platform=windows/amd64 oci-layout://{windows}:latest
WORKDIR /tools
COPY --from=linux /usr/bin/ bin/
COPY --from=linux /var/lib/dpkg/ dpkg/
COPY --chown=ContainerUser app /app/
";

const LINUX: &str = "\
FROM --platform=windows/amd64 oci-layout://{windows}:latest AS windows
FROM --platform=linux/amd64 oci-layout://{linux}:latest
COPY --from=windows [\"/Program Files\", \"/programs\"]
COPY --chown=app --chmod=640 . /app/
";

#[track_caller]
fn build(bench: &Bench, dockerfile: &str, ask: Ask<'_>) -> Image {
    match bench.build(dockerfile, ask) {
        Ok(image) => image,
        Err(failed) => panic!("{dockerfile}: {}", failed.text),
    }
}

fn ask(store: &str) -> Ask<'_> {
    Ask {
        platform: "windows/amd64",
        store,
        ..Ask::default()
    }
}

#[test]
fn the_same_digests() {
    let bench = Bench::new();
    bench.file("app", "app");
    bench.file("data", "data".repeat(100_000));
    for (dockerfile, platform) in [(WINDOWS, "windows/amd64"), (LINUX, "linux/amd64")] {
        let of = |store, threads, no_cache| {
            let ask = Ask {
                platform,
                store,
                threads,
                no_cache,
                ..Ask::default()
            };
            build(&bench, dockerfile, ask)
        };
        let first = of("store", 2, false);
        assert!(!first.told.cached().contains('C'), "{:?}", first.told.steps);
        let again = of("store", 2, false);
        assert!(!again.told.cached().contains('D'), "{:?}", again.told.steps);
        assert_eq!(again.told.layers_read(), 0);
        let uncached = of("store", 1, true);
        assert!(!uncached.told.cached().contains('C'));
        let other = of("store-2", 1, false);
        let many = of("store-3", 4, false);
        for image in [&again, &uncached, &other, &many] {
            assert_eq!(image.digest, first.digest);
            assert_eq!(image.told.losses, first.told.losses);
            assert_eq!(image.told.hidden, first.told.hidden);
            assert_eq!(image.told.warnings, first.told.warnings);
            assert_eq!(image.told.loss_events, 1);
        }
    }
}

/// What a change makes new: `D` for each step that was done again.
#[test]
fn what_is_made_again() {
    let source = |content: &str, mode: u32, other: &str| {
        [
            dir("d/", 0o755),
            file("d/f", mode, content),
            file("other", 0o644, other),
        ]
    };
    let bench = Bench::new();
    bench.file("a", "a");
    bench.file("b", "b");
    bench.linux_base("source", &source("f", 0o644, "x"));
    bench.linux_base("base", &[file("base", 0o644, "base")]);
    let dockerfile = "FROM oci-layout://base\n\
                      COPY a /n/a\n\
                      COPY --from=oci-layout://source d /d\n\
                      WORKDIR /w\n\
                      COPY --link <<h /l/\ntext\nh\n\
                      COPY --link b /l/\n";
    let check = |what: &str, expected: &str| {
        let image = build(&bench, dockerfile, Ask::default());
        assert_eq!(image.told.cached(), expected, "{what}");
    };
    check("nothing is there", "DDDDD");
    check("nothing changed", "CCCCC");
    bench.file("unrelated", "u");
    check("an unrelated file of the context", "CCCCC");
    bench.linux_base("source", &source("f", 0o644, "y"));
    check("an unrelated file of the source", "CCCCC");
    bench.linux_base("source", &source("g", 0o644, "y"));
    // The layer beneath WORKDIR is another, but says the same of what WORKDIR asks.
    check("content in the source", "CDCCC");
    bench.linux_base("source", &source("g", 0o600, "y"));
    check("a mode in the source", "CDCCC");
    bench.file("b", "B");
    check("content in the context", "CCCCD");
    bench.file("a", "A");
    check("content that is first", "DCCCC");
    bench.linux_base("base", &[file("base", 0o644, "other")]);
    check("a file of the base that nobody asks about", "CCCCC");
    std::fs::remove_file(bench.path("context/b")).unwrap();
    bench.file("b", "B");
    check("the same file, made anew", "CCCCC");

    // A name is part of what is copied.
    let dockerfile = "FROM scratch\nCOPY names /n\n";
    bench.file("names/a", "a");
    let first = build(&bench, dockerfile, Ask::default());
    std::fs::rename(bench.path("context/names/a"), bench.path("context/names/b")).unwrap();
    let second = build(&bench, dockerfile, Ask::default());
    assert_eq!(second.told.cached(), "DD");
    assert_ne!(first.digest, second.digest);
}

/// Options that make another layer are no reason to take the old one.
#[test]
fn options_matter() {
    let bench = Bench::new();
    bench.linux_base(
        "source",
        &[file("a:b", 0o640, "f").owned(3, 4).at(2_000_000)],
    );
    let copy =
        |flags: &str| format!("FROM scratch\nCOPY {flags} --from=oci-layout://source / /n/\n");
    let mut digests = Vec::new();
    for flags in [
        "",
        "--chown=5:6",
        "--chmod=600",
        "--chmod=u-w",
        "--chown=ContainerUser",
    ] {
        digests.push(build(&bench, &copy(flags), ask("store")).digest);
    }
    let drop = Ask {
        foreign: ForeignMetadata::Drop,
        ..ask("store")
    };
    digests.push(build(&bench, &copy(""), drop).digest);
    let early = Ask {
        epoch: Some(1_000_000),
        ..ask("store")
    };
    digests.push(build(&bench, &copy(""), early).digest);
    let all = digests.len();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), all);
}

/// Losses of a cached step are told again, and are errors under `strict` either way.
#[test]
fn losses_of_cached_steps() {
    let bench = Bench::new();
    let dockerfile = "FROM --platform=linux/amd64 oci-layout://{linux}:gzip AS linux\n\
                      FROM scratch\nCOPY --from=linux /opt/hard/many/ /many/\n";
    let strict = |store, no_cache| {
        let ask = Ask {
            strict: true,
            no_cache,
            ..ask(store)
        };
        let failed = bench.build(dockerfile, ask).err().unwrap();
        assert_eq!(failed.class, crossdock_build::ErrorClass::Strict);
        assert!(
            failed.text.contains("--strict was given"),
            "{}",
            failed.text
        );
        failed.told.losses
    };
    let before = strict("store", false);
    let first = build(&bench, dockerfile, ask("store"));
    let second = build(&bench, dockerfile, ask("store"));
    assert!(!first.told.losses.is_empty());
    assert_eq!(first.told.losses, before);
    assert_eq!(first.told.losses, second.told.losses);
    assert_eq!(strict("store", false), before);
    assert_eq!(strict("store", true), before);
}

/// A file that changes while the build reads it must not be kept under the key of what it was.
/// (What the memory of a context takes for a change is a table of `context_memory`.)
#[test]
fn changed_files_are_read_again() {
    let bench = Bench::new();
    let build = |content: &str, expected: &str| {
        bench.file("a", content);
        let image = bench
            .build("FROM scratch\nCOPY a /a\n", Ask::default())
            .unwrap();
        assert!(image.lines().iter().any(|line| line.contains(content)));
        assert_eq!(image.told.cached(), expected, "{content}");
    };
    build("one", "DD");
    // The same size, and most likely the same second.
    build("two", "DD");
    build("one", "DC");
}

#[test]
fn stages_whose_results_are_not_used() {
    let bench = Bench::new();
    bench.file("a", "a");
    bench.linux_base("base", &[file("base", 0o644, "base")]);
    let dockerfile = "FROM oci-layout://base AS One\nCOPY a /a\nFROM oci-layout://base\n\
                      COPY --from=one a /b\n";
    let check = |no_cache_stages: &[&str], expected: &str| {
        let ask = Ask {
            no_cache_stages,
            ..Ask::default()
        };
        let image = build(&bench, dockerfile, ask);
        assert_eq!(image.told.cached(), expected, "{no_cache_stages:?}");
    };
    check(&[], "DD");
    check(&[], "CC");
    check(&["one"], "DC");
    check(&["ONE", "none"], "DC");
    check(&["1"], "CD");
    check(&["one", "1"], "DD");
}
