use super::{BashLine, fish_value};

#[test]
fn lines_of_bash() {
    let check = |line: &str, replaced: &str, words: &[&str], inserted: &[(&str, &str)]| {
        let read = BashLine::read(line, replaced);
        assert_eq!(read.words, words, "{line}");
        for (candidate, expected) in inserted {
            let text = read.inserted(candidate);
            assert_eq!(text.as_deref().unwrap_or("none"), *expected, "{line}");
        }
    };
    check("crossdock ", "", &["crossdock", ""], &[("ls", "ls")]);
    check("crossdock", "crossdock", &["crossdock"], &[]);
    // A colon ends what bash keeps.
    check(
        "crossdock  ls deb:1",
        "1",
        &["crossdock", "ls", "deb:1"],
        &[("deb:12", "12"), ("other:1", "none")],
    );
    check(
        "c ls a:/x\\ y/",
        "/x\\ y/",
        &["c", "ls", "a:/x y/"],
        &[("a:/x y/(z", "/x\\ y/\\(z"), ("a:/x y/z'", "/x\\ y/z\\'")],
    );
    check(
        "c ls w 'C:\\Wi",
        "C:\\Wi",
        &["c", "ls", "w", "C:\\Wi"],
        &[
            ("C:\\Windows\\", "C:\\Windows\\"),
            ("C:\\it's", "C:\\it'\\''s"),
        ],
    );
    check(
        "c ls w \"C:\\Wi \\\\",
        "C:\\Wi \\\\",
        &["c", "ls", "w", "C:\\Wi \\"],
        &[("C:\\Wi \\a$", "C:\\\\Wi \\\\a\\$")],
    );
    check(
        "c ls C:\\\\W",
        "\\\\W",
        &["c", "ls", "C:\\W"],
        &[("C:\\Win", "\\\\Win")],
    );
    check("c ~/x", "~/x", &["c", "~/x"], &[("~/x y", "~/x\\ y")]);
    check("c x", "x", &["c", "x"], &[("~x", "\\~x"), ("a~", "a~")]);
    check("c --a=b", "b", &["c", "--a=b"], &[("--a=bc", "bc")]);
    // What bash says does not fit the line: the whole word is taken.
    check("c ab", "zz", &["c", "ab"], &[("abc", "abc")]);
    check("", "", &[""], &[]);
    check("c é\\", "é\\", &["c", "é"], &[("éa", "éa")]);
}

#[test]
fn words_of_fish() {
    for (text, value) in [
        ("", ""),
        ("a\\ b", "a b"),
        ("'C:\\Wi", "C:\\Wi"),
        ("'C:\\\\Wi\\'", "C:\\Wi'"),
        ("\"a\\$b\\c\"d", "a$b\\cd"),
        ("a\\", "a"),
    ] {
        assert_eq!(fish_value(text), value, "{text}");
    }
}
