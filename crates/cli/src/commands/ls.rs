//! `crossdock ls`.

use std::path::Path;

use crossdock_build::{
    EntryReader, ListOptions, ListOrder, Listing, NodeId, NodeKind, OpenedImage, PathError,
    shown_name, shown_path,
};
use unicode_width::UnicodeWidthStr as _;

use crate::arguments::Ls;
use crate::failure::Failure;
use crate::image::image_and_path;
use crate::listing::{EntryJson, LongLines, LongOptions, name_style, push_shown, shown};
use crate::out::{Format, Out};
use crate::table::Style;

/// Spaces between columns of names.
const GAP: usize = 2;

pub(crate) fn run(root: Option<&Path>, arguments: &Ls) -> Result<(), Failure> {
    let given = arguments.paths.first().map(String::as_str);
    let (image, first) = image_and_path(&arguments.image, given);
    let more = arguments.paths.iter().skip(1).map(String::as_str);
    let paths: Vec<&[u8]> = first.into_iter().chain(more).map(str::as_bytes).collect();
    arguments.options.with_image(root, image, |image| {
        let mut out = Out::new();
        let failed = list(image, &paths, arguments, &mut out)?;
        out.finish()?;
        match Failure::paths(image.name(), &failed) {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    })
}

/// Prints what `paths` lead to; gives those that lead nowhere.
fn list(
    image: &OpenedImage<'_>,
    paths: &[&[u8]],
    arguments: &Ls,
    out: &mut Out,
) -> Result<Vec<PathError>, Failure> {
    let tree = image.tree().map_err(Failure::browse)?;
    let form = Form::of(arguments);
    let options = ListOptions {
        directories_themselves: arguments.directory,
        links_themselves: matches!(form, Form::Long(_)),
        order: match (arguments.by_size, arguments.by_time) {
            (true, _) => ListOrder::Size,
            (_, true) => ListOrder::Time,
            _ => ListOrder::Name,
        },
        is_reversed: arguments.reverse,
    };
    let listing = Listing::of(&tree, paths, options);
    let with_names = match form {
        Form::Json => true,
        Form::Long(long) => !long.numeric,
        Form::Lines | Form::Columns => false,
    };
    let reader = image
        .entry_reader(&tree, with_names)
        .map_err(Failure::browse)?;
    let mut printer = Printer { reader, form, out };
    let has_titles = arguments.recursive || paths.len() > 1;
    let is_first = listing.entries.is_empty();
    printer.entries(&listing.entries, true)?;
    let mut is_first = is_first;
    for start in &listing.directories {
        let directories = match arguments.recursive {
            true => options.directories(&tree, *start),
            false => vec![*start],
        };
        for directory in directories {
            if has_titles && form != Form::Json {
                printer.title(directory, is_first)?;
            }
            is_first = false;
            printer.entries(&options.content(&tree, directory), false)?;
        }
    }
    Ok(listing.failed)
}

/// How names are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Long(LongOptions),
    Lines,
    Columns,
}

impl Form {
    fn of(arguments: &Ls) -> Self {
        let long = LongOptions {
            numeric: arguments.numeric_uid_gid,
            human: arguments.human_readable,
            full_time: arguments.full_time,
            layer: arguments.layer,
        };
        let is_long = arguments.long || long.numeric || long.full_time || long.layer;
        match arguments.format.format {
            Format::Json => Self::Json,
            Format::Table if is_long => Self::Long(long),
            Format::Table if arguments.one => Self::Lines,
            Format::Table => Self::Columns,
        }
    }
}

struct Printer<'t, 'o> {
    reader: EntryReader<'t>,
    form: Form,
    out: &'o mut Out,
}

impl Printer<'_, '_> {
    /// Prints the path of a directory above what is in it.
    fn title(&mut self, directory: NodeId, is_first: bool) -> Result<(), Failure> {
        let mut title = shown(&shown_path(self.reader.tree(), directory));
        title.push(':');
        if !is_first {
            self.out.line("")?;
        }
        let colours = self.out.has_colours();
        self.out.line(&Style::Bold.paint(&title, colours))
    }

    /// Prints entries, by their paths or by their names.
    fn entries(&mut self, nodes: &[NodeId], by_path: bool) -> Result<(), Failure> {
        let tree = self.reader.tree();
        let name = |node| match by_path {
            true => shown_path(tree, node),
            false => shown_name(tree, node),
        };
        match self.form {
            Form::Json => {
                for &node in nodes {
                    let (path, entry) = (shown_path(tree, node), self.reader.read(node));
                    self.out.json(&EntryJson::new(tree, node, &path, &entry))?;
                }
            }
            Form::Long(options) => {
                let mut lines = LongLines::new(options);
                for &node in nodes {
                    let entry = self.reader.read(node);
                    lines.add(entry, name(node));
                }
                lines.write(self.out)?;
            }
            Form::Columns if self.out.width().is_some() => self.columns(nodes, name)?,
            Form::Lines | Form::Columns => {
                let mut text = String::new();
                for &node in nodes {
                    text.clear();
                    push_shown(&mut text, &name(node));
                    if self.out.has_colours() {
                        text = self.style(node).paint(&text, true);
                    }
                    self.out.line(&text)?;
                }
            }
        }
        Ok(())
    }

    /// Prints names below each other in as many columns as fit.
    fn columns(
        &mut self,
        nodes: &[NodeId],
        name: impl Fn(NodeId) -> Vec<u8>,
    ) -> Result<(), Failure> {
        let names: Vec<String> = nodes.iter().map(|&node| shown(&name(node))).collect();
        let widths: Vec<usize> = names.iter().map(|name| name.width()).collect();
        let columns = fitting(&widths, self.out.width().unwrap_or(usize::MAX));
        let height = names.len().div_ceil(columns.len().max(1));
        let colours = self.out.has_colours();
        for row in 0..height {
            let mut line = String::new();
            let mut behind = 0;
            for (column, width) in columns.iter().enumerate() {
                let place = column * height + row;
                let Some(name) = names.get(place) else { break };
                line.push_str(&" ".repeat(behind));
                match colours {
                    true => line.push_str(&self.style(nodes[place]).paint(name, true)),
                    false => line.push_str(name),
                }
                behind = width - widths[place] + GAP;
            }
            self.out.line(&line)?;
        }
        Ok(())
    }

    fn style(&mut self, node: NodeId) -> Style {
        // Without a look at what a file may do, which only its colour tells.
        match self.reader.tree().kind(node) {
            NodeKind::Directory => Style::Directory,
            NodeKind::Symlink(_) => Style::Link,
            NodeKind::Special => Style::Special,
            NodeKind::File => name_style(&self.reader.read(node)),
        }
    }
}

/// The widths of the most columns that fit into `limit`, filled from top to bottom.
fn fitting(widths: &[usize], limit: usize) -> Vec<usize> {
    // No column is narrower than one letter and its gap.
    let most = ((limit + GAP) / (1 + GAP)).clamp(1, widths.len().max(1));
    for count in (2..=most).rev() {
        let height = widths.len().div_ceil(count);
        let columns: Vec<usize> = widths
            .chunks(height)
            .map(|column| column.iter().copied().max().unwrap_or(0))
            .collect();
        let total = columns.iter().sum::<usize>() + GAP * (columns.len() - 1);
        if total <= limit {
            return columns;
        }
    }
    vec![widths.iter().copied().max().unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns() {
        let check = |widths: &[usize], limit, expected: &[usize]| {
            assert_eq!(fitting(widths, limit), expected, "{widths:?} in {limit}");
        };
        check(&[], 80, &[0]);
        check(&[5], 3, &[5]);
        check(&[1, 1, 1], 7, &[1, 1, 1]);
        check(&[1, 1, 1], 6, &[1, 1]);
        check(&[10, 2, 3, 4], 80, &[10, 2, 3, 4]);
        check(&[10, 2, 3, 4], 16, &[10, 4]);
        check(&[10, 2, 3, 4], 15, &[10]);
        check(&[0, 0], 20, &[0, 0]);
    }
}
