//! Paths of `WORKDIR`, `COPY` and `ADD` by the rules of their system.

use crossdock_dockerfile::PathRules;

fn workdir(rules: PathRules, current: &str, written: &str, expected: Result<&str, &str>) {
    let resolved = rules.resolve(current, written);
    let shown = resolved
        .map(|resolved| rules.config_text(&resolved.path))
        .map_err(|error| error.to_string());
    match expected {
        Ok(text) => assert_eq!(shown.as_deref(), Ok(text), "{current:?} {written:?}"),
        Err(part) => {
            let error = shown.expect_err(written);
            assert!(error.contains(part), "{written:?}: {error}");
        }
    }
}

#[test]
fn windows_working_directories() {
    let no_path = "names a drive but no path on it";
    let other_drive = "is not on the system drive (C:)";
    for (current, written, expected) in [
        ("", "test", Ok("\\test")),
        ("", "\\absolute", Ok("\\absolute")),
        ("", "C:\\drive", Ok("\\drive")),
        ("", "C:/drive", Ok("\\drive")),
        ("", "c:/drive", Ok("\\drive")),
        ("", "C:/first\\second/third", Ok("\\first\\second\\third")),
        ("testing", "", Ok("\\testing")),
        ("testing", "new", Ok("\\testing\\new")),
        ("a/b\\c", "d", Ok("\\a\\b\\c\\d")),
        ("C:\\a/b\\c", "d", Ok("\\a\\b\\c\\d")),
        ("C:\\a/b\\c", "", Ok("\\a\\b\\c")),
        ("/test", "C:testing", Ok("\\test\\testing")),
        ("C:\\..\\test\\..\\", "", Ok("\\")),
        ("/test", "relative/path", Ok("\\test\\relative\\path")),
        ("/test", "..\\..\\..\\x", Ok("\\x")),
        ("D:\\x", "y", Err(other_drive)),
        ("C:\\x", "D:\\x", Err(other_drive)),
        ("/", "file.txt:stream", Err(other_drive)),
        ("C:", "x", Err(no_path)),
        ("/test", "C:", Err(no_path)),
        ("/test", "d:", Err(no_path)),
        ("/", "\\\\.\\C$\\t", Err("UNC")),
        ("/", "//server/share", Err("UNC")),
    ] {
        workdir(PathRules::Windows, current, written, expected);
    }
}

#[test]
fn linux_working_directories() {
    for (current, written, expected) in [
        ("", "test", "/test"),
        ("/test", "", "/test"),
        ("/test", "sub", "/test/sub"),
        ("/test", "../sub", "/sub"),
        ("/test", "/a/./b/../c/", "/a/c"),
        ("/", "../../x", "/x"),
        ("/", "C:\\x", "/C:\\x"),
        ("/", "\\\\x", "/\\\\x"),
    ] {
        workdir(PathRules::Linux, current, written, Ok(expected));
    }
}

#[test]
fn a_destination_says_whether_it_is_a_directory() {
    for (rules, written, path, directory) in [
        (PathRules::Linux, "x", "/w/x", false),
        (PathRules::Linux, "x/", "/w/x", true),
        (PathRules::Linux, "x/.", "/w/x", true),
        (PathRules::Linux, ".", "/w", true),
        (PathRules::Linux, "./", "/w", true),
        (PathRules::Linux, "", "/w", true),
        (PathRules::Linux, "..", "/", false),
        (PathRules::Linux, "/", "/", true),
        (PathRules::Linux, "x\\", "/w/x\\", false),
        (PathRules::Windows, "x\\", "/w/x", true),
        (PathRules::Windows, "x\\.", "/w/x", true),
        (PathRules::Windows, "C:\\x\\", "/x", true),
        (PathRules::Windows, "C:\\", "/", true),
        (PathRules::Windows, "C:x", "/w/x", false),
        (PathRules::Windows, "C:.", "/w", true),
    ] {
        let resolved = rules.resolve("/w", written).expect(written);
        assert_eq!(
            (resolved.path.as_str(), resolved.directory),
            (path, directory),
            "{written:?}"
        );
    }
}
