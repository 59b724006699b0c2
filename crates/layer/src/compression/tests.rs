//! Reading blobs of every kind, and gzip whose bytes never change.

use std::io::{Cursor, ErrorKind, Read, Write};

use crossdock_image::Digest;
use proptest::prelude::*;

use super::gzip_writer::BLOCK;
use super::{Compression, Decompressor, GzipWriter};

/// Knuth's generator: the same numbers on every machine, for ever.
struct Lcg(u64);

impl Lcg {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }

    fn below(&mut self, limit: usize) -> usize {
        self.next() as usize % limit
    }
}

/// About 1.3 MB as layers hold them.
fn sample() -> Vec<u8> {
    sample_of(1, 1_300_000)
}

/// At least `size` bytes: text of few words, runs, noise, copies of what was before.
pub(super) fn sample_of(seed: u64, size: usize) -> Vec<u8> {
    const WORDS: [&str; 12] = [
        "usr/", "lib/", "x86_64", "-linux", "-gnu", "static ", "fn ", "layer", "\n", "  ", "0", "=",
    ];
    let mut random = Lcg(seed);
    let mut bytes = Vec::new();
    while bytes.len() < size {
        match random.below(8) {
            0..4 => {
                for _ in 0..random.below(4000) {
                    bytes.extend_from_slice(WORDS[random.below(WORDS.len())].as_bytes());
                }
            }
            4 => bytes.extend(std::iter::repeat_n(0, random.below(30_000))),
            5 => bytes.extend((0..random.below(20_000)).map(|_| random.0 as u8 ^ 0x5a)),
            6 => {
                for _ in 0..random.below(9_000) {
                    bytes.push(random.next() as u8);
                }
            }
            _ => {
                let start = random.below(bytes.len().max(1));
                let end = bytes.len().min(start + random.below(60_000));
                bytes.extend_from_within(start..end);
            }
        }
    }
    bytes
}

fn compress(input: &[u8], level: u32, threads: usize, sizes: &mut dyn FnMut() -> usize) -> Vec<u8> {
    let mut writer = GzipWriter::new(Vec::new(), level, threads).unwrap();
    let mut rest = input;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(sizes().clamp(1, rest.len()));
        writer.write_all(now).unwrap();
        writer.flush().unwrap();
        rest = later;
    }
    writer.finish().unwrap().0
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut decoder = flate2::bufread::MultiGzDecoder::new(bytes);
    decoder.read_to_end(&mut out).unwrap();
    out
}

/// The digests of compressed layers that this version makes. They may change with a release of
/// the codec only, which CHANGELOG.md then says: caches and signatures depend on them.
#[test]
fn golden_compression() {
    let input = sample();
    assert_eq!(Digest::of(&input).hex(), INPUT, "the generator changed");
    let digests = GOLDEN.map(|(level, _)| {
        let compressed = compress(&input, level, 1, &mut || usize::MAX);
        assert!(gunzip(&compressed) == input, "level {level}");
        (level, Digest::of(&compressed).hex())
    });
    assert_eq!(
        digests,
        GOLDEN.map(|(level, digest)| (level, digest.to_owned()))
    );
    assert_eq!(compress(b"", 6, 1, &mut || 1), EMPTY);
    assert_eq!(compress(b"a", 6, 1, &mut || 1), ONE);
}

/// What a thread compressed before must not show in what it makes now.
#[test]
fn threads_share_nothing() {
    let repeated = b"data".repeat(100_000);
    let sample = sample();
    let mut inputs = vec![
        [&repeated[..], &sample, &vec![0; 700_000], &repeated].concat(),
        repeated,
    ];
    // Blocks that differ in how well they can be compressed and in what they refer to.
    for seed in 1..8 {
        let mut random = Lcg(seed);
        let mut input = Vec::new();
        while input.len() < 1_500_000 {
            let length = random.next() as usize % 60_000;
            let start = random.next() as usize % sample.len().saturating_sub(length).max(1);
            match random.next() % 3 {
                0 => input.extend((0..length).map(|_| (random.next() >> 16) as u8)),
                1 => input.extend((0..length).map(|_| (random.next() >> 16) as u8 & 0x13)),
                _ => input.extend_from_slice(&sample[start..(start + length).min(sample.len())]),
            }
        }
        inputs.push(input);
    }
    for (number, input) in inputs.iter().enumerate() {
        let compressed = |threads| compress(input, 6, threads, &mut || usize::MAX);
        let first = compressed(1);
        assert!(gunzip(&first) == *input, "{number}");
        for threads in [2, 3, 8] {
            assert!(compressed(threads) == first, "{number}: {threads} threads");
        }
    }
}

const INPUT: &str = "4c647c71019a2d88e87ede0c667bdffe279dbace62cc04610796827ad34b3090";
const GOLDEN: [(u32, &str); 10] = [
    (
        0,
        "d2ec183312490c57ae2bf8d8d655401ea6687cc43fe91054a1611884d1964a42",
    ),
    (
        1,
        "ea534ac6e469d2db3754b670b1d73da1f88637864414acbddd6159911f294fb6",
    ),
    (
        2,
        "da7a9daf248dd18fe6d69c40369031441ba1fa4deb38335434548163c361f814",
    ),
    (
        3,
        "060a4122bd4abd625e65d9a6e72f817d963e04cb280a7f87a9c5b31dd0ec32a4",
    ),
    (
        4,
        "41b8d429f5ea7e080e76bf374d5cea37355563dd566213e1e957cdfadd9997de",
    ),
    (
        5,
        "8e17a7b81a6105678de97acd84e024ad6d451f14a79d3b06ef2445507b953424",
    ),
    (
        6,
        "47f5e14e7961390d09b37c5cef0f1e8a7157cfecf78cb8c9bbca18f0eb2aae1a",
    ),
    (
        7,
        "65e3978ddd492319b13f34d5a7aadb0ca9a0023e9a395cc227afd55781979e10",
    ),
    (
        8,
        "394c78e2a13d5abe45c31ec8b2227592c22ed9b174632135a0a59c6efabbe4a9",
    ),
    (
        9,
        "38245e428ba6e8c4fdc84044c6dcefe113b089eb6e52821ecce763ad0eb77987",
    ),
];
/// Header, an empty final block, CRC-32 and size.
const EMPTY: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x03\0\0\0\0\0\0\0\0\0";
/// A block that a sync flush ends stands before the final one.
const ONE: &[u8] =
    b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x4a\x04\0\0\0\xff\xff\x03\0\x43\xbe\xb7\xe8\x01\0\0\0";

/// Neither the sizes of writes nor the number of threads changes a byte.
#[test]
fn golden_compression_of_any_writes_and_threads() {
    let input = sample();
    for threads in [1, 2, 5] {
        for (level, expected) in [GOLDEN[1], GOLDEN[6], GOLDEN[9]] {
            let mut random = Lcg(threads as u64 * 10 + u64::from(level));
            let mut sizes = || 1 << random.below(20) | random.below(97);
            let compressed = compress(&input, level, threads, &mut sizes);
            let digest = Digest::of(&compressed).hex();
            assert_eq!(digest, expected, "level {level}, {threads} threads");
        }
    }
    for length in [
        1,
        BLOCK - 1,
        BLOCK,
        BLOCK + 1,
        2 * BLOCK,
        4 * BLOCK,
        4 * BLOCK + 7,
    ] {
        let one = compress(&input[..length], 6, 1, &mut || usize::MAX);
        let many = compress(&input[..length], 6, 4, &mut || 70_001);
        assert!(one == many, "{length}");
        assert!(gunzip(&one) == input[..length], "{length}");
    }
}

#[test]
fn levels_that_do_not_exist() {
    assert!(GzipWriter::new(Vec::new(), 10, 1).is_err());
}

#[test]
fn detection() {
    let check = |start: &[u8], expected| {
        assert_eq!(Compression::detect(start), expected, "{start:02x?}");
        let reader = Decompressor::new(Cursor::new(start.to_vec()));
        assert_eq!(reader.unwrap().compression(), expected, "{start:02x?}");
    };
    check(b"", Compression::None);
    check(b"\x1f", Compression::None);
    check(b"\x1f\x8b", Compression::Gzip);
    check(b"\x28\xb5\x2f\xfd", Compression::Zstd);
    check(b"\x28\xb5\x2f", Compression::None);
    // Skippable frames have sixteen magic numbers.
    check(b"\x50\x2a\x4d\x18", Compression::Zstd);
    check(b"\x5f\x2a\x4d\x18", Compression::Zstd);
    check(b"\x60\x2a\x4d\x18", Compression::None);
    check(b"BZh9", Compression::None);
    check(b"etc/passwd", Compression::None);
}

/// Reads `blob` to its end: its content, or the error, and how much of it was read.
fn read(blob: &[u8]) -> Result<(Compression, Vec<u8>, u64), String> {
    let mut reader = Decompressor::new(Cursor::new(blob.to_vec())).map_err(|e| e.to_string())?;
    let mut content = Vec::new();
    reader
        .read_to_end(&mut content)
        .map_err(|e| e.to_string())?;
    reader.drain().map_err(|e| e.to_string())?;
    Ok((reader.compression(), content, reader.get_ref().position()))
}

#[test]
fn reading() {
    let gzip = |bytes: &[u8]| compress(bytes, 6, 1, &mut || usize::MAX);
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 3).unwrap();
    let skippable = b"\x53\x2a\x4d\x18\x03\0\0\0xyz".to_vec();
    let named = b"\x1f\x8b\x08\x08\0\0\0\0\0\x03name\0\x03\0\0\0\0\0\0\0\0\0".to_vec();
    let check = |blob: Vec<u8>, compression, expected: &[u8]| {
        let read = read(&blob).unwrap();
        assert_eq!(read, (compression, expected.to_vec(), blob.len() as u64));
    };
    let (none, gz, zst) = (Compression::None, Compression::Gzip, Compression::Zstd);
    check(b"plain".to_vec(), none, b"plain");
    check(vec![], none, b"");
    check(gzip(b"one"), gz, b"one");
    check(gzip(b""), gz, b"");
    check(
        [gzip(b"one"), gzip(b""), gzip(b"two")].concat(),
        gz,
        b"onetwo",
    );
    check([named, gzip(b"after a name")].concat(), gz, b"after a name");
    check(zstd(b"one"), zst, b"one");
    check([zstd(b"one"), zstd(b"two")].concat(), zst, b"onetwo");
    check(
        [skippable.clone(), zstd(b"a"), skippable.clone(), zstd(b"b")].concat(),
        zst,
        b"ab",
    );
    // stargz ends with a member that has an extra field and no content.
    let footer = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x04\0SG\0\0\x01\0\0\xff\xff\0\0\0\0\0\0\0\0";
    check([gzip(b"x"), footer.to_vec()].concat(), gz, b"x");
}

#[test]
fn damaged_blobs() {
    let gzip = compress(b"some content", 6, 1, &mut || usize::MAX);
    let zstd = zstd::encode_all(&b"some content"[..], 3).unwrap();
    for blob in [&gzip, &zstd] {
        for length in 4..blob.len() {
            assert!(read(&blob[..length]).is_err(), "{length} of {blob:02x?}");
        }
    }
    // The checksum and the length of gzip count.
    for place in gzip.len() - 8..gzip.len() {
        let mut blob = gzip.clone();
        blob[place] ^= 1;
        assert!(read(&blob).is_err(), "{place}");
    }
    assert!(read(&[&zstd[..], b"garbage"].concat()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_come_back(
        pieces in prop::collection::vec((any::<u8>(), 0..70_000usize, any::<bool>()), 0..8),
        level in 0..=9u32,
        threads in 1..4usize,
        size in 1..300_000usize,
    ) {
        let mut random = Lcg(7);
        let input: Vec<u8> = pieces
            .iter()
            .flat_map(|&(byte, length, noise)| (0..length).map(move |_| (byte, noise)))
            .map(|(byte, noise)| if noise { random.next() as u8 } else { byte })
            .collect();
        let compressed = compress(&input, level, threads, &mut || size);
        prop_assert!(gunzip(&compressed) == input);
    }

    #[test]
    fn no_blob_panics(blob in prop::collection::vec(any::<u8>(), 0..200), magic in 0..3usize) {
        let magic: &[u8] = [&b""[..], b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"][magic];
        let _ = read(&[magic, &blob].concat());
    }
}

/// The caller tells damaged bytes from a failing machine by the kind of the error.
#[test]
fn zstd_errors_are_about_the_bytes() {
    let check = |blob: Vec<u8>| {
        let mut reader = Decompressor::new(Cursor::new(blob)).unwrap();
        let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
    };
    // A window of 1 TiB, and a block of the reserved type.
    check(b"\x28\xb5\x2f\xfd\x00\xf0\x01\x00\x00".to_vec());
    check(b"\x28\xb5\x2f\xfd\x00\x00\x07\x00\x00".to_vec());
}
