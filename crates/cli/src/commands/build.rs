//! `crossdock build`.

mod call;
mod contexts;
mod output;
mod result;

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use crossdock_build::{
    Annotation, BuildRequest, Builder, Event, Limits, Platform, Reference, Timestamp,
};
use crossdock_dockerfile::{Dockerfile, NamedContext, Options, Source, source_date_epoch};

use self::contexts::{NamedContexts, Places};
use self::output::{Wanted, outputs};
use super::threads;
use crate::arguments::Build;
use crate::failure::Failure;
use crate::out::answer;
use crate::progress::{Progress, warning_of};
use crate::store::open_store;

pub(crate) fn run(root: Option<&Path>, arguments: &Build) -> Result<(), Failure> {
    arguments.for_docker.refuse()?;
    let mut build_args = pairs(&arguments.build_args, "--build-arg", |name| {
        std::env::var(name).ok()
    })?;
    // As buildx does: then an ARG of this name has the value too.
    if let Ok(value) = std::env::var(EPOCH)
        && !value.is_empty()
    {
        build_args.entry(EPOCH.to_owned()).or_insert(value);
    }
    let wanted = Wanted {
        outputs: &arguments.outputs,
        push: arguments.push,
        has_names: !arguments.tags.is_empty(),
        to_terminal: std::io::stdout().is_terminal(),
    };
    let outputs = outputs(&wanted)?;
    let platforms = platforms(&arguments.platforms)?;
    let annotations = annotations(&arguments.annotations)?;
    let names = names(&arguments.tags)?;
    let limits = limits(arguments.max_layer_size);
    let places = Places::of(arguments, &build_args)?;
    let named = NamedContexts::parse(&arguments.build_contexts)?;
    let mut options = options(arguments, build_args, named.meanings)?;
    result::prepare(arguments, &outputs)?;
    if let Some(call) = arguments.call() {
        return call::run(call::Question {
            root,
            arguments,
            call,
            places,
            options,
            platforms,
            limits,
        });
    }

    let registry = arguments.registry.registry()?;
    let store = open_store(root)?;
    let progress = Progress::new(arguments.show.mode()?, "Building")?;
    let events = |event: Event| progress.show(&event);
    let builder = Builder::new(store, registry, threads(), &events);
    let (context, found) = places.open(&builder, &limits, arguments.no_cache)?;
    // For a check alone: if they cannot be read, whoever needs them says so.
    options.ignore = builder.ignore_patterns(&context, &found.place).ok();
    let dockerfile = Dockerfile::parse(&found.name, &found.bytes).map_err(|error| {
        let source = Source::new(&found.name, &found.bytes);
        Failure::diagnostic(&error.diagnostic(), &source)
    })?;
    let epoch = source_date_epoch(&dockerfile, &options)
        .map_err(|error| Failure::diagnostic(&error.diagnostic(), dockerfile.source()))?;
    let epoch = epoch.map(|text| parse_epoch(&text)).transpose()?;
    let request = BuildRequest {
        dockerfile: &dockerfile,
        dockerfile_place: found.place,
        context,
        contexts: named.sources,
        directory: PathBuf::from("."),
        epoch,
        options,
        platforms,
        annotations,
        names,
        outputs,
        strict: arguments.strict,
        pull: arguments.pull,
        no_cache: arguments.no_cache,
        no_cache_stages: arguments.no_cache_stages.clone(),
        collision: arguments.on_collision.into(),
        foreign: arguments.foreign_metadata.into(),
        context_modes: arguments.context_modes.into(),
        limits,
    };
    let source = dockerfile.source();
    let mut warnings = Vec::new();
    let built = builder
        .build(&request, &mut |diagnostic| {
            progress.diagnose(diagnostic, source);
            if result::wants_warnings() {
                warnings.push(warning_of(None, diagnostic, source));
            }
        })
        .map_err(|error| Failure::build(&error, source))?;
    progress.done();
    result::write(arguments, &request.outputs, &built, &warnings)?;
    // A digest behind an archive would spoil it.
    let is_taken = request.outputs.iter().any(|output| output.kind.is_stdout());
    if arguments.show.quiet && !is_taken {
        answer(&built.descriptor.digest.to_string())?;
    }
    Ok(())
}

fn options(
    arguments: &Build,
    build_args: BTreeMap<String, String>,
    contexts: BTreeMap<String, NamedContext>,
) -> Result<Options, Failure> {
    let mut options = Options::new(host_platform());
    options.contexts = contexts;
    options.target.clone_from(&arguments.target);
    options.build_args = build_args;
    options.labels = pairs(&arguments.labels, "--label", |_| Some(String::new()))?;
    Ok(options)
}

/// The platforms to build for, each once, in the order in which they are named.
fn platforms(arguments: &[String]) -> Result<Vec<Platform>, Failure> {
    let mut platforms: Vec<Platform> = Vec::new();
    for text in arguments.iter().flat_map(|list| list.split(',')) {
        let platform = Platform::parse_specifier(text, &host_platform())
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
pub(crate) fn host_platform() -> Platform {
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

/// The latest time of what a build makes, in seconds since 1970
/// (<https://reproducible-builds.org/specs/source-date-epoch/>).
const EPOCH: &str = "SOURCE_DATE_EPOCH";

/// SOURCE_DATE_EPOCH of the environment.
pub(crate) fn environment_epoch() -> Result<Option<Timestamp>, Failure> {
    let value = std::env::var(EPOCH).ok().filter(|value| !value.is_empty());
    value.map(|value| parse_epoch(&value)).transpose()
}

fn parse_epoch(text: &str) -> Result<Timestamp, Failure> {
    match text.trim().parse() {
        Ok(seconds) => Ok(Timestamp {
            seconds,
            nanoseconds: 0,
        }),
        Err(_) => Err(Failure::input(format!(
            "{EPOCH}={text}: is not a whole number of seconds since 1970"
        ))),
    }
}

fn names(tags: &[String]) -> Result<Vec<Reference>, Failure> {
    let name = |tag: &String| parse_name("-t", tag);
    tags.iter().map(name).collect()
}

/// A name that an image is given: a reference without a digest.
pub(crate) fn parse_name(flag: &str, text: &str) -> Result<Reference, Failure> {
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

pub(crate) fn limits(most: Option<u64>) -> Limits {
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
