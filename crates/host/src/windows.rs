//! Windows' own calls: handles, what NTFS knows of a file, and folders whose files are opened relative
//! to them.
//!
//! `calls` and `console_events` hold the `unsafe`, `buffers` what the calls give as bytes, `beneath` the
//! opened folder that contexts and written trees have in common.

pub(crate) mod beneath;
pub(crate) mod buffers;
pub(crate) mod calls;
mod console_events;

pub(crate) use beneath::remove_tree;
pub(crate) use calls::move_file;
pub(crate) use console_events::on_console_event;
