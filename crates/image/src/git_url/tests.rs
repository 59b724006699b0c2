use crate::GitUrl;

/// `remote | reference | subdir | checksum`.
#[track_caller]
fn check(text: &str, expected: &str) {
    let url: GitUrl = text
        .parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"));
    let checksum = url.checksum().map(|checksum| checksum.as_str());
    let found = [
        url.reveal_remote(),
        url.reference().unwrap_or_default(),
        url.subdir(),
        checksum.unwrap_or_default(),
    ];
    assert_eq!(
        found.join(" | ").trim_end_matches([' ', '|']),
        expected,
        "{text}"
    );
    assert_eq!(url.reveal().parse().as_ref(), Ok(&url), "{}", url.reveal());
}

#[track_caller]
fn check_error(text: &str, expected: &str) {
    let error = text.parse::<GitUrl>().expect_err(text).to_string();
    assert!(error.contains(expected), "{text}: {error}");
}

#[test]
fn references_folders_and_checksums_are_read() {
    for (text, expected) in [
        ("https://a.b/c.git", "https://a.b/c.git"),
        ("HTTPS://a.b/c.git", "https://a.b/c.git"),
        ("https://a.b/c d.git#x", "https://a.b/c%20d.git | x"),
        ("https://a.b/c.git#", "https://a.b/c.git"),
        ("https://a.b/c.git#:", "https://a.b/c.git"),
        (
            "https://a.b/c.git#release/1.2",
            "https://a.b/c.git | release/1.2",
        ),
        (
            "https://a.b/c.git#x%2Fy:d%20e",
            "https://a.b/c.git | x/y | d e",
        ),
        (
            "https://a.b/c.git#baz/qux:quux/quuz",
            "https://a.b/c.git | baz/qux | quux/quuz",
        ),
        (
            "https://a.b/c.git#:myfolder",
            "https://a.b/c.git |  | myfolder",
        ),
        (
            "https://a.b/c.git#:/../x/./y//z/..",
            "https://a.b/c.git |  | x/y",
        ),
        ("https://a.b/c.git#r:a:b", "https://a.b/c.git | r | a:b"),
        (
            "https://a.b/c.git?ref=v1.0.0&subdir=/subdir",
            "https://a.b/c.git | v1.0.0 | subdir",
        ),
        (
            "https://a.b/c.git?subdir=/s#v1.0.0",
            "https://a.b/c.git | v1.0.0 | s",
        ),
        (
            "https://a.b/c.git?tag=v1",
            "https://a.b/c.git | refs/tags/v1",
        ),
        (
            "https://a.b/c.git?tag=refs/tags/v1",
            "https://a.b/c.git | refs/tags/v1",
        ),
        (
            "https://a.b/c.git?branch=v1#refs/heads/v1",
            "https://a.b/c.git | refs/heads/v1",
        ),
        (
            "https://a.b/c.git?checksum=DEADbeef",
            "https://a.b/c.git |  |  | deadbeef",
        ),
        (
            "https://a.b/c.git?commit=dead&checksum=dead",
            "https://a.b/c.git |  |  | dead",
        ),
        ("https://a.b/c.git?ref=x%26y%2B", "https://a.b/c.git | x&y+"),
        (
            "https://a.b/c.git?subdir=a+b%23c",
            "https://a.b/c.git |  | a b#c",
        ),
        ("https://u:p@a.b:8443/c.git", "https://u:p@a.b:8443/c.git"),
        ("ssh://git@a.b:22/~/c", "ssh://git@a.b:22/~/c"),
        (
            "git://a.b/c#refs/pull/7/head",
            "git://a.b/c | refs/pull/7/head",
        ),
        ("git@a.b:c/d.git?subdir=/s#v1", "git@a.b:c/d.git | v1 | s"),
        ("git@a.b:/abs/ü.git#v1:%20", "git@a.b:/abs/ü.git | v1 | %20"),
    ] {
        check(text, expected);
    }
}

#[test]
fn what_contradicts_itself_or_means_nothing_is_refused() {
    for (query, expected) in [
        ("?ref=v1#v2", "two references, \"v2\" and \"v1\""),
        ("?ref=v1&tag=v2", "two references"),
        ("?tag=v1&branch=v1", "two references"),
        ("?subdir=a#:b", "two folders"),
        ("?checksum=aa&commit=bb", "two checksums"),
        ("?ref=a&ref=a", "more than once"),
        ("?ref=", "a value, or leave it out"),
        ("?mtime=now", "checkout or commit"),
        ("?fetch-by-commit=maybe", "true or false"),
        ("?keep-git-dir=2", "true or false"),
        ("?checksum=xyz", "hexadecimal digits"),
        ("?invalid=123", "\"invalid\" means nothing"),
        ("?ref=%zz", "before two hexadecimal digits"),
        ("#--upload-pack=x", "begins with -"),
        ("#a..b", ".."),
        ("#refs/*", "a character"),
        ("#+x^{}", "a character"),
        ("#a/.b", "dot"),
        ("#a.lock", ".lock"),
        ("?ref=a%0Ab", "a character"),
        ("?subdir=a%00b", "NUL"),
    ] {
        check_error(&format!("https://a.b/c.git{query}"), expected);
    }
    for text in [
        "file:///x.git",
        "ext::x",
        "/x/y.git",
        "https://a.b",
        "-x@a.b:c",
        "a@-b:c",
    ] {
        check_error(text, "cannot be used as an address");
    }
}

#[test]
fn flags_are_read_with_and_without_values() {
    let url: GitUrl = "https://a.b/c.git?keep-git-dir&submodules=0&fetch-by-commit=1&mtime=commit"
        .parse()
        .expect("valid");
    assert_eq!(url.keep_git_dir(), Some(true));
    assert_eq!(url.submodules(), Some(false));
    assert!(url.fetch_by_commit());
    assert_eq!(url.mtime(), Some(crate::GitTimes::Commit));
    assert_eq!(url.reveal().parse(), Ok(url.clone()));
    let merged = url
        .clone()
        .with_flags(Some(true), "ab".parse().ok())
        .expect("the same");
    assert_eq!(merged.checksum().map(|it| it.as_str()), Some("ab"));
    let error = url
        .with_flags(Some(false), None)
        .expect_err("a contradiction");
    assert!(error.to_string().contains("keep-git-dir"), "{error}");
}

#[test]
fn only_sshs_user_is_shown() {
    for (text, expected) in [
        (
            "https://user:secret@a.b/c.git?ref=x",
            "https://a.b/c.git?ref=x",
        ),
        ("https://secret@a.b/c.git", "https://a.b/c.git"),
        ("ssh://git:secret@a.b/c.git#x", "ssh://git@a.b/c.git?ref=x"),
        ("git@a.b:c.git", "git@a.b:c.git"),
    ] {
        let url: GitUrl = text.parse().expect(text);
        assert_eq!(url.to_string(), expected);
        assert_eq!(format!("{url:?}"), expected);
    }
}

#[test]
fn a_whole_commit_needs_no_question() {
    let id = "0123456789abcdef0123456789abcdef01234567";
    let url: GitUrl = format!("https://a.b/c.git#{id}").parse().expect("valid");
    assert_eq!(
        url.commit().map(|commit| commit.to_string()),
        Some(id.to_owned())
    );
    let url: GitUrl = "https://a.b/c.git#0123456".parse().expect("valid");
    assert_eq!(url.commit(), None);
}
