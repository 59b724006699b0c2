//! Go's `filepath.Match`.

use crossdock_dockerfile::{GoPattern, match_path};

fn check(pattern: &str, path: &str, expected: Option<bool>) {
    let result = match_path(pattern, path.as_bytes()).ok();
    assert_eq!(result, expected, "{pattern:?} on {path:?}");
}

#[test]
fn paths_match_as_in_go() {
    for (pattern, path, expected) in [
        ("", "", true),
        ("", "a", false),
        ("abc", "abc", true),
        ("*", "", true),
        ("*", "abc", true),
        ("*", "a/b", false),
        ("*c", "abc", true),
        ("a*", "ab/c", false),
        ("a*/b", "abc/b", true),
        ("a*/b", "a/c/b", false),
        ("*/*.go", "src/main.go", true),
        ("a*b*c*d", "axxbxxcxxd", true),
        ("a*b*c*d", "axxbxxcxxdx", false),
        ("a**b", "axb", true),
        ("a*b?c*x", "abxbbxdbxebxczzx", true),
        ("a*b?c*x", "abxbbxdbxebxczzy", false),
        ("?", "a", true),
        ("?", "/", false),
        ("?", "", false),
        ("a?b", "a☺b", true),
        ("a??b", "a☺b", false),
        ("[abc]", "b", true),
        ("[a-c]x", "bx", true),
        ("[^a-c]", "d", true),
        ("[^a-c]", "b", false),
        ("[^a]", "/", true),
        ("[c-a]", "b", false),
        ("[a-ζ]*", "α", true),
        ("*[a-ζ]", "A", false),
        ("[\\]a]", "]", true),
        ("[\\-x]", "-", true),
        ("[!a]", "!", true),
        ("a\\*b", "a*b", true),
        ("a\\*b", "axb", false),
        ("\\a", "a", true),
        ("]", "]", true),
    ] {
        check(pattern, path, Some(expected));
    }
}

#[test]
fn malformed_patterns_are_errors_whatever_the_path() {
    for pattern in [
        "\\", "[", "[]", "[]a]", "[^", "[^]", "[-]", "[x-]", "[-x]", "[a-b-c]", "[a", "a[", "[a\\",
        "abc[",
    ] {
        for path in ["", "a", "zzz", "a/b"] {
            check(pattern, path, None);
        }
    }
}

#[test]
fn bytes_that_are_no_text_are_one_character_each() {
    assert!(match_path("a?b", b"a\xffb").expect("valid"));
    assert!(!match_path("a?b", b"a\xff\xfeb").expect("valid"));
    assert!(match_path("*", b"\xff\xfe").expect("valid"));
}

#[test]
fn folding_compares_without_case() {
    let upper = |c: char| c.to_ascii_uppercase();
    let check = |pattern: &str, path: &str| {
        let pattern = GoPattern::parse(pattern).expect("valid");
        pattern.matches_folded(path.as_bytes(), upper)
    };
    assert!(check("*.DLL", "kernel32.dll"));
    assert!(check("[k-l]*.dll", "KERNEL32.DLL"));
    assert!(!check("*.exe", "kernel32.dll"));
}
