//! `crossdock check`.

use clap::Args;
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser as _;
use crossdock_build::{AuditLevel, AuditRule};

use crate::image::{IMAGES, ImageOptions};
use crate::out::FormatOption;

/// Audit images: what importers and runtimes would refuse, lose or not find
///
/// Reads every blob to see whether its digest holds, and looks at the entries of all layers, at
/// links, registry hives, and what programs need. docs/audit.md explains the rules; --rules lists
/// them.
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  crossdock check debian:12
  crossdock check --level error --platform windows/amd64 registry.example.com/app:1.0
  crossdock check --pull registry.example.com/app:1.0      the registry's blobs, not the store's
  crossdock check --only MissingLibrary,MissingInterpreter -v oci-layout://out
  crossdock check --for windows debian:12                  could Windows hold its names?
  crossdock check --format json app | jq 'select(.level == \"error\")'

Exit codes: 0 without errors, 1 with errors (--strict: or warnings); others as of build

{IMAGES}"))]
pub(crate) struct Check {
    /// Images
    #[arg(value_name = "IMAGE", required_unless_present = "rules")]
    pub(crate) images: Vec<String>,

    /// Leave out what is less bad
    #[arg(long, value_name = "LEVEL", default_value = "note", value_parser = level_parser())]
    pub(crate) level: AuditLevel,

    /// Leave these rules out
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = parse_rule)]
    pub(crate) skip: Vec<AuditRule>,

    /// Look at these rules only
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = parse_rule)]
    pub(crate) only: Vec<AuditRule>,

    /// Warnings count as errors
    #[arg(long)]
    pub(crate) strict: bool,

    /// Look into the programs of the lowest layer of a Windows image too
    #[arg(long)]
    pub(crate) all: bool,

    /// Do not read blobs to see whether their digests hold
    #[arg(long)]
    pub(crate) no_blobs: bool,

    /// Also say what another system could not hold of a Linux image
    #[arg(long = "for", value_name = "SYSTEM", value_parser = ["windows"])]
    pub(crate) for_system: Option<String>,

    /// List all findings, not only the first ten of each rule
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// List the rules and end
    #[arg(long)]
    pub(crate) rules: bool,

    #[command(flatten)]
    pub(crate) format: FormatOption,

    #[command(flatten)]
    pub(crate) options: ImageOptions,
}

const LEVELS: [AuditLevel; 3] = [AuditLevel::Error, AuditLevel::Warning, AuditLevel::Note];

fn level_parser() -> impl clap::builder::TypedValueParser<Value = AuditLevel> {
    PossibleValuesParser::new(LEVELS.map(AuditLevel::name)).map(|name| {
        let level = LEVELS.into_iter().find(|level| level.name() == name);
        level.unwrap_or(AuditLevel::Note)
    })
}

/// Reads the name of a rule, in any case.
fn parse_rule(text: &str) -> Result<AuditRule, String> {
    let rules = AuditRule::ALL.iter();
    let mut found = rules.filter(|rule| rule.name().eq_ignore_ascii_case(text));
    let rule = found.next().copied();
    rule.ok_or_else(|| "no such rule; crossdock check --rules lists them".to_owned())
}
