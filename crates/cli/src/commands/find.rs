//! `crossdock find`.

mod expression;

use std::path::Path;

use crossdock_build::{
    BrowseError, EntryReader, Find, Finder, NodeId, OpenedImage, PathError, find_path,
};

use self::expression::{Parsed, Printing, parse};
use crate::arguments::Find as Arguments;
use crate::failure::Failure;
use crate::image::image_and_path;
use crate::listing::{EntryJson, LongLines, push_shown};
use crate::out::{Format, Out};

pub(crate) fn run(root: Option<&Path>, arguments: &Arguments) -> Result<(), Failure> {
    let parsed = parse(&arguments.search).map_err(Failure::input)?;
    let given = parsed.paths.first().map(String::as_str);
    let (image, first) = image_and_path(&arguments.image, given);
    let more = parsed.paths.iter().skip(1).map(String::as_str);
    // Without a path the root.
    let paths: Vec<&str> = std::iter::once(first.unwrap_or_default())
        .chain(more)
        .collect();
    arguments.options.with_image(root, image, |image| {
        let mut out = Out::new();
        let failed = search(image, &paths, &parsed, arguments.format.format, &mut out)?;
        out.finish()?;
        match Failure::paths(image.name(), &failed) {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    })
}

/// Prints what is found below `paths`; gives those that lead nowhere.
fn search(
    image: &OpenedImage<'_>,
    paths: &[&str],
    parsed: &Parsed,
    format: Format,
    out: &mut Out,
) -> Result<Vec<PathError>, Failure> {
    let tree = image.tree().map_err(Failure::browse)?;
    let find = Find {
        expression: parsed.expression.clone(),
        min_depth: parsed.min_depth,
        max_depth: parsed.max_depth,
    };
    let is_long = parsed.printing == Printing::Long || format == Format::Json;
    let needs_names = is_long || find.expression.asks_for_names();
    let mut reader = image
        .entry_reader(&tree, needs_names)
        .map_err(Failure::browse)?;
    let finder = Finder::new(&find, &reader)
        .map_err(|error| Failure::input(format!("{}: {error}", image.name())))?;
    let mut printer = Printer {
        printing: match format {
            Format::Json => None,
            Format::Table => Some(parsed.printing),
        },
        text: String::new(),
        rows: Vec::new(),
    };
    let mut failed = Vec::new();
    for path in paths {
        match find_path(&tree, path.as_bytes(), false) {
            Ok(start) => finder.run(&mut reader, start.node, |reader, node, path| {
                printer.print(reader, node, path, out)
            })?,
            Err(error) => failed.push(error),
        }
    }
    if printer.printing == Some(Printing::Long) {
        let mut lines = LongLines::default();
        for (node, path) in printer.rows {
            let entry = reader.read(node);
            lines.add(entry, path);
        }
        lines.write(out)?;
    }
    Ok(failed)
}

struct Printer {
    /// How lines are printed; JSON if not at all.
    printing: Option<Printing>,
    text: String,
    /// What is printed when the widths of all columns are known.
    rows: Vec<(NodeId, Vec<u8>)>,
}

impl Printer {
    fn print(
        &mut self,
        reader: &mut EntryReader<'_>,
        node: NodeId,
        path: &[u8],
        out: &mut Out,
    ) -> Result<(), Failure> {
        match self.printing {
            Some(Printing::Lines) => {
                self.text.clear();
                push_shown(&mut self.text, path);
                out.line(&self.text)
            }
            Some(Printing::Zeroes) => {
                out.bytes(path)?;
                out.bytes(b"\0")
            }
            Some(Printing::Long) => {
                self.rows.push((node, path.to_vec()));
                Ok(())
            }
            None => {
                let entry = reader.read(node);
                out.json(&EntryJson::new(reader.tree(), node, path, &entry))
            }
        }
    }
}

impl Failure {
    /// Paths of an image that lead nowhere, if there are any.
    pub(crate) fn paths(image: &str, failed: &[PathError]) -> Option<Self> {
        let errors: Vec<String> = failed
            .iter()
            .map(|source| {
                let image = image.to_owned();
                let source = source.clone();
                BrowseError::Path { image, source }.to_string()
            })
            .collect();
        (!errors.is_empty()).then(|| Self::input(errors.join("\nerror: ")))
    }
}
