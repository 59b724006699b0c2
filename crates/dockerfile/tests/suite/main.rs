//! Tests of the crate through its public API: tables through one `check` per area.

mod call;
mod diagnostics;
mod expand;
mod golden;
mod ignore;
mod lower;
mod lower_history;
mod lower_warnings;
mod matching;
mod parse;
mod paths;
mod properties;
