//! Several processes at one store, and processes that are killed.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crossdock_image::{BlobDigest, Descriptor, DiffId, Digest, Document, Manifest};
use crossdock_store::{Layout, LayoutWriter, PruneRequest, ResultNeeds, Store, Uncompressed};

const JOB: &str = "CROSSDOCK_TEST_JOB";
const ROOT: &str = "CROSSDOCK_TEST_ROOT";
const NUMBER: &str = "CROSSDOCK_TEST_NUMBER";

/// Not a test of its own: what the processes that the tests start do.
#[test]
fn child() {
    let Ok(job) = std::env::var(JOB) else {
        return;
    };
    let root = std::env::var(ROOT).unwrap();
    let number: u64 = std::env::var(NUMBER).unwrap().parse().unwrap();
    match job.as_str() {
        "fill" => (0..10).for_each(|round| fill(Path::new(&root), number, round)),
        "fill-until-killed" => (0..5000).for_each(|round| fill(Path::new(&root), number, round)),
        "layout" => add_to_layout(Path::new(&root), number),
        "use" => (0..USES).for_each(|round| use_beside_prune(Path::new(&root), number, round)),
        "prune" => (0..5000).for_each(|_| prune(Path::new(&root), true)),
        "prune-some" => (0..5000).for_each(|_| prune(Path::new(&root), false)),
        _ => panic!("{job}"),
    }
}

fn start(job: &str, root: &Path, number: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture"])
        .env(JOB, job)
        .env(ROOT, root)
        .env(NUMBER, number.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// The content of the blob of one round: the same for all processes, so that they meet.
fn content(round: u64) -> Vec<u8> {
    let length = usize::try_from(1000 + round % 7 * 40_000).unwrap();
    round
        .to_le_bytes()
        .into_iter()
        .cycle()
        .take(length)
        .collect()
}

/// One round of everything that writes to a store.
fn fill(root: &Path, number: u64, round: u64) {
    let store = Store::open(root).unwrap();
    let bytes = content(round);
    let mut ingest = store.ingest().unwrap();
    for part in bytes.chunks(10_000) {
        ingest.write_all(part).unwrap();
    }
    let (digest, size) = ingest.commit(None).unwrap();
    let own = store
        .put_bytes(format!("{number} {round}").as_bytes())
        .unwrap();
    let diff_id = DiffId::new(*digest.digest());
    store.put_layer_index(&diff_id, &bytes).unwrap();
    store
        .put_diff_id(&digest, &Uncompressed { diff_id, size })
        .unwrap();
    store.cache_put(digest.digest().as_bytes(), &bytes).unwrap();
    let descriptor = Descriptor::new("a/b", own, format!("{number} {round}").len() as u64);
    store
        .tag(&format!("{number}-{}", round % 10), &descriptor)
        .unwrap();
}

fn add_to_layout(root: &Path, number: u64) {
    let writer = LayoutWriter::create(root).unwrap();
    let entry = writer.add_bytes("a/b", &number.to_le_bytes()).unwrap();
    writer.add_bytes("a/b", &content(1)).unwrap();
    let name = number.to_string();
    writer
        .commit(&[entry.with_annotation("org.opencontainers.image.ref.name", &name)])
        .unwrap();
}

/// How often each process of a test uses the store while it is pruned.
const USES: u64 = 40;

/// Prunes. An entry of these tests' cache needs the blob with the bytes that it holds, and the index
/// of the layer of that digest.
fn prune(root: &Path, all: bool) {
    let request = PruneRequest {
        all,
        dry_run: false,
    };
    let mut needs = |entry: &[u8]| {
        let digest = Digest::of(entry);
        vec![ResultNeeds {
            blob: Some(BlobDigest::new(digest)),
            diff_ids: vec![DiffId::new(digest)],
        }]
    };
    let store = Store::open(root).unwrap();
    let pruned = store.prune(&request, &mut needs).unwrap();
    assert!(pruned.unread.is_empty(), "{pruned:?}");
}

/// What is found or written stays as long as the store is open, whoever made it. All processes use
/// the same few blobs.
fn use_beside_prune(root: &Path, number: u64, round: u64) {
    let store = Store::open(root).unwrap();
    let bytes = content((number + round) % 5);
    let descriptor = Descriptor::of("a/b", &bytes);
    let digest = descriptor.digest;
    let diff_id = DiffId::new(*digest.digest());
    let key = digest.digest().as_bytes();
    if !store.contains(&digest) {
        let mut ingest = store.ingest().unwrap();
        ingest.write_all(&bytes).unwrap();
        ingest.commit(None).unwrap();
    }
    if store.layer_index(&diff_id).unwrap().found().is_none() {
        store.put_layer_index(&diff_id, &bytes).unwrap();
    }
    if store.diff_id_of(&digest).unwrap().found().is_none() {
        let size = descriptor.size;
        let content = Uncompressed { diff_id, size };
        store.put_diff_id(&digest, &content).unwrap();
    }
    if store.cache_get(key).unwrap().found().is_none() {
        store.cache_put(key, &bytes).unwrap();
    }
    if store.checkpoints(&digest).unwrap().found().is_none() {
        store.put_checkpoints(&digest, &bytes).unwrap();
    }
    std::thread::sleep(Duration::from_millis(round % 4 * 3));
    assert_eq!(store.read_blob(&descriptor, 1 << 20).unwrap(), bytes);
    assert!(store.layer_index(&diff_id).unwrap().found().is_some());
    assert!(store.diff_id_of(&digest).unwrap().found().is_some());
    assert!(store.cache_get(key).unwrap().found().is_some());
    assert!(store.checkpoints(&digest).unwrap().found().is_some());
    // An image that gets a name before its process ends stays whole, whatever becomes of the name.
    let name = format!("{number}");
    let manifest = make_image(&store, &descriptor);
    store.tag(&name, &manifest).unwrap();
    let named = store.resolve(&name).unwrap().unwrap();
    drop(store);
    check_image(&Store::open(root).unwrap(), &named);
}

/// Puts an image of one layer into the store.
fn make_image(store: &Store, layer: &Descriptor) -> Descriptor {
    let config = b"{}";
    store.put_bytes(config).unwrap();
    let config = Descriptor::of("application/vnd.oci.image.config.v1+json", config);
    let manifest = Manifest::new(config, vec![layer.clone()], Default::default());
    store.put_bytes(manifest.raw()).unwrap();
    manifest.descriptor()
}

/// All that an image refers to is there and verifies.
fn check_image(store: &Store, image: &Descriptor) {
    let Document::Manifest(manifest) = store.read_document(image).unwrap() else {
        panic!("{image:?} is no manifest");
    };
    for part in manifest.layers().iter().chain([manifest.config()]) {
        store.read_blob(part, 1 << 20).unwrap();
    }
}

/// Everything in the store is what its name says, and nothing temporary is left.
fn assert_whole(root: &Path) {
    let store = Store::open(root).unwrap();
    for entry in fs::read_dir(root.join("blobs/sha256")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        assert_eq!(
            Digest::of(&bytes).hex(),
            path.file_name().unwrap().to_str().unwrap()
        );
    }
    for (name, descriptor) in store.tags().unwrap() {
        assert!(
            store.contains(&descriptor.digest),
            "{name} names a blob that is there"
        );
    }
    for round in 0..200 {
        let digest = BlobDigest::new(Digest::of(&content(round)));
        let diff_id = DiffId::new(*digest.digest());
        if let Some(index) = store.layer_index(&diff_id).unwrap().found() {
            assert!(index == content(round));
        }
        if let Some(found) = store.diff_id_of(&digest).unwrap().found() {
            assert_eq!(found.diff_id, diff_id);
            assert!(store.contains(&digest), "the blob came first");
        }
    }
    assert_eq!(
        fs::read_dir(root.join("crossdock/damaged"))
            .unwrap()
            .count(),
        0
    );
    drop(store);
    assert_eq!(fs::read_dir(root.join("crossdock/tmp")).unwrap().count(), 0);
    let names = |path: &Path| {
        let entries = fs::read_dir(path).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(
        names(root),
        ["blobs", "crossdock", "index.json", "oci-layout"]
    );
}

#[test]
fn several_processes_at_one_new_store() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("store");
    let children: Vec<_> = (0..4).map(|number| start("fill", &root, number)).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_whole(&root);
    let store = Store::open(&root).unwrap();
    assert_eq!(store.tags().unwrap().len(), 40, "no name is lost");
}

#[test]
fn several_processes_at_one_new_layout() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("layout");
    let children: Vec<_> = (0..4)
        .map(|number| start("layout", &root, number))
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let layout = Layout::open(&root).unwrap();
    assert_eq!(layout.index().manifests().len(), 4, "no image is lost");
    for entry in layout.index().manifests() {
        layout.read_blob(entry, 8).unwrap();
    }
    assert_eq!(
        fs::read_dir(&root).unwrap().count(),
        3,
        "blobs, index.json, oci-layout"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn killed_at_any_time() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("store");
    // Different moments, the first ones while the store is being made.
    for milliseconds in [3, 5, 8, 12, 20, 35, 50, 80, 120, 200] {
        kill_after(milliseconds, &root);
    }
    // Where processes start slowly nothing may have been done yet.
    let mut milliseconds = 400;
    while Store::open(&root).unwrap().tags().unwrap().is_empty() {
        assert!(milliseconds < 100_000, "nothing is done before the kills");
        kill_after(milliseconds, &root);
        milliseconds *= 2;
    }
}

/// Lets two writers work for so long, kills them, and looks what they have left.
fn kill_after(milliseconds: u64, root: &Path) {
    let mut children = [0, 1].map(|number| start("fill-until-killed", root, number));
    std::thread::sleep(Duration::from_millis(milliseconds));
    for child in &mut children {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert_whole(root);
}

#[test]
fn pruning_beside_those_at_work() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("store");
    let mut pruners = [start("prune", &root, 0), start("prune-some", &root, 0)];
    let users: Vec<_> = (1..4).map(|number| start("use", &root, number)).collect();
    for mut user in users {
        assert!(user.wait().unwrap().success());
    }
    for pruner in &mut pruners {
        assert_eq!(pruner.try_wait().unwrap(), None, "it goes on until the end");
        pruner.kill().unwrap();
        pruner.wait().unwrap();
    }
    prune(&root, true);
    let store = Store::open(&root).unwrap();
    let names = store.tags().unwrap();
    assert_eq!(names.len(), 3);
    names
        .iter()
        .for_each(|(_, image)| check_image(&store, image));
    drop(store);
    assert_whole(&root);
}

#[test]
fn prune_and_writers_killed_at_any_time() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("store");
    for milliseconds in [5, 20, 40, 60, 80, 100, 130, 160, 300] {
        let jobs = ["prune", "prune-some", "fill-until-killed", "use"];
        let mut children: Vec<_> = jobs.map(|job| start(job, &root, milliseconds)).into();
        std::thread::sleep(Duration::from_millis(milliseconds));
        for child in &mut children {
            // The user may have done its rounds, the others go on until the end.
            if child.try_wait().unwrap().is_none() {
                child.kill().unwrap();
            }
            child.wait().unwrap();
        }
        // The names that `fill` gives lead to no image, but to a blob that is there.
        let store = Store::open(&root).unwrap();
        for (name, image) in store.tags().unwrap() {
            match name.contains('-') {
                true => assert!(store.contains(&image.digest), "{name}"),
                false => check_image(&store, &image),
            }
        }
        drop(store);
        assert_whole(&root);
    }
    prune(&root, true);
    assert_whole(&root);
}
