//! Which commit an address means: `git ls-remote`.

use std::collections::BTreeMap;

use crossdock_image::{CommitId, GitUrl};

use super::GitCommit;
use super::address::Address;
use super::command::{Program, Repository};
use super::error::GitError;

pub(super) fn resolve(program: &Program, url: &GitUrl) -> Result<GitCommit, GitError> {
    let commit = match (url.commit(), url.fetch_by_commit()) {
        (Some(id), _) => GitCommit {
            id,
            tag: None,
            reference: None,
        },
        (None, true) => by_checksum(url)?,
        (None, false) => ask(program, url)?,
    };
    match url.checksum() {
        Some(expected)
            if !expected.fits(&commit.id)
                && !commit.tag.as_ref().is_some_and(|tag| expected.fits(tag)) =>
        {
            Err(GitError::Checksum {
                url: Address::new(url).shown(),
                expected: expected.clone(),
                found: commit.id,
                tag: commit.tag,
            })
        }
        _ => Ok(commit),
    }
}

/// The checksum is the commit, wherever the reference is at.
fn by_checksum(url: &GitUrl) -> Result<GitCommit, GitError> {
    let id = url.checksum().and_then(|checksum| checksum.whole());
    let id = id.ok_or_else(|| GitError::NoCommit {
        url: Address::new(url).shown(),
    })?;
    let reference = url.reference().map(|reference| {
        let is_whole = reference.starts_with("refs/");
        format!("{}{reference}", if is_whole { "" } else { "refs/heads/" })
    });
    Ok(GitCommit {
        id,
        tag: None,
        reference,
    })
}

fn ask(program: &Program, url: &GitUrl) -> Result<GitCommit, GitError> {
    let address = Address::new(url);
    let shown = address.shown();
    let folder = tempfile::tempdir().map_err(|source| GitError::Folder { source })?;
    let git = Repository {
        program,
        // There is none: a remote is asked.
        folder: folder.path().join("none"),
        address,
    };
    let remote = git.address.for_git();
    let Some(reference) = url.reference().filter(|reference| *reference != "HEAD") else {
        let listed = git.run(&["ls-remote", "--symref", "--", &remote, "HEAD"])?;
        let listed = String::from_utf8_lossy(&listed).into_owned();
        let head = Listed::parse(&shown, &listed)?;
        let id = head.objects.get("HEAD").cloned();
        return Ok(GitCommit {
            id: id.ok_or(GitError::NoDefault { url: shown })?,
            tag: None,
            reference: head.head.filter(|name| is_safe_reference(name)),
        });
    };
    let peeled = format!("{reference}^{{}}");
    let listed = git.run(&["ls-remote", "--", &remote, reference, &peeled])?;
    let found = Listed::parse(&shown, &String::from_utf8_lossy(&listed))?;
    if let Some(commit) = found.choose(reference) {
        return Ok(commit);
    }
    let is_short = (4..40).contains(&reference.len())
        && reference.bytes().all(|byte| byte.is_ascii_hexdigit());
    let missing = GitError::NoReference {
        url: shown.clone(),
        reference: reference.to_owned(),
    };
    if !is_short {
        return Err(missing);
    }
    let listed = git.run(&["ls-remote", "--", &remote])?;
    let prefix = reference.to_ascii_lowercase();
    let mut ids: Vec<CommitId> = Listed::parse(&shown, &String::from_utf8_lossy(&listed))?
        .objects
        .into_values()
        .filter(|id| id.as_str().starts_with(&prefix))
        .collect();
    ids.sort();
    ids.dedup();
    match (ids.pop(), ids.is_empty()) {
        (None, _) => Err(missing),
        (Some(id), true) => Ok(GitCommit {
            id,
            tag: None,
            reference: None,
        }),
        (Some(_), false) => Err(GitError::Ambiguous {
            url: shown,
            reference: reference.to_owned(),
        }),
    }
}

/// The answer of `git ls-remote`.
#[derive(Debug, Default)]
struct Listed {
    /// By names of references; `NAME^{}` is what the annotated tag NAME leads to.
    objects: BTreeMap<String, CommitId>,
    /// The branch that HEAD is at.
    head: Option<String>,
}

impl Listed {
    fn parse(url: &str, text: &str) -> Result<Self, GitError> {
        let mut listed = Self::default();
        for line in text.lines() {
            let Some((object, name)) = line.split_once('\t') else {
                continue;
            };
            if let Some(target) = object.strip_prefix("ref: ") {
                if name == "HEAD" {
                    listed.head = Some(target.to_owned());
                }
                continue;
            }
            let id = object.parse().map_err(|source| GitError::Commit {
                url: url.to_owned(),
                source,
            })?;
            listed.objects.insert(name.to_owned(), id);
        }
        Ok(listed)
    }

    /// The reference that a name means: by its whole name, else a branch, else a tag. A pattern
    /// of `ls-remote` finds `other/NAME` too.
    fn choose(&self, name: &str) -> Option<GitCommit> {
        let under = |folder: &str| format!("{folder}{}", name.strip_prefix(folder).unwrap_or(name));
        ["refs/", "refs/heads/", "refs/tags/"]
            .map(under)
            .into_iter()
            .find_map(|reference| {
                let object = self.objects.get(&reference)?;
                let peeled = self.objects.get(&format!("{reference}^{{}}"));
                Some(GitCommit {
                    id: peeled.unwrap_or(object).clone(),
                    tag: peeled.is_some().then(|| object.clone()),
                    reference: Some(reference),
                })
            })
    }
}

/// Whether a reference that the server names can be a file in `.git`.
fn is_safe_reference(name: &str) -> bool {
    name.starts_with("refs/")
        && name.len() < 1024
        && name.split('/').all(|part| {
            !part.is_empty()
                && !part.starts_with('.')
                && part
                    .chars()
                    .all(|c| !c.is_control() && !" ~^:?*[\\".contains(c))
        })
}

#[cfg(test)]
mod tests;
