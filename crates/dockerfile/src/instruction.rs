//! The instructions of a Dockerfile as typed values, before expansion.

use crate::heredoc::Heredoc;
use crate::logical::Word;
use crate::parse_error::ParseError;
use crate::span::Span;

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// From the keyword to the end of its last line, with here-documents, without the newline.
    pub span: Span,
    /// The same without the bodies of here-documents.
    pub statement: Span,
    /// The keyword as written.
    pub keyword: Word,
    /// The statement on one line, continuations joined.
    pub text: String,
    /// What it asks for.
    pub kind: InstructionKind,
    /// Its here-documents in order.
    pub heredocs: Vec<Heredoc>,
    /// The comments above it, without `#`.
    pub comments: Vec<String>,
}

impl Instruction {
    /// What a comment above says about the stage or argument `name`: `# NAME DESCRIPTION`.
    pub fn description(&self, name: &str) -> Option<&str> {
        let mut comments = self.comments.iter().filter(|_| !name.is_empty());
        comments.find_map(|comment| comment.strip_prefix(name)?.strip_prefix(' '))
    }
}

/// The instructions of docker/dockerfile:1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstructionKind {
    /// `FROM`
    From(From),
    /// `COPY`
    Copy(Copy),
    /// `ADD`
    Add(Add),
    /// `WORKDIR`
    Workdir(Word),
    /// `ENV`
    Env(Vec<KeyValue>),
    /// `ARG`
    Arg(Vec<ArgDefinition>),
    /// `LABEL`
    Label(Vec<KeyValue>),
    /// `USER`
    User(Word),
    /// `CMD`
    Cmd(CommandLine),
    /// `ENTRYPOINT`
    Entrypoint(CommandLine),
    /// `SHELL`
    Shell(Vec<Word>),
    /// `EXPOSE`
    Expose(Vec<Word>),
    /// `VOLUME`
    Volume(Vec<Word>),
    /// `STOPSIGNAL`
    StopSignal(Word),
    /// `HEALTHCHECK`
    Healthcheck(Healthcheck),
    /// `ONBUILD`
    Onbuild(Onbuild),
    /// `MAINTAINER`
    Maintainer(Word),
    /// `RUN`
    Run(Run),
}

/// `FROM [--platform=P] image [AS name]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct From {
    /// `--platform`
    pub platform: Option<Word>,
    /// An image, a stage or `scratch`.
    pub image: Word,
    /// The stage's name, as written; names are compared without regard to case.
    pub name: Option<Word>,
}

/// `COPY [flags] source… destination`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// `--from`
    pub from: Option<Word>,
    /// `--parents`
    pub parents: bool,
    /// What `ADD` has too.
    pub transfer: Transfer,
}

/// `ADD [flags] source… destination`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Add {
    /// `--checksum`
    pub checksum: Option<Word>,
    /// `--keep-git-dir`
    pub keep_git_dir: Option<bool>,
    /// `--unpack`; without it local archives are unpacked and downloads are not.
    pub unpack: Option<bool>,
    /// What `COPY` has too.
    pub transfer: Transfer,
}

/// What `COPY` and `ADD` have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// `--chown`
    pub chown: Option<Word>,
    /// `--chmod`
    pub chmod: Option<Word>,
    /// `--link`
    pub link: bool,
    /// `--exclude`
    pub exclude: Vec<Word>,
    /// The sources, at least one.
    pub sources: Vec<TransferSource>,
    /// The destination.
    pub destination: Word,
}

/// A source of `COPY` or `ADD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferSource {
    /// A path, URL or git reference.
    Path(Word),
    /// A here-document, by its index in [`Instruction::heredocs`].
    Heredoc(usize),
}

/// `name=value` of `ENV` and `LABEL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyValue {
    /// The name.
    pub key: Word,
    /// The value.
    pub value: Word,
    /// Written `name value`.
    pub legacy: bool,
}

/// `name` or `name=default` of `ARG`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgDefinition {
    /// The name.
    pub name: Word,
    /// The default.
    pub default: Option<Word>,
}

/// A command in exec or shell form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// The strings of the exec form, or at most one word that a shell reads.
    pub words: Vec<Word>,
    /// Whether it is the exec form, a JSON array.
    pub exec: bool,
}

/// `HEALTHCHECK`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Healthcheck {
    /// `HEALTHCHECK NONE`
    Disabled,
    /// `HEALTHCHECK [options] CMD command`; durations in nanoseconds, 0 for the default.
    Command {
        /// The command.
        command: CommandLine,
        /// `--interval`
        interval: u64,
        /// `--timeout`
        timeout: u64,
        /// `--start-period`
        start_period: u64,
        /// `--start-interval`
        start_interval: u64,
        /// `--retries`
        retries: u32,
    },
}

/// `ONBUILD instruction`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Onbuild {
    /// The instruction as text, with its here-documents: what the image config stores.
    pub trigger: String,
    /// The same, parsed. Docker takes a trigger that is no instruction; whoever is based on the
    /// stage gets the error.
    pub instruction: Result<Box<Instruction>, ParseError>,
}

/// `RUN [flags] command`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// `--mount`, `--network`, `--security`, `--device`, in order.
    pub flags: Vec<Flag>,
    /// `--mount`
    pub mounts: Vec<MountFields>,
    /// `--network`
    pub network: Network,
    /// `--security`
    pub security: Security,
    /// `--device`
    pub devices: Vec<Device>,
    /// The command.
    pub command: CommandLine,
}

/// A `--mount`, whose values are not expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountFields {
    /// `key=value` or `key`.
    pub fields: Vec<String>,
    /// Where it stands.
    pub span: Span,
}

/// Which network a `RUN` has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Network {
    /// Its own.
    #[default]
    Default,
    /// None.
    None,
    /// The host's.
    Host,
}

/// What a `RUN` may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Security {
    /// What containers may do.
    #[default]
    Sandbox,
    /// Everything.
    Insecure,
}

/// A device of a `RUN` (CDI).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// Without it the `RUN` fails.
    pub required: bool,
}

/// A flag of `RUN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The name without dashes.
    pub name: String,
    /// The value after `=`.
    pub value: Option<String>,
    /// Where it stands.
    pub span: Span,
}

impl InstructionKind {
    /// The keyword in upper case.
    pub fn keyword(&self) -> &'static str {
        match self {
            Self::From(_) => "FROM",
            Self::Copy(_) => "COPY",
            Self::Add(_) => "ADD",
            Self::Workdir(_) => "WORKDIR",
            Self::Env(_) => "ENV",
            Self::Arg(_) => "ARG",
            Self::Label(_) => "LABEL",
            Self::User(_) => "USER",
            Self::Cmd(_) => "CMD",
            Self::Entrypoint(_) => "ENTRYPOINT",
            Self::Shell(_) => "SHELL",
            Self::Expose(_) => "EXPOSE",
            Self::Volume(_) => "VOLUME",
            Self::StopSignal(_) => "STOPSIGNAL",
            Self::Healthcheck(_) => "HEALTHCHECK",
            Self::Onbuild(_) => "ONBUILD",
            Self::Maintainer(_) => "MAINTAINER",
            Self::Run(_) => "RUN",
        }
    }
}
