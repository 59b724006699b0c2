//! What may be written for the values of arguments.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Arg, ArgMatches, Command};
use clap_complete::engine::{
    ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter as _,
};
use crossdock_build::{
    AuditRule, ImageSource, Images, NamedImage, PathCandidate, Store, complete_path, layout_tags,
    local_names,
};

use crate::arguments::Arguments;
use crate::commands::build::limits;
use crate::image::{image_and_path, platform_choice};
use crate::registry::RegistryOptions;

/// What images of this machine are named with.
const SCHEMES: [&str; 3] = [LAYOUT, "oci-archive://", "docker-archive://"];
const LAYOUT: &str = "oci-layout://";

/// Platforms that images are usually made for.
const PLATFORMS: [&str; 8] = [
    "linux/amd64",
    "linux/arm64",
    "linux/arm/v7",
    "linux/386",
    "linux/s390x",
    "linux/ppc64le",
    "windows/amd64",
    "windows(10.0.20348)/amd64",
];

/// Commands whose images have a name in the store, and are nowhere else.
const OF_THE_STORE: [&str; 4] = ["pull", "push", "rmi", "tag"];

/// What stands on the command line before the word that is completed.
#[derive(Debug, Default)]
pub(super) struct Given {
    root: Option<PathBuf>,
    /// The first image.
    image: Option<String>,
    platform: Option<String>,
}

impl Given {
    /// Reads a command line, of which much may be missing or wrong.
    pub(super) fn read(words: &[OsString]) -> Arc<Self> {
        let command = <Arguments as clap::CommandFactory>::command();
        let matches = command
            .clone()
            .ignore_errors(true)
            .try_get_matches_from(words);
        Arc::new(matches.map_or_else(|_| Self::default(), |matches| Self::of(&command, &matches)))
    }

    fn of(command: &Command, matches: &ArgMatches) -> Self {
        let (inner, command) = match matches.subcommand() {
            Some((name, inner)) => (inner, command.find_subcommand(name).unwrap_or(command)),
            None => (matches, command),
        };
        // The value of the first argument whose values are called so.
        let value = |called: &str| {
            let mut arguments = command.get_arguments();
            let argument = arguments.find(|argument| value_name(argument) == Some(called))?;
            let mut values = inner.try_get_raw(argument.get_id().as_str()).ok()??;
            Some(values.next()?.to_str()?.to_owned())
        };
        let root = matches.try_get_one::<PathBuf>("root");
        let root = root.ok().flatten().cloned();
        Self {
            root: root.or_else(|| crossdock_host::data_directory().ok()),
            image: value("IMAGE"),
            platform: value("PLATFORM"),
        }
    }

    /// The store, if there is one: none is made.
    fn store(&self) -> Option<Store> {
        let root = self.root.as_deref()?;
        root.join("oci-layout").is_file().then_some(())?;
        Store::open(root).ok()
    }

    /// Gives what opens images without asking anybody, and what `image` means, to `act`.
    fn with_image<T>(
        &self,
        image: &str,
        act: impl FnOnce(&Images<'_>, NamedImage) -> Option<T>,
    ) -> Option<T> {
        let source = ImageSource::from_argument(image).ok()?;
        if let ImageSource::Archive(archive) = &source
            && !is_tar(Path::new(&archive.file))
        {
            // It would have to be decompressed.
            return None;
        }
        let store = self.store()?;
        let registry = RegistryOptions::default().registry().ok()?;
        let images = Images::new(&store, &registry, 1, limits(None), &|_| ());
        let choice = platform_choice("--platform", self.platform.as_deref()).ok()?;
        let named = images.find_local(&source, &choice).ok()??;
        act(&images, named)
    }

    /// Paths in an image that begin as `written` does.
    fn paths(&self, image: &str, written: &str) -> Vec<PathCandidate> {
        let choice = platform_choice("--platform", self.platform.as_deref());
        let found = self.with_image(image, |images, named| {
            let image = images.choose(named, &choice.ok()?).ok()?;
            let tree = image.known_tree().ok()??;
            // Whoever has written nothing yet gets whole paths.
            let written = if written.is_empty() { "/" } else { written };
            Some(complete_path(&tree, written))
        });
        found.unwrap_or_default()
    }
}

/// Whether a file is a tar that is not compressed.
fn is_tar(path: &Path) -> bool {
    const MAGIC: std::ops::Range<usize> = 257..262;
    let mut header = [0; 512];
    // What is no plain file may block or never end.
    path.is_dir()
        || path.is_file()
            && File::open(path).is_ok_and(|mut file| file.read_exact(&mut header).is_ok())
            && &header[MAGIC] == b"ustar"
}

/// The name that the help gives an argument's values.
fn value_name(argument: &Arg) -> Option<&str> {
    match argument.get_value_names()? {
        [name] => Some(name),
        _ => None,
    }
}

/// Gives the arguments of all commands what completes their values, by the names of these.
pub(super) fn with_completers(command: Command, given: &Arc<Given>) -> Command {
    command.mut_subcommands(|command| {
        let name = command.get_name().to_owned();
        let has_image = command
            .get_arguments()
            .any(|argument| value_name(argument) == Some("IMAGE"));
        command.mut_args(|argument| {
            let given = Arc::clone(given);
            let Some(called) = value_name(&argument) else {
                return argument;
            };
            match called {
                "NAME" | "PATTERN" => argument.add(completer(move |text| named(&given, text))),
                // Both may stand here.
                "IMAGE] [PATH" => argument.add(completer(move |text| {
                    let mut found = inside(&given, text);
                    found.extend(images(&given, text, false, false));
                    found
                })),
                "SOURCE" | "IMAGE:PATH" => {
                    argument.add(completer(move |text| images(&given, text, false, true)))
                }
                "RULE" => argument.add(completer(rules)),
                _ if called.starts_with("IMAGE") => {
                    let is_named = OF_THE_STORE.contains(&&*name);
                    argument.add(completer(move |text| images(&given, text, is_named, false)))
                }
                _ if called.starts_with("PATH") && has_image => {
                    argument.add(completer(move |text| inside(&given, text)))
                }
                "PLATFORM" => argument.add(completer(move |text| platforms(&given, text))),
                _ => argument,
            }
        })
    })
}

fn completer(
    complete: impl Fn(&str) -> Vec<CompletionCandidate> + Send + Sync + 'static,
) -> ArgValueCompleter {
    ArgValueCompleter::new(move |text: &OsStr| text.to_str().map_or_else(Vec::new, &complete))
}

/// Images, and with a path behind the colon what is in them. `has_path` if there must be one.
fn images(given: &Given, text: &str, is_named: bool, has_path: bool) -> Vec<CompletionCandidate> {
    let names = || {
        given
            .store()
            .map_or_else(Vec::new, |store| local_names(&store))
    };
    if is_named {
        return named(given, text);
    }
    let (image, path) = match image_and_path(text, None) {
        (image, None) if image.ends_with(':') => (&image[..image.len() - 1], Some("")),
        divided => divided,
    };
    if let Some(path) = path {
        let paths = given.paths(image, path).into_iter();
        let paths = paths.map(|found| CompletionCandidate::new(format!("{image}:{}", found.path)));
        let paths: Vec<_> = paths.collect();
        if !paths.is_empty() {
            return paths;
        }
    }
    for scheme in SCHEMES {
        if let Some(file) = text.strip_prefix(scheme) {
            let tags = match file.rsplit_once(':') {
                Some((folder, _)) if scheme == LAYOUT => layout_tags(Path::new(folder))
                    .into_iter()
                    .map(|tag| format!("{scheme}{folder}:{tag}"))
                    .collect(),
                _ => Vec::new(),
            };
            let tags = tags.into_iter().filter(|tag| tag.starts_with(text));
            let files = files(file)
                .into_iter()
                .map(|found| found.add_prefix(scheme));
            return tags.map(CompletionCandidate::new).chain(files).collect();
        }
    }
    if matches!(
        ImageSource::from_argument(text),
        Ok(ImageSource::Archive(_))
    ) {
        return files(text);
    }
    let names = names().into_iter().map(|name| match has_path {
        true => name + ":",
        false => name,
    });
    let all = names.chain(SCHEMES.map(str::to_owned));
    let mut found: Vec<_> = all
        .filter(|name| name.starts_with(text))
        .map(CompletionCandidate::new)
        .collect();
    if has_path {
        // One side of a copy is a file of this machine.
        found.extend(files(text));
    }
    found
}

/// Names of the store.
fn named(given: &Given, text: &str) -> Vec<CompletionCandidate> {
    let names = given
        .store()
        .map_or_else(Vec::new, |store| local_names(&store));
    let names = names.into_iter().filter(|name| name.starts_with(text));
    names.map(CompletionCandidate::new).collect()
}

/// Rules of `check`, with what each says.
fn rules(text: &str) -> Vec<CompletionCandidate> {
    let rules = AuditRule::ALL
        .iter()
        .filter(|rule| rule.name().starts_with(text));
    let help = |rule: &AuditRule| Some(rule.description().into());
    rules
        .map(|rule| CompletionCandidate::new(rule.name()).help(help(rule)))
        .collect()
}

fn files(text: &str) -> Vec<CompletionCandidate> {
    PathCompleter::any().complete(OsStr::new(text))
}

/// Paths in the image that the command line names.
fn inside(given: &Given, text: &str) -> Vec<CompletionCandidate> {
    let Some(image) = &given.image else {
        return Vec::new();
    };
    // The image may be written with a path already; then this is another one.
    let (image, _) = image_and_path(image, None);
    let paths = given.paths(image, text).into_iter();
    paths
        .map(|found| CompletionCandidate::new(found.path))
        .collect()
}

/// Platforms: those of the index that the command line names, else usual ones. Several may stand
/// behind each other with commas.
fn platforms(given: &Given, text: &str) -> Vec<CompletionCandidate> {
    let stated = given.image.as_deref().and_then(|image| {
        let (image, _) = image_and_path(image, None);
        given.with_image(image, |_, named| named.platforms().ok())
    });
    let mut all: Vec<String> = stated
        .unwrap_or_default()
        .iter()
        .map(ToString::to_string)
        .collect();
    if all.is_empty() {
        all = PLATFORMS.map(str::to_owned).to_vec();
    }
    let (before, start) = match text.rfind(',') {
        Some(at) => text.split_at(at + 1),
        None => ("", text),
    };
    let fitting = all.iter().filter(|platform| platform.starts_with(start));
    fitting
        .map(|platform| CompletionCandidate::new(format!("{before}{platform}")))
        .collect()
}
