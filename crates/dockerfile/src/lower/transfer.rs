//! `COPY` and `ADD`.

use std::collections::BTreeMap;

use crossdock_graph::{Copy, CopySource, InlineFile, Mode, Operation, OperationId, SourcePath};
use crossdock_image::Platform;

use super::error::{LowerError, LowerReason};
use super::stage::{Site, Stage};
use super::stages::CopyFrom;
use super::{BaseRequest, Lowerer, mode};
use crate::expand::Expander;
use crate::image_path::{PathRules, clean};
use crate::instruction::{self, Add, Transfer, TransferSource};
use crate::logical::Word;

/// What an instruction transfers, after expansion.
struct Request {
    tree: OperationId,
    paths: Vec<SourcePath>,
    inline: Vec<InlineFile>,
    destination: String,
    into_directory: bool,
    owner: Option<String>,
    mode: Option<Mode>,
    parents: bool,
    unpack: bool,
    created_by: String,
}

/// A tree to copy from and the rules of its paths.
struct Tree {
    id: OperationId,
    rules: PathRules,
}

impl Lowerer<'_> {
    pub(super) fn copy(
        &mut self,
        stage: &mut Stage,
        copy: &instruction::Copy,
        site: &Site<'_>,
        done: &BTreeMap<usize, Stage>,
    ) -> Result<(), LowerError> {
        let tree = match self.copy_source(stage.index, site.instruction, site.statement())? {
            None => self.context(stage, String::new(), site),
            Some(CopyFrom::Context(name)) => self.context(stage, name, site),
            Some(CopyFrom::Stage(index)) => Tree {
                id: done[&index].tree,
                rules: done[&index].rules(),
            },
            Some(CopyFrom::Image(request)) => self.image_tree(stage, &request, site),
        };
        for source in &copy.transfer.sources {
            if let TransferSource::Path(word) = source {
                let location = self.text(stage, word, site)?;
                if is_remote(&location) {
                    return Err(site.error(word.span, LowerReason::CopyRemote { location }));
                }
            }
        }
        let request = self.request(stage, &copy.transfer, &tree, copy.parents, false, site)?;
        self.transfer(stage, &copy.transfer, request, site);
        Ok(())
    }

    pub(super) fn add_files(
        &mut self,
        stage: &mut Stage,
        add: &Add,
        site: &Site<'_>,
    ) -> Result<(), LowerError> {
        for source in &add.transfer.sources {
            let TransferSource::Path(word) = source else {
                continue;
            };
            if is_remote(&self.text(stage, word, site)?) {
                let what = "ADD of a URL or git repository";
                return Err(self.unsupported(what, stage.index, site.at(word.span)));
            }
        }
        if let Some(checksum) = &add.checksum {
            return Err(site.error(checksum.span, LowerReason::Checksum));
        }
        let tree = self.context(stage, String::new(), site);
        let unpack = add.unpack.unwrap_or(true);
        let request = self.request(stage, &add.transfer, &tree, false, unpack, site)?;
        self.transfer(stage, &add.transfer, request, site);
        Ok(())
    }

    /// A build context. Its paths follow the destination's system, as in BuildKit: a Dockerfile
    /// for Windows says `COPY .\app C:\app`.
    fn context(&mut self, stage: &Stage, name: String, site: &Site<'_>) -> Tree {
        let location = self.location(stage.index, site.instruction, site.place);
        let platform = Platform::new("linux", "unknown");
        Tree {
            id: self.add(Operation::Context { name }, location, &platform),
            rules: stage.rules(),
        }
    }

    fn image_tree(&mut self, stage: &Stage, request: &BaseRequest, site: &Site<'_>) -> Tree {
        let platform = self.bases[request].platform.clone();
        let location = self.location(stage.index, site.instruction, site.place);
        let operation = Operation::Image {
            source: request.source.clone(),
            platform: platform.clone(),
        };
        Tree {
            id: self.add(operation, location, &platform),
            rules: PathRules::of(&platform.os),
        }
    }

    fn request(
        &mut self,
        stage: &Stage,
        transfer: &Transfer,
        tree: &Tree,
        parents: bool,
        unpack: bool,
        site: &Site<'_>,
    ) -> Result<Request, LowerError> {
        let keyword = site.instruction.kind.keyword();
        let mut created_by = keyword.to_owned();
        if parents {
            created_by.push_str(" --parents");
        }
        let owner = self.flag(
            stage,
            transfer.chown.as_ref(),
            "chown",
            &mut created_by,
            site,
        )?;
        let mode = self.mode(stage, transfer.chmod.as_ref(), &mut created_by, site)?;
        let mut paths = Vec::new();
        let mut inline = Vec::new();
        for source in &transfer.sources {
            match source {
                TransferSource::Path(word) => {
                    let written = self.text(stage, word, site)?;
                    self.check_backslashes(tree.rules, word, &written, site.at(word.span));
                    created_by.push_str(&format!(" {written}"));
                    paths.push(source_path(tree.rules, written, parents, word, site)?);
                }
                TransferSource::Heredoc(index) => inline.push(self.inline(stage, *index, site)?),
            }
        }
        for file in &inline {
            created_by.push_str(&format!(" <<{}", file.name));
        }
        let word = &transfer.destination;
        let written = self.text(stage, word, site)?;
        self.check_backslashes(stage.rules(), word, &written, site.at(word.span));
        let destination = stage
            .rules()
            .resolve(&stage.directory, &written)
            .map_err(|error| site.path_error(word.span, error))?;
        if transfer.sources.len() > 1 && !destination.directory && destination.path != "/" {
            let reason = LowerReason::NotDirectory {
                instruction: keyword,
                destination: written,
            };
            return Err(site.error(word.span, reason));
        }
        created_by.push_str(&format!(" {written} # buildkit"));
        Ok(Request {
            tree: tree.id,
            paths,
            inline,
            into_directory: destination.directory || destination.path == "/",
            destination: destination.path,
            owner,
            mode,
            parents,
            unpack,
            created_by,
        })
    }

    fn mode(
        &mut self,
        stage: &Stage,
        word: Option<&Word>,
        created_by: &mut String,
        site: &Site<'_>,
    ) -> Result<Option<Mode>, LowerError> {
        let text = self.flag(stage, word, "chmod", created_by, site)?;
        let (Some(text), Some(word)) = (text, word) else {
            return Ok(None);
        };
        match mode::parse(&text) {
            Some(mode) => Ok(Some(mode)),
            None => Err(site.error(word.span, LowerReason::Mode { mode: text })),
        }
    }

    /// The value of a flag after expansion; empty means that it was not given.
    fn flag(
        &mut self,
        stage: &Stage,
        word: Option<&Word>,
        name: &str,
        created_by: &mut String,
        site: &Site<'_>,
    ) -> Result<Option<String>, LowerError> {
        let Some(word) = word else { return Ok(None) };
        let value = self.text(stage, word, site)?;
        if value.is_empty() {
            return Ok(None);
        }
        created_by.push_str(&format!(" --{name}={value}"));
        Ok(Some(value))
    }

    fn inline(
        &mut self,
        stage: &Stage,
        index: usize,
        site: &Site<'_>,
    ) -> Result<InlineFile, LowerError> {
        let heredoc = &site.instruction.heredocs[index];
        let name = heredoc.name.text.clone();
        let separator = |c| c == '/' || (c == '\\' && stage.platform.is_windows());
        if name.contains(separator) || matches!(name.as_str(), "." | "..") {
            return Err(site.error(heredoc.name.span, LowerReason::HeredocName { name }));
        }
        let mut content = heredoc.content.clone();
        if heredoc.expand {
            let Ok(text) = String::from_utf8(content) else {
                return Err(site.error(heredoc.name.span, LowerReason::HeredocNotText { name }));
            };
            let result = Expander::for_heredoc(&stage.scope).expand(&text);
            let expansion = self.expanded(stage, &heredoc.name, site, result)?;
            content = expansion.text.into_bytes();
        }
        Ok(InlineFile { name, content })
    }

    /// Adds the operation: the paths come first, then the here-documents, as in BuildKit.
    fn transfer(
        &mut self,
        stage: &mut Stage,
        transfer: &Transfer,
        request: Request,
        site: &Site<'_>,
    ) {
        let tree = (!request.paths.is_empty()).then_some(CopySource::Tree {
            tree: request.tree,
            paths: request.paths,
            unpack: request.unpack,
        });
        let inline = (!request.inline.is_empty()).then_some(CopySource::Inline(request.inline));
        let operation = Operation::Copy(Box::new(Copy {
            base: stage.tree,
            sources: [tree, inline].into_iter().flatten().collect(),
            destination: request.destination,
            into_directory: request.into_directory,
            owner: request.owner,
            mode: request.mode,
            link: transfer.link,
            parents: request.parents,
            exclude: transfer
                .exclude
                .iter()
                .map(|word| word.text.clone())
                .collect(),
        }));
        let location = self.location(stage.index, site.instruction, site.place);
        stage.tree = self.add(operation, location, &stage.platform);
        stage.record(request.created_by, Some(stage.tree));
    }
}

fn source_path(
    rules: PathRules,
    written: String,
    parents: bool,
    word: &Word,
    site: &Site<'_>,
) -> Result<SourcePath, LowerError> {
    let resolve = |path: &str| {
        let resolved = rules.resolve("/", path);
        resolved.map_err(|error| site.path_error(word.span, error))
    };
    let path = resolve(&written)?.path;
    // `COPY --parents a/./b /c` makes /c/b, not /c/a/b.
    let slashed = match rules {
        PathRules::Linux => written.clone(),
        PathRules::Windows => written.replace('\\', "/"),
    };
    let pivot = match slashed.split_once("/./").filter(|_| parents) {
        Some((before, _)) => resolve(before)?.path,
        None => clean(""),
    };
    Ok(SourcePath {
        wildcard: has_wildcard(&path),
        pivot: pivot.split('/').filter(|name| !name.is_empty()).count(),
        path,
        written,
    })
}

/// Whether a Go `filepath.Match` pattern is more than a name.
fn has_wildcard(path: &str) -> bool {
    let mut chars = path.chars();
    while let Some(c) = chars.next() {
        match c {
            '*' | '?' | '[' => return true,
            '\\' => {
                chars.next();
            }
            _ => {}
        }
    }
    false
}

/// Whether docker would download `source`: a URL, or a git repository as git writes it.
fn is_remote(source: &str) -> bool {
    let scheme = ["http://", "https://", "git://", "ssh://", "git+ssh://"];
    if scheme.iter().any(|scheme| source.starts_with(scheme)) {
        return true;
    }
    // user@host:path
    source.split_once('@').is_some_and(|(user, rest)| {
        let word = |text: &str, extra: &str| {
            let valid = |c: char| c.is_ascii_alphanumeric() || extra.contains(c);
            !text.is_empty() && text.chars().all(valid)
        };
        let host = rest.split_once(':').map_or("", |(host, _)| host);
        word(user, "-_") && word(host, "-_.")
    })
}
