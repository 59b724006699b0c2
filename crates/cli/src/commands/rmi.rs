//! `crossdock rmi`.

use std::path::Path;

use crossdock_build::remove_names;

use crate::arguments::Rmi;
use crate::failure::Failure;
use crate::image::image_source;
use crate::out::Out;
use crate::progress::{print, visible};
use crate::store::open_store;

pub(crate) fn run(root: Option<&Path>, arguments: &Rmi) -> Result<(), Failure> {
    let store = open_store(root)?;
    let mut out = Out::new();
    let mut failed: Option<Failure> = None;
    let mut is_unnamed = false;
    for image in &arguments.images {
        let removed = image_source(image).and_then(|source| {
            remove_names(&store, &source, arguments.force).map_err(Failure::name)
        });
        match removed {
            Ok(removed) => {
                is_unnamed |= removed.is_unnamed;
                for name in &removed.names {
                    out.line(&format!("Untagged: {}", visible(name)))?;
                }
            }
            Err(failure) => {
                failed = Some(match failed {
                    Some(earlier) => earlier.and(failure),
                    None => failure,
                });
            }
        }
    }
    out.finish()?;
    if is_unnamed {
        print("crossdock prune frees the space that nothing needs any more\n");
    }
    failed.map_or(Ok(()), Err)
}
