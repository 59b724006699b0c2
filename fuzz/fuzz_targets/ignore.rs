//! Any bytes as an ignore file and a path: nothing panics, and a walk that prunes finds all that
//! is kept.
#![no_main]

use crossdock_dockerfile::{IgnorePatterns, IgnoreState};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // The last line is the path.
    let split = data.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
    let (file, path) = data.split_at(split);
    let path = path.strip_prefix(b"\n").unwrap_or(path);
    let Ok(patterns) = IgnorePatterns::parse(file) else {
        return;
    };
    let names: Vec<&[u8]> = path
        .split(|byte| *byte == b'/')
        .filter(|name| !matches!(*name, b"" | b"." | b".."))
        .collect();
    let mut state = IgnoreState::default();
    let mut pruned = false;
    for length in 1..=names.len() {
        let path = names[..length].join(&b'/');
        state = patterns.enter(&path, &state);
        assert!(!pruned || state.is_ignored());
        pruned |= patterns.can_prune(&path, &state);
    }
    let path = names.join(&b'/');
    assert_eq!(
        patterns.matches_or_parent_matches(&path),
        state.is_ignored()
    );
});
