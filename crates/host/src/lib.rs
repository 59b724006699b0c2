//! The operating system of the host: files, locks, folders, build contexts.
//!
//! The only crate that holds a `cfg` of the host or `unsafe`. It speaks of
//! files and knows nothing of images: paths inside a build context are bytes with `/`, whatever
//! the host writes.

mod allocator;
mod console;
mod context;
mod files;
mod folder_writer;
mod folders;
mod interruption;
mod lock;
mod names;
mod ntfs;
#[cfg(unix)]
mod ntfs3g;
mod patience;
mod scanner;
mod temporary_folder;
#[cfg(windows)]
mod windows;

pub use console::{TerminalStream, device_name};
pub use context::{
    ContextEntry, ContextError, ContextKind, ContextReader, FileIdentity, Visit, Xattr,
};
pub use files::{
    Existing, TemporaryFile, atomic_write, create_dir, create_dir_all, hard_link, open_file,
    read_at, read_file, remove_dir, remove_dir_all, remove_file, rename, spool_in, sync_directory,
    sync_file, write_all_at,
};
pub use folder_writer::{
    FileMetadata, FolderError, FolderFile, FolderWriter, NotKept, NotKeptKind, SpecialFile,
    folder_names,
};
pub use folders::{DataDirectoryError, data_directory, environment_variables, home_directory};
pub use interruption::{Announced, Interruption, on_interruption, undivided};
pub use lock::{FileLock, Held, LockFile};
pub use names::{HOST_NAMES, HostNames, NameError, bytes_to_os, os_to_bytes};
pub use ntfs::{MARK, NtfsEntry, NtfsMetadata, NtfsPart, NtfsStream, NtfsTimes, ReparsePoint};
pub use scanner::{Scanner, open_alone};
pub use temporary_folder::TemporaryFolder;
