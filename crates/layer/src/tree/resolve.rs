//! Following paths and links inside a tree.

use std::borrow::Cow;
use std::collections::VecDeque;

use crate::entry::LayerFormat;
use crate::tree::{NodeId, NodeKind, Tree};

/// Most links that are followed for one path (Linux' own limit is 40; docker's is 255).
const MAX_LINKS: u32 = 255;

/// A path that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{:?}: {kind}", String::from_utf8_lossy(.path))]
pub struct ResolveError {
    /// The path that was asked for.
    pub path: Vec<u8>,
    /// Why.
    pub kind: ResolveErrorKind,
}

/// Why a path cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveErrorKind {
    /// Nothing of that name.
    #[error("not found")]
    NotFound,
    /// Something that is not a directory stands in the middle.
    #[error("{:?} is not a directory", String::from_utf8_lossy(.0))]
    NotADirectory(Vec<u8>),
    /// Links lead in circles.
    #[error("too many symbolic links, which probably lead in a circle")]
    TooManyLinks,
    /// A link leads to another drive or a server.
    #[error("a link leads outside the image, to {:?}", String::from_utf8_lossy(.0))]
    Outside(Vec<u8>),
}

/// How far a path could be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The last node that exists.
    pub node: NodeId,
    /// What is left, links resolved; empty if everything exists.
    pub missing: Vec<Vec<u8>>,
}

/// Hears of every name that is looked up, and in which directory.
type Seen<'a> = &'a mut dyn FnMut(NodeId, &[u8]);

/// The components that are still to be looked up.
type Pending<'p> = VecDeque<Cow<'p, [u8]>>;

impl Tree {
    /// The node at a path of stored names below `start`. Links on the way are followed, the last
    /// one only if `follow_last`.
    pub fn lookup(
        &self,
        start: NodeId,
        path: &[u8],
        follow_last: bool,
    ) -> Result<NodeId, ResolveError> {
        let resolved = self.resolve(start, path, follow_last)?;
        if resolved.missing.is_empty() {
            return Ok(resolved.node);
        }
        Err(ResolveError {
            path: path.to_vec(),
            kind: ResolveErrorKind::NotFound,
        })
    }

    /// Follows a path of stored names as far as it exists. `..` never leads above the root.
    pub fn resolve(
        &self,
        start: NodeId,
        path: &[u8],
        follow_last: bool,
    ) -> Result<Resolved, ResolveError> {
        self.resolve_seen(start, path, follow_last, &mut |_, _| ())
    }

    /// As [`Tree::resolve`]; `seen` hears of every name that is looked up, and in which directory.
    pub(crate) fn resolve_seen(
        &self,
        start: NodeId,
        path: &[u8],
        follow_last: bool,
        seen: Seen<'_>,
    ) -> Result<Resolved, ResolveError> {
        let pending: Pending<'_> = components(path).map(Cow::Borrowed).collect();
        self.follow(start, pending, follow_last, seen)
            .map_err(|kind| ResolveError {
                path: path.to_vec(),
                kind,
            })
    }

    /// Where the link `node` leads, through further links.
    pub fn link_target(&self, node: NodeId) -> Result<NodeId, ResolveErrorKind> {
        self.link_target_seen(node, &mut |_, _| ())
    }

    /// As [`Tree::link_target`]; `seen` hears of every name that is looked up.
    pub(crate) fn link_target_seen(
        &self,
        node: NodeId,
        seen: Seen<'_>,
    ) -> Result<NodeId, ResolveErrorKind> {
        let NodeKind::Symlink(text) = self.kind(node) else {
            return Ok(node);
        };
        let parent = self.parent(node);
        let mut pending = VecDeque::new();
        let start = match self.push_link(&text, parent, &mut pending) {
            Some(start) => start,
            None => return Err(ResolveErrorKind::Outside(text.into_owned())),
        };
        let resolved = self.follow(start, pending, true, seen)?;
        match resolved.missing.is_empty() {
            true => Ok(resolved.node),
            false => Err(ResolveErrorKind::NotFound),
        }
    }

    fn follow(
        &self,
        start: NodeId,
        mut pending: Pending<'_>,
        follow_last: bool,
        seen: Seen<'_>,
    ) -> Result<Resolved, ResolveErrorKind> {
        let mut node = start;
        let mut missing: Vec<Vec<u8>> = Vec::new();
        let mut links = 0;
        while let Some(component) = pending.pop_front() {
            match (&*component, missing.is_empty()) {
                (b"" | b".", _) => continue,
                (b"..", true) => {
                    node = self.parent(node);
                    continue;
                }
                (b"..", false) => {
                    missing.pop();
                    continue;
                }
                (_, false) => {
                    missing.push(component.into_owned());
                    continue;
                }
                (_, true) => {}
            }
            if !self.is_directory(node) {
                return Err(ResolveErrorKind::NotADirectory(self.path(node)));
            }
            seen(node, &component);
            let Some(child) = self.child(node, &component) else {
                missing.push(component.into_owned());
                continue;
            };
            match self.kind(child) {
                NodeKind::Symlink(text) if follow_last || !pending.is_empty() => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(ResolveErrorKind::TooManyLinks);
                    }
                    node = self
                        .push_link(&text, node, &mut pending)
                        .ok_or_else(|| ResolveErrorKind::Outside(text.to_vec()))?;
                }
                _ => node = child,
            }
        }
        Ok(Resolved { node, missing })
    }

    /// Puts a link's components before `pending` and returns where they start: `directory`, or
    /// the root. `None` if the link leads outside.
    fn push_link(
        &self,
        text: &[u8],
        directory: NodeId,
        pending: &mut Pending<'_>,
    ) -> Option<NodeId> {
        let (absolute, parts) = link_components(self.format, text)?;
        for part in parts.into_iter().rev() {
            pending.push_front(Cow::Owned(part.to_vec()));
        }
        Some(if absolute { self.root } else { directory })
    }
}

/// A link's text as a path of stored names: whether it starts at the root, and its components.
/// `None` for other drives, servers and devices.
fn link_components(format: LayerFormat, text: &[u8]) -> Option<(bool, Vec<&[u8]>)> {
    match format {
        LayerFormat::Linux => Some((text.starts_with(b"/"), components(text).collect())),
        LayerFormat::Windows => {
            let separator = |byte: &u8| matches!(byte, b'\\' | b'/');
            let rest = text
                .strip_prefix(br"\\?\")
                .or_else(|| text.strip_prefix(br"\??\"))
                .map_or((text, false), |rest| (rest, true));
            let (path, absolute) = match rest {
                ([b'C' | b'c', b':', path @ ..], _) if path.first().is_some_and(separator) => {
                    (path, true)
                }
                ([_, b':', ..], _) | (_, true) => return None,
                ([first, second, ..], _) if separator(first) && separator(second) => return None,
                (path, false) => (path, path.first().is_some_and(separator)),
            };
            Some((
                absolute,
                path.split(separator)
                    .filter(|part| !part.is_empty())
                    .collect(),
            ))
        }
    }
}

/// The components of a `/`-separated path, without empty ones and `.`.
pub(crate) fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/')
        .filter(|part| !matches!(*part, b"" | b"."))
}
