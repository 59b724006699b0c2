//! Cutting the arguments of an instruction into words, quotes kept.

use crate::logical::{Slice, Word};

/// Cuts `rest` at white space outside quotes. Quotes stay, because expansion needs them; an escape
/// character takes the next character along, and one at the very end is dropped.
///
/// The rules are those of BuildKit's parser for `ENV`, `LABEL` and `ARG`.
pub(crate) fn quoted_words(rest: Slice<'_>, escape: char) -> Vec<Word> {
    let text = rest.text();
    let mut words = Vec::new();
    let mut chars = text.char_indices().peekable();
    let mut word = String::new();
    let mut start = 0;
    let mut inside = false;
    let mut quote: Option<char> = None;
    while let Some((at, c)) = chars.next() {
        if quote.is_none() && c.is_whitespace() {
            if inside {
                words.push(rest.part(start, at).word_of(std::mem::take(&mut word)));
            }
            inside = false;
            continue;
        }
        if !inside {
            start = at;
            inside = true;
        }
        if c == escape && quote != Some('\'') {
            let Some((_, next)) = chars.next() else {
                break;
            };
            word.push(c);
            word.push(next);
            continue;
        }
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '\'' | '"') => quote = Some(c),
            _ => {}
        }
        word.push(c);
    }
    if inside && !word.is_empty() {
        words.push(rest.part(start, text.len()).word_of(word));
    }
    words
}

/// Cuts a line into the ranges of a shell's words: white space separates them outside quotes,
/// and a word may go on after `<<` and spaces. `None` if a quote is never closed.
pub(crate) fn shell_words(text: &str) -> Option<Vec<(usize, usize)>> {
    let mut words = Vec::new();
    let mut chars = text.char_indices().peekable();
    let mut start: Option<usize> = None;
    let mut quote: Option<char> = None;
    while let Some((at, c)) = chars.next() {
        if quote.is_none() && c.is_whitespace() {
            if let Some(start) = start.take() {
                words.push((start, at));
            }
            continue;
        }
        start.get_or_insert(at);
        match quote {
            Some('\'') if c != '\'' => {}
            None | Some('"') if c == '\\' => {
                chars.next();
            }
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '\'' | '"') => quote = Some(c),
            None if c == '<' && chars.next_if(|(_, next)| *next == '<').is_some() => {
                chars.next_if(|(_, next)| *next == '-');
                while chars
                    .next_if(|(_, next)| matches!(next, ' ' | '\t' | '\r'))
                    .is_some()
                {}
            }
            None => {}
        }
    }
    if quote.is_some() {
        return None;
    }
    if let Some(start) = start {
        words.push((start, text.len()));
    }
    Some(words)
}
