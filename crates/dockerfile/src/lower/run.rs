//! `RUN`: looked at, not performed.

use super::bases::CopyFrom;
use super::error::{LowerError, LowerReason};
use super::stage::{Site, Stage};
use super::{Lowerer, Purpose};
use crate::image_path::clean;
use crate::instruction::{Instruction, MountFields, Run};
use crate::logical::Word;
use crate::run_flags::{Mount, MountKind};
use crate::span::Span;

impl Lowerer<'_> {
    pub(super) fn run(
        &mut self,
        stage: &mut Stage,
        run: &Run,
        site: &Site<'_>,
    ) -> Result<(), LowerError> {
        if self.purpose == Purpose::Build {
            return Err(self.unsupported("RUN", stage.index, site.statement()));
        }
        for fields in &run.mounts {
            let mount = self.mount(stage, fields, site)?;
            self.check_mount(stage, &mount, fields, site)?;
        }
        Ok(())
    }

    /// Expands and reads a `--mount`.
    fn mount(
        &mut self,
        stage: &Stage,
        fields: &MountFields,
        site: &Site<'_>,
    ) -> Result<Mount, LowerError> {
        let mut expanded = Vec::with_capacity(fields.fields.len());
        for field in &fields.fields {
            let Some((key, value)) = field.split_once('=') else {
                expanded.push(field.clone());
                continue;
            };
            let word = Word {
                text: value.to_owned(),
                span: fields.span,
            };
            let value = self.text(stage, &word, site)?;
            expanded.push(format!("{key}={value}"));
        }
        Mount::parse(&expanded).map_err(|error| site.error(fields.span, LowerReason::Mount(error)))
    }

    fn check_mount(
        &self,
        stage: &mut Stage,
        mount: &Mount,
        fields: &MountFields,
        site: &Site<'_>,
    ) -> Result<(), LowerError> {
        match mount.kind {
            MountKind::Secret => {
                let id = [&mount.source, &mount.id]
                    .into_iter()
                    .find(|id| !id.is_empty());
                let base = || mount.target.rsplit('/').next().unwrap_or_default();
                let id = id.map_or_else(base, String::as_str);
                stage.outline.secret(id, mount.required, site.statement());
                return Ok(());
            }
            MountKind::Ssh => {
                let id = if mount.id.is_empty() {
                    "default"
                } else {
                    &mount.id
                };
                stage.outline.ssh(id, mount.required, site.statement());
                return Ok(());
            }
            MountKind::Bind | MountKind::Cache | MountKind::Tmpfs => {}
        }
        let rules = stage.rules();
        let target = rules
            .resolve(&stage.directory, &mount.target)
            .map_err(|error| site.path_error(fields.span, error))?;
        if clean(&target.path) == "/" {
            return Err(site.error(fields.span, LowerReason::MountTarget));
        }
        Ok(())
    }

    /// What the mounts of a `RUN` take files from.
    pub(super) fn mount_sources(
        &self,
        index: usize,
        instruction: &Instruction,
        run: &Run,
        place: Span,
    ) -> Result<Vec<CopyFrom>, LowerError> {
        let mut sources = Vec::new();
        for mount in &run.mounts {
            let span = match place == instruction.statement {
                true => mount.span,
                false => place,
            };
            let pairs = mount
                .fields
                .iter()
                .filter_map(|field| field.split_once('='));
            for (_, from) in pairs.filter(|(key, _)| key.eq_ignore_ascii_case("from")) {
                if !from.is_empty() {
                    sources.push(self.named_source(index, from, span)?);
                }
            }
        }
        Ok(sources)
    }
}
