//! What a stage starts from, and what `COPY --from` names: stages, images, named contexts.

use std::borrow::Cow;

use crossdock_graph::{Copy, CopySource, Operation, SourcePath};
use crossdock_image::{Config, ImageSource, Platform};

use super::contexts::Context;
use super::error::{LowerError, LowerReason};
use super::stage::Stage;
use super::stages::expand_error;
use super::{BaseConfig, BaseRequest, Lowerer, NamedContext};
use crate::environment::Environment;
use crate::expand::Expander;
use crate::instruction::{Instruction, InstructionKind};
use crate::logical::Word;
use crate::rule::Rule;
use crate::span::Span;
use crate::suggest::nearest;

/// What a stage starts from.
pub(super) enum Base {
    Stage(usize),
    Scratch(Platform),
    Image(BaseRequest),
    /// A context of files, whose name this is.
    Files(String, Platform),
}

impl Base {
    /// The stage, if it is one.
    pub(super) fn stage(&self) -> Option<usize> {
        match self {
            Self::Stage(index) => Some(*index),
            Self::Scratch(_) | Self::Image(_) | Self::Files(..) => None,
        }
    }
}

/// What `COPY --from` names.
pub(super) enum CopyFrom {
    Stage(usize),
    Image(BaseRequest),
    Context(String),
    /// The empty image.
    Scratch,
}

impl Lowerer<'_> {
    /// What the `FROM` of a stage means, or what replaces the stage.
    pub(super) fn base(&mut self, index: usize) -> Result<Base, LowerError> {
        let stage = &self.stages[index];
        let (from, replaced) = (stage.from, stage.replaced.clone());
        let platform = match &from.platform {
            None => self.options.platform.clone(),
            Some(word) => self.stage_platform(word)?,
        };
        if let Some(context) = replaced {
            return self.context_base(&context, platform, from.image.span);
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
            return Ok(Base::Scratch(platform));
        }
        if let Some(number) = image.parse::<usize>().ok().filter(|number| *number < index) {
            return Ok(Base::Stage(number));
        }
        if let Some(context) = self.contexts.find(&image, &platform) {
            return self.context_base(&context, platform, from.image.span);
        }
        let source = parse_source(&image, from.image.span)?;
        Ok(Base::Image(BaseRequest { source, platform }))
    }

    fn context_base(
        &self,
        context: &Context,
        platform: Platform,
        span: Span,
    ) -> Result<Base, LowerError> {
        Ok(match &context.value {
            NamedContext::Image(source) if is_scratch(source) => Base::Scratch(platform),
            NamedContext::Image(source) => Base::Image(BaseRequest {
                source: source.clone(),
                platform,
            }),
            NamedContext::Files => Base::Files(context.name.clone(), platform),
            NamedContext::Stage(stage) => Base::Stage(self.context_stage(context, stage, span)?),
        })
    }

    /// The stage that the context `context` stands for.
    fn context_stage(
        &self,
        context: &Context,
        stage: &str,
        span: Span,
    ) -> Result<usize, LowerError> {
        self.stage_or_number(stage).ok_or_else(|| {
            let names = self.stages.iter().filter_map(|stage| stage.name.as_deref());
            let reason = LowerReason::ContextStage {
                context: context.name.clone(),
                stage: stage.to_owned(),
                suggestion: nearest(stage, names).map(str::to_owned),
            };
            LowerError::new(span, reason)
        })
    }

    /// Expands a word of `FROM` with the global arguments.
    fn global_word(&self, word: &Word) -> Result<String, LowerError> {
        let escape = self.file.directives().escape.char();
        let expansion = Expander::new(&self.globals, escape)
            .expand(&word.text)
            .map_err(|error| expand_error(word, error))?;
        Ok(expansion.text)
    }

    /// `--platform` of a `FROM`.
    pub(super) fn stage_platform(&self, word: &Word) -> Result<Platform, LowerError> {
        let text = self.global_word(word)?;
        if text.is_empty() {
            let reason = LowerReason::EmptyPlatform {
                written: word.text.clone(),
            };
            return Err(LowerError::new(word.span, reason));
        }
        self.parse_platform(&text)
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
        let nothing = Environment::new(false);
        let escape = self.file.directives().escape.char();
        let expanded = Expander::new(&nothing, escape).expand(name);
        if expanded.ok().is_none_or(|expanded| expanded.text != name) {
            return Err(LowerError::new(span, LowerReason::FromExpansion));
        }
        if let Ok(number) = name.parse::<i64>() {
            let stage = usize::try_from(number).ok();
            let stage = stage.filter(|number| *number < self.stages.len());
            let Some(stage) = stage else {
                let number = name.to_owned();
                return Err(LowerError::new(span, LowerReason::NoSuchStage { number }));
            };
            return self.earlier_stage(stage, index, name, span).map(Some);
        }
        self.named_source(index, name, span).map(Some)
    }

    /// What a name in stage `index` stands for that is not a number.
    pub(super) fn named_source(
        &self,
        index: usize,
        name: &str,
        span: Span,
    ) -> Result<CopyFrom, LowerError> {
        let earlier = self.stage_named(name, index);
        if let Some(stage) = earlier.or_else(|| self.stage_named(name, self.stages.len())) {
            return self.earlier_stage(stage, index, name, span);
        }
        if name == "scratch" {
            return Ok(CopyFrom::Scratch);
        }
        let platform = self.options.platform.clone();
        let source = match self.contexts.find(name, &platform) {
            Some(context) => match &context.value {
                NamedContext::Files => return Ok(CopyFrom::Context(context.name)),
                NamedContext::Stage(stage) => {
                    let stage = self.context_stage(&context, stage, span)?;
                    return Ok(CopyFrom::Stage(stage));
                }
                NamedContext::Image(source) if is_scratch(source) => return Ok(CopyFrom::Scratch),
                NamedContext::Image(source) => source.clone(),
            },
            None => parse_source(name, span)?,
        };
        Ok(CopyFrom::Image(BaseRequest { source, platform }))
    }

    /// `stage`, if it comes before the stage `index`, or is none of the file's any more.
    fn earlier_stage(
        &self,
        stage: usize,
        index: usize,
        name: &str,
        span: Span,
    ) -> Result<CopyFrom, LowerError> {
        if stage < index || (stage != index && self.stages[stage].replaced.is_some()) {
            return Ok(CopyFrom::Stage(stage));
        }
        let name = name.to_owned();
        Err(LowerError::new(span, LowerReason::LaterStage { name }))
    }

    /// The config of a base image. One that is not known, which only checks go on without, is
    /// taken to be empty.
    pub(super) fn answer(&self, request: &BaseRequest) -> Cow<'_, BaseConfig> {
        match self.bases.get(request) {
            Some(answer) => Cow::Borrowed(answer),
            None => Cow::Owned(BaseConfig {
                config: empty_config(&request.platform),
                platform: request.platform.clone(),
            }),
        }
    }

    /// A stage that starts from nothing.
    pub(super) fn scratch(
        &mut self,
        index: usize,
        platform: &Platform,
    ) -> Result<Stage, LowerError> {
        let statement = self.stages[index].instruction.statement;
        if platform.is_windows() && platform.os_version.is_empty() {
            let message = "a Windows image from scratch without a version starts on no host \
                           that checks it"
                .to_owned();
            let architecture = &platform.architecture;
            let help = format!("name the version: --platform windows(10.0.20348)/{architecture}");
            self.warn(Rule::WindowsVersionMissing, statement, message);
            self.warnings.last_mut().expect("just added").help = Some(help);
        }
        self.start(index, Operation::Scratch, empty_config(platform), platform)
    }

    /// A stage that starts from the files of a context.
    pub(super) fn files(
        &mut self,
        index: usize,
        name: &str,
        platform: &Platform,
    ) -> Result<Stage, LowerError> {
        let mut stage = self.scratch(index, platform)?;
        let location = self.location(index, self.stages[index].instruction, None);
        let context = Operation::Context {
            name: name.to_owned(),
        };
        let tree = self.add(
            context,
            location.clone(),
            &Platform::new("linux", "unknown"),
        );
        let path = SourcePath {
            path: "/".to_owned(),
            wildcard: false,
            pivot: 0,
            written: name.to_owned(),
        };
        let copy = Copy {
            base: stage.tree,
            sources: vec![CopySource::Tree {
                tree,
                paths: vec![path],
                unpack: false,
            }],
            destination: "/".to_owned(),
            into_directory: true,
            owner: None,
            mode: None,
            link: false,
            parents: false,
            exclude: Vec::new(),
        };
        stage.tree = self.add(Operation::Copy(Box::new(copy)), location, platform);
        stage.record(format!("FROM {name}"), Some(stage.tree));
        Ok(stage)
    }

    /// A stage that starts from an image.
    pub(super) fn image(
        &mut self,
        index: usize,
        request: &BaseRequest,
    ) -> Result<Stage, LowerError> {
        let answer = self.answer(request).into_owned();
        let (config, platform) = (answer.config, answer.platform);
        let statement = self.stages[index].instruction.statement;
        let differs = platform.os != request.platform.os
            || platform.architecture != request.platform.architecture;
        // A layout with one image answers with that image, whatever was asked for.
        let chosen = matches!(request.source, ImageSource::Registry(_))
            || self.stages[index].from.platform.is_some();
        if chosen && differs {
            let message = format!(
                "Base image {} was pulled with platform \"{platform}\", expected \"{}\" for \
                 current build",
                request.source, request.platform
            );
            self.warn(Rule::InvalidBaseImagePlatform, statement, message);
        }
        let operation = Operation::Image {
            source: request.source.clone(),
            platform: platform.clone(),
        };
        let mut stage = self.start(index, operation, config, &platform)?;
        stage.guessed = !self.bases.contains_key(request);
        Ok(stage)
    }
}

/// Whether a context is `docker-image://scratch`.
fn is_scratch(source: &ImageSource) -> bool {
    matches!(source, ImageSource::Registry(name) if name == "scratch")
}

/// The config of an image of nothing.
fn empty_config(platform: &Platform) -> Config {
    let mut config = Config {
        os: platform.os.clone(),
        architecture: platform.architecture.clone(),
        variant: platform.variant.clone(),
        os_version: platform.os_version.clone(),
        os_features: platform.os_features.clone(),
        ..Config::default()
    };
    config.config.working_dir = "/".to_owned();
    config
}

/// An image by its name. What names nothing else must be a reference.
fn parse_source(text: &str, span: Span) -> Result<ImageSource, LowerError> {
    let source: ImageSource = text
        .parse()
        .map_err(|error| LowerError::new(span, LowerReason::Source(error)))?;
    match source.reference() {
        Some(Err(error)) => Err(LowerError::new(span, LowerReason::Reference(error))),
        _ => Ok(source),
    }
}
