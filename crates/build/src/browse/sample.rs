//! Trees for the tests of what looks into images.

use std::sync::Arc;

use crossdock_layer::{
    Content, Entry, Kind, LayerFormat, Name, NodeId, Stream, Timestamp, Tree, default_file,
};

/// A tree with an entry at each path, in this order; directories on the way are implied.
pub(super) fn tree(format: LayerFormat, entries: Vec<(&str, Entry)>) -> Tree {
    let mut tree = Tree::empty(format);
    for (path, entry) in entries {
        let (directory, name) = place(&mut tree, path);
        tree.insert(directory, &Name::plain(name), entry);
    }
    tree
}

/// Another name of the file at `of`.
pub(super) fn link(tree: &mut Tree, path: &str, of: &str) {
    let of = tree.lookup(tree.root(), of.as_bytes(), false).unwrap();
    let (directory, name) = place(tree, path);
    tree.insert_hard_link(directory, &Name::plain(name), of);
}

fn place<'p>(tree: &mut Tree, path: &'p str) -> (NodeId, &'p str) {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    let found = tree.lookup(tree.root(), directory.as_bytes(), true);
    (found.unwrap(), name)
}

/// A file of so many bytes, changed so many seconds after 1970.
pub(super) fn file(size: usize, mode: u32, seconds: i64) -> Entry {
    let content = Content::Inline(Arc::from(vec![b'x'; size]));
    entry(Kind::File(content), mode, seconds)
}

pub(super) fn directory(mode: u32) -> Entry {
    entry(Kind::Directory, mode, 0)
}

pub(super) fn symlink(text: &str) -> Entry {
    entry(Kind::Symlink(text.into()), 0o777, 0)
}

pub(super) fn entry(kind: Kind, mode: u32, seconds: i64) -> Entry {
    Entry::new(
        kind,
        mode,
        Timestamp::from_seconds(seconds),
        LayerFormat::Linux,
    )
}

/// As a Windows image has it: with attributes and the owner of files that have no other.
pub(super) fn on_windows(mut entry: Entry, attributes: u32) -> Entry {
    entry.win32.attributes = Some(attributes);
    entry.win32.descriptor = Some(Arc::from(default_file().as_bytes()));
    entry
}

pub(super) fn with_stream(mut entry: Entry, name: &str) -> Entry {
    entry.streams.push(Stream {
        name: name.into(),
        content: Content::empty(),
    });
    entry
}

/// A Linux image with one of everything.
pub(super) fn linux() -> Tree {
    let owned = |mut entry: Entry, uid, gid| {
        (entry.posix.uid, entry.posix.gid) = (uid, gid);
        entry
    };
    let mut tree = tree(
        LayerFormat::Linux,
        vec![
            ("etc", directory(0o755)),
            ("etc/passwd", file(100, 0o644, 300)),
            ("etc/.hidden", file(0, 0o600, 100)),
            ("bin", directory(0o755)),
            ("bin/su", file(2000, 0o4755, 200)),
            ("bin/a\nb", owned(file(1, 0o755, 250), 7, 8)),
            ("dev", directory(0o1777)),
            ("dev/tty", entry(Kind::CharDevice(5, 0), 0o620, 0)),
            ("dev/sda", entry(Kind::BlockDevice(8, 1), 0o660, 0)),
            ("dev/log", entry(Kind::Fifo, 0o600, 0)),
            ("empty", directory(0o2755)),
            ("sh", symlink("bin/su")),
            ("configs", symlink("/etc")),
            ("lost", symlink("nowhere")),
        ],
    );
    link(&mut tree, "bin/sudo", "bin/su");
    tree
}

/// A Windows image: attributes, a junction, a stream, a name that Windows encodes.
pub(super) fn windows() -> Tree {
    let mut junction = on_windows(symlink("C:\\Users"), 0x410);
    junction.win32.junction = true;
    tree(
        LayerFormat::Windows,
        vec![
            ("Users", on_windows(directory(0), 0x10)),
            ("Users/Public", on_windows(directory(0), 0x11)),
            ("Users/desktop.ini", on_windows(file(10, 0, 50), 0x26)),
            (
                "Users/NOTES.txt",
                with_stream(on_windows(file(20, 0, 60), 0x20), "zone"),
            ),
            ("Users/a\u{f03a}b", on_windows(file(0, 0, 70), 0x20)),
            ("Documents and Settings", junction),
        ],
    )
}
