//! What can be wrong with the syntax of a Dockerfile.

use crate::diagnostic::Diagnostic;
use crate::span::Span;

/// Bytes that are not a Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct ParseError {
    /// Where.
    pub span: Span,
    /// What is wrong.
    pub reason: ParseReason,
}

/// Why bytes are not a Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseReason {
    /// An instruction that is not UTF-8.
    #[error("the instruction is not valid UTF-8")]
    NotUtf8,
    /// A line that docker does not take either.
    #[error("the line is longer than {limit} bytes")]
    LineTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// `# syntax=` names a frontend that is not built in.
    #[error("the frontend {frontend:?} is not available: only docker/dockerfile is built in")]
    Frontend {
        /// The frontend.
        frontend: String,
    },
    /// The same directive twice.
    #[error("the parser directive {name} is given twice")]
    DuplicateDirective {
        /// Its name.
        name: &'static str,
    },
    /// `# escape=` with something else than a backslash or a backtick.
    #[error("invalid escape character {value:?}")]
    Escape {
        /// The value.
        value: String,
    },
    /// `# check=` with an option that does not exist.
    #[error("invalid check option {option:?}")]
    Check {
        /// The option.
        option: String,
    },
    /// No instruction at all.
    #[error("the file has no instructions")]
    Empty,
    /// A word where an instruction should be.
    #[error("unknown instruction: {name}")]
    UnknownInstruction {
        /// The word.
        name: String,
        /// A similar instruction.
        suggestion: Option<&'static str>,
    },
    /// A flag that the instruction does not have.
    #[error("{instruction} has no flag --{flag}")]
    UnknownFlag {
        /// The instruction.
        instruction: String,
        /// The flag.
        flag: String,
        /// A similar flag.
        suggestion: Option<&'static str>,
        /// All flags of the instruction.
        known: &'static [&'static str],
    },
    /// A flag twice.
    #[error("the flag --{flag} is given twice")]
    DuplicateFlag {
        /// The flag.
        flag: String,
    },
    /// A flag that needs a value has none.
    #[error("the flag --{flag} needs a value")]
    MissingValue {
        /// The flag.
        flag: String,
    },
    /// A flag that is true or false has another value.
    #[error("the flag --{flag} is true or false, not {value:?}")]
    NotBoolean {
        /// The flag.
        flag: String,
        /// The value.
        value: String,
    },
    /// A flag that has some values only.
    #[error("--{flag}: {value:?} is not {expected}")]
    FlagValue {
        /// The flag.
        flag: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// A flag whose value is not a list with commas.
    #[error("{value:?} is not a list with commas: {reason}")]
    Csv {
        /// The value.
        value: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// `from` of a mount with a variable.
    #[error("variables are not expanded in from= of a mount")]
    MountFromExpansion,
    /// Too few or too many arguments.
    #[error("{instruction} needs {expected}")]
    Arguments {
        /// The instruction.
        instruction: String,
        /// What it needs.
        expected: &'static str,
    },
    /// A JSON array that holds something else than strings.
    #[error("an argument list in JSON form may hold strings only")]
    NotStrings,
    /// A word of `ENV` or `LABEL` without `=`.
    #[error("{word:?} is not of the form name=value")]
    NotKeyValue {
        /// The word.
        word: String,
    },
    /// Nothing before `=`.
    #[error("{instruction}: a name is empty")]
    EmptyName {
        /// The instruction.
        instruction: String,
    },
    /// The file ends inside a here-document.
    #[error("the here-document {name} is not terminated")]
    UnterminatedHeredoc {
        /// Its name.
        name: String,
    },
    /// A here-document as destination.
    #[error("{instruction} cannot have a here-document as destination")]
    HeredocDestination {
        /// The instruction.
        instruction: String,
    },
    /// A stage name that is not one.
    #[error("invalid stage name {name:?}")]
    StageName {
        /// The name.
        name: String,
    },
    /// An instruction that cannot be a trigger.
    #[error("{instruction} cannot be an ONBUILD trigger")]
    Trigger {
        /// The instruction.
        instruction: &'static str,
    },
    /// Something else than an instruction where exactly one is expected.
    #[error("an ONBUILD trigger of a base image is exactly one instruction")]
    NotOneInstruction,
    /// `SHELL` without JSON.
    #[error("SHELL takes its arguments in JSON form")]
    ShellForm,
    /// An instruction other than `ARG` before the first `FROM`.
    #[error("{instruction} stands before the first FROM")]
    BeforeFrom {
        /// The instruction.
        instruction: &'static str,
    },
    /// `HEALTHCHECK` with something else than `CMD` or `NONE`.
    #[error("HEALTHCHECK is followed by CMD or NONE, not {word:?}")]
    HealthcheckKind {
        /// The word.
        word: String,
    },
    /// A value that is not a duration.
    #[error("{value:?} is not a duration of at least a millisecond")]
    Duration {
        /// The value.
        value: String,
    },
    /// A value that is not a count.
    #[error("{value:?} is not a count")]
    Count {
        /// The value.
        value: String,
    },
}

impl ParseError {
    /// As a message with a place.
    pub fn diagnostic(&self) -> Diagnostic {
        Diagnostic::error(self.span, self.to_string(), self.reason.help())
    }
}

impl ParseReason {
    /// Whether BuildKit finds it when it cuts lines into words, and so in an `ONBUILD` that is
    /// never triggered too. What else is wrong with a trigger it finds when it is triggered.
    pub(crate) fn is_about_lines(&self) -> bool {
        matches!(
            self,
            Self::NotUtf8
                | Self::NotStrings
                | Self::NotKeyValue { .. }
                | Self::Trigger { .. }
                | Self::UnterminatedHeredoc { .. }
        )
    }

    fn help(&self) -> Option<String> {
        match self {
            Self::Frontend { .. } => Some("remove the line, or name docker/dockerfile".to_owned()),
            Self::LineTooLong { .. } => {
                Some("cut it with an escape character at the end of lines".to_owned())
            }
            Self::MountFromExpansion => Some(
                "define a stage, FROM $IMAGE AS name, with a global ARG, and mount from it"
                    .to_owned(),
            ),
            Self::Escape { .. } => Some("write # escape=\\ or # escape=`".to_owned()),
            Self::Check { .. } => {
                Some("the options are skip=, error= and experimental=".to_owned())
            }
            Self::UnknownInstruction {
                suggestion: Some(suggestion),
                ..
            } => Some(format!("did you mean {suggestion}?")),
            Self::UnknownFlag {
                suggestion, known, ..
            } => {
                let list = known
                    .iter()
                    .map(|flag| format!("--{flag}"))
                    .collect::<Vec<_>>()
                    .join(", ");
                let all = match known.is_empty() {
                    true => "this instruction has no flags".to_owned(),
                    false => format!("the flags are {list}"),
                };
                Some(match suggestion {
                    Some(suggestion) => format!("did you mean --{suggestion}? {all}"),
                    None => all,
                })
            }
            Self::UnterminatedHeredoc { name } => Some(format!(
                "end it with a line that holds {name} and nothing else"
            )),
            Self::StageName { .. } => Some(
                "a name starts with a letter and goes on with letters, digits, - _ and ."
                    .to_owned(),
            ),
            Self::ShellForm => Some("for example SHELL [\"/bin/bash\", \"-c\"]".to_owned()),
            Self::BeforeFrom { .. } => Some("only ARG may stand there".to_owned()),
            Self::Duration { .. } => Some("for example 30s, 1m30s or 500ms".to_owned()),
            _ => None,
        }
    }
}
