//! The registry of a Windows image.

use crossdock_layer::{Entry, HIVES, HiveHeader, Kind, NodeId, Source, Tree};

use super::rule::AuditRule as Rule;
use super::{Findings, plain_node};
use crate::browse::{BrowseError, OpenedImage};

/// Where the hives of a base layer lie.
const FOLDER: &str = "Files/Windows/System32/config";
const BOOT_DATA: &[u8] = b"UtilityVM/Files/EFI/Microsoft/Boot/BCD";
/// Bytes of a hive that are looked at: the base block and the first bin's beginning.
const HEAD: u64 = 16 << 10;

/// Looks at the hives of the base, at those of a virtual machine, and at deltas.
pub(super) fn check(
    image: &OpenedImage<'_>,
    tree: &Tree,
    findings: &mut Findings<'_>,
) -> Result<(), BrowseError> {
    if !findings.wants(&[Rule::MissingHive, Rule::DamagedHive, Rule::DirtyHive]) {
        return Ok(());
    }
    for name in HIVES {
        let path = format!("{FOLDER}/{name}");
        match plain_node(tree, path.as_bytes()) {
            None => {
                let message = "no Windows starts a container without it";
                findings.at(Rule::MissingHive, Some(0), path.as_bytes(), message);
            }
            Some(node) => hive(image, tree, node, path.as_bytes(), findings)?,
        }
    }
    if plain_node(tree, b"UtilityVM/Files").is_some() {
        match plain_node(tree, BOOT_DATA) {
            None => {
                let message = "importers change it where there is a UtilityVM, and fail";
                findings.at(Rule::MissingHive, Some(0), BOOT_DATA, message);
            }
            Some(node) => hive(image, tree, node, BOOT_DATA, findings)?,
        }
    }
    let Some(folder) = plain_node(tree, b"Hives") else {
        return Ok(());
    };
    for node in tree.children(folder) {
        let name = tree.name(node);
        // Others than deltas are told where the layer is looked at.
        if name.to_ascii_uppercase().ends_with(b"_DELTA") {
            let path = [b"Hives/", name].concat();
            hive(image, tree, node, &path, findings)?;
        }
    }
    Ok(())
}

fn hive(
    image: &OpenedImage<'_>,
    tree: &Tree,
    node: NodeId,
    path: &[u8],
    findings: &mut Findings<'_>,
) -> Result<(), BrowseError> {
    let layer = match tree.source(node) {
        Source::Layer { layer, .. } => Some(layer as usize),
        _ => None,
    };
    let Some(Entry {
        kind: Kind::File(content),
        ..
    }) = tree.entry(node)
    else {
        findings.at(Rule::DamagedHive, layer, path, "is no regular file");
        return Ok(());
    };
    let head = image
        .content_start(&content, HEAD)
        .map_err(|source| BrowseError::Content {
            image: image.name().to_owned(),
            path: String::from_utf8_lossy(path).into_owned(),
            source,
        })?;
    match HiveHeader::read(&head, content.size()) {
        Err(error) => findings.at(Rule::DamagedHive, layer, path, error.to_string()),
        Ok(header) if !header.clean => {
            let message = "its two sequence numbers differ";
            findings.at(Rule::DirtyHive, layer, path, message);
        }
        Ok(_) => {}
    }
    Ok(())
}
