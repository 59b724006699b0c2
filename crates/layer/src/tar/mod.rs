//! The tar codec: headers, PAX records, a push parser, a writer.
//!
//! Source of the format: POSIX.1-2017 `pax`, GNU tar's manual ("Basic Tar Format"), and the
//! behaviour of Go's archive/tar, which docker, containerd and podman read layers with. Where
//! these readers would disagree about an archive, it is refused: an ambiguity between parsers is
//! how entries are smuggled (CVE-2025-62518).

mod header;
mod parser;
mod pax;
mod sparse;
mod writer;

pub use header::{HEADER_SIZE, Header, TarKind};
pub use parser::{Event, Parser, TarError, TarErrorKind};
pub use pax::{MAX_EXTENDED, Records};
pub use writer::TarWriter;

#[cfg(test)]
mod tests;
