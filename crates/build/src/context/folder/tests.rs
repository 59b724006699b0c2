use std::fs;

use crossdock_host::{NtfsMetadata, NtfsStream, NtfsTimes};
use crossdock_layer::{Origin, ReparseTarget, rename_collision};

use super::*;

/// A key is made of a file's hash, and the layer of its bytes: both must be of one content, also
/// if the file is too new to be remembered.
#[test]
fn a_file_must_not_change_after_it_was_hashed() {
    let check = |before: &str, after: &str, expected: Option<&str>| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, before).unwrap();
        let memory = ContextMemory::default();
        let ignore = IgnorePatterns::default();
        let modes = ContextModes::default();
        let context = Context::read(folder.path(), &ignore, memory, modes).unwrap();
        let hash = context.hash(0).unwrap();
        assert_eq!(hash, *blake3::hash(before.as_bytes()).as_bytes());
        fs::write(&path, after).unwrap();
        assert_eq!(context.hash(0).unwrap(), hash, "{after}");
        let mut content = String::new();
        let read = context
            .open_unchanged(0)
            .unwrap()
            .read_to_string(&mut content);
        match expected {
            None => assert_eq!(content, before),
            Some(part) => {
                let error = read.unwrap_err().to_string();
                assert!(error.contains(part) && error.contains("file"), "{error}");
            }
        }
    };
    check("one", "one", None);
    check("", "", None);
    check("one", "two", Some("build again"));
    check("one", "", Some("build again"));
    check("one", "one more", Some("build again"));
}

/// The context of a folder on NTFS that holds these entries: each as its path, its kind and
/// metadata, then `=`, extended attributes and alternate streams.
fn on_ntfs(entries: Vec<ContextEntry>, owners: bool) -> Result<Context, BuildError> {
    let folder = tempfile::tempdir().unwrap();
    let (ignore, memory) = (IgnorePatterns::default(), ContextMemory::default());
    let modes = ContextModes::Docker;
    let mut context = Context::list(folder.path(), &ignore, memory, modes, owners)?;
    // Modes are those of files that say them, else docker's.
    let mut rules = ModeRules::new(ContextModes::Auto, folder.path(), false)?;
    let paths: Vec<_> = entries
        .iter()
        .map(|entry| decode_path(&entry.path))
        .collect();
    let listed = entries
        .iter()
        .zip(&paths)
        .map(|(entry, path)| (entry, &path[..]));
    let listed: Vec<_> = listed.collect();
    context.arrange(&listed, HostNames::Windows, &mut rules)?;
    Ok(context)
}

fn found(
    path: &str,
    kind: ContextKind,
    extended: &[(&str, &[u8])],
    streams: &[&str],
) -> ContextEntry {
    let extended = extended
        .iter()
        .map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec()));
    let streams = streams.iter().map(|name| NtfsStream {
        name: name.as_bytes().to_vec(),
        size: 3,
    });
    ContextEntry {
        path: path.as_bytes().to_vec(),
        kind,
        mode: 0o755,
        owner: None,
        mtime: (1, 0),
        xattrs: Vec::new(),
        hard_link: None,
        identity: None,
        ntfs: Some(Box::new(NtfsMetadata {
            attributes: 0x22,
            times: NtfsTimes {
                modified: 133_444_736_001_234_567,
                ..NtfsTimes::default()
            },
            extended: extended.collect(),
            reparse: None,
            descriptor: None,
            streams: streams.collect(),
        })),
    }
}

const FILE: ContextKind = ContextKind::File { size: 1 };
const POSIX: (&str, &[u8]) = ("CROSSDOCK", b"26 CROSSDOCK.origin=posix\n");
const WIN32: (&str, &[u8]) = ("CROSSDOCK", b"26 CROSSDOCK.origin=win32\n");

#[test]
fn marked_files_are_what_they_were() {
    let uid = ("$LXUID", &7u32.to_le_bytes()[..]);
    let mode = ("$LXMOD", &0o100_640u32.to_le_bytes()[..]);
    let xattrs = [("LX.USER.A", &b"lxea1"[..]), ("LX.TRUSTED.A", b"lxea2")];
    let entries = || {
        let mut link = found("l", ContextKind::ReparsePoint, &[POSIX], &[]);
        link.ntfs.as_mut().unwrap().reparse = ReparseTarget::LxSymlink(b"a//b".to_vec()).to_bytes();
        vec![
            found("d\u{f03a}d", ContextKind::Directory, &[], &[]),
            found(
                "d\u{f03a}d/p",
                FILE,
                &[POSIX, uid, mode, xattrs[0], xattrs[1]],
                &["kept"],
            ),
            link,
            found("plain", FILE, &[], &["Zone.Identifier"]),
            found("w", FILE, &[WIN32, uid, ("OWN", b"1")], &["b", "a"]),
        ]
    };
    let context = on_ntfs(entries(), false).unwrap();
    let tree = &context.tree;
    let entry = |path: &str| {
        let node = tree.lookup(tree.root(), path.as_bytes(), false);
        tree.entry(node.unwrap()).unwrap()
    };
    let posix = entry("d:d/p");
    assert_eq!((posix.posix.mode, posix.posix.uid), (0o640, 0));
    assert_eq!(posix.posix.xattrs.keys().collect::<Vec<_>>(), [b"user.a"]);
    assert_eq!(posix.times.modified.nanoseconds, 123_456_700);
    assert_eq!(posix.win32.attributes, Some(2));
    assert_eq!(posix.streams.len(), 1);
    assert_eq!(entry("l").kind, Kind::Symlink(b"a//b".to_vec()));
    let plain = entry("plain");
    assert_eq!((plain.posix.mode, plain.streams.len()), (0o755, 0));
    let win32 = entry("w");
    assert_eq!((win32.origin, win32.posix.mode), (Origin::Win32, 0o755));
    assert_eq!(win32.win32.attributes, Some(0x22));
    assert_eq!(win32.win32.extended, [(b"OWN".to_vec(), b"MQ==".to_vec())]);
    // Each content has a number of its own.
    let numbers = [&posix, &win32].map(|entry| {
        let streams = entry
            .streams
            .iter()
            .map(|stream| (&stream.content, Some(&stream.name)));
        let Kind::File(content) = &entry.kind else {
            panic!("no file");
        };
        let all = streams.chain([(content, None)]);
        all.for_each(|(content, stream)| {
            let Content::External { id, .. } = content else {
                panic!("not of the folder");
            };
            assert_eq!(context.file(*id).unwrap().stream.as_ref(), stream);
        });
        entry
            .streams
            .iter()
            .map(|stream| stream.name.clone())
            .collect::<Vec<_>>()
    });
    assert_eq!(numbers[1], [b"a", b"b"]);
    let losses: Vec<_> = context
        .losses
        .iter()
        .map(|(_, loss)| (loss.kind, &*loss.path))
        .collect();
    assert_eq!(losses, [(LossKind::Stream, "plain:Zone.Identifier")]);
    // A root file system has all of it.
    let whole = on_ntfs(entries(), true).unwrap();
    let node = whole
        .tree
        .lookup(whole.tree.root(), b"d:d/p", false)
        .unwrap();
    let posix = whole.tree.entry(node).unwrap().posix;
    assert_eq!((posix.uid, posix.xattrs.len()), (7, 2));
}

#[test]
fn what_no_layer_holds_is_told() {
    let mut other = found("x", ContextKind::ReparsePoint, &[], &[]);
    other.ntfs.as_mut().unwrap().reparse = Some(vec![0x1B, 0, 0, 0x80, 0, 0, 0, 0]);
    let nothing = found("y", ContextKind::ReparsePoint, &[], &[]);
    let mut socket = found("z", ContextKind::ReparsePoint, &[], &[]);
    socket.ntfs.as_mut().unwrap().reparse = ReparseTarget::Socket.to_bytes();
    let context = on_ntfs(vec![other, nothing, socket], false).unwrap();
    let losses: Vec<_> = context
        .losses
        .iter()
        .map(|(_, loss)| (loss.kind, &*loss.path))
        .collect();
    assert_eq!(
        losses,
        [
            (LossKind::ReparsePoint, "/x"),
            (LossKind::ReparsePoint, "/y"),
            (LossKind::Socket, "/z")
        ]
    );
    assert_eq!(context.tree.children(context.tree.root()).count(), 0);
}

#[test]
fn names_that_are_one_on_linux() {
    let check = |names: [&str; 2], extended: &[(&str, &[u8])], expected: Option<&str>| {
        let entries = names.map(|name| found(name, FILE, extended, &[]));
        let error = on_ntfs(entries.to_vec(), false)
            .err()
            .map(|error| error.to_string());
        match (error, expected) {
            (None, None) => {}
            (Some(error), Some(decoded)) => {
                for part in [names[0], names[1], decoded] {
                    assert!(error.contains(&format!("{part:?}")), "{error}");
                }
            }
            (error, _) => panic!("{names:?}: {error:?}"),
        }
    };
    check(["x.", "x\u{f02e}"], &[], Some("x."));
    check(["a\u{f03a}b", "ab"], &[], None);
    let renamed = String::from_utf8(rename_collision(b"A", &|_| false)).unwrap();
    let name = (
        "CROSSDOCK",
        &b"26 CROSSDOCK.origin=posix\n20 CROSSDOCK.name=A\n"[..],
    );
    check([&renamed, "a"], &[name], Some("A"));
}

#[test]
fn modes_of_a_volume() {
    let check = |kind, attributes, expected| {
        let mut entry = found("x", kind, &[], &[]);
        entry.mode = 0o777;
        if let Some(ntfs) = &mut entry.ntfs {
            ntfs.attributes = attributes;
        }
        ntfs::set_mode(&mut entry);
        assert_eq!(entry.mode, expected);
        entry.ntfs = None;
        entry.mode = 0o640;
        ntfs::set_mode(&mut entry);
        assert_eq!(entry.mode, 0o640);
    };
    check(FILE, 0x20, 0o755);
    check(FILE, 0x21, 0o555);
    check(ContextKind::Directory, 0x11, 0o755);
    check(ContextKind::ReparsePoint, 0x421, 0o777);
}
