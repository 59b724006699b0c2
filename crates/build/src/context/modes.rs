//! Which permission bits the files of a folder have in an image.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crossdock_host::{ContextEntry, ContextError, ContextKind, bytes_to_os};
use crossdock_layer::decode_path;

use super::checkout::{Checkout, CheckoutError};
use super::git_index::{GitIndexEntry, GitKind};
use crate::error::BuildError;

/// The longest text of a link, as Linux has it.
const MAX_LINK: u64 = 4095;
/// The mode of directories, and of files that may be executed.
const EXECUTABLE: u32 = 0o755;
/// The mode of other files.
const FILE: u32 = 0o644;
/// The mode of links.
const LINK: u32 = 0o777;

/// Where the modes of a folder's files come from. Files of archives and of other repositories have
/// their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ContextModes {
    /// The disk, on hosts whose files have modes; else what WSL keeps of a file, else the index of
    /// git as in [`Git`](Self::Git), else docker's rule.
    #[default]
    Auto,
    /// The index of the checkout that the folder is in: 0644 or 0755. A directory has 0755, and what
    /// git does not track has docker's rule on hosts without modes, elsewhere 0644 or 0755, as its
    /// owner may execute it or not.
    Git,
    /// That of docker's clients on Windows, on every host: 0755, and 0555 for files that their owner
    /// may not write.
    Docker,
    /// The disk.
    Disk,
}

/// Why there are no modes.
#[derive(Debug, thiserror::Error)]
pub enum ContextModesError {
    /// Files of the host, or of NTFS, have none.
    #[error(
        "its files have no modes (it is on Windows or NTFS), which --context-modes disk asks for; \
         use auto, git or docker"
    )]
    NoModes,
    /// Git does not know of the folder.
    #[error(
        "is in no checkout of git, whose modes --context-modes git asks for; use auto, docker or \
         disk"
    )]
    NoCheckout,
    /// The checkout cannot be read.
    #[error("the modes that git knows: {0}")]
    Checkout(#[from] CheckoutError),
}

/// What an entry is in an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    /// What it is on the disk, with this mode.
    Mode(u32),
    /// A symbolic link with this text.
    Link(Vec<u8>),
}

impl Form {
    pub(super) fn mode(&self) -> u32 {
        match self {
            Self::Mode(mode) => *mode,
            Self::Link(_) => LINK,
        }
    }
}

/// Where modes of regular files came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ModeCounts {
    /// From an index of git.
    pub(crate) git: u64,
    /// By docker's rule, though git was asked.
    pub(crate) docker: u64,
    /// Whether there is a checkout.
    pub(crate) has_checkout: bool,
}

impl ModeCounts {
    /// One line for somebody who builds for Linux on a host without modes; `None` if nothing is
    /// executable only because docker has it so.
    pub(crate) fn note(&self) -> Option<String> {
        let files = |count, text: &str| match count {
            1 => format!("1 {text}file"),
            count => format!("{count} {text}files"),
        };
        let have = |count| if count == 1 { "has" } else { "have" };
        match *self {
            Self { docker: 0, .. } => None,
            Self {
                git,
                docker,
                has_checkout: true,
            } => Some(format!(
                "modes of {} come from git's index, {} {} 0755 (see --context-modes)",
                files(git, ""),
                files(docker, "untracked "),
                have(docker)
            )),
            Self { docker, .. } => Some(format!(
                "{} {} mode 0755, as nothing else is known of them (see --context-modes)",
                files(docker, ""),
                have(docker)
            )),
        }
    }
}

/// What [`ContextModes`] means for one folder on this host.
enum Rule {
    Disk,
    Docker,
    Git(Checkouts),
}

/// Gives the entries of one folder their modes, directories before what is in them.
pub(super) struct ModeRules {
    rule: Rule,
    /// Whether the folder's files have modes. Where they have none, letter case does not count.
    has_modes: bool,
    pub(super) counts: ModeCounts,
    /// What could not be read, though the build can go on.
    pub(super) warnings: Vec<String>,
}

impl ModeRules {
    /// The rules for the folder `root`.
    pub(super) fn new(
        modes: ContextModes,
        root: &Path,
        has_modes: bool,
    ) -> Result<Self, BuildError> {
        let failed = |source: ContextModesError| failed(root, source);
        let mut counts = ModeCounts::default();
        let mut warnings = Vec::new();
        let rule = match (modes, has_modes) {
            (ContextModes::Disk, false) => return Err(failed(ContextModesError::NoModes)),
            (ContextModes::Disk | ContextModes::Auto, true) => Rule::Disk,
            (ContextModes::Docker, _) => Rule::Docker,
            (ContextModes::Git, _) => {
                let checkout = Checkout::around(root, has_modes);
                let checkout = checkout.map_err(|error| failed(error.into()))?;
                let checkout = checkout.ok_or_else(|| failed(ContextModesError::NoCheckout))?;
                Rule::Git(Checkouts::new(root, Some(checkout), true))
            }
            (ContextModes::Auto, false) => {
                let checkout = Checkout::around(root, has_modes).unwrap_or_else(|error| {
                    warnings.push(passed_over(&error));
                    None
                });
                Rule::Git(Checkouts::new(root, checkout, false))
            }
        };
        if let Rule::Git(checkouts) = &rule {
            counts.has_checkout = checkouts.outer.is_some();
        }
        Ok(Self {
            rule,
            has_modes,
            counts,
            warnings,
        })
    }

    /// What `entry` is. `own` is the mode that NTFS keeps of it, as WSL and crossdock write it there.
    /// `read` gives the content of a file.
    pub(super) fn form(
        &mut self,
        entry: &ContextEntry,
        own: Option<u32>,
        read: impl FnOnce() -> Result<Vec<u8>, ContextError>,
    ) -> Result<Form, BuildError> {
        let checkouts = match &mut self.rule {
            Rule::Disk => return Ok(Form::Mode(own.unwrap_or(entry.mode))),
            // What WSL's special files are, their own mode says.
            _ if entry.kind == ContextKind::ReparsePoint => {
                return Ok(Form::Mode(own.unwrap_or(LINK)));
            }
            Rule::Docker => return Ok(Form::Mode(dockers(entry))),
            Rule::Git(checkouts) => checkouts,
        };
        match entry.kind {
            ContextKind::Directory => {
                checkouts.enter(&entry.path, self.has_modes, &mut self.warnings)?;
                self.counts.has_checkout |= checkouts.has_inner();
                let own = own.filter(|_| !checkouts.are_asked_for);
                return Ok(Form::Mode(own.unwrap_or(EXECUTABLE)));
            }
            ContextKind::Symlink { .. } => return Ok(Form::Mode(LINK)),
            _ => {}
        }
        if let (Some(own), false) = (own, checkouts.are_asked_for) {
            return Ok(Form::Mode(own));
        }
        if let (ContextKind::File { size }, Some((checkout, known))) =
            (&entry.kind, checkouts.entry(&entry.path))
        {
            match known.kind {
                GitKind::File | GitKind::Executable => {
                    self.counts.git += 1;
                    let is_file = known.kind == GitKind::File;
                    return Ok(Form::Mode(if is_file { FILE } else { EXECUTABLE }));
                }
                GitKind::Link if *size <= MAX_LINK => {
                    let text = read()?;
                    let is_as_written = checkout.hash.of_blob(&text) == known.id;
                    let may_be = is_as_written
                        || (!checkout.symlinks.unwrap_or(self.has_modes) && is_one_line(&text));
                    if may_be && is_link_text(&text) {
                        return Ok(Form::Link(text));
                    }
                }
                GitKind::Link | GitKind::Submodule | GitKind::SparseDirectory => {}
            }
        }
        Ok(Form::Mode(match (self.has_modes, &entry.kind) {
            (true, _) if entry.mode & 0o100 != 0 => EXECUTABLE,
            (true, _) => FILE,
            (false, kind) => {
                self.counts.docker += u64::from(matches!(kind, ContextKind::File { .. }));
                dockers(entry)
            }
        }))
    }
}

/// The mode that docker's client on Windows would give.
fn dockers(entry: &ContextEntry) -> u32 {
    match entry.kind {
        ContextKind::Symlink { .. } => LINK,
        ContextKind::Directory => EXECUTABLE,
        _ if entry.mode & 0o200 == 0 => 0o555,
        _ => EXECUTABLE,
    }
}

/// A link can have this text at all.
fn is_link_text(text: &[u8]) -> bool {
    !text.is_empty() && text.len() as u64 <= MAX_LINK && !text.contains(&0)
}

/// No editor has made a text of it. Git would keep the end of a line as part of the link.
fn is_one_line(text: &[u8]) -> bool {
    !text.iter().any(|byte| b"\r\n".contains(byte))
}

fn failed(root: &Path, source: ContextModesError) -> BuildError {
    BuildError::ContextModes {
        context: root.to_owned(),
        source: Box::new(source),
    }
}

fn passed_over(error: &CheckoutError) -> String {
    format!("{error}; modes are docker's where git's would have been taken (see --context-modes)")
}

/// The checkout that a folder is in, and those in it.
struct Checkouts {
    root: PathBuf,
    outer: Option<Checkout>,
    /// By the paths of their roots.
    inner: HashMap<Vec<u8>, Option<Checkout>>,
    /// By the user: what cannot be read is an error, and nothing else is asked before.
    are_asked_for: bool,
}

impl Checkouts {
    fn new(root: &Path, outer: Option<Checkout>, are_asked_for: bool) -> Self {
        Self {
            root: root.to_owned(),
            outer,
            inner: HashMap::new(),
            are_asked_for,
        }
    }

    fn has_inner(&self) -> bool {
        !self.inner.is_empty()
    }

    /// Looks whether the directory at `path` is the root of another checkout: a submodule, or one
    /// that happens to be there. Where git tracks files beneath it, it is none.
    fn enter(
        &mut self,
        path: &[u8],
        case_sensitive: bool,
        warnings: &mut Vec<String>,
    ) -> Result<(), BuildError> {
        let (at, checkout) = self.around(path);
        if checkout.is_some_and(|checkout| checkout.has_beneath(&path[at..])) {
            return Ok(());
        }
        let Ok(name) = bytes_to_os(path) else {
            return Ok(());
        };
        let found = match Checkout::at(&self.root.join(name), case_sensitive) {
            Ok(None) => return Ok(()),
            Ok(found) => found,
            Err(error) if self.are_asked_for => return Err(failed(&self.root, error.into())),
            Err(error) => {
                warnings.push(passed_over(&error));
                None
            }
        };
        self.inner.insert(path.to_vec(), found);
        Ok(())
    }

    /// The checkout that what is at `path` belongs to, and where the part of `path` begins that is
    /// relative to it.
    fn around(&self, path: &[u8]) -> (usize, Option<&Checkout>) {
        if !self.inner.is_empty() {
            let slashes = path.iter().enumerate().rev();
            for (at, _) in slashes.filter(|(_, byte)| **byte == b'/') {
                if let Some(checkout) = self.inner.get(&path[..at]) {
                    return (at + 1, checkout.as_ref());
                }
            }
        }
        (0, self.outer.as_ref())
    }

    fn entry(&self, path: &[u8]) -> Option<(&Checkout, &GitIndexEntry)> {
        let (at, checkout) = self.around(path);
        let checkout = checkout?;
        let path = &path[at..];
        // Git of WSL and Cygwin knows the names that Windows refuses as they are on Linux.
        let entry = checkout.entry(path);
        let entry = entry.or_else(|| checkout.entry(&decode_path(path)))?;
        Some((checkout, entry))
    }
}

#[cfg(test)]
mod tests;
