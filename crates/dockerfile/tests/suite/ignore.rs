//! `.dockerignore`. Facts are those of moby/patternmatcher and its `ignorefile`.

use crossdock_dockerfile::{IgnorePatterns, IgnoreState};

fn check(file: &str, path: &str, ignored: bool) {
    let patterns = IgnorePatterns::parse(file.as_bytes()).expect(file);
    let result = patterns.matches_or_parent_matches(path.as_bytes());
    assert_eq!(result, ignored, "{file:?} on {path:?}");
}

#[test]
fn single_patterns() {
    for (pattern, path, ignored) in [
        ("a", "a", true),
        ("a", "a/b/c", true),
        ("a", "b/a", false),
        ("a", "ab", false),
        ("a/", "a", true),
        ("/a", "a", true),
        ("./a/../b", "b", true),
        ("../a", "a", false),
        (".", "a", false),
        ("/", "a", false),
        ("*", "a", true),
        ("*", "a/b", true),
        ("*/b", "a/b", true),
        ("*/b", "b", false),
        ("a/*", "a", false),
        ("a/*", "a/b/c", true),
        ("*.md", "README.md", true),
        ("*.md", "docs/README.md", false),
        ("**", "a/b", true),
        ("**/", "a", true),
        ("**/*.md", "README.md", true),
        ("**/*.md", "a/b/README.md", true),
        ("a/**", "a", false),
        ("a/**", "a/b/c", true),
        ("a/**/c", "a/c", true),
        ("a/**/c", "a/b/b/c", true),
        ("a/**/c", "a/bc", false),
        ("a**", "ab/c", true),
        ("a**/x", "ab/c/x", true),
        ("**file", "myfile", true),
        ("**/file", "myfile", false),
        ("**/file", "a/file", true),
        ("**/**", "a", true),
        ("**/.git", ".git/config", true),
        ("**/.git", "x.git", false),
        ("?", "a", true),
        ("a?c", "a/c", false),
        ("[a-c]x", "bx", true),
        ("[^a-c]x", "dx", true),
        ("a\\*", "a*", true),
        ("a\\*", "ab", false),
        ("a.b", "axb", false),
        ("a(b|c)+{d}$^", "a(b|c)+{d}$^", true),
        ("  a  ", "a", true),
        ("a\r", "a", true),
        ("#a", "#a", false),
        ("\\#a", "#a", true),
        (" #a", "#a", true),
        ("grü*", "grün", true),
    ] {
        check(pattern, path, ignored);
    }
}

#[test]
fn the_last_pattern_wins() {
    for (file, path, ignored) in [
        ("*\n!a", "a", false),
        ("*\n!a", "b", true),
        ("*\n!a/b", "a/b/c", false),
        ("*\n!a/b", "a/c", true),
        ("a\n!a/b\na/b/c", "a/b/c", true),
        ("!a\na", "a", true),
        ("**\n!dist/*.whl", "dist/x-1.0+g0.whl", false),
        (
            "*.md\n!README*.md\nREADME-secret.md",
            "README-secret.md",
            true,
        ),
        ("*.md\n!README*.md\nREADME-secret.md", "README-x.md", false),
        ("*\n! a", "a", false),
        ("*\n!/a", "a", false),
        ("\u{feff}a", "a", true),
        ("", "a", false),
        ("# nothing\n\n", "a", false),
    ] {
        check(file, path, ignored);
    }
}

#[test]
fn the_root_is_never_ignored() {
    check("*", "", false);
    check("**", ".", false);
}

#[test]
fn malformed_files() {
    for (file, expected) in [
        (&b"a\n!\n"[..], "line 2: ! is not followed"),
        (b"a\n\n[", "line 3: the pattern \"[\""),
        (b"[z-a]", "line 1: the pattern \"[z-a]\""),
        (b"a\\", "line 1: the pattern"),
        (b"\xff", "line 1: the pattern is not valid UTF-8"),
    ] {
        let error = IgnorePatterns::parse(file).expect_err("malformed");
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert!(
        IgnorePatterns::parse(b"#\xff")
            .expect("a comment")
            .is_empty()
    );
}

#[test]
fn a_walk_prunes_what_no_exception_can_take_back() {
    for (file, directory, prune) in [
        ("a", "a", true),
        ("a", "b", false),
        ("a\n!b", "a", true),
        ("a\n!a/b", "a", false),
        ("a\n!a/b", "a/c", true),
        ("*\n!a/*/c", "a/b", false),
        ("*\n!a/*/c", "b", true),
        ("*\n!**/c", "a/b", false),
        ("*\n!*.md", "a", false),
    ] {
        let patterns = IgnorePatterns::parse(file.as_bytes()).expect(file);
        let mut state = IgnoreState::default();
        let mut path = String::new();
        for name in directory.split('/') {
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(name);
            state = patterns.enter(path.as_bytes(), &state);
        }
        let result = patterns.can_prune(path.as_bytes(), &state);
        assert_eq!(result, prune, "{file:?} on {directory:?}");
    }
}
