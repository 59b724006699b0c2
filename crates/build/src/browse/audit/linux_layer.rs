//! What docker, containerd, podman and overlayfs refuse of a Linux layer, or lose without a word.

use std::collections::{HashMap, HashSet};

use crossdock_layer::{LayerIndex, MAX_LINUX_BYTES, NodeKind, RawEntry, TarKind as Kind, Tree};

use super::rule::AuditRule as Rule;
use super::{Findings, quoted, split};

/// The prefix of whiteouts (image-spec layer.md).
const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
/// What AUFS kept for itself; readers pass over it.
const WHITEOUT_META: &[u8] = b".wh..wh.";
/// Bytes of a path that Linux refuses (`PATH_MAX`, which counts a NUL).
const PATH_MAX: usize = 4096;
/// Extended attributes that overlayfs reads as its own.
const OVERLAY: [&[u8]; 2] = [
    b"SCHILY.xattr.trusted.overlay.",
    b"SCHILY.xattr.user.overlay.",
];

struct Checker<'a, 'f, 'c> {
    layer: usize,
    /// The layers beneath; none if they could not be stacked.
    below: Option<&'a Tree>,
    findings: &'f mut Findings<'c>,
    /// By their paths without `./` and slashes at the end; none for a directory that nothing
    /// states.
    stated: HashMap<Vec<u8>, Option<Kind>>,
    whiteouts: Vec<(Vec<u8>, Vec<u8>)>,
    /// Directories whose parents were looked at.
    reached: HashSet<Vec<u8>>,
}

/// Looks at a layer, counted from zero, upon `below`.
pub(super) fn check(
    layer: usize,
    index: &LayerIndex,
    below: Option<&Tree>,
    findings: &mut Findings<'_>,
) {
    let mut checker = Checker {
        layer,
        below,
        findings,
        stated: HashMap::new(),
        whiteouts: Vec::new(),
        reached: HashSet::new(),
    };
    for raw in index.entries() {
        checker.entry(&raw);
    }
    checker.end();
}

impl Checker<'_, '_, '_> {
    fn add(&mut self, rule: Rule, path: &[u8], message: impl Into<String>) {
        self.findings.at(rule, Some(self.layer), path, message);
    }

    fn entry(&mut self, raw: &RawEntry<'_>) {
        let path = raw.path();
        let mut parts = Vec::new();
        let mut leads_up = false;
        for part in path.split(|byte| *byte == b'/') {
            match part {
                b"" | b"." => {}
                b".." => leads_up = true,
                part => parts.push(part),
            }
        }
        if leads_up || path.starts_with(b"/") && !parts.is_empty() {
            let message = match leads_up {
                true => "holds .., which docker refuses",
                false => "is absolute; readers disagree about what that means",
            };
            self.add(Rule::EscapingName, path, message);
            return;
        }
        let Some(name) = parts.last() else { return };
        let clean = parts.join(&b'/');
        self.length(&clean, name);
        if name.starts_with(WHITEOUT) {
            self.whiteout(&clean, name);
            return;
        }
        self.parents(&clean);
        self.state(&clean, raw.kind());
        match raw.kind() {
            Kind::HardLink => self.hard_link(raw, &clean),
            Kind::CharDevice if raw.device() == (0, 0) => {
                let message = "a device 0:0, which overlayfs takes for a whiteout";
                self.add(Rule::OverlayWhiteout, &clean, message);
            }
            Kind::CharDevice | Kind::BlockDevice => {
                let (major, minor) = raw.device();
                let message = format!("a device {major}:{minor}");
                self.add(Rule::SpecialFile, &clean, message);
            }
            _ => {}
        }
        for (key, _) in raw.records() {
            if OVERLAY.iter().any(|start| key.starts_with(start)) {
                let message = format!("has {}", quoted(&key[b"SCHILY.xattr.".len()..]));
                self.add(Rule::OverlayAttribute, &clean, message);
            }
        }
    }

    fn length(&mut self, path: &[u8], name: &[u8]) {
        if name.len() > MAX_LINUX_BYTES {
            let message = format!("the name has {} bytes", name.len());
            self.add(Rule::LongName, path, message);
        }
        // The slash of the root counts.
        if path.len() + 1 >= PATH_MAX {
            let message = format!("the path has {} bytes", path.len() + 1);
            self.add(Rule::LongName, path, message);
        }
    }

    fn whiteout(&mut self, path: &[u8], name: &[u8]) {
        let directory = split(path).0;
        if name == OPAQUE {
            return;
        }
        if name.starts_with(WHITEOUT_META) {
            return;
        }
        let removed = &name[WHITEOUT.len()..];
        if matches!(removed, b"" | b"." | b"..") {
            self.add(Rule::EmptyWhiteout, path, "removes nothing that has a name");
            return;
        }
        let target = match directory {
            b"" => removed.to_vec(),
            directory => [directory, b"/", removed].concat(),
        };
        let below = self.below;
        if below.is_some_and(|tree| tree.lookup(tree.root(), &target, false).is_err()) {
            let message = "no lower layer has what it removes";
            self.add(Rule::WhiteoutOfNothing, path, message);
        }
        self.whiteouts.push((path.to_vec(), target));
    }

    /// What a reader that unpacks the layer alone would make of the directories on the way.
    fn parents(&mut self, path: &[u8]) {
        let directory = split(path).0;
        if directory.is_empty() || !self.reached.insert(directory.to_vec()) {
            return;
        }
        for end in (0..directory.len())
            .filter(|at| directory[*at] == b'/')
            .chain([directory.len()])
        {
            let ancestor = &directory[..end];
            match self.stated.get(ancestor) {
                Some(None | Some(Kind::Directory)) => continue,
                Some(Some(Kind::Symlink)) => {
                    // Within one layer all readers go through it, but not to the same place.
                    let message = format!("{} is a link in this layer", quoted(ancestor));
                    self.add(Rule::LinkedDirectory, path, message);
                    return;
                }
                Some(Some(_)) => {
                    let message = format!("{} is no directory in this layer", quoted(ancestor));
                    self.add(Rule::ParentNotDirectory, path, message);
                    return;
                }
                None => {}
            }
            self.stated.insert(ancestor.to_vec(), None);
            let Some(tree) = self.below else { continue };
            let Ok(node) = tree.lookup(tree.root(), ancestor, false) else {
                continue;
            };
            match tree.kind(node) {
                NodeKind::Symlink(text) => {
                    let message = format!(
                        "{} is a link to {} in a lower layer",
                        quoted(ancestor),
                        quoted(&text)
                    );
                    self.add(Rule::LinkedDirectory, path, message);
                    return;
                }
                NodeKind::Directory => self.implied(tree, node, ancestor),
                NodeKind::File | NodeKind::Special => {}
            }
        }
    }

    /// A directory of a lower layer that this one does not state before it is used.
    fn implied(&mut self, tree: &Tree, node: crossdock_layer::NodeId, path: &[u8]) {
        let Some(entry) = tree.entry(node) else {
            return;
        };
        let posix = &entry.posix;
        if (posix.mode, posix.uid, posix.gid) == (0o755, 0, 0) && posix.xattrs.is_empty() {
            return;
        }
        let message = format!(
            "is used and not stated, and has mode {:04o} and owner {}:{} below",
            posix.mode, posix.uid, posix.gid
        );
        self.add(Rule::ImpliedDirectory, path, message);
    }

    fn state(&mut self, path: &[u8], kind: Kind) {
        let before = self.stated.insert(path.to_vec(), Some(kind)).flatten();
        // Directories are repeated by many tools, and the last one counts for all.
        if before.is_some_and(|before| (before, kind) != (Kind::Directory, Kind::Directory)) {
            self.add(
                Rule::DuplicateEntry,
                path,
                "the name stands twice in the layer",
            );
        }
    }

    fn hard_link(&mut self, raw: &RawEntry<'_>, path: &[u8]) {
        let parts = raw.link().split(|byte| *byte == b'/');
        let parts: Vec<&[u8]> = parts.filter(|part| !matches!(*part, b"" | b".")).collect();
        let target = parts.join(&b'/');
        let problem = if parts.contains(&&b".."[..]) {
            Some("holds ..".to_owned())
        } else if target == path {
            Some("is the link itself".to_owned())
        } else {
            match self.stated.get(&target).copied().flatten() {
                Some(Kind::Directory) => Some("is a directory".to_owned()),
                Some(_) => None,
                None => match self.below {
                    None if self.layer > 0 => None,
                    None => Some("does not stand before it".to_owned()),
                    Some(tree) => match tree.lookup(tree.root(), &target, false) {
                        Ok(node) if tree.is_directory(node) => Some("is a directory".to_owned()),
                        Ok(_) => None,
                        Err(_) => Some("neither stands before it nor in a lower layer".to_owned()),
                    },
                },
            }
        };
        if let Some(problem) = problem {
            let message = format!("its target {} {problem}", quoted(raw.link()));
            self.add(Rule::HardLinkTarget, path, message);
        }
    }

    fn end(&mut self) {
        for (whiteout, target) in std::mem::take(&mut self.whiteouts) {
            if matches!(self.stated.get(&target), Some(Some(_))) {
                self.add(
                    Rule::WhiteoutOfOwn,
                    &whiteout,
                    "is removed and stated by one layer",
                );
            }
        }
    }
}
