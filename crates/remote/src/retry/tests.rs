use std::sync::Mutex;

use super::*;

#[derive(Debug, Default)]
struct Recorded {
    pauses: Mutex<Vec<u64>>,
    chance: f64,
}

impl Clock for Recorded {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, pause: Duration) {
        self.pauses.lock().unwrap().push(pause.as_millis() as u64);
    }

    fn chance(&self) -> f64 {
        self.chance
    }
}

#[track_caller]
fn check(chance: f64, asked_for: Option<u64>, expected: &[u64]) {
    let clock = Arc::new(Recorded {
        chance,
        ..Recorded::default()
    });
    let policy = RetryPolicy {
        attempts: 6,
        first_pause: Duration::from_secs(1),
        longest_pause: Duration::from_secs(10),
    };
    let mut retries = Retries::new(policy, clock.clone());
    while retries.pause(asked_for.map(Duration::from_secs)) {}
    assert_eq!(*clock.pauses.lock().unwrap(), expected);
}

#[test]
fn pauses() {
    check(1.0, None, &[1000, 2000, 4000, 8000, 10_000]);
    check(0.0, None, &[500, 1000, 2000, 4000, 5000]);
    // Never sooner than asked for, and later if there were more failures.
    check(1.0, Some(3), &[3000, 3000, 4000, 8000, 10_000]);
    check(1.0, Some(11), &[]);
}

#[track_caller]
fn asked(retry_after_value: &str, date: Option<&str>, expected: Option<u64>) {
    let mut headers = HeaderMap::new();
    headers.insert(RETRY_AFTER, retry_after_value.parse().unwrap());
    if let Some(date) = date {
        headers.insert(DATE, date.parse().unwrap());
    }
    assert_eq!(retry_after(&headers).map(|pause| pause.as_secs()), expected);
}

#[test]
fn what_servers_ask_for() {
    let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
    asked("120", None, Some(120));
    asked(" 0 ", None, Some(0));
    asked("Sun, 06 Nov 1994 08:50:37 GMT", date, Some(60));
    asked("Sun, 06 Nov 1994 08:00:00 GMT", date, Some(0));
    asked("Sun, 06 Nov 1994 08:50:37 GMT", None, None);
    asked("soon", date, None);
    asked("-1", date, None);
    asked("Sunday, 06-Nov-94 08:49:39 GMT", date, Some(2));
}
