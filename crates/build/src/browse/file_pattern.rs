//! Patterns of names as fnmatch(3) has them: `*`, `?`, `[a-z]`, `[!a]`, `[[:digit:]]`.

use crossdock_layer::upcase;

/// A pattern. A `*` takes anything, also a separator and a dot at the beginning, as in find(1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FilePattern {
    tokens: Vec<Token>,
    folds: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Unit(u32),
    Any,
    Star,
    Set { negated: bool, parts: Vec<Part> },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Range(u32, u32),
    Class(Class),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Alnum,
    Alpha,
    Blank,
    Cntrl,
    Digit,
    Graph,
    Lower,
    Print,
    Punct,
    Space,
    Upper,
    Xdigit,
}

/// What a byte that belongs to no character counts from: no character is as large.
const BYTES: u32 = 0x11_0000;

impl FilePattern {
    /// Reads a pattern; one that ignores case if `folds`. A backslash makes the next character
    /// stand for itself if `escapes`. A `[` without its `]` stands for itself.
    pub(crate) fn new(pattern: &[u8], folds: bool, escapes: bool) -> Self {
        let mut tokens = Vec::new();
        let mut at = 0;
        while let Some((unit, next)) = unit_at(pattern, at) {
            at = next;
            tokens.push(match u8::try_from(unit).unwrap_or_default() {
                b'*' if tokens.last() == Some(&Token::Star) => continue,
                b'*' => Token::Star,
                b'?' => Token::Any,
                b'[' => match set(pattern, at, folds, escapes) {
                    Some((set, next)) => {
                        at = next;
                        set
                    }
                    None => Token::Unit(unit),
                },
                b'\\' if escapes => match unit_at(pattern, at) {
                    Some((unit, next)) => {
                        at = next;
                        Token::Unit(folded(unit, folds))
                    }
                    None => Token::Unit(unit),
                },
                _ => Token::Unit(folded(unit, folds)),
            });
        }
        Self { tokens, folds }
    }

    /// Whether all of `text` fits.
    pub(crate) fn matches(&self, text: &[u8]) -> bool {
        match self.folds {
            true => self.fits(&upcase(text)),
            false => self.fits(text),
        }
    }

    fn fits(&self, text: &[u8]) -> bool {
        let (mut token, mut at) = (0, 0);
        // Where to go on if what comes after the last star does not fit: that star takes more.
        let mut again: Option<(usize, usize)> = None;
        loop {
            let unit = unit_at(text, at);
            match (self.tokens.get(token), unit) {
                (Some(Token::Star), _) => {
                    token += 1;
                    again = Some((token, at));
                    continue;
                }
                (None, None) => return true,
                (Some(expected), Some((unit, next))) if expected.takes(unit) => {
                    (token, at) = (token + 1, next);
                    continue;
                }
                _ => {}
            }
            let Some((after, from)) = again else {
                return false;
            };
            let Some((_, next)) = unit_at(text, from) else {
                return false;
            };
            again = Some((after, next));
            (token, at) = (after, next);
        }
    }
}

impl Token {
    fn takes(&self, unit: u32) -> bool {
        match self {
            Self::Unit(expected) => *expected == unit,
            Self::Any => true,
            Self::Star => false,
            Self::Set { negated, parts } => {
                let is_in = parts.iter().any(|part| match part {
                    Part::Range(first, last) => (*first..=*last).contains(&unit),
                    Part::Class(class) => class.takes(unit),
                });
                is_in != *negated
            }
        }
    }
}

impl Class {
    fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"alnum" => Self::Alnum,
            b"alpha" => Self::Alpha,
            b"blank" => Self::Blank,
            b"cntrl" => Self::Cntrl,
            b"digit" => Self::Digit,
            b"graph" => Self::Graph,
            b"lower" => Self::Lower,
            b"print" => Self::Print,
            b"punct" => Self::Punct,
            b"space" => Self::Space,
            b"upper" => Self::Upper,
            b"xdigit" => Self::Xdigit,
            _ => return None,
        })
    }

    fn takes(self, unit: u32) -> bool {
        let Some(c) = char::from_u32(unit) else {
            return false;
        };
        match self {
            Self::Alnum => c.is_alphanumeric(),
            Self::Alpha => c.is_alphabetic(),
            Self::Blank => c == ' ' || c == '\t',
            Self::Cntrl => c.is_control(),
            Self::Digit => c.is_ascii_digit(),
            Self::Graph => !c.is_control() && !c.is_whitespace(),
            Self::Lower => c.is_lowercase(),
            Self::Print => !c.is_control(),
            Self::Punct => c.is_ascii_punctuation(),
            Self::Space => c.is_whitespace(),
            Self::Upper => c.is_uppercase(),
            Self::Xdigit => c.is_ascii_hexdigit(),
        }
    }
}

/// Reads what follows a `[`, and where it ends.
fn set(pattern: &[u8], start: usize, folds: bool, escapes: bool) -> Option<(Token, usize)> {
    let mut at = start;
    let negated = matches!(pattern.get(at), Some(b'!' | b'^'));
    at += usize::from(negated);
    let first = at;
    let mut parts = Vec::new();
    loop {
        if pattern.get(at) == Some(&b']') && at > first {
            return Some((Token::Set { negated, parts }, at + 1));
        }
        if let Some(rest) = pattern[at..].strip_prefix(b"[:")
            && let Some(end) = rest.windows(2).position(|two| two == b":]")
            && let Some(class) = Class::named(&rest[..end])
        {
            parts.push(Part::Class(class));
            // Where case does not count, the text has no small letters.
            if folds && class == Class::Lower {
                parts.push(Part::Class(Class::Upper));
            }
            at += end + 4;
            continue;
        }
        let (low, next) = literal(pattern, at, escapes)?;
        at = next;
        let mut high = low;
        if pattern.get(at) == Some(&b'-') && pattern.get(at + 1).is_some_and(|&byte| byte != b']') {
            (high, at) = literal(pattern, at + 1, escapes)?;
        }
        parts.push(Part::Range(folded(low, folds), folded(high, folds)));
    }
}

fn literal(pattern: &[u8], at: usize, escapes: bool) -> Option<(u32, usize)> {
    let (unit, next) = unit_at(pattern, at)?;
    match escapes && unit == u32::from(b'\\') {
        true => unit_at(pattern, next),
        false => Some((unit, next)),
    }
}

fn folded(unit: u32, folds: bool) -> u32 {
    match char::from_u32(unit) {
        Some(c) if folds => {
            let upper = upcase(c.encode_utf8(&mut [0; 4]).as_bytes());
            unit_at(&upper, 0).map_or(unit, |(unit, _)| unit)
        }
        _ => unit,
    }
}

/// The character at a place of `text`, or the byte that belongs to none, and where the next is.
fn unit_at(text: &[u8], at: usize) -> Option<(u32, usize)> {
    let first = *text.get(at)?;
    if first.is_ascii() {
        return Some((u32::from(first), at + 1));
    }
    let most = text.len().min(at + 4);
    let chunk = text[at..most].utf8_chunks().next()?;
    Some(match chunk.valid().chars().next() {
        Some(c) => (u32::from(c), at + c.len_utf8()),
        None => (BYTES + u32::from(first), at + 1),
    })
}

#[cfg(test)]
mod tests;
