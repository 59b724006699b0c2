//! A root file system, in a tar or a folder, becomes an image.

use std::fs::File;
use std::io::{self, Cursor, Read, Write};
use std::path::Path;
use std::sync::Arc;

use crossdock_graph::Location;
use crossdock_image::{
    Config, Descriptor, DiffId, History, Manifest, MediaType, RootFs, format_rfc3339,
};
use crossdock_layer::{
    Content, CopyOptions, EPOCH_1980, EditError, Gathered, LayerEdit, LayerFormat, LayerIndex,
    LayerPlan, Loss, StackError, Timestamp, Tree, scan_archive,
};

use super::{LoadError, Loaded, Loader, Named, RootFileSystem};
use crate::content::{FileFrom, Found, Spool};
use crate::context::Context;
use crate::error::BuildError;
use crate::event::{Event, Meter, Work};
use crate::layers::Layer;
use crate::perform::group_notes;
use crate::place::BlobPlace;
use crate::tar_blob::{Incoming, keep_tar};
use crate::write::write_layer;

/// The folder of a layer for Windows in which its files are.
const FILES: &[u8] = b"Files";

/// Where the contents of a plan come from.
struct Contents<'c> {
    /// Those of a layer.
    find: &'c (dyn Fn(&DiffId) -> io::Result<Found> + Sync),
    /// Those of a folder, by their numbers.
    open: &'c dyn Fn(u64) -> io::Result<Box<dyn Read + Send>>,
}

/// The layers of a root file system, lowest first, and the newest time in them.
struct RootLayers {
    layers: Vec<Arc<Layer>>,
    newest: Option<Timestamp>,
}

impl Loader<'_> {
    /// Makes an image of a tar or a folder. A tar for Linux, and one for Windows if it has `Files/` at
    /// its top, is the layer as it is. All else is put into an empty image, as `ADD` and `COPY` do.
    pub(super) fn root_file_system(&self, root: &RootFileSystem) -> Result<Loaded, LoadError> {
        if self.request.names.is_empty() {
            return Err(LoadError::RootWithoutName {
                file: self.shown.clone(),
            });
        }
        let os = &root.platform.os;
        let format = LayerFormat::of_os(os).ok_or_else(|| LoadError::Os { os: os.clone() })?;
        let folder = self.request.file.filter(|file| file.is_dir());
        let layers = match (folder, format) {
            (Some(folder), _) => self.folder(root, format, folder)?,
            (None, LayerFormat::Linux) => self.as_it_is(format, self.stream()?)?,
            (None, LayerFormat::Windows) => self.for_windows(root)?,
        };
        let image = self.assemble(root, &layers)?;
        self.tag(image, vec![root.platform.clone()])
    }

    /// Keeps the tar as it comes, if it is a layer of this format.
    fn as_it_is(&self, format: LayerFormat, stream: impl Read) -> Result<RootLayers, LoadError> {
        let shown = self.shown.display().to_string();
        let work = Work::named(format!("load {shown}"));
        let length = self.request.file.and_then(|file| file.metadata().ok());
        let length = length.map_or(0, |metadata| metadata.len());
        let vertex = self.vertices.begin(self.events, work);
        let mut meter = Meter::new(self.events, vertex, length);
        let stream = Metered {
            inner: stream,
            meter: &mut meter,
        };
        let layer = Incoming::new(stream)
            .map_err(|source| LoadError::Read {
                file: self.shown.clone(),
                source,
            })
            .and_then(|incoming| {
                keep_tar(self.store, &self.request.limits, &shown, incoming)
                    .map_err(|error| LoadError::tar(self.shown.clone(), error))
            })
            .inspect_err(|error| {
                let error = error.to_string();
                (self.events)(Event::Failed { vertex, error });
            })?;
        (self.events)(Event::Finished {
            vertex,
            cached: false,
        });
        let index = layer.index().cloned();
        let index = index.ok_or_else(|| LoadError::Empty {
            file: self.shown.clone(),
        })?;
        self.refuse_images(&index)?;
        // What nobody could stack is no layer.
        Tree::stack(format, [Arc::clone(&index)]).map_err(|source| BuildError::Stack {
            image: shown,
            source: Box::new(source),
        })?;
        Ok(RootLayers {
            newest: index.entries().map(|entry| entry.modified()).max(),
            layers: vec![layer],
        })
    }

    /// Puts everything in a folder into an empty image.
    fn folder(
        &self,
        root: &RootFileSystem,
        format: LayerFormat,
        folder: &Path,
    ) -> Result<RootLayers, LoadError> {
        let context = Context::root_file_system(folder)?;
        let tree = Arc::clone(&context.tree);
        let has = |name: &[u8]| tree.child(tree.root(), name).is_some();
        if has(b"oci-layout") && has(b"index.json") {
            return Err(LoadError::HoldsImages {
                file: self.shown.clone(),
            });
        }
        for warning in &context.warnings {
            self.warn(format!("{}: {warning}", self.shown.display()));
        }
        let mut gathered = Gathered::new();
        let added = gathered.add_contents(&tree, tree.root());
        added.map_err(|source| self.edit_error(source))?;
        let losses = context.losses.iter().map(|(_, loss)| loss.clone());
        let losses = losses.collect();
        let content = Contents {
            find: &|_| Err(io::Error::other("the file is in no layer")),
            open: &|id| context.open(id),
        };
        self.put(root, format, &gathered, losses, &content)
    }

    fn edit_error(&self, source: EditError) -> LoadError {
        LoadError::Edit {
            file: self.shown.clone(),
            source,
        }
    }

    fn for_windows(&self, root: &RootFileSystem) -> Result<RootLayers, LoadError> {
        let kept = self.read_twice()?;
        let stream = || -> Result<Box<dyn Read>, LoadError> {
            match &kept {
                None => self.stream(),
                Some(file) => Ok(Box::new(FileFrom {
                    file: Arc::clone(file),
                    offset: 0,
                })),
            }
        };
        let (index, tar) = self.unpacked(stream()?)?;
        self.refuse_images(&index)?;
        match has_files(&index) {
            true => self.as_it_is(LayerFormat::Windows, stream()?),
            false => self.converted(root, index, tar),
        }
    }

    /// What is given as a stream, in a file without name; `None` for a file, which can be read
    /// again. What becomes of a tar is known only when all of it was seen.
    fn read_twice(&self) -> Result<Option<Arc<File>>, LoadError> {
        let metadata = self.request.file.and_then(|file| file.metadata().ok());
        if metadata.is_some_and(|metadata| metadata.is_file()) {
            return Ok(None);
        }
        let mut stream = self.stream()?;
        let mut file = self.store.spool().map_err(|error| self.unwritten(error))?;
        let mut buffer = vec![0; 256 << 10];
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => return Ok(Some(Arc::new(file))),
                Ok(count) => file
                    .write_all(&buffer[..count])
                    .map_err(|error| self.unwritten(error))?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(LoadError::Read {
                        file: self.shown.clone(),
                        source,
                    });
                }
            }
        }
    }

    fn unwritten(&self, source: io::Error) -> BuildError {
        BuildError::SpoolArchive {
            path: self.shown.clone(),
            source,
        }
    }

    /// Indexes the tar and decompresses it into a file without name.
    fn unpacked(&self, stream: impl Read) -> Result<(LayerIndex, File), LoadError> {
        let mut spool = self.store.spool().map_err(|error| self.unwritten(error))?;
        let mut failure = None;
        let scan = scan_archive(stream, &self.request.limits, &mut |_, bytes| {
            spool.write_all(bytes).map_err(|error| {
                failure = Some(error);
                io::Error::other("the archive cannot be kept")
            })
        });
        if let Some(failure) = failure {
            return Err(self.unwritten(failure).into());
        }
        let index = scan.map_err(|source| LoadError::Tar {
            file: self.shown.clone(),
            source: Box::new(source),
        })?;
        Ok((index, spool))
    }

    /// Puts the files of a tar into an empty image for Windows, as `FROM scratch` and `ADD` do.
    fn converted(
        &self,
        root: &RootFileSystem,
        index: LayerIndex,
        tar: File,
    ) -> Result<RootLayers, LoadError> {
        let archive = index.diff_id();
        let files = Tree::unpacked(Arc::new(index)).map_err(|source| self.stack_error(source))?;
        let mut gathered = Gathered::new();
        let added = gathered.add_unpacked(&files);
        added.map_err(|source| self.edit_error(source))?;
        let tar = Arc::new(tar);
        let content = Contents {
            find: &|layer| match *layer == archive {
                true => Ok(Found::Archive(Box::new(FileFrom {
                    file: Arc::clone(&tar),
                    offset: 0,
                }))),
                false => Err(io::Error::other("the file is in no tar")),
            },
            open: &|_| Err(io::Error::other("the file is in no tar")),
        };
        self.put(root, LayerFormat::Windows, &gathered, Vec::new(), &content)
    }

    /// Puts what was gathered into an empty image.
    fn put(
        &self,
        root: &RootFileSystem,
        format: LayerFormat,
        gathered: &Gathered<'_>,
        losses: Vec<Loss>,
        content: &Contents<'_>,
    ) -> Result<RootLayers, LoadError> {
        let shown = self.shown.display().to_string();
        let default_time = root.epoch.unwrap_or(Timestamp::from_seconds(EPOCH_1980));
        let base = match format {
            LayerFormat::Linux => None,
            LayerFormat::Windows => {
                let plan = LayerEdit::windows_base(default_time).finish();
                Some(self.write(&plan, "the registry hives", content)?)
            }
        };
        let below = base.as_ref().and_then(|base| base.index().cloned());
        let below = Tree::stack(format, below).map_err(|source| self.stack_error(source))?;
        let mut edit = LayerEdit::upon(below, default_time);
        losses.into_iter().for_each(|loss| edit.lose(loss));
        let options = CopyOptions {
            owner: None,
            mode: None,
            collision: root.collision,
            clamp: root.epoch,
            default_time,
        };
        let copied = edit.copy(gathered, b"/", &options);
        copied.map_err(|source| self.edit_error(source))?;
        let plan = edit.finish();
        for note in group_notes(&plan.notes) {
            self.warn(format!("{shown}: {note}"));
        }
        let newest = plan.newest();
        // An image of nothing has a layer of nothing.
        let top = match plan.is_empty() && base.is_some() {
            true => None,
            false => Some(self.write(&plan, &shown, content)?),
        };
        let mut losses = plan.losses;
        losses.sort();
        losses.dedup();
        if !losses.is_empty() || plan.hidden > 0 {
            (self.events)(Event::Losses {
                losses,
                hidden: plan.hidden,
            });
        }
        Ok(RootLayers {
            layers: base.into_iter().chain(top).collect(),
            newest,
        })
    }

    fn stack_error(&self, source: StackError) -> BuildError {
        BuildError::Stack {
            image: self.shown.display().to_string(),
            source: Box::new(source),
        }
    }

    /// Writes a layer into the store.
    fn write(
        &self,
        plan: &LayerPlan,
        what: &str,
        content: &Contents<'_>,
    ) -> Result<Arc<Layer>, LoadError> {
        let location = Location {
            file: "crossdock load".to_owned(),
            line: 1,
            last_line: 1,
            stage: String::new(),
            text: what.to_owned(),
        };
        let streams = plan.entries.iter().flat_map(|entry| &entry.streams);
        let contents = plan
            .entries
            .iter()
            .filter_map(|entry| entry.content.as_ref());
        let contents = contents.chain(streams.map(|stream| &stream.content));
        let contents: Vec<&Content> = contents.collect();
        let total = contents.iter().map(|content| content.size()).sum();
        let work = Work::named(format!("write {what}"));
        let (descriptor, index) = self.vertices.follow(self.events, work, None, |vertex| {
            let find = content.find;
            let spool = Spool::fill(contents.into_iter(), &find, self.store, self.threads);
            let spool = spool.map_err(|source| BuildError::Content {
                location: Box::new(location.clone()),
                what: "reading the files".to_owned(),
                source,
            })?;
            let content_of = content;
            let mut open = |content: &Content| -> io::Result<Box<dyn Read>> {
                match content {
                    Content::Inline(bytes) => Ok(Box::new(Cursor::new(Arc::clone(bytes)))),
                    Content::Layer(content) => spool.open(content),
                    Content::External { id, .. } => Ok((content_of.open)(*id)?),
                }
            };
            let meter = Meter::new(self.events, vertex, total);
            let place = (self.store, self.threads);
            let written = write_layer(plan, place, &location, meter, &mut open)?;
            Ok((written, false))
        })?;
        let place = BlobPlace::Store(self.store.clone());
        let layer = Layer::new(descriptor, index.diff_id(), place, what.to_owned());
        Ok(Arc::new(layer.with_index(index)))
    }

    /// Writes config and manifest.
    fn assemble(&self, root: &RootFileSystem, layers: &RootLayers) -> Result<Named, LoadError> {
        let newest = layers.newest.unwrap_or(Timestamp::from_seconds(EPOCH_1980));
        let created = root.epoch.unwrap_or(newest);
        let created = Some(format_rfc3339(created.seconds, created.nanoseconds));
        let all = &layers.layers;
        let mut config: Config = super::config_for(&root.platform);
        config.created.clone_from(&created);
        config.rootfs = RootFs {
            diff_ids: all.iter().map(|layer| layer.diff_id).collect(),
            ..RootFs::default()
        };
        let record = |created_by: String, comment: &str| History {
            created: created.clone(),
            created_by,
            comment: comment.to_owned(),
            ..History::default()
        };
        if all.len() > 1 {
            let comment = "crossdock: registry hives of an empty Windows image";
            config
                .history
                .push(record("FROM scratch".to_owned(), comment));
        }
        let file = self.request.file.and_then(Path::file_name);
        let created_by = match file.map(Path::new) {
            Some(file) => format!("crossdock load {}", file.display()),
            None => "crossdock load".to_owned(),
        };
        config.history.push(record(created_by, ""));
        let bytes = config.to_bytes();
        let described = Descriptor::of(MediaType::OciConfig.as_str(), &bytes);
        let descriptors = all.iter().map(|layer| layer.descriptor.clone()).collect();
        let manifest = Manifest::new(described.clone(), descriptors, Default::default());
        for document in [&bytes[..], manifest.raw()] {
            self.store.put_bytes(document).map_err(BuildError::from)?;
        }
        let descriptor = manifest.descriptor().with_platform(root.platform.clone());
        let documents = [&described, &descriptor].into_iter();
        let blobs = documents.chain(all.iter().map(|layer| &layer.descriptor));
        self.store
            .sync_blobs(blobs.map(|blob| &blob.digest))
            .map_err(BuildError::from)?;
        Ok(Named {
            descriptor,
            names: self.request.names.to_vec(),
        })
    }

    /// An archive of images is a tar too, and hardly ever meant as a file system.
    fn refuse_images(&self, index: &LayerIndex) -> Result<(), LoadError> {
        let has = |name: &[u8]| {
            let mut entries = index.entries();
            entries.any(|entry| entry.path().strip_prefix(b"./").unwrap_or(entry.path()) == name)
        };
        let is_oci = has(b"oci-layout") && has(b"index.json");
        let is_docker = has(b"manifest.json")
            && (has(b"repositories")
                || index
                    .entries()
                    .any(|entry| entry.path().ends_with(b"/layer.tar")));
        match is_oci || is_docker {
            true => Err(LoadError::HoldsImages {
                file: self.shown.clone(),
            }),
            false => Ok(()),
        }
    }

    fn warn(&self, text: String) {
        (self.events)(Event::Warning { text });
    }
}

/// Whether it is a layer for Windows.
fn has_files(index: &LayerIndex) -> bool {
    index.entries().any(|entry| top_name(entry.path()) == FILES)
}

/// The first part of a path in a tar.
fn top_name(path: &[u8]) -> &[u8] {
    let mut parts = path.split(|byte| *byte == b'/');
    parts
        .find(|part| !part.is_empty() && *part != b".")
        .unwrap_or_default()
}

/// Tells how much was read.
struct Metered<'m, 'e, R> {
    inner: R,
    meter: &'m mut Meter<'e>,
}

impl<R: Read> Read for Metered<'_, '_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.meter.add(length as u64);
        Ok(length)
    }
}
