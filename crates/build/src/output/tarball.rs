//! `type=tar`: the files of images as one tar.

use std::io::{self, Write};
use std::path::Path;

use crossdock_host::{Existing, TemporaryFile};
use crossdock_layer::WriteError;

use super::export::Exporter;
use super::{OutputError, Target};
use crate::error::BuildError;
use crate::event::Meter;
use crate::files::Files;

impl Exporter<'_> {
    /// Writes the tar, which depends on nothing but the files.
    pub(super) fn write_tar(
        &self,
        target: &Target,
        files: &Files,
        vertex: usize,
    ) -> Result<(), BuildError> {
        match target {
            Target::Stdout => {
                let out = io::BufWriter::with_capacity(256 << 10, io::stdout().lock());
                let mut out = self.write_entries(out, files, vertex)?;
                out.flush().map_err(|source| {
                    let path = Vec::new();
                    let source = Box::new(WriteError { path, source });
                    OutputError::Tar { source }.into()
                })
            }
            Target::File(path) => {
                let failed = |source| {
                    let path = path.clone();
                    BuildError::from(OutputError::File { path, source })
                };
                let parent = match path.parent() {
                    Some(parent) if !parent.as_os_str().is_empty() => parent,
                    _ => Path::new("."),
                };
                let file = TemporaryFile::create_in(parent).map_err(failed)?;
                let out = io::BufWriter::with_capacity(256 << 10, file);
                let out = self.write_entries(out, files, vertex)?;
                let file = out.into_inner().map_err(|e| failed(e.into_error()))?;
                file.persist(path, Existing::Replace).map_err(failed)
            }
        }
    }

    fn write_entries<W: Write>(
        &self,
        out: W,
        files: &Files,
        vertex: usize,
    ) -> Result<W, BuildError> {
        let opener = files.opener(self.store, self.threads);
        let mut meter = Meter::new(self.events, vertex, files.size());
        Ok(files.write_tar(out, opener, &mut meter)?)
    }
}
