//! Differences as lines of JSON.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use crossdock_build::{
    Change, ChangeKind, ConfigChange, Diff, Field, FieldChange, FieldValue, format_rfc3339,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::text::FileDiff;
use crate::failure::Failure;
use crate::out::Out;

#[derive(Serialize)]
struct ChangeRow<'c> {
    change: &'static str,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_path_base64: Option<String>,
    kind: String,
    /// Of files: of the new one, or of the old one if it was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    /// In a directory that was added, removed or renamed as a whole.
    #[serde(skip_serializing_if = "is_zero")]
    entries: u64,
    /// Of all files in it.
    #[serde(skip_serializing_if = "is_zero")]
    bytes: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    fields: BTreeMap<String, FieldRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<&'c [String]>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[derive(Serialize)]
struct FieldRow {
    from: Value,
    to: Value,
}

/// Writes a change.
pub(super) fn change(
    out: &mut Out,
    change: &Change,
    texts: Option<&FileDiff>,
) -> Result<(), Failure> {
    let (path, path_base64) = text(&change.path);
    let old = change.old_path.as_deref().map(text);
    let (old_path, old_path_base64) = match old {
        Some((path, bytes)) => (Some(path), bytes),
        None => (None, None),
    };
    let present = change.new.as_ref().or(change.old.as_ref());
    let content = present.and_then(|side| side.content.as_ref());
    out.json(&ChangeRow {
        change: match change.kind {
            ChangeKind::Added => "added",
            ChangeKind::Removed => "removed",
            ChangeKind::Changed => "changed",
            ChangeKind::Renamed => "renamed",
        },
        path,
        path_base64,
        old_path,
        old_path_base64,
        kind: present.map_or_else(String::new, |side| side.noun.replace(' ', "_")),
        size: content.map(|content| content.size()),
        entries: change.below,
        bytes: match change.below {
            0 => 0,
            _ => change.bytes,
        },
        fields: change.fields.iter().map(field).collect(),
        diff: match texts {
            Some(FileDiff::Text(lines)) => Some(lines),
            _ => None,
        },
    })
}

/// Writes what the configs differ in, and the sums.
pub(super) fn rest(out: &mut Out, diff: &Diff, config: &[ConfigChange]) -> Result<(), Failure> {
    for change in config {
        out.json(&json!({
            "change": "config",
            "field": change.field,
            "name": change.name,
            "from": change.from,
            "to": change.to,
        }))?;
    }
    let (totals, not_compared) = (&diff.totals, &diff.not_compared);
    out.json(&json!({
        "change": "summary",
        "added": totals.added,
        "added_bytes": totals.added_bytes,
        "removed": totals.removed,
        "removed_bytes": totals.removed_bytes,
        "changed": totals.changed,
        "changed_bytes": totals.changed_bytes,
        "renamed": totals.renamed,
        "config": config.len(),
        "not_compared": {
            "foreign_metadata": not_compared.foreign,
            "unstated_directories": not_compared.unstated,
        },
        "differs_outside": not_compared.outside,
    }))
}

fn field(change: &FieldChange) -> (String, FieldRow) {
    let named = |key: &str, name: &[u8]| format!("{key}:{}", String::from_utf8_lossy(name));
    let key = match &change.field {
        Field::Kind => "kind".to_owned(),
        Field::Content => "content".to_owned(),
        Field::Size => "size".to_owned(),
        Field::Link => "link".to_owned(),
        Field::Junction => "junction".to_owned(),
        Field::Device => "device".to_owned(),
        Field::HardLink => "hard_link".to_owned(),
        Field::Name => "name".to_owned(),
        Field::Origin => "origin".to_owned(),
        Field::Mode => "mode".to_owned(),
        Field::Owner => "owner".to_owned(),
        Field::OwnerNames => "owner_names".to_owned(),
        Field::Modified => "modified".to_owned(),
        Field::Created => "created".to_owned(),
        Field::Accessed => "accessed".to_owned(),
        Field::MetadataChanged => "changed".to_owned(),
        Field::Xattr(name) => named("xattr", name),
        Field::Attributes => "attributes".to_owned(),
        Field::Descriptor => "descriptor".to_owned(),
        Field::Stream(name) => named("stream", name),
        Field::ExtendedAttribute(name) => named("ea", name),
    };
    let value = |value: &Option<FieldValue>| value.as_ref().map_or(Value::Null, value_json);
    let row = FieldRow {
        from: value(&change.from),
        to: value(&change.to),
    };
    (key, row)
}

fn value_json(value: &FieldValue) -> Value {
    match value {
        FieldValue::Text(bytes) => match text(bytes) {
            (text, None) => text.into(),
            (text, Some(base64)) => json!({ "text": text, "base64": base64 }),
        },
        FieldValue::Size(bytes) => (*bytes).into(),
        FieldValue::Mode(mode) => format!("{mode:04o}").into(),
        FieldValue::Attributes(bits) => (*bits).into(),
        FieldValue::Owner(user, group) => format!("{user}:{group}").into(),
        FieldValue::Device(major, minor) => format!("{major}:{minor}").into(),
        FieldValue::Time(time) => format_rfc3339(time.seconds, time.nanoseconds).into(),
        FieldValue::Hash(hash) => {
            let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("blake3:{digits}").into()
        }
    }
}

/// A text, and its bytes in base64 if it is not UTF-8.
fn text(bytes: &[u8]) -> (String, Option<String>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), None),
        Err(_) => (
            String::from_utf8_lossy(bytes).into_owned(),
            Some(BASE64.encode(bytes)),
        ),
    }
}
