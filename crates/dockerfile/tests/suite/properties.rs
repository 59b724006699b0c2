//! Properties: nothing panics, places are right, matching agrees with a naive reference.

use std::collections::BTreeMap;

use crossdock_dockerfile::{
    Dockerfile, Environment, Expander, IgnorePatterns, IgnoreState, LineRole, NamedContext,
    Options, PathRules, Source, check_file, lower, match_path, outline,
};
use proptest::prelude::*;

/// Pieces that make parsers stumble, and ordinary text between them.
fn dockerfile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("FROM scratch AS a\n"),
        Just("FROM a\n"),
        Just("COPY "),
        Just("COPY --from=a --chown=$X "),
        Just("ADD [\"a\", \"b\"]\n"),
        Just("RUN "),
        Just("RUN --mount=type=secret,id=$A,from="),
        Just("ADD --checksum=$X --unpack https://x/y.git#"),
        Just("# check=experimental=all\n"),
        Just("# a b\n"),
        Just("COPY --from=files --parents "),
        Just("ENV A=$B "),
        Just("ARG A="),
        Just("ONBUILD "),
        Just("WORKDIR C:\\"),
        Just("HEALTHCHECK --retries=1 CMD "),
        Just("# escape=`\n"),
        Just("# check=skip=all\n"),
        Just("<<A"),
        Just("<<-\"B\" "),
        Just("A\n"),
        Just("\tB\n"),
        Just("\\\n"),
        Just("`\r\n"),
        Just("\n"),
        Just("# x\n"),
        Just("$"),
        Just("${A:-"),
        Just("${A//"),
        Just("}"),
        Just("\""),
        Just("'"),
        Just("["),
        Just("]"),
        Just("*"),
        Just("/"),
        Just(" a"),
        Just("ü"),
        Just("\u{feff}"),
        Just("\u{0}"),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn check_places(file: &Dockerfile) {
    let bytes = file.source().bytes();
    let mut at = 0;
    for line in file.lines() {
        assert_eq!(line.span.start, at, "lines tile the source");
        assert!(line.span.end > at);
        at = line.span.end;
        if let LineRole::Instruction(index) = line.role {
            let span = file.instructions()[index].span;
            assert!(line.span.start < span.end && span.start < line.span.end);
        }
    }
    assert_eq!(at, bytes.len(), "lines tile the source");
    let mut end = 0;
    for instruction in file.instructions() {
        let (span, statement) = (instruction.span, instruction.statement);
        assert!(end <= span.start && span.start == statement.start);
        assert!(statement.start < statement.end && statement.end <= span.end);
        end = span.end;
        let keyword = instruction.keyword.span;
        assert!(span.start <= keyword.start && keyword.end <= statement.end);
        for heredoc in &instruction.heredocs {
            assert!(heredoc.name.span.end <= statement.end);
            assert!(statement.end <= heredoc.body.start && heredoc.body.end <= span.end);
        }
    }
    assert!(end <= bytes.len());
}

fn parse_and_lower(bytes: &[u8]) {
    let source = Source::new("Dockerfile", bytes);
    let file = match Dockerfile::parse("Dockerfile", bytes) {
        Ok(file) => file,
        Err(error) => {
            assert!(error.span.start <= error.span.end && error.span.end <= bytes.len() + 1);
            error.diagnostic().render(&source);
            return;
        }
    };
    check_places(&file);
    for warning in file.warnings() {
        warning.render(&source);
    }
    for platform in ["linux/amd64", "windows/amd64"] {
        let mut options = Options::new(platform.parse().expect("valid"));
        options.contexts = [("a", "files"), ("files", "1")]
            .map(|(name, stage)| (name.to_owned(), NamedContext::Stage(stage.to_owned())))
            .into();
        let report = check_file(&file, &options, &BTreeMap::new());
        report.to_text();
        serde_json::from_str::<serde_json::Value>(&report.to_json()).expect("JSON");
        if let Ok(outline) = outline(&file, &options, &BTreeMap::new()) {
            outline.to_text();
        }
        if let Err(error) = lower(&file, &options, &BTreeMap::new()) {
            assert!(error.span.end <= bytes.len());
            error.diagnostic().render(&source);
        }
    }
}

/// `filepath.Match` by definition: every way to cut the path is tried. Without brackets.
fn naive(pattern: &[char], path: &[char]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, _) => path.is_empty(),
        (Some(('*', rest)), _) => {
            let longest = path.iter().take_while(|c| **c != '/').count();
            (0..=longest).any(|length| naive(rest, &path[length..]))
        }
        (Some(('?', rest)), Some((c, tail))) => *c != '/' && naive(rest, tail),
        (Some((literal, rest)), Some((c, tail))) => literal == c && naive(rest, tail),
        (Some(_), None) => false,
    }
}

/// An ignore pattern by definition, for cleaned patterns of names, `*`, `?` and `**`: the regular
/// expression that moby makes, tried in every way.
fn naive_ignore(pattern: &[char], path: &[char]) -> bool {
    if pattern.starts_with(&['*', '*']) {
        let rest = &pattern[2..];
        let rest = rest.strip_prefix(&['/']).unwrap_or(rest);
        if rest.is_empty() {
            return true;
        }
        let slashes = (0..path.len()).filter(|at| path[*at] == '/');
        let starts = std::iter::once(0).chain(slashes.map(|at| at + 1));
        return starts.into_iter().any(|at| naive_ignore(rest, &path[at..]));
    }
    match (pattern.split_first(), path.split_first()) {
        (None, _) => path.is_empty(),
        (Some(('*', rest)), _) => {
            let longest = path.iter().take_while(|c| **c != '/').count();
            (0..=longest).any(|length| naive_ignore(rest, &path[length..]))
        }
        (Some(('?', rest)), Some((c, tail))) => *c != '/' && naive_ignore(rest, tail),
        (Some((literal, rest)), Some((c, tail))) => literal == c && naive_ignore(rest, tail),
        (Some(_), None) => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parsing_never_panics(text in dockerfile(), start in any::<bool>()) {
        let text = if start { format!("FROM scratch\n{text}") } else { text };
        parse_and_lower(text.as_bytes());
    }

    #[test]
    fn parsing_bytes_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        parse_and_lower(&bytes);
        let mut file = b"FROM a\nCOPY ".to_vec();
        file.extend_from_slice(&bytes);
        parse_and_lower(&file);
    }

    #[test]
    fn expansion_never_panics(word in "[$a{}:/#%*?+'\"\\\\`-]{0,24}") {
        let mut environment = Environment::new(false);
        environment.set("a", "a/b*c");
        let result = Expander::new(&environment, '\\').expand(&word);
        if let Ok(expansion) = result {
            prop_assert!(expansion.words.iter().all(|word| !word.is_empty()));
        }
        let _ = Expander::for_heredoc(&environment).expand(&word);
    }

    #[test]
    fn text_without_special_characters_expands_to_itself(word in "[a-zA-Z0-9 ./:_-]{0,40}") {
        let environment = Environment::new(false);
        let expansion = Expander::new(&environment, '\\').expand(&word).expect("plain");
        prop_assert_eq!(&expansion.text, &word);
        let words: Vec<&str> = word.split_whitespace().collect();
        prop_assert_eq!(expansion.words, words);
    }

    #[test]
    fn matching_agrees_with_the_definition(pattern in "[ab/*?]{0,10}", path in "[ab/]{0,10}") {
        let chars = |text: &str| text.chars().collect::<Vec<char>>();
        let expected = naive(&chars(&pattern), &chars(&path));
        prop_assert_eq!(match_path(&pattern, path.as_bytes()).ok(), Some(expected));
    }

    #[test]
    fn matching_never_panics(pattern in "[a\\[\\]^*?\\\\/-]{0,12}", path in any::<Vec<u8>>()) {
        let _ = match_path(&pattern, &path);
    }

    #[test]
    fn ignoring_agrees_with_the_definition(
        pattern in r"(\*\*/|[ab?]\*?/|\*/|\*[ab]/){0,3}([ab?]\*?|\*|\*\*)",
        path in "[ab]{1,2}(/[ab]{1,2}){0,3}",
    ) {
        let patterns = IgnorePatterns::parse(pattern.as_bytes()).expect("valid");
        let chars = |text: &str| text.chars().collect::<Vec<char>>();
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        let expected = ends
            .into_iter()
            .any(|end| naive_ignore(&chars(&pattern), &chars(&path[..end])));
        prop_assert_eq!(patterns.matches_or_parent_matches(path.as_bytes()), expected);
    }

    #[test]
    fn nothing_that_is_kept_lies_beneath_what_is_pruned(
        lines in prop::collection::vec(r"!?(\*\*/)?[ab*]{1,2}(/[ab*]{1,2}){0,2}", 1..5),
        path in "[ab]{1,2}(/[ab]{1,2}){1,3}",
    ) {
        let Ok(patterns) = IgnorePatterns::parse(lines.join("\n").as_bytes()) else {
            return Ok(());
        };
        let mut state = IgnoreState::default();
        let mut pruned = false;
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        for end in ends {
            state = patterns.enter(&path.as_bytes()[..end], &state);
            prop_assert!(!pruned || state.is_ignored());
            pruned |= patterns.can_prune(&path.as_bytes()[..end], &state);
        }
    }

    #[test]
    fn resolved_paths_are_clean(current in "[a./\\\\C:]{0,12}", written in "[a./\\\\C:]{0,12}") {
        for rules in [PathRules::Linux, PathRules::Windows] {
            let Ok(resolved) = rules.resolve(&current, &written) else { continue };
            let path = resolved.path;
            prop_assert!(path.starts_with('/'));
            let dots = path.split('/').skip(1).any(|name| matches!(name, "." | ".."));
            prop_assert!(!dots, "{}", path);
            prop_assert!(path == "/" || !path.ends_with('/') && !path.contains("//"));
            let again = rules.resolve("/", &path);
            if rules == PathRules::Linux {
                prop_assert_eq!(again.map(|resolved| resolved.path), Ok(path));
            }
        }
    }
}
