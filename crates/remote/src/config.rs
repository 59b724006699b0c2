//! What the caller decides.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a [`Registry`](crate::Registry) is made with.
#[derive(Debug, Clone)]
pub struct RemoteConfig {
    /// Variables and the user's folder: where credentials, certificates and proxies are named.
    pub environment: Environment,
    /// Hosts (`HOST` or `HOST:PORT`) that are spoken to by http. This machine always is.
    pub insecure_hosts: Vec<String>,
    /// Folders with docker's layout of certificates, `HOST[:PORT]/*.crt`, beside those that
    /// docker and podman know ([`Environment::certificate_folders`]).
    pub certificate_folders: Vec<PathBuf>,
    /// What the client calls itself.
    pub user_agent: String,
    /// How often and how long.
    pub retry: RetryPolicy,
    /// How long nothing may come or go before a connection counts as broken.
    pub stall_timeout: Duration,
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// Blobs of more bytes are pushed in chunks of this size.
    pub chunk_size: u64,
    /// Time and chance.
    pub clock: Arc<dyn Clock>,
}

/// When a request is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a request is sent at most, 1 for never again.
    pub attempts: u32,
    /// The pause after the first failure. It doubles with each one, and between half and all of
    /// it is waited.
    pub first_pause: Duration,
    /// The longest pause. A registry that asks for more (`Retry-After`) is not tried again.
    pub longest_pause: Duration,
}

/// Time and chance, so that tests have neither.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Time since some moment in the past.
    fn now(&self) -> Duration;
    /// Waits.
    fn sleep(&self, pause: Duration);
    /// A number from 0 to 1, each time another, so that many clients do not return at once.
    fn chance(&self) -> f64;
}

/// The clock of the machine.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

/// The environment variables and the user's folder, as values. Names of variables are those that
/// Unix has, on Windows in upper case.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    home: Option<PathBuf>,
}

impl RemoteConfig {
    /// The usual values, with the machine's clock.
    pub fn new(environment: Environment) -> Self {
        Self {
            environment,
            insecure_hosts: Vec::new(),
            certificate_folders: Vec::new(),
            user_agent: concat!("crossdock/", env!("CARGO_PKG_VERSION")).to_owned(),
            retry: RetryPolicy::default(),
            stall_timeout: Duration::from_secs(120),
            connect_timeout: Duration::from_secs(30),
            chunk_size: 64 << 20,
            clock: Arc::new(SystemClock::default()),
        }
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 6,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(60),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep(&self, pause: Duration) {
        std::thread::sleep(pause);
    }

    fn chance(&self) -> f64 {
        // The keys of a hash map are the only random numbers that std has.
        use std::hash::{BuildHasher, RandomState};
        let random = RandomState::new().hash_one(self.start);
        (random >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl Environment {
    /// These variables, and the folder of the user if they have one.
    pub fn new(
        variables: impl IntoIterator<Item = (String, String)>,
        home: Option<PathBuf>,
    ) -> Self {
        Self {
            variables: variables.into_iter().collect(),
            home,
        }
    }

    /// The value of a variable; `None` if it is missing or empty.
    pub fn variable(&self, name: &str) -> Option<&str> {
        let value = self.variables.get(name)?;
        (!value.is_empty()).then_some(value.as_str())
    }

    /// The user's folder.
    pub fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// Where docker and podman keep certificates of registries, those of the user first
    /// (docker's "Verify repository client with certificates", containers-certs.d(5)).
    pub fn certificate_folders(&self) -> Vec<PathBuf> {
        let home = self.home();
        let config = self
            .variable("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(home?.join(".config")));
        let mut folders = Vec::new();
        folders.extend(config.iter().map(|at| at.join("docker/certs.d")));
        folders.extend(config.iter().map(|at| at.join("containers/certs.d")));
        folders.extend(home.map(|home| home.join(".docker/certs.d")));
        // On Windows; on other systems nobody sets the variable.
        let data = self.variable("PROGRAMDATA").map(Path::new);
        folders.extend(data.map(|data| data.join("docker/certs.d")));
        folders.extend(["/etc/docker/certs.d", "/etc/containers/certs.d"].map(PathBuf::from));
        folders
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values of variables may be secrets: proxies have passwords in them.
        f.debug_struct("Environment")
            .field("variables", &self.variables.keys())
            .field("home", &self.home)
            .finish()
    }
}
