//! Builds from beginning to end, judged by a reader of tars and a validator that are not the
//! product's.

mod add_archives;
mod archive;
mod audit;
mod bench;
mod cache;
mod config;
mod context_modes;
mod contexts;
mod copy;
mod copy_out;
mod damage;
mod downloads;
mod executables;
mod from;
mod load_folder;
mod output_files;
mod output_forms;
mod outputs;
mod parts;
mod platforms;
mod questions;
mod scanner;
mod server;
mod windows;
