//! `crossdock push`.

use std::path::Path;

use crossdock_build::{Event, Reference, push};

use super::threads;
use crate::arguments::Push;
use crate::failure::Failure;
use crate::out::answer;
use crate::progress::Progress;
use crate::store::open_store;

pub(crate) fn run(root: Option<&Path>, arguments: &Push) -> Result<(), Failure> {
    let name: Reference = arguments.image.parse().map_err(Failure::input)?;
    if name.digest().is_some() {
        return Err(Failure::input(format!(
            "{}: push takes a name without a digest; the registry computes it",
            arguments.image
        )));
    }
    let registry = arguments.registry.registry()?;
    let store = open_store(root)?;
    let progress = Progress::new(arguments.show.mode()?, "Pushing")?;
    let events = |event: Event| progress.show(&event);
    let pushed = push(&store, &registry, threads(), &events, &name);
    let pushed = pushed.map_err(|error| Failure::image(&error))?;
    progress.done();
    let digest = pushed.digest;
    match arguments.show.quiet {
        true => answer(&digest.to_string()),
        false => answer(&format!("{name}: pushed, {digest}")),
    }
}
