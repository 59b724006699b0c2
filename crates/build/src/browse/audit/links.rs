//! Where links lead, and names that the other system could not hold.

use std::collections::HashMap;

use crossdock_layer::{
    ATTRIBUTE_DIRECTORY, LayerFormat, NodeId, NodeKind, ResolveErrorKind, Tree,
    check_windows_component, encode_component, is_reserved_device, upcase,
};

use super::rule::AuditRule as Rule;
use super::{AuditOptions, Findings, layer_of, quoted};
use crate::browse::shown_path;

/// Folders that a runtime fills, and what it puts there itself.
const FILLED: [&[u8]; 7] = [
    b"/proc",
    b"/dev",
    b"/sys",
    b"/run",
    b"/var/run",
    b"/tmp",
    b"/etc/resolv.conf",
];
/// Folders that small images leave empty: links to what was there stay.
const LEFT_OUT: [&[u8]; 6] = [
    b"/man/",
    b"/doc/",
    b"/info/",
    b"/locale/",
    b"/lintian/",
    b"/licenses/",
];

/// Looks at all links, and with `for_windows` at all names of a Linux image.
pub(super) fn check(tree: &Tree, options: &AuditOptions, findings: &mut Findings<'_>) {
    let names = options.for_windows && tree.format() == LayerFormat::Linux;
    for node in tree.walk(tree.root()) {
        match tree.kind(node) {
            NodeKind::Symlink(text) => link(tree, node, &text, findings),
            NodeKind::Directory if names => pairs(tree, node, findings),
            _ => {}
        }
        if names {
            foreign_name(tree, node, findings);
        }
    }
}

fn link(tree: &Tree, node: NodeId, text: &[u8], findings: &mut Findings<'_>) {
    let mut add = |rule, message: String| {
        findings.at(rule, layer_of(tree, node), &shown_path(tree, node), message);
    };
    let target = quoted(text);
    match tree.link_target(node) {
        Ok(found) => {
            let Some(message) = wrong_kind(tree, node, found) else {
                return;
            };
            add(Rule::LinkKind, format!("leads to {target}, {message}"));
        }
        Err(ResolveErrorKind::TooManyLinks) => {
            add(Rule::LinkCircle, format!("leads to {target}, in a circle"));
        }
        Err(ResolveErrorKind::Outside(_)) => {
            add(Rule::OutsideLink, format!("leads to {target}"));
        }
        Err(ResolveErrorKind::NotFound | ResolveErrorKind::NotADirectory(_)) => {
            let rule = match is_usual(tree, node, text) {
                true => Rule::UsualLink,
                false => Rule::DanglingLink,
            };
            add(rule, format!("leads to {target}, which is not there"));
        }
    }
}

/// What programs of Windows cannot follow, as the kind of a link is its own.
fn wrong_kind(tree: &Tree, link: NodeId, found: NodeId) -> Option<&'static str> {
    if tree.format() != LayerFormat::Windows {
        return None;
    }
    let entry = tree.entry(link)?;
    let to_directory = match entry.win32.junction {
        true => true,
        // Without the record it is a link to a file.
        false => entry.win32.attributes.unwrap_or_default() & ATTRIBUTE_DIRECTORY != 0,
    };
    match (to_directory, tree.is_directory(found)) {
        (false, true) => Some("a directory, and is a link to a file"),
        (true, false) => Some("a file, and is a link to a directory"),
        _ => None,
    }
}

/// Whether such links are in every image.
fn is_usual(tree: &Tree, node: NodeId, text: &[u8]) -> bool {
    if tree.format() != LayerFormat::Linux {
        return false;
    }
    let path = shown_path(tree, node);
    // Where the text says, without looking: what is missing has no links on its way.
    let mut parts: Vec<&[u8]> = Vec::new();
    let from: &[u8] = match text.starts_with(b"/") {
        true => b"",
        false => super::split(&path).0,
    };
    for part in from
        .split(|byte| *byte == b'/')
        .chain(text.split(|byte| *byte == b'/'))
    {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let target = [b"/", &parts.join(&b'/')[..]].concat();
    let below = |folder: &&[u8]| {
        target
            .strip_prefix(*folder)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    };
    let holds = |path: &[u8], part: &[u8]| path.windows(part.len()).any(|window| window == part);
    FILLED.iter().any(below)
        || LEFT_OUT.iter().any(|part| holds(&target, part))
        // Debian's alternatives lead on to such files.
        || (holds(&target, b"/etc/alternatives/") || holds(&path, b"/etc/alternatives/"))
            && (path.ends_with(b".gz") || target.ends_with(b".gz"))
}

/// Names of one directory that Windows takes for one.
fn pairs(tree: &Tree, directory: NodeId, findings: &mut Findings<'_>) {
    let mut seen: HashMap<Vec<u8>, NodeId> = HashMap::new();
    for child in tree.children(directory) {
        let key = upcase(&encode_component(tree.name(child)));
        match seen.get(&key) {
            None => drop(seen.insert(key, child)),
            Some(other) => {
                let message = format!("is {} for Windows", quoted(tree.name(*other)));
                let path = shown_path(tree, child);
                findings.at(Rule::CasePair, layer_of(tree, child), &path, message);
            }
        }
    }
}

fn foreign_name(tree: &Tree, node: NodeId, findings: &mut Findings<'_>) {
    let name = tree.name(node);
    let encoded = encode_component(name);
    let message = if encoded != name {
        format!("is stored as {}", quoted(&encoded))
    } else if let Err(error) = check_windows_component(&encoded)
        && !name.is_empty()
    {
        error.to_string()
    } else if is_reserved_device(name) {
        "is a device for programs of Windows".to_owned()
    } else {
        return;
    };
    let path = shown_path(tree, node);
    findings.at(Rule::ForeignName, layer_of(tree, node), &path, message);
}
