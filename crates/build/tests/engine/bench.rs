//! A folder with a context, bases, stores and outputs, and what builds in it give.

use std::cell::Cell;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use crossdock_build::{
    Annotation, BuildError, BuildRequest, Builder, CollisionPolicy, ContextModes, ContextSource,
    DockerfilePlace, DockerfileSource, Environment, ErrorClass, Event, ForeignMetadata, Git,
    Limits, Loss, OpenedContext, Output, OutputKind, Registry, RemoteConfig, Store, Target,
    Timestamp,
};
use crossdock_dockerfile::{Dockerfile, NamedContext, Options};
use crossdock_image::Digest;
use crossdock_validator::{
    EXPORT_TOLERATED, LayerRole, Parents, validate_layer, validate_linux_layer,
};
use serde_json::{Value, json};

use crate::archive::{self, Entry, Member};

/// How a layer of a base is compressed.
#[derive(Clone, Copy)]
pub(crate) enum Codec {
    Plain,
    Gzip,
    /// Several members in one stream.
    Members,
    Zstd,
}

impl Codec {
    pub(crate) fn compress(self, bytes: &[u8]) -> Vec<u8> {
        let gzip = |bytes: &[u8]| {
            let level = flate2::Compression::new(6);
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        };
        match self {
            Self::Plain => bytes.to_vec(),
            Self::Gzip => gzip(bytes),
            Self::Members => bytes.chunks(700).flat_map(gzip).collect(),
            Self::Zstd => zstd::encode_all(bytes, 3).unwrap(),
        }
    }

    fn media_type(self, docker: bool) -> &'static str {
        match (self, docker) {
            (Self::Plain, false) => "application/vnd.oci.image.layer.v1.tar",
            (Self::Zstd, false) => "application/vnd.oci.image.layer.v1.tar+zstd",
            (_, false) => "application/vnd.oci.image.layer.v1.tar+gzip",
            (_, true) => "application/vnd.docker.image.rootfs.diff.tar.gzip",
        }
    }
}

/// An OCI layout that is being made.
pub(crate) struct Layout {
    pub(crate) folder: PathBuf,
    entries: Vec<Value>,
}

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn digest(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string()
}

pub(crate) fn blob_path(layout: &Path, digest: &str) -> PathBuf {
    layout.join("blobs").join(digest.replacen(':', "/", 1))
}

impl Layout {
    pub(crate) fn blob(&self, media_type: &str, bytes: &[u8]) -> Value {
        let path = blob_path(&self.folder, &digest(bytes));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        json!({ "mediaType": media_type, "digest": digest(bytes), "size": bytes.len() })
    }

    /// An image; `config` is the whole config without layers, and says the platform.
    pub(crate) fn image(&self, layers: &[(Vec<u8>, Codec)], config: Value) -> Value {
        self.image_as(layers, config, false)
    }

    pub(crate) fn image_as(
        &self,
        layers: &[(Vec<u8>, Codec)],
        mut config: Value,
        docker: bool,
    ) -> Value {
        let diff_ids: Vec<String> = layers.iter().map(|(tar, _)| digest(tar)).collect();
        config["rootfs"] = json!({ "type": "layers", "diff_ids": diff_ids });
        let layers: Vec<Value> = layers
            .iter()
            .map(|(tar, codec)| self.blob(codec.media_type(docker), &codec.compress(tar)))
            .collect();
        let (manifest_type, config_type) = match docker {
            true => (
                "application/vnd.docker.distribution.manifest.v2+json",
                "application/vnd.docker.container.image.v1+json",
            ),
            false => (MANIFEST, "application/vnd.oci.image.config.v1+json"),
        };
        let mut platform = json!({});
        for key in ["os", "architecture", "variant", "os.version", "os.features"] {
            if !config[key].is_null() {
                platform[key] = config[key].clone();
            }
        }
        let config = self.blob(config_type, config.to_string().as_bytes());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": manifest_type,
            "config": config,
            "layers": layers,
        });
        let mut descriptor = self.blob(manifest_type, manifest.to_string().as_bytes());
        descriptor["platform"] = platform;
        descriptor
    }

    pub(crate) fn index(&self, manifests: &[Value]) -> Value {
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
        self.blob(INDEX, index.to_string().as_bytes())
    }

    pub(crate) fn tag(&mut self, descriptor: &Value, tag: &str) {
        let mut entry = descriptor.clone();
        entry["annotations"] = json!({ "org.opencontainers.image.ref.name": tag });
        self.entries.push(entry);
    }

    pub(crate) fn write(&self) {
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": self.entries });
        fs::write(self.folder.join("index.json"), index.to_string()).unwrap();
        let marker = r#"{"imageLayoutVersion":"1.0.0"}"#;
        fs::write(self.folder.join("oci-layout"), marker).unwrap();
    }
}

/// The platform part of a config.
pub(crate) fn linux() -> Value {
    json!({ "os": "linux", "architecture": "amd64" })
}

static GENERATED: OnceLock<tempfile::TempDir> = OnceLock::new();

/// The folder of a generated base, `{linux}` or `{windows}` in Dockerfiles. All are made once.
pub(crate) fn generated_base(name: &str) -> PathBuf {
    let folder = GENERATED.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        crossdock_fixtures::linux_base(&folder.path().join("linux"), 3).unwrap();
        crossdock_fixtures::windows_base(&folder.path().join("windows"), 100).unwrap();
        folder
    });
    folder.path().join(name)
}

/// What a build's context is.
#[derive(Clone)]
pub(crate) enum Given {
    Folder,
    Stream(Vec<u8>),
    At(ContextSource),
}

/// What is asked of a build beside the Dockerfile.
pub(crate) struct Ask<'a> {
    pub(crate) platform: &'a str,
    /// Instead of `platform`, several.
    pub(crate) platforms: &'a [&'a str],
    pub(crate) annotations: &'a [&'a str],
    pub(crate) store: &'a str,
    pub(crate) threads: usize,
    pub(crate) no_cache: bool,
    pub(crate) no_cache_stages: &'a [&'a str],
    pub(crate) strict: bool,
    pub(crate) collision: CollisionPolicy,
    pub(crate) foreign: ForeignMetadata,
    pub(crate) modes: ContextModes,
    pub(crate) epoch: Option<i64>,
    pub(crate) limits: Limits,
    pub(crate) names: &'a [&'a str],
    /// Instead of a new layout, whose image is then not looked at.
    pub(crate) outputs: Option<Vec<Output>>,
    pub(crate) dockerfile_path: Option<PathBuf>,
    /// The Dockerfile is found, and its text is not given.
    pub(crate) found: Option<DockerfileSource>,
    /// Instead of the folder.
    pub(crate) context: Given,
    pub(crate) named: Vec<(&'a str, NamedContext, Option<ContextSource>)>,
    pub(crate) git: Option<Git>,
    pub(crate) target: Option<&'a str>,
}

impl Default for Ask<'_> {
    fn default() -> Self {
        Self {
            platform: "linux/amd64",
            platforms: &[],
            annotations: &[],
            store: "store",
            threads: 2,
            no_cache: false,
            no_cache_stages: &[],
            strict: false,
            collision: CollisionPolicy::Error,
            foreign: ForeignMetadata::Keep,
            modes: ContextModes::Auto,
            epoch: None,
            limits: Limits::default(),
            names: &[],
            outputs: None,
            dockerfile_path: None,
            found: None,
            context: Given::Folder,
            named: Vec::new(),
            git: None,
            target: None,
        }
    }
}

/// A build that failed.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) text: String,
    pub(crate) class: ErrorClass,
    pub(crate) told: Told,
}

/// What a build told on its way.
#[derive(Debug, Default, Clone)]
pub(crate) struct Told {
    pub(crate) warnings: Vec<String>,
    pub(crate) notes: Vec<String>,
    /// Names of steps, with whether they were cached, in the order in which they ended.
    pub(crate) steps: Vec<(String, bool)>,
    pub(crate) losses: Vec<Loss>,
    /// How often losses were told.
    pub(crate) loss_events: usize,
    pub(crate) hidden: u64,
}

impl Told {
    /// Whether each instruction (steps that begin with `[`) was cached, as `CD` for cached, done.
    pub(crate) fn cached(&self) -> String {
        let steps = self.steps.iter().filter(|(name, _)| name.starts_with('['));
        steps
            .map(|(_, cached)| if *cached { 'C' } else { 'D' })
            .collect()
    }

    pub(crate) fn layers_read(&self) -> usize {
        let read = |(name, _): &&(String, bool)| name.contains("read layer");
        self.steps.iter().filter(read).count()
    }
}

/// An image that was built, read back and checked.
pub(crate) struct Image {
    pub(crate) digest: String,
    /// The entry of `index.json`.
    pub(crate) descriptor: Value,
    pub(crate) manifest: Value,
    pub(crate) config: Value,
    pub(crate) layers: Vec<Vec<Entry>>,
    /// How many of the layers, the highest, are of no base.
    pub(crate) new_layers: usize,
    pub(crate) told: Told,
}

impl Image {
    pub(crate) fn top(&self) -> &[Entry] {
        self.layers.last().map_or(&[], Vec::as_slice)
    }

    /// The entry of the highest layer that has it.
    #[track_caller]
    pub(crate) fn entry(&self, name: &str) -> &Entry {
        let mut entries = self.layers.iter().rev().flatten();
        let found = entries.find(|entry| entry.name == name);
        found.unwrap_or_else(|| panic!("{name} is not there: {:#?}", self.lines()))
    }

    /// The new layers, one after the other.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.render(Entry::line)
    }

    pub(crate) fn short_lines(&self) -> Vec<String> {
        self.render(Entry::short_line)
    }

    fn render(&self, line: fn(&Entry) -> String) -> Vec<String> {
        let first = self.layers.len() - self.new_layers;
        self.layers[first..].iter().flatten().map(line).collect()
    }

    pub(crate) fn layer_digests(&self) -> Vec<String> {
        let layers = self.manifest["layers"].as_array().unwrap().iter();
        layers
            .map(|layer| layer["digest"].as_str().unwrap().to_owned())
            .collect()
    }

    /// `created_by` and whether there is a layer.
    pub(crate) fn history(&self) -> Vec<(String, bool)> {
        let records = self.config["history"].as_array().unwrap().iter();
        records
            .map(|record| {
                let text = record["created_by"].as_str().unwrap_or_default();
                (text.to_owned(), record["empty_layer"] != json!(true))
            })
            .collect()
    }
}

/// A blob of a layout, its digest and size checked.
#[track_caller]
fn read_blob(layout: &Path, descriptor: &Value) -> Vec<u8> {
    let name = descriptor["digest"].as_str().unwrap();
    let bytes = fs::read(blob_path(layout, name)).unwrap();
    assert_eq!(digest(&bytes), name);
    assert_eq!(descriptor["size"], bytes.len());
    bytes
}

/// The folder of a test.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
    outputs: Cell<usize>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("context")).unwrap();
        Self {
            folder,
            outputs: Cell::new(0),
        }
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Writes a file of the context, with a time that does not change.
    pub(crate) fn file(&self, path: &str, content: impl AsRef<[u8]>) {
        let target = self.path("context").join(path);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(&target, content).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_200_000_000);
        let opened = fs::File::options().write(true).open(&target).unwrap();
        opened.set_modified(time).unwrap();
    }

    /// A layout `oci-layout://NAME`, to be filled.
    pub(crate) fn layout(&self, name: &str) -> Layout {
        let folder = self.path(name);
        fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
        Layout {
            folder,
            entries: Vec::new(),
        }
    }

    /// A layout `oci-layout://NAME` with one Linux image of one layer.
    pub(crate) fn linux_base(&self, name: &str, members: &[Member]) {
        let mut layout = self.layout(name);
        let image = layout.image(&[(archive::tar(members), Codec::Gzip)], linux());
        layout.tag(&image, "latest");
        layout.write();
    }

    /// Builds and reads the result.
    pub(crate) fn build(&self, dockerfile: &str, ask: Ask<'_>) -> Result<Image, Box<Failed>> {
        let output = self.path(&format!("out-{}", self.outputs.get()));
        self.outputs.set(self.outputs.get() + 1);
        let own = ask.outputs.is_none();
        let outputs = ask
            .outputs
            .clone()
            .unwrap_or_else(|| vec![layout(output.clone())]);
        let result = self.run(dockerfile, &ask, outputs);
        if result.is_err() && own {
            assert!(!output.exists(), "a failed build leaves no output");
            let left = fs::read_dir(self.folder.path()).unwrap();
            for entry in left {
                let name = entry.unwrap().file_name();
                assert!(
                    !name.to_string_lossy().starts_with(".crossdock"),
                    "{name:?}"
                );
            }
        }
        let (digest, told) = result?;
        let image = match own {
            true => self.read(&output, None, told),
            false => Image {
                digest: String::new(),
                descriptor: Value::Null,
                manifest: Value::Null,
                config: Value::Null,
                layers: Vec::new(),
                new_layers: 0,
                told,
            },
        };
        Ok(Image { digest, ..image })
    }

    fn run(
        &self,
        dockerfile: &str,
        ask: &Ask<'_>,
        outputs: Vec<Output>,
    ) -> Result<(String, Told), Box<Failed>> {
        let place = |name| generated_base(name).to_string_lossy().replace('\\', "/");
        let mut text = dockerfile.to_owned();
        for name in ["linux", "windows"] {
            let placeholder = format!("{{{name}}}");
            if text.contains(&placeholder) {
                text = text.replace(&placeholder, &place(name));
            }
        }
        let failed = |text: String, class, told: &Told| {
            let told = told.clone();
            Box::new(Failed { text, class, told })
        };
        let told = Mutex::new((Told::default(), std::collections::HashMap::new()));
        let events = |event: Event| {
            let (told, names) = &mut *told.lock().unwrap();
            match event {
                Event::Started { vertex, work } => {
                    names.insert(vertex, work.name);
                }
                Event::Finished { vertex, cached } => {
                    told.steps.push((names[&vertex].clone(), cached));
                }
                Event::Detail { .. }
                | Event::Progress { .. }
                | Event::Failed { .. }
                | Event::Stopped { .. } => {}
                Event::Warning { text } => told.warnings.push(text),
                Event::Note { text } => told.notes.push(text),
                Event::Losses { losses, hidden } => {
                    told.losses = losses;
                    told.hidden = hidden;
                    told.loss_events += 1;
                }
            }
        };
        let store = Store::open(&self.path(ask.store)).unwrap();
        let registry = Registry::new(RemoteConfig::new(Environment::default()));
        let builder = Builder::new(store, registry, ask.threads, &events);
        let builder = match &ask.git {
            Some(git) => builder.with_git(git.clone()),
            None => builder,
        };
        let stopped = |error: BuildError| {
            let told = told.lock().unwrap().0.clone();
            failed(error.to_string(), error.class(), &told)
        };
        let context = match &ask.context {
            Given::Folder => Ok(OpenedContext::folder(self.path("context"))),
            Given::Stream(bytes) => builder.receive_context("-", &bytes[..], &ask.limits),
            Given::At(source) => builder.open_context(source, &ask.limits, ask.no_cache),
        };
        let context = context.map_err(stopped)?;
        let source = match (&ask.found, &ask.dockerfile_path) {
            (Some(source), _) => source.clone(),
            (None, _) => DockerfileSource::Bytes("Dockerfile".to_owned(), text.into_bytes()),
        };
        let found = builder.dockerfile(&context, source, &ask.limits);
        let found = found.map_err(stopped)?;
        let parsed = Dockerfile::parse(&found.name, &found.bytes)
            .map_err(|error| failed(error.to_string(), ErrorClass::Input, &Told::default()))?;
        let platforms = match ask.platforms {
            [] => &[ask.platform][..],
            several => several,
        };
        let platforms = platforms.iter().map(|platform| platform.parse().unwrap());
        let annotations = ask.annotations.iter();
        let annotations = annotations.flat_map(|text| Annotation::parse_option(text).unwrap());
        let mut options = Options::new("linux/amd64".parse().unwrap());
        options.target = ask.target.map(str::to_owned);
        let named = ask.named.iter();
        let meanings = named
            .clone()
            .map(|(name, meaning, _)| (name.to_string(), meaning.clone()));
        options.contexts = meanings.collect();
        let request = BuildRequest {
            dockerfile: &parsed,
            dockerfile_place: match &ask.dockerfile_path {
                Some(path) => DockerfilePlace::File(path.clone()),
                None => found.place,
            },
            context,
            contexts: named
                .filter_map(|(name, _, source)| Some((name.to_string(), source.clone()?)))
                .collect(),
            directory: self.folder.path().to_owned(),
            options,
            platforms: platforms.collect(),
            annotations: annotations.collect(),
            names: ask.names.iter().map(|name| name.parse().unwrap()).collect(),
            outputs,
            strict: ask.strict,
            pull: false,
            no_cache: ask.no_cache,
            no_cache_stages: ask
                .no_cache_stages
                .iter()
                .map(|&name| name.to_owned())
                .collect(),
            collision: ask.collision,
            foreign: ask.foreign,
            context_modes: ask.modes,
            epoch: ask.epoch.map(Timestamp::from_seconds),
            limits: ask.limits,
        };
        let mut diagnostics = Vec::new();
        let result = builder.build(&request, &mut |diagnostic| {
            diagnostics.push(diagnostic.render(parsed.source()));
        });
        let mut told = told.lock().unwrap().0.clone();
        told.warnings.extend(diagnostics);
        match result {
            Ok(built) => Ok((built.descriptor.digest.to_string(), told)),
            Err(crossdock_build::BuildError::Lower(error)) => {
                let text = error.diagnostic().render(parsed.source());
                Err(failed(text, ErrorClass::Input, &told))
            }
            Err(error) => Err(failed(error.to_string(), error.class(), &told)),
        }
    }

    /// Reads the image with `tag`, or the only one, of a layout: every digest and size is checked,
    /// every new layer validated, history compared with layers.
    #[track_caller]
    pub(crate) fn read(&self, layout: &Path, tag: Option<&str>, told: Told) -> Image {
        let index: Value =
            serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
        let entries = index["manifests"].as_array().unwrap();
        let tagged = |entry: &&Value| {
            let name = &entry["annotations"]["org.opencontainers.image.ref.name"];
            tag.is_none_or(|tag| name == tag)
        };
        let descriptor = entries.iter().find(tagged).unwrap().clone();
        self.read_image(layout, descriptor, told)
    }

    /// Builds for several platforms and reads the index and its images.
    pub(crate) fn build_index(
        &self,
        dockerfile: &str,
        ask: Ask<'_>,
    ) -> Result<(Value, Vec<Image>), Box<Failed>> {
        let output = self.path(&format!("out-{}", self.outputs.get()));
        self.outputs.set(self.outputs.get() + 1);
        let (_, told) = self.run(dockerfile, &ask, vec![layout(output.clone())])?;
        let layout: Value =
            serde_json::from_slice(&fs::read(output.join("index.json")).unwrap()).unwrap();
        let top = layout["manifests"][0].clone();
        assert_eq!(top["mediaType"], INDEX);
        let index: Value = serde_json::from_slice(&read_blob(&output, &top)).unwrap();
        let entries = index["manifests"].as_array().unwrap();
        let images = entries
            .iter()
            .map(|entry| self.read_image(&output, entry.clone(), told.clone()))
            .collect();
        Ok((json!({ "top": top, "index": index }), images))
    }

    #[track_caller]
    fn read_image(&self, layout: &Path, descriptor: Value, told: Told) -> Image {
        let blob = |descriptor: &Value| read_blob(layout, descriptor);
        let manifest: Value = serde_json::from_slice(&blob(&descriptor)).unwrap();
        assert_eq!(manifest["mediaType"], MANIFEST);
        let config: Value = serde_json::from_slice(&blob(&manifest["config"])).unwrap();
        let descriptors = manifest["layers"].as_array().unwrap();
        let tars: Vec<Vec<u8>> = descriptors.iter().map(|d| decompress(&blob(d))).collect();
        let diff_ids: Vec<String> = tars.iter().map(|tar| digest(tar)).collect();
        assert_eq!(config["rootfs"]["diff_ids"], json!(diff_ids));
        let new_layers = descriptors
            .iter()
            .rev()
            .take_while(|layer| !self.is_of_a_base(layer["digest"].as_str().unwrap()))
            .count();
        validate(&config, &tars, tars.len() - new_layers);
        let image = Image {
            digest: descriptor["digest"].as_str().unwrap().to_owned(),
            layers: tars.iter().map(|tar| archive::read(tar)).collect(),
            descriptor,
            manifest: manifest.clone(),
            config,
            new_layers,
            told,
        };
        let with_layer = image.history().iter().filter(|(_, layer)| *layer).count();
        assert_eq!(with_layer, image.layers.len(), "{:#?}", image.history());
        image
    }

    fn is_of_a_base(&self, digest: &str) -> bool {
        let mut folders: Vec<PathBuf> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.join("oci-layout").exists())
            .filter(|path| {
                let name = path.file_name().unwrap().to_string_lossy();
                !name.starts_with("out") && !name.starts_with("store")
            })
            .collect();
        if let Some(generated) = GENERATED.get() {
            folders.extend(["linux", "windows"].map(|name| generated.path().join(name)));
        }
        folders
            .iter()
            .any(|folder| blob_path(folder, digest).exists())
    }
}

fn decompress(bytes: &[u8]) -> Vec<u8> {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut plain = Vec::new();
        let mut decoder = flate2::read::MultiGzDecoder::new(bytes);
        decoder.read_to_end(&mut plain).unwrap();
        return plain;
    }
    if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        return zstd::decode_all(bytes).unwrap();
    }
    bytes.to_vec()
}

#[track_caller]
fn validate(config: &Value, tars: &[Vec<u8>], base_layers: usize) {
    let mut parents = Parents::new();
    for (number, tar) in tars.iter().enumerate() {
        let of_base = number < base_layers;
        if config["os"] == "linux" {
            let report = validate_linux_layer(&tar[..]);
            assert!(
                of_base || report.problems.is_empty(),
                "{:#?}",
                report.problems
            );
            continue;
        }
        let role = match number {
            0 => LayerRole::Base,
            _ => LayerRole::Child(&parents),
        };
        let mut report = validate_layer(&tar[..], role);
        parents.push(&report);
        report
            .problems
            .retain(|problem| !of_base || !EXPORT_TOLERATED.contains(&problem.rule));
        // Bases of these tests need not be valid; what is put on them must be.
        assert!(
            of_base || report.problems.is_empty(),
            "{:#?}",
            report.problems
        );
    }
}

/// An OCI layout in a folder.
pub(crate) fn layout(path: PathBuf) -> Output {
    OutputKind::Layout(path).into()
}

/// An OCI archive in a file.
pub(crate) fn archive(path: PathBuf) -> Output {
    OutputKind::OciArchive(Target::File(path)).into()
}

/// The store.
pub(crate) fn stored() -> Output {
    OutputKind::Image { push: false }.into()
}
