//! `--chmod`: octal, or symbolic as chmod(1) takes it.

use crossdock_graph::Mode;

/// The mode of `text`; `None` if it is none.
pub(super) fn parse(text: &str) -> Option<Mode> {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        let octal = text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
        let bits = u32::from_str_radix(text, 8).ok()?;
        return (octal && bits <= 0o7777).then_some(Mode::Octal(bits));
    }
    let valid = !text.is_empty() && text.split(',').all(is_clause);
    valid.then(|| Mode::Symbolic(text.to_owned()))
}

/// `[ugoa]*` and then one or more of an operator with permissions, or classes to copy them from.
fn is_clause(clause: &str) -> bool {
    let actions = clause.trim_start_matches(['u', 'g', 'o', 'a']);
    if !actions.starts_with(['+', '-', '=']) {
        return false;
    }
    let mut permissions = actions.split(['+', '-', '=']).skip(1);
    permissions.all(|letters| letters.chars().all(|c| "rwxXstugo".contains(c)))
}
