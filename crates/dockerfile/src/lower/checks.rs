//! Checks of the whole file, whatever stage is built.

use std::collections::BTreeMap;

use crossdock_image::{ImageSource, Platform, Reference};

use super::Lowerer;
use crate::expand::{Expander, Expansion};
use crate::instruction::InstructionKind;
use crate::logical::Word;
use crate::rule::Rule;
use crate::suggest::nearest;

impl Lowerer<'_> {
    /// Warns about stage names that are reserved or taken.
    pub(super) fn check_names(&mut self) {
        let mut warnings = Vec::new();
        for (index, stage) in self.stages.iter().enumerate() {
            let (Some(name), Some(word)) = (&stage.name, &stage.from.name) else {
                continue;
            };
            if matches!(name.as_str(), "scratch" | "context") {
                let message =
                    format!("Stage name should not use the same name as reserved stage \"{name}\"");
                warnings.push((Rule::ReservedStageName, word.span, message));
            }
            if self.stage_named(name, index).is_some() {
                let message =
                    format!("Duplicate stage name \"{name}\", stage names should be unique");
                warnings.push((Rule::DuplicateStageName, word.span, message));
            }
        }
        for (rule, span, message) in warnings {
            self.warn(rule, span, message);
        }
    }

    /// Warns about keywords that are not in the case of most others. Global `ARG`s do not count,
    /// as in BuildKit.
    pub(super) fn check_casing(&mut self) {
        let instructions = self.file.instructions().iter();
        let keywords: Vec<&Word> = instructions
            .skip_while(|instruction| !matches!(instruction.kind, InstructionKind::From(_)))
            .map(|instruction| &instruction.keyword)
            .collect();
        let is_lower = |word: &&&Word| word.text == word.text.to_lowercase();
        let is_upper = |word: &&&Word| word.text == word.text.to_uppercase();
        let lower = keywords.iter().filter(is_lower).count();
        let upper = keywords.iter().filter(is_upper).count();
        for word in &keywords {
            let (fits, case) = match lower > upper {
                true => (is_lower(&word), "lowercase"),
                false => (is_upper(&word), "uppercase"),
            };
            if !fits {
                let message = format!(
                    "Command '{}' should match the case of the command majority ({case})",
                    word.text
                );
                self.warn(Rule::ConsistentInstructionCasing, word.span, message);
            }
        }
    }

    /// Looks at the words of every `FROM`.
    pub(super) fn check_bases(&mut self) {
        for index in 0..self.stages.len() {
            let from = self.stages[index].from;
            self.check_global_word(&from.image);
            let Some(word) = &from.platform else { continue };
            let Some(expansion) = self.check_global_word(word) else {
                continue;
            };
            if !expansion.unset.is_empty() {
                continue;
            }
            let only_target = expansion.used.iter().eq(["TARGETPLATFORM"]);
            if only_target && self.globals.get("TARGETPLATFORM") == Some(&expansion.text) {
                let message = format!(
                    "Setting platform to predefined {} in FROM is redundant as this is the \
                     default behavior",
                    word.text
                );
                self.warn(Rule::RedundantTargetPlatform, word.span, message);
            }
            let name = self.stages[index].name.as_deref().unwrap_or_default();
            if let Ok(platform) = self.parse_platform(&expansion.text)
                && expansion.used.is_empty()
                && !name.contains(&platform.os)
                && !name.contains(&platform.architecture)
            {
                let message = format!(
                    "FROM --platform flag should not use constant value \"{}\"",
                    expansion.text
                );
                self.warn(Rule::FromPlatformFlagConstDisallowed, word.span, message);
            }
        }
    }

    /// Warns about names that no global `ARG` declares.
    fn check_global_word(&mut self, word: &Word) -> Option<Expansion> {
        let escape = self.file.directives().escape.char();
        let expansion = Expander::new(&self.globals, escape)
            .expand(&word.text)
            .ok()?;
        if expansion.unset.is_empty() {
            return Some(expansion);
        }
        let declared: Vec<&str> = self.global_names().collect();
        let mut messages = Vec::new();
        for name in &expansion.unset {
            if declared.contains(&name.as_str()) {
                continue;
            }
            let similar = nearest(name, declared.iter().copied());
            let hint = similar.map(|similar| format!(" (did you mean {similar}?)"));
            let hint = hint.unwrap_or_default();
            messages.push(format!("FROM argument '{name}' is not declared{hint}"));
        }
        for message in messages {
            self.warn(Rule::UndefinedArgInFrom, word.span, message);
        }
        Some(expansion)
    }

    /// Names that a global `ARG` declares, with or without a value, and the predefined ones.
    fn global_names(&self) -> impl Iterator<Item = &str> {
        let instructions = self.file.instructions().iter();
        let before = instructions.map_while(|instruction| match &instruction.kind {
            InstructionKind::From(_) => None,
            InstructionKind::Arg(definitions) => Some(definitions.as_slice()),
            _ => Some(&[]),
        });
        let declared = before
            .flatten()
            .map(|definition| definition.name.text.as_str());
        self.globals.names().chain(declared)
    }

    /// Warns where `FROM` names no image if no build argument is given.
    pub(super) fn check_defaults(&mut self) {
        let Ok(defaults) = self.arguments_of(&BTreeMap::new()) else {
            return;
        };
        let escape = self.file.directives().escape.char();
        let mut warnings = Vec::new();
        for stage in &self.stages {
            let word = &stage.from.image;
            let Ok(expansion) = Expander::new(&defaults, escape).expand(&word.text) else {
                return;
            };
            let name = expansion.text;
            // BuildKit asks no more than whether it could be an image; names of stages may end
            // in a hyphen.
            let is_stage = self.stage_named(&name, stage.index).is_some();
            let is_in_file = ImageSource::has_scheme(&name);
            if !is_stage && !is_in_file && name.parse::<Reference>().is_err() {
                let message = format!(
                    "Default value for ARG {} results in empty or invalid base image name",
                    word.text
                );
                warnings.push((word.span, message));
            }
        }
        for (span, message) in warnings {
            self.warn(Rule::InvalidDefaultArgInFrom, span, message);
        }
    }

    /// A platform as `FROM --platform=` takes it: a system or an architecture alone will do.
    pub(super) fn parse_platform(
        &self,
        text: &str,
    ) -> Result<Platform, crossdock_image::PlatformError> {
        // What `local` means on a command line, a file does not say.
        if text.eq_ignore_ascii_case("local") {
            return text.parse();
        }
        Platform::parse_specifier(text, &self.options.build_platform)
    }
}
