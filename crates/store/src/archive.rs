//! Writing an OCI image layout as one tar, which docker loads too if it is told of images.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use crossdock_host::{Existing, TemporaryFile};
use crossdock_image::{BlobDigest, BlobSource, Descriptor, Index, Manifest, VerifiedReader};
use serde::Serialize;

use crate::layout::{INDEX_FILE, LAYOUT_FILE, LAYOUT_FILE_CONTENT};
use crate::tags;

/// Why an archive is not written.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A blob cannot be opened or read, or is not what its descriptor says.
    #[error("blob {digest} for the archive: {source}")]
    Blob {
        /// The blob.
        digest: BlobDigest,
        /// What its source says.
        source: io::Error,
    },
    /// The output does not take the bytes.
    #[error("the archive cannot be written: {source}")]
    Output {
        /// What the output says.
        source: io::Error,
    },
    /// The file of the archive cannot be made.
    #[error("{}: cannot be written: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// What an archive holds.
#[derive(Debug, Clone, Copy)]
pub struct Archive<'a> {
    /// The entries of `index.json`.
    pub entries: &'a [Descriptor],
    /// The blobs, in any order.
    pub blobs: &'a [Descriptor],
    /// The images for docker. Without any the archive is OCI's alone.
    pub docker: &'a [DockerImage<'a>],
}

/// An image of a docker archive.
#[derive(Debug, Clone, Copy)]
pub struct DockerImage<'a> {
    /// Its manifest.
    pub manifest: &'a Manifest,
    /// Its names as docker shows them (`debian:12`), perhaps none.
    pub names: &'a [String],
}

/// Writes an archive to a file, which appears whole or not at all and replaces an earlier one.
pub fn write_archive_file(
    path: &Path,
    archive: &Archive<'_>,
    source: &dyn BlobSource,
) -> Result<(), ArchiveError> {
    let failed = |source| ArchiveError::File {
        path: path.to_owned(),
        source,
    };
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = TemporaryFile::create_in(parent).map_err(failed)?;
    let mut output = BufWriter::with_capacity(256 << 10, &mut file);
    write_archive(&mut output, archive, source)?;
    output.flush().map_err(failed)?;
    drop(output);
    file.persist(path, Existing::Replace).map_err(failed)
}

/// Writes an OCI archive, whose blobs are taken from `source` and verified. With images for
/// docker, a `manifest.json` names them in the way of `docker save`: `docker load` of any age,
/// containerd, podman and skopeo's `docker-archive:` read that, and others the OCI layout.
///
/// Equal content gives equal bytes: `oci-layout`, `index.json`, `manifest.json` if there is one,
/// then the blobs in the order of their digests, each once; no times, no owners. An error in the
/// middle leaves a tar without end.
pub fn write_archive(
    output: &mut dyn Write,
    archive: &Archive<'_>,
    source: &dyn BlobSource,
) -> Result<(), ArchiveError> {
    let index = Index::new(tags::merge(&[], archive.entries), Default::default());
    let blobs: BTreeMap<_, _> = archive
        .blobs
        .iter()
        .map(|blob| (blob.digest, blob))
        .collect();
    let failed = |source| ArchiveError::Output { source };
    let mut tar = Tar { output };
    tar.bytes(LAYOUT_FILE, LAYOUT_FILE_CONTENT)
        .map_err(failed)?;
    tar.bytes(INDEX_FILE, index.raw()).map_err(failed)?;
    if !archive.docker.is_empty() {
        let manifest = docker_manifest(archive.docker);
        tar.bytes(DOCKER_MANIFEST_FILE, &manifest).map_err(failed)?;
    }
    tar.directory("blobs/").map_err(failed)?;
    tar.directory("blobs/sha256/").map_err(failed)?;
    for (digest, descriptor) in blobs {
        tar.blob(descriptor, source, digest)?;
    }
    tar.end().map_err(failed)
}

/// What docker looks for in an archive (moby, "Docker Image Specification v1.2", "Combined Image
/// JSON + Filesystem Changeset Format").
pub(crate) const DOCKER_MANIFEST_FILE: &str = "manifest.json";

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DockerManifest<'a> {
    config: String,
    /// docker takes `null` for no names, and containerd an empty list as well.
    repo_tags: Option<&'a [String]>,
    layers: Vec<String>,
}

fn docker_manifest<'a>(images: &[DockerImage<'a>]) -> Vec<u8> {
    let item = |image: &DockerImage<'a>| {
        let layers = image.manifest.layers().iter();
        DockerManifest {
            config: blob_path(&image.manifest.config().digest),
            repo_tags: (!image.names.is_empty()).then_some(image.names),
            layers: layers.map(|layer| blob_path(&layer.digest)).collect(),
        }
    };
    let items: Vec<DockerManifest<'_>> = images.iter().map(item).collect();
    serde_json::to_vec(&items).expect("lists and text become JSON")
}

fn blob_path(digest: &BlobDigest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

const BLOCK: usize = 512;
/// The largest size that the eleven octal digits of the field can hold.
const MAX_OCTAL: u64 = 0o777_7777_7777;

/// Writes the entries of a tar (POSIX.1-2017, pax, "ustar Interchange Format").
struct Tar<'a> {
    output: &'a mut dyn Write,
}

impl Tar<'_> {
    fn bytes(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        self.header(name, b'0', 0o644, content.len() as u64)?;
        self.output.write_all(content)?;
        self.pad(content.len() as u64)
    }

    fn directory(&mut self, name: &str) -> io::Result<()> {
        self.header(name, b'5', 0o755, 0)
    }

    fn blob(
        &mut self,
        descriptor: &Descriptor,
        source: &dyn BlobSource,
        digest: BlobDigest,
    ) -> Result<(), ArchiveError> {
        let unread = |source| ArchiveError::Blob { digest, source };
        let failed = |source| ArchiveError::Output { source };
        let opened = source.open(descriptor).map_err(unread)?;
        self.blob_header(&digest, descriptor.size).map_err(failed)?;
        // A source verifies, but a header with a size that its content does not have would spoil
        // the rest of the archive: here it is certain.
        let mut verified = VerifiedReader::new(opened, digest, descriptor.size);
        let mut buffer = vec![0; 256 << 10];
        loop {
            match verified.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => self.output.write_all(&buffer[..count]).map_err(failed)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unread(error)),
            }
        }
        self.pad(descriptor.size).map_err(failed)
    }

    fn blob_header(&mut self, digest: &BlobDigest, size: u64) -> io::Result<()> {
        if size > MAX_OCTAL {
            let record = pax_record("size", &size.to_string());
            let length = record.len() as u64;
            self.header(&format!("PaxHeaders/{}", digest.hex()), b'x', 0o644, length)?;
            self.output.write_all(record.as_bytes())?;
            self.pad(length)?;
        }
        self.header(&blob_path(digest), b'0', 0o644, size)
    }

    fn end(&mut self) -> io::Result<()> {
        self.output.write_all(&[0; 2 * BLOCK])
    }

    fn pad(&mut self, size: u64) -> io::Result<()> {
        let rest = (size % BLOCK as u64) as usize;
        if rest != 0 {
            self.output.write_all(&[0; BLOCK][rest..])?;
        }
        Ok(())
    }

    fn header(&mut self, name: &str, kind: u8, mode: u32, size: u64) -> io::Result<()> {
        let mut block = [0; BLOCK];
        let mut field = |at: usize, text: &str| {
            block[at..at + text.len()].copy_from_slice(text.as_bytes());
        };
        // All names are ours and have at most 77 bytes.
        field(0, name);
        field(100, &format!("{mode:07o}"));
        field(108, "0000000");
        field(116, "0000000");
        // Too large a size stands in the PAX record before.
        field(
            124,
            &format!("{:011o}", if size > MAX_OCTAL { 0 } else { size }),
        );
        field(136, "00000000000");
        field(148, "        ");
        field(257, "ustar\x0000");
        field(329, "0000000");
        field(337, "0000000");
        block[156] = kind;
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.output.write_all(&block)
    }
}

/// A PAX record, whose length counts its own digits.
fn pax_record(key: &str, value: &str) -> String {
    let rest = key.len() + value.len() + 3;
    let digits = |length: usize| length.to_string().len();
    let mut length = rest + digits(rest);
    if digits(length) != digits(rest) {
        length = rest + digits(length);
    }
    format!("{length} {key}={value}\n")
}

#[cfg(test)]
mod tests;
