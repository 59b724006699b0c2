//! What a container layer contains, for either operating system: pure, no files and no network.
//!
//! The only crate that knows tar, PAX, the two encodings, security descriptors and whiteouts.

mod compression;
mod index;
mod names;
mod scan;
mod tar;
mod time;

pub use names::{
    MAX_LINUX_BYTES, MAX_WINDOWS_UNITS, WindowsNameError, check_windows_component,
    decode_component, decode_path, encode_component, encode_path, eq_ignore_case, is_rename_of,
    is_reserved_device, is_shortening_of, link_to_linux, link_to_windows, rename_collision,
    shorten_for_linux, upcase, utf16_len,
};
pub use compression::{Compression, DEFAULT_GZIP_LEVEL, Decompressor, GzipWriter};
pub use index::{Extent, IndexError, IndexWriter, LayerIndex, RawEntry};
pub use scan::{Indexer, Limits, Scan, ScanError, scan_layer};
pub use tar::{
    Event, HEADER_SIZE, Header, MAX_EXTENDED, Parser, Records, TarError, TarErrorKind, TarKind,
    TarWriter,
};
pub use time::{EPOCH_1980, Timestamp};
