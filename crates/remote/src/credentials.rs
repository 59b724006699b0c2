//! Where the user's credentials are: docker's and podman's files, and docker's helpers.
//!
//! Sources: docker/cli `cli/config`, containers-auth.json(5).

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crossdock_image::Repository;
use serde::Deserialize;

use crate::config::Environment;
use crate::secret::{Credentials, Secret};

mod program;

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

/// docker's `config.json` or podman's `auth.json`, as far as it is of use here.
#[derive(Deserialize, Default)]
struct ConfigFile {
    #[serde(default)]
    auths: Option<BTreeMap<String, Option<Entry>>>,
    #[serde(default, rename = "credsStore")]
    creds_store: Option<String>,
    #[serde(default, rename = "credHelpers")]
    cred_helpers: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize, Default)]
struct Entry {
    #[serde(default)]
    auth: Option<String>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    identitytoken: Option<String>,
    #[serde(default)]
    registrytoken: Option<String>,
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
    let keys = keys(host, repository.map(Repository::path));
    for path in files(environment) {
        let Some(file) = read(&path)? else {
            continue;
        };
        if let Some(found) = in_file(environment, &path, &file, host, &keys)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
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

/// What an entry for the repository may be called, the most specific first.
fn keys(host: &str, path: Option<&str>) -> Vec<String> {
    let hosts: &[&str] = match host {
        "docker.io" => &["docker.io", "index.docker.io", "registry-1.docker.io"],
        _ => &[host],
    };
    let mut keys = Vec::new();
    let mut path = path;
    while let Some(some) = path {
        keys.extend(hosts.iter().map(|host| format!("{host}/{some}")));
        path = some.rsplit_once('/').map(|(parent, _)| parent);
    }
    keys.extend(hosts.iter().map(|host| (*host).to_owned()));
    keys
}

/// A key of a file without what docker once wrote around the host: `https://HOST/v1/`.
fn plain_key(key: &str) -> &str {
    let plain = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"));
    match plain {
        Some(rest) => rest.split('/').next().unwrap_or(rest),
        None => key.trim_end_matches('/'),
    }
}

fn read(path: &Path) -> Result<Option<ConfigFile>, CredentialError> {
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
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    // The parser's own message may quote what it found.
    let parsed = serde_json::from_slice(&bytes).map_err(|error| CredentialError::Json {
        path: path.to_owned(),
        line: error.line(),
        column: error.column(),
    })?;
    Ok(Some(parsed))
}

fn in_file(
    environment: &Environment,
    path: &Path,
    file: &ConfigFile,
    host: &str,
    keys: &[String],
) -> Result<Option<Credentials>, CredentialError> {
    let helpers = file.cred_helpers.iter().flatten();
    let helper = most_specific(helpers, keys).map(|(_, name)| name);
    if let Some(name) = helper.or(file.creds_store.as_ref())
        && !name.is_empty()
    {
        let server = if host == "docker.io" {
            DOCKER_IO_KEY
        } else {
            host
        };
        let found = program::get(environment, path, name, server)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    match most_specific(file.auths.iter().flatten(), keys) {
        Some((key, Some(entry))) => entry.credentials(path, key),
        _ => Ok(None),
    }
}

/// The value whose key is the first of `keys` that any has. The whole spelling goes before the
/// one with `https://`.
fn most_specific<'a, T>(
    entries: impl Iterator<Item = (&'a String, &'a T)>,
    keys: &[String],
) -> Option<(&'a String, &'a T)> {
    entries
        .filter_map(|(key, value)| {
            let plain = plain_key(key);
            let at = keys.iter().position(|wanted| wanted == plain)?;
            Some(((at, plain != key), (key, value)))
        })
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, found)| found)
}

impl Entry {
    fn credentials(&self, path: &Path, key: &str) -> Result<Option<Credentials>, CredentialError> {
        let given = |field: &Option<String>| field.clone().filter(|text| !text.is_empty());
        if let Some(token) = given(&self.registrytoken) {
            return Ok(Some(Credentials::RegistryToken(Secret::new(token))));
        }
        if let Some(token) = given(&self.identitytoken) {
            return Ok(Some(Credentials::IdentityToken(Secret::new(token))));
        }
        if let Some(auth) = given(&self.auth) {
            let wrong = || CredentialError::Auth {
                path: path.to_owned(),
                key: key.to_owned(),
            };
            let bytes = STANDARD.decode(auth.trim()).map_err(|_| wrong())?;
            let text = String::from_utf8(bytes).map_err(|_| wrong())?;
            let (username, password) = text.split_once(':').ok_or_else(wrong)?;
            return Ok(Some(Credentials::Basic {
                username: username.to_owned(),
                // docker once padded with NULs, and still takes them off.
                password: Secret::new(password.trim_matches('\0')),
            }));
        }
        Ok(given(&self.username).map(|username| Credentials::Basic {
            username,
            password: Secret::new(self.password.clone().unwrap_or_default()),
        }))
    }
}

#[cfg(test)]
mod tests;
