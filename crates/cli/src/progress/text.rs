//! How texts, sizes and times are shown.

use std::fmt::Write as _;
use std::time::Duration;

/// One line of `text` with nothing in it that a terminal acts upon: names come from images and
/// Dockerfiles, which may be anybody's.
pub(crate) fn visible(text: &str) -> String {
    escaped(text, |_| false)
}

/// The same for a text of several lines, which keeps its line ends and tabs.
pub(crate) fn visible_lines(text: &str) -> String {
    escaped(text, |c| c == '\n' || c == '\t')
}

fn escaped(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if keep(c) || !is_control(c) => shown.push(c),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            c if u32::from(c) < 0x100 => {
                let _ = write!(shown, "\\x{:02x}", u32::from(c));
            }
            c => {
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
        }
    }
    shown
}

/// Control characters, and those that change the direction or order of what is around them
/// (Unicode Standard Annex #9, and UTS #39 on what may be hidden).
fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        )
}

/// `94.1MB`: powers of 1,000, as docker shows them.
pub(crate) fn size(bytes: u64) -> String {
    scaled(bytes as f64, true)
}

/// `82MB/s`.
pub(crate) fn rate(bytes_per_second: f64) -> String {
    format!("{}/s", scaled(bytes_per_second, bytes_per_second < 10e3))
}

fn scaled(mut value: f64, fraction: bool) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && (fraction || value < 9.95));
    format!("{value:.digits$}{}", units[unit])
}

/// `3.2s`, `2m05s`, `1h02m`.
pub(crate) fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0..100 => format!("{:.1}s", time.as_secs_f64()),
        whole @ 100..3600 => format!("{}m{:02}s", whole / 60, whole % 60),
        whole => format!("{}h{:02}m", whole / 3600, whole / 60 % 60),
    }
}

#[cfg(test)]
mod tests;
