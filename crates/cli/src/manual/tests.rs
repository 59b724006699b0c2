use super::*;

#[test]
fn every_command_has_a_page_with_examples() {
    let pages = pages().unwrap();
    let mut names: Vec<&str> = pages.iter().map(|page| &*page.name).collect();
    assert_eq!(names[0], "crossdock");
    let shown = command_line();
    let shown = shown
        .get_subcommands()
        .filter(|command| !command.is_hide_set());
    let shown: Vec<String> = shown
        .map(|command| format!("crossdock-{}", command.get_name()))
        .collect();
    assert_eq!(names.split_off(1), shown);
    for page in &pages {
        let text = std::str::from_utf8(&page.text).unwrap();
        let line = |wanted: &str| text.lines().any(|line| line.starts_with(wanted));
        for wanted in [
            ".TH",
            ".SH NAME",
            ".SH SYNOPSIS",
            ".SH DESCRIPTION",
            ".SH OPTIONS",
            ".SH EXAMPLE",
            ".nf",
            ".fi",
            ".SH \"SEE ALSO\"",
        ] {
            assert!(line(wanted), "{}: {wanted}\n{text}", page.name);
        }
        // Control lines of roff begin with a dot or an apostrophe; text must not.
        let odd = text.lines().find(|line| {
            line.starts_with('\'')
                || line.strip_prefix('.').is_some_and(|rest| {
                    ![
                        "TH", "SH", "TP", "PP", "RS", "RE", "nf", "fi", "ie", "el", "br", "IP",
                    ]
                    .iter()
                    .any(|known| rest.starts_with(known))
                })
        });
        assert_eq!(odd, None, "{}", page.name);
    }
}

#[test]
fn sections_of_help() {
    let check = |text: &str, expected: &str| {
        let mut roff = Roff::new();
        sections(&mut roff, text);
        assert_eq!(roff.to_roff(), expected, "{text}");
    };
    check(
        "Examples:\n  crossdock a\n  .b\n\nLinks are\nfollowed.",
        ".SH EXAMPLES\n.nf\n  crossdock a\n  .b\n.fi\n.PP\nLinks are\nfollowed.\n",
    );
    check(
        "One thing.\n\nExit codes:\n  0  done",
        ".SH NOTES\nOne thing.\n.SH \"EXIT CODES\"\n.nf\n  0  done\n.fi\n",
    );
}
