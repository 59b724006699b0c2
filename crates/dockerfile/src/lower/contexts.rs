//! Named contexts, `--build-context`.

use std::collections::BTreeMap;

use crossdock_image::{Platform, Reference};

use super::NamedContext;

/// A named context: how the command line calls it, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Context {
    pub(super) name: String,
    pub(super) value: NamedContext,
}

/// The named contexts, by names in one form.
pub(super) struct Contexts(BTreeMap<String, Context>);

impl Contexts {
    pub(super) fn new(given: &BTreeMap<String, NamedContext>) -> Self {
        let contexts = given.iter().map(|(name, value)| {
            let context = Context {
                name: name.clone(),
                value: value.clone(),
            };
            let key = match name.split_once("::") {
                None => key(name),
                Some((name, platform)) => match platform.parse::<Platform>() {
                    Ok(platform) => platform_key(name, &platform),
                    Err(_) => format!("{}::{platform}", key(name)),
                },
            };
            (key, context)
        });
        Self(contexts.collect())
    }

    /// The context that stands for `name` when it is asked for `platform`: `NAME::PLATFORM`
    /// before `NAME`. `scratch` and `context` have a meaning that nothing replaces.
    pub(super) fn find(&self, name: &str, platform: &Platform) -> Option<Context> {
        let reserved = ["scratch", "context"];
        if reserved
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name))
            || self.0.is_empty()
        {
            return None;
        }
        let found = self.0.get(&platform_key(name, platform));
        found.or_else(|| self.0.get(&key(name))).cloned()
    }
}

fn platform_key(name: &str, platform: &Platform) -> String {
    format!("{}::{}", key(name), platform.clone().normalised())
}

/// The form in which names are compared, as in BuildKit: a name of an image as docker shows it,
/// without `:latest`.
fn key(name: &str) -> String {
    let familiar = match name.parse::<Reference>() {
        Ok(reference) => reference.familiar(),
        Err(_) => name.to_lowercase(),
    };
    match familiar.strip_suffix(":latest") {
        Some(short) => short.to_owned(),
        None => familiar,
    }
}
