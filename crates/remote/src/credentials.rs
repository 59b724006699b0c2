//! Where the user's credentials are: docker's and podman's files, and docker's helpers.
//!
//! Sources: docker/cli `cli/config`, containers-auth.json(5).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crossdock_image::Repository;

use crate::config::Environment;
use crate::secret::{Credentials, Secret};

mod file;
mod program;
mod write;

pub use file::CredentialFile;

/// The largest configuration file that is read, in bytes.
const MAX_FILE: u64 = 4 << 20;
/// How docker's configuration names docker.io.
const DOCKER_IO_KEY: &str = "https://index.docker.io/v1/";

/// Why credentials cannot be read. What a file or a helper holds is never part of it.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The file is there and cannot be read.
    #[error("{}: cannot be read: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is not what docker or podman write.
    #[error(
        "{}: is not valid JSON of docker's configuration: line {line}, column {column}",
        .path.display()
    )]
    Json {
        /// The file.
        path: PathBuf,
        /// Where in it, from 1.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// An entry's `auth` is not the base64 of a user name, a colon and a password.
    #[error("{}: auths[{key:?}].auth is not base64 of USER:PASSWORD", .path.display())]
    Auth {
        /// The file.
        path: PathBuf,
        /// The entry.
        key: String,
    },
    /// The program that a file names is not there.
    #[error(
        "{}: names the credential helper {program:?}, which is not in the PATH; install it, or \
         take it out of the file", .path.display()
    )]
    NoHelper {
        /// The file.
        path: PathBuf,
        /// The program.
        program: String,
    },
    /// The helper failed.
    #[error("the credential helper {program:?} failed: {message}")]
    Helper {
        /// The program.
        program: String,
        /// What it says.
        message: String,
    },
}

/// What a user logs in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user; without a colon.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// What the token server gave in place of the password, which is then not kept.
    pub identity_token: Option<Secret>,
}

/// Where a login is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// In a file, which is not encrypted.
    File {
        /// The file.
        path: PathBuf,
    },
    /// By a helper.
    Helper {
        /// Its program.
        program: String,
    },
}

/// What became of a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// Where it was erased; empty if there was none.
    pub from: Vec<Kept>,
    /// Another file that has credentials for the registry, and from now on gives them.
    pub remaining: Option<PathBuf>,
}

/// Why a login was not kept, or not erased. Secrets are never part of it.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The environment does not say where the user's configuration is.
    #[error("there is no folder for docker's config.json: set HOME or DOCKER_CONFIG")]
    NoFolder,
    /// Such a user cannot log in anywhere.
    #[error("the user name is empty, or has a colon in it, which no registry can tell apart")]
    Username,
    /// The configuration cannot be read, or the helper failed.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// The file cannot be replaced. It is as it was.
    #[error("{}: cannot be written: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl KeepError {
    /// Whether the machine or a helper failed; else the configuration has to be changed.
    pub fn is_failure(&self) -> bool {
        match self {
            Self::NoFolder | Self::Username => false,
            Self::Credentials(error) => matches!(
                error,
                CredentialError::Read { .. } | CredentialError::Helper { .. }
            ),
            Self::Write { .. } => true,
        }
    }
}

/// The credentials for a registry, or for one repository of it. `None` if there are none.
///
/// The first file that has some decides. In a file, the most specific key does: podman's may name
/// repositories or parts of their paths. `credHelpers` go before `credsStore`, that before
/// `auths`.
pub fn find_credentials(
    environment: &Environment,
    host: &str,
    repository: Option<&Repository>,
) -> Result<Option<Credentials>, CredentialError> {
    for path in files(environment) {
        let Some(file) = read(&path)? else {
            continue;
        };
        if let Some(found) = in_file(environment, &file, host, repository)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Keeps `login` for `host`, as docker does: with the helper that its configuration names for the
/// host or for all, or else in the configuration itself. Whatever else is in the file stays; it
/// is replaced in one step, and for its user's eyes only.
pub fn store_login(
    environment: &Environment,
    host: &str,
    login: &Login,
) -> Result<Kept, KeepError> {
    if login.username.is_empty() || login.username.contains(':') {
        return Err(KeepError::Username);
    }
    let file = main_file(environment)?;
    match file.helper(host, None) {
        Some(name) => {
            let program = program::store(environment, file.path(), name, host, login)?;
            replace(&file, &file.with_login(host, None))?;
            Ok(Kept::Helper { program })
        }
        None => {
            replace(&file, &file.with_login(host, Some(login)))?;
            Ok(Kept::File {
                path: file.path().to_owned(),
            })
        }
    }
}

/// Erases what is kept for `host`, from the helper and from docker's configuration. Credentials
/// for single repositories, and podman's own file, stay as they are.
pub fn erase_login(environment: &Environment, host: &str) -> Result<Erased, KeepError> {
    let file = main_file(environment)?;
    let mut from = Vec::new();
    if let Some(name) = file.helper(host, None) {
        // Many helpers erase what they do not have without a word.
        let was_there = !matches!(program::get(environment, file.path(), name, host), Ok(None));
        let (program, was_known) = program::erase(environment, file.path(), name, host)?;
        if was_there && was_known {
            from.push(Kept::Helper { program });
        }
    }
    if file.has_entry(host) {
        let had_secret = !matches!(file.credentials(host, None), Ok(None));
        replace(&file, &file.without_login(host))?;
        if had_secret {
            let path = file.path().to_owned();
            from.push(Kept::File { path });
        }
    }
    let mut others = files(environment).into_iter().skip(1);
    let remaining = others.find(|path| {
        let other = read(path).ok().flatten();
        other.is_some_and(|other| matches!(in_file(environment, &other, host, None), Ok(Some(_))))
    });
    Ok(Erased { from, remaining })
}

/// The files in the order in which they are asked. `REGISTRY_AUTH_FILE` is the only one if it is
/// set, as for podman.
fn files(environment: &Environment) -> Vec<PathBuf> {
    if let Some(file) = environment.variable("REGISTRY_AUTH_FILE") {
        return vec![PathBuf::from(file)];
    }
    let home = environment.home();
    let variable = |name| environment.variable(name).map(PathBuf::from);
    let docker = variable("DOCKER_CONFIG").or_else(|| Some(home?.join(".docker")));
    let config = variable("XDG_CONFIG_HOME").or_else(|| Some(home?.join(".config")));
    let runtime = variable("XDG_RUNTIME_DIR");
    let docker = docker.map(|folder| folder.join("config.json"));
    let podman = [runtime, config].into_iter().flatten();
    docker
        .into_iter()
        .chain(podman.map(|folder| folder.join("containers/auth.json")))
        .collect()
}

/// The name under which docker keeps what belongs to `host`.
fn server_of(host: &str) -> &str {
    match host {
        "docker.io" => DOCKER_IO_KEY,
        host => host,
    }
}

/// The file that logins are kept in; an empty one if it is not there.
fn main_file(environment: &Environment) -> Result<CredentialFile, KeepError> {
    let home = environment.variable("REGISTRY_AUTH_FILE").is_some()
        || environment.variable("DOCKER_CONFIG").is_some()
        || environment.home().is_some();
    let path = files(environment).into_iter().next().filter(|_| home);
    let path = path.ok_or(KeepError::NoFolder)?;
    match read(&path)? {
        Some(file) => Ok(file),
        None => Ok(CredentialFile::parse(&path, b"")?),
    }
}

/// Writes `new` in the place of `old`, if they differ.
fn replace(old: &CredentialFile, new: &CredentialFile) -> Result<(), KeepError> {
    let bytes = new.to_bytes();
    if bytes == old.to_bytes() {
        return Ok(());
    }
    write::replace(new.path(), &bytes).map_err(|source| KeepError::Write {
        path: new.path().to_owned(),
        source,
    })
}

fn read(path: &Path) -> Result<Option<CredentialFile>, CredentialError> {
    let failed = |source| CredentialError::Read {
        path: path.to_owned(),
        source,
    };
    let bytes = match fs::metadata(path) {
        Ok(metadata) if metadata.len() > MAX_FILE => {
            let reason = format!("it has more than {MAX_FILE} bytes");
            return Err(failed(io::Error::other(reason)));
        }
        Ok(_) => fs::read(path).map_err(failed)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    CredentialFile::parse(path, &bytes).map(Some)
}

fn in_file(
    environment: &Environment,
    file: &CredentialFile,
    host: &str,
    repository: Option<&Repository>,
) -> Result<Option<Credentials>, CredentialError> {
    if let Some(name) = file.helper(host, repository) {
        let found = program::get(environment, file.path(), name, host)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    file.credentials(host, repository)
}

#[cfg(test)]
mod tests;
