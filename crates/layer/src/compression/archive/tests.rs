//! Archives in every compression, whole and damaged.

use std::io::{Read, Write};

use bzip2::write::BzEncoder;
use liblzma::write::XzEncoder;

use super::{ArchiveCompression, ArchiveReader};
use crate::compression::tests::sample_of;
use crate::{Compression, Decompressor, Limits, ScanError, scan_archive};

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = BzEncoder::new(Vec::new(), bzip2::Compression::new(1));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = XzEncoder::new(Vec::new(), 1);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn read(archive: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    ArchiveReader::new(archive, &Limits::default())?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[test]
fn every_compression() {
    let content = sample_of(3, 400_000);
    let parts = [&content[..], &content[..1000], b""];
    let whole = parts.concat();
    type Compress = fn(&[u8]) -> Vec<u8>;
    let check = |compress: Compress, expected: ArchiveCompression| {
        let archive: Vec<u8> = parts.iter().flat_map(|part| compress(part)).collect();
        assert_eq!(ArchiveCompression::detect(&archive), expected);
        assert_eq!(ArchiveCompression::detect(&compress(b"")), expected);
        assert!(read(&archive).unwrap() == whole, "{expected:?}");
        let reader = ArchiveReader::new(&archive[..], &Limits::default()).unwrap();
        assert_eq!(reader.compression(), expected);
        // Cut off anywhere it is an error, never a shorter archive.
        let one = compress(&content);
        for cut in [11, 40, one.len() / 2, one.len() - 5, one.len() - 1] {
            assert!(read(&one[..cut]).is_err(), "{expected:?} cut at {cut}");
        }
        let mut damaged = one.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 0x10;
        assert!(read(&damaged).is_err(), "{expected:?}");
    };
    check(bzip2, ArchiveCompression::Bzip2);
    check(xz, ArchiveCompression::Xz);
    let gzip: Compress = |bytes| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(1));
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    check(gzip, ArchiveCompression::Layer(Compression::Gzip));
    let zstd: Compress = |bytes| {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.include_checksum(true).unwrap();
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    check(zstd, ArchiveCompression::Layer(Compression::Zstd));
}

#[test]
fn names_are_no_compression() {
    for start in [
        &b"BZh"[..],
        b"BZh9notes.txt\0",
        b"BZh01AY&SY",
        b"\xfd7zXZ",
        b"\xfd7zX/\0",
    ] {
        let plain = ArchiveCompression::Layer(Compression::None);
        assert_eq!(ArchiveCompression::detect(start), plain, "{start:?}");
    }
}

#[test]
fn limits_hold() {
    let zeroes = vec![0; 3 << 20];
    let limits = Limits {
        uncompressed: 2 << 20,
        ..Limits::default()
    };
    for archive in [bzip2(&zeroes), xz(&zeroes), zeroes.clone()] {
        let scan = scan_archive(&archive[..], &limits, &mut |_, _| Ok(()));
        assert!(
            matches!(scan, Err(ScanError::TooLarge { limit }) if limit == 2 << 20),
            "{:?}",
            scan.map(|index| index.len())
        );
    }
}

#[test]
fn xz_has_a_limit_of_memory() {
    // Stream header of 12 bytes; then of the block its header's size, flags, the filter LZMA2, the
    // size of its properties, the dictionary (40 is 4 GiB less a byte), padding, CRC-32.
    let mut archive = xz(b"small");
    assert_eq!(archive[13..16], [0, 0x21, 1]);
    archive[16] = 40;
    let length = (usize::from(archive[12]) + 1) * 4;
    let mut crc = flate2::Crc::new();
    crc.update(&archive[12..12 + length - 4]);
    archive[12 + length - 4..12 + length].copy_from_slice(&crc.sum().to_le_bytes());
    let error = read(&archive).unwrap_err().to_string();
    assert!(error.contains("memory"), "{error}");
}

#[test]
fn no_layer_is_bzip2_or_xz() {
    for (blob, name) in [(bzip2(b"layer"), "bzip2"), (xz(b"layer"), "xz")] {
        let Err(error) = Decompressor::new(&blob[..]) else {
            panic!("{name} was taken");
        };
        assert!(error.to_string().contains(name), "{error}");
    }
}
