//! One pass over blobs: digests, hashes, limits, names.

use std::io::Write;

use crossdock_image::Digest;

use super::{Indexer, Limits, Scan, ScanError, scan_layer};
use crate::compression::{Compression, GzipWriter};
use crate::tar::{Header, TarKind, TarWriter};
use crate::testing::tar;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = GzipWriter::new(Vec::new(), 6, 1).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap().0
}

fn scan(blob: &[u8]) -> Result<Scan, ScanError> {
    scan_layer(blob, &Limits::default())
}

fn limits(uncompressed: u64, entries: u64) -> Limits {
    Limits {
        uncompressed,
        ratio: None,
        entries,
    }
}

const LINES: &[&str] = &[
    "d etc",
    "f etc/a some content",
    "f etc/empty",
    "l s -> etc",
    "h h -> etc/a",
];

#[test]
fn digests() {
    let plain = tar(LINES);
    let zstd = zstd::encode_all(&plain[..], 3).unwrap();
    let members = [gzip(&plain[..700]), gzip(&plain[700..])].concat();
    for (blob, compression) in [
        (plain.clone(), Compression::None),
        (gzip(&plain), Compression::Gzip),
        (members, Compression::Gzip),
        (zstd, Compression::Zstd),
    ] {
        let scan = scan(&blob).unwrap();
        assert_eq!(scan.compression, compression);
        assert_eq!(scan.blob_size, blob.len() as u64);
        assert_eq!(scan.index.diff_id().digest(), &Digest::of(&plain));
        assert_eq!(scan.index.tar_size(), plain.len() as u64);
        assert_eq!(scan.index.len(), LINES.len());
    }
    // A known digest, of sha256sum: 1,024 zeroes.
    let zeroes = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";
    let scan = scan(&[0; 1024]).unwrap();
    assert_eq!(scan.index.diff_id().digest().hex(), zeroes);
    assert!(scan.index.is_empty());
}

/// Bytes after the archive count for both digests. After a gzip stream there must be another.
#[test]
fn bytes_after_the_end() {
    let plain = [tar(LINES), b"after".to_vec()].concat();
    let found = scan(&plain).unwrap();
    assert_eq!(found.index.diff_id().digest(), &Digest::of(&plain));
    let blob = [gzip(&tar(LINES)), b"after".to_vec()].concat();
    let error = scan(&blob).unwrap_err();
    assert!(matches!(error, ScanError::Read(_)), "{error}");
}

#[test]
fn hashes_of_contents() {
    let index = scan(&tar(LINES)).unwrap().index;
    let of = |bytes: &[u8]| *blake3::hash(bytes).as_bytes();
    assert_eq!(index.entry(1).hash(), of(b"some content"));
    for place in [0, 2, 3, 4] {
        assert_eq!(index.entry(place).hash(), of(b""), "{place}");
    }
    let tar = tar(LINES);
    let extent = index.entry(1).extent();
    let content = &tar[extent.offset as usize..(extent.offset + extent.length) as usize];
    assert_eq!(content, b"some content");
}

/// A sparse file, by the map of GNU's format 0.1 in records.
fn sparse(map: &str, size: u64, data: &[u8]) -> Vec<u8> {
    let mut header = Header::new(TarKind::File, "f");
    header.records.set("GNU.sparse.map", map);
    header.records.set("GNU.sparse.size", size.to_string());
    header.size = data.len() as u64;
    let mut writer = TarWriter::new(Vec::new());
    writer.header(&header).unwrap();
    writer.content(&mut &data[..], header.size).unwrap();
    writer.finish().unwrap()
}

#[test]
fn hashes_of_sparse_files() {
    let check = |map: &str, size: usize, data: &[u8], segments: &[(usize, usize)]| {
        let mut whole = vec![0; size];
        let mut rest = data;
        for &(offset, length) in segments {
            whole[offset..offset + length].copy_from_slice(&rest[..length]);
            rest = &rest[length..];
        }
        let tar = sparse(map, size as u64, data);
        for pieces in [1, 7, 512, tar.len()] {
            let mut indexer = Indexer::new(Limits::default());
            for piece in tar.chunks(pieces) {
                indexer.push(piece).unwrap();
            }
            let index = indexer.finish().unwrap();
            let entry = index.entry(0);
            assert_eq!(entry.hash(), *blake3::hash(&whole).as_bytes(), "{map}");
            assert_eq!(entry.size(), size as u64);
            assert_eq!(entry.extent().length, data.len() as u64);
            let opened = crate::LayerIndex::open(index.as_bytes().to_vec()).unwrap();
            assert_eq!(opened.entry(0).header(), entry.header());
        }
    };
    check("10,3,600,2", 700, b"abcde", &[(10, 3), (600, 2)]);
    check("0,3,3,2", 5, b"abcde", &[(0, 3), (3, 2)]);
    check("9000,5", 20_000, b"abcde", &[(9000, 5)]);
    check("5,0", 5, b"", &[]);
    check("0,0", 0, b"", &[]);
}

/// An entry that states a sparse file of `size` bytes and holds none of them.
#[test]
fn bombs() {
    let refused = |blob: &[u8], limits: Limits, expected: &str| {
        let error = scan_layer(blob, &limits).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let layer = tar(LINES);
    let size = layer.len() as u64;
    assert!(scan_layer(&layer[..], &limits(size, 5)).is_ok());
    refused(&layer, limits(size - 1, 5), "larger than the limit of");
    refused(
        &gzip(&layer),
        limits(size - 1, 5),
        "raise the limit with --max-layer-size",
    );
    refused(&layer, limits(size, 4), "more than 4 entries");
    refused(&layer, limits(size, 0), "more than 0 entries");
    // Holes count although they take no bytes, all together.
    let hole = |size| sparse(&format!("{size},0"), size, b"");
    let two = [&hole(6000)[..2048 - 512], &hole(6000)].concat();
    assert!(scan_layer(&two[..], &limits(12_000, 9)).is_ok());
    refused(
        &two,
        limits(11_999, 9),
        "larger than the limit of 11999 bytes",
    );
    refused(
        &hole(u64::MAX),
        Limits::default(),
        "larger than the limit of",
    );
    refused(
        &hole(u64::MAX / 2),
        Limits::default(),
        "larger than the limit of",
    );
}

/// The ratio counts beyond the first GiB, so this takes a moment: 1.1 GiB of zeroes.
#[test]
fn ratio() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    let zeroes = vec![0; 1 << 20];
    for _ in 0..1100 {
        encoder.write_all(&zeroes).unwrap();
    }
    let blob = encoder.finish().unwrap();
    let error = scan(&blob).unwrap_err();
    assert!(matches!(error, ScanError::Ratio { ratio: 250 }), "{error}");
}

#[test]
fn what_is_no_layer() {
    let refused = |blob: &[u8], expected: &str| {
        let error = scan(blob).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    refused(&b"{\"layers\":[]}".repeat(100), "not a tar");
    refused(b"{}", "in the middle of a header");
    let layer = tar(LINES);
    let zipped = gzip(&layer);
    refused(&zipped[..zipped.len() - 1], "cannot read the layer");
    let mut spoilt = zipped.clone();
    let place = spoilt.len() - 6;
    spoilt[place] ^= 1;
    refused(&spoilt, "cannot read the layer");
    refused(&gzip(&zipped), "in the middle of a header");
    refused(&layer[..600], "in the middle of a header");
}

#[test]
fn paths() {
    let check = |path: &str, expected: Option<&str>| {
        let mut header = Header::new(TarKind::Directory, path);
        header.mode = 0o755;
        let mut writer = TarWriter::new(Vec::new());
        writer.header(&header).unwrap();
        let scanned = scan(&writer.finish().unwrap());
        match (scanned, expected) {
            (Ok(scan), None) => assert_eq!(scan.index.entry(0).path(), path.as_bytes()),
            (Err(error), Some(expected)) => {
                let error = error.to_string();
                assert!(error.contains(expected) && error.contains(path), "{error}");
            }
            (other, _) => panic!("{path}: {other:?}"),
        }
    };
    for path in [
        "a", "./a", "a/./b", "a//b/", ".", "./", "/", "//", "...", "..a", "a..", "a/..b",
    ] {
        check(path, None);
    }
    // What is special on Windows only is refused where a Windows tree is made.
    for path in ["C:/x", r"a\b", r"..\x", r"\x", "a:b"] {
        check(path, None);
    }
    // What is absolute is refused where it is taken for a layer.
    for path in ["/a", "//a", "/.", "/etc/"] {
        check(path, None);
    }
    for path in [
        "..",
        "../a",
        "a/..",
        "a/../b",
        "./../x",
        "../Hives/x",
        "a/b/../",
    ] {
        check(path, Some(".."));
    }
}
