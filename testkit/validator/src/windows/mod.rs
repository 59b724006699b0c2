//! Windows layers.

mod links;
mod metadata;
mod order;

use std::collections::HashMap;
use std::io::Read;

use crate::names::{refused, split, units, upcase};
use crate::parents::Parents;
use crate::report::{EntryKind, EntrySummary, Report, Rule};
use crate::tar::{Fault, Member, TarReader};
pub(crate) use order::{Order, directory};

const HIVES: [&str; 5] = ["DEFAULT", "SAM", "SECURITY", "SOFTWARE", "SYSTEM"];
const CONFIG: &str = "Files/Windows/System32/config/";
const BCD: &str = "UtilityVM/Files/EFI/Microsoft/Boot/BCD";
/// More content of a hive than this is not looked at.
const HIVE_LIMIT: usize = 256 << 20;

/// Where a layer lies in its image.
#[derive(Clone, Copy, Debug)]
pub enum LayerRole<'a> {
    /// The lowest layer.
    Base,
    /// A layer on top of others.
    Child(&'a Parents),
}

/// Checks an uncompressed layer against every [`Rule`]. A fault that leaves no way to find the
/// next header is the last problem of the report.
pub fn validate_layer(input: impl Read, role: LayerRole<'_>) -> Report {
    let mut check = Check::new(role);
    let mut tar = TarReader::new(input);
    let mut last = String::new();
    loop {
        match tar.next() {
            Ok(None) => break,
            Ok(Some(member)) => {
                last = String::from_utf8_lossy(&member.name).into_owned();
                let mut content = Vec::new();
                let keep = is_hive(&last);
                let taken = tar.content(member.size, |bytes| {
                    if keep && content.len() < HIVE_LIMIT {
                        content.extend_from_slice(bytes);
                    }
                });
                check.member(&member, &last, &content);
                match taken {
                    Ok(None) => {}
                    Ok(Some(fault)) => check.report.add(&last, fault.rule, fault.message),
                    Err(fault) => return check.broken(&last, fault),
                }
            }
            Err(fault) => return check.broken(&last, fault),
        }
    }
    check.finish()
}

fn is_hive(path: &str) -> bool {
    path == BCD
        || path.starts_with("Hives/")
        || path
            .strip_prefix(CONFIG)
            .is_some_and(|name| HIVES.contains(&name))
}

/// What this layer has under an upcased path.
struct Seen {
    spelling: String,
    kind: EntryKind,
    /// The upcased path of the file that this is a name of.
    file: String,
}

struct Check<'a> {
    role: LayerRole<'a>,
    report: Report,
    seen: HashMap<String, Seen>,
    whiteouts: HashMap<String, String>,
    streams: HashMap<String, String>,
    /// The last entry that can own streams.
    owner: Option<String>,
    order: Order,
    /// Links added to each file by this layer, by the upcased path of the file.
    links: HashMap<String, usize>,
    forward: Vec<(String, String)>,
    symlinks: Vec<links::Symlink>,
    hives: Vec<String>,
}

impl<'a> Check<'a> {
    fn new(role: LayerRole<'a>) -> Check<'a> {
        Check {
            role,
            report: Report::default(),
            seen: HashMap::new(),
            whiteouts: HashMap::new(),
            streams: HashMap::new(),
            owner: None,
            order: Order::default(),
            links: HashMap::new(),
            forward: Vec::new(),
            symlinks: Vec::new(),
            hives: Vec::new(),
        }
    }

    fn broken(mut self, path: &str, fault: Fault) -> Report {
        self.report.add(path, fault.rule, fault.message);
        self.report
    }

    fn parents(&self) -> Option<&'a Parents> {
        match self.role {
            LayerRole::Base => None,
            LayerRole::Child(parents) => Some(parents),
        }
    }

    fn member(&mut self, member: &Member, name: &str, content: &[u8]) {
        for fault in &member.faults {
            self.report.add(name, fault.rule, fault.message.clone());
        }
        if std::str::from_utf8(&member.name).is_err() {
            self.report
                .add(name, Rule::NameCharacter, "the name is not UTF-8");
        }
        if !matches!(member.typeflag, b'0'..=b'6') {
            let message = format!("type {:?}", char::from(member.typeflag));
            self.report.add(name, Rule::Typeflag, message);
        }
        if let Some((key, _)) = member
            .pax
            .iter()
            .find(|(key, _)| key.starts_with(b"GNU.sparse"))
        {
            let message = format!("a sparse file: {}", String::from_utf8_lossy(key));
            self.report.add(name, Rule::Typeflag, message);
        }
        if name.contains(':') {
            return self.stream(member, name);
        }
        self.owner = None;
        let path = name.strip_suffix('/').unwrap_or(name);
        if path.len() != name.len() {
            self.report
                .add(name, Rule::TrailingSlash, "a trailing slash");
        }
        if !self.path(name, path) {
            return;
        }
        if split(path).1.starts_with(".wh.") {
            return self.whiteout(member, path);
        }
        self.place(path);
        match member.typeflag {
            b'1' => self.hard_link(member, path),
            b'2' => self.symlink(member, path),
            b'5' => self.add(path, EntryKind::Directory, None),
            _ => self.add(path, EntryKind::File, None),
        }
        metadata::check(self, member, path);
        if member.typeflag != b'1' {
            self.owner = Some(path.to_owned());
        }
        self.special(member, path, content);
    }

    /// Checks a path for itself; false if nothing else can be said of it.
    fn path(&mut self, name: &str, path: &str) -> bool {
        let report = &mut self.report;
        let inside = !path.split('/').any(|c| matches!(c, "" | "." | "..")) && !path.contains('\\');
        if !inside {
            report.add(
                name,
                Rule::Containment,
                "the name can lead outside or is not clean",
            );
            return false;
        }
        let top = path.split('/').next().unwrap_or_default();
        let vm = path == "UtilityVM"
            || path == "UtilityVM/Files"
            || path.starts_with("UtilityVM/Files/");
        if !(matches!(top, "Files" | "Hives") || vm) {
            report.add(
                name,
                Rule::TopLevel,
                "not in Files, Hives or UtilityVM/Files",
            );
        }
        if let Some(c) = path.chars().find(|&c| refused(c)) {
            report.add(name, Rule::NameCharacter, format!("{c:?}"));
        }
        if let Some(long) = path.split('/').find(|c| units(c) > 255) {
            report.add(
                name,
                Rule::NameLength,
                format!("a component of {} units", units(long)),
            );
        }
        if units(path) > 32_767 {
            report.add(
                name,
                Rule::NameLength,
                format!("a path of {} units", units(path)),
            );
        }
        true
    }

    fn stream(&mut self, member: &Member, name: &str) {
        let (owner, stream) = name.split_once(':').expect("the caller saw a colon");
        if self.owner.as_deref() != Some(owner) {
            return self.report.add(
                name,
                Rule::Stream,
                "a colon, and no entry of the name before",
            );
        }
        if member.typeflag != b'0' {
            self.report
                .add(name, Rule::Stream, "a stream that is not a regular entry");
        }
        if stream.is_empty() || stream.contains([':', '/', '\\', '\0']) || units(stream) > 255 {
            self.report
                .add(name, Rule::Stream, "no valid name of a stream");
        }
        if let Some(other) = self.streams.insert(upcase(name), name.to_owned()) {
            self.report
                .add(name, Rule::Duplicate, format!("also {other:?}"));
        }
        metadata::check_times(self, member, name, false);
        self.summary(name, EntryKind::Stream, None);
    }

    /// Checks where an entry lies: order, parents, and that it is the only one.
    fn place(&mut self, path: &str) {
        self.order.entry(path.as_bytes());
        let (directory, _) = split(path);
        if !directory.is_empty() {
            let parent = self.seen.get(&upcase(directory));
            match parent.map(|parent| (parent.kind, parent.spelling == directory)) {
                Some((EntryKind::Directory, true)) => {}
                Some((EntryKind::Directory, false)) => {
                    self.report
                        .add(path, Rule::CaseVariant, "the parent is spelled otherwise");
                }
                Some(_) => self
                    .report
                    .add(path, Rule::Ancestor, "the parent is no directory"),
                None => self
                    .report
                    .add(path, Rule::Parent, "no entry of the parent before"),
            }
        }
        let below = self
            .parents()
            .and_then(|parents| parents.get(&upcase(path)));
        if let Some(known) = below.filter(|b| b.spelling != path)
            && !self.whiteouts.contains_key(&upcase(path))
        {
            let message = format!("a parent layer spells it {:?}", known.spelling);
            self.report.add(path, Rule::BaseSpelling, message);
        }
        let other = self
            .seen
            .get(&upcase(path))
            .map(|seen| seen.spelling.clone());
        if let Some(other) = other {
            let rule = if other == path {
                Rule::Duplicate
            } else {
                Rule::CaseVariant
            };
            self.report.add(path, rule, format!("also {other:?}"));
        }
    }

    fn add(&mut self, path: &str, kind: EntryKind, target: Option<String>) {
        let upcased = upcase(path);
        if kind == EntryKind::Directory && !self.whiteouts.contains_key(&upcased) {
            let below = self.parents().and_then(|parents| parents.get(&upcased));
            if below.is_some_and(|b| is_link(b.kind)) {
                self.report.add(
                    path,
                    Rule::Ancestor,
                    "a directory where a parent has a link",
                );
            }
        }
        let file = upcased.clone();
        self.seen.insert(
            upcased,
            Seen {
                spelling: path.to_owned(),
                kind,
                file,
            },
        );
        self.summary(path, kind, target);
    }

    fn summary(&mut self, path: &str, kind: EntryKind, target: Option<String>) {
        self.report.entries.push(EntrySummary {
            path: path.to_owned(),
            kind,
            target,
        });
    }

    fn whiteout(&mut self, member: &Member, name: &str) {
        let (directory, base) = split(name);
        let base = &base[".wh.".len()..];
        if base.starts_with(".wh.") {
            return self.report.add(
                name,
                Rule::WhiteoutOpaque,
                "Windows removes a file of this name",
            );
        }
        if base.is_empty() {
            return self
                .report
                .add(name, Rule::WhiteoutEmpty, "it removes nothing");
        }
        if member.typeflag != b'0' || member.size != 0 {
            self.report
                .add(name, Rule::Whiteout, "not an empty regular entry");
        }
        let path = format!("{directory}/{base}");
        let upcased = upcase(&path);
        let Some(parents) = self.parents() else {
            return self
                .report
                .add(name, Rule::Whiteout, "a base layer cannot have tombstones");
        };
        if !path.starts_with("Files/") && !path.starts_with("UtilityVM/Files/") {
            self.report
                .add(name, Rule::Whiteout, "an invalid tombstone for hcsshim");
        }
        match parents.get(&upcased) {
            None => self
                .report
                .add(name, Rule::WhiteoutTarget, "no parent has what it removes"),
            Some(known) if known.spelling != path => {
                let message = format!("the parent spells it {:?}", known.spelling);
                self.report.add(name, Rule::WhiteoutTarget, message);
            }
            Some(_) => {}
        }
        let missing = parents
            .below(&upcased)
            .find(|(path, _)| !self.whiteouts.contains_key(*path));
        if let Some((_, known)) = missing {
            let message = format!("{:?} is not removed before", known.spelling);
            self.report.add(name, Rule::WhiteoutChildren, message);
        }
        let mut ancestor = directory;
        while !ancestor.is_empty() {
            if self.whiteouts.contains_key(&upcase(ancestor)) {
                let message = format!("it follows the whiteout of {ancestor:?}");
                self.report.add(name, Rule::WhiteoutOrder, message);
            }
            ancestor = split(ancestor).0;
        }
        if self.order.has_entries(directory.as_bytes()) {
            self.report
                .add(name, Rule::WhiteoutOrder, "it follows a sibling");
        }
        if let Some(other) = self.whiteouts.insert(upcased, name.to_owned()) {
            self.report
                .add(name, Rule::Duplicate, format!("also {other:?}"));
        }
        self.summary(&path, EntryKind::Whiteout, None);
    }

    /// Entries whose content matters.
    fn special(&mut self, member: &Member, path: &str, content: &[u8]) {
        if let Some(hive) = path.strip_prefix("Hives/") {
            let name = upcase(hive);
            let known = name
                .strip_suffix("_DELTA")
                .or_else(|| name.strip_suffix("_BASE"));
            if !known.is_some_and(|n| HIVES.contains(&n) || n == "DEFAULTUSER") {
                self.report.add(path, Rule::Hive, "not a registry delta");
            }
        }
        if is_hive(path) {
            if member.typeflag != b'0' {
                return self.report.add(path, Rule::Hive, "not a regular file");
            }
            self.hives.push(path.to_owned());
            if let Err(error) = crate::hive::check(content) {
                self.report.add(path, Rule::Hive, error);
            }
        }
    }

    fn finish(mut self) -> Report {
        self.late_links();
        self.order.finish(&mut self.report);
        let has = |path: &str| {
            self.seen
                .get(&upcase(path))
                .is_some_and(|seen| seen.kind == EntryKind::Directory)
        };
        let base = matches!(self.role, LayerRole::Base);
        if !has("Files") {
            self.report.add("", Rule::Files, "no directory `Files`");
        }
        if !base && !has("Hives") {
            self.report
                .add("", Rule::Files, "no directory `Hives` in a child layer");
        }
        let vm = has("UtilityVM");
        if base {
            for hive in HIVES {
                let path = format!("{CONFIG}{hive}");
                if !self.hives.contains(&path) {
                    self.report.add(&path, Rule::Hive, "a base layer needs it");
                }
            }
            if vm && !self.hives.iter().any(|path| path == BCD) {
                self.report
                    .add(BCD, Rule::UtilityVm, "a utility VM needs it");
            }
        } else if vm && self.parents().is_some_and(|p| p.get("UTILITYVM").is_none()) {
            self.report.add(
                "UtilityVM",
                Rule::UtilityVm,
                "the base has no utility VM to clone",
            );
        }
        self.report
    }
}

fn is_link(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::FileLink | EntryKind::DirectoryLink)
}
