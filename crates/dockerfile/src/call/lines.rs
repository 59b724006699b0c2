//! Places as BuildKit gives them: whole lines of whole instructions.

use serde::Serialize;

use crate::parser::Dockerfile;
use crate::span::{Source, Span};

/// Lines of a file, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lines {
    /// The first.
    pub first: u32,
    /// The last.
    pub last: u32,
}

/// Finds the lines of places in a file.
pub(crate) struct LineFinder<'a> {
    source: &'a Source,
    /// The instructions, with their here-documents.
    instructions: Vec<Span>,
    /// The offsets at which lines start.
    starts: Vec<usize>,
}

impl Lines {
    /// Finds lines in `file`.
    pub(crate) fn in_file(file: &Dockerfile) -> LineFinder<'_> {
        let instructions = file.instructions().iter();
        LineFinder::new(file.source(), instructions.map(|it| it.span).collect())
    }
}

impl<'a> LineFinder<'a> {
    pub(crate) fn new(source: &'a Source, instructions: Vec<Span>) -> Self {
        let newlines = source.bytes().iter().enumerate();
        let newlines = newlines.filter(|(_, byte)| **byte == b'\n');
        let starts = newlines.map(|(at, _)| at + 1);
        Self {
            source,
            instructions,
            starts: std::iter::once(0).chain(starts).collect(),
        }
    }

    /// The lines of the instruction that `span` is in, or else its own.
    pub(crate) fn of(&self, span: Span) -> Lines {
        let before = self
            .instructions
            .partition_point(|other| other.start <= span.start);
        let around = before.checked_sub(1).map(|index| self.instructions[index]);
        let around = around.filter(|other| span.start < other.end.max(other.start + 1));
        self.exactly(around.unwrap_or(span))
    }

    /// The lines of `span` itself.
    pub(crate) fn exactly(&self, span: Span) -> Lines {
        let end = self.source.bytes().len();
        let line = |offset: usize| {
            let line = self
                .starts
                .partition_point(|start| *start <= offset.min(end));
            u32::try_from(line).unwrap_or(u32::MAX)
        };
        let first = line(span.start);
        Lines {
            first,
            last: line(span.end.saturating_sub(1)).max(first),
        }
    }
}

/// BuildKit's `pb.Location`: one range for each line.
#[derive(Serialize)]
pub(super) struct Location {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ranges: Vec<Range>,
}

#[derive(Serialize)]
struct Range {
    start: Position,
    end: Position,
}

#[derive(Serialize)]
struct Position {
    line: u32,
}

impl Location {
    pub(super) fn of(lines: Option<Lines>) -> Self {
        let lines = lines.into_iter().flat_map(|lines| lines.first..=lines.last);
        let ranges = lines.map(|line| Range {
            start: Position { line },
            end: Position { line },
        });
        Self {
            ranges: ranges.collect(),
        }
    }
}
