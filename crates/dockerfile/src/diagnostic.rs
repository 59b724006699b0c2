//! Messages about a source file, and how they look as text.

use std::fmt::{self, Write as _};

use crate::rule::Rule;
use crate::span::{Source, Span};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing can be built.
    Error,
    /// The build goes on.
    Warning,
}

/// A message about a place in a source file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The check that speaks, if it has a name by which `# check=skip=` can silence it.
    pub rule: Option<Rule>,
    /// What is wrong, one sentence without a full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Where; `None` for what has no place in the file, such as an unused build argument.
    pub span: Option<Span>,
}

impl Diagnostic {
    pub(crate) fn warning(rule: Rule, span: Span, message: String) -> Self {
        Self {
            severity: Severity::Warning,
            rule: Some(rule),
            message,
            help: None,
            span: Some(span),
        }
    }

    pub(crate) fn error(span: Span, message: String, help: Option<String>) -> Self {
        Self {
            severity: Severity::Error,
            rule: None,
            message,
            help,
            span: Some(span),
        }
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The message with its place, the source lines and a mark under them, as plain text that
    /// ends with a newline.
    pub fn render(&self, source: &Source) -> String {
        let mut text = String::new();
        self.write(&mut text, source)
            .expect("writing to a string cannot fail");
        text
    }

    fn write(&self, out: &mut String, source: &Source) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(out, "{severity}")?;
        if let Some(rule) = self.rule {
            write!(out, "[{}]", rule.name())?;
        }
        writeln!(out, ": {}", self.message)?;
        let mut gutter = 1;
        if let Some(span) = self.span {
            gutter = write_lines(out, source, span)?;
        }
        if let Some(help) = &self.help {
            for (number, line) in help.lines().enumerate() {
                let start = if number == 0 { "= help:" } else { "       " };
                writeln!(out, "{:gutter$} {start} {line}", "")?;
            }
        }
        Ok(())
    }
}

/// More lines of one span than this are cut.
const LINES_SHOWN: usize = 5;

/// Writes the lines of `span` and returns the width of the line numbers.
fn write_lines(out: &mut String, source: &Source, span: Span) -> Result<usize, fmt::Error> {
    let position = source.position(span.start);
    let mut lines = Vec::new();
    let mut offset = span.start;
    loop {
        let (start, line) = source.line_at(offset);
        lines.push((start, line));
        let next = start
            + source.bytes()[start..]
                .iter()
                .take_while(|b| **b != b'\n')
                .count()
            + 1;
        if next >= span.end.min(source.bytes().len()) || lines.len() > LINES_SHOWN {
            break;
        }
        offset = next;
    }
    let cut = lines.len() > LINES_SHOWN;
    lines.truncate(LINES_SHOWN);
    let gutter = (position.line as usize + lines.len() - 1).to_string().len();
    writeln!(
        out,
        "{:gutter$}--> {}:{}:{}",
        "",
        source.name(),
        position.line,
        position.column
    )?;
    writeln!(out, "{:gutter$} |", "")?;
    for (index, (start, line)) in lines.iter().enumerate() {
        let number = position.line as usize + index;
        let shown = printable(line);
        writeln!(out, "{number:>gutter$} | {shown}")?;
        if lines.len() == 1 {
            let from = span.start.saturating_sub(*start).min(line.len());
            let to = span.end.saturating_sub(*start).clamp(from, line.len());
            let indent: String = printable(&line[..from])
                .chars()
                .map(|c| if c == '\t' { '\t' } else { ' ' })
                .collect();
            let marks = printable(&line[from..to]).chars().count().max(1);
            writeln!(out, "{:gutter$} | {indent}{}", "", "^".repeat(marks))?;
        }
    }
    if cut {
        writeln!(out, "{:gutter$} | …", "")?;
    }
    Ok(gutter)
}

/// A source line for a terminal: what is not text, and every control character but the tab, is
/// replaced, so that a Dockerfile cannot steer the terminal.
pub(crate) fn printable(line: &[u8]) -> String {
    String::from_utf8_lossy(line)
        .trim_start_matches('\u{feff}')
        .chars()
        .map(|c| {
            if c.is_control() && c != '\t' {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}
