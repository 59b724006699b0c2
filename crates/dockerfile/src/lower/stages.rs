//! Stages: which there are, which the target needs, and in which order.

use std::collections::{BTreeMap, BTreeSet};

use super::bases::{Base, CopyFrom};
use super::contexts::Context;
use super::error::{LowerError, LowerReason};
use super::{BaseRequest, Lowerer, Purpose};
use crate::instruction::{From, Instruction, InstructionKind};
use crate::logical::Word;
use crate::parser::Dockerfile;
use crate::span::Span;
use crate::suggest::nearest;

/// A stage as it stands in the file.
pub(super) struct StageSource<'a> {
    pub(super) index: usize,
    /// Lower case.
    pub(super) name: Option<String>,
    /// The `FROM`.
    pub(super) instruction: &'a Instruction,
    pub(super) from: &'a From,
    /// What follows the `FROM`; nothing if the stage is replaced.
    pub(super) instructions: &'a [Instruction],
    /// The context that stands in the stage's place.
    pub(super) replaced: Option<Context>,
}

/// A needed stage with its base resolved.
pub(super) struct Prepared {
    pub(super) base: Base,
    /// Triggers of the base, to be done before the stage's own instructions.
    pub(super) triggers: Vec<Instruction>,
    /// The triggers come from an image, so their spans are not of this file.
    pub(super) foreign_triggers: bool,
    /// The stages that it takes files from.
    pub(super) needs: Vec<usize>,
}

/// The stages that are needed.
#[derive(Default)]
pub(super) struct Preparation {
    /// By index.
    pub(super) stages: BTreeMap<usize, Prepared>,
    /// Their indexes, each after those that it needs.
    pub(super) order: Vec<usize>,
    /// Base images whose configs are missing.
    pub(super) missing: BTreeSet<BaseRequest>,
}

pub(super) fn collect(file: &Dockerfile) -> Result<Vec<StageSource<'_>>, LowerError> {
    let instructions = file.instructions();
    let starts: Vec<usize> = instructions
        .iter()
        .enumerate()
        .filter(|(_, instruction)| matches!(instruction.kind, InstructionKind::From(_)))
        .map(|(place, _)| place)
        .collect();
    let mut stages = Vec::with_capacity(starts.len());
    for (index, start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(instructions.len());
        let instruction = &instructions[*start];
        let InstructionKind::From(from) = &instruction.kind else {
            continue;
        };
        stages.push(StageSource {
            index,
            name: from.name.as_ref().map(|name| name.text.to_lowercase()),
            instruction,
            from,
            instructions: &instructions[start + 1..end],
            replaced: None,
        });
    }
    if stages.is_empty() {
        let end = file.source().bytes().len();
        return Err(LowerError::new(Span::new(end, end), LowerReason::NoStages));
    }
    Ok(stages)
}

impl StageSource<'_> {
    /// Its name, or its number as text.
    pub(super) fn label(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.index.to_string())
    }
}

impl Lowerer<'_> {
    /// The index of the stage to build.
    pub(super) fn target(&self) -> Result<usize, LowerError> {
        let Some(name) = &self.options.target else {
            return Ok(self.stages.len() - 1);
        };
        self.stage_or_number(name).ok_or_else(|| {
            let names = self.stages.iter().filter_map(|stage| stage.name.as_deref());
            let reason = LowerReason::UnknownTarget {
                name: name.clone(),
                suggestion: nearest(name, names).map(str::to_owned),
            };
            let last = &self.stages[self.stages.len() - 1];
            LowerError::new(last.instruction.statement, reason)
        })
    }

    /// The stage of that name or number.
    pub(super) fn stage_or_number(&self, name: &str) -> Option<usize> {
        let number = name.parse::<usize>().ok();
        self.stage_named(name, self.stages.len())
            .or(number.filter(|number| *number < self.stages.len()))
    }

    /// The last stage of that name before the stage `before`.
    pub(super) fn stage_named(&self, name: &str, before: usize) -> Option<usize> {
        let name = name.to_lowercase();
        self.stages[..before]
            .iter()
            .rposition(|stage| stage.name.as_ref() == Some(&name))
    }

    /// Follows what the targets need. Finds everything that is not supported before it asks for
    /// anything.
    pub(super) fn prepare(&mut self, targets: &[usize]) -> Result<Preparation, LowerError> {
        let mut preparation = Preparation::default();
        // Stages whose needs are being followed, with the needs that are left.
        let mut open: Vec<(usize, Vec<usize>)> = Vec::new();
        for target in targets {
            self.enter(*target, &mut preparation, &mut open)?;
            while let Some((index, needs)) = open.last_mut() {
                match needs.pop() {
                    Some(need) => self.enter(need, &mut preparation, &mut open)?,
                    None => {
                        preparation.order.push(*index);
                        open.pop();
                    }
                }
            }
        }
        Ok(preparation)
    }

    /// Prepares a stage, if it is not prepared, and puts it on `open`.
    fn enter(
        &mut self,
        index: usize,
        preparation: &mut Preparation,
        open: &mut Vec<(usize, Vec<usize>)>,
    ) -> Result<(), LowerError> {
        if let Some(start) = open.iter().position(|(other, _)| *other == index) {
            let circle = open[start..].iter().map(|(other, _)| *other);
            let circle = circle
                .chain([index])
                .map(|stage| self.stages[stage].label());
            let stages = circle.collect();
            let statement = self.stages[index].instruction.statement;
            return Err(LowerError::new(statement, LowerReason::Circle { stages }));
        }
        if preparation.stages.contains_key(&index) {
            return Ok(());
        }
        let mut stage = self.prepare_stage(index, &mut preparation.missing)?;
        let mut needs = Vec::new();
        let own = self.stages[index].instructions;
        for instruction in stage.triggers.iter().chain(own) {
            let place = self.place(index, &stage, instruction);
            for source in self.sources_of(index, instruction, place)? {
                match source {
                    CopyFrom::Stage(source) => needs.push(source),
                    CopyFrom::Image(request) if !self.bases.contains_key(&request) => {
                        preparation.missing.insert(request);
                    }
                    _ => {}
                }
            }
        }
        stage.needs.clone_from(&needs);
        if let Base::Stage(base) = stage.base {
            needs.push(base);
        }
        preparation.stages.insert(index, stage);
        open.push((index, needs));
        Ok(())
    }

    /// What an instruction takes files from.
    fn sources_of(
        &self,
        index: usize,
        instruction: &Instruction,
        place: Span,
    ) -> Result<Vec<CopyFrom>, LowerError> {
        if let InstructionKind::Run(run) = &instruction.kind {
            return self.mount_sources(index, instruction, run, place);
        }
        let source = self.copy_source(index, instruction, place)?;
        Ok(source.into_iter().collect())
    }

    /// Where messages about `instruction` point.
    fn place(&self, index: usize, stage: &Prepared, instruction: &Instruction) -> Span {
        let foreign = stage.foreign_triggers
            && stage
                .triggers
                .iter()
                .any(|other| std::ptr::eq(other, instruction));
        match foreign {
            true => self.stages[index].instruction.statement,
            false => instruction.statement,
        }
    }

    fn prepare_stage(
        &mut self,
        index: usize,
        missing: &mut BTreeSet<BaseRequest>,
    ) -> Result<Prepared, LowerError> {
        let base = self.base(index)?;
        let from_span = self.stages[index].instruction.statement;
        let mut triggers = Vec::new();
        let mut foreign_triggers = false;
        match &base {
            Base::Stage(_) if self.stages[index].replaced.is_some() => {}
            Base::Stage(base) => {
                for instruction in self.stages[*base].instructions {
                    let InstructionKind::Onbuild(onbuild) = &instruction.kind else {
                        continue;
                    };
                    triggers.push(match &onbuild.instruction {
                        Ok(trigger) => (**trigger).clone(),
                        Err(error) => {
                            let reason = LowerReason::Trigger {
                                trigger: onbuild.trigger.clone(),
                                reason: error.reason.clone(),
                            };
                            return Err(LowerError::new(error.span, reason));
                        }
                    });
                }
            }
            Base::Scratch(_) | Base::Files(..) => {}
            Base::Image(request) => match self.bases.get(request) {
                None => {
                    missing.insert(request.clone());
                }
                Some(_) if self.stages[index].replaced.is_some() => {}
                Some(answer) => {
                    foreign_triggers = true;
                    for text in &answer.config.config.on_build {
                        triggers.push(Dockerfile::parse_trigger(text).map_err(|error| {
                            let reason = LowerReason::Trigger {
                                trigger: text.clone(),
                                reason: error.reason,
                            };
                            LowerError::new(from_span, reason)
                        })?);
                    }
                }
            },
        }
        for trigger in &triggers {
            let place = match foreign_triggers {
                true => from_span,
                false => trigger.statement,
            };
            self.check_supported(index, trigger, place)?;
        }
        for instruction in self.stages[index].instructions {
            self.check_supported(index, instruction, instruction.statement)?;
        }
        Ok(Prepared {
            base,
            triggers,
            foreign_triggers,
            needs: Vec::new(),
        })
    }

    fn check_supported(
        &self,
        stage: usize,
        instruction: &Instruction,
        place: Span,
    ) -> Result<(), LowerError> {
        match &instruction.kind {
            InstructionKind::Run(_) if self.purpose == Purpose::Build => {
                Err(self.unsupported("RUN", stage, place))
            }
            _ => Ok(()),
        }
    }
}

pub(super) fn expand_error(word: &Word, error: crate::expand::ExpandError) -> LowerError {
    let reason = LowerReason::Expand {
        word: word.text.clone(),
        error,
    };
    LowerError::new(word.span, reason)
}
