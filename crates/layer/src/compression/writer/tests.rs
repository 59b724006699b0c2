//! Levels, and layers in every compression.

use std::io::{Cursor, Read, Write};

use super::super::tests::sample_of;
use super::super::zstd_writer::FRAME;
use super::super::{Compression, DEFAULT_ZSTD_LEVEL, Decompressor, ZstdWriter};
use super::{Codec, LayerWriter, LevelError};
use crossdock_image::Digest;

use Compression::{Gzip, None as Plain, Zstd};

fn write(
    input: &[u8],
    codec: Codec,
    threads: usize,
    sizes: &mut dyn FnMut() -> usize,
) -> (Vec<u8>, super::Checkpoints) {
    let mut writer = LayerWriter::new(Vec::new(), codec, threads).unwrap();
    let mut rest = input;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(sizes().clamp(1, rest.len()));
        writer.write_all(now).unwrap();
        writer.flush().unwrap();
        rest = later;
    }
    writer.finish().unwrap()
}

fn read(blob: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    let mut reader = Decompressor::new(Cursor::new(blob)).unwrap();
    reader.read_to_end(&mut content).unwrap();
    content
}

#[test]
fn levels() {
    let check = |compression, level: i64, expected: Option<u32>| {
        let codec = Codec::with_level(compression, level);
        assert_eq!(
            codec.ok().map(Codec::level),
            expected,
            "{compression} {level}"
        );
    };
    check(Gzip, -2, None);
    check(Gzip, -1, Some(6));
    check(Gzip, 0, Some(0));
    check(Gzip, 9, Some(9));
    check(Gzip, 10, None);
    check(Zstd, -1, None);
    check(Zstd, 0, Some(1));
    check(Zstd, 1, Some(1));
    check(Zstd, 22, Some(22));
    check(Zstd, 23, None);
    check(Zstd, i64::MAX, None);
    check(Plain, 0, None);
    assert_eq!(Codec::new(Gzip), Codec::GZIP);
    assert_eq!(Codec::new(Zstd).level(), DEFAULT_ZSTD_LEVEL);
    assert_eq!(
        Codec::with_level(Gzip, 11).unwrap_err().to_string(),
        "compression-level=11: gzip has the levels -1 to 9"
    );
    assert_eq!(
        Codec::with_level(Plain, 1),
        Err(LevelError::NoLevels { level: 1 })
    );
    for level in [0, 23] {
        assert!(ZstdWriter::new(Vec::new(), level, 1).is_err());
    }
}

#[test]
fn identities() {
    let check = |codec: Codec, expected| assert_eq!(codec.identity(), expected);
    check(Codec::GZIP, "gzip-6-v1");
    check(Codec::new(Zstd), "zstd-3-v1");
    check(Codec::new(Plain), "uncompressed-0-v1");
    check(Codec::with_level(Zstd, 19).unwrap(), "zstd-19-v1");
}

/// As `golden_compression` for gzip: the digests change with a release of the codec only. Then
/// `ZSTD_VERSION` is raised, and CHANGELOG.md says so.
#[test]
fn golden_zstd() {
    let input = sample_of(2, 2 * FRAME + 1_000_000);
    assert!(input.len() > 2 * FRAME, "several frames");
    let digests = GOLDEN.map(|(level, _)| {
        let codec = Codec::with_level(Zstd, level).unwrap();
        let (compressed, _) = write(&input, codec, 2, &mut || usize::MAX);
        assert!(read(&compressed) == input, "level {level}");
        (level, Digest::of(&compressed).hex())
    });
    let expected = GOLDEN.map(|(level, digest)| (level, digest.to_owned()));
    assert_eq!(digests, expected);
    let empty = write(b"", Codec::new(Zstd), 1, &mut || 1).0;
    assert_eq!(empty, EMPTY);
    assert_eq!(read(&empty), b"");
}

const GOLDEN: [(i64, &str); 5] = [
    (
        1,
        "5aeb7284ba14e5ebaec253fd062b5e9c39070cc8e7b1ed4c80260cb59d0ecef7",
    ),
    (
        3,
        "bf55de8b17d9221b21c546bceea738548150cbb1a5668d306f9509605fae07bc",
    ),
    (
        7,
        "d4c85638c004b3603cef239621e5a8ea4bf9b029ef0bfb45bc0dc315cac70f77",
    ),
    (
        12,
        "389044f0643a99d777cc809990c21bed2b0bd5aca1fb407be07bbf5af9cb77b4",
    ),
    (
        19,
        "c880a3a423c5771ec24abcc34a866a680862e84d7085b51137009795c8171517",
    ),
];
/// A frame of one segment with the size 0, an empty last block that is stored, and a checksum.
const EMPTY: &[u8] = b"\x28\xb5\x2f\xfd\x24\x00\x01\x00\x00\x99\xe9\xd8\x51";

/// Neither the sizes of writes nor the number of threads changes a byte.
#[test]
fn golden_zstd_of_any_writes_and_threads() {
    let input = sample_of(3, FRAME + 500_000);
    let mut state = 7u32;
    let mut size = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 9) as usize % 300_000
    };
    for length in [0, 1, FRAME - 1, FRAME, FRAME + 1, input.len()] {
        let codec = Codec::new(Zstd);
        let (expected, points) = write(&input[..length], codec, 1, &mut || usize::MAX);
        for threads in [1, 2, 5] {
            let (found, found_points) = write(&input[..length], codec, threads, &mut size);
            assert!(found == expected, "{length} bytes, {threads} threads");
            assert!(found_points == points, "{length} bytes, {threads} threads");
        }
    }
}

/// A frame says how large it is, and does not need any other.
#[test]
fn frames() {
    let input = sample_of(2, 2 * FRAME + 1_000_000);
    let (blob, points) = write(&input, Codec::new(Zstd), 2, &mut || usize::MAX);
    let offsets: Vec<u64> = points.points().map(|point| point.uncompressed).collect();
    let expected: Vec<u64> = (0..input.len() as u64).step_by(FRAME).collect();
    assert_eq!(offsets, expected);
    for point in points.points() {
        let start = point.compressed as usize;
        let place = point.uncompressed as usize;
        let end = input.len().min(place + FRAME);
        let size = zstd::zstd_safe::get_frame_content_size(&blob[start..]).unwrap();
        assert_eq!(size, Some((end - place) as u64), "{place}");
        let mut reader = Decompressor::at(&point, Cursor::new(&blob[start..])).unwrap();
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).unwrap();
        assert!(rest == input[place..], "{place}");
    }
}

#[test]
fn any_codec() {
    let input = sample_of(4, 1_000_000);
    let check = |codec: Codec| {
        let (blob, points) = write(&input, codec, 3, &mut || 100_000);
        assert_eq!(Compression::detect(&blob), codec.compression());
        assert!(read(&blob) == input, "{codec:?}");
        assert_eq!(points.blob_size(), blob.len() as u64, "{codec:?}");
        assert_eq!(points.content_size(), input.len() as u64, "{codec:?}");
        // What is kept can be opened.
        let bytes = points.as_bytes().to_vec();
        assert_eq!(super::Checkpoints::open(bytes).unwrap(), points);
        assert_eq!(points.before(0).compressed, 0);
    };
    check(Codec::new(Plain));
    check(Codec::GZIP);
    check(Codec::with_level(Gzip, 1).unwrap());
    check(Codec::new(Zstd));
}
