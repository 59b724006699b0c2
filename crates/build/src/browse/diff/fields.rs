//! Two entries: what they differ in.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use crossdock_layer::{
    Content, Entry, Kind, LayerFormat, NodeId, Origin, SecurityDescriptor, Source, Timestamp, Tree,
};

use super::walk::Pair;
use super::{Comparison, DiffSide, DiffTopic, Field, FieldChange, FieldValue, NotCompared};
use crate::browse::shown_name;

/// Size and hash of a file's content.
pub(super) type ContentKey = (u64, [u8; 32]);

/// Size and hash of a file of an image's tree, without decoding it.
pub(super) fn content_of(tree: &Tree, node: NodeId) -> Option<ContentKey> {
    let Source::Layer { layer, entry } = tree.source(node) else {
        return None;
    };
    if !matches!(tree.kind(node), crossdock_layer::NodeKind::File) {
        return None;
    }
    let raw = tree.layers()[layer as usize].entry(entry as usize);
    Some((raw.size(), raw.hash()))
}

/// An entry as a change shows it.
pub(super) fn side(tree: &Tree, node: NodeId) -> DiffSide {
    match tree.entry(node) {
        None => DiffSide {
            noun: Kind::Directory.noun(),
            content: None,
        },
        Some(entry) => DiffSide {
            noun: entry.kind.noun(),
            content: match entry.kind {
                Kind::File(content) => Some(content),
                _ => None,
            },
        },
    }
}

impl Comparison<'_> {
    /// What two entries differ in, apart from their names.
    pub(super) fn fields(
        &self,
        old: NodeId,
        new: NodeId,
        not_compared: &mut NotCompared,
    ) -> Vec<FieldChange> {
        let (old_entry, new_entry) = (self.old.entry(old), self.new.entry(new));
        let mut differences = Differences::default();
        let (old, new) = match (old_entry, new_entry) {
            (None, None) => return Vec::new(),
            (Some(old), Some(new)) => (old, new),
            // A directory that nobody states has no metadata.
            (old, new) => {
                let noun =
                    |entry: &Option<Entry>| entry.as_ref().map_or("directory", |e| e.kind.noun());
                let (from, to) = (noun(&old), noun(&new));
                if from == to && !self.ignores_metadata() {
                    not_compared.unstated += 1;
                }
                let text = |noun: &str| Some(FieldValue::Text(noun.into()));
                differences.note(Field::Kind, text(from), text(to));
                return differences.changes;
            }
        };
        if self.is_across() && old.origin != new.origin && !self.ignores_metadata() {
            not_compared.foreign += 1;
        }
        let (old, new) = self.in_one_system(old, new);
        let is = |origin| old.origin == origin && new.origin == origin;
        let alike = |format| !self.is_across() && self.old.format() == format;
        differences.what(&old, &new);
        if old.kind.noun() != new.kind.noun() {
            return differences.changes;
        }
        let in_time = |time: Timestamp| match self.is_across() {
            false => time,
            true => comparable(time, is(Origin::Posix)),
        };
        let (from, to) = (old.times.modified, new.times.modified);
        if in_time(from) != in_time(to) {
            let time = |time| Some(FieldValue::Time(time));
            differences.note(Field::Modified, time(from), time(to));
        }
        if !self.is_across() {
            differences.note(Field::Origin, origin(&old), origin(&new));
        }
        if is(Origin::Posix) || alike(LayerFormat::Linux) {
            differences.posix(&old, &new);
        }
        if is(Origin::Win32) || alike(LayerFormat::Windows) {
            differences.win32(&old, &new);
        }
        if is(Origin::Win32) || !self.is_across() {
            differences.times(&old, &new, &in_time);
        }
        if old.origin == new.origin || !self.is_across() {
            differences.streams(&old, &new);
        }
        differences.changes
    }

    /// Whether nothing is missed where metadata cannot be compared.
    fn ignores_metadata(&self) -> bool {
        let ignored = &self.options.ignored;
        DiffTopic::METADATA
            .iter()
            .all(|topic| ignored.contains(topic))
    }

    /// Two entries as entries of one system: of Windows if both came from there, else of Linux.
    fn in_one_system(&self, old: Entry, new: Entry) -> (Entry, Entry) {
        if !self.is_across() {
            return (old, new);
        }
        let is_of_windows = old.origin == Origin::Win32 && new.origin == Origin::Win32;
        let system = match is_of_windows {
            true => LayerFormat::Windows,
            false => LayerFormat::Linux,
        };
        (
            old.translate(self.old.format(), system),
            new.translate(self.new.format(), system),
        )
    }

    pub(super) fn name_field(
        &self,
        old: NodeId,
        new: NodeId,
        is_respelled: bool,
    ) -> Option<FieldChange> {
        is_respelled.then(|| FieldChange {
            field: Field::Name,
            from: Some(FieldValue::Text(shown_name(self.old, old))),
            to: Some(FieldValue::Text(shown_name(self.new, new))),
        })
    }

    pub(super) fn hard_link_field(
        &self,
        parted: Option<NodeId>,
        joined: Option<NodeId>,
    ) -> FieldChange {
        let names: Pair = (parted, joined);
        FieldChange {
            field: Field::HardLink,
            from: names.0.map(|node| FieldValue::Text(self.old_path(node))),
            to: names.1.map(|node| FieldValue::Text(self.new_path(node))),
        }
    }
}

/// A time as far as both systems know it: Windows counts in 100 ns, and has not all years. What
/// was cut for it is on record if it came from Linux.
fn comparable(time: Timestamp, is_recorded: bool) -> Timestamp {
    let time = match is_recorded {
        true => time,
        false => time.clamp_windows(),
    };
    Timestamp {
        nanoseconds: time.nanoseconds / 100 * 100,
        ..time
    }
}

fn origin(entry: &Entry) -> Option<FieldValue> {
    let text: &[u8] = match entry.origin {
        Origin::Posix => b"posix",
        Origin::Win32 => b"win32",
    };
    Some(FieldValue::Text(text.to_vec()))
}

/// Size and hash of content that was decoded.
fn key(content: &Content) -> Option<ContentKey> {
    match content {
        Content::Inline(bytes) => Some((bytes.len() as u64, *blake3::hash(bytes).as_bytes())),
        Content::Layer(content) => Some((content.size, content.hash)),
        Content::External { .. } => None,
    }
}

/// What two entries of one image differ in, apart from their names.
pub(in crate::browse) fn entry_differences(
    format: LayerFormat,
    old: &Entry,
    new: &Entry,
) -> Vec<FieldChange> {
    let mut differences = Differences::default();
    differences.what(old, new);
    if old.kind.noun() != new.kind.noun() {
        return differences.changes;
    }
    let time = |time| Some(FieldValue::Time(time));
    let (from, to) = (time(old.times.modified), time(new.times.modified));
    differences.note(Field::Modified, from, to);
    differences.note(Field::Origin, origin(old), origin(new));
    let is = |origin| old.origin == origin && new.origin == origin;
    if is(Origin::Posix) || format == LayerFormat::Linux {
        differences.posix(old, new);
    }
    if is(Origin::Win32) || format == LayerFormat::Windows {
        differences.win32(old, new);
    }
    differences.times(old, new, &|time| time);
    differences.streams(old, new);
    differences.changes
}

#[derive(Default)]
struct Differences {
    changes: Vec<FieldChange>,
}

impl Differences {
    /// Notes a field if its values differ.
    fn note(&mut self, field: Field, from: Option<FieldValue>, to: Option<FieldValue>) {
        if from != to {
            self.changes.push(FieldChange { field, from, to });
        }
    }

    /// Notes fields that have names of their own, and of which either side may have more.
    fn note_named<V: PartialEq>(
        &mut self,
        old: &BTreeMap<&[u8], V>,
        new: &BTreeMap<&[u8], V>,
        field: impl Fn(Vec<u8>) -> Field,
        value: impl Fn(&V) -> Option<FieldValue>,
    ) {
        let names: BTreeSet<&&[u8]> = old.keys().chain(new.keys()).collect();
        for name in names {
            let (from, to) = (old.get(*name), new.get(*name));
            if from != to {
                self.changes.push(FieldChange {
                    field: field(name.to_vec()),
                    from: from.and_then(&value),
                    to: to.and_then(&value),
                });
            }
        }
    }

    /// What the entries are, and what is in them.
    fn what(&mut self, old: &Entry, new: &Entry) {
        let text = |text: &[u8]| Some(FieldValue::Text(text.to_vec()));
        let (from, to) = (old.kind.noun(), new.kind.noun());
        self.note(Field::Kind, text(from.as_bytes()), text(to.as_bytes()));
        match (&old.kind, &new.kind) {
            (Kind::File(from), Kind::File(to)) => {
                let (from, to) = (key(from), key(to));
                let hash = |key: Option<ContentKey>| key.map(|key| FieldValue::Hash(key.1));
                let size = |key: Option<ContentKey>| key.map(|key| FieldValue::Size(key.0));
                self.note(Field::Content, hash(from), hash(to));
                self.note(Field::Size, size(from), size(to));
            }
            (Kind::Symlink(from), Kind::Symlink(to)) => {
                self.note(Field::Link, text(from), text(to));
            }
            (Kind::CharDevice(a, b), Kind::CharDevice(c, d))
            | (Kind::BlockDevice(a, b), Kind::BlockDevice(c, d)) => {
                let device = |major: &u32, minor: &u32| Some(FieldValue::Device(*major, *minor));
                self.note(Field::Device, device(a, b), device(c, d));
            }
            _ => {}
        }
    }

    /// What Linux knows of entries.
    fn posix(&mut self, old: &Entry, new: &Entry) {
        let (old_posix, new_posix) = (&old.posix, &new.posix);
        // Linux gives every link the same mode, whatever a layer says.
        if !new.kind.is_symlink() {
            let mode = |mode| Some(FieldValue::Mode(mode));
            self.note(Field::Mode, mode(old_posix.mode), mode(new_posix.mode));
        }
        let owner = |uid, gid| Some(FieldValue::Owner(uid, gid));
        self.note(
            Field::Owner,
            owner(old_posix.uid, old_posix.gid),
            owner(new_posix.uid, new_posix.gid),
        );
        // Many tools write no names, and the numbers are what counts.
        let differ = |from: &[u8], to: &[u8]| !from.is_empty() && !to.is_empty() && from != to;
        if differ(&old_posix.user, &new_posix.user) || differ(&old_posix.group, &new_posix.group) {
            let names =
                |user: &[u8], group: &[u8]| Some(FieldValue::Text([user, b":", group].concat()));
            self.note(
                Field::OwnerNames,
                names(&old_posix.user, &old_posix.group),
                names(&new_posix.user, &new_posix.group),
            );
        }
        fn by_name(entry: &Entry) -> BTreeMap<&[u8], &[u8]> {
            let xattrs = entry.posix.xattrs.iter();
            xattrs
                .map(|(name, value)| (&name[..], &value[..]))
                .collect()
        }
        self.note_named(&by_name(old), &by_name(new), Field::Xattr, |value| {
            Some(FieldValue::Text(value.to_vec()))
        });
    }

    /// What Windows knows of entries.
    fn win32(&mut self, old: &Entry, new: &Entry) {
        let attributes = |entry: &Entry| Some(FieldValue::Attributes(entry.attributes()));
        self.note(Field::Attributes, attributes(old), attributes(new));
        let (from, to) = (&old.win32.descriptor, &new.win32.descriptor);
        if from != to {
            let text = |descriptor: &Option<_>| descriptor.as_deref().map(descriptor_text);
            self.changes.push(FieldChange {
                field: Field::Descriptor,
                from: text(from),
                to: text(to),
            });
        }
        let junction = |entry: &Entry| {
            entry
                .win32
                .junction
                .then(|| FieldValue::Text(b"junction".to_vec()))
        };
        self.note(Field::Junction, junction(old), junction(new));
        fn by_name(entry: &Entry) -> BTreeMap<&[u8], &[u8]> {
            let extended = entry.win32.extended.iter();
            extended
                .map(|(name, value)| (&name[..], &value[..]))
                .collect()
        }
        let (from, to) = (by_name(old), by_name(new));
        self.note_named(&from, &to, Field::ExtendedAttribute, |value| {
            Some(FieldValue::Text(value.to_vec()))
        });
    }

    /// The times that not every layer states, where both do.
    fn times(&mut self, old: &Entry, new: &Entry, in_time: &dyn Fn(Timestamp) -> Timestamp) {
        let times = [
            (Field::Created, old.times.created, new.times.created),
            (Field::Accessed, old.times.accessed, new.times.accessed),
            (Field::MetadataChanged, old.times.changed, new.times.changed),
        ];
        for (field, from, to) in times {
            if let (Some(from), Some(to)) = (from, to)
                && in_time(from) != in_time(to)
            {
                let time = |time| Some(FieldValue::Time(time));
                self.note(field, time(from), time(to));
            }
        }
    }

    fn streams(&mut self, old: &Entry, new: &Entry) {
        fn by_name(entry: &Entry) -> BTreeMap<&[u8], Option<ContentKey>> {
            let streams = entry.streams.iter();
            streams
                .map(|stream| (&stream.name[..], key(&stream.content)))
                .collect()
        }
        self.note_named(&by_name(old), &by_name(new), Field::Stream, |key| {
            key.map(|key| FieldValue::Hash(key.1))
        });
    }
}

fn descriptor_text(bytes: &[u8]) -> FieldValue {
    let descriptor = SecurityDescriptor::parse(bytes).ok();
    let text = descriptor.and_then(|descriptor| descriptor.to_sddl());
    FieldValue::Text(text.unwrap_or_else(|| BASE64.encode(bytes)).into_bytes())
}
