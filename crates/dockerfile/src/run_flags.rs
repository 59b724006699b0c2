//! Flags of `RUN`: `--mount`, `--network`, `--security`, `--device`.
//!
//! Mounts are read when their variables are known (BuildKit,
//! frontend/dockerfile/instructions/commands_runmount.go).

use crate::csv;
use crate::flags::Flags;
use crate::instruction::{Device, MountFields, Network, Security};
use crate::logical::Word;
use crate::parse_error::{ParseError, ParseReason};
use crate::suggest::nearest;

/// A `--mount` whose variables are expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    pub(crate) kind: MountKind,
    pub(crate) from: String,
    pub(crate) source: String,
    pub(crate) target: String,
    pub(crate) id: String,
    pub(crate) required: bool,
    sharing: bool,
    /// `mode`, `uid` or `gid`, the last that was given.
    owned: Option<&'static str>,
}

/// What is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MountKind {
    Bind,
    Cache,
    Tmpfs,
    Secret,
    Ssh,
}

const KINDS: [(&str, MountKind); 5] = [
    ("bind", MountKind::Bind),
    ("cache", MountKind::Cache),
    ("tmpfs", MountKind::Tmpfs),
    ("secret", MountKind::Secret),
    ("ssh", MountKind::Ssh),
];

const KEYS: [&str; 19] = [
    "type",
    "from",
    "source",
    "src",
    "target",
    "dst",
    "destination",
    "readonly",
    "ro",
    "readwrite",
    "rw",
    "required",
    "size",
    "id",
    "sharing",
    "mode",
    "uid",
    "gid",
    "env",
];

/// A `--mount` that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MountError {
    /// A kind that does not exist.
    #[error("unsupported mount type {kind:?}")]
    Kind {
        /// The kind.
        kind: String,
        /// A similar one.
        suggestion: Option<&'static str>,
    },
    /// A key that does not exist.
    #[error("unexpected key {key:?} in {field:?}")]
    Key {
        /// The key.
        key: String,
        /// All of it.
        field: String,
        /// A similar key.
        suggestion: Option<&'static str>,
    },
    /// A key that this kind of mount does not have.
    #[error("a mount of type {kind} has no {key}")]
    KeyOfKind {
        /// The key.
        key: String,
        /// The kind.
        kind: &'static str,
    },
    /// A key without a value.
    #[error("{field:?} needs a value: {field}=…")]
    NoValue {
        /// The key.
        field: String,
    },
    /// A value that its key does not take.
    #[error("invalid value {value:?} for {key}")]
    Value {
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// A combination that means nothing.
    #[error("{0}")]
    Combination(&'static str),
}

impl MountError {
    pub(crate) fn help(&self) -> Option<String> {
        match self {
            Self::Kind { suggestion, .. } => Some(match suggestion {
                Some(suggestion) => format!("did you mean {suggestion}?"),
                None => "the types are bind, cache, tmpfs, secret and ssh".to_owned(),
            }),
            Self::Key { suggestion, .. } => Some(match suggestion {
                Some(suggestion) => format!("did you mean {suggestion}?"),
                None => format!("the keys are {}", KEYS.join(", ")),
            }),
            Self::Value { key, .. } => Some(
                match key.as_str() {
                    "sharing" => "write shared, private or locked",
                    "size" => "write a number of bytes, or for instance 64m",
                    "mode" => "write octal digits",
                    "uid" | "gid" => "write a number",
                    _ => "write true or false",
                }
                .to_owned(),
            ),
            _ => None,
        }
    }
}

impl MountKind {
    fn name(self) -> &'static str {
        let named = KINDS.iter().find(|(_, kind)| *kind == self);
        named.map_or("bind", |(name, _)| name)
    }
}

/// Reads the fields of all `--mount`s, nothing expanded.
pub(crate) fn mounts(flags: &Flags) -> Result<Vec<MountFields>, ParseError> {
    let mut mounts = Vec::new();
    for word in flags.values("mount")? {
        let fields = fields(&word)?;
        let from = fields.iter().filter_map(|field| field.split_once('='));
        let mut from = from.filter(|(key, _)| key.eq_ignore_ascii_case("from"));
        let expands = |text: &str| {
            let dollar = text.find('$');
            dollar.is_some_and(|at| at + 1 != text.len())
        };
        if from.any(|(_, value)| expands(value)) {
            return Err(ParseError {
                span: word.span,
                reason: ParseReason::MountFromExpansion,
            });
        }
        mounts.push(MountFields {
            fields,
            span: word.span,
        });
    }
    Ok(mounts)
}

pub(crate) fn network(flags: &Flags) -> Result<Network, ParseError> {
    let Some(word) = flags.given_value("network")? else {
        return Ok(Network::Default);
    };
    match word.text.as_str() {
        "default" => Ok(Network::Default),
        "none" => Ok(Network::None),
        "host" => Ok(Network::Host),
        _ => Err(not_one_of("network", word, "default, none or host")),
    }
}

pub(crate) fn security(flags: &Flags) -> Result<Security, ParseError> {
    let Some(word) = flags.given_value("security")? else {
        return Ok(Security::Sandbox);
    };
    match word.text.as_str() {
        "sandbox" => Ok(Security::Sandbox),
        "insecure" => Ok(Security::Insecure),
        _ => Err(not_one_of("security", word, "sandbox or insecure")),
    }
}

fn not_one_of(flag: &'static str, word: Word, expected: &'static str) -> ParseError {
    ParseError {
        span: word.span,
        reason: ParseReason::FlagValue {
            flag,
            value: word.text,
            expected,
        },
    }
}

/// Devices: `NAME[,required]` or `name=NAME,required=true`; a name may have `=` in it.
pub(crate) fn devices(flags: &Flags) -> Result<Vec<Device>, ParseError> {
    let mut devices = Vec::new();
    for word in flags.values("device")? {
        let invalid = |value: &str, expected| {
            not_one_of(
                "device",
                Word {
                    text: value.to_owned(),
                    span: word.span,
                },
                expected,
            )
        };
        let mut device = Device::default();
        for field in fields(&word)? {
            let (key, value) = match field.split_once('=') {
                Some((key, value)) => (key.to_lowercase(), Some(value)),
                None => (field.to_lowercase(), None),
            };
            match (key.as_str(), value) {
                ("required", None) => device.required = true,
                ("required", Some(value)) => {
                    device.required = parse_bool(value)
                        .ok_or_else(|| invalid(&field, "true or false after required="))?;
                }
                ("name", Some(value)) if device.name.is_empty() => {
                    value.clone_into(&mut device.name)
                }
                ("name", Some(_)) => return Err(invalid(&field, "one name")),
                _ if device.name.is_empty() => device.name.clone_from(&field),
                _ => return Err(invalid(&field, "a name, and required after a comma")),
            }
        }
        devices.push(device);
    }
    Ok(devices)
}

fn fields(word: &Word) -> Result<Vec<String>, ParseError> {
    csv::fields(&word.text).map_err(|reason| ParseError {
        span: word.span,
        reason: ParseReason::Csv {
            value: word.text.clone(),
            reason,
        },
    })
}

/// Go's `strconv.ParseBool`.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

impl Mount {
    /// Reads fields whose values are expanded already.
    pub(crate) fn parse(fields: &[String]) -> Result<Self, MountError> {
        let mut mount = Self {
            kind: MountKind::Bind,
            from: String::new(),
            source: String::new(),
            target: String::new(),
            id: String::new(),
            required: false,
            sharing: false,
            owned: None,
        };
        for field in fields {
            match field.split_once('=') {
                Some((key, value)) => mount.set(&key.to_lowercase(), value, field)?,
                None => mount.mark(&field.to_lowercase(), field)?,
            }
        }
        mount.checked()
    }

    /// A key without a value.
    fn mark(&mut self, key: &str, field: &str) -> Result<(), MountError> {
        match key {
            "readonly" | "ro" | "readwrite" | "rw" => Ok(()),
            "required" => {
                self.only(key, &[MountKind::Secret, MountKind::Ssh])?;
                self.required = true;
                Ok(())
            }
            _ => Err(MountError::NoValue {
                field: field.to_owned(),
            }),
        }
    }

    fn set(&mut self, key: &str, value: &str, field: &str) -> Result<(), MountError> {
        let invalid = || MountError::Value {
            key: key.to_owned(),
            value: value.to_owned(),
        };
        let number = |radix| {
            let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            let number = u32::from_str_radix(value, radix).ok();
            number.filter(|_| digits).map(|_| ()).ok_or_else(invalid)
        };
        match key {
            "type" => {
                let lowered = value.to_lowercase();
                let known = KINDS.iter().find(|(name, _)| *name == lowered);
                self.kind = known
                    .map(|(_, kind)| *kind)
                    .ok_or_else(|| MountError::Kind {
                        kind: value.to_owned(),
                        suggestion: nearest(value, KINDS.iter().map(|(name, _)| *name)),
                    })?;
            }
            "from" => value.clone_into(&mut self.from),
            "source" | "src" => value.clone_into(&mut self.source),
            "target" | "dst" | "destination" => value.clone_into(&mut self.target),
            "readonly" | "ro" | "readwrite" | "rw" => {
                parse_bool(value).ok_or_else(invalid)?;
            }
            "required" => {
                self.only(key, &[MountKind::Secret, MountKind::Ssh])?;
                self.required = parse_bool(value).ok_or_else(invalid)?;
            }
            "size" => {
                self.only(key, &[MountKind::Tmpfs])?;
                is_size(value).then_some(()).ok_or_else(invalid)?;
            }
            "id" => value.clone_into(&mut self.id),
            "sharing" => {
                let modes = ["shared", "private", "locked"];
                let known = modes.contains(&value.to_lowercase().as_str());
                known.then_some(()).ok_or_else(invalid)?;
                self.sharing = true;
            }
            "mode" => {
                number(8)?;
                self.owned = Some("mode");
            }
            "uid" => {
                number(10)?;
                self.owned = Some("uid");
            }
            "gid" => {
                number(10)?;
                self.owned = Some("gid");
            }
            "env" => {}
            _ => {
                return Err(MountError::Key {
                    key: key.to_owned(),
                    field: field.to_owned(),
                    suggestion: nearest(key, KEYS),
                });
            }
        }
        Ok(())
    }

    /// A key that only some kinds have; the kind stands before it.
    fn only(&self, key: &str, kinds: &[MountKind]) -> Result<(), MountError> {
        match kinds.contains(&self.kind) {
            true => Ok(()),
            false => Err(MountError::KeyOfKind {
                key: key.to_owned(),
                kind: self.kind.name(),
            }),
        }
    }

    fn checked(self) -> Result<Self, MountError> {
        let wrong = |what| Err(MountError::Combination(what));
        if let Some(key) = self.owned {
            self.only(key, &[MountKind::Secret, MountKind::Ssh, MountKind::Cache])?;
        }
        if self.kind == MountKind::Secret {
            if !self.from.is_empty() {
                return wrong("a secret has no from");
            }
            if self.source.is_empty() && self.target.is_empty() && self.id.is_empty() {
                return wrong("a secret needs an id, a source or a target");
            }
            if !self.source.is_empty() && !self.id.is_empty() {
                return wrong("a secret has an id or a source, not both");
            }
        }
        if self.sharing {
            self.only("sharing", &[MountKind::Cache])?;
        }
        if self.kind == MountKind::Ssh && !self.source.is_empty() {
            return wrong("an ssh mount has no source");
        }
        Ok(self)
    }
}

/// Whether docker reads `text` as a size: a number, and a unit such as `k`, `MB` or `GiB`.
fn is_size(text: &str) -> bool {
    let digits = |c: char| c.is_ascii_digit() || matches!(c, '.' | ' ');
    let end = text.rfind(digits).map_or(0, |at| at + 1);
    let (number, unit) = text.split_at(end);
    let number = number.strip_suffix(' ').unwrap_or(number);
    let number = number.parse::<f64>().is_ok_and(|number| number >= 0.0);
    let unit = unit.to_ascii_lowercase();
    let prefixes = ["k", "m", "g", "t", "p"];
    let is_unit = unit.is_empty()
        || unit == "b"
        || prefixes.iter().any(|prefix| {
            let rest = unit.strip_prefix(prefix);
            matches!(rest, Some("" | "b" | "ib"))
        });
    number && is_unit
}
