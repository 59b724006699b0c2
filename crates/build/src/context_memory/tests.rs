use super::*;

/// A file that was last changed `age` seconds before `NOW`.
fn state(inode: u64, age: i64) -> FileState {
    FileState {
        identity: FileIdentity {
            device: 1,
            inode,
            changed: (NOW - age, 500),
        },
        size: 7,
        modified: (NOW - age - 1, 999_999_999),
    }
}

const NOW: i64 = 1_700_000_000;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW as u64)
}

#[test]
fn only_what_has_settled_is_remembered() {
    let check = |state: FileState, expected: bool| {
        let mut memory = ContextMemory::default();
        memory.learn(b"a", state, [1; 32], now());
        assert_eq!(memory.has_changed(), expected, "{state:?}");
        assert_eq!(memory.recall(b"a", &state).is_some(), expected, "{state:?}");
    };
    check(state(1, 100), true);
    check(state(1, 3), true);
    // In the last two seconds, and in the future.
    check(state(1, 2), false);
    check(state(1, 0), false);
    check(state(1, -100), false);
    // An old file whose inode has just changed: its content may have been replaced, and its time
    // set back.
    let mut replaced = state(1, 100);
    replaced.identity.changed = (NOW - 1, 0);
    check(replaced, false);
    let mut ancient = state(1, 100);
    ancient.modified = (-5, 0);
    check(ancient, true);
    ancient.modified = (i64::MAX, 0);
    check(ancient, false);
}

#[test]
fn a_changed_file_is_not_recalled() {
    let known = state(1, 100);
    let mut memory = ContextMemory::default();
    memory.learn(b"a", known, [1; 32], now());
    let check = |path: &[u8], change: &dyn Fn(&mut FileState), expected: bool| {
        let mut asked = known;
        change(&mut asked);
        assert_eq!(memory.recall(path, &asked).is_some(), expected, "{asked:?}");
    };
    check(b"a", &|_| {}, true);
    check(b"b", &|_| {}, false);
    check(b"a", &|state| state.size = 8, false);
    check(b"a", &|state| state.modified.1 = 0, false);
    check(b"a", &|state| state.identity.inode = 2, false);
    check(b"a", &|state| state.identity.device = 2, false);
    check(b"a", &|state| state.identity.changed.1 = 600, false);
}

#[test]
fn bytes_come_back_and_damage_is_an_empty_memory() {
    let mut memory = ContextMemory::default();
    memory.learn(b"b/c", state(2, 50), [2; 32], now());
    memory.learn(b"a", state(1, 100), [1; 32], now());
    memory.learn(b"gone", state(3, 100), [3; 32], now());
    memory.keep(|path| path != b"gone");
    let bytes = memory.to_bytes();
    let read = ContextMemory::parse(&bytes);
    assert!(!read.has_changed());
    assert_eq!(read.recall(b"a", &state(1, 100)), Some([1; 32]));
    assert_eq!(read.recall(b"b/c", &state(2, 50)), Some([2; 32]));
    assert_eq!(read.recall(b"gone", &state(3, 100)), None);
    assert_eq!(read.to_bytes(), bytes);
    for length in 0..bytes.len() {
        let cut = ContextMemory::parse(&bytes[..length]);
        assert!(cut.files.len() < 2, "cut to {length}");
    }
}
