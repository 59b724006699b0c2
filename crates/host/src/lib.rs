//! The operating system of the host: files, locks, folders.
