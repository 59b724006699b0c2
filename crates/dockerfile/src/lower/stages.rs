//! Stages: which there are, what each is based on, and which the target needs.

use std::collections::{BTreeMap, BTreeSet};

use crossdock_image::{ImageSource, Platform};

use super::error::{LowerError, LowerReason};
use super::{BaseRequest, Lowerer, NamedContext};
use crate::diagnostic::Rule;
use crate::expand::Expander;
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
    /// What follows the `FROM`.
    pub(super) instructions: &'a [Instruction],
}

/// What a stage starts from.
pub(super) enum Base {
    Stage(usize),
    Scratch(Platform),
    Image(BaseRequest),
}

/// What `COPY --from` names.
pub(super) enum CopyFrom {
    Stage(usize),
    Image(BaseRequest),
    Context(String),
}

/// A needed stage with its base resolved.
pub(super) struct Prepared {
    pub(super) base: Base,
    /// Triggers of the base, to be done before the stage's own instructions.
    pub(super) triggers: Vec<Instruction>,
    /// The triggers come from an image, so their spans are not of this file.
    pub(super) foreign_triggers: bool,
}

/// Needed stages by index, and base images whose configs are missing.
pub(super) type Preparation = (BTreeMap<usize, Prepared>, BTreeSet<BaseRequest>);

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
        let number = name.parse::<usize>().ok();
        self.stage_named(name, self.stages.len())
            .or(number.filter(|number| *number < self.stages.len()))
            .ok_or_else(|| {
                let names = self.stages.iter().filter_map(|stage| stage.name.as_deref());
                let reason = LowerReason::UnknownTarget {
                    name: name.clone(),
                    suggestion: nearest(name, names).map(str::to_owned),
                };
                let last = &self.stages[self.stages.len() - 1];
                LowerError::new(last.instruction.statement, reason)
            })
    }

    /// The last stage of that name before the stage `before`.
    fn stage_named(&self, name: &str, before: usize) -> Option<usize> {
        let name = name.to_lowercase();
        self.stages[..before]
            .iter()
            .rposition(|stage| stage.name.as_ref() == Some(&name))
    }

    /// Follows what the target needs. Finds everything that is not supported before it asks for
    /// anything.
    pub(super) fn prepare(&mut self, target: usize) -> Result<Preparation, LowerError> {
        let mut prepared = BTreeMap::new();
        let mut missing = BTreeSet::new();
        let mut open = vec![target];
        while let Some(index) = open.pop() {
            if prepared.contains_key(&index) {
                continue;
            }
            let stage = self.prepare_stage(index, &mut missing)?;
            if let Base::Stage(base) = stage.base {
                open.push(base);
            }
            let own = self.stages[index].instructions;
            for instruction in stage.triggers.iter().chain(own) {
                let place = self.place(index, &stage, instruction);
                match self.copy_source(index, instruction, place)? {
                    Some(CopyFrom::Stage(source)) => open.push(source),
                    Some(CopyFrom::Image(request)) if !self.bases.contains_key(&request) => {
                        missing.insert(request);
                    }
                    _ => {}
                }
            }
            prepared.insert(index, stage);
        }
        Ok((prepared, missing))
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
            Base::Stage(base) => {
                for instruction in self.stages[*base].instructions {
                    if let InstructionKind::Onbuild(onbuild) = &instruction.kind {
                        triggers.push((*onbuild.instruction).clone());
                    }
                }
            }
            Base::Scratch(_) => {}
            Base::Image(request) => match self.bases.get(request) {
                None => {
                    missing.insert(request.clone());
                }
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
        })
    }

    fn check_supported(
        &self,
        stage: usize,
        instruction: &Instruction,
        place: Span,
    ) -> Result<(), LowerError> {
        match &instruction.kind {
            InstructionKind::Run(_) => Err(self.unsupported("RUN", stage, place)),
            _ => Ok(()),
        }
    }

    /// What the `FROM` of a stage means.
    fn base(&mut self, index: usize) -> Result<Base, LowerError> {
        let stage = &self.stages[index];
        let (from, statement) = (stage.from, stage.instruction.statement);
        let name = stage.name.clone();
        let platform = match &from.platform {
            None => None,
            Some(word) => Some(self.stage_platform(word)?),
        };
        let asked = platform
            .clone()
            .unwrap_or_else(|| self.options.platform.clone());
        let context = name
            .as_ref()
            .and_then(|name| self.options.contexts.get_key_value(name));
        if let Some((name, context)) = context {
            return self.context_base(name, context, asked, statement);
        }
        let image = self.global_word(&from.image)?;
        if image.is_empty() {
            let reason = LowerReason::EmptyBase {
                written: from.image.text.clone(),
            };
            return Err(LowerError::new(from.image.span, reason));
        }
        if let Some(base) = self.stage_named(&image, index) {
            return Ok(Base::Stage(base));
        }
        if image == "scratch" {
            return Ok(Base::Scratch(asked));
        }
        if let Some(number) = image.parse::<usize>().ok().filter(|number| *number < index) {
            return Ok(Base::Stage(number));
        }
        if let Some((name, context)) = self.options.contexts.get_key_value(&image) {
            return self.context_base(name, context, asked, from.image.span);
        }
        let source = parse_source(&image, from.image.span)?;
        Ok(Base::Image(BaseRequest {
            source,
            platform: asked,
        }))
    }

    fn context_base(
        &self,
        name: &str,
        context: &NamedContext,
        platform: Platform,
        span: Span,
    ) -> Result<Base, LowerError> {
        match context {
            NamedContext::Image(source) => Ok(Base::Image(BaseRequest {
                source: source.clone(),
                platform,
            })),
            NamedContext::Folder => {
                let reason = LowerReason::FolderBase {
                    name: name.to_owned(),
                };
                Err(LowerError::new(span, reason))
            }
        }
    }

    /// Expands a word of `FROM` with the global arguments.
    fn global_word(&mut self, word: &Word) -> Result<String, LowerError> {
        let escape = self.file.directives().escape.char();
        let expansion = Expander::new(&self.globals, escape)
            .expand(&word.text)
            .map_err(|error| expand_error(word, error))?;
        for name in &expansion.unset {
            let message = match nearest(name, self.globals.names()) {
                Some(similar) => {
                    format!(
                        "no ARG before the first FROM declares {name} (did you mean {similar}?)"
                    )
                }
                None => format!("no ARG before the first FROM declares {name}"),
            };
            self.warn(Rule::UndefinedArgInFrom, word.span, message);
        }
        Ok(expansion.text)
    }

    fn stage_platform(&mut self, word: &Word) -> Result<Platform, LowerError> {
        let text = self.global_word(word)?;
        if text.is_empty() {
            let reason = LowerReason::EmptyPlatform {
                written: word.text.clone(),
            };
            return Err(LowerError::new(word.span, reason));
        }
        if matches!(word.text.as_str(), "$TARGETPLATFORM" | "${TARGETPLATFORM}") {
            let message = "the target platform is the default of FROM".to_owned();
            self.warn(Rule::RedundantTargetPlatform, word.span, message);
        }
        text.parse()
            .map_err(|error| LowerError::new(word.span, LowerReason::Platform(error)))
    }

    /// What `--from` of a `COPY` in stage `index` names; `None` for the build context and for
    /// other instructions. An image is taken for the target platform, as in BuildKit, whatever
    /// the platform of the stage is.
    pub(super) fn copy_source(
        &self,
        index: usize,
        instruction: &Instruction,
        place: Span,
    ) -> Result<Option<CopyFrom>, LowerError> {
        let InstructionKind::Copy(copy) = &instruction.kind else {
            return Ok(None);
        };
        let Some(word) = &copy.from else {
            return Ok(None);
        };
        let span = match place == instruction.statement {
            true => word.span,
            false => place,
        };
        let name = word.text.as_str();
        if name.contains('$') {
            return Err(LowerError::new(span, LowerReason::FromExpansion));
        }
        if let Ok(number) = name.parse::<i64>() {
            return match usize::try_from(number) {
                Ok(number) if number < index => Ok(Some(CopyFrom::Stage(number))),
                Ok(number) if number < self.stages.len() => {
                    let name = name.to_owned();
                    Err(LowerError::new(span, LowerReason::LaterStage { name }))
                }
                _ => {
                    let number = name.to_owned();
                    Err(LowerError::new(span, LowerReason::NoSuchStage { number }))
                }
            };
        }
        if let Some(stage) = self.stage_named(name, index) {
            return Ok(Some(CopyFrom::Stage(stage)));
        }
        if self.stage_named(name, self.stages.len()).is_some() {
            let name = name.to_owned();
            return Err(LowerError::new(span, LowerReason::LaterStage { name }));
        }
        let source = match self.options.contexts.get(name) {
            Some(NamedContext::Folder) => return Ok(Some(CopyFrom::Context(name.to_owned()))),
            Some(NamedContext::Image(source)) => source.clone(),
            None => parse_source(name, span)?,
        };
        Ok(Some(CopyFrom::Image(BaseRequest {
            source,
            platform: self.options.platform.clone(),
        })))
    }

    /// Warns about stage names that are reserved or taken.
    pub(super) fn check_names(&mut self) {
        let mut warnings = Vec::new();
        for (index, stage) in self.stages.iter().enumerate() {
            let (Some(name), Some(word)) = (&stage.name, &stage.from.name) else {
                continue;
            };
            if matches!(name.as_str(), "scratch" | "context") {
                let message =
                    format!("{name} has a meaning of its own and should not name a stage");
                warnings.push((Rule::ReservedStageName, word.span, message));
            }
            if self.stage_named(name, index).is_some() {
                let message = format!("there is a stage {name} already");
                warnings.push((Rule::DuplicateStageName, word.span, message));
            }
        }
        for (rule, span, message) in warnings {
            self.warn(rule, span, message);
        }
    }

    /// Warns about keywords that are not in the case of most others.
    pub(super) fn check_casing(&mut self) {
        let keywords = self.file.instructions().iter().map(|i| &i.keyword);
        let is_lower = |word: &&Word| word.text == word.text.to_lowercase();
        let is_upper = |word: &&Word| word.text == word.text.to_uppercase();
        let lower = keywords.clone().filter(is_lower).count();
        let upper = keywords.clone().filter(is_upper).count();
        let mut warnings = Vec::new();
        for word in keywords {
            let (fits, case) = match lower > upper {
                true => (is_lower(&word), "lower"),
                false => (is_upper(&word), "upper"),
            };
            if !fits {
                let message = format!("{} should be {case} case like the others", word.text);
                warnings.push((word.span, message));
            }
        }
        for (span, message) in warnings {
            self.warn(Rule::ConsistentInstructionCasing, span, message);
        }
    }
}

fn parse_source(text: &str, span: Span) -> Result<ImageSource, LowerError> {
    text.parse()
        .map_err(|error| LowerError::new(span, LowerReason::Source(error)))
}

pub(super) fn expand_error(word: &Word, error: crate::expand::ExpandError) -> LowerError {
    let reason = LowerReason::Expand {
        word: word.text.clone(),
        error,
    };
    LowerError::new(word.span, reason)
}
