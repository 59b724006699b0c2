use super::*;

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store")).unwrap();
    (folder, store)
}

fn blob_path(store: &Store, bytes: &[u8]) -> PathBuf {
    blob::path(store.root(), &Descriptor::of("", bytes).digest)
}

fn ingest(store: &Store, bytes: &[u8]) -> (BlobDigest, u64) {
    let mut ingest = store.ingest().unwrap();
    ingest.write_all(bytes).unwrap();
    ingest.commit(None).unwrap()
}

fn read(store: &Store, bytes: &[u8]) -> Result<Vec<u8>, BlobError> {
    store.read_blob(&Descriptor::of("", bytes), 1 << 20)
}

#[test]
fn blobs() {
    let (_folder, store) = store();
    let large = vec![3; 700_000];
    for bytes in [&b""[..], b"hello", &large] {
        let descriptor = Descriptor::of("", bytes);
        assert!(!store.contains(&descriptor.digest));
        assert!(matches!(
            read(&store, bytes),
            Err(BlobError::Missing { .. })
        ));
        assert_eq!(ingest(&store, bytes), (descriptor.digest, descriptor.size));
        assert_eq!(store.blob_size(&descriptor.digest), Some(descriptor.size));
        assert_eq!(read(&store, bytes).unwrap(), bytes);
        assert_eq!(ingest(&store, bytes), (descriptor.digest, descriptor.size));
    }
    let digest = store.put_bytes(b"document").unwrap();
    assert_eq!(digest, store.put_bytes(b"document").unwrap());
    assert_eq!(read(&store, b"document").unwrap(), b"document");
}

#[test]
fn expectations_of_an_ingest() {
    let (_folder, store) = store();
    let expected = Descriptor::of("", b"hello");
    for (size, bytes) in [(5, &b"hallo"[..]), (5, b"hell"), (4, b"hello")] {
        let mut ingest = store.ingest().unwrap();
        ingest.write_all(bytes).unwrap();
        let error = ingest.commit(Some((expected.digest, size))).unwrap_err();
        assert!(matches!(error, IngestError::Other { .. }), "{error}");
        assert!(!store.contains(&expected.digest));
    }
    let mut ingest = store.ingest().unwrap();
    ingest.write_all(b"hello").unwrap();
    assert_eq!(ingest.size(), 5);
    ingest.commit(Some((expected.digest, 5))).unwrap();
}

#[test]
fn an_abandoned_ingest_leaves_nothing() {
    let (_folder, store) = store();
    let temporary = store.inner.process_folder.path().to_owned();
    let mut ingest = store.ingest().unwrap();
    ingest.write_all(b"hello").unwrap();
    ingest.flush().unwrap();
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 3);
    // The folder stays as long as something uses it.
    drop(store);
    assert!(temporary.exists());
    drop(ingest);
    assert!(!temporary.exists());
}

/// Damages the blob `hello` on disk, reads it, and stores it again.
#[track_caller]
fn check_damage(damage: &[u8]) {
    let (_folder, store) = store();
    let hello = Descriptor::of("", b"hello");
    ingest(&store, b"hello");
    fs::write(blob_path(&store, b"hello"), damage).unwrap();
    let error = read(&store, b"hello").unwrap_err();
    assert!(matches!(error, BlobError::Damaged { .. }), "{error}");
    assert!(!store.contains(&hello.digest), "it is moved aside");
    let aside = store
        .inner
        .own("damaged")
        .join(format!("blob-{}", hello.digest.hex()));
    assert_eq!(fs::read(aside).unwrap(), damage);
    ingest(&store, b"hello");
    assert_eq!(read(&store, b"hello").unwrap(), b"hello");
}

#[test]
fn damaged_blobs_are_moved_aside() {
    check_damage(b"hallo");
    check_damage(b"hell");
    check_damage(b"");
    check_damage(b"hello, and more");
}

#[test]
fn a_wrong_descriptor_damages_nothing() {
    let (_folder, store) = store();
    let (digest, _) = ingest(&store, b"hello");
    for size in [0, 4, 6] {
        let error = store
            .open_blob(&Descriptor::new("", digest, size))
            .unwrap_err();
        assert!(matches!(error, BlobError::Damaged { .. }), "{error}");
    }
    assert_eq!(read(&store, b"hello").unwrap(), b"hello");
}

#[test]
fn damage_that_others_find_can_be_reported() {
    let (_folder, store) = store();
    let (digest, _) = ingest(&store, b"hello");
    fs::write(blob_path(&store, b"hello"), b"hallo").unwrap();
    // Same size: an ingest trusts it until somebody has noticed.
    ingest(&store, b"hello");
    store.report_damaged_blob(&digest);
    store.report_damaged_blob(&digest);
    ingest(&store, b"hello");
    assert_eq!(read(&store, b"hello").unwrap(), b"hello");
    fs::write(blob_path(&store, b"hello"), b"hallo").unwrap();
    store.put_bytes(b"hello").unwrap();
    assert_eq!(
        read(&store, b"hello").unwrap(),
        b"hello",
        "documents are compared"
    );
}

/// Puts, reads, damages and replaces a record of each kind.
#[track_caller]
fn check_record<T: Clone + PartialEq + std::fmt::Debug>(
    folder: &str,
    content: [T; 2],
    put: impl Fn(&Store, &T) -> Result<(), RecordError>,
    get: impl Fn(&Store) -> Result<Lookup<T>, RecordError>,
) {
    let (_folder, store) = store();
    assert_eq!(get(&store).unwrap(), Lookup::Missing);
    for content in &content {
        put(&store, content).unwrap();
        assert_eq!(get(&store).unwrap(), Lookup::Found(content.clone()));
    }
    let path = fs::read_dir(store.inner.own(folder))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, &bytes).unwrap();
    match get(&store).unwrap() {
        Lookup::Damaged { moved_to, .. } => assert_eq!(fs::read(moved_to).unwrap(), bytes),
        other => panic!("{other:?}"),
    }
    assert_eq!(get(&store).unwrap(), Lookup::Missing);
    put(&store, &content[0]).unwrap();
    assert_eq!(get(&store).unwrap().found(), Some(content[0].clone()));
}

#[test]
fn records() {
    let diff_id = DiffId::new(Digest::of(b"tar"));
    let digest = BlobDigest::new(Digest::of(b"tar.gz"));
    let bytes = [b"one".to_vec(), vec![9; 100_000]];
    check_record(
        "indexes",
        bytes.clone(),
        |store, index| store.put_layer_index(&diff_id, index),
        |store| store.layer_index(&diff_id),
    );
    check_record(
        "checkpoints",
        bytes.clone(),
        |store, points| store.put_checkpoints(&digest, points),
        |store| store.checkpoints(&digest),
    );
    check_record(
        "contexts",
        bytes.clone(),
        |store, memory| store.put_context_memory(&[2; 32], memory),
        |store| store.context_memory(&[2; 32]),
    );
    check_record(
        "cache",
        bytes,
        |store, record| store.cache_put(&[1; 32], record),
        |store| store.cache_get(&[1; 32]),
    );
    check_record(
        "pairs",
        [1, u64::MAX].map(|size| Uncompressed { diff_id, size }),
        |store, content| store.put_diff_id(&digest, content),
        |store| store.diff_id_of(&digest),
    );
}

#[test]
fn names() {
    let (_folder, store) = store();
    let (one, two) = (Descriptor::of("a/b", b"1"), Descriptor::of("a/b", b"2"));
    assert_eq!(store.resolve("a").unwrap(), None);
    store.tag("b", &one).unwrap();
    store.tag("a", &one).unwrap();
    store.tag("b", &two).unwrap();
    assert_eq!(store.resolve("b").unwrap().unwrap().digest, two.digest);
    let names: Vec<_> = store
        .tags()
        .unwrap()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["a", "b"]);
    store.untag("a").unwrap();
    store.untag("a").unwrap();
    assert_eq!(store.resolve("a").unwrap(), None);
    // It is a layout that every tool reads.
    let layout = crate::Layout::open(store.root()).unwrap();
    assert_eq!(layout.index().manifests().len(), 1);
}

#[test]
fn a_damaged_index_is_named_and_kept() {
    let (_folder, store) = store();
    let path = store.root().join(INDEX_FILE);
    fs::write(&path, "{").unwrap();
    let error = store.tag("a", &Descriptor::of("a/b", b"1")).unwrap_err();
    assert!(error.to_string().contains("index.json"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "{");
}

#[test]
fn opening() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    // Other folders are left alone, an OCI layout of somebody's among them.
    fs::write(root.join(INDEX_FILE), "{}").unwrap();
    let error = Store::open(root).unwrap_err();
    assert!(matches!(error, OpenStoreError::NotAStore { .. }), "{error}");
    assert_eq!(fs::read_dir(root).unwrap().count(), 1);
    fs::remove_file(root.join(INDEX_FILE)).unwrap();
    // An empty one becomes a store, and one that was begun is completed.
    fs::create_dir(root.join(OWN)).unwrap();
    let digest = Store::open(root).unwrap().put_bytes(b"x").unwrap();
    let version = root.join(OWN).join("version");
    fs::remove_file(&version).unwrap();
    assert!(Store::open(root).unwrap().contains(&digest));
    fs::write(&version, "2\n").unwrap();
    let error = Store::open(root).unwrap_err().to_string();
    assert!(error.contains("version 2"), "{error}");
    fs::write(&version, "1\n").unwrap();
    fs::create_dir_all(folder.path().join("other")).unwrap();
    let file = folder.path().join("other/file");
    fs::write(&file, "").unwrap();
    let error = Store::open(&file).unwrap_err();
    assert!(matches!(error, OpenStoreError::System { .. }), "{error}");
}

#[test]
fn leftovers_of_the_dead_are_removed() {
    let (folder, store) = store();
    let root = folder.path().join("store");
    let temporary = store.inner.own("tmp");
    let alive = store.inner.process_folder.path().to_owned();
    let dead = temporary.join("1-0");
    fs::create_dir(&dead).unwrap();
    fs::write(dead.join("alive"), "").unwrap();
    fs::write(dead.join("tmp-1-0"), "half a blob").unwrap();
    let second = Store::open(&root).unwrap();
    assert!(!dead.exists());
    assert!(alive.exists());
    drop(second);
    drop(store);
    assert_eq!(fs::read_dir(temporary).unwrap().count(), 0);
}

#[test]
fn checkpoints_and_memories_of_contexts() {
    let (folder, store) = store();
    let (blob, _) = ingest(&store, b"compressed");
    let key = *blob.digest().as_bytes();
    assert_eq!(store.checkpoints(&blob).unwrap(), Lookup::Missing);
    assert_eq!(store.context_memory(&key).unwrap(), Lookup::Missing);
    // Equal keys of different kinds do not meet.
    store.put_checkpoints(&blob, b"points").unwrap();
    store.put_context_memory(&key, b"files").unwrap();
    let found = |bytes: &[u8]| Lookup::Found(bytes.to_vec());
    assert_eq!(store.checkpoints(&blob).unwrap(), found(b"points"));
    assert_eq!(store.context_memory(&key).unwrap(), found(b"files"));
    // A store of an older program lacks their folders.
    for name in ["checkpoints", "contexts"] {
        fs::remove_dir_all(store.inner.own(name)).unwrap();
    }
    let again = Store::open(&folder.path().join("store")).unwrap();
    assert_eq!(again.checkpoints(&blob).unwrap(), Lookup::Missing);
    again.put_checkpoints(&blob, b"points").unwrap();
    again.put_context_memory(&key, b"files").unwrap();
}

#[test]
fn spools_leave_nothing() {
    let (_folder, store) = store();
    let mut spool = store.spool().unwrap();
    spool.write_all(b"abc").unwrap();
    drop(spool);
    let left = fs::read_dir(store.inner.process_folder.path())
        .unwrap()
        .count();
    assert_eq!(left, 2, "only the lock and the leases");
}
