//! How a command fails: what is printed, and the exit code.

use std::fmt;
use std::process::ExitCode;

use crossdock_build::{BuildError, ErrorClass};
use crossdock_dockerfile::{Diagnostic, Source};

use crate::progress::{print, visible_lines};

/// A command that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    text: String,
    /// None where it is nobody's fault.
    class: Option<ErrorClass>,
}

impl Failure {
    /// Something that the user asked for cannot be.
    pub(crate) fn input(text: impl fmt::Display) -> Self {
        Self {
            text: format!("error: {text}\n"),
            class: Some(ErrorClass::Input),
        }
    }

    /// The machine failed.
    pub(crate) fn system(text: impl fmt::Display) -> Self {
        Self {
            text: format!("error: {text}\n"),
            class: Some(ErrorClass::System),
        }
    }

    /// What was asked for was told, and is not as it should be.
    pub(crate) fn told() -> Self {
        Self {
            text: String::new(),
            class: Some(ErrorClass::Input),
        }
    }

    /// What is printed.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// A message with a place in a Dockerfile.
    pub(crate) fn diagnostic(diagnostic: &Diagnostic, source: &Source) -> Self {
        Self {
            text: diagnostic.render(source),
            class: Some(ErrorClass::Input),
        }
    }

    /// A build that failed.
    pub(crate) fn build(error: &BuildError, source: &Source) -> Self {
        match error {
            BuildError::Lower(error) => Self::diagnostic(&error.diagnostic(), source),
            error => Self::image(error),
        }
    }

    /// Something else with an image that failed.
    pub(crate) fn image(error: &BuildError) -> Self {
        Self::of(error, error.class())
    }

    /// An error of a known class.
    pub(crate) fn of(error: &dyn fmt::Display, class: ErrorClass) -> Self {
        Self {
            text: format!("error: {error}\n"),
            class: Some(class),
        }
    }

    /// Whoever read the answer went away and wants no more of it.
    pub(crate) fn nobody_reads() -> Self {
        Self {
            text: String::new(),
            class: None,
        }
    }

    /// Whether there is nobody left to tell anything.
    pub(crate) fn is_quiet(&self) -> bool {
        self.class.is_none()
    }

    /// Another failure of the same command behind this one, whose exit code counts.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            text: self.text + &other.text,
            class: self.class.or(other.class),
        }
    }

    /// Prints the message and gives the exit code: 1 for what was asked for, 3 for damaged or
    /// hostile images, 4 for the machine or the network, 5 for `--strict`. 2 is clap's, for the
    /// command line; 130 and 143 are for what interrupted the process. README.md and the help
    /// list them.
    pub(crate) fn report(&self) -> ExitCode {
        print(&visible_lines(&self.text));
        ExitCode::from(match self.class {
            None => 0,
            Some(ErrorClass::Input) => 1,
            Some(ErrorClass::Integrity) => 3,
            Some(ErrorClass::System) => 4,
            Some(ErrorClass::Strict) => 5,
        })
    }
}
