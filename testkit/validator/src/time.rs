//! Times of PAX records.

/// From 1678-01-01 to the last nanosecond since 1970 that fits 64 bits, on 2262-04-11.
const RANGE: std::ops::RangeInclusive<i128> = -9_214_560_000_000_000_000..=i64::MAX as i128;

/// Nanoseconds since 1970 of `secs` or `secs.frac`; no sign but `-`, at most nine digits after
/// the point, no zero at their end.
pub(crate) fn parse(text: &[u8]) -> Option<i128> {
    let text = std::str::from_utf8(text).ok()?;
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (seconds, fraction) = match digits.split_once('.') {
        Some((seconds, fraction)) => (seconds, Some(fraction)),
        None => (digits, None),
    };
    let number = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if !number(seconds) || seconds.len() > 18 || (seconds.len() > 1 && seconds.starts_with('0')) {
        return None;
    }
    let mut nanoseconds = seconds.parse::<i128>().ok()? * 1_000_000_000;
    if let Some(fraction) = fraction {
        if !number(fraction) || fraction.len() > 9 || fraction.ends_with('0') {
            return None;
        }
        nanoseconds += format!("{fraction:0<9}").parse::<i128>().ok()?;
    }
    Some(if negative { -nanoseconds } else { nanoseconds })
}

/// Whether hcsshim's arithmetic on a time does not overflow.
pub(crate) fn in_range(nanoseconds: i128) -> bool {
    RANGE.contains(&nanoseconds)
}
