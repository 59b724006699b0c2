use super::*;

#[test]
fn ranges() {
    for (text, expected) in [
        ("bytes 5-9/10", true),
        ("bytes 5-9/*", true),
        ("bytes 5-7/10", true),
        (" bytes 5-9/10 ", true),
        ("bytes 4-9/10", false),
        ("bytes 5-9/11", false),
        ("bytes 5-10/10", false),
        ("bytes */10", false),
        ("items 5-9/10", false),
        ("", false),
    ] {
        assert_eq!(is_range(text, 5, 10), expected, "{text}");
    }
}
