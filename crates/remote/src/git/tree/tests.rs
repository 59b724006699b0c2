use super::check_path;

#[test]
fn names_that_no_tree_may_have() {
    for (path, is_good) in [
        (&b"a"[..], true),
        (b"a/b.git", true),
        (b".github/x", true),
        (b"\xff", true),
        (b"", false),
        (b"/a", false),
        (b"a//b", false),
        (b"..", false),
        (b"a/../b", false),
        (b"./a", false),
        (b".git", false),
        (b"a/.GIT/config", false),
        (b"a\0b", false),
    ] {
        assert_eq!(check_path(path).is_ok(), is_good, "{path:?}");
    }
}
