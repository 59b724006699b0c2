//! The arguments of `build`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use crossdock_build::{CollisionPolicy, ContextModes, ForeignMetadata};
use crossdock_dockerfile::csv_fields;

use super::for_docker::ForDocker;
use super::{ShowOptions, parse_size};
use crate::registry::RegistryOptions;

const WHAT: &str = "What to build";
const BASES: &str = "Bases and results of earlier builds";
const WHERE: &str = "Where it goes";
const SHOWN: &str = "How it is shown";
const ACROSS: &str = "Across systems";

/// Build an image from a Dockerfile
///
/// Images come from registries, from the store (built with -t, or pulled), and from OCI layouts
/// (FROM oci-layout://DIR:tag). RUN is not supported yet.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  Build a Windows image on any host and write it to the folder out:
    crossdock build --platform windows/amd64 -t app -o type=oci-layout,dest=out .

  Build one index of images for several systems, and push it:
    crossdock build --platform 'linux/amd64,linux/arm64,windows(10.0.20348)/amd64' \\
        -t registry.example.com/app:1.0 --push .

  Load an image into a docker daemon:
    crossdock build -t app -o type=docker,dest=- . | docker load

  Check a Dockerfile without building it, for all systems:
    crossdock build --check --platform linux,windows .

Environment: SOURCE_DATE_EPOCH, the latest time in new layers; CROSSDOCK_PROGRESS or
BUILDKIT_PROGRESS, the default of --progress. Exit codes: crossdock --help")]
// Brackets in the help are what a user may leave out, and no links.
#[allow(rustdoc::broken_intra_doc_links)]
pub(crate) struct Build {
    /// What COPY and ADD take files from: a folder, the URL of a tar, a git repository
    /// (https://HOST/NAME.git#REFERENCE:FOLDER), or - for standard input, which is a tar in any
    /// compression, or a Dockerfile
    #[arg(value_name = "CONTEXT")]
    pub(crate) context: PathBuf,

    /// Dockerfile [default: Dockerfile in the context]; - reads standard input, and a URL is
    /// fetched. In a context that is no folder it is a path there, unless it is absolute
    #[arg(short, long, value_name = "FILE", help_heading = WHAT)]
    pub(crate) file: Option<PathBuf>,

    /// Files, an image or a stage for FROM and --from under a name: a folder, the URL of a tar, a
    /// git repository, docker-image://REFERENCE, oci-layout://DIR[:TAG][@DIGEST] or target:STAGE;
    /// may be repeated
    #[arg(long = "build-context", value_name = "NAME=VALUE", help_heading = WHAT)]
    pub(crate) build_contexts: Vec<String>,

    /// Stage to build, by name or number [default: the last]
    #[arg(long, value_name = "STAGE", help_heading = WHAT)]
    pub(crate) target: Option<String>,

    /// Platform of the image, such as windows/amd64, windows(10.0.20348)/amd64 or linux; several,
    /// with commas between them or the option repeated, make one index of images [default: linux
    /// on this machine's architecture]
    #[arg(long = "platform", value_name = "PLATFORM", help_heading = WHAT)]
    pub(crate) platforms: Vec<String>,

    /// Value of an ARG; without = it is taken from the environment; may be repeated
    #[arg(long = "build-arg", value_name = "NAME[=VALUE]", help_heading = WHAT)]
    pub(crate) build_args: Vec<String>,

    /// Label of the image; may be repeated
    #[arg(long = "label", value_name = "NAME=VALUE", help_heading = WHAT)]
    pub(crate) labels: Vec<String>,

    /// Annotation of the image's manifest, or of what stands in front: index:,
    /// manifest-descriptor:, index-descriptor:, manifest[PLATFORM]:, or several with commas; may be
    /// repeated
    #[arg(long = "annotation", value_name = "[LEVEL:]NAME=VALUE", help_heading = WHAT)]
    pub(crate) annotations: Vec<String>,

    /// Ask registries for the images of FROM and --from even if the store has them by name
    #[arg(long, help_heading = BASES)]
    pub(crate) pull: bool,

    /// Do not use results of earlier builds
    #[arg(long, help_heading = BASES)]
    pub(crate) no_cache: bool,

    /// Do not use results of earlier builds in this stage; several with commas, or the option
    /// repeated
    #[arg(
        long = "no-cache-filter",
        value_name = "STAGE",
        value_delimiter = ',',
        help_heading = BASES
    )]
    pub(crate) no_cache_stages: Vec<String>,

    #[command(flatten, next_help_heading = BASES)]
    pub(crate) registry: RegistryOptions,

    /// Most bytes that a layer of a base image may decompress to, such as 200GiB [default: 64GiB,
    /// and no more than 250 times its compressed size]
    #[arg(long, value_name = "SIZE", value_parser = parse_size, help_heading = BASES)]
    pub(crate) max_layer_size: Option<u64>,

    /// Name of the image, as NAME or NAME:TAG; may be repeated
    #[arg(short, long = "tag", value_name = "NAME", help_heading = WHERE)]
    pub(crate) tags: Vec<String>,

    /// Where the image goes, as attributes with commas between them: type=image (the store),
    /// registry, oci-layout, oci, docker, local or tar; dest=FILE or DIR, - for standard output;
    /// name=NAME; push=true; compression=gzip, zstd or uncompressed; compression-level;
    /// force-compression; oci-mediatypes; annotation.NAME=VALUE; platform-split. A folder alone is
    /// type=local, - alone type=tar; may be repeated [default: type=image, under the names that -t
    /// gives]
    #[arg(short, long = "output", value_name = "OUTPUT", help_heading = WHERE)]
    pub(crate) outputs: Vec<String>,

    /// Push the image to the registries that the names given by -t say; short for
    /// -o type=registry
    #[arg(long, help_heading = WHERE)]
    pub(crate) push: bool,

    /// Write the image's id to a file: the digest of its config, or of the index if there are
    /// several images
    #[arg(long = "iidfile", value_name = "FILE", help_heading = WHERE)]
    pub(crate) id_file: Option<PathBuf>,

    /// Write what was made to a file, as JSON
    #[arg(long, value_name = "FILE", help_heading = WHERE)]
    pub(crate) metadata_file: Option<PathBuf>,

    #[command(flatten, next_help_heading = SHOWN)]
    pub(crate) show: ShowOptions,

    /// Tell about the Dockerfile instead of building it: check (what is odd), outline (what the
    /// target can be given) or targets (the stages); with ,format=json for programs. check exits
    /// with 1 if it finds something, unless ,ignorestatus=true is added [default: build]
    #[arg(long, value_name = "METHOD", value_parser = parse_call, help_heading = SHOWN)]
    call: Option<Call>,

    /// Short for --call=check
    #[arg(long, conflicts_with = "call", help_heading = SHOWN)]
    check: bool,

    /// Fail if anything is lost between the systems
    #[arg(long, help_heading = ACROSS)]
    pub(crate) strict: bool,

    /// What to do with names that differ only in case, which Windows cannot hold side by side
    #[arg(
        long,
        value_enum,
        default_value_t = OnCollision::Error,
        value_name = "POLICY",
        help_heading = ACROSS
    )]
    pub(crate) on_collision: OnCollision,

    /// What becomes of metadata that the target system cannot express
    #[arg(
        long,
        value_enum,
        default_value_t = Foreign::Keep,
        value_name = "POLICY",
        help_heading = ACROSS
    )]
    pub(crate) foreign_metadata: Foreign,

    /// Where permission bits of files in folders come from
    #[arg(
        long,
        value_enum,
        default_value_t = Modes::Auto,
        env = "CROSSDOCK_CONTEXT_MODES",
        hide_env_values = true,
        value_name = "SOURCE",
        help_heading = ACROSS
    )]
    pub(crate) context_modes: Modes,

    #[command(flatten)]
    pub(crate) for_docker: ForDocker,
}

impl Build {
    /// What is asked about the Dockerfile; `None` if it is to be built.
    pub(crate) fn call(&self) -> Option<Call> {
        let check = Call {
            method: CallMethod::Check,
            json: false,
            ignore_status: false,
        };
        let call = self.call.or(Some(check).filter(|_| self.check));
        call.filter(|call| call.method != CallMethod::Build)
    }
}

/// `--call`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) method: CallMethod,
    pub(crate) json: bool,
    /// What is found does not count for the exit code.
    pub(crate) ignore_status: bool,
}

/// What is done with a Dockerfile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallMethod {
    Build,
    Check,
    Outline,
    Targets,
}

/// Reads `METHOD[,format=FORMAT][,ignorestatus=BOOL]` in any order, as buildx does.
fn parse_call(text: &str) -> Result<Call, String> {
    let mut method = None;
    let mut call = Call {
        method: CallMethod::Build,
        json: false,
        ignore_status: false,
    };
    if text.is_empty() {
        return Ok(call);
    }
    for field in csv_fields(text).map_err(|error| error.to_string())? {
        match field.split_once('=') {
            Some(("format", "json")) => call.json = true,
            Some(("format", "text")) => call.json = false,
            Some(("format", _)) => return Err("format is json or text".to_owned()),
            Some(("ignorestatus", value)) => {
                call.ignore_status = super::for_docker::parse_bool(value)
                    .ok_or_else(|| "ignorestatus is true or false".to_owned())?;
            }
            Some((name, _)) => {
                return Err(format!(
                    "{name:?} is unknown; there are format and ignorestatus"
                ));
            }
            None if method.is_some() => return Err("it names two methods".to_owned()),
            None => {
                method = Some(match field.as_str() {
                    "build" => CallMethod::Build,
                    "check" | "lint" => CallMethod::Check,
                    "outline" => CallMethod::Outline,
                    "targets" => CallMethod::Targets,
                    _ => {
                        let all = "build, check, outline and targets";
                        return Err(format!("there is no method {field:?}; there are {all}"));
                    }
                });
            }
        }
    }
    call.method = method.unwrap_or(CallMethod::Build);
    Ok(call)
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

impl From<Foreign> for ForeignMetadata {
    fn from(policy: Foreign) -> Self {
        match policy {
            Foreign::Keep => Self::Keep,
            Foreign::Drop => Self::Drop,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Modes {
    /// The disk; on Windows WSL's, else git's index, else docker's rule
    Auto,
    /// The index of the git checkout: 0644 or 0755, on every host
    Git,
    /// As docker's clients on Windows: 0755, and 0555 for what may not be written
    Docker,
    /// The disk
    Disk,
}

impl From<Modes> for ContextModes {
    fn from(modes: Modes) -> Self {
        match modes {
            Modes::Auto => Self::Auto,
            Modes::Git => Self::Git,
            Modes::Docker => Self::Docker,
            Modes::Disk => Self::Disk,
        }
    }
}

#[cfg(test)]
mod tests;
