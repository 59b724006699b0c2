//! Where the context, the named contexts and the Dockerfile are, by the command line.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crossdock_build::{
    Builder, ContextSource, DockerfileSource, FoundDockerfile, GitUrl, ImageSource, Limits,
    MAX_DOCKERFILE, OpenedContext, RemoteSource, local_dockerfile,
};
use crossdock_dockerfile::NamedContext;

use crate::arguments::Build;
use crate::failure::Failure;

/// What standard input is called in messages.
const STDIN: &str = "-";
/// The build argument that keeps `.git` in a git context, as BuildKit has it.
const KEEP_GIT_DIR: &str = "BUILDKIT_CONTEXT_KEEP_GIT_DIR";

/// Contexts with a name: what each means to the Dockerfile, and where those are that are files.
#[derive(Debug, Default)]
pub(super) struct NamedContexts {
    pub(super) meanings: BTreeMap<String, NamedContext>,
    pub(super) sources: BTreeMap<String, ContextSource>,
}

/// Where the main context is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum MainContext {
    Stdin,
    Source(ContextSource),
}

/// Where the context and the Dockerfile are. Nothing is read yet.
#[derive(Debug)]
pub(super) struct Places {
    context: MainContext,
    dockerfile: Dockerfile,
}

/// A Dockerfile that is on this machine with its context, or where to look for it.
#[derive(Debug)]
pub(super) enum Here {
    Found(PathBuf, FoundDockerfile),
    Elsewhere(Places),
}

#[derive(Debug)]
enum Dockerfile {
    Stdin,
    Source(DockerfileSource),
}

impl Dockerfile {
    /// Where it is, read if it is on standard input.
    fn source(self) -> Result<DockerfileSource, Failure> {
        match self {
            Self::Source(source) => Ok(source),
            Self::Stdin => {
                let mut bytes = Vec::new();
                let most = MAX_DOCKERFILE + 1;
                let stdin = std::io::stdin().lock().take(most);
                read(stdin, &mut bytes)?;
                Ok(DockerfileSource::Bytes(STDIN.to_owned(), bytes))
            }
        }
    }
}

impl Places {
    pub(super) fn of(
        arguments: &Build,
        build_args: &BTreeMap<String, String>,
    ) -> Result<Self, Failure> {
        let context = main_context(&arguments.context, build_args)?;
        let dockerfile = dockerfile(arguments.file.as_deref())?;
        if let (MainContext::Stdin, Dockerfile::Stdin) = (&context, &dockerfile) {
            return Err(Failure::input(
                "the build context and -f are both -, and standard input can be one of them only",
            ));
        }
        Ok(Self {
            context,
            dockerfile,
        })
    }

    /// Reads the Dockerfile if the context is a folder and nothing has to be fetched: that needs no
    /// store.
    pub(super) fn here(self) -> Result<Here, Failure> {
        let MainContext::Source(ContextSource::Folder(folder)) = &self.context else {
            return Ok(Here::Elsewhere(self));
        };
        let folder = folder.clone();
        let source = self.dockerfile.source()?;
        match local_dockerfile(&folder, &source) {
            Some(found) => {
                let found = found.map_err(|error| Failure::image(&error))?;
                Ok(Here::Found(folder, found))
            }
            None => Ok(Here::Elsewhere(Self {
                context: self.context,
                dockerfile: Dockerfile::Source(source),
            })),
        }
    }

    /// Opens the context and reads the Dockerfile.
    pub(super) fn open(
        self,
        builder: &Builder<'_>,
        limits: &Limits,
        no_cache: bool,
    ) -> Result<(OpenedContext, FoundDockerfile), Failure> {
        let failed = |error| Failure::image(&error);
        // First, as it may be missing while a context is fetched in vain.
        let source = self.dockerfile.source()?;
        let context = match &self.context {
            MainContext::Source(source) => builder.open_context(source, limits, no_cache),
            MainContext::Stdin => builder.receive_context(STDIN, std::io::stdin().lock(), limits),
        };
        let context = context.map_err(failed)?;
        let found = builder.dockerfile(&context, source, limits);
        Ok((context, found.map_err(failed)?))
    }
}

fn read(mut stdin: impl std::io::Read, bytes: &mut Vec<u8>) -> Result<(), Failure> {
    let read = stdin.read_to_end(bytes).map(drop);
    read.map_err(|error| Failure::system(format!("Dockerfile -: cannot be read: {error}")))
}

fn main_context(
    path: &Path,
    build_args: &BTreeMap<String, String>,
) -> Result<MainContext, Failure> {
    if path == Path::new(STDIN) {
        return Ok(MainContext::Stdin);
    }
    let text = path.to_string_lossy();
    match source(path)? {
        Some(ContextSource::Git(url)) => {
            let url = with_git_dir(url, build_args)?;
            Ok(MainContext::Source(ContextSource::Git(url)))
        }
        Some(source) => Ok(MainContext::Source(source)),
        None => Err(Failure::input(format!(
            "build context {text}: is not a folder; a context is a folder, - for a tar or a \
             Dockerfile on standard input, the URL of a tar, or a git repository, such as \
             https://example.com/app.git#main:folder"
        ))),
    }
}

/// The folder or address that `path` names, the folder first.
fn source(path: &Path) -> Result<Option<ContextSource>, Failure> {
    if path.is_dir() {
        return Ok(Some(ContextSource::Folder(path.to_owned())));
    }
    let remote = path.to_str().and_then(RemoteSource::parse_context);
    let remote = remote.transpose();
    let remote = remote.map_err(|error| Failure::input(format!("build context: {error}")))?;
    Ok(remote.map(|remote| match remote {
        RemoteSource::Http(url) => ContextSource::Url(url),
        RemoteSource::Git(url) => ContextSource::Git(url),
    }))
}

/// BUILDKIT_CONTEXT_KEEP_GIT_DIR is as `?keep-git-dir=true`.
fn with_git_dir(url: GitUrl, build_args: &BTreeMap<String, String>) -> Result<GitUrl, Failure> {
    let value = build_args.get(KEEP_GIT_DIR).map(String::as_str);
    match value {
        // Go's ParseBool.
        Some("1" | "t" | "T" | "true" | "TRUE" | "True") => url
            .with_flags(Some(true), None)
            .map_err(|error| Failure::input(format!("--build-arg {KEEP_GIT_DIR}: {error}"))),
        _ => Ok(url),
    }
}

fn dockerfile(file: Option<&Path>) -> Result<Dockerfile, Failure> {
    let Some(path) = file else {
        return Ok(Dockerfile::Source(DockerfileSource::Default));
    };
    if path == Path::new(STDIN) {
        return Ok(Dockerfile::Stdin);
    }
    let text = path.to_str().unwrap_or_default();
    if !(text.starts_with("http://") || text.starts_with("https://")) {
        return Ok(Dockerfile::Source(DockerfileSource::Path(path.to_owned())));
    }
    let url = text.parse();
    let url = url.map_err(|error| Failure::input(format!("-f: {error}")))?;
    Ok(Dockerfile::Source(DockerfileSource::Url(url)))
}

impl NamedContexts {
    /// Reads `NAME=VALUE` arguments; of equal names the last counts.
    pub(super) fn parse(arguments: &[String]) -> Result<Self, Failure> {
        let mut named = Self::default();
        for argument in arguments {
            let failed = |reason: &str| {
                Failure::input(format!(
                    "--build-context {argument}: {reason}; write it like NAME=FOLDER, \
                     NAME=docker-image://REFERENCE, NAME=oci-layout://FOLDER:TAG, \
                     NAME=oci-archive://FILE:NAME, NAME=https://HOST/FILE.tar, NAME=https://HOST/REPOSITORY.git#REFERENCE, or \
                     NAME=target:STAGE"
                ))
            };
            let (name, value) = argument
                .split_once('=')
                .ok_or_else(|| failed("there is no ="))?;
            if name.is_empty() || value.is_empty() {
                return Err(failed("the name and the value may not be empty"));
            }
            named.sources.remove(name);
            let meaning = if let Some(image) = value.strip_prefix("docker-image://") {
                if image.is_empty() {
                    return Err(failed("the reference is missing"));
                }
                NamedContext::Image(ImageSource::Registry(image.to_owned()))
            } else if ImageSource::has_scheme(value) {
                let image = value.parse();
                NamedContext::Image(image.map_err(|error| failed(&format!("{error}")))?)
            } else if let Some(stage) = value.strip_prefix("target:") {
                NamedContext::Stage(stage.to_owned())
            } else {
                let found = source(Path::new(value))?;
                let found = found.ok_or_else(|| failed("that is no folder and no address"))?;
                named.sources.insert(name.to_owned(), found);
                NamedContext::Files
            };
            named.meanings.insert(name.to_owned(), meaning);
        }
        Ok(named)
    }
}
