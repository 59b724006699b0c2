//! What differs, as text.

use crossdock_build::{Field, FieldChange, FieldValue, format_rfc3339};

use super::text;
use crate::progress::size;

/// The name of a field.
pub(in crate::commands) fn field_name(field: &Field) -> String {
    match field {
        Field::Kind => "kind".into(),
        Field::Content => "content".into(),
        Field::Size => "size".into(),
        Field::Link => "link".into(),
        Field::Junction => "junction".into(),
        Field::Device => "device".into(),
        Field::HardLink => "hard link".into(),
        Field::Name => "name".into(),
        Field::Origin => "origin".into(),
        Field::Mode => "mode".into(),
        Field::Owner => "owner".into(),
        Field::OwnerNames => "owner names".into(),
        Field::Modified => "modified".into(),
        Field::Created => "created".into(),
        Field::Accessed => "accessed".into(),
        Field::MetadataChanged => "changed".into(),
        Field::Xattr(name) => format!("xattr {}", text(name)),
        Field::Attributes => "attributes".into(),
        Field::Descriptor => "descriptor".into(),
        Field::Stream(name) => format!("stream {}", text(name)),
        Field::ExtendedAttribute(name) => format!("attribute {}", text(name)),
    }
}

/// Changes in a line: values where they are short.
pub(in crate::commands) fn fields_text(fields: &[FieldChange]) -> String {
    let has = |field: Field| fields.iter().any(|change| change.field == field);
    let (has_size, has_modified) = (has(Field::Size), has(Field::Modified));
    let is_told = |field: &Field| match field {
        // A new size says that the content is new, and a new time that others are.
        Field::Content => !has_size,
        Field::Created | Field::Accessed | Field::MetadataChanged => !has_modified,
        _ => true,
    };
    let told = fields.iter().filter(|change| is_told(&change.field));
    let told: Vec<String> = told.map(field_text).collect();
    told.join(", ")
}

fn field_text(change: &FieldChange) -> String {
    let name = field_name(&change.field);
    match (&change.from, &change.to) {
        (None, Some(_)) if is_named(&change.field) => format!("+{name}"),
        (Some(_), None) if is_named(&change.field) => format!("-{name}"),
        (from, to) => {
            let value = |value: &Option<FieldValue>| match value {
                None => Some("none".to_owned()),
                Some(value) => value_text(&change.field, value),
            };
            match (value(from), value(to)) {
                (Some(from), Some(to)) => format!("{name} {from} → {to}"),
                _ => name,
            }
        }
    }
}

fn is_named(field: &Field) -> bool {
    matches!(
        field,
        Field::Xattr(_) | Field::Stream(_) | Field::ExtendedAttribute(_)
    )
}

/// A value, if it is short and says something.
fn value_text(field: &Field, value: &FieldValue) -> Option<String> {
    Some(match value {
        _ if is_named(field) || *field == Field::Descriptor => return None,
        FieldValue::Hash(_) => return None,
        FieldValue::Text(value) => text(value),
        FieldValue::Size(bytes) => size(*bytes),
        FieldValue::Mode(mode) => format!("{mode:04o}"),
        FieldValue::Attributes(bits) => format!("{bits:#x}"),
        FieldValue::Owner(user, group) => format!("{user}:{group}"),
        FieldValue::Device(major, minor) => format!("{major}:{minor}"),
        FieldValue::Time(time) => format_rfc3339(time.seconds, time.nanoseconds),
    })
}
