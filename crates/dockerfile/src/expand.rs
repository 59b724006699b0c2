//! Expansion of words: quotes, escapes and variables, as BuildKit's shell lexer does it.

use std::collections::BTreeSet;

use crate::environment::Environment;
use crate::shell_pattern::{ShellPattern, reversed};

/// How words are expanded.
#[derive(Debug, Clone, Copy)]
pub struct Expander<'a> {
    environment: &'a Environment,
    escape: char,
    quotes: bool,
}

/// A word after expansion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expansion {
    /// The whole text.
    pub text: String,
    /// The text cut at white space that was not quoted.
    pub words: Vec<String>,
    /// Names of variables that were looked up and are set.
    pub used: BTreeSet<String>,
    /// Names of variables that were looked up and are not set.
    pub unset: BTreeSet<String>,
}

/// A word that cannot be expanded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpandError {
    /// A quote is not closed.
    #[error("the quote {quote} is not closed")]
    Quote {
        /// The quote.
        quote: char,
    },
    /// `${` without its end.
    #[error("${{ is not closed by {expected}")]
    Unclosed {
        /// The character that is missing.
        expected: char,
    },
    /// `${}` and the like.
    #[error("bad substitution: a name is missing after ${{")]
    BadSubstitution,
    /// `${x=y}` and the like.
    #[error("the modifier {modifier} of ${{{name}…}} is not supported")]
    Modifier {
        /// The variable.
        name: String,
        /// What follows its name.
        modifier: String,
    },
    /// `${x?message}` of a variable that is not set.
    #[error("{name}: {message}")]
    Required {
        /// The variable.
        name: String,
        /// The message.
        message: String,
    },
    /// A pattern with a backslash before an ordinary character.
    #[error("invalid pattern {pattern:?}: a backslash escapes only * ? / }} and itself")]
    Pattern {
        /// The pattern.
        pattern: String,
    },
    /// Too long, too deep or too slow.
    #[error("the expansion is too large")]
    TooLarge,
}

/// Longest result of one expansion: `ENV A=$A$A` doubles with each line.
const LONGEST: usize = 1 << 20;

/// Deepest nesting of `${a:-${b:-…}}`.
const DEEPEST: usize = 64;

impl<'a> Expander<'a> {
    /// Expands with `environment`; `escape` is the file's escape character.
    pub fn new(environment: &'a Environment, escape: char) -> Self {
        Self {
            environment,
            escape,
            quotes: true,
        }
    }

    /// For here-documents: quotes are text, and the escape character is always a backslash.
    pub fn for_heredoc(environment: &'a Environment) -> Self {
        Self {
            environment,
            escape: '\\',
            quotes: false,
        }
    }

    /// Expands `word`.
    pub fn expand(&self, word: &str) -> Result<Expansion, ExpandError> {
        let mut run = Run {
            expander: self,
            chars: word.chars().collect(),
            at: 0,
            depth: 0,
            total: 0,
            used: BTreeSet::new(),
            unset: BTreeSet::new(),
        };
        let (text, words) = run.until(None, false)?;
        Ok(Expansion {
            text,
            words,
            used: run.used,
            unset: run.unset,
        })
    }
}

struct Run<'a> {
    expander: &'a Expander<'a>,
    chars: Vec<char>,
    at: usize,
    depth: usize,
    /// Characters made so far, intermediate results included.
    total: usize,
    used: BTreeSet<String>,
    unset: BTreeSet<String>,
}

/// Words being cut out of the text.
#[derive(Default)]
struct Words {
    done: Vec<String>,
    current: String,
}

impl Words {
    /// Text in which white space separates.
    fn plain(&mut self, text: &str) {
        for c in text.chars() {
            if c.is_whitespace() {
                self.end();
            } else {
                self.current.push(c);
            }
        }
    }

    /// Text that belongs to one word.
    fn quoted(&mut self, text: &str) {
        self.current.push_str(text);
    }

    fn end(&mut self) {
        if !self.current.is_empty() {
            self.done.push(std::mem::take(&mut self.current));
        }
    }
}

impl Run<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek();
        self.at += usize::from(c.is_some());
        c
    }

    fn spend(&mut self, length: usize) -> Result<(), ExpandError> {
        self.total += length + 1;
        match self.total > LONGEST {
            true => Err(ExpandError::TooLarge),
            false => Ok(()),
        }
    }

    /// Up to `stop`, which is taken too, or to the end. With `raw_escapes` escape characters stay.
    fn until(
        &mut self,
        stop: Option<char>,
        raw_escapes: bool,
    ) -> Result<(String, Vec<String>), ExpandError> {
        let mut text = String::new();
        let mut words = Words::default();
        while let Some(c) = self.peek() {
            if stop == Some(c) {
                self.at += 1;
                words.end();
                return Ok((text, words.done));
            }
            match c {
                '$' => {
                    let value = self.dollar()?;
                    self.spend(value.len())?;
                    text.push_str(&value);
                    words.plain(&value);
                }
                '\'' if self.expander.quotes => {
                    let value = self.single_quoted()?;
                    text.push_str(&value);
                    words.quoted(&value);
                }
                '"' if self.expander.quotes => {
                    let value = self.double_quoted(raw_escapes)?;
                    self.spend(value.len())?;
                    text.push_str(&value);
                    words.quoted(&value);
                }
                c if c == self.expander.escape => {
                    self.at += 1;
                    let mut escaped = String::new();
                    escaped.extend(raw_escapes.then_some(c));
                    escaped.extend(self.next());
                    text.push_str(&escaped);
                    words.quoted(&escaped);
                }
                c => {
                    self.at += 1;
                    text.push(c);
                    words.plain(c.encode_utf8(&mut [0; 4]));
                }
            }
        }
        match stop {
            Some(expected) => Err(ExpandError::Unclosed { expected }),
            None => {
                words.end();
                Ok((text, words.done))
            }
        }
    }

    fn single_quoted(&mut self) -> Result<String, ExpandError> {
        self.at += 1;
        let rest = &self.chars[self.at..];
        let Some(length) = rest.iter().position(|c| *c == '\'') else {
            return Err(ExpandError::Quote { quote: '\'' });
        };
        let text = rest[..length].iter().collect();
        self.at += length + 1;
        Ok(text)
    }

    fn double_quoted(&mut self, raw_escapes: bool) -> Result<String, ExpandError> {
        self.at += 1;
        let escape = self.expander.escape;
        let mut text = String::new();
        loop {
            match self.peek() {
                None => return Err(ExpandError::Quote { quote: '"' }),
                Some('"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some('$') => {
                    let value = self.dollar()?;
                    self.spend(value.len())?;
                    text.push_str(&value);
                }
                Some(c) if c == escape => {
                    self.at += 1;
                    text.extend(raw_escapes.then_some(c));
                    match self.peek() {
                        None => {}
                        Some(next) if next == '"' || next == '$' || next == escape => {
                            self.at += 1;
                            text.push(next);
                        }
                        Some(_) => text.push(c),
                    }
                }
                Some(c) => {
                    self.at += 1;
                    text.push(c);
                }
            }
        }
    }

    fn lookup(&mut self, name: &str) -> Option<String> {
        let value = self.expander.environment.get(name).map(str::to_owned);
        match value {
            Some(_) => self.used.insert(name.to_owned()),
            None => self.unset.insert(name.to_owned()),
        };
        value
    }

    /// `$name` and `${…}`.
    fn dollar(&mut self) -> Result<String, ExpandError> {
        self.at += 1;
        if self.peek() != Some('{') {
            let name = self.name();
            return Ok(match name.is_empty() {
                true => "$".to_owned(),
                false => self.lookup(&name).unwrap_or_default(),
            });
        }
        self.at += 1;
        match self.peek() {
            None => return Err(ExpandError::Unclosed { expected: '}' }),
            Some('{' | '}' | ':') => return Err(ExpandError::BadSubstitution),
            Some(_) => {}
        }
        if self.depth == DEEPEST {
            return Err(ExpandError::TooLarge);
        }
        self.depth += 1;
        let name = self.name();
        let value = self.substitution(name);
        self.depth -= 1;
        value
    }

    /// What follows the name in `${name…}`.
    fn substitution(&mut self, name: String) -> Result<String, ExpandError> {
        let Some(first) = self.next() else {
            return Err(ExpandError::Unclosed { expected: '}' });
        };
        match first {
            '}' => Ok(self.lookup(&name).unwrap_or_default()),
            '/' => self.replacement(&name),
            ':' => {
                let Some(second) = self.next() else {
                    return Err(ExpandError::Unclosed { expected: '}' });
                };
                match second {
                    '-' | '+' | '?' => self.alternative(name, second, true),
                    _ => Err(modifier(name, format!(":{second}"))),
                }
            }
            '-' | '+' | '?' => self.alternative(name, first, false),
            '#' | '%' => self.trimmed(&name, first),
            _ => Err(modifier(name, first.to_string())),
        }
    }

    /// `-`, `+` and `?`; with a colon, empty counts as unset.
    fn alternative(
        &mut self,
        name: String,
        operator: char,
        colon: bool,
    ) -> Result<String, ExpandError> {
        let (word, _) = self.until(Some('}'), false)?;
        let value = self.lookup(&name);
        let there = value.clone().filter(|value| !(colon && value.is_empty()));
        match (operator, there) {
            ('-', Some(there)) => Ok(there),
            ('-', None) | ('+', Some(_)) => Ok(word),
            ('+', None) => Ok(String::new()),
            (_, Some(there)) => Ok(there),
            (_, None) => Err(ExpandError::Required {
                message: match (word.is_empty(), value) {
                    (false, _) => word,
                    (true, None) => "is not allowed to be unset".to_owned(),
                    (true, Some(_)) => "is not allowed to be empty".to_owned(),
                },
                name,
            }),
        }
    }

    /// `#`, `##`, `%` and `%%`.
    fn trimmed(&mut self, name: &str, operator: char) -> Result<String, ExpandError> {
        let (word, _) = self.until(Some('}'), true)?;
        let value = self.lookup(name).unwrap_or_default();
        let greedy = word.starts_with(operator);
        let pattern = word.strip_prefix(operator).unwrap_or(&word);
        let trimmed = match operator {
            '#' => parse_pattern(pattern)?.trim_start(&value, greedy),
            _ => {
                let backwards: String = value.chars().rev().collect();
                let trimmed = parse_pattern(&reversed(pattern))?.trim_start(&backwards, greedy);
                trimmed.map(|text| text.chars().rev().collect())
            }
        };
        trimmed.map_err(|_| ExpandError::TooLarge)
    }

    /// `/pattern/replacement` and `//pattern/replacement`.
    fn replacement(&mut self, name: &str) -> Result<String, ExpandError> {
        let all = self.peek() == Some('/');
        self.at += usize::from(all);
        let (pattern, _) = self.until(Some('/'), true)?;
        let (replacement, _) = self.until(Some('}'), true)?;
        let value = self.lookup(name).unwrap_or_default();
        let pattern = parse_pattern(&pattern)?;
        let matches = value.chars().count() + 1;
        self.spend(replacement.len().saturating_mul(matches))?;
        pattern
            .replace(&value, &replacement, all)
            .map_err(|_| ExpandError::TooLarge)
    }

    /// A name: letters, digits and `_`, digits alone, or one special character.
    fn name(&mut self) -> String {
        let rest = &self.chars[self.at..];
        let length = match rest.first() {
            Some(c) if c.is_numeric() => rest.iter().take_while(|c| c.is_numeric()).count(),
            Some('@' | '*' | '#' | '?' | '-' | '$' | '!') => 1,
            _ => {
                let letters = rest.iter();
                letters
                    .take_while(|c| c.is_alphanumeric() || **c == '_')
                    .count()
            }
        };
        let name = rest[..length].iter().collect();
        self.at += length;
        name
    }
}

fn parse_pattern(text: &str) -> Result<ShellPattern, ExpandError> {
    ShellPattern::parse(text).map_err(|_| ExpandError::Pattern {
        pattern: text.to_owned(),
    })
}

fn modifier(name: String, modifier: String) -> ExpandError {
    ExpandError::Modifier { name, modifier }
}
