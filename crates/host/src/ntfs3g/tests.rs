//! Trees that are written to a volume of NTFS, and read there.
//!
//! Most need a volume that ntfs-3g mounts: `.ci/sections/ntfs.sh` makes them.

use std::cell::RefCell;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::{
    ContextEntry, ContextKind, ContextReader, FileMetadata, FolderWriter, HostNames, NotKeptKind,
    NtfsEntry, NtfsPart, ReparsePoint, Visit, folder_names,
};

/// A new folder on the volume.
fn folder() -> TempDir {
    let volume = std::env::var_os("CROSSDOCK_NTFS_VOLUME");
    let volume = volume.expect("CROSSDOCK_NTFS_VOLUME names a folder on a volume of ntfs-3g");
    tempfile::tempdir_in(volume).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    pairs.map(byte).collect()
}

const TIMES: NtfsTimes = NtfsTimes {
    created: 133_444_736_001_234_567,
    accessed: 133_444_736_002_000_001,
    modified: 133_444_736_003_000_002,
    changed: 0,
};

/// `TIMES.modified`.
const MODIFIED: (i64, u32) = (1_700_000_000, 300_000_200);

/// O:BAG:SYD:(A;;FA;;;BA).
fn descriptor() -> Vec<u8> {
    bytes(
        "010004801400000024000000000000003000000001020000000000052000000020020000010100000000000512\
         000000020020000100000000001800ff011f0001020000000000052000000020020000",
    )
}

/// `..\a`; `\??\C:\a`; WSL's `../a`; WSL's pipe and character device.
const SYMLINK: &str =
    "0c0000a020000000000008000a000800010000002e002e005c00610000002e002e005c0061000000";
const JUNCTION: &str = "030000a02400000000001000120008005c003f003f005c0043003a005c006100000043003a\
                        005c0061000000";
const WSL_SYMLINK: &str = "1d0000a008000000020000002e2e2f61";
const WSL_FIFO: &str = "2400008000000000";
const WSL_DEVICE: &str = "2500008000000000";
/// A symbolic link of Windows that says nothing: refused.
const BROKEN: &str = "0c0000a000000000";

fn attribute(name: &str, value: &[u8]) -> Xattr {
    (name.into(), value.to_vec())
}

fn marked() -> Vec<Xattr> {
    vec![
        attribute("$LXUID", &1000_u32.to_le_bytes()),
        attribute("$LXDEV", &[5, 0, 0, 0, 44, 1, 0, 0]),
        attribute("CROSSDOCK", b"26 CROSSDOCK.origin=win32\n"),
    ]
}

/// What an entry is given, and which parts failed when its extended attributes were asked for.
struct Given {
    attributes: u32,
    times: NtfsTimes,
    descriptor: Option<Vec<u8>>,
    extended: Vec<Xattr>,
    failed: RefCell<Vec<NtfsPart>>,
}

impl Given {
    fn new(attributes: u32) -> Self {
        Self {
            attributes,
            times: TIMES,
            descriptor: Some(descriptor()),
            extended: marked(),
            failed: RefCell::default(),
        }
    }

    /// Calls `write` with it; what failed then.
    fn with<R>(&self, write: impl FnOnce(&FileMetadata<'_>) -> R) -> (R, Vec<NtfsPart>) {
        let extended = |failed: &[NtfsPart]| {
            *self.failed.borrow_mut() = failed.to_vec();
            self.extended.clone()
        };
        let done = write(&FileMetadata {
            mode: 0o640,
            owner: None,
            mtime: (1, 0),
            xattrs: &[],
            ntfs: Some(NtfsEntry {
                attributes: self.attributes,
                times: self.times,
                descriptor: self.descriptor.as_deref(),
                extended: &extended,
            }),
        });
        (done, self.failed.take())
    }
}

fn entries(folder: &Path) -> Vec<ContextEntry> {
    let reader = ContextReader::open(folder).unwrap();
    reader.walk(&mut |_, _| Visit::Include).unwrap()
}

fn paths(folder: &Path) -> Vec<String> {
    let entries = entries(folder).into_iter();
    entries
        .map(|entry| String::from_utf8(entry.path).unwrap())
        .collect()
}

fn write_file(writer: &mut FolderWriter, path: &str, streams: &[(&str, &[u8])], given: &Given) {
    let mut file = writer.file(path.as_bytes()).unwrap();
    file.write_all(b"content").unwrap();
    for (name, content) in streams {
        let size = content.len() as u64;
        file.stream(name.as_bytes(), size, &mut &content[..])
            .unwrap();
    }
    let (finished, failed) = given.with(|metadata| file.finish(metadata));
    finished.unwrap();
    assert_eq!(failed, [], "{path}");
}

fn no_losses(writer: FolderWriter) {
    assert_eq!(writer.finish().unwrap(), []);
}

/// Everything but the time of the last change, which is now, and the bit that says that there are
/// extended attributes, which is ntfs-3g's own affair.
fn comparable(entry: &ContextEntry) -> NtfsMetadata {
    let mut found = (**entry.ntfs.as_ref().unwrap()).clone();
    found.times.changed = 0;
    found
}

fn expected(attributes: u32, streams: &[(&str, &[u8])]) -> NtfsMetadata {
    NtfsMetadata {
        attributes,
        times: TIMES,
        extended: marked(),
        reparse: None,
        descriptor: Some(descriptor()),
        streams: streams.iter().map(stream).collect(),
    }
}

fn stream((name, content): &(&str, &[u8])) -> NtfsStream {
    NtfsStream {
        name: name.as_bytes().to_vec(),
        size: content.len() as u64,
    }
}

#[test]
#[ignore = "needs an NTFS volume in CROSSDOCK_NTFS_VOLUME"]
fn files_and_directories_keep_everything() {
    let folder = folder();
    let long = vec![b's'; MAX_VALUE];
    let streams: [(&str, &[u8]); 4] = [
        ("Zone.Identifier", b"[ZoneTransfer]\r\n"),
        ("empty", b""),
        ("long", &long),
        ("\u{6587}\u{5b57} x", b"1"),
    ];
    let mut writer = FolderWriter::create(folder.path()).unwrap();
    // READONLY, HIDDEN, SYSTEM, ARCHIVE; the system's own bits are passed over.
    let (made, failed) = Given::new(0x17).with(|metadata| writer.directory(b"d", metadata));
    made.unwrap();
    assert_eq!(failed, []);
    for (name, content) in streams {
        let size = content.len() as u64;
        writer
            .stream(b"d", name.as_bytes(), size, &mut &content[..])
            .unwrap();
    }
    write_file(&mut writer, "d/f", &streams, &Given::new(0x27));
    write_file(&mut writer, "d/none", &[], &Given::new(0));
    write_file(&mut writer, "d/all", &[], &Given::new(0x2127 | OF_SYSTEM));
    writer.hard_link(b"d/twin", b"d/f").unwrap();
    no_losses(writer);

    let found = entries(folder.path());
    assert_eq!(
        paths(folder.path()),
        ["d", "d/all", "d/f", "d/none", "d/twin"]
    );
    let [directory, all, file, none, twin] = &found[..] else {
        unreachable!();
    };
    assert_eq!(directory.kind, ContextKind::Directory);
    assert_eq!(comparable(directory), expected(0x17, &streams));
    assert_eq!(directory.mtime, MODIFIED);
    assert_eq!(file.kind, ContextKind::File { size: 7 });
    assert_eq!(comparable(file), expected(0x27, &streams));
    assert_eq!((file.mtime, &file.xattrs), (MODIFIED, &Vec::new()));
    assert_eq!(comparable(twin), comparable(file));
    assert!(file.hard_link.is_some() && file.hard_link == twin.hard_link);
    // NORMAL: there is nothing else.
    assert_eq!(comparable(none), expected(0x80, &[]));
    assert_eq!(comparable(all), expected(0x2127, &[]));

    let reader = ContextReader::open(folder.path()).unwrap();
    for path in ["d", "d/f", "d/twin"] {
        for (name, content) in streams {
            let mut found = Vec::new();
            let mut stream = reader
                .open_stream(path.as_bytes(), name.as_bytes())
                .unwrap();
            stream.read_to_end(&mut found).unwrap();
            assert_eq!(found, content, "{path}:{name}");
        }
        assert!(reader.open_stream(path.as_bytes(), b"absent").is_err());
    }
    assert_eq!(fs::read(folder.path().join("d/twin")).unwrap(), b"content");
}

#[test]
#[ignore = "needs an NTFS volume in CROSSDOCK_NTFS_VOLUME"]
fn unmarked_files_are_not_asked_for_descriptors() {
    let folder = folder();
    let mut writer = FolderWriter::create(folder.path()).unwrap();
    let given = Given {
        // NTFS compares names in upper case.
        extended: vec![attribute("abc", b"1")],
        ..Given::new(0x20)
    };
    write_file(&mut writer, "f", &[], &given);
    no_losses(writer);
    let found = comparable(&entries(folder.path())[0]);
    assert_eq!(found.descriptor, None);
    assert_eq!(found.extended, [attribute("ABC", b"1")]);
}

#[test]
#[ignore = "needs an NTFS volume in CROSSDOCK_NTFS_VOLUME"]
fn times_of_zero_stay() {
    let folder = folder();
    let mut writer = FolderWriter::create(folder.path()).unwrap();
    let given = Given {
        times: NtfsTimes {
            created: 0,
            accessed: 0,
            ..TIMES
        },
        ..Given::new(0x20)
    };
    write_file(&mut writer, "f", &[], &given);
    no_losses(writer);
    let found = comparable(&entries(folder.path())[0]).times;
    assert_eq!(found.modified, TIMES.modified);
    // Later than 2023.
    assert!(found.created > TIMES.modified + 1_000_000_000);
    assert!(found.accessed > TIMES.modified + 1_000_000_000);
}

/// Makes a reparse point; the entry that is there then, and what failed.
fn make_point(point: &ReparsePoint<'_>) -> (Option<ContextEntry>, Vec<NtfsPart>, Vec<NotKeptKind>) {
    let folder = folder();
    let mut writer = FolderWriter::create(folder.path()).unwrap();
    let given = Given::new(0x22);
    let (made, failed) = given.with(|metadata| writer.reparse_point(b"p", point, metadata));
    made.unwrap();
    writer.hard_link(b"twin", b"p").unwrap();
    let lost = writer.finish().unwrap();
    // At once: the kernel still takes it for a file.
    let mut found = entries(folder.path());
    assert!(found.len() != 1, "{found:?}");
    let mut lost: Vec<NotKeptKind> = lost.into_iter().map(|lost| lost.what).collect();
    lost.dedup();
    (found.drain(..).next(), failed, lost)
}

#[track_caller]
fn check_point(point: &str, fallback: Option<&str>, is_directory: bool, made: Option<&str>) {
    let (data, fallback) = (bytes(point), fallback.map(bytes));
    let (found, failed, lost) = make_point(&ReparsePoint {
        data: &data,
        fallback: fallback.as_deref(),
        is_directory,
    });
    let Some(made) = made else {
        assert_eq!((found, lost), (None, vec![NotKeptKind::Symlink]));
        return;
    };
    let mut expected = expected(0x22 | FILE_ATTRIBUTE_REPARSE_POINT, &[]);
    if is_directory {
        expected.attributes |= FILE_ATTRIBUTE_DIRECTORY;
    }
    expected.reparse = Some(bytes(made));
    let found = found.unwrap();
    assert_eq!(comparable(&found), expected);
    assert_eq!(
        (found.kind, found.mtime),
        (ContextKind::ReparsePoint, MODIFIED)
    );
    let refused = made != point;
    assert_eq!(failed, vec![NtfsPart::Reparse; refused.into()]);
    assert_eq!(lost, []);
}

#[test]
#[ignore = "needs an NTFS volume in CROSSDOCK_NTFS_VOLUME"]
fn reparse_points() {
    check_point(SYMLINK, None, false, Some(SYMLINK));
    check_point(SYMLINK, Some(WSL_SYMLINK), true, Some(SYMLINK));
    check_point(WSL_SYMLINK, None, false, Some(WSL_SYMLINK));
    check_point(BROKEN, Some(WSL_SYMLINK), false, Some(WSL_SYMLINK));
    check_point(BROKEN, None, false, None);
    check_point(BROKEN, None, true, None);
    check_point(BROKEN, Some(BROKEN), true, None);
}

/// A directory has one name, so a junction no second.
#[test]
#[ignore = "needs an NTFS volume in CROSSDOCK_NTFS_VOLUME"]
fn junctions_are_not_descended() {
    let folder = folder();
    let mut writer = FolderWriter::create(folder.path()).unwrap();
    let data = bytes(JUNCTION);
    let point = ReparsePoint {
        data: &data,
        fallback: None,
        is_directory: true,
    };
    let (made, failed) =
        Given::new(0).with(|metadata| writer.reparse_point(b"j", &point, metadata));
    made.unwrap();
    assert_eq!(failed, []);
    no_losses(writer);
    let found = entries(folder.path());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].kind, ContextKind::ReparsePoint);
    let mut junction = expected(0x410, &[]);
    junction.reparse = Some(data);
    assert_eq!(comparable(&found[0]), junction);
}

/// Volumes with `special_files=wsl` have them, others those of Interix.
#[test]
#[ignore = "needs an NTFS volume in CROSSDOCK_NTFS_VOLUME"]
fn special_files_of_wsl() {
    let probe = folder();
    let made = fs::File::open(probe.path()).unwrap();
    let fifo = NtfsPath::new(std::os::fd::AsFd::as_fd(&made), b"fifo");
    rustix::fs::mknodat(
        &made,
        "fifo",
        rustix::fs::FileType::Fifo,
        Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let has_them = fifo.reparse().unwrap().is_some();
    let interix = [
        ContextKind::Fifo,
        ContextKind::CharDevice {
            major: 5,
            minor: 300,
        },
    ];
    for (data, interix) in [WSL_FIFO, WSL_DEVICE].map(bytes).into_iter().zip(interix) {
        let (found, failed, lost) = make_point(&ReparsePoint {
            data: &data,
            fallback: None,
            is_directory: false,
        });
        let found = found.unwrap();
        assert_eq!((found.mtime, lost), (MODIFIED, Vec::new()));
        let mut expected = expected(0x22, &[]);
        if has_them {
            // REPARSE_POINT, RECALL_ON_OPEN.
            expected.attributes |= 0x4_0400;
            expected.reparse = Some(data);
            assert_eq!(
                (found.kind.clone(), failed),
                (ContextKind::ReparsePoint, Vec::new())
            );
        } else {
            // HIDDEN would make it a file.
            expected.attributes = 0x20;
            let parts = vec![NtfsPart::Attributes, NtfsPart::Reparse];
            assert_eq!((found.kind.clone(), failed), (interix, parts));
        }
        assert_eq!(comparable(&found), expected);
    }
}

#[test]
#[ignore = "needs an NTFS volume in CROSSDOCK_NTFS_VOLUME"]
fn names() {
    let names = [
        "gcc-10-base\u{f03a}amd64.list".to_owned(),
        "back\u{f05c}slash\u{f02e}".to_owned(),
        "trail\u{f020}".to_owned(),
        "\u{f022}\u{f02a}\u{f03c}\u{f03e}\u{f03f}\u{f07c}\u{f001}\u{f01f}".to_owned(),
        "\u{f0ef}\u{f080}\u{f0ba}".to_owned(),
        "\u{1f600} e\u{301}".to_owned(),
        "\u{8a9e}".repeat(255),
        "user.x".to_owned(),
    ];
    let folder = folder();
    let mut writer = FolderWriter::create(folder.path()).unwrap();
    for name in &names {
        write_file(&mut writer, name, &[("s", b"1")], &Given::new(0x20));
    }
    no_losses(writer);
    let mut sorted = names.to_vec();
    sorted.sort();
    assert_eq!(paths(folder.path()), sorted);
    for entry in entries(folder.path()) {
        assert_eq!(comparable(&entry), expected(0x20, &[("s", b"1")]));
    }
}

#[test]
#[ignore = "needs an NTFS volume in CROSSDOCK_NTFS_VOLUME"]
fn what_is_there_is_replaced() {
    let folder = folder();
    let write = |reparse: &[&str], files: &[&str]| {
        let mut writer = FolderWriter::create(folder.path()).unwrap();
        for path in reparse {
            let data = bytes(SYMLINK);
            let point = ReparsePoint {
                data: &data,
                fallback: None,
                is_directory: path.starts_with("dir"),
            };
            let path = path.as_bytes();
            let (made, _) =
                Given::new(1).with(|metadata| writer.reparse_point(path, &point, metadata));
            made.unwrap();
        }
        for path in files {
            write_file(&mut writer, path, &[("s", b"1")], &Given::new(1));
        }
        no_losses(writer);
    };
    write(&["link", "dirlink"], &["a", "b"]);
    fs::hard_link(folder.path().join("b"), folder.path().join("other")).unwrap();
    fs::create_dir_all(folder.path().join("tree/deep")).unwrap();
    fs::write(folder.path().join("tree/deep/file"), "").unwrap();
    write(&["link", "dirlink", "a", "tree"], &["b"]);
    // Links that are fresh are replaced by files, and trees with them by a file.
    write(&[], &["link", "dirlink", "tree"]);
    fs::create_dir(folder.path().join("kept")).unwrap();
    write(&["kept/link", "kept/other"], &["kept/file"]);
    write(&[], &["kept"]);
    assert_eq!(
        paths(folder.path()),
        ["a", "b", "dirlink", "kept", "link", "other", "tree"]
    );
    for entry in entries(folder.path()) {
        let path = String::from_utf8_lossy(&entry.path);
        let metadata = comparable(&entry);
        assert_eq!(metadata.reparse.is_some(), path == "a", "{path}");
        assert_eq!(metadata.streams.len(), usize::from(path != "a"), "{path}");
        assert_eq!(entry.hard_link, None, "{path}");
    }
}

/// A directory keeps its streams and what is in it, and gets other attributes.
#[test]
#[ignore = "needs an NTFS volume in CROSSDOCK_NTFS_VOLUME"]
fn directories_are_merged() {
    let folder = folder();
    let write = |given: &Given, stream: (&str, &[u8])| {
        let mut writer = FolderWriter::create(folder.path()).unwrap();
        given
            .with(|metadata| writer.directory(b"d", metadata))
            .0
            .unwrap();
        let (name, content) = stream;
        let size = content.len() as u64;
        writer
            .stream(b"d", name.as_bytes(), size, &mut &content[..])
            .unwrap();
        no_losses(writer);
    };
    write(&Given::new(3), ("one", b"long content"));
    write(&Given::new(2), ("one", b"short"));
    let mut found = comparable(&entries(folder.path())[0]);
    assert_eq!(found, expected(0x12, &[("one", b"short")]));
    let bare = Given {
        extended: Vec::new(),
        ..Given::new(2)
    };
    write(&bare, ("two", b""));
    found = comparable(&entries(folder.path())[0]);
    assert_eq!(found.extended, []);
    assert_eq!(
        found.streams,
        [("one", &b"short"[..]), ("two", b"")].map(|s| stream(&s))
    );
}

#[test]
#[ignore = "needs an NTFS volume in CROSSDOCK_NTFS_VOLUME"]
fn what_is_refused_is_told() {
    let check = |given: Given, failed: &[NtfsPart], lost: &[NotKeptKind]| {
        let folder = folder();
        let mut writer = FolderWriter::create(folder.path()).unwrap();
        let file = writer.file(b"f").unwrap();
        let (finished, found) = given.with(|metadata| file.finish(metadata));
        finished.unwrap();
        assert_eq!(found, failed);
        let found = writer.finish().unwrap().into_iter().map(|lost| lost.what);
        assert_eq!(found.collect::<Vec<_>>(), lost);
        // The rest is there.
        let entry = entries(folder.path()).remove(0);
        assert_eq!(comparable(&entry).times, TIMES);
    };
    let no_descriptor = |extended: Vec<Xattr>| Given {
        descriptor: Some(b"no descriptor, and long enough".to_vec()),
        extended,
        ..Given::new(0x20)
    };
    let too_long = vec![attribute("CROSSDOCK", &vec![1; 65_530])];
    check(no_descriptor(marked()), &[NtfsPart::Descriptor], &[]);
    check(
        no_descriptor(too_long.clone()),
        &[NtfsPart::Descriptor],
        &[NotKeptKind::Descriptor, NotKeptKind::Extended],
    );
    let extended = Given {
        extended: too_long,
        ..Given::new(0x20)
    };
    check(extended, &[], &[NotKeptKind::Extended]);
    // PINNED.
    check(Given::new(0x8_0020), &[NtfsPart::Attributes], &[]);
}

/// Streams that are shown as attributes have the limits of those.
#[test]
#[ignore = "needs an NTFS volume in CROSSDOCK_NTFS_VOLUME"]
fn limits_of_streams() {
    let folder = folder();
    let opened = fs::File::open(folder.path()).unwrap();
    let volume = Volume::of(std::os::fd::AsFd::as_fd(&opened)).unwrap();
    let long_name = "n".repeat(251);
    let mut writer = FolderWriter::create(folder.path()).unwrap();
    let mut file = writer.file(b"f").unwrap();
    let large = vec![b'x'; MAX_VALUE + 1];
    file.stream(b"large", large.len() as u64, &mut &large[..])
        .unwrap();
    file.stream(long_name.as_bytes(), 1, &mut &b"1"[..])
        .unwrap();
    Given::new(0x20)
        .with(|metadata| file.finish(metadata))
        .0
        .unwrap();
    let lost = writer.finish().unwrap().into_iter().map(|lost| lost.what);
    let lost: Vec<NotKeptKind> = lost.collect();
    let streams = comparable(&entries(folder.path())[0]).streams;
    let both = [("large", &large[..]), (&long_name, b"1")];
    match volume.streams {
        Streams::Files => {
            assert_eq!(lost, []);
            assert_eq!(streams, both.map(|s| stream(&s)));
        }
        Streams::Attributes => {
            let names = both.map(|(name, _)| NotKeptKind::Stream(name.into()));
            assert_eq!((lost.as_slice(), streams), (&names[..], Vec::new()));
        }
    }
}

#[test]
#[ignore = "needs an NTFS volume in CROSSDOCK_NTFS_VOLUME"]
fn names_of_a_volume() {
    let folder = folder();
    fs::write(folder.path().join("file"), "").unwrap();
    for path in ["", "absent", "absent/below", "file", "file/below"] {
        assert_eq!(
            folder_names(&folder.path().join(path)),
            HostNames::Windows,
            "{path}"
        );
    }
}

/// On other file systems what NTFS alone can hold is told, and the other fields count.
#[test]
fn elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        folder_names(&folder.path().join("absent")),
        HostNames::Posix
    );
    let mut writer = FolderWriter::create(folder.path()).unwrap();
    let given = Given::new(0x21);
    let mut file = writer.file(b"f").unwrap();
    file.stream(b"s", 1, &mut &b"1"[..]).unwrap();
    given.with(|metadata| file.finish(metadata)).0.unwrap();
    let data = bytes(SYMLINK);
    let point = ReparsePoint {
        data: &data,
        fallback: None,
        is_directory: false,
    };
    given
        .with(|metadata| writer.reparse_point(b"p", &point, metadata))
        .0
        .unwrap();
    let lost = writer.finish().unwrap().into_iter().map(|lost| lost.what);
    let expected = [NotKeptKind::Stream(b"s".to_vec()), NotKeptKind::Symlink];
    assert_eq!(lost.collect::<Vec<_>>(), expected);
    let found = entries(folder.path());
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].mode, found[0].mtime), (0o640, (1, 0)));
    assert_eq!((&found[0].ntfs, &found[0].xattrs), (&None, &Vec::new()));
    let reader = ContextReader::open(folder.path()).unwrap();
    assert!(reader.open_stream(b"f", b"s").is_err());
}
