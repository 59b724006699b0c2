//! How long ago something was, as docker tells it.

use std::time::{SystemTime, UNIX_EPOCH};

use crossdock_build::parse_rfc3339;

/// Seconds since 1970, now. Only what is shown to people depends on it.
pub(crate) fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX))
}

/// The first second of the year 1, Go's zero time: nobody said when.
const ZERO: i64 = -62_135_596_800;

/// `3 days ago` for a time in RFC 3339, `N/A` if it is none. What is yet to come is shown as it is.
pub(crate) fn ago(created: Option<&str>, now: i64) -> String {
    let Some(text) = created else {
        return "N/A".to_owned();
    };
    match parse_rfc3339(text) {
        None | Some((ZERO, 0)) => "N/A".to_owned(),
        Some((time, _)) if time > now => text.to_owned(),
        Some((time, _)) => format!("{} ago", duration(now.saturating_sub(time))),
    }
}

/// docker/go-units, `HumanDuration`: whole units, the largest of which there are two.
fn duration(seconds: i64) -> String {
    let (minutes, hours) = (seconds / 60, (seconds + 1800) / 3600);
    match (seconds, minutes, hours) {
        (0, ..) => "Less than a second".to_owned(),
        (1, ..) => "1 second".to_owned(),
        (..60, ..) => format!("{seconds} seconds"),
        (_, 1, _) => "About a minute".to_owned(),
        (_, ..60, _) => format!("{minutes} minutes"),
        (_, _, 1) => "About an hour".to_owned(),
        (_, _, ..48) => format!("{hours} hours"),
        (_, _, ..336) => format!("{} days", hours / 24),
        (_, _, ..1440) => format!("{} weeks", hours / 168),
        (_, _, ..17_520) => format!("{} months", hours / 720),
        _ => format!("{} years", hours / 8760),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        let created = 1_700_000_000;
        let check = |seconds: i64, expected: &str| {
            let text = Some("2023-11-14T22:13:20Z");
            assert_eq!(ago(text, created + seconds), expected, "{seconds}");
        };
        check(0, "Less than a second ago");
        check(1, "1 second ago");
        check(59, "59 seconds ago");
        check(60, "About a minute ago");
        check(120, "2 minutes ago");
        check(3599, "59 minutes ago");
        check(3600, "About an hour ago");
        check(5400, "2 hours ago");
        check(47 * 3600, "47 hours ago");
        check(48 * 3600, "2 days ago");
        check(13 * 86_400, "13 days ago");
        check(14 * 86_400, "2 weeks ago");
        check(59 * 86_400, "8 weeks ago");
        check(60 * 86_400, "2 months ago");
        check(729 * 86_400, "24 months ago");
        check(730 * 86_400, "2 years ago");
        check(-1, "2023-11-14T22:13:20Z");
    }

    #[test]
    fn times_that_nobody_knows() {
        let check = |text: Option<&str>| assert_eq!(ago(text, 1_700_000_000), "N/A");
        check(None);
        check(Some("yesterday"));
        check(Some("0001-01-01T00:00:00Z"));
    }
}
