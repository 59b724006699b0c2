//! The counts say that everything was read and compressed.

use std::io::Write as _;
use std::sync::atomic::Ordering;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{BLOCK, jobs, work};

/// Reads layers of these sizes and compresses one file, with so many threads.
fn check(layers: &[usize], new: usize, threads: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut read = Vec::new();
    let mut compressed = 0;
    for (number, size) in layers.iter().enumerate() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&vec![7; *size]).expect("memory");
        let bytes = encoder.finish().expect("memory");
        compressed += bytes.len() as u64;
        let path = folder.path().join(number.to_string());
        std::fs::write(&path, bytes).expect("written");
        read.push(path);
    }
    let file = folder.path().join("new");
    std::fs::write(&file, vec![7; new]).expect("written");
    let totals = work(jobs(&read, &[file]).expect("readable"), threads).expect("done");
    let inflated = layers.iter().sum::<usize>() as u64;
    assert_eq!(totals.inflated.load(Ordering::Relaxed), inflated);
    assert_eq!(totals.compressed_read.load(Ordering::Relaxed), compressed);
    assert_eq!(totals.new.load(Ordering::Relaxed), new as u64);
}

#[test]
fn everything_is_read_and_compressed() {
    check(&[], 0, 1);
    check(&[0, 1], 1, 2);
    check(&[3_000_000, 10, 700_000], 2 * BLOCK + 5, 3);
}

#[test]
fn a_missing_or_damaged_layer_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("missing");
    let error = jobs(&[missing], &[]).err().expect("it is not there");
    assert!(error.to_string().contains("missing"), "{error}");
    let damaged = folder.path().join("damaged");
    std::fs::write(&damaged, b"not gzip").expect("written");
    let error = work(jobs(&[damaged], &[]).expect("there"), 1).expect_err("damaged");
    assert!(error.to_string().contains("damaged"), "{error}");
}
