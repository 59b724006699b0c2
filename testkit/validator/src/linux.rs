//! Linux layers, lightly: what an encoder that sorts and writes PAX should give.

use std::collections::HashMap;
use std::io::Read;

use crate::report::{EntryKind, EntrySummary, Report, Rule};
use crate::tar::{Fault, Member, TarReader};
use crate::time;
use crate::windows::{Order, directory};

/// Checks an uncompressed Linux layer: a valid ustar with PAX, sorted, one entry for each path,
/// directories with a trailing slash, no leading `./`, whiteouts before their siblings, hard links
/// that do not point forward.
pub fn validate_linux_layer(input: impl Read) -> Report {
    let mut check = Check::default();
    let mut tar = TarReader::new(input);
    let mut last = String::new();
    loop {
        match check.step(&mut tar, &mut last) {
            Ok(true) => {}
            Ok(false) => return check.finish(),
            Err(fault) => {
                check.report.add(&last, fault.rule, fault.message);
                return check.report;
            }
        }
    }
}

#[derive(Default)]
struct Check {
    report: Report,
    order: Order,
    /// The number of each path's entry.
    seen: HashMap<Vec<u8>, usize>,
    hard_links: Vec<(usize, String, Vec<u8>)>,
}

impl Check {
    /// Reads one entry; false at the end.
    fn step<R: Read>(&mut self, tar: &mut TarReader<R>, last: &mut String) -> Result<bool, Fault> {
        let Some(member) = tar.next()? else {
            return Ok(false);
        };
        *last = String::from_utf8_lossy(&member.name).into_owned();
        self.member(&member, last);
        if let Some(fault) = tar.content(member.size, |_| {})? {
            self.report.add(last, fault.rule, fault.message);
        }
        Ok(true)
    }

    fn member(&mut self, member: &Member, name: &str) {
        let report = &mut self.report;
        for fault in &member.faults {
            report.add(name, fault.rule, fault.message.clone());
        }
        if !matches!(member.typeflag, b'0'..=b'6') {
            report.add(
                name,
                Rule::Typeflag,
                format!("type {:?}", char::from(member.typeflag)),
            );
        }
        if (member.typeflag == b'5') != member.name.ends_with(b"/") {
            report.add(
                name,
                Rule::TrailingSlash,
                "a slash ends directories and nothing else",
            );
        }
        let path = member.name.strip_suffix(b"/").unwrap_or(&member.name);
        if path.starts_with(b"./") || path.starts_with(b"/") {
            report.add(name, Rule::TopLevel, "a leading `./` or `/`");
        } else if path
            .split(|&b| b == b'/')
            .any(|c| matches!(c, b"" | b"." | b".."))
        {
            report.add(
                name,
                Rule::Containment,
                "the name can lead outside or is not clean",
            );
        }
        for key in ["mtime", "atime", "ctime", "LIBARCHIVE.creationtime"] {
            if member
                .record(key)
                .is_some_and(|text| time::parse(text).is_none())
            {
                report.add(name, Rule::Time, format!("{key} is not canonical"));
            }
        }
        let at = self.seen.len();
        if self.seen.insert(path.to_vec(), at).is_some() {
            report.add(name, Rule::Duplicate, "a second entry of this path");
        }
        let parent = directory(path);
        let base = if parent.is_empty() {
            path
        } else {
            &path[parent.len() + 1..]
        };
        if let Some(removed) = base.strip_prefix(b".wh.") {
            if removed.is_empty() {
                report.add(name, Rule::WhiteoutEmpty, "it removes nothing");
            }
            if self.order.has_entries(parent) {
                report.add(name, Rule::WhiteoutOrder, "it follows a sibling");
            }
            return;
        }
        self.order.entry(path);
        if member.typeflag == b'1' {
            self.hard_links
                .push((at, name.to_owned(), member.link.clone()));
        }
        let kind = match member.typeflag {
            b'5' => EntryKind::Directory,
            b'1' => EntryKind::HardLink,
            b'2' => EntryKind::FileLink,
            _ => EntryKind::File,
        };
        let target = (!member.link.is_empty()).then(|| String::from_utf8_lossy(&member.link));
        self.report.entries.push(EntrySummary {
            path: String::from_utf8_lossy(path).into_owned(),
            kind,
            target: target.map(Into::into),
        });
    }

    fn finish(mut self) -> Report {
        for (at, path, target) in &self.hard_links {
            // A target that this layer does not have may be a lower layer's.
            if self.seen.get(target).is_some_and(|target| target >= at) {
                self.report
                    .add(path, Rule::HardLinkForward, "the target comes later");
            }
        }
        self.order.finish_sorted(&mut self.report);
        self.report
    }
}
