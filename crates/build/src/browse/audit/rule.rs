//! The rules of an audit by name.

/// How bad it is that a rule is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AuditLevel {
    /// Good to know.
    Note,
    /// Something will probably not work.
    Warning,
    /// An importer or a runtime refuses the image, or loses something of it without a word.
    Error,
}

impl AuditLevel {
    /// The level in a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $name:ident $level:ident $advice:literal,)*) => {
        /// A rule of an audit. `docs/audit.md` gives the reasons.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum AuditRule {
            $($(#[doc = $doc])+ $name,)*
        }

        impl AuditRule {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name that options take.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// How bad it is.
            pub fn level(self) -> AuditLevel {
                match self {
                    $(Self::$name => AuditLevel::$level,)*
                }
            }

            /// What was found, in general.
            pub fn description(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),+).trim_ascii(),)*
                }
            }

            /// What to do about it.
            pub fn advice(self) -> &'static str {
                match self {
                    $(Self::$name => $advice,)*
                }
            }
        }
    };
}

rules! {
    // Whether the bytes are those that are named.
    /// A blob is not there.
    MissingBlob Error "copy, push or download the image again",
    /// A blob has other bytes than its digest says.
    DigestMismatch Error "copy, push or download the image again",
    /// A blob has another size than its descriptor says.
    SizeMismatch Error "copy, push or download the image again",
    /// A layer decompresses to something else than the config says.
    DiffIdMismatch Error "build the image again; no runtime unpacks it",
    /// A layer cannot be read to its end.
    DamagedLayer Error "build the image again",
    /// What the store knew of a layer was wrong; it is made again.
    IndexMismatch Warning "nothing; if it happens again, look after the disk",
    /// A media type says another thing than the bytes.
    MediaType Warning "write the manifest again with the right media type",
    /// The layers cannot be put upon each other.
    UnstackableLayer Error "mend the layer that is named; until then no rule about the whole tree is looked at",

    // What the image says of itself.
    /// The index says another platform than the config.
    PlatformMismatch Error "write the index again with the platform of the config",
    /// A Windows image does not say for which version it is.
    MissingOsVersion Warning "build with --platform 'windows(10.0.BUILD)/amd64': without a version every host takes the image, and most cannot start it",
    /// A version of Windows in a form that is compared with nothing.
    OsVersionForm Warning "write it as 10.0.BUILD.REVISION",
    /// The history has another number of steps with a layer than there are layers.
    HistoryCount Warning "build the image again; tools show the wrong instruction for a layer",
    /// A variable, a port, a volume or a working directory that runtimes refuse or misread.
    ConfigForm Warning "correct the instruction",
    /// A Windows image sets PATH, which replaces the one of the registry.
    WindowsPathVariable Note "set PATH with setx in the base, or name the system's folders in it too",
    /// What the image starts is not in it.
    MissingProgram Warning "copy the program, or correct ENTRYPOINT, CMD or HEALTHCHECK",
    /// What the image starts will not run.
    ForeignProgram Error "copy the program that was built for the image's platform",
    /// What the image starts is in no format that Linux knows.
    UnknownProgram Warning "build it for the image's platform, or begin a script with #!",
    /// The user of the image is not one of its users.
    MissingUser Error "add the user to /etc/passwd, or write its number",
    /// The working directory is not there; the runtime makes it, as root.
    MissingWorkingDirectory Note "WORKDIR makes it",

    // What importers of Windows layers demand.
    /// An entry stands before its directory, or the directory is nowhere in the layer.
    LayerOrder Error "write the directories first; importers make none of their own",
    /// A path that the importer of Windows layers refuses, or puts elsewhere.
    WindowsImporterPath Error "all entries lie in Files, Hives or UtilityVM/Files, without drives, .. or backslashes",
    /// A name ends with a slash.
    TrailingSlash Warning "write directories of Windows layers without it: names are compared as they stand",
    /// A name with a colon that is not that of a stream right behind its file.
    StreamOwner Error "encode the colon as U+F03A, or put the stream right behind its file",
    /// A stream's name ends with :$DATA.
    StreamSuffix Warning "leave it out: the classic importer appends it, and would find it twice",
    /// Two entries have one name.
    DuplicateEntry Error "write each name once; importers refuse the second, or keep only one of them",
    /// Names that Windows takes for one.
    CaseCollision Error "rename one; crossdock build does with --on-collision rename",
    /// A directory or file is spelled otherwise than in a lower layer.
    SpellingDiffers Note "Windows keeps the first spelling; tools that compare bytes see two trees",
    /// A name that Windows does not store.
    InvalidName Error "encode the name as docs/format/names.md says; no Windows imports the layer",
    /// A name that Windows takes for a device.
    ReservedName Warning "rename it: programs of Windows cannot open it",
    /// A name ends with a dot or space.
    TrailingDot Warning "rename it: programs of Windows cannot open it",
    /// A whiteout in the base layer.
    WhiteoutInBase Error "leave the file out; importers refuse whiteouts in a base layer",
    /// A whiteout without a name.
    EmptyWhiteout Error "write .wh. and the name",
    /// A whiteout of all that is in a directory, which importers of Windows layers do not know.
    OpaqueWhiteout Error "write a whiteout for each name; as it is, nothing is removed",
    /// A whiteout of a directory before those of what is in it.
    WhiteoutOrder Note "write the whiteouts of what is in it first; importers remove single entries",
    /// A whiteout of nothing.
    WhiteoutOfNothing Note "leave it out",
    /// A name that the same layer removes and states.
    WhiteoutOfOwn Warning "write one of them; readers disagree about which counts",
    /// A hard link to something that is not there, or not a file.
    HardLinkTarget Error "state the file before the link, or in a lower layer, and spell it alike",
    /// A hard link of a Windows layer before its file, or with another spelling.
    HardLinkOrder Warning "write the file first and spell it alike; Windows itself exports such layers, and importers differ about them",
    /// More names of a file than NTFS has room for.
    LinkCount Error "copy the file; NTFS stores 1,024 names of one",
    /// An entry lies behind a link.
    LinkAncestor Error "write the real path: importers of Windows layers refuse to go through links",
    /// An entry lies in something that is no directory.
    ParentNotDirectory Error "correct the path",
    /// A record that importers cannot read.
    BadRecord Error "write the record again; see docs/format/pax.md",
    /// Attributes of another kind of entry.
    AttributeKind Error "0x10 belongs to directories, 0x400 to links",
    /// A time that Windows cannot hold.
    TimeRange Warning "touch the file; crossdock build cuts such times",
    /// A link of another kind than what it leads to.
    LinkKind Warning "links to directories have the attribute 0x10, links to files do not; otherwise programs cannot follow them",
    /// A link's text that Windows does not store or reads otherwise.
    LinkText Warning "write the target as programs in the container see it",
    /// An entry without a security descriptor.
    MissingDescriptor Warning "write MSWINDOWS.rawsd; without it everybody, or nobody, may use the file",
    /// A file of a kind that only Linux has.
    SpecialFile Note "Windows sees an empty file; a container without privileges cannot make a device",
    /// A base layer without the files that Windows cannot do without.
    MissingHive Error "crossdock build makes hives for an image from scratch; others need a base image",
    /// A hive that Windows cannot load.
    DamagedHive Error "take the file from a whole image",
    /// A hive that was not closed after its last change.
    DirtyHive Note "Windows replays its log, if it is there",
    /// A layer without Files or Hives.
    MissingRoots Note "importers expect both directories, empty ones too",
    /// A file of Hives that no importer merges.
    UnknownHive Note "deltas are SYSTEM_DELTA, SOFTWARE_DELTA, SAM_DELTA, SECURITY_DELTA and DEFAULTUSER_DELTA",

    // What docker, containerd, podman and overlayfs demand.
    /// A name that leads out of the layer.
    EscapingName Error "write names relative to the root, with no .. in them",
    /// A name or path that is too long for Linux.
    LongName Error "a name has at most 255 bytes and a path fewer than 4,096",
    /// A directory that a layer uses and does not state, which has its own metadata below.
    ImpliedDirectory Warning "state the directory; docker and podman make it anew with mode 0755 and owner 0:0",
    /// An entry lies behind a link.
    LinkedDirectory Warning "write the real path: containerd goes through the link, docker and podman replace it by a directory, and all that it led to is gone",
    /// A device that overlayfs takes for a whiteout.
    OverlayWhiteout Error "leave it out, or write a whiteout: the file beneath is hidden",
    /// An extended attribute that overlayfs keeps for itself.
    OverlayAttribute Error "remove it: it hides what is beneath, or is lost",

    // Whether it could be an image of Windows.
    /// A name that Windows could not store as it is.
    ForeignName Note "crossdock build encodes it; programs of Windows see another name",
    /// Names that Windows would take for one.
    CasePair Note "rename one, or build with --on-collision rename",

    // Where links lead.
    /// A link leads nowhere.
    DanglingLink Warning "remove the link, or copy what it leads to",
    /// A link leads to what is only there when a container runs, or was left out on purpose.
    UsualLink Note "nothing: documentation was left out, or the runtime brings what is missing",
    /// Links lead in a circle.
    LinkCircle Warning "correct the links",
    /// A link leads out of the image.
    OutsideLink Warning "no container has another drive or server",

    // Whether programs find what they need.
    /// A program or library for another architecture.
    WrongArchitecture Warning "copy the one that was built for the image's architecture",
    /// A program without its loader.
    MissingInterpreter Warning "copy the C library that it was built for, or link it statically",
    /// A script without the program that runs it.
    MissingScriptInterpreter Warning "install the program that its first line names",
    /// A library that is nowhere in the image.
    MissingLibrary Warning "install or copy the library",
    /// A library that is in the image, but not where it is looked for.
    MisplacedLibrary Note "nothing, if the program says itself where it is; else move it, or set the path",
    /// A library that is only needed later, and is nowhere in the image.
    DelayedLibrary Note "nothing, if the program can do without it",
    /// A set of Windows' functions that cannot be looked up.
    ApiSet Note "the base has no apisetschema.dll, which says where the functions are",
    /// A Windows image without the libraries of the system.
    NoSystemLibraries Note "nothing, if it is for host-process containers, which use the host's",
    /// A program that was not looked into to its end.
    UnreadProgram Note "it is too large or damaged",
}
