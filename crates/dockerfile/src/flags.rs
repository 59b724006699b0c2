//! Flags between the keyword and the arguments: `--name`, `--name=value`.

use crate::instruction::Flag;
use crate::logical::{Slice, Word};
use crate::parse_error::{ParseError, ParseReason};
use crate::suggest::nearest;

/// The flags of one instruction, taken out by name.
#[derive(Debug)]
pub(crate) struct Flags {
    given: Vec<Flag>,
}

/// Cuts the flags from the front of `rest`; `--` alone ends them.
pub(crate) fn split_flags(rest: Slice<'_>, escape: char) -> (Vec<Flag>, Slice<'_>) {
    let mut flags = Vec::new();
    let mut rest = rest.trim();
    while rest.text().starts_with("--") {
        let (word, length) = flag_word(rest.text(), escape);
        let place = rest.part(0, length).span();
        rest = rest.from(length);
        if word == "--" {
            break;
        }
        rest = rest.trim();
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word.as_str(), None),
        };
        flags.push(Flag {
            name: name.strip_prefix("--").unwrap_or(name).to_owned(),
            value,
            span: place,
        });
    }
    (flags, rest.trim())
}

/// The first word of `text` without quotes and escapes, and its length as written.
fn flag_word(text: &str, escape: char) -> (String, usize) {
    let mut word = String::new();
    let mut quote: Option<char> = None;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match quote {
            None if c.is_whitespace() => return (word, at),
            None if matches!(c, '\'' | '"') => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ if c == escape => word.extend(chars.next().map(|(_, next)| next)),
            _ => word.push(c),
        }
    }
    (word, text.len())
}

impl Flags {
    /// Checks that each of `given` is one of `known`, and that only `--exclude`, `--mount` and
    /// `--device` are repeated.
    pub(crate) fn new(
        keyword: &str,
        given: Vec<Flag>,
        known: &'static [&'static str],
    ) -> Result<Self, ParseError> {
        for (index, flag) in given.iter().enumerate() {
            if !known.contains(&flag.name.as_str()) {
                return Err(ParseError {
                    span: flag.span,
                    reason: ParseReason::UnknownFlag {
                        instruction: keyword.to_owned(),
                        flag: flag.name.clone(),
                        suggestion: nearest(&flag.name, known.iter().copied()),
                        known,
                    },
                });
            }
            let repeatable = matches!(flag.name.as_str(), "exclude" | "mount" | "device");
            if !repeatable && given[..index].iter().any(|other| other.name == flag.name) {
                return Err(ParseError {
                    span: flag.span,
                    reason: ParseReason::DuplicateFlag {
                        flag: flag.name.clone(),
                    },
                });
            }
        }
        Ok(Self { given })
    }

    /// The values of a flag that may be repeated.
    pub(crate) fn values(&self, name: &str) -> Result<Vec<Word>, ParseError> {
        let matching = self.given.iter().filter(|flag| flag.name == name);
        matching
            .map(|flag| match &flag.value {
                Some(value) => Ok(Word {
                    text: value.clone(),
                    span: flag.span,
                }),
                None => Err(missing_value(flag)),
            })
            .collect()
    }

    /// The value of a flag; an empty value counts as none, as in docker.
    pub(crate) fn value(&self, name: &str) -> Result<Option<Word>, ParseError> {
        let values = self.values(name)?;
        Ok(values.into_iter().find(|word| !word.text.is_empty()))
    }

    /// The value of a flag, even an empty one.
    pub(crate) fn given_value(&self, name: &str) -> Result<Option<Word>, ParseError> {
        Ok(self.values(name)?.into_iter().next())
    }

    /// `--name`, `--name=true`, `--name=false`.
    pub(crate) fn switch(&self, name: &str) -> Result<Option<bool>, ParseError> {
        let Some(flag) = self.given.iter().find(|flag| flag.name == name) else {
            return Ok(None);
        };
        match flag.value.as_deref() {
            None => Ok(Some(true)),
            Some("") => Err(missing_value(flag)),
            Some(value) if value.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(value) if value.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(value) => Err(ParseError {
                span: flag.span,
                reason: ParseReason::NotBoolean {
                    flag: flag.name.clone(),
                    value: value.to_owned(),
                },
            }),
        }
    }

    /// All of them.
    pub(crate) fn into_given(self) -> Vec<Flag> {
        self.given
    }
}

fn missing_value(flag: &Flag) -> ParseError {
    ParseError {
        span: flag.span,
        reason: ParseReason::MissingValue {
            flag: flag.name.clone(),
        },
    }
}
