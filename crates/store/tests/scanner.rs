//! A store beside programs that have its files open. On Windows these keep everybody else out, and
//! what is done waits for them; elsewhere they are in nobody's way, and nothing differs.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crossdock_host::{Scanner, open_alone};
use crossdock_image::{BlobDigest, Descriptor, DiffId, Digest};
use crossdock_store::{Layout, LayoutWriter, PruneRequest, ResultNeeds, Store};

fn content(number: u32) -> Vec<u8> {
    format!("blob {number}").repeat(1000).into_bytes()
}

fn put(store: &Store, content: &[u8]) -> Descriptor {
    let mut ingest = store.ingest().unwrap();
    ingest.write_all(content).unwrap();
    let (digest, size) = ingest.commit(None).unwrap();
    Descriptor::new("text/plain", digest, size)
}

fn prune(store: &Store, all: bool) -> crossdock_store::Pruned {
    let request = PruneRequest {
        all,
        ..PruneRequest::default()
    };
    let mut needs = |_: &[u8]| -> Vec<ResultNeeds> { Vec::new() };
    store.prune(&request, &mut needs).unwrap()
}

/// The path of a blob in a store or layout.
fn blob(root: &Path, digest: &BlobDigest) -> PathBuf {
    root.join("blobs/sha256").join(digest.hex())
}

/// What a build does with a store, again and again, with a new opening each time.
#[test]
fn everything_beside_a_scanner() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("store");
    let scanner = Scanner::start(folder.path());
    for round in 0..6 {
        let store = Store::open(&root).unwrap();
        for number in [0, round + 1] {
            let entry = put(&store, &content(number));
            store.sync_blobs([entry.digest].iter()).unwrap();
            store.tag("name", &entry).unwrap();
            assert_eq!(store.resolve("name").unwrap().unwrap().digest, entry.digest);
            let found = store.read_blob(&entry, 1 << 20).unwrap();
            assert!(found == content(number));
            let diff_id = DiffId::new(*entry.digest.digest());
            // What is there is replaced.
            for index in [&b"first"[..], b"second"] {
                store.put_layer_index(&diff_id, index).unwrap();
                let found = store.layer_index(&diff_id).unwrap().found().unwrap();
                assert_eq!(found, index);
            }
            store
                .cache_put(entry.digest.digest().as_bytes(), b"")
                .unwrap();
        }
        // Time for the scanner to find what was written.
        std::thread::sleep(Duration::from_millis(20));
        drop(store);
        let store = Store::open(&root).unwrap();
        let pruned = prune(&store, true);
        assert!(pruned.skipped.is_empty(), "{:?}", pruned.skipped);
        assert!(pruned.unread.is_empty(), "{:?}", pruned.unread);
    }
    let store = Store::open(&root).unwrap();
    let (name, entry) = store.tags().unwrap().pop().unwrap();
    assert_eq!(name, "name");
    assert!(store.read_blob(&entry, 1 << 20).unwrap() == content(6));
    assert!(scanner.opened() > 3, "{}", scanner.opened());
    drop(store);
    drop(scanner);
    let damaged = fs::read_dir(root.join("crossdock/damaged")).unwrap();
    assert_eq!(damaged.count(), 0);
    // What another program had open when its owner went is removed by the next.
    drop(Store::open(&root).unwrap());
    assert_eq!(fs::read_dir(root.join("crossdock/tmp")).unwrap().count(), 0);
}

/// New layouts, which are renamed as a whole, and layouts that are added to.
#[test]
fn layouts_beside_a_scanner() {
    let folder = tempfile::tempdir().unwrap();
    let scanner = Scanner::start(folder.path());
    for round in 0..4 {
        let root = folder.path().join(format!("layout-{round}"));
        for number in 0..3 {
            let writer = LayoutWriter::create(&root).unwrap();
            let first = writer.add_bytes("text/plain", &content(number)).unwrap();
            writer
                .add_bytes("text/plain", &content(number + 1))
                .unwrap();
            std::thread::sleep(Duration::from_millis(20));
            writer.commit(&[first]).unwrap();
        }
        let layout = Layout::open(&root).unwrap();
        assert_eq!(layout.index().manifests().len(), 3);
        for entry in layout.index().manifests() {
            layout.read_blob(entry, 1 << 20).unwrap();
        }
    }
    assert!(scanner.opened() > 3, "{}", scanner.opened());
}

/// What goes on being open is told with its name, and does not stop what can do without it.
#[test]
fn files_that_stay_open() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let entries: Vec<_> = (0..12).map(|n| put(&store, &content(n))).collect();
    let path = |entry: &Descriptor| blob(folder.path(), &entry.digest);
    let held = open_alone(&path(&entries[0])).unwrap();
    let kept_out = File::open(path(&entries[0])).is_err();
    match store.open_blob(&entries[0]) {
        Ok(_) => assert!(!kept_out),
        Err(error) => {
            let text = error.to_string();
            assert!(kept_out, "{text}");
            assert!(text.contains(&entries[0].digest.hex()), "{text}");
            assert!(text.contains("another program has it open"), "{text}");
        }
    }
    drop(held);
    drop(store);

    let store = Store::open(folder.path()).unwrap();
    let held: Vec<_> = entries
        .iter()
        .skip(1)
        .map(|entry| open_alone(&path(entry)).unwrap())
        .collect();
    let started = Instant::now();
    let pruned = prune(&store, true);
    // Not a second for each of them.
    assert!(started.elapsed() < Duration::from_secs(9));
    let skipped = if kept_out { held.len() } else { 0 };
    assert_eq!(pruned.skipped.len(), skipped);
    assert_eq!(pruned.total().count, 12 - skipped as u64);
    for skipped in &pruned.skipped {
        assert!(skipped.path.exists(), "{skipped:?}");
        let text = skipped.source.to_string();
        assert!(!text.is_empty(), "{skipped:?}");
    }
    drop(held);
    let pruned = prune(&store, true);
    assert!(pruned.skipped.is_empty());
    assert_eq!(pruned.total().count, skipped as u64);
    assert!(entries.iter().all(|entry| !path(entry).exists()));
}

/// A descriptor's digest is the file's name: no letter case, and nothing that Windows refuses.
#[test]
fn names_of_files() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let entry = put(&store, b"content");
    for name in [
        "con",
        "aux:1",
        "nul.",
        "a ",
        "A",
        "a",
        "com1.txt:lpt9",
        "a:b",
    ] {
        store.tag(name, &entry).unwrap();
    }
    assert_eq!(store.tags().unwrap().len(), 8);
    let names = fs::read_dir(folder.path().join("blobs/sha256")).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, [Digest::of(b"content").hex().as_str()]);
}
