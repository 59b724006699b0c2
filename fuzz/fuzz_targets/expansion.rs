//! Any text as a word and as a here-document: expansion ends, in bounds.
#![no_main]

use crossdock_dockerfile::{Environment, Expander};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    // The first line is the value of a variable, the rest is the word.
    let (value, word) = text.split_once('\n').unwrap_or(("a/b*c", text));
    let mut environment = Environment::new(false);
    environment.set("a", value);
    environment.set("empty", "");
    for escape in ['\\', '`'] {
        if let Ok(expansion) = Expander::new(&environment, escape).expand(word) {
            assert!(expansion.words.iter().all(|word| !word.is_empty()));
            assert!(expansion.text.len() <= (1 << 20) + word.len());
        }
    }
    let _ = Expander::for_heredoc(&environment).expand(word);
});
