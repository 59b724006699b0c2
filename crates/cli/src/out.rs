//! Standard output: what a command answers.

use std::io::{self, BufWriter, IsTerminal as _, Write};

use clap::ValueEnum;
use serde::Serialize;

use crate::failure::Failure;

/// Bytes that are gathered before they are written.
const BUFFER: usize = 64 << 10;

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// Columns for people
    #[default]
    Table,
    /// JSON, an object on each line
    Json,
}

/// The option of every command that prints a table.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(crate) struct FormatOption {
    /// How the answer is written: columns, or a JSON object on each line
    #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    pub(crate) format: Format,
}

/// Standard output, buffered. A reader that goes away ends the command, and is no failure.
pub(crate) struct Out {
    inner: BufWriter<io::StdoutLock<'static>>,
    /// Columns of the terminal, if it is one.
    width: Option<usize>,
    colours: bool,
}

impl Out {
    /// Takes standard output.
    pub(crate) fn new() -> Self {
        let is_terminal = io::stdout().is_terminal();
        let width = || {
            let size = terminal_size::terminal_size_of(io::stdout());
            size.map_or(80, |(width, _)| usize::from(width.0)).max(20)
        };
        Self {
            inner: BufWriter::with_capacity(BUFFER, io::stdout().lock()),
            width: is_terminal.then(width),
            colours: is_terminal
                && !anstyle_query::no_color()
                && std::env::var_os("TERM").is_none_or(|name| name != "dumb")
                // Only Windows has to be asked, and old versions of it refuse.
                && anstyle_query::windows::enable_ansi_colors().unwrap_or(true),
        }
    }

    /// Columns of the terminal; `None` if it is none, and nothing need be cut.
    pub(crate) fn width(&self) -> Option<usize> {
        self.width
    }

    /// Whether colours may be used.
    pub(crate) fn has_colours(&self) -> bool {
        self.colours
    }

    /// Writes a line.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), Failure> {
        self.bytes(text.as_bytes())?;
        self.bytes(b"\n")
    }

    /// Writes bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.inner.write_all(bytes).map_err(failed)
    }

    /// Writes an object as one line of JSON.
    pub(crate) fn json(&mut self, object: &impl Serialize) -> Result<(), Failure> {
        serde_json::to_writer(&mut self.inner, object)
            .map_err(io::Error::from)
            .map_err(failed)?;
        self.bytes(b"\n")
    }

    /// Writes what is still gathered.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        self.inner.flush().map_err(failed)
    }
}

fn failed(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::nobody_reads(),
        _ => Failure::system(format!("standard output: {error}")),
    }
}
