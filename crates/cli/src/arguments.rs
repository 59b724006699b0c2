//! The command line.

mod build;
mod cat;
mod check;
mod completion;
mod cp;
mod diff;
mod du;
mod find;
mod for_docker;
mod history;
mod images;
mod inspect;
mod load;
mod login;
mod ls;
mod man;
mod prune;
mod rmi;
mod stat;
mod tag;
mod topics;
mod tree;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum as _};

pub(crate) use self::build::{Build, Call, CallMethod};
pub(crate) use self::cat::Cat;
pub(crate) use self::check::Check;
pub(crate) use self::completion::Completion;
pub(crate) use self::cp::Cp;
pub(crate) use self::diff::Diff;
pub(crate) use self::du::Du;
pub(crate) use self::find::{Find, with_options_first};
pub(crate) use self::history::ShowHistory;
pub(crate) use self::images::ListImages;
pub(crate) use self::inspect::Inspect;
pub(crate) use self::load::{ArchiveFormat, Load, Save};
pub(crate) use self::login::{Login, Logout};
pub(crate) use self::ls::Ls;
pub(crate) use self::man::ShowManual;
pub(crate) use self::prune::Prune;
pub(crate) use self::rmi::Rmi;
pub(crate) use self::stat::Stat;
pub(crate) use self::tag::Tag;
pub(crate) use self::topics::{command_line, read};
pub(crate) use self::tree::ShowTree;
use crate::failure::Failure;
use crate::progress::ProgressMode;
use crate::registry::RegistryOptions;

const EXIT_CODES: &str = "\
Exit codes:
    0  done
    1  what was asked for cannot be: Dockerfile, context, options; a registry refused
    2  the command line
    3  an image is damaged or hostile
    4  the machine or the network failed
    5  a loss under --strict
  130  interrupted by Ctrl-C (143 by SIGTERM)";

/// Builds container images across operating systems: Linux and Windows images from one
/// Dockerfile, without a daemon, privileges, or the other system.
#[derive(Debug, Parser)]
#[command(
    name = "crossdock",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = EXIT_CODES
)]
pub(crate) struct Arguments {
    /// Folder of the store [default: crossdock in the user's data folder]
    #[arg(
        long,
        global = true,
        env = "CROSSDOCK_ROOT",
        hide_env_values = true,
        value_name = "DIR"
    )]
    pub(crate) root: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Build(Box<Build>),
    Pull(Pull),
    Push(Push),
    Load(Load),
    Save(Save),
    Cat(Cat),
    Cp(Box<Cp>),
    Ls(Ls),
    Tree(ShowTree),
    Find(Find),
    Diff(Box<Diff>),
    Stat(Stat),
    Du(Du),
    Check(Check),
    Images(ListImages),
    Tag(Tag),
    Rmi(Rmi),
    History(ShowHistory),
    Inspect(Box<Inspect>),
    Login(Login),
    Logout(Logout),
    Prune(Prune),
    Completion(Completion),
    Man(ShowManual),
}

/// What commands that take a while show of it.
#[derive(Debug, Args)]
pub(crate) struct ShowOptions {
    /// How progress is shown
    #[arg(long, value_enum, default_value_t = ProgressMode::Auto, value_name = "MODE")]
    progress: ProgressMode,

    /// Print only the digest
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Variables that say how progress is shown unless the command line does; the first counts.
const PROGRESS_VARIABLES: [&str; 2] = ["CROSSDOCK_PROGRESS", "BUILDKIT_PROGRESS"];

impl ShowOptions {
    /// How progress is shown, by the command line or else by the environment.
    pub(crate) fn mode(&self) -> Result<ProgressMode, Failure> {
        if self.quiet {
            return Ok(ProgressMode::Quiet);
        }
        if self.progress != ProgressMode::Auto {
            return Ok(self.progress);
        }
        for name in PROGRESS_VARIABLES {
            let value = std::env::var(name).unwrap_or_default();
            if !value.is_empty() {
                return ProgressMode::from_str(&value, true).map_err(|_| {
                    let modes = ProgressMode::value_variants().iter();
                    let modes = modes.filter_map(|mode| mode.to_possible_value());
                    let modes: Vec<String> = modes.map(|mode| mode.get_name().to_owned()).collect();
                    let modes = modes.join(", ");
                    Failure::input(format!("{name}={value}: is none of {modes}"))
                });
            }
        }
        Ok(ProgressMode::Auto)
    }
}

/// Bring an image from a registry into the store
///
/// Builds and push find it there by its name. Its layers are indexed on the way.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crossdock pull debian:12
  crossdock pull --platform windows(10.0.20348)/amd64 registry.example.com/winbase

Exit codes: those of build (crossdock --help); 1 also when the registry refuses or does not
have the image, 4 when it is not reached")]
pub(crate) struct Pull {
    /// Image: a name, with a tag or a digest if wanted
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,

    /// Which image of an index [default: linux on this machine's architecture]
    #[arg(long, value_name = "PLATFORM", conflicts_with = "all_platforms")]
    pub(crate) platform: Option<String>,

    /// All images of an index, and the index itself
    #[arg(long)]
    pub(crate) all_platforms: bool,

    #[command(flatten)]
    pub(crate) show: ShowOptions,

    #[command(flatten)]
    pub(crate) registry: RegistryOptions,

    /// Most bytes that a layer may decompress to, such as 200GiB [default: 64GiB, and no more
    /// than 250 times its compressed size]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) max_layer_size: Option<u64>,
}

/// Send an image of the store to the registry that its name says
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  crossdock build -t registry.example.com/app:1.0 . && crossdock push registry.example.com/app:1.0

What the registry has is not sent again. Exit codes: as of pull")]
pub(crate) struct Push {
    /// Image: a name, with a tag if wanted
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,

    #[command(flatten)]
    pub(crate) show: ShowOptions,

    #[command(flatten)]
    pub(crate) registry: RegistryOptions,
}

/// Reads a size: bytes, or with a unit such as K, MB, GiB (all powers of 1,024).
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        unit => {
            return Err(format!(
                "unknown unit {unit:?}; write it like 500MiB or 64GiB"
            ));
        }
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "write it like 500MiB or 64GiB".to_owned())?;
    number
        .checked_mul(1 << shift)
        .ok_or_else(|| "the size is too large".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn command_line() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn sizes() {
        let check = |text: &str, expected: Option<u64>| {
            assert_eq!(parse_size(text).ok(), expected, "{text}");
        };
        check("5", Some(5));
        check("2k", Some(2048));
        check("1GiB", Some(1 << 30));
        check("3 MB", Some(3 << 20));
        check("", None);
        check("5x", None);
        check("99999999999T", None);
    }
}
