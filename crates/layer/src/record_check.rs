//! PAX records of Windows layers that their importers would refuse or misread.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::descriptor::SecurityDescriptor;
use crate::entry::{ATTRIBUTE_DIRECTORY, ATTRIBUTE_REPARSE_POINT};
use crate::index::RawEntry;
use crate::record_keys as key;
use crate::tar::TarKind;
use crate::time::Timestamp;

/// What is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordProblem {
    /// A security descriptor that cannot be read.
    #[error("{key}: {reason}")]
    Descriptor {
        /// The record.
        key: &'static str,
        /// Why.
        reason: String,
    },
    /// Attributes that are no number.
    #[error("MSWINDOWS.fileattr is {0:?}, not a decimal number of 32 bits")]
    Attributes(String),
    /// Attributes that are those of another kind of entry.
    #[error("MSWINDOWS.fileattr is {attributes:#x}, {reason}")]
    AttributeKind {
        /// The attributes.
        attributes: u32,
        /// Why they cannot be right.
        reason: &'static str,
    },
    /// A time that is none.
    #[error("{key} is {text:?}, not a time")]
    Time {
        /// The record.
        key: String,
        /// Its value.
        text: String,
    },
    /// A time that importers cannot hold.
    #[error("{0} is a time before 1678 or after 2262, which importers turn into another")]
    TimeRange(&'static str),
    /// An extended attribute that cannot be set.
    #[error("extended attribute {name:?}: {reason}")]
    Extended {
        /// Its name.
        name: String,
        /// Why.
        reason: &'static str,
    },
    /// A record of a junction on something that is no link.
    #[error("MSWINDOWS.mountpoint stands on a {0}, not on a link")]
    Junction(&'static str),
}

/// Most bytes of the name, and of the value, of an extended attribute of Windows.
const MAX_NAME: usize = 255;
const MAX_VALUE: usize = 65_535;
/// Most bytes of all extended attributes of a file (NTFS).
const MAX_EXTENDED: usize = 64 << 10;

/// What importers of Windows layers would refuse of an entry's records, or read as something that
/// was not meant. Of records that are not here nothing is known: importers pass over them.
pub fn check_records(raw: &RawEntry<'_>) -> Vec<RecordProblem> {
    let mut problems = Vec::new();
    let mut binary = false;
    let mut extended = 0;
    for (name, value) in raw.records() {
        let problem = match name {
            key::DESCRIPTOR => {
                binary = true;
                binary_descriptor(value)
            }
            // Read only where there is no binary one.
            key::DESCRIPTOR_TEXT if !binary => text_descriptor(value),
            key::ATTRIBUTES => attributes(raw.kind(), value),
            key::CREATED => time("LIBARCHIVE.creationtime", value),
            key::ACCESSED => time("atime", value),
            key::CHANGED => time("ctime", value),
            key::JUNCTION if raw.kind() != TarKind::Symlink => {
                Some(RecordProblem::Junction(noun(raw.kind())))
            }
            _ => match name.strip_prefix(key::EXTENDED) {
                Some(name) => extended_attribute(name, value, &mut extended),
                None => None,
            },
        };
        problems.extend(problem);
    }
    let modified = raw.modified();
    if modified.clamp_windows() != modified {
        problems.push(RecordProblem::TimeRange("mtime"));
    }
    problems
}

fn binary_descriptor(value: &[u8]) -> Option<RecordProblem> {
    let problem = |reason: String| {
        Some(RecordProblem::Descriptor {
            key: "MSWINDOWS.rawsd",
            reason,
        })
    };
    match BASE64.decode(value) {
        Err(error) => problem(format!("is not base64: {error}")),
        Ok(bytes) => match SecurityDescriptor::parse(&bytes) {
            Err(error) => problem(error.to_string()),
            Ok(_) => None,
        },
    }
}

fn text_descriptor(value: &[u8]) -> Option<RecordProblem> {
    let text = String::from_utf8_lossy(value);
    let error = SecurityDescriptor::from_sddl(&text).err()?;
    Some(RecordProblem::Descriptor {
        key: "MSWINDOWS.sd",
        reason: error.to_string(),
    })
}

fn attributes(kind: TarKind, value: &[u8]) -> Option<RecordProblem> {
    let text = String::from_utf8_lossy(value);
    // Go's ParseUint takes no sign.
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some(attributes) = text.parse::<u32>().ok().filter(|_| digits) else {
        return Some(RecordProblem::Attributes(text.into_owned()));
    };
    let directory = attributes & ATTRIBUTE_DIRECTORY != 0;
    let reparse = attributes & ATTRIBUTE_REPARSE_POINT != 0;
    let reason = match kind {
        TarKind::Directory if !directory => "without 0x10, so that a directory becomes a file",
        TarKind::File if directory => "with 0x10, so that a file becomes a directory",
        TarKind::Directory | TarKind::File if reparse => {
            "with 0x400, which is a link's and needs a target"
        }
        TarKind::Symlink if !reparse => "without 0x400, which every link has",
        _ => return None,
    };
    Some(RecordProblem::AttributeKind { attributes, reason })
}

fn time(key: &'static str, value: &[u8]) -> Option<RecordProblem> {
    match Timestamp::parse_pax(value) {
        None => Some(RecordProblem::Time {
            key: key.to_owned(),
            text: String::from_utf8_lossy(value).into_owned(),
        }),
        Some(time) => (time.clamp_windows() != time).then_some(RecordProblem::TimeRange(key)),
    }
}

fn extended_attribute(name: &[u8], value: &[u8], total: &mut usize) -> Option<RecordProblem> {
    let reason = match BASE64.decode(value) {
        Err(_) => "its value is not base64",
        Ok(_) if name.is_empty() => "it has no name",
        Ok(_) if name.len() > MAX_NAME => "its name has more than 255 bytes",
        Ok(bytes) if bytes.len() > MAX_VALUE => "its value has more than 65,535 bytes",
        Ok(bytes) => {
            // A header of eight bytes, the name with its NUL, the value, in whole dwords.
            *total += (9 + name.len() + bytes.len()).next_multiple_of(4);
            if *total <= MAX_EXTENDED {
                return None;
            }
            "with it the attributes of the file take more than 64 KiB"
        }
    };
    Some(RecordProblem::Extended {
        name: String::from_utf8_lossy(name).into_owned(),
        reason,
    })
}

fn noun(kind: TarKind) -> &'static str {
    match kind {
        TarKind::Directory => "directory",
        TarKind::File => "file",
        TarKind::HardLink => "hard link",
        _ => "special file",
    }
}
