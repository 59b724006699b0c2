//! When, and after how long, something is tried again.

use std::sync::Arc;
use std::time::Duration;

use ureq::http::HeaderMap;
use ureq::http::header::{DATE, RETRY_AFTER};

use crate::config::{Clock, RetryPolicy};
use crate::http_date::parse_http_date;

/// The pauses of one operation.
#[derive(Debug)]
pub(crate) struct Retries {
    policy: RetryPolicy,
    clock: Arc<dyn Clock>,
    failures: u32,
}

impl Retries {
    pub(crate) fn new(policy: RetryPolicy, clock: Arc<dyn Clock>) -> Self {
        Self {
            policy,
            clock,
            failures: 0,
        }
    }

    /// How often the operation failed since it began or last got on.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// The operation got on: the next failure is a first one.
    pub(crate) fn progress(&mut self) {
        self.failures = 0;
    }

    /// Waits after a failure. `false`: there were enough of them, or the server asked for a
    /// longer pause than the user should be kept waiting.
    pub(crate) fn pause(&mut self, asked_for: Option<Duration>) -> bool {
        self.failures += 1;
        if self.failures >= self.policy.attempts {
            return false;
        }
        let RetryPolicy {
            first_pause,
            longest_pause,
            ..
        } = self.policy;
        if asked_for.is_some_and(|pause| pause > longest_pause) {
            return false;
        }
        let doubled = first_pause.saturating_mul(1 << (self.failures - 1).min(16));
        let own = doubled
            .min(longest_pause)
            .mul_f64(0.5 + 0.5 * self.clock.chance().clamp(0.0, 1.0));
        self.clock.sleep(asked_for.unwrap_or(own).max(own));
        true
    }
}

/// Whether an answer with this status says that the same request may succeed later.
pub(crate) fn is_temporary(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

/// The pause that a server asks for (RFC 9110, 10.2.3). A date is counted from the answer's own
/// `Date`, so that this machine's clock does not matter.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let then = parse_http_date(text)?;
    let now = parse_http_date(headers.get(DATE)?.to_str().ok()?)?;
    Some(Duration::from_secs(
        u64::try_from(then - now).unwrap_or_default(),
    ))
}

#[cfg(test)]
mod tests;
