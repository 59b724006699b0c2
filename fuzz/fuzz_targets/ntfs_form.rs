//! What NTFS says of a file, in any bytes: the entry of it is written to NTFS again, and what is read there
//! then stays as it is.
//!
//! The input: a byte for the kind (file, directory, reparse point), u32 attributes, u64 creation and
//! modification time, u16 length of the reparse point and the point; then extended attributes, each as u8
//! length of the name, u16 length of the value, name, value. Numbers are little-endian.
#![no_main]

use crossdock_layer::{
    CollisionPolicy, Content, CopyOptions, Entry, Gathered, Kind, LayerEdit, LayerFormat, Name,
    NtfsFile, NtfsForm, NtfsFound, NtfsTimes, NtfsUnset, TarKind, Timestamp, Tree,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(found) = parse(data) else { return };
    assert!(!found.name(b"x").stored.is_empty());
    for bits in 0..8 {
        let unset = NtfsUnset {
            attributes: bits & 1 != 0,
            descriptor: bits & 2 != 0,
            reparse: bits & 4 != 0,
        };
        // Times that Windows' importers cannot hold are cut once.
        if let Some(once) = again(&found.entry, unset) {
            assert_eq!(again(&once, unset).as_ref(), Some(&once));
        }
    }
});

/// The entry that comes back from NTFS; `None` if not all of it found room.
fn again(entry: &Entry, unset: NtfsUnset) -> Option<Entry> {
    let mut source = Tree::empty(LayerFormat::Linux);
    source.insert(source.root(), &Name::plain("x"), entry.clone());
    let mut gathered = Gathered::new();
    let added = gathered.add_contents(&source, source.root());
    added.expect("one entry collides with nothing");
    let default_time = Timestamp::from_seconds(0);
    let mut edit = LayerEdit::independent(LayerFormat::Windows, default_time);
    let options = CopyOptions {
        owner: None,
        mode: None,
        collision: CollisionPolicy::Error,
        clamp: None,
        default_time,
    };
    let copied = edit.copy(&gathered, b"/", &options);
    copied.expect("x is a name everywhere");
    let plan = edit.finish();
    if !plan.losses.is_empty() {
        return None;
    }
    let header = &plan.entries.last().expect("an entry").header;
    let form = NtfsForm::of(header, true);
    let extended = form.extended(unset);
    let is_special = !matches!(header.kind, TarKind::File | TarKind::Directory);
    if !extended.left_out.is_empty() || is_special != form.reparse.is_some() {
        return None;
    }
    let reparse = form.reparse.as_ref().map(|point| match unset.reparse {
        true => point.fallback.as_ref().unwrap_or(&point.data),
        false => &point.data,
    });
    let file = NtfsFile {
        kind: match (header.kind, reparse) {
            (_, Some(_)) => Kind::Symlink(Vec::new()),
            (TarKind::Directory, None) => Kind::Directory,
            (_, None) => Kind::File(Content::empty()),
        },
        mode: 0o755,
        attributes: if unset.attributes {
            0x20
        } else {
            form.attributes
        },
        times: form.times,
        extended: &extended.list,
        reparse: reparse.map(Vec::as_slice),
        descriptor: form.descriptor.as_deref().filter(|_| !unset.descriptor),
        streams: Vec::new(),
    };
    let found = file.read().expect("what was written is an entry");
    assert!(found.is_marked);
    Some(found.entry)
}

fn parse(mut data: &[u8]) -> Option<NtfsFound> {
    let kind = *take(&mut data, 1)?.first()?;
    let attributes = number(take(&mut data, 4)?) as u32;
    let created = number(take(&mut data, 8)?);
    let modified = number(take(&mut data, 8)?);
    let length = number(take(&mut data, 2)?) as usize;
    let reparse = take(&mut data, length)?;
    let mut extended = Vec::new();
    while !data.is_empty() {
        let name = number(take(&mut data, 1)?) as usize;
        let value = number(take(&mut data, 2)?) as usize;
        let name = take(&mut data, name)?.to_vec();
        extended.push((name, take(&mut data, value)?.to_vec()));
    }
    let file = NtfsFile {
        kind: match kind % 3 {
            0 => Kind::File(Content::empty()),
            1 => Kind::Directory,
            _ => Kind::Symlink(Vec::new()),
        },
        mode: 0o755,
        attributes,
        times: NtfsTimes {
            created,
            accessed: 0,
            modified,
            changed: 0,
        },
        extended: &extended,
        reparse: (kind % 3 == 2).then_some(reparse),
        descriptor: None,
        streams: Vec::new(),
    };
    file.read()
}

fn take<'d>(data: &mut &'d [u8], length: usize) -> Option<&'d [u8]> {
    let (taken, rest) = data.split_at_checked(length)?;
    *data = rest;
    Some(taken)
}

fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}
