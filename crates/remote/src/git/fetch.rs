//! A commit, without its history, from wherever the server gives it.

use std::path::Path;

use crossdock_image::CommitId;

use super::GitCommit;
use super::address::Address;
use super::command::{Program, Repository, init};
use super::error::GitError;

/// Fetches `commit` from `address` into a new bare repository in `folder`. The answer also has the
/// commit, which is another one if an annotated tag's id was asked for.
pub(super) fn fetch<'a>(
    program: &'a Program,
    address: Address,
    commit: &GitCommit,
    folder: &Path,
) -> Result<(Repository<'a>, CommitId), GitError> {
    let git = init(program, folder, address, commit.id.is_sha256())?;
    // A tag is what the server lists; what it leads to is not.
    let object = commit.tag.as_ref().unwrap_or(&commit.id);
    let remote = git.address.for_git();
    let own = commit.reference.as_ref();
    let own = own.map(|name| format!("+{name}:refs/crossdock/own"));
    let own: Vec<&str> = own.as_deref().into_iter().collect();
    let everything = [
        "+refs/heads/*:refs/crossdock/heads/*",
        "+refs/tags/*:refs/crossdock/tags/*",
    ];
    // Some servers give only what a reference is at; some cannot leave the history out. What is
    // not given in one way is asked for in the next.
    let attempts: [(bool, &[&str]); 4] = [
        (true, &[object.as_str()]),
        (true, &own),
        (false, &own),
        (false, &everything),
    ];
    for (is_shallow, wanted) in attempts {
        // Without a name, git would fetch the default branch.
        if wanted.is_empty() {
            continue;
        }
        let mut arguments = vec!["fetch", "--quiet", "--no-tags"];
        if is_shallow {
            arguments.push("--depth=1");
        } else if folder.join("shallow").exists() {
            arguments.push("--unshallow");
        }
        arguments.extend(["--", &remote]);
        arguments.extend(wanted);
        match git.run(&arguments) {
            Ok(_) => {}
            Err(error) if is_refusal(&error) => continue,
            Err(error) => return Err(error),
        }
        let peeled = format!("{object}^{{commit}}");
        if git.succeeds(&["cat-file", "-e", &peeled])? {
            let id = git.line(&["rev-parse", "--verify", &peeled])?;
            let id = id.parse().map_err(|source| GitError::Commit {
                url: git.address.shown(),
                source,
            })?;
            return Ok((git, id));
        }
    }
    Err(GitError::NotGiven {
        url: git.address.shown(),
        commit: commit.id.clone(),
    })
}

/// Whether the server is there and does not give that, or not in that way.
fn is_refusal(error: &GitError) -> bool {
    let details = match error {
        GitError::Failed { details, .. }
        | GitError::NotFound { details, .. }
        | GitError::Network { details, .. } => details,
        _ => return false,
    };
    [
        "not our ref",
        "unadvertised object",
        "no such remote ref",
        "couldn't find remote ref",
        "shallow",
        "--depth",
    ]
    .iter()
    .any(|phrase| details.contains(phrase))
}
