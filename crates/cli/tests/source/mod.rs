//! Just enough of Rust's lexical structure to look for words in code.

/// `text` with the contents of comments, strings and characters replaced by spaces. Lines stay.
pub(crate) fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(length) = literal(rest, &code) {
            length
        } else {
            code.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        code.extend(
            rest[..length]
                .chars()
                .map(|c| if c == '\n' { '\n' } else { ' ' }),
        );
        rest = &rest[length..];
    }
    code
}

/// The length of the block comment that `text` starts with; they nest.
fn block_comment(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0);
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => (at, depth) = (at + 2, depth + 1),
            b"*/" => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// The length of the string or character that `text` starts with. `before` is the code so far: an
/// `r` at the end of a word starts no raw string.
fn literal(text: &str, before: &str) -> Option<usize> {
    let in_word = before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
    let prefix = text.len() - text.trim_start_matches(['b', 'c', 'r']).len();
    if prefix > 0 && in_word {
        return None;
    }
    let body = &text[prefix..];
    if prefix > 0 && text[..prefix].ends_with('r') {
        let hashes = body.len() - body.trim_start_matches('#').len();
        let end = format!("\"{}", "#".repeat(hashes));
        let content = body[hashes..].strip_prefix('"')?;
        let length = content
            .find(&end)
            .map_or(content.len(), |at| at + end.len());
        return Some(prefix + hashes + 1 + length);
    }
    match body.chars().next()? {
        '"' => Some(prefix + quoted(body, '"')),
        '\'' => {
            // A lifetime has no closing quote right after its first character.
            let mut characters = body.chars().skip(1);
            let first = characters.next()?;
            (first == '\\' || characters.next() == Some('\'')).then(|| prefix + quoted(body, '\''))
        }
        _ => None,
    }
}

/// The length of what `text` starts with, from one `quote` to the next that is not escaped.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if character == '\\' {
            escaped = true;
        } else if character == quote {
            return at + 1;
        }
    }
    text.len()
}

/// The words of `code` with their offsets.
pub(crate) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.split(move |c| !is_word(c))
        .filter(|word| !word.is_empty())
        .map(move |word| (word.as_ptr() as usize - code.as_ptr() as usize, word))
}

/// The line that `offset` is on, counted from 1.
fn line_at(code: &str, offset: usize) -> usize {
    code[..offset].matches('\n').count() + 1
}

/// The macros that `code` calls, each with its line.
pub(crate) fn macro_calls(code: &str) -> impl Iterator<Item = (usize, &str)> {
    words(code)
        .filter(|(at, word)| {
            let after = &code[at + word.len()..];
            after.starts_with('!') && !after.starts_with("!=")
        })
        .map(|(at, word)| (line_at(code, at), word))
}

/// The lines of `code` where something depends on the host's operating system: a `cfg` of it, or a
/// module of `std::os`.
pub(crate) fn host_conditions(code: &str) -> Vec<usize> {
    let mut lines = Vec::new();
    for (at, word) in words(code) {
        let after = code[at + word.len()..].trim_start_matches('!').trim_start();
        let condition = matches!(word, "cfg" | "cfg_attr") && after.starts_with('(');
        if condition
            && words(parenthesised(after))
                .any(|(_, word)| matches!(word, "unix" | "windows") || word.starts_with("target_"))
        {
            lines.push(line_at(code, at));
        }
        if word == "std" && after.starts_with("::os::") {
            lines.push(line_at(code, at));
        }
    }
    lines
}

/// What stands between the parentheses that `text` starts with.
fn parenthesised(text: &str) -> &str {
    let mut depth = 0;
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[..at];
        }
    }
    text
}

#[test]
fn comments_and_strings_are_no_code() {
    let check = |text: &str, found: &[&str]| {
        let code = code_of(text);
        assert_eq!(code.lines().count(), text.lines().count(), "{text:?}");
        let found_words: Vec<_> = words(&code).map(|(_, word)| word).collect();
        assert_eq!(found_words, found, "{text:?}");
    };
    check("a // b\nc", &["a", "c"]);
    check("a /* b /* c */ d */ e", &["a", "e"]);
    check(r#"a "b \" c" d"#, &["a", "d"]);
    check(r###"a r#"b " c"# d"###, &["a", "d"]);
    check(r#"a b"x" br"y\" c"z" e"#, &["a", "e"]);
    check(
        "a 'b' '\\'' '\\\\' 'c: for<'d> e",
        &["a", "c", "for", "d", "e"],
    );
    check("for x in bar\"b\"", &["for", "x", "in", "bar"]);
    check("'\"' a \"b\" 'é' c", &["a", "c"]);
}

#[test]
fn conditions_on_the_host_are_found() {
    let check = |code: &str, lines: &[usize]| assert_eq!(host_conditions(code), lines, "{code:?}");
    check("#[cfg(test)]\nmod tests;", &[]);
    check("#[cfg(unix)]\nfn f() {}\n#[cfg(not(windows))]", &[1, 3]);
    check("\nif cfg!(target_os = \"linux\") {}", &[2]);
    check("use std::os::unix::fs::MetadataExt;", &[1]);
    check("#[cfg(feature = \"x\")] fn windows() {}", &[]);
    check("#[cfg_attr(windows, path = \"a\")]", &[1]);
}

#[test]
fn macros_are_told_from_comparisons() {
    let found: Vec<_> = macro_calls("a != b; c!(d);\ne! {}").collect();
    assert_eq!(found, [(1, "c"), (2, "e")]);
}
