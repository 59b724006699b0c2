//! What a container layer contains, for either operating system: pure, no files and no network.
//!
//! The only crate that knows tar, PAX, the two encodings, security descriptors and whiteouts.
