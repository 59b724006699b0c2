//! How commands come to a client of registries.

use clap::Args;
use crossdock_build::{Environment, Registry, RemoteConfig, registry_host};

use crate::failure::Failure;

/// The options of every command that speaks to registries.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct RegistryOptions {
    /// Registry that may be spoken to without TLS, as HOST or HOST:PORT; may be repeated. This
    /// machine always may
    #[arg(long, value_name = "HOST")]
    pub(crate) insecure_registry: Vec<String>,
}

impl RegistryOptions {
    /// What a client is made with: these options, and the environment of the process.
    pub(crate) fn config(&self) -> Result<RemoteConfig, Failure> {
        let mut config = RemoteConfig::new(environment());
        for host in &self.insecure_registry {
            if registry_host(host).as_ref() != Some(host) {
                return Err(Failure::input(format!(
                    "--insecure-registry {host}: is not a host; write it like example.com or \
                     example.com:5000"
                )));
            }
            config.insecure_hosts.push(host.clone());
        }
        Ok(config)
    }

    /// A client with this configuration. Nothing is connected or read yet.
    pub(crate) fn registry(&self) -> Result<Registry, Failure> {
        self.config().map(Registry::new)
    }
}

/// The registry that the argument of `login` and `logout` means.
pub(crate) fn server_host(server: &str) -> Result<String, Failure> {
    registry_host(server).ok_or_else(|| {
        Failure::input(format!(
            "{server}: is not a registry; write it like example.com or example.com:5000"
        ))
    })
}

/// The environment of this process, where credentials, certificates and proxies are named.
pub(crate) fn environment() -> Environment {
    Environment::new(
        crossdock_host::environment_variables(),
        crossdock_host::home_directory(),
    )
}
