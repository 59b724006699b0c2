//! Lines as of `ls -l`.

use std::fmt::Write as _;

use crossdock_build::{EntryAccess, ListedEntry};
use unicode_width::UnicodeWidthStr as _;

use super::{
    attribute_letters, human_size, mode_letters, name_style, push_shown, shown, time_text,
};
use crate::failure::Failure;
use crate::out::Out;
use crate::table::Style;

/// Lines of which the columns stand below each other.
#[derive(Debug, Default)]
pub(crate) struct LongLines {
    options: LongOptions,
    lines: Vec<Line>,
    widths: Widths,
}

/// What lines show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LongOptions {
    /// Numbers of owners, or SIDs, and not their names.
    pub(crate) numeric: bool,
    /// Sizes as 1.5K.
    pub(crate) human: bool,
    /// Times with all digits.
    pub(crate) full_time: bool,
    /// The number of the layer.
    pub(crate) layer: bool,
}

#[derive(Debug)]
struct Line {
    entry: ListedEntry,
    name: Vec<u8>,
    size: String,
    user: String,
    group: String,
}

#[derive(Debug, Default)]
struct Widths {
    layer: usize,
    links: usize,
    user: usize,
    group: usize,
    size: usize,
    /// Of a time of which there is none.
    time: usize,
}

impl LongLines {
    /// Lines that show what `options` say.
    pub(crate) fn new(options: LongOptions) -> Self {
        Self {
            options,
            ..Self::default()
        }
    }

    /// Adds a line; `name` is what stands at its end.
    pub(crate) fn add(&mut self, entry: ListedEntry, name: Vec<u8>) {
        let size = match entry.device {
            Some((major, minor)) => format!("{major}, {minor}"),
            None if self.options.human => human_size(entry.size),
            None => entry.size.to_string(),
        };
        let (user, group) = owners(&entry.access, self.options.numeric);
        let widths = &mut self.widths;
        let widen = |width: &mut usize, text: usize| *width = (*width).max(text);
        widen(&mut widths.size, size.len());
        widen(&mut widths.user, user.width());
        widen(&mut widths.group, group.width());
        widen(&mut widths.links, digits(entry.links));
        widen(
            &mut widths.layer,
            entry.layer.map_or(1, |layer| digits(u64::from(layer) + 1)),
        );
        if entry.modified.is_some() {
            widths.time = if self.options.full_time { 35 } else { 16 };
        }
        self.lines.push(Line {
            entry,
            name,
            size,
            user,
            group,
        });
    }

    /// Writes all lines.
    pub(crate) fn write(&self, out: &mut Out) -> Result<(), Failure> {
        let colours = out.has_colours();
        let mut text = String::new();
        for line in &self.lines {
            text.clear();
            self.push(&mut text, line, colours);
            out.line(&text)?;
        }
        Ok(())
    }

    fn push(&self, text: &mut String, line: &Line, colours: bool) {
        let (entry, widths) = (&line.entry, &self.widths);
        if self.options.layer {
            let width = widths.layer;
            let _ = match entry.layer {
                Some(layer) => write!(text, "{:>width$} ", layer + 1),
                None => write!(text, "{:>width$} ", "-"),
            };
        }
        match &entry.access {
            EntryAccess::Posix { mode, .. } => {
                text.push_str(&mode_letters(entry.kind, *mode));
                let _ = write!(text, " {:>width$}", entry.links, width = widths.links);
            }
            EntryAccess::Win32 { attributes, .. } => {
                text.push_str(&attribute_letters(*attributes));
            }
        }
        push_padded(text, &line.user, widths.user);
        if let EntryAccess::Posix { .. } = entry.access {
            push_padded(text, &line.group, widths.group);
        }
        let _ = write!(text, " {:>width$}", line.size, width = widths.size);
        let time = time_text(entry.modified, self.options.full_time);
        let _ = write!(text, " {time:<width$} ", width = widths.time);
        push_name(text, entry, &line.name, colours);
    }
}

/// Appends a name, in colour if there are any, and what a link says.
fn push_name(text: &mut String, entry: &ListedEntry, name: &[u8], colours: bool) {
    match name_style(entry) {
        style if colours && style != Style::Plain => {
            text.push_str(&style.paint(&shown(name), true));
        }
        _ => push_shown(text, name),
    }
    if let Some(link) = &entry.link {
        text.push_str(" -> ");
        push_shown(text, link);
    }
}

fn push_padded(text: &mut String, value: &str, width: usize) {
    text.push(' ');
    text.push_str(value);
    for _ in value.width()..width {
        text.push(' ');
    }
}

/// What stands for owner and group.
fn owners(access: &EntryAccess, numeric: bool) -> (String, String) {
    match access {
        EntryAccess::Posix {
            uid,
            gid,
            user,
            group,
            ..
        } => {
            let text = |number: &u64, name: Option<&[u8]>| match name {
                Some(name) if !numeric => shown(name),
                _ => number.to_string(),
            };
            (text(uid, user.as_deref()), text(gid, group.as_deref()))
        }
        EntryAccess::Win32 { owner, .. } => {
            let owner = match owner {
                Some(owner) if numeric => owner.sid.clone(),
                Some(owner) => owner.name.unwrap_or(&owner.sid).to_owned(),
                None => "-".to_owned(),
            };
            (owner, String::new())
        }
    }
}

fn digits(number: u64) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}
