use super::*;

#[test]
fn names() {
    let check = |bytes: &[u8], expected: &str| assert_eq!(shown(bytes), expected);
    check(b"plain name", "plain name");
    check("größe".as_bytes(), "größe");
    check(b"a\nb\x1b[2J", "a\\nb\\x1b[2J");
    check(b"caf\xe9 \xff", "caf\\xe9 \\xff");
    check("a\u{202e}b".as_bytes(), "a\\u{202e}b");
    check(b"", "");
}

#[test]
fn sizes() {
    let check = |bytes: u64, expected: &str| assert_eq!(human_size(bytes), expected, "{bytes}");
    check(0, "0");
    check(1023, "1023");
    check(1024, "1.0K");
    check(1025, "1.1K");
    check(10_137, "9.9K");
    check(10_138, "10K");
    check(1_047_552, "1023K");
    check(1_047_553, "1.0M");
    check(5 << 30, "5.0G");
    check(u64::MAX, "16E");
}

#[test]
fn modes() {
    let check = |kind, mode, expected: &str| assert_eq!(mode_letters(kind, mode), expected);
    check(EntryKind::File, 0o644, "-rw-r--r--");
    check(EntryKind::Directory, 0o1777, "drwxrwxrwt");
    check(EntryKind::Directory, 0o1776, "drwxrwxrwT");
    check(EntryKind::File, 0o4755, "-rwsr-xr-x");
    check(EntryKind::File, 0o4655, "-rwSr-xr-x");
    check(EntryKind::File, 0o2755, "-rwxr-sr-x");
    check(EntryKind::File, 0o2745, "-rwxr-Sr-x");
    check(EntryKind::Symlink, 0o777, "lrwxrwxrwx");
    check(EntryKind::CharDevice, 0o620, "crw--w----");
    check(EntryKind::BlockDevice, 0, "b---------");
    check(EntryKind::Fifo, 0o7000, "p--S--S--T");
}

#[test]
fn attributes() {
    let check = |bits, expected: &str| assert_eq!(attribute_letters(bits), expected);
    check(0, "------");
    check(0x10, "d-----");
    check(0x27, "-arhs-");
    check(0x410, "d----l");
}

#[test]
fn times() {
    let check = |seconds, nanoseconds, is_full, expected: &str| {
        let time = Timestamp {
            seconds,
            nanoseconds,
        };
        assert_eq!(time_text(Some(time), is_full), expected);
    };
    check(1_795_545_600, 5, false, "2026-11-24 18:40");
    check(
        1_795_545_600,
        5,
        true,
        "2026-11-24 18:40:00.000000005 +0000",
    );
    check(-1, 0, false, "1969-12-31 23:59");
    check(i64::MAX, 0, false, "9999-12-31 23:59");
    assert_eq!(time_text(None, true), "-");
}
