//! JSON as Go's `json.MarshalIndent` writes it.

use base64::Engine as _;
use serde::Serialize;

/// `value` with an indentation of two spaces; what HTML would take for its own is escaped.
pub(super) fn indented(value: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(value).expect("texts and numbers are JSON");
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                escaped.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// Bytes as Go writes them.
pub(super) fn bytes(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
