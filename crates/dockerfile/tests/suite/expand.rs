//! Words: quotes, escapes, variables. Facts are those of BuildKit's shell lexer.

use crossdock_dockerfile::{Environment, Expander};

fn environment() -> Environment {
    let mut environment = Environment::new(false);
    for (name, value) in [
        ("HOME", "/root"),
        ("EMPTY", ""),
        ("NAME", "web"),
        ("FILE", "/srv/app/main.tar.gz"),
        ("STARS", "a**b*"),
        ("WIDE", " x  y "),
        ("UMLAUT", "grün"),
        ("LINES", "a\nb"),
    ] {
        environment.set(name, value);
    }
    environment
}

fn check(escape: char, word: &str, expected: Result<&str, &str>) {
    let environment = environment();
    let expansion = Expander::new(&environment, escape).expand(word);
    let shown = expansion.map(|e| e.text).map_err(|e| e.to_string());
    match expected {
        Ok(text) => assert_eq!(shown.as_deref(), Ok(text), "{word:?}"),
        Err(part) => {
            let error = shown.expect_err(word);
            assert!(error.contains(part), "{word:?}: {error:?} lacks {part:?}");
        }
    }
}

#[test]
fn quotes_and_escapes() {
    for (word, expected) in [
        ("plain", Ok("plain")),
        ("a'b'c", Ok("abc")),
        ("'$HOME'", Ok("$HOME")),
        ("\"$HOME\"", Ok("/root")),
        ("\"it's\"", Ok("it's")),
        ("'a\\b'", Ok("a\\b")),
        ("\"a\\b\"", Ok("a\\b")),
        ("\"a\\\"b\"", Ok("a\"b")),
        ("\"a\\\\b\"", Ok("a\\b")),
        ("a\\b", Ok("ab")),
        ("a\\ b", Ok("a b")),
        ("a\\\\b", Ok("a\\b")),
        ("end\\", Ok("end")),
        ("\\$HOME", Ok("$HOME")),
        ("\"\\$HOME\"", Ok("$HOME")),
        ("gr'ü'n", Ok("grün")),
        ("'open", Err("quote '")),
        ("\"open", Err("quote \"")),
        ("\"open\\\"", Err("quote \"")),
    ] {
        check('\\', word, expected);
    }
    for (word, expected) in [
        ("C:\\app\\bin", Ok("C:\\app\\bin")),
        ("C:\\$NAME", Ok("C:\\web")),
        ("`$NAME", Ok("$NAME")),
        ("a``b", Ok("a`b")),
        ("\"`\"\"", Ok("\"")),
    ] {
        check('`', word, expected);
    }
}

#[test]
fn variables() {
    for (word, expected) in [
        ("$HOME/x", Ok("/root/x")),
        ("${HOME}x", Ok("/rootx")),
        ("$HOMEx", Ok("")),
        ("$", Ok("$")),
        ("a$.b", Ok("a$.b")),
        ("$1a", Ok("a")),
        ("$$", Ok("")),
        ("$UMLAUT", Ok("grün")),
        ("${MISSING-a}", Ok("a")),
        ("${EMPTY-a}", Ok("")),
        ("${EMPTY:-a}", Ok("a")),
        ("${NAME:-a}", Ok("web")),
        ("${MISSING+a}", Ok("")),
        ("${EMPTY+a}", Ok("a")),
        ("${EMPTY:+a}", Ok("")),
        ("${NAME:+a}", Ok("a")),
        ("${MISSING:-${NAME}x}", Ok("webx")),
        ("${MISSING:-${NONE:-\"a b\"}}", Ok("a b")),
        ("${NAME:?no name}", Ok("web")),
        ("${EMPTY?no name}", Ok("")),
        ("${EMPTY:?no name}", Err("EMPTY: no name")),
        ("${MISSING?}", Err("MISSING: is not allowed to be unset")),
        ("${EMPTY:?}", Err("EMPTY: is not allowed to be empty")),
        ("${NAME", Err("closed by }")),
        ("${NAME:-x", Err("closed by }")),
        ("${NAME/x}", Err("closed by /")),
        ("${}", Err("bad substitution")),
        ("${:-x}", Err("bad substitution")),
        ("${{x}", Err("bad substitution")),
        ("${NAME=x}", Err("modifier = of ${NAME")),
        ("${NAME:=x}", Err("modifier := of ${NAME")),
        ("${NAME:#x}", Err("modifier :# of ${NAME")),
        ("${.}", Err("modifier .")),
    ] {
        check('\\', word, expected);
    }
}

#[test]
fn patterns() {
    for (word, expected) in [
        ("${FILE#*/}", Ok("srv/app/main.tar.gz")),
        ("${FILE##*/}", Ok("main.tar.gz")),
        ("${FILE%.*}", Ok("/srv/app/main.tar")),
        ("${FILE%%.*}", Ok("/srv/app/main")),
        ("${FILE%/*}", Ok("/srv/app")),
        ("${FILE#nothing}", Ok("/srv/app/main.tar.gz")),
        ("${FILE#}", Ok("/srv/app/main.tar.gz")),
        ("${FILE##}", Ok("/srv/app/main.tar.gz")),
        ("${NAME#?}", Ok("eb")),
        ("${NAME%$NAME}", Ok("")),
        ("${STARS#a\\*}", Ok("*b*")),
        ("${STARS%%\\**}", Ok("a")),
        ("${STARS%\\**}", Ok("a**b")),
        ("${UMLAUT%?n}", Ok("gr")),
        ("${LINES##*}", Ok("\nb")),
        ("${FILE/\\//_}", Ok("_srv/app/main.tar.gz")),
        ("${FILE//\\//_}", Ok("_srv_app_main.tar.gz")),
        ("${FILE//a?/-}", Ok("/srv/-p/m-n.t-.gz")),
        ("${FILE/main*/x}", Ok("/srv/app/x")),
        ("${NAME/nothing/x}", Ok("web")),
        ("${NAME//e/}", Ok("wb")),
        ("${NAME/e/$HOME}", Ok("w/rootb")),
        ("${NAME//e/\\}}", Ok("w\\}b")),
        ("${NAME/$EMPTY/x}", Ok("xweb")),
        ("${MISSING/a/b}", Ok("")),
        ("${NAME#\\x}", Err("invalid pattern")),
    ] {
        check('\\', word, expected);
    }
}

#[test]
fn words_are_cut_after_expansion() {
    let environment = environment();
    for (text, expected) in [
        ("a b", vec!["a", "b"]),
        ("a${WIDE}b", vec!["a", "x", "y", "b"]),
        ("a\"${WIDE}\"b", vec!["a x  y b"]),
        ("a\\ b c", vec!["a b", "c"]),
        ("$EMPTY", vec![]),
        ("'a b' c", vec!["a b", "c"]),
    ] {
        let expansion = Expander::new(&environment, '\\').expand(text);
        assert_eq!(expansion.expect(text).words, expected, "{text:?}");
    }
}

#[test]
fn names_that_were_looked_up_are_reported() {
    let environment = environment();
    let expansion = Expander::new(&environment, '\\')
        .expand("$NAME ${MISSING:-$OTHER} '$QUOTED' \\$ESCAPED")
        .expect("valid");
    assert_eq!(Vec::from_iter(&expansion.used), ["NAME"]);
    assert_eq!(Vec::from_iter(&expansion.unset), ["MISSING", "OTHER"]);
}

#[test]
fn here_documents_keep_their_quotes() {
    let environment = environment();
    let expand = |text: &str| {
        let expansion = Expander::for_heredoc(&environment).expand(text);
        expansion.expect(text).text
    };
    assert_eq!(expand("a=\"$NAME\" 'x'\n"), "a=\"web\" 'x'\n");
    assert_eq!(expand("\\$NAME `$NAME`\n"), "$NAME `web`\n");
    assert_eq!(expand("it's\n"), "it's\n");
}

#[test]
fn windows_names_have_no_case() {
    let mut environment = Environment::new(true);
    environment.set("Path", "a");
    environment.set("PATH", "b");
    assert_eq!(environment.to_config(), ["PATH=b"]);
    let expansion = Expander::new(&environment, '`').expand("%path%${path}");
    assert_eq!(expansion.expect("valid").text, "%path%b");
}

#[test]
fn bombs_are_refused() {
    let mut environment = Environment::new(false);
    environment.set("A", &"a".repeat(1 << 20));
    let check = |word: &str| {
        let error = Expander::new(&environment, '\\').expand(word).unwrap_err();
        assert!(error.to_string().contains("too large"), "{error}");
    };
    check(&"$A".repeat(32));
    check(&"${A:-".repeat(1000));
    check("${A//a/$A}");
    check("${A//*b*c*d/}");
}

#[test]
fn the_replacement_of_every_match_is_a_template_of_go() {
    let mut environment = environment();
    for (name, value) in [
        ("MATCH", "<$0>"),
        ("BRACES", "${0}!"),
        ("NAME", "a$x.b"),
        ("TWO", "$$"),
        ("LONE", "$ ${ ${}"),
        ("LONG", "$0x"),
    ] {
        environment.set(name, value);
    }
    environment.set("V", "a-b-c");
    for (word, expected) in [
        ("${V//-/$MATCH}", "a<->b<->c"),
        ("${V/-/$MATCH}", "a<$0>b-c"),
        ("${V//b*/$BRACES}", "a-b-c!"),
        ("${V//-/$NAME}", "aa.bba.bc"),
        ("${V//-/$TWO}", "a$b$c"),
        ("${V//-/$LONE}", "a$ ${ ${}b$ ${ ${}c"),
        ("${V//-/$LONG}", "abc"),
    ] {
        let expansion = Expander::new(&environment, '\\').expand(word);
        assert_eq!(expansion.map(|e| e.text).as_deref(), Ok(expected), "{word}");
    }
}
