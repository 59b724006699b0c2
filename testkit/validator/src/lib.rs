//! An independent validator of container layers.
//!
//! It says whether a tar would be accepted by the importers of Windows layers (hcsshim's
//! `ociwclayer` and what stands behind it), and shares no code with the product that writes such
//! layers: it has its own reader of tar and PAX, of descriptors and of hives. Where a rule comes
//! from the source of an importer, the documentation of [`Rule`] says what happens otherwise.
//!
//! ```
//! use crossdock_validator::{LayerRole, Parents, validate_layer};
//! let report = validate_layer(&[0u8; 1024][..], LayerRole::Child(&Parents::new()));
//! assert!(!report.problems.is_empty(), "a layer without `Files` is not a Windows layer");
//! ```

mod descriptor;
mod hive;
mod linux;
mod names;
mod parents;
mod report;
mod tar;
mod time;
mod windows;

pub use linux::validate_linux_layer;
pub use parents::Parents;
pub use report::{EXPORT_TOLERATED, EntryKind, EntrySummary, Problem, Report, Rule};
pub use windows::{LayerRole, validate_layer};

#[cfg(test)]
mod tests;
