//! `COPY` and `ADD`.

use std::collections::BTreeMap;

use crossdock_graph::{Copy, CopySource, InlineFile, Mode, Operation, OperationId, SourcePath};
use crossdock_image::{Platform, RemoteSource};

use super::bases::CopyFrom;
use super::error::{LowerError, LowerReason};
use super::go_format::quote;
use super::stage::{Site, Stage};
use super::{BaseRequest, Lowerer, mode};
use crate::expand::Expander;
use crate::image_path::{PathRules, clean};
use crate::instruction::{self, Add, InstructionKind, Transfer, TransferSource};
use crate::logical::Word;
use crate::rule::Rule;

/// What an instruction transfers, after expansion.
struct Request {
    sources: Vec<CopySource>,
    destination: String,
    into_directory: bool,
    owner: Option<String>,
    mode: Option<Mode>,
    parents: bool,
    created_by: String,
}

/// What the paths of an instruction are in.
pub(super) enum Origin {
    /// A tree of the graph, and the rules of its paths.
    Tree(OperationId, PathRules),
    /// A build context, which the graph has only if a path is in it.
    Context(String),
}

/// How the sources of an instruction are read.
struct Manner<'a> {
    origin: Origin,
    parents: bool,
    /// `ADD`, whose sources may be elsewhere.
    add: Option<&'a Add>,
}

impl Lowerer<'_> {
    pub(super) fn copy(
        &mut self,
        stage: &mut Stage,
        copy: &instruction::Copy,
        site: &Site<'_>,
        done: &BTreeMap<usize, Stage>,
    ) -> Result<(), LowerError> {
        let from = self.copy_source(stage.index, site.instruction, site.statement())?;
        let origin = match from {
            None => Origin::Context(String::new()),
            Some(CopyFrom::Context(name)) => Origin::Context(name),
            Some(CopyFrom::Stage(index)) => Origin::Tree(done[&index].tree, done[&index].rules()),
            Some(CopyFrom::Image(request)) => self.image_tree(stage, &request, site),
            Some(CopyFrom::Scratch) => {
                let location = self.location(stage.index, site.instruction, site.place);
                let platform = Platform::new("linux", "unknown");
                let empty = self.add(Operation::Scratch, location, &platform);
                Origin::Tree(empty, PathRules::Linux)
            }
        };
        let manner = Manner {
            origin,
            parents: copy.parents,
            add: None,
        };
        let request = self.request(stage, &copy.transfer, manner, site)?;
        self.transfer(stage, &copy.transfer, request, site);
        Ok(())
    }

    pub(super) fn add_files(
        &mut self,
        stage: &mut Stage,
        add: &Add,
        site: &Site<'_>,
    ) -> Result<(), LowerError> {
        let manner = Manner {
            origin: Origin::Context(String::new()),
            parents: false,
            add: Some(add),
        };
        let request = self.request(stage, &add.transfer, manner, site)?;
        self.transfer(stage, &add.transfer, request, site);
        Ok(())
    }

    /// A build context.
    pub(super) fn context(&mut self, stage: &Stage, name: &str, site: &Site<'_>) -> OperationId {
        let location = self.location(stage.index, site.instruction, site.place);
        let operation = Operation::Context {
            name: name.to_owned(),
        };
        self.add(operation, location, &Platform::new("linux", "unknown"))
    }

    fn image_tree(&mut self, stage: &Stage, request: &BaseRequest, site: &Site<'_>) -> Origin {
        let platform = self.answer(request).platform.clone();
        let location = self.location(stage.index, site.instruction, site.place);
        let operation = Operation::Image {
            source: request.source.clone(),
            platform: platform.clone(),
        };
        let tree = self.add(operation, location, &platform);
        Origin::Tree(tree, PathRules::of(&platform.os))
    }

    fn request(
        &mut self,
        stage: &Stage,
        transfer: &Transfer,
        manner: Manner<'_>,
        site: &Site<'_>,
    ) -> Result<Request, LowerError> {
        let mut created_by = site.instruction.kind.keyword().to_owned();
        if manner.parents {
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
        let sources = self.copy_sources(stage, transfer, &manner, &mut created_by, site)?;
        let word = &transfer.destination;
        let written = self.text(stage, word, site)?;
        self.check_backslashes(stage.rules(), word, &written, site.at(word.span));
        let destination = stage
            .rules()
            .resolve(&stage.directory, &written)
            .map_err(|error| site.path_error(word.span, error))?;
        self.check_windows_path(stage, &written, site.at(word.span));
        let into_directory = destination.directory || destination.path == "/";
        if into_directory && !manner.parents {
            self.check_windows_files(stage, &sources, site);
        }
        created_by.push_str(&format!(" {written} # buildkit"));
        Ok(Request {
            sources,
            into_directory,
            destination: destination.path,
            owner,
            mode,
            parents: manner.parents,
            created_by,
        })
    }

    /// The sources: paths and what is elsewhere in their order, then the here-documents, as in
    /// BuildKit.
    fn copy_sources(
        &mut self,
        stage: &Stage,
        transfer: &Transfer,
        manner: &Manner<'_>,
        created_by: &mut String,
        site: &Site<'_>,
    ) -> Result<Vec<CopySource>, LowerError> {
        let mut sources: Vec<CopySource> = Vec::new();
        let mut inline = Vec::new();
        let checksum = match manner.add {
            Some(add) => self.checksum(stage, add, site)?,
            None => None,
        };
        for source in &transfer.sources {
            let word = match source {
                TransferSource::Path(word) => word,
                TransferSource::Heredoc(index) => {
                    inline.push(self.inline(stage, *index, site)?);
                    continue;
                }
            };
            let written = self.text(stage, word, site)?;
            created_by.push_str(&format!(" {written}"));
            let Some(remote) = RemoteSource::parse(&written) else {
                if checksum.is_some() {
                    return Err(site.error(word.span, LowerReason::Checksum));
                }
                let source = self.local_source(stage, manner, word, written, site)?;
                push_source(&mut sources, source);
                continue;
            };
            let Some(add) = manner.add else {
                let location = written;
                return Err(site.error(word.span, LowerReason::CopyRemote { location }));
            };
            let remote = remote.map_err(|error| site.remote_error(word.span, error))?;
            sources.push(self.remote_source(stage, add, remote, checksum.as_ref(), word, site)?);
        }
        for file in &inline {
            created_by.push_str(&format!(" <<{}", file.name));
        }
        if !inline.is_empty() {
            sources.push(CopySource::Inline(inline));
        }
        Ok(sources)
    }

    /// A path. Paths of a context follow the destination's system, as in BuildKit: a Dockerfile
    /// for Windows says `COPY .\app C:\app`.
    fn local_source(
        &mut self,
        stage: &Stage,
        manner: &Manner<'_>,
        word: &Word,
        written: String,
        site: &Site<'_>,
    ) -> Result<CopySource, LowerError> {
        let (tree, rules) = match &manner.origin {
            Origin::Tree(tree, rules) => (*tree, *rules),
            Origin::Context(name) => (self.context(stage, name, site), stage.rules()),
        };
        self.check_backslashes(rules, word, &written, site.at(word.span));
        let path = source_path(rules, written, manner.parents, word, site)?;
        if matches!(&manner.origin, Origin::Context(name) if name.is_empty()) {
            self.check_ignored(&path.path, word, site);
        }
        Ok(CopySource::Tree {
            tree,
            paths: vec![path],
            unpack: manner.add.is_some_and(|add| add.unpack.unwrap_or(true)),
        })
    }

    /// Warns about a path that the ignore file leaves out. With exceptions in that file nobody
    /// can tell before the context is read, and nothing is said, as in BuildKit.
    fn check_ignored(&mut self, path: &str, word: &Word, site: &Site<'_>) {
        let patterns = self.options.ignore.as_ref();
        let Some(patterns) = patterns.filter(|patterns| !patterns.has_exceptions()) else {
            return;
        };
        let relative = path.trim_start_matches('/');
        let ignored = match relative {
            "" => patterns.ignores_everything(),
            relative => patterns.matches_or_parent_matches(relative.as_bytes()),
        };
        if ignored {
            let verb = match site.instruction.kind {
                InstructionKind::Add(_) => "Add",
                _ => "Copy",
            };
            let shown = if relative.is_empty() { "." } else { relative };
            let message = format!(
                "Attempting to {verb} file {} that is excluded by .dockerignore",
                quote(shown)
            );
            self.warn(Rule::CopyIgnoredFile, site.at(word.span), message);
        }
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

    fn transfer(
        &mut self,
        stage: &mut Stage,
        transfer: &Transfer,
        request: Request,
        site: &Site<'_>,
    ) {
        let exclude = transfer.exclude.iter().map(|word| word.text.clone());
        let operation = Operation::Copy(Box::new(Copy {
            base: stage.tree,
            sources: request.sources,
            destination: request.destination,
            into_directory: request.into_directory,
            owner: request.owner,
            mode: request.mode,
            link: transfer.link,
            parents: request.parents,
            exclude: exclude.collect(),
        }));
        let location = self.location(stage.index, site.instruction, site.place);
        stage.tree = self.add(operation, location, &stage.platform);
        stage.record(request.created_by, Some(stage.tree));
    }
}

/// Appends `source`; paths of one tree that follow each other are one source.
fn push_source(sources: &mut Vec<CopySource>, source: CopySource) {
    if let Some(CopySource::Tree { tree, paths, .. }) = sources.last_mut()
        && let CopySource::Tree {
            tree: same,
            paths: more,
            ..
        } = &source
        && tree == same
    {
        paths.extend(more.iter().cloned());
        return;
    }
    sources.push(source);
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
