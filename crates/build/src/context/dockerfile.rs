//! Finding the Dockerfile: in the context, beside it, or elsewhere.

use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use crossdock_host::{open_file, os_to_bytes};
use crossdock_image::HttpUrl;
use crossdock_store::Store;

use crate::context::{Opened, OpenedContext, TarContext};
use crate::error::BuildError;

/// The largest Dockerfile that is read, in bytes.
pub const MAX_DOCKERFILE: u64 = 16 << 20;
/// The name of a Dockerfile, and the one that is tried after it.
const NAMES: [&str; 2] = ["Dockerfile", "dockerfile"];

/// Which Dockerfile is to be built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DockerfileSource {
    /// `Dockerfile` of the context, else `dockerfile`; or what came instead of a context.
    Default,
    /// A file: of this machine if the context is a folder or the path is absolute, else of the
    /// context.
    Path(PathBuf),
    /// These bytes, and what messages call them.
    Bytes(String, Vec<u8>),
    /// A file by http.
    Url(HttpUrl),
}

/// Where a Dockerfile lies, as `NAME.dockerignore` lies beside it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DockerfilePlace {
    /// Nowhere: it came over the network, or by standard input.
    #[default]
    Nowhere,
    /// In a file of this machine.
    File(PathBuf),
    /// In a context that is no folder, at this path.
    Context(String),
}

/// A Dockerfile that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundDockerfile {
    /// What messages call it.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
    /// Where it lies.
    pub place: DockerfilePlace,
}

impl FoundDockerfile {
    /// One that lies nowhere.
    pub(crate) fn elsewhere(name: String, bytes: Vec<u8>) -> Result<Self, BuildError> {
        match check_size(&bytes) {
            Ok(()) => Ok(Self {
                name,
                bytes,
                place: DockerfilePlace::Nowhere,
            }),
            Err(source) => Err(BuildError::ReadDockerfile {
                path: PathBuf::from(name),
                source,
            }),
        }
    }
}

impl OpenedContext {
    /// Reads the Dockerfile at `path`, else the one with the usual name.
    pub(crate) fn find_dockerfile(
        &self,
        path: Option<&Path>,
        store: &Store,
    ) -> Result<FoundDockerfile, BuildError> {
        if let Some((name, bytes)) = &self.dockerfile {
            return match path {
                None => FoundDockerfile::elsewhere(name.clone(), bytes.clone()),
                Some(path) => Err(BuildError::TwoDockerfiles {
                    context: self.name.clone(),
                    path: path.to_owned(),
                }),
            };
        }
        match (&self.opened, path) {
            (Opened::Folder(folder), path) => find_in_folder(folder, path),
            (Opened::Tar(_), Some(path)) if path.is_absolute() => in_files(&spellings(path)),
            (Opened::Tar(tar), None) => self.in_tar(tar, &NAMES.map(PathBuf::from), store),
            (Opened::Tar(tar), Some(path)) => self.in_tar(tar, &spellings(path), store),
            (Opened::Empty, Some(path)) => in_files(&spellings(path)),
            (Opened::Empty, None) => Err(self.missing(&NAMES.map(PathBuf::from))),
        }
    }

    fn in_tar(
        &self,
        tar: &TarContext,
        paths: &[PathBuf],
        store: &Store,
    ) -> Result<FoundDockerfile, BuildError> {
        for path in paths {
            let inner = path_in_tar(path)?;
            if let Some(bytes) = tar.dockerfile(&inner, store)? {
                let (_, name) = inner.rsplit_once('/').unwrap_or(("", &inner));
                return Ok(FoundDockerfile {
                    name: name.to_owned(),
                    bytes,
                    place: DockerfilePlace::Context(inner),
                });
            }
        }
        Err(self.missing(paths))
    }

    fn missing(&self, paths: &[PathBuf]) -> BuildError {
        BuildError::NoDockerfile {
            context: Some(self.name.clone()),
            paths: paths.to_vec(),
        }
    }
}

impl TarContext {
    /// A Dockerfile in it; `None` if nothing is at `path`.
    pub(crate) fn dockerfile(
        &self,
        path: &str,
        store: &Store,
    ) -> Result<Option<Vec<u8>>, BuildError> {
        let bytes = self.read_file(path.as_bytes(), MAX_DOCKERFILE, store);
        bytes.map_err(|source| BuildError::ReadDockerfile {
            path: PathBuf::from(path),
            source,
        })
    }
}

/// A path as it is, and for `Dockerfile` in the other spelling too, as BuildKit looks for it.
fn spellings(path: &Path) -> Vec<PathBuf> {
    let mut paths = vec![path.to_owned()];
    if path.file_name().is_some_and(|name| name == NAMES[0]) {
        paths.push(path.with_file_name(NAMES[1]));
    }
    paths
}

/// Reads the Dockerfile at `path`, else the one of the context `folder` with the usual name.
pub(crate) fn find_in_folder(
    folder: &Path,
    path: Option<&Path>,
) -> Result<FoundDockerfile, BuildError> {
    match path {
        None => in_files(&NAMES.map(|name| folder.join(name))),
        Some(path) => in_files(&spellings(path)),
    }
}

/// Reads the first of the files that is there.
fn in_files(paths: &[PathBuf]) -> Result<FoundDockerfile, BuildError> {
    for path in paths {
        match read_limited(path) {
            Ok(bytes) => {
                let name = path.file_name().unwrap_or(path.as_os_str());
                return Ok(FoundDockerfile {
                    name: name.to_string_lossy().into_owned(),
                    bytes,
                    place: DockerfilePlace::File(path.clone()),
                });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => {
                return Err(BuildError::ReadDockerfile {
                    path: path.clone(),
                    source,
                });
            }
        }
    }
    Err(BuildError::NoDockerfile {
        context: None,
        paths: paths.to_vec(),
    })
}

fn read_limited(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = open_file(path)?;
    file.take(MAX_DOCKERFILE + 1).read_to_end(&mut bytes)?;
    check_size(&bytes)?;
    Ok(bytes)
}

/// Refuses what is longer than any Dockerfile.
pub(crate) fn check_size(bytes: &[u8]) -> io::Result<()> {
    match bytes.len() as u64 {
        ..=MAX_DOCKERFILE => Ok(()),
        _ => Err(io::Error::other(format!(
            "it is larger than {} MiB",
            MAX_DOCKERFILE >> 20
        ))),
    }
}

/// A relative path of this machine as one in a tar.
fn path_in_tar(path: &Path) -> Result<String, BuildError> {
    let outside = || BuildError::DockerfileOutside {
        path: path.to_owned(),
    };
    let mut names: Vec<String> = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => {
                let bytes = os_to_bytes(name).map_err(|_| outside())?;
                names.push(String::from_utf8(bytes).map_err(|_| outside())?);
            }
            Component::ParentDir => {
                names.pop().ok_or_else(outside)?;
            }
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return Err(outside()),
        }
    }
    Ok(names.join("/"))
}
