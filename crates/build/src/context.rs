//! Build contexts: what `COPY` and `ADD` take files from.

mod folder;
mod ignore;

use std::path::Path;

use crossdock_dockerfile::IgnorePatterns;

pub(crate) use self::folder::Context;
use self::ignore::{IGNORE_FILE, beside, read_patterns};
use crate::error::BuildError;

/// Reads `DOCKERFILE.dockerignore` beside the Dockerfile, else the context's `.dockerignore`.
pub(crate) fn read_ignore(
    context: &Path,
    dockerfile: Option<&Path>,
) -> Result<IgnorePatterns, BuildError> {
    let own = context.join(IGNORE_FILE);
    for path in dockerfile.map(beside).into_iter().chain([own]) {
        if let Some(patterns) = read_patterns(&path)? {
            return Ok(patterns);
        }
    }
    Ok(IgnorePatterns::default())
}
