//! Any bytes as a file of checkpoints, or as a blob in which points are looked for. The first byte
//! says which, and whether checksums and lengths are made to hold.
#![no_main]

use std::io::Read;

use crossdock_layer::{Checkpoints, Decompressor};
use libfuzzer_sys::fuzz_target;

const HEADER: usize = 96;
const RECORD: u64 = 32;
/// What is read of a blob at most.
const LIMIT: u64 = 1 << 20;
/// How much of what follows a point was proven when it was found.
const PROVEN: usize = 32 << 10;

fuzz_target!(|data: &[u8]| {
    let Some((&first, rest)) = data.split_first() else {
        return;
    };
    match first & 0x40 {
        0 => file(first, rest),
        _ => blob(u64::from(first & 0x3f) << 10, rest),
    }
});

/// A file, the second half of which is a blob as well.
fn file(first: u8, bytes: &[u8]) {
    let mut file = bytes.to_vec();
    if first & 0x80 != 0 && file.len() >= HEADER {
        mend(&mut file, u64::from(first & 0x3f));
    }
    let Ok(checkpoints) = Checkpoints::open(file.clone()) else {
        return;
    };
    assert_eq!(checkpoints.as_bytes(), file);
    let blob = &bytes[bytes.len() / 2..];
    let mut before = None;
    for point in checkpoints.points().take(100) {
        assert!(before < Some(point.uncompressed));
        before = Some(point.uncompressed);
        let found = checkpoints.before(point.uncompressed);
        assert_eq!(found.uncompressed, point.uncompressed);
        if let Ok(reader) = Decompressor::at(&point, blob) {
            let _ = std::io::copy(&mut reader.take(LIMIT), &mut std::io::sink());
        }
    }
}

/// A blob is what flate2 says it is, and what was proven holds.
fn blob(span: u64, blob: &[u8]) {
    let Ok(mut reader) = Decompressor::recording_every(blob, span) else {
        return;
    };
    let mut content = Vec::new();
    let read = reader.by_ref().take(LIMIT).read_to_end(&mut content);
    if content.len() as u64 == LIMIT {
        return;
    }
    if blob.starts_with(b"\x1f\x8b") {
        let mut expected = Vec::new();
        let flate2 = flate2::bufread::MultiGzDecoder::new(blob).read_to_end(&mut expected);
        assert_eq!(read.is_ok(), flate2.is_ok());
        // What came before an error depends on how much is read at once.
        assert!(read.is_err() || content == expected);
    }
    if read.is_err() {
        return;
    }
    let checkpoints = reader.into_checkpoints(blob.len() as u64);
    assert!(Checkpoints::open(checkpoints.as_bytes().to_vec()).is_ok());
    assert_eq!(checkpoints.content_size(), content.len() as u64);
    for point in checkpoints.points() {
        let from_here = &blob[point.compressed as usize..];
        let content = &content[point.uncompressed as usize..];
        let mut found = vec![0; content.len().min(PROVEN)];
        let mut reader = Decompressor::at(&point, from_here).expect("a point");
        reader.read_exact(&mut found).expect("its content");
        assert!(found == content[..found.len()]);
    }
}

/// Makes a header for what follows it, with `count` records.
fn mend(file: &mut [u8], count: u64) {
    let rest = (file.len() - HEADER) as u64;
    let count = count.min(rest / RECORD);
    file[..8].copy_from_slice(b"XDOCKPTS");
    file[8..12].copy_from_slice(&1u32.to_le_bytes());
    file[16..24].copy_from_slice(&count.to_le_bytes());
    file[24..32].copy_from_slice(&(rest - count * RECORD).to_le_bytes());
    let content = blake3::hash(&file[HEADER..]);
    file[48..80].copy_from_slice(content.as_bytes());
    let header = blake3::hash(&file[..HEADER - 8]);
    file[HEADER - 8..HEADER].copy_from_slice(&header.as_bytes()[..8]);
}
