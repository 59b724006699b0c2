//! What a build could not keep.

use std::collections::BTreeMap;

use crossdock_build::Loss;

/// Most paths that are listed of one kind of loss.
const LISTED: usize = 10;

/// The losses by kind, and a line about what is kept unseen.
pub(super) fn list_losses(losses: &[Loss], hidden: u64) -> String {
    let mut text = String::new();
    let mut kinds: BTreeMap<_, Vec<&Loss>> = BTreeMap::new();
    for loss in losses {
        kinds.entry(loss.kind).or_default().push(loss);
    }
    for (kind, losses) in kinds {
        text.push_str(&format!("lost: {} {kind}\n", losses.len()));
        for loss in losses.iter().take(LISTED) {
            let detail = if loss.detail.is_empty() { "" } else { ": " };
            let line = format!("  {}{detail}{}", loss.path, loss.detail);
            text.push_str(&super::text::visible(&line));
            text.push('\n');
        }
        if losses.len() > LISTED {
            text.push_str(&format!("  and {} more\n", losses.len() - LISTED));
        }
    }
    if hidden > 0 {
        let entries = if hidden == 1 {
            "entry keeps"
        } else {
            "entries keep"
        };
        text.push_str(&format!(
            "kept: {hidden} {entries} metadata of the other system, which cannot be seen on the \
             target and comes back when copied back\n"
        ));
    }
    text
}
