use crossdock_image::GitUrl;

use super::*;

#[track_caller]
fn check(said: &str, expected: fn(&GitError) -> bool) {
    let url: GitUrl = "https://a.b/c.git".parse().expect("valid");
    let error = failure(&Address::new(&url), "fetch", said);
    assert!(expected(&error), "{said}: {error:?}");
    assert!(error.to_string().contains("https://a.b/c.git"), "{error}");
}

#[test]
fn failures_are_told_apart() {
    let is_login: fn(&GitError) -> bool = |it| matches!(it, GitError::Authentication { .. });
    let is_missing: fn(&GitError) -> bool = |it| matches!(it, GitError::NotFound { .. });
    let is_network: fn(&GitError) -> bool = |it| matches!(it, GitError::Network { .. });
    let is_other: fn(&GitError) -> bool = |it| matches!(it, GitError::Failed { .. });
    for (said, expected) in [
        (
            "fatal: could not read Username for 'https://a.b': terminal prompts disabled",
            is_login,
        ),
        (
            "fatal: Authentication failed for 'https://a.b/c.git/'",
            is_login,
        ),
        (
            "git@a.b: Permission denied (publickey).\nfatal: Could not read from remote",
            is_login,
        ),
        ("Host key verification failed.", is_login),
        (
            "fatal: unable to access 'https://a.b/': The requested URL returned error: 403",
            is_login,
        ),
        (
            "fatal: repository 'https://a.b/c.git/' not found",
            is_missing,
        ),
        ("remote: Repository not found.", is_missing),
        (
            "fatal: '/x' does not appear to be a git repository",
            is_missing,
        ),
        (
            "fatal: remote error: access denied or repository not exported: /c.git",
            is_missing,
        ),
        (
            "fatal: unable to access 'x': Could not resolve host: a.b",
            is_network,
        ),
        (
            "fatal: unable to access 'x': Failed to connect to a.b port 443",
            is_network,
        ),
        (
            "ssh: connect to host a.b port 22: Connection refused",
            is_network,
        ),
        ("error: RPC failed; curl 56\nfatal: early EOF", is_network),
        ("fatal: the remote end hung up unexpectedly", is_network),
        ("fatal: The requested URL returned error: 503", is_network),
        ("fatal: bad object", is_other),
        ("", is_other),
    ] {
        check(said, expected);
    }
}

#[test]
fn the_last_lines_are_shown() {
    assert_eq!(last_lines("a\n\nb\rc\x1b[m\nd\ne\n"), "b; c[m; d; e");
    assert_eq!(last_lines(" \n"), "it says nothing");
    let long = "x".repeat(1000);
    assert_eq!(last_lines(&long).len(), 300);
}
