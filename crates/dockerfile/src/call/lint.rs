//! `--check`, `--call=check`: warnings and the first error.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Serialize;

use super::json;
use super::lines::{LineFinder, Lines, Location};
use crate::diagnostic::Diagnostic;
use crate::lower::BaseRequest;
use crate::parse_error::ParseError;
use crate::parser::Dockerfile;
use crate::rule::Rule;
use crate::span::{Source, Span};

/// What checking a Dockerfile found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    /// What is odd, in the order of the file.
    pub warnings: Vec<Diagnostic>,
    /// The first error.
    pub error: Option<Diagnostic>,
    /// Base images whose configs are not known: with them the report would be complete.
    pub needs: BTreeSet<BaseRequest>,
    source: Source,
    instructions: Vec<Span>,
}

impl CheckReport {
    pub(crate) fn new(
        file: &Dockerfile,
        warnings: Vec<Diagnostic>,
        error: Option<Diagnostic>,
        needs: BTreeSet<BaseRequest>,
    ) -> Self {
        let instructions = file.instructions().iter();
        Self {
            warnings,
            error,
            needs,
            source: file.source().clone(),
            instructions: instructions.map(|instruction| instruction.span).collect(),
        }
    }

    /// The report about bytes that are not a Dockerfile.
    pub fn of_parse_error(source: &Source, error: &ParseError) -> Self {
        Self {
            warnings: Vec::new(),
            error: Some(error.diagnostic()),
            needs: BTreeSet::new(),
            source: source.clone(),
            instructions: Vec::new(),
        }
    }

    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.warnings.is_empty() && self.error.is_none()
    }

    /// The file.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The fields of BuildKit's `lint.LintResults`.
    pub fn to_json(&self) -> String {
        let finder = LineFinder::new(&self.source, self.instructions.clone());
        let warnings = self.warnings.iter().map(|warning| JsonWarning {
            rule_name: warning.rule.map_or("", Rule::name),
            description: warning.rule.map_or("", Rule::description),
            url: warning.rule.and_then(Rule::url),
            detail: &warning.message,
            location: Location::of(lines(&finder, warning)),
        });
        let error = self.error.as_ref().map(|error| JsonError {
            message: &error.message,
            location: Location::of(lines(&finder, error)),
        });
        let warnings: Vec<_> = warnings.collect();
        json::indented(&JsonReport {
            // As Go writes a list that was never appended to.
            warnings: (!warnings.is_empty()).then_some(warnings),
            sources: [JsonSource {
                filename: self.source.name(),
                data: json::bytes(self.source.bytes()),
                language: "Dockerfile",
            }],
            build_error: error,
        })
    }

    /// As docker shows it: a line that sums up, each warning with its lines, the error.
    pub fn to_text(&self) -> String {
        let finder = LineFinder::new(&self.source, self.instructions.clone());
        let mut text = String::new();
        match (self.warnings.len(), &self.error) {
            (0, None) => text.push_str("Check complete, no warnings found.\n"),
            (0, Some(_)) => {}
            (1, _) => text.push_str("Check complete, 1 warning has been found!\n"),
            (count, _) => {
                let _ = writeln!(text, "Check complete, {count} warnings have been found!");
            }
        }
        for warning in &self.warnings {
            text.push_str("\nWARNING: ");
            text.push_str(warning.rule.map_or("", Rule::name));
            if let Some(url) = warning.rule.and_then(Rule::url) {
                text.push_str(" - ");
                text.push_str(&url);
            }
            let _ = writeln!(text, "\n{}", warning.message);
            self.write_lines(&mut text, lines(&finder, warning));
        }
        if let Some(error) = &self.error {
            let _ = writeln!(text, "\nERROR: {}", error.message);
            self.write_lines(&mut text, lines(&finder, error));
        }
        text
    }

    /// Lines with some around them, those that are meant marked (BuildKit,
    /// solver/errdefs/source.go).
    fn write_lines(&self, text: &mut String, lines: Option<Lines>) {
        let Some(meant) = lines else { return };
        let source: Vec<&[u8]> = self.source.bytes().split(|byte| *byte == b'\n').collect();
        let count = source.len();
        let (mut start, mut end) = (meant.first as usize, (meant.last as usize).min(count));
        if start < 1 || start > count {
            return;
        }
        let padding = if end == start { 4 } else { 2 };
        let mut added = 0;
        while added < padding {
            if start > 1 {
                start -= 1;
                added += 1;
            }
            if end != count {
                end += 1;
                added += 1;
            }
            added += 1;
        }
        let rule = "--------------------";
        let _ = writeln!(text, "{}:{}\n{rule}", self.source.name(), meant.first);
        for (number, line) in (start..=end).zip(&source[start - 1..end]) {
            let is_meant = (meant.first as usize..=meant.last as usize).contains(&number);
            let mark = if is_meant { ">>>" } else { "   " };
            let line = crate::diagnostic::printable(line.strip_suffix(b"\r").unwrap_or(line));
            let _ = writeln!(text, " {number:3} | {mark} {line}");
        }
        let _ = writeln!(text, "{rule}");
    }
}

/// Docker's rules mean whole instructions, but for the line that is empty.
fn lines(finder: &LineFinder<'_>, diagnostic: &Diagnostic) -> Option<Lines> {
    let span = diagnostic.span?;
    Some(match diagnostic.rule {
        Some(Rule::NoEmptyContinuation) => finder.exactly(span),
        _ => finder.of(span),
    })
}

#[derive(Serialize)]
struct JsonReport<'a> {
    warnings: Option<Vec<JsonWarning<'a>>>,
    sources: [JsonSource<'a>; 1],
    #[serde(rename = "buildError", skip_serializing_if = "Option::is_none")]
    build_error: Option<JsonError<'a>>,
}

#[derive(Serialize)]
struct JsonWarning<'a> {
    #[serde(rename = "ruleName")]
    rule_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: &'a str,
    location: Location,
}

#[derive(Serialize)]
struct JsonSource<'a> {
    filename: &'a str,
    data: String,
    language: &'a str,
}

#[derive(Serialize)]
struct JsonError<'a> {
    message: &'a str,
    location: Location,
}
