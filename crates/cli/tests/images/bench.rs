//! A store that is written by hand, and commands that run beside it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crossdock_build::Digest;
use serde_json::{Value, json};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A folder with a store in it, which is an image layout too.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
    entries: Vec<Value>,
    /// What `<NAME>` stands for in expected outputs: digests, and diff ids as `<NAME LAYER>`.
    digests: BTreeMap<String, String>,
    /// What `<size NAME>` stands for.
    sizes: BTreeMap<String, u64>,
}

/// What a command gave.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) bytes: Vec<u8>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
            entries: Vec::new(),
            digests: BTreeMap::new(),
            sizes: BTreeMap::new(),
        };
        // With this folder it is a store, which lacks everything else.
        fs::create_dir_all(bench.path("store/crossdock")).unwrap();
        fs::create_dir_all(bench.path("store/blobs/sha256")).unwrap();
        fs::write(
            bench.path("store/oci-layout"),
            r#"{"imageLayoutVersion":"1.0.0"}"#,
        )
        .unwrap();
        bench
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn blob_path(&self, descriptor: &Value) -> PathBuf {
        let digest = descriptor["digest"].as_str().unwrap();
        self.path("store/blobs").join(digest.replace(':', "/"))
    }

    fn blob(&self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = Digest::of(bytes).to_string();
        let descriptor = json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() });
        fs::write(self.blob_path(&descriptor), bytes).unwrap();
        descriptor
    }

    /// An image with layers of these sizes, which are no layers when they are looked at: nothing
    /// may do that.
    pub(crate) fn image(&mut self, name: &str, mut config: Value, layers: &[usize]) -> Value {
        let mut platform = json!({});
        for key in ["os", "architecture", "os.version"] {
            if !config[key].is_null() {
                platform[key] = config[key].clone();
            }
        }
        let mut diff_ids = Vec::new();
        let mut blobs = Vec::new();
        for (place, size) in layers.iter().enumerate() {
            let diff_id = Digest::of(format!("{name} {place}").as_bytes()).to_string();
            self.digests
                .insert(format!("{name} {place}"), diff_id.clone());
            diff_ids.push(diff_id);
            blobs.push(self.blob(LAYER, &vec![place as u8; *size]));
        }
        config["rootfs"] = json!({ "type": "layers", "diff_ids": diff_ids });
        config["created"] = json!("2999-01-01T00:00:00Z");
        let config = self.blob(CONFIG, config.to_string().as_bytes());
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": blobs,
        });
        let mut descriptor = self.document(name, MANIFEST, &manifest);
        let parts = blobs.iter().chain([&config, &descriptor]);
        let size = parts.map(|part| part["size"].as_u64().unwrap()).sum();
        self.sizes.insert(name.to_owned(), size);
        descriptor["platform"] = platform;
        descriptor
    }

    pub(crate) fn index(&mut self, name: &str, manifests: &[Value]) -> Value {
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
        self.document(name, INDEX, &index)
    }

    fn document(&mut self, name: &str, media_type: &str, document: &Value) -> Value {
        let descriptor = self.blob(media_type, document.to_string().as_bytes());
        let digest = descriptor["digest"].as_str().unwrap().to_owned();
        self.digests.insert(name.to_owned(), digest);
        descriptor
    }

    pub(crate) fn remove(&self, descriptor: &Value) {
        fs::remove_file(self.blob_path(descriptor)).unwrap();
    }

    /// Changes a byte, which leaves the size as it is.
    pub(crate) fn damage(&self, descriptor: &Value) {
        let path = self.blob_path(descriptor);
        let mut bytes = fs::read(&path).unwrap();
        bytes[0] ^= 1;
        fs::write(path, bytes).unwrap();
    }

    pub(crate) fn name(&mut self, name: &str, descriptor: &Value) {
        let mut entry = descriptor.clone();
        entry["annotations"]["org.opencontainers.image.ref.name"] = json!(name);
        self.entries.push(entry);
    }

    pub(crate) fn write_names(&self) {
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": self.entries });
        fs::write(self.path("store/index.json"), index.to_string()).unwrap();
    }

    /// Runs a command with the digests of what stands in `<>`.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_in("store", arguments)
    }

    pub(crate) fn run_in(&self, store: &str, arguments: &[&str]) -> Ran {
        let output = Command::new(env!("CARGO_BIN_EXE_crossdock"))
            .args(arguments.iter().map(|argument| self.fill(argument)))
            .current_dir(self.folder.path())
            .env("CROSSDOCK_ROOT", store)
            // Should it want to ask docker.io, it gets no further than this machine.
            .env("HTTPS_PROXY", "http://127.0.0.1:9")
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace("\r\n", "\n");
        Ran {
            code: output.status.code().unwrap(),
            out: text(&output.stdout),
            err: text(&output.stderr),
            bytes: output.stdout,
        }
    }

    /// `text` with `<NAME>` for the first digits of a digest, `<<NAME>>` for all of it, `<size
    /// NAME>` for the bytes of an image, and `'` for `"`.
    pub(crate) fn fill(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, size) in &self.sizes {
            text = text.replace(&format!("<size {name}>"), &size.to_string());
        }
        for (name, digest) in &self.digests {
            text = text.replace(&format!("<<{name}>>"), digest);
            text = text.replace(&format!("<{name}>"), &digest["sha256:".len()..][..12]);
        }
        text
    }

    /// Runs a command and compares what it prints; `*` is any error.
    #[track_caller]
    pub(crate) fn check(&self, arguments: &[&str], code: i32, out: &str, err: &str) {
        let ran = self.run(arguments);
        assert_eq!(
            ran.out,
            self.fill(&out.replace('\'', "\"")),
            "{arguments:?}"
        );
        if err != "*" {
            assert_eq!(ran.err, self.fill(err), "{arguments:?}");
        }
        assert_eq!(ran.code, code, "{arguments:?}: {}", ran.err);
    }
}
