//! What a container layer contains, for either operating system: pure, no files and no network.
//!
//! The only crate that knows tar, PAX, the two encodings, security descriptors and whiteouts. The
//! formats are specified in `docs/format/`.

mod attributes;
mod checkpoints;
mod codec;
mod compression;
mod descriptor;
mod edit;
mod entry;
mod executable;
mod hive;
mod index;
mod loss;
mod mode;
mod names;
mod ntfs;
mod record_check;
mod record_keys;
mod scan;
mod sealed;
mod tar;
#[cfg(test)]
mod testing;
mod time;
mod translate;
mod tree;

pub use attributes::attribute_names;
pub use checkpoints::{Checkpoints, CheckpointsError, Point};
pub use compression::{
    ArchiveCompression, ArchiveReader, Codec, Compression, DEFAULT_GZIP_LEVEL, DEFAULT_ZSTD_LEVEL,
    Decompressor, GzipWriter, LayerWriter, LevelError, ZstdWriter,
};
pub use descriptor::{
    Ace, Acl, AclTooLarge, DescriptorError, DescriptorParts, SddlError, SddlProblem,
    SecurityDescriptor, Sid, SidError, ace, chown_descriptor, control, default_directory,
    default_file, inherit, resolve_account,
};
pub use edit::{
    CollisionPolicy, CopyOptions, EditError, Gathered, GatheredEntry, LayerEdit, LayerPlan, Manner,
    Matcher, Owner, Part, PlannedEntry, SelectError, Selected, WriteError, answer, select,
    show_path,
};
pub use entry::{
    ATTRIBUTE_ARCHIVE, ATTRIBUTE_DIRECTORY, ATTRIBUTE_HIDDEN, ATTRIBUTE_READONLY,
    ATTRIBUTE_REPARSE_POINT, ATTRIBUTE_SYSTEM, Content, Entry, Kind, LayerContent, LayerFormat,
    Origin, PosixMetadata, Stream, Times, Win32Metadata,
};
pub use executable::{Elf, ElfDynamic, Executable, Pe, PeImports};
pub use hive::{HIVES, HiveError, HiveHeader, blank_hive};
pub use index::{Extent, IndexError, IndexWriter, LayerIndex, RawEntry};
pub use loss::{Loss, LossKind, Note};
pub use mode::{Clause, ModeChange};
pub use names::{
    MAX_LINUX_BYTES, MAX_WINDOWS_UNITS, WindowsNameError, check_windows_component,
    decode_component, decode_path, encode_component, encode_path, eq_ignore_case, is_rename_of,
    is_reserved_device, is_shortening_of, link_to_linux, link_to_windows, rename_collision,
    shorten_for_linux, upcase, utf16_len,
};
pub use ntfs::{
    NtfsAttributes, NtfsFile, NtfsForm, NtfsFound, NtfsReparse, NtfsTimes, NtfsUnset,
    ReparseTarget, junction_reparse, lx_attribute, lx_metadata, lx_symlink_reparse,
    symlink_reparse,
};
pub use record_check::{RecordProblem, check_records};
pub use scan::{Indexer, Limits, Scan, ScanError, scan_archive, scan_layer};
pub use tar::{
    Event, HEADER_SIZE, Header, MAX_EXTENDED, Parser, Records, TarError, TarErrorKind, TarKind,
    TarWriter,
};
pub use time::{EPOCH_1980, Timestamp};
pub use translate::Name;
pub use tree::{
    NodeId, NodeKind, ResolveError, ResolveErrorKind, Resolved, Source, StackChange, StackError,
    StackErrorKind, Tree,
};
