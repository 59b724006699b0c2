//! What every source of blobs must do, run on each.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use crossdock_image::{BlobSource, Descriptor, VerifyError};
use crossdock_store::{Layout, LayoutWriter, Store};

/// A source of its own with the given blobs, and the folder that its blobs are in.
type Make = fn(&[&[u8]]) -> (tempfile::TempDir, Arc<dyn BlobSource>, PathBuf);

fn layout(blobs: &[&[u8]]) -> (tempfile::TempDir, Arc<dyn BlobSource>, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("layout");
    let writer = LayoutWriter::create(&root).unwrap();
    for blob in blobs {
        writer.add_bytes("text/plain", blob).unwrap();
    }
    writer.commit(&[]).unwrap();
    let layout = Layout::open(&root).unwrap();
    (folder, Arc::new(layout), root.join("blobs/sha256"))
}

fn store(blobs: &[&[u8]]) -> (tempfile::TempDir, Arc<dyn BlobSource>, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    for blob in blobs {
        let mut ingest = store.ingest().unwrap();
        ingest.write_all(blob).unwrap();
        ingest.commit(None).unwrap();
    }
    let path = folder.path().join("blobs/sha256");
    (folder, Arc::new(store), path)
}

fn read(source: &dyn BlobSource, descriptor: &Descriptor) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    source.open(descriptor)?.read_to_end(&mut content)?;
    Ok(content)
}

fn check(make: Make) {
    let large: Vec<u8> = (0..300_000u32).flat_map(u32::to_le_bytes).collect();
    let blobs: [&[u8]; 3] = [b"", b"hello", &large];
    let (_folder, source, path) = make(&blobs);
    for blob in blobs {
        let descriptor = Descriptor::of("text/plain", blob);
        assert!(read(&*source, &descriptor).unwrap() == blob);
    }

    let missing = Descriptor::of("text/plain", b"missing");
    assert_eq!(
        read(&*source, &missing).unwrap_err().kind(),
        ErrorKind::NotFound
    );

    // A wrong size is never passed over.
    for size in [4, 6] {
        let wrong = Descriptor::new("", Descriptor::of("", b"hello").digest, size);
        let error = read(&*source, &wrong).unwrap_err();
        assert!(VerifyError::of(&error).is_some(), "{error}");
    }

    // Several threads read at once.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let descriptor = Descriptor::of("text/plain", &large);
                assert!(read(&*source, &descriptor).unwrap() == large);
            });
        }
    });

    // Damage at any place is noticed, and the last byte is not handed out.
    for at in [0, large.len() / 2, large.len() - 1] {
        let (_folder, source, path) = make(&blobs);
        let descriptor = Descriptor::of("text/plain", &large);
        let mut damaged = large.clone();
        damaged[at] ^= 0x40;
        fs::write(path.join(descriptor.digest.hex()), damaged).unwrap();
        let mut reader = source.open(&descriptor).unwrap();
        let error = reader.read_exact(&mut vec![0; large.len()]).unwrap_err();
        assert!(VerifyError::of(&error).is_some(), "{error}");
    }
    let descriptor = Descriptor::of("text/plain", b"hello");
    fs::write(path.join(descriptor.digest.hex()), "hell").unwrap();
    let error = read(&*source, &descriptor).unwrap_err();
    assert!(VerifyError::of(&error).is_some(), "{error}");
}

#[test]
fn layouts_conform() {
    check(layout);
}

#[test]
fn stores_conform() {
    check(store);
}
