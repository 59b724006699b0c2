use proptest::prelude::*;

use super::*;

/// Parses `text`; a time is written again and must give `written`.
#[track_caller]
fn check(text: &str, expected: Option<(i64, u32)>, written: &str) {
    let found = parse_rfc3339(text);
    assert_eq!(found, expected, "{text}");
    if let Some((seconds, nanoseconds)) = found {
        assert_eq!(format_rfc3339(seconds, nanoseconds), written, "{text}");
    }
}

#[track_caller]
fn refuse(text: &str) {
    check(text, None, "");
}

#[test]
fn times() {
    check("1970-01-01T00:00:00Z", Some((0, 0)), "1970-01-01T00:00:00Z");
    check(
        "2023-11-14T22:13:20.123456789Z",
        Some((1_700_000_000, 123_456_789)),
        "2023-11-14T22:13:20.123456789Z",
    );
    check(
        "2023-11-14T22:13:20.5000Z",
        Some((1_700_000_000, 500_000_000)),
        "2023-11-14T22:13:20.5Z",
    );
    check(
        "2023-11-14T22:13:20.1234567899999z",
        Some((1_700_000_000, 123_456_789)),
        "2023-11-14T22:13:20.123456789Z",
    );
    check(
        "2023-11-15t00:13:20+02:00",
        Some((1_700_000_000, 0)),
        "2023-11-14T22:13:20Z",
    );
    check(
        "2023-11-14T16:43:20-05:30",
        Some((1_700_000_000, 0)),
        "2023-11-14T22:13:20Z",
    );
    check(
        "2000-02-29T00:00:00Z",
        Some((951_782_400, 0)),
        "2000-02-29T00:00:00Z",
    );
    check(
        "1969-12-31T23:59:59.5Z",
        Some((-1, 500_000_000)),
        "1969-12-31T23:59:59.5Z",
    );
    check(
        "0001-01-01T00:00:00Z",
        Some((-62_135_596_800, 0)),
        "0001-01-01T00:00:00Z",
    );
    check(
        "0000-01-01T00:00:00Z",
        Some((FIRST_SECOND, 0)),
        "0000-01-01T00:00:00Z",
    );
    check(
        "9999-12-31T23:59:59Z",
        Some((LAST_SECOND, 0)),
        "9999-12-31T23:59:59Z",
    );
    check(
        "1980-01-01T00:00:00Z",
        Some((315_532_800, 0)),
        "1980-01-01T00:00:00Z",
    );
}

#[test]
fn what_is_no_time() {
    for text in [
        "",
        "2023-11-14",
        "2023-11-14T22:13:20",
        "2023-11-14T22:13:20.Z",
        "2023-11-14T22:13:60Z",
        "2023-11-14T24:13:20Z",
        "2023-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2023-00-01T00:00:00Z",
        "2023-13-01T00:00:00Z",
        "2023-04-31T00:00:00Z",
        "2023-11-14T22:13:20+2:00",
        "2023-11-14T22:13:20+24:00",
        "2023-11-14T22:13:20Zx",
        "+023-11-14T22:13:20Z",
        "2023-11-14T22:13:2é",
        "2023-11-14T-1:13:20Z",
    ] {
        refuse(text);
    }
}

#[test]
fn times_that_do_not_fit_are_clamped() {
    assert_eq!(format_rfc3339(i64::MIN, 0), "0000-01-01T00:00:00Z");
    assert_eq!(format_rfc3339(i64::MAX, 0), "9999-12-31T23:59:59Z");
    assert_eq!(
        format_rfc3339(0, u32::MAX),
        "1970-01-01T00:00:00.999999999Z"
    );
}

proptest! {
    #[test]
    fn round_trip(seconds in FIRST_SECOND..=LAST_SECOND, nanoseconds in 0u32..1_000_000_000) {
        let text = format_rfc3339(seconds, nanoseconds);
        prop_assert_eq!(parse_rfc3339(&text), Some((seconds, nanoseconds)));
    }

    #[test]
    fn anything(text in "\\PC*") {
        let _ = parse_rfc3339(&text);
    }
}
