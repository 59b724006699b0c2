//! A `.git` that git works with, made of files that are a function of the commit.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use crossdock_image::CommitId;

use super::GitCommit;
use super::command::Repository;
use super::error::GitError;
use super::tar::TarWriter;

/// Where a git directory is, and what is in its tree.
pub(super) struct GitDir<'a> {
    /// Its path: `.git`, or `.git/modules/NAME`.
    pub(super) path: &'a str,
    /// The path of its tree; empty for the root.
    pub(super) tree: &'a [u8],
    /// Names and addresses of the submodules in the tree.
    pub(super) modules: &'a [(String, String)],
}

/// Writes the git directory of `id`, which is checked out, alone and without a branch.
pub(super) fn write(
    git: &Repository<'_>,
    id: &CommitId,
    commit: Option<&GitCommit>,
    place: &GitDir<'_>,
    out: &mut TarWriter<'_>,
) -> Result<(), GitError> {
    let tag = commit.and_then(|commit| commit.tag.as_ref());
    let pack = pack(git, id, tag)?;
    let index = index(git, id)?;
    let parents = git.run(&["cat-file", "commit", id.as_str()])?;
    let has_parents = parents
        .split(|byte| *byte == b'\n')
        .take_while(|line| !line.is_empty())
        .any(|line| line.starts_with(b"parent "));
    let write = |source| GitError::Write { source };
    let folder_error = |source| GitError::Folder { source };
    let at = |name: &str| format!("{}/{name}", place.path);
    out.directories(place.path).map_err(write)?;
    if !place.tree.is_empty() {
        // The file in the tree that says where its git directory is.
        let link = format!("gitdir: {}{}\n", up(place.tree), place.path);
        let path = [place.tree, b"/.git"].concat();
        out.file(&path, 0o644, link.len() as u64, &mut link.as_bytes())
            .map_err(write)?;
    }
    let head = format!("{id}\n");
    out.bytes(&at("HEAD"), 0o644, head.as_bytes())
        .map_err(write)?;
    let config = config(git, id, place);
    out.bytes(&at("config"), 0o644, config.as_bytes())
        .map_err(write)?;
    out.bytes(&at("index"), 0o644, &index).map_err(write)?;
    if has_parents {
        out.bytes(&at("shallow"), 0o644, head.as_bytes())
            .map_err(write)?;
    }
    for name in ["objects/info", "objects/pack"] {
        out.directories(&at(name)).map_err(write)?;
    }
    for kind in ["idx", "pack"] {
        let name = at(&format!("objects/pack/pack-{}.{kind}", pack.name));
        let from = pack.stem.with_extension(kind);
        let file = fs::File::open(&from).map_err(folder_error)?;
        let size = file.metadata().map_err(folder_error)?.len();
        copy(out, &name, file, size).map_err(write)?;
    }
    for name in ["refs/heads", "refs/tags"] {
        out.directories(&at(name)).map_err(write)?;
    }
    if let Some(reference) = commit.and_then(|commit| commit.reference.as_deref()) {
        let object = format!("{}\n", tag.unwrap_or(id));
        let (folder, _) = reference.rsplit_once('/').unwrap_or_default();
        out.directories(&at(folder)).map_err(write)?;
        out.bytes(&at(reference), 0o644, object.as_bytes())
            .map_err(write)?;
    }
    Ok(())
}

fn copy(out: &mut TarWriter<'_>, name: &str, file: impl Read, size: u64) -> io::Result<()> {
    out.file(name.as_bytes(), 0o444, size, &mut io::BufReader::new(file))
}

/// From a path in the tree back to the root.
fn up(path: &[u8]) -> String {
    "../".repeat(path.split(|byte| *byte == b'/').count())
}

struct Pack {
    /// The digits in its files' names.
    name: String,
    /// The files' path without what tells them apart.
    stem: std::path::PathBuf,
}

/// The objects of one commit, without deltas: those would depend on how they came.
fn pack(git: &Repository<'_>, id: &CommitId, tag: Option<&CommitId>) -> Result<Pack, GitError> {
    let mut objects = git.run(&["rev-list", "--objects", "--no-walk", id.as_str()])?;
    if let Some(tag) = tag {
        objects.extend_from_slice(tag.as_str().as_bytes());
        objects.push(b'\n');
    }
    let folder = beside(git, "pack");
    fs::create_dir_all(&folder).map_err(|source| GitError::Folder { source })?;
    let stem = folder.join("pack");
    let stem_text = stem.to_string_lossy();
    let arguments = [
        "pack-objects",
        "--quiet",
        "--threads=1",
        "--window=0",
        "--depth=0",
        "--no-reuse-delta",
        "--no-reuse-object",
        &stem_text,
    ];
    let name = git.run_with(&arguments, &[], objects)?;
    let name = String::from_utf8_lossy(&name).trim().to_owned();
    Ok(Pack {
        stem: folder.join(format!("pack-{name}.x")),
        name,
    })
}

/// The index of a tree that has just been checked out, without times and other facts of a host.
fn index(git: &Repository<'_>, id: &CommitId) -> Result<Vec<u8>, GitError> {
    let file = beside(git, "index");
    let variables: [(&str, &OsStr); 1] = [("GIT_INDEX_FILE", file.as_os_str())];
    git.run_with(&["read-tree", id.as_str()], &variables, Vec::new())?;
    fs::read(&file).map_err(|source| GitError::Folder { source })
}

/// A path next to the repository's own.
fn beside(git: &Repository<'_>, suffix: &str) -> std::path::PathBuf {
    let name = git.folder.file_name().unwrap_or_default().to_string_lossy();
    let parent = git.folder.parent().unwrap_or(Path::new("."));
    parent.join(format!("{name}.{suffix}"))
}

fn config(git: &Repository<'_>, id: &CommitId, place: &GitDir<'_>) -> String {
    let version = u8::from(id.is_sha256());
    let mut text = format!(
        "[core]\n\trepositoryformatversion = {version}\n\tfilemode = true\n\tbare = false\n"
    );
    if !place.tree.is_empty() {
        let tree = String::from_utf8_lossy(place.tree);
        let back = "../".repeat(place.path.split('/').count());
        text.push_str(&format!(
            "\tworktree = {}\n",
            quoted(&format!("{back}{tree}"))
        ));
    }
    if id.is_sha256() {
        text.push_str("[extensions]\n\tobjectformat = sha256\n");
    }
    text.push_str(&format!(
        "[remote \"origin\"]\n\turl = {}\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n",
        quoted(&git.address.shown())
    ));
    for (name, url) in place.modules {
        text.push_str(&format!(
            "[submodule {}]\n\tactive = true\n\turl = {}\n",
            quoted(name),
            quoted(url)
        ));
    }
    text
}

/// A value of a configuration file (git-config(1), "Syntax").
fn quoted(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("\"{escaped}\"")
}
