//! `crossdock tag`.

use clap::Args;

/// Give an image of the store another name
///
/// A name that another image has is taken from it; that image stays until crossdock prune.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crossdock tag app registry.example.com/team/app:1.0 registry.example.com/team/app:latest
  One image of an index, by the digest that crossdock images -a shows:
    crossdock tag 8f3ab2c41d07 app:windows

Exit codes:
  0 done   1 there is no such image, or a name is none   2 the command line   4 the machine failed")]
pub(crate) struct Tag {
    /// Image of the store: a name, or a digest or its first digits
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,

    /// New names, with a tag or without (then it is latest)
    #[arg(value_name = "NAME", required = true)]
    pub(crate) names: Vec<String>,
}
