//! Bytes that come or go.

use std::collections::VecDeque;
use std::time::Duration;

use super::text;

/// How far back the rate looks: long enough to be steady, short enough to show a stall.
const WINDOW: Duration = Duration::from_secs(4);

/// How far a transfer is. Times count from any one moment.
#[derive(Debug, Clone)]
pub(super) struct Transfer {
    bytes: u64,
    total: u64,
    /// When how many bytes had come, the oldest first; never empty.
    samples: VecDeque<(Duration, u64)>,
}

impl Transfer {
    /// One that began at `started`.
    pub(super) fn new(started: Duration) -> Self {
        Self {
            bytes: 0,
            total: 0,
            samples: VecDeque::from([(started, 0)]),
        }
    }

    /// Takes what [`Event::Progress`](crossdock_build::Event::Progress) tells.
    pub(super) fn told(&mut self, bytes: u64, total: u64, now: Duration) {
        if bytes < self.bytes {
            // It began anew.
            self.samples.clear();
        }
        (self.bytes, self.total) = (bytes, total);
        self.samples.push_back((now, bytes));
        while let Some((next, _)) = self.samples.get(1)
            && now.saturating_sub(*next) >= WINDOW
        {
            self.samples.pop_front();
        }
    }

    /// `94.1MB / 206.3MB`.
    pub(super) fn amount(&self) -> String {
        match self.total {
            0 => text::size(self.bytes),
            total => format!("{} / {}", text::size(self.bytes), text::size(total)),
        }
    }

    /// `82MB/s`, unless it is complete or has only begun.
    pub(super) fn rate(&self, now: Duration) -> Option<String> {
        let (since, before) = *self.samples.front()?;
        let time = now.saturating_sub(since).as_secs_f64();
        if time < 0.2 || self.bytes == self.total {
            return None;
        }
        Some(text::rate(self.bytes.saturating_sub(before) as f64 / time))
    }
}
