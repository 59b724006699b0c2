//! Which entries the source arguments of a copy name.

use std::borrow::Cow;

use crate::entry::{LayerFormat, Origin};
use crate::names::{decode_component, encode_component, upcase};
use crate::tree::{NodeId, ResolveError, Tree};

/// An entry that a source argument names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// The entry, links followed.
    pub node: NodeId,
    /// The node whose name the copy takes; differs from `node` where a link was followed.
    pub named: NodeId,
}

/// Matches one component of a pattern against one component of a path (Go's `filepath.Match`).
/// Pattern and name are given as the system compares them. `None`: the pattern is malformed.
pub type Matcher<'a> = &'a dyn Fn(&[u8], &[u8]) -> Option<bool>;

/// A source argument that names nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// The path cannot be followed.
    #[error("source {0}")]
    Resolve(#[from] ResolveError),
    /// The pattern is malformed.
    #[error("source pattern {0:?} is malformed")]
    Pattern(String),
}

/// Finds what `path` names in `tree`. `path` is absolute, `/`-separated, and not encoded; with
/// `wildcard` its components are patterns, and matching nothing gives an empty list.
pub fn select(
    tree: &Tree,
    path: &[u8],
    wildcard: bool,
    matcher: Matcher<'_>,
) -> Result<Vec<Selected>, SelectError> {
    let parts: Vec<&[u8]> = path
        .split(|&byte| byte == b'/')
        .filter(|part| !matches!(*part, b"" | b"."))
        .collect();
    if !wildcard {
        let stored = stored_path(tree.format(), &parts);
        let named = tree.lookup(tree.root(), &stored, false)?;
        let node = tree.lookup(tree.root(), &stored, true)?;
        return Ok(vec![Selected { node, named }]);
    }
    let is_pattern = |part: &&[u8]| part.iter().any(|byte| b"*?[\\".contains(byte));
    let literal = parts.iter().position(is_pattern).unwrap_or(parts.len());
    let stored = stored_path(tree.format(), &parts[..literal]);
    let Ok(start) = tree.lookup(tree.root(), &stored, true) else {
        return Ok(Vec::new());
    };
    let mut matched = vec![start];
    for pattern in &parts[literal..] {
        let mut next = Vec::new();
        for directory in matched {
            // Links in the middle of a pattern are not followed, as in BuildKit.
            if tree.is_directory(directory) {
                match_children(tree, directory, pattern, matcher, &mut next)?;
            }
        }
        matched = next;
    }
    matched
        .into_iter()
        .map(|named| {
            let node = tree.link_target(named);
            let error = |kind| ResolveError {
                path: tree.path(named),
                kind,
            };
            Ok(Selected {
                node: node.map_err(error)?,
                named,
            })
        })
        .collect()
}

fn match_children(
    tree: &Tree,
    directory: NodeId,
    pattern: &[u8],
    matcher: Matcher<'_>,
    found: &mut Vec<NodeId>,
) -> Result<(), SelectError> {
    let pattern = compared(tree.format(), Cow::Borrowed(pattern));
    let mut children = Vec::new();
    for child in tree.children(directory) {
        let name = match tree.format() {
            LayerFormat::Linux => Cow::Borrowed(tree.name(child)),
            LayerFormat::Windows => Cow::Owned(decode_component(tree.name(child))),
        };
        let matches = matcher(&pattern, &compared(tree.format(), Cow::Borrowed(&name)));
        let matches = matches
            .ok_or_else(|| SelectError::Pattern(String::from_utf8_lossy(&pattern).into_owned()))?;
        if matches {
            children.push((name.into_owned(), child));
        }
    }
    children.sort();
    found.extend(children.into_iter().map(|(_, child)| child));
    Ok(())
}

/// A name as its system compares it.
fn compared(format: LayerFormat, name: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    match format {
        LayerFormat::Linux => name,
        LayerFormat::Windows => Cow::Owned(upcase(&name)),
    }
}

fn stored_path(format: LayerFormat, parts: &[&[u8]]) -> Vec<u8> {
    match format {
        LayerFormat::Linux => parts.join(&b'/'),
        LayerFormat::Windows => parts
            .iter()
            .map(|part| encode_component(part))
            .collect::<Vec<_>>()
            .join(&b'/'),
    }
}

/// What lies in the root of a running Windows container and is no part of its image.
pub(crate) fn is_mount_artifact(tree: &Tree, node: NodeId) -> bool {
    tree.format() == LayerFormat::Windows
        && tree.parent(node) == tree.root()
        && [&b"System Volume Information"[..], b"WcSandboxState"]
            .iter()
            .any(|name| crate::names::eq_ignore_case(name, tree.name(node)))
        // What came from Linux under such a name is a file like any other.
        && tree
            .entry(node)
            .is_none_or(|entry| entry.origin == Origin::Win32)
}
