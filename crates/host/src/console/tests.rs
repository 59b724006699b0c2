use super::*;

#[test]
fn devices() {
    let check = |path: &str, expected: Option<&str>| {
        assert_eq!(device_in(path), expected, "{path}");
        let here = expected.filter(|_| cfg!(windows));
        assert_eq!(device_name(Path::new(path)), here, "{path}");
    };
    check("nul", Some("nul"));
    check("NUL", Some("NUL"));
    check("con.txt", Some("con"));
    check("aux .tar.gz", Some("aux"));
    check("prn:", Some("prn"));
    check("C:nul", Some("nul"));
    check(r"C:\folder\COM1", Some("COM1"));
    check("folder/lpt9.x", Some("lpt9"));
    check("com²", Some("com²"));
    check("conout$", Some("conout$"));
    for file in [
        "",
        ".",
        "-",
        "null",
        "con1",
        "com",
        "com0",
        "com10",
        "lpté",
        "x.nul",
        "nul/x",
        r"C:\nul\x",
        r"\\?\C:\nul",
        r"\\.\nul",
        "C:",
    ] {
        check(file, None);
    }
}

/// Streams of tests are pipes or files, and none of them is a terminal: neither is asked for
/// what only one understands. What a console says is seen by hand (docs/windows.md).
#[test]
fn pipes_are_no_terminals() {
    if io::stdout().is_terminal() || io::stderr().is_terminal() {
        return;
    }
    for stream in [TerminalStream::Output, TerminalStream::Error] {
        assert!(
            !stream.has_sequences() && !stream.is_text_only(),
            "{stream:?}"
        );
    }
}
