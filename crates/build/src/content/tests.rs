//! What is brought out is what lies there, by points or without, whole or damaged.

use std::io::{self, Read, Write, repeat};
use std::sync::Arc;

use crossdock_image::{BlobDigest, Descriptor, DiffId, Digest};
use crossdock_layer::{Checkpoints, Content, Decompressor, Extent, GzipWriter, LayerContent};
use crossdock_store::Store;

use super::{Found, MEMORY, Spool};
use crate::layers::Layer;
use crate::place::BlobPlace;

/// A store with one layer in it; its content is no tar, which does not matter here.
struct Bench {
    _folder: tempfile::TempDir,
    store: Store,
    layer: Arc<Layer>,
    content: Vec<u8>,
}

impl Bench {
    /// About 18 MB, in parts hard to compress, with points.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut state = 1u32;
        let content: Vec<u8> = (0..18_000_000u32)
            .map(|place| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                match place >> 16 & 3 {
                    0 => (state >> 24) as u8,
                    _ => b"a few letters"[(state >> 30) as usize],
                }
            })
            .collect();
        let mut writer = GzipWriter::new(store.ingest().unwrap(), 1, 2).unwrap();
        writer.write_all(&content).unwrap();
        let (ingest, points) = writer.finish().unwrap();
        let (digest, size) = ingest.commit(None).unwrap();
        store.put_checkpoints(&digest, points.as_bytes()).unwrap();
        assert!(points.points().count() > 3);
        let descriptor = Descriptor::new("layer", digest, size);
        let diff_id = DiffId::new(Digest::of(&content));
        let place = BlobPlace::Store(store.clone());
        let layer = Arc::new(Layer::new(descriptor, diff_id, place, "image".to_owned()));
        Self {
            _folder: folder,
            store,
            layer,
            content,
        }
    }

    fn digest(&self) -> BlobDigest {
        self.layer.descriptor.digest
    }

    fn wanted(&self, extents: &[(u64, u64)]) -> Vec<Content> {
        let content = |&(offset, length): &(u64, u64)| {
            let bytes = &self.content[offset as usize..(offset + length) as usize];
            Content::Layer(LayerContent {
                layer: self.layer.diff_id,
                extent: Extent { offset, length },
                sparse: None,
                size: length,
                hash: *blake3::hash(bytes).as_bytes(),
            })
        };
        extents.iter().map(content).collect()
    }

    /// Brings out what is wanted and compares it.
    fn read(&self, wanted: &[Content], memory: u64, threads: usize) -> io::Result<()> {
        let find = |_: &DiffId| Ok(Found::Layer(Arc::clone(&self.layer)));
        let spool = Spool::fill_beyond(memory, wanted.iter(), &find, &self.store, threads)?;
        for content in wanted {
            let Content::Layer(content) = content else {
                continue;
            };
            let mut found = Vec::new();
            spool.open(content)?.read_to_end(&mut found)?;
            let start = content.extent.offset as usize;
            assert!(found == self.content[start..start + content.extent.length as usize]);
        }
        Ok(())
    }

    fn points(&self) -> Option<Checkpoints> {
        let found = self.store.checkpoints(&self.digest()).unwrap().found()?;
        Checkpoints::open(found).ok()
    }
}

const SOME: &[(u64, u64)] = &[
    (5, 100),
    (4_000_000, 9_000_000),
    (13_000_000, 0),
    (13_000_000, 7),
    (17_999_000, 1_000),
];

#[test]
fn everywhere() {
    let bench = Bench::new();
    for with_points in [true, false] {
        if !with_points {
            bench
                .store
                .put_checkpoints(&bench.digest(), b"none")
                .unwrap();
        }
        for extents in [SOME, &[], &[(0, 18_000_000)], &[(9_000_000, 30_000)]] {
            for (memory, threads) in [(MEMORY, 1), (MEMORY, 3), (0, 1), (0, 3)] {
                bench.read(&bench.wanted(extents), memory, threads).unwrap();
            }
        }
        assert_eq!(bench.points().is_some(), with_points);
    }
}

/// Points of something else: the layer is read from its start, and they are forgotten.
#[test]
fn wrong_points() {
    for (memory, threads) in [(MEMORY, 1), (0, 2)] {
        let bench = Bench::new();
        let size = bench.layer.descriptor.size;
        let mut reader = Decompressor::recording(repeat(1).take(size)).unwrap();
        io::copy(&mut reader, &mut io::sink()).unwrap();
        let points = reader.into_checkpoints(size);
        bench
            .store
            .put_checkpoints(&bench.digest(), points.as_bytes())
            .unwrap();
        bench.read(&bench.wanted(SOME), memory, threads).unwrap();
        assert!(bench.points().is_none());
        assert!(bench.store.contains(&bench.digest()));
        bench.read(&bench.wanted(SOME), memory, threads).unwrap();
    }
}

/// A damaged blob is found by what is read of it, set aside and told.
#[test]
fn damage() {
    for cut in [false, true] {
        let bench = Bench::new();
        let path = bench
            .store
            .root()
            .join("blobs/sha256")
            .join(bench.digest().hex());
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        match cut {
            true => bytes.truncate(middle),
            false => bytes[middle..middle + 200_000].fill(0x55),
        }
        std::fs::write(&path, bytes).unwrap();
        let wanted = bench.wanted(&[(4_000_000, 9_000_000)]);
        assert!(bench.read(&wanted, MEMORY, 2).is_err());
        assert!(!bench.store.contains(&bench.digest()), "{cut}");
    }
}
