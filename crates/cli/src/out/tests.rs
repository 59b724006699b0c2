use super::*;

#[test]
fn text_comes_in_pieces() {
    let check = |pieces: &[&[u8]], expected: &str| {
        let mut text = Text::default();
        let mut found: String = pieces.iter().map(|piece| text.take(piece)).collect();
        found.push_str(&text.end());
        assert_eq!(found, expected, "{pieces:?}");
    };
    check(&[], "");
    check(&[b"a", b"", b"b\n"], "ab\n");
    check(&["日".as_bytes(), "本".as_bytes()], "日本");
    let kanji = "日本".as_bytes();
    for at in 0..kanji.len() {
        check(&[&kanji[..at], &kanji[at..]], "日本");
    }
    check(&[b"\xe6", b"\x97", b"\xa5"], "日");
    check(&[b"\xe6", b"a"], "\u{fffd}a");
    check(&[b"a\xff\xfeb\xe6\x97"], "a\u{fffd}\u{fffd}b\u{fffd}");
    check(&[b"\0\x1b"], "\0\x1b");
}
