//! Programs and libraries of an image: which are looked into, and reading them.

use std::collections::HashSet;
use std::io::Read as _;
use std::sync::{Mutex, PoisonError};

use crossdock_image::DiffId;
use crossdock_layer::{
    Content, ElfDynamic, Executable, Kind, LayerContent, LayerFormat, NodeId, NodeKind, PeImports,
    Tree,
};

use super::rule::AuditRule as Rule;
use super::{AuditOptions, Findings, elf, layer_of, pe};
use crate::browse::{BrowseError, OpenedImage, shown_path};
use crate::content::Spool;
use crate::error::BuildError;
use crate::sources::find_layer;
use crate::together::together;

/// Bytes of files that are read at once.
const BATCH: u64 = 64 << 20;
/// Most bytes of a program that are looked at: its tables stand before.
const MAX_PROGRAM: u64 = 48 << 20;
/// Whatever is shorter is no program.
const MIN_PROGRAM: u64 = 4;

/// What a program needs.
pub(super) enum Needs {
    /// Of Linux.
    Elf(ElfFile),
    /// Of Windows, and whether it holds code for .NET.
    Pe(PeImports, bool),
    /// A script, with the program that its first line names.
    Script(Vec<u8>),
}

/// An ELF file.
pub(super) struct ElfFile {
    pub(super) machine: u16,
    pub(super) architecture: Option<&'static str>,
    pub(super) interpreter: Option<Vec<u8>>,
    pub(super) dynamic: ElfDynamic,
}

/// A file that something is known of.
pub(super) struct Program {
    pub(super) node: NodeId,
    /// It is too large to be looked into to its end, or damaged.
    pub(super) is_cut: bool,
    pub(super) needs: Option<Needs>,
}

/// Rules that only the content of programs can break.
const RULES: [Rule; 9] = [
    Rule::WrongArchitecture,
    Rule::MissingInterpreter,
    Rule::MissingScriptInterpreter,
    Rule::MissingLibrary,
    Rule::MisplacedLibrary,
    Rule::DelayedLibrary,
    Rule::ApiSet,
    Rule::UnreadProgram,
    Rule::NoSystemLibraries,
];

/// Looks into programs; gives their number.
pub(super) fn check(
    image: &OpenedImage<'_>,
    tree: &Tree,
    options: &AuditOptions,
    findings: &mut Findings<'_>,
) -> Result<u64, BrowseError> {
    if !findings.wants(&RULES) {
        return Ok(0);
    }
    let wanted = candidates(tree, options);
    if wanted.is_empty() {
        return Ok(0);
    }
    bring(image, &wanted)?;
    let mut programs = read_all(image, &wanted)?;
    // Order of the tree, whatever the layers' is.
    programs.sort_by_cached_key(|program| shown_path(tree, program.node));
    for program in programs.iter().filter(|program| program.is_cut) {
        let message = "its tables could not be read";
        let path = shown_path(tree, program.node);
        findings.at(
            Rule::UnreadProgram,
            layer_of(tree, program.node),
            &path,
            message,
        );
    }
    match tree.format() {
        LayerFormat::Linux => elf::check(image, tree, &programs, findings)?,
        LayerFormat::Windows => pe::check(image, tree, &programs, findings),
    }
    Ok(programs
        .iter()
        .filter(|program| program.needs.is_some())
        .count() as u64)
}

type Candidate = (NodeId, LayerContent);

/// The files that may be programs, by their names and modes, in the order of the layers' bytes.
fn candidates(tree: &Tree, options: &AuditOptions) -> Vec<Candidate> {
    let windows = tree.format() == LayerFormat::Windows;
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    for node in tree.walk(tree.root()) {
        let Some(layer) = layer_of(tree, node) else {
            continue;
        };
        // The base is what it is, and large.
        if windows && layer == 0 && !options.all_programs {
            continue;
        }
        if !matches!(tree.kind(node), NodeKind::File) {
            continue;
        }
        let name = tree.name(node);
        if windows && !pe::is_named(name) {
            continue;
        }
        let Some(entry) = tree.entry(node) else {
            continue;
        };
        if !windows && entry.posix.mode & 0o111 == 0 && !elf::is_library(name) {
            continue;
        }
        let Kind::File(Content::Layer(content)) = entry.kind else {
            continue;
        };
        // Hard links are one program.
        if content.size >= MIN_PROGRAM
            && content.sparse.is_none()
            && seen.insert((layer, content.extent.offset))
        {
            found.push((layer, node, content));
        }
    }
    found.sort_by_key(|(layer, _, content)| (*layer, content.extent.offset));
    let found = found.into_iter();
    found.map(|(_, node, content)| (node, content)).collect()
}

/// Makes sure that the layers are here: each would else be downloaded again for each batch.
fn bring(image: &OpenedImage<'_>, wanted: &[Candidate]) -> Result<(), BrowseError> {
    let is_wanted = |layer: &DiffId| wanted.iter().any(|(_, content)| content.layer == *layer);
    let layers = image
        .layers
        .iter()
        .filter(|layer| is_wanted(&layer.diff_id));
    let layers: Vec<_> = layers.cloned().collect();
    Ok(image.images.indexer().ensure_stored(&layers)?)
}

/// Reads all candidates, some MiB at a time.
fn read_all(image: &OpenedImage<'_>, wanted: &[Candidate]) -> Result<Vec<Program>, BrowseError> {
    let mut programs = Vec::new();
    let mut start = 0;
    while start < wanted.len() {
        let mut end = start;
        let mut bytes = 0;
        while let Some((_, content)) = wanted.get(end) {
            let size = match content.size > MAX_PROGRAM {
                true => 0,
                false => content.size,
            };
            if end > start && bytes + size > BATCH {
                break;
            }
            bytes += size;
            end += 1;
        }
        programs.extend(read_batch(image, &wanted[start..end])?);
        start = end;
    }
    Ok(programs)
}

fn read_batch(image: &OpenedImage<'_>, batch: &[Candidate]) -> Result<Vec<Program>, BrowseError> {
    let images = image.images;
    let find = |layer: &DiffId| find_layer(&image.layers, layer);
    let failed = |content: &LayerContent, source| {
        let layer = image
            .layers
            .iter()
            .find(|layer| layer.diff_id == content.layer);
        let digest = layer.map_or(image.descriptor.digest, |layer| layer.descriptor.digest);
        BuildError::Part { digest, source }
    };
    let whole: Vec<Content> = batch
        .iter()
        .filter(|(_, content)| content.size <= MAX_PROGRAM)
        .map(|(_, content)| Content::Layer(content.clone()))
        .collect();
    let spool = Spool::fill(whole.iter(), &find, images.store, images.threads)
        .map_err(|source| failed(&batch[0].1, source))?;
    let programs: Mutex<Vec<Program>> = Mutex::default();
    together(batch, images.threads, |(node, content), _| {
        let is_whole = content.size <= MAX_PROGRAM;
        let bytes = match is_whole {
            true => {
                let mut bytes = Vec::with_capacity(content.size as usize);
                let read = spool.open(content);
                read.and_then(|mut reader| reader.read_to_end(&mut bytes))
                    .map_err(|source| failed(content, source))?;
                bytes
            }
            false => image
                .content_start(&Content::Layer(content.clone()), MAX_PROGRAM)
                .map_err(|source| failed(content, source))?,
        };
        let Some((needs, is_cut)) = needs(&bytes, is_whole) else {
            return Ok(());
        };
        let program = Program {
            node: *node,
            is_cut,
            needs,
        };
        programs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(program);
        Ok(())
    })?;
    Ok(programs
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner))
}

/// What a file needs, and whether more of it could not be read. `None` for what is no program.
fn needs(bytes: &[u8], is_whole: bool) -> Option<(Option<Needs>, bool)> {
    match Executable::read(bytes) {
        Executable::Elf(elf) => {
            let dynamic = ElfDynamic::read(bytes);
            // A static program has none; that of a long one may stand behind what was read.
            let is_cut = dynamic.is_none() && (!is_whole || elf.interpreter.is_some());
            let needs = Needs::Elf(ElfFile {
                machine: elf.machine,
                architecture: elf.architecture,
                interpreter: elf.interpreter,
                dynamic: dynamic.unwrap_or_default(),
            });
            Some((Some(needs), is_cut))
        }
        Executable::Pe(pe) => match PeImports::read(bytes) {
            Some(imports) => Some((Some(Needs::Pe(imports, pe.managed)), false)),
            // Programs of DOS begin alike, and are none of Windows.
            None => (pe.machine != 0).then_some((None, true)),
        },
        Executable::Script { interpreter } => Some((Some(Needs::Script(interpreter)), false)),
        Executable::MachO | Executable::Portable | Executable::Unknown => None,
    }
}
