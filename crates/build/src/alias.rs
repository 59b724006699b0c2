//! The second key of an operation: by what stands in the Dockerfile and by the layers that it
//! reads. It leads to a result without a tree, so an unchanged build opens no index.

use std::collections::BTreeMap;

use crossdock_graph::{Copy, CopySource, OperationId, Step};

use crate::cache::{CacheEntry, CacheRecord, CachedResult, KeyHasher};
use crate::error::BuildError;
use crate::layers::whole;
use crate::perform::{Added, Outcome, Performer, layered, name_of};
use crate::state::{Layered, State};

impl Performer<'_> {
    /// The key of a copy by what stands in the Dockerfile and by the layers that it reads; `None`
    /// if it reads something else.
    pub(crate) fn copy_alias(
        &self,
        copy: &Copy,
        states: &BTreeMap<OperationId, State>,
    ) -> Option<[u8; 32]> {
        let CopySource::Tree { tree, paths } = &copy.from else {
            return None;
        };
        let State::Layers(source) = &states[tree] else {
            return None;
        };
        let Copy {
            base,
            from: _,
            destination,
            into_directory,
            owner,
            mode,
            link,
            parents,
            exclude,
            unpack,
        } = copy;
        let mut key = self.alias("alias of a copy", layered(states, *base));
        key.value(&(paths, destination, into_directory, owner, mode));
        key.value(&(link, parents, exclude, unpack));
        key.value(&(self.request.collision, self.request.foreign));
        key.value(&(self.request.epoch, source.format));
        key.layers(source.layers.iter().map(|layer| layer.diff_id));
        Some(key.finish())
    }

    pub(crate) fn directory_alias(
        &self,
        base: &Layered,
        path: &str,
        owner: Option<&str>,
    ) -> [u8; 32] {
        let mut key = self.alias("alias of a directory", base);
        key.value(&(path, owner));
        key.finish()
    }

    fn alias(&self, operation: &str, base: &Layered) -> KeyHasher {
        let mut key = KeyHasher::new(operation);
        key.value(&(self.default_time(), base.format));
        key.layers(base.layers.iter().map(|layer| layer.diff_id));
        key
    }

    /// Takes the result that is known under `alias`. If there is none, `perform` finds or makes
    /// one, which needs trees, and it is known from then on.
    pub(crate) fn through_alias(
        &self,
        step: &Step,
        base: &Layered,
        alias: Option<[u8; 32]>,
        outcome: &mut Outcome,
        perform: impl FnOnce(&mut Outcome) -> Result<Added, BuildError>,
    ) -> Result<(State, bool), BuildError> {
        if let (Some(alias), false) = (alias, self.request.no_cache) {
            let entry = whole(self.store.cache_get(&alias)?, self.events);
            let entry = CacheEntry::parse(&entry.unwrap_or_default());
            if let Some(result) = entry.results().first()
                && let Some((record, layer)) = self.load(&result.record, name_of(step, base))?
            {
                self.take_in(step, &record, outcome);
                return Ok((self.upon(step, base, layer), true));
            }
        }
        self.warned.take();
        let added = perform(outcome)?;
        if let Some(alias) = alias {
            let result = CachedResult {
                record: CacheRecord {
                    // Those of reading the sources too, which is not done again.
                    warnings: self.warned.take(),
                    ..added.record
                },
                beneath: alias,
                questions: Vec::new(),
                answers: [0; 32],
                layers: added.layers,
            };
            let entry = CacheEntry::default().with(result);
            self.store.cache_put(&alias, &entry.to_bytes())?;
        }
        Ok((added.state, added.cached))
    }
}
