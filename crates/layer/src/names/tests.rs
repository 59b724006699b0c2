use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Encodes and decodes one name.
fn check(linux: impl AsRef<[u8]>, stored: &str) {
    let linux = linux.as_ref();
    let encoded = encode_component(linux);
    assert_eq!(String::from_utf8(encoded.clone()).unwrap(), stored);
    assert_eq!(decode_component(&encoded), linux);
}

#[test]
fn names_that_need_no_encoding() {
    for name in [
        "a", ".bashrc", "..a", "a b", " a", "naïve", "日本", "🦀", "~$x", "\u{7f}", "\u{F000}",
        "\u{F100}",
    ] {
        check(name, name);
    }
}

#[test]
fn names_that_are_encoded() {
    check("gcc-10-base:amd64.list", "gcc-10-base\u{F03A}amd64.list");
    check("a*b?", "a\u{F02A}b\u{F03F}");
    check("back\\slash", "back\u{F05C}slash");
    check("trail.", "trail\u{F02E}");
    check("trail ", "trail\u{F020}");
    check("\t", "\u{F009}");
    check("\"", "\u{F022}");
    check("|", "\u{F07C}");
    check("<>", "\u{F03C}\u{F03E}");
    check("\x01\x1f", "\u{F001}\u{F01F}");
    // Only the last of a run: what precedes it is no longer at the end.
    check("a...", "a..\u{F02E}");
    check("a. .", "a. \u{F02E}");
    check("...", "..\u{F02E}");
    check(" ", "\u{F020}");
    // Bytes that are not UTF-8, also a surrogate and an overlong form.
    check(b"caf\xe9", "caf\u{F0E9}");
    check(b"\xff.", "\u{F0FF}\u{F02E}");
    check(b"\xed\xa0\x80", "\u{F0ED}\u{F0A0}\u{F080}");
    check(b"\xc0\xaf", "\u{F0C0}\u{F0AF}");
    check(b"\xe6\x97", "\u{F0E6}\u{F097}");
    // What already looks encoded.
    check("a\u{F03A}", "a\u{F0EF}\u{F080}\u{F0BA}");
    check(
        "\u{F001}\u{F0FF}",
        "\u{F0EF}\u{F080}\u{F081}\u{F0EF}\u{F083}\u{F0BF}",
    );
}

#[test]
fn encoded_bytes() {
    assert_eq!(encode_component(b":"), [0xEF, 0x80, 0xBA]);
    assert_eq!(encode_component(b"\\"), [0xEF, 0x81, 0x9C]);
    assert_eq!(encode_component(b"|"), [0xEF, 0x81, 0xBC]);
}

#[test]
fn stored_names_that_nothing_encodes_to_stay() {
    for name in [
        "\u{F02E}",
        ".\u{F02E}",
        "a\u{F02F}b",
        "\u{F02E}a",
        "a\u{F02E}\u{F02E}",
        "a\u{F041}",
        "\u{F0C3}\u{F0A9}",
        "a\u{F03A}.",
        "a:\u{F03A}",
        "\u{F000}\u{F03A}\u{F080} ",
        "a\0\u{F03A}",
        "a/\u{F03A}",
    ] {
        assert_eq!(
            decode_component(name.as_bytes()),
            name.as_bytes(),
            "{name:?}"
        );
    }
    assert_eq!(decode_component(b"\xef\x80\xba\xff"), b"\xef\x80\xba\xff");
    assert_eq!(decode_component(b""), b"");
}

#[test]
fn paths() {
    for (linux, stored) in [
        ("", ""),
        ("a:/b./c", "a\u{F03A}/b\u{F02E}/c"),
        ("/a//b:/", "/a//b\u{F03A}/"),
        ("./../a", "./../a"),
    ] {
        assert_eq!(encode_path(linux.as_bytes()), stored.as_bytes());
        assert_eq!(decode_path(stored.as_bytes()), linux.as_bytes());
    }
}

#[test]
fn devices() {
    for name in [
        "CON",
        "con",
        "Prn.txt",
        "aux.tar.gz",
        "NUL ",
        "nul .txt",
        "COM1",
        "lpt9.x",
        "COM¹",
        "lpt³.a",
        "CONIN$",
        "conout$",
        "clock$",
    ] {
        assert!(is_reserved_device(name.as_bytes()), "{name}");
    }
    for name in [
        "", ".", "CONS", "COM", "COM0", "COM10", "COM⁴", "LPT", "LPT1a", ".con", "a.con", " con",
    ] {
        assert!(!is_reserved_device(name.as_bytes()), "{name}");
    }
}

#[test]
fn lengths() {
    for (name, length) in [("", 0), ("ab", 2), ("é", 1), ("日", 1), ("🦀", 2)] {
        assert_eq!(utf16_len(name.as_bytes()), length, "{name}");
    }
    assert_eq!(utf16_len(b"a\xff\xe6\x97"), 4);
}

#[test]
fn stored_names_are_checked() {
    let refused = |name: &[u8]| check_windows_component(name).unwrap_err().to_string();
    for name in ["a", "CON", "a.", "a ", "日", "\u{F03A}", "..."] {
        check_windows_component(name.as_bytes()).unwrap();
    }
    check_windows_component("🦀".repeat(127).as_bytes()).unwrap();
    check_windows_component("日".repeat(255).as_bytes()).unwrap();
    assert_eq!(refused(b""), "\"\" is not a file name");
    assert_eq!(refused(b".."), "\"..\" is not a file name");
    for name in ["a/b", "a\\b", "a\0"] {
        assert!(refused(name.as_bytes()).ends_with("holds a separator or NUL"));
    }
    assert_eq!(
        refused(b"a:b"),
        "file name \"a:b\" holds ':', which Windows refuses"
    );
    assert_eq!(
        refused(b"\x1f"),
        "file name \"\\u{1f}\" holds '\\u{1f}', which Windows refuses"
    );
    assert!(refused(b"\xff").ends_with("is not UTF-8"));
    let long = refused("🦀".repeat(128).as_bytes());
    assert!(
        long.ends_with("has 256 UTF-16 units; Windows stores at most 255"),
        "{long}"
    );
}

/// The name after a collision in a folder that holds `taken`.
fn check_rename(name: &[u8], taken: &[&str], stored: &str) {
    let is_taken = |candidate: &[u8]| {
        let equal = |other: &&str| eq_ignore_case(other.as_bytes(), candidate);
        taken.iter().any(equal)
    };
    let renamed = rename_collision(name, &is_taken);
    assert_eq!(String::from_utf8_lossy(&renamed), stored);
    assert!(is_rename_of(&renamed, name));
    assert!(!is_rename_of(&renamed, b"another"));
    check_windows_component(&renamed).unwrap();
}

#[test]
fn collisions() {
    // printf makefile | sha256sum: beda4257…
    check_rename(b"makefile", &[], "makefile~beda");
    check_rename(b"makefile", &["MAKEFILE~beda"], "makefile~beda4");
    check_rename(
        b"makefile",
        &["makefile~beda", "makefile~beda4"],
        "makefile~beda42",
    );
    // The hash is of the Linux name, the start is of the encoded one.
    check_rename(b"a:", &[], "a\u{F03A}~bfc6");
    let long = "é".repeat(255);
    check_rename(long.as_bytes(), &[], &format!("{}~2a1d", "é".repeat(250)));
    let wide = "🦀".repeat(127);
    check_rename(wide.as_bytes(), &[], &format!("{}~a1ca", "🦀".repeat(125)));
    let all = rename_collision(b"makefile", &|_| true);
    assert_eq!(all.len(), "makefile~".len() + 64);
    assert!(is_rename_of(&all, b"makefile"));
}

#[test]
fn names_that_are_not_renames() {
    for stored in [
        "makefile",
        "makefile~",
        "makefile~bed",
        "makefile~ffff",
        "Makefile~beda",
        "~beda",
    ] {
        assert!(!is_rename_of(stored.as_bytes(), b"makefile"), "{stored}");
    }
    assert!(!is_rename_of(
        &[b"makefile~", &[b'0'; 65][..]].concat(),
        b"makefile"
    ));
}

#[test]
fn shortening() {
    assert_eq!(shorten_for_linux("日".repeat(85).as_bytes()), None);
    let long = "日".repeat(86);
    let short = shorten_for_linux(long.as_bytes()).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&short),
        format!("{}~bd6e4fa4fe355591", "日".repeat(79))
    );
    assert!(is_shortening_of(&short, long.as_bytes()));
    assert!(!is_shortening_of(&short, "日".repeat(87).as_bytes()));
    assert!(!is_shortening_of(b"a", b"a"));
}

/// A link text on Linux, and the same on Windows.
fn check_link(linux: &str, windows: &str) {
    let stored = link_to_windows(linux.as_bytes());
    assert_eq!(String::from_utf8_lossy(&stored), windows);
    assert_eq!(link_to_linux(&stored).as_deref(), Some(linux.as_bytes()));
}

#[test]
fn links() {
    check_link("../usr/lib/os-release", "..\\usr\\lib\\os-release");
    check_link("usr/bin", "usr\\bin");
    check_link("/usr/lib64", "\\usr\\lib64");
    check_link("/", "\\");
    check_link(".", ".");
    check_link("./..", ".\\..");
    check_link("a/", "a\\");
    check_link("C:/x", "C\u{F03A}\\x");
    check_link("C:", "C\u{F03A}");
    check_link("\\\\server\\x", "\u{F05C}\u{F05C}server\u{F05C}x");
    check_link("/??/C:/x", "\\\u{F03F}\u{F03F}\\C\u{F03A}\\x");
    check_link("a./b", "a\u{F02E}\\b");
    check_link("pipe:[1]", "pipe\u{F03A}[1]");
}

#[test]
fn links_that_do_not_come_back() {
    for (linux, windows, back) in [
        ("//server/x", "\\server\\x", "/server/x"),
        ("///", "\\", "/"),
        ("a//b///", "a\\b\\", "a/b/"),
    ] {
        let stored = link_to_windows(linux.as_bytes());
        assert_eq!(stored, windows.as_bytes());
        assert_eq!(link_to_linux(&stored).as_deref(), Some(back.as_bytes()));
    }
    assert_eq!(link_to_linux(&link_to_windows(b"")), None);
}

#[test]
fn links_of_windows() {
    for (windows, linux) in [
        (r"C:\bin\b.exe", Some("/bin/b.exe")),
        (r"c:\bin", Some("/bin")),
        (r"C:/bin/x", Some("/bin/x")),
        (r"C:\", Some("/")),
        (r"C:\\a\\b", Some("/a/b")),
        (r"\a\b", Some("/a/b")),
        (r"\\?\C:\x", Some("/x")),
        (r"\??\C:\x", Some("/x")),
        (r"..\a", Some("../a")),
        ("a/b", Some("a/b")),
        (r"a\", Some("a/")),
        (r"a:stream", None),
        (r"ab:stream", Some("ab:stream")),
        ("a\u{F03A}\\b", Some("a:/b")),
        ("", None),
        (r"C:", None),
        (r"C:x", None),
        (r"D:\x", None),
        (r"\\server\share\x", None),
        ("//server/share", None),
        (r"\\?\UNC\server\share", None),
        (r"\\?\D:\x", None),
        (r"\\?\C:", None),
        (r"\??\Volume{b75e2c83-0000-0000-0000-602f00000000}\x", None),
        (r"\\?\Volume{b75e2c83-0000-0000-0000-602f00000000}\", None),
        (r"\\.\C:\x", None),
        (r"\\?\", None),
    ] {
        let found = link_to_linux(windows.as_bytes());
        assert_eq!(found.as_deref(), linux.map(str::as_bytes), "{windows}");
    }
}

/// Names that lean towards what is special.
fn names() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        any::<char>().prop_map(|character| character.to_string().into_bytes()),
        (0xEFF0..0xF110u32)
            .prop_map(|code| { char::from_u32(code).unwrap_or('x').to_string().into_bytes() }),
        vec(any::<u8>(), 1..4),
        prop_oneof![". ", "..", "a", ":", "~"].prop_map(String::into_bytes),
    ];
    vec(part, 1..12).prop_map(|parts| {
        let mut name = parts.concat();
        name.retain(|byte| !matches!(byte, 0 | b'/'));
        name
    })
}

proptest! {
    #[test]
    fn encoding_is_reversible(name in names()) {
        let stored = encode_component(&name);
        prop_assert_eq!(decode_component(&stored), &name[..]);
        if !matches!(&name[..], b"" | b"." | b"..") && utf16_len(&stored) <= MAX_WINDOWS_UNITS {
            prop_assert_eq!(check_windows_component(&stored), Ok(()));
            prop_assert!(!matches!(stored.last(), Some(b'.' | b' ')));
        }
        prop_assert!(utf16_len(&stored) <= name.len());
    }

    #[test]
    fn decoding_is_safe_and_reversible(stored in names()) {
        let name = decode_component(&stored);
        prop_assert!(!name.contains(&b'/') && !name.contains(&0));
        if name != stored {
            prop_assert_eq!(encode_component(&name), stored);
            prop_assert!(!matches!(&name[..], b"" | b"." | b".."));
        }
    }

    #[test]
    fn link_texts_come_back(components in vec(names(), 1..5), rooted: bool, slash: bool) {
        let mut text = components.join(&b'/');
        if rooted { text.insert(0, b'/'); }
        if slash { text.push(b'/'); }
        text.dedup_by(|left, right| (*left, *right) == (b'/', b'/'));
        prop_assume!(!text.is_empty());
        let stored = link_to_windows(&text);
        prop_assert!(std::str::from_utf8(&stored).is_ok());
        prop_assert_eq!(link_to_linux(&stored), Some(text));
    }

    #[test]
    fn any_link_of_windows_is_read(text: Vec<u8>) {
        if let Some(linux) = link_to_linux(&text) {
            prop_assert!(!linux.windows(2).any(|pair| pair == b"//"));
        }
    }

    #[test]
    fn renames_are_recognised(name in names(), other in names(), free in 0..70usize) {
        let tries = std::cell::Cell::new(0);
        let renamed = rename_collision(&name, &|_| {
            tries.set(tries.get() + 1);
            tries.get() <= free
        });
        prop_assert!(is_rename_of(&renamed, &name));
        prop_assert!(name == other || !is_rename_of(&renamed, &other));
        prop_assert!(utf16_len(&renamed) <= MAX_WINDOWS_UNITS);
    }

    #[test]
    fn short_names_are_short(name in vec(names(), 1..60)) {
        let name = name.concat();
        match shorten_for_linux(&name) {
            None => prop_assert!(name.len() <= MAX_LINUX_BYTES),
            Some(short) => {
                prop_assert!(short.len() <= MAX_LINUX_BYTES);
                prop_assert!(is_shortening_of(&short, &name));
            }
        }
    }
}
