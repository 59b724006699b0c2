//! The files of finished images, merged from their layers, on their way out.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Cursor, Read};
use std::sync::Arc;

use crossdock_host::{HOST_NAMES, HostNames};
use crossdock_image::{DiffId, Platform};
use crossdock_layer::{
    Content, CopyOptions, EPOCH_1980, Gathered, Header, LayerEdit, LayerFormat, LayerPlan,
    PlannedEntry, TarKind, Timestamp,
};
use crossdock_store::Store;

use super::export::Exporter;
use super::{OutputError, OutputKind, OutputOptions};
use crate::assemble::AssembledImage;
use crate::builder::ForeignMetadata;
use crate::content::Spool;
use crate::error::BuildError;
use crate::layers::Layer;
use crate::perform::group_notes;
use crate::sources::find_layer;

/// Bytes of files that are brought out of layers at once. What layers hold in the order of their
/// paths is so read about once, and little of it lies in a temporary file at a time.
const BATCH: u64 = 256 << 20;

/// The files of all images, with the folder of their platform in front if they are several.
pub(super) struct Files {
    /// Which system's names and records they have.
    pub(super) format: LayerFormat,
    /// What is written, in its order.
    pub(super) plan: LayerPlan,
    layers: Vec<Arc<Layer>>,
}

impl Exporter<'_> {
    /// The merged trees of the images: for a tar as Linux has them, for a folder as the host can
    /// hold them.
    pub(super) fn files(
        &self,
        kind: &OutputKind,
        options: &OutputOptions,
        images: &[AssembledImage],
    ) -> Result<Files, BuildError> {
        let (format, carry) = match (kind, HOST_NAMES) {
            (OutputKind::Local(_), HostNames::Windows) => (LayerFormat::Windows, false),
            // A folder has no room for what Windows knows of a file.
            (OutputKind::Local(_), HostNames::Posix) => (LayerFormat::Linux, false),
            _ => {
                let carry = self.request.foreign == ForeignMetadata::Keep;
                (LayerFormat::Linux, carry)
            }
        };
        let mut files = Files {
            format,
            plan: LayerPlan {
                entries: Vec::new(),
                losses: Vec::new(),
                notes: Vec::new(),
                hidden: 0,
                questions: Vec::new(),
            },
            layers: Vec::new(),
        };
        let split = images.len() > 1 && options.platform_split != Some(false)
            || options.platform_split == Some(true);
        let platforms: Vec<&Platform> = images.iter().map(|image| &image.platform).collect();
        let mut taken: BTreeMap<Vec<u8>, (PlannedEntry, &Platform)> = BTreeMap::new();
        for (image, folder) in images.iter().zip(platform_folders(&platforms)) {
            let plan = self.merged(image, format, carry)?;
            let layers = image.state.layers.iter();
            files.layers.extend(layers.cloned());
            if split {
                files.add_below(&folder, plan.entries, self.default_time());
                continue;
            }
            for entry in plan.entries {
                let path = entry.header.path.clone();
                match taken.get(&path) {
                    None => drop(taken.insert(path, (entry, &image.platform))),
                    Some((first, _)) if both_directories(first, &entry) => {}
                    Some((_, first)) => {
                        return Err(OutputError::Overlap {
                            path: String::from_utf8_lossy(&path).into_owned(),
                            first: first.to_string(),
                            second: image.platform.to_string(),
                        }
                        .into());
                    }
                }
            }
        }
        let merged = taken.into_values().map(|(entry, _)| entry);
        files.plan.entries.extend(merged);
        Ok(files)
    }

    /// Everything in an image, copied into an empty one of `format`.
    fn merged(
        &self,
        image: &AssembledImage,
        format: LayerFormat,
        carry: bool,
    ) -> Result<LayerPlan, BuildError> {
        let state = &image.state;
        self.indexer().ensure(&state.layers)?;
        let tree = state.tree().map_err(|source| BuildError::Stack {
            image: state.name.clone(),
            source: Box::new(source),
        })?;
        let mut edit = LayerEdit::independent(format, self.default_time());
        if !carry {
            edit.drop_foreign();
        }
        let options = CopyOptions {
            owner: None,
            mode: None,
            collision: self.request.collision,
            clamp: self.request.epoch,
            default_time: self.default_time(),
        };
        let mut gathered = Gathered::new();
        let copied = gathered
            .add_contents(&tree, tree.root())
            .and_then(|()| edit.copy(&gathered, b"/", &options));
        copied.map_err(|source| OutputError::Files {
            platform: image.platform.to_string(),
            source: Box::new(source),
        })?;
        let mut plan = edit.finish();
        for note in group_notes(&plan.notes) {
            self.warn(format!("files of {}: {note}", image.platform));
        }
        self.losses.borrow_mut().append(&mut plan.losses);
        if format == LayerFormat::Windows {
            plan.entries.retain_mut(strip_files);
        }
        Ok(plan)
    }

    fn default_time(&self) -> Timestamp {
        let epoch = self.request.epoch;
        epoch.unwrap_or(Timestamp::from_seconds(EPOCH_1980))
    }
}

impl Files {
    /// The layers that hold content of the files.
    pub(super) fn wanted_layers(&self) -> Vec<Arc<Layer>> {
        let wanted: HashSet<DiffId> = contents(&self.plan.entries)
            .filter_map(|content| match content {
                Content::Layer(content) => Some(content.layer),
                Content::Inline(_) | Content::External { .. } => None,
            })
            .collect();
        let layers = self.layers.iter();
        let layers = layers.filter(|layer| wanted.contains(&layer.diff_id));
        layers.cloned().collect()
    }

    /// Bytes of all content.
    pub(super) fn size(&self) -> u64 {
        contents(&self.plan.entries).map(Content::size).sum()
    }

    /// Opens the contents of the files, each in the order of the entries.
    pub(super) fn opener<'f>(&'f self, store: &'f Store, threads: usize) -> Opener<'f> {
        Opener {
            contents: contents(&self.plan.entries).collect(),
            next: 0,
            brought: 0,
            spool: None,
            layers: &self.layers,
            store,
            threads,
        }
    }

    /// Adds entries below a folder of their own.
    fn add_below(&mut self, folder: &str, entries: Vec<PlannedEntry>, time: Timestamp) {
        let prefix = format!("{folder}/").into_bytes();
        let mut header = Header::new(TarKind::Directory, prefix.clone());
        header.mode = 0o755;
        header.modified = time;
        self.plan.entries.push(PlannedEntry {
            header,
            content: None,
            streams: Vec::new(),
        });
        for mut entry in entries {
            entry.header.path.splice(0..0, prefix.iter().copied());
            if entry.header.kind == TarKind::HardLink {
                entry.header.link.splice(0..0, prefix.iter().copied());
            }
            self.plan.entries.push(entry);
        }
    }
}

/// Opens contents one after the other, bringing many out of their layers at once.
pub(super) struct Opener<'f> {
    contents: Vec<&'f Content>,
    /// The content that is opened next.
    next: usize,
    /// The first that is not brought out.
    brought: usize,
    spool: Option<Spool>,
    layers: &'f [Arc<Layer>],
    store: &'f Store,
    threads: usize,
}

impl Opener<'_> {
    /// Opens the next content, which is `content`.
    pub(super) fn open(&mut self, content: &Content) -> io::Result<Box<dyn Read>> {
        if self.next == self.brought {
            self.bring()?;
        }
        self.next += 1;
        match (content, &self.spool) {
            (Content::Inline(bytes), _) => Ok(Box::new(Cursor::new(Arc::clone(bytes)))),
            (Content::Layer(content), Some(spool)) => spool.open(content),
            _ => Err(io::Error::other("the content is not in a layer")),
        }
    }

    fn bring(&mut self) -> io::Result<()> {
        // What was brought out before makes room first.
        self.spool = None;
        let mut size = 0;
        let rest = &self.contents[self.next..];
        let more = rest.iter().take_while(|content| {
            let before = size;
            size += content.size();
            before == 0 || size <= BATCH
        });
        let batch: Vec<&Content> = more.copied().collect();
        self.brought = self.next + batch.len();
        let find = |layer: &DiffId| find_layer(self.layers, layer);
        let spool = Spool::fill(batch.into_iter(), &find, self.store, self.threads)?;
        self.spool = Some(spool);
        Ok(())
    }
}

/// The contents in the order in which they are written.
fn contents(entries: &[PlannedEntry]) -> impl Iterator<Item = &Content> {
    entries.iter().flat_map(|entry| {
        let streams = entry.streams.iter().map(|stream| &stream.content);
        streams.chain(&entry.content)
    })
}

fn both_directories(one: &PlannedEntry, other: &PlannedEntry) -> bool {
    one.header.kind == TarKind::Directory && other.header.kind == TarKind::Directory
}

/// Takes `Files/` off, below which a layer of Windows has its files; false for what is not there.
fn strip_files(entry: &mut PlannedEntry) -> bool {
    const FILES: &[u8] = b"Files/";
    let header = &mut entry.header;
    if header.kind == TarKind::HardLink && header.link.starts_with(FILES) {
        header.link.drain(..FILES.len());
    }
    let is_below = header.path.starts_with(FILES) && header.path.len() > FILES.len();
    if is_below {
        header.path.drain(..FILES.len());
    }
    is_below
}

/// A folder's name for each platform, as BuildKit has them (`linux_amd64`); with the version where
/// two would have the same, and then with a number.
pub(super) fn platform_folders(platforms: &[&Platform]) -> Vec<String> {
    let name = |platform: &Platform, version: bool| {
        let version = if version { &platform.os_version } else { "" };
        let parts = [
            &platform.os,
            version,
            &platform.architecture,
            &platform.variant,
        ];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        // Names come from images: what would be no name, or another folder, is not in them.
        let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let text = parts.join("_");
        text.replace(|c| !safe(c), "_")
    };
    let is_alone = |name: &String, all: &[String]| all.iter().filter(|n| *n == name).count() == 1;
    let short: Vec<String> = platforms.iter().map(|p| name(p, false)).collect();
    let mut folders: Vec<String> = Vec::with_capacity(short.len());
    for (platform, short_name) in platforms.iter().zip(&short) {
        let chosen = match is_alone(short_name, &short) {
            true => short_name.clone(),
            false => name(platform, true),
        };
        let mut folder = chosen.clone();
        let mut number = 2;
        while folders.contains(&folder) {
            folder = format!("{chosen}_{number}");
            number += 1;
        }
        folders.push(folder);
    }
    folders
}

#[cfg(test)]
mod tests;
