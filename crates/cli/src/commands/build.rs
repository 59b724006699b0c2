//! `crossdock build`.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crossdock_build::{
    BuildRequest, Builder, Event, ForeignMetadata, Limits, OpenStoreError, Output, Platform, Store,
    Timestamp,
};
use crossdock_dockerfile::{Dockerfile, Options, Source};

use crate::arguments::{Build, Foreign};
use crate::failure::Failure;
use crate::progress::{Progress, ProgressMode, print};

/// The largest Dockerfile that is read.
const MAX_DOCKERFILE: u64 = 16 << 20;

pub(crate) fn run(root: Option<&Path>, arguments: &Build) -> Result<(), Failure> {
    let (name, path, bytes) = read_dockerfile(arguments)?;
    let dockerfile = Dockerfile::parse(&name, &bytes)
        .map_err(|error| Failure::diagnostic(&error.diagnostic(), &Source::new(&name, &bytes)))?;
    let build_args = pairs(&arguments.build_args, "--build-arg", |name| {
        std::env::var(name).ok()
    })?;
    let request = BuildRequest {
        dockerfile: &dockerfile,
        dockerfile_path: path,
        context: arguments.context.clone(),
        directory: PathBuf::from("."),
        epoch: epoch(&build_args)?,
        options: options(arguments, build_args)?,
        names: names(&arguments.tags)?,
        outputs: outputs(arguments)?,
        strict: arguments.strict,
        no_cache: arguments.no_cache,
        collision: arguments.on_collision.into(),
        foreign: match arguments.foreign_metadata {
            Foreign::Keep => ForeignMetadata::Keep,
            Foreign::Drop => ForeignMetadata::Drop,
        },
        limits: limits(arguments.max_layer_size),
    };
    if !request.context.is_dir() {
        return Err(Failure::input(format!(
            "build context {}: is not a folder",
            request.context.display()
        )));
    }
    let store = open_store(root)?;
    let mode = if arguments.quiet {
        ProgressMode::Quiet
    } else {
        arguments.progress
    };
    let progress = Progress::new(mode);
    let events = |event: Event| progress.show(&event);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let builder = Builder::new(store, threads, &events);
    let source = dockerfile.source();
    let built = builder
        .build(&request, &mut |diagnostic| {
            print(&diagnostic.render(source))
        })
        .map_err(|error| Failure::build(&error, source))?;
    if arguments.quiet {
        println!("{}", built.manifest.digest);
    }
    Ok(())
}

/// The Dockerfile: what messages call it, where it is, and its bytes.
fn read_dockerfile(arguments: &Build) -> Result<(String, Option<PathBuf>, Vec<u8>), Failure> {
    let failed = |name: &str, error: std::io::Error| {
        Failure::input(format!("Dockerfile {name}: cannot be read: {error}"))
    };
    if arguments.file.as_deref() == Some(Path::new("-")) {
        let mut bytes = Vec::new();
        let read = std::io::stdin()
            .lock()
            .take(MAX_DOCKERFILE)
            .read_to_end(&mut bytes);
        read.map_err(|error| failed("-", error))?;
        return Ok(("-".to_owned(), None, bytes));
    }
    let path = arguments
        .file
        .clone()
        .unwrap_or_else(|| arguments.context.join("Dockerfile"));
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    let file = std::fs::File::open(&path).map_err(|error| failed(&name, error))?;
    file.take(MAX_DOCKERFILE)
        .read_to_end(&mut bytes)
        .map_err(|error| failed(&name, error))?;
    let short = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    Ok((short.unwrap_or(name), Some(path), bytes))
}

fn options(arguments: &Build, build_args: BTreeMap<String, String>) -> Result<Options, Failure> {
    let host = host_platform();
    let platform = match &arguments.platform {
        None => host.clone(),
        Some(text) if text.contains(',') => {
            return Err(Failure::input(
                "--platform: several platforms at once are not supported yet; build them one by \
                 one",
            ));
        }
        Some(text) => text
            .parse()
            .map_err(|error| Failure::input(format!("--platform: {error}")))?,
    };
    let mut options = Options::new(platform);
    options.build_platform = host;
    options.target.clone_from(&arguments.target);
    options.build_args = build_args;
    options.labels = pairs(&arguments.labels, "--label", |_| Some(String::new()))?;
    Ok(options)
}

/// The platform that BUILDPLATFORM names: Linux on the host's architecture, as in docker, whose
/// engine runs Linux on every host.
fn host_platform() -> Platform {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64le",
        other => other,
    };
    Platform::new("linux", architecture)
}

/// Reads `NAME=VALUE` arguments; a name alone gets its value from `default`.
fn pairs(
    arguments: &[String],
    flag: &str,
    default: impl Fn(&str) -> Option<String>,
) -> Result<BTreeMap<String, String>, Failure> {
    let mut pairs = BTreeMap::new();
    for argument in arguments {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (argument.as_str(), default(argument)),
        };
        if name.is_empty() {
            return Err(Failure::input(format!(
                "{flag} {argument}: the name is empty"
            )));
        }
        if let Some(value) = value {
            pairs.insert(name.to_owned(), value);
        }
    }
    Ok(pairs)
}

/// SOURCE_DATE_EPOCH of the build arguments, else of the environment.
fn epoch(build_args: &BTreeMap<String, String>) -> Result<Option<Timestamp>, Failure> {
    const NAME: &str = "SOURCE_DATE_EPOCH";
    let text = build_args
        .get(NAME)
        .cloned()
        .or_else(|| std::env::var(NAME).ok());
    match text.as_deref().map(str::trim) {
        None | Some("") => Ok(None),
        Some(text) => match text.parse() {
            Ok(seconds) => Ok(Some(Timestamp {
                seconds,
                nanoseconds: 0,
            })),
            Err(_) => Err(Failure::input(format!(
                "{NAME}={text}: is not a whole number of seconds since 1970"
            ))),
        },
    }
}

fn names(tags: &[String]) -> Result<Vec<String>, Failure> {
    for tag in tags {
        let valid = |c: char| c.is_ascii_alphanumeric() || "._-/:".contains(c);
        let tag_part = tag.rsplit_once(':').map_or("", |(_, part)| part);
        if tag.is_empty()
            || !tag.chars().all(valid)
            || tag.starts_with(['/', ':'])
            || tag.ends_with(['/', ':'])
        {
            return Err(Failure::input(format!(
                "-t {tag}: is not a name; write it like app, app:1.0 or host/app:1.0"
            )));
        }
        if tag_part.len() > 128 {
            return Err(Failure::input(format!(
                "-t {tag}: the tag is longer than 128 characters"
            )));
        }
    }
    Ok(tags.to_vec())
}

fn outputs(arguments: &Build) -> Result<Vec<Output>, Failure> {
    if arguments.outputs.is_empty() {
        return Ok(vec![Output::Store]);
    }
    arguments
        .outputs
        .iter()
        .map(|text| parse_output(text))
        .collect()
}

fn parse_output(text: &str) -> Result<Output, Failure> {
    let error = |reason: String| Failure::input(format!("-o {text}: {reason}"));
    let (mut kind, mut destination) = (None, None);
    for field in text.split(',') {
        match field.split_once('=') {
            Some(("type", value)) => kind = Some(value),
            Some(("dest", value)) if !value.is_empty() => destination = Some(value),
            _ => {
                return Err(error(format!(
                    "{field:?} is not understood; write it like type=oci-layout,dest=DIR"
                )));
            }
        }
    }
    let destination = destination.ok_or_else(|| error("dest= is missing".to_owned()));
    match kind {
        Some("oci-layout") => Ok(Output::Layout(destination?.into())),
        Some("oci") => Ok(match destination? {
            "-" => Output::ArchiveToStdout,
            path => Output::Archive(path.into()),
        }),
        Some(kind) => Err(error(format!(
            "type {kind:?} is not supported yet; use oci-layout or oci"
        ))),
        None => Err(error(
            "type= is missing; use type=oci-layout or type=oci".to_owned(),
        )),
    }
}

fn limits(most: Option<u64>) -> Limits {
    match most {
        None => Limits::default(),
        // Whoever names a size has thought about bombs.
        Some(uncompressed) => Limits {
            uncompressed,
            ratio: None,
            ..Limits::default()
        },
    }
}

fn open_store(root: Option<&Path>) -> Result<Store, Failure> {
    let root = match root {
        Some(root) => root.to_owned(),
        None => crossdock_host::data_directory()
            .map_err(|error| Failure::input(format!("{error}; or name a folder with --root")))?,
    };
    Store::open(&root).map_err(|error| {
        let text = format!("store: {error}");
        match error {
            OpenStoreError::System { .. } => Failure::system(text),
            // Another folder was named than was meant.
            OpenStoreError::NotAStore { .. } | OpenStoreError::Version { .. } => {
                Failure::input(text)
            }
        }
    })
}
