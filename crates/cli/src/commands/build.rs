//! `crossdock build`.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crossdock_build::{
    Annotation, BuildRequest, Builder, Event, ForeignMetadata, Limits, Output, Platform, Reference,
    Timestamp,
};
use crossdock_dockerfile::{Dockerfile, Options, Source};

use super::threads;
use crate::arguments::{Build, Foreign};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::store::open_store;

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
        platforms: platforms(&arguments.platforms)?,
        annotations: annotations(&arguments.annotations)?,
        names: names(&arguments.tags)?,
        outputs: outputs(arguments)?,
        strict: arguments.strict,
        pull: arguments.pull,
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
    let registry = arguments.registry.registry()?;
    let store = open_store(root)?;
    let progress = Progress::new(arguments.show.mode(), "Building")?;
    let events = |event: Event| progress.show(&event);
    let builder = Builder::new(store, registry, threads(), &events);
    let source = dockerfile.source();
    let built = builder
        .build(&request, &mut |diagnostic| {
            progress.message(&diagnostic.render(source));
        })
        .map_err(|error| Failure::build(&error, source))?;
    progress.done();
    if arguments.show.quiet {
        println!("{}", built.descriptor.digest);
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
    let mut options = Options::new(host_platform());
    options.target.clone_from(&arguments.target);
    options.build_args = build_args;
    options.labels = pairs(&arguments.labels, "--label", |_| Some(String::new()))?;
    Ok(options)
}

/// The platforms to build for, each once, in the order in which they are named.
fn platforms(arguments: &[String]) -> Result<Vec<Platform>, Failure> {
    let mut platforms: Vec<Platform> = Vec::new();
    for text in arguments.iter().flat_map(|list| list.split(',')) {
        let platform = text
            .parse()
            .map_err(|error| Failure::input(format!("--platform: {error}")))?;
        if !platforms.contains(&platform) {
            platforms.push(platform);
        }
    }
    if platforms.is_empty() {
        platforms.push(host_platform());
    }
    Ok(platforms)
}

fn annotations(arguments: &[String]) -> Result<Vec<Annotation>, Failure> {
    let mut annotations = Vec::new();
    for text in arguments {
        let parsed = Annotation::parse_option(text);
        let parsed =
            parsed.map_err(|error| Failure::input(format!("--annotation {text}: {error}")))?;
        annotations.extend(parsed);
    }
    Ok(annotations)
}

/// The platform that BUILDPLATFORM names: Linux on the host's architecture, as in docker, whose
/// engine runs Linux on every host.
pub(super) fn host_platform() -> Platform {
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

fn names(tags: &[String]) -> Result<Vec<Reference>, Failure> {
    let name = |tag: &String| parse_name("-t", tag);
    tags.iter().map(name).collect()
}

/// A name that an image is given: a reference without a digest.
fn parse_name(flag: &str, text: &str) -> Result<Reference, Failure> {
    let name: Reference = text
        .parse()
        .map_err(|error| Failure::input(format!("{flag} {text}: {error}")))?;
    if name.digest().is_some() {
        return Err(Failure::input(format!(
            "{flag} {text}: a name has no digest; write it like app, app:1.0 or host/app:1.0"
        )));
    }
    Ok(name)
}

fn outputs(arguments: &Build) -> Result<Vec<Output>, Failure> {
    let outputs = arguments.outputs.iter().map(|text| parse_output(text));
    let mut outputs = outputs.collect::<Result<Vec<_>, Failure>>()?;
    let is_push = |output: &Output| matches!(output, Output::Registry(_));
    if arguments.push && !outputs.iter().any(is_push) {
        outputs.push(Output::Registry(Vec::new()));
    }
    let is_nameless = |output: &Output| *output == Output::Registry(Vec::new());
    if arguments.tags.is_empty() && outputs.iter().any(is_nameless) {
        return Err(Failure::input(
            "pushing needs a name that says where to; add -t HOST/NAME:TAG",
        ));
    }
    if outputs.is_empty() {
        outputs.push(Output::Store);
    }
    Ok(outputs)
}

fn parse_output(text: &str) -> Result<Output, Failure> {
    let error = |reason: String| Failure::input(format!("-o {text}: {reason}"));
    let (mut kind, mut destination, mut names) = (None, None, Vec::new());
    for field in text.split(',') {
        match field.split_once('=') {
            Some(("type", value)) => kind = Some(value),
            Some(("dest", value)) if !value.is_empty() => destination = Some(value),
            Some(("name", value)) => names.push(parse_name("-o name", value)?),
            _ => {
                return Err(error(format!(
                    "{field:?} is not understood; write it like type=oci-layout,dest=DIR or \
                     type=registry,name=HOST/NAME:TAG"
                )));
            }
        }
    }
    if kind != Some("registry") && !names.is_empty() {
        return Err(error("name= belongs to type=registry; use -t".to_owned()));
    }
    let destination = match (kind, destination) {
        (Some("registry"), None) => return Ok(Output::Registry(names)),
        (Some("registry"), Some(_)) => {
            return Err(error(
                "type=registry has no dest=; use name= or -t".to_owned(),
            ));
        }
        (_, destination) => destination.ok_or_else(|| error("dest= is missing".to_owned()))?,
    };
    match kind {
        Some("oci-layout") => Ok(Output::Layout(destination.into())),
        Some("oci") => Ok(match destination {
            "-" => Output::ArchiveToStdout,
            path => Output::Archive(path.into()),
        }),
        Some(kind) => Err(error(format!(
            "type {kind:?} is not supported yet; use oci-layout, oci or registry"
        ))),
        None => Err(error(
            "type= is missing; use type=oci-layout, type=oci or type=registry".to_owned(),
        )),
    }
}

pub(super) fn limits(most: Option<u64>) -> Limits {
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
