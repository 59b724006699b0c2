//! Whether the programs of a Linux image find their loaders and libraries, as ld.so(8) and musl's
//! loader look for them.

use std::collections::{HashMap, HashSet};

use crossdock_layer::{NodeId, NodeKind, Tree};

use super::programs::{ElfFile, Needs, Program};
use super::rule::AuditRule as Rule;
use super::{Findings, layer_of, quoted, settings, split};
use crate::browse::{BrowseError, OpenedImage, shown_path};
use crate::executable::{LINUX_PATH, commands, find_program, runs, variable};

/// Most bytes of a loader's configuration, and most files of it, that are read.
const MAX_CONFIGURATION: u64 = 1 << 20;
const MAX_FILES: usize = 256;
/// Where loaders look if nothing says otherwise, glibc's and musl's.
const FOLDERS: [&str; 5] = ["/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib"];
/// Debian's folders for each machine.
const TRIPLETS: [(u16, &str); 11] = [
    (62, "x86_64-linux-gnu"),
    (3, "i386-linux-gnu"),
    (183, "aarch64-linux-gnu"),
    (40, "arm-linux-gnueabihf"),
    (40, "arm-linux-gnueabi"),
    (243, "riscv64-linux-gnu"),
    (258, "loongarch64-linux-gnu"),
    (21, "powerpc64le-linux-gnu"),
    (22, "s390x-linux-gnu"),
    (8, "mips64el-linux-gnuabi64"),
    (8, "mipsel-linux-gnu"),
];
/// Names of folders whose scripts are started, in PATH or not.
const FOLDERS_OF_PROGRAMS: [&[u8]; 3] = [b"bin", b"sbin", b"libexec"];

/// Whether a file is a library by its name.
pub(super) fn is_library(name: &[u8]) -> bool {
    name.ends_with(b".so") || name.windows(4).any(|part| part == b".so.")
}

struct Search<'a> {
    tree: &'a Tree,
    /// Folders that every program looks in, in their order.
    folders: Vec<Vec<u8>>,
    /// LD_LIBRARY_PATH.
    first: Vec<Vec<u8>>,
    /// Names of libraries anywhere in the image.
    names: HashSet<&'a [u8]>,
    /// Machines of the files that were looked into.
    machines: HashMap<NodeId, u16>,
    has_musl: bool,
    architecture: &'a str,
    /// Folders of PATH and of the loader.
    reach: HashSet<NodeId>,
    /// What the image starts.
    started: HashSet<NodeId>,
}

/// Looks at the programs of a Linux image.
pub(super) fn check(
    image: &OpenedImage<'_>,
    tree: &Tree,
    programs: &[Program],
    findings: &mut Findings<'_>,
) -> Result<(), BrowseError> {
    let search = Search::new(image, tree, programs)?;
    for program in programs {
        match &program.needs {
            Some(Needs::Elf(elf)) => search.elf(program.node, elf, findings),
            Some(Needs::Script(interpreter)) => {
                search.script(program.node, interpreter, findings);
            }
            // Programs of Windows are there for others to send.
            Some(Needs::Pe(..)) | None => {}
        }
    }
    Ok(())
}

impl<'a> Search<'a> {
    fn new(
        image: &'a OpenedImage<'_>,
        tree: &'a Tree,
        programs: &[Program],
    ) -> Result<Self, BrowseError> {
        let config = &image.config.config;
        let list = |text: &str| -> Vec<Vec<u8>> {
            let parts = text.split([':', ';']).filter(|part| part.starts_with('/'));
            parts.map(|part| part.as_bytes().to_vec()).collect()
        };
        let first = variable(&config.env, |name| name == "LD_LIBRARY_PATH");
        let mut folders = configured(image, tree)?;
        folders.extend(FOLDERS.iter().map(|folder| folder.as_bytes().to_vec()));
        let path = variable(&config.env, |name| name == "PATH").unwrap_or(LINUX_PATH);
        let mut names = HashSet::new();
        let mut has_musl = false;
        for node in tree.walk(tree.root()) {
            let name = tree.name(node);
            if is_library(name) {
                has_musl |= name.starts_with(b"ld-musl-");
                names.insert(name);
            }
        }
        let machines = programs.iter().filter_map(|program| match &program.needs {
            Some(Needs::Elf(elf)) => Some((program.node, elf.machine)),
            _ => None,
        });
        let mut search = Self {
            tree,
            folders,
            first: first.map(list).unwrap_or_default(),
            names,
            machines: machines.collect(),
            has_musl,
            architecture: &image.config.architecture,
            reach: HashSet::new(),
            started: HashSet::new(),
        };
        let triplets = TRIPLETS
            .iter()
            .flat_map(|(_, triplet)| [format!("/lib/{triplet}"), format!("/usr/lib/{triplet}")]);
        let triplets: Vec<Vec<u8>> = triplets.map(String::into_bytes).collect();
        let reach = list(path).into_iter().chain(triplets);
        let reach = reach
            .chain(search.folders.clone())
            .chain(search.first.clone());
        search.reach = reach.filter_map(|folder| search.node(&folder)).collect();
        let commands = commands(config, tree.format()).into_iter();
        search.started = commands
            .filter_map(|command| find_program(tree, config, &command.program))
            .collect();
        Ok(search)
    }

    fn node(&self, path: &[u8]) -> Option<NodeId> {
        self.tree.lookup(self.tree.root(), path, true).ok()
    }

    /// Whether the loader or PATH lead to a file.
    fn is_reached(&self, node: NodeId) -> bool {
        self.started.contains(&node) || self.reach.contains(&self.tree.parent(node))
    }

    fn elf(&self, node: NodeId, elf: &ElfFile, findings: &mut Findings<'_>) {
        let path = shown_path(self.tree, node);
        let layer = layer_of(self.tree, node);
        if let Some(other) = elf.architecture
            && !runs(other, self.architecture, true)
        {
            // Elsewhere it may be there for cross compilers and emulators.
            if self.is_reached(node) {
                let message = format!("is for {other}, the image for {}", self.architecture);
                findings.at(Rule::WrongArchitecture, layer, &path, message);
            }
            return;
        }
        if let Some(interpreter) = &elf.interpreter
            && interpreter.starts_with(b"/")
            && self.node(interpreter).is_none()
        {
            let message = format!("its loader {} is not there", quoted(interpreter));
            findings.at(Rule::MissingInterpreter, layer, &path, message);
        }
        let mut told = HashSet::new();
        for needed in &elf.dynamic.needed {
            if needed.is_empty() || !told.insert(needed) || self.finds(node, elf, needed) {
                continue;
            }
            let name = split(needed).1;
            match self.names.contains(name) {
                true => {
                    let message = format!("needs {}, which is in another folder", quoted(needed));
                    findings.at(Rule::MisplacedLibrary, layer, &path, message);
                }
                false => {
                    let message = format!("needs {}", quoted(needed));
                    findings.at(Rule::MissingLibrary, layer, &path, message);
                }
            }
        }
    }

    /// Whether the loader finds a library that a file needs.
    fn finds(&self, node: NodeId, elf: &ElfFile, needed: &[u8]) -> bool {
        if needed.contains(&b'/') {
            // A relative path depends on where the program is started.
            return !needed.starts_with(b"/") || self.node(needed).is_some();
        }
        if self.has_musl && is_musl(needed) {
            return true;
        }
        let origin = self.tree.path(self.tree.parent(node));
        let dynamic = &elf.dynamic;
        let own = |list: &Option<Vec<u8>>| -> Vec<Vec<u8>> {
            let parts = list
                .iter()
                .flat_map(|list| list.split(|byte| *byte == b':'));
            parts
                .flat_map(|part| expand(part, &origin, elf.machine))
                .collect()
        };
        let before = match dynamic.runpath {
            Some(_) => Vec::new(),
            None => own(&dynamic.rpath),
        };
        let runpath = own(&dynamic.runpath);
        let triplets = triplets(elf.machine).flat_map(|triplet| {
            [format!("/lib/{triplet}"), format!("/usr/lib/{triplet}")].map(String::into_bytes)
        });
        let triplets: Vec<Vec<u8>> = triplets.collect();
        let lists = [&before, &self.first, &runpath, &triplets, &self.folders];
        lists.into_iter().flatten().any(|folder| {
            let path = [folder, &b"/"[..], needed].concat();
            let Some(found) = self.node(&path) else {
                return false;
            };
            // Loaders pass over libraries of other machines.
            let machine = self.machines.get(&found);
            matches!(self.tree.kind(found), NodeKind::File)
                && machine.is_none_or(|machine| *machine == elf.machine)
        })
    }

    fn script(&self, node: NodeId, interpreter: &[u8], findings: &mut Findings<'_>) {
        let path = shown_path(self.tree, node);
        // Modules of other programs begin so too, and are started by nobody.
        let folder = self.tree.name(self.tree.parent(node));
        let is_started = self.is_reached(node) || FOLDERS_OF_PROGRAMS.contains(&folder);
        if !is_started || !interpreter.starts_with(b"/") || self.node(interpreter).is_some() {
            return;
        }
        let layer = layer_of(self.tree, node);
        let message = match interpreter.ends_with(b"\r") {
            true => "its first line ends with a carriage return".to_owned(),
            false => format!("is a script for {}", quoted(interpreter)),
        };
        findings.at(Rule::MissingScriptInterpreter, layer, &path, message);
    }
}

fn triplets(machine: u16) -> impl Iterator<Item = &'static str> {
    let known = TRIPLETS.iter().filter(move |(known, _)| *known == machine);
    known.map(|(_, triplet)| *triplet)
}

/// A folder of an RPATH with what stands for other things in it (ld.so(8), "Dynamic string
/// tokens"). Relative ones depend on where the program is started.
fn expand(folder: &[u8], origin: &[u8], machine: u16) -> Vec<Vec<u8>> {
    let replace = |text: &[u8], name: &str, value: &[u8]| {
        let mut text = text.to_vec();
        for token in [format!("${{{name}}}"), format!("${name}")] {
            let token = token.as_bytes();
            while let Some(at) = text.windows(token.len()).position(|part| part == token) {
                text = [&text[..at], value, &text[at + token.len()..]].concat();
            }
        }
        text
    };
    let origin = [b"/", origin].concat();
    // A folder may be called $ORIGIN; then nothing is to be found there.
    let origin = match origin.contains(&b'$') {
        true => return Vec::new(),
        false => origin,
    };
    let folder = replace(folder, "ORIGIN", &origin);
    if !folder.starts_with(b"/") {
        return Vec::new();
    }
    let libraries = triplets(machine).map(|triplet| format!("lib/{triplet}"));
    let libraries = libraries.chain(["lib".to_owned(), "lib64".to_owned()]);
    match folder.windows(4).any(|part| part == b"$LIB")
        || folder.windows(6).any(|part| part == b"${LIB}")
    {
        true => libraries
            .map(|library| replace(&folder, "LIB", library.as_bytes()))
            .collect(),
        false => vec![folder],
    }
}

/// Names that musl's loader is itself.
fn is_musl(name: &[u8]) -> bool {
    let own = ["c", "pthread", "rt", "m", "dl", "util", "xnet"];
    let rest = name.strip_prefix(b"lib").unwrap_or_default();
    let rest = rest.split(|byte| *byte == b'.').next().unwrap_or_default();
    own.iter().any(|own| own.as_bytes() == rest) || name.starts_with(b"ld-musl-")
}

/// The folders that the loaders' configuration names: `/etc/ld.so.conf` with what it includes, and
/// musl's list.
fn configured(image: &OpenedImage<'_>, tree: &Tree) -> Result<Vec<Vec<u8>>, BrowseError> {
    let mut folders = Vec::new();
    let mut pending = vec![b"/etc/ld.so.conf".to_vec()];
    let etc = tree.lookup(tree.root(), b"/etc", true).ok();
    for child in etc.into_iter().flat_map(|etc| tree.children(etc)) {
        let name = tree.name(child);
        if name.starts_with(b"ld-musl-") && name.ends_with(b".path") {
            pending.push([b"/etc/", name].concat());
        }
    }
    let mut seen = HashSet::new();
    while let Some(path) = pending.pop() {
        if seen.len() >= MAX_FILES || !seen.insert(path.clone()) {
            continue;
        }
        let text = settings(image, tree, &path, MAX_CONFIGURATION)?;
        for line in text.split(|byte| matches!(byte, b'\n' | b':')) {
            let line = line.split(|byte| *byte == b'#').next().unwrap_or_default();
            let line = line.trim_ascii();
            match line.strip_prefix(b"include") {
                Some(pattern) if pattern.starts_with(b" ") || pattern.starts_with(b"\t") => {
                    pending.extend(matching(tree, pattern.trim_ascii()));
                }
                _ if line.starts_with(b"/") => folders.push(line.to_vec()),
                _ => {}
            }
        }
    }
    Ok(folders)
}

/// The files that an `include` names: a `*` in the last component only.
fn matching(tree: &Tree, pattern: &[u8]) -> Vec<Vec<u8>> {
    let pattern = match pattern.starts_with(b"/") {
        true => pattern.to_vec(),
        false => [b"/etc/", pattern].concat(),
    };
    let (folder, name) = split(&pattern);
    let Some(star) = name.iter().position(|byte| *byte == b'*') else {
        return vec![pattern];
    };
    let (start, end) = (&name[..star], &name[star + 1..]);
    let Ok(directory) = tree.lookup(tree.root(), folder, true) else {
        return Vec::new();
    };
    let names = tree.children(directory).map(|child| tree.name(child));
    let fits = |name: &&[u8]| {
        name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
    };
    let found = names.filter(fits).map(|name| [folder, b"/", name].concat());
    found.collect()
}
