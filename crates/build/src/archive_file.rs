//! Archives of images as files: read in place, or decompressed once into a file without name.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use crossdock_host::{open_file, read_at};
use crossdock_layer::{ArchiveCompression, ArchiveReader, Compression, Limits};
use crossdock_store::{ImageArchive, OpenArchiveError, Store};

use crate::error::BuildError;
use crate::event::{Events, Meter, Vertices, Work};
use crate::layers::Counted;

/// Bytes by which a compression is told.
const START: usize = 10;
/// Bytes that are moved at once.
const BUFFER: usize = 256 << 10;

/// Opens archives of images.
pub(crate) struct ArchiveOpener<'a> {
    pub(crate) store: &'a Store,
    /// What a compressed archive may be at most.
    pub(crate) limits: Limits,
    pub(crate) events: Events<'a>,
    pub(crate) vertices: &'a Vertices,
}

impl ArchiveOpener<'_> {
    /// Opens the archive in a file. What is compressed, or cannot be read in its middle (a pipe),
    /// is read once, and lies in a file without name as long as the archive is open.
    pub(crate) fn open(&self, path: &Path) -> Result<ImageArchive, BuildError> {
        let failed = |source| OpenArchiveError::Read {
            path: path.to_owned(),
            source,
        };
        // Asked before opening, where a folder fails in another way on each system.
        let metadata = path.metadata().map_err(failed).map_err(Box::new)?;
        if metadata.is_dir() {
            return Err(Box::new(OpenArchiveError::NotAnArchive {
                path: path.to_owned(),
                what: "it is a folder".to_owned(),
            })
            .into());
        }
        let file = open_file(path).map_err(failed).map_err(Box::new)?;
        if !metadata.is_file() {
            return self.read_once(path, file, 0);
        }
        let mut start = [0; START];
        let length = read_at(&file, &mut start, 0);
        let length = length.map_err(failed).map_err(Box::new)?;
        match ArchiveCompression::detect(&start[..length]) {
            ArchiveCompression::Layer(Compression::None) => {
                Ok(ImageArchive::open(path, file).map_err(Box::new)?)
            }
            // On Windows what was looked at has moved the file's position.
            _ => {
                let file = open_file(path).map_err(failed).map_err(Box::new)?;
                self.read_once(path, file, metadata.len())
            }
        }
    }

    /// Opens the archive that a stream of `length` bytes gives, or of any length if it is 0. `path`
    /// is what messages call it.
    pub(crate) fn read_once(
        &self,
        path: &Path,
        stream: impl Read,
        length: u64,
    ) -> Result<ImageArchive, BuildError> {
        let work = Work::named(format!("decompress {}", path.display()));
        let go_on = AtomicBool::new(false);
        let file = self.vertices.follow(self.events, work, None, |vertex| {
            let meter = Meter::new(self.events, vertex, length);
            let file = self.spool(path, Counted::new(stream, meter, &go_on))?;
            Ok((file, false))
        })?;
        Ok(ImageArchive::open(path, file).map_err(Box::new)?)
    }

    fn spool(&self, path: &Path, stream: impl Read) -> Result<File, BuildError> {
        let unread = |source| BuildError::Decompress {
            path: path.to_owned(),
            source,
        };
        let unwritten = |source| BuildError::SpoolArchive {
            path: path.to_owned(),
            source,
        };
        let mut reader = ArchiveReader::new(stream, &self.limits).map_err(unread)?;
        let mut file = self.store.spool().map_err(unwritten)?;
        let mut buffer = vec![0; BUFFER];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(file),
                Ok(count) => file.write_all(&buffer[..count]).map_err(unwritten)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unread(error)),
            }
        }
    }
}
