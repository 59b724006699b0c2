//! A build from beginning to end.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crossdock_dockerfile::{
    BaseConfig, BaseRequest, Diagnostic, Dockerfile, Lowering, Options, Plan, lower,
};
use crossdock_graph::{Copy, Graph, Operation, OperationId, Step, Target};
use crossdock_image::{BlobDigest, Descriptor, DiffId, ImageSource, Platform, Reference, fits};
use crossdock_layer::{CollisionPolicy, EPOCH_1980, LayerFormat, Limits, Timestamp};
use crossdock_remote::{Git, Registry};
use crossdock_store::Store;

use crate::annotations::Annotation;
use crate::assemble::{AssembledImage, assemble};
use crate::base::{BaseImage, ImageFinder};
use crate::compose::ComposedImage;
use crate::context::{
    ContextModes, ContextReading, ContextSource, Contexts, DockerfilePlace, DockerfileSource,
    FoundDockerfile, MAX_DOCKERFILE, OpenedContext,
};
use crate::download::{Downloads, is_remote};
use crate::error::BuildError;
use crate::event::{Event, Events, Vertices};
use crate::layers::{Layer, LayerIndexer};
use crate::output::{Exporter, Output, check_outputs};
use crate::perform::{Outcome, Performer};
use crate::state::State;

/// What becomes of metadata that the target system cannot express.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ForeignMetadata {
    /// It travels in records of the layer.
    #[default]
    Keep,
    /// It is left out.
    Drop,
}

/// What to build.
#[derive(Debug)]
pub struct BuildRequest<'a> {
    /// The parsed Dockerfile.
    pub dockerfile: &'a Dockerfile,
    /// Where it lies, for `NAME.dockerignore`.
    pub dockerfile_place: DockerfilePlace,
    /// The main context.
    pub context: OpenedContext,
    /// Contexts with a name, for the names that `options` says are files. Those that are used are
    /// opened.
    pub contexts: BTreeMap<String, ContextSource>,
    /// What relative folders of `oci-layout://` are relative to.
    pub directory: PathBuf,
    /// Target, arguments. The platform is each of `platforms` in turn.
    pub options: Options,
    /// What to build for. One gives an image, several an index of images in this order.
    pub platforms: Vec<Platform>,
    /// Names of the image, as `-t` gives them.
    pub names: Vec<Reference>,
    /// Where the image goes.
    pub outputs: Vec<Output>,
    /// Annotations of its manifests and index.
    pub annotations: Vec<Annotation>,
    /// Losses are errors.
    pub strict: bool,
    /// Registries are asked for images even if the store has one of the name.
    pub pull: bool,
    /// Results of earlier builds are not used.
    pub no_cache: bool,
    /// Nor are they in these stages, by name or number.
    pub no_cache_stages: Vec<String>,
    /// Names that differ only in case, on Windows.
    pub collision: CollisionPolicy,
    /// Metadata that the target cannot express.
    pub foreign: ForeignMetadata,
    /// Where the modes of files in contexts come from.
    pub context_modes: ContextModes,
    /// SOURCE_DATE_EPOCH.
    pub epoch: Option<Timestamp>,
    /// Limits for layers of others.
    pub limits: Limits,
}

impl BuildRequest<'_> {
    /// Whether results of earlier builds are used for steps of `stage`.
    pub(crate) fn uses_cache(&self, stage: &str) -> bool {
        let stages = &self.no_cache_stages;
        !self.no_cache && !stages.iter().any(|name| name.eq_ignore_ascii_case(stage))
    }

    /// The time of what has none: SOURCE_DATE_EPOCH, else 1980.
    pub(crate) fn default_time(&self) -> Timestamp {
        let default = Timestamp::from_seconds(EPOCH_1980);
        self.epoch.unwrap_or(default)
    }
}

/// What a build made.
#[derive(Debug, Clone)]
pub struct Built {
    /// The manifest of the only image, or the index of all.
    pub descriptor: Descriptor,
    /// The images, in the order of the platforms.
    pub images: Vec<ComposedImage>,
}

/// What all platforms need together, and what each is.
struct Plans {
    graph: Graph,
    /// With the platform that was asked for.
    targets: Vec<(Platform, Target)>,
    warnings: Vec<Diagnostic>,
}

/// Builds images with one store.
pub struct Builder<'a> {
    store: Store,
    registry: Registry,
    events: Events<'a>,
    threads: usize,
    vertices: Vertices,
    git: Git,
}

impl<'a> Builder<'a> {
    /// A builder that works with `threads` threads and tells `events` what goes on.
    pub fn new(store: Store, registry: Registry, threads: usize, events: Events<'a>) -> Self {
        Self {
            store,
            registry,
            events,
            threads: threads.max(1),
            vertices: Vertices::default(),
            git: Git::default(),
        }
    }

    /// With another client of git repositories.
    pub fn with_git(self, git: Git) -> Self {
        Self { git, ..self }
    }

    /// The store that it works with.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Opens a context. What is not on this machine is fetched into the store, within `limits`.
    pub fn open_context(
        &self,
        source: &ContextSource,
        limits: &Limits,
        no_cache: bool,
    ) -> Result<OpenedContext, BuildError> {
        self.downloads(limits, no_cache).context(source)
    }

    /// Reads a context from a stream that messages call `name`: a tar in any compression, within
    /// `limits`, or a Dockerfile.
    pub fn receive_context(
        &self,
        name: &str,
        stream: impl Read,
        limits: &Limits,
    ) -> Result<OpenedContext, BuildError> {
        OpenedContext::receive(name, stream, &self.store, limits)
    }

    /// Finds the Dockerfile.
    pub fn dockerfile(
        &self,
        context: &OpenedContext,
        source: DockerfileSource,
        limits: &Limits,
    ) -> Result<FoundDockerfile, BuildError> {
        match source {
            DockerfileSource::Default => context.find_dockerfile(None, &self.store),
            DockerfileSource::Path(path) => context.find_dockerfile(Some(&path), &self.store),
            DockerfileSource::Bytes(name, bytes) => FoundDockerfile::elsewhere(name, bytes),
            DockerfileSource::Url(url) => {
                let bytes = self
                    .downloads(limits, true)
                    .small_file(&url, MAX_DOCKERFILE)?;
                FoundDockerfile::elsewhere(url.to_string(), bytes)
            }
        }
    }

    fn downloads(&self, limits: &Limits, no_cache: bool) -> Downloads<'_> {
        Downloads {
            store: &self.store,
            fetcher: self.registry.fetcher(),
            git: &self.git,
            events: self.events,
            vertices: &self.vertices,
            threads: self.threads,
            limits: *limits,
            no_cache,
            held: Mutex::default(),
        }
    }

    /// Builds the image and writes it to all outputs. Nothing is written to an output before the
    /// image is complete. Warnings of the Dockerfile are given to `diagnose`.
    pub fn build(
        &self,
        request: &BuildRequest<'_>,
        diagnose: &mut dyn FnMut(&Diagnostic),
    ) -> Result<Built, BuildError> {
        check_annotations(request)?;
        check_outputs(request, self.events)?;
        let (plans, bases) = self.plan(request)?;
        for warning in &plans.warnings {
            diagnose(warning);
        }
        check_supported(&plans.graph)?;
        self.check_platforms(&plans);
        let gone = |blob: BlobDigest| !self.store.contains(&blob);
        let downloads = self.downloads(&request.limits, request.no_cache);
        let mut attempts = 0;
        let (built, outcome, contexts) = loop {
            let mut outcome = Outcome::default();
            let downloaded = self.downloaded(&bases);
            let mut contexts = Contexts::default();
            let built = self
                .read_contexts(request, &plans.graph, &downloads, &mut contexts)
                .and_then(|()| downloads.prepare(&plans.graph))
                .and_then(|()| self.index_bases(request, &plans.graph, &bases))
                .and_then(|()| {
                    let files = (&contexts, &downloads);
                    self.attempt(request, &plans, &bases, files, &mut outcome)
                });
            // Each attempt finds at least one damaged layer; more attempts than layers find none.
            attempts += 1;
            let stored = outcome.stored.iter().chain(&downloaded).copied();
            let kept = || stored.clone().chain(contexts.blobs());
            if built.is_ok() || !kept().any(gone) || attempts > kept().count() {
                break (built, outcome, contexts);
            }
            // Reading found a layer damaged that was made or downloaded before, and put it aside.
            self.warn(
                "store: a layer was damaged and has been set aside; it is made or downloaded again"
                    .to_owned(),
            );
        };
        contexts.tell_modes(&plans.graph, self.events);
        self.tell_losses(&outcome);
        let built = built?;
        contexts.remember(&self.store)?;
        Ok(built)
    }

    /// Layers of images of registries that the store has, and can get again.
    fn downloaded(&self, bases: &BTreeMap<BaseRequest, BaseImage>) -> Vec<BlobDigest> {
        let layers = bases.values().flat_map(|base| &base.layers);
        let digests = layers
            .filter(|layer| layer.place.repository().is_some())
            .map(|layer| layer.descriptor.digest);
        digests
            .filter(|digest| self.store.contains(digest))
            .collect()
    }

    /// Performs all operations and writes the outputs.
    fn attempt(
        &self,
        request: &BuildRequest<'_>,
        plans: &Plans,
        bases: &BTreeMap<BaseRequest, BaseImage>,
        (contexts, downloads): (&Contexts, &Downloads<'_>),
        outcome: &mut Outcome,
    ) -> Result<Built, BuildError> {
        let performer = Performer {
            store: &self.store,
            events: self.events,
            threads: self.threads,
            vertices: &self.vertices,
            request,
            contexts,
            downloads,
            bases,
            warned: RefCell::default(),
            told: RefCell::default(),
            vertex: Cell::new(0),
            performed: RefCell::default(),
        };
        let mut states: BTreeMap<OperationId, State> = BTreeMap::new();
        let mut done: BTreeMap<(&str, &Platform), usize> = BTreeMap::new();
        for (id, step) in plans.graph.steps() {
            let number = done.entry(group(step)).or_default();
            *number += usize::from(!is_source(step));
            let place = (*number, steps_like(&plans.graph, step));
            let before = performer.vertex.get();
            let state = performer.perform(step, place, &states, outcome)?;
            let vertex = performer.vertex.get();
            if vertex != before {
                performer.performed.borrow_mut().insert(id, vertex);
            }
            states.insert(id, state);
        }
        outcome.losses.sort();
        outcome.losses.dedup();
        if request.strict && !outcome.losses.is_empty() {
            return Err(BuildError::Strict {
                count: outcome.losses.len(),
            });
        }
        let images = plans.targets.iter().map(|(_, target)| {
            let base = beginning(&plans.graph, target.tree, bases);
            let created = base.and_then(|base| base.config.created.as_deref());
            assemble(request, target, created, &states, outcome)
        });
        let images: Vec<AssembledImage> = images.collect();
        self.check_images(plans, &images);
        for ((_, target), image) in plans.targets.iter().zip(&images) {
            let config = &target.config.config;
            let is_new = |layer: &DiffId| outcome.newest.contains_key(layer);
            performer.check_executables(config, &image.platform, &image.state, &is_new)?;
        }
        let exporter = Exporter {
            request,
            store: &self.store,
            registry: &self.registry,
            threads: self.threads,
            events: self.events,
            vertices: &self.vertices,
            is_own: &|layer| outcome.newest.contains_key(layer),
            losses: RefCell::default(),
            stored: RefCell::default(),
        };
        let composed = exporter.export(&images);
        let (losses, stored) = (exporter.losses.take(), exporter.stored.take());
        outcome.losses.extend(losses);
        outcome.losses.sort();
        outcome.losses.dedup();
        outcome.stored.extend(stored);
        let composition = composed?;
        Ok(Built {
            descriptor: composition.top,
            images: composition.images,
        })
    }

    /// Lowers the Dockerfile for each platform, finding the images that it asks for.
    fn plan(
        &self,
        request: &BuildRequest<'_>,
    ) -> Result<(Plans, BTreeMap<BaseRequest, BaseImage>), BuildError> {
        let mut configs: BTreeMap<BaseRequest, BaseConfig> = BTreeMap::new();
        let mut images: BTreeMap<BaseRequest, BaseImage> = BTreeMap::new();
        let mut options = request.options.clone();
        loop {
            let mut needed = BTreeSet::new();
            let mut plans = Vec::with_capacity(request.platforms.len());
            for platform in &request.platforms {
                options.platform = platform.clone();
                match lower(request.dockerfile, &options, &configs)? {
                    Lowering::Done(plan) => plans.push((platform.clone(), *plan)),
                    Lowering::Needs(more) => needed.extend(more),
                }
            }
            if needed.is_empty() {
                return Ok((Plans::merged(plans), images));
            }
            for (base, image) in
                self.find(&request.directory, request.pull, request.limits, needed)?
            {
                configs.insert(
                    base.clone(),
                    BaseConfig {
                        config: image.config.clone(),
                        platform: image.platform.clone(),
                    },
                );
                // The operation names the platform that was found.
                let platform = image.platform.clone();
                images.insert(
                    BaseRequest {
                        source: base.source,
                        platform,
                    },
                    image,
                );
            }
        }
    }

    /// Finds images, all at once, as each makes a registry be waited for.
    pub(crate) fn find(
        &self,
        directory: &Path,
        pull: bool,
        limits: Limits,
        needed: BTreeSet<BaseRequest>,
    ) -> Result<Vec<(BaseRequest, BaseImage)>, BuildError> {
        let finder = ImageFinder {
            store: &self.store,
            registry: &self.registry,
            directory,
            pull,
            limits,
            events: self.events,
            vertices: &self.vertices,
        };
        let mut by_source: BTreeMap<&ImageSource, Vec<&Platform>> = BTreeMap::new();
        for BaseRequest { source, platform } in &needed {
            by_source.entry(source).or_default().push(platform);
        }
        let mut found: Vec<Option<Result<Vec<BaseImage>, BuildError>>> = Vec::new();
        found.resize_with(by_source.len(), || None);
        std::thread::scope(|scope| {
            for ((source, platforms), place) in by_source.iter().zip(&mut found) {
                let finder = &finder;
                scope.spawn(move || *place = Some(finder.find(source, platforms)));
            }
        });
        // Requests are in the order of their sources.
        let images = found.into_iter().flatten();
        let images = images.collect::<Result<Vec<_>, BuildError>>()?;
        Ok(needed
            .into_iter()
            .zip(images.into_iter().flatten())
            .collect())
    }

    /// Reads the contexts that something is copied from into `contexts`.
    fn read_contexts(
        &self,
        request: &BuildRequest<'_>,
        graph: &Graph,
        downloads: &Downloads<'_>,
        contexts: &mut Contexts,
    ) -> Result<(), BuildError> {
        let reading = ContextReading {
            store: &self.store,
            events: self.events,
            default_time: request.default_time(),
            modes: request.context_modes,
        };
        let used: BTreeSet<&str> = Contexts::used(graph).collect();
        for name in used {
            let (context, place) = match (name, request.contexts.get(name)) {
                ("", _) => (
                    downloads.again(&request.context)?,
                    request.dockerfile_place.clone(),
                ),
                (_, Some(source)) => (downloads.context(source)?, DockerfilePlace::Nowhere),
                // Told where it is asked for.
                (_, None) => continue,
            };
            contexts.add(name, context, &place, &reading)?;
        }
        Ok(())
    }

    /// Reads all layers that trees will be made of, together, so that all threads have work.
    fn index_bases(
        &self,
        request: &BuildRequest<'_>,
        graph: &Graph,
        bases: &BTreeMap<BaseRequest, BaseImage>,
    ) -> Result<(), BuildError> {
        let mut layers: Vec<Arc<Layer>> = Vec::new();
        for (_, step) in graph.steps() {
            for id in trees_needed(&step.operation, LayerFormat::of_os(&step.platform.os)) {
                if let Some(base) = beginning(graph, id, bases) {
                    layers.extend(base.layers.clone());
                }
            }
        }
        self.indexer(request).ensure_known(&layers)
    }

    fn indexer(&self, request: &BuildRequest<'_>) -> LayerIndexer<'_> {
        LayerIndexer {
            store: &self.store,
            limits: request.limits,
            threads: self.threads,
            events: self.events,
            vertices: &self.vertices,
        }
    }

    /// Warns if a base is for another platform than was asked for: then so is the image.
    fn check_platforms(&self, plans: &Plans) {
        // Of a single image `FROM` says what it is for.
        let several = plans.targets.len() > 1;
        for (wanted, target) in plans.targets.iter().filter(|_| several) {
            if !fits(&target.platform, wanted) {
                let found = &target.platform;
                self.warn(format!(
                    "the image for {wanted} is for {found}, as its base is; choose a base for \
                     {wanted}, by its tag or by TARGETOSVERSION in FROM"
                ));
            }
        }
    }

    /// Warns if readers of the index cannot tell two images apart.
    fn check_images(&self, plans: &Plans, images: &[AssembledImage]) {
        for (place, image) in images.iter().enumerate() {
            let earlier = &images[..place];
            if let Some(first) = earlier.iter().position(|e| e.platform == image.platform) {
                let (first, second) = (&plans.targets[first].0, &plans.targets[place].0);
                let platform = &image.platform;
                self.warn(format!(
                    "the images for {first} and {second} are both for {platform}: whoever reads \
                     the index takes the first"
                ));
            }
        }
    }

    fn warn(&self, text: String) {
        (self.events)(Event::Warning { text });
    }

    fn tell_losses(&self, outcome: &Outcome) {
        if !outcome.losses.is_empty() || outcome.hidden > 0 {
            (self.events)(Event::Losses {
                losses: outcome.losses.clone(),
                hidden: outcome.hidden,
            });
        }
    }
}

impl Plans {
    /// One graph of all: what several platforms need is there once.
    fn merged(plans: Vec<(Platform, Plan)>) -> Self {
        let mut merged = Self {
            graph: Graph::default(),
            targets: Vec::with_capacity(plans.len()),
            warnings: Vec::new(),
        };
        for (platform, plan) in plans {
            let ids = merged.graph.absorb(plan.graph);
            merged
                .targets
                .push((platform, plan.target.renumbered(&ids)));
            for warning in plan.warnings {
                if !merged.warnings.contains(&warning) {
                    merged.warnings.push(warning);
                }
            }
        }
        merged
    }
}

/// The image that the stage with the operation `id` begins with, if it is one of others.
fn beginning<'b>(
    graph: &Graph,
    mut id: OperationId,
    bases: &'b BTreeMap<BaseRequest, BaseImage>,
) -> Option<&'b BaseImage> {
    loop {
        match &graph.step(id).operation {
            Operation::Copy(copy) => id = copy.base,
            Operation::MakeDirectory { base, .. } => id = *base,
            Operation::Image { source, platform } => {
                return bases.get(&BaseRequest {
                    source: source.clone(),
                    platform: platform.clone(),
                });
            }
            Operation::Scratch
            | Operation::Context { .. }
            | Operation::Download(_)
            | Operation::Git(_) => return None,
        }
    }
}

/// Steps are counted by stage and platform.
fn group(step: &Step) -> (&str, &Platform) {
    (&step.location.stage, &step.platform)
}

/// Whether a step is no instruction by itself, but what one takes from.
fn is_source(step: &Step) -> bool {
    matches!(step.operation, Operation::Context { .. }) || is_remote(&step.operation)
}

/// Number of operations of the stage that `step` is of, contexts not counted.
fn steps_like(graph: &Graph, step: &Step) -> usize {
    let steps = graph.steps().map(|(_, other)| other);
    let like = |other: &&Step| group(other) == group(step) && !is_source(other);
    steps.filter(like).count()
}

/// Refuses annotations of an index that there will not be.
fn check_annotations(request: &BuildRequest<'_>) -> Result<(), BuildError> {
    let of_index = |annotation: &&Annotation| annotation.level.is_of_index();
    match request.annotations.iter().find(of_index) {
        Some(annotation) if request.platforms.len() < 2 => Err(BuildError::IndexAnnotation {
            level: annotation.level,
            key: annotation.key.clone(),
        }),
        _ => Ok(()),
    }
}

/// Refuses systems that nothing is known of, before any work.
fn check_supported(graph: &Graph) -> Result<(), BuildError> {
    for (_, step) in graph.steps() {
        if LayerFormat::of_os(&step.platform.os).is_none() {
            return Err(BuildError::UnknownOs {
                image: step.platform.to_string(),
                os: step.platform.os.clone(),
            });
        }
    }
    Ok(())
}

/// The operations whose trees an operation reads.
fn trees_needed(operation: &Operation, format: Option<LayerFormat>) -> Vec<OperationId> {
    match operation {
        Operation::Image { .. }
        | Operation::Scratch
        | Operation::Context { .. }
        | Operation::Download(_)
        | Operation::Git(_) => Vec::new(),
        Operation::MakeDirectory { base, .. } => vec![*base],
        Operation::Copy(copy) => {
            let mut needed = Vec::new();
            if !is_independent(copy, format) {
                needed.push(copy.base);
            }
            needed.extend(copy.trees());
            needed
        }
    }
}

/// Folders of Windows whose descriptors no copy may replace; `--link` to them looks at the base.
const SYSTEM_FOLDERS: [&str; 4] = ["Windows", "Users", "ProgramData", "Program Files"];

/// Whether the copy makes its layer without looking at the base (`--link`).
pub(crate) fn is_independent(copy: &Copy, format: Option<LayerFormat>) -> bool {
    copy.link && !(format == Some(LayerFormat::Windows) && enters_system_folder(&copy.destination))
}

/// Whether a Windows path begins with a folder of the system.
pub(crate) fn enters_system_folder(destination: &str) -> bool {
    let first = destination
        .split('/')
        .find(|part| !part.is_empty())
        .unwrap_or_default();
    SYSTEM_FOLDERS
        .iter()
        .any(|name| name.eq_ignore_ascii_case(first))
}
