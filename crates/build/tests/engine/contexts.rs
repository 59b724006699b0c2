//! Contexts that are no folder, contexts with a name, and `ADD` of URLs and git.

use std::path::PathBuf;
use std::process::Command;

use crossdock_build::{
    ContextSource, DockerfileSource, ErrorClass, Git, PruneRequest, Store, prune,
};
use crossdock_dockerfile::NamedContext;

use crate::archive::{Member, dir, file, hard_link, symlink, tar};
use crate::bench::{Ask, Bench, Codec, Failed, Given, Image};
use crate::server::{Served, Server};

pub(crate) fn url(text: &str) -> ContextSource {
    ContextSource::Url(text.parse().unwrap())
}

/// A tar with a Dockerfile that is not that of a test.
pub(crate) fn members() -> Vec<Member> {
    vec![
        dir("./", 0o700).owned(7, 7),
        file("./Dockerfile", 0o644, "FROM scratch\nCOPY . /c/\n").owned(5, 6),
        dir("./sub/", 0o750).owned(3, 4),
        file("./sub/a", 0o4640, "a").owned(1, 2).at(1_100_000_000),
        hard_link("./sub/b", "./sub/a"),
        symlink("./link", "sub/a"),
        symlink("./out", "/etc/passwd"),
        file("./empty", 0o600, ""),
    ]
}

const COPIED: [&str; 8] = [
    "d 755 0:0 c/",
    "f 644 0:0 c/Dockerfile \"FROM scratch\\nCOPY . /c/\\n\"",
    "f 600 0:0 c/empty \"\"",
    "l 777 0:0 c/link -> sub/a",
    "l 777 0:0 c/out -> /etc/passwd",
    "d 750 0:0 c/sub/",
    "f 4640 0:0 c/sub/a \"a\"",
    "h 4640 0:0 c/sub/b -> c/sub/a",
];

/// Builds what is in the context.
pub(crate) fn of_context<'a>(context: Given) -> Ask<'a> {
    Ask {
        context,
        found: Some(DockerfileSource::Default),
        ..Ask::default()
    }
}

pub(crate) fn stream(members: &[Member]) -> Given {
    Given::Stream(tar(members))
}

#[track_caller]
pub(crate) fn built(result: Result<Image, Box<Failed>>) -> Image {
    result.unwrap_or_else(|failed| panic!("{}", failed.text))
}

#[track_caller]
pub(crate) fn refused(result: Result<Image, Box<Failed>>, class: ErrorClass, parts: &[&str]) {
    let failed = match result {
        Ok(image) => panic!("{:#?}", image.lines()),
        Err(failed) => failed,
    };
    for part in parts {
        assert!(failed.text.contains(part), "{part}: {}", failed.text);
    }
    assert_eq!(failed.class, class, "{}", failed.text);
}

#[test]
fn a_tar_in_each_compression() {
    let bench = Bench::new();
    let bytes = tar(&members());
    let mut digests = Vec::new();
    for codec in [Codec::Plain, Codec::Gzip, Codec::Members, Codec::Zstd] {
        let given = Given::Stream(codec.compress(&bytes));
        let image = built(bench.build("", of_context(given)));
        assert_eq!(image.lines(), COPIED);
        assert_eq!(image.entry("c/sub/a").mtime, "1100000000");
        digests.push(image.digest);
    }
    digests.dedup();
    assert_eq!(digests.len(), 1);
}

/// Owners and attributes of the system that made the tar count for nothing; names of whiteouts are
/// names; of entries with one name the last is there.
#[test]
fn entries_of_a_tar() {
    let bench = Bench::new();
    let check = |members: &[Member], expected: &[&str]| {
        let ask = Ask {
            context: stream(members),
            ..Ask::default()
        };
        let image = built(bench.build("FROM scratch\nCOPY . /\n", ask));
        assert_eq!(image.lines(), expected);
        image
    };
    let image = check(
        &[file("x", 0o644, "x")
            .owned(1, 1)
            .record("SCHILY.xattr.user.a", "1")
            .record("SCHILY.xattr.security.selinux", "2")
            .record("SCHILY.xattr.trusted.b", "3")
            .record("atime", "5")],
        &["f 644 0:0 x \"x\""],
    );
    let records: Vec<&String> = image.entry("x").records.keys().collect();
    assert_eq!(records, ["SCHILY.xattr.user.a"]);
    check(
        &[file("a", 0o644, "1"), file("a", 0o600, "2")],
        &["f 600 0:0 a \"2\""],
    );
    // A parent that the tar leaves out.
    check(
        &[file("p/q/x", 0o644, "x")],
        &["d 755 0:0 p/", "d 755 0:0 p/q/", "f 644 0:0 p/q/x \"x\""],
    );
    // Nothing that is in the context is lost without a word.
    let whiteouts = [file("a", 0o644, "1"), file(".wh.a", 0o644, "2")];
    let ask = Ask {
        context: stream(&whiteouts),
        ..Ask::default()
    };
    let result = bench.build("FROM scratch\nCOPY . /\n", ask);
    refused(result, ErrorClass::Input, &[".wh.a", "deletion"]);
    let ask = Ask {
        context: stream(&whiteouts),
        ..Ask::default()
    };
    let image = built(bench.build("FROM scratch\nCOPY .wh.a /b\n", ask));
    assert_eq!(image.lines(), ["f 644 0:0 b \"2\""]);
}

#[test]
fn what_a_tar_leaves_out() {
    let bench = Bench::new();
    let given = |ignore: &[(&str, &str)]| {
        let mut members = vec![
            file("Dockerfile", 0o644, "FROM scratch\nCOPY . /\n"),
            file("keep", 0o644, ""),
            dir("log/", 0o755),
            file("log/a.log", 0o644, ""),
            file("log/b.txt", 0o644, ""),
        ];
        members.extend(ignore.iter().map(|(name, text)| file(name, 0o644, text)));
        stream(&members)
    };
    let check = |ignore: &[(&str, &str)], expected: &[&str]| {
        let image = built(bench.build("", of_context(given(ignore))));
        let names = image.top().iter().map(|entry| entry.name.clone());
        assert_eq!(names.collect::<Vec<_>>(), expected, "{ignore:?}");
    };
    check(
        &[(".dockerignore", ".dockerignore\nDockerfile\n**/*.log\n")],
        &["keep", "log/", "log/b.txt"],
    );
    check(
        &[(".dockerignore", "*\n!log/b.txt\n")],
        &["log/", "log/b.txt"],
    );
    // That of the Dockerfile wins.
    check(
        &[
            (".dockerignore", "keep\n"),
            ("Dockerfile.dockerignore", "*\n!keep\n"),
        ],
        &["keep"],
    );
    // What is left out is told.
    let ask = Ask {
        context: given(&[(".dockerignore", "log\n")]),
        ..Ask::default()
    };
    let result = bench.build("FROM scratch\nCOPY log /\n", ask);
    refused(result, ErrorClass::Input, &["log", ".dockerignore"]);
    let ask = of_context(given(&[(".dockerignore", "[\n")]));
    let result = bench.build("", ask);
    refused(result, ErrorClass::Input, &[".dockerignore", "line 1"]);
}

#[test]
fn the_dockerfile() {
    let bench = Bench::new();
    let text = "FROM scratch\nCOPY x /\n";
    let check = |context: Given, source: DockerfileSource| {
        let ask = Ask {
            context,
            found: Some(source),
            ..Ask::default()
        };
        let image = built(bench.build("", ask));
        assert_eq!(image.lines(), ["f 644 0:0 x \"x\""]);
    };
    let fails = |context: Given, source: DockerfileSource, parts: &[&str]| {
        let ask = Ask {
            context,
            found: Some(source),
            ..Ask::default()
        };
        refused(bench.build("", ask), ErrorClass::Input, parts);
    };
    let given = |name: &str| stream(&[file(name, 0o644, text), file("x", 0o644, "x")]);
    let path = |path: &str| DockerfileSource::Path(PathBuf::from(path));
    check(given("Dockerfile"), DockerfileSource::Default);
    check(given("dockerfile"), DockerfileSource::Default);
    check(given("sub/My.Dockerfile"), path("sub/My.Dockerfile"));
    check(given("sub/My.Dockerfile"), path("./x/../sub/My.Dockerfile"));
    check(given("sub/dockerfile"), path("sub/Dockerfile"));
    // In a file of this machine.
    std::fs::write(bench.path("Own"), text).unwrap();
    check(given("other"), DockerfileSource::Path(bench.path("Own")));
    // Links are followed, and lead nowhere else.
    let linked = |text: &str| {
        stream(&[
            file("real", 0o644, "FROM scratch\nCOPY x /\n"),
            symlink("Dockerfile", text),
            file("x", 0o644, "x"),
        ])
    };
    check(linked("/real"), DockerfileSource::Default);
    check(linked("../../real"), DockerfileSource::Default);
    fails(
        linked("/etc/passwd"),
        DockerfileSource::Default,
        &["Dockerfile", "-f"],
    );
    fails(
        given("other"),
        DockerfileSource::Default,
        &["Dockerfile", "dockerfile", "build context -", "-f"],
    );
    fails(
        given("other"),
        path("../Dockerfile"),
        &["../Dockerfile", "absolute"],
    );
    fails(given("other"), path("none"), &["none", "build context -"]);
    let absent = DockerfileSource::Path(bench.path("absent"));
    fails(given("other"), absent, &["absent", "is not there"]);
    fails(
        Given::Folder,
        DockerfileSource::Default,
        &["context", "Dockerfile", "-f"],
    );

    // A stream that is no tar is the Dockerfile, of an empty context.
    let alone = |text: &str| Given::Stream(text.as_bytes().to_vec());
    let image = built(bench.build(
        "",
        of_context(alone("FROM scratch\nCOPY <<x /x\nhere\nx\n")),
    ));
    assert_eq!(image.lines(), ["f 644 0:0 x \"here\\n\""]);
    fails(
        alone(text),
        DockerfileSource::Default,
        &["COPY x /", "not found"],
    );
    fails(alone(text), path("x"), &["-f x", "Dockerfile itself"]);
    // A tar that breaks off.
    let mut broken = tar(&members());
    broken.truncate(1030);
    fails(
        Given::Stream(broken),
        DockerfileSource::Default,
        &["build context -"],
    );
    let mut broken = Codec::Gzip.compress(&tar(&members()));
    broken.truncate(100);
    fails(
        Given::Stream(broken),
        DockerfileSource::Default,
        &["build context -"],
    );
}

/// The same files are the same image, however they come.
#[test]
fn a_folder_and_a_tar() {
    let bench = Bench::new();
    bench.file("Dockerfile", "FROM scratch\nCOPY --chmod=640 . /c/\n");
    bench.file("sub/x", "x");
    let time = 1_200_000_000;
    let members = [
        file(
            "Dockerfile",
            0o600,
            "FROM scratch\nCOPY --chmod=640 . /c/\n",
        )
        .at(time)
        .owned(1000, 1000),
        file("sub/x", 0o777, "x").at(time),
    ];
    // Directories have the times of the host.
    let ask = |context| Ask {
        epoch: Some(time),
        ..of_context(context)
    };
    let folder = built(bench.build("", ask(Given::Folder)));
    let streamed = built(bench.build("", ask(stream(&members))));
    let same = |image: &Image| image.lines();
    assert_eq!(same(&folder), same(&streamed));
}

#[test]
fn contexts_by_http() {
    let bench = Bench::new();
    let server = Server::start();
    let bytes = Codec::Gzip.compress(&tar(&members()));
    server.serve(
        "c.tgz",
        Served {
            body: bytes,
            etag: Some("\"1\""),
            ..Served::default()
        },
    );
    let address = server.url("c.tgz");
    for expected in ["/c.tgz 200", "/c.tgz 304"] {
        let image = built(bench.build("", of_context(Given::At(url(&address)))));
        assert_eq!(image.lines(), COPIED);
        assert_eq!(server.asked(), [expected]);
    }
    // A file that is no tar is the Dockerfile.
    server.serve_bytes("Dockerfile", "FROM scratch\nCOPY context /f\n");
    let address = server.url("Dockerfile");
    let image = built(bench.build("", of_context(Given::At(url(&address)))));
    assert_eq!(
        image.lines(),
        ["f 600 0:0 f \"FROM scratch\\nCOPY context /f\\n\""]
    );
    let ask = Ask {
        found: Some(DockerfileSource::Path("other".into())),
        ..of_context(Given::At(url(&address)))
    };
    refused(bench.build("", ask), ErrorClass::Input, &["-f other"]);
    let absent = of_context(Given::At(url(&server.url("absent"))));
    refused(
        bench.build("", absent),
        ErrorClass::Input,
        &["build context", "404"],
    );
    // The Dockerfile alone.
    bench.file("x", "x");
    server.serve_bytes("only", "FROM scratch\nCOPY --chmod=600 x /\n");
    let ask = Ask {
        found: Some(DockerfileSource::Url(server.url("only").parse().unwrap())),
        ..Ask::default()
    };
    let image = built(bench.build("", ask));
    assert_eq!(image.lines(), ["f 600 0:0 x \"x\""]);
}

#[test]
fn contexts_with_a_name() {
    let bench = Bench::new();
    let server = Server::start();
    let other = bench.path("other");
    std::fs::create_dir_all(&other).unwrap();
    std::fs::write(other.join("x"), "other").unwrap();
    std::fs::write(other.join("left"), "out").unwrap();
    std::fs::write(other.join(".dockerignore"), "left\n.dockerignore\n").unwrap();
    bench.file("x", "main");
    bench.file("left", "here");
    server.serve_bytes(
        "c.tar",
        tar(&[file("x", 0o644, "tar"), file("left", 0o644, "")]),
    );
    server.serve_bytes("f", "alone");
    bench.linux_base("image", &[file("x", 0o644, "image")]);
    let files = |source| (NamedContext::Files, Some(source));
    let check = |meaning: (NamedContext, Option<ContextSource>), from: &str, expected: &[&str]| {
        // What nothing is copied from is not opened.
        let unused = ContextSource::Folder(bench.path("absent"));
        let (kind, source) = meaning;
        let ask = Ask {
            named: vec![
                ("named", kind, source),
                ("unused", NamedContext::Files, Some(unused)),
            ],
            ..Ask::default()
        };
        let dockerfile =
            format!("FROM scratch AS stage\nCOPY <<x /x\nstage\nx\nFROM scratch\n{from}\n");
        let image = built(bench.build(&dockerfile, ask));
        assert_eq!(image.short_lines(), expected, "{from}");
    };
    let copy = "COPY --from=named . /";
    check(
        files(ContextSource::Folder(other)),
        "COPY --from=named . /\nCOPY x left /main/",
        &[
            "f x \"other\"",
            "d main/",
            "f main/left \"here\"",
            "f main/x \"main\"",
        ],
    );
    check(
        files(url(&server.url("c.tar"))),
        copy,
        &["f left \"\"", "f x \"tar\""],
    );
    check(files(url(&server.url("f"))), copy, &["f context \"alone\""]);
    let image = "oci-layout://image".parse().unwrap();
    check((NamedContext::Image(image), None), copy, &["f x \"image\""]);
    let stage = NamedContext::Stage("stage".to_owned());
    check((stage, None), copy, &["f x \"stage\\n\""]);
    let absent = ContextSource::Folder(bench.path("absent"));
    let ask = Ask {
        named: vec![("named", NamedContext::Files, Some(absent))],
        ..Ask::default()
    };
    let result = bench.build(&format!("FROM scratch\n{copy}\n"), ask);
    refused(result, ErrorClass::Input, &["absent", "cannot be opened"]);
}

/// Equal blobs may be other files: what is left out, names, times and owners count too.
#[test]
fn equal_blobs_are_other_files() {
    let bench = Bench::new();
    let server = Server::start();
    let members = [
        file("a", 0o644, "a").owned(1, 1),
        file("b", 0o644, "b").owned(1, 1),
    ];
    let dockerfile = bench.path("My.Dockerfile");
    let ignore = bench.path("My.Dockerfile.dockerignore");
    let text = "FROM scratch\nCOPY . /\n";
    std::fs::write(&dockerfile, text).unwrap();
    let all = ["f 644 0:0 a \"a\"", "f 644 0:0 b \"b\""];
    for (patterns, expected) in [
        ("", &all[..]),
        ("a", &all[1..]),
        ("b", &all[..1]),
        ("", &all),
    ] {
        std::fs::write(&ignore, patterns).unwrap();
        let ask = Ask {
            context: stream(&members),
            dockerfile_path: Some(dockerfile.clone()),
            ..Ask::default()
        };
        let image = built(bench.build(text, ask));
        assert_eq!(image.lines(), expected, "{patterns:?}");
    }
    // The same tar as a layer of an image.
    bench.linux_base("base", &members);
    let text = "FROM scratch\nCOPY --from=oci-layout://base . /\n";
    let image = built(bench.build(text, Ask::default()));
    assert_eq!(image.lines(), all.map(|line| line.replace("0:0", "1:1")));
    let named = url(&server.url("x.tar"));
    server.serve_bytes("x.tar", tar(&members));
    let ask = Ask {
        named: vec![("named", NamedContext::Files, Some(named))],
        ..Ask::default()
    };
    let image = built(bench.build("FROM scratch\nCOPY --from=named . /\n", ask));
    assert_eq!(image.lines(), all);
    // The same bytes with another time.
    for (time, expected) in [
        (Some("Sat, 01 Jan 2005 00:00:00 GMT"), "1104537600"),
        (None, "315532800"),
        (Some("Sun, 02 Jan 2005 00:00:00 GMT"), "1104624000"),
    ] {
        server.serve(
            "f",
            Served {
                body: b"f".to_vec(),
                last_modified: time,
                ..Served::default()
            },
        );
        let dockerfile = format!("FROM scratch\nADD {} /\n", server.url("f"));
        let image = built(bench.build(&dockerfile, Ask::default()));
        assert_eq!(image.entry("f").mtime, expected);
    }
}

/// What a stream brought goes with the build; what can be asked for again stays with its record.
#[test]
fn what_prune_leaves() {
    let bench = Bench::new();
    let server = Server::start();
    server.serve_bytes("x", vec![b'x'; 5000]);
    let blobs = |all: bool, dry_run: bool| {
        let store = Store::open(&bench.path("store")).unwrap();
        let request = PruneRequest { all, dry_run };
        prune(&store, &request).unwrap();
        let folder = std::fs::read_dir(bench.path("store/blobs/sha256")).unwrap();
        folder.count()
    };
    let ask = || Ask {
        outputs: Some(Vec::new()),
        ..of_context(stream(&members()))
    };
    built(bench.build("", ask()));
    let before = blobs(false, true);
    // The layer of the copy stays, the tar of the context goes.
    assert_eq!(before - blobs(false, false), 1);
    let again = built(bench.build("", ask()));
    assert_eq!(again.told.cached(), "DC");
    blobs(true, false);
    let dockerfile = format!("FROM scratch\nADD {} /\n", server.url("x"));
    let ask = || Ask {
        outputs: Some(Vec::new()),
        ..Ask::default()
    };
    built(bench.build(&dockerfile, ask()));
    assert_eq!(blobs(false, false), 2);
    assert_eq!(blobs(true, false), 0);
}

/// What was fetched and is damaged now is fetched again.
#[test]
fn damage() {
    let bench = Bench::new();
    let server = Server::start();
    let body = vec![b'x'; 5000];
    server.serve(
        "x",
        Served {
            body: body.clone(),
            etag: Some("\"1\""),
            ..Served::default()
        },
    );
    server.serve(
        "c.tar",
        Served {
            body: tar(&[file("big", 0o644, &body)]),
            etag: Some("\"2\""),
            ..Served::default()
        },
    );
    let dockerfile = |to: &str| {
        let file = server.url("x");
        format!("FROM scratch\nADD {file} /{to}\nCOPY big /{to}-big\n")
    };
    let ask = || Ask {
        context: Given::At(url(&server.url("c.tar"))),
        ..Ask::default()
    };
    built(bench.build(&dockerfile("one"), ask()));
    assert_eq!(server.asked(), ["/c.tar 200", "/x 200"]);
    let damaged = |blob: &[u8]| {
        let position = blob.windows(100).position(|part| part == vec![b'x'; 100]);
        position.is_some_and(|position| position >= 512)
    };
    for entry in std::fs::read_dir(bench.path("store/blobs/sha256")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        if damaged(&bytes) {
            bytes[2000] ^= 1;
            std::fs::write(&path, bytes).unwrap();
        }
    }
    let image = built(bench.build(&dockerfile("two"), ask()));
    assert_eq!(image.entry("two").content, body);
    assert_eq!(image.entry("two-big").content, body);
    let asked = server.asked();
    assert!(asked.contains(&"/x 200".to_owned()), "{asked:?}");
    assert!(asked.contains(&"/c.tar 200".to_owned()), "{asked:?}");
}

/// Makes a repository with the files of a context, and gives an address of it.
fn repository(bench: &Bench) -> (Git, String) {
    let folder = bench.path("repository");
    std::fs::create_dir_all(folder.join("sub")).unwrap();
    std::fs::write(folder.join("Dockerfile"), "FROM scratch\nCOPY . /c/\n").unwrap();
    std::fs::write(folder.join("sub/x"), "x").unwrap();
    let git = |arguments: &[&str]| {
        let ran = Command::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@b"])
            .args(arguments)
            .current_dir(&folder)
            .env("GIT_AUTHOR_DATE", "1200000000 +0000")
            .env("GIT_COMMITTER_DATE", "1200000000 +0000")
            .output()
            .unwrap();
        assert!(ran.status.success(), "{ran:?}");
    };
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "one"]);
    git(&["tag", "v1"]);
    std::fs::write(folder.join("sub/x"), "later").unwrap();
    git(&["commit", "-q", "-a", "-m", "two"]);
    let root = bench.path("").to_string_lossy().replace('\\', "/");
    let git = Git::default().with_local_repositories("https://git.example/", &root);
    (git, "https://git.example/repository/.git".to_owned())
}

#[test]
#[ignore = "needs git"]
fn contexts_of_git() {
    let bench = Bench::new();
    let (git, address) = repository(&bench);
    let ask = |fragment: &str| {
        let url = format!("{address}{fragment}").parse().unwrap();
        Ask {
            git: Some(git.clone()),
            ..of_context(Given::At(ContextSource::Git(url)))
        }
    };
    let dockerfile = "f 644 0:0 c/Dockerfile \"FROM scratch\\nCOPY . /c/\\n\"";
    let image = built(bench.build("", ask("#v1")));
    let expected = [
        "d 755 0:0 c/",
        dockerfile,
        "d 755 0:0 c/sub/",
        "f 644 0:0 c/sub/x \"x\"",
    ];
    assert_eq!(image.lines(), expected);
    assert_eq!(image.entry("c/sub/x").mtime, "1200000000");
    let again = built(bench.build("", ask("#v1")));
    assert_eq!(
        (again.told.cached(), again.digest),
        ("DC".to_owned(), image.digest.clone())
    );
    // The same as a tar.
    let time = 1_200_000_000;
    let members = [
        file("Dockerfile", 0o644, "FROM scratch\nCOPY . /c/\n").at(time),
        dir("sub/", 0o755).at(time),
        file("sub/x", 0o644, "x").at(time),
    ];
    let streamed = built(bench.build("", of_context(stream(&members))));
    assert_eq!(streamed.digest, image.digest);
    let later = built(bench.build("", ask("")));
    assert_eq!(later.entry("c/sub/x").content, b"later");
    refused(
        bench.build("", ask("#none")),
        ErrorClass::Input,
        &["none", "build context"],
    );
    let missing = ask("#v1:sub");
    refused(
        bench.build("", missing),
        ErrorClass::Input,
        &["Dockerfile", "-f"],
    );
}

#[test]
#[ignore = "needs git"]
fn add_of_git() {
    let bench = Bench::new();
    let (git, address) = repository(&bench);
    let check = |add: &str, expected: &[&str]| {
        let ask = Ask {
            git: Some(git.clone()),
            ..Ask::default()
        };
        let dockerfile = format!("FROM scratch\n{}\n", add.replace("{}", &address));
        let image = built(bench.build(&dockerfile, ask));
        let names = image.top().iter().map(|entry| entry.name.clone());
        let names: Vec<String> = names.filter(|name| !name.contains("git/")).collect();
        assert_eq!(names, expected, "{add}");
    };
    check(
        "ADD {}#v1 /a/",
        &["a/", "a/Dockerfile", "a/sub/", "a/sub/x"],
    );
    check("ADD {}#v1:sub /", &["x"]);
    check(
        "ADD --keep-git-dir=true {}#v1 /a",
        &["a/", "a/Dockerfile", "a/sub/", "a/sub/x"],
    );
    let ask = Ask {
        git: Some(git.clone()),
        ..Ask::default()
    };
    let dockerfile = format!(
        "FROM scratch\nADD --checksum={} {address}#v1 /\n",
        "0123456789".repeat(4)
    );
    let result = bench.build(&dockerfile, ask);
    refused(result, ErrorClass::Integrity, &["Dockerfile:2", "checksum"]);
}
