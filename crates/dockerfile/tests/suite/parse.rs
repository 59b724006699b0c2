//! From bytes to instructions.

use crossdock_dockerfile::{
    Dockerfile, Escape, Healthcheck, Instruction, InstructionKind, TransferSource, Word,
};

/// One line per instruction: keyword and arguments, each quoted.
fn show(file: &Dockerfile) -> String {
    let lines: Vec<String> = file.instructions().iter().map(instruction).collect();
    lines.join("\n")
}

fn words(words: &[Word]) -> String {
    let quoted: Vec<String> = words
        .iter()
        .map(|word| format!("{:?}", word.text))
        .collect();
    quoted.join(" ")
}

fn instruction(instruction: &Instruction) -> String {
    let one = |word: &Word| format!("{:?}", word.text);
    let transfer = |transfer: &crossdock_dockerfile::Transfer| {
        let mut shown = Vec::new();
        for source in &transfer.sources {
            shown.push(match source {
                TransferSource::Path(word) => one(word),
                TransferSource::Heredoc(index) => {
                    let heredoc = &instruction.heredocs[*index];
                    let text = String::from_utf8_lossy(&heredoc.content);
                    let mark = if heredoc.expand { "" } else { " raw" };
                    format!("<<{}{mark} {text:?}", heredoc.name.text)
                }
            });
        }
        format!("{} -> {:?}", shown.join(" "), transfer.destination.text)
    };
    let command = |command: &crossdock_dockerfile::CommandLine| {
        let form = if command.exec { "exec" } else { "shell" };
        format!("{form} {}", words(&command.words))
    };
    let pairs = |pairs: &[crossdock_dockerfile::KeyValue]| {
        let pairs = pairs.iter();
        let shown: Vec<String> = pairs
            .map(|pair| format!("{}={:?}", pair.key.text, pair.value.text))
            .collect();
        shown.join(" ")
    };
    let arguments = match &instruction.kind {
        InstructionKind::From(from) => {
            let platform = from
                .platform
                .as_ref()
                .map(|word| format!("({}) ", word.text));
            let name = from
                .name
                .as_ref()
                .map(|word| format!(" AS {:?}", word.text));
            let platform = platform.unwrap_or_default();
            format!(
                "{platform}{:?}{}",
                from.image.text,
                name.unwrap_or_default()
            )
        }
        InstructionKind::Copy(copy) => {
            let from = copy
                .from
                .as_ref()
                .map(|word| format!("from {:?} ", word.text));
            format!("{}{}", from.unwrap_or_default(), transfer(&copy.transfer))
        }
        InstructionKind::Add(add) => transfer(&add.transfer),
        InstructionKind::Workdir(word)
        | InstructionKind::User(word)
        | InstructionKind::StopSignal(word)
        | InstructionKind::Maintainer(word) => one(word),
        InstructionKind::Env(list) | InstructionKind::Label(list) => pairs(list),
        InstructionKind::Arg(list) => {
            let list = list.iter();
            let shown: Vec<String> = list
                .map(|arg| {
                    format!(
                        "{}={:?}",
                        arg.name.text,
                        arg.default.as_ref().map(|w| &w.text)
                    )
                })
                .collect();
            shown.join(" ")
        }
        InstructionKind::Cmd(line) | InstructionKind::Entrypoint(line) => command(line),
        InstructionKind::Run(run) => {
            let flags: Vec<&str> = run.flags.iter().map(|flag| flag.name.as_str()).collect();
            let docs: Vec<&str> = instruction
                .heredocs
                .iter()
                .map(|d| d.name.text.as_str())
                .collect();
            format!("{flags:?} {} {docs:?}", command(&run.command))
        }
        InstructionKind::Shell(list)
        | InstructionKind::Expose(list)
        | InstructionKind::Volume(list) => words(list),
        InstructionKind::Healthcheck(Healthcheck::Disabled) => "NONE".to_owned(),
        InstructionKind::Healthcheck(Healthcheck::Command {
            command: line,
            interval,
            retries,
            ..
        }) => format!("{interval}ns {retries} {}", command(line)),
        InstructionKind::Onbuild(onbuild) => format!("{:?}", onbuild.trigger),
    };
    format!("{} {arguments}", instruction.kind.keyword())
}

/// Parses `text` after a first line `FROM scratch`.
fn check(text: &str, expected: &str) {
    check_bytes(text.as_bytes(), expected);
}

fn check_bytes(text: &[u8], expected: &str) {
    let mut bytes = b"FROM scratch\n".to_vec();
    bytes.extend_from_slice(text);
    let file = Dockerfile::parse("Dockerfile", &bytes);
    let shown = match &file {
        Ok(file) => show(file).split_once('\n').map(|(_, rest)| rest.to_owned()),
        Err(error) => Some(format!("error: {error}")),
    };
    let text = String::from_utf8_lossy(text);
    assert_eq!(shown.unwrap_or_default(), expected, "{text}");
}

#[test]
fn arguments() {
    for (text, expected) in [
        ("copy a b c/", r#"COPY "a" "b" -> "c/""#),
        ("COPY\ta   b", r#"COPY "a" -> "b""#),
        ("COPY --from=x -- --a b", r#"COPY from "x" "--a" -> "b""#),
        (r#"COPY --from="x" a b"#, r#"COPY from "x" "a" -> "b""#),
        (r#"COPY ["a b", "c"]"#, r#"COPY "a b" -> "c""#),
        (r#"COPY ["a b", c]"#, r#"COPY "[\"a" "b\"," -> "c]""#),
        (r#"ADD ["\u0061", "c"]"#, r#"ADD "a" -> "c""#),
        ("WORKDIR /a b", r#"WORKDIR "/a b""#),
        (
            "ENV A=1 B='x y' C=\"z\"",
            r#"ENV A="1" B="'x y'" C="\"z\"""#,
        ),
        ("ENV A=x\\ y B=2", r#"ENV A="x\\ y" B="2""#),
        ("ENV A  x  y=z ", r#"ENV A="x  y=z""#),
        ("ENV A=", r#"ENV A="""#),
        ("ARG A B=x C=", r#"ARG A=None B=Some("x") C=Some("")"#),
        ("LABEL a.b=c \"d e\"=f", r#"LABEL a.b="c" "d e"="f""#),
        (r#"CMD ["a", "b"]"#, r#"CMD exec "a" "b""#),
        ("CMD []", "CMD exec "),
        ("CMD ['a']", r#"CMD shell "['a']""#),
        ("CMD echo  $A && b", r#"CMD shell "echo  $A && b""#),
        (r#"ENTRYPOINT  [ "a" ] "#, r#"ENTRYPOINT exec "a""#),
        (r#"SHELL ["cmd", "/S"]"#, r#"SHELL "cmd" "/S""#),
        ("EXPOSE 80 443/tcp", r#"EXPOSE "80" "443/tcp""#),
        ("VOLUME /a /b", r#"VOLUME "/a" "/b""#),
        (r#"VOLUME ["/a b"]"#, r#"VOLUME "/a b""#),
        ("STOPSIGNAL SIGTERM", r#"STOPSIGNAL "SIGTERM""#),
        ("HEALTHCHECK none", "HEALTHCHECK NONE"),
        ("HEALTHCHECK --retries=x --bad none", "HEALTHCHECK NONE"),
        ("ONBUILD  COPY a b  ", r#"ONBUILD "COPY a b  ""#),
        ("ONBUILD COPPY a", r#"ONBUILD "COPPY a""#),
        ("ONBUILD COPY a", r#"ONBUILD "COPY a""#),
        (
            "HEALTHCHECK --interval=1m30s --retries=3 CMD a b",
            r#"HEALTHCHECK 90000000000ns 3 shell "a b""#,
        ),
        ("ONBUILD  COPY a b", r#"ONBUILD "COPY a b""#),
        ("MAINTAINER a <b@c>", r#"MAINTAINER "a <b@c>""#),
        (
            "RUN --mount=type=cache,target=/c --network=none a | b",
            r#"RUN ["mount", "network"] shell "a | b" []"#,
        ),
        ("FROM --platform=$P a:b as C", r#"FROM ($P) "a:b" AS "C""#),
    ] {
        check(text, expected);
    }
}

#[test]
fn lines() {
    for (text, expected) in [
        ("COPY a \\\n  b", r#"COPY "a" -> "b""#),
        ("COPY a \\  \n\tb\r\n", r#"COPY "a" -> "b""#),
        ("COPY a \\\r\n b\r\n", r#"COPY "a" -> "b""#),
        (
            "COPY a \\\n# comment\n\n  # another\n b",
            r#"COPY "a" -> "b""#,
        ),
        ("USER a\\\nb", r#"USER "ab""#),
        // What is white space to Unicode is an empty line, or goes before a comment.
        ("USER a\\\n\u{a0}\n\u{b}\n\u{2003}# c\nb", r#"USER "ab""#),
        ("\u{a0}# c\nUSER b", r#"USER "b""#),
        ("USER a\\\\\nUSER b", "USER \"a\\\\\\\\\"\nUSER \"b\""),
        (
            "\n\n  USER a\n\n# x\nUSER b # c",
            "USER \"a\"\nUSER \"b # c\"",
        ),
        ("USER a \\", r#"USER "a""#),
        ("COPY \\\n\\\na b", r#"COPY "a" -> "b""#),
        ("USER grün", r#"USER "grün""#),
    ] {
        check(text, expected);
    }
}

#[test]
fn comments_and_here_documents_may_be_any_bytes() {
    check_bytes(b"# \xff\xfe\nUSER a", r#"USER "a""#);
    check_bytes(
        b"COPY <<A /a\n\xff\nA\n",
        "COPY <<A \"\u{fffd}\\n\" -> \"/a\"",
    );
    check_bytes(b"USER \xff", "error: the instruction is not valid UTF-8");
}

#[test]
fn here_documents() {
    for (text, expected) in [
        (
            "COPY <<a.txt /d/\nx\ny\na.txt\n",
            r#"COPY <<a.txt "x\ny\n" -> "/d/""#,
        ),
        (
            "COPY <<A <<B /d/\n1\nA\n2\nB",
            r#"COPY <<A "1\n" <<B "2\n" -> "/d/""#,
        ),
        (
            "COPY x <<A y /d/\n1\nA",
            r#"COPY "x" <<A "1\n" "y" -> "/d/""#,
        ),
        (
            "COPY <<-A /d\n\t1\n\t 2\n\tA",
            r#"COPY <<A "1\n 2\n" -> "/d""#,
        ),
        ("COPY <<'A' /d\n$x\nA", r#"COPY <<A raw "$x\n" -> "/d""#),
        (
            "COPY <<-\"a b\" /d\nx\na b",
            r#"COPY <<a b raw "x\n" -> "/d""#,
        ),
        ("COPY << A /d\nx\nA", r#"COPY <<A "x\n" -> "/d""#),
        ("COPY <<A /d\r\nx\r\nA\r\n", r#"COPY <<A "x\r\n" -> "/d""#),
        ("COPY <<A /d\nA", r#"COPY <<A "" -> "/d""#),
        ("COPY <<A /d\n A\nA \nA", r#"COPY <<A " A\nA \n" -> "/d""#),
        (
            "COPY --chmod=755 \\\n <<A /d\nx \\\nA",
            r#"COPY <<A "x \\\n" -> "/d""#,
        ),
        (
            "ADD <<A /d\n# x\nA\nUSER b",
            "ADD <<A \"# x\\n\" -> \"/d\"\nUSER \"b\"",
        ),
        (
            "RUN cat <<A 3<<-B && x\n1\nA\n2\nB",
            r#"RUN [] shell "cat <<A 3<<-B && x" ["A", "B"]"#,
        ),
        (
            "RUN a '<<A' \"<<B\" <<<C $((1<<2))",
            r#"RUN [] shell "a '<<A' \"<<B\" <<<C $((1<<2))" []"#,
        ),
        (r#"RUN ["<<A"]"#, r#"RUN [] exec "<<A" []"#),
        ("USER <<A", r#"USER "<<A""#),
        (
            "ONBUILD COPY <<A /d\nx\nA",
            r#"ONBUILD "COPY <<A /d\nx\nA""#,
        ),
        (
            "ONBUILD COPY <<-A /d\n\tx\n\tA",
            r#"ONBUILD "COPY <<-A /d\n\tx\nA""#,
        ),
        (
            "COPY <<A /d\nx",
            "error: the here-document A is not terminated",
        ),
        (
            "COPY a <<A\nx\nA",
            "error: COPY cannot have a here-document as destination",
        ),
    ] {
        check(text, expected);
    }
}

#[test]
fn errors() {
    for (text, expected) in [
        ("COPPY a b", "unknown instruction: COPPY"),
        ("COPY a", "COPY needs at least one source and a destination"),
        ("COPY", "COPY needs at least one source and a destination"),
        (
            "COPY [\"a\", 1]",
            "an argument list in JSON form may hold strings only",
        ),
        ("COPY --form=x a b", "COPY has no flag --form"),
        ("USER --x a", "USER has no flag --x"),
        (
            "COPY --link=maybe a b",
            "the flag --link is true or false, not \"maybe\"",
        ),
        ("COPY --chown a b", "the flag --chown needs a value"),
        ("COPY --link --link a b", "the flag --link is given twice"),
        ("ENV A", "ENV needs a name and a value"),
        ("ENV", "ENV needs at least one argument"),
        ("ENV A=1 B", "\"B\" is not of the form name=value"),
        ("ENV =1", "ENV: a name is empty"),
        ("ARG =1", "ARG: a name is empty"),
        ("WORKDIR", "WORKDIR needs exactly one argument"),
        ("SHELL bash -c", "SHELL takes its arguments in JSON form"),
        ("SHELL []", "SHELL needs at least one argument"),
        (
            "FROM a b",
            "FROM needs an image, or an image, AS and a name",
        ),
        ("FROM a AS 1b", "invalid stage name \"1b\""),
        ("ONBUILD", "ONBUILD needs an instruction"),
        (
            "ONBUILD ONBUILD USER a",
            "ONBUILD cannot be an ONBUILD trigger",
        ),
        ("ONBUILD FROM a", "FROM cannot be an ONBUILD trigger"),
        (
            "ONBUILD CMD [1]",
            "an argument list in JSON form may hold strings only",
        ),
        (
            "ONBUILD MAINTAINER a",
            "MAINTAINER cannot be an ONBUILD trigger",
        ),
        (
            "HEALTHCHECK RUN a",
            "HEALTHCHECK is followed by CMD or NONE, not \"RUN\"",
        ),
        ("HEALTHCHECK NONE a", "HEALTHCHECK needs nothing after NONE"),
        ("HEALTHCHECK CMD", "HEALTHCHECK needs a command after CMD"),
        (
            "HEALTHCHECK --timeout=5 CMD a",
            "\"5\" is not a duration of at least a millisecond",
        ),
        (
            "HEALTHCHECK --timeout=1us CMD a",
            "\"1us\" is not a duration of at least a millisecond",
        ),
        ("HEALTHCHECK --retries=-1 CMD a", "\"-1\" is not a count"),
    ] {
        check(text, &format!("error: {expected}"));
    }
}

#[test]
fn directives() {
    let check = |text: &str, expected: Result<Escape, &str>| {
        let file = Dockerfile::parse("Dockerfile", format!("{text}\nFROM a").as_bytes());
        let escape = file
            .map(|file| file.directives().escape)
            .map_err(|error| error.to_string());
        assert_eq!(
            escape.as_ref().map_err(String::as_str),
            expected.as_ref().map_err(|e| *e)
        );
    };
    check("", Ok(Escape::Backslash));
    check("# escape=`", Ok(Escape::Backtick));
    check("#ESCAPE = ` ", Ok(Escape::Backtick));
    check("\u{feff}# escape=`", Ok(Escape::Backtick));
    check(
        "# syntax=docker/dockerfile:1.7-labs\r\n# escape=`\r",
        Ok(Escape::Backtick),
    );
    check(
        "# syntax=docker.io/docker/dockerfile@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n# escape=`",
        Ok(Escape::Backtick),
    );
    check(
        "# check=skip=FromAsCasing;error=true\n# escape=`",
        Ok(Escape::Backtick),
    );
    for syntax in [
        "docker/dockerfile",
        "docker/dockerfile:1-labs arguments",
        "docker/dockerfile-upstream:master-labs",
        "index.docker.io/docker/dockerfile:1",
    ] {
        check(
            &format!("# syntax={syntax}\n# escape=`"),
            Ok(Escape::Backtick),
        );
    }
    // BuildKit reads syntax and check after a #! line, but not escape.
    check(
        "#!/bin/x\n# syntax=docker/dockerfile\n# escape=`",
        Ok(Escape::Backslash),
    );
    check(
        "#!/bin/x\n# syntax=y",
        Err("the frontend \"y\" is not available: only docker/dockerfile is built in"),
    );
    check(
        "# check=skip=a, b; error=true words\n# escape=`",
        Ok(Escape::Backtick),
    );
    // Anything else ends the directives.
    check("\n# escape=`", Ok(Escape::Backslash));
    check("# a comment\n# escape=`", Ok(Escape::Backslash));
    check("# other=x\n# escape=`", Ok(Escape::Backslash));
    check("# escape=x", Err("invalid escape character \"x\""));
    check(
        "# escape=`\n# escape=`",
        Err("the parser directive escape is given twice"),
    );
    check("# check=oops", Err("invalid check option \"oops\""));
    check(
        "# syntax=example.com/other:1",
        Err(
            "the frontend \"example.com/other:1\" is not available: only docker/dockerfile is built in",
        ),
    );
}

#[test]
fn the_escape_character_is_in_force() {
    let text = "# escape=`\nFROM a\nCOPY x C:\\\nCOPY a `\n b\nENV A=x`\" B=\"`\"\"";
    let file = Dockerfile::parse("Dockerfile", text.as_bytes()).expect("valid");
    let expected = "FROM \"a\"\nCOPY \"x\" -> \"C:\\\\\"\nCOPY \"a\" -> \"b\"\n\
                    ENV A=\"x`\\\"\" B=\"\\\"`\\\"\\\"\"";
    assert_eq!(show(&file), expected);
}

#[test]
fn comments_stay_with_their_instruction() {
    let text = "# syntax=docker/dockerfile:1\n# one\n\n#two\nFROM a AS one\n# gone\n#\n \t# odd\n\
                ARG one \\\n# inside\n two\nUSER x";
    let file = Dockerfile::parse("Dockerfile", text.as_bytes()).expect("valid");
    let comments: Vec<&[String]> = file
        .instructions()
        .iter()
        .map(|instruction| instruction.comments.as_slice())
        .collect();
    assert_eq!(comments, [&["one", "two"][..], &["# odd"], &[]]);
    let described = Dockerfile::parse("Dockerfile", b"# a b\n# a  c\n# ab d\nFROM x AS a");
    let described = described.expect("valid");
    assert_eq!(described.instructions()[0].description("a"), Some("b"));
    assert_eq!(described.instructions()[0].description("ab"), Some("d"));
    assert_eq!(described.instructions()[0].description("x"), None);
}

#[test]
fn lines_are_as_long_as_in_docker() {
    let parse = |length: usize, ending: &str| {
        let text = format!("FROM a\nUSER {}{ending}", "x".repeat(length - 5));
        Dockerfile::parse("Dockerfile", text.as_bytes()).map_err(|error| error.to_string())
    };
    let error = Err("the line is longer than 65535 bytes".to_owned());
    for ending in ["", "\n"] {
        assert!(parse(65535, ending).is_ok());
        assert_eq!(parse(65536, ending).map(|_| ()), error);
    }
}

#[test]
fn only_arg_stands_before_from() {
    let error = |text: &str| {
        let result = Dockerfile::parse("Dockerfile", text.as_bytes());
        result.map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(error("ARG A=1\nFROM $A"), Ok(()));
    let before = Err("USER stands before the first FROM".to_owned());
    assert_eq!(error("ARG A=1\nUSER a\nFROM b"), before);
    let empty = Err("the file has no instructions".to_owned());
    assert_eq!(error(""), empty);
    assert_eq!(error("# nothing\n\n"), empty);
}
