//! Paths inside images, as people write and read them.

use crossdock_layer::{LayerFormat, NodeId, Tree, decode_component, encode_path};

use super::error::{PathError, PathProblem};

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundPath {
    /// The entry.
    pub node: NodeId,
    /// The path ended with a separator: what is in the directory is meant, through a link too.
    pub is_inside: bool,
}

/// Finds a path in `tree`: `/x` and `x` in every image, `C:\x` and `\x` in one of Windows as well,
/// where case does not count. Links on the way are followed, the last one if `follow` or if a
/// separator stands behind it. An empty path is the root.
pub fn find_path(tree: &Tree, path: &[u8], follow: bool) -> Result<FoundPath, PathError> {
    let format = tree.format();
    let failed = |problem| PathError {
        path: String::from_utf8_lossy(path).into_owned(),
        problem,
    };
    let written = normal(format, path).map_err(failed)?;
    let is_inside = written.ends_with(b"/");
    let follow = follow || is_inside;
    let found = match format {
        LayerFormat::Linux => tree.lookup(tree.root(), &written, follow),
        // Names as programs see them; else as they are stored, which is how those are shown of
        // which a component holds a separator.
        LayerFormat::Windows => tree
            .lookup(tree.root(), &encode_path(&written), follow)
            .or_else(|error| {
                let stored = tree.lookup(tree.root(), &written, follow);
                stored.map_err(|_| error)
            }),
    };
    let node = found.map_err(|error| failed(PathProblem::Resolve(error.kind)))?;
    if is_inside && !tree.is_directory(node) {
        return Err(failed(PathProblem::NotADirectory));
    }
    Ok(FoundPath { node, is_inside })
}

/// A path as trees have it: `/` between its components, no drive.
fn normal(format: LayerFormat, path: &[u8]) -> Result<Vec<u8>, PathProblem> {
    if format == LayerFormat::Linux {
        return Ok(path.to_vec());
    }
    let rest = path.strip_prefix(br"\\?\").unwrap_or(path);
    let rest = match rest {
        [letter, b':', rest @ ..] if letter.is_ascii_alphabetic() => {
            if !letter.eq_ignore_ascii_case(&b'c') {
                return Err(PathProblem::Drive(char::from(*letter)));
            }
            rest
        }
        [b'\\' | b'/', b'\\' | b'/', ..] => return Err(PathProblem::Server),
        rest => rest,
    };
    let separator = |byte: &u8| if *byte == b'\\' { b'/' } else { *byte };
    Ok(rest.iter().map(separator).collect())
}

/// The name of an entry as programs of its system see it; empty for the root.
pub fn shown_name(tree: &Tree, node: NodeId) -> Vec<u8> {
    let mut text = Vec::new();
    push_name(&mut text, tree.format(), tree.name(node));
    text
}

/// The path of an entry as people of its system write it: `/usr/bin` or `C:\Windows`. It is not
/// escaped.
pub fn shown_path(tree: &Tree, node: NodeId) -> Vec<u8> {
    path_text(tree.format(), &tree.path(node))
}

/// A stored path as people write it.
pub(crate) fn path_text(format: LayerFormat, stored: &[u8]) -> Vec<u8> {
    let mut text = match format {
        LayerFormat::Linux => b"/".to_vec(),
        LayerFormat::Windows => br"C:\".to_vec(),
    };
    for (place, component) in stored.split(|&byte| byte == b'/').enumerate() {
        if place > 0 {
            text.push(separator(format));
        }
        push_name(&mut text, format, component);
    }
    text
}

/// What people write between the components of a path.
pub(crate) fn separator(format: LayerFormat) -> u8 {
    match format {
        LayerFormat::Linux => b'/',
        LayerFormat::Windows => b'\\',
    }
}

/// Appends a stored name as programs see it.
pub(crate) fn push_name(text: &mut Vec<u8>, format: LayerFormat, stored: &[u8]) {
    // Only names with characters of the private area are encoded, and these begin with this byte.
    if format == LayerFormat::Linux || !stored.contains(&0xEF) {
        text.extend_from_slice(stored);
        return;
    }
    let decoded = decode_component(stored);
    // A path with it could not be read.
    match decoded.contains(&b'\\') {
        true => text.extend_from_slice(stored),
        false => text.extend_from_slice(&decoded),
    }
}
