//! Arguments: the predefined ones, the global ones, and those of the command line.

use std::collections::{BTreeMap, BTreeSet};

use crossdock_image::Platform;

use super::Lowerer;
use super::error::LowerError;
use super::stages::{Prepared, expand_error};
use crate::diagnostic::{Diagnostic, Severity};
use crate::environment::Environment;
use crate::expand::Expander;
use crate::instruction::InstructionKind;
use crate::rule::Rule;
use crate::suggest::nearest;

/// Build arguments that need no `ARG`, in upper case; lower case counts too.
const PROXY: [&str; 5] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "FTP_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
];

impl Lowerer<'_> {
    /// Platform arguments and the `ARG`s before the first `FROM`, with the command line's values.
    pub(super) fn global_arguments(&mut self) -> Result<Environment, LowerError> {
        self.arguments_of(&self.options.build_args)
    }

    /// The same with `given` for the `ARG`s.
    pub(super) fn arguments_of(
        &self,
        given: &BTreeMap<String, String>,
    ) -> Result<Environment, LowerError> {
        let mut globals = Environment::new(false);
        for (name, value) in self.predefined() {
            let value = self.options.build_args.get(name).unwrap_or(&value);
            globals.set(name, value);
        }
        let escape = self.file.directives().escape.char();
        for instruction in self.file.instructions() {
            let definitions = match &instruction.kind {
                InstructionKind::Arg(definitions) => definitions,
                InstructionKind::From(_) => break,
                _ => continue,
            };
            for definition in definitions {
                let name = &definition.name.text;
                if let Some(value) = given.get(name) {
                    globals.set(name, value);
                } else if let Some(default) = &definition.default {
                    let value = Expander::new(&globals, escape)
                        .expand(&default.text)
                        .map_err(|error| expand_error(default, error))?;
                    globals.set(name, &value.text);
                }
            }
        }
        Ok(globals)
    }

    /// The arguments that every build has, global: a stage must declare them to use them.
    fn predefined(&self) -> Vec<(&'static str, String)> {
        let build = &self.options.build_platform;
        let target = &self.options.platform;
        let plain = Platform {
            os_version: String::new(),
            os_features: Vec::new(),
            ..build.clone()
        };
        let last = &self.stages[self.stages.len() - 1];
        let stage = self.options.target.clone();
        let stage = stage.or_else(|| last.name.clone());
        vec![
            ("BUILDPLATFORM", plain.to_string()),
            ("BUILDOS", build.os.clone()),
            ("BUILDOSVERSION", build.os_version.clone()),
            ("BUILDARCH", build.architecture.clone()),
            ("BUILDVARIANT", build.variant.clone()),
            ("TARGETPLATFORM", target.to_string()),
            ("TARGETOS", target.os.clone()),
            ("TARGETOSVERSION", target.os_version.clone()),
            ("TARGETARCH", target.architecture.clone()),
            ("TARGETVARIANT", target.variant.clone()),
            ("TARGETSTAGE", stage.unwrap_or_else(|| "default".to_owned())),
        ]
    }

    /// Warns about arguments of the command line that no `ARG` of the file, or of a base's
    /// triggers, declares.
    pub(super) fn check_build_args(&mut self, prepared: &BTreeMap<usize, Prepared>) {
        let mut known: BTreeSet<&str> = BTreeSet::new();
        let triggers = prepared.values().flat_map(|stage| &stage.triggers);
        for instruction in self.file.instructions().iter().chain(triggers) {
            let definitions = match &instruction.kind {
                InstructionKind::Arg(definitions) => definitions,
                InstructionKind::Onbuild(onbuild) => match &onbuild.instruction {
                    Ok(instruction) => match &instruction.kind {
                        InstructionKind::Arg(definitions) => definitions,
                        _ => continue,
                    },
                    Err(_) => continue,
                },
                _ => continue,
            };
            known.extend(definitions.iter().map(|d| d.name.text.as_str()));
        }
        for name in self.options.build_args.keys() {
            let predefined = self.predefined().iter().any(|(known, _)| known == name)
                || PROXY.iter().any(|known| known.eq_ignore_ascii_case(name))
                || name == "SOURCE_DATE_EPOCH"
                || name.starts_with("BUILDKIT_");
            if predefined || known.contains(name.as_str()) {
                continue;
            }
            self.warnings.push(Diagnostic {
                severity: Severity::Warning,
                rule: Some(Rule::UnusedBuildArg),
                message: format!("the build argument {name} is not used: no ARG declares it"),
                help: nearest(name, known.iter().copied())
                    .map(|similar| format!("did you mean {similar}?")),
                span: None,
            });
        }
    }
}
