//! Any bytes as a program: what it needs is read without a panic, and less of it says the same or
//! nothing.
#![no_main]

use crossdock_layer::{ElfDynamic, Executable, PeImports};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (elf, pe) = (ElfDynamic::read(data), PeImports::read(data));
    assert!(elf.is_none() || pe.is_none());
    for cut in [64, 512, data.len() / 2, data.len().saturating_sub(1)] {
        let part = &data[..cut.min(data.len())];
        let (less, whole) = (ElfDynamic::read(part), &elf);
        assert!(less.is_none() || less == *whole);
        let (less, whole) = (PeImports::read(part), &pe);
        assert!(less.is_none() || less == *whole);
    }
    match (Executable::read(data), elf, pe) {
        (Executable::Elf(_), _, None) | (_, None, None) => {}
        (Executable::Pe(head), None, Some(whole)) => assert_eq!(head.machine, whole.machine),
        // Its first letters are those of a PE file, which it also is.
        (Executable::Portable, None, Some(_)) => {}
        other => panic!("{other:?}"),
    }
});
