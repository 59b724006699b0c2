//! What a context leaves out: `.dockerignore` files, and walks that heed them.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crossdock_dockerfile::{IgnorePatterns, IgnoreState};
use crossdock_host::{Visit, open_file};

use crate::error::BuildError;

/// The name of a context's own ignore file, and the end of a Dockerfile's.
pub(crate) const IGNORE_FILE: &str = ".dockerignore";

/// Decides on the entries of a walk, directories before what is in them.
pub(crate) struct IgnoreWalk<'a> {
    patterns: &'a IgnorePatterns,
    /// Of directories, by path.
    states: HashMap<Vec<u8>, IgnoreState>,
    /// Directories that are ignored, though something in them may not be.
    entered: HashSet<Vec<u8>>,
}

impl<'a> IgnoreWalk<'a> {
    pub(crate) fn new(patterns: &'a IgnorePatterns) -> Self {
        Self {
            patterns,
            states: HashMap::new(),
            entered: HashSet::new(),
        }
    }

    /// Whether the entry at `path` is visited.
    pub(crate) fn visit(&mut self, path: &[u8], directory: bool) -> Visit {
        let parent = path
            .iter()
            .rposition(|&byte| byte == b'/')
            .map_or(&path[..0], |at| &path[..at]);
        let root = IgnoreState::default();
        let parent = self.states.get(parent).unwrap_or(&root);
        let state = self.patterns.enter(path, parent);
        let ignored = state.is_ignored();
        let prune = directory && self.patterns.can_prune(path, &state);
        if directory {
            self.states.insert(path.to_vec(), state);
        }
        match (ignored, directory) {
            (false, _) => Visit::Include,
            (true, true) if !prune => {
                // It is there only if something in it is.
                self.entered.insert(path.to_vec());
                Visit::Include
            }
            (true, _) => Visit::Skip,
        }
    }

    /// The directories, of all that were visited, in which nothing is that is not ignored.
    pub(crate) fn hollow<'p>(self, visited: impl Iterator<Item = &'p [u8]>) -> HashSet<Vec<u8>> {
        let mut hollow = self.entered;
        for path in visited {
            if hollow.contains(path) {
                continue;
            }
            let mut path = path;
            while let Some(at) = path.iter().rposition(|&byte| byte == b'/') {
                path = &path[..at];
                hollow.remove(path);
            }
        }
        hollow
    }
}

/// Reads the patterns of an ignore file on this machine; `None` if it is not there.
pub(crate) fn read_patterns(path: &Path) -> Result<Option<IgnorePatterns>, BuildError> {
    let mut bytes = Vec::new();
    match open_file(path).and_then(|mut file| file.read_to_end(&mut bytes)) {
        Ok(_) => parse_patterns(path, &bytes).map(Some),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(BuildError::Ignore {
            path: path.to_owned(),
            reason: format!("cannot be read: {source}"),
        }),
    }
}

/// Reads the patterns in the bytes of an ignore file.
pub(crate) fn parse_patterns(path: &Path, bytes: &[u8]) -> Result<IgnorePatterns, BuildError> {
    IgnorePatterns::parse(bytes).map_err(|error| BuildError::Ignore {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

/// The ignore file beside a Dockerfile.
pub(crate) fn beside(dockerfile: &Path) -> PathBuf {
    let mut name = dockerfile.as_os_str().to_owned();
    name.push(IGNORE_FILE);
    PathBuf::from(name)
}
