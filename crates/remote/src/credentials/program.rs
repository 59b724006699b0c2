//! docker's credential helpers: programs that keep the secrets elsewhere.
//!
//! Source: docker/docker-credential-helpers, README ("Development").

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::{CredentialError, Login, server_of};
use crate::config::Environment;
use crate::error::printable;
use crate::secret::{Credentials, Secret};

/// The most that is read of a helper's answer, in bytes.
const MAX_ANSWER: u64 = 1 << 20;
/// The user name under which helpers keep identity tokens.
const TOKEN_USER: &str = "<token>";
/// What helpers say of a server that they do not know.
const NOT_FOUND: &str = "credentials not found";

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Username", default)]
    username: String,
    #[serde(rename = "Secret", default)]
    secret: String,
}

/// What a helper is given to keep.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Content<'a> {
    #[serde(rename = "ServerURL")]
    server_url: &'a str,
    username: &'a str,
    secret: &'a str,
}

/// Asks `docker-credential-NAME` for the credentials of `host`; `None` if it has none.
/// `config` is the file that names the helper.
pub(super) fn get(
    environment: &Environment,
    config: &Path,
    name: &str,
    host: &str,
) -> Result<Option<Credentials>, CredentialError> {
    let helper = Helper::find(environment, config, name)?;
    let Some(answer) = helper.call("get", server_of(host).as_bytes(), None)? else {
        return Ok(None);
    };
    let Ok(answer) = serde_json::from_slice::<Answer>(&answer) else {
        return Err(helper.failed("its answer is not valid"));
    };
    Ok(match (answer.username.as_str(), answer.secret) {
        ("", secret) if secret.is_empty() => None,
        (TOKEN_USER, secret) => Some(Credentials::IdentityToken(Secret::new(secret))),
        (username, secret) => Some(Credentials::Basic {
            username: username.to_owned(),
            password: Secret::new(secret),
        }),
    })
}

/// Gives `docker-credential-NAME` a login to keep. The answer is the program.
pub(super) fn store(
    environment: &Environment,
    config: &Path,
    name: &str,
    host: &str,
    login: &Login,
) -> Result<String, CredentialError> {
    let helper = Helper::find(environment, config, name)?;
    let (username, secret) = match &login.identity_token {
        Some(token) => (TOKEN_USER, token),
        None => (login.username.as_str(), &login.password),
    };
    let content = Content {
        server_url: server_of(host),
        username,
        secret: secret.reveal(),
    };
    let content = serde_json::to_vec(&content).map_err(|error| helper.failed(error))?;
    match helper.call("store", &content, Some(secret))? {
        Some(_) => Ok(helper.program),
        None => Err(helper.failed(NOT_FOUND)),
    }
}

/// Has `docker-credential-NAME` erase what it keeps for `host`. The answer is the program, and
/// whether it kept anything, as far as it says so.
pub(super) fn erase(
    environment: &Environment,
    config: &Path,
    name: &str,
    host: &str,
) -> Result<(String, bool), CredentialError> {
    let helper = Helper::find(environment, config, name)?;
    let answer = helper.call("erase", server_of(host).as_bytes(), None)?;
    Ok((helper.program, answer.is_some()))
}

/// A helper that is there.
struct Helper {
    program: String,
    path: PathBuf,
}

impl Helper {
    fn find(environment: &Environment, config: &Path, name: &str) -> Result<Self, CredentialError> {
        let program = format!("docker-credential-{name}");
        match find(environment, &program) {
            Some(path) => Ok(Self { program, path }),
            None => Err(CredentialError::NoHelper {
                path: config.to_owned(),
                program,
            }),
        }
    }

    fn failed(&self, message: impl ToString) -> CredentialError {
        CredentialError::Helper {
            program: self.program.clone(),
            message: message.to_string(),
        }
    }

    /// What the helper answers to `verb`; `None` if it says that it has no such credentials.
    /// `secret` is what it must not repeat.
    fn call(
        &self,
        verb: &str,
        input: &[u8],
        secret: Option<&Secret>,
    ) -> Result<Option<Vec<u8>>, CredentialError> {
        let mut child = Command::new(&self.path)
            .arg(verb)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| self.failed(error))?;
        // A helper that ends without reading says why by its status.
        if let Some(mut stdin) = child.stdin.take() {
            let _ = stdin.write_all(input);
        }
        let mut answer = Vec::new();
        let read = match child.stdout.take() {
            Some(stdout) => stdout.take(MAX_ANSWER).read_to_end(&mut answer),
            None => Ok(0),
        };
        let status = child.wait().map_err(|error| self.failed(error))?;
        read.map_err(|error| self.failed(error))?;
        if status.success() {
            return Ok(Some(answer));
        }
        let message = String::from_utf8_lossy(&answer);
        if message.contains(NOT_FOUND) {
            return Ok(None);
        }
        let repeats = secret.is_some_and(|secret| message.contains(secret.reveal()));
        Err(self.failed(match printable(&message, 200) {
            message if message.is_empty() || repeats => status.to_string(),
            message => message,
        }))
    }
}

/// Endings of programs where the system has endings, unless `PATHEXT` names others.
const ENDINGS: &str = ".com;.exe;.bat;.cmd";

/// The program's file in the folders of the PATH. A name with a separator in it is none, and
/// folders that depend on where the user stands are passed over: as in docker (Go's `os/exec`),
/// what lies in a context is never run.
fn find(environment: &Environment, program: &str) -> Option<PathBuf> {
    if program.contains(['/', '\\']) {
        return None;
    }
    let endings = environment.variable("PATHEXT").unwrap_or(ENDINGS);
    let files: Vec<String> = match std::env::consts::EXE_SUFFIX {
        "" => vec![program.to_owned()],
        _ => endings
            .split(';')
            .filter(|ending| !ending.is_empty())
            .map(|ending| format!("{program}{}", ending.to_ascii_lowercase()))
            .collect(),
    };
    std::env::split_paths(environment.variable("PATH")?)
        .filter(|folder| folder.is_absolute())
        .find_map(|folder| {
            let mut paths = files.iter().map(|file| folder.join(file));
            paths.find(|path| path.is_file())
        })
}
