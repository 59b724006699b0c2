//! The picture of a [`View`]: a function of it, the time and the size, and of nothing else.

use std::time::Duration;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::text::seconds;
use super::view::{Ending, State, Vertex, View};

/// Where it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Screen {
    /// In columns.
    pub(super) width: usize,
    /// In lines.
    pub(super) height: usize,
    pub(super) colours: bool,
}

/// A line of the picture, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) text: String,
    /// The columns that it takes.
    pub(super) width: usize,
}

/// Columns that a name keeps before what stands at the right gives way.
const NAME: usize = 24;
/// Details that are shown of the last piece of work when all is done.
const LAST_DETAILS: usize = 4;

/// Draws what there is to show at `now`, at most one line less than the screen has, each at most
/// one column less.
pub(super) fn render(view: &View, now: Duration, screen: Screen) -> Vec<Row> {
    if view.vertices.is_empty() {
        return Vec::new();
    }
    let now = view.ended.map_or(now, |ended| ended.at);
    let picture = Picture { view, now, screen };
    let mut rows = vec![picture.header()];
    picture.vertices(screen.height.saturating_sub(2).max(3), &mut rows);
    rows
}

struct Picture<'a> {
    view: &'a View,
    now: Duration,
    screen: Screen,
}

impl Picture<'_> {
    fn header(&self) -> Row {
        let all = self.view.vertices.len();
        let running = self
            .view
            .vertices
            .iter()
            .filter(|v| is_unfinished(v))
            .count();
        let left = format!(
            "[+] {} {} ({}/{all})",
            self.view.title,
            seconds(self.now),
            all - running
        );
        let (end, style) = match self.view.ended.map(|ended| ended.how) {
            None => ("", Style::Plain),
            Some(Ending::Done) => (" FINISHED", Style::Good),
            Some(Ending::Failed) => (" FAILED", Style::Bad),
            Some(Ending::Interrupted) => (" INTERRUPTED", Style::Bad),
        };
        self.row(&[(Style::Strong, &left), (style, end)], &[])
    }

    /// The pieces of work in `room` lines: all, or the last of the finished ones and those that
    /// run.
    fn vertices(&self, room: usize, rows: &mut Vec<Row>) {
        let all = &self.view.vertices;
        if all.len() <= room {
            let mut spare = room - all.len();
            for (index, vertex) in all.iter().enumerate() {
                rows.push(self.vertex(vertex));
                for detail in self.details(vertex, index + 1 == all.len()) {
                    if spare > 0 {
                        spare -= 1;
                        rows.push(self.row(&[(Style::Faint, &format!(" =>=> {detail}"))], &[]));
                    }
                }
            }
            return;
        }
        let running = all.iter().filter(|vertex| is_unfinished(vertex)).count();
        let finished = all.len() - running;
        // A line each for what is not shown.
        let room = room - usize::from(finished > 0);
        let (shown_running, shown_finished) = match running > room {
            true => (room - 1, 0),
            false => (running, room - running),
        };
        let mut folded = finished - shown_finished.min(finished);
        if folded > 0 {
            let hidden = all
                .iter()
                .filter(|vertex| !is_unfinished(vertex))
                .take(folded);
            let cached = hidden
                .filter(|vertex| vertex.state == State::Cached)
                .count();
            let text = match cached {
                0 => format!(" => {folded} finished"),
                cached => format!(" => {folded} finished, {cached} of them CACHED"),
            };
            rows.push(self.row(&[(Style::Faint, &text)], &[]));
        }
        let mut left = shown_running;
        for vertex in all {
            let rest = if is_unfinished(vertex) {
                &mut left
            } else {
                &mut folded
            };
            // The first of those that run are shown, and the last of the finished ones.
            let shown = is_unfinished(vertex) == (*rest > 0);
            *rest = rest.saturating_sub(1);
            if shown {
                rows.push(self.vertex(vertex));
            }
        }
        if shown_running < running {
            let text = format!(" => and {} more", running - shown_running);
            rows.push(self.row(&[(Style::Faint, &text)], &[]));
        }
    }

    /// The last detail of what runs; at the good end those of the last piece.
    fn details<'v>(&self, vertex: &'v Vertex, last: bool) -> &'v [String] {
        let done = self.view.ended.is_some_and(|e| e.how == Ending::Done);
        let count = match (done && last, is_unfinished(vertex)) {
            (true, _) => LAST_DETAILS,
            (false, true) => 1,
            (false, false) => 0,
        };
        &vertex.details[vertex.details.len().saturating_sub(count)..]
    }

    fn vertex(&self, vertex: &Vertex) -> Row {
        let mut left = vec![(Style::Faint, " => ")];
        name(vertex, &mut left);
        let until = match vertex.state {
            State::Done { at } => at,
            _ => self.now,
        };
        let time = seconds(until.saturating_sub(vertex.started));
        let end = match (vertex.state, self.view.ended.map(|ended| ended.how)) {
            (State::Cached, _) => (Style::Good, "CACHED"),
            (State::Failed, _) => (Style::Bad, "ERROR"),
            (State::Stopped, _) | (State::Running, Some(_)) => (Style::Bad, "STOPPED"),
            (State::Running, None) => (Style::Strong, time.as_str()),
            (State::Done { .. }, _) => (Style::Faint, time.as_str()),
        };
        let transfer = vertex.transfer.as_ref().filter(|_| is_unfinished(vertex));
        let amount = transfer.map(|transfer| transfer.amount());
        let rate = transfer.and_then(|transfer| transfer.rate(self.now));
        let mut right = vec![end];
        right.extend(amount.as_deref().map(|amount| (Style::Plain, amount)));
        right.extend(rate.as_deref().map(|rate| (Style::Plain, rate)));
        self.row(&left, &right)
    }

    /// A line: `left` cut off where it has to be, and at its end what stands at the `right`. That
    /// comes in the order of its importance, the last of which is left out first.
    fn row(&self, left: &[(Style, &str)], right: &[(Style, &str)]) -> Row {
        let width = self.screen.width.saturating_sub(1).max(1);
        let wanted: usize = left.iter().map(|(_, text)| width_of(text)).sum();
        let mut right = right;
        let mut needed = columns(right);
        while !right.is_empty() && needed + wanted.min(NAME) > width {
            right = &right[..right.len() - 1];
            needed = columns(right);
        }
        let mut line = Line::new(self.screen.colours);
        line.push_cut(left, width - needed);
        if let Some((last, others)) = right.split_first() {
            let gap = (width - needed).saturating_sub(line.width);
            line.push(Style::Plain, &" ".repeat(gap));
            for (style, text) in others.iter().chain([last]) {
                line.push(Style::Plain, "  ");
                line.push(*style, text);
            }
        }
        line.finish()
    }
}

/// The columns of what stands at the right, with the space before each.
fn columns(right: &[(Style, &str)]) -> usize {
    right.iter().map(|(_, text)| width_of(text) + 2).sum()
}

fn is_unfinished(vertex: &Vertex) -> bool {
    !matches!(vertex.state, State::Done { .. } | State::Cached)
}

/// The name in its colours: `[stage system 1/4] COPY …`.
fn name<'v>(vertex: &'v Vertex, spans: &mut Vec<(Style<'v>, &'v str)>) {
    let parts = || {
        let (stage, system) = (vertex.stage.as_ref()?, vertex.system.as_deref()?);
        let rest = vertex.name.strip_prefix('[')?;
        let rest = rest.strip_prefix(stage.name.as_str())?.strip_prefix(' ')?;
        let rest = rest.strip_prefix(system)?;
        Some((stage, system, rest))
    };
    match parts() {
        Some((stage, system, rest)) => spans.extend([
            (Style::Plain, "["),
            (Style::Stage(stage.number), stage.name.as_str()),
            (Style::Plain, " "),
            (Style::System(system), system),
            (Style::Plain, rest),
        ]),
        None => spans.push((Style::Plain, &vertex.name)),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style<'a> {
    Plain,
    Strong,
    Faint,
    Good,
    Bad,
    Stage(usize),
    System(&'a str),
}

impl Style<'_> {
    /// The parameter of SGR (ECMA-48, 8.3.117). Stages and systems share no colour.
    fn code(self) -> &'static str {
        const STAGES: [&str; 6] = ["36", "35", "32", "96", "95", "92"];
        match self {
            Self::Plain => "",
            Self::Strong => "1",
            Self::Faint => "2",
            Self::Good => "1;32",
            Self::Bad => "1;31",
            Self::Stage(number) => STAGES[number % STAGES.len()],
            Self::System("windows") => "94",
            Self::System("linux") => "33",
            Self::System(_) => "",
        }
    }
}

/// A line that is being put together.
struct Line {
    text: String,
    width: usize,
    colours: bool,
}

impl Line {
    fn new(colours: bool) -> Self {
        Self {
            text: String::new(),
            width: 0,
            colours,
        }
    }

    fn push(&mut self, style: Style, text: &str) {
        let code = if self.colours { style.code() } else { "" };
        self.width += width_of(text);
        match (code, text) {
            (_, "") => {}
            ("", text) => self.text.push_str(text),
            (code, text) => self.text.push_str(&format!("\x1b[{code}m{text}\x1b[0m")),
        }
    }

    /// Adds as much as there is `room` for, with an ellipsis if that is not all.
    fn push_cut(&mut self, spans: &[(Style, &str)], room: usize) {
        let mut left: usize = spans.iter().map(|(_, text)| width_of(text)).sum();
        if left <= room {
            for (style, text) in spans {
                self.push(*style, text);
            }
            return;
        }
        left = room.saturating_sub(1);
        for (style, text) in spans {
            let (cut, whole) = prefix(text, left);
            self.push(*style, cut);
            left = left.saturating_sub(width_of(cut));
            if !whole {
                break;
            }
        }
        if room > 0 {
            self.push(Style::Faint, "…");
        }
    }

    fn finish(self) -> Row {
        Row {
            text: self.text,
            width: self.width,
        }
    }
}

/// The longest beginning of `text` of at most `columns`, and whether that is all.
fn prefix(text: &str, columns: usize) -> (&str, bool) {
    for (at, c) in text.char_indices() {
        if width_of(&text[..at + c.len_utf8()]) > columns {
            return (&text[..at], false);
        }
    }
    (text, true)
}

/// The columns of a text. Terminals do not agree on sequences of emoji: this is the most.
fn width_of(text: &str) -> usize {
    let single: usize = text.chars().map(|c| c.width().unwrap_or(0)).sum();
    text.width().max(single)
}

#[cfg(test)]
mod tests;
