//! What a file of NTFS gets of an entry, and the entry that comes back of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::super::found::{NtfsFile, NtfsFound};
use super::*;
use crate::codec::{Placement, encode};
use crate::descriptor::{default_directory, default_file};
use crate::entry::LayerFormat::{self, Linux, Windows};
use crate::entry::{Content, Entry, Kind, PosixMetadata, Stream, Times, Win32Metadata};
use crate::testing::header;
use crate::translate::Name;
use crate::{CollisionPolicy, rename_collision};

/// A file as a disk has it.
#[derive(Debug)]
struct Disk {
    kind: Kind,
    attributes: u32,
    times: NtfsTimes,
    extended: Vec<(Vec<u8>, Vec<u8>)>,
    reparse: Option<Vec<u8>>,
    descriptor: Option<Vec<u8>>,
}

/// Bits that somebody who writes a file can set.
const SETTABLE: u32 = 0x31A7;

impl Disk {
    /// What is there after a form was written.
    fn of(form: &NtfsForm<'_>, unset: NtfsUnset) -> Self {
        let extended = form.extended(unset);
        assert_eq!(extended.left_out, Vec::<Vec<u8>>::new());
        let kind = match form.header.kind {
            TarKind::Directory => Kind::Directory,
            _ if form.reparse.is_some() => Kind::Symlink(Vec::new()),
            _ => Kind::File(Content::empty()),
        };
        let is_directory = form.header.kind == TarKind::Directory
            || form
                .reparse
                .as_ref()
                .is_some_and(|point| point.is_directory);
        let settable = match unset.attributes {
            true => 0,
            false => form.attributes & SETTABLE,
        };
        let inherited = Some(default_file().as_bytes().to_vec());
        let descriptor = form.descriptor.clone().filter(|_| !unset.descriptor);
        // Every write sets ARCHIVE.
        let attributes = settable
            | ATTRIBUTE_ARCHIVE
            | if is_directory { ATTRIBUTE_DIRECTORY } else { 0 }
            | if form.reparse.is_some() {
                ATTRIBUTE_REPARSE_POINT
            } else {
                0
            };
        Self {
            kind,
            attributes,
            times: NtfsTimes {
                accessed: 1,
                changed: 1,
                ..form.times
            },
            extended: extended.list,
            reparse: form.reparse.clone().map(|point| match unset.reparse {
                true => point.fallback.unwrap_or(point.data),
                false => point.data,
            }),
            descriptor: descriptor.or(inherited),
        }
    }

    fn read(&self) -> Option<NtfsFound> {
        let file = NtfsFile {
            kind: self.kind.clone(),
            mode: 0o755,
            attributes: self.attributes,
            times: self.times,
            extended: &self.extended,
            reparse: self.reparse.as_deref(),
            descriptor: self.descriptor.as_deref(),
            streams: Vec::new(),
        };
        file.read()
    }
}

/// The header of an entry of the Windows encoding.
fn planned(entry: &Entry, original_name: Option<&[u8]>) -> Header {
    let place = Placement {
        path: b"x",
        original_name,
        hard_link: None,
        carry: true,
    };
    encode(entry, Windows, &place)
}

fn subsets() -> impl Iterator<Item = NtfsUnset> {
    (0..8).map(|bits| NtfsUnset {
        attributes: bits & 1 != 0,
        descriptor: bits & 2 != 0,
        reparse: bits & 4 != 0,
    })
}

fn text(pieces: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<u8>> {
    vec(prop::sample::select(pieces), 1..6).prop_map(|pieces| pieces.concat())
}

fn kinds(links: &'static [&'static [u8]]) -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::File(Content::empty())),
        Just(Kind::Directory),
        text(links).prop_map(Kind::Symlink),
        Just(Kind::Fifo),
        any::<(u32, u32)>().prop_map(|(major, minor)| Kind::CharDevice(major, minor)),
        any::<(u32, u32)>().prop_map(|(major, minor)| Kind::BlockDevice(major, minor)),
    ]
}

fn times() -> impl Strategy<Value = Timestamp> {
    let seconds = prop_oneof![0..2_000_000_000i64, -9_214_560_000..9_223_372_036i64];
    let nanoseconds = prop_oneof![
        Just(0),
        (0..10_000_000u32).prop_map(|n| n * 100),
        0..999_999_999u32
    ];
    (seconds, nanoseconds).prop_map(|(seconds, nanoseconds)| Timestamp {
        seconds,
        nanoseconds,
    })
}

fn posix() -> impl Strategy<Value = PosixMetadata> {
    const NAMES: &[&[u8]] = &[
        b"user.a",
        b"user.A",
        b"user.B",
        b"security.capability",
        b"user.a:b",
    ];
    let ids = || {
        prop_oneof![
            Just(0),
            0..70_000u64,
            any::<u32>().prop_map(|id| u64::from(id) + 1)
        ]
    };
    let xattrs = btree_map(
        prop::sample::select(NAMES).prop_map(<[u8]>::to_vec),
        vec(any::<u8>(), 0..4),
        0..4,
    );
    let names = || prop_oneof![Just(Vec::new()), Just(b"root".to_vec())];
    (0..=0o7777u32, ids(), ids(), names(), names(), xattrs).prop_map(
        |(mode, uid, gid, user, group, xattrs)| PosixMetadata {
            mode,
            uid,
            gid,
            user,
            group,
            xattrs,
        },
    )
}

const NAMES: &[&[u8]] = &[
    b"a",
    b":",
    b"\xff",
    b".",
    b" ",
    "\u{f03a}".as_bytes(),
    "é".as_bytes(),
];
/// Tags of reparse points, the last one nobody's.
const TAGS: &[u32] = &[
    0xA000_000C,
    0xA000_0003,
    0xA000_001D,
    0x8000_0023,
    0x8000_0025,
    7,
];
const LINUX_LINKS: &[&[u8]] = &[
    b"a",
    b"/",
    b"..",
    b":",
    b"\\",
    b"\xff",
    b"C:",
    b".",
    "é".as_bytes(),
];
const WINDOWS_LINKS: &[&[u8]] = &[
    b"a",
    b"/",
    b"..",
    b"\\",
    b"\xff",
    b"C:\\",
    b"D:",
    b"\\\\?\\",
    b"\\\\",
    "\u{f03a}".as_bytes(),
];

prop_compose! {
    fn linux_entry()(
        kind in kinds(LINUX_LINKS),
        posix in posix(),
        modified in prop_oneof![times(), Just(Timestamp::from_seconds(1 << 40))],
        (accessed, changed) in (option::of(times()), option::of(times())),
        hidden in prop_oneof![Just(None), Just(Some(2)), Just(Some(6))],
    ) -> Entry {
        let mut entry = Entry::new(kind, 0, modified, Linux);
        entry.win32.attributes = hidden.filter(|_| !entry.kind.is_symlink());
        entry.posix = posix;
        entry.times.accessed = accessed;
        entry.times.changed = changed;
        entry
    }
}

prop_compose! {
    fn windows_entry()(
        kind in kinds(WINDOWS_LINKS),
        posix in posix(),
        mode in prop_oneof![Just(0), 0..=0o7777u32],
        times in (times(), times(), times(), times()),
        (junction, directory) in any::<(bool, bool)>(),
        bits in prop_oneof![Just(0x20u32), any::<u32>()],
        descriptor in prop::sample::select(vec![None, Some(default_directory()), Some(default_file())]),
        extended in btree_map(
            prop::sample::select(&["A.B", "low", "$LXUID", "LX.A", "CROSSDOCK", "Z", "A:"][..]),
            prop::sample::select(&["", "AAAA", "!", "AA=", "AB=="][..]),
            0..4,
        ),
    ) -> Entry {
        let is_link = kind.is_symlink();
        let attributes = match &kind {
            Kind::Directory => bits | 0x10,
            Kind::Symlink(_) if directory => bits & !0x30 | 0x410,
            Kind::Symlink(_) => bits & !0x30 | 0x420,
            _ => bits & !0x10,
        };
        Entry {
            kind,
            posix: PosixMetadata { mode, ..posix },
            win32: Win32Metadata {
                attributes: Some(attributes),
                descriptor: descriptor.map(|descriptor| Arc::from(descriptor.as_bytes())),
                junction: junction && is_link,
                extended: extended.into_iter().map(|(n, v)| (n.into(), v.into())).collect(),
            },
            times: Times {
                modified: times.0,
                accessed: Some(times.1),
                changed: Some(times.2),
                created: Some(times.3),
                original_modified: None,
            },
            origin: Origin::Win32,
            streams: Vec::new(),
            original_link: None,
            original_mode: None,
        }
    }
}

fn comes_back(stored: &Entry, expected: &Entry) -> Result<(), TestCaseError> {
    let header = planned(stored, None);
    let form = NtfsForm::of(&header, true);
    if header.kind == TarKind::Symlink {
        prop_assert!(form.reparse.is_some());
    }
    for unset in subsets() {
        let disk = Disk::of(&form, unset);
        let found = disk.read().map(|found| (found.entry, found.is_marked));
        prop_assert_eq!(
            found,
            Some((expected.clone(), true)),
            "{:?} {:?}",
            unset,
            disk
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Out and back is the identity, whatever of it could not be set.
    #[test]
    fn entries_of_linux_come_back(entry in linux_entry()) {
        let stored = entry.translate(Linux, Windows);
        let mut expected = stored.translate(Windows, Linux);
        expected.win32.attributes = entry.win32.attributes;
        comes_back(&stored, &expected)?;
        let times = [entry.times.accessed, entry.times.changed];
        if times.iter().all(|time| *time != Some(entry.times.modified)) {
            prop_assert_eq!(expected, entry);
        }
    }

    #[test]
    fn entries_of_windows_come_back(entry in windows_entry()) {
        comes_back(&entry, &entry.translate(Windows, Linux))?;
    }

    #[test]
    fn names_come_back(name in text(NAMES)) {
        prop_assume!(name != b"." && name != b"..");
        let there = Name::plain(name.clone()).translate(Origin::Posix, Linux, Windows);
        let entry = Entry::new(Kind::Directory, 0o755, Timestamp::default(), Linux);
        let header = planned(&entry.translate(Linux, Windows), there.original.as_deref());
        let found = Disk::of(&NtfsForm::of(&header, true), NtfsUnset::default()).read();
        prop_assert_eq!(found.map(|found| found.name(&there.stored)), Some(Name::plain(name)));
    }

    /// Bytes of somebody else are no reason to stop, and what was read of them comes back.
    #[test]
    fn foreign_bytes(
        reparse in option::of((
            prop::sample::select(TAGS),
            any::<u16>(), vec(any::<u8>(), 0..40),
        )),
        extended in vec((
            prop::sample::select(&["CROSSDOCK", "$LXMOD", "$LXUID", "$LXDEV", "LX.A", "X"][..]),
            prop_oneof![vec(any::<u8>(), 0..12), Just(b"26 CROSSDOCK.origin=win32\n".to_vec())],
        ), 0..5),
        attributes in any::<u32>(),
    ) {
        let reparse = reparse.map(|(tag, length, data)| {
            let length = if length % 2 == 0 { data.len() as u16 } else { length };
            [&tag.to_le_bytes()[..], &length.to_le_bytes(), &[0, 0], &data].concat()
        });
        let disk = Disk {
            kind: if reparse.is_some() { Kind::Symlink(Vec::new()) } else { Kind::Directory },
            attributes,
            times: NtfsTimes { created: u64::MAX, accessed: 0, modified: u64::MAX, changed: 0 },
            extended: extended.into_iter().map(|(name, value)| (name.into(), value)).collect(),
            reparse,
            descriptor: Some(vec![1, 2, 3]),
        };
        if let Some(found) = disk.read() {
            prop_assert_eq!(&found.entry.win32.descriptor, &None);
            let header = planned(&found.entry.translate(Linux, Windows), None);
            NtfsForm::of(&header, true).extended(NtfsUnset::default());
        }
    }
}

/// The extended attributes of a planned line, and its reparse point; `CROSSDOCK` as text.
#[track_caller]
fn check(line: &str, unset: NtfsUnset, expected: &[&str]) {
    let (header, _) = header(line);
    let form = NtfsForm::of(&header, true);
    let shown = form.extended(unset).list.into_iter().map(|(name, value)| {
        let name = String::from_utf8_lossy(&name).into_owned();
        match &name[..] {
            "CROSSDOCK" => {
                let records = Records::parse(&value).expect("records");
                let records = records.iter().map(|(key, value)| {
                    let key = key.strip_prefix(b"CROSSDOCK.").unwrap_or(key);
                    format!(
                        "{}={}",
                        String::from_utf8_lossy(key),
                        String::from_utf8_lossy(value)
                    )
                });
                records.collect::<Vec<_>>().join(" ")
            }
            _ => format!("{name}={}", value.escape_ascii()),
        }
    });
    let shown: Vec<String> = shown.collect();
    assert_eq!(shown, expected, "{line}");
}

const ALL: NtfsUnset = NtfsUnset {
    attributes: true,
    descriptor: true,
    reparse: true,
};

#[test]
fn only_what_the_file_does_not_say() {
    let nothing = NtfsUnset::default();
    let posix = [r"$LXUID=\x00\x00\x00\x00", r"$LXGID=\x00\x00\x00\x00"];
    check(
        "f a | CROSSDOCK.origin=posix mode=640 time=5 ctime=5 atime=6 MSWINDOWS.fileattr=32 \
         MSWINDOWS.rawsd=AAAA",
        ALL,
        &[
            posix[0],
            posix[1],
            r"$LXMOD=\xa0\x81\x00\x00",
            "origin=posix atime=6",
        ],
    );
    check(
        "c a 5:1 | CROSSDOCK.origin=posix mode=620 CROSSDOCK.name=A SCHILY.xattr.user.x=1 \
         SCHILY.xattr.user.X=2",
        nothing,
        &[
            posix[0],
            posix[1],
            r"$LXMOD=\x90!\x00\x00",
            r"$LXDEV=\x05\x00\x00\x00\x01\x00\x00\x00",
            "LX.USER.X=lxea1",
            "name=A origin=posix SCHILY.xattr.user.X=2",
        ],
    );
    check(
        r"l a -> b\c | CROSSDOCK.origin=posix mode=777 CROSSDOCK.link=b//c",
        nothing,
        &[
            posix[0],
            posix[1],
            r"$LXMOD=\xff\xa1\x00\x00",
            "link=b//c origin=posix",
        ],
    );
    // WSL's link has the text of Linux.
    check(
        r"l a -> b\c | CROSSDOCK.origin=posix mode=777 CROSSDOCK.link=b//c",
        ALL,
        &[
            posix[0],
            posix[1],
            r"$LXMOD=\xff\xa1\x00\x00",
            "origin=posix",
        ],
    );
    check(
        "f a | mode=100000 MSWINDOWS.fileattr=35 MSWINDOWS.rawsd=AAAA MSWINDOWS.xattr.E=AAAA \
         MSWINDOWS.xattr.e=AAAA",
        nothing,
        &[r"E=\x00\x00\x00", "origin=win32 MSWINDOWS.xattr.e=AAAA"],
    );
    check(
        "f a | mode=100000 MSWINDOWS.fileattr=35 MSWINDOWS.rawsd=AAAA time=1.00000001 \
         atime=1.00000001",
        ALL,
        &[
            "origin=win32 unset=attributes MSWINDOWS.fileattr=35 MSWINDOWS.rawsd=AAAA mtime=1.00000001",
        ],
    );
    check(
        r"l a -> C:\b | mode=0 MSWINDOWS.fileattr=1040 MSWINDOWS.mountpoint=1 MSWINDOWS.rawsd=AAAA",
        nothing,
        &["origin=win32"],
    );
    check(
        r"l a -> C:\b | mode=0 MSWINDOWS.fileattr=1040 MSWINDOWS.mountpoint=1 MSWINDOWS.rawsd=AAAA",
        NtfsUnset {
            reparse: true,
            ..nothing
        },
        &[r"link=C:\b origin=win32 MSWINDOWS.fileattr=1040 MSWINDOWS.mountpoint=1"],
    );
}

/// Without metadata of the other system there is nothing of ours.
#[test]
fn nothing_of_ours() {
    for (line, expected) in [
        (
            "f a | CROSSDOCK.origin=posix mode=640 SCHILY.xattr.user.x=1",
            0,
        ),
        (
            "f a | mode=640 MSWINDOWS.xattr.E=AAAA MSWINDOWS.xattr.e=AAAA",
            1,
        ),
    ] {
        let (header, _) = header(line);
        let form = NtfsForm::of(&header, false);
        assert_eq!(form.extended(ALL).list.len(), expected, "{line}");
    }
}

/// What somebody has changed with other programs counts.
#[test]
fn the_file_wins() {
    let entry = |line: &str, change: &dyn Fn(&mut Disk)| {
        let (header, _) = header(line);
        let mut disk = Disk::of(&NtfsForm::of(&header, true), NtfsUnset::default());
        change(&mut disk);
        disk.read().expect("an entry").entry
    };
    let posix = "f a | CROSSDOCK.origin=posix mode=640 uid=7 time=5.00000001 CROSSDOCK.mtime=5.00000001 MSWINDOWS.fileattr=32";
    assert_eq!(entry(posix, &|_| ()).times.modified.to_pax(), "5.00000001");
    let changed = entry(posix, &|disk| disk.times.modified += 10);
    assert_eq!(changed.times.modified.to_pax(), "5.000001");
    let changed = entry(posix, &|disk| disk.attributes |= 2);
    assert_eq!(changed.win32.attributes, Some(2));
    let changed = entry(posix, &|disk| {
        disk.extended.retain(|(name, _)| name != b"$LXMOD")
    });
    assert_eq!((changed.posix.mode, changed.posix.uid), (0o755, 7));
    // A mode of something else is not this file's.
    let changed = entry(posix, &|disk| {
        disk.extended[2].1 = 0o040_700u32.to_le_bytes().to_vec()
    });
    assert_eq!(changed.posix.mode, 0o755);
    let win32 = "f a | mode=0 MSWINDOWS.fileattr=16416 MSWINDOWS.rawsd=AAAA";
    assert_eq!(entry(win32, &|_| ()).win32.attributes, Some(16416));
    assert_eq!(
        entry(win32, &|disk| disk.attributes |= 1).win32.attributes,
        Some(33)
    );
    let link = r"l a -> b/c | mode=0 MSWINDOWS.fileattr=1056";
    let kept = entry(link, &|_| ());
    assert_eq!(
        kept.translate(Linux, Windows).kind,
        Kind::Symlink(b"b/c".to_vec())
    );
    let other = ReparseTarget::Symlink("d".to_owned()).to_bytes();
    let changed = entry(link, &|disk| disk.reparse = other.clone());
    assert_eq!(changed.kind, Kind::Symlink(b"d".to_vec()));
}

/// A file without mark is an ordinary one; what WSL says of it counts.
#[test]
fn files_of_others() {
    let number = |value: u32| value.to_le_bytes().to_vec();
    let check = |extended: &[(&str, Vec<u8>)],
                 reparse: Option<ReparseTarget>,
                 expected: Option<(Kind, u32)>| {
        let extended: Vec<_> = extended
            .iter()
            .map(|(n, v)| (n.as_bytes().to_vec(), v.clone()))
            .collect();
        let point = reparse
            .as_ref()
            .map(|target| target.to_bytes().expect("a point"));
        let descriptor = default_file();
        let file = NtfsFile {
            kind: match reparse {
                Some(_) => Kind::Symlink(Vec::new()),
                None => Kind::File(Content::empty()),
            },
            mode: 0o555,
            attributes: 0x20,
            times: NtfsTimes {
                modified: 133_444_736_001_234_567,
                ..NtfsTimes::default()
            },
            extended: &extended,
            reparse: point.as_deref(),
            descriptor: Some(descriptor.as_bytes()),
            streams: vec![Stream {
                name: b"s".to_vec(),
                content: Content::empty(),
            }],
        };
        let found = file.read();
        if let Some(found) = &found {
            let entry = &found.entry;
            assert_eq!(
                entry.times,
                Times::at(Timestamp {
                    seconds: 1_700_000_000,
                    nanoseconds: 123_456_700
                })
            );
            assert_eq!((entry.origin, found.is_marked), (Origin::Posix, false));
            assert_eq!(
                (&entry.win32, &entry.streams),
                (&Win32Metadata::default(), &vec![])
            );
            assert_eq!(found.name("a\u{f03a}b".as_bytes()), Name::plain("a:b"));
        }
        assert_eq!(
            found.map(|found| (found.entry.kind, found.entry.posix.mode)),
            expected
        );
    };
    let file = || Kind::File(Content::empty());
    check(&[], None, Some((file(), 0o555)));
    check(
        &[("$LXMOD", number(0o100_640))],
        None,
        Some((file(), 0o640)),
    );
    check(
        &[("$LXMOD", number(0o120_640))],
        None,
        Some((file(), 0o555)),
    );
    check(&[("$LXMOD", vec![1])], None, Some((file(), 0o555)));
    check(
        &[("CROSSDOCK", b"20 CROSSDOCK.origin\n".to_vec())],
        None,
        Some((file(), 0o555)),
    );
    let link = |text: &str| Some((Kind::Symlink(text.into()), 0o777));
    check(
        &[],
        Some(ReparseTarget::Symlink(r"C:\a\b".to_owned())),
        link("/a/b"),
    );
    check(
        &[],
        Some(ReparseTarget::Symlink(r"..\a".to_owned())),
        link("../a"),
    );
    check(
        &[],
        Some(ReparseTarget::Junction(r"D:\a".to_owned())),
        link(r"D:\a"),
    );
    check(
        &[],
        Some(ReparseTarget::LxSymlink(b"a//b".to_vec())),
        link("a//b"),
    );
    check(
        &[("$LXMOD", number(0o010_600))],
        Some(ReparseTarget::Fifo),
        Some((Kind::Fifo, 0o600)),
    );
    let numbers = [number(5), number(1)].concat();
    check(
        &[("$LXDEV", numbers)],
        Some(ReparseTarget::CharDevice),
        Some((Kind::CharDevice(5, 1), 0o555)),
    );
    check(
        &[],
        Some(ReparseTarget::BlockDevice),
        Some((Kind::BlockDevice(0, 0), 0o555)),
    );
    check(&[], Some(ReparseTarget::Socket), None);
}

/// Names of one file share its attributes.
/// Neither system has attributes of such names. A record of one would spoil the mark.
#[test]
fn names_that_no_record_can_have() {
    let posix = "f a | CROSSDOCK.origin=posix mode=640 SCHILY.xattr.user.a=1";
    let win32 = "f a | mode=0 MSWINDOWS.fileattr=32 MSWINDOWS.xattr.A=MQ==";
    for line in [posix, win32] {
        let (header, _) = header(line);
        let mut disk = Disk::of(&NtfsForm::of(&header, true), NtfsUnset::default());
        let expected = disk.read().expect("an entry").entry;
        for name in [&b"LX.A\0B"[..], b"LX.A=B", b"LX.", b"A\0B", b"A=B", b""] {
            disk.extended.push((name.to_vec(), b"lxea1".to_vec()));
        }
        assert_eq!(disk.read().expect("an entry").entry, expected);
    }
}

#[test]
fn names_of_one_file() {
    let (header, _) = header("f a | CROSSDOCK.origin=posix");
    let renamed = rename_collision(b"FOO", &|_| false);
    assert_ne!(CollisionPolicy::Rename, CollisionPolicy::default());
    let names = vec![b"foo".to_vec(), b"FOO".to_vec(), b"a:b".to_vec()];
    let form = NtfsForm::of(&header, true).with_names(names);
    let found = Disk::of(&form, NtfsUnset::default())
        .read()
        .expect("an entry");
    for (stored, expected) in [
        (b"foo".to_vec(), &b"foo"[..]),
        (renamed, b"FOO"),
        ("a\u{f03a}b".as_bytes().to_vec(), b"a:b"),
        (b"other".to_vec(), b"other"),
    ] {
        assert_eq!(found.name(&stored), Name::plain(expected));
    }
}

/// The largest goes first, and the rest still fits NTFS.
#[test]
fn what_does_not_fit() {
    let mut entry = Entry::new(
        Kind::Directory,
        0o755,
        Timestamp::default(),
        LayerFormat::Linux,
    );
    let value = |length: usize| vec![b'x'; length];
    entry.posix.xattrs = BTreeMap::from([
        (b"user.a".to_vec(), value(30_000)),
        (b"user.B".to_vec(), value(40_000)),
        (b"user.c".to_vec(), value(34_700)),
        (b"user.d".to_vec(), value(500)),
    ]);
    let header = planned(&entry.translate(Linux, Windows), None);
    let extended = NtfsForm::of(&header, true).extended(NtfsUnset::default());
    let shown: Vec<_> = extended
        .left_out
        .iter()
        .map(|key| String::from_utf8_lossy(key))
        .collect();
    assert_eq!(shown, ["SCHILY.xattr.user.B"]);
    // 8 bytes, the name, NUL and the value, filled up to 4 (MS-FSCC 2.4.15).
    let sizes = extended.list.iter();
    let sizes = sizes.map(|(name, value)| (9 + name.len() + value.len()).div_ceil(4) * 4);
    let size: usize = sizes.sum();
    assert!(size > 65_000 && size <= 65_535, "{size}");
}

/// Texts that no reparse point holds.
#[test]
fn long_links() {
    for (length, native, there) in [
        (2_000, true, true),
        (5_000, false, true),
        (20_000, false, false),
    ] {
        let text = "x".repeat(length);
        let (header, _) = header(&format!("l a -> {text} | CROSSDOCK.origin=posix"));
        let form = NtfsForm::of(&header, true);
        assert_eq!(form.reparse.is_some(), there, "{length}");
        assert_eq!(!form.is_lx, native, "{length}");
    }
}
