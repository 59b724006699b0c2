//! Options of docker that need what is not there: refused with what to do, unless they are off.

use clap::Args;

use crate::failure::Failure;

/// The options. They are not shown in the help: what it lists works.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ForDocker {
    #[arg(long, hide = true)]
    load: bool,
    #[arg(long, hide = true, value_name = "CACHE")]
    cache_from: Vec<String>,
    #[arg(long, hide = true, value_name = "CACHE")]
    cache_to: Vec<String>,
    #[arg(long = "secret", hide = true, value_name = "SECRET")]
    secrets: Vec<String>,
    #[arg(long, hide = true, value_name = "AGENT")]
    ssh: Vec<String>,
    #[arg(long = "attest", hide = true, value_name = "ATTESTATION")]
    attestations: Vec<String>,
    #[arg(long, hide = true, value_name = "MODE")]
    provenance: Option<String>,
    #[arg(long, hide = true, value_name = "MODE")]
    sbom: Option<String>,
}

impl ForDocker {
    /// Refuses what is not off.
    pub(crate) fn refuse(&self) -> Result<(), Failure> {
        if self.load {
            return Err(Failure::input(
                "--load: there is no daemon that an image could be loaded into; write -o \
                 type=docker,dest=- and pipe it into docker load, or leave --load out: then the \
                 image is in crossdock's store",
            ));
        }
        let caches = [
            ("--cache-from", &self.cache_from),
            ("--cache-to", &self.cache_to),
        ];
        for (name, values) in caches {
            if let Some(value) = values.first() {
                return Err(Failure::input(format!(
                    "{name} {value}: caches elsewhere are not supported yet; leave it out: results \
                     of earlier builds are in crossdock's store and are used"
                )));
            }
        }
        for (name, values) in [("--secret", &self.secrets), ("--ssh", &self.ssh)] {
            if let Some(value) = values.first() {
                return Err(Failure::input(format!(
                    "{name} {value}: that is for RUN, which is not supported yet; leave it out"
                )));
            }
        }
        let shown = |name: &'static str| move |value: &String| (name, value.clone());
        let attestations = self.attestations.iter().map(shown("--attest"));
        let attestations = attestations
            .chain(self.provenance.iter().map(shown("--provenance")))
            .chain(self.sbom.iter().map(shown("--sbom")));
        for (name, value) in attestations {
            if !is_off(&value) {
                return Err(Failure::input(format!(
                    "{name} {value}: attestations are not supported yet; leave it out"
                )));
            }
        }
        Ok(())
    }
}

/// Whether an attestation is switched off: `false`, `none`, or `disabled=true` among other fields.
fn is_off(text: &str) -> bool {
    let disabled = |field: &str| {
        let value = field.strip_prefix("disabled=");
        value.is_some_and(|value| parse_bool(value) == Some(true))
    };
    text.is_empty()
        || text.eq_ignore_ascii_case("none")
        || parse_bool(text) == Some(false)
        || text.split(',').any(disabled)
}

/// A truth value as Go's `strconv.ParseBool` reads it.
pub(super) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}
