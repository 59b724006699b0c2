//! Platforms: operating system, architecture, variant, version.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::config::null_default;

/// The platform of an image (image-spec image-index.md, `platform`; config.md).
///
/// Text forms are containerd's: `windows/amd64`, `linux/arm/v7`, `windows(10.0.20348.1)/amd64`,
/// `windows(10.0.17763+win32k)/amd64`. [`FromStr`] normalises architectures and variants
/// (`x86_64` is `amd64`, `arm64/v8` is `arm64`, `arm` is `arm/v7`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Platform {
    /// `amd64`, `arm64`, …, GOARCH names.
    #[serde(default, deserialize_with = "null_default")]
    pub architecture: String,
    /// `linux` or `windows`; others are read but not built for.
    #[serde(default, deserialize_with = "null_default")]
    pub os: String,
    /// `10.0.<build>.<revision>` for Windows; empty when there is none.
    #[serde(
        default,
        rename = "os.version",
        skip_serializing_if = "String::is_empty",
        deserialize_with = "null_default"
    )]
    pub os_version: String,
    /// `win32k` and the like.
    #[serde(
        default,
        rename = "os.features",
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "null_default"
    )]
    pub os_features: Vec<String>,
    /// `v7`, `v8`, …; empty when there is none.
    #[serde(
        default,
        skip_serializing_if = "String::is_empty",
        deserialize_with = "null_default"
    )]
    pub variant: String,
}

/// Text that is not a platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("platform {text:?}: {reason}; write it like linux/amd64 or windows(10.0.20348)/amd64")]
pub struct PlatformError {
    /// The text as it was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// A version such as `10.0.20348.2340`, compared number by number.
///
/// The reference matcher compares versions as strings, which puts 10.0.9 above 10.0.10; this does
/// not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OsVersion(Vec<u64>);

impl OsVersion {
    /// Reads the dotted numbers of `text`; `None` if a part is not a number.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
        text.split('.')
            .map(|part| Some(part).filter(digits)?.parse().ok())
            .collect::<Option<_>>()
            .map(Self)
    }

    /// The third number, Windows' build, if there is one.
    pub fn build(&self) -> Option<u64> {
        self.0.get(2).copied()
    }

    /// The first two numbers, as many as there are.
    pub(crate) fn major_minor(&self) -> &[u64] {
        &self.0[..self.0.len().min(2)]
    }

    /// Whether the numbers of `prefix` are the first of this version.
    pub(crate) fn starts_with(&self, prefix: &Self) -> bool {
        self.0.starts_with(&prefix.0)
    }
}

impl PartialOrd for OsVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for OsVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl Platform {
    /// The platform of `os` and `architecture` without variant or version.
    pub fn new(os: &str, architecture: &str) -> Self {
        Self {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            variant: String::new(),
            os_version: String::new(),
            os_features: Vec::new(),
        }
    }

    /// The same platform in the spelling that [`FromStr`] gives: documents of old tools write
    /// `x86_64`, or `arm64` with the variant `v8`.
    pub fn normalised(self) -> Self {
        let (architecture, variant) = normalise(&self.architecture, &self.variant);
        Self {
            os: normalise_os(&self.os),
            architecture,
            variant,
            ..self
        }
    }

    /// Reads a platform as `--platform` takes it: as [`FromStr`] does, or a system or architecture
    /// alone, whose other half is that of `default`, or `local` for `default` itself (containerd's
    /// `platforms.Parse`, and buildx).
    pub fn parse_specifier(text: &str, default: &Self) -> Result<Self, PlatformError> {
        let text = text.trim();
        if text.contains('/') {
            return text.parse();
        }
        if text.eq_ignore_ascii_case("local") {
            return Ok(default.clone());
        }
        // A whole platform, so that version and features are read in one place.
        let whole = format!("{text}/{}", default.architecture);
        let of_system = whole.parse::<Self>().map_err(|error| PlatformError {
            text: text.to_owned(),
            ..error
        })?;
        if SYSTEMS.contains(&of_system.os.as_str()) {
            return Ok(Self {
                variant: default.variant.clone(),
                ..of_system
            });
        }
        let (architecture, variant) = normalise(text, "");
        match ARCHITECTURES.contains(&architecture.as_str()) {
            true => Ok(Self {
                architecture,
                variant,
                ..Self::new(&default.os, "")
            }),
            false => Err(PlatformError {
                text: text.to_owned(),
                reason: "this is neither an operating system nor an architecture",
            }),
        }
    }

    /// Whether this is a Windows platform.
    pub fn is_windows(&self) -> bool {
        self.os == "windows"
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.os)?;
        if !self.os_version.is_empty() || !self.os_features.is_empty() {
            write!(f, "({}", self.os_version)?;
            for feature in &self.os_features {
                write!(f, "+{feature}")?;
            }
            f.write_str(")")?;
        }
        write!(f, "/{}", self.architecture)?;
        if !self.variant.is_empty() {
            write!(f, "/{}", self.variant)?;
        }
        Ok(())
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let error = |reason| PlatformError {
            text: text.to_owned(),
            reason,
        };
        let valid = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        };
        let mut parts = text.trim().split('/');
        let system = parts.next().unwrap_or_default();
        let architecture = parts.next().unwrap_or_default();
        let variant = parts.next();
        if parts.next().is_some() {
            return Err(error("too many parts"));
        }
        let (os, version) = match system.split_once('(') {
            None => (system, ""),
            Some((os, rest)) => (
                os,
                rest.strip_suffix(')')
                    .ok_or_else(|| error("missing closing parenthesis"))?,
            ),
        };
        if !valid(os) {
            return Err(error(
                "the operating system is missing or has an invalid character",
            ));
        }
        let mut version_parts = version.split('+');
        let os_version = version_parts.next().unwrap_or_default().to_owned();
        if !os_version.is_empty() && OsVersion::parse(&os_version).is_none() {
            return Err(error("the version is not numbers separated by dots"));
        }
        let os_features: Vec<String> = version_parts.map(str::to_owned).collect();
        if os_features.iter().any(|feature| !valid(feature)) {
            return Err(error("a feature is empty or has an invalid character"));
        }
        if !valid(architecture) {
            return Err(error(
                "the architecture is missing or has an invalid character",
            ));
        }
        if variant.is_some_and(|variant| !valid(variant)) {
            return Err(error("the variant is empty or has an invalid character"));
        }
        let os = normalise_os(os);
        let (architecture, variant) = normalise(architecture, variant.unwrap_or_default());
        Ok(Self {
            os,
            architecture,
            variant,
            os_version,
            os_features,
        })
    }
}

/// The systems and architectures that may stand alone: Go's (go/build/syslist.go), as in
/// containerd's platforms/database.go.
const SYSTEMS: [&str; 17] = [
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "linux",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "windows",
    "zos",
];
const ARCHITECTURES: [&str; 23] = [
    "386",
    "amd64",
    "amd64p32",
    "arm",
    "arm64",
    "arm64be",
    "armbe",
    "loong64",
    "mips",
    "mips64",
    "mips64le",
    "mips64p32",
    "mips64p32le",
    "mipsle",
    "ppc",
    "ppc64",
    "ppc64le",
    "riscv",
    "riscv64",
    "s390",
    "s390x",
    "sparc",
    "sparc64",
];

fn normalise_os(os: &str) -> String {
    match os.to_ascii_lowercase().as_str() {
        "macos" => "darwin".to_owned(),
        os => os.to_owned(),
    }
}

/// containerd's normalisation of architecture and variant (platforms/database.go).
fn normalise(architecture: &str, variant: &str) -> (String, String) {
    let (architecture, variant) = (
        architecture.to_ascii_lowercase(),
        variant.to_ascii_lowercase(),
    );
    let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
        ("i386", _) => ("386", ""),
        ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64", ""),
        ("x86_64" | "x86-64", variant) => ("amd64", variant),
        ("aarch64" | "arm64", "8" | "v8" | "v8.0") => ("arm64", ""),
        ("aarch64" | "arm64", "9" | "9.0" | "v9.0") => ("arm64", "v9"),
        ("aarch64", variant) => ("arm64", variant),
        ("armhf", _) => ("arm", "v7"),
        ("armel", _) => ("arm", "v6"),
        ("arm", "" | "7") => ("arm", "v7"),
        ("arm", "5") => ("arm", "v5"),
        ("arm", "6") => ("arm", "v6"),
        ("arm", "8") => ("arm", "v8"),
        (architecture, variant) => (architecture, variant),
    };
    (architecture.to_owned(), variant.to_owned())
}

#[cfg(test)]
mod tests;
