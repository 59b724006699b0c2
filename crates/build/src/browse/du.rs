//! How much the files of an image take, by directory.

use crossdock_layer::{LayerFormat, NodeId, Source, Tree};

use super::path::path_text;

/// Which directories and files get a row of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageOptions {
    /// How far below the start.
    pub depth: usize,
    /// Files as well, and not only directories.
    pub files: bool,
}

/// What files take together. A file with several names counts once, where it comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Bytes of their contents without holes, and of their alternate streams.
    pub bytes: u64,
    /// Files, links and devices.
    pub files: u64,
    /// Directories.
    pub directories: u64,
}

/// A directory or file with all below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// Its path as people write it; without a drive if it is outside of what programs see.
    pub path: Vec<u8>,
    /// Whether it is a directory.
    pub is_directory: bool,
    /// Beside the root: `Hives` and `UtilityVM` of a Windows image.
    pub is_outside: bool,
    /// What it takes.
    pub usage: Usage,
}

/// What is below a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskUsage {
    /// The start with all below it.
    pub total: UsageRow,
    /// What is below, the largest first.
    pub rows: Vec<UsageRow>,
}

/// Sums the sizes below `start`. Below the root of a Windows image are `Hives` and `UtilityVM`
/// too, which programs do not see and which are shipped all the same.
pub fn disk_usage(tree: &Tree, start: NodeId, options: UsageOptions) -> DiskUsage {
    let mut sums = Sums::new(tree);
    sums.pending.push((start, None));
    while let Some((node, above)) = sums.pending.pop() {
        sums.visit(node, above, options);
        if node == start && start == tree.root() && start != tree.top() {
            // They come last: what they share with the root counts there.
            let beside = tree.children(tree.top()).filter(|&other| other != start);
            let beside: Vec<_> = beside.map(|other| (other, Some(0))).collect();
            sums.pending.splice(0..0, beside);
        }
    }
    sums.finish(options)
}

/// A directory, or a file with a row of its own.
struct Place {
    node: NodeId,
    above: Option<usize>,
    depth: usize,
    usage: Usage,
}

struct Sums<'t> {
    tree: &'t Tree,
    places: Vec<Place>,
    pending: Vec<(NodeId, Option<usize>)>,
    /// Files that were counted, by layer and place in it.
    counted: Vec<Vec<bool>>,
}

impl<'t> Sums<'t> {
    fn new(tree: &'t Tree) -> Self {
        let layers = tree.layers().iter();
        Self {
            tree,
            places: Vec::new(),
            pending: Vec::new(),
            counted: layers.map(|layer| vec![false; layer.len()]).collect(),
        }
    }

    fn visit(&mut self, node: NodeId, above: Option<usize>, options: UsageOptions) {
        let source = self.tree.source(node);
        let is_directory = self.tree.is_directory(node);
        let is_new = match source {
            Source::Layer { layer, entry } if !is_directory => {
                let counted = &mut self.counted[layer as usize][entry as usize];
                !std::mem::replace(counted, true)
            }
            _ => true,
        };
        let usage = Usage {
            bytes: if is_new {
                self.tree.stored_bytes(source)
            } else {
                0
            },
            files: u64::from(!is_directory && is_new),
            directories: u64::from(is_directory),
        };
        let depth = above.map_or(0, |above| self.places[above].depth + 1);
        let has_row = is_directory || options.files && depth <= options.depth;
        match above {
            Some(above) if !has_row => self.places[above].usage.add(&usage),
            above => self.places.push(Place {
                node,
                above,
                depth,
                usage,
            }),
        }
        if is_directory {
            let place = self.places.len() - 1;
            let before = self.pending.len();
            let children = self.tree.children(node).map(|child| (child, Some(place)));
            self.pending.extend(children);
            self.pending[before..].reverse();
        }
    }

    fn finish(mut self, options: UsageOptions) -> DiskUsage {
        for place in (1..self.places.len()).rev() {
            let usage = self.places[place].usage;
            if let Some(above) = self.places[place].above {
                self.places[above].usage.add(&usage);
            }
        }
        let total = self.row(&self.places[0]);
        let shown = self.places[1..]
            .iter()
            .filter(|place| place.depth <= options.depth);
        let mut rows: Vec<UsageRow> = shown.map(|place| self.row(place)).collect();
        rows.sort_by(|a, b| {
            let size = b.usage.bytes.cmp(&a.usage.bytes);
            size.then_with(|| a.path.cmp(&b.path))
        });
        DiskUsage { total, rows }
    }

    fn row(&self, place: &Place) -> UsageRow {
        let (path, is_outside) = path_anywhere(self.tree, place.node);
        UsageRow {
            path,
            is_directory: self.tree.is_directory(place.node),
            is_outside,
            usage: place.usage,
        }
    }
}

impl Usage {
    fn add(&mut self, other: &Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.files += other.files;
        self.directories += other.directories;
    }
}

/// The path of a node as people write it, and whether it is beside the root: then it has no drive.
pub(super) fn path_anywhere(tree: &Tree, node: NodeId) -> (Vec<u8>, bool) {
    let text = path_text(tree.format(), &tree.path(node));
    let mut current = node;
    while current != tree.root() && current != tree.top() {
        current = tree.parent(current);
    }
    match current == tree.root() {
        true => (text, false),
        false => {
            let drive = match tree.format() {
                LayerFormat::Linux => &b"/"[..],
                LayerFormat::Windows => br"C:\",
            };
            (text.strip_prefix(drive).unwrap_or(&text).to_vec(), true)
        }
    }
}

#[cfg(test)]
mod tests;
