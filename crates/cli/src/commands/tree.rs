//! `crossdock tree`.

use std::path::Path;

use crossdock_build::{
    BrowseError, EntryReader, NodeId, NodeKind, OpenedImage, PathError, PathProblem, Walk,
};

use crate::arguments::ShowTree;
use crate::failure::Failure;
use crate::image::image_and_path;
use crate::listing::{EntryJson, human_size, name_style, push_shown, shown};
use crate::out::{Format, Out};

/// Columns of a size in bytes, as tree(1) has them.
const SIZE: usize = 11;
/// Columns of a size with a unit.
const HUMAN: usize = 4;

pub(crate) fn run(root: Option<&Path>, arguments: &ShowTree) -> Result<(), Failure> {
    let (image, path) = image_and_path(&arguments.image, arguments.path.as_deref());
    arguments.options.with_image(root, image, |image| {
        let mut out = Out::new();
        show(image, path.unwrap_or_default(), arguments, &mut out)?;
        out.finish()
    })
}

fn show(
    image: &OpenedImage<'_>,
    path: &str,
    arguments: &ShowTree,
    out: &mut Out,
) -> Result<(), Failure> {
    let tree = image.tree().map_err(Failure::browse)?;
    let start = image
        .path(path.as_bytes(), true)
        .map_err(Failure::browse)?
        .node;
    if !tree.is_directory(start) {
        return Err(Failure::browse(BrowseError::Path {
            image: image.name().to_owned(),
            source: PathError {
                path: path.to_owned(),
                problem: PathProblem::NotADirectory,
            },
        }));
    }
    let is_json = arguments.format.format == Format::Json;
    let reader = image
        .entry_reader(&tree, is_json)
        .map_err(Failure::browse)?;
    let mut walk = Walk::new(&tree, start)
        .max_depth(arguments.level.unwrap_or(usize::MAX))
        .only_directories(arguments.directories);
    let mut drawing = Drawing {
        reader,
        arguments,
        branches: Vec::new(),
        text: String::new(),
    };
    let (mut directories, mut files) = (0u64, 0u64);
    while let Some(step) = walk.next() {
        if is_json {
            // As of ls: what is in the directory, not itself.
            if step.depth > 0 {
                let entry = drawing.reader.read(step.node);
                out.json(&EntryJson::new(&tree, step.node, walk.path(), &entry))?;
            }
            continue;
        }
        match tree.is_directory(step.node) {
            _ if step.depth == 0 => {}
            true => directories += 1,
            false => files += 1,
        }
        drawing.branches.truncate(step.depth.saturating_sub(1));
        drawing.line(step.node, walk.name(), step.depth, step.is_last, out)?;
        if step.depth > 0 {
            drawing.branches.push(!step.is_last);
        }
    }
    if is_json {
        return Ok(());
    }
    out.line("")?;
    let mut total = counted(directories, "directory", "directories");
    if !arguments.directories {
        total.push_str(", ");
        total.push_str(&counted(files, "file", "files"));
    }
    out.line(&total)
}

fn counted(count: u64, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

struct Drawing<'t, 'a> {
    reader: EntryReader<'t>,
    arguments: &'a ShowTree,
    /// Of each directory above, whether more comes behind it.
    branches: Vec<bool>,
    text: String,
}

impl Drawing<'_, '_> {
    fn line(
        &mut self,
        node: NodeId,
        name: &[u8],
        depth: usize,
        is_last: bool,
        out: &mut Out,
    ) -> Result<(), Failure> {
        self.text.clear();
        for more in &self.branches {
            self.text.push_str(if *more { "│   " } else { "    " });
        }
        if depth > 0 {
            self.text.push_str(if is_last { "└── " } else { "├── " });
        }
        if self.arguments.human_readable {
            let size = human_size(self.reader.read(node).size);
            self.text.push_str(&format!("[{size:>HUMAN$}]  "));
        } else if self.arguments.size {
            let size = self.reader.read(node).size;
            self.text.push_str(&format!("[{size:>SIZE$}]  "));
        }
        if out.has_colours() {
            let style = name_style(&self.reader.read(node));
            self.text.push_str(&style.paint(&shown(name), true));
        } else {
            push_shown(&mut self.text, name);
        }
        if let NodeKind::Symlink(link) = self.reader.tree().kind(node) {
            self.text.push_str(" -> ");
            push_shown(&mut self.text, &link);
        }
        out.line(&self.text)
    }
}
