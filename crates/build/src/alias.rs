//! Further keys of an operation: by what stands in the Dockerfile and by the layers that it reads.
//! They lead to a result without a tree, so an unchanged build opens no index, and a copy upon
//! another base does not read what it copies from.

use std::collections::BTreeMap;

use crossdock_graph::{Copy, CopySource, OperationId, Step};
use crossdock_image::DiffId;

use crate::builder::is_independent;
use crate::cache::{CacheEntry, CacheRecord, CachedResult, KeyHasher};
use crate::error::BuildError;
use crate::layers::whole;
use crate::perform::{Added, Key, Outcome, Performer, layered, name_of};
use crate::state::{Layered, State};

/// The further keys of an operation.
pub(crate) struct Aliases {
    /// Of the operation upon this very base: its result is the result.
    upon: [u8; 32],
    /// Of a copy from these layers upon any base, and the layers whose indexes lead to its
    /// results: they count if the base gives the same answers.
    from: Option<(Key, Vec<DiffId>)>,
}

impl Performer<'_> {
    /// The keys of a copy; `None` if it reads something else than layers, or more of it than they
    /// say.
    pub(crate) fn copy_aliases(
        &self,
        copy: &Copy,
        states: &BTreeMap<OperationId, State>,
    ) -> Option<Aliases> {
        let Copy {
            base,
            sources,
            destination,
            into_directory,
            owner,
            mode,
            link,
            parents,
            exclude,
        } = copy;
        let base = layered(states, *base);
        let mut key = KeyHasher::new("alias of a copy");
        key.value(&(self.default_time(), base.format));
        key.value(&(destination, into_directory, owner, mode));
        key.value(&(link, parents, exclude));
        key.value(&(self.request.collision, self.request.foreign));
        key.value(&self.request.epoch);
        let mut copied = Vec::new();
        for source in sources {
            match source {
                CopySource::Inline(files) => key.value(&files),
                CopySource::Tree {
                    tree,
                    paths,
                    unpack,
                } => {
                    let source = match &states[tree] {
                        State::Layers(source) if source.stacked => source,
                        State::Layers(_) | State::Context(_) => return None,
                    };
                    key.value(&(paths, unpack, source.format));
                    key.layers(source.layers.iter().map(|layer| layer.diff_id));
                    copied.extend(source.layers.iter().map(|layer| layer.diff_id));
                }
            }
        }
        let asks = !is_independent(copy, Some(base.format));
        let beneath = base.layers.iter().filter(|_| asks);
        let layers = beneath.map(|layer| layer.diff_id).chain(copied);
        // A name of an owner is looked up in the base, and no question tells of that.
        let from = owner.is_none().then(|| {
            let operation = key.clone().finish();
            (Key { operation, asks }, layers.collect())
        });
        Some(Aliases {
            upon: upon(key, base),
            from,
        })
    }

    /// The key of a working directory.
    pub(crate) fn directory_alias(
        &self,
        base: &Layered,
        path: &str,
        owner: Option<&str>,
    ) -> Aliases {
        let mut key = KeyHasher::new("alias of a directory");
        key.value(&(self.default_time(), base.format));
        key.value(&(path, owner));
        Aliases {
            upon: upon(key, base),
            from: None,
        }
    }

    /// Takes the result that is known under one of the keys. If there is none, `perform` finds or
    /// makes one, which needs more trees, and it is known from then on.
    pub(crate) fn through_aliases(
        &self,
        step: &Step,
        base: &Layered,
        aliases: Option<Aliases>,
        outcome: &mut Outcome,
        perform: impl FnOnce(&mut Outcome) -> Result<Added, BuildError>,
    ) -> Result<(State, bool), BuildError> {
        let Some(aliases) = aliases else {
            return perform(outcome).map(|added| (added.state, added.cached));
        };
        let name = name_of(step, base);
        if self.request.uses_cache(&step.location.stage) {
            let entry = self.known(&aliases.upon)?;
            if let Some(result) = entry.results().first()
                && let Some((record, layer)) = self.load(&result.record, name)?
            {
                self.take_in(step, &record, outcome);
                return Ok((self.upon(step, base, layer), true));
            }
            if let Some((key, layers)) = &aliases.from {
                let entry = self.known(&key.operation)?;
                let found = self.recall(step, &entry, key, base, layers)?;
                if let Some((result, layer)) = found {
                    self.take_in(step, &result.record, outcome);
                    self.keep_alias(&aliases.upon, result)?;
                    return Ok((self.upon(step, base, layer), true));
                }
            }
        }
        self.warned.take();
        let added = perform(outcome)?;
        let result = CachedResult {
            record: CacheRecord {
                // Those of reading the sources too, which is not done again.
                warnings: self.warned.take(),
                ..added.result.record
            },
            ..added.result
        };
        if let Some((key, layers)) = aliases.from {
            let entry = self.known(&key.operation)?;
            let result = CachedResult {
                layers,
                ..result.clone()
            };
            let entry = entry.with(result);
            self.store.cache_put(&key.operation, &entry.to_bytes())?;
        }
        self.keep_alias(&aliases.upon, result)?;
        Ok((added.state, added.cached))
    }

    pub(crate) fn known(&self, key: &[u8; 32]) -> Result<CacheEntry, BuildError> {
        let entry = whole(self.store.cache_get(key)?, self.events);
        Ok(CacheEntry::parse(&entry.unwrap_or_default()))
    }

    /// Keeps a result under a key that already says everything.
    fn keep_alias(&self, alias: &[u8; 32], result: CachedResult) -> Result<(), BuildError> {
        let result = CachedResult {
            questions: Vec::new(),
            answers: [0; 32],
            ..result
        };
        let entry = CacheEntry::default().with(result);
        self.store.cache_put(alias, &entry.to_bytes())?;
        Ok(())
    }
}

/// `key` with the layers of the base.
fn upon(mut key: KeyHasher, base: &Layered) -> [u8; 32] {
    key.layers(base.layers.iter().map(|layer| layer.diff_id));
    key.finish()
}
