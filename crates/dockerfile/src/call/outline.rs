//! `--call=outline`: what a target can be given.

use std::collections::BTreeSet;

use serde::Serialize;

use super::json;
use super::lines::{Lines, Location};
use super::table::table;
use crate::lower::BaseRequest;
use crate::span::Source;

/// What a target can be given from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// The target's name in lower case, empty if it has none.
    pub name: String,
    /// What the comment above the target says: `# NAME DESCRIPTION`.
    pub description: Option<String>,
    /// The build arguments of the target and of the stages that it needs, in the file's order.
    pub arguments: Vec<OutlineArgument>,
    /// Secrets of `RUN --mount=type=secret`.
    pub secrets: Vec<OutlineGiven>,
    /// Agents of `RUN --mount=type=ssh`.
    pub ssh: Vec<OutlineGiven>,
    /// Base images whose configs are not known.
    pub needs: BTreeSet<BaseRequest>,
    pub(crate) source: Source,
}

/// A build argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutlineArgument {
    /// Its name.
    pub name: String,
    /// What the comment above its `ARG` says, or nothing.
    pub description: String,
    /// Its value in this build: what was given, or the default.
    pub value: String,
    /// Where it is defined.
    pub lines: Lines,
}

/// A secret or an ssh agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutlineGiven {
    /// Its id.
    pub name: String,
    /// Without it the build fails.
    pub required: bool,
    /// Where it is first used.
    pub lines: Lines,
}

impl Outline {
    /// The fields of BuildKit's `outline.Outline`.
    pub fn to_json(&self) -> String {
        let arguments = self.arguments.iter().map(|argument| JsonArgument {
            name: &argument.name,
            description: &argument.description,
            value: &argument.value,
            location: Location::of(Some(argument.lines)),
        });
        json::indented(&JsonOutline {
            name: &self.name,
            description: self.description.as_deref(),
            args: arguments.collect(),
            secrets: given(&self.secrets),
            ssh: given(&self.ssh),
            sources: [json::bytes(self.source.bytes())],
        })
    }

    /// As docker shows it.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        if !self.name.is_empty() || self.description.is_some() {
            let name = match self.name.as_str() {
                "" => "(default)",
                name => name,
            };
            let mut rows = vec![vec!["TARGET:", name]];
            if let Some(description) = &self.description {
                rows.push(vec!["DESCRIPTION:", description]);
            }
            text.push_str(&table(&rows, 1));
            text.push('\n');
        }
        if !self.arguments.is_empty() {
            let mut rows = vec![vec!["BUILD ARG", "VALUE", "DESCRIPTION"]];
            for argument in &self.arguments {
                rows.push(vec![&argument.name, &argument.value, &argument.description]);
            }
            text.push_str(&table(&rows, 3));
            text.push('\n');
        }
        for (title, list) in [("SECRET", &self.secrets), ("SSH", &self.ssh)] {
            if list.is_empty() {
                continue;
            }
            let mut rows = vec![vec![title, "REQUIRED"]];
            for given in list {
                rows.push(vec![&given.name, if given.required { "true" } else { "" }]);
            }
            text.push_str(&table(&rows, 3));
            text.push('\n');
        }
        text
    }
}

fn given(list: &[OutlineGiven]) -> Vec<JsonGiven<'_>> {
    let list = list.iter().map(|given| JsonGiven {
        name: &given.name,
        required: given.required,
        location: Location::of(Some(given.lines)),
    });
    list.collect()
}

#[derive(Serialize)]
struct JsonOutline<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    args: Vec<JsonArgument<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<JsonGiven<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ssh: Vec<JsonGiven<'a>>,
    sources: [String; 1],
}

#[derive(Serialize)]
struct JsonArgument<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    value: &'a str,
    location: Location,
}

#[derive(Serialize)]
struct JsonGiven<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    required: bool,
    location: Location,
}
