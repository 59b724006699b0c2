//! Removing what nothing needs from a store: what the results in the build cache need.

use crossdock_store::{PruneError, PruneRequest, Pruned, ResultNeeds, Store};

use crate::cache::{CacheEntry, CachedResult};

/// Removes what no name, no build-cache entry and no process at work needs; with
/// [`all`](PruneRequest::all), build-cache entries count for nothing.
pub fn prune(store: &Store, request: &PruneRequest) -> Result<Pruned, PruneError> {
    store.prune(request, &mut |entry| needs_of(entry))
}

/// What each of an entry's results needs. Entries of other versions have none.
fn needs_of(entry: &[u8]) -> Vec<ResultNeeds> {
    let entry = CacheEntry::parse(entry);
    entry.results().iter().map(needs).collect()
}

/// The layer and its index, and the indexes by which it is found that the result still holds.
fn needs(result: &CachedResult) -> ResultNeeds {
    let layer = result.record.layer.as_ref();
    let own = layer.map(|layer| layer.diff_id);
    ResultNeeds {
        blob: layer.map(|layer| layer.blob),
        diff_ids: result.layers.iter().copied().chain(own).collect(),
    }
}

#[cfg(test)]
mod tests;
