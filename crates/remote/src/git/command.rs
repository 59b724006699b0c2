//! Runs git: with the user's credentials, and without what in their configuration, or in the
//! repository, would run programs or change bytes.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::{self, JoinHandle};

use crate::error::printable;

use super::address::Address;
use super::error::GitError;

/// The most that is kept of what git says, in bytes.
const MAX_MESSAGES: usize = 64 << 10;

/// Variables that would point git to a repository, or change how it reads one
/// (`git rev-parse --local-env-vars`). `GIT_CONFIG_COUNT` stays: it is a way to configure
/// credentials.
const LOCAL_VARIABLES: &[&str] = &[
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_ATTR_SOURCE",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DEFAULT_HASH",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_PROTOCOL",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_TRACE",
    "GIT_WORK_TREE",
];

/// What must not depend on the user's configuration.
const SETTINGS: &[&str] = &[
    // No programs of the user's on the way, and nothing in the background.
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "fetch.writeCommitGraph=false",
    "fetch.recurseSubmodules=false",
    "submodule.recurse=false",
    // The same bytes on every host.
    "core.autocrlf=false",
    "core.eol=lf",
    "core.attributesFile=/dev/null",
    "core.bigFileThreshold=512m",
    "core.compression=6",
    "pack.compression=6",
    "pack.indexVersion=2",
    "pack.writeReverseIndex=false",
    "pack.threads=1",
    "index.version=2",
    "index.threads=1",
    "core.splitIndex=false",
    "core.untrackedCache=false",
    "feature.manyFiles=false",
    "feature.experimental=false",
    // A server that has gone silent.
    "http.lowSpeedLimit=1",
    "http.lowSpeedTime=120",
];

/// Gives the user and password of an address to git, which would show them to everybody on this
/// machine as arguments of the programs that it runs.
const HELPER: &str = "!f() { if test \"$1\" = get; then printf 'username=%s\\npassword=%s\\n' \
     \"$CROSSDOCK_GIT_USER\" \"$CROSSDOCK_GIT_PASSWORD\"; fi; }; f";

/// A way to run git.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) program: OsString,
    /// For git alone, beside this process's.
    pub(super) variables: Vec<(OsString, OsString)>,
    pub(super) settings: Vec<String>,
    pub(super) may_be_local: bool,
}

/// git on one repository.
pub(super) struct Repository<'a> {
    pub(super) program: &'a Program,
    /// Its git directory.
    pub(super) folder: PathBuf,
    /// Where it comes from.
    pub(super) address: Address,
}

impl Repository<'_> {
    /// Runs git and gives what it writes.
    pub(super) fn run(&self, arguments: &[&str]) -> Result<Vec<u8>, GitError> {
        self.run_with(arguments, &[], Vec::new())
    }

    /// The same as a line of text.
    pub(super) fn line(&self, arguments: &[&str]) -> Result<String, GitError> {
        let bytes = self.run(arguments)?;
        Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
    }

    /// Whether git succeeds, whatever it says.
    pub(super) fn succeeds(&self, arguments: &[&str]) -> Result<bool, GitError> {
        match self.run(arguments) {
            Ok(_) => Ok(true),
            Err(error @ (GitError::NoProgram { .. } | GitError::Run { .. })) => Err(error),
            Err(_) => Ok(false),
        }
    }

    pub(super) fn run_with(
        &self,
        arguments: &[&str],
        variables: &[(&str, &OsStr)],
        input: Vec<u8>,
    ) -> Result<Vec<u8>, GitError> {
        let mut running = self.start(arguments, variables, input)?;
        let mut output = Vec::new();
        running
            .output
            .read_to_end(&mut output)
            .map_err(|source| GitError::Run { source })?;
        running.finish()?;
        Ok(output)
    }

    /// Runs git; the caller reads what it writes.
    pub(super) fn start(
        &self,
        arguments: &[&str],
        variables: &[(&str, &OsStr)],
        input: Vec<u8>,
    ) -> Result<Running<'_>, GitError> {
        let run = |source| GitError::Run { source };
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        let mut child = command.spawn().map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => GitError::NoProgram {
                program: self.program.program.to_string_lossy().into_owned(),
            },
            _ => run(source),
        })?;
        let (Some(mut stdin), Some(output), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(run(io::Error::other("it has no pipes")));
        };
        // git may end without having read it all, and then says why.
        let writer = thread::spawn(move || drop(stdin.write_all(&input)));
        let messages = thread::spawn(move || read_messages(stderr));
        Ok(Running {
            child,
            output,
            messages: Some(messages),
            writer: Some(writer),
            address: &self.address,
            action: arguments.first().copied().unwrap_or_default().to_owned(),
        })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program.program);
        for name in LOCAL_VARIABLES {
            command.env_remove(name);
        }
        let protocols = if self.program.may_be_local {
            "https:http:ssh:git:file"
        } else {
            "https:http:ssh:git"
        };
        command
            .envs(
                self.program
                    .variables
                    .iter()
                    .map(|(name, value)| (name, value)),
            )
            .env("GIT_DIR", &self.folder)
            .env("GIT_ALLOW_PROTOCOL", protocols)
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_LITERAL_PATHSPECS", "1")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_TERMINAL_PROMPT", "0")
            // What it says is understood by its words.
            .env("LC_ALL", "C")
            .env("LANGUAGE", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // Not the caller's folder, which may be a repository with a configuration.
        if let Some(parent) = self.folder.parent().filter(|parent| parent.is_dir()) {
            command.current_dir(parent);
        }
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        for setting in &self.program.settings {
            command.args(["-c", setting]);
        }
        if let Some((scope, user, password)) = self.address.credentials() {
            command
                .arg("-c")
                .arg(format!("credential.{scope}.helper="))
                .arg("-c")
                .arg(format!("credential.{scope}.helper={HELPER}"))
                .env("CROSSDOCK_GIT_USER", user)
                .env("CROSSDOCK_GIT_PASSWORD", password);
        }
        command.args(arguments);
        command
    }
}

/// git at work. It is stopped if nobody waits for its end.
pub(super) struct Running<'a> {
    child: Child,
    pub(super) output: ChildStdout,
    messages: Option<JoinHandle<Vec<u8>>>,
    writer: Option<JoinHandle<()>>,
    address: &'a Address,
    action: String,
}

impl Running<'_> {
    /// Waits for the end, which must be a success.
    pub(super) fn finish(mut self) -> Result<(), GitError> {
        let status = self
            .child
            .wait()
            .map_err(|source| GitError::Run { source })?;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
        let messages = self.messages.take().map(JoinHandle::join);
        if status.success() {
            return Ok(());
        }
        let messages = messages.and_then(Result::ok).unwrap_or_default();
        let messages = self.address.redact(&String::from_utf8_lossy(&messages));
        Err(failure(self.address, &self.action, &messages))
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if self.messages.is_some() {
            // Both fail only for a process that has ended.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The end of what git says.
fn read_messages(mut stderr: impl Read) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stderr.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..count]);
        if kept.len() > 2 * MAX_MESSAGES {
            kept.drain(..kept.len() - MAX_MESSAGES);
        }
    }
    kept
}

/// What a failure is, by what git says about it in English.
pub(super) fn failure(address: &Address, action: &str, messages: &str) -> GitError {
    let url = address.shown();
    let details = last_lines(messages);
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| messages.contains(phrase));
    if says(&[
        "could not read Username",
        "could not read Password",
        "terminal prompts disabled",
        "Authentication failed",
        "HTTP Basic: Access denied",
        "Permission denied (",
        "Host key verification failed",
        "returned error: 401",
        "returned error: 403",
    ]) {
        return GitError::Authentication { url, details };
    }
    if says(&[
        "not found",
        "does not appear to be a git repository",
        "repository not exported",
        "does not exist",
        "returned error: 404",
        "returned error: 410",
    ]) {
        return GitError::NotFound { url, details };
    }
    if says(&[
        "Could not resolve",
        "Couldn't resolve",
        "unable to look up",
        "Name or service not known",
        "Connection refused",
        "Connection reset",
        "Connection timed out",
        "Failed to connect",
        "Couldn't connect",
        "Operation too slow",
        "Operation timed out",
        "Network is unreachable",
        "No route to host",
        "unable to connect",
        "early EOF",
        "RPC failed",
        "hung up unexpectedly",
        "returned error: 5",
    ]) {
        return GitError::Network { url, details };
    }
    GitError::Failed {
        url,
        action: action.to_owned(),
        details,
    }
}

/// The last lines that say something, in one.
fn last_lines(messages: &str) -> String {
    let lines: Vec<String> = messages
        .split(['\n', '\r'])
        .map(|line| printable(line, 300))
        .filter(|line| !line.is_empty())
        .collect();
    match lines.len() {
        0 => "it says nothing".to_owned(),
        count => lines[count.saturating_sub(4)..].join("; "),
    }
}

/// Makes a bare repository in `folder`, which must not be there.
pub(super) fn init<'a>(
    program: &'a Program,
    folder: &Path,
    address: Address,
    is_sha256: bool,
) -> Result<Repository<'a>, GitError> {
    let repository = Repository {
        program,
        folder: folder.to_owned(),
        address,
    };
    let format = if is_sha256 { "sha256" } else { "sha1" };
    // Without a template there are no hooks, and no attributes but these: what an archive leaves
    // out or replaces is for releases, and filters are programs (the files of LFS stay pointers).
    repository.run(&[
        "init",
        "--quiet",
        "--bare",
        "--template=",
        &format!("--object-format={format}"),
    ])?;
    let info = folder.join("info");
    std::fs::create_dir_all(&info)
        .and_then(|()| {
            let attributes = "* -export-ignore -export-subst -filter\n";
            std::fs::write(info.join("attributes"), attributes)
        })
        .map_err(|source| GitError::Folder { source })?;
    Ok(repository)
}

#[cfg(test)]
mod tests;
