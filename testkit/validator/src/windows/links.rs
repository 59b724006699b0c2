//! Hard links and symlinks.

use super::{Check, Seen, is_link};
use crate::names::{refused, split, upcase};
use crate::report::{EntryKind, Rule};
use crate::tar::Member;

/// 1,024 names of a file, one of which is not a link.
const LINK_LIMIT: usize = 1023;

/// A symlink whose kind is checked when all entries are known.
pub(super) struct Symlink {
    path: String,
    text: String,
    directory: bool,
}

impl Check<'_> {
    pub(super) fn hard_link(&mut self, member: &Member, path: &str) {
        let target = String::from_utf8_lossy(&member.link).into_owned();
        let file = self.hard_link_target(path, &target);
        let upcased = upcase(path);
        let seen = Seen {
            spelling: path.to_owned(),
            kind: EntryKind::HardLink,
            file,
        };
        self.seen.insert(upcased, seen);
        self.summary(path, EntryKind::HardLink, Some(target));
    }

    /// Checks a hard link's target and gives the upcased path of the file.
    fn hard_link_target(&mut self, path: &str, target: &str) -> String {
        let rooted = |p: &str| p.starts_with("Files/") || p.starts_with("UtilityVM/Files/");
        let clean = !target.split('/').any(|c| matches!(c, "" | "." | ".."))
            && !target.contains(['\\', ':'])
            && !target.chars().any(refused);
        if !clean || !rooted(target) || !rooted(path) {
            let message = format!("{target:?} or the link leads out of Files/");
            self.report.add(path, Rule::HardLinkRoot, message);
        }
        let upcased = upcase(target);
        if upcased == upcase(path) {
            self.report
                .add(path, Rule::HardLinkTarget, "a link to itself");
            return upcased;
        }
        let own = self
            .seen
            .get(&upcased)
            .map(|s| (s.spelling.clone(), s.kind, s.file.clone()));
        let below = self.parents().and_then(|parents| {
            let known = parents.get(&upcased)?;
            Some((known, parents.names_of(known)))
        });
        let (spelling, kind, file, names) = match (own, below) {
            (Some((spelling, kind, file)), _) => (spelling, kind, file, 1),
            (None, Some((known, names))) => (
                known.spelling.clone(),
                known.kind,
                known.file.clone(),
                names,
            ),
            (None, None) => {
                self.forward.push((path.to_owned(), target.to_owned()));
                return upcased;
            }
        };
        if spelling != target {
            let message = format!("{target:?} is {spelling:?}");
            self.report.add(path, Rule::HardLinkSpelling, message);
        }
        if kind == EntryKind::Directory || is_link(kind) {
            self.report
                .add(path, Rule::HardLinkKind, format!("{target:?} is no file"));
        }
        let links = self.links.entry(file.clone()).or_insert(names - 1);
        *links += 1;
        if *links == LINK_LIMIT + 1 {
            let message = format!("more than {LINK_LIMIT} links to {target:?}");
            self.report.add(path, Rule::HardLinkCount, message);
        }
        file
    }

    pub(super) fn symlink(&mut self, member: &Member, path: &str) {
        let text = match String::from_utf8(member.link.clone()) {
            Ok(text) => text,
            Err(_) => {
                self.report.add(path, Rule::LinkText, "not UTF-8");
                String::from_utf8_lossy(&member.link).into_owned()
            }
        };
        self.link_text(path, &text);
        let attributes = member
            .record("MSWINDOWS.fileattr")
            .and_then(crate::tar::decimal);
        let directory = attributes.is_some_and(|attributes| attributes & 0x10 != 0);
        let kind = if directory {
            EntryKind::DirectoryLink
        } else {
            EntryKind::FileLink
        };
        self.add(path, kind, Some(text.clone()));
        if let Some(value) = member.record("MSWINDOWS.mountpoint") {
            if value != b"1" || !directory || drive(&text).is_none() && !text.starts_with(r"\\?\") {
                let message = format!("a junction to {text:?} with attributes {attributes:?}");
                self.report.add(path, Rule::MountPoint, message);
            }
        } else {
            self.symlinks.push(Symlink {
                path: path.to_owned(),
                text,
                directory,
            });
        }
    }

    fn link_text(&mut self, path: &str, text: &str) {
        let mut wrong = |message: String| self.report.add(path, Rule::LinkText, message);
        if text.is_empty() {
            return wrong("empty".into());
        }
        if text.contains('/') {
            wrong(format!("{text:?} has slashes"));
        }
        let rest = text.strip_prefix(r"\\?\").unwrap_or(text);
        let rest = drive(rest)
            .filter(|r| r.is_empty() || r.starts_with('\\'))
            .unwrap_or(rest);
        let refuses = |c: char| refused(c) || c == ':';
        if !rest.starts_with("Volume{") && rest.chars().any(refuses) {
            wrong(format!("{text:?} has characters that Windows refuses"));
        }
        let inside = rest.trim_start_matches('\\');
        if inside == "Files" || inside.starts_with(r"Files\") {
            let plain = format!("Files/{}", inside.replace('\\', "/"));
            if self.kind_of(&plain).is_none() {
                let message = format!("{text:?} has the prefix of the layer's tree");
                self.report.add(path, Rule::LinkText, message);
            }
        }
    }

    /// What can be said of links only at the end.
    pub(super) fn late_links(&mut self) {
        for (path, target) in std::mem::take(&mut self.forward) {
            match self
                .seen
                .get(&upcase(&target))
                .map(|seen| seen.spelling.clone())
            {
                Some(spelling) if spelling == target => {
                    let message = format!("{target:?} comes later");
                    self.report.add(&path, Rule::HardLinkForward, message);
                }
                Some(spelling) => {
                    let message = format!("{target:?} comes later as {spelling:?}");
                    self.report.add(&path, Rule::HardLinkForward, message);
                }
                None => {
                    let message = format!("{target:?} is nowhere");
                    self.report.add(&path, Rule::HardLinkTarget, message);
                }
            }
        }
        for link in std::mem::take(&mut self.symlinks) {
            let is_directory = |path: &str| self.kind_of(path) == Some(EntryKind::Directory);
            let target = resolve(&link.path, &link.text, is_directory);
            let kind = target.and_then(|target| self.kind_of(&target));
            let directory = match kind {
                Some(EntryKind::Directory) => true,
                Some(EntryKind::File | EntryKind::HardLink) => false,
                _ => continue,
            };
            if directory != link.directory {
                let is = if directory { "a directory" } else { "a file" };
                let message = format!("the target of {:?} is {is}", link.text);
                self.report.add(&link.path, Rule::LinkKind, message);
            }
        }
    }

    /// What the merged tree has under a path, links on the way not followed.
    fn kind_of(&self, path: &str) -> Option<EntryKind> {
        let upcased = upcase(path);
        if let Some(seen) = self.seen.get(&upcased) {
            return Some(seen.kind);
        }
        let mut ancestor = upcased.as_str();
        while !ancestor.is_empty() {
            if self.whiteouts.contains_key(ancestor) {
                return None;
            }
            ancestor = split(ancestor).0;
        }
        Some(self.parents()?.get(&upcased)?.kind)
    }
}

/// The text behind a drive letter.
fn drive(text: &str) -> Option<&str> {
    let mut chars = text.chars();
    let letter = chars.next()?;
    (letter.is_ascii_alphabetic() && chars.next() == Some(':')).then_some(chars.as_str())
}

/// The path of a link's target in the layer; nothing for other drives and for texts that lead out.
/// Nothing too where `..` goes back from what is no directory: Linux finds nothing there, while
/// Windows, which takes `x\..` together before it looks, finds the directory that has `x`.
fn resolve(path: &str, text: &str, is_directory: impl Fn(&str) -> bool) -> Option<String> {
    let tree = if path.starts_with("UtilityVM/Files/") {
        "UtilityVM/Files"
    } else {
        "Files"
    };
    let text = text.strip_prefix(r"\\?\").unwrap_or(text);
    if text.starts_with(r"\\") {
        return None;
    }
    let rooted = match drive(text) {
        Some(rest) if text.starts_with(['C', 'c']) && rest.starts_with('\\') => Some(rest),
        Some(_) => return None,
        None => text.starts_with('\\').then_some(text),
    };
    let start = if rooted.is_some() {
        ""
    } else {
        split(path.strip_prefix(tree)?).0
    };
    let mut parts: Vec<&str> = start.split('/').filter(|c| !c.is_empty()).collect();
    let mut known = parts.len();
    for part in rooted.unwrap_or(text).split('\\') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.len() > known && !is_directory(&format!("{tree}/{}", parts.join("/"))) {
                    return None;
                }
                parts.pop()?;
                known = known.min(parts.len());
            }
            part => parts.push(part),
        }
    }
    parts.insert(0, tree);
    Some(parts.join("/"))
}
