use super::*;

const ID: &str = "1111111111111111111111111111111111111111";

fn key(url: &str, reference: &str) -> String {
    let url: GitUrl = url.parse().expect("an address");
    let commit = GitCommit {
        id: ID.parse().expect("an id"),
        tag: None,
        reference: Some(reference.to_owned()),
    };
    commit.tree_key(&url)
}

/// Whether trees of two addresses, at the same commit, have one key.
#[track_caller]
fn check(first: (&str, &str), second: (&str, &str), are_equal: bool) {
    let (first, second) = (key(first.0, first.1), key(second.0, second.1));
    assert_eq!(first == second, are_equal, "{first} and {second}");
    assert!(!first.contains("secret"), "{first}");
}

#[test]
fn keys_tell_trees_apart() {
    let plain = ("https://a.b/c.git", "refs/heads/main");
    check(
        plain,
        ("https://u:secret@a.b/c.git#v1", "refs/tags/v1"),
        true,
    );
    check(
        ("https://u:secret@a.b/c.git", "refs/heads/main"),
        plain,
        true,
    );
    check(
        plain,
        ("https://a.b/c.git#:folder", "refs/heads/main"),
        false,
    );
    // Submodules may be named relative to it.
    check(plain, ("https://x.y/c.git", "refs/heads/main"), false);
    check(
        plain,
        ("https://a.b/c.git?submodules=0", "refs/heads/main"),
        false,
    );
    let alone = ("https://a.b/c.git?submodules=0", "refs/heads/main");
    check(
        alone,
        ("https://x.y/c.git?submodules=0#v1", "refs/tags/v1"),
        true,
    );
    let kept = ("https://a.b/c.git?keep-git-dir=1", "refs/heads/main");
    check(plain, kept, false);
    check(
        kept,
        ("https://a.b/c.git?keep-git-dir=1", "refs/heads/other"),
        false,
    );
    // With a folder there is no `.git` to tell them apart.
    let folder = (
        "https://a.b/c.git?keep-git-dir=1#:folder",
        "refs/heads/main",
    );
    check(
        folder,
        ("https://a.b/c.git#:folder", "refs/heads/other"),
        true,
    );
}
