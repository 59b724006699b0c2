use std::fs;

use super::*;

const INDEX: &[u8] = include_bytes!("../git_index/seeds/v2");
const OTHER_INDEX: &[u8] = include_bytes!("../git_index/seeds/v3");

/// A checkout of the seed's files: `link`, `run`, `sub-file`, `sub/deep/é` and `text`.
fn checkout(config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    make_checkout(folder.path(), config, INDEX);
    folder
}

fn make_checkout(folder: &Path, config: &str, index: &[u8]) {
    let git = folder.join(".git");
    fs::create_dir_all(git.join("objects")).unwrap();
    fs::write(git.join("HEAD"), "ref: refs/heads/main\n").unwrap();
    fs::write(git.join("config"), config).unwrap();
    fs::write(git.join("index"), index).unwrap();
}

fn entry(path: &str, kind: ContextKind, mode: u32) -> ContextEntry {
    ContextEntry {
        path: path.as_bytes().to_vec(),
        kind,
        mode,
        owner: None,
        mtime: (0, 0),
        xattrs: Vec::new(),
        hard_link: None,
        identity: None,
        ntfs: None,
    }
}

fn file(path: &str, mode: u32) -> ContextEntry {
    entry(path, ContextKind::File { size: 8 }, mode)
}

fn directory(path: &str, mode: u32) -> ContextEntry {
    entry(path, ContextKind::Directory, mode)
}

fn link(path: &str) -> ContextEntry {
    let target = b"x".to_vec();
    entry(path, ContextKind::Symlink { target }, 0o777)
}

const LINUX: bool = true;
const WINDOWS: bool = false;

fn rules(modes: ContextModes, folder: &Path, host: bool) -> ModeRules {
    ModeRules::new(modes, folder, host).unwrap()
}

#[track_caller]
fn form(rules: &mut ModeRules, entry: &ContextEntry, own: Option<u32>, content: &str) -> Form {
    let read = || Ok(content.as_bytes().to_vec());
    rules.form(entry, own, read).unwrap()
}

/// What each choice makes of entries, on both hosts. On Windows the host gives docker's modes.
#[test]
fn every_choice() {
    let folder = checkout("");
    let check = |modes, host, entry: &ContextEntry, expected: u32| {
        let mut rules = rules(modes, folder.path(), host);
        let form = form(&mut rules, entry, None, "");
        let path = String::from_utf8_lossy(&entry.path);
        assert_eq!(form, Form::Mode(expected), "{modes:?} {host} {path}");
    };
    use ContextModes::{Auto, Disk, Docker, Git};
    for modes in [Auto, Disk] {
        check(modes, LINUX, &file("text", 0o664), 0o664);
        check(modes, LINUX, &file("run", 0o4711), 0o4711);
        check(modes, LINUX, &directory("sub", 0o2775), 0o2775);
        check(modes, LINUX, &link("link"), 0o777);
    }
    for host in [LINUX, WINDOWS] {
        check(Docker, host, &file("text", 0o755), 0o755);
        check(Docker, host, &file("text", 0o555), 0o555);
        check(Docker, host, &directory("sub", 0o755), 0o755);
        check(Docker, host, &link("link"), 0o777);
        check(Git, host, &file("text", 0o755), 0o644);
        check(Git, host, &file("text", 0o555), 0o644);
        check(Git, host, &file("run", 0o755), 0o755);
        check(Git, host, &file("sub/deep/é", 0o755), 0o644);
        check(Git, host, &directory("sub", 0o755), 0o755);
        check(Git, host, &link("link"), 0o777);
        // What is no file any more has no mode of one.
        check(Git, host, &directory("text", 0o755), 0o755);
        check(Git, host, &link("text"), 0o777);
    }
    check(Docker, LINUX, &file("text", 0o464), 0o555);
    check(Docker, LINUX, &file("text", 0o200), 0o755);
    check(Docker, LINUX, &directory("sub", 0o500), 0o755);
    check(Git, LINUX, &file("text", 0o700), 0o644);
    check(Git, LINUX, &file("run", 0o600), 0o755);
    check(Git, LINUX, &directory("sub", 0o700), 0o755);
    check(Git, LINUX, &file("new", 0o4770), 0o755);
    check(Git, LINUX, &file("new", 0o660), 0o644);
    check(Git, LINUX, &entry("pipe", ContextKind::Fifo, 0o600), 0o644);
    for modes in [Auto, Git] {
        check(modes, WINDOWS, &file("text", 0o755), 0o644);
        check(modes, WINDOWS, &file("RUN", 0o755), 0o755);
        check(modes, WINDOWS, &file("TEXT", 0o755), 0o644);
        check(modes, WINDOWS, &file("new", 0o755), 0o755);
        check(modes, WINDOWS, &file("new", 0o555), 0o555);
    }
    check(Git, LINUX, &file("TEXT", 0o755), 0o755);
}

#[test]
fn what_ntfs_keeps_of_a_file() {
    let folder = checkout("");
    let check = |modes, host, expected| {
        let mut rules = rules(modes, folder.path(), host);
        for (entry, expected) in [file("run", 0o755), directory("sub", 0o755)]
            .into_iter()
            .zip(expected)
        {
            let form = form(&mut rules, &entry, Some(0o750), "");
            assert_eq!(form, Form::Mode(expected), "{modes:?} {host}");
        }
        assert_eq!(rules.counts.docker, 0);
    };
    check(ContextModes::Auto, WINDOWS, [0o750, 0o750]);
    check(ContextModes::Auto, LINUX, [0o750, 0o750]);
    check(ContextModes::Disk, LINUX, [0o750, 0o750]);
    check(ContextModes::Git, WINDOWS, [0o755, 0o755]);
    check(ContextModes::Docker, WINDOWS, [0o755, 0o755]);
    // A pipe of WSL, and a junction.
    for modes in [ContextModes::Auto, ContextModes::Git, ContextModes::Docker] {
        let mut rules = rules(modes, folder.path(), WINDOWS);
        for (own, expected) in [(Some(0o640), 0o640), (None, 0o777)] {
            let entry = entry("x", ContextKind::ReparsePoint, 0o755);
            let form = form(&mut rules, &entry, own, "");
            assert_eq!(form, Form::Mode(expected), "{modes:?}");
        }
    }
}

/// Files that stand for links where git makes none (`core.symlinks`).
#[test]
fn links_that_are_files() {
    let check = |config: &str, host, size: u64, text: &str, is_link: bool| {
        let folder = checkout(config);
        let mut rules = rules(ContextModes::Git, folder.path(), host);
        let entry = entry("link", ContextKind::File { size }, 0o755);
        let expected = match (is_link, host) {
            (true, _) => Form::Link(text.as_bytes().to_vec()),
            (false, _) => Form::Mode(0o755),
        };
        let form = form(&mut rules, &entry, None, text);
        assert_eq!(form, expected, "{config:?} {host} {text:?}");
    };
    let (off, on) = ("[core]\nsymlinks = false", "[core]\nsymlinks");
    // What git wrote is a link wherever it lies.
    for config in ["", on, off] {
        for host in [LINUX, WINDOWS] {
            check(config, host, 8, "sub/deep", true);
        }
    }
    // What was changed since is one if git would not make links.
    check("", WINDOWS, 5, "other", true);
    check(off, WINDOWS, 5, "other", true);
    check(off, LINUX, 5, "other", true);
    check("", LINUX, 5, "other", false);
    check(on, WINDOWS, 5, "other", false);
    // No link that somebody wanted.
    for text in ["", "a\0b", "sub/deep\n", "sub/deep\r\n", "#!/bin/sh\necho"] {
        check(off, WINDOWS, text.len() as u64, text, false);
    }
    let long = "x".repeat(4096);
    check(off, WINDOWS, 4095, &long[1..], true);
    check(off, WINDOWS, 4096, &long, false);
    // It has grown since it was listed.
    check(off, WINDOWS, 8, &long, false);
}

#[test]
fn checkouts_in_a_checkout() {
    let folder = checkout("");
    // The other one knows `new` too.
    for inner in ["module", "sub", "sub/none"] {
        make_checkout(&folder.path().join(inner), "", OTHER_INDEX);
    }
    for host in [LINUX, WINDOWS] {
        let mut rules = rules(ContextModes::Git, folder.path(), host);
        let mut check = |entry: ContextEntry, expected| {
            let form = form(&mut rules, &entry, None, "");
            let path = String::from_utf8_lossy(&entry.path);
            assert_eq!(form, Form::Mode(expected), "{host} {path}");
        };
        check(directory("module", 0o700), 0o755);
        check(file("module/new", 0o755), 0o644);
        check(file("module/sub/deep/é", 0o755), 0o644);
        check(file("module/unknown", 0o755), 0o755);
        check(file("text", 0o755), 0o644);
        check(file("new", 0o755), 0o755);
        // The outer one has files in it.
        check(directory("sub", 0o700), 0o755);
        check(file("sub/new", 0o755), 0o755);
        check(directory("sub/deep", 0o700), 0o755);
        check(file("sub/deep/é", 0o755), 0o644);
        check(directory("sub/none", 0o700), 0o755);
        check(file("sub/none/text", 0o755), 0o644);
    }
}

#[test]
fn no_modes() {
    let check = |modes, folder: &Path, host, part: &str| {
        let error = ModeRules::new(modes, folder, host).err().unwrap();
        let text = error.to_string();
        assert!(text.contains(part), "{text}");
        assert!(text.contains(&folder.display().to_string()), "{text}");
    };
    let folder = checkout("");
    let none = "its files have no modes";
    check(ContextModes::Disk, folder.path(), WINDOWS, none);
    fs::write(folder.path().join(".git/index"), "x").unwrap();
    let damaged = "does not begin as an index of git";
    check(ContextModes::Git, folder.path(), LINUX, damaged);
    // Nobody asked for git's: it is told, and the build goes on.
    let mut auto = rules(ContextModes::Auto, folder.path(), WINDOWS);
    assert_eq!(auto.warnings.len(), 1);
    assert!(auto.warnings[0].contains(damaged), "{:?}", auto.warnings);
    let text = form(&mut auto, &file("text", 0o755), None, "");
    assert_eq!(text, Form::Mode(0o755));
    // The same of one in it.
    let folder = checkout("");
    let inner = folder.path().join("inner");
    make_checkout(&inner, "", b"x");
    let mut git = rules(ContextModes::Git, folder.path(), LINUX);
    let directory = directory("inner", 0o755);
    let error = git.form(&directory, None, || Ok(Vec::new())).unwrap_err();
    assert!(error.to_string().contains(damaged), "{error}");
    let mut auto = rules(ContextModes::Auto, folder.path(), WINDOWS);
    form(&mut auto, &directory, None, "");
    assert_eq!(auto.warnings.len(), 1);
    let inner = form(&mut auto, &file("inner/text", 0o555), None, "");
    assert_eq!(inner, Form::Mode(0o555));
}

#[test]
fn notes() {
    let check = |git, docker, has_checkout, expected: Option<&str>| {
        let counts = ModeCounts {
            git,
            docker,
            has_checkout,
        };
        assert_eq!(counts.note().as_deref(), expected);
    };
    check(0, 0, false, None);
    check(12, 0, true, None);
    check(
        12,
        3,
        true,
        Some(
            "modes of 12 files come from git's index, 3 untracked files have 0755 (see \
             --context-modes)",
        ),
    );
    check(
        1,
        1,
        true,
        Some(
            "modes of 1 file come from git's index, 1 untracked file has 0755 (see \
             --context-modes)",
        ),
    );
    check(
        0,
        2,
        false,
        Some("2 files have mode 0755, as nothing else is known of them (see --context-modes)"),
    );
    // A file that is a link to Linux is no file that is executable.
    let folder = checkout("");
    let mut rules = rules(ContextModes::Auto, folder.path(), WINDOWS);
    for path in ["text", "run", "link", "new", "other"] {
        form(&mut rules, &file(path, 0o755), None, "sub/deep");
    }
    let counts = rules.counts;
    assert_eq!(
        (counts.git, counts.docker, counts.has_checkout),
        (2, 2, true)
    );
}
