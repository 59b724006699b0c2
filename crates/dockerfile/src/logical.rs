//! Logical lines: physical lines joined by continuation, with the way back to the source.

use crate::span::Span;

/// The text of one instruction on one line, and where each part of it stands in the source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Logical {
    text: String,
    /// Start of a piece in `text` and its offset in the source, ascending.
    pieces: Vec<(usize, usize)>,
    /// Offset in the source for an empty text.
    origin: usize,
}

impl Logical {
    pub(crate) fn new(origin: usize) -> Self {
        Self {
            text: String::new(),
            pieces: Vec::new(),
            origin,
        }
    }

    /// Appends `text`, which stands at `offset` of the source.
    pub(crate) fn push(&mut self, text: &str, offset: usize) {
        if !text.is_empty() {
            self.pieces.push((self.text.len(), offset));
            self.text.push_str(text);
        }
    }

    pub(crate) fn whole(&self) -> Slice<'_> {
        Slice {
            logical: self,
            start: 0,
            end: self.text.len(),
        }
    }

    /// The offset in the source of the byte at `offset` of the text.
    fn source(&self, offset: usize) -> usize {
        let after = self.pieces.partition_point(|(start, _)| *start <= offset);
        match after.checked_sub(1).map(|index| self.pieces[index]) {
            Some((start, source)) => source + (offset - start),
            None => self.origin,
        }
    }
}

/// A part of a logical line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slice<'a> {
    logical: &'a Logical,
    start: usize,
    end: usize,
}

/// An argument as written, before expansion.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Word {
    /// The text; for a JSON string its value.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

impl<'a> Slice<'a> {
    pub(crate) fn text(self) -> &'a str {
        &self.logical.text[self.start..self.end]
    }

    pub(crate) fn span(self) -> Span {
        let start = self.logical.source(self.start);
        if self.start == self.end {
            return Span::new(start, start);
        }
        Span::new(start, self.logical.source(self.end - 1) + 1)
    }

    /// The bytes `from..to` of this slice.
    pub(crate) fn part(self, from: usize, to: usize) -> Self {
        Self {
            start: self.start + from,
            end: self.start + to,
            ..self
        }
    }

    pub(crate) fn from(self, from: usize) -> Self {
        self.part(from, self.end - self.start)
    }

    pub(crate) fn trim(self) -> Self {
        let left = self.text().len() - self.text().trim_start().len();
        let trimmed = self.text().trim();
        self.part(left, left + trimmed.len())
    }

    /// From here to the end of the whole line.
    pub(crate) fn to_line_end(self) -> Self {
        Self {
            end: self.logical.text.len(),
            ..self
        }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.start == self.end
    }

    pub(crate) fn word(self) -> Word {
        self.word_of(self.text().to_owned())
    }

    /// A word of this place with another text.
    pub(crate) fn word_of(self, text: String) -> Word {
        Word {
            text,
            span: self.span(),
        }
    }

    /// Up to the first white space, and what follows that white space.
    pub(crate) fn split_first(self) -> (Self, Self) {
        let text = self.text();
        let end = text.find(is_blank).unwrap_or(text.len());
        let next = text[end..]
            .find(|c| !is_blank(c))
            .map_or(text.len(), |skip| end + skip);
        (self.part(0, end), self.from(next))
    }

    /// The parts between white space.
    pub(crate) fn split_blanks(self) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut rest = self;
        while !rest.is_empty() {
            let (first, next) = rest.split_first();
            if !first.is_empty() {
                parts.push(first);
            }
            rest = next;
        }
        parts
    }
}

/// The white space that separates arguments.
pub(crate) fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ')
}
