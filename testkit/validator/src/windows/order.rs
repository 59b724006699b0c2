//! The order of entries.

use std::cmp::Ordering;
use std::collections::HashSet;

use crate::report::{Report, Rule};

/// Two orders are in use: bytes of the whole path, and bytes of its components one by one, which
/// differ where a name has characters below `/`. A layer keeps to one of them.
#[derive(Default)]
pub(crate) struct Order {
    count: usize,
    roots: [Option<usize>; 2],
    last: Option<Vec<u8>>,
    by_path: Option<Vec<u8>>,
    by_component: Option<Vec<u8>>,
    directories: HashSet<Vec<u8>>,
}

impl Order {
    /// Notes an entry that is neither a whiteout nor a stream.
    pub(crate) fn entry(&mut self, path: &[u8]) {
        let at = self.count;
        self.count += 1;
        self.directories.insert(directory(path).to_vec());
        match path {
            b"Hives" => self.roots[0] = self.roots[0].or(Some(at)),
            b"Files" => self.roots[1] = self.roots[1].or(Some(at)),
            _ => {}
        }
        if self.is_leading_root(path, at) {
            return;
        }
        if let Some(last) = &self.last {
            if last.as_slice() > path {
                self.by_path.get_or_insert_with(|| path.to_vec());
            }
            if components(last, path) == Ordering::Greater {
                self.by_component.get_or_insert_with(|| path.to_vec());
            }
        }
        self.last = Some(path.to_vec());
    }

    /// Whether a directory had entries already.
    pub(crate) fn has_entries(&self, directory: &[u8]) -> bool {
        self.directories.contains(directory)
    }

    /// Notes the breaches of sorting alone, which is all that there is to say of a Linux layer.
    pub(crate) fn finish_sorted(&self, report: &mut Report) {
        if let (Some(path), Some(_)) = (&self.by_path, &self.by_component) {
            let path = String::from_utf8_lossy(path);
            report.add(
                &path,
                Rule::Order,
                "it sorts before the entry that it follows",
            );
        }
    }

    pub(crate) fn finish(&self, report: &mut Report) {
        self.finish_sorted(report);
        let fine = matches!(self.roots, [Some(0), Some(1)] | [None, Some(0)] | [_, None]);
        if !fine {
            report.add(
                "",
                Rule::RootOrder,
                "`Hives` and `Files` are not the first entries",
            );
        }
    }

    /// `Hives` as the first entry, `Files` as the first or second, are out of the sorted order.
    fn is_leading_root(&self, path: &[u8], at: usize) -> bool {
        match path {
            b"Hives" => at == 0,
            b"Files" => at == 0 || (at == 1 && self.roots[0] == Some(0)),
            _ => false,
        }
    }
}

fn components(a: &[u8], b: &[u8]) -> Ordering {
    a.split(|&b| b == b'/').cmp(b.split(|&b| b == b'/'))
}

/// The path of the directory that holds a path.
pub(crate) fn directory(path: &[u8]) -> &[u8] {
    path.iter()
        .rposition(|&b| b == b'/')
        .map_or(&[], |at| &path[..at])
}
