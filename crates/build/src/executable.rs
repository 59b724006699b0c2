//! A check of what an image starts: a program of another system or machine, or one without its
//! interpreter, is warned of when the image is built and not when it is run.
//!
//! Only files in layers that this build has made are read: a base is what it is. What was found is
//! kept in the build cache by the layers and the commands, so that an unchanged build looks at no
//! tree.

use crossdock_dockerfile::Rule;
use crossdock_image::{ContainerConfig, DiffId, Platform};
use crossdock_layer::{
    Content, Entry, Executable, Kind, LayerContent, LayerFormat, NodeId, NodeKind, Tree,
    encode_path, show_path,
};

use crate::cache::{CacheEntry, CacheRecord, CachedResult, KeyHasher};
use crate::content::read_start;
use crate::error::BuildError;
use crate::event::Event;
use crate::perform::Performer;
use crate::sources::find_layer;
use crate::state::Layered;

/// Bytes of a program that are looked at.
pub(crate) const HEAD: u64 = 64 << 10;
/// What docker takes where an image states no PATH.
pub(crate) const LINUX_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Where Windows looks behind the working directory.
const WINDOWS_PATH: [&str; 2] = ["C:\\Windows\\System32", "C:\\Windows"];

/// What an image starts.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Command {
    /// The instruction that says so.
    pub(crate) instruction: &'static str,
    pub(crate) program: String,
}

impl Performer<'_> {
    /// Warns of programs that an image starts and that will not run. `is_new` says which layers
    /// this build has made.
    pub(crate) fn check_executables(
        &self,
        config: &ContainerConfig,
        platform: &Platform,
        state: &Layered,
        is_new: &dyn Fn(&DiffId) -> bool,
    ) -> Result<(), BuildError> {
        let check = &self.request.dockerfile.directives().check;
        if check.skip_all || check.skip.contains(&Rule::ExecutableFormat) {
            return Ok(());
        }
        let commands = commands(config, state.format);
        if commands.is_empty() || !state.layers.iter().any(|layer| is_new(&layer.diff_id)) {
            return Ok(());
        }
        let mut key = KeyHasher::new("executables");
        key.value(&(&commands, &config.env, &config.working_dir, state.format));
        key.value(&(&platform.os, &platform.architecture));
        let layers = || state.layers.iter().map(|layer| layer.diff_id);
        key.layers(layers());
        key.layers(layers().filter(|layer| is_new(layer)));
        let key = key.finish();
        let known = self.known(&key)?;
        let warnings = match known.results().first() {
            Some(result) => result.record.warnings.clone(),
            None => {
                // No layer is downloaded for a check.
                if !self.indexer().are_known(&state.layers)? {
                    return Ok(());
                }
                let tree = self.tree(state)?;
                let mut warnings = Vec::new();
                for command in &commands {
                    let found = self.look_at(command, config, platform, state, &tree, is_new);
                    warnings.extend(found);
                }
                let record = CacheRecord {
                    warnings: warnings.clone(),
                    ..CacheRecord::default()
                };
                let entry = CacheEntry::default().with(CachedResult::of_key(record));
                self.store.cache_put(&key, &entry.to_bytes())?;
                warnings
            }
        };
        for text in warnings {
            (self.events)(Event::Warning { text });
        }
        Ok(())
    }

    /// What is wrong with the program of a command.
    fn look_at(
        &self,
        command: &Command,
        config: &ContainerConfig,
        platform: &Platform,
        state: &Layered,
        tree: &Tree,
        is_new: &dyn Fn(&DiffId) -> bool,
    ) -> Option<String> {
        let node = find_program(tree, config, &command.program)?;
        let entry = tree.entry(node)?;
        let Kind::File(Content::Layer(content)) = &entry.kind else {
            return None;
        };
        if !is_new(&content.layer) {
            return None;
        }
        let head = self.head(state, content)?;
        let problem = problem(tree, node, &entry, &head, platform)?;
        let shown = show_path(tree.format(), &tree.path(node));
        let Command {
            instruction,
            program,
        } = command;
        let program = match shown == *program {
            true => String::new(),
            false => format!(" ({program})"),
        };
        Some(format!(
            "{}: {instruction} of the image for {platform} starts {shown}{program}, {problem}",
            Rule::ExecutableFormat.name()
        ))
    }

    /// The beginning of a file; none if it cannot be had, which the layer's readers will tell.
    fn head(&self, state: &Layered, content: &LayerContent) -> Option<Vec<u8>> {
        if content.sparse.is_some() {
            return None;
        }
        let find = |layer: &DiffId| find_layer(&state.layers, layer);
        read_start(content, HEAD, &find, self.store).ok()
    }
}

/// The programs that an image names, each once.
pub(crate) fn commands(config: &ContainerConfig, format: LayerFormat) -> Vec<Command> {
    let mut commands = Vec::new();
    let words = |words: &Option<Vec<String>>| words.clone().filter(|words| !words.is_empty());
    let main = match (words(&config.entrypoint), words(&config.cmd)) {
        (Some(words), _) => Some(("ENTRYPOINT", words)),
        (None, Some(words)) => Some(("CMD", words)),
        (None, None) => None,
    };
    if let Some((instruction, words)) = main {
        let line = format == LayerFormat::Windows && config.args_escaped && words.len() == 1;
        let program = match line {
            true => first_word(&words[0]),
            false => words[0].clone(),
        };
        commands.push(Command {
            instruction,
            program,
        });
    }
    let test = config.healthcheck.as_ref().map(|health| &health.test[..]);
    if let Some([kind, program, ..]) = test
        && kind == "CMD"
    {
        commands.push(Command {
            instruction: "HEALTHCHECK",
            program: program.clone(),
        });
    }
    commands.retain(|command| !command.program.is_empty());
    commands
}

/// The program of a Windows command line.
fn first_word(line: &str) -> String {
    let line = line.trim_start();
    let word = match line.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => line.split([' ', '\t']).next(),
    };
    word.unwrap_or_default().to_owned()
}

/// The file that a program's name leads to, where the system of the image would find it.
pub(crate) fn find_program(tree: &Tree, config: &ContainerConfig, program: &str) -> Option<NodeId> {
    let is_file = |node: &NodeId| matches!(tree.kind(*node), NodeKind::File);
    let directory = config.working_dir.as_str();
    match tree.format() {
        LayerFormat::Linux => {
            let at = |path: &str| tree.lookup(tree.root(), path.as_bytes(), true).ok();
            if program.contains('/') {
                return at(&joined(directory, program)).filter(is_file);
            }
            let executable = |node: &NodeId| {
                let entry = tree.entry(*node);
                is_file(node) && entry.is_some_and(|entry| entry.posix.mode & 0o111 != 0)
            };
            let path = variable(&config.env, |name| name == "PATH").unwrap_or(LINUX_PATH);
            path.split(':').find_map(|folder| {
                let folder = joined(directory, folder);
                at(&joined(&folder, program)).filter(executable)
            })
        }
        LayerFormat::Windows => {
            let folders: Vec<&str> = match program.contains(['\\', '/', ':']) {
                true => vec![directory],
                false => {
                    let path = variable(&config.env, |name| name.eq_ignore_ascii_case("PATH"));
                    let stated = path.into_iter().flat_map(|path| path.split(';'));
                    let own = std::iter::once(directory).chain(WINDOWS_PATH);
                    own.chain(stated.filter(|folder| !folder.is_empty()))
                        .collect()
                }
            };
            let name = program.rsplit(['\\', '/']).next().unwrap_or_default();
            let endings: &[&str] = match name.contains('.') {
                true => &[""],
                false => &[".com", ".exe", ".bat", ".cmd", ""],
            };
            let paths = folders.iter().flat_map(|folder| {
                let endings = endings.iter();
                endings.map(move |ending| windows_path(folder, &format!("{program}{ending}")))
            });
            let mut paths = paths.flatten();
            paths.find_map(|path| {
                let found = tree.lookup(tree.root(), &encode_path(path.as_bytes()), true);
                found.ok().filter(is_file)
            })
        }
    }
}

/// `path` as seen from `directory`.
pub(crate) fn joined(directory: &str, path: &str) -> String {
    match path.starts_with('/') {
        true => path.to_owned(),
        false => format!("{directory}/{path}"),
    }
}

/// A path of Windows as seen from `folder`, as a path of a tree; `None` on another drive.
pub(crate) fn windows_path(folder: &str, path: &str) -> Option<String> {
    let clean = |path: &str| path.replace('\\', "/");
    let (folder, path) = (clean(folder), clean(path));
    let rooted = |path: &str| match path.split_at_checked(2) {
        Some(("C:" | "c:", rest)) => Some(rest.to_owned()),
        Some((drive, _)) if drive.ends_with(':') => None,
        _ => Some(path.to_owned()),
    };
    match path.starts_with('/')
        || path
            .split_at_checked(2)
            .is_some_and(|(d, _)| d.ends_with(':'))
    {
        true => rooted(&path),
        false => Some(format!("{}/{path}", rooted(&folder)?)),
    }
}

pub(crate) fn variable(env: &[String], is_it: impl Fn(&str) -> bool) -> Option<&str> {
    let pairs = env.iter().filter_map(|pair| pair.split_once('='));
    pairs
        .filter(|(name, _)| is_it(name))
        .map(|(_, value)| value)
        .last()
}

/// What is wrong with a program, and what to do.
pub(crate) fn problem(
    tree: &Tree,
    node: NodeId,
    entry: &Entry,
    head: &[u8],
    platform: &Platform,
) -> Option<String> {
    let wanted = format!("{}/{}", platform.os, platform.architecture);
    let linux = tree.format() == LayerFormat::Linux;
    if linux && entry.posix.mode & 0o111 == 0 {
        return Some("which nobody may execute: give it --chmod=755 when it is copied".to_owned());
    }
    let found = Executable::read(head);
    let architecture = |architecture: Option<&'static str>| {
        let other = architecture.filter(|other| !runs(other, &platform.architecture, linux))?;
        Some(format!(
            "a program for {other}: copy the one that was built for {wanted}"
        ))
    };
    let absent = |path: &[u8]| {
        let from_root = path.starts_with(b"/").then_some(path)?;
        let is_there = tree.lookup(tree.root(), from_root, true).is_ok();
        (!is_there).then(|| String::from_utf8_lossy(path).escape_debug().to_string())
    };
    match (found, linux) {
        (Executable::Elf(elf), true) => architecture(elf.architecture).or_else(|| {
            let loader = absent(&elf.interpreter?)?;
            Some(format!(
                "whose loader {loader} the image does not have: link it statically, or take a \
                 base with the C library that it was built for"
            ))
        }),
        (Executable::Pe(_), true) => Some(format!(
            "a program for Windows (PE), which Linux cannot run: copy the one that was built for \
             {wanted}"
        )),
        (Executable::MachO, _) => Some(format!(
            "a program for macOS: copy the one that was built for {wanted}"
        )),
        (Executable::Script { interpreter }, true) if interpreter.ends_with(b"\r") => {
            Some(format!(
                "a script whose first line ends with a carriage return, so that Linux looks for \
                 {:?}: save it with line feeds alone",
                String::from_utf8_lossy(&interpreter)
            ))
        }
        (Executable::Script { interpreter }, true) => {
            let interpreter = absent(&interpreter)?;
            Some(format!(
                "a script for {interpreter}, which the image does not have: take a base that has \
                 it, or copy it"
            ))
        }
        // An empty file stands for something that is put there later.
        (Executable::Unknown, true) if !head.is_empty() => Some(
            "which is neither ELF nor a script that begins with #!: Linux does not know how to \
             start it"
                .to_owned(),
        ),
        (Executable::Pe(pe), false) if !pe.managed => architecture(pe.architecture),
        (Executable::Elf(_), false) => Some(format!(
            "a program for Linux (ELF), which Windows cannot run: copy the one that was built for \
             {wanted}"
        )),
        (Executable::Script { .. }, false) if !is_batch(tree.name(node)) => Some(
            "a script that begins with #!, of which Windows knows nothing: name the program that \
             runs it first"
                .to_owned(),
        ),
        _ => None,
    }
}

/// Whether a machine runs programs for another architecture, as most of its kind do.
pub(crate) fn runs(program: &str, machine: &str, linux: bool) -> bool {
    program == machine
        || matches!((program, machine), ("386", "amd64") | ("arm", "arm64"))
        || !linux && matches!((program, machine), ("386" | "amd64", "arm64"))
}

fn is_batch(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with(b".bat") || name.ends_with(b".cmd")
}
