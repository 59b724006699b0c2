use super::*;

const BEGIN: &str = "\x1b[?2026h\x1b[?25l";
const END: &str = "\x1b[J\x1b[?25h\x1b[?2026l";

fn rows(texts: &[&str]) -> Vec<Row> {
    let row = |text: &&str| Row {
        text: (*text).to_owned(),
        width: text.len(),
    };
    texts.iter().map(row).collect()
}

#[test]
fn frames() {
    let mut drawn = Drawn::default();
    let mut check = |above: &str, texts: &[&str], width: usize, expected: &str| {
        let frame = drawn.draw(above, &rows(texts), width);
        assert_eq!(frame, format!("{BEGIN}{expected}{END}"));
    };
    check("", &["one", "two"], 40, "\x1b[Jone\x1b[K\ntwo\x1b[K\n");
    check("", &["1"], 40, "\x1b[2A\r1\x1b[K\n");
    check(
        "warning: a\n",
        &["2"],
        40,
        "\x1b[1A\r\x1b[Jwarning: a\n2\x1b[K\n",
    );
    check("no end", &["2"], 40, "\x1b[1A\r\x1b[Jno end\n2\x1b[K\n");
    check(
        "",
        &["0123456789", ""],
        40,
        "\x1b[1A\r0123456789\x1b[K\n\x1b[K\n",
    );
    // The terminal became narrower and folded the first row into three lines.
    check("", &["x"], 4, "\x1b[4A\r\x1b[Jx\x1b[K\n");
    check("", &[], 4, "\x1b[1A\r");
    check("", &[], 4, "");
}
