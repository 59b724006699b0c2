//! What a build could not keep.

use std::collections::BTreeMap;

use crossdock_build::{Loss, LossKind};

/// Most paths that are listed of one kind of loss.
const LISTED: usize = 10;

/// The losses by kind, and a line about what is kept unseen.
pub(crate) fn list_losses(losses: &[Loss], hidden: u64) -> String {
    let mut text = String::new();
    for (kind, losses) in kinds_of(losses) {
        text.push_str(&format!("lost: {} {kind}\n", losses.len()));
        for loss in losses.iter().take(LISTED) {
            text.push_str(&super::text::visible(&format!("  {}", lost(loss))));
            text.push('\n');
        }
        if losses.len() > LISTED {
            text.push_str(&format!("  and {} more\n", losses.len() - LISTED));
        }
    }
    text + &kept(hidden)
}

/// Losses by kind.
pub(super) fn kinds_of(losses: &[Loss]) -> BTreeMap<LossKind, Vec<&Loss>> {
    let mut kinds: BTreeMap<_, Vec<&Loss>> = BTreeMap::new();
    for loss in losses {
        kinds.entry(loss.kind).or_default().push(loss);
    }
    kinds
}

/// What was lost of which path.
pub(super) fn lost(loss: &Loss) -> String {
    let detail = if loss.detail.is_empty() { "" } else { ": " };
    format!("{}{detail}{}", loss.path, loss.detail)
}

/// A line about entries that keep something unseen; none if there are none.
pub(super) fn kept(hidden: u64) -> String {
    let entries = match hidden {
        0 => return String::new(),
        1 => "entry keeps",
        _ => "entries keep",
    };
    format!(
        "kept: {hidden} {entries} metadata of the other system, which cannot be seen on the \
         target and comes back when copied back\n"
    )
}
