//! The tree of a commit, with its submodules, as one tar.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crossdock_image::{CommitId, GitUrl};

use super::address::Address;
use super::command::{Program, Repository};
use super::dot_git::{self, GitDir};
use super::error::GitError;
use super::fetch::fetch;
use super::tar::{Entry, Kind, ReadFailed, TarReader, TarWriter};
use super::{GitCommit, GitTree, keeps_git_dir};

/// How deep submodules may be in one another.
const MAX_DEPTH: usize = 20;

pub(super) fn write(
    program: &Program,
    url: &GitUrl,
    commit: &GitCommit,
    folder: &Path,
    out: &mut dyn io::Write,
) -> Result<GitTree, GitError> {
    let folder_error = |source| GitError::Folder { source };
    std::fs::create_dir_all(folder).map_err(folder_error)?;
    let folder = std::path::absolute(folder).map_err(folder_error)?;
    let (git, id) = fetch(program, Address::new(url), commit, &folder.join("0"))?;
    let time = commit_time(&git, &id)?;
    let mut writing = Writing {
        program,
        folder,
        subdir: url.subdir().as_bytes().to_vec(),
        has_subdir: url.subdir().is_empty(),
        out: TarWriter::new(out, time),
        repositories: 1,
        with_modules: url.submodules() != Some(false),
        git_dirs: keeps_git_dir(url),
        modules: Vec::new(),
    };
    let place = Place {
        prefix: Vec::new(),
        git_dir: ".git".to_owned(),
        depth: 0,
    };
    writing.repository(&git, &id, Some(commit), &place)?;
    if !writing.has_subdir {
        return Err(GitError::NoFolder {
            url: git.address.shown(),
            commit: id,
            subdir: url.subdir().to_owned(),
        });
    }
    let entries = writing.out.finish();
    Ok(GitTree {
        commit: id,
        time,
        entries: entries.map_err(|source| GitError::Write { source })?,
        submodules: writing.modules,
    })
}

struct Writing<'a> {
    program: &'a Program,
    folder: PathBuf,
    subdir: Vec<u8>,
    has_subdir: bool,
    out: TarWriter<'a>,
    /// How many were fetched.
    repositories: usize,
    with_modules: bool,
    git_dirs: bool,
    modules: Vec<(String, CommitId)>,
}

/// Where a repository is in the tree.
struct Place {
    /// Its path; empty for the outermost.
    prefix: Vec<u8>,
    /// Its git directory.
    git_dir: String,
    depth: usize,
}

/// A submodule in a tree.
struct Module {
    path: Vec<u8>,
    commit: CommitId,
}

/// What `.gitmodules` says about one.
#[derive(Default)]
struct Described {
    name: String,
    path: Option<String>,
    url: Option<String>,
    update: Option<String>,
}

impl Writing<'_> {
    /// Writes the tree of one repository, and of those in it.
    fn repository(
        &mut self,
        git: &Repository<'_>,
        id: &CommitId,
        commit: Option<&GitCommit>,
        place: &Place,
    ) -> Result<(), GitError> {
        self.archive(git, id, place)?;
        let mut named = Vec::new();
        if self.with_modules {
            for module in modules_of(git, id)? {
                let path = join(&place.prefix, &module.path);
                let shown = String::from_utf8_lossy(&path).into_owned();
                let written = self.module(git, id, &module, path, place);
                named.extend(written.map_err(|source| GitError::Submodule {
                    path: shown,
                    source: Box::new(source),
                })?);
            }
        }
        if !self.git_dirs {
            return Ok(());
        }
        let place = GitDir {
            path: &place.git_dir,
            tree: &place.prefix,
            modules: &named,
        };
        dot_git::write(git, id, commit, &place, &mut self.out)
    }

    /// Writes the files of one repository.
    fn archive(
        &mut self,
        git: &Repository<'_>,
        id: &CommitId,
        place: &Place,
    ) -> Result<(), GitError> {
        let tree_error = |reason: String| GitError::Tree {
            url: git.address.shown(),
            reason,
        };
        let mut running = git.start(&["archive", "--format=tar", id.as_str()], &[], Vec::new())?;
        let mut reader =
            TarReader::new(io::BufReader::with_capacity(64 << 10, &mut running.output));
        loop {
            let entry = match reader.next() {
                Ok(Some(entry)) => entry,
                Ok(None) => break,
                Err(error) => {
                    drop(reader);
                    // If git failed, it says why.
                    running.finish()?;
                    return Err(tree_error(error.to_string()));
                }
            };
            check_path(&entry.path).map_err(tree_error)?;
            let path = join(&place.prefix, &entry.path);
            self.entry(&entry, &path, &mut reader)
                .map_err(|error| match error.get_ref() {
                    Some(inner) if inner.is::<ReadFailed>() => tree_error(error.to_string()),
                    _ => GitError::Write { source: error },
                })?;
        }
        drop(reader);
        running.finish()
    }

    /// Writes an entry, if it is in the folder that becomes the root.
    fn entry(&mut self, entry: &Entry, path: &[u8], content: &mut dyn io::Read) -> io::Result<()> {
        let path = if self.subdir.is_empty() {
            path
        } else if path == self.subdir {
            self.has_subdir |= entry.kind == Kind::Directory;
            return Ok(());
        } else {
            let inside = path.strip_prefix(&self.subdir[..]);
            match inside.and_then(|rest| rest.strip_prefix(b"/")) {
                Some(rest) => rest,
                None => return Ok(()),
            }
        };
        match &entry.kind {
            Kind::Directory => self.out.directory(path),
            Kind::Link { target } => self.out.link(path, target),
            Kind::File {
                is_executable,
                size,
            } => {
                let mode = if *is_executable { 0o755 } else { 0o644 };
                self.out.file(path, mode, *size, content)
            }
        }
    }

    /// Fetches a submodule and writes its files. The answer is its name and address, if it has
    /// been written.
    fn module(
        &mut self,
        git: &Repository<'_>,
        id: &CommitId,
        module: &Module,
        path: Vec<u8>,
        place: &Place,
    ) -> Result<Option<(String, String)>, GitError> {
        let described = describe(git, id, &module.path)?;
        // As git: the repository does not want it to be fetched.
        if described.update.as_deref() == Some("none") || !self.is_wanted(&path) {
            return Ok(None);
        }
        if place.depth == MAX_DEPTH {
            return Err(GitError::TooDeep { limit: MAX_DEPTH });
        }
        let address = described.url.as_deref().ok_or(GitError::NoModule)?;
        let address = git.address.module(address)?;
        let shown = address.shown();
        let folder = self.folder.join(self.repositories.to_string());
        self.repositories += 1;
        let commit = GitCommit {
            id: module.commit.clone(),
            tag: None,
            reference: None,
        };
        let (inner, inner_id) = fetch(self.program, address, &commit, &folder)?;
        let shown_path = String::from_utf8_lossy(&path).into_owned();
        self.modules.push((shown_path, inner_id.clone()));
        let place = Place {
            prefix: path,
            git_dir: format!("{}/modules/{}", place.git_dir, described.name),
            depth: place.depth + 1,
        };
        self.repository(&inner, &inner_id, None, &place)?;
        Ok(Some((described.name, shown)))
    }

    /// Whether a submodule at `path` has files in the folder that becomes the root, or holds that.
    fn is_wanted(&self, path: &[u8]) -> bool {
        let is_in = |inner: &[u8], outer: &[u8]| {
            outer.is_empty()
                || inner
                    .strip_prefix(outer)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        };
        is_in(path, &self.subdir) || is_in(&self.subdir, path)
    }
}

fn join(prefix: &[u8], path: &[u8]) -> Vec<u8> {
    match prefix {
        [] => path.to_vec(),
        prefix => [prefix, b"/", path].concat(),
    }
}

/// Git refuses such names when it makes a tree, but not everybody makes trees by git.
fn check_path(path: &[u8]) -> Result<(), String> {
    let is_part =
        |part: &[u8]| !matches!(part, b"" | b"." | b"..") && !part.eq_ignore_ascii_case(b".git");
    if path.split(|byte| *byte == b'/').all(is_part) && !path.contains(&0) {
        return Ok(());
    }
    Err(format!(
        "it has the name {:?}",
        String::from_utf8_lossy(path)
    ))
}

/// When a commit was made, in seconds since 1970 (its `committer`).
fn commit_time(git: &Repository<'_>, id: &CommitId) -> Result<i64, GitError> {
    let text = git.run(&["cat-file", "commit", id.as_str()])?;
    let text = String::from_utf8_lossy(&text);
    let committer = text
        .lines()
        .take_while(|line| !line.is_empty())
        .find_map(|line| line.strip_prefix("committer "));
    // `NAME <MAIL> SECONDS ZONE`.
    let seconds = committer
        .and_then(|line| line.rsplit_once('>'))
        .and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok());
    seconds.ok_or_else(|| GitError::Tree {
        url: git.address.shown(),
        reason: "the commit has no time".to_owned(),
    })
}

/// The submodules in a tree.
fn modules_of(git: &Repository<'_>, id: &CommitId) -> Result<Vec<Module>, GitError> {
    let listed = git.run(&["ls-tree", "-r", "-z", "--full-tree", id.as_str()])?;
    let mut modules = Vec::new();
    for entry in listed.split(|byte| *byte == 0) {
        // `160000 commit ID\tPATH`.
        let Some(rest) = entry.strip_prefix(b"160000 commit ") else {
            continue;
        };
        let Some(tab) = rest.iter().position(|byte| *byte == b'\t') else {
            continue;
        };
        let commit = String::from_utf8_lossy(&rest[..tab]);
        let commit = commit.trim().parse().map_err(|source| GitError::Commit {
            url: git.address.shown(),
            source,
        })?;
        let path = rest[tab + 1..].to_vec();
        modules.push(Module { path, commit });
    }
    Ok(modules)
}

/// What `.gitmodules` says about the submodule at `path`.
fn describe(git: &Repository<'_>, id: &CommitId, path: &[u8]) -> Result<Described, GitError> {
    let blob = format!("{id}:.gitmodules");
    if !git.succeeds(&["cat-file", "-e", &blob])? {
        return Err(GitError::NoModule);
    }
    let listed = git.run(&["config", "--blob", &blob, "--list", "--null"])?;
    let mut all: BTreeMap<String, Described> = BTreeMap::new();
    for setting in listed.split(|byte| *byte == 0) {
        let setting = String::from_utf8_lossy(setting);
        let Some((key, value)) = setting.split_once('\n') else {
            continue;
        };
        let key = key.strip_prefix("submodule.");
        let Some((name, key)) = key.and_then(|key| key.rsplit_once('.')) else {
            continue;
        };
        let described = all.entry(name.to_owned()).or_default();
        described.name = name.to_owned();
        let field = match key {
            "path" => &mut described.path,
            "url" => &mut described.url,
            "update" => &mut described.update,
            _ => continue,
        };
        // As git, which takes the first.
        field.get_or_insert_with(|| value.to_owned());
    }
    let mut found = all
        .into_values()
        .filter(|described| described.path.as_deref().map(str::as_bytes) == Some(path));
    let described = found.next().ok_or(GitError::NoModule)?;
    // A name is a path in `.git` (CVE-2018-11235).
    let is_part = |part: &str| !matches!(part, "" | "." | "..");
    if !described.name.split(['/', '\\']).all(is_part) {
        return Err(GitError::Tree {
            url: git.address.shown(),
            reason: format!("a submodule has the name {:?}", described.name),
        });
    }
    Ok(described)
}

#[cfg(test)]
mod tests;
