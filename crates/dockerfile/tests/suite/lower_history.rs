//! What stages say of themselves in the history.

use crate::lower::{options, plan};

/// The history that the instructions after `FROM` leave.
fn history(text: &str) -> Vec<String> {
    let plan = plan(text, &options()).expect(text);
    let records = plan.target.history.into_iter();
    records
        .map(|record| {
            assert_eq!(record.comment, "crossdock.dockerfile.v0");
            let mark = if record.operation.is_some() {
                ""
            } else {
                " (empty)"
            };
            format!("{}{mark}", record.created_by)
        })
        .collect()
}

#[test]
fn history_is_written_as_buildkit_writes_it() {
    for (line, expected) in [
        (
            "COPY --chown=a --chmod=644 --parents x y/",
            "COPY --parents --chown=a --chmod=644 x y/ # buildkit",
        ),
        (
            "COPY --from=b --link --exclude=q x y",
            "COPY x y # buildkit",
        ),
        ("COPY <<a /b\na", "COPY <<a /b # buildkit"),
        ("ADD x y", "ADD x y # buildkit"),
        ("WORKDIR x", "WORKDIR /home/x"),
        ("WORKDIR /x/./y//z/", "WORKDIR /x/./y//z/"),
        ("WORKDIR x/../y/", "WORKDIR /home/y"),
        ("WORKDIR ${EMPTY}", "WORKDIR /home"),
        ("WORKDIR /", "WORKDIR / (empty)"),
        ("ENV A=1 B=\"2 3\"", "ENV A=1 B=2 3 (empty)"),
        ("ENV A x y", "ENV A=x y (empty)"),
        (
            "ARG A=1 B GIVEN TARGETOS",
            "ARG A=1 B GIVEN=from-command-line TARGETOS=linux (empty)",
        ),
        ("LABEL a=b \"c d\"='e f'", "LABEL a=b c d=e f (empty)"),
        ("USER a:b", "USER a:b (empty)"),
        (
            "CMD [\"a\", \"b \\\"c\\\"\\n\"]",
            r#"CMD ["a" "b \"c\"\n"] (empty)"#,
        ),
        ("CMD echo $A", r#"CMD ["/bin/sh" "-c" "echo $A"] (empty)"#),
        (
            "CMD [\"\\u0001\\u00a0é\\u200b\\ud83d\\ude00\"]",
            "CMD [\"\\x01\\u00a0é\\u200b😀\"] (empty)",
        ),
        ("ENTRYPOINT []", "ENTRYPOINT [] (empty)"),
        ("SHELL [\"bash\", \"-c\"]", "SHELL [bash -c] (empty)"),
        (
            "EXPOSE 9 80/UDP 5-6",
            "EXPOSE [5/tcp 6/tcp 80/udp 9/tcp] (empty)",
        ),
        ("VOLUME /a /b", "VOLUME [/a /b] (empty)"),
        ("STOPSIGNAL sigterm", "STOPSIGNAL sigterm (empty)"),
        ("MAINTAINER a b", "MAINTAINER a b (empty)"),
        (
            "HEALTHCHECK --interval=90s --timeout=1500ms CMD a b",
            "HEALTHCHECK {Test:[CMD-SHELL a b] Interval:1m30s Timeout:1.5s StartPeriod:0s StartInterval:0s Retries:0} (empty)",
        ),
    ] {
        assert_eq!(
            history(&format!("FROM b AS b\nFROM a\n{line}")),
            [expected],
            "{line}"
        );
    }
    assert!(history("FROM a\nONBUILD USER x").is_empty());
}
