//! Any text as a wildcard pattern and any bytes as a path: nothing panics, and a path that is
//! quoted matches itself.
#![no_main]

use crossdock_dockerfile::{GoPattern, match_path};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let split = data
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(data.len());
    let (pattern, path) = data.split_at(split);
    if let Ok(text) = std::str::from_utf8(pattern) {
        let result = match_path(text, path);
        if let Ok(pattern) = GoPattern::parse(text) {
            assert_eq!(result, Ok(pattern.matches(path)));
            pattern.matches_folded(path, |c| c.to_ascii_uppercase());
        }
        let quoted: String = text.chars().flat_map(|c| ['\\', c]).collect();
        assert_eq!(match_path(&quoted, text.as_bytes()), Ok(true));
    }
});
