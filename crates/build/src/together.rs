//! Several pieces of work at a time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::error::BuildError;

/// Does `work` to all `items`, `threads` at a time, in their order. When one fails the others are
/// asked to stop by the flag that they are given; the first failure is the one that is told.
pub(crate) fn together<T: Sync>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T, &AtomicBool) -> Result<(), BuildError> + Sync,
) -> Result<(), BuildError> {
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let failure: Mutex<Option<BuildError>> = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(items.len()) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) else {
                        break;
                    };
                    if let Err(error) = work(item, &stop) {
                        let mut failure = failure.lock().unwrap_or_else(|error| error.into_inner());
                        failure.get_or_insert(error);
                        stop.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    match failure
        .into_inner()
        .unwrap_or_else(|error| error.into_inner())
    {
        Some(error) => Err(error),
        None => Ok(()),
    }
}
