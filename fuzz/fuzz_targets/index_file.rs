//! Any bytes as the index of a layer: opened or refused, and what is opened can be looked at and
//! stacked. The first byte's highest bit says that checksums and lengths are made to hold.
#![no_main]

use std::sync::Arc;

use crossdock_layer::{LayerFormat, LayerIndex, Tree};
use libfuzzer_sys::fuzz_target;

const HEADER: usize = 128;
const RECORD: u64 = 152;

fuzz_target!(|data: &[u8]| {
    let Some((&first, file)) = data.split_first() else {
        return;
    };
    let mut file = file.to_vec();
    if first & 0x80 != 0 && file.len() >= HEADER {
        mend(&mut file, u64::from(first & 0x7f));
    }
    let Ok(index) = LayerIndex::open(file.clone()) else {
        return;
    };
    assert_eq!(index.as_bytes(), file);
    for entry in index.entries() {
        let header = entry.header();
        assert_eq!(header.path, entry.path());
        assert!(entry.extent().offset + entry.extent().length <= index.tar_size());
        for (key, value) in entry.records() {
            assert!(!key.is_empty());
            let _ = (value, entry.record(key));
        }
    }
    let index = Arc::new(index);
    for format in [LayerFormat::Linux, LayerFormat::Windows] {
        if let Ok(tree) = Tree::stack(format, [Arc::clone(&index)]) {
            for node in tree.walk(tree.root()) {
                let _ = (
                    tree.entry(node),
                    tree.full_name(node),
                    tree.link_target(node),
                );
            }
        }
    }
});

/// Makes a header for what follows it, with `count` records.
fn mend(file: &mut [u8], count: u64) {
    let rest = (file.len() - HEADER) as u64;
    let count = count.min(rest / RECORD);
    file[..8].copy_from_slice(b"XDOCKIDX");
    file[8..12].copy_from_slice(&1u32.to_le_bytes());
    file[12..16].copy_from_slice(&(RECORD as u32).to_le_bytes());
    file[16..24].copy_from_slice(&count.to_le_bytes());
    file[24..32].copy_from_slice(&(rest - count * RECORD).to_le_bytes());
    let content = blake3::hash(&file[HEADER..]);
    file[72..104].copy_from_slice(content.as_bytes());
    let header = blake3::hash(&file[..HEADER - 8]);
    file[HEADER - 8..HEADER].copy_from_slice(&header.as_bytes()[..8]);
}
