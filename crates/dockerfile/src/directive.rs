//! Parser directives: `# syntax=`, `# escape=`, `# check=` at the very top.

use crate::diagnostic::Rule;
use crate::logical::Word;
use crate::parse_error::{ParseError, ParseReason};
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

/// Which checks are silent, and whether the others stop the build.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Check {
    /// `skip=all`
    pub skip_all: bool,
    /// `skip=A,B`; names that this program does not have are ignored.
    pub skip: Vec<Rule>,
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
    done: bool,
}

const NAMES: [&str; 3] = ["syntax", "escape", "check"];

impl DirectiveReader {
    /// Takes a line, which stands at `offset`; whether it is a directive.
    pub(crate) fn line(&mut self, line: &str, offset: usize) -> Result<bool, ParseError> {
        if self.done {
            return Ok(false);
        }
        let Some((name, value, start)) = split(line) else {
            self.done = true;
            return Ok(false);
        };
        let span = Span::new(offset + start, offset + start + value.len());
        let error = |reason| Err(ParseError { span, reason });
        if self.seen.contains(&name) {
            return error(ParseReason::DuplicateDirective { name });
        }
        self.seen.push(name);
        match name {
            "syntax" => {
                let frontend = value.split(' ').next().unwrap_or(value);
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
                self.directives.check = check(value).map_err(|option| ParseError {
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

/// Whether `frontend` is docker's own, in any version.
fn is_built_in(frontend: &str) -> bool {
    let name = frontend.split('@').next().unwrap_or(frontend);
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    let name = name.split(':').next().unwrap_or(name);
    matches!(name, "docker/dockerfile" | "docker/dockerfile-upstream")
}

fn check(value: &str) -> Result<Check, String> {
    let mut check = Check::default();
    for option in value.split(';') {
        let (name, value) = option.split_once('=').ok_or_else(|| option.to_owned())?;
        let value = value.trim();
        match name.trim() {
            "skip" if value == "all" => check.skip_all = true,
            "skip" => {
                let names = value.split(',').map(str::trim);
                check.skip = names.filter_map(Rule::from_name).collect();
            }
            "experimental" => {}
            "error" => {
                check.error = match value {
                    "1" | "t" | "T" | "true" | "TRUE" | "True" => true,
                    "0" | "f" | "F" | "false" | "FALSE" | "False" => false,
                    _ => return Err(option.to_owned()),
                }
            }
            _ => return Err(option.to_owned()),
        }
    }
    Ok(check)
}
