//! Differences as lines for people.

use crossdock_build::{
    Change, ChangeKind, ConfigChange, Diff, DiffSide, Field, FieldChange, FieldValue,
    attribute_names,
};
use serde_json::Value;

use super::text::FileDiff;
use crate::failure::Failure;
use crate::out::Out;
use crate::progress::{size, visible, visible_lines};
use crate::table::Style;

/// A path or another text of an image.
pub(super) fn shown(bytes: &[u8]) -> String {
    visible(&String::from_utf8_lossy(bytes))
}

/// Writes a change: a letter, the path, and what differs.
pub(super) fn change(out: &mut Out, change: &Change) -> Result<(), Failure> {
    let (letter, style) = match change.kind {
        ChangeKind::Added => ('A', Style::Added),
        ChangeKind::Removed => ('D', Style::Removed),
        ChangeKind::Changed => ('M', Style::Changed),
        ChangeKind::Renamed => ('R', Style::Changed),
    };
    let mut path = String::from(letter);
    path.push(' ');
    if let (ChangeKind::Renamed, Some(old)) = (change.kind, &change.old_path) {
        path.push_str(&path_of(old, &change.old));
        path.push_str(" → ");
    }
    let present = match &change.new {
        Some(_) => &change.new,
        None => &change.old,
    };
    path.push_str(&path_of(&change.path, present));
    let mut line = style.paint(&path, out.has_colours());
    let details = details(change);
    if !details.is_empty() {
        line.push_str("  ");
        line.push_str(&details.join(", "));
    }
    out.line(&line)
}

/// A path, with a separator behind it if it is that of a directory.
fn path_of(path: &[u8], side: &Option<DiffSide>) -> String {
    let mut text = shown(path);
    let separator = match text.starts_with('/') {
        true => '/',
        false => '\\',
    };
    let is_directory = side.as_ref().is_some_and(|side| side.noun == "directory");
    if is_directory && !text.ends_with(separator) {
        text.push(separator);
    }
    text
}

fn details(change: &Change) -> Vec<String> {
    let mut details = Vec::new();
    match change.below {
        0 => {}
        1 => details.push("1 entry".to_owned()),
        below => details.push(format!("{below} entries")),
    }
    let is_one_sided = change.old.is_none() || change.new.is_none();
    let is_sized = change.below > 0 && change.bytes > 0;
    let present = change.new.as_ref().or(change.old.as_ref());
    match present {
        Some(DiffSide {
            noun: "file",
            content: Some(content),
        }) if is_one_sided => details.push(size(content.size())),
        _ if is_sized && is_one_sided => details.push(size(change.bytes)),
        Some(side) if is_one_sided && side.noun != "directory" => {
            details.push(side.noun.to_owned());
        }
        _ => {}
    }
    let sizes = change
        .fields
        .iter()
        .find(|field| field.field == Field::Size);
    for field in &change.fields {
        match field.field {
            Field::Size => {}
            Field::Content => details.push(match sizes {
                Some(sizes) => format!("content {}", arrow(sizes)),
                None => "content".to_owned(),
            }),
            _ => details.push(field_text(field)),
        }
    }
    details
}

/// What differs in a field, and how if that is short.
fn field_text(change: &FieldChange) -> String {
    // What has a name is there or not.
    let signed = |noun: &str, name: &[u8]| {
        let sign = match (&change.from, &change.to) {
            (None, _) => "+",
            (_, None) => "-",
            _ => "",
        };
        format!("{sign}{noun} {}", shown(name))
    };
    match &change.field {
        Field::Kind => arrow(change),
        Field::Content => "content".to_owned(),
        Field::Size => format!("size {}", arrow(change)),
        Field::Link => format!("link {}", arrow(change)),
        Field::Junction => match change.to {
            Some(_) => "symbolic link → junction".to_owned(),
            None => "junction → symbolic link".to_owned(),
        },
        Field::Device => format!("device {}", arrow(change)),
        Field::HardLink => {
            let from = change.from.as_ref();
            let from = from.map(|name| format!("no hard link of {} any more", value_text(name)));
            let to = change.to.as_ref();
            let to = to.map(|name| format!("hard link of {}", value_text(name)));
            let texts: Vec<String> = from.into_iter().chain(to).collect();
            texts.join(", ")
        }
        Field::Name => format!("name {}", arrow(change)),
        Field::Origin => format!("origin {}", arrow(change)),
        Field::Mode => format!("mode {}", arrow(change)),
        Field::Owner => format!("owner {}", arrow(change)),
        Field::OwnerNames => format!("owner names {}", arrow(change)),
        Field::Modified => "time".to_owned(),
        Field::Created => "creation time".to_owned(),
        Field::Accessed => "access time".to_owned(),
        Field::MetadataChanged => "change time".to_owned(),
        Field::Xattr(name) => signed("xattr", name),
        Field::Attributes => match (&change.from, &change.to) {
            (Some(FieldValue::Attributes(from)), Some(FieldValue::Attributes(to))) => {
                let gained = attributes(to & !from).map(|name| format!("+{name}"));
                let lost = attributes(from & !to).map(|name| format!("-{name}"));
                let names: Vec<String> = gained.chain(lost).collect();
                format!("attributes {}", names.join(" "))
            }
            _ => "attributes".to_owned(),
        },
        Field::Descriptor => match (&change.from, &change.to) {
            (None, _) => "+descriptor".to_owned(),
            (_, None) => "-descriptor".to_owned(),
            _ => "descriptor".to_owned(),
        },
        Field::Stream(name) => signed("stream", name),
        Field::ExtendedAttribute(name) => signed("EA", name),
    }
}

/// The names of attributes, and what has none as a number.
fn attributes(bits: u32) -> impl Iterator<Item = String> {
    let named = attribute_names(bits).map(str::to_owned);
    let known = (0..32)
        .map(|bit| 1 << bit)
        .filter(|bit| attribute_names(*bit).next().is_some());
    let rest = bits & !known.fold(0, |known, bit| known | bit);
    named.chain((rest != 0).then(|| format!("{rest:#x}")))
}

fn arrow(change: &FieldChange) -> String {
    let text = |value: &Option<FieldValue>| value.as_ref().map_or("none".to_owned(), value_text);
    let (from, to) = (text(&change.from), text(&change.to));
    match (&change.from, &change.to) {
        // Where the rounded ones say nothing.
        (Some(FieldValue::Size(old)), Some(FieldValue::Size(new))) if from == to => {
            format!("{old} → {new} bytes")
        }
        _ => format!("{from} → {to}"),
    }
}

/// A value as people read it.
fn value_text(value: &FieldValue) -> String {
    match value {
        FieldValue::Text(text) => shown(text),
        FieldValue::Size(bytes) => size(*bytes),
        FieldValue::Mode(mode) => format!("{mode:04o}"),
        FieldValue::Attributes(bits) => format!("{bits:#x}"),
        FieldValue::Owner(user, group) => format!("{user}:{group}"),
        FieldValue::Device(major, minor) => format!("{major}:{minor}"),
        FieldValue::Time(time) => time.to_string(),
        FieldValue::Hash(hash) => hash.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// Writes what the contents of a file differ in.
pub(super) fn texts(out: &mut Out, change: &Change, texts: &FileDiff) -> Result<(), Failure> {
    match texts {
        FileDiff::Text(lines) => {
            let absent = || "/dev/null".to_owned();
            let old = change.old_path.as_deref().unwrap_or(&change.path);
            let old = change.old.as_ref().map_or_else(absent, |_| shown(old));
            let new = change
                .new
                .as_ref()
                .map_or_else(absent, |_| shown(&change.path));
            if lines.is_empty() {
                return Ok(());
            }
            let colours = out.has_colours();
            out.line(&Style::Bold.paint(&format!("--- {old}"), colours))?;
            out.line(&Style::Bold.paint(&format!("+++ {new}"), colours))?;
            for line in lines {
                let style = match line.as_bytes().first() {
                    Some(b'-') => Style::Removed,
                    Some(b'+') => Style::Added,
                    Some(b'@' | b'\\') => Style::Faint,
                    _ => Style::Plain,
                };
                // Tabs are as they were; line ends there are none in a line.
                out.line(&style.paint(&visible_lines(line), colours))?;
            }
            Ok(())
        }
        FileDiff::Binary(sizes) => {
            let text = match (change.old.is_some(), change.new.is_some()) {
                (true, true) => "Binary files differ",
                _ => "Binary file",
            };
            out.line(&format!("{text}, {}", sizes_text(sizes)))
        }
        FileDiff::TooLarge(sizes) => out.line(&format!(
            "Too large to be compared as text (--content-limit), {}",
            sizes_text(sizes)
        )),
    }
}

fn sizes_text(sizes: &[Option<u64>; 2]) -> String {
    let sizes: Vec<String> = sizes.iter().flatten().map(|bytes| size(*bytes)).collect();
    sizes.join(" → ")
}

/// Writes what the configs differ in, the sums, and what could not be compared.
pub(super) fn rest(out: &mut Out, diff: &Diff, config: &[ConfigChange]) -> Result<(), Failure> {
    let colours = out.has_colours();
    if !config.is_empty() {
        if !diff.changes.is_empty() {
            out.line("")?;
        }
        out.line(&Style::Bold.paint("Config:", colours))?;
        for change in config {
            config_line(out, change)?;
        }
    }
    if !diff.changes.is_empty() || !config.is_empty() {
        out.line("")?;
    }
    out.line(&summary(diff, config))?;
    for note in notes(diff) {
        out.line(&Style::Faint.paint(&format!("note: {note}"), colours))?;
    }
    Ok(())
}

fn config_line(out: &mut Out, change: &ConfigChange) -> Result<(), Failure> {
    let (letter, style) = match (&change.from, &change.to) {
        (None, _) => ('A', Style::Added),
        (_, None) => ('D', Style::Removed),
        _ => ('M', Style::Changed),
    };
    let mut key = format!("{letter} {}", visible(&change.field));
    if let Some(name) = &change.name {
        key.push(' ');
        key.push_str(&visible(name));
    }
    let values = [&change.from, &change.to].into_iter().flatten();
    let values: Vec<String> = values.map(json_text).filter(|text| text != "{}").collect();
    let mut line = style.paint(&key, out.has_colours());
    if !values.is_empty() {
        line.push_str("  ");
        line.push_str(&values.join(" → "));
    }
    out.line(&line)
}

/// A value of a config: texts as they are, everything else as JSON.
fn json_text(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() => visible(text),
        value => visible(&value.to_string()),
    }
}

fn summary(diff: &Diff, config: &[ConfigChange]) -> String {
    let totals = &diff.totals;
    let mut parts = Vec::new();
    let sized = |word: &str, count: u64, bytes: u64| match bytes {
        0 => format!("{count} {word}"),
        bytes => format!("{count} {word} ({})", size(bytes)),
    };
    if totals.added > 0 {
        parts.push(sized("added", totals.added, totals.added_bytes));
    }
    if totals.removed > 0 {
        parts.push(sized("removed", totals.removed, totals.removed_bytes));
    }
    if totals.changed > 0 {
        let grown = size(totals.changed_bytes.unsigned_abs());
        parts.push(match totals.changed_bytes {
            0 => format!("{} changed", totals.changed),
            1.. => format!("{} changed (+{grown})", totals.changed),
            _ => format!("{} changed (-{grown})", totals.changed),
        });
    }
    if totals.renamed > 0 {
        parts.push(format!("{} renamed", totals.renamed));
    }
    if !config.is_empty() {
        parts.push(format!("{} of the config", config.len()));
    }
    match parts.is_empty() {
        true => "No differences".to_owned(),
        false => parts.join(", "),
    }
}

fn notes(diff: &Diff) -> Vec<String> {
    let of = |count: u64, one: &str, many: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    };
    let not_compared = &diff.not_compared;
    let mut notes = Vec::new();
    if not_compared.foreign > 0 {
        notes.push(format!(
            "the metadata of {} was not compared but for times: it is Linux's on one side and \
             Windows' on the other",
            of(not_compared.foreign, "entry", "entries")
        ));
    }
    if not_compared.unstated > 0 {
        notes.push(format!(
            "the metadata of {} was not compared: one side has it without stating any",
            of(not_compared.unstated, "directory", "directories")
        ));
    }
    if not_compared.outside > 0 {
        notes.push(format!(
            "{} outside of the file system that programs see: changes of the registry (Hives) \
             and the system of Hyper-V containers (UtilityVM)",
            of(not_compared.outside, "file differs", "files differ")
        ));
    }
    notes
}
