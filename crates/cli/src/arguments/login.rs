//! The arguments of `crossdock login` and `crossdock logout`.

use clap::Args;

use crate::registry::RegistryOptions;

/// Log in to a registry
///
/// The login is tried, and kept where docker keeps its own: with the credential helper that
/// docker's config.json names, or else in that file ($DOCKER_CONFIG/config.json,
/// ~/.docker/config.json, or $REGISTRY_AUTH_FILE), so that docker and podman have it too.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crossdock login registry.example.com
  crossdock login -u me --password-stdin registry.example.com <token.txt

Exit codes:
  0 logged in   1 the registry does not accept it, or something is missing   2 the command line
  4 the registry cannot be reached, or the machine failed")]
pub(crate) struct Login {
    /// Registry, as HOST or HOST:PORT
    #[arg(value_name = "SERVER", default_value = "docker.io")]
    pub(crate) server: String,

    /// User name [default: asked for]
    #[arg(short, long, value_name = "USER")]
    pub(crate) username: Option<String>,

    /// Password or access token [default: asked for]; others may see it in the list of processes
    #[arg(
        short,
        long,
        value_name = "PASSWORD",
        conflicts_with = "password_stdin"
    )]
    pub(crate) password: Option<String>,

    /// Read the password from standard input
    #[arg(long, requires = "username")]
    pub(crate) password_stdin: bool,

    #[command(flatten)]
    pub(crate) registry: RegistryOptions,
}

/// Forget the login to a registry
///
/// It is erased where crossdock login and docker login keep it.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  crossdock logout registry.example.com

Exit codes:
  0 there is no login any more   1 docker's configuration cannot be used   2 the command line
  4 the machine failed")]
pub(crate) struct Logout {
    /// Registry, as HOST or HOST:PORT
    #[arg(value_name = "SERVER", default_value = "docker.io")]
    pub(crate) server: String,
}
