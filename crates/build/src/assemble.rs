//! From the last tree to an image: its config, and the layers in their order.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossdock_graph::{OperationId, Target};
use crossdock_image::{Config, History, Platform, RootFs, format_rfc3339, parse_rfc3339};
use crossdock_layer::{EPOCH_1980, LayerFormat, Timestamp};

use crate::builder::BuildRequest;
use crate::perform::Outcome;
use crate::state::{Layered, State};

/// A finished image.
pub(crate) struct AssembledImage {
    /// As the config has it: with version and features.
    pub(crate) platform: Platform,
    /// The config's bytes.
    pub(crate) config: Vec<u8>,
    /// Its file system.
    pub(crate) state: Arc<Layered>,
}

pub(crate) fn assemble(
    request: &BuildRequest<'_>,
    target: &Target,
    base_created: Option<&str>,
    states: &BTreeMap<OperationId, State>,
    outcome: &Outcome,
) -> AssembledImage {
    let State::Layers(state) = &states[&target.tree] else {
        unreachable!("the frontend makes no image of a context");
    };
    let created = created(request, base_created, state, outcome);
    let created = format_rfc3339(created.seconds, created.nanoseconds);
    let config = config(target, created, states, state, outcome);
    AssembledImage {
        platform: config.platform(),
        config: config.to_bytes(),
        state: Arc::clone(state),
    }
}

fn config(
    target: &Target,
    created: String,
    states: &BTreeMap<OperationId, State>,
    state: &Layered,
    outcome: &Outcome,
) -> Config {
    let mut config = target.config.clone();
    let base_layers = state
        .layers
        .iter()
        .filter(|layer| !outcome.newest.contains_key(&layer.diff_id))
        .count();
    let created = Some(created);
    config.rootfs = RootFs {
        diff_ids: state.layers.iter().map(|layer| layer.diff_id).collect(),
        ..RootFs::default()
    };
    config.history = target.base_history.clone();
    complete_history(&mut config.history, base_layers);
    let stated: Vec<OperationId> = target
        .history
        .iter()
        .filter_map(|step| step.operation)
        .collect();
    for (id, step_state) in states {
        // A Windows image from scratch begins with a layer that no instruction names.
        let State::Layers(scratch) = step_state else {
            continue;
        };
        let lowest = state.layers.first().map(|layer| layer.diff_id);
        let is_base = scratch.added
            && scratch.layers.len() == 1
            && !stated.contains(id)
            && scratch.format == LayerFormat::Windows
            && scratch.layers.first().map(|layer| layer.diff_id) == lowest;
        if is_base {
            config.history.push(History {
                created: created.clone(),
                created_by: "FROM scratch".to_owned(),
                comment: "crossdock: registry hives of an empty Windows image".to_owned(),
                ..History::default()
            });
            break;
        }
    }
    for step in &target.history {
        let made = step.operation.is_some_and(|id| match &states[&id] {
            State::Layers(state) => state.added,
            State::Context(_) => false,
        });
        config.history.push(History {
            created: created.clone(),
            created_by: step.created_by.clone(),
            comment: step.comment.clone(),
            empty_layer: !made,
            ..History::default()
        });
    }
    config.created = created;
    config
}

/// Makes the history of a base speak of as many layers as the base has: other builders leave it
/// out, and readers refuse a mismatch.
fn complete_history(history: &mut Vec<History>, layers: usize) {
    let mut stated = history.iter().filter(|record| !record.empty_layer).count();
    while stated < layers {
        let comment = "crossdock: the base image states nothing of this layer".to_owned();
        history.push(History {
            comment,
            ..History::default()
        });
        stated += 1;
    }
    for record in history.iter_mut().rev() {
        if stated == layers {
            break;
        }
        if !record.empty_layer {
            record.empty_layer = true;
            stated -= 1;
        }
    }
}

/// When the image was made: SOURCE_DATE_EPOCH, else the newest time of the base and of what is
/// new. The clock is not asked, so that equal inputs give equal images.
fn created(
    request: &BuildRequest<'_>,
    base: Option<&str>,
    state: &Layered,
    outcome: &Outcome,
) -> Timestamp {
    if let Some(epoch) = request.epoch {
        return epoch;
    }
    let base = base.and_then(parse_rfc3339);
    let base = base.map(|(seconds, nanoseconds)| Timestamp {
        seconds,
        nanoseconds,
    });
    let new = state
        .layers
        .iter()
        .filter_map(|layer| outcome.newest.get(&layer.diff_id))
        .copied();
    base.into_iter()
        .chain(new)
        .max()
        .unwrap_or(Timestamp::from_seconds(EPOCH_1980))
}
