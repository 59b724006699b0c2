//! The client against a registry that misbehaves.

mod auth;
mod fetch;
mod pull;
mod push;
mod real;
mod secure;
mod server;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossdock_image::{Reference, Repository};
use crossdock_remote::{Clock, Environment, Registry, RemoteConfig};
use server::Server;

/// Time that passes only by sleeping.
#[derive(Debug, Default)]
pub(crate) struct TestClock {
    pauses: Mutex<Vec<Duration>>,
    passed: Mutex<Duration>,
}

impl TestClock {
    fn pauses(&self) -> Vec<u64> {
        let pauses = self.pauses.lock().unwrap();
        pauses
            .iter()
            .map(|pause| pause.as_millis() as u64)
            .collect()
    }

    fn advance(&self, seconds: u64) {
        *self.passed.lock().unwrap() += Duration::from_secs(seconds);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Duration {
        *self.passed.lock().unwrap()
    }

    fn sleep(&self, pause: Duration) {
        self.pauses.lock().unwrap().push(pause);
        *self.passed.lock().unwrap() += pause;
    }

    fn chance(&self) -> f64 {
        1.0
    }
}

/// A configuration for tests: nothing from this machine, and no waiting.
fn config(home: Option<&Path>, variables: &[(&str, String)]) -> (RemoteConfig, Arc<TestClock>) {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()));
    let clock = Arc::new(TestClock::default());
    let config = RemoteConfig {
        clock: clock.clone(),
        stall_timeout: Duration::from_secs(20),
        ..RemoteConfig::new(Environment::new(variables, home.map(Path::to_owned)))
    };
    (config, clock)
}

fn client() -> (Registry, Arc<TestClock>) {
    let (config, clock) = config(None, &[]);
    (Registry::new(config), clock)
}

fn reference(server: &Server, rest: &str) -> Reference {
    format!("{}/{rest}", server.host()).parse().unwrap()
}

fn repository(server: &Server, path: &str) -> Repository {
    reference(server, path).repository().clone()
}

/// Bytes that differ from place to place.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(&mut next).take(length).collect()
}
