//! The fields of BuildKit's `client.SolveStatus` as Go writes them: bytes in base64, times as RFC
//! 3339, what is empty left out.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use crossdock_build::format_rfc3339;
use crossdock_dockerfile::{Diagnostic, Rule, Source};
use serde::{Serialize, Serializer};

/// A change.
#[derive(Debug, Default, Serialize)]
pub(super) struct SolveStatus {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) vertexes: Vec<Vertex>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) statuses: Vec<Status>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) logs: Vec<Log>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<Warning>,
}

/// A piece of work, as it is now.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Vertex {
    pub(super) digest: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) inputs: Vec<String>,
    pub(super) name: String,
    pub(super) started: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) completed: Option<Time>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) cached: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) error: String,
}

/// Something that happens in a piece of work.
#[derive(Debug, Serialize)]
pub(super) struct Status {
    pub(super) id: String,
    pub(super) vertex: String,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) total: u64,
    pub(super) current: u64,
    pub(super) timestamp: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) started: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) completed: Option<Time>,
}

/// Text about a piece of work.
#[derive(Debug, Serialize)]
pub(super) struct Log {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vertex: Option<String>,
    pub(super) stream: u32,
    pub(super) data: Bytes,
    pub(super) timestamp: Time,
}

/// Something that the user should look at.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Warning {
    #[serde(skip_serializing_if = "Option::is_none")]
    vertex: Option<String>,
    level: u32,
    short: Bytes,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    detail: Vec<Bytes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(rename = "sourceInfo", skip_serializing_if = "Option::is_none")]
    source: Option<SourceInfo>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    range: Vec<Range>,
}

/// BuildKit's `pb.SourceInfo`.
#[derive(Debug, Clone, Serialize)]
struct SourceInfo {
    filename: String,
    data: Bytes,
    language: &'static str,
}

/// BuildKit's `pb.Range`.
#[derive(Debug, Clone, Serialize)]
struct Range {
    start: Position,
    end: Position,
}

/// Lines count from 1, characters from 0.
#[derive(Debug, Clone, Serialize)]
struct Position {
    line: u32,
    #[serde(skip_serializing_if = "is_zero_u32")]
    character: u32,
}

/// Bytes as Go writes them.
#[derive(Debug, Clone)]
pub(super) struct Bytes(pub(super) Vec<u8>);

/// A moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Time(pub(super) SystemTime);

impl SolveStatus {
    pub(super) fn of_vertex(vertex: Vertex) -> Self {
        Self {
            vertexes: vec![vertex],
            ..Self::default()
        }
    }

    pub(super) fn of_warnings(warnings: Vec<Warning>) -> Self {
        Self {
            warnings,
            ..Self::default()
        }
    }

    /// A line of JSON; empty if there is nothing to tell.
    pub(super) fn line(&self) -> String {
        let is_empty = self.vertexes.is_empty()
            && self.statuses.is_empty()
            && self.logs.is_empty()
            && self.warnings.is_empty();
        match is_empty {
            true => String::new(),
            false => serde_json::to_string(self).expect("texts and numbers are JSON") + "\n",
        }
    }
}

impl Warning {
    pub(super) fn new(vertex: Option<String>, short: &str, detail: Vec<String>) -> Self {
        let detail = detail.into_iter().map(|line| Bytes(line.into_bytes()));
        Self {
            vertex,
            level: 1,
            short: Bytes(short.as_bytes().to_vec()),
            detail: detail.collect(),
            url: None,
            source: None,
            range: Vec::new(),
        }
    }
}

/// A warning of a check, in BuildKit's words: `RULE: MESSAGE (line N)`, what the rule is about, and
/// what helps.
pub(crate) fn warning_of(
    vertex: Option<String>,
    diagnostic: &Diagnostic,
    source: &Source,
) -> Warning {
    let rule = diagnostic.rule;
    let mut short = match rule {
        Some(rule) => format!("{}: {}", rule.name(), diagnostic.message),
        None => diagnostic.message.clone(),
    };
    let span = diagnostic.span;
    if let Some(span) = span {
        short.push_str(&format!(" (line {})", source.position(span.start).line));
    }
    let about = rule.map(|rule| rule.description().to_owned());
    let place = |offset: usize| {
        let position = source.position(offset);
        Position {
            line: position.line,
            character: position.column.saturating_sub(1),
        }
    };
    let range = span.map(|span| Range {
        start: place(span.start),
        end: place(span.end),
    });
    Warning {
        url: rule.and_then(Rule::url),
        source: span.map(|_| SourceInfo {
            filename: source.name().to_owned(),
            data: Bytes(source.bytes().to_vec()),
            language: "Dockerfile",
        }),
        range: range.into_iter().collect(),
        ..Warning::new(
            vertex,
            &short,
            about.into_iter().chain(diagnostic.help.clone()).collect(),
        )
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = base64::engine::general_purpose::STANDARD.encode(&self.0);
        serializer.serialize_str(&text)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A clock that is before 1970 is wrong, and which time it shows tells nothing.
        let since = self.0.duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        serializer.serialize_str(&format_rfc3339(seconds, since.subsec_nanos()))
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn is_zero_u32(number: &u32) -> bool {
    *number == 0
}
