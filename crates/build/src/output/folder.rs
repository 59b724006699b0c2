//! `type=local`: the files of images in a folder of the host.

use crossdock_host::FolderWriter;

use super::export::Exporter;
use crate::error::BuildError;
use crate::event::Meter;
use crate::files::Files;

impl Exporter<'_> {
    /// Writes the files, and tells what could not be kept.
    pub(super) fn write_folder(
        &self,
        folder: FolderWriter,
        files: &Files,
        vertex: usize,
    ) -> Result<(), BuildError> {
        let place = folder.path().display().to_string();
        let opener = files.opener(self.store, self.threads);
        let mut meter = Meter::new(self.events, vertex, files.size());
        let left_out = files.write_folder(folder, true, opener, &mut meter)?;
        for line in &left_out {
            self.warn(format!("{place}: {}", line.text));
        }
        let lost = left_out.iter().filter(|line| !line.is_usual).count();
        match self.request.strict && lost > 0 {
            true => Err(BuildError::Strict { count: lost }),
            false => Ok(()),
        }
    }
}
