//! The keys of PAX records that carry metadata (`docs/format/pax.md`).

pub(crate) const ATTRIBUTES: &[u8] = b"MSWINDOWS.fileattr";
pub(crate) const DESCRIPTOR: &[u8] = b"MSWINDOWS.rawsd";
pub(crate) const DESCRIPTOR_TEXT: &[u8] = b"MSWINDOWS.sd";
pub(crate) const JUNCTION: &[u8] = b"MSWINDOWS.mountpoint";
pub(crate) const EXTENDED: &[u8] = b"MSWINDOWS.xattr.";
pub(crate) const CREATED: &[u8] = b"LIBARCHIVE.creationtime";
pub(crate) const ACCESSED: &[u8] = b"atime";
pub(crate) const CHANGED: &[u8] = b"ctime";
pub(crate) const XATTR: &[u8] = b"SCHILY.xattr.";
pub(crate) const ORIGIN: &[u8] = b"CROSSDOCK.origin";
pub(crate) const NAME: &[u8] = b"CROSSDOCK.name";
pub(crate) const LINK: &[u8] = b"CROSSDOCK.link";
pub(crate) const MODIFIED: &[u8] = b"CROSSDOCK.mtime";
pub(crate) const MODE: &[u8] = b"CROSSDOCK.mode";
pub(crate) const STREAM: &[u8] = b"CROSSDOCK.stream.";

/// POSIX' own record, which layers have in the header.
pub(crate) const PAX_MODIFIED: &[u8] = b"mtime";
/// On NTFS only: which parts of a file could not be set.
pub(crate) const UNSET: &[u8] = b"CROSSDOCK.unset";
