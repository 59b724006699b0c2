//! Trees with every unpleasant name, time and attribute that either system can hold.

use std::collections::HashSet;

use crossdock_layer::{
    Header, MAX_WINDOWS_UNITS, SecurityDescriptor, TarKind, Timestamp, default_directory,
    default_file, upcase, utf16_len,
};
use proptest::prelude::*;
use proptest::sample::Index;

/// An entry of a tar that is written.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) header: Header,
    pub(crate) content: Vec<u8>,
    /// A hard link whose target is a symbolic link.
    pub(crate) of_symlink: bool,
}

impl Made {
    fn new(header: Header, content: Vec<u8>) -> Self {
        Self {
            header,
            content,
            of_symlink: false,
        }
    }
}

/// A plain file.
pub(crate) fn file(path: &str, content: &[u8]) -> Made {
    let mut header = Header::new(TarKind::File, path);
    header.mode = 0o644;
    Made::new(header, content.to_vec())
}

/// Pieces that names are made of.
const LINUX_PIECES: &[&[u8]] = &[
    b"a",
    b"A",
    b"b",
    b"B",
    b"usr",
    b"libc6:amd64.list",
    b":",
    b"\\",
    b".",
    b" ",
    b"..",
    b"~",
    b"*",
    b"?",
    b"\"",
    b"<",
    b">",
    b"|",
    b"\x01",
    b"\t",
    b"\n",
    b"\x7f",
    b"\xff",
    b"\xc3",
    b"\x80",
    b"\xef\x80",
    b"CON",
    b"nul.txt",
    b"Makefile",
    b"makefile",
    b"=",
    b"%",
    b"-",
    b"\xf0\x9f\x98\x80",
    // A small and a capital letter, a character that has no capital, U+F001, U+F03A, U+F0FF, U+F100.
    b"\xc3\xa4",
    b"\xc3\x84",
    b"\xc3\x9f",
    b"\xef\x80\x81",
    b"\xef\x80\xba",
    b"\xef\x83\xbf",
    b"\xef\x84\x80",
    b"~1a2b",
    b"System Volume Information",
    b"WcSandboxState",
    b"Files",
    b"$",
];

const WINDOWS_PIECES: &[&str] = &[
    "a",
    "A",
    "b",
    "B",
    "Windows",
    "System32",
    ".",
    " ",
    "..",
    "~",
    "=",
    "%",
    "CON",
    "nul.txt",
    "ä",
    "Ä",
    "ß",
    "\u{7f}",
    "😀",
    "\u{f001}",
    "\u{f03a}",
    "\u{f02e}",
    "\u{f020}",
    "\u{f041}",
    "\u{f0ef}",
    "\u{f080}",
    "\u{f0ba}",
    "\u{f0ff}",
    "\u{f100}",
    "ﬁ",
    "你好",
    "Program Files",
    "$",
];

/// Repetitions that make names long.
fn times() -> impl Strategy<Value = usize> {
    prop_oneof![12 => Just(1usize), 1 => 20..260usize]
}

fn linux_name() -> impl Strategy<Value = Vec<u8>> {
    let piece = (prop::sample::select(LINUX_PIECES), times());
    prop::collection::vec(piece, 1..5).prop_map(|pieces| {
        let mut name: Vec<u8> = pieces
            .into_iter()
            .flat_map(|(piece, times)| piece.repeat(times))
            .take(255)
            .collect();
        if name == b"." || name == b".." {
            name.push(b'.');
            name.push(b'.');
        }
        name
    })
}

fn windows_name() -> impl Strategy<Value = Vec<u8>> {
    let piece = (prop::sample::select(WINDOWS_PIECES), times());
    prop::collection::vec(piece, 1..5).prop_map(|pieces| {
        let mut name = String::new();
        for (piece, times) in pieces {
            for _ in 0..times {
                if utf16_len(name.as_bytes()) + utf16_len(piece.as_bytes()) <= MAX_WINDOWS_UNITS {
                    name += piece;
                }
            }
        }
        if name == "." || name == ".." {
            name += "..";
        }
        name.into_bytes()
    })
}

/// Any bytes without NUL.
fn binary(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(1..=255u8, 0..most)
}

fn nanoseconds() -> impl Strategy<Value = u32> {
    prop_oneof![
        Just(0u32),
        Just(100),
        Just(500_000_000),
        0..1_000_000_000u32
    ]
}

/// Times that Windows' importers can read.
fn near_time() -> impl Strategy<Value = Timestamp> {
    let seconds = prop_oneof![0..2_000_000_000i64, -9_214_560_000..=9_223_372_035i64];
    (seconds, nanoseconds()).prop_map(|(seconds, nanoseconds)| Timestamp {
        seconds,
        nanoseconds,
    })
}

/// Times that files of Linux have.
fn any_time() -> impl Strategy<Value = Timestamp> {
    let far = prop_oneof![
        -100_000_000_000_000_000..100_000_000_000_000_000i64,
        -20_000_000_000..20_000_000_000i64,
    ];
    let far = (far, nanoseconds()).prop_map(|(seconds, nanoseconds)| Timestamp {
        seconds,
        nanoseconds,
    });
    prop_oneof![3 => near_time(), 1 => far]
}

fn owner() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0u64),
        0..70_000u64,
        Just(2_097_151),
        Just(2_097_152),
        Just(u64::MAX)
    ]
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(vec![]),
        prop::collection::vec(any::<u8>(), 1..40),
        prop::collection::vec(any::<u8>(), 511..1030),
    ]
}

/// What kind of thing comes next, with what only that kind has.
#[derive(Debug, Clone)]
enum Next {
    Directory,
    File(Vec<u8>),
    Symlink(Vec<u8>),
    Junction(Vec<u8>),
    HardLink(Index),
    CharDevice(u32, u32),
    BlockDevice(u32, u32),
    Fifo,
}

fn linux_link() -> impl Strategy<Value = Vec<u8>> {
    let parts = prop::collection::vec(
        prop_oneof![
            linux_name(),
            Just(b"..".to_vec()),
            Just(b".".to_vec()),
            Just(vec![])
        ],
        1..5,
    );
    let joined = (any::<bool>(), parts).prop_map(|(absolute, mut parts)| {
        // The validator takes that for BuildKit's prefix of link texts.
        parts.retain(|part| !part.eq_ignore_ascii_case(b"Files"));
        let text = parts.join(&b'/');
        if absolute || text.is_empty() {
            [b"/", &text[..]].concat()
        } else {
            text
        }
    });
    let texts: &[&str] = &[
        "../usr/lib/os-release",
        "usr/bin",
        "/usr/lib64",
        "//server/share",
        "/",
        "a//b",
        "a/",
        "C:\\x",
        "C:/x",
        "\\\\?\\C:\\x",
        "/proc/self/fd",
        "trail./x ",
        "...",
        "/..",
        "D:",
    ];
    let known = prop::sample::select(texts).prop_map(|text| text.as_bytes().to_vec());
    prop_oneof![joined, known]
}

fn linux_next() -> impl Strategy<Value = Next> {
    let number = 0..=0o7_777_777u32;
    prop_oneof![
        3 => Just(Next::Directory),
        4 => content().prop_map(Next::File),
        2 => linux_link().prop_map(Next::Symlink),
        2 => any::<Index>().prop_map(Next::HardLink),
        1 => (number.clone(), number.clone()).prop_map(|(a, b)| Next::CharDevice(a, b)),
        1 => (number.clone(), number).prop_map(|(a, b)| Next::BlockDevice(a, b)),
        1 => Just(Next::Fifo),
    ]
}

fn linux_mode() -> impl Strategy<Value = u32> {
    let known = prop::sample::select(vec![0, 0o644, 0o755, 0o4755, 0o1777, 0o555, 0o777]);
    prop_oneof![known, 0..=0o7777u32]
}

prop_compose! {
    fn linux_entry()(
        next in linux_next(),
        name in linux_name(),
        parent in any::<Index>(),
        mode in linux_mode(),
        owners in (owner(), owner()),
        users in (binary(4), binary(4)),
        modified in any_time(),
        accessed in prop::option::weighted(0.3, any_time()),
        changed in prop::option::weighted(0.2, any_time()),
        xattrs in prop::collection::btree_map(
            "(user|security|trusted)\\.[a-zA-Z%.]{1,12}",
            prop::collection::vec(any::<u8>(), 0..40),
            0..3,
        ),
    ) -> (Next, Vec<u8>, Index, Header) {
        let mut header = Header::new(TarKind::File, "");
        (header.mode, header.modified) = (mode, modified);
        (header.uid, header.gid) = owners;
        (header.user, header.group) = users;
        for (name, value) in xattrs {
            header.records.set(format!("SCHILY.xattr.{name}"), value);
        }
        if let Some(time) = accessed {
            header.records.set("atime", time.to_pax());
        }
        if let Some(time) = changed {
            header.records.set("ctime", time.to_pax());
        }
        (next, name, parent, header)
    }
}

/// A Linux tree of at most 40 entries, parents first.
pub(crate) fn linux_tree() -> impl Strategy<Value = Vec<Made>> {
    prop::collection::vec(linux_entry(), 0..40).prop_map(|drawn| {
        let mut builder = Builder::new(b"");
        for (next, name, parent, header) in drawn {
            if name.starts_with(b".wh.") {
                continue;
            }
            let key = |path: &[u8]| path.to_vec();
            builder.add(next, &name, parent, header, &key);
        }
        builder.made
    })
}

/// Puts entries into directories, leaving out those whose name is taken.
struct Builder {
    made: Vec<Made>,
    directories: Vec<Vec<u8>>,
    taken: HashSet<Vec<u8>>,
}

impl Builder {
    fn new(root: &[u8]) -> Self {
        Self {
            made: Vec::new(),
            directories: vec![root.to_vec()],
            taken: HashSet::new(),
        }
    }

    /// Returns the place of the entry among those made.
    fn add(
        &mut self,
        next: Next,
        name: &[u8],
        parent: Index,
        mut header: Header,
        key: &dyn Fn(&[u8]) -> Vec<u8>,
    ) -> Option<usize> {
        let parent = &self.directories[parent.index(self.directories.len())];
        let path = match &parent[..] {
            b"" => name.to_vec(),
            parent => [parent, b"/", name].concat(),
        };
        let targets: Vec<usize> = (0..self.made.len())
            .filter(|&place| self.can_be_linked(place))
            .collect();
        if matches!(next, Next::HardLink(_)) && targets.is_empty() {
            return None;
        }
        if !self.taken.insert(key(&path)) {
            return None;
        }
        let mut content = Vec::new();
        let mut of_symlink = false;
        header.path.clone_from(&path);
        match next {
            Next::Directory => {
                header.kind = TarKind::Directory;
                self.directories.push(path);
            }
            Next::File(bytes) => content = bytes,
            Next::Symlink(text) | Next::Junction(text) => {
                header.kind = TarKind::Symlink;
                header.link = text;
            }
            Next::HardLink(target) => {
                let target = &self.made[targets[target.index(targets.len())]];
                // Each name of a file states the same.
                header = target.header.clone();
                header.kind = TarKind::HardLink;
                header.link.clone_from(&target.header.path);
                header.path = path;
                header.device = (0, 0);
                of_symlink = target.header.kind == TarKind::Symlink;
            }
            Next::CharDevice(major, minor) => {
                header.kind = TarKind::CharDevice;
                header.device = (major, minor);
            }
            Next::BlockDevice(major, minor) => {
                header.kind = TarKind::BlockDevice;
                header.device = (major, minor);
            }
            Next::Fifo => header.kind = TarKind::Fifo,
        }
        self.made.push(Made {
            header,
            content,
            of_symlink,
        });
        Some(self.made.len() - 1)
    }

    fn can_be_linked(&self, place: usize) -> bool {
        match self.made[place].header.kind {
            TarKind::Directory | TarKind::HardLink => false,
            // Windows has no other names of links.
            TarKind::Symlink => self.directories[0].is_empty(),
            _ => true,
        }
    }
}

fn windows_link() -> impl Strategy<Value = Vec<u8>> {
    let parts = prop::collection::vec(prop_oneof![windows_name(), Just(b"..".to_vec())], 1..4);
    let starts: &[&str] = &[
        "",
        "",
        "\\",
        "C:\\",
        "c:\\",
        "D:\\",
        "\\\\?\\C:\\",
        "\\\\server\\",
    ];
    let joined = (prop::sample::select(starts), parts)
        .prop_map(|(start, parts)| [start.as_bytes(), &parts.join(&b'\\')].concat());
    let texts: &[&str] = &[
        "C:\\bin\\b.exe",
        "..\\a",
        "\\a",
        "D:\\x",
        "\\\\s\\share\\x",
        "C:x",
        "\\\\?\\Volume{1}\\",
        "C:\\",
        "a\\",
        "a\\\\b",
        "\\??\\C:\\x",
        "mixed/slashes\\x",
        "C:",
        "\\\\.\\pipe\\x",
    ];
    let known = prop::sample::select(texts).prop_map(|text| text.as_bytes().to_vec());
    prop_oneof![joined, known]
}

fn windows_next() -> impl Strategy<Value = Next> {
    prop_oneof![
        3 => Just(Next::Directory),
        4 => content().prop_map(Next::File),
        2 => windows_link().prop_map(Next::Symlink),
        1 => windows_link().prop_map(Next::Junction),
        2 => any::<Index>().prop_map(Next::HardLink),
    ]
}

fn windows_mode() -> impl Strategy<Value = u32> {
    let known = prop::sample::select(vec![0, 0, 0, 0o755, 0o555, 0o777, 0o644]);
    prop_oneof![known, 0..=0o7777u32]
}

fn descriptor() -> impl Strategy<Value = String> {
    use base64::Engine as _;
    let texts = [
        "O:BAG:SY",
        "O:BUG:BU",
        "O:S-1-5-93-2-2G:SYD:P(A;;FA;;;BA)(A;;FA;;;SY)",
        "O:SYG:SYD:AI(A;OICIID;GA;;;CO)(D;CI;0x1;;;WD)",
    ];
    let mut known: Vec<SecurityDescriptor> = texts
        .map(|text| SecurityDescriptor::from_sddl(text).unwrap())
        .to_vec();
    known.extend([default_directory(), default_file()]);
    let encode = |descriptor: &SecurityDescriptor| {
        base64::engine::general_purpose::STANDARD.encode(descriptor.as_bytes())
    };
    prop::sample::select(known.iter().map(encode).collect::<Vec<_>>())
}

/// Streams: name and content.
type Streams = Vec<(String, Vec<u8>)>;

fn streams() -> impl Strategy<Value = Streams> {
    prop::collection::btree_map("[a-zA-Z=%. ä]{1,8}", content(), 1..3)
        .prop_map(|streams| streams.into_iter().collect())
}

prop_compose! {
    fn windows_entry()(
        next in windows_next(),
        name in windows_name(),
        parent in any::<Index>(),
        mode in windows_mode(),
        owners in prop_oneof![4 => Just((0, 0)), 1 => (owner(), owner())],
        modified in near_time(),
        others in prop::array::uniform3(prop::option::weighted(0.9, near_time())),
        attributes in prop::option::weighted(0.9, prop::sample::select(vec![0, 1, 2, 7, 0x2000, 0x2021])),
        descriptor in prop::option::weighted(0.9, descriptor()),
        streams in prop_oneof![4 => Just(Vec::new()), 1 => streams()],
        extended in prop::collection::btree_map("[A-Z$.%]{1,8}", "(AAAA|6AMAAA==|){1}", 0..2),
    ) -> (Next, Vec<u8>, Index, Header, Streams) {
        let mut header = Header::new(TarKind::File, "");
        (header.mode, header.modified) = (mode, modified);
        (header.uid, header.gid) = owners;
        let keys = ["atime", "ctime", "LIBARCHIVE.creationtime"];
        for (key, time) in keys.into_iter().zip(others) {
            if let Some(time) = time {
                header.records.set(key, time.to_pax());
            }
        }
        let link = matches!(next, Next::Symlink(_) | Next::Junction(_));
        if let Some(more) = attributes {
            let kind = match &next {
                Next::Directory => 0x10,
                Next::Symlink(text) => if text.len() % 2 == 0 { 0x410 } else { 0x420 },
                Next::Junction(_) => 0x410,
                _ => 0x20,
            };
            let more = if link { 0 } else { more };
            header.records.set("MSWINDOWS.fileattr", (kind | more).to_string());
        }
        if matches!(next, Next::Junction(_)) {
            header.records.set("MSWINDOWS.mountpoint", "1");
        }
        if let Some(descriptor) = descriptor {
            header.records.set("MSWINDOWS.rawsd", descriptor);
        }
        for (name, value) in extended {
            header.records.set(format!("MSWINDOWS.xattr.{name}"), value);
        }
        let streams = if link || matches!(next, Next::HardLink(_)) {
            vec![]
        } else {
            streams
        };
        (next, name, parent, header, streams)
    }
}

/// A Windows tree of at most 40 entries and some streams.
pub(crate) fn windows_tree() -> impl Strategy<Value = Vec<Made>> {
    prop::collection::vec(windows_entry(), 0..40).prop_map(|drawn| {
        let mut builder = Builder::new(b"Files");
        let mut made = Vec::new();
        for path in ["Hives", "Files"] {
            let mut header = Header::new(TarKind::Directory, path);
            header.records.set("MSWINDOWS.fileattr", "16");
            made.push(Made::new(header, vec![]));
        }
        let mut streams_of = Vec::new();
        for (next, name, parent, header, streams) in drawn {
            let artifacts: [&[u8]; 2] = [b"SYSTEM VOLUME INFORMATION", b"WCSANDBOXSTATE"];
            if artifacts.contains(&&*upcase(&name)) || name.starts_with(b".wh.") {
                continue;
            }
            if let Some(place) = builder.add(next, &name, parent, header, &upcase) {
                streams_of.push((place, streams));
            }
        }
        for (place, streams) in streams_of {
            let owner = builder.made[place].clone();
            let path = owner.header.path.clone();
            made.push(owner);
            for (name, content) in streams {
                let path = [&path, &b":"[..], name.as_bytes()].concat();
                made.push(Made::new(Header::new(TarKind::File, path), content));
            }
        }
        made
    })
}
