//! The files of finished images, merged from their layers, on their way out.

use std::collections::BTreeMap;

use crossdock_image::Platform;
use crossdock_layer::{
    EPOCH_1980, Gathered, Header, LayerFormat, LayerPlan, PlannedEntry, TarKind, Timestamp,
};

use super::export::Exporter;
use super::{OutputError, OutputKind, OutputOptions};
use crate::assemble::AssembledImage;
use crate::builder::ForeignMetadata;
use crate::error::BuildError;
use crate::files::{Files, FolderForm, Leaving, stream_at};
use crate::perform::group_notes;

impl Exporter<'_> {
    /// The merged trees of the images: for a tar as Linux has them, for a folder as the host can
    /// hold them.
    pub(super) fn files(
        &self,
        kind: &OutputKind,
        options: &OutputOptions,
        images: &[AssembledImage],
    ) -> Result<Files, BuildError> {
        let foreign = self.request.foreign;
        let (form, carry) = match kind {
            OutputKind::Local(path) => {
                let form = FolderForm::of(path, foreign);
                (form, form.carries())
            }
            _ => {
                let keep = foreign == ForeignMetadata::Keep;
                let format = LayerFormat::Linux;
                (FolderForm { format, keep }, keep)
            }
        };
        let mut files = Files::new(form);
        let split = images.len() > 1 && options.platform_split != Some(false)
            || options.platform_split == Some(true);
        let platforms: Vec<&Platform> = images.iter().map(|image| &image.platform).collect();
        // A stream of Windows comes straight after its file.
        let mut taken: BTreeMap<_, (PlannedEntry, &Platform)> = BTreeMap::new();
        for (image, folder) in images.iter().zip(platform_folders(&platforms)) {
            let plan = self.merged(image, form, carry)?;
            let layers = image.state.layers.iter();
            files.layers.extend(layers.cloned());
            if split {
                add_below(&mut files, &folder, plan.entries, self.default_time());
                continue;
            }
            for entry in plan.entries {
                let path = entry.header.path.clone();
                let end = stream_at(&path, form.format).unwrap_or(path.len());
                let place = (path[..end].to_vec(), path[end..].to_vec());
                match taken.get(&place) {
                    None => drop(taken.insert(place, (entry, &image.platform))),
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

    /// Everything in an image, copied into an empty one of `form`.
    fn merged(
        &self,
        image: &AssembledImage,
        form: FolderForm,
        carry: bool,
    ) -> Result<LayerPlan, BuildError> {
        let state = &image.state;
        self.indexer().ensure(&state.layers)?;
        let tree = state.tree().map_err(|source| BuildError::Stack {
            image: state.name.clone(),
            source: Box::new(source),
        })?;
        let leaving = Leaving {
            format: form.format,
            carry,
            collision: self.request.collision,
            clamp: self.request.epoch,
            default_time: self.default_time(),
        };
        let mut gathered = Gathered::new();
        let planned = gathered
            .add_contents(&tree, tree.root())
            .and_then(|()| leaving.plan(&gathered));
        let mut plan = planned.map_err(|source| OutputError::Files {
            platform: image.platform.to_string(),
            source: Box::new(source),
        })?;
        for note in group_notes(&plan.notes) {
            self.warn(format!("files of {}: {note}", image.platform));
        }
        let losses = match carry {
            true => form.losses(std::mem::take(&mut plan.losses)),
            false => std::mem::take(&mut plan.losses),
        };
        self.losses.borrow_mut().extend(losses);
        Ok(plan)
    }

    fn default_time(&self) -> Timestamp {
        let epoch = self.request.epoch;
        epoch.unwrap_or(Timestamp::from_seconds(EPOCH_1980))
    }
}

/// Adds entries below a folder of their own.
fn add_below(files: &mut Files, folder: &str, entries: Vec<PlannedEntry>, time: Timestamp) {
    let prefix = format!("{folder}/").into_bytes();
    let mut header = Header::new(TarKind::Directory, prefix.clone());
    header.mode = 0o755;
    header.modified = time;
    if files.form.format == LayerFormat::Windows {
        // Nobody's but ours.
        header.records.set("CROSSDOCK.origin", "posix");
    }
    files.plan.entries.push(PlannedEntry {
        header,
        content: None,
        streams: Vec::new(),
    });
    for mut entry in entries {
        entry.header.path.splice(0..0, prefix.iter().copied());
        if entry.header.kind == TarKind::HardLink {
            entry.header.link.splice(0..0, prefix.iter().copied());
        }
        files.plan.entries.push(entry);
    }
}

fn both_directories(one: &PlannedEntry, other: &PlannedEntry) -> bool {
    one.header.kind == TarKind::Directory && other.header.kind == TarKind::Directory
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
