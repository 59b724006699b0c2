//! What can be wrong with a Dockerfile that parses.

use crate::diagnostic::Diagnostic;
use crate::expand::ExpandError;
use crate::image_path::PathError;
use crate::parse_error::ParseReason;
use crate::parser::Dockerfile;
use crate::rule::Rule;
use crate::run_flags::MountError;
use crate::span::Span;
use crossdock_image::{PlatformError, ReferenceError, RemoteSourceError, SourceError};

/// A Dockerfile that cannot be lowered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct LowerError {
    /// Where.
    pub span: Span,
    /// What is wrong.
    pub reason: Box<LowerReason>,
    /// What probably led to it: a warning about the same instruction.
    pub note: Option<String>,
}

/// Why a Dockerfile cannot be lowered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LowerReason {
    /// `BUILDKIT_SYNTAX` names a frontend that is not built in.
    #[error(
        "BUILDKIT_SYNTAX: the frontend {frontend:?} is not available: only docker/dockerfile is \
         built in"
    )]
    Frontend {
        /// The frontend.
        frontend: String,
    },
    /// `BUILDKIT_DOCKERFILE_CHECK` with an option that does not exist.
    #[error("BUILDKIT_DOCKERFILE_CHECK: invalid check option {option:?}")]
    CheckOption {
        /// The option.
        option: String,
    },
    /// There is no `FROM`.
    #[error("the file has no FROM")]
    NoStages,
    /// The stage to build does not exist.
    #[error("there is no stage {name:?} to build")]
    UnknownTarget {
        /// What was asked for.
        name: String,
        /// A similar name.
        suggestion: Option<String>,
    },
    /// An instruction of a stage that is needed, and that this program cannot do yet.
    #[error("{what} is not supported yet (stage {stage}, line {line})")]
    Unsupported {
        /// The instruction or flag.
        what: String,
        /// The stage's name or number.
        stage: String,
        /// The line.
        line: u32,
    },
    /// A word that cannot be expanded.
    #[error("{word:?}: {error}")]
    Expand {
        /// The word.
        word: String,
        /// What is wrong.
        error: ExpandError,
    },
    /// A here-document that should be expanded but is not text.
    #[error("the here-document {name} is not UTF-8, so variables in it cannot be expanded")]
    HeredocNotText {
        /// Its name.
        name: String,
    },
    /// The name of a here-document that is to be a file.
    #[error("the here-document {name:?} cannot be a file name")]
    HeredocName {
        /// Its name.
        name: String,
    },
    /// `FROM` without a name after expansion.
    #[error("the base image {written:?} is empty after expansion")]
    EmptyBase {
        /// As it was written.
        written: String,
    },
    /// A base that names no image.
    #[error("{0}")]
    Source(SourceError),
    /// A base that is no reference of an image.
    #[error("{0}")]
    Reference(ReferenceError),
    /// `--platform` without a value after expansion.
    #[error("the platform {written:?} is empty after expansion")]
    EmptyPlatform {
        /// As it was written.
        written: String,
    },
    /// A platform that is none.
    #[error("{0}")]
    Platform(PlatformError),
    /// `--from` with a variable.
    #[error("variables are not expanded in --from")]
    FromExpansion,
    /// `--from` of a stage that comes later, or of the stage itself.
    #[error("cannot copy from stage {name}: it is not defined before this stage")]
    LaterStage {
        /// The stage.
        name: String,
    },
    /// `--from` with a number that is no stage.
    #[error("there is no stage number {number}")]
    NoSuchStage {
        /// The number.
        number: String,
    },
    /// A named context stands for a stage that does not exist.
    #[error("the build context {context} stands for stage {stage:?}, which does not exist")]
    ContextStage {
        /// Its name.
        context: String,
        /// The stage.
        stage: String,
        /// A similar name.
        suggestion: Option<String>,
    },
    /// Stages need each other, by named contexts that stand for stages.
    #[error("stages need each other: {}", stages.join(" needs "))]
    Circle {
        /// The stages, the first again as the last.
        stages: Vec<String>,
    },
    /// A path that the system does not take.
    #[error("{0}")]
    Path(PathError),
    /// `COPY` from a URL or a git repository.
    #[error("COPY cannot copy from {location:?}")]
    CopyRemote {
        /// The source.
        location: String,
    },
    /// `--checksum` of something local.
    #[error("--checksum needs a source that is a URL or a git repository")]
    Checksum,
    /// `--checksum` with several sources.
    #[error("--checksum is for one source, and there are several")]
    ChecksumOfSeveral,
    /// A `--checksum` that can be none.
    #[error("invalid checksum {value:?}: {reason}")]
    ChecksumValue {
        /// As it was given.
        value: String,
        /// What is wrong.
        reason: String,
    },
    /// A URL or git address that cannot be read.
    #[error("{0}")]
    Remote(RemoteSourceError),
    /// A `--mount` that cannot be.
    #[error("{0}")]
    Mount(MountError),
    /// A mount over everything.
    #[error("a mount cannot have / as its target")]
    MountTarget,
    /// A mode that is neither octal nor symbolic.
    #[error("invalid mode {mode:?}")]
    Mode {
        /// The mode.
        mode: String,
    },
    /// A port that is none.
    #[error("invalid port {port:?}: {reason}")]
    Port {
        /// As it was written.
        port: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A signal that does not exist.
    #[error("invalid signal {signal:?}")]
    Signal {
        /// The signal.
        signal: String,
    },
    /// A name or path that is empty after expansion.
    #[error("{what} is empty after expansion")]
    Empty {
        /// What.
        what: &'static str,
    },
    /// A trigger of the base image is not an instruction.
    #[error("the base's trigger {trigger:?}: {reason}")]
    Trigger {
        /// The trigger.
        trigger: String,
        /// What is wrong with it.
        reason: ParseReason,
    },
    /// `# check=error=true`, and docker has warnings.
    #[error("there are {} warnings, and the file asks to stop at warnings", warnings.len())]
    Checks {
        /// The warnings.
        warnings: Vec<Diagnostic>,
    },
}

impl LowerError {
    pub(crate) fn new(span: Span, reason: LowerReason) -> Self {
        Self {
            span,
            reason: Box::new(reason),
            note: None,
        }
    }

    /// Adds what the parser said about the instruction that the error is in.
    pub(super) fn explained(mut self, file: &Dockerfile) -> Self {
        let instructions = file.instructions().iter();
        let around = |span: Span| span.start <= self.span.start && self.span.end <= span.end;
        let Some(instruction) = instructions.clone().find(|i| around(i.span)) else {
            return self;
        };
        self.note = file
            .warnings()
            .iter()
            .filter(|warning| warning.rule == Some(Rule::TrailingBackslash))
            .find(|warning| {
                let start = warning.span.unwrap_or_default().start;
                instruction.span.range().contains(&start)
            })
            .map(|warning| {
                let help = warning.help.as_deref().unwrap_or_default();
                format!("{}; {help}", warning.message)
            });
        self
    }

    /// As a message with a place.
    pub fn diagnostic(&self) -> Diagnostic {
        let help = self.note.clone().or_else(|| self.reason.help());
        let mut diagnostic = Diagnostic::error(self.span, self.to_string(), help);
        if self.reason.is_about_options() {
            diagnostic.span = None;
        }
        diagnostic
    }
}

impl LowerReason {
    /// Whether it is about the command line, and so about no place of the file.
    fn is_about_options(&self) -> bool {
        matches!(self, Self::Frontend { .. } | Self::CheckOption { .. })
    }

    fn help(&self) -> Option<String> {
        Some(match self {
            Self::UnknownTarget {
                suggestion: Some(suggestion),
                ..
            }
            | Self::ContextStage {
                suggestion: Some(suggestion),
                ..
            } => format!("did you mean {suggestion}?"),
            Self::Unsupported { what, .. } if what == "RUN" => {
                "build another stage with --target, or prepare the files in an image and COPY them"
                    .to_owned()
            }
            Self::FromExpansion => {
                "define a stage, FROM $IMAGE AS name, with a global ARG, and copy from it"
                    .to_owned()
            }
            Self::Frontend { .. } => "leave the argument out, or name docker/dockerfile".to_owned(),
            Self::CheckOption { .. } => {
                "the options are skip=, error= and experimental=".to_owned()
            }
            Self::Mount(error) => return error.help(),
            Self::CopyRemote { .. } => "use ADD".to_owned(),
            Self::Checksum => "remove --checksum, or ADD from a URL".to_owned(),
            Self::ChecksumOfSeveral => "write one ADD for each source".to_owned(),
            Self::ChecksumValue { .. } => {
                "write sha256: and 64 hexadecimal digits, for git the commit's id".to_owned()
            }
            Self::Mode { .. } => {
                "write an octal number up to 7777, or a symbolic mode such as u+x,go-w".to_owned()
            }
            Self::HeredocName { .. } => {
                "the name becomes the file's name, so it may not hold / or be . or ..".to_owned()
            }
            Self::HeredocNotText { name } => format!("quote the name: <<\"{name}\""),
            Self::Path(PathError::DriveAlone { path }) => format!("write {path}\\"),
            Self::Path(PathError::OtherDrive { .. }) => {
                "an image has one drive, C:, and a colon cannot be part of a name".to_owned()
            }
            _ => return None,
        })
    }
}
