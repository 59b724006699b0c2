//! Permission bits of files in folders: the disk's, git's or docker's.

use std::path::Path;

use crossdock_build::{ContextModes, ContextSource, ErrorClass};
use crossdock_dockerfile::NamedContext;
use crossdock_host::{FileMetadata, FolderWriter, HOST_NAMES, HostNames};

use crate::archive::file;
use crate::bench::{Ask, Bench, Image};
use crate::contexts::{built, refused, stream};

/// An index that git wrote of the files of [`checkout`]: `run` may be executed, `link` is a link to
/// `sub/deep`. (`crates/build/src/context/git_index/seeds/make.sh`)
const INDEX: &[u8] = include_bytes!("../../src/context/git_index/seeds/v2");

const COPY: &str = "FROM scratch\nCOPY . /c/\n";

/// Modes of files, of those that may be executed, and of directories, as a umask leaves them. The
/// last is a user's who forbids himself to write.
const UMASKS: [[u32; 3]; 4] = [
    [0o644, 0o755, 0o755],
    [0o664, 0o775, 0o2775],
    [0o600, 0o700, 0o700],
    [0o444, 0o555, 0o755],
];

/// Makes a checkout in which the link is a file, as git leaves it where it may make none
/// (`core.symlinks`), and, unless the host has Windows' names, one that is a link too.
fn checkout(folder: &Path, [plain, executable, directory]: [u32; 3], link_is_file: bool) {
    let mut writer = FolderWriter::create(folder).unwrap();
    let metadata = |mode| FileMetadata {
        mode,
        owner: None,
        mtime: (1_200_000_000, 0),
        xattrs: &[],
        ntfs: None,
    };
    for path in [".git", ".git/objects", "sub", "sub/deep"] {
        let made = writer.directory(path.as_bytes(), &metadata(directory));
        made.unwrap();
    }
    let mut files = vec![
        (".dockerignore", plain, &b".git\n.dockerignore\n"[..]),
        (".git/HEAD", plain, b"ref: refs/heads/main\n"),
        (".git/index", plain, INDEX),
        ("run", executable, b"#!/bin/sh\n"),
        ("sub-file", plain, b"x"),
        ("sub/deep/é", plain, b"x"),
        ("text", plain, b"text\n"),
    ];
    if link_is_file {
        files.push(("link", plain, b"sub/deep"));
    } else {
        let metadata = metadata(0o777);
        let made = writer.symlink(b"link", b"sub/deep", true, &metadata);
        made.unwrap();
    }
    for (path, mode, content) in files {
        let mut file = writer.file(path.as_bytes()).unwrap();
        std::io::Write::write_all(&mut file, content).unwrap();
        file.finish(&metadata(mode)).unwrap();
    }
    writer.finish().unwrap();
}

fn build(bench: &Bench, dockerfile: &str, modes: ContextModes) -> Image {
    let ask = Ask {
        modes,
        ..Ask::default()
    };
    built(bench.build(dockerfile, ask))
}

/// Builds the checkout as each umask leaves it.
fn each(modes: ContextModes, umasks: &[[u32; 3]], check: impl Fn(&Image)) {
    for umask in umasks {
        let bench = Bench::new();
        checkout(&bench.path("context"), *umask, true);
        check(&build(&bench, COPY, modes));
    }
}

const OF_GIT: [&str; 7] = [
    "d 755 0:0 c/",
    "l 777 0:0 c/link -> sub/deep",
    "f 755 0:0 c/run \"#!/bin/sh\\n\"",
    "d 755 0:0 c/sub/",
    "f 644 0:0 c/sub-file \"x\"",
    "d 755 0:0 c/sub/deep/",
    "f 644 0:0 c/sub/deep/é \"x\"",
];

/// The digest is the same on every host and with every umask.
#[test]
fn golden_modes_of_git() {
    let check = |image: &Image| {
        let lines = [&OF_GIT[..], &["f 644 0:0 c/text \"text\\n\""]].concat();
        assert_eq!(image.lines(), lines);
        assert_eq!(image.digest, DIGEST_OF_GIT);
        assert!(image.told.notes.is_empty(), "{:?}", image.told.notes);
    };
    each(ContextModes::Git, &UMASKS, check);
    if HOST_NAMES == HostNames::Windows {
        each(ContextModes::Auto, &UMASKS, check);
        return;
    }
    let bench = Bench::new();
    checkout(&bench.path("context"), UMASKS[0], false);
    check(&build(&bench, COPY, ContextModes::Git));
    // With this umask the disk says the same.
    check(&build(&bench, COPY, ContextModes::Auto));
}

const DIGEST_OF_GIT: &str =
    "sha256:4cb9a06deaee474bd8326a9180a56db18189f0c2dd591824658ab785b1df8949";

#[test]
fn golden_modes_of_docker() {
    let digest = |expected: &'static str, mode: u32| {
        move |image: &Image| {
            let file = |path: &str, text| format!("f {mode:o} 0:0 c/{path} \"{text}\"");
            let lines = [
                "d 755 0:0 c/".to_owned(),
                file("link", "sub/deep"),
                file("run", "#!/bin/sh\\n"),
                "d 755 0:0 c/sub/".to_owned(),
                file("sub-file", "x"),
                "d 755 0:0 c/sub/deep/".to_owned(),
                file("sub/deep/é", "x"),
                file("text", "text\\n"),
            ];
            assert_eq!(image.lines(), lines);
            assert_eq!(image.digest, expected);
        }
    };
    let (writable, read_only) = UMASKS.split_at(3);
    let docker = ContextModes::Docker;
    each(docker, writable, digest(DIGEST_OF_DOCKER, 0o755));
    each(docker, read_only, digest(DIGEST_OF_READ_ONLY, 0o555));
}

const DIGEST_OF_DOCKER: &str =
    "sha256:9ff4ba7a8f65424f4cdc6058132bf457fd424b2c94502dbbaa48e8cc5959ed02";
const DIGEST_OF_READ_ONLY: &str =
    "sha256:f04df5ad3b66ac4fa0cd2a4a586b915d281668c0e2c02b841e90efa341d138fb";

/// A file that nobody may write has its mode in an image for Windows too, and no attribute that Linux
/// does not know: so both hosts make one digest of it.
#[test]
fn golden_read_only_files_for_windows() {
    let bench = Bench::new();
    checkout(&bench.path("context"), UMASKS[3], true);
    for modes in [ContextModes::Docker, ContextModes::Git] {
        let ask = Ask {
            modes,
            platform: "windows(10.0.20348)/amd64",
            ..Ask::default()
        };
        let image = built(bench.build("FROM scratch\nCOPY text /\n", ask));
        let entry = image.entry("Files/text");
        assert_eq!(entry.records["MSWINDOWS.fileattr"], b"32");
        let is_dockers = modes == ContextModes::Docker;
        let expected = DIGEST_OF_READ_ONLY_FOR_WINDOWS;
        assert_eq!(is_dockers, image.digest == expected, "{}", image.digest);
    }
}

const DIGEST_OF_READ_ONLY_FOR_WINDOWS: &str =
    "sha256:80ecf1c7d47b241ba0c4c80bb85f772a3b787327082b95acc27ef514769f2563";

/// What the host says, where it says something.
#[test]
fn modes_of_the_disk() {
    let bench = Bench::new();
    checkout(&bench.path("context"), UMASKS[1], true);
    if HOST_NAMES == HostNames::Windows {
        let ask = Ask {
            modes: ContextModes::Disk,
            ..Ask::default()
        };
        let result = bench.build(COPY, ask);
        refused(
            result,
            ErrorClass::Input,
            &["context", "no modes", "--context-modes disk"],
        );
        return;
    }
    for modes in [ContextModes::Disk, ContextModes::Auto] {
        let image = build(&bench, COPY, modes);
        let lines = image.lines();
        for line in [
            "d 2775 0:0 c/sub/",
            "f 664 0:0 c/text \"text\\n\"",
            "f 775 0:0 c/run \"#!/bin/sh\\n\"",
            "f 664 0:0 c/link \"sub/deep\"",
        ] {
            assert!(lines.iter().any(|other| other == line), "{line}: {lines:?}");
        }
    }
}

/// A file that git does not track is executable on Linux, and on Windows nobody knows.
#[test]
fn untracked_files() {
    let bench = Bench::new();
    checkout(&bench.path("context"), UMASKS[1], true);
    bench.file("new", "new");
    for modes in [ContextModes::Git, ContextModes::Auto] {
        if modes == ContextModes::Auto && HOST_NAMES != HostNames::Windows {
            continue;
        }
        let image = build(&bench, COPY, modes);
        let (mode, notes) = match HOST_NAMES {
            HostNames::Posix => ("644", 0),
            HostNames::Windows => ("755", 1),
        };
        let line = format!("f {mode} 0:0 c/new \"new\"");
        assert!(image.lines().contains(&line), "{:?}", image.lines());
        assert_eq!(image.told.notes.len(), notes);
        for note in &image.told.notes {
            let part = "modes of 4 files come from git's index, 1 untracked file has 0755";
            assert!(note.contains(part), "{note}");
        }
        // Nothing is executable by such bits on Windows.
        let ask = Ask {
            modes,
            platform: "windows/amd64",
            ..Ask::default()
        };
        let image = built(bench.build("FROM oci-layout://{windows}:latest\nCOPY . /c/\n", ask));
        assert!(image.told.notes.is_empty(), "{:?}", image.told.notes);
    }
}

/// Other modes make other layers, and only of files that have others.
#[test]
fn results_of_earlier_builds() {
    let bench = Bench::new();
    checkout(&bench.path("context"), UMASKS[0], true);
    let dockerfile = "FROM scratch\nCOPY run /r/\nCOPY text /t/\nCOPY link /l/\n";
    for (modes, cached) in [
        (ContextModes::Docker, "DDD"),
        (ContextModes::Docker, "CCC"),
        (ContextModes::Git, "CDD"),
        (ContextModes::Docker, "CCC"),
        (ContextModes::Git, "CCC"),
    ] {
        let image = build(&bench, dockerfile, modes);
        // Behind FROM scratch, of which nothing is kept.
        assert_eq!(image.told.cached()[1..], *cached, "{modes:?}");
    }
    // A link that git made a file of is followed as one.
    let image = build(&bench, "FROM scratch\nCOPY link /l/\n", ContextModes::Git);
    assert_eq!(image.lines(), ["d 755 0:0 l/", "f 644 0:0 l/é \"x\""]);
}

/// Each folder has its own checkout, or none; what is no folder has modes of its own.
#[test]
fn several_contexts() {
    let bench = Bench::new();
    checkout(&bench.path("other"), UMASKS[1], true);
    let named = |path: &str| {
        let source = ContextSource::Folder(bench.path(path));
        vec![("other", NamedContext::Files, Some(source))]
    };
    let dockerfile = "FROM scratch\nCOPY x /\nCOPY --from=other text run /o/\n";
    let expected = [
        "f 600 0:0 x \"x\"",
        "d 755 0:0 o/",
        "f 755 0:0 o/run \"#!/bin/sh\\n\"",
        "f 644 0:0 o/text \"text\\n\"",
    ];
    let ask = Ask {
        modes: ContextModes::Git,
        context: stream(&[file("x", 0o600, "x")]),
        named: named("other"),
        ..Ask::default()
    };
    let image = built(bench.build(dockerfile, ask));
    assert_eq!(image.lines(), expected);
    // Folders of temporary files are in a checkout only if somebody made them so.
    bench.file("x", "x");
    let ask = Ask {
        modes: ContextModes::Git,
        named: named("other"),
        ..Ask::default()
    };
    let result = bench.build(dockerfile, ask);
    refused(
        result,
        ErrorClass::Input,
        &["context", "is in no checkout of git", "--context-modes git"],
    );
}
