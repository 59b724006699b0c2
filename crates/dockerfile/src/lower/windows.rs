//! Checks of our own for images of Windows, and for commands of the wrong system.

use std::collections::BTreeMap;

use crossdock_graph::{CopySource, Operation};

use super::Lowerer;
use super::stage::{Site, Stage};
use crate::diagnostic::Diagnostic;
use crate::logical::Word;
use crate::rule::Rule;
use crate::span::Span;

impl Lowerer<'_> {
    /// Warns of `ENV PATH` in an image whose `PATH` is in its registry: the variable replaces it.
    pub(super) fn check_path_variable(
        &mut self,
        stage: &Stage,
        name: &str,
        value: &str,
        site: &Site<'_>,
    ) {
        let is_path = stage.platform.is_windows() && name.eq_ignore_ascii_case("PATH");
        let has_system = value
            .to_lowercase()
            .replace('/', "\\")
            .contains("\\windows\\system32");
        if !is_path || has_system || stage.guessed || stage.environment.get("PATH").is_some() {
            return;
        }
        let message = format!(
            "{name}={value} replaces the PATH that the image has in its registry, so programs of \
             Windows are not found"
        );
        let help = "put C:\\Windows\\System32;C:\\Windows; in front of the value";
        let warning = Diagnostic::warning(Rule::WindowsPathVariable, site.statement(), message);
        self.warnings.push(warning.with_help(help));
    }

    /// Warns of names in a written path that Windows does not take.
    pub(super) fn check_windows_path(&mut self, stage: &Stage, written: &str, span: Span) {
        if !stage.platform.is_windows() {
            return;
        }
        let names = written.split(['/', '\\']).enumerate();
        for (index, name) in names {
            let is_drive = index == 0 && name.len() == 2 && name.ends_with(':');
            if !is_drive {
                self.check_windows_name(name, span);
            }
        }
    }

    fn check_windows_name(&mut self, name: &str, span: Span) {
        let Some((what, help)) = refused(name) else {
            return;
        };
        let message = format!("Windows: the name {name:?} {what}");
        let warning = Diagnostic::warning(Rule::WindowsInvalidName, span, message);
        self.warnings.push(warning.with_help(help));
    }

    /// Looks at the names that files get in a directory of a Windows image: those that Windows
    /// does not take, and those that are one on Windows.
    pub(super) fn check_windows_files(
        &mut self,
        stage: &Stage,
        sources: &[CopySource],
        site: &Site<'_>,
    ) {
        if !stage.platform.is_windows() {
            return;
        }
        let mut known: BTreeMap<String, String> = BTreeMap::new();
        let mut names: Vec<(String, bool)> = Vec::new();
        for source in sources {
            match source {
                CopySource::Inline(files) => {
                    names.extend(files.iter().map(|file| (file.name.clone(), true)));
                }
                CopySource::Tree { tree, paths, .. } => {
                    let operation = &self.graph.step(*tree).operation;
                    let download = matches!(operation, Operation::Download(_));
                    for path in paths.iter().filter(|path| !path.wildcard) {
                        let name = path.path.rsplit('/').next().unwrap_or_default();
                        // What has no dot is more often a directory, whose name is not used.
                        if download || name.contains('.') {
                            names.push((name.to_owned(), download));
                        }
                    }
                }
            }
        }
        for (name, is_file) in names {
            if is_file {
                self.check_windows_name(&name, site.statement());
            }
            if let Some(other) = known.insert(name.to_uppercase(), name.clone())
                && other != name
            {
                let message = format!("on Windows {other:?} and {name:?} are one name");
                let help = "rename one, or look at --on-collision";
                let warning = Diagnostic::warning(Rule::CaseClash, site.statement(), message);
                self.warnings.push(warning.with_help(help));
            }
        }
    }

    /// Warns of a program that another system has: `/bin/sh` on Windows, `cmd` on Linux.
    pub(super) fn check_program(&mut self, stage: &Stage, words: &[Word], site: &Site<'_>) {
        let Some(program) = words.first() else { return };
        let windows = stage.platform.is_windows();
        let lowered = program.text.to_lowercase();
        let of_linux = ["/bin/", "/sbin/", "/usr/"]
            .iter()
            .any(|folder| lowered.starts_with(folder))
            || lowered.ends_with(".sh");
        let of_windows = matches!(lowered.as_str(), "cmd" | "powershell")
            || [".exe", ".bat", ".cmd"]
                .iter()
                .any(|end| lowered.ends_with(end))
            || lowered.starts_with("c:\\")
            || lowered.starts_with("c:/");
        let (wrong, other) = match windows {
            true => (of_linux, "Linux"),
            false => (of_windows && stage.platform.os == "linux", "Windows"),
        };
        if wrong {
            let message = format!(
                "{:?} looks like a program of {other}, and the image is for {}",
                program.text, stage.platform.os
            );
            self.warn(Rule::ForeignProgram, site.at(program.span), message);
        }
    }
}

/// What is wrong with a name for Windows, and what becomes of it.
fn refused(name: &str) -> Option<(&'static str, &'static str)> {
    if matches!(name, "" | "." | "..") {
        return None;
    }
    let encoded = "Linux programs see the name, programs of Windows see another character; choose \
                   another name";
    if name.contains(|c: char| c < ' ' || "<>:\"|?*".contains(c)) {
        return Some(("has a character in it that Windows does not take", encoded));
    }
    if name.ends_with(['.', ' ']) {
        return Some(("ends in a dot or a space, which Windows drops", encoded));
    }
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let stem = stem.to_uppercase();
    let numbered = ["COM", "LPT"].iter().any(|device| {
        let number = stem.strip_prefix(device).unwrap_or_default();
        let mut chars = number.chars();
        matches!(
            (chars.next(), chars.next()),
            (Some('1'..='9' | '¹' | '²' | '³'), None)
        )
    });
    let device = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
    (numbered || device.contains(&stem.as_str())).then_some((
        "is a device's",
        "most programs of Windows cannot open a file of this name; choose another name",
    ))
}
