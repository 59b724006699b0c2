//! `crossdock prune`.

use std::path::Path;

use crossdock_build::{Prunable, PruneError, PruneRequest, Pruned, RecordKind, Removed, prune};

use crate::arguments::Prune;
use crate::failure::Failure;
use crate::out::answer;
use crate::progress::print;
use crate::store::open_store;

pub(crate) fn run(root: Option<&Path>, arguments: &Prune) -> Result<(), Failure> {
    let store = open_store(root)?;
    let request = PruneRequest {
        all: arguments.all,
        dry_run: arguments.dry_run,
    };
    let pruned = prune(&store, &request).map_err(|error| {
        let text = format!("store: {error}");
        match error {
            PruneError::OlderProcess { .. } => Failure::input(text),
            _ => Failure::system(text),
        }
    })?;
    print(&warnings(&pruned, arguments.dry_run));
    answer(&report(&pruned, arguments.dry_run))
}

fn warnings(pruned: &Pruned, dry_run: bool) -> String {
    let kept = if dry_run { "would stay" } else { "stay" };
    let unread = pruned.unread.iter().map(|skipped| {
        format!(
            "warning: {}: cannot be read: {}; as it is not known what it refers to, all blobs \
             {kept}\n",
            skipped.path.display(),
            skipped.source
        )
    });
    let skipped = pruned.skipped.iter().map(|skipped| {
        format!(
            "warning: {}: stays, it cannot be removed: {}\n",
            skipped.path.display(),
            skipped.source
        )
    });
    unread.chain(skipped).collect()
}

/// Kinds in the order of the report, as users know them.
const KINDS: [(&str, Prunable); 8] = [
    ("Results of builds", Prunable::Record(RecordKind::Cache)),
    (
        "Build contexts",
        Prunable::Record(RecordKind::ContextMemory),
    ),
    ("Blobs", Prunable::Blob),
    ("Layer indexes", Prunable::Record(RecordKind::LayerIndex)),
    ("Layer digests", Prunable::Record(RecordKind::Uncompressed)),
    (
        "Layer checkpoints",
        Prunable::Record(RecordKind::Checkpoints),
    ),
    ("Damaged files", Prunable::Damaged),
    ("Temporary files", Prunable::Temporary),
];

/// A line for each kind of which there was something, and the total.
fn report(pruned: &Pruned, dry_run: bool) -> String {
    let mut report = String::new();
    for (name, kind) in KINDS {
        if let Some(Removed { count, bytes }) = pruned.removed.get(&kind) {
            report += &format!("{name:<18} {count:>8}  {:>9}\n", size(*bytes));
        }
    }
    if !report.is_empty() {
        report.push('\n');
    }
    let total = if dry_run {
        "Total reclaimable space"
    } else {
        "Total reclaimed space"
    };
    report + &format!("{total}: {}", size(pruned.total().bytes))
}

/// A size as docker writes it: four significant digits, powers of 1,000.
fn size(bytes: u64) -> String {
    let mut unit = 0;
    let mut divisor = 1_u64;
    while unit + 1 < UNITS.len() && bytes / divisor >= 1000 {
        divisor *= 1000;
        unit += 1;
    }
    let value = bytes as f64 / divisor as f64;
    let decimals = match bytes / divisor {
        0..10 => 3,
        10..100 => 2,
        _ => 1,
    };
    let number = format!("{value:.decimals$}");
    let number = match number.contains('.') {
        true => number.trim_end_matches('0').trim_end_matches('.'),
        false => &number,
    };
    format!("{number} {}", UNITS[unit])
}

const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let check = |bytes: u64, expected: &str| assert_eq!(size(bytes), expected);
        check(0, "0 B");
        check(1, "1 B");
        check(999, "999 B");
        check(1000, "1 kB");
        check(1024, "1.024 kB");
        check(1_200_000_000, "1.2 GB");
        check(12_345_678, "12.35 MB");
        check(123_456_789, "123.5 MB");
        check(999_999, "1000 kB");
        check(u64::MAX, "18.45 EB");
    }

    #[test]
    fn reports() {
        let mut pruned = Pruned::default();
        assert_eq!(report(&pruned, false), "Total reclaimed space: 0 B");
        let removed = |count, bytes| Removed { count, bytes };
        pruned
            .removed
            .insert(Prunable::Blob, removed(12, 1_200_000_000));
        let cache = Prunable::Record(RecordKind::Cache);
        pruned.removed.insert(cache, removed(3, 1500));
        let lines = "Results of builds         3     1.5 kB\n\
                     Blobs                    12     1.2 GB\n";
        let total = "Total reclaimable space: 1.2 GB";
        assert_eq!(report(&pruned, true), format!("{lines}\n{total}"));
    }
}
