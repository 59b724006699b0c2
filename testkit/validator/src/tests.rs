//! One hand-made layer for each rule, through one `check`.

use super::{LayerRole, Parents, Rule, validate_layer, validate_linux_layer};

/// `O:BAG:SYD:(A;;FA;;;BA)(A;;FA;;;SY)(A;;0x1200a9;;;BU)`
const FILE_SD: &str = "AQAEgBQAAAAkAAAAAAAAADAAAAABAgAAAAAABSAAAAAgAgAAAQEAAAAAAAUSAAAAAgBMAAMAAAAAABgA/wEfAAECAAAAAAAFIAAAACACAAAAABQA/wEfAAEBAAAAAAAFEgAAAAAAGACpABIAAQIAAAAAAAUgAAAAIQIAAA==";

#[derive(Clone)]
struct T {
    name: Vec<u8>,
    typeflag: u8,
    link: Vec<u8>,
    content: Vec<u8>,
    size: Option<u64>,
    pax: Vec<(String, Vec<u8>)>,
    /// Extension headers put before the entry as they are.
    raw: Vec<(u8, Vec<u8>)>,
    damage: Option<(usize, u8)>,
}

fn entry(name: &str, typeflag: u8, attributes: &str) -> T {
    let records = [
        ("LIBARCHIVE.creationtime", "1700000000.5"),
        ("MSWINDOWS.fileattr", attributes),
        ("MSWINDOWS.rawsd", FILE_SD),
        ("atime", "1700000000"),
        ("ctime", "-1.5"),
    ];
    T {
        name: name.into(),
        typeflag,
        link: Vec::new(),
        content: Vec::new(),
        size: None,
        pax: records
            .map(|(k, v)| (k.to_owned(), v.as_bytes().to_vec()))
            .to_vec(),
        raw: Vec::new(),
        damage: None,
    }
}

fn dir(name: &str) -> T {
    entry(name, b'5', "16")
}

fn file(name: &str) -> T {
    entry(name, b'0', "32").holding(b"content")
}

fn link(name: &str, text: &str, attributes: &str) -> T {
    entry(name, b'2', attributes).to(text)
}

fn hard(name: &str, target: &str) -> T {
    plain(name).of(b'1').to(target)
}

/// An entry without records: a whiteout, a stream, a Linux file.
fn plain(name: &str) -> T {
    T {
        pax: Vec::new(),
        ..entry(name, b'0', "")
    }
}

impl T {
    fn to(mut self, link: &str) -> T {
        self.link = link.into();
        self
    }
    fn of(mut self, typeflag: u8) -> T {
        self.typeflag = typeflag;
        self
    }
    fn holding(mut self, content: &[u8]) -> T {
        self.content = content.to_vec();
        self
    }
    fn without(mut self, key: &str) -> T {
        self.pax.retain(|(k, _)| k != key);
        self
    }
    fn with(mut self, key: &str, value: &str) -> T {
        self = self.without(key);
        self.pax.push((key.to_owned(), value.into()));
        self
    }
    fn before(mut self, typeflag: u8, body: &[u8]) -> T {
        self.raw.push((typeflag, body.to_vec()));
        self
    }

    fn write(&self, out: &mut Vec<u8>) {
        for (typeflag, body) in &self.raw {
            block(out, b"raw", *typeflag, b"", body.len() as u64, None);
            padded(out, body);
        }
        if !self.pax.is_empty() {
            let body: Vec<u8> = self.pax.iter().flat_map(|(k, v)| record(k, v)).collect();
            block(out, b"pax", b'x', b"", body.len() as u64, None);
            padded(out, &body);
        }
        let size = self.size.unwrap_or(self.content.len() as u64);
        block(
            out,
            &self.name,
            self.typeflag,
            &self.link,
            size,
            self.damage,
        );
        padded(out, &self.content);
    }
}

fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    [format!("{length} {key}=").as_bytes(), value, b"\n"].concat()
}

fn block(
    out: &mut Vec<u8>,
    name: &[u8],
    typeflag: u8,
    link: &[u8],
    size: u64,
    damage: Option<(usize, u8)>,
) {
    let mut header = [0u8; 512];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &name[..name.len().min(100)]);
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, b"14524770400\0");
    put(156, &[typeflag]);
    put(157, link);
    put(257, b"ustar\x0000");
    put(329, b"0000000\0");
    put(337, b"0000000\0");
    if let Some((at, byte)) = damage {
        put(at, &[byte]);
    }
    put(148, b"        ");
    let sum: u32 = header.iter().map(|&b| u32::from(b)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    if let Some((at @ 148..156, byte)) = damage {
        header[at] = byte;
    }
    out.extend_from_slice(&header);
}

fn padded(out: &mut Vec<u8>, content: &[u8]) {
    out.extend_from_slice(content);
    out.resize(out.len().next_multiple_of(512), 0);
}

fn tar(entries: &[T]) -> Vec<u8> {
    let mut out = Vec::new();
    entries.iter().for_each(|entry| entry.write(&mut out));
    out.resize(out.len() + 1024, 0);
    out
}

fn hive() -> Vec<u8> {
    let mut hive = vec![0u8; 8192];
    hive[..4].copy_from_slice(b"regf");
    hive[0x28..0x2c].copy_from_slice(&4096u32.to_le_bytes());
    let sum = u32::from_le_bytes(*b"regf") ^ 4096;
    hive[0x1fc..0x200].copy_from_slice(&sum.to_le_bytes());
    hive[4096..4100].copy_from_slice(b"hbin");
    hive
}

fn base() -> Vec<T> {
    let mut entries = vec![dir("Hives"), dir("Files"), dir("Files/Windows")];
    entries.push(link("Files/Windows/Logs", r"C:\Windows\System32", "1040"));
    entries.push(dir("Files/Windows/System32"));
    entries.push(dir("Files/Windows/System32/config"));
    for name in ["DEFAULT", "SAM", "SECURITY", "SOFTWARE", "SYSTEM"] {
        let path = format!("Files/Windows/System32/config/{name}");
        entries.push(file(&path).holding(&hive()));
    }
    entries.push(dir("Files/Windows/inf"));
    entries.push(file("Files/Windows/inf/a.inf"));
    entries.push(dir("Files/Windows/inf/deep"));
    entries.push(file("Files/Windows/inf/deep/b.inf"));
    entries.push(dir("UtilityVM"));
    for path in ["", "/EFI", "/EFI/Microsoft", "/EFI/Microsoft/Boot"] {
        entries.push(dir(&format!("UtilityVM/Files{path}")));
    }
    entries.push(file("UtilityVM/Files/EFI/Microsoft/Boot/BCD").holding(&hive()));
    entries
}

/// A child layer of a directory `Files/t` and what a test adds.
fn child(more: Vec<T>) -> Vec<T> {
    let roots = [
        dir("Hives"),
        dir("Files").without("MSWINDOWS.rawsd"),
        dir("Files/t"),
    ];
    roots.into_iter().chain(more).collect()
}

fn rules(problems: &[super::Problem]) -> Vec<Rule> {
    let mut rules: Vec<Rule> = problems.iter().map(|problem| problem.rule).collect();
    rules.dedup();
    rules
}

fn check_bytes(what: &str, bytes: &[u8], is_base: bool, expected: &[Rule]) {
    let mut parents = Parents::new();
    parents.push(&validate_layer(&tar(&base())[..], LayerRole::Base));
    let role = if is_base {
        LayerRole::Base
    } else {
        LayerRole::Child(&parents)
    };
    let report = validate_layer(bytes, role);
    assert_eq!(
        rules(&report.problems),
        expected,
        "{what}: {:#?}",
        report.problems
    );
}

fn check(what: &str, entries: Vec<T>, expected: &[Rule]) {
    check_bytes(what, &tar(&entries), false, expected);
}

fn check_child(what: &str, more: Vec<T>, expected: &[Rule]) {
    check(what, child(more), expected);
}

fn check_base(what: &str, change: impl Fn(&mut Vec<T>), expected: &[Rule]) {
    let mut entries = base();
    change(&mut entries);
    check_bytes(what, &tar(&entries), true, expected);
}

#[test]
fn good_layers() {
    check_base("base", |_| {}, &[]);
    check_child("empty child", vec![], &[]);
    let long_name = "\u{1f600}".repeat(127);
    let more = vec![
        hard("Files/t/0", "Files/Windows/inf/a.inf"),
        link("Files/t/Logs", r"..\Windows\Logs", "1040"),
        file("Files/t/a"),
        plain("Files/t/a:stream").holding(b"s"),
        plain("Files/t/a:zone"),
        hard("Files/t/b", "Files/t/a"),
        entry("Files/t/c", b'3', "32").with("SCHILY.xattr.user.x", "\0=\n"),
        link("Files/t/j", r"C:\t", "1040").with("MSWINDOWS.mountpoint", "1"),
        link("Files/t/nowhere", r"\no\such", "1056"),
        file("Files/t/z").with("path", &format!("Files/t/{long_name}\u{f03a}")),
    ];
    check_child("child", more, &[]);
    let more = vec![
        dir("Files/Windows"),
        dir("Files/Windows/inf"),
        plain("Files/Windows/inf/deep/.wh.b.inf"),
        plain("Files/Windows/inf/.wh.deep"),
        hard("Files/Windows/inf/link", "Files/Windows/inf/deep/b.inf"),
    ];
    let entries = [&child(vec![])[..2], &more].concat();
    check("a hard link to what the layer removes", entries, &[]);
    let entries = vec![
        dir("Hives"),
        dir("Files"),
        file("Hives/System_Delta")
            .without("MSWINDOWS.rawsd")
            .holding(&hive()),
        dir("UtilityVM"),
    ];
    check("a delta", entries, &[]);
}

#[test]
fn two_orders() {
    let by_path = vec![dir("Files/t/a"), file("Files/t/a-b"), file("Files/t/a/x")];
    check_child("bytes of the path", by_path, &[]);
    let by_component = vec![dir("Files/t/a"), file("Files/t/a/x"), file("Files/t/a-b")];
    check_child("bytes of components", by_component, &[]);
    check_child(
        "neither",
        vec![file("Files/t/b"), file("Files/t/a")],
        &[Rule::Order],
    );
    let entries = vec![dir("Files"), dir("Files/t"), dir("Hives")];
    check("roots as hcsshim exports them", entries, &[Rule::RootOrder]);
}

#[test]
fn archive() {
    let damaged = |at, byte| {
        vec![T {
            damage: Some((at, byte)),
            ..file("Files/t/a")
        }]
    };
    check_child("sum", damaged(149, b'7'), &[Rule::HeaderChecksum]);
    check_child("magic", damaged(257, b'U'), &[Rule::Header]);
    check_child("binary number", damaged(108, 0x80), &[Rule::Header]);
    let sized = T {
        size: Some(512),
        ..hard("Files/t/b", "Files/t/a")
    }
    .holding(b"x");
    check_child(
        "content of a link",
        vec![file("Files/t/a"), sized],
        &[Rule::Header],
    );
    let whole = tar(&child(vec![file("Files/t/a")]));
    let cut = |at: usize| whole[..whole.len() - at].to_vec();
    check_bytes("cut", &cut(1500), false, &[Rule::Truncated]);
    check_bytes("one block", &cut(512), false, &[Rule::EndOfArchive]);
    check_bytes("no block", &cut(1024), false, &[Rule::Truncated]);
    check_bytes(
        "behind",
        &[&whole[..], b"x"].concat(),
        false,
        &[Rule::EndOfArchive],
    );
    let mut padding = whole.clone();
    let at = whole.len() - 1025;
    padding[at] = 1;
    check_bytes("padding", &padding, false, &[Rule::Padding]);
}

#[test]
fn extended_headers() {
    let bad = |body: &[u8]| vec![plain("Files/t/a").before(b'x', body)];
    let missing = [Rule::FileAttributes, Rule::Descriptor, Rule::Time];
    for body in [
        &b"10 a=b\n"[..],
        b"5 a=b\n",
        b"a=b\n",
        b"06 a=b\n",
        b"5 ab\n",
        b"5 =b\n",
        b"9 path=\0\n",
        b"99999999999999999999 a=b\n",
        b"23 size=99999999999999999999\n",
    ] {
        check_child(&format!("{body:?}"), bad(body), &[Rule::PaxRecord]);
    }
    let twice = record("comment", b"1").repeat(2);
    check_child(
        "twice",
        bad(&twice),
        &[&[Rule::PaxRecord][..], &missing].concat(),
    );
    let gnu = file("Files/t/a").before(b'L', b"Files/t/b\0");
    check_child("GNU and PAX", vec![gnu], &[Rule::PaxRecord]);
    let global = file("Files/t/a").before(b'g', &record("comment", b"x"));
    check_child("global", vec![global], &[Rule::PaxGlobal]);
    let size = file("Files/t/a").with("size", "3");
    let report = validate_layer(
        &tar(&child(vec![size]))[..],
        LayerRole::Child(&Parents::new()),
    );
    assert!(
        rules(&report.problems).contains(&Rule::PaxRecord),
        "two sizes"
    );
    let large = file("Files/t/a").with("SCHILY.xattr.user.x", &"x".repeat(1_000_000));
    check_child("large", vec![large], &[Rule::PaxSize]);
    let mut alone = Vec::new();
    block(&mut alone, b"pax", b'x', b"", 0, None);
    alone.resize(alone.len() + 1024, 0);
    check_bytes("alone", &alone, false, &[Rule::PaxRecord]);
}

#[test]
fn names() {
    let named = |name: &str| vec![file("Files/t/a").with("path", name)];
    check_child("top", vec![dir("Other")], &[Rule::TopLevel]);
    for name in [
        "Files/t/../x",
        "/Files/t/x",
        "Files//t/x",
        "./Files/t/x",
        r"Files/t\x",
        "",
    ] {
        check_child(name, named(name), &[Rule::Containment]);
    }
    for name in ["Files/t/a*", "Files/t/a?", "Files/t/\u{1}", "Files/t/a|"] {
        check_child(name, named(name), &[Rule::NameCharacter]);
    }
    let mut bytes = file("Files/t/a");
    bytes.name = b"Files/t/\xff".to_vec();
    check_child("not UTF-8", vec![bytes], &[Rule::NameCharacter]);
    let long = format!("Files/t/{}", "\u{1f600}".repeat(128));
    check_child("256 units", named(&long), &[Rule::NameLength]);
    check_child(
        "trailing slash",
        vec![dir("Files/t/a/")],
        &[Rule::TrailingSlash],
    );
    for name in ["Files/t/a:b", "Files/C:", "C:/x"] {
        check_child(name, vec![file("Files/t/0"), plain(name)], &[Rule::Stream]);
    }
    let stream = |name: &str| vec![file("Files/t/a"), plain(name)];
    check_child("$DATA", stream("Files/t/a:s:$DATA"), &[Rule::Stream]);
    check_child("no name", stream("Files/t/a:"), &[Rule::Stream]);
    let twice = [stream("Files/t/a:s"), vec![plain("Files/t/a:S")]].concat();
    check_child("stream twice", twice, &[Rule::Duplicate]);
    let of_link = vec![
        hard("Files/t/b", "Files/Windows/inf/a.inf"),
        plain("Files/t/b:s"),
    ];
    check_child("stream of a hard link", of_link, &[Rule::Stream]);
    check_child("type", vec![file("Files/t/a").of(b'7')], &[Rule::Typeflag]);
    let sparse = file("Files/t/a").with("GNU.sparse.major", "1");
    check_child("sparse", vec![sparse], &[Rule::Typeflag]);
}

#[test]
fn places() {
    check_child("no parent", vec![file("Files/t/a/b")], &[Rule::Parent]);
    let late = vec![file("Files/t/a/b"), dir("Files/t/a")];
    check_child("late parent", late, &[Rule::Parent, Rule::Order]);
    // What is behind a name that leads nowhere cannot be told.
    check_child("dead", vec![link("Files/t/l", "l\\..", "1056")], &[]);
    check_child("gone", vec![link("Files/t/l", "no\\..", "1056")], &[]);
    let below = vec![link("Files/t/l", "..", "1040"), file("Files/t/l/x")];
    check_child("below a link", below, &[Rule::Ancestor]);
    let logs = vec![
        dir("Files/Windows"),
        dir("Files/Windows/Logs"),
        file("Files/Windows/Logs/x"),
    ];
    let entries = [&child(vec![])[..2], &logs].concat();
    check("below a parent layer's link", entries, &[Rule::Ancestor]);
    let twice = vec![file("Files/t/a"), file("Files/t/a")];
    check_child("twice", twice, &[Rule::Duplicate]);
    let variant = vec![file("Files/t/A\u{e9}"), file("Files/t/A\u{c9}")];
    check_child("case", variant, &[Rule::CaseVariant, Rule::Order]);
    let base = [&child(vec![])[..2], &[dir("Files/WINDOWS")]].concat();
    check("the base's case", base, &[Rule::BaseSpelling]);
    let parent = vec![dir("Files/t/B"), file("Files/t/b/x")];
    check_child("parent's case", parent, &[Rule::CaseVariant]);
}

#[test]
fn hard_links() {
    let to = |target: &str| vec![dir("Files/t/a"), hard("Files/t/b", target)];
    check_child("nowhere", to("Files/t/x"), &[Rule::HardLinkTarget]);
    check_child("itself", to("Files/t/b"), &[Rule::HardLinkTarget]);
    check_child("to a directory", to("Files/t/a"), &[Rule::HardLinkKind]);
    check_child("to a link", to("Files/Windows/Logs"), &[Rule::HardLinkKind]);
    check_child(
        "spelling",
        to("Files/Windows/INF/a.inf"),
        &[Rule::HardLinkSpelling],
    );
    let wrong = &[Rule::HardLinkRoot, Rule::HardLinkTarget];
    check_child("no prefix", to("t/a"), wrong);
    check_child("outside", to("Files/../x"), wrong);
    let forward = vec![hard("Files/t/a", "Files/t/b"), file("Files/t/b")];
    check_child("forward", forward, &[Rule::HardLinkForward]);
    let cycle = vec![
        hard("Files/t/a", "Files/t/b"),
        hard("Files/t/b", "Files/t/a"),
    ];
    check_child("cycle", cycle, &[Rule::HardLinkForward]);
    let many = |n: usize| {
        let links = (0..n).map(|n| hard(&format!("Files/t/b{n:04}"), "Files/t/a"));
        std::iter::once(file("Files/t/a"))
            .chain(links)
            .collect::<Vec<_>>()
    };
    check_child("1023", many(1023), &[]);
    check_child("1024", many(1024), &[Rule::HardLinkCount]);
}

#[test]
fn symlinks() {
    let to = |text: &str, attributes: &str| vec![link("Files/t/l", text, attributes)];
    check_child("slash", to("a/b", "1056"), &[Rule::LinkText]);
    check_child("prefix", to(r"\Files\x", "1056"), &[Rule::LinkText]);
    check_child("drive", to("a:b", "1056"), &[Rule::LinkText]);
    check_child("colon", to("ab:c", "1056"), &[Rule::LinkText]);
    check_child("empty", to("", "1040"), &[Rule::LinkText]);
    check_child(
        "file link to a directory",
        to(r"\Windows\INF", "1056"),
        &[Rule::LinkKind],
    );
    check_child(
        "directory link to a file",
        to(r"c:\Windows\inf\a.inf", "1040"),
        &[Rule::LinkKind],
    );
    check_child(
        "own",
        vec![dir("Files/t/a"), link("Files/t/l", "A", "1056")],
        &[Rule::LinkKind],
    );
    let junction = |t: T| vec![t.with("MSWINDOWS.mountpoint", "1")];
    check_child(
        "junction",
        junction(link("Files/t/j", r"\t", "1040")),
        &[Rule::MountPoint],
    );
    check_child(
        "file junction",
        junction(link("Files/t/j", r"C:\t", "1056")),
        &[Rule::MountPoint],
    );
    check_child(
        "junction file",
        junction(file("Files/t/j")),
        &[Rule::MountPoint],
    );
}

#[test]
fn whiteouts() {
    check_base(
        "base",
        |b| b.push(plain("UtilityVM/Files/.wh.a")),
        &[Rule::Whiteout],
    );
    let under = |name: &str| {
        let inf = vec![dir("Files/Windows"), dir("Files/Windows/inf"), plain(name)];
        [&child(vec![])[..2], &inf].concat()
    };
    check("fine", under("Files/Windows/inf/.wh.a.inf"), &[]);
    check(
        "opaque",
        under("Files/Windows/inf/.wh..wh..opq"),
        &[Rule::WhiteoutOpaque],
    );
    check(
        "empty",
        under("Files/Windows/inf/.wh."),
        &[Rule::WhiteoutEmpty],
    );
    check(
        "nothing there",
        under("Files/Windows/inf/.wh.x"),
        &[Rule::WhiteoutTarget],
    );
    check(
        "spelling",
        under("Files/Windows/inf/.wh.A.inf"),
        &[Rule::WhiteoutTarget],
    );
    check(
        "children",
        under("Files/Windows/inf/.wh.deep"),
        &[Rule::WhiteoutChildren],
    );
    let mut late = under("Files/Windows/inf/.wh.deep");
    late.push(plain("Files/Windows/inf/deep/.wh.b.inf"));
    check("late", late, &[Rule::WhiteoutChildren, Rule::WhiteoutOrder]);
    let mut sibling = under("Files/Windows/inf/0");
    *sibling.last_mut().expect("not empty") = file("Files/Windows/inf/0");
    sibling.push(plain("Files/Windows/inf/.wh.a.inf"));
    check("after a sibling", sibling, &[Rule::WhiteoutOrder]);
    let mut hives = child(vec![]);
    hives.insert(1, plain("Hives/.wh.x"));
    check("elsewhere", hives, &[Rule::Whiteout, Rule::WhiteoutTarget]);
}

#[test]
fn metadata() {
    let a = |key: &str, value: &str| vec![file("Files/t/a").with(key, value)];
    let none = |key: &str| vec![file("Files/t/a").without(key)];
    check_child("none", none("MSWINDOWS.fileattr"), &[Rule::FileAttributes]);
    check_child(
        "hex",
        a("MSWINDOWS.fileattr", "0x20"),
        &[Rule::FileAttributes],
    );
    check_child(
        "directory",
        a("MSWINDOWS.fileattr", "16"),
        &[Rule::FileAttributes],
    );
    let attributes = |t: T| vec![t];
    check_child(
        "file",
        attributes(entry("Files/t/a", b'5', "32")),
        &[Rule::FileAttributes],
    );
    check_child(
        "link",
        attributes(link("Files/t/a", "x", "32")),
        &[Rule::FileAttributes],
    );
    check_child(
        "no descriptor",
        none("MSWINDOWS.rawsd"),
        &[Rule::Descriptor],
    );
    check_child("base64", a("MSWINDOWS.rawsd", "AQAE"), &[Rule::Descriptor]);
    check_child(
        "padding",
        a("MSWINDOWS.rawsd", &FILE_SD[..FILE_SD.len() - 1]),
        &[Rule::Descriptor],
    );
    check_child(
        "cut",
        a("MSWINDOWS.rawsd", &FILE_SD[..120]),
        &[Rule::Descriptor],
    );
    for key in ["LIBARCHIVE.creationtime", "atime", "ctime"] {
        check_child(key, none(key), &[Rule::Time]);
        for text in ["1.50", "1.", ".5", "+1", "1e9", "01", "1.1234567891", ""] {
            check_child(text, a(key, text), &[Rule::Time]);
        }
        check_child("late", a(key, "9223372036.854775808"), &[Rule::TimeRange]);
        check_child("early", a(key, "-9214560001"), &[Rule::TimeRange]);
    }
    let ea = "MSWINDOWS.xattr.NAME";
    check_child("EA", a(ea, "AAA="), &[]);
    check_child("EA's base64", a(ea, "A"), &[Rule::ExtendedAttribute]);
    check_child(
        "EA's size",
        a(ea, &"A".repeat(87_380)),
        &[Rule::ExtendedAttribute],
    );
    let two = file("Files/t/a")
        .with(ea, "AAA=")
        .with("MSWINDOWS.xattr.name", "AAA=");
    check_child("EA's case", vec![two], &[Rule::ExtendedAttribute]);
}

#[test]
fn base_layers() {
    check_base(
        "descriptor",
        |b| b[1] = dir("Files").without("MSWINDOWS.rawsd"),
        &[Rule::Descriptor],
    );
    let at = |b: &[T], name: &str| b.iter().position(|t| t.name.ends_with(name.as_bytes()));
    let sam = |b: &mut Vec<T>, change: &dyn Fn(&mut T)| {
        let at = at(b, "/SAM").expect("there");
        change(&mut b[at]);
    };
    check_base(
        "no hive",
        |b| drop(b.remove(at(b, "/SAM").expect("there"))),
        &[Rule::Hive],
    );
    check_base("empty", |b| sam(b, &|t| t.content.clear()), &[Rule::Hive]);
    check_base("sum", |b| sam(b, &|t| t.content[20] = 1), &[Rule::Hive]);
    check_base("bin", |b| sam(b, &|t| t.content[4096] = 0), &[Rule::Hive]);
    check_base("no BCD", |b| drop(b.pop()), &[Rule::UtilityVm]);
    check("no Files", vec![dir("Hives")], &[Rule::Files]);
    check("no Hives", vec![dir("Files")], &[Rule::Files]);
    check(
        "odd delta",
        vec![dir("Hives"), dir("Files"), file("Hives/x")],
        &[Rule::Hive],
    );
}

fn check_linux(what: &str, entries: Vec<T>, expected: &[Rule]) {
    let report = validate_linux_layer(&tar(&entries)[..]);
    assert_eq!(
        rules(&report.problems),
        expected,
        "{what}: {:#?}",
        report.problems
    );
}

#[test]
fn linux_layers() {
    let d = |name: &str| plain(name).of(b'5');
    let good = vec![
        d("a/"),
        plain("a/.wh.x"),
        plain("a/b:c"),
        hard("a/c", "a/b:c"),
        plain("b"),
    ];
    check_linux("good", good, &[]);
    check_linux("slash", vec![d("a")], &[Rule::TrailingSlash]);
    check_linux("dot", vec![d("./a/")], &[Rule::TopLevel]);
    check_linux("outside", vec![plain("a/../b")], &[Rule::Containment]);
    check_linux("order", vec![plain("b"), plain("a")], &[Rule::Order]);
    check_linux("twice", vec![d("a/"), plain("a")], &[Rule::Duplicate]);
    check_linux(
        "whiteout",
        vec![d("a/"), plain("a/b"), plain("a/.wh.c")],
        &[Rule::WhiteoutOrder],
    );
    check_linux("empty", vec![plain(".wh.")], &[Rule::WhiteoutEmpty]);
    check_linux(
        "forward",
        vec![hard("a", "b"), plain("b")],
        &[Rule::HardLinkForward],
    );
    check_linux(
        "time",
        vec![plain("a").with("mtime", "1.50")],
        &[Rule::Time],
    );
    check_linux("type", vec![plain("a").of(b'S')], &[Rule::Typeflag]);
    let large = plain("a").with("SCHILY.xattr.user.x", &"x".repeat(1_000_000));
    check_linux("large", vec![large], &[Rule::PaxSize]);
}

#[test]
fn names_of_rules_differ() {
    let mut names: Vec<&str> = Rule::ALL.iter().map(|rule| rule.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Rule::ALL.len());
}
