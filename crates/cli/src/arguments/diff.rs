//! `crossdock diff`.

use clap::{Args, ValueEnum};
use crossdock_build::DiffTopic;

use crate::arguments::parse_size;
use crate::image::{IMAGES, PlaceOptions};
use crate::out::FormatOption;

/// Show what two images differ in
///
/// Files and configs are compared, without reading the files: the layers' indexes have a hash of
/// each.
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  crossdock diff app:1.0 app:1.1
  crossdock diff app:1.0 app:1.1 /etc --content
  crossdock diff app:1.0:/srv/www app:1.1:/var/www
  crossdock diff --ignore metadata linux-app windows-app
  crossdock diff --platform linux/amd64 --platform linux/arm64 app:1.1
  crossdock diff --layer 3 app:1.1

Lines begin with A for what is added, D removed, M changed and in what, R renamed.
Between systems names are compared as they would be on Linux, then without regard to case, and
what only one system knows is not compared; a note tells how much that is.
With one IMAGE, after two --platform or --layer, further arguments are paths in it; they begin
with / or \\ or a drive.

Exit codes: 0 whether there are differences or not; with --exit-code 1 if there are

{IMAGES}"))]
pub(crate) struct Diff {
    /// Image, or IMAGE:PATH
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,

    /// The image that it is compared with, and paths to which the comparison is limited
    #[arg(value_name = "IMAGE] [PATH")]
    pub(crate) more: Vec<String>,

    /// What a layer has changed in the layers beneath it: its number from 1 for the lowest, or
    /// the beginning of its digest
    #[arg(long, value_name = "LAYER", conflicts_with = "config")]
    pub(crate) layer: Option<String>,

    /// Differences that do not count
    #[arg(long, value_enum, value_delimiter = ',', value_name = "FIELD,...")]
    pub(crate) ignore: Vec<Ignored>,

    /// The same as --ignore times
    #[arg(long)]
    pub(crate) no_times: bool,

    /// List everything in directories that were added or removed
    #[arg(short = 'R', long)]
    pub(crate) all: bool,

    /// Tell what has moved as removed and added
    #[arg(long)]
    pub(crate) no_renames: bool,

    /// Print only paths
    #[arg(long, conflicts_with_all = ["content", "format"])]
    pub(crate) name_only: bool,

    /// Print the differences of text files; lists everything, as -R
    #[arg(long)]
    pub(crate) content: bool,

    /// Lines around each difference of a text
    #[arg(
        short = 'U',
        long,
        value_name = "N",
        default_value_t = 3,
        requires = "content"
    )]
    pub(crate) unified: u32,

    /// Largest file whose text is compared
    #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value = "1MiB", requires = "content")]
    pub(crate) content_limit: u64,

    /// Compare the configs too [default, unless paths or a layer are asked for]
    #[arg(long, overrides_with = "no_config")]
    pub(crate) config: bool,

    /// Do not compare the configs
    #[arg(long, overrides_with = "config")]
    pub(crate) no_config: bool,

    /// Exit with 1 if there are differences
    #[arg(long)]
    pub(crate) exit_code: bool,

    #[command(flatten)]
    pub(crate) format: FormatOption,

    /// Which image of an index, such as windows(10.0.20348)/amd64; given twice, which of the first
    /// and which of the second [default: the only one, or the one for linux on this machine's
    /// architecture]
    #[arg(long, value_name = "PLATFORM")]
    pub(crate) platform: Vec<String>,

    #[command(flatten)]
    pub(crate) places: PlaceOptions,
}

/// Differences that do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ignored {
    /// All times
    #[value(alias = "time")]
    Times,
    /// Times of last access and of the last change of metadata
    MinorTimes,
    /// Owner and group
    Owner,
    /// Permission bits
    Mode,
    /// Extended attributes of Linux
    Xattrs,
    /// File attributes of Windows
    Attributes,
    /// Security descriptors
    Descriptor,
    /// Extended attributes of Windows
    Eas,
    /// Alternate data streams
    Streams,
    /// Which names are names of one file
    HardLinks,
    /// Upper and lower case of names
    Case,
    /// Which system's metadata is original
    Origin,
    /// Texts of links
    Link,
    /// Bytes of files
    Content,
    /// Device numbers
    Device,
    /// All that is not what an entry is and has in it: times, owner, mode, xattrs, attributes,
    /// descriptor, eas, hard-links, case, origin
    Metadata,
}

impl Ignored {
    /// What does not count.
    pub(crate) fn topics(self) -> &'static [DiffTopic] {
        match self {
            Self::Times => &[DiffTopic::Time],
            Self::MinorTimes => &[DiffTopic::MinorTimes],
            Self::Owner => &[DiffTopic::Owner],
            Self::Mode => &[DiffTopic::Mode],
            Self::Xattrs => &[DiffTopic::Xattrs],
            Self::Attributes => &[DiffTopic::Attributes],
            Self::Descriptor => &[DiffTopic::Descriptor],
            Self::Eas => &[DiffTopic::ExtendedAttributes],
            Self::Streams => &[DiffTopic::Streams],
            Self::HardLinks => &[DiffTopic::HardLinks],
            Self::Case => &[DiffTopic::Name],
            Self::Origin => &[DiffTopic::Origin],
            Self::Link => &[DiffTopic::Link],
            Self::Content => &[DiffTopic::Content],
            Self::Device => &[DiffTopic::Device],
            Self::Metadata => &DiffTopic::METADATA,
        }
    }
}
