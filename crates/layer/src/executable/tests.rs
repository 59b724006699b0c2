//! Heads of executables, made by hand.

use super::{Elf, ElfDynamic, Executable, Pe, PeImports};

/// An ELF header with a program header for a loader behind another.
fn elf(wide: bool, big_endian: bool, machine: u16, interpreter: &[u8]) -> Vec<u8> {
    let mut head = vec![0; 512];
    head[..7].copy_from_slice(&[
        0x7f,
        b'E',
        b'L',
        b'F',
        1 + u8::from(wide),
        1 + u8::from(big_endian),
        1,
    ]);
    let mut put = |offset: usize, length: usize, value: u64| {
        let target = &mut head[offset..offset + length];
        target.copy_from_slice(&value.to_le_bytes()[..length]);
        if big_endian {
            target.reverse();
        }
    };
    put(16, 2, 3);
    put(18, 2, u64::from(machine));
    let size = if wide { 56 } else { 32 };
    let second = 64 + size;
    match wide {
        true => {
            put(32, 8, 64);
            put(54, 2, size as u64);
            put(56, 2, 2);
            put(second + 8, 8, 400);
            put(second + 32, 8, interpreter.len() as u64 + 1);
        }
        false => {
            put(28, 4, 64);
            put(42, 2, size as u64);
            put(44, 2, 2);
            put(second + 4, 4, 400);
            put(second + 16, 4, interpreter.len() as u64 + 1);
        }
    }
    put(64, 4, 6);
    put(second, 4, if interpreter.is_empty() { 1 } else { 3 });
    head[400..400 + interpreter.len()].copy_from_slice(interpreter);
    head
}

fn pe(machine: u16, plus: bool, managed: bool) -> Vec<u8> {
    let mut head = vec![0; 0x200];
    head[..2].copy_from_slice(b"MZ");
    head[0x3c] = 0x80;
    head[0x80..0x84].copy_from_slice(b"PE\0\0");
    head[0x84..0x86].copy_from_slice(&machine.to_le_bytes());
    let magic: u16 = if plus { 0x20b } else { 0x10b };
    head[0x98..0x9a].copy_from_slice(&magic.to_le_bytes());
    head[0x98 + if plus { 112 } else { 96 } + 112] = u8::from(managed);
    head
}

#[test]
fn elf_files() {
    let check = |wide, big_endian, machine, architecture| {
        for interpreter in [&b"/lib/ld.so.1"[..], b""] {
            let head = elf(wide, big_endian, machine, interpreter);
            let expected = Elf {
                machine,
                architecture,
                interpreter: Some(interpreter.to_vec()).filter(|path| !path.is_empty()),
            };
            assert_eq!(Executable::read(&head), Executable::Elf(expected));
        }
    };
    check(true, false, 62, Some("amd64"));
    check(false, false, 62, Some("amd64"));
    check(false, false, 3, Some("386"));
    check(true, false, 183, Some("arm64"));
    check(true, true, 183, None);
    check(false, false, 40, Some("arm"));
    check(true, false, 243, Some("riscv64"));
    check(true, false, 21, Some("ppc64le"));
    check(true, true, 21, Some("ppc64"));
    check(true, true, 22, Some("s390x"));
    check(true, false, 258, Some("loong64"));
    check(false, true, 8, Some("mips"));
    check(true, false, 8, Some("mips64le"));
    check(true, false, 9999, None);
}

#[test]
fn elf_files_that_are_cut_or_wrong() {
    let whole = elf(true, false, 62, b"/lib/ld.so.1");
    for cut in [0, 3, 4, 5, 19] {
        assert_eq!(
            Executable::read(&whole[..cut]),
            Executable::Unknown,
            "{cut}"
        );
    }
    let known = |head: &[u8]| match Executable::read(head) {
        Executable::Elf(elf) => (elf.architecture, elf.interpreter),
        other => panic!("{other:?}"),
    };
    for cut in [20, 64, 200, 405] {
        assert_eq!(known(&whole[..cut]), (Some("amd64"), None), "{cut}");
    }
    // Offsets and counts that lead nowhere.
    for (offset, length) in [(32, 8), (54, 2), (56, 2), (128, 8), (152, 8)] {
        let mut wrong = whole.clone();
        wrong[offset..offset + length].fill(0xff);
        let (architecture, interpreter) = known(&wrong);
        assert_eq!(architecture, Some("amd64"));
        assert!(
            interpreter.is_none_or(|path| path == b"/lib/ld.so.1"),
            "{offset}"
        );
    }
    let mut wrong = whole.clone();
    wrong[4] = 3;
    assert_eq!(Executable::read(&wrong), Executable::Unknown);
}

#[test]
fn pe_files() {
    let check = |machine, plus, managed, architecture| {
        let expected = Pe {
            machine,
            architecture,
            managed,
        };
        let head = pe(machine, plus, managed);
        assert_eq!(Executable::read(&head), Executable::Pe(expected));
    };
    check(0x8664, true, false, Some("amd64"));
    check(0x14c, false, false, Some("386"));
    check(0x14c, false, true, Some("386"));
    check(0xaa64, true, true, Some("arm64"));
    check(0x1c4, false, false, Some("arm"));
    check(0x200, true, false, None);
    let unknown = Executable::Pe(Pe {
        machine: 0,
        architecture: None,
        managed: false,
    });
    assert_eq!(Executable::read(&pe(0x8664, true, false)[..0x83]), unknown);
    assert_eq!(Executable::read(b"MZ"), unknown);
    let mut far = pe(0x8664, true, false);
    far[0x3c..0x40].fill(0xff);
    assert_eq!(Executable::read(&far), unknown);
}

#[test]
fn scripts_and_others() {
    let check = |head: &[u8], interpreter: Option<&str>| {
        let expected = match interpreter {
            Some(path) => Executable::Script {
                interpreter: path.as_bytes().to_vec(),
            },
            None => Executable::Unknown,
        };
        assert_eq!(Executable::read(head), expected);
    };
    check(b"#!/bin/sh\n", Some("/bin/sh"));
    check(b"#! \t/usr/bin/env  python\n", Some("/usr/bin/env"));
    check(b"#!/bin/sh\r\nexit", Some("/bin/sh\r"));
    check(b"#!/bin/sh", None);
    check(b"#!\n", None);
    check(b"#!", None);
    check(
        &[b"#!".to_vec(), vec![b'a'; 300], b"\n".to_vec()].concat(),
        None,
    );
    check(b"echo hello\n", None);
    check(b"\xef\xbb\xbf#!/bin/sh\n", None);
    check(b"", None);
    assert_eq!(Executable::read(b"MZqFpD='\n"), Executable::Portable);
    assert_eq!(Executable::read(b"\xcf\xfa\xed\xfe\x07"), Executable::MachO);
}

/// What stands at offsets of a file, and how many bytes each number has.
fn bytes(length: usize, parts: &[(usize, u64, usize)], texts: &[(usize, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0; length];
    for (at, value, size) in parts {
        bytes[*at..at + size].copy_from_slice(&value.to_le_bytes()[..*size]);
    }
    for (at, text) in texts {
        bytes[*at..at + text.len()].copy_from_slice(text);
    }
    bytes
}

#[test]
fn dynamic_sections() {
    // 32 bits, all of it mapped at 0x1000; the section at 0x100, names at 0x200.
    let load = [
        (28, 64, 4),
        (42, 32, 2),
        (44, 2, 2),
        (64, 1, 4),
        (72, 0x1000, 4),
        (80, 0x300, 4),
    ];
    let section = [(96, 2, 4), (100, 0x100, 4), (112, 0x60, 4)];
    let records = [
        (5u64, 0x1200u64),
        (1, 1),
        (1, 6),
        (14, 11),
        (15, 16),
        (29, 24),
    ];
    let mut parts = [&load[..], &section[..]].concat();
    for (place, (tag, value)) in records.into_iter().enumerate() {
        parts.push((0x100 + place * 8, tag, 4));
        parts.push((0x104 + place * 8, value, 4));
    }
    let names = b"\0a.so\0b.so\0c.so\0/x:/y\0\0\0$ORIGIN\0";
    let file = bytes(0x300, &parts, &[(0, b"\x7fELF\x01\x01"), (0x200, names)]);
    let found = ElfDynamic::read(&file).unwrap();
    assert_eq!(found.needed, [b"a.so", b"b.so"]);
    assert_eq!(found.soname.as_deref(), Some(&b"c.so"[..]));
    assert_eq!(found.rpath.as_deref(), Some(&b"/x:/y"[..]));
    assert_eq!(found.runpath.as_deref(), Some(&b"$ORIGIN"[..]));
    assert_eq!(ElfDynamic::read(&file[..0x210]), None);
    assert_eq!(ElfDynamic::read(b"MZ"), None);
}

#[test]
fn import_tables() {
    // 32 bits, one section at 0x1000 that lies at 0x200; delayed imports as addresses.
    let header = [
        (0x3c, 0x80, 4),
        (0x84, 0x14c, 2),
        (0x86, 1, 2),
        (0x94, 0xe0, 2),
    ];
    let optional = [
        (0x98, 0x10b, 2),
        (0x98 + 28, 0x40_0000, 4),
        (0x98 + 60, 0x200, 4),
        (0x98 + 68, 1, 2),
        (0x98 + 92, 16, 4),
        (0x98 + 104, 0x1000, 4),
        (0x98 + 200, 0x1080, 4),
    ];
    let section = [(0x184, 0x1000, 4), (0x188, 0x400, 4), (0x18c, 0x200, 4)];
    let tables = [(0x20c, 0x1100, 4), (0x210, 1, 4), (0x284, 0x40_1110, 4)];
    let parts = [&header[..], &optional, &section, &tables].concat();
    let texts: [(usize, &[u8]); 4] = [
        (0, b"MZ"),
        (0x80, b"PE\0\0"),
        (0x300, b"a.dll\0"),
        (0x310, b"b.dll\0"),
    ];
    let file = bytes(0x600, &parts, &texts);
    let found = PeImports::read(&file).unwrap();
    assert_eq!(found.imports, [b"a.dll"]);
    assert_eq!(found.delayed, [b"b.dll"]);
    assert_eq!(
        (found.machine, found.native, found.library),
        (0x14c, true, false)
    );
    assert_eq!(PeImports::read(&file[..0x308]), None);
    assert_eq!(PeImports::read(b"\x7fELF"), None);
}
