//! Times in headers (RFC 9110, 5.6.7).

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
/// Each is the beginning of its long form.
const DAYS: [(&str, &str); 7] = [
    ("Mon", "Monday"),
    ("Tue", "Tuesday"),
    ("Wed", "Wednesday"),
    ("Thu", "Thursday"),
    ("Fri", "Friday"),
    ("Sat", "Saturday"),
    ("Sun", "Sunday"),
];

/// Seconds since 1970-01-01T00:00:00Z of a time in one of HTTP's three forms:
///
/// - `Sun, 06 Nov 1994 08:49:37 GMT`, the form that is written today,
/// - `Sunday, 06-Nov-94 08:49:37 GMT`; years from 69 are of the 20th century, as Go reads them,
/// - `Sun Nov  6 08:49:37 1994`, of C's asctime.
///
/// `None` for everything else. Whether the date is on that day of the week does not matter.
pub fn parse_http_date(text: &str) -> Option<i64> {
    let text = text.trim();
    match text.split_once(", ") {
        None => asctime(text),
        Some((day, rest)) if DAYS.iter().any(|(short, _)| *short == day) => {
            let [day, month, year, time, "GMT"] = rest.split(' ').collect::<Vec<_>>()[..] else {
                return None;
            };
            seconds(digits(year, 4)?, month, digits(day, 2)?, time)
        }
        Some((day, rest)) if DAYS.iter().any(|(_, long)| *long == day) => {
            let [date, time, "GMT"] = rest.split(' ').collect::<Vec<_>>()[..] else {
                return None;
            };
            let [day, month, year] = date.split('-').collect::<Vec<_>>()[..] else {
                return None;
            };
            let year = digits(year, 2)?;
            let century = if year >= 69 { 1900 } else { 2000 };
            seconds(century + year, month, digits(day, 2)?, time)
        }
        Some(_) => None,
    }
}

fn asctime(text: &str) -> Option<i64> {
    let (day, rest) = text.split_once(' ')?;
    if !DAYS.iter().any(|(short, _)| *short == day) {
        return None;
    }
    let (month, rest) = rest.split_once(' ')?;
    let [day, time, year] = rest.trim_start().split(' ').collect::<Vec<_>>()[..] else {
        return None;
    };
    let day = digits(day, day.len().clamp(1, 2))?;
    seconds(digits(year, 4)?, month, day, time)
}

/// Exactly so many digits.
fn digits(text: &str, count: usize) -> Option<u32> {
    let is_number = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn seconds(year: u32, month: &str, day: u32, time: &str) -> Option<i64> {
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    // `HH:MM:SS` alone: a fraction would be read too.
    if time.len() != 8 {
        return None;
    }
    let text = format!("{year:04}-{month:02}-{day:02}T{time}Z");
    crossdock_image::parse_rfc3339(&text).map(|(seconds, _)| seconds)
}

#[cfg(test)]
mod tests;
