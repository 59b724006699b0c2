//! Audits of images: each rule has an image that breaks it, sound images break none, and what the
//! validator refuses the audit refuses.

use std::collections::BTreeSet;
use std::path::Path;

use crossdock_build::{
    Audit, AuditLevel, AuditOptions, AuditRule, Environment, ImageSource, Images, Limits, Platform,
    PlatformChoice, Registry, RemoteConfig, Store, audit,
};
use crossdock_validator::{LayerRole, Parents, Rule, validate_layer};
use serde_json::{Value, json};

use crate::archive::{self, Member, dir, file, hard_link, symlink};
use crate::bench::{Bench, Codec, generated_base, linux};

/// Looks at the image of a layout with a store of its own.
fn audit_of(layout: &Path, platform: &str, options: &AuditOptions) -> Audit {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store")).unwrap();
    let registry = Registry::new(RemoteConfig::new(Environment::default()));
    let events = |_| ();
    let images = Images::new(&store, &registry, 2, Limits::default(), &events);
    let source = format!("oci-layout://{}", layout.display());
    let choice = PlatformChoice {
        wanted: None,
        default: Platform::parse_specifier(platform, &Platform::new("linux", "amd64")).unwrap(),
    };
    let source = ImageSource::from_argument(&source).unwrap();
    let image = images.open(&source, &choice).unwrap();
    audit(&image, options).unwrap()
}

/// Every finding as `Rule layer path`.
fn lines(found: &Audit) -> Vec<String> {
    let findings = found.groups.iter().flat_map(|group| &group.findings);
    let lines = findings.map(|finding| {
        let layer = finding
            .layer
            .map_or("-".to_owned(), |layer| layer.to_string());
        let path = finding.path.as_deref().unwrap_or_default();
        let path = String::from_utf8_lossy(path);
        format!("{} {layer} {path}", finding.rule.name())
            .trim_end()
            .to_owned()
    });
    lines.collect()
}

/// An image of these layers, in the folder `image` of a bench.
fn image(layers: &[&[Member]], config: Value) -> Bench {
    let bench = Bench::new();
    let mut layout = bench.layout("image");
    let layers: Vec<_> = layers
        .iter()
        .map(|members| (archive::tar(members), Codec::Gzip))
        .collect();
    let image = layout.image(&layers, config);
    layout.tag(&image, "latest");
    layout.write();
    bench
}

#[track_caller]
fn check_with(layers: &[&[Member]], config: Value, options: &AuditOptions, expected: &[&str]) {
    let os = config["os"].as_str().unwrap().to_owned();
    let bench = image(layers, config);
    let found = audit_of(&bench.path("image"), &format!("{os}/amd64"), options);
    assert_eq!(lines(&found), expected, "{:#?}", found.groups);
}

#[track_caller]
fn linux_check(layers: &[&[Member]], expected: &[&str]) {
    check_with(layers, linux(), &AuditOptions::default(), expected);
}

/// A Windows image whose second layer is `members`; what is wrong with the first is not told.
#[track_caller]
fn windows_check(members: &[Member], expected: &[&str]) {
    let config = json!({ "os": "windows", "architecture": "amd64", "os.version": "10.0.20348.1" });
    let base = windows_base();
    let mut all = vec![windows_dir("Files"), windows_dir("Hives")];
    all.extend_from_slice(members);
    check_with(&[&base, &all], config, &AuditOptions::default(), expected);
}

/// `O:BAG:BA`
const DESCRIPTOR: &str = "AQAAgBQAAAAkAAAAAAAAAAAAAAABAgAAAAAABSAAAAAgAgAAAQIAAAAAAAUgAAAAIAIAAA==";

fn sound(member: Member) -> Member {
    member.record("MSWINDOWS.rawsd", DESCRIPTOR)
}

fn windows_dir(name: &str) -> Member {
    sound(dir(name, 0).record("MSWINDOWS.fileattr", "16"))
}

fn windows_file(name: &str) -> Member {
    sound(file(name, 0, "x").record("MSWINDOWS.fileattr", "32"))
}

fn windows_base() -> Vec<Member> {
    let mut members = vec![windows_dir("Hives"), windows_dir("Files")];
    for folder in [
        "Files/Windows",
        "Files/Windows/System32",
        "Files/Windows/System32/config",
    ] {
        members.push(windows_dir(folder));
    }
    for hive in ["DEFAULT", "SAM", "SECURITY", "SOFTWARE", "SYSTEM"] {
        let path = format!("Files/Windows/System32/config/{hive}");
        members.push(sound(file(&path, 0, crossdock_layer::blank_hive())));
    }
    members.push(windows_dir("Files/d"));
    members.push(windows_file("Files/d/f"));
    members
}

#[test]
fn sound_images() {
    for (name, platform) in [("linux", "linux/amd64"), ("windows", "windows/amd64")] {
        let found = audit_of(&generated_base(name), platform, &AuditOptions::default());
        assert_eq!(found.count(AuditLevel::Error), 0, "{:#?}", lines(&found));
        assert!(found.blobs.len() > 2 && found.blobs.iter().all(|blob| blob.holds));
    }
    linux_check(&[&[dir("a/", 0o755), file("a/b", 0o644, "x")]], &[]);
    windows_check(&[windows_dir("Files/e"), windows_file("Files/e/f")], &[]);
}

#[test]
fn linux_layers() {
    let base = [
        dir("tmp/", 0o1777),
        dir("d/", 0o755),
        file("d/f", 0o644, "x"),
        symlink("l", "d"),
    ];
    let upon = |members: &[Member], expected: &[&str]| linux_check(&[&base, members], expected);
    upon(&[file("tmp/x", 0o644, "")], &["ImpliedDirectory 1 tmp"]);
    upon(&[dir("tmp/", 0o1777), file("tmp/x", 0o644, "")], &[]);
    upon(&[file("d/x", 0o644, "")], &[]);
    upon(&[file("l/x", 0o644, "")], &["LinkedDirectory 1 l/x"]);
    upon(&[file("d/.wh.f", 0o644, "")], &[]);
    upon(
        &[file("d/.wh.g", 0o644, "")],
        &["WhiteoutOfNothing 1 d/.wh.g"],
    );
    let both = [file("d/.wh.f", 0o644, ""), file("d/f", 0o644, "y")];
    upon(&both, &["WhiteoutOfOwn 1 d/.wh.f"]);
    upon(&[hard_link("h", "d/f")], &[]);
    upon(
        &[hard_link("h", "d/g")],
        &["UnstackableLayer 1 h", "HardLinkTarget 1 h"],
    );
    let twice = [file("x", 0o644, ""), file("x", 0o644, "")];
    upon(&twice, &["UnstackableLayer 1 x", "DuplicateEntry 1 x"]);
    // No index is made of such a layer.
    upon(&[file("../x", 0o644, "")], &["DamagedLayer 1"]);
    upon(
        &[file("/x", 0o644, "")],
        &["UnstackableLayer 1 /x", "EscapingName 1 /x"],
    );
    upon(
        &[file("x", 0o644, "").record("SCHILY.xattr.trusted.overlay.opaque", "y")],
        &["OverlayAttribute 1 x"],
    );
    let long = "n".repeat(256);
    upon(
        &[file("short", 0o644, "").record("path", &long)],
        &[&format!("LongName 1 {long}")],
    );
}

#[test]
fn links() {
    linux_check(
        &[&[
            symlink("a", "b"),
            symlink("b", "a"),
            symlink("gone", "nowhere"),
            symlink("mtab", "/proc/mounts"),
            symlink("up", "../../mtab"),
        ]],
        &[
            "DanglingLink 0 /gone",
            "DanglingLink 0 /up",
            "LinkCircle 0 /a",
            "LinkCircle 0 /b",
            "UsualLink 0 /mtab",
        ],
    );
}

#[test]
fn names_for_windows() {
    let members = [
        file("Make", 0o644, ""),
        file("a:b", 0o644, ""),
        file("make", 0o644, ""),
    ];
    let options = AuditOptions {
        for_windows: true,
        ..AuditOptions::default()
    };
    check_with(
        &[&members],
        linux(),
        &options,
        &["ForeignName 0 /a:b", "CasePair 0 /make"],
    );
}

#[test]
fn windows_layers() {
    let check = windows_check;
    check(&[windows_file("Files/x/y")], &["LayerOrder 1 Files/x/y"]);
    check(&[windows_file("Other")], &["WindowsImporterPath 1 Other"]);
    check(
        &[windows_file("UtilityVM/x")],
        &["WindowsImporterPath 1 UtilityVM/x"],
    );
    check(
        &[windows_file("Files/A"), windows_file("Files/a")],
        &["UnstackableLayer 1 Files/a", "CaseCollision 1 Files/a"],
    );
    check(
        &[windows_dir("Files/D"), windows_file("Files/D/g")],
        &["SpellingDiffers 1 Files/D"],
    );
    check(
        &[windows_file("Files/nul.txt")],
        &["ReservedName 1 Files/nul.txt"],
    );
    check(&[windows_file("Files/x.")], &["TrailingDot 1 Files/x."]);
    check(
        &[windows_file("Files/x?")],
        &["UnstackableLayer 1 Files/x?", "InvalidName 1 Files/x?"],
    );
    check(&[windows_file("Files/x"), file("Files/x:s", 0, "")], &[]);
    check(
        &[windows_file("Files/x"), file("Files/x:s:$DATA", 0, "")],
        &["StreamSuffix 1 Files/x:s:$DATA"],
    );
    check(
        &[windows_file("Files/y:s")],
        &["UnstackableLayer 1 Files/y:s", "StreamOwner 1 Files/y:s"],
    );
    check(
        &[file("Files/d/.wh.f", 0, ""), file("Files/.wh.d", 0, "")],
        &[],
    );
    check(
        &[file("Files/.wh.d", 0, "")],
        &["WhiteoutOrder 1 Files/.wh.d"],
    );
    check(
        &[file("Files/d/.wh..wh..opq", 0, "")],
        &["OpaqueWhiteout 1 Files/d/.wh..wh..opq"],
    );
    check(&[hard_link("Files/h", "Files/d/f")], &[]);
    check(
        &[hard_link("Files/h", "Files/g")],
        &["UnstackableLayer 1 Files/h", "HardLinkTarget 1 Files/h"],
    );
    check(
        &[file("Files/x", 0, "").record("MSWINDOWS.rawsd", "!")],
        &["BadRecord 1 Files/x"],
    );
    check(
        &[sound(
            file("Files/x", 0, "").record("MSWINDOWS.fileattr", "16"),
        )],
        &["AttributeKind 1 Files/x"],
    );
    check(&[file("Files/x", 0, "")], &["MissingDescriptor 1 Files/x"]);
    check(
        &[sound(
            symlink("Files/l", "d").record("MSWINDOWS.fileattr", "1056"),
        )],
        &["LinkKind 1 C:\\l"],
    );
    check(
        &[sound(
            symlink("Files/l", "D:\\d").record("MSWINDOWS.fileattr", "1056"),
        )],
        &["OutsideLink 1 C:\\l"],
    );
    check(
        &[sound(file("Hives/SYSTEM_DELTA", 0, "regf"))],
        &["DamagedHive 1 Hives/SYSTEM_DELTA"],
    );
}

#[test]
fn what_it_starts() {
    let check = |config: Value, expected: &[&str]| {
        let mut whole = linux();
        whole["config"] = config;
        let members = [
            dir("bin/", 0o755),
            file("bin/run", 0o755, "#!/bin/none\n"),
            dir("etc/", 0o755),
            file("etc/passwd", 0o644, "app:x:1:1::/:\n"),
        ];
        let layers: [&[Member]; 1] = [&members];
        let mut all = expected.to_vec();
        all.push("MissingScriptInterpreter 0 /bin/run");
        check_with(&layers, whole, &AuditOptions::default(), &all);
    };
    check(json!({ "Cmd": ["nothing"] }), &["MissingProgram -"]);
    check(json!({ "Cmd": ["run"] }), &["ForeignProgram 0 /bin/run"]);
    check(json!({ "User": "app" }), &[]);
    check(json!({ "User": "10:20" }), &[]);
    check(json!({ "User": "nobody" }), &["MissingUser -"]);
    check(json!({ "Env": ["x"] }), &["ConfigForm -"]);
    check(
        json!({ "ExposedPorts": { "80/http": {} } }),
        &["ConfigForm -"],
    );
    check(json!({ "ExposedPorts": { "80-90/udp": {}, "1": {} } }), &[]);
}

/// A 64-bit ELF library that needs others, little-endian.
fn elf(machine: u16, needed: &[&str]) -> Vec<u8> {
    let mut bytes = vec![0u8; 0x200];
    let mut put = |at: usize, value: u64, length: usize| {
        bytes[at..at + length].copy_from_slice(&value.to_le_bytes()[..length]);
    };
    put(0, u64::from_le_bytes(*b"\x7fELF\x02\x01\x01\0"), 8);
    put(16, 3, 2);
    put(18, machine.into(), 2);
    put(32, 64, 8);
    put(54, 56, 2);
    put(56, 2, 2);
    // Everything is mapped; the dynamic section follows the headers, names follow it.
    put(64, 1, 4);
    put(64 + 32, 0x1000, 8);
    put(120, 2, 4);
    put(120 + 8, 0x200, 8);
    put(120 + 32, 0x400, 8);
    let mut dynamic = vec![(5u64, 0x600u64)];
    let mut names = vec![0u8];
    for name in needed {
        dynamic.push((1, names.len() as u64));
        names.extend_from_slice(name.as_bytes());
        names.push(0);
    }
    for (tag, value) in dynamic {
        bytes.extend_from_slice(&tag.to_le_bytes());
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    bytes.resize(0x600, 0);
    bytes.extend_from_slice(&names);
    bytes
}

#[test]
fn elf_libraries() {
    let members = [
        dir("lib/", 0o755),
        file("lib/libc.so", 0o644, elf(62, &[])),
        file("lib/libarm.so", 0o644, elf(183, &[])),
        file(
            "lib/libx.so",
            0o644,
            elf(62, &["libc.so", "libnone.so", "liby.so"]),
        ),
        dir("opt/", 0o755),
        file("opt/liby.so", 0o644, elf(62, &["libx.so"])),
        file("opt/libz.so", 0o644, elf(183, &["libx.so"])),
    ];
    linux_check(
        &[&members],
        &[
            "WrongArchitecture 0 /lib/libarm.so",
            "MissingLibrary 0 /lib/libx.so",
            "MisplacedLibrary 0 /lib/libx.so",
        ],
    );
}

/// A PE library for amd64 that imports others.
fn pe(imports: &[&str]) -> Vec<u8> {
    let mut bytes = vec![0u8; 0x1000];
    let mut put = |at: usize, value: u64, length: usize| {
        bytes[at..at + length].copy_from_slice(&value.to_le_bytes()[..length]);
    };
    put(0, u64::from(u16::from_le_bytes(*b"MZ")), 2);
    put(0x3c, 0x80, 4);
    put(0x80, u64::from(u32::from_le_bytes(*b"PE\0\0")), 4);
    put(0x84, 0x8664, 2);
    put(0x94, 0xf0, 2);
    let optional = 0x98;
    put(optional, 0x20b, 2);
    // Everything is a header, so that addresses are offsets.
    put(optional + 60, 0x1000, 4);
    put(optional + 108, 16, 4);
    put(optional + 120, 0x400, 4);
    let mut name = 0x800;
    for (place, import) in imports.iter().enumerate() {
        put(0x400 + place * 20 + 12, name as u64, 4);
        put(0x400 + place * 20 + 16, 1, 4);
        for (at, byte) in import.bytes().enumerate() {
            put(name + at, byte.into(), 1);
        }
        name += import.len() + 1;
    }
    bytes
}

#[test]
fn pe_imports() {
    let mut base = windows_base();
    base.push(sound(file("Files/Windows/System32/ntdll.dll", 0, pe(&[]))));
    base.push(sound(file(
        "Files/Windows/System32/kernel32.dll",
        0,
        pe(&["NTDLL.dll"]),
    )));
    let app = [
        windows_dir("Files"),
        windows_dir("Hives"),
        windows_dir("Files/app"),
        sound(file(
            "Files/app/a.exe",
            0,
            pe(&[
                "KERNEL32.dll",
                "own.dll",
                "none.dll",
                "api-ms-win-core-l1.dll",
            ]),
        )),
        sound(file("Files/app/own.dll", 0, pe(&["kernel32.dll"]))),
    ];
    let config = json!({ "os": "windows", "architecture": "amd64", "os.version": "10.0.20348.1" });
    check_with(
        &[&base, &app],
        config,
        &AuditOptions::default(),
        &["MissingLibrary 1 C:\\app\\a.exe", "ApiSet 1 C:\\app\\a.exe"],
    );
}

#[test]
fn damaged_blobs() {
    let check = |damage: &dyn Fn(&mut Vec<u8>), expected: AuditRule| {
        let bench = image(&[&[file("x", 0o644, vec![7; 5000])]], linux());
        let blobs = bench.path("image").join("blobs").join("sha256");
        let blobs = std::fs::read_dir(blobs).unwrap();
        let mut paths = blobs.map(|entry| entry.unwrap().path());
        let layer = paths.find(|path| std::fs::read(path).unwrap().starts_with(b"\x1f\x8b"));
        let layer = layer.unwrap();
        let mut bytes = std::fs::read(&layer).unwrap();
        damage(&mut bytes);
        std::fs::write(&layer, bytes).unwrap();
        let found = audit_of(
            &bench.path("image"),
            "linux/amd64",
            &AuditOptions::default(),
        );
        let rules: Vec<AuditRule> = found.groups.iter().map(|group| group.rule).collect();
        assert_eq!(rules, [expected], "{:#?}", found.groups);
        assert_eq!(found.blobs.iter().filter(|blob| !blob.holds).count(), 1);
    };
    check(&|bytes| bytes[40] ^= 1, AuditRule::DigestMismatch);
    check(&|bytes| bytes.push(0), AuditRule::SizeMismatch);
    check(&|bytes| bytes.truncate(20), AuditRule::SizeMismatch);
}

/// What the validator refuses of a Windows layer, the audit tells about the same layer.
#[test]
fn the_validator_agrees() {
    let base = windows_base();
    let start = [windows_dir("Files"), windows_dir("Hives")];
    let cases: &[&[Member]] = &[
        &[],
        &[windows_file("Files/x/y")],
        &[windows_file("Files/a"), windows_file("Files/A")],
        &[windows_file("Files/a"), windows_file("Files/a")],
        &[windows_file("Files/../a")],
        &[windows_file("/Files/a")],
        &[windows_file("C:/a")],
        &[windows_file("Files/a\\b")],
        &[windows_file("Files/a:b")],
        &[
            windows_file("Files/a"),
            windows_file("Files/b"),
            file("Files/a:s", 0, ""),
        ],
        &[windows_file("Files/a|b")],
        &[windows_file("Other/a")],
        &[windows_dir("Files/e/")],
        &[sound(symlink("Files/l", "d")), windows_file("Files/l/x")],
        &[windows_file("Files/x"), windows_file("Files/x/y")],
        &[hard_link("Files/h", "Files/none")],
        &[hard_link("Files/h", "d/f")],
        &[hard_link("Files/h", "Files/d")],
        &[hard_link("Files/h", "Files/x"), windows_file("Files/x")],
        &[windows_file("Files/x"), hard_link("Files/h", "Files/X")],
        &[file("Files/.wh.", 0, "")],
        &[file("Files/d/.wh..wh..opq", 0, "")],
        &[file("Files/.wh.none", 0, "")],
        &[file("Files/.wh.d", 0, "")],
        &[file("Files/x", 0, "").record("MSWINDOWS.rawsd", "AAAA")],
        &[sound(
            file("Files/x", 0, "").record("MSWINDOWS.fileattr", "0x20"),
        )],
        &[sound(dir("Files/e", 0).record("MSWINDOWS.fileattr", "32"))],
        &[windows_file("Files/x").record("LIBARCHIVE.creationtime", "soon")],
        &[windows_file("Files/x").record("MSWINDOWS.xattr.A", "?")],
        &[windows_file("Files/x").at(1).record("mtime", "99999999999")],
    ];
    let mut refused = BTreeSet::new();
    let mut usual: Vec<Rule> = Vec::new();
    for (place, members) in cases.iter().enumerate() {
        let all = [&start[..], members].concat();
        let mut parents = Parents::new();
        parents.push(&validate_layer(&archive::tar(&base)[..], LayerRole::Base));
        let report = validate_layer(&archive::tar(&all)[..], LayerRole::Child(&parents));
        let config = json!({
            "os": "windows", "architecture": "amd64", "os.version": "10.0.20348.1",
        });
        let bench = image(&[&base, &all], config);
        let found = audit_of(
            &bench.path("image"),
            "windows/amd64",
            &AuditOptions::default(),
        );
        // How else this test's tars are written does not matter.
        let problems = report.problems.iter().filter(|problem| {
            let known = usual.contains(&problem.rule);
            place == 0 || !known
        });
        let problems: Vec<_> = problems.collect();
        if place == 0 {
            usual = problems.iter().map(|problem| problem.rule).collect();
            assert!(found.groups.is_empty(), "{:#?}", found.groups);
        } else if !problems.is_empty() {
            refused.insert(place);
            assert!(!found.groups.is_empty(), "case {place}: {problems:#?}");
        }
    }
    // The comparison is worth something only if much is refused.
    assert!(refused.len() > 20, "{refused:?}; {usual:?}");
}
