//! From instructions to a graph of operations.
//!
//! Lowering fetches nothing: where it depends on a base image's config it says so, and the caller
//! comes back with the config.

mod config;
mod error;
mod expose;
mod go_format;
mod mode;
mod remote;
mod scope;
mod signal;
mod stage;
mod stages;
mod transfer;

use std::collections::{BTreeMap, BTreeSet};

use crossdock_graph::{Graph, HistoryStep, Location, Operation, Step, Target};
use crossdock_image::{Config, ImageSource, Platform};

pub use error::{LowerError, LowerReason};

use crate::diagnostic::{Diagnostic, Rule};
use crate::directive::Escape;
use crate::environment::Environment;
use crate::image_path::PathRules;
use crate::instruction::Instruction;
use crate::logical::Word;
use crate::parser::Dockerfile;
use crate::span::Span;
use stage::Stage;
use stages::{Base, Prepared, StageSource};

/// What the user asked for beside the Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The stage to build, by name or number; the last one if `None`.
    pub target: Option<String>,
    /// The platform to build for: of every `FROM` without `--platform`, of every
    /// `COPY --from=image`, and of `TARGETPLATFORM` and its parts.
    pub platform: Platform,
    /// The platform that `BUILDPLATFORM` and its parts name.
    pub build_platform: Platform,
    /// `--build-arg`
    pub build_args: BTreeMap<String, String>,
    /// `--label`, added to the target after its instructions.
    pub labels: BTreeMap<String, String>,
    /// `--build-context`: names that stand for an image or a folder instead of what the
    /// Dockerfile means by them.
    pub contexts: BTreeMap<String, NamedContext>,
}

/// What a `--build-context` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedContext {
    /// An image.
    Image(ImageSource),
    /// A folder; the graph refers to it by the context's name.
    Folder,
}

impl Options {
    /// Builds the last stage for `platform`, on `platform`, without arguments.
    pub fn new(platform: Platform) -> Self {
        Self {
            target: None,
            build_platform: platform.clone(),
            platform,
            build_args: BTreeMap::new(),
            labels: BTreeMap::new(),
            contexts: BTreeMap::new(),
        }
    }
}

/// A base image whose config is needed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BaseRequest {
    /// Which image.
    pub source: ImageSource,
    /// Which platform is asked for. A layout with one image may answer with another.
    pub platform: Platform,
}

/// The answer to a [`BaseRequest`].
#[derive(Debug, Clone, PartialEq)]
pub struct BaseConfig {
    /// The image's config.
    pub config: Config,
    /// The platform that was chosen, with version and features.
    pub platform: Platform,
}

/// The result of [`lower`].
#[derive(Debug, Clone, PartialEq)]
pub enum Lowering {
    /// The configs of these images are missing; call again with them added.
    Needs(BTreeSet<BaseRequest>),
    /// Everything is known.
    Done(Box<Plan>),
}

/// What is to be built.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The operations.
    pub graph: Graph,
    /// The image to make of them.
    pub target: Target,
    /// What was found odd.
    pub warnings: Vec<Diagnostic>,
}

/// Lowers the stage that `options` ask for, and the stages that it needs, to a graph.
///
/// An instruction that is not supported is an error if and only if its stage is needed, and it is
/// found before anything is asked for.
pub fn lower(
    file: &Dockerfile,
    options: &Options,
    bases: &BTreeMap<BaseRequest, BaseConfig>,
) -> Result<Lowering, LowerError> {
    lower_target(file, options, bases).map_err(|error| error.explained(file))
}

fn lower_target(
    file: &Dockerfile,
    options: &Options,
    bases: &BTreeMap<BaseRequest, BaseConfig>,
) -> Result<Lowering, LowerError> {
    let mut lowerer = Lowerer::new(file, options, bases)?;
    let target = lowerer.target()?;
    let (prepared, missing) = lowerer.prepare(target)?;
    if !missing.is_empty() {
        return Ok(Lowering::Needs(missing));
    }
    lowerer.check_build_args(&prepared);
    let mut stages = BTreeMap::new();
    for (index, prepared) in &prepared {
        let stage = lowerer.stage(*index, prepared, &stages)?;
        stages.insert(*index, stage);
    }
    let stage = stages.remove(&target).expect("the target was lowered");
    let target = lowerer.finish(stage);
    let warnings = lowerer.all_warnings()?;
    Ok(Lowering::Done(Box::new(Plan {
        graph: lowerer.graph,
        target,
        warnings,
    })))
}

/// The state of one call of [`lower`].
struct Lowerer<'a> {
    file: &'a Dockerfile,
    options: &'a Options,
    bases: &'a BTreeMap<BaseRequest, BaseConfig>,
    stages: Vec<StageSource<'a>>,
    /// What `FROM` may use: platform arguments and `ARG`s before the first `FROM`.
    globals: Environment,
    graph: Graph,
    warnings: Vec<Diagnostic>,
}

impl<'a> Lowerer<'a> {
    fn new(
        file: &'a Dockerfile,
        options: &'a Options,
        bases: &'a BTreeMap<BaseRequest, BaseConfig>,
    ) -> Result<Self, LowerError> {
        let stages = stages::collect(file)?;
        let mut lowerer = Self {
            file,
            options,
            bases,
            stages,
            globals: Environment::new(false),
            graph: Graph::default(),
            warnings: Vec::new(),
        };
        lowerer.globals = lowerer.global_arguments()?;
        lowerer.check_names();
        lowerer.check_casing();
        Ok(lowerer)
    }

    fn warn(&mut self, rule: Rule, span: Span, message: String) {
        self.warnings.push(Diagnostic::warning(rule, span, message));
    }

    /// Warns of a Windows path whose backslashes vanish because they escape.
    fn check_backslashes(&mut self, rules: PathRules, word: &Word, value: &str, span: Span) {
        let escapes = self.file.directives().escape == Escape::Backslash;
        let lost = word.text.matches('\\').count() > value.matches('\\').count();
        // An escaped backslash and an escaped dollar are meant.
        let meant = word.text.contains("\\\\") || word.text.contains("\\$");
        if rules != PathRules::Windows || !escapes || !lost || meant {
            return;
        }
        let message = format!(
            "the backslash is the escape character here, so {} means {value}",
            word.text
        );
        let help = "put # escape=` on the first line of the file, or write / instead of \\";
        let warning = Diagnostic::warning(Rule::BackslashEscapes, span, message);
        self.warnings.push(warning.with_help(help));
    }

    fn line(&self, span: Span) -> u32 {
        self.file.source().position(span.start).line
    }

    fn unsupported(&self, what: &str, stage: usize, span: Span) -> LowerError {
        let reason = LowerReason::Unsupported {
            what: what.to_owned(),
            stage: self.stages[stage].label(),
            line: self.line(span),
        };
        LowerError::new(span, reason)
    }

    /// Where `instruction` of `stage` is; `place` instead, for a trigger of a base image.
    fn location(&self, stage: usize, instruction: &Instruction, place: Option<Span>) -> Location {
        let span = place.unwrap_or(instruction.span);
        let source = self.file.source();
        let last = span.end.saturating_sub(1).max(span.start);
        Location {
            file: source.name().to_owned(),
            line: source.position(span.start).line,
            last_line: source.position(last).line,
            stage: self.stages[stage].label(),
            text: instruction.text.clone(),
        }
    }

    fn add(
        &mut self,
        operation: Operation,
        location: Location,
        platform: &Platform,
    ) -> crossdock_graph::OperationId {
        self.graph.add(Step {
            operation,
            location,
            platform: platform.clone(),
        })
    }

    /// Lowers one stage whose bases are lowered.
    fn stage(
        &mut self,
        index: usize,
        prepared: &Prepared,
        done: &BTreeMap<usize, Stage>,
    ) -> Result<Stage, LowerError> {
        let source = &self.stages[index];
        let (from, instructions) = (source.instruction, source.instructions);
        let mut stage = match &prepared.base {
            Base::Stage(base) => done[base].inherit(index),
            Base::Scratch(platform) => self.scratch(index, platform)?,
            Base::Image(request) => self.image(index, request)?,
        };
        for trigger in &prepared.triggers {
            let place = prepared.foreign_triggers.then_some(from.statement);
            self.dispatch(&mut stage, trigger, place, done)?;
        }
        for instruction in instructions {
            self.dispatch(&mut stage, instruction, None, done)?;
        }
        Ok(stage)
    }

    /// The target's image: labels of the command line come last and leave no history.
    fn finish(&mut self, stage: Stage) -> Target {
        let mut config = stage.config;
        let labels = self.options.labels.iter();
        let labels = labels.map(|(name, value)| (name.clone(), value.clone()));
        config.config.labels.extend(labels);
        Target {
            tree: stage.tree,
            platform: stage.platform,
            config,
            base_history: stage.base_history,
            history: stage.history,
        }
    }

    /// The warnings that `# check=` lets through, in the order of the file.
    fn all_warnings(&mut self) -> Result<Vec<Diagnostic>, LowerError> {
        let check = &self.file.directives().check;
        let mut warnings: Vec<Diagnostic> = self.file.warnings().to_vec();
        warnings.append(&mut self.warnings);
        warnings.retain(|warning| {
            let skipped = warning.rule.is_some_and(|rule| check.skip.contains(&rule));
            !check.skip_all && !skipped
        });
        warnings.sort_by_key(|warning| warning.span);
        warnings.dedup();
        if check.error && !warnings.is_empty() {
            let span = warnings[0].span.unwrap_or_default();
            return Err(LowerError::new(span, LowerReason::Checks { warnings }));
        }
        Ok(warnings)
    }
}

/// The comment of this program's history records.
const HISTORY_COMMENT: &str = "crossdock.dockerfile.v0";

fn history(created_by: String, operation: Option<crossdock_graph::OperationId>) -> HistoryStep {
    HistoryStep {
        created_by,
        comment: HISTORY_COMMENT.to_owned(),
        operation,
    }
}
