//! The checks by name. Those of docker's linter have its names, texts and addresses (BuildKit,
//! frontend/dockerfile/linter/ruleset.go).

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $text:literal $path:literal $description:literal,)*) => {
        /// A check with a name. Names that docker's linter has mean the same here.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $($(#[$doc])* $name,)*
        }

        impl Rule {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name that `# check=skip=` takes.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// What the check is about, in general.
            pub fn description(self) -> &'static str {
                match self {
                    $(Self::$name => $description,)*
                }
            }

            /// The last part of the address of docker's page about it.
            fn page(self) -> &'static str {
                match self {
                    $(Self::$name => $path,)*
                }
            }
        }
    };
}

rules! {
    /// Stage names should be lower case.
    StageNameCasing = "StageNameCasing" "stage-name-casing"
        "Stage names should be lowercase",
    /// `as` should be written in the case of `from`.
    FromAsCasing = "FromAsCasing" "from-as-casing"
        "The 'as' keyword should match the case of the 'from' keyword",
    /// An empty line inside a continued instruction.
    NoEmptyContinuation = "NoEmptyContinuation" "no-empty-continuation"
        "Empty continuation lines will become errors in a future release",
    /// Instructions should all be upper or all lower case.
    ConsistentInstructionCasing = "ConsistentInstructionCasing" "consistent-instruction-casing"
        "All commands within the Dockerfile should use the same casing (either upper or lower)",
    /// Two stages have one name.
    DuplicateStageName = "DuplicateStageName" "duplicate-stage-name"
        "Stage names should be unique",
    /// A stage is called `scratch` or `context`.
    ReservedStageName = "ReservedStageName" "reserved-stage-name"
        "Reserved words should not be used as stage names",
    /// `CMD` or `ENTRYPOINT` in shell form does not pass signals on.
    JsonArgsRecommended = "JSONArgsRecommended" "json-args-recommended"
        "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals",
    /// `MAINTAINER` is deprecated.
    MaintainerDeprecated = "MaintainerDeprecated" "maintainer-deprecated"
        "The MAINTAINER instruction is deprecated, use a label instead to define an image author",
    /// `FROM` uses an argument that no `ARG` before it declares.
    UndefinedArgInFrom = "UndefinedArgInFrom" "undefined-arg-in-from"
        "FROM command must use declared ARGs",
    /// A relative `WORKDIR` depends on the base image.
    WorkdirRelativePath = "WorkdirRelativePath" "workdir-relative-path"
        "Relative workdir without an absolute workdir declared within the build can have unexpected results if the base image changes",
    /// A variable is used that is not set.
    UndefinedVar = "UndefinedVar" "undefined-var"
        "Variables should be defined before their use",
    /// Only the last `CMD`, `ENTRYPOINT` or `HEALTHCHECK` of a stage counts.
    MultipleInstructionsDisallowed = "MultipleInstructionsDisallowed"
        "multiple-instructions-disallowed"
        "Multiple instructions of the same type should not be used in the same stage",
    /// `ENV name value` instead of `ENV name=value`.
    LegacyKeyValueFormat = "LegacyKeyValueFormat" "legacy-key-value-format"
        "Legacy key/value format with whitespace separator should not be used",
    /// The base image is for another platform than was asked for.
    InvalidBaseImagePlatform = "InvalidBaseImagePlatform" ""
        "Base image platform does not match expected target platform",
    /// `--platform=$TARGETPLATFORM` is the default.
    RedundantTargetPlatform = "RedundantTargetPlatform" "redundant-target-platform"
        "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior",
    /// The name of an argument or variable sounds like a secret, which would stay in the image.
    SecretsUsedInArgOrEnv = "SecretsUsedInArgOrEnv" "secrets-used-in-arg-or-env"
        "Sensitive data should not be used in the ARG or ENV commands",
    /// Without `--build-arg`, `FROM` names no image.
    InvalidDefaultArgInFrom = "InvalidDefaultArgInFrom" "invalid-default-arg-in-from"
        "Default value for global ARG results in an empty or invalid base image name",
    /// `--platform` of `FROM` is always the same platform.
    FromPlatformFlagConstDisallowed = "FromPlatformFlagConstDisallowed"
        "from-platform-flag-const-disallowed"
        "FROM --platform flag should not use a constant value",
    /// `.dockerignore` leaves out what `COPY` or `ADD` name.
    CopyIgnoredFile = "CopyIgnoredFile" "copy-ignored-file"
        "Attempting to Copy file that is excluded by .dockerignore",
    /// The comment above a stage or argument does not describe it. Only if
    /// `# check=experimental=` asks for it.
    InvalidDefinitionDescription = "InvalidDefinitionDescription" "invalid-definition-description"
        "Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. If this is not intended to be a description comment, add an empty line or comment between the instruction and the comment.",
    /// The protocol of `EXPOSE` should be lower case.
    ExposeProtoCasing = "ExposeProtoCasing" "expose-proto-casing"
        "Protocol in EXPOSE instruction should be lowercase",
    /// `EXPOSE` with a host address or host port.
    ExposeInvalidFormat = "ExposeInvalidFormat" "expose-invalid-format"
        "IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error in a future release",
    /// A `\` at the end of a line may be a path's, but continues the instruction (our own).
    TrailingBackslash = "TrailingBackslash" ""
        "A backslash that ends a Windows path continues the instruction on the next line",
    /// A `\` in a Windows path is taken as the escape character (our own).
    BackslashEscapes = "BackslashEscapes" ""
        "Backslashes of Windows paths vanish unless the escape character is another",
    /// `ONBUILD` with something that is no instruction (our own).
    InvalidTrigger = "InvalidTrigger" ""
        "A trigger should be an instruction",
    /// A `--build-arg` that no `ARG` takes (our own).
    UnusedBuildArg = "UnusedBuildArg" ""
        "Build arguments should be declared by an ARG",
    /// A Windows image from scratch without a version fails to start on most hosts (our own).
    WindowsVersionMissing = "WindowsVersionMissing" ""
        "A Windows image from scratch needs a version",
    /// An instruction that has no effect on Windows (our own).
    IgnoredOnWindows = "IgnoredOnWindows" ""
        "Some instructions have no effect on Windows",
    /// `ENV PATH` hides the `PATH` that Windows has in its registry (our own).
    WindowsPathVariable = "WindowsPathVariable" ""
        "A PATH variable of a Windows image replaces the one in its registry",
    /// A name that Windows does not take (our own).
    WindowsInvalidName = "WindowsInvalidName" ""
        "Windows refuses some names, or changes them",
    /// Two names differ only in case, so on Windows they are one (our own).
    CaseClash = "CaseClash" ""
        "Names that differ only in case are one name on Windows",
    /// A command or a shell is a program of another system (our own).
    ForeignProgram = "ForeignProgram" ""
        "Programs of one system do not run on another",
    /// A file that the image starts will not run there (our own; known only when it is built).
    ExecutableFormat = "ExecutableFormat" ""
        "The program that an image starts should be one for its system and architecture",
}

impl Rule {
    /// The rule of a name, without regard to case.
    pub fn from_name(name: &str) -> Option<Self> {
        let mut rules = Self::ALL.iter().copied();
        rules.find(|rule| rule.name().eq_ignore_ascii_case(name))
    }

    /// Where docker describes it; `None` for our own.
    pub fn url(self) -> Option<String> {
        let page = self.page();
        let base = "https://docs.docker.com/go/dockerfile/rule";
        (!page.is_empty()).then(|| format!("{base}/{page}/"))
    }

    /// Whether docker has it too.
    pub fn is_dockers(self) -> bool {
        // Docker has no page about this one.
        self.url().is_some() || self == Self::InvalidBaseImagePlatform
    }

    /// Whether it speaks only if `# check=experimental=` asks for it.
    pub fn is_experimental(self) -> bool {
        self == Self::InvalidDefinitionDescription
    }
}
