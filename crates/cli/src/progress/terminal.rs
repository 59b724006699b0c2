//! Drawing rows over those that were drawn before.

use super::render::Row;

/// What stands on the terminal.
#[derive(Debug, Default)]
pub(super) struct Drawn {
    /// The columns of each row, from the top.
    widths: Vec<usize>,
    /// The terminal's columns when they were drawn.
    width: usize,
}

impl Drawn {
    /// What to write so that `above` stands above the rows for good and `rows` takes their place.
    /// It goes to the terminal at once: with the cursor hidden and the picture held meanwhile
    /// nothing flickers.
    pub(super) fn draw(&mut self, above: &str, rows: &[Row], width: usize) -> String {
        let mut frame = String::from("\x1b[?2026h\x1b[?25l");
        let up = self.lines(width);
        if up > 0 {
            frame.push_str(&format!("\x1b[{up}A\r"));
        }
        // Rows that the terminal has folded do not lie where those of the new picture will.
        if !above.is_empty() || width != self.width {
            frame.push_str("\x1b[J");
        }
        frame.push_str(above);
        if !above.is_empty() && !above.ends_with('\n') {
            frame.push('\n');
        }
        for row in rows {
            frame.push_str(&row.text);
            frame.push_str("\x1b[K\n");
        }
        frame.push_str("\x1b[J\x1b[?25h\x1b[?2026l");
        self.widths = rows.iter().map(|row| row.width).collect();
        self.width = width;
        frame
    }

    /// The lines that the rows take now: a terminal that became narrower has folded them.
    fn lines(&self, width: usize) -> usize {
        let folded = |row: &usize| row.div_ceil(width.max(1)).max(1);
        self.widths.iter().map(folded).sum()
    }
}

#[cfg(test)]
mod tests;
