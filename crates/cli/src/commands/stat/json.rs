//! What is known of a path as JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use crossdock_build::{
    Ace, Content, Digest, Entry, EntryStat, ExtendedAttribute, FieldChange, Kind, LayerFormat,
    OpenedImage, Origin, PathChange, PathStat, PathStep, RemovalWay, ResolveErrorKind,
    SecurityDescriptor, Sid, Timestamp, WslValue, attribute_names, format_rfc3339,
};
use serde_json::{Map, Value, json};

use super::describe::{hex, mode_letters, xattr};
use super::descriptor::{ace_text, control_names};
use super::text;
use crate::commands::du::{created_by, field_key};

/// The object of one path.
pub(super) fn object(image: &OpenedImage<'_>, stat: &PathStat, digest: Option<&Digest>) -> Value {
    let mut object = Map::new();
    object.insert("asked".into(), json!(stat.asked));
    if let Some(path) = &stat.path {
        put_text(&mut object, "path", path);
    }
    object.insert("exists".into(), json!(stat.found.is_ok()));
    match &stat.found {
        Err(error) => {
            object.insert("error".into(), json!(error.problem.to_string()));
        }
        Ok(found) => {
            what(&mut object, image, found);
            if let Some(entry) = &found.entry {
                let format = image.format().unwrap_or(LayerFormat::Linux);
                metadata(&mut object, found, entry, format);
            }
        }
    }
    if let Some(digest) = digest {
        object.insert("digest".into(), json!(digest.to_string()));
    }
    let layers: Vec<_> = image.layers().collect();
    let steps = stat.history.iter().map(|step| {
        let layer = layers.get(step.layer);
        let mut object = history_step(step);
        if let Some(layer) = layer {
            object.insert("diff_id".into(), json!(layer.diff_id.to_string()));
            object.insert("created_by".into(), json!(created_by(layer)));
        }
        Value::Object(object)
    });
    object.insert("history".into(), steps.collect());
    Value::Object(object)
}

/// Puts text, and its bytes where they are not UTF-8.
fn put_text(object: &mut Map<String, Value>, key: &str, bytes: &[u8]) {
    object.insert(key.into(), json!(text(bytes)));
    if std::str::from_utf8(bytes).is_err() {
        object.insert(format!("{key}_base64"), json!(BASE64.encode(bytes)));
    }
}

fn what(object: &mut Map<String, Value>, image: &OpenedImage<'_>, found: &EntryStat) {
    let entry = found.entry.as_ref();
    let kind = entry.map_or("directory", |entry| entry.kind.noun());
    object.insert("kind".into(), json!(kind.replace(' ', "_")));
    object.insert("stated".into(), json!(entry.is_some()));
    if let Some(children) = found.children {
        object.insert("children".into(), json!(children));
    }
    let names = found.other_names.iter().map(|name| json!(text(name)));
    object.insert("other_names".into(), names.collect());
    match entry.map(|entry| &entry.kind) {
        Some(Kind::File(content)) => file(object, content),
        Some(Kind::Symlink(link)) => put_text(object, "link_target", link),
        Some(Kind::CharDevice(major, minor) | Kind::BlockDevice(major, minor)) => {
            object.insert("device".into(), json!({"major": major, "minor": minor}));
        }
        _ => {}
    }
    match &found.target {
        Some(Ok(target)) => {
            let leads = json!({"path": text(&target.path), "kind": target.noun.replace(' ', "_")});
            object.insert("leads_to".into(), leads);
        }
        Some(Err(error)) => {
            let why = match error {
                ResolveErrorKind::NotFound => "not_found",
                ResolveErrorKind::NotADirectory(_) => "not_a_directory",
                ResolveErrorKind::TooManyLinks => "too_many_links",
                ResolveErrorKind::Outside(_) => "outside",
            };
            object.insert("leads_to".into(), Value::Null);
            object.insert("leads_nowhere".into(), json!(why));
        }
        None => {}
    }
    if let Some((layer, place)) = found.place {
        let mut value = json!({"layer": layer + 1, "entry": place});
        if let Some(layer) = image.layers().nth(layer) {
            value["diff_id"] = json!(layer.diff_id.to_string());
            value["created_by"] = json!(created_by(&layer));
        }
        object.insert("layer".into(), value);
    }
}

fn file(object: &mut Map<String, Value>, content: &Content) {
    object.insert("size".into(), json!(content.size()));
    if let Content::Layer(content) = content {
        let extent = json!({"offset": content.extent.offset, "length": content.extent.length});
        object.insert("extent".into(), extent);
        object.insert("sparse".into(), json!(content.sparse.as_deref()));
        object.insert("blake3".into(), json!(hex(&content.hash)));
    }
}

fn metadata(
    object: &mut Map<String, Value>,
    found: &EntryStat,
    entry: &Entry,
    format: LayerFormat,
) {
    let other = found.translated.as_ref().unwrap_or(entry);
    let pick = |origin, native| match entry.origin == origin || format == native {
        true => entry,
        false => other,
    };
    let origin = match entry.origin {
        Origin::Posix => "posix",
        Origin::Win32 => "win32",
    };
    object.insert("origin".into(), json!(origin));
    let linux = pick(Origin::Posix, LayerFormat::Linux);
    let name = |name: &Option<Vec<u8>>| name.as_deref().map(text);
    let xattrs = entry.posix.xattrs.iter();
    let xattrs: Map<String, Value> = xattrs
        .map(|(name, value)| {
            let value = json!({"base64": BASE64.encode(value), "text": xattr(name, value)});
            (text(name), value)
        })
        .collect();
    let posix = json!({
        "derived": entry.origin != Origin::Posix,
        "mode": format!("{:04o}", linux.posix.mode),
        "mode_letters": mode_letters(&linux.kind, linux.posix.mode),
        "uid": linux.posix.uid,
        "gid": linux.posix.gid,
        "user": name(&found.user),
        "group": name(&found.group),
        "xattrs": xattrs,
    });
    object.insert("posix".into(), posix);
    let windows = pick(Origin::Win32, LayerFormat::Windows);
    let attributes = windows.attributes();
    let win32 = json!({
        "derived": entry.origin != Origin::Win32,
        "attributes": attributes,
        "attribute_names": attribute_names(attributes).collect::<Vec<_>>(),
        "descriptor": windows.win32.descriptor.as_deref().map(descriptor),
        "junction": windows.win32.junction,
        "extended_attributes": extended(entry),
    });
    object.insert("win32".into(), win32);
    let streams = entry.streams.iter().map(|stream| {
        let mut object = Map::new();
        put_text(&mut object, "name", &stream.name);
        object.insert("size".into(), json!(stream.content.size()));
        Value::Object(object)
    });
    object.insert("streams".into(), streams.collect());
    let times = &entry.times;
    let times = json!({
        "modified": time(times.modified),
        "changed": times.changed.map(time),
        "accessed": times.accessed.map(time),
        "created": times.created.map(time),
        "original_modified": times.original_modified.map(time),
    });
    object.insert("times".into(), times);
    let original = json!({
        "name": name(&found.name.original),
        "link": name(&entry.original_link),
        "mode": entry.original_mode.map(|mode| format!("{mode:04o}")),
    });
    object.insert("original".into(), original);
}

fn extended(entry: &Entry) -> Value {
    let attributes = ExtendedAttribute::all_of(&entry.win32).into_iter();
    attributes
        .map(|attribute| {
            let wsl = attribute.wsl.as_ref().map(|value| match value {
                WslValue::User(number) => json!({"uid": number}),
                WslValue::Group(number) => json!({"gid": number}),
                WslValue::Mode(mode) => json!({"mode": format!("{mode:06o}")}),
                WslValue::Device(major, minor) => {
                    json!({"device": {"major": major, "minor": minor}})
                }
                WslValue::Xattr(value) => json!({"xattr_base64": BASE64.encode(value)}),
            });
            json!({
                "name": text(&attribute.name),
                "base64": attribute.value.map(|value| BASE64.encode(value)),
                "wsl": wsl,
            })
        })
        .collect()
}

fn descriptor(bytes: &[u8]) -> Value {
    let base64 = BASE64.encode(bytes);
    let descriptor = match SecurityDescriptor::parse(bytes) {
        Ok(descriptor) => descriptor,
        Err(error) => return json!({"base64": base64, "error": error.to_string()}),
    };
    let list = |aces: &[Ace]| aces.iter().map(entry).collect::<Value>();
    json!({
        "base64": base64,
        "sddl": descriptor.to_sddl(),
        "owner": descriptor.owner().map(sid),
        "group": descriptor.group().map(sid),
        "control": descriptor.control(),
        "control_names": control_names(&descriptor),
        "dacl": descriptor.dacl().map(|acl| list(acl.aces())),
        "sacl": descriptor.sacl().map(|acl| list(acl.aces())),
    })
}

fn sid(sid: &Sid) -> Value {
    json!({"sid": sid.to_string(), "name": sid.well_known_name()})
}

fn entry(entry: &Ace) -> Value {
    let words = ace_text(entry);
    let parts = entry.mask_and_sid();
    json!({
        "type": words.kind,
        "type_code": entry.kind(),
        "account": parts.as_ref().map(|(_, found)| sid(found)),
        "mask": parts.as_ref().map(|(mask, _)| mask),
        "rights": words.rights,
        "flags": entry.flags(),
        "flag_names": words.flags,
    })
}

fn history_step(step: &PathStep) -> Map<String, Value> {
    let (change, fields) = match &step.change {
        PathChange::Added => ("added", None),
        PathChange::Implied => ("implied", None),
        PathChange::Replaced(fields) => ("replaced", Some(fields)),
        PathChange::Metadata(fields) => ("metadata", Some(fields)),
        PathChange::Repeated => ("same_again", None),
        PathChange::Removed => ("removed", None),
    };
    let mut object = Map::new();
    object.insert("layer".into(), json!(step.layer + 1));
    object.insert("change".into(), json!(change));
    if let Some(fields) = fields {
        let name = |change: &FieldChange| field_key(&change.field);
        object.insert("fields".into(), fields.iter().map(name).collect());
    }
    if let Some(removal) = &step.removal {
        let way = match removal.way {
            RemovalWay::Whiteout => "whiteout",
            RemovalWay::Opaque => "opaque",
            RemovalWay::Replaced => "replaced",
        };
        let removal = json!({"by": way, "path": text(&removal.path), "above": removal.is_above});
        object.insert("removal".into(), removal);
    }
    if let Some(entry) = &step.entry {
        object.insert("kind".into(), json!(entry.kind.noun().replace(' ', "_")));
        if let Kind::File(content) = &entry.kind {
            object.insert("size".into(), json!(content.size()));
        }
    }
    object
}

fn time(time: Timestamp) -> String {
    format_rfc3339(time.seconds, time.nanoseconds)
}
