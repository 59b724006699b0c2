//! The JSON form of arguments: `["a", "b"]`.

use crate::logical::{Slice, Word};

/// What an argument list in brackets turned out to be.
pub(crate) enum JsonForm {
    /// An array of strings.
    Strings(Vec<Word>),
    /// Not JSON: the shell form.
    NotJson,
    /// An array, but not of strings only.
    NotStrings,
}

/// Reads `rest` as an array of strings.
pub(crate) fn json_form(rest: Slice<'_>) -> JsonForm {
    let rest = rest.trim();
    if !rest.text().starts_with('[') {
        return JsonForm::NotJson;
    }
    let Ok(values) = serde_json::from_str::<Vec<serde_json::Value>>(rest.text()) else {
        return JsonForm::NotJson;
    };
    let places = string_places(rest.text());
    let mut words = Vec::with_capacity(values.len());
    for (index, value) in values.into_iter().enumerate() {
        let serde_json::Value::String(text) = value else {
            return JsonForm::NotStrings;
        };
        let (start, end) = places.get(index).copied().unwrap_or((0, rest.text().len()));
        words.push(rest.part(start, end).word_of(text));
    }
    JsonForm::Strings(words)
}

/// Where the strings of valid JSON start and end, quotes included.
fn string_places(text: &str) -> Vec<(usize, usize)> {
    let mut places = Vec::new();
    let mut open = None;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match (open, byte) {
            (None, b'"') => open = Some(at),
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(start), b'"') => {
                places.push((start, at + 1));
                open = None;
            }
            _ => {}
        }
    }
    places
}
