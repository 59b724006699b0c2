//! What the importer of Windows layers (hcsshim's) demands of a tar, entry by entry.

use std::collections::{HashMap, HashSet};

use crossdock_layer::TarKind as Kind;
use crossdock_layer::{
    LayerIndex, NodeId, NodeKind, RawEntry, RecordProblem, Tree, WindowsNameError, check_records,
    check_windows_component, is_reserved_device, upcase, utf16_len,
};

use super::rule::AuditRule as Rule;
use super::{Findings, plain_node, quoted, split};

/// The prefix of whiteouts (image-spec layer.md).
const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..opq";
/// Most UTF-16 units of a path that NT knows.
const MAX_PATH: usize = 32_767;
/// Most names of one file in NTFS.
const MAX_LINKS: u32 = 1024;
/// What a registry delta is called, without regard to case.
const DELTAS: [&str; 5] = [
    "SYSTEM_DELTA",
    "SOFTWARE_DELTA",
    "SAM_DELTA",
    "SECURITY_DELTA",
    "DEFAULTUSER_DELTA",
];

/// A path that the layer states.
struct Stated<'i> {
    path: &'i [u8],
    /// None for a directory that nothing states.
    kind: Option<Kind>,
}

struct Checker<'a, 'i, 'f, 'c> {
    layer: usize,
    /// The layers beneath; none if they could not be stacked.
    below: Option<&'a Tree>,
    findings: &'f mut Findings<'c>,
    /// By their names in capitals.
    stated: HashMap<Vec<u8>, Stated<'i>>,
    whiteouts: HashSet<Vec<u8>>,
    /// Names of each file, by its first one in capitals.
    names: HashMap<Vec<u8>, u32>,
    /// The file that a stream may follow.
    owner: Option<&'i [u8]>,
    /// Hard links, and targets that did not stand before them.
    early: Vec<(&'i [u8], &'i [u8])>,
    streams: HashSet<Vec<u8>>,
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
        whiteouts: HashSet::new(),
        names: HashMap::new(),
        owner: None,
        early: Vec::new(),
        streams: HashSet::new(),
    };
    for raw in index.entries() {
        checker.entry(&raw);
    }
    checker.end(index);
}

impl<'i> Checker<'_, 'i, '_, '_> {
    fn add(&mut self, rule: Rule, path: &[u8], message: impl Into<String>) {
        self.findings.at(rule, Some(self.layer), path, message);
    }

    fn entry(&mut self, raw: &RawEntry<'i>) {
        let path = raw.path();
        if self.stream(raw) {
            return;
        }
        self.owner = None;
        let bare = path.strip_suffix(b"/").unwrap_or(path);
        if bare.len() != path.len() {
            match bare {
                b"UtilityVM" => self.add(
                    Rule::WindowsImporterPath,
                    path,
                    "importers know UtilityVM by its exact name, without the slash",
                ),
                _ => self.add(Rule::TrailingSlash, path, "ends with a slash"),
            }
        }
        if let Some(name) = split(bare).1.strip_prefix(WHITEOUT) {
            self.whiteout(bare, name);
            return;
        }
        if !self.place(bare) {
            return;
        }
        self.names(bare);
        self.parents(bare);
        self.duplicate(bare, raw.kind());
        match raw.kind() {
            Kind::HardLink => self.hard_link(raw, bare),
            Kind::Symlink => self.symlink(raw, bare),
            Kind::File => self.owner = Some(path),
            Kind::Directory => {
                // The importer's streams of directories follow them too.
                self.owner = Some(path);
            }
            Kind::CharDevice | Kind::BlockDevice | Kind::Fifo => {
                self.add(
                    Rule::SpecialFile,
                    bare,
                    "a device or pipe, an empty file on Windows",
                );
            }
        }
        self.records(raw, bare);
    }

    /// Whether the entry is an alternate stream, or looks like one.
    fn stream(&mut self, raw: &RawEntry<'i>) -> bool {
        let path = raw.path();
        let (_, last) = split(path);
        let Some(colon) = last.iter().position(|byte| *byte == b':') else {
            return false;
        };
        let (owner, name) = (&path[..path.len() - last.len() + colon], &last[colon + 1..]);
        let follows = self
            .owner
            .is_some_and(|before| before.strip_suffix(b"/").unwrap_or(before) == owner);
        if !follows {
            let message = match self.stated.contains_key(&upcase(owner)) {
                true => "does not stand right behind the file whose stream it would be",
                false => "holds a colon, and is no stream of the entry before it",
            };
            self.add(Rule::StreamOwner, path, message);
            return true;
        }
        let plain = name.strip_suffix(b":$DATA").unwrap_or(name);
        if raw.kind() != Kind::File {
            self.add(
                Rule::StreamOwner,
                path,
                "is no regular file, so it is no stream",
            );
        } else if plain.is_empty() || plain.contains(&b':') || plain.contains(&b'\\') {
            self.add(
                Rule::StreamOwner,
                path,
                "names no stream that Windows could store",
            );
        } else if plain.len() != name.len() {
            self.add(Rule::StreamSuffix, path, "ends with :$DATA");
        } else if raw.sparse().is_some() {
            self.add(
                Rule::StreamOwner,
                path,
                "is sparse, which streams cannot be",
            );
        }
        let key = [&upcase(owner)[..], b":", &upcase(plain)].concat();
        if !self.streams.insert(key) {
            self.add(
                Rule::DuplicateEntry,
                path,
                "the stream stands twice in the layer",
            );
        }
        true
    }

    fn whiteout(&mut self, path: &[u8], name: &[u8]) {
        if self.layer == 0 {
            self.add(Rule::WhiteoutInBase, path, "a whiteout in the lowest layer");
            return;
        }
        if matches!(name, b"" | b"." | b"..") {
            self.add(Rule::EmptyWhiteout, path, "removes nothing that has a name");
            return;
        }
        if name == OPAQUE {
            let message = "importers of Windows layers would remove a file called .wh..opq";
            self.add(Rule::OpaqueWhiteout, path, message);
            return;
        }
        let directory = split(path).0;
        if !self.place(directory) {
            return;
        }
        let target = [directory, b"/", name].concat();
        let key = upcase(&target);
        if let Some(tree) = self.below {
            match plain_node(tree, &target) {
                None => self.add(
                    Rule::WhiteoutOfNothing,
                    path,
                    "no lower layer has what it removes",
                ),
                Some(node) => {
                    let open = tree.children(node).find(|child| {
                        let child = [&key[..], b"/", &upcase(tree.name(*child))].concat();
                        !self.whiteouts.contains(&child)
                    });
                    if let Some(child) = open {
                        let message =
                            format!("{} in it is not removed before", quoted(tree.name(child)));
                        self.add(Rule::WhiteoutOrder, path, message);
                    }
                }
            }
        }
        if !self.whiteouts.insert(key) {
            self.add(
                Rule::DuplicateEntry,
                path,
                "the whiteout stands twice in the layer",
            );
        }
    }

    /// Whether the path lies where the importer takes files from.
    fn place(&mut self, path: &[u8]) -> bool {
        let message = if path.starts_with(b"/") {
            Some("is absolute")
        } else if path.contains(&b'\\') {
            Some("holds a backslash, which separates directories on Windows")
        } else if matches!(path, [drive, b':', ..] if drive.is_ascii_alphabetic()) {
            Some("begins with a drive")
        } else if path.split(|byte| *byte == b'/').any(|part| part == b"..") {
            Some("holds .., which leads elsewhere")
        } else if path
            .split(|byte| *byte == b'/')
            .any(|part| matches!(part, b"" | b"."))
        {
            Some("holds an empty component or a dot")
        } else {
            let mut parts = path.splitn(3, |byte| *byte == b'/');
            match (parts.next().unwrap_or_default(), parts.next()) {
                (b"Files" | b"Hives", _) | (b"UtilityVM", None | Some(b"Files")) => None,
                (b"UtilityVM", Some(_)) => {
                    Some("lies in UtilityVM but not in UtilityVM/Files, which importers refuse")
                }
                _ => Some("lies in none of Files, Hives and UtilityVM, so no container sees it"),
            }
        };
        if let Some(message) = message {
            self.add(Rule::WindowsImporterPath, path, message);
        }
        message.is_none()
    }

    fn names(&mut self, path: &[u8]) {
        if path.contains(&b':') {
            // In a directory's name; that of a stream was looked at.
            self.add(Rule::StreamOwner, path, "holds a colon");
        }
        // What lies in a directory repeats its name: each is told where it is the last one.
        let name = split(path).1;
        match check_windows_component(name) {
            Ok(()) => {}
            Err(WindowsNameError::Character { character: ':', .. }) => {}
            Err(error) => self.add(Rule::InvalidName, path, error.to_string()),
        }
        if is_reserved_device(name) {
            let message = format!("{} is a device for programs of Windows", quoted(name));
            self.add(Rule::ReservedName, path, message);
        }
        if name.ends_with(b".") || name.ends_with(b" ") {
            let message = format!("programs of Windows cannot open {}", quoted(name));
            self.add(Rule::TrailingDot, path, message);
        }
        let units = utf16_len(path);
        if units > MAX_PATH {
            let message =
                format!("the path has {units} UTF-16 units; Windows knows at most {MAX_PATH}");
            self.add(Rule::InvalidName, path, message);
        }
    }

    /// Importers make no directories, and go through no links.
    fn parents(&mut self, path: &'i [u8]) {
        let directory = split(path).0;
        if directory.is_empty() {
            return;
        }
        let key = upcase(directory);
        match self.stated.get(&key).map(|stated| stated.kind) {
            Some(None | Some(Kind::Directory)) => {}
            Some(Some(Kind::Symlink)) => {
                let message = format!("{} is a link in this layer", quoted(directory));
                self.add(Rule::LinkAncestor, path, message);
            }
            Some(Some(_)) => {
                let message = format!("{} is no directory in this layer", quoted(directory));
                self.add(Rule::ParentNotDirectory, path, message);
            }
            None => {
                let message = format!("{} does not stand before it", quoted(directory));
                self.add(Rule::LayerOrder, path, message);
                // Once is enough for all that is in it.
                let implied = Stated {
                    path: directory,
                    kind: None,
                };
                self.stated.insert(key, implied);
            }
        }
    }

    fn duplicate(&mut self, path: &'i [u8], kind: Kind) {
        let key = upcase(path);
        let stated = Stated {
            path,
            kind: Some(kind),
        };
        let before = self.stated.insert(key, stated);
        match before {
            Some(Stated {
                kind: Some(_),
                path: other,
            }) if other == path => {
                self.add(
                    Rule::DuplicateEntry,
                    path,
                    "the name stands twice in the layer",
                );
            }
            Some(Stated {
                kind: Some(_),
                path: other,
            }) => {
                let message = format!("is {} for Windows, which stands before", quoted(other));
                self.add(Rule::CaseCollision, path, message);
            }
            _ => {
                let node = self
                    .below
                    .and_then(|tree| Some((tree, plain_node(tree, path)?)));
                if let Some((tree, node)) = node
                    && tree.root() != node
                    && tree.name(node) != split(path).1
                {
                    let message = format!("a lower layer spells it {}", quoted(tree.name(node)));
                    self.add(Rule::SpellingDiffers, path, message);
                }
            }
        }
    }

    fn hard_link(&mut self, raw: &RawEntry<'i>, path: &'i [u8]) {
        let target = raw.link();
        let inside = [&b"Files/"[..], b"UtilityVM/Files/"];
        if !inside.iter().any(|start| target.starts_with(start))
            || target
                .split(|byte| *byte == b'/')
                .any(|part| matches!(part, b"" | b"." | b".."))
        {
            let message = format!(
                "leads to {}, which is not in Files or UtilityVM/Files",
                quoted(target)
            );
            self.add(Rule::HardLinkTarget, path, message);
            return;
        }
        let key = upcase(target);
        let stated = self.stated.get(&key).filter(|stated| stated.kind.is_some());
        if let Some(stated) = stated
            && path != target
        {
            let is_file = !matches!(stated.kind, Some(Kind::Directory | Kind::Symlink));
            let spelling = (stated.path != target).then(|| quoted(stated.path));
            if !is_file {
                let message = format!("leads to {}, which is no file", quoted(target));
                self.add(Rule::HardLinkTarget, path, message);
            } else if let Some(spelling) = spelling {
                let message = format!("leads to {}, spelled {spelling}", quoted(target));
                self.add(Rule::HardLinkOrder, path, message);
            }
            self.count_name(key, path);
            return;
        }
        let node = self
            .below
            .and_then(|tree| Some((tree, plain_node(tree, target)?)));
        match node {
            Some((tree, node)) if is_file(tree, node) => self.count_name(key, path),
            Some(_) => {
                let message = format!("leads to {}, which is no file", quoted(target));
                self.add(Rule::HardLinkTarget, path, message);
            }
            // Nothing is known of what lies beneath.
            None if self.below.is_none() && self.layer > 0 => {}
            // It may stand behind the link.
            None => self.early.push((path, target)),
        }
    }

    fn count_name(&mut self, target: Vec<u8>, path: &[u8]) {
        let count = self.names.entry(target).or_insert(1);
        *count += 1;
        if *count == MAX_LINKS + 1 {
            self.add(Rule::LinkCount, path, "is the 1,025th name of its file");
        }
    }

    fn symlink(&mut self, raw: &RawEntry<'i>, path: &[u8]) {
        let text = raw.link();
        let refused = |byte: &u8| *byte < b' ' || br#"*<>"|"#.contains(byte);
        // Behind `\\?\` a question mark is none.
        let plain = text
            .strip_prefix(br"\\?\")
            .or_else(|| text.strip_prefix(br"\??\"));
        let plain = plain.unwrap_or(text);
        let message = if text.is_empty() {
            Some("has no target".to_owned())
        } else if std::str::from_utf8(text).is_err() {
            Some(format!("its target {} is not UTF-8", quoted(text)))
        } else if plain.iter().any(|byte| refused(byte) || *byte == b'?') {
            let text = quoted(text);
            Some(format!(
                "its target {text} holds a character that Windows refuses"
            ))
        } else if plain.starts_with(b"Files/") || plain.starts_with(br"Files\") {
            Some(format!(
                "its target {} begins with Files, which no program in a container sees",
                quoted(text)
            ))
        } else if raw.record(b"MSWINDOWS.mountpoint").is_some()
            && !matches!(plain, [drive, b':', ..] if drive.is_ascii_alphabetic())
            && plain.len() == text.len()
        {
            Some(format!(
                "a junction whose target {} names no drive",
                quoted(text)
            ))
        } else {
            None
        };
        if let Some(message) = message {
            self.add(Rule::LinkText, path, message);
        }
    }

    fn records(&mut self, raw: &RawEntry<'i>, path: &[u8]) {
        for problem in check_records(raw) {
            let rule = match problem {
                RecordProblem::AttributeKind { .. } => Rule::AttributeKind,
                RecordProblem::TimeRange(_) => Rule::TimeRange,
                _ => Rule::BadRecord,
            };
            self.add(rule, path, problem.to_string());
        }
        // A link has the file's; registry deltas are written without; upon a base, so are the
        // roots.
        let root = matches!(path, b"Files" | b"Hives" | b"UtilityVM");
        let exempt = raw.kind() == Kind::HardLink
            || path.starts_with(b"Hives")
            || root && !(self.layer == 0 && path == b"Files");
        let has = |key| raw.record(key).is_some();
        if !exempt && !has(b"MSWINDOWS.rawsd") && !has(b"MSWINDOWS.sd") {
            self.add(Rule::MissingDescriptor, path, "has no security descriptor");
        }
        if let Some(name) = path.strip_prefix(b"Hives/") {
            let known = |delta: &&str| name.eq_ignore_ascii_case(delta.as_bytes());
            if !DELTAS.iter().any(known) {
                self.add(Rule::UnknownHive, path, "is no delta that importers know");
            }
        }
    }

    /// What only the whole layer tells.
    fn end(&mut self, index: &LayerIndex) {
        for (path, target) in std::mem::take(&mut self.early) {
            let kind = self
                .stated
                .get(&upcase(target))
                .and_then(|stated| stated.kind);
            if matches!(kind, Some(Kind::File | Kind::HardLink)) && path != target {
                let message = format!("leads to {}, which stands behind it", quoted(target));
                self.add(Rule::HardLinkOrder, path, message);
            } else {
                let message = format!(
                    "leads to {}, which is neither in this layer nor in a lower one",
                    quoted(target)
                );
                self.add(Rule::HardLinkTarget, path, message);
            }
        }
        if self.findings.wants(&[Rule::WhiteoutOfOwn]) {
            let mut both: Vec<Vec<u8>> = Vec::new();
            for key in &self.whiteouts {
                if let Some(Stated {
                    kind: Some(_),
                    path,
                }) = self.stated.get(key)
                {
                    both.push(path.to_vec());
                }
            }
            both.sort();
            for path in both {
                self.add(
                    Rule::WhiteoutOfOwn,
                    &path,
                    "is removed and stated by one layer",
                );
            }
        }
        let (layer, stated) = (self.layer, &self.stated);
        let has = |path: &[u8]| {
            stated
                .get(&upcase(path))
                .is_some_and(|found| found.kind.is_some())
        };
        let missing: Vec<&str> = [("Files", &b"Files"[..]), ("Hives", b"Hives")]
            .into_iter()
            .filter(|(_, path)| !has(path))
            .map(|(name, _)| name)
            .collect();
        if !missing.is_empty() && !index.is_empty() && layer > 0 {
            let message = format!("has no entry for {}", missing.join(" and "));
            self.findings
                .about_layer(Rule::MissingRoots, layer, message);
        } else if layer == 0 && !has(b"Files") {
            let message = "has no entry for Files, which a base layer must have";
            self.findings.about_layer(Rule::LayerOrder, layer, message);
        }
    }
}

fn is_file(tree: &Tree, node: NodeId) -> bool {
    matches!(tree.kind(node), NodeKind::File | NodeKind::Special)
}
