//! Checkouts of git: finding the one that a folder is in, and what its index says of paths.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crossdock_host::{bytes_to_os, os_to_bytes};

use super::git_index::{GitHash, GitIndex, GitIndexEntry, GitIndexError, GitKind};

/// The largest index that is read, in bytes.
const MAX_INDEX: u64 = 1 << 30;
/// The largest file beside it that is read: configuration, names of folders.
const MAX_TEXT: u64 = 1 << 20;

/// A checkout whose index was read.
#[derive(Debug)]
pub(super) struct Checkout {
    pub(super) hash: GitHash,
    /// `core.symlinks`, if it is set: whether links on the disk are links.
    pub(super) symlinks: Option<bool>,
    /// Sorted by paths.
    entries: Vec<GitIndexEntry>,
    /// By paths in lower case; `None` for those that several have. Only where case does not count.
    folded: Option<HashMap<Vec<u8>, Option<usize>>>,
    /// The path of the folder that was asked for from the root of the checkout, with a slash behind
    /// it unless it is empty.
    prefix: Vec<u8>,
}

/// Why a checkout cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CheckoutError {
    /// A file of it.
    #[error("{}: cannot be read: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// `.git` is no folder and does not name one.
    #[error(
        "{}: names no git folder that is there (a worktree or submodule that was moved, or made \
         on another system); git worktree repair may help",
        .path.display()
    )]
    NoFolder {
        /// The file `.git`.
        path: PathBuf,
    },
    /// Its index.
    #[error("{}: {source}", .path.display())]
    Index {
        /// The file.
        path: PathBuf,
        /// Why.
        source: GitIndexError,
    },
    /// It names objects in an unknown way.
    #[error("{}: extensions.objectFormat is {format:?}, and sha1 and sha256 are known", .path.display())]
    ObjectFormat {
        /// The file of its configuration.
        path: PathBuf,
        /// What it says.
        format: String,
    },
}

impl Checkout {
    /// The checkout that `folder` is in. Whether letter case counts on this host is
    /// `case_sensitive`, unless the checkout says so itself.
    pub(super) fn around(
        folder: &Path,
        case_sensitive: bool,
    ) -> Result<Option<Self>, CheckoutError> {
        let folder = folder.canonicalize().map_err(read_error(folder))?;
        for root in folder.ancestors() {
            let Some(git_folder) = git_folder(root)? else {
                continue;
            };
            let mut prefix = Vec::new();
            let inner = folder.strip_prefix(root).unwrap_or(Path::new(""));
            for component in inner.components() {
                let name = os_to_bytes(component.as_os_str());
                let name = name.map_err(|error| read_error(&folder)(io::Error::other(error)))?;
                prefix.extend(name);
                prefix.push(b'/');
            }
            return Self::read(&git_folder, prefix, case_sensitive).map(Some);
        }
        Ok(None)
    }

    /// The checkout whose root is `folder`, if it is one's.
    pub(super) fn at(folder: &Path, case_sensitive: bool) -> Result<Option<Self>, CheckoutError> {
        match git_folder(folder)? {
            Some(git_folder) => Self::read(&git_folder, Vec::new(), case_sensitive).map(Some),
            None => Ok(None),
        }
    }

    fn read(
        git_folder: &Path,
        prefix: Vec<u8>,
        case_sensitive: bool,
    ) -> Result<Self, CheckoutError> {
        let settings = Settings::read(git_folder)?;
        let mut checkout = Self {
            hash: settings.hash,
            symlinks: settings.symlinks,
            entries: Vec::new(),
            folded: None,
            prefix,
        };
        // Without an index nothing was added yet.
        if let Some(index) = read_index(&git_folder.join("index"), settings.hash)? {
            let index = match index.shared() {
                Some(shared) => {
                    let path = git_folder.join(format!("sharedindex.{shared}"));
                    let fit = |source| CheckoutError::Index {
                        path: path.clone(),
                        source,
                    };
                    let shared = read_index(&path, settings.hash)?;
                    let shared = shared.ok_or_else(|| fit(GitIndexError::Shared))?;
                    index.with_shared(shared).map_err(fit)?
                }
                None => index,
            };
            checkout.entries = index.into_paths();
        }
        if settings.ignore_case.unwrap_or(!case_sensitive) {
            let mut folded = HashMap::new();
            for (at, entry) in checkout.entries.iter().enumerate() {
                let several = |other: &mut Option<usize>| *other = None;
                let path = entry.path.to_ascii_lowercase();
                folded.entry(path).and_modify(several).or_insert(Some(at));
            }
            checkout.folded = Some(folded);
        }
        Ok(checkout)
    }

    /// What git has at `path`, which is relative to the folder that was asked for: in the same
    /// letters, else, where git takes upper and lower case for one (that of ASCII, as git does), the
    /// only one in others.
    pub(super) fn entry(&self, path: &[u8]) -> Option<&GitIndexEntry> {
        let whole = [&self.prefix, path].concat();
        let by_path = |entry: &GitIndexEntry| entry.path.as_slice().cmp(&whole);
        if let Ok(at) = self.entries.binary_search_by(by_path) {
            return Some(&self.entries[at]);
        }
        let folded = self.folded.as_ref()?;
        let at = folded.get(&whole.to_ascii_lowercase()).copied().flatten()?;
        Some(&self.entries[at])
    }

    /// Whether git tracks files beneath `path`, in these letters.
    pub(super) fn has_beneath(&self, path: &[u8]) -> bool {
        let whole = [&self.prefix, path, b"/"].concat();
        let at = self.entries.partition_point(|entry| entry.path < whole);
        let next = self.entries.get(at);
        next.is_some_and(|next| {
            next.path.starts_with(&whole) && next.kind != GitKind::SparseDirectory
        })
    }
}

fn read_error(path: &Path) -> impl Fn(io::Error) -> CheckoutError + use<> {
    let path = path.to_owned();
    move |source| CheckoutError::Read {
        path: path.clone(),
        source,
    }
}

/// Reads a file; `None` if it is not there.
fn read_file(path: &Path, most: u64) -> Result<Option<Vec<u8>>, CheckoutError> {
    let failed = read_error(path);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut bytes = Vec::new();
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(&failed)?;
    match bytes.len() as u64 > most {
        true => Err(failed(io::Error::other("it is too large"))),
        false => Ok(Some(bytes)),
    }
}

fn read_index(path: &Path, hash: GitHash) -> Result<Option<GitIndex>, CheckoutError> {
    let Some(bytes) = read_file(path, MAX_INDEX)? else {
        return Ok(None);
    };
    let index = GitIndex::parse(&bytes, hash);
    let failed = |source| CheckoutError::Index {
        path: path.to_owned(),
        source,
    };
    index.map(Some).map_err(failed)
}

/// The folder that `.git` in `root` is, or names by `gitdir: FOLDER` as in worktrees and submodules.
fn git_folder(root: &Path) -> Result<Option<PathBuf>, CheckoutError> {
    let path = root.join(".git");
    let Ok(metadata) = path.metadata() else {
        return Ok(None);
    };
    if metadata.is_dir() {
        // Git looks further up as well if it is something else.
        return Ok(is_git_folder(&path).then_some(path));
    }
    let text = read_file(&path, MAX_TEXT)?.unwrap_or_default();
    let named = text.strip_prefix(b"gitdir: ").and_then(named_path);
    let folder = named.map(|named| follow(root, &named));
    match folder.filter(|folder| is_git_folder(folder)) {
        Some(folder) => Ok(Some(folder)),
        None => Err(CheckoutError::NoFolder { path }),
    }
}

fn is_git_folder(path: &Path) -> bool {
    path.join("HEAD").symlink_metadata().is_ok()
        && (path.join("objects").is_dir() || path.join("commondir").is_file())
}

/// The path that is all of a file's text but the end of its line.
fn named_path(text: &[u8]) -> Option<PathBuf> {
    let end = text.iter().rposition(|byte| !b"\r\n".contains(byte))? + 1;
    Some(PathBuf::from(bytes_to_os(&text[..end]).ok()?))
}

/// `path` as seen from `from`. On Windows the system does not take `..` and `/` out of the path of a
/// folder that was found by its whole name (`\\?\C:\…`).
fn follow(from: &Path, path: &Path) -> PathBuf {
    use std::path::Component;
    if path.is_absolute() {
        return path.to_owned();
    }
    let mut found = from.to_owned();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                found.pop();
            }
            Component::CurDir => {}
            component => found.push(component),
        }
    }
    found
}

/// What a checkout is set to, as far as it matters here. Files that its configuration includes and
/// the user's own are not read.
#[derive(Debug, Default, PartialEq, Eq)]
struct Settings {
    hash: GitHash,
    symlinks: Option<bool>,
    ignore_case: Option<bool>,
}

impl Settings {
    fn read(git_folder: &Path) -> Result<Self, CheckoutError> {
        // A worktree shares the configuration, and may have more of its own.
        let shared = read_file(&git_folder.join("commondir"), MAX_TEXT)?;
        let shared = shared.and_then(|text| named_path(&text));
        let shared = match shared {
            Some(path) => follow(git_folder, &path),
            None => git_folder.to_owned(),
        };
        let path = shared.join("config");
        let mut settings = Self::default();
        let config = read_file(&path, MAX_TEXT)?.unwrap_or_default();
        let mut has_own = None;
        let mut object_format = None;
        for (name, value) in settings_of(&config) {
            match name.as_str() {
                "extensions.objectformat" => object_format = value.clone(),
                "extensions.worktreeconfig" => has_own = bool_of(value.as_deref()),
                _ => settings.set(&name, value.as_deref()),
            }
        }
        settings.hash = match object_format.as_deref() {
            None | Some("sha1") => GitHash::Sha1,
            Some("sha256") => GitHash::Sha256,
            Some(format) => {
                let format = format.to_owned();
                return Err(CheckoutError::ObjectFormat { path, format });
            }
        };
        if has_own == Some(true) {
            let own = read_file(&git_folder.join("config.worktree"), MAX_TEXT)?;
            for (name, value) in settings_of(&own.unwrap_or_default()) {
                settings.set(&name, value.as_deref());
            }
        }
        Ok(settings)
    }

    fn set(&mut self, name: &str, value: Option<&str>) {
        match name {
            "core.symlinks" => self.symlinks = bool_of(value),
            "core.ignorecase" => self.ignore_case = bool_of(value),
            _ => {}
        }
    }
}

/// A name alone is true; what is neither is not set.
fn bool_of(value: Option<&str>) -> Option<bool> {
    let Some(value) = value else {
        return Some(true);
    };
    match value.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Some(true),
        "false" | "no" | "off" | "" => Some(false),
        number => number.parse().ok().map(|number: i64| number != 0),
    }
}

/// The settings of a file of git's configuration: `section.name` in lower case, and the value.
/// Sections with a second name, such as `[remote "origin"]`, and lines that go on matter to nothing
/// that is asked for here.
fn settings_of(config: &[u8]) -> Vec<(String, Option<String>)> {
    let text = String::from_utf8_lossy(config);
    let mut section = String::new();
    let mut settings = Vec::new();
    for line in text.trim_start_matches('\u{feff}').lines() {
        let mut line = line.trim();
        if let Some((header, rest)) = line.strip_prefix('[').and_then(|line| line.split_once(']')) {
            section = header.trim().to_ascii_lowercase();
            line = rest.trim();
        }
        let line = without_comment(line);
        if line.is_empty() {
            continue;
        }
        let (name, value) = match line.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim().replace('"', ""))),
            None => (line.trim(), None),
        };
        let name = format!("{section}.{}", name.to_ascii_lowercase());
        settings.push((name, value));
    }
    settings
}

/// What is before `#` or `;` outside of quotes.
fn without_comment(line: &str) -> &str {
    let mut is_quoted = false;
    let end = line.find(|letter| {
        is_quoted ^= letter == '"';
        !is_quoted && matches!(letter, '#' | ';')
    });
    line[..end.unwrap_or(line.len())].trim()
}

#[cfg(test)]
mod tests;
