//! Any bytes as an index of git without its checksum: nothing panics, and what was read is written and
//! read again. A split index is put upon one that git wrote.
#![no_main]

use crossdock_build::{GitHash, GitIndex, GitIndexEntry, GitKind};
use libfuzzer_sys::fuzz_target;

/// With five entries.
const SHARED: &[u8] = include_bytes!("../seeds/git_index/v2");

fuzz_target!(|data: &[u8]| {
    for (hash, length) in [(GitHash::Sha1, 20), (GitHash::Sha256, 32)] {
        let Ok(index) = GitIndex::parse(&finished(data.to_vec(), length), hash) else {
            continue;
        };
        if index.shared().is_none() {
            for version in [2, 4] {
                let again = written(index.entries(), version, length);
                let again = GitIndex::parse(&again, hash).expect("what was written is read");
                same(index.entries(), again.entries());
            }
            continue;
        }
        let shared = GitIndex::parse(&finished(SHARED.to_vec(), 20), GitHash::Sha1);
        let shared = shared.expect("an index that git wrote");
        let most = shared.entries().len() + index.entries().len();
        if let Ok(whole) = index.with_shared(shared) {
            assert!(whole.shared().is_none());
            assert!(whole.entries().len() <= most);
            assert!(whole.entries().iter().all(|entry| !entry.path.is_empty()));
        }
    }
});

/// Zeros instead of a checksum, as with `index.skipHash`.
fn finished(mut bytes: Vec<u8>, length: usize) -> Vec<u8> {
    bytes.extend(vec![0; length]);
    bytes
}

/// Ids are not written: there is no way to their bytes.
fn same(left: &[GitIndexEntry], right: &[GitIndexEntry]) {
    assert_eq!(left.len(), right.len());
    for (left, right) in left.iter().zip(right) {
        assert_eq!(left.path, right.path);
        assert_eq!((left.kind, left.stage), (right.kind, right.stage));
    }
}

fn written(entries: &[GitIndexEntry], version: u32, length: usize) -> Vec<u8> {
    let mut bytes = b"DIRC".to_vec();
    bytes.extend(version.to_be_bytes());
    bytes.extend((entries.len() as u32).to_be_bytes());
    let mut last = 0;
    for entry in entries {
        let begin = bytes.len();
        bytes.extend([0; 24]);
        let mode: u32 = match entry.kind {
            GitKind::File => 0o100_644,
            GitKind::Executable => 0o100_755,
            GitKind::Link => 0o120_000,
            GitKind::Submodule => 0o160_000,
            GitKind::SparseDirectory => 0o040_000,
        };
        bytes.extend(mode.to_be_bytes());
        bytes.extend(vec![0; 12 + length]);
        let flags = entry.path.len().min(0xfff) as u16 | u16::from(entry.stage) << 12;
        bytes.extend(flags.to_be_bytes());
        if version == 4 {
            // The whole path before is dropped, and nothing of it kept.
            bytes.extend(variable_number(last));
            bytes.extend(&entry.path);
            bytes.push(0);
        } else {
            bytes.extend(&entry.path);
            let filled = (bytes.len() - begin) / 8 * 8 + 8;
            bytes.resize(begin + filled, 0);
        }
        last = entry.path.len();
    }
    finished(bytes, length)
}

/// As git writes it: from the last seven bits to the first, one less each time.
fn variable_number(mut number: usize) -> Vec<u8> {
    let mut bytes = vec![(number & 0x7f) as u8];
    number >>= 7;
    while number != 0 {
        number -= 1;
        bytes.push(0x80 | (number & 0x7f) as u8);
        number >>= 7;
    }
    bytes.reverse();
    bytes
}
