use super::*;

#[test]
fn patterns() {
    let check = |pattern: &str, text: &[u8], expected: bool| {
        let found = FilePattern::new(pattern.as_bytes(), false, true).matches(text);
        assert_eq!(found, expected, "{pattern} on {text:?}");
    };
    check("", b"", true);
    check("", b"a", false);
    check("abc", b"abc", true);
    check("abc", b"abcd", false);
    check("*", b"", true);
    check("*", b".profile", true);
    check("*/x", b"/a/b/x", true);
    check("*.so*", b"libc.so.6", true);
    check("*.so", b"libc.so.6", false);
    check("a*b*c", b"aXbXbXc", true);
    check("a*b*c", b"aXbXbX", false);
    check("***a", b"bba", true);
    check("a?c", b"abc", true);
    check("a?c", b"ac", false);
    check("?", "ß".as_bytes(), true);
    check("??", "ß".as_bytes(), false);
    // A byte that is no character counts as one.
    check("a?b", b"a\xffb", true);
    check("a??b", b"a\xc3\xffb", true);
    check("[a-c]x", b"bx", true);
    check("[a-c]x", b"dx", false);
    check("[!a-c]x", b"dx", true);
    check("[^a-c]x", b"ax", false);
    check("[]]", b"]", true);
    check("[!]]", b"]", false);
    check("[a-]", b"-", true);
    check("[\\]]", b"]", true);
    check("[[:digit:]]*", b"7zip", true);
    check("[[:upper:][:digit:]]", b"q", false);
    check("[[:nothing:]", b":", true);
    check("[ä-ü]", "ö".as_bytes(), true);
    // Without an end it is no set.
    check("[abc", b"[abc", true);
    check("a\\*c", b"a*c", true);
    check("a\\*c", b"abc", false);
    check("a\\", b"a\\", true);
    let long = "a*".repeat(50) + "b";
    check(&long, "a".repeat(5000).as_bytes(), false);
}

#[test]
fn without_case() {
    let check = |pattern: &str, text: &str, expected: bool| {
        let found = FilePattern::new(pattern.as_bytes(), true, false).matches(text.as_bytes());
        assert_eq!(found, expected, "{pattern} on {text}");
    };
    check("*.DLL", "ntdll.dll", true);
    check("*.dll", "NTDLL.Dll", true);
    check("[a-c]", "B", true);
    check("[A-C]", "b", true);
    check("[[:lower:]]", "x", true);
    check("ärger", "ÄRGER", true);
    // A separator of Windows is itself.
    check("C:\\*\\x", "c:\\a\\b\\X", true);
}
