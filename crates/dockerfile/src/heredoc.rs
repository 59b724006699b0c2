//! Here-documents: `<<NAME`, `<<-NAME`, `<<"NAME"`, several on a line.

use crate::logical::Word;
use crate::span::Span;
use crate::words::shell_words;

/// A here-document of `RUN`, `COPY` or `ADD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heredoc {
    /// The name, for `COPY` the file's, and the place of the whole `<<NAME`.
    pub name: Word,
    /// The file descriptor before `<<`, 0 if there is none.
    pub descriptor: u32,
    /// Written `<<-`: tabs at the start of lines are dropped.
    pub strip_tabs: bool,
    /// The name is not quoted, so variables in the content are expanded.
    pub expand: bool,
    /// The content with its line endings, leading tabs dropped if `strip_tabs` says so.
    pub content: Vec<u8>,
    /// The content as it stands there, with its tabs.
    pub(crate) written: Vec<u8>,
    /// Where the content stands in the source.
    pub body: Span,
}

/// The opening of a here-document, found in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Opening {
    /// Start in the line.
    pub(crate) start: usize,
    /// End in the line.
    pub(crate) end: usize,
    pub(crate) name: String,
    pub(crate) descriptor: u32,
    pub(crate) strip_tabs: bool,
    pub(crate) expand: bool,
}

/// The here-documents that `line` opens, left to right. A line whose quotes are not closed opens
/// none, as in BuildKit.
pub(crate) fn openings(line: &str) -> Vec<Opening> {
    if !line.contains("<<") {
        return Vec::new();
    }
    shell_words(line)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(start, end)| opening(&line[start..end], start))
        .collect()
}

fn opening(word: &str, start: usize) -> Option<Opening> {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let rest = word[digits..].strip_prefix("<<")?;
    let strip_tabs = rest.starts_with('-');
    let rest = rest.strip_prefix('-').unwrap_or(rest).trim_start();
    if rest.contains('<') {
        return None;
    }
    let (name, quoted) = unquote(rest);
    (!name.is_empty()).then(|| Opening {
        start,
        end: start + word.len(),
        name,
        descriptor: word[..digits].parse().unwrap_or(0),
        strip_tabs,
        expand: !quoted,
    })
}

/// The delimiter without its quotes and escapes, and whether it had quotes.
fn unquote(word: &str) -> (String, bool) {
    let mut name = String::new();
    let mut quote: Option<char> = None;
    let mut quoted = false;
    let mut chars = word.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                quoted = true;
            }
            (Some('"'), '\\') => match chars.next_if(|next| matches!(next, '"' | '$' | '\\')) {
                Some(next) => name.push(next),
                None => name.push(c),
            },
            (None, '\\') => name.extend(chars.next()),
            (_, c) => name.push(c),
        }
    }
    (name, quoted)
}

/// Drops the tabs at the start of every line.
pub(crate) fn strip_tabs(content: &[u8]) -> Vec<u8> {
    let mut stripped = Vec::with_capacity(content.len());
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        let tabs = line.iter().take_while(|byte| **byte == b'\t').count();
        stripped.extend_from_slice(&line[tabs..]);
    }
    stripped
}
