//! Go's text form of durations, which `HEALTHCHECK` takes and its history record shows.

const UNITS: [(&str, u64); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Nanoseconds of a text such as `1m30s` or `0.5s`; `None` if it is not a duration.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let text = text.strip_prefix('+').unwrap_or(text);
    if text == "0" {
        return Some(0);
    }
    let mut rest = text;
    let mut total: u64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let number = rest.len()
            - rest
                .trim_start_matches(|c: char| c.is_ascii_digit() || c == '.')
                .len();
        let (whole, fraction) = match rest[..number].split_once('.') {
            Some((whole, fraction)) => (whole, fraction),
            None => (&rest[..number], ""),
        };
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        rest = &rest[number..];
        let length = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == &rest[..length])?;
        rest = &rest[length..];
        let whole = match whole {
            "" => 0,
            digits => digits.parse::<u64>().ok()?.checked_mul(*unit)?,
        };
        total = total
            .checked_add(whole)?
            .checked_add(part(fraction, *unit)?)?;
    }
    i64::try_from(total).is_ok().then_some(total)
}

/// The digits after a decimal point times `unit`, rounded down.
fn part(fraction: &str, unit: u64) -> Option<u64> {
    let digits = &fraction[..fraction.len().min(18)];
    let mut scaled: u128 = 0;
    let mut scale: u128 = 1;
    for digit in digits.bytes() {
        scaled = scaled * 10 + u128::from(digit - b'0');
        scale *= 10;
    }
    u64::try_from(scaled * u128::from(unit) / scale).ok()
}

/// Go's `Duration.String`: `1h0m0s`, `1.5s`, `100ms`, `0s`.
pub(crate) fn format(nanoseconds: u64) -> String {
    let (unit, name) = match nanoseconds {
        0 => return "0s".to_owned(),
        1..1_000 => (1, "ns"),
        1_000..1_000_000 => (1_000, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    if name != "s" {
        return format!("{}{name}", decimal(nanoseconds, unit));
    }
    let seconds = decimal(nanoseconds % 60_000_000_000, unit);
    let minutes = nanoseconds / 60_000_000_000;
    match minutes {
        0 => format!("{seconds}s"),
        1..60 => format!("{minutes}m{seconds}s"),
        _ => format!("{}h{}m{seconds}s", minutes / 60, minutes % 60),
    }
}

fn decimal(value: u64, unit: u64) -> String {
    let width = unit.to_string().len() - 1;
    let text = format!("{}.{:0width$}", value / unit, value % unit);
    match width {
        0 => (value / unit).to_string(),
        _ => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
    }
}
