//! Looking at a Dockerfile without building it: finding it, what is left out of its context, and
//! the configs of its bases.

use std::collections::BTreeSet;
use std::path::Path;

use crossdock_dockerfile::{BaseConfig, BaseRequest, IgnorePatterns};
use crossdock_layer::Limits;

use crate::builder::Builder;
use crate::context::{
    DockerfilePlace, DockerfileSource, FoundDockerfile, OpenedContext, find_in_folder,
    patterns_in_folder,
};
use crate::error::BuildError;

/// Finds a Dockerfile whose context is `folder`, without a store; `None` if it has to be fetched.
pub fn local_dockerfile(
    folder: &Path,
    source: &DockerfileSource,
) -> Option<Result<FoundDockerfile, BuildError>> {
    match source {
        DockerfileSource::Default => Some(find_in_folder(folder, None)),
        DockerfileSource::Path(path) => Some(find_in_folder(folder, Some(path))),
        DockerfileSource::Bytes(name, bytes) => {
            Some(FoundDockerfile::elsewhere(name.clone(), bytes.clone()))
        }
        DockerfileSource::Url(_) => None,
    }
}

/// What is left out of the context `folder`, without a store.
pub fn local_ignore_patterns(
    folder: &Path,
    dockerfile: &DockerfilePlace,
) -> Result<IgnorePatterns, BuildError> {
    patterns_in_folder(folder, dockerfile)
}

impl Builder<'_> {
    /// What is left out of a context.
    pub fn ignore_patterns(
        &self,
        context: &OpenedContext,
        dockerfile: &DockerfilePlace,
    ) -> Result<IgnorePatterns, BuildError> {
        context.patterns(dockerfile, self.store())
    }

    /// Finds the configs of base images, each by itself: what one of them fails with keeps no other
    /// from being found. Relative folders are relative to `directory`; with `pull` registries are
    /// asked even if the store has an image of the name.
    pub fn base_configs(
        &self,
        needed: BTreeSet<BaseRequest>,
        directory: &Path,
        pull: bool,
    ) -> Vec<(BaseRequest, Result<BaseConfig, BuildError>)> {
        let find = |request: &BaseRequest| {
            let needed = BTreeSet::from([request.clone()]);
            let found = self.find(directory, pull, Limits::default(), needed)?;
            let configs = found.into_iter().map(|(request, image)| {
                let config = BaseConfig {
                    config: image.config,
                    platform: image.platform,
                };
                (request, Ok(config))
            });
            Ok(configs.collect::<Vec<_>>())
        };
        // All at once, as each makes a registry be waited for.
        let mut found = Vec::new();
        found.resize_with(needed.len(), Vec::new);
        std::thread::scope(|scope| {
            for (request, place) in needed.iter().zip(&mut found) {
                let find = &find;
                scope.spawn(move || {
                    let failed = |error| vec![(request.clone(), Err(error))];
                    *place = find(request).unwrap_or_else(failed);
                });
            }
        });
        found.into_iter().flatten().collect()
    }
}
