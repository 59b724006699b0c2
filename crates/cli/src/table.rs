//! Tables that fit the terminal.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::failure::Failure;
use crate::out::Out;
use crate::progress::visible;

/// What a text is, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Style {
    #[default]
    Plain,
    /// A title, or what is said in passing.
    Faint,
    Bold,
    Directory,
    Link,
    Executable,
    Special,
    Added,
    Removed,
    Changed,
    Warning,
    Error,
}

impl Style {
    /// The parameters of the terminal's sequence (ECMA-48, SGR).
    fn codes(self) -> Option<&'static str> {
        Some(match self {
            Self::Plain => return None,
            Self::Faint => "2",
            Self::Bold => "1",
            Self::Directory => "1;34",
            Self::Link => "36",
            Self::Executable => "32",
            Self::Special => "33",
            Self::Added => "32",
            Self::Removed => "31",
            Self::Changed | Self::Warning => "33",
            Self::Error => "1;31",
        })
    }

    /// `text` in this style, if colours may be used. The text is made visible before.
    pub(crate) fn paint(self, text: &str, colours: bool) -> String {
        match self.codes() {
            Some(codes) if colours && !text.is_empty() => format!("\x1b[{codes}m{text}\x1b[0m"),
            _ => text.to_owned(),
        }
    }
}

/// A text in a table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A text in a style. Control characters in it are made visible.
    pub(crate) fn new(text: impl AsRef<str>, style: Style) -> Self {
        Self {
            text: visible(text.as_ref()),
            style,
        }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(text, Style::Plain)
    }
}

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Column {
    title: &'static str,
    is_right: bool,
    /// It is cut if the table is wider than the terminal.
    is_flexible: bool,
}

impl Column {
    /// A column of texts.
    pub(crate) const fn left(title: &'static str) -> Self {
        Self {
            title,
            is_right: false,
            is_flexible: false,
        }
    }

    /// A column of numbers.
    pub(crate) const fn right(title: &'static str) -> Self {
        Self {
            is_right: true,
            ..Self::left(title)
        }
    }

    /// A column of texts that are cut if the terminal is too narrow.
    pub(crate) const fn flexible(title: &'static str) -> Self {
        Self {
            is_flexible: true,
            ..Self::left(title)
        }
    }
}

/// Rows below titles.
#[derive(Debug, Clone)]
pub(crate) struct Table<'c> {
    columns: &'c [Column],
    rows: Vec<Vec<Cell>>,
}

/// Spaces between columns.
const GAP: usize = 2;
/// A flexible column is not cut below this.
const LEAST: usize = 8;

impl<'c> Table<'c> {
    /// A table without rows.
    pub(crate) fn new(columns: &'c [Column]) -> Self {
        Self {
            columns,
            rows: Vec::new(),
        }
    }

    /// Adds a row; it has a cell for each column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Writes all rows.
    pub(crate) fn write(&self, out: &mut Out) -> Result<(), Failure> {
        let (width, colours) = (out.width(), out.has_colours());
        for line in self.lines(width, colours) {
            out.line(&line)?;
        }
        Ok(())
    }

    fn lines(&self, width: Option<usize>, colours: bool) -> impl Iterator<Item = String> {
        let titles = self.columns.iter();
        let titles: Vec<Cell> = titles
            .map(|column| Cell::new(column.title, Style::Bold))
            .collect();
        let rows = || std::iter::once(&titles).chain(&self.rows);
        let widths = self.widths(rows(), width);
        let lines: Vec<String> = rows().map(|row| self.line(row, &widths, colours)).collect();
        lines.into_iter()
    }

    fn widths<'r>(
        &self,
        rows: impl Iterator<Item = &'r Vec<Cell>>,
        limit: Option<usize>,
    ) -> Vec<usize> {
        let mut widths = vec![0; self.columns.len()];
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.text.width());
            }
        }
        let Some(limit) = limit else { return widths };
        let total = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
        let mut excess = total.saturating_sub(limit);
        // The widest is cut first, down to the next.
        while excess > 0 {
            let flexible = (0..widths.len()).filter(|&place| self.columns[place].is_flexible);
            let widest = flexible.max_by_key(|&place| widths[place]);
            let Some(widest) = widest.filter(|&place| widths[place] > LEAST) else {
                break;
            };
            widths[widest] -= 1;
            excess -= 1;
        }
        widths
    }

    fn line(&self, row: &[Cell], widths: &[usize], colours: bool) -> String {
        let mut line = String::new();
        let mut behind = 0;
        for ((cell, column), &width) in row.iter().zip(self.columns).zip(widths) {
            let text = match column.is_flexible {
                true => cut(&cell.text, width),
                false => cell.text.clone(),
            };
            let space = width.saturating_sub(text.width());
            if column.is_right {
                behind += space;
            }
            let painted = cell.style.paint(&text, colours);
            if !painted.is_empty() {
                line.push_str(&" ".repeat(behind));
                line.push_str(&painted);
                behind = 0;
            }
            behind += GAP + if column.is_right { 0 } else { space };
        }
        line
    }
}

/// `text` in at most `width` columns.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut shown = String::new();
    let mut columns = 0;
    for c in text.chars() {
        let more = c.width().unwrap_or(0);
        if columns + more + 1 > width {
            break;
        }
        columns += more;
        shown.push(c);
    }
    shown.push('…');
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables() {
        const COLUMNS: &[Column] = &[
            Column::right("SIZE"),
            Column::flexible("NAME"),
            Column::left("KIND"),
        ];
        let check = |width: Option<usize>, rows: &[[&str; 3]], expected: &[&str]| {
            let mut table = Table::new(COLUMNS);
            for row in rows {
                table.row(row.iter().map(Cell::from));
            }
            let lines: Vec<String> = table.lines(width, false).collect();
            assert_eq!(lines, expected);
        };
        check(None, &[], &["SIZE  NAME  KIND"]);
        let rows = [["1", "a-name-that-is-long", "file"], ["10000", "b", ""]];
        check(
            None,
            &rows,
            &[
                " SIZE  NAME                 KIND",
                "    1  a-name-that-is-long  file",
                "10000  b",
            ],
        );
        check(
            Some(25),
            &rows,
            &[
                " SIZE  NAME          KIND",
                "    1  a-name-that…  file",
                "10000  b",
            ],
        );
        // Never below what can be read.
        check(
            Some(1),
            &rows,
            &[" SIZE  NAME      KIND", "    1  a-name-…  file", "10000  b"],
        );
        check(
            None,
            &[["1", "a\x1b[2J\n", "x"]],
            &["SIZE  NAME        KIND", "   1  a\\x1b[2J\\n  x"],
        );
        // A column is two for what is wide.
        check(
            None,
            &[["1", "日本", "x"]],
            &["SIZE  NAME  KIND", "   1  日本  x"],
        );
    }

    #[test]
    fn colours() {
        assert_eq!(Style::Error.paint("x", true), "\x1b[1;31mx\x1b[0m");
        assert_eq!(Style::Error.paint("x", false), "x");
        assert_eq!(Style::Plain.paint("x", true), "x");
    }
}
