//! Records that carry Win32 metadata.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Check, LayerRole};
use crate::report::Rule;
use crate::tar::{Member, decimal};
use crate::time;

const DIRECTORY: u64 = 0x10;
const REPARSE_POINT: u64 = 0x400;
const EA_PREFIX: &[u8] = b"MSWINDOWS.xattr.";

/// Checks the records of an entry that is neither a whiteout nor a stream.
pub(super) fn check(check: &mut Check<'_>, member: &Member, path: &str) {
    let link = member.typeflag == b'1';
    attributes(check, member, path, link);
    descriptor(check, member, path, link);
    extended_attributes(check, member, path);
    check_times(check, member, path, !link);
    if member.typeflag != b'2' && member.record("MSWINDOWS.mountpoint").is_some() {
        check
            .report
            .add(path, Rule::MountPoint, "a junction that is no symlink");
    }
}

fn attributes(check: &mut Check<'_>, member: &Member, path: &str, optional: bool) {
    let mut wrong = |message: String| check.report.add(path, Rule::FileAttributes, message);
    let Some(value) = member.record("MSWINDOWS.fileattr") else {
        if !optional {
            wrong("no MSWINDOWS.fileattr".into());
        }
        return;
    };
    let Some(value) = decimal(value).filter(|&value| value <= u64::from(u32::MAX)) else {
        return wrong(format!(
            "{:?} is no number of 32 bits",
            String::from_utf8_lossy(value)
        ));
    };
    let (directory, reparse) = (value & DIRECTORY != 0, value & REPARSE_POINT != 0);
    let fits = match member.typeflag {
        b'5' => directory && !reparse,
        b'2' => reparse,
        _ => !directory && !reparse,
    };
    if !fits {
        wrong(format!(
            "{value:#x} on an entry of type {:?}",
            char::from(member.typeflag)
        ));
    }
}

fn descriptor(check: &mut Check<'_>, member: &Member, path: &str, link: bool) {
    // hcsshim exports nothing but `Files/` of a child layer with descriptors.
    let optional = link
        || path == "Hives"
        || path.starts_with("Hives/")
        || (!path.starts_with("Files/") && matches!(check.role, LayerRole::Child(_)));
    let mut wrong = |message: String| check.report.add(path, Rule::Descriptor, message);
    let Some(value) = member.record("MSWINDOWS.rawsd") else {
        if !optional {
            wrong("no MSWINDOWS.rawsd".into());
        }
        return;
    };
    match STANDARD.decode(value) {
        Err(error) => wrong(format!("base64: {error}")),
        Ok(bytes) => {
            if let Err(error) = crate::descriptor::check(&bytes) {
                wrong(error);
            }
        }
    }
}

fn extended_attributes(check: &mut Check<'_>, member: &Member, path: &str) {
    let mut total = 0;
    let mut names: Vec<Vec<u8>> = Vec::new();
    for (key, value) in &member.pax {
        let Some(name) = key.strip_prefix(EA_PREFIX) else {
            continue;
        };
        let mut wrong = |message: &str| {
            let message = format!("{:?}: {message}", String::from_utf8_lossy(name));
            check.report.add(path, Rule::ExtendedAttribute, message);
        };
        if name.is_empty() || name.len() > 254 || !name.is_ascii() {
            wrong("no name of an attribute");
        }
        match STANDARD.decode(value) {
            Err(_) => wrong("not base64"),
            Ok(value) if value.len() > 65_535 => wrong("too long"),
            // Header, name, NUL, value, aligned to four.
            Ok(value) => total += (8 + name.len() + 1 + value.len()).next_multiple_of(4),
        }
        let upper = name.to_ascii_uppercase();
        if names.contains(&upper) {
            wrong("NTFS takes it for another one");
        }
        names.push(upper);
    }
    if total > 65_535 {
        let message = format!("{total} bytes of attributes");
        check.report.add(path, Rule::ExtendedAttribute, message);
    }
}

/// Checks the times that are there, and if they are required, that they are.
pub(super) fn check_times(check: &mut Check<'_>, member: &Member, path: &str, required: bool) {
    for key in ["LIBARCHIVE.creationtime", "atime", "ctime", "mtime"] {
        let time = match member.record(key) {
            Some(text) => time::parse(text).ok_or(text),
            None if key == "mtime" => Ok(i128::from(member.mtime) * 1_000_000_000),
            None => {
                if required {
                    check.report.add(path, Rule::Time, format!("no {key}"));
                }
                continue;
            }
        };
        match time {
            Ok(time) if time::in_range(time) => {}
            Ok(time) => {
                let message = format!("{key} {} s", time / 1_000_000_000);
                check.report.add(path, Rule::TimeRange, message);
            }
            Err(text) => {
                let message = format!("{key} {:?}", String::from_utf8_lossy(text));
                check.report.add(path, Rule::Time, message);
            }
        }
    }
}
