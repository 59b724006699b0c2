//! Dockerfile syntax: parsing with places, expansion, ignore files, and lowering to the graph.
//!
//! Pure: it reads no file, no environment and no clock. [`Dockerfile::parse`] turns bytes into
//! typed instructions, [`lower`] turns those into operations, asking for the configs of base
//! images instead of fetching them. This is the only crate that knows Dockerfile syntax.

mod arguments;
mod call;
mod csv;
mod diagnostic;
mod directive;
mod duration;
mod environment;
mod expand;
mod flags;
mod go_match;
mod heredoc;
mod ignore;
mod image_path;
mod instruction;
mod json;
mod logical;
mod lower;
mod parse_error;
mod parser;
mod rule;
mod run_flags;
mod shell_pattern;
mod span;
mod suggest;
mod words;

pub use call::{
    CheckReport, Lines, Outline, OutlineArgument, OutlineGiven, Target, Targets, targets,
};
pub use csv::fields as csv_fields;
pub use diagnostic::{Diagnostic, Severity};
pub use directive::{Check, Directives, Escape};
pub use environment::Environment;
pub use expand::{ExpandError, Expander, Expansion};
pub use go_match::{BadPattern, GoPattern, match_path};
pub use heredoc::Heredoc;
pub use ignore::{IgnoreError, IgnorePatterns, IgnoreState};
pub use image_path::{PathError, PathRules, ResolvedPath};
pub use instruction::{
    Add, ArgDefinition, CommandLine, Copy, Device, Flag, From, Healthcheck, Instruction,
    InstructionKind, KeyValue, MountFields, Network, Onbuild, Run, Security, Transfer,
    TransferSource,
};
pub use logical::Word;
pub use lower::{
    BaseConfig, BaseRequest, LowerError, LowerReason, Lowering, NamedContext, Options, Plan,
    check_file, lower, outline, source_date_epoch,
};
pub use parse_error::{ParseError, ParseReason};
pub use parser::{Dockerfile, Line, LineRole};
pub use rule::Rule;
pub use run_flags::MountError;
pub use span::{Position, Source, Span};
