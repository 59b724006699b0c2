//! `crossdock load` and `crossdock save`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::build::OnCollision;
use super::{ShowOptions, parse_size};
use crate::image::{IMAGES, ImageOptions};
use crate::out::FormatOption;

/// Bring images in a file into the store
///
/// The file is what docker save, skopeo, buildah or crossdock save wrote, compressed
/// or not; or the folder of an OCI image layout. All images in it are loaded with all their names,
/// bit for bit, and their layers are indexed on the way.
///
/// With --os it is a root file system, in a tar or a folder, which becomes an image of one layer, as
/// with docker import. For windows, a tar with Files/ at its top is the layer as it is; all else is put
/// into an empty Windows image, as ADD does in a Dockerfile FROM scratch. A folder gives back what
/// crossdock cp IMAGE:/ DIR put there, on NTFS all of it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crossdock load app.tar
  docker save debian:12 | crossdock load
  crossdock load -t app:1.0 build/oci-layout
  crossdock load --os linux -t mybase rootfs.tar.gz
  crossdock load --os windows --os-version 10.0.20348.2340 -t winbase files.tar
  crossdock load --os linux -t again rootfs/

Environment: SOURCE_DATE_EPOCH, when an image that is made with --os was made [default: the newest
time in it]

Exit codes: those of build (crossdock --help); 3 when something in the file is damaged")]
pub(crate) struct Load {
    /// File or folder; standard input if there is none, or -
    #[arg(value_name = "FILE", conflicts_with = "input")]
    pub(crate) file: Option<PathBuf>,

    /// The same, as docker has it
    #[arg(short, long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,

    /// Name of an image that has none, as NAME or NAME:TAG; may be repeated
    #[arg(short, long = "tag", value_name = "NAME")]
    pub(crate) tags: Vec<String>,

    /// It is a root file system for linux or windows, in a tar or a folder
    #[arg(long, value_name = "OS")]
    pub(crate) os: Option<String>,

    /// Architecture of the root file system [default: this machine's]
    #[arg(long, value_name = "ARCH", requires = "os")]
    pub(crate) arch: Option<String>,

    /// Version of the system that the root file system is for, as 10.0.20348.2340
    #[arg(long, value_name = "VERSION", requires = "os")]
    pub(crate) os_version: Option<String>,

    /// What to do with names that differ only in case, which Windows cannot hold side by side
    #[arg(
        long,
        value_enum,
        default_value_t = OnCollision::Error,
        value_name = "POLICY",
        requires = "os"
    )]
    pub(crate) on_collision: OnCollision,

    #[command(flatten)]
    pub(crate) show: ShowOptions,

    #[command(flatten)]
    pub(crate) format: FormatOption,

    /// Most bytes that a layer or the file may decompress to, such as 200GiB [default: 64GiB, and
    /// no more than 250 times its compressed size]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) max_layer_size: Option<u64>,
}

/// Write images into a file for other tools and machines
///
/// The archive is an OCI archive that docker load, skopeo, buildah and containerd read too.
/// An index is written with all its images, and docker gets the one that it would choose.
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  crossdock save app:1.0 -o app.tar
  crossdock save app:1.0 debian:12 | ssh host docker load
  crossdock save --platform windows/amd64 --format docker registry.example.com/app -o app.tar

{IMAGES}"))]
pub(crate) struct Save {
    /// Images
    #[arg(value_name = "IMAGE", required = true)]
    pub(crate) images: Vec<String>,

    /// File, which appears whole or not at all [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Who reads it: all; OCI tools alone (oci); or docker, which gets one image of each index
    #[arg(
        long,
        value_enum,
        default_value_t = ArchiveFormat::All,
        hide_default_value = true,
        value_name = "FORMAT"
    )]
    pub(crate) format: ArchiveFormat,

    #[command(flatten)]
    pub(crate) options: ImageOptions,
}

/// `save --format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ArchiveFormat {
    /// Readable by all
    All,
    /// An OCI archive and nothing else
    Oci,
    /// What docker loads and nothing else
    Docker,
}
