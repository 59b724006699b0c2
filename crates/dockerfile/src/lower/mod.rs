//! From instructions to a graph of operations.
//!
//! Lowering fetches nothing: where it depends on a base image's config it says so, and the caller
//! comes back with the config.

mod bases;
mod captured;
mod checks;
mod config;
mod contexts;
mod error;
mod expose;
mod go_format;
mod look;
mod mode;
mod remote;
mod run;
mod scope;
mod signal;
mod stage;
mod stages;
mod transfer;
mod windows;

use std::collections::{BTreeMap, BTreeSet};

use crossdock_graph::{Graph, HistoryStep, Location, Operation, Step, Target};
use crossdock_image::{Config, ImageSource, Platform};

pub use error::{LowerError, LowerReason};
pub use look::{check_file, outline, source_date_epoch};

use crate::diagnostic::Diagnostic;
use crate::directive::{self, Check, Escape};
use crate::environment::Environment;
use crate::ignore::IgnorePatterns;
use crate::image_path::PathRules;
use crate::instruction::Instruction;
use crate::logical::Word;
use crate::parser::Dockerfile;
use crate::rule::Rule;
use crate::run_flags::parse_bool;
use crate::span::Span;
use bases::Base;
use contexts::Contexts;
use stage::Stage;
use stages::{Preparation, Prepared, StageSource};

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
    /// `--build-context`: names that stand for something else than what the Dockerfile means by
    /// them, a stage or an image. `NAME::PLATFORM` counts for that platform alone.
    pub contexts: BTreeMap<String, NamedContext>,
    /// The main context's ignore file, for the check of what it leaves out.
    pub ignore: Option<IgnorePatterns>,
}

/// What a `--build-context` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedContext {
    /// An image.
    Image(ImageSource),
    /// A folder, a tar or a git tree; the graph refers to it by the context's name.
    Files,
    /// A stage of the Dockerfile, by name or number.
    Stage(String),
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
            ignore: None,
        }
    }

    /// `BUILDKIT_CONTEXT_KEEP_GIT_DIR`: a context that is a git repository has its `.git`.
    pub fn context_keeps_git_dir(&self) -> bool {
        self.switch("BUILDKIT_CONTEXT_KEEP_GIT_DIR") == Some(true)
    }

    /// `BUILDKIT_MULTI_PLATFORM`: whether the result is an index, even of one platform.
    pub fn multi_platform(&self) -> Option<bool> {
        self.switch("BUILDKIT_MULTI_PLATFORM")
    }

    fn switch(&self, name: &str) -> Option<bool> {
        parse_bool(self.build_args.get(name)?)
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
    let mut lowerer = Lowerer::new(file, options, bases, Purpose::Build)?;
    let target = lowerer.target()?;
    let preparation = lowerer.prepare(&[target])?;
    if !preparation.missing.is_empty() {
        return Ok(Lowering::Needs(preparation.missing));
    }
    lowerer.check_build_args(&preparation.stages);
    let mut stages = lowerer.lower_stages(&preparation)?;
    let stage = stages.remove(&target).expect("the target was lowered");
    let target = lowerer.finish(stage);
    let found = std::mem::take(&mut lowerer.warnings);
    let warnings = match let_through(file, options, found)? {
        (warnings, None) => warnings,
        (_, Some(error)) => return Err(error),
    };
    Ok(Lowering::Done(Box::new(Plan {
        graph: lowerer.graph,
        target,
        warnings,
    })))
}

/// What a Dockerfile is lowered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// To be built.
    Build,
    /// To be looked at: `RUN` is gone over, and bases need not be known.
    Check,
}

/// The state of one call of [`lower`].
struct Lowerer<'a> {
    purpose: Purpose,
    file: &'a Dockerfile,
    options: &'a Options,
    bases: &'a BTreeMap<BaseRequest, BaseConfig>,
    stages: Vec<StageSource<'a>>,
    contexts: Contexts,
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
        purpose: Purpose,
    ) -> Result<Self, LowerError> {
        check_frontend(options)?;
        let stages = stages::collect(file)?;
        let mut lowerer = Self {
            purpose,
            file,
            options,
            bases,
            stages,
            contexts: Contexts::new(&options.contexts),
            globals: Environment::new(false),
            graph: Graph::default(),
            warnings: Vec::new(),
        };
        lowerer.globals = lowerer.global_arguments()?;
        lowerer.replace_stages();
        lowerer.check_names();
        lowerer.check_casing();
        lowerer.check_bases();
        lowerer.check_defaults();
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

    /// Puts named contexts in the places of stages of their names: of such a stage nothing is
    /// done.
    fn replace_stages(&mut self) {
        for index in 0..self.stages.len() {
            let stage = &self.stages[index];
            let Some(name) = &stage.name else { continue };
            let own = stage.from.platform.as_ref();
            // A platform that cannot be read is an error when the stage is needed.
            let platform = own.and_then(|word| self.stage_platform(word).ok());
            let platform = platform.unwrap_or_else(|| self.options.platform.clone());
            let replaced = self.contexts.find(name, &platform);
            let stage = &mut self.stages[index];
            if replaced.is_some() {
                stage.instructions = &[];
            }
            stage.replaced = replaced;
        }
    }

    /// Lowers the stages that are needed.
    fn lower_stages(
        &mut self,
        preparation: &Preparation,
    ) -> Result<BTreeMap<usize, Stage>, LowerError> {
        let mut stages = BTreeMap::new();
        for index in &preparation.order {
            let stage = self.stage(*index, &preparation.stages[index], &stages)?;
            stages.insert(*index, stage);
        }
        Ok(stages)
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
            Base::Files(name, platform) => self.files(index, name, platform)?,
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
}

/// Warnings, and the error that `# check=error=true` makes of them.
type LetThrough = (Vec<Diagnostic>, Option<LowerError>);

/// The warnings, those of the parser too, that `# check=` and the comments above instructions let
/// through, in the order of the file.
fn let_through(
    file: &Dockerfile,
    options: &Options,
    found: Vec<Diagnostic>,
) -> Result<LetThrough, LowerError> {
    let check = match options.build_args.get(CHECK_ARGUMENT) {
        None => file.directives().check.clone(),
        Some(value) if value.trim().is_empty() => Check::default(),
        Some(value) => Check::parse(value).map_err(|option| {
            LowerError::new(Span::default(), LowerReason::CheckOption { option })
        })?,
    };
    let mut warnings: Vec<Diagnostic> = file.warnings().to_vec();
    warnings.extend(found);
    warnings.retain(|warning| {
        let Some(rule) = warning.rule else {
            return true;
        };
        let own = warning.span.and_then(|span| own_check(file, span, rule));
        own.unwrap_or_else(|| check.lets_through(rule))
    });
    warnings.sort_by_key(|warning| warning.span);
    // Stages with one base, and triggers, are gone over more than once.
    let mut seen = BTreeSet::new();
    warnings.retain(|warning| seen.insert((warning.span, warning.rule, warning.message.clone())));
    // What docker builds is built here too: our own checks stop nothing.
    let dockers = warnings
        .iter()
        .filter(|warning| check.error && warning.rule.is_some_and(Rule::is_dockers));
    let dockers: Vec<Diagnostic> = dockers.cloned().collect();
    let stop = dockers.first().map(|first| {
        let span = first.span.unwrap_or_default();
        LowerError::new(
            span,
            LowerReason::Checks {
                warnings: dockers.clone(),
            },
        )
    });
    Ok((warnings, stop))
}

/// What the comment `# check=` above the instruction at `span` says about `rule`, if anything.
fn own_check(file: &Dockerfile, span: Span, rule: Rule) -> Option<bool> {
    let instructions = file.instructions();
    let after = instructions.partition_point(|other| other.span.start <= span.start);
    let instruction = &instructions[after.checked_sub(1)?];
    let mut comments = instruction.comments.iter();
    let own = comments.find_map(|comment| Check::in_comment(comment))?;
    match (rule.is_experimental(), own.lets_through(rule)) {
        (true, true) => Some(true),
        (false, false) => Some(false),
        _ => None,
    }
}

/// `BUILDKIT_SYNTAX` stands for `# syntax=`.
fn check_frontend(options: &Options) -> Result<(), LowerError> {
    let Some(value) = options.build_args.get(SYNTAX_ARGUMENT) else {
        return Ok(());
    };
    let frontend = directive::frontend(value.trim());
    if directive::is_built_in(frontend) {
        return Ok(());
    }
    let reason = LowerReason::Frontend {
        frontend: frontend.to_owned(),
    };
    Err(LowerError::new(Span::default(), reason))
}

/// The build argument that stands for `# syntax=`.
const SYNTAX_ARGUMENT: &str = "BUILDKIT_SYNTAX";

/// The build argument that stands for `# check=`.
const CHECK_ARGUMENT: &str = "BUILDKIT_DOCKERFILE_CHECK";

/// The comment of this program's history records.
const HISTORY_COMMENT: &str = "crossdock.dockerfile.v0";

fn history(created_by: String, operation: Option<crossdock_graph::OperationId>) -> HistoryStep {
    HistoryStep {
        created_by,
        comment: HISTORY_COMMENT.to_owned(),
        operation,
    }
}
