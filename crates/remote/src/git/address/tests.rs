use super::Address;

/// What `.gitmodules` means by `text` in the repository at `base`; `None` if it is refused.
#[track_caller]
fn check(base: &str, text: &str, expected: Option<&str>) {
    let found = Address::of(base).module(text).ok();
    let found = found.map(|address| address.text);
    assert_eq!(found.as_deref(), expected, "{base} and {text}");
}

#[test]
fn relative_addresses_are_resolved_as_git_does() {
    check(
        "https://a.b/c/d.git",
        "../e.git",
        Some("https://a.b/c/e.git"),
    );
    check(
        "https://a.b/c/d.git/",
        "../e.git/",
        Some("https://a.b/c/e.git"),
    );
    check("https://a.b/c/d.git", "../../e", Some("https://a.b/e"));
    check("https://a.b/c/d.git", "./e", Some("https://a.b/c/d.git/e"));
    check("https://a.b/c/d.git", "./../e", Some("https://a.b/c/e"));
    check("https://a.b/c/d.git", "../../../e", None);
    check("https://u:p@a.b:5/c", "../e", Some("https://u:p@a.b:5/e"));
    check("git@a.b:c/d.git", "../e.git", Some("git@a.b:c/e.git"));
    check("git@a.b:d.git", "../e.git", Some("git@a.b:e.git"));
    check("git@a.b:d.git", "../../e.git", None);
    check("git@a.b:/c/d", "../e", Some("git@a.b:/c/e"));
    check("ssh://git@a.b/c", "../e", Some("ssh://git@a.b/e"));
}

#[test]
fn other_addresses_are_servers() {
    let base = "https://a.b/c/d.git";
    for good in [
        "https://x.y/z",
        "HTTPS://x.y/z",
        "git://x.y/z",
        "ssh://me@x.y:22/~/z",
        "x.y:z/w.git",
        "me@x.y:z",
    ] {
        check(base, good, Some(good));
    }
    for bad in [
        "",
        "/x",
        "x",
        "x/y:z",
        "C:/x",
        "C:\\x",
        "file:///x",
        "ext::sh -c x",
        "https://",
        "https:///x",
        "https://-x/y",
        "ssh://me@-x/y",
        "-x:y",
        "me@-x:y",
        "x.y:",
        "x.y:-z",
        "x.y:z\nw",
        "ftp://x.y/z",
    ] {
        check(base, bad, None);
    }
}

#[test]
fn git_gets_passwords_when_it_asks() {
    for (text, given, credentials) in [
        ("https://a.b/c", "https://a.b/c", None),
        (
            "https://u%40v:p%2Fw@a.b:5/c",
            "https://a.b:5/c",
            Some(("https://a.b:5", "u@v", "p/w")),
        ),
        (
            "https://u:@a.b/c",
            "https://a.b/c",
            Some(("https://a.b", "u", "")),
        ),
        // Credential helpers may know the password of this user.
        ("https://u@a.b/c", "https://u@a.b/c", None),
        ("ssh://u:p@a.b/c", "ssh://u:p@a.b/c", None),
        ("git@a.b:c", "git@a.b:c", None),
    ] {
        let address = Address::of(text);
        assert_eq!(address.for_git(), given);
        assert_eq!(address.credentials(), credentials);
    }
}

#[test]
fn passwords_are_not_shown() {
    for (text, shown) in [
        ("https://u:p@a.b/c@d", "https://a.b/c@d"),
        ("https://u@a.b/c", "https://a.b/c"),
        ("ssh://u:p@a.b/c", "ssh://u@a.b/c"),
        ("git@a.b:c", "git@a.b:c"),
    ] {
        assert_eq!(Address::of(text).shown(), shown);
    }
    let address = Address::of("https://me:se%63ret@a.b/c");
    for (said, shown) in [
        (
            "fatal: 'https://me:secret@a.b/c' no",
            "fatal: 'https://a.b/c' no",
        ),
        ("of secret and se%63ret", "of [secret] and [secret]"),
        (
            "https://x:y@other/z@w and ssh://q@r",
            "https://other/z@w and ssh://r",
        ),
        ("a://b c@d", "a://b c@d"),
    ] {
        assert_eq!(address.redact(said), shown);
    }
}
