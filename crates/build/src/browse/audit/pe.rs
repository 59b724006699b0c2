//! Whether the programs of a Windows image find their libraries, as Windows' loader looks for them.

use std::collections::HashSet;

use crossdock_layer::{NodeId, NodeKind, PeImports, Tree, encode_path, upcase};

use super::programs::{Needs, Program};
use super::rule::AuditRule as Rule;
use super::{Findings, layer_of, quoted};
use crate::browse::{OpenedImage, shown_path};
use crate::executable::{runs, variable, windows_path};

const SYSTEM: &str = "Windows/System32";
/// Machines of PE headers.
const I386: u16 = 0x14c;
const ARM: u16 = 0x1c4;

/// Whether a file is a program, library or driver by its name.
pub(super) fn is_named(name: &[u8]) -> bool {
    let start = name.len().saturating_sub(4);
    let end = name[start..].to_ascii_lowercase();
    [b".exe", b".dll", b".sys"]
        .iter()
        .any(|known| end == known[..])
}

struct Search<'a> {
    tree: &'a Tree,
    /// Folders of PATH.
    path: Vec<NodeId>,
    /// Libraries anywhere in the image, in capitals.
    names: HashSet<Vec<u8>>,
    has_api_sets: bool,
    has_system: bool,
    architecture: &'a str,
}

/// Looks at the programs of a Windows image.
pub(super) fn check(
    image: &OpenedImage<'_>,
    tree: &Tree,
    programs: &[Program],
    findings: &mut Findings<'_>,
) {
    let search = Search::new(image, tree);
    if !search.has_system {
        let message = "there is no ntdll.dll in System32: what programs import is not looked at";
        findings.about_image(Rule::NoSystemLibraries, message);
    }
    for program in programs {
        if let Some(Needs::Pe(imports, managed)) = &program.needs {
            search.program(program.node, imports, *managed, findings);
        }
    }
}

impl<'a> Search<'a> {
    fn new(image: &'a OpenedImage<'_>, tree: &'a Tree) -> Self {
        let at = |path: &str| tree.lookup(tree.root(), path.as_bytes(), true).ok();
        let config = &image.config.config;
        let path = variable(&config.env, |name| name.eq_ignore_ascii_case("PATH"));
        let folders = path.into_iter().flat_map(|path| path.split(';'));
        let folders = folders.filter(|folder| !folder.is_empty());
        let folders = folders.filter_map(|folder| {
            let folder = encode_path(windows_path("", folder)?.as_bytes());
            tree.lookup(tree.root(), &folder, true).ok()
        });
        let names = tree.walk(tree.root()).map(|node| tree.name(node));
        let names = names.filter(|name| is_named(name)).map(upcase);
        Self {
            tree,
            path: folders.collect(),
            names: names.collect(),
            has_api_sets: at(&format!("{SYSTEM}/apisetschema.dll")).is_some(),
            has_system: at(&format!("{SYSTEM}/ntdll.dll")).is_some(),
            architecture: &image.config.architecture,
        }
    }

    fn program(
        &self,
        node: NodeId,
        program: &PeImports,
        managed: bool,
        findings: &mut Findings<'_>,
    ) {
        let path = shown_path(self.tree, node);
        let layer = layer_of(self.tree, node);
        let other = architecture(program.machine).filter(|_| !managed);
        if let Some(other) = other
            && !runs(other, self.architecture, false)
        {
            if !is_for_many(&path) {
                let message = format!("is for {other}, the image for {}", self.architecture);
                findings.at(Rule::WrongArchitecture, layer, &path, message);
            }
            return;
        }
        if !self.has_system {
            return;
        }
        let mut told = HashSet::new();
        let tables = [(&program.imports, false), (&program.delayed, true)];
        let libraries = tables
            .into_iter()
            .flat_map(|(names, later)| names.iter().map(move |name| (name, later)));
        for (name, later) in libraries {
            let upper = upcase(name);
            // The runtime of .NET starts such code without it.
            if name.is_empty() || managed && upper == b"MSCOREE.DLL" || !told.insert(upper.clone())
            {
                continue;
            }
            if upper.starts_with(b"API-MS-") || upper.starts_with(b"EXT-MS-") {
                if !self.has_api_sets {
                    let message = format!("imports {}", quoted(name));
                    findings.at(Rule::ApiSet, layer, &path, message);
                }
                continue;
            }
            if self.finds(node, program, name) {
                continue;
            }
            let (rule, message) = match (self.names.contains(&upper), later) {
                (true, _) => (
                    Rule::MisplacedLibrary,
                    format!("imports {}, which is in another folder", quoted(name)),
                ),
                (false, true) => (
                    Rule::DelayedLibrary,
                    format!("imports {} when it first needs it", quoted(name)),
                ),
                (false, false) => (Rule::MissingLibrary, format!("imports {}", quoted(name))),
            };
            findings.at(rule, layer, &path, message);
        }
    }

    /// Whether the loader finds a library: beside the program, in the system's folders, in PATH.
    fn finds(&self, node: NodeId, program: &PeImports, name: &[u8]) -> bool {
        // In 64-bit Windows, System32 is another folder for programs of 32 bits.
        let system = match (program.machine, self.architecture) {
            (I386, "amd64" | "arm64") => "Windows/SysWOW64",
            (ARM, "arm64") => "Windows/SysArm32",
            _ => SYSTEM,
        };
        let drivers: &[&str] = match program.native {
            true => &["Windows/System32/drivers"],
            false => &[],
        };
        let system = [system, "Windows", "Windows/System"];
        let system = system.iter().chain(drivers).filter_map(|folder| {
            let tree = self.tree;
            tree.lookup(tree.root(), folder.as_bytes(), true).ok()
        });
        let own = std::iter::once(self.tree.parent(node));
        let mut folders = own.chain(system).chain(self.path.iter().copied());
        folders.any(|folder| {
            let found = self.tree.lookup(folder, name, true);
            found.is_ok_and(|found| matches!(self.tree.kind(found), NodeKind::File))
        })
    }
}

fn architecture(machine: u16) -> Option<&'static str> {
    match machine {
        I386 => Some("386"),
        0x8664 => Some("amd64"),
        0x1c0 | 0x1c2 | ARM => Some("arm"),
        0xaa64 => Some("arm64"),
        _ => None,
    }
}

/// Whether a folder on the way says that what is in it is for one of several machines.
fn is_for_many(path: &[u8]) -> bool {
    let words: [&[u8]; 6] = [b"arm64", b"aarch64", b"arm", b"x86", b"x64", b"amd64"];
    path.to_ascii_lowercase()
        .split(|byte| *byte == b'\\')
        .any(|part| {
            part.split(|byte| matches!(byte, b'-' | b'_' | b'.'))
                .any(|word| words.contains(&word))
        })
}
