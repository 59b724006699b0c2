//! The logical entry: what a tar entry means, both kinds of metadata side by side.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossdock_image::DiffId;

use crate::Timestamp;
use crate::index::Extent;

/// Which system's rules a layer is written by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LayerFormat {
    /// The tar is the root file system.
    Linux,
    /// The root file system lies under `Files/`, metadata in `MSWINDOWS.*` records.
    Windows,
}

impl LayerFormat {
    /// The format of images of `os`; `None` for systems that this program does not know.
    pub fn of_os(os: &str) -> Option<Self> {
        match os {
            "linux" => Some(Self::Linux),
            "windows" => Some(Self::Windows),
            _ => None,
        }
    }

    /// The origin of entries that were made on this system.
    pub fn native(self) -> Origin {
        match self {
            Self::Linux => Origin::Posix,
            Self::Windows => Origin::Win32,
        }
    }
}

/// Which kind of metadata of an entry is original; the other is derived from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// Owner, mode and extended attributes.
    Posix,
    /// Attributes, descriptor and streams.
    Win32,
}

/// A file, directory, link or device, decoded from a layer or about to be written to one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Owner, mode, extended attributes.
    pub posix: PosixMetadata,
    /// Attributes, descriptor, extended attributes of Windows.
    pub win32: Win32Metadata,
    /// Its times.
    pub times: Times,
    /// Which metadata is original.
    pub origin: Origin,
    /// Alternate data streams, by name without `:$DATA`, in the order of the layer.
    pub streams: Vec<Stream>,
    /// `CROSSDOCK.link`: the link text in the system of origin, where translating the present one
    /// would not give it.
    pub original_link: Option<Vec<u8>>,
    /// `CROSSDOCK.mode`: permission bits of a Windows entry that are not zero but equal to those
    /// that zero stands for on Linux.
    pub original_mode: Option<u32>,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A regular file.
    File(Content),
    /// A directory.
    Directory,
    /// A symbolic link or junction, with the text that the layer has.
    Symlink(Vec<u8>),
    /// A character device with major and minor number.
    CharDevice(u32, u32),
    /// A block device with major and minor number.
    BlockDevice(u32, u32),
    /// A named pipe.
    Fifo,
}

impl Kind {
    /// Whether this is a directory.
    pub fn is_directory(&self) -> bool {
        matches!(self, Self::Directory)
    }

    /// Whether this is a symbolic link or junction.
    pub fn is_symlink(&self) -> bool {
        matches!(self, Self::Symlink(_))
    }

    /// The kind in a word, for messages.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Directory => "directory",
            Self::Symlink(_) => "symbolic link",
            Self::CharDevice(..) => "character device",
            Self::BlockDevice(..) => "block device",
            Self::Fifo => "named pipe",
        }
    }
}

/// Where the bytes of a file are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Content {
    /// Here.
    Inline(Arc<[u8]>),
    /// In a layer.
    Layer(LayerContent),
    /// In a file that the caller knows by a number (of a build context).
    External {
        /// The caller's number.
        id: u64,
        /// Size in bytes.
        size: u64,
    },
}

/// The bytes of a file in a layer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LayerContent {
    /// The layer.
    pub layer: DiffId,
    /// Where in its uncompressed tar.
    pub extent: Extent,
    /// Size of the file, holes included.
    pub size: u64,
    /// Segments of a sparse file: offset in the file, length.
    pub sparse: Option<Arc<[(u64, u64)]>>,
    /// BLAKE3 of the content, holes as zeroes.
    pub hash: [u8; 32],
}

impl Content {
    /// An empty file.
    pub fn empty() -> Self {
        Self::Inline(Arc::from([]))
    }

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Inline(bytes) => bytes.len() as u64,
            Self::Layer(content) => content.size,
            Self::External { size, .. } => *size,
        }
    }
}

/// What Linux knows of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct PosixMetadata {
    /// Permission bits with setuid, setgid and sticky, at most 0o7777.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Owner's name, mostly empty.
    pub user: Vec<u8>,
    /// Group's name, mostly empty.
    pub group: Vec<u8>,
    /// Extended attributes with their namespace (`security.capability`).
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// What Windows knows of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Win32Metadata {
    /// FILE_ATTRIBUTE_* bits; `None` if the layer does not say.
    pub attributes: Option<u32>,
    /// Self-relative security descriptor; `None` if the layer has none.
    pub descriptor: Option<Arc<[u8]>>,
    /// A reparse point that is a junction, not a symbolic link.
    pub junction: bool,
    /// Extended attributes: name, and value as the base64 text of the record.
    pub extended: Vec<(Vec<u8>, Vec<u8>)>,
}

/// FILE_ATTRIBUTE_READONLY.
pub const ATTRIBUTE_READONLY: u32 = 0x1;
/// FILE_ATTRIBUTE_HIDDEN.
pub const ATTRIBUTE_HIDDEN: u32 = 0x2;
/// FILE_ATTRIBUTE_SYSTEM.
pub const ATTRIBUTE_SYSTEM: u32 = 0x4;
/// FILE_ATTRIBUTE_DIRECTORY.
pub const ATTRIBUTE_DIRECTORY: u32 = 0x10;
/// FILE_ATTRIBUTE_ARCHIVE.
pub const ATTRIBUTE_ARCHIVE: u32 = 0x20;
/// FILE_ATTRIBUTE_REPARSE_POINT.
pub const ATTRIBUTE_REPARSE_POINT: u32 = 0x400;

/// The times of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Times {
    /// Last change of the content.
    pub modified: Timestamp,
    /// Last access, if recorded.
    pub accessed: Option<Timestamp>,
    /// Last change of metadata, if recorded.
    pub changed: Option<Timestamp>,
    /// Creation, if recorded.
    pub created: Option<Timestamp>,
    /// `CROSSDOCK.mtime`: the modification time before it was cut to what Windows holds.
    pub original_modified: Option<Timestamp>,
}

impl Times {
    /// Only a modification time.
    pub fn at(modified: Timestamp) -> Self {
        Self {
            modified,
            ..Self::default()
        }
    }

    /// Every time at most `limit` (SOURCE_DATE_EPOCH).
    pub fn clamp(self, limit: Timestamp) -> Self {
        let cut = |time: Option<Timestamp>| time.map(|time| time.min(limit));
        Self {
            modified: self.modified.min(limit),
            accessed: cut(self.accessed),
            changed: cut(self.changed),
            created: cut(self.created),
            original_modified: self.original_modified.filter(|time| *time <= limit),
        }
    }
}

/// An alternate data stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stream {
    /// Name without `:$DATA`.
    pub name: Vec<u8>,
    /// Bytes.
    pub content: Content,
}

impl Entry {
    /// An entry of `kind` made on the system of `format` with 0:0 as owner.
    pub fn new(kind: Kind, mode: u32, modified: Timestamp, format: LayerFormat) -> Self {
        Self {
            kind,
            posix: PosixMetadata {
                mode,
                ..PosixMetadata::default()
            },
            win32: Win32Metadata::default(),
            times: Times::at(modified),
            origin: format.native(),
            streams: Vec::new(),
            original_link: None,
            original_mode: None,
        }
    }

    /// What Windows shows as attributes: those of the layer, else what its kind implies.
    pub fn attributes(&self) -> u32 {
        self.win32.attributes.unwrap_or(match &self.kind {
            Kind::Directory => ATTRIBUTE_DIRECTORY,
            Kind::Symlink(_) if self.win32.junction => {
                ATTRIBUTE_REPARSE_POINT | ATTRIBUTE_DIRECTORY
            }
            Kind::Symlink(_) => ATTRIBUTE_REPARSE_POINT | ATTRIBUTE_ARCHIVE,
            _ => ATTRIBUTE_ARCHIVE,
        })
    }
}
