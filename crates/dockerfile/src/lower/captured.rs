//! What a stage can be given from outside: collected for outlines.

use std::collections::{BTreeMap, BTreeSet};

use crate::span::Span;

/// A defined argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Argument {
    /// Its value in this build.
    pub(super) value: String,
    /// What the comment above its `ARG` says.
    pub(super) description: String,
    /// The global arguments that its default is made of.
    pub(super) needs: BTreeSet<String>,
    /// Where it is defined.
    pub(super) span: Span,
    /// The offset of its name, for the order of those that one `ARG` defines.
    pub(super) at: usize,
}

/// A secret or an ssh agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Given {
    pub(super) required: bool,
    pub(super) span: Span,
}

/// What the instructions of a stage use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Captured {
    /// Arguments that the stage defines.
    pub(super) arguments: BTreeMap<String, Argument>,
    /// Names of arguments that it uses, its own and global ones.
    pub(super) used: BTreeSet<String>,
    pub(super) secrets: BTreeMap<String, Given>,
    pub(super) agents: BTreeMap<String, Given>,
}

impl Captured {
    pub(super) fn secret(&mut self, id: &str, required: bool, span: Span) {
        let given = Given { required, span };
        self.secrets.entry(id.to_owned()).or_insert(given);
    }

    pub(super) fn ssh(&mut self, id: &str, required: bool, span: Span) {
        let given = Given { required, span };
        self.agents.entry(id.to_owned()).or_insert(given);
    }

    /// The arguments that are used, directly or by a default; `globals` are those before the
    /// first `FROM`.
    pub(super) fn used_arguments<'a>(
        &'a self,
        globals: &'a BTreeMap<String, Argument>,
    ) -> BTreeMap<&'a str, &'a Argument> {
        let mut found = BTreeMap::new();
        let mut open: Vec<&str> = self.used.iter().map(String::as_str).collect();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        while let Some(name) = open.pop() {
            if !seen.insert(name) {
                continue;
            }
            let argument = self.arguments.get_key_value(name);
            if let Some((name, argument)) = argument.or_else(|| globals.get_key_value(name)) {
                open.extend(argument.needs.iter().map(String::as_str));
                found.insert(name.as_str(), argument);
            }
        }
        found
    }
}
