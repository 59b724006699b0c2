//! Files of images as NTFS stores them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use crossdock_host::{NtfsPart, NtfsTimes, Xattr};
use crossdock_layer::{
    Header, LayerFormat, NtfsForm, NtfsTimes as LayerTimes, NtfsUnset, PlannedEntry, TarKind,
    decode_component,
};

use super::FolderForm;
use super::folder::{LeftOut, list, shown};

/// The record that holds a name of the system of origin.
const NAME: &[u8] = b"CROSSDOCK.name";

/// What is known of all files that are written to NTFS.
pub(super) struct Ntfs<'e> {
    keep: bool,
    /// The other names of files, by the path of the first.
    names: HashMap<&'e [u8], Vec<&'e Header>>,
    /// Metadata that found no room, as PATH (RECORD).
    too_large: Vec<String>,
    /// Number of links that are WSL's.
    lx_links: u64,
}

/// What was asked for while a file was written.
#[derive(Default)]
pub(super) struct Said {
    left_out: RefCell<Vec<Vec<u8>>>,
    is_fallback: Cell<bool>,
}

impl Said {
    /// The extended attributes of a file of which `unset` could not be set.
    pub(super) fn extended(&self, form: &NtfsForm<'_>, unset: &[NtfsPart]) -> Vec<Xattr> {
        let unset = NtfsUnset {
            attributes: unset.contains(&NtfsPart::Attributes),
            descriptor: unset.contains(&NtfsPart::Descriptor),
            reparse: unset.contains(&NtfsPart::Reparse),
        };
        let attributes = form.extended(unset);
        self.is_fallback.set(unset.reparse);
        self.left_out.replace(attributes.left_out);
        attributes.list
    }
}

impl<'e> Ntfs<'e> {
    pub(super) fn of(entries: &'e [PlannedEntry], form: FolderForm) -> Self {
        let mut names: HashMap<&[u8], Vec<&Header>> = HashMap::new();
        let headers = entries.iter().map(|entry| &entry.header);
        for header in headers.filter(|_| form.format == LayerFormat::Windows) {
            if header.kind == TarKind::HardLink {
                names.entry(&header.link).or_default().push(header);
            }
        }
        Self {
            keep: form.keep,
            names,
            too_large: Vec::new(),
            lx_links: 0,
        }
    }

    /// The form of an entry that is no hard link.
    pub(super) fn form<'h>(&self, header: &'h Header) -> NtfsForm<'h> {
        let form = NtfsForm::of(header, self.keep);
        let Some(others) = self.names.get(&header.path[..]) else {
            return form;
        };
        let all = || std::iter::once(header).chain(others.iter().copied());
        if all().all(|header| header.records.get(NAME).is_none()) {
            return form;
        }
        // They share the attributes: each must find its own there.
        let name = |header: &Header| match header.records.get(NAME) {
            Some(original) => original.to_vec(),
            None => decode_component(last_name(&header.path)),
        };
        form.with_names(all().map(name).collect())
    }

    /// Notes what was found out when the entry `path` was written.
    pub(super) fn take(&mut self, path: &[u8], kind: TarKind, said: Said) {
        let left_out = said.left_out.into_inner();
        let records = left_out
            .iter()
            .map(|record| format!("{} ({})", shown(path), shown(record)));
        self.too_large.extend(records);
        if kind == TarKind::Symlink && said.is_fallback.get() {
            self.lx_links += 1;
        }
    }

    /// What is to be told.
    pub(super) fn left_out(self) -> impl Iterator<Item = LeftOut> {
        let large = (!self.too_large.is_empty()).then(|| LeftOut {
            text: list(
                "metadata that does not fit the extended attributes of NTFS (65,535 bytes) is left \
                 out",
                &self.too_large,
            ),
            is_usual: false,
        });
        let links = (self.lx_links > 0).then(|| LeftOut {
            text: format!(
                "symbolic links of WSL were made, as this user may not make Windows' own: {}",
                self.lx_links
            ),
            // Nothing of them is lost.
            is_usual: true,
        });
        large.into_iter().chain(links)
    }
}

/// Times as the host takes them.
pub(super) fn host_times(times: LayerTimes) -> NtfsTimes {
    NtfsTimes {
        created: times.created,
        accessed: times.accessed,
        modified: times.modified,
        changed: times.changed,
    }
}

fn last_name(path: &[u8]) -> &[u8] {
    let start = path.iter().rposition(|byte| *byte == b'/');
    &path[start.map_or(0, |slash| slash + 1)..]
}

#[cfg(test)]
mod tests;
