//! Performing operations.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, Cursor, Read};
use std::sync::Arc;

use crossdock_dockerfile::BaseRequest;
use crossdock_graph::{Copy, Mode, Operation, OperationId, Step};
use crossdock_image::{BlobDigest, Descriptor, DiffId, LayerCompression, oci_layer_media_type};
use crossdock_layer::{
    Content, CopyOptions, EditError, Gathered, Kind, LayerEdit, LayerFormat, LayerIndex, LayerPlan,
    Loss, ModeChange, Note, Owner, Timestamp, Tree, answer,
};
use crossdock_store::Store;

use crate::base::BaseImage;
use crate::builder::{BuildRequest, ForeignMetadata, enters_system_folder, is_independent};
use crate::cache::{
    CacheEntry, CacheRecord, CachedLayer, CachedResult, KeyHasher, load_losses, store_losses,
};
use crate::content::{Spool, read_small};
use crate::context::Contexts;
use crate::download::Downloads;
use crate::error::{BuildError, at};
use crate::event::{Event, Events, Meter, Vertices, Work};
use crate::layers::{Layer, LayerIndexer, whole};
use crate::owner;
use crate::place::BlobPlace;
use crate::sources::{Sources, find_layer};
use crate::state::{Layered, State};
use crate::write::write_layer;

/// What a result is kept under.
pub(crate) struct Key {
    /// Hash of everything that the operation depends on but for the tree beneath.
    pub(crate) operation: [u8; 32],
    /// Whether it looks at the tree beneath.
    pub(crate) asks: bool,
}

impl Key {
    /// Hash of the layers beneath, for an operation that looks at them.
    fn beneath(&self, base: &Layered) -> [u8; 32] {
        let mut hasher = KeyHasher::new("beneath");
        if self.asks {
            hasher.layers(base.layers.iter().map(|layer| layer.diff_id));
        }
        hasher.finish()
    }

    /// The layers whose indexes lead to the result: those beneath if they are looked at, and those
    /// that are copied from.
    fn layers(&self, base: &Layered, sources: Option<&Sources>) -> Vec<DiffId> {
        let beneath = base.layers.iter().filter(|_| self.asks);
        let copied = sources.into_iter().flat_map(|sources| &sources.layers);
        beneath.chain(copied).map(|layer| layer.diff_id).collect()
    }
}

/// What an operation led to: the state, whether it was known, and what the cache keeps of it.
pub(crate) struct Added {
    pub(crate) state: State,
    pub(crate) cached: bool,
    pub(crate) result: CachedResult,
}

/// A record of the cache, and the layer that it names.
pub(crate) type Recalled = (CacheRecord, Option<Arc<Layer>>);
/// A result of the cache, and the layer that it names.
pub(crate) type Known = (CachedResult, Option<Arc<Layer>>);

/// Performs the operations of one build.
pub(crate) struct Performer<'a> {
    pub(crate) store: &'a Store,
    pub(crate) events: Events<'a>,
    pub(crate) threads: usize,
    pub(crate) vertices: &'a Vertices,
    pub(crate) request: &'a BuildRequest<'a>,
    pub(crate) contexts: &'a Contexts,
    pub(crate) downloads: &'a Downloads<'a>,
    pub(crate) bases: &'a BTreeMap<BaseRequest, BaseImage>,
    /// Warnings of the operation that is being performed.
    pub(crate) warned: RefCell<Vec<String>>,
    /// Warnings that were told: steps of several platforms often say the same.
    pub(crate) told: RefCell<HashSet<String>>,
    /// Its number among all pieces of work.
    pub(crate) vertex: Cell<usize>,
    /// The numbers of the steps that were performed.
    pub(crate) performed: RefCell<BTreeMap<OperationId, usize>>,
}

/// What all operations together brought about beside trees.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) losses: Vec<Loss>,
    pub(crate) hidden: u64,
    /// Layers whose hidden entries are counted.
    pub(crate) counted: HashSet<DiffId>,
    /// The newest time in each new layer.
    pub(crate) newest: HashMap<DiffId, Timestamp>,
    /// Blobs of new layers, which lie in the store.
    pub(crate) stored: Vec<BlobDigest>,
}

impl Outcome {
    /// Files that were downloaded: what is found damaged is downloaded again.
    fn fetched(&mut self, files: Layered) -> State {
        let blobs = files.layers.iter().map(|layer| layer.descriptor.digest);
        self.stored.extend(blobs);
        State::Layers(Arc::new(files))
    }
}

impl Performer<'_> {
    pub(crate) fn perform(
        &self,
        step: &Step,
        place: (usize, usize),
        states: &BTreeMap<OperationId, State>,
        outcome: &mut Outcome,
    ) -> Result<State, BuildError> {
        match &step.operation {
            Operation::Image { source, platform } => self.image(source, platform),
            Operation::Context { name } => {
                let state = self.contexts.get(name);
                state.cloned().ok_or_else(|| BuildError::NoContext {
                    location: Box::new(step.location.clone()),
                    name: name.clone(),
                })
            }
            Operation::Download(download) => {
                let time = self.default_time();
                let files = self.downloads.download(download, &step.location, time)?;
                Ok(outcome.fetched(files))
            }
            Operation::Git(git) => {
                let files = self.downloads.git(git, &step.location)?;
                Ok(outcome.fetched(files))
            }
            Operation::Scratch => self.timed(step, place, || self.scratch(step, outcome)),
            Operation::Copy(copy) => self.timed(step, place, || {
                let aliases = self.copy_aliases(copy, states);
                let base = layered(states, copy.base);
                self.through_aliases(step, base, aliases, outcome, |outcome| {
                    self.copy(step, copy, states, outcome)
                })
            }),
            Operation::MakeDirectory { base, path, owner } => self.timed(step, place, || {
                let base = layered(states, *base);
                let aliases = self.directory_alias(base, path, owner.as_deref());
                self.through_aliases(step, base, Some(aliases), outcome, |outcome| {
                    self.make_directory(step, base, path, owner.as_deref(), outcome)
                })
            }),
        }
    }

    /// Tells that a step begins and ends. `perform` returns the state and whether it was cached.
    fn timed(
        &self,
        step: &Step,
        (number, total): (usize, usize),
        perform: impl FnOnce() -> Result<(State, bool), BuildError>,
    ) -> Result<State, BuildError> {
        let location = &step.location;
        let stage = stage_name(&location.stage);
        let system = &step.platform.os;
        let platform = match self.request.platforms.len() {
            1 => system.clone(),
            _ => step.platform.to_string(),
        };
        let work = Work {
            name: format!("[{stage} {platform} {number}/{total}] {}", location.text),
            stage: Some(stage),
            system: Some(system.clone()),
            inputs: self.inputs(&step.operation),
        };
        self.vertices.follow(self.events, work, None, |vertex| {
            self.vertex.set(vertex);
            perform()
        })
    }

    /// The steps that an operation needs, each once.
    fn inputs(&self, operation: &Operation) -> Vec<usize> {
        let needed: Vec<OperationId> = match operation {
            Operation::Copy(copy) => std::iter::once(copy.base).chain(copy.trees()).collect(),
            Operation::MakeDirectory { base, .. } => vec![*base],
            _ => Vec::new(),
        };
        let performed = self.performed.borrow();
        let mut inputs: Vec<usize> = needed
            .iter()
            .filter_map(|id| performed.get(id).copied())
            .collect();
        inputs.sort_unstable();
        inputs.dedup();
        inputs
    }

    fn image(
        &self,
        source: &crossdock_image::ImageSource,
        platform: &crossdock_image::Platform,
    ) -> Result<State, BuildError> {
        let key = BaseRequest {
            source: source.clone(),
            platform: platform.clone(),
        };
        let Some(image) = self.bases.get(&key) else {
            unreachable!("lowering ends when all images are there");
        };
        let os = &image.platform.os;
        let format = LayerFormat::of_os(os).ok_or_else(|| BuildError::UnknownOs {
            image: source.to_string(),
            os: os.clone(),
        })?;
        let (platform, layers) = (image.platform.clone(), image.layers.clone());
        Ok(State::Layers(Arc::new(Layered::new(
            format,
            platform,
            layers,
            source.to_string(),
        ))))
    }

    /// `FROM scratch`: nothing on Linux, a base layer with hives on Windows.
    fn scratch(&self, step: &Step, outcome: &mut Outcome) -> Result<(State, bool), BuildError> {
        let format = format_of(step)?;
        let empty = Layered::new(
            format,
            step.platform.clone(),
            Vec::new(),
            "scratch".to_owned(),
        );
        if format == LayerFormat::Linux {
            return Ok((State::Layers(Arc::new(empty)), false));
        }
        let mut key = KeyHasher::new("windows base");
        key.value(&self.default_time());
        let edit = || Ok(LayerEdit::windows_base(self.default_time()));
        let key = Key {
            operation: key.finish(),
            asks: false,
        };
        let added = self.add_layer(step, &empty, key, None, edit, outcome)?;
        Ok((added.state, added.cached))
    }

    /// The state with a new layer upon `base`.
    pub(crate) fn upon(&self, step: &Step, base: &Layered, layer: Option<Arc<Layer>>) -> State {
        let name = name_of(step, base).to_owned();
        State::Layers(Arc::new(base.with_layer(layer, name)))
    }

    fn make_directory(
        &self,
        step: &Step,
        base: &Layered,
        path: &str,
        owner: Option<&str>,
        outcome: &mut Outcome,
    ) -> Result<Added, BuildError> {
        let owner = match owner {
            Some(text) => self.working_directory_owner(step, base, text)?,
            None => None,
        };
        let mut key = KeyHasher::new("make directory");
        key.value(&(path, &owner, base.format, self.default_time()));
        let edit = || {
            let mut edit = LayerEdit::upon((*self.tree(base)?).clone(), self.default_time());
            let made = edit.make_directory(path.as_bytes(), owner.as_ref());
            made.map_err(|source| edit_error(step, source))?;
            Ok(edit)
        };
        let key = Key {
            operation: key.finish(),
            asks: true,
        };
        self.add_layer(step, base, key, None, edit, outcome)
    }

    /// The owner of a working directory. A user that only a running container could resolve is no
    /// reason to fail: the directory then belongs to whom the others belong to.
    fn working_directory_owner(
        &self,
        step: &Step,
        base: &Layered,
        text: &str,
    ) -> Result<Option<Owner>, BuildError> {
        match self.owner(step, base, text) {
            Ok(owner) => Ok(Some(owner)),
            Err(BuildError::Owner { reason, .. }) if base.format == LayerFormat::Windows => {
                self.warn(
                    step,
                    &format!("USER {text}: {reason}; the directory gets no owner of its own"),
                );
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn copy(
        &self,
        step: &Step,
        copy: &Copy,
        states: &BTreeMap<OperationId, State>,
        outcome: &mut Outcome,
    ) -> Result<Added, BuildError> {
        let base = layered(states, copy.base);
        let format = base.format;
        let independent = is_independent(copy, Some(format));
        if copy.link && !independent && enters_system_folder(&copy.destination) {
            self.warn(step, "--link to a folder of the system: the base is read, so that the folder keeps its permissions");
        }
        let sources = self.sources(step, copy, states)?;
        let mut gathered = Gathered::new();
        let mut losses = Vec::new();
        self.gather(step, copy, &sources, &mut gathered, &mut losses)?;
        let options = CopyOptions {
            owner: match &copy.owner {
                Some(text) => Some(self.owner(step, base, text)?),
                None => None,
            },
            mode: copy
                .mode
                .as_ref()
                .map(|mode| self.mode(step, mode))
                .transpose()?,
            collision: self.request.collision,
            clamp: self.request.epoch,
            default_time: self.default_time(),
        };
        let mut key = KeyHasher::new("copy");
        key.value(&(
            &copy.destination,
            &options,
            format,
            independent,
            self.request.foreign,
        ));
        key.value(&losses);
        let hash = &mut |id: u64| sources.hash(id);
        key.gathered(&gathered, hash)
            .map_err(|source| BuildError::Content {
                location: Box::new(step.location.clone()),
                what: "reading what is copied".to_owned(),
                source,
            })?;
        let edit = || {
            let mut edit = match independent {
                true => LayerEdit::independent(format, self.default_time()),
                false => LayerEdit::upon((*self.tree(base)?).clone(), self.default_time()),
            };
            if self.request.foreign == ForeignMetadata::Drop {
                edit.drop_foreign();
            }
            losses.into_iter().for_each(|loss| edit.lose(loss));
            if !gathered.has_sources() {
                // Patterns alone, and none matches: not even a parent is made.
                return Ok(edit);
            }
            edit.copy(&gathered, copy.destination.as_bytes(), &options)
                .map_err(|source| edit_error(step, source))?;
            Ok(edit)
        };
        let key = Key {
            operation: key.finish(),
            asks: !independent,
        };
        self.add_layer(step, base, key, Some(&sources), edit, outcome)
    }

    /// Runs `edit` unless its result is in the cache, and puts the layer on `base`.
    fn add_layer(
        &self,
        step: &Step,
        base: &Layered,
        key: Key,
        sources: Option<&Sources>,
        edit: impl FnOnce() -> Result<LayerEdit, BuildError>,
        outcome: &mut Outcome,
    ) -> Result<Added, BuildError> {
        let layers = key.layers(base, sources);
        let beneath = key.beneath(base);
        let entry = whole(self.store.cache_get(&key.operation)?, self.events);
        let entry = CacheEntry::parse(&entry.unwrap_or_default());
        if let Some((result, layer)) = self.recall(step, &entry, &key, base, &layers)? {
            self.take_in(step, &result.record, outcome);
            return Ok(Added {
                state: self.upon(step, base, layer),
                cached: true,
                result,
            });
        }
        let plan = edit()?.finish();
        let mut record = CacheRecord {
            layer: None,
            losses: store_losses(&plan.losses),
            // What is left out is not kept.
            hidden: match self.request.foreign {
                ForeignMetadata::Keep => plan.hidden,
                ForeignMetadata::Drop => 0,
            },
            warnings: group_notes(&plan.notes),
            newest: plan.newest().map(|time| (time.seconds, time.nanoseconds)),
            origin: None,
        };
        let mut layer = None;
        if !plan.is_empty() {
            let (descriptor, index) = self.write(step, &plan, sources)?;
            let diff_id = index.diff_id();
            record.layer = Some(CachedLayer {
                diff_id,
                blob: descriptor.digest,
                size: descriptor.size,
            });
            let name = name_of(step, base);
            let stored = self.stored(descriptor, diff_id, name).with_index(index);
            layer = Some(Arc::new(stored));
        }
        let questions = if key.asks { plan.questions } else { Vec::new() };
        let answers = self.answers(base, &questions)?;
        let result = CachedResult {
            record,
            beneath,
            questions,
            answers,
            layers,
        };
        let entry = entry.with(result.clone());
        self.store.cache_put(&key.operation, &entry.to_bytes())?;
        self.take_in(step, &result.record, outcome);
        Ok(Added {
            state: self.upon(step, base, layer),
            cached: false,
            result,
        })
    }

    fn stored(&self, blob: Descriptor, diff_id: DiffId, name: &str) -> Layer {
        let place = BlobPlace::Store(self.store.clone());
        Layer::new(blob, diff_id, place, name.to_owned())
    }

    pub(crate) fn take_in(&self, step: &Step, record: &CacheRecord, outcome: &mut Outcome) {
        outcome.losses.extend(load_losses(&record.losses));
        // Layers that are equal are one, and so is what is hidden in them.
        let layer = record.layer.as_ref().map(|layer| layer.diff_id);
        if layer.is_none_or(|layer| outcome.counted.insert(layer)) {
            outcome.hidden += record.hidden;
        }
        for warning in &record.warnings {
            self.warn(step, warning);
        }
        if let (Some(layer), Some((seconds, nanoseconds))) = (&record.layer, record.newest) {
            outcome.newest.insert(
                layer.diff_id,
                Timestamp {
                    seconds,
                    nanoseconds,
                },
            );
            outcome.stored.push(layer.blob);
        }
    }

    /// What an equal operation made upon the same layers, or upon others that give the same answers
    /// to what it asked. `layers` are those whose indexes lead to it.
    pub(crate) fn recall(
        &self,
        step: &Step,
        entry: &CacheEntry,
        key: &Key,
        base: &Layered,
        layers: &[DiffId],
    ) -> Result<Option<Known>, BuildError> {
        if !self.request.uses_cache(&step.location.stage) {
            return Ok(None);
        }
        let name = name_of(step, base);
        let beneath = key.beneath(base);
        let results = entry.results();
        if let Some(result) = results.iter().find(|result| result.beneath == beneath) {
            let loaded = self.load(&result.record, name)?;
            return Ok(loaded.map(|(_, layer)| (result.clone(), layer)));
        }
        for result in results.iter().filter(|_| key.asks) {
            if self.answers(base, &result.questions)? != result.answers {
                continue;
            }
            if let Some((_, layer)) = self.load(&result.record, name)? {
                // Next time nothing need be asked.
                let result = CachedResult {
                    beneath,
                    layers: layers.to_vec(),
                    ..result.clone()
                };
                let entry = entry.clone().with(result.clone());
                self.store.cache_put(&key.operation, &entry.to_bytes())?;
                return Ok(Some((result, layer)));
            }
        }
        Ok(None)
    }

    /// What the tree of `base` answers to all questions.
    fn answers(&self, base: &Layered, questions: &[Vec<u8>]) -> Result<[u8; 32], BuildError> {
        let mut hasher = KeyHasher::new("answers");
        if !questions.is_empty() {
            let tree = self.tree(base)?;
            questions
                .iter()
                .for_each(|path| hasher.field(&answer(&tree, path)));
        }
        Ok(hasher.finish())
    }

    /// A record with its layer, if that and its index are still there.
    pub(crate) fn load(
        &self,
        record: &CacheRecord,
        name: &str,
    ) -> Result<Option<Recalled>, BuildError> {
        let Some(cached) = &record.layer else {
            return Ok(Some((record.clone(), None)));
        };
        match self.store.blob_size(&cached.blob) {
            Some(size) if size == cached.size => {}
            Some(_) => {
                self.store.report_damaged_blob(&cached.blob);
                (self.events)(Event::Warning {
                    text: format!(
                        "store: layer {} was damaged and has been set aside; it is made again",
                        cached.blob
                    ),
                });
                return Ok(None);
            }
            None => return Ok(None),
        }
        // The index is opened when the layer's tree is needed, and then made anew if it is damaged.
        let media_type = oci_layer_media_type(LayerCompression::Gzip);
        let descriptor = Descriptor::new(media_type, cached.blob, cached.size);
        let layer = Arc::new(self.stored(descriptor, cached.diff_id, name));
        Ok(Some((record.clone(), Some(layer))))
    }

    fn write(
        &self,
        step: &Step,
        plan: &LayerPlan,
        sources: Option<&Sources>,
    ) -> Result<(Descriptor, LayerIndex), BuildError> {
        let streams = plan.entries.iter().flat_map(|entry| &entry.streams);
        let contents = plan
            .entries
            .iter()
            .filter_map(|entry| entry.content.as_ref());
        let contents = contents.chain(streams.map(|stream| &stream.content));
        let contents: Vec<&Content> = contents.collect();
        if let Some(sources) = sources {
            self.bring(&sources.layers, &contents)?;
        }
        let none = || io::Error::other("the layer is not among the sources of the copy");
        let find = |layer: &DiffId| sources.ok_or_else(none)?.find_layer(layer);
        let failed = |source| BuildError::Content {
            location: Box::new(step.location.clone()),
            what: "reading what is copied".to_owned(),
            source,
        };
        let total = contents.iter().map(|content| content.size()).sum();
        let spool =
            Spool::fill(contents.into_iter(), &find, self.store, self.threads).map_err(failed)?;
        let mut open = |content: &Content| -> io::Result<Box<dyn Read>> {
            match content {
                Content::Inline(bytes) => Ok(Box::new(Cursor::new(Arc::clone(bytes)))),
                Content::Layer(content) => spool.open(content),
                Content::External { id, .. } => {
                    let context = sources.and_then(|sources| sources.context.as_ref());
                    let context = context.ok_or_else(none)?;
                    Ok(Box::new(context.open_unchanged(*id)?))
                }
            }
        };
        let meter = Meter::new(self.events, self.vertex.get(), total);
        let place = (self.store, self.threads);
        write_layer(plan, place, &step.location, meter, &mut open)
    }

    /// Downloads layers whose content is wanted: they may be known by their indexes alone.
    pub(crate) fn bring(
        &self,
        layers: &[Arc<Layer>],
        contents: &[&Content],
    ) -> Result<(), BuildError> {
        let wanted: HashSet<DiffId> = contents
            .iter()
            .filter_map(|content| match content {
                Content::Layer(content) => Some(content.layer),
                Content::Inline(_) | Content::External { .. } => None,
            })
            .collect();
        let layers = layers
            .iter()
            .filter(|layer| wanted.contains(&layer.diff_id));
        let layers: Vec<Arc<Layer>> = layers.cloned().collect();
        self.indexer().ensure_stored(&layers)
    }

    fn mode(&self, step: &Step, mode: &Mode) -> Result<ModeChange, BuildError> {
        match mode {
            Mode::Octal(mode) => Ok(ModeChange::Octal(*mode)),
            Mode::Symbolic(text) => {
                ModeChange::parse(text).ok_or_else(|| BuildError::Unsupported {
                    location: Box::new(step.location.clone()),
                    what: format!("--chmod={text}"),
                })
            }
        }
    }

    fn owner(&self, step: &Step, base: &Layered, text: &str) -> Result<Owner, BuildError> {
        let mut failure = None;
        let mut read = |path: &str| {
            self.read_file(step, base, path).map_err(|error| {
                let reason = error.to_string();
                failure = Some(error);
                reason
            })
        };
        let found = owner::resolve(text, base.format, &mut read);
        let found = found.map_err(|reason| {
            failure.unwrap_or_else(|| BuildError::Owner {
                location: Box::new(step.location.clone()),
                reason,
            })
        })?;
        if let Some(warning) = found.warning {
            self.warn(step, &warning);
        }
        Ok(found.owner)
    }

    /// Reads a small file of a stage.
    fn read_file(
        &self,
        step: &Step,
        state: &Layered,
        path: &str,
    ) -> Result<Option<Vec<u8>>, BuildError> {
        const LIMIT: u64 = 8 << 20;
        let tree = self.tree(state)?;
        let Ok(node) = tree.lookup(tree.root(), path.as_bytes(), true) else {
            return Ok(None);
        };
        let Some(Kind::File(content)) = tree.entry(node).map(|entry| entry.kind) else {
            return Ok(None);
        };
        let failed = |source| BuildError::Content {
            location: Box::new(step.location.clone()),
            what: path.to_owned(),
            source,
        };
        let find = |layer: &DiffId| find_layer(&state.layers, layer);
        let bytes = read_small(&content, LIMIT, &find, self.store).map_err(failed)?;
        Ok(Some(bytes))
    }

    /// The tree of a state, its layers read if they are not known.
    pub(crate) fn tree(&self, state: &Layered) -> Result<Arc<Tree>, BuildError> {
        self.indexer().ensure(&state.layers)?;
        state.tree().map_err(|source| BuildError::Stack {
            image: state.name.clone(),
            source: Box::new(source),
        })
    }

    pub(crate) fn indexer(&self) -> LayerIndexer<'_> {
        LayerIndexer {
            store: self.store,
            limits: self.request.limits,
            threads: self.threads,
            events: self.events,
            vertices: self.vertices,
        }
    }

    pub(crate) fn default_time(&self) -> Timestamp {
        self.request.default_time()
    }

    pub(crate) fn warn(&self, step: &Step, text: &str) {
        self.warned.borrow_mut().push(text.to_owned());
        let text = format!("{}: {text}", at(&step.location));
        if self.told.borrow_mut().insert(text.clone()) {
            (self.events)(Event::Warning { text });
        }
    }
}

/// Notes that say the same of many entries become one line.
pub(crate) fn group_notes(notes: &[Note]) -> Vec<String> {
    const NAMED: usize = 3;
    let mut by_text: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for note in notes {
        by_text.entry(&note.text).or_default().push(&note.path);
    }
    let lines = by_text.into_iter().map(|(text, paths)| match paths.len() {
        1 => format!("{} {text}", paths[0]),
        count if count <= NAMED => format!("each of {} {text}", paths.join(", ")),
        count => format!(
            "each of {} and {} more {text}",
            paths[..NAMED].join(", "),
            count - NAMED
        ),
    });
    lines.collect()
}

/// Whose layer it is that a step makes, for messages.
pub(crate) fn name_of<'n>(step: &'n Step, base: &'n Layered) -> &'n str {
    match step.location.stage.as_str() {
        "" => &base.name,
        stage => stage,
    }
}

/// A stage's name; a number alone would say little.
fn stage_name(stage: &str) -> String {
    match stage.parse::<u32>() {
        Ok(number) => format!("stage-{number}"),
        Err(_) => stage.to_owned(),
    }
}

pub(crate) fn layered(states: &BTreeMap<OperationId, State>, id: OperationId) -> &Layered {
    match &states[&id] {
        State::Layers(state) => state,
        // The frontend puts nothing on a context.
        State::Context(_) => unreachable!("a stage cannot be built upon a context"),
    }
}

fn format_of(step: &Step) -> Result<LayerFormat, BuildError> {
    let os = &step.platform.os;
    LayerFormat::of_os(os).ok_or_else(|| BuildError::UnknownOs {
        image: step.platform.to_string(),
        os: os.clone(),
    })
}

pub(crate) fn edit_error(step: &Step, source: EditError) -> BuildError {
    BuildError::Edit {
        location: Box::new(step.location.clone()),
        source: Box::new(source),
    }
}
