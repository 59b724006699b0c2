//! `crossdock pull`.

use std::path::Path;

use crossdock_build::{Event, Platform, PullRequest, Reference, pull};

use super::build::{host_platform, limits};
use super::threads;
use crate::arguments::Pull;
use crate::failure::Failure;
use crate::out::answer;
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
    let name = &pulled.name;
    answer(&match (arguments.show.quiet, pulled.is_old) {
        (true, _) => digest.to_string(),
        (false, true) => format!("{name}: is up to date, {digest}"),
        (false, false) => format!("{name}: pulled, {digest}"),
    })
}
