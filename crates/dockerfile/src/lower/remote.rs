//! `ADD` of what is elsewhere: files by http, trees of git repositories.

use crossdock_graph::{CopySource, Download, Git, Operation, SourcePath};
use crossdock_image::{CommitPrefix, Digest, GitUrl, HttpUrl, Platform, RemoteSource};

use super::Lowerer;
use super::error::{LowerError, LowerReason};
use super::stage::{Site, Stage};
use crate::instruction::{Add, TransferSource};
use crate::logical::Word;

/// The name of a download whose URL has none, as in BuildKit.
const UNNAMED: &str = "__unnamed__";

/// `--checksum` after expansion, and where it stands.
pub(super) struct Checksum<'a> {
    text: String,
    word: &'a Word,
}

impl Lowerer<'_> {
    /// `--checksum`: it is for one source, and for no here-document.
    pub(super) fn checksum<'a>(
        &mut self,
        stage: &Stage,
        add: &'a Add,
        site: &Site<'_>,
    ) -> Result<Option<Checksum<'a>>, LowerError> {
        let Some(word) = &add.checksum else {
            return Ok(None);
        };
        let text = self.text(stage, word, site)?;
        if text.is_empty() {
            return Ok(None);
        }
        let sources = add.transfer.sources.iter();
        let paths = sources.filter(|source| matches!(source, TransferSource::Path(_)));
        match paths.count() {
            1 => Ok(Some(Checksum { text, word })),
            0 => Err(site.error(word.span, LowerReason::Checksum)),
            _ => Err(site.error(word.span, LowerReason::ChecksumOfSeveral)),
        }
    }

    /// What `ADD` takes from elsewhere.
    pub(super) fn remote_source(
        &mut self,
        stage: &Stage,
        add: &Add,
        remote: RemoteSource,
        checksum: Option<&Checksum<'_>>,
        word: &Word,
        site: &Site<'_>,
    ) -> Result<CopySource, LowerError> {
        let (operation, path, unpack) = match remote {
            RemoteSource::Http(url) => {
                let download = download(&url, checksum, site)?;
                let path = format!("/{}", download.name);
                let unpack = add.unpack.unwrap_or(false);
                (Operation::Download(download), path, unpack)
            }
            RemoteSource::Git(url) => {
                let git = git(url, add, checksum, word, site)?;
                (Operation::Git(git), "/".to_owned(), false)
            }
        };
        let location = self.location(stage.index, site.instruction, site.place);
        let tree = self.add(operation, location, &Platform::new("linux", "unknown"));
        let path = SourcePath {
            path,
            wildcard: false,
            pivot: 0,
            written: word.text.clone(),
        };
        Ok(CopySource::Tree {
            tree,
            paths: vec![path],
            unpack,
        })
    }
}

fn download(
    url: &HttpUrl,
    checksum: Option<&Checksum<'_>>,
    site: &Site<'_>,
) -> Result<Download, LowerError> {
    let checksum = match checksum {
        None => None,
        Some(checksum) => Some(checksum.text.parse::<Digest>().map_err(|error| {
            let reason = LowerReason::ChecksumValue {
                value: checksum.text.clone(),
                reason: error.to_string(),
            };
            site.error(checksum.word.span, reason)
        })?),
    };
    Ok(Download {
        url: url.reveal().to_owned(),
        name: url.file_name().unwrap_or_else(|| UNNAMED.to_owned()),
        checksum,
    })
}

fn git(
    url: GitUrl,
    add: &Add,
    checksum: Option<&Checksum<'_>>,
    word: &Word,
    site: &Site<'_>,
) -> Result<Git, LowerError> {
    let checksum = match checksum {
        None => None,
        Some(checksum) => Some(checksum.text.parse::<CommitPrefix>().map_err(|error| {
            let reason = LowerReason::ChecksumValue {
                value: checksum.text.clone(),
                reason: error.to_string(),
            };
            site.error(checksum.word.span, reason)
        })?),
    };
    let url = url
        .with_flags(add.keep_git_dir, checksum)
        .map_err(|error| site.remote_error(word.span, error))?;
    Ok(Git {
        keep_git_dir: url.keep_git_dir().unwrap_or(false),
        checksum: url.checksum().map(|checksum| checksum.as_str().to_owned()),
        url: url.reveal(),
    })
}
