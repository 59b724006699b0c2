//! docker's credential helpers: programs that keep the secrets elsewhere.
//!
//! Source: docker/docker-credential-helpers, README ("Development").

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::CredentialError;
use crate::config::Environment;
use crate::error::printable;
use crate::secret::{Credentials, Secret};

/// The most that is read of a helper's answer, in bytes.
const MAX_ANSWER: u64 = 1 << 20;
/// The user name under which helpers keep identity tokens.
const TOKEN_USER: &str = "<token>";

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Username", default)]
    username: String,
    #[serde(rename = "Secret", default)]
    secret: String,
}

/// Asks `docker-credential-NAME` for the credentials of `server`; `None` if it has none.
/// `config` is the file that names the helper.
pub(super) fn get(
    environment: &Environment,
    config: &Path,
    name: &str,
    server: &str,
) -> Result<Option<Credentials>, CredentialError> {
    let program = format!("docker-credential-{name}");
    let failed = |message: String| CredentialError::Helper {
        program: program.clone(),
        message,
    };
    let Some(path) = find(environment, &program) else {
        return Err(CredentialError::NoHelper {
            path: config.to_owned(),
            program,
        });
    };
    let mut child = Command::new(path)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    // A helper that ends without reading says why by its status.
    if let Some(mut input) = child.stdin.take() {
        let _ = input.write_all(server.as_bytes());
    }
    let mut answer = Vec::new();
    if let Some(output) = child.stdout.take() {
        let read = output.take(MAX_ANSWER).read_to_end(&mut answer);
        read.map_err(|error| failed(error.to_string()))?;
    }
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    if !status.success() {
        let message = String::from_utf8_lossy(&answer);
        if message.contains("credentials not found") {
            return Ok(None);
        }
        return Err(failed(match printable(&message, 200) {
            message if message.is_empty() => status.to_string(),
            message => message,
        }));
    }
    let Ok(answer) = serde_json::from_slice::<Answer>(&answer) else {
        return Err(failed("its answer is not valid".to_owned()));
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

/// The program's file in the folders of the PATH. A name with a separator in it is none.
fn find(environment: &Environment, program: &str) -> Option<PathBuf> {
    if program.contains(['/', '\\']) {
        return None;
    }
    let file = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(environment.variable("PATH")?)
        .map(|folder| folder.join(&file))
        .find(|path| path.is_file())
}
