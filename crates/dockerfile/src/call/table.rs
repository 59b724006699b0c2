//! Tables as Go's `text/tabwriter` lays them out.

/// Rows of cells, each column but the last as wide as its widest cell and `padding` more.
pub(super) fn table(rows: &[Vec<&str>], padding: usize) -> String {
    let width = |cell: &str| cell.chars().count();
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| width(cell)).max().unwrap_or_default() + padding
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            text.push_str(cell);
            if column + 1 < row.len() {
                text.push_str(&" ".repeat(widths[column] - width(cell)));
            }
        }
        text.push('\n');
    }
    text
}
