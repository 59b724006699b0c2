//! Reading from points: equal to reading from the start, for blobs of every kind.

use std::io::{Cursor, Read, Write};

use proptest::prelude::*;

use super::{Checkpoints, Collector, HEADER, RECORD};
use crate::compression::{Compression, Decompressor, GzipWriter};

/// Words, runs, noise and repetitions: about a megabyte.
fn sample(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005);
        state = state.wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    let words: Vec<Vec<u8>> = (0..3000)
        .map(|_| {
            (0..2 + next() % 9)
                .map(|_| b'a' + (next() % 26) as u8)
                .collect()
        })
        .collect();
    let mut bytes: Vec<u8> = Vec::new();
    while bytes.len() < 1_000_000 {
        match next() % 8 {
            0 => (0..next() % 10_000).for_each(|_| bytes.push(next() as u8)),
            1 => bytes.resize(bytes.len() + next() % 20_000, 0),
            2 => {
                let start = next() % bytes.len().max(1);
                let end = bytes.len().min(start + next() % 20_000);
                bytes.extend_from_within(start..end);
            }
            _ => (0..next() % 9_000).for_each(|_| {
                bytes.extend(&words[next() % words.len()]);
                bytes.push(b' ');
            }),
        }
    }
    bytes
}

fn gzip(content: &[u8], level: u32) -> Vec<u8> {
    let level = flate2::Compression::new(level);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// Hands out few bytes at a time, of changing number.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.1 = (self.1 * 31 + 7) % 70_001;
        let length = buffer.len().min(self.0.len()).min(self.1 + 1);
        buffer[..length].copy_from_slice(&self.0[..length]);
        self.0 = &self.0[length..];
        Ok(length)
    }
}

/// The points of a blob that holds `content`, found in one pass, as often as every `span` bytes.
fn points(blob: &[u8], content: &[u8], span: u64) -> Checkpoints {
    let mut reader = Decompressor::recording_every(Trickle(blob, span as usize), span).unwrap();
    let mut found = Vec::new();
    reader.read_to_end(&mut found).unwrap();
    assert!(found == content);
    let points = reader.into_checkpoints(blob.len() as u64);
    let again = Checkpoints::open(points.as_bytes().to_vec()).unwrap();
    assert_eq!(again, points);
    assert_eq!(points.blob_size(), blob.len() as u64);
    assert_eq!(points.content_size(), content.len() as u64);
    points
}

/// Everything from each point on is what it is from the start.
fn check(blob: &[u8], content: &[u8], points: &Checkpoints, least: usize) {
    let mut count = 0;
    for point in points.points() {
        count += 1;
        let from_here = &blob[point.compressed as usize..];
        let mut reader = Decompressor::at(&point, from_here).unwrap();
        let mut found = Vec::new();
        reader.read_to_end(&mut found).unwrap();
        assert!(found == content[point.uncompressed as usize..], "{point:?}");
    }
    assert!(count >= least, "{count} points of {least}");
}

#[test]
fn gzip_levels() {
    // Level 1 makes one block of everything.
    for (level, least) in [(0, 10), (1, 1), (4, 10), (6, 10), (9, 10)] {
        let content = sample(u64::from(level) + 1);
        let blob = gzip(&content, level);
        check(&blob, &content, &points(&blob, &content, 30_000), least);
        // Points this close are not to be had everywhere.
        check(&blob, &content, &points(&blob, &content, 1), least);
    }
}

#[test]
fn noise_is_stored() {
    let mut state = 1u32;
    let content: Vec<u8> = (0..2_000_000)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect();
    let blob = gzip(&content, 6);
    check(&blob, &content, &points(&blob, &content, 100_000), 10);
}

#[test]
fn runs_hardly_have_blocks() {
    let content = vec![b'x'; 3_000_000];
    for level in [1, 9] {
        let blob = gzip(&content, level);
        check(&blob, &content, &points(&blob, &content, 50_000), 1);
    }
}

#[test]
fn members_and_frames() {
    let content = sample(9);
    for size in [5_000, 40_000, 333_333] {
        let pieces = || content.chunks(size);
        let members: Vec<u8> = pieces().flat_map(|piece| gzip(piece, 6)).collect();
        check(&members, &content, &points(&members, &content, 50_000), 4);
        let frame = |piece| zstd::encode_all(piece, 3).unwrap();
        let frames: Vec<u8> = pieces().flat_map(frame).collect();
        check(&frames, &content, &points(&frames, &content, 50_000), 3);
    }
    // Frames that are read over.
    let skipped = b"\x53\x2a\x4d\x18\x03\0\0\0xyz";
    let half = content.len() / 2;
    let frame = |piece| zstd::encode_all(piece, 3).unwrap();
    let frames = [
        &frame(&content[..half])[..],
        skipped,
        &frame(&content[half..]),
        skipped,
    ];
    let frames = frames.concat();
    check(&frames, &content, &points(&frames, &content, 50_000), 2);
    let one = zstd::encode_all(&content[..], 3).unwrap();
    let found = points(&one, &content, 50_000);
    check(&one, &content, &found, 1);
    assert_eq!(found.points().count(), 1);
}

#[test]
fn our_own_streams() {
    let content = sample(10);
    for (level, threads) in [(0, 1), (1, 3), (6, 2), (9, 1)] {
        let collector = Collector::with_span(Compression::Gzip, 300_000);
        let writer = GzipWriter::with_collector(Vec::new(), level, threads, collector);
        let mut writer = writer.unwrap();
        writer.write_all(&content).unwrap();
        let (blob, written) = writer.finish().unwrap();
        assert_eq!(written.blob_size(), blob.len() as u64);
        assert_eq!(written.content_size(), content.len() as u64);
        Checkpoints::open(written.as_bytes().to_vec()).unwrap();
        check(&blob, &content, &written, 2);
        check(&blob, &content, &points(&blob, &content, 300_000), 2);
    }
    let (blob, written) = GzipWriter::new(Vec::new(), 6, 1).unwrap().finish().unwrap();
    check(&blob, b"", &written, 1);
}

#[test]
fn plain() {
    let content = [sample(11), sample(12), sample(13), sample(14), sample(15)].concat();
    let found = points(&content, &content, 1);
    assert_eq!(found.as_bytes().len(), HEADER);
    check(&content, &content, &found, 2);
    check(b"", b"", &points(b"", b"", 1), 1);
}

#[test]
fn before() {
    let content = sample(16);
    let blob = gzip(&content, 6);
    let found = points(&blob, &content, 50_000);
    let starts: Vec<u64> = found.points().map(|point| point.uncompressed).collect();
    for (place, &start) in starts.iter().enumerate() {
        assert_eq!(found.before(start).uncompressed, start);
        assert_eq!(found.before(start + 1).uncompressed, start);
        let next = starts.get(place + 1).copied();
        assert_eq!(found.after(start).map(|point| point.uncompressed), next);
        if place > 0 {
            assert_eq!(found.before(start - 1).uncompressed, starts[place - 1]);
        }
    }
    let last = *starts.last().unwrap();
    assert_eq!(found.before(u64::MAX).uncompressed, last);
}

/// Blocks without content, which a decoder could be kept busy with.
#[test]
fn endless_empty_blocks() {
    let content = sample(17);
    let mut blob = b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec();
    let mut deflate = flate2::Compress::new(flate2::Compression::new(6), false);
    let mut body = Vec::with_capacity(2 * content.len());
    let sync = flate2::FlushCompress::Sync;
    deflate.compress_vec(&content, &mut body, sync).unwrap();
    blob.extend(body);
    (0..200_000).for_each(|_| blob.extend(b"\0\0\0\xff\xff"));
    blob.extend([0x03, 0x00]);
    let mut checksum = flate2::Crc::new();
    checksum.update(&content);
    blob.extend(checksum.sum().to_le_bytes());
    blob.extend(checksum.amount().to_le_bytes());
    check(&blob, &content, &points(&blob, &content, 10_000), 5);
}

/// A file with a start and two points in the middle, one of which needs a window.
fn small() -> Checkpoints {
    let mut collector = Collector::with_span(Compression::Gzip, 100);
    collector.add(256, 300, [1, 3], (0, 0));
    collector.heap.extend_from_slice(b"window");
    collector.add(512, 400, [1, 0], (1, 5));
    collector.finish(1000, 525)
}

/// Bytes as `docs/format/checkpoints.md` has them.
#[test]
fn golden_file() {
    let points = small();
    let bytes = points.as_bytes();
    let mut expected = b"XDOCKPTS".to_vec();
    expected.extend([1, 0, 0, 0, 1, 0, 0, 0]);
    for value in [3u64, 6, 1000, 525] {
        expected.extend(value.to_le_bytes());
    }
    let mut body = Vec::new();
    body.extend([0; 32]);
    body.extend(256u64.to_le_bytes());
    body.extend(300u64.to_le_bytes());
    body.extend([0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 0, 0, 0, 0, 0, 0]);
    body.extend(512u64.to_le_bytes());
    body.extend(400u64.to_le_bytes());
    body.extend([1, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    body.extend(b"window");
    expected.extend(blake3::hash(&body).as_bytes());
    expected.extend([0; 8]);
    let checksum = blake3::hash(&expected);
    expected.extend(&checksum.as_bytes()[..8]);
    expected.extend(body);
    assert_eq!(bytes, expected);
    assert!(Checkpoints::open(expected).is_ok());
}

/// Writes the checksums anew.
fn seal(bytes: &mut [u8]) {
    let body = blake3::hash(&bytes[HEADER..]);
    bytes[48..80].copy_from_slice(body.as_bytes());
    let header = blake3::hash(&bytes[..HEADER - 8]);
    bytes[HEADER - 8..HEADER].copy_from_slice(&header.as_bytes()[..8]);
}

#[test]
fn damage() {
    let whole = small().as_bytes().to_vec();
    for place in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x10;
        assert!(Checkpoints::open(bytes).is_err(), "{place}");
        assert!(Checkpoints::open(whole[..place].to_vec()).is_err());
    }
    assert!(Checkpoints::open([&whole[..], b"x"].concat()).is_err());
    // Written by somebody who knows the checksums.
    let record = |place: usize, at: usize| HEADER + place * RECORD + at;
    let cases: [(&str, usize, &[u8]); 16] = [
        ("version", 8, &[2]),
        ("compression", 12, &[3]),
        ("zstd has no middle", 12, &[2]),
        ("none has no records", 12, &[0]),
        ("no records", 16, &[0]),
        ("many records", 16, &[0xff; 8]),
        ("a large heap", 24, &[0xff; 8]),
        ("behind the blob", 32, &[0, 0]),
        ("behind the content", 40, &[0, 0]),
        ("does not begin at the start", record(0, 0), &[1]),
        ("does not begin with the blob", record(0, 8), &[1]),
        ("out of order", record(2, 0), &[0, 1]),
        ("out of order in the blob", record(2, 8), &[0, 0]),
        ("window outside", record(2, 16), &[2]),
        ("kind", record(1, 24), &[2]),
        ("bits", record(1, 25), &[8]),
    ];
    for (what, place, with) in cases {
        let mut bytes = whole.clone();
        bytes[place..place + with.len()].copy_from_slice(with);
        seal(&mut bytes);
        assert!(Checkpoints::open(bytes).is_err(), "{what}");
    }
    // A window that is none is found when it is used.
    let points = small();
    let point = points.points().last().unwrap();
    assert!(Decompressor::at(&point, Cursor::new(b"")).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// A few bytes from anywhere, by the point before them.
    #[test]
    fn random_reads(
        seed in 20..40u64,
        level in 0..=9u32,
        span in 1..400_000u64,
        reads in prop::collection::vec((any::<prop::sample::Index>(), 0..5_000usize), 1..20),
        kind in 0..4usize,
    ) {
        let content = sample(seed);
        let blob = match kind {
            0 => gzip(&content, level),
            1 => content.chunks(77_777).flat_map(|piece| gzip(piece, level)).collect(),
            2 => {
                let mut writer = GzipWriter::new(Vec::new(), level, 2).unwrap();
                writer.write_all(&content).unwrap();
                writer.finish().unwrap().0
            }
            _ => {
                let frame = |piece| zstd::encode_all(piece, 1).unwrap();
                content.chunks(77_777).flat_map(frame).collect()
            }
        };
        let points = points(&blob, &content, span);
        for (place, length) in reads {
            let place = place.index(content.len());
            let length = length.min(content.len() - place);
            let point = points.before(place as u64);
            let from = Cursor::new(&blob[point.compressed as usize..]);
            let mut reader = Decompressor::at(&point, from).unwrap();
            let skipped = place - point.uncompressed as usize;
            let mut found = vec![0; skipped + length];
            reader.read_exact(&mut found).unwrap();
            prop_assert!(found[skipped..] == content[place..place + length]);
        }
    }

    /// Whatever a file says, reading ends.
    #[test]
    fn hostile(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        blob in prop::collection::vec(any::<u8>(), 0..2_000),
    ) {
        let mut bytes = small().as_bytes().to_vec();
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        seal(&mut bytes);
        if let Ok(points) = Checkpoints::open(bytes) {
            for point in points.points().take(10) {
                let start = blob.len().min(point.compressed as usize);
                if let Ok(mut reader) = Decompressor::at(&point, &blob[start..]) {
                    let _ = reader.read(&mut [0; 4096]);
                }
            }
        }
    }
}
