//! The command line.

mod login;
mod prune;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use crossdock_build::CollisionPolicy;

pub(crate) use self::login::{Login, Logout};
pub(crate) use self::prune::Prune;
use crate::progress::ProgressMode;
use crate::registry::RegistryOptions;

const EXIT_CODES: &str = "\
Exit codes:
    0  done
    1  what was asked for cannot be: Dockerfile, context, options; a registry refused
    2  the command line
    3  an image is damaged or hostile
    4  the machine or the network failed
    5  a loss under --strict
  130  interrupted by Ctrl-C (143 by SIGTERM)";

/// Builds container images across operating systems: Linux and Windows images from one
/// Dockerfile, without a daemon, privileges, or the other system.
#[derive(Debug, Parser)]
#[command(
    name = "crossdock",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = EXIT_CODES
)]
pub(crate) struct Arguments {
    /// Folder of the store [default: crossdock in the user's data folder]
    #[arg(long, global = true, env = "CROSSDOCK_ROOT", value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Build(Build),
    Pull(Pull),
    Push(Push),
    Login(Login),
    Logout(Logout),
    Prune(Prune),
}

/// Build an image from a Dockerfile
///
/// Images come from registries, from the store (built with -t, or pulled), and from OCI layouts
/// (FROM oci-layout://DIR:tag). RUN is not supported yet.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  Build a Windows image on any host and write it to the folder out:
    crossdock build --platform windows/amd64 -t app -o type=oci-layout,dest=out .

  Build it from images of registries and push it there:
    crossdock build --platform windows/amd64 -t registry.example.com/app:1.0 --push .

  The same as an archive, with a Dockerfile of another name:
    crossdock build -f docker/app.Dockerfile -o type=oci,dest=app.tar .

Exit codes: crossdock --help")]
pub(crate) struct Build {
    /// What COPY and ADD take files from: a folder, the URL of a tar, a git repository
    /// (https://HOST/NAME.git#REFERENCE:FOLDER), or - for standard input, which is a tar in any
    /// compression, or a Dockerfile
    #[arg(value_name = "CONTEXT")]
    pub(crate) context: PathBuf,

    /// Dockerfile [default: Dockerfile in the context]; - reads standard input, and a URL is
    /// fetched. In a context that is no folder it is a path there, unless it is absolute
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// Files, an image or a stage for FROM and --from under a name: a folder, the URL of a tar, a
    /// git repository, docker-image://REFERENCE, oci-layout://DIR[:TAG][@DIGEST] or target:STAGE;
    /// may be repeated
    #[arg(long = "build-context", value_name = "NAME=VALUE")]
    pub(crate) build_contexts: Vec<String>,

    /// Name of the image, as NAME or NAME:TAG; may be repeated
    #[arg(short, long = "tag", value_name = "NAME")]
    pub(crate) tags: Vec<String>,

    /// Stage to build, by name or number [default: the last]
    #[arg(long, value_name = "STAGE")]
    pub(crate) target: Option<String>,

    /// Platform of the image, such as windows/amd64 or windows(10.0.20348)/amd64; several, with
    /// commas between them or the option repeated, make one index of images
    #[arg(long = "platform", value_name = "PLATFORM")]
    pub(crate) platforms: Vec<String>,

    /// Value of an ARG; without = it is taken from the environment; may be repeated
    #[arg(long = "build-arg", value_name = "NAME[=VALUE]")]
    pub(crate) build_args: Vec<String>,

    /// Label of the image; may be repeated
    #[arg(long = "label", value_name = "NAME=VALUE")]
    pub(crate) labels: Vec<String>,

    /// Annotation of the image's manifest, or of what stands in front: index:,
    /// manifest-descriptor:, index-descriptor:, manifest[PLATFORM]:, or several with commas; may be
    /// repeated
    #[arg(long = "annotation", value_name = "[LEVEL:]NAME=VALUE")]
    pub(crate) annotations: Vec<String>,

    /// Where the image goes: type=oci-layout,dest=DIR, type=oci,dest=FILE (- for standard
    /// output), or type=registry[,name=HOST/NAME:TAG]; may be repeated [default: the store, under
    /// the names that -t gives]
    #[arg(short, long = "output", value_name = "OUTPUT")]
    pub(crate) outputs: Vec<String>,

    /// Push the image to the registries that the names given by -t say; short for
    /// -o type=registry
    #[arg(long)]
    pub(crate) push: bool,

    /// Ask registries for the images of FROM and --from even if the store has them by name
    #[arg(long)]
    pub(crate) pull: bool,

    #[command(flatten)]
    pub(crate) registry: RegistryOptions,

    /// Fail if anything is lost between the systems
    #[arg(long)]
    pub(crate) strict: bool,

    /// Do not use results of earlier builds
    #[arg(long)]
    pub(crate) no_cache: bool,

    #[command(flatten)]
    pub(crate) show: ShowOptions,

    /// What to do with names that differ only in case, which Windows cannot hold side by side
    #[arg(long, value_enum, default_value_t = OnCollision::Error, value_name = "POLICY")]
    pub(crate) on_collision: OnCollision,

    /// What becomes of metadata that the target system cannot express
    #[arg(long, value_enum, default_value_t = Foreign::Keep, value_name = "POLICY")]
    pub(crate) foreign_metadata: Foreign,

    /// Most bytes that a layer of a base image may decompress to, such as 200GiB [default: 64GiB,
    /// and no more than 250 times its compressed size]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) max_layer_size: Option<u64>,
}

/// What commands that take a while show of it.
#[derive(Debug, Args)]
pub(crate) struct ShowOptions {
    /// How progress is shown
    #[arg(long, value_enum, default_value_t = ProgressMode::Auto, value_name = "MODE")]
    progress: ProgressMode,

    /// Print only the digest
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

impl ShowOptions {
    /// How progress is shown.
    pub(crate) fn mode(&self) -> ProgressMode {
        match self.quiet {
            true => ProgressMode::Quiet,
            false => self.progress,
        }
    }
}

/// Bring an image from a registry into the store
///
/// Builds and push find it there by its name. Its layers are indexed on the way.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crossdock pull debian:12
  crossdock pull --platform windows(10.0.20348)/amd64 registry.example.com/winbase

Exit codes: those of build (crossdock --help); 1 also when the registry refuses or does not
have the image, 4 when it is not reached")]
pub(crate) struct Pull {
    /// Image: a name, with a tag or a digest if wanted
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,

    /// Which image of an index [default: linux on this machine's architecture]
    #[arg(long, value_name = "PLATFORM", conflicts_with = "all_platforms")]
    pub(crate) platform: Option<String>,

    /// All images of an index, and the index itself
    #[arg(long)]
    pub(crate) all_platforms: bool,

    #[command(flatten)]
    pub(crate) show: ShowOptions,

    #[command(flatten)]
    pub(crate) registry: RegistryOptions,

    /// Most bytes that a layer may decompress to, such as 200GiB [default: 64GiB, and no more
    /// than 250 times its compressed size]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) max_layer_size: Option<u64>,
}

/// Send an image of the store to the registry that its name says
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  crossdock build -t registry.example.com/app:1.0 . && crossdock push registry.example.com/app:1.0

What the registry has is not sent again. Exit codes: as of pull")]
pub(crate) struct Push {
    /// Image: a name, with a tag if wanted
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,

    #[command(flatten)]
    pub(crate) show: ShowOptions,

    #[command(flatten)]
    pub(crate) registry: RegistryOptions,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum OnCollision {
    /// Stop and list the pairs
    Error,
    /// Keep the first name and mark the others with ~ and a hash; copying back restores them
    Rename,
    /// Keep the first and leave the others out
    First,
}

impl From<OnCollision> for CollisionPolicy {
    fn from(policy: OnCollision) -> Self {
        match policy {
            OnCollision::Error => Self::Error,
            OnCollision::Rename => Self::Rename,
            OnCollision::First => Self::First,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Foreign {
    /// Keep it in the layer, where the other system's readers find it
    Keep,
    /// Leave it out
    Drop,
}

/// Reads a size: bytes, or with a unit such as K, MB, GiB (all powers of 1,024).
fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        unit => {
            return Err(format!(
                "unknown unit {unit:?}; write it like 500MiB or 64GiB"
            ));
        }
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "write it like 500MiB or 64GiB".to_owned())?;
    number
        .checked_mul(1 << shift)
        .ok_or_else(|| "the size is too large".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn command_line() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn sizes() {
        let check = |text: &str, expected: Option<u64>| {
            assert_eq!(parse_size(text).ok(), expected, "{text}");
        };
        check("5", Some(5));
        check("2k", Some(2048));
        check("1GiB", Some(1 << 30));
        check("3 MB", Some(3 << 20));
        check("", None);
        check("5x", None);
        check("99999999999T", None);
    }
}
