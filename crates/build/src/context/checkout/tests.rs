use std::fs;

use super::*;

/// An index that git wrote, and its folders `sub/deep` and `link` to it.
const INDEX: &[u8] = include_bytes!("../git_index/seeds/v2");

/// The shared index of the seed `split`.
const SHARED: &[u8] = include_bytes!("../git_index/seeds/split-shared");

/// A shared index has the name of its checksum.
fn shared_name() -> String {
    let digits = SHARED[SHARED.len() - 20..].iter();
    let digits: String = digits.map(|byte| format!("{byte:02x}")).collect();
    format!("sharedindex.{digits}")
}

fn git_folder_at(path: &Path, config: &str) {
    fs::create_dir_all(path.join("objects")).unwrap();
    fs::write(path.join("HEAD"), "ref: refs/heads/main\n").unwrap();
    fs::write(path.join("config"), config).unwrap();
}

/// A folder with a checkout.
fn checkout(config: &str, index: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    git_folder_at(&folder.path().join(".git"), config);
    fs::write(folder.path().join(".git/index"), index).unwrap();
    fs::create_dir_all(folder.path().join("sub/deep")).unwrap();
    folder
}

fn kind(checkout: &Checkout, path: &str) -> Option<GitKind> {
    checkout.entry(path.as_bytes()).map(|entry| entry.kind)
}

#[test]
fn the_checkout_around_a_folder() {
    let folder = checkout("", INDEX);
    let at = |path: &str| Checkout::around(&folder.path().join(path), true).unwrap();
    let root = at("").unwrap();
    assert_eq!(kind(&root, "run"), Some(GitKind::Executable));
    assert_eq!(kind(&root, "sub/deep/é"), Some(GitKind::File));
    assert_eq!(kind(&root, "sub"), None);
    assert_eq!(kind(&root, "Run"), None);
    for (path, expected) in [
        ("sub", true),
        ("sub/deep", true),
        ("su", false),
        ("run", false),
    ] {
        assert_eq!(root.has_beneath(path.as_bytes()), expected, "{path}");
    }
    let sub = at("sub").unwrap();
    assert_eq!(kind(&sub, "deep/é"), Some(GitKind::File));
    assert_eq!(kind(&sub, "run"), None);
    assert!(sub.has_beneath(b"deep"));
    // A folder that only has the name is none, and git looks further up too.
    fs::create_dir(folder.path().join("sub/.git")).unwrap();
    assert_eq!(kind(&at("sub").unwrap(), "deep/é"), Some(GitKind::File));
    assert!(
        Checkout::at(&folder.path().join("sub"), true)
            .unwrap()
            .is_none()
    );
    // Nothing was added yet.
    fs::remove_file(folder.path().join(".git/index")).unwrap();
    assert_eq!(kind(&at("").unwrap(), "run"), None);
}

#[test]
fn no_checkout() {
    let folder = tempfile::tempdir().unwrap();
    // The folder of temporary files may itself be in one.
    if Checkout::around(folder.path().parent().unwrap(), true).is_ok_and(|found| found.is_none()) {
        assert!(Checkout::around(folder.path(), true).unwrap().is_none());
    }
}

/// As `git worktree add` and `git submodule add` leave it: `.git` is a file with a relative or an
/// absolute path.
#[test]
fn a_checkout_whose_git_folder_is_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let main = folder.path().join("main/.git");
    git_folder_at(&main, "[core]\n\tignoreCase = true\n");
    let own = main.join("worktrees/other");
    fs::create_dir_all(&own).unwrap();
    fs::write(own.join("HEAD"), "ref: refs/heads/other\n").unwrap();
    fs::write(own.join("commondir"), "../..\n").unwrap();
    fs::write(own.join("index"), INDEX).unwrap();
    let other = folder.path().join("other");
    fs::create_dir(&other).unwrap();
    let absolute = own.display().to_string();
    for path in ["../main/.git/worktrees/other", &absolute] {
        fs::write(other.join(".git"), format!("gitdir: {path}\n")).unwrap();
        let found = Checkout::around(&other, true).unwrap().unwrap();
        // The setting is that of the folder that worktrees share.
        assert_eq!(kind(&found, "RUN"), Some(GitKind::Executable));
    }
    for text in ["gitdir: ../gone\n", "gitdir: ", "", "something else"] {
        fs::write(other.join(".git"), text).unwrap();
        let error = Checkout::around(&other, true).unwrap_err().to_string();
        assert!(error.contains("names no git folder"), "{text}: {error}");
    }
}

#[test]
fn letter_case() {
    let check = |config: &str, case_sensitive: bool, path: &str, expected: Option<GitKind>| {
        let folder = checkout(config, INDEX);
        let found = Checkout::around(folder.path(), case_sensitive).unwrap();
        assert_eq!(kind(&found.unwrap(), path), expected, "{config:?} {path}");
    };
    let ignored = "[core]\nignorecase\n";
    let counts = "[core]\nignorecase = false\n";
    check("", true, "TEXT", None);
    check("", false, "TEXT", Some(GitKind::File));
    check("", false, "Sub/DEEP/é", Some(GitKind::File));
    // Git knows the letters of ASCII.
    check("", false, "Sub/DEEP/É", None);
    check(ignored, true, "TEXT", Some(GitKind::File));
    check(counts, false, "TEXT", None);
}

/// Of paths that differ only in case no one is the other's.
#[test]
fn several_paths_that_differ_in_case() {
    let mut index = b"DIRC\0\0\0\x02\0\0\0\x02".to_vec();
    for (path, mode) in [(b"RUN", 0o100_755u32), (b"Run", 0o100_644)] {
        index.extend([0; 24]);
        index.extend(mode.to_be_bytes());
        index.extend([0; 12 + 20 + 1]);
        index.push(3);
        index.extend(path);
        index.extend([0; 7]);
    }
    index.extend([0; 20]);
    let folder = checkout("", &index);
    let found = Checkout::around(folder.path(), false).unwrap().unwrap();
    assert_eq!(kind(&found, "RUN"), Some(GitKind::Executable));
    assert_eq!(kind(&found, "Run"), Some(GitKind::File));
    assert_eq!(kind(&found, "run"), None);
}

#[test]
fn what_cannot_be_read() {
    let check = |config: &str, index: &[u8], parts: &[&str]| {
        let folder = checkout(config, index);
        let error = Checkout::around(folder.path(), true).unwrap_err();
        for part in parts {
            assert!(error.to_string().contains(part), "{part}: {error}");
        }
    };
    check("", b"", &["index", "does not begin as an index of git"]);
    check("", &INDEX[..INDEX.len() - 1], &["index", "checksum"]);
    let other = "[extensions]\nobjectformat = sha3\n";
    check(other, INDEX, &["config", "\"sha3\"", "sha256"]);
    let other = "[extensions]\nobjectformat = sha256\n";
    check(other, INDEX, &["index", "checksum"]);
    let split = include_bytes!("../git_index/seeds/split");
    check("", split, &[&shared_name(), "shared index"]);
}

#[test]
fn a_split_index() {
    let folder = checkout("", include_bytes!("../git_index/seeds/split"));
    let shared = SHARED;
    let name = shared_name();
    fs::write(folder.path().join(".git").join(name), shared).unwrap();
    let found = Checkout::around(folder.path(), true).unwrap().unwrap();
    assert_eq!(kind(&found, "file-10"), Some(GitKind::Executable));
    assert_eq!(kind(&found, "file-20"), None);
    assert_eq!(kind(&found, "zzz"), Some(GitKind::File));
}

#[test]
fn settings() {
    let check = |config: &str, expected: &[(&str, Option<&str>)]| {
        let found = settings_of(config.as_bytes());
        let found: Vec<_> = found
            .iter()
            .map(|(name, value)| (&**name, value.as_deref()))
            .collect();
        assert_eq!(found, expected, "{config:?}");
    };
    check("", &[]);
    check(
        "[Core]\r\n\tSymLinks = false\r\n; x\n# y\n\tbare\n",
        &[("core.symlinks", Some("false")), ("core.bare", None)],
    );
    check(
        "\u{feff}[a] b = \"x # y\" ; z\n[remote \"core\"]\nsymlinks=1",
        &[
            ("a.b", Some("x # y")),
            ("remote \"core\".symlinks", Some("1")),
        ],
    );
    check("[a\n]=", &[(".[a", None), (".]", Some(""))]);
    for (value, expected) in [
        (None, Some(true)),
        (Some("Yes"), Some(true)),
        (Some("on"), Some(true)),
        (Some("2"), Some(true)),
        (Some("0"), Some(false)),
        (Some("off"), Some(false)),
        (Some(""), Some(false)),
        (Some("maybe"), None),
    ] {
        assert_eq!(bool_of(value), expected, "{value:?}");
    }
    // What a worktree has of its own counts more.
    let folder = checkout("[core]\nsymlinks\n[extensions]\nworktreeConfig\n", INDEX);
    let own = folder.path().join(".git/config.worktree");
    fs::write(own, "[core]\nsymlinks = false\n").unwrap();
    let found = Checkout::around(folder.path(), true).unwrap().unwrap();
    assert_eq!(found.symlinks, Some(false));
}
