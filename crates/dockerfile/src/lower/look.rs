//! Looking at a Dockerfile without building it: its checks, and what a target can be given.

use std::collections::{BTreeMap, BTreeSet};

use super::captured::{Argument, Captured, Given};
use super::error::LowerError;
use super::stages::Preparation;
use super::{BaseConfig, BaseRequest, Lowerer, Options, Purpose};
use crate::call::{CheckReport, Lines, Outline, OutlineArgument, OutlineGiven};
use crate::environment::Environment;
use crate::expand::Expander;
use crate::instruction::InstructionKind;
use crate::parser::Dockerfile;

/// Goes over a Dockerfile as for a build and collects what is odd and the first error. Without a
/// target all stages are looked at. `RUN` is checked too; nothing is performed.
///
/// `bases` need not be complete: of a base that is missing nothing is assumed, which leaves out
/// warnings that depend on it. The report names those that are missing.
pub fn check_file(
    file: &Dockerfile,
    options: &Options,
    bases: &BTreeMap<BaseRequest, BaseConfig>,
) -> CheckReport {
    let mut needs = BTreeSet::new();
    let (warnings, error) = match Lowerer::new(file, options, bases, Purpose::Check) {
        Err(error) => (file.warnings().to_vec(), Some(error)),
        Ok(mut lowerer) => {
            let error = lowerer.look(&mut needs).err();
            (std::mem::take(&mut lowerer.warnings), error)
        }
    };
    let error = error.map(|error| error.explained(file));
    match super::let_through(file, options, warnings) {
        Ok((warnings, stop)) => {
            let error = error.or(stop).map(|error| error.diagnostic());
            CheckReport::new(file, warnings, error, needs)
        }
        Err(error) => CheckReport::new(file, Vec::new(), Some(error.diagnostic()), needs),
    }
}

/// What the target can be given from outside: arguments, secrets, ssh agents.
///
/// `bases` need not be complete; the outline names those that are missing, whose triggers may
/// have more arguments.
pub fn outline(
    file: &Dockerfile,
    options: &Options,
    bases: &BTreeMap<BaseRequest, BaseConfig>,
) -> Result<Outline, LowerError> {
    let outlined = || {
        let mut lowerer = Lowerer::new(file, options, bases, Purpose::Check)?;
        let target = lowerer.target()?;
        let preparation = lowerer.prepare(&[target])?;
        let stages = lowerer.lower_stages(&preparation)?;
        let captured = stages
            .into_iter()
            .map(|(index, stage)| (index, stage.outline))
            .collect();
        Ok(lowerer.outline(target, preparation, captured))
    };
    outlined().map_err(|error: LowerError| error.explained(file))
}

/// What `SOURCE_DATE_EPOCH` is: the build argument, or else the default of an `ARG` before the
/// first `FROM`, which counts for the whole build as in BuildKit. `None` if it is neither, or
/// empty.
pub fn source_date_epoch(
    file: &Dockerfile,
    options: &Options,
) -> Result<Option<String>, LowerError> {
    const NAME: &str = "SOURCE_DATE_EPOCH";
    let value = match options.build_args.get(NAME) {
        Some(given) => Some(given.clone()),
        None => {
            let nothing = BTreeMap::new();
            let lowerer = Lowerer::new(file, options, &nothing, Purpose::Check);
            let lowerer = lowerer.map_err(|error| error.explained(file))?;
            lowerer.globals.get(NAME).map(str::to_owned)
        }
    };
    Ok(value.filter(|value| !value.is_empty()))
}

impl Lowerer<'_> {
    fn look(&mut self, needs: &mut BTreeSet<BaseRequest>) -> Result<(), LowerError> {
        let targets = match &self.options.target {
            Some(_) => vec![self.target()?],
            None => (0..self.stages.len()).collect(),
        };
        let mut preparation = self.prepare(&targets)?;
        needs.append(&mut preparation.missing);
        self.check_build_args(&preparation.stages);
        self.lower_stages(&preparation)?;
        Ok(())
    }

    fn outline(
        &self,
        target: usize,
        preparation: Preparation,
        captured: BTreeMap<usize, Captured>,
    ) -> Outline {
        let lines = Lines::in_file(self.file);
        let globals = self.global_definitions();
        let mut arguments: BTreeMap<String, Argument> = BTreeMap::new();
        let mut secrets: BTreeMap<String, Given> = BTreeMap::new();
        let mut agents: BTreeMap<String, Given> = BTreeMap::new();
        // The target first, and each stage before those that it needs: the first one counts.
        let mut open = vec![target];
        let mut seen = BTreeSet::new();
        while let Some(index) = open.pop() {
            if !seen.insert(index) {
                continue;
            }
            let mut captured = captured.get(&index).cloned().unwrap_or_default();
            captured.used.extend(self.used_by_from(index));
            for (name, argument) in captured.used_arguments(&globals) {
                let entry = arguments.entry(name.to_owned());
                entry.or_insert_with(|| argument.clone());
            }
            for (id, given) in captured.secrets {
                secrets.entry(id).or_insert(given);
            }
            for (id, given) in captured.agents {
                agents.entry(id).or_insert(given);
            }
            let Some(prepared) = preparation.stages.get(&index) else {
                continue;
            };
            open.extend(prepared.needs.iter().rev());
            open.extend(prepared.base.stage());
        }
        let stage = &self.stages[target];
        let name = stage.name.clone().unwrap_or_default();
        let mut arguments: Vec<(String, Argument)> = arguments.into_iter().collect();
        arguments.sort_by_key(|(_, argument)| (argument.span.start, argument.at));
        let arguments = arguments
            .into_iter()
            .map(|(name, argument)| OutlineArgument {
                name,
                description: argument.description,
                value: argument.value,
                lines: lines.of(argument.span),
            });
        let given = |found: BTreeMap<String, Given>| {
            let mut found: Vec<(String, Given)> = found.into_iter().collect();
            found.sort_by_key(|(_, given)| given.span.start);
            let found = found.into_iter().map(|(name, given)| OutlineGiven {
                name,
                required: given.required,
                lines: lines.of(given.span),
            });
            found.collect()
        };
        Outline {
            description: stage.instruction.description(&name).map(str::to_owned),
            name,
            arguments: arguments.collect(),
            secrets: given(secrets),
            ssh: given(agents),
            needs: preparation.missing,
            source: self.file.source().clone(),
        }
    }

    /// Names that the words of a stage's `FROM` use.
    fn used_by_from(&self, index: usize) -> BTreeSet<String> {
        let stage = &self.stages[index];
        if stage.replaced.is_some() {
            return BTreeSet::new();
        }
        let words = [Some(&stage.from.image), stage.from.platform.as_ref()];
        let escape = self.file.directives().escape.char();
        words
            .into_iter()
            .flatten()
            .flat_map(|word| names_used(&self.globals, escape, &word.text))
            .collect()
    }

    /// The `ARG`s before the first `FROM`.
    fn global_definitions(&self) -> BTreeMap<String, Argument> {
        let mut definitions: BTreeMap<String, Argument> = BTreeMap::new();
        let escape = self.file.directives().escape.char();
        for instruction in self.file.instructions() {
            let list = match &instruction.kind {
                InstructionKind::Arg(list) => list,
                InstructionKind::From(_) => break,
                _ => continue,
            };
            for definition in list {
                let name = &definition.name.text;
                let given = self.options.build_args.contains_key(name);
                let default = definition.default.as_ref().filter(|_| !given);
                let mut needs = default.map_or_else(BTreeSet::new, |word| {
                    names_used(&self.globals, escape, &word.text)
                });
                // `ARG A=$A-x` is made of what the earlier A is made of.
                if needs.remove(name)
                    && let Some(earlier) = definitions.get(name)
                {
                    needs.extend(earlier.needs.iter().cloned());
                }
                let argument = Argument {
                    value: self.globals.get(name).unwrap_or_default().to_owned(),
                    description: instruction.description(name).unwrap_or_default().to_owned(),
                    needs,
                    span: instruction.statement,
                    at: definition.name.span.start,
                };
                definitions.insert(name.clone(), argument);
            }
        }
        definitions
    }
}

/// Names of variables that are set and that `word` uses.
fn names_used(environment: &Environment, escape: char, word: &str) -> BTreeSet<String> {
    let expansion = Expander::new(environment, escape).expand(word);
    expansion
        .map(|expansion| expansion.used)
        .unwrap_or_default()
}
