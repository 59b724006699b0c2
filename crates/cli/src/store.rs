//! How commands come to the store.

use std::path::Path;

use crossdock_build::{OpenStoreError, Store};

use crate::failure::Failure;

/// Opens the store in `root`, or in the user's data folder.
pub(crate) fn open_store(root: Option<&Path>) -> Result<Store, Failure> {
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
