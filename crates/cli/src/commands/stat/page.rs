//! A page of names and values that fits the terminal.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::failure::Failure;
use crate::out::Out;
use crate::progress::visible;
use crate::table::Style;

/// A name and its value.
#[derive(Debug, Clone)]
pub(super) struct Line {
    label: String,
    value: String,
    style: Style,
}

/// Lines of names and values below a title.
#[derive(Debug, Clone, Default)]
pub(super) struct Block {
    title: String,
    lines: Vec<Line>,
}

enum Part {
    Title(String),
    One(Block),
    /// Side by side if there is room, else one below the other.
    Two(Block, Block),
}

/// What is printed of one path.
#[derive(Default)]
pub(super) struct Page {
    parts: Vec<Part>,
}

/// Columns before everything but the title.
const INDENT: usize = 2;
/// Columns between blocks that stand side by side, and between names and values.
const GAP: usize = 3;

impl Block {
    pub(super) fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            lines: Vec::new(),
        }
    }

    pub(super) fn line(&mut self, label: impl AsRef<str>, value: impl AsRef<str>) {
        self.styled(label, value, Style::Plain);
    }

    pub(super) fn styled(&mut self, label: impl AsRef<str>, value: impl AsRef<str>, style: Style) {
        self.lines.push(Line {
            label: visible(label.as_ref()),
            value: visible(value.as_ref()),
            style,
        });
    }

    fn label_width(&self) -> usize {
        let widths = self.lines.iter().map(|line| line.label.width());
        widths.max().unwrap_or_default()
    }

    /// The lines with the columns that they take, in at most `width` columns.
    fn rows(&self, width: Option<usize>, colours: bool) -> Vec<(String, usize)> {
        let mut rows = Vec::new();
        if !self.title.is_empty() {
            let style = Style::Bold;
            rows.push((style.paint(&self.title, colours), self.title.width()));
        }
        let label = self.label_width();
        let room = width.map(|width| width.saturating_sub(label + GAP - 1).max(LEAST));
        for line in &self.lines {
            for (place, piece) in wrapped(&line.value, room).into_iter().enumerate() {
                let name = if place == 0 { line.label.as_str() } else { "" };
                let mut row = Style::Faint.paint(name, colours);
                let mut columns = name.width();
                if !piece.is_empty() {
                    row.push_str(&" ".repeat(label + GAP - 1 - columns));
                    row.push_str(&line.style.paint(&piece, colours));
                    columns = label + GAP - 1 + piece.width();
                }
                rows.push((row, columns));
            }
        }
        rows
    }
}

impl Page {
    pub(super) fn new(title: &str) -> Self {
        Self {
            parts: vec![Part::Title(visible(title))],
        }
    }

    /// Adds a block, if there is something in it.
    pub(super) fn block(&mut self, block: Block) {
        if !block.lines.is_empty() {
            self.parts.push(Part::One(block));
        }
    }

    /// Adds two blocks that stand side by side.
    pub(super) fn two(&mut self, left: Block, right: Block) {
        self.parts.push(Part::Two(left, right));
    }

    pub(super) fn write(&self, out: &mut Out) -> Result<(), Failure> {
        for line in self.lines(out.width(), out.has_colours()) {
            out.line(&line)?;
        }
        Ok(())
    }

    fn lines(&self, width: Option<usize>, colours: bool) -> Vec<String> {
        let inner = width.map(|width| width.saturating_sub(INDENT));
        let mut lines = Vec::new();
        let indented = |row: &str| match row.is_empty() {
            true => String::new(),
            false => format!("{}{row}", " ".repeat(INDENT)),
        };
        for (place, part) in self.parts.iter().enumerate() {
            if place > 1 {
                lines.push(String::new());
            }
            match part {
                Part::Title(title) => {
                    let pieces = wrapped(title, width);
                    lines.extend(pieces.iter().map(|piece| Style::Bold.paint(piece, colours)));
                }
                Part::One(block) => {
                    let rows = block.rows(inner, colours);
                    lines.extend(rows.iter().map(|row| indented(&row.0)));
                }
                Part::Two(left, right) => {
                    let rows = side_by_side(left, right, inner, colours);
                    lines.extend(rows.iter().map(|row| indented(row)));
                }
            }
        }
        lines
    }
}

/// A value is not cut below this.
const LEAST: usize = 12;

fn side_by_side(left: &Block, right: &Block, width: Option<usize>, colours: bool) -> Vec<String> {
    let (lefts, rights) = (left.rows(None, colours), right.rows(None, colours));
    let columns = |rows: &[(String, usize)]| rows.iter().map(|row| row.1).max().unwrap_or(0);
    let middle = columns(&lefts) + GAP;
    if width.is_some_and(|width| middle + columns(&rights) > width) {
        let rows = [left.rows(width, colours), right.rows(width, colours)];
        return rows.concat().into_iter().map(|row| row.0).collect();
    }
    let row = |place: usize| {
        let (text, columns) = lefts.get(place).cloned().unwrap_or_default();
        match rights.get(place) {
            None => text,
            Some(other) => format!("{text}{}{}", " ".repeat(middle - columns), other.0),
        }
    };
    (0..lefts.len().max(rights.len())).map(row).collect()
}

/// `text` in pieces of at most `width` columns, broken at spaces where there are any.
fn wrapped(text: &str, width: Option<usize>) -> Vec<String> {
    let Some(width) = width.filter(|&width| text.width() > width) else {
        return vec![text.to_owned()];
    };
    let mut pieces = Vec::new();
    let mut rest = text;
    while rest.width() > width {
        let mut columns = 0;
        let mut end = 0;
        for (at, c) in rest.char_indices() {
            columns += c.width().unwrap_or(0);
            if columns > width && at > 0 {
                break;
            }
            end = at + c.len_utf8();
        }
        // A space near the end is a better place.
        let space = match rest[end..].starts_with(' ') {
            true => Some(end),
            false => rest[..end].rfind(' ').filter(|&at| at * 2 > end),
        };
        let piece = &rest[..space.unwrap_or(end)];
        pieces.push(piece.to_owned());
        rest = rest[piece.len()..].trim_start_matches(' ');
    }
    if !rest.is_empty() {
        pieces.push(rest.to_owned());
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages() {
        let check = |width: Option<usize>, expected: &[&str]| {
            let mut page = Page::new("/a");
            let mut block = Block::default();
            block.line("kind", "file of a certain size");
            page.block(block);
            page.block(Block::new("empty ones are left out"));
            let (mut left, mut right) = (Block::new("POSIX"), Block::new("Win32"));
            left.line("mode", "0755");
            left.line("user", "0\n");
            right.line("attributes", "0x20");
            page.two(left, right);
            assert_eq!(page.lines(width, false), expected);
        };
        check(
            None,
            &[
                "/a",
                "  kind  file of a certain size",
                "",
                "  POSIX        Win32",
                "  mode  0755   attributes  0x20",
                "  user  0\\n",
            ],
        );
        check(
            Some(24),
            &[
                "/a",
                "  kind  file of a",
                "        certain size",
                "",
                "  POSIX",
                "  mode  0755",
                "  user  0\\n",
                "  Win32",
                "  attributes  0x20",
            ],
        );
    }

    #[test]
    fn breaks() {
        let check = |text: &str, width, expected: &[&str]| {
            assert_eq!(wrapped(text, Some(width)), expected, "{text}");
        };
        check("", 5, &[""]);
        check("abc", 3, &["abc"]);
        check("abcdefg", 3, &["abc", "def", "g"]);
        check("ab cd efgh", 5, &["ab cd", "efgh"]);
        check("abcd ef gh", 6, &["abcd", "ef gh"]);
        check("日本語", 4, &["日本", "語"]);
        check("日", 1, &["日"]);
    }
}
