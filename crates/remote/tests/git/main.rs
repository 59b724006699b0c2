//! Trees of real repositories, made and served by the program git. testkit/e2e/git.sh runs
//! this: `cargo test` needs no git.

mod repository;
mod served;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crossdock_image::GitUrl;
use crossdock_remote::{Git, GitCommit, GitError, GitTree};
use repository::{Repository, World};

/// What is in a tar: by path, the mode and the content, or the link's target.
type Files = BTreeMap<String, String>;

struct Fetched {
    bytes: Vec<u8>,
    commit: GitCommit,
    tree: GitTree,
}

fn try_fetch(git: &Git, url: &str) -> Result<Fetched, GitError> {
    let url: GitUrl = url.parse().unwrap_or_else(|error| panic!("{url}: {error}"));
    let commit = git.resolve(&url)?;
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = Vec::new();
    let tree = git.fetch(&url, &commit, folder.path(), &mut bytes)?;
    Ok(Fetched {
        bytes,
        commit,
        tree,
    })
}

#[track_caller]
fn fetch(git: &Git, url: &str) -> Fetched {
    try_fetch(git, url).unwrap_or_else(|error| panic!("{url}: {error}"))
}

#[track_caller]
fn fails(git: &Git, url: &str, expected: &str) {
    let error = match try_fetch(git, url) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("{url} can be fetched"),
    };
    assert!(error.contains(expected), "{url}: {error}");
    assert!(!error.contains("secret"), "{url}: {error}");
}

impl Fetched {
    /// Unpacks it by the program tar.
    fn unpack(&self, world: &World, name: &str) -> std::path::PathBuf {
        let folder = world.folder.path().join(name);
        fs::create_dir_all(&folder).unwrap();
        let file = folder.with_extension("tar");
        fs::write(&file, &self.bytes).unwrap();
        let (file, folder_text) = (file.to_str().unwrap(), folder.to_str().unwrap());
        world.run(Path::new("/"), "tar", &["-xpf", file, "-C", folder_text]);
        folder
    }

    /// `mode owner size time path` of each entry, as the program tar lists them.
    fn listed(&self, world: &World) -> Vec<String> {
        let file = world.folder.path().join("listed.tar");
        fs::write(&file, &self.bytes).unwrap();
        let options = ["--numeric-owner", "--utc", "--full-time", "-tvf"];
        let arguments = [&options[..], &[file.to_str().unwrap()]].concat();
        let listed = world.run(Path::new("/"), "tar", &arguments);
        let squeezed = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        listed.lines().map(squeezed).collect()
    }
}

/// Files and links of a folder without `.git`.
fn files(folder: &Path) -> Files {
    let mut found = Files::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path
                .strip_prefix(folder)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            let kind = path.symlink_metadata().unwrap();
            if path.file_name().unwrap() == ".git" {
                continue;
            } else if kind.is_symlink() {
                let target = fs::read_link(&path).unwrap();
                found.insert(name, format!("-> {}", target.display()));
            } else if kind.is_dir() {
                folders.push(path);
            } else {
                let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
                found.insert(name, text);
            }
        }
    }
    found
}

const LONG: &str = "a-folder-with-a-long-name/and-another-one-in-it-that-is-long-too/and-a-file-with-such-a-name-that-no-header-holds-it.txt";

/// A repository with one of everything, and two commits.
fn with_everything(world: &World) -> Repository<'_> {
    let repository = world.repository("all");
    repository.write("old.txt", "old");
    let first = repository.commit("first");
    repository.git(&["tag", "light", &first]);
    repository.git(&["rm", "-q", "old.txt"]);
    repository.write("a.txt", "one\n");
    repository.write("run.sh", "#!/bin/sh\n");
    repository.git(&["add", "run.sh"]);
    repository.git(&["update-index", "--chmod=+x", "run.sh"]);
    repository.write("folder/b.txt", "two\n");
    repository.write("folder/deep/c.txt", "three\n");
    repository.write(LONG, "long\n");
    repository.link("link", "folder/b.txt");
    repository.link("long-link", &format!("../{LONG}"));
    repository.write("left-out.txt", "left out\n");
    repository.write("replaced.txt", "$Format:%H$\n");
    repository.write("crlf.txt", "x\ny\n");
    repository.write("lfs.bin", "version https://git-lfs.github.com/spec/v1\n");
    repository.write(
        ".gitattributes",
        "left-out.txt export-ignore\nreplaced.txt export-subst\ncrlf.txt text eol=crlf\n\
         *.bin filter=lfs\nfolder export-ignore\n",
    );
    repository.commit("second");
    repository.git(&["tag", "-m", "a tag", "v1"]);
    repository.git(&["branch", "side/one", &first]);
    repository.git(&["update-ref", "refs/pull/7/head", &first]);
    repository
}

#[test]
#[ignore = "needs git: testkit/e2e/git.sh"]
fn a_tree_is_what_git_checks_out() {
    let world = World::new();
    let repository = with_everything(&world);
    let fetched = fetch(&world.client(), &world.url("all"));
    assert_eq!(fetched.commit.id.as_str(), repository.head());
    assert_eq!(fetched.tree.commit, fetched.commit.id);
    assert_eq!(fetched.tree.time, 1_500_000_002);
    let unpacked = fetched.unpack(&world, "unpacked");
    let clone = world.clone_of("all");
    assert_eq!(files(&unpacked), files(&clone));
    assert_eq!(files(&unpacked)["crlf.txt"], "x\r\ny\r\n");
    let listed = fetched.listed(&world);
    assert_eq!(fetched.tree.entries, listed.len() as u64);
    let time = "2017-07-14 02:40:02";
    for expected in [
        format!("-rw-r--r-- 0/0 4 {time} a.txt"),
        format!("-rwxr-xr-x 0/0 10 {time} run.sh"),
        format!("drwxr-xr-x 0/0 0 {time} folder/"),
        format!("lrwxrwxrwx 0/0 0 {time} link -> folder/b.txt"),
        format!("lrwxrwxrwx 0/0 0 {time} long-link -> ../{LONG}"),
        format!("-rw-r--r-- 0/0 5 {time} {LONG}"),
    ] {
        assert!(listed.contains(&expected), "{expected}: {listed:#?}");
    }
}

#[test]
#[ignore = "needs git: testkit/e2e/git.sh"]
fn the_users_configuration_changes_no_byte() {
    let world = World::new();
    with_everything(&world);
    let attributes = world.folder.path().join("attributes");
    fs::write(&attributes, "*.txt export-ignore\n* text eol=crlf\n").unwrap();
    let ran = world.folder.path().join("ran");
    let settings = [
        ("core.autocrlf", "true".to_owned()),
        ("core.attributesFile", attributes.display().to_string()),
        ("tar.umask", "0077".to_owned()),
        ("filter.lfs.smudge", format!("touch {}", ran.display())),
        ("filter.lfs.required", "true".to_owned()),
        ("core.compression", "9".to_owned()),
        ("index.version", "4".to_owned()),
        ("protocol.version", "1".to_owned()),
        ("log.showSignature", "true".to_owned()),
        ("init.defaultBranch", "other".to_owned()),
    ];
    let mut other = world
        .client()
        .with_variable("GIT_CONFIG_COUNT", settings.len().to_string());
    for (number, (name, value)) in settings.iter().enumerate() {
        other = other
            .with_variable(format!("GIT_CONFIG_KEY_{number}"), name)
            .with_variable(format!("GIT_CONFIG_VALUE_{number}"), value);
    }
    let other = other.with_variable("GIT_DEFAULT_HASH", "sha256");
    for query in ["", "?keep-git-dir=1", "?keep-git-dir=1&tag=v1", "#side/one"] {
        let url = format!("{}{query}", world.url("all"));
        let usual = fetch(&world.client(), &url);
        assert!(
            usual.bytes == fetch(&world.client(), &url).bytes,
            "{query}: twice"
        );
        assert!(
            usual.bytes == fetch(&other, &url).bytes,
            "{query}: configured"
        );
    }
    assert!(!ran.exists(), "a filter was run");
}

#[test]
#[ignore = "needs git: testkit/e2e/git.sh"]
fn references() {
    let world = World::new();
    let repository = with_everything(&world);
    let head = repository.head();
    let first = repository.git(&["rev-parse", "light"]);
    let tag = repository.git(&["rev-parse", "v1"]);
    repository.git(&["branch", "v1", &first]);
    let git = world.client();
    for (rest, id, is_tag, reference) in [
        ("", &head, false, Some("refs/heads/main")),
        ("#HEAD", &head, false, Some("refs/heads/main")),
        ("#main", &head, false, Some("refs/heads/main")),
        ("#side/one", &first, false, Some("refs/heads/side/one")),
        ("#light", &first, false, Some("refs/tags/light")),
        // A branch comes before a tag.
        ("#v1", &first, false, Some("refs/heads/v1")),
        ("?tag=v1", &head, true, Some("refs/tags/v1")),
        ("#tags/v1", &head, true, Some("refs/tags/v1")),
        ("#pull/7/head", &first, false, Some("refs/pull/7/head")),
        ("#refs/pull/7/head", &first, false, Some("refs/pull/7/head")),
        (&format!("#{first}"), &first, false, None),
        (&format!("#{}", &first[..9]), &first, false, None),
        (
            &format!("?checksum={}#main", &head[..8]),
            &head,
            false,
            Some("refs/heads/main"),
        ),
        (
            &format!("?checksum={tag}&tag=v1"),
            &head,
            true,
            Some("refs/tags/v1"),
        ),
        (
            &format!("?checksum={head}&tag=v1"),
            &head,
            true,
            Some("refs/tags/v1"),
        ),
        // The branch is elsewhere by now.
        (
            &format!("?fetch-by-commit&checksum={first}#main"),
            &first,
            false,
            Some("refs/heads/main"),
        ),
    ] {
        let fetched = fetch(&git, &format!("{}{rest}", world.url("all")));
        let commit = &fetched.commit;
        assert_eq!(commit.id.as_str(), id, "{rest}");
        assert_eq!(commit.reference.as_deref(), reference, "{rest}");
        let expected = is_tag.then_some(tag.as_str());
        assert_eq!(
            commit.tag.as_ref().map(|tag| tag.as_str()),
            expected,
            "{rest}"
        );
        let name = if *id == head { "a.txt" } else { "old.txt" };
        assert!(
            String::from_utf8_lossy(&fetched.bytes).contains(name),
            "{rest}"
        );
    }
    // An annotated tag by its own id.
    let fetched = fetch(&git, &format!("{}#{tag}", world.url("all")));
    assert_eq!(fetched.tree.commit.as_str(), head);
    let nothing = "0123456789".repeat(4);
    for (rest, expected) in [
        (
            "#nothing".to_owned(),
            "no branch, tag or commit \"nothing\"",
        ),
        ("#one".to_owned(), "no branch, tag or commit"),
        ("#abcdef0".to_owned(), "no branch, tag or commit"),
        (format!("#{nothing}"), "does not give the commit"),
        (
            "?checksum=abcd#main".to_owned(),
            "the checksum is abcd, but the commit is",
        ),
        (format!("?checksum=abcd#{first}"), "the checksum is abcd"),
        (
            "?fetch-by-commit&checksum=abcd".to_owned(),
            "whole commit id",
        ),
    ] {
        fails(&git, &format!("{}{rest}", world.url("all")), expected);
    }
    world.repository("empty");
    fails(&git, &world.url("empty"), "no default branch");
}

#[test]
#[ignore = "needs git: testkit/e2e/git.sh"]
fn servers_that_give_no_commit_by_its_id_give_their_history() {
    let world = World::new();
    let repository = with_everything(&world);
    repository.write("between.txt", "between");
    let between = repository.commit("third");
    repository.write("last.txt", "last");
    repository.commit("fourth");
    // Version 2 of the protocol gives every commit; this one those that references are at.
    let git = world
        .client()
        .with_variable("GIT_CONFIG_COUNT", "1")
        .with_variable("GIT_CONFIG_KEY_0", "protocol.version")
        .with_variable("GIT_CONFIG_VALUE_0", "0");
    for query in ["", "?keep-git-dir=1"] {
        let url = format!("{}{query}#{between}", world.url("all"));
        let fetched = fetch(&git, &url);
        assert!(
            fetched.bytes == fetch(&world.client(), &url).bytes,
            "{query}"
        );
        assert!(!String::from_utf8_lossy(&fetched.bytes).contains("last.txt"));
    }
    let nothing = "0123456789".repeat(4);
    fails(
        &git,
        &format!("{}#{nothing}", world.url("all")),
        "does not give the commit",
    );
    // A branch that has moved on between the question and the answer.
    let url: GitUrl = format!("{}#main", world.url("all")).parse().unwrap();
    let commit = git.resolve(&url).unwrap();
    repository.write("later.txt", "later");
    repository.commit("fifth");
    let (folder, mut bytes) = (tempfile::tempdir().unwrap(), Vec::new());
    let tree = git.fetch(&url, &commit, folder.path(), &mut bytes).unwrap();
    assert_eq!(tree.commit, commit.id);
}

#[test]
#[ignore = "needs git: testkit/e2e/git.sh"]
fn a_folder_becomes_the_root() {
    let world = World::new();
    with_everything(&world);
    let git = world.client();
    let fetched = fetch(&git, &format!("{}#main:folder", world.url("all")));
    let listed = fetched.listed(&world);
    let paths: Vec<_> = listed
        .iter()
        .filter_map(|line| line.split(' ').nth(5))
        .collect();
    assert_eq!(paths, ["b.txt", "deep/", "deep/c.txt"]);
    // docker leaves .git out then.
    let kept = fetch(
        &git,
        &format!("{}?keep-git-dir=1#main:folder", world.url("all")),
    );
    assert!(kept.bytes == fetched.bytes);
    for folder in ["none", "a.txt", "link", "fold", "folder/b.txt"] {
        let url = format!("{}#main:{folder}", world.url("all"));
        fails(&git, &url, "has no folder");
    }
}

/// `outer` has `middle` at `sub/one`, which has `inner` at `deep`.
fn nested(world: &World) -> Repository<'_> {
    let inner = world.repository("inner");
    inner.write("inner.txt", "inner 1");
    inner.commit("first");
    let middle = world.repository("group/middle");
    middle.write("middle.txt", "middle");
    middle.submodule("../../inner.git", "deep", &inner.head());
    middle.commit("first");
    // The commit that is named is not the newest.
    inner.write("inner.txt", "inner 2");
    inner.commit("second");
    let outer = world.repository("outer");
    outer.write("outer.txt", "outer");
    outer.submodule("./../group/middle.git/", "sub/one", &middle.head());
    outer.commit("first");
    outer
}

#[test]
#[ignore = "needs git: testkit/e2e/git.sh"]
fn submodules_are_in_the_tree() {
    let world = World::new();
    nested(&world);
    let git = world.client();
    let fetched = fetch(&git, &world.url("outer"));
    let unpacked = files(&fetched.unpack(&world, "with"));
    assert_eq!(unpacked["sub/one/middle.txt"], "middle");
    assert_eq!(unpacked["sub/one/deep/inner.txt"], "inner 1");
    let paths: Vec<_> = fetched
        .tree
        .submodules
        .iter()
        .map(|(path, _)| path.as_str())
        .collect();
    assert_eq!(paths, ["sub/one", "sub/one/deep"]);
    let without = fetch(&git, &format!("{}?submodules=false", world.url("outer")));
    let unpacked = files(&without.unpack(&world, "without"));
    let names: Vec<_> = unpacked.keys().map(String::as_str).collect();
    assert_eq!(names, [".gitmodules", "outer.txt"]);
    // The folder of a submodule, in which git leaves an empty one.
    let inner = fetch(&git, &format!("{}#main:sub/one/deep", world.url("outer")));
    let unpacked = files(&inner.unpack(&world, "inner"));
    assert_eq!(unpacked.len(), 1);
    assert_eq!(unpacked["inner.txt"], "inner 1");
    let empty = fetch(
        &git,
        &format!("{}?submodules=0#main:sub/one", world.url("outer")),
    );
    assert_eq!(empty.tree.entries, 0);
}

#[test]
#[ignore = "needs git: testkit/e2e/git.sh"]
fn a_kept_git_folder_works() {
    let world = World::new();
    let repository = with_everything(&world);
    nested(&world);
    let git = world.client();
    let url = format!("{}?keep-git-dir=true&tag=v1", world.url("all"));
    let folder = fetch(&git, &url).unpack(&world, "kept");
    let run =
        |folder: &Path, arguments: &[&str]| world.run(folder, "git", arguments).trim().to_owned();
    assert_eq!(run(&folder, &["status", "--porcelain"]), "");
    assert_eq!(
        run(&folder, &["log", "--format=%s %H"]),
        format!("second {}", repository.head())
    );
    assert_eq!(run(&folder, &["describe"]), "v1");
    assert_eq!(
        run(&folder, &["remote", "get-url", "origin"]),
        world.address("all")
    );
    assert_eq!(run(&folder, &["fsck", "--strict"]), "");
    assert_eq!(
        run(&folder, &["for-each-ref", "--format=%(refname)"]),
        "refs/tags/v1"
    );
    let url = format!("{}?keep-git-dir=true", world.url("outer"));
    let fetched = fetch(&git, &url);
    assert!(fetched.bytes == fetch(&git, &url).bytes, "twice");
    let folder = fetched.unpack(&world, "kept-outer");
    for place in ["", "sub/one", "sub/one/deep"] {
        assert_eq!(
            run(&folder.join(place), &["status", "--porcelain"]),
            "",
            "{place}"
        );
        assert_eq!(
            run(&folder.join(place), &["log", "--format=%s"]),
            "first",
            "{place}"
        );
    }
    let status = run(&folder, &["submodule", "status", "--recursive"]);
    assert!(!status.contains(['-', '+']), "{status}");
    let listed = fetched.listed(&world);
    let mut names: Vec<_> = listed
        .iter()
        .filter_map(|line| line.split(' ').nth(5))
        .collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "no path twice");
}

#[test]
#[ignore = "needs git: testkit/e2e/git.sh"]
fn sha256_repositories() {
    let world = World::new();
    let repository = world.repository_with("new", &["--object-format=sha256"]);
    repository.write("a.txt", "a");
    repository.commit("first");
    for rest in [
        "?keep-git-dir=1".to_owned(),
        format!("?keep-git-dir=1#{}", repository.head()),
    ] {
        let fetched = fetch(&world.client(), &format!("{}{rest}", world.url("new")));
        assert!(fetched.commit.id.is_sha256());
        let folder = fetched.unpack(&world, &format!("new{}", rest.len()));
        assert_eq!(world.run(&folder, "git", &["status", "--porcelain"]), "");
    }
}

#[test]
#[ignore = "needs git: testkit/e2e/git.sh"]
fn hostile_repositories() {
    let world = World::new();
    let git = world.client();
    let repository = world.repository("evil");
    repository.write("x", "x");
    repository.commit("first");
    let ran = world.folder.path().join("ran");
    let program = format!("ext::sh -c touch% {}", ran.display());
    for (address, expected) in [
        (program.as_str(), "names no repository"),
        ("fd::17", "names no repository"),
        ("/etc", "a path of this machine"),
        ("C:/x", "no host"),
        ("file:///etc", "https, http, ssh or git alone"),
        ("--upload-pack=touch", "a path of this machine"),
        ("-x:y", "no host"),
        ("ssh://-oProxyCommand=x/y", "no host"),
        ("host:-x", "names no repository"),
        ("../../../../../x", "leads out of the server"),
        ("https://user:secret@\u{1}/", "control characters"),
        ("https://user:secret@127.0.0.1:1/x", "cannot be reached"),
    ] {
        repository.git(&["rm", "-rqf", "--ignore-unmatch", ".gitmodules", "sub"]);
        repository.submodule(address, "sub", &repository.head());
        repository.commit("submodule");
        fails(&git, &world.url("evil"), expected);
        fails(&git, &world.url("evil"), "submodule sub: ");
        fetch(&git, &format!("{}?submodules=false", world.url("evil")));
    }
    assert!(!ran.exists());
    // Of a submodule without an entry, and of one with a name that leads elsewhere.
    repository.git(&["rm", "-q", "-f", ".gitmodules"]);
    repository.commit("no .gitmodules");
    fails(&git, &world.url("evil"), "does not name its repository");
    repository.write(
        ".gitmodules",
        "[submodule \"../../x\"]\n\tpath = sub\n\turl = ../evil.git\n",
    );
    repository.commit("a name");
    fails(&git, &world.url("evil"), "has the name \"../../x\"");
    // Trees that git itself would not make.
    let blob = repository.git(&["hash-object", "-w", "x"]);
    for name in ["..", ".git", ".GIT", "."] {
        let tree = repository.literal_tree(name, &blob);
        let commit = repository.git(&["commit-tree", "-m", "evil", &tree]);
        repository.git(&["update-ref", "refs/heads/evil", &commit]);
        fails(
            &git,
            &format!("{}?submodules=0#evil", world.url("evil")),
            "evil.git: ",
        );
    }
}

#[test]
#[ignore = "needs git: testkit/e2e/git.sh"]
fn what_cannot_be_reached() {
    let world = World::new();
    let git = world.client();
    fails(
        &Git::new("no-such-git"),
        &world.url("all"),
        "no-such-git is not there; install git",
    );
    fails(&git, &world.url("missing"), "no such repository");
    fails(
        &git,
        "https://user:secret@127.0.0.1:1/x.git",
        "cannot be reached",
    );
    fails(&git, "git://127.0.0.1:1/x.git", "cannot be reached");
    fails(
        &git,
        "ssh://user:secret@127.0.0.1:1/x.git",
        "cannot be reached",
    );
    // What is local is not reached in another way.
    world.repository("all").commit("first");
    fetch(&git, &world.url("all"));
    fails(
        &world.strict_client(),
        &world.url("all"),
        "transport 'file' not allowed",
    );
}
