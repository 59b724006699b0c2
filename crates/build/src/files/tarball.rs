//! Files of images as one tar.

use std::io::{self, Read, Write};

use crossdock_layer::Content;

use super::{Files, Opener};
use crate::event::Meter;
use crate::output::OutputError;

impl Files {
    /// Writes the tar, which depends on nothing but the files, which `opener` opens.
    pub(crate) fn write_tar<W: Write>(
        &self,
        out: W,
        mut opener: Opener<'_>,
        meter: &mut Meter<'_>,
    ) -> Result<W, OutputError> {
        let mut open = |content: &Content| -> io::Result<Box<dyn Read>> {
            meter.add(content.size());
            opener.open(content)
        };
        let written = self.plan.write(out, &mut open);
        written.map_err(|source| {
            let source = Box::new(source);
            OutputError::Tar { source }
        })
    }
}
