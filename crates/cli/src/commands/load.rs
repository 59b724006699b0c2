//! `crossdock load`.

use std::io::IsTerminal as _;
use std::path::Path;

use crossdock_build::{Event, LoadRequest, Loaded, Platform, Reference, RootFileSystem, load};
use serde::Serialize;

use super::build::{environment_epoch, host_platform, limits, parse_name};
use super::threads;
use crate::arguments::Load;
use crate::failure::Failure;
use crate::out::{Format, Out};
use crate::progress::{Progress, visible};
use crate::store::open_store;

pub(crate) fn run(root: Option<&Path>, arguments: &Load) -> Result<(), Failure> {
    let file = arguments.file.as_deref().or(arguments.input.as_deref());
    let file = file.filter(|file| *file != Path::new("-"));
    if file.is_none() && std::io::stdin().is_terminal() {
        return Err(Failure::input(
            "no file is named and standard input is a terminal; write crossdock load FILE, or \
             send an archive into it",
        ));
    }
    let names = arguments.tags.iter().map(|tag| parse_name("-t", tag));
    let names = names.collect::<Result<Vec<Reference>, Failure>>()?;
    let request = LoadRequest {
        file,
        names: &names,
        root: root_file_system(arguments)?,
        limits: limits(arguments.max_layer_size),
    };
    let store = open_store(root)?;
    let progress = Progress::new(arguments.show.mode()?, "Loading")?;
    let events = |event: Event| progress.show(&event);
    let loaded = load(&store, threads(), &events, &request)
        .map_err(|error| Failure::of(&error, error.class()))?;
    progress.done();
    let mut out = Out::new();
    for image in &loaded {
        show(image, arguments, &mut out)?;
    }
    out.finish()
}

fn root_file_system(arguments: &Load) -> Result<Option<RootFileSystem>, Failure> {
    let Some(os) = &arguments.os else {
        return Ok(None);
    };
    let host = host_platform();
    let arch = arguments.arch.as_ref().unwrap_or(&host.architecture);
    let specifier = format!("{os}/{arch}");
    let platform = Platform::parse_specifier(&specifier, &host)
        .map_err(|error| Failure::input(format!("--os and --arch: {error}")))?;
    Ok(Some(RootFileSystem {
        platform: Platform {
            os_version: arguments.os_version.clone().unwrap_or_default(),
            ..platform
        },
        epoch: environment_epoch()?,
        collision: arguments.on_collision.into(),
    }))
}

/// An image that was loaded, as JSON.
#[derive(Serialize)]
struct Row<'l> {
    names: &'l [String],
    digest: String,
    media_type: &'l str,
    platforms: Vec<String>,
}

fn show(image: &Loaded, arguments: &Load, out: &mut Out) -> Result<(), Failure> {
    let digest = image.descriptor.digest.to_string();
    if arguments.format.format == Format::Json {
        return out.json(&Row {
            names: &image.names,
            digest,
            media_type: &image.descriptor.media_type,
            platforms: image.platforms.iter().map(Platform::to_string).collect(),
        });
    }
    if arguments.show.quiet {
        return out.line(&digest);
    }
    for name in &image.names {
        out.line(&format!("Loaded image: {}", visible(name)))?;
    }
    Ok(())
}
