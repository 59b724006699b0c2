//! Entries as objects of JSON.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use crossdock_build::{EntryAccess, ListedEntry, NodeId, Tree, format_rfc3339, shown_name};
use serde::Serialize;

/// An entry of an image. What is not there of an entry is left out.
#[derive(Debug, Serialize)]
pub(crate) struct EntryJson<'e> {
    path: Cow<'e, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_base64: Option<String>,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_base64: Option<String>,
    kind: &'static str,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gid: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_sid: Option<&'e str>,
    modified: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link_target: Option<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link_target_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_major: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_minor: Option<u32>,
    links: u64,
    /// From 1, the lowest.
    layer: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    streams: Vec<Cow<'e, str>>,
}

impl<'e> EntryJson<'e> {
    /// What is told of `node`, of which `path` is the path.
    pub(crate) fn new(tree: &Tree, node: NodeId, path: &'e [u8], entry: &'e ListedEntry) -> Self {
        let name = shown_name(tree, node);
        let mut object = Self {
            path: String::from_utf8_lossy(path),
            path_base64: bytes_of(path),
            name: String::from_utf8_lossy(&name).into_owned(),
            name_base64: bytes_of(&name),
            kind: entry.kind.name(),
            size: entry.size,
            mode: None,
            uid: None,
            gid: None,
            user: None,
            group: None,
            attributes: None,
            owner: None,
            owner_sid: None,
            modified: entry
                .modified
                .map(|time| format_rfc3339(time.seconds, time.nanoseconds)),
            link_target: entry.link.as_deref().map(String::from_utf8_lossy),
            link_target_base64: entry.link.as_deref().and_then(bytes_of),
            device_major: entry.device.map(|(major, _)| major),
            device_minor: entry.device.map(|(_, minor)| minor),
            links: entry.links,
            layer: entry.layer.map(|layer| layer + 1),
            streams: entry
                .streams
                .iter()
                .map(|name| String::from_utf8_lossy(name))
                .collect(),
        };
        match &entry.access {
            EntryAccess::Posix {
                mode,
                uid,
                gid,
                user,
                group,
            } => {
                object.mode = Some(format!("{mode:04o}"));
                (object.uid, object.gid) = (Some(*uid), Some(*gid));
                object.user = user.as_deref().map(String::from_utf8_lossy);
                object.group = group.as_deref().map(String::from_utf8_lossy);
            }
            EntryAccess::Win32 { attributes, owner } => {
                object.attributes = Some(*attributes);
                object.owner = owner.as_deref().and_then(|owner| owner.name);
                object.owner_sid = owner.as_deref().map(|owner| &*owner.sid);
            }
        }
        object
    }
}

/// The bytes of a text that is not UTF-8.
fn bytes_of(text: &[u8]) -> Option<String> {
    std::str::from_utf8(text)
        .is_err()
        .then(|| BASE64.encode(text))
}
