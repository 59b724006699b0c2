//! Files of a folder on NTFS: what this program wrote there comes back as it was, all else is an
//! ordinary file.

use crossdock_host::{ContextEntry, ContextKind, NtfsMetadata, NtfsStream};
use crossdock_layer::{
    ATTRIBUTE_READONLY, Content, Kind, Loss, LossKind, NtfsFile, NtfsFound, NtfsTimes, Stream,
    decode_path,
};

use super::folder::ContextFile;

/// What NTFS says of an entry: the entry, with streams whose numbers begin at `next`, and the files
/// that these are. `None` for what no layer can hold.
pub(super) fn find(
    entry: &ContextEntry,
    ntfs: &NtfsMetadata,
    next: u64,
) -> Option<(NtfsFound, Vec<ContextFile>)> {
    let kind = match &entry.kind {
        // The caller knows the content.
        ContextKind::File { .. } => Kind::File(Content::empty()),
        ContextKind::Directory => Kind::Directory,
        ContextKind::Symlink { target } => Kind::Symlink(target.clone()),
        ContextKind::ReparsePoint => Kind::Symlink(Vec::new()),
        ContextKind::Fifo => Kind::Fifo,
        ContextKind::CharDevice { major, minor } => Kind::CharDevice(*major, *minor),
        ContextKind::BlockDevice { major, minor } => Kind::BlockDevice(*major, *minor),
        ContextKind::Socket => return None,
    };
    if entry.kind == ContextKind::ReparsePoint && ntfs.reparse.is_none() {
        return None;
    }
    let streams = ntfs.streams.iter().zip(next..).map(|(stream, id)| Stream {
        name: stream.name.clone(),
        content: Content::External {
            id,
            size: stream.size,
        },
    });
    let times = ntfs.times;
    let file = NtfsFile {
        kind,
        mode: entry.mode,
        attributes: ntfs.attributes,
        times: NtfsTimes {
            created: times.created,
            accessed: times.accessed,
            modified: times.modified,
            changed: times.changed,
        },
        extended: &ntfs.extended,
        reparse: ntfs.reparse.as_deref(),
        descriptor: ntfs.descriptor.as_deref(),
        streams: streams.collect(),
    };
    let found = file.read()?;
    let streams: &[NtfsStream] = match found.is_marked {
        true => &ntfs.streams,
        false => &[],
    };
    let files = streams.iter().map(|stream| ContextFile {
        path: entry.path.clone(),
        stream: Some(stream.name.clone()),
        state: None,
    });
    Some((found, files.collect()))
}

/// Gives an entry on NTFS the mode that docker's clients on Windows report, whatever the host says of
/// the volume.
pub(super) fn set_mode(entry: &mut ContextEntry) {
    let Some(ntfs) = &entry.ntfs else { return };
    entry.mode = match entry.kind {
        ContextKind::File { .. } if ntfs.attributes & ATTRIBUTE_READONLY != 0 => 0o555,
        ContextKind::Symlink { .. } | ContextKind::ReparsePoint => 0o777,
        _ => 0o755,
    };
}

/// The streams of an entry that are not copied.
pub(super) fn lost_streams(
    entry: &ContextEntry,
    ntfs: &NtfsMetadata,
) -> impl Iterator<Item = (Vec<u8>, Loss)> {
    let path = decode_path(&entry.path);
    ntfs.streams.iter().map(move |stream| {
        let shown = [&path[..], b":", &stream.name].concat();
        let loss = Loss {
            kind: LossKind::Stream,
            // As the user finds it in the context.
            path: String::from_utf8_lossy(&shown).into_owned(),
            detail: String::new(),
        };
        (path.clone(), loss)
    })
}
