//! Instructions that change the image's config.

use std::collections::BTreeSet;

use crossdock_graph::Operation;
use crossdock_image::{Config, Health, History, RootFs};

use super::captured::Argument;
use super::error::{LowerError, LowerReason};
use super::go_format::{self, list, quoted_list};
use super::stage::{Site, Stage, word_error};
use super::{Lowerer, expose, signal};
use crate::diagnostic::Diagnostic;
use crate::duration;
use crate::expand::Expander;
use crate::image_path::clean;
use crate::instruction::{ArgDefinition, CommandLine, Healthcheck, KeyValue};
use crate::logical::Word;
use crate::rule::Rule;

/// Takes out of a base's config what the builder fills in again, and returns the history.
pub(super) fn clear_built(config: &mut Config) -> Vec<History> {
    config.created = None;
    config.rootfs = RootFs::default();
    std::mem::take(&mut config.history)
}

pub(super) fn shell(stage: &mut Stage, words: &[Word]) {
    let shell: Vec<String> = words.iter().map(|word| word.text.clone()).collect();
    stage.record(format!("SHELL {}", list(&shell)), None);
    stage.config.config.shell = shell;
}

/// The command as an image config holds it; the shell form gets the shell in front.
fn arguments(stage: &Stage, command: &CommandLine) -> Vec<String> {
    let words = command.words.iter().map(|word| word.text.clone());
    if command.exec {
        return words.collect();
    }
    let mut shell = stage.config.config.shell.clone();
    if shell.is_empty() {
        let default: &[&str] = match stage.platform.is_windows() {
            true => &["cmd", "/S", "/C"],
            false => &["/bin/sh", "-c"],
        };
        shell = default.iter().map(|word| (*word).to_owned()).collect();
    }
    shell.push(words.collect::<Vec<_>>().join(" "));
    shell
}

impl Lowerer<'_> {
    pub(super) fn env(
        &mut self,
        stage: &mut Stage,
        pairs: &[KeyValue],
        site: &Site<'_>,
    ) -> Result<(), LowerError> {
        let mut created_by = "ENV".to_owned();
        // All pairs are expanded with what was set before the instruction.
        for (name, value) in self.pairs(stage, pairs, site)? {
            self.check_secret("ENV", &name, site);
            self.check_path_variable(stage, &name, &value, site);
            created_by.push_str(&format!(" {name}={value}"));
            stage.set_env(&name, &value);
        }
        stage.record(created_by, None);
        Ok(())
    }

    pub(super) fn label(
        &mut self,
        stage: &mut Stage,
        pairs: &[KeyValue],
        site: &Site<'_>,
    ) -> Result<(), LowerError> {
        let mut created_by = "LABEL".to_owned();
        for (name, value) in self.pairs(stage, pairs, site)? {
            created_by.push_str(&format!(" {name}={value}"));
            stage.config.config.labels.insert(name, value);
        }
        stage.record(created_by, None);
        Ok(())
    }

    fn pairs(
        &mut self,
        stage: &Stage,
        pairs: &[KeyValue],
        site: &Site<'_>,
    ) -> Result<Vec<(String, String)>, LowerError> {
        let mut expanded = Vec::with_capacity(pairs.len());
        for pair in pairs {
            if pair.legacy {
                let keyword = &site.instruction.keyword.text;
                let message = format!(
                    "\"{keyword} key=value\" should be used instead of legacy \"{keyword} key \
                     value\" format"
                );
                self.warn(Rule::LegacyKeyValueFormat, site.statement(), message);
            }
            let name = self.text(stage, &pair.key, site)?;
            if name.is_empty() {
                let what = "the name";
                return Err(site.error(pair.key.span, LowerReason::Empty { what }));
            }
            expanded.push((name, self.text(stage, &pair.value, site)?));
        }
        Ok(expanded)
    }

    pub(super) fn arg(
        &mut self,
        stage: &mut Stage,
        definitions: &[ArgDefinition],
        site: &Site<'_>,
    ) -> Result<(), LowerError> {
        let mut created_by = "ARG".to_owned();
        for definition in definitions {
            let name = &definition.name.text;
            self.check_secret("ARG", name, site);
            let given = self.options.build_args.get(name);
            let inherited = given.is_none() && definition.default.is_none();
            let value = match (given, &definition.default) {
                (Some(given), _) => Some(given.clone()),
                (None, Some(default)) => Some(self.text(stage, default, site)?),
                (None, None) => self.globals.get(name).map(str::to_owned),
            };
            if !(inherited && value.is_some()) {
                let description = site.instruction.description(name);
                let argument = Argument {
                    value: value.clone().unwrap_or_default(),
                    description: description.unwrap_or_default().to_owned(),
                    needs: BTreeSet::new(),
                    span: site.statement(),
                    at: definition.name.span.start,
                };
                stage.outline.arguments.insert(name.clone(), argument);
            }
            stage.outline.used.insert(name.clone());
            created_by.push_str(&format!(" {name}"));
            if let Some(value) = value {
                created_by.push_str(&format!("={value}"));
                stage.set_arg(name, &value);
            }
            stage.declared.insert(name.clone());
        }
        stage.record(created_by, None);
        Ok(())
    }

    pub(super) fn workdir(
        &mut self,
        stage: &mut Stage,
        word: &Word,
        site: &Site<'_>,
    ) -> Result<(), LowerError> {
        let written = self.text(stage, word, site)?;
        let rules = stage.rules();
        self.check_backslashes(rules, word, &written, site.at(word.span));
        self.check_windows_path(stage, &written, site.at(word.span));
        if !stage.directory_set && !rules.is_absolute(&written) {
            let message = format!(
                "Relative workdir {} can have unexpected results if the base image changes",
                go_format::quote(&written)
            );
            self.warn(Rule::WorkdirRelativePath, site.at(word.span), message);
        }
        stage.directory_set = true;
        let name = rules
            .working_directory(&stage.config.config.working_dir, &written)
            .map_err(|error| site.path_error(word.span, error))?;
        let path = clean(&name);
        stage.config.config.working_dir = rules.config_text(&name);
        let mut made = None;
        if path != "/" {
            let user = &stage.config.config.user;
            let operation = Operation::MakeDirectory {
                base: stage.tree,
                path: path.clone(),
                owner: (!user.is_empty()).then(|| user.clone()),
            };
            let location = self.location(stage.index, site.instruction, site.place);
            stage.tree = self.add(operation, location, &stage.platform);
            made = Some(stage.tree);
        }
        stage.record(format!("WORKDIR {name}"), made);
        stage.directory = path;
        Ok(())
    }

    pub(super) fn user(
        &mut self,
        stage: &mut Stage,
        word: &Word,
        site: &Site<'_>,
    ) -> Result<(), LowerError> {
        let user = self.text(stage, word, site)?;
        stage.record(format!("USER {user}"), None);
        stage.config.config.user = user;
        Ok(())
    }

    pub(super) fn cmd(&mut self, stage: &mut Stage, command: &CommandLine, site: &Site<'_>) {
        self.check_once(stage.cmd, site);
        self.check_exec(stage, command, site);
        stage.cmd = Some(site.statement());
        let arguments = arguments(stage, command);
        stage.record(format!("CMD {}", quoted_list(&arguments)), None);
        stage.config.config.cmd = (!arguments.is_empty()).then_some(arguments);
        stage.config.config.args_escaped = true;
    }

    pub(super) fn entrypoint(&mut self, stage: &mut Stage, command: &CommandLine, site: &Site<'_>) {
        self.check_once(stage.entrypoint, site);
        self.check_exec(stage, command, site);
        stage.entrypoint = Some(site.statement());
        let arguments = arguments(stage, command);
        stage.record(format!("ENTRYPOINT {}", quoted_list(&arguments)), None);
        stage.config.config.entrypoint = (!arguments.is_empty()).then_some(arguments);
        // A CMD of the base was written for the base's ENTRYPOINT.
        if stage.cmd.is_none() {
            stage.config.config.cmd = None;
        }
    }

    pub(super) fn volume(
        &mut self,
        stage: &mut Stage,
        words: &[Word],
        site: &Site<'_>,
    ) -> Result<(), LowerError> {
        let mut volumes = Vec::with_capacity(words.len());
        for word in words {
            let volume = self.text(stage, word, site)?;
            if volume.is_empty() {
                let what = "the volume";
                return Err(site.error(word.span, LowerReason::Empty { what }));
            }
            volumes.push(volume);
        }
        stage.record(format!("VOLUME {}", list(&volumes)), None);
        let volumes = volumes.into_iter();
        stage
            .config
            .config
            .volumes
            .extend(volumes.map(|volume| (volume, empty_object())));
        Ok(())
    }

    pub(super) fn expose(
        &mut self,
        stage: &mut Stage,
        words: &[Word],
        site: &Site<'_>,
    ) -> Result<(), LowerError> {
        let mut sorted: Vec<&Word> = words.iter().collect();
        sorted.sort_by(|left, right| left.text.cmp(&right.text));
        let mut ports = Vec::new();
        for word in sorted {
            // BuildKit says nothing of variables here that nothing sets.
            let escape = self.escape(site);
            let expansion = Expander::new(&stage.scope, escape).expand(&word.text);
            let expansion = expansion.map_err(|error| word_error(word, error, site))?;
            for port in expansion.words {
                let exposed = expose::parse(&port).map_err(|reason| {
                    let port = port.clone();
                    site.error(word.span, LowerReason::Port { port, reason })
                })?;
                if exposed.upper_case {
                    let message = format!(
                        "Defined protocol '{port}' in EXPOSE instruction should be lowercase"
                    );
                    self.warn(Rule::ExposeProtoCasing, site.at(word.span), message);
                }
                if exposed.mapped {
                    let message = format!(
                        "EXPOSE instruction should not define an IP address or host-port \
                         mapping, found '{port}'"
                    );
                    self.warn(Rule::ExposeInvalidFormat, site.at(word.span), message);
                }
                ports.extend(exposed.ports);
            }
        }
        stage.record(format!("EXPOSE {}", list(&ports)), None);
        let ports = ports.into_iter();
        stage
            .config
            .config
            .exposed_ports
            .extend(ports.map(|port| (port, empty_object())));
        Ok(())
    }

    pub(super) fn stop_signal(
        &mut self,
        stage: &mut Stage,
        word: &Word,
        site: &Site<'_>,
    ) -> Result<(), LowerError> {
        let signal = self.text(stage, word, site)?;
        if !signal::is_valid(&signal) {
            return Err(site.error(word.span, LowerReason::Signal { signal }));
        }
        if stage.platform.is_windows() {
            let message = "Windows has no signals".to_owned();
            self.warn(Rule::IgnoredOnWindows, site.statement(), message);
        }
        stage.record(format!("STOPSIGNAL {signal}"), None);
        stage.config.config.stop_signal = signal;
        Ok(())
    }

    pub(super) fn healthcheck(&mut self, stage: &mut Stage, check: &Healthcheck, site: &Site<'_>) {
        self.check_once(stage.healthcheck, site);
        stage.healthcheck = Some(site.statement());
        let mut health = Health::default();
        let mut times = [0; 4];
        let mut count = 0;
        match check {
            Healthcheck::Disabled => health.test.push("NONE".to_owned()),
            Healthcheck::Command {
                command,
                interval,
                timeout,
                start_period,
                start_interval,
                retries,
            } => {
                let kind = if command.exec { "CMD" } else { "CMD-SHELL" };
                health.test.push(kind.to_owned());
                if command.exec {
                    self.check_program(stage, &command.words, site);
                }
                let words = command.words.iter();
                health.test.extend(words.map(|word| word.text.clone()));
                times = [*interval, *timeout, *start_period, *start_interval];
                count = *retries;
            }
        }
        let mut created_by = format!("HEALTHCHECK {{Test:{}", list(&health.test));
        let names = ["Interval", "Timeout", "StartPeriod", "StartInterval"];
        for (name, time) in names.into_iter().zip(times) {
            created_by.push_str(&format!(" {name}:{}", duration::format(time)));
            if time != 0 {
                health.other.insert(name.to_owned(), time.into());
            }
        }
        if count != 0 {
            health.other.insert("Retries".to_owned(), count.into());
        }
        stage.record(format!("{created_by} Retries:{count}}}"), None);
        stage.config.config.healthcheck = Some(health);
    }

    fn check_once(&mut self, earlier: Option<crate::span::Span>, site: &Site<'_>) {
        if let Some(earlier) = earlier {
            let keyword = &site.instruction.keyword.text;
            let message = format!(
                "Multiple {keyword} instructions should not be used in the same stage because \
                 only the last one will be used"
            );
            let rule = Rule::MultipleInstructionsDisallowed;
            let warning = Diagnostic::warning(rule, earlier, message);
            let line = self.line(site.statement());
            let help = format!("remove it: the one that counts is on line {line}");
            self.warnings.push(warning.with_help(help));
        }
    }

    fn check_exec(&mut self, stage: &Stage, command: &CommandLine, site: &Site<'_>) {
        if command.exec {
            self.check_program(stage, &command.words, site);
        }
        if !command.exec && stage.config.config.shell.is_empty() {
            let keyword = &site.instruction.keyword.text;
            let message = format!(
                "JSON arguments recommended for {keyword} to prevent unintended behavior related \
                 to OS signals"
            );
            self.warn(Rule::JsonArgsRecommended, site.statement(), message);
        }
    }

    /// Names that sound like a secret, by the words between underscores (BuildKit's list).
    fn check_secret(&mut self, keyword: &str, name: &str, site: &Site<'_>) {
        const SECRET: [&str; 10] = [
            "apikey",
            "auth",
            "credential",
            "credentials",
            "key",
            "password",
            "pword",
            "passwd",
            "secret",
            "token",
        ];
        const HARMLESS: [&str; 3] = ["public", "file", "version"];
        let lowered = name.to_lowercase();
        let has = |list: &[&str]| lowered.split('_').any(|part| list.contains(&part));
        if has(&SECRET) && !has(&HARMLESS) {
            let message = format!(
                "Do not use ARG or ENV instructions for sensitive data ({keyword} {})",
                go_format::quote(name)
            );
            self.warn(Rule::SecretsUsedInArgOrEnv, site.statement(), message);
        }
    }
}

fn empty_object() -> serde_json::Value {
    serde_json::Value::Object(serde_json::Map::new())
}
