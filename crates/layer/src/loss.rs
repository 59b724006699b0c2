//! What a copy between systems could not keep.

use std::fmt;

/// Something that a round trip would not give back.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Loss {
    /// What is lost.
    pub kind: LossKind,
    /// The path in the image that receives the entry.
    pub path: String,
    /// More, for this entry; may be empty.
    pub detail: String,
}

/// The kinds of losses; they are listed by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LossKind {
    /// A socket, which no layer can hold.
    Socket,
    /// A file that was left out because another one has its name but for case.
    Collision,
    /// An alternate stream or other metadata that is too large for a header.
    Oversized,
    /// Hard links that became files of their own.
    HardLink,
    /// An extended attribute whose name cannot be written to a header.
    AttributeName,
    /// An alternate stream of a file of a context.
    Stream,
    /// A reparse point that is neither a link nor one of WSL's special files.
    ReparsePoint,
}

impl fmt::Display for LossKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Socket => "sockets, which a layer cannot hold",
            Self::Collision => "files left out because another one has the same name but for case",
            Self::Oversized => "metadata that does not fit a tar header (1,000,000 bytes in all)",
            Self::HardLink => "hard links that became separate files (Windows allows 1,024 names of a file and one of a \
                 symbolic link)",
            Self::AttributeName => "extended attributes whose names a tar header cannot hold",
            Self::Stream => "alternate streams of the context, which are not copied",
            Self::ReparsePoint => "reparse points that only programs of Windows understand",
        })
    }
}

/// Something that the user should know and that loses nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Note {
    /// The path in the image.
    pub path: String,
    /// What.
    pub text: String,
}
