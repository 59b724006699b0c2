//! `crossdock login`.

use std::fmt;
use std::io::{IsTerminal as _, Read as _};

use crossdock_build::{
    Credentials, KeepError, Kept, LoginError, Registry, Secret, find_credentials, store_login,
};
use crossdock_host::{Interruption, undivided};

use crate::arguments::Login;
use crate::failure::Failure;
use crate::out::answer;
use crate::progress::print;
use crate::registry::{environment, server_host};

/// The longest password that is read from standard input, in bytes.
const MAX_PASSWORD: u64 = 1 << 20;
/// docker's words.
const SUCCEEDED: &str = "Login Succeeded";

pub(crate) fn run(arguments: &Login) -> Result<(), Failure> {
    let host = server_host(&arguments.server)?;
    let registry = arguments.registry.registry()?;
    if arguments.password.is_some() {
        print(
            "warning: a password on the command line can be seen in the list of processes and in \
             the shell's history; use --password-stdin\n",
        );
    }
    if arguments.username.is_none()
        && arguments.password.is_none()
        && is_logged_in(&registry, &host)?
    {
        return answer(SUCCEEDED);
    }
    let login = asked_for(arguments, &host)?;
    let credentials = Credentials::Basic {
        username: login.username.clone(),
        password: login.password.clone(),
    };
    let identity_token = registry.login(&host, credentials).map_err(failed)?;
    let login = crossdock_build::Login {
        identity_token,
        ..login
    };
    match store_login(&environment(), &host, &login).map_err(not_kept)? {
        Kept::File { path } => print(&format!(
            "warning: the login is kept unencrypted in {}; a credential helper (credsStore in \
             docker's config.json) would encrypt it\n",
            path.display()
        )),
        Kept::Helper { program } => print(&format!("The login is kept by {program}.\n")),
    }
    answer(SUCCEEDED)
}

/// Whether there are credentials for the registry already, and it accepts them.
fn is_logged_in(registry: &Registry, host: &str) -> Result<bool, Failure> {
    let found = find_credentials(&environment(), host, None);
    // Whatever is wrong with them, a new login is the way out of it.
    let Ok(Some(credentials)) = found else {
        return Ok(false);
    };
    match registry.login(host, credentials) {
        Ok(_) => {
            print(&format!("There is a login to {host}, which is accepted.\n"));
            Ok(true)
        }
        Err(error) if error.is_failure() => Err(failed(error)),
        Err(_) => Ok(false),
    }
}

/// The user's name and password, from the arguments, standard input or the terminal.
fn asked_for(arguments: &Login, host: &str) -> Result<crossdock_build::Login, Failure> {
    let username = match &arguments.username {
        Some(name) => name.clone(),
        None => prompt_username(host)?,
    };
    if username.is_empty() || username.contains(':') {
        return Err(Failure::input(
            "the user name is empty or has a colon in it, which no registry can tell apart",
        ));
    }
    let password = match &arguments.password {
        Some(password) => password.clone(),
        None if arguments.password_stdin => password_from_stdin()?,
        None => prompt_password()?,
    };
    if password.is_empty() {
        return Err(Failure::input("the password is empty"));
    }
    Ok(crossdock_build::Login {
        username,
        password: Secret::new(password),
        identity_token: None,
    })
}

/// All of standard input, without the end of the line.
fn password_from_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    let read = std::io::stdin()
        .lock()
        .take(MAX_PASSWORD)
        .read_to_string(&mut text);
    read.map_err(|error| Failure::input(format!("--password-stdin: {error}")))?;
    // PowerShell sends a mark before what it encodes, if it is told to send UTF-8.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

fn prompt_username(host: &str) -> Result<String, Failure> {
    needs_terminal()?;
    print(&format!("Login to {host}\nUsername: "));
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line);
    read.map_err(|error| Failure::input(format!("the user name cannot be read: {error}")))?;
    Ok(line.trim().to_owned())
}

fn prompt_password() -> Result<String, Failure> {
    needs_terminal()?;
    // An interruption waits until the terminal shows again what is typed.
    let read = undivided(|| rpassword::prompt_password("Password: "));
    read.map_err(|error| {
        // Ctrl-C, which the terminal does not turn into a signal meanwhile.
        if error.kind() == std::io::ErrorKind::Interrupted {
            print("\n");
            std::process::exit(Interruption::Keyboard.exit_code().into());
        }
        Failure::input(format!("the password cannot be read: {error}"))
    })
}

fn needs_terminal() -> Result<(), Failure> {
    if std::io::stdin().is_terminal() {
        return Ok(());
    }
    Err(Failure::input(
        "there is no terminal to ask for the login on: use -u USER --password-stdin",
    ))
}

fn failed(error: LoginError) -> Failure {
    by_fault(error.is_failure(), error)
}

/// A login that could not be kept or erased.
pub(super) fn not_kept(error: KeepError) -> Failure {
    by_fault(error.is_failure(), error)
}

fn by_fault(is_failure: bool, error: impl fmt::Display) -> Failure {
    match is_failure {
        true => Failure::system(error),
        false => Failure::input(error),
    }
}
