//! Any bytes as the beginning of a program: nothing panics, and more of it says more but nothing else.
#![no_main]

use crossdock_layer::Executable;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let whole = Executable::read(data);
    for cut in [
        2,
        4,
        6,
        20,
        64,
        data.len() / 2,
        data.len().saturating_sub(1),
    ] {
        let part = Executable::read(&data[..cut.min(data.len())]);
        match (part, &whole) {
            (Executable::Unknown, _) => {}
            (Executable::Elf(part), Executable::Elf(whole)) => {
                assert_eq!(part.machine, whole.machine);
                assert_eq!(part.architecture, whole.architecture);
                assert!(part.interpreter.is_none() || part.interpreter == whole.interpreter);
            }
            // Without its header it is known by two letters alone, which also begin APE.
            (Executable::Pe(part), Executable::Pe(whole)) => {
                assert!(part.machine == 0 || part.machine == whole.machine);
                assert!(!part.managed || whole.managed);
            }
            (Executable::Pe(part), Executable::Portable) => assert_eq!(part.machine, 0),
            (part, whole) => assert_eq!(&part, whole),
        }
    }
    if let Executable::Script { interpreter } = &whole {
        assert!(!interpreter.is_empty() && !interpreter.contains(&b' '));
    }
});
