//! What NTFS knows of a file besides its content, in the bytes that NTFS itself has.
//!
//! Windows gives it through its own calls, Linux through the attributes of ntfs-3g
//! (`system.ntfs_*`). What the bytes mean is not this crate's affair.

use crate::Xattr;

pub(crate) mod extended;

/// The extended attribute by which this program marks what it wrote. A file that has it is asked for
/// its descriptor too.
pub const MARK: &[u8] = b"CROSSDOCK";

/// Times in units of 100 ns since 1601 (FILETIME).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NtfsTimes {
    /// When the file was made.
    pub created: u64,
    /// The last access.
    pub accessed: u64,
    /// The last change of the content.
    pub modified: u64,
    /// The last change of anything. It cannot be set everywhere.
    pub changed: u64,
}

/// What NTFS holds of a file that was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NtfsMetadata {
    /// `FILE_ATTRIBUTE_*` bits.
    pub attributes: u32,
    /// Its times.
    pub times: NtfsTimes,
    /// Extended attributes, as the file has them: name and value. Names are in upper case.
    pub extended: Vec<Xattr>,
    /// The reparse point, whole: tag, length, data.
    pub reparse: Option<Vec<u8>>,
    /// The security descriptor, self-relative, with owner, group and DACL; only of a file with a
    /// [`MARK`].
    pub descriptor: Option<Vec<u8>>,
    /// Alternate streams by name, without the colon and `:$DATA`, and their sizes in bytes.
    pub streams: Vec<NtfsStream>,
}

/// An alternate stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NtfsStream {
    /// Its name, in UTF-8.
    pub name: Vec<u8>,
    /// Its size in bytes.
    pub size: u64,
}

/// What a file on NTFS is given besides its content.
#[derive(Clone, Copy)]
pub struct NtfsEntry<'a> {
    /// `FILE_ATTRIBUTE_*` bits. Those that only the system sets (directory, reparse point, sparse,
    /// compressed, encrypted, offline) are passed over.
    pub attributes: u32,
    /// Its times. Zero leaves a time as it is.
    pub times: NtfsTimes,
    /// The security descriptor, self-relative. It is set whole or not at all: that needs a privilege,
    /// or an owner who may give it. Privileges are never enabled.
    pub descriptor: Option<&'a [u8]>,
    /// The extended attributes. Asked when everything else is set, with what could not be set: so they
    /// can take along what the file itself does not say.
    pub extended: &'a dyn Fn(&[NtfsPart]) -> Vec<Xattr>,
}

/// A part of a file's metadata that could not be set as it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NtfsPart {
    /// Attributes.
    Attributes,
    /// The security descriptor, or reading it back gave other bytes.
    Descriptor,
    /// The reparse point: there is the fallback instead.
    Reparse,
}

/// A reparse point to make. Links of Windows need a privilege, or developer mode; those of WSL do not.
#[derive(Debug, Clone, Copy)]
pub struct ReparsePoint<'a> {
    /// The reparse point, whole: tag, length, data.
    pub data: &'a [u8],
    /// What is made where that one is not allowed.
    pub fallback: Option<&'a [u8]>,
    /// Whether what carries it is a directory.
    pub is_directory: bool,
}

/// Whether a reparse point stands for something else: a link, a junction (name surrogates), or one of
/// WSL's special files. Others only tell where a file's content is.
pub(crate) fn is_stand_in(reparse: &[u8]) -> bool {
    const NAME_SURROGATE: u32 = 0x2000_0000;
    let Some(tag) = reparse.first_chunk() else {
        return false;
    };
    let tag = u32::from_le_bytes(*tag);
    tag & NAME_SURROGATE != 0 || WSL_SPECIAL_FILES.contains(&tag)
}

/// Tags of WSL's sockets, pipes, character and block devices.
pub(crate) const WSL_SPECIAL_FILES: std::ops::RangeInclusive<u32> = 0x8000_0023..=0x8000_0026;

impl std::fmt::Debug for NtfsEntry<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NtfsEntry")
            .field("attributes", &self.attributes)
            .field("times", &self.times)
            .field("descriptor", &self.descriptor)
            .finish_non_exhaustive()
    }
}
