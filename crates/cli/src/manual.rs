//! Manual pages: what `--help` says, as man(7) has it.

use std::io;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::arguments::command_line;

/// One page.
#[derive(Debug)]
pub(crate) struct Page {
    /// What `man` calls it: `crossdock` or `crossdock-build`.
    pub(crate) name: String,
    /// Its source.
    pub(crate) text: Vec<u8>,
}

/// The section of commands.
const SECTION: &str = "1";

/// All pages: the first is of the program, the others of its commands.
pub(crate) fn pages() -> io::Result<Vec<Page>> {
    let mut command = command_line().disable_help_subcommand(true);
    command.build();
    let commands = command.get_subcommands();
    let commands: Vec<&Command> = commands.filter(|command| !command.is_hide_set()).collect();
    let names: Vec<&str> = commands.iter().map(|command| command.get_name()).collect();
    let mut pages = vec![page(&command, &names)?];
    for command in commands {
        pages.push(page(command, &[])?);
    }
    Ok(pages)
}

fn page(command: &Command, commands: &[&str]) -> io::Result<Page> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let man = Man::new(command.clone())
        .title(name)
        .section(SECTION)
        .source(format!("crossdock {}", env!("CARGO_PKG_VERSION")))
        .manual("crossdock");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    man.render_options_section(&mut text)?;
    let after = command.get_after_long_help().or(command.get_after_help());
    let mut end = Roff::new();
    if let Some(after) = after {
        sections(&mut end, &after.to_string());
    }
    see_also(&mut end, commands);
    end.to_writer(&mut text)?;
    Ok(Page {
        name: name.to_owned(),
        text,
    })
}

/// What stands behind the options: a paragraph whose first line ends with a colon is a section,
/// and lines that begin with blanks stay as they are.
fn sections(roff: &mut Roff, text: &str) {
    let mut is_first = true;
    for paragraph in text.split("\n\n") {
        let mut lines = paragraph.trim_end().lines().peekable();
        let heading = lines.next_if(|line| {
            let is_heading = line.ends_with(':') && !line.starts_with(' ');
            is_heading && line.len() <= 40
        });
        if let Some(heading) = heading {
            let heading = heading.trim_end_matches(':').to_uppercase();
            roff.control("SH", [&*heading]);
        } else if is_first {
            roff.control("SH", ["NOTES"]);
        } else {
            roff.control("PP", []);
        }
        is_first = false;
        let mut is_literal = false;
        for line in lines {
            if line.starts_with(' ') != is_literal {
                is_literal = !is_literal;
                roff.control(if is_literal { "nf" } else { "fi" }, []);
            }
            roff.text([roman(line)]);
        }
        if is_literal {
            roff.control("fi", []);
        }
    }
}

fn see_also(roff: &mut Roff, commands: &[&str]) {
    roff.control("SH", ["SEE ALSO"]);
    let mut names: Vec<String> = commands
        .iter()
        .map(|name| format!("crossdock-{name}({SECTION})"))
        .collect();
    if names.is_empty() {
        names.push(format!("crossdock({SECTION})"));
    }
    roff.text([roman(names.join(", "))]);
}

#[cfg(test)]
mod tests;
