//! Points in time: the text of PAX records and Windows' own counter.

use std::fmt;

/// 1980-01-01T00:00:00Z in seconds since 1970: the time of an entry that has no source.
///
/// The first moment that ZIP and FAT can hold too. It stands in for `SOURCE_DATE_EPOCH` when that
/// is not set, so that the clock never enters a layer.
pub const EPOCH_1980: i64 = 315_532_800;

/// Seconds from FILETIME's origin, 1601-01-01T00:00:00Z, to 1970-01-01T00:00:00Z.
const FILETIME_ORIGIN: i128 = 11_644_473_600;

/// FILETIME ticks (100 ns) in a second.
const TICKS: i128 = 10_000_000;

const NANOSECONDS: u32 = 1_000_000_000;

/// A point in time, in UTC without leap seconds.
///
/// The value is `seconds + nanoseconds / 10⁹`: the seconds are rounded down and the nanoseconds
/// always count forward, so −1.5 s is `{ seconds: -2, nanoseconds: 500_000_000 }` and the derived
/// order is the order in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp {
    /// Seconds since 1970-01-01T00:00:00Z, rounded down.
    pub seconds: i64,
    /// Nanoseconds after `seconds`, less than 10⁹.
    pub nanoseconds: u32,
}

impl Timestamp {
    /// The first moment that [`clamp_windows`](Self::clamp_windows) keeps: 1678-01-01T00:00:00Z.
    ///
    /// Go holds nanoseconds since 1970 in 64 bits, which reach back to 1677-09-21T00:12:43Z; the
    /// documentation of `time.Time.UnixNano` promises nothing before the year 1678.
    pub const WINDOWS_MIN: Self = Self {
        seconds: -9_214_560_000,
        nanoseconds: 0,
    };

    /// The last moment that [`clamp_windows`](Self::clamp_windows) keeps:
    /// 2262-04-11T23:47:16.854775807Z, which is 2⁶³ − 1 ns.
    pub const WINDOWS_MAX: Self = Self {
        seconds: 9_223_372_036,
        nanoseconds: 854_775_807,
    };

    /// A whole number of seconds since 1970.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self {
            seconds,
            nanoseconds: 0,
        }
    }

    /// Reads the value of a PAX record `mtime`, `atime`, `ctime` or `LIBARCHIVE.creationtime`.
    ///
    /// The text is a decimal number of seconds with an optional sign and an optional fraction.
    /// Digits after the ninth of the fraction are cut off, and the sign applies to the fraction
    /// too: `-1.5` is one and a half seconds before 1970. `None` for any other text, and for
    /// seconds outside `i64`.
    ///
    /// Source: POSIX pax, "time"; the same texts are accepted as by Go's archive/tar, which
    /// Windows' importers read layers with.
    pub fn parse_pax(text: &[u8]) -> Option<Self> {
        let (whole, fraction) = match text.iter().position(|&byte| byte == b'.') {
            Some(dot) => (&text[..dot], &text[dot + 1..]),
            None => (text, &[][..]),
        };
        let seconds: i64 = std::str::from_utf8(whole).ok()?.parse().ok()?;
        if !fraction.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let digits = fraction.iter().copied().chain(std::iter::repeat(b'0'));
        let nanoseconds = digits
            .take(9)
            .fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
        if whole.starts_with(b"-") && nanoseconds > 0 {
            return Some(Self {
                seconds: seconds.checked_sub(1)?,
                nanoseconds: NANOSECONDS - nanoseconds,
            });
        }
        Some(Self {
            seconds,
            nanoseconds,
        })
    }

    /// The value of a PAX record: the shortest text that [`parse_pax`](Self::parse_pax) reads back.
    ///
    /// The fraction is padded to nine digits before its trailing zeros are cut: 50 ms after a
    /// second is `.05`. BuildKit prints it unpadded, which reads as half a second.
    pub fn to_pax(&self) -> String {
        self.to_string()
    }

    /// The time as a Windows FILETIME: 100 ns ticks since 1601-01-01T00:00:00Z, rounded down.
    ///
    /// `None` before 1601 and beyond 2⁶³ − 1 ticks (the year 30828), which Windows refuses.
    pub fn to_filetime(&self) -> Option<u64> {
        let ticks = (i128::from(self.seconds) + FILETIME_ORIGIN) * TICKS
            + i128::from(self.nanoseconds / 100);
        i64::try_from(ticks)
            .ok()
            .and_then(|ticks| u64::try_from(ticks).ok())
    }

    /// The time of a Windows FILETIME.
    pub fn from_filetime(ticks: u64) -> Self {
        let ticks = i128::from(ticks);
        Self {
            // At most 2⁶⁴ / 10⁷.
            seconds: (ticks / TICKS - FILETIME_ORIGIN) as i64,
            nanoseconds: (ticks % TICKS) as u32 * 100,
        }
    }

    /// The nearest time that Windows' importers read rightly.
    ///
    /// They turn a header's time into 64 bits of nanoseconds before they make a FILETIME of it;
    /// outside [`WINDOWS_MIN`](Self::WINDOWS_MIN) …
    /// [`WINDOWS_MAX`](Self::WINDOWS_MAX), both included, that overflows.
    pub fn clamp_windows(self) -> Self {
        self.clamp(Self::WINDOWS_MIN, Self::WINDOWS_MAX)
    }
}

impl fmt::Display for Timestamp {
    /// The text of [`Timestamp::to_pax`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let borrowed = self.seconds < 0 && self.nanoseconds > 0;
        let (whole, nanoseconds) = if borrowed {
            (self.seconds + 1, NANOSECONDS - self.nanoseconds)
        } else {
            (self.seconds, self.nanoseconds)
        };
        let sign = if self.seconds < 0 { "-" } else { "" };
        write!(f, "{sign}{}", whole.unsigned_abs())?;
        if nanoseconds == 0 {
            return Ok(());
        }
        let fraction = format!("{nanoseconds:09}");
        write!(f, ".{}", fraction.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests;
