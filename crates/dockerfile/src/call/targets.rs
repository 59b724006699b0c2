//! `--call=targets`: the stages.

use serde::Serialize;

use super::json;
use super::lines::{Lines, Location};
use super::table::table;
use crate::instruction::InstructionKind;
use crate::parser::Dockerfile;
use crate::span::Source;

/// The stages of a Dockerfile, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Targets {
    /// The stages.
    pub targets: Vec<Target>,
    source: Source,
}

/// A stage as a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name in lower case, empty if it has none.
    pub name: String,
    /// It is built if no target is named.
    pub default: bool,
    /// What the comment above says: `# NAME DESCRIPTION`.
    pub description: String,
    /// What it is based on, as written.
    pub base: String,
    /// `--platform`, as written.
    pub platform: String,
    /// Where its `FROM` is.
    pub lines: Lines,
}

/// The stages of `file`.
pub fn targets(file: &Dockerfile) -> Targets {
    let lines = Lines::in_file(file);
    let mut targets = Vec::new();
    for instruction in file.instructions() {
        let InstructionKind::From(from) = &instruction.kind else {
            continue;
        };
        let name = from.name.as_ref().map(|name| name.text.to_lowercase());
        let name = name.unwrap_or_default();
        let platform = from.platform.as_ref().map(|word| word.text.clone());
        targets.push(Target {
            default: false,
            description: instruction
                .description(&name)
                .unwrap_or_default()
                .to_owned(),
            name,
            base: from.image.text.clone(),
            platform: platform.unwrap_or_default(),
            lines: lines.of(instruction.span),
        });
    }
    if let Some(last) = targets.last_mut() {
        last.default = true;
    }
    Targets {
        targets,
        source: file.source().clone(),
    }
}

impl Targets {
    /// The fields of BuildKit's `targets.List`.
    pub fn to_json(&self) -> String {
        let targets = self.targets.iter().map(|target| JsonTarget {
            name: &target.name,
            default: target.default,
            description: &target.description,
            base: &target.base,
            platform: &target.platform,
            location: Location::of(Some(target.lines)),
        });
        json::indented(&JsonTargets {
            targets: targets.collect(),
            sources: [json::bytes(self.source.bytes())],
        })
    }

    /// As docker shows it.
    pub fn to_text(&self) -> String {
        let names: Vec<String> = self
            .targets
            .iter()
            .map(|target| match (target.default, target.name.as_str()) {
                (true, "") => "(default)".to_owned(),
                (true, name) => format!("{name} (default)"),
                (false, name) => name.to_owned(),
            })
            .collect();
        let mut rows = vec![vec!["TARGET", "DESCRIPTION"]];
        for (name, target) in names.iter().zip(&self.targets) {
            rows.push(vec![name, &target.description]);
        }
        table(&rows, 1)
    }
}

#[derive(Serialize)]
struct JsonTargets<'a> {
    targets: Vec<JsonTarget<'a>>,
    sources: [String; 1],
}

#[derive(Serialize)]
struct JsonTarget<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    default: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    base: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    platform: &'a str,
    location: Location,
}
