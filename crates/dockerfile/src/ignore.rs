//! `.dockerignore`: patterns as github.com/moby/patternmatcher reads them.
//!
//! A pattern applies to a path and to everything beneath it; later patterns win; `!` takes paths
//! back. Where moby builds a regular expression from a pattern, characters that only regular
//! expressions know are text here.

use crate::go_match::{Class, GoPattern, class, decode};

/// The patterns of an ignore file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IgnorePatterns {
    patterns: Vec<Pattern>,
}

/// Which patterns match a directory or its parents. The default is the root's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IgnoreState {
    matched: Vec<bool>,
    ignored: bool,
}

/// An ignore file with a pattern that is not well formed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IgnoreError {
    /// A pattern that Go's `filepath.Match` refuses, or a bracket whose range is empty.
    #[error("line {line}: the pattern {pattern:?} is not well formed")]
    Pattern {
        /// The line, from 1.
        line: usize,
        /// The pattern.
        pattern: String,
    },
    /// `!` alone.
    #[error("line {line}: ! is not followed by a pattern")]
    LoneException {
        /// The line, from 1.
        line: usize,
    },
    /// A pattern that is not UTF-8.
    #[error("line {line}: the pattern is not valid UTF-8")]
    NotUtf8 {
        /// The line, from 1.
        line: usize,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    exception: bool,
    /// Cleaned, without `!` and without a slash in front.
    text: String,
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Literal(char),
    /// `?`: anything but a slash.
    Any,
    /// `*`: any number of anything but slashes.
    Star,
    /// `**`, in the middle: nothing, or anything that ends with a slash.
    Directories,
    /// `**` at the end, or at the start before text: anything.
    Everything,
    Class(Class),
}

impl IgnorePatterns {
    /// Reads an ignore file. Lines that start with `#` are comments.
    pub fn parse(bytes: &[u8]) -> Result<Self, IgnoreError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut patterns = Vec::new();
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let number = index + 1;
            if line.first() == Some(&b'#') {
                continue;
            }
            let Ok(line) = std::str::from_utf8(line) else {
                return Err(IgnoreError::NotUtf8 { line: number });
            };
            patterns.extend(Pattern::parse(line, number)?);
        }
        Ok(Self { patterns })
    }

    /// Reads patterns that do not come from a file, such as `--exclude` of `COPY`; the line in
    /// errors is the pattern's place, from 1.
    pub fn from_patterns<'a>(
        texts: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, IgnoreError> {
        let mut patterns = Vec::new();
        for (index, text) in texts.into_iter().enumerate() {
            patterns.extend(Pattern::parse(text, index + 1)?);
        }
        Ok(Self { patterns })
    }

    /// Whether there are no patterns.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether a pattern takes paths back, with `!`.
    pub fn has_exceptions(&self) -> bool {
        self.patterns.iter().any(|pattern| pattern.exception)
    }

    /// Whether a pattern is written so that it means everything: `*`, `**` or `**/*`.
    pub(crate) fn ignores_everything(&self) -> bool {
        let mut patterns = self.patterns.iter().filter(|pattern| !pattern.exception);
        patterns.any(|pattern| matches!(pattern.text.as_str(), "*" | "**" | "**/*"))
    }

    /// Whether `path` is ignored, by a pattern that matches it or a directory above it. The path
    /// is relative to the context and has no slash at its start or end; the root, `.` or empty, is
    /// never ignored.
    pub fn matches_or_parent_matches(&self, path: &[u8]) -> bool {
        let mut state = IgnoreState::default();
        for (at, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
            state = self.enter(&path[..at], &state);
        }
        self.enter(path, &state).ignored
    }

    /// The state of `path`, whose parent directory has the state `parent`. A walk that hands
    /// states down asks each pattern once for each path.
    pub fn enter(&self, path: &[u8], parent: &IgnoreState) -> IgnoreState {
        let mut state = IgnoreState {
            matched: vec![false; self.patterns.len()],
            ignored: false,
        };
        if path.is_empty() || path == b"." {
            return state;
        }
        let chars: Vec<char> = decode(path).collect();
        for (index, pattern) in self.patterns.iter().enumerate() {
            let above = parent.matched.get(index).copied().unwrap_or(false);
            // An exception matters only to what is ignored so far, a pattern only to what is not.
            let matters = pattern.exception == state.ignored;
            let matched = above || (matters && pattern.matches(&chars));
            state.matched[index] = matched;
            if matched {
                state.ignored = !pattern.exception;
            }
        }
        state
    }

    /// Whether a walk may leave out everything beneath the directory `path` that has the state
    /// `state`: it is ignored, and no exception can match beneath it.
    pub fn can_prune(&self, path: &[u8], state: &IgnoreState) -> bool {
        let mut exceptions = self.patterns.iter().filter(|pattern| pattern.exception);
        state.ignored && !exceptions.any(|pattern| pattern.may_match_beneath(path))
    }
}

impl IgnoreState {
    /// Whether the path is ignored.
    pub fn is_ignored(&self) -> bool {
        self.ignored
    }
}

impl Pattern {
    fn parse(line: &str, number: usize) -> Result<Option<Self>, IgnoreError> {
        let line = line.trim();
        if line.is_empty() {
            return Ok(None);
        }
        let (exception, text) = match line.strip_prefix('!') {
            Some(rest) => (true, rest.trim()),
            None => (false, line),
        };
        if text.is_empty() {
            return Err(IgnoreError::LoneException { line: number });
        }
        let text = clean(text);
        let bad = || IgnoreError::Pattern {
            line: number,
            pattern: text.clone(),
        };
        GoPattern::parse(&text).map_err(|_| bad())?;
        let tokens = tokens(&text).ok_or_else(bad)?;
        Ok(Some(Self {
            exception,
            tokens,
            text,
        }))
    }

    /// Whether the whole path matches, by the positions of the pattern that can be reached.
    fn matches(&self, chars: &[char]) -> bool {
        let tokens = &self.tokens;
        let mut reached = vec![false; tokens.len() + 1];
        reach(&mut reached, tokens, 0);
        for c in chars {
            let mut next = vec![false; tokens.len() + 1];
            let mut alive = false;
            for (place, token) in tokens.iter().enumerate() {
                if !reached[place] {
                    continue;
                }
                let (stay, go) = token.takes(*c);
                if stay {
                    // Inside the token, but not past it.
                    next[place] = true;
                    if !matches!(token, Token::Directories) {
                        reach(&mut next, tokens, place + 1);
                    }
                }
                if go {
                    reach(&mut next, tokens, place + 1);
                }
                alive |= stay || go;
            }
            if !alive {
                return false;
            }
            reached = next;
        }
        reached[tokens.len()]
    }

    /// Whether a path beneath `directory` could match. It errs on the side of yes.
    fn may_match_beneath(&self, directory: &[u8]) -> bool {
        let mut names = self.text.split('/');
        for name in directory.split(|byte| *byte == b'/') {
            match names.next() {
                // The pattern matches a parent, and so everything beneath.
                None => return true,
                Some(pattern) if pattern.contains("**") => return true,
                Some(pattern) if pattern.contains(['*', '?', '[', '\\']) => {}
                Some(pattern) if pattern.as_bytes() == name => {}
                Some(_) => return false,
            }
        }
        true
    }
}

impl Token {
    /// Whether the token takes `c` and goes on, and whether it takes `c` and is done.
    fn takes(&self, c: char) -> (bool, bool) {
        match self {
            Self::Literal(literal) => (false, *literal == c),
            Self::Any => (false, c != '/'),
            Self::Star => (c != '/', false),
            Self::Everything => (true, false),
            Self::Directories => (true, c == '/'),
            Self::Class(class) => (false, class.takes(c, &|c| c)),
        }
    }
}

/// Marks `place` and what follows it through tokens that match nothing too.
fn reach(reached: &mut [bool], tokens: &[Token], place: usize) {
    let mut place = place;
    loop {
        reached[place] = true;
        match tokens.get(place) {
            Some(Token::Star | Token::Everything | Token::Directories) => place += 1,
            _ => return,
        }
    }
}

/// The tokens of a cleaned pattern; `None` if a bracket has a range that ends before it starts,
/// which moby's regular expressions refuse.
fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        tokens.push(match c {
            '*' if chars.next_if_eq(&'*').is_some() => {
                let slash = chars.next_if_eq(&'/').is_some();
                let plain_rest = || !text[2..].contains(['*', '?', '[', ']', '\\']);
                if chars.peek().is_none() || (tokens.is_empty() && !slash && plain_rest()) {
                    Token::Everything
                } else {
                    Token::Directories
                }
            }
            '*' => Token::Star,
            '?' => Token::Any,
            '\\' => Token::Literal(chars.next()?),
            '[' => {
                let class = class(&mut chars)?;
                if class.ranges.iter().any(|(low, high)| low > high) {
                    return None;
                }
                Token::Class(class)
            }
            c => Token::Literal(c),
        });
    }
    Some(tokens)
}

/// Go's `filepath.Clean`, and then no slash at the start.
fn clean(text: &str) -> String {
    let rooted = text.starts_with('/');
    let mut names: Vec<&str> = Vec::new();
    for name in text.split('/') {
        match name {
            "" | "." => {}
            ".." if names.last().is_some_and(|last| *last != "..") => {
                names.pop();
            }
            ".." if rooted => {}
            name => names.push(name),
        }
    }
    match (names.is_empty(), rooted) {
        (false, _) => names.join("/"),
        (true, true) => "/".to_owned(),
        (true, false) => ".".to_owned(),
    }
}
