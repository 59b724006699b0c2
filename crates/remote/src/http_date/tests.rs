use super::parse_http_date;

#[track_caller]
fn check(text: &str, expected: Option<i64>) {
    assert_eq!(parse_http_date(text), expected, "{text:?}");
}

#[test]
fn all_three_forms_are_read() {
    check("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777));
    check(" Sun, 06 Nov 1994 08:49:37 GMT ", Some(784_111_777));
    check("Sunday, 06-Nov-94 08:49:37 GMT", Some(784_111_777));
    check("Sun Nov  6 08:49:37 1994", Some(784_111_777));
    check("Sun Nov 06 08:49:37 1994", Some(784_111_777));
    check("Sun Nov 16 08:49:37 1994", Some(784_975_777));
    check("Thu, 01 Jan 1970 00:00:00 GMT", Some(0));
    check("Thursday, 01-Jan-70 00:00:00 GMT", Some(0));
    check("Wednesday, 31-Dec-69 23:59:59 GMT", Some(-1));
    check("Friday, 31-Dec-68 00:00:00 GMT", Some(3_124_137_600));
    check("Mon, 29 Feb 2016 12:00:00 GMT", Some(1_456_747_200));
    check("Fri, 31 Dec 9999 23:59:59 GMT", Some(253_402_300_799));
}

#[test]
fn nothing_else_is_a_time() {
    for text in [
        "",
        "0",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Son, 06 Nov 1994 08:49:37 GMT",
        "Sun,06 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:49:60 GMT",
        "Sun, 06 Nov 1994 08:49:37.5 GMT",
        "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, +6 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sun Nov 6 08:49:37 94",
        "Sun Nov 006 08:49:37 1994",
        "1994-11-06T08:49:37Z",
    ] {
        check(text, None);
    }
}
