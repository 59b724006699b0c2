//! Standard output: what a command answers.

use std::io::{self, BufWriter, IsTerminal as _, Write};

use clap::ValueEnum;
use crossdock_host::TerminalStream;
use serde::Serialize;

use crate::colours::has_colours;
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
    /// Only text can be written.
    text: Option<Text>,
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
            colours: has_colours(TerminalStream::Output),
            text: TerminalStream::Output.is_text_only().then(Text::default),
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

    /// Writes bytes as they are; where only text can be written, with replacement characters for
    /// what is none.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match &mut self.text {
            None => self.inner.write_all(bytes),
            Some(text) => self.inner.write_all(text.take(bytes).as_bytes()),
        }
        .map_err(failed)
    }

    /// Writes an object as one line of JSON.
    pub(crate) fn json(&mut self, object: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(object).map_err(|error| failed(error.into()))?;
        self.line(&text)
    }

    /// Writes what is still gathered.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        if let Some(text) = &mut self.text {
            let rest = text.end();
            self.inner.write_all(rest.as_bytes()).map_err(failed)?;
        }
        self.inner.flush().map_err(failed)
    }
}

/// Writes a line as all of an answer.
pub(crate) fn answer(text: &str) -> Result<(), Failure> {
    let mut out = Out::new();
    out.line(text)?;
    out.finish()
}

/// Bytes that become text piece by piece.
#[derive(Debug, Default)]
struct Text {
    /// The beginning of a character whose end may be in the next piece.
    held: Vec<u8>,
}

impl Text {
    /// The text of the next bytes.
    fn take(&mut self, bytes: &[u8]) -> String {
        self.held.extend_from_slice(bytes);
        let length = match self.held.utf8_chunks().last() {
            Some(last) if is_beginning(last.invalid()) => self.held.len() - last.invalid().len(),
            _ => self.held.len(),
        };
        let rest = self.held.split_off(length);
        let text = String::from_utf8_lossy(&self.held).into_owned();
        self.held = rest;
        text
    }

    /// What is left, which is no character.
    fn end(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.held)).into_owned()
    }
}

/// Whether bytes are a character but for its end.
fn is_beginning(bytes: &[u8]) -> bool {
    let error = std::str::from_utf8(bytes).err();
    error.is_some_and(|error| error.error_len().is_none())
}

fn failed(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::nobody_reads(),
        _ => Failure::system(format!("standard output: {error}")),
    }
}

#[cfg(test)]
mod tests;
