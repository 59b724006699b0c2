//! What an image says of itself, and whether it has what it starts.

use crossdock_image::ContainerConfig;
use crossdock_layer::{
    Content, Executable, Kind, LayerFormat, NodeKind, Tree, encode_path, eq_ignore_case,
};

use super::rule::AuditRule as Rule;
use super::{Findings, quoted, settings};
use crate::browse::{BrowseError, OpenedImage, find_path, shown_path};
use crate::executable::{HEAD, commands, find_program, problem, variable};
use crate::user_names;

/// Most bytes of `/etc/passwd` and `/etc/group` that are read.
const MAX_USERS: u64 = 4 << 20;

/// Looks at what is known without any layer.
pub(super) fn check_documents(
    image: &OpenedImage<'_>,
    format: LayerFormat,
    findings: &mut Findings<'_>,
) {
    platform(image, findings);
    history(image, findings);
    forms(&image.config.config, format, findings);
}

fn platform(image: &OpenedImage<'_>, findings: &mut Findings<'_>) {
    let own = image.platform().normalised();
    if own.is_windows() {
        match own.os_version.as_str() {
            "" => findings.about_image(Rule::MissingOsVersion, "the config has no os.version"),
            version => {
                let mut numbers = version.split('.').map(|part| part.parse::<u32>().ok());
                let form = [numbers.next(), numbers.next(), numbers.next()];
                let known = matches!(form, [Some(Some(10)), Some(Some(0)), Some(Some(_))])
                    && numbers.all(|number| number.is_some());
                if !known {
                    let message = format!("os.version is {version:?}");
                    findings.about_image(Rule::OsVersionForm, message);
                }
            }
        }
    }
    if own.architecture.is_empty() {
        let message = "the config names no architecture";
        findings.about_image(Rule::PlatformMismatch, message);
    }
    let Some(stated) = &image.descriptor.platform else {
        return;
    };
    let stated = stated.clone().normalised();
    let differs = (&stated.os, &stated.architecture) != (&own.os, &own.architecture)
        || !stated.os_version.is_empty() && stated.os_version != own.os_version
        || !stated.variant.is_empty() && !own.variant.is_empty() && stated.variant != own.variant;
    if differs {
        let message = format!("the index says {stated}, the config {own}");
        findings.about_image(Rule::PlatformMismatch, message);
    } else if own.is_windows() && stated.os_version.is_empty() && !own.os_version.is_empty() {
        let message = "the config has an os.version, and the index does not, by which hosts choose";
        findings.about_image(Rule::MissingOsVersion, message);
    }
}

fn history(image: &OpenedImage<'_>, findings: &mut Findings<'_>) {
    let history = &image.config.history;
    let steps = history.iter().filter(|step| !step.empty_layer).count();
    let layers = image.layers.len();
    // It may be left out altogether.
    if !history.is_empty() && steps != layers {
        let message = format!("{steps} steps made a layer, and there are {layers}");
        findings.about_image(Rule::HistoryCount, message);
    }
}

fn forms(config: &ContainerConfig, format: LayerFormat, findings: &mut Findings<'_>) {
    let mut add = |message: String| findings.about_image(Rule::ConfigForm, message);
    for pair in &config.env {
        if pair.find('=').is_none_or(|at| at == 0) {
            add(format!(
                "the variable {pair:?} is not of the form NAME=VALUE"
            ));
        }
    }
    for port in config.exposed_ports.keys() {
        if !is_port(port) {
            add(format!(
                "the port {port:?} is not of the form NUMBER/tcp, udp or sctp"
            ));
        }
    }
    let is_absolute = |path: &str| match format {
        LayerFormat::Linux => path.starts_with('/'),
        LayerFormat::Windows => {
            let drive = path
                .split_at_checked(2)
                .is_some_and(|(drive, rest)| drive.ends_with(':') && rest.starts_with(['\\', '/']));
            drive || path.starts_with(['\\', '/'])
        }
    };
    for path in config.volumes.keys().filter(|path| !is_absolute(path)) {
        add(format!("the volume {path:?} is not an absolute path"));
    }
    let directory = &config.working_dir;
    if !directory.is_empty() && !is_absolute(directory) {
        add(format!(
            "the working directory {directory:?} is not an absolute path"
        ));
    }
    let path = variable(&config.env, |name| name.eq_ignore_ascii_case("PATH"));
    if let Some(path) = path
        && format == LayerFormat::Windows
    {
        let message = format!("PATH is {path:?}");
        findings.about_image(Rule::WindowsPathVariable, message);
    }
}

fn is_port(text: &str) -> bool {
    let (numbers, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let number = |text: &str| text.parse::<u16>().ok().filter(|_| !text.starts_with('+'));
    let range = match numbers.split_once('-') {
        Some((first, last)) => number(first).zip(number(last)).is_some_and(|(a, b)| a <= b),
        None => number(numbers).is_some(),
    };
    range
        && ["tcp", "udp", "sctp"]
            .iter()
            .any(|known| protocol.eq_ignore_ascii_case(known))
}

/// Looks at what a container of the image starts with.
pub(super) fn check_started(
    image: &OpenedImage<'_>,
    tree: &Tree,
    findings: &mut Findings<'_>,
) -> Result<(), BrowseError> {
    let config = &image.config.config;
    if findings.wants(&[
        Rule::MissingProgram,
        Rule::ForeignProgram,
        Rule::UnknownProgram,
    ]) {
        programs(image, tree, findings)?;
    }
    let directory = config.working_dir.as_bytes();
    if !directory.is_empty() && find_path(tree, directory, true).is_err() {
        let message = format!("{} is not in the image", quoted(directory));
        findings.about_image(Rule::MissingWorkingDirectory, message);
    }
    if tree.format() == LayerFormat::Linux && findings.wants(&[Rule::MissingUser]) {
        user(image, tree, findings)?;
    }
    Ok(())
}

fn programs(
    image: &OpenedImage<'_>,
    tree: &Tree,
    findings: &mut Findings<'_>,
) -> Result<(), BrowseError> {
    let config = &image.config.config;
    for command in commands(config, tree.format()) {
        let (instruction, program) = (command.instruction, &command.program);
        let Some(node) = find_program(tree, config, program) else {
            if !is_somewhere(tree, program) {
                let message = format!("{instruction} starts {program:?}, which is not there");
                findings.about_image(Rule::MissingProgram, message);
            }
            continue;
        };
        let Some(entry) = tree.entry(node) else {
            continue;
        };
        let Kind::File(content) = &entry.kind else {
            continue;
        };
        let head = start(image, tree, node, content)?;
        if let Some(problem) = problem(tree, node, &entry, &head, &image.platform()) {
            let message = format!("{instruction} starts it, {problem}");
            let layer = super::layer_of(tree, node);
            let rule = match Executable::read(&head) {
                Executable::Unknown
                    if tree.format() == LayerFormat::Linux && entry.posix.mode & 0o111 != 0 =>
                {
                    Rule::UnknownProgram
                }
                _ => Rule::ForeignProgram,
            };
            findings.at(rule, layer, &shown_path(tree, node), message);
        }
    }
    Ok(())
}

/// The first bytes of a file.
fn start(
    image: &OpenedImage<'_>,
    tree: &Tree,
    node: crossdock_layer::NodeId,
    content: &Content,
) -> Result<Vec<u8>, BrowseError> {
    image
        .content_start(content, HEAD)
        .map_err(|source| BrowseError::Content {
            image: image.name().to_owned(),
            path: String::from_utf8_lossy(&shown_path(tree, node)).into_owned(),
            source,
        })
}

/// Whether a program of Windows is in some folder that only the registry knows to be in PATH.
fn is_somewhere(tree: &Tree, program: &str) -> bool {
    if tree.format() != LayerFormat::Windows || program.contains(['\\', '/', ':']) {
        return false;
    }
    let name = encode_path(program.as_bytes());
    let endings: &[&[u8]] = match name.contains(&b'.') {
        true => &[b""],
        false => &[b".com", b".exe", b".bat", b".cmd"],
    };
    let names: Vec<Vec<u8>> = endings
        .iter()
        .map(|end| [&name[..], end].concat())
        .collect();
    tree.walk(tree.root()).any(|node| {
        let own = tree.name(node);
        names.iter().any(|name| eq_ignore_case(own, name))
            && matches!(tree.kind(node), NodeKind::File)
    })
}

fn user(
    image: &OpenedImage<'_>,
    tree: &Tree,
    findings: &mut Findings<'_>,
) -> Result<(), BrowseError> {
    let text = image.config.config.user.as_str();
    let (user, group) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (text, None),
    };
    let is_number = |name: &str| name.parse::<u32>().is_ok();
    if !user.is_empty() && !is_number(user) {
        let passwd = settings(image, tree, b"/etc/passwd", MAX_USERS)?;
        if user_names::user(&passwd, user).is_none() {
            let message = format!("{user:?} is not in /etc/passwd");
            findings.about_image(Rule::MissingUser, message);
        }
    }
    if let Some(group) = group.filter(|group| !group.is_empty() && !is_number(group)) {
        let groups = settings(image, tree, b"/etc/group", MAX_USERS)?;
        if user_names::group(&groups, group).is_none() {
            let message = format!("the group {group:?} is not in /etc/group");
            findings.about_image(Rule::MissingUser, message);
        }
    }
    Ok(())
}
