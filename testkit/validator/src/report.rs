//! What a validation says.

use std::fmt;

macro_rules! rules {
    ($( $(#[doc = $doc:literal])+ $name:ident = $text:literal, )+) => {
        /// A rule that a layer can break.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Rule {
            $( $(#[doc = $doc])+ $name, )+
        }

        impl Rule {
            /// Every rule, in the order of their definition.
            pub const ALL: &'static [Rule] = &[$(Rule::$name),+];

            /// The rule's name on the command line and in messages.
            pub fn name(self) -> &'static str {
                match self { $(Rule::$name => $text),+ }
            }
        }
    };
}

rules! {
    /// The sum of a header's bytes is the one that it states.
    HeaderChecksum = "header-checksum",
    /// A header is POSIX ustar: magic, octal numbers, no content where a kind has none.
    Header = "header",
    /// The stream ends only after the end of the archive.
    Truncated = "truncated",
    /// Two blocks of zeros end the archive and nothing follows them.
    EndOfArchive = "end-of-archive",
    /// Content is padded with zeros.
    Padding = "padding",
    /// An extended header is a list of `length key=value\n` and precedes an entry; its values
    /// agree with the header that it extends.
    PaxRecord = "pax-record",
    /// The extended headers of one entry are at most 1,000,000 bytes; Go's `archive/tar` refuses
    /// more than 1 MiB.
    PaxSize = "pax-size",
    /// No global header: hcsshim would make a file of it.
    PaxGlobal = "pax-global",
    /// Only files, hard links, symlinks, directories, devices and fifos.
    Typeflag = "typeflag",
    /// Windows layers have `Files`, `Hives` and `UtilityVM/Files` on top and nothing else; a
    /// Linux path has no leading `./` or `/`.
    TopLevel = "top-level",
    /// Names stay inside: no absolute name, `.`, `..`, empty component, drive or backslash.
    Containment = "containment",
    /// Names are UTF-8 without characters that NTFS refuses.
    NameCharacter = "name-character",
    /// A component has at most 255 UTF-16 units, a path at most 32,767.
    NameLength = "name-length",
    /// A colon stands only in `owner:stream` right after the owner.
    Stream = "stream",
    /// Windows: directories have no trailing slash, since `UtilityVM` is compared exactly.
    /// Linux: they have one.
    TrailingSlash = "trailing-slash",
    /// A directory's entry stands before its children's: the importer makes no directories.
    Parent = "parent",
    /// No entry lies below a link or a file, in this layer or in a parent: importers open with
    /// `OBJ_DONT_REPARSE`.
    Ancestor = "ancestor",
    /// One entry for each path.
    Duplicate = "duplicate",
    /// No two paths that differ only in letter case.
    CaseVariant = "case-variant",
    /// Entries are sorted: by bytes of the path, or by bytes of its components.
    Order = "order",
    /// What a parent layer has is spelled as it is there.
    BaseSpelling = "base-spelling",
    /// `Hives`, then `Files` come first.
    RootOrder = "root-order",
    /// A hard link's target is an entry of this layer or of a parent.
    HardLinkTarget = "hard-link-target",
    /// A hard link's target precedes the link.
    HardLinkForward = "hard-link-forward",
    /// A hard link's target is spelled as the entry is: hcsshim looks it up in a Go map.
    HardLinkSpelling = "hard-link-spelling",
    /// A hard link's target is a file: `LinkRelative` opens it without following reparse points.
    HardLinkKind = "hard-link-kind",
    /// NTFS allows 1,024 names of a file, so 1,023 links.
    HardLinkCount = "hard-link-count",
    /// Hard links and their targets lie under `Files/` or `UtilityVM/Files/`.
    HardLinkRoot = "hard-link-root",
    /// A base layer has no whiteouts, and whiteouts lie under `Files/` or `UtilityVM/Files/`.
    Whiteout = "whiteout",
    /// `.wh..wh.*` is a marker of aufs and overlay that Windows takes for a name.
    WhiteoutOpaque = "whiteout-opaque",
    /// `.wh.` removes nothing.
    WhiteoutEmpty = "whiteout-empty",
    /// A whiteout stands before its siblings, and a directory's after those of its children.
    WhiteoutOrder = "whiteout-order",
    /// A whiteout removes what a parent has.
    WhiteoutTarget = "whiteout-target",
    /// A directory's whiteout comes with whiteouts of all its children: tombstones delete one
    /// entry each.
    WhiteoutChildren = "whiteout-children",
    /// `MSWINDOWS.fileattr` is there and agrees with the entry's kind.
    FileAttributes = "file-attributes",
    /// `MSWINDOWS.rawsd` is there and is a valid self-relative descriptor.
    Descriptor = "descriptor",
    /// `MSWINDOWS.xattr.*` fit into an EA buffer.
    ExtendedAttribute = "extended-attribute",
    /// Creation, access and change times are there and written canonically.
    Time = "time",
    /// Times lie within what the importer can compute with (1678 to 2262).
    TimeRange = "time-range",
    /// Link text is native: backslashes, no refused characters, no `Files\` prefix.
    LinkText = "link-text",
    /// A symlink has the directory attribute if and only if its target is a directory.
    LinkKind = "link-kind",
    /// A junction has an absolute target and the attributes of a directory link.
    MountPoint = "mount-point",
    /// A layer has a `Files` directory, a base layer's has a descriptor.
    Files = "files",
    /// Hives are where they must be and valid.
    Hive = "hive",
    /// A utility VM has a boot configuration.
    UtilityVm = "utility-vm",
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The rules that layers exported by Windows itself break now and then, so that readers have to
/// cope, but that an encoder has to keep.
pub const EXPORT_TOLERATED: &[Rule] = &[
    Rule::RootOrder,
    Rule::BaseSpelling,
    Rule::HardLinkForward,
    Rule::HardLinkSpelling,
    Rule::WhiteoutChildren,
];

/// One breach of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The entry, as the tar spells it; empty for the archive as a whole.
    pub path: String,
    /// The rule that is broken.
    pub rule: Rule,
    /// What is wrong, in words.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() {
            "(archive)"
        } else {
            &self.path
        };
        write!(f, "{path:?}: {}: {}", self.rule, self.message)
    }
}

/// The kinds of entries that later layers can refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// A regular file, or a device or fifo, which Windows sees as an empty file.
    File,
    /// A symlink without the directory attribute.
    FileLink,
    /// A symlink with the directory attribute, or a junction.
    DirectoryLink,
    /// A hard link.
    HardLink,
    /// A whiteout; its path is that of what it removes.
    Whiteout,
    /// An alternate data stream.
    Stream,
}

/// An entry of a validated layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntrySummary {
    /// The path, without a trailing slash; for a whiteout the path that it removes.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// The target of a link, as the tar spells it.
    pub target: Option<String>,
}

/// The result of a validation.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// All breaches, in the order in which they were found.
    pub problems: Vec<Problem>,
    /// The entries that could be read, for [`crate::Parents`].
    pub entries: Vec<EntrySummary>,
}

impl Report {
    pub(crate) fn add(&mut self, path: &str, rule: Rule, message: impl Into<String>) {
        self.problems.push(Problem {
            path: path.to_owned(),
            rule,
            message: message.into(),
        });
    }
}
