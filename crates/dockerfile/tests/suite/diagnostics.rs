//! Messages as text.

use std::collections::BTreeMap;

use crossdock_dockerfile::{Dockerfile, Lowering, Options, Source, lower};

fn first_message(text: &str) -> String {
    let source = Source::new("Dockerfile", text.as_bytes());
    let file = match Dockerfile::parse("Dockerfile", text.as_bytes()) {
        Ok(file) => file,
        Err(error) => return error.diagnostic().render(&source),
    };
    let options = Options::new("linux/amd64".parse().expect("valid"));
    match lower(&file, &options, &BTreeMap::new()) {
        Err(error) => error.diagnostic().render(&source),
        Ok(Lowering::Done(plan)) => plan.warnings[0].render(&source),
        Ok(Lowering::Needs(needs)) => format!("needs {needs:?}"),
    }
}

fn check(text: &str, expected: &str) {
    assert_eq!(first_message(text), expected, "{text}");
}

#[test]
fn errors_show_the_line_and_what_to_do() {
    check(
        "FROM scratch\n\n  COPPY a b\n",
        "error: unknown instruction: COPPY
 --> Dockerfile:3:3
  |
3 |   COPPY a b
  |   ^^^^^
  = help: did you mean COPY?
",
    );
    check(
        "FROM scratch\nCOPY \\\n\t--form=x a b\n",
        "error: COPY has no flag --form
 --> Dockerfile:3:2
  |
3 | \t--form=x a b
  | \t^^^^^^^^
  = help: did you mean --from? the flags are --from, --chown, --chmod, --link, --parents, --exclude
",
    );
    check(
        "FROM scratch\nCOPY a https://x.org/b /c\n",
        "error: COPY cannot copy from \"https://x.org/b\"
 --> Dockerfile:2:8
  |
2 | COPY a https://x.org/b /c
  |        ^^^^^^^^^^^^^^^
  = help: use ADD
",
    );
    check(
        "FROM scratch\nUSER grün${x\n",
        "error: \"grün${x\": ${ is not closed by }
 --> Dockerfile:2:6
  |
2 | USER grün${x
  |      ^^^^^^^
",
    );
}

#[test]
fn several_lines_are_shown_without_a_mark() {
    check(
        "FROM scratch\nRUN a \\\n  && b\n",
        "error: RUN is not supported yet (stage 0, line 2)
 --> Dockerfile:2:1
  |
2 | RUN a \\
3 |   && b
  = help: build another stage with --target, or prepare the files in an image and COPY them
",
    );
}

#[test]
fn warnings_name_their_rule() {
    check(
        "FROM scratch AS A\n",
        "warning[StageNameCasing]: Stage name 'A' should be lowercase
 --> Dockerfile:1:17
  |
1 | FROM scratch AS A
  |                 ^
",
    );
    check(
        "FROM scratch\nCOPY a /windows\\temp\\\n/USER b/\nUSER b\\c\\\nUSER d\n",
        "warning[TrailingBackslash]: the backslash at the end continues the line, so USER on the next line is not an instruction
 --> Dockerfile:4:6
  |
4 | USER b\\c\\
  |      ^^^^
  = help: put # escape=` on the first line of the file, or write / instead of \\
",
    );
}

#[test]
fn backslashes_that_vanish() {
    check(
        "FROM --platform=windows(10.0.20348)/amd64 scratch AS windows\nWORKDIR C:\\tools\n",
        "warning[BackslashEscapes]: the backslash is the escape character here, so C:\\tools means C:tools
 --> Dockerfile:2:9
  |
2 | WORKDIR C:\\tools
  |         ^^^^^^^^
  = help: put # escape=` on the first line of the file, or write / instead of \\
",
    );
}

#[test]
fn a_swallowed_instruction_explains_the_error() {
    check(
        "FROM scratch\nCOPY a \\windows\\temp\\\nUSER ${\n",
        "error: \"${\": ${ is not closed by }
 --> Dockerfile:3:6
  |
3 | USER ${
  |      ^^
  = help: the backslash at the end continues the line, so USER on the next line is not an instruction; put # escape=` on the first line of the file, or write / instead of \\
",
    );
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let message = first_message("FROM scratch\nUSER \u{1b}[31m${\n");
    assert!(!message.contains('\u{1b}'), "{message:?}");
}

#[test]
fn a_byte_order_mark_has_no_column() {
    check(
        "\u{feff}FORM a\n",
        "error: unknown instruction: FORM
 --> Dockerfile:1:1
  |
1 | FORM a
  | ^^^^
  = help: did you mean FROM?
",
    );
}
