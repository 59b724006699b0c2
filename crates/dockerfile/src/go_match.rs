//! Go's `filepath.Match`, on bytes: the wildcards of `COPY`.
//!
//! Source: the documentation of Go's path/filepath, and its implementation where that says more:
//! `[^a]` matches a slash, a range that ends before it starts matches nothing, and `-` and `]` in
//! brackets must be escaped. A byte that is not UTF-8 counts as one character, U+FFFD.

/// A pattern that is not well formed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the pattern {pattern:?} is not well formed")]
pub struct BadPattern {
    /// The pattern.
    pub pattern: String,
}

/// A pattern of `*`, `?`, `[…]` and `\` escapes. `*` and `?` do not match `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoPattern {
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Literal(char),
    Any,
    Star,
    Class(Class),
}

/// `[a-z]` or `[^a-z]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Class {
    pub(crate) negated: bool,
    pub(crate) ranges: Vec<(char, char)>,
}

/// Whether the whole of `path` matches `pattern`, upper and lower case being different.
pub fn match_path(pattern: &str, path: &[u8]) -> Result<bool, BadPattern> {
    Ok(GoPattern::parse(pattern)?.matches(path))
}

impl GoPattern {
    /// Reads a pattern; the whole of it must be well formed.
    pub fn parse(pattern: &str) -> Result<Self, BadPattern> {
        let bad = || BadPattern {
            pattern: pattern.to_owned(),
        };
        let mut tokens = Vec::new();
        let mut chars = pattern.chars().peekable();
        while let Some(c) = chars.next() {
            tokens.push(match c {
                '*' => Token::Star,
                '?' => Token::Any,
                '[' => Token::Class(class(&mut chars).ok_or_else(bad)?),
                '\\' => Token::Literal(chars.next().ok_or_else(bad)?),
                c => Token::Literal(c),
            });
        }
        Ok(Self { tokens })
    }

    /// Whether the whole of `path` matches.
    pub fn matches(&self, path: &[u8]) -> bool {
        self.matches_folded(path, |c| c)
    }

    /// Whether the whole of `path` matches after `fold` was applied to the characters of both,
    /// for trees that look names up without regard to case. Of a range, the bounds are folded.
    pub fn matches_folded(&self, path: &[u8], fold: impl Fn(char) -> char) -> bool {
        let chars: Vec<char> = decode(path).map(&fold).collect();
        let (mut token, mut at) = (0, 0);
        // Where to go on if what follows the last star does not match.
        let mut retry: Option<(usize, usize)> = None;
        loop {
            match self.tokens.get(token) {
                Some(Token::Star) => {
                    token += 1;
                    retry = Some((token, at));
                    continue;
                }
                Some(single) if at < chars.len() && single.takes(chars[at], &fold) => {
                    token += 1;
                    at += 1;
                    continue;
                }
                None if at == chars.len() => return true,
                _ => {}
            }
            match retry {
                Some((after, from)) if chars.get(from).is_some_and(|c| *c != '/') => {
                    (token, at) = (after, from + 1);
                    retry = Some((after, from + 1));
                }
                _ => return false,
            }
        }
    }
}

impl Token {
    fn takes(&self, c: char, fold: &impl Fn(char) -> char) -> bool {
        match self {
            Self::Literal(literal) => fold(*literal) == c,
            Self::Any => c != '/',
            Self::Star => false,
            Self::Class(class) => class.takes(c, fold),
        }
    }
}

impl Class {
    pub(crate) fn takes(&self, c: char, fold: &impl Fn(char) -> char) -> bool {
        let mut ranges = self.ranges.iter();
        ranges.any(|(low, high)| (fold(*low)..=fold(*high)).contains(&c)) != self.negated
    }
}

/// What follows `[`, up to and with `]`.
pub(crate) fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Class> {
    let negated = chars.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        if !ranges.is_empty() && chars.next_if_eq(&']').is_some() {
            return Some(Class { negated, ranges });
        }
        let low = bound(chars)?;
        let high = match chars.next_if_eq(&'-') {
            Some(_) => bound(chars)?,
            None => low,
        };
        // Something must follow: at least the closing bracket.
        chars.peek()?;
        ranges.push((low, high));
    }
}

fn bound(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    match chars.next()? {
        '-' | ']' => None,
        '\\' => chars.next(),
        c => Some(c),
    }
}

/// The characters of `bytes`; each byte that is not UTF-8 is one U+FFFD.
pub(crate) fn decode(bytes: &[u8]) -> impl Iterator<Item = char> {
    bytes.utf8_chunks().flat_map(|chunk| {
        let invalid = chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER);
        chunk.valid().chars().chain(invalid)
    })
}
