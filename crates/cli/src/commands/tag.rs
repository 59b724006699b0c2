//! `crossdock tag`.

use std::path::Path;

use crossdock_build::{NameError, tag_image};

use crate::arguments::Tag;
use crate::failure::Failure;
use crate::image::image_source;
use crate::store::open_store;

pub(crate) fn run(root: Option<&Path>, arguments: &Tag) -> Result<(), Failure> {
    let source = image_source(&arguments.image)?;
    let store = open_store(root)?;
    let tagged = tag_image(&store, &source, &arguments.names);
    tagged.map(drop).map_err(Failure::name)
}

impl Failure {
    /// A name that cannot be given or taken away.
    pub(crate) fn name(error: NameError) -> Self {
        Self::of(&error, error.class())
    }
}
