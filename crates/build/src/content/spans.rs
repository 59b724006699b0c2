//! Which parts of a layer are read in one go.

use std::io;

use crossdock_layer::Checkpoints;

/// A part of a layer's content that is read in one go, for the pieces in it that are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    /// Offset of the point at which reading begins.
    start: u64,
    /// Offsets and lengths, in order.
    pieces: Vec<(u64, u64)>,
    /// Behind the last piece.
    end: u64,
}

impl Span {
    /// Where reading begins.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// Offsets and lengths of what is wanted, in order.
    pub(super) fn pieces(&self) -> &[(u64, u64)] {
        &self.pieces
    }

    /// Bytes that are wanted.
    pub(super) fn length(&self) -> u64 {
        self.pieces.iter().map(|(_, length)| length).sum()
    }

    /// Bytes that are read.
    pub(super) fn cost(&self) -> u64 {
        self.end - self.start
    }
}

/// Parts `extents`, which are in order, into spans of at least `least` bytes, as far as there are
/// points at which to begin. Where a point lies before what is wanted next, reading starts again
/// there; without points there is one span.
pub(super) fn spans(
    extents: &[(u64, u64)],
    points: Option<&Checkpoints>,
    least: u64,
) -> io::Result<Vec<Span>> {
    let mut spans: Vec<Span> = Vec::new();
    let mut before = 0;
    for &(offset, length) in extents {
        let end = offset.checked_add(length).filter(|_| offset >= before);
        let end = end.ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "files of the layer overlap")
        })?;
        before = end;
        let mut position = offset;
        while position < end {
            let point = points.map_or(0, |points| points.before(position).uncompressed);
            let goes_on = spans.last().is_some_and(|span| {
                point <= span.start || point <= span.end && span.end - span.start < least
            });
            if !goes_on {
                spans.push(Span {
                    start: point,
                    pieces: Vec::new(),
                    end: point,
                });
            }
            let Some(span) = spans.last_mut() else { break };
            let enough = span.start.saturating_add(least).max(position);
            let next = points.and_then(|points| points.after(enough));
            let stop = next.map_or(end, |next| end.min(next.uncompressed));
            span.pieces.push((position, stop - position));
            span.end = stop;
            position = stop;
        }
    }
    Ok(spans)
}

#[cfg(test)]
mod tests;
