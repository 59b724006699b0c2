//! The help of the whole program: its commands by what they are for.

use std::ffi::OsString;
use std::fmt::Write as _;

use clap::{Command, CommandFactory as _, FromArgMatches as _};

use super::Arguments;

/// Commands under each heading, in the order in which they are shown.
const TOPICS: &[(&str, &[&str])] = &[
    ("Build", &["build"]),
    (
        "Look inside an image",
        &[
            "ls", "tree", "find", "cat", "cp", "stat", "du", "diff", "check", "history", "inspect",
        ],
    ),
    (
        "Images of the store",
        &["images", "tag", "rmi", "load", "save"],
    ),
    ("Registries", &["pull", "push", "login", "logout"]),
    ("Housekeeping", &["prune", "completion", "man", "help"]),
];

const EXAMPLES: &str = "\
Examples:
  crossdock build -t app:1.0 --platform linux/amd64,windows/amd64 .
  crossdock ls -l registry.example.com/winapp 'C:\\Windows'
  crossdock cp -L debian:12:/etc/os-release .";

/// The command line, with a help that shows commands by topic.
pub(crate) fn command_line() -> Command {
    let command = Arguments::command();
    let after = command.get_after_help().map(ToString::to_string);
    let after = format!("{EXAMPLES}\n\n{}", after.unwrap_or_default());
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{}\
         Options:\n{{options}}{{after-help}}",
        topics(&command)
    );
    command.help_template(template).after_help(after)
}

/// Reads a command line; one that cannot be read ends the process with an explanation.
pub(crate) fn read(line: impl IntoIterator<Item = OsString>) -> Arguments {
    let mut command = command_line();
    let matches = command
        .try_get_matches_from_mut(line)
        .unwrap_or_else(|error| error.exit());
    Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.format(&mut command).exit())
}

/// The list of commands.
fn topics(command: &Command) -> String {
    let header = command.get_styles().get_header();
    let literal = command.get_styles().get_literal();
    let about = |name: &str| match name {
        "help" => Some("Print the help of a command".to_owned()),
        name => {
            let command = command.find_subcommand(name)?;
            // Braces would be read as tags of the template.
            command
                .get_about()
                .map(|about| about.to_string().replace(['{', '}'], ""))
        }
    };
    let mut text = String::new();
    for (topic, names) in TOPICS {
        let _ = writeln!(text, "{header}{topic}:{header:#}");
        for name in *names {
            if let Some(about) = about(name) {
                let _ = writeln!(text, "  {literal}{name:<10}{literal:#}  {about}");
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_topic_and_teaches() {
        let listed: Vec<&str> = TOPICS
            .iter()
            .flat_map(|(_, names)| *names)
            .copied()
            .collect();
        let command = command_line();
        for command in command
            .get_subcommands()
            .filter(|command| !command.is_hide_set())
        {
            let name = command.get_name();
            let times = listed.iter().filter(|listed| **listed == name).count();
            assert_eq!(times, 1, "{name}: is to be in TOPICS once");
            let about = command.get_about().unwrap().to_string();
            assert!(
                about.len() <= 86 && !about.ends_with('.'),
                "{name}: {about}"
            );
            let after = command.get_after_help().unwrap().to_string();
            assert!(
                after.contains("Example") && after.contains("  crossdock "),
                "{name}"
            );
        }
        for name in listed {
            let is_known = name == "help" || command.find_subcommand(name).is_some();
            assert!(is_known, "{name}: there is no such command");
        }
    }

    #[test]
    fn help_of_the_program() {
        let help = command_line().render_long_help().to_string();
        for wanted in [
            "\nBuild:\n  build  ",
            "\nRegistries:\n",
            "Options:\n",
            "Examples:\n",
        ] {
            assert!(help.contains(wanted), "{wanted:?}\n{help}");
        }
        // clap's own list of commands would be a second one.
        assert!(!help.contains("Commands:"), "{help}");
    }
}
