use super::*;

fn lines(old: Option<&[u8]>, new: Option<&[u8]>, context: u32) -> Vec<String> {
    let options = TextOptions { context, limit: 0 };
    match FileDiff::of(old, new, &options) {
        FileDiff::Text(lines) => lines,
        other => vec![format!("{other:?}")],
    }
}

#[test]
fn unified_diffs() {
    let check = |old: &str, new: &str, context: u32, expected: &[&str]| {
        assert_eq!(
            lines(Some(old.as_bytes()), Some(new.as_bytes()), context),
            expected,
            "{old:?} {new:?}"
        );
    };
    check("a\n", "a\n", 3, &[]);
    check("a\nb\nc\n", "a\nB\nc\n", 0, &["@@ -2 +2 @@", "-b", "+B"]);
    check(
        "a\nb\nc\n",
        "a\nB\nc\n",
        1,
        &["@@ -1,3 +1,3 @@", " a", "-b", "+B", " c"],
    );
    check(
        "a\nb",
        "a\nb\n",
        3,
        &[
            "@@ -1,2 +1,2 @@",
            " a",
            "-b",
            "\\ No newline at end of file",
            "+b",
        ],
    );
    // What was inserted stands behind the line whose number is told.
    check("a\nb\n", "a\nx\nb\n", 0, &["@@ -1,0 +2 @@", "+x"]);
    // Two that are far from each other, and two whose context meets.
    let old = "1\n2\n3\n4\n5\n6\n7\n";
    check(
        old,
        "x\n2\n3\n4\n5\n6\ny\n",
        1,
        &[
            "@@ -1,2 +1,2 @@",
            "-1",
            "+x",
            " 2",
            "@@ -6,2 +6,2 @@",
            " 6",
            "-7",
            "+y",
        ],
    );
    check(
        old,
        "1\nx\n3\n4\ny\n6\n7\n",
        1,
        &[
            "@@ -1,6 +1,6 @@",
            " 1",
            "-2",
            "+x",
            " 3",
            " 4",
            "-5",
            "+y",
            " 6",
        ],
    );
    check(
        old,
        "1\n2\n3\nnew\n4\n5\n6\n7\n",
        2,
        &["@@ -2,4 +2,5 @@", " 2", " 3", "+new", " 4", " 5"],
    );
    // Line ends that all have are left out, and others are the difference.
    check("a\r\nb\r\n", "a\r\nc\r\n", 0, &["@@ -2 +2 @@", "-b", "+c"]);
    check("a\n", "a\r\n", 0, &["@@ -1 +1 @@", "-a", "+a\r"]);
}

#[test]
fn one_side_and_no_texts() {
    let check = |old: Option<&[u8]>, new: Option<&[u8]>, expected: &[&str]| {
        assert_eq!(lines(old, new, 3), expected);
    };
    check(None, Some(b"a\nb\n"), &["@@ -0,0 +1,2 @@", "+a", "+b"]);
    check(Some(b"a\n"), None, &["@@ -1 +0,0 @@", "-a"]);
    check(None, Some(b""), &[]);
    check(Some(b"a\n"), Some(b"a\0"), &["Binary([Some(2), Some(2)])"]);
    check(None, Some(b"\0"), &["Binary([None, Some(1)])"]);
    // UTF-16 of either order; half a unit or a zero is no text.
    check(
        Some(b"\xff\xfea\0\r\0\n\0"),
        Some(b"\xfe\xff\0b\0\r\0\n"),
        &["@@ -1 +1 @@", "-a", "+b"],
    );
    check(None, Some(b"\xff\xfea"), &["Binary([None, Some(3)])"]);
    check(None, Some(b"\xff\xfea\0\0\0"), &["Binary([None, Some(6)])"]);
    // Latin-1 is shown as far as it can be.
    check(None, Some(b"\xe4\n"), &["@@ -0,0 +1 @@", "+\u{fffd}"]);
}

/// Texts of strangers are compared in a moment, whatever they are.
#[test]
fn nothing_in_common() {
    let text = |step: u32| -> Vec<u8> {
        let lines = (0..40_000u32).map(|line| format!("{}\n", line.wrapping_mul(step) % 977));
        lines.collect::<String>().into_bytes()
    };
    let lines = lines(Some(&text(31)), Some(&text(577)), 3);
    assert!(lines.len() > 1000);
}
