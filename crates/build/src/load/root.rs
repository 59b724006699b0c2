//! A tar of a root file system becomes an image.

use std::fs::File;
use std::io::{self, Cursor, Read, Write};
use std::path::Path;
use std::sync::Arc;

use crossdock_graph::Location;
use crossdock_image::{
    Config, Descriptor, DiffId, History, Manifest, MediaType, RootFs, format_rfc3339,
};
use crossdock_layer::{
    Content, CopyOptions, EPOCH_1980, Gathered, LayerEdit, LayerFormat, LayerIndex, LayerPlan,
    Timestamp, Tree, scan_archive,
};

use super::{LoadError, Loaded, Loader, Named, RootFileSystem};
use crate::content::{FileFrom, Found, Spool};
use crate::error::BuildError;
use crate::event::{Event, Meter, Work};
use crate::layers::Layer;
use crate::perform::group_notes;
use crate::place::BlobPlace;
use crate::sources::find_layer;
use crate::tar_blob::{Incoming, keep_tar};
use crate::write::write_layer;

/// The folder of a layer for Windows in which its files are.
const FILES: &[u8] = b"Files";

/// The layers of a root file system, lowest first, and the newest time in them.
struct RootLayers {
    layers: Vec<Arc<Layer>>,
    newest: Option<Timestamp>,
}

impl Loader<'_> {
    /// Makes an image of a tar. For Linux, and for Windows if it has `Files/` at its top, it is the
    /// layer as it is. Any other is put into an empty image for Windows, as `ADD` does.
    pub(super) fn root_file_system(&self, root: &RootFileSystem) -> Result<Loaded, LoadError> {
        if self.request.names.is_empty() {
            return Err(LoadError::RootWithoutName {
                file: self.shown.clone(),
            });
        }
        let os = &root.platform.os;
        let format = LayerFormat::of_os(os).ok_or_else(|| LoadError::Os { os: os.clone() })?;
        let layers = match format {
            LayerFormat::Linux => self.as_it_is(format, self.stream()?)?,
            LayerFormat::Windows => self.for_windows(root)?,
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

    /// Puts the files into an empty image for Windows, as `FROM scratch` and `ADD` do.
    fn converted(
        &self,
        root: &RootFileSystem,
        index: LayerIndex,
        tar: File,
    ) -> Result<RootLayers, LoadError> {
        let shown = self.shown.display().to_string();
        let stack = |source| BuildError::Stack {
            image: shown.clone(),
            source: Box::new(source),
        };
        let edit_error = |source| LoadError::Edit {
            file: self.shown.clone(),
            source,
        };
        let default_time = root.epoch.unwrap_or(Timestamp::from_seconds(EPOCH_1980));
        let archive = index.diff_id();
        let files = Tree::unpacked(Arc::new(index)).map_err(stack)?;

        let plan = LayerEdit::windows_base(default_time).finish();
        let base = self.write(&plan, "the registry hives", &|_| {
            Err(io::Error::other("no files"))
        })?;
        let below = base.index().cloned();
        let below = Tree::stack(LayerFormat::Windows, below).map_err(stack)?;
        let mut edit = LayerEdit::upon(below, default_time);
        let options = CopyOptions {
            owner: None,
            mode: None,
            collision: root.collision,
            clamp: root.epoch,
            default_time,
        };
        let mut gathered = Gathered::new();
        gathered.add_unpacked(&files).map_err(edit_error)?;
        edit.copy(&gathered, b"/", &options).map_err(edit_error)?;
        let plan = edit.finish();
        for note in group_notes(&plan.notes) {
            self.warn(format!("{shown}: {note}"));
        }
        let tar = Arc::new(tar);
        let find = |layer: &DiffId| match *layer == archive {
            true => Ok(Found::Archive(Box::new(FileFrom {
                file: Arc::clone(&tar),
                offset: 0,
            }))),
            false => find_layer(std::slice::from_ref(&base), layer),
        };
        let newest = plan.newest();
        let top = match plan.is_empty() {
            true => None,
            false => Some(self.write(&plan, &shown, &find)?),
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
            layers: std::iter::once(base).chain(top).collect(),
            newest,
        })
    }

    /// Writes a layer into the store.
    fn write(
        &self,
        plan: &LayerPlan,
        what: &str,
        find: &(dyn Fn(&DiffId) -> io::Result<Found> + Sync),
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
            let spool = Spool::fill(contents.into_iter(), &find, self.store, self.threads);
            let spool = spool.map_err(|source| BuildError::Content {
                location: Box::new(location.clone()),
                what: "reading the tar".to_owned(),
                source,
            })?;
            let mut open = |content: &Content| -> io::Result<Box<dyn Read>> {
                match content {
                    Content::Inline(bytes) => Ok(Box::new(Cursor::new(Arc::clone(bytes)))),
                    Content::Layer(content) => spool.open(content),
                    Content::External { .. } => Err(io::Error::other("the file is in no tar")),
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
