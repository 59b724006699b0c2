use crossdock_image::{BlobDigest, DiffId, Digest};

use super::*;
use crate::cache::{CacheRecord, CachedLayer};

fn diff_id(byte: u8) -> DiffId {
    DiffId::new(Digest::from_bytes([byte; 32]))
}

/// A result upon a base of its own, with the layers that lead to it.
fn result(base: u8, layer: Option<u8>, layers: &[u8]) -> CachedResult {
    let layer = layer.map(|byte| CachedLayer {
        diff_id: diff_id(byte),
        blob: BlobDigest::new(Digest::from_bytes([byte; 32])),
        size: 1,
    });
    CachedResult {
        record: CacheRecord {
            layer,
            losses: Vec::new(),
            hidden: 0,
            warnings: Vec::new(),
            newest: None,
            origin: None,
        },
        beneath: [base; 32],
        questions: vec![b"a".to_vec()],
        answers: [0; 32],
        layers: layers.iter().copied().map(diff_id).collect(),
    }
}

/// The entry's results: blob, and diff ids.
#[track_caller]
fn check(entry: &[u8], expected: &[(Option<u8>, &[u8])]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(blob, diff_ids)| ResultNeeds {
            blob: blob.map(|byte| BlobDigest::new(Digest::from_bytes([byte; 32]))),
            diff_ids: diff_ids.iter().copied().map(diff_id).collect(),
        })
        .collect();
    assert_eq!(needs_of(entry), expected);
}

#[test]
fn entries() {
    let entry = CacheEntry::default()
        .with(result(1, None, &[]))
        .with(result(2, Some(7), &[3, 4]));
    let bytes = entry.to_bytes();
    check(&bytes, &[(Some(7), &[3, 4, 7]), (None, &[])]);
    check(&bytes[..bytes.len() - 1], &[]);
    check(&[], &[]);
    check(b"an entry of another version", &[]);
}
