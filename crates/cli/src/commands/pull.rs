//! `crossdock pull`.

use std::path::Path;

use crossdock_build::{Event, Platform, PullRequest, Reference, pull};

use super::build::{host_platform, limits};
use super::threads;
use crate::arguments::Pull;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::store::open_store;

pub(crate) fn run(root: Option<&Path>, arguments: &Pull) -> Result<(), Failure> {
    let reference: Reference = arguments.image.parse().map_err(Failure::input)?;
    let platform = match (&arguments.platform, arguments.all_platforms) {
        (_, true) => None,
        (Some(text), false) => {
            let platform = Platform::parse_specifier(text, &host_platform());
            Some(platform.map_err(|error| Failure::input(format!("--platform: {error}")))?)
        }
        (None, false) => Some(host_platform()),
    };
    let registry = arguments.registry.registry()?;
    let store = open_store(root)?;
    let progress = Progress::new(arguments.show.mode()?, "Pulling")?;
    let events = |event: Event| progress.show(&event);
    let request = PullRequest {
        reference: &reference,
        platform,
        limits: limits(arguments.max_layer_size),
    };
    let pulled = pull(&store, &registry, threads(), &events, &request);
    let pulled = pulled.map_err(|error| Failure::image(&error))?;
    progress.done();
    let digest = pulled.descriptor.digest;
    if arguments.show.quiet {
        println!("{digest}");
    } else if pulled.is_old {
        println!("{}: is up to date, {digest}", pulled.name);
    } else {
        println!("{}: pulled, {digest}", pulled.name);
    }
    Ok(())
}
