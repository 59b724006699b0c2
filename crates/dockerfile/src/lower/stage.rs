//! A stage while it is lowered.

use std::collections::{BTreeMap, BTreeSet};

use crossdock_graph::{HistoryStep, Operation, OperationId};
use crossdock_image::{Config, History, Platform, RemoteSourceError};

use super::Lowerer;
use super::captured::Captured;
use super::config::clear_built;
use super::error::{LowerError, LowerReason};
use super::stages::expand_error;
use crate::environment::Environment;
use crate::expand::{ExpandError, Expander, Expansion};
use crate::image_path::{PathError, PathRules, clean};
use crate::instruction::{Instruction, InstructionKind};
use crate::logical::Word;
use crate::rule::Rule;
use crate::span::Span;
use crate::suggest::nearest;

/// The image that the instructions so far make.
#[derive(Debug, Clone)]
pub(super) struct Stage {
    pub(super) index: usize,
    pub(super) tree: OperationId,
    pub(super) platform: Platform,
    /// Without history, layers and time.
    pub(super) config: Config,
    pub(super) base_history: Vec<History>,
    pub(super) history: Vec<HistoryStep>,
    /// `ENV`, of the base and of this stage.
    pub(super) environment: Environment,
    /// What words are expanded with: `ENV` and `ARG`, the later one of a name.
    pub(super) scope: Environment,
    /// Names that an `ARG` declared, with or without a value.
    pub(super) declared: BTreeSet<String>,
    /// Absolute, with `/`.
    pub(super) directory: String,
    /// What it uses from outside.
    pub(super) outline: Captured,
    /// A `WORKDIR` of this file was seen.
    pub(super) directory_set: bool,
    /// The base image's config is not known, so neither are its variables.
    pub(super) guessed: bool,
    pub(super) cmd: Option<Span>,
    pub(super) entrypoint: Option<Span>,
    pub(super) healthcheck: Option<Span>,
}

/// An instruction being lowered: what it is and where messages about it point.
pub(super) struct Site<'a> {
    pub(super) instruction: &'a Instruction,
    /// The place of a trigger of a base image, whose own spans are not of this file.
    pub(super) place: Option<Span>,
}

impl Site<'_> {
    pub(super) fn at(&self, span: Span) -> Span {
        self.place.unwrap_or(span)
    }

    pub(super) fn statement(&self) -> Span {
        self.at(self.instruction.statement)
    }

    pub(super) fn error(&self, span: Span, reason: LowerReason) -> LowerError {
        LowerError::new(self.at(span), reason)
    }

    pub(super) fn remote_error(&self, span: Span, error: RemoteSourceError) -> LowerError {
        self.error(span, LowerReason::Remote(error))
    }

    pub(super) fn path_error(&self, span: Span, error: PathError) -> LowerError {
        self.error(span, LowerReason::Path(error))
    }
}

/// A word of an instruction that cannot be expanded.
pub(super) fn word_error(word: &Word, error: ExpandError, site: &Site<'_>) -> LowerError {
    let mut error = expand_error(word, error);
    error.span = site.at(error.span);
    error
}

/// What Linux images have as `PATH` if their base has none (BuildKit, util/system/path.go).
/// Windows takes it from the registry.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Stage {
    pub(super) fn rules(&self) -> PathRules {
        PathRules::of(&self.platform.os)
    }

    /// The start of a stage whose base is this one. Triggers do not carry over; arguments do.
    pub(super) fn inherit(&self, index: usize) -> Self {
        let mut stage = self.clone();
        stage.index = index;
        stage.outline = Captured::default();
        // BuildKit sets the image's variables anew, over the arguments of the base.
        for (name, value) in stage.environment.iter() {
            stage.scope.set(name, value);
        }
        stage.config.config.on_build.clear();
        stage.cmd = None;
        stage.entrypoint = None;
        stage.healthcheck = None;
        stage
    }

    /// Sets a variable of the image.
    pub(super) fn set_env(&mut self, name: &str, value: &str) {
        self.environment.set(name, value);
        self.scope.set(name, value);
        self.config.config.env = self.environment.to_config();
    }

    /// Gives an argument its value: until the next `ENV` of its name it hides the variable of the
    /// image, which is what the image keeps (BuildKit, dispatchArg and dispatchEnv).
    pub(super) fn set_arg(&mut self, name: &str, value: &str) {
        self.scope.set(name, value);
    }

    pub(super) fn record(&mut self, created_by: String, operation: Option<OperationId>) {
        self.history.push(super::history(created_by, operation));
    }
}

impl Lowerer<'_> {
    /// A stage that starts from what `operation` makes.
    pub(super) fn start(
        &mut self,
        index: usize,
        operation: Operation,
        mut config: Config,
        platform: &Platform,
    ) -> Result<Stage, LowerError> {
        let from = self.stages[index].instruction;
        let location = self.location(index, from, None);
        let tree = self.add(operation, location, platform);
        let base_history = clear_built(&mut config);
        let rules = PathRules::of(&platform.os);
        let windows = platform.is_windows();
        let directory = match config.config.working_dir.as_str() {
            "" => "/".to_owned(),
            written => {
                let name = rules
                    .working_directory("/", written)
                    .map_err(|error| LowerError::new(from.statement, LowerReason::Path(error)))?;
                config.config.working_dir = rules.config_text(&name);
                clean(&name)
            }
        };
        let mut environment = Environment::from_config(&config.config.env, windows);
        if environment.get("PATH").is_none() && !windows {
            environment.set("PATH", DEFAULT_PATH);
            config.config.env.push(format!("PATH={DEFAULT_PATH}"));
        }
        config.config.on_build.clear();
        Ok(Stage {
            index,
            tree,
            platform: platform.clone(),
            config,
            base_history,
            history: Vec::new(),
            scope: environment.clone(),
            environment,
            declared: BTreeSet::new(),
            directory,
            directory_set: false,
            outline: Captured::default(),
            guessed: false,
            cmd: None,
            entrypoint: None,
            healthcheck: None,
        })
    }

    /// Lowers one instruction into `stage`.
    pub(super) fn dispatch(
        &mut self,
        stage: &mut Stage,
        instruction: &Instruction,
        place: Option<Span>,
        done: &BTreeMap<usize, Stage>,
    ) -> Result<(), LowerError> {
        let site = &Site { instruction, place };
        match &instruction.kind {
            InstructionKind::Copy(copy) => self.copy(stage, copy, site, done),
            InstructionKind::Add(add) => self.add_files(stage, add, site),
            InstructionKind::Workdir(word) => self.workdir(stage, word, site),
            InstructionKind::Env(pairs) => self.env(stage, pairs, site),
            InstructionKind::Arg(definitions) => self.arg(stage, definitions, site),
            InstructionKind::Label(pairs) => self.label(stage, pairs, site),
            InstructionKind::User(word) => self.user(stage, word, site),
            InstructionKind::Cmd(command) => {
                self.cmd(stage, command, site);
                Ok(())
            }
            InstructionKind::Entrypoint(command) => {
                self.entrypoint(stage, command, site);
                Ok(())
            }
            InstructionKind::Shell(words) => {
                self.check_program(stage, words, site);
                super::config::shell(stage, words);
                Ok(())
            }
            InstructionKind::Expose(words) => self.expose(stage, words, site),
            InstructionKind::Volume(words) => self.volume(stage, words, site),
            InstructionKind::StopSignal(word) => self.stop_signal(stage, word, site),
            InstructionKind::Healthcheck(check) => {
                self.healthcheck(stage, check, site);
                Ok(())
            }
            InstructionKind::Onbuild(onbuild) => {
                stage.config.config.on_build.push(onbuild.trigger.clone());
                Ok(())
            }
            InstructionKind::Maintainer(word) => {
                stage.config.author = Some(word.text.clone());
                stage.record(format!("MAINTAINER {}", word.text), None);
                Ok(())
            }
            InstructionKind::Run(run) => self.run(stage, run, site),
            InstructionKind::From(_) => unreachable!("a stage ends before the next FROM"),
        }
    }

    /// Expands a word, and warns about variables that nothing sets.
    pub(super) fn expand(
        &mut self,
        stage: &Stage,
        word: &Word,
        site: &Site<'_>,
    ) -> Result<Expansion, LowerError> {
        let escape = self.escape(site);
        let result = Expander::new(&stage.scope, escape).expand(&word.text);
        self.expanded(stage, word, site, result)
    }

    /// The escape character in force. For a trigger from a base image it is the default one, as in
    /// BuildKit.
    pub(super) fn escape(&self, site: &Site<'_>) -> char {
        match site.place {
            Some(_) => '\\',
            None => self.file.directives().escape.char(),
        }
    }

    pub(super) fn expanded(
        &mut self,
        stage: &Stage,
        word: &Word,
        site: &Site<'_>,
        result: Result<Expansion, ExpandError>,
    ) -> Result<Expansion, LowerError> {
        let expansion = result.map_err(|error| word_error(word, error, site))?;
        for name in &expansion.unset {
            if stage.guessed || stage.declared.contains(name) {
                continue;
            }
            let similar = nearest(name, stage.scope.names());
            let hint = similar.map(|similar| format!(" (did you mean ${similar}?)"));
            let hint = hint.unwrap_or_default();
            let message = format!("Usage of undefined variable '${name}'{hint}");
            self.warn(Rule::UndefinedVar, site.at(word.span), message);
        }
        Ok(expansion)
    }

    pub(super) fn text(
        &mut self,
        stage: &Stage,
        word: &Word,
        site: &Site<'_>,
    ) -> Result<String, LowerError> {
        Ok(self.expand(stage, word, site)?.text)
    }
}
