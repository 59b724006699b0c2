//! What `--call` shows: the fields in JSON are those of BuildKit's subrequests, the text is laid
//! out as docker's.

mod json;
mod lines;
mod lint;
mod outline;
mod table;
mod targets;

pub use lines::Lines;
pub use lint::CheckReport;
pub use outline::{Outline, OutlineArgument, OutlineGiven};
pub use targets::{Target, Targets, targets};
