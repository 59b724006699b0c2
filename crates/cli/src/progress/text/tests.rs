use super::*;

#[test]
fn control_characters() {
    let check = |text: &str, line: &str, lines: &str| {
        assert_eq!(visible(text), line);
        assert_eq!(visible_lines(text), lines);
    };
    check("plain äß 日本 🦀", "plain äß 日本 🦀", "plain äß 日本 🦀");
    check("a\x1b[2J\x07b", "a\\x1b[2J\\x07b", "a\\x1b[2J\\x07b");
    check("a\nb\tc\r", "a\\nb\\tc\\r", "a\nb\tc\\r");
    check(
        "\u{9b}31m\u{7f}\0",
        "\\x9b31m\\x7f\\x00",
        "\\x9b31m\\x7f\\x00",
    );
    check(
        "a\u{202e}b\u{2066}",
        "a\\u{202e}b\\u{2066}",
        "a\\u{202e}b\\u{2066}",
    );
    check("back\\slash", "back\\slash", "back\\slash");
}

#[test]
fn sizes_and_rates() {
    let check = |bytes: u64, expected: &str, expected_rate: &str| {
        assert_eq!(size(bytes), expected);
        assert_eq!(rate(bytes as f64), expected_rate);
    };
    check(0, "0B", "0B/s");
    check(999, "999B", "999B/s");
    check(1000, "1.0kB", "1.0kB/s");
    check(94_100_000, "94.1MB", "94MB/s");
    check(206_349_999, "206.3MB", "206MB/s");
    check(999_960, "1.0MB", "1.0MB/s");
    check(8_250_000_000, "8.2GB", "8.2GB/s");
    check(u64::MAX, "18446744.1TB", "18446744TB/s");
}

#[test]
fn times() {
    let check = |milliseconds: u64, expected: &str| {
        assert_eq!(seconds(Duration::from_millis(milliseconds)), expected);
    };
    check(0, "0.0s");
    check(3_240, "3.2s");
    check(99_400, "99.4s");
    check(125_900, "2m05s");
    check(3_725_000, "1h02m");
}
