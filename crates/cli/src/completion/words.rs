//! Words of command lines as shells write them, taken out of their quotes and put back.

use std::ffi::OsString;

/// Characters that mean something to bash where they stand unquoted. A colon is none.
const BASH_SPECIAL: &str = " \t\\'\"`$&;|<>()*?[]{}!#";

/// A command line of bash up to the cursor.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BashLine {
    words: Vec<String>,
    /// What stands in front of the part of the last word that is replaced.
    kept: String,
    /// The quote in which that part begins.
    quote: Option<char>,
    /// The word begins with a tilde that bash expands.
    has_tilde: bool,
}

impl BashLine {
    /// Reads a line, and `replaced`, the end of it that bash replaces.
    pub(super) fn read(line: &str, replaced: &str) -> Self {
        let mut words = Vec::new();
        let mut rest = line;
        let last = loop {
            rest = rest.trim_start_matches(is_blank);
            let scanned = scan(rest);
            if scanned.length == rest.len() {
                words.push(scanned.value);
                break rest;
            }
            words.push(scanned.value);
            rest = &rest[scanned.length..];
        };
        let kept = scan(last.strip_suffix(replaced).unwrap_or(""));
        Self {
            words,
            kept: kept.value,
            quote: kept.quote,
            has_tilde: last.starts_with('~'),
        }
    }

    /// The words; the last is what is completed.
    pub(super) fn words(&self) -> Vec<OsString> {
        self.words.iter().map(OsString::from).collect()
    }

    /// What is inserted for a candidate: its end, quoted as the word is.
    pub(super) fn inserted(&self, candidate: &str) -> Option<String> {
        let end = candidate.strip_prefix(&*self.kept)?;
        let mut text = String::new();
        for (place, character) in end.char_indices() {
            let is_tilde = character == '~' && place == 0 && self.kept.is_empty();
            match self.quote {
                Some('\'') if character == '\'' => text.push_str("'\\'"),
                Some('"') if "\\\"$`".contains(character) => text.push('\\'),
                None if BASH_SPECIAL.contains(character) => text.push('\\'),
                None if is_tilde && !self.has_tilde => text.push('\\'),
                _ => {}
            }
            text.push(character);
        }
        Some(text)
    }
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n')
}

/// The word at the beginning of a text.
struct Scanned {
    value: String,
    length: usize,
    /// The quote that is open at its end.
    quote: Option<char>,
}

fn scan(text: &str) -> Scanned {
    let mut value = String::new();
    let mut quote = None;
    let mut characters = text.char_indices().peekable();
    let mut length = text.len();
    while let Some((place, character)) = characters.next() {
        match (quote, character) {
            (None, character) if is_blank(character) => {
                length = place;
                break;
            }
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), character) if open == character => quote = None,
            (None, '\\') => value.extend(characters.next().map(|(_, next)| next)),
            (Some('"'), '\\') => {
                let escaped = characters.next_if(|(_, next)| "\\\"$`".contains(*next));
                value.push(escaped.map_or('\\', |(_, next)| next));
            }
            _ => value.push(character),
        }
    }
    Scanned {
        value,
        length,
        quote,
    }
}

/// A word of fish that is not written to its end, without its quotes.
pub(super) fn fish_value(text: &str) -> String {
    let mut value = String::new();
    let mut quote = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), character) if open == character => quote = None,
            (None, '\\') => value.extend(characters.next()),
            (Some(open), '\\') => {
                let is_escaped =
                    |next: &char| *next == '\\' || *next == open || (open == '"' && *next == '$');
                value.push(characters.next_if(is_escaped).unwrap_or('\\'));
            }
            _ => value.push(character),
        }
    }
    value
}

#[cfg(test)]
mod tests;
