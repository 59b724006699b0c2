use proptest::prelude::*;

use super::*;

fn at(seconds: i64, nanoseconds: u32) -> Timestamp {
    Timestamp {
        seconds,
        nanoseconds,
    }
}

/// The text is what the time prints as, and reads back as the time.
fn check(time: Timestamp, text: &str, filetime: Option<u64>) {
    assert_eq!(time.to_pax(), text);
    assert_eq!(Timestamp::parse_pax(text.as_bytes()), Some(time), "{text}");
    assert_eq!(time.to_filetime(), filetime, "{text}");
}

#[test]
fn text_and_filetime() {
    check(at(0, 0), "0", Some(116_444_736_000_000_000));
    check(at(1, 5), "1.000000005", Some(116_444_736_010_000_000));
    check(
        at(1_700_000_000, 50_000_000),
        "1700000000.05",
        Some(133_444_736_000_500_000),
    );
    check(
        at(1_700_000_000, 123_456_789),
        "1700000000.123456789",
        Some(133_444_736_001_234_567),
    );
    check(at(-2, 500_000_000), "-1.5", Some(116_444_735_985_000_000));
    check(at(-1, 500_000_000), "-0.5", Some(116_444_735_995_000_000));
    check(at(-1, 0), "-1", Some(116_444_735_990_000_000));
    check(
        at(EPOCH_1980, 0),
        "315532800",
        Some(119_600_064_000_000_000),
    );
    check(at(-11_644_473_600, 0), "-11644473600", Some(0));
    check(
        at(-11_644_473_601, 999_999_999),
        "-11644473600.000000001",
        None,
    );
    check(at(i64::MIN, 1), "-9223372036854775807.999999999", None);
    check(at(i64::MIN, 0), "-9223372036854775808", None);
    check(
        at(i64::MAX, 999_999_999),
        "9223372036854775807.999999999",
        None,
    );
    check(
        at(910_692_730_085, 477_580_700),
        "910692730085.4775807",
        Some(i64::MAX as u64),
    );
    check(
        at(910_692_730_085, 477_580_800),
        "910692730085.4775808",
        None,
    );
}

#[test]
fn texts_that_are_read_but_not_written() {
    for (text, time) in [
        ("1.", at(1, 0)),
        ("+1.5", at(1, 500_000_000)),
        ("-0", at(0, 0)),
        ("-0.000000000", at(0, 0)),
        ("1.9999999999", at(1, 999_999_999)),
        ("-1.9999999999", at(-2, 1)),
        ("007.10", at(7, 100_000_000)),
    ] {
        assert_eq!(Timestamp::parse_pax(text.as_bytes()), Some(time), "{text}");
    }
}

#[test]
fn texts_that_are_refused() {
    for text in [
        "",
        ".",
        ".5",
        "-",
        "-.5",
        " 1",
        "1 ",
        "1,5",
        "1.5s",
        "1.-5",
        "1.+5",
        "1.5.5",
        "0x10",
        "1e3",
        "9223372036854775808",
        "-9223372036854775808.5",
        "\u{663}",
    ] {
        assert_eq!(Timestamp::parse_pax(text.as_bytes()), None, "{text}");
    }
    assert_eq!(Timestamp::parse_pax(b"1.\xff"), None);
    assert_eq!(Timestamp::parse_pax(b"\xff"), None);
}

#[test]
fn windows_bounds() {
    for (time, clamped) in [
        (at(0, 1), at(0, 1)),
        (Timestamp::WINDOWS_MIN, Timestamp::WINDOWS_MIN),
        (at(-9_214_560_001, 999_999_999), Timestamp::WINDOWS_MIN),
        (at(i64::MIN, 0), Timestamp::WINDOWS_MIN),
        (Timestamp::WINDOWS_MAX, Timestamp::WINDOWS_MAX),
        (at(9_223_372_036, 854_775_808), Timestamp::WINDOWS_MAX),
        (at(9_223_372_037, 0), Timestamp::WINDOWS_MAX),
        (at(i64::MAX, 999_999_999), Timestamp::WINDOWS_MAX),
    ] {
        assert_eq!(time.clamp_windows(), clamped, "{time}");
        let nanoseconds =
            i128::from(clamped.seconds) * 1_000_000_000 + i128::from(clamped.nanoseconds);
        assert!(i64::try_from(nanoseconds).is_ok(), "{time}");
    }
}

proptest! {
    #[test]
    fn text_round_trips(seconds: i64, nanoseconds in 0..1_000_000_000u32) {
        let time = at(seconds, nanoseconds);
        prop_assert_eq!(Timestamp::parse_pax(time.to_pax().as_bytes()), Some(time));
    }

    #[test]
    fn any_text_is_read_or_refused(text: Vec<u8>) {
        if let Some(time) = Timestamp::parse_pax(&text) {
            prop_assert!(time.nanoseconds < 1_000_000_000);
            prop_assert_eq!(Timestamp::parse_pax(time.to_pax().as_bytes()), Some(time));
        }
    }
}
