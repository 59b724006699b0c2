use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use crossdock_host::FileLock;
use crossdock_image::{Descriptor, Digest, Index, Manifest};

use super::*;
use crate::{Store, Uncompressed};

/// A store whose content has labels.
struct Fixture {
    _folder: tempfile::TempDir,
    root: PathBuf,
    labels: BTreeMap<String, String>,
}

fn digest(label: &str) -> BlobDigest {
    BlobDigest::new(Digest::of(label.as_bytes()))
}

fn diff_id(label: &str) -> DiffId {
    DiffId::new(Digest::of(label.as_bytes()))
}

/// An entry of the tests' cache: for each result whether it has a blob, the blob, a diff id.
fn entry(results: &[(Option<&str>, &str)]) -> Vec<u8> {
    let result = |(blob, content): &(Option<&str>, &str)| {
        let mut bytes = vec![u8::from(blob.is_some())];
        bytes.extend_from_slice(digest(blob.unwrap_or_default()).digest().as_bytes());
        bytes.extend_from_slice(diff_id(content).digest().as_bytes());
        bytes
    };
    results.iter().flat_map(result).collect()
}

fn needs(entry: &[u8]) -> Vec<ResultNeeds> {
    let digest = |bytes: &[u8]| Digest::from_bytes(bytes.try_into().unwrap());
    entry
        .chunks_exact(65)
        .map(|result| ResultNeeds {
            blob: (result[0] == 1).then(|| BlobDigest::new(digest(&result[1..33]))),
            diff_ids: vec![DiffId::new(digest(&result[33..]))],
        })
        .collect()
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("store");
        Store::open(&root).unwrap();
        Self {
            _folder: folder,
            root,
            labels: BTreeMap::new(),
        }
    }

    /// Every call is an opening of its own: what it does is not leased any more afterwards.
    fn store(&self) -> Store {
        Store::open(&self.root).unwrap()
    }

    fn label(&mut self, digest: &Digest, label: &str) {
        self.labels.insert(digest.hex(), label.to_owned());
    }

    fn blob(&mut self, label: &str) -> Descriptor {
        self.label(&Digest::of(label.as_bytes()), label);
        self.store().put_bytes(label.as_bytes()).unwrap();
        Descriptor::of("application/vnd.oci.image.layer.v1.tar", label.as_bytes())
    }

    /// A layer `<label>.gz` with all that is known of it; its content is `<label>.tar`.
    fn layer(&mut self, label: &str) -> Descriptor {
        let blob = self.blob(&format!("{label}.gz"));
        let tar = format!("{label}.tar");
        self.label(diff_id(&tar).digest(), &tar);
        let (store, diff_id) = (self.store(), diff_id(&tar));
        store.put_layer_index(&diff_id, b"index").unwrap();
        let content = Uncompressed { diff_id, size: 4 };
        store.put_diff_id(&blob.digest, &content).unwrap();
        store.put_checkpoints(&blob.digest, b"points").unwrap();
        blob
    }

    /// An image `<label>.json` with a config and one layer.
    fn image(&mut self, label: &str) -> Descriptor {
        let layer = self.layer(label);
        let config = format!(
            r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
            diff_id(&format!("{label}.tar"))
        );
        let config = self.document(config.as_bytes(), &format!("{label}.config"));
        let config = Descriptor {
            media_type: "application/vnd.oci.image.config.v1+json".into(),
            ..config
        };
        let manifest = Manifest::new(config, vec![layer], BTreeMap::new());
        self.document(manifest.raw(), &format!("{label}.json"));
        manifest.descriptor()
    }

    fn document(&mut self, bytes: &[u8], label: &str) -> Descriptor {
        self.label(&Digest::of(bytes), label);
        self.store().put_bytes(bytes).unwrap();
        Descriptor::of("a/b", bytes)
    }

    fn cache(&mut self, label: &str, results: &[(Option<&str>, &str)]) {
        let key = Digest::of(label.as_bytes());
        self.label(&key, label);
        self.store()
            .cache_put(key.as_bytes(), &entry(results))
            .unwrap();
    }

    fn context(&mut self, label: &str, age: Duration) {
        let key = Digest::of(label.as_bytes());
        self.label(&key, label);
        self.store()
            .put_context_memory(key.as_bytes(), b"files")
            .unwrap();
        let path = self.root.join("crossdock/contexts").join(key.hex());
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }

    fn prune(&self, all: bool) -> Pruned {
        let request = PruneRequest {
            all,
            dry_run: false,
        };
        self.store().prune(&request, &mut needs).unwrap()
    }

    /// Everything in the store, as `folder/label`.
    fn content(&self) -> BTreeSet<String> {
        let mut content = BTreeSet::new();
        let folders = [
            "blobs/sha256",
            "crossdock/indexes",
            "crossdock/pairs",
            "crossdock/cache",
            "crossdock/checkpoints",
            "crossdock/contexts",
            "crossdock/damaged",
        ];
        for folder in folders {
            for entry in fs::read_dir(self.root.join(folder)).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                let label = self.labels.get(&name).unwrap_or(&name);
                let folder = folder
                    .rsplit('/')
                    .next()
                    .unwrap()
                    .replace("sha256", "blobs");
                content.insert(format!("{folder}/{label}"));
            }
        }
        content
    }
}

const LAYER: [&str; 4] = [
    "blobs/X.gz",
    "pairs/X.gz",
    "checkpoints/X.gz",
    "indexes/X.tar",
];
const IMAGE: [&str; 2] = ["blobs/X.json", "blobs/X.config"];

fn expand(parts: &[&str], label: &str) -> Vec<String> {
    parts.iter().map(|part| part.replace('X', label)).collect()
}

/// Prunes what `make` has made, and compares what is left of it.
#[track_caller]
fn check(all: bool, make: impl FnOnce(&mut Fixture), expected: &[Vec<String>]) {
    let mut fixture = Fixture::new();
    make(&mut fixture);
    let before = fixture.content();
    let request = PruneRequest { all, dry_run: true };
    let foretold = fixture.store().prune(&request, &mut needs).unwrap();
    assert_eq!(fixture.content(), before, "a dry run changes nothing");
    let pruned = fixture.prune(all);
    assert_eq!(pruned.removed, foretold.removed);
    assert!(pruned.skipped.is_empty() && pruned.unread.is_empty());
    let left = fixture.content();
    assert_eq!(left, expected.concat().into_iter().collect());
    assert_eq!(pruned.total().count, (before.len() - left.len()) as u64);
    assert_eq!(
        fixture.prune(all).total(),
        Removed::default(),
        "nothing is left to do"
    );
    assert_eq!(
        fs::read_dir(fixture.root.join("crossdock/tmp"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn nothing() {
    check(false, |_| (), &[]);
    check(true, |_| (), &[]);
}

#[test]
fn names_keep_images() {
    let make = |fixture: &mut Fixture| {
        let image = fixture.image("a");
        fixture.image("b");
        fixture.store().tag("a:1", &image).unwrap();
    };
    check(true, make, &[expand(&LAYER, "a"), expand(&IMAGE, "a")]);
    check(false, make, &[expand(&LAYER, "a"), expand(&IMAGE, "a")]);
}

#[test]
fn indexes_of_images_are_followed() {
    let make = |fixture: &mut Fixture| {
        let images = vec![fixture.image("a"), fixture.image("b")];
        let index = Index::new(images, BTreeMap::new());
        let index = Index::new(
            vec![fixture.document(index.raw(), "inner")],
            BTreeMap::new(),
        );
        let outer = fixture.document(index.raw(), "outer");
        fixture.store().tag("both", &outer).unwrap();
        fixture.image("c");
    };
    let kept = ["a", "b"].map(|label| [expand(&LAYER, label), expand(&IMAGE, label)].concat());
    let documents = expand(&["blobs/inner", "blobs/outer"], "");
    check(true, make, &[kept.concat(), documents]);
}

#[test]
fn missing_children_are_no_reason_to_fail() {
    let make = |fixture: &mut Fixture| {
        let (whole, broken) = (fixture.image("a"), fixture.image("b"));
        let config = fixture
            .labels
            .iter()
            .find(|(_, label)| *label == "b.config")
            .unwrap()
            .0;
        fs::remove_file(fixture.root.join("blobs/sha256").join(config)).unwrap();
        let gone = Descriptor::of("a/b", b"gone");
        let index = Index::new(vec![gone.clone(), whole, broken], BTreeMap::new());
        let index = fixture.document(index.raw(), "index");
        fixture.store().tag("a", &index).unwrap();
        fixture.store().tag("b", &gone).unwrap();
    };
    let a = [expand(&LAYER, "a"), expand(&IMAGE, "a")].concat();
    // The layer of b is needed, and so all that is known of it.
    let b = [expand(&LAYER, "b"), expand(&["blobs/b.json"], "")].concat();
    check(false, make, &[a, b, expand(&["blobs/index"], "")]);
}

#[test]
fn cache_entries() {
    let make = |fixture: &mut Fixture| {
        for label in ["a", "b", "beneath", "lost"] {
            fixture.layer(label);
        }
        fixture.cache("made", &[(Some("a.gz"), "beneath.tar")]);
        fixture.cache("nothing made", &[(None, "other.tar")]);
        // One of the results is whole.
        fixture.cache(
            "both",
            &[(Some("gone.gz"), "lost.tar"), (Some("a.gz"), "a.tar")],
        );
        fixture.cache("useless", &[(Some("gone.gz"), "lost.tar")]);
        fixture.cache("empty", &[]);
    };
    let records = expand(&["cache/made", "cache/nothing made", "cache/both"], "");
    // The index outlives the blob.
    let beneath = expand(&LAYER[1..], "beneath");
    check(false, make, &[expand(&LAYER, "a"), beneath, records]);
    check(true, make, &[]);
}

#[test]
fn memories_of_contexts() {
    let make = |fixture: &mut Fixture| {
        let day = Duration::from_secs(24 * 60 * 60);
        fixture.context("new", Duration::ZERO);
        fixture.context("29 days", 29 * day);
        fixture.context("31 days", 31 * day);
    };
    check(
        false,
        make,
        &[expand(&["contexts/new", "contexts/29 days"], "")],
    );
    check(true, make, &[]);
}

#[test]
fn damaged_files_go() {
    let make = |fixture: &mut Fixture| {
        let image = fixture.image("a");
        fixture.store().tag("a", &image).unwrap();
        fs::write(fixture.root.join("crossdock/damaged/blob-1"), "x").unwrap();
        // A pair that cannot be read leads nowhere.
        let pair = fixture.layer("b");
        let pair = fixture.root.join("crossdock/pairs").join(pair.digest.hex());
        fs::write(pair, "x").unwrap();
    };
    check(false, make, &[expand(&LAYER, "a"), expand(&IMAGE, "a")]);
}

#[test]
fn files_of_others_stay() {
    let mut fixture = Fixture::new();
    fixture.layer("a");
    let others = [
        "blobs/sha256/readme",
        "crossdock/cache/.hidden",
        "crossdock/tmp/file",
    ];
    for path in others {
        fs::write(fixture.root.join(path), "x").unwrap();
    }
    assert_eq!(fixture.prune(true).total().count, 4);
    others
        .iter()
        .for_each(|path| assert!(fixture.root.join(path).exists(), "{path}"));
}

/// What `hold` does with a store that stays open keeps `expected` of the image a, the cache entry
/// and the memory of a context.
#[track_caller]
fn check_lease(hold: impl FnOnce(&Store, &Descriptor), expected: &[String]) {
    let mut fixture = Fixture::new();
    let image = fixture.image("a");
    fixture.image("b");
    fixture.cache("entry", &[(Some("a.gz"), "a.tar")]);
    fixture.context("context", Duration::ZERO);
    let holder = fixture.store();
    hold(&holder, &image);
    let clone = holder.clone();
    drop(holder);
    fixture.prune(true);
    assert_eq!(fixture.content(), expected.iter().cloned().collect());
    drop(clone);
    fixture.prune(true);
    assert!(fixture.content().is_empty());
}

#[test]
fn leases() {
    let layer = expand(&LAYER, "a");
    let image = || [expand(&IMAGE, "a"), expand(&LAYER, "a")].concat();
    let known = expand(&LAYER[1..], "a");
    check_lease(|_, _| (), &[]);
    check_lease(|store, _| assert!(store.contains(&digest("a.gz"))), &layer);
    check_lease(|store, _| assert!(!store.contains(&digest("other"))), &[]);
    check_lease(
        |store, _| drop(store.open_blob_unverified(&digest("a.gz"))),
        &layer,
    );
    // What refers to others holds them too.
    check_lease(|store, image| drop(store.read_document(image)), &image());
    check_lease(
        |store, image| {
            store
                .tag("a", image)
                .and_then(|()| store.untag("a"))
                .unwrap()
        },
        &image(),
    );
    let by_name = |store: &Store, image: &Descriptor| {
        store.tag("a", image).unwrap();
        let other = Store::open(store.root()).unwrap();
        assert!(other.resolve("a").unwrap().is_some());
        store.untag("a").unwrap();
    };
    check_lease(by_name, &image());
    check_lease(|store, _| drop(store.diff_id_of(&digest("a.gz"))), &known);
    check_lease(
        |store, _| drop(store.layer_index(&diff_id("a.tar"))),
        &known,
    );
    let checkpoints = expand(&["checkpoints/a.gz"], "");
    check_lease(
        |store, _| drop(store.checkpoints(&digest("a.gz"))),
        &checkpoints,
    );
    let key = |label: &str| *Digest::of(label.as_bytes()).as_bytes();
    let entry = expand(&["cache/entry"], "");
    check_lease(
        |store, _| drop(store.cache_get(&key("entry"))),
        &[layer.clone(), entry].concat(),
    );
    let memory = expand(&["contexts/context"], "");
    check_lease(
        |store, _| drop(store.context_memory(&key("context"))),
        &memory,
    );
    // What is written is held as well, and so is what was there when it was written again.
    check_lease(|store, _| drop(store.put_bytes(b"a.gz")), &layer);
    let ingest = |store: &Store, _: &Descriptor| {
        let mut ingest = store.ingest().unwrap();
        io::Write::write_all(&mut ingest, b"a.gz").unwrap();
        ingest.commit(None).unwrap();
    };
    check_lease(ingest, &layer);
}

#[test]
fn its_own_leases_count() {
    let mut fixture = Fixture::new();
    fixture.image("a");
    let store = fixture.store();
    assert!(store.contains(&digest("a.gz")));
    let request = PruneRequest::default();
    store.prune(&request, &mut needs).unwrap();
    assert_eq!(fixture.content(), expand(&LAYER, "a").into_iter().collect());
}

#[test]
fn what_processes_have_left() {
    let mut fixture = Fixture::new();
    let dead = |name: &str| {
        let folder = fixture.root.join("crossdock/tmp").join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("alive"), "").unwrap();
        fs::write(folder.join("leases"), [0; 33]).unwrap();
        fs::write(folder.join("tmp-1-0"), "half a blob").unwrap();
        folder
    };
    let before = dead("1-0");
    // Opening removes it, and the prune tells it, once.
    let store = fixture.store();
    assert!(!before.exists());
    let after = dead("2-0");
    let expected = Removed {
        count: 2,
        bytes: 22,
    };
    let request = |dry_run| PruneRequest { all: true, dry_run };
    let pruned = store.prune(&request(false), &mut needs).unwrap();
    assert_eq!(pruned.removed, [(Prunable::Temporary, expected)].into());
    assert!(!after.exists());
    assert!(
        store
            .prune(&request(true), &mut needs)
            .unwrap()
            .removed
            .is_empty()
    );
    fixture.blob("x");
}

#[test]
fn an_older_program_is_waited_for() {
    let mut fixture = Fixture::new();
    fixture.image("a");
    let folder = fixture.root.join("crossdock/tmp/1-0");
    fs::create_dir(&folder).unwrap();
    let alive = FileLock::exclusive(&folder.join("alive")).unwrap();
    let before = fixture.content();
    let store = fixture.store();
    let prune = || store.prune(&PruneRequest::default(), &mut needs);
    let error = prune().unwrap_err();
    assert!(matches!(error, PruneError::OlderProcess { .. }), "{error}");
    assert_eq!(fixture.content(), before);
    drop(alive);
    assert!(prune().unwrap().total().count > 0);
}

#[test]
fn without_names_nothing_is_removed() {
    let mut fixture = Fixture::new();
    fixture.image("a");
    fs::write(fixture.root.join("index.json"), "{").unwrap();
    let before = fixture.content();
    let error = fixture
        .store()
        .prune(&PruneRequest::default(), &mut needs)
        .unwrap_err();
    assert!(matches!(error, PruneError::Names(_)), "{error}");
    assert_eq!(fixture.content(), before);
}

/// What refers to others goes before them, so that a prune that ends in the middle leaves nothing
/// that refers to what is gone.
#[test]
fn order_of_removal() {
    let mut fixture = Fixture::new();
    let images = vec![fixture.image("a"), fixture.image("b")];
    let index = Index::new(images, BTreeMap::new());
    let index = Index::new(
        vec![fixture.document(index.raw(), "inner")],
        BTreeMap::new(),
    );
    fixture.document(index.raw(), "outer");
    let store = fixture.store();
    let request = PruneRequest {
        all: true,
        dry_run: false,
    };
    let unused = reach::unused(store.inner(), &request, &Default::default(), &mut needs).unwrap();
    let order: Vec<String> = unused
        .files
        .iter()
        .flat_map(|(_, files)| files)
        .map(|file| fixture.labels[file.path.file_name().unwrap().to_str().unwrap()].clone())
        .collect();
    let place = |label: &str| order.iter().rposition(|other| other == label).unwrap();
    for (before, after) in [
        ("outer", "inner"),
        ("inner", "a.json"),
        ("inner", "b.json"),
        ("a.json", "a.config"),
        ("a.json", "a.gz"),
        ("b.json", "b.gz"),
        ("a.tar", "outer"),
        ("b.tar", "outer"),
    ] {
        assert!(place(before) < place(after), "{before} {after}");
    }
}
