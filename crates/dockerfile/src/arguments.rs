//! From a logical line to a typed instruction.

use crate::directive::Escape;
use crate::duration;
use crate::flags::{Flags, split_flags};
use crate::heredoc::{Heredoc, Opening};
use crate::instruction::{
    Add, ArgDefinition, CommandLine, Copy, Flag, From, Healthcheck, Instruction, InstructionKind,
    KeyValue, Onbuild, Run, Transfer, TransferSource,
};
use crate::json::{JsonForm, json_form};
use crate::logical::{Slice, Word};
use crate::parse_error::{ParseError, ParseReason};
use crate::run_flags;
use crate::suggest::nearest;
use crate::words::quoted_words;

const KEYWORDS: [&str; 18] = [
    "FROM",
    "COPY",
    "ADD",
    "WORKDIR",
    "ENV",
    "ARG",
    "LABEL",
    "USER",
    "CMD",
    "ENTRYPOINT",
    "SHELL",
    "EXPOSE",
    "VOLUME",
    "STOPSIGNAL",
    "HEALTHCHECK",
    "ONBUILD",
    "MAINTAINER",
    "RUN",
];

const COPY_FLAGS: &[&str] = &["from", "chown", "chmod", "link", "parents", "exclude"];
const ADD_FLAGS: &[&str] = &[
    "chown",
    "chmod",
    "link",
    "exclude",
    "checksum",
    "keep-git-dir",
    "unpack",
];
const HEALTHCHECK_FLAGS: &[&str] = &[
    "interval",
    "timeout",
    "start-period",
    "start-interval",
    "retries",
];
const RUN_FLAGS: &[&str] = &["mount", "network", "security", "device"];

/// Whether `word` is the keyword of an instruction.
pub(crate) fn is_keyword(word: &str) -> bool {
    KEYWORDS
        .iter()
        .any(|keyword| keyword.eq_ignore_ascii_case(word))
}

/// Whether the instruction may have here-documents: `RUN`, `COPY`, `ADD`, also as triggers, in
/// shell form.
pub(crate) fn takes_heredocs(line: Slice<'_>, escape: Escape) -> bool {
    let (mut keyword, mut rest) = line.split_first();
    if keyword.text().eq_ignore_ascii_case("ONBUILD") {
        (keyword, rest) = rest.split_first();
    }
    let takes = ["RUN", "COPY", "ADD"]
        .iter()
        .any(|name| name.eq_ignore_ascii_case(keyword.text()));
    let (_, arguments) = split_flags(rest, escape.char());
    takes && !matches!(json_form(arguments), JsonForm::Strings(_))
}

/// Parses a whole statement whose here-documents are read already. Returns the keyword as
/// written and what it asks for.
pub(crate) fn parse(
    line: Slice<'_>,
    escape: Escape,
    openings: &[Opening],
    heredocs: &[Heredoc],
) -> Result<(Word, InstructionKind), ParseError> {
    let (keyword, rest) = line.split_first();
    let Some(name) = KEYWORDS
        .iter()
        .find(|known| known.eq_ignore_ascii_case(keyword.text()))
    else {
        return Err(ParseError {
            span: keyword.span(),
            reason: ParseReason::UnknownInstruction {
                name: keyword.text().to_owned(),
                suggestion: nearest(keyword.text(), KEYWORDS),
            },
        });
    };
    if *name == "ONBUILD" {
        let onbuild = onbuild(line, rest, escape, openings, heredocs)?;
        return Ok((keyword.word(), InstructionKind::Onbuild(onbuild)));
    }
    let (flags, arguments) = split_flags(rest, escape.char());
    let statement = Statement {
        name,
        line,
        arguments,
        flags,
        escape: escape.char(),
        openings,
    };
    Ok((keyword.word(), statement.kind()?))
}

/// A trigger may not be `FROM`, `ONBUILD` or `MAINTAINER`.
pub(crate) fn check_trigger(instruction: &Instruction) -> Result<(), ParseError> {
    match instruction.kind {
        InstructionKind::From(_) | InstructionKind::Onbuild(_) | InstructionKind::Maintainer(_) => {
            Err(ParseError {
                span: instruction.statement,
                reason: ParseReason::Trigger {
                    instruction: instruction.kind.keyword(),
                },
            })
        }
        _ => Ok(()),
    }
}

fn onbuild(
    line: Slice<'_>,
    rest: Slice<'_>,
    escape: Escape,
    openings: &[Opening],
    heredocs: &[Heredoc],
) -> Result<Onbuild, ParseError> {
    if rest.is_empty() {
        return Err(ParseError {
            span: line.span(),
            reason: ParseReason::Arguments {
                instruction: "ONBUILD".to_owned(),
                expected: "an instruction",
            },
        });
    }
    // ONBUILD ONBUILD is refused here, so this cannot recurse further.
    let (inner, _) = rest.split_first();
    if inner.text().eq_ignore_ascii_case("ONBUILD") {
        return Err(ParseError {
            span: inner.span(),
            reason: ParseReason::Trigger {
                instruction: "ONBUILD",
            },
        });
    }
    let shift = line.text().len() - rest.text().len();
    let inner_openings: Vec<Opening> = openings
        .iter()
        .filter(|opening| opening.start >= shift)
        .map(|opening| Opening {
            start: opening.start - shift,
            end: opening.end - shift,
            ..opening.clone()
        })
        .collect();
    // White space at the end stays, as in BuildKit.
    let mut trigger = rest.to_line_end().text().to_owned();
    for heredoc in heredocs {
        trigger.push('\n');
        trigger.push_str(&String::from_utf8_lossy(&heredoc.written));
        trigger.push_str(&heredoc.name.text);
    }
    let parsed = parse(rest, escape, &inner_openings, heredocs).and_then(|(keyword, kind)| {
        let instruction = Instruction {
            span: rest.span(),
            statement: rest.span(),
            keyword,
            text: rest.text().to_owned(),
            kind,
            heredocs: heredocs.to_vec(),
            comments: Vec::new(),
        };
        check_trigger(&instruction)?;
        Ok(Box::new(instruction))
    });
    match parsed {
        Err(error) if error.reason.is_about_lines() => Err(error),
        instruction => Ok(Onbuild {
            trigger,
            instruction,
        }),
    }
}

/// A statement cut into keyword, flags and arguments.
struct Statement<'a> {
    name: &'static str,
    line: Slice<'a>,
    arguments: Slice<'a>,
    flags: Vec<Flag>,
    escape: char,
    openings: &'a [Opening],
}

impl Statement<'_> {
    fn kind(mut self) -> Result<InstructionKind, ParseError> {
        let known = match self.name {
            "FROM" => &["platform"],
            "COPY" => COPY_FLAGS,
            "ADD" => ADD_FLAGS,
            "HEALTHCHECK" => HEALTHCHECK_FLAGS,
            "RUN" => RUN_FLAGS,
            _ => &[],
        };
        if self.name == "HEALTHCHECK" && self.disables() {
            // BuildKit does not look at the flags then.
            self.flags.clear();
        }
        let flags = Flags::new(self.name, std::mem::take(&mut self.flags), known)?;
        Ok(match self.name {
            "FROM" => InstructionKind::From(self.from(&flags)?),
            "COPY" => InstructionKind::Copy(Copy {
                from: flags.value("from")?,
                parents: flags.switch("parents")?.unwrap_or(false),
                transfer: self.transfer(&flags)?,
            }),
            "ADD" => InstructionKind::Add(Add {
                checksum: flags.value("checksum")?,
                keep_git_dir: flags.switch("keep-git-dir")?,
                unpack: flags.switch("unpack")?,
                transfer: self.transfer(&flags)?,
            }),
            "WORKDIR" => InstructionKind::Workdir(self.single()?),
            "ENV" => InstructionKind::Env(self.key_values()?),
            "ARG" => InstructionKind::Arg(self.definitions()?),
            "LABEL" => InstructionKind::Label(self.key_values()?),
            "USER" => InstructionKind::User(self.single()?),
            "CMD" => InstructionKind::Cmd(self.command(self.arguments)?),
            "ENTRYPOINT" => InstructionKind::Entrypoint(self.command(self.arguments)?),
            "SHELL" => InstructionKind::Shell(self.shell()?),
            "EXPOSE" => InstructionKind::Expose(self.at_least_one(self.blank_words())?),
            "VOLUME" => InstructionKind::Volume(self.volumes()?),
            "STOPSIGNAL" => InstructionKind::StopSignal(self.single()?),
            "HEALTHCHECK" => InstructionKind::Healthcheck(self.healthcheck(&flags)?),
            "MAINTAINER" => InstructionKind::Maintainer(self.single()?),
            _ => InstructionKind::Run(Run {
                command: self.command(self.arguments)?,
                mounts: run_flags::mounts(&flags)?,
                network: run_flags::network(&flags)?,
                security: run_flags::security(&flags)?,
                devices: run_flags::devices(&flags)?,
                flags: flags.into_given(),
            }),
        })
    }

    /// Whether the arguments of a `HEALTHCHECK` begin with `NONE`.
    fn disables(&self) -> bool {
        let (kind, _) = self.arguments.split_first();
        kind.text().eq_ignore_ascii_case("NONE")
    }

    fn error<T>(&self, expected: &'static str) -> Result<T, ParseError> {
        Err(ParseError {
            span: self.line.span(),
            reason: ParseReason::Arguments {
                instruction: self.name.to_owned(),
                expected,
            },
        })
    }

    fn blank_words(&self) -> Vec<Word> {
        let parts = self.arguments.split_blanks();
        parts.into_iter().map(Slice::word).collect()
    }

    fn at_least_one(&self, words: Vec<Word>) -> Result<Vec<Word>, ParseError> {
        match words.is_empty() {
            true => self.error("at least one argument"),
            false => Ok(words),
        }
    }

    fn single(&self) -> Result<Word, ParseError> {
        match self.arguments.is_empty() {
            true => self.error("exactly one argument"),
            false => Ok(self.arguments.word()),
        }
    }

    fn from(&self, flags: &Flags) -> Result<From, ParseError> {
        let words = self.blank_words();
        let (image, name) = match words.as_slice() {
            [image] => (image, None),
            [image, word, name] if word.text.eq_ignore_ascii_case("as") => {
                if !is_stage_name(&name.text) {
                    return Err(ParseError {
                        span: name.span,
                        reason: ParseReason::StageName {
                            name: name.text.clone(),
                        },
                    });
                }
                (image, Some(name.clone()))
            }
            _ => return self.error("an image, or an image, AS and a name"),
        };
        Ok(From {
            platform: flags.value("platform")?,
            image: image.clone(),
            name,
        })
    }

    fn transfer(&self, flags: &Flags) -> Result<Transfer, ParseError> {
        let mut sources = match json_form(self.arguments) {
            JsonForm::Strings(words) => words.into_iter().map(TransferSource::Path).collect(),
            JsonForm::NotStrings => return Err(self.not_strings()),
            JsonForm::NotJson => self.shell_sources(),
        };
        let destination = match sources.pop() {
            Some(TransferSource::Path(word)) if !sources.is_empty() => word,
            Some(TransferSource::Heredoc(_)) if !sources.is_empty() => {
                return Err(ParseError {
                    span: self.line.span(),
                    reason: ParseReason::HeredocDestination {
                        instruction: self.name.to_owned(),
                    },
                });
            }
            _ => return self.error("at least one source and a destination"),
        };
        Ok(Transfer {
            chown: flags.value("chown")?,
            chmod: flags.value("chmod")?,
            link: flags.switch("link")?.unwrap_or(false),
            exclude: flags.values("exclude")?,
            sources,
            destination,
        })
    }

    /// The arguments between white space, with here-documents in their places.
    fn shell_sources(&self) -> Vec<TransferSource> {
        let text = self.arguments.text();
        let offset = self.line.text().len() - text.len();
        let mut sources = Vec::new();
        let mut at = 0;
        let paths = |from: usize, to: usize| {
            let parts = self.arguments.part(from, to).split_blanks();
            parts
                .into_iter()
                .map(|part| TransferSource::Path(part.word()))
        };
        for (index, opening) in self.openings.iter().enumerate() {
            let Some(start) = opening.start.checked_sub(offset) else {
                continue;
            };
            sources.extend(paths(at, start));
            sources.push(TransferSource::Heredoc(index));
            at = opening.end - offset;
        }
        sources.extend(paths(at, text.len()));
        sources
    }

    fn not_strings(&self) -> ParseError {
        ParseError {
            span: self.arguments.span(),
            reason: ParseReason::NotStrings,
        }
    }

    fn key_values(&self) -> Result<Vec<KeyValue>, ParseError> {
        let words = self.at_least_one(quoted_words(self.arguments, self.escape))?;
        if !words[0].text.contains('=') {
            let (key, value) = self.arguments.split_first();
            if value.is_empty() {
                return self.error("a name and a value");
            }
            return Ok(vec![KeyValue {
                key: key.word(),
                value: value.word(),
                legacy: true,
            }]);
        }
        words.iter().map(|word| self.key_value(word)).collect()
    }

    fn key_value(&self, word: &Word) -> Result<KeyValue, ParseError> {
        let Some((key, value)) = word.text.split_once('=') else {
            return Err(ParseError {
                span: word.span,
                reason: ParseReason::NotKeyValue {
                    word: word.text.clone(),
                },
            });
        };
        let part = |text: &str| Word {
            text: text.to_owned(),
            span: word.span,
        };
        if key.is_empty() {
            return Err(self.empty_name(word));
        }
        Ok(KeyValue {
            key: part(key),
            value: part(value),
            legacy: false,
        })
    }

    fn empty_name(&self, word: &Word) -> ParseError {
        ParseError {
            span: word.span,
            reason: ParseReason::EmptyName {
                instruction: self.name.to_owned(),
            },
        }
    }

    fn definitions(&self) -> Result<Vec<ArgDefinition>, ParseError> {
        let words = self.at_least_one(quoted_words(self.arguments, self.escape))?;
        let mut definitions = Vec::with_capacity(words.len());
        for word in words {
            if !word.text.contains('=') {
                definitions.push(ArgDefinition {
                    name: word,
                    default: None,
                });
                continue;
            }
            let pair = self.key_value(&word)?;
            definitions.push(ArgDefinition {
                name: pair.key,
                default: Some(pair.value),
            });
        }
        Ok(definitions)
    }

    fn command(&self, arguments: Slice<'_>) -> Result<CommandLine, ParseError> {
        Ok(match json_form(arguments) {
            JsonForm::Strings(words) => CommandLine { words, exec: true },
            JsonForm::NotStrings => return Err(self.not_strings()),
            JsonForm::NotJson => CommandLine {
                words: match arguments.is_empty() {
                    true => Vec::new(),
                    false => vec![arguments.word()],
                },
                exec: false,
            },
        })
    }

    fn shell(&self) -> Result<Vec<Word>, ParseError> {
        let command = self.command(self.arguments)?;
        if !command.exec && !command.words.is_empty() {
            return Err(ParseError {
                span: self.arguments.span(),
                reason: ParseReason::ShellForm,
            });
        }
        self.at_least_one(command.words)
    }

    fn volumes(&self) -> Result<Vec<Word>, ParseError> {
        let words = match json_form(self.arguments) {
            JsonForm::Strings(words) => words,
            JsonForm::NotStrings => return Err(self.not_strings()),
            JsonForm::NotJson => self.blank_words(),
        };
        let mut volumes = self.at_least_one(words)?;
        for volume in &mut volumes {
            volume.text = volume.text.trim().to_owned();
            if volume.text.is_empty() {
                return Err(self.empty_name(volume));
            }
        }
        Ok(volumes)
    }

    fn healthcheck(&self, flags: &Flags) -> Result<Healthcheck, ParseError> {
        let (kind, rest) = self.arguments.split_first();
        if kind.is_empty() {
            return self.error("CMD and a command, or NONE");
        }
        if kind.text().eq_ignore_ascii_case("NONE") {
            return match rest.is_empty() {
                true => Ok(Healthcheck::Disabled),
                false => self.error("nothing after NONE"),
            };
        }
        if !kind.text().eq_ignore_ascii_case("CMD") {
            return Err(ParseError {
                span: kind.span(),
                reason: ParseReason::HealthcheckKind {
                    word: kind.text().to_owned(),
                },
            });
        }
        let command = self.command(rest)?;
        if command.words.is_empty() {
            return self.error("a command after CMD");
        }
        let duration = |name: &str| -> Result<u64, ParseError> {
            let Some(word) = flags.value(name)? else {
                return Ok(0);
            };
            match duration::parse(&word.text) {
                Some(0) => Ok(0),
                Some(nanoseconds) if nanoseconds >= 1_000_000 => Ok(nanoseconds),
                _ => Err(ParseError {
                    span: word.span,
                    reason: ParseReason::Duration { value: word.text },
                }),
            }
        };
        let retries = match flags.value("retries")? {
            None => 0,
            Some(word) => match word
                .text
                .parse::<i32>()
                .ok()
                .and_then(|n| n.try_into().ok())
            {
                Some(count) => count,
                None => {
                    return Err(ParseError {
                        span: word.span,
                        reason: ParseReason::Count { value: word.text },
                    });
                }
            },
        };
        Ok(Healthcheck::Command {
            command,
            interval: duration("interval")?,
            timeout: duration("timeout")?,
            start_period: duration("start-period")?,
            start_interval: duration("start-interval")?,
            retries,
        })
    }
}

/// BuildKit's rule, on the lower-cased name.
fn is_stage_name(name: &str) -> bool {
    let mut bytes = name.bytes().map(|byte| byte.to_ascii_lowercase());
    bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && bytes.all(|b| {
            b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.')
        })
}
