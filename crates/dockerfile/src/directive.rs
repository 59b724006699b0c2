//! Parser directives: `# syntax=`, `# escape=`, `# check=` at the very top.

use crossdock_image::Reference;

use crate::logical::Word;
use crate::parse_error::{ParseError, ParseReason};
use crate::rule::Rule;
use crate::run_flags::parse_bool;
use crate::span::Span;

/// The character that escapes, and that continues lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Escape {
    /// `\`
    #[default]
    Backslash,
    /// `` ` ``, for Windows paths.
    Backtick,
}

/// What the parser directives say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Directives {
    /// `# syntax=`, always a name of the frontend that is built in.
    pub syntax: Option<Word>,
    /// `# escape=`
    pub escape: Escape,
    /// `# check=`
    pub check: Check,
}

/// Which checks are silent, which experimental ones speak, and whether they stop the build.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Check {
    /// `skip=all`
    pub skip_all: bool,
    /// `skip=A,B`; names that this program does not have are ignored.
    pub skip: Vec<Rule>,
    /// `experimental=all`
    pub experimental_all: bool,
    /// `experimental=A,B`
    pub experimental: Vec<Rule>,
    /// `error=true`
    pub error: bool,
}

impl Escape {
    /// The character itself.
    pub fn char(self) -> char {
        match self {
            Self::Backslash => '\\',
            Self::Backtick => '`',
        }
    }
}

/// Reads directives line by line until something else comes.
#[derive(Debug, Default)]
pub(crate) struct DirectiveReader {
    pub(crate) directives: Directives,
    seen: Vec<&'static str>,
    /// `#!` on the first line, after which BuildKit reads `syntax` and `check` only.
    shebang: bool,
    done: bool,
}

const NAMES: [&str; 3] = ["syntax", "escape", "check"];

impl DirectiveReader {
    /// Takes a line, which stands at `offset`; whether it is a directive.
    pub(crate) fn line(&mut self, line: &str, offset: usize) -> Result<bool, ParseError> {
        if self.done {
            return Ok(false);
        }
        if offset == 0 && line.starts_with("#!") {
            self.shebang = true;
            return Ok(false);
        }
        let Some((name, value, start)) = split(line) else {
            self.done = true;
            return Ok(false);
        };
        if self.shebang && name == "escape" {
            return Ok(false);
        }
        let span = Span::new(offset + start, offset + start + value.len());
        let error = |reason| Err(ParseError { span, reason });
        if self.seen.contains(&name) {
            return error(ParseReason::DuplicateDirective { name });
        }
        self.seen.push(name);
        match name {
            "syntax" => {
                let frontend = frontend(value);
                if !is_built_in(frontend) {
                    return error(ParseReason::Frontend {
                        frontend: frontend.to_owned(),
                    });
                }
                self.directives.syntax = Some(Word {
                    text: value.to_owned(),
                    span,
                });
            }
            "escape" => {
                self.directives.escape = match value {
                    "\\" => Escape::Backslash,
                    "`" => Escape::Backtick,
                    _ => {
                        return error(ParseReason::Escape {
                            value: value.to_owned(),
                        });
                    }
                }
            }
            _ => {
                self.directives.check = Check::parse(value).map_err(|option| ParseError {
                    span,
                    reason: ParseReason::Check { option },
                })?;
            }
        }
        Ok(true)
    }
}

/// The known name, the value and its offset of `# name = value`.
fn split(line: &str) -> Option<(&'static str, &str, usize)> {
    let (name, rest) = line.split_once('=')?;
    let name = name.trim_start().strip_prefix('#')?.trim();
    let known = NAMES
        .iter()
        .find(|known| known.eq_ignore_ascii_case(name))?;
    let value = rest.trim();
    let start = line.len() - rest.trim_start().len();
    (!value.is_empty()).then_some((known, value, start))
}

/// Whether `frontend` is docker's own, in any version and channel.
pub(crate) fn is_built_in(frontend: &str) -> bool {
    let Ok(reference) = frontend.parse::<Reference>() else {
        return false;
    };
    let repository = reference.repository().to_string();
    matches!(
        repository.as_str(),
        "docker.io/docker/dockerfile" | "docker.io/docker/dockerfile-upstream"
    )
}

/// The name of a frontend in the value of `# syntax=`, which may have arguments.
pub(crate) fn frontend(value: &str) -> &str {
    value.split(' ').next().unwrap_or(value)
}

impl Check {
    /// Reads the value of `# check=`. White space ends it, as in BuildKit, but not after `,` and
    /// `;`. The error is the option that is none.
    pub(crate) fn parse(value: &str) -> Result<Self, String> {
        let mut text = String::new();
        for c in value.trim().chars() {
            match c {
                c if !c.is_whitespace() => text.push(c),
                _ if text.ends_with([',', ';']) => {}
                _ => break,
            }
        }
        let mut check = Self::default();
        for option in text.split(';') {
            let (name, value) = option.split_once('=').ok_or_else(|| option.to_owned())?;
            let rules = || value.split(',').filter_map(Rule::from_name).collect();
            match name {
                "skip" if value == "all" => check.skip_all = true,
                "skip" => check.skip = rules(),
                "experimental" if value == "all" => check.experimental_all = true,
                "experimental" => check.experimental = rules(),
                "error" => {
                    check.error = parse_bool(value).ok_or_else(|| option.to_owned())?;
                }
                _ => return Err(option.to_owned()),
            }
        }
        Ok(check)
    }

    /// The check options in a comment above an instruction: `check=skip=…`.
    pub(crate) fn in_comment(comment: &str) -> Option<Self> {
        let (name, value) = comment.split_once('=')?;
        let is_check = name.trim().eq_ignore_ascii_case("check");
        is_check.then(|| Self::parse(value).ok()).flatten()
    }

    /// Whether `rule` speaks.
    pub(crate) fn lets_through(&self, rule: Rule) -> bool {
        match rule.is_experimental() {
            true => self.experimental_all || self.experimental.contains(&rule),
            false => !self.skip_all && !self.skip.contains(&rule),
        }
    }
}
